/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_LINES_H
#define PAGEWALK_ANALYSIS_LINES_H

/*
 * Source lines of addresses, out of the DWARF line tables (.debug_line) of an ELF file.
 *
 * Our own reader, because the file may be hostile: libdw 0.188 reads beyond its buffers when a
 * line table is damaged. Here every byte is read through a cursor that knows its end.
 */

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Beyond these the rest of a file is left out. */
enum { LINE_ROWS_MAX = 1 << 21, LINE_FILES_MAX = 1 << 16 };

struct line_row {
	uint64_t address;
	uint32_t line; /* 0: the end of a sequence, no line */
	uint32_t file; /* index into file[] */
};

struct line_file {
	const char *directory, *name; /* in the ELF file's memory; directory may be NULL */
};

struct lines {
	struct line_row *row; /* sorted by address */
	size_t row_count, row_room;
	struct line_file *file;
	size_t file_count, file_room;
};

/* Takes what the file has; damaged units are left out. `elf` must outlive *lines. */
void lines_load(struct lines *lines, Elf *elf);
void lines_release(struct lines *lines);
/* Writes "directory/name:line" and returns true, or leaves *out alone. */
bool lines_find(const struct lines *lines, uint64_t address, char *out, size_t size);

#endif
