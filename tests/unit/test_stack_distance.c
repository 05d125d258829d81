/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Stack distances against what they stand for: fully associative LRU buffers of every size, each
 * simulated by itself as a list. After each reference the distance must tell for each size whether
 * that buffer held the page.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mmu/memory.h"
#include "mmu/prng.h"
#include "traces/stack_distance.h"

enum { SIZES_MAX = 96 };

/* --- the reference: buffers of 1 to `sizes` entries -------------------------------------------- */

struct buffers {
	unsigned sizes;
	unsigned held[SIZES_MAX + 1];
	uint64_t page[SIZES_MAX + 1][SIZES_MAX]; /* most recent first */
};

static unsigned find(const struct buffers *b, unsigned size, uint64_t page)
{
	unsigned i = 0;

	while (i < b->held[size] && b->page[size][i] != page)
		i++;
	return i;
}

static void take_out(struct buffers *b, unsigned size, unsigned at)
{
	b->held[size]--;
	memmove(&b->page[size][at], &b->page[size][at + 1],
		(b->held[size] - at) * sizeof(uint64_t));
}

/* True: a hit. */
static bool buffer_reference(struct buffers *b, unsigned size, uint64_t page)
{
	unsigned at = find(b, size, page);
	bool hit = at < b->held[size];

	if (hit)
		take_out(b, size, at);
	else if (b->held[size] == size)
		b->held[size]--;
	memmove(&b->page[size][1], &b->page[size][0], b->held[size] * sizeof(uint64_t));
	b->page[size][0] = page;
	b->held[size]++;
	return hit;
}

/* --- both together --------------------------------------------------------------------------- */

struct rig {
	struct lru_stack stack;
	struct buffers *buffers;
};

static void rig_init(struct rig *rig, unsigned sizes)
{
	assert_int_equal(lru_stack_init(&rig->stack, &host_alloc_libc), 0);
	rig->buffers = calloc(1, sizeof(*rig->buffers));
	assert_non_null(rig->buffers);
	rig->buffers->sizes = sizes;
}

static void rig_release(struct rig *rig)
{
	lru_stack_release(&rig->stack);
	free(rig->buffers);
}

static uint64_t reference(struct rig *rig, uint64_t key)
{
	stack_page_t page = lru_stack_page(&rig->stack, key);
	uint64_t looked = lru_stack_distance(&rig->stack, page);
	uint64_t distance = lru_stack_touch(&rig->stack, page);

	assert_int_equal(looked, distance);
	for (unsigned size = 1; size <= rig->buffers->sizes; size++)
		if (buffer_reference(rig->buffers, size, key) != (distance > 0 && distance <= size))
			fail_msg("page %llu at distance %llu, size %u", (unsigned long long)key,
				 (unsigned long long)distance, size);
	return distance;
}

static void invalidate(struct rig *rig, uint64_t key)
{
	stack_page_t page = lru_stack_find(&rig->stack, key);

	if (page != STACK_PAGE_NONE)
		lru_stack_invalidate(&rig->stack, page);
	for (unsigned size = 1; size <= rig->buffers->sizes; size++) {
		unsigned at = find(rig->buffers, size, key);

		if (at < rig->buffers->held[size])
			take_out(rig->buffers, size, at);
	}
}

static void clear(struct rig *rig)
{
	lru_stack_clear(&rig->stack);
	memset(rig->buffers->held, 0, sizeof(rig->buffers->held));
}

/* --- published strings ----------------------------------------------------------------------- */

static void count_faults(const char *string, const unsigned *faults, unsigned sizes)
{
	struct rig rig;
	unsigned misses[SIZES_MAX + 1] = { 0 };

	rig_init(&rig, sizes);
	for (; *string; string++) {
		uint64_t distance = reference(&rig, (uint64_t)*string);

		for (unsigned size = 1; size <= sizes; size++)
			misses[size] += distance == 0 || distance > size;
	}
	for (unsigned size = 1; size <= sizes; size++)
		assert_int_equal(misses[size], faults[size - 1]);
	rig_release(&rig);
}

/*
 * Belady, Nelson, Shedler, "An Anomaly in Space-Time Characteristics of Certain Programs Running in
 * a Paging Machine", CACM 12(6), 1969: the string on which FIFO is worse with 4 frames; LRU has 10
 * faults with 3 frames and 8 with 4. By hand: with 1 frame each of the 12 faults, with 2 also (no
 * page comes again within 2), with 5 the 5 pages once each.
 */
