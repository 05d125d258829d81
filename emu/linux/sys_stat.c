/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

/* Looking at files: stat and its kin, access, readlink, getdents, statfs. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "emu/linux/file_directory.h"
#include "emu/linux/path.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

static int64_t stat_file(struct linux_task *p, struct open_file *file, struct stat *st)
{
	return file->ops->stat ? file->ops->stat(p, file, st) : -EBADF;
}

static int64_t stat_virtual(struct linux_task *p, const struct place *place, unsigned flags,
			    struct stat *st)
{
	struct open_file *file;
	struct vnode node;

	if (!vnode_find(p, place->path, &node))
		return -ENOENT;
	file = vnode_is_file_link(&node) ? fd_get(p, node.number) : NULL;
	if (file && !(flags & HOSTFS_NOFOLLOW))
		return stat_file(p, file, st);
	vnode_stat(p, &node, st);
	return 0;
}

static int64_t stat_place(struct linux_task *p, const struct place *place, unsigned flags,
			  struct stat *st)
{
	if (place->kind == PLACE_ABSENT)
		return -ENOENT;
	if (place->kind == PLACE_VIRTUAL)
		return stat_virtual(p, place, flags, st);
	*st = place->st;
	inode_virtualise(&p->system->inodes, st);
	return 0;
}

/* The general form, of which all others are special cases. */
static int64_t stat_at(struct linux_task *p, int64_t dirfd, va_t path, int flags, struct stat *st)
{
	unsigned follow = flags & AT_SYMLINK_NOFOLLOW ? HOSTFS_NOFOLLOW : 0;
	struct path_name name;
	struct place place;
	int64_t error;

	name.text[0] = '\0';
	name.file = dirfd == AT_FDCWD ? NULL : fd_get(p, (uint64_t)dirfd);
	name.base = p->place->cwd;
	error = path || !(flags & AT_EMPTY_PATH) ? path_read(p, dirfd, path, &name) : 0;
	if (error)
		return error;
	if (!name.text[0] && (flags & AT_EMPTY_PATH)) {
		if (name.file)
			return stat_file(p, name.file, st);
		if (dirfd != AT_FDCWD)
			return -EBADF;
		strcpy(name.text, ".");
	}
	error = path_resolve(p, &name, follow, &place);
	if (error)
		return error;
	error = stat_place(p, &place, follow, st);
	hostfs_leave(&place);
	return error;
}

/* struct stat of the host is that of the guest: both are x86-64 Linux's. */
static int64_t give(struct linux_task *p, va_t to, int64_t error, const struct stat *st)
{
	return error ? error : user_put(p, to, st);
}

int64_t sys_stat(struct linux_task *p, const uint64_t *a)
{
	struct stat st;

	return give(p, a[1], stat_at(p, AT_FDCWD, a[0], 0, &st), &st);
}

int64_t sys_lstat(struct linux_task *p, const uint64_t *a)
{
	struct stat st;

	return give(p, a[1], stat_at(p, AT_FDCWD, a[0], AT_SYMLINK_NOFOLLOW, &st), &st);
}

int64_t sys_fstat(struct linux_task *p, const uint64_t *a)
{
	struct open_file *file = fd_get(p, a[0]);
	struct stat st;

	return give(p, a[1], file ? stat_file(p, file, &st) : -EBADF, &st);
}

int64_t sys_newfstatat(struct linux_task *p, const uint64_t *a)
{
	const int known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
	struct stat st;

	if ((int)a[3] & ~known)
		return -EINVAL;
	return give(p, a[2], stat_at(p, (int32_t)a[0], a[1], (int)a[3], &st), &st);
}

static struct statx_timestamp statx_time(struct timespec time)
{
	return (struct statx_timestamp){ .tv_sec = time.tv_sec, .tv_nsec = (uint32_t)time.tv_nsec };
}

