/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_CONFIG_H
#define PAGEWALK_EMU_KERNEL_CONFIG_H

/* The operating-system part of a machine description, as plain data. Costs are in cycles. */

#include "mmu/config.h"
#include "mmu/error.h"

struct kernel_costs {
	unsigned fault_entry;    /* exception entry and return */
	unsigned fault_service;  /* finding the VMA, allocating a frame, bookkeeping */
	unsigned page_zero;      /* clearing 4 KiB */
	unsigned page_copy;      /* copying 4 KiB */
	unsigned table_access;   /* one page-table entry loaded or stored by the kernel */
	unsigned shootdown;      /* one page invalidated */
	unsigned syscall;        /* entry and return */
	unsigned copy_64_bytes;  /* between kernel and guest memory */
	unsigned signal;         /* building or taking down a signal frame */
	unsigned context_switch; /* to a thread of another address space */
	unsigned thread_switch;  /* to one of the same */
	unsigned task_create;    /* a thread: stack, descriptors, bookkeeping */
	unsigned fork;           /* of an address space, beyond its page tables */
	unsigned alias; /* entering a displaced page in place of another one of its frame */
	unsigned file_read_page;  /* stall for 4 KiB that is not in the page cache */
	unsigned file_write_page; /* stall for 4 KiB written back */
	unsigned reclaim_page;    /* a page looked at by reclaim, and one that leaves */
};

/* The swap device. */
struct swap_config {
	uint64_t bytes;        /* 0: none */
	unsigned read_cycles;  /* latency of a request that reads */
	unsigned write_cycles; /* and of one that writes */
	unsigned page_cycles;  /* transfer of each page of it */
	unsigned queue;        /* writes that may wait before whoever makes one more has to */
};

enum reclaim_clear { CLEAR_FLUSH, CLEAR_LAZY, CLEAR_COUNT };

struct reclaim_config {
	char policy[CONFIG_NAME_MAX];
	enum reclaim_clear clear_accessed; /* lazy: TLBs keep what they hold when A is cleared */
	unsigned swappiness;               /* as vm.swappiness */
	unsigned watermark_scale;          /* as vm.watermark_scale_factor */
	unsigned page_cluster;             /* as vm.page-cluster */
	uint64_t seed;                     /* of the random policy: the machine's */
};

/* Which memory gets transparent huge pages: huge.c. */
enum thp_mode { THP_NEVER, THP_MADVISE, THP_ALWAYS, THP_MODE_COUNT };
extern const char *const thp_mode_names[THP_MODE_COUNT];

struct kernel_config {
	uint64_t ram_bytes;
	char frame_allocator[CONFIG_NAME_MAX]; /* "buddy", "list", "first-fit" */
	bool group_by_mobility; /* the buddy allocator keeps categories of frames apart */
	uint64_t segment_bytes; /* of the direct segment for the heap of a program; 0: none */
	bool eager_paging;      /* anonymous memory is populated at once, in contiguous runs */
	uint64_t pinned_bytes;  /* taken at the start and never given back, as buffers for DMA */
	/* Aged memory: so many of a hundred 2 MiB blocks hold pinned frames. The seed says where. */
	unsigned fragment_percent;
	uint64_t fragment_seed;
	struct swap_config swap;
	struct reclaim_config reclaim;
	enum thp_mode thp;
	unsigned thp_scan_pages;         /* base pages looked at by a tick of collapse.c */
	unsigned thp_max_ptes_none;      /* of which so many may be absent in a huge page */
	uint64_t hugetlb_2m, hugetlb_1g; /* pages set aside at boot for MAP_HUGETLB */
	struct kernel_costs costs;
};

/* 4 GiB, "buddy", and costs of the order measured on current x86 (each with its source there). */
void kernel_config_default(struct kernel_config *config);
int kernel_config_check(const struct kernel_config *config, struct config_complaint *complaint);

#endif
