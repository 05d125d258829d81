/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The first frame allocator: a stack of freed frames and, above a watermark, frames that were
 * never handed out.
 *
 *	first             untouched                    end
 *	  | used and freed | never handed out, all free |
 *
 * One frame: the one freed last, else the lowest untouched. More: the lowest naturally aligned run
 * in the untouched part (frames skipped for alignment become freed ones), else the lowest run that
 * is free, found by looking at every frame, slowly. Nothing is merged or kept apart: this is what
 * a buddy allocator is measured against.
 *
 * Host memory is 8 bytes for each frame below the watermark, in chunks that are made when the
 * watermark enters them, so that free() needs no memory and untouched frames cost nothing.
 *
 * Invariants (list_check): the stack is doubly linked and holds just the frames marked free; their
 * number and that of the untouched ones is free_count.
 */

#include <assert.h>

#include "emu/kernel/frame_alloc_private.h"

enum { CHUNK_LG2 = 12, CHUNK_FRAMES = 1 << CHUNK_LG2 };

/* Positions are relative to `first`, plus one, so that 0 is none. */
#define LINK_USED UINT32_MAX

struct link {
	uint32_t next, previous; /* next is LINK_USED when the frame is not free */
};

struct list {
	pfn_t first;
	uint64_t count, untouched; /* frames; untouched: position of the watermark */
	uint32_t head;
	uint64_t chunks;
	struct link **chunk;
};

static struct link *link_at(const struct list *list, uint64_t position)
{
	return &list->chunk[position >> CHUNK_LG2][position & (CHUNK_FRAMES - 1)];
}

static int list_create(struct frame_allocator *fa, pfn_t first, pfn_t end)
{
	struct list *list;

	if (end - first >= LINK_USED)
		return PW_UNSUPPORTED;
	list = host_zalloc(fa->alloc, 1, sizeof(*list));
	if (!list)
		return PW_NOMEM;
	list->first = first;
	list->count = end - first;
	list->chunks = (list->count + CHUNK_FRAMES - 1) >> CHUNK_LG2;
	list->chunk = host_zalloc(fa->alloc, list->chunks, sizeof(struct link *));
	if (!list->chunk) {
		host_free(fa->alloc, list);
		return PW_NOMEM;
	}
	fa->state = list;
	return PW_OK;
}

static void list_destroy(struct frame_allocator *fa)
{
	struct list *list = fa->state;

	for (uint64_t i = 0; i < list->chunks; i++)
		host_free(fa->alloc, list->chunk[i]);
	host_free(fa->alloc, list->chunk);
	host_free(fa->alloc, list);
}

static void push(struct list *list, uint64_t position)
{
	struct link *link = link_at(list, position);

	link->next = list->head;
	link->previous = 0;
	if (list->head)
		link_at(list, list->head - 1)->previous = (uint32_t)position + 1;
	list->head = (uint32_t)position + 1;
}

static void take(struct list *list, uint64_t position)
{
	struct link *link = link_at(list, position);

	if (link->next)
		link_at(list, link->next - 1)->previous = link->previous;
	if (link->previous)
		link_at(list, link->previous - 1)->next = link->next;
	else
		list->head = link->next;
	link->next = LINK_USED;
}

/* Makes the chunks below `end`; what was made stays when the host refuses the rest. */
static bool cover(struct frame_allocator *fa, uint64_t end)
{
	struct list *list = fa->state;

	for (uint64_t i = list->untouched >> CHUNK_LG2; i << CHUNK_LG2 < end; i++) {
		if (!list->chunk[i])
			list->chunk[i] = host_zalloc(fa->alloc, CHUNK_FRAMES, sizeof(struct link));
		if (!list->chunk[i])
			return false;
	}
	return true;
}

/* Moves the watermark to `end`; [start, end) is used, what is skipped below it is free. */
static void raise_watermark(struct list *list, uint64_t start, uint64_t end)
{
	for (uint64_t i = end; i-- > start;)
		link_at(list, i)->next = LINK_USED;
	for (uint64_t i = start; i-- > list->untouched;)
		push(list, i);
	list->untouched = end;
}

static bool is_free(const struct list *list, uint64_t position)
{
	return position >= list->untouched || link_at(list, position)->next != LINK_USED;
}

/* The lowest aligned free run below the watermark or across it, or list->count. */
static uint64_t find_run(const struct list *list, uint64_t start, uint64_t frames)
{
	uint64_t run = 0;

	for (uint64_t i = start; i < list->count && start + frames <= list->count; i++) {
		if (!is_free(list, i)) {
			start += (i - start) / frames * frames + frames;
			i = start - 1;
			run = 0;
		} else if (++run == frames) {
			return start;
		}
	}
	return list->count;
}

static pfn_t list_alloc(struct frame_allocator *fa, unsigned order, enum frame_category category)
{
	struct list *list = fa->state;
	uint64_t frames = UINT64_C(1) << order, start;

	(void)category;
	if (order == 0 && list->head) {
		start = list->head - 1;
		take(list, start);
		return list->first + start;
	}
	start = ((list->first + list->untouched + frames - 1) & ~(frames - 1)) - list->first;
	if (start > list->count || list->count - start < frames)
		start = find_run(list, ((list->first + frames - 1) & ~(frames - 1)) - list->first,
				 frames);
	if (start >= list->count || !cover(fa, start + frames))
		return PFN_NONE;
	for (uint64_t i = start; i < start + frames && i < list->untouched; i++)
		take(list, i);
	if (start + frames > list->untouched)
		raise_watermark(list, start > list->untouched ? start : list->untouched,
				start + frames);
	return list->first + start;
}

static void list_free(struct frame_allocator *fa, pfn_t first, unsigned order)
{
	struct list *list = fa->state;
	uint64_t start = first - list->first, frames = UINT64_C(1) << order;

	assert(start + frames <= list->untouched);
	for (uint64_t i = start + frames; i-- > start;) {
		assert(!is_free(list, i) && "frame freed twice");
		push(list, i);
	}
}

static void list_count_blocks(const struct frame_allocator *fa, uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	const struct list *list = fa->state;
	uint64_t start = 0, i;

	/* The last run goes on into what is untouched. */
	for (i = 0; i < list->untouched; i++) {
		if (is_free(list, i))
			continue;
		frame_run_blocks(blocks, list->first + start, list->first + i);
		start = i + 1;
	}
	frame_run_blocks(blocks, list->first + start, list->first + list->count);
}

static int list_check(const struct frame_allocator *fa, const char **what)
{
	const struct list *list = fa->state;
	uint64_t marked = 0, linked = 0;
	uint32_t previous = 0;

	for (uint64_t i = 0; i < list->untouched; i++)
		marked += is_free(list, i);
	*what = "the list of free frames does not hold just the free frames";
	for (uint32_t at = list->head; at; at = link_at(list, at - 1)->next) {
		if (at > list->untouched || !is_free(list, at - 1) ||
		    link_at(list, at - 1)->previous != previous || ++linked > marked)
			return PW_CORRUPT;
		previous = at;
	}
	if (linked != marked)
		return PW_CORRUPT;
	*what = "the count of free frames is not that of the list and the untouched ones";
	return marked + list->count - list->untouched == fa->free_count ? PW_OK : PW_CORRUPT;
}

const struct frame_allocator_ops frame_alloc_list_ops = {
	.name = "list",
	.create = list_create,
	.destroy = list_destroy,
	.alloc = list_alloc,
	.free = list_free,
	.count_blocks = list_count_blocks,
	.check = list_check,
};
