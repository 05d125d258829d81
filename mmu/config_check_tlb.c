/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The TLB tree's part of mmu_config_check(). */

#include "mmu/config_check_private.h"

#include <string.h>

enum { RANGE_ENTRIES_MAX = 256 };

static int check_page_sizes(struct path path, const struct tlb_array_config *array)
{
	uint64_t seen = 0;

	if (array->page_size_count == 0 || array->page_size_count > TLB_PAGE_SIZES_MAX)
		return path_complain(path, "page_sizes", "a list of 1 to 8 page sizes");
	for (unsigned i = 0; i < array->page_size_count; i++) {
		unsigned lg2 = array->page_lg2[i];

		if (lg2 < CHECK_PAGE_LG2_MIN || lg2 > CHECK_PAGE_LG2_MAX)
			return path_complain(path, "page_sizes", "from 2^4 to 2^52 bytes");
		if (seen >> lg2 & 1)
			return path_complain(path, "page_sizes", "different from each other");
		if (array->probe == PROBE_PARALLEL && seen >> lg2)
			return path_complain(path, "page_sizes",
					     "in ascending order, unless probe is serial");
		seen |= (uint64_t)1 << lg2;
	}
	return PW_OK;
}

static int check_wired(struct path path, const struct tlb_array_config *array)
{
	unsigned ways = array->ways ? array->ways : array->entries;

	if (array->wired >= ways)
		return path_complain(path, "wired", "from 0 to one less than the ways");
	if (array->wired > 0 && array->replacement == REPLACE_TREE_PLRU &&
	    !(is_power_of_two(array->wired) && is_power_of_two(ways - array->wired)))
		return path_complain(path, "wired",
				     "half the ways, for tree-plru: both parts are powers of two");
	return PW_OK;
}

/* A group of coalesced pages is smaller than the next size that the array holds. */
static int check_coalesce(struct path path, const struct tlb_array_config *array)
{
	unsigned smallest = array->page_lg2[0], lg2 = 0;

	if (array->coalesce <= 1)
		return PW_OK;
	if (!is_power_of_two(array->coalesce) || array->coalesce > TLB_COALESCE_MAX)
		return path_complain(path, "coalesce", "1, 2, 4, 8 or 16");
	while (1u << lg2 < array->coalesce)
		lg2++;
	for (unsigned i = 1; i < array->page_size_count; i++) {
		if (array->page_lg2[i] < smallest)
			smallest = array->page_lg2[i];
	}
	for (unsigned i = 0; i < array->page_size_count; i++) {
		if (array->page_lg2[i] > smallest && array->page_lg2[i] <= smallest + lg2)
			return path_complain(
				path, "coalesce",
				"such that a group is smaller than the next page size held");
	}
	return PW_OK;
}

/* Arrays of entries of any length are compared with every address at once. */
static int check_kind(struct path path, const struct tlb_array_config *array)
{
	if ((unsigned)array->kind >= TLB_ARRAY_KIND_COUNT)
		return path_complain(path, "kind", "pages, segment or ranges");
	if (array->kind == TLB_PAGES)
		return PW_OK;
	if (array->page_size_count != 1)
		return path_complain(path, "page_sizes",
				     "the base page alone, for segments and ranges");
	if (array->ways != 0 && array->ways != array->entries)
		return path_complain(path, "ways", "full, for segments and ranges");
	if (array->kind == TLB_SEGMENT && array->entries != 1)
		return path_complain(path, "entries", "1, for a direct segment");
	if (array->entries > RANGE_ENTRIES_MAX)
		return path_complain(path, "entries", "from 1 to 256, for ranges");
	if (array->coalesce > 1 || array->wired > 0)
		return path_complain(path, "kind",
				     "pages, for an array that coalesces or has wired ways");
	return PW_OK;
}

