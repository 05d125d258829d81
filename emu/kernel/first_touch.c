/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Memory that comes into being where it is touched: for traces of other tools, which hold accesses
 * and no mappings.
 *
 * An access where no VMA is makes one: private, anonymous, all permitted, of the aligned 2 MiB around
 * the address as far as they are free. So neighbours join, the VMAs are as many as the regions of the
 * program, and transparent huge pages and eager paging have what they need; pages are still made
 * present one by one, where they are touched.
 *
 * VMAs are a sorted array, where entering one moves those above, and some page tables are searched
 * once for each VMA when a space goes. A trace that touches a page in each of a million areas would
 * spend its time there, so that beyond FIRST_TOUCH_VMAS an area is the whole gap between its
 * neighbours, and joins both: their number does not grow any more.
 *
 * What becomes a VMA depends on the accesses alone and not on the machine; only where its addresses
 * end does.
 */

#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

enum { AREA_BYTES = 2 << 20 };

int64_t kcall_first_touch(struct kernel *k, const uint64_t *arg)
{
	k->running->first_touch = arg[0] != 0;
	return 0;
}

static struct vma area_around(const struct kernel *k, struct vma_set *set, va_t va)
{
	unsigned above = vma_set_find(set, va);
	va_t low = above > 0 ? set->vma[above - 1].end : 0;
	va_t high = above < set->count ? set->vma[above].start : k->va_end;
	struct vma area = {
		.start = va & ~(va_t)(AREA_BYTES - 1),
		.end = (va | (AREA_BYTES - 1)) + 1,
		.prot = PROT_READ | PROT_WRITE | PROT_EXEC,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS,
		.file = -1,
	};

	if (area.start < low || set->count >= FIRST_TOUCH_VMAS)
		area.start = low;
	if (area.end > high || set->count >= FIRST_TOUCH_VMAS)
		area.end = high;
	return area;
}

enum touch_result first_touch(struct kernel *k, struct space *space, va_t va)
{
	struct vma area;

	if (!space->first_touch || va >= k->va_end)
		return TOUCH_MAPERR;
	if (vma_set_reserve(&space->vmas, 1) != PW_OK)
		return TOUCH_NOMEM;
	area = area_around(k, &space->vmas, va);
	vma_set_insert(&space->vmas, &area);
	ranges_populate(k, space, area.start, area.end);
	return TOUCH_OK;
}
