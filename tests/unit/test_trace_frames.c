/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Frames of traces: what templates and predictors make of programs and of noise comes back as it
 * was, over frames; surveys, seeking and pieces.
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

#include "mmu/prng.h"
#include "traces/cut.h"
#include "traces/survey.h"
#include "traces/template.h"
#include "traces/trace.h"

/* --- what is recorded ------------------------------------------------------------------------ */

enum { BLOCKS = 300, ACCESSES_MAX = 90 };

/* A made-up program: the same sequence of records each time it is started with the same seed. */
struct program {
	uint64_t random;
	va_t cursor[BLOCKS]; /* of a strided access in each block */
	unsigned block, left;
	va_t pc;
	uint64_t instructions;
	bool noise; /* addresses of all 64 bits, sizes of all kinds */
};

static void start(struct program *p, uint64_t seed, bool noise)
{
	memset(p, 0, sizeof(*p));
	p->random = seed;
	p->noise = noise;
}

static uint64_t draw(struct program *p, uint64_t below)
{
	return splitmix_next(&p->random) % below;
}

static va_t block_va(unsigned block)
{
	return (block % 7 ? 0x400000 : 0x7ffff7fd0000) + block * 64ull;
}

static void next_block(struct program *p, struct trace_record *record)
{
	p->block = (unsigned)(draw(p, 8) ? p->block + 1 : draw(p, BLOCKS)) % BLOCKS;
	/* Some blocks have none, one has more than fit into a template. */
	p->left = p->block == 5 ? ACCESSES_MAX : p->block % 6;
	if (p->noise)
		p->left = (unsigned)draw(p, 70);
	*record = (struct trace_record){ .tag = p->block % 11 ? TRACE_BLOCK : TRACE_REP,
					 .va = block_va(p->block),
					 .bytes = 1 + p->block % 4096,
					 .instructions = 1 + p->block % 64 };
}

static void next_access(struct program *p, struct trace_record *record)
{
	va_t *cursor = &p->cursor[p->block];

	p->left--;
	*record = (struct trace_record){ .tag = p->left % 3 ? TRACE_LOAD : TRACE_STORE,
					 .bytes = 1u << p->left % 4,
					 .pc = block_va(p->block) + p->left };
	if (p->noise) {
		record->va = splitmix_next(&p->random) >> draw(p, 64);
		record->bytes = 1 + (unsigned)draw(p, 4096);
		if (draw(p, 100) == 0)
			record->pc = 0;
	} else if (p->left % 4 == 1) {
		record->va = *cursor += 8 * p->block;
	} else {
		record->va = 0x00fffffffffff000 - p->left * 8ull + draw(p, 64) / 63 * 0x123456;
	}
}

static void next_rare(struct program *p, struct trace_record *record)
{
	if (draw(p, 2)) {
		*record = (struct trace_record){ .tag = TRACE_ATTEMPT,
						 .va = draw(p, UINT64_MAX),
						 .access = (enum access_kind)draw(p, 3) };
		return;
	}
	*record = (struct trace_record){ .tag = TRACE_KCALL, .result = -(int64_t)draw(p, 100) };
	record->call.op = KCALL_munmap;
	record->call.arg[0] = draw(p, UINT64_MAX);
	record->call.arg[1] = 4096;
}

/* An attempt may come between the accesses of a block. */
static void next_record(struct program *p, struct trace_record *record)
{
	if (draw(p, 500) == 0)
		next_rare(p, record);
	else if (p->left)
		next_access(p, record);
	else
		next_block(p, record);
	if (record->tag == TRACE_BLOCK || record->tag == TRACE_REP)
		p->instructions += record->instructions;
	p->pc = record->pc;
}

/* --- writing and reading --------------------------------------------------------------------- */

static int new_file(char path[32])
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void write_record(const struct machine_tap *tap, const struct trace_record *record)
{
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
	case TRACE_ATTEMPT:
		tap->attempt(tap->ctx, record->access, record->va, &record->outcome);
		break;
	case TRACE_KCALL:
		tap->kcall(tap->ctx, &record->call, record->result);
		break;
	default:
		fail();
	}
}

static void record_program(const char *path, struct program *p, uint64_t records, bool with_pc)
{
	const struct trace_writer_setup setup = { .path = path,
						  .header = "pagewalk: test\n",
						  .pc = with_pc ? &p->pc : NULL };
	const struct machine_counters counters = { 0 };
	struct trace_writer *writer;
	struct trace_record record;
	struct trace_error error;

	assert_int_equal(trace_writer_create(&writer, &setup, &error), PW_OK);
	for (uint64_t i = 0; i < records; i++) {
		next_record(p, &record);
		write_record(trace_writer_tap(writer), &record);
	}
	assert_int_equal(trace_writer_finish(writer, &counters, &error), PW_OK);
}

