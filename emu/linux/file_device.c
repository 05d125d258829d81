/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/file.h"

/* The emulated character devices: null, zero, full, and random from the seed. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "emu/linux/process.h"

static enum device_kind kind_of(const struct open_file *file)
{
	return (enum device_kind)(uintptr_t)file->state;
}

static int64_t device_read(struct linux_task *p, struct open_file *file, void *to, size_t bytes)
{
	switch (kind_of(file)) {
	case DEVICE_NULL:
		return 0;
	case DEVICE_RANDOM:
		guest_random_fill(&p->system->random, to, bytes);
		return (int64_t)bytes;
	default:
		memset(to, 0, bytes);
		return (int64_t)bytes;
	}
}

static int64_t device_read_at(struct linux_task *p, struct open_file *file, void *to, size_t bytes,
			      int64_t offset)
{
	(void)offset;
	return device_read(p, file, to, bytes);
}

static int64_t device_write(struct linux_task *p, struct open_file *file, const void *from,
			    size_t bytes)
{
	(void)p, (void)from;
	return kind_of(file) == DEVICE_FULL ? -ENOSPC : (int64_t)bytes;
}

static int64_t device_write_at(struct linux_task *p, struct open_file *file, const void *from,
			       size_t bytes, int64_t offset)
{
	(void)offset;
	return device_write(p, file, from, bytes);
}

static int64_t device_seek(struct linux_task *p, struct open_file *file, int64_t offset, int whence)
{
	(void)p, (void)file, (void)offset, (void)whence;
	return 0;
}

static int device_stat(struct linux_task *p, struct open_file *file, struct stat *st)
{
	static const unsigned minors[] = {
		[DEVICE_NULL] = 3, [DEVICE_ZERO] = 5, [DEVICE_FULL] = 7, [DEVICE_RANDOM] = 9
	};

	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFCHR | 0666;
	st->st_nlink = 1;
	st->st_dev = makedev(0, 6);
	st->st_ino = minors[kind_of(file)];
	st->st_rdev = makedev(1, minors[kind_of(file)]);
	st->st_blksize = FRAME_BYTES;
	st->st_atim.tv_sec = st->st_mtim.tv_sec = st->st_ctim.tv_sec =
		p->system->clock_start_ns / 1000000000;
	return 0;
}

static unsigned device_poll(struct linux_task *p, struct open_file *file)
{
	(void)p, (void)file;
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

static const struct file_ops device_ops = {
	.name = "device",
	.read = device_read,
	.write = device_write,
	.read_at = device_read_at,
	.write_at = device_write_at,
	.seek = device_seek,
	.stat = device_stat,
	.poll = device_poll,
};

struct open_file *file_open_device(enum device_kind kind, uint32_t flags, const char *path)
{
	struct open_file *file = open_file_create(&device_ops, -1, flags, path);

	if (!file)
		return NULL;
	file->type = S_IFCHR;
	file->whole_reads = true;
	file->state = (void *)(uintptr_t)kind;
	return file;
}
