/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/vnode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "emu/linux/proc_text.h"
#include "emu/linux/process.h"
#include "emu/linux/procfs.h"

#define DIR(path)                                    \
	{                                            \
		path, VNODE_DIRECTORY, 0555, 0, NULL \
	}
#define FILE_(path, text)                                \
	{                                                \
		path, VNODE_FILE, 0444, 0, procfs_##text \
	}
#define LINK(path, text)                                 \
	{                                                \
		path, VNODE_LINK, 0777, 0, procfs_##text \
	}
#define CHAR(path, minor)                                        \
	{                                                        \
		path, VNODE_DEVICE, 0666, DEVICE(1, minor), NULL \
	}

/* makedev() of small numbers, as a constant. */
#define DEVICE(major, minor) ((major) << 8 | (minor))

#define SELF    "/proc/self"
#define SELF_FD "/proc/self/fd"

/* /proc/self stands for /proc/<pid>; that /proc/self is itself a link to it is added by hand. */
static const struct vnode_entry entries[] = {
	DIR("/dev"),
	LINK("/dev/fd", fd_directory),
	CHAR("/dev/full", 7),
	CHAR("/dev/null", 3),
	CHAR("/dev/random", 8),
	LINK("/dev/stderr", fd_2),
	LINK("/dev/stdin", fd_0),
	LINK("/dev/stdout", fd_1),
	{ "/dev/tty", VNODE_DEVICE, 0666, DEVICE(5, 0), NULL },
	CHAR("/dev/urandom", 9),
	CHAR("/dev/zero", 5),
	DIR("/proc"),
	FILE_("/proc/buddyinfo", buddyinfo),
	FILE_("/proc/cpuinfo", cpuinfo),
	FILE_("/proc/filesystems", filesystems),
	FILE_("/proc/loadavg", loadavg),
	FILE_("/proc/meminfo", meminfo),
	LINK("/proc/mounts", mounts_link),
	FILE_("/proc/pagetypeinfo", pagetypeinfo),
	DIR(SELF),
	FILE_(SELF "/auxv", self_auxv),
	FILE_(SELF "/cmdline", self_cmdline),
	FILE_(SELF "/comm", self_comm),
	LINK(SELF "/cwd", self_cwd),
	FILE_(SELF "/environ", self_environ),
	LINK(SELF "/exe", self_exe),
	DIR(SELF_FD),
	FILE_(SELF "/limits", self_limits),
	FILE_(SELF "/maps", self_maps),
	FILE_(SELF "/mounts", mounts),
	FILE_(SELF "/pagemap", self_pagemap),
	LINK(SELF "/root", self_root),
	FILE_(SELF "/smaps", self_smaps),
	FILE_(SELF "/stat", self_stat),
	FILE_(SELF "/statm", self_statm),
	FILE_(SELF "/status", self_status),
	DIR(SELF "/task"),
	FILE_("/proc/slabinfo", slabinfo),
	FILE_("/proc/stat", stat),
	DIR("/proc/sys"),
	DIR("/proc/sys/kernel"),
	FILE_("/proc/sys/kernel/ngroups_max", ngroups_max),
	FILE_("/proc/sys/kernel/osrelease", osrelease),
	FILE_("/proc/sys/kernel/pid_max", pid_max),
	DIR("/proc/sys/vm"),
	FILE_("/proc/sys/vm/overcommit_memory", overcommit_memory),
	FILE_("/proc/uptime", uptime),
	FILE_("/proc/version", version),
	FILE_("/proc/vmstat", vmstat),
	DIR("/sys"),
	DIR("/sys/devices"),
	DIR("/sys/devices/system"),
	DIR("/sys/devices/system/cpu"),
	FILE_("/sys/devices/system/cpu/online", cpus_online),
	FILE_("/sys/devices/system/cpu/possible", cpus_online),
	FILE_("/sys/devices/system/cpu/present", cpus_online),
};
enum {
	ENTRY_COUNT = sizeof(entries) / sizeof(entries[0]),
	FD_NUMBERS = 10000,
	TASK_NUMBERS = 100000
};

static const struct vnode_entry self_link = { SELF, VNODE_LINK, 0777, 0, procfs_self_link };

