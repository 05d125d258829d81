/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_TEMPLATE_H
#define PAGEWALK_TRACES_TEMPLATE_H

/*
 * What encoder and decoder of a frame have in common (FORMAT.md, "Frames").
 *
 * A template is a block as it was executed: where it lies, and its accesses without their
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
	TEMPLATE_SLOTS_MAX = 64,
	TEMPLATE_LONE_SLOTS = 4, /* as many are put together where there is no block */
	TEMPLATES_MAX = 32767,   /* in a frame */
	SLOTS_MAX = 1 << 18,     /* in a frame */
	FRAME_RECORDS_MAX = 1 << 20,
	REFERENCE_RARE = TEMPLATES_MAX << 1 /* a reference is 2 x the template's number + codes? */
};

/* Template kinds as stored. */
enum template_kind { TEMPLATE_LONE, TEMPLATE_BLOCK, TEMPLATE_REP, TEMPLATE_KINDS };

enum slot_code {
	CODE_LENGTH = 7, /* mask of the length */
	CODE_NEIGHBOUR =
		8, /* from the access before this one; else from this slot's last address */
	CODE_FIRST = CODE_NEIGHBOUR,
	CODES = 16
};

/*
 * The half of an item that does not change: what a template says of a block or a slot. As one
 * integer it is compared and copied at once.
 */
typedef uint64_t look_t;

static_assert(sizeof(struct trace_item) == 16 && offsetof(struct trace_item, bytes) == 8,
	      "an item is an address and a look");

static inline look_t item_look(const struct trace_item *item)
{
	look_t look;

	memcpy(&look, (const char *)item + 8, sizeof(look));
	return look;
}

static inline void item_put(struct trace_item *item, va_t va, look_t look)
{
	item->va = va;
	memcpy((char *)item + 8, &look, sizeof(look));
}

struct trace_slot {
	va_t last;
	uint64_t stride; /* between its last two addresses */
	uint64_t delta;  /* from the access before it, last time */
	look_t look;
};

static inline void slot_init(struct trace_slot *slot, look_t look)
{
	*slot = (struct trace_slot){ .look = look };
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
