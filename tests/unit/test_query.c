/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Queries: the three formats, names, what is refused, and what wrong SQL is told. */

#include "tests/unit/test_record.h"

static char own_path[512];
static const char *const db_path = own_path;

static int set_up(void **state)
{
	struct fake_machine m = { 0 };
	struct record_setup setup;
	struct record_end end;
	struct record *record;
	const struct event miss = { .kind = EVENT_TLB_MISS, .va = 0x5000, .pc = 0x1000 };

	(void)state;
	snprintf(own_path, sizeof(own_path), "%s", scratch("query.db"));
	setup = fake_setup(db_path, RECORD_ALL);
	assert_int_equal(record_open(&record, &setup, NULL), 0);
	fake_run(&m);
	record_sink(record)->ops->batch(record_sink(record), &miss, 1);
	end = fake_end(&m);
	assert_int_equal(record_finish(record, &end, NULL), 0);
	record_destroy(record);
	return 0;
}

static const char *run_query(enum query_format format, const char *query)
{
	static struct text out;
	const struct query_output output = { format, collect, &out };
	struct record_error error;

	text_clear(&out);
	if (query_run(db_path, query, &output, &error))
		fail_msg("%s: %s", query, error.text);
	return text_string(&out);
}

static void assert_error(const char *query, int code, const char *words)
{
	struct text out = { 0 };
	const struct query_output output = { QUERY_CSV, collect, &out };
	struct record_error error = { "" };
	int failed = query_run(db_path, query, &output, &error);

	if (failed != code || !strstr(error.text, words))
		fail_msg("%s: %d instead of %d, '%s' does not say '%s'", query, failed, code,
			 error.text, words);
	text_release(&out);
}

/* --- formats --------------------------------------------------------------------------------- */

static const char odd_values[] =
	"SELECT 1 AS n, -5 AS m, NULL AS nil, '' AS empty, x'00ff7f' AS blob, 0.1 AS tenth,"
	" 1.0 AS one, 'a,b' AS comma, 'say \"hi\"' AS quote, 'two' || char(10) || 'lines' AS lines";

static void query_csv(void **state)
{
	(void)state;
	assert_string_equal(
		run_query(QUERY_CSV, odd_values),
		"n,m,nil,empty,blob,tenth,one,comma,quote,lines\n"
		"1,-5,,\"\",00ff7f,0.1,1.0,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n");
	assert_string_equal(run_query(QUERY_CSV, "SELECT 1 AS \"a,b\" WHERE 0"), "\"a,b\"\n");
	assert_string_equal(run_query(QUERY_CSV, "SELECT 1 AS a; SELECT 2 AS b"), "a\n1\n\nb\n2\n");
	assert_string_equal(run_query(QUERY_CSV, "SELECT 9223372036854775807 AS a, 0.1 + 0.2 AS b"),
			    "a,b\n9223372036854775807,0.3\n");
}

static void query_json(void **state)
{
	(void)state;
	assert_string_equal(
		run_query(QUERY_JSON, odd_values),
		"[{\"n\":1,\"m\":-5,\"nil\":null,\"empty\":\"\",\"blob\":\"00ff7f\",\"tenth\":0.1,"
		"\"one\":1.0,\"comma\":\"a,b\",\"quote\":\"say \\\"hi\\\"\","
		"\"lines\":\"two\\nlines\"}]\n");
	assert_string_equal(run_query(QUERY_JSON, "SELECT 1 AS x WHERE 0"), "[]\n");
	assert_string_equal(run_query(QUERY_JSON, "SELECT 1 AS x UNION ALL SELECT 2"),
			    "[{\"x\":1},\n{\"x\":2}]\n");
	assert_string_equal(run_query(QUERY_JSON, "SELECT 1 AS x, 2 AS x, 3 AS \"x\""),
			    "[{\"x\":1,\"x:2\":2,\"x:3\":3}]\n");
	/* What is not UTF-8 must not make the whole answer unreadable. */
	assert_string_equal(
		run_query(QUERY_JSON, "SELECT CAST(x'41ff42c3' AS TEXT) AS t,"
				      " char(1, 233, 128512) AS u, 9e999 AS big"),
		"[{\"t\":\"A\\ufffdB\\ufffd\",\"u\":\"\\u0001\xc3\xa9\xf0\x9f\x98\x80\","
		"\"big\":1e999}]\n");
}

