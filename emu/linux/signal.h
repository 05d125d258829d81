/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_SIGNAL_H
#define PAGEWALK_EMU_LINUX_SIGNAL_H

/*
 * Signals: raised, pending, blocked, delivered. What is pending belongs to a thread, or to a process
 * and then to whichever of its threads does not block it and comes first. Delivery happens where
 * Linux does it, on the way back to the guest: signals_deliver() after each system call and
 * exception, by the thread itself. The frame on the guest's stack is sigframe.h's matter, stopping
 * and continuing job.h's.
 */

#include "emu/linux/signal_queue.h"

struct linux_process;
struct linux_task;

/* Linux's -ERESTARTSYS: do the call again after the handler, if SA_RESTART says so; or in any case. */
enum { LINUX_ERESTART = 512, LINUX_ERESTARTNOINTR = 513 };

struct guest_sigaction { /* as rt_sigaction(2) passes it on x86-64 */
	va_t handler;
	uint64_t flags;
	va_t restorer;
	uint64_t mask;
};

struct guest_stack { /* stack_t */
	va_t base;
	int32_t flags;
	uint32_t pad;
	uint64_t size;
};

/* What is done about them: shared by the threads of a process. */
struct linux_actions {
	unsigned refs;
	struct guest_sigaction action[LINUX_SIGNAL_COUNT + 1];
};

/* Of a thread. */
struct linux_signals {
	struct signal_queue own;
	uint64_t blocked;
	uint64_t awaited;        /* by rt_sigtimedwait: wakes, though blocked or ignored */
	uint64_t suspended_mask; /* to be put back after a handler that ended rt_sigsuspend */
	bool suspended;
	struct guest_stack stack;
};

void signals_init(struct linux_signals *signals);
/* Handlers do not survive execve; what is ignored or pending does. */
void signals_exec(struct linux_task *p);

enum signal_raised { SIGNAL_PENDING, SIGNAL_IGNORED, SIGNAL_REFUSED /* signal_queue_add() */ };
/* Makes a signal pending for the thread, as tgkill(2) does; an ignored one is dropped. */
enum signal_raised signal_raise(struct linux_task *p, const siginfo_t *info);
/* For the process, as kill(2) does. */
enum signal_raised signal_raise_process(struct linux_process *process, const siginfo_t *info);
/* One that the guest's instruction caused: blocking or ignoring it does not help. */
void signal_force(struct linux_task *p, const siginfo_t *info);
/* Something is pending that a handler or a default action will take now. */
bool signal_due(const struct linux_task *p);
/* Whether `sig` would be taken if raised now. */
bool signal_would_wake(const struct linux_task *p, int sig);
/* All that is pending for it. */
uint64_t signals_pending(const struct linux_task *p);
/* The lowest pending signal of `set` leaves its queue, the thread's own first; 0: none. */
int signal_take(struct linux_task *p, uint64_t set, siginfo_t *info);

/*
 * Ends the guest or lets it stand at the start of a handler. *result is that of the system call
 * under way, or NULL: -LINUX_ERESTART becomes -EINTR, or the call is made again.
 */
void signals_deliver(struct linux_task *p, int64_t *result, uint64_t number);

#endif
