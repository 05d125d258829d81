/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/file.h"

/*
 * /proc/<pid>/pagemap: eight bytes for each page of the address space, as it is when they are read
 * (Documentation/admin-guide/mm/pagemap.rst).
 *
 *	 63 62 61 60..57 56 55 54                                            0
 *	+--+--+--+------+--+--+------------------------------------------------+
 *	|P |S |F |  0   |E |0 |                     frame                      |
 *	+--+--+--+------+--+--+------------------------------------------------+
 *	 P present   S on the swap device, its slot from bit 5 on   F of a file or of shared memory   E mapped once
 *
 * Soft-dirty (bit 55) is not modelled. Frame numbers are shown to everybody, as Linux shows them to
 * root. Of a process that does not run nothing is shown.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/kernel/kernel_truth.h"
#include "emu/linux/proc_text.h"
#include "emu/linux/process.h"
#include "emu/linux/procfs.h"
#include "emu/linux/vnode.h"

enum { ENTRY_BYTES = 8, SWAP_TYPE_BITS = 5 };

#define PAGEMAP_PRESENT   (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED   (UINT64_C(1) << 62)
#define PAGEMAP_FILE      (UINT64_C(1) << 61)
#define PAGEMAP_EXCLUSIVE (UINT64_C(1) << 56)

struct pagemap {
	int32_t pid; /* whose */
	int64_t at;
};

static uint64_t entry_of(const struct kernel *kernel, va_t va)
{
	struct kernel_page page;
	uint64_t slot;

	if (kernel_page_swapped(kernel, va, &slot))
		return PAGEMAP_SWAPPED | slot << SWAP_TYPE_BITS;
	if (!kernel_page_at(kernel, va, &page))
		return 0;
	return PAGEMAP_PRESENT | (page.file ? PAGEMAP_FILE : 0) |
	       (page.exclusive ? PAGEMAP_EXCLUSIVE : 0) | page.pfn;
}

static int64_t pagemap_read_at(struct linux_task *p, struct open_file *file, void *to, size_t bytes,
			       int64_t offset)
{
	const struct pagemap *map = file->state;
	const struct kernel *kernel = p->system->kernel;
	uint64_t count = bytes / ENTRY_BYTES, first = (uint64_t)offset / ENTRY_BYTES;
	uint64_t end = kernel_va_end(kernel) >> FRAME_LG2;

	if (offset < 0 || offset % ENTRY_BYTES || bytes % ENTRY_BYTES)
		return -EINVAL;
	if (first >= end)
		return 0;
	if (count > end - first)
		count = end - first;
	kernel_truth_read(p->system->kernel, TRUTH_PAGEMAP);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t entry = map->pid == p->process->pid
					 ? entry_of(kernel, (first + i) << FRAME_LG2)
					 : 0;

		memcpy((uint8_t *)to + i * ENTRY_BYTES, &entry, ENTRY_BYTES);
	}
	return (int64_t)(count * ENTRY_BYTES);
}

static int64_t pagemap_read(struct linux_task *p, struct open_file *file, void *to, size_t bytes)
{
	struct pagemap *map = file->state;
	int64_t got = pagemap_read_at(p, file, to, bytes, map->at);

	if (got > 0)
		map->at += got;
	return got;
}

static int64_t pagemap_write(struct linux_task *p, struct open_file *file, const void *from,
			     size_t bytes)
{
	(void)p, (void)file, (void)from, (void)bytes;
	return -EINVAL;
}

static int64_t pagemap_write_at(struct linux_task *p, struct open_file *file, const void *from,
				size_t bytes, int64_t offset)
{
	(void)offset;
	return pagemap_write(p, file, from, bytes);
}

/* mem_lseek(): from the start or from here. */
static int64_t pagemap_seek(struct linux_task *p, struct open_file *file, int64_t offset,
			    int whence)
{
	struct pagemap *map = file->state;

	(void)p;
	if (whence == SEEK_CUR)
		offset += map->at;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	return map->at = offset;
}

static int pagemap_stat(struct linux_task *p, struct open_file *file, struct stat *st)
{
	struct vnode node;

	if (!vnode_find(p, file->path, &node))
		return -ENOENT;
	vnode_stat(p, &node, st);
	return 0;
}

static unsigned pagemap_poll(struct linux_task *p, struct open_file *file)
{
	(void)p, (void)file;
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

static void pagemap_release(struct linux_task *p, struct open_file *file)
{
	(void)p;
	free(file->state);
}

static const struct file_ops pagemap_ops = {
	.name = "pagemap",
	.read = pagemap_read,
	.write = pagemap_write,
	.read_at = pagemap_read_at,
	.write_at = pagemap_write_at,
	.seek = pagemap_seek,
	.stat = pagemap_stat,
	.poll = pagemap_poll,
	.release = pagemap_release,
};

struct open_file *file_open_pagemap(int32_t pid, uint32_t flags, const char *path)
{
	struct pagemap *map = calloc(1, sizeof(*map));
	struct open_file *file = map ? open_file_create(&pagemap_ops, -1, flags, path) : NULL;

	if (!file) {
		free(map);
		return NULL;
	}
	map->pid = pid;
	file->type = S_IFREG;
	file->whole_reads = true;
	file->state = map;
	return file;
}

/* It is never read as a text: opening it comes here instead. */
void procfs_self_pagemap(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	(void)to;
}