static void assert_same(const struct trace_record *got, const struct trace_record *wanted,
			bool with_pc)
{
	assert_int_equal(got->tag, wanted->tag);
	if (got->tag == TRACE_KCALL) {
		assert_int_equal(got->call.op, wanted->call.op);
		assert_memory_equal(got->call.arg, wanted->call.arg, sizeof(got->call.arg));
		assert_int_equal(got->result, wanted->result);
		return;
	}
	assert_int_equal(got->va, wanted->va);
	if (got->tag == TRACE_ATTEMPT) {
		assert_int_equal(got->access, wanted->access);
		return;
	}
	assert_int_equal(got->bytes, wanted->bytes);
	assert_int_equal(got->instructions, wanted->instructions);
	assert_int_equal(got->pc, with_pc ? wanted->pc : 0);
}

static struct trace_reader *open_trace(const char *path)
{
	struct trace_reader *reader;
	struct trace_error error;

	assert_int_equal(trace_reader_open(&reader, path, &error), PW_OK);
	return reader;
}

/* Reads it all; how many frames there were. */
static unsigned assert_reads_back(const char *path, struct program *p, uint64_t records,
				  bool with_pc)
{
	struct trace_reader *reader = open_trace(path);
	struct trace_record got, wanted;
	struct trace_error error;
	uint64_t offset = 0;
	unsigned frames = 0;

	assert_int_equal(trace_reader_has_pc(reader), with_pc);
	for (uint64_t i = 0; i < records; i++) {
		next_record(p, &wanted);
		assert_int_equal(trace_reader_next(reader, &got, &error), 1);
		assert_same(&got, &wanted, with_pc);
		frames += trace_reader_offset(reader) != offset;
		offset = trace_reader_offset(reader);
	}
	assert_int_equal(trace_reader_next(reader, &got, &error), 1);
	assert_int_equal(got.tag, TRACE_END);
	assert_int_equal(trace_reader_next(reader, &got, &error), 0);
	assert_int_equal(trace_reader_next(reader, &got, &error), 0);
	trace_reader_close(reader);
	return frames;
}

static void goes_through(uint64_t seed, bool noise, bool with_pc, uint64_t records, unsigned frames)
{
	static struct program program;
	char path[32];
	int fd = new_file(path);

	start(&program, seed, noise);
	record_program(path, &program, records, with_pc);
	start(&program, seed, noise);
	assert_true(assert_reads_back(path, &program, records, with_pc) >= frames);
	close(fd);
}

static void trace_frames_give_back_a_program(void **state)
{
	(void)state;
	goes_through(1, false, false, 2500000, 3); /* a frame has at most 2^20 records */
	goes_through(2, false, true, 1500000, 2);
}

/* Any address, sizes and pcs of all kinds: hardly a template is used twice. */
static void trace_frames_give_back_noise(void **state)
{
	(void)state;
	goes_through(3, true, false, 700000, 2);
	goes_through(4, true, true, 700000, 2);
}

/* 65,000 blocks, each cut off and so a template alone, do not fit into the 32,767 of a frame. */
static void trace_frames_end_where_templates_do(void **state)
{
	enum { DISTINCT = 65000 };
	const struct trace_writer_setup setup = { .header = "", .path = "/dev/null" };
	const struct machine_counters counters = { 0 };
	struct trace_writer_setup to = setup;
	const struct machine_tap *tap;
	struct trace_writer *writer;
	struct trace_survey survey;
	struct trace_record record;
	struct trace_reader *reader;
	struct trace_error error;
	char path[32];
	int fd = new_file(path);

	(void)state;
	to.path = path;
	assert_int_equal(trace_writer_create(&writer, &to, &error), PW_OK);
	tap = trace_writer_tap(writer);
	for (unsigned i = 0; i < 2 * DISTINCT; i++) {
		tap->block(tap->ctx, i % DISTINCT * 16ull, 16, 2, false);
		tap->block_cut(tap->ctx, 1);
	}
	assert_int_equal(trace_writer_finish(writer, &counters, &error), PW_OK);
	reader = open_trace(path);
	assert_int_equal(trace_survey_make(&survey, reader, &error), PW_OK);
	/* 130,000 references, each to a template that is new in its frame, and END */
	assert_int_equal(survey.index.count, 4);
	/* two instructions a block, of which one is cut off: of the last block in the next frame */
	assert_int_equal(survey.index.entry[1].instructions, TEMPLATES_MAX + 1);
	for (unsigned i = 0; i < 2 * DISTINCT; i++) {
		assert_int_equal(trace_reader_next(reader, &record, &error), 1);
		assert_int_equal(record.va, i % DISTINCT * 16ull);
		assert_int_equal(trace_reader_next(reader, &record, &error), 1);
		assert_int_equal(record.tag, TRACE_CUT);
	}
	trace_survey_release(&survey);
	trace_reader_close(reader);
	close(fd);
}

