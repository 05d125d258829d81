/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_COMPARE_PRIVATE_H
#define PAGEWALK_ANALYSIS_COMPARE_PRIVATE_H

/*
 * A comparison in memory. compare.c reads it, compare_judge.c finds ratios, the best and what is
 * unlike, compare_print.c and
 * compare_rows.c write it.
 */

#include "analysis/compare.h"

#include <stdint.h>

struct compare_value {
	bool known, whole; /* not NULL; an integer */
	bool best;
	bool has_ratio;
	int64_t integer;
	double number, ratio;
};

struct compare_run {
	int64_t id, instructions; /* as of the last epoch */
	size_t place;             /* in the order asked for */
	char **facts;             /* NULL: it has none */
	struct compare_value *values;
};

/* The facts of each run that are text; settings in which the runs differ follow. */
enum compare_fact {
	FACT_MACHINE,
	FACT_LABEL,
	FACT_PAGE_TABLE,
	FACT_PROGRAM,
	FACT_TRACE,
	FACT_CUT_SHORT, /* why its figures are not whole; NULL: they are */
	FACT_SETTINGS
};

struct comparison {
	size_t run_count, fact_count, metric_count, note_count;
	struct compare_run *runs;
	char **fact_names;
	struct metric *metrics; /* the names of those of TLB levels are allocated */
	struct text *notes;
	size_t sorted_by; /* metric_count: as asked for */
	bool lines;       /* a line a run, however few there are */
	bool failed;      /* out of memory */
};

/* After reading and after each sorting. */
void comparison_judge(struct comparison *c);
void comparison_add_notes(struct comparison *c);
/* Not all runs have the same text, or some have none. */
bool comparison_fact_differs(const struct comparison *c, size_t fact);

/* TEXT, or with width 0 MARKDOWN. */
void compare_print_people(const struct comparison *c, size_t width, struct text *out);

#endif
