/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_SWEEP_OPTIONS_H
#define PAGEWALK_CLI_SWEEP_OPTIONS_H

#include "cli/compare.h"
#include "cli/run_options.h"

struct sweep_options {
	struct run_options run; /* trace, jobs, set, and those of the record */
	const char *specification;
	bool list, skip_invalid;
	struct compare_options output;
};

/* As run_options_parse(). */
void sweep_options_parse(struct sweep_options *options, int argc, char **argv);

#endif