/* SQLite itself must read what we wrote. */
static void query_json_is_json(void **state)
{
	sqlite3_stmt *statement;
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (const struct query_named *named = query_names; named->name; named++) {
		const char *json = run_query(QUERY_JSON, named->name);

		assert_int_equal(sqlite3_prepare_v2(db, "SELECT json_valid(?)", -1, &statement,
						    NULL),
				 SQLITE_OK);
		sqlite3_bind_text(statement, 1, json, -1, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		if (!sqlite3_column_int(statement, 0))
			fail_msg("%s: %s", named->name, json);
		sqlite3_finalize(statement);
	}
	sqlite3_close(db);
}

static void query_table(void **state)
{
	(void)state;
	assert_string_equal(run_query(QUERY_TABLE,
				      "SELECT 1 AS n, 'x' AS text UNION ALL"
				      " SELECT 1000, NULL UNION ALL SELECT -5, 'long one'"),
			    "   n  text\n"
			    "----  --------\n"
			    "   1  x\n"
			    "1000  NULL\n"
			    "  -5  long one\n");
	/* Widths of terminals: two columns for CJK, none for a combining accent. */
	assert_string_equal(run_query(QUERY_TABLE,
				      "SELECT '漢字' AS a, 1 AS b UNION ALL"
				      " SELECT 'e' || char(769), 2 UNION ALL SELECT 'é', 3"),
			    "a     b\n----  -\n漢字  1\ne\xcc\x81     2\né     3\n");
	assert_string_equal(
		run_query(QUERY_TABLE,
			  "SELECT 'a' || char(27) || '[31m' || char(10, 9, 7, 8238) AS evil,"
			  " x'0aff' AS blob"),
		"evil                     blob\n"
		"-----------------------  -------\n"
		"a\\x1b[31m\\n\\t\\x07\\u202e  x'0aff'\n");
	assert_string_equal(run_query(QUERY_TABLE, "SELECT 1 AS none WHERE 0"), "none\n----\n");
	assert_string_equal(run_query(QUERY_TABLE, "SELECT 1 AS a; SELECT 2 AS b"),
			    "a\n-\n1\n\nb\n-\n2\n");
}

/* Beyond the measured rows every row still comes, in order. */
static void query_table_streams(void **state)
{
	const char *out = run_query(QUERY_TABLE,
				    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
				    " WHERE i < 5000) SELECT i FROM n");
	unsigned long expected = 1;

	(void)state;
	out = strchr(strchr(out, '\n') + 1, '\n') + 1;
	for (; *out; out = strchr(out, '\n') + 1)
		assert_int_equal(strtoul(out, NULL, 10), expected++);
	assert_int_equal(expected, 5001);
}

/* --- names ----------------------------------------------------------------------------------- */

static void query_names_all_work(void **state)
{
	static const char *const promised[] = { "counters", "ledger",   "mpki",   "walks",
						"faults",   "pages",    "epochs", "instructions",
						"tables",   "syscalls", "runs",   "documentation" };

	(void)state;
	for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++)
		run_query(QUERY_TABLE, promised[i]);
	for (const struct query_named *named = query_names; named->name; named++) {
		assert_true(strlen(named->doc) > 10);
		assert_true(strlen(run_query(QUERY_CSV, named->name)) > 3);
	}
	/* Views and tables have names too. */
	assert_non_null(strstr(run_query(QUERY_CSV, "tlb_levels"), "l2,data"));
	assert_non_null(strstr(run_query(QUERY_CSV, "event_kind"), "tlb_miss"));
	assert_error("no_such_thing", PW_ABSENT, "the names are counters, ledger, mpki");
}

static void query_counters_are_of_the_newest_run(void **state)
{
	const char *out;

	(void)state;
	set_up(NULL); /* scratch() gave the same name: one run */
	out = run_query(QUERY_CSV, "counters");
	assert_int_equal(strncmp(out, "name,value\nmachine.instructions,1000\n", 37), 0);
	assert_non_null(strstr(out, "\ncycles.total,2000\n"));
	assert_non_null(strstr(out, "\ntlb.l1.4k.hits,7\n"));
}

