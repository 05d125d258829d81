/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_TLB_ARRAY_H
#define PAGEWALK_MMU_TLB_ARRAY_H

/*
 * One array of a TLB level: entries in sets and ways, found by page number and page size. It
 * counts what enters and leaves; who enters what, and why, is tlb.c's matter.
 *
 * Two entries conflict when they would answer the same lookup: they have a page of the same size in
 * common, and either the same ASID or one of them global. No two conflicting entries are in an
 * array.
 *
 * An array may coalesce: an entry of its smallest page size then holds any run of pages, contiguous
 * in both address spaces and alike in all attributes, that lies within an aligned group of
 * `coalesce` pages. The number of the group selects the set; several runs of one group are several
 * entries. Source: Pham et al., "CoLT: Coalesced Large-Reach TLBs", MICRO 2012 (CoLT-SA).
 */

#include "mmu/config.h"
#include "mmu/memory.h"
#include "mmu/replacement.h"

enum { PAGE_LG2_COUNT = 64 };

struct tlb_entry {
	/* What it says; copied from level to level (tlb_entry_copy). */
	va_t va;        /* first byte */
	uint64_t bytes; /* 0: invalid */
	pa_t pa;
	union {
		struct {
			/*
			 * Which accesses may go ahead without a walk: bit (mode * ACCESS_KIND_COUNT
			 * + access). Writes are left out while dirty is false.
			 */
			uint16_t ready;
			asid_t asid;
			uint8_t page_lg2, perms;
			uint8_t side; /* of the access that brought it: instruction or data */
			bool global : 1, dirty : 1;
			bool wired : 1;      /* takes a wired way where the array has any */
			bool prefetched : 1; /* no access has used it yet */
		};
		uint64_t attributes; /* all of these at once */
	};
	/* Where it is, and what it did there. */
	uint64_t accesses; /* served since the last EVENT_TLB_RETIRE; first level only */
	uint32_t slot;
	uint8_t array; /* index within the level */
};

/* fills = evictions + invalidations + replaced + moved + live entries, always. */
struct tlb_array_counts {
	uint64_t hits;
	uint64_t fills;         /* entries written, whoever wrote them */
	uint64_t demand_fills;  /* of these, by tlb_fill() after a walk */
	uint64_t evictions;     /* displaced by another page */
	uint64_t invalidations; /* by order, by an inclusive level below, or as a stale copy */
	uint64_t replaced;      /* overwritten in place by a newer translation of the page */
	uint64_t moved;         /* out of an exclusive level, upwards, on a hit */
	uint64_t coalesced;     /* of the fills: with more than one page */
};

struct tlb_array {
	uint32_t *tag;           /* of each slot: from page number and size; 0: invalid */
	struct tlb_entry *entry; /* sets * ways */
	unsigned *first_free;    /* of each set: all ways from `wired` up to here are valid */
	unsigned sets, ways;
	unsigned wired; /* ways [0, wired) of each set are for wired entries, the rest for others */
	unsigned set_mask; /* sets - 1 where that is a mask */
	bool modulo;       /* it is not */
	uint8_t side;      /* as configured */
	/* Pages of the size `coalesced_lg2` are entered by groups of 2^coalesce_lg2. */
	uint8_t coalesced_lg2, coalesce_lg2;
	/* Chains over tag hashes, for sets too large to scan; NULL otherwise. Slot + 1; 0 ends. */
	unsigned bucket_shift;
	unsigned *bucket, *chain;
	struct tlb_array_counts count;
	struct replacer replacer;       /* of the ways above `wired` */
	struct replacer wired_replacer; /* of those below; unused where there are none */
	const struct tlb_array_config *config;
	unsigned live, live_of[PAGE_LG2_COUNT]; /* valid entries; per page size */
};

static inline uint64_t tlb_page_va(va_t va, unsigned page_lg2)
{
	return va >> page_lg2 << page_lg2;
}
/* What selects the set and the tag: the page, or the group of pages that entries here may hold. */
static inline unsigned tlb_group_lg2(const struct tlb_array *array, unsigned page_lg2)
{
	return page_lg2 + (page_lg2 == array->coalesced_lg2 ? array->coalesce_lg2 : 0u);
}
static inline bool tlb_entry_covers(const struct tlb_entry *entry, asid_t asid, va_t va)
{
	return va - entry->va < entry->bytes && (entry->global || entry->asid == asid);
}
static inline bool tlb_entry_ready(const struct tlb_entry *entry, unsigned access, unsigned mode)
{
	return (entry->ready >> (mode * ACCESS_KIND_COUNT + access)) & 1;
}

/* Who decides about a slot, and what it calls the slot: ways below `wired` are a part of their own. */
static inline struct replacer *tlb_replacer_of(struct tlb_array *array, unsigned *slot)
{
	if (PAGEWALK_UNLIKELY(array->wired)) {
		unsigned set = *slot / array->ways, way = *slot % array->ways;

		if (way < array->wired) {
			*slot = set * array->wired + way;
			return &array->wired_replacer;
		}
		*slot = set * (array->ways - array->wired) + way - array->wired;
	}
	return &array->replacer;
}

/* The number of its last page; bytes are more than 0. */
static inline uint64_t tlb_last_page(const struct tlb_entry *entry)
{
	return (entry->va + (entry->bytes - 1)) >> entry->page_lg2;
}

/* `index` is its place within the level. The configuration was checked. PW_NOMEM. */
int tlb_array_init(struct tlb_array *array, const struct tlb_array_config *config, unsigned index,
		   uint64_t seed, const struct host_alloc *alloc);
void tlb_array_release(struct tlb_array *array, const struct host_alloc *alloc);

/* Makes a valid slot invalid. The caller counts why. */
void tlb_array_clear(struct tlb_array *array, struct tlb_entry *slot);
/* The slots, tags, chains and counts agree; PW_CORRUPT with a static text. */
int tlb_array_check(const struct tlb_array *array, const char **what);

#endif
