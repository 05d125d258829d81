/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_DATABASE_H
#define PAGEWALK_ANALYSIS_DATABASE_H

/*
 * Opening a record, and what SQLite says put into words. A file is one of ours when its
 * application_id and user_version say so; anything else is refused before it is touched.
 */

#include "analysis/error.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

enum { DATABASE_LOCK_WAIT_MS = 10000 };

/*
 * For writing: an absent or empty file gets the schema. For errors see record_open(). wait_ms is
 * how long a lock held by somebody else is waited for.
 */
int database_open_write(sqlite3 **out, const char *path, unsigned wait_ms,
			struct record_error *error);
/* A private one that nobody else can open, in memory or a temporary file; gone when it is closed. */
int database_open_scratch(sqlite3 **out, struct record_error *error);
/*
 * For reading: nothing is created or changed, except that what a killed writer left half done is
 * rolled back. PW_ABSENT where there is no file.
 */
int database_open_read(sqlite3 **out, const char *path, struct record_error *error);

/* Words for what `db` failed at last: "PATH: cannot DOING: why". Returns a negative pw_error. */
int database_failed(sqlite3 *db, const char *doing, struct record_error *error);
int database_exec(sqlite3 *db, const char *sql, const char *doing, struct record_error *error);
/* A statement that is kept (SQLITE_PREPARE_PERSISTENT). */
int database_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct record_error *error);
/*
 * Binds by letters: 'i' int64_t, 'n' int64_t or NULL where it is 0, 't' const char * or NULL, 'd'
 * double. Then runs a statement that gives no rows, and resets it. Returns a result code of SQLite.
 */
int database_run(sqlite3_stmt *statement, const char *types, ...);

#endif
