/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/*
 * Reading and writing. Bytes cross between file and guest memory through one buffer; a call goes
 * on piece by piece as long as the file fills (or takes) whole pieces.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/process.h"
#include "emu/linux/user.h"

enum { AT_POSITION = -1 }; /* instead of an offset: where the file stands */

#define COUNT_MAX 0x7ffff000u /* MAX_RW_COUNT */

struct transfer {
	struct linux_task *process;
	struct open_file *file;
	int64_t offset; /* or AT_POSITION */
};

static int64_t read_piece(const struct transfer *t, size_t bytes, uint64_t done)
{
	const struct file_ops *ops = t->file->ops;
	uint8_t *buffer = t->process->system->buffer;

	if (t->offset == AT_POSITION)
		return ops->read(t->process, t->file, buffer, bytes);
	return ops->read_at(t->process, t->file, buffer, bytes, t->offset + (int64_t)done);
}

static int64_t write_piece(const struct transfer *t, size_t bytes, uint64_t done)
{
	const struct file_ops *ops = t->file->ops;
	const uint8_t *buffer = t->process->system->buffer;

	if (t->offset == AT_POSITION)
		return ops->write(t->process, t->file, buffer, bytes);
	return ops->write_at(t->process, t->file, buffer, bytes, t->offset + (int64_t)done);
}

static size_t piece_of(uint64_t left)
{
	return left < LINUX_BUFFER_BYTES ? (size_t)left : LINUX_BUFFER_BYTES;
}

/* Fills guest memory; `before` bytes of the call were read already. */
static int64_t read_into(const struct transfer *t, const struct user_iovec *to, uint64_t before)
{
	uint64_t done = 0;

	do {
		size_t piece = piece_of(to->length - done);
		int64_t got = read_piece(t, piece, before + done);

		if (got < 0)
			return done ? (int64_t)done : got;
		if (user_write(t->process, to->base + done, t->process->system->buffer,
			       (uint64_t)got) < 0)
			return done ? (int64_t)done : -EFAULT;
		done += (uint64_t)got;
		if ((size_t)got < piece || !t->file->whole_reads)
			break;
	} while (done < to->length);
	return (int64_t)done;
}

/* One piece: write_iovec() goes on, and remembers how far it came. */
static int64_t write_from(const struct transfer *t, const struct user_iovec *from, uint64_t before)
{
	size_t piece = piece_of(from->length);

	if (user_read(t->process, t->process->system->buffer, from->base, piece) < 0)
		return -EFAULT;
	return write_piece(t, piece, before);
}

typedef int64_t transfer_fn(const struct transfer *t, const struct user_iovec *iovec,
			    uint64_t before);

static int64_t move_all(const struct transfer *t, const struct user_iovec *iovec, unsigned count,
			transfer_fn *move)
{
	uint64_t done = 0;

	for (unsigned i = 0; i < count; i++) {
		struct user_iovec now = iovec[i];
		int64_t moved;

		if (now.length > COUNT_MAX - done)
			now.length = COUNT_MAX - done;
		if (now.length == 0 && count > 1)
			continue;
		moved = move(t, &now, done);
		if (moved < 0)
			return done ? (int64_t)done : moved;
		done += (uint64_t)moved;
		if ((uint64_t)moved < now.length || !t->file->whole_reads)
			break;
	}
	return (int64_t)done;
}

static void raise_pipe(struct linux_task *p)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGPIPE;
	info.si_code = SI_USER;
	info.si_pid = p->process->pid;
	signal_raise(p, &info);
}

static int64_t read_file(struct linux_task *p, uint64_t fd, const struct user_iovec *iovec,
			 unsigned count, int64_t offset)
{
	struct transfer t = { p, fd_get(p, fd), offset };

	if (!t.file || !file_can_read(t.file) || (!t.file->ops->read && !t.file->ops->read_at))
		return -EBADF;
	if (offset == AT_POSITION ? !t.file->ops->read : !t.file->ops->read_at)
		return offset == AT_POSITION ? -EINVAL : -ESPIPE;
	return move_all(&t, iovec, count, read_into);
}

