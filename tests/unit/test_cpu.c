/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The live CPU on hand-assembled programs, with a personality of a dozen lines: system call 60
 * ends, any other one notes its argument. Each program's counts are derived beside it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "emu/cpu/cpu.h"

enum { CODE = 0x400000, DATA = 0x600000, PAGES = 8, NOTES = 16 };

struct tiny {
	struct guest guest;
	struct machine *machine;
	struct cpu *cpu;
	uint64_t note[NOTES];
	unsigned notes;
	struct cpu_stop last;
	uint64_t last_rip;
	unsigned exceptions;
	uint64_t resume_at; /* where to go on after an exception; 0: end */
};

static enum guest_action on_syscall(struct guest *guest, struct cpu_regs *regs)
{
	struct tiny *tiny = (struct tiny *)guest;

	if (regs->gpr[GPR_RAX] == 60) {
		guest->exit_status = (int)regs->gpr[GPR_RDI];
		return GUEST_ENDED;
	}
	assert_true(tiny->notes < NOTES);
	tiny->note[tiny->notes++] = regs->gpr[GPR_RDI];
	return GUEST_CONTINUE;
}

static enum guest_action on_exception(struct guest *guest, struct cpu_regs *regs,
				      const struct cpu_stop *stop)
{
	struct tiny *tiny = (struct tiny *)guest;

	tiny->last = *stop;
	tiny->last_rip = regs->rip;
	tiny->exceptions++;
	guest->wake_at = UINT64_MAX;
	if (!tiny->resume_at)
		return GUEST_ENDED;
	regs->rip = tiny->resume_at;
	return GUEST_CONTINUE;
}

static const struct guest_ops tiny_ops = { "tiny", on_syscall, on_exception };

static void map(struct machine *m, va_t at, uint64_t pages, int prot)
{
	assert_int_equal(kernel_mmap(m->kernel, at, pages * FRAME_BYTES, (uint64_t)prot,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0),
			 at);
}

static void poke(struct machine *m, va_t va, const void *bytes, size_t count)
{
	assert_int_equal(kernel_user_copy(m->kernel, va, count, ACCESS_WRITE), 0);
	memcpy(machine_user_bytes(m, va, ACCESS_WRITE), bytes, count);
}

static uint64_t peek(struct machine *m, va_t va)
{
	uint64_t value;
	pa_t pa;

	assert_true(kernel_translate(m->kernel, va, &pa));
	memcpy(&value, phys_mem_at(&m->mem, pa), sizeof(value));
	return value;
}

static struct tiny *build(const void *code, size_t bytes, enum cpu_instrument instrument)
{
	static struct tiny tiny;
	const struct cpu_config cpu_config = { instrument, 1, .access_pcs = true };
	struct config_complaint complaint;
	struct machine_config config;
	const char *what;
	int64_t space;

	memset(&tiny, 0, sizeof(tiny));
	machine_config_default(&config);
	config.kernel.ram_bytes = 16 << 20;
	assert_int_equal(machine_create(&tiny.machine, &config, &host_alloc_libc, &complaint), 0);
	tiny.guest =
		(struct guest){ .ops = &tiny_ops, .machine = tiny.machine, .wake_at = UINT64_MAX };
	space = kernel_space_create(tiny.machine->kernel);
	assert_true(space >= 0);
	assert_int_equal(kernel_space_switch(tiny.machine->kernel, (uint64_t)space), 0);
	map(tiny.machine, CODE, 2, PROT_READ | PROT_WRITE);
	poke(tiny.machine, CODE, code, bytes);
	assert_int_equal(kernel_mprotect(tiny.machine->kernel, CODE, 2 * FRAME_BYTES,
					 PROT_READ | PROT_EXEC),
			 0);
	map(tiny.machine, DATA, PAGES, PROT_READ | PROT_WRITE);
	assert_int_equal(cpu_create(&tiny.cpu, tiny.machine, &tiny.guest, &cpu_config, &what), 0);
	return &tiny;
}

static enum cpu_end run(struct tiny *tiny, uint64_t rbx)
{
	struct cpu_regs regs = { .rip = CODE, .rflags = 2 };

	regs.gpr[GPR_RBX] = rbx;
	regs.gpr[GPR_RSP] = DATA + PAGES * FRAME_BYTES - 64;
	return cpu_run(tiny->cpu, &regs);
}

