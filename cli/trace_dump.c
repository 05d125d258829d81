/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * `pagewalk trace dump`: a record a line. Before it stands how many instructions were counted before
 * it, or before the block that it belongs to.
 */

#include <stdio.h>

#include "cli/trace.h"
#include "traces/survey.h"

static const char *const access_names[] = {
	[ACCESS_READ] = "load", [ACCESS_WRITE] = "store", [ACCESS_FETCH] = "fetch"
};

static const char *name_of(const struct trace_record *record)
{
	static const char *const names[] = {
		[TRACE_END] = "end",         [TRACE_LOAD] = "load",       [TRACE_STORE] = "store",
		[TRACE_BLOCK] = "block",     [TRACE_REP] = "rep",         [TRACE_CUT] = "cut",
		[TRACE_ATTEMPT] = "attempt", [TRACE_MAPPING] = "mapping",
	};

	return record->tag == TRACE_KCALL ? "kcall" : names[record->tag];
}

static const char *const ending_names[TRACE_ENDINGS] = { [TRACE_UNKNOWN] = "unknown",
							 [TRACE_EXITED] = "exited",
							 [TRACE_KILLED] = "killed",
							 [TRACE_STOPPED] = "stopped" };

typedef unsigned long long wide_t; /* what printf() takes */

/* --- text ------------------------------------------------------------------------------------ */

static void print_call(const struct trace_record *record)
{
	const struct kcall_info *info = &kcall_infos[record->call.op];

	printf("%s(", info->name);
	for (unsigned i = 0; i < info->arg_count; i++)
		printf("%s%s=0x%llx", i ? ", " : "", info->arg_name[i],
		       (wide_t)record->call.arg[i]);
	if (record->result < 0 || record->result > UINT16_MAX)
		printf(") = %s0x%llx", record->result < 0 ? "-" : "",
		       (wide_t)(record->result < 0 ? 0 - (uint64_t)record->result
						   : (uint64_t)record->result));
	else
		printf(") = %lld", (long long)record->result);
}

static void print_attempt(const struct trace_record *record)
{
	printf("%s 0x%llx: ", access_names[record->access], (wide_t)record->va);
	if (record->outcome.signal)
		printf("signal %d, si_code %d", record->outcome.signal, record->outcome.si_code);
	else
		printf("served");
}

static void print_mapping(const struct trace_mapping *mapping)
{
	printf("space %llu, 0x%llx, %llu bytes, %c%c%c", (wide_t)mapping->space,
	       (wide_t)mapping->start, (wide_t)mapping->length, mapping->prot & 1 ? 'r' : '-',
	       mapping->prot & 2 ? 'w' : '-', mapping->prot & 4 ? 'x' : '-');
	if (mapping->path[0])
		printf(": %s from %llu%s%s%s", mapping->path, (wide_t)mapping->offset,
		       mapping->identity[0] ? " (" : "", mapping->identity,
		       mapping->identity[0] ? ")" : "");
}

static void print_text(const struct trace_record *record, uint64_t position)
{
	printf("%12llu %-7s ", (wide_t)position, name_of(record));
	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		printf("0x%llx %u", (wide_t)record->va, record->bytes);
		if (record->pc)
			printf(" by 0x%llx", (wide_t)record->pc);
		break;
	case TRACE_BLOCK:
	case TRACE_REP:
		printf("0x%llx %u, %u instructions", (wide_t)record->va, record->bytes,
		       record->instructions);
		break;
	case TRACE_CUT:
		printf("%u instructions", record->instructions);
		break;
	case TRACE_ATTEMPT:
		print_attempt(record);
		break;
	case TRACE_MAPPING:
		print_mapping(&record->mapping);
		break;
	case TRACE_KCALL:
		print_call(record);
		break;
	case TRACE_END:
		printf("%llu loads, %llu stores, %llu instructions, %s %u",
		       (wide_t)record->total[0], (wide_t)record->total[1], (wide_t)record->total[2],
		       ending_names[record->end.ending], record->end.number);
		break;
	}
	putchar('\n');
}

/* --- CSV ------------------------------------------------------------------------------------- */

static const char csv_header[] =
	"instruction,record,address,bytes,instructions,pc,name,arguments,result\n";

