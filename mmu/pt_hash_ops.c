/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the kernel asks of a hashed table, whatever the store: ranges block by block (or block after
 * block of the whole table, when the range has more of them than the table has buckets), and single
 * pages. All loads and stores are counted through pt_memory.
 */

#include "mmu/pt_hash_entry_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static inline unsigned block_bytes_lg2(const struct hash_table *table)
{
	return FRAME_LG2 + table->block_lg2;
}

/* ---- entering ---- */

static bool mapping_valid(const struct page_table *pt, const struct pt_mapping *m)
{
	return m->page_lg2 < 64 && pt->caps.page_sizes & BIT(m->page_lg2) &&
	       !((m->va | m->pa) & (BIT(m->page_lg2) - 1)) && pt_va_valid(&pt->caps, m->va) &&
	       !(m->pa >> PA_BITS) && (m->attrs.perms & (PERM_READ | PERM_WRITE | PERM_EXEC));
}

static uint64_t entry_of(const struct pt_mapping *m)
{
	return entry_with_perms(m->pa | BIT(ENTRY_VALID), m->attrs.perms) |
	       (m->attrs.global ? BIT(ENTRY_G) : 0) | (m->attrs.accessed ? BIT(ENTRY_A) : 0) |
	       (m->attrs.dirty ? BIT(ENTRY_D) : 0) | (m->page_lg2 > FRAME_LG2 ? BIT(ENTRY_S) : 0);
}

int hash_map(struct pt_space *space, const struct pt_mapping *m, struct pt_displaced *displaced)
{
	struct page_table *pt = space->table;
	struct hash_table *table = pt->format;
	bool super = m->page_lg2 > FRAME_LG2;
	struct hash_place place;
	uint64_t tag, old;
	pa_t at;
	int error;

	if (displaced)
		displaced->happened = false;
	if (!mapping_valid(pt, m))
		return PW_INVALID;
	tag = hash_tag(space, table->block_lg2, m->va);
	if (table->store->find(pt, tag, &place)) {
		if (super || place.tag & TAG_SUPER)
			return PW_EXISTS;
	} else {
		error = table->store->insert(pt, tag, &place);
		if (error)
			return error;
		if (super)
			hash_store_word(pt, place.block, tag | TAG_SUPER);
	}
	at = place.entries + hash_index(table, super ? TAG_SUPER : 0, m->va) * ENTRY_BYTES;
	old = hash_load(pt, at);
	if (old & BIT(ENTRY_VALID))
		return PW_EXISTS;
	hash_store_word(pt, at, old | entry_of(m));
	table->entries++;
	space->mapped += BIT(m->page_lg2 - FRAME_LG2);
	return PW_OK;
}

/* ---- ranges ---- */

struct hash_range {
	struct pt_space *space;
	va_t first, last;
	bool remove; /* else protect */
	uint8_t perms;
	pt_visit_fn *told;
	void *ctx;
};

static void visit_entry(struct hash_range *range, pa_t at, va_t va, uint64_t old)
{
	struct page_table *pt = range->space->table;
	struct hash_table *table = pt->format;
	struct translation leaf;
	uint64_t entry = entry_with_perms(old, range->perms);

	hash_decode(table, va, range->remove ? old : entry, &leaf);
	if (range->remove) {
		hash_store_word(pt, at, old & ENTRY_KEPT_MASK);
		table->entries--;
		range->space->mapped -= leaf.bytes >> FRAME_LG2;
	} else if (entry != old) {
		hash_store_word(pt, at, entry);
	}
	if (range->told)
		range->told(range->ctx, &leaf);
}

