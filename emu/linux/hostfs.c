/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/hostfs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "emu/linux/process.h"
#include "emu/linux/vnode.h"
#include "mmu/error.h"

enum { LINKS_MAX = 40 }; /* as Linux: MAXSYMLINKS */

/* Where the walk stands: a directory. */
struct cursor {
	char path[PATH_MAX];
	int fd; /* O_PATH; -1: virtual */
	struct stat st;
	bool writable;
};

struct walk {
	struct linux_task *process;
	const struct hostfs *fs;
	unsigned flags, links;
	struct cursor at;
	char rest[2 * PATH_MAX]; /* what was to be walked since the last link; */
	char *next;              /* from here on it still is */
	bool arrived;
	struct place *place;
};

int hostfs_init(struct hostfs *fs, const char *const *write_dirs, unsigned count, unsigned *which)
{
	struct stat st;

	memset(fs, 0, sizeof(*fs));
	if (count > WRITE_DIRS_MAX)
		return PW_LIMIT;
	for (*which = 0; *which < count; ++*which) {
		if (stat(write_dirs[*which], &st) != 0)
			return PW_IO;
		if (!S_ISDIR(st.st_mode)) {
			errno = ENOTDIR;
			return PW_IO;
		}
		fs->write_dir[*which].device = st.st_dev;
		fs->write_dir[*which].number = st.st_ino;
		fs->write_dir_count++;
	}
	return PW_OK;
}

static bool is_write_dir(const struct hostfs *fs, const struct stat *st)
{
	for (unsigned i = 0; i < fs->write_dir_count; i++)
		if (fs->write_dir[i].device == st->st_dev && fs->write_dir[i].number == st->st_ino)
			return true;
	return false;
}

/* Kernel interfaces posing as files: what they say is about the host, what they do is worse. */
static bool is_kernel_filesystem(int fd)
{
	static const uint32_t magics[] = {
		0x00009fa0, /* proc */
		0x62656572, /* sysfs */
		0x64626720, /* debugfs */
		0x74726163, /* tracefs */
		0x73636673, /* securityfs */
		0x0027e0eb, /* cgroup */
		0x63677270, /* cgroup2 */
		0x00001cd1, /* devpts */
		0xcafe4a11, /* bpf */
		0x62656570, /* configfs */
		0xde5e81e4, /* efivarfs */
		0x6165676c, /* pstore */
		0x19800202, /* mqueue */
		0x65735543, /* fusectl */
		0x42494e4d, /* binfmt_misc */
		0xf97cff8c, /* selinuxfs */
		0x6e736673, /* nsfs */
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return true;
	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if ((uint32_t)fs.f_type == magics[i])
			return true;
	return false;
}

static void cursor_release(struct cursor *at)
{
	if (at->fd >= 0)
		close(at->fd);
	at->fd = -1;
}

static int go_root(struct walk *w)
{
	cursor_release(&w->at);
	w->at.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->at.fd < 0 || fstat(w->at.fd, &w->at.st) != 0)
		return -errno;
	strcpy(w->at.path, "/");
	w->at.writable = is_write_dir(w->fs, &w->at.st);
	return 0;
}

static int path_append(char path[PATH_MAX], const char *name)
{
	size_t length = strlen(path), more = strlen(name);
	bool slash = length > 1;

	if (length + slash + more >= PATH_MAX)
		return -ENAMETOOLONG;
	if (slash)
		path[length++] = '/';
	memcpy(path + length, name, more + 1);
	return 0;
}

/* Opens a name in the cursor's directory; its descriptor, or a negative errno. */
static int peek(const struct walk *w, const char *name, struct stat *st)
{
	int fd = openat(w->at.fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, st) != 0)
		error = -errno;
	else if (S_ISDIR(st->st_mode) && st->st_dev != w->at.st.st_dev && is_kernel_filesystem(fd))
		error = -ENOENT;
	if (!error)
		return fd;
	close(fd);
	return error;
}

static int descend(struct walk *w, const char *name, int fd, const struct stat *st)
{
	int error = path_append(w->at.path, name);

	if (error) {
		close(fd);
		return error;
	}
	cursor_release(&w->at);
	w->at.fd = fd;
	w->at.st = *st;
	w->at.writable = w->at.writable || is_write_dir(w->fs, st);
	return 0;
}