bool vnode_is_virtual(const char *path)
{
	static const char *const tops[] = { "/proc", "/sys", "/dev" };
	const size_t shm = sizeof(VNODE_SHM) - 1;

	if (strncmp(path, VNODE_SHM, shm) == 0 && (path[shm] == '/' || !path[shm]))
		return false;
	for (int i = 0; i < 3; i++) {
		size_t length = strlen(tops[i]);

		if (strncmp(path, tops[i], length) == 0 && (path[length] == '/' || !path[length]))
			return true;
	}
	return false;
}

/* A decimal number without leading zeros, or -1. */
static int number_of(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 6 || text[digits] || (digits > 1 && text[0] == '0'))
		return -1;
	return atoi(text);
}

static bool find_link(struct linux_task *p, const char *number, struct vnode *node)
{
	int fd = number_of(number);

	if (fd < 0 || !fd_get(p, (uint64_t)fd))
		return false;
	*node = (struct vnode){ VNODE_LINK, NULL, (unsigned)fd, 0 };
	return true;
}

static bool find_entry(const char *path, struct vnode *node)
{
	for (unsigned i = 0; i < ENTRY_COUNT; i++) {
		if (strcmp(entries[i].path, path) != 0)
			continue;
		*node = (struct vnode){ entries[i].kind, &entries[i], i + 1, 0 };
		return true;
	}
	return false;
}

/* "/proc/<n>" with what follows it in *rest, or -1. */
static int number_in(const char *path, const char *before, const char **rest)
{
	size_t length = strlen(before);
	char digits[8] = "";

	if (strncmp(path, before, length) != 0)
		return -1;
	*rest = path + length + strcspn(path + length, "/");
	if (*rest - (path + length) >= (ptrdiff_t)sizeof(digits))
		return -1;
	memcpy(digits, path + length, (size_t)(*rest - (path + length)));
	return number_of(digits);
}

/* Some thread of the process: its first, while that lives. */
static struct linux_task *thread_of(const struct linux_system *system, int32_t pid)
{
	struct linux_task *p = task_find(system, pid);

	for (struct linux_task *other = system->tasks; !p && other; other = other->next)
		if (other->process->pid == pid && other->state != TASK_DEAD)
			p = other;
	return p && p->process->pid == pid ? p : NULL;
}

/* Beneath the directory of a process or, where that is so, of one of its threads. */
static bool find_of_task(struct linux_task *p, const char *rest, struct vnode *node)
{
	char table[PATH_MAX + 32];
	const char *beneath;
	int tid = number_in(rest, "/task/", &beneath);
	struct linux_task *thread;
	bool found;

	if (tid >= 0) {
		thread = task_find(p->system, tid);
		if (!thread || thread->process != p->process ||
		    strncmp(beneath, "/task", sizeof("/task") - 1) == 0)
			return false;
		p = thread;
		rest = beneath;
	}
	snprintf(table, sizeof(table), SELF "%s", rest);
	if (strncmp(table, SELF_FD "/", sizeof(SELF_FD)) == 0)
		found = find_link(p, table + sizeof(SELF_FD), node);
	else
		found = find_entry(table, node);
	node->tid = p->tid;
	return found;
}

bool vnode_find(struct linux_task *p, const char *path, struct vnode *node)
{
	struct linux_task *owner;
	const char *rest;
	int pid = number_in(path, "/proc/", &rest);

	if (strcmp(path, SELF) == 0) {
		*node = (struct vnode){ VNODE_LINK, &self_link, ENTRY_COUNT + 1, 0 };
		return true;
	}
	if (strncmp(path, SELF "/", sizeof(SELF)) == 0)
		return false; /* canonical paths do not pass through a link */
	if (pid < 0)
		return find_entry(path, node);
	owner = pid == p->process->pid ? p : thread_of(p->system, pid);
	return owner && find_of_task(owner, rest, node);
}

/* Whose state an entry shows; one that has ended since it was found shows the reader's. */
static struct linux_task *owner_of(struct linux_task *p, const struct vnode *node)
{
	struct linux_task *owner = node->tid ? task_find(p->system, node->tid) : NULL;

	return owner ? owner : p;
}

int64_t vnode_readlink(struct linux_task *p, const struct vnode *node, char *to, size_t size)
{
	struct proc_text text = { 0 };
	struct linux_task *owner = owner_of(p, node);
	struct open_file *file = node->entry ? NULL : fd_get(owner, node->number);
	size_t length;

	if (node->entry)
		node->entry->print(owner, &text);
	else if (file)
		proc_text_print(&text, "%s", file->path);
	if (text.failed || !text.bytes) {
		proc_text_release(&text);
		return -ENOENT;
	}
	length = text.length < size ? text.length : size;
	memcpy(to, text.bytes, length);
	proc_text_release(&text);
	return (int64_t)length;
}

