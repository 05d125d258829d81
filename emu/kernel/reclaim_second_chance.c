/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Enhanced second chance: pages in four classes by (A, D); the first of the lowest class that is
 * not empty leaves. One turn looks for (0, 0) and changes nothing; the next takes (0, 1) and clears
 * A in passing; then both once more. So clean pages leave before dirty ones.
 *
 * Source: Silberschatz, Galvin & Gagne, "Operating System Concepts", "Enhanced Second-Chance
 * Algorithm".
 */

#include "emu/kernel/reclaim_private.h"

/* Once around; the page found is under the hand then. */
static pfn_t turn(struct reclaim *r, unsigned wanted, bool clear)
{
	struct reclaim_list *list = r->state;

	for (uint64_t left = list->count; left > 0; left--) {
		pfn_t pfn = list->first;

		if (reclaim_evictable(r, pfn) && reclaim_look(r, pfn, clear) == wanted)
			return pfn;
		reclaim_list_pass(r, list, pfn);
	}
	return PFN_NONE;
}

static pfn_t second_chance_victim(struct reclaim *r)
{
	pfn_t pfn = PFN_NONE;

	for (unsigned round = 0; round < 2 && pfn == PFN_NONE; round++) {
		pfn = turn(r, 0, false);
		if (pfn == PFN_NONE)
			pfn = turn(r, LOOK_DIRTY, true);
	}
	return pfn;
}

const struct reclaim_ops reclaim_second_chance = {
	.name = "enhanced-second-chance",
	.doc = "by classes of (A, D): (0,0), (0,1), then the same again after A was cleared",
	.create = reclaim_one_list_create,
	.destroy = reclaim_state_destroy,
	.inserted = reclaim_one_list_inserted,
	.removed = reclaim_one_list_removed,
	.victim = second_chance_victim,
};
