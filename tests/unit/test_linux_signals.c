/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Signals: the frame byte for byte as the host's <ucontext.h> sees it (the same ABI), the way
 * back, masks, alternate stacks, what ends the guest, and timers in guest time.
 */

#include "tests/unit/test_linux_guest.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

enum { HANDLER = 0x401000, RESTORER = 0x402000, SA_RESTORER_FLAG = 0x04000000, RED_ZONE = 128 };

static void handle(struct test_guest *t, int sig, uint64_t flags, uint64_t mask)
{
	const uint64_t action[4] = { HANDLER, flags | SA_RESTORER_FLAG, RESTORER, mask };

	assert_int_equal(CALL(t, SYS_rt_sigaction, sig, test_put(t, action, sizeof(action)), 0, 8),
			 0);
}

/* Registers that can be told apart, and a stack in the scratch memory. */
static void fill_regs(struct test_guest *t)
{
	for (int i = 0; i < GPR_COUNT; i++)
		t->regs.gpr[i] = 0x1111111111111111u * (unsigned)i;
	t->regs.gpr[GPR_RSP] = t->scratch + SCRATCH_BYTES - 40000 + 8;
	t->regs.rip = 0x403000;
	t->regs.rflags = 0x202 | 0x400 | 0x1; /* DF and CF */
	for (int i = 0; i < CPU_FXSAVE_BYTES; i++)
		t->regs.fx[i] = (uint8_t)i;
	memset(t->regs.fx + 24, 0, 4); /* MXCSR */
}

static enum guest_action fault(struct test_guest *t, va_t va)
{
	const struct cpu_stop stop = { .exception = CPU_PAGE_FAULT,
				       .error_code = 6,
				       .outcome = { SIGSEGV, SEGV_MAPERR, va } };

	return t->guest->ops->exception(t->guest, &t->regs, &stop);
}

static uint64_t blocked(struct test_guest *t)
{
	return test_process(t)->signals.blocked;
}

/* What lies at RSP: return address, ucontext, siginfo. */
static void read_frame(struct test_guest *t, uint64_t *pretcode, ucontext_t *uc, siginfo_t *info)
{
	memset(uc, 0, sizeof(*uc));
	test_get(t, t->regs.gpr[GPR_RSP], pretcode, 8);
	test_get(t, t->regs.gpr[GPR_RDX], uc, 304); /* as far as the kernel writes it */
	test_get(t, t->regs.gpr[GPR_RSI], info, sizeof(*info));
}

static void linux_signals_frame_is_linuxs(void **state)
{
	struct test_guest *t = *state;
	uint8_t fx[CPU_FXSAVE_BYTES];
	struct cpu_regs before;
	uint64_t pretcode, mask = 1u << (SIGUSR2 - 1);
	siginfo_t info;
	ucontext_t uc;

	handle(t, SIGSEGV, SA_SIGINFO, mask);
	fill_regs(t);
	before = t->regs;
	assert_int_equal(fault(t, 0x1234), GUEST_CONTINUE);
	assert_int_equal(t->regs.rip, HANDLER);
	assert_int_equal(t->regs.gpr[GPR_RDI], SIGSEGV);
	assert_int_equal(t->regs.gpr[GPR_RAX], 0);
	assert_int_equal(t->regs.rflags, 0x203); /* DF off */
	/* As if called: RSP is 8 below a multiple of 16, and off the red zone. */
	assert_int_equal(t->regs.gpr[GPR_RSP] % 16, 8);
	assert_true(t->regs.gpr[GPR_RSP] + 440 + 512 <= before.gpr[GPR_RSP] - RED_ZONE);
	assert_int_equal(t->regs.gpr[GPR_RDX], t->regs.gpr[GPR_RSP] + 8);
	assert_int_equal(t->regs.gpr[GPR_RSI], t->regs.gpr[GPR_RSP] + 8 + 304);
	read_frame(t, &pretcode, &uc, &info);
	assert_int_equal(pretcode, RESTORER);
	assert_int_equal(info.si_signo, SIGSEGV);
	assert_int_equal(info.si_code, SEGV_MAPERR);
	assert_int_equal((uintptr_t)info.si_addr, 0x1234);
	assert_int_equal(uc.uc_flags & 1, 0); /* UC_FP_XSTATE */
	assert_int_equal(uc.uc_mcontext.gregs[REG_RIP], 0x403000);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RSP], before.gpr[GPR_RSP]);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RBX], before.gpr[GPR_RBX]);
	assert_int_equal(uc.uc_mcontext.gregs[REG_R15], before.gpr[GPR_R15]);
	assert_int_equal(uc.uc_mcontext.gregs[REG_EFL], before.rflags);
	assert_int_equal(uc.uc_mcontext.gregs[REG_CSGSFS] & 0xffff, 0x33);
	assert_int_equal(uc.uc_mcontext.gregs[REG_TRAPNO], 14);
	assert_int_equal(uc.uc_mcontext.gregs[REG_ERR], 6);
	assert_int_equal(uc.uc_mcontext.gregs[REG_CR2], 0x1234);
	assert_int_equal((uintptr_t)uc.uc_mcontext.fpregs % 16, 0);
	test_get(t, (va_t)(uintptr_t)uc.uc_mcontext.fpregs, fx, sizeof(fx));
	assert_memory_equal(fx, before.fx, 464);
	assert_int_equal(blocked(t), mask | 1u << (SIGSEGV - 1));
}

