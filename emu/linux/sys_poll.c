/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/*
 * poll and select. Files of the guest's own say what holds; the host is asked about terminals
 * only: one that is polled without a time limit by the only thread there is, is really waited for.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

static unsigned ready_now(struct linux_task *p, uint64_t fd, unsigned wanted)
{
	struct open_file *file = fd_get(p, fd);

	if (!file)
		return POLLNVAL;
	if (!file->ops->poll)
		return (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM) & wanted;
	return file->ops->poll(p, file) & (wanted | POLLERR | POLLHUP);
}

/* Elapsed time at which a wait of `ns` ends; INT64_MAX for ever. */
static int64_t deadline_after(struct linux_task *p, int64_t ns)
{
	int64_t now = clock_elapsed_ns(p->system);

	return task_deadline(p, ns < 0 || ns > INT64_MAX - 1 - now ? INT64_MAX : now + ns);
}

/* A descriptor of the host's terminal among those polled, or -1. */
static int terminal_of(struct linux_task *p, const struct pollfd *fds, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct open_file *file = fds[i].fd < 0 ? NULL
							     : fd_get(p, (uint64_t)fds[i].fd);

		if (file && file->host_fd >= 0 && (fds[i].events & POLLIN) && isatty(file->host_fd))
			return file->host_fd;
	}
	return -1;
}

static int64_t check_all(struct linux_task *p, struct pollfd *fds, unsigned count)
{
	int64_t ready = 0;

	for (unsigned i = 0; i < count; i++) {
		fds[i].revents = 0;
		if (fds[i].fd >= 0)
			fds[i].revents = (short)ready_now(p, (uint64_t)fds[i].fd,
							  (unsigned short)fds[i].events);
		ready += fds[i].revents != 0;
	}
	return ready;
}

static bool any_ready(struct linux_task *p)
{
	return check_all(p, p->wait.fds, p->wait.fd_count) > 0;
}

static int wait_until(struct linux_task *p, const struct pollfd *fds, unsigned count,
		      int64_t deadline)
{
	struct task_wait wait = { .ready = any_ready, .deadline_ns = deadline, .fd_count = count };

	wait.fds = malloc((count + 1) * sizeof(*fds));
	if (!wait.fds)
		return -ENOMEM;
	if (count > 0)
		memcpy(wait.fds, fds, count * sizeof(*fds));
	return task_wait(p, &wait);
}

/* timeout_ns -1: for ever. The number of ready ones, or -EINTR, -LINUX_BLOCKED. */
static int64_t wait_for(struct linux_task *p, struct pollfd *fds, unsigned count,
			int64_t timeout_ns)
{
	int64_t deadline = deadline_after(p, timeout_ns), ready = check_all(p, fds, count);
	struct pollfd host = { .fd = terminal_of(p, fds, count), .events = POLLIN };
	int error;

	if (ready || timeout_ns == 0)
		return ready;
	if (host.fd >= 0 && deadline == INT64_MAX && p->system->task_count == 1) {
		while (poll(&host, 1, -1) < 0 && errno == EINTR)
			;
		return check_all(p, fds, count);
	}
	error = wait_until(p, fds, count, deadline);
	return error ? error : check_all(p, fds, count);
}

/* With a mask for the time of the wait; -EINTR keeps it until the handler has run. */
static int64_t wait_masked(struct linux_task *p, struct pollfd *fds, unsigned count,
			   int64_t timeout_ns, const uint64_t *mask)
{
	struct linux_signals *signals = &p->signals;
	int64_t result;

	if (mask && !p->call.again) {
		signals->suspended = true;
		signals->suspended_mask = signals->blocked;
		signals->blocked = *mask & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	}
	result = wait_for(p, fds, count, timeout_ns);
	if (mask && result != -EINTR && result != -LINUX_BLOCKED) {
		signals->suspended = false;
		signals->blocked = signals->suspended_mask;
	}
	return result;
}

static int64_t timeout_of(struct linux_task *p, va_t at, int64_t *ns, bool microseconds)
{
	const int64_t unit = microseconds ? NS_PER_US : 1;
	int64_t time[2];

	*ns = -1;
	if (!at)
		return 0;
	if (user_read(p, time, at, sizeof(time)) < 0)
		return -EFAULT;
	if (time[0] < 0 || time[1] < 0 || time[1] >= NS_PER_SECOND / unit)
		return -EINVAL;
	*ns = time[0] > CLOCK_END_NS / NS_PER_SECOND ? CLOCK_END_NS
						     : time[0] * NS_PER_SECOND + time[1] * unit;
	return 0;
}

/* --- poll ------------------------------------------------------------------------------------ */

static int64_t poll_guest(struct linux_task *p, const uint64_t *a, int64_t timeout_ns,
			  const uint64_t *mask)
{
	struct pollfd fds[FD_MAX];
	int64_t ready;

	if (a[1] > FD_MAX)
		return -EINVAL;
	if (user_read(p, fds, a[0], a[1] * sizeof(*fds)) < 0)
		return -EFAULT;
	ready = wait_masked(p, fds, (unsigned)a[1], timeout_ns, mask);
	if (ready < 0)
		return ready;
	return user_write(p, a[0], fds, a[1] * sizeof(*fds)) < 0 ? -EFAULT : ready;
}

