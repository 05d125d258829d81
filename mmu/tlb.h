/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_TLB_H
#define PAGEWALK_MMU_TLB_H

/*
 * The TLB tree: levels of arrays. Arrays of one level are probed in parallel and cost the
 * slowest, levels in series. An array holds any set of page sizes; a set is selected by the page
 * number of each size it holds (va >> page_lg2, modulo the sets). A level that has no array for a
 * side is passed over by its accesses: no count, no latency.
 *
 * The hit path is inline and does not depend on the associativity: `memo` maps a page to the
 * first-level entry that served it last, for fetches and for data. It is only a hint of where to look. The entry itself
 * is checked (range, permission, dirtiness), so a stale hint costs a lookup and nothing else. The
 * modelled outcome is the same with and without it: tests run both.
 *
 * The hints speak for one address space only: that of the first tlb_lookup() after tlb_init() or
 * tlb_forget_hints(). Lookups and fills for others (nested translations) may happen at any time.
 *
 * Invariants (tlb_check):
 *  1. no two valid entries of one array translate the same (ASID, page) of one page size;
 *  2. misses of a level are the lookups (hits + misses) of the next one, for each side, and the
 *     hits of a level are those of its arrays;
 *  3. inclusive: every entry of the levels above is covered by one here, if an array here holds
 *     its page size and side; exclusive: no entry here is in the nearest level above that could
 *     hold it;
 *  4. fills = evictions + invalidations + replaced + moved + valid entries, for each array.
 */

#include "mmu/tlb_tree.h"

/* The configuration was checked; it is copied, and *tlb must not be moved afterwards. PW_NOMEM. */
int tlb_init(struct tlb *tlb, const struct tlb_config *config, uint64_t seed,
	     struct event_queue *events, const struct host_alloc *alloc);
void tlb_release(struct tlb *tlb);

/* The hint of one side, as `memo` and `memo_shift` of the tree have them, that serves va, or NULL. */
__attribute__((always_inline)) static inline struct tlb_hint *
tlb_hint_in(struct tlb_hint *memo, unsigned shift, enum access_kind access, enum cpu_mode mode,
	    va_t va)
{
	uint64_t page = va >> shift;
	struct tlb_hint *hint = &memo[page % TLB_MEMO_SLOTS];

	if (PAGEWALK_UNLIKELY(hint->page != page ||
			      !(hint->ready >> (mode * ACCESS_KIND_COUNT + access) & 1)))
		return NULL;
	return hint;
}

/* A hit: counted, and the replacement state touched exactly as the long way would. */
__attribute__((always_inline)) static inline void tlb_hint_use(struct tlb_hint *hint)
{
	hint->accesses++;
	replacer_apply(&hint->move, hint->slot);
}

/*
 * The same as so many hits, at least one, with no other of the array between them: of touches one
 * after the other, the replacement state needs the last.
 */
__attribute__((always_inline)) static inline void tlb_hint_use_often(struct tlb_hint *hint,
								     uint64_t hits)
{
	hint->accesses += hits;
	replacer_apply(&hint->move, hint->slot);
}

/*
 * The first level's answer for the current address space, if it is at hand and needs no walk. False
 * says only: take the long way.
 */
__attribute__((always_inline)) static inline bool tlb_hit(struct tlb *tlb, enum access_kind access,
							  enum cpu_mode mode, va_t va, pa_t *pa)
{
	struct tlb_hint *hint =
		tlb_hint_in(tlb->memo[access == ACCESS_FETCH], tlb->memo_shift, access, mode, va);

	if (PAGEWALK_UNLIKELY(!hint))
		return false;
	tlb_hint_use(hint);
	*pa = va + hint->delta;
	return true;
}

struct tlb_request {
	va_t va;
	asid_t asid;
	uint8_t access, mode; /* enum access_kind, enum cpu_mode */
	bool wired;           /* a fill takes a wired way where the array has any */
	/* For a lookup whose miss is classified: what the page table maps there; page_lg2 0: nothing. */
	bool global;
	uint8_t page_lg2;
};

struct tlb_answer {
	struct tlb_entry *entry; /* of the level that hit, or NULL; good until the next call */
	unsigned level;          /* that hit; level_count if none did */
	cycles_t latency;        /* of all levels that were probed */
};

/*
 * Probes level after level, counts hits and misses, emits TLB_MISS, and on a hit below the first
 * level moves or copies the entry up as the relations say, so that answer->entry then is that of
 * the first level that holds its page size. If entries of several page sizes in one level cover
 * va, the smallest answers. An entry that refuses the access (tlb_entry_ready() is false:
 * permission, D = 0) is still a hit: the caller walks and calls tlb_fill, which replaces it in
 * place; only then is the access attributed to it.
 */