static int check_tlb_array(struct path path, const struct tlb_array_config *array)
{
	int error = check_name(path, array->name);

	if (error)
		return error;
	if (strcmp(array->name, "instruction") == 0 || strcmp(array->name, "data") == 0)
		return path_complain(
			path, "name",
			"other than instruction and data, which name a level's counters");
	if ((unsigned)array->side < SIDE_INSTRUCTION || (unsigned)array->side > SIDE_BOTH)
		return path_complain(path, "side", "instruction, data or both");
	if ((unsigned)array->probe > PROBE_SERIAL)
		return path_complain(path, "probe", "parallel or serial");
	error = check_page_sizes(path, array);
	if (error)
		return error;
	if (array->latency > CHECK_CYCLES_MAX)
		return path_complain(path, "latency", MUST_BE_CYCLES);
	error = check_kind(path, array);
	if (!error)
		error = check_coalesce(path, array);
	if (!error)
		error = check_entries(path, array->entries, array->ways, array->replacement);
	return error ? error : check_wired(path, array);
}

static uint64_t page_size_set(const struct tlb_array_config *array)
{
	uint64_t set = 0;

	if (array->kind != TLB_PAGES)
		return 0;
	for (unsigned i = 0; i < array->page_size_count; i++)
		set |= (uint64_t)1 << array->page_lg2[i];
	return set;
}

static int check_tlb_level(struct path path, const struct tlb_level_config *level)
{
	int error = check_name(path, level->name);

	if (error)
		return error;
	if ((unsigned)level->relation >= TLB_RELATION_COUNT)
		return path_complain(path, "relation", "neither, inclusive or exclusive");
	if (level->array_count == 0 || level->array_count > TLB_ARRAYS_MAX)
		return path_complain(path, NULL, "a level of 1 to 8 arrays");
	for (unsigned i = 0; i < level->array_count; i++) {
		const struct tlb_array_config *array = &level->array[i];
		struct path child = path_child(path, array->name, i);

		error = check_tlb_array(child, array);
		if (error)
			return error;
		for (unsigned j = 0; j < i; j++) {
			const struct tlb_array_config *other = &level->array[j];

			if (strcmp(array->name, other->name) == 0)
				return path_complain(child, "name", "used once in a level");
			if ((array->side & other->side) &&
			    (page_size_set(array) & page_size_set(other)))
				return path_complain(
					child, "page_sizes",
					"held by one array of the level for each side");
		}
	}
	return PW_OK;
}

/* Ranges stand beside pages: what a level holds for a side begins with pages. */
static int check_ranges(struct path path, const struct tlb_level_config *level)
{
	unsigned paged = 0;

	for (unsigned i = 0; i < level->array_count; i++) {
		if (level->array[i].kind == TLB_PAGES)
			paged |= (unsigned)level->array[i].side;
	}
	for (unsigned i = 0; i < level->array_count; i++) {
		if ((unsigned)level->array[i].side & ~paged)
			return path_complain(
				path_child(path, level->array[i].name, i), "side",
				"one that an array of pages in the same level serves too");
	}
	return PW_OK;
}

/* The page sizes that a level holds for both sides in one array, or for each in any. */
static uint64_t sizes_of(const struct tlb_level_config *level, bool unified)
{
	uint64_t sizes = 0;

	for (unsigned i = 0; i < level->array_count; i++) {
		if (!unified || level->array[i].side == SIDE_BOTH)
			sizes |= page_size_set(&level->array[i]);
	}
	return sizes;
}

/*
 * Covering, or being the victims of, a unified array needs one array: with two, a page brought in
 * by fetches and one brought in by loads would be looked for in different places.
 */
static int check_relation(struct path path, const struct tlb_config *tlb, unsigned level)
{
	const struct tlb_level_config *below = &tlb->level[level];
	uint64_t split = sizes_of(below, false) & ~sizes_of(below, true);

	if (below->relation == RELATION_NEITHER)
		return PW_OK;
	if (level == 0)
		return path_complain(path, "relation",
				     "neither: there is no level above the first");
	for (unsigned above = 0; above < level; above++) {
		if (sizes_of(&tlb->level[above], true) & split)
			return path_complain(
				path, "relation",
				"neither: a level above has one array for both sides of a "
				"page size, this one has not");
	}
	return PW_OK;
}

