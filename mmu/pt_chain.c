/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The store of hashed tables with chains: nodes, their frames, and doubling.
 *
 * Nodes lie at the end of frames, as many as fit behind a header of 8 bytes or more whose first
 * word is the next frame. Free nodes are a chain, too, and their entries are 0. Frames of nodes go
 * back when the table is destroyed, not before.
 *
 * Doubling is done at once, when a new block would exceed the load limit: a table twice as large is
 * allocated and zeroed, every node is linked anew (loads of tag and next, stores of next and of
 * the bucket, counted as all mapping work is), and the old table is freed. Without memory for it
 * the table stays as it is, its chains grow, and the next new block tries again. With
 * `inline_head` no node is ever needed for doubling: the first block that comes to a new bucket
 * goes into the table, and every other one takes the node that it was in (a new bucket gets
 * blocks of one old bucket only).
 *
 * Invariants (chain_check): every node lies in the chain that its tag hashes to, at most once for
 * a tag; nodes in chains and free nodes are all nodes; a first node in the table that is unused
 * has no chain.
 */

#include "mmu/pt_chain_private.h"

#include <assert.h>
#include <string.h>

static struct chain_table *chain_of(const struct page_table *pt)
{
	return pt->format;
}

static unsigned table_order(uint64_t bytes)
{
	unsigned order = 0;

	while ((uint64_t)FRAME_BYTES << order < bytes)
		order++;
	return order;
}

/* ---- nodes ---- */

static int add_nodes(struct page_table *pt)
{
	struct chain_table *chain = chain_of(pt);
	unsigned count = (FRAME_BYTES - 8) / chain->node_bytes;
	pa_t frame;
	int error = pt_memory_alloc(pt->memory, 0, &frame);

	if (error)
		return error;
	hash_store_word(pt, frame, chain->frames);
	chain->frames = frame;
	for (unsigned i = 1; i <= count; i++) {
		pa_t node = frame + FRAME_BYTES - i * chain->node_bytes;

		hash_store_word(pt, node + NODE_NEXT, chain->free_nodes);
		chain->free_nodes = node;
	}
	chain->frame_count++;
	chain->nodes += count;
	return PW_OK;
}

static pa_t take_node(struct page_table *pt)
{
	struct chain_table *chain = chain_of(pt);
	pa_t node = chain->free_nodes;

	assert(node);
	chain->free_nodes = hash_load(pt, node + NODE_NEXT);
	return node;
}

static void free_node(struct page_table *pt, pa_t node)
{
	struct chain_table *chain = chain_of(pt);

	hash_store_word(pt, node + NODE_TAG, 0);
	hash_store_word(pt, node + NODE_NEXT, chain->free_nodes);
	chain->free_nodes = node;
}

/* ---- along a chain ---- */

/* The node at place->link, or behind it; false at the end of the chain. */
static bool node_at(struct page_table *pt, bool silent, struct hash_place *place)
{
	place->block = hash_look(pt, silent, place->link);
	if (place->block == 0)
		return false;
	place->entries = place->block + NODE_ENTRIES;
	place->tag = hash_look(pt, silent, place->block + NODE_TAG);
	return true;
}

static bool first_node(struct page_table *pt, bool silent, pa_t bucket, struct hash_place *place)
{
	if (!chain_of(pt)->inline_head) {
		place->link = bucket;
		return node_at(pt, silent, place);
	}
	place->link = 0;
	place->block = bucket;
	place->entries = bucket + NODE_ENTRIES;
	place->tag = hash_look(pt, silent, bucket + NODE_TAG);
	return place->tag != 0;
}

static bool next_node(struct page_table *pt, bool silent, struct hash_place *place)
{
	place->link = place->block + NODE_NEXT;
	return node_at(pt, silent, place);
}

/* Without the tag, *place is the last of the chain, or an unused node in the table. */
static bool chain_find(struct page_table *pt, uint64_t tag, struct hash_place *place)
{
	bool more = first_node(pt, false, chain_bucket(chain_of(pt), tag), place);

	for (; more; more = next_node(pt, false, place))
		if ((place->tag & ~TAG_SUPER) == tag)
			return true;
	return false;
}

/* ---- entering and removing ---- */

