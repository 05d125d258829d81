/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_SEGMENT_H
#define PAGEWALK_TRACES_SEGMENT_H

/* Where one path ends and the next one starts: the encoder's choice, and nobody else's. */

#include "traces/batch.h"

/* Blocks and the accesses that follow each, or accesses alone. */
struct trace_segment {
	const struct trace_item *item;
	unsigned items, slots, blocks;
};

static inline bool trace_item_is_access(const struct trace_item *item)
{
	return item->kind <= TRACE_ITEM_STORE;
}

/*
 * The path that starts at an item, which is no OTHER. False: it may go on behind the end; then it
 * will start with these items.
 */
bool trace_segment_take(struct trace_segment *path, const struct trace_item *item,
			const struct trace_item *end);

#endif
