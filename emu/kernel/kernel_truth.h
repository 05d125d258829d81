/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_KERNEL_TRUTH_H
#define PAGEWALK_EMU_KERNEL_KERNEL_TRUTH_H

/*
 * What the kernel model knows and another machine would answer otherwise: which pages are present,
 * where, how often mapped, and who has the frames. Whoever shows any of it to the guest says so
 * first with kernel_truth_read(): the guest's behaviour may depend on the machine from then on, and
 * the trace must tell.
 */

#include "emu/kernel/hugetlb.h"
#include "emu/kernel/kernel.h"
#include "emu/kernel/objects.h"

/* The argument of kernel_truth_read(): what the guest is about to see. */
enum kernel_truth {
	TRUTH_MEMINFO,
	TRUTH_BUDDYINFO,
	TRUTH_SLABINFO,
	TRUTH_VMSTAT,
	TRUTH_SMAPS,
	TRUTH_PAGEMAP,
	TRUTH_RESIDENT, /* status, statm, stat */
	TRUTH_RUSAGE,
	TRUTH_MINCORE,
	KERNEL_TRUTH_COUNT
};

/* Bytes of one VMA that are present, as smaps counts them. */
struct vma_usage {
	uint64_t resident, anonymous, huge; /* huge: by entries larger than 4 KiB */
	uint64_t swapped;                   /* not present: on the swap device */
	uint64_t pss;                       /* each page divided by its mappings */
	uint64_t shared_clean, shared_dirty, private_clean, private_dirty, referenced;
	/* Of the pools of huge pages, which are not resident memory: mapped several times, and once. */
	uint64_t hugetlb_shared, hugetlb_private;
	uint64_t leaf_bytes; /* of the page-table entries of such a page; else, or none there, 4 KiB */
};
/* One for each VMA of the running space, in their order; PW_NOMEM. */
int kernel_vma_usage(struct kernel *k, struct vma_usage *usage);
/* Of any space since it was made; false: there is none. */
struct space_usage {
	uint64_t faults_minor, faults_major;     /* served */
	uint64_t resident_peak, swapped, tables; /* bytes; tables: of its own */
};
bool kernel_space_usage(const struct kernel *k, uint64_t space, struct space_usage *usage);
/* log2 of the bytes of a VMA's pages: 12, or those of its hugetlb pool. */
unsigned kernel_vma_page_lg2(const struct vma *vma);
/* Bytes of the running space that are present, but for those of hugetlb pools. */
uint64_t kernel_resident_bytes(const struct kernel *k);
uint64_t kernel_hugetlb_bytes(const struct kernel *k); /* those */
/* The former split: anonymous, and of files and shared memory. */
void kernel_resident_kinds(struct kernel *k, uint64_t bytes[2]);

struct kernel_page {
	pfn_t pfn;
	bool file;      /* of a file or of shared memory */
	bool exclusive; /* mapped once */
	bool dirty;
};
/* The page of the running space at va; false: not present. */
bool kernel_page_at(const struct kernel *k, va_t va, struct kernel_page *page);
/* Its slot on the swap device; false: it is not there, or present as well. */
bool kernel_page_swapped(const struct kernel *k, va_t va, uint64_t *slot);
/* mincore(2): present, or in the page cache. */
bool kernel_page_in_core(const struct kernel *k, va_t va);

/* Frames by use, beyond kernel_frame_counts(). */
struct memory_use {
	uint64_t file_mapped, shared; /* of the page cache: mapped; of shared anonymous memory */
	uint64_t slab_reclaimable;    /* frames of inodes, dentries and nodes of page trees */
	uint64_t swap_total, swap_free, swap_cached; /* slots; frames */
	/* Pages of the hugetlb pools. */
	struct {
		uint64_t total, free, reserved;
	} hugetlb[HUGETLB_SIZE_COUNT];
};
void kernel_memory_use(const struct kernel *k, struct memory_use *use);
const struct slab_cache *kernel_slab_cache(const struct kernel *k, enum object_kind kind);
/* Slabs that hold any object, and all of them. */
void kernel_slab_counts(const struct slab_cache *cache, uint64_t *active, uint64_t *all);

#endif
