/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A chained hashed page table, one for all address spaces: an anchor table of `buckets` pointers,
 * each to a chain of nodes, all in simulated memory. Base pages only.
 *
 *   anchor[hash(asid, vpn)] ─> node ─> node ─> 0
 *
 *   node, 32 bytes, never across a cache line:
 *     0  tag    63      vpn      16 15  asid  0
 *     8  entry  63 NX, 51..12 frame, 8 G, 6 D, 5 A, 2 U, 1 W, 0 valid (as on x86)
 *    16  next   physical address of the next node, 0: none
 *    24  unused
 *
 * A walk reads the anchor, then the chain until the tag matches: 1 + position in the chain reads, 1
 * for an absent page in an empty bucket. Source: the hash anchor table of Chang & Mergen, "801
 * Storage" (ACM TOCS 6(1), 1988); Jacob & Mudge, "A Look at Several Memory Management Units"
 * (ASPLOS 1998), section 2.
 *
 * Nodes come from frames of 127, the first 32 bytes of a frame being a header (the next frame).
 * Free nodes are a chain, too. Frames of nodes go back when the table is destroyed, not before.
 *
 * Not modelled: clustered or multi-size entries, moving a found node to the front, an inverted
 * table's one entry a frame.
 *
 * Invariants (hashed_check, pt_hashed_check.c): every node lies in the chain that its tag hashes to, at most once for
 * an (asid, vpn); the nodes in chains and the free ones are all nodes; space->mapped is the
 * number of nodes with its ASID.
 */

#include "mmu/pt_formats_private.h"
#include "mmu/pt_hashed_private.h"

#include <assert.h>
#include <string.h>

/* ---- the walk ---- */

enum hashed_phase { PHASE_ANCHOR, PHASE_NODE, PHASE_WRITTEN };
enum { WORD_ENTRY };

static void hashed_walk_start(const struct walk_input *input, struct walk_state *state)
{
	const struct hashed *hashed = input->space->table->format;

	memset(state, 0, sizeof(*state));
	state->table = hashed_anchor(hashed, hashed_tag(input->space, input->va));
	state->phase = PHASE_ANCHOR;
	state->perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER;
}

static enum walk_step step_read(const struct walk_state *state, struct walk_request *request)
{
	request->read.ref[0].pa = state->table;
	request->read.ref[0].bytes = state->phase == PHASE_ANCHOR ? ANCHOR_BYTES : NODE_BYTES;
	request->read.count = 1;
	request->read.level = 0;
	request->read.together = false;
	request->cacheable = false;
	return WALK_READ;
}

static enum walk_step step_fault(enum fault_kind kind, struct walk_request *request)
{
	request->fault.kind = (uint8_t)kind;
	request->fault.level = 0;
	return WALK_FAULT;
}

static enum walk_step step_chain(struct walk_state *state, uint64_t next,
				 struct walk_request *request)
{
	if (next == 0)
		return step_fault(FAULT_NOT_PRESENT, request);
	state->table = next;
	state->phase = PHASE_NODE;
	return step_read(state, request);
}

static enum walk_step step_found(const struct walk_input *input, struct walk_state *state,
				 uint64_t entry, struct walk_request *request)
{
	uint64_t wanted = BIT(ENTRY_A) | (input->access == ACCESS_WRITE ? BIT(ENTRY_D) : 0);

	if (!access_allowed(&input->controls, input->mode, input->access, hashed_perms(entry)))
		return step_fault(FAULT_PROTECTION, request);
	if ((entry & wanted) == wanted) {
		hashed_decode(hashed_tag(input->space, input->va), entry, &request->leaf);
		return WALK_LEAF;
	}
	state->phase = PHASE_WRITTEN;
	state->word[WORD_ENTRY] = entry | wanted;
	request->write.pa = state->table + NODE_ENTRY;
	request->write.old_value = entry;
	request->write.new_value = entry | wanted;
	request->write.bytes = 8;
	request->write.level = 0;
	return WALK_WRITE;
}

