/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the kernel model counts, and what it can measure of memory at any time: frames by kind and by
 * category, how scattered free memory is, and what is wasted within what is allocated.
 *
 * Categories are what can be done about a frame when memory is wanted: nothing (unmovable: page
 * tables, slabs, pools of huge pages, reserved and pinned frames), drop it or write it back (reclaimable: the page
 * cache), or write it to swap (swappable: anonymous memory, the slack of its blocks included).
 */

#include "emu/kernel/kernel_internal.h"

/* Names must outlive the visit, and are few: one string each. */
#define ORDERS(name)                                                                               \
	{                                                                                          \
		name "0", name "1", name "2", name "3", name "4", name "5", name "6", name "7",    \
			name "8", name "9", name "10", name "11", name "12", name "13", name "14", \
			name "15", name "16", name "17", name "18"                                 \
	}

static void visit_blocks(const struct kernel *k, counter_visit_fn *visit, void *ctx)
{
	static const char *const free_names[FRAME_BLOCK_ORDERS] = ORDERS("frames.free_order_");
	static const char *const index_names[FRAME_BLOCK_ORDERS] =
		ORDERS("frames.unusable_index_order_");
	uint64_t blocks[FRAME_BLOCK_ORDERS];

	kernel_free_blocks(k, blocks);
	for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
		visit(ctx, free_names[order], "free blocks of 2^order frames", blocks[order]);
	for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
		visit(ctx, index_names[order],
		      "thousandths of free memory that lie in smaller blocks",
		      frame_unusable_index(blocks, order));
}

static uint64_t space_count(const struct kernel *k)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < k->space_slots; i++)
		count += k->space[i] != NULL;
	return count;
}

/* One name for each kind of object and figure. */
#define OBJECT_NAMES(figure)                                                    \
	{                                                                       \
		"slab.task_struct." figure, "slab.signal_cache." figure,        \
			"slab.files_cache." figure, "slab.mm_struct." figure,   \
			"slab.vm_area_struct." figure, "slab.filp." figure,     \
			"slab.ext4_inode_cache." figure, "slab.dentry." figure, \
			"slab.radix_tree_node." figure                          \
	}

static void visit_slabs(const struct kernel *k, counter_visit_fn *visit, void *ctx)
{
	static const char *const objects[] = OBJECT_NAMES("objects");
	static const char *const slots[] = OBJECT_NAMES("slots");
	static const char *const frames[] = OBJECT_NAMES("frames");
	static const char *const waste[] = OBJECT_NAMES("waste_bytes");
	uint64_t wasted = 0;

	for (unsigned i = 0; i < OBJECT_KIND_COUNT; i++) {
		const struct slab_cache *cache = &k->objects.cache[i];

		visit(ctx, objects[i], "objects of this slab cache", cache->objects);
		visit(ctx, slots[i], "objects that its slabs have room for", cache->slots);
		visit(ctx, frames[i], "frames of its slabs", cache->frames_used);
		visit(ctx, waste[i], "bytes of these that hold no object", slab_waste_bytes(cache));
		wasted += slab_waste_bytes(cache);
	}
	visit(ctx, "kernel.slab_waste_bytes", "bytes of slabs that hold no object", wasted);
}

static void visit_categories(const struct frame_counts *counts, counter_visit_fn *visit, void *ctx)
{
	visit(ctx, "frames.unmovable",
	      "frames of page tables, slabs and hugetlb pools, reserved and pinned ones",
	      counts->table + counts->slab + counts->reserved + counts->hugetlb);
	visit(ctx, "frames.reclaimable", "frames of the page cache", counts->file);
	visit(ctx, "frames.swappable", "frames of anonymous memory and of its blocks",
	      counts->anonymous + counts->slack);
	visit(ctx, "kernel.block_waste_bytes", "bytes of larger base pages that hold no page",
	      counts->slack << FRAME_LG2);
}

static uint64_t frames_in(const uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	uint64_t frames = 0;

	for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
		frames += blocks[order] << order;
	return frames;
}

