/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A comparison for people: a column a run, or a line a run. See compare.h. */

#include "analysis/compare_private.h"

#include "analysis/grid.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMNS = 40, FACT_COLUMNS = 20, PROGRAM_COLUMNS = 68 };

enum { METRICS_MIN = 4 }; /* in a line */

/* --- cells ----------------------------------------------------------------------------------- */

static void put_grouped(struct text *out, int64_t value)
{
	char digits[40];

	sqlite3_snprintf((int)sizeof(digits), digits, "%,lld", (long long)value);
	text_puts(out, digits);
}

static void put_value(struct text *out, const struct metric *metric,
		      const struct compare_value *value)
{
	if (!value->known)
		text_puts(out, "-");
	else if (strcmp(metric->unit, "bytes") == 0)
		text_size(out, value->integer);
	else if (value->whole || fabs(value->number) >= 100000)
		put_grouped(out, value->integer);
	else
		text_addf(out, "%.5g", value->number);
}

static void put_ratio(struct text *out, const struct compare_value *value)
{
	if (!value->has_ratio)
		text_puts(out, "-");
	else if (value->ratio < 0.1)
		text_addf(out, "%.2gx", value->ratio);
	else if (value->ratio < 100)
		text_addf(out, value->ratio < 10 ? "%.2fx" : "%.1fx", value->ratio);
	else
		text_addf(out, value->ratio < 1e6 ? "%.0fx" : "%.1ex", value->ratio);
}

/* On a terminal what is not marked leaves a blank, so that digits stand below each other. */
static void put_marked(struct text *out, const struct metric *metric,
		       const struct compare_value *value, bool markdown)
{
	const char *mark = markdown ? "**" : "*";

	text_puts(out, markdown && value->best ? mark : "");
	put_value(out, metric, value);
	text_puts(out, value->best ? mark : markdown ? "" : " ");
}

static void put_run(struct text *out, const struct compare_run *run, bool markdown)
{
	text_addf(out, "%lld%s", (long long)run->id,
		  run->facts[FACT_CUT_SHORT] ? "!"
		  : markdown                 ? ""
					     : " ");
}

static void put_fact(struct text *out, const struct compare_run *run, size_t fact)
{
	text_clipped(out, run->facts[fact] ? run->facts[fact] : "-", FACT_COLUMNS);
}

/* --- what is shown --------------------------------------------------------------------------- */

/* Why a run was cut short is in the notes; side by side, programs are in the title. */
static bool shows_fact(const struct comparison *c, size_t fact, bool side_by_side)
{
	switch (fact) {
	case FACT_MACHINE:
		return side_by_side || !c->lines || comparison_fact_differs(c, fact);
	case FACT_PAGE_TABLE:
		return side_by_side || comparison_fact_differs(c, fact);
	case FACT_PROGRAM:
		return !side_by_side && comparison_fact_differs(c, fact);
	case FACT_TRACE:
	case FACT_CUT_SHORT:
		return false;
	default:
		return comparison_fact_differs(c, fact);
	}
}

static bool any_run(const struct comparison *c, size_t metric, bool above_zero)
{
	for (size_t i = 0; i < c->run_count; i++) {
		const struct compare_value *value = &c->runs[i].values[metric];

		if (value->known && (value->number > 0 || !above_zero))
			return true;
	}
	return false;
}

static bool shows_metric(const struct comparison *c, size_t metric, bool side_by_side)
{
	const enum metric_show show = c->metrics[metric].show;

	if (metric == c->sorted_by)
		return true;
	if (!side_by_side && show != SHOW_KEY)
		return false;
	return any_run(c, metric, show == SHOW_IF_ANY);
}

/* --- side by side: a column a run ------------------------------------------------------------ */

/* `step` columns a run: the value, and for a terminal the ratio on its own. */
static void fill_metric(const struct comparison *c, const struct grid *grid, size_t row,
			size_t metric)
{
	size_t step = (grid->columns - 1) / c->run_count;

	text_clipped(grid_cell(grid, row, 0), c->metrics[metric].name, NAME_COLUMNS);
	for (size_t i = 0; i < c->run_count; i++) {
		const struct compare_value *value = &c->runs[i].values[metric];
		struct text *cell = grid_cell(grid, row, 1 + i * step);

		put_marked(cell, &c->metrics[metric], value, step == 1);
		if (i && value->has_ratio) {
			text_puts(cell, step == 1 ? " (" : "");
			put_ratio(step == 1 ? cell : cell + 1, value);
			text_puts(cell, step == 1 ? ")" : "");
		}
	}
}

