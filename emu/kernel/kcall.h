/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_KCALL_H
#define PAGEWALK_EMU_KERNEL_KCALL_H

/* A call into the kernel model as data: what a trace records and a replay makes again. */

#include <stdint.h>

enum kcall_op {
#define KCALL0(name)                   KCALL_##name,
#define KCALL1(name, a)                KCALL_##name,
#define KCALL2(name, a, b)             KCALL_##name,
#define KCALL3(name, a, b, c)          KCALL_##name,
#define KCALL4(name, a, b, c, d)       KCALL_##name,
#define KCALL5(name, a, b, c, d, e)    KCALL_##name,
#define KCALL6(name, a, b, c, d, e, f) KCALL_##name,
#include "emu/kernel/kcall.def"
	KCALL_COUNT
};

enum { KCALL_ARGS_MAX = 6 };

struct kcall {
	enum kcall_op op;
	uint64_t arg[KCALL_ARGS_MAX]; /* unused ones are 0 */
};

struct kcall_info {
	const char *name;
	unsigned arg_count;
	const char *arg_name[KCALL_ARGS_MAX];
};
extern const struct kcall_info kcall_infos[KCALL_COUNT];

#endif
