/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How a translation enters the TLB tree, and what leaves because of it.
 *
 * For one page size and one side, at most one array of each level can hold a page (its holder;
 * mmu_config_check), so the levels form a chain, and relations are read along it: "the level
 * above" is the nearest one with a holder. The first level of a chain is filled directly whatever
 * its relation. What happens to a page X:
 *
 *   walk ──fill──> first level, and each level below that is not exclusive (deepest first)
 *   hit in level k ──> copied to the same levels above k; if k is exclusive, it leaves k
 *   displaced from level k ──> enters the next level if that is exclusive and X is not also in
 *                              a sister array (split first levels above a shared second one);
 *                              if k is inclusive, X is invalidated in all levels above
 *   entering level k ──> stale copies in exclusive levels below k are invalidated
 *
 * Victims travel down in a loop: a level that receives a victim is exclusive, so nothing it
 * displaces is invalidated above, and each round goes at least one level down.
 *
 * Source: Jaleel et al., "Achieving Non-Inclusive Cache Performance with Inclusive Caches", MICRO
 * 2010 (the three relations).
 */

#include "mmu/tlb_private.h"

/* ---- events and attribution ---- */

static void emit(struct tlb *tlb, enum event_kind kind, const struct tlb_entry *entry,
		 unsigned level, uint64_t value)
{
	struct event event = {
		.kind = (uint8_t)kind,
		.va = entry->va,
		.pa = entry->pa,
		.asid = entry->asid,
		.page_lg2 = entry->page_lg2,
		.access = entry->side == SIDE_INSTRUCTION ? ACCESS_FETCH : ACCESS_READ,
		.level = (uint8_t)level,
		.value = value,
	};

	event_push(tlb->events, &event);
}

void tlb_retire_entry(struct tlb *tlb, struct tlb_entry *entry)
{
	if (entry->accesses > 0 && event_wanted(tlb->events, EVENT_TLB_RETIRE))
		emit(tlb, EVENT_TLB_RETIRE, entry, 0, entry->accesses);
	entry->accesses = 0;
}

void tlb_retire_at_once(struct tlb *tlb, const struct tlb_entry *entry, unsigned access)
{
	if (event_wanted(tlb->events, EVENT_TLB_RETIRE)) {
		struct tlb_entry served = *entry;

		served.side = (uint8_t)tlb_side_of(access);
		emit(tlb, EVENT_TLB_RETIRE, &served, 0, 1);
	}
}

/* ---- entering and leaving ---- */

void tlb_drop(struct tlb *tlb, unsigned level, struct tlb_array *array, struct tlb_entry *entry)
{
	if (level == 0)
		tlb_retire_entry(tlb, entry);
	array->count.invalidations++;
	tlb_array_clear(array, entry);
}

static void drop_conflicts(struct tlb *tlb, unsigned level, struct tlb_array *array,
			   const struct tlb_entry *gone)
{
	struct tlb_entry *entry;

	while ((entry = tlb_array_conflict(array, gone, NULL)))
		tlb_drop(tlb, level, array, entry);
}

/* The page in every array of one level that shares a side with `with`. */
static void drop_in_level(struct tlb *tlb, unsigned level, const struct tlb_array *with,
			  const struct tlb_entry *gone)
{
	for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
		struct tlb_array *array = tlb_holder(&tlb->level[level], side, gone->page_lg2);

		if (array && (with->config->side & side))
			drop_conflicts(tlb, level, array, gone);
	}
}

/* What leaves an inclusive level leaves those above. */
static void drop_above(struct tlb *tlb, unsigned level, const struct tlb_array *array,
		       const struct tlb_entry *gone)
{
	if (!tlb->level[level].inclusive)
		return;
	for (unsigned above = 0; above < level; above++)
		drop_in_level(tlb, above, array, gone);
}

/*
 * May a conflicting entry be renewed in place? Not if it becomes global or stops being so: then
 * copies above would be covered by an entry that invalidations treat differently.
 */
static bool renews(const struct tlb_entry *value, const struct tlb_entry *old)
{
	return value->global == old->global && (value->global || value->asid == old->asid);
}

