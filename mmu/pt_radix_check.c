/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Verifies the invariants of pt_radix.c by going through every table of every space. It looks at
 * simulated memory directly, so that a check changes no counter.
 */

#include "mmu/pt_radix_private.h"

struct census {
	uint64_t tables[PT_LEVELS_MAX], entries, mapped;
};

static uint64_t peek(const struct page_table *pt, pa_t pa)
{
	return walk_load(phys_mem_at(pt->memory->mem, pa), 1u << radix_of(pt)->encoding.entry_lg2);
}

/* What is wrong with one table by itself, or NULL. Leaves are added to census->mapped. */
static const char *check_table(const struct page_table *pt, unsigned level, pa_t table,
			       struct census *census)
{
	struct radix *radix = radix_of(pt);
	const struct radix_level_encoding *encoding = &radix->encoding.level[level];
	uint64_t slots = radix->level[level].index_mask + 1;
	uint32_t used = 0;

	if (!phys_mem_holds(pt->memory->mem, table, slots << radix->encoding.entry_lg2))
		return "a table lies outside physical memory";
	census->tables[level]++;
	for (uint64_t i = 0; i < slots; i++) {
		uint64_t raw = peek(pt, table + (i << radix->encoding.entry_lg2));
		bool is_table = radix_is_table(radix, level, raw);

		if (!radix_present(radix, level, raw)) {
			if (raw != 0)
				return "an absent entry is not zero";
			continue;
		}
		used++;
		if (raw & (is_table ? encoding->table_reserved : encoding->leaf_reserved))
			return "a reserved bit is set";
		if (!is_table)
			census->mapped += radix_span(radix, level) >> radix->level[0].shift;
	}
	census->entries += used;
	if (used != *table_count(&radix->counts, table))
		return "the count of a table differs from its present entries";
	if (used == 0 && level + 1 < radix->level_count)
		return "a table is empty";
	return NULL;
}

static const char *check_space(const struct pt_space *space, struct census *census)
{
	const struct page_table *pt = space->table;
	const struct radix *radix = radix_of(pt);
	unsigned top = radix->level_count - 1, level = top;
	uint64_t index[PT_LEVELS_MAX] = { 0 };
	pa_t table[PT_LEVELS_MAX];
	const char *wrong;

	table[top] = space->root;
	wrong = check_table(pt, top, space->root, census);
	while (!wrong) {
		uint64_t raw;

		if (level == 0 || index[level] > radix->level[level].index_mask) {
			if (level == top)
				break;
			level++;
			continue;
		}
		raw = peek(pt, table[level] + (index[level]++ << radix->encoding.entry_lg2));
		if (!radix_present(radix, level, raw) || !radix_is_table(radix, level, raw))
			continue;
		level--;
		table[level] = radix_table_pa(radix, raw);
		index[level] = 0;
		wrong = check_table(pt, level, table[level], census);
	}
	return wrong;
}

int radix_check(struct page_table *pt, const char **what)
{
	struct radix *radix = radix_of(pt);
	struct census census = { 0 };
	uint64_t bytes = 0;

	*what = NULL;
	for (struct pt_space *space = radix->spaces; space && !*what;
	     space = ((struct radix_space *)space->format)->next) {
		uint64_t before = census.mapped;

		bytes += space->table_bytes;
		*what = check_space(space, &census);
		if (!*what && census.mapped - before != space->mapped)
			*what = "space->mapped differs from the leaves";
	}
	if (!*what)
		*what = table_pool_check(&radix->pool);
	if (!*what && census.entries != radix->entries)
		*what = "the number of entries differs from the tables";
	for (unsigned i = 0; i < radix->level_count && !*what; i++)
		if (census.tables[i] != radix->tables[i])
			*what = "the number of tables differs from the trees";
	for (unsigned i = 0; i < radix->level_count; i++)
		bytes -= radix->tables[i] << radix->level[i].slot_lg2;
	if (!*what && bytes != 0)
		*what = "the bytes of spaces' tables are not those of all tables";
	return *what ? PW_CORRUPT : PW_OK;
}
