/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/kernel/kernel_truth.h"
#include "emu/linux/syscall.h"

/* wait4 and waitid: for children that end, stop or continue. */

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

struct wanted {
	int32_t pid; /* as wait4() has it: a child, 0: own group, -1: any, -n: group n */
	uint32_t options;
};

static bool is_wanted(const struct linux_task *p, const struct linux_process *child,
		      const struct wanted *wanted)
{
	bool cloned = child->end_signal != SIGCHLD;

	if (child->parent != p->process)
		return false;
	if (!(wanted->options & __WALL) && cloned != !!(wanted->options & __WCLONE))
		return false;
	if (wanted->pid > 0)
		return child->pid == wanted->pid;
	return wanted->pid == -1 ||
	       child->pgid == (wanted->pid == 0 ? p->process->pgid : -wanted->pid);
}

static bool has_news(const struct linux_process *child, uint32_t options)
{
	if (child->zombie)
		return options & WEXITED;
	return (options & WSTOPPED && child->stop_unseen) ||
	       (options & WCONTINUED && child->continue_unseen);
}

/* A child that there is something to tell of; else NULL, and whether there is any that may. */
static struct linux_process *find_child(const struct linux_task *p, const struct wanted *wanted,
					bool *any)
{
	*any = false;
	for (struct linux_process *child = p->system->processes; child; child = child->next) {
		if (!is_wanted(p, child, wanted))
			continue;
		*any = true;
		if (has_news(child, wanted->options))
			return child;
	}
	return NULL;
}

static struct wanted wanted_by_wait4(const struct linux_call *call)
{
	return (struct wanted){ (int32_t)call->arg[0], (uint32_t)call->arg[2] | WEXITED };
}

static struct wanted wanted_by_waitid(const struct linux_call *call, int32_t pgid)
{
	struct wanted wanted = { -1, (uint32_t)call->arg[3] };

	if (call->arg[0] == P_PID)
		wanted.pid = (int32_t)call->arg[1];
	else if (call->arg[0] == P_PGID)
		wanted.pid = -(call->arg[1] ? (int32_t)call->arg[1] : pgid);
	return wanted;
}

enum { CALL_WAIT4 = 61 };

static bool child_has_ended(struct linux_task *p)
{
	const struct wanted wanted = p->call.number == CALL_WAIT4
					     ? wanted_by_wait4(&p->call)
					     : wanted_by_waitid(&p->call, p->process->pgid);
	bool any;

	return find_child(p, &wanted, &any) || !any;
}

/* With its own children (getrusage(), RUSAGE_BOTH): the machine's truth. */
static struct rusage usage_of(struct linux_task *p, const struct linux_process *child, va_t asked)
{
	struct rusage usage;

	if (asked)
		kernel_truth_read(p->system->kernel, TRUTH_RUSAGE);
	usage_get(child, USAGE_BOTH, &usage);
	return usage;
}

/* How it is, for waitid; it is not seen again unless `look` says so, and is gone if it has ended. */
struct news {
	int code, status;
};

static struct news take_news(struct linux_process *child, bool look)
{
	struct news news = { CLD_EXITED, child->exit_status };

	if (child->zombie && child->exit_signal)
		news = (struct news){ CLD_KILLED, child->exit_signal };
	else if (!child->zombie && child->stop_unseen)
		news = (struct news){ CLD_STOPPED, child->stop_unseen };
	else if (!child->zombie)
		news = (struct news){ CLD_CONTINUED, SIGCONT };
	if (look)
		return news;
	child->stop_unseen = 0;
	child->continue_unseen = false;
	if (child->zombie) {
		usage_reap(child);
		process_forget(child);
	}
	return news;
}

/* The same for wait4 (wait_task_zombie(), wait_task_stopped(), wait_task_continued()). */
static int32_t status_of(const struct news *news)
{
	switch (news->code) {
	case CLD_KILLED:
		return news->status;
	case CLD_STOPPED:
		return news->status << 8 | 0x7f;
	case CLD_CONTINUED:
		return 0xffff;
	default:
		return news->status << 8;
	}
}

/* The child, or what is to be returned (0: WNOHANG, and none has ended yet). */
static int64_t wait_for(struct linux_task *p, const struct wanted *wanted,
			struct linux_process **child)
{
	const struct task_wait wait = { .ready = child_has_ended, .deadline_ns = INT64_MAX };
	bool any;
	int error;

	*child = find_child(p, wanted, &any);
	if (*child)
		return (*child)->pid;
	if (!any)
		return -ECHILD;
	if (wanted->options & WNOHANG)
		return 0;
	error = task_wait(p, &wait);
	return error == -EINTR ? -LINUX_ERESTART : error;
}

int64_t sys_wait4(struct linux_task *p, const uint64_t *a)
{
	const struct wanted wanted = wanted_by_wait4(&p->call);
	struct linux_process *child;
	struct rusage usage;
	struct news news;
	int64_t result;
	int32_t status;

	if ((uint32_t)a[2] &
	    ~(uint32_t)(WNOHANG | WUNTRACED | WCONTINUED | __WALL | __WCLONE | __WNOTHREAD))
		return -EINVAL;
	if (wanted.pid == INT32_MIN)
		return -ESRCH;
	result = wait_for(p, &wanted, &child);
	if (!child)
		return result;
	usage = usage_of(p, child, a[3]);
	news = take_news(child, false);
	status = status_of(&news);
	if ((a[1] && user_put(p, a[1], &status) < 0) || (a[3] && user_put(p, a[3], &usage) < 0))
		return -EFAULT;
	return result;
}

static int64_t put_info(struct linux_task *p, va_t at, int32_t pid, const struct news *news)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	if (news) {
		info.si_signo = SIGCHLD;
		info.si_code = news->code;
		info.si_pid = pid;
		info.si_uid = getuid();
		info.si_status = news->status;
	}
	return at && user_put(p, at, &info) < 0 ? -EFAULT : 0;
}

int64_t sys_waitid(struct linux_task *p, const uint64_t *a)
{
	const struct wanted wanted = wanted_by_waitid(&p->call, p->process->pgid);
	struct linux_process *child;
	struct rusage usage;
	struct news news;
	int64_t result;

	if (a[0] != P_ALL && a[0] != P_PID && a[0] != P_PGID)
		return -EINVAL;
	if ((wanted.options & ~(uint32_t)(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED |
					  __WALL | __WCLONE | __WNOTHREAD)) ||
	    !(wanted.options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	result = wait_for(p, &wanted, &child);
	if (!child)
		return result < 0 ? result : put_info(p, a[2], 0, NULL);
	usage = usage_of(p, child, a[4]);
	news = take_news(child, wanted.options & WNOWAIT);
	result = put_info(p, a[2], (int32_t)result, &news);
	return a[4] && user_put(p, a[4], &usage) < 0 ? -EFAULT : result;
}