/* From the root to a canonical directory, which may have gone since its path was taken down. */
static int go_to(struct walk *w, const char *canonical)
{
	char name[NAME_MAX + 1];
	int error = go_root(w);

	while (!error && *canonical) {
		size_t length;
		struct stat st;
		int fd;

		canonical += strspn(canonical, "/");
		length = strcspn(canonical, "/");
		if (length == 0)
			break;
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, canonical, length);
		name[length] = '\0';
		canonical += length;
		fd = peek(w, name, &st);
		if (fd < 0)
			return fd;
		error = descend(w, name, fd, &st);
		if (!error && !S_ISDIR(st.st_mode))
			error = -ENOTDIR;
	}
	return error;
}

static int go_virtual(struct walk *w, const char *path)
{
	cursor_release(&w->at);
	memmove(w->at.path, path, strlen(path) + 1);
	memset(&w->at.st, 0, sizeof(w->at.st));
	w->at.writable = false;
	return 0;
}

static int go_canonical(struct walk *w, const char *path)
{
	return vnode_is_virtual(path) ? go_virtual(w, path) : go_to(w, path);
}

static int go_up(struct walk *w)
{
	char parent[PATH_MAX];
	char *slash;

	strcpy(parent, w->at.path);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	return go_canonical(w, parent);
}

/* The target of a link, followed by what is still to be walked, is now to be walked. */
static int expand(struct walk *w, const char *target, size_t length)
{
	size_t more = strlen(w->next);

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (length == 0)
		return -ENOENT;
	if (length + more >= sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + length, w->next, more + 1);
	memcpy(w->rest, target, length);
	w->next = w->rest;
	return target[0] == '/' ? go_root(w) : 0;
}

static int follow_host(struct walk *w, int fd)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(fd, "", target, sizeof(target));
	int error = -errno;

	close(fd);
	if (length < 0)
		return error;
	return length == PATH_MAX ? -ENAMETOOLONG : expand(w, target, (size_t)length);
}

/* The walk ended in the cursor's own directory. */
static int arrive_here(struct walk *w)
{
	struct place *place = w->place;

	w->arrived = true;
	strcpy(place->path, w->at.path);
	strcpy(place->name, ".");
	if (w->at.fd < 0) {
		place->kind = PLACE_VIRTUAL;
		return 0;
	}
	place->kind = PLACE_HOST;
	place->st = w->at.st;
	place->writable = w->at.writable;
	place->fd = fcntl(w->at.fd, F_DUPFD_CLOEXEC, 3);
	place->parent_fd = w->at.fd;
	w->at.fd = -1;
	return place->fd < 0 ? -errno : 0;
}

/* The walk ended at a name in the cursor's directory. fd -1: it does not exist. */
static int arrive(struct walk *w, const char *name, int fd, const struct stat *st)
{
	struct place *place = w->place;
	int error;

	w->arrived = true;
	place->fd = fd;
	strcpy(place->path, w->at.path);
	error = path_append(place->path, name);
	if (error)
		return error;
	strcpy(place->name, name);
	place->kind = fd >= 0 ? PLACE_HOST : PLACE_ABSENT;
	place->entry_writable = place->writable = w->at.writable;
	if (fd >= 0) {
		place->st = *st;
		place->writable = place->writable || is_write_dir(w->fs, st);
		if (place->slash && !S_ISDIR(st->st_mode))
			return -ENOTDIR;
	}
	place->parent_fd = w->at.fd;
	w->at.fd = -1;
	return 0;
}

static int step_virtual(struct walk *w, const char *path, bool last, bool follow)
{
	char target[PATH_MAX];
	struct vnode node;
	int64_t length;

	if (!vnode_find(w->process, path, &node))
		return -ENOENT; /* nothing can be made here */
	if (node.kind == VNODE_LINK && follow && !(last && vnode_is_file_link(&node))) {
		length = vnode_readlink(w->process, &node, target, sizeof(target));
		return length < 0 ? (int)length : expand(w, target, (size_t)length);
	}
	if (node.kind != VNODE_DIRECTORY && (!last || w->place->slash))
		return -ENOTDIR;
	return go_virtual(w, path);
}

