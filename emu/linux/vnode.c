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
	FILE_("/proc/cpuinfo", cpuinfo),
	FILE_("/proc/filesystems", filesystems),
	FILE_("/proc/loadavg", loadavg),
	FILE_("/proc/meminfo", meminfo),
	LINK("/proc/mounts", mounts_link),
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
	LINK(SELF "/root", self_root),
	FILE_(SELF "/stat", self_stat),
	FILE_(SELF "/statm", self_statm),
	FILE_(SELF "/status", self_status),
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
	DIR("/sys"),
	DIR("/sys/devices"),
	DIR("/sys/devices/system"),
	DIR("/sys/devices/system/cpu"),
	FILE_("/sys/devices/system/cpu/online", cpus_online),
	FILE_("/sys/devices/system/cpu/possible", cpus_online),
	FILE_("/sys/devices/system/cpu/present", cpus_online),
};
enum { ENTRY_COUNT = sizeof(entries) / sizeof(entries[0]), FD_NUMBERS = 10000 };

static const struct vnode_entry self_link = { SELF, VNODE_LINK, 0777, 0, procfs_self_link };

bool vnode_is_virtual(const char *path)
{
	static const char *const tops[] = { "/proc", "/sys", "/dev" };

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
	*node = (struct vnode){ VNODE_LINK, NULL, (unsigned)fd };
	return true;
}

static bool find_entry(const char *path, struct vnode *node)
{
	for (unsigned i = 0; i < ENTRY_COUNT; i++) {
		if (strcmp(entries[i].path, path) != 0)
			continue;
		*node = (struct vnode){ entries[i].kind, &entries[i], i + 1 };
		return true;
	}
	return false;
}

bool vnode_find(struct linux_task *p, const char *path, struct vnode *node)
{
	char own[32], table[PATH_MAX + 32];
	int length = snprintf(own, sizeof(own), "/proc/%d", p->process->pid);

	if (strcmp(path, SELF) == 0) {
		*node = (struct vnode){ VNODE_LINK, &self_link, ENTRY_COUNT + 1 };
		return true;
	}
	if (strncmp(path, SELF "/", sizeof(SELF)) == 0)
		return false; /* canonical paths do not pass through a link */
	if (strncmp(path, own, (size_t)length) == 0 && (path[length] == '/' || !path[length])) {
		snprintf(table, sizeof(table), SELF "%s", path + length);
		if (strncmp(table, SELF_FD "/", sizeof(SELF_FD)) == 0)
			return find_link(p, table + sizeof(SELF_FD), node);
		return find_entry(table, node);
	}
	return find_entry(path, node);
}

int64_t vnode_readlink(struct linux_task *p, const struct vnode *node, char *to, size_t size)
{
	struct proc_text text = { 0 };
	struct open_file *file = node->entry ? NULL : fd_get(p, node->number);
	size_t length;

	if (node->entry)
		node->entry->print(p, &text);
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
	st->st_ino = node->entry ? node->number : FD_NUMBERS + node->number;
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
		node->entry->print(p, &text);
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

static void list_links(struct linux_task *p,
		       void (*visit)(void *ctx, const char *name, const struct vnode *child),
		       void *ctx)
{
	char name[16];

	for (unsigned n = 0; n < FD_MAX; n++) {
		const struct vnode child = { VNODE_LINK, NULL, n };

		if (!p->files->slot[n].file)
			continue;
		snprintf(name, sizeof(name), "%u", n);
		visit(ctx, name, &child);
	}
}

void vnode_list(struct linux_task *p, const struct vnode *node,
		void (*visit)(void *ctx, const char *name, const struct vnode *child), void *ctx)
{
	const char *path = node->entry->path;
	size_t length = strlen(path);
	char pid[16];

	if (strcmp(path, SELF_FD) == 0)
		list_links(p, visit, ctx);
	for (unsigned i = 0; i < ENTRY_COUNT; i++) {
		const char *name = entries[i].path + length + 1;
		struct vnode child = { entries[i].kind, &entries[i], i + 1 };

		if (strncmp(entries[i].path, path, length) != 0 || entries[i].path[length] != '/' ||
		    strchr(name, '/'))
			continue;
		if (strcmp(entries[i].path, SELF) == 0) {
			snprintf(pid, sizeof(pid), "%d", p->process->pid);
			visit(ctx, pid, &child);
			child = (struct vnode){ VNODE_LINK, &self_link, ENTRY_COUNT + 1 };
		}
		visit(ctx, name, &child);
	}
}
