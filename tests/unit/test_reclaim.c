/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Replacement policies against reference strings. An access sets A (and D, where marked), so
 * loading a page leaves A set, and clearing A is seen by the next access (`clear_accessed: flush`).
 * Every policy is also driven at random against a set of resident pages.
 */

#include "emu/kernel/reclaim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { PAGES = 64, FRAMES = 64 };

struct play {
	struct reclaim reclaim;
	unsigned frames, used;
	pfn_t frame_of[PAGES]; /* 0: not resident */
	unsigned page_of[FRAMES + 1];
	unsigned bits[FRAMES + 1];
	bool pinned[FRAMES + 1];
	const unsigned *string;
	unsigned length, now;
	unsigned faults;
};

static struct play play;

static unsigned look(void *ctx, pfn_t pfn, bool clear)
{
	struct play *p = ctx;
	unsigned bits = p->bits[pfn];

	assert_int_not_equal(p->page_of[pfn], 0);
	if (clear)
		p->bits[pfn] &= ~(unsigned)LOOK_ACCESSED;
	return bits;
}

static bool evictable(void *ctx, pfn_t pfn)
{
	struct play *p = ctx;

	return !p->pinned[pfn];
}

static uint64_t next_use(void *ctx, struct reclaim_key key)
{
	struct play *p = ctx;

	for (unsigned i = p->now + 1; i < p->length; i++)
		if (p->string[i] == key.index)
			return i - p->now;
	return UINT64_MAX;
}

static void start(const char *policy, unsigned frames)
{
	const struct reclaim_setup setup = { .policy = policy,
					     .end = FRAMES + 1,
					     .seed = 1,
					     .swappiness = 60,
					     .host = { &play, look, evictable, next_use },
					     .alloc = &host_alloc_libc };

	memset(&play, 0, sizeof(play));
	play.frames = frames;
	assert_int_equal(reclaim_init(&play.reclaim, &setup), PW_OK);
}

static void evict(pfn_t pfn)
{
	reclaim_remove(&play.reclaim, pfn);
	play.frame_of[play.page_of[pfn]] = 0;
	play.page_of[pfn] = 0;
}

static pfn_t free_frame(void)
{
	pfn_t pfn;

	if (play.used < play.frames)
		return ++play.used;
	pfn = reclaim_victim(&play.reclaim);
	assert_int_not_equal(pfn, PFN_NONE);
	evict(pfn);
	return pfn;
}

static void touch(unsigned page, bool write)
{
	pfn_t pfn = play.frame_of[page];

	if (!pfn) {
		play.faults++;
		pfn = free_frame();
		play.frame_of[page] = pfn;
		play.page_of[pfn] = page;
		play.bits[pfn] = 0;
		reclaim_insert(&play.reclaim, pfn, page % 2 ? RECLAIM_ANONYMOUS : RECLAIM_FILE,
			       (struct reclaim_key){ 1, page });
	}
	play.bits[pfn] |= LOOK_ACCESSED | (write ? LOOK_DIRTY : 0);
	if (play.reclaim.ops->accessed)
		reclaim_accessed(&play.reclaim, pfn);
}

static unsigned faults(const char *policy, unsigned frames, const unsigned *string, unsigned length)
{
	start(policy, frames);
	play.string = string;
	play.length = length;
	for (play.now = 0; play.now < length; play.now++)
		touch(string[play.now], false);
	reclaim_release(&play.reclaim);
	return play.faults;
}
#define FAULTS(policy, frames, string) \
	faults(policy, frames, string, sizeof(string) / sizeof((string)[0]))

/* Belady, Nelson & Shedler, CACM 12(6), 1969: FIFO does worse with more frames. */
static const unsigned belady[] = { 1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5 };
/* Silberschatz et al., "Operating System Concepts"; page 0 is 8 here. */
static const unsigned silberschatz[] = {
	7, 8, 1, 2, 8, 3, 8, 4, 2, 3, 8, 3, 2, 1, 2, 8, 1, 7, 8, 1
};
/* A lecture's: 0,1,2,0,1,3,0,3,1,2,1 with 4 for 0. */
static const unsigned lecture[] = { 4, 1, 2, 4, 1, 3, 4, 3, 1, 2, 1 };

