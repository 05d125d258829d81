/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/procfs.h"

/* What is about the process: /proc/self, but for its mappings. */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emu/kernel/kernel_truth.h"
#include "emu/linux/clock.h"
#include "emu/linux/proc_text.h"
#include "emu/linux/process.h"
#include "emu/linux/user.h"

void procfs_self_auxv(struct linux_task *p, struct proc_text *to)
{
	proc_text_append(to, p->memory->program.auxv,
			 p->memory->program.auxv_count * sizeof(*p->memory->program.auxv));
}

bool procfs_memory_runs(const struct linux_task *p)
{
	return p->system->running && p->system->running->memory == p->memory;
}

/* The bytes that lie in guest memory now: a program may have written over them. */
static void guest_bytes(struct linux_task *p, struct proc_text *to, va_t start, va_t end)
{
	uint64_t bytes = end - start;
	uint8_t *copy = malloc(bytes ? bytes : 1);

	if (copy && procfs_memory_runs(p) && user_read(p, copy, start, bytes) == 0)
		proc_text_append(to, copy, bytes);
	free(copy);
}

void procfs_self_cmdline(struct linux_task *p, struct proc_text *to)
{
	guest_bytes(p, to, p->memory->program.arg_start, p->memory->program.arg_end);
}

void procfs_self_environ(struct linux_task *p, struct proc_text *to)
{
	guest_bytes(p, to, p->memory->program.env_start, p->memory->program.env_end);
}

void procfs_self_comm(struct linux_task *p, struct proc_text *to)
{
	proc_text_print(to, "%s\n", p->comm);
}

void procfs_self_cwd(struct linux_task *p, struct proc_text *to)
{
	proc_text_print(to, "%s", p->place->cwd);
}

void procfs_self_exe(struct linux_task *p, struct proc_text *to)
{
	proc_text_print(to, "%s", p->memory->program.exe);
}

void procfs_self_root(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "/");
}

void procfs_self_limits(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit",
			"Units");
	proc_text_print(to, "%-25s %-20d %-20s %-10s\n", "Max stack size", LINUX_STACK_LIMIT,
			"unlimited", "bytes");
	proc_text_print(to, "%-25s %-20d %-20d %-10s\n", "Max open files", FD_MAX, FD_MAX, "files");
}

/* --- numbers --------------------------------------------------------------------------------- */

static uint64_t mapped_bytes(struct linux_task *p)
{
	uint64_t bytes = 0;

	for (unsigned n = 0; procfs_memory_runs(p) && n < kernel_vma_count(p->system->kernel);
	     n++) {
		const struct vma *vma = kernel_vma_nth(p->system->kernel, n);

		bytes += vma->end - vma->start;
	}
	return bytes;
}

/* What is resident is the machine's truth, and marks the trace. */
static unsigned long long resident_pages(struct linux_task *p)
{
	kernel_truth_read(p->system->kernel, TRUTH_RESIDENT);
	return procfs_memory_runs(p) ? kernel_resident_bytes(p->system->kernel) >> FRAME_LG2 : 0;
}

void procfs_self_statm(struct linux_task *p, struct proc_text *to)
{
	unsigned long long pages = mapped_bytes(p) >> FRAME_LG2, resident = resident_pages(p);
	uint64_t split[2] = { 0 };

	if (procfs_memory_runs(p))
		kernel_resident_kinds(p->system->kernel, split);
	proc_text_print(to, "%llu %llu %llu 0 0 %llu 0\n", pages, resident,
			(unsigned long long)split[1] >> FRAME_LG2, pages);
}

static char state_of(const struct linux_task *p)
{
	if (p->process->stopped)
		return 'T';
	return p->state == TASK_WAITING ? 'S' : 'R';
}

static int32_t parent_of(const struct linux_task *p)
{
	return p->process->parent ? p->process->parent->pid : 1;
}

void procfs_self_stat(struct linux_task *p, struct proc_text *to)
{
	unsigned long long bytes = mapped_bytes(p);
	const struct linux_program *program = &p->memory->program;
	long long ticks = clock_process_ns(p->process) / (NS_PER_SECOND / CLOCK_TICKS_PER_SECOND);

	proc_text_print(
		to,
		"%d (%s) %c %d %d %d 0 -1 4194304 0 0 0 0 %lld 0 0 0 20 0 1 0 %lld %llu %llu %llu ",
		p->tid, p->comm, state_of(p), parent_of(p), p->process->pgid, p->process->sid,
		ticks, (long long)(CLOCK_BOOTED_NS / (NS_PER_SECOND / CLOCK_TICKS_PER_SECOND)),
		bytes, resident_pages(p), ~0ull);
	proc_text_print(
		to,
		"%llu %llu %llu 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 %llu %llu %llu %llu %llu %llu %llu 0\n",
		(unsigned long long)program->code_start, (unsigned long long)program->code_end,
		(unsigned long long)program->stack_start, (unsigned long long)program->data_start,
		(unsigned long long)program->data_end,
		(unsigned long long)kernel_brk_now(p->system->kernel),
		(unsigned long long)program->arg_start, (unsigned long long)program->arg_end,
		(unsigned long long)program->env_start, (unsigned long long)program->env_end);
}

static const char *state_text(const struct linux_task *p)
{
	switch (state_of(p)) {
	case 'T':
		return "T (stopped)";
	case 'S':
		return "S (sleeping)";
	default:
		return "R (running)";
	}
}

static void print_memory(struct linux_task *p, struct proc_text *to)
{
	unsigned long long kib = mapped_bytes(p) >> 10;
	unsigned long long hugetlb = 0;
	struct space_usage usage = { 0 };
	uint64_t split[2] = { 0 };

	kernel_truth_read(p->system->kernel, TRUTH_RESIDENT);
	(void)kernel_space_usage(p->system->kernel, (uint64_t)p->memory->space, &usage);
	if (procfs_memory_runs(p)) {
		kernel_resident_kinds(p->system->kernel, split);
		hugetlb = kernel_hugetlb_bytes(p->system->kernel);
	}
	proc_text_print(to,
			"VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmHWM:\t%8llu kB\n"
			"VmRSS:\t%8llu kB\nRssAnon:\t%8llu kB\nRssFile:\t%8llu kB\n"
			"VmPTE:\t%8llu kB\nVmSwap:\t%8llu kB\nHugetlbPages:\t%8llu kB\n",
			kib, kib, (unsigned long long)usage.resident_peak >> 10,
			(unsigned long long)(split[0] + split[1]) >> 10,
			(unsigned long long)split[0] >> 10, (unsigned long long)split[1] >> 10,
			(unsigned long long)usage.tables >> 10,
			(unsigned long long)usage.swapped >> 10, hugetlb >> 10);
}

void procfs_self_status(struct linux_task *p, struct proc_text *to)
{
	proc_text_print(to,
			"Name:\t%s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\n"
			"PPid:\t%d\nTracerPid:\t0\n",
			p->comm, p->place->umask, state_text(p), p->process->pid, p->tid,
			parent_of(p));
	proc_text_print(to, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t\n",
			getuid(), geteuid(), geteuid(), geteuid(), getgid(), getegid(), getegid(),
			getegid());
	print_memory(p, to);
	proc_text_print(to, "Threads:\t%u\n", p->process->threads);
	proc_text_print(to, "SigPnd:\t%016llx\nSigBlk:\t%016llx\nCpus_allowed_list:\t0-%u\n",
			(unsigned long long)signals_pending(p),
			(unsigned long long)p->signals.blocked, p->system->reported_cpus - 1);
}
