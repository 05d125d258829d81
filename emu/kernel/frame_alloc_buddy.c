/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The buddy allocator: free memory is kept in naturally aligned blocks of 2^order frames, order 0
 * to 18 (4 KiB to 1 GiB), one list for each order.
 *
 *	order 3   |       8..15       |     buddies differ in one bit of their first frame:
 *	order 2   |  8..11  | 12..15  |     buddy = first ^ 2^order, both together are the
 *	order 1   | 8 9 |10 11|  ...        block of the next order at first & ~2^order
 *
 * A request takes the first block of the smallest order that has any. A block that is too large is
 * halved, the upper half going to its list, until it fits; the lowest part is handed out. What is
 * freed joins its buddy while that is free as a whole. Lists are last in, first out, as Linux's are
 * (mm/page_alloc.c: __rmqueue_smallest(), expand(), __free_one_page()); of fresh memory the lowest
 * comes first. Source: Knuth, The Art of Computer Programming 1, section 2.5, "buddy system".
 *
 * There are such lists for each category of frames (frame_alloc_mobility.c); without grouping all
 * blocks are in those of the movable ones.
 *
 * Not modelled of Linux: zones, per-CPU lists, putting a block at the end of its list when its buddy
 * is about to merge.
 *
 * Host memory is 12 bytes a frame and 8 a pageblock, the former in chunks that are made when a block is cut or handed out in
 * them; blocks of the highest order that were never touched are not in a list but in a range, and
 * cost nothing. free() needs no memory.
 *
 * Invariants (buddy_check): a list holds just the blocks marked free with its order and of its type,
 * which all pageblocks that a block covers have; no two free
 * buddies of one order (they would be one block); free blocks are disjoint; they and the untouched
 * ones are free_count frames.
 */

#include <assert.h>

#include "emu/kernel/frame_alloc_buddy.h"
#include "emu/kernel/frame_alloc_private.h"

void buddy_push(struct buddy *b, pfn_t pfn, unsigned order)
{
	struct node *node = node_at(b, pfn);
	unsigned type = pageblock_of(b, pfn)->type;

	node->heads = (uint8_t)(order + 1);
	node->previous = NO_BLOCK;
	node->next = b->list[type][order];
	if (node->next != NO_BLOCK)
		node_at(b, node->next)->previous = (uint32_t)pfn;
	b->list[type][order] = (uint32_t)pfn;
	b->listed[type] |= 1u << order;
	b->count[type][order]++;
}

void buddy_take(struct buddy *b, pfn_t pfn, unsigned order)
{
	struct node *node = node_at(b, pfn);
	unsigned type = pageblock_of(b, pfn)->type;

	assert(node->heads == order + 1);
	node->heads = 0;
	if (node->next != NO_BLOCK)
		node_at(b, node->next)->previous = node->previous;
	if (node->previous != NO_BLOCK)
		node_at(b, node->previous)->next = node->next;
	else
		b->list[type][order] = node->next;
	if (b->list[type][order] == NO_BLOCK)
		b->listed[type] &= ~(1u << order);
	b->count[type][order]--;
}

/* Makes the chunks of a range; what was made stays when the host refuses the rest. */
static bool cover(struct frame_allocator *fa, pfn_t pfn, pfn_t frames)
{
	struct buddy *b = fa->state;

	for (uint64_t i = pfn >> BUDDY_CHUNK_LG2; i <= (pfn + frames - 1) >> BUDDY_CHUNK_LG2; i++) {
		if (!b->chunk[i])
			b->chunk[i] =
				host_zalloc(fa->alloc, BUDDY_CHUNK_FRAMES, sizeof(struct node));
		if (!b->chunk[i])
			return false;
	}
	return true;
}

/* Cuts [first, end) into blocks, from above, so that the lowest come first in their lists. */
static bool fill_lists(struct frame_allocator *fa)
{
	struct buddy *b = fa->state;
	pfn_t at = b->end;

	while (at > b->first) {
		unsigned order = (unsigned)__builtin_ctzll(at);

		if (order > ORDER_TOP)
			order = ORDER_TOP;
		while (at - b->first < frames_of(order))
			order--;
		at -= frames_of(order);
		if (order == ORDER_TOP) {
			b->untouched = at;
			if (!b->untouched_end)
				b->untouched_end = at + frames_of(order);
		} else {
			if (!cover(fa, at, 1))
				return false;
			buddy_push(b, at, order);
		}
	}
	return true;
}

