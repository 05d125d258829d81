/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Held records: delivered one after another they leave in the file what recording there would have
 * left, whatever the order in which they were made; and nothing before.
 */

#include "tests/unit/test_record.h"

#include <sys/stat.h>

enum { RUNS = 3 };

/* Run n: machines 0 and 2 are the same one; each has a counter that the others lack. */
struct sample {
	struct fake_machine machine;
	unsigned n;
};

static void enumerate_sample(void *source, counter_visit_fn *visit, void *ctx)
{
	static const char *const own[RUNS] = { "own.zero", "own.one", "own.two" };
	struct sample *sample = source;

	visit(ctx, own[sample->n], "a counter of this machine", 5);
	fake_enumerate(&sample->machine, visit, ctx);
}

static struct record_counters counters_of(struct sample *sample)
{
	return (struct record_counters){ sample->machine.instructions, &sample->machine.ledger,
					 enumerate_sample, sample };
}

static void push_events(struct record *record, unsigned n)
{
	struct sink *sink = record_sink(record);
	const struct event events[] = {
		{ .kind = EVENT_TLB_MISS, .va = 0x7000 + n * 4096, .pc = 0x401000, .asid = 5 },
		{ .kind = EVENT_WALK, .va = 0x7000, .pc = 0x401000, .asid = 5, .cycles = 40 + n },
		{ .kind = EVENT_FAULT_SERVED, .va = 0x7000, .asid = 5, .cycles = 500 },
		{ .kind = EVENT_TLB_RETIRE, .va = 0x7000, .asid = 5, .value = 9 },
	};

	sink->ops->batch(sink, events, sizeof(events) / sizeof(events[0]) - n);
}

static void say(struct record *record, unsigned n)
{
	record_mapping(record, &(struct record_mapping){ .start = 0x7000,
							 .length = 0x1000 * (n + 1),
							 .path = n ? "[heap]" : NULL,
							 .asid = 5,
							 .perms = PERM_READ });
	record_mapping(record,
		       &(struct record_mapping){
			       .start = 0x9000, .length = 0x1000, .path = "/x", .asid = 5 });
	record_note(record, "a note");
	record_unknown_syscall(record, 334 + n, "rseq", 2);
	assert_int_equal(record_setting(record, "ram", n ? "64M" : "32M"), 0);
}

/* Up to record_finish(). */
static struct record *make(const char *path, unsigned n, bool held)
{
	struct record_setup setup = fake_setup(path, RECORD_ALL);
	struct sample sample = { .n = n };
	struct record_counters now;
	struct record_error error;
	struct record_end end;
	struct record *record;

	setup.held = held;
	setup.run.machine_name = n == 1 ? "other" : "toy";
	if (record_open(&record, &setup, &error))
		fail_msg("%s", error.text);
	fake_run(&sample.machine);
	push_events(record, n);
	now = counters_of(&sample);
	assert_int_equal(record_epoch(record, &now), 0);
	say(record, n);
	fake_run(&sample.machine);
	end = (struct record_end){ .counters = counters_of(&sample), .exit_status = (int)n };
	if (record_finish(record, &end, &error))
		fail_msg("%s", error.text);
	return record;
}

static void deliver(struct record *record, int64_t run)
{
	struct record_error error;

	if (record_deliver(record, &error))
		fail_msg("%s", error.text);
	assert_int_equal(record_run_id(record), run);
	record_destroy(record);
}

static void record_deliver_leaves_the_same_rows(void **state)
{
	const char *direct = scratch("direct"), *held = scratch("held");
	struct text a = { 0 }, b = { 0 };
	struct record *made[RUNS];

	(void)state;
	for (unsigned n = 0; n < RUNS; n++)
		record_destroy(make(direct, n, false));
	for (unsigned n = RUNS; n-- > 0;)
		made[n] = make(held, n, true);
	for (unsigned n = 0; n < RUNS; n++)
		deliver(made[n], n + 1);
	assert_sound(held);
	/* Two machines, three counters of their own: the samples do differ. */
	assert_answer(held, "SELECT count(*) FROM machine", "2");
	assert_answer(held, "SELECT count(*) FROM counter_name WHERE name LIKE 'own.%'", "3");
	assert_answer(held, "SELECT count(*) FROM page WHERE mapping IS NOT NULL", "5");
	dump(direct, &a);
	dump(held, &b);
	assert_true(a.length > 5000);
	assert_string_equal(text_string(&a), text_string(&b));
	text_release(&a);
	text_release(&b);
}

static void record_held_stays_out_of_the_file(void **state)
{
	const char *path = scratch("out");
	struct stat status;

	(void)state;
	record_destroy(make(path, 0, true));
	assert_int_not_equal(stat(path, &status), 0);
	deliver(make(path, 1, true), 1);
	record_destroy(make(path, 2, true));
	assert_answer(path, "SELECT count(*) FROM run", "1");
	assert_sound(path);
}

/* All or nothing: another writer holds the file, then lets go. */
static void record_deliver_waits_or_fails_whole(void **state)
{
	const char *path = scratch("locked");
	struct record *record;
	struct record_error error;
	sqlite3 *db;

	(void)state;
	deliver(make(path, 0, true), 1);
	record = make(path, 1, true);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(record_deliver(record, &error), PW_IO);
	assert_non_null(strstr(error.text, "another process is writing to it"));
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_answer(path, "SELECT count(*) FROM run", "1");
	deliver(record, 2);
	assert_sound(path);
}

static void record_check_file_says_why_not(void **state)
{
	const char *path = scratch("foreign");
	struct record_error error;
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	fputs("this is no database at all, but long enough to be looked at", file);
	fclose(file);
	assert_int_equal(record_check_file(path, &error), PW_INVALID);
	assert_non_null(strstr(error.text, "not a SQLite database"));
	assert_int_equal(record_check_file(scratch("fresh"), &error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_deliver_leaves_the_same_rows),
		cmocka_unit_test(record_held_stays_out_of_the_file),
		cmocka_unit_test(record_deliver_waits_or_fails_whole),
		cmocka_unit_test(record_check_file_says_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
