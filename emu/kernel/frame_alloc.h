/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_FRAME_ALLOC_H
#define PAGEWALK_EMU_KERNEL_FRAME_ALLOC_H

/*
 * Which free frame comes next. One const ops object an allocator, found by name; the buddy
 * allocator becomes another entry of the table. Deterministic: the same calls give the same frames.
 */

#include "mmu/memory.h"

struct frame_allocator;

enum { FRAME_ORDER_MAX = 30 };

struct frame_allocator_ops {
	const char *name;
	/* Manages [first, end); all are free. */
	int (*create)(struct frame_allocator *fa, pfn_t first, pfn_t end);
	void (*destroy)(struct frame_allocator *fa);
	/*
	 * First of 2^order contiguous, naturally aligned frames, or PFN_NONE: none are free, or
	 * the host refused memory, and then nothing has changed.
	 */
	pfn_t (*alloc)(struct frame_allocator *fa, unsigned order);
	/* Any naturally aligned part of what was allocated. Cannot fail. */
	void (*free)(struct frame_allocator *fa, pfn_t first, unsigned order);
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
pfn_t frame_allocator_alloc(struct frame_allocator *fa, unsigned order);
void frame_allocator_free(struct frame_allocator *fa, pfn_t first, unsigned order);

#endif
