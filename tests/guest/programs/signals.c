/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Signals as a program sees them: each case prints what the kernel told it. Addresses are printed
 * relative to what the program knows, so that the native run and any address-space layout agree.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile uintptr_t fault_address;
static volatile int fault_code, fault_signal, fault_trap;
static volatile uint64_t fault_error;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	fault_signal = signal;
	fault_code = info->si_code;
	fault_address = (uintptr_t)info->si_addr;
	fault_trap = (int)uc->uc_mcontext.gregs[REG_TRAPNO];
	fault_error = (uint64_t)uc->uc_mcontext.gregs[REG_ERR];
	siglongjmp(back, 1);
}

static void catch (int signal, int flags)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | flags };

	sigaction(signal, &action, NULL);
}

static void show(uintptr_t base)
{
	printf("signal %d code %d trap %d error %d at %+ld\n", fault_signal, fault_code, fault_trap,
	       (int)fault_error, (long)(fault_address - base));
}

static char *pages(int prot)
{
	return mmap(NULL, 3 * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void segv_null(void)
{
	catch (SIGSEGV, 0);
	if (!sigsetjmp(back, 1))
		*(volatile int *)(uintptr_t)24 = 1;
	show(0);
}

static void segv_readonly(void)
{
	char *p = pages(PROT_READ);

	catch (SIGSEGV, 0);
	if (!sigsetjmp(back, 1))
		((volatile char *)p)[4096 + 123] = 1;
	show((uintptr_t)p);
	if (!sigsetjmp(back, 1)) /* once touched, the entry is present */
		((volatile char *)p)[5] = ((volatile char *)p)[5];
	show((uintptr_t)p);
}

static void segv_noexec(void)
{
	char *p = pages(PROT_READ | PROT_WRITE);
	void (*code)(void);

	*p = (char)0xc3;
	code = (void (*)(void))(uintptr_t)p;
	catch (SIGSEGV, 0);
	if (!sigsetjmp(back, 1))
		code();
	show((uintptr_t)p);
}

static void segv_byte(void)
{
	char *p = pages(PROT_READ | PROT_WRITE);
	volatile uint64_t sink;

	munmap(p + 4096, 4096);
	catch (SIGSEGV, 0);
	if (!sigsetjmp(back, 1)) /* crosses into the hole: the second page is reported */
		sink = *(volatile uint64_t *)(p + 4092);
	show((uintptr_t)p);
	if (!sigsetjmp(back, 1))
		memset(p + 4000, 1, 200);
	printf("signal %d page %ld\n", fault_signal, (long)((fault_address - (uintptr_t)p) >> 12));
	(void)sink;
}

/* Beyond the end of a file: /etc/hostname is shorter than a page. */
static void bus(void)
{
	FILE *file = fopen("/etc/hostname", "r");
	volatile char *p;

	p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fileno(file), 0);
	catch (SIGBUS, 0);
	printf("%c\n", p[0]);
	if (!sigsetjmp(back, 1))
		putchar(p[4096]);
	show((uintptr_t)p);
}

static void divide(void)
{
	volatile int zero = 0, one = 1;

	catch (SIGFPE, 0);
	if (!sigsetjmp(back, 1))
		one /= zero;
	printf("signal %d code %d trap %d\n", fault_signal, fault_code, fault_trap);
}

static void illegal(void)
{
	catch (SIGILL, 0);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("ud2");
	printf("signal %d code %d trap %d\n", fault_signal, fault_code, fault_trap);
}

static volatile int traps;

static void on_trap(int signal)
{
	traps += signal;
}

static void trap(void)
{
	signal(SIGTRAP, on_trap);
	__asm__ volatile("int3");
	__asm__ volatile("int3");
	printf("%d\n", traps);
}

static char *stack_base;

static void on_altstack(int signal, siginfo_t *info, void *context)
{
	char here;

	(void)context;
	printf("signal %d code %d on the other stack: %d\n", signal, info->si_code,
	       &here >= stack_base && &here < stack_base + 65536);
	fflush(stdout);
	_exit(6);
}

static int overflow(int n)
{
	volatile char frame[4096];

	frame[0] = (char)n;
	return n < 0 ? 0 : overflow(n + 1) + frame[0];
}

static void altstack(void)
{
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
	struct sigaction action = { .sa_sigaction = on_altstack,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	stack_base = stack.ss_sp;
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	overflow(0);
}

static volatile int depth;

static void on_nested(int signal)
{
	printf("enter %d depth %d\n", signal, ++depth);
	if (signal == SIGUSR1)
		raise(SIGUSR2);
	printf("leave %d depth %d\n", signal, depth--);
}

static void nested(void)
{
	signal(SIGUSR1, on_nested);
	signal(SIGUSR2, on_nested);
	raise(SIGUSR1);
	raise(SIGUSR2);
}

/* The handler repairs the page; the instruction starts again and completes. */
static char *guarded;

static void on_repair(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	traps++;
	mprotect((char *)((uintptr_t)info->si_addr & ~(uintptr_t)4095), 4096,
		 PROT_READ | PROT_WRITE);
}

static void restart(void)
{
	struct sigaction action = { .sa_sigaction = on_repair, .sa_flags = SA_SIGINFO };
	char *p = guarded = pages(PROT_NONE);

	sigaction(SIGSEGV, &action, NULL);
	p[10] = 7;
	p[10]++;
	*(volatile uint64_t *)(p + 4092) = 0x1122334455667788;
	printf("%d %d %llx\n", p[10], traps, (unsigned long long)*(volatile uint64_t *)(p + 4092));
	memset(p, 3, 3 * 4096);
	printf("%d %d\n", p[8193], traps);
}

static void on_float(int signal)
{
	volatile double other = 2.5 * signal;
	volatile long double extended = 1.0L / 3;

	other = other * other;
	extended = extended * extended;
}

static void float_kept(void)
{
	double sum = 0;
	long double product = 1;

	signal(SIGUSR1, on_float);
	for (int i = 1; i < 50; i++) {
		sum += 1.0 / i;
		product *= 1.0L + 1.0L / i;
		raise(SIGUSR1);
	}
	printf("%.17g %.18Lg\n", sum, product);
}

static void mask(void)
{
	sigset_t set, pending;

	signal(SIGUSR1, on_trap);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	sigpending(&pending);
	printf("pending %d\n", sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	printf("delivered %d\n", traps);
}

static void abort_case(void)
{
	abort();
}

static void kill_default(void)
{
	kill(getpid(), SIGTERM);
}

static void noncanonical(void)
{
	catch (SIGSEGV, 0);
	if (!sigsetjmp(back, 1))
		*(volatile int *)(uintptr_t)0x1234567800000000 = 1;
	show(0);
}

static void privileged(void)
{
	catch (SIGSEGV, 0);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("hlt");
	show(0);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("cli");
	show(0);
	if (!sigsetjmp(back, 1))
		__asm__ volatile("mov %%cr3, %%rax" ::: "rax");
	show(0);
}

/* A store whose first page is fine and whose second is read-only changes nothing. */
static void crossing(void)
{
	char *p = pages(PROT_READ | PROT_WRITE);

	memset(p, 1, 3 * 4096);
	mprotect(p + 4096, 4096, PROT_READ);
	catch (SIGSEGV, 0);
	if (!sigsetjmp(back, 1))
		*(volatile uint64_t *)(p + 4093) = 0;
	show((uintptr_t)p);
	printf("%d %d\n", p[4093], p[4096]);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "segv-null", segv_null },
	{ "segv-readonly", segv_readonly },
	{ "segv-noexec", segv_noexec },
	{ "segv-byte", segv_byte },
	{ "bus", bus },
	{ "divide", divide },
	{ "illegal", illegal },
	{ "trap", trap },
	{ "altstack", altstack },
	{ "nested", nested },
	{ "restart", restart },
	{ "float-kept", float_kept },
	{ "mask", mask },
	{ "abort", abort_case },
	{ "kill-default", kill_default },
	{ "noncanonical", noncanonical },
	{ "privileged", privileged },
	{ "crossing", crossing },
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	}
	return 2;
}
