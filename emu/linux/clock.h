/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_CLOCK_H
#define PAGEWALK_EMU_LINUX_CLOCK_H

/*
 * Guest time: the start that was given, plus 1 ns for each retired instruction, plus what the
 * guest slept. Never the host's clock and never modelled cycles.
 */

#include "emu/linux/process.h"

enum { NS_PER_SECOND = 1000000000, NS_PER_US = 1000, CLOCK_TICKS_PER_SECOND = 100 };

/* No sleep leads beyond this: sums with it still fit. */
#define CLOCK_END_NS (INT64_C(1) << 61)

/* What CLOCK_MONOTONIC and the uptime show at the first instruction. */
#define CLOCK_BOOTED_NS (1000 * (int64_t)NS_PER_SECOND)

static inline int64_t clock_cpu_ns(const struct linux_system *system)
{
	return (int64_t)system->machine->counters.instructions;
}
/* Since the first instruction. */
static inline int64_t clock_elapsed_ns(const struct linux_system *system)
{
	return clock_cpu_ns(system) + system->slept_ns;
}
/* Unix time. */
static inline int64_t clock_now_ns(const struct linux_system *system)
{
	return system->clock_start_ns + clock_elapsed_ns(system);
}

/*
 * All sleep until `deadline_ns` (elapsed time; INT64_MAX: for ever): the clock moves on, at most
 * to the next timer. 0: slept through; -EINTR: a signal is due; -EDEADLK: nothing can ever wake
 * the guest, which has been ended.
 */
int clock_sleep(struct linux_process *p, int64_t deadline_ns);
/* A time of the guest as a deadline for clock_sleep(); time: seconds and nanoseconds, checked. */
enum clock_reference { CLOCK_RELATIVE, CLOCK_ABSOLUTE_REAL, CLOCK_ABSOLUTE_MONOTONIC };
int64_t clock_deadline(const struct linux_process *p, enum clock_reference reference,
		       const int64_t time[2]);
/* Tells the CPU when it is to come back, after a timer or the clock has changed. */
void clock_arm(struct linux_process *p);
/* Raises the signals of timers that are due. */
void clock_expire(struct linux_process *p);

#endif
