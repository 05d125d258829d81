/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * File locks between processes; prints what a native run prints. Each case makes the file "locked"
 * where it stands and takes it away again.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *outcome(int result)
{
	return result == 0 ? "ok" : strerrorname_np(errno);
}

static int command(int fd, int what, short type, long start, long length)
{
	struct flock lock = { .l_type = type, .l_start = start, .l_len = length };

	return fcntl(fd, what, &lock);
}

static void ask(int fd, int what, short type, long start, long length)
{
	struct flock lock = { .l_type = type, .l_start = start, .l_len = length };

	if (fcntl(fd, what, &lock) < 0)
		printf("asked: %s\n", strerrorname_np(errno));
	else if (lock.l_type == F_UNLCK)
		printf("asked for %ld+%ld: free\n", start, length);
	else
		printf("asked for %ld+%ld: %s %ld+%ld %s\n", start, length,
		       lock.l_type == F_WRLCK ? "write" : "read", (long)lock.l_start,
		       (long)lock.l_len, lock.l_pid > 0 ? "a process" : "an open file");
}

static int open_file(void)
{
	return open("locked", O_RDWR | O_CREAT, 0600);
}

/* A child runs `body`, says so when it is ready, and goes on when told. */
static int to_child[2], to_parent[2];

static void ready_and_wait(void)
{
	char byte;

	if (write(to_parent[1], "r", 1) != 1 || read(to_child[0], &byte, 1) < 0)
		_exit(9);
}

static pid_t child(void (*body)(void))
{
	char byte;
	pid_t pid;

	if (pipe(to_child) || pipe(to_parent))
		exit(9);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		body();
		fflush(stdout);
		_exit(0);
	}
	if (read(to_parent[0], &byte, 1) != 1)
		puts("the child is not ready");
	return pid;
}

static void go_on(void)
{
	if (write(to_child[1], "g", 1) != 1)
		exit(9);
}

static void hold_some(void)
{
	int fd = open_file();

	command(fd, F_SETLK, F_WRLCK, 10, 10);
	command(fd, F_SETLK, F_RDLCK, 100, 0);
	command(fd, F_SETLK, F_WRLCK, 20, 10); /* one with the first */
	command(fd, F_SETLK, F_UNLCK, 15, 5);  /* now in two parts */
	ready_and_wait();
	command(fd, F_SETLK, F_RDLCK, 0, 40); /* replaces both */
	ready_and_wait();
	usleep(20000);
	puts("the child lets go");
}

static void records(void)
{
	int fd = open_file();
	char byte;

	child(hold_some);
	ask(fd, F_GETLK, F_WRLCK, 0, 0);
	ask(fd, F_GETLK, F_RDLCK, 0, 10);
	ask(fd, F_GETLK, F_RDLCK, 14, 1);
	ask(fd, F_GETLK, F_RDLCK, 15, 5);
	ask(fd, F_GETLK, F_RDLCK, 16, 100);
	ask(fd, F_GETLK, F_RDLCK, 1000, 1);
	ask(fd, F_GETLK, F_WRLCK, 1000, 1);
	printf("write 12: %s\n", outcome(command(fd, F_SETLK, F_WRLCK, 12, 1)));
	printf("read 200: %s\n", outcome(command(fd, F_SETLK, F_RDLCK, 200, 1)));
	go_on();
	if (read(to_parent[0], &byte, 1) != 1)
		return;
	ask(fd, F_GETLK, F_WRLCK, 0, 0);
	printf("read 12: %s\n", outcome(command(fd, F_SETLK, F_RDLCK, 12, 1)));
	go_on();
	printf("write all, waiting: %s\n", outcome(command(fd, F_SETLKW, F_WRLCK, 0, 0)));
	wait(NULL);
	lseek(fd, 50, SEEK_SET);
	{
		struct flock lock = {
			.l_type = F_RDLCK, .l_whence = SEEK_CUR, .l_start = 10, .l_len = -5
		};

		printf("backwards: %s\n", outcome(fcntl(fd, F_SETLK, &lock)));
		lock.l_start = -60;
		printf("before the file: %s\n", outcome(fcntl(fd, F_SETLK, &lock)));
	}
	close(fd);
	fd = open("locked", O_RDONLY);
	printf("write lock, read only: %s\n", outcome(command(fd, F_SETLK, F_WRLCK, 0, 1)));
}

static void hold_and_close(void)
{
	int fd = open_file();

	command(fd, F_SETLK, F_WRLCK, 0, 10);
	ready_and_wait();
	close(open_file()); /* any descriptor of the file */
	ready_and_wait();
	command(fd, F_SETLK, F_WRLCK, 0, 10);
	dup2(to_child[0], fd);
	ready_and_wait();
}

static void closing(void)
{
	int fd = open_file();
	char byte;

	child(hold_and_close);
	ask(fd, F_GETLK, F_WRLCK, 0, 1);
	for (int i = 0; i < 2; i++) {
		go_on();
		if (read(to_parent[0], &byte, 1) != 1)
			return;
		ask(fd, F_GETLK, F_WRLCK, 0, 1);
	}
	go_on();
	wait(NULL);
}

