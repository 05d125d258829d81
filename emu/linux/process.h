/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_PROCESS_H
#define PAGEWALK_EMU_LINUX_PROCESS_H

/*
 * The state behind the system calls, private to emu/linux: what a run has once (linux_system),
 * what the threads of a process share (linux_process), and what clone(2) shares or copies one by
 * one: memory, working directory, descriptors, signal actions. Threads are task.h's matter.
 */

#include <limits.h>
#include <sys/resource.h>

#include "emu/linux/file.h"
#include "emu/linux/hostfs.h"
#include "emu/linux/inode.h"
#include "emu/linux/random.h"
#include "emu/linux/task.h"
#include "emu/linux/usage.h"

struct linux_mapping;

enum {
	LINUX_FIRST_PID = 1000,
	LINUX_PID_END = 32768, /* pid_max */
	LINUX_CALLS_MAX = 512, /* numbers that are counted one by one when unknown */
	LINUX_AUXV_MAX = 24,   /* pairs */
	LINUX_BUFFER_BYTES = 65536,
	LINUX_STACK_LIMIT = 8 << 20,
	LINUX_TIMER_COUNT = 3,
	LINUX_TOLD_MAX = 32,
};

struct linux_auxv {
	uint64_t type, value;
};

/* What a process runs, as /proc/self shows it. */
struct linux_program {
	char exe[PATH_MAX];
	va_t arg_start, arg_end, env_start, env_end, stack_start;
	va_t code_start, code_end, data_start, data_end;
	unsigned auxv_count;
	struct linux_auxv auxv[LINUX_AUXV_MAX];
};

struct linux_memory {
	unsigned refs;
	int64_t space; /* of the kernel model; 0: none yet */
	struct linux_program program;
};

struct linux_place {
	unsigned refs;
	uint32_t umask;
	char cwd[PATH_MAX]; /* canonical, absolute */
};

struct linux_timer {
	int64_t due_ns;    /* elapsed time (real) or processor time; INT64_MAX: not set */
	int64_t period_ns; /* 0: once */
};

/* A thread group. It outlives its last thread as a zombie until its parent has waited for it. */
struct linux_process {
	struct linux_system *system;
	struct linux_process *next;   /* of all, zombies included, in order of creation */
	struct linux_process *parent; /* NULL: init, which is not a guest and waits for all */
	int32_t pid, pgid, sid;
	int end_signal;          /* that its parent gets: SIGCHLD; 0: none */
	unsigned threads, tasks; /* that live; that are there, dead ones not buried yet */
	bool ending;             /* every thread is to end */
	bool zombie, executed;
	bool stopped;         /* job.h */
	bool continue_unseen; /* by wait, of the parent */
	int stop_unseen;      /* the signal; 0: none */
	uint32_t personality;
	int exit_status, exit_signal;
	uint64_t instructions, child_instructions;   /* of ended threads; of children waited for */
	struct linux_usage usage, child_usage;       /* of earlier programs; of children likewise */
	struct linux_usage usage_base;               /* what its memory had when it came to it */
	struct signal_queue signals;                 /* for whichever thread takes them first */
	struct linux_timer timer[LINUX_TIMER_COUNT]; /* by ITIMER_*: real, virtual, profiling */
	struct posix_timer *posix_timers;            /* by number */
	int32_t next_timer;
	struct rlimit64 limit[RLIM_NLIMITS];
};

struct linux_system {
	struct guest guest; /* first: a struct guest is the head of a struct linux_system */
	struct machine *machine;
	struct kernel *kernel;
	/* --- who there is (task.c), and who runs (sched.c) --- */
	struct linux_task *running; /* NULL: nobody, or it has just ended */
	struct linux_task *tasks, *ready_first, *ready_last;
	struct linux_process *processes, *first; /* first: whose end is the run's; NULL: it ended */
	unsigned task_count, dead_count, waiting_count, timer_count;
	unsigned max_tasks;
	int32_t last_pid;
	uint64_t quantum, quantum_end, accounted; /* in retired instructions */
	uint64_t futex_order;
	/* --- */
	struct phys_mem swap; /* what the swap device holds */
	struct hostfs hostfs;
	struct inode_table inodes;
	struct guest_random random;
	int64_t clock_start_ns, slept_ns;
	uint64_t reported_ram;
	unsigned reported_cpus;
	uint64_t pipe_sequence; /* names of pipes */
	void *ctx;
	void (*mapped)(void *ctx, const struct linux_mapping *mapping);
	struct linux_told {
		asid_t space;
		va_t start;
		uint64_t length;
	} told[LINUX_TOLD_MAX]; /* executable memory of no file, since the last file's: memory_tell.c */
	unsigned told_count;
	void (*note)(void *ctx, const char *text);
	const char *end_reason;
	uint64_t unknown[LINUX_CALLS_MAX]; /* how often */
	uint64_t unknown_beyond, unknown_beyond_number;
	struct sigaction host_sigpipe;      /* to be put back */
	uint8_t buffer[LINUX_BUFFER_BYTES]; /* between a file and guest memory, for one call */
};

/* --- processes.c --------------------------------------------------------------------------- */

/* All of a process's threads end; sig 0: it exited with `status`. The running one is its. */
void linux_process_end(struct linux_task *p, int status, int sig);
/* The last thread has gone: a zombie, or nothing at all. */
void process_ended(struct linux_process *process);
void process_forget(struct linux_process *process);
struct linux_process *process_create(struct linux_system *system, struct linux_process *parent);
struct linux_process *process_find(const struct linux_system *system, int32_t pid);
/* Retired by its threads, the running one's up to now. */
uint64_t process_instructions(const struct linux_process *process);
uint64_t task_instructions(const struct linux_task *task);

/* --- oom.c --------------------------------------------------------------------------------- */

/* Every process that uses an address space which the kernel model gave up is to end. */
void oom_kill_victims(struct linux_system *system);

/* --- task.c -------------------------------------------------------------------------------- */

struct linux_task *task_create(struct linux_system *system, struct linux_process *process);
void task_destroy(struct linux_task *task);
int32_t task_next_id(struct linux_system *system);
void linux_memory_put(struct linux_task *p);

/* --- syscall.c ----------------------------------------------------------------------------- */

/* The number, its name, and how it was dealt with, is in syscalls.def. */
int64_t linux_syscall(struct linux_task *p, uint64_t number, const uint64_t *arg);
int64_t linux_syscall_again(struct linux_task *p);
const char *linux_syscall_name(uint64_t number); /* "syscall_<n>" is left to the caller: NULL */

#endif
