/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What all page tables share: creation by name, address spaces, and the silent walk. */

#include "mmu/page_table.h"

#include <assert.h>
#include <string.h>

int page_table_create(struct page_table *pt, const struct pt_config *config,
		      struct pt_memory *memory, const struct host_alloc *alloc,
		      struct config_complaint *complaint)
{
	int error;

	memset(pt, 0, sizeof(*pt));
	pt->ops = pt_format_find(config->format);
	if (!pt->ops) {
		strcpy(complaint->field, "page_table.format");
		complaint->must_be = pt_format_names;
		return PW_INVALID;
	}
	pt->memory = memory;
	pt->alloc = alloc;
	pt->config = *config;
	error = pt->ops->create(pt, complaint);
	if (error)
		memset(pt, 0, sizeof(*pt));
	return error;
}

void page_table_destroy(struct page_table *pt)
{
	if (pt->ops)
		pt->ops->destroy(pt);
	memset(pt, 0, sizeof(*pt));
}

int pt_space_create(struct page_table *pt, asid_t asid, struct pt_space **out)
{
	struct pt_space *space = host_zalloc(pt->alloc, 1, sizeof(*space));
	int error;

	if (!space)
		return PW_NOMEM;
	space->table = pt;
	space->asid = space->tag = asid;
	error = pt->ops->space_create(space);
	if (error) {
		host_free(pt->alloc, space);
		return error;
	}
	*out = space;
	return PW_OK;
}

void pt_space_destroy(struct pt_space *space)
{
	const struct host_alloc *alloc = space->table->alloc;

	range_table_release(&space->ranges, space->table->memory);
	space->table->ops->space_destroy(space);
	host_free(alloc, space);
}

uint64_t pt_space_table_bytes(const struct pt_space *space)
{
	uint64_t bytes = 0;

	for (; space; space = space->inner)
		bytes += space->table_bytes;
	return bytes;
}

void pt_space_lend(struct pt_space *space, asid_t tag)
{
	for (; space; space = space->inner)
		space->tag = tag;
}

int pt_range_enter(struct pt_space *space, const struct translation *range)
{
	return range_table_enter(&space->ranges, space->table->memory, range);
}

void pt_range_remove(struct pt_space *space, va_t va, uint64_t bytes)
{
	if (space->ranges.count > 0)
		range_table_remove(&space->ranges, space->table->memory, va, bytes);
}

/* One walk under way: the silent counterpart of struct activation in walker.c. */
struct probe {
	const struct walk_input *input;
	struct walk_input called; /* what `input` points to, of a walk that another one called */
	struct walk_state state;
	struct walk_reply reply;
};

static void probe_begin(struct probe *probe, const struct walk_input *input)
{
	probe->input = input;
	input->space->table->ops->walk_start(input, &probe->state);
}

static void probe_read(struct probe *probe, const struct walk_request *request)
{
	static const uint8_t beyond[64]; /* zero */
	const struct phys_mem *mem = probe->input->space->table->memory->mem;

	for (unsigned i = 0; i < request->read.count; i++) {
		const struct walk_ref *ref = &request->read.ref[i];

		probe->reply.line[i] = phys_mem_holds(mem, ref->pa, ref->bytes)
					       ? phys_mem_at(mem, ref->pa)
					       : beyond;
	}
}

static void probe_call(struct probe *probe, const struct walk_input *outer,
		       const struct walk_request *request)
{
	probe->called = (struct walk_input){
		.space = request->call.space,
		.va = request->call.va,
		.access = request->call.access,
		.mode = request->call.mode,
		.look = outer->look,
		.controls = outer->controls,
	};
	probe_begin(probe, &probe->called);
}

/*
 * Runs walks until the outermost is done, which leaves *request as its LEAF or FAULT. Calls are a
 * stack, write-backs are taken as done, handlers and extra fills change nothing here.
 */
static enum walk_step probe_run(const struct walk_input *input, struct walk_request *request)
{
	struct probe stack[WALK_DEPTH_MAX], *top = stack;
	const struct walk_reply *reply = NULL;

