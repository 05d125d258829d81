/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Making one page present and allowed: what a fault and the kernel's own touch of guest memory
 * have in common (Linux: handle_mm_fault() and what it calls, mm/memory.c).
 *
 *	              absent                                 present, not writable, written to
 *	anonymous     zeroed frame                           private: copied, or reused in place by
 *	private file  read: the cached page, not writable             the only one that maps it
 *	              write: a copy of it at once            shared:  made writable
 *	shared file   the cached page
 *	on swap       read back (swap_in.c)
 *	of a pool     hugetlb_fault.c
 *
 * As Linux does, an entry is made with A set, and with D if a write asked for it.
 *
 * A frame that is on its way to be mapped is pinned: making room for a copy or for a table must not
 * drop it. Not modelled: a shared zero page, fault-around, readahead.
 */

#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

enum touch_result touch_map(struct kernel *k, struct touch *touch, const struct vma *vma,
			    bool may_write)
{
	const struct pt_mapping mapping = {
		.va = touch->va,
		.pa = touch->pfn << FRAME_LG2,
		.page_lg2 = FRAME_LG2,
		.attrs = { .perms = vma_perms(vma, may_write),
			   .accessed = true,
			   .dirty = touch->access == ACCESS_WRITE },
	};

	return page_map(k, touch->space, &mapping) == PW_OK ? TOUCH_OK : TOUCH_NOMEM;
}

/* A new frame that nothing holds yet: gone again if it could not be mapped. */
static enum touch_result map_new(struct kernel *k, struct touch *touch, const struct vma *vma)
{
	enum touch_result result = touch_map(k, touch, vma, true);

	if (result != TOUCH_OK)
		frames_put(&k->frames, touch->pfn);
	return result;
}

static enum touch_result touch_anonymous(struct kernel *k, struct touch *touch,
					 const struct vma *vma)
{
	if (touch->service != SERVICE_STACK)
		touch->service = SERVICE_ANONYMOUS;
	if (huge_touch(k, touch, vma))
		return TOUCH_OK;
	touch->pfn = supply_page(k, touch->space, touch->va);
	if (touch->pfn == PFN_NONE)
		return TOUCH_NOMEM;
	frame_zero(k, touch->pfn);
	return map_new(k, touch, vma);
}

/* The pinned frame `from` is copied to a frame of the toucher's own. */
static enum touch_result copy_frame(struct kernel *k, struct touch *touch, pfn_t from)
{
	touch->pfn = supply_page(k, touch->space, touch->va);
	if (touch->pfn == PFN_NONE)
		return TOUCH_NOMEM;
	frame_copy(k, touch->pfn, from);
	touch->service = SERVICE_COW;
	return TOUCH_OK;
}

enum touch_result touch_copy(struct kernel *k, struct touch *touch, const struct vma *vma,
			     pfn_t from)
{
	enum touch_result result = copy_frame(k, touch, from);

	return result == TOUCH_OK ? map_new(k, touch, vma) : result;
}

static enum touch_result touch_file(struct kernel *k, struct touch *touch, const struct vma *vma)
{
	struct file *file = file_find(k, vma->file);
	uint64_t index = (vma->offset + (touch->va - vma->start)) >> FRAME_LG2;
	/* In a larger base page every page is a copy: what is shared there cannot be written. */
	bool copied = k->frames.block_order > 0, shared = vma->flags & MAP_SHARED;
	enum touch_result result;
	pfn_t cached;

	if (index >= (file->size + FRAME_BYTES - 1) >> FRAME_LG2)
		return TOUCH_BUS;
	switch (file_page(k, file, index, &cached)) {
	case FILE_PAGE_NOMEM:
		return TOUCH_NOMEM;
	case FILE_PAGE_BAD:
		return TOUCH_BUS;
	case FILE_PAGE_READ:
		touch->major = true;
		break;
	case FILE_PAGE_SWAPPED:
		touch->major = true;
		touch->service = SERVICE_SWAP;
		break;
	case FILE_PAGE_HIT:
		break;
	}
	frames_get(&k->frames, cached);
	touch->pfn = cached;
	if (touch->service != SERVICE_SWAP)
		touch->service = SERVICE_FILE;
	if (!copied && (shared || touch->access != ACCESS_WRITE)) {
		result = touch_map(k, touch, vma, shared);
	} else {
		result = touch_copy(k, touch, vma, cached);
		if (touch->access != ACCESS_WRITE)
			touch->service = SERVICE_FILE;
	}
	frames_put(&k->frames, cached);
	return result;
}