static void finish(struct tiny *tiny)
{
	const char *what = "";

	machine_drain(tiny->machine);
	if (machine_check(tiny->machine, &what) != PW_OK)
		fail_msg("%s", what);
	cpu_destroy(tiny->cpu);
	machine_destroy(tiny->machine);
}

/* mov $60, %eax; xor %edi, %edi; syscall */
#define EXIT 0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05

/* mov %rbx, (%rbx); mov (%rbx), %rdx; exit: one store, one load, 5 instructions, one block. */
static void cpu_counts_loads_and_stores(void **state)
{
	static const uint8_t code[] = { 0x48, 0x89, 0x1b, 0x48, 0x8b, 0x13, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);

	(void)state;
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->machine->counters.loads, 1);
	assert_int_equal(tiny->machine->counters.stores, 1);
	assert_int_equal(tiny->machine->counters.instructions, 5);
	assert_int_equal(tiny->machine->counters.fetches, 1);
	assert_int_equal(peek(tiny->machine, DATA), DATA);
	finish(tiny);
}

/* The same at the end of a page: one access each, two lookups each. */
static void cpu_charges_a_crossing_store_once(void **state)
{
	static const uint8_t code[] = { 0x48, 0x89, 0x1b, 0x48, 0x8b, 0x13, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);
	uint64_t before;

	(void)state;
	before = tiny->machine->mmu.lookups[ACCESS_WRITE];
	assert_int_equal(run(tiny, DATA + FRAME_BYTES - 3), CPU_GUEST_ENDED);
	assert_int_equal(tiny->machine->counters.loads, 1);
	assert_int_equal(tiny->machine->counters.stores, 1);
	assert_int_equal(tiny->machine->counters.crossings, 2);
	/* two lookups that complete, and one that faulted for each untouched page */
	assert_int_equal(tiny->machine->mmu.lookups[ACCESS_WRITE] - before, 4);
	finish(tiny);
}

/* A store into an unmapped page: a signal at the byte, nothing retired but what came before. */
static void cpu_reports_the_faulting_byte(void **state)
{
	static const uint8_t code[] = {
		0x90, 0x48, 0x89, 0x5b, 0x10, 0x90, EXIT
	}; /* nop; mov %rbx, 16(%rbx); nop */
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);

	(void)state;
	assert_int_equal(run(tiny, 0x700008), CPU_GUEST_ENDED);
	assert_int_equal(tiny->exceptions, 1);
	assert_int_equal(tiny->last.exception, CPU_PAGE_FAULT);
	assert_int_equal(tiny->last.outcome.signal, 11);
	assert_int_equal(tiny->last.outcome.va, 0x700018);
	assert_int_equal(tiny->last.error_code, 6);
	assert_int_equal(tiny->last_rip, CODE + 1);
	assert_int_equal(tiny->machine->counters.instructions, 1);
	assert_int_equal(tiny->machine->counters.stores, 0);
	finish(tiny);
}

/* A store that crosses into an unmapped page writes nothing and is charged nothing. */
static void cpu_drops_a_crossing_store_that_faults(void **state)
{
	static const uint8_t code[] = { 0x48, 0x89, 0x1b, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);
	va_t at = DATA + PAGES * FRAME_BYTES - 4;

	(void)state;
	assert_int_equal(run(tiny, at), CPU_GUEST_ENDED);
	assert_int_equal(tiny->exceptions, 1);
	assert_int_equal(tiny->last.outcome.va, DATA + PAGES * FRAME_BYTES);
	assert_int_equal(tiny->machine->counters.stores, 0);
	assert_int_equal((uint32_t)peek(tiny->machine, at & ~7ull), 0);
	finish(tiny);
}

/*
 * nop; rdtsc; mov %eax, %edi; mov $1, %eax; syscall; rdtsc; mov %eax, %edi; mov $1, %eax; syscall;
 * exit. Guest time is one tick an instruction. The first rdtsc has one instruction before it.
 * Between the two lie rdtsc, mov, mov, syscall: four.
 */
