/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reclaim: frames that are in use become free. The policy (reclaim.h) says which page is to leave;
 * here is what that means, and when it happens.
 *
 *	page of a file         dropped; what was written through a shared mapping is written back
 *	shared anonymous page  to swap, its entry in the file
 *	anonymous page         to swap, an entry in each space that maps it; one in the swap cache is
 *	                       only dropped
 *
 * Direct reclaim: an allocation that finds fewer frames than the min watermark makes room first, a
 * page at a time; an allocation that finds none goes on while any page can leave. The daemon
 * (Linux: kswapd) runs at ticks, when fewer than `low` are free, until `high` are.
 *
 * Watermarks are Linux's (mm/page_alloc.c: init_per_zone_wmark_min(), __setup_per_zone_wmarks()):
 *
 *	min   4 x sqrt(KiB of memory) KiB, from 128 KiB to 256 MiB, but at most 1/64 of memory
 *	low   min + max(min / 4, memory x watermark_scale / 10,000)
 *	high  low + the same
 *
 * Linux has no bound of 1/64: there is no Linux that small.
 *
 * Never victims: pinned frames, page tables, frames of a direct segment, the page under service with
 * its two neighbours, and the pages of the code that runs. Without room on the swap device, nothing
 * anonymous.
 *
 * Page-table operations of reclaim are charged on its line, too, with `reclaim_page` for each victim
 * and each page looked at.
 *
 * Machines with base pages above 4 KiB do not swap: their blocks leave memory only as a whole.
 *
 * Deviations: direct reclaim takes one page where Linux takes 32; no writeback in advance.
 */

#include <assert.h>
#include <string.h>

#include "emu/kernel/kernel_internal.h"
#include "emu/kernel/square_root.h"

/* --- what a policy asks ---------------------------------------------------------------------- */

static unsigned look(void *ctx, pfn_t pfn, bool clear)
{
	struct kernel *k = ctx;
	const struct frame *frame = frame_at(&k->frames, pfn);
	unsigned bits = 0;

	k->counters.reclaim_looks++;
	for (const struct frame_mapping *map = frame->maps ? &frame->map : NULL; map;
	     map = map->next) {
		struct space *space = space_find(k, map->space);
		va_t va = map->vpn << FRAME_LG2;
		struct translation leaf;

		if (leaf_harvest(k, space, va, clear ? HARVEST_CLEAR_A : HARVEST_READ, &leaf) !=
		    PW_OK)
			continue;
		bits |= (leaf.accessed ? LOOK_ACCESSED : 0) | (leaf.dirty ? LOOK_DIRTY : 0);
		if (!clear || !leaf.accessed)
			continue;
		k->flush_due = true;
		if (k->config.reclaim.clear_accessed == CLEAR_FLUSH ||
		    !k->table->caps.hardware_accessed)
			page_changed(k, space, va);
	}
	return bits;
}

static bool in_segment(const struct space *space, va_t va)
{
	return va - space->segment.va < space->segment.used;
}

static bool kept(const struct kernel *k, const struct frame_mapping *map)
{
	for (unsigned i = 0; i < KEEP_COUNT; i++)
		if (k->keep[i].space == map->space && map->vpn >= k->keep[i].first &&
		    map->vpn <= k->keep[i].last)
			return true;
	return false;
}

static bool evictable(void *ctx, pfn_t pfn)
{
	const struct kernel *k = ctx;
	const struct frame *frame = frame_at(&k->frames, pfn);
	bool cached = frame_slot(frame) != SLOT_NONE;
	bool swaps = frame->kind == FRAME_ANONYMOUS
			     ? !cached
			     : k->file[frame->file]->identity == KERNEL_IDENTITY_NONE;

	if (frame->refs != frame->maps + (cached || frame->kind == FRAME_FILE))
		return false;
	if (swaps && (k->frames.block_order || !swap_has_room(&k->swap)))
		return false;
	for (const struct frame_mapping *map = frame->maps ? &frame->map : NULL; map;
	     map = map->next)
		if (kept(k, map) || in_segment(space_find(k, map->space), map->vpn << FRAME_LG2))
			return false;
	/* Splitting takes a frame for a table. */
	return k->frames.count[FRAME_FREE] > 0 || !frame_is_huge(k, frame);
}

