/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_SYMBOLS_H
#define PAGEWALK_ANALYSIS_SYMBOLS_H

/*
 * Names for places in ELF files: symbol and, where there is debug information, source line.
 *
 * Files are opened once and kept. A file that is missing, not ELF, damaged or hostile gives no
 * names and no error: names are a convenience, and the file may have changed since the guest ran.
 * Only what lies in the file itself is used (no separate debug files, no network); names are not
 * demangled.
 */

#include "mmu/memory.h"

enum { SYMBOL_TEXT_MAX = 256, SYMBOL_FILE_MAX = 512, SYMBOL_FILES_MAX = 256 };

struct symbol_place {
	char symbol[SYMBOL_TEXT_MAX]; /* "name+0x1f" or "" */
	char file[SYMBOL_FILE_MAX];   /* "source.c:12", else the file's own path */
};

struct symbols;

/* PW_NOMEM. */
int symbols_create(struct symbols **out);
void symbols_destroy(struct symbols *symbols);
/* Names the byte at `offset` of the file. */
void symbols_find(struct symbols *symbols, const char *path, uint64_t offset,
		  struct symbol_place *place);
/* Up to `length` bytes of the file at `offset`; returns how many there are. */
size_t symbols_read(struct symbols *symbols, const char *path, uint64_t offset, void *to,
		    size_t length);

#endif
