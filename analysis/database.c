/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Opening a record: see database.h.
 *
 * A rollback journal (SQLite's default) rather than a write-ahead log: the record stays one file
 * that can be copied and sent, also from a read-only directory, and appending rows journals next
 * to nothing. `synchronous = normal` may at worst lose what was committed last when the power
 * fails; a killed process loses nothing that was committed.
 *
 * Sources: sqlite.org "PRAGMA Statements", "Result and Error Codes", "Defense Against The Dark
 * Arts".
 */

#include "analysis/database.h"

#include "analysis/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- words ----------------------------------------------------------------------------------- */

static int error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return PW_NOMEM;
	case SQLITE_CORRUPT:
		return PW_CORRUPT;
	case SQLITE_NOTADB:
		return PW_INVALID;
	default:
		return PW_IO;
	}
}

/* Why, and what to do, where we know better than SQLite's own words. */
static const char *explain(sqlite3 *db)
{
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		return "no space is left on the disk";
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "another process is writing to it (database is locked)";
	case SQLITE_NOTADB:
		return "it is not a SQLite database";
	case SQLITE_CORRUPT:
		return "the database is damaged; 'sqlite3 FILE .recover' may save some of it";
	case SQLITE_READONLY:
		return "the file or its directory cannot be written to";
	default:
		return sqlite3_errmsg(db);
	}
}

int database_failed(sqlite3 *db, const char *doing, struct record_error *error)
{
	const char *path = sqlite3_db_filename(db, "main");
	int system = sqlite3_system_errno(db);
	int code = sqlite3_errcode(db) & 0xff;

	if (system && (code == SQLITE_CANTOPEN || code == SQLITE_IOERR))
		return record_error_set(error, PW_IO, "%s: cannot %s: %s (%s)", path, doing,
					strerror(system), explain(db));
	return record_error_set(error, error_of(code), "%s: cannot %s: %s",
				path && *path ? path : "temporary record", doing, explain(db));
}

int database_exec(sqlite3 *db, const char *sql, const char *doing, struct record_error *error)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return database_failed(db, doing, error);
	return PW_OK;
}

int database_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct record_error *error)
{
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
		return database_failed(db, "prepare a statement", error);
	return PW_OK;
}

int database_run(sqlite3_stmt *statement, const char *types, ...)
{
	va_list values;
	int64_t integer;

	va_start(values, types);
	for (int i = 1; *types; types++, i++) {
		switch (*types) {
		case 'i':
			sqlite3_bind_int64(statement, i, va_arg(values, int64_t));
			break;
		case 'n':
			integer = va_arg(values, int64_t);
			if (integer)
				sqlite3_bind_int64(statement, i, integer);
			else
				sqlite3_bind_null(statement, i);
			break;
		case 't':
			sqlite3_bind_text(statement, i, va_arg(values, const char *), -1,
					  SQLITE_STATIC);
			break;
		default:
			sqlite3_bind_double(statement, i, va_arg(values, double));
			break;
		}
	}
	va_end(values);
	sqlite3_step(statement);
	return sqlite3_reset(statement);
}

/* --- is it ours? ----------------------------------------------------------------------------- */

static int read_number(sqlite3 *db, const char *sql, int64_t *out, struct record_error *error)
{
	sqlite3_stmt *statement = NULL;
	int code;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		return database_failed(db, "read it", error);
	code = sqlite3_step(statement);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	code = sqlite3_finalize(statement);
	return code == SQLITE_OK ? PW_OK : database_failed(db, "read it", error);
}

