/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_TEXT_H
#define PAGEWALK_CONFIGS_TEXT_H

/*
 * A growing string. Running out of memory is remembered and reported once, by config_text_take(), so
 * that those who write into it need not check each time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_text {
	char *bytes; /* NUL-terminated once anything was added */
	size_t length, capacity;
	bool failed;
};

void config_text_add_bytes(struct config_text *text, const void *bytes, size_t length);
__attribute__((format(printf, 2, 3))) void config_text_add(struct config_text *text,
							   const char *format, ...);
/* Moves the string to *out (to be freed by the caller) and empties the text. PW_NOMEM. */
int config_text_take(struct config_text *text, char **out);
void config_text_release(struct config_text *text);

/* "8-way", "direct-mapped" or, for 0, "fully associative". */
void config_text_add_ways(struct config_text *text, unsigned ways);

enum { TEXT_SIZE_MAX = 24 };

/* "32K", "1536", "4G": the largest binary unit that divides the number. */
const char *config_text_size(char buffer[TEXT_SIZE_MAX], uint64_t bytes);

/* How many single-character changes lead from one string to the other, at most `limit` + 1. */
unsigned config_text_distance(const char *from, const char *to, unsigned limit);

/* The candidate that `word` may be a slip of, or NULL. `next` yields them until NULL. */
const char *config_text_closest(const char *word, const char *(*next)(void *ctx), void *ctx);

#endif
