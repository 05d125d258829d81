/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a trace is in other formats, and that what can be held comes back. */

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

#include "traces/export.h"
#include "traces/import.h"

static va_t pc; /* of the next access */

struct made {
	char path[32];
	int fd;
	struct trace_writer *writer;
	const struct machine_tap *tap;
};

static void begin(struct made *made, bool with_pc)
{
	struct trace_writer_setup setup = { .path = made->path,
					    .header = "pagewalk: test\n",
					    .pc = with_pc ? &pc : NULL };
	struct trace_error error;

	made->fd = memfd_create("trace", MFD_CLOEXEC);
	snprintf(made->path, sizeof(made->path), "/proc/self/fd/%d", made->fd);
	assert_int_equal(trace_writer_create(&made->writer, &setup, &error), PW_OK);
	made->tap = trace_writer_tap(made->writer);
}

static void access_at(const struct made *made, enum access_kind kind, va_t va, unsigned bytes,
		      va_t at)
{
	pc = at;
	made->tap->access(made->tap->ctx, kind, va, bytes);
}

static void block(const struct made *made, va_t va, unsigned bytes, unsigned instructions)
{
	made->tap->block(made->tap->ctx, va, bytes, instructions, false);
}

static char *export_as(struct made *made, const char *format, size_t *size,
		       struct trace_export_result *result)
{
	const struct machine_counters counters = { 0 };
	struct trace_reader *reader;
	struct trace_error error;
	char *text;
	FILE *out;

	if (made->writer)
		assert_int_equal(trace_writer_finish(made->writer, &counters, &error), PW_OK);
	made->writer = NULL;
	assert_int_equal(trace_reader_open(&reader, made->path, &error), PW_OK);
	out = open_memstream(&text, size);
	assert_int_equal(trace_export(reader, format, out, result, &error), PW_OK);
	fclose(out);
	trace_reader_close(reader);
	return text;
}

static void expect(struct made *made, const char *format, const char *wanted)
{
	struct trace_export_result result;
	size_t size;
	char *text = export_as(made, format, &size, &result);

	assert_string_equal(text, wanted);
	free(text);
}

/* Ten bytes of three instructions: at 0, 3 and 6. Four accesses: number 0 and 1, 2, and 3 of them. */
static void export_spreads_what_has_no_place(void **state)
{
	struct made made;

	(void)state;
	begin(&made, false);
	access_at(&made, ACCESS_READ, 0x1, 1, 0);
	block(&made, 0x401000, 10, 3);
	access_at(&made, ACCESS_READ, 0x7ffe0010, 8, 0);
	access_at(&made, ACCESS_WRITE, 0x7ffe0020, 16, 0);
	access_at(&made, ACCESS_READ, 0x7ffe0030, 10, 0);
	access_at(&made, ACCESS_WRITE, 0x7ffe0040, 1, 0);
	block(&made, 0x402000, 4, 2);
	made.tap->block_cut(made.tap->ctx, 1);
	expect(&made, "lackey",
	       " L 00000001,1\n"
	       "I  00401000,3\n L 7ffe0010,8\n S 7ffe0020,16\n"
	       "I  00401003,3\n L 7ffe0030,10\n"
	       "I  00401006,4\n S 7ffe0040,1\n"
	       "I  00402000,2\n");
	expect(&made, "din",
	       "0 1 1\n"
	       "2 401000 3\n0 7ffe0010 8\n1 7ffe0020 10\n"
	       "2 401003 3\n0 7ffe0030 0a\n"
	       "2 401006 4\n1 7ffe0040 1\n"
	       "2 402000 2\n");
	close(made.fd);
}

/* Five instructions in 20 bytes, of which those at 1 and 0x11 are known: 0, 1, 6.3, 0xb.6, 0x11. */
static void export_puts_accesses_at_their_instructions(void **state)
{
	struct trace_export_result result;
	struct made made;
	size_t size;
	char *text;

	(void)state;
	begin(&made, true);
	block(&made, 0x401000, 20, 5);
	access_at(&made, ACCESS_READ, 0x10, 8, 0x401001);
	access_at(&made, ACCESS_WRITE, 0x10, 8, 0x401001);
	access_at(&made, ACCESS_READ, 0x20, 8, 0x401011);
	text = export_as(&made, "lackey", &size, &result);
	assert_string_equal(text, "I  00401000,1\nI  00401001,5\n L 00000010,8\n S 00000010,8\n"
				  "I  00401006,5\nI  0040100b,6\nI  00401011,3\n L 00000020,8\n");
	free(text);
	close(made.fd);
}

