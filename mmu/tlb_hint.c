/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Hints: the hit path's shortcut to first-level entries (tlb_hit() in tlb.h).
 *
 * Given by a lookup that the first level answered for the current address space, and by a fill of
 * the smallest page size; both know that no smaller page answers. What a hit through a hint does
 * is what the long way does, only that hits are counted in the hint and added up later.
 *
 * Invariants:
 *  1. a hint speaks for a live entry that covers its page: whatever changes a first-level entry
 *     withdraws its hints first (tlb_hints_withdraw);
 *  2. no smaller page covers a hint's page: what enters the first level withdraws the hints that
 *     it could make wrong (tlb_hints_entered);
 *  3. all hints speak for one address space (hint_asid).
 *
 * Where a hit's latency depends on the page size (serial probing in the first level) no hints are
 * given, since the hit path charges a constant.
 */

#include "mmu/tlb_private.h"

static void settle(struct tlb *tlb, unsigned fetch, struct tlb_hint *hint)
{
	struct tlb_level *first = &tlb->level[0];
	uint64_t accesses = hint->accesses;

	if (accesses == 0)
		return;
	hint->entry->accesses += accesses;
	first->array[hint->entry->array].count.hits += accesses;
	first->count[fetch ? SIDE_INSTRUCTION : SIDE_DATA].hits += accesses;
	hint->accesses = 0;
}

