/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_BATCH_H
#define PAGEWALK_TRACES_BATCH_H

/* What a reader hands out to be replayed: executions of paths, and records between them. */

#include "mmu/types.h"

struct trace_record; /* trace.h */

enum trace_kind {
	TRACE_ITEM_LOAD,
	TRACE_ITEM_STORE,
	TRACE_ITEM_BLOCK,
	TRACE_ITEM_REP,  /* a block: one more iteration of a rep-prefixed instruction */
	TRACE_ITEM_OTHER /* va is the index of a record in batch->other */
};

/* What there is much of, in the order of the recording; small, so that a batch stays in caches. */
struct trace_item {
	va_t va;
	uint16_t bytes;        /* of the access or the block: 1 to 4096 */
	uint16_t instructions; /* of a block */
	uint16_t pc_offset; /* of an access, with trace_reader_has_pc(): from the last block's va */
	uint8_t kind;       /* enum trace_kind */
	uint8_t reserved;
};
enum { TRACE_PC_UNKNOWN = UINT16_MAX }; /* a pc_offset: the recorder could not say */

/*
 * What executions have in common: blocks one after the other, each with its loads and stores, or
 * loads and stores alone. Good as long as the frame (batch->frame) is read.
 */
struct trace_path {
	const struct trace_item *step; /* the va of an access is not in it */
	uint8_t steps, accesses, stores, blocks, rep_iterations;
	uint16_t number; /* no other path of the frame has it */
	uint32_t instructions;
	va_t last_block; /* where there are blocks */
};

/* Accesses to one page, put together. */
struct trace_touch {
	uint64_t page; /* va >> FRAME_LG2 */
	uint16_t accesses;
	uint8_t kinds; /* 1 << TRACE_ITEM_LOAD, 1 << TRACE_ITEM_STORE */
};

/* One after the other, they are the batch. */
struct trace_execution {
	const struct trace_path *path; /* NULL: a record of batch->other */
	uint32_t first;                /* of its accesses in batch->va; the record */
	/*
	 * Its pages in the order of their last access, in batch->touch. Unless it is touched: then
	 * some access crosses pages, or it cannot be expected that this is worth it.
	 */
	uint16_t first_touch;
	uint8_t touches;
	bool touched;
};

/* Belongs to the reader, and is good until its next call. */
struct trace_batch {
	const struct trace_execution *execution;
	size_t executions; /* 0 never */
	const va_t *va;
	size_t accesses; /* at most TRACE_BATCH_MAX, as executions */
	const struct trace_touch *touch;
	const struct trace_record *other;
	size_t other_count;
	uint64_t items;  /* accesses, blocks and others in it */
	uint64_t frame;  /* that they come from: the first is 1 */
	uint64_t offset; /* where it starts in the file */
};
enum { TRACE_BATCH_MAX = 2048, TRACE_TOUCHES_MAX = 12 };

/* How much has been passed: executions, steps of the next one; accesses and items of the batch. */
struct trace_cursor {
	size_t execution, step, access, items;
};

/* The item that comes next; false: none does. */
static inline bool trace_batch_next(const struct trace_batch *batch, struct trace_cursor *at,
				    struct trace_item *item)
{
	const struct trace_execution *execution;

	if (at->execution == batch->executions)
		return false;
	at->items++;
	execution = &batch->execution[at->execution];
	if (!execution->path) {
		*item = (struct trace_item){ .va = execution->first, .kind = TRACE_ITEM_OTHER };
		at->execution++;
		return true;
	}
	*item = execution->path->step[at->step++];
	if (item->kind <= TRACE_ITEM_STORE)
		item->va = batch->va[at->access++];
	if (at->step == execution->path->steps) {
		at->step = 0;
		at->execution++;
	}
	return true;
}

#endif