/* The time of birth is not told: it would be the host's. */
int64_t sys_statx(struct linux_task *p, const uint64_t *a)
{
	struct stat st;
	struct statx out;
	int64_t error = stat_at(p, (int32_t)a[0], a[1], (int)a[2], &st);

	if (error)
		return error;
	memset(&out, 0, sizeof(out));
	out.stx_mask = STATX_BASIC_STATS;
	out.stx_blksize = (uint32_t)st.st_blksize;
	out.stx_nlink = (uint32_t)st.st_nlink;
	out.stx_uid = st.st_uid;
	out.stx_gid = st.st_gid;
	out.stx_mode = (uint16_t)st.st_mode;
	out.stx_ino = st.st_ino;
	out.stx_size = (uint64_t)st.st_size;
	out.stx_blocks = (uint64_t)st.st_blocks;
	out.stx_atime = statx_time(st.st_atim);
	out.stx_mtime = statx_time(st.st_mtim);
	out.stx_ctime = statx_time(st.st_ctim);
	out.stx_rdev_major = major(st.st_rdev);
	out.stx_rdev_minor = minor(st.st_rdev);
	out.stx_dev_major = major(st.st_dev);
	out.stx_dev_minor = minor(st.st_dev);
	return user_put(p, a[4], &out);
}

/* --- access ---------------------------------------------------------------------------------- */

static int64_t access_place(struct linux_task *p, const struct place *place, int mode, int flags)
{
	struct vnode node;

	if (place->kind == PLACE_ABSENT)
		return -ENOENT;
	if (place->kind == PLACE_VIRTUAL) {
		if (!vnode_find(p, place->path, &node))
			return -ENOENT;
		if (node.kind == VNODE_DEVICE || node.kind == VNODE_LINK)
			return mode & X_OK ? -EACCES : 0;
		return (mode & W_OK) || ((mode & X_OK) && node.kind == VNODE_FILE) ? -EACCES : 0;
	}
	if ((mode & W_OK) && !place->writable)
		return -EROFS;
	if (S_ISLNK(place->st.st_mode))
		return 0;
	/* The name may have become a link since: then we only say something about another file. */
	return faccessat(place->parent_fd, place->name, mode, flags & AT_EACCESS) == 0 ? 0 : -errno;
}

static int64_t access_at(struct linux_task *p, int64_t dirfd, va_t path, int mode, int flags)
{
	struct path_name name;
	struct place place;
	int64_t error = path_read(p, dirfd, path, &name);

	if (mode & ~(R_OK | W_OK | X_OK))
		return -EINVAL;
	if (!error && !name.text[0] && (flags & AT_EMPTY_PATH) && name.file) {
		strcpy(name.text, name.file->path);
		if (name.text[0] != '/')
			return 0;
	}
	if (!error)
		error = path_resolve(p, &name, flags & AT_SYMLINK_NOFOLLOW ? HOSTFS_NOFOLLOW : 0,
				     &place);
	if (error)
		return error;
	error = access_place(p, &place, mode, flags);
	hostfs_leave(&place);
	return error;
}

int64_t sys_access(struct linux_task *p, const uint64_t *a)
{
	return access_at(p, AT_FDCWD, a[0], (int)a[1], 0);
}

int64_t sys_faccessat(struct linux_task *p, const uint64_t *a)
{
	return access_at(p, (int32_t)a[0], a[1], (int)a[2], 0);
}

int64_t sys_faccessat2(struct linux_task *p, const uint64_t *a)
{
	return access_at(p, (int32_t)a[0], a[1], (int)a[2], (int)a[3]);
}

/* --- links and directories ------------------------------------------------------------------- */

static int64_t read_link(struct linux_task *p, const struct place *place, char *to, size_t size)
{
	struct vnode node;
	ssize_t length;

	if (place->kind == PLACE_ABSENT)
		return -ENOENT;
	if (place->kind == PLACE_VIRTUAL) {
		if (!vnode_find(p, place->path, &node))
			return -ENOENT;
		return node.kind == VNODE_LINK ? vnode_readlink(p, &node, to, size) : -EINVAL;
	}
	if (!S_ISLNK(place->st.st_mode))
		return -EINVAL;
	length = readlinkat(place->fd, "", to, size);
	return length < 0 ? -errno : length;
}

