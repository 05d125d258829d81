/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_HASHED_PRIVATE_H
#define PAGEWALK_MMU_PT_HASHED_PRIVATE_H

/* The hashed format inside: the layout of nodes and entries, the hash, and access to them. */

#include "mmu/page_table.h"

#define BIT(n) (UINT64_C(1) << (n))

enum {
	NODE_BYTES = 32,
	NODE_TAG = 0,
	NODE_ENTRY = 8,
	NODE_NEXT = 16,
	NODES_PER_FRAME = FRAME_BYTES / NODE_BYTES - 1,
	ANCHOR_BYTES = 8,
	VA_BITS = 48,
	PA_BITS = 52,
	BUCKETS_MAX = 1 << 24,
};

enum entry_bits {
	ENTRY_VALID = 0,
	ENTRY_W = 1,
	ENTRY_U = 2,
	ENTRY_A = 5,
	ENTRY_D = 6,
	ENTRY_G = 8
};
#define ENTRY_NX    BIT(63)
#define ENTRY_FRAME (BIT(PA_BITS) - FRAME_BYTES)

struct hashed {
	uint64_t buckets;
	unsigned anchor_order, hash_shift;
	pa_t anchor;
	pa_t frames; /* of nodes: a chain through their headers */
	pa_t free_nodes;
	uint64_t frame_count, nodes, used;
	struct pt_space *spaces; /* a list through space->format */
};

struct hashed_space {
	struct pt_space *next, *previous;
};

static inline uint64_t hashed_tag(const struct pt_space *space, va_t va)
{
	return (va >> FRAME_LG2 & (BIT(VA_BITS - FRAME_LG2) - 1)) << 16 | space->asid;
}

static inline va_t hashed_va(uint64_t tag)
{
	return (va_t)((int64_t)(tag >> 16 << (64 - VA_BITS + FRAME_LG2)) >> (64 - VA_BITS));
}

static inline uint8_t hashed_perms(uint64_t entry)
{
	return (uint8_t)(PERM_READ | (entry & BIT(ENTRY_W) ? PERM_WRITE : 0) |
			 (entry & BIT(ENTRY_U) ? PERM_USER : 0) |
			 (entry & ENTRY_NX ? 0 : PERM_EXEC));
}

static inline uint64_t hashed_with_perms(uint64_t entry, uint8_t perms)
{
	entry &= ~(BIT(ENTRY_W) | BIT(ENTRY_U) | ENTRY_NX);
	return entry | (perms & PERM_WRITE ? BIT(ENTRY_W) : 0) |
	       (perms & PERM_USER ? BIT(ENTRY_U) : 0) | (perms & PERM_EXEC ? 0 : ENTRY_NX);
}

static inline void hashed_decode(uint64_t tag, uint64_t entry, struct translation *leaf)
{
	leaf->va = hashed_va(tag);
	leaf->pa = entry & ENTRY_FRAME;
	leaf->bytes = FRAME_BYTES;
	leaf->page_lg2 = FRAME_LG2;
	leaf->perms = hashed_perms(entry);
	leaf->global = entry & BIT(ENTRY_G);
	leaf->accessed = entry & BIT(ENTRY_A);
	leaf->dirty = entry & BIT(ENTRY_D);
}

/* Multiplicative hashing by the golden ratio (Knuth, TAOCP 3, 6.4), page and ASID mixed. */
static inline pa_t hashed_anchor(const struct hashed *hashed, uint64_t tag)
{
	uint64_t key = tag >> 16 ^ (tag & 0xffff) << 20;
	uint64_t bucket = key * UINT64_C(0x9e3779b97f4a7c15) >> hashed->hash_shift;

	return hashed->anchor + (bucket & (hashed->buckets - 1)) * ANCHOR_BYTES;
}

static inline uint64_t hashed_load(struct page_table *pt, pa_t pa)
{
	return pt_memory_load(pt->memory, pa, 8);
}

static inline void hashed_store(struct page_table *pt, pa_t pa, uint64_t value)
{
	pt_memory_store(pt->memory, pa, 8, value);
}

/* Looks without counting a load: for checks and statistics. */
static inline uint64_t hashed_peek(const struct page_table *pt, pa_t pa)
{
	return walk_load(phys_mem_at(pt->memory->mem, pa), 8);
}

/* pt_hashed_ops.c: pt_ops members, and removal of all nodes of a space */
int hashed_map(struct pt_space *space, const struct pt_mapping *m, struct pt_displaced *displaced);
int hashed_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx);
int hashed_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		   pt_visit_fn *changed, void *ctx);
int hashed_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf);
int hashed_mark(struct pt_space *space, va_t va, bool dirty);
int hashed_split(struct pt_space *space, va_t va);
int hashed_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx);
void hashed_remove_all(struct pt_space *space);
/* pt_hashed_check.c */
int hashed_check(struct page_table *pt, const char **what);

#endif
