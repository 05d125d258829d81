/* SPDX-License-Identifier: GPL-2.0-or-later */

/* See replay.h. Items are driven in access order; what is rare has functions of its own. */

#include "traces/replay.h"

#include <signal.h>
#include <stdio.h>

#include "emu/machine/tally.h"
#include "traces/path_fetch.h"
#include "traces/serve.h"

/* --- divergence ------------------------------------------------------------------------------ */

/* Where in the trace, for messages. */
struct place {
	const struct trace_replay *replay;
	uint64_t offset;
	struct trace_error *error;
};

static int diverged(const struct place *at, const char *what)
{
	snprintf(
		at->error->text, sizeof(at->error->text),
		"%s: frame at offset %llu: %s: this machine does not keep the trace's guest contract",
		trace_reader_path(at->replay->reader), (unsigned long long)at->offset, what);
	return PW_DIVERGED;
}

static uint64_t recorded_va_end(const struct trace_reader *reader)
{
	return trace_reader_number(reader, "va_end", 0);
}

static bool narrower(const struct trace_replay *replay)
{
	return kernel_va_end(replay->machine->kernel) < recorded_va_end(replay->reader);
}

/* The program was laid out in more addresses than this machine has. */
static int does_not_hold(const struct place *at, const char *what)
{
	const struct machine *m = at->replay->machine;

	snprintf(
		at->error->text, sizeof(at->error->text),
		"%s: frame at offset %llu: %s: the addresses of machine %s end at 0x%llx, the trace's "
		"at 0x%llx (a program can be recorded with --guest-va-bits)",
		trace_reader_path(at->replay->reader), (unsigned long long)at->offset, what,
		m->config.name, (unsigned long long)kernel_va_end(m->kernel),
		(unsigned long long)recorded_va_end(at->replay->reader));
	return PW_DIVERGED;
}

/* Another process than in the recorded run was killed for want of memory, or one, or none. */
static int killed_otherwise(const struct place *at, uint64_t space, bool here)
{
	snprintf(at->error->text, sizeof(at->error->text),
		 "%s: frame at offset %llu: out of memory: the processes of address space %llu are "
		 "killed %s: what follows cannot be replayed (--ram, --swap)",
		 trace_reader_path(at->replay->reader), (unsigned long long)at->offset,
		 (unsigned long long)space,
		 here ? "on this machine and were not in the recorded run"
		      : "in the recorded run and not on this machine");
	return PW_DIVERGED;
}

/* An access that completed in the recorded run raises a signal here. */
static int signalled(const struct place *at, const char *what, const struct fault_outcome *outcome)
{
	const struct kernel *kernel = at->replay->machine->kernel;

	if (outcome->signal == SIGKILL && kernel_oom_pending(kernel))
		return killed_otherwise(at, kernel_space(kernel)->asid, true);
	return outcome->signal == SIGSEGV && narrower(at->replay) ? does_not_hold(at, what)
								  : diverged(at, what);
}

/* --- what is rare ---------------------------------------------------------------------------- */

/* A trace may say what no recorder does. */
static int needs_space(const struct place *at)
{
	return kernel_space(at->replay->machine->kernel)
		       ? PW_OK
		       : diverged(at, "an access, and no address space runs");
}

static int replay_attempt(struct machine *m, const struct trace_record *record,
			  const struct place *at)
{
	struct fault_outcome outcome = { 0 };
	int failed = needs_space(at);
	bool served = !failed && machine_attempt(m, record->access, record->va, &outcome);

	if (failed)
		return failed;
	if (served ? record->outcome.signal == 0 : outcome.signal == record->outcome.signal)
		return PW_OK;
	if (served && record->outcome.signal == SIGKILL)
		return killed_otherwise(at, kernel_space(m->kernel)->asid, false);
	return signalled(at, "a fault ended otherwise than recorded", &outcome);
}

static int replay_kcall(struct machine *m, const struct trace_record *record,
			const struct place *at)
{
	struct fault_outcome outcome;
	struct oom_usage usage;
	char what[128];
	int64_t result;

	/* A tick comes before a block whose pages are there; on this machine they may not be. */
	if (record->call.op == KCALL_tick && record->call.arg[1] && kernel_space(m->kernel) &&
	    !machine_fetch_block(m, record->call.arg[0], (unsigned)record->call.arg[1], &outcome))
		return signalled(at, "a fetch raises a signal", &outcome);
	if (record->call.op == KCALL_task_switch &&
	    kernel_oom_victim(m->kernel, record->call.arg[1], &usage))
		return killed_otherwise(at, record->call.arg[1], true);
	result = kernel_call(m->kernel, &record->call);
	if (result == record->result)
		return PW_OK;
	if (record->call.op == KCALL_oom_kill)
		return killed_otherwise(at, record->call.arg[0], false);
	snprintf(what, sizeof(what), "%s gave %lld, recorded was %lld",
		 kcall_infos[record->call.op].name, (long long)result, (long long)record->result);
	return narrower(at->replay) ? does_not_hold(at, what) : diverged(at, what);
}

