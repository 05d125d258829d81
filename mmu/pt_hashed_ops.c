/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the kernel asks of a hashed table: nodes, chains, ranges and single pages. */

#include "mmu/pt_hashed_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- nodes and chains ---- */

static int add_nodes(struct page_table *pt)
{
	struct hashed *hashed = pt->format;
	pa_t frame;
	int error = pt_memory_alloc(pt->memory, 0, &frame);

	if (error)
		return error;
	hashed_store(pt, frame, hashed->frames);
	hashed->frames = frame;
	for (unsigned i = NODES_PER_FRAME; i > 0; i--) {
		hashed_store(pt, frame + i * NODE_BYTES + NODE_NEXT, hashed->free_nodes);
		hashed->free_nodes = frame + i * NODE_BYTES;
	}
	hashed->frame_count++;
	hashed->nodes += NODES_PER_FRAME;
	return PW_OK;
}

/*
 * The node of a tag, or 0; *link is where the pointer to it (or the last, empty pointer) lies.
 */
static pa_t find_node(struct page_table *pt, uint64_t tag, pa_t *link)
{
	pa_t node;

	*link = hashed_anchor(pt->format, tag);
	while ((node = hashed_load(pt, *link)) != 0) {
		if (hashed_load(pt, node + NODE_TAG) == tag)
			return node;
		*link = node + NODE_NEXT;
	}
	return 0;
}

static void remove_node(struct pt_space *space, pa_t node, pa_t link)
{
	struct page_table *pt = space->table;
	struct hashed *hashed = pt->format;

	hashed_store(pt, link, hashed_load(pt, node + NODE_NEXT));
	hashed_store(pt, node + NODE_ENTRY, 0);
	hashed_store(pt, node + NODE_NEXT, hashed->free_nodes);
	hashed->free_nodes = node;
	hashed->used--;
	space->mapped--;
}