/* All of an iovec but the first `skip` bytes, in as many pieces as the file takes it in. */
static int64_t write_iovec(const struct transfer *t, const struct user_iovec *iovec, uint64_t skip)
{
	uint64_t done = skip;

	do {
		const struct user_iovec rest = { iovec->base + done, iovec->length - done };
		struct transfer now = *t;
		int64_t put;

		if (now.offset != AT_POSITION)
			now.offset += (int64_t)done;
		put = move_all(&now, &rest, 1, write_from);
		if (put < 0)
			return done > skip && put != -LINUX_BLOCKED ? (int64_t)(done - skip) : put;
		done += (uint64_t)put;
		t->process->call.done += (uint64_t)put;
		if (put == 0)
			break;
	} while (done < iovec->length && done < COUNT_MAX);
	return (int64_t)(done - skip);
}

/*
 * Goes on until all is written or an error comes: a pipe takes what it has room for, and the call
 * waits for more, and goes on where it was when it is begun again.
 */
static int64_t write_all(const struct transfer *t, const struct user_iovec *iovec, unsigned count)
{
	uint64_t skip = t->process->call.done;
	int64_t put = 0;

	for (unsigned i = 0; i < count; i++) {
		if (skip > iovec[i].length || (skip > 0 && skip == iovec[i].length)) {
			skip -= iovec[i].length;
			continue;
		}
		put = write_iovec(&(struct transfer){ t->process, t->file, t->offset }, &iovec[i],
				  skip);
		if (put < 0 || (uint64_t)put < iovec[i].length - skip)
			break;
		skip = 0;
	}
	if (put == -LINUX_BLOCKED || (put < 0 && t->process->call.done == 0))
		return put;
	return (int64_t)t->process->call.done;
}

static int64_t write_file(struct linux_task *p, uint64_t fd, const struct user_iovec *iovec,
			  unsigned count, int64_t offset)
{
	struct transfer t = { p, fd_get(p, fd), offset };
	int64_t result;

	if (!t.file || !file_can_write(t.file) || !t.file->ops->write)
		return -EBADF;
	if (offset != AT_POSITION && !t.file->ops->write_at)
		return -ESPIPE;
	result = write_all(&t, iovec, count);
	if (result == -EPIPE)
		raise_pipe(p);
	return result;
}

int64_t sys_read(struct linux_task *p, const uint64_t *a)
{
	return read_file(p, a[0], &(struct user_iovec){ a[1], a[2] }, 1, AT_POSITION);
}

int64_t sys_write(struct linux_task *p, const uint64_t *a)
{
	return write_file(p, a[0], &(struct user_iovec){ a[1], a[2] }, 1, AT_POSITION);
}

int64_t sys_pread64(struct linux_task *p, const uint64_t *a)
{
	if ((int64_t)a[3] < 0)
		return -EINVAL;
	return read_file(p, a[0], &(struct user_iovec){ a[1], a[2] }, 1, (int64_t)a[3]);
}

int64_t sys_pwrite64(struct linux_task *p, const uint64_t *a)
{
	if ((int64_t)a[3] < 0)
		return -EINVAL;
	return write_file(p, a[0], &(struct user_iovec){ a[1], a[2] }, 1, (int64_t)a[3]);
}

typedef int64_t vector_fn(struct linux_task *p, uint64_t fd, const struct user_iovec *iovec,
			  unsigned count, int64_t offset);

static int64_t with_vector(struct linux_task *p, const uint64_t *a, int64_t offset, vector_fn *call)
{
	struct user_iovec iovec[USER_IOVECS_MAX];
	uint64_t total;
	int error = user_iovecs(p, iovec, a[1], a[2], &total);

	if (error)
		return error;
	return call(p, a[0], iovec, (unsigned)a[2], offset);
}

int64_t sys_readv(struct linux_task *p, const uint64_t *a)
{
	return with_vector(p, a, AT_POSITION, read_file);
}

int64_t sys_writev(struct linux_task *p, const uint64_t *a)
{
	return with_vector(p, a, AT_POSITION, write_file);
}

int64_t sys_preadv(struct linux_task *p, const uint64_t *a)
{
	return (int64_t)a[3] < 0 ? -EINVAL : with_vector(p, a, (int64_t)a[3], read_file);
}

int64_t sys_pwritev(struct linux_task *p, const uint64_t *a)
{
	return (int64_t)a[3] < 0 ? -EINVAL : with_vector(p, a, (int64_t)a[3], write_file);
}

