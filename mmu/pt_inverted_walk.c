/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The walk of an inverted table.
 *
 *   scan   the table line by line from frame 0, then the overflow frames, until a line holds the
 *          page; an absent page costs all lines
 *   hash   the anchor, then the chain, entry by entry
 *
 * A scan asks for up to WALK_REFS_MAX lines a step, one after another. So that it asks for no line
 * behind the one that ends it, it looks ahead into simulated memory; the line that answers is the
 * last of its request.
 */

#include "mmu/pt_inverted_private.h"

#include <string.h>

enum inverted_phase { PHASE_TABLE, PHASE_OVERFLOW, PHASE_ANCHOR, PHASE_ENTRY, PHASE_WRITTEN };
enum { WORD_END, WORD_NEXT, WORD_TAG, WORD_LINK };

static pa_t table_end(const struct inverted *inv)
{
	return inv->table +
	       ((inv->frames * ENTRY_BYTES + LINE_BYTES - 1) & ~(pa_t)(LINE_BYTES - 1));
}

void inverted_walk_start(const struct walk_input *input, struct walk_state *state)
{
	const struct inverted *inv = input->space->table->format;

	memset(state, 0, sizeof(*state));
	state->perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER;
	if (inv->hash) {
		state->table = inverted_anchor(inv, inverted_key(input->space, input->va));
		state->phase = PHASE_ANCHOR;
		return;
	}
	state->table = inv->table;
	state->phase = PHASE_TABLE;
	state->word[WORD_END] = table_end(inv);
	state->word[WORD_NEXT] = inv->overflow;
}

static enum walk_step step_fault(enum fault_kind kind, struct walk_request *request)
{
	request->fault.kind = (uint8_t)kind;
	request->fault.level = 0;
	return WALK_FAULT;
}

static enum walk_step step_read(const struct walk_state *state, struct walk_request *request)
{
	request->read.ref[0].pa = state->table;
	request->read.ref[0].bytes = state->phase == PHASE_ANCHOR ? ANCHOR_BYTES : ENTRY_BYTES;
	request->read.count = 1;
	request->read.level = 0;
	request->read.together = false;
	request->cacheable = false;
	return WALK_READ;
}

/* The offset of the entry with this key, or LINE_BYTES. A line of 16 bytes an entry, no branches. */
static unsigned find_in_line(const uint8_t *line, uint64_t key)
{
	unsigned found = LINE_ENTRIES;

	for (unsigned i = LINE_ENTRIES; i-- > 0;)
		found = (walk_load(line + i * ENTRY_BYTES, 8) & TAG_KEY) == key ? i : found;
	return found * ENTRY_BYTES;
}

static enum walk_step step_lines(const struct walk_input *input, struct walk_state *state,
				 struct walk_request *request)
{
	const struct phys_mem *mem = input->space->table->memory->mem;
	uint64_t key = inverted_key(input->space, input->va);
	pa_t pa = state->table;
	unsigned count = 0;

	while (count < WALK_REFS_MAX && pa < state->word[WORD_END]) {
		request->read.ref[count].pa = pa;
		request->read.ref[count].bytes = LINE_BYTES;
		count++;
		if (find_in_line(phys_mem_at(mem, pa), key) < LINE_BYTES)
			break;
		pa += LINE_BYTES;
	}
	state->count = (uint8_t)count;
	request->read.count = (uint8_t)count;
	request->read.level = 0;
	request->read.together = false;
	request->cacheable = false;
	return WALK_READ;
}

/* The next region: of an overflow frame, whose first line names the one after it. */
static enum walk_step step_region(const struct walk_input *input, struct walk_state *state,
				  struct walk_request *request)
{
	if (state->word[WORD_NEXT] == 0)
		return step_fault(FAULT_NOT_PRESENT, request);
	state->table = state->word[WORD_NEXT];
	state->word[WORD_END] = state->table + FRAME_BYTES;
	state->phase = PHASE_OVERFLOW;
	return step_lines(input, state, request);
}

/* How an entry for the page answers the access: the one judge, for walks and probes. */
static enum fault_kind judge(const struct walk_input *input, uint64_t tag)
{
	return access_allowed(&input->controls, input->mode, input->access, inverted_perms(tag))
		       ? FAULT_NONE
		       : FAULT_PROTECTION;
}

static enum walk_step step_leaf(const struct walk_input *input, const struct walk_state *state,
				struct walk_request *request)
{
	inverted_decode(input->space->table->format, state->table, state->word[WORD_TAG],
			state->word[WORD_LINK], &request->leaf);
	return WALK_LEAF;
}

