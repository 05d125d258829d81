/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * pagemap, mincore, rusage and smaps of one process must tell the same story. Prints "ok" or what is
 * wrong. The argument "frames" prints one frame number, which no two machines need agree on;
 * "swap" looks at 16 MiB on a machine that has less.
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

enum { MANY = 4096 };

static long smaps_swap_kib(void)
{
	char line[512];
	long kib, sum = 0;
	FILE *smaps = fopen("/proc/self/smaps", "r");

	while (smaps && fgets(line, sizeof(line), smaps))
		if (sscanf(line, "Swap: %ld kB", &kib) == 1)
			sum += kib;
	if (smaps)
		fclose(smaps);
	return sum;
}

/* More memory than the machine has. */
static void swap(void)
{
	char *area = mmap(NULL, (size_t)MANY * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long here = 0, away = 0, swapped;

	madvise(area, (size_t)MANY * PAGE, MADV_NOHUGEPAGE);
	for (long i = 0; i < MANY; i++)
		area[i * PAGE] = (char)(i % 100);
	for (long i = 0; i < MANY; i++) {
		uint64_t value = entry(area + i * PAGE);

		here += (long)(value >> 63);
		away += (long)(value >> 62 & 1);
	}
	swapped = smaps_swap_kib();
	check(here + away == MANY && here > 0 && away > 0, "present and swapped", here);
	check(swapped >= away * 4 - 512 && swapped <= away * 4 + 512, "smaps Swap", swapped);
	for (long i = 0; i < MANY; i++)
		check(area[i * PAGE] == (char)(i % 100), "contents", i);
	munmap(area, (size_t)MANY * PAGE);
}

int main(int argc, char **argv)
{
	char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	long before;

	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (argc > 1 && strcmp(argv[1], "swap") == 0)
		swap();
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
	if (argc > 1 && strcmp(argv[1], "frames") == 0)
		printf("%llu\n", (unsigned long long)frame(area));
	puts(failures ? "not ok" : "ok");
	return failures != 0;
}
