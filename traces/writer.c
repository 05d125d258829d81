/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Recording: the tap appends to a chunk, and another thread does the rest. A write that fails
 * stops the recording, not the guest.
 */

#include "traces/trace.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/chunk.h"
#include "traces/output.h"

struct trace_writer {
	struct trace_chunk *chunk;
	va_t block;     /* the last one */
	const va_t *pc; /* the driver's; NULL: the trace holds none */
	struct trace_output *output;
	struct trace_queue *queue;
	struct machine_tap tap;
	struct trace_outcome outcome;
};

/* --- records --------------------------------------------------------------------------------- */

static inline struct trace_item *next_item(struct trace_writer *w)
{
	if (PAGEWALK_UNLIKELY(w->chunk->count == CHUNK_ITEMS))
		w->chunk = trace_queue_send(w->queue);
	return &w->chunk->item[w->chunk->count++];
}

static struct trace_record *next_other(struct trace_writer *w, enum trace_tag tag)
{
	struct trace_record *record;
	struct trace_item *item;

	if (w->chunk->other_count == CHUNK_OTHERS)
		w->chunk = trace_queue_send(w->queue);
	item = next_item(w);
	*item = (struct trace_item){ .va = w->chunk->other_count, .kind = TRACE_ITEM_OTHER };
	record = &w->chunk->other[w->chunk->other_count++];
	*record = (struct trace_record){ .tag = tag };
	return record;
}

static inline bool is_full(const struct trace_writer *w)
{
	return PAGEWALK_UNLIKELY(w->chunk->count == CHUNK_ITEMS);
}

/* Once more, with room. Out of the way, so that the usual case keeps nothing on the stack. */
static __attribute__((noinline)) void access_again(struct trace_writer *w, enum access_kind access,
						   va_t va, unsigned bytes)
{
	w->chunk = trace_queue_send(w->queue);
	w->tap.access(w, access, va, bytes);
}

static inline void put_access(struct trace_writer *w, enum access_kind access, va_t va,
			      unsigned bytes, uint16_t pc_offset)
{
	struct trace_item *item = &w->chunk->item[w->chunk->count++];

	assert(bytes >= 1 && bytes <= FRAME_BYTES);
	/* field by field: a whole item would be cleared first */
	item->va = va;
	item->bytes = (uint16_t)bytes;
	item->instructions = 0;
	item->pc_offset = pc_offset;
	item->kind = access == ACCESS_READ ? TRACE_ITEM_LOAD : TRACE_ITEM_STORE;
	item->reserved = 0;
}

static void on_access(void *ctx, enum access_kind access, va_t va, unsigned bytes)
{
	struct trace_writer *w = ctx;

	if (is_full(w))
		access_again(w, access, va, bytes);
	else
		put_access(w, access, va, bytes, 0);
}

static void on_access_with_pc(void *ctx, enum access_kind access, va_t va, unsigned bytes)
{
	struct trace_writer *w = ctx;
	va_t pc = *w->pc, offset = pc - w->block;

	if (is_full(w)) {
		access_again(w, access, va, bytes);
		return;
	}
	if (PAGEWALK_UNLIKELY(!pc || offset > TRACE_PC_UNKNOWN))
		offset = TRACE_PC_UNKNOWN;
	put_access(w, access, va, bytes, (uint16_t)offset);
}

static void on_block(void *ctx, va_t va, unsigned bytes, unsigned instructions, bool rep)
{
	struct trace_writer *w = ctx;

	assert(bytes >= 1 && bytes <= FRAME_BYTES && instructions <= FRAME_BYTES);
	if (PAGEWALK_UNLIKELY(w->chunk->count + CHUNK_RESERVE > CHUNK_ITEMS))
		w->chunk = trace_queue_send(w->queue);
	w->block = va;
	*next_item(w) = (struct trace_item){ .va = va,
					     .bytes = (uint16_t)bytes,
					     .instructions = (uint16_t)instructions,
					     .kind = rep ? TRACE_ITEM_REP : TRACE_ITEM_BLOCK };
}

