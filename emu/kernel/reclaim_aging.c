/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Aging: a byte a page; at each tick it moves right by one and A, which is cleared, enters from the
 * left. The page with the lowest byte leaves, the one that came first of several. A page starts with
 * the highest bit set: it was just used.
 *
 * Ticks come at intervals of the guest's instructions, and time passes between faults as well: a
 * machine that waits for its swap device has several clock ticks in which the program runs little.
 * So a tick is also due when an eighth of the resident pages (8 at least) have left since the last
 * one. Without that all pages would have the age at which they came, and those in use since before
 * the last tick a lower one: worse than FIFO, just when memory is short.
 *
 * Source: Tanenbaum & Bos, "Modern Operating Systems", "Simulating LRU in Software".
 */

#include "emu/kernel/reclaim_private.h"

enum { VICTIMS_MIN = 8, VICTIMS_SHARE = 8 };

struct aging {
	struct reclaim_list list; /* first: it is what reclaim_one_list_*() take the state for */
	uint64_t victims;         /* since the last tick */
};

static int aging_create(struct reclaim *r)
{
	struct aging *aging = host_zalloc(r->setup.alloc, 1, sizeof(*aging));

	r->state = aging;
	if (!aging)
		return PW_NOMEM;
	reclaim_list_init(&aging->list, 1);
	return PW_OK;
}

static void aging_inserted(struct reclaim *r, pfn_t pfn)
{
	r->page[pfn].age = 0x80;
	reclaim_one_list_inserted(r, pfn);
}

static void aging_tick(struct reclaim *r)
{
	struct aging *aging = r->state;

	aging->victims = 0;
	for (pfn_t pfn = aging->list.first; pfn != PFN_NONE; pfn = r->page[pfn].next) {
		unsigned accessed = reclaim_look(r, pfn, true) & LOOK_ACCESSED;

		r->page[pfn].age = (uint8_t)(r->page[pfn].age >> 1 | (accessed ? 0x80 : 0));
	}
}

static pfn_t aging_victim(struct reclaim *r)
{
	struct aging *aging = r->state;
	uint64_t due = aging->list.count / VICTIMS_SHARE;
	pfn_t oldest = PFN_NONE;

	if (aging->victims >= (due > VICTIMS_MIN ? due : VICTIMS_MIN))
		aging_tick(r);
	aging->victims++;
	for (pfn_t pfn = aging->list.first; pfn != PFN_NONE; pfn = r->page[pfn].next)
		if ((oldest == PFN_NONE || r->page[pfn].age < r->page[oldest].age) &&
		    reclaim_evictable(r, pfn))
			oldest = pfn;
	return oldest;
}

const struct reclaim_ops reclaim_aging = {
	.name = "aging",
	.doc = "the lowest of 8-bit ages, into which A is shifted at each tick",
	.wants_ticks = true,
	.create = aging_create,
	.destroy = reclaim_state_destroy,
	.inserted = aging_inserted,
	.removed = reclaim_one_list_removed,
	.tick = aging_tick,
	.victim = aging_victim,
};
