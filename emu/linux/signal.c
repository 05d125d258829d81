/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/signal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "emu/linux/job.h"
#include "emu/linux/posix_timer.h"
#include "emu/linux/process.h"
#include "emu/linux/sigframe.h"

#define HANDLER_DEFAULT 0
#define HANDLER_IGNORE  1

/* What the default action ignores. */
#define DEFAULT_IGNORED \
	(signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(SIGWINCH) | signal_bit(SIGCONT))

#define NEVER_BLOCKED (signal_bit(SIGKILL) | signal_bit(SIGSTOP))

static bool ignored(const struct linux_actions *actions, int sig)
{
	va_t handler = actions->action[sig].handler;

	if (sig == SIGKILL || sig == SIGSTOP)
		return false;
	return handler == HANDLER_IGNORE ||
	       (handler == HANDLER_DEFAULT && (signal_bit(sig) & DEFAULT_IGNORED));
}

void signals_init(struct linux_signals *signals)
{
	memset(signals, 0, sizeof(*signals));
	signals->stack.flags = SS_DISABLE;
}

void signals_exec(struct linux_task *p)
{
	for (int sig = 1; sig <= LINUX_SIGNAL_COUNT; sig++) {
		struct guest_sigaction *action = &p->actions->action[sig];
		va_t handler = action->handler;

		memset(action, 0, sizeof(*action));
		if (handler == HANDLER_IGNORE)
			action->handler = HANDLER_IGNORE;
	}
	p->signals.stack = (struct guest_stack){ .flags = SS_DISABLE };
}

/* A blocked signal stays pending even if ignored: the guest may change its mind. */
static bool dropped(const struct linux_task *p, int sig)
{
	return ignored(p->actions, sig) &&
	       !((p->signals.blocked | p->signals.awaited) & signal_bit(sig));
}

static bool stops(const struct linux_task *p, int sig)
{
	return (signal_bit(sig) & JOB_STOP_SIGNALS) &&
	       p->actions->action[sig].handler == HANDLER_DEFAULT;
}

static void drop_everywhere(struct linux_process *process, uint64_t set)
{
	signal_queue_drop(&process->signals, set);
	for (struct linux_task *p = process->system->tasks; p; p = p->next)
		if (p->process == process)
			signal_queue_drop(&p->signals.own, set);
}

/*
 * What happens before a signal becomes pending, or instead (prepare_signal()): stop signals and
 * SIGCONT cancel each other, and SIGCONT continues, blocked or not. A stop that nobody blocks
 * happens now, since it needs no thread to run. True: that was all.
 */
static bool prepare(struct linux_process *process, const struct linux_task *taker, int sig)
{
	if (signal_bit(sig) & JOB_STOP_SIGNALS)
		drop_everywhere(process, signal_bit(SIGCONT));
	if (sig == SIGCONT) {
		drop_everywhere(process, JOB_STOP_SIGNALS);
		job_continue(process);
	}
	if (!taker || !stops(taker, sig))
		return false;
	job_stop(process, sig);
	return true;
}

enum signal_raised signal_raise(struct linux_task *p, const siginfo_t *info)
{
	bool open = !((p->signals.blocked | p->signals.awaited) & signal_bit(info->si_signo));

	assert(info->si_signo >= 1 && info->si_signo <= LINUX_SIGNAL_COUNT);
	if (prepare(p->process, open ? p : NULL, info->si_signo))
		return SIGNAL_PENDING;
	if (dropped(p, info->si_signo))
		return SIGNAL_IGNORED;
	return signal_queue_add(&p->signals.own, info) ? SIGNAL_PENDING : SIGNAL_REFUSED;
}

/* A thread that lets the signal through, or NULL. */
static const struct linux_task *taker_of(const struct linux_process *process, int sig)
{
	const struct linux_task *p = process->system->tasks;

	while (p && (p->process != process || p->state == TASK_DEAD ||
		     ((p->signals.blocked | p->signals.awaited) & signal_bit(sig))))
		p = p->next;
	return p;
}

enum signal_raised signal_raise_process(struct linux_process *process, const siginfo_t *info)
{
	const struct linux_task *p;

	assert(info->si_signo >= 1 && info->si_signo <= LINUX_SIGNAL_COUNT);
	if (prepare(process, taker_of(process, info->si_signo), info->si_signo))
		return SIGNAL_PENDING;
	for (p = process->system->tasks; p; p = p->next)
		if (p->process == process && !dropped(p, info->si_signo))
			return signal_queue_add(&process->signals, info) ? SIGNAL_PENDING
									 : SIGNAL_REFUSED;
	return SIGNAL_IGNORED;
}

