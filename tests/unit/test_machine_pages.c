/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Machines whose base page is not 4 KiB: lookups by base page, permissions by page of 4 KiB. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "emu/machine/machine.h"

enum { START = 0x100000, PAGES = 64, PAGE = 4096 };

static struct machine *machine_of(unsigned offset_bits)
{
	struct machine_config config;
	struct config_complaint complaint;
	struct machine *m;

	machine_config_default(&config);
	config.mmu.page_table.radix.offset_bits = offset_bits;
	memset(config.mmu.page_table.radix.leaf_allowed, 0,
	       sizeof(config.mmu.page_table.radix.leaf_allowed));
	config.mmu.page_table.radix.leaf_allowed[0] = true;
	config.mmu.page_table.radix.level_count = 3;
	config.mmu.fetch_bytes = 2048;
	config.kernel.ram_bytes = 64 << 20;
	assert_int_equal(machine_create(&m, &config, &host_alloc_libc, &complaint), PW_OK);
	assert_int_equal(kernel_space_create(m->kernel), 1);
	assert_int_equal(kernel_space_switch(m->kernel, 1), 0);
	assert_int_equal(kernel_mmap(m->kernel, START, PAGES * PAGE,
				     PROT_READ | PROT_WRITE | PROT_EXEC,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0),
			 START);
	return m;
}

static void finish(struct machine *m)
{
	const char *what = "?";

	if (machine_check(m, &what) != PW_OK)
		fail_msg("machine_check: %s", what);
	machine_destroy(m);
}

/* Signal of an access; 0: it went through. */
static int touch(struct machine *m, enum access_kind access, va_t va, unsigned bytes)
{
	struct fault_outcome outcome = { 0 };

	return machine_access(m, access, va, bytes, &outcome) ? 0 : outcome.signal;
}

/* Lookups of a store whose pages are all there. */
static uint64_t lookups(struct machine *m, va_t va, unsigned bytes)
{
	uint64_t before;

	assert_int_equal(touch(m, ACCESS_WRITE, va, bytes), 0);
	before = m->mmu.lookups[ACCESS_WRITE];
	assert_int_equal(touch(m, ACCESS_WRITE, va, bytes), 0);
	return m->mmu.lookups[ACCESS_WRITE] - before;
}

