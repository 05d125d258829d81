/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_SCHEMA_H
#define PAGEWALK_ANALYSIS_SCHEMA_H

/* The schema as data (schema.def), and the SQL text and documentation made from it. */

#include "analysis/text.h"

#include <stddef.h>

enum {
	SCHEMA_APPLICATION_ID = 0x50574c4b, /* "PWLK" in the file's header */
	SCHEMA_VERSION = 4,                 /* user_version */
};

/* An event's row number is run << EVENT_SEQ_BITS | seq. */
enum { EVENT_SEQ_BITS = 40 };

enum schema_kind {
	SCHEMA_TABLE,
	SCHEMA_COLUMN,
	SCHEMA_CONSTRAINT,
	SCHEMA_END_TABLE,
	SCHEMA_INDEX,
	SCHEMA_VIEW,
	SCHEMA_OUT,
	SCHEMA_FROM,
};

struct schema_line {
	enum schema_kind kind;
	const char *name; /* of the object or column; NULL for CONSTRAINT, END_TABLE and FROM */
	const char *sql;  /* type, expression or clause; NULL for TABLE and VIEW */
	const char *doc;  /* NULL for CONSTRAINT, END_TABLE, INDEX and FROM */
};

extern const struct schema_line schema_lines[];
extern const size_t schema_line_count;

/* CREATE statements for everything, each ending in ";\n". */
void schema_sql(struct text *out);

/* Calls back for every row of the table `documentation`; stops when that returns non-zero. */
typedef int schema_document_fn(void *ctx, const char *object, const char *column, const char *doc);
int schema_document(schema_document_fn *visit, void *ctx);

/* docs/schema.md. */
void schema_markdown(struct text *out);

#endif
