/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_SYS_MEMORY_H
#define PAGEWALK_EMU_LINUX_SYS_MEMORY_H

/* Mapping files, for mmap(2) and execve(2), and telling who asks of them (memory_tell.c). */

#include "mmu/types.h"

struct linux_task;
struct open_file;

struct memory_request {
	va_t addr;
	uint64_t length, offset;
	uint32_t prot, flags;
};

/* Maps a file of the host; its address, or a negative errno. */
int64_t memory_map_file(struct linux_task *p, struct open_file *file,
			const struct memory_request *request);
void memory_tell_file(struct linux_task *p, const struct open_file *file,
		      const struct memory_request *request, va_t at);
/* Where it is executable. */
void memory_tell_anonymous(struct linux_task *p, const struct memory_request *request, va_t at);
/* The files mapped in the running space are mapped in its copy too. */
void memory_tell_forked(struct linux_task *p, int64_t space);
/* Before a range becomes executable: what was writable in it may not be its file's content. */
void memory_code_altered(struct linux_task *p, va_t start, uint64_t length);
/* What is executable in this range has become so, or has come here. */
void memory_tell_code(struct linux_task *p, va_t start, uint64_t length);
/* Shared pages of all files reach the host: before the guest ends. */
void memory_sync_all(struct linux_task *p);

#endif
