/* SPDX-License-Identifier: GPL-2.0-or-later */

/* FIFO: the page that came first leaves first, used or not (Belady's anomaly included). */

#include "emu/kernel/reclaim_private.h"

static pfn_t fifo_victim(struct reclaim *r)
{
	const struct reclaim_list *list = r->state;
	pfn_t pfn = list->first;

	while (pfn != PFN_NONE && !reclaim_evictable(r, pfn))
		pfn = r->page[pfn].next;
	return pfn;
}

const struct reclaim_ops reclaim_fifo = {
	.name = "fifo",
	.doc = "the page that came first",
	.create = reclaim_one_list_create,
	.destroy = reclaim_state_destroy,
	.inserted = reclaim_one_list_inserted,
	.removed = reclaim_one_list_removed,
	.victim = fifo_victim,
};

/*
 * Exact LRU: the list is kept in the order of use, which takes being told of each access. No
 * hardware does that; it is here to be compared with.
 */

static void lru_accessed(struct reclaim *r, pfn_t pfn)
{
	reclaim_list_pass(r, r->state, pfn);
}

const struct reclaim_ops reclaim_lru = {
	.name = "lru",
	.doc = "the page not used for longest; cheats: it is told of each access",
	.cheats = true,
	.create = reclaim_one_list_create,
	.destroy = reclaim_state_destroy,
	.inserted = reclaim_one_list_inserted,
	.removed = reclaim_one_list_removed,
	.accessed = lru_accessed,
	.victim = fifo_victim,
};
