/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_QUERY_H
#define PAGEWALK_ANALYSIS_QUERY_H

/*
 * Questions to a record, in SQL or by name, answered as text.
 *
 *   TABLE  columns aligned for people, with Unicode widths; control characters are shown as
 *          escapes, NULL as NULL, blobs as x'..'. Widths come from the first rows.
 *   CSV    RFC 4180 with \n line ends and a header; NULL is an empty field, the empty string "",
 *          blobs hexadecimal digits.
 *   JSON   an array of objects for each statement that has columns; blobs as hexadecimal strings.
 *
 * Only reading: the file is opened so that it cannot be changed, and a statement that would
 * change anything is refused before it runs. Several statements may be given, separated by ';'.
 */

#include "analysis/error.h"

#include <stddef.h>

enum query_format { QUERY_TABLE, QUERY_CSV, QUERY_JSON };

/* Takes a piece of output. Non-zero ends the query: nobody wants the rest. */
typedef int query_write_fn(void *ctx, const char *text, size_t length);

struct query_output {
	enum query_format format;
	query_write_fn *write;
	void *ctx;
};

/* A query that has a name. */
struct query_named {
	const char *name, *doc, *sql;
};
extern const struct query_named query_names[]; /* ends with a NULL name */

/*
 * Runs `query`: one of query_names, a table or view of the schema, or SQL. PW_ABSENT: no such file
 * or no such name; PW_INVALID: wrong SQL or not a record; PW_LIMIT: `write` wanted no more (the
 * error text is empty); else as database_open_read().
 */
int query_run(const char *db_path, const char *query, const struct query_output *output,
	      struct record_error *error);

#endif
