/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_CUT_H
#define PAGEWALK_TRACES_CUT_H

/*
 * A piece of a trace that replays by itself. Kernel calls before it are kept, and the faults that
 * were met, so that what is mapped and what is resident is as it was; blocks and accesses are not.
 * What comes after it is dropped.
 */

#include "traces/trace.h"

struct trace_range {
	uint64_t from, to; /* instructions: blocks before which as many were counted */
};

/* Where a record stands: how many instructions were counted before it, or before its block. */
struct trace_position {
	uint64_t block, now;
};
/* Counts the record in and returns its place. */
uint64_t trace_position_of(struct trace_position *position, const struct trace_record *record);
static inline bool trace_starts_block(const struct trace_record *record)
{
	return record->tag == TRACE_BLOCK || record->tag == TRACE_REP;
}

/*
 * Writes the range to `path`. Where the trace is damaged or cut off the error is told, and the piece
 * goes up to there.
 */
int trace_cut(struct trace_reader *reader, const char *path, const struct trace_range *range,
	      struct trace_error *error);

#endif
