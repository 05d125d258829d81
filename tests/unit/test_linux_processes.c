/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Processes and threads without a CPU: the test makes the system calls of whoever runs. A call that
 * blocks, and a turn that is over, show as another task running afterwards.
 */

#include "tests/unit/test_linux_guest.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const struct cpu_stop timer_stop = { .exception = CPU_TIMER };

static int32_t running(const struct test_guest *t)
{
	return test_process(t)->tid;
}

/* The running task's turn is over. */
static void next_turn(struct test_guest *t)
{
	t->machine->counters.instructions = t->guest->wake_at == UINT64_MAX
						    ? t->machine->counters.instructions + 1
						    : t->guest->wake_at;
	t->action = t->guest->ops->exception(t->guest, &t->regs, &timer_stop);
}

static uint64_t rax(const struct test_guest *t)
{
	return t->regs.gpr[GPR_RAX];
}

static void linux_processes_fork_runs_the_child_later(void **state)
{
	struct test_guest *t = *state;
	const int32_t mark = 5;
	va_t at = test_put(t, &mark, sizeof(mark));
	int32_t seen = 0, changed = 6;
	int64_t child = CALL(t, SYS_fork);

	assert_int_equal(child, 1001);
	assert_int_equal(running(t), 1000);
	test_copy(t, at, &changed, sizeof(changed), true);
	next_turn(t);
	assert_int_equal(running(t), child);
	assert_int_equal(rax(t), 0);
	test_copy(t, at, &seen, sizeof(seen), false);
	assert_int_equal(seen, mark);
	assert_int_equal(CALL(t, SYS_getppid), 1000);
	assert_int_equal(CALL(t, SYS_getpid), 1001);
	/* Its end lets the parent on, which had its turn taken away in the middle of nothing. */
	CALL(t, SYS_exit_group, 3);
	assert_int_equal(running(t), 1000);
	assert_int_equal(CALL(t, SYS_wait4, -1, at, 0, 0), child);
	test_copy(t, at, &seen, sizeof(seen), false);
	assert_int_equal(seen, 3 << 8);
	assert_int_equal(CALL(t, SYS_wait4, -1, at, 0, 0), -ECHILD);
}

static void linux_processes_wait_until_a_child_ends(void **state)
{
	struct test_guest *t = *state;
	int64_t child = CALL(t, SYS_fork);

	assert_int_equal(CALL(t, SYS_wait4, -1, 0, WNOHANG, 0), 0);
	CALL(t, SYS_wait4, child, 0, 0, 0); /* blocks: the child runs */
	assert_int_equal(running(t), child);
	assert_int_equal(CALL(t, SYS_kill, 1000, SIGTERM), 0);
	/* The signal's default ends the parent; the child is init's and goes on. */
	next_turn(t);
	assert_int_equal(running(t), child);
	assert_int_equal(CALL(t, SYS_getppid), 1);
	CALL(t, SYS_exit_group, 0);
	assert_int_equal(t->action, GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGTERM);
	assert_null(linux_end_reason(t->guest));
}

static void linux_processes_pipes_block_and_wake(void **state)
{
	struct test_guest *t = *state;
	const int32_t none[2] = { 0, 0 };
	va_t ends_at = test_put(t, none, sizeof(none));
	int32_t ends[2];
	int64_t child;

	assert_int_equal(CALL(t, SYS_pipe, ends_at), 0);
	test_copy(t, ends_at, ends, sizeof(ends), false);
	child = CALL(t, SYS_fork);
	CALL(t, SYS_read, ends[0], t->scratch, 100);
	assert_int_equal(running(t), child);
	assert_int_equal(CALL(t, SYS_write, ends[1], t->scratch, 10), 10);
	/* The reader has what it waited for, and its turn. */
	next_turn(t);
	assert_int_equal(running(t), 1000);
	assert_int_equal(rax(t), 10);
	/* The child keeps an end to write to: no end of file yet. */
	assert_int_equal(CALL(t, SYS_close, ends[1]), 0);
	CALL(t, SYS_read, ends[0], t->scratch, 100);
	assert_int_equal(running(t), child);
	CALL(t, SYS_exit_group, 0);
	assert_int_equal(running(t), 1000);
	assert_int_equal(rax(t), 0);
}

static void linux_processes_vfork_borrows_memory(void **state)
{
	struct test_guest *t = *state;
	const int32_t mark = 5;
	va_t at = test_put(t, &mark, sizeof(mark));
	int32_t seen = 7;

	CALL(t, SYS_vfork);
	assert_int_equal(running(t), 1001);
	assert_int_equal(rax(t), 0);
	test_copy(t, at, &seen, sizeof(seen), true);
	/* Not even a signal wakes the parent now. */
	assert_int_equal(CALL(t, SYS_kill, 1000, SIGUSR1), 0);
	next_turn(t);
	assert_int_equal(running(t), 1001);
	CALL(t, SYS_exit_group, 0);
	/* Now it does, and by default it ends. */
	assert_int_equal(t->action, GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGUSR1);
}