/* The entry that *value renews in place, or NULL. Other entries that conflict are dropped. */
static struct tlb_entry *find_renewed(struct tlb *tlb, unsigned level, struct tlb_array *array,
				      const struct tlb_entry *value)
{
	struct tlb_entry *renewed = NULL, *entry;

	while ((entry = tlb_array_conflict(array, value, renewed))) {
		if (renews(value, entry)) {
			renewed = entry;
		} else {
			struct tlb_entry gone = *entry;

			tlb_drop(tlb, level, array, entry);
			drop_above(tlb, level, array, &gone);
		}
	}
	return renewed;
}

/* The entry is about to be overwritten by another page. */
static void evict(struct tlb *tlb, unsigned level, struct tlb_array *array, struct tlb_entry *entry)
{
	if (level == 0)
		tlb_retire_entry(tlb, entry);
	if (event_wanted(tlb->events, EVENT_TLB_EVICT))
		emit(tlb, EVENT_TLB_EVICT, entry, level, entry->array);
	array->count.evictions++;
}

/*
 * Puts *value into an array. What it displaced is copied to *victim, if that concerns any other
 * level (bytes 0: nothing does). Entries are copied whole and then corrected: reading back in wide
 * loads what was just written in narrow stores would cost more than all the rest.
 */
static struct tlb_entry *place(struct tlb *tlb, unsigned level, struct tlb_array *array,
			       const struct tlb_entry *value, struct tlb_entry *victim)
{
	struct tlb_entry *slot = find_renewed(tlb, level, array, value);
	uint64_t accesses = 0;

	victim->bytes = 0;
	if (slot) {
		array->count.replaced++;
		if (slot->asid != value->asid || slot->side != value->side)
			tlb_retire_entry(tlb, slot);
		accesses = slot->accesses;
	} else {
		slot = tlb_array_room(array, value->va, value->page_lg2);
		if (slot->bytes) {
			if (tlb->level[level].passes_on)
				*victim = *slot;
			evict(tlb, level, array, slot);
		}
	}
	tlb_array_put(array, slot, value);
	slot->accesses = accesses;
	for (unsigned below = level + 1; below < tlb->level_count; below++) {
		if (tlb->level[below].exclusive)
			drop_in_level(tlb, below, array, slot);
	}
	if (level == 0)
		tlb_memo_entered(tlb, array, slot);
	if (event_wanted(tlb->events, EVENT_TLB_FILL))
		emit(tlb, EVENT_TLB_FILL, slot, level, slot->array);
	return slot;
}

/* Is the page in the nearest level above that could hold it, for a side of `array`? */
static bool held_above(struct tlb *tlb, unsigned level, const struct tlb_array *array,
		       const struct tlb_entry *entry)
{
	for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
		for (unsigned above = level; above-- > 0 && (array->config->side & side);) {
			struct tlb_array *holder =
				tlb_holder(&tlb->level[above], side, entry->page_lg2);

			if (holder && tlb_array_conflict(holder, entry, NULL))
				return true;
			if (holder)
				break;
		}
	}
	return false;
}

/* Enters *value in the holder of a level; victims travel down the exclusive levels. */
static struct tlb_entry *enter(struct tlb *tlb, unsigned level, const struct tlb_entry *value)
{
	struct tlb_array *array = tlb_holder(&tlb->level[level], value->side, value->page_lg2);
	struct tlb_entry victim, next_victim;
	struct tlb_entry *entered = place(tlb, level, array, value, &victim);

	while (victim.bytes) {
		struct tlb_array *next = NULL;

		drop_above(tlb, level, array, &victim);
		while (!next && ++level < tlb->level_count)
			next = tlb_holder(&tlb->level[level], victim.side, victim.page_lg2);
		if (!next || !tlb->level[level].exclusive || held_above(tlb, level, next, &victim))
			break;
		place(tlb, level, next, &victim, &next_victim);
		victim = next_victim;
		array = next;
	}
	return entered;
}

struct tlb_entry *tlb_enter(struct tlb *tlb, unsigned end, const struct tlb_entry *value,
			    unsigned *first)
{
	struct tlb_entry *entered = NULL;

	*first = 0;
	while (*first < end && !tlb_holder(&tlb->level[*first], value->side, value->page_lg2))
		++*first;
	for (unsigned level = end; level-- > *first;) {
		if (level == *first ||
		    (!tlb->level[level].exclusive &&
		     tlb_holder(&tlb->level[level], value->side, value->page_lg2)))
			entered = enter(tlb, level, value);
	}
	return entered;
}
