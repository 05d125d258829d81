/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_SETTINGS_H
#define PAGEWALK_ANALYSIS_SETTINGS_H

/* Which runs of a file have a setting (record_setting): how a sweep finds what it did before. */

#include "analysis/error.h"

#include <stdint.h>

typedef void settings_visit_fn(void *ctx, int64_t run, const char *value);

/*
 * Visits the finished runs that have the setting, in their order. A file that is not there, or is empty, has none;
 * otherwise errors are those of database_open_read().
 */
int settings_visit(const char *db_path, const char *name, settings_visit_fn *visit, void *ctx,
		   struct record_error *error);

#endif
