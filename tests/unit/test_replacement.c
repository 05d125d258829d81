/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Replacement policies: sequences derived by hand, and what holds of all of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mmu/replacement.h"

static struct replacer make(enum replacement policy, unsigned sets, unsigned ways)
{
	struct replacer r;

	assert_int_equal(replacer_init(&r, policy, sets, ways, 7, &host_alloc_libc), PW_OK);
	return r;
}

static void fill_all(struct replacer *r, unsigned set)
{
	for (unsigned way = 0; way < r->ways; way++)
		replacer_fill(r, set * r->ways + way);
}

/* Fills 0 1 2 3, uses 0 and 2: the order of last use is 1 3 0 2. */
static void replacement_lru_displaces_the_least_recently_used(void **state)
{
	struct replacer r = make(REPLACE_LRU, 2, 4);
	static const unsigned order[] = { 1, 3, 0, 2 };

	(void)state;
	fill_all(&r, 1);
	replacer_touch(&r, 4 + 0);
	replacer_touch(&r, 4 + 2);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(replacer_victim(&r, 1), order[i]);
		assert_int_equal(replacer_victim(&r, 1), order[i]);
		replacer_fill(&r, 4 + order[i]);
	}
	replacer_release(&r, &host_alloc_libc);
}

/* The same uses do not matter to FIFO: 0 1 2 3. */
static void replacement_fifo_ignores_uses(void **state)
{
	struct replacer r = make(REPLACE_FIFO, 2, 4);

	(void)state;
	fill_all(&r, 0);
	for (unsigned i = 0; i < 8; i++) {
		replacer_touch(&r, i % 4);
		replacer_touch(&r, 3);
		assert_int_equal(replacer_victim(&r, 0), i % 4);
		replacer_fill(&r, i % 4);
	}
	replacer_release(&r, &host_alloc_libc);
}

/*
 * Four ways; root r over left l (ways 0, 1) and right g (ways 2, 3); a bit names the side of the
 * victim. All start at 0.
 *
 *   use 0: r=1 l=1      -> r right, g=0        victim 2
 *   use 2: r=0 g=1      -> r left,  l=1        victim 1
 *   use 1: r=1 l=0      -> r right, g=1        victim 3
 *   use 3: r=0 g=0      -> r left,  l=0        victim 0
 *   use 0: r=1 l=1      -> r right, g=0        victim 2
 *   use 1: r=1 l=0      -> r right, g=0        victim 2   (LRU would say 2 as well)
 *   use 3: r=0 g=0      -> r left,  l=0        victim 0   (LRU would say 2)
 */
static void replacement_plru_follows_the_tree(void **state)
{
	static const unsigned use[] = { 0, 2, 1, 3, 0, 1, 3 }, victim[] = { 2, 1, 3, 0, 2, 2, 0 };
	struct replacer r = make(REPLACE_TREE_PLRU, 3, 4);

	(void)state;
	assert_int_equal(replacer_victim(&r, 2), 0);
	for (unsigned i = 0; i < 7; i++) {
		replacer_touch(&r, 2 * 4 + use[i]);
		assert_int_equal(replacer_victim(&r, 2), victim[i]);
	}
	assert_int_equal(replacer_victim(&r, 0), 0);
	assert_int_equal(replacer_victim(&r, 1), 0);
	replacer_release(&r, &host_alloc_libc);
}

/* Filling the victim each time visits every way once before any twice, at each size. */
static void replacement_plru_cycles_through_all_ways(void **state)
{
	(void)state;
	for (unsigned ways = 1; ways <= 64; ways *= 2) {
		struct replacer r = make(REPLACE_TREE_PLRU, 2, ways);

		for (unsigned round = 0; round < 3; round++) {
			uint64_t seen = 0;

			for (unsigned i = 0; i < ways; i++) {
				unsigned way = replacer_victim(&r, 1);

				assert_in_range(way, 0, ways - 1);
				seen |= (uint64_t)1 << way;
				replacer_fill(&r, ways + way);
			}
			assert_true(seen == UINT64_MAX >> (64 - ways));
		}
		replacer_release(&r, &host_alloc_libc);
	}
}

