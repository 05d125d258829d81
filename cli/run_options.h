/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_RUN_OPTIONS_H
#define PAGEWALK_CLI_RUN_OPTIONS_H

/* The options of `pagewalk run`, `pagewalk record` and `pagewalk replay`. */

#include <argp.h>

#include "analysis/record.h"
#include "cli/cli.h"
#include "emu/kernel/config.h"

enum { RUN_LIST_MAX = 64, REPLAY_JOBS_MAX = 256 };

/* Names given more than once, in order. */
struct option_list {
	const char *item[RUN_LIST_MAX];
	unsigned count;
};

struct run_options {
	const char *machine; /* name or file */
	/* As often as each was given; the members of one value hold the last. */
	struct option_list machines, rams, policies;
	unsigned jobs;          /* 0: as many as there are processors */
	struct option_list set; /* field=VALUE */
	const char *db;
	const char *trace; /* run: to write; replay: to read */
	bool trace_is_read;
	enum record_detail detail;
	bool has_window, quiet, no_measure, clean_env;
	bool pc; /* in the trace */
	uint64_t window_from, window_to;
	uint64_t max_events;
	uint64_t ram_bytes; /* 0: as the description says */
	bool has_fragment;
	unsigned fragment_percent;
	uint64_t swap_bytes;
	const char *policy; /* NULL: as the description says */
	enum thp_mode thp;
	bool has_thp; /* else as the description says */
	uint64_t seed, limit, epoch;
	bool has_clock_start;
	int64_t clock_start_ns;
	uint64_t reported_ram;
	unsigned reported_cpus;
	unsigned quantum, max_processes;
	unsigned va_bits;                /* 0: all that the machine has */
	uint64_t hugetlb_2m, hugetlb_1g; /* replay: of the trace, whatever the description says */
	struct option_list env, write_dirs;
	const char *label;
	char **program; /* argv of the guest, NULL-terminated */
};

void run_options_default(struct run_options *options);

/* What commands have in common with `run`: options of the machine, of the record, of the program. */
extern const struct argp machine_argp, record_argp, guest_argp;
/* Adds a name, or ends the process where there are too many. */
void option_list_add(struct argp_state *state, struct option_list *list, const char *item);
/* A number from 1 to max, or the end of the process with a message. */
unsigned count_or_error(struct argp_state *state, const char *option, const char *text,
			unsigned max);
/* Children share the parent's input, which argp wants to be told. */
void argp_hand_down(struct argp_state *state, unsigned children);

/* Parses or ends the process as argp does: status 0 after --help, EXIT_USAGE after a mistake. */
void run_options_parse(struct run_options *options, int argc, char **argv);
/* `pagewalk record`: no database. */
void record_options_parse(struct run_options *options, int argc, char **argv);
void replay_options_parse(struct run_options *options, int argc, char **argv);

#endif