/* All entries of a block that lie in the range. True when the block was removed. */
static bool visit_block(struct hash_range *range, const struct hash_place *place)
{
	struct page_table *pt = range->space->table;
	struct hash_table *table = pt->format;
	va_t va = hash_va(table->block_lg2, place->tag);
	unsigned count = place->tag & TAG_SUPER ? 1 : 1u << table->block_lg2, left = 0;

	for (unsigned i = 0; i < count; i++, va += FRAME_BYTES) {
		pa_t at = place->entries + i * ENTRY_BYTES;
		uint64_t entry = hash_load(pt, at);

		if (!(entry & BIT(ENTRY_VALID)))
			continue;
		if (va < range->first || va > range->last) {
			left++;
			continue;
		}
		visit_entry(range, at, va, entry);
		left += !range->remove;
	}
	if (left == 0)
		table->store->remove(pt, place);
	return left == 0;
}

static void visit_all(struct hash_range *range)
{
	struct page_table *pt = range->space->table;
	struct hash_table *table = pt->format;
	struct hash_cursor cursor = { 0 };
	struct hash_place place;

	while (table->store->at(pt, &cursor, &place)) {
		va_t va = hash_va(table->block_lg2, place.tag);

		if ((asid_t)place.tag != range->space->asid || va > range->last ||
		    va + (BIT(block_bytes_lg2(table)) - 1) < range->first ||
		    !visit_block(range, &place))
			table->store->advance(&cursor, &place);
	}
}

/* Does a superpage that holds va reach beyond the range? */
static bool cuts(const struct hash_range *range, va_t va)
{
	struct page_table *pt = range->space->table;
	struct hash_table *table = pt->format;
	va_t begin = va & ~(BIT(block_bytes_lg2(table)) - 1);
	struct hash_place place;

	if (begin >= range->first && begin + (BIT(block_bytes_lg2(table)) - 1) <= range->last)
		return false;
	return table->store->find(pt, hash_tag(range->space, table->block_lg2, va), &place) &&
	       place.tag & TAG_SUPER;
}

static int visit_range(struct hash_range *range, va_t va, uint64_t bytes)
{
	struct page_table *pt = range->space->table;
	struct hash_table *table = pt->format;
	unsigned lg2 = block_bytes_lg2(table);

	if (bytes == 0)
		return PW_OK;
	range->first = va;
	range->last = va + (bytes - 1);
	if (((va | bytes) & (FRAME_BYTES - 1)) || !pt_va_valid(&pt->caps, va) ||
	    !pt_va_valid(&pt->caps, range->last) || range->last < va || bytes >> VA_BITS)
		return PW_INVALID;
	if (table->superpages && (cuts(range, range->first) || cuts(range, range->last)))
		return PW_INVALID;
	if (bytes >> lg2 > BIT(table->bucket_lg2)) {
		visit_all(range);
		return PW_OK;
	}
	for (uint64_t block = range->first >> lg2;; block++) {
		struct hash_place place;

		if (table->store->find(pt, hash_tag(range->space, table->block_lg2, block << lg2),
				       &place))
			visit_block(range, &place);
		if (block == range->last >> lg2)
			return PW_OK;
	}
}

int hash_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx)
{
	struct hash_range range = { .space = space, .remove = true, .told = gone, .ctx = ctx };

	return visit_range(&range, va, bytes);
}

