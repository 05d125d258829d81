/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_JOB_H
#define PAGEWALK_EMU_LINUX_JOB_H

/*
 * Stopping and continuing processes (Linux: do_signal_stop(), prepare_signal(), kernel/signal.c). A
 * stopped process stops as a whole, at once, whatever its threads were doing: one in a call that
 * waits goes on waiting afterwards, and is not interrupted. Nothing but SIGCONT and SIGKILL moves it.
 */

#include "emu/linux/process.h"

#define JOB_STOP_SIGNALS \
	(signal_bit(SIGSTOP) | signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU))

/* By a signal whose default action that is. In an orphaned group only SIGSTOP does anything. */
void job_stop(struct linux_process *process, int sig);
void job_continue(struct linux_process *process);
/* A process has ended: groups that have nobody left to continue them get SIGHUP and SIGCONT. */
void job_leader_ended(struct linux_process *process);

/* May the thread not run for that reason? */
static inline bool job_is_stopped(const struct linux_task *p)
{
	return p->process->stopped && !(signals_pending(p) & signal_bit(SIGKILL));
}

#endif
