/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One record a frame, in chunks of host memory that are made when first needed: 64 GiB of frames
 * cost a directory of 32 KiB until they are used.
 *
 * The reverse map says where a frame is mapped. A frame that is mapped once, as most are, has the
 * entry in its record; each further mapping (fork, files mapped several times) hangs a node of host
 * memory behind it, newest first. Linux finds the mappings of a page through the VMAs that may hold
 * it (anon_vma, address_space); a chain an entry, as BSD's pv_list, is exact and needs no search.
 * Nodes are set aside before an entry is made, so that mapping cannot fail half way.
 *
 * Invariants (frames_check): count[] is the number of frames of each kind; all of them and the
 * free ones make the total; a frame in limbo has no reference.
 */

#include "emu/kernel/frames.h"

#include <assert.h>
#include <string.h>

enum { CHUNK_LG2 = 12, CHUNK_FRAMES = 1 << CHUNK_LG2 };

static bool cover(struct frames *frames, pfn_t first, pfn_t count)
{
	for (uint64_t i = first >> CHUNK_LG2; i <= (first + count - 1) >> CHUNK_LG2; i++) {
		if (!frames->chunk[i])
			frames->chunk[i] =
				host_zalloc(frames->alloc, CHUNK_FRAMES, sizeof(struct frame));
		if (!frames->chunk[i])
			return false;
	}
	return true;
}

static void set_kind(struct frames *frames, struct frame *frame, enum frame_kind kind)
{
	frames->count[frame->kind]--;
	frames->count[kind]++;
	frame->kind = (uint8_t)kind;
}

int frames_reserve(struct frames *frames, pfn_t pfn)
{
	struct frame *frame;

	if (!cover(frames, pfn, 1))
		return PW_NOMEM;
	frame = frame_at(frames, pfn);
	frame->refs = 1;
	set_kind(frames, frame, FRAME_RESERVED);
	return PW_OK;
}

int frames_init(struct frames *frames, const char *allocator, pfn_t end,
		const struct host_alloc *alloc)
{
	int error;

	memset(frames, 0, sizeof(*frames));
	error = frame_allocator_create(&frames->allocator, allocator, 1, end, alloc);
	if (error)
		return error;
	frames->alloc = alloc;
	frames->end = end;
	frames->limbo_first = frames->limbo_last = PFN_NONE;
	frames->count[FRAME_FREE] = end;
	frames->chunks = (end + CHUNK_FRAMES - 1) >> CHUNK_LG2;
	frames->chunk = host_zalloc(alloc, frames->chunks, sizeof(struct frame *));
	if (!frames->chunk || frames_reserve(frames, 0) != PW_OK) {
		frames_release(frames);
		return PW_NOMEM;
	}
	return PW_OK;
}

void frames_release(struct frames *frames)
{
	for (uint64_t i = 0; frames->chunk && i < frames->chunks; i++)
		host_free(frames->alloc, frames->chunk[i]);
	host_free(frames->alloc, frames->chunk);
	while (frames->spare) {
		struct frame_mapping *node = frames->spare;

		frames->spare = node->next;
		host_free(frames->alloc, node);
	}
	frame_allocator_destroy(&frames->allocator);
	memset(frames, 0, sizeof(*frames));
}

struct frame *frame_at(const struct frames *frames, pfn_t pfn)
{
	assert(pfn < frames->end && frames->chunk[pfn >> CHUNK_LG2]);
	return &frames->chunk[pfn >> CHUNK_LG2][pfn & (CHUNK_FRAMES - 1)];
}

static enum frame_category category_of(enum frame_kind kind)
{
	switch (kind) {
	case FRAME_ANONYMOUS:
	case FRAME_SLACK:
		return FRAME_MOVABLE;
	case FRAME_FILE:
		return FRAME_RECLAIMABLE;
	default:
		return FRAME_UNMOVABLE;
	}
}

pfn_t frames_take(struct frames *frames, enum frame_kind kind, unsigned order)
{
	pfn_t first = frame_allocator_alloc(&frames->allocator, order, category_of(kind));
	pfn_t count = (pfn_t)1 << order;

	if (first == PFN_NONE)
		return PFN_NONE;
	if (!cover(frames, first, count)) {
		frame_allocator_free(&frames->allocator, first, order);
		return PFN_NONE;
	}
	for (pfn_t pfn = first; pfn < first + count; pfn++) {
		struct frame *frame = frame_at(frames, pfn);

		assert(frame->kind == FRAME_FREE);
		set_kind(frames, frame, kind);
		frame->refs = kind != FRAME_ANONYMOUS && kind != FRAME_SLACK;
		frame->maps = 0;
		frame->index = 0;
		frame->file = -1;
	}
	return first;
}

void frames_hand_over(struct frames *frames, pfn_t pfn)
{
	struct frame *frame = frame_at(frames, pfn);

	assert(frame->kind == FRAME_RESERVED && pfn > 0);
	set_kind(frames, frame, FRAME_ANONYMOUS);
	frame_allocator_mark(&frames->allocator, pfn, FRAME_MOVABLE);
	frame->refs = 0;
}

void frames_use_slack(struct frames *frames, pfn_t pfn)
{
	struct frame *frame = frame_at(frames, pfn);

	assert(frame->kind == FRAME_SLACK);
	set_kind(frames, frame, FRAME_ANONYMOUS);
}

void frames_get(struct frames *frames, pfn_t pfn)
{
	frame_at(frames, pfn)->refs++;
}

