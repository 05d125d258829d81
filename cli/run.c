/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * `pagewalk run`: a program on the live CPU, recorded; `pagewalk record`: only its trace. A run that a signal ended has a complete
 * record; one that was killed leaves the committed epochs.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/live.h"
#include "emu/linux/linux.h"

/* --- ending ---------------------------------------------------------------------------------- */

static size_t read_guest(void *ctx, asid_t asid, va_t va, void *to, size_t length)
{
	struct machine *m = ctx;
	size_t copied = 0;

	if (!kernel_space(m->kernel) || kernel_space(m->kernel)->asid != asid)
		return 0;
	while (copied < length) {
		size_t chunk = FRAME_BYTES - (size_t)((va + copied) & (FRAME_BYTES - 1));
		pa_t pa;

		if (!kernel_translate(m->kernel, va + copied, &pa))
			break;
		if (chunk > length - copied)
			chunk = length - copied;
		memcpy((char *)to + copied, phys_mem_at(&m->mem, pa), chunk);
		copied += chunk;
	}
	return copied;
}

struct unknown_list {
	struct live *live;
	char text[400];
	size_t used;
};

static void on_unknown(void *ctx, uint64_t number, const char *name, uint64_t count)
{
	struct unknown_list *list = ctx;
	int length;

	if (list->live->session.record)
		record_unknown_syscall(list->live->session.record, number, name, count);
	length = snprintf(list->text + list->used, sizeof(list->text) - list->used, "%s%s (%llu)",
			  list->used ? ", " : "", name ? name : "?", (unsigned long long)count);
	if (length > 0 && list->used + (size_t)length < sizeof(list->text))
		list->used += (size_t)length;
}

static void tell_unknown(struct live *live)
{
	struct unknown_list list = { .live = live };

	linux_visit_unknown(live->guest, on_unknown, &list);
	if (list.used && !live->options.quiet)
		complain("system calls answered with ENOSYS: %s", list.text);
}

static void tell_refused(const struct live *live)
{
	const struct machine *machine = live->session.machine;
	uint64_t count = kernel_counters(machine->kernel)->shared_refused;

	if (count && !live->options.quiet)
		complain("%llu shared writable mappings were refused (ENODEV): base pages of this "
			 "machine are larger than 4 KiB",
			 (unsigned long long)count);
}

static int guest_status(const struct live *live)
{
	return live->guest->exit_signal ? 128 + live->guest->exit_signal : live->guest->exit_status;
}

static void tell_end(struct live *live, enum cpu_end end)
{
	const struct kernel *kernel = live->session.machine->kernel;
	const char *reason = linux_end_reason(live->guest);
	char text[128];

	if (end == CPU_STOPPED) {
		snprintf(text, sizeof(text), "stopped by %s%s after %llu instructions",
			 live_interrupted() ? "SIG" : "--limit",
			 live_interrupted() ? sigabbrev_np(live_interrupted()) : "",
			 (unsigned long long)live->session.machine->counters.instructions);
		session_note(&live->session, text);
		complain("%s", text);
	} else if (kernel_out_of_memory(kernel) && live->guest->exit_signal == SIGKILL) {
		snprintf(text, sizeof(text),
			 "out of memory: killed with %llu KiB of RAM in use (--ram gives more)",
			 (unsigned long long)(live->session.config.kernel.ram_bytes >> 10));
		session_note(&live->session, text);
		complain("%s: %s", live->options.program[0], text);
	} else if (reason) {
		session_note(&live->session, reason);
		complain("%s: %s", live->options.program[0], reason);
	}
}

/* As the run's row has it. */
static struct trace_outcome outcome_of(const struct live *live, enum cpu_end end, int status)
{
	if (end != CPU_GUEST_ENDED)
		return (struct trace_outcome){ TRACE_STOPPED, (uint8_t)status };
	if (live->guest->exit_signal)
		return (struct trace_outcome){ TRACE_KILLED, (uint8_t)live->guest->exit_signal };
	return (struct trace_outcome){ TRACE_EXITED, (uint8_t)status };
}

static int close_trace(struct live *live, const struct trace_outcome *outcome)
{
	struct trace_error error;

	if (!live->trace)
		return 0;
	trace_writer_outcome(live->trace, outcome);
	machine_set_tap(live->session.machine, NULL);
	if (trace_writer_finish(live->trace, &live->session.machine->counters, &error) == PW_OK)
		return 0;
	complain("%s", error.text);
	return EXIT_OURS;
}

static int status_of(const struct live *live, enum cpu_end end)
{
	if (end == CPU_FAILED)
		return EXIT_OURS;
	if (end == CPU_STOPPED)
		return live_interrupted() ? 128 + live_interrupted() : 0;
	return guest_status(live);
}

static void on_unusable(void *ctx, const char *text)
{
	progress_clear(ctx);
	complain("%s", text);
}

/* A guest that was loaded has run; its record is completed whatever happened. */
static int finish(struct live *live, enum cpu_end end)
{
	struct record_end record_end = { .read = read_guest, .read_ctx = live->session.machine };
	int status = status_of(live, end);
	const struct trace_outcome outcome = outcome_of(live, end, status);
	int trace_status = close_trace(live, &outcome), record_status;

	progress_clear(&live->session);
	tell_end(live, end);
	tell_unknown(live);
	tell_refused(live);
	if (end == CPU_FAILED) {
		complain("%s", cpu_failure(live->cpu));
		session_note(&live->session, cpu_failure(live->cpu));
	}
	record_end.unusable = on_unusable;
	record_end.unusable_ctx = &live->session;
	record_end.exit_status = status;
	record_end.exit_signal = live->guest->exit_signal;
	record_status = session_finish(&live->session, &record_end);
	progress_summary(&live->session);
	if (record_status || trace_status)
		return EXIT_OURS;
	return status;
}

/* Nothing ran: the run stays in the database with its exit status and the reason on stderr. */
static void abandon(struct live *live, int status)
{
	const struct trace_outcome outcome = { TRACE_STOPPED, (unsigned)status };
	struct record_end end = { .exit_status = status };

	close_trace(live, &outcome);
	if (live->session.record)
		session_finish(&live->session, &end);
}

static int run(struct live *live)
{
	static struct cpu_regs regs;
	int status = live_start(live, &regs);

	if (status) {
		abandon(live, status);
	} else {
		progress_init(&live->session);
		status = finish(live, cpu_run(live->cpu, &regs));
	}
	live_release(live);
	return status;
}

static struct live live; /* one a process; large */

int command_run(int argc, char **argv)
{
	run_options_parse(&live.options, argc, argv);
	return run(&live);
}

int command_record(int argc, char **argv)
{
	record_options_parse(&live.options, argc, argv);
	return run(&live);
}
