/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The rows about a run: machine, run, settings, notes, mappings, outcome; and the numbers that
 * kinds of event and causes of cycles have in this file, which are by name and not those of our
 * enums, since an older or newer pagewalk may have written to the same file.
 */

#include "analysis/record_private.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mmu/fnv1a.h"

/* --- names ----------------------------------------------------------------------------------- */

static const char *const detail_names[] = {
	[DETAIL_SUMMARY] = "summary",
	[DETAIL_MISSES] = "misses",
	[DETAIL_ALL] = "all",
};
static const char *const record_detail_names[] = {
	[RECORD_NONE] = "none",
	[RECORD_SUMMARY] = "summary",
	[RECORD_MISSES] = "misses",
	[RECORD_ALL] = "all",
};

/* Enters a row by its name or finds it; the statement takes name, group, doc. 0: failed. */
static int64_t enter_name(sqlite3_stmt *statement, const char *name, const char *group,
			  const char *doc)
{
	int64_t id = 0;

	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, group, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, doc, -1, SQLITE_STATIC);
	if (sqlite3_step(statement) == SQLITE_ROW)
		id = sqlite3_column_int64(statement, 0);
	return sqlite3_reset(statement) == SQLITE_OK ? id : 0;
}

static int enter_kinds(struct record *record)
{
	sqlite3_stmt *statement = record_prepare(
		record, "INSERT INTO event_kind (name, detail, doc) VALUES (?, ?, ?)"
			" ON CONFLICT (name) DO UPDATE SET doc = excluded.doc RETURNING id");

	for (unsigned i = 0; i < EVENT_COUNT && !record->failed; i++) {
		record->kind_id[i] = enter_name(statement, event_infos[i].name,
						detail_names[event_infos[i].detail],
						event_infos[i].doc);
		if (!record->kind_id[i])
			record_fail(record, "enter the kinds of event");
	}
	sqlite3_finalize(statement);
	return record->failed;
}

static int enter_causes(struct record *record)
{
	sqlite3_stmt *statement = record_prepare(
		record, "INSERT INTO cause (name, part, doc) VALUES (?, ?, ?)"
			" ON CONFLICT (name) DO UPDATE SET doc = excluded.doc RETURNING id");

	for (unsigned i = 0; i < CHARGE_COUNT && !record->failed; i++) {
		record->cause_id[i] = enter_name(statement, charge_infos[i].name,
						 ledger_part_names[charge_infos[i].part],
						 charge_infos[i].doc);
		if (!record->cause_id[i])
			record_fail(record, "enter the causes of cycles");
	}
	sqlite3_finalize(statement);
	return record->failed;
}

int record_write_names(struct record *record)
{
	return enter_kinds(record) || enter_causes(record) ? record->failed : 0;
}

/* --- machine and run ------------------------------------------------------------------------- */

static int64_t digest(const char *name, const char *text)
{
	/* The NUL keeps the two apart. */
	return (int64_t)fnv1a(fnv1a(FNV1A_START, name, strlen(name) + 1), text, strlen(text));
}