static inline void withdraw(struct tlb *tlb, unsigned fetch, unsigned slot)
{
	struct tlb_hint *hint = &tlb->memo[fetch][slot];

	settle(tlb, fetch, hint);
	hint->page = UINT64_MAX;
	tlb->memo_given[fetch][slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

/* Calls for each hint that is given; the call may withdraw it. */
static void each_hint(struct tlb *tlb, const struct tlb_entry *of,
		      void (*call)(struct tlb *tlb, unsigned fetch, unsigned slot,
				   const struct tlb_entry *of))
{
	for (unsigned fetch = 0; fetch < 2; fetch++) {
		for (unsigned word = 0; word < TLB_MEMO_SLOTS / 64; word++) {
			uint64_t given = tlb->memo_given[fetch][word];

			for (; given; given &= given - 1)
				call(tlb, fetch, 64 * word + (unsigned)__builtin_ctzll(given), of);
		}
	}
}

static void settle_one(struct tlb *tlb, unsigned fetch, unsigned slot, const struct tlb_entry *of)
{
	(void)of;
	settle(tlb, fetch, &tlb->memo[fetch][slot]);
}

static void withdraw_one(struct tlb *tlb, unsigned fetch, unsigned slot, const struct tlb_entry *of)
{
	(void)of;
	withdraw(tlb, fetch, slot);
}

/* Const to its callers: where a hit is counted is nobody's business but ours. */
void tlb_settle(const struct tlb *constant)
{
	struct tlb *tlb = (struct tlb *)(uintptr_t)constant;

	if (tlb->memo_any)
		each_hint(tlb, NULL, settle_one);
}

static void withdraw_all(struct tlb *tlb)
{
	if (!tlb->memo_any)
		return;
	each_hint(tlb, NULL, withdraw_one);
	tlb->memo_any = tlb->memo_large = false;
}

void tlb_forget_hints(struct tlb *tlb)
{
	withdraw_all(tlb);
	tlb->hint_asid_known = false;
	tlb->hinted[0] = tlb->hinted[1] = false;
}

void tlb_hints_learn(struct tlb *tlb, asid_t asid)
{
	tlb->hint_asid_known = true;
	tlb->hint_asid = asid;
	if (tlb->memo_off)
		return;
	tlb->hinted[0] = !tlb->level[0].serial[SIDE_DATA];
	tlb->hinted[1] = !tlb->level[0].serial[SIDE_INSTRUCTION];
}

void tlb_memo_install(struct tlb *tlb, const struct tlb_request *request, struct tlb_entry *entry)
{
	bool fetch = request->access == ACCESS_FETCH;
	uint64_t page = request->va >> tlb->memo_shift;
	unsigned slot = page % TLB_MEMO_SLOTS;
	struct tlb_hint *hint = &tlb->memo[fetch][slot];
	struct replacer *replacer;

	if (!tlb->hinted[fetch] || request->asid != tlb->hint_asid)
		return;
	settle(tlb, fetch, hint);
	hint->page = page;
	hint->delta = entry->pa - entry->va;
	hint->entry = entry;
	hint->slot = entry->slot;
	hint->ready = entry->ready;
	replacer = tlb_replacer_of(&tlb->level[0].array[entry->array], &hint->slot);
	hint->move = replacer_move_of(replacer, hint->slot);
	tlb->memo_given[fetch][slot / 64] |= UINT64_C(1) << slot % 64;
	tlb->memo_any = true;
	tlb->memo_large |= entry->page_lg2 != tlb->memo_shift;
}

static void withdraw_from(struct tlb *tlb, unsigned fetch, unsigned slot,
			  const struct tlb_entry *entry)
{
	const struct tlb_hint *hint = &tlb->memo[fetch][slot];

	if (hint->page != UINT64_MAX && hint->entry == entry)
		withdraw(tlb, fetch, slot);
}

/* An entry of the smallest size has one hint a page for each side that its array serves. */
void tlb_hints_withdraw(struct tlb *tlb, const struct tlb_entry *entry)
{
	unsigned side = tlb->level[0].array[entry->array].side;
	uint64_t page = entry->va >> tlb->memo_shift;

	if (!tlb->memo_any)
		return;
	if (PAGEWALK_LIKELY(entry->page_lg2 == tlb->memo_shift) &&
	    tlb_last_page(entry) - page < TLB_MEMO_SLOTS) {
		do {
			unsigned own = page % TLB_MEMO_SLOTS;

			if (side & SIDE_DATA)
				withdraw_from(tlb, 0, own, entry);
			if (side & SIDE_INSTRUCTION)
				withdraw_from(tlb, 1, own, entry);
		} while (PAGEWALK_UNLIKELY(page++ != tlb_last_page(entry)));
	} else if (entry->page_lg2 == tlb->memo_shift || tlb->memo_large) {
		each_hint(tlb, entry, withdraw_from);
	}
}

/* Do first-level entries live that are neither of this size nor of the smallest? */
static bool other_large_live(const struct tlb *tlb, unsigned page_lg2)
{
	for (unsigned i = 0; i < tlb->level[0].array_count; i++) {
		const struct tlb_array *array = &tlb->level[0].array[i];
		unsigned here = array->live_of[page_lg2] + array->live_of[tlb->memo_shift];

		if (array->live > here)
			return true;
	}
	return false;
}

/*
 * A page of the smallest size concerns one hint a side. Of a larger page there are many, but the
 * smallest ones win over it anyway, so that only rare cases forget them all: another address
 * space's page in the slot of one of ours at the same address, or a third page size.
 */
void tlb_hints_entered(struct tlb *tlb, const struct tlb_array *array,
		       const struct tlb_entry *entry)
{
	if (!tlb->memo_any)
		return;
	if (entry->page_lg2 == tlb->memo_shift) {
		uint64_t page = entry->va >> tlb->memo_shift;

		do {
			unsigned i = page % TLB_MEMO_SLOTS;

			if (array->side & SIDE_DATA)
				withdraw(tlb, 0, i);
			if (array->side & SIDE_INSTRUCTION)
				withdraw(tlb, 1, i);
		} while (PAGEWALK_UNLIKELY(page++ != tlb_last_page(entry)));
	} else if ((!entry->global && entry->asid != tlb->hint_asid) ||
		   other_large_live(tlb, entry->page_lg2)) {
		withdraw_all(tlb);
	}
}
