/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A record of a run whose events and counters are made by hand. Expected figures are derived from
 * fake_run() (test_record.h) and from the events pushed here.
 */

#include "tests/unit/test_record.h"

#include "analysis/report.h"

static struct record *open_record(const struct record_setup *setup)
{
	struct record *record;
	struct record_error error;

	if (record_open(&record, setup, &error))
		fail_msg("%s", error.text);
	return record;
}

static void finish(struct record *record, struct fake_machine *m)
{
	struct record_end end = fake_end(m);
	struct record_error error;

	if (record_finish(record, &end, &error))
		fail_msg("%s", error.text);
	record_destroy(record);
}

static void push(struct record *record, const struct event *events, size_t count)
{
	struct sink *sink = record_sink(record);

	sink->ops->batch(sink, events, count);
}

/*
 * Two pages of address space 5 and one high page of 6: on the first, 2 misses at level 0 and 1 at
 * level 1, a walk of 40 cycles and one of 60 that faults, a fault served for 500; 9 reads and 4
 * fetches. The second: one miss from another PC. The third, above 2^63: one fetch.
 */
static const struct event sample[] = {
	{ .kind = EVENT_TLB_MISS, .va = 0x7000, .pc = 0x401000, .asid = 5, .level = 0, .value = 2 },
	{ .kind = EVENT_TLB_MISS, .va = 0x7008, .pc = 0x401000, .asid = 5, .level = 1, .value = 2 },
	{ .kind = EVENT_WALK, .va = 0x7008, .pc = 0x401000, .asid = 5, .value = 4, .cycles = 60 },
	{ .kind = EVENT_FAULT, .va = 0x7008, .pc = 0x401000, .asid = 5, .value = 6, .access = 1 },
	{ .kind = EVENT_FAULT_SERVED, .va = 0x7000, .pc = 0x401000, .asid = 5, .cycles = 500 },
	{ .kind = EVENT_TLB_MISS, .va = 0x7ff0, .pc = 0x401000, .asid = 5, .level = 0, .value = 2 },
	{ .kind = EVENT_WALK, .va = 0x7ff0, .pc = 0x401000, .asid = 5, .cycles = 40, .page_lg2 = 12 },
	{ .kind = EVENT_TLB_MISS, .va = 0x9000, .pc = 0x401004, .asid = 5, .level = 0, .value = 2 },
	{ .kind = EVENT_TLB_RETIRE, .va = 0x7000, .pc = 0x401004, .asid = 5, .value = 9 },
	{ .kind = EVENT_TLB_RETIRE, .va = 0x7000, .asid = 5, .value = 4, .access = ACCESS_FETCH },
	{ .kind = EVENT_TLB_RETIRE,
	  .va = 0xffff800000000000,
	  .asid = 6,
	  .value = 1,
	  .access = ACCESS_FETCH },
	{ .kind = EVENT_ACCESS,
	  .va = 0x7000,
	  .pc = 0x401000,
	  .asid = 5,
	  .instruction = 12,
	  .cycle = 70,
	  .value = 8 },
};
enum { SAMPLE = sizeof(sample) / sizeof(sample[0]) };

static void record_sample(const char *path, enum record_detail detail)
{
	struct fake_machine m = { 0 };
	struct record_setup setup = fake_setup(path, detail);
	struct record *record = open_record(&setup);
	struct record_counters now;

	record_mapping(record, &(struct record_mapping){ .start = 0x7000,
							 .length = 0x3000,
							 .path = "[heap]",
							 .asid = 5,
							 .perms = PERM_READ | PERM_WRITE });
	record_mapping(record, &(struct record_mapping){ .start = 0x9000,
							 .length = 0x1000,
							 .path = "/nowhere/lib.so",
							 .asid = 5,
							 .perms = PERM_READ | PERM_EXEC });
	fake_run(&m);
	push(record, sample, SAMPLE);
	now = fake_counters(&m);
	assert_int_equal(record_epoch(record, &now), 0);
	fake_run(&m);
	fake_run(&m);
	record_note(record, "data does not go through the caches");
	record_unknown_syscall(record, 334, "rseq", 2);
	record_unknown_syscall(record, 334, "rseq", 1);
	assert_int_equal(record_setting(record, "tlb.l2.entries", "512"), 0);
	finish(record, &m);
}