/*
 * A loop of two blocks with two strided accesses and one on the stack is two references of two bytes
 * for three accesses, which zstd then finds to repeat: under a hundredth of a byte each.
 */
static void trace_frames_are_small_where_a_program_is_regular(void **state)
{
	enum { ROUNDS = 300000 };
	const struct machine_counters counters = { 0 };
	struct trace_writer_setup setup = { .header = "" };
	const struct machine_tap *tap;
	struct trace_writer *writer;
	struct trace_error error;
	char path[32];
	int fd = new_file(path);

	(void)state;
	setup.path = path;
	assert_int_equal(trace_writer_create(&writer, &setup, &error), PW_OK);
	tap = trace_writer_tap(writer);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		tap->block(tap->ctx, 0x401000, 12, 3, false);
		tap->access(tap->ctx, ACCESS_READ, 0x7f0000000000 + 8 * i, 8);
		tap->access(tap->ctx, ACCESS_WRITE, 0x7f8000000000 - 64 * i, 8);
		tap->block(tap->ctx, 0x401020, 9, 2, false);
		tap->access(tap->ctx, ACCESS_WRITE, 0x7ffffffde000, 4);
	}
	assert_int_equal(trace_writer_finish(writer, &counters, &error), PW_OK);
	assert_true(lseek(fd, 0, SEEK_END) < ROUNDS * 3 / 100);
	close(fd);
}

/* --- damage ---------------------------------------------------------------------------------- */

static struct trace_survey survey_of(const char *path)
{
	struct trace_reader *reader = open_trace(path);
	struct trace_survey survey;
	struct trace_error error;

	assert_int_equal(trace_survey_make(&survey, reader, &error), PW_OK);
	trace_reader_close(reader);
	return survey;
}

static int read_all(const char *path, uint64_t *records, struct trace_error *error)
{
	struct trace_reader *reader = open_trace(path);
	struct trace_batch batch;
	int more;

	*records = 0;
	while ((more = trace_reader_batch(reader, &batch, error)) > 0)
		*records += batch.items;
	trace_reader_close(reader);
	return more;
}

static void trace_frames_are_there_up_to_a_kill(void **state)
{
	static struct program program;
	struct trace_survey whole, rest;
	struct trace_error error;
	uint64_t records;
	size_t last;
	char path[32];
	int fd = new_file(path);

	(void)state;
	start(&program, 5, false);
	record_program(path, &program, 3500000, false);
	whole = survey_of(path);
	assert_true(whole.complete && whole.index.count >= 4);
	last = whole.index.count - 1;
	assert_int_equal(whole.index.instructions, program.instructions);
	assert_int_equal(ftruncate(fd, (off_t)whole.index.entry[last].offset + 1000), 0);
	rest = survey_of(path);
	assert_false(rest.complete);
	assert_non_null(strstr(rest.why.text, "cut off inside a frame"));
	assert_int_equal(rest.index.count, last);
	assert_memory_equal(rest.index.entry, whole.index.entry, last * sizeof(*rest.index.entry));
	assert_int_equal(rest.index.instructions, whole.index.entry[last].instructions);
	assert_int_equal(read_all(path, &records, &error), PW_CORRUPT);
	assert_non_null(strstr(error.text, "cut off inside a frame"));
	assert_true(records > 2000000 && records <= last * FRAME_RECORDS_MAX);
	for (unsigned i = 0; i < TRACE_COUNTS; i++)
		records -= rest.index.total[i];
	assert_int_equal(records, 0);
	trace_survey_release(&whole);
	trace_survey_release(&rest);
	close(fd);
}

/* What follows a frame that somebody took out does not follow what is before it. */
static void trace_frames_that_are_missing_are_missed(void **state)
{
	static struct program program;
	struct trace_survey survey;
	struct trace_error error;
	uint64_t records, second, third, size;
	char path[32], *bytes;
	int fd = new_file(path);

	(void)state;
	start(&program, 6, false);
	record_program(path, &program, 2500000, false);
	survey = survey_of(path);
	second = survey.index.entry[1].offset;
	third = survey.index.entry[2].offset;
	size = survey.file_bytes;
	bytes = malloc(size - third);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, size - third, (off_t)third), (ssize_t)(size - third));
	assert_int_equal(pwrite(fd, bytes, size - third, (off_t)second), (ssize_t)(size - third));
	assert_int_equal(ftruncate(fd, (off_t)(size - (third - second))), 0);
	assert_int_equal(read_all(path, &records, &error), PW_CORRUPT);
	assert_non_null(strstr(error.text, "a frame is missing here"));
	free(bytes);
	trace_survey_release(&survey);
	close(fd);
}

