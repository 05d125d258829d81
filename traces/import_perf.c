/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * perf script -F ip,addr (tools/perf/builtin-script.c), of a recording with addresses (perf mem record,
 * perf record -d): the address of the data, then the instruction, hexadecimal, whatever order -F has.
 *
 *	          4ab220           402871
 *	page-faults:     7ffef0ad2e19           4014f0       with -F event,ip,addr
 *
 * A sample is one instruction and one access of a byte: a store where the name of the event says so, else
 * a load. An address of 0 is none. These are samples: rates can be read from them, counts cannot. Samples
 * of the kernel, and accesses to it, are left out and counted.
 */

#include <string.h>
#include <strings.h>

#include "traces/import_private.h"

struct sample {
	va_t address, ip;
	bool store;
};

static bool names_a_store(struct text event)
{
	static const char word[] = "store";
	const size_t length = sizeof(word) - 1;

	for (; (size_t)(event.end - event.at) >= length; event.at++)
		if (strncasecmp(event.at, word, length) == 0)
			return true;
	return false;
}

static bool at_blank(const struct text *line)
{
	return text_is_empty(line) || *line->at == ' ' || *line->at == '\t';
}

/* Takes `NAME:` and the blanks behind it, if the line starts so. */
static struct text take_event(struct text *line)
{
	struct text event = { line->at, line->at };

	while (event.end < line->end && *event.end != ' ' && *event.end != '\t')
		event.end++;
	if (event.end > event.at && event.end[-1] == ':') {
		line->at = event.end;
		text_skip_blanks(line);
		return event;
	}
	return (struct text){ line->at, line->at };
}

static bool split(struct text line, struct sample *sample)
{
	struct text event;

	text_skip_blanks(&line);
	event = take_event(&line);
	sample->store = names_a_store(event);
	if (!text_hex(&line, &sample->address) || !at_blank(&line))
		return false;
	text_skip_blanks(&line);
	if (!text_hex(&line, &sample->ip) || !at_blank(&line))
		return false;
	text_skip_blanks(&line);
	return text_is_empty(&line);
}

static int parse(struct import *im, struct text line)
{
	struct sample sample;
	int failed;

	if (!split(line, &sample)) {
		if (text_is_remark(line))
			return PW_OK;
		return import_malformed(im, "an address and an instruction pointer, as "
					    "'7ffe0010 401136' (perf script -G -F ip,addr)");
	}
	if (import_of_kernel(im, sample.ip))
		return PW_OK;
	failed = import_fetch(im, sample.ip, 1);
	if (failed || sample.address == 0 || import_of_kernel(im, sample.address))
		return failed;
	return import_access(im, sample.store ? ACCESS_WRITE : ACCESS_READ, sample.address, 1);
}

static bool perf_recognise(const uint8_t *bytes, size_t count, bool whole)
{
	struct sample sample;
	struct text line;

	while (text_first_line(&bytes, &count, whole, &line)) {
		if (split(line, &sample))
			return true;
		if (!text_is_remark(line))
			return false;
	}
	return false;
}

static int perf_read(struct import *im)
{
	return import_lines(im, parse);
}

const struct import_format import_perf = {
	.name = "perf",
	.doc = "perf script -F ip,addr",
	.recognise = perf_recognise,
	.read = perf_read,
};
