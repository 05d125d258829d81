/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs code that came into memory in one way or another, and says where: code CASE FILE. The file holds the
 * function `mov eax, 42; ret` at its start, and is a page long.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, CODE = PROT_READ | PROT_EXEC, DATA = PROT_READ | PROT_WRITE };

static int fd;

static unsigned char *map(void *at, int prot, int flags)
{
	return mmap(at, PAGE, prot, MAP_PRIVATE | flags, flags & MAP_ANONYMOUS ? -1 : fd, 0);
}

static int call(unsigned char *code)
{
	return ((int (*)(void))(void *)code)();
}

static unsigned char *from_file(void)
{
	return map(NULL, CODE, 0);
}

static unsigned char *moved(void)
{
	unsigned char *hole = map(NULL, PROT_NONE, MAP_ANONYMOUS);

	return mremap(from_file(), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, hole);
}

static void write_code(unsigned char *code, unsigned char result)
{
	static const unsigned char function[] = { 0xb8, 0, 0, 0, 0, 0xc3 };

	memcpy(code, function, sizeof(function));
	code[1] = result;
}

/* Where a file was before, as a compiler at run time does it: writable and executable by turns. */
static unsigned char *made(void)
{
	unsigned char *code = from_file();

	munmap(code, PAGE);
	map(code, DATA, MAP_ANONYMOUS | MAP_FIXED);
	for (int i = 0; i < 100; i++) {
		mprotect(code, PAGE, DATA);
		write_code(code, (unsigned char)i);
		mprotect(code, PAGE, CODE);
	}
	return code;
}

static unsigned char *made_open(void)
{
	unsigned char *code = from_file();

	map(code, DATA | PROT_EXEC, MAP_ANONYMOUS | MAP_FIXED);
	write_code(code, 43);
	return code;
}

static unsigned char *patched(void)
{
	unsigned char *code = map(NULL, DATA, 0);

	code[1] = 44;
	mprotect(code, PAGE, CODE);
	return code;
}

static unsigned char *writable(void)
{
	unsigned char *code = map(NULL, DATA | PROT_EXEC, 0);

	code[1] = 45;
	return code;
}

static unsigned char *forked(void)
{
	unsigned char *code = patched();

	if (fork() == 0)
		_exit(call(code));
	wait(NULL);
	return code;
}

static unsigned char *was_read(void)
{
	unsigned char *code = map(NULL, DATA | PROT_EXEC, MAP_ANONYMOUS);

	return read(fd, code, PAGE) == PAGE ? code : NULL;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned char *(*make)(void);
	} cases[] = { { "file", from_file }, { "moved", moved },      { "made", made },
		      { "open", made_open }, { "patched", patched },  { "writable", writable },
		      { "forked", forked },  { "was_read", was_read } };

	fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]) && fd >= 0; i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			unsigned char *code = cases[i].make();

			printf("%lu\n", (unsigned long)code);
			fflush(stdout);
			return call(code);
		}
	}
	return 125;
}
