/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Tables smaller than a frame share frames, as PAE's page-directory-pointer tables and arm64's
 * small first levels do on Linux (a slab cache each). A frame is cut into slots of one size; the
 * lowest free slot is taken, and a frame without tables goes back. Few machines have such tables
 * and these have few frames of them, so finding a frame is a search.
 *
 * Invariants (table_pool_check): frames are sorted, none is empty, and `used` is the number of bits
 * in `taken`, none of which lies beyond the slots of a frame.
 */

#include "mmu/pt_radix_pool.h"

#include <assert.h>
#include <string.h>

int table_counts_init(struct table_counts *counts, uint64_t memory_bytes, unsigned unit_lg2,
		      const struct host_alloc *alloc)
{
	uint64_t units = memory_bytes >> unit_lg2;

	counts->unit_lg2 = (uint8_t)unit_lg2;
	counts->chunks = (size_t)((units + COUNT_CHUNK - 1) >> COUNT_CHUNK_LG2);
	counts->chunk = host_zalloc(alloc, counts->chunks, sizeof(*counts->chunk));
	return counts->chunk ? PW_OK : PW_NOMEM;
}

void table_counts_release(struct table_counts *counts, const struct host_alloc *alloc)
{
	for (size_t i = 0; i < counts->chunks; i++)
		host_free(alloc, counts->chunk[i]);
	host_free(alloc, counts->chunk);
}

int table_counts_cover(struct table_counts *counts, pa_t table, const struct host_alloc *alloc)
{
	size_t i = (size_t)(table >> counts->unit_lg2 >> COUNT_CHUNK_LG2);

	assert(i < counts->chunks);
	if (!counts->chunk[i])
		counts->chunk[i] = host_zalloc(alloc, COUNT_CHUNK, sizeof(**counts->chunk));
	return counts->chunk[i] ? PW_OK : PW_NOMEM;
}

void table_pool_release(struct table_pool *pool, const struct host_alloc *alloc)
{
	assert(pool->count == 0);
	host_free(alloc, pool->frame);
}

static unsigned slots_of(const struct pool_frame *frame)
{
	return 1u << (FRAME_LG2 - frame->slot_lg2);
}

/* The position of the frame with this address, or where it would be. */
static size_t frame_position(const struct table_pool *pool, pa_t pa)
{
	size_t low = 0, high = pool->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (pool->frame[middle].pa < pa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct pool_frame *frame_with_room(struct table_pool *pool, unsigned slot_lg2, pa_t limit)
{
	for (size_t i = 0; i < pool->count; i++) {
		struct pool_frame *frame = &pool->frame[i];

		if (frame->slot_lg2 == slot_lg2 && frame->used < slots_of(frame) &&
		    frame->pa + FRAME_BYTES <= limit)
			return frame;
	}
	return NULL;
}

static int frame_add(struct table_pool *pool, struct page_table *pt, unsigned slot_lg2, pa_t limit,
		     struct pool_frame **out)
{
	size_t position;
	pa_t pa;
	int error;

	if (pool->count == pool->capacity) {
		size_t capacity = pool->capacity ? 2 * pool->capacity : 4;
		void *grown = pt->alloc->resize(pt->alloc->ctx, pool->frame,
						capacity * sizeof(*pool->frame));

		if (!grown)
			return PW_NOMEM;
		pool->frame = grown;
		pool->capacity = capacity;
	}
	error = pt_memory_alloc(pt->memory, 0, &pa);
	if (error)
		return error;
	if (pa + FRAME_BYTES > limit) {
		pt_memory_free(pt->memory, pa, 0);
		return PW_NOFRAMES;
	}
	position = frame_position(pool, pa);
	memmove(&pool->frame[position + 1], &pool->frame[position],
		(pool->count - position) * sizeof(*pool->frame));
	pool->count++;
	*out = &pool->frame[position];
	memset(*out, 0, sizeof(**out));
	(*out)->pa = pa;
	(*out)->slot_lg2 = (uint8_t)slot_lg2;
	return PW_OK;
}

int table_pool_alloc(struct table_pool *pool, struct page_table *pt, unsigned slot_lg2, pa_t limit,
		     pa_t *out)
{
	struct pool_frame *frame = frame_with_room(pool, slot_lg2, limit);
	unsigned word = 0, slot;
	int error = frame ? PW_OK : frame_add(pool, pt, slot_lg2, limit, &frame);

	if (error)
		return error;
	while (~frame->taken[word] == 0)
		word++;
	slot = word * 64 + (unsigned)__builtin_ctzll(~frame->taken[word]);
	assert(slot < slots_of(frame));
	frame->taken[word] |= UINT64_C(1) << slot % 64;
	frame->used++;
	*out = frame->pa + ((pa_t)slot << slot_lg2);
	memset(phys_mem_at(pt->memory->mem, *out), 0, (size_t)1 << slot_lg2);
	return PW_OK;
}

void table_pool_free(struct table_pool *pool, struct page_table *pt, pa_t slot)
{
	size_t position = frame_position(pool, slot & ~(pa_t)(FRAME_BYTES - 1));
	struct pool_frame *frame = &pool->frame[position];
	unsigned number;

	assert(position < pool->count && slot - frame->pa < FRAME_BYTES);
	number = (unsigned)((slot - frame->pa) >> frame->slot_lg2);
	assert(frame->taken[number / 64] >> number % 64 & 1);
	frame->taken[number / 64] &= ~(UINT64_C(1) << number % 64);
	if (--frame->used > 0)
		return;
	pt_memory_free(pt->memory, frame->pa, 0);
	pool->count--;
	memmove(frame, frame + 1, (pool->count - position) * sizeof(*frame));
}

const char *table_pool_check(const struct table_pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		const struct pool_frame *frame = &pool->frame[i];
		unsigned used = 0;

		for (unsigned word = 0; word < SLOT_WORDS; word++)
			used += (unsigned)__builtin_popcountll(frame->taken[word]);
		if (used != frame->used || used == 0 || used > slots_of(frame))
			return "a frame of small tables counts its slots wrongly";
		if (i > 0 && frame[-1].pa >= frame->pa)
			return "frames of small tables are out of order";
	}
	return NULL;
}
