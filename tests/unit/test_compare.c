/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs side by side: figures, ratios and the best against values by hand, which runs a name means,
 * what makes runs unlike, and the formats.
 */

#include "tests/unit/test_record.h"

#include "analysis/compare.h"

static char own_path[512];
static const char *const db_path = own_path;

static struct record *open_record(const char *machine, const char *label, const char *program)
{
	struct record_setup setup = fake_setup(db_path, RECORD_NONE);
	struct record_error error;
	struct record *record;

	setup.run.machine_name = machine;
	setup.run.label = label;
	setup.run.program = program;
	if (record_open(&record, &setup, &error))
		fail_msg("%s", error.text);
	return record;
}

static void finish(struct record *record, struct fake_machine *m)
{
	struct record_end end = fake_end(m);

	assert_int_equal(record_finish(record, &end, NULL), 0);
	record_destroy(record);
}

/*
 * Run 1: fake_run() as it stands. Run 2: half the misses of L1 and the references, twice the walk
 * cycles, four times the page tables. Run 3: as run 1, but of half as many walks, and killed.
 */
static int set_up(void **state)
{
	struct fake_machine first = { 0 }, second = { 0 }, third = { 0 };
	struct record_counters now;
	struct record *record;

	(void)state;
	snprintf(own_path, sizeof(own_path), "%s", scratch("compare.db"));
	fake_run(&first);
	record = open_record("toy", "base", "/bin/prog");
	assert_int_equal(record_setting(record, "tlb.l2.entries", "512"), 0);
	assert_int_equal(record_setting(record, "os.ram", "1G"), 0);
	finish(record, &first);

	fake_run(&second);
	second.l1_misses = 10;
	second.walk_refs = 10;
	second.table_bytes = 4 * 12288;
	ledger_charge(&second.ledger, CHARGE_WALK_REF, 300);
	record = open_record("other", "wide", "/bin/prog");
	assert_int_equal(record_setting(record, "tlb.l2.entries", "1024"), 0);
	assert_int_equal(record_setting(record, "os.ram", "1G"), 0);
	finish(record, &second);

	fake_run(&third);
	third.walks = 4;
	record = open_record("toy", "wide", "/bin/prog");
	assert_int_equal(record_setting(record, "os.ram", "1G"), 0);
	now = fake_counters(&third);
	assert_int_equal(record_epoch(record, &now), 0);
	record_destroy(record);
	return 0;
}

static struct comparison *compare(const char *const *names, size_t count)
{
	struct comparison *c;
	struct record_error error;

	if (comparison_open(&c, db_path, names, count, &error))
		fail_msg("%s", error.text);
	return c;
}

static const char *print(const struct comparison *c, enum compare_format format, size_t columns)
{
	static struct text out;

	text_clear(&out);
	comparison_print(c, format, columns, &out);
	assert_false(out.failed);
	return text_string(&out);
}

static void sort_by(struct comparison *c, const char *name)
{
	size_t index = 0;

	while (comparison_metric(c, index) && strcmp(comparison_metric(c, index), name) != 0)
		index++;
	assert_non_null(comparison_metric(c, index));
	comparison_sort(c, index);
}

/* A cell of the CSV; row 0 is its head. No value of these tests holds a comma. */
static const char *cell(const struct comparison *c, unsigned row, const char *name)
{
	static char values[4][256];
	static unsigned turn;
	char *value = values[turn++ % 4];
	const char *line = print(c, COMPARE_CSV, 0);
	size_t column = 0, length = strlen(name);
	const char *head = line;

	while (strncmp(head, name, length) != 0 || (head[length] != ',' && head[length] != '\n')) {
		head += strcspn(head, ",\n");
		if (*head++ != ',')
			fail_msg("no column %s", name);
		column++;
	}
	for (unsigned i = 0; i < row; i++)
		line = strchr(line, '\n') + 1;
	while (column--)
		line = strchr(line, ',') + 1;
	snprintf(value, sizeof(values[0]), "%.*s", (int)strcspn(line, ",\n"), line);
	return value;
}

