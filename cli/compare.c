/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk compare`: runs side by side. */

#include "cli/compare.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "configs/text.h"

enum { OPT_CSV = 256, OPT_JSON, OPT_MARKDOWN, OPT_BY };

enum { COLUMNS_DEFAULT = 80 };

static const struct argp_option compare_argp_options[] = {
	{ "by", OPT_BY, "METRIC", 0, "sort the runs, lowest first; 'help' lists the metrics", 0 },
	{ "csv", OPT_CSV, NULL, 0, "as CSV with a header, a row a run, with all metrics", 0 },
	{ "json", OPT_JSON, NULL, 0, "as a JSON array of objects, a run each", 0 },
	{ "markdown", OPT_MARKDOWN, NULL, 0, "as a Markdown table", 0 },
	{ 0 }
};

static void list_metrics(void)
{
	for (const struct metric *metric = metrics; metric->name; metric++)
		printf("%-28s %-22s %s%s\n", metric->name, metric->unit, metric->doc,
		       metric->better == BETTER_LOWER ? "" : "; neither is better");
	printf("%-28s %-22s %s\n", "mpki.LEVEL", "per 1000 instructions", "misses of a TLB level");
	printf("%-28s %-22s %s\n", "mpki.LEVEL.SIDE", "per 1000 instructions",
	       "the same, instruction or data");
}

static error_t parse_compare(int key, char *arg, struct argp_state *state)
{
	struct compare_options *options = state->input;

	switch (key) {
	case OPT_CSV:
		options->format = COMPARE_CSV;
		return 0;
	case OPT_JSON:
		options->format = COMPARE_JSON;
		return 0;
	case OPT_MARKDOWN:
		options->format = COMPARE_MARKDOWN;
		return 0;
	case OPT_BY:
		options->by = arg;
		if (strcmp(arg, "help") == 0) {
			list_metrics();
			exit(0);
		}
		return 0;
	case ARGP_KEY_ARG:
		if (!options->db)
			options->db = arg;
		else
			options->runs[options->run_count++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static size_t terminal_columns(void)
{
	struct winsize size;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return COLUMNS_DEFAULT;
}

/* --- sorting --------------------------------------------------------------------------------- */

struct metric_cursor {
	const struct comparison *comparison;
	size_t next;
};

static const char *next_metric(void *ctx)
{
	struct metric_cursor *cursor = ctx;

	return comparison_metric(cursor->comparison, cursor->next++);
}

/* Says which metrics there are: those that `by` is a part or a slip of, else all. */
static int fail_unknown(const struct comparison *comparison, const char *by)
{
	struct metric_cursor cursor = { comparison, 0 };
	const char *closest = config_text_closest(by, next_metric, &cursor), *name;
	struct text like = { 0 }, all = { 0 };

	cursor.next = 0;
	while ((name = next_metric(&cursor)) != NULL) {
		text_addf(&all, "%s%s", all.length ? ", " : "", name);
		if (strstr(name, by) || name == closest)
			text_addf(&like, "%s'%s'", like.length ? ", " : "", name);
	}
	if (like.length)
		complain("these runs have no metric '%.60s'; did you mean %s?", by,
			 text_string(&like));
	else
		complain("these runs have no metric '%.60s'; they have %s", by, text_string(&all));
	text_release(&like);
	text_release(&all);
	return EXIT_USAGE;
}

static int sort(struct comparison *comparison, const char *by)
{
	struct metric_cursor cursor = { comparison, 0 };
	const char *name;

	while ((name = next_metric(&cursor)) != NULL) {
		if (strcmp(name, by) == 0) {
			comparison_sort(comparison, cursor.next - 1);
			return 0;
		}
	}
	return fail_unknown(comparison, by);
}

/* --- output ---------------------------------------------------------------------------------- */

static int put(const struct comparison *comparison, enum compare_format format)
{
	const char *note;
	struct text out = { 0 };
	int status = 0;

	comparison_print(comparison, format, terminal_columns(), &out);
	if (out.failed) {
		complain("out of memory");
		status = EXIT_OURS;
	} else if (fputs(text_string(&out), stdout) == EOF || fflush(stdout) == EOF) {
		complain("standard output cannot be written");
		status = EXIT_OURS;
	}
	text_release(&out);
	if (format == COMPARE_CSV || format == COMPARE_JSON)
		for (size_t i = 0; (note = comparison_note(comparison, i)) != NULL; i++)
			complain("warning: %s", note);
	return status;
}

int compare_runs(const struct compare_options *options)
{
	struct comparison *comparison;
	struct record_error error;
	int status = 0;

	if (comparison_open(&comparison, options->db ? options->db : "pagewalk.db", options->runs,
			    options->run_count, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	if (options->lines)
		comparison_in_lines(comparison);
	if (options->by)
		status = sort(comparison, options->by);
	if (!status)
		status = put(comparison, options->format);
	comparison_close(comparison);
	return status;
}

int command_compare(int argc, char **argv)
{
	const struct argp argp = {
		compare_argp_options,
		parse_compare,
		"[DB [RUN...]]",
		"Compares runs side by side: misses per thousand instructions of each TLB level, "
		"walks, cycles per instruction, faults, page tables; the best marked, with ratios "
		"to the first. RUN is the number of a run, or a label or machine, of one run or "
		"several; all runs unless named. Many runs get a line each.",
		NULL,
		NULL,
		NULL
	};
	struct compare_options options = { .format = COMPARE_TEXT };
	int status;

	options.runs = calloc((size_t)argc, sizeof(*options.runs));
	if (!options.runs) {
		complain("out of memory");
		return EXIT_OURS;
	}
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk compare";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	status = compare_runs(&options);
	free(options.runs);
	return status;
}
