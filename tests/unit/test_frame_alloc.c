/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Every registered frame allocator, against a bitmap. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emu/kernel/frame_alloc.h"

static uint64_t random_state;

static uint64_t random_next(uint64_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % below;
}

static void check(const struct frame_allocator *fa)
{
	const char *what = "?";

	if (fa->ops->check(fa, &what) != PW_OK)
		fail_msg("%s: %s", fa->ops->name, what);
}

enum { FRAMES = 300, BLOCKS = 300 };

struct block {
	pfn_t first;
	unsigned order;
};

static bool any_run(const bool *used, pfn_t first, pfn_t end, unsigned order)
{
	pfn_t count = (pfn_t)1 << order;

	for (pfn_t at = (first + count - 1) & ~(count - 1); at + count <= end; at += count) {
		pfn_t i = 0;

		while (i < count && !used[at + i])
			i++;
		if (i == count)
			return true;
	}
	return false;
}

/* One in four requests is for a run that need not be aligned. */
static void take(struct frame_allocator *fa, bool *used, struct block *blocks, unsigned *live,
		 pfn_t end)
{
	unsigned order = random_next(4) ? 0 : (unsigned)random_next(6);
	bool anywhere = random_next(4) == 0;
	pfn_t pfn = anywhere ? frame_allocator_alloc_run(fa, order)
			     : frame_allocator_alloc(fa, order, FRAME_MOVABLE);

	if (pfn == PFN_NONE) {
		assert_false(any_run(used, 1, end, order));
		return;
	}
	assert_true(anywhere || pfn % ((pfn_t)1 << order) == 0);
	for (pfn_t i = pfn; i < pfn + ((pfn_t)1 << order); i++) {
		assert_true(i >= 1 && i < end && !used[i]);
		used[i] = true;
	}
	blocks[(*live)++] = (struct block){ pfn, order };
}

static void give(struct frame_allocator *fa, bool *used, struct block *blocks, unsigned *live)
{
	unsigned n = (unsigned)random_next(*live);

	for (pfn_t i = 0; i < (pfn_t)1 << blocks[n].order; i++)
		used[blocks[n].first + i] = false;
	frame_allocator_free(fa, blocks[n].first, blocks[n].order);
	blocks[n] = blocks[--*live];
}

/* The maximal free blocks, by trying every place from the largest order down. */
static void check_blocks(const struct frame_allocator *fa, const bool *used, pfn_t end)
{
	uint64_t blocks[FRAME_BLOCK_ORDERS], expected[FRAME_BLOCK_ORDERS] = { 0 };
	static bool seen[FRAMES + 1];

	memcpy(seen, used, sizeof(seen));
	for (unsigned order = FRAME_BLOCK_ORDERS; order-- > 0;) {
		pfn_t count = (pfn_t)1 << order;

		for (pfn_t at = count; at + count <= end; at += count) {
			pfn_t i = 0;

			while (i < count && !seen[at + i])
				i++;
			if (i < count)
				continue;
			memset(seen + at, true, count);
			expected[order]++;
		}
	}
	frame_allocator_blocks(fa, blocks);
	assert_memory_equal(blocks, expected, sizeof(blocks));
}

static void frame_alloc_matches_a_bitmap(void **state)
{
	(void)state;
	for (unsigned a = 0; frame_allocators[a]; a++) {
		static bool used[FRAMES + 1];
		static struct block blocks[BLOCKS];
		struct frame_allocator fa;
		unsigned live = 0;

		memset(used, 0, sizeof(used));
		random_state = 11;
		assert_int_equal(frame_allocator_create(&fa, frame_allocators[a]->name, 1, FRAMES,
							&host_alloc_libc),
				 PW_OK);
		for (unsigned step = 0; step < 1000000; step++) {
			/* Phases of filling up and of emptying. */
			if (live == 0 ||
			    (live < BLOCKS && random_next(10) < (step / 1000 % 2 ? 3 : 7)))
				take(&fa, used, blocks, &live, FRAMES);
			else
				give(&fa, used, blocks, &live);
			check(&fa);
			if (step % 16 == 0)
				check_blocks(&fa, used, FRAMES);
		}
		while (live > 0)
			give(&fa, used, blocks, &live);
		assert_int_equal(fa.free_count, FRAMES - 1);
		check(&fa);
		/* What is left is what there was: the largest blocks are back. */
		check_blocks(&fa, used, FRAMES);
		frame_allocator_destroy(&fa);
	}
}

