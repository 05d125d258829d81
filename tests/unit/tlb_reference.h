/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_TLB_REFERENCE_H
#define PAGEWALK_TESTS_TLB_REFERENCE_H

/*
 * A deliberately dumb TLB tree, to hold mmu/tlb.c to: flat arrays searched from end to end, ages
 * as plain numbers, the relations between levels written as the sentences of mmu/tlb.h and
 * mmu/tlb_enter.c. No tags, chains, hints or summaries.
 */

#include "mmu/page_table.h"
#include "mmu/tlb.h"

#include <stdlib.h>
#include <string.h>

struct ref_entry {
	bool valid, global, dirty, wired;
	va_t page;
	pa_t pa;
	asid_t asid;
	unsigned lg2, perms, side;
	uint64_t pages; /* from `page` on: more than one if coalesced */
	uint64_t used, filled;
};

struct ref_array {
	const struct tlb_array_config *config;
	unsigned sets, ways;
	struct ref_entry *entry;
	bool (*half)[65][65]; /* tree-PLRU: [set][lo][hi]: was the upper half used last? */
	struct replacer random, wired_random; /* of the ways that are not wired, and of those */
	uint64_t hits, fills, evictions, invalidations, replaced, moved, coalesced;
};

struct ref_tlb {
	const struct tlb_config *config;
	struct ref_array array[TLB_LEVELS_MAX][TLB_ARRAYS_MAX];
	uint64_t clock, hits[TLB_LEVELS_MAX][2], misses[TLB_LEVELS_MAX][2];
};

static inline void ref_init(struct ref_tlb *ref, const struct tlb_config *config, uint64_t seed)
{
	memset(ref, 0, sizeof(*ref));
	ref->config = config;
	for (unsigned l = 0; l < config->level_count; l++) {
		for (unsigned i = 0; i < config->level[l].array_count; i++) {
			struct ref_array *array = &ref->array[l][i];

			array->config = &config->level[l].array[i];
			array->ways = array->config->ways ? array->config->ways
							  : array->config->entries;
			array->sets = array->config->entries / array->ways;
			array->entry = calloc(array->config->entries, sizeof(*array->entry));
			array->half = calloc(array->sets, sizeof(*array->half));
			replacer_init(&array->random, REPLACE_RANDOM, array->sets,
				      array->ways - array->config->wired,
				      replacer_seed(seed, l * TLB_ARRAYS_MAX + i),
				      &host_alloc_libc);
			replacer_init(&array->wired_random, REPLACE_RANDOM, array->sets,
				      array->config->wired,
				      replacer_seed(replacer_seed(seed, l * TLB_ARRAYS_MAX + i),
						    array->config->wired),
				      &host_alloc_libc);
		}
	}
}

static inline void ref_release(struct ref_tlb *ref)
{
	for (unsigned l = 0; l < ref->config->level_count; l++) {
		for (unsigned i = 0; i < ref->config->level[l].array_count; i++) {
			free(ref->array[l][i].entry);
			free(ref->array[l][i].half);
			replacer_release(&ref->array[l][i].random, &host_alloc_libc);
			replacer_release(&ref->array[l][i].wired_random, &host_alloc_libc);
		}
	}
}

static inline unsigned ref_slots(const struct ref_array *array)
{
	return array->config->entries;
}

static inline bool ref_holds_size(const struct ref_array *array, unsigned side, unsigned lg2)
{
	for (unsigned i = 0; i < array->config->page_size_count; i++) {
		if (array->config->page_lg2[i] == lg2)
			return array->config->side & side;
	}
	return false;
}

static inline struct ref_array *ref_holder(struct ref_tlb *ref, unsigned level, unsigned side,
					   unsigned lg2)
{
	for (unsigned i = 0; i < ref->config->level[level].array_count; i++) {
		if (ref_holds_size(&ref->array[level][i], side, lg2))
			return &ref->array[level][i];
	}
	return NULL;
}

static inline uint64_t ref_first(const struct ref_entry *entry)
{
	return entry->page >> entry->lg2;
}

static inline uint64_t ref_last(const struct ref_entry *entry)
{
	return ref_first(entry) + entry->pages - 1;
}

static inline bool ref_conflict(const struct ref_entry *a, const struct ref_entry *b)
{
	return a->valid && a->lg2 == b->lg2 && ref_first(a) <= ref_last(b) &&
	       ref_first(b) <= ref_last(a) && (a->asid == b->asid || a->global || b->global);
}

/* Pages that share a set, and that an entry may hold together. */
static inline unsigned ref_group(const struct ref_array *array, unsigned lg2)
{
	for (unsigned i = 0; i < array->config->page_size_count; i++) {
		if (array->config->page_lg2[i] < lg2)
			return 1;
	}
	return array->config->coalesce > 1 ? array->config->coalesce : 1;
}

