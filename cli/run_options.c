/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/run_options.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "emu/linux/linux.h"

enum {
	OPT_RAM = 256,
	OPT_FRAGMENT,
	OPT_DB,
	OPT_EVENTS,
	OPT_WINDOW,
	OPT_MAX_EVENTS,
	OPT_NO_MEASURE,
	OPT_ENV,
	OPT_CLEAN_ENV,
	OPT_SEED,
	OPT_CLOCK_START,
	OPT_LIMIT,
	OPT_WRITE,
	OPT_TRACE,
	OPT_PC,
	OPT_EPOCH,
	OPT_SET,
	OPT_LABEL,
	OPT_GUEST_RAM,
	OPT_GUEST_CPUS,
	OPT_GUEST_VA_BITS,
	OPT_QUANTUM,
	OPT_MAX_PROCESSES,
	OPT_SWAP,
	OPT_POLICY,
	OPT_THP,
	OPT_JOBS
};

enum {
	GUEST_CPUS_MAX = 1024,
	PROCESSES_MAX = 32768,
	GUEST_VA_BITS_MIN = 20,
	GUEST_VA_BITS_MAX = 63
};

/* What `all` without a window stops after. */
static const uint64_t default_max_events = 50000000;

static const struct argp_option machine_options[] = {
	{ "mmu", 'm', "NAME|FILE", 0,
	  "the machine ('pagewalk config list' names them; default skylake)", 1 },
	{ "set", OPT_SET, "FIELD=VALUE", 0, "change one field of it (tlb.l2.shared.entries=1024)",
	  1 },
	{ "ram", OPT_RAM, "SIZE", 0, "simulated physical memory (64M, 4G)", 1 },
	{ "fragment", OPT_FRAGMENT, "PERCENT", 0,
	  "start with aged memory: so many of a hundred 2 MiB blocks are broken", 1 },
	{ "swap", OPT_SWAP, "SIZE", 0, "a swap device (default: as the machine says, or none)", 1 },
	{ "policy", OPT_POLICY, "NAME", 0,
	  "which page leaves when memory is short: fifo, random, lru, clock, "
	  "enhanced-second-chance, aging, two-list, clock-pro; for a replay also opt",
	  1 },
	{ "thp", OPT_THP, "MODE", 0, "transparent huge pages: never, madvise or always", 1 },
	{ 0 }
};

static const struct argp_option record_options[] = {
	{ "db", OPT_DB, "FILE", 0, "the database to add the run to (default pagewalk.db)", 2 },
	{ "events", OPT_EVENTS, "DETAIL", 0, "none, summary (default), misses or all", 2 },
	{ "window", OPT_WINDOW, "FROM:TO", 0,
	  "rows of events only between these instruction counts", 2 },
	{ "max-events", OPT_MAX_EVENTS, "N", 0, "stop adding rows of events after N", 2 },
	{ "epoch", OPT_EPOCH, "INSNS", 0,
	  "counters are recorded every so many instructions (default 20,000,000)", 2 },
	{ "label", OPT_LABEL, "TEXT", 0, "a name for the run", 2 },
	{ "quiet", 'q', NULL, 0, "no progress and no closing line", 2 },
	{ 0 }
};

static const struct argp_option run_only_options[] = {
	{ "no-measure", OPT_NO_MEASURE, NULL, 0,
	  "translate, but charge no accesses: nearly Unicorn's own speed", 3 },
	{ "trace", OPT_TRACE, "FILE", 0, "write a trace that 'pagewalk replay' reads", 3 },
	{ "pc", OPT_PC, NULL, 0, "with the instruction of each access in it", 3 },
	{ 0 }
};

static const struct argp_option record_only_options[] = {
	{ "output", 'o', "FILE", 0, "the trace to write", 3 },
	{ "pc", OPT_PC, NULL, 0, "with the instruction of each access in it", 3 },
	{ "quiet", 'q', NULL, 0, "no progress and no closing line", 3 },
	{ 0 }
};

