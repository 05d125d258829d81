/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * CLOCK-Pro: one ring of hot pages, resident cold pages, and cold pages that left not long ago and
 * are remembered while they are on test. A page that comes back during its test was reused at a
 * short distance: it becomes hot, and cold pages get more room; a test that runs out takes room away.
 *
 *	hand_cold  looks for a cold page with A clear: it leaves, and its test begins;
 *	           with A set it becomes hot
 *	hand_hot   makes hot pages with A clear cold, when there are more hot pages than room;
 *	           ends the tests that it passes
 *	hand_test  ends the oldest test, when more are remembered than pages are resident
 *
 * Source: Jiang, Chen & Zhang, "CLOCK-Pro: An Effective Improvement of the CLOCK Replacement",
 * USENIX Annual Technical Conference 2005. Deviations: the A that a page has from the access that
 * loaded it does not count as reuse; a resident cold page is always on test; m is the number of
 * pages resident when one has to leave.
 */

#include <string.h>

#include "emu/kernel/reclaim_private.h"

enum page_type { TYPE_FREE, TYPE_HOT, TYPE_COLD, TYPE_TEST };
enum { NONE = 0 }; /* node 0 is never used */

struct node {
	struct reclaim_key key;
	pfn_t pfn; /* while resident */
	uint32_t next, previous, chain;
	uint8_t type;
	bool fresh; /* A is still that of the access that loaded it */
};

struct clock_pro {
	struct node *node;
	uint32_t *bucket; /* of remembered pages, by key */
	uint32_t buckets, free, unused, capacity;
	uint32_t hand_hot, hand_cold, hand_test;
	uint64_t hot, cold, test;
	uint64_t cold_target; /* m_c */
	pfn_t leaving;        /* the victim that was proposed last */
};

/* --- remembered pages ------------------------------------------------------------------------- */

static uint32_t *bucket_of(const struct clock_pro *c, struct reclaim_key key)
{
	uint64_t mixed = (key.owner * UINT64_C(0x9e3779b97f4a7c15)) ^ key.index;

	mixed *= UINT64_C(0x9e3779b97f4a7c15);
	return &c->bucket[(mixed >> 32) % c->buckets];
}

static uint32_t find_test(const struct clock_pro *c, struct reclaim_key key)
{
	uint32_t n = *bucket_of(c, key);

	while (n != NONE &&
	       (c->node[n].key.owner != key.owner || c->node[n].key.index != key.index))
		n = c->node[n].chain;
	return n;
}

static void unchain(struct clock_pro *c, uint32_t n)
{
	uint32_t *link = bucket_of(c, c->node[n].key);

	while (*link != n)
		link = &c->node[*link].chain;
	*link = c->node[n].chain;
}

/* --- the ring --------------------------------------------------------------------------------- */

static uint32_t next_of(const struct clock_pro *c, uint32_t n)
{
	return c->node[n].next;
}

/* Just behind the hand: where it comes last. */
static void link_behind(struct clock_pro *c, uint32_t hand, uint32_t n)
{
	struct node *node = &c->node[n];

	if (hand == NONE) {
		node->next = node->previous = n;
		c->hand_hot = c->hand_cold = c->hand_test = n;
		return;
	}
	node->next = hand;
	node->previous = c->node[hand].previous;
	c->node[node->previous].next = n;
	c->node[hand].previous = n;
}

static void forget(struct clock_pro *c, uint32_t n)
{
	struct node *node = &c->node[n];
	uint32_t next = node->next == n ? (uint32_t)NONE : node->next;

	c->node[node->previous].next = node->next;
	c->node[node->next].previous = node->previous;
	if (c->hand_hot == n)
		c->hand_hot = next;
	if (c->hand_cold == n)
		c->hand_cold = next;
	if (c->hand_test == n)
		c->hand_test = next;
	if (node->type == TYPE_TEST) {
		unchain(c, n);
		c->test--;
	}
	node->type = TYPE_FREE;
	node->next = c->free;
	c->free = n;
}

static uint32_t new_node(struct clock_pro *c)
{
	uint32_t n = c->free;

	if (n != NONE)
		c->free = c->node[n].next;
	else
		n = c->unused++;
	assert(n < c->capacity);
	return n;
}

static void end_test(struct clock_pro *c, uint32_t n)
{
	forget(c, n);
	if (c->cold_target > 1)
		c->cold_target--;
}

/* --- the hands -------------------------------------------------------------------------------- */

static void step_hot(struct reclaim *r, struct clock_pro *c)
{
	uint32_t n = c->hand_hot;
	struct node *node = &c->node[n];

	c->hand_hot = next_of(c, n);
	if (node->type == TYPE_TEST) {
		end_test(c, n);
	} else if (node->type == TYPE_HOT && !(reclaim_look(r, node->pfn, true) & LOOK_ACCESSED)) {
		node->type = TYPE_COLD;
		c->hot--;
		c->cold++;
	}
}

static void balance_hot(struct reclaim *r, struct clock_pro *c)
{
	uint64_t room = r->resident > c->cold_target ? r->resident - c->cold_target : 0;

	for (uint64_t left = 2 * (c->hot + c->cold + c->test); left > 0 && c->hot > room; left--)
		step_hot(r, c);
}

