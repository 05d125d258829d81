/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A held record is appended to the file that it is for: all rows of its one run, in one
 * transaction. Numbers that are the file's own are given anew, in the order of the rows, so that
 * runs delivered one after another leave the same rows as if each had been recorded there.
 *
 * What to do with a column follows from the schema (schema.def):
 *   run                     the number that the run gets in the file
 *   REFERENCES table(id)    the number that the row referred to has got there
 *   id                      a new one; of an event, of the run and its place in it
 *   GENERATED               follows by itself
 * Tables without a column `run` that others refer to are vocabularies: a row that is there already,
 * by its UNIQUE column or else by all of them, is taken as it is. Other tables are not of runs.
 */

#include "analysis/record_private.h"
#include "analysis/schema.h"

#include <string.h>

enum { COLUMNS_MAX = 32, TABLES_MAX = 32 };

enum column_role { COLUMN_COPY, COLUMN_RUN, COLUMN_REFERENCE, COLUMN_ID };

struct column {
	const char *name;
	enum column_role role;
	bool key; /* a vocabulary's row is found by it */
	const struct id_map *map;
};

/* What a row's number has become: to[number]. */
struct id_map {
	const char *table;
	int64_t *to;
	size_t room;
};

struct delivery {
	struct record *record;
	sqlite3 *to;
	int64_t run;
	struct id_map map[TABLES_MAX];
	unsigned map_count;
	/* The table under way. */
	const char *table;
	bool vocabulary, referenced;
	struct column column[COLUMNS_MAX];
	unsigned column_count;
	sqlite3_stmt *select, *find, *insert;
};

/* --- the schema ------------------------------------------------------------------------------ */

/* "... REFERENCES name(id) ..." */
static bool refers_to(const char *type, const char *table)
{
	const char *at = strstr(type, "REFERENCES ");
	size_t length = strlen(table);

	return at && strncmp(at + 11, table, length) == 0 && at[11 + length] == '(';
}

static bool is_referenced(const char *table)
{
	for (size_t i = 0; i < schema_line_count; i++)
		if (schema_lines[i].kind == SCHEMA_COLUMN && refers_to(schema_lines[i].sql, table))
			return true;
	return false;
}

static const struct id_map *map_of(const struct delivery *d, const char *type)
{
	for (unsigned i = 0; i < d->map_count; i++)
		if (refers_to(type, d->map[i].table))
			return &d->map[i];
	return NULL;
}

static void read_column(struct delivery *d, const struct schema_line *line, bool *has_unique)
{
	struct column *column = &d->column[d->column_count];
	bool unique = strstr(line->sql, "UNIQUE") != NULL;

	if (strcmp(line->name, "run") == 0)
		d->vocabulary = false;
	if (strstr(line->sql, "GENERATED"))
		return;
	*column = (struct column){ .name = line->name, .map = map_of(d, line->sql) };
	if (strcmp(line->name, "id") == 0)
		column->role = COLUMN_ID;
	else if (strcmp(line->name, "run") == 0)
		column->role = COLUMN_RUN;
	else if (column->map)
		column->role = COLUMN_REFERENCE;
	if (unique)
		for (unsigned i = 0; i < d->column_count; i++)
			d->column[i].key = false;
	column->key = unique || (!*has_unique && column->role != COLUMN_ID);
	*has_unique |= unique;
	d->column_count++;
}

/* Returns the line after the table's last. */
static size_t read_table(struct delivery *d, size_t line)
{
	bool has_unique = false;

	d->table = schema_lines[line].name;
	d->column_count = 0;
	d->vocabulary = strcmp(d->table, "run") != 0;
	d->referenced = is_referenced(d->table);
	for (line++; schema_lines[line].kind != SCHEMA_END_TABLE; line++)
		if (schema_lines[line].kind == SCHEMA_COLUMN && d->column_count < COLUMNS_MAX)
			read_column(d, &schema_lines[line], &has_unique);
	return line + 1;
}

/* --- statements ------------------------------------------------------------------------------ */

static void add_columns(const struct delivery *d, struct text *sql, const char *each, bool keys)
{
	const char *between = "";

	for (unsigned i = 0; i < d->column_count; i++) {
		if (keys && !d->column[i].key)
			continue;
		text_addf(sql, each, between, d->column[i].name);
		between = keys ? " AND" : ",";
	}
}

static int prepare(sqlite3 *db, struct text *sql, sqlite3_stmt **out, struct record_error *error)
{
	int failed = sql->failed ? record_error_set(error, PW_NOMEM, "out of memory")
				 : database_prepare(db, text_string(sql), out, error);

	text_release(sql);
	return failed;
}

static int prepare_table(struct delivery *d, struct record_error *error)
{
	struct text select = { 0 }, insert = { 0 }, find = { 0 };
	int failed;

	text_puts(&select, "SELECT ");
	add_columns(d, &select, "%s \"%s\"", false);
	text_addf(&select, " FROM \"%s\"%s", d->table,
		  d->column[0].role == COLUMN_ID ? " ORDER BY id" : "");
	text_addf(&insert, "INSERT INTO \"%s\" (", d->table);
	add_columns(d, &insert, "%s \"%s\"", false);
	text_puts(&insert, ") VALUES (");
	for (unsigned i = 0; i < d->column_count; i++)
		text_puts(&insert, i ? ", ?" : "?");
	text_puts(&insert, ")");
	text_addf(&find, "SELECT id FROM \"%s\" WHERE", d->table);
	add_columns(d, &find, "%s \"%s\" = ?", true);
	failed = prepare(d->record->db, &select, &d->select, error);
	if (!failed)
		failed = prepare(d->to, &insert, &d->insert, error);
	if (!failed && d->vocabulary)
		failed = prepare(d->to, &find, &d->find, error);
	text_release(&insert);
	text_release(&find);
	return failed;
}

