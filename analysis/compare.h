/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_COMPARE_H
#define PAGEWALK_ANALYSIS_COMPARE_H

/*
 * Runs side by side: the metrics of metrics.def and the misses of each TLB level.
 *
 *   comparison_open ─> [comparison_sort] ─> comparison_print, _note ─> comparison_close
 *
 * Ratios are to the run that comes first. The best of a metric is its lowest value, ties included,
 * among the runs whose figures are whole (neither cut short nor unmeasured); there is none where
 * all are equal or only one is whole.
 */

#include "analysis/error.h"
#include "analysis/text.h"

#include <stdbool.h>
#include <stddef.h>

struct comparison;

enum metric_better { BETTER_LOWER, BETTER_NEITHER };

enum metric_show {
	SHOW_KEY,    /* also where a run has only one line */
	SHOW_ALWAYS, /* side by side */
	SHOW_IF_ANY, /* side by side, where some run has more than 0 */
};

struct metric {
	const char *name, *unit, *doc;
	enum metric_better better;
	enum metric_show show;
};
extern const struct metric metrics[]; /* of metrics.def; ends with a NULL name */

/*
 * TEXT      a column a run, wrapped at the width given; from COMPARE_SIDE_BY_SIDE_MAX runs on a
 *           line a run with the key metrics that fit.
 * MARKDOWN  the same as a table of GitHub's Markdown, not wrapped.
 * CSV, JSON a row or object a run: all metrics in full precision, then ratio.METRIC for each, and
 *           the names of those it is best in. NULL as in query.h.
 */
enum compare_format { COMPARE_TEXT, COMPARE_MARKDOWN, COMPARE_CSV, COMPARE_JSON };

enum { COMPARE_SIDE_BY_SIDE_MAX = 12 };

/*
 * Reads the figures of the runs that `names` name, in this order: each is the number of a run, else
 * a label, else a machine, of one run or several; no names: all runs. PW_ABSENT: a name that is
 * none of these, or a record without runs; else as database_open_read(). On failure *out is NULL.
 */
int comparison_open(struct comparison **out, const char *db_path, const char *const *names,
		    size_t name_count, struct record_error *error);
void comparison_close(struct comparison *c); /* NULL is allowed */

/* The names of the metrics that these runs have, by index; NULL past the last. */
const char *comparison_metric(const struct comparison *c, size_t index);
/* Lowest first; runs that lack it, or whose figures are not whole, last. Stable. */
void comparison_sort(struct comparison *c, size_t metric);

/* TEXT and MARKDOWN have a line a run, however few there are. */
void comparison_in_lines(struct comparison *c);

/* What makes the runs unlike, a sentence each; NULL past the last. Part of TEXT and MARKDOWN. */
const char *comparison_note(const struct comparison *c, size_t index);

/* `columns`: width of a terminal, for TEXT. Running out of memory is told by out->failed. */
void comparison_print(const struct comparison *c, enum compare_format format, size_t columns,
		      struct text *out);

#endif
