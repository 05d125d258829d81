/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "tests/support/step_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { LINE = 64, STEPS_MAX = 1 << 20 };

static void hand_over(const struct walk_input *input, const struct walk_request *request,
		      uint8_t (*buffer)[LINE], struct walk_reply *reply)
{
	const struct phys_mem *mem = input->space->table->memory->mem;

	assert_in_range(request->read.count, 1, WALK_REFS_MAX);
	for (unsigned i = 0; i < request->read.count; i++) {
		const struct walk_ref *ref = &request->read.ref[i];

		assert_in_range(ref->bytes, 1, LINE);
		assert_true(ref->pa % LINE + ref->bytes <= LINE);
		memset(buffer[i], 0xa5, LINE);
		if (phys_mem_holds(mem, ref->pa, ref->bytes))
			memcpy(buffer[i], phys_mem_at(mem, ref->pa), ref->bytes);
		else
			memset(buffer[i], 0, ref->bytes);
		reply->line[i] = buffer[i];
	}
}

void step_walk(const struct walk_input *input, unsigned lost, struct step_walk *walk)
{
	const struct pt_ops *ops = input->space->table->ops;
	static uint8_t buffer[WALK_REFS_MAX][LINE];
	struct walk_state state;
	struct walk_request request;
	struct walk_reply reply, *last = NULL;

	memset(walk, 0, sizeof(*walk));
	ops->walk_start(input, &state);
	for (unsigned steps = 0; steps < STEPS_MAX; steps++, last = &reply) {
		walk->end = ops->walk_next(input, &state, last, &request);
		switch (walk->end) {
		case WALK_READ:
			hand_over(input, &request, buffer, &reply);
			walk->refs += request.read.count;
			break;
		case WALK_WRITE:
			reply.write_lost = walk->writes++ < lost;
			break;
		case WALK_RUN:
			walk->traps++;
			walk->instructions += request.run.instructions;
			break;
		case WALK_FILL:
		case WALK_KEEP:
			break;
		case WALK_LEAF:
			walk->leaf = request.leaf;
			return;
		case WALK_FAULT:
			walk->fault = request.fault.kind;
			walk->level = request.fault.level;
			return;
		case WALK_CALL:
			return;
		}
	}
	fail_msg("%s: a walk without end", ops->name);
}
