/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The TLB tree looked at from outside: its counters, its reach, and its invariants as numbered in
 * tlb.h. Nothing here changes anything.
 */

#include "mmu/tlb_private.h"

#include "mmu/counter_name.h"
#include "mmu/tlb_array_private.h"
#include "mmu/tlb_classify.h"

/* ---- counters ---- */

static void visit_array(const struct tlb_array *array, const struct counter_name *prefix,
			counter_visit_fn *visit, void *ctx)
{
	const struct tlb_array_counts *n = &array->count;
	const struct counter_row rows[] = {
		{ "hits", "lookups that this TLB array answered", n->hits },
		{ "fills", "entries written into this TLB array", n->fills },
		{ "demand_fills", "of the fills, those after a page walk", n->demand_fills },
		{ "evictions", "entries displaced by another page", n->evictions },
		{ "invalidations", "entries invalidated", n->invalidations },
		{ "replaced", "fills that renewed the entry of the same page", n->replaced },
		{ "moved", "entries that a hit moved to the level above", n->moved },
		{ "coalesced", "of the fills, those with more than one page", n->coalesced },
	};
	struct counter_name name = *prefix;

	counter_name_add(&name, array->config->name);
	counter_rows_visit(&name, rows, sizeof(rows) / sizeof(*rows) - (array->coalesce_lg2 == 0),
			   visit, ctx);
}

/* "4K", "2M", "1G", "64": a power of two in its largest binary unit. */
static void add_size(struct counter_name *name, unsigned lg2)
{
	static const char units[] = "BKMGTPE";
	unsigned number = 1u << lg2 % 10, length = 0;
	char text[6];

	for (unsigned digit = 1000; digit > 0; digit /= 10) {
		if (number >= digit)
			text[length++] = (char)('0' + number / digit % 10);
	}
	if (lg2 >= 10)
		text[length++] = units[lg2 / 10];
	text[length] = '\0';
	counter_name_add(name, text);
}

static void visit_reach(const struct tlb *tlb, unsigned level, enum tlb_side side,
			const struct counter_name *prefix, counter_visit_fn *visit, void *ctx)
{
	const struct tlb_level *at = &tlb->level[level];
	unsigned fetch = side == SIDE_INSTRUCTION;
	struct counter_name name = *prefix;

	counter_name_add(&name, "reach_in_use_bytes");
	visit(ctx, name.text, "memory that the entries of the TLB level cover now",
	      tlb_reach_in_use_bytes(tlb, level, side));
	for (unsigned i = 0; i < at->step_count[fetch]; i++) {
		unsigned page_lg2 = at->step[fetch][i].page_lg2;

		name = *prefix;
		counter_name_add(&name, "reach_bytes");
		add_size(&name, page_lg2);
		visit(ctx, name.text,
		      "memory that the TLB level can cover with entries of this page size alone",
		      tlb_reach_bytes(tlb, level, side, page_lg2));
	}
}

static void visit_classes(const struct tlb *tlb, unsigned level, enum tlb_side side,
			  const struct counter_name *prefix, counter_visit_fn *visit, void *ctx)
{
	const struct counter_row rows[] = {
		{ "miss_cold", "of the misses, those of pages that the TLB level never had",
		  tlb_classified(tlb, level, side, MISS_COLD) },
		{ "miss_capacity", "those that a fully associative array of that size has too",
		  tlb_classified(tlb, level, side, MISS_CAPACITY) },
		{ "miss_conflict", "those that it would not have had",
		  tlb_classified(tlb, level, side, MISS_CONFLICT) },
		{ "miss_flush", "those of pages that an invalidation had taken out",
		  tlb_classified(tlb, level, side, MISS_FLUSH) },
	};

	if (tlb->classifier)
		counter_rows_visit(prefix, rows, sizeof(rows) / sizeof(*rows), visit, ctx);
}

static void visit_side(const struct tlb *tlb, unsigned number, enum tlb_side side,
		       const struct counter_name *prefix, counter_visit_fn *visit, void *ctx)
{
	const struct tlb_level *level = &tlb->level[number];
	const struct tlb_level_counts *n = &level->count[side];
	const struct counter_row rows[] = {
		{ "hits", "lookups from this side that the TLB level answered", n->hits },
		{ "misses", "lookups from this side that the TLB level did not answer", n->misses },
	};
	struct counter_name name = *prefix;

	if (level->step_count[side == SIDE_INSTRUCTION] == 0)
		return;
	counter_name_add(&name, side == SIDE_INSTRUCTION ? "instruction" : "data");
	counter_rows_visit(&name, rows, sizeof(rows) / sizeof(*rows), visit, ctx);
	visit_classes(tlb, number, side, &name, visit, ctx);
	visit_reach(tlb, number, side, &name, visit, ctx);
}

