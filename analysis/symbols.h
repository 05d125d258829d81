/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_SYMBOLS_H
#define PAGEWALK_ANALYSIS_SYMBOLS_H

/*
 * Names for places in ELF files: symbol and, where there is debug information, source line.
 *
 * Files are opened once and kept. A file that is missing, not ELF, damaged or hostile gives no
 * names and no error: names are a convenience. One that does not hold any more what it held when the
 * guest ran is not used at all.
 * Only what lies in the file itself is used (no separate debug files, no network); names are not
 * demangled.
 */

#include "mmu/memory.h"

enum { SYMBOL_TEXT_MAX = 256, SYMBOL_FILE_MAX = 512, SYMBOL_FILES_MAX = 256 };

struct symbol_place {
	char symbol[SYMBOL_TEXT_MAX]; /* "name+0x1f" or "" */
	char file[SYMBOL_FILE_MAX];   /* "source.c:12", else the file's own path */
};

/* A file as the guest ran it. */
struct symbol_file {
	const char *path;
	const char *identity; /* of its content (identity.h); NULL: whatever it is now */
};

struct symbols;

/* PW_NOMEM. */
int symbols_create(struct symbols **out);
void symbols_destroy(struct symbols *symbols);
/* Names the byte at `offset` of the file; nothing, where that is not the one that was asked for. */
void symbols_find(struct symbols *symbols, const struct symbol_file *file, uint64_t offset,
		  struct symbol_place *place);
/* Up to `length` bytes of the file at `offset`; returns how many there are. */
size_t symbols_read(struct symbols *symbols, const struct symbol_file *file, uint64_t offset,
		    void *to, size_t length);
/* The files that were asked for and are not what they were, and why. */
void symbols_visit_unusable(const struct symbols *symbols,
			    void (*visit)(void *ctx, const char *path, const char *why), void *ctx);

#endif