/* --- leaving --------------------------------------------------------------------------------- */

static void unmap_everywhere(struct kernel *k, pfn_t pfn)
{
	const struct frame *frame = frame_at(&k->frames, pfn);

	while (frame->maps > 0)
		page_unmap(k, space_find(k, frame->map.space), frame->map.vpn << FRAME_LG2);
}

/* The bytes go to a slot, which refers to nothing yet: SLOT_NONE when there is none. */
static uint64_t take_slot(struct kernel *k, pfn_t pfn, bool of_file)
{
	uint64_t slot = swap_take(&k->swap);

	if (slot != SLOT_NONE) {
		swap_slot(&k->swap, slot)->key = k->reclaim.page[pfn].key;
		swap_slot(&k->swap, slot)->of_file = of_file;
	}
	return slot;
}

static bool evict_shared(struct kernel *k, struct file *file, uint64_t index, pfn_t pfn)
{
	uint64_t slot = take_slot(k, pfn, true);

	if (slot == SLOT_NONE)
		return false;
	if (swapped_enter(k, &file->swapped, index, slot) != PW_OK) {
		swap_put(&k->swap, slot);
		return false;
	}
	swap_put(&k->swap, slot);
	frame_swap_out(k, pfn, slot);
	unmap_everywhere(k, pfn);
	file_drop_page(k, file, index, pfn);
	return true;
}

static bool evict_file(struct kernel *k, pfn_t pfn)
{
	const struct frame *frame = frame_at(&k->frames, pfn);
	struct file *file = k->file[frame->file];
	uint64_t index = frame->index;

	if (file->identity == KERNEL_IDENTITY_NONE)
		return evict_shared(k, file, index, pfn);
	unmap_everywhere(k, pfn);
	file_drop_page(k, file, index, pfn);
	k->counters.pages_dropped++;
	return true;
}

/* Every space that maps the frame gets an entry; all or none. */
static bool enter_slot(struct kernel *k, const struct frame *frame, uint64_t slot)
{
	const struct frame_mapping *map = frame->maps ? &frame->map : NULL;

	for (; map; map = map->next)
		if (swapped_enter(k, &space_find(k, map->space)->swapped, map->vpn, slot) != PW_OK)
			break;
	if (!map)
		return true;
	for (const struct frame_mapping *done = &frame->map; done != map; done = done->next)
		swapped_leave(k, &space_find(k, done->space)->swapped, done->vpn);
	return false;
}

static bool split_everywhere(struct kernel *k, const struct frame *frame)
{
	if (k->huge_pages == 0)
		return true;
	for (const struct frame_mapping *map = frame->maps ? &frame->map : NULL; map;
	     map = map->next)
		if (huge_split(k, space_find(k, map->space), map->vpn << FRAME_LG2, false) != PW_OK)
			return false;
	return true;
}

static bool evict_anonymous(struct kernel *k, pfn_t pfn)
{
	const struct frame *frame = frame_at(&k->frames, pfn);
	uint64_t slot = frame_slot(frame);
	bool cached = slot != SLOT_NONE, entered;

	if (!split_everywhere(k, frame))
		return false;
	if (!cached)
		slot = take_slot(k, pfn, false);
	if (slot == SLOT_NONE)
		return false;
	entered = enter_slot(k, frame, slot);
	if (entered && !cached)
		frame_swap_out(k, pfn, slot);
	if (!cached)
		swap_put(&k->swap, slot); /* the entries hold it now */
	if (!entered)
		return false;
	frames_get(&k->frames, pfn);
	unmap_everywhere(k, pfn);
	if (cached)
		swap_cache_remove(k, pfn);
	frames_put(&k->frames, pfn);
	return true;
}

