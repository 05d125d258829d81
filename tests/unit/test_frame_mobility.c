/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Frames grouped by category: which pageblocks a request takes when it has none of its own, by hand
 * (the rules of Linux 6.12, at the head of frame_alloc_mobility.c), and what grouping is good for.
 */

#include "tests/unit/kernel_fixture.h"

#include <sys/mman.h>

enum { BLOCK = 1 << FRAME_PAGEBLOCK_ORDER };

static uint64_t random_state;

static uint64_t random_next(uint64_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % below;
}

static void create(struct frame_allocator *fa, pfn_t pageblocks, bool grouped)
{
	assert_int_equal(frame_allocator_create(fa, "buddy", 0, pageblocks * BLOCK,
						&host_alloc_libc),
			 PW_OK);
	if (grouped)
		frame_allocator_group(fa);
}

static void check(const struct frame_allocator *fa)
{
	const char *what = "?";

	if (fa->ops->check(fa, &what) != PW_OK)
		fail_msg("%s", what);
}

static void done(struct frame_allocator *fa)
{
	check(fa);
	frame_allocator_destroy(fa);
}

static pfn_t take(struct frame_allocator *fa, enum frame_category category)
{
	pfn_t pfn = frame_allocator_alloc(fa, 0, category);

	check(fa);
	return pfn;
}

static void take_many(struct frame_allocator *fa, enum frame_category category, unsigned count)
{
	while (count-- > 0)
		assert_true(frame_allocator_alloc(fa, 0, category) != PFN_NONE);
}

/* Pageblocks by type: movable, unmovable, reclaimable. */
static void expect_types(const struct frame_allocator *fa, uint64_t movable, uint64_t unmovable,
			 uint64_t reclaimable)
{
	struct frame_mobility m;

	frame_allocator_mobility(fa, &m);
	assert_int_equal(m.pageblocks[FRAME_MOVABLE], movable);
	assert_int_equal(m.pageblocks[FRAME_UNMOVABLE], unmovable);
	assert_int_equal(m.pageblocks[FRAME_RECLAIMABLE], reclaimable);
}

/* Four pageblocks, 0 to 3, which are one free block at first. */
static void frame_mobility_claims_pageblocks(void **state)
{
	struct frame_mobility m;
	struct frame_allocator fa;

	(void)state;
	create(&fa, 4, true);
	expect_types(&fa, 4, 0, 0);
	/* The largest block is all of it; the pageblock that the frame is cut from changes hands. */
	assert_int_equal(take(&fa, FRAME_UNMOVABLE), 0);
	expect_types(&fa, 3, 1, 0);
	/* Movable: 1 by itself, 2 and 3 together; the smaller block goes first. */
	assert_int_equal(take(&fa, FRAME_MOVABLE), BLOCK);
	/* Of others the largest: 2 and 3. */
	assert_int_equal(take(&fa, FRAME_RECLAIMABLE), 2 * BLOCK);
	expect_types(&fa, 2, 1, 1);
	assert_int_equal(take(&fa, FRAME_UNMOVABLE), 1);
	assert_int_equal(take(&fa, FRAME_RECLAIMABLE), 2 * BLOCK + 1);
	/*
	 * 1 and 3 are full then. Pageblocks 0 and 2 each have a free block of 256: first comes the
	 * reclaimable one, which is nearly free, so that all of it is movable from now on.
	 */
	take_many(&fa, FRAME_MOVABLE, 2 * BLOCK - 1);
	expect_types(&fa, 2, 1, 1);
	assert_int_equal(take(&fa, FRAME_MOVABLE), 2 * BLOCK + 2);
	expect_types(&fa, 3, 1, 0);
	/* Now reclaimable ones have none: first come those of unmovable ones, and all of them. */
	assert_int_equal(take(&fa, FRAME_RECLAIMABLE), 2);
	expect_types(&fa, 3, 0, 1);
	frame_allocator_mobility(&fa, &m);
	assert_int_equal(m.fallbacks[FRAME_UNMOVABLE], 1);
	assert_int_equal(m.fallbacks[FRAME_MOVABLE], 1);
	assert_int_equal(m.fallbacks[FRAME_RECLAIMABLE], 2);
	assert_int_equal(m.claimed, 4);
	assert_int_equal(m.with_unmovable, 1);
	done(&fa);
}

