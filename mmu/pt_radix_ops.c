/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the kernel asks of a radix table: map, unmap, protect, harvest, mark, split, for_each. */

#include "mmu/pt_radix_private.h"

static uint64_t base_pages(const struct radix *radix, unsigned level)
{
	return radix_span(radix, level) >> radix->level[0].shift;
}

static int level_of_page(const struct radix *radix, unsigned page_lg2)
{
	for (unsigned i = 0; i < radix->level_count; i++)
		if (radix->level[i].shift == page_lg2 && radix->level[i].leaf_allowed)
			return (int)i;
	return -1;
}

static bool mapping_valid(const struct pt_space *space, const struct pt_mapping *m)
{
	uint64_t bytes = UINT64_C(1) << m->page_lg2;

	return !((m->va | m->pa) & (bytes - 1)) && pt_va_valid(&space->table->caps, m->va) &&
	       m->pa >> space->table->caps.pa_bits == 0 &&
	       (m->attrs.perms & (PERM_READ | PERM_WRITE | PERM_EXEC));
}

/* tables[low .. high): all or none. */
static int alloc_tables(struct pt_space *space, unsigned low, unsigned high, pa_t *tables)
{
	for (unsigned i = high; i-- > low;) {
		int error = radix_table_alloc(space, i, &tables[i]);

		if (!error)
			continue;
		while (++i < high)
			radix_table_free(space, i, tables[i]);
		return error;
	}
	return PW_OK;
}

int radix_map(struct pt_space *space, const struct pt_mapping *mapping,
	      struct pt_displaced *displaced)
{
	struct radix *radix = radix_of(space->table);
	int target = level_of_page(radix, mapping->page_lg2);
	pa_t fresh[PT_LEVELS_MAX];
	struct radix_cursor cursor;
	unsigned high;
	uint64_t raw;
	int error;

	if (displaced)
		displaced->happened = false;
	if (target < 0 || !mapping_valid(space, mapping))
		return PW_INVALID;
	radix_cursor_start(&cursor, space, mapping->va & radix->va_mask);
	radix_cursor_descend(&cursor, (unsigned)target);
	if (radix_cursor_present(&cursor))
		return PW_EXISTS;
	high = cursor.level;
	error = alloc_tables(space, (unsigned)target, high, fresh);
	if (error)
		return error;
	raw = radix_leaf_encode(radix, (unsigned)target, mapping->pa, &mapping->attrs);
	for (unsigned level = (unsigned)target; level <= high; level++) {
		cursor.level = level;
		if (level < high)
			cursor.table[level] = fresh[level];
		radix_cursor_store(&cursor, raw);
		++*table_count(&radix->counts, cursor.table[level]);
		radix->entries++;
		if (level < high)
			raw = radix_table_encode(radix, level + 1, cursor.table[level]);
	}
	space->mapped += base_pages(radix, (unsigned)target);
	return PW_OK;
}

/* Whole base pages within one half of the address space. */
static bool range_valid(const struct pt_space *space, va_t va, uint64_t bytes)
{
	const struct radix *radix = radix_of(space->table);
	const struct pt_caps *caps = &space->table->caps;
	uint64_t offset_mask = radix_span(radix, 0) - 1;
	va_t last = va + bytes - 1;

	return !((va | bytes) & offset_mask) && pt_va_valid(caps, va) && pt_va_valid(caps, last) &&
	       bytes - 1 == (last & radix->va_mask) - (va & radix->va_mask) && bytes > 0;
}

/* The cursor stands on a leaf that lies partly outside [first, last], both masked. */
static bool leaf_sticks_out(const struct radix_cursor *cursor, va_t first, va_t last)
{
	uint64_t span = radix_span(cursor->radix, cursor->level);
	va_t start = cursor->va & ~(span - 1);

	return radix_cursor_present(cursor) && (start < first || start + (span - 1) > last);
}

/*
 * Puts the cursor on the entry of the range's first page; PW_INVALID when a large leaf lies across
 * either end. Only the two ends can be cut, and a range within one table of base pages has none.
 */
static int range_start(struct radix_cursor *cursor, struct pt_space *space, va_t va, uint64_t bytes)
{
	struct radix *radix = radix_of(space->table);
	va_t first = va & radix->va_mask, last = first + (bytes - 1);
	struct radix_cursor end;

	if (!range_valid(space, va, bytes))
		return PW_INVALID;
	radix_cursor_start(cursor, space, first);
	radix_cursor_descend(cursor, 0);
	if (leaf_sticks_out(cursor, first, last))
		return PW_INVALID;
	if (first >> radix->level[cursor->level].shift == last >> radix->level[cursor->level].shift)
		return PW_OK;
	if (cursor->level == 0 && radix->level_count > 1 &&
	    first >> radix->level[1].shift == last >> radix->level[1].shift)
		return PW_OK;
	if (radix->level_count == 1)
		return PW_OK;
	radix_cursor_start(&end, space, last);
	radix_cursor_descend(&end, 0);
	return leaf_sticks_out(&end, first, last) ? PW_INVALID : PW_OK;
}

