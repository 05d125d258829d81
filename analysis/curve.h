/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_CURVE_H
#define PAGEWALK_ANALYSIS_CURVE_H

/* Curves of a trace (traces/curve.h) for people and other programs. */

#include "analysis/query.h"

#include <stdint.h>

struct curve_point {
	uint64_t entries;
	double misses, error; /* standard error; 0 where all pages were looked at */
};

/* Working sets of the last `tau` units of time, on average over the trace. */
struct curve_tau {
	uint64_t tau;
	double pages;
	double faults; /* references to a page that was not used within tau */
};

/* Of one page size. */
struct curve_of_pages {
	unsigned page_lg2;
	uint64_t references;
	uint64_t refused;       /* faulting lookups */
	uint64_t invalidated;   /* pages that an invalidation took out, of the sample */
	double pages;           /* distinct */
	double rate;            /* of the sample; 1: all pages */
	struct curve_point any; /* of any size: entries UINT64_MAX */
	const struct curve_point *point;
	unsigned point_count;
	const struct curve_tau *tau;
	unsigned tau_count;
	const double *window; /* pages in each */
	size_t window_count;
};

struct curve_report {
	const char *trace, *side;
	const char *machine; /* whose operating system was modelled; NULL: none */
	uint64_t accesses, instructions;
	const char *time;       /* the unit: "instructions" or "references" */
	uint64_t window_length; /* in it; 0: none */
	const struct curve_of_pages *curve;
	unsigned curve_count;
};

/* As text; of `output` the format and where to. PW_LIMIT: nobody wants the rest; PW_NOMEM. */
int curve_print(const struct curve_report *report, const struct query_output *output,
		struct record_error *error);

/* Added to the database, in one transaction. Errors as of database_open_write(). */
int curve_record(const char *db_path, const struct curve_report *report,
		 struct record_error *error);

#endif
