/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The range table; see range_table.h. */

#include "mmu/range_table.h"

#include "mmu/page_table.h"
#include "mmu/port.h"

enum { ENTRY_BYTES = 32, WORD_VA = 0, WORD_BYTES = 8, WORD_PA = 16, WORD_PERMS = 24 };

static pa_t entry_at(const struct range_table *table, uint32_t i)
{
	return table->pa + (pa_t)i * ENTRY_BYTES;
}

static struct translation load(const struct range_table *table, struct pt_memory *memory,
			       uint32_t i)
{
	pa_t at = entry_at(table, i);

	return (struct translation){
		.va = pt_memory_load(memory, at + WORD_VA, 8),
		.pa = pt_memory_load(memory, at + WORD_PA, 8),
		.bytes = pt_memory_load(memory, at + WORD_BYTES, 8),
		.page_lg2 = FRAME_LG2,
		.perms = (uint8_t)pt_memory_load(memory, at + WORD_PERMS, 8),
		.accessed = true,
		.dirty = true,
	};
}

static void store(const struct range_table *table, struct pt_memory *memory, uint32_t i,
		  const struct translation *range)
{
	pa_t at = entry_at(table, i);

	pt_memory_store(memory, at + WORD_VA, 8, range->va);
	pt_memory_store(memory, at + WORD_BYTES, 8, range->bytes);
	pt_memory_store(memory, at + WORD_PA, 8, range->pa);
	pt_memory_store(memory, at + WORD_PERMS, 8, range->perms);
}

/* The first entry that ends above va. */
static uint32_t find(const struct range_table *table, struct pt_memory *memory, va_t va)
{
	uint32_t low = 0, high = table->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		struct translation range = load(table, memory, middle);

		if (range.va + (range.bytes - 1) < va)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Room for one more entry. */
static int make_room(struct range_table *table, struct pt_memory *memory)
{
	struct range_table larger = *table;
	int error;

	if (table->count < table->capacity)
		return PW_OK;
	if (table->capacity)
		larger.order++;
	error = pt_memory_alloc(memory, larger.order, &larger.pa);
	if (error)
		return error;
	larger.capacity = (uint32_t)(FRAME_BYTES << larger.order) / ENTRY_BYTES;
	for (uint32_t i = 0; i < table->count; i++) {
		struct translation range = load(table, memory, i);

		store(&larger, memory, i, &range);
	}
	range_table_release(table, memory);
	*table = larger;
	return PW_OK;
}

/* There is room. */
static void insert(struct range_table *table, struct pt_memory *memory, uint32_t at,
		   const struct translation *range)
{
	for (uint32_t i = table->count++; i > at; i--) {
		struct translation moved = load(table, memory, i - 1);

		store(table, memory, i, &moved);
	}
	store(table, memory, at, range);
}

static void delete (struct range_table *table, struct pt_memory *memory, uint32_t at)
{
	table->count--;
	for (uint32_t i = at; i < table->count; i++) {
		struct translation moved = load(table, memory, i + 1);

		store(table, memory, i, &moved);
	}
}

static bool continues(const struct translation *low, const struct translation *high)
{
	return low->va + low->bytes == high->va && low->pa + low->bytes == high->pa &&
	       low->perms == high->perms;
}

int range_table_enter(struct range_table *table, struct pt_memory *memory,
		      const struct translation *range)
{
	uint32_t at = find(table, memory, range->va);
	struct translation merged = *range, next;
	int error = make_room(table, memory);

	if (error)
		return error;
	if (at < table->count) {
		next = load(table, memory, at);
		if (continues(&merged, &next)) {
			merged.bytes += next.bytes;
			delete (table, memory, at);
		}
	}
	if (at > 0) {
		struct translation previous = load(table, memory, at - 1);

		if (continues(&previous, &merged)) {
			previous.bytes += merged.bytes;
			store(table, memory, at - 1, &previous);
			return PW_OK;
		}
	}
	insert(table, memory, at, &merged);
	return PW_OK;
}

void range_table_remove(struct range_table *table, struct pt_memory *memory, va_t va,
			uint64_t bytes)
{
	va_t end = va + bytes;
	uint32_t at = find(table, memory, va);

	while (at < table->count) {
		struct translation low = load(table, memory, at), high = low;
		va_t range_end = low.va + low.bytes;

		if (low.va >= end)
			return;
		low.bytes = low.va < va ? va - low.va : 0;
		high.bytes = range_end > end ? range_end - end : 0;
		high.pa += end - high.va;
		high.va = end;
		if (low.bytes && high.bytes) {
			store(table, memory, at, &low);
			if (make_room(table, memory) == PW_OK)
				insert(table, memory, at + 1, &high);
			return;
		}
		if (low.bytes)
			store(table, memory, at++, &low);
		else if (high.bytes)
			store(table, memory, at++, &high);
		else
			delete (table, memory, at);
	}
}

void range_table_release(struct range_table *table, struct pt_memory *memory)
{
	if (table->capacity)
		pt_memory_free(memory, table->pa, table->order);
	*table = (struct range_table){ 0 };
}

bool range_table_walk(const struct range_table *table, const struct phys_mem *mem,
		      struct port *port, va_t va, struct translation *range, uint64_t *refs)
{
	uint32_t low = 0, high = table->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		const unsigned char *entry = phys_mem_at(mem, entry_at(table, middle));
		va_t first = walk_load(entry + WORD_VA, 8);
		uint64_t bytes = walk_load(entry + WORD_BYTES, 8);

		port_access(port, entry_at(table, middle), false);
		++*refs;
		if (va - first < bytes) {
			*range = (struct translation){
				.va = first,
				.pa = walk_load(entry + WORD_PA, 8),
				.bytes = bytes,
				.page_lg2 = FRAME_LG2,
				.perms = (uint8_t)walk_load(entry + WORD_PERMS, 8),
				.accessed = true,
				.dirty = true,
			};
			return true;
		}
		if (first < va)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static const char *check_pages(struct pt_space *space, const struct translation *range)
{
	for (uint64_t i = 0; i < range->bytes; i += FRAME_BYTES) {
		struct translation leaf;

		if (pt_lookup(space, range->va + i, &leaf) != PW_OK)
			return "a page of a range is not in the page table";
		if (leaf.pa + (range->va + i - leaf.va) != range->pa + i)
			return "a range and the page table translate differently";
		if (leaf.perms != range->perms || !leaf.dirty)
			return "a range permits what the page table does not";
	}
	return NULL;
}

int range_table_check(struct pt_space *space, const char **what)
{
	struct pt_memory copy = *space->table->memory; /* whose counters may change */
	struct translation last = { 0 };

	*what = check_pages(space, &space->segment);
	for (uint32_t i = 0; i < space->ranges.count && !*what; i++) {
		struct translation range = load(&space->ranges, &copy, i);

		if (i > 0 && (range.va < last.va + last.bytes || continues(&last, &range)))
			*what = "ranges overlap, are not sorted, or could be one";
		else
			*what = check_pages(space, &range);
		last = range;
	}
	return *what ? PW_CORRUPT : PW_OK;
}