static int replay_cut(struct machine *m, const struct trace_record *record, const struct place *at)
{
	if (record->instructions > m->counters.instructions)
		return diverged(at, "a block is cut by more instructions than there were");
	machine_block_cut(m, record->instructions);
	return PW_OK;
}

static int replay_end(const struct machine *m, const struct trace_record *record,
		      const struct place *at)
{
	if (record->total[0] == m->counters.loads && record->total[1] == m->counters.stores &&
	    record->total[2] == m->counters.instructions)
		return PW_OK;
	return diverged(at, "the totals differ from the recorded ones");
}

static int replay_other(struct machine *m, const struct trace_record *record,
			const struct place *at)
{
	switch (record->tag) {
	case TRACE_CUT:
		return replay_cut(m, record, at);
	case TRACE_ATTEMPT:
		return replay_attempt(m, record, at);
	case TRACE_KCALL:
		return replay_kcall(m, record, at);
	case TRACE_MAPPING:
		return PW_OK; /* names: nothing that a machine knows */
	case TRACE_END:
		return replay_end(m, record, at);
	default:
		return PW_CORRUPT; /* no batch holds the others as records */
	}
}

/* --- items ----------------------------------------------------------------------------------- */

static int replay_block(struct machine *m, const struct trace_item *item, const struct place *at)
{
	struct fault_outcome outcome;

	if (!machine_fetch_block(m, item->va, item->bytes, &outcome))
		return signalled(at, "a fetch raises a signal", &outcome);
	machine_block(m, item->va, item->bytes, item->instructions, item->kind == TRACE_ITEM_REP);
	return PW_OK;
}

_Static_assert(TRACE_ITEM_LOAD == (int)ACCESS_READ && TRACE_ITEM_STORE == (int)ACCESS_WRITE,
	       "one is taken for the other");

static int replay_access(struct machine *m, const struct trace_item *item, const struct place *at)
{
	enum access_kind access = item->kind == TRACE_ITEM_LOAD ? ACCESS_READ : ACCESS_WRITE;
	struct fault_outcome outcome;

	if (machine_access(m, access, item->va, item->bytes, &outcome))
		return PW_OK;
	return signalled(at, "an access raises a signal", &outcome);
}

/* --- faults before an access ----------------------------------------------------------------- */

static bool touches(va_t va, uint64_t bytes, va_t page)
{
	return page >> FRAME_LG2 >= va >> FRAME_LG2 &&
	       page >> FRAME_LG2 <= (va + bytes - 1) >> FRAME_LG2;
}

/* Does this item attempt the page by itself? */
static bool attempts(const struct trace_item *item, const struct trace_batch *batch,
		     const struct trace_attempt *attempt)
{
	const struct trace_record *other;

	if (item->kind <= TRACE_ITEM_STORE)
		return item->kind == (unsigned)attempt->access &&
		       touches(item->va, item->bytes, attempt->va);
	if (item->kind <= TRACE_ITEM_REP)
		return attempt->access == ACCESS_FETCH &&
		       touches(item->va, item->bytes, attempt->va);
	other = &batch->other[item->va];
	return other->tag == TRACE_KCALL && other->call.op == KCALL_tick && other->call.arg[1] &&
	       attempt->access == ACCESS_FETCH &&
	       touches(other->call.arg[0], other->call.arg[1], attempt->va);
}

static int replay_pending(struct trace_replay *replay, const struct trace_item *item,
			  const struct trace_batch *batch, const struct place *at)
{
	int failed = PW_OK;

	for (unsigned i = 0; i < replay->pending_count && !failed; i++) {
		const struct trace_attempt *attempt = &replay->pending[i];
		const struct trace_record record = { .access = attempt->access, .va = attempt->va };

		if (!attempts(item, batch, attempt))
			failed = replay_attempt(replay->machine, &record, at);
	}
	replay->pending_count = 0;
	return failed;
}

/*
 * An access to two pages of which only the second was absent in the recorded run has an ATTEMPT of
 * that one before it; here both may be absent, and the first one comes first. So the access makes the
 * attempts. One that never came, since its other page killed it, leaves them to be made alone.
 */