#define assert_cell(c, row, name, expected) assert_string_equal(cell(c, row, name), expected)

/* --- figures --------------------------------------------------------------------------------- */

static void compare_metrics_by_hand(void **state)
{
	static const struct {
		const char *name, *one, *two, *ratio;
	} figures[] = {
		{ "instructions", "1000", "1000", "1.0" },
		{ "accesses", "500", "500", "1.0" },  /* 400 loads + 100 fetches */
		{ "mpki.l1", "20.0", "10.0", "0.5" }, /* 20 + 0 misses in 1000 instructions */
		{ "mpki.l1.instruction", "0.0", "0.0", "" },
		{ "mpki.l1.data", "20.0", "10.0", "0.5" },
		{ "mpki.l2", "8.0", "8.0", "1.0" },
		{ "mpki.l2.data", "8.0", "8.0", "1.0" },
		{ "wpki", "8.0", "8.0", "1.0" },
		{ "walks", "8", "8", "1.0" },
		{ "refs_per_walk", "2.5", "1.25", "0.5" },    /* 20 / 8, 10 / 8 */
		{ "cycles_per_walk", "37.5", "75.0", "2.0" }, /* 300 / 8, 600 / 8 */
		{ "walk_per_instruction", "0.3", "0.6", "2.0" },
		{ "translation_per_instruction", "0.4", "0.7", "1.75" }, /* and 100 of lookups */
		{ "translation_per_access", "0.8", "1.4", "1.75" },      /* 400 / 500, 700 / 500 */
		{ "data_per_instruction", "0.0", "0.0", "" },
		{ "os_per_instruction", "0.6", "0.6", "1.0" },
		{ "cycles", "2000", "2300", "1.15" }, /* 1000 + 400 + 600, and 300 */
		{ "faults_minor", "2", "2", "1.0" },
		{ "faults_major", "0", "0", "" },
		{ "faults_signalled", "", "", "" }, /* this machine does not count them */
		{ "page_table_bytes", "12288", "49152", "4.0" },
		{ "page_table_peak_bytes", "12288", "49152", "4.0" },
		{ "pages_swapped_in", "", "", "" },
	};
	static const char *const names[] = { "1", "2" };
	struct comparison *c = compare(names, 2);
	char ratio[64];

	(void)state;
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		snprintf(ratio, sizeof(ratio), "ratio.%s", figures[i].name);
		assert_cell(c, 1, figures[i].name, figures[i].one);
		assert_cell(c, 2, figures[i].name, figures[i].two);
		assert_cell(c, 2, ratio, figures[i].ratio);
	}
	assert_cell(c, 1, "best",
		    "cycles_per_walk walk_per_instruction translation_per_instruction "
		    "translation_per_access cycles page_table_bytes page_table_peak_bytes");
	assert_cell(c, 2, "best", "mpki.l1 mpki.l1.data refs_per_walk");
	comparison_close(c);
}

/* The same figures from SQL: what the command prints can be asked for. */
static void compare_is_a_query(void **state)
{
	(void)state;
	assert_answer(db_path,
		      "SELECT walk_per_instruction || ' ' || refs_per_walk || ' ' || accesses"
		      " || ' ' || page_table_peak_bytes FROM metrics WHERE run = 2",
		      "0.6 1.25 500 49152");
	assert_answer(db_path, "SELECT group_concat(coalesce(cut_short, '-')) FROM runs",
		      "-,-,not finished or killed");
}

static void compare_killed_run_is_never_best(void **state)
{
	struct comparison *c = compare(NULL, 0);

	(void)state;
	assert_cell(c, 3, "run", "3");
	assert_cell(c, 3, "walks", "4"); /* lowest of all */
	assert_cell(c, 3, "best", "");
	assert_true(strstr(cell(c, 1, "best"), "walks") == NULL); /* 8 and 8: none is better */
	assert_string_equal(comparison_note(c, 0),
			    "run 3!: not finished or killed; it is never the best");
	assert_null(comparison_note(c, 1));
	sort_by(c, "walks");
	assert_cell(c, 1, "run", "1");
	assert_cell(c, 3, "run", "3");
	comparison_close(c);
}

