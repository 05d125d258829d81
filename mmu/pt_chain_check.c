/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Verifies the invariants of pt_chain.c by following every chain; changes no counter. */

#include "mmu/pt_chain_private.h"

static bool earlier_in_chain(const struct page_table *pt, pa_t node, pa_t later)
{
	uint64_t tag = hash_peek(pt, later + NODE_TAG) & ~TAG_SUPER;

	for (; node != later; node = hash_peek(pt, node + NODE_NEXT))
		if ((hash_peek(pt, node + NODE_TAG) & ~TAG_SUPER) == tag)
			return true;
	return false;
}

/* *nodes counts those outside the table. */
static const char *check_chain(const struct page_table *pt, pa_t bucket, uint64_t *nodes)
{
	const struct chain_table *chain = pt->format;
	pa_t first = chain->inline_head ? bucket : hash_peek(pt, bucket);

	if (chain->inline_head && hash_peek(pt, first + NODE_TAG) == 0)
		return hash_peek(pt, first + NODE_NEXT) ? "an unused first node has a chain" : NULL;
	for (pa_t node = first; node; node = hash_peek(pt, node + NODE_NEXT)) {
		if (!(chain->inline_head && node == first) && ++*nodes > chain->nodes)
			return "a chain is circular";
		if (node % 8 || !phys_mem_holds(pt->memory->mem, node, chain->node_bytes))
			return "a pointer leads to no node";
		if (!(hash_peek(pt, node + NODE_TAG) & TAG_USED))
			return "a node in a chain is unused";
		if (chain_bucket(chain, hash_peek(pt, node + NODE_TAG)) != bucket)
			return "a node lies in a chain that its tag does not hash to";
		if (earlier_in_chain(pt, first, node))
			return "a block is entered twice";
	}
	return NULL;
}

static const char *check_free(const struct page_table *pt, uint64_t *spare)
{
	const struct chain_table *chain = pt->format;

	for (pa_t node = chain->free_nodes; node; node = hash_peek(pt, node + NODE_NEXT)) {
		if (++*spare > chain->nodes)
			return "the free chain is circular";
		for (unsigned i = 0; i < 1u << chain->hash.block_lg2; i++)
			if (hash_peek(pt, node + NODE_ENTRIES + i * ENTRY_BYTES))
				return "a free node has entries";
	}
	return NULL;
}

static const char *check_all(struct page_table *pt)
{
	const struct chain_table *chain = pt->format;
	uint64_t used = 0, spare = 0;
	const char *wrong;

	for (uint64_t i = 0; i < BIT(chain->hash.bucket_lg2); i++) {
		wrong = check_chain(pt, chain->table + i * chain_bucket_bytes(chain), &used);
		if (wrong)
			return wrong;
	}
	wrong = check_free(pt, &spare);
	if (wrong)
		return wrong;
	if (used + spare != chain->nodes)
		return "used and free nodes are not all nodes";
	return hash_check_spaces(pt);
}

int chain_check(struct page_table *pt, const char **what)
{
	*what = check_all(pt);
	return *what ? PW_CORRUPT : PW_OK;
}
