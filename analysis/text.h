/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_TEXT_H
#define PAGEWALK_ANALYSIS_TEXT_H

/*
 * A growing string, and what the outputs share about Unicode. When memory runs out the text keeps
 * what it has, takes no more and says so in `failed`, so that only its last user has to ask.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes; /* NUL-terminated; NULL while empty */
	size_t length, room;
	bool failed;
};

void text_release(struct text *text);
void text_clear(struct text *text);
const char *text_string(const struct text *text); /* "" while empty */
void text_add(struct text *text, const char *bytes, size_t length);
void text_puts(struct text *text, const char *string);
__attribute__((format(printf, 2, 3))) void text_addf(struct text *text, const char *format, ...);
/* `count` times the character. */
void text_fill(struct text *text, char character, size_t count);
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void text_json(struct text *text, const char *bytes, size_t length);

/* For a terminal: control characters and changes of direction as escapes, other bytes U+FFFD. */
void text_harmless(struct text *text, const char *bytes, size_t length);

/*
 * The same, cut after so many columns of a terminal, with an ellipsis where something was cut.
 * Returns the columns it takes, at most one more.
 */
size_t text_clipped(struct text *text, const char *string, size_t columns);
/* 1.5 MiB */
void text_size(struct text *text, int64_t bytes);

/*
 * The next code point of valid UTF-8 at [bytes, bytes + length), length > 0, and how many bytes it
 * takes; U+FFFD and 1 for a byte that is not part of valid UTF-8.
 */
uint32_t utf8_next(const char *bytes, size_t length, unsigned *taken);
/* Columns that a code point takes on a terminal: 0, 1 or 2. */
unsigned utf8_columns(uint32_t code);
/* Of a whole string without control characters. */
size_t utf8_width(const char *bytes, size_t length);

#endif