static void print_csv_access(const struct trace_record *record)
{
	printf("0x%llx,%u,,", (wide_t)record->va, record->bytes);
	if (record->pc)
		printf("0x%llx", (wide_t)record->pc);
	printf(",,,");
}

static void print_csv_call(const struct trace_record *record)
{
	const struct kcall_info *info = &kcall_infos[record->call.op];

	printf(",,,,%s,", info->name);
	for (unsigned i = 0; i < info->arg_count; i++)
		printf("%s%s=0x%llx", i ? " " : "", info->arg_name[i], (wide_t)record->call.arg[i]);
	printf(",%lld", (long long)record->result);
}

static void print_csv_string(const char *string)
{
	putchar('"');
	for (; *string; string++)
		printf(*string == '"' ? "\"\"" : "%c", *string);
	putchar('"');
}

static void print_csv_mapping(const struct trace_mapping *mapping)
{
	printf("0x%llx,,,,", (wide_t)mapping->start);
	print_csv_string(mapping->path);
	printf(",space=%llu length=0x%llx offset=0x%llx prot=%u,", (wide_t)mapping->space,
	       (wide_t)mapping->length, (wide_t)mapping->offset, mapping->prot);
	print_csv_string(mapping->identity);
}

static void print_csv(const struct trace_record *record, uint64_t position)
{
	printf("%llu,%s,", (wide_t)position, name_of(record));
	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		print_csv_access(record);
		break;
	case TRACE_BLOCK:
	case TRACE_REP:
		printf("0x%llx,%u,%u,,,,", (wide_t)record->va, record->bytes, record->instructions);
		break;
	case TRACE_CUT:
		printf(",,%u,,,,", record->instructions);
		break;
	case TRACE_ATTEMPT:
		printf("0x%llx,,,,%s,si_code=%d,%d", (wide_t)record->va,
		       access_names[record->access], record->outcome.si_code,
		       record->outcome.signal);
		break;
	case TRACE_MAPPING:
		print_csv_mapping(&record->mapping);
		break;
	case TRACE_KCALL:
		print_csv_call(record);
		break;
	case TRACE_END:
		printf(",,,,%s,loads=%llu stores=%llu instructions=%llu,%u",
		       ending_names[record->end.ending], (wide_t)record->total[0],
		       (wide_t)record->total[1], (wide_t)record->total[2], record->end.number);
		break;
	}
	putchar('\n');
}

/* --------------------------------------------------------------------------------------------- */

/* To the frame where the range starts, without decoding those before it. */
static int start_at(struct trace_reader *reader, uint64_t from, struct trace_position *position,
		    struct trace_error *error)
{
	struct trace_survey survey;
	int failed;
	size_t frame;

	if (from == 0)
		return PW_OK;
	failed = trace_survey_make(&survey, reader, error);
	if (failed)
		return failed;
	if (survey.index.count) {
		frame = trace_survey_frame(&survey, from);
		position->now = position->block = survey.index.entry[frame].instructions;
		failed = trace_reader_seek(reader, &survey, frame, error);
	}
	trace_survey_release(&survey);
	return failed;
}

static int dump(struct trace_reader *reader, const struct trace_options *options,
		struct trace_error *error)
{
	struct trace_position position = { 0 };
	struct trace_record record;
	int more = start_at(reader, options->range.from, &position, error);

	if (more)
		return more;
	if (options->csv)
		fputs(csv_header, stdout);
	while (!ferror(stdout) && (more = trace_reader_next(reader, &record, error)) > 0) {
		uint64_t at = trace_position_of(&position, &record);

		if (at >= options->range.to && trace_starts_block(&record))
			return PW_OK;
		if (at < options->range.from || at >= options->range.to)
			continue;
		if (options->csv)
			print_csv(&record, at);
		else
			print_text(&record, at);
	}
	return more < 0 ? more : PW_OK;
}

int trace_dump(const struct trace_options *options)
{
	struct trace_reader *reader;
	struct trace_error error;
	int failed = trace_reader_open(&reader, options->file, &error);

	if (!failed) {
		failed = dump(reader, options, &error);
		trace_reader_close(reader);
	}
	if (failed)
		complain("%s", error.text);
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output cannot be written");
		return EXIT_OURS;
	}
	return failed ? EXIT_OURS : 0;
}
