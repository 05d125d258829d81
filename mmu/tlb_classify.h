/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_TLB_CLASSIFY_H
#define PAGEWALK_MMU_TLB_CLASSIFY_H

/*
 * Why a TLB level missed: each miss of each level and side is put in one class, by the first of
 * these rules that applies to the page looked for, in the array that holds its size for the side:
 *
 *   1. cold      the page was never in the array (nor could it be: no array holds its size);
 *   2. flush     since it was there last, an invalidation order (a page, an ASID, all; a switch of
 *                spaces without ASIDs) took it out of the array, or, had the array displaced it
 *                already, out of the shadow;
 *   3. conflict  the shadow holds it: a fully associative LRU array of as many entries, which sees
 *                the same lookups and obeys the same orders;
 *   4. capacity  the shadow does not.
 *
 * The page and its size are those of the page table at the time of the lookup (a silent walk). Where
 * it maps nothing, they are those under which the array has known the address last, the smallest size
 * first: so the first touch of a page is two cold misses, one that faults and one that is served, and
 * touching what was unmapped is a flush miss and then, of the new page at the address, another.
 * Entries that a level lost because an inclusive level below lost them are conflict misses if the
 * shadow, which is not bound by inclusion, still holds them.
 *
 * The shadow of an array takes each page that is looked up; that of an exclusive level, each victim
 * that enters it, and gives up the page of a hit that moves it up. It holds single pages, also where
 * the array coalesces several in an entry. Arrays of ranges and segments have none: a lookup that one
 * answered is a hit of its level and touches no shadow there.
 *
 * Costs host time and memory (one node for each page and array that has ever seen it), and the hit
 * path's shortcuts; the modelled machine is the same, number by number. If the host refuses memory
 * for a node its page stays cold.
 *
 * Source: Hill, "Aspects of Cache Memory and Instruction Buffer Performance", PhD thesis, UC Berkeley
 * 1987 (compulsory, capacity and conflict misses); flushes as a class are ours.
 */

#include "mmu/tlb.h"

enum tlb_miss_class { MISS_COLD, MISS_CAPACITY, MISS_CONFLICT, MISS_FLUSH, TLB_MISS_CLASS_COUNT };

struct tlb_classifier;

/* tlb->level and tlb->alloc are set; sets tlb->classifier. PW_NOMEM. */
int tlb_classifier_create(struct tlb *tlb);
void tlb_classifier_destroy(struct tlb *tlb); /* harmless without one */

/* What follows is for the TLB tree, and only where tlb->classifier is not NULL. */

/*
 * A lookup has ended: `entry` of level `hit` answered, or (NULL, level_count) none did. Called before
 * anything is moved. request->page_lg2 and global say what the page table holds.
 */
void tlb_classify_lookup(struct tlb *tlb, const struct tlb_request *request, unsigned hit,
			 const struct tlb_entry *entry);
/* An entry was written into an array. */
void tlb_classify_entered(struct tlb *tlb, unsigned level, const struct tlb_array *array,
			  const struct tlb_entry *entry);
/* An order takes an entry out of an array. */
void tlb_classify_flushed(struct tlb *tlb, unsigned level, const struct tlb_array *array,
			  const struct tlb_entry *entry);
/* What an order takes out of a shadow. */
struct tlb_classify_order {
	bool by_page, by_asid; /* else of any page, of any ASID */
	bool keep_global;
	asid_t asid;
	va_t first, last;
};
void tlb_classify_obey(struct tlb *tlb, unsigned level, const struct tlb_array *array,
		       const struct tlb_classify_order *order);

uint64_t tlb_classified(const struct tlb *tlb, unsigned level, enum tlb_side side,
			enum tlb_miss_class kind);
/* Each level's classes sum to its misses, and the shadows are in order. For tests and laws. */
int tlb_classify_check(const struct tlb *tlb, const char **what);

#endif
