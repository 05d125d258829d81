/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * pagemap, mincore, rusage and smaps of one process must tell the same story. Prints "ok" or what is
 * wrong. The argument "frames" prints one frame number, which no two machines need agree on.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PAGES = 64, PAGE = 4096 };

static int failures, pagemap;

static void check(int right, const char *what, long n)
{
	if (!right) {
		printf("wrong: %s (%ld)\n", what, n);
		failures++;
	}
}

static uint64_t entry(const char *at)
{
	uint64_t value = 0;

	if (pread(pagemap, &value, 8, (off_t)((uintptr_t)at / PAGE * 8)) != 8)
		check(0, "pread", 0);
	return value;
}

static int present(const char *at)
{
	return (int)(entry(at) >> 63);
}

static uint64_t frame(const char *at)
{
	return entry(at) & ((UINT64_C(1) << 55) - 1);
}

static void compare(char *area, int step)
{
	unsigned char core[PAGES];

	check(mincore(area, PAGES * PAGE, core) == 0, "mincore", 0);
	for (int i = 0; i < PAGES; i++) {
		check(present(area + i * PAGE) == (i % step == 0), "pagemap", i);
		check((core[i] & 1) == (i % step == 0), "mincore", i);
	}
	for (int i = 0; i < PAGES; i += step)
		for (int j = 0; j < i; j += step)
			check(frame(area + i * PAGE) != frame(area + j * PAGE), "a frame twice", i);
}

static long smaps_rss_kib(const char *area)
{
	char line[512], start[32];
	long rss = -1;
	int here = 0;
	FILE *smaps = fopen("/proc/self/smaps", "r");

	snprintf(start, sizeof(start), "%08lx-", (unsigned long)area);
	while (smaps && rss < 0 && fgets(line, sizeof(line), smaps)) {
		here |= strncmp(line, start, strlen(start)) == 0;
		if (here)
			sscanf(line, "Rss: %ld kB", &rss);
	}
	if (smaps)
		fclose(smaps);
	return rss;
}

static long minor_faults(void)
{
	struct rusage usage;

	check(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage", 0);
	return usage.ru_minflt;
}

int main(int argc, char **argv)
{
	char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	long before;

	(void)argv;
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	check(pagemap >= 0 && area != MAP_FAILED, "set-up", pagemap);
	madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE);
	check(entry(area) == 0, "an untouched page is present", 0);
	before = minor_faults();
	for (int i = 0; i < PAGES; i += 3)
		area[i * PAGE] = 1;
	check(minor_faults() - before == (PAGES + 2) / 3, "minor faults", minor_faults() - before);
	compare(area, 3);
	check(smaps_rss_kib(area) == (PAGES + 2) / 3 * 4, "Rss", smaps_rss_kib(area));
	madvise(area, PAGES * PAGE, MADV_DONTNEED);
	check(entry(area) == 0, "a page that was given back is present", 0);
	area[0] = 1;
	if (argc > 1)
		printf("%llu\n", (unsigned long long)frame(area));
	puts(failures ? "not ok" : "ok");
	return failures != 0;
}
