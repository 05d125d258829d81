/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The two walks of a linear page table: of the user's address, and of the kernel address at which
 * an entry of the linear table lies.
 *
 *   user    RUN user handler ─> CALL kernel address of the entry ─> READ entry ─> LEAF
 *           (hardware walker: no RUN)       │ through the TLBs
 *   kernel  physical:  RUN kernel handler ─> READ root, ... READ entry of the table ─> LEAF, wired
 *           mapped:    RUN kernel handler ─> CALL kernel address of the entry above ─> READ ─> LEAF
 *                                               │ of the topmost level:
 *                      RUN root handler ─> READ its data ─> READ root table ─> LEAF, wired
 *
 * From the leaf table on the user's walk is that of the tree, entered at level 0: it judges the
 * entry and sets A and D.
 */

#include "mmu/pt_linear_private.h"

/* The tree's walk uses the state but for this word. */
enum { WORD_ASID, WORD_VA, WORD_WANTED, WORD_PHASE };
_Static_assert((int)WORD_PHASE < (int)WALK_STATE_WORDS, "the state has room");

enum linear_phase {
	PHASE_START,
	PHASE_TRAPPED, /* the handler runs */
	PHASE_DATA,    /* the root handler has read its own data */
	PHASE_CALLED,  /* the kernel address of the entry is translated */
	PHASE_ENTRY,   /* an entry above the leaf level is read */
	PHASE_TREE,    /* the user's walk goes on in the tree */
};

static enum walk_step step_run(enum walk_trap trap, unsigned instructions, struct walk_state *state,
			       struct walk_request *request)
{
	request->run.code = PFN_NONE;
	request->run.instructions = instructions;
	request->run.trap = (uint8_t)trap;
	state->word[WORD_PHASE] = PHASE_TRAPPED;
	return WALK_RUN;
}

static enum walk_step step_read(pa_t pa, const struct linear *linear, struct walk_state *state,
				struct walk_request *request)
{
	request->read.ref[0].pa = pa;
	request->read.ref[0].bytes = (uint16_t)(1u << linear_tree(linear)->encoding.entry_lg2);
	request->read.count = 1;
	request->read.level = state->level;
	request->read.together = false;
	request->cacheable = false;
	state->word[WORD_PHASE] = PHASE_ENTRY;
	return WALK_READ;
}

static enum walk_step step_call(struct linear *linear, va_t va, struct walk_state *state,
				struct walk_request *request)
{
	request->call.space = &linear->kernel_space;
	request->call.va = va;
	request->call.access = ACCESS_READ;
	request->call.mode = MODE_SUPERVISOR;
	request->call.through_tlb = true;
	state->word[WORD_PHASE] = PHASE_CALLED;
	return WALK_CALL;
}

static enum walk_step step_absent(unsigned level, struct walk_request *request)
{
	request->fault.kind = FAULT_NOT_PRESENT;
	request->fault.level = (uint8_t)level;
	return WALK_FAULT;
}

/* ---- the user's address ---- */

void linear_walk_start(const struct walk_input *input, struct walk_state *state)
{
	(void)input;
	*state = (struct walk_state){ .level = 0 };
}

static enum walk_step tree_next(const struct walk_input *input, struct walk_state *state,
				const struct walk_reply *reply, struct walk_request *request)
{
	struct walk_input inner = *input;
	enum walk_step step;

	inner.space = pt_backing_space(input->space);
	step = inner.space->table->ops->walk_next(&inner, state, reply, request);
	if (step == WALK_READ)
		request->cacheable = false;
	return step;
}

/* The table page is found: the walk of the tree begins at its last level. */
static enum walk_step enter_tree(const struct walk_input *input, struct walk_state *state,
				 const struct walk_reply *reply, struct walk_request *request)
{
	struct walk_input inner = *input;

	if (reply->call_fault != FAULT_NONE)
		return step_absent(1, request);
	inner.space = pt_backing_space(input->space);
	inner.space->table->ops->walk_start(&inner, state);
	state->table = reply->called.pa;
	state->level = 0;
	state->word[WORD_PHASE] = PHASE_TREE;
	return tree_next(input, state, NULL, request);
}

enum walk_step linear_walk_next(const struct walk_input *input, struct walk_state *state,
				const struct walk_reply *reply, struct walk_request *request)
{
	const struct pt_config *config = &input->space->table->config;
	struct linear *linear = linear_of(input->space->table);
	va_t masked = input->va & linear_tree(linear)->va_mask;

	switch ((enum linear_phase)state->word[WORD_PHASE]) {
	case PHASE_START:
		if (config->linear.walker == LINEAR_WALKER_SOFTWARE)
			return step_run(TRAP_TLB_REFILL, config->linear.user_handler_instructions,
					state, request);
		/* fall through */
	case PHASE_TRAPPED:
		return step_call(linear, linear_entry_va(linear, 0, input->space->asid, masked),
				 state, request);
	case PHASE_CALLED:
		return enter_tree(input, state, reply, request);
	default:
		return tree_next(input, state, reply, request);
	}
}

/* ---- the kernel's address of an entry ---- */