static void stack_distance_counts_the_faults_of_belady_s_string(void **state)
{
	static const unsigned faults[] = { 12, 12, 10, 8, 5 };

	(void)state;
	count_faults("123412512345", faults, 5);
}

/* Silberschatz, Galvin, Gagne, Operating System Concepts, "Page Replacement": LRU, 3 frames, 12. */
static void stack_distance_counts_the_faults_of_the_textbook_s_string(void **state)
{
	static const char string[] = "70120304230321201701";
	struct rig rig;
	unsigned misses = 0;

	(void)state;
	rig_init(&rig, 8);
	for (const char *at = string; *at; at++) {
		uint64_t distance = reference(&rig, (uint64_t)*at);

		misses += distance == 0 || distance > 3;
	}
	assert_int_equal(misses, 12);
	rig_release(&rig);
}

/* --- adversarial strings --------------------------------------------------------------------- */

/* Going around: all miss in all buffers that are too small by one, the worst case for LRU. */
static void stack_distance_of_cycles_is_their_length(void **state)
{
	(void)state;
	for (unsigned length = 1; length <= 70; length++) {
		struct rig rig;

		rig_init(&rig, SIZES_MAX);
		for (unsigned i = 0; i < 5 * length; i++)
			assert_int_equal(reference(&rig, i % length), i < length ? 0 : length);
		assert_true(lru_stack_check(&rig.stack));
		rig_release(&rig);
	}
}

/* There and back: distances 1, 2, 3 ... on the way, through all of the stack. */
static void stack_distance_of_sweeps_there_and_back_grows(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SIZES_MAX);
	for (unsigned i = 0; i < 90; i++)
		reference(&rig, i);
	for (unsigned sweep = 0; sweep < 30; sweep++)
		for (unsigned i = 0; i < 90; i++)
			assert_int_equal(reference(&rig, sweep % 2 ? i : 89 - i), i + 1);
	assert_true(lru_stack_check(&rig.stack));
	rig_release(&rig);
}

/* Keys that share their low or their high bits. */
static void stack_distance_does_not_mix_up_keys(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, SIZES_MAX);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 40; i++) {
			reference(&rig, (uint64_t)i << 48);
			reference(&rig, UINT64_MAX - i);
		}
	}
	rig_release(&rig);
}

/* --- random strings -------------------------------------------------------------------------- */

/* Half of the pages a step nearer each time: short and long distances alike. */
static uint64_t random_page(uint64_t *random, unsigned pages)
{
	uint64_t bits = splitmix_next(random);
	unsigned range = pages;

	for (; range > 1 && bits & 1; bits >>= 1)
		range = (range + 1) / 2;
	return (bits >> 8) % range;
}

static void random_strings(unsigned pages, unsigned invalidate_percent, unsigned forever)
{
	uint64_t random = 17 * pages + invalidate_percent;
	struct rig rig;

	rig_init(&rig, SIZES_MAX);
	for (unsigned i = 0; i < forever; i++) {
		uint64_t dice = splitmix_next(&random) % 100;
		uint64_t page = random_page(&random, pages);

		if (dice < invalidate_percent)
			invalidate(&rig, page);
		else
			reference(&rig, page);
		if (invalidate_percent && i % 977 == 976)
			clear(&rig);
		if (i % 64 == 0 && !lru_stack_check(&rig.stack))
			fail_msg("the stack does not hold its invariants after %u references", i);
	}
	rig_release(&rig);
}

static void stack_distance_equals_buffers_of_every_size(void **state)
{
	static const unsigned pages[] = { 2, 5, 16, 17, 18, 40, 90, 200, 1000 };

	(void)state;
	for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		random_strings(pages[i], 0, 4000);
}

static void stack_distance_equals_buffers_with_invalidations(void **state)
{
	static const unsigned pages[] = { 2, 5, 17, 40, 90, 200 };
	static const unsigned percent[] = { 1, 10, 50 };

	(void)state;
	for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		for (unsigned j = 0; j < sizeof(percent) / sizeof(percent[0]); j++)
			random_strings(pages[i], percent[j], 4000);
}

