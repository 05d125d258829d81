/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Memory from the pools of huge pages.
 *
 *	rules    what every call answers where the pools are empty: as on a host without any
 *	use      private, shared, forked and moved memory of a pool of 8 pages of 2 MiB
 *	smaps    what /proc says of it
 *	short    a child that writes where the pool has no page left for it; who reserved goes on
 *	leaves   one page of each size, each below an entry of its own in the root of the page table
 */

#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, HUGE = 2 << 20, RW = PROT_READ | PROT_WRITE };
enum { PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB };
enum { SHARED = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, SIZE_SHIFT = 26 };

static sigjmp_buf back;

static void on_bus(int number, siginfo_t *info, void *context)
{
	(void)context;
	siglongjmp(back, number * 1000 + info->si_code);
}

static void say(const char *what, long result)
{
	printf("%s: %s\n", what, result == -1 ? strerror(errno) : "done");
}

static void *map(void *at, size_t bytes, int flags)
{
	return mmap(at, bytes, RW, flags, -1, 0);
}

static void say_map(const char *what, void *at, size_t bytes, int flags)
{
	void *p = map(at, bytes, flags);

	say(what, p == MAP_FAILED ? -1 : 0);
	if (p != MAP_FAILED)
		munmap(p, bytes);
}

static void touch(const char *what, volatile char *p)
{
	struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	int caught;

	sigaction(SIGBUS, &action, NULL);
	caught = sigsetjmp(back, 1);
	if (!caught)
		*p = 1;
	printf("%s: %d\n", what, caught);
}

