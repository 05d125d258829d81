/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reading the figures of runs: see compare.h. All of them come from views (metrics, tlb_levels,
 * runs), so that a user can ask for the same ones.
 */

#include "analysis/compare_private.h"

#include "analysis/database.h"

#include <stdlib.h>
#include <string.h>

const struct metric metrics[] = {
#define METRIC(name, unit, better, show, sql, doc) \
	{ #name, unit, doc, BETTER_##better, SHOW_##show },
#include "analysis/metrics.def"
#undef METRIC
	{ 0 },
};

enum { METRIC_COUNT = sizeof(metrics) / sizeof(metrics[0]) - 1 };

/* Those of TLB levels come after the first two, which say how much work there was. */
enum { LEVELS_AT = 2 };

struct reader {
	sqlite3 *db;
	const char *db_path;
	struct record_error *error;
	int failed;
	struct text ids; /* JSON array of the runs, in the order asked for */
	struct comparison *c;
};

static void fail_memory(struct reader *r)
{
	if (!r->failed)
		r->failed = record_error_set(r->error, PW_NOMEM, "out of memory");
}

static void *allocate(struct reader *r, size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		fail_memory(r);
	return memory;
}

/* NULL for NULL. */
static char *copy_text(struct reader *r, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		fail_memory(r);
	return copy;
}

/* A query whose ?1 is the array of runs, or `text`; NULL after a failure. */
static sqlite3_stmt *ask(struct reader *r, const char *sql, const char *text)
{
	sqlite3_stmt *statement = NULL;

	if (r->failed)
		return NULL;
	if (sqlite3_prepare_v2(r->db, sql, -1, &statement, NULL) != SQLITE_OK) {
		r->failed = database_failed(r->db, "read the record", r->error);
		return NULL;
	}
	sqlite3_bind_text(statement, 1, text ? text : text_string(&r->ids), -1, SQLITE_STATIC);
	return statement;
}

static bool next(struct reader *r, sqlite3_stmt *statement)
{
	int code = statement && !r->failed ? sqlite3_step(statement) : SQLITE_DONE;

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		r->failed = database_failed(r->db, "read the record", r->error);
	return code == SQLITE_ROW;
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}

/* --- which runs ------------------------------------------------------------------------------ */

static void add_run(struct reader *r, int64_t id)
{
	struct comparison *c = r->c;
	struct compare_run *grown;

	for (size_t i = 0; i < c->run_count; i++)
		if (c->runs[i].id == id)
			return;
	if ((c->run_count & (c->run_count - 1)) == 0) { /* doubles at each power of two */
		grown = realloc(c->runs, (c->run_count ? 2 * c->run_count : 1) * sizeof(*grown));
		if (!grown) {
			fail_memory(r);
			return;
		}
		c->runs = grown;
	}
	c->runs[c->run_count] = (struct compare_run){ .id = id, .place = c->run_count };
	text_addf(&r->ids, "%s%lld", c->run_count ? "," : "[", (long long)id);
	c->run_count++;
}

/* A number before a label before a machine: what matches in the first of these ways counts. */
static void find_runs(struct reader *r, const char *name)
{
	sqlite3_stmt *row = ask(r,
				"SELECT run, CASE WHEN run = CAST(?1 AS INTEGER) AND CAST(run AS"
				" TEXT) = ?1 THEN 0 WHEN label = ?1 THEN 1 ELSE 2 END AS how FROM"
				" runs WHERE CAST(run AS TEXT) = ?1 OR label = ?1 OR machine = ?1"
				" ORDER BY how, run",
				name);
	int how = -1;

	while (next(r, row)) {
		if (how < 0)
			how = sqlite3_column_int(row, 1);
		if (sqlite3_column_int(row, 1) != how)
			break;
		add_run(r, sqlite3_column_int64(row, 0));
	}
	sqlite3_finalize(row);
	if (how < 0 && !r->failed)
		r->failed =
			record_error_set(r->error, PW_ABSENT,
					 "%s: '%.60s' is neither the number, the label nor the "
					 "machine of a run; 'pagewalk query %s runs' lists them",
					 r->db_path, name, r->db_path);
}

static void find_all_runs(struct reader *r)
{
	sqlite3_stmt *row = ask(r, "SELECT id FROM run ORDER BY id", "");

	while (next(r, row))
		add_run(r, sqlite3_column_int64(row, 0));
	sqlite3_finalize(row);
	if (!r->c->run_count && !r->failed)
		r->failed = record_error_set(r->error, PW_ABSENT, "%s: there is no run in it yet",
					     r->db_path);
}

/* --- what there is to know of them ----------------------------------------------------------- */

/* Misses per thousand instructions of each TLB level, of both sides and of each. */
#define LEVEL_MISSES                                                                           \
	"SELECT c.key AS place, t.level, '' AS side, sum(t.mpki) AS mpki FROM json_each(?1) c" \
	" JOIN tlb_levels t ON t.run = c.value GROUP BY c.key, t.level"                        \
	" UNION ALL SELECT c.key, t.level, '.' || t.side, t.mpki FROM json_each(?1) c"         \
	" JOIN tlb_levels t ON t.run = c.value"

static void name_levels(struct reader *r)
{
	struct comparison *c = r->c;
	size_t count = 0;
	sqlite3_stmt *row = ask(r,
				"SELECT count(*) OVER (), 'mpki.' || level || side FROM ("
				"SELECT DISTINCT level, side FROM (" LEVEL_MISSES "))"
				" ORDER BY level, side",
				NULL);

	while (next(r, row)) {
		if (!count)
			c->metrics =
				allocate(r, METRIC_COUNT + (size_t)sqlite3_column_int64(row, 0) + 1,
					 sizeof(*c->metrics));
		if (!c->metrics)
			break;
		c->metrics[LEVELS_AT + count++] =
			(struct metric){ .name = copy_text(r, column_text(row, 1)),
					 .unit = "per 1000 instructions",
					 .doc = "misses of a TLB level",
					 .better = BETTER_LOWER,
					 .show = SHOW_ALWAYS };
	}
	sqlite3_finalize(row);
	if (!count)
		c->metrics = allocate(r, METRIC_COUNT + 1, sizeof(*c->metrics));
	c->metric_count = METRIC_COUNT + count;
	c->sorted_by = c->metric_count;
	for (size_t i = 0; i < METRIC_COUNT && c->metrics; i++)
		c->metrics[i < LEVELS_AT ? i : i + count] = metrics[i];
}

/* Settings that are not the same in all runs are facts, too, but for the bookkeeping of sweeps. */
static void name_facts(struct reader *r)
{
	static const char *const names[] = { "machine", "label", "page_table",
					     "program", "trace", "cut_short" };
	struct comparison *c = r->c;
	sqlite3_stmt *row = ask(r,
				"SELECT count(*) OVER (), s.name FROM setting s JOIN json_each(?1)"
				" c ON s.run = c.value WHERE s.name NOT GLOB 'sweep.*'"
				" GROUP BY s.name HAVING count(*) <"
				" json_array_length(?1) OR count(DISTINCT s.value) > 1"
				" OR (count(s.value) BETWEEN 1 AND count(*) - 1) ORDER BY s.name",
				NULL);
	bool more = next(r, row);
	size_t count = FACT_SETTINGS + (more ? (size_t)sqlite3_column_int64(row, 0) : 0);

	c->fact_names = allocate(r, count, sizeof(*c->fact_names));
	for (; c->fact_names && c->fact_count < FACT_SETTINGS; c->fact_count++)
		c->fact_names[c->fact_count] = copy_text(r, names[c->fact_count]);
	for (; c->fact_names && more && c->fact_count < count; more = next(r, row))
		c->fact_names[c->fact_count++] = copy_text(r, column_text(row, 1));
	sqlite3_finalize(row);
}

static void make_room(struct reader *r)
{
	struct comparison *c = r->c;

	for (size_t i = 0; i < c->run_count && !r->failed; i++) {
		c->runs[i].facts = allocate(r, c->fact_count, sizeof(char *));
		c->runs[i].values = allocate(r, c->metric_count, sizeof(struct compare_value));
	}
}

/* --- the figures ----------------------------------------------------------------------------- */

static struct compare_value value_of(sqlite3_stmt *row, int column)
{
	int type = sqlite3_column_type(row, column);

	return (struct compare_value){ .known = type == SQLITE_INTEGER || type == SQLITE_FLOAT,
				       .whole = type == SQLITE_INTEGER,
				       .integer = sqlite3_column_int64(row, column),
				       .number = sqlite3_column_double(row, column) };
}

static void read_metrics(struct reader *r)
{
	struct comparison *c = r->c;
	size_t levels = c->metric_count - METRIC_COUNT;
	sqlite3_stmt *row = ask(r,
				"SELECT c.key"
#define METRIC(name, unit, better, show, sql, doc) ", m." #name
#include "analysis/metrics.def"
#undef METRIC
				" FROM json_each(?1) c JOIN metrics m ON m.run = c.value",
				NULL);

	while (next(r, row)) {
		struct compare_run *run = &c->runs[sqlite3_column_int64(row, 0)];

		for (size_t i = 0; i < METRIC_COUNT; i++)
			run->values[i < LEVELS_AT ? i : i + levels] = value_of(row, 1 + (int)i);
	}
	sqlite3_finalize(row);
}

static void read_levels(struct reader *r)
{
	struct comparison *c = r->c;
	size_t end = LEVELS_AT + c->metric_count - METRIC_COUNT;
	sqlite3_stmt *row = ask(
		r, "SELECT place, 'mpki.' || level || side, mpki FROM (" LEVEL_MISSES ")", NULL);

	while (next(r, row)) {
		const char *name = column_text(row, 1);

		for (size_t i = LEVELS_AT; name && i < end; i++)
			if (strcmp(c->metrics[i].name, name) == 0)
				c->runs[sqlite3_column_int64(row, 0)].values[i] = value_of(row, 2);
	}
	sqlite3_finalize(row);
}

/* In the order of enum compare_fact. */
static void read_facts(struct reader *r)
{
	struct comparison *c = r->c;
	sqlite3_stmt *row =
		ask(r,
		    "SELECT c.key, r.instructions, r.machine, r.label, r.page_table, r.program ||"
		    " coalesce((SELECT group_concat(' ' || value, '') FROM json_each(r.arguments)"
		    " WHERE key > 0), ''), run.trace, coalesce(r.cut_short, iif(run.measured, NULL,"
		    " 'not measured')) FROM json_each(?1) c JOIN runs r ON r.run = c.value"
		    " JOIN run ON run.id = c.value",
		    NULL);

	while (next(r, row)) {
		struct compare_run *run = &c->runs[sqlite3_column_int64(row, 0)];

		run->instructions = sqlite3_column_int64(row, 1);
		for (int i = 0; i < FACT_SETTINGS; i++)
			run->facts[i] = copy_text(r, column_text(row, 2 + i));
	}
	sqlite3_finalize(row);
}

static void read_settings(struct reader *r)
{
	struct comparison *c = r->c;
	sqlite3_stmt *row = ask(r,
				"SELECT c.key, s.name, s.value FROM json_each(?1) c"
				" JOIN setting s ON s.run = c.value",
				NULL);

	while (next(r, row)) {
		char **facts = c->runs[sqlite3_column_int64(row, 0)].facts;
		const char *name = column_text(row, 1);

		for (size_t i = FACT_SETTINGS; name && i < c->fact_count; i++)
			if (strcmp(c->fact_names[i], name) == 0)
				facts[i] = copy_text(r, column_text(row, 2));
	}
	sqlite3_finalize(row);
}

/* --- all of it ------------------------------------------------------------------------------- */

static void read_runs(struct reader *r, const char *const *names, size_t name_count)
{
	static void (*const parts[])(struct reader *) = { name_levels,  name_facts,  make_room,
							  read_metrics, read_levels, read_facts,
							  read_settings };

	for (size_t i = 0; i < name_count; i++)
		find_runs(r, names[i]);
	if (!name_count)
		find_all_runs(r);
	text_puts(&r->ids, "]");
	if (r->ids.failed)
		fail_memory(r);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !r->failed; i++)
		parts[i](r);
}

