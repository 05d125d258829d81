/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_EXPORT_H
#define PAGEWALK_TRACES_EXPORT_H

/*
 * Our traces as other tools read them: instructions with their accesses. What such formats cannot hold
 * is left out: mappings, faults, system calls, which address space runs.
 */

#include <stdio.h>

#include "traces/trace.h"

struct trace_export_result {
	uint64_t loads, stores, instructions; /* written */
	uint64_t added;    /* records of an instruction that had more accesses than one holds */
	uint64_t lost;     /* accesses that the format cannot say */
	uint64_t switches; /* from one address space to another one */
};

/* Name and one line about the n-th format; NULL behind the last. */
const char *trace_export_format(unsigned n, const char **doc);

/*
 * Writes what is left in the reader. PW_INVALID for an unknown format, PW_IO, and what the reader says.
 *
 * A block of n instructions is laid out as n of equal length, as its trace holds no others; where it
 * holds the instructions of accesses (--pc) these are where they belong, and the rest between them. An
 * access goes to its instruction, or else they are spread evenly over the block in their order.
 */
int trace_export(struct trace_reader *reader, const char *format, FILE *out,
		 struct trace_export_result *result, struct trace_error *error);

#endif