static void reclaim_published_strings(void **state)
{
	(void)state;
	assert_int_equal(FAULTS("fifo", 3, belady), 9);
	assert_int_equal(FAULTS("fifo", 4, belady), 10);
	assert_int_equal(FAULTS("lru", 3, belady), 10);
	assert_int_equal(FAULTS("lru", 4, belady), 8);
	assert_int_equal(FAULTS("opt", 3, belady), 7);
	assert_int_equal(FAULTS("opt", 4, belady), 6);
	assert_int_equal(FAULTS("fifo", 3, silberschatz), 15);
	assert_int_equal(FAULTS("lru", 3, silberschatz), 12);
	assert_int_equal(FAULTS("opt", 3, silberschatz), 9);
	assert_int_equal(FAULTS("fifo", 3, lecture), 7);
	assert_int_equal(FAULTS("lru", 3, lecture), 5);
	assert_int_equal(FAULTS("opt", 3, lecture), 5);
}

/*
 * Clock, by hand; * is A set, the hand stands at the left.
 *
 * belady, 3 frames: 1 2 3 load: [1* 2* 3*]; 4: all cleared, 1 leaves: [2 3 4*]; 1: [3 4* 1*];
 * 2: [4* 1* 2*]; 5: all cleared, 4 leaves: [1 2 5*]; 1 and 2 hit: [1* 2* 5*]; 3: all cleared, 1
 * leaves: [2 5 3*]; 4: [5 3* 4*]; 5 hits. 9 faults.
 * 4 frames: 1 2 3 4 load, 1 2 hit; 5: all cleared, 1 leaves: [2 3 4 5*]; then 1, 2, 3 each take
 * the next: [5* 1* 2* 3*]; 4: all cleared, 5 leaves: [1 2 3 4*]; 5: 1 leaves. 10 faults.
 *
 * silberschatz, 3 frames: [7* 8* 1*]; 2: [8 1 2*]; 8 hits: [8* 1 2*]; 3: 8 passed, 1 leaves:
 * [2* 8 3*]; 8 hits; 4: all cleared: [8 3 4*]; 2: [3 4* 2*]; 3 hits; 8: all cleared: [4 2 8*];
 * 3: [2 8* 3*]; 2 hits; 1: all cleared: [8 3 1*]; 2: [3 1* 2*]; 8: [1* 2* 8*]; 1 hits; 7: all
 * cleared: [2 8 7*]; 8 hits: [2 8* 7*]; 1: 2 leaves. 14 faults.
 */
static void reclaim_clock_by_hand(void **state)
{
	(void)state;
	assert_int_equal(FAULTS("clock", 3, belady), 9);
	assert_int_equal(FAULTS("clock", 4, belady), 10);
	assert_int_equal(FAULTS("clock", 3, silberschatz), 14);
	assert_int_equal(FAULTS("clock", 3, lecture), 7);
}

/*
 * Two lists on belady's string with odd pages only (all anonymous): 2n - 1 for n. In terms of n,
 * r is `referenced`, I inactive with the oldest left, A active:
 * 1 2 3 load: I[1* 2* 3*]; 4: each kept once: I[1r 2r 3r], 1 leaves: I[2r 3r 4*]; 1: 2 leaves;
 * 2: 3 leaves: I[4* 1* 2*]; 5: each kept once, 4 leaves: I[1r 2r 5*]; 1 and 2 hit; 3: 1 and 2 are
 * active, I[5*] is short of A[1 2], so 1 comes back: I[5* 1] A[2]; 5 kept: I[1 5r]; 1 leaves:
 * I[5r 3*]; 4: 5 leaves: I[3* 4*]; 5: both kept, 3 leaves. Faults: 1 2 3 4 1 2 5 3 4 5 = 10.
 */
static void reclaim_two_lists_by_hand(void **state)
{
	static const unsigned odd[] = { 1, 3, 5, 7, 1, 3, 9, 1, 3, 5, 7, 9 };

	(void)state;
	assert_int_equal(FAULTS("two-list", 3, odd), 10);
}

