/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/replay_record.h"

void replay_record_names(struct record *record, const struct trace_batch *batch)
{
	for (size_t i = 0; i < batch->other_count; i++) {
		const struct trace_mapping *from = &batch->other[i].mapping;
		struct record_mapping mapping;

		if (batch->other[i].tag != TRACE_MAPPING)
			continue;
		mapping = (struct record_mapping){ .start = from->start,
						   .length = from->length,
						   .offset = from->offset,
						   .path = *from->path ? from->path : NULL,
						   .identity = from->identity,
						   .asid = (asid_t)from->space,
						   .perms = (uint8_t)(from->prot & 7) };
		record_mapping(record, &mapping);
	}
}

struct record_end replay_record_end(const struct trace_outcome *outcome, bool went_on)
{
	bool killed = outcome->ending == TRACE_KILLED;

	if (!went_on)
		return (struct record_end){ .ending = RECORD_STOPPED };
	if (outcome->ending == TRACE_UNKNOWN)
		return (struct record_end){ .ending = RECORD_END_UNKNOWN };
	return (struct record_end){ .exit_status = (int)outcome->number + (killed ? 128 : 0),
				    .exit_signal = killed ? (int)outcome->number : 0 };
}
