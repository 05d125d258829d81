/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_SLAB_H
#define PAGEWALK_EMU_KERNEL_SLAB_H

/*
 * A slab cache: objects of one size, carved out of blocks of frames. After Bonwick, "The Slab
 * Allocator: An Object-Caching Kernel Memory Allocator" (USENIX Summer 1994).
 *
 *	 slab: 2^order frames
 *	+--------+--------+--------+-- - - --+--------+-------+
 *	| slot 0 | slot 1 | slot 2 |         | slot n | tail  |
 *	+--------+--------+--------+-- - - --+--------+-------+
 *	 an object, or free                            too short for one more
 */

#include "mmu/memory.h"

struct slab;

struct slab_list {
	struct slab *first, *last;
	uint64_t count;
};

struct slab_cache {
	const char *name; /* static */
	unsigned object_bytes;
	unsigned order, order_least; /* the second where no block of the first is free */
	unsigned keep;               /* empty slabs that stay for the next object */
	struct frame_source *frames;
	const struct host_alloc *alloc;
	struct slab_list full, partial, empty;
	uint64_t objects, slots, frames_used;
	uint64_t allocations, failures;
};

/* An object that is allocated; slab NULL: none. */
struct slab_object {
	struct slab *slab;
	unsigned slot;
};

enum { SLAB_ORDER_MAX = 3, SLAB_OBJECT_BYTES_MAX = FRAME_BYTES << SLAB_ORDER_MAX };

/*
 * object_bytes from 8 to SLAB_OBJECT_BYTES_MAX. The order is the least whose tail is at most an
 * eighth of the slab, or a quarter, or a half.
 */
void slab_cache_init(struct slab_cache *cache, const char *name, unsigned object_bytes,
		     struct frame_source *frames, const struct host_alloc *alloc);
/* Gives all frames back, whatever is allocated. */
void slab_cache_release(struct slab_cache *cache);

/* The lowest free slot of the partial slab that was touched last. PW_NOMEM: nothing has changed. */
int slab_alloc(struct slab_cache *cache, struct slab_object *object);
void slab_free(struct slab_cache *cache, struct slab_object *object); /* *object: none */
/* So many objects can be allocated without a new frame; PW_NOMEM: not, but some may. */
int slab_reserve(struct slab_cache *cache, uint64_t objects);
/* Gives back empty slabs but for `keep` of them. */
void slab_shrink(struct slab_cache *cache, unsigned keep);
/* Where the object lies, in simulated memory. */
pa_t slab_object_pa(const struct slab_cache *cache, const struct slab_object *object);
/* Bytes of the cache's frames that hold no object: free slots and tails. */
uint64_t slab_waste_bytes(const struct slab_cache *cache);
/* Lists, counts and slots agree; PW_CORRUPT with a static text. */
int slab_cache_check(const struct slab_cache *cache, const char **what);

#endif
