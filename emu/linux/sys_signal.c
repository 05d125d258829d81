/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/* The signal calls. Guests may signal each other; nobody outside can be reached. */

#include <errno.h>
#include <string.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/sigframe.h"
#include "emu/linux/user.h"

enum { SIGSET_BYTES = 8 };

#define NEVER_BLOCKED (signal_bit(SIGKILL) | signal_bit(SIGSTOP))

static bool is_signal(uint64_t sig)
{
	return (int32_t)sig >= 1 && (int32_t)sig <= LINUX_SIGNAL_COUNT;
}

int64_t sys_rt_sigaction(struct linux_task *p, const uint64_t *a)
{
	struct guest_sigaction *action, now;

	if (a[3] != SIGSET_BYTES || !is_signal(a[0]))
		return -EINVAL;
	action = &p->actions->action[a[0]];
	if (a[1] && ((int32_t)a[0] == SIGKILL || (int32_t)a[0] == SIGSTOP))
		return -EINVAL;
	if (a[1] && user_get(p, &now, a[1]) < 0)
		return -EFAULT;
	if (a[2] && user_put(p, a[2], action) < 0)
		return -EFAULT;
	if (a[1]) {
		*action = now;
		action->mask &= ~NEVER_BLOCKED;
	}
	return 0;
}

int64_t sys_rt_sigprocmask(struct linux_task *p, const uint64_t *a)
{
	uint64_t old = p->signals.blocked, set;

	if (a[3] != SIGSET_BYTES)
		return -EINVAL;
	if (a[1]) {
		if (user_get(p, &set, a[1]) < 0)
			return -EFAULT;
		set &= ~NEVER_BLOCKED;
		if ((int)a[0] == SIG_BLOCK)
			p->signals.blocked |= set;
		else if ((int)a[0] == SIG_UNBLOCK)
			p->signals.blocked &= ~set;
		else if ((int)a[0] == SIG_SETMASK)
			p->signals.blocked = set;
		else
			return -EINVAL;
	}
	return a[2] ? user_put(p, a[2], &old) : 0;
}

int64_t sys_rt_sigpending(struct linux_task *p, const uint64_t *a)
{
	uint64_t set = signals_pending(p) & p->signals.blocked;

	return a[1] > SIGSET_BYTES ? -EINVAL : user_write(p, a[0], &set, a[1]);
}

int64_t sys_rt_sigreturn(struct linux_task *p, const uint64_t *a)
{
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SI_KERNEL };

	(void)a;
	kernel_signal_return(p->system->kernel);
	if (sigframe_pop(p) == 0)
		return 0;
	signal_force(p, &info);
	return 0;
}

int64_t sys_sigaltstack(struct linux_task *p, const uint64_t *a)
{
	enum { MINIMUM = 2048 };
	struct guest_stack *stack = &p->signals.stack, now, old = *stack;
	va_t sp = p->regs->gpr[GPR_RSP];

	if (!(stack->flags & SS_DISABLE) && sp > stack->base && sp - stack->base <= stack->size)
		old.flags |= SS_ONSTACK;
	if (a[0]) {
		if (user_get(p, &now, a[0]) < 0)
			return -EFAULT;
		if (old.flags & SS_ONSTACK)
			return -EPERM;
		if (now.flags & ~(SS_DISABLE | SS_ONSTACK))
			return -EINVAL;
		now.flags &= ~SS_ONSTACK;
		if (now.flags & SS_DISABLE)
			now.base = now.size = 0;
		else if (now.size < MINIMUM)
			return -ENOMEM;
		*stack = now;
	}
	return a[1] ? user_put(p, a[1], &old) : 0;
}

/* --- sending --------------------------------------------------------------------------------- */

static siginfo_t info_of(struct linux_task *p, uint64_t sig, int code)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = (int)sig;
	info.si_code = code;
	info.si_pid = p->process->pid;
	info.si_uid = (uint32_t)sys_getuid(p, NULL);
	return info;
}

/* What kill(2) means by a number: one process, a group, or everybody but the caller. */
static bool is_meant(const struct linux_task *p, const struct linux_process *process, int32_t pid)
{
	if (pid > 0)
		return process->pid == pid;
	if (pid == -1)
		return process != p->process;
	return process->pgid == (pid == 0 ? p->process->pgid : -pid);
}

int64_t sys_kill(struct linux_task *p, const uint64_t *a)
{
	siginfo_t info = info_of(p, a[1], SI_USER);
	struct linux_process *process;
	bool found = false;

	if ((int32_t)a[1] != 0 && !is_signal(a[1]))
		return -EINVAL;
	for (process = p->system->processes; process; process = process->next) {
		if (!is_meant(p, process, (int32_t)a[0]))
			continue;
		found = true;
		if ((int32_t)a[1] != 0 && !process->zombie)
			signal_raise_process(process, &info);
	}
	return found ? 0 : -ESRCH;
}

