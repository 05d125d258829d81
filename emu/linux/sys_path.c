/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/*
 * Changing names: directories, links, renames. Each works on a place that hostfs_resolve() found,
 * through its parent's descriptor, and only where that directory lies in one opened for writing.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/path.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"
#include "emu/linux/vnode.h"

int64_t sys_getcwd(struct linux_task *p, const uint64_t *a)
{
	uint64_t bytes = strlen(p->place->cwd) + 1;

	if (a[1] < bytes)
		return -ERANGE;
	return user_write(p, a[0], p->place->cwd, bytes) < 0 ? -EFAULT : (int64_t)bytes;
}

static int64_t change_directory(struct linux_task *p, const struct place *place)
{
	struct vnode node;

	if (place->kind == PLACE_ABSENT)
		return -ENOENT;
	if (place->kind == PLACE_HOST && !S_ISDIR(place->st.st_mode))
		return -ENOTDIR;
	if (place->kind == PLACE_HOST && faccessat(place->fd, ".", X_OK, 0) != 0)
		return -errno;
	if (place->kind == PLACE_VIRTUAL &&
	    (!vnode_find(p, place->path, &node) || node.kind != VNODE_DIRECTORY))
		return -ENOTDIR;
	strcpy(p->place->cwd, place->path);
	return 0;
}

int64_t sys_chdir(struct linux_task *p, const uint64_t *a)
{
	struct place place;
	int64_t error = path_find(p, AT_FDCWD, a[0], 0, &place);

	if (error)
		return error;
	error = change_directory(p, &place);
	hostfs_leave(&place);
	return error;
}

int64_t sys_fchdir(struct linux_task *p, const uint64_t *a)
{
	const struct open_file *file = fd_get(p, a[0]);

	if (!file)
		return -EBADF;
	if (file->type != S_IFDIR)
		return -ENOTDIR;
	snprintf(p->place->cwd, sizeof(p->place->cwd), "%s", file->path);
	return 0;
}

/* A new name: where it may be made; hostfs_leave(place) after 0. */
static int64_t find_new(struct linux_task *p, int64_t dirfd, va_t path, struct place *place)
{
	int64_t error = path_find(p, dirfd, path, HOSTFS_NOFOLLOW, place);

	if (error)
		return error;
	if (place->kind != PLACE_ABSENT)
		error = -EEXIST;
	else if (!place->entry_writable)
		error = -EROFS;
	if (error)
		hostfs_leave(place);
	return error;
}

/* An old name that is to go or to be replaced; hostfs_leave(place) after 0. */
static int64_t find_old(struct linux_task *p, int64_t dirfd, va_t path, struct place *place)
{
	int64_t error = path_find(p, dirfd, path, HOSTFS_NOFOLLOW, place);

	if (error)
		return error;
	if (place->kind == PLACE_ABSENT)
		error = -ENOENT;
	else if (place->kind == PLACE_VIRTUAL)
		error = -EPERM;
	else if (place->dots)
		error = -EBUSY;
	else if (!place->entry_writable)
		error = -EROFS;
	if (error)
		hostfs_leave(place);
	return error;
}

