/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_INODE_H
#define PAGEWALK_EMU_LINUX_INODE_H

/*
 * The files of the host that the guest has seen, by (device, inode number) of the host. Each gets
 * a number of ours, in the order in which the guest meets them: so inode numbers do not depend on
 * the host, and the same number is the identity by which the kernel model knows a mapped file.
 *
 * A file that the guest changed shows guest time, whatever the host's clock said.
 */

#include <sys/stat.h>

#include "mmu/types.h"

struct file_lock;

struct inode {
	uint64_t device, host_number; /* of the host */
	uint64_t number;              /* what the guest sees; never 0, never reused */
	struct inode *chain;
	char *path;     /* by which it was mapped, for /proc/self/maps; owned, or NULL */
	int content_fd; /* where the kernel model's pages come from; -1: never mapped */
	bool content_writable;
	bool code_altered;       /* a private copy was made executable after it was writable */
	bool shared_writes;      /* mapped shared and writable: pages may be newer than the file */
	bool changed;            /* by the guest: the times below hold */
	bool forgotten;          /* its host number was reused: found by number only */
	uint64_t kernel_size;    /* as the kernel model last heard */
	struct file_lock *locks; /* lock.c */
	int64_t atime_ns, mtime_ns, ctime_ns; /* INODE_TIME_HOST: as the host says */
};

struct inode_table {
	struct inode **bucket; /* hash of (device, host_number) */
	struct inode **by_number;
	size_t bucket_count, count, capacity;
	uint64_t *device; /* of the host, in the order met */
	size_t device_count;
};

enum { INODE_FIRST_NUMBER = 1000 };
#define INODE_TIME_HOST INT64_MIN

int inode_table_init(struct inode_table *table); /* PW_NOMEM */
void inode_table_release(struct inode_table *table);

/* Finds or makes; NULL: no memory. Lives as long as the table. */
struct inode *inode_get(struct inode_table *table, const struct stat *st);
struct inode *inode_by_number(const struct inode_table *table, uint64_t number);
/* The guest made this file: if the host reused a number, the old file is another one. */
struct inode *inode_made(struct inode_table *table, const struct stat *st, int64_t now_ns);
/* The guest changed contents (mtime and ctime) or only the inode (ctime). */
void inode_changed(struct inode *inode, int64_t now_ns, bool contents);
/* The guest set atime and mtime itself: the host's file has them. */
void inode_times_set(struct inode *inode, int64_t now_ns);
/* Gives the host's file the guest's times, for whoever looks at it later. */
void inode_push_times(const struct inode *inode, int host_fd);
/* Replaces what must not depend on the host: device, number, block size, times if changed. */
void inode_virtualise(struct inode_table *table, struct stat *st);

#endif
