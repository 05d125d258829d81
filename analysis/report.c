/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The one-screen summary of a run. All figures come from the views, so that a user can ask for
 * the same ones. Nothing here divides the total of the cycles by instructions: that would look
 * like a prediction, which it is not.
 */

#include "analysis/report.h"

#include "analysis/database.h"
#include "analysis/report_private.h"

#include <string.h>

enum { SCREEN_COLUMNS = 80, ARGUMENTS_COLUMNS = 68, TOP_ROWS = 5, NOTES_SHOWN = 6 };

/* --- pieces ---------------------------------------------------------------------------------- */

/* 12,345,678. Returns a buffer of the caller. */
const char *report_grouped(char *buffer, size_t size, int64_t value)
{
	sqlite3_snprintf((int)size, buffer, "%,lld", (long long)value);
	return buffer;
}

/* Text that may come from the guest, cut to a width, and blanks up to one column more. */
static void add_clipped(struct text *out, const char *string, size_t columns)
{
	size_t width = text_clipped(out, string ? string : "", columns);

	text_fill(out, ' ', columns + 1 - width);
}

/* Of a path, what follows the last slash. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void strip_blanks(struct text *out)
{
	while (out->length && out->bytes[out->length - 1] == ' ')
		out->bytes[--out->length] = '\0';
}

static void end_line(struct report *report)
{
	strip_blanks(&report->out);
	text_puts(&report->out, "\n");
}

/* A query whose ?1 is the run; NULL after a failure. */
sqlite3_stmt *report_ask(struct report *report, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (report->failed)
		return NULL;
	if (sqlite3_prepare_v2(report->db, sql, -1, &statement, NULL) != SQLITE_OK) {
		report->failed = database_failed(report->db, "read the record", report->error);
		return NULL;
	}
	sqlite3_bind_int64(statement, 1, report->run);
	return statement;
}

bool report_next(struct report *report, sqlite3_stmt *statement)
{
	int code = statement ? sqlite3_step(statement) : SQLITE_DONE;

	if (code != SQLITE_ROW && code != SQLITE_DONE && !report->failed)
		report->failed = database_failed(report->db, "read the record", report->error);
	return code == SQLITE_ROW;
}

int64_t report_integer(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_int64(statement, column);
}

const char *report_string(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? text : "";
}

/* --- parts of the report --------------------------------------------------------------------- */

static void print_outcome(struct report *report, sqlite3_stmt *row)
{
	if (strcmp(report_string(row, 2), "running") == 0)
		text_puts(&report->out, "not finished: as of its last epoch");
	else if (strcmp(report_string(row, 2), "incomplete") == 0)
		text_puts(&report->out, "recording failed on the way: as of its last epoch");
	else if (strcmp(report_string(row, 2), "stopped") == 0)
		text_puts(&report->out, "the replay stopped on the way");
	else if (sqlite3_column_type(row, 3) == SQLITE_NULL)
		text_puts(&report->out, "replayed to the end");
	else if (report_integer(row, 4))
		text_addf(&report->out, "ended by signal %lld", (long long)report_integer(row, 4));
	else
		text_addf(&report->out, "exit status %lld", (long long)report_integer(row, 3));
}

static void print_run(struct report *report)
{
	sqlite3_stmt *row = report_ask(
		report, "SELECT program, (SELECT group_concat(value, ' ') FROM"
			" json_each(arguments) WHERE key > 0), r.status, exit_status,"
			" exit_signal, m.name, page_table, ram_bytes, seed, source, detail,"
			" version, label FROM run r JOIN machine m ON m.id = r.machine"
			" WHERE r.id = ?1");

	if (report_next(report, row)) {
		struct text command = { 0 };

		text_addf(&command, "%s %s", report_string(row, 0), report_string(row, 1));
		text_addf(&report->out, "run %lld    ", (long long)report->run);
		add_clipped(&report->out, text_string(&command), ARGUMENTS_COLUMNS);
		end_line(report);
		text_release(&command);
		text_puts(&report->out, "           ");
		print_outcome(report, row);
		text_addf(&report->out, "; %s, detail %s, seed %lld, pagewalk %s\n",
			  report_string(row, 9), report_string(row, 10),
			  (long long)report_integer(row, 8), report_string(row, 11));
		text_puts(&report->out, "machine    ");
		add_clipped(&report->out, report_string(row, 5), 24);
		strip_blanks(&report->out);
		text_addf(&report->out, ", page table %s, ", report_string(row, 6));
		text_size(&report->out, report_integer(row, 7));
		text_puts(&report->out, " of memory\n");
		if (report_string(row, 12)[0]) {
			text_puts(&report->out, "label      ");
			add_clipped(&report->out, report_string(row, 12), ARGUMENTS_COLUMNS);
			end_line(report);
		}
	}
	sqlite3_finalize(row);
}

