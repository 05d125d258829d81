/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Recording. Records collect in a buffer of one frame; a full buffer is compressed and appended.
 * A write that fails stops the recording, not the guest.
 */

#include "traces/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "traces/format.h"

enum { RECORD_MAX = 128, COMPRESSION_LEVEL = 1 };

struct trace_writer {
	FILE *file;
	ZSTD_CCtx *zstd;
	struct machine_tap tap;
	char path[200];
	int failed; /* errno of the first failure */
	va_t last_va, block_end;
	size_t used;
	uint8_t raw[TRACE_FRAME_MAX];
	uint8_t stored[ZSTD_COMPRESSBOUND(TRACE_FRAME_MAX)];
};

static void put_u32(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static void write_bytes(struct trace_writer *w, const void *bytes, size_t count)
{
	if (!w->failed && fwrite(bytes, 1, count, w->file) != count)
		w->failed = errno ? errno : EIO;
}

static void flush_frame(struct trace_writer *w)
{
	uint8_t head[12] = "FRAM";
	size_t stored;

	if (!w->used)
		return;
	stored = ZSTD_compress2(w->zstd, w->stored, sizeof(w->stored), w->raw, w->used);
	if (ZSTD_isError(stored)) {
		w->failed = w->failed ? w->failed : ENOMEM;
		stored = 0;
	}
	put_u32(head + 4, (uint32_t)stored);
	put_u32(head + 8, (uint32_t)w->used);
	write_bytes(w, head, sizeof(head));
	write_bytes(w, w->stored, stored);
	if (!w->failed && fflush(w->file))
		w->failed = errno;
	w->used = 0;
	w->last_va = w->block_end = 0;
}

/* --- records --------------------------------------------------------------------------------- */

static inline void begin(struct trace_writer *w, unsigned tag)
{
	if (w->used + RECORD_MAX > sizeof(w->raw))
		flush_frame(w);
	w->raw[w->used++] = (uint8_t)tag;
}

static inline void number(struct trace_writer *w, uint64_t value)
{
	while (value >= 0x80) {
		w->raw[w->used++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	w->raw[w->used++] = (uint8_t)value;
}

static inline void signed_number(struct trace_writer *w, int64_t value)
{
	number(w, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static void on_access(void *ctx, enum access_kind access, va_t va, unsigned bytes)
{
	struct trace_writer *w = ctx;

	begin(w, access == ACCESS_READ ? TRACE_LOAD : TRACE_STORE);
	signed_number(w, (int64_t)(va - w->last_va));
	number(w, bytes);
	w->last_va = va;
}

static void on_block(void *ctx, va_t va, unsigned bytes, unsigned instructions, bool rep)
{
	struct trace_writer *w = ctx;

	begin(w, rep ? TRACE_REP : TRACE_BLOCK);
	signed_number(w, (int64_t)(va - w->block_end));
	number(w, bytes);
	number(w, instructions);
	w->block_end = va + bytes;
}

static void on_block_cut(void *ctx, unsigned instructions)
{
	struct trace_writer *w = ctx;

	begin(w, TRACE_CUT);
	number(w, instructions);
}

static void on_attempt(void *ctx, enum access_kind access, va_t va,
		       const struct fault_outcome *outcome)
{
	struct trace_writer *w = ctx;

	begin(w, TRACE_ATTEMPT);
	number(w, access);
	number(w, va);
	number(w, (uint64_t)outcome->signal);
	signed_number(w, outcome->signal ? outcome->si_code : 0);
}

static void on_kcall(void *ctx, const struct kcall *call, int64_t result)
{
	struct trace_writer *w = ctx;

	begin(w, TRACE_KCALL + (unsigned)call->op);
	for (unsigned i = 0; i < kcall_infos[call->op].arg_count; i++)
		number(w, call->arg[i]);
	signed_number(w, result);
}

/* --- life ------------------------------------------------------------------------------------ */

static void destroy(struct trace_writer *w)
{
	if (w->file)
		fclose(w->file);
	ZSTD_freeCCtx(w->zstd);
	free(w);
}

static void write_header(struct trace_writer *w, const char *header)
{
	uint8_t head[TRACE_HEAD_BYTES] = "PGWLKTRC";
	uint64_t sum;

	put_u32(head + TRACE_HEAD_VERSION, TRACE_VERSION);
	put_u32(head + TRACE_HEAD_LENGTH, (uint32_t)strlen(header));
	sum = trace_head_checksum(head, header, strlen(header));
	put_u32(head + TRACE_HEAD_CHECKSUM, (uint32_t)sum);
	put_u32(head + TRACE_HEAD_CHECKSUM + 4, (uint32_t)(sum >> 32));
	write_bytes(w, head, sizeof(head));
	write_bytes(w, header, strlen(header));
}

int trace_writer_create(struct trace_writer **out, const struct trace_writer_setup *setup,
			struct trace_error *error)
{
	const char *path = setup->path;
	struct trace_writer *w = calloc(1, sizeof(*w));

	if (w)
		w->zstd = ZSTD_createCCtx();
	if (!w || !w->zstd) {
		snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
		free(w);
		return PW_NOMEM;
	}
	snprintf(w->path, sizeof(w->path), "%s", path);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
	w->file = fopen(path, "wbe");
	if (!w->file) {
		snprintf(error->text, sizeof(error->text), "%s: cannot be written: %s", path,
			 strerror(errno));
		destroy(w);
		return PW_IO;
	}
	w->tap = (struct machine_tap){ w, on_access, on_block, on_block_cut, on_attempt, on_kcall };
	write_header(w, setup->header);
	*out = w;
	return PW_OK;
}

const struct machine_tap *trace_writer_tap(struct trace_writer *writer)
{
	return &writer->tap;
}

int trace_writer_finish(struct trace_writer *w, const struct machine_counters *counters,
			struct trace_error *error)
{
	int failed;

	begin(w, TRACE_END);
	number(w, counters->loads);
	number(w, counters->stores);
	number(w, counters->instructions);
	flush_frame(w);
	if (fclose(w->file) && !w->failed)
		w->failed = errno;
	w->file = NULL;
	failed = w->failed;
	if (failed)
		snprintf(error->text, sizeof(error->text),
			 "%s: recording stopped: %s; what came before can be read", w->path,
			 strerror(failed));
	destroy(w);
	return failed ? PW_IO : PW_OK;
}
