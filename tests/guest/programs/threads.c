/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Threads and what they wait on, one case a run; see processes.c. */

#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 20000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long sum;
static int turn;
static __thread long own;

static void on_each(void *(*run)(void *))
{
	pthread_t thread[THREADS];

	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, run, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void *add(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		sum++;
		pthread_mutex_unlock(&lock);
		own++;
	}
	__atomic_add_fetch(&turn, own == ROUNDS, __ATOMIC_SEQ_CST);
	return NULL;
}

static int mutex(void)
{
	on_each(add);
	printf("%ld %d\n", sum, turn);
	return 0;
}

static void *take_turns(void *arg)
{
	for (int round = 0; round < 3; round++) {
		pthread_mutex_lock(&lock);
		while (turn % THREADS != (intptr_t)arg)
			pthread_cond_wait(&changed, &lock);
		printf("%d\n", turn++);
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static int turns(void)
{
	pthread_barrier_init(&barrier, NULL, THREADS);
	on_each(take_turns);
	return 0;
}

static void *hold(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

/* Whoever held it is dead: the kernel walks the robust list. */
static int robust(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t mutex;
	pthread_t thread;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &attr);
	pthread_create(&thread, NULL, hold, &mutex);
	pthread_join(thread, NULL);
	printf("dead %d\n", pthread_mutex_lock(&mutex) == EOWNERDEAD);
	pthread_mutex_consistent(&mutex);
	printf("unlock %d\n", pthread_mutex_unlock(&mutex));
	printf("again %d\n", pthread_mutex_lock(&mutex));
	return 0;
}

static uint32_t words[2];

static long futex(uint32_t *word, int operation, uint32_t value, const void *time, uint32_t *other,
		  uint32_t third)
{
	return syscall(SYS_futex, word, operation, value, time, other, third);
}

static int waiting;

static void *wait_on_word(void *arg)
{
	long result;

	(void)arg;
	__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	result = futex(&words[0], FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
	__atomic_add_fetch(&sum, result == 0, __ATOMIC_SEQ_CST);
	return NULL;
}

static int words_case(void)
{
	const struct timespec soon = { 0, 1000000 };
	pthread_t thread[THREADS];
	long moved = 0;

	printf("changed %d\n", futex(words, FUTEX_WAIT, 1, NULL, NULL, 0) == -1 && errno == EAGAIN);
	printf("time %d\n",
	       futex(words, FUTEX_WAIT, 0, &soon, NULL, 0) == -1 && errno == ETIMEDOUT);
	printf("nobody %ld\n", futex(words, FUTEX_WAKE, 1, NULL, NULL, 0));
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, wait_on_word, NULL);
	while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < THREADS)
		sched_yield();
	usleep(20000);
	/* One is woken, the others wait on the second word from now on. */
	moved = futex(&words[0], FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)(intptr_t)10,
		      &words[1], 0);
	printf("moved %ld\n", moved);
	printf("first %ld\n", futex(&words[0], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 10, NULL, NULL, 0));
	printf("second %ld\n",
	       futex(&words[1], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 10, NULL, NULL, 0));
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	printf("woken %ld\n", sum);
	return 0;
}

static void *sleep_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

/* The process ends with its first thread's exit_group, whatever others do. */
static int last(void)
{
	pthread_t thread;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread, NULL, sleep_for_ever, NULL);
	printf("bye\n");
	return 3;
}

static void *exec_it(void *arg)
{
	(void)arg;
	execl("/bin/sh", "sh", "-c", "echo from the new program; exit 4", (char *)NULL);
	return NULL;
}

/* Any thread may: the others are gone, and the pid stays. */
static int executed(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, sleep_for_ever, NULL);
	pthread_create(&thread, NULL, exec_it, NULL);
	pthread_join(thread, NULL);
	return 1;
}

static volatile sig_atomic_t handled_by_self;
static pthread_t target;

static void handle(int sig)
{
	(void)sig;
	handled_by_self = pthread_equal(pthread_self(), target);
}

static void *be_killed(void *arg)
{
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_barrier_wait(arg);
	while (!handled_by_self)
		sched_yield();
	sigwait(&set, &sig);
	printf("waited %d\n", sig == SIGUSR2);
	return NULL;
}

