/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/exec.h"

/*
 * The stack that a new program finds, built in a buffer and copied at once.
 *
 *      stack_top  8 zero bytes
 *                 AT_EXECFN string
 *                 environment strings, argument strings (each in order, upwards)
 *                 a random gap, alignment to 16
 *                 "x86_64", 16 random bytes (AT_PLATFORM, AT_RANDOM)
 *                 auxv, NULL, envp..., NULL, argv..., argc   <- RSP, a multiple of 16
 *
 * Sources: fs/exec.c (copy_strings), fs/binfmt_elf.c (create_elf_tables), System V ABI AMD64,
 * section 3.4.1. There is no AT_SYSINFO_EHDR: no vdso, all time comes from system calls.
 */

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

enum {
	RANDOM_BYTES = 16,
	GAP_BYTES = 8192,         /* arch_align_stack() */
	MINSIGSTKSZ_BYTES = 1040, /* init_sigframe_size(): 440 + 16 + 512 + 63, up to 16 */
};

/*
 * CPUID.1:EDX of the CPU model (Haswell) as Linux hands it on: FPU..FXSR, SSE, SSE2, without
 * those that user programs cannot tell. AT_HWCAP2: bit 1, FSGSBASE (the CPU has it switched on).
 */
#define HWCAP  UINT64_C(0x178bfbff)
#define HWCAP2 UINT64_C(0x2)

struct stack {
	uint8_t *bytes; /* of [base, top) */
	va_t base, top, at;
};

static va_t push(struct stack *stack, const void *from, size_t bytes)
{
	stack->at -= bytes;
	memcpy(stack->bytes + (stack->at - stack->base), from, bytes);
	return stack->at;
}

/* The strings in order upwards; the address of the first. */
static va_t push_strings(struct stack *stack, const struct string_list *list)
{
	for (size_t i = list->count; i > 0; i--)
		push(stack, list->item[i - 1], strlen(list->item[i - 1]) + 1);
	return stack->at;
}

struct auxv {
	unsigned count;
	struct linux_auxv *pair; /* LINUX_AUXV_MAX */
};

static void add(struct auxv *auxv, uint64_t type, uint64_t value)
{
	auxv->pair[auxv->count++] = (struct linux_auxv){ type, value };
}

static void add_program(struct auxv *auxv, const struct exec_plan *plan,
			const struct exec_layout *layout)
{
	const struct elf_image *image = &plan->program.image;

	add(auxv, AT_HWCAP, HWCAP);
	add(auxv, AT_PAGESZ, FRAME_BYTES);
	add(auxv, AT_CLKTCK, CLOCK_TICKS_PER_SECOND);
	add(auxv, AT_PHDR, image->phdr ? layout->program_base + image->phdr : 0);
	add(auxv, AT_PHENT, sizeof(Elf64_Phdr));
	add(auxv, AT_PHNUM, image->phdr_count);
	add(auxv, AT_BASE, layout->interpreter_base);
	add(auxv, AT_FLAGS, 0);
	add(auxv, AT_ENTRY, layout->program_base + image->entry);
	add(auxv, AT_UID, getuid());
	add(auxv, AT_EUID, geteuid());
	add(auxv, AT_GID, getgid());
	add(auxv, AT_EGID, getegid());
	add(auxv, AT_SECURE, 0);
}

static void push_pointers(struct stack *stack, const struct string_list *list, va_t first)
{
	const va_t null = 0;
	va_t end = first + list->bytes;

	push(stack, &null, sizeof(null));
	for (size_t i = list->count; i > 0; i--) {
		end -= strlen(list->item[i - 1]) + 1;
		push(stack, &end, sizeof(end));
	}
}

/* auxv, envp, argv, argc, ending at a multiple of 16. */
static void push_tables(struct stack *stack, const struct exec_plan *plan,
			struct linux_program *program)
{
	size_t words = 2 * program->auxv_count + plan->env.count + 1 + plan->argv.count + 1 + 1;
	uint64_t argc = plan->argv.count;

	stack->at = (stack->at & ~UINT64_C(15)) - (words % 2 ? 8 : 0);
	push(stack, program->auxv, program->auxv_count * sizeof(*program->auxv));
	push_pointers(stack, &plan->env, program->env_start);
	push_pointers(stack, &plan->argv, program->arg_start);
	push(stack, &argc, sizeof(argc));
}

static void fill(struct linux_task *p, struct stack *stack, const struct exec_plan *plan,
		 const struct exec_layout *layout)
{
	struct linux_program *program = &p->memory->program;
	struct auxv auxv = { .pair = program->auxv };
	uint8_t random[RANDOM_BYTES];
	va_t name, platform;

	stack->at -= sizeof(va_t);
	name = push(stack, plan->name, strlen(plan->name) + 1);
	program->env_end = stack->at;
	program->env_start = program->arg_end = push_strings(stack, &plan->env);
	program->arg_start = push_strings(stack, &plan->argv);
	stack->at -= guest_random_next(&p->system->random) % GAP_BYTES;
	stack->at &= ~UINT64_C(15);
	platform = push(stack, "x86_64", sizeof("x86_64"));
	guest_random_fill(&p->system->random, random, sizeof(random));
	push(stack, random, sizeof(random));
	add_program(&auxv, plan, layout);
	add(&auxv, AT_RANDOM, stack->at);
	add(&auxv, AT_HWCAP2, HWCAP2);
	add(&auxv, AT_EXECFN, name);
	add(&auxv, AT_PLATFORM, platform);
	add(&auxv, AT_MINSIGSTKSZ, MINSIGSTKSZ_BYTES);
	add(&auxv, AT_NULL, 0);
	program->auxv_count = auxv.count;
	push_tables(stack, plan, program);
	program->stack_start = stack->at;
}

int exec_build_stack(struct linux_task *p, const struct exec_plan *plan,
		     const struct exec_layout *layout, va_t *sp)
{
	size_t size = plan->argv.bytes + plan->env.bytes + strlen(plan->name) + GAP_BYTES +
		      (plan->argv.count + plan->env.count + 2 * LINUX_AUXV_MAX) * sizeof(va_t) +
		      2 * FRAME_BYTES;
	struct stack stack = { .top = layout->stack_top, .at = layout->stack_top };
	int error;

	stack.base = stack.top - size;
	stack.bytes = calloc(1, size);
	if (!stack.bytes)
		return -ENOMEM;
	fill(p, &stack, plan, layout);
	error = user_write(p, stack.at, stack.bytes + (stack.at - stack.base),
			   stack.top - stack.at);
	free(stack.bytes);
	*sp = stack.at;
	return error;
}
