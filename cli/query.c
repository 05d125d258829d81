/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk query` and `pagewalk report`: answers on standard output. */

#include "analysis/query.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/report.h"
#include "cli/cli.h"

static int print(void *ctx, const char *text, size_t length)
{
	(void)ctx;
	return fwrite(text, 1, length, stdout) != length;
}

/* Output that nobody wants the rest of (`| head`) is no failure; a full disk is one. */
static int close_output(int error, const struct record_error *message)
{
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output cannot be written");
		return EXIT_OURS;
	}
	if (!error)
		return 0;
	complain("%s", message->text);
	return EXIT_OURS;
}

/* --- query ----------------------------------------------------------------------------------- */

struct query_options {
	enum query_format format;
	const char *db, *query;
};

enum { OPT_CSV = 256, OPT_JSON, OPT_NAMES };

static const struct argp_option query_argp_options[] = {
	{ "csv", OPT_CSV, NULL, 0, "as CSV with a header", 0 },
	{ "json", OPT_JSON, NULL, 0, "as a JSON array of objects", 0 },
	{ "names", OPT_NAMES, NULL, 0, "list the queries that have a name", 0 },
	{ 0 }
};

static void list_names(void)
{
	for (const struct query_named *named = query_names; named->name; named++)
		printf("%-14s %s\n", named->name, named->doc);
}

static void query_argument(struct query_options *options, const char *arg, struct argp_state *state)
{
	if (!options->db)
		options->db = arg;
	else if (!options->query)
		options->query = arg;
	else
		argp_error(state, "one query at a time; quote SQL: pagewalk query DB 'select ...'");
}

static error_t parse_query(int key, char *arg, struct argp_state *state)
{
	struct query_options *options = state->input;

	switch (key) {
	case OPT_CSV:
		options->format = QUERY_CSV;
		return 0;
	case OPT_JSON:
		options->format = QUERY_JSON;
		return 0;
	case OPT_NAMES:
		list_names();
		exit(0);
	case ARGP_KEY_ARG:
		query_argument(options, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!options->query || !*options->query)
			argp_error(
				state,
				"which query? pagewalk query DB 'SQL' | NAME (--names lists them)");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_query(int argc, char **argv)
{
	const struct argp argp = {
		query_argp_options,
		parse_query,
		"DB 'SQL'|NAME",
		"Asks a database, in SQL or by the name of a query, a table or a view.",
		NULL,
		NULL,
		NULL
	};
	struct query_options options = { .format = QUERY_TABLE };
	struct query_output output = { .write = print };
	struct record_error message = { "" };
	int error;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk query";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	output.format = options.format;
	error = query_run(options.db, options.query, &output, &message);
	return close_output(error, &message);
}

/* --- report ---------------------------------------------------------------------------------- */

struct report_options {
	const char *db;
	uint64_t run; /* 0: the newest */
};

static error_t parse_report(int key, char *arg, struct argp_state *state)
{
	struct report_options *options = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (!options->db)
			options->db = arg;
		else if (!parse_number(arg, &options->run) || options->run == 0)
			argp_error(
				state,
				"RUN is the number of a run ('pagewalk query DB runs'), not '%s'",
				arg);
		return 0;
	case ARGP_KEY_END:
		if (!options->db)
			options->db = "pagewalk.db";
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int command_report(int argc, char **argv)
{
	const struct argp argp = {
		NULL,         parse_report,
		"[DB [RUN]]", "Prints a one-screen summary of a run, the newest unless named.",
		NULL,         NULL,
		NULL
	};
	struct report_options options = { NULL, 0 };
	struct record_error message = { "" };
	int error;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk report";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	error = report_print(options.db, (int64_t)options.run, print, NULL, &message);
	return close_output(error, &message);
}
