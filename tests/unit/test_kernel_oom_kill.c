/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Who is killed when memory runs out, and what is taken from it: emu/kernel/oom.c. Expected victims
 * follow from Linux's oom_badness(): resident pages + pages on the swap device + page-table pages.
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };
#define PAGE   ((uint64_t)FRAME_BYTES)
#define A      UINT64_C(0x200000)
#define B      UINT64_C(0x800000)
#define SPARSE UINT64_C(0x40000000)

static const char *const formats[] = { "radix", "hashed", "inverted", "inverted-chain" };
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

static void run(struct fixture *f, uint64_t space)
{
	assert_int_equal(kernel_space_switch(f->kernel, space), 0);
}

/* A new running space. */
static uint64_t add_space(struct fixture *f)
{
	int64_t id = kernel_space_create(f->kernel);

	assert_true(id > 0);
	run(f, (uint64_t)id);
	return (uint64_t)id;
}

static void map(struct fixture *f, va_t va, uint64_t pages, int flags)
{
	assert_int_equal(kernel_mmap(f->kernel, va, pages * PAGE, RW, (uint64_t)(flags | MAP_FIXED),
				     UINT64_MAX, 0),
			 va);
}

static void fill(struct fixture *f, va_t va, uint64_t pages)
{
	map(f, va, pages, ANON);
	for (uint64_t i = 0; i < pages; i++)
		*fx_must(f, va + i * PAGE, ACCESS_WRITE) = i + 1;
}

/* The running space asks for page after page until so many are to die for it. How many it got. */
static uint64_t ask_until(struct fixture *f, uint64_t kills)
{
	uint64_t pages = 0;

	map(f, B, 2048, ANON);
	while (kernel_counters(f->kernel)->oom_kills < kills) {
		struct fault_outcome outcome;

		assert_true(pages < 2048);
		if (fx_access(f, B + pages * PAGE, ACCESS_WRITE, &outcome))
			pages++;
		else
			assert_int_equal(outcome.signal, SIGKILL);
	}
	return pages;
}

static uint64_t ask(struct fixture *f)
{
	return ask_until(f, 1);
}

/* The one that is; its answer is taken. */
static uint64_t victim(struct fixture *f, struct oom_usage *usage)
{
	uint64_t found = 0;

	for (uint64_t id = 1; id < FX_ASIDS; id++) {
		struct oom_usage one;

		if (!kernel_oom_victim(f->kernel, id, &one))
			continue;
		assert_int_equal(found, 0);
		found = id;
		*usage = one;
	}
	assert_int_not_equal(found, 0);
	assert_int_equal(kernel_oom_kill(f->kernel, found), 0);
	assert_int_equal(kernel_oom_kill(f->kernel, found), -ESRCH);
	assert_false(kernel_oom_pending(f->kernel));
	return found;
}

static void end(struct fixture *f)
{
	struct frame_counts counts;

	fx_check(f);
	for (uint64_t id = 1; id < FX_ASIDS; id++)
		kernel_space_destroy(f->kernel, id);
	fx_check(f);
	kernel_frame_counts(f->kernel, &counts);
	assert_int_equal(counts.anonymous + counts.file, 0);
	assert_false(kernel_oom_pending(f->kernel));
	fx_destroy(f);
}

static void kernel_oom_kill_the_largest(void **state)
{
	(void)state;
	for (unsigned format = 0; format < FORMATS; format++) {
		struct fixture *f = fx_create(formats[format], 512 * PAGE);
		struct oom_usage usage;
		struct fault_outcome outcome;
		uint64_t got;

		fill(f, A, 40);
		add_space(f);
		fill(f, A, 300);
		add_space(f);
		fill(f, A, 20);
		got = ask(f);
		/* 512 frames without frame 0, the 360 pages and some for tables and objects. */
		assert_in_range(got, 100, 151);
		assert_int_equal(kernel_oom_kill(f->kernel, 1), -ESRCH);
		assert_int_equal(victim(f, &usage), 2);
		assert_int_equal(usage.anonymous, 300 * PAGE);
		assert_int_equal(usage.mapped, 300 * PAGE);
		assert_int_equal(usage.file + usage.shared + usage.swapped, 0);
		/* One table of each of four levels: all of it lies within 2 MiB. */
		assert_int_equal(usage.tables, format == 0 ? 4 * PAGE : 0);
		assert_int_equal(kernel_counters(f->kernel)->oom_reaped_pages, 300);
		assert_int_equal(kernel_counters(f->kernel)->oom_kills, 1);
		fx_check(f);
		/* The one that asked goes on, and nothing of the others is lost. */
		for (uint64_t i = 0; i < 20; i++)
			assert_int_equal(*fx_must(f, A + i * PAGE, ACCESS_READ), i + 1);
		run(f, 1);
		for (uint64_t i = 0; i < 40; i++)
			assert_int_equal(*fx_must(f, A + i * PAGE, ACCESS_READ), i + 1);
		/* The victim gets nothing any more, and what it had is not reached by stale entries. */
		run(f, 2);
		assert_null(fx_access(f, A, ACCESS_READ, &outcome));
		assert_int_equal(outcome.signal, SIGBUS);
		assert_int_equal(kernel_user_copy(f->kernel, A, 8, ACCESS_WRITE), -EFAULT);
		end(f);
	}
}

