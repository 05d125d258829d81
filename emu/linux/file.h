/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_FILE_H
#define PAGEWALK_EMU_LINUX_FILE_H

/*
 * Open files and the descriptors that name them. struct open_file is Linux's open file
 * description: shared by dup and by fork, counted, with the position and status flags.
 * What it is made of is an ops object; an operation that a kind lacks answers as Linux does.
 */

#include <sys/stat.h>

#include "mmu/types.h"

struct inode;
struct linux_task;
struct open_file;

/* Results are byte counts or negative errnos; buffers are the host's. */
struct file_ops {
	const char *name;
	int64_t (*read)(struct linux_task *p, struct open_file *file, void *to, size_t bytes);
	int64_t (*write)(struct linux_task *p, struct open_file *file, const void *from,
			 size_t bytes);
	int64_t (*read_at)(struct linux_task *p, struct open_file *file, void *to, size_t bytes,
			   int64_t offset);
	int64_t (*write_at)(struct linux_task *p, struct open_file *file, const void *from,
			    size_t bytes, int64_t offset);
	int64_t (*seek)(struct linux_task *p, struct open_file *file, int64_t offset, int whence);
	int (*stat)(struct linux_task *p, struct open_file *file, struct stat *st);
	unsigned (*poll)(struct linux_task *p, struct open_file *file); /* POLL* that hold now */
	void (*release)(struct linux_task *p, struct open_file *file);
};

struct open_file {
	const struct file_ops *ops;
	unsigned refs;
	uint32_t flags;      /* access mode and status flags of open(2) */
	uint32_t type;       /* S_IFMT bits */
	int host_fd;         /* or -1 */
	bool inherited;      /* 0, 1, 2 of the host: not ours to close */
	bool whole_reads;    /* a read goes on until the buffer is full or the file ends */
	bool writable;       /* lies where the guest may change things */
	bool changed;        /* written through: its times are due */
	struct inode *inode; /* regular files and directories of the host */
	int64_t kernel_file; /* the kernel model's id of this opening; -1: it has none */
	char *path;          /* canonical, or "pipe:[7]" as /proc/self/fd shows it; owned */
	void *state;         /* of the kind: a listing, a pipe, ... */
};

/*
 * Permission bits that the guest can give: not set-user-id and set-group-id, with which a stranger
 * would leave programs behind that run with the rights of whoever ran pagewalk.
 */
enum { MODE_BITS = 01777 };

enum { FD_MAX = 1024 };

struct fd_slot {
	struct open_file *file; /* NULL: free */
	bool close_on_exec;
};
/* Shared by threads, and by what clone(2) makes with CLONE_FILES. */
struct fd_table {
	unsigned refs;
	struct fd_slot slot[FD_MAX];
};

/* A file with one reference; path is copied. NULL: no memory (host_fd stays the caller's). */
struct open_file *open_file_create(const struct file_ops *ops, int host_fd, uint32_t flags,
				   const char *path);
void open_file_put(struct linux_task *p, struct open_file *file); /* drops a reference */

/* file_ops.stat of what has no inode of its own (anon_inode: eventfd, epoll). */
int file_anonymous_stat(struct linux_task *p, struct open_file *file, struct stat *st);

/* The file of a descriptor, or NULL (-EBADF). */
struct open_file *fd_get(struct linux_task *p, uint64_t fd);
/* The lowest free descriptor from `from` on; takes the reference. -EMFILE drops it. */
int64_t fd_install(struct linux_task *p, struct open_file *file, unsigned from, bool close_on_exec);
int64_t fd_close(struct linux_task *p, uint64_t fd);
/* Makes `fd` name the file; takes the reference; what was there is closed. */
void fd_replace(struct linux_task *p, unsigned fd, struct open_file *file, bool close_on_exec);
void fd_close_on_exec(struct linux_task *p);
/* A table that holds the same files. NULL: no memory. */
struct fd_table *fd_table_copy(const struct fd_table *from);
/* One user less; the last one closes all. */
void fd_table_put(struct linux_task *p, struct fd_table *files);

static inline bool file_can_read(const struct open_file *file)
{
	return (file->flags & 3) == 0 || (file->flags & 3) == 2; /* O_RDONLY, O_RDWR */
}
static inline bool file_can_write(const struct open_file *file)
{
	return (file->flags & 3) == 1 || (file->flags & 3) == 2;
}

/* --- kinds ---------------------------------------------------------------------------------- */

extern const struct file_ops file_host_ops;      /* regular files; pipes, ttys, ... inherited */
extern const struct file_ops file_directory_ops; /* of the host or virtual; file_directory.h */
extern const struct file_ops file_path_ops;      /* O_PATH */

/* The host's descriptors 0, 1 and 2, those that are open. PW_NOMEM. */
int file_inherit(struct linux_task *p);
/* A host descriptor that hostfs_open() gave; takes it, on failure too. */
int64_t file_from_host(struct linux_task *p, int host_fd, uint32_t flags, const char *path,
		       struct open_file **out);

/* The kernel model's id of a regular file of the host, opened there now if need be; or -errno. */
int64_t file_kernel_id(struct linux_task *p, struct open_file *file);
/* The size has changed, and so have the bytes of [offset, offset + bytes). */
void file_changed(struct linux_task *p, struct open_file *file, uint64_t offset, uint64_t bytes);
/* Pages that the guest wrote through shared mappings reach the file: before it is touched. */
void file_sync_mappings(struct linux_task *p, const struct inode *inode);

enum device_kind { DEVICE_NULL, DEVICE_ZERO, DEVICE_FULL, DEVICE_RANDOM };
struct open_file *file_open_device(enum device_kind kind, uint32_t flags, const char *path);

/* /proc/<pid>/pagemap. NULL: no memory. */
struct open_file *file_open_pagemap(int32_t pid, uint32_t flags, const char *path);

/* pipe(2): ends[0] reads, ends[1] writes. eventfd(2). -ENOMEM. */
int file_open_pipe(struct linux_task *p, uint32_t flags, struct open_file *ends[2]);
struct open_file *file_open_event(uint64_t value, bool semaphore, uint32_t flags);

#endif
