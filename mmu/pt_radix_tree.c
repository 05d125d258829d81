/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The tables of a radix tree, and the cursor that finds an entry in it. */

#include "mmu/pt_radix_private.h"

#include <assert.h>

int table_counts_init(struct table_counts *counts, uint64_t frames, const struct host_alloc *alloc)
{
	counts->chunks = (size_t)((frames + COUNT_CHUNK - 1) >> COUNT_CHUNK_LG2);
	counts->chunk = host_zalloc(alloc, counts->chunks, sizeof(*counts->chunk));
	return counts->chunk ? PW_OK : PW_NOMEM;
}

void table_counts_release(struct table_counts *counts, const struct host_alloc *alloc)
{
	for (size_t i = 0; i < counts->chunks; i++)
		host_free(alloc, counts->chunk[i]);
	host_free(alloc, counts->chunk);
}

static int table_counts_cover(struct table_counts *counts, pa_t table,
			      const struct host_alloc *alloc)
{
	size_t i = (size_t)(table >> FRAME_LG2 >> COUNT_CHUNK_LG2);

	assert(i < counts->chunks);
	if (!counts->chunk[i])
		counts->chunk[i] = host_zalloc(alloc, COUNT_CHUNK, sizeof(**counts->chunk));
	return counts->chunk[i] ? PW_OK : PW_NOMEM;
}

uint32_t *table_count(struct table_counts *counts, pa_t table)
{
	pfn_t pfn = table >> FRAME_LG2;

	return &counts->chunk[pfn >> COUNT_CHUNK_LG2][pfn & (COUNT_CHUNK - 1)];
}

int radix_table_alloc(struct page_table *pt, unsigned level, pa_t *out)
{
	struct radix *radix = radix_of(pt);
	unsigned order = radix->level[level].order;
	uint64_t bytes = (uint64_t)FRAME_BYTES << order;
	pa_t table;
	int error = pt_memory_alloc(pt->memory, order, &table);

	if (error)
		return error;
	/* A frame that an entry's address field cannot hold is as good as none. */
	if (table + bytes > UINT64_C(1) << pt->caps.pa_bits)
		error = PW_NOFRAMES;
	else
		error = table_counts_cover(&radix->counts, table, pt->alloc);
	if (error) {
		pt_memory_free(pt->memory, table, order);
		return error;
	}
	*table_count(&radix->counts, table) = 0;
	radix->tables[level]++;
	*out = table;
	return PW_OK;
}

void radix_table_free(struct page_table *pt, unsigned level, pa_t table)
{
	struct radix *radix = radix_of(pt);
	uint32_t *count = table_count(&radix->counts, table);

	radix->entries -= *count;
	*count = 0;
	radix->tables[level]--;
	pt_memory_free(pt->memory, table, radix->level[level].order);
}

static uint64_t load_entry(struct pt_space *space, pa_t pa)
{
	return pt_memory_load(space->table->memory, pa,
			      1u << radix_of(space->table)->encoding.entry_lg2);
}

/*
 * Post-order, by a stack of one position a level. Tables of level 0 are freed unread: what they
 * map is not ours.
 */
void radix_tables_free_all(struct pt_space *space)
{
	struct radix *radix = radix_of(space->table);
	unsigned top = radix->level_count - 1, level = top;
	pa_t table[PT_LEVELS_MAX];
	uint64_t index[PT_LEVELS_MAX] = { 0 };
	uint32_t left[PT_LEVELS_MAX];

	table[top] = space->root;
	left[top] = *table_count(&radix->counts, space->root);
	for (;;) {
		uint64_t raw;

		if (level == 0 || left[level] == 0) {
			if (level == top)
				break;
			radix_table_free(space->table, level, table[level]);
			level++;
			continue;
		}
		raw = load_entry(space,
				 table[level] + (index[level]++ << radix->encoding.entry_lg2));
		if (!radix_present(radix, raw))
			continue;
		left[level]--;
		if (!radix_is_table(radix, level, raw))
			continue;
		level--;
		table[level] = radix_table_pa(radix, raw);
		index[level] = 0;
		left[level] = *table_count(&radix->counts, table[level]);
	}
	space->mapped = 0;
}

