/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Page-walk caches: which state a walk resumes from, and what is counted. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mmu/walk_cache.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* x86-64: an entry at level 0, 1, 2, 3 covers 4 KiB, 2 MiB, 1 GiB, 512 GiB. */
static const unsigned coverage[] = { 12, 21, 30, 39 };

/* In an order that init has to sort. */
static const struct walk_caches_config skylake_like = {
	.count = 3,
	.cache = {
		{ "pml4e", 3, 4, 0, REPLACE_LRU, 1 },
		{ "pde", 1, 24, 4, REPLACE_LRU, 2 },
		{ "pdpte", 2, 4, 0, REPLACE_LRU, 3 },
	},
};

static struct walk_caches caches;

static int setup(void **state)
{
	(void)state;
	return walk_caches_init(&caches, &skylake_like, coverage, 1, &host_alloc_libc);
}

static int teardown(void **state)
{
	const char *what;
	int error = walk_caches_check(&caches, &what);

	(void)state;
	if (error)
		print_error("%s\n", what);
	walk_caches_release(&caches);
	return error;
}

static struct walk_cache *cache_named(const char *name)
{
	for (unsigned i = 0; i < caches.count; i++) {
		if (strcmp(caches.cache[i].config->name, name) == 0)
			return &caches.cache[i];
	}
	fail();
	return NULL;
}

static void fill(asid_t asid, va_t va, unsigned level, pa_t table)
{
	struct walk_state walk_state = { .table = table, .level = (uint8_t)(level - 1) };

	walk_caches_fill(&caches, asid, va, level, &walk_state);
}

static pa_t look(asid_t asid, va_t va)
{
	const struct walk_state *found = walk_caches_lookup(&caches, asid, va);

	return found ? found->table : 0;
}

static void walk_cache_nearest_the_leaf_wins_and_all_count(void **state)
{
	(void)state;
	assert_int_equal(caches.latency, 3);
	assert_int_equal(look(1, 0), 0);
	fill(1, 0, 3, 0x3000);
	fill(1, 0, 2, 0x2000);
	fill(1, 0, 1, 0x1000);
	assert_int_equal(look(1, 2 * MIB - 1), 0x1000);
	assert_int_equal(look(1, 2 * MIB), 0x2000);
	assert_int_equal(look(1, GIB), 0x3000);
	assert_int_equal(look(1, 512 * GIB), 0);
	assert_int_equal(look(2, 0), 0);
	/* Six lookups: pde hit 1 of them, pdpte 2, pml4e 3. */
	assert_int_equal(cache_named("pde")->hits, 1);
	assert_int_equal(cache_named("pde")->misses, 5);
	assert_int_equal(cache_named("pdpte")->hits, 2);
	assert_int_equal(cache_named("pml4e")->hits, 3);
	assert_int_equal(cache_named("pml4e")->misses, 3);
}

static void walk_cache_ignores_levels_without_a_cache(void **state)
{
	(void)state;
	fill(1, 0, 4, 0x4000);
	assert_int_equal(look(1, 0), 0);
}

/* Four fully associative LRU entries: cycling over five always misses, over four never again. */
static void walk_cache_cyclic_sweep(void **state)
{
	struct walk_cache *pdpte = cache_named("pdpte");

	(void)state;
	for (unsigned pages = 4; pages <= 5; pages++) {
		uint64_t misses = pdpte->misses;

		walk_caches_invalidate_all(&caches);
		for (unsigned i = 0; i < 10 * pages; i++) {
			if (!look(1, i % pages * GIB))
				fill(1, i % pages * GIB, 2, 0x1000);
		}
		assert_int_equal(pdpte->misses - misses, pages == 4 ? 4 : 50);
	}
	/* Filled 4 + 50 times; 46 found the four full. */
	assert_int_equal(pdpte->fills, 54);
	assert_int_equal(pdpte->evictions, 46);
}

/* 24 entries in 4 ways are 6 sets: prefixes 0, 6, 12, 18, 24 share set 0; 1 does not. */
static void walk_cache_sets_need_no_power_of_two(void **state)
{
	struct walk_cache *pde = cache_named("pde");

	(void)state;
	fill(1, 1 * 2 * MIB, 1, 0x9000);
	for (unsigned i = 0; i < 5; i++)
		fill(1, i * 6 * 2 * MIB, 1, 0x1000 * (i + 1));
	assert_int_equal(pde->evictions, 1);
	assert_int_equal(look(1, 0), 0);
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal(look(1, i * 6 * 2 * MIB), 0x1000 * (i + 1));
	assert_int_equal(look(1, 2 * MIB), 0x9000);
}

