/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The memory port: exact counts of small reference strings, each derived in its comment. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mmu/port.h"

/* l1: 4 sets x 2 ways x 64 bytes = 512; l2: 6 sets x 4 ways x 64 = 1536 (sets no power of two). */
static const struct port_config two_levels = {
	.level_count = 2,
	.level = {
		{ "l1", 512, 2, 64, REPLACE_LRU, 4 },
		{ "l2", 1536, 4, 64, REPLACE_LRU, 12 },
	},
	.dram_latency = 100,
};

static void setup(struct port *port, const struct port_config *config)
{
	assert_int_equal(port_init(port, config, 1, &host_alloc_libc), PW_OK);
}

static void finish(struct port *port)
{
	const char *what = NULL;

	if (port_check(port, &what) != PW_OK)
		fail_msg("%s", what);
	port_release(port);
}

static void expect(struct port *port, pa_t pa, bool write, unsigned level)
{
	static const cycles_t latency[] = { 4, 12, 100 };
	struct port_answer answer = port_access(port, pa, write);

	assert_int_equal(answer.level, level);
	assert_int_equal(answer.latency, latency[level]);
}

static void port_without_caches_costs_dram(void **state)
{
	struct port_config config = { .dram_latency = 77 };
	struct port port;

	(void)state;
	setup(&port, &config);
	for (unsigned i = 0; i < 3; i++) {
		struct port_answer answer = port_access(&port, 64, false);

		assert_int_equal(answer.latency, 77);
		assert_int_equal(answer.level, 0);
	}
	assert_int_equal(port.dram_reads, 3);
	finish(&port);
}

/* 8 lines fit the 8 of l1: 8 compulsory misses, then hits, at any offset in the line. */
static void port_compulsory_misses_are_one_a_line(void **state)
{
	struct port port;

	(void)state;
	setup(&port, &two_levels);
	for (unsigned round = 0; round < 5; round++) {
		for (pa_t pa = 0; pa < 512; pa += 8)
			expect(&port, pa, false, round == 0 && pa % 64 == 0 ? 2 : 0);
	}
	assert_int_equal(port.level[0].misses, 8);
	assert_int_equal(port.level[0].hits, 5 * 64 - 8);
	assert_int_equal(port.level[1].misses, 8);
	assert_int_equal(port.dram_reads, 8);
	finish(&port);
}

/*
 * Lines 0, 4, 8 fall into set 0 of l1 (line modulo 4): the third displaces the first. In l2 (line
 * modulo 6) they are in sets 0, 4 and 2: all stay, so the second round hits there, always, since
 * LRU with three lines in two ways misses at each.
 */
static void port_conflicting_lines_displace_each_other(void **state)
{
	struct port port;

	(void)state;
	setup(&port, &two_levels);
	for (unsigned round = 0; round < 4; round++) {
		for (pa_t line = 0; line <= 8; line += 4)
			expect(&port, line * 64, false, round == 0 ? 2 : 1);
	}
	assert_int_equal(port.level[0].misses, 12);
	assert_int_equal(port.level[1].hits, 9);
	assert_int_equal(port.dram_reads, 3);
	finish(&port);
}

/* After a line, as many others of its set as there are ways: it is gone. One less: it is there. */
static void port_set_holds_exactly_its_ways(void **state)
{
	static const enum replacement policies[] = { REPLACE_LRU, REPLACE_TREE_PLRU, REPLACE_FIFO };

	(void)state;
	for (unsigned p = 0; p < 3; p++) {
		for (unsigned ways = 1; ways <= 16; ways *= 2) {
			struct port_config config = {
				.level_count = 1,
				.level = { { "c", 5ull * ways * 64, ways, 64, policies[p], 1 } },
				.dram_latency = 2,
			};
			struct port port;

			setup(&port, &config);
			for (unsigned i = 0; i < ways; i++)
				port_access(&port, i * 5ull * 64, false);
			assert_int_equal(port_access(&port, 0, false).level, 0);
			port_release(&port);
			setup(&port, &config);
			for (unsigned i = 0; i <= ways; i++)
				port_access(&port, i * 5ull * 64, false);
			assert_int_equal(port_access(&port, 0, false).level, 1);
			finish(&port);
		}
	}
}

/*
 * Line 0 is written, then displaced from l1 by 4 and 8: one write-back, which makes it dirty in
 * l2 (counts: l1 1, l2 0). Reads of lines 6, 12, 18, 24 (set 0 of l2, as line 0) then displace it
 * there: one write-back of l2. In l1 lines 12 and 24 displace 4 and 8, which are clean.
 */
