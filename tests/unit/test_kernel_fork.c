/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Several address spaces: fork and its copies on write, running out of memory in the middle of it,
 * ASIDs that run out. The fixture's TLB forgets nothing by itself, so a page of a parent that was
 * not invalidated, or an ASID lent twice, fails at the next access.
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };
#define PAGE ((uint64_t)FRAME_BYTES)
#define A    UINT64_C(0x100000)
#define B    UINT64_C(0x800000)

static const char *const formats[] = { "radix", "hashed", "inverted", "inverted-chain" };
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

#define FOR_EACH_FORMAT(f, ram)                                               \
	for (unsigned format_ = 0; format_ < FORMATS; format_++)              \
		for (struct fixture *f = fx_create(formats[format_], ram); f; \
		     fx_check(f), fx_destroy(f), f = NULL)

#define COUNT(f, field) ((long)kernel_counters((f)->kernel)->field)

static void map(struct fixture *f, va_t va, uint64_t pages, int prot, int flags)
{
	int64_t at = kernel_mmap(f->kernel, va, pages * PAGE, (uint64_t)prot, (uint64_t)flags,
				 UINT64_MAX, 0);

	assert_int_equal(at, va);
}

static void run(struct fixture *f, int64_t space)
{
	assert_int_equal(kernel_task_switch(f->kernel, 1, (uint64_t)space), 0);
}

static int64_t forked(struct fixture *f)
{
	int64_t child = kernel_fork(f->kernel);

	assert_true(child > 1);
	fx_check(f);
	return child;
}

static const struct frame *frame_of(struct fixture *f, va_t va)
{
	struct translation leaf;

	assert_true(fx_lookup(f, va, &leaf));
	return frame_at(&f->kernel->frames, leaf.pa >> FRAME_LG2);
}

/* --- copy on write --------------------------------------------------------------------------- */

static void kernel_fork_copies_what_is_written(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		int64_t child;

		map(f, A, 3, RW, ANON);
		for (unsigned i = 0; i < 3; i++)
			*fx_must(f, A + i * PAGE, ACCESS_WRITE) = 10 + i;
		child = forked(f);
		assert_int_equal(frame_of(f, A)->refs, 2);
		assert_int_equal(COUNT(f, pages_copied), 0);
		/* The parent writes first: it gets the copy. */
		*fx_must(f, A, ACCESS_WRITE) = 20;
		assert_int_equal(COUNT(f, fault_cow), 1);
		run(f, child);
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 10);
		/* The last one that has the frame keeps it. */
		*fx_must(f, A, ACCESS_WRITE) = 30;
		assert_int_equal(COUNT(f, fault_reuse), 1);
		assert_int_equal(COUNT(f, fault_cow), 1);
		/* The child writes first. */
		*fx_must(f, A + PAGE, ACCESS_WRITE) = 31;
		assert_int_equal(COUNT(f, fault_cow), 2);
		run(f, 1);
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 20);
		assert_int_equal(*fx_must(f, A + PAGE, ACCESS_READ), 11);
		assert_int_equal(kernel_space_destroy(f->kernel, (uint64_t)child), 0);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(frame_of(f, A + i * PAGE)->refs, 1);
		*fx_must(f, A + 2 * PAGE, ACCESS_WRITE) = 42;
		assert_int_equal(COUNT(f, fault_cow), 2);
	}
}

/* The test in small: every other page of a mapping, exactly one copy each. */
static void kernel_fork_copies_every_other_page(void **state)
{
	enum { PAGES = 512 };

	(void)state;
	FOR_EACH_FORMAT(f, 8 << 20)
	{
		int64_t child;

		map(f, B, PAGES, RW, ANON);
		for (unsigned i = 0; i < PAGES; i++)
			*fx_must(f, B + i * PAGE, ACCESS_WRITE) = i;
		child = forked(f);
		run(f, child);
		for (unsigned i = 0; i < PAGES; i += 2)
			*fx_must(f, B + i * PAGE, ACCESS_WRITE) = 1000 + i;
		assert_int_equal(COUNT(f, pages_copied), PAGES / 2);
		run(f, 1);
		for (unsigned i = 0; i < PAGES; i++)
			assert_int_equal(*fx_must(f, B + i * PAGE, ACCESS_READ), i);
		assert_int_equal(kernel_space_destroy(f->kernel, (uint64_t)child), 0);
		for (unsigned i = 0; i < PAGES; i++)
			assert_int_equal(frame_of(f, B + i * PAGE)->refs, 1);
	}
}

