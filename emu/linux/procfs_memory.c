/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/procfs.h"

/*
 * The machine's memory as the model has it: meminfo, buddyinfo, pagetypeinfo, slabinfo, vmstat.
 *
 * MemTotal is the guest contract's (--guest-ram), whatever the machine has: programs size their
 * buffers by it. What is in use is the machine's truth, so MemFree = MemTotal - used, or 0. The
 * two agree with the machine where --ram and --guest-ram do. All other lines are truth, and reading
 * any of these files marks the trace.
 *
 * buddyinfo and pagetypeinfo have Linux's eleven orders: larger free blocks are shown as blocks of
 * 4 MiB. There is one zone. Nothing is ever on a free list of its own for a processor.
 */

#include <stdio.h>

#include "emu/kernel/kernel_truth.h"
#include "emu/linux/proc_text.h"
#include "emu/linux/process.h"

enum { BUDDYINFO_ORDERS = 11, KIB_LG2 = 10 };

static unsigned long long kib(uint64_t frames)
{
	return frames << (FRAME_LG2 - KIB_LG2);
}

static void line(struct proc_text *to, const char *name, unsigned long long value)
{
	char label[32];
	int width = snprintf(label, sizeof(label), "%s:", name);

	proc_text_print(to, "%s%*s%8llu kB\n", label, width < 16 ? 16 - width : 1, "", value);
}

static void count(struct proc_text *to, const char *name, uint64_t value)
{
	proc_text_print(to, "%-15s %8llu\n", name, (unsigned long long)value);
}

/* The lines of the default size, then the bytes of all. */
static void print_pools(struct proc_text *to, const struct memory_use *use)
{
	count(to, "HugePages_Total:", use->hugetlb[HUGETLB_2M].total);
	count(to, "HugePages_Free:", use->hugetlb[HUGETLB_2M].free);
	count(to, "HugePages_Rsvd:", use->hugetlb[HUGETLB_2M].reserved);
	count(to, "HugePages_Surp:", 0);
	line(to, "Hugepagesize", 2048);
	line(to, "Hugetlb",
	     (use->hugetlb[HUGETLB_2M].total << 11) + (use->hugetlb[HUGETLB_1G].total << 20));
}

void procfs_meminfo(struct linux_task *p, struct proc_text *to)
{
	struct kernel *kernel = p->system->kernel;
	uint64_t total = p->system->reported_ram >> FRAME_LG2, used, free;
	struct frame_counts frames;
	struct memory_use use;

	kernel_truth_read(kernel, TRUTH_MEMINFO);
	kernel_frame_counts(kernel, &frames);
	kernel_memory_use(kernel, &use);
	used = frames.total - frames.free;
	free = used < total ? total - used : 0;
	line(to, "MemTotal", kib(total));
	line(to, "MemFree", kib(free));
	line(to, "MemAvailable", kib(free + frames.file - use.shared));
	line(to, "Buffers", 0);
	line(to, "Cached", kib(frames.file));
	line(to, "SwapCached", kib(use.swap_cached));
	line(to, "SwapTotal", kib(use.swap_total));
	line(to, "SwapFree", kib(use.swap_free));
	line(to, "Dirty", 0);
	line(to, "Writeback", 0);
	line(to, "AnonPages", kib(frames.anonymous));
	line(to, "Mapped", kib(use.file_mapped));
	line(to, "Shmem", kib(use.shared));
	line(to, "KReclaimable", kib(use.slab_reclaimable));
	line(to, "Slab", kib(frames.slab));
	line(to, "SReclaimable", kib(use.slab_reclaimable));
	line(to, "SUnreclaim", kib(frames.slab - use.slab_reclaimable));
	line(to, "PageTables", kib(frames.table));
	print_pools(to, &use);
}

static void print_orders(struct proc_text *to, const uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	uint64_t last = 0;

	for (unsigned order = 0; order < BUDDYINFO_ORDERS - 1; order++)
		proc_text_print(to, "%6llu ", (unsigned long long)blocks[order]);
	for (unsigned order = BUDDYINFO_ORDERS - 1; order < FRAME_BLOCK_ORDERS; order++)
		last += blocks[order] << (order - (BUDDYINFO_ORDERS - 1));
	proc_text_print(to, "%6llu \n", (unsigned long long)last);
}

void procfs_buddyinfo(struct linux_task *p, struct proc_text *to)
{
	uint64_t blocks[FRAME_BLOCK_ORDERS];

	kernel_truth_read(p->system->kernel, TRUTH_BUDDYINFO);
	kernel_free_blocks(p->system->kernel, blocks);
	proc_text_print(to, "Node 0, zone   Normal ");
	print_orders(to, blocks);
}