	probe_begin(top, input);
	for (;;) {
		const struct pt_ops *ops = top->input->space->table->ops;
		enum walk_step step = ops->walk_next(top->input, &top->state, reply, request);

		switch (step) {
		case WALK_READ:
			probe_read(top, request);
			break;
		case WALK_WRITE:
			top->reply.write_lost = false;
			break;
		case WALK_RUN:
		case WALK_FILL:
		case WALK_KEEP:
			break;
		case WALK_CALL:
			assert(top + 1 < stack + WALK_DEPTH_MAX);
			probe_call(top + 1, top->input, request);
			top++;
			reply = NULL;
			continue;
		case WALK_LEAF:
		case WALK_FAULT:
			if (top == stack)
				return step;
			top--;
			top->reply.call_fault = step == WALK_FAULT ? request->fault.kind
								   : FAULT_NONE;
			if (step == WALK_LEAF)
				top->reply.called = request->leaf;
			break;
		}
		reply = &top->reply;
	}
}

static enum fault_kind probe_fault(const struct walk_input *input, enum fault_kind kind,
				   unsigned level, struct mmu_fault *fault)
{
	if (fault) {
		fault->va = kind == FAULT_NON_CANONICAL ? 0 : input->va;
		fault->error_code =
			x86_error_code(&input->controls, input->mode, input->access, kind);
		fault->kind = (uint8_t)kind;
		fault->access = input->access;
		fault->level = (uint8_t)level;
	}
	return kind;
}

/* FAULT_NONE and *leaf (where wanted), or a fault and the level at which it is. */
static enum fault_kind silent_walk(const struct walk_input *input, struct translation *leaf,
				   unsigned *level)
{
	const struct pt_ops *ops = input->space->table->ops;
	struct walk_request request;

	*level = 0;
	if (PAGEWALK_UNLIKELY(!pt_va_valid(&input->space->table->caps, input->va)))
		return FAULT_NON_CANONICAL;
	if (ops->probe)
		return ops->probe(input, leaf, level);
	if (probe_run(input, &request) == WALK_FAULT) {
		*level = request.fault.level;
		return request.fault.kind;
	}
	if (leaf)
		*leaf = request.leaf;
	return FAULT_NONE;
}

enum fault_kind pt_probe(const struct walk_input *input, struct translation *leaf,
			 struct mmu_fault *fault)
{
	unsigned level;
	enum fault_kind kind = silent_walk(input, leaf, &level);

	if (PAGEWALK_UNLIKELY(kind != FAULT_NONE))
		return probe_fault(input, kind, level, fault);
	return FAULT_NONE;
}

/*
 * A supervisor's load with every check off but that of reserved bits finds the leaf; where it is
 * refused for want of PERM_READ (formats that know execute-only pages), a fetch does.
 */
unsigned pt_grants(const struct walk_input *input, struct translation *leaf)
{
	const struct pt_caps *caps = &input->space->table->caps;
	struct walk_input look = {
		.space = input->space,
		.va = input->va,
		.access = ACCESS_READ,
		.mode = MODE_SUPERVISOR_AC,
		.controls = { .no_execute = input->controls.no_execute },
	};
	unsigned grants = 0, level;
	enum fault_kind kind = silent_walk(&look, leaf, &level);

	if (PAGEWALK_UNLIKELY(kind == FAULT_PROTECTION)) {
		look.access = ACCESS_FETCH;
		kind = silent_walk(&look, leaf, &level);
	}
	if (kind != FAULT_NONE || !(caps->hardware_accessed || leaf->accessed))
		return 0;
	for (unsigned access = 0; access < ACCESS_KIND_COUNT; access++) {
		if (access == ACCESS_WRITE && !caps->hardware_dirty && !leaf->dirty)
			continue;
		if (access_allowed(&input->controls, input->mode, access, leaf->perms))
			grants |= 1u << access;
	}
	return grants;
}

/* A supervisor's load with every check off sees each leaf that there is. */
int pt_lookup(struct pt_space *space, va_t va, struct translation *leaf)
{
	const struct walk_input input = {
		.space = space,
		.va = va,
		.access = ACCESS_READ,
		.mode = MODE_SUPERVISOR_AC,
		.look = true,
		.controls = { .no_execute = true },
	};

	return pt_probe(&input, leaf, NULL) == FAULT_NONE ? PW_OK : PW_ABSENT;
}
