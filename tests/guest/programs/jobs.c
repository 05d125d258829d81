/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Stopped and continued processes; prints what a native run prints. */

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int link_up[2], link_down[2]; /* from the child, to the child */

static void say(const char *what)
{
	if (write(link_up[1], what, 1) != 1)
		_exit(9);
}

static char hear(void)
{
	char byte = '-';

	return read(link_up[0], &byte, 1) == 1 ? byte : '-';
}

/* Whether the child says anything in a while. */
static int is_silent(void)
{
	struct pollfd fd = { .fd = link_up[0], .events = POLLIN };

	return poll(&fd, 1, 30) == 0;
}

static pid_t start(void (*body)(void))
{
	pid_t pid;

	if (pipe(link_up) || pipe(link_down))
		exit(9);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		body();
		_exit(3);
	}
	setpgid(pid, pid);
	return pid;
}

static void tell(const char *what, pid_t pid, int options)
{
	int status;
	pid_t found = waitpid(pid, &status, options);

	if (found != pid)
		printf("%s: %s\n", what, found == 0 ? "nothing" : strerrorname_np(errno));
	else if (WIFSTOPPED(status))
		printf("%s: stopped by %s\n", what, sigabbrev_np(WSTOPSIG(status)));
	else if (WIFCONTINUED(status))
		printf("%s: continued\n", what);
	else if (WIFSIGNALED(status))
		printf("%s: killed by %s\n", what, sigabbrev_np(WTERMSIG(status)));
	else
		printf("%s: exit %d\n", what, WEXITSTATUS(status));
}

static void wait_for_ever(void)
{
	say("r");
	for (;;)
		pause();
}

static void waits(void)
{
	pid_t pid = start(wait_for_ever);
	siginfo_t info;

	hear();
	tell("running", pid, WNOHANG | WUNTRACED | WCONTINUED);
	kill(pid, SIGSTOP);
	tell("stop", pid, WUNTRACED);
	tell("once", pid, WNOHANG | WUNTRACED);
	kill(pid, SIGSTOP);
	tell("stopped twice", pid, WNOHANG | WUNTRACED);
	kill(pid, SIGCONT);
	tell("continue", pid, WCONTINUED);
	tell("once", pid, WNOHANG | WUNTRACED | WCONTINUED);
	kill(pid, SIGCONT);
	tell("not stopped", pid, WNOHANG | WUNTRACED | WCONTINUED);
	kill(pid, SIGTSTP);
	memset(&info, 0, sizeof(info));
	waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT);
	printf("waitid: %d %d %d\n", info.si_pid == pid, info.si_code == CLD_STOPPED,
	       info.si_status == SIGTSTP);
	tell("still to be seen", pid, WUNTRACED);
	kill(pid, SIGCONT);
	memset(&info, 0, sizeof(info));
	waitid(P_PID, (id_t)pid, &info, WCONTINUED);
	printf("waitid: %d %d\n", info.si_code == CLD_CONTINUED, info.si_status == SIGCONT);
	kill(pid, SIGSTOP);
	tell("stop", pid, WUNTRACED);
	kill(pid, SIGTERM);
	usleep(5000);
	tell("not dead", pid, WNOHANG | WUNTRACED);
	kill(pid, SIGCONT);
	tell("dead", pid, 0);
	pid = start(wait_for_ever);
	hear();
	kill(pid, SIGSTOP);
	tell("stop", pid, WUNTRACED);
	kill(pid, SIGKILL);
	tell("killed", pid, WUNTRACED);
}

static void stop_itself(void)
{
	say("1");
	raise(SIGSTOP);
	say("2");
	raise(SIGTSTP);
	say("3");
}

static void itself(void)
{
	pid_t pid = start(stop_itself);

	printf("%c, silent %d\n", hear(), is_silent());
	tell("first", pid, WUNTRACED);
	kill(pid, SIGCONT);
	printf("%c, silent %d\n", hear(), is_silent());
	tell("second", pid, WUNTRACED);
	kill(pid, SIGCONT);
	printf("%c\n", hear());
	tell("end", pid, WUNTRACED);
}

static void on_signal(int sig)
{
	say(sig == SIGTSTP ? "t" : sig == SIGCONT ? "c" : "h");
}

static void handle(void)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t set;
	char byte;

	sigaction(SIGTSTP, &action, NULL);
	sigaction(SIGCONT, &action, NULL);
	say("r");
	if (read(link_down[0], &byte, 1) != 1)
		_exit(8);
	signal(SIGTSTP, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTSTP);
	say("b");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	say("u");
}

