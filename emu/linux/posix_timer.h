/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_POSIX_TIMER_H
#define PAGEWALK_EMU_LINUX_POSIX_TIMER_H

/*
 * Timers made by timer_create(2) (Linux: kernel/time/posix-timers.c). Their signals carry a value and
 * a count of how often the timer expired while the last one was pending. clock.c asks them with its
 * own.
 */

#include "emu/linux/process.h"

/* When the next one is due, by elapsed time or by the process's processor time; INT64_MAX: never. */
int64_t posix_timers_next(const struct linux_process *process, bool cpu);
void posix_timers_expire(struct linux_process *process);
/* The process has ended, or runs another program. */
void posix_timers_forget(struct linux_process *process);
/* A signal of one of them leaves its queue: how often it expired is told in it. */
void posix_timer_taken(struct linux_process *process, siginfo_t *info);

#endif