/* The entry keeps its frames and gets all that the VMA permits. */
static enum touch_result upgrade(struct kernel *k, struct touch *touch, const struct vma *vma,
				 const struct translation *leaf, bool may_write)
{
	pages_protect(k, touch->space, leaf->va, leaf->bytes, vma_perms(vma, may_write));
	leaf_mark(k, touch->space, touch->va, touch->access == ACCESS_WRITE);
	touch->service = SERVICE_REUSE;
	return TOUCH_OK;
}

/* All pages of the block are copied; the one that is written to may be written from now on. */
static enum touch_result break_cow_of_block(struct kernel *k, struct touch *touch,
					    const struct vma *vma)
{
	struct translation leaf;

	if (!block_own(k, touch->space, touch->va))
		return TOUCH_NOMEM;
	k->table->ops->harvest(touch->space->pt, touch->va, HARVEST_READ, &leaf);
	touch->pfn = leaf.pa >> FRAME_LG2;
	upgrade(k, touch, vma, &leaf, true);
	touch->service = SERVICE_COW;
	return TOUCH_OK;
}

static enum touch_result touch_present(struct kernel *k, struct touch *touch, const struct vma *vma,
				       const struct translation *leaf);

static enum touch_result split_and_retry(struct kernel *k, struct touch *touch,
					 const struct vma *vma)
{
	struct translation page;

	if (huge_split(k, touch->space, touch->va, true) != PW_OK)
		return TOUCH_NOMEM;
	leaf_harvest(k, touch->space, touch->va, HARVEST_READ, &page);
	return touch_present(k, touch, vma, &page);
}

/* Of a huge page that others have parts of, one base page is copied. */
static enum touch_result break_cow(struct kernel *k, struct touch *touch, const struct vma *vma,
				   const struct translation *leaf)
{
	pfn_t old = touch->pfn;
	enum touch_result result;

	if (vma->flags & MAP_HUGETLB)
		return hugetlb_break_cow(k, touch, vma);
	if (leaf_exclusive(k, leaf) || swap_cache_reuse(k, old))
		return upgrade(k, touch, vma, leaf, true);
	if (leaf->page_lg2 > FRAME_LG2)
		return split_and_retry(k, touch, vma);
	if (k->frames.block_order)
		return break_cow_of_block(k, touch, vma);
	frames_get(&k->frames, old);
	result = copy_frame(k, touch, old);
	if (result == TOUCH_OK) {
		/* The table that may go with the old entry comes back for the new one. */
		pages_unmap(k, touch->space, touch->va, FRAME_BYTES);
		result = map_new(k, touch, vma);
	}
	frames_put(&k->frames, old);
	return result;
}

static enum touch_result touch_present(struct kernel *k, struct touch *touch, const struct vma *vma,
				       const struct translation *leaf)
{
	static const uint8_t needed[ACCESS_KIND_COUNT] = {
		[ACCESS_READ] = PERM_USER | PERM_READ,
		[ACCESS_WRITE] = PERM_USER | PERM_WRITE,
		[ACCESS_FETCH] = PERM_USER | PERM_EXEC,
	};
	bool write = touch->access == ACCESS_WRITE;

	touch->pfn = (leaf->pa + (touch->va - leaf->va)) >> FRAME_LG2;
	if (write && !(leaf->perms & PERM_WRITE) && !(vma->flags & MAP_SHARED))
		return break_cow(k, touch, vma, leaf);
	if ((leaf->perms & needed[touch->access]) != needed[touch->access])
		return upgrade(k, touch, vma, leaf,
			       leaf->perms & PERM_WRITE || vma->flags & MAP_SHARED);
	if (leaf->accessed && (leaf->dirty || !write)) {
		touch->service = SERVICE_SPURIOUS;
		return TOUCH_OK;
	}
	leaf_mark(k, touch->space, touch->va, write);
	touch->service = SERVICE_MARK;
	return TOUCH_OK;
}

