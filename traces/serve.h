/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_SERVE_H
#define PAGEWALK_TRACES_SERVE_H

/* What a replay does most: hits of the first TLB level, paths of blocks as a whole where it can. */

#include "traces/path_fetch.h"
#include "traces/trace.h"

/*
 * Goes on with what hints can serve, up to an item that they cannot, or a record. The machine is one
 * that machine_tallies(). `fetches` are its own; NULL: no path is served as a whole.
 */
void trace_serve_hits(struct machine *m, struct path_fetches *fetches,
		      const struct trace_batch *batch, struct trace_cursor *at);

#endif