static void frame_alloc_list_is_lowest_first_then_last_freed(void **state)
{
	struct frame_allocator fa;

	(void)state;
	assert_int_equal(frame_allocator_create(&fa, "list", 1, 64, &host_alloc_libc), PW_OK);
	for (pfn_t i = 1; i < 6; i++)
		assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), i);
	frame_allocator_free(&fa, 2, 0);
	frame_allocator_free(&fa, 4, 0);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 4);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 2);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 6);
	/* 8..15 is the next aligned eight; 7 becomes the one freed last. */
	assert_int_equal(frame_allocator_alloc(&fa, 3, FRAME_MOVABLE), 8);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 7);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 16);
	frame_allocator_destroy(&fa);
}

static struct frame_allocator memory_of(const char *name, pfn_t first, pfn_t frames)
{
	struct frame_allocator fa;

	assert_int_equal(frame_allocator_create(&fa, name, first, first + frames, &host_alloc_libc),
			 PW_OK);
	return fa;
}

static unsigned unusable(const struct frame_allocator *fa, unsigned order)
{
	uint64_t blocks[FRAME_BLOCK_ORDERS];

	frame_allocator_blocks(fa, blocks);
	return frame_unusable_index(blocks, order);
}

/*
 * The lecture's case: 16 frames, one request of 2 and three of 4, the 2 given back, 4 wanted.
 * First fit lays them side by side: 0-1, 2-5, 6-9, 10-13, and the 4 free frames are 0-1 and 14-15.
 * The buddy allocator has 0-1, 4-7, 8-11, 12-15; 2-3 and the freed 0-1 merge, and the request fits.
 */
static void frame_alloc_sixteen_frames(void **state)
{
	struct frame_allocator buddy = memory_of("buddy", 16, 16);
	struct frame_allocator first_fit = memory_of("first-fit", 16, 16);

	(void)state;
	assert_int_equal(frame_allocator_alloc_run(&buddy, 1), 16);
	assert_int_equal(frame_allocator_alloc_run(&first_fit, 1), 16);
	for (pfn_t i = 0; i < 3; i++) {
		assert_int_equal(frame_allocator_alloc_run(&buddy, 2), 20 + 4 * i);
		assert_int_equal(frame_allocator_alloc_run(&first_fit, 2), 18 + 4 * i);
	}
	frame_allocator_free(&buddy, 16, 1);
	frame_allocator_free(&first_fit, 16, 1);
	assert_int_equal(buddy.free_count, 4);
	assert_int_equal(first_fit.free_count, 4);
	/* All free memory serves a request of 4; or none of it does. */
	assert_int_equal(unusable(&buddy, 2), 0);
	assert_int_equal(unusable(&first_fit, 2), 1000);
	assert_int_equal(frame_allocator_alloc_run(&buddy, 2), 16);
	assert_int_equal(frame_allocator_alloc_run(&first_fit, 2), PFN_NONE);
	frame_allocator_destroy(&buddy);
	frame_allocator_destroy(&first_fit);
}