/* The one that asks is the largest: it is killed, and keeps its pages until it ends. */
static void kernel_oom_kill_who_asks(void **state)
{
	struct fixture *f = fx_create("radix", 256 * PAGE);
	struct oom_usage usage;

	(void)state;
	fill(f, A, 60);
	add_space(f);
	fill(f, A, 50);
	ask(f);
	assert_int_equal(victim(f, &usage), 2);
	assert_int_equal(kernel_counters(f->kernel)->oom_reaped_pages, 0);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
	/* Its own calls fail from now on where they need memory. */
	assert_int_equal(kernel_user_copy(f->kernel, B + 1000 * PAGE, 8, ACCESS_WRITE), -EFAULT);
	end(f);
}

/* In a call instead of a fault: -EFAULT, and it is known who is to die. */
static void kernel_oom_kill_in_user_copy(void **state)
{
	struct fixture *f = fx_create("radix", 256 * PAGE);
	struct oom_usage usage;
	int64_t result = 0;

	(void)state;
	map(f, A, 512, ANON);
	for (uint64_t i = 0; result == 0; i++)
		result = kernel_user_copy(f->kernel, A + i * PAGE, 8, ACCESS_WRITE);
	assert_int_equal(result, -EFAULT);
	assert_int_equal(victim(f, &usage), 1);
	end(f);
}

static void kernel_oom_kill_the_younger_of_equals(void **state)
{
	struct fixture *f = fx_create("radix", 512 * PAGE);
	struct oom_usage usage;

	(void)state;
	fill(f, A, 200);
	add_space(f);
	fill(f, A, 200);
	add_space(f);
	fill(f, A, 2);
	ask(f);
	assert_int_equal(victim(f, &usage), 2);
	end(f);
}

/*
 * Each page of the first has a leaf table of its own: 8 pages and 3 + 8 tables against 12 pages and 4
 * tables. The third, which asks, has nothing but a few tables.
 */
static void kernel_oom_kill_counts_tables(void **state)
{
	struct fixture *f = fx_create("radix", 128 * PAGE);
	struct oom_usage usage;

	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		fill(f, SPARSE + i * 512 * PAGE, 1);
	add_space(f);
	fill(f, A, 12);
	add_space(f);
	f->kernel->starved = true;
	assert_true(oom_relieve(f->kernel, f->kernel->running));
	kernel_settle(f->kernel);
	assert_int_equal(victim(f, &usage), 1);
	assert_int_equal(usage.tables, (3 + 8) * PAGE);
	end(f);
}

/* --- swap ------------------------------------------------------------------------------------ */

static void with_swap(struct kernel_config *config)
{
	config->swap.bytes = 200 * PAGE;
	strcpy(config->reclaim.policy, "fifo");
}

/* The first has most of its pages on the device, and the most of all; its slots are free afterwards. */
static void kernel_oom_kill_counts_swap(void **state)
{
	struct fixture *f = fx_new();
	struct oom_usage usage;

	(void)state;
	f->configure = with_swap;
	assert_int_equal(fx_try_create(f, "radix", 256 * PAGE), PW_OK);
	add_space(f);
	fill(f, A, 260);
	add_space(f);
	fill(f, A, 100);
	ask(f);
	assert_int_equal(victim(f, &usage), 1);
	assert_in_range(usage.swapped, 150 * PAGE, 200 * PAGE);
	assert_int_equal(usage.swapped + usage.anonymous, 260 * PAGE);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(*fx_must(f, A + i * PAGE, ACCESS_READ), i + 1);
	end(f);
}

/* --- what is shared -------------------------------------------------------------------------- */

