/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * `pagewalk run`: a program on the live CPU.
 *
 * SIGINT, SIGTERM and SIGHUP end the run at the next block that an alarm looks at, and the record is
 * completed; a second one ends the process at once, as SIGKILL does, and the database then holds
 * the committed epochs.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/session.h"
#include "emu/cpu/cpu.h"
#include "emu/linux/linux.h"
#include "traces/trace.h"

extern char **environ;

struct live {
	struct session session;
	struct run_options options;
	struct guest *guest;
	struct cpu *cpu;
	struct trace_writer *trace;
	struct machine_alarm limit, interrupt;
	char **env; /* heap; the strings are not */
};

/* --- being told to stop ---------------------------------------------------------------------- */

static const uint64_t interrupt_instructions = 1 << 18; /* about ten milliseconds */
static volatile sig_atomic_t interrupted_by;

static void on_interrupt(int signal)
{
	interrupted_by = signal;
}

/* What was ignored (nohup) stays so. */
static void catch_interrupts(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND },
			 old;

	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

static void ring_interrupt(void *ctx, struct machine_alarm *alarm)
{
	struct live *live = ctx;

	(void)alarm;
	if (interrupted_by)
		cpu_stop(live->cpu);
}

/* --- environment ----------------------------------------------------------------------------- */

static bool same_name(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");

	return strncmp(a, b, length) == 0 && b[length] == '=';
}

static bool is_overridden(const struct run_options *options, const char *variable)
{
	for (unsigned i = 0; i < options->env.count; i++)
		if (same_name(options->env.item[i], variable))
			return true;
	return false;
}

static char **guest_environment(const struct run_options *options)
{
	size_t count = 0, used = 0;
	char **env;

	while (environ[count])
		count++;
	env = calloc(count + options->env.count + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < count && !options->clean_env; i++)
		if (!is_overridden(options, environ[i]))
			env[used++] = environ[i];
	for (unsigned i = 0; i < options->env.count; i++)
		env[used++] = (char *)options->env.item[i];
	return env;
}

static int64_t host_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- starting -------------------------------------------------------------------------------- */

static int open_record(struct live *live)
{
	const struct run_options *options = &live->options;
	struct record_run run = { .source = "live",
				  .trace = options->trace,
				  .program = options->program[0],
				  .arguments = (const char *const *)options->program,
				  .environment = (const char *const *)live->env,
				  .seed = options->seed,
				  .clock_start_ns = (uint64_t)options->clock_start_ns,
				  .measured = !options->no_measure };

	return session_open_record(&live->session, &run);
}

