/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Random operations (kernel_model.h) with ample memory, on every kind of page table. */

#include "tests/unit/kernel_model_acts.h"

/* Were the mechanisms in use that the kind of table is to try out? */
static void expect_use(const struct model *m)
{
	const struct kernel_counters *counters = kernel_counters(m->f->kernel);

	if (!m->f->table.caps.aliases)
		assert_true(counters->fault_alias > 0);
	if (m->f->config.thp != THP_NEVER)
		assert_true(counters->thp_fault_alloc > 100 && counters->thp_split_pmd > 100 &&
			    counters->thp_collapse_alloc > 10);
	else
		assert_int_equal(counters->thp_fault_alloc, 0);
}

static void run(const char *format, uint64_t seed, unsigned steps)
{
	struct fixture *f = fx_new();
	struct model *m;

	f->asid_bits = (unsigned)seed % 4;
	assert_int_equal(fx_try_create(f, format, 64 << 20), PW_OK);
	m = model_create(f, seed);
	for (unsigned i = 0; i < steps; i++) {
		step(m);
		if (i % 8 == 0)
			fx_sweep(f);
		if (i % 50 == 0)
			compare_vmas(m);
		if (i % 1000 == 0) {
			compare_bytes(m);
			fx_check(f);
		}
	}
	expect_use(m);
	model_destroy(m);
}

static void kernel_random_radix(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		run("radix", seed, 75000);
}

static void kernel_random_hashed(void **state)
{
	(void)state;
	for (uint64_t seed = 5; seed <= 6; seed++)
		run("hashed", seed, 75000);
}

/* Base pages of 1 KiB: four entries a page. */
static void kernel_random_small_base_pages(void **state)
{
	(void)state;
	run("radix@10", 7, 75000);
	run("radix@9", 8, 20000);
}

/* Base pages of 8 KiB, 64 KiB and 1 MiB: composed blocks. */
static void kernel_random_large_base_pages(void **state)
{
	(void)state;
	run("radix@13", 9, 75000);
	run("radix@16", 10, 75000);
	run("radix@20", 11, 20000);
}

static void kernel_random_inverted(void **state)
{
	(void)state;
	for (uint64_t seed = 7; seed <= 9; seed++)
		run("inverted", seed, 50000);
	run("inverted-chain", 10, 50000);
}

/* fx_check() holds every page of every range to the page table. */
static void kernel_random_ranges(void **state)
{
	(void)state;
	fx_ranges = true;
	for (uint64_t seed = 7; seed <= 8; seed++)
		run(seed % 2 ? "radix" : "hashed", seed, 75000);
	fx_ranges = false;
}

/* Huge pages of 8 and of 16 base pages, in everything that can be cut and shared. */
static void kernel_random_huge(void **state)
{
	(void)state;
	run("radix+3", 12, 75000);
	run("radix+3", 13, 75000);
	run("clustered+", 14, 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_random_radix),
		cmocka_unit_test(kernel_random_hashed),
		cmocka_unit_test(kernel_random_small_base_pages),
		cmocka_unit_test(kernel_random_large_base_pages),
		cmocka_unit_test(kernel_random_inverted),
		cmocka_unit_test(kernel_random_ranges),
		cmocka_unit_test(kernel_random_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
