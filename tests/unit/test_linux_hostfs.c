/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Nothing leads out of what was opened for writing: no "..", link, descriptor, name in /proc or
 * race. out/ lies beside the writable w/; whatever is tried from w/, out/ stays as it is.
 */

#include "tests/unit/test_linux_guest.h"

#include <sys/socket.h>
#include <sys/un.h>

static void make_links(const struct test_guest *t)
{
	test_host_write(t, "out/secret", "secret");
	test_host_write(t, "w/mine", "mine");
	assert_int_equal(mkdir(test_host_path(t, "w/sub"), 0755), 0);
	assert_int_equal(symlink(test_host_path(t, "out"), test_host_path(t, "w/abs")), 0);
	assert_int_equal(symlink("../out", test_host_path(t, "w/rel")), 0);
	assert_int_equal(symlink("..", test_host_path(t, "w/up")), 0);
	assert_int_equal(symlink("../out/secret", test_host_path(t, "w/file")), 0);
	assert_int_equal(symlink("../out/dangling", test_host_path(t, "w/dangling")), 0);
	assert_int_equal(symlink("/proc/self/root", test_host_path(t, "w/root")), 0);
	assert_int_equal(symlink("loop", test_host_path(t, "w/loop")), 0);
}

/* All of these name out/secret or, with "new", a file to be made in out/. */
static const char *const ways_out[] = {
	"out",
	"w/../out",
	"w/sub/../../out",
	"w/abs",
	"w/rel",
	"w/up/out",
	"w/sub/../rel",
	"w/sub/../abs/../out",
	"w/abs/../w/up/out",
	"w/./sub/.././rel",
	"w//rel/",
};

static int64_t open_name(struct test_guest *t, const char *name, int flags)
{
	return CALL(t, SYS_open, test_path(t, name), flags, 0644);
}