/* Locks are the table's, so a fork has none; one that is killed lets go. */
static void hold_for_ever(void)
{
	int fd = open_file();

	command(fd, F_SETLK, F_WRLCK, 0, 10);
	if (fork() == 0) {
		printf("the grandchild: %s\n", outcome(command(fd, F_SETLK, F_WRLCK, 0, 1)));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	ready_and_wait();
}

static void killed(void)
{
	int fd = open_file();
	pid_t pid = child(hold_for_ever);

	printf("held: %s\n", outcome(command(fd, F_SETLK, F_WRLCK, 0, 1)));
	kill(pid, SIGKILL);
	printf("waiting: %s\n", outcome(command(fd, F_SETLKW, F_WRLCK, 0, 1)));
	wait(NULL);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	int fd = open_file();
	pid_t pid = child(hold_for_ever);

	sigaction(SIGALRM, &action, NULL);
	ualarm(20000, 0);
	printf("interrupted: %s\n", outcome(command(fd, F_SETLKW, F_WRLCK, 0, 1)));
	kill(pid, SIGKILL);
	wait(NULL);
}

static void wait_crosswise(void)
{
	int fd = open_file();

	command(fd, F_SETLK, F_WRLCK, 1, 1);
	ready_and_wait();
	printf("the child waits: %s\n", outcome(command(fd, F_SETLKW, F_WRLCK, 0, 1)));
}

static void deadlock(void)
{
	int fd = open_file();

	command(fd, F_SETLK, F_WRLCK, 0, 1);
	child(wait_crosswise);
	go_on();
	usleep(50000);
	printf("crosswise: %s\n", outcome(command(fd, F_SETLKW, F_WRLCK, 1, 1)));
	fflush(stdout);
	command(fd, F_SETLK, F_UNLCK, 0, 1);
	wait(NULL);
}

static void hold_record(void)
{
	int fd = open_file();

	command(fd, F_SETLK, F_WRLCK, 50, 1);
	ready_and_wait();
}

static void open_files(void)
{
	int one = open_file(), two = open_file(), same = dup(one);
	struct flock wrong = { .l_type = F_WRLCK, .l_pid = 1 };

	printf("first: %s\n", outcome(command(one, F_OFD_SETLK, F_WRLCK, 0, 10)));
	printf("second: %s\n", outcome(command(two, F_OFD_SETLK, F_RDLCK, 0, 10)));
	printf("same: %s\n", outcome(command(same, F_OFD_SETLK, F_WRLCK, 5, 10)));
	ask(two, F_OFD_GETLK, F_WRLCK, 0, 0);
	ask(one, F_OFD_GETLK, F_WRLCK, 0, 0);
	ask(two, F_GETLK, F_WRLCK, 0, 0);
	printf("l_pid: %s\n", outcome(fcntl(one, F_OFD_SETLK, &wrong)));
	close(one);
	printf("still held: %s\n", outcome(command(two, F_OFD_SETLK, F_RDLCK, 0, 10)));
	close(same);
	printf("let go: %s\n", outcome(command(two, F_OFD_SETLK, F_RDLCK, 0, 10)));
	child(hold_record);
	printf("a record: %s\n", outcome(command(two, F_OFD_SETLK, F_WRLCK, 50, 1)));
	go_on();
	printf("waiting for it: %s\n", outcome(command(two, F_OFD_SETLKW, F_WRLCK, 50, 1)));
	wait(NULL);
}

static void hold_flock(void)
{
	int fd = open_file();

	printf("the child, shared: %s\n", outcome(flock(fd, LOCK_SH)));
	fflush(stdout);
	ready_and_wait();
	usleep(20000);
	puts("the child lets go");
}

static void whole(void)
{
	int one = open_file(), two = open_file(), same = dup(one);

	printf("one exclusive: %s\n", outcome(flock(one, LOCK_EX)));
	printf("two shared: %s\n", outcome(flock(two, LOCK_SH | LOCK_NB)));
	printf("records are others: %s\n", outcome(command(two, F_SETLK, F_WRLCK, 0, 0)));
	printf("same, down: %s\n", outcome(flock(same, LOCK_SH)));
	printf("two shared: %s\n", outcome(flock(two, LOCK_SH | LOCK_NB)));
	printf("one up: %s\n", outcome(flock(one, LOCK_EX | LOCK_NB)));
	printf("two up, one having lost its own: %s\n", outcome(flock(two, LOCK_EX | LOCK_NB)));
	printf("nothing: %s\n", outcome(flock(two, 0)));
	close(two);
	printf("two is gone: %s\n", outcome(flock(one, LOCK_EX | LOCK_NB)));
	printf("unlocked: %s\n", outcome(flock(same, LOCK_UN)));
	child(hold_flock);
	printf("shared with it: %s\n", outcome(flock(one, LOCK_SH | LOCK_NB)));
	printf("not exclusive: %s\n", outcome(flock(one, LOCK_EX | LOCK_NB)));
	fflush(stdout);
	go_on();
	printf("waiting: %s\n", outcome(flock(one, LOCK_EX)));
	wait(NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "records", records },   { "closing", closing },
		{ "killed", killed },     { "interrupted", interrupted },
		{ "deadlock", deadlock }, { "open-files", open_files },
		{ "whole", whole },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) != 0)
			continue;
		cases[i].run();
		unlink("locked");
		return 0;
	}
	fputs("usage: locks CASE\n", stderr);
	return 2;
}