void vnode_stat(struct linux_task *p, const struct vnode *node, struct stat *st)
{
	static const uint32_t types[] = {
		[VNODE_DIRECTORY] = S_IFDIR,
		[VNODE_FILE] = S_IFREG,
		[VNODE_LINK] = S_IFLNK,
		[VNODE_DEVICE] = S_IFCHR,
	};

	memset(st, 0, sizeof(*st));
	st->st_dev = makedev(0, 4);
	st->st_ino = (node->entry ? node->number : FD_NUMBERS + node->number) +
		     (uint64_t)node->tid * TASK_NUMBERS;
	st->st_mode = types[node->kind] | (node->entry ? node->entry->mode : 0700);
	st->st_nlink = node->kind == VNODE_DIRECTORY ? 2 : 1;
	st->st_rdev = node->entry ? node->entry->rdev : 0;
	st->st_blksize = FRAME_BYTES;
	st->st_atim.tv_sec = st->st_mtim.tv_sec = st->st_ctim.tv_sec =
		p->system->clock_start_ns / 1000000000;
	if (node->entry && strncmp(node->entry->path, SELF, strlen(SELF)) == 0) {
		st->st_uid = geteuid();
		st->st_gid = getegid();
	}
}

int vnode_open_text(struct linux_task *p, const struct vnode *node)
{
	struct proc_text text = { 0 };
	int fd = memfd_create("text", MFD_CLOEXEC), error = fd < 0 ? -errno : 0;
	size_t done = 0;

	if (!error)
		node->entry->print(owner_of(p, node), &text);
	if (text.failed)
		error = -ENOMEM;
	while (!error && done < text.length) {
		ssize_t now = write(fd, text.bytes + done, text.length - done);

		if (now <= 0)
			error = -EIO;
		else
			done += (size_t)now;
	}
	proc_text_release(&text);
	if (!error && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return error ? error : -EIO;
}

typedef void list_fn(void *ctx, const char *name, const struct vnode *child);

static void list_links(struct linux_task *p, list_fn *visit, void *ctx)
{
	char name[16];

	for (unsigned n = 0; n < FD_MAX; n++) {
		const struct vnode child = { VNODE_LINK, NULL, n, p->tid };

		if (!p->files->slot[n].file)
			continue;
		snprintf(name, sizeof(name), "%u", n);
		visit(ctx, name, &child);
	}
}

/* Directories of threads: of one process, or of all processes their first. */
static void list_tasks(const struct linux_system *system, const struct linux_process *of,
		       list_fn *visit, void *ctx)
{
	struct vnode child;
	char name[16];

	find_entry(SELF, &child);
	for (const struct linux_task *p = system->tasks; p; p = p->next) {
		if (p->state == TASK_DEAD ||
		    (of ? p->process != of : thread_of(system, p->process->pid) != p))
			continue;
		child.tid = p->tid;
		snprintf(name, sizeof(name), "%d", of ? p->tid : p->process->pid);
		visit(ctx, name, &child);
	}
}

void vnode_list(struct linux_task *p, const struct vnode *node, list_fn *visit, void *ctx)
{
	const char *path = node->entry->path;
	size_t length = strlen(path);

	if (strcmp(path, SELF_FD) == 0)
		list_links(owner_of(p, node), visit, ctx);
	if (strcmp(path, SELF "/task") == 0)
		list_tasks(p->system, owner_of(p, node)->process, visit, ctx);
	for (unsigned i = 0; i < ENTRY_COUNT; i++) {
		const char *name = entries[i].path + length + 1;
		struct vnode child = { entries[i].kind, &entries[i], i + 1, node->tid };

		if (strncmp(entries[i].path, path, length) != 0 || entries[i].path[length] != '/' ||
		    strchr(name, '/'))
			continue;
		if (strcmp(entries[i].path, SELF) == 0) {
			list_tasks(p->system, NULL, visit, ctx);
			child = (struct vnode){ VNODE_LINK, &self_link, ENTRY_COUNT + 1, 0 };
		}
		visit(ctx, name, &child);
	}
}
