/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The schema documents itself, and docs/schema.md is what it says. To write that file anew after
 * a change of the schema: PAGEWALK_UPDATE_DOCS=1 test_record_schema.
 */

#include "tests/unit/test_record.h"

#include "analysis/schema.h"

static char own_path[512];
static const char *const db_path = own_path;

static int set_up(void **state)
{
	struct fake_machine m = { 0 };
	struct record_setup setup;
	struct record_end end = fake_end(&m);
	struct record *record;

	(void)state;
	snprintf(own_path, sizeof(own_path), "%s", scratch("schema.db"));
	setup = fake_setup(db_path, RECORD_SUMMARY);
	assert_int_equal(record_open(&record, &setup, NULL), 0);
	assert_int_equal(record_finish(record, &end, NULL), 0);
	record_destroy(record);
	return 0;
}

/* Asked of SQLite, not of our own list: whatever is in the file must be documented there. */
static void schema_documents_every_object(void **state)
{
	(void)state;
	assert_answer(db_path,
		      "SELECT coalesce(group_concat(name), 'none') FROM sqlite_schema WHERE type IN"
		      " ('table', 'view') AND name NOT LIKE 'sqlite_%' AND name NOT IN"
		      " (SELECT object FROM documentation WHERE column = '' AND length(text) > 5)",
		      "none");
}

static void schema_documents_every_column(void **state)
{
	(void)state;
	assert_answer(db_path,
		      "SELECT coalesce(group_concat(o.name || '.' || c.name), 'none') FROM"
		      " sqlite_schema o JOIN pragma_table_xinfo(o.name) c WHERE o.type IN"
		      " ('table', 'view') AND o.name NOT LIKE 'sqlite_%' AND NOT EXISTS (SELECT 1"
		      " FROM documentation WHERE object = o.name AND column = c.name"
		      " AND length(text) > 1)",
		      "none");
	/* And nothing is documented that does not exist. */
	assert_answer(db_path,
		      "SELECT coalesce(group_concat(object || '.' || column), 'none') FROM"
		      " documentation WHERE object NOT LIKE '%.name' AND column <> '' AND column"
		      " NOT IN (SELECT name FROM pragma_table_xinfo(object))",
		      "none");
}

static int seek(void *ctx, const char *object, const char *column, const char *doc)
{
	const char *const *wanted = ctx;

	return strcmp(object, wanted[0]) == 0 && strcmp(column, wanted[1]) == 0 && strlen(doc) > 5;
}

static void assert_documented(const char *object, const char *name)
{
	const char *wanted[] = { object, name };

	if (!schema_document(seek, wanted))
		fail_msg("%s '%s' is not documented", object, name);
}

static void schema_documents_event_def(void **state)
{
	(void)state;
#define EVENT(ID, name, detail, doc) assert_documented("event_kind.name", #name);
#define CHARGE(ID, name, part, doc)  assert_documented("cause.name", #name);
#define MMU_COUNTER(field, doc)      assert_documented("counter_name.name", "mmu." #field);
#define KERNEL_COUNTER(field, doc)   assert_documented("counter_name.name", "kernel." #field);
#define MACHINE_COUNTER(field, doc)  assert_documented("counter_name.name", "machine." #field);
#include "mmu/event.def"
	assert_answer(db_path, "SELECT count(*) = 0 FROM counter_name WHERE length(doc) < 3", "1");
	assert_answer(db_path,
		      "SELECT count(*) FROM cause WHERE part NOT IN"
		      " ('base', 'data', 'translation', 'os')",
		      "0");
}

/* The comments are in the text that SQLite keeps. */
static void schema_text_has_comments(void **state)
{
	(void)state;
	assert_answer(db_path,
		      "SELECT count(*) FROM sqlite_schema s WHERE type = 'table' AND name NOT LIKE"
		      " 'sqlite_%' AND instr(sql, (SELECT text FROM documentation d WHERE"
		      " d.object = s.name AND column = '')) = 0",
		      "0");
	assert_answer(db_path,
		      "SELECT instr(sql, '-- retired, as of the last epoch') > 0 FROM"
		      " sqlite_schema WHERE name = 'run'",
		      "1");
}

static void schema_is_strict_and_ours(void **state)
{
	(void)state;
	assert_answer(db_path, "PRAGMA application_id", "1347898443");
	assert_answer(db_path, "PRAGMA user_version", "4");
	assert_answer(db_path,
		      "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND"
		      " schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite_%'",
		      "0");
	/* Every table that holds rows of runs goes with its run. */
	assert_answer(
		db_path,
		"SELECT group_concat(name) FROM (SELECT name FROM pragma_table_list t WHERE type = 'table' AND"
		" schema = 'main' AND name NOT LIKE 'sqlite_%' AND NOT EXISTS (SELECT 1 FROM"
		" pragma_foreign_key_list(t.name) WHERE on_delete = 'CASCADE') ORDER BY name)",
		"cause,counter_name,curve,documentation,event_kind,machine,run");
}

/* Every view can be read, and answers about a run are found by its number; a curve has one of its own. */
static void schema_views_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_line_count; i++) {
		char sql[200];

		if (schema_lines[i].kind != SCHEMA_VIEW)
			continue;
		snprintf(sql, sizeof(sql),
			 "SELECT count(*) >= 0 FROM (SELECT * FROM %s WHERE %s > 0)",
			 schema_lines[i].name,
			 strcmp(schema_lines[i].name, "curves") == 0 ? "curve" : "run");
		assert_answer(db_path, sql, "1");
	}
}

static void schema_markdown_is_up_to_date(void **state)
{
	const char *source = getenv("PAGEWALK_SOURCE_DIR");
	struct text expected = { 0 }, found = { 0 };
	char path[600], piece[4096];
	FILE *file;
	size_t got;

	(void)state;
	snprintf(path, sizeof(path), "%s/docs/schema.md", source ? source : ".");
	schema_markdown(&expected);
	if (getenv("PAGEWALK_UPDATE_DOCS")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fwrite(expected.bytes, 1, expected.length, file);
		fclose(file);
	}
	file = fopen(path, "r");
	assert_non_null(file);
	while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
		text_add(&found, piece, got);
	fclose(file);
	if (strcmp(text_string(&found), text_string(&expected)) != 0)
		fail_msg("docs/schema.md is not what the schema says; run this test with "
			 "PAGEWALK_UPDATE_DOCS=1");
	text_release(&expected);
	text_release(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_documents_every_object),
		cmocka_unit_test(schema_documents_every_column),
		cmocka_unit_test(schema_documents_event_def),
		cmocka_unit_test(schema_text_has_comments),
		cmocka_unit_test(schema_is_strict_and_ours),
		cmocka_unit_test(schema_views_work),
		cmocka_unit_test(schema_markdown_is_up_to_date),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
