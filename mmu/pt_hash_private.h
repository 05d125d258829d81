/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_HASH_PRIVATE_H
#define PAGEWALK_MMU_PT_HASH_PRIVATE_H

/*
 * What all hashed formats share. A hashed table holds *blocks*: 2^block_lg2 consecutive pages of
 * one space under one tag, with an entry each (one page a block unless clustered). Where blocks
 * lie and how they are found is the business of a hash_store (pt_chain.c, pt_open.c); everything
 * that the kernel asks of a format (pt_hash_ops.c) is written once, on top of it.
 *
 *   tag    63 used  62 superpage  51  block number  16 15  asid  0        0: never used, or free
 *   entry  63 NX  58..52 kept  51..12 frame  8 G  7 S  6 D  5 A  2 U  1 W  0 valid  (as on x86)
 *
 * S: this first entry maps the whole block (a superpage). `kept` bits belong to the store (tag
 * bits of pt_open.c, 0 elsewhere): whoever writes an entry leaves them.
 */

#include "mmu/pt_entry_private.h"

enum {
	VA_BITS = 48,
	PA_BITS = ENTRY_PA_BITS,
	TAG_BYTES = 8,
	ENTRY_BYTES = 8,
	LINE_BYTES = 64,
	HASH_BUCKETS_MAX = 1 << 24,
	HASH_BLOCK_LG2_MAX = 6,
	HASH_LOAD_MAX = 10000
};

/* Beside those of pt_entry_private.h. */
enum hash_entry_bits { ENTRY_S = 7, ENTRY_KEPT = 52, ENTRY_KEPT_BITS = 7 };
#define ENTRY_KEPT_MASK ((BIT(ENTRY_KEPT_BITS) - 1) << ENTRY_KEPT)
#define TAG_USED        BIT(63)
#define TAG_SUPER       BIT(62)

struct hash_store;

/* The head of every hashed table; pt->format points to it. */
struct hash_table {
	const struct hash_store *store;
	unsigned block_lg2;          /* log2 of the pages under one tag */
	bool superpages;             /* a block may be one leaf */
	enum hash_function function; /* of the block number and the ASID */
	unsigned bucket_lg2;
	unsigned max_load; /* blocks per 100 buckets (slots) beyond which it doubles; 0: never */
	uint64_t blocks, entries;
	uint64_t resizes, moved; /* doublings, and blocks that they moved */
	struct pt_space *spaces; /* a list through space->format */
};

struct hash_space {
	struct pt_space *next, *previous;
};

/* Where a block lies. */
struct hash_place {
	uint64_t tag; /* with TAG_USED, and TAG_SUPER where it holds */
	pa_t block;   /* where its tag is: a node, a slot */
	pa_t entries; /* the first of its 2^block_lg2 entries */
	pa_t link;    /* chains: where the pointer to it lies, 0 for a node in the table itself */
};

/* A position among all blocks. Zeroed: before the first. */
struct hash_cursor {
	uint64_t bucket;
	pa_t link;
	bool within; /* link is valid */
	bool silent; /* looks without counting loads: for checks and statistics */
};

struct hash_store {
	/* The block of a tag. */
	bool (*find)(struct page_table *pt, uint64_t tag, struct hash_place *place);
	/* A new block whose entries are all 0, under a tag that is absent. PW_NOFRAMES. */
	int (*insert)(struct page_table *pt, uint64_t tag, struct hash_place *place);
	/* The block's entries are 0 again. Other blocks may move, *place is void. */
	void (*remove)(struct page_table *pt, const struct hash_place *place);
	/*
	 * The block at the cursor or after it, where the cursor then is; false at the end. After
	 * remove() the cursor stands at what took its place; else hash_store.advance goes on.
	 */
	bool (*at)(struct page_table *pt, struct hash_cursor *cursor, struct hash_place *place);
	void (*advance)(struct hash_cursor *cursor, const struct hash_place *place);
	/* How many blocks are looked at, at most, to find this one: 1 is its home. */
	uint64_t (*distance)(struct page_table *pt, const struct hash_place *place);
};

static inline uint64_t hash_tag(const struct pt_space *space, unsigned block_lg2, va_t va)
{
	uint64_t vpn = va >> FRAME_LG2 & (BIT(VA_BITS - FRAME_LG2) - 1);

	return TAG_USED | vpn >> block_lg2 << 16 | space->asid;
}

static inline va_t hash_va(unsigned block_lg2, uint64_t tag)
{
	uint64_t vpn = (tag & ~(TAG_USED | TAG_SUPER)) >> 16 << block_lg2;

	return (va_t)((int64_t)(vpn << (64 - VA_BITS + FRAME_LG2)) >> (64 - VA_BITS));
}

/*
 * HASH_MULTIPLY: the upper bits of a multiplication by 2^64 / golden ratio (Fibonacci hashing;
 * Knuth, TAOCP 3, 6.4), ASIDs far apart. HASH_XOR: the lower bits of the page number, exclusive-or
 * the ASID, as the folded hashes of PA-RISC machines have it: cheap, and bad for strided pages.
 * Either way bucket b of a table goes to 2b, 2b + 1 or to b, b + size of one twice as large.
 */
static inline uint64_t hash_bucket(const struct hash_table *table, uint64_t tag)
{
	uint64_t block = (tag & ~(TAG_USED | TAG_SUPER)) >> 16, asid = tag & 0xffff;

	if (table->function == HASH_XOR)
		return (block ^ asid << 4) & (BIT(table->bucket_lg2) - 1);
	if (table->bucket_lg2 == 0)
		return 0;
	return (block ^ asid << 36) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - table->bucket_lg2);
}

static inline uint64_t hash_load(struct page_table *pt, pa_t pa)
{
	return pt_memory_load(pt->memory, pa, 8);
}

static inline void hash_store_word(struct page_table *pt, pa_t pa, uint64_t value)
{
	pt_memory_store(pt->memory, pa, 8, value);
}

/* Looks without counting a load: for checks, statistics and silent walks. */
static inline uint64_t hash_peek(const struct page_table *pt, pa_t pa)
{
	return walk_load(phys_mem_at(pt->memory->mem, pa), 8);
}

static inline uint64_t hash_look(struct page_table *pt, bool silent, pa_t pa)
{
	return silent ? hash_peek(pt, pa) : hash_load(pt, pa);
}

#endif
