/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lines and what is in them. Foreign text may hold anything: NUL bytes, no end, endless lines. */

#include <string.h>
#include <strings.h>

#include "traces/import_private.h"

/* --- lines ----------------------------------------------------------------------------------- */

static struct text line_of(const uint8_t *bytes, size_t count)
{
	struct text line = { (const char *)bytes, (const char *)bytes + count };

	if (count > 0 && line.end[-1] == '\r')
		line.end--;
	return line;
}

bool text_first_line(const uint8_t **bytes, size_t *count, bool whole, struct text *line)
{
	const uint8_t *newline = memchr(*bytes, '\n', *count);
	size_t length = newline ? (size_t)(newline - *bytes) : *count;

	if (*count == 0 || (!newline && !whole))
		return false;
	*line = line_of(*bytes, length);
	*bytes += length + (newline != NULL);
	*count -= length + (newline != NULL);
	return true;
}

/* Takes an endless line up to its end. */
static int skip_line(struct import *im)
{
	const uint8_t *bytes, *newline = NULL;
	int count;

	while (!newline && (count = import_input_peek(im->input, 1, &bytes, im->error)) != 0) {
		if (count < 0)
			return count;
		newline = memchr(bytes, '\n', (size_t)count);
		import_input_take(im->input,
				  newline ? (size_t)(newline - bytes) + 1 : (size_t)count);
	}
	return PW_OK;
}

static int parse_line(struct import *im, int (*parse)(struct import *im, struct text line),
		      struct text line)
{
	im->place++;
	im->line = line.at;
	im->line_end = line.end;
	if (line.end - line.at > IMPORT_LINE_MAX)
		return import_malformed(im, "at most 4096 bytes long");
	return parse(im, line);
}

/* All lines that are complete in the bytes; how many bytes they take is in *taken. */
static int parse_lines(struct import *im, int (*parse)(struct import *im, struct text line),
		       const uint8_t *bytes, size_t *taken)
{
	size_t count = *taken;
	const uint8_t *at = bytes, *newline;
	int failed = PW_OK;

	while (!failed && (newline = memchr(at, '\n', count - (size_t)(at - bytes)))) {
		failed = parse_line(im, parse, line_of(at, (size_t)(newline - at)));
		at = newline + 1;
	}
	*taken = (size_t)(at - bytes);
	return failed;
}

/* What has no end of line: the last line, or one that is too long. */
static int parse_rest(struct import *im, int (*parse)(struct import *im, struct text line),
		      const uint8_t *bytes, size_t count)
{
	int failed = parse_line(im, parse, line_of(bytes, count));

	import_input_take(im->input, count);
	return failed || count <= IMPORT_LINE_MAX ? failed : skip_line(im);
}

int import_lines(struct import *im, int (*parse)(struct import *im, struct text line))
{
	for (;;) {
		const uint8_t *bytes;
		int count = import_input_peek(im->input, IMPORT_LINE_MAX + 1, &bytes, im->error);
		size_t taken = (size_t)count;
		int failed;

		if (count <= 0)
			return count;
		failed = parse_lines(im, parse, bytes, &taken);
		if (!failed && taken == 0)
			failed = parse_rest(im, parse, bytes, (size_t)count);
		else
			import_input_take(im->input, taken);
		if (failed)
			return failed;
	}
}

/* --- words and numbers ----------------------------------------------------------------------- */

void text_skip_blanks(struct text *text)
{
	while (text->at < text->end && (*text->at == ' ' || *text->at == '\t'))
		text->at++;
}

bool text_is_empty(const struct text *text)
{
	return text->at == text->end;
}

bool text_is_remark(struct text text)
{
	text_skip_blanks(&text);
	return text_is_empty(&text) || *text.at == '#';
}

bool text_take(struct text *text, char character)
{
	if (text->at == text->end || *text->at != character)
		return false;
	text->at++;
	return true;
}

bool text_starts_with(const struct text *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return (size_t)(text->end - text->at) >= length && memcmp(text->at, prefix, length) == 0;
}

static bool is_of_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

struct text text_word(struct text *text)
{
	struct text word = { text->at, text->at };

	while (word.end < text->end && is_of_word(*word.end))
		word.end++;
	text->at = word.end;
	return word;
}

bool text_is(const struct text *text, const char *word)
{
	size_t length = strlen(word);

	return (size_t)(text->end - text->at) == length && strncasecmp(text->at, word, length) == 0;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool number(struct text *text, unsigned base, uint64_t *value)
{
	const char *at = text->at;

	*value = 0;
	for (; at < text->end; at++) {
		unsigned digit = (unsigned)digit_of(*at);

		if (digit >= base)
			break;
		if (*value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	if (at == text->at)
		return false;
	text->at = at;
	return true;
}

bool text_hex(struct text *text, uint64_t *value)
{
	struct text digits = *text;

	if (digits.end - digits.at > 2 && digits.at[0] == '0' && (digits.at[1] | 0x20) == 'x')
		digits.at += 2;
	if (!number(&digits, 16, value))
		return false;
	text->at = digits.at;
	return true;
}

bool text_decimal(struct text *text, uint64_t *value)
{
	return number(text, 10, value);
}
