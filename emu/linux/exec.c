/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/exec.h"

/*
 * The second part of execve: a new address space, filled as exec_layout.c plans it. Sources:
 * fs/binfmt_elf.c.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/sys_memory.h"
#include "emu/linux/user.h"

#define PAGE_MASK ((uint64_t)FRAME_BYTES - 1)

static uint64_t page_up(uint64_t bytes)
{
	return (bytes + PAGE_MASK) & ~PAGE_MASK;
}

static int64_t map_fixed(struct linux_task *p, va_t va, uint64_t length, uint32_t prot)
{
	int64_t at = kernel_mmap(p->system->kernel, va, length, prot,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0);

	return at < 0 ? at : 0;
}

/* The part of a segment that the file does not fill. */
static int64_t map_bss(struct linux_task *p, const struct elf_segment *segment, va_t base)
{
	va_t filled = base + segment->va + segment->file_bytes;
	va_t end = page_up(base + segment->va + segment->memory_bytes);
	va_t zero_end = segment->file_bytes ? page_up(filled) : filled & ~PAGE_MASK;

	/* Where this is not writable there is nothing to clear for; Linux passes over it too. */
	if (segment->memory_bytes > segment->file_bytes && (segment->prot & PROT_WRITE) &&
	    zero_end > filled && user_zero(p, filled, zero_end - filled) < 0)
		return -EFAULT;
	return end > zero_end ? map_fixed(p, zero_end, end - zero_end, segment->prot) : 0;
}

static int64_t map_segment(struct linux_task *p, struct open_file *file,
			   const struct elf_segment *segment, va_t base)
{
	va_t start = (base + segment->va) & ~PAGE_MASK;
	uint64_t length = page_up(base + segment->va + segment->file_bytes) - start;
	const struct memory_request request = {
		.addr = start,
		.length = length,
		.prot = segment->prot,
		.flags = MAP_PRIVATE | MAP_FIXED,
		.offset = segment->offset & ~PAGE_MASK,
	};
	int64_t at = segment->file_bytes ? memory_map_file(p, file, &request) : 0;

	return at < 0 ? at : map_bss(p, segment, base);
}

static int map_object(struct linux_task *p, const struct exec_object *object, va_t base)
{
	for (unsigned i = 0; i < object->image.segment_count; i++) {
		int64_t error = map_segment(p, object->file, &object->image.segment[i], base);

		if (error)
			return (int)error;
	}
	return 0;
}

/* Looks for a hole as large as the interpreter, as the first mmap of load_elf_interp() does. */
static int map_interpreter(struct linux_task *p, const struct exec_plan *plan,
			   struct exec_layout *layout)
{
	const struct elf_image *image = &plan->interpreter.image;
	uint64_t length = image->high - image->low + image->alignment - FRAME_BYTES;
	struct kernel *kernel = p->system->kernel;
	int64_t at;

	layout->interpreter_base = 0;
	if (image->relocatable) {
		at = kernel_mmap(kernel, 0, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
				 UINT64_MAX, 0);
		if (at < 0)
			return (int)at;
		kernel_munmap(kernel, (va_t)at, length);
		layout->interpreter_base =
			(((va_t)at + image->alignment - 1) & ~(image->alignment - 1)) - image->low;
	}
	return map_object(p, &plan->interpreter, layout->interpreter_base);
}

static int map_stack(struct linux_task *p, const struct exec_plan *plan,
		     const struct exec_layout *layout)
{
	uint64_t length = exec_stack_bytes(plan);
	uint32_t prot = PROT_READ | PROT_WRITE | (plan->program.image.exec_stack ? PROT_EXEC : 0);
	int64_t at = kernel_mmap(p->system->kernel, layout->stack_top - length, length, prot,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN,
				 UINT64_MAX, 0);

	return at < 0 ? (int)at : 0;
}

