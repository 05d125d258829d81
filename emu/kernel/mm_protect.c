/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * mprotect(2), as do_mprotect_pkey() in mm/mprotect.c: VMA by VMA from the lowest; what came before
 * a hole or a refusal stays changed.
 *
 * Entries of private mappings are never made writable here: the page may be the page cache's or
 * shared since a fork. The first write to one is a fault that finds that out (SERVICE_REUSE, or a
 * copy), as in Linux before 6.1.
 */

#include <errno.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

enum { PROT_SEMAPHORES = 8 }; /* PROT_SEM: accepted, without effect */

static bool may_protect(const struct vma *vma, uint32_t prot)
{
	return !(prot & PROT_WRITE) || vma->file < 0 || !(vma->flags & MAP_SHARED) ||
	       (vma->file & 1);
}

/* Entries of a private mapping that are writable and may stay so are left alone. */
static void protect_part(struct kernel *k, struct space *space, const struct vma *vma,
			 uint32_t prot)
{
	bool shared = vma->flags & MAP_SHARED;
	struct vma changed = *vma;

	changed.prot = prot;
	if (!shared && (prot & PROT_WRITE) && !(vma->prot & PROT_WRITE) &&
	    vma_perms(vma, false) == vma_perms(&changed, false))
		return;
	pages_protect(k, space, vma->start, vma->end - vma->start, vma_perms(&changed, shared));
}

/* One VMA's part of the range; how far it reaches in *at. */
static int protect_next(struct kernel *k, struct space *space, va_t *at, va_t end, uint32_t prot)
{
	const struct vma *vma = vma_set_at(&space->vmas, *at);
	struct vma part;

	if (!vma)
		return -ENOMEM;
	part = vma_clip(vma, *at, end);
	if (!may_protect(&part, prot))
		return -EACCES;
	if (space->vmas.count >= VMA_COUNT_MAX &&
	    (part.start != vma->start || part.end != vma->end))
		return -ENOMEM;
	if (part.prot != prot) {
		if (hugetlb_cuts(&space->vmas, part.start) || hugetlb_cuts(&space->vmas, part.end))
			return -EINVAL;
		if (vma_set_reserve(&space->vmas, 2) != PW_OK ||
		    huge_split_ends(k, space, part.start, part.end) != PW_OK)
			return -ENOMEM;
		protect_part(k, space, &part, prot);
		vma_set_protect(&space->vmas, part.start, part.end, prot);
	}
	*at = part.end;
	return 0;
}

int64_t kcall_mprotect(struct kernel *k, const uint64_t *arg)
{
	struct space *space = k->running;
	va_t start = arg[0], end = start + page_ceil(arg[1]);
	uint64_t grows = arg[2] & (PROT_GROWSDOWN | PROT_GROWSUP);
	uint64_t prot = arg[2] & ~grows;
	int error = 0;

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || start % FRAME_BYTES)
		return -EINVAL;
	if (arg[1] == 0)
		return 0;
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEMAPHORES))
		return -EINVAL;
	if (grows) {
		unsigned i = vma_set_find(&space->vmas, start);
		const struct vma *vma = i < space->vmas.count ? &space->vmas.vma[i] : NULL;

		if (!vma || vma->start >= end)
			return -ENOMEM;
		if (!(grows & PROT_GROWSDOWN) || !(vma->flags & MAP_GROWSDOWN))
			return -EINVAL;
		start = vma->start;
	}
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	while (!error && start < end)
		error = protect_next(k, space, &start, end, (uint32_t)prot);
	return error;
}
