/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/process.h"

/*
 * Want of memory (Linux: oom_kill_process(), mm/oom_kill.c): the kernel model has chosen an address
 * space and may have taken its pages; every process that uses it gets SIGKILL, and people are told.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A thread of the process in this memory, or NULL. */
static const struct linux_task *user_of(const struct linux_process *process,
					const struct linux_memory *memory)
{
	const struct linux_task *p = process->system->tasks;

	while (p && (p->process != process || p->memory != memory))
		p = p->next;
	return p;
}

/* In the words of Linux, with what is on the swap device, which it tells elsewhere (dump_task()). */
static void tell(const struct linux_process *process, const char *name,
		 const struct oom_usage *usage)
{
	const struct linux_system *system = process->system;
	char text[320];

	snprintf(text, sizeof(text),
		 "Out of memory: Killed process %d (%s) total-vm:%llukB, anon-rss:%llukB, "
		 "file-rss:%llukB, shmem-rss:%llukB, UID:%u pgtables:%llukB swap:%llukB "
		 "oom_score_adj:0",
		 process->pid, name, (unsigned long long)usage->mapped >> 10,
		 (unsigned long long)usage->anonymous >> 10, (unsigned long long)usage->file >> 10,
		 (unsigned long long)usage->shared >> 10, getuid(),
		 (unsigned long long)usage->tables >> 10, (unsigned long long)usage->swapped >> 10);
	if (system->note)
		system->note(system->ctx, text);
}

static void kill_users(struct linux_system *system, const struct linux_memory *memory,
		       const struct oom_usage *usage)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGKILL;
	info.si_code = SI_KERNEL;
	kernel_oom_kill(system->kernel, (uint64_t)memory->space);
	for (struct linux_process *process = system->processes; process; process = process->next) {
		const struct linux_task *user = user_of(process, memory);

		if (!user)
			continue;
		tell(process, user->comm, usage);
		signal_raise_process(process, &info);
	}
}

void oom_kill_victims(struct linux_system *system)
{
	struct oom_usage usage;

	for (const struct linux_task *p = system->tasks; p; p = p->next)
		if (p->memory &&
		    kernel_oom_victim(system->kernel, (uint64_t)p->memory->space, &usage))
			kill_users(system, p->memory, &usage);
}
