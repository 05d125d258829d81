/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What processes and threads can do to each other, one case a run. The output is the same on every
 * kernel: no pid, no time, no order that the scheduler chooses.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };

static int status_of(pid_t child)
{
	int status = -1;

	if (waitpid(child, &status, 0) != child)
		return -errno;
	return status;
}

/* The issue's: the child writes every other page of 64 MiB; the parent's stay as they were. */
static int copies(void)
{
	const size_t bytes = 64 << 20;
	unsigned char *map =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t wrong = 0;
	pid_t child;

	fprintf(stderr, "%zu\n", (size_t)map);
	for (size_t i = 0; i < bytes; i += PAGE)
		map[i] = (unsigned char)(i / PAGE);
	child = fork();
	if (child == 0) {
		for (size_t i = 0; i < bytes; i += 2 * PAGE)
			map[i] = (unsigned char)~map[i];
		for (size_t i = 0; i < bytes; i += PAGE)
			wrong += map[i] != (unsigned char)(i / PAGE % 2 ? i / PAGE : ~(i / PAGE));
		_exit(wrong != 0);
	}
	printf("child %d\n", status_of(child));
	for (size_t i = 0; i < bytes; i += PAGE)
		wrong += map[i] != (unsigned char)(i / PAGE);
	printf("wrong %zu\n", wrong);
	/* Nobody else has the pages any more: no copy is made. */
	for (size_t i = 0; i < bytes; i += PAGE)
		map[i]++;
	return 0;
}

