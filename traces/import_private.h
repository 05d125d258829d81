/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_IMPORT_PRIVATE_H
#define PAGEWALK_TRACES_IMPORT_PRIVATE_H

/*
 * What the readers of foreign formats share: where they read, and where accesses go.
 *
 * A reader takes from im->input until its end, sets im->place to the line or record (from 1) before
 * it looks at one, hands over what it finds, and says import_malformed() about what makes no sense.
 * Anything but PW_OK from one of these ends the reading and is returned.
 */

#include "traces/import.h"
#include "traces/import_input.h"

struct import_format;

struct import {
	struct import_input *input;
	const struct import_format *format;
	const char *path, *unit; /* unit: of place, "line" or "record" */
	bool lenient;
	uint64_t place;
	const char *line, *line_end; /* that is parsed; NULL: a record */
	struct trace_import_result *result;
	struct trace_error *error;
	/* --- where it goes --- */
	const struct machine_tap *tap;
	va_t pc;        /* of the instruction that was fetched last */
	uint64_t steps; /* instructions, or accesses where there are none */
	uint64_t next_tick;
};

struct import_format {
	const char *name, *doc;
	/* Are these first bytes (of a longer input, if whole is false) of this format? */
	bool (*recognise)(const uint8_t *bytes, size_t count, bool whole);
	int (*read)(struct import *im);
};
extern const struct import_format import_lackey, import_din, import_champsim, import_cloudsuite,
	import_perf, import_csv;

/* --- import.c: what was found ---------------------------------------------------------------- */

/* An instruction of 1 to 4096 bytes. */
int import_fetch(struct import *im, va_t va, uint64_t bytes);
/* A load or store, of up to 1 MiB. */
int import_access(struct import *im, enum access_kind access, va_t va, uint64_t bytes);
/* Is it an address of the kernel, to be left out? Counts. Of formats that see the whole system. */
bool import_of_kernel(struct import *im, va_t va);
/*
 * The line or record makes no sense, `must_be` says what would: PW_CORRUPT with all that in the error;
 * PW_OK where it is to be skipped.
 */
int import_malformed(struct import *im, const char *must_be);

/* --- import_text.c: lines -------------------------------------------------------------------- */

/* Part of a line; not terminated, and may hold any byte. */
struct text {
	const char *at, *end;
};

enum { IMPORT_LINE_MAX = 4096 };

/* Calls parse for each line, without its end (LF or CRLF), until there is none. */
int import_lines(struct import *im, int (*parse)(struct import *im, struct text line));
/* The first line of some bytes, taken from them; false: none is complete. */
bool text_first_line(const uint8_t **bytes, size_t *count, bool whole, struct text *line);

void text_skip_blanks(struct text *text);
bool text_is_empty(const struct text *text);
/* Nothing, or what starts with #. */
bool text_is_remark(struct text text);
/* Takes the character, if it comes next. */
bool text_take(struct text *text, char character);
bool text_starts_with(const struct text *text, const char *prefix);
/* Takes letters, digits, '-' and '_' as far as they go. */
struct text text_word(struct text *text);
/* Without regard to case. */
bool text_is(const struct text *text, const char *word);
/* Takes digits; false, with the text where it was, for none and for more than 64 bits. */
bool text_hex(struct text *text, uint64_t *value); /* with 0x or without */
bool text_decimal(struct text *text, uint64_t *value);

#endif
