/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Pages that are on the swap device, and the swap cache.
 *
 *	              entry in                    refers to
 *	private page  space->swapped, by page ──┐
 *	              (fork: several spaces)    ├──> slot <──> frame (swap cache)
 *	shared memory file->swapped, by page ───┘
 *
 * The entries stand in a tree of the space, beside its page table: formats here have no payload for
 * entries that are not present (x86 Linux keeps type and offset of the slot in such an entry).
 *
 * A frame in the swap cache holds the bytes of its slot: it is clean, no entry lets it be written
 * to, and it can be dropped without I/O. The cache holds a reference of the frame and of the slot.
 * A page that was read back stays there until it is written to, so that one that was only read need
 * not be written out again, unless the device is more than half full (swap_is_full()). Readahead
 * puts pages there that nothing maps yet.
 *
 * Invariants (kernel_check): the references of a slot are its entries and the cache; a page has an
 * entry or a leaf, never both; a frame of the cache is mapped, or its slot has an entry.
 */

#include <assert.h>

#include "emu/kernel/kernel_internal.h"

/* --- the swap cache -------------------------------------------------------------------------- */

uint64_t frame_slot(const struct frame *frame)
{
	return frame->kind == FRAME_ANONYMOUS && frame->index ? frame->index - 1 : SLOT_NONE;
}

void swap_cache_add(struct kernel *k, pfn_t pfn, uint64_t slot)
{
	struct frame *frame = frame_at(&k->frames, pfn);

	assert(frame->kind == FRAME_ANONYMOUS && frame->index == 0);
	frame->index = slot + 1;
	frames_get(&k->frames, pfn);
	swap_get(&k->swap, slot);
	swap_slot(&k->swap, slot)->cached = pfn;
	k->swap.cached++;
}

void swap_cache_remove(struct kernel *k, pfn_t pfn)
{
	struct frame *frame = frame_at(&k->frames, pfn);
	uint64_t slot = frame_slot(frame);

	frame->index = 0;
	swap_slot(&k->swap, slot)->cached = 0;
	k->swap.cached--;
	swap_put(&k->swap, slot);
	frames_put(&k->frames, pfn);
}

void swap_cache_trim(struct kernel *k, pfn_t pfn)
{
	const struct frame *frame = frame_at(&k->frames, pfn);
	uint64_t slot = frame_slot(frame);

	if (slot != SLOT_NONE && frame->maps == 0 && swap_slot(&k->swap, slot)->refs == 1)
		swap_cache_remove(k, pfn);
}

bool swap_cache_reuse(struct kernel *k, pfn_t pfn)
{
	const struct frame *frame = frame_at(&k->frames, pfn);
	uint64_t slot = frame_slot(frame);

	if (slot == SLOT_NONE || frame->refs != 2 || frame->maps != 1 ||
	    swap_slot(&k->swap, slot)->refs != 1)
		return false;
	swap_cache_remove(k, pfn);
	return true;
}

/* --- entries --------------------------------------------------------------------------------- */

/* page_tree holds frames, and none is 0. */
static uint64_t slot_in(const struct page_tree *tree, uint64_t index)
{
	pfn_t value = page_tree_find(tree, index);

	return value == PFN_NONE ? SLOT_NONE : value - 1;
}

uint64_t swapped_find(const struct page_tree *tree, uint64_t index)
{
	return tree->count ? slot_in(tree, index) : SLOT_NONE;
}

int swapped_enter(struct kernel *k, struct page_tree *tree, uint64_t index, uint64_t slot)
{
	int error = page_tree_insert(tree, index, slot + 1);

	if (!error)
		swap_get(&k->swap, slot);
	return error;
}

void swapped_leave(struct kernel *k, struct page_tree *tree, uint64_t index)
{
	uint64_t slot = slot_in(tree, index);
	pfn_t cached = swap_slot(&k->swap, slot)->cached;

	page_tree_remove(tree, index);
	swap_put(&k->swap, slot);
	if (cached)
		swap_cache_trim(k, cached);
}

void swapped_forget(struct kernel *k, struct page_tree *tree, uint64_t first, uint64_t end)
{
	pfn_t value;

	while (page_tree_next(tree, &first, &value) && first < end)
		swapped_leave(k, tree, first);
}

int swapped_fork(struct kernel *k, const struct space *parent, struct space *child)
{
	uint64_t vpn = 0;
	int error = PW_OK;
	pfn_t value;

	for (; !error && page_tree_next(&parent->swapped, &vpn, &value); vpn++)
		if (swapped_find(&child->swapped, vpn) == SLOT_NONE)
			error = swapped_enter(k, &child->swapped, vpn, value - 1);
	return error;
}

int swapped_move(struct kernel *k, struct space *space, va_t from, va_t to, uint64_t bytes)
{
	vpn_t first = from >> FRAME_LG2, end = first + (bytes >> FRAME_LG2), vpn = first;
	uint64_t shift = (to >> FRAME_LG2) - first;
	int error = PW_OK;
	pfn_t value;

	/* First all at the new place, which can fail, then none at the old one. */
	for (; !error && page_tree_next(&space->swapped, &vpn, &value) && vpn < end; vpn++)
		if (swapped_find(&space->swapped, vpn + shift) == SLOT_NONE)
			error = swapped_enter(k, &space->swapped, vpn + shift, value - 1);
	if (!error)
		swapped_forget(k, &space->swapped, first, end);
	return error;
}
