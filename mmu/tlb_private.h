/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_TLB_PRIVATE_H
#define PAGEWALK_MMU_TLB_PRIVATE_H

/* What the files of the TLB tree share: tlb.c, tlb_enter.c, tlb_flush.c, tlb_check.c. */

#include "mmu/tlb.h"

static inline enum tlb_side tlb_side_of(unsigned access)
{
	return access == ACCESS_FETCH ? SIDE_INSTRUCTION : SIDE_DATA;
}

/* The array of the level that holds a page size for a side, or NULL. There is at most one. */
static inline struct tlb_array *tlb_holder(struct tlb_level *level, unsigned side,
					   unsigned page_lg2)
{
	unsigned holder = level->holder[side == SIDE_INSTRUCTION][page_lg2];

	return holder ? &level->array[holder - 1] : NULL;
}

/* For events: the address space that a tag stands for. */
static inline asid_t tlb_owner_of(const struct tlb *tlb, asid_t tag)
{
	return tlb->tag_owner && tlb->tag_owner[tag] ? tlb->tag_owner[tag] : tag;
}

/* Emits EVENT_TLB_RETIRE if the first-level entry served anything since the last time. */
void tlb_retire_entry(struct tlb *tlb, struct tlb_entry *entry);
/* Emits it for one access that no first-level entry served. */
void tlb_retire_at_once(struct tlb *tlb, const struct tlb_entry *entry, unsigned access);
/* The entry is about to be overwritten by another: books, event. */
void tlb_evict(struct tlb *tlb, unsigned level, struct tlb_array *array, struct tlb_entry *entry);
void tlb_emit_fill(struct tlb *tlb, unsigned level, const struct tlb_entry *entry);
/* Which accesses a translation lets go ahead: as tlb_entry.ready. */
uint16_t tlb_ready_of(struct tlb *tlb, const struct mmu_controls *controls,
		      const struct translation *t);
/* tlb_range.c: the entry of an array of ranges that translates va, or NULL. Counts nothing. */
struct tlb_entry *tlb_range_find(const struct tlb_array *array, asid_t asid, va_t va);
/* Takes an entry out of an array by order, not by displacement. */
void tlb_drop(struct tlb *tlb, unsigned level, struct tlb_array *array, struct tlb_entry *entry);
/*
 * After a hit below the first level: the entry moves or is copied to the levels above that hold
 * such pages and take fills; victims go where the relations say. Returns the entry nearest the
 * core, *level its level.
 */
struct tlb_entry *tlb_bring_up(struct tlb *tlb, const struct tlb_request *request, unsigned *level,
			       struct tlb_entry *entry);
/* A first-level entry is about to change or leave. */
void tlb_hints_withdraw(struct tlb *tlb, const struct tlb_entry *entry);
/* An entry came into an array of the first level: withdraws the hints that it could make wrong. */
void tlb_hints_entered(struct tlb *tlb, const struct tlb_array *array,
		       const struct tlb_entry *entry);
/* The next hints speak for this address space. */
void tlb_hints_learn(struct tlb *tlb, asid_t asid);
/* The first level served va with this entry, and no smaller page can: a hint for the next time. */
void tlb_memo_install(struct tlb *tlb, const struct tlb_request *request, struct tlb_entry *entry);

#endif
