/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * First fit: the lowest run of free frames that is long enough. A run without regard to alignment
 * begins right behind what lies below, as in the textbook's variable partitions, and so leaves the
 * scattered rests that a buddy allocator avoids (Knuth, The Art of Computer Programming 1, section
 * 2.5, "first-fit"). An aligned one is the lowest aligned place that is free.
 *
 * A bitmap, in chunks of 4096 frames that are made when a frame in them is first handed out; a
 * search starts at the lowest free frame and passes over a word of 64 used frames at once. Slow for
 * large requests by nature: linear in memory.
 *
 * Invariants (first_fit_check): the free frames are free_count; none lies below `lowest`.
 */

#include <assert.h>

#include "emu/kernel/frame_alloc_private.h"

enum { WORD_LG2 = 6, CHUNK_LG2 = 12, CHUNK_WORDS = 1 << (CHUNK_LG2 - WORD_LG2) };

struct first_fit {
	pfn_t first, end;
	pfn_t lowest; /* no free frame lies below */
	uint64_t chunks;
	uint64_t **chunk; /* by frame number: 1 is used; NULL: all free */
};

static uint64_t word_of(const struct first_fit *ff, pfn_t pfn)
{
	const uint64_t *chunk = ff->chunk[pfn >> CHUNK_LG2];

	return chunk ? chunk[pfn >> WORD_LG2 & (CHUNK_WORDS - 1)] : 0;
}

static inline bool is_used(const struct first_fit *ff, pfn_t pfn)
{
	return word_of(ff, pfn) >> (pfn & 63) & 1;
}

static void set_used(struct first_fit *ff, pfn_t pfn, bool used)
{
	uint64_t *word = &ff->chunk[pfn >> CHUNK_LG2][pfn >> WORD_LG2 & (CHUNK_WORDS - 1)];
	uint64_t bit = UINT64_C(1) << (pfn & 63);

	*word = used ? *word | bit : *word & ~bit;
}

/* The first free, or the first used frame from pfn on, or the end. */
static pfn_t next_frame(const struct first_fit *ff, pfn_t pfn, bool used)
{
	while (pfn < ff->end) {
		uint64_t word = used ? word_of(ff, pfn) : ~word_of(ff, pfn);

		word >>= pfn & 63;
		if (word) {
			pfn += (pfn_t)__builtin_ctzll(word);
			return pfn < ff->end ? pfn : ff->end;
		}
		pfn = (pfn | 63) + 1;
	}
	return ff->end;
}

static bool cover(struct frame_allocator *fa, pfn_t pfn, pfn_t frames)
{
	struct first_fit *ff = fa->state;

	for (uint64_t i = pfn >> CHUNK_LG2; i <= (pfn + frames - 1) >> CHUNK_LG2; i++) {
		if (!ff->chunk[i])
			ff->chunk[i] = host_zalloc(fa->alloc, CHUNK_WORDS, sizeof(uint64_t));
		if (!ff->chunk[i])
			return false;
	}
	return true;
}

static int first_fit_create(struct frame_allocator *fa, pfn_t first, pfn_t end)
{
	struct first_fit *ff = host_zalloc(fa->alloc, 1, sizeof(*ff));

	if (!ff)
		return PW_NOMEM;
	ff->first = ff->lowest = first;
	ff->end = end;
	ff->chunks = (end + (1 << CHUNK_LG2) - 1) >> CHUNK_LG2;
	ff->chunk = host_zalloc(fa->alloc, ff->chunks, sizeof(uint64_t *));
	if (!ff->chunk) {
		host_free(fa->alloc, ff);
		return PW_NOMEM;
	}
	fa->state = ff;
	return PW_OK;
}

static void first_fit_destroy(struct frame_allocator *fa)
{
	struct first_fit *ff = fa->state;

	for (uint64_t i = 0; i < ff->chunks; i++)
		host_free(fa->alloc, ff->chunk[i]);
	host_free(fa->alloc, ff->chunk);
	host_free(fa->alloc, ff);
}

static pfn_t find(struct frame_allocator *fa, unsigned order, unsigned align_lg2)
{
	struct first_fit *ff = fa->state;
	pfn_t frames = (pfn_t)1 << order, align = (pfn_t)1 << align_lg2, start, end;

	for (start = next_frame(ff, ff->lowest, false);; start = next_frame(ff, end, false)) {
		pfn_t place = (start + align - 1) & ~(align - 1);

		if (place >= ff->end || ff->end - place < frames)
			return PFN_NONE;
		end = next_frame(ff, start, true);
		if (end <= place || end - place < frames)
			continue;
		if (!cover(fa, place, frames))
			return PFN_NONE;
		for (pfn_t pfn = place; pfn < place + frames; pfn++)
			set_used(ff, pfn, true);
		if (place == ff->lowest)
			ff->lowest += frames;
		return place;
	}
}

static pfn_t first_fit_alloc(struct frame_allocator *fa, unsigned order,
			     enum frame_category category)
{
	(void)category;
	return find(fa, order, order);
}

static pfn_t first_fit_alloc_run(struct frame_allocator *fa, unsigned order)
{
	return find(fa, order, 0);
}

static void first_fit_free(struct frame_allocator *fa, pfn_t first, unsigned order)
{
	struct first_fit *ff = fa->state;

	for (pfn_t pfn = first; pfn < first + ((pfn_t)1 << order); pfn++) {
		assert(is_used(ff, pfn) && "frame freed twice");
		set_used(ff, pfn, false);
	}
	if (first < ff->lowest)
		ff->lowest = first;
}

static void first_fit_count_blocks(const struct frame_allocator *fa,
				   uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	const struct first_fit *ff = fa->state;
	pfn_t start, end;

	for (start = next_frame(ff, ff->lowest, false); start < ff->end;
	     start = next_frame(ff, end, false)) {
		end = next_frame(ff, start, true);
		frame_run_blocks(blocks, start, end);
	}
}

static int first_fit_check(const struct frame_allocator *fa, const char **what)
{
	const struct first_fit *ff = fa->state;
	uint64_t free = 0;
	pfn_t start, end;

	*what = "a free frame lies below the lowest free one";
	if (next_frame(ff, ff->first, false) < ff->lowest)
		return PW_CORRUPT;
	for (start = next_frame(ff, ff->first, false); start < ff->end;
	     start = next_frame(ff, end, false)) {
		end = next_frame(ff, start, true);
		free += end - start;
	}
	*what = "the count of free frames is not that of the bitmap";
	return free == fa->free_count ? PW_OK : PW_CORRUPT;
}

const struct frame_allocator_ops frame_alloc_first_fit_ops = {
	.name = "first-fit",
	.create = first_fit_create,
	.destroy = first_fit_destroy,
	.alloc = first_fit_alloc,
	.alloc_run = first_fit_alloc_run,
	.free = first_fit_free,
	.count_blocks = first_fit_count_blocks,
	.check = first_fit_check,
};
