/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A radix tree of 64-way nodes that is as high as its largest index needs, so that a small file is
 * one node and iteration is in order of the index whatever the order of insertion was.
 *
 * Invariant: a node's count is the number of its used slots, and no node but a fresh one on the
 * way to an insertion is empty. The tree does not get lower before it is empty.
 */

#include "emu/kernel/page_tree.h"

#include <assert.h>

enum { WAY_LG2 = 6, WAYS = 1 << WAY_LG2, HEIGHT_MAX = PAGE_TREE_HEIGHT_MAX };
_Static_assert(HEIGHT_MAX *WAY_LG2 >= PAGE_TREE_INDEX_BITS, "the tree holds every index");

union page_slot {
	struct page_node *node; /* above level 0 */
	pfn_t pfn;
};

struct page_node {
	unsigned count;
	union page_slot slot[WAYS];
};

void page_tree_init(struct page_tree *tree, const struct host_alloc *alloc)
{
	*tree = (struct page_tree){ .alloc = alloc };
}

static unsigned slot_of(uint64_t index, unsigned level)
{
	return (unsigned)(index >> level * WAY_LG2) & (WAYS - 1);
}

static bool slot_used(const struct page_node *node, unsigned slot, unsigned level)
{
	return level ? node->slot[slot].node != NULL : node->slot[slot].pfn != 0;
}

/* Frees the nodes on the way to an index that are empty, from the lowest up. */
static void prune(struct page_tree *tree, uint64_t index)
{
	struct page_node *path[HEIGHT_MAX] = { NULL };
	struct page_node *node = tree->root;

	for (unsigned level = tree->height; node && level-- > 0;) {
		path[level] = node;
		node = level ? node->slot[slot_of(index, level)].node : NULL;
	}
	for (unsigned level = 0; level < tree->height; level++) {
		if (!path[level])
			continue;
		if (path[level]->count > 0)
			return;
		host_free(tree->alloc, path[level]);
		if (level + 1 < tree->height) {
			path[level + 1]->slot[slot_of(index, level + 1)].node = NULL;
			path[level + 1]->count--;
		}
	}
	tree->root = NULL;
	tree->height = 0;
}

void page_tree_release(struct page_tree *tree)
{
	uint64_t index = 0;
	pfn_t pfn;

	while (page_tree_next(tree, &index, &pfn))
		page_tree_remove(tree, index);
}

pfn_t page_tree_find(const struct page_tree *tree, uint64_t index)
{
	const struct page_node *node = tree->root;
	pfn_t pfn;

	if (index >> tree->height * WAY_LG2)
		return PFN_NONE;
	for (unsigned level = tree->height; node && level-- > 1;)
		node = node->slot[slot_of(index, level)].node;
	pfn = node ? node->slot[slot_of(index, 0)].pfn : 0;
	return pfn ? pfn : PFN_NONE;
}

void page_tree_replace(struct page_tree *tree, uint64_t index, pfn_t pfn)
{
	struct page_node *node = tree->root;

	for (unsigned level = tree->height; level-- > 1;)
		node = node->slot[slot_of(index, level)].node;
	assert(pfn != 0 && node->slot[slot_of(index, 0)].pfn != 0);
	node->slot[slot_of(index, 0)].pfn = pfn;
}

static int grow(struct page_tree *tree, uint64_t index)
{
	while (tree->height == 0 || index >> tree->height * WAY_LG2) {
		struct page_node *root;

		if (tree->root || (index >> (tree->height + 1) * WAY_LG2) == 0) {
			root = host_zalloc(tree->alloc, 1, sizeof(*root));
			if (!root)
				return PW_NOMEM;
			root->slot[0].node = tree->root;
			root->count = tree->root != NULL;
			tree->root = root;
		}
		tree->height++;
	}
	return PW_OK;
}

static void settle_height(struct page_tree *tree)
{
	if (!tree->root)
		tree->height = 0;
}

int page_tree_insert(struct page_tree *tree, uint64_t index, pfn_t pfn)
{
	struct page_node *node;

	assert(index >> PAGE_TREE_INDEX_BITS == 0 && pfn != 0);
	if (grow(tree, index) != PW_OK) {
		settle_height(tree);
		return PW_NOMEM;
	}
	node = tree->root;
	for (unsigned level = tree->height - 1; level > 0; level--) {
		union page_slot *slot = &node->slot[slot_of(index, level)];

		if (!slot->node) {
			slot->node = host_zalloc(tree->alloc, 1, sizeof(*slot->node));
			if (!slot->node) {
				prune(tree, index);
				return PW_NOMEM;
			}
			node->count++;
		}
		node = slot->node;
	}
	assert(node->slot[slot_of(index, 0)].pfn == 0);
	node->slot[slot_of(index, 0)].pfn = pfn;
	node->count++;
	tree->count++;
	return PW_OK;
}

void page_tree_remove(struct page_tree *tree, uint64_t index)
{
	struct page_node *node = tree->root;

	for (unsigned level = tree->height - 1; level > 0; level--)
		node = node->slot[slot_of(index, level)].node;
	assert(node->slot[slot_of(index, 0)].pfn != 0);
	node->slot[slot_of(index, 0)].pfn = 0;
	tree->count--;
	if (--node->count == 0)
		prune(tree, index);
}

/*
 * One way down from the root. False when the node at *level has nothing at or after *index; then
 * the search goes on behind that node.
 */
static bool descend(const struct page_tree *tree, uint64_t *index, unsigned *level, pfn_t *pfn)
{
	const struct page_node *node = tree->root;

	for (*level = tree->height - 1;; --*level) {
		unsigned start = slot_of(*index, *level), slot = start;

		while (slot < WAYS && !slot_used(node, slot, *level))
			slot++;
		if (slot == WAYS)
			return false;
		if (slot != start) {
			uint64_t above = *index >> (*level + 1) * WAY_LG2 << WAY_LG2;

			*index = (above | slot) << *level * WAY_LG2;
		}
		if (*level == 0) {
			*pfn = node->slot[slot].pfn;
			return true;
		}
		node = node->slot[slot].node;
	}
}

bool page_tree_next(const struct page_tree *tree, uint64_t *index, pfn_t *pfn)
{
	uint64_t at = *index;
	unsigned level;

	while (tree->height > 0 && at >> tree->height * WAY_LG2 == 0) {
		if (descend(tree, &at, &level, pfn)) {
			*index = at;
			return true;
		}
		at = ((at >> (level + 1) * WAY_LG2) + 1) << (level + 1) * WAY_LG2;
	}
	return false;
}
