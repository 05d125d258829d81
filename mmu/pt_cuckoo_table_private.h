/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_CUCKOO_TABLE_PRIVATE_H
#define PAGEWALK_MMU_PT_CUCKOO_TABLE_PRIVATE_H

/*
 * One elastic cuckoo hash table in simulated memory: d ways, each an array of lines found by a hash
 * of its own. A key is in at most one line, at one of d places, so that a look-up is d reads, also
 * while ways are being resized:
 *
 *   way, resting            way, being resized (after `pointer` lines of `before` have moved)
 *     now    [........]       before [dead|live........]    hash(key, before) >= pointer: there
 *                                      ^pointer             else: hash(key, now)
 *                             now    [................]
 *
 * A way grows to twice its lines when one more would bring its load above `upsize_percent`, and
 * shrinks to half when its load falls below `downsize_percent`; then every insertion
 * and removal of a line moves one line of it over. An insertion takes a random way and kicks out what
 * lies there, which goes to a random other way and so on: the path is found first, then the lines
 * are moved from its end backwards, so that a failure has changed nothing and no line is ever
 * missing. Where no path is found one way is grown and moved over at once.
 *
 * Lines are of two kinds, with the key in them (word 0 to 15, 64 bits each, little-endian):
 *   clusters  64 bytes   bit 57 of word 0: in use; bits 56..52 of words 0..6: 5 bits of the key each
 *   entries   128 bytes  bit 57 of word 0: in use; bits 51..0 of word 0: the key
 *
 * Invariants (pt_cuckoo_check.c): each line in use lies where its key hashes to in the live half;
 * no key twice; a way's load never exceeds upsize_percent of its (new) size.
 *
 * Source: Skarlatos, Kokolis, Xu, Torrellas, "Elastic Cuckoo Page Tables", ASPLOS 2020, sections 3
 * and 4. Ours: ways are resized one by one and not all together (as in Stojkovic et al., HPCA 2023), and
 * removals move lines too;
 * a mixing function (splitmix64's) instead of CRC; the path is found before anything moves.
 */

#include "mmu/prng.h"
#include "mmu/pt_entry_private.h"

enum { CUCKOO_WAYS_MAX = 4, CUCKOO_LINES_LG2_MAX = 24, CUCKOO_KEY_WORDS = 7, CUCKOO_KEY_BITS = 5 };
enum { CUCKOO_IN_USE = 57, CUCKOO_KEY_SHIFT = 52 };
#define CUCKOO_KEY_MASK ((BIT(CUCKOO_KEY_BITS) - 1) << CUCKOO_KEY_SHIFT)

struct cuckoo_limits {
	unsigned upsize_percent, downsize_percent;
};

struct cuckoo_counts {
	uint64_t kicks;          /* lines displaced by others */
	uint64_t resizes, moved; /* begun, and lines that they moved */
	uint64_t longest_path;   /* kicks of one insertion */
};

struct cuckoo_half {
	pa_t base; /* 0: none */
	uint8_t lg2;
};

struct cuckoo_way {
	struct cuckoo_half now, before; /* before.base: the way is being resized */
	uint64_t pointer;               /* lines of `before` below it are dead */
	uint64_t used;
};

struct cuckoo_table {
	struct page_table *pt;
	struct cuckoo_counts *counts;
	uint64_t *bytes; /* what all tables of the space occupy is counted there */
	struct cuckoo_limits limits;
	uint8_t ways, line_lg2, lg2_min;
	bool wide; /* entries of 128 bytes, not clusters */
	uint64_t random;
	struct cuckoo_way way[CUCKOO_WAYS_MAX];
	/* A line has come to another way. */
	void (*moved)(struct cuckoo_table *t, uint64_t key, pa_t line, unsigned way);
	void *ctx;
};

/* What lies in word i of a cluster of this key, besides the page-table entry. */
static inline uint64_t cuckoo_key_part(uint64_t key, unsigned i)
{
	uint64_t part =
		i < CUCKOO_KEY_WORDS ? key >> i * CUCKOO_KEY_BITS & (BIT(CUCKOO_KEY_BITS) - 1) : 0;

	return part << CUCKOO_KEY_SHIFT | (i == 0 ? BIT(CUCKOO_IN_USE) : 0);
}

/* Over key, way and size. */
static inline uint64_t cuckoo_hash(uint64_t key, unsigned way, unsigned lg2)
{
	return splitmix_mix(key + (way * 64 + lg2 + 1) * SPLITMIX_GAMMA) & (BIT(lg2) - 1);
}

/* Where the key lies in this way if the way has it. Hardware computes the same. */
static inline pa_t cuckoo_place(const struct cuckoo_table *t, unsigned way, uint64_t key)
{
	const struct cuckoo_way *w = &t->way[way];

	if (w->before.base) {
		uint64_t i = cuckoo_hash(key, way, w->before.lg2);

		if (i >= w->pointer)
			return w->before.base + (i << t->line_lg2);
	}
	return w->now.base + (cuckoo_hash(key, way, w->now.lg2) << t->line_lg2);
}

/* How many lines a way may hold. */
static inline uint64_t cuckoo_limit(const struct cuckoo_table *t, const struct cuckoo_way *w)
{
	return ((uint64_t)t->limits.upsize_percent << w->now.lg2) / 100;
}

/* Is this line in use, and for this key? For walks and checks: counts nothing. */
bool cuckoo_line_is(const void *line, bool wide, uint64_t key);
uint64_t cuckoo_line_key(const void *line, bool wide);

/* t->pt, counts, limits, ways, wide, lg2_min, moved, ctx are set; the rest is filled. PW_NOFRAMES. */
int cuckoo_table_init(struct cuckoo_table *t, uint64_t seed);
void cuckoo_table_release(struct cuckoo_table *t);

/* The line of a key, and its way; 0: none. */
pa_t cuckoo_find(struct cuckoo_table *t, uint64_t key, unsigned *way);
/* Enters a line whose key is not there: all words of it. PW_NOFRAMES: nothing has changed. */
int cuckoo_insert(struct cuckoo_table *t, uint64_t key, const uint64_t *words, unsigned *way);
void cuckoo_remove(struct cuckoo_table *t, pa_t line, unsigned way);
/* To be called after an insertion or removal, when no address of a line is held any more. */
void cuckoo_settle(struct cuckoo_table *t);

/* Every line in use, in the order of ways and places; loads are counted. Lines may be removed. */
typedef void cuckoo_line_fn(void *ctx, pa_t line, unsigned way, uint64_t key);
void cuckoo_each(struct cuckoo_table *t, cuckoo_line_fn *fn, void *ctx);
uint64_t cuckoo_lines(const struct cuckoo_table *t); /* places there are, both halves */
uint64_t cuckoo_used(const struct cuckoo_table *t);
uint64_t cuckoo_bytes(const struct cuckoo_table *t);

#endif
