/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Page-table entries made, removed and changed, with all that has to follow: reference and map
 * counts, invalidations, the flush that is owed, dirty file pages written back, charges, events.
 *
 * A present entry that is changed or removed is invalidated in the hardware at once, in runs of
 * contiguous pages, unless the hardware can hold nothing of its space (asid.c). An entry that is
 * new needs no invalidation: no TLB here holds absent entries.
 *
 * Only a shared mapping of a file sets D on a page of the page cache (private mappings of them are
 * never writable), so a dirty one is written back when its entry goes. Hence a cached page that
 * nothing maps is clean.
 *
 * Entries are leaves in the sense of leaves.h: in the table, or displaced from one that holds one
 * mapping a frame. Displacing and bringing in are no events of this file: the mapping stays.
 *
 * PROT_NONE on a page that is present: the entry stays without PERM_USER, so that a user's access
 * is a protection fault. (x86 Linux clears P and keeps the frame number; the guest sees the same.)
 */

#include <assert.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"
#include "emu/kernel/page_view.h"

uint8_t vma_perms(const struct vma *vma, bool may_write)
{
	unsigned perms = PERM_READ;

	if (vma->prot & (PROT_READ | PROT_WRITE | PROT_EXEC))
		perms |= PERM_USER;
	if ((vma->prot & PROT_WRITE) && may_write)
		perms |= PERM_WRITE;
	if (vma->prot & PROT_EXEC)
		perms |= PERM_EXEC;
	return (uint8_t)perms;
}

static void emit_page(struct kernel *k, enum event_kind kind, const struct space *space, va_t va,
		      pa_t pa, unsigned page_lg2)
{
	if (event_wanted(k->events, kind) && !k->stopping) {
		const struct event event = {
			.kind = (uint8_t)kind,
			.va = va,
			.pa = pa,
			.asid = space->id,
			.page_lg2 = (uint8_t)page_lg2,
			.value = UINT64_C(1) << page_lg2,
		};

		kernel_emit(k, &event);
	}
}

/* --- invalidation in runs -------------------------------------------------------------------- */

struct run {
	struct kernel *k;
	struct space *space;
	va_t start, end; /* empty when equal */
	uint64_t pages;
	bool silent; /* the whole ASID will be invalidated */
};

static void run_close(struct run *run)
{
	struct kernel *k = run->k;

	if (run->start == run->end)
		return;
	if (run->space->tagged)
		k->hw.invalidate_range(k->hw.ctx, run->space->pt->tag, run->start,
				       run->end - run->start);
	run->start = run->end = 0;
}

static void run_add(struct run *run, va_t va, uint64_t bytes)
{
	ranges_lose(run->k, run->space, va, bytes);
	run->pages += bytes >> FRAME_LG2;
	run->k->flush_due = true;
	if (run->silent)
		return;
	if (va != run->end || run->start == run->end) {
		run_close(run);
		run->start = va;
	}
	run->end = va + bytes;
}

static void run_finish(struct run *run)
{
	run_close(run);
	if (!run->silent && run->space->tagged)
		cost_shootdown(run->k, run->pages);
}

void page_changed(struct kernel *k, struct space *space, va_t va)
{
	struct run run = { .k = k, .space = space };

	run_add(&run, va, FRAME_BYTES);
	run_finish(&run);
}

/* --- map ------------------------------------------------------------------------------------- */

static void frame_mapped(struct kernel *k, struct space *space, pfn_t pfn, va_t va)
{
	const struct frame *frame = frame_at(&k->frames, pfn);

	frames_map(&k->frames, pfn, space->id, va >> FRAME_LG2);
	if (frame->kind == FRAME_FILE && frame->maps == 1)
		k->file[frame->file]->mapped++;
	if (frame->kind == FRAME_ANONYMOUS && frame->maps == 1)
		pageout_inserted(k, pfn, RECLAIM_ANONYMOUS,
				 (struct reclaim_key){ space->id, va >> FRAME_LG2 });
	if (frame->kind == FRAME_HUGETLB)
		hugetlb_mapped(k, space, pfn);
}

static void frame_unmapped(struct kernel *k, struct space *space, pfn_t pfn, va_t va)
{
	const struct frame *frame = frame_at(&k->frames, pfn);

	if (frame->kind == FRAME_FILE && frame->maps == 1)
		k->file[frame->file]->mapped--;
	frames_unmap(&k->frames, pfn, space->id, va >> FRAME_LG2);
	swap_cache_trim(k, pfn);
	if (frame->kind == FRAME_HUGETLB)
		hugetlb_unmapped(k, space, pfn);
}

/* A table that finds no frames says so before it has changed anything; then others leave for it. */
static int enter_leaf(struct kernel *k, struct space *space, const struct pt_mapping *mapping)
{
	unsigned room = 1;
	int error;

	while ((error = leaf_map(k, space, mapping)) == PW_NOFRAMES) {
		if (pageout_direct(k, room) == 0)
			return error;
		kernel_settle(k);
		room *= 2;
	}
	return error;
}

