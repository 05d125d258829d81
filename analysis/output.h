/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_OUTPUT_H
#define PAGEWALK_ANALYSIS_OUTPUT_H

/* The rows of a statement as text: see query.h for the formats. */

#include "analysis/query.h"
#include "analysis/text.h"

#include <sqlite3.h>

struct output_format {
	/* The statement has columns; `first`: nothing was written for an earlier statement. */
	void (*begin)(struct text *out, sqlite3_stmt *statement, bool first);
	void (*row)(struct text *out, sqlite3_stmt *statement, uint64_t number);
	void (*end)(struct text *out, sqlite3_stmt *statement, uint64_t rows);
};
extern const struct output_format output_csv, output_json;

/* A number as SQLite itself turns it into text. */
void output_real(struct text *out, double value);
/* A field of CSV, quoted where it has to be. */
void output_csv_string(struct text *out, const char *bytes, size_t length);

/* A value without quotes or padding, for people; text is made harmless for a terminal. */
void output_cell(struct text *out, sqlite3_stmt *statement, int column);

/*
 * Runs the statement and writes its rows as an aligned table. Returns a result code of SQLite;
 * *stopped is set when `write` wanted no more.
 */
int output_table(sqlite3_stmt *statement, const struct query_output *output, bool first,
		 bool *stopped);

#endif
