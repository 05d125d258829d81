/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/futex.h"

/*
 * Locks whose word names their owner (Linux: kernel/futex/pi.c): FUTEX_LOCK_PI and its kin. Whoever
 * unlocks hands the lock to the one that has waited longest, by the word. There are no priorities
 * here, so nobody inherits one.
 *
 * Waiters stand with those of other operations, but with no bit in their set, so that no wake finds
 * them. An owner that ends passes its locks on, marked; those that processes share through a file
 * only by its robust list.
 *
 * Not there: FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI (ENOSYS); chains of owners that wait for
 * each other are not looked for.
 */

#include <errno.h>
#include <linux/futex.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

/* Of those that wait for the lock the one that came first, but for `but`; NULL: nobody. */
static struct linux_task *first_waiter(struct linux_system *system, const struct futex_key *key,
				       const struct linux_task *but)
{
	struct linux_task *first = NULL;

	for (struct linux_task *p = system->tasks; p; p = p->next)
		if (p->futex.queued && p->futex.bitset == 0 && p != but &&
		    p->futex.key.object == key->object && p->futex.key.offset == key->offset &&
		    (!first || p->futex.order < first->futex.order))
			first = p;
	return first;
}

/* The word names the next owner, which is woken; or nobody. */
static int64_t hand_over(struct linux_task *p, va_t va, const struct futex_key *key, uint32_t mark)
{
	struct linux_task *next = first_waiter(p->system, key, NULL);
	uint32_t word = mark;

	if (next) {
		word |= (uint32_t)next->tid;
		if (first_waiter(p->system, key, next))
			word |= FUTEX_WAITERS;
	}
	if (user_put(p, va, &word) < 0)
		return -EFAULT;
	if (next) {
		next->futex.queued = false;
		next->futex.woken = true;
	}
	return 0;
}

static int64_t read_deadline(struct linux_task *p, const uint64_t *a, bool real)
{
	int64_t time[2];

	p->call.deadline_ns = INT64_MAX;
	if (!a[3])
		return 0;
	if (user_read(p, time, a[3], sizeof(time)) < 0)
		return -EFAULT;
	if (time[0] < 0 || time[1] < 0 || time[1] >= NS_PER_SECOND)
		return -EINVAL;
	p->call.deadline_ns =
		clock_deadline(p, real ? CLOCK_ABSOLUTE_REAL : CLOCK_ABSOLUTE_MONOTONIC, time);
	return 0;
}

/* 0: it is p's. -EAGAIN: p has to wait, and the word says that somebody does. */
static int64_t take(struct linux_task *p, va_t va, const struct futex_key *key, bool wait)
{
	uint32_t word, owner;

	if (user_get(p, &word, va) < 0)
		return -EFAULT;
	owner = word & FUTEX_TID_MASK;
	if (owner == (uint32_t)p->tid)
		return -EDEADLK;
	if (owner == 0) {
		word = (word & FUTEX_OWNER_DIED) | (uint32_t)p->tid |
		       (first_waiter(p->system, key, NULL) ? FUTEX_WAITERS : 0);
		return user_put(p, va, &word) < 0 ? -EFAULT : 0;
	}
	if (!wait)
		return -EAGAIN;
	if (!task_find(p->system, (int32_t)owner))
		return -ESRCH;
	word |= FUTEX_WAITERS;
	return user_put(p, va, &word) < 0 ? -EFAULT : -EAGAIN;
}

static int64_t begin(struct linux_task *p, const uint64_t *a, bool real, bool wait)
{
	const struct futex_key key = futex_key_of(p, a[0], !(a[1] & FUTEX_PRIVATE_FLAG));
	int64_t error = wait ? read_deadline(p, a, real) : 0;

	if (!error)
		error = take(p, a[0], &key, wait);
	if (error == -EAGAIN && wait)
		p->futex = (struct futex_wait){
			.queued = true,
			.order = p->system->futex_order++,
			.key = key,
		};
	return error;
}

static int64_t lock(struct linux_task *p, const uint64_t *a, bool real)
{
	int64_t error;

	if (!p->call.again) {
		error = begin(p, a, real, true);
		if (error != -EAGAIN)
			return error;
	}
	return futex_sleep(p, -LINUX_ERESTARTNOINTR);
}

static int64_t unlock(struct linux_task *p, const uint64_t *a)
{
	const struct futex_key key = futex_key_of(p, a[0], !(a[1] & FUTEX_PRIVATE_FLAG));
	uint32_t word;

	if (user_get(p, &word, a[0]) < 0)
		return -EFAULT;
	if ((word & FUTEX_TID_MASK) != (uint32_t)p->tid)
		return -EPERM;
	return hand_over(p, a[0], &key, 0);
}

int64_t futex_pi(struct linux_task *p, uint32_t operation, const uint64_t *a)
{
	if (a[0] & 3)
		return -EINVAL;
	switch (operation) {
	case FUTEX_LOCK_PI:
		return lock(p, a, true);
	case FUTEX_LOCK_PI2:
		return lock(p, a, a[1] & FUTEX_CLOCK_REALTIME);
	case FUTEX_TRYLOCK_PI:
		return begin(p, a, false, false);
	default:
		return unlock(p, a);
	}
}

bool futex_pi_pass_on(struct linux_task *p, va_t va)
{
	for (unsigned shared = 0; shared < 2; shared++) {
		const struct futex_key key = futex_key_of(p, va, shared);

		if (first_waiter(p->system, &key, NULL))
			return hand_over(p, va, &key, FUTEX_OWNER_DIED) == 0;
	}
	return false;
}

void futex_pi_owner_ends(struct linux_task *p)
{
	for (struct linux_task *waiter = p->system->tasks; waiter; waiter = waiter->next) {
		const struct futex_key key = waiter->futex.key;
		uint32_t word;

		if (!waiter->futex.queued || waiter->futex.bitset != 0 ||
		    key.object != (uint64_t)p->memory->space ||
		    user_get(p, &word, key.offset) < 0 ||
		    (word & FUTEX_TID_MASK) != (uint32_t)p->tid)
			continue;
		(void)hand_over(p, key.offset, &key, FUTEX_OWNER_DIED);
	}
}
