/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Values of options: what is taken, and what is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/values.c" /* the command is no library */

static const char *const not_numbers[] = { "",
					   " 1",
					   "-1",
					   "+1",
					   "1 ",
					   "0x",
					   "0xg",
					   "08x",
					   "1e6",
					   "lots",
					   "_1",
					   "1.5",
					   "18446744073709551616",
					   "1,000",
					   "x10",
					   "00000000000000000000000000000000000000000000000001" };

enum { NOT_NUMBERS = sizeof(not_numbers) / sizeof(not_numbers[0]) };

static void values_numbers_are_decimal_or_hexadecimal(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = { { "0", 0 },
		     { "42", 42 },
		     { "0x2a", 42 },
		     { "0X2A", 42 },
		     { "1_000_000", 1000000 },
		     { "010", 10 }, /* not octal */
		     { "18446744073709551615", UINT64_MAX },
		     { "0xffff_ffff_ffff_ffff", UINT64_MAX } };
	uint64_t value;

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(parse_number(good[i].text, &value));
		assert_int_equal(value, good[i].value);
	}
	for (unsigned i = 0; i < NOT_NUMBERS; i++)
		if (parse_number(not_numbers[i], &value))
			fail_msg("'%s' is taken for a number", not_numbers[i]);
}

static void values_sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "8192", 8192 },       { "4K", 4096 },
		     { "4k", 4096 },         { "64M", 64ull << 20 },
		     { "4GiB", 4ull << 30 }, { "1TB", 1ull << 40 },
		     { "0x10K", 16384 },     { "0", 0 } };
	static const char *const bad[] = { "",     "K",        "4X",  "4KK",
					   "4 K",  "4Ki",      "-4K", "18014398509481984K",
					   "4.5G", "16777216T" };
	uint64_t bytes;

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(parse_size(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_size(bad[i], &bytes))
			fail_msg("'%s' is taken for a size", bad[i]);
}

/* 2026-01-31 is 20484 days after 1970-01-01: 56 years with 14 leap days (1972 to 2024), and 30. */
static void values_clocks_are_seconds_or_dates(void **state)
{
	static const int64_t day = 86400ll * NANOSECONDS, second = NANOSECONDS;
	static const struct {
		const char *text;
		int64_t nanoseconds;
	} good[] = { { "0", 0 },
		     { "1.5", 1500000000 },
		     { "@86400", 86400ll * NANOSECONDS },
		     { "1.", 1000000000 },
		     { "0.0000000019", 1 },
		     { "9223372035.999999999", INT64_C(9223372035999999999) } };
	static const char *const bad[] = { "",
					   "-1",
					   "now",
					   "1.5s",
					   "@",
					   "@-1",
					   " 1",
					   "2026-02-30",
					   "2026-13-01",
					   "1969-12-31",
					   "9999-12-31",
					   "2026-01-31T25:00",
					   "2026-01-31T12:00:00+01:00",
					   "9223372036" };
	int64_t value;

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(parse_clock(good[i].text, &value));
		assert_int_equal(value, good[i].nanoseconds);
	}
	assert_true(parse_clock("2026-01-31", &value));
	assert_int_equal(value, (56 * 365 + 14 + 30) * day);
	assert_true(parse_clock("2026-01-31T00:00:01Z", &value));
	assert_int_equal(value, (56 * 365 + 14 + 30) * day + second);
	assert_true(parse_clock("1970-01-01 00:01", &value));
	assert_int_equal(value, 60 * second);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_clock(bad[i], &value))
			fail_msg("'%s' is taken for a time", bad[i]);
}

static void values_windows_may_be_open(void **state)
{
	static const char *const bad[] = { "",    "5",     "9:3",  "3:3", ":0",
					   "a:b", "1:2:3", "1 :2", "-1:2" };
	uint64_t from, to;

	(void)state;
	assert_true(parse_window("1_000:0x1000", &from, &to));
	assert_int_equal(from, 1000);
	assert_int_equal(to, 4096);
	assert_true(parse_window("5:", &from, &to));
	assert_int_equal(from, 5);
	assert_int_equal(to, UINT64_MAX);
	assert_true(parse_window(":9", &from, &to));
	assert_int_equal(from, 0);
	assert_int_equal(to, 9);
	assert_true(parse_window(":", &from, &to));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_window(bad[i], &from, &to))
			fail_msg("'%s' is taken for a window", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_numbers_are_decimal_or_hexadecimal),
		cmocka_unit_test(values_sizes_have_units),
		cmocka_unit_test(values_clocks_are_seconds_or_dates),
		cmocka_unit_test(values_windows_may_be_open),
	};

	return cmocka_run_group_tests_name("cli_values", tests, NULL, NULL);
}
