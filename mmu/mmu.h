/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_MMU_H
#define PAGEWALK_MMU_MMU_H

/*
 * The MMU: virtual address in; physical address or fault, and cycles, out.
 *
 *   mmu_access ─> tlb ─(miss)─> walk caches ─> walker ─> format (pt_*.c)
 *                                                └─> port (caches, DRAM) ─> ledger
 *
 * Embedded by value in a machine; no allocation and no lock on the access path. Only mmu_access()
 * and mmu_data() write the translation and data lines of the ledger.
 */

#include "mmu/config.h"
#include "mmu/event.h"
#include "mmu/ledger.h"
#include "mmu/page_table.h"
#include "mmu/pom_tlb.h"
#include "mmu/port.h"
#include "mmu/prefetch.h"
#include "mmu/tlb.h"
#include "mmu/walk_cache.h"

struct walk_watch;

struct mmu_counters {
#define MMU_COUNTER(field, doc) uint64_t field;
#include "mmu/event.def"
};

/* Walks of range tables, which go on beside page walks and are charged to nobody. */
struct mmu_range_counts {
	uint64_t walks, refs, fills;
};

struct mmu {
	struct mmu_config config;
	const struct host_alloc *alloc;
	struct page_table *table;       /* not owned */
	struct pt_space *space;         /* current; NULL before the first mmu_switch */
	struct phys_mem *mem;           /* not owned */
	struct event_queue *events;     /* not owned */
	struct ledger *ledger;          /* not owned */
	const struct walk_watch *watch; /* not owned; NULL: nobody watches (walker.h) */
	enum cpu_mode mode;
	asid_t *tag_owner; /* by tag: the space that last ran under it, for events */
	struct tlb tlb;
	struct prefetcher prefetcher;
	struct pom_tlb pom_tlb;
	bool beside; /* something stands between the last TLB level and the walker, or watches it */
	struct mmu_range_counts range_walks;
	struct walk_caches walk_caches;
	struct port port;
	uint64_t lookups[ACCESS_KIND_COUNT]; /* of the first TLB level: one per page or fetch window */
	uint64_t nested_lookups[ACCESS_KIND_COUNT]; /* the same, made by walks through WALK_CALL */
	uint64_t walks[ACCESS_KIND_COUNT];          /* begun, nested ones included */
	/*
	 * Translations that accesses waited for and that entered the TLBs, from walks or from beside
	 * the TLBs (prefetch buffer): [1] for fetches, [0] for data; by page size.
	 */
	uint64_t leaves[2][PAGE_LG2_COUNT];
	uint64_t faults[FAULT_KIND_COUNT]; /* walks that ended so, nested ones included */
	struct mmu_counters counters;
};

struct mmu_result {
	pa_t pa;
	cycles_t cycles;        /* of translation, data excluded */
	struct mmu_fault fault; /* kind FAULT_NONE: translated */
};

/*
 * The configuration is copied. PW_INVALID fills *complaint, PW_NOMEM; mmu_release() is harmless
 * then. The page table, the ledger and the queue outlive the MMU; events may be NULL where nobody
 * listens. The MMU becomes the table's listener.
 */
int mmu_init(struct mmu *mmu, const struct mmu_config *config, struct page_table *table,
	     struct event_queue *events, struct ledger *ledger, const struct host_alloc *alloc,
	     struct config_complaint *complaint);
void mmu_release(struct mmu *mmu);

/*
 * Makes a space current. Without ASIDs (asid_bits 0) everything but global entries is
 * invalidated, as MOV to CR3 does. EVENT_SWITCH is the kernel's to emit. A tag changes its owner
 * only when nothing is tagged with it any more.
 */
void mmu_switch(struct mmu *mmu, struct pt_space *space);
/*
 * To be called when the kinds of event that the queue wants have changed: while EVENT_ACCESS is
 * wanted every access takes the long way.
 */
void mmu_events_changed(struct mmu *mmu);
/* Changes controls; invalidates everything, since entries hold what the old ones allowed. */
void mmu_set_controls(struct mmu *mmu, const struct mmu_controls *controls);

/*
 * Would this access go through, by the page table alone? Const and silent.
 */
enum fault_kind mmu_probe(const struct mmu *mmu, enum access_kind access, va_t va,
			  struct mmu_fault *fault);

/* The long way of mmu_access; charges, counts and emits everything. */
void mmu_access_slow(struct mmu *mmu, enum access_kind access, va_t va, unsigned bytes,
		     struct mmu_result *result);

/*
 * One lookup: an access of `bytes` that lies within one base page. Translates, updates A and D,
 * charges. A fault is a value in the result, its lookups and walk charged as faulting.
 */
__attribute__((always_inline)) static inline void mmu_access(struct mmu *mmu,
							     enum access_kind access, va_t va,
							     unsigned bytes,
							     struct mmu_result *result)
{
	if (PAGEWALK_LIKELY(tlb_hit(&mmu->tlb, access, mmu->mode, va, &result->pa))) {
		cycles_t latency =
			mmu->tlb.level[0]
				.latency[access == ACCESS_FETCH ? SIDE_INSTRUCTION : SIDE_DATA];

		mmu->lookups[access]++;
		if (latency)
			mmu->ledger->line[CHARGE_TLB_LOOKUP] += latency;
		result->cycles = latency;
		result->fault.kind = FAULT_NONE;
		return;
	}
	mmu_access_slow(mmu, access, va, bytes, result);
}

/*
 * mmu_access() in two steps, for who would ask mmu_probe() first and need not where the TLBs answer:
 * whatever the kernel changes it invalidates, so that no entry permits what the page table does not.
 * mmu_find() is silent and says whether an entry lets the access through; then, with nothing in
 * between that changes the TLBs, mmu_complete() makes it.
 */
struct mmu_pending {
	struct walk_input input;
	struct tlb_request request;
	struct tlb_found found;
};
bool mmu_find(struct mmu *mmu, enum access_kind access, va_t va, struct mmu_pending *pending);
void mmu_complete(struct mmu *mmu, const struct mmu_pending *pending, unsigned bytes,
		  struct mmu_result *result);

/* The program's data at pa goes through the port, if the description says so; returns the charge. */
cycles_t mmu_data(struct mmu *mmu, pa_t pa, unsigned bytes, bool write);

/* Invalidations are complete: TLBs, walk caches and hints. One call counts as one order. */
void mmu_invalidate_range(struct mmu *mmu, asid_t asid, va_t va, uint64_t bytes);
void mmu_invalidate_asid(struct mmu *mmu, asid_t asid);
void mmu_invalidate_all(struct mmu *mmu, bool keep_global);

/* The current space's direct segment was changed: its registers are loaded again. */
void mmu_load_segment(struct mmu *mmu);

void mmu_visit_counters(const struct mmu *mmu, counter_visit_fn *visit, void *ctx);
/* The conservation laws of this layer; PW_CORRUPT with a static text. */
int mmu_check(const struct mmu *mmu, const char **what);

#endif
