/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Contiguous memory for hardware that translates ranges.
 *
 * Direct segment (Basu et al., "Efficient Virtual Memory for Big Memory Servers", ISCA 2013): when
 * a program is laid out, `segment_bytes` of contiguous frames are set aside for its heap:
 *
 *	brk_start            break           brk_start + segment_bytes
 *	   | populated, in the segment |  frames set aside  |  pages as elsewhere
 *	   base                        limit
 *
 * As the break rises over it, pages get the next of these frames, at once: they are zeroed, entered
 * in the page table with A and D set, and the segment grows over them. So the page table holds what
 * the segment translates, and nothing inside ever faults, misses a TLB or walks.
 *
 * What changes an entry inside (a lower break, munmap, mprotect of a part, a copy on write) cuts the
 * segment off below it; the pages above stay mapped as pages. The paper's segment covers whole
 * arenas chosen by the program; ours the heap, so that programs need no change.
 *
 * Eager paging (Karakostas et al., "Redundant Memory Mappings for Fast Access to Large Memories",
 * ISCA 2015): private anonymous writable memory is populated at once when it is mapped, or the break
 * rises, in the largest aligned runs that are free, and each run is entered in the range table,
 * which merges neighbours. Where memory is short, what is left is populated by faults as elsewhere.
 * What changes an entry takes its page out of the range, which shrinks or splits.
 *
 * Both want a base page of 4 KiB; on other machines they have no effect.
 *
 * Since A and D are set from the beginning, ageing sees such pages as always used.
 *
 * Invariant (range_table_check): every page of a segment or a range has an entry that translates as
 * these do.
 */

#include <string.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

enum { EAGER_ORDER_MAX = 18 }; /* 1 GiB */

static void tell_hardware(struct kernel *k)
{
	if (k->hw.segment_changed && !k->stopping)
		k->hw.segment_changed(k->hw.ctx);
}

void segment_reserve(struct kernel *k, struct space *space)
{
	struct segment *segment = &space->segment;
	unsigned order = 0;

	segment_release(k, space);
	if (!k->config.segment_bytes || !space->brk_start ||
	    k->table->caps.base_page_lg2 != FRAME_LG2)
		return;
	while ((uint64_t)FRAME_BYTES << order < k->config.segment_bytes)
		order++;
	segment->first = supply_frame(k, FRAME_RESERVED, order);
	if (segment->first == PFN_NONE)
		return;
	segment->va = page_ceil(space->brk_start);
	segment->bytes = k->config.segment_bytes;
	segment->used = 0;
}

void segment_release(struct kernel *k, struct space *space)
{
	struct segment *segment = &space->segment;

	for (; segment->used < segment->bytes; segment->used += FRAME_BYTES)
		frames_put(&k->frames, segment->first + (segment->used >> FRAME_LG2));
	memset(segment, 0, sizeof(*segment));
}

/* The next page of the segment gets its frame and its entry. */
static bool populate_page(struct kernel *k, struct space *space, const struct vma *vma)
{
	struct segment *segment = &space->segment;
	pfn_t pfn = segment->first + (segment->used >> FRAME_LG2);
	const struct pt_mapping mapping = {
		.va = segment->va + segment->used,
		.pa = pfn << FRAME_LG2,
		.page_lg2 = FRAME_LG2,
		.attrs = { .perms = vma_perms(vma, true), .accessed = true, .dirty = true },
	};

	frames_hand_over(&k->frames, pfn);
	segment->used += FRAME_BYTES;
	frame_zero(k, pfn);
	if (page_map(k, space, &mapping) == PW_OK)
		return true;
	frames_put(&k->frames, pfn);
	return false;
}

void segment_populate(struct kernel *k, struct space *space, va_t start, va_t end)
{
	struct segment *segment = &space->segment;
	struct translation *registers = &space->pt->segment;
	const struct vma *vma = vma_set_at(&space->vmas, start);
	bool grows = registers->bytes == start - segment->va;

	if (!segment->bytes || segment->va + segment->used != start || !vma)
		return;
	if (end > segment->va + segment->bytes)
		end = segment->va + segment->bytes;
	while (start < end && populate_page(k, space, vma))
		start += FRAME_BYTES;
	if (!grows || start == segment->va)
		return;
	*registers = (struct translation){
		.va = segment->va,
		.pa = segment->first << FRAME_LG2,
		.bytes = start - segment->va,
		.page_lg2 = FRAME_LG2,
		.perms = vma_perms(vma, true),
		.accessed = true,
		.dirty = true,
	};
	tell_hardware(k);
}

static bool is_eager(const struct kernel *k, const struct vma *vma)
{
	return k->config.eager_paging && k->table->caps.base_page_lg2 == FRAME_LG2 && vma &&
	       vma->file < 0 && (vma->flags & MAP_PRIVATE) && (vma->prot & PROT_WRITE) &&
	       !(vma->flags & MAP_GROWSDOWN);
}

/* Maps pages to a run of frames; frames that cannot be mapped go back. How many pages were. */
static uint64_t map_run(struct kernel *k, struct space *space, struct pt_mapping mapping,
			unsigned order)
{
	uint64_t count = UINT64_C(1) << order, done = 0;

	while (done < count) {
		frame_zero(k, mapping.pa >> FRAME_LG2);
		if (page_map(k, space, &mapping) != PW_OK)
			break;
		mapping.va += FRAME_BYTES;
		mapping.pa += FRAME_BYTES;
		done++;
	}
	for (uint64_t i = done; i < count; i++, mapping.pa += FRAME_BYTES)
		frames_put(&k->frames, mapping.pa >> FRAME_LG2);
	return done;
}

static pfn_t take_run(struct kernel *k, uint64_t pages, unsigned *order)
{
	pfn_t first = PFN_NONE;

	*order = EAGER_ORDER_MAX;
	while (UINT64_C(1) << *order > pages)
		--*order;
	for (;;) {
		first = frames_take(&k->frames, FRAME_ANONYMOUS, *order);
		if (first != PFN_NONE || *order == 0)
			return first;
		--*order;
	}
}

void ranges_populate(struct kernel *k, struct space *space, va_t start, va_t end)
{
	const struct vma *vma = vma_set_at(&space->vmas, start);

	if (!is_eager(k, vma) || (end - start) >> FRAME_LG2 > k->frames.count[FRAME_FREE] / 2)
		return;
	while (start < end) {
		unsigned order;
		pfn_t first = take_run(k, (end - start) >> FRAME_LG2, &order);
		struct translation range = {
			.va = start,
			.pa = first << FRAME_LG2,
			.page_lg2 = FRAME_LG2,
			.perms = vma_perms(vma, true),
			.accessed = true,
			.dirty = true,
		};
		const struct pt_mapping mapping = {
			.va = start,
			.pa = range.pa,
			.page_lg2 = FRAME_LG2,
			.attrs = { .perms = range.perms, .accessed = true, .dirty = true },
		};

		if (first == PFN_NONE)
			return;
		range.bytes = map_run(k, space, mapping, order) << FRAME_LG2;
		if (range.bytes && pt_range_enter(space->pt, &range) != PW_OK)
			return;
		if (range.bytes < (uint64_t)FRAME_BYTES << order)
			return;
		start += range.bytes;
	}
}

void ranges_lose(struct kernel *k, struct space *space, va_t va, uint64_t bytes)
{
	struct translation *registers = &space->pt->segment;

	pt_range_remove(space->pt, va, bytes);
	if (va >= registers->va + registers->bytes || va + bytes <= registers->va)
		return;
	registers->bytes = va > registers->va ? va - registers->va : 0;
	tell_hardware(k);
}
