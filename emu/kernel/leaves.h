/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_LEAVES_H
#define PAGEWALK_EMU_KERNEL_LEAVES_H

/*
 * The leaves of a space: what its page table holds and, where the table holds only one mapping a
 * frame (caps.aliases false), what was displaced from it. Everything in this folder that looks at
 * entries or changes them comes through here; for tables with aliases these are the table's own
 * operations and a test for zero.
 *
 * A displaced page is mapped in every respect but one: a walk does not find it. It counts among the
 * mappings of its frame and keeps its permissions and its A and D bits, which are changed here. What
 * brings it in is a fault of the program (SERVICE_ALIAS), which displaces the page that holds
 * the entry. That moves no byte and changes no permission: whatever the emulator's own TLB holds
 * stays right, so it may happen between the two steps of an access and owes no flush. Only the
 * modelled TLBs forget the displaced page.
 */

#include "mmu/page_table.h"

struct kernel;
struct space;
struct displaced_page;

/* In struct kernel: all displaced pages, hashed by space and page. */
struct displaced_table {
	struct displaced_page **bucket;
	unsigned buckets_lg2; /* 0: none yet */
	uint64_t count;
};

/* In struct space: its displaced pages, in an order that depends on the guest alone. */
struct displaced_list {
	struct displaced_page *first;
	uint64_t count;
};

/* As the operations of struct pt_ops with the displaced pages. leaf_map may also fail with PW_NOMEM. */
int leaf_map(struct kernel *k, struct space *space, const struct pt_mapping *mapping);
int leaves_unmap(struct kernel *k, struct space *space, va_t va, uint64_t bytes, pt_visit_fn *gone,
		 void *ctx);
int leaves_protect(struct kernel *k, struct space *space, va_t va, uint64_t bytes, uint8_t perms,
		   pt_visit_fn *changed, void *ctx);
int leaf_harvest(struct kernel *k, struct space *space, va_t va, unsigned clear,
		 struct translation *leaf);
int leaf_mark(struct kernel *k, struct space *space, va_t va, bool dirty);
/* First those in the table, in address order, then the displaced ones. */
int leaves_for_each(struct kernel *k, struct space *space, pt_visit_fn *visit, void *ctx);
/* How many there are, in base pages. */
uint64_t leaves_count(const struct space *space);

/* The displaced page at va, or false. */
bool leaf_displaced(const struct kernel *k, const struct space *space, va_t va,
		    struct translation *leaf);
/* Enters a displaced page into the table again; false: it was not displaced. */
bool leaf_bring_in(struct kernel *k, struct space *space, va_t va);

void leaves_release(struct kernel *k); /* no space has any left */
/* Verifies the invariants of leaves.c; a static text, or NULL. */
const char *leaves_check(const struct kernel *k);

#endif
