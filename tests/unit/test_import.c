/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What becomes of foreign lines and records, word by word. */

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

#include "traces/import.h"

/* What the tap hears, as text: "fetch VA BYTES; load VA BYTES; ..." */
struct heard {
	char *text;
	size_t size;
	FILE *out;
	uint64_t blocks, ticks;
	uint64_t block_of_tick; /* the last one: how many were before it */
};

static bool silent; /* the text is not kept */

static void on_access(void *ctx, enum access_kind access, va_t va, unsigned bytes)
{
	struct heard *heard = ctx;

	if (!silent)
		fprintf(heard->out, "%s %llx %u; ", access == ACCESS_READ ? "load" : "store",
			(unsigned long long)va, bytes);
}

static void on_block(void *ctx, va_t va, unsigned bytes, unsigned instructions, bool rep)
{
	struct heard *heard = ctx;

	assert_int_equal(instructions, 1);
	assert_false(rep);
	heard->blocks++;
	if (!silent)
		fprintf(heard->out, "fetch %llx %u; ", (unsigned long long)va, bytes);
}

static void on_kcall(void *ctx, const struct kcall *call, int64_t result)
{
	struct heard *heard = ctx;

	assert_int_equal(result, call->op == KCALL_space_create);
	if (call->op != KCALL_tick)
		return;
	heard->ticks++;
	heard->block_of_tick = heard->blocks;
}

static int read_bytes(const void *bytes, size_t size, const struct trace_import_setup *how,
		      struct heard *heard, struct trace_import_result *result)
{
	struct trace_import_setup setup = *how;
	const struct machine_tap tap = {
		.ctx = heard, .access = on_access, .block = on_block, .kcall = on_kcall
	};
	int fd = memfd_create("import", MFD_CLOEXEC), status;
	struct trace_error error = { "" };
	char path[32];

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	setup.path = path;
	memset(heard, 0, sizeof(*heard));
	heard->out = open_memstream(&heard->text, &heard->size);
	status = trace_import_read(&setup, &tap, result, &error);
	fclose(heard->out);
	close(fd);
	if (status)
		print_message("[          ] %s\n", error.text);
	return status;
}

static void expect(const char *format, const void *bytes, size_t size, const char *text)
{
	const struct trace_import_setup guessed = { .format = NULL }, named = { .format = format };
	struct trace_import_result result;
	struct heard heard;

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(read_bytes(bytes, size, i ? &named : &guessed, &heard, &result),
				 PW_OK);
		assert_string_equal(result.format, format);
		assert_string_equal(heard.text, text);
		assert_int_equal(result.skipped, 0);
		free(heard.text);
	}
}

static void expect_text(const char *format, const char *lines, const char *text)
{
	expect(format, lines, strlen(lines), text);
}

static void import_reads_lackey(void **state)
{
	(void)state;
	expect_text(
		"lackey",
		"==12== Lackey\n--12-- note\nI  004014f0,2\n L 1fff000630,8\r\n S 10,16\n M 20,1\n",
		"fetch 4014f0 2; load 1fff000630 8; store 10 16; load 20 1; store 20 1; ");
}

static void import_reads_csv(void **state)
{
	(void)state;
	expect_text("csv",
		    "kind,address,size\nload,16,8\n# note\nW , 0xfF , 1\ni,0x400000,3\nm,1,2",
		    "load 10 8; store ff 1; fetch 400000 3; load 1 2; store 1 2; ");
}

/* Without a size: a word at its place. A comment is no size, though it begins with a letter that is one. */
static void import_reads_din(void **state)
{
	(void)state;
	expect_text(
		"din",
		"2 401000\n0 7ffe0017\n1 10 add\n1 1f 1\nr 20 10 x\n3 30 2\n4 0\nv 0 0\ni 40 0a\n",
		"fetch 401000 4; load 7ffe0014 4; store 10 4; store 1f 1; load 20 16; "
		"load 30 2; fetch 40 10; ");
}

static void import_reads_perf(void **state)
{
	(void)state;
	expect_text("perf",
		    "          4ab220           402871\n               0           401136\n",
		    "fetch 402871 1; load 4ab220 1; fetch 401136 1; ");
	expect_text("perf",
		    "cpu/mem-stores/P:   7f10   401136\npage-faults: 7f20 ffffffff81b75d98\n"
		    "cpu/mem-loads,ldlat=30/P: ffff888000000000 401138\n",
		    "fetch 401136 1; store 7f10 1; fetch 401138 1; ");
}

/* The fields stand where inc/trace_instruction.h of ChampSim puts them. */
static void put(uint8_t *record, size_t at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		record[at + i] = (uint8_t)(value >> 8 * i);
}

