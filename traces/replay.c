/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The machine's second driver. Makes the reports that were recorded, in order, and holds each
 * result against the recorded one.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "traces/trace.h"

static int diverged(const struct trace_reader *reader, const char *what, struct trace_error *error)
{
	snprintf(
		error->text, sizeof(error->text),
		"%s: frame at offset %llu: %s: this machine does not keep the trace's guest contract",
		trace_reader_path(reader), (unsigned long long)trace_reader_offset(reader), what);
	return PW_DIVERGED;
}

static uint64_t recorded_va_end(const struct trace_reader *reader)
{
	return trace_reader_number(reader, "va_end", 0);
}

static bool narrower(const struct trace_reader *reader, const struct machine *m)
{
	return kernel_va_end(m->kernel) < recorded_va_end(reader);
}

/* The program was laid out in more addresses than this machine has. */
static int does_not_hold(const struct trace_reader *reader, const struct machine *m,
			 const char *what, struct trace_error *error)
{
	snprintf(
		error->text, sizeof(error->text),
		"%s: frame at offset %llu: %s: the addresses of machine %s end at 0x%llx, the trace's "
		"at 0x%llx (a program can be recorded with --guest-va-bits)",
		trace_reader_path(reader), (unsigned long long)trace_reader_offset(reader), what,
		m->config.name, (unsigned long long)kernel_va_end(m->kernel),
		(unsigned long long)recorded_va_end(reader));
	return PW_DIVERGED;
}

/* Another process than in the recorded run was killed for want of memory, or one, or none. */
static int killed_otherwise(const struct trace_reader *reader, uint64_t space, bool here,
			    struct trace_error *error)
{
	snprintf(error->text, sizeof(error->text),
		 "%s: frame at offset %llu: out of memory: the processes of address space %llu are "
		 "killed %s: what follows cannot be replayed (--ram, --swap)",
		 trace_reader_path(reader), (unsigned long long)trace_reader_offset(reader),
		 (unsigned long long)space,
		 here ? "on this machine and were not in the recorded run"
		      : "in the recorded run and not on this machine");
	return PW_DIVERGED;
}

/* An access that completed in the recorded run raises a signal here. */
static int signalled(const struct trace_reader *reader, const struct machine *m, const char *what,
		     const struct fault_outcome *outcome, struct trace_error *error)
{
	if (outcome->signal == SIGKILL && kernel_oom_pending(m->kernel))
		return killed_otherwise(reader, kernel_space(m->kernel)->asid, true, error);
	return outcome->signal == SIGSEGV && narrower(reader, m)
		       ? does_not_hold(reader, m, what, error)
		       : diverged(reader, what, error);
}

static int replay_attempt(const struct trace_reader *reader, struct machine *m,
			  const struct trace_record *record, struct trace_error *error)
{
	struct fault_outcome outcome = { 0 };
	bool served = machine_attempt(m, record->access, record->va, &outcome);

	if (served ? record->outcome.signal == 0 : outcome.signal == record->outcome.signal)
		return PW_OK;
	if (served && record->outcome.signal == SIGKILL)
		return killed_otherwise(reader, kernel_space(m->kernel)->asid, false, error);
	return signalled(reader, m, "a fault ended otherwise than recorded", &outcome, error);
}

static int replay_kcall(const struct trace_reader *reader, struct machine *m,
			const struct trace_record *record, struct trace_error *error)
{
	struct fault_outcome outcome;
	struct oom_usage usage;
	char what[128];
	int64_t result;

	/* A tick comes before a block whose pages are there; on this machine they may not be. */
	if (record->call.op == KCALL_tick && record->call.arg[1] && kernel_space(m->kernel) &&
	    !machine_fetch_block(m, record->call.arg[0], (unsigned)record->call.arg[1], &outcome))
		return signalled(reader, m, "a fetch raises a signal", &outcome, error);
	if (record->call.op == KCALL_task_switch &&
	    kernel_oom_victim(m->kernel, record->call.arg[1], &usage))
		return killed_otherwise(reader, record->call.arg[1], true, error);
	result = kernel_call(m->kernel, &record->call);
	if (result == record->result)
		return PW_OK;
	if (record->call.op == KCALL_oom_kill)
		return killed_otherwise(reader, record->call.arg[0], false, error);
	snprintf(what, sizeof(what), "%s gave %lld, recorded was %lld",
		 kcall_infos[record->call.op].name, (long long)result, (long long)record->result);
	return narrower(reader, m) ? does_not_hold(reader, m, what, error)
				   : diverged(reader, what, error);
}

static int replay_end(const struct trace_reader *reader, const struct machine *m,
		      const struct trace_record *record, struct trace_error *error)
{
	if (record->total[0] == m->counters.loads && record->total[1] == m->counters.stores &&
	    record->total[2] == m->counters.instructions)
		return PW_OK;
	return diverged(reader, "the totals differ from the recorded ones", error);
}

static int replay_record(const struct trace_reader *reader, struct machine *m,
			 const struct trace_record *record, struct trace_error *error)
{
	struct fault_outcome outcome = { 0 };

	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		if (machine_access(m, record->tag == TRACE_LOAD ? ACCESS_READ : ACCESS_WRITE,
				   record->va, record->bytes, &outcome))
			return PW_OK;
		return signalled(reader, m, "an access raises a signal", &outcome, error);
	case TRACE_BLOCK:
	case TRACE_REP:
		if (!machine_fetch_block(m, record->va, record->bytes, &outcome))
			return signalled(reader, m, "a fetch raises a signal", &outcome, error);
		machine_block(m, record->va, record->bytes, record->instructions,
			      record->tag == TRACE_REP);
		return PW_OK;
	case TRACE_CUT:
		machine_block_cut(m, record->instructions);
		return PW_OK;
	case TRACE_ATTEMPT:
		return replay_attempt(reader, m, record, error);
	case TRACE_KCALL:
		return replay_kcall(reader, m, record, error);
	case TRACE_END:
		return replay_end(reader, m, record, error);
	}
	return PW_CORRUPT;
}

int trace_replay(struct trace_reader *reader, struct machine *machine, struct trace_error *error)
{
	struct trace_record record;
	int more;

	if (recorded_va_end(reader))
		kernel_limit_va(machine->kernel, recorded_va_end(reader));
	while ((more = trace_reader_next(reader, &record, error)) > 0) {
		int failed = replay_record(reader, machine, &record, error);

		if (failed)
			return failed;
	}
	return more;
}
