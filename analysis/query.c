/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Running queries: see query.h. Three fences keep them from changing anything: the file is opened
 * for reading only, an authorizer refuses what reaches beyond the file, and each statement is
 * asked whether it only reads before it is run.
 */

#include "analysis/query.h"

#include "analysis/database.h"
#include "analysis/output.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { FLUSH_BYTES = 1 << 16 };

/* --- what is asked --------------------------------------------------------------------------- */

static bool is_identifier(const char *query)
{
	size_t length =
		strspn(query, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return length && !query[length];
}

/* The SQL of a name: a named query, else everything in a table or view. NULL: no such name. */
static char *sql_of_name(sqlite3 *db, const char *name)
{
	sqlite3_stmt *find = NULL;
	char *sql = NULL;

	for (const struct query_named *named = query_names; named->name; named++)
		if (strcmp(named->name, name) == 0)
			return sqlite3_mprintf("%s", named->sql);
	if (sqlite3_prepare_v2(db,
			       "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
			       " AND name = ?",
			       -1, &find, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_step(find) == SQLITE_ROW)
		sql = sqlite3_mprintf("SELECT * FROM \"%w\"", name);
	sqlite3_finalize(find);
	return sql;
}

static int unknown_name(const char *name, struct record_error *error)
{
	struct text names = { 0 };
	int code;

	for (const struct query_named *named = query_names; named->name; named++)
		text_addf(&names, "%s%s", names.length ? ", " : "", named->name);
	code = record_error_set(error, PW_ABSENT,
				"there is no query named '%.60s'; the names are %s, and those of "
				"tables and views",
				name, text_string(&names));
	text_release(&names);
	return code;
}

/* --- fences ---------------------------------------------------------------------------------- */

/* Six parameters: SQLite asks for them. */
static int authorize(/* NOLINT(readability-function-size) */ void *ctx, int action,
		     const char *first, const char *second, const char *database,
		     const char *trigger)
{
	(void)ctx;
	(void)database;
	(void)trigger;
	if (action == SQLITE_ATTACH || action == SQLITE_DETACH)
		return SQLITE_DENY;
	/* What would lift the other fences. */
	if (action == SQLITE_PRAGMA && second &&
	    (sqlite3_stricmp(first, "query_only") == 0 ||
	     sqlite3_stricmp(first, "trusted_schema") == 0 ||
	     sqlite3_stricmp(first, "writable_schema") == 0))
		return SQLITE_DENY;
	return SQLITE_OK;
}

/* Wrong SQL: what SQLite says, and the text from where it stumbled. */
static int sql_failed(sqlite3 *db, const char *sql, struct record_error *error)
{
	int code = sqlite3_errcode(db) & 0xff;
	int at = sqlite3_error_offset(db);
	const char *place = at >= 0 && (size_t)at <= strlen(sql) ? sql + at : sql;

	if (code == SQLITE_AUTH)
		return record_error_set(
			error, PW_INVALID,
			"this would reach beyond the record, which queries may not: "
			"%.160s",
			sql);
	if (code == SQLITE_READONLY)
		return record_error_set(error, PW_INVALID,
					"queries only read, and this would write: %.160s", sql);
	if (code != SQLITE_ERROR)
		return database_failed(db, "run the query", error);
	if (at >= 0 && !*place)
		return record_error_set(error, PW_INVALID, "%s, at the end of: %.160s",
					sqlite3_errmsg(db), sql);
	return record_error_set(error, PW_INVALID, "%s, at: %.160s", sqlite3_errmsg(db), place);
}

/* --- running --------------------------------------------------------------------------------- */

struct query {
	sqlite3 *db;
	const struct query_output *output;
	const char *sql; /* of the statement under way */
	bool answered;   /* an earlier statement had columns */
	bool stopped;
};

static void flush(struct query *query, struct text *out, size_t above)
{
	if (out->length <= above || query->stopped)
		return;
	query->stopped = query->output->write(query->output->ctx, out->bytes, out->length) != 0;
	text_clear(out);
}

static int run_streamed(struct query *query, sqlite3_stmt *statement,
			const struct output_format *format)
{
	struct text out = { 0 };
	uint64_t rows = 0;
	int code = SQLITE_OK;

	format->begin(&out, statement, !query->answered);
	while (!query->stopped && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		format->row(&out, statement, rows++);
		if (out.failed)
			break;
		flush(query, &out, FLUSH_BYTES);
	}
	if (out.failed)
		code = SQLITE_NOMEM;
	format->end(&out, statement, rows);
	flush(query, &out, 0);
	text_release(&out);
	return code == SQLITE_DONE || query->stopped ? SQLITE_OK : code;
}

static int run_statement(struct query *query, sqlite3_stmt *statement)
{
	int code;

	if (!sqlite3_column_count(statement)) {
		code = sqlite3_step(statement);
		return code == SQLITE_DONE ? SQLITE_OK : code;
	}
	switch (query->output->format) {
	case QUERY_CSV:
		code = run_streamed(query, statement, &output_csv);
		break;
	case QUERY_JSON:
		code = run_streamed(query, statement, &output_json);
		break;
	default:
		code = output_table(statement, query->output, !query->answered, &query->stopped);
		break;
	}
	query->answered = true;
	return code;
}

static int run_one(struct query *query, sqlite3_stmt *statement, struct record_error *error)
{
	int code;

	if (!sqlite3_stmt_readonly(statement))
		return record_error_set(error, PW_INVALID,
					"queries only read, and this would write: %.160s",
					sqlite3_sql(statement));
	code = run_statement(query, statement);
	if (query->stopped) {
		record_error_set(error, PW_LIMIT, "%s", "");
		return PW_LIMIT;
	}
	if (code == SQLITE_NOMEM)
		return record_error_set(error, PW_NOMEM, "out of memory");
	return code == SQLITE_OK ? PW_OK : sql_failed(query->db, sqlite3_sql(statement), error);
}

static int run_all(struct query *query, struct record_error *error)
{
	int failed = PW_OK;

	while (!failed && *query->sql) {
		sqlite3_stmt *statement = NULL;
		const char *rest = NULL;

		if (sqlite3_prepare_v2(query->db, query->sql, -1, &statement, &rest) != SQLITE_OK)
			return sql_failed(query->db, query->sql, error);
		if (statement) /* else a comment or nothing */
			failed = run_one(query, statement, error);
		sqlite3_finalize(statement);
		query->sql = rest;
	}
	return failed;
}

int query_run(const char *db_path, const char *query, const struct query_output *output,
	      struct record_error *error)
{
	struct query running = { .output = output, .sql = query };
	char *sql = NULL;
	int failed = database_open_read(&running.db, db_path, error);

	if (failed)
		return failed;
	if (is_identifier(query)) {
		sql = sql_of_name(running.db, query);
		running.sql = sql;
	}
	if (!running.sql) {
		failed = unknown_name(query, error);
	} else {
		sqlite3_set_authorizer(running.db, authorize, NULL);
		failed = run_all(&running, error);
	}
	sqlite3_free(sql);
	sqlite3_close(running.db);
	return failed;
}
