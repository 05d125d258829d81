/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_CLOCK_H
#define PAGEWALK_EMU_LINUX_CLOCK_H

/*
 * Guest time: the start that was given, plus 1 ns for each retired instruction of any process,
 * plus what all slept. Never the host's clock and never modelled cycles.
 */

#include "emu/linux/process.h"

enum { NS_PER_SECOND = 1000000000, NS_PER_US = 1000, CLOCK_TICKS_PER_SECOND = 100 };

/* No sleep leads beyond this: sums with it still fit. */
#define CLOCK_END_NS (INT64_C(1) << 61)

/* What CLOCK_MONOTONIC and the uptime show at the first instruction. */
#define CLOCK_BOOTED_NS (1000 * (int64_t)NS_PER_SECOND)

/* Since the first instruction. */
static inline int64_t clock_elapsed_ns(const struct linux_system *system)
{
	return (int64_t)system->machine->counters.instructions + system->slept_ns;
}
/* While any process ran. */
static inline int64_t clock_busy_ns(const struct linux_system *system)
{
	return (int64_t)system->machine->counters.instructions;
}
static inline int64_t clock_process_ns(const struct linux_process *process)
{
	return (int64_t)process_instructions(process);
}
/* Unix time. */
static inline int64_t clock_now_ns(const struct linux_system *system)
{
	return system->clock_start_ns + clock_elapsed_ns(system);
}

/*
 * Waits until `deadline_ns` (elapsed time; INT64_MAX: for ever) or a signal: 0 when the time is
 * over, else as task_wait().
 */
int clock_sleep(struct linux_task *p, int64_t deadline_ns);
/* A time of the guest as a deadline for clock_sleep(); time: seconds and nanoseconds, checked. */
enum clock_reference { CLOCK_RELATIVE, CLOCK_ABSOLUTE_REAL, CLOCK_ABSOLUTE_MONOTONIC };
int64_t clock_deadline(const struct linux_task *p, enum clock_reference reference,
		       const int64_t time[2]);
/* Sets a timer, by ITIMER_*; first_ns 0: off. */
void clock_set_timer(struct linux_process *process, unsigned which, int64_t first_ns,
		     int64_t period_ns);
int64_t clock_timer_now(const struct linux_process *process, unsigned which);
/* A process has ended: its timers are off. */
void clock_forget(struct linux_process *process);
/* Elapsed time of the next real timer, INT64_MAX: none; instructions to the running process's. */
int64_t clock_next_timer(const struct linux_system *system);
int64_t clock_next_cpu_timer(const struct linux_system *system);
/* Raises the signals of timers that are due. */
void clock_expire(struct linux_system *system);

#endif