static void rules(void)
{
	char *p, *to = (char *)0x1000000000;

	say_map("default size", NULL, PAGE, PRIVATE);
	say_map("2 MiB", NULL, HUGE, PRIVATE | 21 << SIZE_SHIFT);
	say_map("shared", NULL, HUGE, SHARED);
	say_map("no such size", NULL, HUGE, PRIVATE | 13 << SIZE_SHIFT);
	say_map("no length", NULL, 0, PRIVATE);
	say_map("odd place", to + PAGE, HUGE, PRIVATE | MAP_FIXED);
	p = map(to, 4 * HUGE, PRIVATE | MAP_NORESERVE);
	printf("promised nothing: %d\n", p == to);
	touch("no page", p);
	say("munmap of a part", munmap(p, PAGE));
	say("munmap from a part", munmap(p + PAGE, HUGE));
	say("mprotect of a part", mprotect(p, PAGE, PROT_READ));
	say("mprotect", mprotect(p, HUGE, PROT_READ));
	/* EINVAL since Linux 6.12. */
	printf("map over a part: %d\n",
	       map(p + PAGE, PAGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED) != MAP_FAILED);
	say("grow", mremap(p + 2 * HUGE, HUGE, 2 * HUGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
	say("move to a part", mremap(p + HUGE, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				     to + 16 * HUGE + PAGE) == MAP_FAILED
				      ? -1
				      : 0);
	say("move", mremap(p + HUGE, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + 16 * HUGE) ==
				    MAP_FAILED
			    ? -1
			    : 0);
	say("free", madvise(p + 2 * HUGE, HUGE, MADV_FREE));
	say("drop from a part", madvise(p + 2 * HUGE + PAGE, HUGE, MADV_DONTNEED));
	say("drop a part", madvise(p + 2 * HUGE, PAGE, MADV_DONTNEED));
	say("page out", madvise(p + 2 * HUGE, HUGE, 21));
	say("advise huge", madvise(p + 2 * HUGE, HUGE, MADV_HUGEPAGE));
	say("wipe on fork", madvise(p + 2 * HUGE, HUGE, MADV_WIPEONFORK));
	say("shrink", mremap(p + 2 * HUGE, 2 * HUGE, PAGE, 0) == MAP_FAILED ? -1 : 0);
	say("munmap", munmap(p, 4 * HUGE));
	p = map(to, HUGE, SHARED | MAP_NORESERVE);
	touch("no shared page", p);
}

static uint64_t sum(const char *p, size_t bytes)
{
	uint64_t total = 0;

	for (size_t i = 0; i < bytes; i += 512)
		total = total * 31 + *(const uint64_t *)(p + i);
	return total;
}

static void show(const char *what, const char *p, size_t bytes)
{
	printf("%s %016llx\n", what, (unsigned long long)sum(p, bytes));
	fflush(stdout);
}

/* With flags 0, of ordinary memory, it prints the same. */
static void use(int flags)
{
	char *area = map(NULL, 3 * HUGE, MAP_PRIVATE | MAP_ANONYMOUS | flags);
	char *common = map(NULL, HUGE, MAP_SHARED | MAP_ANONYMOUS | flags);
	pid_t child;

	if (area == MAP_FAILED || common == MAP_FAILED)
		exit(1);
	for (size_t i = 0; i < 3 * HUGE; i += 512)
		*(uint64_t *)(area + i) = i * 0x9e3779b97f4a7c15;
	show("filled", area, 3 * HUGE);
	fflush(stdout);
	child = fork();
	for (size_t i = child == 0 ? 0 : PAGE; i < 3 * HUGE; i += 2 * PAGE)
		*(uint64_t *)(area + i) += (uint64_t)(child == 0 ? 1 : 2);
	for (size_t i = child == 0 ? 0 : PAGE; i < HUGE; i += 2 * PAGE)
		*(uint64_t *)(common + i) = i;
	if (child == 0) {
		show("child", area, 3 * HUGE);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	show("parent", area, 3 * HUGE);
	show("shared", common, HUGE);
	mprotect(area + HUGE, 2 * HUGE, PROT_READ);
	common = mremap(area + HUGE, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			(void *)0x1000000000);
	if (common == MAP_FAILED)
		exit(1);
	show("moved", common, 2 * HUGE);
	madvise(common + HUGE, HUGE, MADV_DONTNEED);
	show("dropped", common, 2 * HUGE);
}

/* Without blanks at the end. */
static size_t trimmed(const char *line)
{
	size_t length = strlen(line);

	while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\n'))
		length--;
	return length;
}

static void print_lines(const char *path, const char *const *names, const char *from)
{
	FILE *file = fopen(path, "r");
	char line[256];
	int on = !from;

	while (file && fgets(line, sizeof(line), file)) {
		if (from && strchr(line, '-') && strstr(line, from))
			on = 1;
		for (const char *const *name = names; *name; name++)
			if (on && strncmp(line, *name, strlen(*name)) == 0)
				printf("%.*s\n", (int)trimmed(line), line);
		if (from && on && strncmp(line, "VmFlags", 7) == 0)
			on = 0;
	}
	if (file)
		fclose(file);
}

static void smaps(void)
{
	static const char *const pools[] = { "HugePages_", "Hugepagesize", "Hugetlb", NULL };
	static const char *const lines[] = { "Size:",
					     "KernelPageSize:",
					     "MMUPageSize:",
					     "Rss:",
					     "Private_Hugetlb:",
					     "Shared_Hugetlb:",
					     "VmFlags:",
					     NULL };
	static const char *const status[] = { "HugetlbPages:", NULL };
	char *area = map(NULL, 3 * HUGE, PRIVATE);

	if (area == MAP_FAILED)
		exit(1);
	area[HUGE] = 1;
	area[2 * HUGE] = 1;
	print_lines("/proc/meminfo", pools, NULL);
	print_lines("/proc/self/smaps", lines, "/anon_hugepage (deleted)");
	print_lines("/proc/self/status", status, NULL);
}

/* 5 of 8 pages in use, and the other 3 promised: none for a child. */
static void run_short(void)
{
	char *area = map(NULL, 8 * HUGE, PRIVATE);
	int status = 0;
	pid_t child;

	if (area == MAP_FAILED)
		exit(1);
	for (int i = 0; i < 5; i++)
		area[i * HUGE] = 1;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		area[0]++; /* SIGBUS */
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("the child: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	for (int i = 0; i < 8; i++)
		area[i * HUGE] += 1;
	printf("the parent: %d %d\n", area[0], area[7 * HUGE]);
}

static void leaves(void)
{
	static const struct {
		size_t bytes;
		int flags;
	} kinds[] = { { PAGE, 0 },
		      { HUGE, MAP_HUGETLB },
		      { 1 << 30, MAP_HUGETLB | 30 << SIZE_SHIFT } };

	for (unsigned i = 0; i < 3; i++) {
		char *at = (char *)((uintptr_t)(i + 1) << 40);
		char *p = map(at, kinds[i].bytes,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | kinds[i].flags);

		if (p != at)
			exit(1);
		*(volatile char *)p = 1;
		printf("%d\n", *p);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "rules") == 0)
		rules();
	else if (strcmp(what, "use") == 0)
		use(argc > 2 ? 0 : MAP_HUGETLB);
	else if (strcmp(what, "smaps") == 0)
		smaps();
	else if (strcmp(what, "short") == 0)
		run_short();
	else
		leaves();
	return 0;
}
