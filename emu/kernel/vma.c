/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * VMAs as a sorted array: found by binary search behind a hint, cut at the ends of a range, joined
 * where two neighbours are alike. A process has hundreds at most, so moving the tail of an array
 * is cheaper than a tree.
 *
 * Two neighbours are alike when they touch, agree in protection, flags and file, and the file's
 * pages go on. Linux (mm/mmap.c, can_vma_merge_after) also looks at anon_vma, policies and names,
 * which are not modelled: it may show two lines in /proc/self/maps where we have one.
 *
 * Invariants: vma_set_check(). The sum of the deltas that hold() was told for a file is the number
 * of VMAs that name it.
 */

#include "emu/kernel/vma.h"

#include <assert.h>
#include <string.h>

void vma_set_init(struct vma_set *set, const struct host_alloc *alloc,
		  void (*hold)(void *ctx, int32_t file, int delta), void *hold_ctx)
{
	memset(set, 0, sizeof(*set));
	set->alloc = alloc;
	set->hold = hold;
	set->hold_ctx = hold_ctx;
}

static void hold(struct vma_set *set, int32_t file, int delta)
{
	if (file >= 0)
		set->hold(set->hold_ctx, file, delta);
}

void vma_set_release(struct vma_set *set)
{
	while (set->count > 0)
		hold(set, set->vma[--set->count].file, -1);
	vma_set_trim(set);
	host_free(set->alloc, set->vma);
	host_free(set->alloc, set->object);
	set->vma = NULL;
	set->object = NULL;
	set->capacity = 0;
}

static int make_room(struct vma_set *set, unsigned extra)
{
	unsigned capacity = set->capacity ? set->capacity : 16;
	void *moved;

	if (set->capacity - set->count >= extra)
		return PW_OK;
	while (capacity - set->count < extra)
		capacity *= 2;
	moved = set->alloc->resize(set->alloc->ctx, set->object, capacity * sizeof(*set->object));
	if (!moved)
		return PW_NOMEM;
	set->object = moved;
	moved = set->alloc->resize(set->alloc->ctx, set->vma, capacity * sizeof(*set->vma));
	if (!moved)
		return PW_NOMEM;
	set->vma = moved;
	set->capacity = capacity;
	return PW_OK;
}

int vma_set_reserve(struct vma_set *set, unsigned extra)
{
	if (make_room(set, extra) != PW_OK)
		return PW_NOMEM;
	for (; set->cache && set->objects < set->count + extra; set->objects++)
		if (slab_alloc(set->cache, &set->object[set->objects]) != PW_OK)
			return PW_NOMEM;
	return PW_OK;
}

unsigned vma_set_remove_needs(struct vma_set *set, va_t start, va_t end)
{
	const struct vma *vma = vma_set_at(set, start);

	return vma && vma->start < start && vma->end > end;
}

void vma_set_trim(struct vma_set *set)
{
	while (set->objects > set->count)
		slab_free(set->cache, &set->object[--set->objects]);
}

static bool is_first_above(const struct vma_set *set, unsigned i, va_t va)
{
	return i < set->count && set->vma[i].end > va && (i == 0 || set->vma[i - 1].end <= va);
}

unsigned vma_set_find(struct vma_set *set, va_t va)
{
	unsigned low = 0, high = set->count;

	if (is_first_above(set, set->last, va))
		return set->last;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (set->vma[middle].end > va)
			high = middle;
		else
			low = middle + 1;
	}
	set->last = low;
	return low;
}

struct vma *vma_set_at(struct vma_set *set, va_t va)
{
	unsigned i = vma_set_find(set, va);

	return i < set->count && set->vma[i].start <= va ? &set->vma[i] : NULL;
}

bool vma_set_overlaps(struct vma_set *set, va_t start, va_t end)
{
	unsigned i = vma_set_find(set, start);

	return i < set->count && set->vma[i].start < end;
}

struct vma vma_clip(const struct vma *vma, va_t start, va_t end)
{
	struct vma part = *vma;

	if (start > part.start) {
		if (part.file >= 0)
			part.offset += start - part.start;
		part.start = start;
	}
	if (end < part.end)
		part.end = end;
	return part;
}

static bool alike(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->flags == b->flags &&
	       a->file == b->file && (a->file < 0 || a->offset + (a->end - a->start) == b->offset);
}

static void open_gap(struct vma_set *set, unsigned at)
{
	assert(set->count < set->capacity && "vma_set_reserve() comes first");
	memmove(&set->vma[at + 1], &set->vma[at], (set->count - at) * sizeof(*set->vma));
	if (set->cache) {
		struct slab_object spare = set->object[set->count];

		assert(set->count < set->objects && "vma_set_reserve() comes first");
		memmove(&set->object[at + 1], &set->object[at],
			(set->count - at) * sizeof(*set->object));
		set->object[at] = spare;
	}
	set->count++;
}