static int64_t readlink_at(struct linux_task *p, int64_t dirfd, va_t path, const uint64_t *out)
{
	char target[PATH_MAX];
	struct place place;
	int64_t length;

	if ((int32_t)out[1] <= 0)
		return -EINVAL;
	length = path_find(p, dirfd, path, HOSTFS_NOFOLLOW, &place);
	if (length)
		return length;
	length = read_link(p, &place, target, sizeof(target));
	hostfs_leave(&place);
	if (length < 0)
		return length;
	if (length > (int32_t)out[1])
		length = (int32_t)out[1];
	return user_write(p, out[0], target, (uint64_t)length) < 0 ? -EFAULT : length;
}

int64_t sys_readlink(struct linux_task *p, const uint64_t *a)
{
	return readlink_at(p, AT_FDCWD, a[0], &a[1]);
}

int64_t sys_readlinkat(struct linux_task *p, const uint64_t *a)
{
	return readlink_at(p, (int32_t)a[0], a[1], &a[2]);
}

static int64_t list(struct linux_task *p, const uint64_t *a, bool old)
{
	struct open_file *file = fd_get(p, a[0]);
	size_t size = (uint32_t)a[2] < LINUX_BUFFER_BYTES ? (uint32_t)a[2] : LINUX_BUFFER_BYTES;
	int64_t done;

	if (!file)
		return -EBADF;
	if (file->ops != &file_directory_ops)
		return -ENOTDIR;
	done = file_list(p, file, p->system->buffer, size, old);
	if (done > 0 && user_write(p, a[1], p->system->buffer, (uint64_t)done) < 0)
		return -EFAULT;
	return done;
}

int64_t sys_getdents(struct linux_task *p, const uint64_t *a)
{
	return list(p, a, true);
}

int64_t sys_getdents64(struct linux_task *p, const uint64_t *a)
{
	return list(p, a, false);
}

/* No file has attributes beyond the common ones. */
int64_t sys_listxattr(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return 0;
}

/* --- file systems ---------------------------------------------------------------------------- */

/* Room, numbers of files and the file system's id are the host's affair of the moment: fixed. */
static int64_t give_statfs(struct linux_task *p, va_t to, int host_fd)
{
	enum { PROC_MAGIC = 0x9fa0, BLOCKS = 1 << 24, NODES = 1 << 22 };
	struct statfs fs, out;

	memset(&fs, 0, sizeof(fs));
	if (host_fd >= 0 && fstatfs(host_fd, &fs) != 0)
		return -errno;
	memset(&out, 0, sizeof(out));
	out.f_type = host_fd >= 0 ? fs.f_type : PROC_MAGIC;
	out.f_bsize = out.f_frsize = FRAME_BYTES;
	out.f_namelen = NAME_MAX;
	if (host_fd >= 0) {
		out.f_blocks = BLOCKS;
		out.f_bfree = out.f_bavail = BLOCKS / 2;
		out.f_files = NODES;
		out.f_ffree = NODES / 2;
	}
	return user_put(p, to, &out);
}

int64_t sys_statfs(struct linux_task *p, const uint64_t *a)
{
	struct place place;
	int64_t error = path_find(p, AT_FDCWD, a[0], 0, &place);

	if (error)
		return error;
	if (place.kind == PLACE_ABSENT)
		error = -ENOENT;
	else
		error = give_statfs(p, a[1], place.kind == PLACE_HOST ? place.fd : -1);
	hostfs_leave(&place);
	return error;
}

int64_t sys_fstatfs(struct linux_task *p, const uint64_t *a)
{
	const struct open_file *file = fd_get(p, a[0]);

	return file ? give_statfs(p, a[1], file->host_fd) : -EBADF;
}
