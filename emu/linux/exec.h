/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_EXEC_H
#define PAGEWALK_EMU_LINUX_EXEC_H

/*
 * execve(2), in two parts: exec_prepare() looks at files only and may fail without harm;
 * exec_commit() makes a new address space and, when all is well, drops the old one.
 */

#include <limits.h>

#include "emu/linux/elf.h"
#include "emu/linux/strings.h"

struct linux_task;
struct open_file;
struct cpu_regs;

struct exec_object {
	struct open_file *file; /* NULL: there is none */
	struct elf_image image;
};

struct exec_plan {
	char name[PATH_MAX]; /* as it was asked for: AT_EXECFN */
	struct string_list argv, env;
	struct exec_object program, interpreter;
	char text[ELF_TEXT_MAX + PATH_MAX]; /* of an error, in one line, without the name */
};

/* All give 0 or a negative errno, with plan->text where a person may see it. */

/* The file that `program` means: itself if it holds a slash, else the first in PATH. */
int exec_search(struct linux_task *p, const char *program, const char *path_list,
		char found[PATH_MAX]);
/* plan->name, argv and env are set; opens and checks the program and its interpreters. */
int exec_prepare(struct linux_task *p, struct exec_plan *plan);
int exec_commit(struct linux_task *p, struct exec_plan *plan, struct cpu_regs *regs);
void exec_plan_release(struct linux_task *p, struct exec_plan *plan);

/* --- of exec_layout.c and exec_stack.c ------------------------------------------------------- */

struct exec_layout {
	va_t va_end, mmap_top, stack_top, brk_start;
	va_t program_base, interpreter_base, entry;
};

/* What the new stack has at once, in bytes. */
uint64_t exec_stack_bytes(const struct exec_plan *plan);
/* Where everything goes; -ENOMEM with plan->text for what does not fit into the machine's addresses. */
int exec_plan_layout(struct linux_task *p, struct exec_plan *plan, struct exec_layout *layout);
/* Writes strings, auxv, envp, argv and argc below layout->stack_top; *sp is for RSP. */
int exec_build_stack(struct linux_task *p, const struct exec_plan *plan,
		     const struct exec_layout *layout, va_t *sp);

#endif
