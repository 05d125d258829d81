/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Collects a block and the accesses that follow it, until the next block says that it is complete (and
 * whether it jumped, and a cut how much of it retired), lays out its instructions, and has the format
 * write one after the other.
 */

#include "traces/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traces/export_private.h"

enum { BLOCK_MAX = FRAME_BYTES, ACCESSES_MAX = 8192 }; /* an instruction is a byte at least */

static const struct export_format *const formats[] = { &export_lackey, &export_din,
						       &export_champsim };
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

struct export
{
	const struct export_format *format;
	FILE *out;
	struct trace_export_result *result;
	bool ran; /* an address space did already */
	/* --- the block --- */
	va_t va;
	uint32_t bytes, instructions; /* 0 instructions: no block yet, or nothing of it retired */
	uint32_t access_count;
	va_t start[BLOCK_MAX + 1]; /* of each instruction, and behind the last */
	struct export_access access[ACCESSES_MAX];
};

const char *trace_export_format(unsigned n, const char **doc)
{
	*doc = n < FORMATS ? formats[n]->doc : NULL;
	return n < FORMATS ? formats[n]->name : NULL;
}

/* --- where the instructions are -------------------------------------------------------------- */

/* Those from number `from` up to `to`, whose places are known, lie evenly between them. */
static void spread(struct export *ex, uint32_t from, uint32_t to)
{
	uint64_t bytes = ex->start[to] - ex->start[from];

	for (uint32_t i = from + 1; i < to; i++)
		ex->start[i] = ex->start[from] + bytes * (i - from) / (to - from);
}

/*
 * The number of the instruction at pc: about in proportion, but with room for one byte at least for each
 * instruction between it and the number `after`, which was placed before, and the end.
 */
static uint32_t number_at(const struct export *ex, uint32_t after, va_t pc)
{
	uint64_t ahead = pc - ex->start[after], left = ex->va + ex->bytes - pc;
	uint64_t number = (pc - ex->va) * ex->instructions / ex->bytes;

	if (number > after + ahead)
		number = after + ahead;
	if (ex->instructions > number + left)
		number = ex->instructions - left;
	if (number <= after)
		number = after + 1;
	return number < ex->instructions ? (uint32_t)number : 0;
}

static void lay_out(struct export *ex)
{
	uint32_t placed = 0;

	ex->start[0] = ex->va;
	ex->start[ex->instructions] = ex->va + ex->bytes;
	for (uint32_t i = 0; i < ex->access_count; i++) {
		va_t pc = ex->access[i].pc;
		uint32_t number;

		if (pc <= ex->start[placed] || pc >= ex->va + ex->bytes)
			continue;
		number = number_at(ex, placed, pc);
		if (number == 0)
			continue;
		ex->start[number] = pc;
		spread(ex, placed, number);
		placed = number;
	}
	spread(ex, placed, ex->instructions);
}

/* --- writing --------------------------------------------------------------------------------- */

/* How many accesses, from `first` on, belong to instruction number i or to none after it. */
static uint32_t accesses_of(const struct export *ex, uint32_t i, uint32_t first)
{
	uint32_t end = first;

	while (end < ex->access_count) {
		va_t pc = ex->access[end].pc;

		if (i + 1 < ex->instructions &&
		    (pc ? pc >= ex->start[i + 1] && pc < ex->va + ex->bytes
			: (uint64_t)end * ex->instructions / ex->access_count > i))
			break;
		end++;
	}
	return end - first;
}

static void write_one(struct export *ex, const struct export_instruction *instruction)
{
	for (uint32_t i = 0; i < instruction->access_count; i++) {
		if (instruction->access[i].store)
			ex->result->stores++;
		else
			ex->result->loads++;
	}
	ex->result->instructions += instruction->bytes > 0;
	ex->format->write(ex->out, instruction, ex->result);
}