static int load(struct linux_task *p, struct exec_plan *plan, struct exec_layout *layout, va_t *sp)
{
	const struct elf_image *image = &plan->program.image;
	int error = exec_plan_layout(p, plan, layout);

	if (!error)
		error = (int)kernel_space_layout(p->system->kernel, layout->mmap_top,
						 layout->brk_start, layout->stack_top,
						 LINUX_STACK_LIMIT);
	if (!error)
		error = map_object(p, &plan->program, layout->program_base);
	layout->entry = layout->program_base + image->entry;
	if (!error && plan->interpreter.file) {
		error = map_interpreter(p, plan, layout);
		layout->entry = layout->interpreter_base + plan->interpreter.image.entry;
	}
	if (!error)
		error = map_stack(p, plan, layout);
	if (!error)
		error = exec_build_stack(p, plan, layout, sp);
	if (error && !*plan->text)
		snprintf(plan->text, sizeof(plan->text),
			 "does not fit into the machine's memory or address space: %s",
			 strerror(-error));
	return error;
}

static void note_program(struct linux_task *p, const struct exec_plan *plan, va_t base)
{
	struct linux_program *program = &p->memory->program;
	const struct elf_image *image = &plan->program.image;
	const char *slash = strrchr(plan->name, '/');

	snprintf(program->exe, sizeof(program->exe), "%s", plan->program.file->path);
	snprintf(p->comm, sizeof(p->comm), "%.*s", LINUX_COMM_BYTES - 1,
		 slash ? slash + 1 : plan->name);
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segment[i];

		if (segment->prot & PROT_EXEC) {
			program->code_start = base + segment->va;
			program->code_end = program->code_start + segment->file_bytes;
		} else if (segment->prot & PROT_WRITE) {
			program->data_start = base + segment->va;
			program->data_end = program->data_start + segment->file_bytes;
		}
	}
}

static void start_regs(struct cpu_regs *regs, va_t entry, va_t sp)
{
	enum { FCW_DEFAULT = 0x37f, MXCSR_DEFAULT = 0x1f80, MXCSR_AT = 24, RFLAGS_IF = 0x202 };
	const uint16_t control = FCW_DEFAULT;
	const uint32_t mxcsr = MXCSR_DEFAULT;

	memset(regs, 0, sizeof(*regs));
	regs->rip = entry;
	regs->gpr[GPR_RSP] = sp;
	regs->rflags = RFLAGS_IF;
	memcpy(regs->fx, &control, sizeof(control));
	memcpy(regs->fx + MXCSR_AT, &mxcsr, sizeof(mxcsr));
	regs->fx_dirty = true;
}

int exec_commit(struct linux_task *p, struct exec_plan *plan, struct cpu_regs *regs)
{
	struct kernel *kernel = p->system->kernel;
	struct linux_memory *old = p->memory, *memory = calloc(1, sizeof(*memory));
	int64_t space = memory ? kernel_space_create(kernel) : -ENOMEM;
	struct exec_layout layout = { 0 };
	va_t sp = 0;
	int error;

	if (space < 0) {
		free(memory);
		snprintf(plan->text, sizeof(plan->text), "no frame is left for a page table");
		return (int)space;
	}
	*memory = (struct linux_memory){ .refs = 1, .space = space };
	p->memory = memory;
	kernel_space_switch(kernel, (uint64_t)space);
	error = load(p, plan, &layout, &sp);
	/* The first program's task was not cloned. */
	if (!error && !old->space)
		error = (int)kernel_task_create(kernel, (uint64_t)p->tid, (uint64_t)space);
	if (error) {
		if (old->space) {
			oom_kill_victims(p->system);
			kernel_space_switch(kernel, (uint64_t)old->space);
		}
		kernel_space_destroy(kernel, (uint64_t)space);
		p->memory = old;
		free(memory);
		return error;
	}
	usage_memory_left(p->process, old->space);
	if (--old->refs == 0) {
		if (old->space)
			kernel_space_destroy(kernel, (uint64_t)old->space);
		free(old);
	}
	note_program(p, plan, layout.program_base);
	start_regs(regs, layout.entry, sp);
	return 0;
}
