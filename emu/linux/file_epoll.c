/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/file.h"

/*
 * epoll: a set of files and what is asked of each (Linux: fs/eventpoll.c). Always level-triggered:
 * EPOLLET is taken and reports more often than an edge would, which its users must bear anyway.
 * A descriptor that was closed leaves the set when its file is another one.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/syscall.h"
#include "emu/linux/user.h"

enum { SET_MAX = FD_MAX };

struct epoll_item {
	struct open_file *file; /* not held: only compared with what the descriptor names now */
	uint32_t fd, events;    /* events 0: reported once, and not armed again */
	uint64_t data;
};

struct epoll_set {
	unsigned count, next; /* next: where the next report begins, so that all have their turn */
	struct epoll_item item[SET_MAX];
};

static unsigned ready_of(struct linux_task *p, const struct epoll_item *item)
{
	struct open_file *file = fd_get(p, item->fd);

	if (file != item->file || item->events == 0)
		return 0;
	if (!file->ops->poll)
		return (EPOLLIN | EPOLLOUT) & item->events;
	return file->ops->poll(p, file) & (item->events | POLLERR | POLLHUP) & 0xffff;
}

static unsigned epoll_poll(struct linux_task *p, struct open_file *file)
{
	const struct epoll_set *set = file->state;

	for (unsigned i = 0; i < set->count; i++)
		if (set->item[i].file != file && ready_of(p, &set->item[i]))
			return POLLIN | POLLRDNORM;
	return 0;
}

static void epoll_release(struct linux_task *p, struct open_file *file)
{
	(void)p;
	free(file->state);
}

static const struct file_ops epoll_ops = {
	.name = "epoll",
	.stat = file_anonymous_stat,
	.poll = epoll_poll,
	.release = epoll_release,
};

int64_t sys_epoll_create1(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file;

	if (a[0] & ~(uint64_t)EPOLL_CLOEXEC)
		return -EINVAL;
	file = open_file_create(&epoll_ops, -1, O_RDWR, "anon_inode:[eventpoll]");
	if (!file)
		return -ENOMEM;
	file->state = calloc(1, sizeof(struct epoll_set));
	if (!file->state) {
		open_file_put(p, file);
		return -ENOMEM;
	}
	return fd_install(p, file, 0, a[0] & EPOLL_CLOEXEC);
}

int64_t sys_epoll_create(struct linux_task *p, const uint64_t *a)
{
	const uint64_t none[1] = { 0 };

	return (int32_t)a[0] <= 0 ? -EINVAL : sys_epoll_create1(p, none);
}

static struct epoll_set *set_of(struct linux_task *p, uint64_t fd, int64_t *error)
{
	struct open_file *file = fd_get(p, fd);

	*error = !file ? -EBADF : file->ops != &epoll_ops ? -EINVAL : 0;
	return *error ? NULL : file->state;
}

static struct epoll_item *find_item(struct epoll_set *set, uint32_t fd,
				    const struct open_file *file)
{
	for (unsigned i = 0; i < set->count; i++)
		if (set->item[i].fd == fd && set->item[i].file == file)
			return &set->item[i];
	return NULL;
}

/* Those whose descriptor names something else now. */
static void drop_closed(struct linux_task *p, struct epoll_set *set)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < set->count; i++)
		if (fd_get(p, set->item[i].fd) == set->item[i].file)
			set->item[kept++] = set->item[i];
	set->count = kept;
}

int64_t sys_epoll_ctl(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file = fd_get(p, a[2]);
	struct epoll_event event = { 0 };
	struct epoll_item *item;
	struct epoll_set *set;
	int64_t error;

	set = set_of(p, a[0], &error);
	if (!file || error == -EBADF)
		return -EBADF;
	if (a[1] != EPOLL_CTL_DEL && user_get(p, &event, a[3]) < 0)
		return -EFAULT;
	if (error || (uint32_t)a[0] == (uint32_t)a[2])
		return -EINVAL;
	if (!file->ops->poll)
		return -EPERM;
	drop_closed(p, set);
	item = find_item(set, (uint32_t)a[2], file);
	switch (a[1]) {
	case EPOLL_CTL_ADD:
		if (item)
			return -EEXIST;
		if (set->count == SET_MAX)
			return -ENOSPC;
		item = &set->item[set->count++];
		break;
	case EPOLL_CTL_MOD:
		if (!item)
			return -ENOENT;
		break;
	case EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		*item = set->item[--set->count];
		return 0;
	default:
		return -EINVAL;
	}
	*item = (struct epoll_item){ file, (uint32_t)a[2], event.events | EPOLLERR | EPOLLHUP,
				     event.data.u64 };
	return 0;
}

/* How many were reported; -EFAULT. */
static int64_t report(struct linux_task *p, struct epoll_set *set, va_t to, unsigned max)
{
	unsigned done = 0;

	for (unsigned i = 0; i < set->count && done < max; i++) {
		struct epoll_item *item = &set->item[(set->next + i) % set->count];
		struct epoll_event event = { .events = ready_of(p, item) };

		if (!event.events)
			continue;
		event.data.u64 = item->data;
		if (user_put(p, to + done * sizeof(event), &event) < 0)
			return -EFAULT;
		if (item->events & EPOLLONESHOT)
			item->events = 0;
		done++;
	}
	set->next = set->count ? (set->next + done) % set->count : 0;
	return done;
}

static bool set_is_ready(struct linux_task *p)
{
	return epoll_poll(p, p->wait.file) != 0;
}

static int64_t wait_for(struct linux_task *p, const uint64_t *a, int64_t timeout_ns)
{
	struct task_wait wait = { .ready = set_is_ready, .deadline_ns = INT64_MAX };
	struct epoll_set *set;
	int64_t error, done;

	if ((int32_t)a[2] <= 0)
		return -EINVAL;
	set = set_of(p, a[0], &error);
	if (error)
		return error;
	drop_closed(p, set);
	done = report(p, set, a[1], (uint32_t)a[2] < SET_MAX ? (uint32_t)a[2] : SET_MAX);
	if (done || timeout_ns == 0)
		return done;
	if (timeout_ns > 0)
		wait.deadline_ns = clock_elapsed_ns(p->system) + timeout_ns;
	wait.deadline_ns = task_deadline(p, wait.deadline_ns);
	wait.file = fd_get(p, a[0]);
	return task_wait(p, &wait);
}

int64_t sys_epoll_wait(struct linux_task *p, const uint64_t *a)
{
	int32_t ms = (int32_t)a[3];

	return wait_for(p, a, ms < 0 ? -1 : (int64_t)ms * (NS_PER_SECOND / 1000));
}

/* As ppoll(2) does with its mask. */
int64_t sys_epoll_pwait(struct linux_task *p, const uint64_t *a)
{
	struct linux_signals *signals = &p->signals;
	uint64_t mask;
	int64_t result;

	if (!a[4])
		return sys_epoll_wait(p, a);
	if (!p->call.again) {
		if (user_get(p, &mask, a[4]) < 0)
			return -EFAULT;
		signals->suspended = true;
		signals->suspended_mask = signals->blocked;
		signals->blocked = mask & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	}
	result = sys_epoll_wait(p, a);
	if (result != -EINTR && result != -LINUX_BLOCKED) {
		signals->suspended = false;
		signals->blocked = signals->suspended_mask;
	}
	return result;
}