/* Only the pages of the group around va. */
static inline struct ref_entry ref_clip(const struct ref_array *array,
					const struct ref_entry *whole, va_t va)
{
	unsigned group = ref_group(array, whole->lg2);
	uint64_t low = (va >> whole->lg2) / group * group, last = ref_last(whole);
	struct ref_entry part = *whole;

	while (ref_first(&part) < low) {
		part.page += (va_t)1 << part.lg2;
		part.pa += (pa_t)1 << part.lg2;
	}
	if (last > low + group - 1)
		last = low + group - 1;
	part.pages = last - ref_first(&part) + 1;
	return part;
}

/* The ways of a set that an entry may take: the lower `wired` ones are kept for wired entries. */
static inline unsigned ref_first_way(const struct ref_array *array, bool wired)
{
	return wired ? 0 : array->config->wired;
}

static inline unsigned ref_end_way(const struct ref_array *array, bool wired)
{
	return wired && array->config->wired ? array->config->wired : array->ways;
}

/* Use (or fill) of a slot: ages, and which half of each tree node was used last. */
static inline void ref_use(struct ref_tlb *ref, struct ref_array *array, unsigned slot, bool fill)
{
	unsigned set = slot / array->ways, way = slot % array->ways;

	array->entry[slot].used = ++ref->clock;
	if (fill)
		array->entry[slot].filled = ref->clock;
	if (array->config->replacement != REPLACE_TREE_PLRU)
		return;
	for (unsigned lo = ref_first_way(array, array->entry[slot].wired),
		      hi = ref_end_way(array, array->entry[slot].wired);
	     hi - lo > 1;) {
		unsigned mid = (lo + hi) / 2;

		array->half[set][lo][hi] = way >= mid;
		if (way >= mid)
			lo = mid;
		else
			hi = mid;
	}
}

/* Trees start as if the upper half had been used, so that way 0 goes first. */
static inline unsigned ref_plru_victim(const struct ref_array *array, unsigned set, unsigned lo,
				       unsigned hi)
{
	while (hi - lo > 1) {
		unsigned mid = (lo + hi) / 2;

		if (array->half[set][lo][hi])
			hi = mid;
		else
			lo = mid;
	}
	return lo;
}

static inline unsigned ref_victim(struct ref_array *array, unsigned set, bool wired)
{
	const struct ref_entry *entry = &array->entry[set * array->ways];
	unsigned first = ref_first_way(array, wired), end = ref_end_way(array, wired), best = first;
	bool in_wired = wired && array->config->wired;

	if (array->config->replacement == REPLACE_RANDOM)
		return first +
		       replacer_victim(in_wired ? &array->wired_random : &array->random, set);
	if (array->config->replacement == REPLACE_TREE_PLRU)
		return ref_plru_victim(array, set, first, end);
	for (unsigned way = first + 1; way < end; way++) {
		if (array->config->replacement == REPLACE_LRU
			    ? entry[way].used < entry[best].used
			    : entry[way].filled < entry[best].filled)
			best = way;
	}
	return best;
}

/* Invalidates what conflicts with *gone in every array of a level that shares a side. */
static inline void ref_drop(struct ref_tlb *ref, unsigned level, unsigned sides,
			    const struct ref_entry *gone)
{
	for (unsigned i = 0; i < ref->config->level[level].array_count; i++) {
		struct ref_array *array = &ref->array[level][i];

		for (unsigned slot = 0; slot < ref_slots(array); slot++) {
			if ((array->config->side & sides) &&
			    ref_conflict(&array->entry[slot], gone)) {
				array->entry[slot].valid = false;
				array->invalidations++;
			}
		}
	}
}

static inline void ref_left(struct ref_tlb *ref, unsigned level, const struct ref_array *array,
			    const struct ref_entry *gone)
{
	if (level > 0 && ref->config->level[level].relation == RELATION_INCLUSIVE) {
		for (unsigned above = 0; above < level; above++)
			ref_drop(ref, above, array->config->side, gone);
	}
}

static inline bool ref_held_above(struct ref_tlb *ref, unsigned level, unsigned sides,
				  const struct ref_entry *value)
{
	for (unsigned side = 1; side <= 2; side++) {
		struct ref_array *array = NULL;

		if (!(sides & side))
			continue;
		for (unsigned above = level; above-- > 0 && !array;)
			array = ref_holder(ref, above, side, value->lg2);
		for (unsigned slot = 0; array && slot < ref_slots(array); slot++) {
			if (ref_conflict(&array->entry[slot], value))
				return true;
		}
	}
	return false;
}

/* An invalid way that the entry may take, or as many as there are. */
static inline unsigned ref_free_slot(const struct ref_array *array, unsigned set, bool wired)
{
	unsigned way = ref_first_way(array, wired), end = ref_end_way(array, wired);

	while (way < end && array->entry[set * array->ways + way].valid)
		way++;
	return way < end ? way : array->ways;
}