/* Far more pages than fit at first: growth and moves of the line, against the definition. */
static void stack_distance_survives_growth(void **state)
{
	enum { PAGES = 5000, REFERENCES = 60000 };
	static uint32_t last[PAGES], when[REFERENCES];
	struct lru_stack stack;
	uint64_t random = 5;

	(void)state;
	assert_int_equal(lru_stack_init(&stack, &host_alloc_libc), 0);
	for (uint32_t i = 1; i < REFERENCES; i++) {
		uint32_t page = (uint32_t)(splitmix_next(&random) % PAGES);
		uint64_t distance = lru_stack_touch(&stack, lru_stack_page(&stack, page));
		uint64_t distinct = 0;

		/* when[t]: t was the last reference to some page. */
		for (uint32_t t = last[page]; i % 64 == 0 && last[page] && t < i; t++)
			distinct += when[t];
		if (i % 64 == 0)
			assert_int_equal(distance, distinct);
		when[last[page]] = 0;
		when[i] = 1;
		last[page] = i;
	}
	assert_true(lru_stack_check(&stack));
	lru_stack_release(&stack);
}

/* --- pages that are forgotten ---------------------------------------------------------------- */

/* As if they had never been referenced: the string without them gives the same distances. */
static void stack_distance_forgets_pages_without_a_trace(void **state)
{
	struct lru_stack all, some;
	uint64_t random = 3;

	(void)state;
	assert_int_equal(lru_stack_init(&all, &host_alloc_libc), 0);
	assert_int_equal(lru_stack_init(&some, &host_alloc_libc), 0);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t key = splitmix_next(&random) % 300;
		uint64_t in_all = lru_stack_touch(&all, lru_stack_page(&all, key));

		if (key % 3 == 0) {
			lru_stack_forget(&all, key, lru_stack_find(&all, key));
			assert_int_equal(in_all, 0);
			assert_int_equal(lru_stack_find(&all, key), STACK_PAGE_NONE);
			continue;
		}
		assert_int_equal(in_all, lru_stack_touch(&some, lru_stack_page(&some, key)));
		if (i % 500 == 0)
			assert_true(lru_stack_check(&all));
	}
	assert_int_equal(all.page_count, some.page_count + 1);
	lru_stack_release(&all);
	lru_stack_release(&some);
}

/* --- memory ---------------------------------------------------------------------------------- */

static int allocations_left;

static void *scarce_resize(void *ctx, void *old, size_t bytes)
{
	(void)ctx;
	if (bytes && allocations_left-- <= 0)
		return NULL;
	if (bytes)
		return realloc(old, bytes);
	free(old);
	return NULL;
}

/* Whichever allocation fails: no page is entered, and those that there are stay as they were. */
static void stack_distance_reports_want_of_memory(void **state)
{
	const struct host_alloc scarce = { .resize = scarce_resize };
	struct lru_stack stack;

	(void)state;
	for (int fail = 0; fail < 6; fail++) {
		allocations_left = fail;
		assert_int_not_equal(lru_stack_init(&stack, &scarce), 0);
		lru_stack_release(&stack);
		allocations_left = 6;
		assert_int_equal(lru_stack_init(&stack, &scarce), 0);
		allocations_left = fail;
		for (uint64_t key = 0; key < 256; key++)
			lru_stack_touch(&stack, lru_stack_page(&stack, key));
		assert_int_equal(lru_stack_page(&stack, 256), STACK_PAGE_NONE);
		assert_true(lru_stack_check(&stack));
		assert_int_equal(lru_stack_distance(&stack, lru_stack_page(&stack, 0)), 256);
		lru_stack_release(&stack);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stack_distance_counts_the_faults_of_belady_s_string),
		cmocka_unit_test(stack_distance_counts_the_faults_of_the_textbook_s_string),
		cmocka_unit_test(stack_distance_of_cycles_is_their_length),
		cmocka_unit_test(stack_distance_of_sweeps_there_and_back_grows),
		cmocka_unit_test(stack_distance_does_not_mix_up_keys),
		cmocka_unit_test(stack_distance_equals_buffers_of_every_size),
		cmocka_unit_test(stack_distance_equals_buffers_with_invalidations),
		cmocka_unit_test(stack_distance_survives_growth),
		cmocka_unit_test(stack_distance_forgets_pages_without_a_trace),
		cmocka_unit_test(stack_distance_reports_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