void tlb_visit_counters(const struct tlb *tlb, counter_visit_fn *visit, void *ctx)
{
	tlb_settle(tlb);
	for (unsigned i = 0; i < tlb->level_count; i++) {
		const struct tlb_level *level = &tlb->level[i];
		struct counter_name prefix = { .length = 0 };

		counter_name_add(&prefix, "tlb");
		counter_name_add(&prefix, level->config->name);
		visit_side(tlb, i, SIDE_INSTRUCTION, &prefix, visit, ctx);
		visit_side(tlb, i, SIDE_DATA, &prefix, visit, ctx);
		for (unsigned j = 0; j < level->array_count; j++)
			visit_array(&level->array[j], &prefix, visit, ctx);
	}
}

uint64_t tlb_reach_bytes(const struct tlb *tlb, unsigned level, enum tlb_side side,
			 unsigned page_lg2)
{
	unsigned holder = tlb->level[level].holder[side == SIDE_INSTRUCTION][page_lg2];
	const struct tlb_array *array;

	if (!holder)
		return 0;
	array = &tlb->level[level].array[holder - 1];
	return (uint64_t)array->config->entries << tlb_group_lg2(array, page_lg2);
}

uint64_t tlb_reach_in_use_bytes(const struct tlb *tlb, unsigned level, enum tlb_side side)
{
	uint64_t reach = 0;

	for (unsigned i = 0; i < tlb->level[level].array_count; i++) {
		const struct tlb_array *array = &tlb->level[level].array[i];

		for (unsigned slot = 0; slot < array->config->entries; slot++) {
			if (array->side & side)
				reach += array->entry[slot].bytes;
		}
	}
	return reach;
}

/* ---- invariants ---- */

static const struct tlb_array *holder(const struct tlb_level *level, unsigned side,
				      unsigned page_lg2)
{
	unsigned index = level->holder[side == SIDE_INSTRUCTION][page_lg2];

	return index ? &level->array[index - 1] : NULL;
}

static bool covered(const struct tlb_array *array, const struct tlb_entry *entry)
{
	const struct tlb_entry *found = tlb_array_find(array, entry->asid, entry->va,
						       tlb_group_lg2(array, entry->page_lg2));

	return found && tlb_last_page(entry) <= tlb_last_page(found);
}

static const char *check_relations(const struct tlb *tlb, unsigned level,
				   const struct tlb_entry *entry)
{
	const struct tlb_array *found = NULL;

	for (unsigned below = level + 1; below < tlb->level_count; below++) {
		found = holder(&tlb->level[below], entry->side, entry->page_lg2);
		if (found && tlb->level[below].inclusive && !covered(found, entry))
			return "a TLB entry is not covered by the inclusive level below";
	}
	if (!tlb->level[level].exclusive)
		return NULL;
	found = NULL;
	for (unsigned above = level; above-- > 0 && !found;)
		found = holder(&tlb->level[above], entry->side, entry->page_lg2);
	if (found && tlb_array_conflict(found, entry, NULL))
		return "an entry of an exclusive TLB level is in the level above too";
	return NULL;
}

static const char *check_counts(const struct tlb *tlb, unsigned level)
{
	const struct tlb_level *this = &tlb->level[level];
	uint64_t hits = 0;

	for (unsigned i = 0; i < this->array_count; i++)
		hits += this->array[i].count.hits;
	if (hits != this->count[SIDE_INSTRUCTION].hits + this->count[SIDE_DATA].hits)
		return "the hits of a TLB level are not those of its arrays";
	for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
		unsigned fetch = side == SIDE_INSTRUCTION, next = level + 1;
		const struct tlb_level_counts *n;

		while (next < tlb->level_count && tlb->level[next].step_count[fetch] == 0)
			next++;
		if (next == tlb->level_count || this->step_count[fetch] == 0)
			continue;
		n = &tlb->level[next].count[side];
		if (n->hits + n->misses != this->count[side].misses)
			return "the lookups of a TLB level are not the misses of the one above";
	}
	return NULL;
}

int tlb_check(const struct tlb *tlb, const char **what)
{
	tlb_settle(tlb);
	*what = NULL;
	for (unsigned level = 0; level < tlb->level_count && !*what; level++) {
		*what = check_counts(tlb, level);
		for (unsigned i = 0; i < tlb->level[level].array_count && !*what; i++) {
			const struct tlb_array *array = &tlb->level[level].array[i];

			if (tlb_array_check(array, what) != PW_OK)
				break;
			for (unsigned slot = 0; slot < array->config->entries && !*what; slot++) {
				if (array->entry[slot].bytes && array->config->kind == TLB_PAGES)
					*what = check_relations(tlb, level, &array->entry[slot]);
			}
		}
	}
	return *what ? PW_CORRUPT : tlb_classify_check(tlb, what);
}