static void kernel_fork_shares_shared_mappings(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		int64_t child, id;

		f->file[0].size = PAGE;
		id = kernel_file_open(f->kernel, 100, PAGE, true);
		map(f, A, 2, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
		assert_int_equal(kernel_mmap(f->kernel, B, PAGE, RW, MAP_SHARED | MAP_FIXED,
					     (uint64_t)id, 0),
				 B);
		*fx_must(f, A, ACCESS_WRITE) = 1;
		*fx_must(f, B, ACCESS_WRITE) = 2;
		child = forked(f);
		run(f, child);
		*fx_must(f, A, ACCESS_WRITE) = 3;
		*fx_must(f, A + PAGE, ACCESS_WRITE) = 4;
		*fx_must(f, B, ACCESS_WRITE) = 5;
		run(f, 1);
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 3);
		assert_int_equal(*fx_must(f, A + PAGE, ACCESS_READ), 4);
		assert_int_equal(*fx_must(f, B, ACCESS_READ), 5);
		assert_int_equal(COUNT(f, pages_copied), 0);
		assert_int_equal(kernel_space_destroy(f->kernel, 1), 0);
		assert_int_equal(kernel_space_destroy(f->kernel, (uint64_t)child), 0);
		assert_int_equal(f->file[0].value[0], 5);
		assert_int_equal(kernel_file_close(f->kernel, (uint64_t)id), 0);
	}
}

/* Writable again by mprotect is not writable before the copy. */
static void kernel_fork_survives_mprotect(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		int64_t child;

		map(f, A, 1, RW, ANON);
		*fx_must(f, A, ACCESS_WRITE) = 1;
		child = forked(f);
		run(f, child);
		assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, PROT_READ), 0);
		assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, RW), 0);
		*fx_must(f, A, ACCESS_WRITE) = 2;
		assert_int_equal(kernel_mremap(f->kernel, A, PAGE, PAGE,
					       MREMAP_MAYMOVE | MREMAP_FIXED, B),
				 B);
		assert_int_equal(*fx_must(f, B, ACCESS_READ), 2);
		assert_int_equal(kernel_munmap(f->kernel, B, PAGE), 0);
		run(f, 1);
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
	}
}

/* --- running out ----------------------------------------------------------------------------- */

enum { OOM_PAGES = 40 };

static uint64_t free_frames(struct fixture *f)
{
	struct frame_counts counts;

	kernel_frame_counts(f->kernel, &counts);
	return counts.free;
}

static void fork_fails_and_changes_nothing(struct fixture *f)
{
	uint64_t before = free_frames(f);

	assert_int_equal(kernel_fork(f->kernel), -ENOMEM);
	assert_true(kernel_oom_pending(f->kernel));
	fx_reprieve(f);
	fx_check(f);
	assert_int_equal(free_frames(f), before);
	for (unsigned i = 0; i < OOM_PAGES; i++) {
		struct translation leaf;

		assert_true(fx_lookup(f, A + i * 64 * PAGE, &leaf));
		assert_true(leaf.perms & PERM_WRITE);
		assert_int_equal(frame_at(&f->kernel->frames, leaf.pa >> FRAME_LG2)->refs, 1);
	}
}

/* Sparse pages need many tables; fork is tried with one more free frame each time. */
static void kernel_fork_fails_as_a_whole(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		va_t last;
		int64_t child;

		map(f, A, OOM_PAGES * 64, RW, ANON);
		for (unsigned i = 0; i < OOM_PAGES; i++)
			*fx_must(f, A + i * 64 * PAGE, ACCESS_WRITE) = i;
		map(f, UINT64_C(1) << 30, 256, RW, ANON);
		last = UINT64_C(1) << 30;
		while (free_frames(f) > 2)
			*fx_must(f, last += PAGE, ACCESS_WRITE) = 7;
		while (free_frames(f) > 0 && strcmp(f->table.ops->name, "radix") == 0) {
			fork_fails_and_changes_nothing(f);
			*fx_must(f, last += PAGE, ACCESS_WRITE) = 7;
		}
		if (strcmp(f->table.ops->name, "radix") == 0) {
			for (unsigned i = 0; i < 5; i++) {
				fork_fails_and_changes_nothing(f);
				kernel_munmap(f->kernel, last, PAGE);
				last -= PAGE;
			}
			kernel_munmap(f->kernel, last - 9 * PAGE, 10 * PAGE);
			kernel_munmap(f->kernel, UINT64_C(1) << 30, 60 * PAGE);
		}
		child = forked(f);
		run(f, child);
		assert_int_equal(*fx_must(f, A + 64 * PAGE, ACCESS_READ), 1);
	}
}

