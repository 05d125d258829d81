/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Walks of hashed tables with chains. A read brings a node as far as it lies in one cache line; what
 * lies beyond (the entry of a clustered node, mostly) is another read, of the 8 bytes wanted.
 *
 *   ANCHOR ─> NODE ─┬─ another tag ─> (NEXT) ─> NODE ... ─> FAULT
 *                   └─ this one ────> (ENTRY) ─> LEAF, FAULT, or WRITE of A and D ─> LEAF
 *
 * Where software does the rest, TRAP comes before its first read: also when the chain ends there,
 * since only the handler learns that.
 */

#include "mmu/pt_chain_private.h"

#include <string.h>

enum chain_phase {
	PHASE_ANCHOR,
	PHASE_NODE,
	PHASE_NEXT,
	PHASE_ENTRY,
	PHASE_WRITTEN,
	PHASE_TRAP, /* the handler is to be started, then the node at `table` read */
	PHASE_TRAPPED
};
enum { WORD_AT, WORD_ENTRY, WORD_NODES }; /* the entry's address, it, nodes looked at */

void chain_walk_start(const struct walk_input *input, struct walk_state *state)
{
	const struct chain_table *chain = input->space->table->format;

	memset(state, 0, sizeof(*state));
	state->table =
		chain_bucket(chain, hash_tag(input->space, chain->hash.block_lg2, input->va));
	state->phase = chain->inline_head ? PHASE_NODE : PHASE_ANCHOR;
	if (chain->hardware_nodes == 0)
		state->phase = PHASE_TRAP;
	state->perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER;
}

static unsigned node_read_bytes(const struct chain_table *chain, pa_t node)
{
	unsigned left = LINE_BYTES - (unsigned)(node % LINE_BYTES);

	return left < chain->node_bytes ? left : chain->node_bytes;
}

static enum walk_step step_trap(const struct chain_table *chain, struct walk_state *state,
				struct walk_request *request)
{
	state->phase = PHASE_TRAPPED;
	request->run.code = PFN_NONE;
	request->run.instructions = chain->handler_instructions;
	request->run.trap = TRAP_TLB_REFILL;
	return WALK_RUN;
}

static enum walk_step step_read(const struct chain_table *chain, const struct walk_state *state,
				struct walk_request *request)
{
	switch ((enum chain_phase)state->phase) {
	case PHASE_ANCHOR:
		return hash_step_read(state->table, ANCHOR_BYTES, request);
	case PHASE_NEXT:
		return hash_step_read(state->table + NODE_NEXT, 8, request);
	case PHASE_ENTRY:
		return hash_step_read(state->word[WORD_AT], ENTRY_BYTES, request);
	default:
		return hash_step_read(state->table, node_read_bytes(chain, state->table), request);
	}
}

/* On to the node at `next`: by the handler, if the hardware has looked at all that it does. */
static enum walk_step step_next(const struct chain_table *chain, struct walk_state *state,
				pa_t next, struct walk_request *request)
{
	state->table = next;
	if (state->word[WORD_NODES] == chain->hardware_nodes)
		return step_trap(chain, state, request);
	if (next == 0)
		return hash_step_fault(FAULT_NOT_PRESENT, request);
	state->phase = PHASE_NODE;
	return step_read(chain, state, request);
}

static enum walk_step step_entry(const struct walk_input *input, struct walk_state *state,
				 uint64_t entry, struct walk_request *request)
{
	state->phase = PHASE_WRITTEN;
	return hash_step_entry(input, state->word[WORD_AT], entry, &state->word[WORD_ENTRY],
			       request);
}

