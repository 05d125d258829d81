/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How scattered free memory is: maximal free blocks, and the index that follows from them. */

#include "emu/kernel/frame_alloc.h"

#include <string.h>

void frame_run_blocks(uint64_t blocks[FRAME_BLOCK_ORDERS], pfn_t start, pfn_t end)
{
	while (start < end) {
		unsigned order = start ? (unsigned)__builtin_ctzll(start) : FRAME_BLOCK_ORDER_MAX;

		if (order > FRAME_BLOCK_ORDER_MAX)
			order = FRAME_BLOCK_ORDER_MAX;
		while (end - start < (pfn_t)1 << order)
			order--;
		blocks[order]++;
		start += (pfn_t)1 << order;
	}
}

void frame_allocator_blocks(const struct frame_allocator *fa, uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	memset(blocks, 0, FRAME_BLOCK_ORDERS * sizeof(*blocks));
	fa->ops->count_blocks(fa, blocks);
}

unsigned frame_unusable_index(const uint64_t blocks[FRAME_BLOCK_ORDERS], unsigned order)
{
	uint64_t free = 0, usable = 0;

	for (unsigned i = 0; i < FRAME_BLOCK_ORDERS; i++) {
		free += blocks[i] << i;
		usable += i >= order ? blocks[i] << i : 0;
	}
	return free ? (unsigned)((free - usable) * 1000 / free) : 1000;
}
