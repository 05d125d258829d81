/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_PAGE_TREE_H
#define PAGEWALK_EMU_KERNEL_PAGE_TREE_H

/* Frames by page index, in order: the page cache of one file. As Linux's xarray, for one use. */

#include "mmu/memory.h"

struct page_node;

struct page_tree {
	const struct host_alloc *alloc;
	struct page_node *root;
	unsigned height; /* levels of nodes; 0: empty */
	uint64_t count;
};

enum { PAGE_TREE_INDEX_BITS = 52, PAGE_TREE_HEIGHT_MAX = 9 };

void page_tree_init(struct page_tree *tree, const struct host_alloc *alloc);
/* Frees the nodes; the frames are not the tree's. */
void page_tree_release(struct page_tree *tree);

/* PFN_NONE when there is none. */
pfn_t page_tree_find(const struct page_tree *tree, uint64_t index);
/* The index must be absent and the frame not 0. PW_NOMEM: nothing has changed. */
int page_tree_insert(struct page_tree *tree, uint64_t index, pfn_t pfn);
/* The index must be present. */
void page_tree_remove(struct page_tree *tree, uint64_t index);
/* Another frame for an index that is present. */
void page_tree_replace(struct page_tree *tree, uint64_t index, pfn_t pfn);
/* The first page at or after *index; false when there is none. */
bool page_tree_next(const struct page_tree *tree, uint64_t *index, pfn_t *pfn);

#endif
