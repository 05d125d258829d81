/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Programs that want memory.
 *
 *   hog endless       touches ever more
 *   hog other L S     a child touches L KiB and waits for ever; another one touches S KiB and
 *                     ends; tells how both did
 *   hog shared L S    the same, L of them shared with a process that has no other memory (CLONE_VM)
 *   hog naps L        touches L KiB, sleeps, and looks whether they are what they were
 *   hog forks L       ever more children that touch L KiB each and wait; tells how many it had when
 *                     fork(2) or one of them failed, and that all are gone
 */

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char *touch(size_t kib)
{
	char *p = mmap(NULL, kib << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < kib << 10; i += 4096)
		p[i] = (char)(i >> 12);
	return p;
}

static int naps(size_t kib)
{
	const char *p = touch(kib);
	size_t right = 0;

	for (int i = 0; i < 3; i++)
		usleep(1000);
	for (size_t i = 0; i < kib << 10; i += 4096)
		right += p[i] == (char)(i >> 12);
	printf("%zu of %zu\n", right, kib >> 2);
	return 0;
}

static int wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return 0;
}

static pid_t share_memory(void)
{
	static char stack[4096] __attribute__((aligned(16)));

	return clone(wait_for_ever, stack + sizeof(stack), CLONE_VM, NULL);
}

/* A child that touches so much, tells that, and then waits or ends. */
static pid_t start(size_t kib, int waits, int shares)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready) || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		close(ready[0]);
		if (shares && share_memory() < 0)
			_exit(9);
		touch(kib);
		if (write(ready[1], "x", 1) != 1)
			_exit(8);
		close(ready[1]);
		_exit(waits ? wait_for_ever(NULL) : 0);
	}
	close(ready[1]);
	while (read(ready[0], &byte, 1) < 0) /* none comes from one that was killed */
		;
	close(ready[0]);
	return pid;
}

static void tell(const char *who, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		printf("%s: not there\n", who);
	else if (WIFSIGNALED(status))
		printf("%s: signal %d\n", who, WTERMSIG(status));
	else
		printf("%s: exit %d\n", who, WEXITSTATUS(status));
}

static int other(size_t large, size_t small, int shares)
{
	pid_t hog, needy;

	setvbuf(stdout, NULL, _IONBF, 0);
	hog = start(large, 1, shares);
	needy = start(small, 0, 0);
	tell("small", needy);
	kill(hog, SIGTERM); /* too late, where it was killed */
	tell("large", hog);
	return 0;
}

static int forks(size_t kib)
{
	pid_t child[256];
	int count = 0, status;

	setvbuf(stdout, NULL, _IONBF, 0);
	while (count < 256 && (count == 0 || waitpid(-1, &status, WNOHANG) == 0)) {
		child[count] = start(kib, 1, 0);
		if (child[count] < 0)
			break;
		count++;
	}
	printf("several %d\n", count > 2);
	for (int i = 0; i < count; i++)
		kill(child[i], SIGTERM);
	while (wait(&status) > 0)
		;
	puts("all gone");
	return 0;
}

int main(int argc, char **argv)
{
	size_t first = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	size_t second = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;

	if (argc > 1 && strcmp(argv[1], "endless") == 0)
		for (;;)
			touch(64);
	if (argc > 3 && strcmp(argv[1], "other") == 0)
		return other(first, second, 0);
	if (argc > 3 && strcmp(argv[1], "shared") == 0)
		return other(first, second, 1);
	if (argc > 2 && strcmp(argv[1], "naps") == 0)
		return naps(first);
	if (argc > 2 && strcmp(argv[1], "forks") == 0)
		return forks(first);
	fputs("usage: hog endless|other L S|shared L S|naps L|forks L\n", stderr);
	return 2;
}
