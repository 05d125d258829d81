/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "traces/index.h"

enum { COMPRESSION_LEVEL = 1 };

struct trace_output {
	FILE *file;
	ZSTD_CCtx *zstd;
	struct trace_encoder *encoder;
	struct trace_index index;
	uint64_t offset;
	bool has_pc;
	int failed; /* errno of the first failure */
	char path[200];
	uint8_t content[TRACE_FRAME_MAX];
	uint8_t stored[ZSTD_COMPRESSBOUND(TRACE_FRAME_MAX)];
};

/* --- writing --------------------------------------------------------------------------------- */

static void write_bytes(struct trace_output *output, const void *bytes, size_t count)
{
	if (!output->failed && fwrite(bytes, 1, count, output->file) != count)
		output->failed = errno ? errno : EIO;
	output->offset += count;
}

static void flush(struct trace_output *output)
{
	if (!output->failed && fflush(output->file))
		output->failed = errno;
}

void trace_output_header(struct trace_output *output, const char *header)
{
	uint8_t head[TRACE_HEAD_BYTES] = TRACE_MAGIC;
	size_t length = strlen(header);

	put_u32(head + TRACE_HEAD_VERSION, TRACE_VERSION);
	put_u32(head + TRACE_HEAD_FLAGS, output->has_pc ? TRACE_FLAG_PC : 0);
	put_u32(head + TRACE_HEAD_LENGTH, (uint32_t)length);
	put_u64(head + TRACE_HEAD_CHECKSUM, trace_head_checksum(head, header, length));
	write_bytes(output, head, sizeof(head));
	write_bytes(output, header, length);
	flush(output);
}

/* Each frame goes out as a whole, so that a recording that is killed can be read up to here. */
static void write_frame(void *ctx)
{
	struct trace_output *output = ctx;
	uint8_t bytes[TRACE_FRAME_HEAD_BYTES];
	struct trace_frame_head head;
	size_t stored;

	if (!trace_encoder_frame(output->encoder, &head, output->content))
		return;
	stored = ZSTD_compress2(output->zstd, output->stored, sizeof(output->stored),
				output->content, trace_frame_raw_bytes(&head));
	if (ZSTD_isError(stored) || !trace_index_add(&output->index, output->offset, &head)) {
		output->failed = output->failed ? output->failed : ENOMEM;
		return;
	}
	head.stored = (uint32_t)stored;
	trace_frame_head_put(bytes, &head);
	write_bytes(output, bytes, sizeof(bytes));
	write_bytes(output, output->stored, stored);
	flush(output);
}

static void write_index(struct trace_output *output)
{
	size_t bytes = trace_index_bytes(output->index.count);
	uint8_t *index = malloc(bytes);

	if (!index) {
		output->failed = output->failed ? output->failed : ENOMEM;
		return;
	}
	trace_index_put(&output->index, output->offset, index);
	write_bytes(output, index, bytes);
	free(index);
}

void trace_output_run(struct trace_output *output, const struct trace_item *items, size_t count,
		      const struct trace_record *others)
{
	if (!output->failed)
		trace_encoder_run(output->encoder, items, count, others);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool allocate(struct trace_output *output)
{
	output->zstd = ZSTD_createCCtx();
	return output->zstd &&
	       trace_encoder_create(&output->encoder, output->has_pc, write_frame, output) == PW_OK;
}

int trace_output_create(struct trace_output **out, const char *path, bool has_pc,
			struct trace_error *error)
{
	struct trace_output *output = calloc(1, sizeof(*output));

	if (output)
		output->has_pc = has_pc;
	if (!output || !allocate(output)) {
		snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
		trace_output_destroy(output);
		return PW_NOMEM;
	}
	snprintf(output->path, sizeof(output->path), "%s", path);
	ZSTD_CCtx_setParameter(output->zstd, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
	ZSTD_CCtx_setParameter(output->zstd, ZSTD_c_checksumFlag, 1);
	output->file = fopen(path, "wbe");
	if (!output->file) {
		snprintf(error->text, sizeof(error->text), "%s: cannot be written: %s", path,
			 strerror(errno));
		trace_output_destroy(output);
		return PW_IO;
	}
	*out = output;
	return PW_OK;
}

int trace_output_finish(struct trace_output *output, struct trace_error *error)
{
	if (!output->failed)
		write_frame(output);
	if (!output->failed)
		write_index(output);
	if (fclose(output->file) && !output->failed)
		output->failed = errno;
	output->file = NULL;
	if (!output->failed)
		return PW_OK;
	snprintf(error->text, sizeof(error->text),
		 "%s: recording stopped: %s; what came before can be read", output->path,
		 strerror(output->failed));
	return PW_IO;
}

void trace_output_destroy(struct trace_output *output)
{
	if (!output)
		return;
	if (output->file)
		fclose(output->file);
	trace_encoder_destroy(output->encoder);
	trace_index_release(&output->index);
	ZSTD_freeCCtx(output->zstd);
	free(output);
}