static void enter_limbo(struct frames *frames, pfn_t first, unsigned order)
{
	struct frame *head = frame_at(frames, first);

	for (pfn_t pfn = first; pfn < first + ((pfn_t)1 << order); pfn++) {
		struct frame *frame = frame_at(frames, pfn);

		assert(frame->maps == 0);
		if (frames->gone && (frame->kind == FRAME_ANONYMOUS || frame->kind == FRAME_FILE))
			frames->gone(frames->gone_ctx, pfn);
		frame->refs = 0;
		set_kind(frames, frame, FRAME_LIMBO);
	}
	head->order = (uint8_t)order;
	head->index = PFN_NONE;
	if (frames->limbo_last != PFN_NONE)
		frame_at(frames, frames->limbo_last)->index = first;
	else
		frames->limbo_first = first;
	frames->limbo_last = first;
}

static void become_slack(struct frames *frames, pfn_t pfn)
{
	pfn_t count = (pfn_t)1 << frames->block_order, first = pfn & ~(count - 1);
	struct frame *frame = frame_at(frames, pfn);

	assert(frame->maps == 0);
	frame->index = 0;
	if (frames->gone)
		frames->gone(frames->gone_ctx, pfn);
	set_kind(frames, frame, FRAME_SLACK);
	for (pfn_t i = first; i < first + count; i++)
		if (frame_at(frames, i)->kind != FRAME_SLACK)
			return;
	enter_limbo(frames, first, frames->block_order);
}

void frames_put(struct frames *frames, pfn_t pfn)
{
	struct frame *frame = frame_at(frames, pfn);

	if (frame->refs > 0)
		frame->refs--;
	if (frame->refs > 0)
		return;
	if (PAGEWALK_UNLIKELY(frames->block_order && frame->kind == FRAME_ANONYMOUS))
		become_slack(frames, pfn);
	else
		enter_limbo(frames, pfn, 0);
}

void frames_put_block(struct frames *frames, pfn_t first, unsigned order)
{
	assert(frame_at(frames, first)->kind == FRAME_TABLE ||
	       frame_at(frames, first)->kind == FRAME_SLAB);
	enter_limbo(frames, first, order);
}

int frames_reserve_maps(struct frames *frames, pfn_t first, uint64_t count)
{
	uint64_t needed = 0;

	for (pfn_t pfn = first; pfn < first + count; pfn++)
		needed += frame_at(frames, pfn)->maps > 0;
	while (frames->spares < needed) {
		struct frame_mapping *node = host_zalloc(frames->alloc, 1, sizeof(*node));

		if (!node)
			return PW_NOMEM;
		node->next = frames->spare;
		frames->spare = node;
		frames->spares++;
	}
	return PW_OK;
}

void frames_map(struct frames *frames, pfn_t pfn, unsigned space, vpn_t vpn)
{
	struct frame *frame = frame_at(frames, pfn);

	if (frame->maps > 0) {
		struct frame_mapping *node = frames->spare;

		assert(node && "frames_reserve_maps() comes first");
		frames->spare = node->next;
		frames->spares--;
		*node = frame->map;
		frame->map.next = node;
	} else {
		frame->map.next = NULL;
	}
	frame->map.space = space;
	frame->map.vpn = vpn;
	frame->refs++;
	frame->maps++;
}

static void give_back(struct frames *frames, struct frame_mapping *node)
{
	node->next = frames->spare;
	frames->spare = node;
	frames->spares++;
}

/* Takes the mapping out of the chain; the record itself holds the first. */
static void forget_mapping(struct frames *frames, struct frame *frame, unsigned space, vpn_t vpn)
{
	struct frame_mapping *map = &frame->map, *next = map->next;

	if (map->space == space && map->vpn == vpn) {
		if (next) {
			*map = *next;
			give_back(frames, next);
		}
		return;
	}
	while (next && (next->space != space || next->vpn != vpn)) {
		map = next;
		next = map->next;
	}
	assert(next && "a mapping that the reverse map does not know");
	map->next = next->next;
	give_back(frames, next);
}

void frames_unmap(struct frames *frames, pfn_t pfn, unsigned space, vpn_t vpn)
{
	struct frame *frame = frame_at(frames, pfn);

	assert(frame->maps > 0);
	forget_mapping(frames, frame, space, vpn);
	frame->maps--;
	frames_put(frames, pfn);
}

bool frames_release_limbo(struct frames *frames)
{
	pfn_t pfn = frames->limbo_first, next;

	if (pfn == PFN_NONE)
		return false;
	for (; pfn != PFN_NONE; pfn = next) {
		struct frame *head = frame_at(frames, pfn);

		next = head->index;
		for (pfn_t i = 0; i < (pfn_t)1 << head->order; i++)
			set_kind(frames, frame_at(frames, pfn + i), FRAME_FREE);
		frame_allocator_free(&frames->allocator, pfn, head->order);
	}
	frames->limbo_first = frames->limbo_last = PFN_NONE;
	return true;
}

int frames_check(const struct frames *frames, const char **what)
{
	uint64_t count[FRAME_KIND_COUNT] = { 0 };

	for (uint64_t i = 0; i < frames->chunks; i++) {
		pfn_t first = i << CHUNK_LG2, left = frames->end - first;
		pfn_t here = left < CHUNK_FRAMES ? left : CHUNK_FRAMES;

		if (!frames->chunk[i])
			count[FRAME_FREE] += here;
		for (pfn_t j = 0; frames->chunk[i] && j < here; j++)
			count[frames->chunk[i][j].kind]++;
	}
	*what = "frames of a kind are not as many as counted";
	if (memcmp(count, frames->count, sizeof(count)) != 0)
		return PW_CORRUPT;
	*what = "free frames of the table and of the allocator differ";
	if (count[FRAME_FREE] != frames->allocator.free_count)
		return PW_CORRUPT;
	return frames->allocator.ops->check(&frames->allocator, what);
}