static enum walk_step step_node(const struct walk_input *input, struct walk_state *state,
				const uint8_t *line, struct walk_request *request)
{
	const struct chain_table *chain = input->space->table->format;
	unsigned got = node_read_bytes(chain, state->table), offset;
	uint64_t tag = walk_load(line + NODE_TAG, 8);

	state->word[WORD_NODES]++;
	if ((tag & ~TAG_SUPER) != hash_tag(input->space, chain->hash.block_lg2, input->va)) {
		if (got >= NODE_NEXT + 8)
			return step_next(chain, state, walk_load(line + NODE_NEXT, 8), request);
		state->phase = PHASE_NEXT;
		return step_read(chain, state, request);
	}
	offset = NODE_ENTRIES + hash_index(&chain->hash, tag, input->va) * ENTRY_BYTES;
	state->word[WORD_AT] = state->table + offset;
	if (got >= offset + ENTRY_BYTES)
		return step_entry(input, state, walk_load(line + offset, 8), request);
	state->phase = PHASE_ENTRY;
	return step_read(chain, state, request);
}

enum walk_step chain_walk_next(const struct walk_input *input, struct walk_state *state,
			       const struct walk_reply *reply, struct walk_request *request)
{
	const struct chain_table *chain = input->space->table->format;

	if (!reply)
		return state->phase == PHASE_TRAP ? step_trap(chain, state, request)
						  : step_read(chain, state, request);
	switch ((enum chain_phase)state->phase) {
	case PHASE_ANCHOR:
	case PHASE_NEXT:
		return step_next(chain, state, walk_load(reply->line[0], 8), request);
	case PHASE_NODE:
		return step_node(input, state, reply->line[0], request);
	case PHASE_ENTRY:
		return step_entry(input, state, walk_load(reply->line[0], ENTRY_BYTES), request);
	case PHASE_WRITTEN:
		if (reply->write_lost) {
			state->phase = PHASE_ENTRY;
			return step_read(chain, state, request);
		}
		hash_decode(&chain->hash, input->va, state->word[WORD_ENTRY], &request->leaf);
		return WALK_LEAF;
	case PHASE_TRAPPED:
		if (state->table == 0)
			return hash_step_fault(FAULT_NOT_PRESENT, request);
		state->phase = PHASE_NODE;
		return step_read(chain, state, request);
	case PHASE_TRAP:
		break;
	}
	return hash_step_fault(FAULT_NOT_PRESENT, request);
}

/* The silent walk: traps cost nothing there. */
enum fault_kind chain_probe(const struct walk_input *input, struct translation *leaf,
			    unsigned *level)
{
	const struct page_table *pt = input->space->table;
	const struct chain_table *chain = pt->format;
	uint64_t wanted = hash_tag(input->space, chain->hash.block_lg2, input->va);
	pa_t node = chain_bucket(chain, wanted);

	*level = 0;
	if (!chain->inline_head)
		node = hash_peek(pt, node);
	for (; node; node = hash_peek(pt, node + NODE_NEXT)) {
		uint64_t tag = hash_peek(pt, node + NODE_TAG);

		if ((tag & ~TAG_SUPER) == wanted)
			return hash_probe_entry(
				input,
				hash_peek(pt, node + NODE_ENTRIES +
						      hash_index(&chain->hash, tag, input->va) *
							      ENTRY_BYTES),
				leaf);
	}
	return FAULT_NOT_PRESENT;
}

/* 8 bytes are an entry if they are valid, else a pointer (whose lowest bit is 0); more, a node. */
unsigned chain_describe(const struct page_table *pt, unsigned level, const void *bytes,
			unsigned length, struct pt_field *fields)
{
	const struct chain_table *chain = pt->format;
	const uint8_t *node = bytes;
	uint64_t word;
	unsigned count;

	if (level > 0 || length < 8)
		return 0;
	word = walk_load(bytes, 8);
	if (length == 8) {
		if (word & BIT(ENTRY_VALID))
			return hash_describe_entry(word, fields);
		fields[0] = (struct pt_field){ "NEXT", 0, 64, word };
		return 1;
	}
	count = hash_describe_tag(&chain->hash, word, fields);
	fields[count++] = (struct pt_field){ "NEXT", 0, 64, walk_load(node + NODE_NEXT, 8) };
	if (chain->hash.block_lg2 == 0 && length >= NODE_ENTRIES + ENTRY_BYTES)
		count += hash_describe_entry(walk_load(node + NODE_ENTRIES, 8), fields + count);
	return count;
}
