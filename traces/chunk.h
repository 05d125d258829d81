/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_CHUNK_H
#define PAGEWALK_TRACES_CHUNK_H

/*
 * Chunks of records from the thread that records to the one that encodes, in order. The queue is
 * short and blocks: what is in the file does not depend on who was faster.
 */

#include "traces/output.h"

enum {
	CHUNK_ITEMS = 1 << 13,
	CHUNK_OTHERS = 1 << 8,
	CHUNK_TEXT = 1 << 13, /* of mappings */
	/* A chunk is handed over before a block that might not fit as a whole. */
	CHUNK_RESERVE = 1 << 9
};

struct trace_chunk {
	size_t count, other_count, text_count;
	struct trace_item item[CHUNK_ITEMS];
	struct trace_record other[CHUNK_OTHERS];
	char text[CHUNK_TEXT]; /* what they point to */
};

struct trace_queue;

/* Everything that is sent goes to the output. PW_NOMEM. */
int trace_queue_create(struct trace_queue **out, struct trace_output *output);
/* Hands over the chunk that is being filled and returns an empty one. */
struct trace_chunk *trace_queue_send(struct trace_queue *queue);
struct trace_chunk *trace_queue_chunk(struct trace_queue *queue); /* the one to be filled */
/* Returns when all that was sent is encoded. */
void trace_queue_destroy(struct trace_queue *queue);

#endif
