/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_DECODE_H
#define PAGEWALK_TRACES_DECODE_H

/*
 * The content of one frame to executions and rare records. Trusts nothing that it reads: every
 * reference, code and length is held against what there is of it.
 */

#include "traces/format.h"
#include "traces/trace.h"

struct trace_decoder;

int trace_decoder_create(struct trace_decoder **out, bool has_pc);
void trace_decoder_destroy(struct trace_decoder *decoder);

enum { TRACE_DECODER_SLACK = 8 }; /* bytes behind the content that are read and not used */

/* `content` is of the sizes that the head says, and stays there until the next start. */
void trace_decoder_start(struct trace_decoder *decoder, const struct trace_frame_head *head,
			 const uint8_t *content);

enum { TRACE_OTHERS_MAX = 256 };

struct trace_decoded {
	struct trace_execution execution[TRACE_BATCH_MAX];
	va_t va[TRACE_BATCH_MAX];
	struct trace_touch touch[TRACE_BATCH_MAX];
	struct trace_record other[TRACE_OTHERS_MAX];
	size_t executions, accesses, touches, other_count;
	uint64_t items;
};

/*
 * Fills in what comes next; nothing: the frame is at its end. False: it makes no sense; what was
 * filled in before that does.
 */
bool trace_decoder_run(struct trace_decoder *decoder, struct trace_decoded *out);

#endif
