/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cut {
	const struct trace_range *range;
	struct trace_writer *writer;
	const struct machine_tap *tap;
	struct trace_position position;
	bool inside; /* the last block is */
	va_t pc;     /* of the access under way */
	struct machine_counters counters;
	struct trace_outcome outcome; /* of the program, where the range holds its end */
};

uint64_t trace_position_of(struct trace_position *position, const struct trace_record *record)
{
	switch (record->tag) {
	case TRACE_BLOCK:
	case TRACE_REP:
		position->block = position->now;
		position->now += record->instructions;
		return position->block;
	case TRACE_LOAD:
	case TRACE_STORE:
		return position->block;
	case TRACE_CUT:
		position->now -= record->instructions;
		return position->block;
	default:
		return position->now;
	}
}

static void copy_access(struct cut *cut, const struct trace_record *record)
{
	if (!cut->inside)
		return;
	cut->pc = record->pc;
	if (record->tag == TRACE_LOAD)
		cut->counters.loads++;
	else
		cut->counters.stores++;
	cut->tap->access(cut->tap->ctx, record->tag == TRACE_LOAD ? ACCESS_READ : ACCESS_WRITE,
			 record->va, record->bytes);
}

static void copy_block(struct cut *cut, const struct trace_record *record, uint64_t position)
{
	cut->inside = position >= cut->range->from;
	if (!cut->inside)
		return;
	cut->counters.instructions += record->instructions;
	cut->tap->block(cut->tap->ctx, record->va, record->bytes, record->instructions,
			record->tag == TRACE_REP);
}

static void copy_block_cut(struct cut *cut, const struct trace_record *record)
{
	if (!cut->inside)
		return;
	cut->counters.instructions -= record->instructions;
	cut->tap->block_cut(cut->tap->ctx, record->instructions);
}

/* False: the range is over. */
static bool copy(struct cut *cut, const struct trace_record *record)
{
	uint64_t position = trace_position_of(&cut->position, record);

	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		copy_access(cut, record);
		return true;
	case TRACE_BLOCK:
	case TRACE_REP:
		if (position >= cut->range->to)
			return false;
		copy_block(cut, record, position);
		return true;
	case TRACE_CUT:
		copy_block_cut(cut, record);
		return true;
	case TRACE_ATTEMPT:
		cut->tap->attempt(cut->tap->ctx, record->access, record->va, &record->outcome);
		return true;
	case TRACE_MAPPING:
		trace_writer_mapping(cut->writer, &record->mapping);
		return true;
	case TRACE_KCALL:
		cut->tap->kcall(cut->tap->ctx, &record->call, record->result);
		return true;
	case TRACE_END:
		cut->outcome = record->end;
		break;
	}
	return false;
}

static int copy_range(struct cut *cut, struct trace_reader *reader, struct trace_error *error)
{
	struct trace_record record;
	int more;

	while ((more = trace_reader_next(reader, &record, error)) > 0)
		if (!copy(cut, &record))
			return PW_OK;
	return more;
}

/* The header of the whole, and which part of it this is. Heap. */
static char *make_header(const struct trace_reader *reader, const struct trace_range *range)
{
	const char *old = trace_reader_header(reader);
	size_t size = strlen(old) + 64;
	char *header = malloc(size);

	if (header)
		snprintf(header, size, "%scut: %llu:%llu\n", old, (unsigned long long)range->from,
			 (unsigned long long)range->to);
	return header;
}

int trace_cut(struct trace_reader *reader, const char *path, const struct trace_range *range,
	      struct trace_error *error)
{
	struct cut cut = { .range = range };
	char *header = make_header(reader, range);
	const struct trace_writer_setup setup = {
		.path = path, .header = header, .pc = trace_reader_has_pc(reader) ? &cut.pc : NULL
	};
	struct trace_writer *writer;
	int failed, finished;

	if (!header) {
		snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
		return PW_NOMEM;
	}
	failed = trace_writer_create(&writer, &setup, error);
	free(header);
	if (failed)
		return failed;
	cut.writer = writer;
	cut.tap = trace_writer_tap(writer);
	failed = copy_range(&cut, reader, error);
	trace_writer_outcome(writer, &cut.outcome);
	finished = trace_writer_finish(writer, &cut.counters,
				       failed ? &(struct trace_error){ "" } : error);
	return failed ? failed : finished;
}