enum { THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD };

static void linux_processes_threads_share(void **state)
{
	struct test_guest *t = *state;
	const int32_t one = 1;
	va_t at = test_put(t, &one, sizeof(one));
	int32_t tid = 0;
	int64_t thread = CALL(t, SYS_clone, THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
			      t->scratch + 4096, at, at, 0);

	test_copy(t, at, &tid, sizeof(tid), false);
	assert_int_equal(tid, thread);
	/* As pthread_join() does: until the kernel clears the word. */
	CALL(t, SYS_futex, at, FUTEX_WAIT, thread, 0, 0, 0);
	assert_int_equal(running(t), thread);
	assert_int_equal(t->regs.gpr[GPR_RSP], t->scratch + 4096);
	assert_int_equal(CALL(t, SYS_getpid), 1000);
	assert_int_equal(CALL(t, SYS_gettid), thread);
	assert_int_equal(CALL(t, SYS_close, 0), 0);
	CALL(t, SYS_exit, 0);
	assert_int_equal(running(t), 1000);
	assert_int_equal(rax(t), 0);
	test_copy(t, at, &tid, sizeof(tid), false);
	assert_int_equal(tid, 0);
	assert_int_equal(CALL(t, SYS_close, 0), -EBADF);
	assert_int_equal(CALL(t, SYS_wait4, -1, 0, 0, 0), -ECHILD);
}

static void linux_processes_clone_refuses_as_linux(void **state)
{
	struct test_guest *t = *state;
	const struct rlimit64 two = { 2, 2 };

	assert_int_equal(CALL(t, SYS_clone, CLONE_THREAD, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(CALL(t, SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(CALL(t, SYS_clone, CLONE_NEWPID, 0, 0, 0, 0), -EPERM);
	assert_int_equal(CALL(t, SYS_setrlimit, RLIMIT_NPROC, test_put(t, &two, sizeof(two))), 0);
	assert_int_equal(CALL(t, SYS_fork), 1001);
	assert_int_equal(CALL(t, SYS_fork), -EAGAIN);
	CALL(t, SYS_wait4, -1, 0, 0, 0);
	CALL(t, SYS_exit_group, 0);
	assert_int_equal(running(t), 1000);
	/* Waited for: there is room again. */
	assert_int_equal(rax(t), 1001);
	assert_int_equal(CALL(t, SYS_fork), 1002);
}

/* Nothing is lost: after everybody's end but one, its pages are what it had before. */
static void linux_processes_give_everything_back(void **state)
{
	struct test_guest *t = *state;
	struct frame_counts before, after;
	const char *what;

	CALL(t, SYS_sched_yield);
	kernel_frame_counts(t->machine->kernel, &before);
	for (int i = 0; i < 20; i++) {
		assert_true(CALL(t, SYS_fork) > 1000);
		CALL(t, SYS_wait4, -1, 0, 0, 0);
		test_put(t, &i, sizeof(i));
		CALL(t, SYS_exit_group, 0);
		assert_int_equal(running(t), 1000);
	}
	assert_int_equal(kernel_check(t->machine->kernel, &what), PW_OK);
	kernel_frame_counts(t->machine->kernel, &after);
	assert_int_equal(after.free, before.free);
	assert_int_equal(after.anonymous, before.anonymous);
}

/* Who sleeps lets others run; the clock moves when nobody can. */
static void linux_processes_sleep_side_by_side(void **state)
{
	struct test_guest *t = *state;
	const int64_t second[2] = { 1, 0 }, two[2] = { 2, 0 };
	va_t short_at = test_put(t, second, sizeof(second)),
	     long_at = test_put(t, two, sizeof(two));
	struct linux_system *system = test_process(t)->system;
	int64_t child = CALL(t, SYS_fork), before = system->slept_ns;

	CALL(t, SYS_nanosleep, long_at, 0);
	assert_int_equal(running(t), child);
	assert_int_equal(system->slept_ns, before);
	CALL(t, SYS_nanosleep, short_at, 0);
	assert_int_equal(running(t), child);
	assert_int_equal(rax(t), 0);
	assert_in_range(system->slept_ns - before, 999999000, 1000000000);
	CALL(t, SYS_exit_group, 0);
	assert_int_equal(running(t), 1000);
	assert_in_range(system->slept_ns - before, 1999999000, 2000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST_TEST(linux_processes_fork_runs_the_child_later),
		GUEST_TEST(linux_processes_wait_until_a_child_ends),
		GUEST_TEST(linux_processes_pipes_block_and_wake),
		GUEST_TEST(linux_processes_vfork_borrows_memory),
		GUEST_TEST(linux_processes_threads_share),
		GUEST_TEST(linux_processes_clone_refuses_as_linux),
		GUEST_TEST(linux_processes_give_everything_back),
		GUEST_TEST(linux_processes_sleep_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