/*
 * A stack grows to hold va if it stays within the limit and off its neighbour (Linux:
 * expand_downwards() and acct_stack_growth(), mm/mmap.c).
 */
static struct vma *grow_stack(struct touch *touch, unsigned above)
{
	struct vma_set *set = &touch->space->vmas;
	struct vma *vma = &set->vma[above];

	if (above == set->count || !(vma->flags & MAP_GROWSDOWN) || touch->va < MMAP_MIN_ADDR ||
	    vma->end - touch->va > touch->space->stack_limit)
		return NULL;
	if (above > 0 && !(vma[-1].flags & MAP_GROWSDOWN) && vma[-1].prot != PROT_NONE &&
	    touch->va - vma[-1].end < STACK_GUARD_BYTES)
		return NULL;
	vma_set_grow_down(set, vma, touch->va);
	touch->service = SERVICE_STACK;
	return vma_set_at(set, touch->va);
}

static bool permitted(const struct vma *vma, enum access_kind access)
{
	switch (access) {
	case ACCESS_WRITE:
		return vma->prot & PROT_WRITE;
	case ACCESS_FETCH:
		return vma->prot & PROT_EXEC;
	default:
		return vma->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
	}
}

/* A victim of want of memory gets no page (check_stable_address_space()). */
static enum touch_result touch_vma(struct kernel *k, struct touch *touch, const struct vma *vma)
{
	struct translation leaf;
	uint64_t slot;

	if (leaf_harvest(k, touch->space, touch->va, HARVEST_READ, &leaf) == PW_OK)
		return touch_present(k, touch, vma, &leaf);
	if (PAGEWALK_UNLIKELY(touch->space->oom != OOM_NOT))
		return TOUCH_BUS;
	if (vma->flags & MAP_HUGETLB)
		return hugetlb_touch(k, touch, vma);
	slot = swapped_find(&touch->space->swapped, touch->va >> FRAME_LG2);
	if (slot != SLOT_NONE)
		return touch_swapped(k, touch, vma, slot);
	return vma->file >= 0 ? touch_file(k, touch, vma) : touch_anonymous(k, touch, vma);
}

/* The VMA that holds the page, or comes to hold it. */
static enum touch_result find_vma(struct kernel *k, struct touch *touch, const struct vma **vma)
{
	struct vma_set *set = &touch->space->vmas;
	unsigned i = vma_set_find(set, touch->va);
	enum touch_result result = TOUCH_OK;

	*vma = i < set->count ? &set->vma[i] : NULL;
	if (*vma && (*vma)->start > touch->va)
		*vma = grow_stack(touch, i);
	if (!*vma) {
		result = first_touch(k, touch->space, touch->va);
		*vma = vma_set_at(set, touch->va);
	}
	return result;
}

enum touch_result touch_page(struct kernel *k, struct touch *touch)
{
	const struct vma *vma;
	enum touch_result result;

	k->keep[KEEP_FAULT] = (struct keep){ touch->space->id, (touch->va >> FRAME_LG2) - 1,
					     (touch->va >> FRAME_LG2) + 1 };
	touch->service = SERVICE_SPURIOUS;
	touch->major = false;
	result = find_vma(k, touch, &vma);
	if (result != TOUCH_OK)
		return result;
	if (!permitted(vma, touch->access))
		return TOUCH_ACCERR;
	do
		result = touch_vma(k, touch, vma);
	while (PAGEWALK_UNLIKELY(result == TOUCH_NOMEM) && !touch->optional &&
	       oom_relieve(k, touch->space));
	return result;
}
