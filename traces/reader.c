/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reading. Trusts nothing: sizes are bounded, numbers end inside their frame, tags and kinds are
 * known, and the checksum of a frame holds before any of its records is delivered.
 */

#include "traces/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "traces/format.h"

enum { TRACE_OTHERS_MAX = 256 };

struct trace_reader {
	FILE *file;
	char *header;
	char path[200];
	uint64_t frame_offset, next_offset;
	va_t last_va, block_end;
	size_t used, at;
	bool ended;
	int failed; /* of a batch: told when what came before has been delivered */
	struct trace_error failure;
	struct trace_item item[TRACE_BATCH_MAX];
	struct trace_record other[TRACE_OTHERS_MAX];
	uint8_t raw[TRACE_FRAME_MAX];
	uint8_t stored[ZSTD_COMPRESSBOUND(TRACE_FRAME_MAX)];
};

static int corrupt(const struct trace_reader *r, const char *what, struct trace_error *error)
{
	snprintf(error->text, sizeof(error->text), "%s: offset %llu: %s", r->path,
		 (unsigned long long)r->frame_offset, what);
	return PW_CORRUPT;
}

static uint32_t get_u32(const uint8_t *in)
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
	       (uint32_t)in[3] << 24;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool header_holds(const struct trace_reader *r, const uint8_t *head, size_t length)
{
	uint64_t sum = trace_head_checksum(head, r->header, length);

	return get_u32(head + TRACE_HEAD_CHECKSUM) == (uint32_t)sum &&
	       get_u32(head + TRACE_HEAD_CHECKSUM + 4) == sum >> 32;
}

static int read_header(struct trace_reader *r, struct trace_error *error)
{
	uint8_t head[TRACE_HEAD_BYTES];
	uint32_t length;

	size_t got = fread(head, 1, sizeof(head), r->file);

	if (got < 8 || memcmp(head, "PGWLKTRC", 8) != 0)
		return corrupt(r, "not a pagewalk trace", error);
	if (got != sizeof(head))
		return corrupt(r, "cut off inside the header", error);
	if (get_u32(head + TRACE_HEAD_VERSION) != TRACE_VERSION)
		return corrupt(r, "made by another version of pagewalk: this one reads version 1",
			       error);
	length = get_u32(head + TRACE_HEAD_LENGTH);
	if (length > TRACE_HEADER_MAX)
		return corrupt(r, "the header claims to be over 1 MiB", error);
	r->header = calloc(1, (size_t)length + 1);
	if (!r->header)
		return corrupt(r, "out of memory", error);
	if (fread(r->header, 1, length, r->file) != length)
		return corrupt(r, "cut off inside the header", error);
	if (!header_holds(r, head, length))
		return corrupt(r, "the header is damaged: its checksum does not hold", error);
	r->next_offset = sizeof(head) + length;
	return PW_OK;
}

int trace_reader_open(struct trace_reader **out, const char *path, struct trace_error *error)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	int failed;

	if (!r) {
		snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
		return PW_NOMEM;
	}
	snprintf(r->path, sizeof(r->path), "%s", path);
	r->file = fopen(path, "rbe");
	if (!r->file) {
		snprintf(error->text, sizeof(error->text), "%s: cannot be read: %s", path,
			 strerror(errno));
		trace_reader_close(r);
		return PW_IO;
	}
	failed = read_header(r, error);
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
	free(r->header);
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

uint64_t trace_reader_offset(const struct trace_reader *reader)
{
	return reader->frame_offset;
}

/* --- frames ---------------------------------------------------------------------------------- */

/* 1: a frame is ready; 0: the file ends here. */
static int next_frame(struct trace_reader *r, struct trace_error *error)
{
	uint8_t head[12];
	size_t got = fread(head, 1, sizeof(head), r->file), stored, raw;

	r->frame_offset = r->next_offset;
	if (got == 0)
		return 0;
	if (got != sizeof(head))
		return corrupt(r, "cut off inside the head of a frame", error);
	stored = get_u32(head + 4);
	raw = get_u32(head + 8);
	if (memcmp(head, "FRAM", 4) != 0 || stored > sizeof(r->stored) || raw > sizeof(r->raw))
		return corrupt(r, "no frame starts here: the file is damaged", error);
	if (fread(r->stored, 1, stored, r->file) != stored)
		return corrupt(r, "cut off inside a frame", error);
	if (ZSTD_decompress(r->raw, sizeof(r->raw), r->stored, stored) != raw)
		return corrupt(r, "a frame is damaged: its checksum does not hold", error);
	r->next_offset += sizeof(head) + stored;
	r->used = raw;
	r->at = 0;
	r->last_va = r->block_end = 0;
	return 1;
}

/* --- records --------------------------------------------------------------------------------- */

static bool number(struct trace_reader *r, uint64_t *value)
{
	unsigned shift = 0;

	*value = 0;
	while (r->at < r->used && shift < 64) {
		uint8_t byte = r->raw[r->at++];

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
		shift += 7;
	}
	return false;
}

static bool signed_number(struct trace_reader *r, int64_t *value)
{
	uint64_t zigzag;

	if (!number(r, &zigzag))
		return false;
	*value = (int64_t)(zigzag >> 1 ^ (0 - (zigzag & 1)));
	return true;
}

static bool small_number(struct trace_reader *r, uint32_t max, uint32_t *value)
{
	uint64_t wide;

	if (!number(r, &wide) || wide > max)
		return false;
	*value = (uint32_t)wide;
	return true;
}

