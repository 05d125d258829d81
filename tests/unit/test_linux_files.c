/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Descriptors, pipes, listings and the times and numbers of files, as system calls show them. */

#include "tests/unit/test_linux_guest.h"

#include <sys/eventfd.h>

static void linux_files_lowest_descriptor_is_taken(void **state)
{
	struct test_guest *t = *state;
	int64_t fd = CALL(t, SYS_open, test_text(t, "/dev/null"), O_RDWR | O_CLOEXEC);

	assert_int_equal(CALL(t, SYS_dup, fd), fd + 1);
	assert_int_equal(CALL(t, SYS_close, fd), 0);
	assert_int_equal(CALL(t, SYS_close, fd), -EBADF);
	assert_int_equal(CALL(t, SYS_dup, fd + 1), fd);
	assert_int_equal(CALL(t, SYS_dup2, fd, 50), 50);
	assert_int_equal(CALL(t, SYS_dup2, fd, fd), fd);
	assert_int_equal(CALL(t, SYS_dup3, fd, fd, 0), -EINVAL);
	assert_int_equal(CALL(t, SYS_dup2, 99, 98), -EBADF);
	assert_int_equal(CALL(t, SYS_dup2, fd, FD_MAX), -EBADF);
	assert_int_equal(CALL(t, SYS_fcntl, fd, F_DUPFD, 50), 51);
	assert_int_equal(CALL(t, SYS_close, (uint64_t)-1), -EBADF);
}

