/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_WORKING_SET_H
#define PAGEWALK_TRACES_WORKING_SET_H

/*
 * Working sets: the pages referenced in the last T units of time. Their size in windows of one
 * length that follow each other, and the average size for every T that is a power of two, from the
 * intervals between references to the same page:
 *
 *   average(T) = 1/K * (sum over all references of min(time to the next one or to the end, T))
 *
 * for a trace of K units; the fault rate of a memory that holds just the working set is the part of
 * the references whose page was not used within T.
 *
 * Sources: Denning, "The Working Set Model for Program Behavior", CACM 11(5), 1968; Denning,
 * Schwartz, "Properties of the Working-Set Model", CACM 15(3), 1972.
 */

#include <stddef.h>
#include <stdint.h>

struct host_alloc;

/* The smallest T; references that follow each other within it may come as one. */
enum { WORKING_SET_TAU_LG2_MIN = 10, WORKING_SET_TAU_LG2_MAX = 63 };

struct working_set_page {
	uint64_t last;   /* when it was referenced last, + 1; 0: never */
	uint64_t window; /* in which it was counted, + 1 */
};

struct working_set {
	const struct host_alloc *alloc;
	struct working_set_page *page; /* by number */
	size_t page_room;
	uint64_t window_length; /* 0: no windows */
	double *window;         /* distinct pages of each */
	size_t window_room, window_count;
	/* By the least lg2 of a T that the interval is within; inside of runs: [0]. */
	double intervals[65], sum[65];
	double ended[65]; /* of the intervals, those that end with the trace */
	double first;     /* references without one before */
	double references;
};

/* References to one page by its number (stack_page_t); `first` <= `last` <= first + 2^10 * count. */
struct working_set_run {
	uint32_t page;
	uint64_t count, first, last;
	double weight; /* how many references one stands for: 1, or more where pages are sampled */
};

void working_set_init(struct working_set *ws, uint64_t window_length,
		      const struct host_alloc *alloc);
void working_set_release(struct working_set *ws);
int working_set_add(struct working_set *ws, const struct working_set_run *run); /* PW_NOMEM */
/* The page is no longer looked at; others stand for it, for what has passed since its last reference too. */
void working_set_forget(struct working_set *ws, uint32_t page);
/* The trace ends. */
void working_set_leave(struct working_set *ws, uint32_t page, uint64_t now, double weight);

/* Average over a trace of so many units, every page having left. */
double working_set_average(const struct working_set *ws, unsigned tau_lg2, uint64_t length);
/* References that fault in a memory of just the working set. */
double working_set_faults(const struct working_set *ws, unsigned tau_lg2);

#endif