static bool evict(struct kernel *k, pfn_t pfn)
{
	if (frame_at(&k->frames, pfn)->kind == FRAME_FILE)
		return evict_file(k, pfn);
	return evict_anonymous(k, pfn);
}

/* --- when ------------------------------------------------------------------------------------ */

static void charge_work(struct kernel *k, enum charge line, uint64_t pages)
{
	uint64_t now = k->table->memory->loads + k->table->memory->stores;

	cost_charge(k, line,
		    (now - k->table_accesses) * k->config.costs.table_access +
			    pages * k->config.costs.reclaim_page);
	k->table_accesses = now;
}

/* Up to `wanted` pages leave; how many did. Their frames are in limbo. */
static unsigned shrink(struct kernel *k, enum charge line, uint64_t wanted)
{
	uint64_t looks = k->counters.reclaim_looks;
	unsigned done = 0;

	if (!k->reclaim.ops || k->stopping)
		return 0;
	cost_tables(k);
	while (done < wanted) {
		pfn_t pfn = reclaim_victim(&k->reclaim);

		if (pfn == PFN_NONE || !evict(k, pfn))
			break;
		done++;
	}
	charge_work(k, line, done + k->counters.reclaim_looks - looks);
	return done;
}

unsigned pageout_direct(struct kernel *k, unsigned wanted)
{
	unsigned done = shrink(k, CHARGE_RECLAIM_DIRECT, wanted);

	k->counters.pages_reclaimed_direct += done;
	return done;
}

static uint64_t free_soon(const struct kernel *k)
{
	return k->frames.count[FRAME_FREE] + k->frames.count[FRAME_LIMBO];
}

void pageout_make_room(struct kernel *k)
{
	while (PAGEWALK_UNLIKELY(free_soon(k) < k->watermark[WATERMARK_MIN]))
		if (pageout_direct(k, 1) == 0)
			return;
}

static void daemon_run(struct kernel *k)
{
	uint64_t looks = k->counters.reclaim_looks;

	if (k->reclaim.ops->wants_ticks) {
		cost_tables(k);
		reclaim_tick(&k->reclaim);
		charge_work(k, CHARGE_RECLAIM_DAEMON, k->counters.reclaim_looks - looks);
	}
	if (free_soon(k) >= k->watermark[WATERMARK_LOW])
		return;
	k->counters.daemon_runs++;
	k->counters.pages_reclaimed_daemon +=
		shrink(k, CHARGE_RECLAIM_DAEMON, k->watermark[WATERMARK_HIGH] - free_soon(k));
}

int64_t kcall_tick(struct kernel *k, const uint64_t *arg)
{
	struct keep *keep = &k->keep[KEEP_CODE];

	keep->space = k->running && arg[1] ? k->running->id : 0;
	keep->first = arg[0] >> FRAME_LG2;
	keep->last = (arg[0] + arg[1] - 1) >> FRAME_LG2;
	daemon_run(k);
	collapse_tick(k);
	return 0;
}

int64_t kcall_idle(struct kernel *k, const uint64_t *arg)
{
	(void)arg;
	k->keep[KEEP_CODE].space = 0;
	daemon_run(k);
	return 0;
}

void kernel_keep_code(struct kernel *k, va_t end)
{
	struct keep *keep = &k->keep[KEEP_CODE];

	keep->space = end && k->running ? k->running->id : 0;
	keep->last = (end - 1) >> FRAME_LG2;
	keep->first = keep->last - 1;
}

bool kernel_wants_accesses(const struct kernel *k)
{
	return k->observer || (k->reclaim.ops && k->reclaim.ops->accessed);
}

void kernel_set_observer(struct kernel *k, void *ctx, void (*accessed)(void *ctx, pa_t pa))
{
	k->observer = accessed;
	k->observer_ctx = ctx;
}

static uint64_t ask_oracle(void *ctx, struct reclaim_key key)
{
	struct kernel *k = ctx;

	return k->next_use(k->next_use_ctx, key.owner, key.index);
}