static const struct argp_option guest_options[] = {
	{ "env", OPT_ENV, "K=V", 0, "set a variable in the program's environment", 4 },
	{ "clean-env", OPT_CLEAN_ENV, NULL, 0, "start from an empty environment", 4 },
	{ "write", OPT_WRITE, "DIR", 0, "let the program write below DIR; all else is read-only",
	  4 },
	{ "seed", OPT_SEED, "N", 0, "of everything random in the guest (default 1)", 4 },
	{ "clock-start", OPT_CLOCK_START, "T", 0,
	  "guest time at the start: seconds or 2026-01-31T12:00:00Z (default now)", 4 },
	{ "guest-ram", OPT_GUEST_RAM, "SIZE", 0, "memory reported to the program (default 4G)", 4 },
	{ "guest-cpus", OPT_GUEST_CPUS, "N", 0, "processors reported to the program (default 1)",
	  4 },
	{ "guest-va-bits", OPT_GUEST_VA_BITS, "N", 0,
	  "lay the program out in so many address bits, for a replay on a narrower machine", 4 },
	{ "quantum", OPT_QUANTUM, "INSNS", 0,
	  "instructions after which another thread has its turn (default 1,000,000)", 4 },
	{ "max-processes", OPT_MAX_PROCESSES, "N", 0,
	  "processes and threads at a time (default 4096)", 4 },
	{ "limit", OPT_LIMIT, "INSNS", 0,
	  "end the run after so many instructions (default 0: never)", 4 },
	{ 0 }
};

static const struct argp_option replay_options[] = {
	{ "jobs", OPT_JOBS, "N", 0,
	  "threads, each with a share of the machines (default: one a processor)", 3 },
	{ 0 }
};

void option_list_add(struct argp_state *state, struct option_list *list, const char *item)
{
	if (list->count == RUN_LIST_MAX)
		argp_error(state, "more than %d of one option", RUN_LIST_MAX);
	list->item[list->count++] = item;
}

static enum thp_mode thp_or_error(struct argp_state *state, const char *text)
{
	for (unsigned i = 0; i < THP_MODE_COUNT; i++)
		if (strcmp(text, thp_mode_names[i]) == 0)
			return (enum thp_mode)i;
	argp_error(state, "--thp takes never, madvise or always, not '%s'", text);
	return THP_NEVER;
}

static void parse_detail(struct argp_state *state, const char *text)
{
	static const char *const names[] = { "none", "summary", "misses", "all" };
	struct run_options *options = state->input;

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(text, names[i]) == 0) {
			options->detail = (enum record_detail)i;
			return;
		}
	}
	argp_error(state, "--events takes none, summary, misses or all, not '%s'", text);
}

static uint64_t number_or_error(struct argp_state *state, const char *option, const char *text)
{
	uint64_t value = 0;

	if (!parse_number(text, &value))
		argp_error(state, "--%s takes a number, not '%s'", option, text);
	return value;
}

unsigned count_or_error(struct argp_state *state, const char *option, const char *text,
			unsigned max)
{
	uint64_t value = number_or_error(state, option, text);

	if (value < 1 || value > max)
		argp_error(state, "--%s takes 1 to %u", option, max);
	return (unsigned)value;
}

static unsigned va_bits_or_error(struct argp_state *state, const char *text)
{
	uint64_t value = number_or_error(state, "guest-va-bits", text);

	if (value < GUEST_VA_BITS_MIN || value > GUEST_VA_BITS_MAX)
		argp_error(state, "--guest-va-bits takes %d to %d", GUEST_VA_BITS_MIN,
			   GUEST_VA_BITS_MAX);
	return (unsigned)value;
}

static uint64_t size_or_error(struct argp_state *state, const char *option, const char *text)
{
	uint64_t bytes = 0;

	if (!parse_size(text, &bytes) || bytes == 0)
		argp_error(state, "--%s takes a size such as 64M or 4G, not '%s'", option, text);
	return bytes;
}

