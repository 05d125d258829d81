/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_TRACE_H
#define PAGEWALK_CLI_TRACE_H

/* The actions of `pagewalk trace`; each returns an exit status. */

#include "cli/cli.h"
#include "traces/cut.h"

struct trace_options {
	const char *action, *file, *output;
	struct trace_range range;
	bool csv, verify;
};

int trace_info(const struct trace_options *options);
int trace_dump(const struct trace_options *options);

#endif