/* The host refuses memory, at each allocation in turn. */
static void kernel_fork_bears_a_poor_host(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		int64_t child = -ENOMEM;

		map(f, A, OOM_PAGES * 64, RW, ANON);
		for (unsigned i = 0; i < OOM_PAGES; i++)
			*fx_must(f, A + i * 64 * PAGE, ACCESS_WRITE) = i;
		for (long n = 0; child == -ENOMEM; n++) {
			assert_true(n < 1000);
			f->host.fail_in = n;
			child = kernel_fork(f->kernel);
			f->host.fail_in = -1;
			fx_check(f);
			assert_true(child > 0 || n < 5 || child == -ENOMEM);
		}
		assert_true(child > 0);
	}
}

/* --- ASIDs ----------------------------------------------------------------------------------- */

/* Five spaces take turns on a machine that has `bits`; each has its own bytes at one address. */
static struct fixture *take_turns(const char *format, unsigned bits)
{
	struct fixture *f = fx_create_asids(format, 1 << 20, bits);
	int64_t space[5] = { 1 };

	map(f, A, 2, RW, ANON);
	*fx_must(f, A + PAGE, ACCESS_WRITE) = 77;
	for (unsigned i = 1; i < 5; i++)
		space[i] = forked(f);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 5; i++) {
			run(f, space[i]);
			if (round)
				assert_int_equal(*fx_must(f, A, ACCESS_READ), 100 * round + i);
			assert_int_equal(*fx_must(f, A + PAGE, ACCESS_READ), 77);
			*fx_must(f, A, ACCESS_WRITE) = 100 * (round + 1) + i;
			fx_check(f);
		}
	return f;
}

static void kernel_asids_are_lent_and_recalled(void **state)
{
	/*
	 * 16 times a space is to run, counting the first; 1 runs twice in a row at the start. With
	 * three bits there are 7 tags for 5 spaces. With two bits 3: the five take turns in a
	 * ring, so every fourth time to run finds no tag: of the 15 after the first, the 3rd,
	 * 6th, 9th, 12th and 15th (1 2 3 | 4 5 1 | 2 3 4 | ...) begin a generation but that the
	 * first of them, which comes after 1 2 3, is the 4th space to run: 4 in all. With one bit
	 * each change of space does: 14.
	 */
	static const long rollovers[] = { 0, 14, 4, 0 };

	(void)state;
	for (unsigned format = 0; format < FORMATS; format++)
		for (unsigned bits = 0; bits <= 3; bits++) {
			struct fixture *f = take_turns(formats[format], bits);

			assert_int_equal(COUNT(f, asid_rollovers), rollovers[bits]);
			assert_int_equal(f->all_invalidations, rollovers[bits]);
			fx_destroy(f);
		}
}

/* What the hardware cannot hold needs no order. */
static void kernel_asids_spare_invalidations(void **state)
{
	struct fixture *f = fx_create_asids("radix", 1 << 20, 1);
	int64_t child;
	uint64_t orders;

	(void)state;
	map(f, A, 2, RW, ANON);
	*fx_must(f, A, ACCESS_WRITE) = 1;
	child = forked(f);
	run(f, child);
	orders = f->invalidations + f->asid_invalidations;
	assert_int_equal(kernel_space_destroy(f->kernel, 1), 0);
	assert_int_equal(f->invalidations + f->asid_invalidations, orders);
	assert_int_equal(kernel_munmap(f->kernel, A, PAGE), 0);
	assert_int_equal(f->invalidations + f->asid_invalidations, orders + 1);
	fx_check(f);
	fx_destroy(f);
}

static void kernel_task_switch_knows_threads(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		uint64_t switches = f->switches;

		assert_int_equal(kernel_task_create(f->kernel, 2, 1), 0);
		assert_int_equal(kernel_task_create(f->kernel, 2, 9), -ESRCH);
		assert_int_equal(kernel_task_switch(f->kernel, 2, 1), 0);
		assert_int_equal(kernel_task_switch(f->kernel, 2, 9), -ESRCH);
		assert_int_equal(f->switches, switches);
		assert_int_equal(COUNT(f, thread_switches), 1);
		assert_int_equal(COUNT(f, tasks), 1);
		assert_int_equal(f->ledger.line[CHARGE_SWITCH],
				 f->config.costs.context_switch + f->config.costs.thread_switch);
		assert_int_equal(kernel_task_exit(f->kernel, 2, 0), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_fork_copies_what_is_written),
		cmocka_unit_test(kernel_fork_copies_every_other_page),
		cmocka_unit_test(kernel_fork_shares_shared_mappings),
		cmocka_unit_test(kernel_fork_survives_mprotect),
		cmocka_unit_test(kernel_fork_fails_as_a_whole),
		cmocka_unit_test(kernel_fork_bears_a_poor_host),
		cmocka_unit_test(kernel_asids_are_lent_and_recalled),
		cmocka_unit_test(kernel_asids_spare_invalidations),
		cmocka_unit_test(kernel_task_switch_knows_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
