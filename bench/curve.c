/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a curve costs beside the decoding of its trace, in one run: million items a second that the
 * reader delivers and nobody looks at, and that `pagewalk curve` makes a curve of. References alone,
 * without the modelled operating system, whose cost is that of the trace's faults.
 *
 *	curve TRACE
 *
 * The fastest of ROUNDS rounds of each counts.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "traces/curve.h"

enum { ROUNDS = 5 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void fail(const char *what)
{
	fprintf(stderr, "curve: %s\n", what);
	exit(1);
}

static uint64_t decode(struct trace_reader *reader)
{
	struct trace_batch batch;
	struct trace_error error;
	uint64_t items = 0;
	int more;

	while ((more = trace_reader_batch(reader, &batch, &error)) > 0)
		items += batch.items;
	if (more)
		fail(error.text);
	return items;
}

/* NULL: decoding alone. Seconds. */
static double pass(const char *path, const struct curve_setup *setup, uint64_t *items)
{
	static struct curve curve;
	struct trace_reader *reader;
	struct trace_error error;
	double start = now();

	if (trace_reader_open(&reader, path, &error))
		fail(error.text);
	if (!setup) {
		*items = decode(reader);
	} else {
		if (curve_init(&curve, setup) || curve_read(&curve, reader, &error))
			fail("no curve");
		curve_release(&curve);
	}
	trace_reader_close(reader);
	return now() - start;
}

static void measure(const char *name, const char *path, const struct curve_setup *setup)
{
	static double plain;
	uint64_t items = 0;
	double best = 1e9, seconds;
	static uint64_t count;

	for (unsigned i = 0; i < ROUNDS; i++) {
		seconds = pass(path, setup, &items);
		best = seconds < best ? seconds : best;
	}
	if (!setup) {
		plain = best;
		count = items;
	}
	printf("  %-28s %8.1f M items/s  %6.2f x decoding\n", name, (double)count / best / 1e6,
	       best / plain);
}

int main(int argc, char **argv)
{
	struct curve_setup setup = { .side = SIDE_DATA,
				     .fetch_bytes = 64,
				     .page_lg2 = { 12, 14, 16, 21, 30 },
				     .page_sizes = 1,
				     .rate = 1,
				     .alloc = &host_alloc_libc };

	if (argc != 2)
		fail("which trace?");
	measure("decoding", argv[1], NULL);
	measure("data, 4 KiB", argv[1], &setup);
	setup.page_sizes = 5;
	measure("data, five page sizes", argv[1], &setup);
	setup.page_sizes = 1;
	setup.rate = 0.01;
	measure("data, 1 % of the pages", argv[1], &setup);
	setup.rate = 1;
	setup.side = SIDE_BOTH;
	measure("data and instructions", argv[1], &setup);
	return 0;
}
