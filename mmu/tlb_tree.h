/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_TLB_TREE_H
#define PAGEWALK_MMU_TLB_TREE_H

/* What a TLB tree is made of. How it behaves is told in tlb.h, and by each file of the tree. */

#include "mmu/config.h"
#include "mmu/event.h"
#include "mmu/tlb_array.h"
#include "mmu/walk.h"

struct tlb_level_counts {
	uint64_t hits, misses;
};

/* A page size that a level holds for a side. */
struct tlb_probe_step {
	struct tlb_array *array;
	uint8_t page_lg2, index, order; /* of the array in its level, and in its list of sizes */
	uint8_t group_lg2;              /* more than page_lg2 where the array coalesces */
};

/* Index 0 of [2]: data, 1: fetch. */
struct tlb_level {
	const struct tlb_level_config *config;
	bool exclusive, inclusive; /* never set for the first level */
	bool exclusive_below;      /* a level below is exclusive */
	bool passes_on;            /* what it displaces concerns a level above or below */
	unsigned array_count;
	struct tlb_array array[TLB_ARRAYS_MAX];
	unsigned latency[SIDE_BOTH]; /* [SIDE_x]: of a miss; of a hit too, unless serial; 0 if none */
	bool serial[SIDE_BOTH];      /* [SIDE_x]: a hit may cost less than a miss */
	struct tlb_level_counts count[SIDE_BOTH]; /* [SIDE_x] */
	unsigned step_count[2];
	struct tlb_probe_step step[2][TLB_ARRAYS_MAX * TLB_PAGE_SIZES_MAX]; /* small pages first */
	unsigned range_count[2];
	struct tlb_array *range[2][TLB_ARRAYS_MAX]; /* of other kinds than pages */
	uint8_t holder[2][PAGE_LG2_COUNT]; /* index of the array for a page size, plus 1; 0: none */
};

/* Many more than live first-level entries: two pages that want one slot take the long way in turns. */
enum { TLB_MEMO_SLOTS = 1024 };

/*
 * All that a hit on one page of the smallest size (a part of a larger one) needs, in one cache
 * line. It speaks for a live first-level entry: whatever changes that entry withdraws its hints
 * first (tlb_hint_withdraw), and what a hint counted is added up then, or by tlb_settle().
 */
struct tlb_hint {
	uint64_t page;     /* va >> memo_shift; UINT64_MAX: none */
	uint64_t delta;    /* pa - va */
	uint64_t accesses; /* served since the last settling */
	struct tlb_entry *entry;
	struct replacer_move move;
	uint32_t ready, slot; /* as in the entry; the slot as its replacer calls it */
};

struct tlb {
	struct tlb_config config;
	const struct host_alloc *alloc;
	unsigned level_count;
	struct tlb_level level[TLB_LEVELS_MAX];
	struct event_queue *events;
	struct tlb_classifier *classifier; /* NULL: misses are not classified */
	const asid_t *tag_owner; /* which space an ASID stands for now; NULL or 0: itself */
	unsigned coalesce_lg2;   /* of the array that coalesces most pages */
	unsigned memo_shift;     /* smallest page size that the first level holds */
	bool kinds[TLB_ARRAY_KIND_COUNT]; /* is there an array of the kind? */
	bool memo_off; /* always take the long way; call tlb_forget_hints() after setting it */
	bool memo_any; /* a hint may have been given since all were forgotten */
	bool hint_asid_known;
	asid_t hint_asid; /* the address space that hints speak for */
	bool hinted[2];   /* may hints be given: [0] data, [1] fetch */
	bool ready_known;
	struct mmu_controls ready_controls;          /* what ready_of[] was computed for */
	uint16_t ready_of[16];                       /* by perms: tlb_entry.ready of a dirty page */
	struct tlb_hint *memo[2];                    /* TLB_MEMO_SLOTS: [0] data, [1] fetch */
	uint64_t memo_given[2][TLB_MEMO_SLOTS / 64]; /* a bit for each that is a hint */
	void *memo_memory;                           /* that they are in, at a line of the host */
	uint64_t prefetch_useful, prefetch_useless;  /* tlb_fill_prefetched(): used; left unused */
	bool memo_large; /* hints may have been given to entries of more than the smallest size */
};

#endif
