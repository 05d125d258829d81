/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Aging: a byte a page; at each tick it moves right by one and A, which is cleared, enters from the
 * left. The page with the lowest byte leaves, the one that came first of several. A page starts with
 * the highest bit set: it was just used.
 *
 * Source: Tanenbaum & Bos, "Modern Operating Systems", "Simulating LRU in Software".
 */

#include "emu/kernel/reclaim_private.h"

static void aging_inserted(struct reclaim *r, pfn_t pfn)
{
	r->page[pfn].age = 0x80;
	reclaim_one_list_inserted(r, pfn);
}

static void aging_tick(struct reclaim *r)
{
	const struct reclaim_list *list = r->state;

	for (pfn_t pfn = list->first; pfn != PFN_NONE; pfn = r->page[pfn].next) {
		unsigned accessed = reclaim_look(r, pfn, true) & LOOK_ACCESSED;

		r->page[pfn].age = (uint8_t)(r->page[pfn].age >> 1 | (accessed ? 0x80 : 0));
	}
}

static pfn_t aging_victim(struct reclaim *r)
{
	const struct reclaim_list *list = r->state;
	pfn_t oldest = PFN_NONE;

	for (pfn_t pfn = list->first; pfn != PFN_NONE; pfn = r->page[pfn].next)
		if ((oldest == PFN_NONE || r->page[pfn].age < r->page[oldest].age) &&
		    reclaim_evictable(r, pfn))
			oldest = pfn;
	return oldest;
}

const struct reclaim_ops reclaim_aging = {
	.name = "aging",
	.doc = "the lowest of 8-bit ages, into which A is shifted at each tick",
	.wants_ticks = true,
	.create = reclaim_one_list_create,
	.destroy = reclaim_state_destroy,
	.inserted = aging_inserted,
	.removed = reclaim_one_list_removed,
	.tick = aging_tick,
	.victim = aging_victim,
};
