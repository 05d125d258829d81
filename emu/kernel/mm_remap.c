/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * mremap(2), with the checks in the order of mm/mremap.c (Linux 6.1): shrinking, growing in place,
 * or moving. A move moves page-table entries and copies nothing.
 *
 * Not modelled: a move does not lift the destination to share the alignment of its source.
 */

#include <errno.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

struct remap {
	struct space *space;
	va_t from, to;
	uint64_t old_bytes, new_bytes;
	uint32_t flags;
};

/* vma_to_resize(): may [from, from + old_bytes) become new_bytes long? 0 or a negative errno. */
static int check_resize(const struct remap *r)
{
	const struct vma *vma = vma_set_at(&r->space->vmas, r->from);

	if (!vma)
		return -EFAULT;
	/* A length of 0 makes a second mapping of the same pages. */
	if (r->old_bytes == 0 && !(vma->flags & MAP_SHARED))
		return -EINVAL;
	if (vma->flags & MAP_HUGETLB && r->flags & MREMAP_DONTUNMAP)
		return -EINVAL;
	if (r->old_bytes > vma->end - r->from)
		return -EFAULT;
	if (r->new_bytes > r->old_bytes && vma->file >= 0) {
		uint64_t offset = vma->offset + (r->from - vma->start);

		if (r->new_bytes > UINT64_MAX - offset)
			return -EINVAL;
	}
	return 0;
}

/* move_vma(): the destination is free. */
static int64_t move_mapping(struct kernel *k, const struct remap *r)
{
	struct vma_set *set = &r->space->vmas;
	struct vma moved;

	if (set->count >= VMA_COUNT_MAX - 3 || vma_set_reserve(set, 3) != PW_OK)
		return -ENOMEM;
	if (huge_split_ends(k, r->space, r->from, r->from + r->old_bytes) != PW_OK)
		return -ENOMEM;
	moved = vma_clip(vma_set_at(set, r->from), r->from, r->from + r->old_bytes);
	moved.start = r->to;
	moved.end = r->to + r->new_bytes;
	if (pages_move(k, r->space, r->from, r->to,
		       r->old_bytes < r->new_bytes ? r->old_bytes : r->new_bytes) != PW_OK)
		return -ENOMEM;
	/* First the new one, so that the file is held throughout. */
	vma_set_insert(set, &moved);
	if (moved.flags & MAP_HUGETLB) /* its promises went along */
		vma_set_remove(set, r->from, r->from + r->old_bytes);
	else if (!(r->flags & MREMAP_DONTUNMAP) && r->old_bytes > 0)
		space_forget(k, r->space, r->from, r->from + r->old_bytes);
	return (int64_t)r->to;
}

/* [start, end) can be forgotten; or a negative errno. */
static int cut(struct kernel *k, struct space *space, va_t start, va_t end)
{
	if (start == end)
		return 0;
	if (hugetlb_cuts(&space->vmas, start) || hugetlb_cuts(&space->vmas, end))
		return -EINVAL;
	return huge_split_ends(k, space, start, end) == PW_OK ? 0 : -ENOMEM;
}