/* Linux's order of types; those that are not modelled have no blocks. */
static const struct {
	const char *name;
	enum frame_category category;
} page_types[] = {
	{ "Unmovable", FRAME_UNMOVABLE },
	{ "Movable", FRAME_MOVABLE },
	{ "Reclaimable", FRAME_RECLAIMABLE },
};
enum { PAGE_TYPES = sizeof(page_types) / sizeof(*page_types) };

void procfs_pagetypeinfo(struct linux_task *p, struct proc_text *to)
{
	struct frame_mobility mobility;

	kernel_truth_read(p->system->kernel, TRUTH_BUDDYINFO);
	kernel_mobility(p->system->kernel, &mobility);
	proc_text_print(to, "Page block order: %d\nPages per block:  %d\n\n%-43s ",
			FRAME_PAGEBLOCK_ORDER, 1 << FRAME_PAGEBLOCK_ORDER,
			"Free pages count per migrate type at order");
	for (unsigned order = 0; order < BUDDYINFO_ORDERS; order++)
		proc_text_print(to, "%6u ", order);
	proc_text_print(to, "\n");
	for (unsigned i = 0; i < PAGE_TYPES; i++) {
		proc_text_print(to, "Node %4d, zone %8s, type %12s ", 0, "Normal",
				page_types[i].name);
		print_orders(to, mobility.blocks[page_types[i].category]);
	}
	proc_text_print(to, "\n%-23s", "Number of blocks type ");
	for (unsigned i = 0; i < PAGE_TYPES; i++)
		proc_text_print(to, "%12s ", page_types[i].name);
	proc_text_print(to, "\nNode 0, zone %8s ", "Normal");
	for (unsigned i = 0; i < PAGE_TYPES; i++)
		proc_text_print(to, "%12llu ",
				(unsigned long long)mobility.pageblocks[page_types[i].category]);
	proc_text_print(to, "\n");
}

/* Objects per slab and pages per slab are those of a slab of the preferred order. */
void procfs_slabinfo(struct linux_task *p, struct proc_text *to)
{
	kernel_truth_read(p->system->kernel, TRUTH_SLABINFO);
	proc_text_print(to, "slabinfo - version: 2.1\n"
			    "# name            <active_objs> <num_objs> <objsize> <objperslab> "
			    "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : "
			    "slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	for (unsigned kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
		const struct slab_cache *cache = kernel_slab_cache(p->system->kernel, kind);
		uint64_t active, all;

		kernel_slab_counts(cache, &active, &all);
		proc_text_print(to,
				"%-17s %6llu %6llu %6u %4u %4u : tunables %4u %4u %4u : slabdata "
				"%6llu %6llu %6u\n",
				cache->name, (unsigned long long)cache->objects,
				(unsigned long long)cache->slots, cache->object_bytes,
				((unsigned)FRAME_BYTES << cache->order) / cache->object_bytes,
				1u << cache->order, 0u, 0u, 0u, (unsigned long long)active,
				(unsigned long long)all, 0u);
	}
}

static void figure(struct proc_text *to, const char *name, uint64_t value)
{
	proc_text_print(to, "%s %llu\n", name, (unsigned long long)value);
}

void procfs_vmstat(struct linux_task *p, struct proc_text *to)
{
	const struct kernel_counters *counters = kernel_counters(p->system->kernel);
	struct frame_counts count;
	struct memory_use use;

	kernel_truth_read(p->system->kernel, TRUTH_VMSTAT);
	kernel_frame_counts(p->system->kernel, &count);
	kernel_memory_use(p->system->kernel, &use);
	figure(to, "nr_free_pages", count.free);
	figure(to, "nr_mlock", 0);
	figure(to, "nr_slab_reclaimable", use.slab_reclaimable);
	figure(to, "nr_slab_unreclaimable", count.slab - use.slab_reclaimable);
	figure(to, "nr_anon_pages", count.anonymous);
	figure(to, "nr_mapped", use.file_mapped);
	figure(to, "nr_file_pages", count.file);
	figure(to, "nr_dirty", 0);
	figure(to, "nr_writeback", 0);
	figure(to, "nr_shmem", use.shared);
	figure(to, "nr_page_table_pages", count.table);
	figure(to, "pgpgin", kib(counters->pages_read));
	figure(to, "pgpgout", kib(counters->pages_written));
	figure(to, "pswpin", counters->pages_swapped_in);
	figure(to, "pswpout", counters->pages_swapped_out);
	figure(to, "pgsteal_kswapd", counters->pages_reclaimed_daemon);
	figure(to, "pgsteal_direct", counters->pages_reclaimed_direct);
	figure(to, "pgfault", counters->faults_minor + counters->faults_major);
	figure(to, "pgmajfault", counters->faults_major);
	figure(to, "oom_kill", counters->oom_kills);
}