/* 8 frames, 2 and 4, the 2 given back, 4 wanted: first fit has 0-1 and 6-7, buddies have 0-3. */
static void frame_alloc_eight_frames(void **state)
{
	struct frame_allocator buddy = memory_of("buddy", 8, 8);
	struct frame_allocator first_fit = memory_of("first-fit", 8, 8);

	(void)state;
	assert_int_equal(frame_allocator_alloc_run(&buddy, 1), 8);
	assert_int_equal(frame_allocator_alloc_run(&first_fit, 1), 8);
	assert_int_equal(frame_allocator_alloc_run(&buddy, 2), 12);
	assert_int_equal(frame_allocator_alloc_run(&first_fit, 2), 10);
	frame_allocator_free(&buddy, 8, 1);
	frame_allocator_free(&first_fit, 8, 1);
	assert_int_equal(frame_allocator_alloc_run(&buddy, 2), 8);
	assert_int_equal(frame_allocator_alloc_run(&first_fit, 2), PFN_NONE);
	frame_allocator_destroy(&buddy);
	frame_allocator_destroy(&first_fit);
}

static void expect_blocks(const struct frame_allocator *fa, const uint64_t *expected)
{
	uint64_t blocks[FRAME_BLOCK_ORDERS];

	frame_allocator_blocks(fa, blocks);
	for (unsigned order = 0; order <= 6; order++)
		assert_int_equal(blocks[order], expected[order]);
}

/*
 * 64 units. 8 wanted: 64 is cut into 32 + 32, 16 + 16, 8 + 8, and the lowest 8 is handed out. 8
 * wanted: its buddy. 4 wanted: the 16 at 16 is cut into 8 + 8, the 8 at 16 into 4 + 4. Given back
 * in any order, everything is one block of 64 again.
 */
static void frame_alloc_sixty_four_units(void **state)
{
	struct frame_allocator fa = memory_of("buddy", 64, 64);

	(void)state;
	expect_blocks(&fa, (const uint64_t[]){ 0, 0, 0, 0, 0, 0, 1 });
	assert_int_equal(frame_allocator_alloc(&fa, 3, FRAME_MOVABLE), 64 + 0);
	expect_blocks(&fa, (const uint64_t[]){ 0, 0, 0, 1, 1, 1, 0 });
	assert_int_equal(frame_allocator_alloc(&fa, 3, FRAME_MOVABLE), 64 + 8);
	expect_blocks(&fa, (const uint64_t[]){ 0, 0, 0, 0, 1, 1, 0 });
	assert_int_equal(frame_allocator_alloc(&fa, 2, FRAME_MOVABLE), 64 + 16);
	expect_blocks(&fa, (const uint64_t[]){ 0, 0, 1, 1, 0, 1, 0 });
	check(&fa);
	frame_allocator_free(&fa, 64 + 8, 3);
	expect_blocks(&fa, (const uint64_t[]){ 0, 0, 1, 2, 0, 1, 0 });
	frame_allocator_free(&fa, 64 + 16, 2);
	expect_blocks(&fa, (const uint64_t[]){ 0, 0, 0, 1, 1, 1, 0 });
	frame_allocator_free(&fa, 64 + 0, 3);
	expect_blocks(&fa, (const uint64_t[]){ 0, 0, 0, 0, 0, 0, 1 });
	check(&fa);
	frame_allocator_destroy(&fa);
}

/* Of one order the block freed last is handed out first; fresh memory comes lowest first. */
static void frame_alloc_buddy_is_last_in_first_out(void **state)
{
	struct frame_allocator fa = memory_of("buddy", 1, 63);

	(void)state;
	for (pfn_t i = 1; i < 16; i++)
		assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), i);
	frame_allocator_free(&fa, 4, 0);
	frame_allocator_free(&fa, 9, 0);
	frame_allocator_free(&fa, 6, 0);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 6);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 9);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 4);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 16);
	/* 17 is alone, 18 and 19 are one block: the smallest that serves is cut. */
	frame_allocator_free(&fa, 4, 0);
	frame_allocator_free(&fa, 5, 0);
	assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 17);
	assert_int_equal(frame_allocator_alloc(&fa, 1, FRAME_MOVABLE), 4);
	check(&fa);
	frame_allocator_destroy(&fa);
}

