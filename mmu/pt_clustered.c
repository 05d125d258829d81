/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A clustered page table: a chained hashed table whose nodes map a block of consecutive pages (the
 * subblock factor, 16) under one tag.
 *
 *   anchor[hash(asid, block)] ─> node ─> node ─> 0
 *
 *   node, 16 + 8 * pages bytes (144):
 *     0  tag      63 used  62 superpage  51    block   16 15  asid  0
 *     8  next     physical address of the next node, 0: none
 *    16  entries  one a page of the block, 0: not mapped; as in pt_hashed.c, and 7 S
 *
 * A walk reads the anchor and then, of each node, what lies in its first cache line; the entry,
 * where that lies in a later line, is one reference more. A block of 16 pages takes 16 + 16 * 8 =
 * 144 bytes, a page of a hashed table 24: memory breaks even at 144 / 24 = 6 pages of a block.
 *
 * Superpages: a block may be mapped by one leaf (64 KiB at a factor of 16), which its first entry
 * stands for. Such a node has the size of the others, so that it can be split in place; in the paper
 * it has 24 bytes, of another node type. Not modelled: partial-subblock entries (valid vectors),
 * superpages larger than a block (the paper enters them in several blocks) or smaller.
 *
 * The anchor table doubles when a new block would exceed max_load (pt_chain.c).
 *
 * Source: Talluri, Hill & Khalidi, "A New Page Table for 64-bit Address Spaces" (SOSP 1995).
 */

#include "mmu/pt_chain_private.h"
#include "mmu/pt_formats_private.h"

static int geometry(const struct pt_config *config, struct chain_table *chain,
		    struct config_complaint *complaint)
{
	const char *section = "page_table.clustered";
	unsigned pages = config->clustered.pages;

	if (pages < 2 || pages > 1u << HASH_BLOCK_LG2_MAX || (pages & (pages - 1)))
		return hash_complain(complaint, section, "pages", "2, 4, 8, 16, 32 or 64");
	*chain = (struct chain_table){ .node_bytes = NODE_ENTRIES + pages * ENTRY_BYTES,
				       .hardware_nodes = NO_TRAP };
	chain->hash.block_lg2 = (unsigned)__builtin_ctz(pages);
	chain->hash.superpages = config->clustered.superpages;
	return hash_configure(&chain->hash, &config->clustered, section, complaint);
}

static int clustered_config_check(const struct pt_config *config,
				  struct config_complaint *complaint)
{
	struct chain_table chain;

	return geometry(config, &chain, complaint);
}

static int clustered_create(struct page_table *pt, struct config_complaint *complaint)
{
	struct chain_table chain;
	int error = geometry(&pt->config, &chain, complaint);

	return error ? error : chain_create(pt, &chain);
}

const struct pt_ops pt_clustered_ops = {
	.name = "clustered",
	.doc = "a hashed table with a tag for each block of pages (Talluri et al. 1995)",
	.config_check = clustered_config_check,
	.create = clustered_create,
	CHAIN_OPS,
};
