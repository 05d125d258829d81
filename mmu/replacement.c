/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Replacement policies: exact LRU, tree-PLRU, FIFO and random.
 *
 * LRU and FIFO differ only in what moves a slot to the new end: uses and fills, or fills alone.
 * Up to 64 ways the order is a stamp a slot (a hit is one store, a victim one scan); above, a
 * doubly linked ring a set (a hit is an unlink and a relink, a victim one load), since a scan of a
 * large fully associative array would dominate its misses. Both give the same order.
 *
 * Tree-PLRU: node 1 is the root, the children of node i are 2i and 2i + 1, the leaves are the
 * ways. A node's bit says on which side the victim is; a use makes the nodes on its path point
 * away from it. For four ways:
 *
 *            node 1
 *           0/    \1
 *        node 2   node 3
 *        0/ \1    0/ \1
 *        w0 w1    w2 w3
 *
 * Not modelled: NRU, RRIP, and what vendors do not publish. Random is uniform over the ways.
 *
 * Invariants: stamps of a set are distinct once filled; a ring holds each way of its set once.
 *
 * Source: Handy, "The Cache Memory Book", 1993 (tree-PLRU); random numbers: prng.h.
 */

#include "mmu/replacement.h"

#include "mmu/prng.h"

#include <assert.h>
#include <string.h>

uint64_t replacer_seed(uint64_t seed, unsigned n)
{
	return splitmix_mix(seed + ((uint64_t)n + 1) * SPLITMIX_GAMMA);
}

static bool init_tree(struct replacer *r, const struct host_alloc *alloc)
{
	r->ways_lg2 = (unsigned)__builtin_ctz(r->ways);
	r->tree = host_zalloc(alloc, r->sets, sizeof(*r->tree));
	r->way_bits = host_zalloc(alloc, r->ways, sizeof(*r->way_bits));
	if (!r->tree || !r->way_bits)
		return false;
	for (unsigned way = 0; way < r->ways; way++) {
		for (unsigned node = way + r->ways; node > 1; node /= 2) {
			r->way_bits[way][0] |= (uint64_t)1 << (node / 2);
			if (node % 2 == 0)
				r->way_bits[way][1] |= (uint64_t)1 << (node / 2);
		}
	}
	return true;
}

static bool init_list(struct replacer *r, const struct host_alloc *alloc)
{
	unsigned slots = r->sets * r->ways;

	r->link = host_zalloc(alloc, (size_t)slots + r->sets, sizeof(*r->link));
	if (!r->link)
		return false;
	for (unsigned set = 0; set < r->sets; set++) {
		unsigned before = slots + set;

		for (unsigned slot = set * r->ways; slot < (set + 1) * r->ways; slot++) {
			r->link[slot].older = before;
			r->link[before].newer = slot;
			before = slot;
		}
		r->link[before].newer = slots + set;
		r->link[slots + set].older = before;
	}
	return true;
}

static bool init_order(struct replacer *r, const struct host_alloc *alloc)
{
	switch (r->order) {
	case ORDER_STAMP:
		r->stamp = host_zalloc(alloc, (size_t)r->sets * r->ways, sizeof(*r->stamp));
		return r->stamp;
	case ORDER_TREE:
		return init_tree(r, alloc);
	case ORDER_LIST:
		return init_list(r, alloc);
	case ORDER_NONE:
		break;
	}
	return true;
}

int replacer_init(struct replacer *r, enum replacement policy, unsigned sets, unsigned ways,
		  uint64_t seed, const struct host_alloc *alloc)
{
	memset(r, 0, sizeof(*r));
	r->sets = sets;
	r->ways = ways;
	r->random = seed ? seed : replacer_seed(seed, 0);
	if (policy == REPLACE_TREE_PLRU)
		r->order = ORDER_TREE;
	else if (policy == REPLACE_RANDOM)
		r->order = ORDER_NONE;
	else
		r->order = ways > REPLACER_STAMP_WAYS_MAX ? ORDER_LIST : ORDER_STAMP;
	r->touch = policy == REPLACE_FIFO ? ORDER_NONE : r->order;
	assert(r->order != ORDER_TREE ||
	       (ways <= REPLACER_TREE_WAYS_MAX && (ways & (ways - 1)) == 0));
	if (init_order(r, alloc))
		return PW_OK;
	replacer_release(r, alloc);
	return PW_NOMEM;
}

void replacer_release(struct replacer *r, const struct host_alloc *alloc)
{
	host_free(alloc, r->stamp);
	host_free(alloc, r->tree);
	host_free(alloc, r->way_bits);
	host_free(alloc, r->link);
	memset(r, 0, sizeof(*r));
}

void replacer_list_touch(struct replacer *r, unsigned slot)
{
	struct replacer_link *link = r->link;
	unsigned anchor = r->sets * r->ways + slot / r->ways;
	unsigned newest = link[anchor].older;

	if (newest == slot)
		return;
	link[link[slot].older].newer = link[slot].newer;
	link[link[slot].newer].older = link[slot].older;
	link[slot].older = newest;
	link[slot].newer = anchor;
	link[newest].newer = slot;
	link[anchor].older = slot;
}

void replacer_fill(struct replacer *r, unsigned slot)
{
	if (r->order == ORDER_STAMP)
		r->stamp[slot] = ++r->clock;
	else if (r->order == ORDER_LIST)
		replacer_list_touch(r, slot);
	else
		replacer_touch(r, slot);
}

/* A stamp and its way in one number, so that finding the oldest is a plain minimum. */
static uint64_t keyed(const uint64_t *stamp, unsigned way)
{
	return stamp[way] << REPLACER_STAMP_WAYS_LG2 | way;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Four minima side by side: in one, each comparison waits for the one before. */
static inline unsigned oldest(const uint64_t *stamp, unsigned ways)
{
	uint64_t a = UINT64_MAX, b = a, c = a, d = a;
	unsigned way = 0;

	for (; way + 4 <= ways; way += 4) {
		a = lesser(a, keyed(stamp, way));
		b = lesser(b, keyed(stamp, way + 1));
		c = lesser(c, keyed(stamp, way + 2));
		d = lesser(d, keyed(stamp, way + 3));
	}
	for (; way < ways; way++)
		a = lesser(a, keyed(stamp, way));
	a = lesser(lesser(a, b), lesser(c, d));
	return (unsigned)a & (REPLACER_STAMP_WAYS_MAX - 1);
}

/* The usual numbers of ways, unrolled. */
static inline unsigned oldest_of(const uint64_t *stamp, unsigned ways)
{
	switch (ways) {
	case 4:
		return oldest(stamp, 4);
	case 8:
		return oldest(stamp, 8);
	case 12:
		return oldest(stamp, 12);
	default:
		return oldest(stamp, ways);
	}
}

static unsigned tree_victim(uint64_t tree, unsigned ways)
{
	unsigned node = 1;

	while (node < ways)
		node = 2 * node + (unsigned)((tree >> node) & 1);
	return node - ways;
}

static unsigned random_way(struct replacer *r)
{
	return (unsigned)(((xorshift_next(&r->random) >> 32) * r->ways) >> 32);
}

unsigned replacer_victim(struct replacer *r, unsigned set)
{
	switch (r->order) {
	case ORDER_STAMP:
		return oldest_of(&r->stamp[(size_t)set * r->ways], r->ways);
	case ORDER_TREE:
		return tree_victim(r->tree[set], r->ways);
	case ORDER_LIST:
		return r->link[r->sets * r->ways + set].newer - set * r->ways;
	case ORDER_NONE:
		break;
	}
	return random_way(r);
}
