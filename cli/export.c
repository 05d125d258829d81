/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk export`: a trace as other tools read it. */

#include "traces/export.h"

#include <argp.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

struct export_options {
	const char *format, *trace, *output;
	bool quiet;
};

static const struct argp_option export_options[] = {
	{ "to", 't', "FORMAT", 0, "what to write", 1 },
	{ "output", 'o', "FILE", 0, "where to (default, and -: standard output)", 1 },
	{ "quiet", 'q', NULL, 0, "say nothing about what was written", 1 },
	{ 0 }
};

static error_t parse_export(int key, char *arg, struct argp_state *state)
{
	struct export_options *options = state->input;

	switch (key) {
	case 't':
		options->format = arg;
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->trace)
			argp_error(state, "one trace at a time");
		options->trace = arg;
		return 0;
	case ARGP_KEY_END:
		if (!options->trace || !options->format)
			argp_error(state, "which trace, in which format? pagewalk export "
					  "--to FORMAT TRACE [-o FILE]");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static char *help_filter(int key, const char *text, void *input)
{
	(void)input;
	return key == ARGP_KEY_HELP_POST_DOC ? list_formats(trace_export_format, "") : (char *)text;
}

static void options_parse(struct export_options *options, int argc, char **argv)
{
	const struct argp argp = { export_options,
				   parse_export,
				   "TRACE",
				   "Writes the instructions and accesses of TRACE as another tool "
				   "reads them.\v.",
				   NULL,
				   help_filter,
				   NULL };

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk export";
	argp_parse(&argp, argc, argv, 0, NULL, options);
	if (!options->output)
		options->output = "-";
}

static void tell(const struct export_options *options, const struct trace_export_result *result)
{
	complain("%s: %llu loads, %llu stores, %llu instructions written as %s", options->trace,
		 (unsigned long long)result->loads, (unsigned long long)result->stores,
		 (unsigned long long)result->instructions, options->format);
	if (result->added)
		complain("%llu records more than instructions: one holds no more accesses",
			 (unsigned long long)result->added);
	if (result->lost)
		complain("%llu accesses at address 0 cannot be said in this format",
			 (unsigned long long)result->lost);
	if (result->switches)
		complain("%llu switches between address spaces are not in it: their accesses are "
			 "mixed",
			 (unsigned long long)result->switches);
}

static int write_to(const struct export_options *options, struct trace_reader *reader, FILE *out)
{
	struct trace_export_result result;
	struct trace_error error;

	if (trace_export(reader, options->format, out, &result, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	if (!options->quiet)
		tell(options, &result);
	return 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat first, second;

	return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

static int write_file(const struct export_options *options, struct trace_reader *reader)
{
	FILE *out;
	int status;

	if (same_file(options->trace, options->output)) {
		complain("%s: is what is read: the export must go elsewhere", options->output);
		return EXIT_OURS;
	}
	out = fopen(options->output, "wbe");
	if (!out) {
		complain("%s: cannot be written: %s", options->output, strerror(errno));
		return EXIT_OURS;
	}
	status = write_to(options, reader, out);
	if (fclose(out) && !status) {
		complain("%s: cannot be written: %s", options->output, strerror(errno));
		return EXIT_OURS;
	}
	return status;
}

int command_export(int argc, char **argv)
{
	static struct export_options options;
	struct trace_reader *reader = NULL;
	struct trace_error error;
	int status;

	options_parse(&options, argc, argv);
	if (trace_reader_open(&reader, options.trace, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	status = strcmp(options.output, "-") == 0 ? write_to(&options, reader, stdout)
						  : write_file(&options, reader);
	trace_reader_close(reader);
	return status;
}