static void record_counts_and_ledger(void **state)
{
	const char *path = scratch("counts");
	char lines[12];

	(void)state;
	record_sample(path, RECORD_SUMMARY);
	assert_sound(path);
	assert_answer(path, "SELECT status || exit_status || exit_signal FROM run", "finished30");
	assert_answer(path, "SELECT arguments FROM run", "[\"prog\",\"a b\",\"\\\"quoted\\\"\"]");
	assert_answer(path, "SELECT instructions || ' ' || cycles FROM run", "3000 6000");
	assert_answer(path, "SELECT value FROM counters WHERE name = 'mmu.lookups.read'", "1200");
	assert_answer(path, "SELECT value FROM counters WHERE name = 'cycles.walk_ref'", "900");
	assert_answer(path, "SELECT value FROM counters WHERE name = 'cycles.total'", "6000");
	assert_answer(path, "SELECT sum(cycles) FROM ledger", "6000");
	/* One row for each counter and each line, zero or not. */
	snprintf(lines, sizeof(lines), "%d", CHARGE_COUNT);
	assert_answer(path, "SELECT count(*) FROM ledger", lines);
	assert_answer(path,
		      "SELECT (SELECT count(*) FROM counter) = (SELECT count(*) FROM counter_name)",
		      "1");
	assert_answer(path, "SELECT text FROM note", "data does not go through the caches");
	assert_answer(path, "SELECT number || name || count FROM unknown_syscall", "334rseq3");
	assert_answer(path, "SELECT value FROM setting WHERE name = 'tlb.l2.entries'", "512");
}

static void record_epochs(void **state)
{
	const char *path = scratch("epochs");

	(void)state;
	record_sample(path, RECORD_NONE);
	assert_answer(path, "SELECT count(*) FROM epoch", "2");
	assert_answer(path,
		      "SELECT group_concat(instructions || ':' || cycles || ':' || "
		      "translation_cycles || ':' || os_cycles || ':' || lookups || ':' || walks || "
		      "':' || faults, ' ') FROM (SELECT * FROM epochs ORDER BY epoch)",
		      "1000:2000:400:600:500:8:2 2000:4000:800:1200:1000:16:4");
	assert_answer(path,
		      "SELECT group_concat(delta || '=' || value, ' ') FROM epoch_counters"
		      " WHERE name = 'mmu.walk_refs'",
		      "20=20 40=60");
	/* What stands still has no row. */
	assert_answer(path,
		      "SELECT count(*) FROM epoch_counter d JOIN counter_name n ON n.id = d.name"
		      " WHERE n.name = 'tlb.l1.4k.hits'",
		      "1");
	assert_answer(path, "SELECT count(*) FROM epoch_counter WHERE delta = 0", "0");
	assert_answer(path, "SELECT count(*) FROM page", "0");
}

static void record_views(void **state)
{
	const char *path = scratch("views");

	(void)state;
	record_sample(path, RECORD_SUMMARY);
	assert_answer(path,
		      "SELECT group_concat(level || side || lookups || '/' || misses, ' ')"
		      " FROM tlb_levels",
		      "l1instruction300/0 l1data1200/60 l2data60/24");
	assert_answer(
		path,
		"SELECT miss_rate || ' ' || mpki || ' ' || reach_bytes || ' ' ||"
		" reach_most_bytes || ' ' || reach_in_use_bytes FROM tlb_levels WHERE level = 'l1' AND side = 'data'",
		"0.05 20.0 262144 67108864 196608");
	assert_answer(path,
		      "SELECT walks || ' ' || refs_per_walk || ' ' || cycles || ' ' ||"
		      " cycles_per_walk || ' ' || share FROM walks",
		      "24 2.5 900 37.5 0.15");
	assert_answer(path,
		      "SELECT total || ' ' || base || ' ' || data || ' ' || translation || ' '"
		      " || os || ' ' || lookup FROM cycle_parts",
		      "6000 3000 0 1200 1800 300");
	assert_answer(path,
		      "SELECT group_concat(class || '.' || kind || '=' || count, ' ')"
		      " FROM (SELECT * FROM faults WHERE count ORDER BY class, kind)",
		      "access.read=6 cost.minor=6 service.anonymous=6 walk.not_present=6");
	assert_answer(path,
		      "SELECT bytes || ' ' || peak_bytes || ' ' || tables || ' ' || load_factor"
		      " FROM page_tables",
		      "12288 12288 3 0.0625");
	assert_answer(path, "SELECT share FROM ledger_lines WHERE cause = 'fault_entry'", "0.3");
	assert_answer(path, "SELECT sum(share) FROM ledger_lines", "1.0");
}

