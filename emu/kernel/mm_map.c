/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * mmap(2), munmap(2) and brk(2), with the checks in Linux's order (ksys_mmap_pgoff(), do_mmap(),
 * get_unmapped_area(), do_munmap(), brk: mm/mmap.c; arch/x86/kernel/sys_x86_64.c), so that a call
 * that is wrong in two ways fails in the same way.
 *
 * Not modelled: MAP_POPULATE, MAP_LOCKED, MAP_NORESERVE, MAP_STACK and MAP_SYNC have no effect;
 * overcommit is never refused but for MAP_HUGETLB (hugetlb.c), which MAP_NORESERVE keeps from
 * promising anything; RLIMIT_AS and RLIMIT_DATA do not exist. On a machine whose base page is larger
 * than 4 KiB there is no shared memory that can be written (page_block.c), but in huge pages: ENODEV,
 * and counted.
 */

#include <errno.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum {
	MAP_LOW_2G = 0x40, /* MAP_32BIT, which only x86 has */
	MAP_HUGE_SHIFT_BITS = 26,
};
#define LOW_2G_START UINT64_C(0x40000000)
#define LOW_2G_END   UINT64_C(0x80000000)

/* LEGACY_MAP_MASK of Linux: what MAP_SHARED_VALIDATE lets through without asking the file. */
static const uint32_t map_flags_known =
	MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE |
	MAP_LOW_2G | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK |
	MAP_STACK | MAP_HUGETLB | (63u << MAP_HUGE_SHIFT_BITS);

void space_forget(struct kernel *k, struct space *space, va_t start, va_t end)
{
	struct vma_set *set = &space->vmas;

	for (unsigned i = vma_set_find(set, start); i < set->count; i++) {
		struct vma part;

		if (set->vma[i].start >= end)
			break;
		part = vma_clip(&set->vma[i], start, end);
		pages_unmap(k, space, part.start, part.end - part.start);
		hugetlb_unpromise(k, &part);
	}
	vma_set_remove(set, start, end);
}

/* --- where ----------------------------------------------------------------------------------- */

static bool hint_fits(struct kernel *k, va_t addr, uint64_t bytes, va_t end)
{
	struct vma_set *set = &k->running->vmas;
	unsigned i = vma_set_find(set, addr);

	return addr <= end && bytes <= end - addr &&
	       (i == set->count || addr + bytes <= vma_start_gap(&set->vma[i]));
}

static int64_t fixed_place(struct kernel *k, va_t addr, uint64_t bytes, uint32_t flags)
{
	if (addr > k->va_end - bytes)
		return -ENOMEM;
	if (addr % FRAME_BYTES)
		return -EINVAL;
	if (addr < MMAP_MIN_ADDR)
		return -EPERM;
	if ((flags & MAP_FIXED_NOREPLACE) &&
	    vma_set_overlaps(&k->running->vmas, addr, addr + bytes))
		return -EEXIST;
	return (int64_t)addr;
}

/* hugetlb_get_unmapped_area(), arch/x86/mm/hugetlbpage.c: whole huge pages; MAP_32BIT is ignored. */
static int64_t huge_place(struct kernel *k, va_t addr, uint64_t bytes, uint32_t flags)
{
	struct vma_set *set = &k->running->vmas;
	uint64_t mask = hugetlb_bytes(flags) - 1, slack = mask & ~(uint64_t)(FRAME_BYTES - 1);
	va_t found;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		return (addr | bytes) & mask ? -EINVAL : fixed_place(k, addr, bytes, flags);
	addr &= ~mask;
	if (addr >= MMAP_MIN_ADDR && hint_fits(k, addr, bytes, k->va_end))
		return (int64_t)addr;
	found = vma_gap_below(set, MMAP_MIN_ADDR, k->running->mmap_top, bytes + slack);
	if (found)
		return (int64_t)((found + slack) & ~mask);
	found = vma_gap_above(set, page_ceil(k->va_end / 3), k->va_end, bytes + slack);
	return found ? (int64_t)((found + slack) & ~mask) : -ENOMEM;
}

int64_t space_find_place(struct kernel *k, va_t addr, uint64_t bytes, uint32_t flags)
{
	struct vma_set *set = &k->running->vmas;
	bool low = flags & MAP_LOW_2G;
	va_t end = low && k->va_end > LOW_2G_END ? LOW_2G_END : k->va_end;
	va_t found = 0;

	if (bytes > k->va_end)
		return -ENOMEM;
	if (flags & MAP_HUGETLB)
		return huge_place(k, addr, bytes, flags);
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		return fixed_place(k, addr, bytes, flags);
	addr = page_floor(addr);
	if (addr && addr < MMAP_MIN_ADDR)
		addr = MMAP_MIN_ADDR;
	if (addr && (!low || addr >= LOW_2G_START) && hint_fits(k, addr, bytes, end))
		return (int64_t)addr;
	if (!low)
		found = vma_gap_below(set, MMAP_MIN_ADDR, k->running->mmap_top, bytes);
	/* As Linux's fallback, from TASK_UNMAPPED_BASE up. */
	if (!found)
		found = vma_gap_above(set, low ? LOW_2G_START : page_ceil(k->va_end / 3), end,
				      bytes);
	return found ? (int64_t)found : -ENOMEM;
}