static void cpu_makes_time_from_instructions(void **state)
{
	static const uint8_t code[] = { 0x90, 0x0f, 0x31, 0x89, 0xc7, 0xb8, 1,    0,
					0,    0,    0x0f, 0x05, 0x0f, 0x31, 0x89, 0xc7,
					0xb8, 1,    0,    0,    0,    0x0f, 0x05, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);

	(void)state;
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->notes, 2);
	assert_int_equal(tiny->note[1] - tiny->note[0], 4);
	assert_int_equal(tiny->machine->counters.instructions, 12);
	finish(tiny);
}

/* rdrand %rdi; mov $1, %eax; syscall; exit: from the seed, hence alike in two runs. */
static void cpu_makes_randomness_from_the_seed(void **state)
{
	static const uint8_t code[] = { 0x48, 0x0f, 0xc7, 0xf7, 0xb8, 1, 0, 0, 0, 0x0f, 0x05, EXIT };
	uint64_t first;
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);

	(void)state;
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	first = tiny->note[0];
	finish(tiny);
	tiny = build(code, sizeof(code), CPU_MEASURE);
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->note[0], first);
	finish(tiny);
}

/* nop; INSTRUCTION: refused at its own address, after one retired instruction. */
static void check_refused(const uint8_t *insn, size_t bytes)
{
	uint8_t code[32] = { 0x90 };
	struct tiny *tiny;

	memcpy(code + 1, insn, bytes);
	tiny = build(code, sizeof(code), CPU_MEASURE);
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->exceptions, 1);
	assert_int_equal(tiny->last.exception, CPU_PROTECTION);
	assert_int_equal(tiny->last_rip, CODE + 1);
	assert_int_equal(tiny->machine->counters.instructions, 1);
	finish(tiny);
}

static void cpu_refuses_privileged_instructions(void **state)
{
	static const uint8_t hlt[] = { 0xf4 }, cli[] = { 0xfa }, in[] = { 0xec },
			     mov_cr3[] = { 0x0f, 0x22, 0xd8 }, wrmsr[] = { 0x0f, 0x30 },
			     lgdt[] = { 0x0f, 0x01, 0x13 };

	(void)state;
	check_refused(hlt, sizeof(hlt));
	check_refused(cli, sizeof(cli));
	check_refused(in, sizeof(in));
	check_refused(mov_cr3, sizeof(mov_cr3));
	check_refused(wrmsr, sizeof(wrmsr));
	check_refused(lgdt, sizeof(lgdt));
}

/* xor %edx, %edx; xor %ecx, %ecx; div %ecx */
static void cpu_raises_divide_errors_at_the_instruction(void **state)
{
	static const uint8_t code[] = { 0x31, 0xd2, 0x31, 0xc9, 0xf7, 0xf1, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);

	(void)state;
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->last.exception, CPU_DIVIDE);
	assert_int_equal(tiny->last_rip, CODE + 4);
	assert_int_equal(tiny->machine->counters.instructions, 2);
	finish(tiny);
}

/*
 * mov %rbx, %rdi; mov $100, %ecx; rep stosb; exit. 100 stores. Valgrind counts the instruction once
 * an iteration; so do we, give or take the last look at RCX.
 */
static void cpu_counts_rep_iterations(void **state)
{
	static const uint8_t code[] = { 0x48, 0x89, 0xdf, 0xb9, 100, 0, 0, 0, 0xf3, 0xaa, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);

	(void)state;
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->machine->counters.stores, 100);
	assert_in_range(tiny->machine->counters.instructions, 105, 106);
	finish(tiny);
}

/* --- the instruction of each access ---------------------------------------------------------- */

struct told {
	const struct machine *machine;
	va_t pc[256];
	unsigned count;
};

static void hear_access(void *ctx, enum access_kind access, va_t va, unsigned bytes)
{
	struct told *told = ctx;

	(void)access, (void)va, (void)bytes;
	assert_true(told->count < 256);
	told->pc[told->count++] = told->machine->access_pc;
}

static void hear_block(void *ctx, va_t va, unsigned bytes, unsigned instructions, bool rep)
{
	(void)ctx, (void)va, (void)bytes, (void)instructions, (void)rep;
}

static void hear_attempt(void *ctx, enum access_kind access, va_t va,
			 const struct fault_outcome *outcome)
{
	(void)ctx, (void)access, (void)va, (void)outcome;
}

static void hear_kcall(void *ctx, const struct kcall *call, int64_t result)
{
	(void)ctx, (void)call, (void)result;
}