static void record_profiles(void **state)
{
	const char *path = scratch("profiles");

	(void)state;
	record_sample(path, RECORD_SUMMARY);
	assert_answer(path, "SELECT count(*) FROM event", "0");
	assert_answer(path,
		      "SELECT group_concat(address || ' ' || coalesce(mapping, '-') || ' ' || "
		      "accesses || ' ' || fetches || ' ' || misses || ' ' || walks || ' ' || "
		      "walk_cycles || ' ' || faults || ' ' || fault_cycles, '; ') FROM pages",
		      "0x7000 [heap] 13 4 2 2 100 1 500; 0x9000 /nowhere/lib.so 0 0 1 0 0 0 0; "
		      "0xffff800000000000 - 1 1 0 0 0 0 0");
	assert_answer(path, "SELECT page_bytes FROM pages WHERE address = '0x7000'", "4096");
	/* The retirement at 0x401004 is not that instruction's doing. */
	assert_answer(
		path,
		"SELECT group_concat(address || ' ' || misses || ' ' || walks || ' ' || "
		"walk_cycles || ' ' || faults || ' ' || fault_cycles, '; ') FROM instructions",
		"0x401000 2 2 100 1 500; 0x401004 1 0 0 0 0");
}

static size_t read_code(void *ctx, asid_t asid, va_t va, void *to, size_t length)
{
	static const uint8_t code[] = { 0x48, 0x8b, 0x07 }; /* mov rax, qword ptr [rdi] */

	(void)ctx;
	if (asid != 5 || va != 0x401000 || length < sizeof(code))
		return 0;
	memcpy(to, code, sizeof(code));
	return sizeof(code);
}

static void record_disassembles(void **state)
{
	const char *path = scratch("disassembles");
	struct fake_machine m = { 0 };
	struct record_setup setup = fake_setup(path, RECORD_SUMMARY);
	struct record *record = open_record(&setup);
	struct record_end end = fake_end(&m);

	(void)state;
	push(record, sample, SAMPLE);
	end.read = read_code;
	assert_int_equal(record_finish(record, &end, NULL), 0);
	record_destroy(record);
	assert_answer(
		path,
		"SELECT hex(bytes) || ' ' || disassembly FROM instruction WHERE pc = 0x401000",
		"488B07 mov rax, qword ptr [rdi]");
	assert_answer(path,
		      "SELECT bytes IS NULL AND disassembly IS NULL FROM instruction"
		      " WHERE pc = 0x401004",
		      "1");
}

/* Of the sample, the three retirements never have rows, and the access only at `all`. */
static void record_detail_levels(void **state)
{
	const char *path = scratch("detail");

	(void)state;
	record_sample(path, RECORD_MISSES);
	record_sample(path, RECORD_ALL);
	record_sample(path, RECORD_SUMMARY);
	record_sample(path, RECORD_NONE);
	assert_sound(path);
	assert_answer(path,
		      "SELECT group_concat(n) FROM (SELECT count(e.id) AS n FROM run r"
		      " LEFT JOIN event e ON e.run = r.id GROUP BY r.id)",
		      "8,9,0,0");
	assert_answer(path,
		      "SELECT group_concat(n) FROM (SELECT count(p.id) AS n FROM run r"
		      " LEFT JOIN page p ON p.run = r.id GROUP BY r.id)",
		      "3,3,3,0");
	assert_answer(path, "SELECT group_concat(event_rows) FROM run", "8,9,0,0");
	assert_answer(path, "SELECT count(*) FROM machine", "1");
	assert_answer(
		path,
		"SELECT run || ' ' || seq || ' ' || kind || ' ' || instruction || ' ' || cycle"
		" || ' ' || pc || ' ' || va || ' ' || access || ' ' || value FROM events"
		" WHERE kind = 'access'",
		"2 8 access 12 70 0x401000 0x7000 read 8");
	assert_answer(path, "SELECT group_concat(seq) FROM event WHERE run = 1", "0,1,2,3,4,5,6,7");
}