static bool read_access(struct trace_reader *r, struct trace_record *record)
{
	int64_t delta;

	if (!signed_number(r, &delta) || !small_number(r, FRAME_BYTES, &record->bytes) ||
	    record->bytes == 0)
		return false;
	record->va = r->last_va + (va_t)delta;
	r->last_va = record->va;
	return true;
}

static bool read_block(struct trace_reader *r, struct trace_record *record)
{
	int64_t delta;

	if (!signed_number(r, &delta) || !small_number(r, FRAME_BYTES, &record->bytes) ||
	    record->bytes == 0 || !small_number(r, FRAME_BYTES, &record->instructions))
		return false;
	record->va = r->block_end + (va_t)delta;
	r->block_end = record->va + record->bytes;
	return true;
}

static bool read_attempt(struct trace_reader *r, struct trace_record *record)
{
	uint32_t access, signal;
	int64_t si_code;

	if (!small_number(r, ACCESS_KIND_COUNT - 1, &access) || !number(r, &record->va) ||
	    !small_number(r, 64, &signal) || !signed_number(r, &si_code))
		return false;
	record->access = (enum access_kind)access;
	record->outcome = (struct fault_outcome){ .signal = (int)signal,
						  .si_code = (int)si_code,
						  .va = record->va };
	return true;
}

static bool read_kcall(struct trace_reader *r, unsigned op, struct trace_record *record)
{
	if (op >= KCALL_COUNT)
		return false;
	memset(&record->call, 0, sizeof(record->call));
	record->call.op = (enum kcall_op)op;
	for (unsigned i = 0; i < kcall_infos[op].arg_count; i++)
		if (!number(r, &record->call.arg[i]))
			return false;
	return signed_number(r, &record->result);
}

static bool read_end(struct trace_reader *r, struct trace_record *record)
{
	r->ended = true;
	return number(r, &record->total[0]) && number(r, &record->total[1]) &&
	       number(r, &record->total[2]);
}

static bool read_record(struct trace_reader *r, struct trace_record *record)
{
	unsigned tag = r->raw[r->at++];

	record->tag = tag >= TRACE_KCALL ? TRACE_KCALL : (enum trace_tag)tag;
	record->pc = 0;
	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		return read_access(r, record);
	case TRACE_BLOCK:
	case TRACE_REP:
		return read_block(r, record);
	case TRACE_CUT:
		return small_number(r, FRAME_BYTES, &record->instructions);
	case TRACE_ATTEMPT:
		return read_attempt(r, record);
	case TRACE_KCALL:
		return read_kcall(r, tag - TRACE_KCALL, record);
	case TRACE_END:
		return read_end(r, record);
	}
	return false;
}

/* After END there is nothing more. */
static int check_end(struct trace_reader *r, struct trace_error *error)
{
	if (r->at == r->used && fgetc(r->file) == EOF)
		return 0;
	return corrupt(r, "something follows the last record: the file is damaged", error);
}

int trace_reader_next(struct trace_reader *r, struct trace_record *record,
		      struct trace_error *error)
{
	if (r->ended)
		return check_end(r, error);
	while (r->at == r->used) {
		int frame = next_frame(r, error);

		if (frame == 0)
			return corrupt(r, "cut off: the recording was not completed", error);
		if (frame < 0)
			return frame;
	}
	if (!read_record(r, record))
		return corrupt(r, "a record of this frame makes no sense", error);
	return 1;
}

bool trace_reader_has_pc(const struct trace_reader *reader)
{
	(void)reader;
	return false;
}

/* --- batches --------------------------------------------------------------------------------- */

static void add_item(struct trace_item *item, const struct trace_record *record)
{
	static const uint8_t kinds[] = { [TRACE_LOAD] = TRACE_ITEM_LOAD,
					 [TRACE_STORE] = TRACE_ITEM_STORE,
					 [TRACE_BLOCK] = TRACE_ITEM_BLOCK,
					 [TRACE_REP] = TRACE_ITEM_REP };

	*item = (struct trace_item){ .va = record->va,
				     .bytes = (uint16_t)record->bytes,
				     .instructions = (uint16_t)record->instructions,
				     .kind = kinds[record->tag] };
}

static void add_record(struct trace_reader *r, struct trace_batch *batch,
		       const struct trace_record *record)
{
	struct trace_item *item = &r->item[batch->count++];

	if (record->tag >= TRACE_LOAD && record->tag <= TRACE_REP) {
		add_item(item, record);
		return;
	}
	*item = (struct trace_item){ .va = batch->other_count, .kind = TRACE_ITEM_OTHER };
	r->other[batch->other_count++] = *record;
}

/* A batch ends with its frame, so that one offset speaks for all of it. */
int trace_reader_batch(struct trace_reader *r, struct trace_batch *batch, struct trace_error *error)
{
	struct trace_record record;
	int more = 1;

	*batch = (struct trace_batch){ .item = r->item, .other = r->other };
	if (r->failed) {
		*error = r->failure;
		return r->failed;
	}
	while (batch->count < TRACE_BATCH_MAX && batch->other_count < TRACE_OTHERS_MAX) {
		more = trace_reader_next(r, &record, &r->failure);
		if (more <= 0)
			break;
		add_record(r, batch, &record);
		if (r->at == r->used)
			break;
	}
	batch->offset = r->frame_offset;
	if (more < 0)
		r->failed = more;
	if (more < 0 && batch->count == 0)
		*error = r->failure;
	return batch->count ? 1 : more;
}
