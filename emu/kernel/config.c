/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Defaults and limits of the operating-system part of a machine description.
 *
 * The costs are of the order of a current x86 server at 3 GHz with Linux; all are unverified and
 * meant to be replaced by measurements of the machine that is modelled. Where a figure follows
 * from another, the line says how.
 */

#include "emu/kernel/config.h"

#include <string.h>

#include "emu/kernel/frame_alloc.h"
#include "emu/kernel/reclaim.h"

const char *const thp_mode_names[THP_MODE_COUNT] = { "never", "madvise", "always" };

enum { RAM_FRAMES_MIN = 16 };
#define RAM_BYTES_MAX  (UINT64_C(1) << 46)
#define SWAP_BYTES_MAX (UINT64_C(1) << 40)

void kernel_config_default(struct kernel_config *config)
{
	memset(config, 0, sizeof(*config));
	config->ram_bytes = UINT64_C(4) << 30;
	strcpy(config->frame_allocator, "buddy");
	config->group_by_mobility = true;
	config->thp_scan_pages = 4096; /* Linux: pages_to_scan, HPAGE_PMD_NR x 8 */
	config->thp_max_ptes_none = 511;
	config->costs = (struct kernel_costs){
		.fault_entry = 1000,  /* exception, register save, IRET, speculation fences */
		.fault_service = 500, /* VMA lookup, allocator, memory-cgroup and LRU bookkeeping */
		.page_zero = 256,     /* 4096 bytes at 16 a cycle */
		.page_copy = 512,     /* 4096 bytes read and written */
		.table_access = 4,    /* a hit in the first-level data cache */
		.shootdown = 200,     /* INVLPG on the one modelled hardware thread: no IPI */
		.syscall = 150,       /* SYSCALL, SYSRET, register save */
		.copy_64_bytes = 8,   /* as page_copy: 512 / (4096 / 64) */
		.signal = 1500,       /* frame, FXSAVE, sigreturn */
		.context_switch = 1500, /* registers, run queue, the page-table root */
		.thread_switch = 1200,  /* the same without the root */
		.task_create = 10000,   /* kernel stack, task structure, signal and file tables */
		.fork = 30000,          /* memory descriptor and copies of the VMAs */
		.alias = 300, /* finding the record by address, exchanging it with the entry */
		.file_read_page = 240000, /* 80 us of a solid-state disk at 3 GHz */
		.file_write_page = 60000, /* 20 us: into its write cache */
		.reclaim_page = 300,      /* lists and reverse map; entries are charged apart */
	};
	config->swap = (struct swap_config){
		.read_cycles = 240000, /* as file_read_page */
		.write_cycles = 60000, /* as file_write_page */
		.page_cycles = 6000,   /* 4 KiB at 2 GB/s */
		.queue = 32,
	};
	/* As Linux has them (Documentation/admin-guide/sysctl/vm.rst), but for clear_accessed. */
	config->reclaim = (struct reclaim_config){
		.policy = "two-list",
		.swappiness = 60,
		.watermark_scale = 10,
		.page_cluster = 3,
	};
}

static int complain(struct config_complaint *complaint, const char *field, const char *must_be)
{
	strcpy(complaint->field, field);
	complaint->must_be = must_be;
	return PW_INVALID;
}

static int check_reclaim(const struct kernel_config *config, struct config_complaint *complaint)
{
	const struct reclaim_config *reclaim = &config->reclaim;

	if (config->swap.bytes % FRAME_BYTES || config->swap.bytes > SWAP_BYTES_MAX)
		return complain(complaint, "kernel.swap.bytes", "a multiple of 4 KiB up to 1 TiB");
	if (!memchr(reclaim->policy, '\0', sizeof(reclaim->policy)) ||
	    !reclaim_policy_find(reclaim->policy))
		return complain(complaint, "kernel.reclaim.policy",
				"the name of a policy (fifo, random, lru, clock, "
				"enhanced-second-chance, aging, two-list, clock-pro, opt)");
	if (reclaim->swappiness > 200)
		return complain(complaint, "kernel.reclaim.swappiness", "from 0 to 200");
	if (reclaim->watermark_scale > 3000)
		return complain(complaint, "kernel.reclaim.watermark_scale", "from 0 to 3000");
	if (reclaim->page_cluster > 10)
		return complain(complaint, "kernel.reclaim.page_cluster", "from 0 to 10");
	return PW_OK;
}

int kernel_config_check(const struct kernel_config *config, struct config_complaint *complaint)
{
	if (config->ram_bytes % FRAME_BYTES || config->ram_bytes < RAM_FRAMES_MIN * FRAME_BYTES ||
	    config->ram_bytes > RAM_BYTES_MAX)
		return complain(complaint, "kernel.ram_bytes",
				"a multiple of 4 KiB from 64 KiB to 64 TiB");
	if (config->segment_bytes & (config->segment_bytes - 1) ||
	    config->segment_bytes % FRAME_BYTES || config->segment_bytes > config->ram_bytes / 2)
		return complain(complaint, "kernel.segment_bytes",
				"0, or a power of two from 4 KiB to half of ram_bytes");
	if (config->pinned_bytes % FRAME_BYTES || config->pinned_bytes > config->ram_bytes / 2)
		return complain(complaint, "kernel.pinned_bytes",
				"a multiple of 4 KiB up to half of ram_bytes");
	if (config->fragment_percent > 100)
		return complain(complaint, "kernel.fragment", "from 0 to 100 percent");
	if (config->hugetlb_2m > config->ram_bytes >> 21)
		return complain(complaint, "kernel.hugetlb_2m", "no more than ram_bytes holds");
	if (config->hugetlb_1g > config->ram_bytes >> 30)
		return complain(complaint, "kernel.hugetlb_1g", "no more than ram_bytes holds");
	if ((unsigned)config->thp >= THP_MODE_COUNT)
		return complain(complaint, "kernel.thp", "never, madvise or always");
	if (!memchr(config->frame_allocator, '\0', sizeof(config->frame_allocator)) ||
	    !frame_allocator_find(config->frame_allocator))
		return complain(complaint, "kernel.frame_allocator",
				"the name of a frame allocator (buddy, list, first-fit)");
	return check_reclaim(config, complaint);
}
