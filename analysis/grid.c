/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tables that are small enough to be held in memory: see grid.h. */

#include "analysis/grid.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

bool grid_init(struct grid *grid, size_t rows, size_t columns)
{
	*grid = (struct grid){ .rows = rows, .columns = columns };
	grid->cells = calloc(rows * columns, sizeof(*grid->cells));
	grid->column = calloc(columns, sizeof(*grid->column));
	if (grid->cells && grid->column)
		return true;
	grid->rows = 0;
	grid_release(grid);
	return false;
}

void grid_release(struct grid *grid)
{
	for (size_t i = 0; i < grid->rows * grid->columns; i++)
		text_release(&grid->cells[i]);
	free(grid->cells);
	free(grid->column);
	*grid = (struct grid){ 0 };
}

struct text *grid_cell(const struct grid *grid, size_t row, size_t column)
{
	return &grid->cells[row * grid->columns + column];
}

static size_t cell_width(const struct text *cell)
{
	return utf8_width(text_string(cell), cell->length);
}

void grid_measure(struct grid *grid)
{
	for (size_t column = 0; column < grid->columns; column++) {
		size_t widest = 0;

		for (size_t row = 0; row < grid->rows; row++) {
			size_t width = cell_width(grid_cell(grid, row, column));

			if (width > widest)
				widest = width;
		}
		grid->column[column].room = widest && column ? widest + GAP : widest;
	}
}

size_t grid_fitting(const struct grid *grid, size_t width)
{
	size_t used = 0, column = 0;

	while (column < grid->columns && used + grid->column[column].room <= width)
		used += grid->column[column++].room;
	return column ? column : 1;
}

/* --- for a terminal -------------------------------------------------------------------------- */

static void strip_blanks(struct text *out)
{
	while (out->length && out->bytes[out->length - 1] == ' ')
		out->bytes[--out->length] = '\0';
}

static void put_cell(const struct grid *grid, size_t row, size_t index, struct text *out)
{
	const struct grid_column *column = &grid->column[index];
	const struct text *cell = grid_cell(grid, row, index);
	size_t gap = index && column->room ? GAP : 0;
	size_t padding = column->room - gap - cell_width(cell);

	text_fill(out, ' ', column->left ? gap : gap + padding);
	text_add(out, text_string(cell), cell->length);
	text_fill(out, ' ', column->left ? padding : 0);
}

static void put_block(const struct grid *grid, size_t from, size_t to, struct text *out)
{
	for (size_t row = 0; row < grid->rows; row++) {
		put_cell(grid, row, 0, out);
		for (size_t column = from; column < to; column++)
			put_cell(grid, row, column, out);
		strip_blanks(out);
		text_puts(out, "\n");
	}
}

/* One past the last column that goes beside column 0 when they start with `from`. */
static size_t block_end(const struct grid *grid, size_t from, size_t width, size_t step)
{
	size_t used = grid->column[0].room, end = from;

	while (end < grid->columns) {
		size_t next = end + step < grid->columns ? end + step : grid->columns;

		for (size_t column = end; column < next; column++)
			used += grid->column[column].room;
		if (end > from && used > width)
			break;
		end = next;
	}
	return end;
}

void grid_text(const struct grid *grid, size_t width, size_t step, struct text *out)
{
	for (size_t from = 1, to; from < grid->columns; from = to) {
		to = block_end(grid, from, width, step);
		if (from > 1)
			text_puts(out, "\n");
		put_block(grid, from, to, out);
	}
}

void grid_block(const struct grid *grid, size_t columns, struct text *out)
{
	put_block(grid, 1, columns, out);
}

/* --- Markdown -------------------------------------------------------------------------------- */

/* What would end the cell or be taken for HTML; emphasis is up to the caller. */
static void put_markdown(struct text *out, const struct text *cell)
{
	for (size_t i = 0; i < cell->length; i++) {
		if (strchr("|\\`<>", cell->bytes[i]))
			text_puts(out, "\\");
		text_add(out, cell->bytes + i, 1);
	}
}

void grid_markdown(const struct grid *grid, size_t columns, struct text *out)
{
	for (size_t row = 0; row < grid->rows; row++) {
		for (size_t column = 0; column < columns; column++) {
			text_puts(out, column ? " | " : "| ");
			put_markdown(out, grid_cell(grid, row, column));
		}
		text_puts(out, " |\n");
		if (row)
			continue;
		for (size_t column = 0; column < columns; column++)
			text_puts(out, grid->column[column].left ? "|:-" : "|-:");
		text_puts(out, "|\n");
	}
}
