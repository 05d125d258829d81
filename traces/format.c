/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Heads of frames, packed and unpacked. */

#include "traces/format.h"

#include "traces/template.h"
#include "traces/trace.h"

enum {
	STORED_AT = 4,
	COUNTS_AT = 8,
	SECTIONS_AT = COUNTS_AT + 4 * TRACE_COUNTS,
	NUMBERS_AT = 64,
	CHECKSUM_AT = TRACE_FRAME_HEAD_BYTES - 8
};

_Static_assert(SECTIONS_AT + 4 * SECTION_COUNT == NUMBERS_AT, "nothing overlaps");

void trace_frame_head_put(uint8_t out[TRACE_FRAME_HEAD_BYTES], const struct trace_frame_head *head)
{
	memset(out, 0, TRACE_FRAME_HEAD_BYTES);
	memcpy(out, TRACE_FRAME_MAGIC, 4);
	put_u32(out + STORED_AT, head->stored);
	for (unsigned i = 0; i < TRACE_COUNTS; i++)
		put_u32(out + COUNTS_AT + 4 * i, head->count[i]);
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		put_u32(out + SECTIONS_AT + 4 * i, head->bytes[i]);
	put_u64(out + NUMBERS_AT, head->accesses);
	put_u64(out + NUMBERS_AT + 8, head->instructions);
	put_u64(out + NUMBERS_AT + 16, head->block);
	put_u64(out + NUMBERS_AT + 24, head->instructions_after);
	put_u64(out + CHECKSUM_AT, trace_checksum(out, CHECKSUM_AT));
}

const char *trace_frame_head_get(struct trace_frame_head *head,
				 const uint8_t in[TRACE_FRAME_HEAD_BYTES])
{
	if (memcmp(in, TRACE_FRAME_MAGIC, 4) != 0)
		return "no frame starts here: the file is damaged";
	if (get_u64(in + CHECKSUM_AT) != trace_checksum(in, CHECKSUM_AT))
		return "the head of a frame is damaged: its checksum does not hold";
	head->stored = get_u32(in + STORED_AT);
	for (unsigned i = 0; i < TRACE_COUNTS; i++)
		head->count[i] = get_u32(in + COUNTS_AT + 4 * i);
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		head->bytes[i] = get_u32(in + SECTIONS_AT + 4 * i);
	head->accesses = get_u64(in + NUMBERS_AT);
	head->instructions = get_u64(in + NUMBERS_AT + 8);
	head->block = get_u64(in + NUMBERS_AT + 16);
	head->instructions_after = get_u64(in + NUMBERS_AT + 24);
	if (trace_frame_raw_bytes(head) > TRACE_FRAME_MAX)
		return "a frame claims to be larger than frames are";
	return NULL;
}
