/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_BACKING_H
#define PAGEWALK_MMU_PT_BACKING_H

/*
 * A page table that stands on another one: the outer format keeps all mappings in an inner table
 * of another format and adds to how they are walked, or caches some of them in a bounded table.
 *
 *   outer page_table ── format ──> struct ..., first member: struct pt_backing { inner table }
 *   outer pt_space   ── inner ───> inner pt_space, of the same ASID and always the same tag
 *
 * The inner table alone says what is mapped, with which rights, and which A and D bits are set.
 */

#include "mmu/page_table.h"

#define PT_BACKING_MUST_BE                                                              \
	"a format that maps frames any number of times and stands on no other: radix, " \
	"hashed"

struct pt_backing {
	struct page_table inner;
};

static inline struct pt_backing *pt_backing_of(const struct page_table *outer)
{
	return outer->format;
}
static inline struct pt_space *pt_backing_space(const struct pt_space *outer)
{
	return outer->inner;
}

/*
 * Creates the inner table of a format, with the parameters that the outer configuration holds for
 * it. What it reports as stale is passed on as the outer table's. As page_table_create();
 * a format that cannot stand behind another one is PW_INVALID for `field`.
 */
int pt_backing_create(struct page_table *outer, struct pt_backing *backing, const char *format,
		      const char *field, struct config_complaint *complaint);
uint64_t pt_backing_page_sizes(const struct pt_config *outer);
void pt_backing_destroy(struct pt_backing *backing);

/* The inner space of an outer one, created in its space_create() and destroyed with it. */
int pt_backing_space_create(struct pt_space *outer);
void pt_backing_space_destroy(struct pt_space *outer);

/* pt_ops members that the inner table serves alone. */
int pt_backing_map(struct pt_space *space, const struct pt_mapping *m,
		   struct pt_displaced *displaced);
int pt_backing_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx);
int pt_backing_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		       pt_visit_fn *changed, void *ctx);
int pt_backing_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf);
int pt_backing_mark(struct pt_space *space, va_t va, bool dirty);
int pt_backing_split(struct pt_space *space, va_t va);
int pt_backing_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx);

#endif
