/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/exec.h"

/*
 * Where a new program lies: as Linux lays out an address space, within what the machine's page
 * table can hold.
 *
 *      va_end    ┌────────────┐
 *                │ stack      │ stack_top = va_end - random
 *      mmap_top  ├────────────┤ below the stack's room, minus random
 *                │ mmap area  │ interpreter, libraries, anonymous memory; downwards
 *                │ brk        │ after the program, plus random
 *                │ program    │ at its address, or at two thirds of va_end plus random
 *                └────────────┘
 *
 * Address bits of chance are Linux's for 47-bit addresses and fewer where the page table holds
 * fewer; the stack's room is at most a sixth; a relocatable program that has no room at two thirds
 * goes to the bottom. What does not fit is refused before the first instruction. Sources:
 * fs/binfmt_elf.c, arch/x86/mm/mmap.c, arch/x86/kernel/process.c.
 */

#include <errno.h>
#include <stdio.h>

#include "emu/linux/process.h"

#define PAGE_MASK ((uint64_t)FRAME_BYTES - 1)
#define TASK_SIZE 0x7ffffffff000ull

enum {
	MMAP_RANDOM_BITS = 28, /* of pages, of 47-bit addresses */
	STACK_RANDOM_BITS = 22,
	BRK_RANDOM_BITS = 13,
	STACK_GUARD_BYTES = 1 << 20,
	STACK_ROOM_MIN = 128 << 20,
	MIN_ADDR = 65536,              /* vm.mmap_min_addr */
	STACK_EXTRA_BYTES = 128 << 10, /* setup_arg_pages(): stack_expand */
	/* What a dynamic program finds at least: libc.so.6 of Debian 12 takes 2 MiB. */
	LIBRARY_ROOM_MIN = 4 << 20,
};

static uint64_t page_up(uint64_t bytes)
{
	return (bytes + PAGE_MASK) & ~PAGE_MASK;
}

/* `bits` of pages where there are 47 address bits, fewer where there are fewer. */
static uint64_t random_bytes(struct linux_task *p, va_t va_end, int bits)
{
	int lost = 47 - (64 - __builtin_clzll(va_end - 1));
	uint64_t random = guest_random_next(&p->system->random);

	bits -= lost > 0 ? lost : 0;
	return bits > 0 ? (random & ((UINT64_C(1) << bits) - 1)) << FRAME_LG2 : 0;
}

uint64_t exec_stack_bytes(const struct exec_plan *plan)
{
	uint64_t strings = plan->argv.bytes + plan->env.bytes +
			   (plan->argv.count + plan->env.count) * sizeof(va_t);

	return page_up(strings + FRAME_BYTES + STACK_EXTRA_BYTES);
}

static int refuse(struct linux_task *p, struct exec_plan *plan, const char *what, va_t va,
		  va_t limit)
{
	const struct machine *m = p->system->machine;

	snprintf(plan->text, sizeof(plan->text),
		 "%s at 0x%llx does not fit into the %u-bit addresses of machine %s: there is room "
		 "up to 0x%llx",
		 what, (unsigned long long)va, m->table.caps.va_bits, m->config.name,
		 (unsigned long long)limit);
	return -ENOMEM;
}

/* Everything has its place; libraries and the heap have some room. */
static int check(struct linux_task *p, struct exec_plan *plan, const struct exec_layout *layout)
{
	const struct elf_image *image = &plan->program.image;
	const struct elf_image *interpreter = &plan->interpreter.image;
	va_t end = layout->program_base + image->high;
	uint64_t stack = exec_stack_bytes(plan), wanted = LIBRARY_ROOM_MIN, room = 0;

	if (layout->stack_top < MIN_ADDR + stack)
		return refuse(p, plan, "a stack that begins", MIN_ADDR + stack, layout->stack_top);
	if (end > layout->stack_top - stack)
		return refuse(p, plan, "the end of the program", end, layout->stack_top - stack);
	if (!plan->interpreter.file)
		return 0;
	wanted += interpreter->relocatable ? interpreter->high - interpreter->low : 0;
	if (layout->mmap_top > end)
		room = layout->mmap_top - end;
	if (layout->program_base + image->low > MIN_ADDR + room)
		room = layout->program_base + image->low - MIN_ADDR;
	if (room < wanted)
		return refuse(p, plan, "the end of the shared libraries", end + wanted,
			      layout->mmap_top);
	return 0;
}

static va_t place_program(const struct elf_image *image, va_t wanted)
{
	va_t base = wanted & ~(image->alignment - 1);

	return base - (image->low & ~(image->alignment - 1));
}

int exec_plan_layout(struct linux_task *p, struct exec_plan *plan, struct exec_layout *layout)
{
	const struct elf_image *image = &plan->program.image;
	va_t end = kernel_va_end(p->system->kernel), wanted;
	uint64_t room = LINUX_STACK_LIMIT + STACK_GUARD_BYTES;
	uint64_t mmap_random, stack_random;

	layout->va_end = end = (end < TASK_SIZE ? end : TASK_SIZE) & ~PAGE_MASK;
	if (end < 2 * MIN_ADDR)
		return refuse(p, plan, "the lowest address of a program", MIN_ADDR, end);
	mmap_random = random_bytes(p, end, MMAP_RANDOM_BITS);
	stack_random = random_bytes(p, end, STACK_RANDOM_BITS);
	layout->stack_top = end - stack_random;
	room = room < STACK_ROOM_MIN ? STACK_ROOM_MIN : room;
	room = room < end / 6 ? room : end / 6 & ~PAGE_MASK;
	layout->mmap_top = layout->stack_top - room - mmap_random;
	layout->program_base = 0;
	if (image->relocatable) {
		wanted = end / 3 * 2 + random_bytes(p, end, MMAP_RANDOM_BITS);
		layout->program_base = place_program(image, wanted);
		if (layout->program_base + image->high > layout->mmap_top)
			layout->program_base =
				place_program(image, MIN_ADDR + image->alignment - 1);
	}
	layout->brk_start =
		layout->program_base + image->high + random_bytes(p, end, BRK_RANDOM_BITS);
	return check(p, plan, layout);
}
