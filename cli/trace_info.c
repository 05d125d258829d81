/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk trace info`. */

#include <stdio.h>

#include "cli/trace.h"
#include "traces/survey.h"

static const struct {
	const char *name;
	unsigned kind;
} rows[] = { { "loads", TRACE_LOAD },       { "stores", TRACE_STORE },
	     { "blocks", TRACE_BLOCK },     { "rep iterations", TRACE_REP },
	     { "cuts", TRACE_CUT },         { "attempts", TRACE_ATTEMPT },
	     { "mappings", TRACE_MAPPING }, { "kernel calls", TRACE_COUNT_KCALL } };

static void print_header(const struct trace_reader *reader)
{
	const char *line = trace_reader_header(reader);

	while (*line) {
		size_t length = strcspn(line, "\n");

		printf("  %.*s\n", (int)length, line);
		line += length + (line[length] == '\n');
	}
}

static void print_size(const struct trace_survey *survey)
{
	const uint64_t *total = survey->index.total;
	uint64_t accesses = total[TRACE_LOAD] + total[TRACE_STORE];
	uint64_t raw = 16 * (accesses + total[TRACE_BLOCK] + total[TRACE_REP]);

	printf("%-16s%llu", "bytes", (unsigned long long)survey->file_bytes);
	if (accesses)
		printf(", %.3f an access (records of 16 bytes would be %.1f times as many)",
		       (double)survey->file_bytes / (double)accesses,
		       (double)raw / (double)survey->file_bytes);
	putchar('\n');
}

/* END is in the last frame. False: the end cannot be read. */
static bool find_outcome(struct trace_reader *reader, const struct trace_survey *survey,
			 struct trace_outcome *outcome)
{
	struct trace_record record;
	struct trace_error ignored;
	int more = -1;

	if (survey->complete && survey->index.count)
		more = trace_reader_seek(reader, survey, survey->index.count - 1, &ignored);
	while (more >= 0 && (more = trace_reader_next(reader, &record, &ignored)) > 0) {
		if (record.tag != TRACE_END)
			continue;
		*outcome = record.end;
		return true;
	}
	return false;
}

static void print_outcome(struct trace_reader *reader, const struct trace_survey *survey)
{
	struct trace_outcome outcome;

	printf("%-16s", "program");
	if (!find_outcome(reader, survey, &outcome))
		outcome.ending = TRACE_UNKNOWN;
	switch (outcome.ending) {
	case TRACE_EXITED:
		printf("exit status %u\n", outcome.number);
		break;
	case TRACE_KILLED:
		printf("ended by signal %u\n", outcome.number);
		break;
	case TRACE_STOPPED:
		printf("stopped before its end, exit status %u\n", outcome.number);
		break;
	default:
		puts("it is not known how it ended");
	}
}

static void print_survey(struct trace_reader *reader, const struct trace_survey *survey)
{
	printf("%s: a trace of format version %d\n", trace_reader_path(reader), TRACE_VERSION);
	print_header(reader);
	printf("%-16s%s\n", "state", survey->complete ? "complete" : survey->why.text);
	printf("%-16s%s\n", "with --pc", trace_reader_has_pc(reader) ? "yes" : "no");
	print_outcome(reader, survey);
	printf("%-16s%llu\n", "instructions", (unsigned long long)survey->index.instructions);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("%-16s%llu\n", rows[i].name,
		       (unsigned long long)survey->index.total[rows[i].kind]);
	printf("%-16s%zu\n", "frames", survey->index.count);
	print_size(survey);
}

/* All checksums, all records. */
static int verify(struct trace_reader *reader, struct trace_error *error)
{
	struct trace_batch batch;
	int more;

	do {
		more = trace_reader_batch(reader, &batch, error);
	} while (more > 0);
	return more;
}

static int survey(struct trace_reader *reader, const struct trace_options *options,
		  struct trace_error *error)
{
	struct trace_survey survey;
	int failed = trace_survey_make(&survey, reader, error);

	if (failed)
		return failed;
	print_survey(reader, &survey);
	if (options->verify && survey.index.count)
		failed = trace_reader_seek(reader, &survey, 0, error);
	trace_survey_release(&survey);
	if (failed || !options->verify)
		return failed;
	failed = verify(reader, error);
	if (!failed)
		printf("%-16s%s\n", "verified", "all checksums hold, all records make sense");
	return failed;
}

int trace_info(const struct trace_options *options)
{
	struct trace_reader *reader;
	struct trace_error error;
	int failed = trace_reader_open(&reader, options->file, &error);

	if (!failed) {
		failed = survey(reader, options, &error);
		trace_reader_close(reader);
	}
	if (failed)
		complain("%s", error.text);
	return failed ? EXIT_OURS : 0;
}
