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

static void take(struct frame_allocator *fa, bool *used, struct block *blocks, unsigned *live,
		 pfn_t end)
{
	unsigned order = random_next(4) ? 0 : (unsigned)random_next(6);
	pfn_t pfn = frame_allocator_alloc(fa, order);

	if (pfn == PFN_NONE) {
		assert_false(any_run(used, 1, end, order));
		return;
	}
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
		for (unsigned step = 0; step < 200000; step++) {
			/* Phases of filling up and of emptying. */
			if (live == 0 ||
			    (live < BLOCKS && random_next(10) < (step / 1000 % 2 ? 3 : 7)))
				take(&fa, used, blocks, &live, FRAMES);
			else
				give(&fa, used, blocks, &live);
			if (step % 64 == 0)
				check(&fa);
		}
		while (live > 0)
			give(&fa, used, blocks, &live);
		assert_int_equal(fa.free_count, FRAMES - 1);
		check(&fa);
		frame_allocator_destroy(&fa);
	}
}

static void frame_alloc_list_is_lowest_first_then_last_freed(void **state)
{
	struct frame_allocator fa;

	(void)state;
	assert_int_equal(frame_allocator_create(&fa, "list", 1, 64, &host_alloc_libc), PW_OK);
	for (pfn_t i = 1; i < 6; i++)
		assert_int_equal(frame_allocator_alloc(&fa, 0), i);
	frame_allocator_free(&fa, 2, 0);
	frame_allocator_free(&fa, 4, 0);
	assert_int_equal(frame_allocator_alloc(&fa, 0), 4);
	assert_int_equal(frame_allocator_alloc(&fa, 0), 2);
	assert_int_equal(frame_allocator_alloc(&fa, 0), 6);
	/* 8..15 is the next aligned eight; 7 becomes the one freed last. */
	assert_int_equal(frame_allocator_alloc(&fa, 3), 8);
	assert_int_equal(frame_allocator_alloc(&fa, 0), 7);
	assert_int_equal(frame_allocator_alloc(&fa, 0), 16);
	frame_allocator_destroy(&fa);
}

/*
 * The lecture's case: 16 frames, one request of 2 and three of 4, the 2 given back, 4 wanted. With
 * blocks laid side by side, the 4 free frames are two pieces of 2 and the request fails. Natural
 * alignment leaves 2 frames behind the first request, and these and the freed ones are one piece.
 */
static void frame_alloc_alignment_keeps_pieces_together(void **state)
{
	(void)state;
	for (unsigned a = 0; frame_allocators[a]; a++) {
		struct frame_allocator fa;
		pfn_t two;

		assert_int_equal(frame_allocator_create(&fa, frame_allocators[a]->name, 16, 32,
							&host_alloc_libc),
				 PW_OK);
		two = frame_allocator_alloc(&fa, 1);
		assert_int_equal(two, 16);
		for (unsigned i = 0; i < 3; i++)
			assert_int_not_equal(frame_allocator_alloc(&fa, 2), PFN_NONE);
		frame_allocator_free(&fa, two, 1);
		assert_int_equal(fa.free_count, 4);
		assert_int_equal(frame_allocator_alloc(&fa, 2), 16);
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
	for (unsigned fail_at = 0; fail_at < 8; fail_at++) {
		struct limited limited = { .fail_at = fail_at };
		struct frame_allocator fa;
		uint64_t got = 0;

		limited.alloc = (struct host_alloc){ limited_resize, &limited };
		if (frame_allocator_create(&fa, "list", 1, 20000, &limited.alloc) != PW_OK) {
			assert_true(fail_at < 2);
			continue;
		}
		for (unsigned i = 0; i < 20000; i++)
			got += frame_allocator_alloc(&fa, 0) != PFN_NONE;
		/* One refused call, tried again by the next request. */
		assert_int_equal(got, 19999);
		assert_int_equal(fa.free_count, 0);
		check(&fa);
		frame_allocator_destroy(&fa);
	}
}

static void frame_alloc_untouched_frames_cost_nothing(void **state)
{
	struct limited limited = { .fail_at = UINT32_MAX };
	struct frame_allocator fa;

	(void)state;
	limited.alloc = (struct host_alloc){ limited_resize, &limited };
	/* 64 GiB: 16 Mi frames. */
	assert_int_equal(frame_allocator_create(&fa, "list", 1, 1 << 24, &limited.alloc), PW_OK);
	assert_int_equal(frame_allocator_alloc(&fa, 0), 1);
	assert_true(limited.bytes < 128 * 1024);
	frame_allocator_destroy(&fa);
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
	assert_int_equal(frame_allocator_alloc(&fa, 60), PFN_NONE);
	assert_int_equal(frame_allocator_alloc(&fa, 3), PFN_NONE);
	frame_allocator_destroy(&fa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_alloc_matches_a_bitmap),
		cmocka_unit_test(frame_alloc_list_is_lowest_first_then_last_freed),
		cmocka_unit_test(frame_alloc_alignment_keeps_pieces_together),
		cmocka_unit_test(frame_alloc_survives_host_refusals),
		cmocka_unit_test(frame_alloc_untouched_frames_cost_nothing),
		cmocka_unit_test(frame_alloc_refuses_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