/* The block with its accesses; or accesses alone. */
static void write_block(struct export *ex, bool jumps)
{
	uint32_t written = 0;

	if (ex->instructions)
		lay_out(ex);
	for (uint32_t i = 0; i < ex->instructions; i++) {
		uint64_t bytes = ex->start[i + 1] - ex->start[i];
		const struct export_instruction instruction = {
			.ip = ex->start[i],
			.bytes = bytes ? (uint32_t)bytes : 1,
			.jumps = jumps && i + 1 == ex->instructions,
			.access = ex->access + written,
			.access_count = accesses_of(ex, i, written),
		};

		write_one(ex, &instruction);
		written += instruction.access_count;
	}
	for (; written < ex->access_count; written++) {
		const struct export_instruction alone = { .access = ex->access + written,
							  .access_count = 1 };

		write_one(ex, &alone);
	}
	ex->access_count = 0;
	ex->instructions = 0;
}

/* --- reading --------------------------------------------------------------------------------- */

static void add_access(struct export *ex, const struct trace_record *record)
{
	if (ex->access_count == ACCESSES_MAX)
		write_block(ex, false);
	ex->access[ex->access_count++] = (struct export_access){
		.va = record->va,
		.pc = record->pc,
		.bytes = record->bytes,
		.store = record->tag == TRACE_STORE,
	};
}

static void begin_block(struct export *ex, const struct trace_record *record)
{
	write_block(ex, record->tag == TRACE_BLOCK && record->va != ex->va + ex->bytes);
	ex->va = record->va;
	ex->bytes = record->bytes;
	ex->instructions = record->instructions < BLOCK_MAX ? record->instructions : BLOCK_MAX;
}

/* Of what is left an even part of the bytes was fetched to some purpose. */
static void cut_block(struct export *ex, uint32_t instructions)
{
	uint32_t left = instructions < ex->instructions ? ex->instructions - instructions : 0;

	if (ex->instructions)
		ex->bytes = (uint32_t)((uint64_t)ex->bytes * left / ex->instructions);
	ex->instructions = ex->bytes ? left : 0;
}

static void take_call(struct export *ex, const struct kcall *call)
{
	if (call->op != KCALL_space_switch && call->op != KCALL_task_switch)
		return;
	write_block(ex, false);
	ex->result->switches += ex->ran;
	ex->ran = true;
}

static void take_record(struct export *ex, const struct trace_record *record)
{
	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		add_access(ex, record);
		return;
	case TRACE_BLOCK:
	case TRACE_REP:
		begin_block(ex, record);
		return;
	case TRACE_CUT:
		cut_block(ex, record->instructions);
		return;
	case TRACE_KCALL:
		take_call(ex, &record->call);
		return;
	case TRACE_END:
		write_block(ex, false);
		return;
	case TRACE_ATTEMPT:
	case TRACE_MAPPING:
		return;
	}
}

static const struct export_format *find_format(const char *name)
{
	for (unsigned i = 0; i < FORMATS; i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

static int read_all(struct export *ex, struct trace_reader *reader, struct trace_error *error)
{
	struct trace_record record;
	int more = PW_OK;

	while (!ferror(ex->out) && (more = trace_reader_next(reader, &record, error)) > 0)
		take_record(ex, &record);
	if (more < 0)
		write_block(ex, false); /* what came before damage */
	if (ferror(ex->out) || fflush(ex->out)) {
		snprintf(error->text, sizeof(error->text),
			 "the exported trace cannot be written: %s", strerror(errno));
		return PW_IO;
	}
	return more;
}

int trace_export(struct trace_reader *reader, const char *format, FILE *out,
		 struct trace_export_result *result, struct trace_error *error)
{
	struct export *ex;
	int failed;

	memset(result, 0, sizeof(*result));
	if (!find_format(format)) {
		snprintf(error->text, sizeof(error->text),
			 "no export format is called '%.40s' ('pagewalk export --help' lists them)",
			 format);
		return PW_INVALID;
	}
	ex = calloc(1, sizeof(*ex));
	if (!ex) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return PW_NOMEM;
	}
	ex->format = find_format(format);
	ex->out = out;
	ex->result = result;
	failed = read_all(ex, reader, error);
	free(ex);
	return failed;
}
