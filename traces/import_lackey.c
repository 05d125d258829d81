/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * valgrind --tool=lackey --trace-mem=yes (lackey/lk_main.c; valgrind manual, "Lackey"):
 *
 *	I  0023C790,2      an instruction and its length
 *	 L be801f5c,4      a load of 4 bytes
 *	 S be80199c,4      a store
 *	 M 0025747c,1      modified: a load, then a store
 *
 * Addresses are hexadecimal, sizes decimal. Lines of valgrind itself (==1234==, --1234--, **1234**)
 * and of --trace-superblocks (SB) hold none. Lackey sees what the program does and not the kernel's
 * part of a system call.
 */

#include "traces/import_private.h"

static bool is_chatter(const struct text *line)
{
	return text_is_empty(line) || text_starts_with(line, "==") ||
	       text_starts_with(line, "--") || text_starts_with(line, "**") ||
	       text_starts_with(line, "SB ");
}

/* The letter, or 0. */
static char split(struct text line, va_t *va, uint64_t *bytes)
{
	char kind;

	text_skip_blanks(&line);
	if (line.end - line.at < 2)
		return 0;
	kind = *line.at++;
	if ((kind != 'I' && kind != 'L' && kind != 'S' && kind != 'M') ||
	    (*line.at != ' ' && *line.at != '\t'))
		return 0;
	text_skip_blanks(&line);
	if (!text_hex(&line, va) || !text_take(&line, ',') || !text_decimal(&line, bytes))
		return 0;
	text_skip_blanks(&line);
	return text_is_empty(&line) ? kind : 0;
}

static int parse(struct import *im, struct text line)
{
	uint64_t bytes;
	va_t va;
	int failed;

	switch (split(line, &va, &bytes)) {
	case 'I':
		return import_fetch(im, va, bytes);
	case 'L':
		return import_access(im, ACCESS_READ, va, bytes);
	case 'S':
		return import_access(im, ACCESS_WRITE, va, bytes);
	case 'M':
		failed = import_access(im, ACCESS_READ, va, bytes);
		return failed ? failed : import_access(im, ACCESS_WRITE, va, bytes);
	default:
		if (is_chatter(&line))
			return PW_OK;
		return import_malformed(im,
					"I, L, S or M with address and size, as ' L 1ffefffe40,8'");
	}
}

static bool lackey_recognise(const uint8_t *bytes, size_t count, bool whole)
{
	struct text line;
	uint64_t size;
	va_t va;

	while (text_first_line(&bytes, &count, whole, &line)) {
		if (split(line, &va, &size))
			return true;
		if (!is_chatter(&line))
			return false;
	}
	return false;
}

static int lackey_read(struct import *im)
{
	return import_lines(im, parse);
}

const struct import_format import_lackey = {
	.name = "lackey",
	.doc = "valgrind --tool=lackey --trace-mem=yes",
	.recognise = lackey_recognise,
	.read = lackey_read,
};
