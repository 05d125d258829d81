/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PREFETCH_H
#define PAGEWALK_MMU_PREFETCH_H

/*
 * TLB prefetching: what the misses of the last TLB level suggest is walked for in advance.
 *
 *   miss of the last level ──> prefetch buffer ──(hit)──> TLBs
 *            │                       ^
 *            └─> predictor ─> walk ──┘   off the critical path: no cycles, but traffic at the port
 *
 * Every access that misses the last level and is translated, by a walk or out of the buffer, trains
 * the predictor of its side and may be followed by up to `degree` prefetch walks. Such a walk only
 * reads: it ends without effect at an absent entry, at one that refuses a load (or fetch), at one
 * whose A or D bit it would have to set, and where a format calls a handler or another translation.
 * So a prefetch never faults, never changes a table, and only pages with A set are prefetched.
 *
 * Translations go to a fully associative buffer, oldest out first, probed beside the last level at
 * no added latency; a hit moves the entry to the TLBs. With buffer_entries 0 they go into the last
 * TLB level itself.
 *
 *   next-page  page p: p + 1 ... p + degree, in pages of the size that p has
 *   stride     streams of misses, `table_entries` of them, told apart by nearness, not by program
 *              counter (no hook in the access path knows it): the second equal distance in a
 *              stream prefetches ahead of it
 *   distance   a table from the last distance between misses to the distances that followed it,
 *              `degree` of them, the latest first
 *
 * Not modelled: the time that a prefetch takes (it is there for the very next access), bandwidth
 * limits, prefetching across address spaces.
 *
 * Source: Kandiraju and Sivasubramaniam, "Going the Distance for TLB Prefetching", ISCA 2002 (the
 * three predictors; its stride predictor is indexed by program counter).
 *
 * Invariant (prefetcher_check): fills = useful + useless + those still waiting.
 */

#include "mmu/config.h"
#include "mmu/event.h"
#include "mmu/memory.h"
#include "mmu/walk.h"

struct mmu;

struct prefetch_slot {
	struct translation translation;
	uint64_t filled; /* 0: empty; else when */
	asid_t asid;
};

/* A row of a predictor's table; rows of 0 `used` are empty. */
struct prefetch_row {
	int64_t key;                       /* stride: the last page; distance: a distance */
	int64_t next[PREFETCH_DEGREE_MAX]; /* stride: [0] the last distance; distance: what followed */
	unsigned count;                    /* of next[], that are known */
	uint64_t used;
};

/* What one side has missed lately. */
struct prefetch_history {
	struct prefetch_row *row;
	int64_t page, distance; /* of the last miss */
	bool page_known, distance_known;
};

struct prefetch_counts {
	uint64_t walks;   /* begun */
	uint64_t refs;    /* page-table reads that they made */
	uint64_t fills;   /* translations that they brought */
	uint64_t useful;  /* of these, used by an access */
	uint64_t useless; /* displaced, invalidated or refused before that */
};

struct prefetcher {
	struct prefetch_config config;
	const struct host_alloc *alloc;
	unsigned page_lg2;                  /* of the base page: unit of strides and distances */
	struct prefetch_history history[2]; /* [0] data, [1] fetch */
	struct prefetch_slot *slot;
	uint64_t clock;
	struct prefetch_counts count; /* useful, useless: of the buffer only; see prefetch_totals() */
};

/* The configuration was checked. PW_NOMEM. */
int prefetcher_init(struct prefetcher *p, const struct prefetch_config *config, unsigned page_lg2,
		    const struct host_alloc *alloc);
void prefetcher_release(struct prefetcher *p);

/*
 * The buffer's answer to a miss of the last TLB level: the entry leaves the buffer, and is useful if
 * it allows the access. False: walk.
 */
bool prefetcher_take(struct prefetcher *p, const struct walk_input *input,
		     struct translation *translation);
/*
 * A page was missed and translated: the pages to prefetch, in order, at most PREFETCH_DEGREE_MAX;
 * returns how many. Learns.
 */
unsigned prefetcher_predict(struct prefetcher *p, bool fetch, va_t va, unsigned page_lg2,
			    va_t *wanted);
/* prefetch_walk.c: predicts and walks, after an access was translated. */
void prefetcher_follow(struct mmu *mmu, const struct walk_input *input, unsigned page_lg2);
bool prefetcher_holds(const struct prefetcher *p, asid_t asid, va_t va);
void prefetcher_put(struct prefetcher *p, asid_t asid, const struct translation *translation);

void prefetcher_invalidate_range(struct prefetcher *p, asid_t asid, va_t va, uint64_t bytes);
void prefetcher_invalidate_asid(struct prefetcher *p, asid_t asid);
void prefetcher_invalidate_all(struct prefetcher *p, bool keep_global);
void prefetcher_switched(struct prefetcher *p); /* another address space: histories start anew */

/* Of the buffer and, where there is none, of the last TLB level. */
struct prefetch_counts prefetch_totals(const struct mmu *mmu);
void prefetcher_visit_counters(const struct mmu *mmu, counter_visit_fn *visit, void *ctx);
int prefetcher_check(const struct prefetcher *p, const char **what);

#endif
