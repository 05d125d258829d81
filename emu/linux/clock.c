/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/clock.h"

#include <errno.h>
#include <string.h>

static const int timer_signal[LINUX_TIMER_COUNT] = { SIGALRM, SIGVTALRM, SIGPROF };

static int64_t timer_now(const struct linux_system *system, int which)
{
	return which == 0 ? clock_elapsed_ns(system) : clock_cpu_ns(system);
}

void clock_arm(struct linux_process *p)
{
	uint64_t wake = UINT64_MAX;

	for (int i = 0; i < LINUX_TIMER_COUNT; i++) {
		int64_t due = p->timer[i].due_ns, left;

		if (due == INT64_MAX)
			continue;
		left = due - timer_now(p->system, i);
		due = clock_cpu_ns(p->system) + (left > 0 ? left : 0);
		if ((uint64_t)due < wake)
			wake = (uint64_t)due;
	}
	p->system->guest.wake_at = wake;
}

void clock_expire(struct linux_process *p)
{
	for (int i = 0; i < LINUX_TIMER_COUNT; i++) {
		struct linux_timer *timer = &p->timer[i];
		int64_t now = timer_now(p->system, i);
		siginfo_t info;

		if (timer->due_ns > now)
			continue;
		memset(&info, 0, sizeof(info));
		info.si_signo = timer_signal[i];
		info.si_code = SI_KERNEL;
		signal_raise(p, &info);
		if (timer->period_ns == 0)
			timer->due_ns = INT64_MAX;
		else
			timer->due_ns +=
				((now - timer->due_ns) / timer->period_ns + 1) * timer->period_ns;
	}
	clock_arm(p);
}

int clock_sleep(struct linux_process *p, int64_t deadline_ns)
{
	if (deadline_ns != INT64_MAX && deadline_ns > CLOCK_END_NS)
		deadline_ns = CLOCK_END_NS;
	while (!signal_due(p)) {
		int64_t now = clock_elapsed_ns(p->system), next = deadline_ns;

		if (now >= deadline_ns)
			return 0;
		if (p->timer[0].due_ns < next && signal_would_wake(p, SIGALRM))
			next = p->timer[0].due_ns;
		if (next == INT64_MAX) {
			p->system->end_reason =
				"deadlock: the guest waits for what can never happen";
			linux_process_end(p, 0, SIGKILL);
			return -EDEADLK;
		}
		if (next > now)
			p->system->slept_ns += next - now;
		clock_expire(p);
	}
	return -EINTR;
}
