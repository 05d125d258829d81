/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_ENCODE_H
#define PAGEWALK_TRACES_ENCODE_H

/* Items and rare records to the sections of frames. */

#include "traces/format.h"
#include "traces/trace.h"

struct trace_encoder;

/* A frame is full: to be taken with trace_encoder_frame() before this returns. */
typedef void trace_frame_fn(void *ctx);

int trace_encoder_create(struct trace_encoder **out, bool has_pc, trace_frame_fn *full, void *ctx);
void trace_encoder_destroy(struct trace_encoder *encoder);

/* Where items end, a block execution ends: the accesses that follow are a template of their own. */
void trace_encoder_run(struct trace_encoder *encoder, const struct trace_item *items, size_t count,
		       const struct trace_record *others);
/*
 * Copies the frame under way to `out` (TRACE_FRAME_MAX bytes), fills *head but for `stored`, and
 * starts the next. False: there is nothing in it.
 */
bool trace_encoder_frame(struct trace_encoder *encoder, struct trace_frame_head *head,
			 uint8_t *out);

#endif
