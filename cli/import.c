/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk import`: a trace of another tool becomes one of ours. */

#include "traces/import.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

struct import_options {
	struct trace_import_setup setup;
	const char *output;
	bool quiet;
};

static const struct argp_option import_options[] = {
	{ "from", 'f', "FORMAT", 0, "what FILE is (default: guessed from its content)", 1 },
	{ "output", 'o', "TRACE", 0, "the trace to write", 1 },
	{ "lenient", 'l', NULL, 0, "skip and count what makes no sense, instead of stopping there",
	  1 },
	{ "quiet", 'q', NULL, 0, "say nothing about what was read", 1 },
	{ 0 }
};

static error_t parse_import(int key, char *arg, struct argp_state *state)
{
	struct import_options *options = state->input;

	switch (key) {
	case 'f':
		options->setup.format = arg;
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case 'l':
		options->setup.lenient = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->setup.path)
			argp_error(state, "one file at a time");
		options->setup.path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!options->output)
			argp_error(state,
				   "into which trace? pagewalk import [OPTION...] [FILE] -o TRACE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static char *help_filter(int key, const char *text, void *input)
{
	(void)input;
	return key == ARGP_KEY_HELP_POST_DOC
		       ? list_formats(trace_import_format,
				      "in a plain file, or one compressed with gzip or xz.\n")
		       : (char *)text;
}

static void options_parse(struct import_options *options, int argc, char **argv)
{
	const struct argp argp = { import_options,
				   parse_import,
				   "[FILE]",
				   "Makes a trace from FILE, which another tool wrote; - or none "
				   "is standard input. Memory is mapped where it is touched.\v.",
				   NULL,
				   help_filter,
				   NULL };

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk import";
	argp_parse(&argp, argc, argv, 0, NULL, options);
	if (!options->setup.path)
		options->setup.path = "-";
}

static const char *input_name(const struct import_options *options)
{
	return strcmp(options->setup.path, "-") == 0 ? "standard input" : options->setup.path;
}

static void tell(const struct import_options *options, const struct trace_import_result *result)
{
	complain("%s: %s: %llu loads, %llu stores, %llu instructions", input_name(options),
		 result->format, (unsigned long long)result->loads,
		 (unsigned long long)result->stores, (unsigned long long)result->instructions);
	if (result->split)
		complain("%llu accesses of more than a page became one for each page",
			 (unsigned long long)result->split);
	if (result->kernel)
		complain("%llu samples or accesses of the kernel were left out",
			 (unsigned long long)result->kernel);
	if (result->skipped)
		complain("%llu skipped, the first: %s", (unsigned long long)result->skipped,
			 result->first_skipped.text);
}

/* What is written is a valid trace of nothing; rarely is that what was wanted, so -q does not hide it. */
static void warn_of_nothing(const struct import_options *options,
			    const struct trace_import_result *result)
{
	if (result->loads + result->stores + result->instructions == 0)
		complain("warning: %s: no access of a program is in it: a replay of %s has nothing "
			 "to do",
			 input_name(options), options->output);
}

int command_import(int argc, char **argv)
{
	static struct import_options options;
	static struct trace_import_result result;
	struct trace_error error;

	options_parse(&options, argc, argv);
	if (trace_import(&options.setup, options.output, &result, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	if (!options.quiet)
		tell(&options, &result);
	warn_of_nothing(&options, &result);
	return 0;
}