/* A pageblock of which more than half is in use for others stays theirs: one frame is taken. */
static void frame_mobility_leaves_what_is_full(void **state)
{
	struct frame_allocator fa;

	(void)state;
	create(&fa, 2, true);
	take_many(&fa, FRAME_UNMOVABLE, 300);
	take_many(&fa, FRAME_MOVABLE, BLOCK);
	expect_types(&fa, 1, 1, 0);
	/* 212 are free: 300 to 303, 304 to 319, 320 to 383 and, largest, 384 to 511. */
	assert_int_equal(take(&fa, FRAME_MOVABLE), 384);
	expect_types(&fa, 1, 1, 0);
	/* Two of 64 are the largest then; the one that was cut last comes first. */
	assert_int_equal(take(&fa, FRAME_MOVABLE), 448);
	/* What is left of it stays unmovable. */
	assert_int_equal(take(&fa, FRAME_UNMOVABLE), 449);
	/* 209 are free, and 2 are alike: half of 512 is 45 away. */
	for (pfn_t pfn = 0; pfn < 44; pfn++)
		frame_allocator_free(&fa, pfn, 0);
	assert_int_equal(take(&fa, FRAME_MOVABLE) / BLOCK, 0);
	expect_types(&fa, 1, 1, 0);
	frame_allocator_free(&fa, 44, 0);
	assert_int_equal(take(&fa, FRAME_MOVABLE) / BLOCK, 0);
	expect_types(&fa, 2, 0, 0);
	done(&fa);
}

/* An unmovable request finds alike what is neither free nor movable in a movable pageblock. */
static void frame_mobility_counts_what_is_alike(void **state)
{
	struct frame_allocator fa;

	(void)state;
	/* 200 movable frames and 150 of the page cache in a pageblock that is one free block. */
	create(&fa, 1, true);
	take_many(&fa, FRAME_MOVABLE, 350);
	for (pfn_t pfn = 0; pfn < 150; pfn++)
		frame_allocator_mark(&fa, pfn, FRAME_RECLAIMABLE);
	check(&fa);
	/* 162 free and 150 alike. */
	take(&fa, FRAME_UNMOVABLE);
	expect_types(&fa, 0, 1, 0);
	done(&fa);
	create(&fa, 1, true);
	take_many(&fa, FRAME_MOVABLE, 350);
	for (pfn_t pfn = 0; pfn < 93; pfn++)
		frame_allocator_mark(&fa, pfn, FRAME_RECLAIMABLE);
	/* 162 and 93 are one less than half of 512. */
	take(&fa, FRAME_UNMOVABLE);
	expect_types(&fa, 1, 0, 0);
	done(&fa);
}

/* Requests of more than a pageblock take as many; those of others that join get their type. */
static void frame_mobility_of_large_blocks(void **state)
{
	struct frame_allocator fa;
	uint64_t blocks[FRAME_BLOCK_ORDERS];

	(void)state;
	create(&fa, 8, true);
	assert_int_equal(frame_allocator_alloc(&fa, 11, FRAME_UNMOVABLE), 0);
	expect_types(&fa, 4, 4, 0);
	assert_int_equal(frame_allocator_alloc(&fa, 9, FRAME_MOVABLE), 4 * BLOCK);
	frame_allocator_free(&fa, 0, 11);
	expect_types(&fa, 4, 4, 0);
	frame_allocator_free(&fa, 4 * BLOCK, 9);
	expect_types(&fa, 8, 0, 0);
	frame_allocator_blocks(&fa, blocks);
	assert_int_equal(blocks[12], 1);
	done(&fa);
}