/* *empty: there is nothing in it yet, and nobody has claimed it. */
static int check_owner(sqlite3 *db, bool *empty, struct record_error *error)
{
	const char *path = sqlite3_db_filename(db, "main");
	int64_t owner = 0, version = 0, objects = 0;
	int failed;

	failed = read_number(db, "PRAGMA application_id", &owner, error);
	if (!failed)
		failed = read_number(db, "PRAGMA user_version", &version, error);
	if (!failed)
		failed = read_number(db, "SELECT count(*) FROM sqlite_schema", &objects, error);
	if (failed)
		return failed;
	*empty = owner == 0 && version == 0 && objects == 0;
	if (*empty)
		return PW_OK;
	if (owner != SCHEMA_APPLICATION_ID)
		return record_error_set(
			error, PW_INVALID,
			"%s: this database belongs to another program (application_id "
			"0x%08llx); name another file",
			path, (unsigned long long)(owner & 0xffffffff));
	if (version > SCHEMA_VERSION)
		return record_error_set(
			error, PW_UNSUPPORTED,
			"%s: written by a newer pagewalk (schema %lld, this one knows "
			"%d); use that one, or name another file",
			path, (long long)version, SCHEMA_VERSION);
	if (version < SCHEMA_VERSION)
		return record_error_set(
			error, PW_UNSUPPORTED,
			"%s: has schema %lld, which this pagewalk (schema %d) cannot "
			"use; name another file",
			path, (long long)version, SCHEMA_VERSION);
	return PW_OK;
}

static int insert_document(void *ctx, const char *object, const char *column, const char *doc)
{
	return database_run(ctx, "ttt", object, column, doc);
}

static int write_documentation(sqlite3 *db, struct record_error *error)
{
	sqlite3_stmt *insert;
	int failed = database_prepare(db, "INSERT OR REPLACE INTO documentation VALUES (?, ?, ?)",
				      &insert, error);

	if (failed)
		return failed;
	if (schema_document(insert_document, insert))
		failed = database_failed(db, "write the documentation", error);
	sqlite3_finalize(insert);
	return failed;
}

