/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_POM_TLB_H
#define PAGEWALK_MMU_POM_TLB_H

/*
 * A part-of-memory TLB: a very large level below the on-chip ones, in simulated physical memory. A
 * miss of the last on-chip level reads one line of it through the port, so that data caches hold
 * its hot part; a hit saves the page walk. Two parts, for base pages and for the next larger size
 * of the page table; the part for base pages is read first, the other one only after it missed.
 *
 * A set is a line of 64 bytes: four entries, the one used last first. So replacement is LRU.
 *
 *    63            48 47                                              1   0
 *   +----------------+--------------------------------------------------+---+
 *   | ASID           | page number (va >> page_lg2, its lowest 47 bits) | V |
 *   +----------------+--------------------------------------------------+---+
 *    63                                            12 11    6 5   4   3   0
 *   +------------------------------------------------+-------+---+---+-----+
 *   | frame number (pa >> page_lg2)                  |   0   | G | D |perms|
 *   +------------------------------------------------+-------+---+---+-----+
 *
 * Reads are charged (CHARGE_POM_TLB). Writes, of fills and of a new order in the set, go through the
 * port and are off the critical path. Not modelled: the paper's predictors of page size and of
 * bypassing the caches, which save reads that ours makes.
 *
 * Invariants: lookups = hits + misses + refused (pom_tlb_check); lookups = misses of the last level
 * that no prefetch buffer answered (mmu_check).
 *
 * Source: Ryoo, Gulur, Song and John, "Rethinking TLB Designs in Virtualized Environments: A Very
 * Large Part-of-Memory TLB", ISCA 2017 (entries of 16 bytes, four in a set).
 */

#include "mmu/config.h"
#include "mmu/event.h"
#include "mmu/memory.h"

struct port;

struct pom_part {
	pa_t pa;
	uint64_t sets; /* a power of two; 0: this part does not exist */
	uint64_t live;
	unsigned page_lg2, order;
};

struct pom_counts {
	uint64_t hits, misses;
	uint64_t refused; /* held, but the access needs a walk: permission, D = 0 */
	uint64_t reads;   /* lines */
	uint64_t fills, evictions, invalidations;
};

struct pom_tlb {
	struct pt_memory *memory;
	struct pom_part part[2]; /* base pages; the next size */
	struct pom_counts count;
};

/* page_sizes: as in struct pt_caps. PW_NOFRAMES. */
int pom_tlb_init(struct pom_tlb *pom, const struct pom_tlb_config *config, uint64_t page_sizes,
		 struct pt_memory *memory);
void pom_tlb_release(struct pom_tlb *pom);
static inline bool pom_tlb_exists(const struct pom_tlb *pom)
{
	return pom->part[0].sets > 0;
}

/* True: *found is the translation, and allows the access. *cycles: what the reads took. */
bool pom_tlb_lookup(struct pom_tlb *pom, struct port *port, const struct walk_input *input,
		    struct translation *found, cycles_t *cycles);
/* After a walk: the page around va, if a part holds its size. */
void pom_tlb_fill(struct pom_tlb *pom, struct port *port, const struct walk_input *input,
		  const struct translation *leaf);

void pom_tlb_invalidate_range(struct pom_tlb *pom, asid_t asid, va_t va, uint64_t bytes);
void pom_tlb_invalidate_asid(struct pom_tlb *pom, asid_t asid);
void pom_tlb_invalidate_all(struct pom_tlb *pom, bool keep_global);

void pom_tlb_visit_counters(const struct pom_tlb *pom, counter_visit_fn *visit, void *ctx);
/* No page twice, the order of V, live counts; PW_CORRUPT with a static text. */
int pom_tlb_check(const struct pom_tlb *pom, const char **what);

#endif
