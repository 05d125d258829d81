/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_STRINGS_H
#define PAGEWALK_EMU_LINUX_STRINGS_H

/* A list of owned strings: argv and the environment of a program about to run. */

#include "mmu/types.h"

struct linux_task;

struct string_list {
	char **item;
	size_t count, capacity;
	size_t bytes; /* of all, NULs included */
};

/* All return 0, -ENOMEM or -E2BIG (execve's limits); on failure the list is unchanged. */
int string_list_add(struct string_list *list, const char *text);
int string_list_insert_first(struct string_list *list, const char *text);
int string_list_add_all(struct string_list *list, char *const *texts); /* NULL-terminated */
/* From the guest's array of pointers; NULL counts as empty. -EFAULT. */
int string_list_read(struct string_list *list, struct linux_task *p, va_t array);
void string_list_remove_first(struct string_list *list);
void string_list_release(struct string_list *list);

#endif
