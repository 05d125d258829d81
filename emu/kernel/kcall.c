/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * kernel_call(): the one place that every recorded call passes, and the calls that only count.
 * The table is generated from kcall.def.
 */

#include <assert.h>
#include <errno.h>

#include "emu/kernel/kernel_internal.h"

#define KCALL0(name)                   { #name, 0, { NULL } },
#define KCALL1(name, a)                { #name, 1, { #a } },
#define KCALL2(name, a, b)             { #name, 2, { #a, #b } },
#define KCALL3(name, a, b, c)          { #name, 3, { #a, #b, #c } },
#define KCALL4(name, a, b, c, d)       { #name, 4, { #a, #b, #c, #d } },
#define KCALL5(name, a, b, c, d, e)    { #name, 5, { #a, #b, #c, #d, #e } },
#define KCALL6(name, a, b, c, d, e, f) { #name, 6, { #a, #b, #c, #d, #e, #f } },
const struct kcall_info kcall_infos[KCALL_COUNT] = {
#include "emu/kernel/kcall.def"
};

typedef int64_t kcall_fn(struct kernel *k, const uint64_t *arg);

#define KCALL0(name)                   kcall_##name,
#define KCALL1(name, a)                KCALL0(name)
#define KCALL2(name, a, b)             KCALL0(name)
#define KCALL3(name, a, b, c)          KCALL0(name)
#define KCALL4(name, a, b, c, d)       KCALL0(name)
#define KCALL5(name, a, b, c, d, e)    KCALL0(name)
#define KCALL6(name, a, b, c, d, e, f) KCALL0(name)
static kcall_fn *const functions[KCALL_COUNT] = {
#include "emu/kernel/kcall.def"
};

static bool needs_running_space(enum kcall_op op)
{
	switch (op) {
	case KCALL_space_layout:
	case KCALL_mmap:
	case KCALL_munmap:
	case KCALL_mprotect:
	case KCALL_mremap:
	case KCALL_madvise:
	case KCALL_msync:
	case KCALL_brk:
	case KCALL_user_copy:
	case KCALL_fork:
	case KCALL_first_touch:
		return true;
	default:
		return false;
	}
}

/* A call that is refused has changed nothing, and is made again when somebody has made room for it. */
static int64_t carry_out(struct kernel *k, const struct kcall *call)
{
	int64_t result;

	k->starved = false;
	do
		result = functions[call->op](k, call->arg);
	while (PAGEWALK_UNLIKELY(result == -ENOMEM) && k->starved && oom_relieve(k, k->running));
	return result;
}

int64_t kernel_call(struct kernel *k, const struct kcall *call)
{
	int64_t result = -ESRCH;

	assert(k->table && (unsigned)call->op < KCALL_COUNT);
	k->charged = 0;
	if (k->running || !needs_running_space(call->op))
		result = carry_out(k, call);
	if (k->running)
		vma_set_trim(&k->running->vmas);
	cost_tables(k);
	kernel_settle(k);
	if (k->listener.called)
		k->listener.called(k->listener.ctx, call, result);
	return result;
}

int64_t kcall_syscall(struct kernel *k, const uint64_t *arg)
{
	k->counters.syscalls++;
	cost_charge(k, CHARGE_SYSCALL, k->config.costs.syscall);
	if (event_wanted(k->events, EVENT_SYSCALL)) {
		const struct event event = {
			.kind = EVENT_SYSCALL,
			.value = arg[0],
			.asid = k->running ? k->running->id : 0,
			.cycles = k->config.costs.syscall,
		};

		kernel_emit(k, &event);
	}
	return 0;
}

int64_t kcall_syscall_unknown(struct kernel *k, const uint64_t *arg)
{
	(void)arg;
	k->counters.syscalls_unknown++;
	return 0;
}

int64_t kcall_signal_deliver(struct kernel *k, const uint64_t *arg)
{
	(void)arg;
	k->counters.signals++;
	cost_charge(k, CHARGE_SIGNAL, k->config.costs.signal);
	return 0;
}

int64_t kcall_signal_return(struct kernel *k, const uint64_t *arg)
{
	(void)arg;
	cost_charge(k, CHARGE_SIGNAL, k->config.costs.signal);
	return 0;
}

/* Marks in the trace: processes are the personality's. */
int64_t kcall_exit(struct kernel *k, const uint64_t *arg)
{
	(void)k;
	(void)arg;
	return 0;
}

int64_t kcall_task_exit(struct kernel *k, const uint64_t *arg)
{
	task_object_destroy(k, arg[0]);
	return 0;
}
