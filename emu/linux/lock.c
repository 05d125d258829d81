/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/lock.h"

/*
 * The locks of a file are a list at its inode. A new lock of a range first takes that range out of
 * what its owner has, then joins what it touches of the same strength, as posix_lock_inode() does;
 * flock() gives up the old lock before it waits for the new one, as flock_lock_inode() does.
 *
 * Whoever waits looks again when anything has happened (task.h). Of several that may go on, the one
 * that was made first goes first; Linux wakes them in the order in which they came.
 *
 * Not modelled: leases, mandatory locks, /proc/locks.
 */

#include <errno.h>
#include <stdlib.h>

#include "emu/linux/inode.h"
#include "emu/linux/process.h"

static bool same_owner(const struct file_lock *a, const struct file_lock *b)
{
	return a->kind == b->kind && a->owner == b->owner;
}

static bool overlap(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->last && b->start <= a->last;
}

const struct file_lock *lock_conflict(const struct inode *inode, const struct file_lock *wanted)
{
	const struct file_lock *lock = inode->locks;

	for (; lock; lock = lock->next)
		if ((lock->kind == LOCK_WHOLE) == (wanted->kind == LOCK_WHOLE) &&
		    !same_owner(lock, wanted) && overlap(lock, wanted) &&
		    (lock->exclusive || wanted->exclusive))
			return lock;
	return NULL;
}

/* --- changing the list ----------------------------------------------------------------------- */

static void drop(struct file_lock **at)
{
	struct file_lock *lock = *at;

	*at = lock->next;
	free(lock);
}

/*
 * Takes the range of `wanted` out of its owner's locks. *spare becomes the upper part of one that is
 * cut in two, and is NULL then.
 */
static void cut_out(struct inode *inode, const struct file_lock *wanted, struct file_lock **spare)
{
	struct file_lock **at = &inode->locks;

	while (*at) {
		struct file_lock *lock = *at;

		if (!same_owner(lock, wanted) || !overlap(lock, wanted)) {
			at = &lock->next;
		} else if (lock->start < wanted->start && lock->last > wanted->last) {
			**spare = *lock;
			(*spare)->start = wanted->last + 1;
			lock->last = wanted->start - 1;
			lock->next = *spare;
			*spare = NULL;
			return;
		} else if (lock->start < wanted->start) {
			lock->last = wanted->start - 1;
			at = &lock->next;
		} else if (lock->last > wanted->last) {
			lock->start = wanted->last + 1;
			at = &lock->next;
		} else {
			drop(at);
		}
	}
}

static bool touches(const struct file_lock *before, const struct file_lock *after)
{
	return before->last != INT64_MAX && before->last + 1 == after->start &&
	       before->exclusive == after->exclusive;
}

/* Among its owner's by start, or at the end; neighbours that continue it become one with it. */
static void enter(struct inode *inode, struct file_lock *lock)
{
	struct file_lock **at = &inode->locks, *before = NULL;

	while (*at && !same_owner(*at, lock))
		at = &(*at)->next;
	while (*at && same_owner(*at, lock) && (*at)->start < lock->start) {
		before = *at;
		at = &before->next;
	}
	lock->next = *at;
	*at = lock;
	if (lock->next && same_owner(lock->next, lock) && touches(lock, lock->next)) {
		lock->last = lock->next->last;
		drop(&lock->next);
	}
	if (before && touches(before, lock)) {
		before->last = lock->last;
		drop(at);
	}
}

/* Nothing is in the way. -ENOLCK: nothing has changed. */
static int64_t carry_out(struct inode *inode, const struct file_lock *wanted)
{
	struct file_lock *lock = malloc(sizeof(*lock)), *spare = malloc(sizeof(*spare));

	if (!lock || !spare) {
		free(lock);
		free(spare);
		return -ENOLCK;
	}
	cut_out(inode, wanted, &spare);
	free(spare);
	*lock = *wanted;
	if (wanted->unlock)
		free(lock);
	else
		enter(inode, lock);
	return 0;
}

/* --- waiting --------------------------------------------------------------------------------- */

static bool lock_is_free(struct linux_task *p)
{
	return !lock_conflict(p->wait.file->inode, &p->lock);
}

/* What a thread with these descriptors waits for a record of. */
static const struct file_lock *blocked_by(const struct linux_system *system, const void *owner)
{
	for (const struct linux_task *p = system->tasks; p; p = p->next)
		if (p->state == TASK_WAITING && p->wait.ready == lock_is_free &&
		    p->lock.kind == LOCK_RECORD && p->files == owner)
			return lock_conflict(p->wait.file->inode, &p->lock);
	return NULL;
}

/* Records only, and chains of ten at most (posix_locks_deadlock()). */
static bool would_deadlock(const struct linux_task *p, const struct file_lock *blocker)
{
	enum { ITERATIONS_MAX = 10 };

	for (unsigned i = 0; i < ITERATIONS_MAX && blocker && blocker->kind == LOCK_RECORD; i++) {
		if (blocker->owner == p->files)
			return true;
		blocker = blocked_by(p->system, blocker->owner);
	}
	return false;
}

int64_t lock_set(struct linux_task *p, struct open_file *file, const struct file_lock *wanted,
		 bool wait)
{
	const struct task_wait until = { .ready = lock_is_free,
					 .deadline_ns = INT64_MAX,
					 .file = file };
	const struct file_lock *blocker;
	struct file_lock *no_spare = NULL;
	int64_t error;

	/* A file that is nobody else's to open. */
	if (!file->inode)
		return 0;
	blocker = wanted->unlock ? NULL : lock_conflict(file->inode, wanted);
	if (!blocker)
		return carry_out(file->inode, wanted);
	if (wanted->kind == LOCK_WHOLE)
		cut_out(file->inode, wanted, &no_spare);
	if (!wait)
		return -EAGAIN;
	if (wanted->kind == LOCK_RECORD && would_deadlock(p, blocker))
		return -EDEADLK;
	p->lock = *wanted;
	error = task_wait(p, &until);
	return error == -EINTR ? -LINUX_ERESTART : error;
}

/* --- the end of owners ----------------------------------------------------------------------- */

static void drop_all(struct inode *inode, const void *owner)
{
	struct file_lock **at = &inode->locks;

	while (*at)
		if ((*at)->owner == owner)
			drop(at);
		else
			at = &(*at)->next;
}

void lock_descriptor_closed(const struct fd_table *files, const struct open_file *file)
{
	if (file->inode && file->inode->locks)
		drop_all(file->inode, files);
}

void lock_file_closed(const struct open_file *file)
{
	if (file->inode && file->inode->locks)
		drop_all(file->inode, file);
}