/* The guest contract (design.md, "What a trace holds"), as the trace's header. */
static int open_trace(struct live *live)
{
	const struct run_options *options = &live->options;
	struct trace_error error;
	char header[512];

	if (!options->trace)
		return 0;
	snprintf(
		header, sizeof(header),
		"pagewalk: %s\nmachine: %s\nprogram: %.200s\npage: %d\nva_end: 0x%llx\nseed: %llu\n"
		"clock_start_ns: %lld\nguest_ram: %llu\nguest_cpus: %u\n",
		PAGEWALK_VERSION, live->session.config.name, options->program[0], FRAME_BYTES,
		(unsigned long long)kernel_va_end(live->session.machine->kernel),
		(unsigned long long)options->seed, (long long)options->clock_start_ns,
		(unsigned long long)options->reported_ram, options->reported_cpus);
	if (trace_writer_create(&live->trace, options->trace, header, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	machine_set_tap(live->session.machine, trace_writer_tap(live->trace));
	return 0;
}

static void on_mapped(void *ctx, va_t start, uint64_t length, uint64_t offset, uint32_t prot,
		      const char *path)
{
	struct live *live = ctx;
	const struct pt_space *space = kernel_space(live->session.machine->kernel);
	const struct record_mapping mapping = { start,
						length,
						offset,
						path,
						space ? space->asid : (asid_t)0,
						(uint8_t)(prot & 7) /* PROT_* are perm_bits */ };

	record_mapping(live->session.record, &mapping);
}

static int load_guest(struct live *live, struct cpu_regs *start)
{
	const struct run_options *options = &live->options;
	const struct linux_config config = { .program = options->program[0],
					     .argv = options->program,
					     .env = live->env,
					     .write_dirs = options->write_dirs.item,
					     .write_dir_count = options->write_dirs.count,
					     .seed = options->seed,
					     .clock_start_ns = options->clock_start_ns,
					     .reported_ram = options->reported_ram,
					     .reported_cpus = options->reported_cpus,
					     .ctx = live,
					     .mapped = on_mapped };
	struct linux_error error;

	if (linux_create(&live->guest, &config, live->session.machine, start, &error) == PW_OK)
		return 0;
	complain("%s", error.text);
	return error.exit_status;
}

static void ring_limit(void *ctx, struct machine_alarm *alarm)
{
	struct live *live = ctx;

	(void)alarm;
	cpu_stop(live->cpu);
}

static void set_stops(struct live *live)
{
	struct machine *machine = live->session.machine;

	live->interrupt = (struct machine_alarm){ interrupt_instructions, interrupt_instructions,
						  live, ring_interrupt };
	machine_set_alarm(machine, &live->interrupt);
	catch_interrupts();
	if (!live->options.limit)
		return;
	live->limit = (struct machine_alarm){ live->options.limit, 0, live, ring_limit };
	machine_set_alarm(machine, &live->limit);
}

static int build_cpu(struct live *live)
{
	const struct run_options *options = &live->options;
	const struct cpu_config config = { options->no_measure ? CPU_TRANSLATE_ONLY : CPU_MEASURE,
					   options->seed };
	const char *what;

	if (cpu_create(&live->cpu, live->session.machine, live->guest, &config, &what)) {
		complain("%s", what);
		return EXIT_OURS;
	}
	set_stops(live);
	return 0;
}

static int start(struct live *live, struct cpu_regs *regs)
{
	int status = session_create(&live->session, &live->options);

	if (!status)
		status = open_record(live);
	if (!status)
		status = open_trace(live);
	if (!status)
		status = load_guest(live, regs);
	return status ? status : build_cpu(live);
}

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
			 interrupted_by ? "SIG" : "--limit",
			 interrupted_by ? sigabbrev_np(interrupted_by) : "",
			 (unsigned long long)live->session.machine->counters.instructions);
		record_note(live->session.record, text);
		complain("%s", text);
	} else if (kernel_out_of_memory(kernel)) {
		snprintf(text, sizeof(text),
			 "out of memory: killed with %llu MiB of RAM in use (--ram gives more)",
			 (unsigned long long)(live->session.config.kernel.ram_bytes >> 20));
		record_note(live->session.record, text);
		complain("%s: %s", live->options.program[0], text);
	} else if (reason) {
		record_note(live->session.record, reason);
		complain("%s: %s", live->options.program[0], reason);
	}
}

static int close_trace(struct live *live)
{
	struct trace_error error;

	if (!live->trace)
		return 0;
	machine_set_tap(live->session.machine, NULL);
	if (trace_writer_finish(live->trace, &live->session.machine->counters, &error) == PW_OK)
		return 0;
	complain("%s", error.text);
	return EXIT_OURS;
}

static int stopped_status(void)
{
	return interrupted_by ? 128 + interrupted_by : 0;
}

/* A guest that was loaded has run; its record is completed whatever happened. */
static int finish(struct live *live, enum cpu_end end)
{
	struct record_end record_end = { .read = read_guest, .read_ctx = live->session.machine };
	int status = end == CPU_STOPPED ? stopped_status() : guest_status(live);
	int trace_status = close_trace(live), record_status;

	progress_clear(&live->session);
	tell_end(live, end);
	tell_unknown(live);
	if (end == CPU_FAILED) {
		complain("%s", cpu_failure(live->cpu));
		record_note(live->session.record, cpu_failure(live->cpu));
		status = EXIT_OURS;
	}
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
	struct record_end end = { .exit_status = status };

	close_trace(live);
	if (live->session.record)
		session_finish(&live->session, &end);
}

int command_run(int argc, char **argv)
{
	static struct live live; /* one a process; large */
	static struct cpu_regs regs;
	int status;

	run_options_parse(&live.options, argc, argv);
	if (!live.options.has_clock_start)
		live.options.clock_start_ns = host_time_ns();
	live.env = guest_environment(&live.options);
	status = live.env ? start(&live, &regs) : EXIT_OURS;
	if (status) {
		abandon(&live, status);
	} else {
		progress_init(&live.session);
		status = finish(&live, cpu_run(live.cpu, &regs));
	}
	cpu_destroy(live.cpu);
	if (live.guest)
		linux_destroy(live.guest);
	session_destroy(&live.session);
	free(live.env);
	return status;
}
