/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_REPLACEMENT_H
#define PAGEWALK_MMU_REPLACEMENT_H

/*
 * Which way of a set goes next: shared by TLB arrays, walk caches and data caches.
 *
 * slot = set * ways + way, everywhere. LRU orders slots by use (a fill is a use), FIFO by fill;
 * both are exact. Tree-PLRU keeps the ways - 1 bits of a binary tree a set (ways a power of two
 * up to 64; Handy, "The Cache Memory Book", 1993). Random is a seeded xorshift64*.
 *
 * The law of the interface: preferring an invalid way is the owner's matter, before it asks;
 * replacer_victim() is asked only about a set without one, and only random changes by it.
 */

#include "mmu/config.h"
#include "mmu/memory.h"

enum {
	REPLACER_TREE_WAYS_MAX = 64,
	REPLACER_STAMP_WAYS_LG2 = 6,
	REPLACER_STAMP_WAYS_MAX = 1 << REPLACER_STAMP_WAYS_LG2, /* above, a list */
};

/* How the order is kept; it follows from the policy and the number of ways. */
enum replacer_order {
	ORDER_STAMP, /* a stamp a slot; the victim is the oldest */
	ORDER_TREE,  /* a word of tree bits a set */
	ORDER_LIST,  /* a ring a set, oldest first */
	ORDER_NONE,  /* random */
};

/* A slot of a ring. The anchor of set s is link[sets * ways + s]. */
struct replacer_link {
	unsigned older, newer;
};

struct replacer {
	enum replacer_order touch; /* what a use moves: ORDER_NONE for FIFO and random */
	enum replacer_order order;
	unsigned sets, ways, ways_lg2; /* ways_lg2: tree-PLRU only */
	uint64_t clock;
	uint64_t *stamp;         /* ORDER_STAMP: sets * ways */
	uint64_t *tree;          /* ORDER_TREE: one word a set; bit i is node i, 1 the root */
	uint64_t (*way_bits)[2]; /* ORDER_TREE: [way][0] nodes on its path, [1] their new value */
	struct replacer_link *link; /* ORDER_LIST: sets * ways + sets */
	uint64_t random;            /* state */
	uint64_t unread;            /* see replacer_move */
};

/* The policy and the geometry were checked (tree-PLRU: a power of two up to 64 ways). PW_NOMEM. */
int replacer_init(struct replacer *r, enum replacement policy, unsigned sets, unsigned ways,
		  uint64_t seed, const struct host_alloc *alloc);
void replacer_release(struct replacer *r, const struct host_alloc *alloc);

/* Puts the slot at the new end of its set's ring. */
void replacer_list_touch(struct replacer *r, unsigned slot);

/* The slot was used. */
static inline void replacer_touch(struct replacer *r, unsigned slot)
{
	if (PAGEWALK_LIKELY(r->touch == ORDER_STAMP)) {
		r->stamp[slot] = ++r->clock;
	} else if (r->touch == ORDER_TREE) {
		const uint64_t *bits = r->way_bits[slot & (r->ways - 1)];
		uint64_t *tree = &r->tree[slot >> r->ways_lg2];

		*tree = (*tree & ~bits[0]) | bits[1];
	} else if (r->touch == ORDER_LIST) {
		replacer_list_touch(r, slot);
	}
}

/*
 * What a use of one slot will do, worked out ahead for the hit path:
 *   bits    *word = (*word & keep) | set         (keep is not 0)
 *   stamp   *word = ++*clock                     (keep is 0)
 *   list    a call: word is the replacer      (keep is 0, clock is NULL)
 * Policies that no use moves have a word of their own that nobody reads.
 */
struct replacer_move {
	void *word;
	uint64_t keep;
	union {
		uint64_t set;
		uint64_t *clock;
	};
};

static inline struct replacer_move replacer_move_of(struct replacer *r, unsigned slot)
{
	struct replacer_move move = { .word = &r->unread, .keep = ~UINT64_C(0) };

	if (r->touch == ORDER_STAMP) {
		move = (struct replacer_move){ .word = &r->stamp[slot], .clock = &r->clock };
	} else if (r->touch == ORDER_TREE) {
		const uint64_t *bits = r->way_bits[slot & (r->ways - 1)];

		move = (struct replacer_move){ .word = &r->tree[slot >> r->ways_lg2],
					       .keep = ~bits[0],
					       .set = bits[1] };
	} else if (r->touch == ORDER_LIST) {
		move = (struct replacer_move){ .word = r };
	}
	return move;
}

/*
 * The same as replacer_touch() of the slot that the move is of. Inline: it is on the hit path. Most
 * touches are of the slot that was touched last in its set, and change nothing: without a store, the
 * next touch of the set need not wait for this one.
 */
static inline void replacer_apply(const struct replacer_move *move, unsigned slot)
{
	uint64_t *word = move->word;

	if (PAGEWALK_LIKELY(move->keep != 0)) {
		uint64_t touched = (*word & move->keep) | move->set;

		if (PAGEWALK_UNLIKELY(touched != *word))
			*word = touched;
	} else if (PAGEWALK_LIKELY(move->clock != NULL))
		*word = ++*move->clock;
	else
		replacer_list_touch(move->word, slot);
}

/* The slot was filled. */
void replacer_fill(struct replacer *r, unsigned slot);
/* The way of the set to displace. */
unsigned replacer_victim(struct replacer *r, unsigned set);

/* An independent seed for the n-th replacer of a machine. */
uint64_t replacer_seed(uint64_t seed, unsigned n);

#endif
