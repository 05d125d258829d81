/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/usage.h"

#include <string.h>

#include "emu/kernel/kernel_truth.h"
#include "emu/linux/clock.h"
#include "emu/linux/process.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What the space adds to what the process had before it. */
static struct linux_usage of_space(const struct linux_process *process, int64_t space)
{
	struct linux_usage sum = process->usage;
	struct space_usage now;

	if (space <= 0 || !kernel_space_usage(process->system->kernel, (uint64_t)space, &now))
		return sum;
	sum.minor += now.faults_minor - process->usage_base.minor;
	sum.major += now.faults_major - process->usage_base.major;
	sum.peak_bytes = larger(sum.peak_bytes, now.resident_peak);
	return sum;
}

void usage_memory_shared(struct linux_process *process, int64_t space)
{
	struct space_usage now;

	if (kernel_space_usage(process->system->kernel, (uint64_t)space, &now))
		process->usage_base = (struct linux_usage){ now.faults_minor, now.faults_major, 0 };
}

void usage_memory_left(struct linux_process *process, int64_t space)
{
	process->usage = of_space(process, space);
	memset(&process->usage_base, 0, sizeof(process->usage_base));
}

/* A zombie has counted its own at its end. */
static struct linux_usage of_process(const struct linux_process *process)
{
	const struct linux_task *p = process->system->tasks;

	while (p && (p->process != process || p->state == TASK_DEAD || !p->memory))
		p = p->next;
	return of_space(process, p ? p->memory->space : 0);
}

static void add(struct linux_usage *to, const struct linux_usage *more)
{
	to->minor += more->minor;
	to->major += more->major;
	to->peak_bytes = larger(to->peak_bytes, more->peak_bytes);
}

void usage_reap(struct linux_process *child)
{
	struct linux_process *parent = child->parent;

	parent->child_instructions += child->instructions + child->child_instructions;
	add(&parent->child_usage, &child->usage);
	add(&parent->child_usage, &child->child_usage);
}

void usage_get(const struct linux_process *process, int who, struct rusage *usage)
{
	struct linux_usage sum = { 0 };
	uint64_t ns = 0;

	if (who != RUSAGE_CHILDREN) {
		sum = of_process(process);
		ns = process_instructions(process);
	}
	if (who != RUSAGE_SELF) {
		add(&sum, &process->child_usage);
		ns += process->child_instructions;
	}
	memset(usage, 0, sizeof(*usage));
	usage->ru_utime.tv_sec = (int64_t)(ns / NS_PER_SECOND);
	usage->ru_utime.tv_usec = (int64_t)(ns % NS_PER_SECOND / NS_PER_US);
	usage->ru_minflt = (long)sum.minor;
	usage->ru_majflt = (long)sum.major;
	usage->ru_maxrss = (long)(sum.peak_bytes >> 10);
}
