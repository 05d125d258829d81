/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/*
 * ioctl: a short list. What reaches the host is only what describes or sets the guest's own
 * terminal; never what would type into it (TIOCSTI), take it over or reach another process.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "emu/linux/process.h"
#include "emu/linux/user.h"

enum { TERMIOS_BYTES = 36 }; /* struct termios of the kernel, not of libc */

static int64_t get_from_host(struct linux_task *p, const struct open_file *file,
			     unsigned long request, va_t to, size_t bytes)
{
	uint8_t buffer[TERMIOS_BYTES] = { 0 };

	if (file->host_fd < 0 || !isatty(file->host_fd))
		return -ENOTTY;
	if (ioctl(file->host_fd, request, buffer) != 0)
		return -errno;
	return user_write(p, to, buffer, bytes);
}

static int64_t give_to_host(struct linux_task *p, const struct open_file *file,
			    unsigned long request, va_t from, size_t bytes)
{
	uint8_t buffer[TERMIOS_BYTES] = { 0 };

	if (file->host_fd < 0 || !isatty(file->host_fd))
		return -ENOTTY;
	if (user_read(p, buffer, from, bytes) < 0)
		return -EFAULT;
	return ioctl(file->host_fd, request, buffer) != 0 ? -errno : 0;
}

static int64_t terminal(struct linux_task *p, const struct open_file *file, uint32_t request,
			va_t arg)
{
	int32_t pgid = p->process->pgid;

	switch (request) {
	case TCGETS:
		return get_from_host(p, file, request, arg, TERMIOS_BYTES);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return give_to_host(p, file, request, arg, TERMIOS_BYTES);
	case TIOCGWINSZ:
		return get_from_host(p, file, request, arg, sizeof(struct winsize));
	case TIOCGPGRP: /* the guest's own group is in front */
		if (file->host_fd < 0 || !isatty(file->host_fd))
			return -ENOTTY;
		return user_put(p, arg, &pgid);
	case TIOCSPGRP:
		return file->host_fd >= 0 && isatty(file->host_fd) ? 0 : -ENOTTY;
	default:
		return -ENOTTY;
	}
}

/* How many bytes can be read now; of a pipe of the host it is a matter of luck: nothing. */
static int64_t readable(struct linux_task *p, struct open_file *file, va_t to)
{
	struct stat st;
	int32_t bytes = 0;
	int64_t at;

	if (file->host_fd >= 0 && isatty(file->host_fd)) {
		if (ioctl(file->host_fd, FIONREAD, &bytes) != 0)
			return -errno;
	} else if (file->type == S_IFREG) {
		at = lseek(file->host_fd, 0, SEEK_CUR);
		if (fstat(file->host_fd, &st) != 0 || at < 0)
			return -ENOTTY;
		bytes = st.st_size > at ? (int32_t)(st.st_size - at) : 0;
	} else if (file->type != S_IFIFO) {
		return -ENOTTY;
	}
	return user_put(p, to, &bytes);
}

static int64_t set_nonblocking(struct linux_task *p, struct open_file *file, va_t from)
{
	int32_t on;

	if (user_get(p, &on, from) < 0)
		return -EFAULT;
	file->flags = (file->flags & ~(uint32_t)O_NONBLOCK) | (on ? (uint32_t)O_NONBLOCK : 0);
	return 0;
}

int64_t sys_ioctl(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file = fd_get(p, a[0]);

	if (!file)
		return -EBADF;
	switch ((uint32_t)a[1]) {
	case FIOCLEX:
	case FIONCLEX:
		p->files->slot[(uint32_t)a[0]].close_on_exec = (uint32_t)a[1] == FIOCLEX;
		return 0;
	case FIONBIO:
		return set_nonblocking(p, file, a[2]);
	case FIONREAD:
		return readable(p, file, a[2]);
	default:
		return terminal(p, file, (uint32_t)a[1], a[2]);
	}
}
