/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reading pages back from the swap device (Linux: do_swap_page(), mm/memory.c; swap_readahead(),
 * mm/swap_state.c).
 *
 *	                     only user of the slot       others refer to it
 *	read                 the cached frame,           the cached frame, not writable
 *	                     not writable
 *	write                the frame leaves the        a copy of it
 *	                     cache, writable
 *
 * Readahead reads the aligned group of 2^page_cluster slots around the wanted one in the same
 * request, as far as free frames above the low watermark go: it never makes room for itself.
 *
 * Deviation: whoever waits, waits for the whole group.
 */

#include "emu/kernel/kernel_internal.h"

static void emit_swap(struct kernel *k, enum event_kind kind, struct reclaim_key key, pfn_t pfn,
		      uint64_t slot)
{
	if (event_wanted(k->events, kind) && !k->stopping) {
		const struct event event = {
			.kind = (uint8_t)kind,
			.va = key.owner >> 16 ? 0 : key.index << FRAME_LG2,
			.pa = pfn << FRAME_LG2,
			.asid = (asid_t)(key.owner >> 16 ? 0 : key.owner),
			.value = slot,
			.page_lg2 = FRAME_LG2,
		};

		kernel_emit(k, &event);
	}
}

void frame_swap_out(struct kernel *k, pfn_t pfn, uint64_t slot)
{
	k->content.swap_out(k->content.ctx, slot, pfn);
	cost_charge(k, CHARGE_SWAP_WRITE, swap_write_stall(&k->swap, ledger_total(k->ledger)));
	k->counters.pages_swapped_out++;
	emit_swap(k, EVENT_SWAP_OUT, swap_slot(&k->swap, slot)->key, pfn, slot);
}

/* The bytes; the request that they come with is charged by whoever makes it. */
static void fetch(struct kernel *k, pfn_t pfn, uint64_t slot)
{
	k->content.swap_in(k->content.ctx, slot, pfn);
	k->hw.frame_changed(k->hw.ctx, pfn);
	k->counters.pages_swapped_in++;
	emit_swap(k, EVENT_SWAP_IN, swap_slot(&k->swap, slot)->key, pfn, slot);
}

static void request(struct kernel *k, unsigned pages)
{
	cost_charge(k, CHARGE_SWAP_READ, swap_read_stall(&k->swap, ledger_total(k->ledger), pages));
}

void frame_swap_in(struct kernel *k, pfn_t pfn, uint64_t slot)
{
	request(k, 1);
	fetch(k, pfn, slot);
}

/* A new frame that only the cache holds; its first mapping makes it known to the policy. */
static void enter_cache(struct kernel *k, pfn_t pfn, uint64_t slot)
{
	swap_cache_add(k, pfn, slot);
	pageout_inserted(k, pfn, RECLAIM_ANONYMOUS, swap_slot(&k->swap, slot)->key);
	fetch(k, pfn, slot);
}

static unsigned read_ahead(struct kernel *k, uint64_t wanted)
{
	uint64_t group = UINT64_C(1) << k->config.reclaim.page_cluster;
	uint64_t slot = wanted & ~(group - 1), end = slot + group;
	unsigned pages = 0;

	for (; slot < end && slot < k->swap.slots; slot++) {
		const struct swap_slot *record = swap_slot(&k->swap, slot);
		pfn_t pfn;

		if (slot == wanted || !record || record->refs == 0 || record->cached ||
		    record->of_file)
			continue;
		if (k->frames.count[FRAME_FREE] <= k->watermark[WATERMARK_LOW])
			break;
		pfn = frames_take(&k->frames, FRAME_ANONYMOUS, 0);
		if (pfn == PFN_NONE)
			break;
		enter_cache(k, pfn, slot);
		pages++;
	}
	k->counters.pages_read_ahead += pages;
	return pages;
}

/* The frame of the slot, pinned; PFN_NONE. */
static pfn_t find_or_read(struct kernel *k, struct touch *touch, uint64_t slot)
{
	pfn_t pfn = swap_slot(&k->swap, slot)->cached;

	if (!pfn) {
		pfn = supply_frame(k, FRAME_ANONYMOUS, 0);
		if (pfn == PFN_NONE)
			return PFN_NONE;
		enter_cache(k, pfn, slot);
		frames_get(&k->frames, pfn);
		request(k, 1 + read_ahead(k, slot));
		touch->major = true;
		return pfn;
	}
	frames_get(&k->frames, pfn);
	return pfn;
}

enum touch_result touch_swapped(struct kernel *k, struct touch *touch, const struct vma *vma,
				uint64_t slot)
{
	bool write = touch->access == ACCESS_WRITE, alone;
	enum touch_result result;
	pfn_t cached = find_or_read(k, touch, slot);

	if (cached == PFN_NONE)
		return TOUCH_NOMEM;
	/* Its entry here and the cache. */
	alone = swap_slot(&k->swap, slot)->refs == 2 && frame_at(&k->frames, cached)->maps == 0;
	touch->pfn = cached;
	if (write && !alone) {
		result = touch_copy(k, touch, vma, cached);
	} else {
		alone = alone && (write || swap_is_full(&k->swap));
		result = touch_map(k, touch, vma, alone);
		if (result == TOUCH_OK && alone)
			swap_cache_remove(k, cached);
	}
	if (result == TOUCH_OK) {
		swapped_leave(k, &touch->space->swapped, touch->va >> FRAME_LG2);
		touch->service = SERVICE_SWAP;
	}
	frames_put(&k->frames, cached);
	return result;
}