/* From here on the state is about one entry, whichever way it was found. */
static enum walk_step step_found(const struct walk_input *input, struct walk_state *state,
				 const uint8_t *bytes, struct walk_request *request)
{
	uint64_t tag = walk_load(bytes + ENTRY_TAG, 8);
	uint64_t wanted = BIT(TAG_A) | (input->access == ACCESS_WRITE ? BIT(TAG_D) : 0);

	if (judge(input, tag) != FAULT_NONE)
		return step_fault(FAULT_PROTECTION, request);
	state->word[WORD_TAG] = tag | wanted;
	state->word[WORD_LINK] = walk_load(bytes + ENTRY_LINK, 8);
	if ((tag & wanted) == wanted)
		return step_leaf(input, state, request);
	state->phase = PHASE_WRITTEN;
	request->write.pa = state->table + ENTRY_TAG;
	request->write.old_value = tag;
	request->write.new_value = tag | wanted;
	request->write.bytes = 8;
	request->write.level = 0;
	return WALK_WRITE;
}

static enum walk_step next_scanning(const struct walk_input *input, struct walk_state *state,
				    const struct walk_reply *reply, struct walk_request *request)
{
	const uint8_t *last = reply->line[state->count - 1];
	unsigned offset = find_in_line(last, inverted_key(input->space, input->va));

	if (state->phase == PHASE_OVERFLOW && state->table % FRAME_BYTES == 0)
		state->word[WORD_NEXT] = walk_load(reply->line[0], 8);
	if (offset < LINE_BYTES) {
		state->table += (state->count - 1u) * LINE_BYTES + offset;
		return step_found(input, state, last + offset, request);
	}
	state->table += (pa_t)state->count * LINE_BYTES;
	if (state->table < state->word[WORD_END])
		return step_lines(input, state, request);
	return step_region(input, state, request);
}

static enum walk_step next_in_chain(struct walk_state *state, uint64_t link,
				    struct walk_request *request)
{
	state->table = inverted_next(link);
	state->phase = PHASE_ENTRY;
	return state->table ? step_read(state, request) : step_fault(FAULT_NOT_PRESENT, request);
}

/* The entry changed under the write-back: read it again, alone. */
static enum walk_step next_written(const struct walk_input *input, struct walk_state *state,
				   const struct walk_reply *reply, struct walk_request *request)
{
	if (!reply->write_lost)
		return step_leaf(input, state, request);
	state->phase = PHASE_ENTRY;
	return step_read(state, request);
}

enum walk_step inverted_walk_next(const struct walk_input *input, struct walk_state *state,
				  const struct walk_reply *reply, struct walk_request *request)
{
	const uint8_t *line = reply ? reply->line[0] : NULL;
	uint64_t key;

	switch ((enum inverted_phase)state->phase) {
	case PHASE_TABLE:
	case PHASE_OVERFLOW:
		return reply ? next_scanning(input, state, reply, request)
			     : step_lines(input, state, request);
	case PHASE_ANCHOR:
		return reply ? next_in_chain(state, walk_load(line, ANCHOR_BYTES), request)
			     : step_read(state, request);
	case PHASE_ENTRY:
		key = inverted_key(input->space, input->va);
		if ((walk_load(line + ENTRY_TAG, 8) & TAG_KEY) == key)
			return step_found(input, state, line, request);
		return next_in_chain(state, walk_load(line + ENTRY_LINK, 8), request);
	case PHASE_WRITTEN:
		return next_written(input, state, reply, request);
	}
	return step_fault(FAULT_NOT_PRESENT, request);
}

enum fault_kind inverted_probe(const struct walk_input *input, struct translation *leaf,
			       unsigned *level)
{
	const struct page_table *pt = input->space->table;
	const struct inverted *inv = pt->format;
	pa_t entry = inverted_index_find(&inv->index, inverted_key(input->space, input->va));
	uint64_t tag;

	*level = 0;
	if (!entry)
		return FAULT_NOT_PRESENT;
	tag = inverted_peek(pt, entry + ENTRY_TAG);
	if (judge(input, tag) != FAULT_NONE)
		return FAULT_PROTECTION;
	/* As the walk leaves it. */
	tag |= BIT(TAG_A) | (input->access == ACCESS_WRITE ? BIT(TAG_D) : 0);
	if (leaf)
		inverted_decode(inv, entry, tag, inverted_peek(pt, entry + ENTRY_LINK), leaf);
	return FAULT_NONE;
}
