/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_SUPPORT_MMU_RIG_H
#define PAGEWALK_TESTS_SUPPORT_MMU_RIG_H

/*
 * An MMU ready for a test: memory, a bump frame source, a page table with one space, a ledger, and
 * a sink that keeps the events it is told to want. Start from mmu_rig_config(), change what the
 * test is about, then mmu_rig_init(). Never fails: it asserts.
 */

#include "mmu/mmu.h"

enum { RIG_EVENTS_MAX = 4096 };

struct mmu_rig {
	struct phys_mem mem;
	struct bump_frames frames;
	struct pt_memory table_memory;
	struct page_table table;
	struct pt_space *space;
	struct mmu_config config;
	struct ledger ledger;
	struct event_queue events;
	struct mmu mmu;
	struct sink sink;
	struct event event[RIG_EVENTS_MAX]; /* of the kinds wanted */
	unsigned event_count;
};

/* The default machine: x86-64 with 4 levels, no TLB, no walk caches, 100 cycles a reference. */
void mmu_rig_config(struct mmu_rig *rig);
void mmu_rig_init(struct mmu_rig *rig, uint64_t memory_bytes);
void mmu_rig_release(struct mmu_rig *rig); /* checks the laws of the MMU and of the table */

/* One TLB level with one fully associative LRU array for both sides. */
void mmu_rig_add_tlb(struct mmu_rig *rig, unsigned entries, unsigned latency);
/* A fully associative LRU walk cache. Nearest the leaf or not: any order. */
void mmu_rig_add_walk_cache(struct mmu_rig *rig, unsigned level, unsigned entries,
			    unsigned latency);
void mmu_rig_want(struct mmu_rig *rig, uint64_t kinds);
unsigned mmu_rig_count(struct mmu_rig *rig, enum event_kind kind);

/* Maps a page, A set and D clear, everything permitted. */
void mmu_rig_map(struct mmu_rig *rig, va_t va, unsigned page_lg2);
/* Which attributes else. */
int mmu_rig_map_attrs(struct mmu_rig *rig, va_t va, unsigned page_lg2, struct pt_attrs attrs);
/* One access of 8 bytes; the result is the last one's until the next. */
struct mmu_result mmu_rig_access(struct mmu_rig *rig, enum access_kind access, va_t va);
/* The references that one access makes. */
uint64_t mmu_rig_refs(struct mmu_rig *rig, enum access_kind access, va_t va);

#endif