static void walk_cache_renews_in_place(void **state)
{
	struct walk_cache *pde = cache_named("pde");

	(void)state;
	fill(1, 0, 1, 0x1000);
	fill(1, MIB, 1, 0x5000);
	assert_int_equal(look(1, 0), 0x5000);
	assert_int_equal(pde->fills, 2);
	assert_int_equal(pde->replaced, 1);
	assert_int_equal(pde->live, 1);
}

static void walk_cache_invalidates_what_could_map_the_range(void **state)
{
	(void)state;
	for (asid_t asid = 1; asid <= 2; asid++) {
		fill(asid, 0, 1, 0x1000);
		fill(asid, 2 * MIB, 1, 0x2000);
		fill(asid, 4 * MIB, 1, 0x3000);
		fill(asid, 0, 2, 0x4000);
		fill(asid, 0, 3, 0x5000);
	}
	/* One page: its PDE, and the entries above on its path; another ASID keeps all. */
	walk_caches_invalidate_range(&caches, 1, 2 * MIB + 4096, 4096);
	assert_int_equal(look(1, 0), 0x1000);
	assert_int_equal(look(1, 2 * MIB), 0);
	assert_int_equal(look(1, 4 * MIB), 0x3000);
	assert_int_equal(look(1, 6 * MIB), 0);
	assert_int_equal(look(2, 2 * MIB), 0x2000);
	/* From the last byte of one to the first of the third. */
	walk_caches_invalidate_range(&caches, 2, 2 * MIB - 1, 2 * MIB + 2);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(look(2, i * 2 * MIB), 0);
	assert_int_equal(cache_named("pde")->invalidations, 1 + 3);
	assert_int_equal(cache_named("pml4e")->invalidations, 2);
	walk_caches_invalidate_range(&caches, 1, 0, 0);
	assert_int_equal(look(1, 0), 0x1000);
}

static void walk_cache_invalidates_spaces_and_everything(void **state)
{
	(void)state;
	for (asid_t asid = 1; asid <= 3; asid++)
		fill(asid, UINT64_MAX, 1, 0x1000u * asid);
	walk_caches_invalidate_asid(&caches, 2);
	assert_int_equal(look(1, UINT64_MAX), 0x1000);
	assert_int_equal(look(2, UINT64_MAX), 0);
	assert_int_equal(look(3, UINT64_MAX), 0x3000);
	walk_caches_invalidate_range(&caches, 3, UINT64_MAX - 4095, 8192);
	assert_int_equal(look(3, UINT64_MAX), 0);
	walk_caches_invalidate_all(&caches);
	assert_int_equal(look(1, UINT64_MAX), 0);
	assert_int_equal(cache_named("pde")->live, 0);
}

static void *fail_later(void *ctx, void *old, size_t bytes)
{
	unsigned *left = ctx;

	if (bytes == 0) {
		free(old);
		return NULL;
	}
	return (*left)-- ? realloc(old, bytes) : NULL;
}

static void walk_cache_survives_each_failing_allocation(void **state)
{
	int error = PW_NOMEM;

	(void)state;
	for (unsigned n = 0; error != PW_OK; n++) {
		unsigned left = n;
		struct host_alloc alloc = { fail_later, &left };
		struct walk_caches other;

		assert_in_range(n, 0, 20);
		error = walk_caches_init(&other, &skylake_like, coverage, 1, &alloc);
		if (error == PW_OK)
			walk_caches_release(&other);
		else
			assert_int_equal(error, PW_NOMEM);
	}
}

static void see(void *ctx, const char *name, const char *doc, uint64_t value)
{
	assert_non_null(doc);
	(void)value;
	strcat(strcat(ctx, name), " ");
}

static void walk_cache_counters_have_stable_names(void **state)
{
	static const char *const expected =
		"walk_cache.pde.hits walk_cache.pde.misses walk_cache.pde.fills "
		"walk_cache.pde.evictions walk_cache.pde.invalidations walk_cache.pde.replaced ";
	char names[2048] = "";

	(void)state;
	walk_caches_visit_counters(&caches, see, names);
	assert_memory_equal(names, expected, strlen(expected));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(walk_cache_nearest_the_leaf_wins_and_all_count),
		CASE(walk_cache_ignores_levels_without_a_cache),
		CASE(walk_cache_cyclic_sweep),
		CASE(walk_cache_sets_need_no_power_of_two),
		CASE(walk_cache_renews_in_place),
		CASE(walk_cache_invalidates_what_could_map_the_range),
		CASE(walk_cache_invalidates_spaces_and_everything),
		CASE(walk_cache_survives_each_failing_allocation),
		CASE(walk_cache_counters_have_stable_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
