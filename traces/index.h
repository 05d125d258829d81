/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_INDEX_H
#define PAGEWALK_TRACES_INDEX_H

/* Where the frames of a trace start, at its end. */

#include <stdbool.h>

#include "traces/format.h"

struct trace_index_entry {
	uint64_t offset;
	uint64_t accesses, instructions; /* before it */
};

struct trace_index {
	struct trace_index_entry *entry; /* heap */
	size_t count, room;
	uint64_t total[TRACE_COUNTS]; /* records */
	uint64_t instructions;
};

void trace_index_release(struct trace_index *index);
/* Takes a frame in. False: no memory. */
bool trace_index_add(struct trace_index *index, uint64_t offset,
		     const struct trace_frame_head *head);

/* Index and footer, as they are in a file at `offset`. */
static inline size_t trace_index_bytes(size_t entries)
{
	return TRACE_INDEX_HEAD_BYTES + entries * TRACE_INDEX_ENTRY_BYTES + TRACE_INDEX_TAIL_BYTES +
	       TRACE_FOOTER_BYTES;
}
void trace_index_put(const struct trace_index *index, uint64_t offset, uint8_t *out);
/* Are these trace_index_bytes(entries) bytes index and footer? */
bool trace_index_holds(const uint8_t *in, size_t entries, uint64_t offset);
/* Takes over one that holds. False: no memory. */
bool trace_index_get(struct trace_index *index, const uint8_t *in, size_t entries);

/* Where the index starts, by the last TRACE_FOOTER_BYTES of a file. False: no footer. */
bool trace_footer_get(const uint8_t in[TRACE_FOOTER_BYTES], uint64_t *offset);

#endif