/* Appends a block to its chain, in a node of its own unless its place in the table is free. */
static void append(struct page_table *pt, uint64_t tag, struct hash_place *place)
{
	bool found = chain_find(pt, tag & ~TAG_SUPER, place);

	assert(!found);
	(void)found;
	if (place->link) {
		place->block = take_node(pt);
		place->entries = place->block + NODE_ENTRIES;
		hash_store_word(pt, place->block + NODE_NEXT, 0);
		hash_store_word(pt, place->link, place->block);
	}
	place->tag = tag;
	hash_store_word(pt, place->block + NODE_TAG, tag);
}

static void free_table(struct page_table *pt, pa_t table, unsigned order)
{
	pt_memory_free(pt->memory, table, order);
}

/* Links a node of an old table into the new one. */
static void relink(struct page_table *pt, pa_t node)
{
	struct chain_table *chain = chain_of(pt);
	pa_t bucket = chain_bucket(chain, hash_load(pt, node + NODE_TAG));

	hash_store_word(pt, node + NODE_NEXT, hash_load(pt, bucket));
	hash_store_word(pt, bucket, node);
	chain->hash.moved++;
}

/* The same where first nodes lie in the table: the block is copied. */
static void reenter(struct page_table *pt, pa_t node, bool in_table)
{
	struct chain_table *chain = chain_of(pt);
	uint64_t tag = hash_load(pt, node + NODE_TAG), entry[1 << HASH_BLOCK_LG2_MAX];
	unsigned count = 1u << chain->hash.block_lg2;
	struct hash_place place;

	for (unsigned i = 0; i < count; i++) {
		entry[i] = hash_load(pt, node + NODE_ENTRIES + i * ENTRY_BYTES);
		if (!in_table)
			hash_store_word(pt, node + NODE_ENTRIES + i * ENTRY_BYTES, 0);
	}
	if (!in_table)
		free_node(pt, node);
	append(pt, tag, &place);
	for (unsigned i = 0; i < count; i++)
		hash_store_word(pt, place.entries + i * ENTRY_BYTES, entry[i]);
	chain->hash.moved++;
}

static void move_chain(struct page_table *pt, pa_t bucket)
{
	bool inline_head = chain_of(pt)->inline_head;
	pa_t node = inline_head ? bucket : hash_load(pt, bucket);

	if (inline_head && hash_load(pt, bucket + NODE_TAG) == 0)
		return;
	for (bool in_table = inline_head; node; in_table = false) {
		pa_t next = hash_load(pt, node + NODE_NEXT);

		if (inline_head)
			reenter(pt, node, in_table);
		else
			relink(pt, node);
		node = next;
	}
}

static int grow(struct page_table *pt)
{
	struct chain_table *chain = chain_of(pt);
	uint64_t buckets = BIT(chain->hash.bucket_lg2);
	unsigned bytes = chain_bucket_bytes(chain), old_order = chain->table_order, order;
	pa_t old = chain->table, table;
	int error;

	if (buckets >= HASH_BUCKETS_MAX)
		return PW_LIMIT;
	order = table_order(2 * buckets * bytes);
	error = pt_memory_alloc(pt->memory, order, &table);
	if (error)
		return error;
	chain->table = table;
	chain->table_order = order;
	chain->hash.bucket_lg2++;
	for (uint64_t i = 0; i < buckets; i++)
		move_chain(pt, old + i * bytes);
	free_table(pt, old, old_order);
	chain->hash.resizes++;
	hash_set_roots(&chain->hash, table);
	return PW_OK;
}

static int chain_insert(struct page_table *pt, uint64_t tag, struct hash_place *place)
{
	struct chain_table *chain = chain_of(pt);

	/* Whether it grew or not, there may be room. */
	if (hash_crowded(&chain->hash, BIT(chain->hash.bucket_lg2)))
		grow(pt);
	if (!chain->free_nodes) {
		int error = add_nodes(pt);

		if (error)
			return error;
	}
	append(pt, tag, place);
	chain->hash.blocks++;
	return PW_OK;
}

/* The second node of a chain takes the place of the first, where that lies in the table. */
static void pull_up(struct page_table *pt, pa_t head)
{
	pa_t second = hash_load(pt, head + NODE_NEXT);

	hash_store_word(pt, head + NODE_TAG, second ? hash_load(pt, second + NODE_TAG) : 0);
	if (!second)
		return;
	hash_store_word(pt, head + NODE_NEXT, hash_load(pt, second + NODE_NEXT));
	for (unsigned i = 0; i < 1u << chain_of(pt)->hash.block_lg2; i++) {
		pa_t entry = second + NODE_ENTRIES + i * ENTRY_BYTES;

		hash_store_word(pt, head + NODE_ENTRIES + i * ENTRY_BYTES, hash_load(pt, entry));
		hash_store_word(pt, entry, 0);
	}
	free_node(pt, second);
}

