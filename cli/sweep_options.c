/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The options of `pagewalk sweep`. */

#include "cli/sweep_options.h"

enum {
	OPT_TRACE = 512, /* those of the record are below */
	OPT_JOBS,
	OPT_SET,
	OPT_LIST,
	OPT_SKIP_INVALID,
	OPT_CSV,
	OPT_JSON,
	OPT_MARKDOWN,
	OPT_BY
};

static const struct argp_option sweep_argp_options[] = {
	{ "trace", OPT_TRACE, "FILE", 0, "the recorded program", 1 },
	{ "jobs", OPT_JOBS, "N", 0,
	  "threads, each with a share of the points (default: one a processor)", 1 },
	{ "set", OPT_SET, "FIELD=VALUE", 0, "change a field of every point's machine", 1 },
	{ "list", OPT_LIST, NULL, 0, "only list the points, and which are done", 1 },
	{ "skip-invalid", OPT_SKIP_INVALID, NULL, 0,
	  "leave points out whose machine cannot be (default: nothing is done)", 1 },
	{ "by", OPT_BY, "METRIC", 0, "sort the printed points ('compare --by help')", 3 },
	{ "csv", OPT_CSV, NULL, 0, "print them as CSV, with all metrics", 3 },
	{ "json", OPT_JSON, NULL, 0, "print them as JSON", 3 },
	{ "markdown", OPT_MARKDOWN, NULL, 0, "print them as a Markdown table", 3 },
	{ 0 }
};

static error_t parse_argument(struct sweep_options *options, char *arg, struct argp_state *state)
{
	if (options->specification)
		argp_error(state, "one specification at a time");
	options->specification = arg;
	return 0;
}

static error_t parse_sweep(int key, char *arg, struct argp_state *state)
{
	struct sweep_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->run;
		return 0;
	case OPT_TRACE:
		options->run.trace = arg;
		return 0;
	case OPT_JOBS:
		options->run.jobs = count_or_error(state, "jobs", arg, REPLAY_JOBS_MAX);
		return 0;
	case OPT_SET:
		option_list_add(state, &options->run.set, arg);
		return 0;
	case OPT_LIST:
		options->list = true;
		return 0;
	case OPT_SKIP_INVALID:
		options->skip_invalid = true;
		return 0;
	case OPT_BY:
		options->output.by = arg;
		return 0;
	case OPT_CSV:
		options->output.format = COMPARE_CSV;
		return 0;
	case OPT_JSON:
		options->output.format = COMPARE_JSON;
		return 0;
	case OPT_MARKDOWN:
		options->output.format = COMPARE_MARKDOWN;
		return 0;
	case ARGP_KEY_ARG:
		return parse_argument(options, arg, state);
	case ARGP_KEY_END:
		if (!options->specification || !options->run.trace)
			argp_error(state, "which sweep of which trace? pagewalk sweep SPEC.yaml "
					  "--trace FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void sweep_options_parse(struct sweep_options *options, int argc, char **argv)
{
	static const struct argp_child children[] = { { &record_argp, 0, "The record:", 2 },
						      { 0 } };
	const struct argp argp = {
		sweep_argp_options,
		parse_sweep,
		"SPEC.yaml",
		"Replays one trace on every machine that SPEC.yaml stands for: a base machine and "
		"lists or ranges for any of its fields. Each point becomes a run of the database, "
		"with a setting for each field; at the end the points are compared. Points that "
		"the database holds already are not done again: a sweep that was stopped goes on "
		"where it was.\v"
		"The exit status is 0 if every point was done; 125 if one could not be, or "
		"pagewalk failed; 2 for wrong usage or a specification that is wrong.",
		children,
		NULL,
		NULL
	};

	run_options_default(&options->run);
	options->output.format = COMPARE_TEXT;
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk sweep";
	argp_parse(&argp, argc, argv, 0, NULL, options);
}
