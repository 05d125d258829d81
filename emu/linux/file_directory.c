/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/file_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/process.h"

struct entry {
	char *name;
	uint64_t number;
	uint8_t type; /* DT_* */
};

struct listing {
	struct vnode node; /* of a virtual directory */
	bool is_virtual, loaded;
	size_t count, capacity, position;
	struct entry *entry;
};

static struct listing *listing_of(struct open_file *file)
{
	if (!file->state)
		file->state = calloc(1, sizeof(struct listing));
	return file->state;
}

static void clear(struct listing *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entry[i].name);
	list->count = 0;
	list->loaded = false;
}

static int add(struct listing *list, const char *name, uint64_t number, uint8_t type)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 32;
		struct entry *larger = realloc(list->entry, capacity * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		list->entry = larger;
		list->capacity = capacity;
	}
	list->entry[list->count] = (struct entry){ strdup(name), number, type };
	return list->entry[list->count].name ? (list->count++, 0) : -ENOMEM;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return strcmp(left->name, right->name);
}

/* Numbers are given after sorting, so that they do not follow the host's order. */
static void number_host(struct linux_task *p, const struct open_file *file, struct listing *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct stat st = { .st_dev = (dev_t)file->inode->device,
				   .st_ino = (ino_t)list->entry[i].number };
		const struct inode *inode = inode_get(&p->system->inodes, &st);

		if (inode)
			list->entry[i].number = inode->number;
	}
}

static int load_host(struct linux_task *p, struct open_file *file, struct listing *list)
{
	int fd = openat(file->host_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	errno = 0;
	while (!error && (entry = readdir(dir)))
		error = add(list, entry->d_name, entry->d_ino, entry->d_type);
	if (!error)
		error = -errno;
	closedir(dir);
	if (error)
		return error;
	qsort(list->entry, list->count, sizeof(*list->entry), by_name);
	number_host(p, file, list);
	return 0;
}

struct virtual_load {
	struct linux_task *process;
	struct listing *list;
	int error;
};

static void load_one(void *ctx, const char *name, const struct vnode *child)
{
	struct virtual_load *load = ctx;
	struct stat st;

	vnode_stat(load->process, child, &st);
	if (!load->error)
		load->error = add(load->list, name, st.st_ino, (uint8_t)IFTODT(st.st_mode));
}

static int load_virtual(struct linux_task *p, struct listing *list)
{
	struct virtual_load load = { .process = p, .list = list };
	struct stat st;

	vnode_stat(p, &list->node, &st);
	load.error = add(list, ".", st.st_ino, DT_DIR);
	if (!load.error)
		load.error = add(list, "..", 1, DT_DIR);
	if (!load.error)
		vnode_list(p, &list->node, load_one, &load);
	if (load.error)
		return load.error;
	qsort(list->entry, list->count, sizeof(*list->entry), by_name);
	return 0;
}

static int load(struct linux_task *p, struct open_file *file, struct listing *list)
{
	int error;

	if (list->loaded)
		return 0;
	error = list->is_virtual ? load_virtual(p, list) : load_host(p, file, list);
	if (error)
		clear(list);
	else
		list->loaded = true;
	return error;
}

/*
 * struct linux_dirent64: ino, off, reclen, type, name. The old one has the type in the last byte
 * (fs/readdir.c). Both are padded to 8 bytes.
 */
static size_t put_entry(const struct entry *entry, uint64_t next, uint8_t *to, size_t room,
			bool old)
{
	size_t name = strlen(entry->name) + 1, head = old ? 18 : 19;
	size_t length = (head + name + (old ? 1 : 0) + 7) & ~(size_t)7;
	uint16_t reclen = (uint16_t)length;

	if (length > room)
		return 0;
	memset(to, 0, length);
	memcpy(to, &entry->number, 8);
	memcpy(to + 8, &next, 8);
	memcpy(to + 16, &reclen, 2);
	memcpy(to + head, entry->name, name);
	to[old ? length - 1 : 18] = entry->type;
	return length;
}

int64_t file_list(struct linux_task *p, struct open_file *file, uint8_t *to, size_t size, bool old)
{
	struct listing *list = listing_of(file);
	size_t done = 0;
	int error = list ? load(p, file, list) : -ENOMEM;

	if (error)
		return error;
	while (list->position < list->count) {
		size_t length = put_entry(&list->entry[list->position], list->position + 1,
					  to + done, size - done, old);

		if (length == 0)
			return done ? (int64_t)done : -EINVAL;
		done += length;
		list->position++;
	}
	return (int64_t)done;
}

static int64_t directory_read(struct linux_task *p, struct open_file *file, void *to, size_t bytes)
{
	(void)p, (void)file, (void)to, (void)bytes;
	return -EISDIR;
}

static int64_t directory_read_at(struct linux_task *p, struct open_file *file, void *to,
				 size_t bytes, int64_t offset)
{
	(void)offset;
	return directory_read(p, file, to, bytes);
}

static int64_t directory_seek(struct linux_task *p, struct open_file *file, int64_t offset,
			      int whence)
{
	struct listing *list = listing_of(file);

	(void)p;
	if (!list)
		return -ENOMEM;
	if (whence == SEEK_CUR)
		offset += (int64_t)list->position;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	if (offset == 0)
		clear(list); /* a rewind sees what has changed */
	list->position = (size_t)offset;
	return offset;
}

static int directory_stat(struct linux_task *p, struct open_file *file, struct stat *st)
{
	struct listing *list = listing_of(file);

	if (list && list->is_virtual) {
		vnode_stat(p, &list->node, st);
		return 0;
	}
	return file_path_ops.stat(p, file, st);
}

static void directory_release(struct linux_task *p, struct open_file *file)
{
	struct listing *list = file->state;

	(void)p;
	if (!list)
		return;
	clear(list);
	free(list->entry);
	free(list);
}

const struct file_ops file_directory_ops = {
	.name = "directory",
	.read = directory_read,
	.read_at = directory_read_at,
	.seek = directory_seek,
	.stat = directory_stat,
	.release = directory_release,
};

struct open_file *file_open_virtual_directory(const struct vnode *node, uint32_t flags,
					      const char *path)
{
	struct open_file *file = open_file_create(&file_directory_ops, -1, flags, path);
	struct listing *list = file ? listing_of(file) : NULL;

	if (!list) {
		if (file)
			open_file_put(NULL, file);
		return NULL;
	}
	file->type = S_IFDIR;
	list->is_virtual = true;
	list->node = *node;
	return file;
}