static int zombies(void)
{
	siginfo_t info = { 0 };
	pid_t first = fork(), second;

	if (first == 0)
		_exit(3);
	second = fork();
	if (second == 0) {
		raise(SIGTERM);
		_exit(4);
	}
	printf("nowait %d\n", waitid(P_PID, (id_t)first, &info, WEXITED | WNOWAIT));
	printf("code %d status %d\n", info.si_code == CLD_EXITED, info.si_status);
	printf("first %d\n", WEXITSTATUS(status_of(first)));
	printf("second %d\n", WTERMSIG(status_of(second)));
	printf("none %d\n", waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

static int orphans(void)
{
	int ends[2];
	char byte = 0;

	if (pipe(ends))
		return 1;
	if (fork() == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			while (getppid() == parent)
				sched_yield();
			byte = 'o';
			if (write(ends[1], &byte, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	wait(NULL);
	if (read(ends[0], &byte, 1) != 1)
		return 1;
	printf("%c\n", byte);
	printf("%zd\n", read(ends[0], &byte, 1));
	return 0;
}

static volatile sig_atomic_t caught;

static void catch (int sig)
{
	caught = sig;
}

static int pipes(void)
{
	static char out[300000], in[300000];
	struct sigaction action = { .sa_handler = catch };
	int ends[2];
	size_t got = 0;
	ssize_t now;
	pid_t child;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7);
	if (pipe(ends))
		return 1;
	child = fork();
	if (child == 0) {
		close(ends[0]);
		/* More than a pipe holds: waits for room, and is not cut short. */
		_exit(write(ends[1], out, sizeof(out)) != (ssize_t)sizeof(out));
	}
	close(ends[1]);
	while ((now = read(ends[0], in + got, sizeof(in) - got)) > 0)
		got += (size_t)now;
	printf("%zu %d %d\n", got, memcmp(in, out, got), status_of(child));
	close(ends[0]);
	sigaction(SIGPIPE, &action, NULL);
	if (pipe(ends))
		return 1;
	close(ends[0]);
	now = write(ends[1], out, 1);
	printf("%zd %d %d\n", now, errno == EPIPE, caught == SIGPIPE);
	return 0;
}

static int polled(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 42 }, got = { 0 };
	int ends[2], set = epoll_create1(EPOLL_CLOEXEC);
	struct pollfd ask;
	pid_t child;

	if (pipe(ends))
		return 1;
	ask = (struct pollfd){ ends[0], POLLIN, 0 };
	printf("before %d\n", poll(&ask, 1, 10));
	child = fork();
	if (child == 0) {
		usleep(20000);
		_exit(write(ends[1], "x", 1) != 1);
	}
	printf("ready %d\n", poll(&ask, 1, -1));
	printf("events %d\n", ask.revents == POLLIN);
	printf("add %d\n", epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
	printf("wait %d\n", epoll_wait(set, &got, 1, -1));
	printf("data %d\n", (int)got.data.u64);
	if (read(ends[0], &ask, 1) != 1)
		return 1;
	printf("empty %d\n", epoll_wait(set, &got, 1, 0));
	printf("child %d\n", status_of(child));
	close(ends[1]);
	printf("hup %d\n", epoll_wait(set, &got, 1, -1));
	printf("events %d\n", got.events == EPOLLHUP);
	return 0;
}

static int signals(void)
{
	struct sigaction action = { .sa_handler = catch };
	sigset_t child_set, old;
	siginfo_t info;
	pid_t child;

	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&child_set);
	sigaddset(&child_set, SIGCHLD);
	sigaddset(&child_set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &child_set, &old);
	child = fork();
	if (child == 0) {
		kill(getppid(), SIGUSR1);
		pause();
		_exit(1);
	}
	sigsuspend(&old);
	printf("caught %d\n", caught == SIGUSR1);
	kill(child, SIGKILL);
	printf("waited %d\n", sigwaitinfo(&child_set, &info) == SIGCHLD);
	printf("killed %d\n", info.si_code == CLD_KILLED && info.si_status == SIGKILL);
	printf("status %d\n", WTERMSIG(status_of(child)));
	printf("nobody %d\n", kill(child, 0) == -1 && errno == ESRCH);
	return 0;
}

static int groups(void)
{
	pid_t child[3];
	int ends[2];

	if (pipe(ends))
		return 1;
	for (int i = 0; i < 3; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			setpgid(0, i ? child[0] : 0);
			if (write(ends[1], "r", 1) != 1)
				_exit(1);
			pause();
			_exit(2);
		}
		setpgid(child[i], child[0]);
	}
	for (int i = 0; i < 3; i++)
		if (read(ends[0], &(char){ 0 }, 1) != 1)
			return 1;
	printf("group %d\n", getpgid(child[2]) == child[0]);
	printf("kill %d\n", kill(-child[0], SIGTERM));
	for (int i = 0; i < 3; i++)
		printf("%d\n", WTERMSIG(status_of(child[i])));
	printf("empty %d\n", kill(-child[0], 0) == -1 && errno == ESRCH);
	if (fork() == 0) {
		pid_t session = setsid();

		printf("session %d %d\n", session == getpid(), getsid(0) == session);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	return 0;
}

extern char **environ;

static int spawned(void)
{
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)"echo spawned; exit 7", NULL };
	pid_t child;
	volatile int here = 1;

	fflush(stdout);
	if (posix_spawnp(&child, "sh", NULL, NULL, argv, environ))
		return 1;
	printf("%d\n", WEXITSTATUS(status_of(child)));
	fflush(stdout);
	/* A vfork child borrows the parent's memory, and the parent waits. */
	child = vfork();
	if (child == 0) {
		here = 2;
		_exit(5);
	}
	printf("%d\n", WEXITSTATUS(status_of(child)));
	printf("%d\n", here);
	return 0;
}

/* As many as the limit lets; the next is refused; then all go. */
static int bomb(void)
{
	struct rlimit limit = { 40, 40 };
	int made = 0, ends[2];
	pid_t child;

	if (pipe(ends))
		return 1;
	setrlimit(RLIMIT_NPROC, &limit);
	while ((child = fork()) > 0)
		made++;
	if (child == 0) {
		close(ends[1]);
		_exit(read(ends[0], &made, 1) != 0);
	}
	printf("refused %d\n", errno == EAGAIN);
	close(ends[1]);
	for (int i = 0; i < made; i++)
		if (wait(NULL) < 0)
			return 1;
	printf("all gone %d\n", wait(NULL) == -1 && errno == ECHILD);
	return made > 1000;
}

static int shared(void)
{
	struct {
		sem_t ready, done;
		int value;
	} *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int private = 1;
	pid_t child;

	sem_init(&map->ready, 1, 0);
	sem_init(&map->done, 1, 0);
	child = fork();
	if (child == 0) {
		sem_wait(&map->ready);
		map->value *= 2;
		*(volatile int *)&private = 2;
		sem_post(&map->done);
		_exit(0);
	}
	map->value = 21;
	sem_post(&map->ready);
	sem_wait(&map->done);
	printf("%d\n", status_of(child));
	printf("%d %d\n", map->value, *(volatile int *)&private);
	return 0;
}

static int descriptors(void)
{
	char line[16] = "";
	FILE *file = tmpfile();
	int fd, own;

	if (!file)
		return 1;
	fd = fileno(file);
	own = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	if (fork() == 0) {
		if (write(fd, "child", 5) != 5 || close(fd))
			_exit(1);
		_exit(0);
	}
	wait(NULL);
	/* The position is shared, the table is not. */
	printf("%d\n", (int)lseek(fd, 0, SEEK_CUR));
	printf("%zd %s\n", pread(fd, line, sizeof(line), 0), line);
	printf("%d\n", fcntl(own, F_GETFD) == FD_CLOEXEC);
	return 0;
}

/* A timer of the parent while a child keeps the processor busy. */
static int timers(void)
{
	struct itimerval once = { .it_value = { 0, 2000 } };
	struct sigaction action = { .sa_handler = catch };
	struct timespec before, after;
	pid_t child = fork();

	if (child == 0)
		for (;;)
			;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &once, NULL);
	while (!caught)
		pause();
	clock_gettime(CLOCK_MONOTONIC, &before);
	nanosleep(&(struct timespec){ 0, 3000000 }, NULL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	kill(child, SIGKILL);
	printf("%d %d\n", caught == SIGALRM, WTERMSIG(status_of(child)));
	printf("%d\n",
	       (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
		       3000000);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{ "copies", copies }, { "zombies", zombies },         { "orphans", orphans },
	{ "pipes", pipes },   { "polled", polled },           { "signals", signals },
	{ "groups", groups }, { "spawned", spawned },         { "bomb", bomb },
	{ "shared", shared }, { "descriptors", descriptors }, { "timers", timers },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(*cases); i++)
		if (strcmp(argv[1], cases[i].name) == 0)
			return cases[i].run();
	fprintf(stderr, "which case?\n");
	return 2;
}
