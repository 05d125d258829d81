/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Timers of timer_create(2) and queued signals; prints what a native run prints. */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *outcome(long result)
{
	return result == 0 ? "ok" : strerrorname_np(errno);
}

static timer_t make(clockid_t clock, int notify, int sig, int value)
{
	struct sigevent event = { .sigev_notify = notify, .sigev_signo = sig };
	timer_t timer = 0;

	event.sigev_value.sival_int = value;
	if (timer_create(clock, &event, &timer))
		printf("timer_create: %s\n", strerrorname_np(errno));
	return timer;
}

static void arm(timer_t timer, int flags, long first_us, long period_us)
{
	const struct itimerspec spec = {
		.it_value = { first_us / 1000000, first_us % 1000000 * 1000 },
		.it_interval = { period_us / 1000000, period_us % 1000000 * 1000 },
	};

	if (timer_settime(timer, flags, &spec, NULL))
		printf("timer_settime: %s\n", strerrorname_np(errno));
}

static void block(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int take(int sig, siginfo_t *info)
{
	const struct timespec patience = { 5, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return sigtimedwait(&set, info, &patience);
}

static volatile sig_atomic_t caught, caught_value, caught_code;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	caught = sig;
	caught_value = info->si_value.sival_int;
	caught_code = info->si_code;
}

static void once(void)
{
	const struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	timer_t timer = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 42);
	struct itimerspec spec;

	sigaction(SIGUSR1, &action, NULL);
	timer_gettime(timer, &spec);
	printf("not armed: %ld %ld\n", (long)spec.it_value.tv_sec, spec.it_value.tv_nsec);
	arm(timer, 0, 3600000000, 7000000);
	timer_gettime(timer, &spec);
	printf("armed: %d, period %ld\n", spec.it_value.tv_sec > 3500,
	       (long)spec.it_interval.tv_sec);
	arm(timer, 0, 2000, 0);
	while (!caught)
		pause();
	printf("USR1 %d, value %d, SI_TIMER %d\n", caught == SIGUSR1, (int)caught_value,
	       caught_code == SI_TIMER);
	timer_gettime(timer, &spec);
	printf("over: %ld %ld\n", (long)spec.it_value.tv_sec, spec.it_value.tv_nsec);
	printf("delete: %s\n", outcome(timer_delete(timer)));
	printf("again: %s\n", outcome(timer_delete(timer)));
}

static void periodic(void)
{
	timer_t timer = make(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN, 7);
	siginfo_t info;
	int right = 0;

	block(SIGRTMIN);
	arm(timer, 0, 1000, 1000);
	for (int i = 0; i < 5; i++)
		right += take(SIGRTMIN, &info) == SIGRTMIN && info.si_value.sival_int == 7 &&
			 info.si_code == SI_TIMER;
	printf("%d of 5\n", right);
	usleep(20000);
	printf("pending once: %d\n", take(SIGRTMIN, &info) == SIGRTMIN);
	printf("overrun: %d, as told: %d\n", info.si_overrun >= 15,
	       timer_getoverrun(timer) == info.si_overrun);
	arm(timer, 0, 0, 0);
	while (sigtimedwait(&(sigset_t){ 0 }, NULL, &(struct timespec){ 0, 3000000 }) > 0)
		;
	puts("disarmed");
}

static void absolute(void)
{
	timer_t timer = make(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN, 1), none;
	struct itimerspec spec;
	siginfo_t info;

	block(SIGRTMIN);
	arm(timer, TIMER_ABSTIME, 1000000, 0); /* 1970 */
	printf("long past: %d\n", take(SIGRTMIN, &info) == SIGRTMIN);
	timer = make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGRTMIN, 2);
	arm(timer, 0, 1000, 0);
	for (volatile long i = 0; i < 20000000 && sigpending((sigset_t *)&info) == 0; i++)
		if (sigismember((sigset_t *)&info, SIGRTMIN))
			break;
	printf("processor time: %d\n",
	       take(SIGRTMIN, &info) == SIGRTMIN && info.si_value.sival_int == 2);
	none = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	arm(none, 0, 1000, 0);
	usleep(3000);
	timer_gettime(none, &spec);
	printf("silent: %ld %ld\n", (long)spec.it_value.tv_sec, spec.it_value.tv_nsec);
}

static void errors(void)
{
	struct itimerspec bad = { .it_value = { 0, 1000000000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65 };
	timer_t timer;

	printf("signal 65: %s\n", outcome(timer_create(CLOCK_REALTIME, &event, &timer)));
	event.sigev_notify = 77;
	printf("how: %s\n", outcome(timer_create(CLOCK_REALTIME, &event, &timer)));
	printf("clock: %s\n", outcome(timer_create(12345, NULL, &timer)));
	printf("by default: %s\n", outcome(timer_create(CLOCK_REALTIME, NULL, &timer)));
	printf("nanoseconds: %s\n", outcome(timer_settime(timer, 0, &bad, NULL)));
	printf("no such: %s\n", outcome(syscall(SYS_timer_delete, 99)));
	fflush(stdout);
	if (fork() == 0) {
		struct itimerspec spec;

		printf("inherited: %s\n", outcome(timer_gettime(timer, &spec)));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void queue(void)
{
	siginfo_t info;
	int sig;

	for (sig = SIGRTMIN; sig <= SIGRTMIN + 2; sig++)
		block(sig);
	block(SIGUSR1);
	for (int i = 0; i < 3; i++) {
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 10 + i });
		sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 20 + i });
		sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 30 + i });
	}
	kill(getpid(), SIGRTMIN + 2);
	for (;;) {
		const struct timespec none = { 0, 0 };
		sigset_t set;

		sigpending(&set);
		sig = sigtimedwait(&set, &info, &none);
		if (sig < 0)
			break;
		if (sig == SIGUSR1)
			printf("USR1");
		else
			printf("RT%d", sig - SIGRTMIN);
		printf(" %d %s\n", info.si_code == SI_QUEUE ? info.si_value.sival_int : 0,
		       info.si_code == SI_QUEUE ? "queued" : "killed");
	}
	memset(&info, 0, sizeof(info));
	printf("as kill: %s\n", outcome(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info)));
	printf("nobody: %s\n", outcome(sigqueue(999999, SIGUSR1, (union sigval){ 0 })));
	printf("no signal: %s\n", outcome(sigqueue(getpid(), 77, (union sigval){ 0 })));
}

static volatile int threads_called;

static void called(union sigval value)
{
	threads_called += value.sival_int;
}

static void thread(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = called };
	struct itimerspec spec = { .it_value = { 0, 2000000 } };
	timer_t timer;

	event.sigev_value.sival_int = 5;
	printf("create: %s\n", outcome(timer_create(CLOCK_MONOTONIC, &event, &timer)));
	timer_settime(timer, 0, &spec, NULL);
	for (int i = 0; i < 1000 && !threads_called; i++)
		usleep(1000);
	printf("called: %d\n", threads_called);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "once", once },     { "periodic", periodic }, { "absolute", absolute },
		{ "errors", errors }, { "queue", queue },       { "thread", thread },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) != 0)
			continue;
		cases[i].run();
		return 0;
	}
	fputs("usage: timers CASE\n", stderr);
	return 2;
}