/* One name for each category, in their order. */
#define CATEGORIES(name)                                             \
	{                                                            \
		name "movable", name "unmovable", name "reclaimable" \
	}

static void visit_mobility(const struct kernel *k, counter_visit_fn *visit, void *ctx)
{
	static const char *const types[] = CATEGORIES("frames.pageblocks_");
	static const char *const free_names[] = CATEGORIES("frames.free_");
	static const char *const fallbacks[] = CATEGORIES("frames.fallbacks_");
	struct frame_mobility mobility;

	kernel_mobility(k, &mobility);
	for (unsigned i = 0; i < FRAME_CATEGORY_COUNT; i++) {
		visit(ctx, types[i], "blocks of 2 MiB that are kept for this category",
		      mobility.pageblocks[i]);
		visit(ctx, free_names[i], "free frames in them", frames_in(mobility.blocks[i]));
		visit(ctx, fallbacks[i],
		      "requests of this category that took frames from those of another",
		      mobility.fallbacks[i]);
	}
	visit(ctx, "frames.pageblocks_with_unmovable",
	      "blocks of 2 MiB that cannot become free as a whole: an unmovable frame lies in them",
	      mobility.with_unmovable);
	visit(ctx, "frames.pageblocks_claimed", "times that such a block changed its category",
	      mobility.claimed);
}

static void visit_pools(const struct kernel *k, counter_visit_fn *visit, void *ctx)
{
	const struct hugetlb_pool *small = &k->hugetlb[HUGETLB_2M],
				  *large = &k->hugetlb[HUGETLB_1G];

	visit(ctx, "hugetlb.free_2m", "huge pages of 2 MiB that are in nobody's use",
	      small->free_count);
	visit(ctx, "hugetlb.reserved_2m", "of these, promised to mappings", small->reserved);
	visit(ctx, "hugetlb.free_1g", "huge pages of 1 GiB that are in nobody's use",
	      large->free_count);
	visit(ctx, "hugetlb.reserved_1g", "of these, promised to mappings", large->reserved);
}

void kernel_visit_counters(const struct kernel *k, counter_visit_fn *visit, void *ctx)
{
	struct frame_counts counts;

#define KERNEL_COUNTER(field, doc) visit(ctx, "kernel." #field, doc, k->counters.field);
#include "mmu/event.def"
	kernel_frame_counts(k, &counts);
	visit(ctx, "kernel.frames_total", "frames of physical memory", counts.total);
	visit(ctx, "kernel.frames_free", "frames that are free now", counts.free);
	visit(ctx, "kernel.frames_table", "frames of page tables", counts.table);
	visit(ctx, "kernel.frames_slab", "frames of the kernel's own objects", counts.slab);
	visit(ctx, "kernel.frames_anonymous", "frames of anonymous memory", counts.anonymous);
	visit(ctx, "kernel.frames_file", "frames in the page cache", counts.file);
	visit(ctx, "kernel.frames_reserved", "frames that are never handed out", counts.reserved);
	visit(ctx, "kernel.frames_pinned", "of these, pinned since the start", counts.pinned);
	visit(ctx, "kernel.frames_slack", "frames of larger base pages that hold no page",
	      counts.slack);
	visit(ctx, "kernel.frames_hugetlb", "frames of the pools of huge pages", counts.hugetlb);
	visit_pools(k, visit, ctx);
	visit_categories(&counts, visit, ctx);
	visit_mobility(k, visit, ctx);
	visit_slabs(k, visit, ctx);
	visit_blocks(k, visit, ctx);
	visit(ctx, "kernel.swap_total", "slots of the swap device, a page each", k->swap.slots);
	visit(ctx, "kernel.swap_used", "slots in use now", k->swap.used);
	visit(ctx, "kernel.swap_cached", "frames of the swap cache", k->swap.cached);
	visit(ctx, "kernel.spaces", "address spaces that exist now", space_count(k));
}