/*
 * 12000 draws among 12 ways: 1000 expected each, standard deviation sqrt(12000 * 1/12 * 11/12) =
 * 30.3; five deviations are 152. The same seed draws the same, another seed does not.
 */
static void replacement_random_is_uniform_and_seeded(void **state)
{
	struct replacer r = make(REPLACE_RANDOM, 1, 12), same = make(REPLACE_RANDOM, 1, 12), other;
	unsigned count[12] = { 0 }, differs = 0;

	(void)state;
	assert_int_equal(replacer_init(&other, REPLACE_RANDOM, 1, 12, replacer_seed(7, 1),
				       &host_alloc_libc),
			 PW_OK);
	for (unsigned i = 0; i < 12000; i++) {
		unsigned way = replacer_victim(&r, 0);

		count[way]++;
		assert_int_equal(replacer_victim(&same, 0), way);
		differs += replacer_victim(&other, 0) != way;
	}
	for (unsigned way = 0; way < 12; way++)
		assert_in_range(count[way], 1000 - 152, 1000 + 152);
	assert_true(differs > 6000);
	replacer_release(&r, &host_alloc_libc);
	replacer_release(&same, &host_alloc_libc);
	replacer_release(&other, &host_alloc_libc);
}

/* Ways above 64 are kept in a list; the order must be that of plain ages. */
static void replacement_list_orders_as_ages_do(void **state)
{
	enum { SETS = 3, WAYS = 100 };
	uint64_t age[SETS * WAYS], clock = 0;

	(void)state;
	for (unsigned fifo = 0; fifo < 2; fifo++) {
		struct replacer r = make(fifo ? REPLACE_FIFO : REPLACE_LRU, SETS, WAYS);
		uint64_t random = 1;

		assert_int_equal(r.order, ORDER_LIST);
		for (unsigned slot = 0; slot < SETS * WAYS; slot++)
			age[slot] = slot;
		clock = SETS * WAYS;
		for (unsigned i = 0; i < 20000; i++) {
			unsigned slot, set, oldest;

			random = random * 6364136223846793005u + 1442695040888963407u;
			slot = (unsigned)(random >> 33) % (SETS * WAYS);
			set = slot / WAYS;
			oldest = set * WAYS;
			for (unsigned other = set * WAYS; other < (set + 1) * WAYS; other++) {
				if (age[other] < age[oldest])
					oldest = other;
			}
			assert_int_equal(replacer_victim(&r, set), oldest - set * WAYS);
			if (i % 3 == 0) {
				replacer_fill(&r, slot);
				age[slot] = ++clock;
			} else {
				replacer_touch(&r, slot);
				if (!fifo)
					age[slot] = ++clock;
			}
		}
		replacer_release(&r, &host_alloc_libc);
	}
}

struct failing {
	unsigned left;
};

static void *fail_later(void *ctx, void *old, size_t bytes)
{
	struct failing *failing = ctx;

	if (bytes == 0) {
		free(old);
		return NULL;
	}
	return failing->left-- ? realloc(old, bytes) : NULL;
}

static void replacement_survives_each_failing_allocation(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < REPLACEMENT_COUNT; policy++) {
		int error = PW_NOMEM;

		for (unsigned n = 0; error != PW_OK; n++) {
			struct failing failing = { n };
			struct host_alloc alloc = { fail_later, &failing };
			struct replacer r;

			assert_in_range(n, 0, 10);
			error = replacer_init(&r, policy, 4, 64, 1, &alloc);
			if (error == PW_OK)
				replacer_release(&r, &alloc);
			else
				assert_int_equal(error, PW_NOMEM);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replacement_lru_displaces_the_least_recently_used),
		cmocka_unit_test(replacement_fifo_ignores_uses),
		cmocka_unit_test(replacement_plru_follows_the_tree),
		cmocka_unit_test(replacement_plru_cycles_through_all_ways),
		cmocka_unit_test(replacement_random_is_uniform_and_seeded),
		cmocka_unit_test(replacement_list_orders_as_ages_do),
		cmocka_unit_test(replacement_survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
