/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk trace`: what a trace holds, its records as text, a piece of it. */

#include "cli/trace.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { OPT_FROM = 256, OPT_TO, OPT_CSV, OPT_VERIFY };

static const struct argp_option trace_argp_options[] = {
	{ "from", OPT_FROM, "INSNS", 0, "dump, cut: from this instruction count on", 0 },
	{ "to", OPT_TO, "INSNS", 0, "dump, cut: up to this instruction count", 0 },
	{ "csv", OPT_CSV, NULL, 0, "dump: as CSV with a header", 0 },
	{ "output", 'o', "FILE", 0, "cut: the trace to write", 0 },
	{ "verify", OPT_VERIFY, NULL, 0, "info: read all of it", 0 },
	{ 0 }
};

static bool is(const struct trace_options *options, const char *action)
{
	return strcmp(options->action, action) == 0;
}

static void check_usage(const struct trace_options *options, struct argp_state *state)
{
	const struct trace_range *range = &options->range;

	if (!options->action ||
	    (!is(options, "info") && !is(options, "dump") && !is(options, "cut")))
		argp_error(state, "trace takes info FILE, dump FILE or cut FILE -o FILE");
	if (!options->file)
		argp_error(state, "which trace? pagewalk trace %s FILE", options->action);
	if (is(options, "info") && (range->from || range->to != UINT64_MAX))
		argp_error(state, "--from and --to go with dump and cut");
	if (range->from >= range->to)
		argp_error(state, "--from must be less than --to");
	if (options->csv && !is(options, "dump"))
		argp_error(state, "--csv goes with dump");
	if (options->verify && !is(options, "info"))
		argp_error(state, "--verify goes with info");
	if (is(options, "cut") != (options->output != NULL))
		argp_error(state, is(options, "cut") ? "cut writes to which file? -o FILE"
						     : "-o goes with cut");
}

static uint64_t count_or_error(struct argp_state *state, const char *option, const char *text)
{
	uint64_t value = 0;

	if (!parse_number(text, &value))
		argp_error(state, "--%s takes a number of instructions, not '%s'", option, text);
	return value;
}

static error_t parse_trace(int key, char *arg, struct argp_state *state)
{
	struct trace_options *options = state->input;

	switch (key) {
	case OPT_FROM:
		options->range.from = count_or_error(state, "from", arg);
		return 0;
	case OPT_TO:
		options->range.to = count_or_error(state, "to", arg);
		return 0;
	case OPT_CSV:
		options->csv = true;
		return 0;
	case OPT_VERIFY:
		options->verify = true;
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (options->file)
			argp_error(state, "one trace at a time");
		if (options->action)
			options->file = arg;
		else
			options->action = arg;
		return 0;
	case ARGP_KEY_END:
		check_usage(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* --- cut ------------------------------------------------------------------------------------- */

static bool is_same_file(const char *a, const char *b)
{
	struct stat of_a, of_b;

	return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
	       of_a.st_ino == of_b.st_ino;
}

static int cut(const struct trace_options *options)
{
	struct trace_reader *reader;
	struct trace_error error;
	int failed;

	if (is_same_file(options->file, options->output)) {
		complain("%s: is the trace to be cut: write to another file", options->output);
		return EXIT_OURS;
	}
	failed = trace_reader_open(&reader, options->file, &error);
	if (!failed) {
		failed = trace_cut(reader, options->output, &options->range, &error);
		trace_reader_close(reader);
	}
	if (failed)
		complain("%s", error.text);
	return failed ? EXIT_OURS : 0;
}

int command_trace(int argc, char **argv)
{
	const struct argp argp = {
		trace_argp_options,
		parse_trace,
		"info|dump FILE\ncut FILE -o FILE",
		"Says what a trace holds, prints its records, one a line, or writes a piece of it "
		"that replays by itself.\v"
		"Of what comes before the piece, kernel calls and faults are kept, so that the same "
		"is mapped and resident; accesses and blocks are not.",
		NULL,
		NULL,
		NULL
	};
	struct trace_options options = { .range = { 0, UINT64_MAX } };

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk trace";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (is(&options, "info"))
		return trace_info(&options);
	return is(&options, "dump") ? trace_dump(&options) : cut(&options);
}
