/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/* Descriptors: close, dup, fcntl. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "emu/linux/lock.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

int64_t sys_close(struct linux_task *p, const uint64_t *a)
{
	return fd_close(p, a[0]);
}

int64_t sys_close_range(struct linux_task *p, const uint64_t *a)
{
	enum { CLOSE_RANGE_CLOEXEC_FLAG = 4, CLOSE_RANGE_UNSHARE_FLAG = 2 };
	uint32_t first = (uint32_t)a[0], last = (uint32_t)a[1], flags = (uint32_t)a[2];

	if (first > last || (flags & ~6u))
		return -EINVAL;
	for (uint32_t n = first; n <= last && n < FD_MAX; n++) {
		if (!p->files->slot[n].file)
			continue;
		if (flags & CLOSE_RANGE_CLOEXEC_FLAG)
			p->files->slot[n].close_on_exec = true;
		else
			fd_close(p, n);
	}
	return 0;
}

static int64_t duplicate(struct linux_task *p, uint64_t fd, unsigned from, bool close_on_exec)
{
	struct open_file *file = fd_get(p, fd);

	if (!file)
		return -EBADF;
	if (from >= FD_MAX)
		return -EINVAL;
	file->refs++;
	return fd_install(p, file, from, close_on_exec);
}

static int64_t duplicate_to(struct linux_task *p, const uint64_t *a, bool close_on_exec)
{
	struct open_file *file = fd_get(p, a[0]);

	if (!file || (uint32_t)a[1] >= FD_MAX)
		return -EBADF;
	file->refs++;
	fd_replace(p, (uint32_t)a[1], file, close_on_exec);
	return (uint32_t)a[1];
}

int64_t sys_dup(struct linux_task *p, const uint64_t *a)
{
	return duplicate(p, a[0], 0, false);
}

int64_t sys_dup2(struct linux_task *p, const uint64_t *a)
{
	if ((uint32_t)a[0] == (uint32_t)a[1])
		return fd_get(p, a[0]) ? (int64_t)(uint32_t)a[1] : -EBADF;
	return duplicate_to(p, a, false);
}

int64_t sys_dup3(struct linux_task *p, const uint64_t *a)
{
	if ((uint32_t)a[0] == (uint32_t)a[1] || (a[2] & ~(uint64_t)O_CLOEXEC))
		return -EINVAL;
	return duplicate_to(p, a, a[2] & O_CLOEXEC);
}

static int64_t set_status(struct open_file *file, uint64_t flags)
{
	const uint32_t may = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

	/* Of the host's own descriptors only our view changes: they are others' too. */
	if (!file->inherited && file->host_fd >= 0 &&
	    fcntl(file->host_fd, F_SETFL, (int)(flags & O_APPEND)) != 0)
		return -errno;
	file->flags = (file->flags & ~may) | ((uint32_t)flags & may);
	return 0;
}

int64_t sys_fcntl(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file = fd_get(p, a[0]);
	struct fd_slot *slot;

	if (!file)
		return -EBADF;
	slot = &p->files->slot[(uint32_t)a[0]];
	switch ((int)a[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return duplicate(p, a[0], a[2] < FD_MAX ? (unsigned)a[2] : FD_MAX,
				 (int)a[1] == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return slot->close_on_exec ? FD_CLOEXEC : 0;
	case F_SETFD:
		slot->close_on_exec = a[2] & FD_CLOEXEC;
		return 0;
	case F_GETFL:
		return file->flags;
	case F_SETFL:
		return set_status(file, a[2]);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return lock_fcntl(p, file, (int)a[1], a[2]);
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		return file->type == S_IFIFO ? 65536 : -EBADF;
	case F_GETOWN:
		return 0;
	default:
		return -EINVAL;
	}
}
