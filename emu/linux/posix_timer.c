/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/posix_timer.h"

/*
 * Wall clocks stand for elapsed time, as all of them advance alike here. Not there: timers of other
 * processes' or of single threads' processor time (ENOTSUP), alarm clocks that wake a machine.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emu/linux/clock.h"
#include "emu/linux/syscall.h"
#include "emu/linux/user.h"

enum { TIMERS_MAX = 1024 };

struct posix_timer {
	struct posix_timer *next;
	int32_t id, clock, notify, signal, tid;
	uint64_t value;
	struct linux_timer timer;
	bool cpu;        /* by processor time */
	bool pending;    /* its signal is */
	int64_t overrun; /* since that was raised */
	int32_t told;    /* timer_getoverrun() */
};

struct timer_spec { /* struct itimerspec */
	int64_t period[2], first[2];
};

static int64_t now_of(const struct linux_process *process, const struct posix_timer *timer)
{
	return timer->cpu ? clock_process_ns(process) : clock_elapsed_ns(process->system);
}

static void set_due(struct linux_process *process, struct posix_timer *timer, int64_t due_ns)
{
	process->system->timer_count -= timer->timer.due_ns != INT64_MAX;
	timer->timer.due_ns = due_ns;
	process->system->timer_count += due_ns != INT64_MAX;
}

static struct posix_timer *find(const struct linux_process *process, uint64_t id)
{
	struct posix_timer *timer = process->posix_timers;

	while (timer && timer->id != (int32_t)id)
		timer = timer->next;
	return timer;
}

/* --- for the clock --------------------------------------------------------------------------- */

int64_t posix_timers_next(const struct linux_process *process, bool cpu)
{
	int64_t next = INT64_MAX;

	for (const struct posix_timer *timer = process->posix_timers; timer; timer = timer->next)
		if (timer->cpu == cpu && timer->timer.due_ns < next)
			next = timer->timer.due_ns;
	return next;
}

static enum signal_raised raise_signal(struct linux_process *process,
				       const struct posix_timer *timer)
{
	struct linux_task *thread = task_find(process->system, timer->tid);
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = timer->signal;
	info.si_code = SI_TIMER;
	info.si_timerid = timer->id;
	info.si_value.sival_ptr = (void *)(uintptr_t)timer->value;
	if (timer->notify != SIGEV_THREAD_ID)
		return signal_raise_process(process, &info);
	return thread && thread->process == process ? signal_raise(thread, &info) : SIGNAL_IGNORED;
}

static void expire(struct linux_process *process, struct posix_timer *timer)
{
	int64_t now = now_of(process, timer), due = timer->timer.due_ns;
	int64_t period = timer->timer.period_ns, more = 0;

	if (due > now)
		return;
	if (period > 0)
		more = (now - due) / period;
	set_due(process, timer, period > 0 ? due + (more + 1) * period : INT64_MAX);
	if (timer->notify == SIGEV_NONE)
		return;
	if (timer->pending)
		timer->overrun += more + 1;
	else if (raise_signal(process, timer) == SIGNAL_PENDING) {
		timer->pending = true;
		timer->overrun = more;
	}
}

void posix_timers_expire(struct linux_process *process)
{
	for (struct posix_timer *timer = process->posix_timers; timer; timer = timer->next)
		if (timer->timer.due_ns != INT64_MAX)
			expire(process, timer);
}

static void drop(struct linux_process *process, struct posix_timer **at)
{
	struct posix_timer *timer = *at;

	set_due(process, timer, INT64_MAX);
	*at = timer->next;
	free(timer);
}

void posix_timers_forget(struct linux_process *process)
{
	while (process->posix_timers)
		drop(process, &process->posix_timers);
	process->next_timer = 0;
}

void posix_timer_taken(struct linux_process *process, siginfo_t *info)
{
	struct posix_timer *timer = find(process, (uint64_t)info->si_timerid);

	if (!timer || !timer->pending)
		return;
	timer->pending = false;
	timer->told = timer->overrun < INT32_MAX ? (int32_t)timer->overrun : INT32_MAX;
	info->si_overrun = timer->told;
}

/* --- the calls ------------------------------------------------------------------------------- */

/* By number, or as clock_getcpuclockid(3) has it: the process in the upper bits, 0 being the caller. */
static bool is_cpu_clock(const struct linux_task *p, int32_t clock)
{
	enum { PER_THREAD = 4, PID_SHIFT = 3 };
	int32_t pid = ~(clock >> PID_SHIFT);

	return clock == CLOCK_PROCESS_CPUTIME_ID ||
	       (clock < 0 && !(clock & PER_THREAD) && (pid == 0 || pid == p->process->pid));
}

static int64_t check_clock(int32_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	default:
		return clock < 0 ? -EOPNOTSUPP : -EINVAL;
	}
}