static void compare_sorts_lowest_first(void **state)
{
	static const char *const names[] = { "1", "2" };
	struct comparison *c = compare(names, 2);

	(void)state;
	sort_by(c, "mpki.l1");
	assert_cell(c, 1, "run", "2");
	assert_cell(c, 2, "ratio.mpki.l1", "2.0"); /* to what now comes first */
	sort_by(c, "walk_per_instruction");
	assert_cell(c, 1, "run", "1");
	sort_by(c, "walks"); /* equal: in the order asked for */
	assert_cell(c, 1, "run", "1");
	comparison_close(c);
}

/* --- which runs ------------------------------------------------------------------------------ */

static void assert_runs(const char *const *names, size_t count, const char *expected)
{
	struct comparison *c = compare(names, count);
	char runs[64] = "";

	for (unsigned row = 1; row <= strlen(expected); row++)
		strcat(runs, cell(c, row, "run"));
	assert_string_equal(runs, expected);
	comparison_close(c);
}

static void compare_runs_by_name(void **state)
{
	static const char *const order[] = { "2", "1" }, *const label[] = { "wide" };
	static const char *const machine[] = { "toy" }, *const twice[] = { "other", "wide", "2" };
	static const char *const none[] = { "1", "nowhere" }, *const padded[] = { "01" };
	struct record_error error;
	struct comparison *c;

	(void)state;
	assert_runs(NULL, 0, "123");
	assert_runs(order, 2, "21");
	assert_runs(label, 1, "23");
	assert_runs(machine, 1, "13");
	assert_runs(twice, 3, "23");
	assert_int_equal(comparison_open(&c, db_path, none, 2, &error), PW_ABSENT);
	assert_null(c);
	assert_non_null(strstr(error.text, "'nowhere' is neither the number"));
	assert_int_equal(comparison_open(&c, db_path, padded, 1, &error), PW_ABSENT);
	assert_int_equal(comparison_open(&c, "/nowhere/x.db", NULL, 0, &error), PW_ABSENT);
}

/* Settings in which the runs differ, one of them lacking it; not those they share. */
static void compare_settings_that_differ(void **state)
{
	struct comparison *c = compare(NULL, 0);

	(void)state;
	assert_cell(c, 1, "tlb.l2.entries", "512");
	assert_cell(c, 2, "tlb.l2.entries", "1024");
	assert_cell(c, 3, "tlb.l2.entries", "");
	assert_null(strstr(print(c, COMPARE_CSV, 0), "os.ram"));
	comparison_close(c);
}

/* --- what is unlike -------------------------------------------------------------------------- */

static void compare_tells_what_is_unlike(void **state)
{
	static const char *const names[] = { "1", "odd" };
	struct fake_machine m = { 0 };
	struct record *record = open_record("toy", "odd", "/bin/other");
	struct comparison *c;

	(void)state;
	fake_run(&m);
	fake_run(&m);
	finish(record, &m);
	c = compare(names, 2);
	assert_string_equal(comparison_note(c, 0),
			    "unlike programs: run 4 ran something else than run 1: "
			    "/bin/prog a b \"quoted\"");
	assert_string_equal(comparison_note(c, 1),
			    "unlike lengths: from 1000 to 2000 instructions (50 %); sums such as "
			    "walks and faults do not compare");
	assert_null(comparison_note(c, 2));
	comparison_close(c);
	/* A replay of what another run recorded did the same, whatever its program is called. */
	ask(db_path, "UPDATE run SET trace = 't.trace' WHERE id IN (1, 4) RETURNING id");
	c = compare(names, 2);
	assert_non_null(strstr(comparison_note(c, 0), "unlike lengths"));
	comparison_close(c);
	/* A replay that diverged, or was cut off. */
	ask(db_path, "UPDATE run SET source = 'replay', status = 'stopped' WHERE id = 4"
		     " RETURNING id");
	c = compare(names, 2);
	assert_string_equal(comparison_note(c, 1),
			    "run 4!: the replay stopped on the way; it is never the best");
	comparison_close(c);
	ask(db_path, "UPDATE run SET status = 'finished', measured = 0 WHERE id = 4 RETURNING id");
	c = compare(names, 2);
	assert_string_equal(comparison_note(c, 1), "run 4!: not measured; it is never the best");
	comparison_close(c);
}

