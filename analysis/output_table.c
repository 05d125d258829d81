/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Rows as an aligned table for people. The first ROWS_MEASURED rows are held back to find the
 * widths; later ones are written as they come, and a cell that is wider then pushes its row apart.
 * So a query over millions of events needs no memory for them. Columns of numbers align right.
 */

#include "analysis/output.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MEASURED = 1000, COLUMN_GAP = 2, FLUSH_BYTES = 1 << 16 };

struct column {
	size_t width;
	bool left; /* some value is text */
};

struct table {
	sqlite3_stmt *statement;
	const struct query_output *output;
	int columns;
	struct column *column;
	struct text held; /* cells of measured rows, each ended by NUL */
	struct text cell; /* scratch */
	struct text out;
	uint64_t rows;
	bool stopped;
};

static void flush(struct table *table, size_t above)
{
	if (table->out.length <= above || table->stopped)
		return;
	table->stopped =
		table->output->write(table->output->ctx, table->out.bytes, table->out.length) != 0;
	text_clear(&table->out);
}

static void put_cell(struct table *table, int index, const char *cell, size_t length)
{
	const struct column *column = &table->column[index];
	size_t width = utf8_width(cell, length);
	size_t padding = column->width > width ? column->width - width : 0;
	bool last = index + 1 == table->columns;

	if (!column->left)
		text_fill(&table->out, ' ', padding);
	text_add(&table->out, cell, length);
	if (last) {
		text_puts(&table->out, "\n");
		return;
	}
	if (column->left)
		text_fill(&table->out, ' ', padding);
	text_fill(&table->out, ' ', COLUMN_GAP);
}

static const char *column_name(const struct table *table, int index)
{
	const char *name = sqlite3_column_name(table->statement, index);

	return name ? name : "";
}

static void put_header(struct table *table)
{
	for (int i = 0; i < table->columns; i++)
		put_cell(table, i, column_name(table, i), strlen(column_name(table, i)));
	for (int i = 0; i < table->columns; i++) {
		text_fill(&table->out, '-', table->column[i].width);
		if (i + 1 < table->columns)
			text_fill(&table->out, ' ', COLUMN_GAP);
	}
	text_puts(&table->out, "\n");
}

/* Header and held rows, now that the widths are known. */
static void put_held(struct table *table)
{
	const char *cell = text_string(&table->held);
	const char *end = cell + table->held.length;

	put_header(table);
	while (cell < end) {
		for (int i = 0; i < table->columns && cell < end; i++) {
			size_t length = strlen(cell);

			put_cell(table, i, cell, length);
			cell += length + 1;
		}
		flush(table, FLUSH_BYTES);
	}
	text_release(&table->held);
}

static void measure_row(struct table *table)
{
	for (int i = 0; i < table->columns; i++) {
		struct column *column = &table->column[i];
		int type = sqlite3_column_type(table->statement, i);
		size_t width;

		text_clear(&table->cell);
		output_cell(&table->cell, table->statement, i);
		width = utf8_width(text_string(&table->cell), table->cell.length);
		if (width > column->width)
			column->width = width;
		if (type == SQLITE_TEXT || type == SQLITE_BLOB)
			column->left = true;
		/* output_cell writes no NUL. */
		text_add(&table->held, text_string(&table->cell), table->cell.length);
		text_add(&table->held, "", 1);
	}
}

static void stream_row(struct table *table)
{
	for (int i = 0; i < table->columns; i++) {
		text_clear(&table->cell);
		output_cell(&table->cell, table->statement, i);
		put_cell(table, i, text_string(&table->cell), table->cell.length);
	}
	flush(table, FLUSH_BYTES);
}

static int run(struct table *table)
{
	int code = SQLITE_DONE;

	while (!table->stopped && (code = sqlite3_step(table->statement)) == SQLITE_ROW) {
		if (table->rows < ROWS_MEASURED)
			measure_row(table);
		else
			stream_row(table);
		if (++table->rows == ROWS_MEASURED)
			put_held(table);
	}
	if (table->stopped)
		return SQLITE_OK;
	if (table->rows < ROWS_MEASURED && code == SQLITE_DONE)
		put_held(table);
	if (table->held.failed || table->out.failed || table->cell.failed)
		return SQLITE_NOMEM;
	flush(table, 0);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

int output_table(sqlite3_stmt *statement, const struct query_output *output, bool first,
		 bool *stopped)
{
	struct table table = { .statement = statement, .output = output };
	int code;

	table.columns = sqlite3_column_count(statement);
	table.column = calloc((size_t)table.columns, sizeof(*table.column));
	if (!table.column)
		return SQLITE_NOMEM;
	for (int i = 0; i < table.columns; i++)
		table.column[i].width =
			utf8_width(column_name(&table, i), strlen(column_name(&table, i)));
	if (!first)
		text_puts(&table.out, "\n");
	code = run(&table);
	*stopped = table.stopped;
	free(table.column);
	text_release(&table.held);
	text_release(&table.cell);
	text_release(&table.out);
	return code;
}