/* 2 MiB is order 9, 1 GiB order 18. Of 4 GiB without frame 0, three blocks of 1 GiB are whole. */
static void frame_alloc_buddy_has_huge_blocks(void **state)
{
	enum { GIB = 1 << 18 };
	struct frame_allocator fa = memory_of("buddy", 1, 4 * GIB - 1);
	static pfn_t taken[4 * GIB];
	uint64_t blocks[FRAME_BLOCK_ORDERS];
	unsigned count = 0;

	(void)state;
	assert_int_equal(frame_allocator_alloc(&fa, 18, FRAME_MOVABLE), 1 * GIB);
	assert_int_equal(frame_allocator_alloc(&fa, 9, FRAME_MOVABLE), 512);
	assert_int_equal(frame_allocator_alloc(&fa, 18, FRAME_MOVABLE), 2 * GIB);
	assert_int_equal(frame_allocator_alloc(&fa, 18, FRAME_MOVABLE), 3 * GIB);
	assert_int_equal(frame_allocator_alloc(&fa, 18, FRAME_MOVABLE), PFN_NONE);
	assert_int_equal(frame_allocator_alloc(&fa, 19, FRAME_MOVABLE), PFN_NONE);
	frame_allocator_free(&fa, 512, 9);
	/* Parts of a block may go on their own. */
	frame_allocator_free(&fa, 1 * GIB + 4096, 12);
	assert_int_equal(frame_allocator_alloc(&fa, 12, FRAME_MOVABLE), 1 * GIB + 4096);
	for (unsigned i = 1; i <= 3; i++)
		for (pfn_t at = i * GIB; at < (i + 1) * GIB; at += 4096)
			frame_allocator_free(&fa, at, 12);
	check(&fa);
	/* Frame by frame: all of it, and all of it comes back as it was. */
	while ((taken[count] = frame_allocator_alloc(&fa, 0, FRAME_MOVABLE)) != PFN_NONE)
		count++;
	assert_int_equal(count, 4 * GIB - 1);
	for (unsigned i = 0; i < count; i++)
		frame_allocator_free(&fa, taken[(i * UINT64_C(7919)) % count], 0);
	frame_allocator_blocks(&fa, blocks);
	assert_int_equal(blocks[18], 3);
	for (unsigned order = 0; order < 18; order++)
		assert_int_equal(blocks[order], 1);
	check(&fa);
	frame_allocator_destroy(&fa);
}

/*
 * Fragmentation as a number. Every other frame of 64 is free: no request of 2 can be served, all
 * of 1 can. Of 16 free frames, of which 12 lie in blocks of 4, a quarter is of no use for 4.
 */
static void frame_alloc_unusable_index_is_gormans(void **state)
{
	uint64_t blocks[FRAME_BLOCK_ORDERS] = { [0] = 2, [1] = 1, [2] = 3 };

	(void)state;
	assert_int_equal(frame_unusable_index(blocks, 0), 0);
	assert_int_equal(frame_unusable_index(blocks, 1), 125);
	assert_int_equal(frame_unusable_index(blocks, 2), 250);
	assert_int_equal(frame_unusable_index(blocks, 3), 1000);
	memset(blocks, 0, sizeof(blocks));
	assert_int_equal(frame_unusable_index(blocks, 0), 1000);
	for (unsigned a = 0; frame_allocators[a]; a++) {
		struct frame_allocator fa = memory_of(frame_allocators[a]->name, 64, 64);

		for (pfn_t i = 64; i < 128; i++)
			assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), i);
		for (pfn_t i = 64; i < 128; i += 2)
			frame_allocator_free(&fa, i, 0);
		assert_int_equal(unusable(&fa, 0), 0);
		assert_int_equal(unusable(&fa, 1), 1000);
		frame_allocator_destroy(&fa);
	}
}

struct limited {
	struct host_alloc alloc;
	unsigned calls, fail_at;
	size_t bytes;
};