/* --- against a bitmap ------------------------------------------------------------------------ */

enum { RANDOM_BLOCKS = 6, LIVE = 900 };

struct live {
	pfn_t first;
	unsigned order;
};

static void random_take(struct frame_allocator *fa, bool *used, struct live *live, unsigned *count)
{
	unsigned order = random_next(4) ? 0 : (unsigned)random_next(11);
	enum frame_category category = (enum frame_category)random_next(FRAME_CATEGORY_COUNT);
	pfn_t pfn = frame_allocator_alloc(fa, order, category);

	if (pfn == PFN_NONE)
		return;
	for (pfn_t i = pfn; i < pfn + ((pfn_t)1 << order); i++) {
		assert_false(used[i]);
		used[i] = true;
	}
	live[(*count)++] = (struct live){ pfn, order };
}

static void random_give(struct frame_allocator *fa, bool *used, struct live *live, unsigned *count)
{
	unsigned n = (unsigned)random_next(*count);

	for (pfn_t i = 0; i < (pfn_t)1 << live[n].order; i++)
		used[live[n].first + i] = false;
	frame_allocator_free(fa, live[n].first, live[n].order);
	live[n] = live[--*count];
}

static void frame_mobility_matches_a_bitmap(void **state)
{
	static bool used[RANDOM_BLOCKS * BLOCK];
	static struct live live[LIVE];
	struct frame_allocator fa;
	struct frame_mobility m;
	uint64_t blocks[FRAME_BLOCK_ORDERS];
	unsigned count = 0;

	(void)state;
	random_state = 5;
	create(&fa, RANDOM_BLOCKS, true);
	for (unsigned step = 0; step < 100000; step++) {
		/* Phases of filling up and of emptying. */
		if (count == 0 || (count < LIVE && random_next(10) < (step / 2000 % 2 ? 3 : 7)))
			random_take(&fa, used, live, &count);
		else
			random_give(&fa, used, live, &count);
		check(&fa);
	}
	frame_allocator_mobility(&fa, &m);
	for (unsigned i = 0; i < FRAME_CATEGORY_COUNT; i++)
		assert_true(m.fallbacks[i] > 100);
	while (count > 0)
		random_give(&fa, used, live, &count);
	/* All of it is free, in the blocks that there were: 4 pageblocks, and 2. */
	frame_allocator_blocks(&fa, blocks);
	assert_true(blocks[11] == 1 && blocks[10] == 1);
	assert_int_equal(fa.free_count, RANDOM_BLOCKS * BLOCK);
	done(&fa);
}

/* --- what it is good for --------------------------------------------------------------------- */

static uint64_t whole_blocks(const uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	uint64_t whole = 0;

	for (unsigned order = FRAME_PAGEBLOCK_ORDER; order < FRAME_BLOCK_ORDERS; order++)
		whole += blocks[order] << (order - FRAME_PAGEBLOCK_ORDER);
	return whole;
}

/*
 * An unmovable frame, 101 movable ones, 32 times over; then the movable ones go. In order of request
 * the unmovable frames lie 102 apart, in 32 x 102 / 512 = 6.4 pageblocks: 7 of 16 are spoilt. Grouped,
 * they are in one.
 */
static void frame_mobility_keeps_blocks_whole(void **state)
{
	(void)state;
	for (unsigned grouped = 0; grouped < 2; grouped++) {
		static pfn_t movable[32 * 101];
		uint64_t blocks[FRAME_BLOCK_ORDERS];
		struct frame_mobility m;
		struct frame_allocator fa;

		create(&fa, 16, grouped);
		for (unsigned i = 0; i < 32 * 101; i++) {
			if (i % 101 == 0)
				frame_allocator_alloc(&fa, 0, FRAME_UNMOVABLE);
			movable[i] = frame_allocator_alloc(&fa, 0, FRAME_MOVABLE);
		}
		for (unsigned i = 0; i < 32 * 101; i++)
			frame_allocator_free(&fa, movable[i], 0);
		frame_allocator_blocks(&fa, blocks);
		frame_allocator_mobility(&fa, &m);
		assert_int_equal(whole_blocks(blocks), grouped ? 15 : 9);
		assert_int_equal(m.with_unmovable, grouped ? 1 : 7);
		done(&fa);
	}
}

