/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_FILE_DIRECTORY_H
#define PAGEWALK_EMU_LINUX_FILE_DIRECTORY_H

/*
 * Directories as getdents(2) lists them: read as a whole when first asked and after a rewind,
 * sorted by name, with our inode numbers. The position is the index of the next entry.
 */

#include "emu/linux/file.h"
#include "emu/linux/vnode.h"

/* A virtual directory; NULL: no memory. */
struct open_file *file_open_virtual_directory(const struct vnode *node, uint32_t flags,
					      const char *path);
/* Fills `to` with struct linux_dirent64 or (old) linux_dirent; bytes, 0 at the end, -errno. */
int64_t file_list(struct linux_task *p, struct open_file *file, uint8_t *to, size_t size, bool old);

#endif