static void linux_signals_return_restores_everything(void **state)
{
	struct test_guest *t = *state;
	struct cpu_regs before;

	handle(t, SIGSEGV, SA_SIGINFO, 0);
	fill_regs(t);
	before = t->regs;
	fault(t, 0x1234);
	memset(t->regs.fx, 0, sizeof(t->regs.fx));
	t->regs.gpr[GPR_RSP] += 8; /* the handler's RET took the restorer's address */
	t->regs.gpr[GPR_RBX] = t->regs.gpr[GPR_R12] = 0;
	CALL(t, SYS_rt_sigreturn);
	assert_int_equal(t->action, GUEST_CONTINUE);
	assert_memory_equal(t->regs.gpr, before.gpr, sizeof(before.gpr));
	assert_int_equal(t->regs.rip, before.rip);
	assert_int_equal(t->regs.rflags, before.rflags);
	assert_memory_equal(t->regs.fx, before.fx, 464);
	assert_true(t->regs.fx_dirty);
	assert_int_equal(blocked(t), 0);
}

/* A frame of the guest's own making gets it no flags that it could not set itself. */
static void linux_signals_forged_frame(void **state)
{
	struct test_guest *t = *state;
	uint8_t ones[440];

	memset(ones, 0xff, sizeof(ones));
	memset(ones + 8 + 40 + 184, 0, 8); /* fpstate */
	t->regs.gpr[GPR_RSP] = test_put(t, ones, sizeof(ones)) + 8;
	CALL(t, SYS_rt_sigreturn);
	assert_int_equal(t->action, GUEST_CONTINUE);
	assert_int_equal(t->regs.rflags, 0x40cd5 | 0x202);
	assert_false(blocked(t) & 1u << (SIGKILL - 1));
	t->regs.gpr[GPR_RSP] = 0x10;
	CALL(t, SYS_rt_sigreturn);
	assert_int_equal(t->action, GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGSEGV);
}

static void linux_signals_alternate_stack(void **state)
{
	struct test_guest *t = *state;
	va_t base = t->scratch + 65536;
	const struct guest_stack stack = { .base = base, .size = 16384 };
	const struct guest_stack small = { .base = base, .size = 100 };

	assert_int_equal(CALL(t, SYS_sigaltstack, test_put(t, &small, sizeof(small)), 0), -ENOMEM);
	assert_int_equal(CALL(t, SYS_sigaltstack, test_put(t, &stack, sizeof(stack)), 0), 0);
	handle(t, SIGSEGV, SA_ONSTACK | SA_NODEFER, 0);
	fill_regs(t);
	fault(t, 8);
	assert_in_range(t->regs.gpr[GPR_RSP], base + 16384 - 1200, base + 16384);
	assert_int_equal(CALL(t, SYS_sigaltstack, test_put(t, &stack, sizeof(stack)), 0), -EPERM);
	fault(t, 8); /* on it already: further down */
	assert_in_range(t->regs.gpr[GPR_RSP], base + 16384 - 2600, base + 16384 - 1200);
}

