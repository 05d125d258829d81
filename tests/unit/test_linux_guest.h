/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_UNIT_TEST_LINUX_GUEST_H
#define PAGEWALK_TESTS_UNIT_TEST_LINUX_GUEST_H

/*
 * A guest without a CPU: a default machine with a program loaded (the test itself), whose system
 * calls the test makes in its place. Memory passes through the kernel model as in a real run.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emu/linux/linux.h"
#include "emu/linux/process.h"

enum { SCRATCH_BYTES = 1 << 20, TEST_PATH_MAX = PATH_MAX + 64 };
#define TEST_START_NS INT64_C(1000000000000000000)

struct test_guest {
	struct machine *machine;
	struct guest *guest;
	struct cpu_regs regs;
	enum guest_action action; /* of the last call */
	va_t scratch;             /* SCRATCH_BYTES of guest memory */
	uint64_t used;
	char dir[PATH_MAX]; /* on the host: w/ is writable, out/ is not */
};

__attribute__((unused)) static struct linux_task *test_process(const struct test_guest *t)
{
	return ((struct linux_system *)(void *)t->guest)->running;
}

static int64_t test_call(struct test_guest *t, uint64_t number, const uint64_t arg[6])
{
	static const enum cpu_gpr place[6] = { GPR_RDI, GPR_RSI, GPR_RDX, GPR_R10, GPR_R8, GPR_R9 };

	for (int i = 0; i < 6; i++)
		t->regs.gpr[place[i]] = arg[i];
	t->regs.gpr[GPR_RAX] = number;
	t->action = t->guest->ops->syscall(t->guest, &t->regs);
	return (int64_t)t->regs.gpr[GPR_RAX];
}
/* CALL(t, SYS_read, fd, buffer, length): what RAX holds after it. */
#define CALL(t, ...) CALL_(t, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(t, number, a, b, c, d, e, f, ...)                                                    \
	test_call((t), (uint64_t)(number),                                                         \
		  (const uint64_t[6]){ (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), \
				       (uint64_t)(e), (uint64_t)(f) })

/* Copies between the test and guest memory, page by page. */
static void test_copy(struct test_guest *t, va_t va, void *bytes, size_t length, bool in)
{
	uint8_t *host = bytes;

	while (length > 0) {
		size_t now = FRAME_BYTES - (size_t)(va & (FRAME_BYTES - 1));
		enum access_kind access = in ? ACCESS_WRITE : ACCESS_READ;
		uint8_t *guest;

		now = now < length ? now : length;
		assert_int_equal(kernel_user_copy(t->machine->kernel, va, now, access), 0);
		guest = machine_user_bytes(t->machine, va, access);
		memcpy(in ? guest : host, in ? host : guest, now);
		va += now;
		host += now;
		length -= now;
	}
}

__attribute__((unused)) static void test_get(struct test_guest *t, va_t va, void *to, size_t length)
{
	test_copy(t, va, to, length, false);
}

/* A new piece of guest memory with these bytes (or zeros). */
static va_t test_put(struct test_guest *t, const void *bytes, size_t length)
{
	uint8_t zero[4096] = { 0 };
	va_t at = t->scratch + t->used;

	assert_true(t->used + length + 64 < SCRATCH_BYTES);
	if (bytes)
		test_copy(t, at, (void *)(uintptr_t)bytes, length, true);
	else if (length <= sizeof(zero))
		test_copy(t, at, zero, length, true);
	t->used += (length + 63) & ~(size_t)63;
	return at;
}

static va_t test_text(struct test_guest *t, const char *text)
{
	return test_put(t, text, strlen(text) + 1);
}

/* A path beneath the test's directory, in guest memory. */
__attribute__((unused)) static va_t test_path(struct test_guest *t, const char *name)
{
	char path[TEST_PATH_MAX];

	assert_true((size_t)snprintf(path, sizeof(path), "%s/%s", t->dir, name) < sizeof(path));
	return test_text(t, path);
}

__attribute__((unused)) static const char *test_host_path(const struct test_guest *t,
							  const char *name)
{
	static char path[4][TEST_PATH_MAX];
	static unsigned n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", t->dir, name);
	return path[n];
}

__attribute__((unused)) static void test_host_write(const struct test_guest *t, const char *name,
						    const char *text)
{
	FILE *file = fopen(test_host_path(t, name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

__attribute__((unused)) static void test_host_expect(const struct test_guest *t, const char *name,
						     const char *text)
{
	char content[256];
	FILE *file = fopen(test_host_path(t, name), "r");
	size_t length;

	assert_non_null(file);
	length = fread(content, 1, sizeof(content) - 1, file);
	content[length] = '\0';
	fclose(file);
	assert_string_equal(content, text);
}

static void test_make_tree(struct test_guest *t)
{
	const char *top = getenv("PAGEWALK_TEST_TMP");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/linux.XXXXXX", top ? top : "/tmp");
	assert_non_null(mkdtemp(path));
	assert_non_null(realpath(path, t->dir));
	assert_int_equal(mkdir(test_host_path(t, "w"), 0755), 0);
	assert_int_equal(mkdir(test_host_path(t, "out"), 0755), 0);
}

static struct machine *test_machine(void)
{
	static struct machine_config config;
	struct config_complaint complaint;
	struct machine *machine;

	machine_config_default(&config);
	assert_int_equal(machine_create(&machine, &config, &host_alloc_libc, &complaint), PW_OK);
	return machine;
}

__attribute__((unused)) static int test_setup(void **state)
{
	struct test_guest *t = calloc(1, sizeof(*t));
	char self[PATH_MAX] = "";
	char *argv[] = { self, NULL }, *env[] = { NULL };
	const char *dirs[1];
	struct linux_config config = { .program = self,
				       .argv = argv,
				       .env = env,
				       .write_dirs = dirs,
				       .write_dir_count = 1,
				       .seed = 1,
				       .clock_start_ns = TEST_START_NS,
				       .reported_ram = UINT64_C(1) << 32,
				       .reported_cpus = 2 };
	struct linux_error error;

	assert_non_null(t);
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	test_make_tree(t);
	dirs[0] = test_host_path(t, "w");
	t->machine = test_machine();
	if (linux_create(&t->guest, &config, t->machine, &t->regs, &error))
		fail_msg("%s", error.text);
	t->scratch = (va_t)CALL(t, SYS_mmap, 0, SCRATCH_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true((int64_t)t->scratch > 0);
	*state = t;
	return 0;
}

__attribute__((unused)) static int test_teardown(void **state)
{
	struct test_guest *t = *state;
	char command[TEST_PATH_MAX];

	linux_destroy(t->guest);
	machine_destroy(t->machine);
	snprintf(command, sizeof(command), "rm -rf '%s'", t->dir);
	if (system(command) != 0)
		return -1;
	free(t);
	return 0;
}

#define GUEST_TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

#endif