/* After a new name was made: a new file, with the guest's times. */
static int64_t made(struct linux_task *p, struct place *place, int result)
{
	struct stat st;

	result = result != 0 ? -errno : 0;
	if (!result) {
		if (fstatat(place->parent_fd, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			const struct inode *inode =
				inode_made(&p->system->inodes, &st, clock_now_ns(p->system));
			const struct timespec now = {
				.tv_sec = inode ? inode->mtime_ns / NS_PER_SECOND : 0,
				.tv_nsec = inode ? inode->mtime_ns % NS_PER_SECOND : UTIME_OMIT
			};

			(void)utimensat(place->parent_fd, place->name,
					(struct timespec[2]){ now, now }, AT_SYMLINK_NOFOLLOW);
		}
		path_directory_changed(p, place);
	}
	hostfs_leave(place);
	return result;
}

static int64_t make_directory(struct linux_task *p, int64_t dirfd, va_t path, uint32_t mode)
{
	struct place place;
	int64_t error = find_new(p, dirfd, path, &place);

	if (error)
		return error;
	mode &= MODE_BITS & ~p->place->umask;
	if (mkdirat(place.parent_fd, place.name, mode) != 0)
		return made(p, &place, -1);
	/* The umask of the host is on top of the guest's. */
	(void)fchmodat(place.parent_fd, place.name, mode, 0);
	return made(p, &place, 0);
}

int64_t sys_mkdir(struct linux_task *p, const uint64_t *a)
{
	return make_directory(p, AT_FDCWD, a[0], (uint32_t)a[1]);
}

int64_t sys_mkdirat(struct linux_task *p, const uint64_t *a)
{
	return make_directory(p, (int32_t)a[0], a[1], (uint32_t)a[2]);
}

static int64_t make_symlink(struct linux_task *p, va_t target, int64_t dirfd, va_t path)
{
	char text[PATH_MAX];
	struct place place;
	int64_t error = user_string(p, text, sizeof(text), target);

	if (error < 0)
		return error;
	if (error == 0)
		return -ENOENT;
	error = find_new(p, dirfd, path, &place);
	return error ? error : made(p, &place, symlinkat(text, place.parent_fd, place.name));
}

int64_t sys_symlink(struct linux_task *p, const uint64_t *a)
{
	return make_symlink(p, a[0], AT_FDCWD, a[1]);
}

int64_t sys_symlinkat(struct linux_task *p, const uint64_t *a)
{
	return make_symlink(p, a[0], (int32_t)a[1], a[2]);
}

/*
 * Both names must lie where the guest may write: a link from there to a file outside would make
 * that file writable.
 */
static int64_t make_link(struct linux_task *p, const uint64_t *a, int flags)
{
	struct place from, to;
	int64_t error = path_find(p, (int32_t)a[0], a[1],
				  flags & AT_SYMLINK_FOLLOW ? 0 : HOSTFS_NOFOLLOW, &from);

	if (error)
		return error;
	if (from.kind == PLACE_ABSENT)
		error = -ENOENT;
	else if (from.kind == PLACE_VIRTUAL)
		error = -EXDEV;
	else if (S_ISDIR(from.st.st_mode))
		error = -EPERM;
	else if (!from.entry_writable)
		error = -EROFS;
	if (!error)
		error = find_new(p, (int32_t)a[2], a[3], &to);
	if (!error) {
		if (linkat(from.parent_fd, from.name, to.parent_fd, to.name, 0) != 0)
			error = -errno;
		else
			path_directory_changed(p, &to), path_inode_changed(p, &from, false);
		hostfs_leave(&to);
	}
	hostfs_leave(&from);
	return error;
}

int64_t sys_link(struct linux_task *p, const uint64_t *a)
{
	const uint64_t at[4] = { (uint64_t)AT_FDCWD, a[0], (uint64_t)AT_FDCWD, a[1] };

	return make_link(p, at, 0);
}

int64_t sys_linkat(struct linux_task *p, const uint64_t *a)
{
	return make_link(p, a, (int)a[4]);
}

static int64_t remove_name(struct linux_task *p, int64_t dirfd, va_t path, int flags)
{
	struct place place;
	int64_t error = find_old(p, dirfd, path, &place);

	if (error)
		return error;
	if (unlinkat(place.parent_fd, place.name, flags) != 0) {
		error = -errno;
	} else {
		path_inode_changed(p, &place, false);
		path_directory_changed(p, &place);
	}
	hostfs_leave(&place);
	return error;
}

int64_t sys_unlink(struct linux_task *p, const uint64_t *a)
{
	return remove_name(p, AT_FDCWD, a[0], 0);
}

int64_t sys_rmdir(struct linux_task *p, const uint64_t *a)
{
	return remove_name(p, AT_FDCWD, a[0], AT_REMOVEDIR);
}

int64_t sys_unlinkat(struct linux_task *p, const uint64_t *a)
{
	if ((int)a[2] & ~AT_REMOVEDIR)
		return -EINVAL;
	return remove_name(p, (int32_t)a[0], a[1], (int)a[2]);
}

/* --- rename ---------------------------------------------------------------------------------- */

/* NULL unless `path` is `from` or lies beneath it; else where it is now. */
static char *moved(const char *path, const char *from, const char *to)
{
	size_t length = strlen(from);
	char *now;

	if (strncmp(path, from, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return NULL;
	return asprintf(&now, "%s%s", to, path + length) < 0 ? NULL : now;
}

/* Open directories and the working directory are known by their paths. */
static void follow_rename(struct linux_task *p, const char *from, const char *to)
{
	char *now = moved(p->place->cwd, from, to);

	if (now && strlen(now) < sizeof(p->place->cwd))
		strcpy(p->place->cwd, now);
	free(now);
	for (unsigned n = 0; n < FD_MAX; n++) {
		struct open_file *file = p->files->slot[n].file;

		now = file ? moved(file->path, from, to) : NULL;
		if (!now)
			continue;
		free(file->path);
		file->path = now;
	}
}

static int64_t rename_places(struct linux_task *p, struct place *from, struct place *to,
			     unsigned flags)
{
	if (to->kind == PLACE_VIRTUAL || to->dots)
		return -EBUSY;
	if (!to->entry_writable)
		return -EROFS;
	if (to->kind == PLACE_HOST && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (to->kind == PLACE_ABSENT && to->slash && !S_ISDIR(from->st.st_mode))
		return -ENOTDIR;
	if (renameat2(from->parent_fd, from->name, to->parent_fd, to->name, flags) != 0)
		return -errno;
	path_inode_changed(p, from, false);
	path_directory_changed(p, from);
	path_directory_changed(p, to);
	if (!(flags & RENAME_EXCHANGE))
		follow_rename(p, from->path, to->path);
	return 0;
}

static int64_t rename_at(struct linux_task *p, const uint64_t *a, unsigned flags)
{
	struct place from, to;
	int64_t error;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	error = find_old(p, (int32_t)a[0], a[1], &from);
	if (error)
		return error;
	error = path_find(p, (int32_t)a[2], a[3], HOSTFS_NOFOLLOW, &to);
	if (!error) {
		error = rename_places(p, &from, &to, flags);
		hostfs_leave(&to);
	}
	hostfs_leave(&from);
	return error;
}

int64_t sys_rename(struct linux_task *p, const uint64_t *a)
{
	const uint64_t at[4] = { (uint64_t)AT_FDCWD, a[0], (uint64_t)AT_FDCWD, a[1] };

	return rename_at(p, at, 0);
}

int64_t sys_renameat(struct linux_task *p, const uint64_t *a)
{
	return rename_at(p, a, 0);
}

int64_t sys_renameat2(struct linux_task *p, const uint64_t *a)
{
	return rename_at(p, a, (unsigned)a[4]);
}
