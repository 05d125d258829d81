/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The swap device.
 *
 * Slots are taken in order, each behind the one before (next fit), so that pages that leave together
 * lie together and readahead finds them; a slot is free when nothing refers to it.
 *
 * Time: a server with one queue. A request is served when those before it are done, and takes its
 * latency and a transfer for each page. Reads wait for it. Writes wait only for room in the queue:
 * until the work ahead is less than `queue` writes.
 *
 * Not modelled: merging of requests, seeks, priorities of reads, several devices.
 *
 * Invariant: used = slots with refs > 0; cached = those with a frame in the swap cache.
 */

#include "emu/kernel/swap.h"

#include <assert.h>
#include <string.h>

enum { CHUNK_LG2 = 10, CHUNK_SLOTS = 1 << CHUNK_LG2 };

int swap_init(struct swap *swap, const struct swap_config *config, const struct host_alloc *alloc)
{
	uint64_t chunks;

	memset(swap, 0, sizeof(*swap));
	swap->config = *config;
	swap->alloc = alloc;
	swap->slots = config->bytes >> FRAME_LG2;
	if (swap->slots == 0)
		return PW_OK;
	chunks = (swap->slots + CHUNK_SLOTS - 1) >> CHUNK_LG2;
	swap->chunk = host_zalloc(alloc, chunks, sizeof(*swap->chunk));
	swap->chunk_used = host_zalloc(alloc, chunks, sizeof(*swap->chunk_used));
	if (swap->chunk && swap->chunk_used)
		return PW_OK;
	swap_release(swap);
	return PW_NOMEM;
}

void swap_release(struct swap *swap)
{
	for (uint64_t i = 0; swap->chunk && i << CHUNK_LG2 < swap->slots; i++)
		host_free(swap->alloc, swap->chunk[i]);
	host_free(swap->alloc, swap->chunk);
	host_free(swap->alloc, swap->chunk_used);
	swap->chunk = NULL;
	swap->chunk_used = NULL;
	swap->slots = 0;
}

struct swap_slot *swap_slot(const struct swap *swap, uint64_t slot)
{
	struct swap_slot *chunk = swap->chunk[slot >> CHUNK_LG2];

	assert(slot < swap->slots);
	return chunk ? &chunk[slot & (CHUNK_SLOTS - 1)] : NULL;
}

static uint64_t free_slot(const struct swap *swap)
{
	uint64_t slot = swap->next < swap->slots ? swap->next : 0;

	if (!swap_has_room(swap))
		return SLOT_NONE;
	for (;;) {
		const struct swap_slot *record = swap_slot(swap, slot);

		if (!record || record->refs == 0)
			return slot;
		slot = swap->chunk_used[slot >> CHUNK_LG2] == CHUNK_SLOTS
			       ? (slot | (CHUNK_SLOTS - 1)) + 1
			       : slot + 1;
		if (slot >= swap->slots)
			slot = 0;
	}
}

uint64_t swap_take(struct swap *swap)
{
	uint64_t slot = free_slot(swap), chunk = slot >> CHUNK_LG2;

	if (slot == SLOT_NONE)
		return SLOT_NONE;
	if (!swap->chunk[chunk])
		swap->chunk[chunk] =
			host_zalloc(swap->alloc, CHUNK_SLOTS, sizeof(struct swap_slot));
	if (!swap->chunk[chunk])
		return SLOT_NONE;
	*swap_slot(swap, slot) = (struct swap_slot){ .refs = 1 };
	swap->chunk_used[chunk]++;
	swap->used++;
	swap->next = slot + 1;
	return slot;
}

void swap_get(struct swap *swap, uint64_t slot)
{
	swap_slot(swap, slot)->refs++;
}

void swap_put(struct swap *swap, uint64_t slot)
{
	struct swap_slot *record = swap_slot(swap, slot);

	assert(record->refs > 0);
	if (--record->refs > 0)
		return;
	assert(record->cached == 0);
	swap->chunk_used[slot >> CHUNK_LG2]--;
	swap->used--;
}

static cycles_t serve(struct swap *swap, cycles_t now, cycles_t cycles)
{
	if (swap->busy_until < now)
		swap->busy_until = now;
	swap->busy_until += cycles;
	return swap->busy_until - now;
}

cycles_t swap_read_stall(struct swap *swap, cycles_t now, unsigned pages)
{
	return serve(swap, now,
		     swap->config.read_cycles + (cycles_t)pages * swap->config.page_cycles);
}

cycles_t swap_write_stall(struct swap *swap, cycles_t now)
{
	cycles_t each = (cycles_t)swap->config.write_cycles + swap->config.page_cycles;
	cycles_t ahead = serve(swap, now, each), room = swap->config.queue * each;

	return ahead > room ? ahead - room : 0;
}
