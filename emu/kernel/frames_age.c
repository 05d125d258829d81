/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Memory that is not as it was at power-on: pinned buffers, and frames here and there that something
 * long-lived sits on.
 *
 * Ageing takes all aligned blocks of 2 MiB that are free, chooses some of them, and gives
 * everything back but 1 to 8 frames of each chosen one. Whatever happens later, a chosen block
 * cannot be free as a whole: the unusable-free-space index of order 9 starts at the share of free
 * memory that lies in chosen blocks, which is the percentage, but for the blocks that were no whole
 * ones before (the first, which has frame 0, and the last) and for what is pinned.
 */

#include <string.h>

#include "emu/kernel/frames.h"
#include "mmu/prng.h"

enum { PIN_ORDER_MAX = 10, AGED_ORDER = 9, AGED_FRAMES = 1 << AGED_ORDER, HELD_MAX = 8 };

int frames_pin(struct frames *frames, uint64_t bytes)
{
	uint64_t left = bytes >> FRAME_LG2;
	unsigned order = PIN_ORDER_MAX;

	while (left > 0) {
		pfn_t first = PFN_NONE;

		while (left >> order == 0)
			order--;
		first = frames_take(frames, FRAME_RESERVED, order);
		if (first != PFN_NONE) {
			frames->pinned += (uint64_t)1 << order;
			left -= (uint64_t)1 << order;
		} else if (order-- == 0) {
			return PW_NOFRAMES;
		}
	}
	return PW_OK;
}

/* Chooses 1 to 8 frames of a block: a bit each. */
static void choose_frames(uint64_t held[AGED_FRAMES / 64], uint64_t *random)
{
	unsigned count = 1 + (unsigned)(splitmix_next(random) % HELD_MAX);

	memset(held, 0, AGED_FRAMES / 8);
	for (unsigned i = 0; i < count; i++) {
		unsigned n = (unsigned)(splitmix_next(random) % AGED_FRAMES);

		held[n / 64] |= UINT64_C(1) << n % 64;
	}
}

/* The block was taken from the allocator; its frames are still marked free. */
static int age_block(struct frames *frames, pfn_t first, uint64_t *random)
{
	uint64_t held[AGED_FRAMES / 64];
	int error = PW_OK;

	choose_frames(held, random);
	for (unsigned n = 0; n < AGED_FRAMES; n++) {
		bool hold = held[n / 64] >> n % 64 & 1;

		if (hold && !error) {
			error = frames_reserve(frames, first + n);
			frames->pinned += !error;
			frame_allocator_mark(&frames->allocator, first + n, FRAME_UNMOVABLE);
		}
		if (!hold || error)
			frame_allocator_free(&frames->allocator, first + n, 0);
	}
	return error;
}

int frames_age(struct frames *frames, unsigned percent, uint64_t seed)
{
	uint64_t most = frames->end >> AGED_ORDER, blocks = 0, random = seed, chosen, left;
	pfn_t *block = host_zalloc(frames->alloc, most + 1, sizeof(*block));
	int error = block ? PW_OK : PW_NOMEM;

	while (!error && blocks < most) {
		block[blocks] =
			frame_allocator_alloc(&frames->allocator, AGED_ORDER, FRAME_MOVABLE);
		if (block[blocks] == PFN_NONE)
			break;
		blocks++;
	}
	/* Exactly so many, each set of them as likely as any other (Knuth, TAOCP 2, 3.4.2, S). */
	chosen = (blocks * percent + 50) / 100;
	left = blocks;
	for (uint64_t i = 0; i < blocks; i++, left--) {
		if (!error && splitmix_next(&random) % left < chosen) {
			error = age_block(frames, block[i], &random);
			chosen--;
		} else {
			frame_allocator_free(&frames->allocator, block[i], AGED_ORDER);
		}
	}
	host_free(frames->alloc, block);
	return error;
}
