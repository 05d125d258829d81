/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What tells contents of files apart: this program's build-id, as the loader mapped it; digests by the
 * published test vectors of FNV-1a; and that what is remembered is not used for another content.
 */

#include "tests/unit/test_record.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/identity.h"

/* The description of the note, in memory; the first object is the program. */
static int find_build_id(struct dl_phdr_info *object, size_t size, void *ctx)
{
	char *hex = ctx;

	(void)size;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		const uint8_t *note = (const uint8_t *)(object->dlpi_addr + segment->p_vaddr);
		const uint8_t *end = note + segment->p_memsz;

		while (segment->p_type == PT_NOTE && segment->p_align == 4 && note < end) {
			const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)(const void *)note;
			const uint8_t *content =
				note + sizeof(*head) + (head->n_namesz + 3u) / 4 * 4;

			if (head->n_type == NT_GNU_BUILD_ID)
				for (unsigned j = 0; j < head->n_descsz; j++)
					sprintf(hex + 2 * j, "%02x", content[j]);
			note = content + (head->n_descsz + 3u) / 4 * 4;
		}
	}
	return 1;
}

static void identity_of_a_program_is_its_build_id(void **state)
{
	char hex[200] = "", expected[300], text[IDENTITY_TEXT_MAX];
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat status;

	(void)state;
	assert_int_equal(fstat(fd, &status), 0);
	assert_true(identity_of_file(fd, text));
	close(fd);
	dl_iterate_phdr(find_build_id, hex);
	if (!hex[0])
		skip(); /* linked without */
	snprintf(expected, sizeof(expected), "%lld:build-id:%s", (long long)status.st_size, hex);
	assert_string_equal(text, expected);
}

static int file_of(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	return fd;
}

/* http://www.isthe.com/chongo/src/fnv/test_fnv.c, FNV-1a of 64 bits. */
static void identity_of_others_is_a_digest(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = { { "", "0:fnv1a:cbf29ce484222325" },
		      { "a", "1:fnv1a:af63dc4c8601ec8c" },
		      { "foobar", "6:fnv1a:85944171f73967e8" } };
	char text[IDENTITY_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = file_of(scratch("identity"), cases[i].bytes, strlen(cases[i].bytes));

		assert_true(identity_of_file(fd, text));
		assert_string_equal(text, cases[i].text);
		for (unsigned j = 0; j < sizeof(cases) / sizeof(cases[0]); j++)
			assert_int_equal(identity_holds(fd, cases[j].text), i == j);
		assert_false(identity_holds(fd, ""));
		close(fd);
	}
}

/* Programs cut off anywhere and with any byte of their first page changed: an identity, no harm. */
static void identity_of_damaged_programs(void **state)
{
	static uint8_t bytes[8192];
	char whole[IDENTITY_TEXT_MAX], text[IDENTITY_TEXT_MAX];
	int self = open("/proc/self/exe", O_RDONLY), fd;
	ssize_t size = pread(self, bytes, sizeof(bytes), 0);

	(void)state;
	close(self);
	assert_true(size > 1024);
	fd = file_of(scratch("identity"), bytes, (size_t)size);
	assert_true(identity_of_file(fd, whole));
	for (off_t at = 0; at < 1024; at++) {
		uint8_t changed = (uint8_t)(bytes[at] ^ 0xff);

		assert_int_equal(pwrite(fd, &changed, 1, at), 1);
		assert_true(identity_of_file(fd, text));
		assert_int_equal(pwrite(fd, &bytes[at], 1, at), 1);
	}
	for (off_t length = 1024; length-- > 0;) {
		assert_int_equal(ftruncate(fd, length), 0);
		assert_true(identity_of_file(fd, text));
		assert_string_not_equal(text, whole);
	}
	close(fd);
}

static void identity_of_what_is_no_file(void **state)
{
	char text[IDENTITY_TEXT_MAX];
	int fd = open("/dev/zero", O_RDONLY);

	(void)state;
	assert_false(identity_of_file(fd, text));
	assert_false(identity_of_file(-1, text));
	assert_false(identity_holds(-1, "0:fnv1a:cbf29ce484222325"));
	close(fd);
}

static void identities_follow_the_content(void **state)
{
	static struct identities identities;
	char path[600];
	int fd;

	(void)state;
	assert_string_equal(identity_find(&identities, -1), "");
	for (unsigned i = 0; i < 3 * IDENTITIES_KEPT; i++) {
		char expected[IDENTITY_TEXT_MAX];

		snprintf(path, sizeof(path), "%s%u", scratch("identity"),
			 i % (IDENTITIES_KEPT + 9));
		fd = file_of(path, path, 1 + i % 200);
		assert_true(identity_of_file(fd, expected));
		assert_string_equal(identity_find(&identities, fd), expected);
		assert_string_equal(identity_find(&identities, fd), expected);
		assert_int_equal(pwrite(fd, "more", 4, 300), 4);
		assert_true(identity_of_file(fd, expected));
		assert_string_equal(identity_find(&identities, fd), expected);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_of_a_program_is_its_build_id),
		cmocka_unit_test(identity_of_others_is_a_digest),
		cmocka_unit_test(identity_of_damaged_programs),
		cmocka_unit_test(identity_of_what_is_no_file),
		cmocka_unit_test(identities_follow_the_content),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
