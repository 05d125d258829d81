/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that huge pages may hold, cut and shared in every way: prints sums of what must be there. */

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, HUGE = 2 << 20, COUNT = 4 };

static char *area;

static uint64_t sum(const char *p, size_t bytes)
{
	uint64_t total = 0;

	for (size_t i = 0; i < bytes; i += 512)
		total = total * 31 + *(const uint64_t *)(p + i);
	return total;
}

static void show(const char *what)
{
	printf("%s %016llx\n", what, (unsigned long long)sum(area, COUNT * (size_t)HUGE));
}

/* Aligned, every page of it written. */
static void fill(void)
{
	area = mmap(NULL, (COUNT + 1) * (size_t)HUGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		exit(1);
	area = (char *)(((uintptr_t)area + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	madvise(area, COUNT * (size_t)HUGE, MADV_HUGEPAGE);
	for (size_t i = 0; i < COUNT * (size_t)HUGE; i += 512)
		*(uint64_t *)(area + i) = i * 0x9e3779b97f4a7c15;
	show("filled");
}

static void cut(void)
{
	mprotect(area + 3 * PAGE, PAGE, PROT_READ);
	show("protected");
	madvise(area + HUGE + 5 * PAGE, 9 * PAGE, MADV_DONTNEED);
	show("dropped");
	if (mmap(area + 2 * HUGE + PAGE, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		exit(1);
	show("replaced");
	munmap(area + 3 * HUGE + HUGE - PAGE, PAGE);
	printf("%016llx\n", (unsigned long long)sum(area, COUNT * (size_t)HUGE - PAGE));
}

static void moved(void)
{
	char *to = mmap(NULL, 2 * (size_t)HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int shift = 0; shift < 2; shift++) {
		char *at = (char *)(((uintptr_t)to + HUGE - 1) & ~(uintptr_t)(HUGE - 1));

		at = mremap(area + shift * HUGE, HUGE / 2 + PAGE, HUGE / 2 + PAGE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, at + shift * PAGE);
		if (at == MAP_FAILED)
			exit(1);
		printf("moved %016llx\n", (unsigned long long)sum(at, HUGE / 2 + PAGE));
	}
}

/* Parent and child each write every other page, and see nothing of the other's. */
static void forked(void)
{
	pid_t child = fork();

	for (size_t i = child == 0 ? 0 : PAGE; i < COUNT * (size_t)HUGE; i += 2 * PAGE)
		*(uint64_t *)(area + i) += (uint64_t)(child == 0 ? 1 : 2);
	if (child == 0) {
		show("child");
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	show("parent");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	fill();
	fflush(stdout);
	if (strcmp(what, "cut") == 0)
		cut();
	else if (strcmp(what, "moved") == 0)
		moved();
	else
		forked();
	return 0;
}