/* Swappiness 0: anonymous pages (odd) stay as long as there are pages of files. */
static void reclaim_two_lists_swappiness(void **state)
{
	(void)state;
	start("two-list", 4);
	play.reclaim.setup.swappiness = 0;
	for (unsigned page = 1; page <= 4; page++)
		touch(page, false);
	touch(6, false);
	touch(8, false);
	assert_true(play.frame_of[1] && play.frame_of[3]);
	touch(5, false); /* the third anonymous page takes a file's place, too */
	touch(7, false);
	assert_true(play.frame_of[1] && play.frame_of[3] && play.frame_of[5] && play.frame_of[7]);
	touch(9, false); /* only anonymous ones are left */
	assert_false(play.frame_of[1]);
	reclaim_release(&play.reclaim);
}

/*
 * Classes: 1 read, 2 written, 3 read, all with A. 4: no (0,0), no (0,1), A cleared, then 1 is the
 * first (0,0). 5: 2 is (0,1), passed; 3 leaves. 6: [4* 2d 5*]: no (0,0); 4 is passed and cleared,
 * 2 is (0,1) and leaves.
 */
static void reclaim_second_chance_spares_dirty_pages(void **state)
{
	(void)state;
	start("enhanced-second-chance", 3);
	touch(1, false);
	touch(2, true);
	touch(3, false);
	touch(4, false);
	assert_false(play.frame_of[1]);
	touch(5, false);
	assert_false(play.frame_of[3]);
	assert_true(play.frame_of[2]);
	touch(6, false);
	assert_false(play.frame_of[2]);
	assert_int_equal(play.faults, 6);
	reclaim_release(&play.reclaim);
}

/*
 * Ages: all start at 0x80. Tick 1, A of all: 0xc0. Then 1 and 3 are used: tick 2: 0xe0, 0x60, 0xe0.
 * Then 1: tick 3: 0xf0, 0x30, 0x70. 2 leaves for 4 (0x80), then 3 for 5, then 4, the first of two
 * with 0x80.
 */
static void reclaim_aging_by_hand(void **state)
{
	(void)state;
	start("aging", 3);
	for (unsigned page = 1; page <= 3; page++)
		touch(page, false);
	reclaim_tick(&play.reclaim);
	touch(1, false);
	touch(3, false);
	reclaim_tick(&play.reclaim);
	touch(1, false);
	reclaim_tick(&play.reclaim);
	touch(4, false);
	assert_false(play.frame_of[2]);
	touch(5, false);
	assert_false(play.frame_of[3]);
	touch(6, false);
	assert_false(play.frame_of[4]);
	assert_true(play.frame_of[1]);
	reclaim_release(&play.reclaim);
}

/*
 * Aging between ticks: page 1 is used again before each of 400 others, in 32 frames. It is the first
 * of equals once, when memory is full; the tick that eight victims make due then finds its A set and
 * keeps it above all that came before. Were ticks not due it would leave each time that 31 others
 * had come, as with FIFO: 400 / 32 times.
 */
static void reclaim_aging_by_victims(void **state)
{
	unsigned string[800];

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		string[2 * i] = 1;
		string[2 * i + 1] = 2 + i % 60;
	}
	assert_int_equal(FAULTS("aging", 32, string), 400 + 2);
}

/*
 * What CLOCK-Pro is for. A loop over one page more than there is room for: LRU and clock fault at
 * every access; CLOCK-Pro keeps some of the loop. A scan does not drive out pages in use.
 */
static void reclaim_clock_pro_loops_and_scans(void **state)
{
	unsigned loop[200], scan[200], n = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		loop[i] = 1 + i % 9;
	assert_int_equal(FAULTS("lru", 8, loop), 200);
	assert_int_equal(FAULTS("clock", 8, loop), 200);
	assert_in_range(FAULTS("clock-pro", 8, loop), 9, 120);
	for (unsigned i = 0; n < 200; i++) {
		scan[n++] = 1 + i % 3; /* in use: 1, 2, 3 */
		scan[n++] = 10 + i % 50;
	}
	/* 100 accesses of the scan miss; those in use miss a few times at most. */
	assert_in_range(FAULTS("clock-pro", 6, scan), 53, 110);
}

/* --- the law, for every policy ---------------------------------------------------------------- */

static uint64_t random_state;

