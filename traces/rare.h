/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_RARE_H
#define PAGEWALK_TRACES_RARE_H

/* Records that are neither blocks nor accesses, and the numbers of variable length (LEB128). */

#include "traces/trace.h"

/* A tag, six arguments and a result of up to ten bytes each; or five numbers and two strings. */
enum { TRACE_RARE_BYTES_MAX = 2 + (KCALL_ARGS_MAX + 1) * 10 + TRACE_PATH_MAX + TRACE_IDENTITY_MAX };

/* Returns how many bytes it took. */
size_t trace_rare_put(uint8_t *out, const struct trace_record *record);

/* Bytes that are read; `at` never passes `end`. */
struct trace_bytes {
	const uint8_t *at, *end;
};

/* False: it makes no sense, or ends too early. */
bool trace_rare_get(struct trace_bytes *in, struct trace_record *record);

static inline uint8_t *put_number(uint8_t *out, uint64_t value)
{
	while (value >= 0x80) {
		*out++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*out++ = (uint8_t)value;
	return out;
}

/* Zigzag: small where the magnitude is. */
static inline uint8_t *put_signed(uint8_t *out, int64_t value)
{
	return put_number(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

bool get_number(struct trace_bytes *in, uint64_t *value);
bool get_signed(struct trace_bytes *in, int64_t *value);
bool get_small(struct trace_bytes *in, uint32_t max, uint32_t *value); /* at most max */

#endif
