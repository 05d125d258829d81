/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/task.h"

/* How calls wait. See task.h. */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/sched.h"

static bool time_is_over(const struct linux_task *p, int64_t deadline_ns)
{
	return deadline_ns != INT64_MAX && clock_elapsed_ns(p->system) >= deadline_ns;
}

int64_t task_deadline(struct linux_task *p, int64_t deadline_ns)
{
	if (!p->call.again)
		p->call.deadline_ns = deadline_ns;
	return p->call.deadline_ns;
}

void task_wait_over(struct linux_task *p)
{
	if (p->wait.file)
		open_file_put(p, p->wait.file);
	free(p->wait.fds);
	memset(&p->wait, 0, sizeof(p->wait));
	p->wait.deadline_ns = INT64_MAX;
}

int task_wait(struct linux_task *p, const struct task_wait *wait)
{
	int64_t deadline = wait->deadline_ns;

	if (deadline != INT64_MAX && deadline > CLOCK_END_NS)
		deadline = CLOCK_END_NS;
	if (wait->file)
		wait->file->refs++; /* before the one of a wait that is over goes */
	task_wait_over(p);
	p->wait = *wait;
	p->wait.deadline_ns = deadline;
	if ((wait->ready && wait->ready(p)) || time_is_over(p, deadline)) {
		task_wait_over(p);
		return 0;
	}
	if (!wait->uninterruptible && signal_due(p)) {
		task_wait_over(p);
		return -EINTR;
	}
	sched_wait(p);
	return -LINUX_BLOCKED;
}

bool task_may_go_on(struct linux_task *p)
{
	return (p->wait.ready && p->wait.ready(p)) || time_is_over(p, p->wait.deadline_ns) ||
	       (!p->wait.uninterruptible && signal_due(p));
}

static bool file_ready(struct linux_task *p)
{
	struct open_file *file = p->wait.file;

	return !file->ops->poll ||
	       (file->ops->poll(p, file) & (p->wait.events | POLLERR | POLLHUP));
}

int task_wait_file(struct linux_task *p, struct open_file *file, unsigned events)
{
	const struct task_wait wait = {
		.ready = file_ready,
		.deadline_ns = INT64_MAX,
		.file = file,
		.events = events,
	};

	return task_wait(p, &wait);
}
