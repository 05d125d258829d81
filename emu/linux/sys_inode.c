/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/* Changing files other than by writing: size, mode, owner, times. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/path.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

static int64_t resize(struct linux_task *p, struct open_file *file, int64_t size)
{
	if (size < 0)
		return -EINVAL;
	if (!file_can_write(file) || file->type != S_IFREG)
		return -EINVAL;
	if (file->inode && file->inode->shared_writes)
		file_sync_mappings(p, file->inode);
	if (ftruncate(file->host_fd, size) != 0)
		return -errno;
	file_changed(p, file, 0, 0);
	return 0;
}

int64_t sys_ftruncate(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file = fd_get(p, a[0]);

	return file ? resize(p, file, (int64_t)a[1]) : -EBADF;
}

int64_t sys_truncate(struct linux_task *p, const uint64_t *a)
{
	const struct open_request request = { .flags = O_WRONLY };
	struct path_name name;
	struct open_file *file;
	int64_t error = path_read(p, AT_FDCWD, a[0], &name);

	if (!error)
		error = path_open(p, &name, &request, &file);
	if (error)
		return error;
	error = resize(p, file, (int64_t)a[1]);
	open_file_put(p, file);
	return error;
}

int64_t sys_fallocate(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file = fd_get(p, a[0]);
	struct stat st;

	if (!file || !file_can_write(file))
		return -EBADF;
	if (a[1] != 0)
		return -EOPNOTSUPP; /* only the plain form; punching holes is not needed so far */
	if ((int64_t)a[2] < 0 || (int64_t)a[3] <= 0 || a[3] > INT64_MAX - a[2])
		return -EINVAL;
	if (file->type != S_IFREG || fstat(file->host_fd, &st) != 0)
		return -ENODEV;
	if ((int64_t)(a[2] + a[3]) <= st.st_size)
		return 0;
	return resize(p, file, (int64_t)(a[2] + a[3]));
}

int64_t sys_fadvise64(struct linux_task *p, const uint64_t *a)
{
	const struct open_file *file = fd_get(p, a[0]);

	return !file ? -EBADF : file->type == S_IFIFO ? -ESPIPE : 0;
}

/* What the guest wrote is with the host at once; how safely is the host's matter. */
int64_t sys_fsync(struct linux_task *p, const uint64_t *a)
{
	const struct open_file *file = fd_get(p, a[0]);

	if (!file)
		return -EBADF;
	if (file->inode && file->inode->shared_writes)
		file_sync_mappings(p, file->inode);
	return file->type == S_IFREG || file->type == S_IFDIR ? 0 : -EINVAL;
}

int64_t sys_sync(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return 0;
}

int64_t sys_umask(struct linux_task *p, const uint64_t *a)
{
	uint32_t old = p->place->umask;

	p->place->umask = (uint32_t)a[0] & 0777;
	return old;
}

/* --- on a place or an open file -------------------------------------------------------------- */

/* A change of the inode: what `place` or, when that is NULL, `file` names. */
struct change {
	const struct place *place;
	const struct open_file *file;
	uint32_t mode;           /* chmod */
	uint32_t owner, group;   /* chown; -1: as it is */
	struct timespec time[2]; /* utimens */
};
typedef int change_fn(const struct change *change);

