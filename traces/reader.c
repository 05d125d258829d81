/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reading. Trusts nothing: sizes are bounded, heads and contents have checksums that hold before
 * anything is decoded, frames follow each other without a gap, and the end is where the index says.
 */

#include "traces/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "traces/decode.h"
#include "traces/index.h"
#include "traces/survey.h"

struct trace_reader {
	FILE *file;
	char *header;
	char *path;
	bool has_pc, started;
	bool ended, done; /* END was the last record; and nothing follows it */
	uint64_t frame_offset, next_offset, content_offset;
	size_t frames; /* before next_offset */
	struct trace_frame_head head;
	struct trace_decoder *decoder;
	ZSTD_DCtx *zstd;
	int failed; /* told when what came before has been delivered */
	struct trace_error failure;
	/* --- what was decoded last, and how far it has been handed out one by one --- */
	struct trace_batch batch;
	struct trace_cursor at;
	va_t block; /* the last one handed out */
	struct trace_decoded decoded;
	uint8_t content[TRACE_FRAME_MAX + TRACE_DECODER_SLACK];
	uint8_t stored[ZSTD_COMPRESSBOUND(TRACE_FRAME_MAX)];
};

static int corrupt(const struct trace_reader *r, const char *what, struct trace_error *error)
{
	snprintf(error->text, sizeof(error->text), "%s: offset %llu: %s", r->path,
		 (unsigned long long)r->frame_offset, what);
	return PW_CORRUPT;
}

/* --- opening --------------------------------------------------------------------------------- */

static int check_version(const struct trace_reader *r, const uint8_t *head,
			 struct trace_error *error)
{
	uint32_t version = get_u32(head + TRACE_HEAD_VERSION);
	char what[120];

	if (version == TRACE_VERSION)
		return PW_OK;
	snprintf(what, sizeof(what),
		 "a trace of format version %u: this pagewalk reads version %d (record it again)",
		 version, TRACE_VERSION);
	return corrupt(r, what, error);
}

static int check_head(struct trace_reader *r, const uint8_t *head, size_t got,
		      struct trace_error *error)
{
	if (got < 8 || memcmp(head, TRACE_MAGIC, 8) != 0)
		return corrupt(r, "not a pagewalk trace", error);
	if (got < TRACE_HEAD_FLAGS)
		return corrupt(r, "cut off inside the header", error);
	if (check_version(r, head, error))
		return PW_CORRUPT;
	if (got != TRACE_HEAD_BYTES)
		return corrupt(r, "cut off inside the header", error);
	if (get_u32(head + TRACE_HEAD_LENGTH) > TRACE_HEADER_MAX)
		return corrupt(r, "the header claims to be over 1 MiB", error);
	return PW_OK;
}

static int read_header(struct trace_reader *r, struct trace_error *error)
{
	uint8_t head[TRACE_HEAD_BYTES];
	size_t got = fread(head, 1, sizeof(head), r->file), length;
	int failed = check_head(r, head, got, error);

	if (failed)
		return failed;
	length = get_u32(head + TRACE_HEAD_LENGTH);
	r->header = calloc(1, length + 1);
	if (!r->header)
		return corrupt(r, "out of memory", error);
	if (fread(r->header, 1, length, r->file) != length)
		return corrupt(r, "cut off inside the header", error);
	if (get_u64(head + TRACE_HEAD_CHECKSUM) != trace_head_checksum(head, r->header, length))
		return corrupt(r, "the header is damaged: its checksum does not hold", error);
	r->has_pc = get_u32(head + TRACE_HEAD_FLAGS) & TRACE_FLAG_PC;
	r->next_offset = r->content_offset = sizeof(head) + length;
	return PW_OK;
}

static int open_file(struct trace_reader *r, const char *path, struct trace_error *error)
{
	int failed;

	r->file = fopen(path, "rbe");
	if (!r->file) {
		snprintf(error->text, sizeof(error->text), "%s: cannot be read: %s", path,
			 strerror(errno));
		return PW_IO;
	}
	failed = read_header(r, error);
	if (failed)
		return failed;
	r->zstd = ZSTD_createDCtx();
	if (r->zstd && trace_decoder_create(&r->decoder, r->has_pc) == PW_OK)
		return PW_OK;
	snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
	return PW_NOMEM;
}

