/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_GRID_H
#define PAGEWALK_ANALYSIS_GRID_H

/* Cells of text in rows and columns, written as an aligned table for a terminal or as Markdown. */

#include "analysis/text.h"

struct grid_column {
	size_t room; /* its widest cell, and the gap before it; 0: it has no text */
	bool left;   /* aligned so */
};

struct grid {
	size_t rows, columns;
	struct text *cells;
	struct grid_column *column;
};

/* False: out of memory, and there is nothing to release. */
bool grid_init(struct grid *grid, size_t rows, size_t columns);
void grid_release(struct grid *grid);
struct text *grid_cell(const struct grid *grid, size_t row, size_t column);

/* Finds the widths; before the functions below. */
void grid_measure(struct grid *grid);
/* How many columns fit into `width`, at least one. */
size_t grid_fitting(const struct grid *grid, size_t width);
/*
 * For a terminal. Where columns do not fit into `width`, the table goes on below with the first
 * column again; groups of `step` columns after the first stay together.
 */
void grid_text(const struct grid *grid, size_t width, size_t step, struct text *out);
/* The first `columns` for a terminal, however wide. */
void grid_block(const struct grid *grid, size_t columns, struct text *out);
/* The first `columns` as a table of GitHub's Markdown; row 0 is its head. */
void grid_markdown(const struct grid *grid, size_t columns, struct text *out);

#endif
