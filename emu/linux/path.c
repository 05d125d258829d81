/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

int64_t path_read(struct linux_task *p, int64_t dirfd, va_t path, struct path_name *name)
{
	int64_t length = user_string(p, name->text, sizeof(name->text), path);

	name->base = p->place->cwd;
	name->file = NULL;
	if (length < 0)
		return length;
	if (dirfd == AT_FDCWD || name->text[0] == '/')
		return 0;
	name->file = fd_get(p, (uint64_t)dirfd);
	if (!name->file)
		return -EBADF;
	name->base = name->file->path;
	return name->text[0] && name->file->type != S_IFDIR ? -ENOTDIR : 0;
}

int64_t path_resolve(struct linux_task *p, const struct path_name *name, unsigned flags,
		     struct place *place)
{
	return hostfs_resolve(p, name->base, name->text, flags, place);
}

int64_t path_find(struct linux_task *p, int64_t dirfd, va_t path, unsigned flags,
		  struct place *place)
{
	struct path_name name;
	int64_t error = path_read(p, dirfd, path, &name);

	return error ? error : path_resolve(p, &name, flags, place);
}

void path_directory_changed(struct linux_task *p, const struct place *place)
{
	struct inode *inode;
	struct stat st;
	int fd;

	if (fstat(place->parent_fd, &st) != 0)
		return;
	inode = inode_get(&p->system->inodes, &st);
	if (!inode)
		return;
	inode_changed(inode, clock_now_ns(p->system), true);
	fd = openat(place->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	inode_push_times(inode, fd);
	close(fd);
}

void path_inode_changed(struct linux_task *p, const struct place *place, bool contents)
{
	struct inode *inode = inode_get(&p->system->inodes, &place->st);

	if (inode)
		inode_changed(inode, clock_now_ns(p->system), contents);
}