static void print_work(struct report *report)
{
	sqlite3_stmt *row = report_ask(report,
				       "SELECT instructions, coalesce(lookups, 0), loads, stores,"
				       " fetches FROM figures WHERE run = ?1");
	char a[32], b[32], c[32];

	if (report_next(report, row)) {
		text_addf(&report->out, "\ninstructions %16s\n",
			  report_grouped(a, sizeof(a), report_integer(row, 0)));
		text_addf(&report->out, "TLB lookups  %16s   %s loads, %s stores, ",
			  report_grouped(a, sizeof(a), report_integer(row, 1)),
			  report_grouped(b, sizeof(b), report_integer(row, 2)),
			  report_grouped(c, sizeof(c), report_integer(row, 3)));
		text_addf(&report->out, "%s fetches\n",
			  report_grouped(a, sizeof(a), report_integer(row, 4)));
	}
	sqlite3_finalize(row);
}

static void print_part(struct report *report, const char *name, int64_t cycles, int64_t total)
{
	char buffer[32];

	text_addf(&report->out, "  %-11s%16s", name,
		  report_grouped(buffer, sizeof(buffer), cycles));
	text_addf(&report->out, " %6.2f %%", total ? 100.0 * (double)cycles / (double)total : 0.0);
}

static void print_cycles(struct report *report)
{
	sqlite3_stmt *row = report_ask(report,
				       "SELECT p.total, p.base, p.data, p.translation, p.os,"
				       " w.translation_per_instruction, w.translation_per_lookup"
				       " FROM cycle_parts p LEFT JOIN walks w ON w.run = p.run"
				       " WHERE p.run = ?1");
	char buffer[32];

	if (report_next(report, row)) {
		int64_t total = report_integer(row, 0);

		text_addf(&report->out,
			  "cycles       %16s   modelled, in order; not a prediction\n",
			  report_grouped(buffer, sizeof(buffer), total));
		print_part(report, "base", report_integer(row, 1), total);
		text_puts(&report->out, "   instructions x cpi\n");
		print_part(report, "data", report_integer(row, 2), total);
		text_puts(&report->out, "\n");
		print_part(report, "translation", report_integer(row, 3), total);
		if (sqlite3_column_type(row, 5) != SQLITE_NULL)
			text_addf(&report->out, "   %.4f per instruction, %.4f per lookup",
				  sqlite3_column_double(row, 5), sqlite3_column_double(row, 6));
		text_puts(&report->out, "\n");
		print_part(report, "os", report_integer(row, 4), total);
		text_puts(&report->out, "\n");
	}
	sqlite3_finalize(row);
}

/* "6 MiB to 3 GiB, 2 MiB in use": by the size of the pages. */
static void add_reach(struct report *report, sqlite3_stmt *row)
{
	text_size(&report->out, report_integer(row, 6));
	if (report_integer(row, 7) != report_integer(row, 6)) {
		text_puts(&report->out, " to ");
		text_size(&report->out, report_integer(row, 7));
	}
	if (sqlite3_column_type(row, 8) != SQLITE_NULL) {
		text_puts(&report->out, ", ");
		text_size(&report->out, report_integer(row, 8));
		text_puts(&report->out, " in use");
	}
}

static void print_tlb(struct report *report)
{
	sqlite3_stmt *row = report_ask(report,
				       "SELECT level, side, lookups, misses, miss_rate, mpki,"
				       " reach_bytes, reach_most_bytes,"
				       " reach_in_use_bytes FROM tlb_levels"
				       " WHERE run = ?1");
	bool headed = false;
	char a[32], b[32];

	while (report_next(report, row)) {
		if (!headed)
			text_addf(&report->out, "\n%-20s %15s %13s %9s %9s %9s\n", "TLB", "lookups",
				  "misses", "missed", "MPKI", "reach");
		headed = true;
		text_puts(&report->out, "  ");
		add_clipped(&report->out, report_string(row, 0), 5);
		text_addf(&report->out, " %-11s %15s %13s", report_string(row, 1),
			  report_grouped(a, sizeof(a), report_integer(row, 2)),
			  report_grouped(b, sizeof(b), report_integer(row, 3)));
		text_addf(&report->out, " %7.3f %% %8.3f", 100 * sqlite3_column_double(row, 4),
			  sqlite3_column_double(row, 5));
		if (sqlite3_column_type(row, 6) != SQLITE_NULL) {
			text_puts(&report->out, "   ");
			add_reach(report, row);
		}
		text_puts(&report->out, "\n");
	}
	if (!headed && !report->failed)
		text_puts(&report->out, "\nTLB          none\n");
	sqlite3_finalize(row);
}

