/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Pages of files: read into the cache, written back, unmapped everywhere.
 *
 * There is no list of the VMAs of a file: whoever needs all of them scans the spaces. That is right
 * for truncation and synchronisation, which are rare.
 */

#include <errno.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

static bool fill_page(struct kernel *k, const struct file *file, uint64_t index, pfn_t pfn)
{
	int error;

	if (file->identity == KERNEL_IDENTITY_NONE) {
		frame_zero(k, pfn);
		return true;
	}
	error = k->content.read_file(k->content.ctx, file->identity, index, pfn);
	k->hw.frame_changed(k->hw.ctx, pfn);
	cost_charge(k, CHARGE_IO_READ, k->config.costs.file_read_page);
	k->counters.pages_read++;
	return error == 0;
}

/* From the swap device, whose slot is free then. */
static void refill_page(struct kernel *k, struct file *file, uint64_t index, pfn_t pfn)
{
	frame_swap_in(k, pfn, swapped_find(&file->swapped, index));
	swapped_leave(k, &file->swapped, index);
}

static struct reclaim_key key_of(const struct file *file, uint64_t index)
{
	/* An anonymous object goes by its slot in the file table. */
	uint64_t name = file->identity == KERNEL_IDENTITY_NONE ? (uint64_t)file->slot
							       : file->identity;

	return (struct reclaim_key){ name | UINT64_C(1) << 63, index };
}

enum file_page_result file_page(struct kernel *k, struct file *file, uint64_t index, pfn_t *pfn)
{
	bool anonymous = file->identity == KERNEL_IDENTITY_NONE;
	struct frame *frame;

	*pfn = page_tree_find(&file->pages, index);
	if (*pfn != PFN_NONE)
		return FILE_PAGE_HIT;
	*pfn = supply_frame(k, FRAME_FILE, 0);
	if (*pfn == PFN_NONE)
		return FILE_PAGE_NOMEM;
	frame = frame_at(&k->frames, *pfn);
	frame->file = file->slot;
	frame->index = index;
	if (objects_tree_insert(k, &file->pages, index, *pfn) != PW_OK) {
		frames_put(&k->frames, *pfn);
		return FILE_PAGE_NOMEM;
	}
	pageout_inserted(k, *pfn, anonymous ? RECLAIM_ANONYMOUS : RECLAIM_FILE,
			 key_of(file, index));
	if (swapped_find(&file->swapped, index) != SLOT_NONE) {
		refill_page(k, file, index, *pfn);
		return FILE_PAGE_SWAPPED;
	}
	if (!fill_page(k, file, index, *pfn)) {
		page_tree_remove(&file->pages, index);
		frames_put(&k->frames, *pfn);
		return FILE_PAGE_BAD;
	}
	return anonymous ? FILE_PAGE_HIT : FILE_PAGE_READ;
}

int file_write_page(struct kernel *k, struct file *file, uint64_t index, pfn_t pfn)
{
	uint64_t start = index << FRAME_LG2, bytes;
	int error;

	if (file->identity == KERNEL_IDENTITY_NONE || start >= file->size || k->stopping)
		return 0;
	bytes = file->size - start < FRAME_BYTES ? file->size - start : FRAME_BYTES;
	error = k->content.write_file(k->content.ctx, file->identity, index, pfn, (unsigned)bytes);
	cost_charge(k, CHARGE_IO_WRITE, k->config.costs.file_write_page);
	k->counters.pages_written++;
	return error ? -EIO : 0;
}

static uint64_t file_page_of(const struct vma *vma, va_t va)
{
	return (vma->offset + (va - vma->start)) >> FRAME_LG2;
}

static va_t address_of_page(const struct vma *vma, uint64_t index)
{
	return vma->start + ((index << FRAME_LG2) - vma->offset);
}

int vma_write_back(struct kernel *k, struct space *space, const struct vma *vma, va_t start,
		   va_t end)
{
	struct file *file = file_find(k, vma->file);
	uint64_t index = file_page_of(vma, start), last = file_page_of(vma, end - 1);
	int result = 0;
	pfn_t pfn;

	for (; page_tree_next(&file->pages, &index, &pfn) && index <= last; index++) {
		va_t va = address_of_page(vma, index);
		struct translation leaf;

		if (frame_at(&k->frames, pfn)->maps == 0 ||
		    leaf_harvest(k, space, va, HARVEST_READ, &leaf) != PW_OK || !leaf.dirty)
			continue;
		leaf_harvest(k, space, va, HARVEST_CLEAR_D, &leaf);
		page_changed(k, space, va);
		if (file_write_page(k, file, index, pfn) != 0)
			result = -EIO;
	}
	return result;
}

/* --- every VMA of a file --------------------------------------------------------------------- */

/* Told of the part of a VMA that maps the pages asked for. */
typedef int part_fn(struct kernel *k, struct space *space, const struct vma *vma, va_t start,
		    va_t end);

static int part_of_vma(struct kernel *k, struct space *space, const struct vma *vma,
		       const uint64_t pages[2], part_fn *fn)
{
	uint64_t first = file_page_of(vma, vma->start), end = file_page_of(vma, vma->end);

	first = first > pages[0] ? first : pages[0];
	end = end < pages[1] ? end : pages[1];
	if (first >= end)
		return 0;
	return fn(k, space, vma, address_of_page(vma, first), address_of_page(vma, end));
}

static int for_each_part(struct kernel *k, const struct file *file, const uint64_t pages[2],
			 part_fn *fn)
{
	int result = 0;

	for (unsigned i = 0; file->vmas > 0 && i < k->space_slots; i++) {
		struct space *space = k->space[i];

		for (unsigned n = 0; space && n < space->vmas.count; n++) {
			const struct vma *vma = &space->vmas.vma[n];
			int error = 0;

			if (vma->file >= 0 && vma->file / 2 == file->slot)
				error = part_of_vma(k, space, vma, pages, fn);
			result = error ? error : result;
		}
	}
	return result;
}

static int write_back_part(struct kernel *k, struct space *space, const struct vma *vma, va_t start,
			   va_t end)
{
	return vma->flags & MAP_SHARED ? vma_write_back(k, space, vma, start, end) : 0;
}

int file_write_back(struct kernel *k, struct file *file, uint64_t first, uint64_t end)
{
	const uint64_t pages[2] = { first, end };

	return for_each_part(k, file, pages, write_back_part);
}

static int unmap_part(struct kernel *k, struct space *space, const struct vma *vma, va_t start,
		      va_t end)
{
	(void)vma;
	pages_unmap(k, space, start, end - start);
	return 0;
}

void file_unmap(struct kernel *k, struct file *file, uint64_t first, uint64_t end)
{
	const uint64_t pages[2] = { first, end };

	for_each_part(k, file, pages, unmap_part);
}
