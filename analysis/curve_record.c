/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Curves as rows: see curve.h. */

#include "analysis/curve.h"

#include "analysis/database.h"

static int insert(sqlite3 *db, sqlite3_stmt **statement, const char *sql,
		  struct record_error *error)
{
	sqlite3_finalize(*statement);
	*statement = NULL;
	return database_prepare(db, sql, statement, error);
}

/* In the order of the table; SQLite's result code. */
static int run_header(sqlite3_stmt *statement, const struct curve_report *report,
		      const struct curve_of_pages *curve)
{
	return database_run(statement, "tttiiiiiidddti", report->trace, report->machine,
			    report->side, (int64_t)1 << curve->page_lg2, (int64_t)report->accesses,
			    (int64_t)report->instructions,
			    (int64_t)(curve->references + curve->refused), (int64_t)curve->refused,
			    (int64_t)curve->invalidated, curve->pages, curve->rate,
			    curve->any.misses, report->time, (int64_t)report->window_length);
}

static int record_header(sqlite3 *db, sqlite3_stmt **statement, const struct curve_report *report,
			 const struct curve_of_pages *curve, struct record_error *error)
{
	int failed = insert(db, statement,
			    "INSERT INTO curve (trace, machine, side, page_bytes, accesses,"
			    " instructions, lookups, faulting, invalidated, pages, sample_rate,"
			    " compulsory, time, window) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			    error);

	if (!failed && run_header(*statement, report, curve) != SQLITE_OK)
		failed = database_failed(db, "add a curve", error);
	return failed;
}

static int record_points(sqlite3 *db, sqlite3_stmt **statement, int64_t id,
			 const struct curve_of_pages *curve, struct record_error *error)
{
	int failed = insert(db, statement, "INSERT INTO curve_point VALUES (?,?,?,?)", error);

	for (unsigned i = 0; i < curve->point_count && !failed; i++) {
		const struct curve_point *point = &curve->point[i];

		if (database_run(*statement, "iidd", id, (int64_t)point->entries, point->misses,
				 point->error) != SQLITE_OK)
			failed = database_failed(db, "add a curve", error);
	}
	return failed;
}

static int record_working_sets(sqlite3 *db, sqlite3_stmt **statement, int64_t id,
			       const struct curve_of_pages *curve, struct record_error *error)
{
	int failed = insert(db, statement, "INSERT INTO working_set VALUES (?,?,?,?)", error);

	for (unsigned i = 0; i < curve->tau_count && !failed; i++) {
		const struct curve_tau *tau = &curve->tau[i];

		if (database_run(*statement, "iidd", id, (int64_t)tau->tau, tau->pages,
				 tau->faults) != SQLITE_OK)
			failed = database_failed(db, "add a curve", error);
	}
	return failed;
}

static int record_windows(sqlite3 *db, sqlite3_stmt **statement, int64_t id, uint64_t length,
			  const struct curve_of_pages *curve, struct record_error *error)
{
	int failed = insert(db, statement, "INSERT INTO working_set_window VALUES (?,?,?)", error);

	for (size_t i = 0; i < curve->window_count && !failed; i++)
		if (database_run(*statement, "iid", id, (int64_t)(i * length), curve->window[i]) !=
		    SQLITE_OK)
			failed = database_failed(db, "add a curve", error);
	return failed;
}

static int record_all(sqlite3 *db, sqlite3_stmt **statement, const struct curve_report *report,
		      struct record_error *error)
{
	int failed = database_exec(db, "BEGIN IMMEDIATE", "add a curve", error);

	for (unsigned i = 0; i < report->curve_count && !failed; i++) {
		const struct curve_of_pages *curve = &report->curve[i];
		int64_t id;

		failed = record_header(db, statement, report, curve, error);
		id = sqlite3_last_insert_rowid(db);
		if (!failed)
			failed = record_points(db, statement, id, curve, error);
		if (!failed)
			failed = record_working_sets(db, statement, id, curve, error);
		if (!failed)
			failed = record_windows(db, statement, id, report->window_length, curve,
						error);
	}
	return failed ? failed : database_exec(db, "COMMIT", "add a curve", error);
}

/* What was not committed is rolled back on closing. */
int curve_record(const char *db_path, const struct curve_report *report, struct record_error *error)
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *db;
	int failed = database_open_write(&db, db_path, DATABASE_LOCK_WAIT_MS, error);

	if (failed)
		return failed;
	failed = record_all(db, &statement, report, error);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return failed;
}