int radix_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx)
{
	struct radix *radix = radix_of(space->table);
	va_t last = (va & radix->va_mask) + (bytes - 1);
	struct radix_cursor cursor;
	struct translation leaf;
	int error;

	if (bytes == 0)
		return PW_OK;
	error = range_start(&cursor, space, va, bytes);
	if (error)
		return error;
	for (;;) {
		if (radix_cursor_present(&cursor)) {
			radix_cursor_leaf(&cursor, &leaf);
			space->mapped -= base_pages(radix, cursor.level);
			radix_cursor_clear(&cursor);
			if (gone)
				gone(ctx, &leaf);
		}
		if (!radix_cursor_next(&cursor) || cursor.va > last)
			return PW_OK;
		radix_cursor_descend(&cursor, 0);
	}
}

/* The leaf on which the cursor stands gets these attributes. */
static void store_attrs(struct radix_cursor *cursor, const struct pt_attrs *attrs)
{
	pa_t pa = radix_leaf_pa(cursor->radix, cursor->level, cursor->raw);
	uint64_t raw = radix_leaf_encode(cursor->radix, cursor->level, pa, attrs);

	if (raw != cursor->raw)
		radix_cursor_store(cursor, raw);
}

int radix_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		  pt_visit_fn *changed, void *ctx)
{
	struct radix *radix = radix_of(space->table);
	va_t last = (va & radix->va_mask) + (bytes - 1);
	struct radix_cursor cursor;
	struct translation leaf;
	int error;

	if (bytes == 0)
		return PW_OK;
	if (!(perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		return PW_INVALID;
	error = range_start(&cursor, space, va, bytes);
	if (error)
		return error;
	for (;;) {
		if (radix_cursor_present(&cursor)) {
			struct pt_attrs attrs = radix_leaf_attrs(radix, cursor.raw);

			attrs.perms = perms;
			store_attrs(&cursor, &attrs);
			radix_cursor_leaf(&cursor, &leaf);
			if (changed)
				changed(ctx, &leaf);
		}
		if (!radix_cursor_next(&cursor) || cursor.va > last)
			return PW_OK;
		radix_cursor_descend(&cursor, 0);
	}
}

static int find_leaf(struct radix_cursor *cursor, struct pt_space *space, va_t va)
{
	const struct radix *radix = radix_of(space->table);

	if (!pt_va_valid(&space->table->caps, va))
		return PW_ABSENT;
	radix_cursor_start(cursor, space, va & radix->va_mask);
	radix_cursor_descend(cursor, 0);
	return radix_cursor_present(cursor) ? PW_OK : PW_ABSENT;
}

int radix_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf)
{
	struct radix_cursor cursor;
	struct pt_attrs attrs;
	int error = find_leaf(&cursor, space, va);

	if (error)
		return error;
	radix_cursor_leaf(&cursor, leaf);
	if (clear == HARVEST_READ)
		return PW_OK;
	attrs = radix_leaf_attrs(cursor.radix, cursor.raw);
	attrs.accessed = attrs.accessed && !(clear & HARVEST_CLEAR_A);
	attrs.dirty = attrs.dirty && !(clear & HARVEST_CLEAR_D);
	store_attrs(&cursor, &attrs);
	return PW_OK;
}

int radix_mark(struct pt_space *space, va_t va, bool dirty)
{
	struct radix_cursor cursor;
	struct pt_attrs attrs;
	int error = find_leaf(&cursor, space, va);

	if (error)
		return error;
	attrs = radix_leaf_attrs(cursor.radix, cursor.raw);
	attrs.accessed = true;
	attrs.dirty = attrs.dirty || dirty;
	store_attrs(&cursor, &attrs);
	return PW_OK;
}

/* Sizes with a level between them that has no leaves are not split: that would be many tables. */
int radix_split(struct pt_space *space, va_t va)
{
	struct radix *radix = radix_of(space->table);
	struct radix_cursor cursor;
	struct translation leaf;
	struct pt_attrs attrs;
	unsigned level;
	uint64_t entries;
	pa_t table;
	int error = find_leaf(&cursor, space, va);

	if (error)
		return error;
	if (cursor.level == 0 || !radix->level[cursor.level - 1].leaf_allowed)
		return PW_UNSUPPORTED;
	level = cursor.level - 1;
	error = radix_table_alloc(space, level, &table);
	if (error)
		return error;
	radix_cursor_leaf(&cursor, &leaf);
	attrs = (struct pt_attrs){ leaf.perms, leaf.global, leaf.accessed, leaf.dirty };
	entries = radix->level[level].index_mask + 1;
	for (uint64_t i = 0; i < entries; i++)
		pt_memory_store(space->table->memory, table + (i << radix->encoding.entry_lg2),
				1u << radix->encoding.entry_lg2,
				radix_leaf_encode(radix, level,
						  leaf.pa + i * radix_span(radix, level), &attrs));
	*table_count(&radix->counts, table) = (uint32_t)entries;
	radix->entries += entries;
	radix_cursor_store(&cursor, radix_table_encode(radix, cursor.level, table));
	return PW_OK;
}

int radix_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx)
{
	struct radix_cursor cursor;
	struct translation leaf;

	radix_cursor_start(&cursor, space, 0);
	do {
		radix_cursor_descend(&cursor, 0);
		if (!radix_cursor_present(&cursor))
			continue;
		radix_cursor_leaf(&cursor, &leaf);
		visit(ctx, &leaf);
	} while (radix_cursor_next(&cursor));
	return PW_OK;
}
