/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Curves of any bytes as a trace: with a machine and without, of all pages and of samples. Up to where
 * the trace makes no sense, they are curves: larger buffers miss no more, and nothing misses that was
 * not looked up.
 */

#include "tests/fuzz/fuzz_trace.h"

#include "traces/curve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_misses(const struct locality *l)
{
	double last = (double)l->references + (double)l->refused;
	double any = locality_misses(l, UINT64_MAX);
	uint64_t end = locality_entries_max(l);

	/* A sample stands for more than it is. */
	if (l->sampled)
		last = locality_misses(l, 1);
	for (uint64_t entries = 1; entries <= end; entries += 1 + entries / 8) {
		double misses = locality_misses(l, entries);

		must(misses <= last && misses >= any);
		last = misses;
	}
	must(any >= 0 && locality_misses(l, end) <= any);
	must(l->sampled || locality_pages(l) <= (double)l->references + (double)l->refused);
	must(lru_stack_check(&l->whole.stack));
}

static void read_curve(const char *path, const struct curve_setup *setup)
{
	struct trace_reader *reader = NULL;
	struct trace_error error = { "" };
	struct curve curve;
	int status;

	if (trace_reader_open(&reader, path, &error) != PW_OK)
		return;
	must(curve_init(&curve, setup) == PW_OK);
	status = curve_read(&curve, reader, &error);
	must(status == PW_OK || status == PW_CORRUPT || (setup->machine && status == PW_DIVERGED));
	must_be_told(status, &error);
	for (unsigned i = 0; i < setup->page_sizes; i++)
		check_misses(&curve.locality[i]);
	curve_release(&curve);
	trace_reader_close(reader);
}

static void read_with_machine(const char *path, struct curve_setup setup)
{
	setup.machine = small_machine("radix");
	read_curve(path, &setup);
	machine_destroy(setup.machine);
}

static void use(const char *path)
{
	static const struct curve_setup all = { .side = SIDE_INSTRUCTION | SIDE_DATA,
						.fetch_bytes = 64,
						.page_lg2 = { 12, 21 },
						.page_sizes = 2,
						.rate = 1,
						.alloc = &host_alloc_libc },
					instructions = { .side = SIDE_INSTRUCTION,
							 .fetch_bytes = 16,
							 .page_lg2 = { 9, 14, 40 },
							 .page_sizes = 3,
							 .time_in_references = true,
							 .window = 1000,
							 .rate = 1,
							 .alloc = &host_alloc_libc },
					sample = { .side = SIDE_DATA,
						   .fetch_bytes = 64,
						   .page_lg2 = { 12 },
						   .page_sizes = 1,
						   .window = 100000,
						   .rate = 0.5,
						   .pages_max = 64,
						   .alloc = &host_alloc_libc };

	read_curve(path, &all);
	read_curve(path, &instructions);
	read_curve(path, &sample);
	read_with_machine(path, all);
	read_with_machine(path, sample);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_trace(data, size, use);
	return 0;
}
