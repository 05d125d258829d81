/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Walks of hashed tables with open addressing: a read a line, from the home line on.
 *
 *   LINE ─┬─ the tag ──────────────────> (ENTRY) ─> LEAF, FAULT, or WRITE of A and D ─> LEAF
 *         ├─ not there, a slot is free ─> FAULT
 *         └─ not there, full ───────────> LINE, the next one
 */

#include "mmu/pt_open_private.h"

#include <string.h>

enum open_phase { PHASE_LINE, PHASE_ENTRY, PHASE_WRITTEN };
enum { WORD_AT, WORD_ENTRY, WORD_LINE }; /* the entry's address, it, the line's number */

static uint64_t tag_wanted(const struct walk_input *input)
{
	const struct open_table *open = input->space->table->format;

	return hash_tag(input->space, open->hash.block_lg2, input->va);
}

void open_walk_start(const struct walk_input *input, struct walk_state *state)
{
	const struct open_table *open = input->space->table->format;

	memset(state, 0, sizeof(*state));
	state->word[WORD_LINE] = hash_bucket(&open->hash, tag_wanted(input));
	state->table = open_line(open, state->word[WORD_LINE]);
	state->phase = PHASE_LINE;
	state->perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER;
}

/* What a line says of a tag. */
enum finding { FOUND, ABSENT, ELSEWHERE };

/* *offset is where in the line the entry is, if FOUND. */
static enum finding look(const struct open_table *open, const uint8_t *line, uint64_t tag, va_t va,
			 unsigned *offset)
{
	uint64_t word[8], other;

	switch (open->layout) {
	case OPEN_EIGHT_SLOTS:
		memcpy(word, line, sizeof(word));
		for (unsigned slot = 0; slot < 8; slot++) {
			if (word[slot] == tag) {
				*offset = LINE_BYTES + slot * ENTRY_BYTES;
				return FOUND;
			}
		}
		for (unsigned slot = 0; slot < 8; slot++)
			if (word[slot] == 0)
				return ABSENT;
		return ELSEWHERE;
	case OPEN_EIGHT_PAGES:
		memcpy(word, line, sizeof(word));
		other = open_gather(word);
		*offset = hash_index(&open->hash, tag, va) * ENTRY_BYTES;
		break;
	default:
		other = walk_load(line, TAG_BYTES);
		*offset = TAG_BYTES;
		break;
	}
	if (other == tag)
		return FOUND;
	return other ? ELSEWHERE : ABSENT;
}

static enum walk_step step_read(const struct open_table *open, const struct walk_state *state,
				struct walk_request *request)
{
	if (state->phase == PHASE_ENTRY)
		return hash_step_read(state->word[WORD_AT], ENTRY_BYTES, request);
	return hash_step_read(state->table, open->read_bytes, request);
}

static enum walk_step step_entry(const struct walk_input *input, struct walk_state *state,
				 uint64_t entry, struct walk_request *request)
{
	state->phase = PHASE_WRITTEN;
	return hash_step_entry(input, state->word[WORD_AT], entry, &state->word[WORD_ENTRY],
			       request);
}

static enum walk_step step_line(const struct walk_input *input, struct walk_state *state,
				const uint8_t *line, struct walk_request *request)
{
	const struct open_table *open = input->space->table->format;
	unsigned offset;

	switch (look(open, line, tag_wanted(input), input->va, &offset)) {
	case ABSENT:
		return hash_step_fault(FAULT_NOT_PRESENT, request);
	case ELSEWHERE:
		state->word[WORD_LINE] = open_next(open, state->word[WORD_LINE]);
		state->table = open_line(open, state->word[WORD_LINE]);
		return step_read(open, state, request);
	case FOUND:
		break;
	}
	state->word[WORD_AT] = state->table + offset;
	if (offset < open->read_bytes)
		return step_entry(input, state, walk_load(line + offset, ENTRY_BYTES), request);
	state->phase = PHASE_ENTRY;
	return step_read(open, state, request);
}

enum walk_step open_walk_next(const struct walk_input *input, struct walk_state *state,
			      const struct walk_reply *reply, struct walk_request *request)
{
	const struct open_table *open = input->space->table->format;

	if (!reply)
		return step_read(open, state, request);
	switch ((enum open_phase)state->phase) {
	case PHASE_LINE:
		return step_line(input, state, reply->line[0], request);
	case PHASE_ENTRY:
		return step_entry(input, state, walk_load(reply->line[0], ENTRY_BYTES), request);
	case PHASE_WRITTEN:
		if (reply->write_lost) {
			state->phase = PHASE_ENTRY;
			return step_read(open, state, request);
		}
		hash_decode(&open->hash, input->va, state->word[WORD_ENTRY], &request->leaf);
		return WALK_LEAF;
	}
	return hash_step_fault(FAULT_NOT_PRESENT, request);
}

enum fault_kind open_probe(const struct walk_input *input, struct translation *leaf,
			   unsigned *level)
{
	const struct page_table *pt = input->space->table;
	const struct open_table *open = pt->format;
	uint64_t tag = tag_wanted(input), line = hash_bucket(&open->hash, tag);
	unsigned offset;

	*level = 0;
	for (;; line = open_next(open, line)) {
		pa_t at = open_line(open, line);

		switch (look(open, phys_mem_at(pt->memory->mem, at), tag, input->va, &offset)) {
		case FOUND:
			return hash_probe_entry(input, hash_peek(pt, at + offset), leaf);
		case ABSENT:
			return FAULT_NOT_PRESENT;
		case ELSEWHERE:
			break;
		}
	}
}

/* An entry alone; a slot; a line of tags; the tag of a line of entries. */
unsigned open_describe(const struct page_table *pt, unsigned level, const void *bytes,
		       unsigned length, struct pt_field *fields)
{
	const struct open_table *open = pt->format;
	const uint8_t *line = bytes;
	uint64_t word[8];
	unsigned count;

	if (level > 0 || length < 8)
		return 0;
	if (length == ENTRY_BYTES)
		return hash_describe_entry(walk_load(line, 8), fields);
	if (length == 16) {
		count = hash_describe_tag(&open->hash, walk_load(line, 8), fields);
		return count + hash_describe_entry(walk_load(line + 8, 8), fields + count);
	}
	if (length != LINE_BYTES)
		return 0;
	memcpy(word, line, sizeof(word));
	if (open->layout == OPEN_EIGHT_PAGES)
		return hash_describe_tag(&open->hash, open_gather(word), fields);
	for (unsigned i = 0; i < 8; i++)
		fields[i] = (struct pt_field){ "TAG", 0, 64, word[i] };
	return 8;
}
