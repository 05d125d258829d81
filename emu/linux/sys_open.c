/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/* Making descriptors: open and its kin, pipes and other files without a name. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/file_directory.h"
#include "emu/linux/path.h"
#include "emu/linux/process.h"
#include "emu/linux/procfs.h"
#include "emu/linux/user.h"

/* Kept in a file's status: what F_GETFL shows. O_LARGEFILE is always on. */
#define STATUS_FLAGS \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_NOATIME | O_PATH)
#define LARGEFILE 0100000u

static uint32_t status_of(int flags)
{
	return ((uint32_t)flags & (uint32_t)STATUS_FLAGS) | LARGEFILE;
}

static int64_t check_directory(bool directory, bool writes, int flags)
{
	if (directory && (writes || (flags & O_CREAT)))
		return -EISDIR;
	return !directory && (flags & O_DIRECTORY) ? -ENOTDIR : 0;
}

/* Before it is known by its number: the host may have given it that of a file long gone. */
static void note_made(struct linux_task *p, const struct place *place, int host_fd)
{
	struct stat st;

	if (fstat(host_fd, &st) == 0)
		inode_made(&p->system->inodes, &st, clock_now_ns(p->system));
	path_directory_changed(p, place);
}

/* O_PATH: the place itself, whatever it is. */
static int64_t open_path(const struct place *place, int flags, struct open_file **out)
{
	int fd = fcntl(place->fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	*out = open_file_create(&file_path_ops, fd, status_of(flags) | 3u, place->path);
	if (!*out) {
		close(fd);
		return -ENOMEM;
	}
	(*out)->type = place->st.st_mode & S_IFMT;
	return 0;
}

static int64_t open_host(struct linux_task *p, const struct place *place,
			 const struct open_request *r, struct open_file **out)
{
	bool made = false, writes = (r->flags & O_ACCMODE) != O_RDONLY || (r->flags & O_TRUNC);
	int64_t error = 0;
	int fd;

	if (place->kind == PLACE_HOST && (r->flags & O_CREAT) && (r->flags & O_EXCL))
		return -EEXIST;
	if (place->kind == PLACE_HOST)
		error = check_directory(S_ISDIR(place->st.st_mode), writes, r->flags);
	else if ((r->flags & O_CREAT) && place->slash)
		error = -EISDIR;
	if (error)
		return error;
	if ((r->flags & O_PATH) && place->kind == PLACE_HOST)
		return open_path(place, r->flags, out);
	fd = hostfs_open(place, r->flags, (r->mode & MODE_BITS) & ~p->place->umask, &made);
	if (fd < 0)
		return fd;
	/* The umask of the host is on top of the guest's: set the mode for good. */
	if (made) {
		(void)fchmod(fd, (r->mode & MODE_BITS) & ~p->place->umask);
		note_made(p, place, fd);
	}
	error = file_from_host(p, fd, status_of(r->flags), place->path, out);
	if (error)
		return error;
	(*out)->writable = place->writable;
	(*out)->changed = made;
	if (!made && (r->flags & O_TRUNC))
		file_changed(p, *out, 0, 0);
	return 0;
}

static int64_t open_text(struct linux_task *p, const struct place *place, const struct vnode *node,
			 int flags, struct open_file **out)
{
	int fd;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (node->entry->print == procfs_self_pagemap) {
		const struct linux_task *owner = task_find(p->system, node->tid);

		*out = file_open_pagemap(owner ? owner->process->pid : 0, status_of(flags),
					 place->path);
		return *out ? 0 : -ENOMEM;
	}
	fd = vnode_open_text(p, node);
	if (fd < 0)
		return fd;
	*out = open_file_create(&file_host_ops, fd, status_of(flags), place->path);
	if (!*out) {
		close(fd);
		return -ENOMEM;
	}
	(*out)->type = S_IFREG;
	(*out)->whole_reads = true;
	return 0;
}

static int64_t open_device(const struct place *place, int flags, struct open_file **out)
{
	static const struct {
		const char *path;
		enum device_kind kind;
	} devices[] = {
		{ "/dev/null", DEVICE_NULL },      { "/dev/zero", DEVICE_ZERO },
		{ "/dev/full", DEVICE_FULL },      { "/dev/random", DEVICE_RANDOM },
		{ "/dev/urandom", DEVICE_RANDOM },
	};

	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		if (strcmp(place->path, devices[i].path) != 0)
			continue;
		*out = file_open_device(devices[i].kind, status_of(flags), place->path);
		return *out ? 0 : -ENOMEM;
	}
	return -ENXIO; /* /dev/tty: the guest has none */
}