bool kernel_wants_oracle(const struct kernel *k)
{
	return k->reclaim.ops && strcmp(k->reclaim.ops->name, "opt") == 0 && !k->next_use;
}

void kernel_set_oracle(struct kernel *k, void *ctx,
		       uint64_t (*next_use)(void *ctx, uint64_t owner, uint64_t index))
{
	k->next_use = next_use;
	k->next_use_ctx = ctx;
	k->reclaim.setup.host.next_use = next_use ? ask_oracle : NULL;
}

void kernel_accessed(struct kernel *k, pa_t pa)
{
	if (k->observer)
		k->observer(k->observer_ctx, pa);
	if (k->reclaim.ops && k->reclaim.ops->accessed)
		reclaim_accessed(&k->reclaim, pa >> FRAME_LG2);
}

unsigned kernel_page_names(const struct kernel *k, pa_t pa, struct page_name name[2])
{
	pfn_t pfn = pa >> FRAME_LG2;
	const struct frame *frame = frame_at(&k->frames, pfn);
	const struct frame_mapping *map = &frame->map;
	struct reclaim_key key;

	if (!k->reclaim.ops || !reclaim_is_resident(&k->reclaim, pfn))
		return 0;
	key = k->reclaim.page[pfn].key;
	name[0] = (struct page_name){ key.owner, key.index };
	if (frame->kind != FRAME_ANONYMOUS || frame->maps < 2 || !k->running)
		return 1;
	while (map && map->space != k->running->id)
		map = map->next;
	if (!map || (map->space == key.owner && map->vpn == key.index))
		return 1;
	name[1] = (struct page_name){ map->space, map->vpn };
	return 2;
}

/* --- life ------------------------------------------------------------------------------------ */

void pageout_inserted(struct kernel *k, pfn_t pfn, enum reclaim_kind kind, struct reclaim_key key)
{
	if (k->reclaim.ops && !reclaim_is_resident(&k->reclaim, pfn))
		reclaim_insert(&k->reclaim, pfn, kind, key);
}

static void gone(void *ctx, pfn_t pfn)
{
	struct kernel *k = ctx;

	if (k->reclaim.ops)
		reclaim_remove(&k->reclaim, pfn);
}

static void set_watermarks(struct kernel *k)
{
	uint64_t frames = k->frames.end, kib = frames << (FRAME_LG2 - 10);
	uint64_t min = 4 * square_root(kib), step;

	min = min < 128 ? 128 : min > 256 << 10 ? 256 << 10 : min;
	min >>= FRAME_LG2 - 10;
	min = min < frames / 64 ? min : frames / 64;
	step = frames / 10000 * k->config.reclaim.watermark_scale +
	       frames % 10000 * k->config.reclaim.watermark_scale / 10000;
	step = step > min / 4 ? step : min / 4;
	k->watermark[WATERMARK_MIN] = min;
	k->watermark[WATERMARK_LOW] = min + step;
	k->watermark[WATERMARK_HIGH] = min + 2 * step;
}

int pageout_init(struct kernel *k)
{
	const struct reclaim_setup setup = {
		.policy = k->config.reclaim.policy,
		.end = k->frames.end,
		.seed = k->config.reclaim.seed,
		.swappiness = k->config.reclaim.swappiness,
		.host = { k, look, evictable, NULL },
		.alloc = k->alloc,
	};
	int error = swap_init(&k->swap, &k->config.swap, k->alloc);

	if (!error)
		error = reclaim_init(&k->reclaim, &setup);
	if (error) {
		k->reclaim.ops = NULL;
		swap_release(&k->swap);
		return error;
	}
	k->frames.gone = gone;
	k->frames.gone_ctx = k;
	set_watermarks(k);
	return PW_OK;
}

void pageout_release(struct kernel *k)
{
	assert(k->swap.used == 0 && "a slot outlived the spaces and files that could refer to it");
	k->frames.gone = NULL;
	reclaim_release(&k->reclaim);
	k->reclaim.ops = NULL;
	swap_release(&k->swap);
}
