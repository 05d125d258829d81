/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_VNODE_H
#define PAGEWALK_EMU_LINUX_VNODE_H

/*
 * What the guest finds beneath /proc, /sys and /dev: never the host's, always made up here, from
 * the guest contract and the state of the process, and the same on every host. What is not in
 * the table does not exist. Paths are canonical, with /proc/<pid> in place of /proc/self; of other
 * processes of the guest only what needs no look into their memory is there to be read.
 */

#include <sys/stat.h>

#include "mmu/types.h"

struct linux_task;
struct proc_text;

enum vnode_kind { VNODE_DIRECTORY, VNODE_FILE, VNODE_LINK, VNODE_DEVICE };

struct vnode_entry {
	const char *path; /* with "/proc/self" for the process */
	enum vnode_kind kind;
	uint32_t mode; /* permission bits */
	uint64_t rdev; /* VNODE_DEVICE */
	/* VNODE_FILE: its text. VNODE_LINK: its target. */
	void (*print)(struct linux_task *p, struct proc_text *to);
};

struct vnode {
	enum vnode_kind kind;
	const struct vnode_entry *entry; /* NULL: a link in /proc/self/fd */
	unsigned number;                 /* of the entry, or of the descriptor */
	int32_t tid;                     /* whose it is; 0: nobody's */
};

/*
 * /proc, /sys, /dev and all beneath them, but for /dev/shm, which is the host's: POSIX semaphores and
 * shared memory are files there, where the user lets the guest write.
 */
#define VNODE_SHM "/dev/shm"
bool vnode_is_virtual(const char *path);
bool vnode_find(struct linux_task *p, const char *path, struct vnode *node);
/* /proc/self/fd/N: opening it opens the file again, whatever its target says. */
static inline bool vnode_is_file_link(const struct vnode *node)
{
	return node->entry == NULL;
}
int64_t vnode_readlink(struct linux_task *p, const struct vnode *node, char *to, size_t size);
void vnode_stat(struct linux_task *p, const struct vnode *node, struct stat *st);
/* The text of a VNODE_FILE in a new anonymous file of the host, at its start; or -errno. */
int vnode_open_text(struct linux_task *p, const struct vnode *node);
/* Calls `visit` for each name in the directory, "." and ".." excluded. */
void vnode_list(struct linux_task *p, const struct vnode *node,
		void (*visit)(void *ctx, const char *name, const struct vnode *child), void *ctx);

#endif
