/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A chained hashed page table, one for all address spaces: an anchor table of `buckets` pointers,
 * each to a chain of nodes, one a page, all in simulated memory.
 *
 *   anchor[hash(asid, vpn)] ─> node ─> node ─> 0
 *
 *   node, 32 bytes and never across a cache line, or 24 bytes packed:
 *     0  tag    63 used  51      vpn      16 15  asid  0
 *     8  next   physical address of the next node, 0: none
 *    16  entry  63 NX, 51..12 frame, 8 G, 6 D, 5 A, 2 U, 1 W, 0 valid (as on x86)
 *    24  unused, or the next node
 *
 * A walk reads the anchor, then the chain until the tag matches: 1 + position in the chain reads, 1
 * for an absent page in an empty bucket. At load factor a (pages per bucket) a page that is found
 * lies behind a/2 others on average, so that 2 + a/2 is what a hit costs with the anchor (Knuth,
 * TAOCP 3, 6.4, formula 19). A packed node of which a part lies in the next line costs one more.
 *
 * The anchor table doubles when a new page would exceed max_load (pt_chain.c).
 *
 * Source: the hash anchor table of Chang & Mergen, "801 Storage" (ACM TOCS 6(1), 1988); Jacob &
 * Mudge, "A Look at Several Memory Management Units" (ASPLOS 1998), section 2; nodes of 24 bytes:
 * Talluri, Hill & Khalidi, "A New Page Table for 64-bit Address Spaces" (SOSP 1995).
 *
 * Not modelled: large pages, moving a found node to the front, shrinking, an inverted table's one
 * entry a frame. What chains share with other formats: pt_chain*.c; with all hashed: pt_hash*.c.
 */

#include "mmu/pt_chain_private.h"
#include "mmu/pt_formats_private.h"

static int geometry(const struct pt_config *config, struct chain_table *chain,
		    struct config_complaint *complaint)
{
	const char *section = "page_table.hashed";
	unsigned node_bytes = config->hashed.node_bytes;

	if (node_bytes != 24 && node_bytes != 32)
		return hash_complain(complaint, section, "node_bytes", "24 or 32");
	*chain = (struct chain_table){ .node_bytes = node_bytes, .hardware_nodes = NO_TRAP };
	return hash_configure(&chain->hash, &config->hashed, section, complaint);
}

static int hashed_config_check(const struct pt_config *config, struct config_complaint *complaint)
{
	struct chain_table chain;

	return geometry(config, &chain, complaint);
}

static int hashed_create(struct page_table *pt, struct config_complaint *complaint)
{
	struct chain_table chain;
	int error = geometry(&pt->config, &chain, complaint);

	return error ? error : chain_create(pt, &chain);
}

const struct pt_ops pt_hashed_ops = {
	.name = "hashed",
	.doc = "one chained hash table for all spaces: anchors, and a node a page",
	.config_check = hashed_config_check,
	.create = hashed_create,
	CHAIN_OPS,
};