int trace_reader_open(struct trace_reader **out, const char *path, struct trace_error *error)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	int failed;

	if (r)
		r->path = strdup(path);
	if (!r || !r->path) {
		snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
		trace_reader_close(r);
		return PW_NOMEM;
	}
	failed = open_file(r, path, error);
	if (failed) {
		trace_reader_close(r);
		return failed;
	}
	*out = r;
	return PW_OK;
}

void trace_reader_close(struct trace_reader *r)
{
	if (!r)
		return;
	if (r->file)
		fclose(r->file);
	trace_decoder_destroy(r->decoder);
	ZSTD_freeDCtx(r->zstd);
	free(r->header);
	free(r->path);
	free(r);
}

const char *trace_reader_header(const struct trace_reader *reader)
{
	return reader->header;
}

const char *trace_reader_path(const struct trace_reader *reader)
{
	return reader->path;
}

uint64_t trace_reader_number(const struct trace_reader *reader, const char *key, uint64_t otherwise)
{
	size_t length = strlen(key);
	const char *line = reader->header;

	while (line && *line) {
		const char *next = strchr(line, '\n');

		if (strncmp(line, key, length) == 0 && strncmp(line + length, ": ", 2) == 0)
			return strtoull(line + length + 2, NULL, 0);
		line = next ? next + 1 : NULL;
	}
	return otherwise;
}

bool trace_reader_has_pc(const struct trace_reader *reader)
{
	return reader->has_pc;
}

uint64_t trace_reader_offset(const struct trace_reader *reader)
{
	return reader->frame_offset;
}

/* --- frames ---------------------------------------------------------------------------------- */

/* What the frame under way leads to. */
static bool follows(const struct trace_reader *r, const struct trace_frame_head *next)
{
	const uint32_t *count = r->head.count;

	return !r->started ||
	       (next->accesses == r->head.accesses + count[TRACE_LOAD] + count[TRACE_STORE] &&
		next->instructions == r->head.instructions_after);
}

static int read_content(struct trace_reader *r, struct trace_error *error)
{
	size_t raw = trace_frame_raw_bytes(&r->head);

	if (r->head.stored > sizeof(r->stored))
		return corrupt(r, "a frame claims to be larger than frames are", error);
	if (fread(r->stored, 1, r->head.stored, r->file) != r->head.stored)
		return corrupt(r, "cut off inside a frame", error);
	if (ZSTD_decompressDCtx(r->zstd, r->content, TRACE_FRAME_MAX, r->stored, r->head.stored) !=
	    raw)
		return corrupt(r, "a frame is damaged: its checksum does not hold", error);
	r->next_offset += TRACE_FRAME_HEAD_BYTES + r->head.stored;
	r->frames++;
	r->started = true;
	return PW_OK;
}

static int next_frame(struct trace_reader *r, struct trace_error *error)
{
	uint8_t bytes[TRACE_FRAME_HEAD_BYTES];
	size_t got = fread(bytes, 1, sizeof(bytes), r->file);
	struct trace_frame_head head;
	const char *what;
	int failed;

	r->frame_offset = r->next_offset;
	if (got == 0)
		return corrupt(r, "cut off: the recording was not completed", error);
	if (got != sizeof(bytes))
		return corrupt(r, "cut off inside the head of a frame", error);
	what = trace_frame_head_get(&head, bytes);
	if (!what && !follows(r, &head))
		what = "a frame is missing here: the file is damaged";
	if (what)
		return corrupt(r, what, error);
	r->head = head;
	failed = read_content(r, error);
	if (failed)
		return failed;
	r->block = r->head.block;
	trace_decoder_start(r->decoder, &r->head, r->content);
	return PW_OK;
}

/* After END there are index and footer, and nothing more. 0, or PW_CORRUPT. */
static int check_end(struct trace_reader *r, struct trace_error *error)
{
	size_t bytes = trace_index_bytes(r->frames), got;
	uint8_t *index = malloc(bytes);
	bool holds;

	r->frame_offset = r->next_offset;
	if (!index)
		return corrupt(r, "out of memory", error);
	got = fread(index, 1, bytes, r->file);
	holds = got == bytes && trace_index_holds(index, r->frames, r->next_offset);
	free(index);
	if (got != bytes)
		return corrupt(r, "cut off inside the index", error);
	if (!holds)
		return corrupt(r, "the index is damaged: its checksum does not hold", error);
	if (fgetc(r->file) != EOF)
		return corrupt(r, "something follows the index: the file is damaged", error);
	return 0;
}

