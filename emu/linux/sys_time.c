/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/* Clocks, sleeping and interval timers, all in guest time (clock.h). */

#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

struct time_pair {
	int64_t seconds, fraction; /* nanoseconds or microseconds, as the call has it */
};

static struct time_pair pair_of(int64_t ns, int64_t unit)
{
	return (struct time_pair){ ns / NS_PER_SECOND, ns % NS_PER_SECOND / unit };
}

/* Processor clocks of the process or its thread, by number or as clock_getcpuclockid() has them. */
static bool is_cpu_clock(int32_t clock)
{
	return clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID || clock < 0;
}

static int64_t read_clock(const struct linux_task *p, int32_t clock, int64_t *ns)
{
	if (is_cpu_clock(clock)) {
		*ns = clock == CLOCK_THREAD_CPUTIME_ID || (clock < 0 && (clock & 4))
			      ? (int64_t)task_instructions(p)
			      : clock_process_ns(p->process);
		return 0;
	}
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = clock_now_ns(p->system);
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
		*ns = CLOCK_BOOTED_NS + clock_elapsed_ns(p->system);
		return 0;
	default:
		return -EINVAL;
	}
}

int64_t clock_deadline(const struct linux_task *p, enum clock_reference reference,
		       const int64_t time[2])
{
	int64_t ns = time[0] > CLOCK_END_NS / NS_PER_SECOND ? CLOCK_END_NS
							    : time[0] * NS_PER_SECOND + time[1];

	switch (reference) {
	case CLOCK_ABSOLUTE_REAL:
		return ns - p->system->clock_start_ns;
	case CLOCK_ABSOLUTE_MONOTONIC:
		return ns - CLOCK_BOOTED_NS;
	default:
		return ns + clock_elapsed_ns(p->system);
	}
}

int64_t sys_clock_gettime(struct linux_task *p, const uint64_t *a)
{
	struct time_pair time;
	int64_t ns, error = read_clock(p, (int32_t)a[0], &ns);

	if (error)
		return error;
	time = pair_of(ns, 1);
	return user_put(p, a[1], &time);
}

int64_t sys_clock_getres(struct linux_task *p, const uint64_t *a)
{
	const struct time_pair one = { 0, 1 };
	int64_t ns, error = read_clock(p, (int32_t)a[0], &ns);

	return error || !a[1] ? error : user_put(p, a[1], &one);
}

int64_t sys_gettimeofday(struct linux_task *p, const uint64_t *a)
{
	const struct time_pair now = pair_of(clock_now_ns(p->system), NS_PER_US);
	const int32_t zone[2] = { 0, 0 };

	if (a[0] && user_put(p, a[0], &now) < 0)
		return -EFAULT;
	return a[1] ? user_put(p, a[1], &zone) : 0;
}

int64_t sys_time(struct linux_task *p, const uint64_t *a)
{
	int64_t now = clock_now_ns(p->system) / NS_PER_SECOND;

	return a[0] && user_put(p, a[0], &now) < 0 ? -EFAULT : now;
}

/* --- sleeping -------------------------------------------------------------------------------- */

static int64_t sleep_until(struct linux_task *p, int64_t deadline, va_t left_to)
{
	int64_t error, left;
	struct time_pair time;

	deadline = task_deadline(p, deadline);
	error = clock_sleep(p, deadline);
	if (error != -EINTR || !left_to)
		return error;
	left = deadline - clock_elapsed_ns(p->system);
	time = pair_of(left > 0 ? left : 0, 1);
	return user_put(p, left_to, &time) < 0 ? -EFAULT : -EINTR;
}

static int64_t get_time(struct linux_task *p, va_t at, int64_t time[2])
{
	if (user_read(p, time, at, 2 * sizeof(*time)) < 0)
		return -EFAULT;
	return time[0] < 0 || time[1] < 0 || time[1] >= NS_PER_SECOND ? -EINVAL : 0;
}

int64_t sys_nanosleep(struct linux_task *p, const uint64_t *a)
{
	int64_t time[2], error = get_time(p, a[0], time);

	return error ? error : sleep_until(p, clock_deadline(p, CLOCK_RELATIVE, time), a[1]);
}

int64_t sys_clock_nanosleep(struct linux_task *p, const uint64_t *a)
{
	int64_t time[2], ns, error = read_clock(p, (int32_t)a[0], &ns);
	enum clock_reference reference = CLOCK_RELATIVE;

	if (!error)
		error = get_time(p, a[2], time);
	if (error || is_cpu_clock((int32_t)a[0]))
		return error ? error : -EOPNOTSUPP;
	if (a[1] & TIMER_ABSTIME)
		reference = (int32_t)a[0] == CLOCK_REALTIME || (int32_t)a[0] == CLOCK_TAI
				    ? CLOCK_ABSOLUTE_REAL
				    : CLOCK_ABSOLUTE_MONOTONIC;
	return sleep_until(p, clock_deadline(p, reference, time), a[1] & TIMER_ABSTIME ? 0 : a[3]);
}

/* --- interval timers ------------------------------------------------------------------------- */

static void read_timer(const struct linux_task *p, unsigned which, struct time_pair value[2])
{
	const struct linux_timer *timer = &p->process->timer[which];
	int64_t left = timer->due_ns - clock_timer_now(p->process, which);

	value[0] = pair_of(timer->period_ns, NS_PER_US);
	value[1] = pair_of(timer->due_ns == INT64_MAX ? 0
			   : left > NS_PER_US         ? left
						      : NS_PER_US,
			   NS_PER_US);
}

static int64_t ns_of(const struct time_pair *time)
{
	if (time->seconds < 0 || time->fraction < 0 || time->fraction >= NS_PER_SECOND / NS_PER_US)
		return -1;
	if (time->seconds > CLOCK_END_NS / NS_PER_SECOND)
		return CLOCK_END_NS;
	return time->seconds * NS_PER_SECOND + time->fraction * NS_PER_US;
}

int64_t sys_getitimer(struct linux_task *p, const uint64_t *a)
{
	struct time_pair value[2];

	if (a[0] >= LINUX_TIMER_COUNT)
		return -EINVAL;
	read_timer(p, (unsigned)a[0], value);
	return user_put(p, a[1], &value);
}

int64_t sys_setitimer(struct linux_task *p, const uint64_t *a)
{
	struct time_pair value[2] = { 0 }, old[2];
	int64_t period, first;

	if (a[0] >= LINUX_TIMER_COUNT)
		return -EINVAL;
	if (a[1] && user_get(p, &value, a[1]) < 0)
		return -EFAULT;
	period = ns_of(&value[0]);
	first = ns_of(&value[1]);
	if (period < 0 || first < 0)
		return -EINVAL;
	read_timer(p, (unsigned)a[0], old);
	clock_set_timer(p->process, (unsigned)a[0], first, period);
	return a[2] ? user_put(p, a[2], &old) : 0;
}

int64_t sys_alarm(struct linux_task *p, const uint64_t *a)
{
	struct time_pair old[2];

	read_timer(p, ITIMER_REAL, old);
	clock_set_timer(p->process, ITIMER_REAL, (int64_t)(uint32_t)a[0] * NS_PER_SECOND, 0);
	/* Rounded to the nearest second, but never to nothing. */
	if (old[1].fraction >= NS_PER_SECOND / NS_PER_US / 2 ||
	    (!old[1].seconds && old[1].fraction))
		old[1].seconds++;
	return old[1].seconds;
}
