/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/kernel/kernel_truth.h"
#include "emu/linux/syscall.h"

/* Limits, usage and the machine as the guest is told of them: the guest contract, not the host. */

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/sched.h"
#include "emu/linux/user.h"

int64_t sys_getrlimit(struct linux_task *p, const uint64_t *a)
{
	if (a[0] >= RLIM_NLIMITS)
		return -EINVAL;
	return user_put(p, a[1], &p->process->limit[a[0]]);
}

/* Of these, NPROC and NOFILE are enforced. Nobody may raise a hard limit. */
int64_t sys_setrlimit(struct linux_task *p, const uint64_t *a)
{
	struct rlimit64 limit;

	if (a[0] >= RLIM_NLIMITS)
		return -EINVAL;
	if (user_get(p, &limit, a[1]) < 0)
		return -EFAULT;
	if (limit.rlim_cur > limit.rlim_max)
		return -EINVAL;
	if (limit.rlim_max > p->process->limit[a[0]].rlim_max)
		return -EPERM;
	p->process->limit[a[0]] = limit;
	return 0;
}

int64_t sys_prlimit64(struct linux_task *p, const uint64_t *a)
{
	struct rlimit64 old;
	int64_t error = 0;

	if ((int32_t)a[0] != 0 && (int32_t)a[0] != p->process->pid)
		return -ESRCH;
	if (a[1] >= RLIM_NLIMITS)
		return -EINVAL;
	old = p->process->limit[a[1]];
	if (a[2])
		error = sys_setrlimit(p, &a[1]);
	if (!error && a[3])
		error = user_put(p, a[3], &old);
	return error;
}

int64_t sys_getrusage(struct linux_task *p, const uint64_t *a)
{
	int who = (int)a[0];
	struct rusage usage;

	if (who < RUSAGE_CHILDREN || who > RUSAGE_THREAD)
		return -EINVAL;
	kernel_truth_read(p->system->kernel, TRUTH_RUSAGE);
	usage_get(p->process, who == RUSAGE_CHILDREN ? who : RUSAGE_SELF, &usage);
	if (who == RUSAGE_THREAD) { /* faults are known of the process */
		usage.ru_utime.tv_sec = (int64_t)(task_instructions(p) / NS_PER_SECOND);
		usage.ru_utime.tv_usec =
			(int64_t)(task_instructions(p) % NS_PER_SECOND / NS_PER_US);
	}
	return user_put(p, a[1], &usage);
}

int64_t sys_times(struct linux_task *p, const uint64_t *a)
{
	const int64_t tick = NS_PER_SECOND / CLOCK_TICKS_PER_SECOND;
	struct tms used;

	memset(&used, 0, sizeof(used));
	used.tms_utime = clock_process_ns(p->process) / tick;
	used.tms_cutime = (int64_t)p->process->child_instructions / tick;
	if (a[0] && user_put(p, a[0], &used) < 0)
		return -EFAULT;
	return (CLOCK_BOOTED_NS + clock_elapsed_ns(p->system)) / tick;
}

int64_t sys_sysinfo(struct linux_task *p, const uint64_t *a)
{
	struct sysinfo info;

	memset(&info, 0, sizeof(info));
	info.uptime = (CLOCK_BOOTED_NS + clock_elapsed_ns(p->system)) / NS_PER_SECOND;
	info.totalram = p->system->reported_ram;
	info.freeram = p->system->reported_ram / 2;
	info.procs = (unsigned short)p->system->task_count;
	info.mem_unit = 1;
	return user_put(p, a[0], &info);
}

/* --- scheduling ------------------------------------------------------------------------------ */

int64_t sys_sched_yield(struct linux_task *p, const uint64_t *a)
{
	(void)a;
	sched_yield_to_others(p);
	return 0;
}

/* Priorities are accepted and mean nothing: round robin knows none. */
int64_t sys_setpriority(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return 0;
}

int64_t sys_sched_getscheduler(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return SCHED_OTHER;
}

int64_t sys_sched_setscheduler(struct linux_task *p, const uint64_t *a)
{
	(void)p;
	return (int32_t)a[1] == SCHED_OTHER || (int32_t)a[1] == SCHED_BATCH ||
			       (int32_t)a[1] == SCHED_IDLE
		       ? 0
		       : -EPERM;
}

int64_t sys_sched_getparam(struct linux_task *p, const uint64_t *a)
{
	const int32_t priority = 0;

	return user_put(p, a[1], &priority);
}

static bool is_realtime(uint64_t policy)
{
	return (int32_t)policy == SCHED_FIFO || (int32_t)policy == SCHED_RR;
}

int64_t sys_sched_get_priority_max(struct linux_task *p, const uint64_t *a)
{
	(void)p;
	return is_realtime(a[0]) ? 99 : 0;
}

int64_t sys_sched_get_priority_min(struct linux_task *p, const uint64_t *a)
{
	(void)p;
	return is_realtime(a[0]) ? 1 : 0;
}

int64_t sys_sched_rr_get_interval(struct linux_task *p, const uint64_t *a)
{
	const int64_t slice[2] = { 0, NS_PER_SECOND / 250 };

	return user_put(p, a[1], &slice);
}

int64_t sys_getpriority(struct linux_task *p, const uint64_t *a)
{
	enum { NICE_0 = 20 }; /* the kernel counts from 40 down to 1 */

	(void)p, (void)a;
	return NICE_0;
}

enum { CPU_MASK_BYTES = 128 }; /* 1024 of them */

int64_t sys_sched_getaffinity(struct linux_task *p, const uint64_t *a)
{
	unsigned cpus = p->system->reported_cpus;
	uint64_t bytes = ((cpus + 63) / 64) * 8;
	uint8_t mask[CPU_MASK_BYTES] = { 0 };

	if ((int32_t)a[0] != 0 && !task_find(p->system, (int32_t)a[0]))
		return -ESRCH;
	if ((uint32_t)a[1] < bytes || ((uint32_t)a[1] & 7) || bytes > CPU_MASK_BYTES)
		return -EINVAL;
	for (unsigned i = 0; i < cpus; i++)
		mask[i / 8] = (uint8_t)(mask[i / 8] | 1u << (i % 8));
	return user_write(p, a[2], mask, bytes) < 0 ? -EFAULT : (int64_t)bytes;
}

int64_t sys_sched_setaffinity(struct linux_task *p, const uint64_t *a)
{
	return (int32_t)a[0] == 0 || task_find(p->system, (int32_t)a[0]) ? 0 : -ESRCH;
}

int64_t sys_getcpu(struct linux_task *p, const uint64_t *a)
{
	const uint32_t zero = 0;

	if ((a[0] && user_put(p, a[0], &zero) < 0) || (a[1] && user_put(p, a[1], &zero) < 0))
		return -EFAULT;
	return 0;
}
