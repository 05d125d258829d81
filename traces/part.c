/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/part.h"

void trace_parts_forget(struct trace_parts *parts)
{
	parts->count = 0;
	memset(parts->head, 0, sizeof(parts->head));
}

static void inherit(struct trace_slot *to, const struct trace_slot *from)
{
	to->last = from->last;
	to->stride = from->stride;
	to->delta = from->delta;
	to->code = from->code;
}

void trace_parts_define(struct trace_parts *parts, struct trace_slot *slot, va_t va,
			uint32_t first_slot, unsigned slots)
{
	/* by the product with 2^64 through the golden ratio */
	uint32_t *head = &parts->head[va * UINT64_C(0x9e3779b97f4a7c15) >> (64 - PART_HEADS_LG2)];
	uint32_t before = *head;

	while (before && parts->part[before - 1].va != va)
		before = parts->part[before - 1].before;
	if (before) {
		const struct trace_part *part = &parts->part[before - 1];

		for (unsigned i = 0; i < slots && i < part->slots; i++)
			inherit(&slot[first_slot + i], &slot[part->first_slot + i]);
	}
	parts->part[parts->count++] = (struct trace_part){ va, first_slot, *head, slots };
	*head = parts->count;
}
