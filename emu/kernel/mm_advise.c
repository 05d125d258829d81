/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * madvise(2) and msync(2), as mm/madvise.c and mm/msync.c: both go on behind a hole and report
 * ENOMEM at the end.
 *
 * MADV_DONTNEED and MADV_FREE drop the pages at once (Linux may free the latter's at any time).
 * Advice that only changes when work is done is accepted without effect: WILLNEED, COLD, PAGEOUT,
 * POPULATE_*, the merging advice, DONTFORK and the like. HUGEPAGE and NOHUGEPAGE are
 * remembered by VMA on every machine, so that VMAs are the same on all.
 * MADV_REMOVE works on shared anonymous memory; on a file the host would have to punch the hole.
 */

#include <errno.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

enum {
	ADVICE_HUGE,
	ADVICE_NO_HUGE,
	ADVICE_COLLAPSE,
	ADVICE_NOTHING,
	ADVICE_DROP,
	ADVICE_FREE,
	ADVICE_REMOVE,
	ADVICE_WIPE,
	ADVICE_PAGE_OUT,
	ADVICE_UNKNOWN
};

/* Numbers of include/uapi/asm-generic/mman-common.h, some younger than the host's headers. */
static unsigned kind_of_advice(uint64_t advice)
{
	switch (advice) {
	case 4:  /* DONTNEED */
	case 24: /* DONTNEED_LOCKED */
		return ADVICE_DROP;
	case 8:
		return ADVICE_FREE;
	case 9:
		return ADVICE_REMOVE;
	case 14:
		return ADVICE_HUGE;
	case 15:
		return ADVICE_NO_HUGE;
	case 25:
		return ADVICE_COLLAPSE;
	case 18: /* WIPEONFORK */
		return ADVICE_WIPE;
	case 20:
	case 21: /* COLD, PAGEOUT */
		return ADVICE_PAGE_OUT;
	case 0:
	case 1:
	case 2:
	case 3: /* NORMAL, RANDOM, SEQUENTIAL, WILLNEED */
	case 10:
	case 11:
	case 12:
	case 13: /* DONTFORK, DOFORK, MERGEABLE, UNMERGEABLE */
	case 16:
	case 17: /* DONTDUMP, DODUMP */
	case 19: /* KEEPONFORK */
	case 22:
	case 23: /* POPULATE_READ, POPULATE_WRITE */
		return ADVICE_NOTHING;
	default:
		return ADVICE_UNKNOWN;
	}
}

static int remove_pages(struct kernel *k, const struct vma *part)
{
	struct file *file = file_find(k, part->file);
	uint64_t first = part->offset >> FRAME_LG2;
	uint64_t end = first + ((part->end - part->start) >> FRAME_LG2);

	if (!file || !(part->flags & MAP_SHARED))
		return -EINVAL;
	if (!(part->prot & PROT_WRITE))
		return -EACCES;
	if (file->identity != KERNEL_IDENTITY_NONE)
		return -EOPNOTSUPP;
	file_unmap(k, file, first, end);
	file_drop_pages(k, file, first, end);
	return 0;
}

/* Huge pages that are there stay (hugepage_madvise(), mm/khugepaged.c). */
static int set_huge(struct kernel *k, struct space *space, const struct vma *part, uint32_t flag)
{
	uint32_t flags = (part->flags & ~(uint32_t)(VMA_HUGEPAGE | VMA_NOHUGEPAGE)) | flag;

	if (flags == part->flags)
		return 0;
	if (vma_set_reserve(&space->vmas, 2) != PW_OK ||
	    huge_split_ends(k, space, part->start, part->end) != PW_OK)
		return -ENOMEM;
	vma_set_flags(&space->vmas, part->start, part->end, flags);
	return 0;
}

/* Dropping rounds the end down (madvise_dontneed_free_valid_vma(), since 6.1). */
static int advise_hugetlb(struct kernel *k, struct space *space, const struct vma *part,
			  unsigned kind)
{
	uint64_t mask = hugetlb_bytes(part->flags) - 1;

	switch (kind) {
	case ADVICE_DROP:
		if (part->start & mask)
			return -EINVAL;
		if ((part->end & ~mask) > part->start)
			pages_unmap(k, space, part->start, (part->end & ~mask) - part->start);
		return 0;
	case ADVICE_REMOVE:
		if (!(part->flags & MAP_SHARED) || !(part->prot & PROT_WRITE))
			return -EACCES;
		if ((part->start | part->end) & mask)
			return -EINVAL;
		hugetlb_remove(k, part);
		return 0;
	case ADVICE_HUGE:
	case ADVICE_NO_HUGE:
		return (part->start | part->end) & mask ? -EINVAL : 0;
	case ADVICE_NOTHING:
		return 0;
	default:
		return -EINVAL;
	}
}

static int advise_part(struct kernel *k, struct space *space, const struct vma *part, unsigned kind)
{
	bool private_anonymous = part->file < 0;

	if (part->flags & MAP_HUGETLB)
		return advise_hugetlb(k, space, part, kind);
	switch (kind) {
	case ADVICE_FREE:
		if (!private_anonymous)
			return -EINVAL;
		/* fallthrough */
	case ADVICE_DROP:
		if (huge_split_ends(k, space, part->start, part->end) != PW_OK)
			return -ENOMEM;
		pages_unmap(k, space, part->start, part->end - part->start);
		return 0;
	case ADVICE_HUGE:
		return set_huge(k, space, part, VMA_HUGEPAGE);
	case ADVICE_NO_HUGE:
		return set_huge(k, space, part, VMA_NOHUGEPAGE);
	case ADVICE_COLLAPSE:
		collapse_range(k, space, part);
		return 0;
	case ADVICE_REMOVE:
		return remove_pages(k, part);
	case ADVICE_WIPE:
		return private_anonymous ? 0 : -EINVAL;
	default:
		return 0;
	}
}

int64_t kcall_madvise(struct kernel *k, const uint64_t *arg)
{
	struct space *space = k->running;
	va_t at = arg[0], end = at + page_ceil(arg[1]);
	unsigned kind = kind_of_advice(arg[2]);
	int64_t result = 0;

	if (kind == ADVICE_UNKNOWN || at % FRAME_BYTES || (arg[1] && page_ceil(arg[1]) == 0) ||
	    end < at)
		return -EINVAL;
	while (at < end) {
		unsigned i = vma_set_find(&space->vmas, at);
		struct vma part;
		int error;

		if (i == space->vmas.count || space->vmas.vma[i].start >= end)
			return -ENOMEM;
		part = vma_clip(&space->vmas.vma[i], at, end);
		if (part.start > at)
			result = -ENOMEM;
		error = advise_part(k, space, &part, kind);
		if (error)
			return error;
		at = part.end;
	}
	return result;
}

/* Without MS_SYNC Linux starts nothing: dirty pages are written when they are unmapped. */
int64_t kcall_msync(struct kernel *k, const uint64_t *arg)
{
	struct space *space = k->running;
	va_t at = arg[0], end = at + page_ceil(arg[1]);
	int64_t result = 0;

	if ((arg[2] & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || at % FRAME_BYTES ||
	    (arg[2] & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (end < at)
		return -ENOMEM;
	for (unsigned i = vma_set_find(&space->vmas, at); at < end; i++) {
		struct vma part;

		if (i == space->vmas.count || space->vmas.vma[i].start >= end)
			return -ENOMEM;
		part = vma_clip(&space->vmas.vma[i], at, end);
		if (part.start > at)
			result = -ENOMEM;
		if ((arg[2] & MS_SYNC) && part.file >= 0 &&
		    (part.flags & (MAP_SHARED | MAP_HUGETLB)) == MAP_SHARED &&
		    vma_write_back(k, space, &part, part.start, part.end) != 0)
			return -EIO;
		at = part.end;
	}
	return result;
}
