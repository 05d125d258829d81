/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_USER_H
#define PAGEWALK_EMU_LINUX_USER_H

/*
 * Guest memory as the personality touches it: page by page, each made present and charged by
 * kernel_user_copy() before its bytes are looked at. Whatever the pointer, the worst that can
 * happen is -EFAULT; what was copied before the bad page stays copied.
 */

#include "mmu/types.h"

struct linux_task;

int user_read(struct linux_task *p, void *to, va_t from, uint64_t bytes);
int user_write(struct linux_task *p, va_t to, const void *from, uint64_t bytes);
int user_zero(struct linux_task *p, va_t to, uint64_t bytes);

/*
 * Copies a string with its NUL. Returns its length, -EFAULT, or -ENAMETOOLONG when it and its
 * NUL do not fit into `size` bytes.
 */
int64_t user_string(struct linux_task *p, char *to, size_t size, va_t from);

/* Whole objects: user_get(p, &object, va), user_put(p, va, &object). */
#define user_get(p, object, va) user_read((p), (object), (va), sizeof(*(object)))
#define user_put(p, va, object) user_write((p), (va), (object), sizeof(*(object)))

struct user_iovec {
	va_t base;
	uint64_t length;
};
enum { USER_IOVECS_MAX = 1024 };

/* Reads `count` of them and their total (at most INT64_MAX); -EINVAL, -EFAULT. */
int user_iovecs(struct linux_task *p, struct user_iovec *to, va_t from, uint64_t count,
		uint64_t *total);

#endif