static error_t parse_machine_option(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;
	uint64_t percent;

	switch (key) {
	case 'm':
		options->machine = arg;
		option_list_add(state, &options->machines, arg);
		return 0;
	case OPT_SET:
		option_list_add(state, &options->set, arg);
		return 0;
	case OPT_RAM:
		options->ram_bytes = size_or_error(state, "ram", arg);
		option_list_add(state, &options->rams, arg);
		return 0;
	case OPT_FRAGMENT:
		percent = number_or_error(state, "fragment", arg);
		if (percent > 100)
			argp_error(state, "--fragment takes 0 to 100 percent, not '%s'", arg);
		options->has_fragment = true;
		options->fragment_percent = (unsigned)percent;
		return 0;
	case OPT_SWAP:
		options->swap_bytes = size_or_error(state, "swap", arg);
		return 0;
	case OPT_POLICY:
		options->policy = arg;
		option_list_add(state, &options->policies, arg);
		return 0;
	case OPT_THP:
		options->thp = thp_or_error(state, arg);
		options->has_thp = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_record_option(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case 'q':
		options->quiet = true;
		return 0;
	case OPT_DB:
		options->db = arg;
		return 0;
	case OPT_EVENTS:
		parse_detail(state, arg);
		return 0;
	case OPT_WINDOW:
		if (!parse_window(arg, &options->window_from, &options->window_to))
			argp_error(state, "--window takes FROM:TO with FROM < TO, not '%s'", arg);
		options->has_window = true;
		return 0;
	case OPT_MAX_EVENTS:
		options->max_events = number_or_error(state, "max-events", arg);
		return 0;
	case OPT_EPOCH:
		options->epoch = number_or_error(state, "epoch", arg);
		return 0;
	case OPT_LABEL:
		options->label = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_trace_option(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case OPT_NO_MEASURE:
		options->no_measure = true;
		return 0;
	case 'o':
	case OPT_TRACE:
		options->trace = arg;
		return 0;
	case OPT_PC:
		options->pc = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_guest_option(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case OPT_ENV:
		if (!strchr(arg, '=') || *arg == '=')
			argp_error(state, "--env takes K=V, not '%s'", arg);
		option_list_add(state, &options->env, arg);
		return 0;
	case OPT_CLEAN_ENV:
		options->clean_env = true;
		return 0;
	case OPT_WRITE:
		option_list_add(state, &options->write_dirs, arg);
		return 0;
	case OPT_SEED:
		options->seed = number_or_error(state, "seed", arg);
		return 0;
	case OPT_CLOCK_START:
		if (!parse_clock(arg, &options->clock_start_ns))
			argp_error(state, "--clock-start takes seconds or a date, not '%s'", arg);
		options->has_clock_start = true;
		return 0;
	case OPT_GUEST_RAM:
		options->reported_ram = size_or_error(state, "guest-ram", arg);
		return 0;
	case OPT_GUEST_CPUS:
		options->reported_cpus = count_or_error(state, "guest-cpus", arg, GUEST_CPUS_MAX);
		return 0;
	case OPT_GUEST_VA_BITS:
		options->va_bits = va_bits_or_error(state, arg);
		return 0;
	case OPT_QUANTUM:
		options->quantum = count_or_error(state, "quantum", arg, UINT32_MAX);
		return 0;
	case OPT_MAX_PROCESSES:
		options->max_processes = count_or_error(state, "max-processes", arg, PROCESSES_MAX);
		return 0;
	case OPT_LIMIT:
		options->limit = number_or_error(state, "limit", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp machine_argp = {
	machine_options, parse_machine_option, NULL, NULL, NULL, NULL, NULL
};
const struct argp record_argp = {
	record_options, parse_record_option, NULL, NULL, NULL, NULL, NULL
};
static const struct argp run_only_argp = {
	run_only_options, parse_trace_option, NULL, NULL, NULL, NULL, NULL
};
static const struct argp record_only_argp = {
	record_only_options, parse_trace_option, NULL, NULL, NULL, NULL, NULL
};
const struct argp guest_argp = { guest_options, parse_guest_option, NULL, NULL, NULL, NULL, NULL };

void argp_hand_down(struct argp_state *state, unsigned children)
{
	for (unsigned i = 0; i < children; i++)
		state->child_inputs[i] = state->input;
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		argp_hand_down(state, 4);
		return 0;
	case ARGP_KEY_ARGS:
		options->program = state->argv + state->next;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (options->trace && options->no_measure)
			argp_error(state,
				   "--trace records the accesses that --no-measure does not see");
		if (options->pc && !options->trace)
			argp_error(state, "--pc goes with --trace FILE");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state,
			   "which program? pagewalk run [OPTION...] -- PROGRAM [ARGUMENT...]");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_record(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		argp_hand_down(state, 3);
		return 0;
	case ARGP_KEY_ARGS:
		options->program = state->argv + state->next;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (!options->trace)
			argp_error(state, "which file? -o FILE");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(
			state,
			"which program? pagewalk record -o FILE [OPTION...] -- PROGRAM [ARGUMENT...]");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		argp_hand_down(state, 2);
		return 0;
	case OPT_JOBS:
		options->jobs = count_or_error(state, "jobs", arg, REPLAY_JOBS_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (options->trace)
			argp_error(state, "one trace at a time");
		options->trace = arg;
		return 0;
	case ARGP_KEY_END:
		if (!options->trace)
			argp_error(state, "which trace? pagewalk replay [OPTION...] FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void run_options_default(struct run_options *options)
{
	memset(options, 0, sizeof(*options));
	options->machine = "skylake";
	options->db = "pagewalk.db";
	options->detail = RECORD_SUMMARY;
	options->seed = 1;
	options->epoch = 20000000;
	options->reported_ram = 4ull << 30;
	options->reported_cpus = 1;
	options->quantum = LINUX_QUANTUM;
	options->max_processes = LINUX_TASKS_MAX;
}

static void finish(struct run_options *options)
{
	if (options->detail == RECORD_ALL && !options->has_window && !options->max_events)
		options->max_events = default_max_events;
}

void run_options_parse(struct run_options *options, int argc, char **argv)
{
	static const struct argp_child children[] = { { &machine_argp, 0, "The machine:", 1 },
						      { &record_argp, 0, "The record:", 2 },
						      { &run_only_argp, 0, "The run:", 3 },
						      { &guest_argp, 0, "The program:", 4 },
						      { 0 } };
	const struct argp argp = {
		NULL,
		parse_run,
		"-- PROGRAM [ARGUMENT...]",
		"Runs PROGRAM unmodified on a modelled machine and records what its "
		"address translation cost.\v"
		"The exit status is the program's; 128 + N if signal N ended it; 125 if "
		"pagewalk failed, 126 if PROGRAM cannot be run, 127 if there is none, 2 "
		"for wrong usage.",
		children,
		NULL,
		NULL
	};

	run_options_default(options);
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk run";
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, options);
	finish(options);
}

void record_options_parse(struct run_options *options, int argc, char **argv)
{
	static const struct argp_child children[] = { { &record_only_argp, 0, "The trace:", 1 },
						      { &machine_argp, 0, "The machine:", 2 },
						      { &guest_argp, 0, "The program:", 3 },
						      { 0 } };
	const struct argp argp = { NULL,
				   parse_record,
				   "-o FILE -- PROGRAM [ARGUMENT...]",
				   "Runs PROGRAM unmodified on a modelled machine and writes a "
				   "trace of it to FILE, which 'pagewalk replay' reads.\v"
				   "The exit status is as that of 'pagewalk run'.",
				   children,
				   NULL,
				   NULL };

	run_options_default(options);
	options->db = NULL;
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk record";
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, options);
}

void replay_options_parse(struct run_options *options, int argc, char **argv)
{
	static const struct argp_child children[] = { { &machine_argp, 0, "The machine:", 1 },
						      { &record_argp, 0, "The record:", 2 },
						      { 0 } };
	const struct argp argp = {
		replay_options,
		parse_replay,
		"FILE",
		"Drives machines with the trace FILE and records a run for each. --mmu, --ram and "
		"--policy may be given more than once: every combination is a machine.\v"
		"The exit status is 0 if every machine kept up with the trace; 125 if one could "
		"not, or pagewalk failed; 2 for wrong usage.",
		children,
		NULL,
		NULL
	};

	run_options_default(options);
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk replay";
	argp_parse(&argp, argc, argv, 0, NULL, options);
	finish(options);
}