static void buddy_destroy(struct frame_allocator *fa)
{
	struct buddy *b = fa->state;

	for (uint64_t i = 0; b->chunk && i < b->chunks; i++)
		host_free(fa->alloc, b->chunk[i]);
	host_free(fa->alloc, b->chunk);
	host_free(fa->alloc, b->pageblock);
	host_free(fa->alloc, b);
}

static int buddy_create(struct frame_allocator *fa, pfn_t first, pfn_t end)
{
	struct buddy *b;

	if (end >= NO_BLOCK)
		return PW_UNSUPPORTED;
	b = host_zalloc(fa->alloc, 1, sizeof(*b));
	if (!b)
		return PW_NOMEM;
	fa->state = b;
	b->first = first;
	b->end = end;
	for (unsigned type = 0; type < FRAME_CATEGORY_COUNT; type++)
		for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
			b->list[type][order] = NO_BLOCK;
	b->chunks = (end + BUDDY_CHUNK_FRAMES - 1) >> BUDDY_CHUNK_LG2;
	b->chunk = host_zalloc(fa->alloc, b->chunks, sizeof(struct node *));
	b->pageblock =
		host_zalloc(fa->alloc, (end >> FRAME_PAGEBLOCK_ORDER) + 1, sizeof(*b->pageblock));
	if (b->chunk && b->pageblock && fill_lists(fa))
		return PW_OK;
	buddy_destroy(fa);
	return PW_NOMEM;
}

/* The chunks that handing out 2^order frames of a block of order `from` writes to. */
static bool cover_parts(struct frame_allocator *fa, pfn_t pfn, unsigned from, unsigned order)
{
	if (!cover(fa, pfn, frames_of(order)))
		return false;
	for (unsigned i = order; i < from; i++)
		if (!cover(fa, pfn + frames_of(i), 1))
			return false;
	return true;
}

static void buddy_group(struct frame_allocator *fa)
{
	((struct buddy *)fa->state)->grouped = true;
}

/* A free block leaves its list, or the untouched ones. */
static void take_choice(struct buddy *b, const struct buddy_choice *choice)
{
	if (choice->untouched)
		b->untouched += frames_of(ORDER_TOP);
	else
		buddy_take(b, choice->pfn, choice->order);
}

static pfn_t buddy_alloc(struct frame_allocator *fa, unsigned order, enum frame_category category)
{
	struct buddy *b = fa->state;
	unsigned type = b->grouped ? category : FRAME_MOVABLE;
	struct buddy_choice choice;
	bool own;

	if (order > ORDER_TOP)
		return PFN_NONE;
	own = buddy_smallest(b, type, order, &choice);
	if (!own && (!b->grouped || !buddy_fallback(b, type, order, &choice)))
		return PFN_NONE;
	if (!cover_parts(fa, choice.pfn, choice.order, order))
		return PFN_NONE;
	if (!own)
		buddy_claim(b, type, order, &choice);
	take_choice(b, &choice);
	if (!own && choice.order >= FRAME_PAGEBLOCK_ORDER)
		buddy_set_type(b, choice.pfn,
			       order > FRAME_PAGEBLOCK_ORDER ? order : FRAME_PAGEBLOCK_ORDER, type);
	while (choice.order > order) {
		choice.order--;
		buddy_push(b, choice.pfn + frames_of(choice.order), choice.order);
	}
	buddy_use(b, choice.pfn, order, category);
	return choice.pfn;
}

/* Is the whole buddy of that block free, in one piece? */
static bool buddy_is_free(const struct buddy *b, pfn_t pfn, unsigned order)
{
	pfn_t other = pfn ^ frames_of(order);
	const struct node *node;

	if (other < b->first || b->end - other < frames_of(order))
		return false;
	node = node_at(b, other);
	return node && node->heads == order + 1;
}