/* struct sigevent as the kernel has it: value, signal, how, thread. */
static int64_t read_event(struct linux_task *p, va_t at, struct posix_timer *timer)
{
	struct {
		uint64_t value;
		int32_t signal, notify, tid;
	} event;
	const struct linux_task *thread;

	timer->notify = SIGEV_SIGNAL;
	timer->signal = SIGALRM;
	timer->value = (uint64_t)timer->id;
	if (!at)
		return 0;
	if (user_get(p, &event, at) < 0)
		return -EFAULT;
	timer->notify = event.notify;
	timer->signal = event.signal;
	timer->value = event.value;
	timer->tid = event.tid;
	thread = task_find(p->system, event.tid);
	if (event.notify == SIGEV_NONE)
		return 0;
	if (event.notify == SIGEV_THREAD_ID && (!thread || thread->process != p->process))
		return -EINVAL;
	if (event.notify != SIGEV_SIGNAL && event.notify != SIGEV_THREAD_ID &&
	    event.notify != SIGEV_THREAD)
		return -EINVAL;
	return event.signal < 1 || event.signal > LINUX_SIGNAL_COUNT ? -EINVAL : 0;
}

int64_t sys_timer_create(struct linux_task *p, const uint64_t *a)
{
	struct linux_process *process = p->process;
	struct posix_timer **last = &process->posix_timers, *timer;
	bool cpu = is_cpu_clock(p, (int32_t)a[0]);
	int64_t error = cpu ? 0 : check_clock((int32_t)a[0]);
	unsigned count = 0;

	for (; *last; last = &(*last)->next)
		count++;
	if (error)
		return error;
	timer = count < TIMERS_MAX ? calloc(1, sizeof(*timer)) : NULL;
	if (!timer)
		return -EAGAIN;
	timer->id = process->next_timer;
	timer->clock = (int32_t)a[0];
	timer->cpu = cpu;
	timer->timer.due_ns = INT64_MAX;
	error = read_event(p, a[1], timer);
	if (!error && user_put(p, a[2], &timer->id) < 0)
		error = -EFAULT;
	if (error) {
		free(timer);
		return error;
	}
	*last = timer;
	process->next_timer = process->next_timer == INT32_MAX ? 0 : process->next_timer + 1;
	return 0;
}

static bool is_time(const int64_t time[2])
{
	return time[0] >= 0 && time[1] >= 0 && time[1] < NS_PER_SECOND;
}

static int64_t ns_of(const int64_t time[2])
{
	return time[0] > CLOCK_END_NS / NS_PER_SECOND ? CLOCK_END_NS
						      : time[0] * NS_PER_SECOND + time[1];
}

/* What is left, at least a nanosecond while it is armed. */
static struct timer_spec spec_of(const struct linux_process *process,
				 const struct posix_timer *timer)
{
	int64_t left = 0;

	if (timer->timer.due_ns != INT64_MAX) {
		left = timer->timer.due_ns - now_of(process, timer);
		left = left > 1 ? left : 1;
	}
	return (struct timer_spec){
		.period = { timer->timer.period_ns / NS_PER_SECOND,
			    timer->timer.period_ns % NS_PER_SECOND },
		.first = { left / NS_PER_SECOND, left % NS_PER_SECOND },
	};
}

static int64_t due_of(const struct linux_task *p, const struct posix_timer *timer, bool absolute,
		      const int64_t time[2])
{
	enum clock_reference reference = CLOCK_RELATIVE;

	if (timer->cpu)
		return ns_of(time) + (absolute ? 0 : clock_process_ns(p->process));
	if (absolute)
		reference = timer->clock == CLOCK_REALTIME || timer->clock == CLOCK_TAI
				    ? CLOCK_ABSOLUTE_REAL
				    : CLOCK_ABSOLUTE_MONOTONIC;
	return clock_deadline(p, reference, time);
}

int64_t sys_timer_settime(struct linux_task *p, const uint64_t *a)
{
	struct posix_timer *timer = find(p->process, a[0]);
	struct timer_spec spec, old;
	bool off;

	if (!a[2])
		return -EINVAL;
	if (user_get(p, &spec, a[2]) < 0)
		return -EFAULT;
	if (!is_time(spec.period) || !is_time(spec.first) || !timer)
		return -EINVAL;
	posix_timers_expire(p->process);
	old = spec_of(p->process, timer);
	off = spec.first[0] == 0 && spec.first[1] == 0;
	timer->timer.period_ns = off ? 0 : ns_of(spec.period);
	timer->overrun = 0;
	set_due(p->process, timer,
		off ? INT64_MAX : due_of(p, timer, a[1] & TIMER_ABSTIME, spec.first));
	return a[3] && user_put(p, a[3], &old) < 0 ? -EFAULT : 0;
}

int64_t sys_timer_gettime(struct linux_task *p, const uint64_t *a)
{
	const struct posix_timer *timer = find(p->process, a[0]);
	struct timer_spec spec;

	if (!timer)
		return -EINVAL;
	posix_timers_expire(p->process);
	spec = spec_of(p->process, timer);
	return user_put(p, a[1], &spec);
}

int64_t sys_timer_getoverrun(struct linux_task *p, const uint64_t *a)
{
	const struct posix_timer *timer = find(p->process, a[0]);

	return timer ? timer->told : -EINVAL;
}

int64_t sys_timer_delete(struct linux_task *p, const uint64_t *a)
{
	struct posix_timer **at = &p->process->posix_timers;

	while (*at && (*at)->id != (int32_t)a[0])
		at = &(*at)->next;
	if (!*at)
		return -EINVAL;
	drop(p->process, at);
	return 0;
}
