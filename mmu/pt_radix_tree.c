/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The tables of a radix tree, and the cursor that finds an entry in it. */

#include "mmu/pt_radix_private.h"

#include <assert.h>

/* Whole frames, or a part of one from the pool. Below `limit`: else as good as none. */
static int memory_alloc(struct page_table *pt, unsigned slot_lg2, pa_t limit, pa_t *out)
{
	unsigned order = slot_lg2 - FRAME_LG2;
	int error;

	if (slot_lg2 < FRAME_LG2)
		return table_pool_alloc(&radix_of(pt)->pool, pt, slot_lg2, limit, out);
	error = pt_memory_alloc(pt->memory, order, out);
	if (!error && *out + (UINT64_C(1) << slot_lg2) > limit) {
		pt_memory_free(pt->memory, *out, order);
		error = PW_NOFRAMES;
	}
	return error;
}

static void memory_free(struct page_table *pt, unsigned slot_lg2, pa_t table)
{
	if (slot_lg2 < FRAME_LG2)
		table_pool_free(&radix_of(pt)->pool, pt, table);
	else
		pt_memory_free(pt->memory, table, slot_lg2 - FRAME_LG2);
}

int radix_table_alloc(struct pt_space *space, unsigned level, pa_t *out)
{
	struct page_table *pt = space->table;
	struct radix *radix = radix_of(pt);
	unsigned slot_lg2 = radix->level[level].slot_lg2;
	bool anywhere = radix->encoding.root_anywhere && level == radix->level_count - 1;
	pa_t table;
	int error = memory_alloc(pt, slot_lg2,
				 anywhere ? UINT64_MAX : UINT64_C(1) << pt->caps.pa_bits, &table);

	if (error)
		return error;
	error = table_counts_cover(&radix->counts, table, pt->alloc);
	if (error) {
		memory_free(pt, slot_lg2, table);
		return error;
	}
	*table_count(&radix->counts, table) = 0;
	radix->tables[level]++;
	space->table_bytes += UINT64_C(1) << slot_lg2;
	*out = table;
	return PW_OK;
}

void radix_table_free(struct pt_space *space, unsigned level, pa_t table)
{
	struct radix *radix = radix_of(space->table);
	uint32_t *count = table_count(&radix->counts, table);

	radix->entries -= *count;
	*count = 0;
	radix->tables[level]--;
	space->table_bytes -= UINT64_C(1) << radix->level[level].slot_lg2;
	memory_free(space->table, radix->level[level].slot_lg2, table);
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
			radix_table_free(space, level, table[level]);
			level++;
			continue;
		}
		raw = load_entry(space,
				 table[level] + (index[level]++ << radix->encoding.entry_lg2));
		if (!radix_present(radix, level, raw))
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
		if (cursor->level <= lowest || !radix_cursor_present(cursor) ||
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
		radix_table_free(cursor->space, cursor->level, cursor->table[cursor->level]);
		cursor->level++;
	}
}

bool radix_cursor_present(const struct radix_cursor *cursor)
{
	return radix_present(cursor->radix, cursor->level, cursor->raw);
}

uint64_t radix_leaf_encode(const struct radix *radix, unsigned level, pa_t pa,
			   const struct pt_attrs *attrs)
{
	const struct radix_encoding *e = &radix->encoding;
	uint64_t raw = 0;

	if (attrs->global)
		raw |= e->global;
	if (attrs->accessed)
		raw |= e->accessed;
	if (attrs->dirty)
		raw |= e->dirty_soft;
	if (attrs->dirty && (!e->dirty_soft || attrs->perms & PERM_WRITE))
		raw |= e->dirty;
	return (raw ^ e->inverted) | e->level[level].leaf_bits | e->perms.encode[attrs->perms] |
	       rotate_right(pa, -(unsigned)e->address_shift);
}

struct pt_attrs radix_leaf_attrs(const struct radix *radix, uint64_t raw)
{
	const struct radix_encoding *e = &radix->encoding;
	uint64_t normal = raw ^ e->inverted;

	return (struct pt_attrs){
		.perms = perm_decode(&e->perms, raw) & PERMS_ALL,
		.global = normal & e->global,
		.accessed = normal & e->accessed,
		.dirty = normal & (e->dirty | e->dirty_soft),
	};
}

uint64_t radix_table_encode(const struct radix *radix, unsigned level, pa_t table)
{
	return radix->encoding.level[level].table_bits |
	       rotate_right(table, -(unsigned)radix->encoding.address_shift);
}

/* Pointers to tables grant everything (table_bits), so the leaf's permissions are the path's. */
void radix_cursor_leaf(const struct radix_cursor *cursor, struct translation *leaf)
{
	const struct radix *radix = cursor->radix;
	const struct pt_attrs attrs = radix_leaf_attrs(radix, cursor->raw);
	uint64_t bytes = radix_span(radix, cursor->level);

	leaf->va = radix_unmask(cursor->space, cursor->va & ~(bytes - 1));
	leaf->pa = radix_leaf_pa(radix, cursor->level, cursor->raw);
	leaf->bytes = bytes;
	leaf->page_lg2 = radix->level[cursor->level].shift;
	leaf->perms = attrs.perms;
	leaf->global = attrs.global;
	leaf->accessed = attrs.accessed;
	leaf->dirty = attrs.dirty;
}