static int64_t open_virtual(struct linux_task *p, const struct place *place, int flags,
			    struct open_file **out)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	struct vnode node;
	int64_t error;

	if (!vnode_find(p, place->path, &node))
		return -ENOENT;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	error = check_directory(node.kind == VNODE_DIRECTORY, writes, flags);
	if (error)
		return error;
	switch (node.kind) {
	case VNODE_DIRECTORY:
		*out = file_open_virtual_directory(&node, status_of(flags), place->path);
		return *out ? 0 : -ENOMEM;
	case VNODE_FILE:
		return open_text(p, place, &node, flags, out);
	case VNODE_DEVICE:
		return open_device(place, flags, out);
	case VNODE_LINK:
		break;
	}
	if (!vnode_is_file_link(&node) || (flags & O_NOFOLLOW))
		return -ELOOP;
	*out = fd_get(p, node.number); /* opened again: here, shared */
	if (!*out)
		return -ENOENT;
	(*out)->refs++;
	return 0;
}

int64_t path_open(struct linux_task *p, const struct path_name *name, const struct open_request *r,
		  struct open_file **out)
{
	bool last_link = (r->flags & O_NOFOLLOW) || ((r->flags & O_CREAT) && (r->flags & O_EXCL));
	struct place place;
	int64_t error = path_resolve(p, name, last_link ? HOSTFS_NOFOLLOW : 0, &place);

	if (error)
		return error;
	if (place.kind == PLACE_VIRTUAL)
		error = open_virtual(p, &place, r->flags, out);
	else
		error = open_host(p, &place, r, out);
	hostfs_leave(&place);
	return error;
}

static int64_t open_at(struct linux_task *p, int64_t dirfd, va_t path, int flags, uint32_t mode)
{
	struct open_request request = { .flags = flags, .mode = mode };
	struct path_name name;
	struct open_file *file;
	int64_t error = path_read(p, dirfd, path, &name);

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP; /* programs fall back on a name */
	if ((flags & O_ACCMODE) == O_ACCMODE)
		request.flags &= ~O_TRUNC; /* for ioctl only; opens nothing to read or write */
	if (!error)
		error = path_open(p, &name, &request, &file);
	return error ? error : fd_install(p, file, 0, flags & O_CLOEXEC);
}

int64_t sys_open(struct linux_task *p, const uint64_t *a)
{
	return open_at(p, AT_FDCWD, a[0], (int)a[1], (uint32_t)a[2]);
}

int64_t sys_creat(struct linux_task *p, const uint64_t *a)
{
	return open_at(p, AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)a[1]);
}

int64_t sys_openat(struct linux_task *p, const uint64_t *a)
{
	return open_at(p, (int32_t)a[0], a[1], (int)a[2], (uint32_t)a[3]);
}

/* --- without a name -------------------------------------------------------------------------- */

static int64_t make_pipe(struct linux_task *p, va_t to, int flags)
{
	struct open_file *ends[2];
	int32_t fd[2];
	int64_t error;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	error = file_open_pipe(p, status_of(flags) & ~LARGEFILE, ends);
	if (error)
		return error;
	fd[0] = (int32_t)fd_install(p, ends[0], 0, flags & O_CLOEXEC);
	fd[1] = (int32_t)fd_install(p, ends[1], 0, flags & O_CLOEXEC);
	error = fd[0] < 0 || fd[1] < 0 ? -EMFILE : user_write(p, to, fd, sizeof(fd));
	for (int i = 0; error && i < 2; i++)
		if (fd[i] >= 0)
			fd_close(p, (uint64_t)fd[i]);
	return error;
}

int64_t sys_pipe(struct linux_task *p, const uint64_t *a)
{
	return make_pipe(p, a[0], 0);
}

int64_t sys_pipe2(struct linux_task *p, const uint64_t *a)
{
	return make_pipe(p, a[0], (int)a[1]);
}

static int64_t make_event(struct linux_task *p, uint32_t value, int flags)
{
	struct open_file *file;

	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	file = file_open_event(value, flags & EFD_SEMAPHORE, flags & EFD_NONBLOCK ? O_NONBLOCK : 0);
	return file ? fd_install(p, file, 0, flags & EFD_CLOEXEC) : -ENOMEM;
}

int64_t sys_eventfd(struct linux_task *p, const uint64_t *a)
{
	return make_event(p, (uint32_t)a[0], 0);
}

int64_t sys_eventfd2(struct linux_task *p, const uint64_t *a)
{
	return make_event(p, (uint32_t)a[0], (int)a[1]);
}

int64_t sys_memfd_create(struct linux_task *p, const uint64_t *a)
{
	char name[NAME_MAX - 5], path[NAME_MAX + 16];
	struct open_file *file;
	struct stat st;
	int64_t error = user_string(p, name, sizeof(name), a[0]);
	int fd;

	if (error < 0 || (a[1] & ~(uint64_t)MFD_CLOEXEC))
		return error == -EFAULT ? error : -EINVAL;
	fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	inode_made(&p->system->inodes, &st, clock_now_ns(p->system));
	snprintf(path, sizeof(path), "/memfd:%s (deleted)", name);
	error = file_from_host(p, fd, O_RDWR | LARGEFILE, path, &file);
	if (error)
		return error;
	file->writable = true;
	return fd_install(p, file, 0, a[1] & MFD_CLOEXEC);
}
