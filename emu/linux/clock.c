/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/clock.h"

#include <string.h>
#include <sys/time.h>

#include "emu/linux/posix_timer.h"

static const int timer_signal[LINUX_TIMER_COUNT] = { SIGALRM, SIGVTALRM, SIGPROF };

int64_t clock_timer_now(const struct linux_process *process, unsigned which)
{
	return which == ITIMER_REAL ? clock_elapsed_ns(process->system) : clock_process_ns(process);
}

static void set_due(struct linux_process *process, unsigned which, int64_t due_ns)
{
	struct linux_timer *timer = &process->timer[which];

	process->system->timer_count -= timer->due_ns != INT64_MAX;
	timer->due_ns = due_ns;
	process->system->timer_count += due_ns != INT64_MAX;
}

void clock_set_timer(struct linux_process *process, unsigned which, int64_t first_ns,
		     int64_t period_ns)
{
	process->timer[which].period_ns = period_ns;
	set_due(process, which, first_ns ? clock_timer_now(process, which) + first_ns : INT64_MAX);
}

void clock_forget(struct linux_process *process)
{
	for (unsigned i = 0; i < LINUX_TIMER_COUNT; i++)
		set_due(process, i, INT64_MAX);
	posix_timers_forget(process);
}

int64_t clock_next_timer(const struct linux_system *system)
{
	int64_t next = INT64_MAX;

	if (system->timer_count == 0)
		return next;
	for (const struct linux_process *process = system->processes; process;
	     process = process->next) {
		int64_t other = posix_timers_next(process, false);

		if (process->stopped) /* what is due is seen to when it goes on */
			continue;
		if (process->timer[ITIMER_REAL].due_ns < next)
			next = process->timer[ITIMER_REAL].due_ns;
		next = other < next ? other : next;
	}
	return next;
}

int64_t clock_next_cpu_timer(const struct linux_system *system)
{
	const struct linux_process *process = system->running->process;
	int64_t next = INT64_MAX, now;

	if (system->timer_count == 0)
		return next;
	now = clock_process_ns(process);
	next = posix_timers_next(process, true);
	if (next != INT64_MAX)
		next -= now;
	for (unsigned i = ITIMER_VIRTUAL; i < LINUX_TIMER_COUNT; i++)
		if (process->timer[i].due_ns != INT64_MAX && process->timer[i].due_ns - now < next)
			next = process->timer[i].due_ns - now;
	return next == INT64_MAX || next > 0 ? next : 1;
}

static void expire(struct linux_process *process, unsigned which)
{
	struct linux_timer *timer = &process->timer[which];
	int64_t now = timer->due_ns == INT64_MAX ? 0 : clock_timer_now(process, which);
	siginfo_t info;

	if (timer->due_ns == INT64_MAX || timer->due_ns > now)
		return;
	memset(&info, 0, sizeof(info));
	info.si_signo = timer_signal[which];
	info.si_code = SI_KERNEL;
	signal_raise_process(process, &info);
	if (timer->period_ns == 0)
		set_due(process, which, INT64_MAX);
	else
		timer->due_ns += ((now - timer->due_ns) / timer->period_ns + 1) * timer->period_ns;
}

void clock_expire(struct linux_system *system)
{
	if (system->timer_count == 0)
		return;
	for (struct linux_process *process = system->processes; process; process = process->next) {
		for (unsigned i = 0; i < LINUX_TIMER_COUNT; i++)
			expire(process, i);
		posix_timers_expire(process);
	}
}

int clock_sleep(struct linux_task *p, int64_t deadline_ns)
{
	const struct task_wait wait = { .deadline_ns = deadline_ns };

	return task_wait(p, &wait);
}
