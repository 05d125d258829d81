/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Linux's active and inactive lists (mm/vmscan.c; without multi-generational LRU), one pair for
 * anonymous pages and one for pages of files:
 *
 *	new page ──> inactive ──(oldest, A clear)──> leaves
 *	              ^  │ └─(A set, first time)─> kept once more, `referenced`
 *	              │  └──(A set, second time)─> active
 *	              └──── active, oldest, when the inactive list is short; its A is cleared
 *
 * A page's first A is that of the access that loaded it (folio_check_references()). The inactive
 * list is short when it is smaller than the active one divided by a ratio, 1 below 1 GiB and the
 * root of ten times the GiB above (inactive_is_low()). Swappiness s takes s of 200 victims from
 * the anonymous lists, in turn; a kind that has none lends its turns; at 0 anonymous pages leave
 * only when no others can.
 *
 * Not modelled: cost of rotations (lru_note_cost()), refault distances, PG_workingset, memory
 * cgroups, code pages kept active.
 */

#include "emu/kernel/reclaim_private.h"
#include "emu/kernel/square_root.h"

enum { ACTIVE, INACTIVE, SWAPPINESS_ALL = 200 };

struct two_lists {
	struct reclaim_list list[RECLAIM_KIND_COUNT][2];
	unsigned credit; /* of anonymous pages, out of SWAPPINESS_ALL */
};

static int two_list_create(struct reclaim *r)
{
	struct two_lists *state = host_zalloc(r->setup.alloc, 1, sizeof(*state));
	uint8_t id = 1;

	r->state = state;
	if (!state)
		return PW_NOMEM;
	for (unsigned kind = 0; kind < RECLAIM_KIND_COUNT; kind++)
		for (unsigned i = 0; i < 2; i++)
			reclaim_list_init(&state->list[kind][i], id++);
	return PW_OK;
}

static struct reclaim_list *list_of(struct reclaim *r, pfn_t pfn)
{
	struct two_lists *state = r->state;
	struct reclaim_list *pair = state->list[r->page[pfn].kind];

	return r->page[pfn].list == pair[ACTIVE].id ? &pair[ACTIVE] : &pair[INACTIVE];
}

static void two_list_inserted(struct reclaim *r, pfn_t pfn)
{
	struct two_lists *state = r->state;

	reclaim_list_append(r, &state->list[r->page[pfn].kind][INACTIVE], pfn);
}

static void two_list_removed(struct reclaim *r, pfn_t pfn)
{
	reclaim_list_remove(r, list_of(r, pfn), pfn);
}

static void move(struct reclaim *r, pfn_t pfn, struct reclaim_list *to)
{
	reclaim_list_remove(r, list_of(r, pfn), pfn);
	reclaim_list_append(r, to, pfn);
}

static bool is_short(const struct reclaim_list pair[2])
{
	uint64_t gib = (pair[ACTIVE].count + pair[INACTIVE].count) >> (30 - FRAME_LG2);
	uint64_t ratio = gib ? square_root(10 * gib) : 1;

	return pair[INACTIVE].count * ratio < pair[ACTIVE].count;
}

static pfn_t shrink(struct reclaim *r, struct reclaim_list pair[2])
{
	for (uint64_t left = 2 * (pair[ACTIVE].count + pair[INACTIVE].count); left > 0; left--) {
		struct reclaim_page *page;
		pfn_t pfn;

		while (is_short(pair)) {
			pfn = pair[ACTIVE].first;
			reclaim_look(r, pfn, true);
			r->page[pfn].referenced = false;
			move(r, pfn, &pair[INACTIVE]);
		}
		pfn = pair[INACTIVE].first;
		if (pfn == PFN_NONE)
			return PFN_NONE;
		page = &r->page[pfn];
		if (!reclaim_evictable(r, pfn)) {
			reclaim_list_pass(r, &pair[INACTIVE], pfn);
		} else if (!(reclaim_look(r, pfn, true) & LOOK_ACCESSED)) {
			return pfn;
		} else if (page->referenced) {
			page->referenced = false;
			move(r, pfn, &pair[ACTIVE]);
		} else {
			page->referenced = true;
			reclaim_list_pass(r, &pair[INACTIVE], pfn);
		}
	}
	return PFN_NONE;
}

static pfn_t two_list_victim(struct reclaim *r)
{
	struct two_lists *state = r->state;
	unsigned kind = RECLAIM_FILE;
	pfn_t pfn;

	state->credit += r->setup.swappiness;
	if (state->credit >= SWAPPINESS_ALL) {
		state->credit -= SWAPPINESS_ALL;
		kind = RECLAIM_ANONYMOUS;
	}
	pfn = shrink(r, state->list[kind]);
	if (pfn == PFN_NONE)
		pfn = shrink(r,
			     state->list[kind == RECLAIM_FILE ? RECLAIM_ANONYMOUS : RECLAIM_FILE]);
	return pfn;
}

const struct reclaim_ops reclaim_two_list = {
	.name = "two-list",
	.doc = "Linux's active and inactive lists, anonymous and file pages weighed by swappiness",
	.create = two_list_create,
	.destroy = reclaim_state_destroy,
	.inserted = two_list_inserted,
	.removed = two_list_removed,
	.victim = two_list_victim,
};
