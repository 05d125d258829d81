/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Arrays whose entries have any base and length: direct-segment registers and range TLBs.
 *
 * They stand in a level beside its arrays of pages and are probed with them; a page that both hold
 * is answered for by the page. Every entry of such an array is compared with every address, so they
 * are small and fully associative. Relations between levels do not concern them: what a range
 * answers below the first level goes up as the one page around the address. A range is written
 * whole (tlb_fill_range) and dropped whole by any invalidation that touches it.
 *
 * Source: Basu et al., "Efficient Virtual Memory for Big Memory Servers", ISCA 2013 (direct
 * segments); Karakostas et al., "Redundant Memory Mappings for Fast Access to Large Memories", ISCA
 * 2015 (range TLB beside the second level).
 */

#include "mmu/tlb_private.h"

#include "mmu/tlb_array_private.h"

struct tlb_entry *tlb_range_find(const struct tlb_array *array, asid_t asid, va_t va)
{
	for (unsigned slot = 0; slot < array->ways; slot++) {
		if (array->tag[slot] && tlb_entry_covers(&array->entry[slot], asid, va))
			return &array->entry[slot];
	}
	return NULL;
}

/* Drops what overlaps *value, but for an entry that says the same: true if there is one. */
static bool drop_others(struct tlb *tlb, unsigned level, struct tlb_array *array,
			const struct tlb_entry *value)
{
	bool same = false;

	for (unsigned slot = 0; slot < array->ways; slot++) {
		struct tlb_entry *entry = &array->entry[slot];

		if (!array->tag[slot] || (!entry->global && entry->asid != value->asid) ||
		    (entry->va - value->va >= value->bytes &&
		     value->va - entry->va >= entry->bytes))
			continue;
		if (entry->va == value->va && entry->bytes == value->bytes &&
		    entry->pa == value->pa && entry->ready == value->ready)
			same = true;
		else
			tlb_drop(tlb, level, array, entry);
	}
	return same;
}

static void enter_range(struct tlb *tlb, unsigned level, struct tlb_array *array,
			struct tlb_entry *value)
{
	struct tlb_entry *slot;

	value->page_lg2 = array->config->page_lg2[0];
	if (drop_others(tlb, level, array, value))
		return;
	slot = tlb_array_room(array, 0, false);
	if (slot->bytes)
		tlb_evict(tlb, level, array, slot);
	tlb_array_put(array, slot, value, array->side & SIDE_DATA ? SIDE_DATA : SIDE_INSTRUCTION);
	slot->accesses = 0;
	tlb_emit_fill(tlb, level, slot);
}

void tlb_fill_range(struct tlb *tlb, enum tlb_array_kind kind, asid_t asid,
		    const struct translation *range, const struct mmu_controls *controls)
{
	struct tlb_entry value = {
		.va = range->va,
		.bytes = range->bytes,
		.pa = range->pa,
		.ready = tlb_ready_of(tlb, controls, range),
		.asid = asid,
		.perms = range->perms,
		.global = range->global,
		.dirty = range->dirty,
	};

	for (unsigned level = 0; level < tlb->level_count; level++) {
		for (unsigned i = 0; i < tlb->level[level].array_count; i++) {
			struct tlb_array *array = &tlb->level[level].array[i];

			if (array->config->kind == kind)
				enter_range(tlb, level, array, &value);
		}
	}
}

void tlb_drop_segments(struct tlb *tlb)
{
	for (unsigned level = 0; level < tlb->level_count; level++) {
		for (unsigned i = 0; i < tlb->level[level].array_count; i++) {
			struct tlb_array *array = &tlb->level[level].array[i];

			if (array->config->kind == TLB_SEGMENT && array->tag[0])
				tlb_drop(tlb, level, array, &array->entry[0]);
		}
	}
}