/* For runs that classified their misses: how each level's are divided. */
static void print_miss_classes(struct report *report)
{
	sqlite3_stmt *row = report_ask(report,
				       "SELECT level, side, misses, cold, capacity, conflict, flush"
				       " FROM tlb_miss_classes WHERE run = ?1");
	bool headed = false;
	char text[32];

	while (report_next(report, row)) {
		if (!headed)
			text_addf(&report->out, "%-20s %15s %13s %9s %9s %9s\n", "TLB misses",
				  "all", "cold", "capacity", "conflict", "flush");
		headed = true;
		text_puts(&report->out, "  ");
		add_clipped(&report->out, report_string(row, 0), 5);
		text_addf(&report->out, " %-11s", report_string(row, 1));
		for (int i = 2; i < 7; i++)
			text_addf(&report->out,
				  i == 2   ? " %15s"
				  : i == 3 ? " %13s"
					   : " %9s",
				  report_grouped(text, sizeof(text), report_integer(row, i)));
		text_puts(&report->out, "\n");
	}
	sqlite3_finalize(row);
}

static void print_walks(struct report *report)
{
	sqlite3_stmt *row = report_ask(report,
				       "SELECT coalesce(walks, 0), refs_per_walk, cycles_per_walk,"
				       " share, wpki, coalesce(faults, 0), coalesce(dirty, 0)"
				       " FROM walks WHERE run = ?1");
	char a[32], b[32], c[32];

	if (report_next(report, row)) {
		text_addf(
			&report->out,
			"walks        %16s   %.2f references and %.1f cycles each, %.2f %% of cycles\n",
			report_grouped(a, sizeof(a), report_integer(row, 0)),
			sqlite3_column_double(row, 1), sqlite3_column_double(row, 2),
			100 * sqlite3_column_double(row, 3));
		text_addf(&report->out,
			  "             %16s   %.3f per 1000 instructions; %s faulted, %s for D\n",
			  "", sqlite3_column_double(row, 4),
			  report_grouped(b, sizeof(b), report_integer(row, 5)),
			  report_grouped(c, sizeof(c), report_integer(row, 6)));
	}
	sqlite3_finalize(row);
}

static void print_faults(struct report *report)
{
	sqlite3_stmt *row = report_ask(report,
				       "SELECT kind, count FROM faults WHERE run = ?1 AND class IN"
				       " ('cost', 'service') AND (count > 0 OR class = 'cost')");
	char buffer[32];
	const char *before = "faults         ";

	while (report_next(report, row)) {
		text_addf(&report->out, "%s%s %s", before,
			  report_grouped(buffer, sizeof(buffer), report_integer(row, 1)),
			  report_string(row, 0));
		before = strcmp(report_string(row, 0), "major") == 0 ? ": " : ", ";
	}
	if (before[0] != 'f')
		text_puts(&report->out, "\n");
	sqlite3_finalize(row);
}

/* " in 1 + 2 + 4 tables, the root first"; returns whether there is more than one level. */
static bool add_tables_by_level(struct report *report)
{
	sqlite3_stmt *row = report_ask(report,
				       "SELECT value FROM counters WHERE run = ?1 AND name GLOB"
				       " 'page_table.tables_level*' ORDER BY name DESC");
	const char *before = " in ";
	bool several = false;

	while (report_next(report, row)) {
		text_addf(&report->out, "%s%lld", before, (long long)report_integer(row, 0));
		several = before[1] == '+';
		before = " + ";
	}
	if (before[1] == '+')
		text_puts(&report->out, several ? " tables, the root first" : " tables");
	sqlite3_finalize(row);
	return several;
}

static void print_tables(struct report *report)
{
	sqlite3_stmt *row = report_ask(report,
				       "SELECT bytes, peak_bytes, tables, entries, longest_chain,"
				       " ram_share, load_factor FROM page_tables WHERE run = ?1"
				       " AND bytes IS NOT NULL");
	char buffer[32];

	if (report_next(report, row)) {
		text_puts(&report->out, "page tables    ");
		text_size(&report->out, report_integer(row, 0));
		text_puts(&report->out, " (peak ");
		text_size(&report->out, report_integer(row, 1));
		text_addf(&report->out, "), %s entries",
			  report_grouped(buffer, sizeof(buffer), report_integer(row, 3)));
		if (!add_tables_by_level(report) && sqlite3_column_type(row, 6) != SQLITE_NULL)
			text_addf(&report->out, ", load factor %.3g",
				  sqlite3_column_double(row, 6));
		if (report_integer(row, 4))
			text_addf(&report->out, ", longest chain %lld",
				  (long long)report_integer(row, 4));
		text_addf(&report->out, ", %.3f %% of memory\n",
			  100 * sqlite3_column_double(row, 5));
	}
	sqlite3_finalize(row);
}

