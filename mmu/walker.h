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
	/* Cycles by cause: CHARGE_WALK_START, _TLB_LOOKUP (of nested lookups), _WALK_CACHE, ... */
	cycles_t start, lookup, cache, ref, write, handler;
};

static inline cycles_t walk_outcome_cycles(const struct walk_outcome *outcome)
{
	return outcome->start + outcome->lookup + outcome->cache + outcome->ref + outcome->write +
	       outcome->handler;
}

/*
 * Sees each step of each walk while it is done, nested walks included: for `pagewalk explain`, for
 * tests. Set mmu->watch; NULL: nobody watches. Costs a test of that pointer a step.
 */
struct walk_watch_step {
	const struct walk_input *input;     /* of the walk that makes the step */
	const struct walk_request *request; /* what was asked for: the members of `what` are valid */
	const struct walk_reply *reply;     /* what it brought: the bytes of a WALK_READ */
	/*
	 * Where each reference of a WALK_READ hit: index into mmu->port.level, level_count for DRAM.
	 */
	const uint8_t *hit;
	cycles_t cycles;  /* of this step alone; of a WALK_CALL, of its lookup in the TLBs */
	uint8_t what;     /* enum walk_step */
	uint8_t depth;    /* 0: the walk that the access asked for; 1: one that it called, ... */
	uint8_t resumed;  /* first step of a walk that a walk cache resumed */
	uint8_t answered; /* a WALK_CALL to which the TLBs had the answer: no walk follows */
};
struct walk_watch {
	void *ctx;
	void (*step)(void *ctx, const struct walk_watch_step *step);
};

/* One page walk, through the walk caches, nested translations included. */
void walker_walk(struct mmu *mmu, const struct walk_input *input, struct walk_outcome *outcome);

/* For the classification of a miss: what the page table maps at input->va, by a silent walk. */
struct tlb_request;
void walker_tell_page(const struct walk_input *input, struct tlb_request *request);

/* A TLB entry refused this access: counts the walk that follows as one for D, or for rights. */
struct tlb_entry;
void walker_count_refusal(struct mmu *mmu, const struct walk_input *input,
			  const struct tlb_entry *entry);

#endif