int hash_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		 pt_visit_fn *changed, void *ctx)
{
	struct hash_range range = { .space = space, .perms = perms, .told = changed, .ctx = ctx };

	if (!(perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		return PW_INVALID;
	return visit_range(&range, va, bytes);
}

void hash_remove_all(struct pt_space *space)
{
	struct hash_range all = { .space = space, .last = UINT64_MAX, .remove = true };

	if (space->mapped)
		visit_all(&all);
	assert(space->mapped == 0);
}

/* ---- single pages ---- */

/* Where the entry of the leaf that maps va lies, and what it says; 0 if there is none. */
static pa_t find_entry(struct pt_space *space, va_t va, uint64_t *entry, struct hash_place *place)
{
	struct page_table *pt = space->table;
	struct hash_table *table = pt->format;
	pa_t at;

	if (!pt_va_valid(&pt->caps, va) ||
	    !table->store->find(pt, hash_tag(space, table->block_lg2, va), place))
		return 0;
	at = place->entries + hash_index(table, place->tag, va) * ENTRY_BYTES;
	*entry = hash_load(pt, at);
	return *entry & BIT(ENTRY_VALID) ? at : 0;
}

int hash_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf)
{
	struct page_table *pt = space->table;
	struct hash_place place;
	uint64_t old, entry;
	pa_t at = find_entry(space, va, &old, &place);

	if (!at)
		return PW_ABSENT;
	hash_decode(pt->format, va, old, leaf);
	entry = old & ~((clear & HARVEST_CLEAR_A ? BIT(ENTRY_A) : 0) |
			(clear & HARVEST_CLEAR_D ? BIT(ENTRY_D) : 0));
	if (entry != old)
		hash_store_word(pt, at, entry);
	return PW_OK;
}

int hash_mark(struct pt_space *space, va_t va, bool dirty)
{
	struct hash_place place;
	uint64_t old, entry;
	pa_t at = find_entry(space, va, &old, &place);

	if (!at)
		return PW_ABSENT;
	entry = old | BIT(ENTRY_A) | (dirty ? BIT(ENTRY_D) : 0);
	if (entry != old)
		hash_store_word(space->table, at, entry);
	return PW_OK;
}

/* A superpage's block has room for all its pages: nothing can fail. */
int hash_split(struct pt_space *space, va_t va)
{
	struct page_table *pt = space->table;
	struct hash_table *table = pt->format;
	struct hash_place place;
	uint64_t entry;

	if (!find_entry(space, va, &entry, &place))
		return PW_ABSENT;
	if (!(place.tag & TAG_SUPER))
		return PW_UNSUPPORTED;
	for (unsigned i = 0; i < 1u << table->block_lg2; i++)
		hash_store_word(pt, place.entries + i * ENTRY_BYTES,
				(entry & ~BIT(ENTRY_S)) + ((uint64_t)i << FRAME_LG2));
	hash_store_word(pt, place.block, place.tag & ~TAG_SUPER);
	table->entries += BIT(table->block_lg2) - 1;
	return PW_OK;
}

/* ---- every leaf ---- */

static int compare_leaves(const void *a, const void *b)
{
	va_t left = ((const struct translation *)a)->va,
	     right = ((const struct translation *)b)->va;

	return (left > right) - (left < right);
}

static uint64_t collect(struct pt_space *space, struct translation *leaves)
{
	struct page_table *pt = space->table;
	struct hash_table *table = pt->format;
	struct hash_cursor cursor = { 0 };
	struct hash_place place;
	uint64_t count = 0;

	for (; table->store->at(pt, &cursor, &place); table->store->advance(&cursor, &place)) {
		va_t va = hash_va(table->block_lg2, place.tag);
		unsigned pages = place.tag & TAG_SUPER ? 1 : 1u << table->block_lg2;

		if ((asid_t)place.tag != space->asid)
			continue;
		for (unsigned i = 0; i < pages; i++, va += FRAME_BYTES) {
			uint64_t entry = hash_load(pt, place.entries + i * ENTRY_BYTES);

			if (entry & BIT(ENTRY_VALID))
				hash_decode(table, va, entry, &leaves[count++]);
		}
	}
	return count;
}

int hash_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx)
{
	const struct host_alloc *alloc = space->table->alloc;
	struct translation *leaves;
	uint64_t count;

	if (space->mapped == 0)
		return PW_OK;
	leaves = host_zalloc(alloc, (size_t)space->mapped, sizeof(*leaves));
	if (!leaves)
		return PW_NOMEM;
	count = collect(space, leaves);
	assert(count <= space->mapped);
	qsort(leaves, (size_t)count, sizeof(*leaves), compare_leaves);
	for (uint64_t i = 0; i < count; i++)
		visit(ctx, &leaves[i]);
	host_free(alloc, leaves);
	return PW_OK;
}