static int do_chmod(const struct change *c)
{
	char name[40];

	if (c->file)
		return fchmod(c->file->host_fd, c->mode);
	if (S_ISLNK(c->place->st.st_mode)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	/* The very inode that was found, not what its name has become since. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", c->place->fd);
	return chmod(name, c->mode);
}

static int do_chown(const struct change *c)
{
	if (c->file)
		return fchown(c->file->host_fd, c->owner, c->group);
	return fchownat(c->place->fd, "", c->owner, c->group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

static int do_times(const struct change *c)
{
	if (c->file)
		return futimens(c->file->host_fd, c->time);
	return utimensat(c->place->parent_fd, c->place->name, c->time, AT_SYMLINK_NOFOLLOW);
}

static void note(struct linux_task *p, const struct change *c, change_fn *call)
{
	struct inode *inode = c->file ? c->file->inode
				      : inode_get(&p->system->inodes, &c->place->st);

	if (!inode)
		return;
	if (call == do_times)
		inode_times_set(inode, clock_now_ns(p->system));
	else
		inode_changed(inode, clock_now_ns(p->system), false);
}

static int64_t change_place(struct linux_task *p, const struct path_name *name, unsigned flags,
			    struct change *c, change_fn *call)
{
	struct place place;
	int64_t error = path_resolve(p, name, flags, &place);

	if (error)
		return error;
	c->place = &place;
	if (place.kind != PLACE_HOST)
		error = place.kind == PLACE_ABSENT ? -ENOENT : -EPERM;
	else if (!place.writable)
		error = -EROFS;
	else if (call(c) != 0)
		error = -errno;
	else
		note(p, c, call);
	hostfs_leave(&place);
	return error;
}

static int64_t change_at(struct linux_task *p, int64_t dirfd, va_t path, unsigned flags,
			 const struct change *what, change_fn *call)
{
	struct change c = *what;
	struct path_name name;
	int64_t error = path_read(p, dirfd, path, &name);

	return error ? error : change_place(p, &name, flags, &c, call);
}

static int64_t change_fd(struct linux_task *p, uint64_t fd, const struct change *what,
			 change_fn *call)
{
	struct change c = *what;

	c.file = fd_get(p, fd);
	if (!c.file)
		return -EBADF;
	if (c.file->inherited)
		return 0; /* the host's; a terminal's or a pipe's mode matters to nobody here */
	if (!c.file->inode)
		return -EPERM;
	if (!c.file->writable && !(c.file->type == S_IFDIR)) /* directories: by their path */
		return -EROFS;
	if (c.file->type == S_IFDIR) {
		struct path_name name = { .base = p->place->cwd };

		snprintf(name.text, sizeof(name.text), "%s", c.file->path);
		c.file = NULL;
		return change_place(p, &name, 0, &c, call);
	}
	if (call(&c) != 0)
		return -errno;
	note(p, &c, call);
	return 0;
}

/* --- mode and owner -------------------------------------------------------------------------- */

int64_t sys_chmod(struct linux_task *p, const uint64_t *a)
{
	return change_at(p, AT_FDCWD, a[0], 0, &(struct change){ .mode = a[1] & MODE_BITS },
			 do_chmod);
}

int64_t sys_fchmod(struct linux_task *p, const uint64_t *a)
{
	return change_fd(p, a[0], &(struct change){ .mode = a[1] & MODE_BITS }, do_chmod);
}

int64_t sys_fchmodat(struct linux_task *p, const uint64_t *a)
{
	return change_at(p, (int32_t)a[0], a[1], 0, &(struct change){ .mode = a[2] & MODE_BITS },
			 do_chmod);
}

int64_t sys_fchmodat2(struct linux_task *p, const uint64_t *a)
{
	return change_at(p, (int32_t)a[0], a[1], a[3] & AT_SYMLINK_NOFOLLOW ? HOSTFS_NOFOLLOW : 0,
			 &(struct change){ .mode = a[2] & MODE_BITS }, do_chmod);
}

static struct change owner_of(const uint64_t *a)
{
	return (struct change){ .owner = (uint32_t)a[0], .group = (uint32_t)a[1] };
}

int64_t sys_chown(struct linux_task *p, const uint64_t *a)
{
	const struct change c = owner_of(&a[1]);

	return change_at(p, AT_FDCWD, a[0], 0, &c, do_chown);
}

int64_t sys_lchown(struct linux_task *p, const uint64_t *a)
{
	const struct change c = owner_of(&a[1]);

	return change_at(p, AT_FDCWD, a[0], HOSTFS_NOFOLLOW, &c, do_chown);
}

int64_t sys_fchown(struct linux_task *p, const uint64_t *a)
{
	const struct change c = owner_of(&a[1]);

	return change_fd(p, a[0], &c, do_chown);
}

int64_t sys_fchownat(struct linux_task *p, const uint64_t *a)
{
	const struct change c = owner_of(&a[2]);

	return change_at(p, (int32_t)a[0], a[1], a[4] & AT_SYMLINK_NOFOLLOW ? HOSTFS_NOFOLLOW : 0,
			 &c, do_chown);
}

/* --- times ----------------------------------------------------------------------------------- */

/* "Now" is the guest's. */
static int64_t settle_times(struct linux_task *p, struct timespec time[2])
{
	int64_t now = clock_now_ns(p->system);

	for (int i = 0; i < 2; i++) {
		if (time[i].tv_nsec == UTIME_NOW)
			time[i] = (struct timespec){ now / NS_PER_SECOND, now % NS_PER_SECOND };
		else if (time[i].tv_nsec != UTIME_OMIT &&
			 (time[i].tv_nsec < 0 || time[i].tv_nsec >= NS_PER_SECOND))
			return -EINVAL;
	}
	return 0;
}

static int64_t set_times(struct linux_task *p, int64_t dirfd, va_t path, int flags,
			 const struct timespec time[2])
{
	struct change c = { .time = { time[0], time[1] } };
	int64_t error = settle_times(p, c.time);

	if (error)
		return error;
	if (!path)
		return change_fd(p, (uint64_t)dirfd, &c, do_times);
	return change_at(p, dirfd, path, flags & AT_SYMLINK_NOFOLLOW ? HOSTFS_NOFOLLOW : 0, &c,
			 do_times);
}

int64_t sys_utimensat(struct linux_task *p, const uint64_t *a)
{
	struct timespec time[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };

	if (a[2] && user_read(p, time, a[2], sizeof(time)) < 0)
		return -EFAULT;
	return set_times(p, (int32_t)a[0], a[1], (int)a[3], time);
}

static int64_t set_timevals(struct linux_task *p, int64_t dirfd, va_t path, va_t from)
{
	struct timespec time[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	struct timeval value[2];

	if (from && user_read(p, value, from, sizeof(value)) < 0)
		return -EFAULT;
	for (int i = 0; from && i < 2; i++) {
		if (value[i].tv_usec < 0 || value[i].tv_usec >= NS_PER_SECOND / NS_PER_US)
			return -EINVAL;
		time[i] = (struct timespec){ value[i].tv_sec, value[i].tv_usec * NS_PER_US };
	}
	return set_times(p, dirfd, path, 0, time);
}

int64_t sys_utimes(struct linux_task *p, const uint64_t *a)
{
	return set_timevals(p, AT_FDCWD, a[0], a[1]);
}

int64_t sys_futimesat(struct linux_task *p, const uint64_t *a)
{
	return set_timevals(p, (int32_t)a[0], a[1], a[2]);
}

int64_t sys_utime(struct linux_task *p, const uint64_t *a)
{
	struct timespec time[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	int64_t seconds[2];

	if (a[1] && user_read(p, seconds, a[1], sizeof(seconds)) < 0)
		return -EFAULT;
	for (int i = 0; a[1] && i < 2; i++)
		time[i] = (struct timespec){ .tv_sec = seconds[i] };
	return set_times(p, AT_FDCWD, a[0], 0, time);
}