void radix_cursor_start(struct radix_cursor *cursor, struct pt_space *space, va_t masked)
{
	cursor->space = space;
	cursor->radix = radix_of(space->table);
	cursor->va = masked;
	cursor->level = cursor->radix->level_count - 1;
	cursor->table[cursor->level] = space->root;
	cursor->raw = 0;
}

static pa_t cursor_entry_pa(const struct radix_cursor *cursor)
{
	return radix_entry_pa(cursor->radix, cursor->table[cursor->level], cursor->level,
			      cursor->va);
}

void radix_cursor_descend(struct radix_cursor *cursor, unsigned lowest)
{
	const struct radix *radix = cursor->radix;

	for (;;) {
		cursor->raw = load_entry(cursor->space, cursor_entry_pa(cursor));
		if (cursor->level <= lowest || !radix_present(radix, cursor->raw) ||
		    !radix_is_table(radix, cursor->level, cursor->raw))
			return;
		cursor->level--;
		cursor->table[cursor->level] = radix_table_pa(radix, cursor->raw);
	}
}

bool radix_cursor_next(struct radix_cursor *cursor)
{
	const struct radix *radix = cursor->radix;

	cursor->va = (cursor->va | (radix_span(radix, cursor->level) - 1)) + 1;
	if (cursor->va > radix->va_mask)
		return false;
	while (cursor->level + 1 < radix->level_count &&
	       (cursor->va >> radix->level[cursor->level].shift &
		radix->level[cursor->level].index_mask) == 0)
		cursor->level++;
	return true;
}

void radix_cursor_store(struct radix_cursor *cursor, uint64_t raw)
{
	pt_memory_store(cursor->space->table->memory, cursor_entry_pa(cursor),
			1u << cursor->radix->encoding.entry_lg2, raw);
	cursor->raw = raw;
}

void radix_cursor_clear(struct radix_cursor *cursor)
{
	struct radix *radix = cursor->radix;
	unsigned top = radix->level_count - 1;

	for (;;) {
		uint32_t *count = table_count(&radix->counts, cursor->table[cursor->level]);

		radix_cursor_store(cursor, 0);
		radix->entries--;
		if (--*count > 0 || cursor->level == top)
			return;
		if (radix->table_gone)
			radix->table_gone(cursor->space, cursor->level, cursor->va);
		radix_table_free(cursor->space->table, cursor->level, cursor->table[cursor->level]);
		cursor->level++;
	}
}

uint64_t radix_leaf_encode(const struct radix *radix, unsigned level, pa_t pa,
			   const struct pt_attrs *attrs)
{
	const struct radix_encoding *encoding = &radix->encoding;
	uint64_t raw = encoding->present | encoding->level[level].leaf_bits;

	raw |= pa << encoding->address_shift;
	if (attrs->global)
		raw |= encoding->global;
	if (attrs->accessed)
		raw |= encoding->accessed;
	if (attrs->dirty)
		raw |= encoding->dirty;
	return perm_tests_encode(&encoding->leaf, raw, attrs->perms);
}

uint64_t radix_table_encode(const struct radix *radix, pa_t table)
{
	return radix->encoding.table_bits | table << radix->encoding.address_shift;
}

/* Pointers to tables grant everything (table_bits), so the leaf's permissions are the path's. */
void radix_cursor_leaf(const struct radix_cursor *cursor, struct translation *leaf)
{
	const struct radix *radix = cursor->radix;
	uint64_t bytes = radix_span(radix, cursor->level);

	leaf->va = radix_unmask(cursor->space, cursor->va & ~(bytes - 1));
	leaf->pa = radix_leaf_pa(radix, cursor->level, cursor->raw);
	leaf->bytes = bytes;
	leaf->page_lg2 = radix->level[cursor->level].shift;
	leaf->perms = perm_tests_decode(&radix->encoding.leaf, cursor->raw);
	leaf->global = cursor->raw & radix->encoding.global;
	leaf->accessed = cursor->raw & radix->encoding.accessed;
	leaf->dirty = cursor->raw & radix->encoding.dirty;
}
