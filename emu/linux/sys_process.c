/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/*
 * Processes: who they are, ending, execve, and prctl. User and group are the host's real ones and so is uname, so that output equals the
 * native run's; process ids are virtual.
 */

#include <asm/prctl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/exec.h"
#include "emu/linux/futex.h"
#include "emu/linux/posix_timer.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

/* The thread alone; the process goes with its last one. */
int64_t sys_exit(struct linux_task *p, const uint64_t *a)
{
	task_exit(p, (int)(a[0] & 0xff));
	return 0;
}

int64_t sys_exit_group(struct linux_task *p, const uint64_t *a)
{
	linux_process_end(p, (int)(a[0] & 0xff), 0);
	return 0;
}

/* What a new program does not share any more (unshare_files(), de_thread(), unshare_sighand()). */
static int unshare(struct linux_task *p)
{
	struct linux_actions *actions = p->actions->refs > 1 ? malloc(sizeof(*actions)) : NULL;
	struct fd_table *files = p->files->refs > 1 ? fd_table_copy(p->files) : NULL;

	if ((p->actions->refs > 1 && !actions) || (p->files->refs > 1 && !files)) {
		free(actions);
		if (files)
			fd_table_put(p, files);
		return -ENOMEM;
	}
	if (actions) {
		*actions = *p->actions;
		actions->refs = 1;
		p->actions->refs--;
		p->actions = actions;
	}
	if (files) {
		p->files->refs--;
		p->files = files;
	}
	return 0;
}

/* The other threads end; the one that goes on is the process's first from now on. */
static void end_other_threads(struct linux_task *p)
{
	for (struct linux_task *other = p->system->tasks; other; other = other->next)
		if (other->process == p->process && other != p)
			task_exit(other, 0);
	p->tid = p->process->pid;
}

static int64_t start_program(struct linux_task *p, struct exec_plan *plan)
{
	int64_t error = unshare(p);

	if (error)
		return error;
	end_other_threads(p);
	futex_task_ends(p);
	error = exec_commit(p, plan, p->regs);
	if (error)
		return error;
	signals_exec(p);
	posix_timers_forget(p->process);
	fd_close_on_exec(p);
	p->process->executed = true;
	p->vforked = false; /* its parent may go on */
	p->regs_replaced = true;
	p->fx_loaded = true;
	return 0;
}

int64_t sys_execve(struct linux_task *p, const uint64_t *a)
{
	struct exec_plan *plan = calloc(1, sizeof(*plan));
	int64_t error = plan ? user_string(p, plan->name, sizeof(plan->name), a[0]) : -ENOMEM;

	if (error >= 0)
		error = string_list_read(&plan->argv, p, a[1]);
	if (!error && plan->argv.count == 0)
		error = string_list_add(&plan->argv, ""); /* as Linux does since 5.18 */
	if (!error)
		error = string_list_read(&plan->env, p, a[2]);
	if (!error)
		error = exec_prepare(p, plan);
	if (!error)
		error = start_program(p, plan);
	if (plan)
		exec_plan_release(p, plan);
	free(plan);
	return error == -ELIBBAD ? -ENOENT : error;
}

/* --- who ------------------------------------------------------------------------------------- */

int64_t sys_getpid(struct linux_task *p, const uint64_t *a)
{
	(void)a;
	return p->process->pid;
}

int64_t sys_gettid(struct linux_task *p, const uint64_t *a)
{
	(void)a;
	return p->tid;
}

int64_t sys_getppid(struct linux_task *p, const uint64_t *a)
{
	(void)a;
	return p->process->parent ? p->process->parent->pid : 1;
}

int64_t sys_getpgrp(struct linux_task *p, const uint64_t *a)
{
	(void)a;
	return p->process->pgid;
}

/* By number, 0 being the caller; NULL: there is none. */
static struct linux_process *process_of(const struct linux_task *p, uint64_t pid)
{
	return (int32_t)pid == 0 ? p->process : process_find(p->system, (int32_t)pid);
}