static void record_wants_what_the_detail_needs(void **state)
{
	const uint64_t all = (UINT64_C(1) << EVENT_COUNT) - 1;
	const uint64_t access = UINT64_C(1) << EVENT_ACCESS;
	const uint64_t walk = UINT64_C(1) << EVENT_WALK;
	static const enum record_detail details[] = { RECORD_NONE, RECORD_SUMMARY, RECORD_MISSES,
						      RECORD_ALL };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct record_setup setup = fake_setup(scratch("wants"), details[i]);
		struct record *record = open_record(&setup);
		uint64_t wants = record_sink(record)->wants;

		assert_int_equal(wants & access, details[i] == RECORD_ALL ? access : 0);
		assert_int_equal(wants & walk, details[i] == RECORD_NONE ? 0 : walk);
		if (details[i] == RECORD_ALL)
			assert_int_equal(wants, all);
		record_window(record, false);
		assert_int_equal(record_sink(record)->wants & access, 0);
		assert_int_equal(record_sink(record)->wants & walk,
				 details[i] == RECORD_NONE ? 0 : walk);
		record_destroy(record);
	}
}

static void record_window_confines_rows(void **state)
{
	const char *path = scratch("window");
	struct fake_machine m = { 0 };
	struct record_setup setup = fake_setup(path, RECORD_ALL);
	struct record *record;

	(void)state;
	setup.window_closed = true;
	record = open_record(&setup);
	push(record, sample, SAMPLE);
	record_window(record, true);
	push(record, sample, 2);
	record_window(record, false);
	push(record, sample, SAMPLE);
	finish(record, &m);
	assert_answer(path, "SELECT count(*) FROM event", "2");
	assert_answer(path, "SELECT misses FROM pages WHERE address = '0x7000'", "5");
}

static void record_caps_events(void **state)
{
	const char *path = scratch("cap");
	struct fake_machine m = { 0 };
	struct record_setup setup = fake_setup(path, RECORD_MISSES);
	struct record *record;

	(void)state;
	setup.max_events = 10;
	record = open_record(&setup);
	for (unsigned i = 0; i < 5; i++)
		push(record, sample, SAMPLE);
	assert_int_equal(record_sink(record)->wants & (1 << EVENT_TLB_EVICT), 0);
	finish(record, &m);
	assert_answer(path, "SELECT count(*) FROM event", "10");
	assert_answer(path, "SELECT text FROM note", "events stopped after 10 rows (--max-events)");
	assert_answer(path, "SELECT misses FROM pages WHERE address = '0x7000'", "10");
}

static void record_same_input_same_rows(void **state)
{
	const char *left = scratch("left"), *right = scratch("right");
	struct text a = { 0 }, b = { 0 };

	(void)state;
	record_sample(left, RECORD_ALL);
	record_sample(right, RECORD_ALL);
	dump(left, &a);
	dump(right, &b);
	assert_true(a.length > 5000);
	assert_string_equal(text_string(&a), text_string(&b));
	text_release(&a);
	text_release(&b);
}

/* Deleting a run takes everything of it along and nothing else. */
static void record_deletes_a_run(void **state)
{
	const char *path = scratch("delete");
	sqlite3 *db;

	(void)state;
	record_sample(path, RECORD_ALL);
	record_sample(path, RECORD_ALL);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA foreign_keys = on; DELETE FROM run WHERE id = 1",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_sound(path);
	assert_answer(path, "SELECT min(run) || max(run) || count(*) FROM event", "229");
	assert_answer(path, "SELECT min(run) || max(run) FROM counter", "22");
	assert_answer(path, "SELECT min(run) || max(run) FROM epoch_counter", "22");
	assert_answer(path, "SELECT min(run) || max(run) FROM page", "22");
}