/* Pages that a fork shares free nothing: one after the other dies until there is room. */
static void kernel_oom_kill_until_there_is_room(void **state)
{
	struct fixture *f = fx_create("radix", 256 * PAGE);
	int64_t child;

	(void)state;
	fill(f, A, 150);
	child = kernel_fork(f->kernel);
	assert_int_equal(child, 2);
	add_space(f);
	fill(f, A, 10);
	/* 150 pages and tables each: the younger first, whose pages its parent still has. */
	ask_until(f, 1);
	assert_int_equal(kernel_oom_kill(f->kernel, 1), -ESRCH);
	assert_int_equal(kernel_munmap(f->kernel, B, 2048 * PAGE), 0);
	ask_until(f, 2);
	assert_int_equal(kernel_counters(f->kernel)->oom_reaped_pages, 300);
	assert_int_equal(kernel_oom_kill(f->kernel, 1), 0);
	assert_int_equal(kernel_oom_kill(f->kernel, 2), 0);
	end(f);
}

static void kernel_oom_kill_leaves_shared_memory(void **state)
{
	struct fixture *f = fx_create("radix", 256 * PAGE);
	struct oom_usage usage;
	struct frame_counts counts;

	(void)state;
	map(f, A, 60, MAP_SHARED | MAP_ANONYMOUS);
	for (uint64_t i = 0; i < 60; i++)
		*fx_must(f, A + i * PAGE, ACCESS_WRITE) = i + 7;
	fill(f, A + 100 * PAGE, 80);
	add_space(f);
	ask(f);
	assert_int_equal(victim(f, &usage), 1);
	assert_int_equal(usage.shared, 60 * PAGE);
	assert_int_equal(usage.anonymous, 80 * PAGE);
	assert_int_equal(kernel_counters(f->kernel)->oom_reaped_pages, 80);
	kernel_frame_counts(f->kernel, &counts);
	assert_int_equal(counts.file, 60);
	end(f);
}

/* --- calls ----------------------------------------------------------------------------------- */

/* Calls that want frames for tables and objects get them from the largest, and fail for nobody else. */
static void kernel_oom_kill_for_calls(void **state)
{
	(void)state;
	for (unsigned call = 0; call < 4; call++) {
		struct fixture *f = fx_create("radix", 256 * PAGE);
		struct oom_usage usage;
		struct frame_counts counts;
		int64_t result = 0;

		fill(f, A, 60);
		add_space(f);
		map(f, A, 256, ANON);
		for (uint64_t i = 0; counts.free > 0 || i == 0; i++) {
			fx_must(f, A + i * PAGE, ACCESS_WRITE);
			kernel_frame_counts(f->kernel, &counts);
		}
		run(f, 1);
		while (result >= 0 && !kernel_oom_pending(f->kernel)) {
			if (call == 0)
				result = kernel_fork(f->kernel);
			else if (call == 1)
				result = kernel_space_create(f->kernel);
			else if (call == 2)
				result = kernel_task_create(f->kernel, f->instructions++, 1);
			else
				result = kernel_mmap(f->kernel, 0, PAGE,
						     f->instructions++ % 2 ? RW : PROT_READ, ANON,
						     UINT64_MAX, 0);
		}
		assert_true(result >= 0);
		assert_int_equal(victim(f, &usage), 2);
		end(f);
	}
}

/* Memory that the host refuses, here for a second mapping of a frame, is nobody else's fault. */
static void kernel_oom_kill_not_for_the_host(void **state)
{
	struct fixture *f = fx_create("hashed", 256 * PAGE);
	struct fault_outcome outcome;
	uint64_t id;

	(void)state;
	fill(f, A, 60);
	add_space(f);
	f->file[1].size = PAGE;
	id = (uint64_t)kernel_file_open(f->kernel, 101, PAGE, true);
	for (va_t va = A; va <= B; va += B - A)
		assert_int_equal(
			kernel_mmap(f->kernel, va, PAGE, RW, MAP_SHARED | MAP_FIXED, id, 0), va);
	fx_must(f, A, ACCESS_WRITE);
	f->host.fail_in = 0;
	assert_null(fx_access(f, B, ACCESS_WRITE, &outcome));
	f->host.fail_in = -1;
	assert_int_equal(outcome.signal, SIGKILL);
	assert_int_equal(kernel_oom_kill(f->kernel, 1), -ESRCH);
	assert_int_equal(kernel_oom_kill(f->kernel, 2), 0);
	assert_int_equal(kernel_file_close(f->kernel, id), 0);
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_oom_kill_the_largest),
		cmocka_unit_test(kernel_oom_kill_who_asks),
		cmocka_unit_test(kernel_oom_kill_in_user_copy),
		cmocka_unit_test(kernel_oom_kill_the_younger_of_equals),
		cmocka_unit_test(kernel_oom_kill_counts_tables),
		cmocka_unit_test(kernel_oom_kill_counts_swap),
		cmocka_unit_test(kernel_oom_kill_until_there_is_room),
		cmocka_unit_test(kernel_oom_kill_leaves_shared_memory),
		cmocka_unit_test(kernel_oom_kill_for_calls),
		cmocka_unit_test(kernel_oom_kill_not_for_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