int64_t sys_getpgid(struct linux_task *p, const uint64_t *a)
{
	const struct linux_process *process = process_of(p, a[0]);

	return process ? process->pgid : -ESRCH;
}

static bool group_exists(const struct linux_process *of, int32_t pgid)
{
	const struct linux_process *process = of->system->processes;

	while (process && (process->pgid != pgid || process->sid != of->sid))
		process = process->next;
	return process;
}

int64_t sys_setpgid(struct linux_task *p, const uint64_t *a)
{
	struct linux_process *process = process_of(p, a[0]);
	int32_t pgid = (int32_t)a[1];

	if (pgid < 0)
		return -EINVAL;
	if (!process || (process != p->process && process->parent != p->process))
		return -ESRCH;
	if (process != p->process && process->sid != p->process->sid)
		return -EPERM;
	if (process != p->process && process->executed)
		return -EACCES;
	if (process->sid == process->pid)
		return -EPERM;
	if (pgid == 0)
		pgid = process->pid;
	if (pgid != process->pid && !group_exists(process, pgid))
		return -EPERM;
	process->pgid = pgid;
	return 0;
}

int64_t sys_getsid(struct linux_task *p, const uint64_t *a)
{
	const struct linux_process *process = process_of(p, a[0]);

	return process ? process->sid : -ESRCH;
}

int64_t sys_setsid(struct linux_task *p, const uint64_t *a)
{
	const struct linux_process *process;
	int32_t pid = p->process->pid;

	(void)a;
	for (process = p->system->processes; process; process = process->next)
		if (process->pgid == pid)
			return -EPERM;
	p->process->sid = p->process->pgid = pid;
	return pid;
}

int64_t sys_getuid(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return getuid();
}

int64_t sys_geteuid(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return geteuid();
}

int64_t sys_getgid(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return getgid();
}

int64_t sys_getegid(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return getegid();
}

/* It may become what it is. */
static int64_t same_id(uint64_t wanted, uint32_t id)
{
	return (uint32_t)wanted == id || (uint32_t)wanted == UINT32_MAX ? 0 : -EPERM;
}

int64_t sys_setuid(struct linux_task *p, const uint64_t *a)
{
	(void)p;
	return same_id(a[0], getuid());
}

int64_t sys_setgid(struct linux_task *p, const uint64_t *a)
{
	(void)p;
	return same_id(a[0], getgid());
}

int64_t sys_setresuid(struct linux_task *p, const uint64_t *a)
{
	(void)p;
	return same_id(a[0], getuid()) || same_id(a[1], getuid()) ? -EPERM : 0;
}

int64_t sys_setresgid(struct linux_task *p, const uint64_t *a)
{
	(void)p;
	return same_id(a[0], getgid()) || same_id(a[1], getgid()) ? -EPERM : 0;
}

static int64_t put_three(struct linux_task *p, const uint64_t *a, uint32_t real, uint32_t effective)
{
	if (user_put(p, a[0], &real) < 0 || user_put(p, a[1], &effective) < 0 ||
	    user_put(p, a[2], &effective) < 0)
		return -EFAULT;
	return 0;
}

int64_t sys_getresuid(struct linux_task *p, const uint64_t *a)
{
	return put_three(p, a, getuid(), geteuid());
}

int64_t sys_getresgid(struct linux_task *p, const uint64_t *a)
{
	return put_three(p, a, getgid(), getegid());
}

int64_t sys_getgroups(struct linux_task *p, const uint64_t *a)
{
	enum { GROUPS_MAX = 256 };
	gid_t groups[GROUPS_MAX];
	int count = getgroups(GROUPS_MAX, groups);

	if (count < 0)
		count = 0;
	if ((int32_t)a[0] == 0)
		return count;
	if ((int32_t)a[0] < count)
		return -EINVAL;
	return user_write(p, a[1], groups, (uint64_t)count * sizeof(*groups)) < 0 ? -EFAULT : count;
}

int64_t sys_uname(struct linux_task *p, const uint64_t *a)
{
	struct utsname name;

	memset(&name, 0, sizeof(name));
	return uname(&name) != 0 ? -errno : user_put(p, a[0], &name);
}