static void chain_remove(struct page_table *pt, const struct hash_place *place)
{
	if (place->link) {
		hash_store_word(pt, place->link, hash_load(pt, place->block + NODE_NEXT));
		free_node(pt, place->block);
	} else {
		pull_up(pt, place->block);
	}
	chain_of(pt)->hash.blocks--;
}

/* ---- all blocks ---- */

static bool chain_at(struct page_table *pt, struct hash_cursor *cursor, struct hash_place *place)
{
	const struct chain_table *chain = chain_of(pt);

	for (; cursor->bucket < BIT(chain->hash.bucket_lg2); cursor->bucket++) {
		pa_t bucket = chain->table + cursor->bucket * chain_bucket_bytes(chain);

		if (!cursor->within) {
			if (first_node(pt, cursor->silent, bucket, place))
				return true;
			continue;
		}
		place->link = cursor->link;
		if (node_at(pt, cursor->silent, place))
			return true;
		cursor->within = false;
	}
	return false;
}

static void chain_advance(struct hash_cursor *cursor, const struct hash_place *place)
{
	cursor->within = true;
	cursor->link = place->block + NODE_NEXT;
}

static uint64_t chain_distance(struct page_table *pt, const struct hash_place *place)
{
	struct hash_place other;
	bool more = first_node(pt, true, chain_bucket(chain_of(pt), place->tag), &other);
	uint64_t distance = 1;

	for (; more && other.block != place->block; more = next_node(pt, true, &other))
		distance++;
	return distance;
}

static const struct hash_store chain_store = {
	.find = chain_find,
	.insert = chain_insert,
	.remove = chain_remove,
	.at = chain_at,
	.advance = chain_advance,
	.distance = chain_distance,
};

/* ---- the whole table ---- */

int chain_space_create(struct pt_space *space)
{
	int error = hash_space_create(space);

	if (!error)
		space->root = chain_of(space->table)->table;
	return error;
}

void chain_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct chain_table *chain = chain_of(pt);
	uint64_t nodes = chain->nodes + (chain->inline_head ? BIT(chain->hash.bucket_lg2) : 0);

	memset(stats, 0, sizeof(*stats));
	stats->tables[0] = BIT(chain->table_order) + chain->frame_count;
	stats->table_bytes = stats->tables[0] * FRAME_BYTES;
	stats->entries = chain->hash.entries;
	stats->slots = nodes << chain->hash.block_lg2;
	stats->blocks = chain->hash.blocks;
	stats->buckets = BIT(chain->hash.bucket_lg2);
	stats->resizes = chain->hash.resizes;
	stats->moved = chain->hash.moved;
	stats->longest_chain = hash_longest(pt);
}

int chain_create(struct page_table *pt, struct chain_table *geometry)
{
	struct chain_table *chain = host_zalloc(pt->alloc, 1, sizeof(*chain));
	int error;

	if (!chain)
		return PW_NOMEM;
	*chain = *geometry;
	chain->hash.store = &chain_store;
	chain->table_order = table_order(chain_bucket_bytes(chain) * BIT(chain->hash.bucket_lg2));
	error = pt_memory_alloc(pt->memory, chain->table_order, &chain->table);
	if (error) {
		host_free(pt->alloc, chain);
		return error;
	}
	hash_fill_caps(pt, &chain->hash);
	pt->caps.entry_bytes = chain->hash.block_lg2 ? 0 : (uint8_t)chain->node_bytes;
	pt->format = chain;
	return PW_OK;
}

void chain_destroy(struct page_table *pt)
{
	struct chain_table *chain = chain_of(pt);

	assert(!chain->hash.spaces);
	while (chain->frames) {
		pa_t frame = chain->frames;

		chain->frames = hash_load(pt, frame);
		pt_memory_free(pt->memory, frame, 0);
	}
	free_table(pt, chain->table, chain->table_order);
	host_free(pt->alloc, chain);
	pt->format = NULL;
}
