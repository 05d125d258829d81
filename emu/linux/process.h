/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_PROCESS_H
#define PAGEWALK_EMU_LINUX_PROCESS_H

/*
 * The state behind the system calls, private to emu/linux: what all processes share
 * (linux_system, one a run) and what belongs to one (linux_process). There is one process today;
 * nothing here relies on that but system->process being both the running and the only one.
 */

#include <limits.h>

#include "emu/linux/file.h"
#include "emu/linux/hostfs.h"
#include "emu/linux/inode.h"
#include "emu/linux/random.h"
#include "emu/linux/signal.h"
#include "emu/machine/guest.h"

enum {
	LINUX_FIRST_PID = 1000,
	LINUX_COMM_BYTES = 16,
	LINUX_CALLS_MAX = 512, /* numbers that are counted one by one when unknown */
	LINUX_AUXV_MAX = 24,   /* pairs */
	LINUX_BUFFER_BYTES = 65536,
	LINUX_STACK_LIMIT = 8 << 20,
	LINUX_TIMER_COUNT = 3,
};

struct linux_auxv {
	uint64_t type, value;
};

/* What the process runs, as /proc/self shows it. */
struct linux_program {
	char exe[PATH_MAX];
	char comm[LINUX_COMM_BYTES];
	va_t arg_start, arg_end, env_start, env_end, stack_start;
	va_t code_start, code_end, data_start, data_end;
	unsigned auxv_count;
	struct linux_auxv auxv[LINUX_AUXV_MAX];
};

struct linux_timer {
	int64_t due_ns;    /* elapsed time (real) or processor time; INT64_MAX: not set */
	int64_t period_ns; /* 0: once */
};

struct linux_process {
	struct linux_system *system;
	struct cpu_regs *regs; /* of the system call or exception that is being served */
	bool regs_replaced;    /* by execve or rt_sigreturn: RAX is not the result */
	bool ended;
	bool fx_loaded; /* regs->fx is current */
	int32_t pid, ppid, pgid, sid;
	int64_t space; /* of the kernel model */
	uint32_t umask;
	uint32_t personality;
	va_t clear_child_tid, robust_list;
	char cwd[PATH_MAX]; /* canonical, absolute */
	struct fd_table files;
	struct linux_signals signals;
	struct {
		uint64_t number, err;
		va_t cr2;
	} trap;                                      /* the last one, as a signal frame shows it */
	struct linux_timer timer[LINUX_TIMER_COUNT]; /* by ITIMER_*: real, virtual, profiling */
	struct linux_program program;
};

struct linux_system {
	struct guest guest; /* first: a struct guest is the head of a struct linux_system */
	struct machine *machine;
	struct kernel *kernel;
	struct linux_process *process;
	struct hostfs hostfs;
	struct inode_table inodes;
	struct guest_random random;
	int64_t clock_start_ns, slept_ns;
	uint64_t reported_ram;
	unsigned reported_cpus;
	uint64_t pipe_sequence; /* names of pipes */
	void *ctx;
	void (*mapped)(void *ctx, va_t start, uint64_t length, uint64_t offset, uint32_t prot,
		       const char *path);
	const char *end_reason;
	uint64_t unknown[LINUX_CALLS_MAX]; /* how often */
	uint64_t unknown_beyond, unknown_beyond_number;
	struct sigaction host_sigpipe;      /* to be put back */
	uint8_t buffer[LINUX_BUFFER_BYTES]; /* between a file and guest memory, for one call */
};

/* Ends the guest; sig 0: it exited with `status`. */
void linux_process_end(struct linux_process *p, int status, int sig);

/* The number, its name, and how it was dealt with, is in syscalls.def. */
int64_t linux_syscall(struct linux_process *p, uint64_t number, const uint64_t *arg);
const char *linux_syscall_name(uint64_t number); /* "syscall_<n>" is left to the caller: NULL */

#endif