static void print_pages(struct report *report)
{
	sqlite3_stmt *row = report_ask(
		report, "SELECT address, mapping, accesses, misses, walks, cost FROM pages"
			" WHERE run = ?1 ORDER BY cost DESC, misses DESC, accesses DESC,"
			" asid, address LIMIT ?2");
	bool headed = false;

	if (row)
		sqlite3_bind_int(row, 2, TOP_ROWS);
	while (report_next(report, row)) {
		if (!headed)
			text_addf(&report->out, "\n%-18s %-21s %11s %8s %7s %10s\n",
				  "hottest pages", "", "accesses", "misses", "walks", "cycles");
		headed = true;
		text_addf(&report->out, "%18s ", report_string(row, 0));
		add_clipped(&report->out, last_part(report_string(row, 1)), 20);
		text_addf(&report->out, " %11lld %8lld %7lld %10lld\n",
			  (long long)report_integer(row, 2), (long long)report_integer(row, 3),
			  (long long)report_integer(row, 4), (long long)report_integer(row, 5));
	}
	sqlite3_finalize(row);
}

static void print_instructions(struct report *report)
{
	sqlite3_stmt *row = report_ask(
		report, "SELECT address, coalesce(symbol, file), disassembly, misses, cost FROM"
			" instructions WHERE run = ?1 ORDER BY cost DESC,"
			" misses DESC, asid, address LIMIT ?2");
	bool headed = false;

	if (row)
		sqlite3_bind_int(row, 2, TOP_ROWS);
	while (report_next(report, row)) {
		if (!headed)
			text_addf(&report->out, "\n%-61s %7s %10s\n", "costliest instructions",
				  "misses", "cycles");
		headed = true;
		text_addf(&report->out, "%14s ", report_string(row, 0));
		add_clipped(&report->out, report_string(row, 2), 24);
		add_clipped(&report->out, last_part(report_string(row, 1)), 20);
		text_addf(&report->out, "%7lld %10lld\n", (long long)report_integer(row, 3),
			  (long long)report_integer(row, 4));
	}
	sqlite3_finalize(row);
}

static void print_notes(struct report *report)
{
	sqlite3_stmt *row = report_ask(
		report, "SELECT text FROM (SELECT text FROM note WHERE run = ?1 ORDER BY number)"
			" UNION ALL SELECT count(*) || ' kinds of unknown system calls (ENOSYS): "
			"query syscalls' FROM unknown_syscall WHERE run = ?1 HAVING count(*) > 0");
	unsigned shown = 0;

	while (report_next(report, row)) {
		if (!shown)
			text_puts(&report->out, "\n");
		if (++shown > NOTES_SHOWN) {
			text_puts(&report->out, "note: more in 'query notes'\n");
			break;
		}
		text_puts(&report->out, "note: ");
		add_clipped(&report->out, report_string(row, 0), 2 * SCREEN_COLUMNS);
		end_line(report);
	}
	sqlite3_finalize(row);
}

/* --- all of it ------------------------------------------------------------------------------- */

static int find_run(struct report *report, const char *db_path)
{
	int64_t wanted = report->run;
	sqlite3_stmt *row = report_ask(report, "SELECT max(id) FROM run WHERE ?1 IN (0, id)");

	if (report_next(report, row))
		report->run = report_integer(row, 0);
	sqlite3_finalize(row);
	if (!report->failed && !report->run)
		report->failed =
			wanted ? record_error_set(
					 report->error, PW_ABSENT,
					 "%s: there is no run %lld; 'query runs' lists them",
					 db_path, (long long)wanted)
			       : record_error_set(report->error, PW_ABSENT,
						  "%s: there is no run in it yet", db_path);
	return report->failed;
}

int report_print(const char *db_path, int64_t run, query_write_fn *write, void *ctx,
		 struct record_error *error)
{
	static void (*const parts[])(struct report *) = {
		print_run,          print_work,  print_cycles,       print_tlb,
		print_miss_classes, print_walks, print_faults,       print_tables,
		report_print_os,    print_pages, print_instructions, print_notes,
	};
	struct report report = { .run = run, .error = error };

	report.failed = database_open_read(&report.db, db_path, error);
	if (report.failed)
		return report.failed;
	if (!find_run(&report, db_path))
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			parts[i](&report);
	sqlite3_close(report.db);
	if (!report.failed && report.out.failed)
		report.failed = record_error_set(error, PW_NOMEM, "out of memory");
	if (!report.failed && write(ctx, text_string(&report.out), report.out.length)) {
		record_error_set(error, PW_LIMIT, "%s", "");
		report.failed = PW_LIMIT;
	}
	text_release(&report.out);
	return report.failed;
}
