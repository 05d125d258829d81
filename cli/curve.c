/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk curve`: misses against size, from one pass over a trace. */

#include "analysis/curve.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/session.h"
#include "traces/curve.h"

enum {
	OPT_SIDE = 0x400,
	OPT_PAGE_SIZE,
	OPT_ENTRIES,
	OPT_IDEAL,
	OPT_SAMPLE,
	OPT_WINDOW_LENGTH,
	OPT_TIME,
	OPT_CURVE_DB,
	OPT_CSV,
	OPT_JSON
};
enum { PAGE_LG2_MIN = 9, PAGE_LG2_MAX = 48, FETCH_BYTES = 64 };
enum { EACH_TO = 16, STEPS_A_DOUBLING = 8, SAMPLE_PAGES_MIN = 64, SAMPLE_ENTRIES_MIN = 8 };

struct curve_command {
	struct run_options run; /* machine and trace */
	struct curve_setup setup;
	struct query_output output;
	const char *db; /* NULL: to standard output */
	bool ideal;
	bool all_entries;
	struct session session;
	struct curve curve;
	struct curve_of_pages of_pages[CURVE_PAGE_SIZES_MAX];
	struct curve_point *points[CURVE_PAGE_SIZES_MAX];
	struct curve_tau tau[CURVE_PAGE_SIZES_MAX][WORKING_SET_TAU_LG2_MAX + 1];
};

static const char *const side_names[] = {
	[SIDE_INSTRUCTION] = "instruction", [SIDE_DATA] = "data", [SIDE_BOTH] = "both"
};

/* --- options --------------------------------------------------------------------------------- */

static const struct argp_option curve_options[] = {
	{ "side", OPT_SIDE, "SIDE", 0, "data (default), instruction, or both in one TLB", 2 },
	{ "page-size", OPT_PAGE_SIZE, "SIZE,...", 0,
	  "page sizes, a curve each (default: the machine's base page)", 2 },
	{ "entries", OPT_ENTRIES, "all", 0,
	  "every size, where else there are eight a doubling above 16", 2 },
	{ "ideal", OPT_IDEAL, NULL, 0,
	  "references alone: no operating system, no faults, no invalidations", 2 },
	{ "sample", OPT_SAMPLE, "RATE|PAGES", 0,
	  "look at a part of the pages only: a rate below 1 (0.01), or at most so many pages", 2 },
	{ "window", OPT_WINDOW_LENGTH, "N", 0, "the working set of each N units of time, too", 2 },
	{ "time", OPT_TIME, "UNIT", 0, "of working sets: instructions (default) or references", 2 },
	{ "db", OPT_CURVE_DB, "FILE", 0, "add the curves to a database, and print nothing", 3 },
	{ "csv", OPT_CSV, NULL, 0, "as CSV with a header", 3 },
	{ "json", OPT_JSON, NULL, 0, "as a JSON object", 3 },
	{ 0 }
};

static void parse_side(struct curve_command *c, struct argp_state *state, const char *text)
{
	for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_BOTH; side++) {
		if (strcmp(text, side_names[side]) == 0) {
			c->setup.side = (enum tlb_side)side;
			return;
		}
	}
	argp_error(state, "--side takes data, instruction or both, not '%s'", text);
}

static void parse_page_sizes(struct curve_command *c, struct argp_state *state, char *text)
{
	char *rest = NULL;

	for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		uint64_t bytes = 0;
		unsigned lg2;

		if (c->setup.page_sizes == CURVE_PAGE_SIZES_MAX)
			argp_error(state, "--page-size takes up to %d sizes", CURVE_PAGE_SIZES_MAX);
		if (!parse_size(one, &bytes) || bytes == 0 || (bytes & (bytes - 1)) != 0)
			bytes = 1;
		lg2 = (unsigned)__builtin_ctzll(bytes);
		if (lg2 < PAGE_LG2_MIN || lg2 > PAGE_LG2_MAX)
			argp_error(state,
				   "--page-size takes powers of two from 512 to 256T, such as "
				   "4K,64K,2M, not '%s'",
				   one);
		c->setup.page_lg2[c->setup.page_sizes++] = lg2;
	}
}

static void parse_sample(struct curve_command *c, struct argp_state *state, const char *text)
{
	char *end;
	double rate = strtod(text, &end);

	if (parse_number(text, &c->setup.pages_max) && c->setup.pages_max >= SAMPLE_PAGES_MIN)
		return;
	if (*end != '\0' || !(rate > 0 && rate < 1))
		argp_error(state,
			   "--sample takes a rate between 0 and 1, or a number of pages from %d, "
			   "not '%s'",
			   SAMPLE_PAGES_MIN, text);
	c->setup.rate = rate;
}

static void parse_time(struct curve_command *c, struct argp_state *state, const char *text)
{
	c->setup.time_in_references = strcmp(text, "references") == 0;
	if (!c->setup.time_in_references && strcmp(text, "instructions") != 0)
		argp_error(state, "--time takes instructions or references, not '%s'", text);
}

static error_t parse_curve(int key, char *arg, struct argp_state *state)
{
	struct curve_command *c = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &c->run;
		return 0;
	case OPT_SIDE:
		parse_side(c, state, arg);
		return 0;
	case OPT_PAGE_SIZE:
		parse_page_sizes(c, state, arg);
		return 0;
	case OPT_ENTRIES:
		if (strcmp(arg, "all") != 0)
			argp_error(state, "--entries takes all, not '%s'", arg);
		c->all_entries = true;
		return 0;
	case OPT_IDEAL:
		c->ideal = true;
		return 0;
	case OPT_SAMPLE:
		parse_sample(c, state, arg);
		return 0;
	case OPT_WINDOW_LENGTH:
		if (!parse_number(arg, &c->setup.window) || c->setup.window == 0)
			argp_error(state, "--window takes a number from 1, not '%s'", arg);
		return 0;
	case OPT_TIME:
		parse_time(c, state, arg);
		return 0;
	case OPT_CURVE_DB:
		c->db = arg;
		return 0;
	case OPT_CSV:
		c->output.format = QUERY_CSV;
		return 0;
	case OPT_JSON:
		c->output.format = QUERY_JSON;
		return 0;
	case ARGP_KEY_ARG:
		if (c->run.trace)
			argp_error(state, "one trace at a time");
		c->run.trace = arg;
		return 0;
	case ARGP_KEY_END:
		if (!c->run.trace)
			argp_error(state, "which trace? pagewalk curve [OPTION...] FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print(void *ctx, const char *text, size_t length)
{
	(void)ctx;
	return fwrite(text, 1, length, stdout) != length;
}

static int by_size(const void *a, const void *b)
{
	const unsigned *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Huge pages would be entries of their own: curves are of one page size each. */
static void parse_options(struct curve_command *c, int argc, char **argv)
{
	static const struct argp_child children[] = { { &machine_argp, 0, "The machine:", 1 },
						      { 0 } };
	const struct argp argp = {
		curve_options,
		parse_curve,
		"FILE",
		"Misses against size, for fully associative LRU TLBs of all sizes, from one pass over "
		"the trace FILE.",
		children,
		NULL,
		NULL
	};

	run_options_default(&c->run);
	c->setup.side = SIDE_DATA;
	c->setup.fetch_bytes = FETCH_BYTES;
	c->setup.rate = 1;
	c->setup.alloc = &host_alloc_libc;
	c->output = (struct query_output){ .format = QUERY_TABLE, .write = print };
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk curve";
	argp_parse(&argp, argc, argv, 0, NULL, c);
	qsort(c->setup.page_lg2, c->setup.page_sizes, sizeof(c->setup.page_lg2[0]), by_size);
	c->run.thp = THP_NEVER;
	c->run.has_thp = true;
	c->run.trace_is_read = true;
}

/* --- the answer ------------------------------------------------------------------------------ */

static uint64_t next_entries(const struct curve_command *c, uint64_t entries)
{
	unsigned lg2 = 63u - (unsigned)__builtin_clzll(entries);

	if (c->all_entries || entries < EACH_TO)
		return entries + 1;
	return entries + (UINT64_C(1) << lg2) / STEPS_A_DOUBLING;
}

static struct curve_point point_at(const struct locality *l, uint64_t entries)
{
	return (struct curve_point){ entries, locality_misses(l, entries),
				     locality_misses_error(l, entries) };
}

/* Smaller buffers would be judged by fewer pages of the sample than that. */
static uint64_t first_entries(const struct locality *l)
{
	return locality_rate(l) < 1 ? (uint64_t)(SAMPLE_ENTRIES_MIN / locality_rate(l)) : 1;
}

/* The last point is the smallest size that is as good as any. */
static int make_points(struct curve_command *c, unsigned i)
{
	const struct locality *l = &c->curve.locality[i];
	struct curve_of_pages *of_pages = &c->of_pages[i];
	uint64_t max = locality_entries_max(l);
	size_t count = 0;

	for (uint64_t entries = first_entries(l); entries < max; entries = next_entries(c, entries))
		count++;
	c->points[i] = calloc(count + 1, sizeof(*c->points[i]));
	if (!c->points[i])
		return PW_NOMEM;
	of_pages->point = c->points[i];
	for (uint64_t entries = first_entries(l); entries < max; entries = next_entries(c, entries))
		c->points[i][of_pages->point_count++] = point_at(l, entries);
	if (max > 0)
		c->points[i][of_pages->point_count++] = point_at(l, max);
	return PW_OK;
}

/* From the smallest T to the first that spans the trace. */
static void make_taus(struct curve_command *c, unsigned i)
{
	const struct working_set *ws = &c->curve.locality[i].working_set;
	struct curve_of_pages *of_pages = &c->of_pages[i];
	unsigned lg2 = WORKING_SET_TAU_LG2_MIN;

	of_pages->tau = c->tau[i];
	do {
		c->tau[i][of_pages->tau_count++] =
			(struct curve_tau){ UINT64_C(1) << lg2,
					    working_set_average(ws, lg2, c->curve.now),
					    working_set_faults(ws, lg2) };
	} while (UINT64_C(1) << lg2++ < c->curve.now && lg2 <= WORKING_SET_TAU_LG2_MAX);
	of_pages->window = ws->window;
	of_pages->window_count = ws->window_count;
}

static int hand_out(const struct curve_command *c, const struct curve_report *report)
{
	struct record_error error = { "" };
	int failed = c->db ? curve_record(c->db, report, &error)
			   : curve_print(report, &c->output, &error);

	if (failed && failed != PW_LIMIT) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	if (fflush(stdout) || ferror(stdout)) {
		complain("standard output cannot be written");
		return EXIT_OURS;
	}
	return 0;
}

static int answer(struct curve_command *c)
{
	struct curve_report report = { .trace = c->run.trace,
				       .side = side_names[c->setup.side],
				       .machine = c->ideal ? NULL : c->session.config.name,
				       .accesses = c->curve.accesses,
				       .instructions = c->curve.instructions,
				       .time = c->setup.time_in_references ? "references"
									   : "instructions",
				       .window_length = c->setup.window,
				       .curve = c->of_pages,
				       .curve_count = c->setup.page_sizes };

	for (unsigned i = 0; i < c->setup.page_sizes; i++) {
		const struct locality *l = &c->curve.locality[i];

		c->of_pages[i] = (struct curve_of_pages){ .page_lg2 = l->setup.page_lg2,
							  .references = l->references,
							  .refused = l->refused,
							  .invalidated = l->invalidated,
							  .pages = locality_pages(l),
							  .rate = locality_rate(l),
							  .any = point_at(l, UINT64_MAX) };
		make_taus(c, i);
		if (make_points(c, i) != PW_OK) {
			complain("out of memory");
			return EXIT_OURS;
		}
	}
	return hand_out(c, &report);
}

/* --- the pass -------------------------------------------------------------------------------- */

static int read_trace(struct curve_command *c, struct trace_reader *reader)
{
	struct trace_error error;
	int status = 0;

	if (!c->ideal) {
		status = session_create(&c->session, &c->run);
		c->setup.machine = c->session.machine;
	}
	if (status)
		return status;
	if (c->setup.page_sizes == 0)
		c->setup.page_lg2[c->setup.page_sizes++] =
			c->setup.machine ? c->setup.machine->page_lg2 : FRAME_LG2;
	if (curve_init(&c->curve, &c->setup) != PW_OK) {
		complain("out of memory");
		return EXIT_OURS;
	}
	if (curve_read(&c->curve, reader, &error)) {
		complain("%s", error.text);
		status = EXIT_OURS;
	}
	return answer(c) ? EXIT_OURS : status;
}

int command_curve(int argc, char **argv)
{
	static struct curve_command command;
	struct trace_reader *reader = NULL;
	struct trace_error error;
	int status;

	parse_options(&command, argc, argv);
	if (trace_reader_open(&reader, command.run.trace, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	session_follow_trace(&command.run, reader);
	status = read_trace(&command, reader);
	curve_release(&command.curve);
	for (unsigned i = 0; i < CURVE_PAGE_SIZES_MAX; i++)
		free(command.points[i]);
	session_destroy(&command.session);
	trace_reader_close(reader);
	return status;
}
