/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_LOCALITY_H
#define PAGEWALK_TRACES_LOCALITY_H

/*
 * What one pass over references says about pages of one size: at which stack distance each was
 * found, hence the misses of a fully associative LRU buffer of any number of entries.
 */

#include "mmu/types.h"
#include "traces/stack_distance.h"

/* References that followed each other within a page of every size that is looked at. */
struct locality_run {
	uint16_t space;
	bool joined; /* the rest of the access before: of a page that it was in, no reference */
	va_t va;
	uint64_t count;
};

struct locality {
	const struct host_alloc *alloc;
	unsigned page_lg2;
	struct lru_stack stack;
	uint64_t last_key;
	/*
	 * By distance; [0]: in no buffer, however large. Faulting lookups are among them: each looks
	 * for a page and fills nothing.
	 */
	uint64_t *found;
	size_t found_room;
	uint64_t references, refused, invalidated;
};

int locality_init(struct locality *l, unsigned page_lg2, const struct host_alloc *alloc);
void locality_release(struct locality *l);

int locality_add(struct locality *l, const struct locality_run *run); /* PW_NOMEM */
/* A lookup of va that ends in a fault. */
int locality_refused(struct locality *l, uint16_t space, va_t va); /* PW_NOMEM */
/* Pages that lie in the range, in part or in whole, leave. */
void locality_invalidate(struct locality *l, uint16_t space, va_t va, uint64_t bytes);
void locality_invalidate_space(struct locality *l, uint16_t space);
void locality_invalidate_all(struct locality *l);

/* Of a buffer of so many entries. */
uint64_t locality_misses(const struct locality *l, uint64_t entries);
/* The largest distance that occurred: larger buffers miss no less. */
uint64_t locality_entries_max(const struct locality *l);

#endif
