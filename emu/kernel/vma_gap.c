/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where a new mapping goes: the highest or the lowest gap that holds it, as Linux's
 * vm_unmapped_area() (mm/mmap.c) finds it. The guard gap below a stack belongs to the stack.
 * Linear in the number of VMAs that are passed over.
 */

#include "emu/kernel/vma.h"

#include <sys/mman.h>

va_t vma_start_gap(const struct vma *vma)
{
	if (!(vma->flags & MAP_GROWSDOWN))
		return vma->start;
	return vma->start > STACK_GUARD_BYTES ? vma->start - STACK_GUARD_BYTES : 0;
}

static va_t lower(va_t a, va_t b)
{
	return a < b ? a : b;
}

va_t vma_gap_below(struct vma_set *set, va_t low, va_t high, uint64_t bytes)
{
	unsigned i = vma_set_find(set, high);
	va_t top = high;

	if (i < set->count)
		top = lower(top, vma_start_gap(&set->vma[i]));
	for (;; i--) {
		va_t bottom = i > 0 && set->vma[i - 1].end > low ? set->vma[i - 1].end : low;

		if (top > bottom && top - bottom >= bytes)
			return top - bytes;
		if (i == 0)
			return 0;
		top = vma_start_gap(&set->vma[i - 1]);
	}
}

va_t vma_gap_above(struct vma_set *set, va_t low, va_t high, uint64_t bytes)
{
	va_t bottom = low;

	for (unsigned i = vma_set_find(set, low);; i++) {
		va_t top = i < set->count ? lower(high, vma_start_gap(&set->vma[i])) : high;

		if (top > bottom && top - bottom >= bytes)
			return bottom;
		if (i == set->count || set->vma[i].end >= high)
			return 0;
		if (set->vma[i].end > bottom)
			bottom = set->vma[i].end;
	}
}
