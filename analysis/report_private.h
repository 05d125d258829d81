/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_REPORT_PRIVATE_H
#define PAGEWALK_ANALYSIS_REPORT_PRIVATE_H

/* The parts of the report: report.c has most of them, report_os.c those of the operating system. */

#include "analysis/database.h"
#include "analysis/text.h"

#include <stdbool.h>

struct report {
	sqlite3 *db;
	int64_t run;
	struct text out;
	struct record_error *error;
	int failed;
};

/* 12,345,678. Returns a buffer of the caller. */
const char *report_grouped(char *buffer, size_t size, int64_t value);
/* A query whose ?1 is the run; NULL after a failure. */
sqlite3_stmt *report_ask(struct report *report, const char *sql);
bool report_next(struct report *report, sqlite3_stmt *statement);
int64_t report_integer(sqlite3_stmt *statement, int column);
const char *report_string(sqlite3_stmt *statement, int column); /* never NULL */

/* report_os.c: memory, what is wasted of it, reclaim and swap where there was any, processes. */
void report_print_os(struct report *report);

#endif
