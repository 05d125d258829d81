/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Transparent huge pages: made by faults, split where one is cut (Linux: mm/huge_memory.c).
 *
 * The size is the largest above 4 KiB that the page table has, up to 4 MiB: 2 MiB on x86-64. A
 * page table without one, one with a single entry a frame, and machines with other base pages have
 * no huge pages; nothing differs for the guest.
 *
 * A fault gets one where its VMA may have them, covers the aligned block around the address, and
 * nothing is mapped in the block. All of it is cleared and mapped by one leaf, as if the faulting
 * access had touched all pages. Nothing is reclaimed or moved for it: without a free block it is a
 * base page (Linux: defrag "never"). Stacks have base pages.
 *
 *	always    every private anonymous VMA but those of MADV_NOHUGEPAGE
 *	madvise   those of MADV_HUGEPAGE
 *	never     none
 *
 * After a fork both spaces have the leaf, write-protected. A write to it splits the writer's and
 * copies one base page, as Linux since 5.8; if nobody else has any part of it, it becomes writable
 * as a whole.
 *
 * Reclaim works on base pages: it splits the leaf of its victim. As the leaf has one A bit, the look
 * at one of its pages clears it for all. (Linux keeps a huge page on the lists as one, and splits
 * it when it is to be swapped out.)
 *
 * Internal fragmentation: hardware has one A bit a leaf, so nobody sees which of its pages are in
 * use. What the kernel knows is which pages it filled unasked: all of a huge page but the one that
 * faulted (thp_filled_pages). That bounds the waste from above.
 *
 * Not modelled: the huge zero page (reading makes a cleared one), huge pages of files and of shared
 * memory, page tables set aside for later splits (Linux deposits one, so that a split cannot fail).
 */

#include <sys/mman.h>

#include "emu/kernel/huge.h"
#include "emu/kernel/kernel_internal.h"

enum { HUGE_LG2_MAX = 22 };

void huge_init(struct kernel *k)
{
	const struct pt_caps *caps = &k->table->caps;

	k->huge_order = 0;
	if (!caps->aliases || k->table == &k->view)
		return;
	for (unsigned lg2 = FRAME_LG2 + 1; lg2 <= HUGE_LG2_MAX; lg2++)
		if (caps->page_sizes >> lg2 & 1)
			k->huge_order = lg2 - FRAME_LG2;
}

/* --- faults ---------------------------------------------------------------------------------- */

bool huge_allowed(const struct kernel *k, const struct vma *vma, va_t block)
{
	if (vma->file >= 0 || vma->flags & (MAP_SHARED | MAP_GROWSDOWN | VMA_NOHUGEPAGE))
		return false;
	if (k->config.thp == THP_NEVER ||
	    (k->config.thp == THP_MADVISE && !(vma->flags & VMA_HUGEPAGE)))
		return false;
	return block >= vma->start && block < vma->end &&
	       vma->end - block >= (uint64_t)FRAME_BYTES << k->huge_order;
}

/* Is nothing mapped in the block, nor swapped out? A walk that ends above the leaves answers for all it covers. */
static bool is_empty(const struct kernel *k, const struct space *space, va_t block, uint64_t bytes)
{
	struct walk_input input = {
		.space = space->pt,
		.access = ACCESS_READ,
		.mode = MODE_SUPERVISOR_AC,
	};
	struct mmu_fault fault;
	vpn_t swapped = block >> FRAME_LG2;
	pfn_t value;

	if (page_tree_next(&space->swapped, &swapped, &value) &&
	    swapped < (block + bytes) >> FRAME_LG2)
		return false;
	for (uint64_t at = 0; at < bytes; at += FRAME_BYTES) {
		input.va = block + at;
		if (pt_probe(&input, NULL, &fault) != FAULT_NOT_PRESENT)
			return false;
		if (k->table->caps.level_count > 1 &&
		    UINT64_C(1) << k->table->caps.level_lg2[fault.level] >= bytes)
			return true;
	}
	return true;
}

pfn_t huge_take_block(struct kernel *k)
{
	pfn_t first;

	if (k->frames.count[FRAME_FREE] <
	    k->watermark[WATERMARK_LOW] + (UINT64_C(1) << k->huge_order))
		return PFN_NONE;
	first = frames_take(&k->frames, FRAME_ANONYMOUS, k->huge_order);

	if (first == PFN_NONE && k->frames.limbo_first != PFN_NONE) {
		kernel_settle(k);
		first = frames_take(&k->frames, FRAME_ANONYMOUS, k->huge_order);
	}
	return first;
}

