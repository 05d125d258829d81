/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_RANGE_TABLE_H
#define PAGEWALK_MMU_RANGE_TABLE_H

/*
 * The range table of an address space: contiguous runs of memory, redundant to the page table, in
 * simulated physical memory. A sorted array of entries of 32 bytes, two a cache line:
 *
 *    0         8         16        24
 *   +---------+---------+---------+---------+
 *   | va      | bytes   | pa      | perms   |   all multiples of the base page; perms: enum perm_bits
 *   +---------+---------+---------+---------+
 *
 * A walk is a binary search: 1 + floor(log2(n)) reads at most. The paper's table is a B-tree; of the
 * few ranges that programs have, both read a handful of lines. Pages of a range have A and D set
 * from the beginning, so an entry has neither.
 *
 * Invariants (range_table_check): entries are sorted and do not overlap, neighbours that could be
 * one are one; every page of every range has a leaf in the page table with the same address.
 *
 * Source: Karakostas et al., "Redundant Memory Mappings for Fast Access to Large Memories", ISCA
 * 2015.
 */

#include "mmu/memory.h"
#include "mmu/walk.h"

struct pt_space;
struct port;

struct range_table {
	pa_t pa; /* of 2^order frames; nothing while capacity is 0 */
	uint32_t count, capacity;
	uint8_t order;
};

/* A range that overlaps none. Merges with its neighbours. PW_NOFRAMES: nothing has changed. */
int range_table_enter(struct range_table *table, struct pt_memory *memory,
		      const struct translation *range);
/*
 * Takes [va, va + bytes) out of all ranges: they shrink or split. If there is no memory for the
 * second half of one that splits, that half is lost, as it may be: the page table has it all.
 */
void range_table_remove(struct range_table *table, struct pt_memory *memory, va_t va,
			uint64_t bytes);
void range_table_release(struct range_table *table, struct pt_memory *memory);
/* The hardware's walk, through the port: adds its references to *refs. */
bool range_table_walk(const struct range_table *table, const struct phys_mem *mem,
		      struct port *port, va_t va, struct translation *range, uint64_t *refs);
int range_table_check(struct pt_space *space, const char **what);

#endif
