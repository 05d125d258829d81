/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Sweeps: which points a specification stands for, in which order, and what is said of mistakes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "configs/loader.h"
#include "configs/sweep.h"
#include "emu/machine/config.h"
#include "mmu/error.h"

static struct sweep *load(const char *text)
{
	struct config_error error;
	struct sweep *sweep;

	if (sweep_load_bytes(&sweep, "s.yaml", text, (unsigned)strlen(text), &error) != PW_OK)
		fail_msg("%s", error.text);
	return sweep;
}

static void labels_are(const char *text, const char *const *labels, unsigned count)
{
	struct sweep *sweep = load(text);
	struct sweep_point point;

	assert_int_equal(sweep_point_count(sweep), count);
	for (unsigned i = 0; i < count; i++) {
		sweep_point(sweep, i, &point);
		assert_string_equal(point.label, labels[i]);
	}
	sweep_destroy(sweep);
}

static void refused(const char *text, const char *message)
{
	struct config_error error;
	struct sweep *sweep;
	int result = sweep_load_bytes(&sweep, "s.yaml", text, (unsigned)strlen(text), &error);

	assert_true(result == PW_INVALID || result == PW_LIMIT);
	assert_null(sweep);
	assert_non_null(strstr(error.text, "s.yaml"));
	if (!strstr(error.text, message))
		fail_msg("'%s' does not say '%s'", error.text, message);
}

static void sweep_crosses_fields(void **state)
{
	static const char *const labels[] = { "m a.b=1 c=x", "m a.b=1 c=y", "m a.b=2 c=x",
					      "m a.b=2 c=y" };

	(void)state;
	labels_are("base: m\nvary:\n  a.b: [1, 2]\n  c: [x, y]\n", labels, 4);
	labels_are("base: m\nvary:\n  - a.b: [1, 2]\n  - c: [x, y]\n", labels, 4);
}

static void sweep_pairs_fields(void **state)
{
	static const char *const labels[] = { "m a=1 b=3", "m a=2 b=4" };
	static const char *const mixed[] = { "m a=1 b=3 c=5", "m a=1 b=3 c=6", "m a=2 b=4 c=5",
					     "m a=2 b=4 c=6" };

	(void)state;
	labels_are("base: m\ncombine: paired\nvary: {a: [1, 2], b: [3, 4]}\n", labels, 2);
	labels_are("base: m\nvary:\n  - {a: [1, 2], b: [3, 4]}\n  - c: [5, 6]\n", mixed, 4);
}

static void sweep_expands_ranges(void **state)
{
	static const char *const sizes[] = { "m r=64M", "m r=128M", "m r=256M" };
	static const char *const numbers[] = { "m n=1", "m n=4", "m n=7" };
	static const char *const end[] = { "m n=18446744073709551614" };

	(void)state;
	labels_are("base: m\nvary: {r: {from: 64M, to: 256M, times: 2}}\n", sizes, 3);
	labels_are("base: m\nvary: {n: {from: 1, to: 9, step: 3}}\n", numbers, 3);
	labels_are("base: m\nvary: {n: {from: 18446744073709551614, to: 18446744073709551615, "
		   "step: 2}}\n",
		   end, 1);
}

static void sweep_varies_machines(void **state)
{
	static const char *const labels[] = { "m a=1", "m a=2", "n a=1", "n a=2" };
	static const char *const alone[] = { "m", "n" };

	(void)state;
	labels_are("base: [m, n]\nvary: {a: [1, 2]}\n", labels, 4);
	labels_are("base: [m, n]\n", alone, 2);
}

/* What is set comes first and is no part of the label; mappings and lists are values, too. */
static void sweep_sets_and_takes_any_value(void **state)
{
	struct sweep *sweep = load("name: mine\nbase: m\nset: {s.t: 1G}\n"
				   "vary: {v: [{a: 1, b: [2, 3]}, ~]}\n");
	struct sweep_point point;

	(void)state;
	assert_string_equal(sweep_name(sweep), "mine");
	sweep_point(sweep, 0, &point);
	assert_int_equal(point.override_count, 2);
	assert_int_equal(point.first_varied, 1);
	assert_string_equal(point.override[0], "s.t=1G");
	assert_string_equal(point.override[1], "v={a: 1, b: [2, 3]}");
	sweep_point(sweep, 1, &point);
	assert_string_equal(point.override[1], "v=~");
	sweep_destroy(sweep);
}

