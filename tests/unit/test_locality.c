/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Locality by page size: runs against single references, joined parts of accesses, spaces, and
 * samples against the exact curve.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mmu/memory.h"
#include "mmu/prng.h"
#include "traces/locality.h"

static struct locality_setup setup_of(unsigned page_lg2, double rate, uint64_t pages_max)
{
	return (struct locality_setup){ page_lg2, 0, rate, pages_max, &host_alloc_libc };
}

static void open_locality(struct locality *l, unsigned page_lg2, double rate, uint64_t pages_max)
{
	const struct locality_setup setup = setup_of(page_lg2, rate, pages_max);

	assert_int_equal(locality_init(l, &setup), 0);
}

static void add(struct locality *l, uint16_t space, va_t va, bool joined)
{
	const struct locality_run run = { space, joined, va, 1, l->references, l->references };

	assert_int_equal(locality_add(l, &run), 0);
}

static void locality_takes_runs_for_references(void **state)
{
	struct locality one, runs;

	(void)state;
	open_locality(&one, 12, 1, 0);
	open_locality(&runs, 12, 1, 0);
	for (uint64_t i = 0; i < 300; i++) {
		const struct locality_run run = { 1, false, i * i % 37 << 12, i % 5 + 1, i, i };

		assert_int_equal(locality_add(&runs, &run), 0);
		for (uint64_t j = 0; j < run.count; j++)
			add(&one, 1, run.va + j, false);
	}
	locality_finish(&one, 300);
	locality_finish(&runs, 300);
	assert_int_equal(one.references, runs.references);
	for (uint64_t entries = 1; entries < 50; entries++)
		assert_true(locality_misses(&one, entries) == locality_misses(&runs, entries));
	locality_release(&one);
	locality_release(&runs);
}

/* An access from 0x10ff8 on over 16 bytes: two lookups with 4 KiB pages, one with 64 KiB pages. */
static void locality_looks_a_crossing_up_once_a_page(void **state)
{
	struct locality small, large;

	(void)state;
	open_locality(&small, 12, 1, 0);
	open_locality(&large, 16, 1, 0);
	for (unsigned i = 0; i < 3; i++) {
		add(&small, 0, 0x10ff8, false);
		add(&small, 0, 0x11000, true);
		add(&large, 0, 0x10ff8, false);
		add(&large, 0, 0x11000, true);
	}
	locality_finish(&small, 3);
	locality_finish(&large, 3);
	assert_int_equal(small.references, 6);
	assert_int_equal(large.references, 3);
	assert_true(locality_misses(&small, 1) == 6);
	assert_true(locality_misses(&small, 2) == 2);
	assert_true(locality_misses(&large, 1) == 1);
	locality_release(&small);
	locality_release(&large);
}

static void locality_keeps_spaces_apart(void **state)
{
	struct locality l;

	(void)state;
	open_locality(&l, 12, 1, 0);
	for (uint16_t space = 1; space < 4; space++)
		add(&l, space, 0x1000, false);
	locality_invalidate_space(&l, 2);
	for (uint16_t space = 1; space < 4; space++)
		add(&l, space, 0x1000, false);
	locality_finish(&l, 6);
	assert_int_equal(l.invalidated, 1);
	assert_true(locality_pages(&l) == 3);
	assert_true(locality_misses(&l, 3) == 4);
	locality_release(&l);
}

/* --- samples --------------------------------------------------------------------------------- */

enum { PAGES = 10000, REFERENCES = 100000, SAMPLES = 32 };

static const uint64_t sizes[] = { 200, 500, 1000, 2000, 4000 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* Many references to few pages, few to many: a smooth curve. */
static void feed(struct locality *l, uint16_t space)
{
	uint64_t random = 29;

	for (uint64_t i = 0; i < REFERENCES; i++) {
		double u = (double)(splitmix_next(&random) >> 11) / 9007199254740992.0;

		add(l, space, (va_t)(PAGES * u * u * u) << 12, false);
	}
	locality_finish(l, REFERENCES);
}

struct deviation {
	double sum, squares, estimated; /* of misses; estimated: the square */
};

static void deviate(struct deviation *by_size, const struct locality *sample,
		    const struct locality *exact)
{
	for (unsigned i = 0; i < SIZES; i++) {
		double off = locality_misses(sample, sizes[i]) - locality_misses(exact, sizes[i]);
		double error = locality_misses_error(sample, sizes[i]);

		by_size[i].sum += off;
		by_size[i].squares += off * off;
		by_size[i].estimated += error * error;
	}
}

/*
 * Over many samples (another space is another hash): the mean is that of the exact curve within
 * three standard errors of a mean of so many, and the error that is estimated is the one that is made, within
 * a factor of two.
 */
static void expect_sound(const struct deviation *by_size)
{
	for (unsigned i = 0; i < SIZES; i++) {
		const struct deviation *d = &by_size[i];

		assert_true(fabs(d->sum) < 3 * sqrt(d->squares));
		assert_true(d->estimated < 4 * d->squares);
		assert_true(d->estimated > d->squares / 4);
		assert_true(sqrt(d->squares / SAMPLES) < 0.05 * REFERENCES);
	}
}

static void samples(double rate, uint64_t pages_max)
{
	struct deviation by_size[SIZES] = { 0 };
	struct locality exact, sample;
	double pages = 0, working_set = 0;

	open_locality(&exact, 12, 1, 0);
	feed(&exact, 0);
	assert_true(locality_misses_error(&exact, 100) == 0);
	for (uint16_t space = 0; space < SAMPLES; space++) {
		open_locality(&sample, 12, rate, pages_max);
		feed(&sample, space);
		assert_true(locality_rate(&sample) < 0.26);
		if (pages_max)
			assert_in_range(sample.whole.stack.key_count, pages_max / 3, pages_max);
		deviate(by_size, &sample, &exact);
		pages += locality_pages(&sample) / SAMPLES;
		working_set += working_set_average(&sample.working_set, 14, REFERENCES) / SAMPLES;
		locality_release(&sample);
	}
	expect_sound(by_size);
	assert_true(fabs(pages / locality_pages(&exact) - 1) < 0.02);
	assert_true(fabs(working_set / working_set_average(&exact.working_set, 14, REFERENCES) -
			 1) < 0.02);
	locality_release(&exact);
}

static void locality_estimates_from_a_sample(void **state)
{
	(void)state;
	samples(0.2, 0);
}

static void locality_estimates_from_a_sample_of_so_many_pages(void **state)
{
	(void)state;
	samples(1, 2000);
}

/* Where the limit is not reached, nothing is estimated. */
static void locality_of_a_sample_of_all_is_exact(void **state)
{
	struct locality exact, sample;

	(void)state;
	open_locality(&exact, 12, 1, 0);
	feed(&exact, 0);
	open_locality(&sample, 12, 1, PAGES);
	feed(&sample, 0);
	assert_true(locality_rate(&sample) == 1);
	for (uint64_t entries = 1; entries < PAGES; entries++)
		if (locality_misses(&sample, entries) != locality_misses(&exact, entries))
			fail_msg("%llu entries", (unsigned long long)entries);
	locality_release(&sample);
	locality_release(&exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locality_takes_runs_for_references),
		cmocka_unit_test(locality_looks_a_crossing_up_once_a_page),
		cmocka_unit_test(locality_keeps_spaces_apart),
		cmocka_unit_test(locality_estimates_from_a_sample),
		cmocka_unit_test(locality_estimates_from_a_sample_of_so_many_pages),
		cmocka_unit_test(locality_of_a_sample_of_all_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
