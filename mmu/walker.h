/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_WALKER_H
#define PAGEWALK_MMU_WALKER_H

/*
 * The walker: drives a format's walk cursor, and does, charges, counts and emits what it asks for.
 * It writes no ledger: whether its cycles are those of a walk or of a faulting attempt is known
 * only at the end, so it hands them back by cause.
 */

#include "mmu/walk.h"

struct mmu;

struct walk_outcome {
	/*
	 * As the format left it: when fault_kind is FAULT_NONE, `last.leaf` is the translation. It is
	 * used where it was written: a copy would cost as much as the reference that it took.
	 */
	struct walk_request last;
	uint8_t fault_kind; /* enum fault_kind */
	uint8_t level;      /* where the walk ended; 0 is the leaf level */
	uint32_t refs;      /* reads made, nested walks included */
	/* Cycles by cause: CHARGE_TLB_LOOKUP (of nested lookups), _WALK_CACHE, ... */
	cycles_t lookup, cache, ref, write, handler;
};

static inline cycles_t walk_outcome_cycles(const struct walk_outcome *outcome)
{
	return outcome->lookup + outcome->cache + outcome->ref + outcome->write + outcome->handler;
}

/* One page walk, through the walk caches, nested translations included. */
void walker_walk(struct mmu *mmu, const struct walk_input *input, struct walk_outcome *outcome);

/* A TLB entry refused this access: counts the walk that follows as one for D, or for rights. */
struct tlb_entry;
void walker_count_refusal(struct mmu *mmu, const struct walk_input *input,
			  const struct tlb_entry *entry);

#endif
