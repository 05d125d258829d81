/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Grouping by mobility (Linux 6.12: mm/page_alloc.c, __rmqueue_fallback(), steal_suitable_fallback();
 * Gorman and Whitcroft, "The What, The Why and the Where To of Anti-Fragmentation", OLS 2006). What
 * cannot leave its place shall share pageblocks of 2 MiB with its like, so that others become free as
 * a whole.
 *
 * Each pageblock has a type, movable at first, and a free block is in the lists of its pageblock's
 * type. A request looks in the lists of its own category; when they have nothing, in those of the
 * others, in this order:
 *
 *	unmovable     reclaimable, movable        takes the largest block
 *	reclaimable   unmovable, movable          takes the largest block
 *	movable       reclaimable, unmovable      the largest from 16 frames up, else the smallest
 *
 *	a block of a pageblock or more     the pageblocks that the request is cut from become its own
 *	smaller, and at least half of its  the pageblock becomes its own, free blocks and all
 *	  pageblock is free, or alike
 *	else                               only what was asked for is taken
 *
 * "Alike" are for a movable request the movable frames in use there; for another one, in a movable
 * pageblock, those that are not. A block that joins its buddy across a pageblock's end gives it its
 * own type.
 *
 * Deviations: Linux takes all of a block of up to 4 MiB, ours are up to 1 GiB and are taken by the
 * pageblock. Linux has the page cache among what is movable, and reclaimable slabs apart; here the
 * categories are those of the reports. Not modelled: watermark boosting, reserves for atomic
 * requests, CMA, compaction.
 *
 * Without grouping every pageblock is movable for ever; frames in use are counted all the same.
 */

#include <assert.h>
#include <string.h>

#include "emu/kernel/frame_alloc_buddy.h"

static const uint8_t fallbacks[FRAME_CATEGORY_COUNT][2] = {
	[FRAME_MOVABLE] = { FRAME_RECLAIMABLE, FRAME_UNMOVABLE },
	[FRAME_UNMOVABLE] = { FRAME_RECLAIMABLE, FRAME_MOVABLE },
	[FRAME_RECLAIMABLE] = { FRAME_UNMOVABLE, FRAME_MOVABLE },
};

enum { PAGEBLOCK_FRAMES = 1 << FRAME_PAGEBLOCK_ORDER };

/* Blocks that were never touched are movable. */
bool buddy_smallest(const struct buddy *b, unsigned type, unsigned order,
		    struct buddy_choice *choice)
{
	uint32_t fitting = b->listed[type] >> order << order;

	choice->untouched = !fitting;
	if (fitting) {
		choice->order = (unsigned)__builtin_ctz(fitting);
		choice->pfn = b->list[type][choice->order];
		return true;
	}
	choice->order = ORDER_TOP;
	choice->pfn = b->untouched;
	return type == FRAME_MOVABLE && b->untouched < b->untouched_end;
}

/* A block of exactly that order, of the first type that has one. */
static bool of_others(const struct buddy *b, unsigned type, unsigned order,
		      struct buddy_choice *choice)
{
	for (unsigned i = 0; i < 2; i++) {
		unsigned other = fallbacks[type][i];

		choice->order = order;
		choice->untouched = false;
		choice->pfn = b->list[other][order];
		if (b->listed[other] >> order & 1)
			return true;
		choice->untouched = true;
		choice->pfn = b->untouched;
		if (order == ORDER_TOP && other == FRAME_MOVABLE && b->untouched < b->untouched_end)
			return true;
	}
	return false;
}

/* can_steal_fallback() */
static bool takes_whole(unsigned type, unsigned order)
{
	return type != FRAME_MOVABLE || order >= FRAME_PAGEBLOCK_ORDER / 2;
}

bool buddy_fallback(const struct buddy *b, unsigned type, unsigned order,
		    struct buddy_choice *choice)
{
	for (unsigned from = ORDER_TOP + 1; from-- > order;)
		if (of_others(b, type, from, choice)) {
			if (takes_whole(type, from))
				return true;
			break;
		}
	for (unsigned from = order; from <= ORDER_TOP; from++)
		if (of_others(b, type, from, choice))
			return true;
	return false;
}

void buddy_set_type(struct buddy *b, pfn_t pfn, unsigned order, unsigned type)
{
	pfn_t end = pfn + frames_of(order);

	for (; pfn < end; pfn += PAGEBLOCK_FRAMES) {
		b->mobility.claimed += pageblock_of(b, pfn)->type != type;
		pageblock_of(b, pfn)->type = (uint8_t)type;
	}
}

