/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Invalidation of the TLB tree, complete and at once.
 *
 * A range is invalidated page by page of each size an array holds, or by one pass over the array,
 * whichever is less. An entry leaves, whole, if one of its pages overlaps the range.
 *
 * The order's event and counters are the MMU's (mmu.c), since walk caches obey it too; here it
 * shows as the invalidations of each array.
 *
 * Not modelled: what an invalidation costs (the kernel model charges shootdowns) and the freedom
 * of hardware to invalidate more than asked.
 *
 * Source: Intel SDM 3A, "Invalidation of TLBs and Paging-Structure Caches" (INVLPG: the page in
 * the current PCID, and global translations of it; INVPCID types 0 to 3).
 */

#include "mmu/tlb_private.h"

#include "mmu/tlb_array_private.h"
#include "mmu/tlb_classify.h"

enum scope { SCOPE_PAGE, SCOPE_ASID, SCOPE_ALL_BUT_GLOBAL, SCOPE_ALL };

struct order {
	enum scope scope;
	asid_t asid;
	va_t first,
		last; /* SCOPE_PAGE: inclusive, so that a range may end at the highest address */
};

static bool concerns(const struct order *order, const struct tlb_entry *entry)
{
	switch (order->scope) {
	case SCOPE_PAGE:
		return tlb_last_page(entry) >= order->first >> entry->page_lg2 &&
		       entry->va >> entry->page_lg2 <= order->last >> entry->page_lg2 &&
		       (entry->global || entry->asid == order->asid);
	case SCOPE_ASID:
		return !entry->global && entry->asid == order->asid;
	case SCOPE_ALL_BUT_GLOBAL:
		return !entry->global;
	case SCOPE_ALL:
		break;
	}
	return true;
}

static void flush(struct tlb *tlb, unsigned level, struct tlb_array *array, struct tlb_entry *entry)
{
	if (PAGEWALK_UNLIKELY(tlb->classifier != NULL))
		tlb_classify_flushed(tlb, level, array, entry);
	tlb_drop(tlb, level, array, entry);
}

static void flush_shadow(struct tlb *tlb, unsigned level, const struct tlb_array *array,
			 const struct order *order)
{
	const struct tlb_classify_order same = {
		.by_page = order->scope == SCOPE_PAGE,
		.by_asid = order->scope == SCOPE_PAGE || order->scope == SCOPE_ASID,
		.keep_global = order->scope == SCOPE_ASID || order->scope == SCOPE_ALL_BUT_GLOBAL,
		.asid = order->asid,
		.first = order->first,
		.last = order->last,
	};

	tlb_classify_obey(tlb, level, array, &same);
}

static void scan(struct tlb *tlb, unsigned level, struct tlb_array *array,
		 const struct order *order)
{
	unsigned left = array->live;

	for (unsigned slot = 0; left > 0; slot++) {
		if (!array->tag[slot])
			continue;
		left--;
		if (concerns(order, &array->entry[slot]))
			flush(tlb, level, array, &array->entry[slot]);
	}
}

static void probe_pages(struct tlb *tlb, unsigned level, struct tlb_array *array,
			const struct order *order, unsigned page_lg2)
{
	struct tlb_entry key = { .asid = order->asid, .page_lg2 = (uint8_t)page_lg2 };
	unsigned group_lg2 = tlb_group_lg2(array, page_lg2);
	uint64_t last = order->last >> group_lg2;

	for (uint64_t group = order->first >> group_lg2; group <= last; group++) {
		va_t first = group << group_lg2, end = first + (((uint64_t)1 << group_lg2) - 1);
		struct tlb_entry *entry;

		key.va = first < order->first ? order->first : first;
		key.bytes = (end > order->last ? order->last : end) - key.va + 1;
		while ((entry = tlb_array_conflict(array, &key, NULL)))
			flush(tlb, level, array, entry);
	}
}

static void obey(struct tlb *tlb, unsigned level, struct tlb_array *array,
		 const struct order *order)
{
	bool probed = order->scope == SCOPE_PAGE && array->config->kind == TLB_PAGES;

	if (PAGEWALK_UNLIKELY(tlb->classifier != NULL))
		flush_shadow(tlb, level, array, order);
	if (array->live == 0)
		return;
	for (unsigned i = 0; probed && i < array->config->page_size_count; i++) {
		unsigned lg2 = array->config->page_lg2[i], group_lg2 = tlb_group_lg2(array, lg2);
		unsigned probes = array->bucket ? array->live : array->live / array->ways + 1;

		if (array->live_of[lg2] == 0)
			continue;
		if ((order->last >> group_lg2) - (order->first >> group_lg2) >= probes)
			probed = false;
		else
			probe_pages(tlb, level, array, order, lg2);
	}
	if (!probed)
		scan(tlb, level, array, order);
}

static void invalidate(struct tlb *tlb, const struct order *order)
{
	for (unsigned level = 0; level < tlb->level_count; level++) {
		for (unsigned i = 0; i < tlb->level[level].array_count; i++)
			obey(tlb, level, &tlb->level[level].array[i], order);
	}
}

void tlb_invalidate_range(struct tlb *tlb, asid_t asid, va_t va, uint64_t bytes)
{
	struct order order = { SCOPE_PAGE, asid, va, va + (bytes - 1) };

	if (bytes == 0)
		return;
	if (order.last < va)
		order.last = UINT64_MAX;
	invalidate(tlb, &order);
}

void tlb_invalidate_asid(struct tlb *tlb, asid_t asid)
{
	struct order order = { .scope = SCOPE_ASID, .asid = asid };

	invalidate(tlb, &order);
}

void tlb_invalidate_all(struct tlb *tlb, bool keep_global)
{
	struct order order = { .scope = keep_global ? SCOPE_ALL_BUT_GLOBAL : SCOPE_ALL };

	invalidate(tlb, &order);
}

void tlb_retire_accesses(struct tlb *tlb)
{
	if (tlb->level_count == 0)
		return;
	tlb_settle(tlb);
	for (unsigned i = 0; i < tlb->level[0].array_count; i++) {
		struct tlb_array *array = &tlb->level[0].array[i];

		for (unsigned slot = 0; slot < array->config->entries; slot++) {
			if (array->tag[slot])
				tlb_retire_entry(tlb, &array->entry[slot]);
		}
	}
}
