/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One page at many addresses, read, written and run through all of them: what page tables with one
 * entry a frame have to bear. Prints what it finds; the first argument picks a case.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096, ALIASES = 9 };

static int file;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* ALIASES mappings of page 0 of the file, side by side. */
static unsigned char *side_by_side(int prot, int flags)
{
	unsigned char *area =
		mmap(NULL, ALIASES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < ALIASES; i++)
		if (mmap(area + i * PAGE, PAGE, prot, flags | MAP_FIXED, file, 0) == MAP_FAILED)
			fail("mmap");
	return area;
}

static void open_file(const char *name)
{
	file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0 || ftruncate(file, 2 * PAGE) != 0)
		fail(name);
}

static unsigned long sum_of_file(void)
{
	unsigned char bytes[2 * PAGE];
	unsigned long sum = 0;

	if (pread(file, bytes, sizeof(bytes), 0) != sizeof(bytes))
		fail("pread");
	for (unsigned i = 0; i < sizeof(bytes); i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

/* Each write through one address is seen through all others. */
static void shared(void)
{
	volatile unsigned char *area = side_by_side(PROT_READ | PROT_WRITE, MAP_SHARED);
	unsigned long sum = 0;

	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < ALIASES; i++) {
			area[i * PAGE + round] = (unsigned char)(round * 7 + i);
			for (int k = 0; k < ALIASES; k++)
				sum = sum * 31 + area[k * PAGE + round];
		}
	}
	printf("%lu\n", sum);
	for (int i = 0; i < ALIASES; i += 2)
		munmap((void *)(area + i * PAGE), PAGE);
	printf("%d %d\n", area[PAGE + 3], area[7 * PAGE + 49]);
	printf("%lu\n", sum_of_file());
}

/* Accesses that cross from a page into an alias of it. */
static void crossing(void)
{
	unsigned char *area = side_by_side(PROT_READ | PROT_WRITE, MAP_SHARED);
	unsigned long sum = 0;

	for (int round = 0; round < 64; round++) {
		for (int i = 1; i < ALIASES; i++) {
			unsigned char *at = area + i * PAGE - 1 - round % 15;
			uint64_t value = UINT64_C(0x0123456789abcdef) * (unsigned)(round + i), got;
			unsigned __int128 wide;

			memcpy(at, &value, 8);
			memcpy(&got, at, 8);
			sum = sum * 31 + got;
			__asm__ volatile(
				"movdqu %1, %%xmm0; paddb %%xmm0, %%xmm0; movdqu %%xmm0, %0"
				: "=m"(wide), "+m"(*(unsigned __int128 *)(void *)at)
				:
				: "xmm0");
			__asm__ volatile("movdqu %1, %%xmm0; movdqu %%xmm0, %0"
					 : "=m"(*(unsigned __int128 *)(void *)at)
					 : "m"(wide)
					 : "xmm0");
			__asm__ volatile("addq %1, %0"
					 : "+m"(*(uint64_t *)(void *)at)
					 : "r"(value));
			__asm__ volatile("fldt %0; fadd %%st(0), %%st(0); fstpt %0"
					 : "+m"(*(long double *)(void *)at));
		}
	}
	for (int i = 0; i < PAGE; i++)
		sum = sum * 31 + area[i];
	printf("%lu\n%lu\n", sum, sum_of_file());
}

/* One instruction that touches two aliases; string instructions over several. */
static void moves(void)
{
	unsigned char *area = side_by_side(PROT_READ | PROT_WRITE, MAP_SHARED);
	unsigned long sum = 0;

	for (int i = 0; i < PAGE; i++)
		area[i] = (unsigned char)(i * 13);
	for (int i = 0; i + 1 < ALIASES; i++) {
		void *from = area + i * PAGE + i * 8, *to = area + (ALIASES - 1) * PAGE + 900 + i;
		unsigned long count = 300;

		__asm__ volatile("movsq" : "+S"(from), "+D"(to) : : "memory");
		__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
		from = area + PAGE - 40;
		to = area + 3 * PAGE - 20 + i;
		count = 11;
		__asm__ volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
		count = 500;
		from = area + 2 * PAGE - 250;
		to = area + 5 * PAGE - 250;
		__asm__ volatile("repe cmpsb"
				 : "+S"(from), "+D"(to), "+c"(count)
				 :
				 : "memory", "cc");
		sum = sum * 31 + count;
		/* A push and a pop whose operand is an alias of the stack's page. */
		__asm__ volatile(
			"movq %%rsp, %%rbx; leaq %0, %%rsp; pushq %1; popq %2; movq %%rbx, %%rsp"
			: "+m"(*(uint64_t *)(void *)(area + 2 * PAGE + 4))
			: "m"(*(uint64_t *)(void *)(area + 4 * PAGE + 96)),
			  "m"(*(uint64_t *)(void *)(area + 6 * PAGE + 160))
			: "rbx", "memory");
	}
	for (int i = 0; i < PAGE; i++)
		sum = sum * 31 + area[i];
	printf("%lu\n", sum);
}

/*
 * Code in a page that is mapped side by side: from its end it runs on at its beginning. While it
 * runs through one address, it is changed through another.
 */
