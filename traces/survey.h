/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_SURVEY_H
#define PAGEWALK_TRACES_SURVEY_H

/* What a trace holds and where, without decoding it: from its index, or else from frame to frame. */

#include "traces/index.h"
#include "traces/trace.h"

struct trace_survey {
	struct trace_index index; /* of the frames that are there */
	uint64_t file_bytes;
	bool complete;          /* END, index and footer are there */
	struct trace_error why; /* where it is not */
};

/* PW_IO, PW_NOMEM. A trace that is cut off or damaged is no failure: !survey->complete. */
int trace_survey_make(struct trace_survey *survey, const struct trace_reader *reader,
		      struct trace_error *error);
void trace_survey_release(struct trace_survey *survey);
/* The frame in which so many instructions are reached; there must be frames. */
size_t trace_survey_frame(const struct trace_survey *survey, uint64_t instructions);

/* The next record is the first one of this frame of the survey. */
int trace_reader_seek(struct trace_reader *reader, const struct trace_survey *survey, size_t frame,
		      struct trace_error *error);
/* Where the first frame starts, or would. */
uint64_t trace_reader_content_offset(const struct trace_reader *reader);

#endif