static int64_t send_to_thread(struct linux_task *p, int32_t tgid, uint64_t tid, uint64_t sig)
{
	struct linux_task *to = task_find(p->system, (int32_t)tid);
	siginfo_t info = info_of(p, sig, SI_TKILL);

	if ((int32_t)tid <= 0 || ((int32_t)sig != 0 && !is_signal(sig)))
		return -EINVAL;
	if (!to || (tgid && to->process->pid != tgid))
		return -ESRCH;
	if ((int32_t)sig != 0)
		signal_raise(to, &info);
	return 0;
}

int64_t sys_tkill(struct linux_task *p, const uint64_t *a)
{
	return send_to_thread(p, 0, a[0], a[1]);
}

int64_t sys_tgkill(struct linux_task *p, const uint64_t *a)
{
	return (int32_t)a[0] <= 0 ? -EINVAL : send_to_thread(p, (int32_t)a[0], a[1], a[2]);
}

/* Only to itself may a process say what the kernel says, or that it was kill(2). */
static int64_t read_info(struct linux_task *p, int32_t to, uint64_t sig, va_t at, siginfo_t *info)
{
	if (user_get(p, info, at) < 0)
		return -EFAULT;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && to != p->process->pid)
		return -EPERM;
	info->si_signo = (int)sig;
	return (int32_t)sig != 0 && !is_signal(sig) ? -EINVAL : 0;
}

int64_t sys_rt_sigqueueinfo(struct linux_task *p, const uint64_t *a)
{
	struct linux_process *process = process_find(p->system, (int32_t)a[0]);
	siginfo_t info;
	int64_t error = read_info(p, (int32_t)a[0], a[1], a[2], &info);

	if (error)
		return error;
	if (!process)
		return -ESRCH;
	if ((int32_t)a[1] == 0 || process->zombie)
		return 0;
	return signal_raise_process(process, &info) == SIGNAL_REFUSED ? -EAGAIN : 0;
}

int64_t sys_rt_tgsigqueueinfo(struct linux_task *p, const uint64_t *a)
{
	struct linux_task *to = task_find(p->system, (int32_t)a[1]);
	siginfo_t info;
	int64_t error;

	if ((int32_t)a[0] <= 0 || (int32_t)a[1] <= 0)
		return -EINVAL;
	error = read_info(p, (int32_t)a[0], a[2], a[3], &info);
	if (error)
		return error;
	if (!to || to->process->pid != (int32_t)a[0])
		return -ESRCH;
	if ((int32_t)a[2] == 0)
		return 0;
	return signal_raise(to, &info) == SIGNAL_REFUSED ? -EAGAIN : 0;
}

/* --- waiting --------------------------------------------------------------------------------- */

int64_t sys_pause(struct linux_task *p, const uint64_t *a)
{
	(void)a;
	return clock_sleep(p, INT64_MAX);
}

int64_t sys_rt_sigsuspend(struct linux_task *p, const uint64_t *a)
{
	uint64_t mask;

	if (a[1] != SIGSET_BYTES)
		return -EINVAL;
	if (!p->call.again) {
		if (user_get(p, &mask, a[0]) < 0)
			return -EFAULT;
		p->signals.suspended = true;
		p->signals.suspended_mask = p->signals.blocked;
		p->signals.blocked = mask & ~NEVER_BLOCKED;
	}
	return clock_sleep(p, INT64_MAX);
}

/* Signals of the set are taken here, not delivered, blocked as they should be. */
int64_t sys_rt_sigtimedwait(struct linux_task *p, const uint64_t *a)
{
	int64_t deadline = INT64_MAX, time[2], error;
	siginfo_t info;
	uint64_t set;
	int sig;

	p->signals.awaited = 0;
	if (a[3] != SIGSET_BYTES)
		return -EINVAL;
	if (user_get(p, &set, a[0]) < 0 || (a[2] && user_read(p, time, a[2], sizeof(time)) < 0))
		return -EFAULT;
	if (a[2] && (time[0] < 0 || time[1] < 0 || time[1] >= NS_PER_SECOND))
		return -EINVAL;
	if (a[2])
		deadline = task_deadline(p, clock_deadline(p, CLOCK_RELATIVE, time));
	set &= ~NEVER_BLOCKED;
	sig = signal_take(p, set, &info);
	if (sig)
		return a[1] && user_put(p, a[1], &info) < 0 ? -EFAULT : sig;
	p->signals.awaited = set;
	error = clock_sleep(p, deadline);
	if (error != -LINUX_BLOCKED)
		p->signals.awaited = 0;
	return error == 0 ? -EAGAIN : error;
}