static void import_reads_champsim(void **state)
{
	uint8_t records[4 * 64] = { 0 };

	(void)state;
	put(records, 0, 0x401000);
	put(records, 16, 0x5000);
	put(records, 24, 0x5008);
	for (unsigned i = 0; i < 4; i++)
		put(records, 32 + 8 * i, 0x6000 + i);
	put(records, 64, 0x40100f);
	records[64 + 8] = records[64 + 9] = 1;
	memset(records + 64 + 10, 0xff, 6); /* registers */
	put(records, 128, 0x40101f);
	put(records, 192, 0x401000);
	expect("champsim", records, sizeof(records),
	       "fetch 401000 15; load 6000 1; load 6001 1; load 6002 1; load 6003 1; store 5000 1; "
	       "store 5008 1; fetch 40100f 1; fetch 40101f 1; fetch 401000 1; ");
}

static void import_reads_cloudsuite(void **state)
{
	uint8_t records[2 * 96] = { 0 };

	(void)state;
	put(records, 0, 0x401000);
	memset(records + 10, 0x11, 8);
	for (unsigned i = 0; i < 8; i++)
		put(records, 24 + 8 * i, 0x5000 + i);
	records[88] = records[89] = 0xff;
	put(records, 96, 0x401004);
	put(records, 96 + 88 - 8, 0xffff888000000000); /* the kernel's */
	expect("cloudsuite", records, sizeof(records),
	       "fetch 401000 4; load 5004 1; load 5005 1; load 5006 1; load 5007 1; store 5000 1; "
	       "store 5001 1; store 5002 1; store 5003 1; fetch 401004 1; ");
}

/* 20 bytes before a page ends, and more than a page: first to that end, then pages, then the rest. */
static void import_splits_accesses_of_more_than_a_page(void **state)
{
	const struct trace_import_setup setup = { .format = NULL };
	static const char line[] = "store,4076,8212\nload,4095,4096\n";
	struct trace_import_result result;
	struct heard heard;

	(void)state;
	assert_int_equal(read_bytes(line, strlen(line), &setup, &heard, &result), PW_OK);
	assert_string_equal(heard.text,
			    "store fec 20; store 1000 4096; store 2000 4096; load fff 4096; ");
	assert_int_equal(result.split, 1);
	assert_int_equal(result.stores, 3);
	free(heard.text);
}

static void import_skips_and_counts_if_lenient(void **state)
{
	const struct trace_import_setup strict = { .format = "lackey" },
					lenient = { .format = "lackey", .lenient = true };
	static const char lines[] =
		" L 10,4\n L 20,0\n L 7ffffffff000,1\n L 7fffffffefff,2\n L 7fffffffefff,1\n"
		" L 10000000000000010,4\nI  10,4097\n S 10,1048577\nhello\n\n S 30,4\n";
	struct trace_import_result result;
	struct heard heard;

	(void)state;
	assert_int_equal(read_bytes(lines, strlen(lines), &strict, &heard, &result), PW_CORRUPT);
	assert_string_equal(heard.text, "load 10 4; ");
	free(heard.text);
	assert_int_equal(read_bytes(lines, strlen(lines), &lenient, &heard, &result), PW_OK);
	assert_string_equal(heard.text, "load 10 4; load 7fffffffefff 1; store 30 4; ");
	assert_int_equal(result.skipped, 7);
	assert_non_null(strstr(result.first_skipped.text, "line 2: ' L 20,0' must be of 1 to"));
	free(heard.text);
}

/* After a million instructions, or accesses where there are none, before the next one: as live. */
static void import_ticks_as_a_live_run_does(void **state)
{
	static const char *const lines[] = { "I  401000,4\n L 10,4\n", " L 10,4\n" };
	const struct trace_import_setup setup = { .format = "lackey" };
	const size_t count = 2 * MACHINE_TICK_INSTRUCTIONS + 1;

	(void)state;
	silent = true;
	for (unsigned i = 0; i < 2; i++) {
		size_t length = strlen(lines[i]);
		char *text = malloc(count * length);
		struct trace_import_result result;
		struct heard heard;

		assert_non_null(text);
		for (size_t n = 0; n < count; n++)
			memcpy(text + n * length, lines[i], length);
		assert_int_equal(read_bytes(text, count * length, &setup, &heard, &result), PW_OK);
		assert_int_equal(heard.ticks, 2);
		assert_int_equal(result.loads, count);
		if (i == 0)
			assert_int_equal(heard.block_of_tick, 2 * MACHINE_TICK_INSTRUCTIONS);
		free(heard.text);
		free(text);
	}
	silent = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(import_reads_lackey),
		cmocka_unit_test(import_reads_csv),
		cmocka_unit_test(import_reads_din),
		cmocka_unit_test(import_reads_perf),
		cmocka_unit_test(import_reads_champsim),
		cmocka_unit_test(import_reads_cloudsuite),
		cmocka_unit_test(import_splits_accesses_of_more_than_a_page),
		cmocka_unit_test(import_skips_and_counts_if_lenient),
		cmocka_unit_test(import_ticks_as_a_live_run_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
