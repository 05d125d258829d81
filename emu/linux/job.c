/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/job.h"

#include <string.h>
#include <unistd.h>

/* The parent is told by SIGCHLD, unless it said SA_NOCLDSTOP, and by wait. */
static void tell_parent(const struct linux_process *process, int code, int status)
{
	struct linux_process *parent = process->parent;
	const struct linux_task *p = parent ? parent->system->tasks : NULL;
	siginfo_t info;

	while (p && (p->process != parent || !p->actions))
		p = p->next;
	if (!p || p->actions->action[SIGCHLD].flags & SA_NOCLDSTOP)
		return;
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGCHLD;
	info.si_code = code;
	info.si_pid = process->pid;
	info.si_uid = getuid();
	info.si_status = status;
	signal_raise_process(parent, &info);
}

/* Is its parent in another group of the session, and could continue it? */
static bool is_controlled(const struct linux_process *process)
{
	const struct linux_process *parent = process->parent;

	return parent && parent->pgid != process->pgid && parent->sid == process->sid;
}

/* Is nobody of its group? `gone` does not count. */
static bool is_orphaned(const struct linux_process *of, const struct linux_process *gone)
{
	const struct linux_process *process = of->system->processes;

	for (; process; process = process->next)
		if (process->pgid == of->pgid && process != gone && !process->zombie &&
		    process->parent != gone && is_controlled(process))
			return false;
	return true;
}

void job_stop(struct linux_process *process, int sig)
{
	if (process->stopped || process->ending || (sig != SIGSTOP && is_orphaned(process, NULL)))
		return;
	process->stopped = true;
	process->stop_unseen = sig;
	process->continue_unseen = false;
	tell_parent(process, CLD_STOPPED, sig);
}

void job_continue(struct linux_process *process)
{
	if (!process->stopped)
		return;
	process->stopped = false;
	process->stop_unseen = 0;
	process->continue_unseen = true;
	tell_parent(process, CLD_CONTINUED, SIGCONT);
}

/* --- orphans --------------------------------------------------------------------------------- */

static void raise_in_group(const struct linux_process *of, int sig)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = SI_KERNEL;
	for (struct linux_process *process = of->system->processes; process;
	     process = process->next)
		if (process->pgid == of->pgid && !process->zombie)
			signal_raise_process(process, &info);
}

/* Its own group, and those of its children, as far as it counted there (kill_orphaned_pgrp()). */
void job_leader_ended(struct linux_process *process)
{
	for (struct linux_process *member = process->system->processes; member;
	     member = member->next) {
		bool own = member->pgid == process->pgid && is_controlled(process);
		bool child = member->parent == process && is_controlled(member);

		if (!member->stopped || !(own || child) || !is_orphaned(member, process))
			continue;
		raise_in_group(member, SIGHUP);
		raise_in_group(member, SIGCONT);
	}
}