static void close_gap(struct vma_set *set, unsigned from, unsigned to)
{
	memmove(&set->vma[from], &set->vma[to], (set->count - to) * sizeof(*set->vma));
	set->count -= to - from;
	if (!set->cache)
		return;
	for (unsigned i = from; i < to; i++)
		slab_free(set->cache, &set->object[i]);
	memmove(&set->object[from], &set->object[to], (set->objects - to) * sizeof(*set->object));
	set->objects -= to - from;
}

/* Afterwards no VMA lies across va. */
static void split_at(struct vma_set *set, va_t va)
{
	unsigned i = vma_set_find(set, va);

	if (i == set->count || set->vma[i].start >= va)
		return;
	open_gap(set, i);
	set->vma[i + 1] = vma_clip(&set->vma[i + 1], va, set->vma[i + 1].end);
	set->vma[i].end = va;
	hold(set, set->vma[i].file, 1);
}

/* Joins number i to the one before, if they are alike. */
static bool join(struct vma_set *set, unsigned i)
{
	int32_t file;

	if (i == 0 || i >= set->count || !alike(&set->vma[i - 1], &set->vma[i]))
		return false;
	file = set->vma[i].file;
	set->vma[i - 1].end = set->vma[i].end;
	close_gap(set, i, i + 1);
	hold(set, file, -1);
	return true;
}

void vma_set_insert(struct vma_set *set, const struct vma *vma)
{
	unsigned i = vma_set_find(set, vma->start);

	assert(vma->start < vma->end);
	assert(i == set->count || set->vma[i].start >= vma->end);
	open_gap(set, i);
	set->vma[i] = *vma;
	hold(set, vma->file, 1);
	join(set, i + 1);
	join(set, i);
}

void vma_set_remove(struct vma_set *set, va_t start, va_t end)
{
	unsigned from, to;

	if (!vma_set_overlaps(set, start, end))
		return;
	/* Only a VMA that holds the whole range is cut in two: then one more is needed. */
	if (vma_set_remove_needs(set, start, end))
		split_at(set, start);
	from = vma_set_find(set, start);
	if (set->vma[from].start < start)
		set->vma[from++].end = start;
	to = from;
	while (to < set->count && set->vma[to].end <= end)
		to++;
	if (to < set->count && set->vma[to].start < end)
		set->vma[to] = vma_clip(&set->vma[to], end, set->vma[to].end);
	for (unsigned i = from; i < to; i++)
		hold(set, set->vma[i].file, -1);
	close_gap(set, from, to);
}

/* Cuts the set at both ends; the number of the first VMA of the range, and of the one behind it. */
static unsigned cut_out(struct vma_set *set, va_t start, va_t end, unsigned *behind)
{
	unsigned from;

	split_at(set, start);
	split_at(set, end);
	from = *behind = vma_set_find(set, start);
	while (*behind < set->count && set->vma[*behind].start < end)
		++*behind;
	return from;
}

static void join_all(struct vma_set *set, unsigned from, unsigned behind)
{
	for (unsigned i = behind + 1; i-- > from;)
		join(set, i);
}

void vma_set_protect(struct vma_set *set, va_t start, va_t end, uint32_t prot)
{
	unsigned behind, from = cut_out(set, start, end, &behind);

	for (unsigned i = from; i < behind; i++)
		set->vma[i].prot = prot;
	join_all(set, from, behind);
}

void vma_set_flags(struct vma_set *set, va_t start, va_t end, uint32_t flags)
{
	unsigned behind, from = cut_out(set, start, end, &behind);

	for (unsigned i = from; i < behind; i++)
		set->vma[i].flags = flags;
	join_all(set, from, behind);
}

void vma_set_grow_down(struct vma_set *set, struct vma *vma, va_t start)
{
	assert(start < vma->start && (vma == set->vma || vma[-1].end <= start));
	vma->start = start;
	join(set, (unsigned)(vma - set->vma));
}

int vma_set_check(const struct vma_set *set, const char **what)
{
	*what = "VMAs are out of order, empty, unaligned, or could be joined";
	for (unsigned i = 0; i < set->count; i++) {
		const struct vma *vma = &set->vma[i];

		if (vma->start >= vma->end || ((vma->start | vma->end) & (FRAME_BYTES - 1)))
			return PW_CORRUPT;
		if (i > 0 && (vma[-1].end > vma->start || alike(&vma[-1], vma)))
			return PW_CORRUPT;
	}
	return PW_OK;
}