void huge_give_back(struct kernel *k, pfn_t first)
{
	for (pfn_t i = 0; i < (pfn_t)1 << k->huge_order; i++)
		frames_put(&k->frames, first + i);
}

bool huge_touch(struct kernel *k, struct touch *touch, const struct vma *vma)
{
	uint64_t bytes = (uint64_t)FRAME_BYTES << k->huge_order;
	struct pt_mapping mapping = {
		.va = touch->va & ~(bytes - 1),
		.page_lg2 = (uint8_t)(FRAME_LG2 + k->huge_order),
		.attrs = { .perms = vma_perms(vma, true),
			   .accessed = true,
			   .dirty = touch->access == ACCESS_WRITE },
	};
	pfn_t first;

	if (k->huge_order == 0 || !huge_allowed(k, vma, mapping.va) ||
	    !is_empty(k, touch->space, mapping.va, bytes))
		return false;
	first = huge_take_block(k);
	if (first == PFN_NONE) {
		k->counters.thp_fault_fallback++;
		return false;
	}
	for (pfn_t i = 0; i < (pfn_t)1 << k->huge_order; i++)
		frame_zero(k, first + i);
	mapping.pa = first << FRAME_LG2;
	if (page_map(k, touch->space, &mapping) != PW_OK) {
		huge_give_back(k, first);
		k->counters.thp_fault_fallback++;
		return false;
	}
	touch->pfn = first + ((touch->va - mapping.va) >> FRAME_LG2);
	k->counters.thp_fault_alloc++;
	k->counters.thp_filled_pages += (UINT64_C(1) << k->huge_order) - 1;
	return true;
}

bool leaf_exclusive(const struct kernel *k, const struct translation *leaf)
{
	pfn_t first = leaf->pa >> FRAME_LG2;

	for (pfn_t i = 0; i < leaf->bytes >> FRAME_LG2; i++) {
		const struct frame *frame = frame_at(&k->frames, first + i);

		if (frame->kind != FRAME_ANONYMOUS || frame->refs != 1)
			return false;
	}
	return true;
}

bool frame_is_huge(const struct kernel *k, const struct frame *frame)
{
	struct translation leaf;

	if (k->huge_pages == 0)
		return false;
	for (const struct frame_mapping *map = frame->maps ? &frame->map : NULL; map;
	     map = map->next)
		if (pt_lookup(space_find(k, map->space)->pt, map->vpn << FRAME_LG2, &leaf) ==
			    PW_OK &&
		    leaf.page_lg2 > FRAME_LG2)
			return true;
	return false;
}

/* --- splits ---------------------------------------------------------------------------------- */

static bool is_huge(const struct kernel *k, const struct space *space, va_t va,
		    struct translation *leaf)
{
	return k->huge_pages > 0 && pt_lookup(space->pt, va, leaf) == PW_OK &&
	       leaf->page_lg2 > FRAME_LG2;
}

/* The table may have sizes in between. */
int huge_split(struct kernel *k, struct space *space, va_t va, bool make_room)
{
	struct translation leaf, part;

	while (is_huge(k, space, va, &leaf)) {
		int error = k->table->ops->split(space->pt, va);

		if (error == PW_NOFRAMES && make_room && pageout_direct(k, 1) > 0) {
			kernel_settle(k);
			continue;
		}
		if (error)
			return error;
		k->counters.thp_split_pmd++;
		if (space->tagged)
			k->hw.invalidate_range(k->hw.ctx, space->pt->tag, leaf.va, leaf.bytes);
		cost_shootdown(k, 1);
		if (pt_lookup(space->pt, va, &part) == PW_OK && part.page_lg2 == FRAME_LG2)
			k->huge_pages -= leaf.bytes >> FRAME_LG2;
	}
	return PW_OK;
}

static int split_across(struct kernel *k, struct space *space, va_t va)
{
	struct translation leaf;

	return is_huge(k, space, va, &leaf) && leaf.va < va ? huge_split(k, space, va, true)
							    : PW_OK;
}

int huge_split_ends(struct kernel *k, struct space *space, va_t start, va_t end)
{
	int error = split_across(k, space, start);

	return error ? error : split_across(k, space, end);
}

int huge_split_all(struct kernel *k, struct space *space, va_t start, va_t end)
{
	int error = PW_OK;

	for (va_t at = start; !error && k->huge_pages > 0 && at < end; at += FRAME_BYTES)
		error = huge_split(k, space, at, true);
	return error;
}