static void bound_tests(const struct reclaim *r, struct clock_pro *c)
{
	while (c->test > r->resident) {
		uint32_t n = c->hand_test;

		c->hand_test = next_of(c, n);
		if (c->node[n].type == TYPE_TEST)
			end_test(c, n);
	}
}

/* One step of hand_cold; true when it has found a page to leave. */
static bool step_cold(struct reclaim *r, struct clock_pro *c, pfn_t *victim)
{
	struct node *node = &c->node[c->hand_cold];
	bool accessed;

	c->hand_cold = node->next;
	if (node->type != TYPE_COLD || !reclaim_evictable(r, node->pfn))
		return false;
	accessed = reclaim_look(r, node->pfn, true) & LOOK_ACCESSED;
	if (!accessed) {
		*victim = node->pfn;
		return true;
	}
	if (node->fresh) {
		node->fresh = false;
		return false;
	}
	node->type = TYPE_HOT;
	c->cold--;
	c->hot++;
	return false;
}

/* When every page is hot, or keeps being used: the first that can leave. */
static pfn_t any_victim(struct reclaim *r, const struct clock_pro *c)
{
	uint32_t n = c->hand_cold;

	for (uint64_t left = c->hot + c->cold + c->test; left > 0; left--, n = next_of(c, n))
		if (c->node[n].type != TYPE_TEST && reclaim_evictable(r, c->node[n].pfn))
			return c->node[n].pfn;
	return PFN_NONE;
}

static pfn_t clock_pro_victim(struct reclaim *r)
{
	struct clock_pro *c = r->state;
	pfn_t victim = PFN_NONE;

	if (c->cold_target == 0 || c->cold_target > r->resident)
		c->cold_target = r->resident;
	for (uint64_t left = 2 * (c->hot + c->cold + c->test); left > 0; left--) {
		bool found = step_cold(r, c, &victim);

		balance_hot(r, c);
		if (found)
			break;
	}
	if (victim == PFN_NONE)
		victim = any_victim(r, c);
	c->leaving = victim;
	return victim;
}

/* --- residency -------------------------------------------------------------------------------- */

static void clock_pro_inserted(struct reclaim *r, pfn_t pfn)
{
	struct clock_pro *c = r->state;
	uint32_t known = find_test(c, r->page[pfn].key), n;
	bool hot = known != NONE;

	if (hot) {
		if (c->cold_target < r->resident)
			c->cold_target++;
		forget(c, known);
	}
	n = new_node(c);
	c->node[n] = (struct node){ .key = r->page[pfn].key,
				    .pfn = pfn,
				    .type = hot ? TYPE_HOT : TYPE_COLD,
				    .fresh = true };
	link_behind(c, c->hand_hot, n);
	c->hot += hot;
	c->cold += !hot;
	r->page[pfn].slot = n;
}

/* Only a page that was chosen is remembered: one that was freed will not come back. */
static void clock_pro_removed(struct reclaim *r, pfn_t pfn)
{
	struct clock_pro *c = r->state;
	uint32_t n = r->page[pfn].slot;
	struct node *node = &c->node[n];
	uint32_t *bucket;

	c->hot -= node->type == TYPE_HOT;
	c->cold -= node->type == TYPE_COLD;
	if (pfn != c->leaving) {
		forget(c, n);
		return;
	}
	c->leaving = PFN_NONE;
	node->type = TYPE_TEST;
	bucket = bucket_of(c, node->key);
	node->chain = *bucket;
	*bucket = n;
	c->test++;
	bound_tests(r, c);
}

static int clock_pro_create(struct reclaim *r)
{
	struct clock_pro *c = host_zalloc(r->setup.alloc, 1, sizeof(*c));

	r->state = c;
	if (!c)
		return PW_NOMEM;
	c->leaving = PFN_NONE;
	c->unused = 1;
	c->capacity = (uint32_t)(2 * r->setup.end + 2);
	c->buckets = (uint32_t)(r->setup.end | 1);
	c->node = host_zalloc(r->setup.alloc, c->capacity, sizeof(*c->node));
	c->bucket = host_zalloc(r->setup.alloc, c->buckets, sizeof(*c->bucket));
	if (c->node && c->bucket)
		return PW_OK;
	host_free(r->setup.alloc, c->node);
	host_free(r->setup.alloc, c->bucket);
	reclaim_state_destroy(r);
	return PW_NOMEM;
}

static void clock_pro_destroy(struct reclaim *r)
{
	struct clock_pro *c = r->state;

	host_free(r->setup.alloc, c->node);
	host_free(r->setup.alloc, c->bucket);
	reclaim_state_destroy(r);
}

const struct reclaim_ops reclaim_clock_pro = {
	.name = "clock-pro",
	.doc = "hot and cold pages by reuse distance, with a memory of pages that left",
	.create = clock_pro_create,
	.destroy = clock_pro_destroy,
	.inserted = clock_pro_inserted,
	.removed = clock_pro_removed,
	.victim = clock_pro_victim,
};