static enum walk_step hashed_walk_next(const struct walk_input *input, struct walk_state *state,
				       const struct walk_reply *reply, struct walk_request *request)
{
	const uint8_t *line;

	if (!reply)
		return step_read(state, request);
	switch ((enum hashed_phase)state->phase) {
	case PHASE_ANCHOR:
		return step_chain(state, walk_load(reply->line[0], ANCHOR_BYTES), request);
	case PHASE_NODE:
		line = reply->line[0];
		if (walk_load(line + NODE_TAG, 8) == hashed_tag(input->space, input->va))
			return step_found(input, state, walk_load(line + NODE_ENTRY, 8), request);
		return step_chain(state, walk_load(line + NODE_NEXT, 8), request);
	case PHASE_WRITTEN:
		if (reply->write_lost) {
			state->phase = PHASE_NODE;
			return step_read(state, request);
		}
		hashed_decode(hashed_tag(input->space, input->va), state->word[WORD_ENTRY],
			      &request->leaf);
		return WALK_LEAF;
	}
	return step_fault(FAULT_NOT_PRESENT, request);
}

/* ---- the whole table ---- */

/* An anchor (8 bytes) is a pointer; a node is tag, entry and link. */
static unsigned hashed_describe(const struct page_table *pt, unsigned level, const void *bytes,
				unsigned length, struct pt_field *fields)
{
	static const struct pt_field all[] = {
		{ "V", ENTRY_VALID, 1, 0 },
		{ "W", ENTRY_W, 1, 0 },
		{ "U", ENTRY_U, 1, 0 },
		{ "A", ENTRY_A, 1, 0 },
		{ "D", ENTRY_D, 1, 0 },
		{ "G", ENTRY_G, 1, 0 },
		{ "PFN", FRAME_LG2, PA_BITS - FRAME_LG2, 0 },
		{ "NX", 63, 1, 0 },
	};
	const unsigned count = sizeof(all) / sizeof(all[0]);
	const uint8_t *node = bytes;
	uint64_t raw;

	(void)pt;
	if (level > 0)
		return 0;
	if (length == ANCHOR_BYTES) {
		fields[0] = (struct pt_field){ "FIRST", 0, 64, walk_load(bytes, ANCHOR_BYTES) };
		return 1;
	}
	raw = walk_load(node + NODE_ENTRY, 8);
	for (unsigned i = 0; i < count; i++) {
		fields[i] = all[i];
		fields[i].value = raw >> all[i].low_bit & (BIT(all[i].bits) - 1);
	}
	fields[count] = (struct pt_field){ "ASID", 0, 16, walk_load(node + NODE_TAG, 2) };
	fields[count + 1] = (struct pt_field){ "VPN", 16, 48, walk_load(node + NODE_TAG, 8) >> 16 };
	fields[count + 2] = (struct pt_field){ "NEXT", 0, 64, walk_load(node + NODE_NEXT, 8) };
	return count + 3;
}

static uint64_t chain_length(const struct page_table *pt, pa_t link)
{
	uint64_t length = 0;

	for (pa_t node = hashed_peek(pt, link); node; node = hashed_peek(pt, node + NODE_NEXT))
		length++;
	return length;
}

static void hashed_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct hashed *hashed = pt->format;

	memset(stats, 0, sizeof(*stats));
	stats->tables[0] = ((uint64_t)1 << hashed->anchor_order) + hashed->frame_count;
	stats->table_bytes = stats->tables[0] * FRAME_BYTES;
	stats->entries = hashed->used;
	stats->slots = hashed->nodes;
	for (uint64_t i = 0; i < hashed->buckets; i++) {
		uint64_t length = chain_length(pt, hashed->anchor + i * ANCHOR_BYTES);

		if (length > stats->longest_chain)
			stats->longest_chain = length;
	}
}