static void finish_table(struct delivery *d)
{
	sqlite3_finalize(d->select);
	sqlite3_finalize(d->insert);
	sqlite3_finalize(d->find);
	d->select = d->insert = d->find = NULL;
}

/* --- rows ------------------------------------------------------------------------------------ */

static bool remember(struct delivery *d, int64_t from, int64_t to)
{
	struct id_map *map = &d->map[d->map_count];
	const struct host_alloc *alloc = d->record->alloc;

	if ((size_t)from >= map->room) {
		size_t room = (size_t)from * 2 + 64;
		int64_t *larger = alloc->resize(alloc->ctx, map->to, room * sizeof(*larger));

		if (!larger)
			return false;
		map->to = larger;
		map->room = room;
	}
	map->to[from] = to;
	return true;
}

/* The number in the file of a vocabulary's row that is there; 0: it is not. */
static int64_t find_row(struct delivery *d)
{
	int64_t id = 0;
	int bound = 0;

	if (!d->vocabulary)
		return 0;
	for (unsigned i = 0; i < d->column_count; i++)
		if (d->column[i].key)
			sqlite3_bind_value(d->find, ++bound,
					   sqlite3_column_value(d->select, (int)i));
	if (sqlite3_step(d->find) == SQLITE_ROW)
		id = sqlite3_column_int64(d->find, 0);
	sqlite3_reset(d->find);
	return id;
}

static void bind_column(struct delivery *d, unsigned i)
{
	static const int64_t seq_mask = (INT64_C(1) << EVENT_SEQ_BITS) - 1;
	const struct column *column = &d->column[i];
	int64_t value = sqlite3_column_int64(d->select, (int)i);
	int to = (int)i + 1;

	if (column->role == COLUMN_RUN)
		sqlite3_bind_int64(d->insert, to, d->run);
	else if (column->role == COLUMN_ID && strcmp(d->table, "event") == 0)
		sqlite3_bind_int64(d->insert, to, d->run << EVENT_SEQ_BITS | (value & seq_mask));
	else if (column->role == COLUMN_ID)
		sqlite3_bind_null(d->insert, to);
	else if (column->role == COLUMN_REFERENCE &&
		 sqlite3_column_type(d->select, (int)i) != SQLITE_NULL)
		sqlite3_bind_int64(d->insert, to, column->map->to[value]);
	else
		sqlite3_bind_value(d->insert, to, sqlite3_column_value(d->select, (int)i));
}

static int copy_row(struct delivery *d, struct record_error *error)
{
	int64_t id = find_row(d);

	if (!id) {
		for (unsigned i = 0; i < d->column_count; i++)
			bind_column(d, i);
		sqlite3_step(d->insert);
		if (sqlite3_reset(d->insert) != SQLITE_OK)
			return database_failed(d->to, "append the run", error);
		id = sqlite3_last_insert_rowid(d->to);
	}
	if (strcmp(d->table, "run") == 0)
		d->run = id;
	if (d->referenced && !remember(d, sqlite3_column_int64(d->select, 0), id))
		return record_error_set(error, PW_NOMEM, "out of memory");
	return PW_OK;
}

static int copy_table(struct delivery *d, struct record_error *error)
{
	int failed = prepare_table(d, error), code = SQLITE_DONE;

	while (!failed && (code = sqlite3_step(d->select)) == SQLITE_ROW)
		failed = copy_row(d, error);
	if (!failed && code != SQLITE_DONE)
		failed = database_failed(d->record->db, "read the run", error);
	finish_table(d);
	if (d->referenced)
		d->map[d->map_count++].table = d->table;
	return failed;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int copy_tables(struct delivery *d, struct record_error *error)
{
	int failed = PW_OK;

	for (size_t line = 0; line < schema_line_count && !failed;) {
		if (schema_lines[line].kind != SCHEMA_TABLE) {
			line++;
			continue;
		}
		line = read_table(d, line);
		if (!d->vocabulary || d->referenced)
			failed = copy_table(d, error);
	}
	return failed;
}

static int copy_run(struct delivery *d, struct record_error *error)
{
	int failed = database_exec(d->to, "BEGIN IMMEDIATE", "append the run", error);

	if (!failed)
		failed = copy_tables(d, error);
	if (!failed)
		failed = database_exec(d->to, "COMMIT", "append the run", error);
	if (failed)
		sqlite3_exec(d->to, "ROLLBACK", NULL, NULL, NULL);
	return failed;
}

int record_deliver(struct record *record, struct record_error *error)
{
	struct delivery delivery = { .record = record };
	int failed =
		database_open_write(&delivery.to, record->deliver_to, record->lock_wait_ms, error);

	if (!failed)
		failed = copy_run(&delivery, error);
	sqlite3_close(delivery.to);
	for (unsigned i = 0; i <= delivery.map_count && i < TABLES_MAX; i++)
		host_free(record->alloc, delivery.map[i].to);
	if (!failed)
		record->run = delivery.run;
	return failed;
}