void tlb_lookup(struct tlb *tlb, const struct tlb_request *request, struct tlb_answer *answer);
/*
 * The same in two steps, for who wants to know the answer before the lookup happens. tlb_find() is
 * silent; what it found is good until anything enters or leaves the tree.
 */
struct tlb_found {
	unsigned level;                    /* level_count: no level holds it */
	const struct tlb_probe_step *step; /* NULL: in an array of another kind than pages */
	struct tlb_array *array;
	struct tlb_entry *entry; /* NULL: no level holds it */
};
void tlb_find(const struct tlb *tlb, const struct tlb_request *request, struct tlb_found *found);
void tlb_look_up(struct tlb *tlb, const struct tlb_request *request, const struct tlb_found *found,
		 struct tlb_answer *answer);

/*
 * Enters a translation after a walk: in the first level that holds its page size for the side,
 * and below it as the relations say (an exclusive level gets victims only). A page size that no
 * array of a level holds is not cached there. What arrays hold is the page around request->va, or
 * the group of pages where they coalesce, as far as the translation reaches. `ready` is computed from the controls.
 *
 * Attribution: each lookup that translated counts for the first-level entry that served it, the
 * one that led to this fill included (so tlb_fill() is called once per lookup that missed or was
 * refused and then translated). Where the first level cannot hold the page size, the access is
 * retired at once. So the values of all EVENT_TLB_RETIRE sum to the lookups that translated.
 */
void tlb_fill(struct tlb *tlb, const struct tlb_request *request, const struct translation *t,
	      const struct mmu_controls *controls);
/* The same for a translation that no access waits for (WALK_FILL, prefetch): none is attributed. */
void tlb_fill_extra(struct tlb *tlb, const struct tlb_request *request, const struct translation *t,
		    const struct mmu_controls *controls);
/*
 * Enters a prefetched translation in the last level that holds its page size for the side, and in no
 * other; false if none does. Whether an access uses it is counted in *tlb.
 */
bool tlb_fill_prefetched(struct tlb *tlb, const struct tlb_request *request,
			 const struct translation *t, const struct mmu_controls *controls);
/*
 * A translation of any length into every array of a kind other than pages, whole, in place of what
 * overlaps it there; one that is there already is left as it is.
 */
void tlb_fill_range(struct tlb *tlb, enum tlb_array_kind kind, asid_t asid,
		    const struct translation *range, const struct mmu_controls *controls);
void tlb_drop_segments(struct tlb *tlb); /* empties the registers of direct segments */
/* Would any level answer? Silent: no count, no use. */
bool tlb_holds(const struct tlb *tlb, const struct tlb_request *request);
/*
 * Retires one access that no first-level entry served: EVENT_TLB_RETIRE of value 1 for the page.
 * tlb_lookup() and tlb_fill() do this by themselves, on a machine without TLBs too; it is for
 * callers that call neither.
 */
void tlb_attribute(struct tlb *tlb, const struct tlb_request *request, const struct translation *t);

/* Invalidate what covers [va, va + bytes) in an address space (global entries too, as INVLPG). */
void tlb_invalidate_range(struct tlb *tlb, asid_t asid, va_t va, uint64_t bytes);
void tlb_invalidate_asid(struct tlb *tlb, asid_t asid); /* global entries stay */
void tlb_invalidate_all(struct tlb *tlb, bool keep_global);

/*
 * Adds up what hits have counted in hints. Whoever reads the counters of a level, an array or an
 * entry calls it first; tlb_visit_counters(), tlb_check(), mmu_check()
 * and tlb_retire_accesses() do.
 */
void tlb_settle(const struct tlb *tlb);

/* The current address space changed: forget the hints; the next lookup names the new one. */
void tlb_forget_hints(struct tlb *tlb);
/* Emits TLB_RETIRE for what first-level entries served so far (end of run, epochs). */
void tlb_retire_accesses(struct tlb *tlb);

void tlb_visit_counters(const struct tlb *tlb, counter_visit_fn *visit, void *ctx);
/*
 * What a level can cover for a side if all its entries hold pages of this one size, and as many of
 * them as they can where an array coalesces.
 */
uint64_t tlb_reach_bytes(const struct tlb *tlb, unsigned level, enum tlb_side side,
			 unsigned page_lg2);
/* What the valid entries of the level that serve a side cover now, of all address spaces. */
uint64_t tlb_reach_in_use_bytes(const struct tlb *tlb, unsigned level, enum tlb_side side);
int tlb_check(const struct tlb *tlb, const char **what);

#endif
