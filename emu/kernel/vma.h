/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_VMA_H
#define PAGEWALK_EMU_KERNEL_VMA_H

/*
 * The VMAs of one address space: a sorted array. All bounds are page aligned. What changes the
 * set is preceded by vma_set_reserve(), and cannot fail then. Each VMA has an object of simulated
 * memory, and what was reserved and not needed keeps its objects until vma_set_trim().
 */

#include "emu/kernel/kernel.h"
#include "emu/kernel/slab.h"

struct vma_set {
	struct vma *vma;
	unsigned count, capacity;
	unsigned last; /* where the last search ended: only a hint */
	const struct host_alloc *alloc;
	/* So many VMAs more (or fewer) hold the file. */
	void (*hold)(void *ctx, int32_t file, int delta);
	void *hold_ctx;
	struct slab_cache *cache;   /* of the objects; NULL: none */
	struct slab_object *object; /* object[i] is vma[i]'s; then come spare ones */
	unsigned objects;
};

/* What Linux keeps free below a stack (stack_guard_gap). */
enum { STACK_GUARD_BYTES = 256 * FRAME_BYTES };

void vma_set_init(struct vma_set *set, const struct host_alloc *alloc,
		  void (*hold)(void *ctx, int32_t file, int delta), void *hold_ctx);
/* Removes all. */
void vma_set_release(struct vma_set *set);

/* Room for `extra` more; PW_NOMEM. */
int vma_set_reserve(struct vma_set *set, unsigned extra);
/* How many more VMAs there may be once the range is removed: 1 when it cuts one in two. */
unsigned vma_set_remove_needs(struct vma_set *set, va_t start, va_t end);
/* Frees spare objects. */
void vma_set_trim(struct vma_set *set);
/* Number of the first VMA that ends above va; `count` when there is none. */
unsigned vma_set_find(struct vma_set *set, va_t va);
/* The VMA that holds va, or NULL. Good until the set changes. */
struct vma *vma_set_at(struct vma_set *set, va_t va);
/* Does any VMA meet [start, end)? */
bool vma_set_overlaps(struct vma_set *set, va_t start, va_t end);

/* Enters a VMA where none is and joins it to its neighbours. Needs room for 1. */
void vma_set_insert(struct vma_set *set, const struct vma *vma);
/* Removes whatever lies in the range. Needs room for 1. */
void vma_set_remove(struct vma_set *set, va_t start, va_t end);
/* Needs room for 2. */
void vma_set_protect(struct vma_set *set, va_t start, va_t end, uint32_t prot);
/* Other flags for VMAs that agree in theirs. Needs room for 2. */
void vma_set_flags(struct vma_set *set, va_t start, va_t end, uint32_t flags);
/* Moves the start of a stack down to `start`; what lies between is free. */
void vma_set_grow_down(struct vma_set *set, struct vma *vma, va_t start);
/* The part of a VMA within [start, end), its file offset to match. */
struct vma vma_clip(const struct vma *vma, va_t start, va_t end);

/*
 * Free ranges of `bytes`, guard gaps of stacks left free; 0 when there is none. vma_gap.c; the
 * first is the highest in [low, high), the second the lowest.
 */
va_t vma_gap_below(struct vma_set *set, va_t low, va_t high, uint64_t bytes);
va_t vma_gap_above(struct vma_set *set, va_t low, va_t high, uint64_t bytes);
/* Where a VMA begins, its guard gap included. */
va_t vma_start_gap(const struct vma *vma);

/* Sorted, aligned, disjoint, nothing left that could be joined; PW_CORRUPT. */
int vma_set_check(const struct vma_set *set, const char **what);

#endif
