/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/file.h"

/*
 * Files of the host. The position is the host's own, so that inherited descriptors are left
 * where a native run would leave them. Regular files that the guest opened itself are also open
 * in the kernel model, which charges for them and keeps their pages; inherited ones are not, so
 * that redirections do not change what a run costs.
 *
 * A read of a pipe goes on until the buffer is full or the pipe ends: how much the other side
 * had written when we looked must not be seen. A terminal gives what it has, line by line.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "mmu/error.h"

static int64_t host_result(ssize_t result)
{
	return result < 0 ? -errno : result;
}

/* Charges what was read, up to and including the last byte. */
static void charge_read(struct linux_task *p, const struct open_file *file, int64_t end,
			int64_t bytes)
{
	if (file->kernel_file >= 0 && bytes > 0)
		kernel_file_read(p->system->kernel, (uint64_t)file->kernel_file,
				 (uint64_t)(end - bytes), (uint64_t)bytes);
}

static void sync_first(struct linux_task *p, const struct open_file *file)
{
	if (file->inode && file->inode->shared_writes)
		file_sync_mappings(p, file->inode);
}

static int64_t read_whole(const struct open_file *file, uint8_t *to, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t now = read(file->host_fd, to + done, bytes - done);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return done ? (int64_t)done : -errno;
		if (now == 0)
			break;
		done += (size_t)now;
		if (!file->whole_reads)
			break;
	}
	return (int64_t)done;
}

static int64_t host_read(struct linux_task *p, struct open_file *file, void *to, size_t bytes)
{
	int64_t got;

	sync_first(p, file);
	got = read_whole(file, to, bytes);
	if (file->kernel_file >= 0 && got > 0)
		charge_read(p, file, lseek(file->host_fd, 0, SEEK_CUR), got);
	return got;
}

static int64_t host_read_at(struct linux_task *p, struct open_file *file, void *to, size_t bytes,
			    int64_t offset)
{
	int64_t got;

	sync_first(p, file);
	got = host_result(pread(file->host_fd, to, bytes, offset));
	charge_read(p, file, offset + got, got);
	return got;
}

static int64_t host_write(struct linux_task *p, struct open_file *file, const void *from,
			  size_t bytes)
{
	const uint8_t *in = from;
	size_t done = 0;

	sync_first(p, file);
	while (done < bytes) {
		ssize_t now = write(file->host_fd, in + done, bytes - done);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0 && errno == EAGAIN && file->inherited) {
			/* The host's own setting of its descriptor; the guest did not ask for it. */
			struct pollfd wait = { .fd = file->host_fd, .events = POLLOUT };

			(void)poll(&wait, 1, -1);
			continue;
		}
		if (now < 0 && done == 0)
			return -errno;
		if (now <= 0)
			break;
		done += (size_t)now;
	}
	if (file->kernel_file >= 0 && done)
		file_changed(p, file, (uint64_t)lseek(file->host_fd, 0, SEEK_CUR) - done, done);
	return (int64_t)done;
}

static int64_t host_write_at(struct linux_task *p, struct open_file *file, const void *from,
			     size_t bytes, int64_t offset)
{
	int64_t done;

	sync_first(p, file);
	done = host_result(pwrite(file->host_fd, from, bytes, offset));
	if (file->kernel_file >= 0 && done > 0)
		file_changed(p, file, (uint64_t)offset, (uint64_t)done);
	return done;
}

static int64_t host_seek(struct linux_task *p, struct open_file *file, int64_t offset, int whence)
{
	(void)p;
	return host_result(lseek(file->host_fd, offset, whence));
}

static int host_stat(struct linux_task *p, struct open_file *file, struct stat *st)
{
	if (fstat(file->host_fd, st) != 0)
		return -errno;
	inode_virtualise(&p->system->inodes, st);
	return 0;
}

/* Only a terminal is asked; everything else is ready, and a read waits until it is filled. */
static unsigned host_poll(struct linux_task *p, struct open_file *file)
{
	struct pollfd now = { .fd = file->host_fd, .events = POLLIN | POLLOUT };

	(void)p;
	if (isatty(file->host_fd) && poll(&now, 1, 0) >= 0)
		return (unsigned)now.revents;
	return (file_can_read(file) ? POLLIN | POLLRDNORM : 0) |
	       (file_can_write(file) ? POLLOUT | POLLWRNORM : 0);
}

static void host_release(struct linux_task *p, struct open_file *file)
{
	struct inode *inode = file->inode;

	if (file->kernel_file >= 0)
		kernel_file_close(p->system->kernel, (uint64_t)file->kernel_file);
	if (inode && file->changed)
		inode_push_times(inode, file->host_fd);
}

