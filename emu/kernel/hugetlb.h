/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_HUGETLB_H
#define PAGEWALK_EMU_KERNEL_HUGETLB_H

/*
 * Huge pages that a program asks for by MAP_HUGETLB, from pools set aside at boot; hugetlb.c.
 *
 * Law: what the guest sees of them (addresses, errors, signals) depends on the sizes of the pools
 * and on what guests did, on nothing else of the machine. So the pools belong to the guest contract.
 */

#include "mmu/types.h"

struct file;
struct kernel;
struct space;
struct vma;
struct vma_set;

enum hugetlb_size { HUGETLB_2M, HUGETLB_1G, HUGETLB_SIZE_COUNT };

/* In vma.flags, beside MAP_HUGETLB and the size's bits. */
enum {
	VMA_HUGETLB_OWNER = 1 << 23, /* private: the promises of its object are this VMA's */
	VMA_HUGETLB_LOST = 1 << 22,  /* a page was taken from it: what is absent stays so */
};

struct hugetlb_pool {
	pfn_t *page; /* the first frames of all */
	pfn_t *free; /* of those that are free, the next one last */
	uint64_t total, free_count;
	uint64_t reserved; /* of the free ones, promised to mappings */
};

/* Takes the pools; PW_NOFRAMES, PW_NOMEM. */
int hugetlb_init(struct kernel *k);
void hugetlb_release(struct kernel *k);

/* log2 of the bytes of a page, as MAP_HUGETLB's flags choose it; 0: no such size. */
unsigned hugetlb_lg2(uint32_t flags);
static inline uint64_t hugetlb_bytes(uint32_t flags)
{
	return UINT64_C(1) << hugetlb_lg2(flags);
}
/* Would a boundary at va cut a huge page in two? */
bool hugetlb_cuts(struct vma_set *set, va_t va);

/* Promises the pages of a new mapping; -ENOMEM. */
int hugetlb_promise(struct kernel *k, struct file *file, const struct vma *vma);
/* One page of it; -ENOMEM: the host refuses memory. */
int hugetlb_promise_page(struct kernel *k, struct file *file, uint64_t index);
/* The part of a VMA goes: so do the promises that it owns. */
void hugetlb_unpromise(struct kernel *k, const struct vma *part);
/* Nothing holds the object any more. */
void hugetlb_file_release(struct kernel *k, struct file *file);
/* Pages wholly within part leave a shared object (MADV_REMOVE). */
void hugetlb_remove(struct kernel *k, const struct vma *part);

/* For hugetlb_fault.c: a page that is promised at that index, or else one that nobody was promised. */
pfn_t hugetlb_take(struct kernel *k, struct file *file, uint64_t index, bool promised);
pfn_t hugetlb_page_of(const struct kernel *k, pfn_t pfn); /* its first frame */

/* mapping.c: a base frame got a mapping more, or one less. */
void hugetlb_mapped(struct kernel *k, struct space *space, pfn_t pfn);
void hugetlb_unmapped(struct kernel *k, struct space *space, pfn_t pfn);
/* The page goes back to its pool if nothing holds it: after a pin went. */
void hugetlb_trim(struct kernel *k, pfn_t pfn);

/* The laws of the pools; a static text, or NULL. */
const char *hugetlb_check(const struct kernel *k);

#endif
