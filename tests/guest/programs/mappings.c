/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory as a program manages it: each case prints sums that depend on every page being right. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, COUNT = 300 };

static char *map(size_t pages, int prot, int flags, int fd)
{
	char *p = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static uint64_t sum(const char *p, size_t bytes)
{
	uint64_t total = 0;

	for (size_t i = 0; i < bytes; i++)
		total = total * 31 + (unsigned char)p[i];
	return total;
}

static void fill(char *p, size_t pages)
{
	for (size_t i = 0; i < pages * PAGE; i += 97)
		p[i] = (char)(i >> 5);
}

static int file_of(const char *name, size_t bytes)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	for (size_t i = 0; i < bytes; i += 8) {
		uint64_t value = i * 0x9e3779b97f4a7c15;

		if (write(fd, &value, 8) != 8)
			exit(1);
	}
	return fd;
}

static void anonymous(void)
{
	char *p = map(COUNT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	printf("%llu\n", (unsigned long long)sum(p, COUNT * PAGE));
	fill(p, COUNT);
	printf("%llu\n", (unsigned long long)sum(p, COUNT * PAGE));
}

static void file(void)
{
	int fd = file_of("private.bin", 40 * PAGE + 100);
	char *a = map(41, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	char *b = map(41, PROT_READ, MAP_PRIVATE, fd);

	a[5 * PAGE] = 1;
	a[40 * PAGE + 3000] = 9; /* behind the end of the file, in its last page */
	printf("%d %d\n", a[5 * PAGE], b[5 * PAGE]);
	printf("%llu %llu\n", (unsigned long long)sum(a, 41 * PAGE),
	       (unsigned long long)sum(b, 41 * PAGE));
	if (pwrite(fd, "changed", 7, 7 * PAGE) != 7) /* untouched private pages follow the file */
		exit(1);
	printf("%.7s %.7s\n", a + 7 * PAGE, b + 7 * PAGE);
	unlink("private.bin");
}

static void shared(void)
{
	int fd = file_of("shared.bin", 20 * PAGE);
	char *a = map(20, PROT_READ | PROT_WRITE, MAP_SHARED, fd),
	     *b = map(20, PROT_READ, MAP_SHARED, fd);
	char back[16] = "";

	strcpy(a + 3 * PAGE + 10, "through a");
	printf("%s\n", b + 3 * PAGE + 10);
	msync(a, 20 * PAGE, MS_SYNC);
	if (pread(fd, back, 9, 3 * PAGE + 10) != 9)
		exit(1);
	printf("%s\n", back);
	strcpy(a + 19 * PAGE, "at the end");
	munmap(a, 20 * PAGE);
	munmap(b, 20 * PAGE);
	if (pread(fd, back, 10, 19 * PAGE) != 10)
		exit(1);
	printf("%s\n", back);
	unlink("shared.bin");
}

static void fixed(void)
{
	char *p = map(10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	fill(p, 10);
	mmap(p + 3 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	printf("%llu\n", (unsigned long long)sum(p, 10 * PAGE));
	printf("%d\n", mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			    -1, 0) == MAP_FAILED &&
			       errno == EEXIST);
}

static void remap(void)
{
	char *p = map(50, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *q;

	fill(p, 50);
	q = mremap(p, 50 * PAGE, 5000 * PAGE, MREMAP_MAYMOVE);
	printf("%llu %d\n", (unsigned long long)sum(q, 50 * PAGE), q[4999 * PAGE]);
	q = mremap(q, 5000 * PAGE, 20 * PAGE, 0);
	printf("%llu\n", (unsigned long long)sum(q, 20 * PAGE));
	q = realloc(NULL, 1 << 20);
	memset(q, 5, 1 << 20);
	q = realloc(q, 30 << 20);
	printf("%llu\n", (unsigned long long)sum(q, 1 << 20));
}

static void protect(void)
{
	char *p = map(30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	fill(p, 30);
	mprotect(p + 10 * PAGE, 10 * PAGE, PROT_READ);
	printf("%llu\n", (unsigned long long)sum(p, 30 * PAGE));
	mprotect(p + 10 * PAGE, 10 * PAGE, PROT_READ | PROT_WRITE);
	fill(p + 10 * PAGE + 1, 5);
	printf("%llu\n", (unsigned long long)sum(p, 30 * PAGE));
	printf("%d %d\n", mprotect(p + 1, PAGE, PROT_READ), errno);
}

static int recurse(int n)
{
	volatile char frame[2000];

	frame[0] = (char)n;
	frame[1999] = (char)(n >> 3);
	return n ? recurse(n - 1) + frame[0] + frame[1999] : 0;
}

static void stack(void)
{
	printf("%d\n", recurse(2000));
}

static void brk_case(void)
{
	char *start, *p;

	setvbuf(stdout, NULL, _IONBF, 0); /* or stdio's buffer lands on the break */
	start = sbrk(0);
	p = sbrk(1 << 20);
	printf("%d\n", p == start);
	memset(p, 7, 1 << 20);
	printf("%llu\n", (unsigned long long)sum(p, 1 << 20));
	printf("%d\n", sbrk(-(1 << 19)) == start + (1 << 20));
	p = sbrk(1 << 19);
	printf("%llu\n", (unsigned long long)sum(start, 1 << 20));
}

static void dontneed(void)
{
	char *p = map(20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	fill(p, 20);
	madvise(p + 5 * PAGE, 10 * PAGE, MADV_DONTNEED);
	printf("%llu\n", (unsigned long long)sum(p, 20 * PAGE));
	printf("%d %d\n", madvise(p, PAGE, 12345), errno == EINVAL);
}

static void hole(void)
{
	char *p = map(9, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	fill(p, 9);
	munmap(p + 3 * PAGE, 3 * PAGE);
	printf("%llu %llu\n", (unsigned long long)sum(p, 3 * PAGE),
	       (unsigned long long)sum(p + 6 * PAGE, 3 * PAGE));
	printf("%zd %d\n", write(1, p + 3 * PAGE, 10), errno == EFAULT);
}

/* The same place runs one function after another: written through RWX, and through RW then RX. */
static void selfmodify(void)
{
	static const unsigned char code[] = { 0xb8, 0, 0, 0, 0, 0xc3 }; /* mov $n, %eax; ret */
	unsigned char *p = (unsigned char *)map(1, PROT_READ | PROT_WRITE | PROT_EXEC,
						MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int (*function)(void) = (int (*)(void))(uintptr_t)p;
	int total = 0;

	memcpy(p, code, sizeof(code));
	for (int i = 0; i < 100; i++) {
		p[1] = (unsigned char)i;
		total = total * 3 + function();
	}
	printf("%d\n", total);
	for (int i = 0; i < 50; i++) {
		mprotect(p, PAGE, PROT_READ | PROT_WRITE);
		p[1] = (unsigned char)(i + 100);
		mprotect(p, PAGE, PROT_READ | PROT_EXEC);
		total = total * 3 + function();
	}
	printf("%d\n", total);
	for (int i = 0; i < 20; i++) { /* new frames at the same address */
		munmap(p, PAGE);
		mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0);
		memcpy(p, code, sizeof(code));
		p[1] = (unsigned char)(i + 7);
		mprotect(p, PAGE, PROT_READ | PROT_EXEC);
		total = total * 3 + function();
	}
	printf("%d\n", total);
}

static void crossing(void)
{
	char *p = map(40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	uint64_t total = 0;

	for (uint64_t i = 1; i < 40; i++)
		*(volatile uint64_t *)(p + i * PAGE - i % 8) = i * 0x0123456789abcdef;
	for (uint64_t i = 1; i < 40; i++)
		total += *(volatile uint64_t *)(p + i * PAGE - i % 8);
	printf("%llu %llu\n", (unsigned long long)total, (unsigned long long)sum(p, 40 * PAGE));
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "anonymous", anonymous },   { "file", file },
	{ "shared", shared },         { "fixed", fixed },
	{ "remap", remap },           { "protect", protect },
	{ "stack", stack },           { "brk", brk_case },
	{ "dontneed", dontneed },     { "hole", hole },
	{ "selfmodify", selfmodify }, { "crossing", crossing },
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	}
	return 2;
}
