/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Policy opt in a replay: published reference strings as traces, and random ones against other
 * policies.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "traces/future.h"

/* Pages lie apart: what is next to a page that is brought in stays. */
enum { START = 0x100000, STRIDE = 16 * FRAME_BYTES, PAGES = 64, NAMES_MAX = 4000 };

/* Belady, Nelson & Shedler, CACM 12(6), 1969. */
static const unsigned belady[] = { 1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5 };
enum { BELADY = sizeof(belady) / sizeof(belady[0]), BELADY_PAGES = 5 };

enum { RAM_MIN = 64 << 10 }; /* of a machine: of less, what is missing is pinned */

static struct machine_config config_of(const char *policy, uint64_t ram)
{
	struct machine_config config;

	machine_config_default(&config);
	config.kernel.ram_bytes = ram < RAM_MIN ? RAM_MIN : ram;
	config.kernel.pinned_bytes = config.kernel.ram_bytes - ram;
	config.kernel.swap.bytes = 1 << 20;
	strcpy(config.kernel.reclaim.policy, policy);
	return config;
}

static struct machine *machine_of(const char *policy, uint64_t ram)
{
	const struct machine_config config = config_of(policy, ram);
	struct config_complaint complaint = { .must_be = "?" };
	struct machine *m;

	if (machine_create(&m, &config, &host_alloc_libc, &complaint) != PW_OK)
		return NULL;
	return m;
}

/* A program that loads from these pages, recorded. */
static void record(const char *path, const unsigned *string, unsigned length)
{
	const struct trace_writer_setup setup = { .path = path,
						  .header = "guest_ram: 0x1000000\n" };
	struct machine *m = machine_of("fifo", 16 << 20);
	struct fault_outcome outcome;
	struct trace_writer *writer;
	struct trace_error error;

	assert_non_null(m);
	assert_int_equal(trace_writer_create(&writer, &setup, &error), PW_OK);
	machine_set_tap(m, trace_writer_tap(writer));
	assert_int_equal(kernel_space_create(m->kernel), 1);
	assert_int_equal(kernel_space_switch(m->kernel, 1), 0);
	assert_int_equal(kernel_mmap(m->kernel, START, (uint64_t)PAGES * STRIDE,
				     PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0),
			 START);
	for (unsigned i = 0; i < length; i++)
		assert_true(machine_access(m, ACCESS_WRITE, START + (va_t)string[i] * STRIDE, 8,
					   &outcome));
	machine_set_tap(m, NULL);
	assert_int_equal(trace_writer_finish(writer, &m->counters, &error), PW_OK);
	machine_destroy(m);
}

static struct trace_reader *reader_of(const char *path)
{
	struct trace_reader *reader;
	struct trace_error error;

	if (trace_reader_open(&reader, path, &error))
		fail_msg("%s", error.text);
	return reader;
}

static struct trace_future *future_of(const char *path, unsigned near)
{
	const struct machine_config config = config_of("opt", 64 << 10);
	struct trace_reader *reader = reader_of(path);
	struct trace_future *future;
	struct trace_error error;

	if (trace_future_create(&future, reader, &config, near, &error))
		fail_msg("%s", error.text);
	trace_reader_close(reader);
	return future;
}

/* Faults of the replay, first touches included; 0: the machine cannot hold it. */
static uint64_t faults(const char *path, const char *policy, uint64_t ram,
		       const struct trace_future *future)
{
	struct machine *m = machine_of(policy, ram);
	struct trace_oracle *oracle = NULL;
	struct trace_reader *reader;
	struct trace_replay replay;
	struct trace_batch batch;
	struct trace_error error;
	int failed = PW_OK, more = 0;
	uint64_t sum;

	if (!m)
		return 0;
	reader = reader_of(path);
	trace_replay_start(&replay, reader, m);
	if (future)
		oracle = trace_oracle_create(future, &replay);
	while (!failed && (more = trace_reader_batch(reader, &batch, &error)) > 0)
		failed = trace_replay_batch(&replay, &batch, &error);
	trace_replay_end(&replay);
	sum = kernel_counters(m->kernel)->faults_minor + kernel_counters(m->kernel)->faults_major;
	machine_destroy(m);
	trace_oracle_destroy(oracle);
	trace_reader_close(reader);
	return failed || more < 0 ? 0 : sum;
}

/*
 * How much memory leaves so many frames to a program is found by what FIFO and LRU do in them, which
 * is published: 9 and 10 faults in 3 frames, 10 and 8 in 4. Then OPT has 7 and 6.
 */
static void trace_future_belady(void **state)
{
	const char *path = "belady.trace";
	unsigned found = 0;

	(void)state;
	record(path, belady, BELADY);
	for (uint64_t ram = 48 << 10; ram < 80 << 10; ram += FRAME_BYTES) {
		uint64_t fifo = faults(path, "fifo", ram, NULL);
		uint64_t lru = faults(path, "lru", ram, NULL);

		for (unsigned near = 0; near < 2; near++) {
			struct trace_future *future = future_of(path, near);

			if (fifo == 9 && lru == 10) {
				assert_int_equal(faults(path, "opt", ram, future), 7);
				found |= 1;
			} else if (fifo == 10 && lru == 8) {
				assert_int_equal(faults(path, "opt", ram, future), 6);
				found |= 2;
			} else if (fifo == BELADY_PAGES) {
				assert_int_equal(faults(path, "opt", ram, future), BELADY_PAGES);
				found |= 4;
			}
			trace_future_destroy(future);
		}
	}
	assert_int_equal(found, 7);
	unlink(path);
}

/* At random: OPT is no worse than any other policy in any memory. */
static void trace_future_is_best(void **state)
{
	static const char *const others[] = { "fifo", "lru", "clock", "random" };
	static unsigned string[NAMES_MAX];
	const char *path = "random.trace";
	struct trace_future *future;
	uint64_t random = 12345, short_of_memory = 0;

	(void)state;
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		/* A small working set that moves, and strays. */
		string[i] = (unsigned)((random >> 33) % ((random >> 60) < 12 ? 8 : PAGES - 8) +
				       i / 200) %
			    PAGES;
	}
	record(path, string, NAMES_MAX);
	future = future_of(path, 1);
	for (uint64_t ram = 128 << 10; ram < 320 << 10; ram += 4 * FRAME_BYTES) {
		uint64_t opt = faults(path, "opt", ram, future);

		for (unsigned i = 0; i < 4 && opt; i++) {
			uint64_t other = faults(path, others[i], ram, NULL);

			assert_true(opt <= other);
			short_of_memory += opt < other;
		}
	}
	assert_true(short_of_memory > 20);
	trace_future_destroy(future);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trace_future_belady),
		cmocka_unit_test(trace_future_is_best),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
