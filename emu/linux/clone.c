/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/*
 * fork, vfork and clone (Linux: kernel/fork.c). What is not shared is copied; memory is copied by
 * the kernel model. The new thread starts where its parent's call returns, with 0 in RAX, when its
 * turn comes; its parent goes on at once, but after a vfork waits until the child has left its
 * memory, by execve or by ending.
 *
 * Not there: namespaces (EPERM), pidfds (EINVAL), clone3 (ENOSYS; the C library uses clone then).
 */

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "emu/linux/process.h"
#include "emu/linux/sched.h"
#include "emu/linux/sys_memory.h"
#include "emu/linux/user.h"

#define NAMESPACES                                                                          \
	(UINT64_C(0x02000000) | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
#define PIDFD UINT64_C(0x1000)

struct clone_request {
	uint64_t flags;
	va_t stack; /* 0: the parent's */
	va_t parent_tid, child_tid;
	uint64_t tls;
};

static int64_t check(const struct linux_task *p, const struct clone_request *r)
{
	uint64_t flags = r->flags;
	unsigned own = 0;

	if (flags & NAMESPACES)
		return -EPERM;
	if (flags & PIDFD)
		return -EINVAL;
	if ((flags & CLONE_THREAD && !(flags & CLONE_SIGHAND)) ||
	    (flags & CLONE_SIGHAND && !(flags & CLONE_VM)))
		return -EINVAL;
	for (const struct linux_task *task = p->system->tasks; task; task = task->next)
		own += task->state != TASK_DEAD;
	for (const struct linux_process *process = p->system->processes; process;
	     process = process->next)
		own += process->zombie;
	if (own >= p->system->max_tasks || own >= p->process->limit[RLIMIT_NPROC].rlim_cur)
		return -EAGAIN;
	return 0;
}

static void *copy_of(const void *from, size_t bytes)
{
	void *copy = malloc(bytes);

	return copy ? memcpy(copy, from, bytes) : NULL;
}

static bool share_or_copy(struct linux_task *child, const struct linux_task *p, uint64_t flags)
{
	if (flags & CLONE_FILES)
		p->files->refs++;
	child->files = flags & CLONE_FILES ? p->files : fd_table_copy(p->files);
	if (flags & CLONE_FS)
		p->place->refs++;
	child->place = flags & CLONE_FS ? p->place : copy_of(p->place, sizeof(*p->place));
	if (flags & CLONE_SIGHAND)
		p->actions->refs++;
	child->actions = flags & CLONE_SIGHAND ? p->actions
					       : copy_of(p->actions, sizeof(*p->actions));
	if (child->place && !(flags & CLONE_FS))
		child->place->refs = 1;
	if (child->actions && !(flags & CLONE_SIGHAND))
		child->actions->refs = 1;
	return child->files && child->place && child->actions;
}

static bool give_memory(struct linux_task *child, struct linux_task *p, uint64_t flags)
{
	int64_t space;

	if (flags & CLONE_VM) {
		p->memory->refs++;
		child->memory = p->memory;
		if (child->process != p->process)
			usage_memory_shared(child->process, p->memory->space);
		return true;
	}
	child->memory = copy_of(p->memory, sizeof(*p->memory));
	if (!child->memory)
		return false;
	child->memory->refs = 1;
	child->memory->space = 0;
	space = kernel_fork(p->system->kernel);
	if (space <= 0)
		return false;
	child->memory->space = space;
	memory_tell_forked(p, space);
	return true;
}

static void set_registers(struct linux_task *child, struct linux_task *p,
			  const struct clone_request *r)
{
	struct cpu_regs *regs = &child->saved;

	task_load_fx(p);
	*regs = *p->regs;
	regs->gpr[GPR_RAX] = 0;
	regs->gpr[GPR_RCX] = regs->rip; /* SYSCALL leaves them so */
	regs->gpr[GPR_R11] = regs->rflags;
	if (r->stack)
		regs->gpr[GPR_RSP] = r->stack;
	if (r->flags & CLONE_SETTLS)
		regs->fs_base = r->tls;
}

static void set_state(struct linux_task *child, const struct linux_task *p,
		      const struct clone_request *r)
{
	child->signals.blocked = p->signals.suspended ? p->signals.suspended_mask
						      : p->signals.blocked;
	/* Memory of its own, or none to run a handler on while another stack is used. */
	if (!(r->flags & CLONE_VM) || (r->flags & CLONE_VFORK))
		child->signals.stack = p->signals.stack;
	memcpy(child->comm, p->comm, sizeof(child->comm));
	if (r->flags & CLONE_CHILD_SETTID)
		child->set_child_tid = r->child_tid;
	if (r->flags & CLONE_CHILD_CLEARTID)
		child->clear_child_tid = r->child_tid;
	child->vforked = r->flags & CLONE_VFORK;
}

/* A thread of p's process, or the first one of a new one. */
static struct linux_task *new_task(struct linux_task *p, uint64_t flags)
{
	struct linux_process *process = p->process;
	struct linux_task *child;

	if (!(flags & CLONE_THREAD))
		process = process_create(p->system,
					 flags & CLONE_PARENT ? p->process->parent : p->process);
	if (!process)
		return NULL;
	if (process != p->process) {
		process->pgid = p->process->pgid;
		process->sid = p->process->sid;
		memcpy(process->limit, p->process->limit, sizeof(process->limit));
		process->end_signal = flags & CLONE_PARENT ? p->process->end_signal
							   : (int)(flags & CSIGNAL);
	}
	child = task_create(p->system, process);
	if (!child && process != p->process)
		process_forget(process);
	return child;
}

static void undo(struct linux_task *child, const struct linux_task *p)
{
	struct linux_process *process = child->process;

	if (child->memory && child->memory->space == 0) {
		free(child->memory);
		child->memory = NULL;
	}
	child->system->task_count--;
	process->threads--;
	process->tasks--;
	task_destroy(child);
	if (process != p->process)
		process_forget(process);
}

static int64_t start(struct linux_task *p, const struct clone_request *r)
{
	int64_t error = check(p, r);
	struct linux_task *child;

	if (error)
		return error;
	child = new_task(p, r->flags);
	if (!child)
		return -ENOMEM;
	if (!share_or_copy(child, p, r->flags) || !give_memory(child, p, r->flags)) {
		undo(child, p);
		return -ENOMEM;
	}
	child->tid = task_next_id(p->system);
	if (child->process != p->process)
		child->process->pid = child->tid;
	set_registers(child, p, r);
	set_state(child, p, r);
	if (kernel_task_create(p->system->kernel, (uint64_t)child->tid,
			       (uint64_t)child->memory->space) < 0) {
		undo(child, p);
		return -ENOMEM;
	}
	if (r->flags & CLONE_PARENT_SETTID)
		(void)user_put(p, r->parent_tid, &child->tid);
	sched_start(child);
	return child->tid;
}

static bool child_has_left(struct linux_task *p)
{
	const struct linux_task *child = task_find(p->system, p->call.child);

	return !child || !child->vforked;
}

static int64_t clone_task(struct linux_task *p, const struct clone_request *r)
{
	const struct task_wait wait = { .ready = child_has_left,
					.deadline_ns = INT64_MAX,
					.uninterruptible = true };
	int64_t result = p->call.again ? p->call.child : start(p, r);

	if (result < 0 || !(r->flags & CLONE_VFORK))
		return result;
	p->call.child = (int32_t)result;
	return task_wait(p, &wait) == -LINUX_BLOCKED ? -LINUX_BLOCKED : result;
}

int64_t sys_fork(struct linux_task *p, const uint64_t *a)
{
	(void)a;
	return clone_task(p, &(struct clone_request){ .flags = SIGCHLD });
}

int64_t sys_vfork(struct linux_task *p, const uint64_t *a)
{
	(void)a;
	return clone_task(p, &(struct clone_request){ .flags = CLONE_VFORK | CLONE_VM | SIGCHLD });
}

int64_t sys_clone(struct linux_task *p, const uint64_t *a)
{
	return clone_task(p, &(struct clone_request){ .flags = (uint32_t)a[0],
						      .stack = a[1],
						      .parent_tid = a[2],
						      .child_tid = a[3],
						      .tls = a[4] });
}
