/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_UNIT_TEST_RECORD_H
#define PAGEWALK_TESTS_UNIT_TEST_RECORD_H

/* What the tests of analysis/ share: a small machine's counters, events, and asking SQLite. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/query.h"
#include "analysis/record.h"
#include "analysis/text.h"

/* A file in the test's own directory; nothing is there yet. Good until the next call but three. */
static inline const char *scratch(const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	const char *directory = getenv("PAGEWALK_TEST_TMP");
	char *path = paths[turn++ % 4], journal[600];

	snprintf(path, sizeof(paths[0]), "%s/%s.%d", directory ? directory : "/tmp", name,
		 (int)getpid());
	snprintf(journal, sizeof(journal), "%s-journal", path);
	unlink(path);
	unlink(journal);
	return path;
}

/* --- a machine that only counts -------------------------------------------------------------- */

struct fake_machine {
	uint64_t instructions, read_lookups, fetch_lookups, l1_misses, l2_misses, walks, walk_refs;
	uint64_t minor, table_bytes;
	struct ledger ledger;
};

static inline void fake_enumerate(void *source, counter_visit_fn *visit, void *ctx)
{
	const struct fake_machine *m = source;

	visit(ctx, "machine.instructions", "instructions retired", m->instructions);
	visit(ctx, "machine.loads", "loads", m->read_lookups);
	visit(ctx, "machine.stores", "stores", 0);
	visit(ctx, "machine.fetches", "fetches", m->fetch_lookups);
	visit(ctx, "mmu.lookups.read", "lookups by loads", m->read_lookups);
	visit(ctx, "mmu.lookups.write", "lookups by stores", 0);
	visit(ctx, "mmu.lookups.fetch", "lookups by fetches", m->fetch_lookups);
	visit(ctx, "mmu.walks.read", "walks by loads", m->walks);
	visit(ctx, "mmu.walks.write", "walks by stores", 0);
	visit(ctx, "mmu.walks.fetch", "walks by fetches", 0);
	visit(ctx, "mmu.faults.not_present", "absent", m->minor);
	visit(ctx, "mmu.walk_leaves", "leaves", m->walks - m->minor);
	visit(ctx, "mmu.walk_faults", "faults", m->minor);
	visit(ctx, "mmu.walk_refs", "references", m->walk_refs);
	visit(ctx, "tlb.l1.instruction.hits", "hits", m->fetch_lookups);
	visit(ctx, "tlb.l1.instruction.misses", "misses", 0);
	visit(ctx, "tlb.l1.data.hits", "hits", m->read_lookups - m->l1_misses);
	visit(ctx, "tlb.l1.data.misses", "misses", m->l1_misses);
	visit(ctx, "tlb.l1.4k.hits", "hits of an array", 7);
	visit(ctx, "tlb.l1.data.reach_bytes.4K", "reach", 64 << 12);
	visit(ctx, "tlb.l1.data.reach_bytes.2M", "reach", 32 << 21);
	visit(ctx, "tlb.l1.data.reach_in_use_bytes", "reach", 48 << 12);
	visit(ctx, "tlb.l2.data.hits", "hits", m->l1_misses - m->l2_misses);
	visit(ctx, "tlb.l2.data.misses", "misses", m->l2_misses);
	visit(ctx, "kernel.faults_minor", "minor", m->minor);
	visit(ctx, "kernel.faults_major", "major", 0);
	visit(ctx, "kernel.faults_read", "read", m->minor);
	visit(ctx, "kernel.fault_anonymous", "anonymous", m->minor);
	visit(ctx, "page_table.bytes", "bytes", m->table_bytes);
	visit(ctx, "page_table.frames_peak", "peak", m->table_bytes / 4096);
	visit(ctx, "page_table.entries", "entries", 96);
	visit(ctx, "page_table.slots", "slots", 1536);
	visit(ctx, "page_table.tables_level0", "tables", 2);
	visit(ctx, "page_table.tables_level1", "tables", 1);
}

static inline struct record_counters fake_counters(struct fake_machine *m)
{
	return (struct record_counters){ m->instructions, &m->ledger, fake_enumerate, m };
}

