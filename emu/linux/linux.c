/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/linux.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/content.h"
#include "emu/linux/exec.h"
#include "emu/linux/process.h"
#include "emu/linux/sched.h"
#include "emu/linux/sigframe.h"
#include "emu/linux/sys_memory.h"
#include "mmu/error.h"

enum { EXIT_OURS = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

/* Vectors of the x86 exceptions, as trapno of a signal frame shows them. */
enum { TRAP_DE = 0, TRAP_BP = 3, TRAP_UD = 6, TRAP_GP = 13, TRAP_PF = 14, TRAP_XM = 19 };

static struct linux_system *system_of(const struct guest *guest)
{
	return (struct linux_system *)(uintptr_t)guest; /* its first member */
}

/* --- from the CPU ---------------------------------------------------------------------------- */

static enum guest_action guest_syscall(struct guest *guest, struct cpu_regs *regs)
{
	struct linux_system *system = system_of(guest);
	struct linux_task *p = system->running;
	const uint64_t arg[6] = { regs->gpr[GPR_RDI], regs->gpr[GPR_RSI], regs->gpr[GPR_RDX],
				  regs->gpr[GPR_R10], regs->gpr[GPR_R8],  regs->gpr[GPR_R9] };
	int64_t result;

	p->regs = regs;
	p->regs_replaced = false;
	p->fx_loaded = false;
	result = linux_syscall(p, regs->gpr[GPR_RAX], arg);
	clock_expire(system);
	return sched_leave(system, regs, &result);
}

static void signal_of(const struct cpu_stop *stop, va_t rip, siginfo_t *info)
{
	memset(info, 0, sizeof(*info));
	info->si_addr = (void *)(uintptr_t)rip;
	switch (stop->exception) {
	case CPU_PAGE_FAULT:
		info->si_signo = stop->outcome.signal;
		info->si_code = stop->outcome.si_code;
		info->si_addr = (void *)(uintptr_t)stop->outcome.va;
		break;
	case CPU_DIVIDE:
		info->si_signo = SIGFPE;
		info->si_code = FPE_INTDIV;
		break;
	case CPU_FLOAT:
		info->si_signo = SIGFPE;
		info->si_code = FPE_FLTINV;
		break;
	case CPU_UNDEFINED:
		info->si_signo = SIGILL;
		info->si_code = ILL_ILLOPN;
		break;
	case CPU_BREAKPOINT:
		info->si_signo = SIGTRAP;
		info->si_code = SI_KERNEL;
		info->si_addr = NULL;
		break;
	default:
		info->si_signo = SIGSEGV;
		info->si_code = SI_KERNEL;
		info->si_addr = NULL;
		break;
	}
}

static void note_trap(struct linux_task *p, const struct cpu_stop *stop)
{
	static const uint8_t vector[] = {
		[CPU_PAGE_FAULT] = TRAP_PF, [CPU_DIVIDE] = TRAP_DE,     [CPU_BREAKPOINT] = TRAP_BP,
		[CPU_UNDEFINED] = TRAP_UD,  [CPU_PROTECTION] = TRAP_GP, [CPU_FLOAT] = TRAP_XM,
	};
	bool page_fault = stop->exception == CPU_PAGE_FAULT;

	sigframe_note_trap(p, vector[stop->exception], page_fault ? stop->error_code : 0,
			   page_fault ? stop->outcome.va : p->trap.cr2);
}

static enum guest_action guest_exception(struct guest *guest, struct cpu_regs *regs,
					 const struct cpu_stop *stop)
{
	struct linux_system *system = system_of(guest);
	struct linux_task *p = system->running;
	siginfo_t info;

	p->regs = regs;
	p->regs_replaced = false;
	p->fx_loaded = true;
	clock_expire(system);
	if (stop->exception != CPU_TIMER) {
		note_trap(p, stop);
		signal_of(stop, regs->rip, &info);
		if (info.si_signo == SIGKILL) {
			oom_kill_victims(system);
			linux_process_end(p, 0, SIGKILL);
		} else {
			signal_force(p, &info);
		}
	}
	return sched_leave(system, regs, NULL);
}

static const struct guest_ops linux_ops = {
	.name = "linux",
	.syscall = guest_syscall,
	.exception = guest_exception,
};

/* --- starting and ending --------------------------------------------------------------------- */

static int fail(struct linux_error *error, int exit_status, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(struct linux_error *error, int exit_status, int code, const char *format, ...)
{
	va_list args;

	error->exit_status = exit_status;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return code;
}

static const char *path_of(char *const *env)
{
	for (; env && *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/bin:/usr/bin";
}

/* ENOENT may be the program's, or an interpreter's: the text says which; env(1) says 127 to both. */
static int fail_exec(struct linux_error *error, int code, const char *program, const char *text)
{
	return fail(error, code == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN,
		    code == -ENOENT ? PW_ABSENT : PW_UNSUPPORTED, "%s: %s", program,
		    *text ? text : "not found");
}

static int prepare(struct linux_task *p, const struct linux_config *config, struct exec_plan *plan,
		   struct linux_error *error)
{
	int code = exec_search(p, config->program, path_of(config->env), plan->name);

	if (code)
		return fail_exec(error, code, config->program,
				 code == -ENOENT ? "" : strerror(-code));
	if (string_list_add_all(&plan->argv, config->argv) ||
	    string_list_add_all(&plan->env, config->env))
		return fail(error, EXIT_CANNOT_RUN, PW_LIMIT,
			    "%s: arguments and environment are longer than 2 MiB", config->program);
	code = exec_prepare(p, plan);
	return code ? fail_exec(error, code, config->program, plan->text) : PW_OK;
}

static int run_first(struct linux_task *p, const struct linux_config *config,
		     struct cpu_regs *start, struct linux_error *error)
{
	struct exec_plan *plan = calloc(1, sizeof(*plan));
	int code;

	if (!plan)
		return fail(error, EXIT_OURS, PW_NOMEM, "out of memory");
	code = prepare(p, config, plan, error);
	if (!code && exec_commit(p, plan, start))
		code = fail(error, EXIT_CANNOT_RUN, PW_LIMIT, "%s: %s", config->program,
			    plan->text);
	exec_plan_release(p, plan);
	free(plan);
	return code;
}

static void set_limits(struct linux_process *process, unsigned max_tasks)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		process->limit[i] = (struct rlimit64){ RLIM64_INFINITY, RLIM64_INFINITY };
	process->limit[RLIMIT_STACK].rlim_cur = LINUX_STACK_LIMIT;
	process->limit[RLIMIT_NOFILE] = (struct rlimit64){ FD_MAX, FD_MAX };
	process->limit[RLIMIT_CORE].rlim_cur = 0;
	process->limit[RLIMIT_MEMLOCK] = (struct rlimit64){ 8 << 20, 8 << 20 };
	process->limit[RLIMIT_NPROC] = (struct rlimit64){ max_tasks, max_tasks };
	process->limit[RLIMIT_NICE] = process->limit[RLIMIT_RTPRIO] = (struct rlimit64){ 0, 0 };
}

/* The first of all: what it shares with nobody yet. */
static struct linux_task *first_task(struct linux_system *system)
{
	struct linux_process *process = process_create(system, NULL);
	struct linux_task *p = process ? task_create(system, process) : NULL;

	if (!p)
		return NULL;
	system->first = process;
	system->last_pid = LINUX_FIRST_PID;
	process->pid = process->pgid = process->sid = p->tid = LINUX_FIRST_PID;
	set_limits(process, system->max_tasks);
	p->memory = calloc(1, sizeof(*p->memory));
	p->place = calloc(1, sizeof(*p->place));
	p->files = calloc(1, sizeof(*p->files));
	p->actions = calloc(1, sizeof(*p->actions));
	if (!p->memory || !p->place || !p->files || !p->actions)
		return NULL;
	p->memory->refs = p->place->refs = p->files->refs = p->actions->refs = 1;
	p->place->umask = 022;
	p->state = TASK_RUNNING;
	if (!getcwd(p->place->cwd, sizeof(p->place->cwd)) || p->place->cwd[0] != '/')
		strcpy(p->place->cwd, "/");
	system->running = p;
	system->quantum_end = system->quantum;
	return p;
}

static void set_config(struct linux_system *system, const struct linux_config *config)
{
	system->clock_start_ns = config->clock_start_ns;
	system->reported_ram = config->reported_ram;
	system->reported_cpus = config->reported_cpus ? config->reported_cpus : 1;
	system->quantum = config->quantum ? config->quantum : LINUX_QUANTUM;
	system->max_tasks = config->max_processes ? config->max_processes : LINUX_TASKS_MAX;
	system->ctx = config->ctx;
	system->mapped = config->mapped;
	system->note = config->note;
	guest_random_init(&system->random, config->seed);
}

static int set_up(struct linux_system *system, const struct linux_config *config,
		  struct linux_error *error)
{
	uint64_t swap_bytes = system->machine->config.kernel.swap.bytes;
	unsigned which;
	int code =
		hostfs_init(&system->hostfs, config->write_dirs, config->write_dir_count, &which);

	if (code == PW_LIMIT)
		return fail(error, EXIT_OURS, code, "more than %d directories to write to",
			    WRITE_DIRS_MAX);
	if (code)
		return fail(error, EXIT_OURS, code, "%s: cannot be opened for writing: %s",
			    config->write_dirs[which], strerror(errno));
	if (swap_bytes && phys_mem_init(&system->swap, swap_bytes))
		return fail(error, EXIT_OURS, PW_NOMEM,
			    "the host refuses the memory for the swap device (--swap)");
	if (inode_table_init(&system->inodes))
		return fail(error, EXIT_OURS, PW_NOMEM, "out of memory");
	if (!first_task(system) || file_inherit(system->running))
		return fail(error, EXIT_OURS, PW_NOMEM, "out of memory");
	return PW_OK;
}

/* A closed pipe is the guest's signal, not ours. */
static void ignore_sigpipe(struct linux_system *system)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, &system->host_sigpipe);
}