/* mremap_to(): MREMAP_FIXED or MREMAP_DONTUNMAP. */
static int64_t remap_to(struct kernel *k, struct remap *r)
{
	bool fixed = r->flags & MREMAP_FIXED;
	int64_t place;
	int error;

	if (r->to % FRAME_BYTES || r->new_bytes > k->va_end || r->to > k->va_end - r->new_bytes)
		return -EINVAL;
	if (r->from + r->old_bytes > r->to && r->to + r->new_bytes > r->from)
		return -EINVAL;
	if (r->space->vmas.count + 2 >= VMA_COUNT_MAX - 3 ||
	    vma_set_reserve(&r->space->vmas, 3) != PW_OK)
		return -ENOMEM;
	if (fixed && r->to < MMAP_MIN_ADDR)
		return -EPERM;
	if (fixed) {
		error = cut(k, r->space, r->to, r->to + r->new_bytes);
		if (error)
			return error;
		space_forget(k, r->space, r->to, r->to + r->new_bytes);
	}
	if (r->old_bytes > r->new_bytes) {
		if (r->old_bytes > k->va_end - r->from)
			return -EINVAL;
		error = cut(k, r->space, r->from + r->new_bytes, r->from + r->old_bytes);
		if (error)
			return error;
		space_forget(k, r->space, r->from + r->new_bytes, r->from + r->old_bytes);
		r->old_bytes = r->new_bytes;
	}
	error = check_resize(r);
	if (error)
		return error;
	place = space_find_place(k, r->to, r->new_bytes, fixed ? MAP_FIXED : 0);
	if (place < 0)
		return place;
	r->to = (va_t)place;
	return move_mapping(k, r);
}

/* The VMA ends where the old length does and what follows is free: it just gets longer. */
static bool grow_in_place(struct kernel *k, const struct remap *r)
{
	struct vma_set *set = &r->space->vmas;
	const struct vma old = *vma_set_at(set, r->from); /* a copy: reserving moves the set */
	va_t end = r->from + r->new_bytes;
	struct vma more = old;

	if (r->from + r->old_bytes != old.end || end < r->from || end > k->va_end ||
	    vma_set_overlaps(set, old.end, end) || vma_set_reserve(set, 1) != PW_OK)
		return false;
	more.start = old.end;
	more.end = end;
	if (more.file >= 0)
		more.offset += old.end - old.start;
	vma_set_insert(set, &more);
	return true;
}

static int64_t remap(struct kernel *k, struct remap *r)
{
	int64_t place;
	int error;

	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return remap_to(k, r);
	if (r->old_bytes >= r->new_bytes) {
		if (r->old_bytes > k->va_end - r->from)
			return -EINVAL;
		if (vma_set_reserve(&r->space->vmas, 1) != PW_OK)
			return -ENOMEM;
		error = cut(k, r->space, r->from + r->new_bytes, r->from + r->old_bytes);
		if (error)
			return error;
		if (r->old_bytes > r->new_bytes)
			space_forget(k, r->space, r->from + r->new_bytes, r->from + r->old_bytes);
		return (int64_t)r->from;
	}
	error = check_resize(r);
	if (error)
		return error;
	if (grow_in_place(k, r))
		return (int64_t)r->from;
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	place = space_find_place(k, 0, r->new_bytes, 0);
	if (place < 0)
		return place;
	r->to = (va_t)place;
	return move_mapping(k, r);
}

/* Whole huge pages, and no more of them than before. */
static bool huge_rounds(struct remap *r, uint32_t flags)
{
	uint64_t mask = hugetlb_bytes(flags) - 1;

	r->old_bytes = (r->old_bytes + mask) & ~mask;
	r->new_bytes = (r->new_bytes + mask) & ~mask;
	return !((r->from | r->to) & mask) && r->new_bytes <= r->old_bytes;
}

int64_t kcall_mremap(struct kernel *k, const uint64_t *arg)
{
	struct remap r = {
		.space = k->running,
		.from = arg[0],
		.to = arg[4],
		.old_bytes = page_ceil(arg[1]),
		.new_bytes = page_ceil(arg[2]),
		.flags = (uint32_t)arg[3],
	};
	const struct vma *vma;

	if (arg[3] & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((r.flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(r.flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((r.flags & MREMAP_DONTUNMAP) && arg[1] != arg[2])
		return -EINVAL;
	if (r.from % FRAME_BYTES || r.new_bytes == 0)
		return -EINVAL;
	vma = vma_set_at(&r.space->vmas, r.from);
	if (!vma)
		return -EFAULT;
	if (vma->flags & MAP_HUGETLB && !huge_rounds(&r, vma->flags))
		return -EINVAL;
	return remap(k, &r);
}
