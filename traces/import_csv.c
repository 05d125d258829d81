/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lines `kind,address,size`, for traces that have no format yet:
 *
 *	kind,address,size       a first line of names may be there
 *	load,0x7ffe0010,8       load l read r  store s write w  fetch f instruction i
 *	store,4096,4            modify m: a load, then a store
 *
 * Addresses are decimal or, with 0x, hexadecimal; sizes decimal. Blanks around a field, empty lines and
 * lines that start with # do not matter.
 */

#include "traces/import_private.h"

enum kind { KIND_LOAD, KIND_STORE, KIND_FETCH, KIND_MODIFY, KIND_NONE };

static enum kind kind_of(const struct text *word)
{
	static const char *const names[KIND_NONE][4] = {
		[KIND_LOAD] = { "load", "l", "read", "r" },
		[KIND_STORE] = { "store", "s", "write", "w" },
		[KIND_FETCH] = { "fetch", "f", "instruction", "i" },
		[KIND_MODIFY] = { "modify", "m", "modify", "m" },
	};

	for (unsigned kind = 0; kind < KIND_NONE; kind++)
		for (unsigned i = 0; i < 4; i++)
			if (text_is(word, names[kind][i]))
				return (enum kind)kind;
	return KIND_NONE;
}

static bool take_comma(struct text *line)
{
	text_skip_blanks(line);
	if (!text_take(line, ','))
		return false;
	text_skip_blanks(line);
	return true;
}

static bool take_address(struct text *line, va_t *va)
{
	bool hex = text_starts_with(line, "0x") || text_starts_with(line, "0X");

	return hex ? text_hex(line, va) : text_decimal(line, va);
}

static enum kind split(struct text line, va_t *va, uint64_t *bytes)
{
	struct text word;

	text_skip_blanks(&line);
	word = text_word(&line);
	if (!take_comma(&line) || !take_address(&line, va) || !take_comma(&line) ||
	    !text_decimal(&line, bytes))
		return KIND_NONE;
	text_skip_blanks(&line);
	return text_is_empty(&line) ? kind_of(&word) : KIND_NONE;
}

/* Three words. */
static bool is_heading(struct text line)
{
	for (unsigned i = 0; i < 3; i++) {
		struct text word;

		if (i > 0 && !take_comma(&line))
			return false;
		text_skip_blanks(&line);
		word = text_word(&line);
		if (text_is_empty(&word) || (*word.at >= '0' && *word.at <= '9'))
			return false;
	}
	text_skip_blanks(&line);
	return text_is_empty(&line);
}

static int parse(struct import *im, struct text line)
{
	uint64_t bytes;
	va_t va;
	int failed;

	switch (split(line, &va, &bytes)) {
	case KIND_FETCH:
		return import_fetch(im, va, bytes);
	case KIND_LOAD:
		return import_access(im, ACCESS_READ, va, bytes);
	case KIND_STORE:
		return import_access(im, ACCESS_WRITE, va, bytes);
	case KIND_MODIFY:
		failed = import_access(im, ACCESS_READ, va, bytes);
		return failed ? failed : import_access(im, ACCESS_WRITE, va, bytes);
	case KIND_NONE:
		break;
	}
	if (text_is_remark(line) || (im->place == 1 && is_heading(line)))
		return PW_OK;
	return import_malformed(im, "kind,address,size, as 'load,0x7ffe0010,8'");
}

static bool csv_recognise(const uint8_t *bytes, size_t count, bool whole)
{
	struct text line;
	uint64_t size;
	va_t va;

	for (unsigned i = 0; text_first_line(&bytes, &count, whole, &line); i++) {
		if (split(line, &va, &size) != KIND_NONE)
			return true;
		if (!text_is_remark(line) && !(i == 0 && is_heading(line)))
			return false;
	}
	return false;
}

static int csv_read(struct import *im)
{
	return import_lines(im, parse);
}

const struct import_format import_csv = {
	.name = "csv",
	.doc = "lines kind,address,size",
	.recognise = csv_recognise,
	.read = csv_read,
};
