/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "analysis/settings.h"

#include <sys/stat.h>

#include "analysis/database.h"

static int visit_rows(sqlite3 *db, sqlite3_stmt *rows, settings_visit_fn *visit, void *ctx,
		      struct record_error *error)
{
	int step;

	while ((step = sqlite3_step(rows)) == SQLITE_ROW)
		visit(ctx, sqlite3_column_int64(rows, 0),
		      (const char *)sqlite3_column_text(rows, 1));
	return step == SQLITE_DONE ? PW_OK : database_failed(db, "read settings", error);
}

int settings_visit(const char *db_path, const char *name, settings_visit_fn *visit, void *ctx,
		   struct record_error *error)
{
	static const char sql[] =
		"SELECT run.id, setting.value FROM setting JOIN run"
		" ON run.id = setting.run WHERE setting.name = ?"
		" AND setting.value IS NOT NULL AND run.status IN ('finished', 'stopped')"
		" ORDER BY run.id";
	sqlite3_stmt *rows = NULL;
	sqlite3 *db = NULL;
	struct stat status;
	int failed;

	if (stat(db_path, &status) != 0 || status.st_size == 0)
		return PW_OK;
	failed = database_open_read(&db, db_path, error);
	if (!failed)
		failed = database_prepare(db, sql, &rows, error);
	if (!failed) {
		sqlite3_bind_text(rows, 1, name, -1, SQLITE_STATIC);
		failed = visit_rows(db, rows, visit, ctx, error);
	}
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return failed;
}
