/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_DWARF_CURSOR_H
#define PAGEWALK_ANALYSIS_DWARF_CURSOR_H

/* Reading little-endian DWARF data that may end, or lie, anywhere. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at, *end;
	bool bad; /* something was cut off or senseless; reads give 0 from then on */
};

static inline uint64_t get(struct cursor *c, unsigned bytes)
{
	uint64_t value = 0;

	if (c->bad || (size_t)(c->end - c->at) < bytes) {
		c->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)c->at[i] << 8 * i;
	c->at += bytes;
	return value;
}

static inline uint64_t get_uleb(struct cursor *c)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = get(c, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

static inline int64_t get_sleb(struct cursor *c)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = get(c, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (shift < 64 && (byte & 0x40))
		value |= UINT64_MAX << shift;
	return (int64_t)value;
}

static inline void skip(struct cursor *c, uint64_t bytes)
{
	if (c->bad || bytes > (uint64_t)(c->end - c->at))
		c->bad = true;
	else
		c->at += bytes;
}

static inline const char *get_string(struct cursor *c)
{
	const char *string = (const char *)c->at;
	const uint8_t *nul = c->bad ? NULL : memchr(c->at, 0, (size_t)(c->end - c->at));

	if (!nul) {
		c->bad = true;
		return "";
	}
	c->at = nul + 1;
	return string;
}

#endif
