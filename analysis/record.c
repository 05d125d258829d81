/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The life of a record: see record.h. Rows about the run itself are in record_run.c. */

#include "analysis/record_private.h"

#include <stdio.h>
#include <string.h>

static const char *const statement_sql[RECORD_STATEMENTS] = {
	[INSERT_EVENT] =
		"INSERT INTO event (id, kind, instruction, cycle, pc, va, pa, asid, access,"
		" level, value, cycles, page_lg2)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[INSERT_EPOCH] =
		"INSERT INTO epoch (run, number, instructions, cycles) VALUES (?, ?, ?, ?)",
	[INSERT_EPOCH_COUNTER] =
		"INSERT INTO epoch_counter (run, epoch, name, delta) VALUES (?, ?, ?, ?)",
	[INSERT_EPOCH_LEDGER] =
		"INSERT INTO epoch_ledger (run, epoch, cause, cycles) VALUES (?, ?, ?, ?)",
	[UPSERT_COUNTER] = "INSERT INTO counter (run, name, value) VALUES (?, ?, ?)"
			   " ON CONFLICT DO UPDATE SET value = excluded.value",
	[UPSERT_LEDGER] = "INSERT INTO ledger (run, cause, cycles) VALUES (?, ?, ?)"
			  " ON CONFLICT DO UPDATE SET cycles = excluded.cycles",
	[UPDATE_RUN] = "UPDATE run SET instructions = ?, cycles = ?, event_rows = ?,"
		       " host_seconds = ?, host_peak_bytes = ? WHERE id = ?",
};

/* --- failure and transactions ---------------------------------------------------------------- */

static void stop_recording(struct record *record)
{
	sqlite3_exec(record->db, "ROLLBACK", NULL, NULL, NULL);
	record->in_transaction = false;
	record_update_wants(record);
}

int record_fail(struct record *record, const char *doing)
{
	if (!record->failed) {
		record->failed = database_failed(record->db, doing, &record->failure);
		stop_recording(record);
	}
	return record->failed;
}

int record_fail_memory(struct record *record)
{
	if (!record->failed) {
		record->failed = record_error_set(&record->failure, PW_NOMEM,
						  "out of memory while recording the run");
		stop_recording(record);
	}
	return record->failed;
}