static void port_dirty_lines_are_written_back_level_by_level(void **state)
{
	static const pa_t lines[] = { 4, 8, 6, 12, 18, 24 };
	struct port port;

	(void)state;
	setup(&port, &two_levels);
	expect(&port, 0, true, 2);
	for (unsigned i = 0; i < 2; i++)
		expect(&port, lines[i] * 64, false, 2);
	assert_int_equal(port.level[0].writebacks, 1);
	assert_int_equal(port.level[1].writebacks, 0);
	for (unsigned i = 2; i < 6; i++)
		expect(&port, lines[i] * 64, false, 2);
	assert_int_equal(port.level[0].writebacks, 1);
	assert_int_equal(port.level[1].writebacks, 1);
	expect(&port, 0, false, 2);
	finish(&port);
}

/* Lines of 64 below lines of 128: the neighbour misses in l1 and hits in l2. */
static void port_longer_lines_below_serve_the_neighbour(void **state)
{
	struct port_config config = two_levels;
	struct port port;

	(void)state;
	config.level[1].line_bytes = 128;
	setup(&port, &config);
	expect(&port, 0x1000, false, 2);
	expect(&port, 0x1040, false, 1);
	expect(&port, 0x1000, false, 0);
	expect(&port, 0x1080, false, 2);
	finish(&port);
}

/* A long random string through an LRU port, against ages kept by hand. */
static void port_agrees_with_plain_ages(void **state)
{
	enum { SETS = 3, WAYS = 5, LINES = 40 };
	struct port_config config = {
		.level_count = 1,
		.level = { { "c", SETS * WAYS * 64, WAYS, 64, REPLACE_LRU, 1 } },
	};
	uint64_t used[LINES] = { 0 }, random = 1;
	struct port port;

	(void)state;
	setup(&port, &config);
	for (uint64_t now = 1; now < 200000; now++) {
		unsigned line, younger = 0;

		random = random * 6364136223846793005u + 1442695040888963407u;
		line = (unsigned)(random >> 33) % LINES;
		for (unsigned other = line % SETS; other < LINES; other += SETS)
			younger += used[other] > used[line];
		/* It is held if it was used, and fewer than WAYS lines of its set since. */
		assert_int_equal(port_access(&port, line * 64, false).level,
				 used[line] && younger < WAYS ? 0 : 1);
		used[line] = now;
	}
	finish(&port);
}

static void *fail_later(void *ctx, void *old, size_t bytes)
{
	unsigned *left = ctx;

	if (bytes == 0) {
		free(old);
		return NULL;
	}
	return (*left)-- ? realloc(old, bytes) : NULL;
}

static void port_survives_each_failing_allocation(void **state)
{
	int error = PW_NOMEM;

	(void)state;
	for (unsigned n = 0; error != PW_OK; n++) {
		unsigned left = n;
		struct host_alloc alloc = { fail_later, &left };
		struct port port;

		assert_in_range(n, 0, 20);
		error = port_init(&port, &two_levels, 1, &alloc);
		if (error == PW_OK)
			port_release(&port);
		else
			assert_int_equal(error, PW_NOMEM);
	}
}

struct seen {
	char names[512];
	uint64_t sum;
};

static void see(void *ctx, const char *name, const char *doc, uint64_t value)
{
	struct seen *seen = ctx;

	assert_non_null(doc);
	strcat(seen->names, name);
	strcat(seen->names, " ");
	seen->sum += value;
}

static void port_counters_have_stable_names(void **state)
{
	struct seen seen = { .sum = 0 };
	struct port port;

	(void)state;
	setup(&port, &two_levels);
	expect(&port, 0, true, 2);
	expect(&port, 0, true, 0);
	port_visit_counters(&port, see, &seen);
	assert_string_equal(seen.names, "port.l1.hits port.l1.misses port.l1.writebacks "
					"port.l2.hits port.l2.misses port.l2.writebacks "
					"port.dram_reads ");
	assert_int_equal(seen.sum, 1 + 1 + 1 + 1);
	finish(&port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_without_caches_costs_dram),
		cmocka_unit_test(port_compulsory_misses_are_one_a_line),
		cmocka_unit_test(port_conflicting_lines_displace_each_other),
		cmocka_unit_test(port_set_holds_exactly_its_ways),
		cmocka_unit_test(port_dirty_lines_are_written_back_level_by_level),
		cmocka_unit_test(port_longer_lines_below_serve_the_neighbour),
		cmocka_unit_test(port_agrees_with_plain_ages),
		cmocka_unit_test(port_survives_each_failing_allocation),
		cmocka_unit_test(port_counters_have_stable_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
