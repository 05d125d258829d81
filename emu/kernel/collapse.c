/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Base pages become huge ones: in the background, at ticks (Linux: khugepaged, mm/khugepaged.c), and
 * for MADV_COLLAPSE. The pages of an aligned block are copied into a free block of frames, those
 * that are absent are cleared there, and one leaf takes the place of their entries.
 *
 *	        candidates                                     per tick
 *	tick    VMAs that kernel.thp lets have huge pages, at   thp_scan_pages base pages, on from
 *	        least one page accessed, at most                where the last tick ended, space by
 *	        thp_max_ptes_none absent                        space in order of their slots
 *	advice  the range, whatever kernel.thp says             -
 *
 * In both, every page that is there is an anonymous base page that nobody has pinned and that is not
 * on the swap device, nor in its cache; at most half of them are shared with other spaces (Linux:
 * max_ptes_shared). The leaf permits what its VMA does, as the frames are the space's own.
 *
 * All work at a tick is charged on one line of its own. It is done between two blocks of the
 * program, never within an access, and whatever could be accessed before can be afterwards.
 *
 * MADV_COLLAPSE says 0 even where nothing could be done (Linux: EINVAL, ENOMEM, EBUSY): what it says
 * has to be the same on every machine. Memory with ranges of the hardware is left alone.
 */

#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

struct block {
	struct space *space;
	va_t va;
	unsigned present, shared;
	bool accessed, dirty;
};

static uint64_t block_bytes(const struct kernel *k)
{
	return (uint64_t)FRAME_BYTES << k->huge_order;
}

static bool count_page(const struct kernel *k, struct block *block, const struct translation *leaf)
{
	const struct frame *frame = frame_at(&k->frames, leaf->pa >> FRAME_LG2);

	if (leaf->page_lg2 != FRAME_LG2 || frame->kind != FRAME_ANONYMOUS ||
	    frame_slot(frame) != SLOT_NONE || frame->refs != frame->maps)
		return false;
	block->present++;
	block->shared += frame->refs > 1;
	block->accessed |= leaf->accessed;
	block->dirty |= leaf->dirty;
	return true;
}

static bool can_collapse(struct kernel *k, struct block *block, unsigned max_absent)
{
	const struct segment *segment = &block->space->segment;
	unsigned pages = 1u << k->huge_order;
	vpn_t swapped = block->va >> FRAME_LG2;
	struct translation leaf;
	pfn_t value;

	if (k->config.eager_paging ||
	    (block->va < segment->va + segment->used && block->va + block_bytes(k) > segment->va))
		return false;
	if (page_tree_next(&block->space->swapped, &swapped, &value) &&
	    swapped < (block->va + block_bytes(k)) >> FRAME_LG2)
		return false;
	for (unsigned i = 0; i < pages; i++)
		if (leaf_harvest(k, block->space, block->va + (va_t)i * FRAME_BYTES, HARVEST_READ,
				 &leaf) == PW_OK &&
		    !count_page(k, block, &leaf))
			return false;
	return block->present > 0 && pages - block->present <= max_absent &&
	       block->shared <= pages / 2;
}

static void collapse(struct kernel *k, const struct block *block, const struct vma *vma)
{
	pfn_t first = huge_take_block(k);
	struct pt_mapping mapping = {
		.va = block->va,
		.pa = first << FRAME_LG2,
		.page_lg2 = (uint8_t)(FRAME_LG2 + k->huge_order),
		.attrs = { .perms = vma_perms(vma, true), .accessed = true, .dirty = block->dirty },
	};
	unsigned pages = 1u << k->huge_order;
	struct translation leaf;

	if (first == PFN_NONE) {
		k->counters.thp_collapse_alloc_failed++;
		return;
	}
	for (unsigned i = 0; i < pages; i++) {
		if (leaf_harvest(k, block->space, block->va + (va_t)i * FRAME_BYTES, HARVEST_READ,
				 &leaf) == PW_OK)
			frame_copy(k, first + i, leaf.pa >> FRAME_LG2);
		else
			frame_zero(k, first + i);
	}
	pages_unmap(k, block->space, block->va, block_bytes(k));
	if (page_map(k, block->space, &mapping) != PW_OK) {
		/* The host refuses memory: the pages are lost. */
		huge_give_back(k, first);
		oom_condemn(k, block->space);
		return;
	}
	k->counters.thp_collapse_alloc++;
	k->counters.thp_filled_pages += pages - block->present;
}

/* Blocks of the space from *at on; how much of the budget is left, and whether *at is the end. */
static unsigned scan_space(struct kernel *k, struct space *space, va_t *at, unsigned budget)
{
	const uint64_t bytes = block_bytes(k);
	unsigned pages = 1u << k->huge_order;

	for (unsigned i = vma_set_find(&space->vmas, *at); i < space->vmas.count; i++) {
		const struct vma *vma = &space->vmas.vma[i];
		va_t from = *at > vma->start ? *at : vma->start;

		for (from = (from + bytes - 1) & ~(bytes - 1); huge_allowed(k, vma, from);
		     from += bytes) {
			struct block block = { .space = space, .va = from };

			*at = from;
			if (budget < pages)
				return 0;
			budget -= pages;
			if (can_collapse(k, &block, k->config.thp_max_ptes_none) && block.accessed)
				collapse(k, &block, vma);
		}
	}
	*at = 0;
	return budget;
}

void collapse_tick(struct kernel *k)
{
	unsigned budget = k->config.thp_scan_pages;

	if (k->huge_order == 0 || k->config.thp == THP_NEVER)
		return;
	cost_tables(k);
	k->collapsing = true;
	/* Once around at most; a cursor in the middle of a space comes back to what was before it. */
	for (unsigned i = 0; i <= k->space_slots && budget > 0; i++) {
		struct space *space;

		if (k->collapse_slot >= k->space_slots)
			k->collapse_slot = 0;
		space = k->space_slots ? k->space[k->collapse_slot] : NULL;
		if (space)
			budget = scan_space(k, space, &k->collapse_at, budget);
		if (budget > 0) {
			k->collapse_slot++;
			k->collapse_at = 0;
		}
	}
	cost_tables(k);
	k->collapsing = false;
}

void collapse_range(struct kernel *k, struct space *space, const struct vma *part)
{
	uint64_t bytes = block_bytes(k);
	va_t at = (part->start + bytes - 1) & ~(bytes - 1);

	if (k->huge_order == 0 || part->file >= 0 ||
	    part->flags & (MAP_SHARED | MAP_GROWSDOWN | VMA_NOHUGEPAGE))
		return;
	for (; at < part->end && part->end - at >= bytes; at += bytes) {
		struct block block = { .space = space, .va = at };

		if (can_collapse(k, &block, 1u << k->huge_order))
			collapse(k, &block, part);
	}
}
