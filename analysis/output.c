/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Rows as CSV and JSON: see query.h. */

#include "analysis/output.h"

#include <string.h>

static void add_hex(struct text *out, const unsigned char *bytes, int length)
{
	for (int i = 0; i < length; i++)
		text_addf(out, "%02x", bytes[i]);
}

/* As SQLite itself turns a number into text: 15 digits, and no locale gets in between. */
void output_real(struct text *out, double value)
{
	char digits[40];

	sqlite3_snprintf((int)sizeof(digits), digits, "%!.15g", value);
	text_puts(out, digits);
}

/* --- CSV ------------------------------------------------------------------------------------- */

void output_csv_string(struct text *out, const char *bytes, size_t length)
{
	bool quote = length == 0 || bytes[0] == ' ' || bytes[length - 1] == ' ';

	for (size_t i = 0; i < length && !quote; i++)
		quote = strchr(",\"\r\n", bytes[i]) != NULL; /* a NUL byte is quoted too */
	if (!quote) {
		text_add(out, bytes, length);
		return;
	}
	text_puts(out, "\"");
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '"')
			text_puts(out, "\"");
		text_add(out, bytes + i, 1);
	}
	text_puts(out, "\"");
}

static void csv_value(struct text *out, sqlite3_stmt *statement, int column)
{
	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_NULL:
		break;
	case SQLITE_INTEGER:
		text_addf(out, "%lld", (long long)sqlite3_column_int64(statement, column));
		break;
	case SQLITE_FLOAT:
		output_real(out, sqlite3_column_double(statement, column));
		break;
	case SQLITE_BLOB:
		add_hex(out, sqlite3_column_blob(statement, column),
			sqlite3_column_bytes(statement, column));
		break;
	default:
		output_csv_string(out, (const char *)sqlite3_column_text(statement, column),
				  (size_t)sqlite3_column_bytes(statement, column));
		break;
	}
}

static void csv_begin(struct text *out, sqlite3_stmt *statement, bool first)
{
	int columns = sqlite3_column_count(statement);

	if (!first)
		text_puts(out, "\n");
	for (int i = 0; i < columns; i++) {
		const char *name = sqlite3_column_name(statement, i);

		if (i)
			text_puts(out, ",");
		if (name)
			output_csv_string(out, name, strlen(name));
	}
	text_puts(out, "\n");
}

static void csv_row(struct text *out, sqlite3_stmt *statement, uint64_t number)
{
	int columns = sqlite3_column_count(statement);

	(void)number;
	for (int i = 0; i < columns; i++) {
		if (i)
			text_puts(out, ",");
		csv_value(out, statement, i);
	}
	text_puts(out, "\n");
}

static void csv_end(struct text *out, sqlite3_stmt *statement, uint64_t rows)
{
	(void)out;
	(void)statement;
	(void)rows;
}

const struct output_format output_csv = { csv_begin, csv_row, csv_end };

/* --- JSON ------------------------------------------------------------------------------------ */

/* Objects with two members of one name lose one: the second `x` becomes `x:2`. */
static void json_name(struct text *out, sqlite3_stmt *statement, int column)
{
	const char *name = sqlite3_column_name(statement, column);
	struct text unique = { 0 };
	unsigned same = 1;

	if (!name)
		name = "";
	for (int i = 0; i < column; i++) {
		const char *other = sqlite3_column_name(statement, i);

		same += other && strcmp(other, name) == 0;
	}
	text_puts(&unique, name);
	if (same > 1)
		text_addf(&unique, ":%u", same);
	text_json(out, text_string(&unique), unique.length);
	text_release(&unique);
}

static void json_value(struct text *out, sqlite3_stmt *statement, int column)
{
	double real;

	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_NULL:
		text_puts(out, "null");
		break;
	case SQLITE_INTEGER:
		text_addf(out, "%lld", (long long)sqlite3_column_int64(statement, column));
		break;
	case SQLITE_FLOAT:
		real = sqlite3_column_double(statement, column);
		if (real - real == 0) /* JSON has no infinity; readers take 1e999 for it */
			output_real(out, real);
		else
			text_puts(out, real > 0 ? "1e999" : "-1e999");
		break;
	case SQLITE_BLOB:
		text_puts(out, "\"");
		add_hex(out, sqlite3_column_blob(statement, column),
			sqlite3_column_bytes(statement, column));
		text_puts(out, "\"");
		break;
	default:
		text_json(out, (const char *)sqlite3_column_text(statement, column),
			  (size_t)sqlite3_column_bytes(statement, column));
		break;
	}
}

static void json_begin(struct text *out, sqlite3_stmt *statement, bool first)
{
	(void)statement;
	(void)first;
	text_puts(out, "[");
}

static void json_row(struct text *out, sqlite3_stmt *statement, uint64_t number)
{
	int columns = sqlite3_column_count(statement);

	text_puts(out, number ? ",\n{" : "{");
	for (int i = 0; i < columns; i++) {
		if (i)
			text_puts(out, ",");
		json_name(out, statement, i);
		text_puts(out, ":");
		json_value(out, statement, i);
	}
	text_puts(out, "}");
}

static void json_end(struct text *out, sqlite3_stmt *statement, uint64_t rows)
{
	(void)statement;
	(void)rows;
	text_puts(out, "]\n");
}

const struct output_format output_json = { json_begin, json_row, json_end };

/* --- for people ------------------------------------------------------------------------------ */

void output_cell(struct text *out, sqlite3_stmt *statement, int column)
{
	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_NULL:
		text_puts(out, "NULL");
		break;
	case SQLITE_INTEGER:
		text_addf(out, "%lld", (long long)sqlite3_column_int64(statement, column));
		break;
	case SQLITE_FLOAT:
		output_real(out, sqlite3_column_double(statement, column));
		break;
	case SQLITE_BLOB:
		text_puts(out, "x'");
		add_hex(out, sqlite3_column_blob(statement, column),
			sqlite3_column_bytes(statement, column));
		text_puts(out, "'");
		break;
	default:
		text_harmless(out, (const char *)sqlite3_column_text(statement, column),
			      (size_t)sqlite3_column_bytes(statement, column));
		break;
	}
}