static inline void ref_enter(struct ref_tlb *ref, unsigned level, const struct ref_entry *value)
{
	struct ref_array *array = ref_holder(ref, level, value->side, value->lg2);
	unsigned group = ref_group(array, value->lg2);
	unsigned set = (unsigned)(ref_first(value) / group % array->sets), way = array->ways;
	struct ref_entry victim = { .valid = false }, entering = *value;

	for (unsigned slot = 0; slot < ref_slots(array); slot++) {
		struct ref_entry *old = &array->entry[slot], gone = *old;

		if (!ref_conflict(old, value))
			continue;
		if (way == array->ways && old->global == value->global &&
		    old->wired == value->wired && ref_first(old) >= ref_first(value) &&
		    ref_last(old) <= ref_last(value)) {
			way = slot % array->ways;
			array->replaced++;
			continue;
		}
		old->valid = false;
		array->invalidations++;
		ref_left(ref, level, array, &gone);
	}
	if (way == array->ways)
		way = ref_free_slot(array, set, value->wired);
	if (way == array->ways) {
		way = ref_victim(array, set, value->wired);
		victim = array->entry[set * array->ways + way];
		array->evictions++;
	}
	array->entry[set * array->ways + way] = entering;
	array->fills++;
	array->coalesced += value->pages > 1;
	ref_use(ref, array, set * array->ways + way, true);
	for (unsigned below = level + 1; below < ref->config->level_count; below++) {
		if (ref->config->level[below].relation == RELATION_EXCLUSIVE)
			ref_drop(ref, below, array->config->side, &entering);
	}
	if (!victim.valid)
		return;
	ref_left(ref, level, array, &victim);
	for (unsigned below = level + 1; below < ref->config->level_count; below++) {
		struct ref_array *next = ref_holder(ref, below, victim.side, victim.lg2);

		if (!next)
			continue;
		if (ref->config->level[below].relation == RELATION_EXCLUSIVE &&
		    !ref_held_above(ref, below, next->config->side, &victim))
			ref_enter(ref, below, &victim);
		return;
	}
}

static inline void ref_enter_above(struct ref_tlb *ref, unsigned end, va_t va,
				   const struct ref_entry *value)
{
	unsigned first = 0;

	while (first < end && !ref_holder(ref, first, value->side, value->lg2))
		first++;
	for (unsigned level = end; level-- > first;) {
		struct ref_array *array = ref_holder(ref, level, value->side, value->lg2);

		if (array &&
		    (level == first || ref->config->level[level].relation != RELATION_EXCLUSIVE)) {
			struct ref_entry part = ref_clip(array, value, va);

			ref_enter(ref, level, &part);
		}
	}
}

/* Copies what answered to *out; returns the level, or level_count. */
static inline unsigned ref_lookup(struct ref_tlb *ref, const struct tlb_request *request,
				  struct ref_entry *out)
{
	unsigned side = request->access == ACCESS_FETCH ? SIDE_INSTRUCTION : SIDE_DATA;

	for (unsigned level = 0; level < ref->config->level_count; level++) {
		struct ref_entry *best = NULL;
		struct ref_array *in = NULL;
		bool serves = false;

		for (unsigned i = 0; i < ref->config->level[level].array_count; i++) {
			struct ref_array *array = &ref->array[level][i];

			if (!(array->config->side & side))
				continue;
			serves = true;
			for (unsigned slot = 0; slot < ref_slots(array); slot++) {
				struct ref_entry *entry = &array->entry[slot];

				if (entry->valid && request->va >> entry->lg2 >= ref_first(entry) &&
				    request->va >> entry->lg2 <= ref_last(entry) &&
				    (entry->global || entry->asid == request->asid) &&
				    (!best || entry->lg2 < best->lg2)) {
					best = entry;
					in = array;
				}
			}
		}
		if (!serves)
			continue;
		if (!best) {
			ref->misses[level][side - 1]++;
			continue;
		}
		ref->hits[level][side - 1]++;
		in->hits++;
		ref_use(ref, in, (unsigned)(best - in->entry), false);
		*out = *best;
		out->side = side;
		for (unsigned above = 0; above < level; above++) {
			if (!ref_holder(ref, above, side, best->lg2))
				continue;
			if (ref->config->level[level].relation == RELATION_EXCLUSIVE) {
				best->valid = false;
				in->moved++;
			}
			ref_enter_above(ref, level, request->va, out);
			break;
		}
		return level;
	}
	return ref->config->level_count;
}

typedef bool ref_match_fn(const void *ctx, const struct ref_entry *entry);

static inline void ref_invalidate(struct ref_tlb *ref, ref_match_fn *match, const void *ctx)
{
	for (unsigned l = 0; l < ref->config->level_count; l++) {
		for (unsigned i = 0; i < ref->config->level[l].array_count; i++) {
			struct ref_array *array = &ref->array[l][i];

			for (unsigned slot = 0; slot < ref_slots(array); slot++) {
				if (array->entry[slot].valid && match(ctx, &array->entry[slot])) {
					array->entry[slot].valid = false;
					array->invalidations++;
				}
			}
		}
	}
}

#endif
