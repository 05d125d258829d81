/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Random: any page, by a seeded generator (prng.h). */

#include "emu/kernel/reclaim_private.h"
#include "mmu/prng.h"

struct random_state {
	uint64_t generator;
	pfn_t *page; /* resident ones, in no order; reclaim_page.slot is the place of each */
	uint64_t count;
};

static int random_create(struct reclaim *r)
{
	struct random_state *state = host_zalloc(r->setup.alloc, 1, sizeof(*state));

	r->state = state;
	if (!state)
		return PW_NOMEM;
	state->generator = r->setup.seed ^ SPLITMIX_GAMMA;
	if (state->generator == 0)
		state->generator = 1;
	state->page = host_zalloc(r->setup.alloc, r->setup.end, sizeof(*state->page));
	if (state->page)
		return PW_OK;
	reclaim_state_destroy(r);
	return PW_NOMEM;
}

static void random_destroy(struct reclaim *r)
{
	struct random_state *state = r->state;

	host_free(r->setup.alloc, state->page);
	reclaim_state_destroy(r);
}

static void random_inserted(struct reclaim *r, pfn_t pfn)
{
	struct random_state *state = r->state;

	r->page[pfn].slot = (uint32_t)state->count;
	state->page[state->count++] = pfn;
}

static void random_removed(struct reclaim *r, pfn_t pfn)
{
	struct random_state *state = r->state;
	pfn_t last = state->page[--state->count];

	state->page[r->page[pfn].slot] = last;
	r->page[last].slot = r->page[pfn].slot;
}

/* The first that can leave, from a random place on. */
static pfn_t random_victim(struct reclaim *r)
{
	struct random_state *state = r->state;
	uint64_t start = xorshift_next(&state->generator) % state->count;

	for (uint64_t i = 0; i < state->count; i++) {
		pfn_t pfn = state->page[(start + i) % state->count];

		if (reclaim_evictable(r, pfn))
			return pfn;
	}
	return PFN_NONE;
}

const struct reclaim_ops reclaim_random = {
	.name = "random",
	.doc = "any page, by a seeded generator",
	.create = random_create,
	.destroy = random_destroy,
	.inserted = random_inserted,
	.removed = random_removed,
	.victim = random_victim,
};
