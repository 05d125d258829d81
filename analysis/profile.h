/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_PROFILE_H
#define PAGEWALK_ANALYSIS_PROFILE_H

/*
 * Profiles by page and by instruction, kept in memory during a run.
 *
 * Two open-addressing hash tables with linear probing, grown by doubling up to a bound. What
 * arrives for a key beyond the bound is summed in `other`, so the sums over all rows and `other`
 * are always the sums over all events. An instruction is known only if its event carries a PC.
 *
 * Memory: 64 bytes a page, 48 an instruction, slots allocated up to 4/3 of the bound: 64 MiB and
 * 24 MiB; half as much again for a moment while the larger of the two grows the last time.
 */

#include "mmu/event.h"
#include "mmu/memory.h"

enum {
	PROFILE_PAGES_MAX = 3 << 18,        /* 786,432 pages: 3 GiB touched */
	PROFILE_INSTRUCTIONS_MAX = 3 << 17, /* 393,216 */
};

/* At the front of both kinds of row: what the tables know. */
struct profile_key {
	uint64_t address; /* page: virtual page number (4 KiB); instruction: PC */
	uint32_t faults;
	asid_t asid;
	uint8_t page_lg2; /* page: largest translation seen; 0: unknown */
	bool used;
};

struct page_profile {
	struct profile_key key;
	uint64_t accesses; /* that were translated (EVENT_TLB_RETIRE) */
	uint64_t fetches;  /* of these, for instruction fetch */
	uint64_t misses;   /* of the first level */
	uint64_t walks, walk_cycles;
	uint64_t fault_cycles; /* of their service */
};

struct instruction_profile {
	struct profile_key key;
	uint64_t misses; /* of the first level */
	uint64_t walks, walk_cycles;
	uint64_t fault_cycles; /* of their service */
};

/* Faults served on a page in one way; the key's address is vpn * FAULT_WAYS + service. */
enum { FAULT_WAYS = 16 };
struct fault_profile {
	struct profile_key key; /* faults: that were served */
	uint32_t major;
	uint64_t cycles;
};

struct profile_table {
	void *memory; /* as allocated */
	void *slots;  /* in it, aligned to a cache line */
	size_t slot_bytes;
	uint64_t mask, used, max;
};

struct profile {
	const struct host_alloc *alloc;
	struct profile_table pages, instructions, faults;
	struct page_profile other_pages;
	struct instruction_profile other_instructions;
	uint64_t other_faults;          /* for which `faults` had no room */
	struct page_profile *last_page; /* most recent, for repeated keys */
	struct instruction_profile *last_instruction;
};

/* Kinds of event that a profile takes. */
extern const uint64_t profile_wants;

/* PW_NOMEM. The bounds are powers of two times 3; tests use small ones. */
int profile_init(struct profile *profile, uint64_t pages_max, uint64_t instructions_max,
		 const struct host_alloc *alloc);
void profile_release(struct profile *profile);
/* Other kinds are passed over. Where memory is refused, tables stop growing. */
void profile_batch(struct profile *profile, const struct event *events, size_t count);
/*
 * Moves the rows to the front, sorted by (ASID, address), so that output does not depend on
 * hashing; the tables take no more events. Returns how many there are.
 */
uint64_t profile_sort_pages(struct profile *profile, struct page_profile **rows);
uint64_t profile_sort_instructions(struct profile *profile, struct instruction_profile **rows);
uint64_t profile_sort_faults(struct profile *profile, struct fault_profile **rows);

#endif