static void fill_fact(const struct comparison *c, const struct grid *grid, size_t row, size_t fact)
{
	size_t step = (grid->columns - 1) / c->run_count;

	text_clipped(grid_cell(grid, row, 0), c->fact_names[fact], NAME_COLUMNS);
	for (size_t i = 0; i < c->run_count; i++) {
		put_fact(grid_cell(grid, row, 1 + i * step), &c->runs[i], fact);
		text_puts(grid_cell(grid, row, 1 + i * step), step == 1 ? "" : " ");
	}
}

static size_t count_rows(const struct comparison *c)
{
	size_t rows = 1;

	for (size_t fact = 0; fact < c->fact_count; fact++)
		rows += shows_fact(c, fact, true);
	for (size_t metric = 0; metric < c->metric_count; metric++)
		rows += shows_metric(c, metric, true);
	return rows;
}

static bool make_columns(const struct comparison *c, size_t step, struct grid *grid)
{
	size_t row = 1;

	if (!grid_init(grid, count_rows(c), 1 + step * c->run_count))
		return false;
	grid->column[0].left = true;
	text_puts(grid_cell(grid, 0, 0), "run");
	for (size_t i = 0; i < c->run_count; i++)
		put_run(grid_cell(grid, 0, 1 + i * step), &c->runs[i], step == 1);
	for (size_t fact = 0; fact < c->fact_count; fact++)
		if (shows_fact(c, fact, true))
			fill_fact(c, grid, row++, fact);
	for (size_t metric = 0; metric < c->metric_count; metric++)
		if (shows_metric(c, metric, true))
			fill_metric(c, grid, row++, metric);
	grid_measure(grid);
	return true;
}

/* --- a line a run ---------------------------------------------------------------------------- */

struct column {
	enum { COLUMN_RUN, COLUMN_FACT, COLUMN_METRIC, COLUMN_RATIO } kind;
	size_t index; /* of the fact or metric */
};

/* The metric that the runs are sorted by, and how much worse the others are, comes first. */
static size_t list_columns(const struct comparison *c, struct column *columns)
{
	size_t count = 0;

	columns[count++] = (struct column){ COLUMN_RUN, 0 };
	for (size_t fact = 0; fact < c->fact_count; fact++)
		if (shows_fact(c, fact, false))
			columns[count++] = (struct column){ COLUMN_FACT, fact };
	if (c->sorted_by < c->metric_count) {
		columns[count++] = (struct column){ COLUMN_METRIC, c->sorted_by };
		columns[count++] = (struct column){ COLUMN_RATIO, c->sorted_by };
	}
	for (size_t metric = 0; metric < c->metric_count; metric++)
		if (metric != c->sorted_by && shows_metric(c, metric, false))
			columns[count++] = (struct column){ COLUMN_METRIC, metric };
	return count;
}

static void fill_head(const struct comparison *c, const struct column *column, bool markdown,
		      struct text *cell)
{
	switch (column->kind) {
	case COLUMN_RUN:
		text_puts(cell, markdown ? "run" : "run ");
		break;
	case COLUMN_FACT:
		text_clipped(cell, c->fact_names[column->index], NAME_COLUMNS);
		break;
	case COLUMN_METRIC:
		text_clipped(cell, c->metrics[column->index].name, NAME_COLUMNS);
		text_puts(cell, markdown ? "" : " ");
		break;
	case COLUMN_RATIO:
		text_puts(cell, "ratio");
		break;
	}
}

static void fill_cell(const struct comparison *c, const struct column *column,
		      const struct compare_run *run, bool markdown, struct text *cell)
{
	const struct compare_value *value = &run->values[column->index];

	switch (column->kind) {
	case COLUMN_RUN:
		put_run(cell, run, markdown);
		break;
	case COLUMN_FACT:
		put_fact(cell, run, column->index);
		break;
	case COLUMN_METRIC:
		put_marked(cell, &c->metrics[column->index], value, markdown);
		break;
	case COLUMN_RATIO:
		put_ratio(cell, value);
		break;
	}
}

