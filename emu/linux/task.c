/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/task.h"

/* Threads: made, found, ended, and what they share with others of their process. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emu/linux/clock.h"
#include "emu/linux/futex.h"
#include "emu/linux/process.h"
#include "emu/linux/sys_memory.h"

struct linux_task *task_find(const struct linux_system *system, int32_t tid)
{
	struct linux_task *p = system->tasks;

	while (p && (p->tid != tid || p->state == TASK_DEAD))
		p = p->next;
	return p;
}

static bool id_used(const struct linux_system *system, int32_t id)
{
	const struct linux_process *process;

	if (task_find(system, id))
		return true;
	for (process = system->processes; process; process = process->next)
		if (process->pid == id || process->pgid == id || process->sid == id)
			return true;
	return false;
}

/* Counting up, and round at the end, as Linux does. */
int32_t task_next_id(struct linux_system *system)
{
	do {
		system->last_pid++;
		if (system->last_pid >= LINUX_PID_END)
			system->last_pid = LINUX_FIRST_PID;
	} while (id_used(system, system->last_pid));
	return system->last_pid;
}

struct linux_task *task_create(struct linux_system *system, struct linux_process *process)
{
	struct linux_task *p = calloc(1, sizeof(*p)), **last = &system->tasks;

	if (!p)
		return NULL;
	p->system = system;
	p->process = process;
	p->state = TASK_WAITING;
	signals_init(&p->signals);
	while (*last)
		last = &(*last)->next;
	*last = p;
	system->task_count++;
	process->threads++;
	process->tasks++;
	return p;
}

/* --- what is shared -------------------------------------------------------------------------- */

static bool is_last_memory(const struct linux_task *p)
{
	const struct linux_task *other;

	for (other = p->system->tasks; other; other = other->next)
		if (other->memory && other->memory != p->memory)
			return false;
	return true;
}

/*
 * The last one to go takes the space with it; but the last space of all stays until the run is
 * over, for those who want to look at it then.
 */
void linux_memory_put(struct linux_task *p)
{
	struct linux_memory *memory = p->memory;

	if (!memory)
		return;
	if (--memory->refs == 0) {
		if (memory->space && !is_last_memory(p))
			kernel_space_destroy(p->system->kernel, (uint64_t)memory->space);
		free(memory);
	}
	p->memory = NULL;
}

static void put_shared(struct linux_task *p)
{
	if (p->files)
		fd_table_put(p, p->files);
	if (p->place && --p->place->refs == 0)
		free(p->place);
	if (p->actions && --p->actions->refs == 0)
		free(p->actions);
	p->files = NULL;
	p->place = NULL;
	p->actions = NULL;
}

void task_destroy(struct linux_task *p)
{
	struct linux_task **at = &p->system->tasks;

	task_wait_over(p);
	signal_queue_drop(&p->signals.own, UINT64_MAX);
	put_shared(p);
	linux_memory_put(p);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (p->system->running == p)
		p->system->running = NULL;
	free(p);
}

/* --- the end --------------------------------------------------------------------------------- */

/* p's memory is that of the running space: p runs, or is another thread of the same process. */
void task_exit(struct linux_task *p, int status)
{
	struct linux_system *system = p->system;

	if (p->state == TASK_DEAD)
		return;
	futex_task_ends(p);
	if (p->state == TASK_WAITING)
		system->waiting_count--;
	task_wait_over(p);
	p->state = TASK_DEAD;
	p->vforked = false;
	system->task_count--;
	system->dead_count++;
	p->process->instructions += task_instructions(p);
	p->instructions = 0;
	if (p == system->running)
		system->accounted = system->machine->counters.instructions;
	kernel_task_exit(system->kernel, (uint64_t)p->tid, (uint64_t)status);
	if (--p->process->threads > 0)
		return;
	usage_memory_left(p->process, p->memory->space);
	if (p->memory->refs == 1)
		memory_sync_all(p);
	if (!p->process->ending)
		p->process->exit_status = status;
	kernel_exit(system->kernel, p->process->exit_signal
					    ? 128u + (unsigned)p->process->exit_signal
					    : (unsigned)p->process->exit_status);
}

void task_load_fx(struct linux_task *p)
{
	struct guest *guest = &p->system->guest;

	if (!p->fx_loaded && guest->load_fx)
		guest->load_fx(guest, p->regs);
	p->fx_loaded = true;
}

uint64_t task_instructions(const struct linux_task *p)
{
	const struct linux_system *system = p->system;
	uint64_t now = system->machine->counters.instructions;

	return p->instructions + (p == system->running ? now - system->accounted : 0);
}
