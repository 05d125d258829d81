/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Files that can be mapped, by identity. Opens and VMAs hold a file; when the last of them goes,
 * its pages leave the page cache and it is forgotten. (Linux keeps them; here the next reader may
 * be a program that changed the host's file behind our back. Issue 4 may keep them.)
 *
 * Shared anonymous memory is a file without a name or a host: its pages start as zeros and are
 * never written back nor dropped before it ends, but may be swapped out.
 *
 * Invariants (kernel_check): `vmas` is the number of VMAs that name the file, `mapped` that of
 * cached pages with at least one entry; a cached page holds one reference of its frame.
 */

#include <assert.h>

#include "emu/kernel/kernel_internal.h"

enum { RECLAIM_BATCH = 32 };

struct file *file_find(const struct kernel *k, int64_t id)
{
	if (id < 0 || id / 2 >= k->file_slots)
		return NULL;
	return k->file[id / 2];
}

static int32_t free_slot(struct kernel *k)
{
	unsigned slots = k->file_slots ? k->file_slots * 2 : 16;
	struct file **grown;

	for (unsigned i = 0; i < k->file_slots; i++)
		if (!k->file[i])
			return (int32_t)i;
	if (slots > INT32_MAX / 4)
		return -1;
	grown = k->alloc->resize(k->alloc->ctx, k->file, slots * sizeof(struct file *));
	if (!grown)
		return -1;
	for (unsigned i = k->file_slots; i < slots; i++)
		grown[i] = NULL;
	k->file = grown;
	k->file_slots = slots;
	return (int32_t)(slots == 16 ? 0 : slots / 2);
}

static void forget(struct kernel *k, struct file *file)
{
	object_pop_all(k, OBJECT_FILP, &file->filps);
	object_free(k, OBJECT_DENTRY, &file->dentry);
	object_free(k, OBJECT_INODE, &file->inode);
	host_free(k->alloc, file);
}

struct file *file_create(struct kernel *k, uint64_t identity, uint64_t size)
{
	int32_t slot = free_slot(k);
	struct file *file = slot < 0 ? NULL : host_zalloc(k->alloc, 1, sizeof(*file));

	if (!file)
		return NULL;
	if (object_alloc(k, OBJECT_INODE, &file->inode) != PW_OK ||
	    object_alloc(k, OBJECT_DENTRY, &file->dentry) != PW_OK ||
	    object_push(k, OBJECT_FILP, &file->filps) != PW_OK) {
		forget(k, file);
		return NULL;
	}
	file->identity = identity;
	file->size = size;
	file->slot = slot;
	file->opens = 1;
	page_tree_init(&file->pages, &k->objects.node_alloc);
	page_tree_init(&file->swapped, k->alloc);
	page_tree_init(&file->promised, k->alloc);
	k->file[slot] = file;
	return file;
}

void file_release(struct kernel *k, struct file *file)
{
	if (file->opens || file->vmas)
		return;
	if (file->hugetlb_lg2)
		hugetlb_file_release(k, file);
	else
		file_drop_pages(k, file, 0, UINT64_MAX);
	k->file[file->slot] = NULL;
	forget(k, file);
}

void file_hold(void *ctx, int32_t id, int delta)
{
	struct kernel *k = ctx;
	struct file *file = file_find(k, id);

	assert(file);
	file->vmas += (unsigned)delta;
	if (delta < 0)
		file_release(k, file);
}

void file_drop_page(struct kernel *k, struct file *file, uint64_t index, pfn_t pfn)
{
	assert(frame_at(&k->frames, pfn)->maps == 0);
	page_tree_remove(&file->pages, index);
	frames_put(&k->frames, pfn);
}

void file_drop_pages(struct kernel *k, struct file *file, uint64_t first, uint64_t end)
{
	uint64_t from = first;
	pfn_t pfn;

	while (page_tree_next(&file->pages, &first, &pfn) && first < end)
		file_drop_page(k, file, first, pfn);
	swapped_forget(k, &file->swapped, from, end);
}

static bool reclaimable(const struct file *file)
{
	return file->identity != KERNEL_IDENTITY_NONE && file->pages.count > file->mapped;
}

/* Only the cache holds such a page: it has no mapping and no pin. */
static unsigned reclaim_from(struct kernel *k, struct file *file)
{
	unsigned dropped = 0;
	uint64_t index;
	pfn_t pfn;

	for (index = 0; dropped < RECLAIM_BATCH && page_tree_next(&file->pages, &index, &pfn);
	     index++) {
		if (frame_at(&k->frames, pfn)->refs > 1)
			continue;
		file_drop_page(k, file, index, pfn);
		dropped++;
	}
	return dropped;
}

/* In order of identity, then index: nothing that depends on when or where the host put them. */
unsigned files_reclaim(struct kernel *k)
{
	uint64_t above = 0;

	for (;;) {
		struct file *lowest = NULL;
		unsigned dropped;

		for (unsigned i = 0; i < k->file_slots; i++) {
			struct file *file = k->file[i];

			if (file && reclaimable(file) && file->identity >= above &&
			    (!lowest || file->identity < lowest->identity))
				lowest = file;
		}
		if (!lowest)
			return 0;
		dropped = reclaim_from(k, lowest);
		if (dropped > 0)
			return dropped;
		above = lowest->identity + 1;
	}
}
