/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_TEMPLATE_H
#define PAGEWALK_TRACES_TEMPLATE_H

/*
 * What encoder and decoder of a frame have in common (FORMAT.md, "Frames").
 *
 * A template is a path of blocks as it was executed: where they lie, and their accesses without
 * addresses. Each access is a slot, which predicts its next address in two ways and remembers
 * which of them was used last, and how many bytes the difference took: its code.
 *
 *     code   7      4  3         2      0
 *           +--------+----------+--------+
 *           |   0    | predictor| length |   length: 0 1 2 3 4 5 6 8 bytes
 *           +--------+----------+--------+
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "traces/trace.h"

enum {
	PATH_BLOCKS_MAX = 8,
	BLOCK_SLOTS_MAX = 64,
	PATH_SLOTS_FULL = 32, /* no other block is taken in */
	PATH_SLOTS_MAX = PATH_SLOTS_FULL - 1 + BLOCK_SLOTS_MAX,
	PATH_STEPS_MAX = PATH_BLOCKS_MAX + PATH_SLOTS_MAX,
	LONE_SLOTS_MAX = 4,    /* as many are put together where there is no block */
	TEMPLATES_MAX = 32767, /* in a frame */
	SLOTS_MAX = 1 << 18,   /* in a frame */
	STEPS_MAX = SLOTS_MAX + TEMPLATES_MAX * PATH_BLOCKS_MAX,
	FRAME_RECORDS_MAX = 1 << 20,
	REFERENCE_RARE = TEMPLATES_MAX << 1 /* a reference is 2 x the template's number + codes? */
};

/* The byte before changed codes: how many, or that there is one for each slot. */
enum { CODES_ALL = 0xff };
/* The byte before each block of a definition: how many slots it has, and */
enum { PART_REP = 0x80 };

enum slot_code {
	CODE_LENGTH = 7, /* mask of the length */
	CODE_NEIGHBOUR =
		8, /* from the access before this one; else from this slot's last address */
	CODE_FIRST = CODE_NEIGHBOUR,
	CODES = 16
};

struct trace_slot {
	va_t last;
	uint64_t stride; /* between its last two addresses */
	uint64_t delta;  /* from the access before it, last time */
	uint16_t beyond; /* bytes after the first */
	uint8_t kind;    /* enum trace_kind */
	uint8_t code;
	uint32_t reserved;
};

static inline void slot_init(struct trace_slot *slot, const struct trace_item *access)
{
	*slot = (struct trace_slot){ .beyond = (uint16_t)(access->bytes - 1),
				     .kind = access->kind,
				     .code = CODE_FIRST };
}

static inline va_t slot_predict(const struct trace_slot *slot, unsigned code, va_t before)
{
	va_t strided = slot->last + slot->stride, near = before + slot->delta;

	return code & CODE_NEIGHBOUR ? near : strided;
}

static inline void slot_learn(struct trace_slot *slot, va_t va, va_t before)
{
	slot->stride = va - slot->last;
	slot->last = va;
	slot->delta = va - before;
}

static inline unsigned code_bytes(unsigned code)
{
	static const uint8_t bytes[CODES] = { 0, 1, 2, 3, 4, 5, 6, 8, 0, 1, 2, 3, 4, 5, 6, 8 };

	return bytes[code];
}

#endif
