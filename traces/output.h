/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_OUTPUT_H
#define PAGEWALK_TRACES_OUTPUT_H

/*
 * The file of a writer: header, frames, index. A write that fails is remembered, and nothing is
 * written after it.
 */

#include "traces/encode.h"

struct trace_output;

/* PW_IO, PW_NOMEM. */
int trace_output_create(struct trace_output **out, const char *path, bool has_pc,
			struct trace_error *error);
void trace_output_header(struct trace_output *output, const char *header);
/* Encodes; frames that are full go to the file at once. */
void trace_output_run(struct trace_output *output, const struct trace_item *items, size_t count,
		      const struct trace_record *others);
/* The last frame, the index; closes. PW_IO, with what can still be read. */
int trace_output_finish(struct trace_output *output, struct trace_error *error);
void trace_output_destroy(struct trace_output *output);

#endif