/* The second kind: offset -1 means the position, and there are flags, of which we know none. */
int64_t sys_preadv2(struct linux_task *p, const uint64_t *a)
{
	if (a[5])
		return -EOPNOTSUPP;
	return (int64_t)a[3] < -1 ? -EINVAL : with_vector(p, a, (int64_t)a[3], read_file);
}

int64_t sys_pwritev2(struct linux_task *p, const uint64_t *a)
{
	if (a[5])
		return -EOPNOTSUPP;
	return (int64_t)a[3] < -1 ? -EINVAL : with_vector(p, a, (int64_t)a[3], write_file);
}

int64_t sys_lseek(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file = fd_get(p, a[0]);

	if (!file)
		return -EBADF;
	return file->ops->seek ? file->ops->seek(p, file, (int64_t)a[1], (int)a[2]) : -ESPIPE;
}

/* One buffer from file to file, without guest memory. */
static int64_t copy_piece(struct linux_task *p, const struct transfer *from,
			  const struct transfer *to, size_t piece, uint64_t done)
{
	int64_t got = read_piece(from, piece, done), put;

	(void)p;
	if (got <= 0)
		return got;
	put = write_piece(to, (size_t)got, done);
	/* What was read and not taken is given back. */
	if (from->offset == AT_POSITION && put < got && from->file->ops->seek)
		from->file->ops->seek(from->process, from->file, (put < 0 ? 0 : put) - got,
				      SEEK_CUR);
	return put;
}

static int64_t copy_files(struct linux_task *p, const struct transfer *from,
			  const struct transfer *to, uint64_t count)
{
	uint64_t done = 0;

	if (count > COUNT_MAX)
		count = COUNT_MAX;
	while (done < count) {
		size_t piece = piece_of(count - done);
		int64_t now = copy_piece(p, from, to, piece, done);

		if (now < 0 && done == 0)
			return now;
		if (now <= 0)
			break;
		done += (uint64_t)now;
		if ((size_t)now < piece)
			break;
	}
	return (int64_t)done;
}

static int64_t get_offset(struct linux_task *p, va_t at, int64_t *offset)
{
	*offset = AT_POSITION;
	if (!at)
		return 0;
	if (user_get(p, offset, at) < 0)
		return -EFAULT;
	return *offset < 0 ? -EINVAL : 0;
}

static int64_t put_offset(struct linux_task *p, va_t at, int64_t offset, int64_t moved)
{
	offset += moved > 0 ? moved : 0;
	return at && user_put(p, at, &offset) < 0 ? -EFAULT : moved;
}

int64_t sys_sendfile(struct linux_task *p, const uint64_t *a)
{
	struct transfer from = { .process = p, .file = fd_get(p, a[1]) };
	struct transfer to = { p, fd_get(p, a[0]), AT_POSITION };
	int64_t error = get_offset(p, a[2], &from.offset), moved;

	if (!from.file || !to.file || !file_can_read(from.file) || !file_can_write(to.file))
		return -EBADF;
	if (error)
		return error;
	if (!from.file->ops->read_at || !to.file->ops->write)
		return -EINVAL;
	moved = copy_files(p, &from, &to, a[3]);
	if (moved == -EPIPE)
		raise_pipe(p);
	return put_offset(p, a[2], from.offset, moved);
}

int64_t sys_copy_file_range(struct linux_task *p, const uint64_t *a)
{
	struct transfer from = { .process = p, .file = fd_get(p, a[0]) };
	struct transfer to = { .process = p, .file = fd_get(p, a[2]) };
	int64_t error = get_offset(p, a[1], &from.offset), moved;

	if (!error)
		error = get_offset(p, a[3], &to.offset);
	if (!from.file || !to.file || !file_can_read(from.file) || !file_can_write(to.file))
		return -EBADF;
	if (error)
		return error;
	if (from.file->type != S_IFREG || to.file->type != S_IFREG || a[5])
		return -EINVAL;
	if (from.file->inode == to.file->inode)
		return -EINVAL; /* ranges might overlap: programs copy by hand then */
	moved = copy_files(p, &from, &to, a[4]);
	error = put_offset(p, a[1], from.offset, moved);
	return error < 0 ? error : put_offset(p, a[3], to.offset, moved);
}