/* Another thousand instructions; all figures below are multiples of what happens here. */
static inline void fake_run(struct fake_machine *m)
{
	m->instructions += 1000;
	m->read_lookups += 400;
	m->fetch_lookups += 100;
	m->l1_misses += 20;
	m->l2_misses += 8;
	m->walks += 8;
	m->walk_refs += 20;
	m->minor += 2;
	m->table_bytes = 12288;
	ledger_charge(&m->ledger, CHARGE_BASE, 1000);
	ledger_charge(&m->ledger, CHARGE_TLB_LOOKUP, 100);
	ledger_charge(&m->ledger, CHARGE_WALK_REF, 300);
	ledger_charge(&m->ledger, CHARGE_FAULT_ENTRY, 600);
}

static const char *const fake_arguments[] = { "prog", "a b", "\"quoted\"", NULL };
static const char *const fake_environment[] = { "LANG=C", NULL };

static inline struct record_setup fake_setup(const char *path, enum record_detail detail)
{
	return (struct record_setup){
		.db_path = path,
		.detail = detail,
		.lock_wait_ms = 50,
		.run = { .source = "live",
			 .program = "/bin/prog",
			 .arguments = fake_arguments,
			 .environment = fake_environment,
			 .machine_name = "toy",
			 .machine_text = "tlb: {}\n",
			 .page_table = "radix",
			 .version = "0.1.0",
			 .seed = 1,
			 .ram_bytes = 1 << 24,
			 .epoch_instructions = 1000,
			 .measured = true },
	};
}

static inline struct record_end fake_end(struct fake_machine *m)
{
	return (struct record_end){ .counters = fake_counters(m), .exit_status = 3 };
}

/* --- asking ---------------------------------------------------------------------------------- */

/* The only value of the answer, as text ("NULL" for NULL). Good until the next call but three. */
static inline const char *ask(const char *path, const char *sql)
{
	static char answers[4][4096];
	static unsigned turn;
	char *answer = answers[turn++ % 4];
	sqlite3_stmt *statement;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(statement) != SQLITE_ROW)
		fail_msg("no row: %s (%s)", sql, sqlite3_errmsg(db));
	if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
		strcpy(answer, "NULL");
	else
		snprintf(answer, sizeof(answers[0]), "%s",
			 (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return answer;
}

#define assert_answer(path, sql, expected) assert_string_equal(ask(path, sql), expected)

/* The file is sound: its pages, its constraints, its foreign keys. */
static inline void assert_sound(const char *path)
{
	assert_answer(path, "PRAGMA integrity_check", "ok");
	assert_answer(path, "SELECT count(*) FROM pragma_foreign_key_check", "0");
	assert_answer(path, "SELECT count(*) FROM pragma_foreign_key_list('event')", "2");
}

static inline int collect(void *ctx, const char *bytes, size_t length)
{
	text_add(ctx, bytes, length);
	return 0;
}

/* Every run's rows but for host_* columns: two records of the same input must agree on it. */
static inline void dump(const char *path, struct text *out)
{
	static const char *const queries[] = {
		"SELECT id, status, source, label, program, arguments, environment, machine,"
		" page_table, version, seed, clock_start_ns, ram_bytes, measured, detail, max_events,"
		" epoch_instructions, instructions, cycles, event_rows, exit_status, exit_signal"
		" FROM run",
		"SELECT * FROM machine",
		"SELECT * FROM setting",
		"SELECT * FROM note",
		"SELECT * FROM unknown_syscall",
		"SELECT * FROM mapping",
		"SELECT * FROM counter_name",
		"SELECT * FROM counter",
		"SELECT * FROM cause",
		"SELECT * FROM ledger",
		"SELECT * FROM epoch",
		"SELECT * FROM epoch_counter",
		"SELECT * FROM epoch_ledger",
		"SELECT * FROM page",
		"SELECT * FROM page_fault",
		"SELECT * FROM instruction",
		"SELECT * FROM event_kind",
		"SELECT * FROM event",
	};
	const struct query_output output = { QUERY_CSV, collect, out };

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct record_error error;

		if (query_run(path, queries[i], &output, &error))
			fail_msg("%s", error.text);
	}
}

#endif
