/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_IMPORT_H
#define PAGEWALK_TRACES_IMPORT_H

/*
 * Traces of other tools become ours. They hold accesses and no mappings: the trace that is made
 * begins with a space that maps memory where it is touched (first_touch of kcall.def). One block an
 * instruction, so that accesses keep their place between fetches; an access belongs to the
 * instruction fetched last.
 */

#include "traces/trace.h"

/* What a foreign trace may hold: the lower half of 48-bit addresses, as Linux gives it to programs. */
#define IMPORT_VA_END UINT64_C(0x7ffffffff000)

struct trace_import_setup {
	const char *path;   /* plain, .gz or .xz; "-": standard input */
	const char *format; /* name, or NULL: guessed from the content, or else the file's name */
	bool lenient;       /* what makes no sense is counted and skipped */
};

struct trace_import_result {
	const char *format; /* that was read */
	uint64_t loads, stores, instructions;
	uint64_t split;   /* accesses of more than a page, recorded as one for each page */
	uint64_t kernel;  /* what belongs to the kernel, left out */
	uint64_t skipped; /* lines or records that made no sense: with `lenient` */
	struct trace_error first_skipped;
};

/* Name and one line about the n-th format; NULL behind the last. */
const char *trace_import_format(unsigned n, const char **doc);

/*
 * Reads all of it and reports to the tap, preamble first. PW_IO, PW_NOMEM; PW_CORRUPT with file and
 * line or record; PW_INVALID for a format that is unknown or cannot be guessed.
 */
int trace_import_read(const struct trace_import_setup *setup, const struct machine_tap *tap,
		      struct trace_import_result *result, struct trace_error *error);

/* The same into a file, which is removed after a failure. */
int trace_import(const struct trace_import_setup *setup, const char *output,
		 struct trace_import_result *result, struct trace_error *error);

#endif
