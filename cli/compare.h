/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_COMPARE_H
#define PAGEWALK_CLI_COMPARE_H

/* Runs side by side on standard output: `pagewalk compare`, and the end of a sweep. */

#include "analysis/compare.h"

struct compare_options {
	enum compare_format format;
	const char *db, *by; /* NULL: pagewalk.db; in the order named */
	const char **runs;   /* as comparison_open() takes them */
	size_t run_count;
	bool lines; /* a line a run, however few there are */
};

/* Complains and returns an exit status, or 0. */
int compare_runs(const struct compare_options *options);

#endif