/* --- batches --------------------------------------------------------------------------------- */

static void forget_batch(struct trace_reader *r)
{
	r->batch = (struct trace_batch){ 0 };
	r->at = (struct trace_cursor){ 0 };
}

static void take_batch(struct trace_reader *r)
{
	const struct trace_decoded *decoded = &r->decoded;

	r->batch = (struct trace_batch){ .execution = decoded->execution,
					 .executions = decoded->executions,
					 .va = decoded->va,
					 .accesses = decoded->accesses,
					 .touch = decoded->touch,
					 .other = decoded->other,
					 .other_count = decoded->other_count,
					 .items = decoded->items,
					 .frame = r->frames,
					 .offset = r->frame_offset };
	r->ended = decoded->other_count &&
		   decoded->other[decoded->other_count - 1].tag == TRACE_END;
}

/* --- elsewhere ------------------------------------------------------------------------------- */

int trace_reader_seek(struct trace_reader *r, const struct trace_survey *survey, size_t frame,
		      struct trace_error *error)
{
	uint64_t offset = survey->index.entry[frame].offset;

	r->frame_offset = offset;
	if (fseeko(r->file, (off_t)offset, SEEK_SET))
		return corrupt(r, strerror(errno), error);
	r->next_offset = offset;
	r->frames = frame;
	r->started = r->ended = r->done = false;
	r->failed = PW_OK;
	forget_batch(r);
	return PW_OK;
}

uint64_t trace_reader_content_offset(const struct trace_reader *reader)
{
	return reader->content_offset;
}

/* --- records --------------------------------------------------------------------------------- */

/* Decodes what is left of the frame under way. True: there is something, maybe before damage. */
static bool decode_more(struct trace_reader *r)
{
	r->decoded.items = 0;
	if (r->started && !trace_decoder_run(r->decoder, &r->decoded))
		r->failed = corrupt(r, "a record of this frame makes no sense", &r->failure);
	return r->decoded.items != 0;
}

/* As trace_reader_batch(). */
static int refill(struct trace_reader *r, struct trace_error *error)
{
	forget_batch(r);
	if (r->failed) {
		*error = r->failure;
		return r->failed;
	}
	if (r->done)
		return 0;
	while (!decode_more(r)) {
		if (!r->failed)
			r->failed = r->ended ? check_end(r, &r->failure)
					     : next_frame(r, &r->failure);
		if (r->failed)
			*error = r->failure;
		r->done = r->ended;
		if (r->failed || r->done)
			return r->failed;
	}
	take_batch(r);
	return 1;
}

int trace_reader_batch(struct trace_reader *r, struct trace_batch *batch, struct trace_error *error)
{
	int more = refill(r, error);

	*batch = r->batch;
	return more;
}

static void fill_in(struct trace_reader *r, const struct trace_item *item,
		    struct trace_record *record)
{
	static const enum trace_tag tags[] = { [TRACE_ITEM_LOAD] = TRACE_LOAD,
					       [TRACE_ITEM_STORE] = TRACE_STORE,
					       [TRACE_ITEM_BLOCK] = TRACE_BLOCK,
					       [TRACE_ITEM_REP] = TRACE_REP };

	record->tag = tags[item->kind];
	record->va = item->va;
	record->bytes = item->bytes;
	record->instructions = item->instructions;
	record->pc = 0;
	if (item->kind >= TRACE_ITEM_BLOCK)
		r->block = item->va;
	else if (r->has_pc && item->pc_offset != TRACE_PC_UNKNOWN)
		record->pc = r->block + item->pc_offset;
}

int trace_reader_next(struct trace_reader *r, struct trace_record *record,
		      struct trace_error *error)
{
	struct trace_item item;

	while (!trace_batch_next(&r->batch, &r->at, &item)) {
		int more = refill(r, error);

		if (more <= 0)
			return more;
	}
	if (item.kind == TRACE_ITEM_OTHER)
		*record = r->batch.other[item.va];
	else
		fill_in(r, &item, record);
	return 1;
}