/* Which level's tables, of whom, and for which of the user's addresses. */
static void kernel_walk_start(const struct walk_input *input, struct walk_state *state)
{
	const struct linear *linear = linear_of(input->space->table);
	const struct radix *tree = linear_tree(linear);
	unsigned level = linear->regions - 1;
	va_t offset;

	*state = (struct walk_state){ .level = 0 };
	while (level > 0 && input->va < linear->region[level].base)
		level--;
	offset = input->va - linear->region[level].base;
	state->word[WORD_ASID] = offset >> linear->region[level].space_lg2;
	offset &= (UINT64_C(1) << linear->region[level].space_lg2) - 1;
	state->word[WORD_VA] = offset >> tree->encoding.entry_lg2 << tree->level[level].shift;
	state->level = (uint8_t)(level + 1);
	state->word[WORD_WANTED] = state->level; /* of the entry that says where the table lies */
}

/* What the handler reads first. */
static enum walk_step kernel_fetch(const struct walk_input *input, struct walk_state *state,
				   struct walk_request *request)
{
	const struct pt_config *config = &input->space->table->config;
	struct linear *linear = linear_of(input->space->table);
	const struct radix *tree = linear_tree(linear);
	asid_t asid = (asid_t)state->word[WORD_ASID];
	unsigned wanted = (unsigned)state->word[WORD_WANTED];
	va_t va = state->word[WORD_VA];
	uint64_t page;

	if (config->linear.upper == LINEAR_UPPER_PHYSICAL) {
		state->level = (uint8_t)(tree->level_count - 1);
		state->table = linear->space[asid]->root;
		return step_read(radix_entry_pa(tree, state->table, state->level, va), linear,
				 state, request);
	}
	if (wanted < tree->level_count)
		return step_call(linear, linear_entry_va(linear, wanted, asid, va), state, request);
	page = va >> tree->level[wanted - 1].shift << tree->encoding.entry_lg2 >>
	       input->space->table->caps.base_page_lg2;
	return step_read(linear_root_entry(linear, asid, page), linear, state, request);
}

static enum walk_step kernel_data(const struct walk_input *input, struct walk_state *state,
				  struct walk_request *request)
{
	const struct linear *linear = linear_of(input->space->table);
	unsigned loads = input->space->table->config.linear.root_handler_loads;

	for (unsigned i = 0; i < loads; i++) {
		request->read.ref[i].pa = linear->data + (pa_t)i * 8;
		request->read.ref[i].bytes = 8;
	}
	request->read.count = (uint8_t)loads;
	request->read.level = state->level;
	request->read.together = false;
	request->cacheable = false;
	state->word[WORD_PHASE] = PHASE_DATA;
	return WALK_READ;
}

/* An entry above the leaf level: go on downwards, or this is where the table lies. */
static enum walk_step kernel_entry(const struct walk_input *input, struct walk_state *state,
				   uint64_t raw, struct walk_request *request)
{
	const struct linear *linear = linear_of(input->space->table);
	const struct radix *tree = linear_tree(linear);
	unsigned top = tree->level_count - 1;
	uint64_t bytes = UINT64_C(1) << input->space->table->caps.base_page_lg2;

	/* Entries of the root table look like those of the topmost level. */
	if (!radix_present(tree, state->level < top ? state->level : top, raw))
		return step_absent(state->level, request);
	if (state->level > state->word[WORD_WANTED]) {
		state->table = radix_table_pa(tree, raw);
		state->level--;
		return step_read(radix_entry_pa(tree, state->table, state->level,
						state->word[WORD_VA]),
				 linear, state, request);
	}
	request->leaf = (struct translation){
		.va = input->va & ~(bytes - 1),
		.pa = radix_table_pa(tree, raw),
		.bytes = bytes,
		.page_lg2 = input->space->table->caps.base_page_lg2,
		.perms = PERM_READ | PERM_WRITE,
		.global = true,
		.accessed = true,
		.dirty = true,
	};
	return WALK_LEAF;
}

static enum walk_step kernel_walk_next(const struct walk_input *input, struct walk_state *state,
				       const struct walk_reply *reply, struct walk_request *request)
{
	const struct linear_config *config = &input->space->table->config.linear;
	struct linear *linear = linear_of(input->space->table);
	const struct radix *tree = linear_tree(linear);
	bool root = state->level == tree->level_count;

	switch ((enum linear_phase)state->word[WORD_PHASE]) {
	case PHASE_START:
		return step_run(TRAP_TLB_REFILL_KERNEL,
				root ? config->root_handler_instructions
				     : config->kernel_handler_instructions,
				state, request);
	case PHASE_TRAPPED:
		if (root && config->root_handler_loads > 0)
			return kernel_data(input, state, request);
		/* fall through */
	case PHASE_DATA:
		return kernel_fetch(input, state, request);
	case PHASE_CALLED:
		if (reply->call_fault != FAULT_NONE)
			return step_absent(state->level + 1u, request);
		return step_read(
			reply->called.pa +
				(linear_entry_va(linear, state->level, 0, state->word[WORD_VA]) &
				 ((UINT64_C(1) << input->space->table->caps.base_page_lg2) - 1)),
			linear, state, request);
	default:
		return kernel_entry(input, state,
				    walk_load(reply->line[0], 1u << tree->encoding.entry_lg2),
				    request);
	}
}

static unsigned kernel_describe(const struct page_table *pt, unsigned level, const void *bytes,
				unsigned length, struct pt_field *fields)
{
	const struct page_table *tree = &linear_of(pt)->backing.inner;

	return tree->ops->describe(tree, level, bytes, length, fields);
}

/* Not registered: nobody maps anything here, the tree's tables are what there is. */
const struct pt_ops linear_kernel_ops = {
	.name = "linear kernel",
	.doc = "where the tables of a linear page table lie in the kernel's address space",
	.describe = kernel_describe,
	.walk_start = kernel_walk_start,
	.walk_next = kernel_walk_next,
};
