/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Profiles by page and by instruction: see profile.h.
 *
 * Several events in a row usually belong to one access (a miss, a walk, a fault), so the last row
 * is tried first; and the slot of an event a few places ahead is prefetched, since the tables of
 * a large footprint do not fit in the host's caches.
 *
 * Invariants: a slot is in use iff key.used; from the slot that a key hashes to up to the one
 * that holds it, all are in use; used <= max <= 3/4 of the slots once the table has its full size.
 */

#include "analysis/profile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 1024, PREFETCH_AHEAD = 8, CACHE_LINE_BYTES = 64 };

_Static_assert(sizeof(struct page_profile) == CACHE_LINE_BYTES, "a page touches one cache line");

#define KIND_BIT(kind) (UINT64_C(1) << EVENT_##kind)
const uint64_t profile_wants = KIND_BIT(TLB_RETIRE) | KIND_BIT(TLB_MISS) | KIND_BIT(WALK) |
			       KIND_BIT(FAULT) | KIND_BIT(FAULT_SERVED);

static uint64_t hash(uint64_t address, asid_t asid)
{
	uint64_t mixed = (address ^ (uint64_t)asid << 48) * UINT64_C(0x9e3779b97f4a7c15);

	return mixed ^ mixed >> 32;
}

static struct profile_key *slot_at(const struct profile_table *table, uint64_t index)
{
	return (struct profile_key *)((char *)table->slots + index * table->slot_bytes);
}

/* The slot that holds the key, or the free one where it belongs. */
static struct profile_key *find_slot(const struct profile_table *table, uint64_t address,
				     asid_t asid)
{
	uint64_t index = hash(address, asid) & table->mask;

	for (;;) {
		struct profile_key *slot = slot_at(table, index);

		if (!slot->used || (slot->address == address && slot->asid == asid))
			return slot;
		index = (index + 1) & table->mask;
	}
}

static int allocate_slots(struct profile_table *table, const struct host_alloc *alloc)
{
	uintptr_t first;

	table->memory =
		host_zalloc(alloc, 1, (table->mask + 1) * table->slot_bytes + CACHE_LINE_BYTES - 1);
	first = (uintptr_t)table->memory;
	first = (first + CACHE_LINE_BYTES - 1) & ~(uintptr_t)(CACHE_LINE_BYTES - 1);
	table->slots = (void *)first;
	return table->memory ? PW_OK : PW_NOMEM;
}

static int table_init(struct profile_table *table, size_t slot_bytes, uint64_t max,
		      const struct host_alloc *alloc)
{
	table->slot_bytes = slot_bytes;
	table->mask = SLOTS_FIRST - 1;
	table->used = 0;
	table->max = max;
	return allocate_slots(table, alloc);
}

/* Doubles the table. Where memory is refused, it stays as it is and takes no more keys. */
static void grow(struct profile_table *table, const struct host_alloc *alloc)
{
	struct profile_table larger = *table;

	larger.mask = table->mask * 2 + 1;
	if (allocate_slots(&larger, alloc)) {
		table->max = table->used;
		return;
	}
	for (uint64_t i = 0; i <= table->mask; i++) {
		const struct profile_key *old = slot_at(table, i);

		if (old->used)
			memcpy(find_slot(&larger, old->address, old->asid), old, table->slot_bytes);
	}
	host_free(alloc, table->memory);
	*table = larger;
}

/* The row of the key, entered if it is new, or `other` when the table is full. */
static struct profile_key *table_row(struct profile *profile, struct profile_table *table,
				     uint64_t address, asid_t asid)
{
	struct profile_key *slot = find_slot(table, address, asid);

	if (slot->used)
		return slot;
	if (table->used >= table->max)
		return NULL;
	if (table->used >= (table->mask + 1) / 4 * 3) {
		grow(table, profile->alloc);
		/* Rows have moved. */
		profile->last_page = &profile->other_pages;
		profile->last_instruction = &profile->other_instructions;
		if (table->used >= table->max)
			return NULL;
		slot = find_slot(table, address, asid);
	}
	table->used++;
	slot->address = address;
	slot->asid = asid;
	slot->used = true;
	return slot;
}

static struct page_profile *page_row(struct profile *profile, vpn_t vpn, asid_t asid)
{
	struct page_profile *row = profile->last_page;

	if (row->key.address == vpn && row->key.asid == asid && row->key.used)
		return row;
	row = (struct page_profile *)table_row(profile, &profile->pages, vpn, asid);
	if (!row)
		return &profile->other_pages;
	profile->last_page = row;
	return row;
}

static struct instruction_profile *instruction_row(struct profile *profile, va_t pc, asid_t asid)
{
	struct instruction_profile *row = profile->last_instruction;

	if (row->key.address == pc && row->key.asid == asid && row->key.used)
		return row;
	row = (struct instruction_profile *)table_row(profile, &profile->instructions, pc, asid);
	if (!row)
		return &profile->other_instructions;
	profile->last_instruction = row;
	return row;
}

