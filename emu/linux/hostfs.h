/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_HOSTFS_H
#define PAGEWALK_EMU_LINUX_HOSTFS_H

/*
 * From a path of the guest to a place on the host.
 *
 * The path is walked here, one component at a time, from the root of the host: each component is
 * opened with O_PATH | O_NOFOLLOW relative to the directory before it, links are read and
 * expanded by us, and ".." starts again from the root with the canonical path so far. The kernel
 * of the host never follows a link or a ".." for the guest, so the walk knows at each step where
 * it stands:
 *
 *  1. `writable` holds exactly when a directory opened for writing (known by device and inode)
 *     was entered on the way down. No name, link or race leads to it otherwise.
 *  2. /proc, /sys and /dev are ours (vnode.h); file systems of those kinds that are mounted
 *     elsewhere are not entered.
 *  3. The path in the place is canonical: absolute, without links, "." and "..".
 */

#include <limits.h>
#include <sys/stat.h>

#include "mmu/types.h"

struct linux_task;

enum { WRITE_DIRS_MAX = 64 };

struct hostfs {
	unsigned write_dir_count;
	struct {
		uint64_t device, number;
	} write_dir[WRITE_DIRS_MAX];
};

/* PW_LIMIT; PW_IO with errno when one cannot be opened or is no directory (*which: its index). */
int hostfs_init(struct hostfs *fs, const char *const *write_dirs, unsigned count, unsigned *which);

enum place_kind {
	PLACE_ABSENT, /* its directory exists, the name does not */
	PLACE_HOST,
	PLACE_VIRTUAL, /* beneath /proc, /sys or /dev: vnode.h knows it by its path */
};

struct place {
	enum place_kind kind;
	char path[PATH_MAX];     /* canonical */
	int parent_fd;           /* O_PATH; -1: none (virtual) */
	char name[NAME_MAX + 1]; /* in parent_fd; "." when the path ended in a directory as such */
	int fd;                  /* O_PATH of the thing, or -1 */
	struct stat st;          /* of fd */
	bool writable;           /* contents and inode may be changed */
	bool entry_writable;     /* the name may be made or removed */
	bool slash;              /* the path ended in a slash: only a directory will do */
	bool dots;               /* the path ended in "." or ".." */
};

enum { HOSTFS_NOFOLLOW = 1 }; /* the last component is meant, even when it is a link */

/*
 * Resolves `path` from the directory `base` (canonical). 0, or a negative errno as Linux gives
 * it for the path. hostfs_leave() must follow success.
 */
int hostfs_resolve(struct linux_task *p, const char *base, const char *path, unsigned flags,
		   struct place *place);
void hostfs_leave(struct place *place);

/*
 * Opens a regular file or a directory of the host, never anything else (-EACCES). `flags` are
 * open(2)'s; O_CREAT makes the file of an absent place, *made says whether. Returns a
 * close-on-exec descriptor of the host or a negative errno; -EROFS where nothing is writable.
 */
int hostfs_open(const struct place *place, int flags, mode_t mode, bool *made);

#endif
