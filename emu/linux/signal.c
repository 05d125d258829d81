/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/signal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "emu/linux/process.h"
#include "emu/linux/sigframe.h"

#define HANDLER_DEFAULT 0
#define HANDLER_IGNORE  1

/* What the default action ignores; stopping is ignored too, there being nobody to continue. */
#define DEFAULT_IGNORED                                                                          \
	(signal_bit(SIGCHLD) | signal_bit(SIGURG) | signal_bit(SIGWINCH) | signal_bit(SIGCONT) | \
	 signal_bit(SIGSTOP) | signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU))

/* Linux hands these over before all others (SYNCHRONOUS_MASK). */
#define SYNCHRONOUS                                                                            \
	(signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | signal_bit(SIGTRAP) | \
	 signal_bit(SIGFPE) | signal_bit(SIGSYS))

#define NEVER_BLOCKED (signal_bit(SIGKILL) | signal_bit(SIGSTOP))

static bool ignored(const struct linux_signals *signals, int sig)
{
	va_t handler = signals->action[sig].handler;

	if (sig == SIGKILL)
		return false;
	if (sig == SIGSTOP)
		return true;
	return handler == HANDLER_IGNORE ||
	       (handler == HANDLER_DEFAULT && (signal_bit(sig) & DEFAULT_IGNORED));
}

void signals_init(struct linux_signals *signals)
{
	memset(signals, 0, sizeof(*signals));
	signals->stack.flags = SS_DISABLE;
}

void signals_exec(struct linux_signals *signals)
{
	for (int sig = 1; sig <= LINUX_SIGNAL_COUNT; sig++) {
		va_t handler = signals->action[sig].handler;

		memset(&signals->action[sig], 0, sizeof(signals->action[sig]));
		if (handler == HANDLER_IGNORE)
			signals->action[sig].handler = HANDLER_IGNORE;
	}
	signals->stack = (struct guest_stack){ .flags = SS_DISABLE };
}

void signal_raise(struct linux_process *p, const siginfo_t *info)
{
	struct linux_signals *signals = &p->signals;
	int sig = info->si_signo;

	assert(sig >= 1 && sig <= LINUX_SIGNAL_COUNT);
	/* A blocked signal stays pending even if ignored: the guest may change its mind. */
	if (ignored(signals, sig) && !(signals->blocked & signal_bit(sig)))
		return;
	if (signals->pending & signal_bit(sig))
		return;
	signals->pending |= signal_bit(sig);
	signals->info[sig] = *info;
}

void signal_force(struct linux_process *p, const siginfo_t *info)
{
	struct linux_signals *signals = &p->signals;
	int sig = info->si_signo;

	if (ignored(signals, sig) || (signals->blocked & signal_bit(sig)))
		signals->action[sig].handler = HANDLER_DEFAULT;
	signals->blocked &= ~signal_bit(sig);
	signals->pending |= signal_bit(sig);
	signals->info[sig] = *info;
}

bool signal_would_wake(const struct linux_process *p, int sig)
{
	return !(p->signals.blocked & signal_bit(sig)) && !ignored(&p->signals, sig);
}

bool signal_due(const struct linux_process *p)
{
	for (int sig = 1; sig <= LINUX_SIGNAL_COUNT; sig++)
		if ((p->signals.pending & signal_bit(sig)) && signal_would_wake(p, sig))
			return true;
	return false;
}

int signal_take(struct linux_process *p, uint64_t set, siginfo_t *info)
{
	uint64_t ready = p->signals.pending & set;
	int sig;

	if (ready & SYNCHRONOUS)
		ready &= SYNCHRONOUS;
	if (!ready)
		return 0;
	sig = __builtin_ctzll(ready) + 1;
	p->signals.pending &= ~signal_bit(sig);
	*info = p->signals.info[sig];
	return sig;
}

/* The call that the signal interrupted ends with -EINTR, or starts again. */
static void settle_call(struct linux_process *p, int64_t *result, uint64_t number, bool again)
{
	enum { SYSCALL_BYTES = 2 };

	if (!result || *result != -LINUX_ERESTART)
		return;
	*result = -EINTR;
	p->regs->gpr[GPR_RAX] = (uint64_t)*result;
	if (again) {
		p->regs->rip -= SYSCALL_BYTES;
		p->regs->gpr[GPR_RAX] = number;
	}
}

static void run_handler(struct linux_process *p, const siginfo_t *info)
{
	struct linux_signals *signals = &p->signals;
	struct guest_sigaction action = signals->action[info->si_signo];
	uint64_t mask = signals->suspended ? signals->suspended_mask : signals->blocked;
	siginfo_t segv = { .si_signo = SIGSEGV, .si_code = SI_KERNEL };

	signals->suspended = false;
	if (sigframe_push(p, &action, info, mask) < 0) {
		if (info->si_signo == SIGSEGV)
			signals->action[SIGSEGV].handler = HANDLER_DEFAULT;
		signal_force(p, &segv);
		return;
	}
	if (action.flags & SA_RESETHAND)
		signals->action[info->si_signo].handler = HANDLER_DEFAULT;
	signals->blocked |= action.mask;
	if (!(action.flags & SA_NODEFER))
		signals->blocked |= signal_bit(info->si_signo);
	signals->blocked &= ~NEVER_BLOCKED;
	kernel_signal_deliver(p->system->kernel, (uint64_t)info->si_signo);
}

void signals_deliver(struct linux_process *p, int64_t *result, uint64_t number)
{
	struct linux_signals *signals = &p->signals;
	siginfo_t info;
	int sig;

	while (!p->ended && (sig = signal_take(p, ~signals->blocked, &info)) != 0) {
		if (ignored(signals, sig))
			continue;
		if (signals->action[sig].handler == HANDLER_DEFAULT) {
			linux_process_end(p, 0, sig);
			return;
		}
		settle_call(p, result, number, signals->action[sig].flags & SA_RESTART);
		result = NULL;
		run_handler(p, &info);
	}
	settle_call(p, result, number, true);
	if (signals->suspended) { /* no handler ran */
		signals->blocked = signals->suspended_mask;
		signals->suspended = false;
	}
}