static int hashed_space_create(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct hashed *hashed = pt->format;
	struct hashed_space *links = host_zalloc(pt->alloc, 1, sizeof(*links));

	if (!links)
		return PW_NOMEM;
	links->next = hashed->spaces;
	if (links->next)
		((struct hashed_space *)links->next->format)->previous = space;
	hashed->spaces = space;
	space->format = links;
	space->root = hashed->anchor;
	return PW_OK;
}

static void hashed_space_destroy(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct hashed *hashed = pt->format;
	struct hashed_space *links = space->format;

	hashed_remove_all(space);
	if (links->previous)
		((struct hashed_space *)links->previous->format)->next = links->next;
	else
		hashed->spaces = links->next;
	if (links->next)
		((struct hashed_space *)links->next->format)->previous = links->previous;
	host_free(pt->alloc, links);
}

static void fill_caps(struct pt_caps *caps, const struct hashed *hashed)
{
	caps->page_sizes = FRAME_BYTES;
	caps->base_page_lg2 = FRAME_LG2;
	caps->va_bits = VA_BITS;
	caps->pa_bits = PA_BITS;
	caps->level_count = 1;
	caps->entry_bytes = NODE_BYTES;
	caps->level_lg2[0] = FRAME_LG2;
	caps->sign_extended = true;
	caps->hardware_accessed = true;
	caps->hardware_dirty = true;
	caps->aliases = true;
	caps->contiguous = hashed->anchor_order > 0;
}

static int hashed_create(struct page_table *pt, struct config_complaint *complaint)
{
	uint64_t buckets = pt->config.hashed.buckets;
	unsigned lg2 = (unsigned)__builtin_ctzll(buckets | BUCKETS_MAX);
	struct hashed *hashed;
	int error;

	if (buckets == 0 || (buckets & (buckets - 1)) || buckets > BUCKETS_MAX) {
		strcpy(complaint->field, "page_table.hashed.buckets");
		complaint->must_be = "a power of two up to 16777216";
		return PW_INVALID;
	}
	hashed = host_zalloc(pt->alloc, 1, sizeof(*hashed));
	if (!hashed)
		return PW_NOMEM;
	hashed->buckets = buckets;
	hashed->hash_shift = lg2 ? 64 - lg2 : 63;
	hashed->anchor_order = lg2 + 3 > FRAME_LG2 ? lg2 + 3 - FRAME_LG2 : 0;
	error = pt_memory_alloc(pt->memory, hashed->anchor_order, &hashed->anchor);
	if (error) {
		host_free(pt->alloc, hashed);
		return error;
	}
	fill_caps(&pt->caps, hashed);
	pt->format = hashed;
	return PW_OK;
}

static void hashed_destroy(struct page_table *pt)
{
	struct hashed *hashed = pt->format;

	assert(!hashed->spaces);
	while (hashed->frames) {
		pa_t frame = hashed->frames;

		hashed->frames = hashed_load(pt, frame);
		pt_memory_free(pt->memory, frame, 0);
	}
	pt_memory_free(pt->memory, hashed->anchor, hashed->anchor_order);
	host_free(pt->alloc, hashed);
	pt->format = NULL;
}

const struct pt_ops pt_hashed_ops = {
	.name = "hashed",
	.doc = "one chained hash table for all spaces: anchors, and a node a page",
	.create = hashed_create,
	.destroy = hashed_destroy,
	.space_create = hashed_space_create,
	.space_destroy = hashed_space_destroy,
	.map = hashed_map,
	.unmap = hashed_unmap,
	.protect = hashed_protect,
	.harvest = hashed_harvest,
	.mark = hashed_mark,
	.split = hashed_split,
	.for_each = hashed_for_each,
	.describe = hashed_describe,
	.stats = hashed_stats,
	.walk_start = hashed_walk_start,
	.walk_next = hashed_walk_next,
	.check = hashed_check,
};
