/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Larger base pages: which frame a page of 4 KiB gets when the hardware maps 2^n of them with one
 * entry. All pages of a base page lie in one block of 2^n contiguous frames, each at its offset:
 *
 *	base page   | page 0 | page 1 |        | page 3 |     the VMAs say which pages there are
 *	block       | frame  | frame  | slack  | frame  |     slack: held, and of no use to anyone
 *
 * A block is private memory: a page of a file is copied into it from the page cache, even where it
 * is only read, and does not follow the file from then on. The first touch of a page brings in the
 * others that may be touched too (block_populate), as the hardware would not fault on them. After a
 * fork two spaces have one block, write-protected; a write, or a page that one of them maps where
 * the other has one already, gives the space a block of its own, with copies of all its pages.
 *
 * Not modelled: memory that is shared and can be written (mm_map.c refuses it), sharing of clean
 * file pages between blocks.
 */

#include "emu/kernel/kernel_internal.h"
#include "emu/kernel/page_view.h"

struct moved {
	bool present;
	struct pt_attrs attrs;
};

static uint64_t block_frames(const struct kernel *k)
{
	return UINT64_C(1) << k->frames.block_order;
}

static va_t block_of(const struct kernel *k, va_t va)
{
	return va & ~((block_frames(k) << FRAME_LG2) - 1);
}

static bool harvest(struct kernel *k, struct space *space, va_t va, struct translation *leaf)
{
	return k->table->ops->harvest(space->pt, va, HARVEST_READ, leaf) == PW_OK;
}

/* Copies the pages of a space's block to a new one; what they permit stays. */
static void copy_pages(struct kernel *k, struct space *space, va_t block, pfn_t first,
		       struct moved *moved)
{
	for (uint64_t i = 0; i < block_frames(k); i++) {
		struct translation leaf;

		moved[i].present = harvest(k, space, block + (i << FRAME_LG2), &leaf);
		if (!moved[i].present)
			continue;
		moved[i].attrs =
			(struct pt_attrs){ leaf.perms, leaf.global, leaf.accessed, leaf.dirty };
		frames_use_slack(&k->frames, first + i);
		frame_copy(k, first + i, leaf.pa >> FRAME_LG2);
	}
}

static bool enter_pages(struct kernel *k, struct space *space, va_t block, pfn_t first,
			const struct moved *moved)
{
	bool all = true;

	for (uint64_t i = 0; i < block_frames(k); i++) {
		const struct pt_mapping page = {
			.va = block + (i << FRAME_LG2),
			.pa = (first + i) << FRAME_LG2,
			.page_lg2 = FRAME_LG2,
			.attrs = moved[i].attrs,
		};

		if (moved[i].present && page_map(k, space, &page) != PW_OK) {
			frames_put(&k->frames, first + i);
			all = false;
		}
	}
	return all;
}

bool block_own(struct kernel *k, struct space *space, va_t va)
{
	struct moved moved[1 << BLOCK_ORDER_MAX];
	va_t block = block_of(k, va);
	pfn_t first = supply_frame(k, FRAME_SLACK, k->frames.block_order);

	if (first == PFN_NONE)
		return false;
	copy_pages(k, space, block, first, moved);
	pages_unmap(k, space, block, block_frames(k) << FRAME_LG2);
	if (enter_pages(k, space, block, first, moved))
		return true;
	/* The pages are lost. */
	oom_condemn(k, space);
	return false;
}

/* A frame for the page, in the block that its base page has, or in a new one. */
static pfn_t frame_in_block(struct kernel *k, struct space *space, va_t va)
{
	pfn_t offset = (va >> FRAME_LG2) & (block_frames(k) - 1), pfn;
	pa_t block;

	if (page_view_block(space->pt, va, &block) != PW_OK) {
		pfn = supply_frame(k, FRAME_SLACK, k->frames.block_order);
		if (pfn == PFN_NONE)
			return PFN_NONE;
	} else {
		pfn = block >> FRAME_LG2;
		if (frame_at(&k->frames, pfn + offset)->kind != FRAME_SLACK) {
			if (!block_own(k, space, va) ||
			    page_view_block(space->pt, va, &block) != PW_OK)
				return PFN_NONE;
			pfn = block >> FRAME_LG2;
		}
	}
	/* A page may have left it in this very operation: see kernel_settle(). */
	if (k->flush_due)
		kernel_settle(k);
	frames_use_slack(&k->frames, pfn + offset);
	return pfn + offset;
}

pfn_t supply_page(struct kernel *k, struct space *space, va_t va)
{
	if (PAGEWALK_LIKELY(k->frames.block_order == 0))
		return supply_frame(k, FRAME_ANONYMOUS, 0);
	return frame_in_block(k, space, va);
}

void block_populate(struct kernel *k, struct space *space, va_t va)
{
	va_t block = block_of(k, va);

	for (uint64_t i = 0; i < block_frames(k); i++) {
		struct touch touch = {
			.space = space,
			.va = block + (i << FRAME_LG2),
			.access = ACCESS_READ,
			.optional = true,
		};
		struct translation leaf;
		const struct vma *vma = vma_set_at(&space->vmas, touch.va);

		if (vma && vma->prot && !harvest(k, space, touch.va, &leaf) &&
		    touch_page(k, &touch) == TOUCH_NOMEM)
			return;
	}
}

int block_move(struct kernel *k, struct space *space, va_t from, va_t to, uint64_t bytes)
{
	struct translation leaf;

	for (uint64_t at = 0; at < bytes; at += FRAME_BYTES) {
		struct pt_mapping page = { .va = to + at, .page_lg2 = FRAME_LG2 };
		pfn_t pfn, old;

		if (!harvest(k, space, from + at, &leaf))
			continue;
		old = leaf.pa >> FRAME_LG2;
		frames_get(&k->frames, old);
		pfn = supply_page(k, space, page.va);
		if (pfn != PFN_NONE) {
			frame_copy(k, pfn, old);
			page.pa = pfn << FRAME_LG2;
			page.attrs = (struct pt_attrs){ leaf.perms, leaf.global, leaf.accessed,
							leaf.dirty };
			if (page_map(k, space, &page) != PW_OK) {
				frames_put(&k->frames, pfn);
				pfn = PFN_NONE;
			}
		}
		frames_put(&k->frames, old);
		if (pfn == PFN_NONE) {
			pages_unmap(k, space, to, bytes);
			return PW_NOFRAMES;
		}
	}
	pages_unmap(k, space, from, bytes);
	return PW_OK;
}
