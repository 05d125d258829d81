/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/sched.h"

#include <assert.h>

#include "emu/linux/clock.h"
#include "emu/linux/job.h"
#include "emu/linux/process.h"
#include "emu/linux/sys_memory.h"
#include "emu/linux/user.h"

static uint64_t now_of(const struct linux_system *system)
{
	return system->machine->counters.instructions;
}

/* --- the queue ------------------------------------------------------------------------------- */

static void join_queue(struct linux_task *p)
{
	struct linux_system *system = p->system;

	p->state = TASK_READY;
	p->next_ready = NULL;
	if (system->ready_last)
		system->ready_last->next_ready = p;
	else
		system->ready_first = p;
	system->ready_last = p;
}

static struct linux_task *leave_queue(struct linux_system *system)
{
	struct linux_task *p = system->ready_first;

	if (!p)
		return NULL;
	system->ready_first = p->next_ready;
	if (!system->ready_first)
		system->ready_last = NULL;
	return p;
}

static void drop_dead_from_queue(struct linux_system *system)
{
	struct linux_task **at = &system->ready_first;

	system->ready_last = NULL;
	while (*at) {
		if ((*at)->state == TASK_DEAD) {
			*at = (*at)->next_ready;
		} else {
			system->ready_last = *at;
			at = &(*at)->next_ready;
		}
	}
}

void sched_start(struct linux_task *p)
{
	join_queue(p);
}

void sched_wait(struct linux_task *p)
{
	assert(p->state == TASK_RUNNING);
	p->state = TASK_WAITING;
	p->system->waiting_count++;
}

/* Those that may go on stand in the queue from now on. */
static void look(struct linux_system *system)
{
	unsigned left = system->waiting_count;

	for (struct linux_task *p = system->tasks; p && left > 0; p = p->next) {
		if (p->state != TASK_WAITING)
			continue;
		left--;
		if (!task_may_go_on(p))
			continue;
		system->waiting_count--;
		join_queue(p);
	}
}

/* The quantum ends at once, if anybody else may run. */
void sched_yield_to_others(struct linux_task *p)
{
	look(p->system);
	if (p->system->ready_first)
		p->system->quantum_end = now_of(p->system);
}

/* --- switching ------------------------------------------------------------------------------- */

static void account(struct linux_system *system)
{
	uint64_t now = now_of(system);

	if (system->running)
		system->running->instructions += now - system->accounted;
	system->accounted = now;
}

static void put_aside(struct linux_task *p, const struct cpu_regs *regs)
{
	task_load_fx(p);
	p->saved = *regs;
	p->regs = NULL;
}

/* What is said of a new child to itself, in its own memory (schedule_tail()). */
static void first_run(struct linux_task *p)
{
	const int32_t tid = p->tid;
	va_t at = p->set_child_tid;

	p->set_child_tid = 0;
	if (at)
		(void)user_put(p, at, &tid);
}

static void switch_to(struct linux_task *p, struct cpu_regs *regs)
{
	struct linux_system *system = p->system;

	if (system->running != p) {
		account(system);
		kernel_task_switch(system->kernel, (uint64_t)p->tid, (uint64_t)p->memory->space);
		system->running = p;
		*regs = p->saved;
		regs->fx_dirty = true;
		p->fx_loaded = true;
	}
	p->regs = regs;
	p->state = TASK_RUNNING;
	system->quantum_end = now_of(system) + system->quantum;
	first_run(p);
}

/* Threads that have ended go; a process whose last one that was has ended. */
static void bury(struct linux_system *system)
{
	struct linux_task *p = system->tasks, *next;

	drop_dead_from_queue(system);
	for (; p; p = next) {
		struct linux_process *process = p->process;

		next = p->next;
		if (p->state != TASK_DEAD)
			continue;
		task_destroy(p);
		if (--process->tasks == 0)
			process_ended(process);
	}
	system->dead_count = 0;
}

/* --- time ------------------------------------------------------------------------------------ */

static int64_t earliest_deadline(const struct linux_system *system)
{
	int64_t earliest = clock_next_timer(system);
	unsigned left = system->waiting_count;

	for (const struct linux_task *p = system->tasks; p && left > 0; p = p->next) {
		if (p->state != TASK_WAITING)
			continue;
		left--;
		if (p->wait.deadline_ns < earliest)
			earliest = p->wait.deadline_ns;
	}
	return earliest;
}

void sched_arm(struct linux_system *system)
{
	uint64_t now = now_of(system), wake = UINT64_MAX;
	int64_t next = earliest_deadline(system), elapsed = clock_elapsed_ns(system);

	if (next != INT64_MAX)
		wake = now + (next > elapsed ? (uint64_t)(next - elapsed) : 1);
	next = clock_next_cpu_timer(system);
	if (next != INT64_MAX && now + (uint64_t)next < wake)
		wake = now + (uint64_t)next;
	if (system->ready_first && system->quantum_end < wake)
		wake = system->quantum_end;
	system->guest.wake_at = wake > now ? wake : now + 1;
}