/* --- elsewhere ------------------------------------------------------------------------------- */

static void trace_frames_can_be_read_from_any(void **state)
{
	static struct program program;
	struct trace_survey survey;
	struct trace_reader *reader, *whole;
	struct trace_record got, wanted;
	struct trace_error error;
	char path[32];
	int fd = new_file(path);

	(void)state;
	start(&program, 7, false);
	record_program(path, &program, 3500000, true);
	survey = survey_of(path);
	reader = open_trace(path);
	whole = open_trace(path);
	for (size_t frame = 0; frame < survey.index.count; frame++) {
		const uint64_t at = survey.index.entry[frame].instructions;

		assert_int_equal(trace_survey_frame(&survey, at), frame);
		assert_int_equal(trace_survey_frame(&survey, at + 1), frame);
		do {
			assert_int_equal(trace_reader_next(whole, &wanted, &error), 1);
		} while (trace_reader_offset(whole) != survey.index.entry[frame].offset);
		assert_int_equal(trace_reader_seek(reader, &survey, frame, &error), PW_OK);
		for (unsigned i = 0; i < 1000; i++) {
			assert_int_equal(trace_reader_next(reader, &got, &error), 1);
			assert_same(&got, &wanted, true);
			assert_int_equal(trace_reader_next(whole, &wanted, &error), 1);
		}
	}
	/* And to the end, whose index counts all frames. */
	while (trace_reader_next(reader, &got, &error) > 0)
		;
	assert_int_equal(trace_reader_next(reader, &got, &error), 0);
	trace_reader_close(reader);
	trace_reader_close(whole);
	trace_survey_release(&survey);
	close(fd);
}

static void trace_pieces_keep_what_is_mapped(void **state)
{
	static struct program program;
	const struct trace_range range = { 1000, 5000 };
	struct trace_position position = { 0 };
	struct trace_reader *whole, *piece;
	struct trace_record record, got;
	struct trace_error error;
	uint64_t loads = 0, stores = 0;
	char path[32], out[32];
	int fd = new_file(path), piece_fd = new_file(out);

	(void)state;
	start(&program, 8, false);
	record_program(path, &program, 20000, true);
	whole = open_trace(path);
	assert_int_equal(trace_cut(whole, out, &range, &error), PW_OK);
	trace_reader_close(whole);
	whole = open_trace(path);
	piece = open_trace(out);
	assert_non_null(strstr(trace_reader_header(piece), "pagewalk: test\ncut: 1000:5000\n"));
	while (trace_reader_next(whole, &record, &error) > 0) {
		uint64_t at = trace_position_of(&position, &record);
		bool rare = record.tag == TRACE_KCALL || record.tag == TRACE_ATTEMPT;

		if (at >= range.to && trace_starts_block(&record))
			break;
		if (position.block < range.from && !rare)
			continue;
		assert_int_equal(trace_reader_next(piece, &got, &error), 1);
		assert_same(&got, &record, true);
		loads += got.tag == TRACE_LOAD;
		stores += got.tag == TRACE_STORE;
	}
	assert_true(loads > 100 && stores > 100);
	assert_int_equal(trace_reader_next(piece, &got, &error), 1);
	assert_int_equal(got.tag, TRACE_END);
	assert_int_equal(got.total[0], loads);
	assert_int_equal(got.total[1], stores);
	assert_int_equal(trace_reader_next(piece, &got, &error), 0);
	trace_reader_close(whole);
	trace_reader_close(piece);
	close(fd);
	close(piece_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trace_frames_give_back_a_program),
		cmocka_unit_test(trace_frames_give_back_noise),
		cmocka_unit_test(trace_frames_end_where_templates_do),
		cmocka_unit_test(trace_frames_are_small_where_a_program_is_regular),
		cmocka_unit_test(trace_frames_are_there_up_to_a_kill),
		cmocka_unit_test(trace_frames_that_are_missing_are_missed),
		cmocka_unit_test(trace_frames_can_be_read_from_any),
		cmocka_unit_test(trace_pieces_keep_what_is_mapped),
	};

	return cmocka_run_group_tests_name("trace_frames", tests, NULL, NULL);
}
