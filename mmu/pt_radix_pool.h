/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_RADIX_POOL_H
#define PAGEWALK_MMU_PT_RADIX_POOL_H

/*
 * What is remembered of a radix tree's tables outside simulated memory: how many entries of each
 * are in use, and where tables smaller than a frame lie.
 */

#include "mmu/page_table.h"

/*
 * Entries in use for each table, by the table's address: an array in host memory (hardware has
 * nothing of the kind; Linux keeps such counts in struct page), in chunks that are allocated when a
 * table first lies there. So an unmap need not scan a table to see it empty.
 */
enum { COUNT_CHUNK_LG2 = 10, COUNT_CHUNK = 1 << COUNT_CHUNK_LG2 };

struct table_counts {
	uint32_t **chunk;
	size_t chunks;
	uint8_t unit_lg2; /* no table is smaller */
};

int table_counts_init(struct table_counts *counts, uint64_t memory_bytes, unsigned unit_lg2,
		      const struct host_alloc *alloc);
void table_counts_release(struct table_counts *counts, const struct host_alloc *alloc);
/* Makes room for the count of this table. PW_NOMEM. */
int table_counts_cover(struct table_counts *counts, pa_t table, const struct host_alloc *alloc);

static inline uint32_t *table_count(struct table_counts *counts, pa_t table)
{
	uint64_t unit = table >> counts->unit_lg2;

	return &counts->chunk[unit >> COUNT_CHUNK_LG2][unit & (COUNT_CHUNK - 1)];
}

/* Tables of 2^3 to 2^11 bytes, cut out of frames that hold one size each. */
enum { SLOT_LG2_MIN = 3, SLOT_WORDS = 1 << (FRAME_LG2 - SLOT_LG2_MIN - 6) };

struct pool_frame {
	pa_t pa;
	uint16_t used;
	uint8_t slot_lg2;
	uint64_t taken[SLOT_WORDS]; /* a bit for each slot */
};

struct table_pool {
	struct pool_frame *frame; /* sorted by pa */
	size_t count, capacity;
};

void table_pool_release(struct table_pool *pool, const struct host_alloc *alloc);
/* A zeroed slot that ends at or below `limit`. PW_NOFRAMES, PW_NOMEM. */
int table_pool_alloc(struct table_pool *pool, struct page_table *pt, unsigned slot_lg2, pa_t limit,
		     pa_t *out);
void table_pool_free(struct table_pool *pool, struct page_table *pt, pa_t slot);
/* What is wrong with it, or NULL. */
const char *table_pool_check(const struct table_pool *pool);

#endif
