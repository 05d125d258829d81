/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_TASK_H
#define PAGEWALK_EMU_LINUX_TASK_H

/*
 * A thread, as system calls see who calls them; and how a call waits.
 *
 * A call that cannot go on yet registers what it waits for (task_wait()) and returns
 * -LINUX_BLOCKED all the way up. The task leaves the CPU. When what it waits for holds, its time is
 * over, or a signal is due, it runs again and the call is begun again with the same arguments and
 * task->call.again set; what must survive between the beginnings is in task->call. So no call is
 * ever suspended in its middle, and a task that is killed leaves nothing behind.
 *
 *              fork, clone               quantum used up
 *        (new) ───────────> TASK_READY <───────────────── TASK_RUNNING ──> TASK_DEAD
 *                             ^   └────────────────────────>  │     exit, fatal signal
 *          what it waits for  │        its turn               │
 *                             └────────── TASK_WAITING <──────┘ a call blocks
 */

#include "emu/linux/lock.h"
#include "emu/linux/signal.h"
#include "emu/machine/guest.h"

struct futex_wait;
struct linux_memory;
struct linux_place;
struct linux_process;
struct linux_system;
struct open_file;
struct pollfd;

enum { LINUX_COMM_BYTES = 16 };

/* -ERESTARTSYS is 512 (signal.h); this one never leaves the personality either. */
enum { LINUX_BLOCKED = 600 };

enum task_state { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_DEAD };

typedef bool task_ready_fn(struct linux_task *p);

/* What a waiting task waits for, beside signals. */
struct task_wait {
	task_ready_fn *ready;   /* NULL: nothing but time and signals */
	int64_t deadline_ns;    /* elapsed time; INT64_MAX: for ever */
	bool uninterruptible;   /* by signals: vfork */
	struct open_file *file; /* held; of file_ready() */
	unsigned events;
	struct pollfd *fds; /* owned; of poll and select */
	unsigned fd_count;
};

/* The system call under way, kept while it is begun again and again. */
struct linux_call {
	uint64_t number, arg[6];
	bool under_way, again;
	int64_t deadline_ns; /* task_deadline() */
	uint64_t done;       /* bytes, of a write that went on in pieces */
	int32_t child;       /* of vfork */
};

struct futex_key {
	uint64_t object, offset; /* a space and an address, or a file and an offset */
};
struct futex_wait {
	bool queued, woken;
	uint32_t bitset;
	uint64_t order; /* who came first is woken first */
	struct futex_key key;
};

struct linux_task {
	struct linux_system *system;
	struct linux_process *process;
	struct linux_task *next;       /* of all, in order of creation */
	struct linux_task *next_ready; /* in the queue of those that may run */
	enum task_state state;
	int32_t tid;
	struct cpu_regs *regs; /* of the system call or exception that is being served */
	struct cpu_regs saved; /* while others run */
	bool regs_replaced;    /* by execve or rt_sigreturn: RAX is not the result */
	bool fx_loaded;        /* regs->fx is current */
	bool vforked;          /* borrows its parent's memory, and the parent waits */
	struct linux_call call;
	struct file_lock lock; /* that its call waits for */
	struct task_wait wait;
	struct futex_wait futex;
	uint64_t instructions;         /* that it retired, up to the last switch */
	struct linux_memory *memory;   /* shared with CLONE_VM */
	struct linux_place *place;     /* with CLONE_FS */
	struct fd_table *files;        /* with CLONE_FILES */
	struct linux_actions *actions; /* with CLONE_SIGHAND */
	struct linux_signals signals;
	va_t clear_child_tid, set_child_tid, robust_list;
	char comm[LINUX_COMM_BYTES];
	struct {
		uint64_t number, err;
		va_t cr2;
	} trap; /* the last one, as a signal frame shows it */
};

/*
 * 0: ready already, or the deadline is past: look which. -EINTR: a signal is due. -LINUX_BLOCKED:
 * to be returned. `deadline_ns` is elapsed time, INT64_MAX for ever.
 */
int task_wait(struct linux_task *p, const struct task_wait *wait);
/* The same for a file of which poll says POLLIN or POLLOUT; the file is held meanwhile. */
int task_wait_file(struct linux_task *p, struct open_file *file, unsigned events);
/* The deadline of this call, which is computed only once. */
int64_t task_deadline(struct linux_task *p, int64_t deadline_ns);
/* Drops what a wait holds. */
void task_wait_over(struct linux_task *p);
bool task_may_go_on(struct linux_task *p);

/* regs->fx becomes current. */
void task_load_fx(struct linux_task *p);

/* The running task's thread ends; its process too when it was the last. */
void task_exit(struct linux_task *p, int status);
struct linux_task *task_find(const struct linux_system *system, int32_t tid);

#endif