int64_t sys_poll(struct linux_task *p, const uint64_t *a)
{
	int32_t ms = (int32_t)a[2];

	return poll_guest(p, a, ms < 0 ? -1 : (int64_t)ms * (NS_PER_SECOND / 1000), NULL);
}

int64_t sys_ppoll(struct linux_task *p, const uint64_t *a)
{
	uint64_t mask;
	int64_t timeout_ns, error = timeout_of(p, a[2], &timeout_ns, false);

	if (error)
		return error;
	if (a[3] && user_get(p, &mask, a[3]) < 0)
		return -EFAULT;
	return poll_guest(p, a, timeout_ns, a[3] ? &mask : NULL);
}

/* --- select ---------------------------------------------------------------------------------- */

struct selection {
	unsigned count;               /* nfds */
	uint64_t set[3][FD_MAX / 64]; /* to read, to write, exceptional */
	unsigned polled;
	struct pollfd fds[FD_MAX];
};

static int read_sets(struct linux_task *p, struct selection *s, const uint64_t *at)
{
	uint64_t bytes = (s->count + 63) / 64 * 8;

	for (int i = 0; i < 3; i++)
		if (at[i] && user_read(p, s->set[i], at[i], bytes) < 0)
			return -EFAULT;
	return 0;
}

static bool has(const struct selection *s, int set, unsigned fd)
{
	return (s->set[set][fd / 64] >> (fd % 64)) & 1;
}

static int to_poll(struct linux_task *p, struct selection *s)
{
	for (unsigned fd = 0; fd < s->count; fd++) {
		int events = (has(s, 0, fd) ? POLLIN : 0) | (has(s, 1, fd) ? POLLOUT : 0) |
			     (has(s, 2, fd) ? POLLPRI : 0);

		if (!events)
			continue;
		if (!fd_get(p, fd))
			return -EBADF;
		s->fds[s->polled++] = (struct pollfd){ .fd = (int)fd, .events = (short)events };
	}
	return 0;
}

/* The sets become what is ready; how many bits are set. */
static int64_t from_poll(struct selection *s)
{
	static const int means[3] = { POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI };
	int64_t ready = 0;

	memset(s->set, 0, sizeof(s->set));
	for (unsigned n = 0; n < s->polled; n++) {
		static const int asks[3] = { POLLIN, POLLOUT, POLLPRI };
		unsigned fd = (unsigned)s->fds[n].fd;

		for (int i = 0; i < 3; i++) {
			if (!(s->fds[n].events & asks[i]) || !(s->fds[n].revents & means[i]))
				continue;
			s->set[i][fd / 64] |= UINT64_C(1) << (fd % 64);
			ready++;
		}
	}
	return ready;
}

static int64_t select_guest(struct linux_task *p, const uint64_t *a, int64_t timeout_ns,
			    const uint64_t *mask)
{
	struct selection s;
	uint64_t bytes;
	int64_t ready;

	memset(&s, 0, sizeof(s));
	if ((int32_t)a[0] < 0)
		return -EINVAL;
	s.count = (uint32_t)a[0] < FD_MAX ? (uint32_t)a[0] : FD_MAX;
	bytes = (s.count + 63) / 64 * 8;
	ready = read_sets(p, &s, &a[1]);
	if (!ready)
		ready = to_poll(p, &s);
	if (!ready)
		ready = wait_masked(p, s.fds, s.polled, timeout_ns, mask);
	if (ready < 0)
		return ready;
	ready = from_poll(&s);
	for (int i = 0; i < 3; i++)
		if (a[1 + i] && user_write(p, a[1 + i], s.set[i], bytes) < 0)
			return -EFAULT;
	return ready;
}

/* Linux writes back the time that is left; so do we. */
static void put_left(struct linux_task *p, va_t at, int64_t deadline, int64_t unit)
{
	int64_t left = deadline - clock_elapsed_ns(p->system);
	int64_t time[2];

	if (!at || deadline == INT64_MAX)
		return;
	left = left > 0 ? left : 0;
	time[0] = left / NS_PER_SECOND;
	time[1] = left % NS_PER_SECOND / unit;
	(void)user_write(p, at, time, sizeof(time));
}

int64_t sys_select(struct linux_task *p, const uint64_t *a)
{
	int64_t timeout_ns, result = timeout_of(p, a[4], &timeout_ns, true);
	int64_t deadline;

	if (result)
		return result;
	deadline = deadline_after(p, timeout_ns);
	result = select_guest(p, a, timeout_ns, NULL);
	if (result != -LINUX_BLOCKED)
		put_left(p, a[4], deadline, NS_PER_US);
	return result;
}

int64_t sys_pselect6(struct linux_task *p, const uint64_t *a)
{
	uint64_t packed[2] = { 0, 0 }, mask; /* where the mask is, and its size */
	int64_t timeout_ns, deadline, result = timeout_of(p, a[4], &timeout_ns, false);

	if (result)
		return result;
	if (a[5] && user_read(p, packed, a[5], sizeof(packed)) < 0)
		return -EFAULT;
	if (packed[0] && user_get(p, &mask, packed[0]) < 0)
		return -EFAULT;
	deadline = deadline_after(p, timeout_ns);
	result = select_guest(p, a, timeout_ns, packed[0] ? &mask : NULL);
	if (result != -LINUX_BLOCKED)
		put_left(p, a[4], deadline, 1);
	return result;
}