int hashed_map(struct pt_space *space, const struct pt_mapping *m, struct pt_displaced *displaced)
{
	struct page_table *pt = space->table;
	struct hashed *hashed = pt->format;
	uint64_t tag = hashed_tag(space, m->va), entry;
	pa_t link, node;

	if (displaced)
		displaced->happened = false;
	if (m->page_lg2 != FRAME_LG2 || ((m->va | m->pa) & (FRAME_BYTES - 1)) ||
	    !pt_va_valid(&pt->caps, m->va) || m->pa >> PA_BITS ||
	    !(m->attrs.perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		return PW_INVALID;
	if (find_node(pt, tag, &link))
		return PW_EXISTS;
	if (!hashed->free_nodes) {
		int error = add_nodes(pt);

		if (error)
			return error;
	}
	node = hashed->free_nodes;
	hashed->free_nodes = hashed_load(pt, node + NODE_NEXT);
	entry = hashed_with_perms(m->pa | BIT(ENTRY_VALID), m->attrs.perms);
	entry |= (m->attrs.global ? BIT(ENTRY_G) : 0) | (m->attrs.accessed ? BIT(ENTRY_A) : 0) |
		 (m->attrs.dirty ? BIT(ENTRY_D) : 0);
	hashed_store(pt, node + NODE_TAG, tag);
	hashed_store(pt, node + NODE_ENTRY, entry);
	hashed_store(pt, node + NODE_NEXT, 0);
	hashed_store(pt, link, node);
	hashed->used++;
	space->mapped++;
	return PW_OK;
}

/* ---- ranges ---- */

struct hashed_range {
	struct pt_space *space;
	va_t first, last;
	/* Does the work on one node; true when it removed it. */
	bool (*visit)(struct hashed_range *range, pa_t node, pa_t link);
	uint8_t perms;
	pt_visit_fn *told;
	void *ctx;
};

static void visit_chain(struct hashed_range *range, pa_t link)
{
	struct page_table *pt = range->space->table;
	pa_t node;

	while ((node = hashed_load(pt, link)) != 0) {
		uint64_t tag = hashed_load(pt, node + NODE_TAG);
		va_t va = hashed_va(tag);

		if ((asid_t)tag != range->space->asid || va < range->first || va > range->last ||
		    !range->visit(range, node, link))
			link = node + NODE_NEXT;
	}
}

/* Page by page, or chain by chain when the range has more pages than the table has buckets. */
static int visit_range(struct hashed_range *range, va_t va, uint64_t bytes)
{
	struct page_table *pt = range->space->table;
	struct hashed *hashed = pt->format;

	if (bytes == 0)
		return PW_OK;
	range->first = va;
	range->last = va + (bytes - 1);
	if (((va | bytes) & (FRAME_BYTES - 1)) || !pt_va_valid(&pt->caps, va) ||
	    !pt_va_valid(&pt->caps, range->last) || range->last < va || bytes >> VA_BITS)
		return PW_INVALID;
	if (bytes >> FRAME_LG2 > hashed->buckets) {
		for (uint64_t i = 0; i < hashed->buckets; i++)
			visit_chain(range, hashed->anchor + i * ANCHOR_BYTES);
		return PW_OK;
	}
	for (uint64_t offset = 0; offset < bytes; offset += FRAME_BYTES) {
		pa_t link, node = find_node(pt, hashed_tag(range->space, va + offset), &link);

		if (node)
			range->visit(range, node, link);
	}
	return PW_OK;
}

static void tell(struct hashed_range *range, uint64_t tag, uint64_t entry)
{
	struct translation leaf;

	if (!range->told)
		return;
	hashed_decode(tag, entry, &leaf);
	range->told(range->ctx, &leaf);
}

static bool unmap_node(struct hashed_range *range, pa_t node, pa_t link)
{
	struct page_table *pt = range->space->table;
	uint64_t tag = hashed_load(pt, node + NODE_TAG), entry = hashed_load(pt, node + NODE_ENTRY);

	remove_node(range->space, node, link);
	tell(range, tag, entry);
	return true;
}

int hashed_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx)
{
	struct hashed_range range = {
		.space = space, .visit = unmap_node, .told = gone, .ctx = ctx
	};

	return visit_range(&range, va, bytes);
}

static bool protect_node(struct hashed_range *range, pa_t node, pa_t link)
{
	struct page_table *pt = range->space->table;
	uint64_t tag = hashed_load(pt, node + NODE_TAG), old = hashed_load(pt, node + NODE_ENTRY);
	uint64_t entry = hashed_with_perms(old, range->perms);

	(void)link;
	if (entry != old)
		hashed_store(pt, node + NODE_ENTRY, entry);
	tell(range, tag, entry);
	return false;
}

int hashed_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		   pt_visit_fn *changed, void *ctx)
{
	struct hashed_range range = {
		.space = space, .visit = protect_node, .perms = perms, .told = changed, .ctx = ctx
	};

	if (!(perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		return PW_INVALID;
	return visit_range(&range, va, bytes);
}

/* ---- single pages ---- */

static pa_t find_page(struct pt_space *space, va_t va)
{
	pa_t link;

	if (!pt_va_valid(&space->table->caps, va))
		return 0;
	return find_node(space->table, hashed_tag(space, va), &link);
}

int hashed_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf)
{
	struct page_table *pt = space->table;
	pa_t node = find_page(space, va);
	uint64_t old, entry;

	if (!node)
		return PW_ABSENT;
	entry = old = hashed_load(pt, node + NODE_ENTRY);
	hashed_decode(hashed_tag(space, va), old, leaf);
	if (clear & HARVEST_CLEAR_A)
		entry &= ~BIT(ENTRY_A);
	if (clear & HARVEST_CLEAR_D)
		entry &= ~BIT(ENTRY_D);
	if (entry != old)
		hashed_store(pt, node + NODE_ENTRY, entry);
	return PW_OK;
}

int hashed_mark(struct pt_space *space, va_t va, bool dirty)
{
	struct page_table *pt = space->table;
	pa_t node = find_page(space, va);
	uint64_t old, entry;

	if (!node)
		return PW_ABSENT;
	old = hashed_load(pt, node + NODE_ENTRY);
	entry = old | BIT(ENTRY_A) | (dirty ? BIT(ENTRY_D) : 0);
	if (entry != old)
		hashed_store(pt, node + NODE_ENTRY, entry);
	return PW_OK;
}

int hashed_split(struct pt_space *space, va_t va)
{
	return find_page(space, va) ? PW_UNSUPPORTED : PW_ABSENT;
}

static int compare_leaves(const void *a, const void *b)
{
	va_t left = ((const struct translation *)a)->va,
	     right = ((const struct translation *)b)->va;

	return (left > right) - (left < right);
}

static uint64_t collect(struct pt_space *space, struct translation *leaves)
{
	struct page_table *pt = space->table;
	struct hashed *hashed = pt->format;
	uint64_t count = 0;

	for (uint64_t i = 0; i < hashed->buckets; i++) {
		pa_t node = hashed_load(pt, hashed->anchor + i * ANCHOR_BYTES);

		for (; node; node = hashed_load(pt, node + NODE_NEXT)) {
			uint64_t tag = hashed_load(pt, node + NODE_TAG);

			if ((asid_t)tag == space->asid)
				hashed_decode(tag, hashed_load(pt, node + NODE_ENTRY),
					      &leaves[count++]);
		}
	}
	return count;
}

int hashed_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx)
{
	const struct host_alloc *alloc = space->table->alloc;
	struct translation *leaves;
	uint64_t count;

	if (space->mapped == 0)
		return PW_OK;
	leaves = host_zalloc(alloc, (size_t)space->mapped, sizeof(*leaves));
	if (!leaves)
		return PW_NOMEM;
	count = collect(space, leaves);
	assert(count == space->mapped);
	qsort(leaves, (size_t)count, sizeof(*leaves), compare_leaves);
	for (uint64_t i = 0; i < count; i++)
		visit(ctx, &leaves[i]);
	host_free(alloc, leaves);
	return PW_OK;
}

void hashed_remove_all(struct pt_space *space)
{
	struct hashed *hashed = space->table->format;
	struct hashed_range all = { .space = space, .last = UINT64_MAX, .visit = unmap_node };

	for (uint64_t i = 0; i < hashed->buckets && space->mapped; i++)
		visit_chain(&all, hashed->anchor + i * ANCHOR_BYTES);
}
