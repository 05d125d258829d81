/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_LOCALITY_H
#define PAGEWALK_TRACES_LOCALITY_H

/*
 * What one pass over references says about pages of one size: at which stack distance each was
 * found, hence the misses of a fully associative LRU buffer of any number of entries; and the
 * working sets.
 *
 * Of all pages, or of a sample of them, chosen by a hash of the page, as in SHARDS (Waldspurger,
 * Park, Garthwaite, Ahmad, "Efficient MRC Construction with SHARDS", FAST 2015): the distance among
 * the pages of a sample of rate R is about R times the distance, and a reference stands for 1/R. The
 * rate is fixed, or it is halved whenever more pages than a limit are in the sample. How far
 * the estimate is off is estimated from four parts of the sample, each an estimate by itself.
 */

#include "mmu/types.h"
#include "traces/stack_distance.h"
#include "traces/working_set.h"

enum { LOCALITY_PARTS = 4 };

/* References that followed each other within a page of every size that is looked at. */
struct locality_run {
	uint16_t space;
	bool joined; /* the rest of the access before: of a page that it was in, no reference */
	va_t va;
	uint64_t count;
	uint64_t first, last; /* times, as in struct working_set_run */
};

struct locality_setup {
	unsigned page_lg2;
	uint64_t window;    /* of working sets, in units of time; 0: none */
	double rate;        /* of the sample; 1: all pages */
	uint64_t pages_max; /* of the sample; 0: no limit */
	const struct host_alloc *alloc;
};

struct locality_distances {
	struct lru_stack stack;
	/*
	 * By distance; [0]: in no buffer, however large. Faulting lookups are among them: each looks
	 * for a page and fills nothing. When the trace has ended: of that distance and all larger.
	 */
	double *found;
	size_t room;
};

struct locality {
	struct locality_setup setup;
	uint32_t threshold; /* of the hash, below which a page is in the sample */
	bool sampled;
	struct locality_distances whole, part[LOCALITY_PARTS]; /* parts only where sampled */
	uint64_t last_key;
	uint64_t references, refused, invalidated; /* invalidated: of the sample */
	struct working_set working_set;
};

int locality_init(struct locality *l, const struct locality_setup *setup); /* PW_NOMEM */
void locality_release(struct locality *l);

int locality_add(struct locality *l, const struct locality_run *run); /* PW_NOMEM */
/* A lookup of va that ends in a fault. */
int locality_refused(struct locality *l, uint16_t space, va_t va); /* PW_NOMEM */
/* Pages that lie in the range, in part or in whole, leave. */
void locality_invalidate(struct locality *l, uint16_t space, va_t va, uint64_t bytes);
void locality_invalidate_space(struct locality *l, uint16_t space);
void locality_invalidate_all(struct locality *l);
/* The trace ends at that time; what follows may be asked then. */
void locality_finish(struct locality *l, uint64_t now);

double locality_rate(const struct locality *l);  /* of the sample, in the end */
double locality_pages(const struct locality *l); /* distinct */
/* Of a buffer of so many entries, from 1; UINT64_MAX: of any. */
double locality_misses(const struct locality *l, uint64_t entries);
/* Standard error of that; 0 where all pages are looked at. */
double locality_misses_error(const struct locality *l, uint64_t entries);
/* Larger buffers miss no less. */
uint64_t locality_entries_max(const struct locality *l);

#endif
