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
 * Not modelled of Linux: zones, lists by migration type, per-CPU lists, putting a block at the end
 * of its list when its buddy is about to merge.
 *
 * Host memory is 12 bytes a frame, in chunks that are made when a block is cut or handed out in
 * them; blocks of the highest order that were never touched are not in a list but in a range, and
 * cost nothing. free() needs no memory.
 *
 * Invariants (buddy_check): a list holds just the blocks marked free with its order; no two free
 * buddies of one order (they would be one block); free blocks are disjoint; they and the untouched
 * ones are free_count frames.
 */

#include <assert.h>

#include "emu/kernel/frame_alloc_private.h"

enum { CHUNK_LG2 = 12, CHUNK_FRAMES = 1 << CHUNK_LG2, ORDER_TOP = FRAME_BLOCK_ORDER_MAX };

#define NO_BLOCK UINT32_MAX

struct node {
	uint32_t next, previous; /* first frames of blocks, NO_BLOCK at the ends */
	uint8_t heads;           /* 1 + order of the free block that begins here; 0: none does */
};

struct buddy {
	pfn_t first, end;
	pfn_t untouched, untouched_end; /* whole blocks of the highest order, never handed out */
	uint32_t listed;                /* bit (1 << order): the list is not empty */
	uint32_t list[FRAME_BLOCK_ORDERS];
	uint64_t count[FRAME_BLOCK_ORDERS];
	uint64_t chunks;
	struct node **chunk; /* by frame number */
};

static pfn_t frames_of(unsigned order)
{
	return (pfn_t)1 << order;
}

/* NULL where no block was ever cut. */
static struct node *node_at(const struct buddy *b, pfn_t pfn)
{
	struct node *chunk = b->chunk[pfn >> CHUNK_LG2];

	return chunk ? &chunk[pfn & (CHUNK_FRAMES - 1)] : NULL;
}

static void push(struct buddy *b, pfn_t pfn, unsigned order)
{
	struct node *node = node_at(b, pfn);

	node->heads = (uint8_t)(order + 1);
	node->previous = NO_BLOCK;
	node->next = b->list[order];
	if (node->next != NO_BLOCK)
		node_at(b, node->next)->previous = (uint32_t)pfn;
	b->list[order] = (uint32_t)pfn;
	b->listed |= 1u << order;
	b->count[order]++;
}

static void take(struct buddy *b, pfn_t pfn, unsigned order)
{
	struct node *node = node_at(b, pfn);

	assert(node->heads == order + 1);
	node->heads = 0;
	if (node->next != NO_BLOCK)
		node_at(b, node->next)->previous = node->previous;
	if (node->previous != NO_BLOCK)
		node_at(b, node->previous)->next = node->next;
	else
		b->list[order] = node->next;
	if (b->list[order] == NO_BLOCK)
		b->listed &= ~(1u << order);
	b->count[order]--;
}

/* Makes the chunks of a range; what was made stays when the host refuses the rest. */
static bool cover(struct frame_allocator *fa, pfn_t pfn, pfn_t frames)
{
	struct buddy *b = fa->state;

	for (uint64_t i = pfn >> CHUNK_LG2; i <= (pfn + frames - 1) >> CHUNK_LG2; i++) {
		if (!b->chunk[i])
			b->chunk[i] = host_zalloc(fa->alloc, CHUNK_FRAMES, sizeof(struct node));
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
			push(b, at, order);
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
	for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
		b->list[order] = NO_BLOCK;
	b->chunks = (end + CHUNK_FRAMES - 1) >> CHUNK_LG2;
	b->chunk = host_zalloc(fa->alloc, b->chunks, sizeof(struct node *));
	if (b->chunk && fill_lists(fa))
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

static pfn_t buddy_alloc(struct frame_allocator *fa, unsigned order)
{
	struct buddy *b = fa->state;
	unsigned from = ORDER_TOP;
	uint32_t fitting;
	pfn_t pfn;

	if (order > ORDER_TOP)
		return PFN_NONE;
	fitting = b->listed >> order << order;
	if (fitting) {
		from = (unsigned)__builtin_ctz(fitting);
		pfn = b->list[from];
	} else if (b->untouched < b->untouched_end) {
		pfn = b->untouched;
	} else {
		return PFN_NONE;
	}
	if (!cover_parts(fa, pfn, from, order))
		return PFN_NONE;
	if (fitting)
		take(b, pfn, from);
	else
		b->untouched += frames_of(ORDER_TOP);
	while (from > order) {
		from--;
		push(b, pfn + frames_of(from), from);
	}
	return pfn;
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

	assert(node_at(b, pfn)->heads == 0 && "frame freed twice");
	while (order < ORDER_TOP && buddy_is_free(b, pfn, order)) {
		take(b, pfn ^ frames_of(order), order);
		pfn &= ~frames_of(order);
		order++;
	}
	push(b, pfn, order);
}

static void buddy_count_blocks(const struct frame_allocator *fa,
			       uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	const struct buddy *b = fa->state;

	for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
		blocks[order] += b->count[order];
	blocks[ORDER_TOP] += (b->untouched_end - b->untouched) >> ORDER_TOP;
}

static const char *check_list(const struct buddy *b, unsigned order, uint64_t *free)
{
	uint32_t previous = NO_BLOCK;
	uint64_t count = 0;

	for (uint32_t at = b->list[order]; at != NO_BLOCK; at = node_at(b, at)->next) {
		const struct node *node = node_at(b, at);

		if (!node || node->heads != order + 1 || node->previous != previous ||
		    ++count > b->count[order])
			return "a list of free blocks is not linked, or holds what is not free";
		if (at % frames_of(order) || at < b->first || b->end - at < frames_of(order))
			return "a free block is not aligned, or outside of memory";
		if (order < ORDER_TOP && buddy_is_free(b, at, order))
			return "two buddies are free and were not merged";
		previous = at;
	}
	*free += count << order;
	if (count != b->count[order] || !(b->listed >> order & 1) != (count == 0))
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
			pfn |= CHUNK_FRAMES - 1;
			continue;
		}
		if (node->heads == 0)
			continue;
		if (pfn < end || (pfn >= b->untouched && pfn < b->untouched_end))
			return "a free block begins inside another";
		end = pfn + frames_of(node->heads - 1u);
		marked++;
	}
	for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
		listed += b->count[order];
	return marked == listed ? NULL : "a block is marked free and in no list";
}

static int buddy_check(const struct frame_allocator *fa, const char **what)
{
	const struct buddy *b = fa->state;
	uint64_t free = b->untouched_end - b->untouched;
	const char *wrong = NULL;

	for (unsigned order = 0; !wrong && order < FRAME_BLOCK_ORDERS; order++)
		wrong = check_list(b, order, &free);
	if (!wrong)
		wrong = check_nodes(b);
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
	.check = buddy_check,
};
