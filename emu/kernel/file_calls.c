/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the personality tells about files. Each call comes after the host's file was changed, and
 * after kernel_msync() wherever the file is mapped shared and writable.
 */

#include <errno.h>

#include "emu/kernel/kernel_internal.h"

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes >> FRAME_LG2) + (bytes % FRAME_BYTES != 0);
}

/* The bytes of a cached page were changed by somebody else than a mapping. */
static void refresh_page(struct kernel *k, struct file *file, uint64_t index, pfn_t pfn)
{
	if (file->identity == KERNEL_IDENTITY_NONE)
		return;
	k->content.read_file(k->content.ctx, file->identity, index, pfn);
	k->hw.frame_changed(k->hw.ctx, pfn);
}

/*
 * Linux also takes away private copies of pages beyond the end (truncate(2), mmap(2): SIGBUS), and
 * clears what is left of the last page.
 */
static void set_size(struct kernel *k, struct file *file, uint64_t size)
{
	uint64_t kept = pages_of(size);
	bool shrinks = size < file->size;
	pfn_t pfn;

	file->size = size;
	if (!shrinks)
		return;
	file_unmap(k, file, kept, UINT64_MAX);
	file_drop_pages(k, file, kept, UINT64_MAX);
	if (size % FRAME_BYTES == 0)
		return;
	pfn = page_tree_find(&file->pages, kept - 1);
	if (pfn == PFN_NONE)
		return;
	file_write_back(k, file, kept - 1, kept);
	refresh_page(k, file, kept - 1, pfn);
}

static struct file *find_identity(const struct kernel *k, uint64_t identity)
{
	for (unsigned i = 0; i < k->file_slots; i++)
		if (k->file[i] && k->file[i]->identity == identity)
			return k->file[i];
	return NULL;
}

int64_t kcall_file_open(struct kernel *k, const uint64_t *arg)
{
	uint64_t identity = arg[0], size = arg[1];
	struct file *file;

	if (identity == KERNEL_IDENTITY_NONE || size > INT64_MAX)
		return -EINVAL;
	file = find_identity(k, identity);
	if (file) {
		if (object_push(k, OBJECT_FILP, &file->filps) != PW_OK)
			return -ENOMEM;
		file->opens++;
		if (size != file->size)
			set_size(k, file, size);
	} else {
		file = file_create(k, identity, size);
	}
	return file ? file_id(file, arg[2] != 0) : -ENOMEM;
}

int64_t kcall_file_close(struct kernel *k, const uint64_t *arg)
{
	struct file *file = file_find(k, (int64_t)arg[0]);

	if (!file || file->opens == 0)
		return -EBADF;
	file->opens--;
	object_pop(k, OBJECT_FILP, &file->filps);
	file_release(k, file);
	return 0;
}

int64_t kcall_file_resize(struct kernel *k, const uint64_t *arg)
{
	struct file *file = file_find(k, (int64_t)arg[0]);

	if (!file)
		return -EBADF;
	if (arg[1] > INT64_MAX)
		return -EINVAL;
	set_size(k, file, arg[1]);
	return 0;
}

struct page_range {
	uint64_t first, end;
};

/* The pages of [offset, offset + length) that the file has. */
static struct page_range range_within(const struct file *file, uint64_t offset, uint64_t length)
{
	uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;

	if (end > file->size)
		end = file->size;
	if (offset >= end)
		return (struct page_range){ 0, 0 };
	return (struct page_range){ offset >> FRAME_LG2, pages_of(end) };
}

/* Pages that are in the cache cost no I/O; read(2) brings none in (not modelled). */
int64_t kcall_file_read(struct kernel *k, const uint64_t *arg)
{
	struct file *file = file_find(k, (int64_t)arg[0]);
	struct page_range range;
	uint64_t index, pages;
	pfn_t pfn;

	if (!file)
		return -EBADF;
	range = range_within(file, arg[1], arg[2]);
	pages = range.end - range.first;
	for (index = range.first; page_tree_next(&file->pages, &index, &pfn) && index < range.end;
	     index++)
		pages--;
	cost_charge(k, CHARGE_IO_READ, pages * k->config.costs.file_read_page);
	return 0;
}

int64_t kcall_file_write(struct kernel *k, const uint64_t *arg)
{
	struct file *file = file_find(k, (int64_t)arg[0]);
	struct page_range range;
	uint64_t index;
	pfn_t pfn;

	if (!file)
		return -EBADF;
	if (arg[1] > INT64_MAX || arg[2] > INT64_MAX - arg[1])
		return -EFBIG;
	if (arg[2] > 0 && arg[1] + arg[2] > file->size)
		file->size = arg[1] + arg[2];
	range = range_within(file, arg[1], arg[2]);
	cost_charge(k, CHARGE_IO_WRITE,
		    (range.end - range.first) * k->config.costs.file_write_page);
	for (index = range.first; page_tree_next(&file->pages, &index, &pfn) && index < range.end;
	     index++)
		refresh_page(k, file, index, pfn);
	return 0;
}