static void linux_files_close_on_exec_belongs_to_the_descriptor(void **state)
{
	struct test_guest *t = *state;
	int64_t fd = CALL(t, SYS_open, test_text(t, "/dev/null"), O_RDWR | O_CLOEXEC);
	int64_t copy = CALL(t, SYS_dup, fd);

	assert_int_equal(CALL(t, SYS_fcntl, fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(CALL(t, SYS_fcntl, copy, F_GETFD), 0);
	assert_int_equal(CALL(t, SYS_dup3, fd, 40, O_CLOEXEC), 40);
	assert_int_equal(CALL(t, SYS_fcntl, 40, F_GETFD), FD_CLOEXEC);
	assert_int_equal(CALL(t, SYS_close_range, fd, 1000, 0), 0);
	assert_int_equal(CALL(t, SYS_fcntl, copy, F_GETFD), -EBADF);
}

static void linux_files_end_of_descriptors(void **state)
{
	struct test_guest *t = *state;
	va_t null = test_text(t, "/dev/null");
	int64_t fd, last = -1;

	while ((fd = CALL(t, SYS_open, null, O_RDONLY)) >= 0)
		last = fd;
	assert_int_equal(fd, -EMFILE);
	assert_int_equal(last, FD_MAX - 1);
}

static void linux_files_position_is_shared_by_dup(void **state)
{
	struct test_guest *t = *state;
	va_t buffer = test_put(t, NULL, 16);
	char text[4] = "";
	int64_t fd, copy;

	test_host_write(t, "out/f", "abcdef");
	fd = CALL(t, SYS_open, test_path(t, "out/f"), O_RDONLY);
	copy = CALL(t, SYS_dup, fd);
	assert_int_equal(CALL(t, SYS_read, fd, buffer, 2), 2);
	assert_int_equal(CALL(t, SYS_read, copy, buffer, 2), 2);
	test_get(t, buffer, text, 2);
	assert_string_equal(text, "cd");
	assert_int_equal(CALL(t, SYS_pread64, fd, buffer, 16, 1), 5);
	assert_int_equal(CALL(t, SYS_lseek, fd, 0, SEEK_CUR), 4);
	assert_int_equal(CALL(t, SYS_read, fd, UINT64_C(0x10), 1), -EFAULT);
	assert_int_equal(CALL(t, SYS_read, fd, UINT64_MAX - 2, 8), -EFAULT);
}

static void linux_files_append_and_vectors(void **state)
{
	struct test_guest *t = *state;
	const uint64_t iov[4] = { test_text(t, "one "), 4, test_text(t, "two"), 3 };
	int64_t fd = CALL(t, SYS_open, test_path(t, "w/f"), O_RDWR | O_CREAT | O_APPEND, 0600);

	assert_int_equal(CALL(t, SYS_writev, fd, test_put(t, iov, sizeof(iov)), 2), 7);
	assert_int_equal(CALL(t, SYS_lseek, fd, 0, SEEK_SET), 0);
	assert_int_equal(CALL(t, SYS_write, fd, test_text(t, "!"), 1), 1);
	assert_int_equal(CALL(t, SYS_writev, fd, test_put(t, iov, sizeof(iov)), UINT64_MAX),
			 -EINVAL);
	test_host_expect(t, "w/f", "one two!");
}

/* What a file is mapped as and what write(2) and truncate(2) do to it are one. */
static void linux_files_mapping_and_writing_agree(void **state)
{
	struct test_guest *t = *state;
	char seen[6] = "", hello[] = "HELLO";
	int64_t fd;
	va_t at;

	test_host_write(t, "w/f", "hello, world");
	fd = CALL(t, SYS_open, test_path(t, "w/f"), O_RDWR);
	at = (va_t)CALL(t, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	test_get(t, at, seen, 5);
	assert_string_equal(seen, "hello");
	assert_int_equal(CALL(t, SYS_pwrite64, fd, test_text(t, "J"), 1, 0), 1);
	test_get(t, at, seen, 5);
	assert_string_equal(seen, "Jello");
	test_copy(t, at, hello, 5, true);
	assert_int_equal(CALL(t, SYS_pread64, fd, t->scratch, 5, 0), 5);
	test_get(t, t->scratch, seen, 5);
	assert_string_equal(seen, "HELLO");
	assert_int_equal(CALL(t, SYS_close, fd), 0);
	test_copy(t, at, (char[]){ "j" }, 1, true);
	assert_int_equal(CALL(t, SYS_munmap, at, 4096), 0);
	test_host_expect(t, "w/f", "jELLO, world");
}

/* --- pipes ----------------------------------------------------------------------------------- */

static void make_pipe(struct test_guest *t, int flags, int32_t ends[2])
{
	va_t to = test_put(t, NULL, 8);

	assert_int_equal(CALL(t, SYS_pipe2, to, flags), 0);
	test_get(t, to, ends, 8);
}

static void linux_files_pipe_holds_what_was_written(void **state)
{
	struct test_guest *t = *state;
	va_t text = test_text(t, "0123456789");
	int32_t ends[2];

	make_pipe(t, O_NONBLOCK, ends);
	assert_int_equal(CALL(t, SYS_read, ends[0], text, 4), -EAGAIN);
	assert_int_equal(CALL(t, SYS_write, ends[1], text, 10), 10);
	assert_int_equal(CALL(t, SYS_read, ends[0], text, 4), 4);
	assert_int_equal(CALL(t, SYS_read, ends[0], text, 100), 6);
	assert_int_equal(CALL(t, SYS_write, ends[0], text, 1), -EBADF);
	assert_int_equal(CALL(t, SYS_lseek, ends[0], 0, SEEK_CUR), -ESPIPE);
	assert_int_equal(CALL(t, SYS_close, ends[1]), 0);
	assert_int_equal(CALL(t, SYS_read, ends[0], text, 4), 0);
	assert_int_equal(t->action, GUEST_CONTINUE);
}

static void linux_files_broken_pipe_kills(void **state)
{
	struct test_guest *t = *state;
	int32_t ends[2];

	make_pipe(t, 0, ends);
	assert_int_equal(CALL(t, SYS_close, ends[0]), 0);
	CALL(t, SYS_write, ends[1], test_text(t, "x"), 1);
	assert_int_equal(t->action, GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGPIPE);
}

static void linux_files_a_wait_that_cannot_end_ends_the_guest(void **state)
{
	struct test_guest *t = *state;
	int32_t ends[2];

	make_pipe(t, 0, ends);
	CALL(t, SYS_read, ends[0], t->scratch, 1);
	assert_int_equal(t->action, GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGKILL);
	assert_non_null(strstr(linux_end_reason(t->guest), "deadlock"));
}

static void linux_files_eventfd_counts(void **state)
{
	struct test_guest *t = *state;
	uint64_t value = 5;
	int64_t fd = CALL(t, SYS_eventfd2, 3, EFD_NONBLOCK);
	va_t at = test_put(t, &value, sizeof(value));

	assert_int_equal(CALL(t, SYS_write, fd, at, 8), 8);
	assert_int_equal(CALL(t, SYS_read, fd, at, 8), 8);
	test_get(t, at, &value, sizeof(value));
	assert_int_equal(value, 8);
	assert_int_equal(CALL(t, SYS_read, fd, at, 8), -EAGAIN);
	assert_int_equal(CALL(t, SYS_read, fd, at, 4), -EINVAL);
}

/* --- listings, numbers, times ---------------------------------------------------------------- */

/* Names in order, joined by spaces; the inode number of the last one. */
static void list(struct test_guest *t, const char *name, char *names, size_t size, uint64_t *number)
{
	int64_t fd = CALL(t, SYS_open, test_path(t, name), O_RDONLY | O_DIRECTORY), length;
	uint8_t bytes[4096];
	va_t to = test_put(t, NULL, sizeof(bytes));
	uint16_t reclen;

	names[0] = '\0';
	while ((length = CALL(t, SYS_getdents64, fd, to, 128)) > 0) { /* in several pieces */
		test_get(t, to, bytes, (size_t)length);
		for (int64_t at = 0; at < length; at += reclen) {
			memcpy(number, bytes + at, 8);
			memcpy(&reclen, bytes + at + 16, 2);
			snprintf(names + strlen(names), size - strlen(names), "%s ",
				 (char *)bytes + at + 19);
		}
	}
	assert_int_equal(length, 0);
	CALL(t, SYS_close, fd);
}

static void linux_files_listing_is_sorted(void **state)
{
	static const char *const names[] = { "zebra", "b", "a10", "a1", "m", "y", "B", ".h" };
	struct test_guest *t = *state;
	char listed[256];
	uint64_t number;
	struct stat st;
	va_t to = test_put(t, NULL, sizeof(st));

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[64];

		snprintf(path, sizeof(path), "out/%s", names[i]);
		test_host_write(t, path, "");
	}
	list(t, "out", listed, sizeof(listed), &number);
	assert_string_equal(listed, ". .. .h B a1 a10 b m y zebra ");
	assert_int_equal(CALL(t, SYS_stat, test_path(t, "out/zebra"), to), 0);
	test_get(t, to, &st, sizeof(st));
	assert_int_equal(st.st_ino, number);
	assert_int_equal(CALL(t, SYS_getdents64, CALL(t, SYS_open, test_path(t, "out"), O_RDONLY),
			      to, 8),
			 -EINVAL);
}

/* Numbers follow the order in which the guest meets files, not that in which they were made. */
static void linux_files_numbers_follow_the_guest(void **state)
{
	struct test_guest *t = *state;
	struct stat first, second, again;
	va_t to = test_put(t, NULL, sizeof(first));

	test_host_write(t, "out/made-first", "");
	test_host_write(t, "out/met-first", "");
	assert_int_equal(CALL(t, SYS_stat, test_path(t, "out/met-first"), to), 0);
	test_get(t, to, &first, sizeof(first));
	assert_int_equal(CALL(t, SYS_lstat, test_path(t, "out/made-first"), to), 0);
	test_get(t, to, &second, sizeof(second));
	assert_int_equal(second.st_ino, first.st_ino + 1);
	assert_int_equal(CALL(t, SYS_stat, test_path(t, "out/../out/met-first"), to), 0);
	test_get(t, to, &again, sizeof(again));
	assert_int_equal(again.st_ino, first.st_ino);
	assert_int_equal(again.st_dev, first.st_dev);
}

static void linux_files_written_ones_have_guest_times(void **state)
{
	struct test_guest *t = *state;
	struct stat st;
	va_t to = test_put(t, NULL, sizeof(st));
	int64_t fd = CALL(t, SYS_open, test_path(t, "w/new"), O_WRONLY | O_CREAT, 0640);

	t->machine->counters.instructions = 5;
	assert_int_equal(CALL(t, SYS_write, fd, test_text(t, "x"), 1), 1);
	assert_int_equal(CALL(t, SYS_fstat, fd, to), 0);
	test_get(t, to, &st, sizeof(st));
	assert_int_equal(st.st_mtim.tv_sec, TEST_START_NS / 1000000000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
	assert_int_equal(st.st_atim.tv_nsec, 0);
	assert_int_equal(st.st_ctim.tv_nsec, 5);
	assert_int_equal(CALL(t, SYS_close, fd), 0);
	assert_int_equal(stat(test_host_path(t, "w/new"), &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, TEST_START_NS / 1000000000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
	assert_int_equal(stat(test_host_path(t, "w"), &st), 0); /* the directory too */
	assert_int_equal(st.st_mtim.tv_sec, TEST_START_NS / 1000000000);
}

static void linux_files_modes_follow_the_guests_umask(void **state)
{
	struct test_guest *t = *state;
	struct stat st;

	umask(077);
	CALL(t, SYS_umask, 02);
	assert_true(CALL(t, SYS_open, test_path(t, "w/f"), O_WRONLY | O_CREAT, 0666) >= 0);
	assert_int_equal(CALL(t, SYS_mkdir, test_path(t, "w/d"), 0777), 0);
	umask(022);
	assert_int_equal(stat(test_host_path(t, "w/f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0664);
	assert_int_equal(stat(test_host_path(t, "w/d"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0775);
}

/* A stranger must not leave programs behind that run with the rights of who ran pagewalk. */
static void linux_files_never_set_user_id(void **state)
{
	struct test_guest *t = *state;
	struct stat st;
	int64_t fd = CALL(t, SYS_open, test_path(t, "w/f"), O_WRONLY | O_CREAT, 06755);

	assert_int_equal(stat(test_host_path(t, "w/f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(CALL(t, SYS_fchmod, fd, 04755), 0);
	assert_int_equal(CALL(t, SYS_chmod, test_path(t, "w/f"), 06755), 0);
	assert_int_equal(stat(test_host_path(t, "w/f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST_TEST(linux_files_lowest_descriptor_is_taken),
		GUEST_TEST(linux_files_close_on_exec_belongs_to_the_descriptor),
		GUEST_TEST(linux_files_end_of_descriptors),
		GUEST_TEST(linux_files_position_is_shared_by_dup),
		GUEST_TEST(linux_files_append_and_vectors),
		GUEST_TEST(linux_files_mapping_and_writing_agree),
		GUEST_TEST(linux_files_pipe_holds_what_was_written),
		GUEST_TEST(linux_files_broken_pipe_kills),
		GUEST_TEST(linux_files_a_wait_that_cannot_end_ends_the_guest),
		GUEST_TEST(linux_files_eventfd_counts),
		GUEST_TEST(linux_files_listing_is_sorted),
		GUEST_TEST(linux_files_numbers_follow_the_guest),
		GUEST_TEST(linux_files_written_ones_have_guest_times),
		GUEST_TEST(linux_files_modes_follow_the_guests_umask),
		GUEST_TEST(linux_files_never_set_user_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
