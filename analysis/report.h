/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_REPORT_H
#define PAGEWALK_ANALYSIS_REPORT_H

/* One screen of text about a run. */

#include "analysis/query.h"

#include <stdint.h>

/*
 * Writes the summary of a run; 0 is the newest. An unfinished run is reported as of its last
 * epoch, and says so. Errors as query_run(); PW_ABSENT also where there is no such run.
 */
int report_print(const char *db_path, int64_t run, query_write_fn *write, void *ctx,
		 struct record_error *error);

#endif