int profile_init(struct profile *profile, uint64_t pages_max, uint64_t instructions_max,
		 const struct host_alloc *alloc)
{
	memset(profile, 0, sizeof(*profile));
	profile->alloc = alloc;
	profile->last_page = &profile->other_pages;
	profile->last_instruction = &profile->other_instructions;
	if (table_init(&profile->pages, sizeof(struct page_profile), pages_max, alloc) ||
	    table_init(&profile->instructions, sizeof(struct instruction_profile), instructions_max,
		       alloc) ||
	    table_init(&profile->faults, sizeof(struct fault_profile), pages_max, alloc)) {
		profile_release(profile);
		return PW_NOMEM;
	}
	return PW_OK;
}

void profile_release(struct profile *profile)
{
	host_free(profile->alloc, profile->pages.memory);
	host_free(profile->alloc, profile->instructions.memory);
	host_free(profile->alloc, profile->faults.memory);
	profile->faults.memory = NULL;
	profile->pages.memory = NULL;
	profile->instructions.memory = NULL;
}

static void count_page(struct page_profile *row, const struct event *event)
{
	if (event->page_lg2 > row->key.page_lg2)
		row->key.page_lg2 = event->page_lg2;
	switch (event->kind) {
	case EVENT_TLB_RETIRE:
		row->accesses += event->value;
		row->fetches += event->access == ACCESS_FETCH ? event->value : 0;
		break;
	case EVENT_TLB_MISS:
		row->misses += event->level == 0;
		break;
	case EVENT_WALK:
		row->walks++;
		row->walk_cycles += event->cycles;
		break;
	case EVENT_FAULT:
		row->key.faults++;
		break;
	case EVENT_FAULT_SERVED:
		row->fault_cycles += event->cycles;
		break;
	default:
		break;
	}
}

static void count_instruction(struct instruction_profile *row, const struct event *event)
{
	switch (event->kind) {
	case EVENT_TLB_MISS:
		row->misses += event->level == 0;
		break;
	case EVENT_WALK:
		row->walks++;
		row->walk_cycles += event->cycles;
		break;
	case EVENT_FAULT:
		row->key.faults++;
		break;
	case EVENT_FAULT_SERVED:
		row->fault_cycles += event->cycles;
		break;
	default:
		break;
	}
}

static void count_fault(struct profile *profile, const struct event *event)
{
	uint64_t address = (event->va >> FRAME_LG2) * FAULT_WAYS + event->level % FAULT_WAYS;
	struct fault_profile *row =
		(struct fault_profile *)table_row(profile, &profile->faults, address, event->asid);

	if (!row) {
		profile->other_faults++;
		return;
	}
	row->key.faults++;
	row->major += event->value != 0;
	row->cycles += event->cycles;
}

static void prefetch(const struct profile *profile, const struct event *event)
{
	uint64_t page = hash(event->va >> FRAME_LG2, event->asid) & profile->pages.mask;
	uint64_t instruction = hash(event->pc, event->asid) & profile->instructions.mask;

	__builtin_prefetch(slot_at(&profile->pages, page), 1);
	__builtin_prefetch(slot_at(&profile->instructions, instruction), 1);
}

void profile_batch(struct profile *profile, const struct event *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct event *event = &events[i];

		if (i + PREFETCH_AHEAD < count)
			prefetch(profile, &events[i + PREFETCH_AHEAD]);
		if (!((profile_wants >> event->kind) & 1))
			continue;
		count_page(page_row(profile, event->va >> FRAME_LG2, event->asid), event);
		if (event->kind == EVENT_FAULT_SERVED)
			count_fault(profile, event);
		if (event->pc && event->kind != EVENT_TLB_RETIRE)
			count_instruction(instruction_row(profile, event->pc, event->asid), event);
	}
}

static int compare_keys(const void *left, const void *right)
{
	const struct profile_key *a = left, *b = right;

	if (a->asid != b->asid)
		return a->asid < b->asid ? -1 : 1;
	return (a->address > b->address) - (a->address < b->address);
}

static uint64_t sort_table(struct profile_table *table)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i <= table->mask; i++) {
		const struct profile_key *slot = slot_at(table, i);

		if (!slot->used)
			continue;
		if (i != count)
			memcpy(slot_at(table, count), slot, table->slot_bytes);
		count++;
	}
	assert(count == table->used);
	qsort(table->slots, count, table->slot_bytes, compare_keys);
	return count;
}

uint64_t profile_sort_pages(struct profile *profile, struct page_profile **rows)
{
	*rows = profile->pages.slots;
	return sort_table(&profile->pages);
}

uint64_t profile_sort_instructions(struct profile *profile, struct instruction_profile **rows)
{
	*rows = profile->instructions.slots;
	return sort_table(&profile->instructions);
}

uint64_t profile_sort_faults(struct profile *profile, struct fault_profile **rows)
{
	*rows = profile->faults.slots;
	return sort_table(&profile->faults);
}