static int step_host(struct walk *w, const char *name, bool last, bool follow)
{
	struct stat st;
	int fd = peek(w, name, &st);

	if (fd == -ENOENT && last)
		return arrive(w, name, -1, NULL);
	if (fd < 0)
		return fd;
	if (S_ISLNK(st.st_mode) && follow)
		return follow_host(w, fd);
	if (last)
		return arrive(w, name, fd, &st);
	if (S_ISDIR(st.st_mode))
		return descend(w, name, fd, &st);
	close(fd);
	return -ENOTDIR;
}

/* Walks one component; w->next is behind it. */
static int step(struct walk *w, const char *name)
{
	bool last = w->next[strspn(w->next, "/")] == '\0', follow;
	char path[PATH_MAX];
	int error;

	w->place->slash = last && *w->next == '/';
	w->place->dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
	if (w->place->dots)
		return name[1] ? go_up(w) : 0;
	follow = !last || !(w->flags & HOSTFS_NOFOLLOW) || w->place->slash;
	strcpy(path, w->at.path);
	error = path_append(path, name);
	if (error)
		return error;
	if (strcmp(path, VNODE_SHM) == 0)
		return go_to(w, path); /* out of a virtual directory into the host's */
	return vnode_is_virtual(path) ? step_virtual(w, path, last, follow)
				      : step_host(w, name, last, follow);
}

static int walk(struct walk *w)
{
	char name[NAME_MAX + 1];
	int error = 0;

	while (!error && !w->arrived) {
		size_t length;

		w->next += strspn(w->next, "/");
		length = strcspn(w->next, "/");
		if (length == 0)
			return arrive_here(w);
		if (length > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, w->next, length);
		name[length] = '\0';
		w->next += length;
		error = step(w, name);
	}
	return error;
}

int hostfs_resolve(struct linux_task *p, const char *base, const char *path, unsigned flags,
		   struct place *place)
{
	struct walk w;
	int error;

	place->parent_fd = place->fd = -1;
	place->writable = place->entry_writable = place->slash = place->dots = false;
	if (path[0] == '\0')
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	w.process = p;
	w.fs = &p->system->hostfs;
	w.flags = flags;
	w.links = 0;
	w.at.fd = -1;
	w.arrived = false;
	w.place = place;
	strcpy(w.rest, path);
	w.next = w.rest;
	error = path[0] == '/' ? go_root(&w) : go_canonical(&w, base);
	if (!error)
		error = walk(&w);
	cursor_release(&w.at);
	if (error)
		hostfs_leave(place);
	return error;
}

void hostfs_leave(struct place *place)
{
	if (place->fd >= 0)
		close(place->fd);
	if (place->parent_fd >= 0)
		close(place->parent_fd);
	place->fd = place->parent_fd = -1;
}

/* What was opened must be what the walk saw: nothing was put in its place in between. */
static int verify(const struct place *place, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -EACCES;
	if (place->fd >= 0 && (st.st_dev != place->st.st_dev || st.st_ino != place->st.st_ino))
		return -EAGAIN;
	return 0;
}

static int open_there(const struct place *place, int flags, mode_t mode)
{
	int fd;

	flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	fd = openat(place->parent_fd, place->name, flags | O_NOATIME, mode);
	if (fd < 0 && errno == EPERM) /* not ours: reading it changes its atime */
		fd = openat(place->parent_fd, place->name, flags, mode);
	return fd < 0 ? -errno : fd;
}

int hostfs_open(const struct place *place, int flags, mode_t mode, bool *made)
{
	bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
	int fd, error;

	assert(place->kind != PLACE_VIRTUAL);
	*made = place->kind == PLACE_ABSENT;
	if (*made && !(flags & O_CREAT))
		return -ENOENT;
	if (*made ? !place->entry_writable : changes && !place->writable)
		return -EROFS;
	if (!*made && !S_ISREG(place->st.st_mode) && !S_ISDIR(place->st.st_mode))
		return S_ISLNK(place->st.st_mode) ? -ELOOP : -EACCES;
	flags &= O_ACCMODE | O_APPEND | O_DIRECTORY | O_TRUNC | O_SYNC | O_DSYNC;
	fd = open_there(place, flags | (*made ? O_CREAT | O_EXCL : 0), mode);
	if (fd < 0)
		return fd;
	error = verify(place, fd);
	if (!error)
		return fd;
	close(fd);
	return error;
}