void signal_force(struct linux_task *p, const siginfo_t *info)
{
	struct linux_signals *signals = &p->signals;
	int sig = info->si_signo;

	if (ignored(p->actions, sig) || (signals->blocked & signal_bit(sig)))
		p->actions->action[sig].handler = HANDLER_DEFAULT;
	signals->blocked &= ~signal_bit(sig);
	/* Its cause is this one, whatever was raised before. */
	signal_queue_drop(&signals->own, signal_bit(sig));
	signal_queue_add(&signals->own, info);
}

bool signal_would_wake(const struct linux_task *p, int sig)
{
	return !(p->signals.blocked & signal_bit(sig)) && !ignored(p->actions, sig);
}

uint64_t signals_pending(const struct linux_task *p)
{
	return p->signals.own.pending | p->process->signals.pending;
}

bool signal_due(const struct linux_task *p)
{
	uint64_t pending = signals_pending(p) & ~p->signals.blocked;

	if (signals_pending(p) & p->signals.awaited)
		return true;
	for (; pending; pending &= pending - 1)
		if (signal_would_wake(p, __builtin_ctzll(pending) + 1))
			return true;
	return false;
}

int signal_take(struct linux_task *p, uint64_t set, siginfo_t *info)
{
	int sig = 0;

	/* The end comes before whatever else is pending (get_signal()). */
	if (p->process->signals.pending & signal_bit(SIGKILL))
		set &= signal_bit(SIGKILL);
	sig = signal_queue_take(&p->signals.own, set, info);
	if (!sig)
		sig = signal_queue_take(&p->process->signals, set, info);
	if (sig && info->si_code == SI_TIMER)
		posix_timer_taken(p->process, info);
	return sig;
}

/* The call that the signal interrupted ends with -EINTR, or starts again. */
static void settle_call(struct linux_task *p, int64_t *result, uint64_t number, bool again)
{
	enum { SYSCALL_BYTES = 2 };

	if (!result || (*result != -LINUX_ERESTART && *result != -LINUX_ERESTARTNOINTR))
		return;
	again = again || *result == -LINUX_ERESTARTNOINTR;
	*result = -EINTR;
	p->regs->gpr[GPR_RAX] = (uint64_t)*result;
	if (again) {
		p->regs->rip -= SYSCALL_BYTES;
		p->regs->gpr[GPR_RAX] = number;
	}
}

static void run_handler(struct linux_task *p, const siginfo_t *info)
{
	struct linux_signals *signals = &p->signals;
	struct guest_sigaction action = p->actions->action[info->si_signo];
	uint64_t mask = signals->suspended ? signals->suspended_mask : signals->blocked;
	siginfo_t segv = { .si_signo = SIGSEGV, .si_code = SI_KERNEL };

	signals->suspended = false;
	if (sigframe_push(p, &action, info, mask) < 0) {
		if (info->si_signo == SIGSEGV)
			p->actions->action[SIGSEGV].handler = HANDLER_DEFAULT;
		signal_force(p, &segv);
		return;
	}
	if (action.flags & SA_RESETHAND)
		p->actions->action[info->si_signo].handler = HANDLER_DEFAULT;
	signals->blocked |= action.mask;
	if (!(action.flags & SA_NODEFER))
		signals->blocked |= signal_bit(info->si_signo);
	signals->blocked &= ~NEVER_BLOCKED;
	kernel_signal_deliver(p->system->kernel, (uint64_t)info->si_signo);
}

void signals_deliver(struct linux_task *p, int64_t *result, uint64_t number)
{
	struct linux_signals *signals = &p->signals;
	siginfo_t info;
	int sig;

	while (p->state == TASK_RUNNING && (sig = signal_take(p, ~signals->blocked, &info)) != 0) {
		if (ignored(p->actions, sig))
			continue;
		if (stops(p, sig)) {
			job_stop(p->process, sig);
			break; /* the rest when it goes on */
		}
		if (p->actions->action[sig].handler == HANDLER_DEFAULT) {
			linux_process_end(p, 0, sig);
			return;
		}
		settle_call(p, result, number, p->actions->action[sig].flags & SA_RESTART);
		result = NULL;
		run_handler(p, &info);
	}
	settle_call(p, result, number, true);
	if (signals->suspended) { /* no handler ran */
		signals->blocked = signals->suspended_mask;
		signals->suspended = false;
	}
}
