/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_WALK_CACHE_H
#define PAGEWALK_MMU_WALK_CACHE_H

/*
 * Page-walk caches (paging-structure caches; Intel SDM 3A, "Caches for Paging Structures"; Barr
 * et al., ISCA 2010). They belong to the core: an entry is the walk_state after the entry at
 * `level` was read, keyed by (ASID, level, VA prefix); a hit resumes with walk_next() and skips
 * exactly the levels above and including `level`. Only paths that were present with A set enter.
 *
 * All caches are probed at once and the one nearest the leaf wins; the lookup costs the slowest
 * latency, once a walk, hit or miss.
 *
 * Invariants (walk_caches_check): hits + misses are the same for all caches; in each, no key is
 * held twice and fills = evictions + invalidations + replaced + valid entries.
 */

#include "mmu/config.h"
#include "mmu/event.h"
#include "mmu/replacement.h"
#include "mmu/walk.h"

struct walk_cache_entry {
	uint64_t prefix; /* va >> prefix shift of the level */
	struct walk_state state;
	asid_t asid;
	bool valid;
};

struct walk_cache {
	const struct walk_cache_config *config;
	struct replacer replacer;
	struct walk_cache_entry *entry;
	uint32_t *tag; /* of each slot: a mixture of prefix and ASID; 0: invalid */
	unsigned sets, ways;
	unsigned prefix_shift; /* bits of va below the index that the entry at `level` was read with */
	unsigned live;         /* valid entries */
	unsigned last;         /* slot of the last hit: where to look first */
	uint64_t hits, misses, fills, evictions, invalidations;
	uint64_t replaced; /* fills that renewed an entry in place */
};

struct walk_caches {
	struct walk_caches_config config;
	const struct host_alloc *alloc;
	unsigned count;
	unsigned latency;                         /* the slowest */
	struct walk_cache cache[WALK_CACHES_MAX]; /* sorted: nearest the leaf first */
};

/*
 * The configuration was checked; it is copied, and *caches must not be moved. PW_NOMEM.
 *
 * prefix_shift[level]: how many low bits of a virtual address the entry at that level does not
 * depend on (its coverage, log2), as the page table says.
 */
int walk_caches_init(struct walk_caches *caches, const struct walk_caches_config *config,
		     const unsigned *prefix_shift, uint64_t seed, const struct host_alloc *alloc);
void walk_caches_release(struct walk_caches *caches);

/*
 * The state to resume from, nearest the leaf, or NULL; good until the next fill or invalidation.
 * Counts a hit or a miss in each cache, and a hit is a use in each.
 */
const struct walk_state *walk_caches_lookup(struct walk_caches *caches, asid_t asid, va_t va);
/* `state` is what stood after the entry at `level` was read. No cache for the level: nothing. */
void walk_caches_fill(struct walk_caches *caches, asid_t asid, va_t va, unsigned level,
		      const struct walk_state *state);

/* INVLPG drops every entry of the ASID that could map va, at any level (Intel SDM 3A). */
void walk_caches_invalidate_range(struct walk_caches *caches, asid_t asid, va_t va, uint64_t bytes);
void walk_caches_invalidate_asid(struct walk_caches *caches, asid_t asid);
void walk_caches_invalidate_all(struct walk_caches *caches);

void walk_caches_visit_counters(const struct walk_caches *caches, counter_visit_fn *visit,
				void *ctx);
int walk_caches_check(const struct walk_caches *caches, const char **what);

#endif