const struct file_ops file_host_ops = {
	.name = "host",
	.read = host_read,
	.write = host_write,
	.read_at = host_read_at,
	.write_at = host_write_at,
	.seek = host_seek,
	.stat = host_stat,
	.poll = host_poll,
	.release = host_release,
};

const struct file_ops file_path_ops = { .name = "path", .stat = host_stat };

static const char *inherited_name(const struct stat *st, int fd, char *buffer, size_t size)
{
	char link[32];
	ssize_t length;

	if (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode)) {
		snprintf(buffer, size, "pipe:[%d]", fd);
		return buffer;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, buffer, size - 1);
	if (length <= 0)
		return "/dev/null";
	buffer[length] = '\0';
	return buffer;
}

int file_inherit(struct linux_task *p)
{
	char buffer[PATH_MAX];

	for (int fd = 0; fd < 3; fd++) {
		struct open_file *file;
		struct stat st;
		int flags = fcntl(fd, F_GETFL);

		if (flags < 0 || fstat(fd, &st) != 0)
			continue;
		file = open_file_create(&file_host_ops, fd, (uint32_t)flags & ~(uint32_t)O_NONBLOCK,
					inherited_name(&st, fd, buffer, sizeof(buffer)));
		if (!file)
			return PW_NOMEM;
		file->inherited = true;
		file->type = st.st_mode & S_IFMT;
		file->whole_reads = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
				    S_ISREG(st.st_mode);
		file->writable = S_ISREG(st.st_mode) && file_can_write(file);
		if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
			file->inode = inode_get(&p->system->inodes, &st);
		fd_replace(p, (unsigned)fd, file, false);
	}
	return PW_OK;
}

int64_t file_from_host(struct linux_task *p, int host_fd, uint32_t flags, const char *path,
		       struct open_file **out)
{
	struct open_file *file;
	struct stat st;
	int64_t result = 0;

	if (fstat(host_fd, &st) != 0) {
		result = -errno;
		close(host_fd);
		return result;
	}
	file = open_file_create(S_ISDIR(st.st_mode) ? &file_directory_ops : &file_host_ops, host_fd,
				flags, path);
	if (!file) {
		close(host_fd);
		return -ENOMEM;
	}
	file->type = st.st_mode & S_IFMT;
	file->whole_reads = S_ISREG(st.st_mode);
	file->inode = inode_get(&p->system->inodes, &st);
	if (!file->inode)
		result = -ENOMEM;
	else if (S_ISREG(st.st_mode))
		result = file_kernel_id(p, file);
	if (result < 0)
		open_file_put(p, file);
	else
		*out = file;
	return result < 0 ? result : 0;
}

int64_t file_kernel_id(struct linux_task *p, struct open_file *file)
{
	struct inode *inode = file->inode;
	struct stat st;

	if (!inode || file->type != S_IFREG)
		return -ENODEV;
	if (file->kernel_file >= 0)
		return file->kernel_file;
	if (fstat(file->host_fd, &st) != 0)
		return -errno;
	if (inode->shared_writes)
		file_sync_mappings(p, inode);
	file->kernel_file = kernel_file_open(p->system->kernel, inode->number, (uint64_t)st.st_size,
					     file_can_write(file));
	inode->kernel_size = (uint64_t)st.st_size;
	return file->kernel_file;
}

void file_changed(struct linux_task *p, struct open_file *file, uint64_t offset, uint64_t bytes)
{
	struct inode *inode = file->inode;
	uint64_t id;
	struct stat st;

	if (!inode)
		return;
	file->changed = true;
	inode_changed(inode, clock_now_ns(p->system), true);
	if (file->kernel_file < 0 || fstat(file->host_fd, &st) != 0)
		return;
	id = (uint64_t)file->kernel_file;
	if ((uint64_t)st.st_size != inode->kernel_size) {
		inode->kernel_size = (uint64_t)st.st_size;
		kernel_file_resize(p->system->kernel, id, inode->kernel_size);
	}
	if (bytes)
		kernel_file_write(p->system->kernel, id, offset, bytes);
}

void file_sync_mappings(struct linux_task *p, const struct inode *inode)
{
	struct kernel *kernel = p->system->kernel;
	unsigned count = kernel_vma_count(kernel);

	for (unsigned n = 0; n < count; n++) {
		const struct vma *vma = kernel_vma_nth(kernel, n);

		if (vma->file >= 0 && (vma->flags & MAP_SHARED) &&
		    kernel_file_identity(kernel, vma->file) == inode->number)
			kernel_msync(kernel, vma->start, vma->end - vma->start, MS_SYNC);
	}
}