static void outside_is_unchanged(const struct test_guest *t)
{
	struct stat st;

	test_host_expect(t, "out/secret", "secret");
	assert_int_equal(access(test_host_path(t, "out/new"), F_OK), -1);
	assert_int_equal(access(test_host_path(t, "out/dangling"), F_OK), -1);
	assert_int_equal(stat(test_host_path(t, "out/secret"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_nlink, 1);
}

static void linux_hostfs_refuses_to_write_outside(void **state)
{
	struct test_guest *t = *state;
	char secret[128], new[128];

	umask(022);
	make_links(t);
	for (size_t i = 0; i < sizeof(ways_out) / sizeof(*ways_out); i++) {
		va_t at, fresh;

		snprintf(secret, sizeof(secret), "%s/secret", ways_out[i]);
		snprintf(new, sizeof(new), "%s/new", ways_out[i]);
		t->used = 0;
		at = test_path(t, secret);
		fresh = test_path(t, new);
		assert_true(CALL(t, SYS_open, at, O_RDONLY) >= 0);
		assert_int_equal(CALL(t, SYS_open, at, O_WRONLY), -EROFS);
		assert_int_equal(CALL(t, SYS_open, at, O_RDWR | O_APPEND), -EROFS);
		assert_int_equal(CALL(t, SYS_open, at, O_RDONLY | O_TRUNC), -EROFS);
		assert_int_equal(CALL(t, SYS_open, fresh, O_WRONLY | O_CREAT, 0644), -EROFS);
		assert_int_equal(CALL(t, SYS_creat, at, 0644), -EROFS);
		assert_int_equal(CALL(t, SYS_truncate, at, 0), -EROFS);
		assert_int_equal(CALL(t, SYS_chmod, at, 0777), -EROFS);
		assert_int_equal(CALL(t, SYS_chown, at, 0, 0), -EROFS);
		assert_int_equal(CALL(t, SYS_utimensat, AT_FDCWD, at, 0, 0), -EROFS);
		assert_int_equal(CALL(t, SYS_unlink, at), -EROFS);
		assert_int_equal(CALL(t, SYS_mkdir, fresh, 0755), -EROFS);
		assert_int_equal(CALL(t, SYS_symlink, test_text(t, "x"), fresh), -EROFS);
		assert_int_equal(CALL(t, SYS_access, at, W_OK), -EROFS);
		assert_int_equal(CALL(t, SYS_access, at, R_OK), 0);
	}
	outside_is_unchanged(t);
}

static void linux_hostfs_refuses_to_move_or_link_across(void **state)
{
	struct test_guest *t = *state;
	va_t secret, mine;

	make_links(t);
	secret = test_path(t, "out/secret");
	mine = test_path(t, "w/mine");
	assert_int_equal(CALL(t, SYS_rename, secret, test_path(t, "w/stolen")), -EROFS);
	assert_int_equal(CALL(t, SYS_rename, mine, test_path(t, "out/new")), -EROFS);
	assert_int_equal(CALL(t, SYS_rename, mine, test_path(t, "w/rel/new")), -EROFS);
	assert_int_equal(CALL(t, SYS_rename, mine, secret), -EROFS);
	/* A link inside to a file outside would be a writable name of it. */
	assert_int_equal(CALL(t, SYS_link, secret, test_path(t, "w/hard")), -EROFS);
	assert_int_equal(CALL(t, SYS_linkat, AT_FDCWD, test_path(t, "w/file"), AT_FDCWD,
			      test_path(t, "w/hard"), AT_SYMLINK_FOLLOW),
			 -EROFS);
	assert_int_equal(CALL(t, SYS_link, mine, test_path(t, "w/rel/new")), -EROFS);
	assert_int_equal(CALL(t, SYS_rmdir, test_path(t, "w")), -EROFS);
	assert_int_equal(CALL(t, SYS_rename, test_path(t, "w"), test_path(t, "w2")), -EROFS);
	outside_is_unchanged(t);
}

static void linux_hostfs_links_themselves_can_change(void **state)
{
	struct test_guest *t = *state;
	char target[64] = "";
	va_t to = test_put(t, NULL, sizeof(target));

	make_links(t);
	assert_int_equal(open_name(t, "w/file", O_WRONLY), -EROFS);
	assert_int_equal(open_name(t, "w/dangling", O_WRONLY | O_CREAT), -EROFS);
	assert_int_equal(open_name(t, "w/file", O_RDONLY | O_NOFOLLOW), -ELOOP);
	assert_int_equal(open_name(t, "w/loop", O_RDONLY), -ELOOP);
	assert_int_equal(CALL(t, SYS_readlink, test_path(t, "w/file"), to, sizeof(target)), 13);
	test_get(t, to, target, 13);
	assert_string_equal(target, "../out/secret");
	assert_int_equal(CALL(t, SYS_rename, test_path(t, "w/file"), test_path(t, "w/moved")), 0);
	assert_int_equal(CALL(t, SYS_unlink, test_path(t, "w/moved")), 0);
	assert_int_equal(CALL(t, SYS_unlink, test_path(t, "w/rel")), 0);
	outside_is_unchanged(t);
}

static void linux_hostfs_descriptors_lead_nowhere_else(void **state)
{
	struct test_guest *t = *state;
	const int create = O_WRONLY | O_CREAT;
	char path[TEST_PATH_MAX];
	int64_t out, w;

	make_links(t);
	out = open_name(t, "out", O_RDONLY | O_DIRECTORY);
	w = open_name(t, "w", O_RDONLY | O_DIRECTORY);
	assert_int_equal(CALL(t, SYS_openat, out, test_text(t, "new"), create, 0644), -EROFS);
	assert_int_equal(CALL(t, SYS_openat, w, test_text(t, "../out/new"), create, 0644), -EROFS);
	assert_int_equal(CALL(t, SYS_mkdirat, w, test_text(t, "rel/new"), 0755), -EROFS);
	assert_int_equal(CALL(t, SYS_unlinkat, out, test_text(t, "secret"), 0), -EROFS);
	assert_int_equal(CALL(t, SYS_fchmod, out, 0777), -EROFS);
	snprintf(path, sizeof(path), "/proc/self/root%s/out/new", t->dir);
	assert_int_equal(CALL(t, SYS_open, test_text(t, path), create, 0644), -EROFS);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/new", (int)out);
	assert_int_equal(CALL(t, SYS_open, test_text(t, path), create, 0644), -EROFS);
	assert_int_equal(CALL(t, SYS_fchdir, w), 0);
	assert_int_equal(CALL(t, SYS_open, test_text(t, "/proc/self/cwd/../out/new"), create, 0644),
			 -EROFS);
	assert_int_equal(CALL(t, SYS_open, test_text(t, "root/etc/pagewalk-new"), create, 0644),
			 -EROFS);
	assert_true(CALL(t, SYS_open, test_text(t, "new"), create, 0644) >= 0);
	assert_int_equal(access(test_host_path(t, "w/new"), F_OK), 0);
	outside_is_unchanged(t);
}

/* Read-only descriptors stay so, whichever way the guest comes back to them. */
static void linux_hostfs_reading_gives_no_right_to_write(void **state)
{
	struct test_guest *t = *state;
	char path[64];
	int64_t fd;

	make_links(t);
	fd = open_name(t, "out/secret", O_RDONLY);
	assert_int_equal(CALL(t, SYS_write, fd, test_text(t, "x"), 1), -EBADF);
	assert_int_equal(CALL(t, SYS_ftruncate, fd, 0), -EINVAL);
	assert_int_equal(CALL(t, SYS_fchmod, fd, 0777), -EROFS);
	assert_int_equal(CALL(t, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
			 -EACCES);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)fd);
	fd = CALL(t, SYS_open, test_text(t, path), O_RDWR);
	if (fd >= 0)
		assert_int_equal(CALL(t, SYS_write, fd, test_text(t, "x"), 1), -EBADF);
	outside_is_unchanged(t);
}

/* --- races: the host changes a name between the walk and its use -------------------------------- */

static void resolve(struct test_guest *t, const char *name, struct place *place)
{
	assert_int_equal(hostfs_resolve(test_process(t), "/", test_host_path(t, name), 0, place),
			 0);
}

static void linux_hostfs_file_swapped_for_a_link(void **state)
{
	struct test_guest *t = *state;
	struct place place;
	bool made;

	make_links(t);
	resolve(t, "w/mine", &place);
	assert_true(place.writable);
	assert_int_equal(unlink(test_host_path(t, "w/mine")), 0);
	assert_int_equal(symlink("../out/secret", test_host_path(t, "w/mine")), 0);
	assert_int_equal(hostfs_open(&place, O_WRONLY | O_TRUNC, 0, &made), -ELOOP);
	hostfs_leave(&place);
	outside_is_unchanged(t);
}

static void linux_hostfs_absent_name_swapped_for_a_link(void **state)
{
	struct test_guest *t = *state;
	struct place place;
	bool made;

	make_links(t);
	resolve(t, "w/fresh", &place);
	assert_int_equal(place.kind, PLACE_ABSENT);
	assert_int_equal(symlink("../out/new", test_host_path(t, "w/fresh")), 0);
	assert_int_equal(hostfs_open(&place, O_WRONLY | O_CREAT, 0644, &made), -EEXIST);
	hostfs_leave(&place);
	outside_is_unchanged(t);
}

static void linux_hostfs_directory_swapped_for_a_link(void **state)
{
	struct test_guest *t = *state;
	struct place place;
	bool made;
	int fd;

	make_links(t);
	resolve(t, "w/sub/new", &place);
	assert_int_equal(rename(test_host_path(t, "w/sub"), test_host_path(t, "w/was")), 0);
	assert_int_equal(symlink("../out", test_host_path(t, "w/sub")), 0);
	fd = hostfs_open(&place, O_WRONLY | O_CREAT, 0644, &made);
	assert_true(fd >= 0 && made);
	close(fd);
	hostfs_leave(&place);
	assert_int_equal(access(test_host_path(t, "w/was/new"), F_OK), 0);
	outside_is_unchanged(t);
}

/* --- what is not a file ---------------------------------------------------------------------- */

static void linux_hostfs_opens_files_and_directories_only(void **state)
{
	struct test_guest *t = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(mkfifo(test_host_path(t, "w/fifo"), 0644), 0);
	assert_int_equal(open_name(t, "w/fifo", O_RDONLY), -EACCES); /* and does not wait */
	assert_int_equal(open_name(t, "w/fifo", O_WRONLY), -EACCES);
	if (strlen(t->dir) + 8 < sizeof(address.sun_path)) {
		snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/w/sock", t->dir);
		assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
		assert_int_equal(open_name(t, "w/sock", O_RDWR), -EACCES);
	}
	close(sock);
	assert_int_equal(CALL(t, SYS_open, test_text(t, "/dev/kmsg"), O_RDONLY), -ENOENT);
	assert_int_equal(CALL(t, SYS_open, test_text(t, "/dev/tty"), O_RDWR), -ENXIO);
	assert_int_equal(CALL(t, SYS_open, test_text(t, "/proc/1/environ"), O_RDONLY), -ENOENT);
	assert_int_equal(CALL(t, SYS_open, test_text(t, "/sys/power/state"), O_WRONLY), -ENOENT);
	assert_int_equal(CALL(t, SYS_mknod, test_path(t, "w/null"), S_IFCHR | 0666, 0x103), -EPERM);
	assert_int_equal(CALL(t, SYS_socket, AF_INET, SOCK_STREAM, 0), -EAFNOSUPPORT);
}

static void linux_hostfs_answers_odd_paths_as_linux(void **state)
{
	struct test_guest *t = *state;
	char longest[NAME_MAX + 2];

	make_links(t);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(CALL(t, SYS_open, test_text(t, ""), O_RDONLY), -ENOENT);
	assert_int_equal(CALL(t, SYS_open, test_text(t, longest), O_RDONLY), -ENAMETOOLONG);
	assert_int_equal(CALL(t, SYS_open, 0, O_RDONLY), -EFAULT);
	assert_int_equal(CALL(t, SYS_open, UINT64_C(0xffff800000000000), O_RDONLY), -EFAULT);
	assert_int_equal(open_name(t, "w/mine/", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_name(t, "w/mine/x", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_name(t, "w/no/x", O_RDONLY), -ENOENT);
	assert_int_equal(open_name(t, "w/sub", O_WRONLY), -EISDIR);
	assert_int_equal(open_name(t, "w/mine", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	assert_int_equal(open_name(t, "w/mine", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	assert_int_equal(CALL(t, SYS_rmdir, test_path(t, "w/sub/.")), -EBUSY);
	assert_true(CALL(t, SYS_open, test_text(t, "/../../.."), O_RDONLY) >= 0);
}

static void linux_hostfs_paths_follow_a_rename(void **state)
{
	struct test_guest *t = *state;
	char cwd[TEST_PATH_MAX], expected[TEST_PATH_MAX];
	va_t to = test_put(t, NULL, sizeof(cwd));
	int64_t fd, length;

	make_links(t);
	assert_int_equal(CALL(t, SYS_chdir, test_path(t, "w/sub")), 0);
	fd = open_name(t, "w/sub", O_RDONLY);
	assert_int_equal(CALL(t, SYS_rename, test_path(t, "w/sub"), test_path(t, "w/other")), 0);
	length = CALL(t, SYS_getcwd, to, sizeof(cwd));
	assert_true(length > 0);
	test_get(t, to, cwd, (size_t)length);
	snprintf(expected, sizeof(expected), "%s/w/other", t->dir);
	assert_string_equal(cwd, expected);
	assert_true(CALL(t, SYS_openat, fd, test_text(t, "in"), O_WRONLY | O_CREAT, 0644) >= 0);
	assert_int_equal(access(test_host_path(t, "w/other/in"), F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST_TEST(linux_hostfs_refuses_to_write_outside),
		GUEST_TEST(linux_hostfs_refuses_to_move_or_link_across),
		GUEST_TEST(linux_hostfs_links_themselves_can_change),
		GUEST_TEST(linux_hostfs_descriptors_lead_nowhere_else),
		GUEST_TEST(linux_hostfs_reading_gives_no_right_to_write),
		GUEST_TEST(linux_hostfs_file_swapped_for_a_link),
		GUEST_TEST(linux_hostfs_absent_name_swapped_for_a_link),
		GUEST_TEST(linux_hostfs_directory_swapped_for_a_link),
		GUEST_TEST(linux_hostfs_opens_files_and_directories_only),
		GUEST_TEST(linux_hostfs_answers_odd_paths_as_linux),
		GUEST_TEST(linux_hostfs_paths_follow_a_rename),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
