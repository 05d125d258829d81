/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Traces: what was written is what is read, of every kind of record; and whatever is cut off or
 * changed, the reader yields a prefix of what was written and says that something is wrong.
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

#include "traces/trace.h"

static const char header[] =
	"pagewalk: test\nseed: 0x2a\nempty:\nclock_start_ns: 1700000000000000000\n";

enum { WRITTEN_MAX = 512 };

/* What was handed to the tap, as records. */
struct script {
	struct trace_record record[WRITTEN_MAX];
	unsigned count;
};

struct bytes {
	uint8_t *data;
	size_t size;
};

/* --- files in memory ------------------------------------------------------------------------- */

static void path_of(int fd, char path[32])
{
	snprintf(path, 32, "/proc/self/fd/%d", fd);
}

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	if (size)
		assert_int_equal(pwrite(fd, data, size, 0), (ssize_t)size);
	return fd;
}

static struct bytes contents(int fd)
{
	struct bytes bytes = { .size = (size_t)lseek(fd, 0, SEEK_END) };

	bytes.data = malloc(bytes.size);
	assert_non_null(bytes.data);
	assert_int_equal(pread(fd, bytes.data, bytes.size, 0), (ssize_t)bytes.size);
	return bytes;
}

/* --- writing --------------------------------------------------------------------------------- */

static struct trace_record *next_of(struct script *script, enum trace_tag tag)
{
	struct trace_record *record = &script->record[script->count++];

	assert_true(script->count <= WRITTEN_MAX);
	memset(record, 0, sizeof(*record));
	record->tag = tag;
	return record;
}

static void add_accesses(struct script *script)
{
	static const va_t places[] = { 0,        1,          0x7fffffffffff, 0x400000,
				       0x3fffff, UINT64_MAX, 1ull << 63,     0x1234567800000000 };

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct trace_record *load = next_of(script, TRACE_LOAD);
		struct trace_record *store;

		load->va = places[i];
		load->bytes = 1u << i % 5;
		store = next_of(script, TRACE_STORE);
		store->va = places[i] ^ 0xfff;
		store->bytes = i ? 8 : FRAME_BYTES;
	}
}

static void add_blocks(struct script *script)
{
	static const va_t places[] = { 0x400000, 0x400010, 0x400000, 0x7ffff7fd0000, 0 };

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct trace_record *block = next_of(script, i % 2 ? TRACE_REP : TRACE_BLOCK);

		block->va = places[i];
		block->bytes = i ? i : FRAME_BYTES;
		block->instructions = i ? i : 1000;
	}
	next_of(script, TRACE_CUT)->instructions = 3;
	next_of(script, TRACE_CUT)->instructions = FRAME_BYTES;
}

static void add_attempts(struct script *script)
{
	static const struct fault_outcome outcomes[] = {
		{ 0, 0, 0 }, { 11, 1, 0 }, { 7, -6, 0 }, { 64, INT32_MIN, 0 }
	};

	for (unsigned i = 0; i < 4; i++) {
		struct trace_record *attempt = next_of(script, TRACE_ATTEMPT);

		attempt->access = (enum access_kind)(i % ACCESS_KIND_COUNT);
		attempt->va = i ? UINT64_MAX - i * 4096ull : 0x1000;
		attempt->outcome = outcomes[i];
	}
}

static void add_kcalls(struct script *script)
{
	static const int64_t results[] = { 0, -1, INT64_MIN, INT64_MAX, -14, 0x7f0000000000 };

	for (unsigned op = 0; op < KCALL_COUNT; op++) {
		struct trace_record *record = next_of(script, TRACE_KCALL);

		record->call.op = (enum kcall_op)op;
		for (unsigned i = 0; i < kcall_infos[op].arg_count; i++)
			record->call.arg[i] = i % 2 ? UINT64_MAX >> op % 64 : op * 129ull + i;
		record->result = results[op % 6];
	}
}

