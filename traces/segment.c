/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/segment.h"

#include "traces/template.h"

enum { BLOCKS_MIN = 4, CUT_LG2 = 3 };

/* One address of 2^CUT_LG2, by its product with 2^64 through the golden ratio. */
static bool cuts(va_t va)
{
	return va * UINT64_C(0x9e3779b97f4a7c15) >> (64 - CUT_LG2) == 0;
}

/*
 * Paths end before one of eight blocks, by its address, once they have four blocks: so that a loop is
 * cut at the same places each time it is passed, whatever came before it, and is few templates.
 */
static bool takes_in(const struct trace_segment *path, const struct trace_item *item)
{
	if (item->kind != TRACE_ITEM_BLOCK && item->kind != TRACE_ITEM_REP)
		return false;
	if (path->blocks == PATH_BLOCKS_MAX || path->slots >= PATH_SLOTS_FULL)
		return false;
	return path->blocks < BLOCKS_MIN || !cuts(item->va);
}

static void take_accesses(struct trace_segment *path, const struct trace_item *end, unsigned most)
{
	const struct trace_item *item = path->item + path->items;

	while (item < end && trace_item_is_access(item) && most-- > 0) {
		item++;
		path->slots++;
	}
	path->items = (unsigned)(item - path->item);
}

bool trace_segment_take(struct trace_segment *path, const struct trace_item *item,
			const struct trace_item *end)
{
	*path = (struct trace_segment){ .item = item };
	if (trace_item_is_access(item)) {
		take_accesses(path, end, LONE_SLOTS_MAX);
		return item + path->items < end;
	}
	while (item + path->items < end && takes_in(path, item + path->items)) {
		path->items++;
		path->blocks++;
		take_accesses(path, end, BLOCK_SLOTS_MAX);
	}
	return item + path->items < end;
}