static int create_tables(sqlite3 *db, struct record_error *error)
{
	struct text sql = { 0 };
	int failed;

	text_addf(&sql, "PRAGMA application_id = %d; PRAGMA user_version = %d;\n",
		  SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
	schema_sql(&sql);
	if (sql.failed)
		failed = record_error_set(error, PW_NOMEM, "out of memory");
	else
		failed = database_exec(db, text_string(&sql), "create the schema", error);
	text_release(&sql);
	return failed;
}

static int create_schema(sqlite3 *db, struct record_error *error)
{
	int failed = create_tables(db, error);

	return failed ? failed : write_documentation(db, error);
}

/* In one transaction, so that of two processes that create the same file one finds it made. */
static int prepare_schema(sqlite3 *db, struct record_error *error)
{
	bool empty;
	int failed = check_owner(db, &empty, error);

	if (failed || !empty)
		return failed;
	failed = database_exec(db, "BEGIN IMMEDIATE", "create it", error);
	if (failed)
		return failed;
	failed = check_owner(db, &empty, error);
	if (!failed && empty)
		failed = create_schema(db, error);
	if (!failed)
		failed = database_exec(db, "COMMIT", "create it", error);
	if (failed)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return failed;
}

/* --- opening --------------------------------------------------------------------------------- */

/* A path is never one of SQLite's special names (":memory:", "file:..."). */
static char *plain_path(const char *path)
{
	return sqlite3_mprintf("%s%s", path[0] == '/' ? "" : "./", path);
}

static int check_file(const char *path, bool must_exist, struct record_error *error)
{
	struct stat status;

	if (!*path)
		return record_error_set(error, PW_INVALID, "the name of the record is empty");
	if (stat(path, &status) != 0) {
		if (errno == ENOENT && !must_exist)
			return PW_OK;
		return record_error_set(error, errno == ENOENT ? PW_ABSENT : PW_IO,
					"%s: cannot open the record: %s", path, strerror(errno));
	}
	if (!S_ISREG(status.st_mode))
		return record_error_set(error, PW_INVALID,
					"%s: cannot be a record: it is not a regular file", path);
	return PW_OK;
}

/* SQLite tries again for reading only, and then tells why that failed; so look ourselves. */
static const char *why_not_opened(const char *path, int code)
{
	char *directory = sqlite3_mprintf("%s", path);
	const char *why = sqlite3_errstr(code);
	char *slash;

	if (!directory)
		return why;
	slash = strrchr(directory, '/');
	if (slash)
		slash[slash == directory] = '\0';
	if (access(slash ? directory : ".", F_OK) != 0 ||
	    (access(path, F_OK) == 0 && access(path, R_OK) != 0))
		why = strerror(errno);
	else if (access(path, F_OK) != 0 && access(slash ? directory : ".", W_OK | X_OK) != 0)
		why = errno == EROFS ? "the file system is read-only"
				     : "its directory cannot be written to";
	sqlite3_free(directory);
	return why;
}

static int open_handle(sqlite3 **out, const char *path, int flags, struct record_error *error)
{
	char *plain = plain_path(path);
	int code;

	*out = NULL;
	if (!plain)
		return record_error_set(error, PW_NOMEM, "out of memory");
	code = sqlite3_open_v2(plain, out, flags | SQLITE_OPEN_NOMUTEX, NULL);
	sqlite3_free(plain);
	if (code != SQLITE_OK) {
		record_error_set(error, PW_IO, "%s: cannot open the record: %s", path,
				 why_not_opened(path, code));
		sqlite3_close(*out);
		*out = NULL;
		return code == SQLITE_NOMEM ? PW_NOMEM : PW_IO;
	}
	sqlite3_extended_result_codes(*out, 1);
	sqlite3_db_config(*out, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(*out, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return PW_OK;
}

static int open_failed(sqlite3 **out, int failed)
{
	sqlite3_close(*out);
	*out = NULL;
	return failed;
}

int database_open_write(sqlite3 **out, const char *path, unsigned wait_ms,
			struct record_error *error)
{
	int failed = check_file(path, false, error);

	*out = NULL;
	if (failed)
		return failed;
	failed = open_handle(out, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
	if (failed)
		return failed;
	sqlite3_busy_timeout(*out, (int)wait_ms);
	if (sqlite3_db_readonly(*out, "main") == 1)
		return open_failed(out, record_error_set(error, PW_IO,
							 "%s: cannot write the record: the file is "
							 "read-only",
							 path));
	failed = prepare_schema(*out, error);
	if (!failed)
		failed = database_exec(*out,
				       "PRAGMA journal_mode = delete; PRAGMA synchronous = normal;"
				       "PRAGMA foreign_keys = off; PRAGMA cache_size = -16000",
				       "set it up", error);
	return failed ? open_failed(out, failed) : PW_OK;
}

int database_open_scratch(sqlite3 **out, struct record_error *error)
{
	int failed, code = sqlite3_open_v2(
			    "", out,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code != SQLITE_OK) {
		sqlite3_close(*out);
		*out = NULL;
		return record_error_set(error, code == SQLITE_NOMEM ? PW_NOMEM : PW_IO,
					"cannot make a temporary record: %s", sqlite3_errstr(code));
	}
	/* Nothing survives this process anyway; a transaction must still roll back. */
	failed = database_exec(*out,
			       "PRAGMA journal_mode = memory; PRAGMA synchronous = off;"
			       "PRAGMA foreign_keys = off; PRAGMA cache_size = -4000",
			       "set it up", error);
	if (!failed)
		failed = create_tables(*out, error);
	return failed ? open_failed(out, failed) : PW_OK;
}

/* A hot journal is rolled back by the next who may write; a read-only handle may not. */
static bool needs_recovery(sqlite3 *db)
{
	int code = sqlite3_extended_errcode(db);

	return code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY ||
	       code == SQLITE_READONLY_CANTINIT;
}

static int open_to_read(sqlite3 **out, const char *path, int flags, struct record_error *error)
{
	bool empty;
	int failed = open_handle(out, path, flags, error);

	if (failed)
		return failed;
	sqlite3_busy_timeout(*out, DATABASE_LOCK_WAIT_MS);
	failed = check_owner(*out, &empty, error);
	if (!failed && empty)
		failed = record_error_set(error, PW_INVALID, "%s: this database is empty", path);
	if (!failed)
		failed = database_exec(*out, "PRAGMA query_only = on", "read it", error);
	return failed;
}

int database_open_read(sqlite3 **out, const char *path, struct record_error *error)
{
	int failed = check_file(path, true, error);

	*out = NULL;
	if (failed)
		return failed;
	failed = open_to_read(out, path, SQLITE_OPEN_READONLY, error);
	if (failed && *out && needs_recovery(*out)) {
		sqlite3_close(*out);
		failed = open_to_read(out, path, SQLITE_OPEN_READWRITE, error);
	}
	return failed ? open_failed(out, failed) : PW_OK;
}
