/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "mmu/look.h"

#include "mmu/tlb_array_private.h"

/* Every slot is looked at: an entry is found wherever its set may be. */
static const struct tlb_entry *find_entry(const struct tlb_array *array, asid_t asid, va_t va,
					  unsigned page_lg2)
{
	for (size_t i = 0; i < (size_t)array->sets * array->ways; i++) {
		const struct tlb_entry *entry = &array->entry[i];

		if (entry->bytes > 0 && entry->page_lg2 == page_lg2 &&
		    tlb_entry_covers(entry, asid, va))
			return entry;
	}
	return NULL;
}

void tlb_look(const struct tlb *tlb, asid_t asid, va_t va, enum access_kind access,
	      tlb_look_fn *look, void *ctx)
{
	unsigned fetch = access == ACCESS_FETCH;

	for (unsigned i = 0; i < tlb->level_count; i++) {
		const struct tlb_level *level = &tlb->level[i];

		for (unsigned j = 0; j < level->step_count[fetch]; j++) {
			const struct tlb_probe_step *step = &level->step[fetch][j];
			struct tlb_sight sight = { .level = i,
						   .array = step->array,
						   .page_lg2 = step->page_lg2 };

			sight.entry = find_entry(step->array, asid, va, step->page_lg2);
			sight.set = tlb_set_of(step->array, va, step->page_lg2);
			if (sight.entry) {
				sight.set = sight.entry->slot / step->array->ways;
				sight.way = sight.entry->slot % step->array->ways;
			}
			look(ctx, &sight);
		}
	}
}

void walk_caches_look(const struct walk_caches *caches, asid_t asid, va_t va,
		      walk_cache_look_fn *look, void *ctx)
{
	for (unsigned i = 0; i < caches->count; i++) {
		const struct walk_cache *cache = &caches->cache[i];
		uint64_t prefix = va >> cache->prefix_shift;
		struct walk_cache_sight sight = { .cache = cache,
						  .set = (unsigned)(prefix % cache->sets) };

		for (unsigned way = 0; way < cache->ways; way++) {
			const struct walk_cache_entry *entry =
				&cache->entry[(size_t)sight.set * cache->ways + way];

			if (entry->valid && entry->prefix == prefix && entry->asid == asid) {
				sight.entry = entry;
				sight.way = way;
			}
		}
		look(ctx, &sight);
	}
}
