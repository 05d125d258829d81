/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_FORMAT_H
#define PAGEWALK_TRACES_FORMAT_H

/* The layout of the file that writer and reader share; FORMAT.md says what it means. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mmu/fnv1a.h"

#define TRACE_MAGIC       "PGWLKTRC"
#define TRACE_FRAME_MAGIC "FRAM"
#define TRACE_INDEX_MAGIC "INDX"
#define TRACE_END_MAGIC   "PGWLKEND"

/* magic 0..7, version 8..11, flags 12..15, length of the text 16..19, 0 20..23, checksum 24..31 */
enum {
	TRACE_HEAD_BYTES = 32,
	TRACE_HEAD_VERSION = 8,
	TRACE_HEAD_FLAGS = 12,
	TRACE_HEAD_LENGTH = 16,
	TRACE_HEAD_CHECKSUM = 24
};
enum trace_flag { TRACE_FLAG_PC = 1 };

/* The parts of a frame, in this order. */
enum trace_section {
	SECTION_FLOW,
	SECTION_CODES,
	SECTION_RESIDUALS,
	SECTION_TEMPLATES,
	SECTION_RARE,
	SECTION_COUNT
};

/* Kinds of record as heads and index count them: TRACE_END to TRACE_MAPPING, and kernel calls. */
enum { TRACE_COUNT_KCALL = 8, TRACE_COUNTS };

struct trace_frame_head {
	uint32_t stored;                 /* bytes of the zstd frame that follows */
	uint32_t count[TRACE_COUNTS];    /* records in it */
	uint32_t bytes[SECTION_COUNT];   /* decoded */
	uint64_t accesses, instructions; /* before it */
	uint64_t block;                  /* va of the last block before it */
	uint64_t instructions_after;     /* and with it */
};
enum { TRACE_FRAME_HEAD_BYTES = 104 };

/* magic 0..3, frames 4..7; then entries, counts of each kind, instructions, a checksum over all that */
enum {
	TRACE_INDEX_HEAD_BYTES = 8,
	TRACE_INDEX_ENTRY_BYTES = 24, /* offset, accesses before, instructions before */
	TRACE_INDEX_TAIL_BYTES = 8 * TRACE_COUNTS + 16,
	TRACE_FOOTER_BYTES = 24 /* offset of the index, checksum of that, magic */
};

/* --- integers -------------------------------------------------------------------------------- */

static inline void put_u32(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static inline void put_u64(uint8_t *out, uint64_t value)
{
	put_u32(out, (uint32_t)value);
	put_u32(out + 4, (uint32_t)(value >> 32));
}

static inline uint32_t get_u32(const uint8_t *in)
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
	       (uint32_t)in[3] << 24;
}

static inline uint64_t get_u64(const uint8_t *in)
{
	return (uint64_t)get_u32(in) | (uint64_t)get_u32(in + 4) << 32;
}

/* --- checksums ------------------------------------------------------------------------------- */

static inline uint64_t trace_checksum(const void *bytes, size_t count)
{
	return fnv1a(FNV1A_START, bytes, count);
}

/* Of version, flags, length and text. */
static inline uint64_t trace_head_checksum(const uint8_t *head, const char *text, size_t length)
{
	return fnv1a(trace_checksum(head + TRACE_HEAD_VERSION,
				    TRACE_HEAD_CHECKSUM - TRACE_HEAD_VERSION),
		     text, length);
}

/* --- heads of frames ------------------------------------------------------------------------- */

static inline uint64_t trace_frame_raw_bytes(const struct trace_frame_head *head)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SECTION_COUNT; i++)
		sum += head->bytes[i];
	return sum;
}

static inline uint64_t trace_frame_records(const struct trace_frame_head *head)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TRACE_COUNTS; i++)
		sum += head->count[i];
	return sum;
}

void trace_frame_head_put(uint8_t out[TRACE_FRAME_HEAD_BYTES], const struct trace_frame_head *head);
/* NULL, or what is wrong with it. */
const char *trace_frame_head_get(struct trace_frame_head *head,
				 const uint8_t in[TRACE_FRAME_HEAD_BYTES]);

#endif
