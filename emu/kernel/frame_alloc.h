/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_FRAME_ALLOC_H
#define PAGEWALK_EMU_KERNEL_FRAME_ALLOC_H

/*
 * Which free frame comes next. One const ops object an allocator, found by name. Deterministic: the
 * same calls give the same frames.
 *
 * How scattered free memory is, is counted in maximal free blocks: the largest naturally aligned
 * blocks of 2^order frames, up to FRAME_BLOCK_ORDER_MAX, that free memory can be cut into. The buddy
 * allocator holds its memory so; of the others it is what a buddy allocator would find.
 */

#include "mmu/memory.h"

struct frame_allocator;

enum {
	FRAME_ORDER_MAX = 30,       /* that may be asked for; an allocator may have fewer */
	FRAME_BLOCK_ORDER_MAX = 18, /* of free blocks: 1 GiB */
	FRAME_BLOCK_ORDERS,
	FRAME_PAGEBLOCK_ORDER = 9, /* 2 MiB, as on x86-64 Linux */
};

/* What can be done about a frame when memory is wanted: kernel_counters.c. */
enum frame_category {
	FRAME_MOVABLE,     /* written to swap: anonymous memory */
	FRAME_UNMOVABLE,   /* nothing: page tables, slabs, what is pinned or reserved */
	FRAME_RECLAIMABLE, /* dropped or written back: the page cache */
	FRAME_CATEGORY_COUNT
};
extern const char *const frame_category_names[FRAME_CATEGORY_COUNT];

/* How well an allocator keeps the categories apart: frame_alloc_mobility.c. */
struct frame_mobility {
	uint64_t pageblocks[FRAME_CATEGORY_COUNT]; /* by type */
	uint64_t with_unmovable;                   /* those that hold an unmovable frame */
	uint64_t blocks[FRAME_CATEGORY_COUNT][FRAME_BLOCK_ORDERS]; /* free ones by type and order */
	uint64_t fallbacks[FRAME_CATEGORY_COUNT]; /* requests that were served by others' blocks */
	uint64_t claimed;                         /* changes of a pageblock's type */
};

struct frame_allocator_ops {
	const char *name;
	/* Manages [first, end); all are free. */
	int (*create)(struct frame_allocator *fa, pfn_t first, pfn_t end);
	void (*destroy)(struct frame_allocator *fa);
	/*
	 * First of 2^order contiguous, naturally aligned frames, or PFN_NONE: none are free, or
	 * the host refused memory, and then nothing has changed.
	 */
	pfn_t (*alloc)(struct frame_allocator *fa, unsigned order, enum frame_category category);
	/* The same without regard to alignment; NULL: as alloc. */
	pfn_t (*alloc_run)(struct frame_allocator *fa, unsigned order);
	/* What was allocated, or any naturally aligned part of it. Cannot fail. */
	void (*free)(struct frame_allocator *fa, pfn_t first, unsigned order);
	/* Adds the number of maximal free blocks of each order. */
	void (*count_blocks)(const struct frame_allocator *fa, uint64_t blocks[FRAME_BLOCK_ORDERS]);
	/* All NULL where frames are not grouped. Before the first request: from now on. */
	void (*group)(struct frame_allocator *fa);
	/* A frame in use is of another category from now on. */
	void (*mark)(struct frame_allocator *fa, pfn_t pfn, enum frame_category category);
	void (*look)(const struct frame_allocator *fa, struct frame_mobility *mobility);
	/* Verifies all invariants; PW_CORRUPT with a static text. */
	int (*check)(const struct frame_allocator *fa, const char **what);
};

struct frame_allocator {
	const struct frame_allocator_ops *ops;
	const struct host_alloc *alloc;
	uint64_t free_count, total_count; /* frames; kept by the dispatcher */
	pfn_t first;
	void *state;
};

extern const struct frame_allocator_ops *const frame_allocators[]; /* NULL-terminated */
const struct frame_allocator_ops *frame_allocator_find(const char *name);

int frame_allocator_create(struct frame_allocator *fa, const char *name, pfn_t first, pfn_t end,
			   const struct host_alloc *alloc);
void frame_allocator_destroy(struct frame_allocator *fa);
pfn_t frame_allocator_alloc(struct frame_allocator *fa, unsigned order,
			    enum frame_category category);
/* Contiguous, but aligned only where the allocator does not do otherwise. */
pfn_t frame_allocator_alloc_run(struct frame_allocator *fa, unsigned order);
void frame_allocator_free(struct frame_allocator *fa, pfn_t first, unsigned order);

/* Frames are kept apart by category, where the allocator can; before the first request. */
void frame_allocator_group(struct frame_allocator *fa);
void frame_allocator_mark(struct frame_allocator *fa, pfn_t pfn, enum frame_category category);
/* Zeros, where it cannot. */
void frame_allocator_mobility(const struct frame_allocator *fa, struct frame_mobility *mobility);

/* --- how scattered free memory is: frame_alloc_scatter.c ----------------------------------- */

/* The number of maximal free blocks of each order; by the buddy allocator at once. */
void frame_allocator_blocks(const struct frame_allocator *fa, uint64_t blocks[FRAME_BLOCK_ORDERS]);
/*
 * The share of free memory, in thousandths, that lies in blocks too small for a request of 2^order
 * frames: 0, all of it would serve; 1000, none would, or none is free. Gorman and Whitcroft,
 * "Measuring the Impact of the Linux Memory Manager" (LSM 2005), and unusable_free_index() in
 * Linux's mm/vmstat.c.
 */
unsigned frame_unusable_index(const uint64_t blocks[FRAME_BLOCK_ORDERS], unsigned order);
/* Adds the maximal blocks that [start, end) is cut into. For the allocators. */
void frame_run_blocks(uint64_t blocks[FRAME_BLOCK_ORDERS], pfn_t start, pfn_t end);

#endif