/* What the machine was told of `code`: a round has `round` accesses, of the instructions at `at`. */
static void check_told(const uint8_t *code, size_t bytes, const uint8_t *at, unsigned round,
		       unsigned rounds, uint64_t rbx)
{
	struct tiny *tiny = build(code, bytes, CPU_MEASURE);
	struct told told = { .machine = tiny->machine };
	const struct machine_tap tap = { .ctx = &told,
					 .access = hear_access,
					 .block = hear_block,
					 .attempt = hear_attempt,
					 .kcall = hear_kcall };

	machine_set_tap(tiny->machine, &tap);
	assert_int_equal(run(tiny, rbx), CPU_GUEST_ENDED);
	machine_set_tap(tiny->machine, NULL);
	assert_int_equal(told.count, round * rounds);
	for (unsigned i = 0; i < told.count; i++)
		assert_int_equal(told.pc[i], CODE + at[i % round]);
	finish(tiny);
}

/*
 * mov $6, %ecx; 5: mov %rbx, (%rbx); push %rdx; mov (%rbx), %rdx; pop %rdx; mov 8(%rbx), %rdx;
 * add $0xffd, %rbx; dec %ecx; jnz 5b; exit. From 6 on, RBX is at 6, 3, 0, 0xffd, 0xffa and 0xff7
 * in its page: the fourth and fifth store cross, are held back behind the push's hook, and the push
 * must not be taken for them.
 */
static void cpu_tells_the_instruction_of_each_access(void **state)
{
	static const uint8_t code[] = { 0xb9, 6,    0,    0,    0,    0x48, 0x89, 0x1b, 0x52, 0x48,
					0x8b, 0x13, 0x5a, 0x48, 0x8b, 0x53, 0x08, 0x48, 0x81, 0xc3,
					0xfd, 0x0f, 0,    0,    0xff, 0xc9, 0x75, 0xe9, EXIT };
	static const uint8_t at[] = { 5, 8, 9, 12, 13 };

	(void)state;
	check_told(code, sizeof(code), at, 5, 6, DATA + 6);
}

/* mov $3, %ecx; 5: 40 x push %rax; add $320, %rsp; dec %ecx; jnz 5b; exit: more than are remembered. */
static void cpu_tells_the_instructions_of_a_long_block(void **state)
{
	static const uint8_t end[] = {
		0x48, 0x81, 0xc4, 0x40, 1, 0, 0, 0xff, 0xc9, 0x75, 0xcd, EXIT
	};
	uint8_t code[5 + 40 + sizeof(end)] = { 0xb9, 3 }, at[40];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		at[i] = (uint8_t)(5 + i);
		code[at[i]] = 0x50;
	}
	memcpy(code + 45, end, sizeof(end));
	check_told(code, sizeof(code), at, 40, 3, DATA);
}

/* --- stops ----------------------------------------------------------------------------------- */

/* jmp to itself: ended by the limit, before a block, with whole blocks counted. */
static void ring(void *ctx, struct machine_alarm *alarm)
{
	(void)alarm;
	cpu_stop(ctx);
}

static void cpu_stops_at_a_limit(void **state)
{
	static const uint8_t code[] = { 0x90, 0xeb, 0xfd };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);
	struct machine_alarm alarm = { 1000, 0, tiny->cpu, ring };

	(void)state;
	assert_int_equal(machine_set_alarm(tiny->machine, &alarm), 0);
	assert_int_equal(run(tiny, DATA), CPU_STOPPED);
	assert_int_equal(tiny->machine->counters.instructions, 1000);
	finish(tiny);
}

/* A timer that the guest asked for arrives as an exception between two blocks. */
static void cpu_wakes_the_guest(void **state)
{
	static const uint8_t code[] = { 0x90, 0xeb, 0xfd, 0x90, 0x90, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);

	(void)state;
	tiny->guest.wake_at = 500;
	tiny->resume_at = CODE + 3;
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->exceptions, 1);
	assert_int_equal(tiny->last.exception, CPU_TIMER);
	assert_int_equal(tiny->machine->counters.instructions, 500 + 5);
	finish(tiny);
}

/*
 * One frame under two names: A and B map the same shared page. mov %rbx, (A); mov (B), %rdi; note;
 * mov %rdi+1 to B ... the value comes through, and both names are charged as themselves.
 */