/* --- formats --------------------------------------------------------------------------------- */

static const char side_by_side[] = "program    /bin/prog a b \"quoted\"\n"
				   "\n"
				   "run                               1        2\n"
				   "machine                         toy    other\n"
				   "label                          base     wide\n"
				   "page_table                    radix    radix\n"
				   "tlb.l2.entries                  512     1024\n"
				   "instructions                  1,000    1,000   1.00x\n"
				   "accesses                        500      500   1.00x\n"
				   "mpki.l1                          20       10*  0.50x\n"
				   "mpki.l1.data                     20       10*  0.50x\n"
				   "mpki.l1.instruction               0        0\n"
				   "mpki.l2                           8        8   1.00x\n"
				   "mpki.l2.data                      8        8   1.00x\n"
				   "wpki                              8        8   1.00x\n"
				   "walks                             8        8   1.00x\n"
				   "refs_per_walk                   2.5     1.25*  0.50x\n"
				   "cycles_per_walk                37.5*      75   2.00x\n"
				   "walk_per_instruction            0.3*     0.6   2.00x\n"
				   "translation_per_instruction     0.4*     0.7   1.75x\n"
				   "translation_per_access          0.8*     1.4   1.75x\n"
				   "os_per_instruction              0.6      0.6   1.00x\n"
				   "cycles                        2,000*   2,300   1.15x\n"
				   "faults_minor                      2        2   1.00x\n"
				   "faults_major                      0        0\n"
				   "page_table_bytes             12 KiB*  48 KiB   4.00x\n"
				   "page_table_peak_bytes        12 KiB*  48 KiB   4.00x\n"
				   "\n"
				   "*: the best; ratios are to run 1\n";

static void compare_text(void **state)
{
	static const char *const names[] = { "1", "2" };
	struct comparison *c = compare(names, 2);
	const char *out;

	(void)state;
	assert_string_equal(print(c, COMPARE_TEXT, 80), side_by_side);
	assert_string_equal(print(c, COMPARE_TEXT, 52), side_by_side);
	out = print(c, COMPARE_TEXT, 51); /* one column short: the second run goes below */
	assert_non_null(strstr(out, "\nrun                               1\n"));
	assert_non_null(strstr(out, "\n\nrun                               2\n"));
	assert_non_null(strstr(print(c, COMPARE_TEXT, 1), "\nwalks "));
	comparison_close(c);
}

static void compare_markdown(void **state)
{
	static const char *const names[] = { "1", "3" };
	struct comparison *c;
	const char *out;

	(void)state;
	ask(db_path, "UPDATE run SET label = 'a|b <i>' WHERE id = 1 RETURNING id");
	c = compare(names, 2);
	out = print(c, COMPARE_MARKDOWN, 0);
	assert_non_null(strstr(out, "| run | 1 | 3! |\n|:-|-:|-:|\n| machine | toy | toy |\n"
				    "| label | a\\|b \\<i\\> | wide |\n"));
	assert_non_null(strstr(out, "| walks | 8 | 4 (0.50x) |\n"));
	assert_non_null(strstr(out, "\nnote: run 3!: not finished"));
	comparison_close(c);
	ask(db_path, "UPDATE run SET label = 'base' WHERE id = 1 RETURNING id");
	c = compare((const char *const[]){ "1", "2" }, 2);
	out = print(c, COMPARE_MARKDOWN, 0);
	assert_non_null(strstr(out, "| cycles | **2,000** | 2,300 (1.15x) |\n"));
	assert_non_null(strstr(out, "| mpki.l1 | 20 | **10** (0.50x) |\n"));
	comparison_close(c);
}

