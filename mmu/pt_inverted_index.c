/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which entry of an inverted table holds a page: host memory beside the table, never charged. It
 * stands for what a kernel knows without searching (which frame it gave to a page), and it makes
 * silent probes quick; walks do not use it. inverted_check() holds it to the table.
 *
 * Open addressing with linear probing; removal moves later entries of the run back (Knuth, TAOCP
 * 3, 6.4, algorithm R), so there are no tombstones.
 */

#include "mmu/pt_inverted_private.h"

#include <assert.h>

enum { SLOTS_LG2_MIN = 8 };

static uint64_t home(const struct inverted_index *index, uint64_t key)
{
	return key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - index->slots_lg2);
}

static uint64_t mask(const struct inverted_index *index)
{
	return BIT(index->slots_lg2) - 1;
}

static void place(struct inverted_index *index, uint64_t key, pa_t entry)
{
	uint64_t i = home(index, key);

	while (index->slot[i].key)
		i = (i + 1) & mask(index);
	index->slot[i] = (struct inverted_slot){ key, entry };
}

int inverted_index_init(struct inverted_index *index, const struct host_alloc *alloc,
			uint64_t entries)
{
	index->slots_lg2 = SLOTS_LG2_MIN;
	while (BIT(index->slots_lg2) / 2 <= entries)
		index->slots_lg2++;
	index->slot = host_zalloc(alloc, (size_t)BIT(index->slots_lg2), sizeof(index->slot[0]));
	return index->slot ? PW_OK : PW_NOMEM;
}

int inverted_index_reserve(struct inverted_index *index, const struct host_alloc *alloc)
{
	struct inverted_index larger = { .count = index->count };

	if (index->slots_lg2 && index->count < BIT(index->slots_lg2) / 2)
		return PW_OK;
	larger.slots_lg2 = index->slots_lg2 ? index->slots_lg2 + 1 : SLOTS_LG2_MIN;
	larger.slot = host_zalloc(alloc, (size_t)BIT(larger.slots_lg2), sizeof(larger.slot[0]));
	if (!larger.slot)
		return PW_NOMEM;
	for (uint64_t i = 0; index->slots_lg2 && i < BIT(index->slots_lg2); i++)
		if (index->slot[i].key)
			place(&larger, index->slot[i].key, index->slot[i].entry);
	host_free(alloc, index->slot);
	*index = larger;
	return PW_OK;
}

void inverted_index_add(struct inverted_index *index, uint64_t key, pa_t entry)
{
	assert(index->count < BIT(index->slots_lg2) / 2);
	place(index, key, entry);
	index->count++;
}

static uint64_t slot_of(const struct inverted_index *index, uint64_t key)
{
	uint64_t i = home(index, key);

	while (index->slot[i].key && index->slot[i].key != key)
		i = (i + 1) & mask(index);
	return i;
}

pa_t inverted_index_find(const struct inverted_index *index, uint64_t key)
{
	uint64_t i;

	if (!index->slots_lg2)
		return 0;
	i = slot_of(index, key);
	return index->slot[i].key ? index->slot[i].entry : 0;
}

void inverted_index_remove(struct inverted_index *index, uint64_t key)
{
	uint64_t hole = slot_of(index, key), i = hole;

	assert(index->slot[hole].key == key);
	for (;;) {
		i = (i + 1) & mask(index);
		if (!index->slot[i].key)
			break;
		/* It may move to the hole unless its home lies behind the hole. */
		if (((i - home(index, index->slot[i].key)) & mask(index)) >=
		    ((i - hole) & mask(index))) {
			index->slot[hole] = index->slot[i];
			hole = i;
		}
	}
	index->slot[hole].key = 0;
	index->count--;
}