static void code(void)
{
	unsigned char *writable = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
		      *area;
	static const unsigned char end[] = {
		0x90, 0x90, 0x31, 0xc0, 0x05, 0x44
	}; /* xor; add $..., */
	static const unsigned char start[] = { 0x33, 0x22, 0x11, 0x03, 0x05, 1, 0, 0, 0, 0xc3 };
	unsigned long sum = 0;

	if (writable == MAP_FAILED)
		fail("mmap");
	memcpy(writable + PAGE - sizeof(end), end, sizeof(end));
	memcpy(writable, start, sizeof(start)); /* add 1(%rip), %eax; ret */
	memcpy(writable + 10, "\x78\x56\x34\x12", 4);
	area = side_by_side(PROT_READ | PROT_EXEC, MAP_SHARED);
	for (int round = 0; round < 40; round++) {
		for (int i = 1; i < ALIASES; i++) {
			int (*function)(void) =
				(int (*)(void))(uintptr_t)(area + i * PAGE - sizeof(end));

			sum = sum * 31 + (unsigned)function();
			sum = sum * 31 + area[(i - 1) * PAGE + 12];
		}
		writable[10 + round % 4]++;
		writable[2] = (unsigned char)round;
	}
	printf("%lu\n", sum);
}

/* Private aliases part when they are written to; one that is only read stays. */
static void private(void)
{
	unsigned char *area, page[PAGE];
	unsigned long sum = 0;

	memset(page, 'p', sizeof(page));
	if (pwrite(file, page, sizeof(page), 0) != sizeof(page))
		fail("pwrite");
	area = side_by_side(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (int i = 0; i < ALIASES; i++)
		sum += area[i * PAGE + 5];
	for (int i = 1; i < ALIASES; i += 2)
		memcpy(area + i * PAGE - 4, "crossing", 8);
	for (int i = 0; i < ALIASES; i++)
		printf("%.4s %.4s %c\n", (char *)area + i * PAGE, (char *)area + (i + 1) * PAGE - 4,
		       area[i * PAGE + 99]);
	printf("%lu\n%lu\n", sum, sum_of_file());
}

/* System calls that read from and write to aliases. */
static void syscalls(void)
{
	unsigned char *area = side_by_side(PROT_READ | PROT_WRITE, MAP_SHARED);
	struct iovec part[ALIASES];
	int pipes[2];
	char name[64];

	if (pipe(pipes) != 0)
		fail("pipe");
	for (int i = 0; i < ALIASES; i++) {
		part[i].iov_base = area + i * PAGE + i * 10;
		part[i].iov_len = 10;
		snprintf((char *)area + i * PAGE + i * 10, 11, "[alias %02d]", i);
	}
	if (writev(pipes[1], part, ALIASES) != ALIASES * 10 ||
	    read(pipes[0], area + 3 * PAGE - 45, 90) != 90 ||
	    write(1, area + 5 * PAGE - 45, 90) != 90)
		fail("transfer");
	puts("");
	fflush(stdout);
	strcpy((char *)area + 2 * PAGE - 5, "/dev/null");
	printf("%d\n", access((char *)area + 4 * PAGE - 5, R_OK));
	snprintf(name, sizeof(name), "%.9s", (char *)area + 6 * PAGE - 5);
	puts(name);
}

/* Dirty through an address that has lost its entry: it must reach the file all the same. */
static void dirty(void)
{
	volatile unsigned char *area = side_by_side(PROT_READ | PROT_WRITE, MAP_SHARED);
	int sum = 0;

	for (int i = 0; i < ALIASES; i++) {
		area[i * PAGE + 100 + i] = (unsigned char)(200 + i);
		sum += area[(i + 1) % ALIASES * PAGE + 100 + i]; /* takes its place */
	}
	printf("%d %d\n", sum, msync((void *)area, ALIASES * PAGE, MS_SYNC));
	printf("%lu\n", sum_of_file());
	for (int i = 0; i < ALIASES; i++) {
		area[i * PAGE + 300 + i] = (unsigned char)(100 + i);
		sum += area[(i + 4) % ALIASES * PAGE + 300 + i];
		munmap((void *)(area + i * PAGE), PAGE);
		if (mmap((void *)(area + i * PAGE), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file,
			 0) == MAP_FAILED)
			fail("mmap");
	}
	printf("%d\n", sum);
}

/* Protection, moving and advice on pages with and without an entry. */
static void change(void)
{
	unsigned char *area = side_by_side(PROT_READ | PROT_WRITE, MAP_SHARED), *moved, *again;
	unsigned long sum = 0;

	for (int i = 0; i < ALIASES; i++)
		area[i * PAGE + i] = (unsigned char)(i + 1);
	mprotect(area, 5 * PAGE, PROT_READ);
	for (int i = 0; i < ALIASES; i++)
		sum = sum * 31 + area[i * PAGE + (i + 3) % ALIASES];
	mprotect(area + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE);
	area[2 * PAGE + 50] = area[3 * PAGE + 2] + 1;
	moved = mremap(area + 6 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	again = mremap(area + 7 * PAGE, 0, PAGE, MREMAP_MAYMOVE); /* one more of the same */
	if (moved == MAP_FAILED || again == MAP_FAILED)
		fail("mremap");
	moved[51] = again[50];
	again[52] = moved[51];
	madvise(area + 7 * PAGE, 2 * PAGE, MADV_DONTNEED);
	sum = sum * 31 + area[7 * PAGE + 52] + area[8 * PAGE + 51];
	printf("%lu %d %d %d\n", sum, area[50], area[4 * PAGE + 51], moved[52]);
	if (ftruncate(file, 40) != 0)
		fail("ftruncate");
	printf("%d %d\n", area[4], area[PAGE + 50]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "shared", shared }, { "crossing", crossing }, { "moves", moves },
		{ "code", code },     { "private", private },   { "syscalls", syscalls },
		{ "dirty", dirty },   { "change", change },
	};

	open_file("aliases.data");
	for (unsigned i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]) == 0) {
			cases[i].run();
			return 0;
		}
	}
	fputs("which case?\n", stderr);
	return 2;
}
