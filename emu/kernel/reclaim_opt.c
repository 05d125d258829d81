/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * OPT: the page whose next use lies farthest ahead; of those never used again, the one that came
 * first. It knows the future, which only a replay of a trace has.
 *
 * Source: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
 * Journal 5(2), 1966.
 */

#include "emu/kernel/reclaim_private.h"

static pfn_t opt_victim(struct reclaim *r)
{
	const struct reclaim_list *list = r->state;
	const struct reclaim_host *host = &r->setup.host;
	uint64_t farthest = 0;
	pfn_t victim = PFN_NONE;

	for (pfn_t pfn = list->first; pfn != PFN_NONE; pfn = r->page[pfn].next) {
		uint64_t next;

		if (!reclaim_evictable(r, pfn))
			continue;
		next = host->next_use ? host->next_use(host->ctx, r->page[pfn].key) : 0;
		if (victim == PFN_NONE || next > farthest) {
			victim = pfn;
			farthest = next;
		}
	}
	return victim;
}

const struct reclaim_ops reclaim_opt = {
	.name = "opt",
	.doc = "the page used next farthest ahead; cheats: it knows the future, from a trace",
	.cheats = true,
	.create = reclaim_one_list_create,
	.destroy = reclaim_state_destroy,
	.inserted = reclaim_one_list_inserted,
	.removed = reclaim_one_list_removed,
	.victim = opt_victim,
};
