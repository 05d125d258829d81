/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_CHAIN_PRIVATE_H
#define PAGEWALK_MMU_PT_CHAIN_PRIVATE_H

/*
 * Hashed tables with chains: `hashed`, `clustered` and `pa-risc` are this with other data.
 *
 *   node    0 tag   8 next: physical address of the next node, 0: none   16 entries, 8 bytes each
 *   anchor  physical address of the first node of the chain, 0: none
 */

#include "mmu/pt_hash_entry_private.h"

enum { NODE_TAG = 0, NODE_NEXT = 8, NODE_ENTRIES = 16, ANCHOR_BYTES = 8, NO_TRAP = 0xffff };

struct chain_table {
	struct hash_table hash;
	unsigned node_bytes;
	bool inline_head; /* the table is of nodes, each the first of its chain, not of anchors */
	/* A walk looks at that many nodes by itself, then a handler does the rest. NO_TRAP: all. */
	unsigned hardware_nodes;
	unsigned handler_instructions;
	unsigned table_order;
	pa_t table;
	pa_t frames; /* of nodes: a chain through their headers */
	pa_t free_nodes;
	uint64_t frame_count, nodes; /* nodes outside the table, in chains or free */
};

static inline unsigned chain_bucket_bytes(const struct chain_table *chain)
{
	return chain->inline_head ? chain->node_bytes : ANCHOR_BYTES;
}

/* The bucket that a tag hashes to: an anchor, or the first node. */
static inline pa_t chain_bucket(const struct chain_table *chain, uint64_t tag)
{
	return chain->table + hash_bucket(&chain->hash, tag) * chain_bucket_bytes(chain);
}

/* pt_chain.c: chain->hash is configured; the rest of the geometry as well. */
int chain_create(struct page_table *pt, struct chain_table *geometry);
void chain_destroy(struct page_table *pt);
int chain_space_create(struct pt_space *space);
void chain_stats(const struct page_table *pt, struct pt_stats *stats);
/* pt_chain_walk.c */
void chain_walk_start(const struct walk_input *input, struct walk_state *state);
enum walk_step chain_walk_next(const struct walk_input *input, struct walk_state *state,
			       const struct walk_reply *reply, struct walk_request *request);
enum fault_kind chain_probe(const struct walk_input *input, struct translation *leaf,
			    unsigned *level);
unsigned chain_describe(const struct page_table *pt, unsigned level, const void *bytes,
			unsigned length, struct pt_field *fields);
/* pt_chain_check.c */
int chain_check(struct page_table *pt, const char **what);

/* All of pt_ops but name, doc and create. */
#define CHAIN_OPS                                                                                 \
	.destroy = chain_destroy, .space_create = chain_space_create,                             \
	.space_destroy = hash_space_destroy, .map = hash_map, .unmap = hash_unmap,                \
	.protect = hash_protect, .harvest = hash_harvest, .mark = hash_mark, .split = hash_split, \
	.for_each = hash_for_each, .describe = chain_describe, .stats = chain_stats,              \
	.walk_start = chain_walk_start, .walk_next = chain_walk_next, .probe = chain_probe,       \
	.check = chain_check

#endif