/* Nobody can run: the reclaim daemon does, then the clock moves. False: it has nowhere to go. */
static bool sleep_all(struct linux_system *system)
{
	int64_t next = earliest_deadline(system), elapsed = clock_elapsed_ns(system);

	if (next == INT64_MAX)
		return false;
	kernel_idle(system->kernel);
	if (next > elapsed)
		system->slept_ns += next - elapsed;
	clock_expire(system);
	return true;
}

/* --- the end of the run ---------------------------------------------------------------------- */

/* Whoever is left waits for what can never happen. After the first process's end that is no news. */
static enum guest_action end(struct linux_system *system)
{
	if (system->first) {
		system->end_reason = "deadlock: the guest waits for what can never happen";
		system->guest.exit_signal = SIGKILL;
	}
	for (struct linux_task *p = system->tasks; p; p = p->next) {
		if (p->state == TASK_DEAD)
			continue;
		if (p != system->running)
			kernel_task_switch(system->kernel, (uint64_t)p->tid,
					   (uint64_t)p->memory->space);
		system->running = p;
		linux_process_end(p, 0, SIGKILL);
	}
	return GUEST_ENDED;
}

/* --- leaving --------------------------------------------------------------------------------- */

static void complete(struct linux_task *p, int64_t result)
{
	struct cpu_regs *regs = p->regs;
	uint64_t number = p->call.number;

	p->call.under_way = false;
	if (kernel_oom_pending(p->system->kernel))
		oom_kill_victims(p->system);
	if (!p->regs_replaced) {
		regs->gpr[GPR_RAX] = (uint64_t)result;
		regs->gpr[GPR_RCX] = regs->rip; /* SYSCALL leaves them so */
		regs->gpr[GPR_R11] = regs->rflags;
	}
	if (p->state == TASK_RUNNING)
		signals_deliver(p, p->regs_replaced ? NULL : &result, number);
}

/* The running task goes on where it was: in the middle of a call, or in the guest. */
static void go_on(struct linux_task *p)
{
	int64_t result;

	p->regs_replaced = false;
	/* Who is killed begins no call again. */
	if (!p->call.under_way || signals_pending(p) & signal_bit(SIGKILL)) {
		p->call.under_way = false;
		signals_deliver(p, NULL, 0);
		return;
	}
	result = linux_syscall_again(p);
	if (p->state != TASK_WAITING)
		complete(p, result);
}

static bool quantum_is_over(const struct linux_system *system)
{
	return system->ready_first && now_of(system) >= system->quantum_end;
}

static bool may_stay(const struct linux_system *system)
{
	return system->running && system->running->state == TASK_RUNNING &&
	       !job_is_stopped(system->running) && !quantum_is_over(system);
}

static bool is_continued(struct linux_task *p)
{
	return !job_is_stopped(p);
}

/*
 * It could run and is stopped: it waits for that to be over. A call of its begins again then. Here is
 * all that holds stopped threads back: one that waits for something else goes on doing so.
 */
static void park(struct linux_task *p)
{
	task_wait_over(p);
	p->wait.ready = is_continued;
	p->state = TASK_WAITING;
	p->system->waiting_count++;
}

static struct linux_task *next_ready(struct linux_system *system)
{
	struct linux_task *p = leave_queue(system);

	for (; p && job_is_stopped(p); p = leave_queue(system))
		park(p);
	return p;
}

/* The running task leaves the CPU, if it has it; another one comes, or nobody: false. */
static bool change(struct linux_system *system, struct cpu_regs *regs)
{
	struct linux_task *p = system->running, *next;

	if (p && p->state == TASK_RUNNING)
		join_queue(p);
	next = next_ready(system);
	if (!next)
		return false;
	if (p && p != next && p->regs)
		put_aside(p, regs);
	switch_to(next, regs);
	go_on(next);
	return true;
}

enum guest_action sched_leave(struct linux_system *system, struct cpu_regs *regs,
			      const int64_t *result)
{
	struct linux_task *p = system->running;

	if (result && p->state != TASK_WAITING)
		complete(p, *result);
	else if (!result)
		signals_deliver(p, NULL, 0);
	for (;;) {
		if (kernel_oom_pending(system->kernel))
			oom_kill_victims(system);
		if (system->dead_count > 0)
			bury(system);
		if (system->waiting_count > 0)
			look(system);
		if (may_stay(system))
			break;
		if (!system->tasks)
			return GUEST_ENDED;
		if (!change(system, regs) && !sleep_all(system))
			return end(system);
	}
	sched_arm(system);
	return GUEST_CONTINUE;
}
