/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A growing string, and UTF-8: see text.h. */

#include "analysis/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_FIRST_ROOM = 256, REPLACEMENT_CHARACTER = 0xfffd };

void text_release(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}

void text_clear(struct text *text)
{
	text->length = 0;
	text->failed = false;
	if (text->bytes)
		text->bytes[0] = '\0';
}

const char *text_string(const struct text *text)
{
	return text->bytes ? text->bytes : "";
}

/* Room for `length` more bytes and the NUL. */
static bool reserve(struct text *text, size_t length)
{
	size_t room = text->room ? text->room : TEXT_FIRST_ROOM;
	char *bytes;

	if (text->failed)
		return false;
	if (text->room && length < text->room - text->length)
		return true;
	while (room - text->length <= length && room <= SIZE_MAX / 2)
		room *= 2;
	bytes = realloc(text->bytes, room);
	if (!bytes || room - text->length <= length) {
		text->bytes = bytes ? bytes : text->bytes;
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

void text_add(struct text *text, const char *bytes, size_t length)
{
	if (!length || !reserve(text, length))
		return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void text_puts(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_fill(struct text *text, char character, size_t count)
{
	if (!count || !reserve(text, count))
		return;
	memset(text->bytes + text->length, character, count);
	text->length += count;
	text->bytes[text->length] = '\0';
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0 || !reserve(text, (size_t)length)) {
		text->failed = true;
		return;
	}
	va_start(arguments, format);
	vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text->length += (size_t)length;
}

void text_json(struct text *text, const char *bytes, size_t length)
{
	unsigned taken;

	text_puts(text, "\"");
	for (size_t i = 0; i < length; i += taken) {
		uint32_t code = utf8_next(bytes + i, length - i, &taken);

		if (code == '"' || code == '\\')
			text_addf(text, "\\%c", (char)code);
		else if (code == '\n')
			text_puts(text, "\\n");
		else if (code == '\t')
			text_puts(text, "\\t");
		else if (code < 0x20 || code == 0x7f)
			text_addf(text, "\\u%04x", (unsigned)code);
		else if (code == REPLACEMENT_CHARACTER)
			text_puts(text, "\\ufffd");
		else
			text_add(text, bytes + i, taken);
	}
	text_puts(text, "\"");
}

void text_harmless(struct text *out, const char *bytes, size_t length)
{
	unsigned taken;

	for (size_t i = 0; i < length; i += taken) {
		uint32_t code = utf8_next(bytes + i, length - i, &taken);

		if (code == '\n')
			text_puts(out, "\\n");
		else if (code == '\t')
			text_puts(out, "\\t");
		else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			text_addf(out, "\\x%02x", (unsigned)code);
		else if (code == REPLACEMENT_CHARACTER)
			text_puts(out, "\xef\xbf\xbd");
		else if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
			text_addf(out, "\\u%04x", (unsigned)code); /* changes of direction */
		else
			text_add(out, bytes + i, taken);
	}
}

/* Unicode 15, table 3-7: which second bytes are allowed excludes overlong forms and surrogates. */
static unsigned sequence_length(const unsigned char *bytes)
{
	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf)
		return 2;
	if (bytes[0] >= 0xe0 && bytes[0] <= 0xef)
		return 3;
	if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4)
		return 4;
	return 0;
}

static bool second_byte_allowed(const unsigned char *bytes)
{
	unsigned char low = 0x80, high = 0xbf;

	switch (bytes[0]) {
	case 0xe0:
		low = 0xa0;
		break;
	case 0xed:
		high = 0x9f;
		break;
	case 0xf0:
		low = 0x90;
		break;
	case 0xf4:
		high = 0x8f;
		break;
	default:
		break;
	}
	return bytes[1] >= low && bytes[1] <= high;
}

uint32_t utf8_next(const char *bytes, size_t length, unsigned *taken)
{
	const unsigned char *b = (const unsigned char *)bytes;
	unsigned count = sequence_length(b);
	uint32_t code;

	*taken = 1;
	if (count == 1)
		return b[0];
	if (!count || count > length || !second_byte_allowed(b))
		return REPLACEMENT_CHARACTER;
	code = b[0] & (0x7fU >> count);
	for (unsigned i = 1; i < count; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return REPLACEMENT_CHARACTER;
		code = code << 6 | (b[i] & 0x3fU);
	}
	*taken = count;
	return code;
}

/* The ranges that matter for names and paths: a table of all of Unicode would be no use here. */
unsigned utf8_columns(uint32_t code)
{
	static const struct {
		uint32_t first, last;
		unsigned columns;
	} ranges[] = {
		{ 0x0300, 0x036f, 0 }, /* combining diacritical marks */
		{ 0x1100, 0x115f, 2 }, /* Hangul Jamo initials */
		{ 0x200b, 0x200f, 0 }, /* zero-width space, joiners, marks */
		{ 0x20d0, 0x20ff, 0 }, /* combining marks for symbols */
		{ 0x2e80, 0x303e, 2 }, /* CJK radicals, punctuation */
		{ 0x3041, 0x33ff, 2 }, /* kana, CJK symbols */
		{ 0x3400, 0x4dbf, 2 }, /* CJK extension A */
		{ 0x4e00, 0x9fff, 2 }, /* CJK */
		{ 0xa000, 0xa4cf, 2 }, /* Yi */
		{ 0xac00, 0xd7a3, 2 }, /* Hangul */
		{ 0xf900, 0xfaff, 2 }, /* CJK compatibility */
		{ 0xfe00, 0xfe0f, 0 }, /* variation selectors */
		{ 0xfe20, 0xfe2f, 0 }, /* combining half marks */
		{ 0xfe30, 0xfe6f, 2 }, /* CJK compatibility forms */
		{ 0xff00, 0xff60, 2 }, /* full-width forms */
		{ 0xffe0, 0xffe6, 2 },   { 0x1f300, 0x1f64f, 2 }, /* pictographs, emoticons */
		{ 0x1f680, 0x1f6ff, 2 }, { 0x1f900, 0x1f9ff, 2 },
		{ 0x20000, 0x3fffd, 2 }, /* CJK extensions B and on */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && code >= ranges[i].first; i++)
		if (code <= ranges[i].last)
			return ranges[i].columns;
	return 1;
}

size_t utf8_width(const char *bytes, size_t length)
{
	size_t width = 0;
	unsigned taken;

	for (size_t i = 0; i < length; i += taken)
		width += utf8_columns(utf8_next(bytes + i, length - i, &taken));
	return width;
}

size_t text_clipped(struct text *out, const char *string, size_t columns)
{
	struct text harmless = { 0 };
	size_t width = 0, end = 0;
	unsigned taken;

	text_harmless(&harmless, string, strlen(string));
	while (end < harmless.length) {
		unsigned wide = utf8_columns(
			utf8_next(harmless.bytes + end, harmless.length - end, &taken));

		if (width + wide > columns)
			break;
		width += wide;
		end += taken;
	}
	text_add(out, text_string(&harmless), end);
	if (end < harmless.length) {
		text_puts(out, "…");
		width++;
	}
	out->failed |= harmless.failed;
	text_release(&harmless);
	return width;
}

void text_size(struct text *out, int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	text_addf(out, value < 100 && unit ? "%.3g %s" : "%.0f %s", value, units[unit]);
}
