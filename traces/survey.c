/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/survey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct scan {
	FILE *file;
	const char *path;
	struct trace_survey *survey;
};

static int fail(const struct scan *scan, int failure, const char *what, struct trace_error *error)
{
	snprintf(error->text, sizeof(error->text), "%s: %s", scan->path, what);
	return failure;
}

static bool read_at(const struct scan *scan, uint64_t offset, void *out, size_t bytes)
{
	return fseeko(scan->file, (off_t)offset, SEEK_SET) == 0 &&
	       fread(out, 1, bytes, scan->file) == bytes;
}

/* --- by the index ---------------------------------------------------------------------------- */

/* False: there is none that holds. */
static bool take_index(const struct scan *scan, uint64_t offset, size_t bytes, int *failed)
{
	size_t fixed = trace_index_bytes(0), entries = (bytes - fixed) / TRACE_INDEX_ENTRY_BYTES;
	uint8_t *index = malloc(bytes);
	bool holds;

	if (!index) {
		*failed = PW_NOMEM;
		return false;
	}
	holds = trace_index_bytes(entries) == bytes && read_at(scan, offset, index, bytes) &&
		trace_index_holds(index, entries, offset);
	if (holds && !trace_index_get(&scan->survey->index, index, entries))
		*failed = PW_NOMEM;
	free(index);
	return holds && !*failed;
}

static bool by_index(const struct scan *scan, uint64_t first, int *failed)
{
	uint64_t size = scan->survey->file_bytes, fixed = trace_index_bytes(0), offset;
	uint8_t footer[TRACE_FOOTER_BYTES];

	if (size < first + fixed || !read_at(scan, size - sizeof(footer), footer, sizeof(footer)) ||
	    !trace_footer_get(footer, &offset) || offset < first || offset > size - fixed)
		return false;
	return take_index(scan, offset, size - offset, failed);
}

/* --- from frame to frame --------------------------------------------------------------------- */

static void stop(const struct scan *scan, uint64_t offset, const char *what)
{
	snprintf(scan->survey->why.text, sizeof(scan->survey->why.text), "offset %llu: %s",
		 (unsigned long long)offset, what);
}

static int by_frames(const struct scan *scan, uint64_t offset)
{
	uint64_t size = scan->survey->file_bytes;
	uint8_t bytes[TRACE_FRAME_HEAD_BYTES];
	struct trace_frame_head head;
	const char *what;

	while (size - offset >= sizeof(bytes) && read_at(scan, offset, bytes, sizeof(bytes))) {
		what = trace_frame_head_get(&head, bytes);
		if (!what && size - offset - sizeof(bytes) < head.stored)
			what = "cut off inside a frame";
		if (what) {
			stop(scan, offset, what);
			return PW_OK;
		}
		if (!trace_index_add(&scan->survey->index, offset, &head))
			return PW_NOMEM;
		offset += sizeof(bytes) + head.stored;
	}
	stop(scan, offset,
	     size == offset ? "cut off: the recording was not completed"
			    : "cut off inside the head of a frame or the index");
	return PW_OK;
}

/* --------------------------------------------------------------------------------------------- */

static int survey_file(const struct scan *scan, const struct trace_reader *reader,
		       struct trace_error *error)
{
	uint64_t first = trace_reader_content_offset(reader);
	int failed = PW_OK;
	off_t size;

	if (fseeko(scan->file, 0, SEEK_END) || (size = ftello(scan->file)) < 0)
		return fail(scan, PW_IO, "cannot be read in any order, as a file can", error);
	scan->survey->file_bytes = (uint64_t)size;
	scan->survey->complete = by_index(scan, first, &failed);
	if (!failed && !scan->survey->complete)
		failed = by_frames(scan, first);
	return failed ? fail(scan, failed, "out of memory", error) : PW_OK;
}

int trace_survey_make(struct trace_survey *survey, const struct trace_reader *reader,
		      struct trace_error *error)
{
	struct scan scan = { .path = trace_reader_path(reader), .survey = survey };
	int failed;

	*survey = (struct trace_survey){ .complete = false };
	scan.file = fopen(scan.path, "rbe");
	if (!scan.file)
		return fail(&scan, PW_IO, strerror(errno), error);
	failed = survey_file(&scan, reader, error);
	fclose(scan.file);
	return failed;
}

void trace_survey_release(struct trace_survey *survey)
{
	trace_index_release(&survey->index);
}

size_t trace_survey_frame(const struct trace_survey *survey, uint64_t instructions)
{
	size_t frame = 0;

	while (frame + 1 < survey->index.count &&
	       survey->index.entry[frame + 1].instructions <= instructions)
		frame++;
	return frame;
}
