/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_PROC_TEXT_H
#define PAGEWALK_EMU_LINUX_PROC_TEXT_H

/* Text that grows as it is printed. After want of memory it stays as it was and says so. */

#include <stdbool.h>
#include <stddef.h>

struct proc_text {
	char *bytes; /* NUL-terminated unless NULL */
	size_t length, capacity;
	bool failed;
};

void proc_text_print(struct proc_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void proc_text_append(struct proc_text *text, const void *bytes, size_t length);
void proc_text_release(struct proc_text *text);

#endif
