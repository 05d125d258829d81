/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Working sets against their definition: at each unit of time, the pages referenced in the last T
 * units are counted one by one.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mmu/memory.h"
#include "mmu/prng.h"
#include "traces/working_set.h"

enum { LENGTH = 6000, PAGES = 40, WINDOW = 500 };

static uint32_t string[LENGTH];

/* Phases, so that sizes differ by T. */
static void fill_string(void)
{
	uint64_t random = 11;

	for (uint32_t t = 0; t < LENGTH; t++)
		string[t] = (uint32_t)(splitmix_next(&random) % 8 + t / 1000 * 6) % PAGES;
}

/* Pages of string[from, to). */
static unsigned distinct(unsigned from, unsigned to)
{
	uint64_t seen = 0;

	for (unsigned t = from; t < to; t++)
		seen |= UINT64_C(1) << string[t];
	return (unsigned)__builtin_popcountll(seen);
}

static void feed(struct working_set *ws)
{
	fill_string();
	working_set_init(ws, WINDOW, &host_alloc_libc);
	for (uint32_t t = 0; t < LENGTH; t++)
		assert_int_equal(
			working_set_add(ws, &(struct working_set_run){ string[t], 1, t, t, 1 }), 0);
	for (uint32_t page = 0; page < PAGES; page++)
		working_set_leave(ws, page, LENGTH, 1);
}

static void working_set_average_is_that_of_all_times(void **state)
{
	struct working_set ws;

	(void)state;
	feed(&ws);
	for (unsigned lg2 = WORKING_SET_TAU_LG2_MIN; lg2 < 14; lg2++) {
		unsigned tau = 1u << lg2;
		uint64_t sum = 0;

		for (unsigned t = 1; t <= LENGTH; t++)
			sum += distinct(t > tau ? t - tau : 0, t);
		assert_true(working_set_average(&ws, lg2, LENGTH) == (double)sum / LENGTH);
	}
	working_set_release(&ws);
}

static void working_set_faults_where_the_page_was_not_used_within_tau(void **state)
{
	struct working_set ws;

	(void)state;
	feed(&ws);
	for (unsigned lg2 = WORKING_SET_TAU_LG2_MIN; lg2 < 14; lg2++) {
		unsigned tau = 1u << lg2, faults = 0;

		for (unsigned t = 0; t < LENGTH; t++) {
			unsigned back = 1;

			while (back <= t && string[t - back] != string[t])
				back++;
			faults += back > t || back > tau;
		}
		assert_true(working_set_faults(&ws, lg2) == faults);
	}
	working_set_release(&ws);
}

static void working_set_counts_the_pages_of_each_window(void **state)
{
	struct working_set ws;

	(void)state;
	feed(&ws);
	assert_int_equal(ws.window_count, LENGTH / WINDOW);
	for (unsigned i = 0; i < LENGTH / WINDOW; i++)
		assert_true(ws.window[i] == distinct(i * WINDOW, (i + 1) * WINDOW));
	working_set_release(&ws);
}

/* A run in one piece says what its references say one by one, from the smallest T on. */
static void working_set_takes_runs(void **state)
{
	struct working_set one, runs;

	(void)state;
	working_set_init(&one, 100000, &host_alloc_libc);
	working_set_init(&runs, 100000, &host_alloc_libc);
	for (uint32_t i = 0; i < 50; i++) {
		uint32_t page = i % 7;
		uint64_t first = i * 5000ull;

		for (uint64_t t = 0; t <= 3000; t += 1000)
			working_set_add(&one, &(struct working_set_run){ page, 1, first + t,
									 first + t, 1 });
		working_set_add(&runs,
				&(struct working_set_run){ page, 4, first, first + 3000, 1 });
	}
	for (unsigned lg2 = WORKING_SET_TAU_LG2_MIN; lg2 < 20; lg2++) {
		assert_true(working_set_average(&one, lg2, 250000) ==
			    working_set_average(&runs, lg2, 250000));
		assert_true(working_set_faults(&one, lg2) == working_set_faults(&runs, lg2));
	}
	assert_true(one.references == runs.references);
	working_set_release(&one);
	working_set_release(&runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(working_set_average_is_that_of_all_times),
		cmocka_unit_test(working_set_faults_where_the_page_was_not_used_within_tau),
		cmocka_unit_test(working_set_counts_the_pages_of_each_window),
		cmocka_unit_test(working_set_takes_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
