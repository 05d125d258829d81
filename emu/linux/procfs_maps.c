/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/procfs.h"

/* The mappings of a process: /proc/self/maps, and smaps with what is present of each. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_truth.h"
#include "emu/linux/proc_text.h"
#include "emu/linux/process.h"

static const char *vma_name(struct linux_task *p, const struct vma *vma)
{
	va_t brk = kernel_brk_now(p->system->kernel);

	if (vma->flags & MAP_GROWSDOWN)
		return "[stack]";
	if (vma->start < brk && vma->end >= brk && vma->file < 0)
		return "[heap]";
	return NULL;
}

/* The path by which some open file or program knows the inode; the kernel model has no names. */
static const char *file_name(struct linux_task *p, uint64_t identity)
{
	const struct inode *inode = inode_by_number(&p->system->inodes, identity);

	return inode && inode->path ? inode->path : "";
}

static void print_vma(struct linux_task *p, struct proc_text *to, const struct vma *vma)
{
	bool is_file = vma->file >= 0;
	uint64_t identity = is_file ? kernel_file_identity(p->system->kernel, vma->file) : 0;
	const char *name = vma->flags & MAP_HUGETLB ? "/anon_hugepage (deleted)"
			   : is_file                ? file_name(p, identity)
						    : vma_name(p, vma);
	size_t before = to->length, width;

	proc_text_print(to, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu",
			(unsigned long long)vma->start, (unsigned long long)vma->end,
			vma->prot & PROT_READ ? 'r' : '-', vma->prot & PROT_WRITE ? 'w' : '-',
			vma->prot & PROT_EXEC ? 'x' : '-', vma->flags & MAP_SHARED ? 's' : 'p',
			(unsigned long long)(is_file ? vma->offset : 0), is_file ? 8 : 0,
			is_file ? 1 : 0,
			identity == KERNEL_IDENTITY_NONE ? 0 : (unsigned long long)identity);
	width = to->length - before;
	if (name && *name)
		proc_text_print(to, "%*s%s", width < 73 ? (int)(73 - width) : 1, "", name);
	proc_text_print(to, "\n");
}

void procfs_self_maps(struct linux_task *p, struct proc_text *to)
{
	for (unsigned n = 0; procfs_memory_runs(p) && n < kernel_vma_count(p->system->kernel); n++)
		print_vma(p, to, kernel_vma_nth(p->system->kernel, n));
}

/* --- smaps ----------------------------------------------------------------------------------- */

static void line(struct proc_text *to, const char *name, uint64_t bytes)
{
	char label[32];

	snprintf(label, sizeof(label), "%s:", name);
	proc_text_print(to, "%-15s %8llu kB\n", label, (unsigned long long)bytes >> 10);
}

static void print_flags(struct proc_text *to, const struct vma *vma)
{
	bool shared = vma->flags & MAP_SHARED;

	proc_text_print(to, "VmFlags: %s%s%s%smr mw me %s%s%s\n",
			vma->prot & PROT_READ ? "rd " : "", vma->prot & PROT_WRITE ? "wr " : "",
			vma->prot & PROT_EXEC ? "ex " : "", shared ? "sh " : "",
			shared ? "ms " : "", vma->flags & MAP_GROWSDOWN ? "gd " : "",
			vma->flags & MAP_HUGETLB ? "de ht " : "");
}

static void print_usage(struct proc_text *to, const struct vma *vma, const struct vma_usage *usage)
{
	line(to, "Size", vma->end - vma->start);
	line(to, "KernelPageSize", UINT64_C(1) << kernel_vma_page_lg2(vma));
	line(to, "MMUPageSize", usage->leaf_bytes);
	line(to, "Rss", usage->resident);
	line(to, "Pss", usage->pss);
	line(to, "Shared_Clean", usage->shared_clean);
	line(to, "Shared_Dirty", usage->shared_dirty);
	line(to, "Private_Clean", usage->private_clean);
	line(to, "Private_Dirty", usage->private_dirty);
	line(to, "Referenced", usage->referenced);
	line(to, "Anonymous", usage->anonymous);
	line(to, "LazyFree", 0);
	line(to, "AnonHugePages", usage->huge);
	line(to, "ShmemPmdMapped", 0);
	line(to, "FilePmdMapped", 0);
	line(to, "Shared_Hugetlb", usage->hugetlb_shared);
	line(to, "Private_Hugetlb", usage->hugetlb_private);
	line(to, "Swap", usage->swapped);
	line(to, "SwapPss", usage->swapped);
	line(to, "Locked", 0);
	proc_text_print(to, "THPeligible:    0\n");
	print_flags(to, vma);
}

void procfs_self_smaps(struct linux_task *p, struct proc_text *to)
{
	struct kernel *kernel = p->system->kernel;
	unsigned count = procfs_memory_runs(p) ? kernel_vma_count(kernel) : 0;
	struct vma_usage *usage = calloc(count + 1, sizeof(*usage));

	kernel_truth_read(kernel, TRUTH_SMAPS);
	if (!usage || (count > 0 && kernel_vma_usage(kernel, usage) != 0))
		to->failed = true;
	for (unsigned n = 0; !to->failed && n < count; n++) {
		print_vma(p, to, kernel_vma_nth(kernel, n));
		print_usage(to, kernel_vma_nth(kernel, n), &usage[n]);
	}
	free(usage);
}