static void without_grouping(struct kernel_config *config)
{
	config->group_by_mobility = false;
}

static void aged(struct kernel_config *config)
{
	config->fragment_percent = 10;
}

static void aged_without_grouping(struct kernel_config *config)
{
	aged(config);
	without_grouping(config);
}

/*
 * 48 processes are made, and one of them fills 120 pages after each: 48 x 120 pages, 11.25
 * pageblocks. Then the pages go and the processes stay. Returns the free blocks of 2 MiB.
 */
static uint64_t live_through(void (*configure)(struct kernel_config *config), uint64_t *spoilt)
{
	const va_t va = 0x1000000;
	const uint64_t bytes = 48 * 120 * (uint64_t)FRAME_BYTES;
	struct fixture *f = fx_new();
	uint64_t blocks[FRAME_BLOCK_ORDERS];
	struct frame_mobility m;

	f->configure = configure;
	assert_int_equal(fx_try_create(f, "radix", 64 << 20), PW_OK);
	assert_int_equal(kernel_space_create(f->kernel), 1);
	assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	assert_int_equal(kernel_mmap(f->kernel, va, bytes, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0),
			 va);
	for (unsigned i = 0; i < 48 * 120; i++) {
		if (i % 120 == 0)
			assert_true(kernel_space_create(f->kernel) > 1);
		fx_must(f, va + i * (uint64_t)FRAME_BYTES, ACCESS_WRITE);
	}
	assert_int_equal(kernel_munmap(f->kernel, va, bytes), 0);
	kernel_free_blocks(f->kernel, blocks);
	kernel_mobility(f->kernel, &m);
	*spoilt = m.with_unmovable;
	fx_check(f);
	fx_destroy(f);
	return whole_blocks(blocks);
}

/*
 * 32 pageblocks, of which the first has frame 0. Page tables and slabs of 48 processes are 48 roots
 * and less than 200 frames more: with grouping in one pageblock, which may be the first. Without, each
 * process puts some of its own among the pages: at least into the 11 whole pageblocks that these fill.
 * Aged memory has pinned frames in 3 of the 31 that are whole. What is free in these goes first: at
 * most 4 x 511 of 5760 pages lie there and in the first, the others in 7 whole pageblocks.
 */
static void frame_mobility_in_the_kernel(void **state)
{
	uint64_t spoilt, grouped, mixed;

	(void)state;
	grouped = live_through(NULL, &spoilt);
	assert_in_range(spoilt, 1, 2);
	assert_in_range(grouped, 30, 31);
	mixed = live_through(without_grouping, &spoilt);
	assert_in_range(spoilt, 11, 13);
	assert_in_range(mixed, 32 - 13, 32 - 11);
	grouped = live_through(aged, &spoilt);
	assert_in_range(spoilt, 3 + 1, 3 + 2);
	mixed = live_through(aged_without_grouping, &spoilt);
	assert_true(grouped >= mixed + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_mobility_claims_pageblocks),
		cmocka_unit_test(frame_mobility_leaves_what_is_full),
		cmocka_unit_test(frame_mobility_counts_what_is_alike),
		cmocka_unit_test(frame_mobility_of_large_blocks),
		cmocka_unit_test(frame_mobility_matches_a_bitmap),
		cmocka_unit_test(frame_mobility_keeps_blocks_whole),
		cmocka_unit_test(frame_mobility_in_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