/* One for each base page that the access touches. */
static void machine_pages_lookups_are_by_base_page(void **state)
{
	static const struct {
		unsigned offset_bits;
		va_t at;
		unsigned bytes;
		uint64_t expected;
	} cases[] = {
		{ 12, 4092, 8, 2 },  { 12, 1020, 8, 1 }, { 10, 1020, 8, 2 },  { 10, 1016, 8, 1 },
		{ 10, 4092, 8, 2 },  { 9, 508, 8, 2 },   { 9, 511, 1026, 4 }, { 13, 4092, 8, 1 },
		{ 13, 8188, 8, 2 },  { 16, 4092, 8, 1 }, { 16, 8188, 8, 1 },  { 16, 65532, 8, 2 },
		{ 16, 65536, 8, 1 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct machine *m = machine_of(cases[i].offset_bits);

		assert_int_equal(lookups(m, START + cases[i].at, cases[i].bytes),
				 cases[i].expected);
		assert_int_equal(m->counters.crossings, cases[i].expected > 1 ? 2 : 0);
		finish(m);
	}
}

/* 4 KiB of code: a lookup for each window of 2 KiB, or for each smaller base page. */
static void machine_pages_fetch_windows_are_within_base_pages(void **state)
{
	static const struct {
		unsigned offset_bits;
		uint64_t expected;
	} cases[] = { { 12, 2 }, { 10, 4 }, { 9, 8 }, { 16, 2 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct machine *m = machine_of(cases[i].offset_bits);
		struct fault_outcome outcome;

		assert_true(machine_fetch_block(m, START, PAGE, &outcome));
		machine_block(m, START, PAGE, 60, false);
		assert_int_equal(m->counters.fetches, cases[i].expected);
		finish(m);
	}
}

/*
 * 64 KiB: one entry with what its pages permit together, and each page with its own. The first touch
 * brings in all 16 pages of the block: one fault, 16 pages cleared.
 */
static void machine_pages_permissions_are_by_4k(void **state)
{
	struct machine *m = machine_of(16);
	const struct kernel_counters *counters = kernel_counters(m->kernel);
	struct translation leaf;
	pa_t first, pa;

	(void)state;
	assert_int_equal(touch(m, ACCESS_WRITE, START + 5 * PAGE, 8), 0);
	assert_int_equal(counters->faults_minor, 1);
	assert_int_equal(counters->pages_zeroed, 16);
	assert_true(kernel_translate(m->kernel, START, &first));
	assert_int_equal(first % 65536, 0);
	for (unsigned i = 0; i < 16; i++) {
		assert_true(kernel_translate(m->kernel, START + i * PAGE, &pa));
		assert_int_equal(pa, first + i * PAGE);
	}
	assert_int_equal(kernel_mprotect(m->kernel, START + 3 * PAGE, PAGE, PROT_READ), 0);
	assert_int_equal(touch(m, ACCESS_WRITE, START + 2 * PAGE, 8), 0);
	assert_int_equal(touch(m, ACCESS_READ, START + 3 * PAGE, 8), 0);
	assert_int_equal(touch(m, ACCESS_WRITE, START + 3 * PAGE, 8), SIGSEGV);
	assert_int_equal(touch(m, ACCESS_WRITE, START + 4 * PAGE - 4, 8), SIGSEGV);
	assert_int_equal(pt_lookup(m->mmu.space, START + 3 * PAGE, &leaf), PW_OK);
	assert_int_equal(leaf.bytes, 65536);
	assert_true(leaf.perms & PERM_WRITE);
	assert_int_equal(kernel_mprotect(m->kernel, START, PAGES * PAGE, PROT_READ), 0);
	assert_int_equal(pt_lookup(m->mmu.space, START, &leaf), PW_OK);
	assert_false(leaf.perms & PERM_WRITE);
	finish(m);
}

/* A part is unmapped and its frames stay with the block as slack; with the last page all go. */
static void machine_pages_a_block_goes_as_a_whole(void **state)
{
	struct machine *m = machine_of(14);
	struct frame_counts counts;
	struct translation leaf;

	(void)state;
	assert_int_equal(touch(m, ACCESS_READ, START, 1), 0);
	assert_int_equal(kernel_munmap(m->kernel, START + PAGE, 2 * PAGE), 0);
	kernel_frame_counts(m->kernel, &counts);
	assert_int_equal(counts.anonymous, 2);
	assert_int_equal(counts.slack, 2);
	assert_int_equal(touch(m, ACCESS_READ, START + PAGE, 1), SIGSEGV);
	assert_int_equal(kernel_munmap(m->kernel, START, PAGE), 0);
	assert_int_equal(pt_lookup(m->mmu.space, START, &leaf), PW_OK);
	assert_int_equal(kernel_munmap(m->kernel, START + 3 * PAGE, PAGE), 0);
	assert_int_equal(pt_lookup(m->mmu.space, START, &leaf), PW_ABSENT);
	kernel_frame_counts(m->kernel, &counts);
	assert_int_equal(counts.anonymous + counts.slack, 0);
	finish(m);
}

/* The child's write copies the 4 pages of the block and leaves the parent's where they are. */
static void machine_pages_a_write_after_fork_copies_the_block(void **state)
{
	struct machine *m = machine_of(14);
	const struct kernel_counters *counters = kernel_counters(m->kernel);
	pa_t parent, child;

	(void)state;
	assert_int_equal(touch(m, ACCESS_WRITE, START, 1), 0);
	assert_true(kernel_translate(m->kernel, START, &parent));
	assert_int_equal(kernel_fork(m->kernel), 2);
	assert_int_equal(kernel_space_switch(m->kernel, 2), 0);
	assert_int_equal(touch(m, ACCESS_WRITE, START + PAGE, 1), 0);
	assert_int_equal(counters->pages_copied, 4);
	assert_int_equal(counters->fault_cow, 1);
	assert_true(kernel_translate(m->kernel, START, &child));
	assert_int_not_equal(child, parent);
	assert_int_equal(kernel_space_switch(m->kernel, 1), 0);
	assert_int_equal(touch(m, ACCESS_WRITE, START + 2 * PAGE, 1), 0);
	assert_int_equal(counters->pages_copied, 4);
	finish(m);
}

/*
 * A page that may be written comes into a block whose entry let nobody write: the entry is in use,
 * and what TLBs hold of it permits less. One invalidation; none for a page that adds nothing.
 */
static void machine_pages_a_widened_entry_is_invalidated(void **state)
{
	struct machine *m = machine_of(16);
	const struct kernel_counters *counters = kernel_counters(m->kernel);
	uint64_t before;

	(void)state;
	assert_int_equal(kernel_munmap(m->kernel, START + PAGE, PAGE), 0);
	assert_int_equal(kernel_mprotect(m->kernel, START, PAGE, PROT_READ), 0);
	assert_int_equal(kernel_mprotect(m->kernel, START + 2 * PAGE, 14 * PAGE, PROT_READ), 0);
	assert_int_equal(touch(m, ACCESS_READ, START, 8), 0);
	before = counters->shootdowns;
	assert_int_equal(kernel_mmap(m->kernel, START + PAGE, PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0),
			 START + PAGE);
	assert_int_equal(touch(m, ACCESS_WRITE, START + PAGE, 8), 0);
	assert_int_equal(counters->shootdowns, before + 1);
	finish(m);
}

/* ENODEV where the frames would have to be shared, and counted. */
static void machine_pages_shared_memory_is_refused(void **state)
{
	struct machine *m = machine_of(16);
	int64_t writable, readable;

	(void)state;
	writable = kernel_file_open(m->kernel, 1, PAGE, true);
	readable = kernel_file_open(m->kernel, 1, PAGE, false);
	assert_int_equal(kernel_mmap(m->kernel, 0, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS,
				     UINT64_MAX, 0),
			 -19 /* ENODEV */);
	assert_int_equal(kernel_mmap(m->kernel, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				     (uint64_t)writable, 0),
			 -19);
	assert_int_equal(kernel_counters(m->kernel)->shared_refused, 2);
	assert_true(kernel_mmap(m->kernel, 0, PAGE, PROT_READ, MAP_SHARED, (uint64_t)readable, 0) >
		    0);
	finish(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machine_pages_lookups_are_by_base_page),
		cmocka_unit_test(machine_pages_fetch_windows_are_within_base_pages),
		cmocka_unit_test(machine_pages_permissions_are_by_4k),
		cmocka_unit_test(machine_pages_a_block_goes_as_a_whole),
		cmocka_unit_test(machine_pages_a_write_after_fork_copies_the_block),
		cmocka_unit_test(machine_pages_a_widened_entry_is_invalidated),
		cmocka_unit_test(machine_pages_shared_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
