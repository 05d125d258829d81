/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_SCHED_H
#define PAGEWALK_EMU_LINUX_SCHED_H

/*
 * The scheduler: round robin. Who runs next depends on counts of retired instructions and on system
 * calls, never on cycles or faults, so it is the same on every machine.
 *
 * Those that may run stand in a queue. One that is made joins at its end, and so does one that may
 * go on after waiting (of several at once, in order of creation) and one whose quantum is used up
 * while others stand there. A quantum ends at the first basic block that starts with it used up.
 * When all wait, the reclaim daemon has its turn and the guest's clock moves on to the next time that
 * anybody waits for; when there is none, the guest is dead locked, and the run ends and says so.
 */

#include "emu/machine/guest.h"

struct linux_system;
struct linux_task;

/* A new task, its saved registers set. */
void sched_start(struct linux_task *p);
/* A call of the running task waits from now on. */
void sched_wait(struct linux_task *p);
/* sched_yield(2). */
void sched_yield_to_others(struct linux_task *p);
/*
 * On the way back to the guest, after a system call (`result` is then its own) or an exception of
 * the running task: signals, then whose turn it is; *regs become its registers.
 */
enum guest_action sched_leave(struct linux_system *system, struct cpu_regs *regs,
			      const int64_t *result);
/* After a change of timers: when the CPU is to come back. */
void sched_arm(struct linux_system *system);

#endif
