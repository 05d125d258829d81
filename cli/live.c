/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/live.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emu/linux/linux.h"

extern char **environ;

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

	return session_open_record(&live->session, &run, false);
}

/* The guest contract (design.md, "What a trace holds"), as the trace's header. */
static int open_trace(struct live *live)
{
	const struct run_options *options = &live->options;
	char header[512];
	const struct trace_writer_setup setup = { .path = options->trace,
						  .header = header,
						  .pc = options->pc
								? &live->session.machine->access_pc
								: NULL };
	struct trace_error error;

	if (!options->trace)
		return 0;
	snprintf(
		header, sizeof(header),
		"pagewalk: %s\nmachine: %s\nprogram: %.200s\npage: %d\nva_end: 0x%llx\nseed: %llu\n"
		"clock_start_ns: %lld\nguest_ram: %llu\nguest_cpus: %u\nquantum: %u\n"
		"hugetlb_2m: %llu\nhugetlb_1g: %llu\ndescription: %llu\n",
		PAGEWALK_VERSION, live->session.config.name, options->program[0], FRAME_BYTES,
		(unsigned long long)kernel_va_end(live->session.machine->kernel),
		(unsigned long long)options->seed, (long long)options->clock_start_ns,
		(unsigned long long)options->reported_ram, options->reported_cpus, options->quantum,
		(unsigned long long)live->session.config.kernel.hugetlb_2m,
		(unsigned long long)live->session.config.kernel.hugetlb_1g,
		(unsigned long long)session_description(&live->session));
	if (trace_writer_create(&live->trace, &setup, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	machine_set_tap(live->session.machine, trace_writer_tap(live->trace));
	return 0;
}

/* Only of what may be executed: nothing else is looked into. */
static const char *identity_of(struct live *live, const struct linux_mapping *mapping)
{
	if (!mapping->path || !(mapping->prot & PERM_EXEC) ||
	    (!live->session.record && !live->trace))
		return "";
	return identity_find(&live->identities, mapping->fd);
}

_Static_assert((int)IDENTITY_TEXT_MAX <= (int)TRACE_IDENTITY_MAX, "a trace holds any identity");

static void on_mapped(void *ctx, const struct linux_mapping *mapping)
{
	struct live *live = ctx;
	const char *identity = identity_of(live, mapping);
	const struct record_mapping record = { mapping->start,
					       mapping->length,
					       mapping->offset,
					       mapping->path,
					       identity,
					       mapping->space,
					       (uint8_t)(mapping->prot & 7) /* PROT_* */ };
	const struct trace_mapping trace = { mapping->space,    mapping->start,
					     mapping->length,   mapping->offset,
					     mapping->prot & 7, mapping->path ? mapping->path : "",
					     identity };

	if (live->session.record)
		record_mapping(live->session.record, &record);
	if (live->trace)
		trace_writer_mapping(live->trace, &trace);
	if (live->mapped)
		live->mapped(live, mapping->start, mapping->length, mapping->path);
}

static void on_note(void *ctx, const char *text)
{
	struct live *live = ctx;

	progress_clear(&live->session);
	complain("%s", text);
	if (live->session.record)
		record_note(live->session.record, text);
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
					     .quantum = options->quantum,
					     .max_processes = options->max_processes,
					     .ctx = live,
					     .mapped = on_mapped,
					     .note = on_note };
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
					   options->seed, options->trace && options->pc };
	const char *what;

	if (cpu_create(&live->cpu, live->session.machine, live->guest, &config, &what)) {
		complain("%s", what);
		return EXIT_OURS;
	}
	set_stops(live);
	return 0;
}

int live_start(struct live *live, struct cpu_regs *regs)
{
	int status;

	if (!live->options.has_clock_start)
		live->options.clock_start_ns = host_time_ns();
	live->env = guest_environment(&live->options);
	if (!live->env) {
		complain("out of memory");
		return EXIT_OURS;
	}
	status = session_create(&live->session, &live->options);
	/* As Linux, which keeps the last page free: as many addresses as a sign-extended machine. */
	if (!status && live->options.va_bits)
		kernel_limit_va(live->session.machine->kernel,
				((va_t)1 << live->options.va_bits) - FRAME_BYTES);
	if (!status && live->options.db)
		status = open_record(live);
	if (!status)
		status = open_trace(live);
	if (!status)
		status = load_guest(live, regs);
	return status ? status : build_cpu(live);
}

int live_interrupted(void)
{
	return interrupted_by;
}

void live_release(struct live *live)
{
	cpu_destroy(live->cpu);
	if (live->guest)
		linux_destroy(live->guest);
	session_destroy(&live->session);
	free(live->env);
}