static unsigned any(unsigned below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((random_state >> 33) % below);
}

static void drive(const struct reclaim_ops *ops)
{
	start(ops->name, 16);
	random_state = 7;
	for (unsigned i = 0; i < 20000; i++) {
		unsigned page = 1 + any(40);
		pfn_t pfn = 1 + any(16);

		touch(page, any(3) == 0);
		play.pinned[pfn] = any(4) == 0; /* at most a few at a time: 16 x 1/4 */
		if (any(16) == 0)
			reclaim_tick(&play.reclaim);
		if (any(32) == 0 && play.page_of[pfn] && play.used == play.frames) {
			/* Freed by its owner; the frame is used again at once. */
			unsigned gone = play.page_of[pfn];

			evict(pfn);
			play.frame_of[gone] = pfn;
			play.page_of[pfn] = gone;
			play.bits[pfn] = 0;
			reclaim_insert(&play.reclaim, pfn, RECLAIM_FILE,
				       (struct reclaim_key){ 2, gone });
		}
		assert_int_equal(play.reclaim.resident, play.used);
	}
	memset(play.pinned, 1, sizeof(play.pinned));
	assert_int_equal(reclaim_victim(&play.reclaim), PFN_NONE);
	memset(play.pinned, 0, sizeof(play.pinned));
	for (pfn_t pfn = reclaim_victim(&play.reclaim); pfn != PFN_NONE;
	     pfn = reclaim_victim(&play.reclaim))
		evict(pfn);
	assert_int_equal(play.reclaim.resident, 0);
	reclaim_release(&play.reclaim);
}

static void reclaim_every_policy_keeps_the_law(void **state)
{
	(void)state;
	for (unsigned i = 0; reclaim_policies[i]; i++)
		drive(reclaim_policies[i]);
}

static void reclaim_same_calls_same_victims(void **state)
{
	(void)state;
	for (unsigned i = 0; reclaim_policies[i]; i++)
		assert_int_equal(FAULTS(reclaim_policies[i]->name, 3, silberschatz),
				 FAULTS(reclaim_policies[i]->name, 3, silberschatz));
}

static void reclaim_unknown_policy(void **state)
{
	const struct reclaim_setup setup = { .policy = "mru", .end = 4, .alloc = &host_alloc_libc };
	struct reclaim reclaim;

	(void)state;
	assert_int_equal(reclaim_init(&reclaim, &setup), PW_INVALID);
	reclaim_release(&reclaim);
}

/* Fails the n-th allocation. */
static void *resize_until(void *ctx, void *old, size_t bytes)
{
	unsigned *left = ctx;

	if (bytes > 0 && (*left)-- == 0)
		return NULL;
	return host_alloc_libc.resize(host_alloc_libc.ctx, old, bytes);
}

static void reclaim_host_out_of_memory(void **state)
{
	(void)state;
	for (unsigned i = 0; reclaim_policies[i]; i++) {
		int error = PW_NOMEM;

		for (unsigned n = 0; error; n++) {
			unsigned left = n;
			const struct host_alloc alloc = { resize_until, &left };
			const struct reclaim_setup setup = { .policy = reclaim_policies[i]->name,
							     .end = 8,
							     .alloc = &alloc };
			struct reclaim reclaim;

			error = reclaim_init(&reclaim, &setup);
			assert_true(error == PW_OK || error == PW_NOMEM);
			assert_true(n < 8);
			left = 1000;
			reclaim_release(&reclaim);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reclaim_published_strings),
		cmocka_unit_test(reclaim_clock_by_hand),
		cmocka_unit_test(reclaim_two_lists_by_hand),
		cmocka_unit_test(reclaim_two_lists_swappiness),
		cmocka_unit_test(reclaim_second_chance_spares_dirty_pages),
		cmocka_unit_test(reclaim_aging_by_hand),
		cmocka_unit_test(reclaim_aging_by_victims),
		cmocka_unit_test(reclaim_clock_pro_loops_and_scans),
		cmocka_unit_test(reclaim_every_policy_keeps_the_law),
		cmocka_unit_test(reclaim_same_calls_same_victims),
		cmocka_unit_test(reclaim_unknown_policy),
		cmocka_unit_test(reclaim_host_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