static void handlers(void)
{
	pid_t pid = start(handle);

	printf("%c", hear());
	kill(pid, SIGTSTP);
	printf("%c", hear());
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	kill(pid, SIGTSTP); /* undone by what follows */
	kill(pid, SIGCONT);
	printf("%c\n", hear());
	if (write(link_down[1], "g", 1) != 1)
		exit(9);
	printf("%c, silent %d\n", hear(), is_silent());
	tell("when unblocked", pid, WUNTRACED);
	kill(pid, SIGCONT);
	printf("%c%c\n", hear(), hear());
	tell("end", pid, 0);
}

/* Calls that wait are not interrupted. */
static void be_in_calls(void)
{
	struct timespec time = { 0, 30000000 };
	char byte;

	say("s");
	say(nanosleep(&time, NULL) == 0 ? "0" : "e");
	say(read(link_down[0], &byte, 1) == 1 ? "1" : "e");
}

static void calls(void)
{
	pid_t pid = start(be_in_calls);

	for (int i = 0; i < 2; i++) {
		hear();
		usleep(5000);
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		if (i == 1 && write(link_down[1], "g", 1) != 1)
			return;
		printf("silent %d\n", is_silent());
		kill(pid, SIGCONT);
	}
	printf("%c\n", hear());
	tell("end", pid, 0);
}

static volatile int turns[2];

static void *turn(void *which)
{
	for (;;)
		turns[(long)which]++;
	return NULL;
}

static void run_threads(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, turn, (void *)0);
	pthread_create(&thread, NULL, turn, (void *)1);
	for (;;) {
		usleep(1000);
		say("x");
	}
}

static void threads(void)
{
	pid_t pid = start(run_threads);
	struct pollfd fd;

	hear();
	kill(pid, SIGSTOP);
	tell("stop", pid, WUNTRACED);
	for (fd = (struct pollfd){ link_up[0], POLLIN, 0 }; poll(&fd, 1, 0) > 0;)
		hear();
	printf("silent %d\n", is_silent());
	kill(pid, SIGCONT);
	printf("again %c\n", hear());
	kill(pid, SIGKILL);
	tell("end", pid, 0);
}

static volatile sig_atomic_t codes[8], code_count;

static void on_child(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	if (code_count < 8)
		codes[code_count++] = info->si_code;
}

static void told(void)
{
	struct sigaction action = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART };

	for (int i = 0; i < 2; i++) {
		pid_t pid;

		action.sa_flags |= i ? SA_NOCLDSTOP : 0;
		sigaction(SIGCHLD, &action, NULL);
		pid = start(wait_for_ever);
		hear();
		kill(pid, SIGSTOP);
		waitpid(pid, NULL, WUNTRACED);
		kill(pid, SIGCONT);
		waitpid(pid, NULL, WCONTINUED);
		usleep(20000); /* the child tells when it runs */
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		for (int n = 0; n < code_count; n++)
			printf("%s ", codes[n] == CLD_STOPPED     ? "stopped"
				      : codes[n] == CLD_CONTINUED ? "continued"
				      : codes[n] == CLD_KILLED    ? "killed"
								  : "?");
		puts("");
		code_count = 0;
	}
}

/* Whoever could continue the grandchild ends: it is hung up on, and goes on. */
static void leave_a_stopped_one(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGHUP, on_signal);
		signal(SIGCONT, on_signal);
		setpgid(0, 0);
		raise(SIGSTOP);
		say("e");
		_exit(0);
	}
	waitpid(pid, NULL, WUNTRACED);
	say("s");
}

static void orphan(void)
{
	pid_t pid = start(leave_a_stopped_one);
	char got[4] = { 0 };

	printf("%c\n", hear());
	tell("its parent", pid, 0);
	for (int i = 0; i < 3; i++)
		got[i] = hear();
	printf("hung up %d, continued %d, ended %d\n", strchr(got, 'h') != NULL,
	       strchr(got, 'c') != NULL, got[2] == 'e');
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "waits", waits },   { "itself", itself },   { "handlers", handlers },
		{ "calls", calls },   { "threads", threads }, { "told", told },
		{ "orphan", orphan },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) != 0)
			continue;
		cases[i].run();
		return 0;
	}
	fputs("usage: jobs CASE\n", stderr);
	return 2;
}