static const char *text_at(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

/* SQLite itself reads it. */
static void compare_json(void **state)
{
	struct comparison *c;
	const char *out;
	sqlite3_stmt *row;
	sqlite3 *db;

	(void)state;
	ask(db_path, "UPDATE run SET label = 'say \"hi\"' WHERE id = 2 RETURNING id");
	c = compare(NULL, 0);
	out = print(c, COMPARE_JSON, 0);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db,
				   "SELECT json_array_length(?1), json_extract(?1, '$[1].label'),"
				   " json_extract(?1, '$[1].\"mpki.l1.data\"'), json_extract(?1,"
				   " '$[1].\"ratio.walk_per_instruction\"'), json_extract(?1,"
				   " '$[1].best'), json_type(?1, '$[0].pages_swapped_in')",
				   -1, &row, NULL),
		SQLITE_OK);
	sqlite3_bind_text(row, 1, out, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(row, 0), 3);
	assert_string_equal(text_at(row, 1), "say \"hi\"");
	assert_true(sqlite3_column_double(row, 2) == 10);
	assert_true(sqlite3_column_double(row, 3) == 2);
	assert_string_equal(text_at(row, 4), "[\"mpki.l1\",\"mpki.l1.data\",\"refs_per_walk\"]");
	assert_string_equal(text_at(row, 5), "null");
	sqlite3_finalize(row);
	sqlite3_close(db);
	comparison_close(c);
	ask(db_path, "UPDATE run SET label = 'wide' WHERE id = 2 RETURNING id");
}

/* A sweep: a line a run, sorted, with the settings that vary and the key figures that fit. */
static void compare_many_runs(void **state)
{
	char label[16];
	struct comparison *c;
	const char *out;

	(void)state;
	for (unsigned i = 0; i < COMPARE_SIDE_BY_SIDE_MAX + 1; i++) {
		struct fake_machine m = { 0 };
		struct record *record;

		snprintf(label, sizeof(label), "%u", 40 - i);
		fake_run(&m);
		m.walks = 40 - i;
		record = open_record("toy", "sweep", "/bin/prog");
		assert_int_equal(record_setting(record, "wish", label), 0);
		finish(record, &m);
	}
	c = compare((const char *const[]){ "sweep" }, 1);
	sort_by(c, "walks");
	out = print(c, COMPARE_TEXT, 50);
	/* 28 walks is the least: 40 - 12. */
	assert_non_null(strstr(out, "\nrun   machine  wish  walks   ratio  wpki\n"));
	assert_non_null(strstr(out, "toy      28       28*  1.00x    28*\n"));
	assert_non_null(strstr(out, "toy      40       40   1.43x    40\n"));
	assert_non_null(strstr(out, "(more columns: --csv, --markdown)\n"));
	out = print(c, COMPARE_MARKDOWN, 0);
	assert_non_null(strstr(out, "| machine | wish | walks | ratio | wpki | refs_per_walk |"));
	assert_cell(c, 1, "walks", "28");
	assert_cell(c, 13, "ratio.wpki", "1.42857142857143"); /* 40 / 28 */
	comparison_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compare_metrics_by_hand),
		cmocka_unit_test(compare_is_a_query),
		cmocka_unit_test(compare_killed_run_is_never_best),
		cmocka_unit_test(compare_sorts_lowest_first),
		cmocka_unit_test(compare_runs_by_name),
		cmocka_unit_test(compare_settings_that_differ),
		cmocka_unit_test(compare_text),
		cmocka_unit_test(compare_markdown),
		cmocka_unit_test(compare_json),
		cmocka_unit_test(compare_tells_what_is_unlike),
		cmocka_unit_test(compare_many_runs),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
