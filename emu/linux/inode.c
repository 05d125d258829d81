/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/inode.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mmu/error.h"

enum { BUCKETS_FIRST = 1024, DEVICE_MAJOR = 8, NS_PER_S = 1000000000 };

static size_t bucket_of(const struct inode_table *table, uint64_t device, uint64_t number)
{
	uint64_t hash = (number ^ device * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;

	return (size_t)(hash >> 32) & (table->bucket_count - 1);
}

int inode_table_init(struct inode_table *table)
{
	memset(table, 0, sizeof(*table));
	table->bucket_count = BUCKETS_FIRST;
	table->bucket = calloc(table->bucket_count, sizeof(*table->bucket));
	return table->bucket ? PW_OK : PW_NOMEM;
}

void inode_table_release(struct inode_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->by_number[i]->content_fd >= 0)
			close(table->by_number[i]->content_fd);
		free(table->by_number[i]->path);
		free(table->by_number[i]);
	}
	free(table->by_number);
	free(table->bucket);
	free(table->device);
	memset(table, 0, sizeof(*table));
}

static int grow_numbers(struct inode_table *table)
{
	size_t capacity = table->capacity ? table->capacity * 2 : 256;
	struct inode **larger = realloc(table->by_number, capacity * sizeof(struct inode *));

	if (!larger)
		return PW_NOMEM;
	table->by_number = larger;
	table->capacity = capacity;
	return PW_OK;
}

/* Chains get long without it; when memory is short they simply do. */
static void grow_buckets(struct inode_table *table)
{
	size_t count = table->bucket_count * 4;
	struct inode **larger = calloc(count, sizeof(struct inode *));

	if (!larger)
		return;
	free(table->bucket);
	table->bucket = larger;
	table->bucket_count = count;
	for (size_t i = 0; i < table->count; i++) {
		struct inode *inode = table->by_number[i];
		size_t bucket = bucket_of(table, inode->device, inode->host_number);

		if (inode->forgotten)
			continue;
		inode->chain = larger[bucket];
		larger[bucket] = inode;
	}
}

static struct inode *find(const struct inode_table *table, const struct stat *st)
{
	struct inode *inode = table->bucket[bucket_of(table, st->st_dev, st->st_ino)];

	while (inode && (inode->device != st->st_dev || inode->host_number != st->st_ino))
		inode = inode->chain;
	return inode;
}

static struct inode *add(struct inode_table *table, const struct stat *st)
{
	struct inode *inode;
	size_t bucket;

	if (table->count == table->capacity && grow_numbers(table))
		return NULL;
	if (table->count >= table->bucket_count * 2)
		grow_buckets(table);
	inode = calloc(1, sizeof(*inode));
	if (!inode)
		return NULL;
	bucket = bucket_of(table, st->st_dev, st->st_ino);
	inode->device = st->st_dev;
	inode->host_number = st->st_ino;
	inode->number = INODE_FIRST_NUMBER + table->count;
	inode->content_fd = -1;
	inode->chain = table->bucket[bucket];
	table->bucket[bucket] = inode;
	table->by_number[table->count++] = inode;
	return inode;
}

struct inode *inode_get(struct inode_table *table, const struct stat *st)
{
	struct inode *inode = find(table, st);

	return inode ? inode : add(table, st);
}

struct inode *inode_by_number(const struct inode_table *table, uint64_t number)
{
	uint64_t index = number - INODE_FIRST_NUMBER;

	return index < table->count ? table->by_number[index] : NULL;
}

struct inode *inode_made(struct inode_table *table, const struct stat *st, int64_t now_ns)
{
	struct inode **link = &table->bucket[bucket_of(table, st->st_dev, st->st_ino)];
	struct inode *old = find(table, st);

	while (old && *link != old)
		link = &(*link)->chain;
	if (old) {
		*link = old->chain;
		old->chain = NULL;
		old->forgotten = true;
	}
	old = add(table, st);
	if (old) {
		inode_changed(old, now_ns, true);
		old->atime_ns = now_ns;
	}
	return old;
}

void inode_changed(struct inode *inode, int64_t now_ns, bool contents)
{
	if (!inode->changed)
		inode->atime_ns = inode->mtime_ns = INODE_TIME_HOST;
	if (contents)
		inode->mtime_ns = now_ns;
	inode->ctime_ns = now_ns;
	inode->changed = true;
}

void inode_times_set(struct inode *inode, int64_t now_ns)
{
	inode->atime_ns = inode->mtime_ns = INODE_TIME_HOST;
	inode->ctime_ns = now_ns;
	inode->changed = true;
}

static struct timespec timespec_of(int64_t ns)
{
	if (ns == INODE_TIME_HOST)
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

void inode_push_times(const struct inode *inode, int host_fd)
{
	const struct timespec times[2] = { timespec_of(inode->atime_ns),
					   timespec_of(inode->mtime_ns) };

	/* Best effort: a file system without times has nothing to give away either. */
	if (inode->changed)
		(void)futimens(host_fd, times);
}

/* Small numbers for the host's devices, in the order met. */
static uint64_t device_of(struct inode_table *table, uint64_t device)
{
	size_t i = 0;
	uint64_t *larger;

	while (i < table->device_count && table->device[i] != device)
		i++;
	if (i < table->device_count)
		return makedev(DEVICE_MAJOR, (unsigned)i + 1);
	larger = realloc(table->device, (i + 1) * sizeof(*larger));
	if (!larger)
		return makedev(DEVICE_MAJOR, 0);
	table->device = larger;
	table->device[i] = device;
	table->device_count = i + 1;
	return makedev(DEVICE_MAJOR, (unsigned)i + 1);
}

void inode_virtualise(struct inode_table *table, struct stat *st)
{
	const struct inode *inode = inode_get(table, st);

	st->st_dev = device_of(table, st->st_dev);
	st->st_blksize = FRAME_BYTES;
	if (!inode)
		return;
	st->st_ino = inode->number;
	if (!inode->changed)
		return;
	st->st_ctim = timespec_of(inode->ctime_ns);
	if (inode->atime_ns != INODE_TIME_HOST)
		st->st_atim = timespec_of(inode->atime_ns);
	if (inode->mtime_ns != INODE_TIME_HOST)
		st->st_mtim = timespec_of(inode->mtime_ns);
	if (S_ISREG(st->st_mode)) /* delayed allocation makes the host's figure a matter of luck */
		st->st_blocks = (st->st_size + FRAME_BYTES - 1) / FRAME_BYTES * (FRAME_BYTES / 512);
}