int page_map(struct kernel *k, struct space *space, const struct pt_mapping *mapping)
{
	uint64_t bytes = UINT64_C(1) << mapping->page_lg2;
	int error = frames_reserve_maps(&k->frames, mapping->pa >> FRAME_LG2, bytes >> FRAME_LG2);

	if (!error)
		error = enter_leaf(k, space, mapping);
	if (error)
		return error;
	if (k->frames.block_order && page_view_widened(space->pt))
		page_changed(k, space, mapping->va);
	for (uint64_t i = 0; i < bytes; i += FRAME_BYTES)
		frame_mapped(k, space, (mapping->pa + i) >> FRAME_LG2, mapping->va + i);
	emit_page(k, EVENT_MAP, space, mapping->va, mapping->pa, mapping->page_lg2);
	k->counters.pages_mapped += bytes >> FRAME_LG2;
	if (space_resident(space) > space->resident_peak)
		space->resident_peak = space_resident(space);
	if (mapping->page_lg2 > FRAME_LG2)
		k->huge_pages += bytes >> FRAME_LG2;
	return PW_OK;
}

/* --- unmap ----------------------------------------------------------------------------------- */

static void leaf_moved_out(struct run *run, const struct translation *leaf)
{
	struct kernel *k = run->k;

	run_add(run, leaf->va, leaf->bytes);
	emit_page(k, EVENT_UNMAP, run->space, leaf->va, leaf->pa, leaf->page_lg2);
	k->counters.pages_unmapped += leaf->bytes >> FRAME_LG2;
	if (leaf->page_lg2 > FRAME_LG2)
		k->huge_pages -= leaf->bytes >> FRAME_LG2;
	for (uint64_t i = 0; i < leaf->bytes; i += FRAME_BYTES)
		frame_unmapped(k, run->space, (leaf->pa + i) >> FRAME_LG2, leaf->va + i);
}

static void write_back_leaf(struct kernel *k, const struct translation *leaf)
{
	for (uint64_t i = 0; i < leaf->bytes; i += FRAME_BYTES) {
		pfn_t pfn = (leaf->pa + i) >> FRAME_LG2;
		const struct frame *frame = frame_at(&k->frames, pfn);

		if (frame->kind == FRAME_FILE)
			file_write_page(k, k->file[frame->file], frame->index, pfn);
	}
}

static void leaf_gone(void *ctx, const struct translation *leaf)
{
	struct run *run = ctx;

	if (leaf->dirty)
		write_back_leaf(run->k, leaf);
	leaf_moved_out(run, leaf);
}

void leaves_moved_out(struct kernel *k, struct space *space, const struct translation *leaf,
		      unsigned count)
{
	struct run run = { .k = k, .space = space };

	for (unsigned i = 0; i < count; i++)
		leaf_moved_out(&run, &leaf[i]);
	run_finish(&run);
}

static void unmap_leaves(struct kernel *k, struct space *space, va_t va, uint64_t bytes)
{
	struct run run = { .k = k, .space = space };
	int error;

	if (leaves_count(space) == 0)
		return;
	error = leaves_unmap(k, space, va, bytes, leaf_gone, &run);
	assert(!error);
	(void)error;
	run_finish(&run);
}

void page_unmap(struct kernel *k, struct space *space, va_t va)
{
	unmap_leaves(k, space, va, FRAME_BYTES);
}

void pages_unmap(struct kernel *k, struct space *space, va_t va, uint64_t bytes)
{
	unmap_leaves(k, space, va, bytes);
	swapped_forget(k, &space->swapped, va >> FRAME_LG2, (va + bytes) >> FRAME_LG2);
}

void space_unmap_all(struct kernel *k, struct space *space)
{
	struct run run = { .k = k, .space = space, .silent = true };

	for (unsigned i = 0; i < space->vmas.count && leaves_count(space) > 0; i++) {
		const struct vma *vma = &space->vmas.vma[i];
		int error =
			leaves_unmap(k, space, vma->start, vma->end - vma->start, leaf_gone, &run);

		assert(!error);
		(void)error;
	}
	run_finish(&run);
	swapped_forget(k, &space->swapped, 0, UINT64_MAX);
}

/* --- protect --------------------------------------------------------------------------------- */

static void leaf_changed(void *ctx, const struct translation *leaf)
{
	struct run *run = ctx;

	run_add(run, leaf->va, leaf->bytes);
	run->k->counters.pages_protected += leaf->bytes >> FRAME_LG2;
}

void pages_protect(struct kernel *k, struct space *space, va_t va, uint64_t bytes, uint8_t perms)
{
	struct run run = { .k = k, .space = space };
	int error;

	if (leaves_count(space) == 0)
		return;
	error = leaves_protect(k, space, va, bytes, perms, leaf_changed, &run);
	assert(!error);
	(void)error;
	run_finish(&run);
}
