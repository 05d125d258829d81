/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_USAGE_H
#define PAGEWALK_EMU_LINUX_USAGE_H

/*
 * What getrusage(2) and wait4(2) tell of processes. Times are retired instructions, all of them the
 * user's. Faults and resident pages are the machine's truth: whoever shows them says so first with
 * kernel_truth_read(). A space counts them; a process adds up those of the programs that it ran.
 *
 * Not kept: input, output, switches. Faults that the kernel takes for a call count for nobody.
 */

#include <sys/resource.h>

#include "mmu/types.h"

struct linux_process;

struct linux_usage {
	uint64_t minor, major; /* faults */
	uint64_t peak_bytes;   /* resident */
};

/* The process uses the memory of another one, which has had faults before (vfork). */
void usage_memory_shared(struct linux_process *process, int64_t space);
/* It has no more to do with that memory: execve, or its end. */
void usage_memory_left(struct linux_process *process, int64_t space);
/* Its parent has waited for it. */
void usage_reap(struct linux_process *child);

/* RUSAGE_SELF, RUSAGE_CHILDREN, or -2: both together, as wait4 has it. */
enum { USAGE_BOTH = -2 };
void usage_get(const struct linux_process *process, int who, struct rusage *usage);

#endif
