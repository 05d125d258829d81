/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What 64 MiB of huge pages save, each figure from the arithmetic of x86-64 tables. */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "emu/machine/machine.h"

/* START is aligned to 2 MiB, and all of the mapping lies in one GiB. */
enum { PAGES = 16384, HUGE_PAGES = 32, START = 0x40000000, PAGE = 4096 };

/* No walk caches; `entries` of a fully associative TLB for all sizes, or none. */
static struct machine *machine_of(enum thp_mode thp, unsigned entries)
{
	struct machine_config config;
	struct config_complaint complaint;
	struct tlb_array_config *array = &config.mmu.tlb.level[0].array[0];
	struct machine *m;

	machine_config_default(&config);
	memset(&config.mmu.tlb, 0, sizeof(config.mmu.tlb));
	config.mmu.walk_caches.count = 0;
	if (entries) {
		config.mmu.tlb.level_count = 1;
		config.mmu.tlb.level[0].array_count = 1;
		strcpy(config.mmu.tlb.level[0].name, "l1");
		strcpy(array->name, "all");
		array->side = SIDE_BOTH;
		array->page_size_count = 2;
		array->page_lg2[0] = 12;
		array->page_lg2[1] = 21;
		array->entries = entries;
	}
	config.kernel.ram_bytes = 256 << 20;
	config.kernel.thp = thp;
	assert_int_equal(machine_create(&m, &config, &host_alloc_libc, &complaint), PW_OK);
	assert_int_equal(kernel_space_create(m->kernel), 1);
	assert_int_equal(kernel_space_switch(m->kernel, 1), 0);
	assert_int_equal(kernel_mmap(m->kernel, START, (uint64_t)PAGES * PAGE,
				     PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0),
			 START);
	return m;
}

static void sweep(struct machine *m)
{
	for (unsigned i = 0; i < PAGES; i++) {
		struct fault_outcome outcome = { 0 };

		assert_true(machine_access(m, ACCESS_WRITE, START + (va_t)i * PAGE, 8, &outcome));
	}
}

static void finish(struct machine *m)
{
	const char *what = "?";

	if (machine_check(m, &what) != PW_OK)
		fail_msg("machine_check: %s", what);
	machine_destroy(m);
}

/*
 * 64 MiB / 2 MiB = 32 faults instead of 64 MiB / 4 KiB = 16384. As many bytes are cleared. Tables: a
 * PML4, a PDPT and a PD in either case; one PT for each 2 MiB of base pages, which huge pages save.
 */
static void huge_pages_faults_and_tables(void **state)
{
	static const struct {
		enum thp_mode thp;
		uint64_t faults, huge, tables;
	} expected[] = { { THP_NEVER, PAGES, 0, 3 + HUGE_PAGES },
			 { THP_MADVISE, PAGES, 0, 3 + HUGE_PAGES },
			 { THP_ALWAYS, HUGE_PAGES, HUGE_PAGES, 3 } };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct machine *m = machine_of(expected[i].thp, 0);
		const struct kernel_counters *counters = kernel_counters(m->kernel);
		struct frame_counts frames;

		sweep(m);
		kernel_frame_counts(m->kernel, &frames);
		assert_int_equal(counters->faults_minor, expected[i].faults);
		assert_int_equal(counters->fault_anonymous, expected[i].faults);
		assert_int_equal(counters->thp_fault_alloc, expected[i].huge);
		assert_int_equal(counters->pages_zeroed, PAGES);
		assert_int_equal(m->ledger.line[CHARGE_FAULT_ENTRY],
				 expected[i].faults * m->config.kernel.costs.fault_entry);
		assert_int_equal(frames.table, expected[i].tables);
		assert_int_equal(frames.anonymous, PAGES);
		/* Of each huge page, one base page was asked for. */
		assert_int_equal(counters->thp_filled_pages, expected[i].huge * 511);
		finish(m);
	}
}

/*
 * Without a TLB each of the 16384 stores walks: 4 references to a base page, 3 to a huge one. Faults
 * walk as well: the first finds the PML4 empty (1 reference); the first in each of the other 31
 * blocks of 2 MiB finds no entry in the PD (3); with base pages, each of the other 511 in a block
 * finds none in the PT (4).
 */
static void huge_pages_shorten_walks(void **state)
{
	struct machine *base = machine_of(THP_NEVER, 0), *huge = machine_of(THP_ALWAYS, 0);

	(void)state;
	sweep(base);
	sweep(huge);
	assert_int_equal(base->mmu.counters.walk_leaves, PAGES);
	assert_int_equal(huge->mmu.counters.walk_leaves, PAGES);
	assert_int_equal(base->mmu.counters.walk_refs, PAGES * 4 + 1 + 31 * 3 + 32 * 511 * 4);
	assert_int_equal(huge->mmu.counters.walk_refs, PAGES * 3 + 1 + 31 * 3);
	finish(base);
	finish(huge);
}

/*
 * 64 entries reach 256 KiB of base pages: each store of each sweep walks. They reach 128 MiB of huge
 * pages: 32 walks of 3 references in the first sweep, none in the second.
 */
static void huge_pages_reach_of_a_tlb(void **state)
{
	struct machine *base = machine_of(THP_NEVER, 64), *huge = machine_of(THP_ALWAYS, 64);

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		sweep(base);
		sweep(huge);
		assert_int_equal(base->mmu.counters.walk_leaves, PAGES * i);
		assert_int_equal(huge->mmu.counters.walk_leaves, HUGE_PAGES);
		assert_int_equal(huge->mmu.counters.walk_refs, HUGE_PAGES * 3 + 1 + 31 * 3);
	}
	finish(base);
	finish(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(huge_pages_faults_and_tables),
		cmocka_unit_test(huge_pages_shorten_walks),
		cmocka_unit_test(huge_pages_reach_of_a_tlb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
