/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/process.h"

/*
 * Processes: parents, children, zombies. The parent of the first one, and of those whose parent has
 * ended, is init: not a guest, and quick to wait.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/job.h"
#include "emu/linux/posix_timer.h"

struct linux_process *process_create(struct linux_system *system, struct linux_process *parent)
{
	struct linux_process *process = calloc(1, sizeof(*process)), **last = &system->processes;

	if (!process)
		return NULL;
	process->system = system;
	process->parent = parent;
	process->end_signal = SIGCHLD;
	for (int i = 0; i < LINUX_TIMER_COUNT; i++)
		process->timer[i].due_ns = INT64_MAX;
	if (parent) {
		process->pgid = parent->pgid;
		process->sid = parent->sid;
		process->personality = parent->personality;
		memcpy(process->limit, parent->limit, sizeof(process->limit));
	}
	while (*last)
		last = &(*last)->next;
	*last = process;
	return process;
}

void process_forget(struct linux_process *process)
{
	struct linux_process **at = &process->system->processes;

	while (*at != process)
		at = &(*at)->next;
	*at = process->next;
	signal_queue_drop(&process->signals, UINT64_MAX);
	posix_timers_forget(process);
	free(process);
}

struct linux_process *process_find(const struct linux_system *system, int32_t pid)
{
	struct linux_process *process = system->processes;

	while (process && process->pid != pid)
		process = process->next;
	return process;
}

uint64_t process_instructions(const struct linux_process *process)
{
	uint64_t sum = process->instructions;

	for (const struct linux_task *p = process->system->tasks; p; p = p->next)
		if (p->process == process && p->state != TASK_DEAD)
			sum += task_instructions(p);
	return sum;
}

/* --- the end --------------------------------------------------------------------------------- */

void linux_process_end(struct linux_task *p, int status, int sig)
{
	struct linux_process *process = p->process;

	if (process->ending || p->state == TASK_DEAD)
		return;
	process->ending = true;
	process->exit_status = status;
	process->exit_signal = sig;
	for (struct linux_task *other = p->system->tasks; other; other = other->next)
		if (other->process == process && other != p)
			task_exit(other, status);
	task_exit(p, status);
}

/* Does anybody want to know how a child ended? (SIG_IGN, SA_NOCLDWAIT: do_notify_parent().) */
static bool parent_ignores(const struct linux_process *parent)
{
	const struct linux_task *p = parent->system->tasks;

	while (p && (p->process != parent || !p->actions))
		p = p->next;
	return !p || p->actions->action[SIGCHLD].handler == 1 ||
	       (p->actions->action[SIGCHLD].flags & SA_NOCLDWAIT);
}

static void tell_parent(struct linux_process *process)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = process->end_signal;
	info.si_code = process->exit_signal ? CLD_KILLED : CLD_EXITED;
	info.si_pid = process->pid;
	info.si_uid = getuid();
	info.si_status = process->exit_signal ? process->exit_signal : process->exit_status;
	if (process->end_signal)
		signal_raise_process(process->parent, &info);
}

/* Its children are init's now; init waits for those that have ended. */
static void leave_children(struct linux_process *process)
{
	struct linux_process *child = process->system->processes, *next;

	for (; child; child = next) {
		next = child->next;
		if (child->parent != process)
			continue;
		child->parent = NULL;
		if (child->zombie)
			process_forget(child);
	}
}

void process_ended(struct linux_process *process)
{
	struct linux_system *system = process->system;

	clock_forget(process);
	process->zombie = true;
	process->stopped = process->continue_unseen = false;
	process->stop_unseen = 0;
	job_leader_ended(process);
	leave_children(process);
	if (process == system->first) {
		system->first = NULL;
		system->guest.exit_status = process->exit_status;
		system->guest.exit_signal = process->exit_signal;
	}
	if (process->parent)
		tell_parent(process);
	if (!process->parent || (process->end_signal == SIGCHLD && parent_ignores(process->parent)))
		process_forget(process);
}