/* --- mmap ------------------------------------------------------------------------------------ */

struct map_request {
	va_t addr;
	uint64_t bytes, offset;
	uint32_t prot, flags;
	struct file *file; /* NULL: anonymous */
	bool file_writable;
};

static int check_file_kind(const struct map_request *r)
{
	if (r->offset > INT64_MAX || r->bytes > INT64_MAX - r->offset)
		return -EOVERFLOW;
	switch (r->flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (r->flags & ~(map_flags_known | MAP_SHARED_VALIDATE))
			return -EOPNOTSUPP;
		/* fallthrough */
	case MAP_SHARED:
		if ((r->prot & PROT_WRITE) && !r->file_writable)
			return -EACCES;
		/* fallthrough */
	case MAP_PRIVATE:
		return r->flags & MAP_GROWSDOWN ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int check_anonymous_kind(const struct map_request *r)
{
	switch (r->flags & MAP_TYPE) {
	case MAP_SHARED:
		return r->flags & MAP_GROWSDOWN ? -EINVAL : 0;
	case MAP_PRIVATE:
		return 0;
	default:
		return -EINVAL;
	}
}

/* Up to the choice of the address: 0 or a negative errno. */
static int check_request(struct kernel *k, struct map_request *r, int64_t file)
{
	if (r->offset % FRAME_BYTES)
		return -EINVAL;
	if (!(r->flags & MAP_ANONYMOUS)) {
		r->file = file_find(k, file);
		if (!r->file)
			return -EBADF;
		r->file_writable = file & 1;
		if (r->flags & MAP_HUGETLB)
			return -EINVAL;
	} else if (r->flags & MAP_HUGETLB) {
		uint64_t mask = hugetlb_bytes(r->flags) - 1;

		if (!hugetlb_lg2(r->flags))
			return -EINVAL;
		r->bytes = (r->bytes + mask) & ~mask;
	}
	if (r->bytes == 0)
		return -EINVAL;
	r->bytes = page_ceil(r->bytes);
	if (r->bytes == 0)
		return -ENOMEM;
	return k->running->vmas.count > VMA_COUNT_MAX ? -ENOMEM : 0;
}

/* The object of shared anonymous memory is from now on held by its mappings alone. */
static void drop_unmapped(struct kernel *k, const struct map_request *r, struct file *file)
{
	if (file && !r->file) {
		file->opens--;
		file_release(k, file);
	}
}

static uint32_t vma_flags(const struct map_request *r, bool shared)
{
	uint32_t flags = (shared ? MAP_SHARED : MAP_PRIVATE) |
			 (r->flags & (MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_HUGETLB));

	if (r->flags & MAP_HUGETLB) {
		flags |= r->flags & 63u << MAP_HUGE_SHIFT_BITS;
		if (!shared && !(r->flags & MAP_NORESERVE))
			flags |= VMA_HUGETLB_OWNER;
	}
	return flags;
}

/* What the mapping rests on: the file that was asked for, or an object of its own, or nothing. */
static bool provide_file(struct kernel *k, const struct map_request *r, bool shared,
			 struct file **file)
{
	*file = r->file;
	if (r->file || (!shared && !(r->flags & MAP_HUGETLB)))
		return true;
	*file = file_create(k, KERNEL_IDENTITY_NONE, r->bytes);
	if (*file && r->flags & MAP_HUGETLB)
		(*file)->hugetlb_lg2 = hugetlb_lg2(r->flags);
	return *file;
}

/* The place is free; the promises of huge pages are what can still fail then. */
static bool vacate(struct kernel *k, const struct vma *vma, struct file *file, uint32_t flags)
{
	struct space *space = k->running;

	if (hugetlb_cuts(&space->vmas, vma->start) || hugetlb_cuts(&space->vmas, vma->end) ||
	    huge_split_ends(k, space, vma->start, vma->end) != PW_OK)
		return false;
	space_forget(k, space, vma->start, vma->end);
	return !(flags & MAP_HUGETLB) || flags & MAP_NORESERVE ||
	       hugetlb_promise(k, file, vma) == 0;
}

static int64_t enter_mapping(struct kernel *k, const struct map_request *r)
{
	struct space *space = k->running;
	bool shared = (r->flags & MAP_TYPE) != MAP_PRIVATE;
	struct file *file;
	struct vma vma = {
		.start = r->addr,
		.end = r->addr + r->bytes,
		.prot = r->prot & (PROT_READ | PROT_WRITE | PROT_EXEC),
		.flags = vma_flags(r, shared),
		.file = -1,
		.offset = r->file ? r->offset : 0,
	};

	if (shared && k->frames.block_order && !(r->flags & MAP_HUGETLB) &&
	    (!r->file || r->file_writable)) {
		k->counters.shared_refused++;
		return -ENODEV;
	}
	if (vma_set_reserve(&space->vmas, 2) != PW_OK || !provide_file(k, r, shared, &file))
		return -ENOMEM;
	if (file)
		vma.file = file_id(file, r->file ? r->file_writable : true);
	if (!vacate(k, &vma, file, r->flags)) {
		drop_unmapped(k, r, file);
		return -ENOMEM;
	}
	vma_set_insert(&space->vmas, &vma);
	ranges_populate(k, space, vma.start, vma.end);
	drop_unmapped(k, r, file);
	return (int64_t)vma.start;
}

int64_t kcall_mmap(struct kernel *k, const uint64_t *arg)
{
	struct map_request r = {
		.addr = arg[0],
		.bytes = arg[1],
		.prot = (uint32_t)arg[2],
		.flags = (uint32_t)arg[3],
		.offset = arg[5],
	};
	int64_t place, error = check_request(k, &r, (int64_t)arg[4]);

	if (error)
		return error;
	place = space_find_place(k, r.addr, r.bytes, r.flags);
	if (place < 0)
		return place;
	r.addr = (va_t)place;
	error = r.file ? check_file_kind(&r) : check_anonymous_kind(&r);
	return error ? error : enter_mapping(k, &r);
}

int64_t kcall_munmap(struct kernel *k, const uint64_t *arg)
{
	struct space *space = k->running;
	va_t start = arg[0];
	uint64_t bytes = page_ceil(arg[1]);

	if (start % FRAME_BYTES || start > k->va_end || arg[1] > k->va_end - start || bytes == 0)
		return -EINVAL;
	if (space->vmas.count >= VMA_COUNT_MAX) {
		const struct vma *vma = vma_set_at(&space->vmas, start);

		if (vma && vma->start < start && vma->end > start + bytes)
			return -ENOMEM;
	}
	if (hugetlb_cuts(&space->vmas, start) || hugetlb_cuts(&space->vmas, start + bytes))
		return -EINVAL;
	if (vma_set_reserve(&space->vmas,
			    vma_set_remove_needs(&space->vmas, start, start + bytes)) != PW_OK ||
	    huge_split_ends(k, space, start, start + bytes) != PW_OK)
		return -ENOMEM;
	space_forget(k, space, start, start + bytes);
	return 0;
}

/* --- brk ------------------------------------------------------------------------------------- */

static bool grow_heap(struct kernel *k, va_t start, va_t end)
{
	struct vma_set *set = &k->running->vmas;
	const struct vma heap = {
		.start = start,
		.end = end,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS,
		.file = -1,
	};
	unsigned i = vma_set_find(set, start);

	if (end > k->va_end)
		return false;
	/* Linux leaves a page free between the heap and what follows. */
	if (i < set->count && end + FRAME_BYTES > vma_start_gap(&set->vma[i]))
		return false;
	if (set->count > VMA_COUNT_MAX || vma_set_reserve(set, 1) != PW_OK)
		return false;
	vma_set_insert(set, &heap);
	return true;
}

/* The new break, or the old one when it cannot be had. */
int64_t kcall_brk(struct kernel *k, const uint64_t *arg)
{
	struct space *space = k->running;
	va_t wanted = arg[0], old_end = page_ceil(space->brk), new_end = page_ceil(wanted);

	if (!space->brk_start || wanted < space->brk_start || wanted > k->va_end)
		return (int64_t)space->brk;
	if (new_end < old_end) {
		if (vma_set_reserve(&space->vmas, vma_set_remove_needs(&space->vmas, new_end,
								       old_end)) != PW_OK ||
		    huge_split_ends(k, space, new_end, old_end) != PW_OK)
			return (int64_t)space->brk;
		space_forget(k, space, new_end, old_end);
	} else if (new_end > old_end) {
		if (!grow_heap(k, old_end, new_end))
			return (int64_t)space->brk;
		segment_populate(k, space, old_end, new_end);
		if (!space->segment.bytes)
			ranges_populate(k, space, old_end, new_end);
	}
	space->brk = wanted;
	return (int64_t)wanted;
}
