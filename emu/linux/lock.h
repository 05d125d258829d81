/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_LOCK_H
#define PAGEWALK_EMU_LINUX_LOCK_H

/*
 * File locks of the guest's processes against each other (Linux: fs/locks.c). The host's file is
 * never locked: what others do to it is none of the guest's business.
 */

#include "mmu/types.h"

struct fd_table;
struct inode;
struct linux_task;
struct open_file;

enum lock_kind {
	LOCK_RECORD, /* fcntl F_SETLK: of a descriptor table, of a range */
	LOCK_OFD,    /* fcntl F_OFD_SETLK: of an open file, of a range; against records too */
	LOCK_WHOLE,  /* flock: of an open file; only against its own kind */
};

struct file_lock {
	struct file_lock *next; /* of the inode: one owner's follow each other, by start */
	enum lock_kind kind;
	bool exclusive, unlock;
	int64_t start, last; /* last byte; INT64_MAX: whatever the file gets to be */
	const void *owner;
	int32_t pid; /* F_GETLK tells; -1 for an open file's */
};

/* The first lock in the way of this one, or NULL. */
const struct file_lock *lock_conflict(const struct inode *inode, const struct file_lock *wanted);
/*
 * Sets or removes it: 0, or -EAGAIN where it is in another's way and is not to wait; -EDEADLK where
 * records would wait for each other, -ENOLCK without memory. Else as a call that waits (task.h).
 */
int64_t lock_set(struct linux_task *p, struct open_file *file, const struct file_lock *wanted,
		 bool wait);

/* F_GETLK, F_SETLK, F_SETLKW and those of open files; `at`: of the guest's struct flock. */
int64_t lock_fcntl(struct linux_task *p, struct open_file *file, int command, va_t at);

/* A descriptor of the table was closed: the records of its file go, whichever descriptor made them. */
void lock_descriptor_closed(const struct fd_table *files, const struct open_file *file);
/* The open file itself goes. */
void lock_file_closed(const struct open_file *file);

#endif