static uint64_t word(const char *bytes, size_t at)
{
	uint64_t value = 0;

	for (unsigned i = 8; i-- > 0;)
		value = value << 8 | (uint8_t)bytes[at + i];
	return value;
}

/* Four loads and two stores a record; what is more gets another one. */
static void export_fills_records_of_champsim(void **state)
{
	struct trace_export_result result;
	struct made made;
	size_t size;
	char *bytes;

	(void)state;
	begin(&made, false);
	block(&made, 0x401000, 4, 1);
	access_at(&made, ACCESS_WRITE, 0x7000, 8, 0);
	access_at(&made, ACCESS_WRITE, 0x8000, 8, 0);
	for (unsigned i = 0; i < 6; i++)
		access_at(&made, ACCESS_READ, 0x1000 * i, 8, 0); /* the first one at 0 */
	access_at(&made, ACCESS_WRITE, 0x9000, 8, 0);
	block(&made, 0x402000, 4, 1);
	block(&made, 0x402004, 4, 1);
	bytes = export_as(&made, "champsim", &size, &result);
	assert_int_equal(size, 4 * 64);
	assert_int_equal(result.lost, 1);
	assert_int_equal(result.added, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(word(bytes, 32 + 8 * i), 0x1000 * (i + 1));
	assert_int_equal(word(bytes, 16), 0x7000);
	assert_int_equal(word(bytes, 24), 0x8000);
	assert_int_equal(word(bytes, 64), 0x401000);
	assert_int_equal(word(bytes, 64 + 32), 0x5000);
	assert_int_equal(word(bytes, 64 + 16), 0x9000);
	/* Only the last record of the first instruction jumps, and the second one goes on. */
	assert_int_equal(bytes[8], 0);
	assert_int_equal(bytes[64 + 8] + bytes[64 + 9], 2);
	assert_int_equal(bytes[128 + 8], 0);
	free(bytes);
	close(made.fd);
}

/* Text to trace to text: the same, but for updates, which are two accesses. */
static void export_gives_back_what_was_imported(void **state)
{
	static const char *const texts[][2] = {
		{ "lackey", " L 00000008,8\nI  00401000,3\n L 7ffe0010,8\n S 7ffe0fff,16\n"
			    "I  00401003,15\nI  00401ff8,10\n S 00401000,4096\n" },
		{ "din", "2 401000 3\n0 7ffe0010 8\n1 7ffe0fff 10\n2 401003 0f\n1 401000 1000\n" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct made foreign = { .fd = memfd_create("text", MFD_CLOEXEC) },
			    made = { .fd = -1 };
		struct trace_import_setup setup = { .path = foreign.path, .format = texts[i][0] };
		struct trace_import_result result;
		struct trace_error error;

		snprintf(foreign.path, sizeof(foreign.path), "/proc/self/fd/%d", foreign.fd);
		assert_int_equal(write(foreign.fd, texts[i][1], strlen(texts[i][1])),
				 strlen(texts[i][1]));
		made.fd = memfd_create("trace", MFD_CLOEXEC);
		snprintf(made.path, sizeof(made.path), "/proc/self/fd/%d", made.fd);
		assert_int_equal(trace_import(&setup, made.path, &result, &error), PW_OK);
		expect(&made, texts[i][0], texts[i][1]);
		close(foreign.fd);
		close(made.fd);
	}
}

static void export_counts_switches_between_spaces(void **state)
{
	const struct kcall call = { KCALL_space_switch, { 1 } };
	struct trace_export_result result;
	struct made made;
	size_t size;

	(void)state;
	begin(&made, false);
	for (unsigned i = 0; i < 3; i++)
		made.tap->kcall(made.tap->ctx, &call, 0);
	free(export_as(&made, "lackey", &size, &result));
	assert_int_equal(size, 0);
	assert_int_equal(result.switches, 2);
	close(made.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(export_spreads_what_has_no_place),
		cmocka_unit_test(export_puts_accesses_at_their_instructions),
		cmocka_unit_test(export_fills_records_of_champsim),
		cmocka_unit_test(export_gives_back_what_was_imported),
		cmocka_unit_test(export_counts_switches_between_spaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