static void linux_signals_blocked_fault_kills(void **state)
{
	struct test_guest *t = *state;
	const uint64_t mask = 1u << (SIGSEGV - 1);

	handle(t, SIGSEGV, 0, 0);
	assert_int_equal(CALL(t, SYS_rt_sigprocmask, SIG_BLOCK, test_put(t, &mask, 8), 0, 8), 0);
	assert_int_equal(fault(t, 8), GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGSEGV);
}

static void linux_signals_bad_stack_kills(void **state)
{
	struct test_guest *t = *state;

	handle(t, SIGUSR1, 0, 0);
	t->regs.gpr[GPR_RSP] = 0x1000;
	CALL(t, SYS_kill, 0, SIGUSR1);
	assert_int_equal(t->action, GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGSEGV);
}

static void linux_signals_out_of_memory_kills(void **state)
{
	struct test_guest *t = *state;
	const struct cpu_stop stop = { .exception = CPU_PAGE_FAULT,
				       .outcome = { SIGKILL, 0, 0x1000 } };

	assert_int_equal(t->guest->ops->exception(t->guest, &t->regs, &stop), GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGKILL);
}

static void linux_signals_pending_until_unblocked(void **state)
{
	struct test_guest *t = *state;
	const uint64_t mask = 1u << (SIGUSR1 - 1);
	uint64_t pending;
	va_t at = test_put(t, &mask, 8), to = test_put(t, NULL, 8);
	int64_t pid = CALL(t, SYS_getpid);

	handle(t, SIGUSR1, SA_RESETHAND, 0);
	assert_int_equal(CALL(t, SYS_rt_sigprocmask, SIG_BLOCK, at, 0, 8), 0);
	assert_int_equal(CALL(t, SYS_tgkill, pid, pid, SIGUSR1), 0);
	assert_int_equal(CALL(t, SYS_rt_sigpending, to, 8), 0);
	test_get(t, to, &pending, 8);
	assert_int_equal(pending, mask);
	fill_regs(t);
	CALL(t, SYS_rt_sigprocmask, SIG_UNBLOCK, at, 0, 8);
	assert_int_equal(t->regs.rip, HANDLER);
	assert_int_equal(test_process(t)->actions->action[SIGUSR1].handler, 0);
	assert_int_equal(CALL(t, SYS_kill, pid + 1, SIGTERM), -ESRCH);
	assert_int_equal(CALL(t, SYS_kill, 1, SIGKILL), -ESRCH);
	assert_int_equal(CALL(t, SYS_rt_sigaction, SIGKILL, to, 0, 8), -EINVAL);
	assert_int_equal(CALL(t, SYS_rt_sigaction, 65, 0, 0, 8), -EINVAL);
}

/* RIP goes back over SYSCALL and RAX is its number, when SA_RESTART says so. */
static void restart(struct test_guest *t, uint64_t flags, uint64_t rip, int64_t rax)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 10 } };
	uint64_t pretcode;
	int32_t ends[2];
	siginfo_t info;
	ucontext_t uc;
	va_t at = test_put(t, NULL, 8);

	handle(t, SIGALRM, flags, 0);
	assert_int_equal(CALL(t, SYS_pipe, at), 0);
	test_get(t, at, ends, 8);
	assert_int_equal(CALL(t, SYS_setitimer, ITIMER_REAL, test_put(t, &soon, sizeof(soon)), 0),
			 0);
	fill_regs(t);
	CALL(t, SYS_read, ends[0], t->scratch, 1);
	assert_int_equal(t->regs.rip, HANDLER);
	read_frame(t, &pretcode, &uc, &info);
	assert_int_equal(info.si_signo, SIGALRM);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RIP], rip);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RAX], rax);
}

static void linux_signals_interrupt_or_restart(void **state)
{
	restart(*state, 0, 0x403000, -EINTR);
}

static void linux_signals_restart_when_asked(void **state)
{
	restart(*state, SA_RESTART, 0x403000 - 2, SYS_read);
}