int linux_create(struct guest **out, const struct linux_config *config, struct machine *machine,
		 struct cpu_regs *start, struct linux_error *error)
{
	struct linux_system *system = calloc(1, sizeof(*system));
	struct kernel_content content;
	int code;

	if (!system)
		return fail(error, EXIT_OURS, PW_NOMEM, "out of memory");
	system->guest.ops = &linux_ops;
	system->guest.machine = machine;
	system->guest.wake_at = UINT64_MAX;
	system->machine = machine;
	system->kernel = machine->kernel;
	ignore_sigpipe(system);
	set_config(system, config);
	content_provider(&content, system);
	kernel_set_content(system->kernel, &content);
	code = set_up(system, config, error);
	if (!code)
		code = run_first(system->running, config, start, error);
	if (code)
		linux_destroy(&system->guest);
	else
		*out = &system->guest;
	return code;
}

/* A run that was stopped leaves tasks behind; what they wrote through mappings is to be kept. */
static void drop_task(struct linux_task *p)
{
	struct linux_system *system = p->system;

	if (p->state != TASK_DEAD && p->memory && p->memory->space) {
		kernel_task_switch(system->kernel, (uint64_t)p->tid, (uint64_t)p->memory->space);
		memory_sync_all(p);
	}
	task_destroy(p);
}

void linux_destroy(struct guest *guest)
{
	struct linux_system *system = guest ? system_of(guest) : NULL;

	if (!system)
		return;
	while (system->tasks)
		drop_task(system->tasks);
	while (system->processes)
		process_forget(system->processes);
	if (system->inodes.bucket)
		inode_table_release(&system->inodes);
	kernel_set_content(system->kernel, &kernel_content_none);
	sigaction(SIGPIPE, &system->host_sigpipe, NULL);
	if (system->swap.bytes)
		phys_mem_release(&system->swap);
	free(system);
}

/* --- for people ------------------------------------------------------------------------------ */

void linux_visit_unknown(const struct guest *guest,
			 void (*visit)(void *ctx, uint64_t number, const char *name,
				       uint64_t count),
			 void *ctx)
{
	const struct linux_system *system = system_of(guest);

	for (uint64_t n = 0; n < LINUX_CALLS_MAX; n++)
		if (system->unknown[n])
			visit(ctx, n, linux_syscall_name(n), system->unknown[n]);
	if (system->unknown_beyond)
		visit(ctx, system->unknown_beyond_number, NULL, system->unknown_beyond);
}

const char *linux_end_reason(const struct guest *guest)
{
	return system_of(guest)->end_reason;
}
