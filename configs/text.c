/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing string, sizes with units, and the distance behind "did you mean". */

#include "configs/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/error.h"

enum { TEXT_FIRST = 256, WORD_MAX = 31 };

static bool text_reserve(struct config_text *text, size_t more)
{
	size_t capacity = text->capacity != 0 ? text->capacity : TEXT_FIRST;
	char *bytes;

	if (text->failed || more > SIZE_MAX / 4 - text->length) {
		text->failed = true;
		return false;
	}
	while (capacity < text->length + more + 1)
		capacity *= 2;
	if (capacity == text->capacity)
		return true;
	bytes = realloc(text->bytes, capacity);
	if (bytes == NULL) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->capacity = capacity;
	return true;
}

void config_text_add_bytes(struct config_text *text, const void *bytes, size_t length)
{
	if (!text_reserve(text, length))
		return;
	if (length != 0)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void config_text_add(struct config_text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !text_reserve(text, (size_t)length)) {
		text->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, args);
	va_end(args);
	text->length += (size_t)length;
}

int config_text_take(struct config_text *text, char **out)
{
	config_text_add_bytes(text, "", 0);
	if (text->failed) {
		config_text_release(text);
		return PW_NOMEM;
	}
	*out = text->bytes;
	*text = (struct config_text){ 0 };
	return PW_OK;
}

void config_text_release(struct config_text *text)
{
	free(text->bytes);
	*text = (struct config_text){ 0 };
}

const char *config_text_size(char buffer[TEXT_SIZE_MAX], uint64_t bytes)
{
	static const char units[] = "\0KMGTP";
	size_t unit = 0;

	while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < sizeof(units) - 1) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buffer, TEXT_SIZE_MAX, "%" PRIu64 "%.1s", bytes, &units[unit]);
	return buffer;
}

/*
 * Levenshtein's distance with a swap of neighbours as one change (optimal string alignment),
 * three rows at a time.
 */
unsigned config_text_distance(const char *from, const char *to, unsigned limit)
{
	unsigned rows[3][WORD_MAX + 1];
	size_t from_length = strlen(from), to_length = strlen(to);

	if (from_length > WORD_MAX || to_length > WORD_MAX)
		return limit + 1;
	for (unsigned j = 0; j <= to_length; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= from_length; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= to_length; j++) {
			bool same = from[i - 1] == to[j - 1];
			unsigned best = above[j - 1] + !same;

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && from[i - 1] == to[j - 2] &&
			    from[i - 2] == to[j - 1] && above_that[j - 2] + 1 < best)
				best = above_that[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[from_length % 3][to_length];
}

const char *config_text_closest(const char *word, const char *(*next)(void *ctx), void *ctx)
{
	unsigned best = strlen(word) < 4 ? 1 : strlen(word) < 5 ? 2 : 3;
	const char *closest = NULL, *candidate;

	while ((candidate = next(ctx)) != NULL) {
		unsigned distance = config_text_distance(word, candidate, best);

		if (distance <= best && (closest == NULL || distance < best) &&
		    2 * distance <= strlen(candidate)) {
			best = distance;
			closest = candidate;
		}
	}
	return closest;
}

void config_text_add_ways(struct config_text *text, unsigned ways)
{
	if (ways == 0)
		config_text_add(text, "fully associative");
	else if (ways == 1)
		config_text_add(text, "direct-mapped");
	else
		config_text_add(text, "%u-way", ways);
}