static void add_mappings(struct script *script)
{
	static char longest[TRACE_PATH_MAX], longest_identity[TRACE_IDENTITY_MAX];
	const struct trace_mapping mappings[] = {
		{ 1, 0x400000, 0x1000, 0, 5, "/bin/true", "35664:build-id:00ff" },
		{ UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX, longest,
		  longest_identity },
		{ 2, 0x7f0000000000, 4096, 0, 7, "", "" },
	};

	memset(longest, 'p', sizeof(longest) - 1);
	memset(longest_identity, 'i', sizeof(longest_identity) - 1);
	for (unsigned i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
		next_of(script, TRACE_MAPPING)->mapping = mappings[i];
}

static void fill_script(struct script *script)
{
	script->count = 0;
	add_accesses(script);
	add_blocks(script);
	add_attempts(script);
	add_kcalls(script);
	add_mappings(script);
}

static void write_record(struct trace_writer *writer, const struct trace_record *record)
{
	const struct machine_tap *tap = trace_writer_tap(writer);

	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		tap->access(tap->ctx, record->tag == TRACE_LOAD ? ACCESS_READ : ACCESS_WRITE,
			    record->va, record->bytes);
		break;
	case TRACE_BLOCK:
	case TRACE_REP:
		tap->block(tap->ctx, record->va, record->bytes, record->instructions,
			   record->tag == TRACE_REP);
		break;
	case TRACE_CUT:
		tap->block_cut(tap->ctx, record->instructions);
		break;
	case TRACE_ATTEMPT:
		tap->attempt(tap->ctx, record->access, record->va, &record->outcome);
		break;
	case TRACE_MAPPING:
		trace_writer_mapping(writer, &record->mapping);
		break;
	case TRACE_KCALL:
		tap->kcall(tap->ctx, &record->call, record->result);
		break;
	case TRACE_END:
		break;
	}
}

static int create(struct trace_writer **out, const char *path, const char *text,
		  struct trace_error *error)
{
	const struct trace_writer_setup setup = { .path = path, .header = text };

	return trace_writer_create(out, &setup, error);
}