/* --- time ------------------------------------------------------------------------------------ */

static int64_t read_clock(struct test_guest *t, int clock)
{
	int64_t time[2];
	va_t to = test_put(t, NULL, sizeof(time));

	assert_int_equal(CALL(t, SYS_clock_gettime, clock, to), 0);
	test_get(t, to, time, sizeof(time));
	return time[0] * 1000000000 + time[1];
}

static void linux_signals_clock_is_instructions_and_sleep(void **state)
{
	struct test_guest *t = *state;
	const int64_t sleep[2] = { 3, 7 };
	int64_t monotonic;

	t->machine->counters.instructions = 1000;
	assert_int_equal(read_clock(t, CLOCK_REALTIME), TEST_START_NS + 1000);
	assert_int_equal(read_clock(t, CLOCK_PROCESS_CPUTIME_ID), 1000);
	monotonic = read_clock(t, CLOCK_MONOTONIC);
	assert_int_equal(CALL(t, SYS_nanosleep, test_put(t, sleep, sizeof(sleep)), 0), 0);
	assert_int_equal(read_clock(t, CLOCK_REALTIME), TEST_START_NS + 1000 + 3000000007);
	assert_int_equal(read_clock(t, CLOCK_MONOTONIC), monotonic + 3000000007);
	assert_int_equal(read_clock(t, CLOCK_PROCESS_CPUTIME_ID), 1000);
}

static void linux_signals_timer_wakes_at_an_instruction(void **state)
{
	struct test_guest *t = *state;
	const struct itimerval every = { { .tv_usec = 5 }, { .tv_usec = 10 } };
	const struct cpu_stop stop = { .exception = CPU_TIMER };

	handle(t, SIGALRM, SA_NODEFER, 0);
	t->machine->counters.instructions = 100;
	assert_int_equal(t->guest->wake_at, UINT64_MAX);
	assert_int_equal(CALL(t, SYS_setitimer, ITIMER_REAL, test_put(t, &every, sizeof(every)), 0),
			 0);
	assert_int_equal(t->guest->wake_at, 10100);
	t->machine->counters.instructions = 10103;
	fill_regs(t);
	assert_int_equal(t->guest->ops->exception(t->guest, &t->regs, &stop), GUEST_CONTINUE);
	assert_int_equal(t->regs.rip, HANDLER);
	assert_int_equal(t->guest->wake_at, 15100);
}

static void linux_signals_sleep_for_ever_with_hostile_times(void **state)
{
	struct test_guest *t = *state;
	const int64_t sleep[2] = { INT64_MAX, 999999999 }, wrong[2] = { 0, 1000000000 };
	va_t at = test_put(t, sleep, sizeof(sleep));

	for (int i = 0; i < 10; i++)
		assert_int_equal(CALL(t, SYS_nanosleep, at, 0), 0);
	assert_true(read_clock(t, CLOCK_REALTIME) > TEST_START_NS);
	assert_int_equal(CALL(t, SYS_nanosleep, test_put(t, wrong, sizeof(wrong)), 0), -EINVAL);
	CALL(t, SYS_pause);
	assert_int_equal(t->action, GUEST_ENDED);
	assert_int_equal(t->guest->exit_signal, SIGKILL);
	assert_non_null(strstr(linux_end_reason(t->guest), "deadlock"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUEST_TEST(linux_signals_frame_is_linuxs),
		GUEST_TEST(linux_signals_return_restores_everything),
		GUEST_TEST(linux_signals_forged_frame),
		GUEST_TEST(linux_signals_alternate_stack),
		GUEST_TEST(linux_signals_blocked_fault_kills),
		GUEST_TEST(linux_signals_bad_stack_kills),
		GUEST_TEST(linux_signals_out_of_memory_kills),
		GUEST_TEST(linux_signals_pending_until_unblocked),
		GUEST_TEST(linux_signals_interrupt_or_restart),
		GUEST_TEST(linux_signals_restart_when_asked),
		GUEST_TEST(linux_signals_clock_is_instructions_and_sleep),
		GUEST_TEST(linux_signals_timer_wakes_at_an_instruction),
		GUEST_TEST(linux_signals_sleep_for_ever_with_hostile_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
