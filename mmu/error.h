/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_ERROR_H
#define PAGEWALK_MMU_ERROR_H

/*
 * Host failures are negative members of this enum, everywhere in the project. A fault of the
 * guest is never one of these (it is a value in a result), and a bug of ours is an assert.
 */
enum pw_error {
	PW_OK = 0,
	PW_NOMEM = -1,       /* the host refused memory */
	PW_NOFRAMES = -2,    /* simulated physical memory is exhausted */
	PW_INVALID = -3,     /* a configuration or an argument is wrong; the message says which */
	PW_EXISTS = -4,      /* the range is already mapped; nothing has changed */
	PW_ABSENT = -5,      /* nothing is there (not mapped, no such name) */
	PW_UNSUPPORTED = -6, /* this format or machine cannot do it */
	PW_IO = -7,          /* a host file could not be read or written */
	PW_CORRUPT = -8,     /* damaged input: a trace, an ELF file, a table (check) */
	PW_DIVERGED = -9,    /* a replayed result differs from the recorded one */
	PW_LIMIT = -10,      /* a stated limit was reached */
};

/*
 * What is wrong with a configuration: the field as a dotted path ("tlb.l2.4k.ways") and what
 * would be right ("a power of two from 1 to 65536"). The loader adds the file and the line.
 */
struct config_complaint {
	char field[96];
	const char *must_be; /* static text */
};

#endif
