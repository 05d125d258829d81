/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_PATH_H
#define PAGEWALK_EMU_LINUX_PATH_H

/* Paths as system calls take them: a string of the guest, relative to a descriptor. */

#include "emu/linux/hostfs.h"

struct open_file;

struct path_name {
	char text[PATH_MAX];
	const char *base;       /* canonical directory that it starts from */
	struct open_file *file; /* of dirfd, or NULL for AT_FDCWD */
};

/* Copies the string and finds its base. -EFAULT, -ENAMETOOLONG, -EBADF, -ENOTDIR. */
int64_t path_read(struct linux_task *p, int64_t dirfd, va_t path, struct path_name *name);
/* hostfs_resolve() of it. */
int64_t path_resolve(struct linux_task *p, const struct path_name *name, unsigned flags,
		     struct place *place);
/* Both. */
int64_t path_find(struct linux_task *p, int64_t dirfd, va_t path, unsigned flags,
		  struct place *place);

struct open_request {
	int flags;
	uint32_t mode;
};
int64_t path_open(struct linux_task *p, const struct path_name *name,
		  const struct open_request *request, struct open_file **out);

/* An entry of the place's directory came or went: its times are the guest's now. */
void path_directory_changed(struct linux_task *p, const struct place *place);
/* The inode of the place was changed (contents: its bytes too). */
void path_inode_changed(struct linux_task *p, const struct place *place, bool contents);

#endif