/* What one entry of a level may hold of this size for a side, in pages; 0: nothing. */
static unsigned pages_an_entry(const struct tlb_level_config *level, unsigned side, unsigned lg2)
{
	uint64_t smaller = ((uint64_t)1 << lg2) - 1;

	for (unsigned i = 0; i < level->array_count; i++) {
		const struct tlb_array_config *array = &level->array[i];

		if ((array->side & side) && page_size_set(array) >> lg2 & 1)
			return array->coalesce > 1 && !(page_size_set(array) & smaller)
				       ? array->coalesce
				       : 1;
	}
	return 0;
}

/* Levels that answer for each other's entries must be able to hold the same ones. */
static int check_coalescing(struct path path, const struct tlb_config *tlb, unsigned level)
{
	const struct tlb_level_config *below = &tlb->level[level];

	if (below->relation == RELATION_NEITHER)
		return PW_OK;
	for (unsigned above = 0; above < level; above++) {
		for (unsigned lg2 = CHECK_PAGE_LG2_MIN; lg2 <= CHECK_PAGE_LG2_MAX; lg2++) {
			for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
				unsigned here = pages_an_entry(below, side, lg2);
				unsigned there = pages_an_entry(&tlb->level[above], side, lg2);

				if (here && there && here != there)
					return path_complain(
						path, "relation",
						"neither: a level above coalesces another "
						"number of pages of a size that both hold");
			}
		}
	}
	return PW_OK;
}

int check_tlb(struct path path, const struct tlb_config *tlb)
{
	if (tlb->level_count > TLB_LEVELS_MAX)
		return path_complain(path, NULL, "at most 4 levels");
	for (unsigned i = 0; i < tlb->level_count; i++) {
		struct path child = path_child(path, tlb->level[i].name, i);
		int error = check_tlb_level(child, &tlb->level[i]);

		if (!error)
			error = check_ranges(child, &tlb->level[i]);
		if (!error)
			error = check_relation(child, tlb, i);
		if (!error)
			error = check_coalescing(child, tlb, i);
		if (error)
			return error;
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(tlb->level[i].name, tlb->level[j].name) == 0)
				return path_complain(child, "name",
						     "used once among the TLB levels");
		}
	}
	return PW_OK;
}

/* Does any level hold the base page for a side; or has the side no TLB at all? */
static bool serves_base_page(const struct tlb_config *tlb, unsigned side, uint64_t base_page)
{
	bool any = false;

	for (unsigned i = 0; i < tlb->level_count; i++) {
		for (unsigned j = 0; j < tlb->level[i].array_count; j++) {
			const struct tlb_array_config *array = &tlb->level[i].array[j];

			if (!(array->side & side))
				continue;
			if (page_size_set(array) & base_page)
				return true;
			any = any || array->kind == TLB_PAGES;
		}
	}
	return !any;
}

static int check_array_sizes(struct path path, const struct tlb_array_config *array,
			     uint64_t table_sizes, bool all_known)
{
	uint64_t set = page_size_set(array);

	if (set & ((table_sizes & -table_sizes) - 1))
		return path_complain(path, "page_sizes",
				     "no smaller than the page table's base page");
	if (all_known && (set & ~table_sizes))
		return path_complain(
			path, "page_sizes",
			"sizes that an entry of the page table can cover at some level");
	return PW_OK;
}

int check_tlb_page_sizes(struct path path, const struct tlb_config *tlb, uint64_t table_sizes)
{
	uint64_t base_page = table_sizes & -table_sizes;
	bool all_known = table_sizes != base_page; /* a table with levels says all of them */

	for (unsigned i = 0; i < tlb->level_count; i++) {
		struct path child = path_child(path, tlb->level[i].name, i);

		for (unsigned j = 0; j < tlb->level[i].array_count; j++) {
			const struct tlb_array_config *array = &tlb->level[i].array[j];
			int error = check_array_sizes(path_child(child, array->name, j), array,
						      table_sizes, all_known);

			if (error)
				return error;
		}
	}
	path.complaint->field[path.length] = '\0'; /* no longer that of an array */
	for (unsigned side = SIDE_INSTRUCTION; side < SIDE_BOTH; side++)
		if (!serves_base_page(tlb, side, base_page))
			return path_complain(
				path, NULL,
				"levels of which one holds the page table's base page, "
				"for each side that has any");
	return PW_OK;
}