static void on_block_cut(void *ctx, unsigned instructions)
{
	next_other(ctx, TRACE_CUT)->instructions = instructions;
}

static void on_attempt(void *ctx, enum access_kind access, va_t va,
		       const struct fault_outcome *outcome)
{
	struct trace_record *record = next_other(ctx, TRACE_ATTEMPT);

	record->access = access;
	record->va = va;
	record->outcome.signal = outcome->signal;
	record->outcome.si_code = outcome->signal ? outcome->si_code : 0;
}

static void on_kcall(void *ctx, const struct kcall *call, int64_t result)
{
	struct trace_record *record = next_other(ctx, TRACE_KCALL);

	record->call = *call;
	record->result = result;
}

static const char *keep(struct trace_chunk *chunk, const char *string)
{
	size_t size = strlen(string) + 1;
	char *kept = chunk->text + chunk->text_count;

	memcpy(kept, string, size);
	chunk->text_count += size;
	return kept;
}

static_assert(CHUNK_TEXT >= TRACE_PATH_MAX + TRACE_IDENTITY_MAX, "a mapping's strings fit");

void trace_writer_mapping(struct trace_writer *w, const struct trace_mapping *mapping)
{
	bool named = strlen(mapping->path) < TRACE_PATH_MAX &&
		     strlen(mapping->identity) < TRACE_IDENTITY_MAX;
	struct trace_record *record;

	if (w->chunk->text_count + TRACE_PATH_MAX + TRACE_IDENTITY_MAX > CHUNK_TEXT)
		w->chunk = trace_queue_send(w->queue);
	record = next_other(w, TRACE_MAPPING);
	record->mapping = *mapping;
	record->mapping.path = keep(w->chunk, named ? mapping->path : "");
	record->mapping.identity = keep(w->chunk, named ? mapping->identity : "");
}

/* --- life ------------------------------------------------------------------------------------ */

static void destroy(struct trace_writer *w)
{
	trace_queue_destroy(w->queue);
	trace_output_destroy(w->output);
	free(w);
}

static int out_of_memory(const struct trace_writer_setup *setup, struct trace_error *error)
{
	snprintf(error->text, sizeof(error->text), "%s: out of memory", setup->path);
	return PW_NOMEM;
}

int trace_writer_create(struct trace_writer **out, const struct trace_writer_setup *setup,
			struct trace_error *error)
{
	struct trace_writer *w = calloc(1, sizeof(*w));
	int failed;

	if (!w)
		return out_of_memory(setup, error);
	w->pc = setup->pc;
	w->tap = (struct machine_tap){ .ctx = w,
				       .access = setup->pc ? on_access_with_pc : on_access,
				       .block = on_block,
				       .block_cut = on_block_cut,
				       .attempt = on_attempt,
				       .kcall = on_kcall };
	failed = trace_output_create(&w->output, setup->path, setup->pc != NULL, error);
	if (!failed && trace_queue_create(&w->queue, w->output))
		failed = out_of_memory(setup, error);
	if (failed) {
		destroy(w);
		return failed;
	}
	trace_output_header(w->output, setup->header);
	w->chunk = trace_queue_chunk(w->queue);
	*out = w;
	return PW_OK;
}

const struct machine_tap *trace_writer_tap(struct trace_writer *writer)
{
	return &writer->tap;
}

void trace_writer_outcome(struct trace_writer *writer, const struct trace_outcome *outcome)
{
	assert(outcome->number <= UINT8_MAX);
	writer->outcome = *outcome;
}

int trace_writer_finish(struct trace_writer *w, const struct machine_counters *counters,
			struct trace_error *error)
{
	struct trace_record *end = next_other(w, TRACE_END);
	int failed;

	end->total[0] = counters->loads;
	end->total[1] = counters->stores;
	end->total[2] = counters->instructions;
	end->end = w->outcome;
	trace_queue_send(w->queue);
	trace_queue_destroy(w->queue);
	w->queue = NULL;
	failed = trace_output_finish(w->output, error);
	destroy(w);
	return failed;
}