/* Writes the script and END, which is added to it. */
static int write_script(struct script *script)
{
	const struct machine_counters counters = { .loads = 1,
						   .stores = UINT64_MAX,
						   .instructions = 1ull << 40 };
	const struct trace_outcome outcome = { TRACE_KILLED, UINT8_MAX };
	struct trace_writer *writer = NULL;
	struct trace_error error = { "" };
	struct trace_record *end;
	int fd = memory_file(NULL, 0);
	char path[32];

	path_of(fd, path);
	assert_int_equal(create(&writer, path, header, &error), PW_OK);
	for (unsigned i = 0; i < script->count; i++)
		write_record(writer, &script->record[i]);
	trace_writer_outcome(writer, &outcome);
	assert_int_equal(trace_writer_finish(writer, &counters, &error), PW_OK);
	end = next_of(script, TRACE_END);
	end->end = outcome;
	end->total[0] = counters.loads;
	end->total[1] = counters.stores;
	end->total[2] = counters.instructions;
	return fd;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool is_same(const struct trace_record *a, const struct trace_record *b)
{
	if (a->tag != b->tag)
		return false;
	switch (a->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		return a->va == b->va && a->bytes == b->bytes;
	case TRACE_BLOCK:
	case TRACE_REP:
		return a->va == b->va && a->bytes == b->bytes && a->instructions == b->instructions;
	case TRACE_CUT:
		return a->instructions == b->instructions;
	case TRACE_ATTEMPT:
		return a->access == b->access && a->va == b->va &&
		       a->outcome.signal == b->outcome.signal &&
		       a->outcome.si_code == b->outcome.si_code;
	case TRACE_MAPPING:
		return a->mapping.space == b->mapping.space &&
		       a->mapping.start == b->mapping.start &&
		       a->mapping.length == b->mapping.length &&
		       a->mapping.offset == b->mapping.offset &&
		       a->mapping.prot == b->mapping.prot &&
		       strcmp(a->mapping.path, b->mapping.path) == 0 &&
		       strcmp(a->mapping.identity, b->mapping.identity) == 0;
	case TRACE_KCALL:
		return a->call.op == b->call.op && a->result == b->result &&
		       memcmp(a->call.arg, b->call.arg, sizeof(a->call.arg)) == 0;
	case TRACE_END:
		return memcmp(a->total, b->total, sizeof(a->total)) == 0 &&
		       a->end.ending == b->end.ending && a->end.number == b->end.number;
	}
	return false;
}

/*
 * Reads what is there, which must be what was written as far as it goes. True: it was all of it,
 * and the reader was content.
 */
static bool reads_all(const struct script *script, const void *data, size_t size)
{
	struct trace_reader *reader = NULL;
	struct trace_error error = { "" };
	struct trace_record record;
	unsigned count = 0;
	int fd = memory_file(data, size), more;
	char path[32];

	path_of(fd, path);
	more = trace_reader_open(&reader, path, &error);
	if (more == PW_OK) {
		while ((more = trace_reader_next(reader, &record, &error)) > 0) {
			assert_true(count < script->count);
			assert_true(is_same(&record, &script->record[count]));
			count++;
		}
		trace_reader_close(reader);
	}
	close(fd);
	assert_true(more == 0 || more == PW_CORRUPT);
	assert_int_equal(more == 0, error.text[0] == '\0');
	if (more == 0)
		assert_int_equal(count, script->count);
	return more == 0;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void trace_gives_back_every_kind_of_record(void **state)
{
	static struct script script;
	struct bytes bytes;
	int fd;

	(void)state;
	fill_script(&script);
	fd = write_script(&script);
	bytes = contents(fd);
	assert_true(reads_all(&script, bytes.data, bytes.size));
	free(bytes.data);
	close(fd);
}

static void trace_keeps_its_header(void **state)
{
	struct script script = { .count = 0 };
	struct trace_reader *reader = NULL;
	struct trace_error error;
	int fd = write_script(&script);
	char path[32];

	(void)state;
	path_of(fd, path);
	assert_int_equal(trace_reader_open(&reader, path, &error), PW_OK);
	assert_string_equal(trace_reader_header(reader), header);
	assert_string_equal(trace_reader_path(reader), path);
	assert_int_equal(trace_reader_number(reader, "seed", 1), 42);
	assert_int_equal(trace_reader_number(reader, "clock_start_ns", 1), 1700000000000000000);
	assert_int_equal(trace_reader_number(reader, "see", 7), 7);
	assert_int_equal(trace_reader_number(reader, "empty", 7),
			 7); /* not what the next line says */
	trace_reader_close(reader);
	close(fd);
}

static struct trace_record as_record(const struct trace_batch *batch, const struct trace_item *item)
{
	static const enum trace_tag tags[] = { TRACE_LOAD, TRACE_STORE, TRACE_BLOCK, TRACE_REP };

	if (item->kind == TRACE_ITEM_OTHER)
		return batch->other[item->va];
	return (struct trace_record){ .tag = tags[item->kind],
				      .va = item->va,
				      .bytes = item->bytes,
				      .instructions = item->instructions };
}

static void trace_comes_in_batches_too(void **state)
{
	static struct script script;
	struct trace_reader *reader = NULL;
	struct trace_error error = { "" };
	struct trace_batch batch;
	unsigned count = 0;
	char path[32];
	int fd, more;

	(void)state;
	fill_script(&script);
	fd = write_script(&script);
	path_of(fd, path);
	assert_int_equal(trace_reader_open(&reader, path, &error), PW_OK);
	while ((more = trace_reader_batch(reader, &batch, &error)) > 0) {
		struct trace_cursor at = { 0 };
		struct trace_item item;

		while (trace_batch_next(&batch, &at, &item)) {
			const struct trace_record record = as_record(&batch, &item);

			assert_true(is_same(&record, &script.record[count++]));
		}
		assert_int_equal(at.items, batch.items);
		assert_int_equal(at.access, batch.accesses);
	}
	assert_int_equal(more, 0);
	assert_int_equal(count, script.count);
	trace_reader_close(reader);
	close(fd);
}

/* A frame has at most 2^20 records, and at most 4 MiB: 3,000,000 that nothing predicts are 6. */
static void trace_goes_on_over_frames(void **state)
{
	enum { RECORDS = 3000000 };
	const struct machine_counters counters = { .loads = RECORDS };
	struct trace_writer *writer = NULL;
	struct trace_reader *reader = NULL;
	struct trace_error error = { "" };
	struct trace_record record;
	uint64_t last_frame = 0, frames = 0;
	int fd = memory_file(NULL, 0);
	char path[32];

	(void)state;
	path_of(fd, path);
	assert_int_equal(create(&writer, path, "", &error), PW_OK);
	for (uint64_t i = 0; i < RECORDS; i++)
		trace_writer_tap(writer)->access(trace_writer_tap(writer)->ctx, ACCESS_READ,
						 i * 0x9e3779b97f4a7c15, 8);
	assert_int_equal(trace_writer_finish(writer, &counters, &error), PW_OK);
	assert_int_equal(trace_reader_open(&reader, path, &error), PW_OK);
	for (uint64_t i = 0; i < RECORDS; i++) {
		assert_int_equal(trace_reader_next(reader, &record, &error), 1);
		assert_int_equal(record.tag, TRACE_LOAD);
		assert_int_equal(record.va, i * 0x9e3779b97f4a7c15);
		frames += trace_reader_offset(reader) != last_frame;
		last_frame = trace_reader_offset(reader);
	}
	assert_int_equal(trace_reader_next(reader, &record, &error), 1);
	assert_int_equal(record.tag, TRACE_END);
	assert_int_equal(trace_reader_next(reader, &record, &error), 0);
	assert_true(frames > 2);
	trace_reader_close(reader);
	close(fd);
}

static void trace_cut_off_anywhere_is_noticed(void **state)
{
	static struct script script;
	struct bytes bytes;
	int fd;

	(void)state;
	fill_script(&script);
	fd = write_script(&script);
	bytes = contents(fd);
	for (size_t size = 0; size < bytes.size; size++)
		assert_false(reads_all(&script, bytes.data, size));
	free(bytes.data);
	close(fd);
}

/* reads_all() itself asserts that nothing is read that was not written. */
static void trace_changed_anywhere_yields_nothing_wrong(void **state)
{
	static const uint8_t changes[] = { 0x01, 0x10, 0x80, 0xff };
	static struct script script;
	unsigned unnoticed = 0;
	struct bytes bytes;
	int fd;

	(void)state;
	fill_script(&script);
	fd = write_script(&script);
	bytes = contents(fd);
	for (size_t at = 0; at < bytes.size; at++) {
		for (unsigned i = 0; i < sizeof(changes); i++) {
			bytes.data[at] ^= changes[i];
			unnoticed += reads_all(&script, bytes.data, bytes.size);
			bytes.data[at] ^= changes[i];
		}
	}
	/* zstd has bits that mean nothing (RFC 8878, 3.1.1.1.1.3 and the padding of bit streams). */
	assert_true(unnoticed * 50 < bytes.size * sizeof(changes));
	free(bytes.data);
	close(fd);
}

static void trace_longer_than_its_end_is_noticed(void **state)
{
	static struct script script;
	struct bytes bytes;
	uint8_t *longer;
	int fd;

	(void)state;
	fill_script(&script);
	fd = write_script(&script);
	bytes = contents(fd);
	longer = calloc(1, bytes.size + 1);
	assert_non_null(longer);
	memcpy(longer, bytes.data, bytes.size);
	assert_false(reads_all(&script, longer, bytes.size + 1));
	free(longer);
	free(bytes.data);
	close(fd);
}

static void trace_that_cannot_be_read_or_written_says_why(void **state)
{
	const struct machine_counters counters = { 0 };
	struct trace_writer *writer = NULL;
	struct trace_reader *reader = NULL;
	struct trace_error error;

	(void)state;
	assert_int_equal(trace_reader_open(&reader, "/no/such/trace", &error), PW_IO);
	assert_non_null(strstr(error.text, "/no/such/trace: cannot be read: No such file"));
	assert_int_equal(trace_reader_open(&reader, "/proc/self/status", &error), PW_CORRUPT);
	assert_non_null(strstr(error.text, "not a pagewalk trace"));
	assert_int_equal(create(&writer, "/no/such/trace", "", &error), PW_IO);
	assert_non_null(strstr(error.text, "/no/such/trace: cannot be written: No such file"));
	assert_int_equal(create(&writer, "/dev/full", "", &error), PW_OK);
	assert_int_equal(trace_writer_finish(writer, &counters, &error), PW_IO);
	assert_non_null(strstr(error.text, "No space left"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trace_gives_back_every_kind_of_record),
		cmocka_unit_test(trace_keeps_its_header),
		cmocka_unit_test(trace_comes_in_batches_too),
		cmocka_unit_test(trace_goes_on_over_frames),
		cmocka_unit_test(trace_cut_off_anywhere_is_noticed),
		cmocka_unit_test(trace_changed_anywhere_yields_nothing_wrong),
		cmocka_unit_test(trace_longer_than_its_end_is_noticed),
		cmocka_unit_test(trace_that_cannot_be_read_or_written_says_why),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
