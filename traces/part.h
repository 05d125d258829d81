/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_PART_H
#define PAGEWALK_TRACES_PART_H

/*
 * Blocks are in several paths. What one path has learned of a block's accesses, the next one that is
 * defined with it begins with (FORMAT.md: "Each has a state").
 */

#include "traces/template.h"

enum { PARTS_MAX = TEMPLATES_MAX * PATH_BLOCKS_MAX, PART_HEADS_LG2 = 14 };

/* Of a frame; zeroed for the first one. */
struct trace_parts {
	unsigned count;
	uint32_t head[1 << PART_HEADS_LG2]; /* index of the last part that hashes there, plus 1 */
	struct trace_part {
		va_t va;
		uint32_t first_slot, before; /* before: as head */
		unsigned slots;
	} part[PARTS_MAX];
};

void trace_parts_forget(struct trace_parts *parts);
/*
 * The block at va was defined, with so many slots from slot[first_slot] on, which are initialized:
 * gives them the state of those of the last part with that va, and remembers this one.
 */
void trace_parts_define(struct trace_parts *parts, struct trace_slot *slot, va_t va,
			uint32_t first_slot, unsigned slots);

#endif