/* The point of it all: a point can be loaded. */
static void sweep_points_load_as_machines(void **state)
{
	struct sweep *sweep = load("base: skylake\nset: {kernel.ram_bytes: 128M}\nvary:\n"
				   "  - tlb.l2.shared.entries: [768, 1536]\n"
				   "    tlb.l2.shared.ways: [6, 12]\n");
	static const unsigned entries[] = { 768, 1536 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct machine_config config;
		struct config_error error;
		struct sweep_point point;

		sweep_point(sweep, i, &point);
		if (config_load_with(&config, point.machine, point.override, point.override_count,
				     &error) != PW_OK)
			fail_msg("%s", error.text);
		assert_int_equal(config.kernel.ram_bytes, 128 << 20);
		assert_int_equal(config.mmu.tlb.level[1].array[0].entries, entries[i]);
	}
	sweep_destroy(sweep);
}

static void sweep_names_mistakes(void **state)
{
	(void)state;
	refused("vary: {a: [1]}\n", "base: is missing");
	refused("- a\n", "a sweep is a mapping");
	refused("base: m\nvaried: {a: [1]}\n", "s.yaml:2: there is no 'varied'");
	refused("base: m\nvary: {a: 1}\n", "a: must be a list");
	refused("base: m\nvary: {a: []}\n", "a: must be a list");
	refused("base: m\nvary: 3\n", "vary: must be fields");
	refused("base: m\nvary:\n  - a: [1, 2]\n    b: [1]\n", "s.yaml:4: b: has 1 values");
	refused("base: m\nvary:\n  - a: [1]\n  - a: [2]\n", "s.yaml:4: a: is there twice");
	refused("base: m\nset: {a: 1}\nvary: {a: [2]}\n", "a: is there twice");
	refused("base: m\ncombine: zip\n", "combine: must be cross or paired");
	refused("base: m\nvary: {a: {from: 4, to: 1, step: 1}}\n", "a range goes up");
	refused("base: m\nvary: {a: {from: 1, to: 4, step: 0}}\n", "a range goes up");
	refused("base: m\nvary: {a: {from: 0, to: 4, times: 2}}\n", "a range goes up");
	refused("base: m\nvary: {a: {from: 1, to: 4, times: 1}}\n", "a range goes up");
	refused("base: m\nvary: {a: {from: one, to: 4, step: 1}}\n", "a range has 'from'");
	refused("base: m\nvary: {a: {from: 1, to: 4}}\n", "a range has 'times'");
	refused("base: m\nvary: {a: {from: 1, to: 4, step: 1, by: 3}}\n", "{from, to, step}");
	refused("base: m\nvary: {a: {from: 1, to: 100000, step: 1}}\n", "more than 1024 values");
	refused("base: m\nvary:\n  a: {from: 1, to: 500, step: 1}\n  b: {from: 1, to: 500, step: "
		"1}\n",
		"more than 100000 points");
	refused("base: [m, {}]\n", "base: must be the name");
	refused("base: m\nvary: [\n", "s.yaml");
}

static void sweep_that_is_not_there(void **state)
{
	struct config_error error;
	struct sweep *sweep;

	(void)state;
	assert_int_equal(sweep_load(&sweep, "/nowhere/s.yaml", &error), PW_ABSENT);
	assert_non_null(strstr(error.text, "/nowhere/s.yaml"));
	assert_null(sweep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sweep_crosses_fields),
		cmocka_unit_test(sweep_pairs_fields),
		cmocka_unit_test(sweep_expands_ranges),
		cmocka_unit_test(sweep_varies_machines),
		cmocka_unit_test(sweep_sets_and_takes_any_value),
		cmocka_unit_test(sweep_points_load_as_machines),
		cmocka_unit_test(sweep_names_mistakes),
		cmocka_unit_test(sweep_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
