/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What getrusage and wait4 tell of memory, faults and times: what must be so on any machine. */

#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t mib = 1 << 20;

/* In pages of 4 KiB, and gone afterwards. */
static void touch(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(p, bytes, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < bytes; i += 4096)
		p[i] = 1;
	munmap(p, bytes);
}

static struct rusage usage_of(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return usage;
}

static long us(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
	       usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

static struct rusage child(int kib, int executes)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		touch((size_t)kib << 10);
		for (volatile long i = 0; i < 2000000; i++)
			;
		if (executes)
			execlp("true", "true", (char *)NULL);
		_exit(0);
	}
	if (wait4(pid, &status, 0, &usage) != pid || status)
		puts("the child failed");
	return usage;
}

int main(void)
{
	struct rusage before = usage_of(RUSAGE_SELF), after, one, two, children;
	struct rusage stopped;
	pid_t pid;

	touch(8 * mib);
	after = usage_of(RUSAGE_SELF);
	printf("faults %d, peak %d\n", after.ru_minflt - before.ru_minflt >= 2048,
	       after.ru_maxrss >= 8192 && after.ru_maxrss < 16384);
	touch(mib);
	printf("stays %d\n", usage_of(RUSAGE_SELF).ru_maxrss == after.ru_maxrss);
	children = usage_of(RUSAGE_CHILDREN);
	printf("children %ld %ld %ld\n", children.ru_maxrss, children.ru_minflt, us(&children));
	one = child(16 << 10, 0);
	printf("a child: peak %d, faults %d, time %d\n", one.ru_maxrss >= 16384,
	       one.ru_minflt >= 4096, us(&one) > 0);
	two = child(24 << 10, 1);
	printf("one that executes: peak %d, faults %d, time %d\n", two.ru_maxrss >= 24576,
	       two.ru_minflt >= 6144, us(&two) > 0);
	children = usage_of(RUSAGE_CHILDREN);
	printf("children: peak %d, faults %d, time %d\n", children.ru_maxrss == two.ru_maxrss,
	       children.ru_minflt == one.ru_minflt + two.ru_minflt,
	       labs(us(&children) - us(&one) - us(&two)) < 10 /* rounded */);
	printf("self: peak %d\n", usage_of(RUSAGE_SELF).ru_maxrss < 16384);
	pid = fork();
	if (pid == 0) {
		touch(12 * mib);
		raise(SIGSTOP);
		_exit(0);
	}
	wait4(pid, NULL, WUNTRACED, &stopped);
	printf("stopped: peak %d\n", stopped.ru_maxrss >= 12288);
	kill(pid, SIGKILL);
	wait4(pid, NULL, 0, &one);
	printf("killed: peak %d\n", one.ru_maxrss >= 12288 && one.ru_maxrss >= stopped.ru_maxrss);
	return 0;
}