int comparison_open(struct comparison **out, const char *db_path, const char *const *names,
		    size_t name_count, struct record_error *error)
{
	struct reader r = { .db_path = db_path, .error = error };

	*out = NULL;
	r.failed = database_open_read(&r.db, db_path, error);
	if (r.failed)
		return r.failed;
	r.c = allocate(&r, 1, sizeof(*r.c));
	/* One transaction: a run that ends an epoch meanwhile must not mix two states. */
	if (!r.failed)
		r.failed = database_exec(r.db, "BEGIN", "read the record", error);
	if (!r.failed)
		read_runs(&r, names, name_count);
	sqlite3_close(r.db);
	text_release(&r.ids);
	if (!r.failed) {
		comparison_judge(r.c);
		comparison_add_notes(r.c);
		if (r.c->failed)
			fail_memory(&r);
	}
	if (r.failed)
		comparison_close(r.c);
	else
		*out = r.c;
	return r.failed;
}

static void free_strings(char **strings, size_t count)
{
	for (size_t i = 0; strings && i < count; i++)
		free(strings[i]);
	free(strings);
}

void comparison_close(struct comparison *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->run_count; i++) {
		free_strings(c->runs[i].facts, c->fact_count);
		free(c->runs[i].values);
	}
	free(c->runs);
	for (size_t i = LEVELS_AT; c->metrics && i < LEVELS_AT + c->metric_count - METRIC_COUNT;
	     i++)
		free((char *)c->metrics[i].name);
	free(c->metrics);
	free_strings(c->fact_names, c->fact_count);
	for (size_t i = 0; i < c->note_count; i++)
		text_release(&c->notes[i]);
	free(c->notes);
	free(c);
}

const char *comparison_metric(const struct comparison *c, size_t index)
{
	return index < c->metric_count ? c->metrics[index].name : NULL;
}

const char *comparison_note(const struct comparison *c, size_t index)
{
	return index < c->note_count ? text_string(&c->notes[index]) : NULL;
}
