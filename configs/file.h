/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_FILE_H
#define PAGEWALK_CONFIGS_FILE_H

/* Where descriptions are found, and their bytes. */

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "configs/tree.h"

/* Who asked for a file: what its errors begin with. */
struct file_request {
	const char *name;         /* a name or a path */
	const char *prefix;       /* "base: " or "" */
	const struct node *where; /* of the `base:`, or NULL */
	struct config_error *error;
};

struct file {
	char path[PATH_MAX];
	char *bytes;
	size_t length;
	dev_t device; /* with inode: which file it is, whatever its path */
	ino_t inode;
};

/* PW_ABSENT, PW_IO, PW_LIMIT, PW_NOMEM with a message. */
int file_open(const struct file_request *request, struct file *file);
void file_close(struct file *file);

#endif
