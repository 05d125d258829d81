/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_FUTURE_H
#define PAGEWALK_TRACES_FUTURE_H

/*
 * The future that Belady's OPT knows: when each page of a trace is used next.
 *
 * A first pass drives a machine that is never short of memory and notes which page each access and
 * each copy of the kernel used, by the names that the kernel model has for pages; a replay then
 * answers from that, wherever it is in the trace. Time is counted in items of the trace, which are
 * the same on every machine.
 *
 * Uses of one page are kept as runs, in two numbers of variable length each: uses between which no
 * more than `near` other pages were used are one run, within which the answer is `now`. A page of
 * such a run is no victim of OPT's where more than near + 1 frames can be had, since another one is
 * used later; so nothing is lost, and what is kept grows with the changes of the working set and
 * hardly with the trace.
 *
 * Source: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
 * Journal 5(2), 1966.
 */

#include "traces/replay.h"

enum { TRACE_NEAR_MAX = 64 };

struct trace_future;

/*
 * Reads the whole trace. `config` is any machine that holds the program; its memory is made ample.
 * near: 0 to TRACE_NEAR_MAX. The reader's errors, PW_DIVERGED, PW_NOMEM.
 */
int trace_future_create(struct trace_future **out, struct trace_reader *reader,
			const struct machine_config *config, unsigned near,
			struct trace_error *error);
void trace_future_destroy(struct trace_future *future); /* NULL: nothing */
uint64_t trace_future_bytes(const struct trace_future *future);

/* One replay's view of it: any number may look at one future, each from its own thread. */
struct trace_oracle;
/* The replay's kernel asks it from now on; it goes after the machine. NULL: out of memory. */
struct trace_oracle *trace_oracle_create(const struct trace_future *future,
					 const struct trace_replay *replay);
void trace_oracle_destroy(struct trace_oracle *oracle); /* NULL: nothing */

#endif