static void buddy_free(struct frame_allocator *fa, pfn_t pfn, unsigned order)
{
	struct buddy *b = fa->state;

	buddy_unuse(b, pfn, order);
	while (order < ORDER_TOP && buddy_is_free(b, pfn, order)) {
		pfn_t other = pfn ^ frames_of(order);

		buddy_take(b, other, order);
		if (order >= FRAME_PAGEBLOCK_ORDER)
			buddy_set_type(b, other, order, pageblock_of(b, pfn)->type);
		pfn &= ~frames_of(order);
		order++;
	}
	buddy_push(b, pfn, order);
}

static void buddy_count_blocks(const struct frame_allocator *fa,
			       uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	const struct buddy *b = fa->state;

	for (unsigned type = 0; type < FRAME_CATEGORY_COUNT; type++)
		for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
			blocks[order] += b->count[type][order];
	blocks[ORDER_TOP] += (b->untouched_end - b->untouched) >> ORDER_TOP;
}

/* Have all pageblocks that the block covers that type? */
static bool is_of_type(const struct buddy *b, pfn_t pfn, unsigned order, unsigned type)
{
	for (pfn_t at = pfn; at < pfn + frames_of(order); at += frames_of(FRAME_PAGEBLOCK_ORDER))
		if (pageblock_of(b, at)->type != type)
			return false;
	return true;
}

static const char *check_list(const struct buddy *b, unsigned type, unsigned order, uint64_t *free)
{
	uint32_t previous = NO_BLOCK;
	uint64_t count = 0;

	for (uint32_t at = b->list[type][order]; at != NO_BLOCK; at = node_at(b, at)->next) {
		const struct node *node = node_at(b, at);

		if (!node || node->heads != order + 1 || node->previous != previous ||
		    ++count > b->count[type][order])
			return "a list of free blocks is not linked, or holds what is not free";
		if (at % frames_of(order) || at < b->first || b->end - at < frames_of(order))
			return "a free block is not aligned, or outside of memory";
		if (order < ORDER_TOP && buddy_is_free(b, at, order))
			return "two buddies are free and were not merged";
		if (!is_of_type(b, at, order, type))
			return "a free block is in the lists of another type";
		previous = at;
	}
	*free += count << order;
	if (count != b->count[type][order] || !(b->listed[type] >> order & 1) != (count == 0))
		return "a list of free blocks miscounts them";
	return NULL;
}

/* Each block that is marked free is listed, and none begins inside another. */
static const char *check_nodes(const struct buddy *b)
{
	uint64_t marked = 0, listed = 0;
	pfn_t end = 0;

	for (pfn_t pfn = b->first; pfn < b->end; pfn++) {
		const struct node *node = node_at(b, pfn);

		if (!node) {
			pfn |= BUDDY_CHUNK_FRAMES - 1;
			continue;
		}
		if (node->heads == 0)
			continue;
		if (node->used_as)
			return "a frame is free and in use";
		if (pfn < end || (pfn >= b->untouched && pfn < b->untouched_end))
			return "a free block begins inside another";
		end = pfn + frames_of(node->heads - 1u);
		marked++;
	}
	for (unsigned type = 0; type < FRAME_CATEGORY_COUNT; type++)
		for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
			listed += b->count[type][order];
	return marked == listed ? NULL : "a block is marked free and in no list";
}

static int buddy_check(const struct frame_allocator *fa, const char **what)
{
	const struct buddy *b = fa->state;
	uint64_t free = b->untouched_end - b->untouched;
	const char *wrong = NULL;

	for (unsigned type = 0; type < FRAME_CATEGORY_COUNT; type++)
		for (unsigned order = 0; !wrong && order < FRAME_BLOCK_ORDERS; order++)
			wrong = check_list(b, type, order, &free);
	if (!wrong)
		wrong = check_nodes(b);
	if (!wrong)
		wrong = buddy_check_pageblocks(b);
	if (!wrong && free != fa->free_count)
		wrong = "the count of free frames is not that of the free blocks";
	*what = wrong;
	return wrong ? PW_CORRUPT : PW_OK;
}

const struct frame_allocator_ops frame_alloc_buddy_ops = {
	.name = "buddy",
	.create = buddy_create,
	.destroy = buddy_destroy,
	.alloc = buddy_alloc,
	.free = buddy_free,
	.count_blocks = buddy_count_blocks,
	.group = buddy_group,
	.mark = buddy_mark,
	.look = buddy_look,
	.check = buddy_check,
};
