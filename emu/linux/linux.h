/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_LINUX_H
#define PAGEWALK_EMU_LINUX_LINUX_H

/*
 * The Linux personality: loads an ELF64 x86-64 program and answers its system calls and
 * exceptions. All that it does to memory goes through emu/kernel; all that the guest sees of
 * time and chance derives from retired instructions and the seed.
 *
 * The guest is a stranger. It sees the host's files read-only, except beneath the directories
 * opened for writing; it gets no sockets, no devices but the emulated ones, and of processes sees
 * its own only: those that it made itself.
 */

#include "emu/machine/guest.h"

/* The quantum of 1 ms of guest time, and RLIMIT_NPROC, unless the user chooses others. */
enum { LINUX_QUANTUM = 1000000, LINUX_TASKS_MAX = 4096 };

/* A file mapped in an address space, or (path NULL) executable memory that is no file's. */
struct linux_mapping {
	asid_t space;
	va_t start;
	uint64_t length, offset;
	uint32_t prot;
	const char *path;
	int fd; /* of the host, to look into the file; good during the call; -1: none */
};

struct linux_config {
	const char *program;           /* as the user typed it; looked for in PATH of env */
	char *const *argv;             /* NULL-terminated; argv[0] included */
	char *const *env;              /* NULL-terminated */
	const char *const *write_dirs; /* of the host; the guest may change what lies beneath */
	unsigned write_dir_count;
	uint64_t seed;
	int64_t clock_start_ns; /* Unix time at the first instruction; then 1 ns for each */
	uint64_t reported_ram;  /* guest contract: sysinfo, /proc/meminfo */
	unsigned reported_cpus; /* guest contract: sched_getaffinity, /proc/cpuinfo */
	uint64_t quantum;       /* guest contract: instructions; 0: LINUX_QUANTUM */
	unsigned max_processes; /* threads, too; 0: LINUX_TASKS_MAX */
	void *ctx;
	/* Something was mapped in a space, or is by a fork (for symbols); NULL: nobody asks. */
	void (*mapped)(void *ctx, const struct linux_mapping *mapping);
	/* Something that whoever runs the guest should know (a process was killed); NULL: nobody asks. */
	void (*note)(void *ctx, const char *text);
};

/* exit_status: 127 not found, 126 found but cannot be run, 125 our own failure. */
struct linux_error {
	int exit_status;
	char text[512];
};

/*
 * Loads the program into a new address space of machine->kernel, makes it the running one and
 * sets *start to its first instruction. Replaces the content provider of the kernel, and ignores
 * SIGPIPE of the host until linux_destroy(). A negative pw_error fills *error. The strings of
 * config are copied; the machine outlives the guest.
 */
int linux_create(struct guest **out, const struct linux_config *config, struct machine *machine,
		 struct cpu_regs *start, struct linux_error *error);
void linux_destroy(struct guest *guest);

/* The system calls that were answered with ENOSYS for want of an implementation, by number. */
void linux_visit_unknown(const struct guest *guest,
			 void (*visit)(void *ctx, uint64_t number, const char *name,
				       uint64_t count),
			 void *ctx);

/* Why the guest was ended when it did not end itself ("deadlock: ..."); NULL: no more to say. */
const char *linux_end_reason(const struct guest *guest);

#endif