/* How many frames of the pageblock are free. */
static unsigned free_in(const struct buddy *b, pfn_t first)
{
	const struct pageblock *block = pageblock_of(b, first);
	pfn_t from = first < b->first ? b->first : first, to = first + PAGEBLOCK_FRAMES;
	unsigned free = (unsigned)((to < b->end ? to : b->end) - from);

	for (unsigned i = 0; i < FRAME_CATEGORY_COUNT; i++)
		free -= block->used[i];
	return free;
}

/* The whole pageblock gets the type; the lowest of its free blocks come first in their lists. */
static void change_pageblock(struct buddy *b, pfn_t first, unsigned type)
{
	struct pageblock *block = pageblock_of(b, first);
	uint8_t old = block->type;
	pfn_t bottom = first < b->first ? b->first : first, pfn = first + PAGEBLOCK_FRAMES;

	for (pfn = pfn < b->end ? pfn : b->end; pfn-- > bottom;) {
		unsigned heads = node_at(b, pfn)->heads;

		if (heads == 0)
			continue;
		block->type = old;
		buddy_take(b, pfn, heads - 1);
		block->type = (uint8_t)type;
		buddy_push(b, pfn, heads - 1);
	}
	b->mobility.claimed++;
}

void buddy_claim(struct buddy *b, unsigned type, unsigned order, struct buddy_choice *choice)
{
	pfn_t first = choice->pfn & ~(pfn_t)(PAGEBLOCK_FRAMES - 1);
	const struct pageblock *block = pageblock_of(b, first);
	unsigned free = free_in(b, first), alike = 0;

	b->mobility.fallbacks[type]++;
	if (choice->order >= FRAME_PAGEBLOCK_ORDER || !takes_whole(type, choice->order))
		return;
	if (type == FRAME_MOVABLE)
		alike = block->used[FRAME_MOVABLE];
	else if (block->type == FRAME_MOVABLE)
		alike = PAGEBLOCK_FRAMES - free - block->used[FRAME_MOVABLE];
	if (free + alike < PAGEBLOCK_FRAMES / 2)
		return;
	change_pageblock(b, first, type);
	if (!buddy_smallest(b, type, order, choice))
		assert(!"a pageblock that was claimed has no free block");
}

/* --- frames in use --------------------------------------------------------------------------- */

void buddy_use(struct buddy *b, pfn_t pfn, unsigned order, enum frame_category category)
{
	for (pfn_t end = pfn + frames_of(order); pfn < end; pfn++) {
		node_at(b, pfn)->used_as = (uint8_t)(category + 1);
		pageblock_of(b, pfn)->used[category]++;
	}
}

void buddy_unuse(struct buddy *b, pfn_t pfn, unsigned order)
{
	for (pfn_t end = pfn + frames_of(order); pfn < end; pfn++) {
		struct node *node = node_at(b, pfn);

		assert(node->used_as && "frame freed twice");
		pageblock_of(b, pfn)->used[node->used_as - 1]--;
		node->used_as = 0;
	}
}

void buddy_mark(struct frame_allocator *fa, pfn_t pfn, enum frame_category category)
{
	buddy_unuse(fa->state, pfn, 0);
	buddy_use(fa->state, pfn, 0, category);
}

void buddy_look(const struct frame_allocator *fa, struct frame_mobility *mobility)
{
	const struct buddy *b = fa->state;

	*mobility = b->mobility;
	memcpy(mobility->blocks, b->count, sizeof(mobility->blocks));
	mobility->blocks[FRAME_MOVABLE][ORDER_TOP] += (b->untouched_end - b->untouched) >>
						      ORDER_TOP;
	for (pfn_t pfn = 0; pfn < b->end; pfn += PAGEBLOCK_FRAMES) {
		const struct pageblock *block = pageblock_of(b, pfn);

		mobility->pageblocks[block->type]++;
		mobility->with_unmovable += block->used[FRAME_UNMOVABLE] > 0;
	}
}

static const char *check_pageblock(const struct buddy *b, pfn_t first)
{
	const struct pageblock *block = pageblock_of(b, first);
	uint16_t used[FRAME_CATEGORY_COUNT] = { 0 };

	for (pfn_t pfn = first; pfn < b->end && pfn < first + PAGEBLOCK_FRAMES; pfn++) {
		const struct node *node = node_at(b, pfn);

		if (node && node->used_as)
			used[node->used_as - 1]++;
	}
	if (memcmp(used, block->used, sizeof(used)) != 0)
		return "a pageblock miscounts its frames in use";
	if (block->type >= FRAME_CATEGORY_COUNT || (!b->grouped && block->type != FRAME_MOVABLE))
		return "a pageblock has a type that there is not";
	return NULL;
}

const char *buddy_check_pageblocks(const struct buddy *b)
{
	const char *wrong = NULL;

	for (pfn_t pfn = 0; !wrong && pfn < b->end; pfn += PAGEBLOCK_FRAMES)
		wrong = check_pageblock(b, pfn);
	return wrong;
}