/* --- refusals -------------------------------------------------------------------------------- */

static void query_refuses_to_write(void **state)
{
	static const char *const writes[] = {
		"DELETE FROM run",
		"UPDATE run SET seed = 2",
		"CREATE TABLE x (y)",
		"CREATE TEMP TABLE x (y)",
		"DROP VIEW runs",
		"INSERT INTO note VALUES (1, 99, 'x')",
		"VACUUM;",
		"REINDEX;",
		"SELECT 1; DELETE FROM event",
		"WITH x AS (SELECT 1) DELETE FROM run",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		assert_error(writes[i], PW_INVALID, "queries only read");
	assert_error("ATTACH '/tmp/other' AS other", PW_INVALID, "beyond the record");
	assert_error("PRAGMA query_only = off", PW_INVALID, "beyond the record");
	assert_error("SELECT x FROM\nnowhere WHERE\ty", PW_INVALID, "no such table: nowhere");
	assert_error("SELECT load_extension('x')", PW_INVALID, "load_extension");
	assert_answer(db_path, "SELECT count(*) FROM run", "1");
	assert_answer(db_path, "SELECT count(*) FROM event", "1");
}

static void query_explains_wrong_sql(void **state)
{
	(void)state;
	assert_error("SELECT wrong_column FROM run", PW_INVALID, "no such column: wrong_column");
	assert_error("SELECT 1 FROM run WHRE x", PW_INVALID, "at: x");
	assert_error("SELECT (1", PW_INVALID, "incomplete input");
	assert_error("SELECT 1; SELEC 2", PW_INVALID, "at: SELEC 2");
	assert_error("SELECT 'unclosed", PW_INVALID, "unclosed");
	assert_error("SELECT abs(-9223372036854775808)", PW_INVALID, "integer overflow");
}

static void query_several_statements(void **state)
{
	(void)state;
	assert_string_equal(run_query(QUERY_CSV, "SELECT 1 AS a; -- a comment\n; ;"), "a\n1\n");
	assert_string_equal(run_query(QUERY_CSV, ""), "");
	assert_string_equal(run_query(QUERY_JSON, "SELECT 1 AS a; SELECT 2 AS b"),
			    "[{\"a\":1}]\n[{\"b\":2}]\n");
}

static int take_no_more(void *ctx, const char *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	return ++*(unsigned *)ctx > 1;
}

/* `pagewalk query … | head`: the query ends, and that is no error to talk about. */
static void query_stops_when_nobody_listens(void **state)
{
	static const char endless[] =
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		" WHERE i < 100000000) SELECT i FROM n";

	(void)state;
	for (unsigned format = QUERY_TABLE; format <= QUERY_JSON; format++) {
		unsigned calls = 0;
		const struct query_output output = { (enum query_format)format, take_no_more,
						     &calls };
		struct record_error error = { "x" };

		assert_int_equal(query_run(db_path, endless, &output, &error), PW_LIMIT);
		assert_int_equal(calls, 2);
		assert_string_equal(error.text, "");
	}
}

static void query_needs_a_file(void **state)
{
	const struct query_output output = { QUERY_CSV, collect, NULL };
	struct record_error error;

	(void)state;
	assert_int_equal(query_run("/nowhere/x.db", "runs", &output, &error), PW_ABSENT);
	assert_non_null(strstr(error.text, "/nowhere/x.db"));
	assert_int_equal(access("/nowhere/x.db", F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query_csv),
		cmocka_unit_test(query_json),
		cmocka_unit_test(query_json_is_json),
		cmocka_unit_test(query_table),
		cmocka_unit_test(query_table_streams),
		cmocka_unit_test(query_names_all_work),
		cmocka_unit_test(query_counters_are_of_the_newest_run),
		cmocka_unit_test(query_refuses_to_write),
		cmocka_unit_test(query_explains_wrong_sql),
		cmocka_unit_test(query_several_statements),
		cmocka_unit_test(query_stops_when_nobody_listens),
		cmocka_unit_test(query_needs_a_file),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