static void cpu_tells_two_names_of_a_frame_apart(void **state)
{
	/* mov %rbx, 0x601000; mov 0x601008, %rcx; mov %rbx, 0x601010; exit, after which 0x601000's
	 * page has three accesses. Through moved mappings the names change while running. */
	static const uint8_t code[] = { 0x48, 0x89, 0x1c, 0x25, 0x00, 0x10, 0x60, 0x00, 0x48,
					0x8b, 0x0c, 0x25, 0x08, 0x10, 0x60, 0x00, 0x48, 0x89,
					0x1c, 0x25, 0x10, 0x10, 0x60, 0x00, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);

	(void)state;
	assert_int_equal(run(tiny, 77), CPU_GUEST_ENDED);
	assert_int_equal(peek(tiny->machine, DATA + FRAME_BYTES), 77);
	assert_int_equal(kernel_mremap(tiny->machine->kernel, DATA + FRAME_BYTES, FRAME_BYTES,
				       FRAME_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, DATA + 0x100000),
			 DATA + 0x100000);
	map(tiny->machine, DATA + FRAME_BYTES, 1, PROT_READ | PROT_WRITE);
	assert_int_equal(run(tiny, 78), CPU_GUEST_ENDED);
	assert_int_equal(peek(tiny->machine, DATA + FRAME_BYTES), 78);
	assert_int_equal(peek(tiny->machine, DATA + 0x100000), 77);
	finish(tiny);
}

/* The window that code is dropped through is not the guest's: mov (%rbx), %rdx there is refused. */
static void cpu_keeps_its_own_window(void **state)
{
	static const uint8_t code[] = { 0x48, 0x8b, 0x13, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_MEASURE);
	pa_t pa;

	(void)state;
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->exceptions, 0);
	assert_true(kernel_translate(tiny->machine->kernel, CODE, &pa));
	machine_user_bytes(tiny->machine, CODE, ACCESS_WRITE); /* drops the translated code */
	assert_int_equal(run(tiny, 0xffffe00000000000 + pa), CPU_GUEST_ENDED);
	assert_int_equal(tiny->exceptions, 1);
	assert_int_equal(tiny->last.outcome.signal, 11);
	finish(tiny);
}

/* Without memory hooks the outcome is the same, and A and D bits are set at fills. */
static void cpu_marks_pages_without_measuring(void **state)
{
	static const uint8_t code[] = { 0x48, 0x8b, 0x13, 0x48, 0x89, 0x1b, EXIT };
	struct tiny *tiny = build(code, sizeof(code), CPU_TRANSLATE_ONLY);
	struct translation leaf;

	(void)state;
	assert_int_equal(run(tiny, DATA), CPU_GUEST_ENDED);
	assert_int_equal(tiny->machine->counters.instructions, 5);
	assert_int_equal(tiny->machine->counters.loads, 0);
	assert_int_equal(pt_lookup(kernel_space(tiny->machine->kernel), DATA, &leaf), PW_OK);
	assert_true(leaf.accessed && leaf.dirty);
	finish(tiny);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_counts_loads_and_stores),
		cmocka_unit_test(cpu_charges_a_crossing_store_once),
		cmocka_unit_test(cpu_reports_the_faulting_byte),
		cmocka_unit_test(cpu_drops_a_crossing_store_that_faults),
		cmocka_unit_test(cpu_makes_time_from_instructions),
		cmocka_unit_test(cpu_makes_randomness_from_the_seed),
		cmocka_unit_test(cpu_refuses_privileged_instructions),
		cmocka_unit_test(cpu_raises_divide_errors_at_the_instruction),
		cmocka_unit_test(cpu_counts_rep_iterations),
		cmocka_unit_test(cpu_tells_the_instruction_of_each_access),
		cmocka_unit_test(cpu_tells_the_instructions_of_a_long_block),
		cmocka_unit_test(cpu_stops_at_a_limit),
		cmocka_unit_test(cpu_wakes_the_guest),
		cmocka_unit_test(cpu_tells_two_names_of_a_frame_apart),
		cmocka_unit_test(cpu_keeps_its_own_window),
		cmocka_unit_test(cpu_marks_pages_without_measuring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