static void fill_lines(const struct comparison *c, const struct column *columns, bool markdown,
		       const struct grid *grid)
{
	for (size_t column = 0; column < grid->columns; column++) {
		grid->column[column].left = columns[column].kind == COLUMN_FACT;
		fill_head(c, &columns[column], markdown, grid_cell(grid, 0, column));
		for (size_t i = 0; i < c->run_count; i++)
			fill_cell(c, &columns[column], &c->runs[i], markdown,
				  grid_cell(grid, i + 1, column));
	}
}

/* *needed: columns that are shown however narrow the terminal is. */
static bool make_lines(const struct comparison *c, bool markdown, struct grid *grid, size_t *needed)
{
	struct column *columns = calloc(c->fact_count + c->metric_count + 2, sizeof(*columns));
	size_t count;

	if (!columns)
		return false;
	count = list_columns(c, columns);
	*needed = 0;
	while (*needed < count &&
	       (columns[*needed].kind != COLUMN_METRIC || columns[*needed].index == c->sorted_by))
		++*needed;
	/* However many settings differ: without any metric a line would say nothing. */
	if (c->sorted_by == c->metric_count)
		*needed = *needed + METRICS_MIN < count ? *needed + METRICS_MIN : count;
	if (grid_init(grid, c->run_count + 1, count)) {
		fill_lines(c, columns, markdown, grid);
		grid_measure(grid);
	}
	free(columns);
	return grid->cells != NULL;
}

/* --- text and Markdown ----------------------------------------------------------------------- */

/* "program    run 1, 2: ls", a line for each, or "program    ls". */
static void put_programs(const struct comparison *c, struct text *out)
{
	bool differs = comparison_fact_differs(c, FACT_PROGRAM), said = false;

	for (size_t i = 0; i < c->run_count; i++) {
		const char *program = c->runs[i].facts[FACT_PROGRAM];
		const char *before = "run ";
		bool first = true;

		for (size_t j = 0; j < i; j++)
			first = first && strcmp(c->runs[j].facts[FACT_PROGRAM], program) != 0;
		if (!first)
			continue;
		text_puts(out, said ? "           " : "program    ");
		said = true;
		for (size_t j = i; j < c->run_count && differs; j++) {
			if (strcmp(c->runs[j].facts[FACT_PROGRAM], program) != 0)
				continue;
			text_addf(out, "%s%lld", before, (long long)c->runs[j].id);
			before = ", ";
		}
		text_puts(out, differs ? ": " : "");
		text_clipped(out, program, PROGRAM_COLUMNS);
		text_puts(out, "\n");
	}
	text_puts(out, "\n");
}

static void put_foot(const struct comparison *c, bool markdown, struct text *out)
{
	text_addf(out, "\n%s: the best; ratios are to run %lld\n", markdown ? "bold" : "*",
		  (long long)c->runs[0].id);
	for (size_t i = 0; i < c->note_count; i++) {
		text_puts(out, markdown ? "\nnote: " : "note: ");
		text_clipped(out, text_string(&c->notes[i]), 4 * PROGRAM_COLUMNS);
		text_puts(out, "\n");
	}
}

static bool put_side_by_side(const struct comparison *c, size_t width, struct text *out)
{
	struct grid grid;

	if (!make_columns(c, width ? 2 : 1, &grid))
		return false;
	if (width)
		grid_text(&grid, width, 2, out);
	else
		grid_markdown(&grid, grid.columns, out);
	grid_release(&grid);
	return true;
}

static bool put_lines(const struct comparison *c, size_t width, struct text *out)
{
	size_t needed, fitting;
	struct grid grid = { 0 };

	if (!make_lines(c, !width, &grid, &needed))
		return false;
	fitting = grid_fitting(&grid, width);
	fitting = fitting > needed ? fitting : needed;
	if (width)
		grid_block(&grid, fitting, out);
	else
		grid_markdown(&grid, grid.columns, out);
	if (width && fitting < grid.columns)
		text_puts(out, "\n(more columns: --csv, --markdown)\n");
	grid_release(&grid);
	return true;
}

/* width 0: Markdown. */
void compare_print_people(const struct comparison *c, size_t width, struct text *out)
{
	bool lines = c->lines || c->run_count > COMPARE_SIDE_BY_SIDE_MAX;

	if (!lines || !comparison_fact_differs(c, FACT_PROGRAM))
		put_programs(c, out);
	if (!(lines ? put_lines(c, width, out) : put_side_by_side(c, width, out)))
		out->failed = true;
	put_foot(c, !width, out);
}
