/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Dinero's "din" (dineroIII(1); Dinero IV: -informat d and D), a label and an address in each line:
 *
 *	2 401000           0 load, 1 store, 2 instruction fetch, 3 unknown: a load, 4 flush: none
 *	0 7ffe0010 8       a third number that begins with a decimal digit is a size
 *	r 7ffe0010 8       r w i m(iscellaneous: a load), c(opyback) and v (invalidate): none
 *
 * Numbers are hexadecimal, sizes too; what follows on a line is a comment. Without a size an access is
 * a word of 4 bytes, at its natural place: so that none is made to cross a page.
 */

#include "traces/import_private.h"

enum { WORD = 4 };
enum label { LABEL_LOAD, LABEL_STORE, LABEL_FETCH, LABEL_CONTROL, LABEL_NONE };

static enum label label_of(const struct text *word)
{
	static const char labels[] = "0rR3mM1wW2iI4cCvV";
	static const enum label meaning[] = { LABEL_LOAD,    LABEL_LOAD,    LABEL_LOAD,
					      LABEL_LOAD,    LABEL_LOAD,    LABEL_LOAD,
					      LABEL_STORE,   LABEL_STORE,   LABEL_STORE,
					      LABEL_FETCH,   LABEL_FETCH,   LABEL_FETCH,
					      LABEL_CONTROL, LABEL_CONTROL, LABEL_CONTROL,
					      LABEL_CONTROL, LABEL_CONTROL };

	for (unsigned i = 0; word->end - word->at == 1 && labels[i]; i++)
		if (labels[i] == *word->at)
			return meaning[i];
	return LABEL_NONE;
}

/* Of several digits, all of them: a comment may begin with a letter that is one. */
static bool take_size(struct text line, uint64_t *bytes)
{
	text_skip_blanks(&line);
	if (text_is_empty(&line) || *line.at < '0' || *line.at > '9' || !text_hex(&line, bytes))
		return false;
	return text_is_empty(&line) || *line.at == ' ' || *line.at == '\t';
}

static enum label split(struct text line, va_t *va, uint64_t *bytes)
{
	enum label label;
	struct text word;

	text_skip_blanks(&line);
	word = text_word(&line);
	label = label_of(&word);
	if (label == LABEL_NONE || text_is_empty(&line))
		return LABEL_NONE;
	text_skip_blanks(&line);
	if (!text_hex(&line, va) || !(text_is_empty(&line) || *line.at == ' ' || *line.at == '\t'))
		return LABEL_NONE;
	if (!take_size(line, bytes)) {
		*va &= ~(va_t)(WORD - 1);
		*bytes = WORD;
	}
	return label;
}

static int parse(struct import *im, struct text line)
{
	uint64_t bytes;
	va_t va;

	switch (split(line, &va, &bytes)) {
	case LABEL_LOAD:
		return import_access(im, ACCESS_READ, va, bytes);
	case LABEL_STORE:
		return import_access(im, ACCESS_WRITE, va, bytes);
	case LABEL_FETCH:
		return import_fetch(im, va, bytes);
	case LABEL_CONTROL:
		return PW_OK;
	case LABEL_NONE:
		break;
	}
	if (text_is_remark(line))
		return PW_OK;
	return import_malformed(im,
				"a label (0 to 4, or r, w, i, m, c, v) and a hexadecimal address, "
				"as '2 401000'");
}

static bool din_recognise(const uint8_t *bytes, size_t count, bool whole)
{
	struct text line;
	uint64_t size;
	bool any = false;
	va_t va;

	/* All of them, and not indented: a line of perf's may look like one. */
	while (text_first_line(&bytes, &count, whole, &line)) {
		bool silent = text_is_remark(line);

		if (!silent && (*line.at == ' ' || split(line, &va, &size) == LABEL_NONE))
			return false;
		any |= !silent;
	}
	return any;
}

static int din_read(struct import *im)
{
	return import_lines(im, parse);
}

const struct import_format import_din = {
	.name = "din",
	.doc = "Dinero: label, address and perhaps size in a line, hexadecimal",
	.recognise = din_recognise,
	.read = din_read,
};
