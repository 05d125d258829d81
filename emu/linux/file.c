/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/lock.h"
#include "emu/linux/process.h"

struct open_file *open_file_create(const struct file_ops *ops, int host_fd, uint32_t flags,
				   const char *path)
{
	struct open_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->path = strdup(path);
	if (!file->path) {
		free(file);
		return NULL;
	}
	file->ops = ops;
	file->refs = 1;
	file->flags = flags;
	file->host_fd = host_fd;
	file->kernel_file = -1;
	return file;
}

void open_file_put(struct linux_task *p, struct open_file *file)
{
	if (--file->refs > 0)
		return;
	lock_file_closed(file);
	if (file->ops->release)
		file->ops->release(p, file);
	if (file->host_fd >= 0 && !file->inherited)
		close(file->host_fd);
	free(file->path);
	free(file);
}

int file_anonymous_stat(struct linux_task *p, struct open_file *file, struct stat *st)
{
	(void)p, (void)file;
	memset(st, 0, sizeof(*st));
	st->st_mode = 0600;
	st->st_nlink = 1;
	st->st_blksize = FRAME_BYTES;
	return 0;
}

struct open_file *fd_get(struct linux_task *p, uint64_t fd)
{
	uint32_t n = (uint32_t)fd; /* an unsigned int, as Linux takes it */

	return n < FD_MAX ? p->files->slot[n].file : NULL;
}

int64_t fd_install(struct linux_task *p, struct open_file *file, unsigned from, bool close_on_exec)
{
	uint64_t limit = p->process->limit[RLIMIT_NOFILE].rlim_cur;

	for (unsigned n = from; n < FD_MAX && n < limit; n++) {
		if (p->files->slot[n].file)
			continue;
		p->files->slot[n] = (struct fd_slot){ file, close_on_exec };
		return n;
	}
	open_file_put(p, file);
	return -EMFILE;
}

int64_t fd_close(struct linux_task *p, uint64_t fd)
{
	struct open_file *file = fd_get(p, fd);

	if (!file)
		return -EBADF;
	p->files->slot[(uint32_t)fd] = (struct fd_slot){ NULL, false };
	lock_descriptor_closed(p->files, file);
	open_file_put(p, file);
	return 0;
}

void fd_replace(struct linux_task *p, unsigned fd, struct open_file *file, bool close_on_exec)
{
	struct open_file *old = p->files->slot[fd].file;

	p->files->slot[fd] = (struct fd_slot){ file, close_on_exec };
	if (!old)
		return;
	lock_descriptor_closed(p->files, old);
	open_file_put(p, old);
}

void fd_close_on_exec(struct linux_task *p)
{
	for (unsigned n = 0; n < FD_MAX; n++)
		if (p->files->slot[n].file && p->files->slot[n].close_on_exec)
			fd_close(p, n);
}

struct fd_table *fd_table_copy(const struct fd_table *from)
{
	struct fd_table *files = malloc(sizeof(*files));

	if (!files)
		return NULL;
	*files = *from;
	files->refs = 1;
	for (unsigned n = 0; n < FD_MAX; n++)
		if (files->slot[n].file)
			files->slot[n].file->refs++;
	return files;
}

void fd_table_put(struct linux_task *p, struct fd_table *files)
{
	if (--files->refs > 0)
		return;
	for (unsigned n = 0; n < FD_MAX; n++) {
		if (!files->slot[n].file)
			continue;
		lock_descriptor_closed(files, files->slot[n].file);
		open_file_put(p, files->slot[n].file);
	}
	free(files);
}
