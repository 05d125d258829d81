/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emu/kernel/page_tree.h"

struct limited {
	struct host_alloc alloc;
	long fail_in, live;
};

static void *limited_resize(void *ctx, void *old, size_t bytes)
{
	struct limited *limited = ctx;

	if (bytes == 0)
		limited->live -= old != NULL;
	else if (limited->fail_in >= 0 && limited->fail_in-- == 0)
		return NULL;
	else
		limited->live += old == NULL;
	return host_alloc_libc.resize(NULL, old, bytes);
}

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return random_state >> 20;
}

enum { KEYS = 512 };

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Keys of every magnitude, in clusters, so that nodes are shared at all levels. */
static void make_keys(uint64_t *key)
{
	unsigned count = 0;

	while (count < KEYS) {
		uint64_t base = random_next() >> random_next() % 44;

		base &= (UINT64_C(1) << PAGE_TREE_INDEX_BITS) - 1;
		for (unsigned i = 0; i < 4 && count < KEYS; i++)
			key[count++] = base ^ (i * i);
	}
	qsort(key, KEYS, sizeof(*key), compare);
	for (unsigned i = 1; i < KEYS; i++)
		if (key[i] <= key[i - 1])
			key[i] = key[i - 1] + 1;
}

static void compare_all(const struct page_tree *tree, const uint64_t *key, const pfn_t *value)
{
	uint64_t index = 0, count = 0;
	pfn_t pfn;

	for (unsigned i = 0; i < KEYS; i++) {
		assert_int_equal(page_tree_find(tree, key[i]), value[i] ? value[i] : PFN_NONE);
		if (!value[i])
			continue;
		assert_true(page_tree_next(tree, &index, &pfn));
		assert_int_equal(index, key[i]);
		assert_int_equal(pfn, value[i]);
		index++;
		count++;
	}
	assert_false(page_tree_next(tree, &index, &pfn));
	assert_int_equal(tree->count, count);
}

static void page_tree_matches_a_sorted_array(void **state)
{
	static uint64_t key[KEYS];
	static pfn_t value[KEYS];
	struct limited limited = { .fail_in = -1 };
	struct page_tree tree;

	(void)state;
	limited.alloc = (struct host_alloc){ limited_resize, &limited };
	random_state = 5;
	make_keys(key);
	page_tree_init(&tree, &limited.alloc);
	for (unsigned step = 0; step < 100000; step++) {
		unsigned i = (unsigned)(random_next() % KEYS);
		bool empty_it = step % 20000 > 15000;

		if (value[i]) {
			page_tree_remove(&tree, key[i]);
			value[i] = 0;
		} else if (!empty_it) {
			limited.fail_in = random_next() % 4 == 0 ? (long)(random_next() % 9) : -1;
			if (page_tree_insert(&tree, key[i], step + 1) == PW_OK)
				value[i] = step + 1;
			limited.fail_in = -1;
		}
		if (step % 100 == 0)
			compare_all(&tree, key, value);
		if (tree.count == 0)
			assert_int_equal(limited.live, 0);
	}
	page_tree_release(&tree);
	assert_int_equal(limited.live, 0);
}

static void page_tree_searches_from_any_index(void **state)
{
	struct page_tree tree;
	uint64_t index;
	pfn_t pfn;

	(void)state;
	page_tree_init(&tree, &host_alloc_libc);
	index = 0;
	assert_false(page_tree_next(&tree, &index, &pfn));
	assert_int_equal(page_tree_insert(&tree, 0, 7), PW_OK);
	assert_int_equal(page_tree_insert(&tree, 4095, 8), PW_OK);
	assert_int_equal(page_tree_insert(&tree, UINT64_C(1) << 51, 9), PW_OK);
	for (index = 1; index <= 4095; index += 63) {
		uint64_t at = index;

		assert_true(page_tree_next(&tree, &at, &pfn));
		assert_int_equal(at, 4095);
	}
	index = 4096;
	assert_true(page_tree_next(&tree, &index, &pfn));
	assert_int_equal(pfn, 9);
	index = (UINT64_C(1) << 51) + 1;
	assert_false(page_tree_next(&tree, &index, &pfn));
	page_tree_release(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_tree_matches_a_sorted_array),
		cmocka_unit_test(page_tree_searches_from_any_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