static void *limited_resize(void *ctx, void *old, size_t bytes)
{
	struct limited *limited = ctx;

	if (bytes > 0 && limited->calls++ == limited->fail_at)
		return NULL;
	limited->bytes += bytes;
	return host_alloc_libc.resize(NULL, old, bytes);
}

static void frame_alloc_survives_host_refusals(void **state)
{
	(void)state;
	for (unsigned try = 0; try < 3 * 16; try++) {
		const char *name = frame_allocators[try / 16]->name;
		struct limited limited = { .fail_at = try % 16 };
		struct frame_allocator fa;
		uint64_t got = 0;

		limited.alloc = (struct host_alloc){ limited_resize, &limited };
		if (frame_allocator_create(&fa, name, 1, 20000, &limited.alloc) != PW_OK) {
			/* The buddy allocator cuts its memory into blocks at once. */
			assert_true(limited.fail_at < (try < 16 ? 7 : 2));
			continue;
		}
		for (unsigned i = 0; i < 20000; i++)
			got += frame_allocator_alloc(&fa, 0, FRAME_MOVABLE) != PFN_NONE;
		/* One refused call, tried again by the next request. */
		assert_int_equal(got, 19999);
		assert_int_equal(fa.free_count, 0);
		check(&fa);
		frame_allocator_destroy(&fa);
	}
}

static void frame_alloc_untouched_frames_cost_nothing(void **state)
{
	(void)state;
	for (unsigned a = 0; frame_allocators[a]; a++) {
		struct limited limited = { .fail_at = UINT32_MAX };
		struct frame_allocator fa;

		limited.alloc = (struct host_alloc){ limited_resize, &limited };
		/*
		 * 64 GiB: 16 Mi frames. The buddy allocator has 7 chunks in the first GiB, of 48 KiB
		 * each, a directory of 32 KiB, and 8 bytes for each of 32 Ki pageblocks.
		 */
		assert_int_equal(frame_allocator_create(&fa, frame_allocators[a]->name, 1, 1 << 24,
							&limited.alloc),
				 PW_OK);
		assert_int_equal(frame_allocator_alloc(&fa, 0, FRAME_MOVABLE), 1);
		assert_true(limited.bytes < (400 + 256) * 1024);
		frame_allocator_destroy(&fa);
	}
}

static void frame_alloc_refuses_what_is_wrong(void **state)
{
	struct frame_allocator fa;

	(void)state;
	assert_null(frame_allocator_find("nothing"));
	assert_int_equal(frame_allocator_create(&fa, "nothing", 1, 2, &host_alloc_libc),
			 PW_INVALID);
	assert_int_equal(frame_allocator_create(&fa, "list", 2, 2, &host_alloc_libc), PW_INVALID);
	assert_int_equal(frame_allocator_create(&fa, "list", 1, 9, &host_alloc_libc), PW_OK);
	assert_int_equal(frame_allocator_alloc(&fa, 60, FRAME_MOVABLE), PFN_NONE);
	assert_int_equal(frame_allocator_alloc(&fa, 3, FRAME_MOVABLE), PFN_NONE);
	frame_allocator_destroy(&fa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_alloc_matches_a_bitmap),
		cmocka_unit_test(frame_alloc_list_is_lowest_first_then_last_freed),
		cmocka_unit_test(frame_alloc_sixteen_frames),
		cmocka_unit_test(frame_alloc_eight_frames),
		cmocka_unit_test(frame_alloc_sixty_four_units),
		cmocka_unit_test(frame_alloc_buddy_is_last_in_first_out),
		cmocka_unit_test(frame_alloc_buddy_has_huge_blocks),
		cmocka_unit_test(frame_alloc_unusable_index_is_gormans),
		cmocka_unit_test(frame_alloc_survives_host_refusals),
		cmocka_unit_test(frame_alloc_untouched_frames_cost_nothing),
		cmocka_unit_test(frame_alloc_refuses_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
