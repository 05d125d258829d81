/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_IMPORT_INPUT_H
#define PAGEWALK_TRACES_IMPORT_INPUT_H

/* The bytes of a file or of standard input, decompressed where they are gzip or xz, as they come. */

#include <stddef.h>
#include <stdint.h>

#include "traces/trace.h"

struct import_input;

/* "-": standard input. PW_IO, PW_NOMEM. */
int import_input_open(struct import_input **out, const char *path, struct trace_error *error);
void import_input_close(struct import_input *input); /* NULL: nothing */

/* Is it the regular file of that name? Writing there would destroy what is read. */
bool import_input_is(const struct import_input *input, const char *path);

enum { IMPORT_PEEK_MAX = 1 << 16 };

/*
 * What comes next, without taking it: at least `wanted` bytes (at most IMPORT_PEEK_MAX) unless the
 * input ends before. Good until the next call. How many there are, 0 at the end; or PW_IO,
 * PW_CORRUPT, PW_NOMEM.
 */
int import_input_peek(struct import_input *input, size_t wanted, const uint8_t **bytes,
		      struct trace_error *error);
/* Takes bytes that were peeked. */
void import_input_take(struct import_input *input, size_t count);

#endif
