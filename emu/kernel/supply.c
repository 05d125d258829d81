/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Where the kernel's frames come from. A request that finds none first settles, if frames wait in
 * limbo for a flush, then has reclaim (pageout.c) make room.
 *
 * Frames of page tables come through the same way, so that a table can always be made where one
 * was freed in the same operation; but a page table asks in the middle of its own work, so that
 * nothing may be unmapped for it: only clean file pages leave that nothing maps. Where that is not
 * enough the operation fails without having changed anything, and its caller makes room and tries
 * again (page_map()).
 */

#include <stddef.h>

#include "emu/kernel/kernel_internal.h"

enum { COSTLY_ORDER = 3 };

void kernel_settle(struct kernel *k)
{
	if (k->flush_due) {
		k->flush_due = false;
		k->counters.flushes++;
		k->hw.flush(k->hw.ctx);
	}
	frames_release_limbo(&k->frames);
}

/* Without unmapping anything. */
static pfn_t supply_quietly(struct kernel *k, enum frame_kind kind, unsigned order)
{
	pfn_t pfn = frames_take(&k->frames, kind, order);

	while (PAGEWALK_UNLIKELY(pfn == PFN_NONE) &&
	       (k->frames.limbo_first != PFN_NONE || files_reclaim(k) > 0)) {
		kernel_settle(k);
		pfn = frames_take(&k->frames, kind, order);
	}
	return pfn;
}

/*
 * Small blocks for the kernel's objects are worth taking pages out until neighbours are free (Linux:
 * up to PAGE_ALLOC_COSTLY_ORDER); larger ones are had or not.
 */
static pfn_t supply_block(struct kernel *k, enum frame_kind kind, unsigned order)
{
	pfn_t pfn = supply_quietly(k, kind, order);

	while (PAGEWALK_UNLIKELY(pfn == PFN_NONE) && kind == FRAME_SLAB && order <= COSTLY_ORDER &&
	       pageout_direct(k, 1u << order) > 0) {
		kernel_settle(k);
		pfn = frames_take(&k->frames, kind, order);
	}
	return pfn;
}

static pfn_t supply_one(struct kernel *k, enum frame_kind kind)
{
	pfn_t pfn;

	pageout_make_room(k);
	pfn = frames_take(&k->frames, kind, 0);
	while (PAGEWALK_UNLIKELY(pfn == PFN_NONE) &&
	       (k->frames.limbo_first != PFN_NONE || pageout_direct(k, 1) > 0)) {
		kernel_settle(k);
		pfn = frames_take(&k->frames, kind, 0);
	}
	return pfn != PFN_NONE ? pfn : supply_quietly(k, kind, 0);
}

pfn_t supply_frame(struct kernel *k, enum frame_kind kind, unsigned order)
{
	pfn_t pfn = order > 0 ? supply_block(k, kind, order) : supply_one(k, kind);

	/* A larger base page is as good as a frame there; what else is larger can be done without. */
	if (PAGEWALK_UNLIKELY(pfn == PFN_NONE) && (order <= COSTLY_ORDER || kind == FRAME_SLACK))
		k->starved = true;
	return pfn;
}

static struct kernel *kernel_of(struct frame_source *source)
{
	return (struct kernel *)((char *)source - offsetof(struct kernel, table_source));
}

static pfn_t table_alloc(struct frame_source *source, unsigned order)
{
	struct kernel *k = kernel_of(source);
	pfn_t pfn = supply_quietly(k, FRAME_TABLE, order);

	if (pfn == PFN_NONE && order <= COSTLY_ORDER)
		k->starved = true;
	if (pfn == PFN_NONE || !k->table)
		return pfn;
	/* pt_memory_alloc() clears the frames, which a code page may have lain in. */
	for (pfn_t i = pfn; i < pfn + ((pfn_t)1 << order); i++)
		k->hw.frame_changed(k->hw.ctx, i);
	cost_charge(k, CHARGE_TABLE_UPDATE, (cycles_t)k->config.costs.page_zero << order);
	return pfn;
}

static void table_free(struct frame_source *source, pfn_t first, unsigned order)
{
	frames_put_block(&kernel_of(source)->frames, first, order);
}

void supply_init(struct kernel *k)
{
	static const struct frame_source_ops ops = { "kernel", table_alloc, table_free };

	k->table_source.ops = &ops;
}