int record_begin(struct record *record)
{
	if (record->failed || record->in_transaction)
		return record->failed;
	if (sqlite3_exec(record->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return record_fail(record, "begin a transaction");
	record->in_transaction = true;
	return 0;
}

/* Somebody who reads for long only delays the commit: the transaction stays open and goes on. */
int record_commit(struct record *record)
{
	int code;

	if (record->failed || !record->in_transaction)
		return record->failed;
	record->uncommitted_rows = 0;
	code = sqlite3_exec(record->db, "COMMIT", NULL, NULL, NULL);
	if ((code & 0xff) == SQLITE_BUSY && !record->finished)
		return 0;
	if (code != SQLITE_OK)
		return record_fail(record, "commit");
	record->in_transaction = false;
	return 0;
}

sqlite3_stmt *record_prepare(struct record *record, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (!record->failed &&
	    sqlite3_prepare_v2(record->db, sql, -1, &statement, NULL) != SQLITE_OK)
		record_fail(record, "prepare a statement");
	return statement;
}

/* --- opening --------------------------------------------------------------------------------- */

static int prepare_statements(struct record *record, struct record_error *error)
{
	for (unsigned i = 0; i < RECORD_STATEMENTS; i++) {
		int failed = database_prepare(record->db, statement_sql[i], &record->statement[i],
					      error);

		if (failed)
			return failed;
	}
	return PW_OK;
}

/* The rows of a new run in one transaction, so that what cannot be written shows now. */
static int enter_run(struct record *record, const struct record_setup *setup,
		     struct record_error *error)
{
	if (record_begin(record) || record_write_names(record) || record_write_run(record, setup) ||
	    record_commit(record)) {
		*error = record->failure;
		return record->failed;
	}
	/* A commit that waits for a reader is no start. */
	if (record->in_transaction)
		return record_error_set(error, PW_IO,
					"%s: cannot enter the run: another process is reading it",
					setup->db_path);
	return PW_OK;
}

static char *copy_string(const struct record *record, const char *text)
{
	size_t length = strlen(text);
	char *copy = host_zalloc(record->alloc, 1, length + 1);

	if (copy)
		memcpy(copy, text, length + 1);
	return copy;
}

static int hold(struct record *record, const struct record_setup *setup, struct record_error *error)
{
	record->deliver_to = copy_string(record, setup->db_path);
	if (!record->deliver_to)
		return record_error_set(error, PW_NOMEM, "out of memory");
	return database_open_scratch(&record->db, error);
}

static int open_database(struct record *record, const struct record_setup *setup,
			 struct record_error *error)
{
	int failed;

	record->lock_wait_ms = setup->lock_wait_ms ? setup->lock_wait_ms : DATABASE_LOCK_WAIT_MS;
	if (setup->held)
		failed = hold(record, setup, error);
	else
		failed = database_open_write(&record->db, setup->db_path, record->lock_wait_ms,
					     error);
	if (!failed)
		failed = prepare_statements(record, error);
	return failed ? failed : enter_run(record, setup, error);
}

int record_open(struct record **out, const struct record_setup *setup, struct record_error *error)
{
	const struct host_alloc *alloc = setup->alloc ? setup->alloc : &host_alloc_libc;
	struct record *record = host_zalloc(alloc, 1, sizeof(*record));
	struct record_error ignored;
	int failed;

	*out = NULL;
	if (!error)
		error = &ignored;
	if (!record)
		return record_error_set(error, PW_NOMEM, "out of memory");
	record->alloc = alloc;
	record->mappings.alloc = alloc;
	record->guest_bits = setup->run.guest_bits ? setup->run.guest_bits : 64;
	clock_gettime(CLOCK_MONOTONIC, &record->started);
	failed = profile_init(&record->profile, PROFILE_PAGES_MAX, PROFILE_INSTRUCTIONS_MAX, alloc);
	if (failed)
		record_error_set(error, failed, "out of memory");
	else
		failed = open_database(record, setup, error);
	if (failed) {
		record_destroy(record);
		return failed;
	}
	record_events_start(record, setup);
	*out = record;
	return PW_OK;
}

int record_check_file(const char *db_path, struct record_error *error)
{
	sqlite3 *db;
	int failed = database_open_write(&db, db_path, DATABASE_LOCK_WAIT_MS, error);

	sqlite3_close(db);
	return failed;
}

int64_t record_run_id(const struct record *record)
{
	return record->run;
}

/* --- what is said about a run on the way ----------------------------------------------------- */

void record_mapping(struct record *record, const struct record_mapping *mapping)
{
	if (!record->failed && mappings_add(&record->mappings, mapping) != PW_OK)
		record_fail_memory(record);
}

void record_note(struct record *record, const char *text)
{
	char *copy;

	if (record->failed || record->note_count == NOTES_MAX)
		return;
	copy = copy_string(record, text);
	if (!copy) {
		record_fail_memory(record);
		return;
	}
	record->notes[record->note_count++] = copy;
}

void record_unknown_syscall(struct record *record, uint64_t number, const char *name,
			    uint64_t count)
{
	struct unknown_syscall *syscall;

	for (unsigned i = 0; i < record->syscall_count; i++) {
		if (record->syscall[i].number == number) {
			record->syscall[i].count += count;
			return;
		}
	}
	if (record->syscall_count == UNKNOWN_SYSCALLS_MAX)
		return;
	syscall = &record->syscall[record->syscall_count++];
	syscall->number = number;
	syscall->count = count;
	if (name)
		strncpy(syscall->name, name, sizeof(syscall->name) - 1);
}

/* --- the end --------------------------------------------------------------------------------- */

static void note_what_was_dropped(struct record *record)
{
	struct text note = { 0 };
	const struct page_profile *pages = &record->profile.other_pages;
	const struct instruction_profile *instructions = &record->profile.other_instructions;

	if (pages->misses | pages->accesses | pages->walks | pages->key.faults) {
		text_addf(&note,
			  "the page profile is full at %llu pages: %llu accesses, %llu first-level "
			  "misses, %llu walks and %u faults of other pages are not broken down",
			  (unsigned long long)record->profile.pages.used,
			  (unsigned long long)pages->accesses, (unsigned long long)pages->misses,
			  (unsigned long long)pages->walks, pages->key.faults);
		record_note(record, text_string(&note));
		text_clear(&note);
	}
	if (record->profile.other_faults) {
		text_addf(&note, "the profile of faults is full: %llu are not broken down by kind",
			  (unsigned long long)record->profile.other_faults);
		record_note(record, text_string(&note));
		text_clear(&note);
	}
	if (instructions->misses | instructions->walks | instructions->key.faults) {
		text_addf(&note,
			  "the instruction profile is full at %llu instructions: %llu first-level "
			  "misses, %llu walks and %u faults of others are not broken down",
			  (unsigned long long)record->profile.instructions.used,
			  (unsigned long long)instructions->misses,
			  (unsigned long long)instructions->walks, instructions->key.faults);
		record_note(record, text_string(&note));
		text_clear(&note);
	}
	if (record->mappings.dropped) {
		text_addf(&note, "%llu mappings beyond the first %d are not recorded",
			  (unsigned long long)record->mappings.dropped, MAPPINGS_MAX);
		record_note(record, text_string(&note));
	}
	text_release(&note);
}

/* After a failure there may yet be room for one word; if not, the run stays marked as running. */
static void mark_incomplete(struct record *record)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "UPDATE run SET status = 'incomplete' WHERE id = %lld",
		 (long long)record->run);
	sqlite3_exec(record->db, sql, NULL, NULL, NULL);
}

int record_finish(struct record *record, const struct record_end *end, struct record_error *error)
{
	record->finished = true;
	record->sink.wants = 0;
	note_what_was_dropped(record);
	if (record_begin(record) || record_write_epoch(record, &end->counters) ||
	    record_write_profiles(record, end) || record_write_outcome(record, end) ||
	    record_commit(record)) {
		mark_incomplete(record);
		if (error)
			*error = record->failure;
	}
	return record->failed;
}

void record_destroy(struct record *record)
{
	if (!record)
		return;
	for (unsigned i = 0; i < RECORD_STATEMENTS; i++)
		sqlite3_finalize(record->statement[i]);
	sqlite3_close(record->db); /* rolls back what was not committed */
	profile_release(&record->profile);
	mappings_release(&record->mappings);
	for (unsigned i = 0; i < record->counter_count; i++)
		host_free(record->alloc, record->counters[i].name);
	host_free(record->alloc, record->counters);
	for (unsigned i = 0; i < record->note_count; i++)
		host_free(record->alloc, record->notes[i]);
	host_free(record->alloc, record->deliver_to);
	host_free(record->alloc, record);
}
