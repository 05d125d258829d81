/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/file.h"

/*
 * Pipes and event counters of the guest, wholly ours, so that nothing in them depends on the
 * host.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"

enum { PIPE_BYTES = 65536 };

struct pipe {
	unsigned readers, writers;
	uint64_t number;
	size_t start, used;
	uint8_t bytes[PIPE_BYTES];
};

/* Until poll says POLLIN or POLLOUT; the call is begun again then. */
static int64_t wait_or_again(struct linux_task *p, struct open_file *file, unsigned events)
{
	int error;

	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	error = task_wait_file(p, file, events);
	assert(error && "whoever waits has found that it must");
	return error == -EINTR ? -LINUX_ERESTART : error;
}

static int64_t pipe_read(struct linux_task *p, struct open_file *file, void *to, size_t bytes)
{
	struct pipe *pipe = file->state;
	uint8_t *out = to;
	size_t now = bytes < pipe->used ? bytes : pipe->used;

	if (bytes == 0 || (pipe->used == 0 && pipe->writers == 0))
		return 0;
	if (pipe->used == 0)
		return wait_or_again(p, file, POLLIN);
	for (size_t i = 0; i < now; i++)
		out[i] = pipe->bytes[(pipe->start + i) % PIPE_BYTES];
	pipe->start = (pipe->start + now) % PIPE_BYTES;
	pipe->used -= now;
	return (int64_t)now;
}

static int64_t pipe_write(struct linux_task *p, struct open_file *file, const void *from,
			  size_t bytes)
{
	struct pipe *pipe = file->state;
	const uint8_t *in = from;
	size_t room = PIPE_BYTES - pipe->used, now = bytes < room ? bytes : room;

	if (pipe->readers == 0)
		return -EPIPE;
	/* Up to PIPE_BUF bytes go as a whole or not at all. */
	if (bytes > 0 && (now == 0 || (now < bytes && bytes <= PIPE_BUF)))
		return wait_or_again(p, file, POLLOUT);
	for (size_t i = 0; i < now; i++)
		pipe->bytes[(pipe->start + pipe->used + i) % PIPE_BYTES] = in[i];
	pipe->used += now;
	return (int64_t)now;
}

static int pipe_stat(struct linux_task *p, struct open_file *file, struct stat *st)
{
	const struct pipe *pipe = file->state;

	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFIFO | 0600;
	st->st_ino = pipe->number;
	st->st_nlink = 1;
	st->st_blksize = FRAME_BYTES;
	st->st_mtim.tv_sec = p->system->clock_start_ns / NS_PER_SECOND;
	return 0;
}

static unsigned pipe_poll(struct linux_task *p, struct open_file *file)
{
	const struct pipe *pipe = file->state;
	unsigned ready = 0;

	(void)p;
	if (file_can_read(file))
		ready |= (pipe->used ? POLLIN | POLLRDNORM : 0) | (pipe->writers ? 0 : POLLHUP);
	if (file_can_write(file))
		ready |= (PIPE_BYTES - pipe->used >= PIPE_BUF ? POLLOUT | POLLWRNORM : 0) |
			 (pipe->readers ? 0 : POLLERR);
	return ready;
}

static void pipe_release(struct linux_task *p, struct open_file *file)
{
	struct pipe *pipe = file->state;

	(void)p;
	pipe->readers -= file_can_read(file);
	pipe->writers -= file_can_write(file);
	if (pipe->readers == 0 && pipe->writers == 0)
		free(pipe);
}

static const struct file_ops pipe_ops = {
	.name = "pipe",
	.read = pipe_read,
	.write = pipe_write,
	.stat = pipe_stat,
	.poll = pipe_poll,
	.release = pipe_release,
};

static struct open_file *open_end(struct pipe *pipe, uint32_t flags)
{
	char path[40];
	struct open_file *file;

	snprintf(path, sizeof(path), "pipe:[%llu]", (unsigned long long)pipe->number);
	file = open_file_create(&pipe_ops, -1, flags, path);
	if (!file)
		return NULL;
	file->type = S_IFIFO;
	file->state = pipe;
	pipe->readers += file_can_read(file);
	pipe->writers += file_can_write(file);
	return file;
}

int file_open_pipe(struct linux_task *p, uint32_t flags, struct open_file *ends[2])
{
	struct pipe *pipe = calloc(1, sizeof(*pipe));

	if (!pipe)
		return -ENOMEM;
	pipe->number = ++p->system->pipe_sequence;
	ends[0] = open_end(pipe, flags | O_RDONLY);
	if (!ends[0]) {
		free(pipe);
		return -ENOMEM;
	}
	ends[1] = open_end(pipe, flags | O_WRONLY);
	if (ends[1])
		return 0;
	open_file_put(p, ends[0]);
	return -ENOMEM;
}

/* --- eventfd -------------------------------------------------------------------------------- */

struct event_counter {
	uint64_t value;
	bool semaphore;
};

static int64_t event_read(struct linux_task *p, struct open_file *file, void *to, size_t bytes)
{
	struct event_counter *counter = file->state;
	uint64_t value = counter->semaphore ? 1 : counter->value;

	if (bytes < sizeof(value))
		return -EINVAL;
	if (counter->value == 0)
		return wait_or_again(p, file, POLLIN);
	counter->value -= value;
	memcpy(to, &value, sizeof(value));
	return sizeof(value);
}

static bool event_is_empty(struct linux_task *p)
{
	const struct event_counter *counter = p->wait.file->state;

	return counter->value == 0;
}

/* Poll says that a little may be added; this is for when that little is not enough. */
static int64_t wait_until_empty(struct linux_task *p, struct open_file *file)
{
	const struct task_wait wait = { .ready = event_is_empty,
					.deadline_ns = INT64_MAX,
					.file = file };
	int error = file->flags & O_NONBLOCK ? -EAGAIN : task_wait(p, &wait);

	return error == -EINTR ? -LINUX_ERESTART : error;
}

static int64_t event_write(struct linux_task *p, struct open_file *file, const void *from,
			   size_t bytes)
{
	struct event_counter *counter = file->state;
	uint64_t value;

	if (bytes < sizeof(value))
		return -EINVAL;
	memcpy(&value, from, sizeof(value));
	if (value == UINT64_MAX)
		return -EINVAL;
	if (value > UINT64_MAX - 1 - counter->value)
		return wait_until_empty(p, file);
	counter->value += value;
	return sizeof(value);
}

static unsigned event_poll(struct linux_task *p, struct open_file *file)
{
	const struct event_counter *counter = file->state;

	(void)p;
	return (counter->value ? POLLIN : 0) | (counter->value < UINT64_MAX - 1 ? POLLOUT : 0);
}

static void event_release(struct linux_task *p, struct open_file *file)
{
	(void)p;
	free(file->state);
}

static const struct file_ops event_ops = {
	.name = "event",
	.read = event_read,
	.write = event_write,
	.stat = file_anonymous_stat,
	.poll = event_poll,
	.release = event_release,
};

struct open_file *file_open_event(uint64_t value, bool semaphore, uint32_t flags)
{
	struct open_file *file =
		open_file_create(&event_ops, -1, flags | O_RDWR, "anon_inode:[eventfd]");
	struct event_counter *counter = file ? calloc(1, sizeof(*counter)) : NULL;

	if (!counter) {
		if (file)
			free(file->path);
		free(file);
		return NULL;
	}
	*counter = (struct event_counter){ value, semaphore };
	file->state = counter;
	return file;
}