static int signalled(void)
{
	struct sigaction action = { .sa_handler = handle };

	sigaction(SIGUSR1, &action, NULL);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&target, NULL, be_killed, &barrier);
	pthread_barrier_wait(&barrier);
	pthread_kill(target, SIGUSR1);
	pthread_kill(target, SIGUSR2);
	pthread_join(target, NULL);
	printf("own %d\n", handled_by_self);
	return 0;
}

/* A thread's stack and vector registers are its own across switches. */
static void *compute(void *arg)
{
	double x = (double)(intptr_t)arg + 1, y = 0;
	long double z = 0;

	for (int i = 1; i < 100000; i++) {
		y += x / i;
		z += (long double)x / i;
	}
	pthread_mutex_lock(&lock);
	sum += (long)(y * 1000) + (long)(z * 1000);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static int floats(void)
{
	on_each(compute);
	printf("%ld\n", sum);
	return 0;
}

/* mprotect and munmap by one thread hold for the others at once. */
static unsigned char *page;

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	printf("fault %d\n", (unsigned char *)info->si_addr == page);
	fflush(stdout);
	_exit(0);
}

static void *write_on(void *arg)
{
	(void)arg;
	for (;;) {
		*(volatile unsigned char *)page = 1;
		__atomic_store_n(&turn, 1, __ATOMIC_SEQ_CST);
	}
}

static int protects(void)
{
	struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
	pthread_t thread;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGSEGV, &action, NULL);
	pthread_create(&thread, NULL, write_on, NULL);
	while (!__atomic_load_n(&turn, __ATOMIC_SEQ_CST))
		sched_yield();
	mprotect(page, 4096, PROT_READ);
	pthread_join(thread, NULL);
	return 1;
}

/* Under pagewalk only: it would wait for ever. */
static int deadlock(void)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_lock(&lock);
	return 0;
}

/* --- locks that name their owner (PTHREAD_PRIO_INHERIT) ---------------------------------------- */

static void *try_and_wait(void *arg)
{
	struct timespec soon;
	int error;

	printf("busy %d\n", pthread_mutex_trylock(arg) == EBUSY);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 5000000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_nsec -= 1000000000;
		soon.tv_sec++;
	}
	printf("late %d\n", pthread_mutex_timedlock(arg, &soon) == ETIMEDOUT);
	error = pthread_mutex_lock(arg); /* its owner ends while this one waits */
	printf("dead %d\n", error == EOWNERDEAD);
	pthread_mutex_consistent(arg);
	pthread_mutex_unlock(arg);
	return NULL;
}

static void *own_for_a_while(void *arg)
{
	pthread_t waiter;

	pthread_mutex_lock(arg);
	printf("mine %d\n", pthread_mutex_lock(arg) == EDEADLK);
	pthread_create(&waiter, NULL, try_and_wait, arg);
	usleep(30000);
	return (void *)waiter; /* without unlocking */
}

static void be_interrupted(int sig)
{
	(void)sig;
}

static void *interrupt_main(void *arg)
{
	pthread_mutex_lock(&lock);
	__atomic_store_n(&turn, 100, __ATOMIC_SEQ_CST);
	usleep(3000);
	kill(getpid(), SIGUSR1);
	usleep(3000);
	pthread_mutex_unlock(&lock);
	return arg;
}

static int inherit(void)
{
	const struct sigaction action = { .sa_handler = be_interrupted };
	pthread_mutexattr_t attr;
	pthread_mutex_t mutex;
	pthread_t thread;
	void *waiter;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&lock, &attr);
	on_each(add);
	printf("%ld %d\n", sum, turn);
	/* A handler does not end the wait, whatever it says about restarting. */
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, interrupt_main, NULL);
	while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST) != 100)
		sched_yield();
	printf("locked %d\n", pthread_mutex_lock(&lock));
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&mutex, &attr);
	pthread_create(&thread, NULL, own_for_a_while, &mutex);
	pthread_join(thread, &waiter);
	pthread_join((pthread_t)waiter, NULL);
	printf("free %d\n", pthread_mutex_lock(&mutex));
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{ "inherit", inherit },   { "mutex", mutex },         { "turns", turns },
	{ "robust", robust },     { "words", words_case },    { "last", last },
	{ "executed", executed }, { "signalled", signalled }, { "floats", floats },
	{ "protects", protects }, { "deadlock", deadlock },
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
