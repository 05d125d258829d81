/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Faults on mappings of huge pages (Linux 6.1: hugetlb_no_page() and hugetlb_wp(), mm/hugetlb.c).
 *
 *	              absent                          present, not writable, written to
 *	private       a cleared page                  copied whole, or reused by the only one that maps it
 *	shared        the object's page, cleared      (always writable)
 *	              when it is new
 *
 * Whatever the page table's leaves are, the whole huge page is mapped at once, with A and D set as
 * one leaf would have them. So each huge page faults alike on every machine.
 *
 * A private page is copied to one that nobody was promised. Where there is none, the first mapper
 * takes the page back from its children instead: their mapping of it goes, and the next access by
 * one of them to what is absent in that VMA is a SIGBUS (unmap_ref_private()).
 */

#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

/* The huge page around touch->va. */
static va_t page_start(const struct touch *touch, const struct vma *vma)
{
	return touch->va & ~(hugetlb_bytes(vma->flags) - 1);
}

/* Its number in the object. */
static uint64_t page_index(const struct touch *touch, const struct vma *vma)
{
	return (vma->offset + (touch->va - vma->start)) >> hugetlb_lg2(vma->flags);
}

/* The largest leaf that the page table has for it. */
static unsigned leaf_lg2(const struct kernel *k, unsigned lg2)
{
	while (lg2 > FRAME_LG2 && !(k->table->caps.page_sizes >> lg2 & 1))
		lg2--;
	return lg2;
}

/* All or nothing. */
static bool map_leaves(struct kernel *k, const struct touch *touch, struct pt_mapping mapping,
		       uint64_t bytes)
{
	va_t start = mapping.va;

	for (; mapping.va < start + bytes; mapping.va += UINT64_C(1) << mapping.page_lg2) {
		if (page_map(k, touch->space, &mapping) != PW_OK) {
			if (mapping.va > start)
				pages_unmap(k, touch->space, start, mapping.va - start);
			return false;
		}
		mapping.pa += UINT64_C(1) << mapping.page_lg2;
	}
	return true;
}

/* The page is nobody's yet, or the object's; the former goes back if it cannot be mapped. */
static enum touch_result map_page(struct kernel *k, struct touch *touch, const struct vma *vma,
				  pfn_t first)
{
	const struct pt_mapping mapping = {
		.va = page_start(touch, vma),
		.pa = first << FRAME_LG2,
		.page_lg2 = (uint8_t)leaf_lg2(k, hugetlb_lg2(vma->flags)),
		.attrs = { .perms = vma_perms(vma, true),
			   .accessed = true,
			   .dirty = touch->access == ACCESS_WRITE },
	};
	bool mapped;

	touch->pfn = first + ((touch->va - mapping.va) >> FRAME_LG2);
	frames_get(&k->frames, first);
	mapped = map_leaves(k, touch, mapping, hugetlb_bytes(vma->flags));
	frames_put(&k->frames, first);
	hugetlb_trim(k, first);
	return mapped ? TOUCH_OK : TOUCH_NOMEM;
}

static void clear(struct kernel *k, const struct vma *vma, pfn_t first)
{
	for (pfn_t i = 0; i < hugetlb_bytes(vma->flags) >> FRAME_LG2; i++)
		frame_zero(k, first + i);
	k->counters.hugetlb_fault_alloc++;
}

static enum touch_result deny(struct kernel *k)
{
	k->counters.hugetlb_fault_denied++;
	return TOUCH_BUS;
}

static enum touch_result touch_shared(struct kernel *k, struct touch *touch, const struct vma *vma)
{
	struct file *file = file_find(k, vma->file);
	uint64_t index = page_index(touch, vma);
	pfn_t first = page_tree_find(&file->pages, index);

	if (first == PFN_NONE) {
		first = hugetlb_take(k, file, index, true);
		if (first == PFN_NONE)
			return deny(k);
		if (objects_tree_insert(k, &file->pages, index, first) != PW_OK) {
			hugetlb_trim(k, first);
			return TOUCH_NOMEM;
		}
		frame_at(&k->frames, first)->file = file->slot;
		clear(k, vma, first);
	} else {
		touch->service = SERVICE_FILE;
	}
	return map_page(k, touch, vma, first);
}

enum touch_result hugetlb_touch(struct kernel *k, struct touch *touch, const struct vma *vma)
{
	struct file *file = file_find(k, vma->file);
	uint64_t index = page_index(touch, vma);
	bool promised = vma->flags & VMA_HUGETLB_OWNER &&
			page_tree_find(&file->promised, index) != PFN_NONE;
	enum touch_result result;
	pfn_t first;

	touch->service = SERVICE_ANONYMOUS;
	if (vma->flags & VMA_HUGETLB_LOST)
		return deny(k);
	if (vma->flags & MAP_SHARED)
		return touch_shared(k, touch, vma);
	first = hugetlb_take(k, file, index, promised);
	if (first == PFN_NONE)
		return deny(k);
	clear(k, vma, first);
	result = map_page(k, touch, vma, first);
	/* There may be another try. Without memory of the host it finds no promise. */
	if (result != TOUCH_OK && promised)
		(void)hugetlb_promise_page(k, file, index);
	return result;
}

/* --- copy on write --------------------------------------------------------------------------- */

static enum touch_result reuse(struct kernel *k, struct touch *touch, const struct vma *vma)
{
	pages_protect(k, touch->space, page_start(touch, vma), hugetlb_bytes(vma->flags),
		      vma_perms(vma, true));
	leaf_mark(k, touch->space, touch->va, true);
	touch->service = SERVICE_REUSE;
	return TOUCH_OK;
}

/* Every other space loses the page, and its VMA is marked. */
static void take_from_others(struct kernel *k, const struct space *keeper, pfn_t first)
{
	const struct frame *head = frame_at(&k->frames, first);

	while (head->maps > 1) {
		const struct frame_mapping *map = &head->map;
		struct space *other;
		struct vma vma;

		while (map->space == keeper->id)
			map = map->next;
		other = space_find(k, map->space);
		vma = *vma_set_at(&other->vmas, map->vpn << FRAME_LG2);
		pages_unmap(k, other, map->vpn << FRAME_LG2, hugetlb_bytes(vma.flags));
		vma_set_flags(&other->vmas, vma.start, vma.end, vma.flags | VMA_HUGETLB_LOST);
		k->counters.hugetlb_taken_back++;
	}
}

enum touch_result hugetlb_break_cow(struct kernel *k, struct touch *touch, const struct vma *vma)
{
	pfn_t old = hugetlb_page_of(k, touch->pfn), first;
	uint64_t bytes = hugetlb_bytes(vma->flags);

	if (frame_at(&k->frames, old)->maps == 1)
		return reuse(k, touch, vma);
	first = hugetlb_take(k, file_find(k, vma->file), page_index(touch, vma), false);
	if (first == PFN_NONE && vma->flags & VMA_HUGETLB_OWNER) {
		take_from_others(k, touch->space, old);
		return reuse(k, touch, vma);
	}
	if (first == PFN_NONE)
		return deny(k);
	for (pfn_t i = 0; i < bytes >> FRAME_LG2; i++)
		frame_copy(k, first + i, old + i);
	k->counters.hugetlb_copied++;
	touch->service = SERVICE_COW;
	pages_unmap(k, touch->space, page_start(touch, vma), bytes);
	return map_page(k, touch, vma, first);
}