int64_t sys_personality(struct linux_task *p, const uint64_t *a)
{
	uint32_t old = p->process->personality;

	if ((uint32_t)a[0] != UINT32_MAX)
		p->process->personality = (uint32_t)a[0];
	return old;
}

/* No capabilities, whoever the user is: privileges stay with the host. */
int64_t sys_capget(struct linux_task *p, const uint64_t *a)
{
	enum { VERSION_3 = 0x20080522 };
	const uint32_t none[6] = { 0 }, version = VERSION_3;
	uint32_t head[2];

	if (user_get(p, &head, a[0]) < 0)
		return -EFAULT;
	if (head[0] != VERSION_3)
		return user_put(p, a[0], &version) < 0 ? -EFAULT : a[1] ? -EINVAL : 0;
	return a[1] ? user_write(p, a[1], none, sizeof(none)) : 0;
}

/* --- the thread ------------------------------------------------------------------------------ */

int64_t sys_arch_prctl(struct linux_task *p, const uint64_t *a)
{
	bool set = a[0] == ARCH_SET_FS || a[0] == ARCH_SET_GS;

	if (set && a[1] >= kernel_va_end(p->system->kernel))
		return -EPERM;
	switch (a[0]) {
	case ARCH_SET_FS:
		p->regs->fs_base = a[1];
		return 0;
	case ARCH_SET_GS:
		p->regs->gs_base = a[1];
		return 0;
	case ARCH_GET_FS:
		return user_put(p, a[1], &p->regs->fs_base);
	case ARCH_GET_GS:
		return user_put(p, a[1], &p->regs->gs_base);
	default:
		return -EINVAL;
	}
}

int64_t sys_set_tid_address(struct linux_task *p, const uint64_t *a)
{
	p->clear_child_tid = a[0];
	return p->tid;
}

static int64_t process_name(struct linux_task *p, const uint64_t *a)
{
	char name[LINUX_COMM_BYTES] = "";

	if (a[0] == PR_GET_NAME)
		return user_write(p, a[1], p->comm, sizeof(p->comm));
	if (user_string(p, name, sizeof(name) - 1, a[1]) == -EFAULT)
		return -EFAULT;
	memset(p->comm, 0, sizeof(p->comm));
	memcpy(p->comm, name, strlen(name));
	return 0;
}

int64_t sys_prctl(struct linux_task *p, const uint64_t *a)
{
	const int32_t zero = 0;

	switch (a[0]) {
	case PR_SET_NAME:
	case PR_GET_NAME:
		return process_name(p, a);
	case PR_GET_DUMPABLE:
		return 1;
	case PR_SET_DUMPABLE:
	case PR_SET_PDEATHSIG:
	case PR_SET_TIMERSLACK:
	case PR_SET_NO_NEW_PRIVS:
	case PR_SET_CHILD_SUBREAPER:
	case PR_SET_THP_DISABLE:
	case PR_GET_THP_DISABLE:
	case PR_GET_KEEPCAPS:
	case PR_GET_SECCOMP:
	case PR_GET_NO_NEW_PRIVS:
	case PR_CAPBSET_READ:
		return 0;
	case PR_GET_PDEATHSIG:
		return user_put(p, a[1], &zero);
	case PR_GET_TIMERSLACK:
		return 50 * NS_PER_US;
	default:
		return -EINVAL;
	}
}

int64_t sys_getrandom(struct linux_task *p, const uint64_t *a)
{
	uint64_t done = 0;

	while (done < a[1] && done < INT32_MAX) {
		uint64_t left = a[1] - done;
		size_t piece = left < LINUX_BUFFER_BYTES ? (size_t)left : LINUX_BUFFER_BYTES;

		guest_random_fill(&p->system->random, p->system->buffer, piece);
		if (user_write(p, a[0] + done, p->system->buffer, piece) < 0)
			return done ? (int64_t)done : -EFAULT;
		done += piece;
	}
	return (int64_t)done;
}
