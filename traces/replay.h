/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_REPLAY_H
#define PAGEWALK_TRACES_REPLAY_H

/*
 * The machine's second driver. Makes the reports that were recorded, in order, and holds each
 * result against the recorded one. Any number of machines may be driven by the batches of one
 * reader.
 */

#include "traces/trace.h"

enum { TRACE_PENDING_MAX = 4 };

struct path_fetches; /* path_fetch.h */

/* A machine under way. The owner reads batches and hands them in, all of them, in order. */
struct trace_replay {
	const struct trace_reader *reader; /* for its header; not owned */
	struct machine *machine;           /* not owned */
	struct path_fetches *fetches;      /* NULL: paths are not served as a whole */
	uint64_t before;                   /* items in the batches that are done */
	uint64_t position;                 /* of the item under way, counted from 0 */
	va_t block,
		pc; /* with trace_reader_has_pc(): of the last block; of the item under way, or 0 */
	/* Faults that were served in the recorded run before an access that is yet to come. */
	struct trace_attempt {
		va_t va;
		enum access_kind access;
	} pending[TRACE_PENDING_MAX];
	unsigned pending_count;
};

/* To be ended. */
void trace_replay_start(struct trace_replay *replay, const struct trace_reader *reader,
			struct machine *machine);
void trace_replay_end(struct trace_replay *replay);
/*
 * PW_DIVERGED where a call or an attempt has another result than was recorded, or the totals
 * differ: names the machine, the offset and what it was. The machine is good to be looked at then,
 * not to be driven on.
 */
int trace_replay_batch(struct trace_replay *replay, const struct trace_batch *batch,
		       struct trace_error *error);

/* Drives one machine with the whole trace; the reader's errors too. */
int trace_replay(struct trace_reader *reader, struct machine *machine, struct trace_error *error);

#endif
