/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Named ranges: see mappings.h. The sweep keeps a heap of the ranges that have begun, latest
 * mapping on top; one that has ended is dropped when it comes to the top, for good, since
 * questions only ascend. So a question costs a logarithm however ranges overlap.
 */

#include "analysis/mappings.h"

#include <stdlib.h>
#include <string.h>

/* NULL of NULL, and for want of memory. */
static char *copy_string(const struct host_alloc *alloc, const char *string)
{
	char *copy = string ? host_zalloc(alloc, strlen(string) + 1, 1) : NULL;

	if (copy)
		memcpy(copy, string, strlen(string) + 1);
	return copy;
}

int mappings_add(struct mappings *mappings, const struct record_mapping *mapping)
{
	struct mapping_entry *entry;
	char *path, *identity;

	if (mappings->count == MAPPINGS_MAX) {
		mappings->dropped++;
		return PW_OK;
	}
	if (mappings->count == mappings->room) {
		uint32_t room = mappings->room ? mappings->room * 2 : 64;

		entry = mappings->alloc->resize(mappings->alloc->ctx, mappings->entry,
						room * sizeof(*entry));
		if (!entry)
			return PW_NOMEM;
		mappings->entry = entry;
		mappings->room = room;
	}
	path = copy_string(mappings->alloc, mapping->path);
	identity = copy_string(mappings->alloc, mapping->identity);
	if ((mapping->path && !path) || (mapping->identity && !identity)) {
		host_free(mappings->alloc, path);
		host_free(mappings->alloc, identity);
		return PW_NOMEM;
	}
	entry = &mappings->entry[mappings->count++];
	entry->mapping = *mapping;
	entry->mapping.path = path;
	entry->mapping.identity = identity;
	entry->id = 0;
	return PW_OK;
}

static void release_sweep(struct mappings *mappings)
{
	host_free(mappings->alloc, mappings->by_start);
	host_free(mappings->alloc, mappings->heap);
	mappings->by_start = NULL;
	mappings->heap = NULL;
}

void mappings_release(struct mappings *mappings)
{
	for (uint32_t i = 0; i < mappings->count; i++) {
		host_free(mappings->alloc, (char *)mappings->entry[i].mapping.path);
		host_free(mappings->alloc, (char *)mappings->entry[i].mapping.identity);
	}
	host_free(mappings->alloc, mappings->entry);
	release_sweep(mappings);
	mappings->entry = NULL;
	mappings->count = 0;
}

static int compare_starts(const void *left, const void *right, void *ctx)
{
	const struct mapping_entry *entry = ctx;
	const struct record_mapping *a = &entry[*(const uint32_t *)left].mapping;
	const struct record_mapping *b = &entry[*(const uint32_t *)right].mapping;

	if (a->asid != b->asid)
		return a->asid < b->asid ? -1 : 1;
	return (a->start > b->start) - (a->start < b->start);
}

int mappings_sweep_start(struct mappings *mappings)
{
	release_sweep(mappings);
	mappings->next = 0;
	mappings->heap_count = 0;
	if (!mappings->count)
		return PW_OK;
	mappings->by_start = host_zalloc(mappings->alloc, mappings->count, sizeof(uint32_t));
	mappings->heap = host_zalloc(mappings->alloc, mappings->count, sizeof(uint32_t));
	if (!mappings->by_start || !mappings->heap)
		return PW_NOMEM;
	for (uint32_t i = 0; i < mappings->count; i++)
		mappings->by_start[i] = i;
	qsort_r(mappings->by_start, mappings->count, sizeof(uint32_t), compare_starts,
		mappings->entry);
	return PW_OK;
}

static void heap_push(struct mappings *mappings, uint32_t index)
{
	uint32_t *heap = mappings->heap;
	uint32_t at = mappings->heap_count++;

	for (; at && heap[(at - 1) / 2] < index; at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = index;
}

static void heap_pop(struct mappings *mappings)
{
	uint32_t *heap = mappings->heap;
	uint32_t count = --mappings->heap_count;
	uint32_t moved = heap[count], at = 0;

	for (uint32_t child = 1; child < count; child = 2 * at + 1) {
		if (child + 1 < count && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= moved)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
}

/* Has it begun at or before (asid, va)? */
static bool begun(const struct record_mapping *mapping, asid_t asid, va_t va)
{
	return mapping->asid < asid || (mapping->asid == asid && mapping->start <= va);
}

const struct mapping_entry *mappings_sweep(struct mappings *mappings, asid_t asid, va_t va)
{
	for (; mappings->next < mappings->count; mappings->next++) {
		uint32_t index = mappings->by_start[mappings->next];

		if (!begun(&mappings->entry[index].mapping, asid, va))
			break;
		heap_push(mappings, index);
	}
	while (mappings->heap_count) {
		const struct mapping_entry *top = &mappings->entry[mappings->heap[0]];

		if (top->mapping.asid == asid && va - top->mapping.start < top->mapping.length)
			return top;
		heap_pop(mappings);
	}
	return NULL;
}