static bool defer(struct trace_replay *replay, const struct trace_item *item,
		  const struct trace_batch *batch)
{
	const struct trace_record *record;

	if (item->kind != TRACE_ITEM_OTHER || replay->pending_count == TRACE_PENDING_MAX)
		return false;
	record = &batch->other[item->va];
	if (record->tag != TRACE_ATTEMPT || record->outcome.signal)
		return false;
	replay->pending[replay->pending_count++] =
		(struct trace_attempt){ record->va, record->access };
	return true;
}

/* --- batches --------------------------------------------------------------------------------- */

static int replay_item(struct trace_replay *replay, const struct trace_item *item,
		       const struct trace_batch *batch, const struct place *at)
{
	struct machine *m = replay->machine;
	int failed;

	if (defer(replay, item, batch))
		return PW_OK;
	failed = replay_pending(replay, item, batch, at);
	if (!failed && item->kind <= TRACE_ITEM_REP)
		failed = needs_space(at);
	if (failed)
		return failed;
	if (item->kind <= TRACE_ITEM_STORE)
		return replay_access(m, item, at);
	if (item->kind <= TRACE_ITEM_REP)
		return replay_block(m, item, at);
	return replay_other(m, &batch->other[item->va], at);
}

/* --- the instruction ------------------------------------------------------------------------- */

static va_t read_pc(void *ctx)
{
	const struct trace_replay *replay = ctx;

	return replay->pc;
}

/* The block that the next item belongs to: the last one before it. */
static va_t block_before(const struct trace_replay *replay, const struct trace_batch *batch,
			 const struct trace_cursor *at)
{
	size_t execution = at->execution;

	if (at->step > 0) {
		const struct trace_item *step = batch->execution[execution].path->step;

		for (size_t i = at->step; i-- > 0;)
			if (step[i].kind > TRACE_ITEM_STORE)
				return step[i].va;
	}
	while (execution-- > 0) {
		const struct trace_path *path = batch->execution[execution].path;

		if (path && path->blocks)
			return path->last_block;
	}
	return replay->block;
}

/* Only before what may emit events: hits do not. `at` is before the item. */
static void set_pc(struct trace_replay *replay, const struct trace_item *item,
		   const struct trace_batch *batch, const struct trace_cursor *at)
{
	replay->pc = 0;
	if (item->kind == TRACE_ITEM_BLOCK || item->kind == TRACE_ITEM_REP)
		replay->pc = item->va;
	else if (item->kind <= TRACE_ITEM_STORE && item->pc_offset != TRACE_PC_UNKNOWN)
		replay->pc = block_before(replay, batch, at) + item->pc_offset;
}

/* --- a batch --------------------------------------------------------------------------------- */

int trace_replay_batch(struct trace_replay *replay, const struct trace_batch *batch,
		       struct trace_error *error)
{
	const struct place place = { replay, batch->offset, error };
	bool tallies = machine_tallies(replay->machine);
	bool has_pc = trace_reader_has_pc(replay->reader);
	struct trace_cursor at = { 0 };
	struct trace_item item;
	int failed = PW_OK;

	while (!failed) {
		struct trace_cursor before;

		if (tallies && !replay->pending_count)
			trace_serve_hits(replay->machine, replay->fetches, batch, &at);
		before = at;
		if (!trace_batch_next(batch, &at, &item))
			break;
		replay->position = replay->before + before.items;
		if (has_pc)
			set_pc(replay, &item, batch, &before);
		failed = replay_item(replay, &item, batch, &place);
	}
	if (has_pc)
		replay->block = block_before(replay, batch, &at);
	replay->before += batch->items;
	return failed;
}

void trace_replay_start(struct trace_replay *replay, const struct trace_reader *reader,
			struct machine *machine)
{
	*replay = (struct trace_replay){ .reader = reader, .machine = machine };
	if (machine_tallies_pages(machine))
		replay->fetches = path_fetches_create(machine->fetch_lg2);
	if (recorded_va_end(reader))
		kernel_limit_va(machine->kernel, recorded_va_end(reader));
	if (trace_reader_has_pc(reader)) {
		machine->events.read_pc = read_pc;
		machine->events.read_pc_ctx = replay;
	}
}

void trace_replay_end(struct trace_replay *replay)
{
	path_fetches_destroy(replay->fetches);
	replay->fetches = NULL;
}

int trace_replay(struct trace_reader *reader, struct machine *machine, struct trace_error *error)
{
	struct trace_replay replay;
	struct trace_batch batch;
	int more, failed = PW_OK;

	trace_replay_start(&replay, reader, machine);
	while (!failed && (more = trace_reader_batch(reader, &batch, error)) != 0)
		failed = more < 0 ? more : trace_replay_batch(&replay, &batch, error);
	trace_replay_end(&replay);
	return failed;
}
