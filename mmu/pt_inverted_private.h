/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_INVERTED_PRIVATE_H
#define PAGEWALK_MMU_PT_INVERTED_PRIVATE_H

/* The inverted format inside: the layout of entries, the hash, access to them. Model: pt_inverted.c. */

#include "mmu/bit_private.h"
#include "mmu/page_table.h"

enum {
	ENTRY_BYTES = 16,
	ENTRY_TAG = 0,
	ENTRY_LINK = 8,
	LINE_BYTES = 64,
	LINE_ENTRIES = LINE_BYTES / ENTRY_BYTES,
	OVERFLOW_SLOTS = FRAME_BYTES / ENTRY_BYTES - 1, /* the first 16 bytes are a header */
	ANCHOR_BYTES = 8,
	VA_BITS = 48,
	PA_BITS_MAX = 40, /* the link has no room for more */
	NEXT_BITS = PA_BITS_MAX - 4,
	ANCHORS_MAX = 1 << 28,
};

enum tag_bits {
	TAG_VALID = 0,
	TAG_W = 1,
	TAG_U = 2,
	TAG_NX = 3,
	TAG_A = 5,
	TAG_D = 6,
	TAG_G = 8,
	TAG_VPN = 12,
	TAG_ASID = 48
};
#define TAG_KEY (~(BIT(TAG_VPN) - 1) | BIT(TAG_VALID)) /* what a walk compares */

/* Host-side: which entry holds a key. Open addressing, linear probing, at most half full. */
struct inverted_index {
	struct inverted_slot {
		uint64_t key; /* 0: empty */
		pa_t entry;
	} * slot;
	unsigned slots_lg2; /* 0: none yet */
	uint64_t count;
};

struct inverted {
	uint64_t frames;
	pa_t table;
	unsigned table_order;
	bool hash, chain;
	uint64_t anchors; /* 0 when scanned */
	pa_t anchor;
	unsigned anchor_order, hash_shift;
	pa_t overflow;      /* newest frame of overflow entries, 0: none; chained by headers */
	pa_t overflow_free; /* chain through the links */
	uint64_t overflow_frames;
	uint64_t used;
	struct inverted_index index;
	struct pt_space **space; /* by ASID */
	unsigned space_slots;
};

static inline uint64_t inverted_key(const struct pt_space *space, va_t va)
{
	return (uint64_t)space->asid << TAG_ASID |
	       (va >> FRAME_LG2 & (BIT(VA_BITS - FRAME_LG2) - 1)) << TAG_VPN | BIT(TAG_VALID);
}

static inline va_t inverted_va(uint64_t tag)
{
	return (va_t)((int64_t)(tag << (64 - VA_BITS)) >> (64 - VA_BITS)) &
	       ~(va_t)(FRAME_BYTES - 1);
}

static inline uint8_t inverted_perms(uint64_t tag)
{
	return (uint8_t)(PERM_READ | (tag & BIT(TAG_W) ? PERM_WRITE : 0) |
			 (tag & BIT(TAG_U) ? PERM_USER : 0) | (tag & BIT(TAG_NX) ? 0 : PERM_EXEC));
}

static inline uint64_t inverted_with_perms(uint64_t tag, uint8_t perms)
{
	tag &= ~(BIT(TAG_W) | BIT(TAG_U) | BIT(TAG_NX));
	return tag | (perms & PERM_WRITE ? BIT(TAG_W) : 0) | (perms & PERM_USER ? BIT(TAG_U) : 0) |
	       (perms & PERM_EXEC ? 0 : BIT(TAG_NX));
}

static inline bool inverted_is_main(const struct inverted *inv, pa_t entry)
{
	return entry - inv->table < inv->frames * ENTRY_BYTES;
}

/* The frame of an entry: its place says so, or the link of an overflow entry. */
static inline pfn_t inverted_frame(const struct inverted *inv, pa_t entry, uint64_t link)
{
	return inverted_is_main(inv, entry) ? (entry - inv->table) / ENTRY_BYTES
					    : link >> NEXT_BITS;
}

static inline pa_t inverted_next(uint64_t link)
{
	return (link & (BIT(NEXT_BITS) - 1)) * ENTRY_BYTES;
}

/* Multiplicative hashing by the golden ratio (Knuth, TAOCP 3, 6.4), page and ASID mixed. */
static inline pa_t inverted_anchor(const struct inverted *inv, uint64_t key)
{
	uint64_t page = (key << 16 >> (16 + TAG_VPN)) ^ key >> TAG_ASID << 20;
	uint64_t anchor = page * UINT64_C(0x9e3779b97f4a7c15) >> inv->hash_shift;

	return inv->anchor + (anchor & (inv->anchors - 1)) * ANCHOR_BYTES;
}

static inline uint64_t inverted_load(struct page_table *pt, pa_t pa)
{
	return pt_memory_load(pt->memory, pa, 8);
}

static inline void inverted_store(struct page_table *pt, pa_t pa, uint64_t value)
{
	pt_memory_store(pt->memory, pa, 8, value);
}

/* Looks without counting a load: for walks that look ahead, probes, checks and statistics. */
static inline uint64_t inverted_peek(const struct page_table *pt, pa_t pa)
{
	return walk_load(phys_mem_at(pt->memory->mem, pa), 8);
}

static inline void inverted_decode(const struct inverted *inv, pa_t entry, uint64_t tag,
				   uint64_t link, struct translation *leaf)
{
	leaf->va = inverted_va(tag);
	leaf->pa = inverted_frame(inv, entry, link) << FRAME_LG2;
	leaf->bytes = FRAME_BYTES;
	leaf->page_lg2 = FRAME_LG2;
	leaf->perms = inverted_perms(tag);
	leaf->global = tag & BIT(TAG_G);
	leaf->accessed = tag & BIT(TAG_A);
	leaf->dirty = tag & BIT(TAG_D);
}

/* pt_inverted_index.c. init: room for so many, PW_NOMEM; reserve: room for one more, PW_NOMEM; find: the entry, or 0. */
int inverted_index_init(struct inverted_index *index, const struct host_alloc *alloc,
			uint64_t entries);
int inverted_index_reserve(struct inverted_index *index, const struct host_alloc *alloc);
void inverted_index_add(struct inverted_index *index, uint64_t key, pa_t entry);
void inverted_index_remove(struct inverted_index *index, uint64_t key);
pa_t inverted_index_find(const struct inverted_index *index, uint64_t key);
/* pt_inverted_walk.c, pt_inverted_ops.c, pt_inverted_check.c: pt_ops members */
void inverted_walk_start(const struct walk_input *input, struct walk_state *state);
enum walk_step inverted_walk_next(const struct walk_input *input, struct walk_state *state,
				  const struct walk_reply *reply, struct walk_request *request);
enum fault_kind inverted_probe(const struct walk_input *input, struct translation *leaf,
			       unsigned *level);
int inverted_map(struct pt_space *space, const struct pt_mapping *m,
		 struct pt_displaced *displaced);
int inverted_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx);
int inverted_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		     pt_visit_fn *changed, void *ctx);
int inverted_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf);
int inverted_mark(struct pt_space *space, va_t va, bool dirty);
int inverted_split(struct pt_space *space, va_t va);
int inverted_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx);
void inverted_remove_all(struct pt_space *space);
int inverted_check(struct page_table *pt, const char **what);

#endif
