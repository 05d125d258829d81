/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Verifies the invariants of pt_hashed.c by following every chain; changes no counter. */

#include "mmu/pt_hashed_private.h"

static bool earlier_in_chain(const struct page_table *pt, pa_t link, pa_t node)
{
	for (pa_t other = hashed_peek(pt, link); other != node;
	     other = hashed_peek(pt, other + NODE_NEXT))
		if (hashed_peek(pt, other + NODE_TAG) == hashed_peek(pt, node + NODE_TAG))
			return true;
	return false;
}

static const char *check_chain(const struct page_table *pt, pa_t link, uint64_t *nodes)
{
	const struct hashed *hashed = pt->format;

	for (pa_t node = hashed_peek(pt, link); node; node = hashed_peek(pt, node + NODE_NEXT)) {
		if (++*nodes > hashed->nodes)
			return "a chain is circular";
		if (node % NODE_BYTES || !phys_mem_holds(pt->memory->mem, node, NODE_BYTES))
			return "a pointer leads to no node";
		if (hashed_anchor(hashed, hashed_peek(pt, node + NODE_TAG)) != link)
			return "a node lies in a chain that its tag does not hash to";
		if (!(hashed_peek(pt, node + NODE_ENTRY) & BIT(ENTRY_VALID)))
			return "a node in a chain is not valid";
		if (earlier_in_chain(pt, link, node))
			return "a page is entered twice";
	}
	return NULL;
}

static uint64_t count_asid(const struct page_table *pt, asid_t asid)
{
	const struct hashed *hashed = pt->format;
	uint64_t count = 0;

	for (uint64_t i = 0; i < hashed->buckets; i++) {
		pa_t node = hashed_peek(pt, hashed->anchor + i * ANCHOR_BYTES);

		for (; node; node = hashed_peek(pt, node + NODE_NEXT))
			count += (asid_t)hashed_peek(pt, node + NODE_TAG) == asid;
	}
	return count;
}

static const char *check_all(const struct page_table *pt)
{
	const struct hashed *hashed = pt->format;
	uint64_t used = 0, spare = 0;

	for (uint64_t i = 0; i < hashed->buckets; i++) {
		const char *wrong = check_chain(pt, hashed->anchor + i * ANCHOR_BYTES, &used);

		if (wrong)
			return wrong;
	}
	for (pa_t node = hashed->free_nodes; node && spare <= hashed->nodes; spare++)
		node = hashed_peek(pt, node + NODE_NEXT);
	if (used != hashed->used || used + spare != hashed->nodes)
		return "used and free nodes are not all nodes";
	for (const struct pt_space *space = hashed->spaces; space;
	     space = ((const struct hashed_space *)space->format)->next)
		if (count_asid(pt, space->asid) != space->mapped)
			return "space->mapped differs from its nodes";
	return NULL;
}

int hashed_check(struct page_table *pt, const char **what)
{
	*what = check_all(pt);
	return *what ? PW_CORRUPT : PW_OK;
}
