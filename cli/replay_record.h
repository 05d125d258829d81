/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_REPLAY_RECORD_H
#define PAGEWALK_CLI_REPLAY_RECORD_H

/* What the record of a replay takes from the trace and no machine knows. */

#include "analysis/record.h"
#include "traces/trace.h"

/* What addresses are. To be called before the batch is replayed: names that come early do no harm. */
void replay_record_names(struct record *record, const struct trace_batch *batch);
/* How the program ended, as a live run has it; !went_on: how the replay did. */
struct record_end replay_record_end(const struct trace_outcome *outcome, bool went_on);

#endif
