/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The walk of a bounded table, of whatever kind:
 *
 *   [RUN lookup, if it is software's] ─> READ stage 0, 1, ... ─> copy found ─> LEAF, FAULT protection
 *                                                 │ none, or a store and D clear
 *   RUN handler ─> CALL backing table ─> FAULT as there │ READs and WRITEs of the refill ─> LEAF
 *
 * Faults are of level 0, whoever found them.
 */

#include "mmu/pt_bounded_private.h"

enum bounded_phase {
	PHASE_START,
	PHASE_TRAPPED, /* the handler that looks runs */
	PHASE_LOOKED,  /* a stage of the lookup is read */
	PHASE_HANDLER, /* the handler that refills runs */
	PHASE_CALLED,  /* the backing table is walked */
	PHASE_REFILL,
};

static enum walk_step step_run(enum walk_trap trap, unsigned instructions, enum bounded_phase phase,
			       struct walk_state *state, struct walk_request *request)
{
	request->run.code = PFN_NONE;
	request->run.instructions = instructions;
	request->run.trap = (uint8_t)trap;
	state->word[BOUNDED_WORD_PHASE] = phase;
	return WALK_RUN;
}

static enum walk_step step_fault(enum fault_kind kind, struct walk_request *request)
{
	request->fault.kind = (uint8_t)kind;
	request->fault.level = 0;
	return WALK_FAULT;
}

/* A software lookup goes on in the handler that runs. */
static enum walk_step step_miss(const struct bounded *b, struct walk_state *state,
				struct walk_request *request)
{
	return step_run(b->trap_first ? TRAP_NONE : TRAP_TLB_REFILL, b->miss_instructions,
			PHASE_HANDLER, state, request);
}

static enum walk_step step_look(const struct bounded *b, const struct walk_input *input,
				struct walk_state *state, struct walk_request *request)
{
	unsigned count = b->kind->look(b, input, state->count, request->read.ref);

	if (count == 0)
		return step_miss(b, state, request);
	request->read.count = (uint8_t)count;
	request->read.level = 0;
	request->read.together = false;
	request->cacheable = false;
	state->word[BOUNDED_WORD_PHASE] = PHASE_LOOKED;
	return WALK_READ;
}

/*
 * Left to the backing walk: a store that may and finds D clear, and an entry with NX while that is
 * a reserved bit.
 */
static bool serves(const struct walk_input *input, const struct translation *leaf)
{
	if (!input->controls.no_execute && !(leaf->perms & PERM_EXEC))
		return false;
	return input->access != ACCESS_WRITE || leaf->dirty ||
	       !access_allowed(&input->controls, input->mode, ACCESS_WRITE, leaf->perms);
}

static enum walk_step looked(const struct bounded *b, const struct walk_input *input,
			     struct walk_state *state, const struct walk_reply *reply,
			     struct walk_request *request)
{
	struct translation leaf;
	bool found = b->kind->match(b, input, state->count, reply, &leaf);

	if (found && serves(input, &leaf)) {
		if (!access_allowed(&input->controls, input->mode, input->access, leaf.perms))
			return step_fault(FAULT_PROTECTION, request);
		request->leaf = leaf;
		return WALK_LEAF;
	}
	b->kind->remember(b, input, reply, found, state);
	if (found)
		return step_miss(b, state, request);
	state->count++;
	return step_look(b, input, state, request);
}

static enum walk_step step_call(const struct walk_input *input, struct walk_state *state,
				struct walk_request *request)
{
	request->call.space = pt_backing_space(input->space);
	request->call.va = input->va;
	request->call.access = input->access;
	request->call.mode = input->mode;
	request->call.through_tlb = false;
	state->word[BOUNDED_WORD_PHASE] = PHASE_CALLED;
	return WALK_CALL;
}

void bounded_walk_start(const struct walk_input *input, struct walk_state *state)
{
	(void)input;
	*state = (struct walk_state){ .level = 0 };
}

enum walk_step bounded_walk_next(const struct walk_input *input, struct walk_state *state,
				 const struct walk_reply *reply, struct walk_request *request)
{
	const struct bounded *b = bounded_of(input->space->table);

	switch ((enum bounded_phase)state->word[BOUNDED_WORD_PHASE]) {
	case PHASE_START:
		if (b->trap_first)
			return step_run(TRAP_TLB_REFILL, b->lookup_instructions, PHASE_TRAPPED,
					state, request);
		/* fall through */
	case PHASE_TRAPPED:
		return step_look(b, input, state, request);
	case PHASE_LOOKED:
		return looked(b, input, state, reply, request);
	case PHASE_HANDLER:
		return step_call(input, state, request);
	case PHASE_CALLED:
		if (reply->call_fault != FAULT_NONE)
			return step_fault(reply->call_fault, request);
		state->word[BOUNDED_WORD_PHASE] = PHASE_REFILL;
		state->count = 0;
		return b->kind->refill(b, input, state, reply, &reply->called, request);
	case PHASE_REFILL:
		break;
	}
	return b->kind->refill(b, input, state, reply, NULL, request);
}