static int64_t find_machine(struct record *record, const char *name, const char *text)
{
	sqlite3_stmt *find = record_prepare(
		record, "SELECT id FROM machine WHERE digest = ? AND name = ? AND description = ?");
	int64_t id = 0;

	if (!find)
		return 0;
	sqlite3_bind_int64(find, 1, digest(name, text));
	sqlite3_bind_text(find, 2, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(find, 3, text, -1, SQLITE_STATIC);
	if (sqlite3_step(find) == SQLITE_ROW)
		id = sqlite3_column_int64(find, 0);
	sqlite3_finalize(find);
	return id;
}

static int64_t enter_machine(struct record *record, const char *name, const char *text)
{
	int64_t id = find_machine(record, name, text);
	sqlite3_stmt *insert;

	if (id || record->failed)
		return id;
	insert = record_prepare(record,
				"INSERT INTO machine (name, digest, description) VALUES (?, ?, ?)");
	if (insert && database_run(insert, "tit", name, digest(name, text), text) != SQLITE_OK)
		record_fail(record, "enter the machine");
	sqlite3_finalize(insert);
	return sqlite3_last_insert_rowid(record->db);
}

static void json_strings(struct text *out, const char *const *strings)
{
	text_puts(out, "[");
	for (unsigned i = 0; strings && strings[i]; i++) {
		if (i)
			text_puts(out, ",");
		text_json(out, strings[i], strlen(strings[i]));
	}
	text_puts(out, "]");
}

/* What depends on where the model runs and not on what it is asked. */
static int write_host(struct record *record)
{
	sqlite3_stmt *update = record_prepare(
		record,
		"UPDATE run SET host_name = ?, host_kernel = ?, host_cpus = ?, host_pid = ?,"
		" host_started = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = ?");
	struct utsname host;
	struct text kernel = { 0 };

	if (!update)
		return record->failed;
	if (uname(&host) != 0)
		memset(&host, 0, sizeof(host));
	text_addf(&kernel, "%s %s %s", host.sysname, host.release, host.machine);
	if (database_run(update, "ttiii", host.nodename, text_string(&kernel),
			 (int64_t)sysconf(_SC_NPROCESSORS_ONLN), (int64_t)getpid(),
			 record->run) != SQLITE_OK)
		record_fail(record, "enter the run");
	text_release(&kernel);
	sqlite3_finalize(update);
	return record->failed;
}

static const char *or_empty(const char *string)
{
	return string ? string : "";
}

static int insert_run(struct record *record, const struct record_setup *setup, int64_t machine)
{
	const struct record_run *run = &setup->run;
	struct text arguments = { 0 }, environment = { 0 };
	sqlite3_stmt *insert = record_prepare(
		record,
		"INSERT INTO run (status, source, trace, label, program, arguments, environment,"
		" machine, page_table, version, seed, clock_start_ns, ram_bytes, measured, detail,"
		" max_events, epoch_instructions, instructions, cycles, event_rows)"
		" VALUES ('running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)");

	json_strings(&arguments, run->arguments);
	json_strings(&environment, run->environment);
	if (arguments.failed || environment.failed)
		record_fail_memory(record);
	else if (insert &&
		 database_run(insert, "ttttttittiiiitii", run->source ? run->source : "live",
			      run->trace, run->label, or_empty(run->program),
			      text_string(&arguments), text_string(&environment), machine,
			      or_empty(run->page_table), or_empty(run->version), (int64_t)run->seed,
			      (int64_t)run->clock_start_ns, (int64_t)run->ram_bytes,
			      (int64_t)run->measured, record_detail_names[setup->detail],
			      (int64_t)setup->max_events,
			      (int64_t)run->epoch_instructions) != SQLITE_OK)
		record_fail(record, "enter the run");
	record->run = sqlite3_last_insert_rowid(record->db);
	sqlite3_finalize(insert);
	text_release(&arguments);
	text_release(&environment);
	return record->failed;
}

int record_write_run(struct record *record, const struct record_setup *setup)
{
	int64_t machine = enter_machine(record, or_empty(setup->run.machine_name),
					or_empty(setup->run.machine_text));

	if (record->failed || insert_run(record, setup, machine))
		return record->failed;
	return write_host(record);
}

int record_setting(struct record *record, const char *name, const char *value)
{
	bool own = !record->in_transaction;
	sqlite3_stmt *insert;

	if (record_begin(record))
		return record->failed;
	insert = record_prepare(record, "INSERT OR REPLACE INTO setting (run, name, value)"
					" VALUES (?, ?, ?)");
	if (insert && database_run(insert, "itt", record->run, name, value) != SQLITE_OK)
		record_fail(record, "write a setting");
	sqlite3_finalize(insert);
	return own ? record_commit(record) : record->failed;
}

/* --- what came up during the run ------------------------------------------------------------- */

static int write_notes(struct record *record)
{
	sqlite3_stmt *insert;

	if (record->notes_written == record->note_count)
		return record->failed;
	insert = record_prepare(record, "INSERT INTO note (run, number, text) VALUES (?, ?, ?)");
	for (; insert && record->notes_written < record->note_count; record->notes_written++) {
		if (database_run(insert, "iit", record->run, (int64_t)record->notes_written + 1,
				 record->notes[record->notes_written]) != SQLITE_OK) {
			record_fail(record, "write notes");
			break;
		}
	}
	sqlite3_finalize(insert);
	return record->failed;
}

static int write_mapping(struct record *record, sqlite3_stmt *insert, struct mapping_entry *entry)
{
	const struct record_mapping *mapping = &entry->mapping;
	const char permissions[] = { mapping->perms & PERM_READ ? 'r' : '-',
				     mapping->perms & PERM_WRITE ? 'w' : '-',
				     mapping->perms & PERM_EXEC ? 'x' : '-', '\0' };

	if (database_run(insert, "iiiiitt", record->run, (int64_t)mapping->asid,
			 (int64_t)mapping->start, (int64_t)mapping->length,
			 (int64_t)mapping->offset, permissions, mapping->path) != SQLITE_OK)
		return record_fail(record, "write mappings");
	entry->id = sqlite3_last_insert_rowid(record->db);
	return 0;
}

static int write_mappings(struct record *record)
{
	sqlite3_stmt *insert;

	if (record->mappings_written == record->mappings.count)
		return record->failed;
	insert = record_prepare(record, "INSERT INTO mapping (run, asid, start, length, offset,"
					" permissions, path) VALUES (?, ?, ?, ?, ?, ?, ?)");
	for (; insert && record->mappings_written < record->mappings.count;
	     record->mappings_written++)
		if (write_mapping(record, insert,
				  &record->mappings.entry[record->mappings_written]))
			break;
	sqlite3_finalize(insert);
	return record->failed;
}

int record_write_pending(struct record *record)
{
	return write_notes(record) || write_mappings(record) ? record->failed : 0;
}

static int write_syscalls(struct record *record)
{
	sqlite3_stmt *insert = record_prepare(
		record,
		"INSERT INTO unknown_syscall (run, number, name, count) VALUES (?, ?, ?, ?)");

	for (unsigned i = 0; insert && i < record->syscall_count; i++) {
		const struct unknown_syscall *syscall = &record->syscall[i];

		if (database_run(insert, "iiti", record->run, (int64_t)syscall->number,
				 syscall->name[0] ? syscall->name : NULL,
				 (int64_t)syscall->count) != SQLITE_OK) {
			record_fail(record, "write unknown system calls");
			break;
		}
	}
	sqlite3_finalize(insert);
	return record->failed;
}

int record_write_outcome(struct record *record, const struct record_end *end)
{
	sqlite3_stmt *update;

	if (record_write_pending(record) || write_syscalls(record))
		return record->failed;
	update = record_prepare(record,
				"UPDATE run SET status = ?2, exit_status = iif(?3, ?4, NULL),"
				" exit_signal = iif(?3, ?5, NULL) WHERE id = ?1");
	if (update &&
	    database_run(update, "itiii", record->run,
			 end->ending == RECORD_STOPPED ? "stopped" : "finished",
			 (int64_t)(end->ending == RECORD_ENDED), (int64_t)end->exit_status,
			 (int64_t)end->exit_signal) != SQLITE_OK)
		record_fail(record, "write the outcome");
	sqlite3_finalize(update);
	return record->failed;
}
