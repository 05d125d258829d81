/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_FORMAT_H
#define PAGEWALK_TRACES_FORMAT_H

/* What writer and reader share beyond the records: the head of the file (FORMAT.md). */

#include <stddef.h>
#include <stdint.h>

/* magic 0..7, version 8..11, length of the text 12..15, checksum 16..23 */
enum {
	TRACE_HEAD_BYTES = 24,
	TRACE_HEAD_VERSION = 8,
	TRACE_HEAD_LENGTH = 12,
	TRACE_HEAD_CHECKSUM = 16
};

static inline uint64_t trace_fnv1a(uint64_t sum, const void *bytes, size_t count)
{
	const uint8_t *byte = (const uint8_t *)bytes;

	while (count--)
		sum = (sum ^ *byte++) * UINT64_C(0x100000001b3);
	return sum;
}

/* Of version, length and text. */
static inline uint64_t trace_head_checksum(const uint8_t *head, const char *text, size_t length)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	sum = trace_fnv1a(sum, head + TRACE_HEAD_VERSION, TRACE_HEAD_CHECKSUM - TRACE_HEAD_VERSION);
	return trace_fnv1a(sum, text, length);
}

#endif
