/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_CURVE_H
#define PAGEWALK_ANALYSIS_CURVE_H

/* Curves of a trace (traces/curve.h) for people and other programs. */

#include "analysis/query.h"

#include <stdint.h>

struct curve_point {
	uint64_t entries;
	double misses;
};

/* Of one page size. */
struct curve_of_pages {
	unsigned page_lg2;
	uint64_t lookups;     /* faulting ones included */
	uint64_t refused;     /* faulting lookups */
	uint64_t invalidated; /* pages that an invalidation took out */
	uint64_t pages;       /* distinct */
	double compulsory;    /* misses of every size */
	const struct curve_point *point;
	unsigned point_count;
};

struct curve_report {
	const char *trace, *side;
	const char *machine; /* whose operating system was modelled; NULL: none */
	uint64_t accesses, instructions;
	const struct curve_of_pages *curve;
	unsigned curve_count;
};

/* As text; of `output` the format and where to. PW_LIMIT: nobody wants the rest; PW_NOMEM. */
int curve_print(const struct curve_report *report, const struct query_output *output,
		struct record_error *error);

#endif
