/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_LOOK_H
#define PAGEWALK_MMU_LOOK_H

/*
 * Where a lookup would find an address, without making one: nothing is counted, moved or used, so
 * that a look at a machine does not change it. Slow; for people and tests.
 */

#include "mmu/mmu.h"

/* One array of a level, probed for one page size. */
struct tlb_sight {
	unsigned level;
	const struct tlb_array *array;
	const struct tlb_entry *entry; /* NULL: not there */
	unsigned set, way;             /* way: only with an entry */
	uint8_t page_lg2;
};
typedef void tlb_look_fn(void *ctx, const struct tlb_sight *sight);
/* Each array that serves the access and each of its page sizes, in the order of the levels. */
void tlb_look(const struct tlb *tlb, asid_t asid, va_t va, enum access_kind access,
	      tlb_look_fn *look, void *ctx);

struct walk_cache_sight {
	const struct walk_cache *cache;
	const struct walk_cache_entry *entry; /* NULL: not there */
	unsigned set, way;
};
typedef void walk_cache_look_fn(void *ctx, const struct walk_cache_sight *sight);
/* Each walk cache, nearest the leaf first. */
void walk_caches_look(const struct walk_caches *caches, asid_t asid, va_t va,
		      walk_cache_look_fn *look, void *ctx);

#endif
