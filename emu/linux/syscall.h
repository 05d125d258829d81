/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_SYSCALL_H
#define PAGEWALK_EMU_LINUX_SYSCALL_H

/*
 * One function a system call, named by syscalls.def: sys_<name>(process, its six arguments). The
 * result is what RAX gets: a value, or a negative errno. The functions live in sys_*.c.
 */

#include <stdint.h>

struct linux_task;

#define CALL(number, name) int64_t sys_##name(struct linux_task *p, const uint64_t *a);
#define SAME(number, name, other)
#define REFUSE(number, name, error)
#define NONE(number, name)
#include "emu/linux/syscalls.def"

#endif
