/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/* fcntl's locks, of records and of open files, and flock. What they do is lock.c's matter. */

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "emu/linux/lock.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

static int64_t origin(struct linux_task *p, struct open_file *file, int whence, int64_t *from)
{
	struct stat st;

	*from = 0;
	switch (whence) {
	case SEEK_SET:
		return 0;
	case SEEK_CUR:
		if (file->ops->seek)
			*from = file->ops->seek(p, file, 0, SEEK_CUR);
		if (*from < 0)
			*from = 0;
		return 0;
	case SEEK_END:
		if (file->ops->stat && file->ops->stat(p, file, &st) == 0)
			*from = st.st_size;
		return 0;
	default:
		return -EINVAL;
	}
}

/* A negative length ends before the start (flock64_to_posix_lock()). */
static int64_t range_of(struct linux_task *p, struct open_file *file, const struct flock *guest,
			struct file_lock *lock)
{
	int64_t error = origin(p, file, guest->l_whence, &lock->start);

	if (error)
		return error;
	if (__builtin_add_overflow(lock->start, guest->l_start, &lock->start))
		return -EOVERFLOW;
	if (lock->start < 0)
		return -EINVAL;
	lock->last = INT64_MAX;
	if (guest->l_len > 0 && __builtin_add_overflow(lock->start, guest->l_len - 1, &lock->last))
		return -EOVERFLOW;
	if (guest->l_len < 0) {
		if (lock->start + guest->l_len < 0)
			return -EINVAL;
		lock->last = lock->start - 1;
		lock->start += guest->l_len;
	}
	return 0;
}

static int64_t read_request(struct linux_task *p, struct open_file *file, bool of_file, va_t at,
			    struct flock *guest, struct file_lock *lock)
{
	if (user_get(p, guest, at) < 0)
		return -EFAULT;
	if (guest->l_type != F_RDLCK && guest->l_type != F_WRLCK && guest->l_type != F_UNLCK)
		return -EINVAL;
	if (of_file && guest->l_pid != 0)
		return -EINVAL;
	*lock = (struct file_lock){
		.kind = of_file ? LOCK_OFD : LOCK_RECORD,
		.exclusive = guest->l_type == F_WRLCK,
		.unlock = guest->l_type == F_UNLCK,
		.owner = of_file ? (const void *)file : (const void *)p->files,
		.pid = of_file ? -1 : p->process->pid,
	};
	return range_of(p, file, guest, lock);
}

static int64_t ask(struct linux_task *p, struct open_file *file, bool of_file, va_t at)
{
	const struct file_lock *found;
	struct file_lock lock;
	struct flock guest;
	int64_t error = read_request(p, file, of_file, at, &guest, &lock);

	if (error)
		return error;
	if (lock.unlock)
		return -EINVAL;
	found = file->inode ? lock_conflict(file->inode, &lock) : NULL;
	guest.l_type = F_UNLCK;
	if (found) {
		guest.l_type = found->exclusive ? F_WRLCK : F_RDLCK;
		guest.l_whence = SEEK_SET;
		guest.l_start = found->start;
		guest.l_len = found->last == INT64_MAX ? 0 : found->last - found->start + 1;
		guest.l_pid = found->pid;
	}
	return user_put(p, at, &guest) < 0 ? -EFAULT : 0;
}

static int64_t set(struct linux_task *p, struct open_file *file, bool of_file, bool wait, va_t at)
{
	struct file_lock lock;
	struct flock guest;
	int64_t error = 0;

	/* What was asked for stays so while it waits. */
	if (p->call.again)
		lock = p->lock;
	else
		error = read_request(p, file, of_file, at, &guest, &lock);
	if (error)
		return error;
	if (!lock.unlock && !(lock.exclusive ? file_can_write(file) : file_can_read(file)))
		return -EBADF;
	return lock_set(p, file, &lock, wait);
}

int64_t lock_fcntl(struct linux_task *p, struct open_file *file, int command, va_t at)
{
	switch (command) {
	case F_GETLK:
	case F_OFD_GETLK:
		return ask(p, file, command == F_OFD_GETLK, at);
	case F_SETLK:
	case F_SETLKW:
		return set(p, file, false, command == F_SETLKW, at);
	default:
		return set(p, file, true, command == F_OFD_SETLKW, at);
	}
}

int64_t sys_flock(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file = fd_get(p, a[0]);
	int operation = (int)a[1] & ~LOCK_NB;
	struct file_lock lock = {
		.kind = LOCK_WHOLE,
		.exclusive = operation == LOCK_EX,
		.unlock = operation == LOCK_UN,
		.last = INT64_MAX,
		.owner = file,
		.pid = p->process->pid,
	};

	if (operation != LOCK_SH && operation != LOCK_EX && operation != LOCK_UN)
		return -EINVAL;
	if (!file)
		return -EBADF;
	return lock_set(p, file, &lock, !((int)a[1] & LOCK_NB));
}
