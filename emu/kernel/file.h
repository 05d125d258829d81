/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_FILE_H
#define PAGEWALK_EMU_KERNEL_FILE_H

/* Files that can be mapped, and their page cache: file.c holds them, file_pages.c fills them. */

#include "emu/kernel/kernel.h"
#include "emu/kernel/objects.h"
#include "emu/kernel/page_tree.h"

struct space;

/* A file by identity. Its ids are 2 * slot + writable: opens for reading and for writing differ. */
struct file {
	uint64_t identity; /* KERNEL_IDENTITY_NONE: the object behind shared anonymous memory */
	uint64_t size;
	int32_t slot;
	unsigned opens, vmas; /* both hold it */
	uint64_t mapped;      /* pages of the cache that some entry maps */
	struct page_tree pages;
	struct object_stack filps; /* one an open */
	struct slab_object inode, dentry;
	struct page_tree swapped; /* of shared anonymous memory: 1 + slot by page */
	/*
	 * The object of a mapping of huge pages (hugetlb.c): log2 of their bytes, or 0. Its `pages`,
	 * if it is shared, are first frames by number of the huge page; `promised` are the pages that
	 * the pool keeps for it.
	 */
	unsigned hugetlb_lg2;
	struct page_tree promised;
};

/* file.c */
struct file *file_find(const struct kernel *k, int64_t id); /* NULL: no such file */
static inline int32_t file_id(const struct file *file, bool writable)
{
	return file->slot * 2 + writable;
}
/* opens is 1; NULL when there is no memory for it. */
struct file *file_create(struct kernel *k, uint64_t identity, uint64_t size);
/* After opens or vmas went down: destroys the file when nothing holds it. */
void file_release(struct kernel *k, struct file *file);
void file_hold(void *ctx, int32_t id, int delta); /* for struct vma_set */
/* Drops pages [first, end), of the cache and of the swap device; none may be mapped. */
void file_drop_pages(struct kernel *k, struct file *file, uint64_t first, uint64_t end);
/* Drops a page of the cache that nothing maps. */
void file_drop_page(struct kernel *k, struct file *file, uint64_t index, pfn_t pfn);
/* Drops clean pages that nothing maps; returns how many (a few at most). */
unsigned files_reclaim(struct kernel *k);

/* file_pages.c */
enum file_page_result {
	FILE_PAGE_HIT,
	FILE_PAGE_READ,
	FILE_PAGE_SWAPPED,
	FILE_PAGE_NOMEM,
	FILE_PAGE_BAD
};
/* The frame of a page within the file, read if need be. The caller pins it at once. */
enum file_page_result file_page(struct kernel *k, struct file *file, uint64_t index, pfn_t *pfn);
/* To the host, at once. 0, or -EIO. */
int file_write_page(struct kernel *k, struct file *file, uint64_t index, pfn_t pfn);
/* Writes back what is dirty through this shared VMA in [start, end); clears D. 0, or -EIO. */
int vma_write_back(struct kernel *k, struct space *space, const struct vma *vma, va_t start,
		   va_t end);
/* Through any VMA. */
int file_write_back(struct kernel *k, struct file *file, uint64_t first, uint64_t end);
/* Unmaps pages [first, end) of the file, and private copies of them, in every space. */
void file_unmap(struct kernel *k, struct file *file, uint64_t first, uint64_t end);

#endif
