/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Clock (second chance): the hand passes over pages with A set, clearing it, and takes the first
 * with A clear. A page that cannot leave is passed over as it is.
 */

#include "emu/kernel/reclaim_private.h"

static pfn_t clock_victim(struct reclaim *r)
{
	struct reclaim_list *list = r->state;

	for (uint64_t left = 2 * list->count; left > 0; left--) {
		pfn_t pfn = list->first;

		if (reclaim_evictable(r, pfn) && !(reclaim_look(r, pfn, true) & LOOK_ACCESSED))
			return pfn;
		reclaim_list_pass(r, list, pfn);
	}
	return PFN_NONE;
}

const struct reclaim_ops reclaim_clock = {
	.name = "clock",
	.doc = "second chance: the first page under the hand with A clear; A is cleared in passing",
	.create = reclaim_one_list_create,
	.destroy = reclaim_state_destroy,
	.inserted = reclaim_one_list_inserted,
	.removed = reclaim_one_list_removed,
	.victim = clock_victim,
};