/* A number in the file is by name: another pagewalk's numbers are left alone. */
static void record_keeps_numbers_of_names(void **state)
{
	const char *path = scratch("names");
	sqlite3 *db;

	(void)state;
	record_sample(path, RECORD_ALL);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "PRAGMA foreign_keys = on; DELETE FROM run;"
				      "UPDATE event_kind SET id = 900 WHERE name = 'access';"
				      "UPDATE cause SET id = 901 WHERE name = 'base'",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	record_sample(path, RECORD_ALL);
	assert_answer(path, "SELECT kind FROM event WHERE instruction = 12", "900");
	assert_answer(path, "SELECT value FROM counters WHERE name = 'cycles.base'", "3000");
}

static void record_report(void **state)
{
	static const char *const parts[] = {
		"run 1    /bin/prog a b \"quoted\"\n",
		"exit status 3",
		"toy, page table radix, 16 MiB",
		"instructions            3,000",
		"translation           1,200  20.00 %",
		"0.4000 per instruction, 0.8000 per lookup",
		"modelled, in order; not a prediction",
		"2.50 references and 37.5 cycles each, 15.00 % of cycles",
		"5.000 %   20.000   256 KiB",
		"6 minor, 0 major: 6 anonymous",
		"12 KiB (peak 12 KiB), 96 entries in 1 + 2 tables, the root first",
		"0x7000 [heap]",
		"note: data does not go through the caches",
		"note: 1 kinds of unknown system calls",
	};
	const char *path = scratch("report");
	struct record_error error;
	struct text out = { 0 };
	unsigned lines = 0;

	(void)state;
	record_sample(path, RECORD_SUMMARY);
	assert_int_equal(report_print(path, 0, collect, &out, &error), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(text_string(&out), parts[i]))
			fail_msg("'%s' is not in:\n%s", parts[i], text_string(&out));
	for (const char *c = text_string(&out); *c; c++)
		lines += *c == '\n';
	assert_in_range(lines, 20, 40);
	assert_int_equal(report_print(path, 7, collect, &out, &error), PW_ABSENT);
	assert_non_null(strstr(error.text, "no run 7"));
	text_release(&out);
}

/* Counters that appear late, vanish or change places are still told apart by name. */
static void shifting_enumerate(void *source, counter_visit_fn *visit, void *ctx)
{
	if (*(const int *)source == 1)
		visit(ctx, "b", "second", 10);
	visit(ctx, "a", "first", 5);
	if (*(const int *)source == 2)
		visit(ctx, "b", "second", 7);
}

static void record_counters_change_places(void **state)
{
	const char *path = scratch("places");
	struct record_setup setup = fake_setup(path, RECORD_NONE);
	struct record *record = open_record(&setup);
	struct ledger ledger = { 0 };
	int phase = 0;
	struct record_counters now = { 10, &ledger, shifting_enumerate, &phase };
	struct record_end end = { .counters = now };

	(void)state;
	for (; phase < 3; phase++)
		assert_int_equal(record_epoch(record, &now), 0);
	assert_int_equal(record_finish(record, &end, NULL), 0);
	record_destroy(record);
	assert_answer(path, "SELECT group_concat(value) FROM counters WHERE name IN ('a', 'b')",
		      "5,7");
	assert_answer(path, "SELECT group_concat(delta) FROM epoch_counter", "5,10,-3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_counts_and_ledger),
		cmocka_unit_test(record_epochs),
		cmocka_unit_test(record_views),
		cmocka_unit_test(record_profiles),
		cmocka_unit_test(record_disassembles),
		cmocka_unit_test(record_detail_levels),
		cmocka_unit_test(record_wants_what_the_detail_needs),
		cmocka_unit_test(record_window_confines_rows),
		cmocka_unit_test(record_caps_events),
		cmocka_unit_test(record_same_input_same_rows),
		cmocka_unit_test(record_deletes_a_run),
		cmocka_unit_test(record_keeps_numbers_of_names),
		cmocka_unit_test(record_report),
		cmocka_unit_test(record_counters_change_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
