/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_LINEAR_PRIVATE_H
#define PAGEWALK_MMU_PT_LINEAR_PRIVATE_H

/* The linear format inside: pt_linear.c (creation, spaces), pt_linear_walk.c (both walks). */

#include "mmu/pt_backing.h"
#include "mmu/pt_radix_private.h"

enum {
	LINEAR_LOADS_MAX = WALK_REFS_MAX,
	LINEAR_INSTRUCTIONS_MAX = 1000000,
	LINEAR_SPACES_MAX = 1 << 16,
};

/* Where the tables of one level lie in the kernel's address space, those of ASID 0 first. */
struct linear_region {
	va_t base;
	uint8_t space_lg2; /* bytes of one space's tables of this level, log2 */
};

struct linear {
	struct pt_backing backing; /* the tree; stays first */
	struct page_table kernel;  /* answers for kernel addresses: where tables lie */
	struct pt_space kernel_space;
	struct pt_space **space; /* [ASID]: of the tree, or NULL */
	unsigned regions;        /* mapped levels: all of the tree, or all but its root */
	struct linear_region region[PT_LEVELS_MAX];
	/* LINEAR_UPPER_MAPPED: the table of tables' roots, and the root handler's own data. */
	pa_t root, data;
	unsigned root_order;
	uint8_t root_pages_lg2; /* pages of a tree's root table, log2 */
};

static inline struct linear *linear_of(const struct page_table *pt)
{
	return pt->format;
}
static inline const struct radix *linear_tree(const struct linear *linear)
{
	return radix_of(&linear->backing.inner);
}
/* The kernel virtual address of the entry of a level for a masked user address. */
static inline va_t linear_entry_va(const struct linear *linear, unsigned level, asid_t asid,
				   va_t masked)
{
	const struct radix *tree = linear_tree(linear);
	const struct linear_region *region = &linear->region[level];

	return region->base + ((va_t)asid << region->space_lg2) +
	       (masked >> tree->level[level].shift << tree->encoding.entry_lg2);
}
/* Where the root table says where page `page` of a space's root lies. */
static inline pa_t linear_root_entry(const struct linear *linear, asid_t asid, uint64_t page)
{
	uint64_t index = ((uint64_t)asid << linear->root_pages_lg2) + page;

	return linear->root + (index << linear_tree(linear)->encoding.entry_lg2);
}

extern const struct pt_ops linear_kernel_ops;
void linear_walk_start(const struct walk_input *input, struct walk_state *state);
enum walk_step linear_walk_next(const struct walk_input *input, struct walk_state *state,
				const struct walk_reply *reply, struct walk_request *request);

#endif
