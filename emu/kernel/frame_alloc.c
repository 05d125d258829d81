/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The registry of frame allocators, and the dispatcher that keeps their counts and holds what they
 * return to the law of the interface: within the range, naturally aligned. Exact overlap is the
 * matter of each allocator's check().
 */

#include "emu/kernel/frame_alloc.h"

#include <assert.h>
#include <string.h>

#include "emu/kernel/frame_alloc_private.h"

const struct frame_allocator_ops *const frame_allocators[] = {
	&frame_alloc_buddy_ops,
	&frame_alloc_list_ops,
	&frame_alloc_first_fit_ops,
	NULL,
};

const char *const frame_category_names[FRAME_CATEGORY_COUNT] = {
	[FRAME_MOVABLE] = "movable",
	[FRAME_UNMOVABLE] = "unmovable",
	[FRAME_RECLAIMABLE] = "reclaimable",
};

const struct frame_allocator_ops *frame_allocator_find(const char *name)
{
	for (const struct frame_allocator_ops *const *ops = frame_allocators; *ops; ops++)
		if (strcmp((*ops)->name, name) == 0)
			return *ops;
	return NULL;
}

int frame_allocator_create(struct frame_allocator *fa, const char *name, pfn_t first, pfn_t end,
			   const struct host_alloc *alloc)
{
	int error;

	memset(fa, 0, sizeof(*fa));
	fa->alloc = alloc;
	fa->ops = frame_allocator_find(name);
	if (!fa->ops || first >= end)
		return PW_INVALID;
	error = fa->ops->create(fa, first, end);
	if (error) {
		memset(fa, 0, sizeof(*fa));
		return error;
	}
	fa->first = first;
	fa->total_count = fa->free_count = end - first;
	return PW_OK;
}

void frame_allocator_destroy(struct frame_allocator *fa)
{
	if (fa->ops)
		fa->ops->destroy(fa);
	memset(fa, 0, sizeof(*fa));
}

/* What an allocator returned, or PFN_NONE. */
static pfn_t count_out(struct frame_allocator *fa, pfn_t got, unsigned order)
{
	pfn_t count = (pfn_t)1 << order;

	if (got == PFN_NONE)
		return PFN_NONE;
	assert(got >= fa->first && got - fa->first <= fa->total_count - count);
	fa->free_count -= count;
	return got;
}

static bool may_have(const struct frame_allocator *fa, unsigned order)
{
	return order <= FRAME_ORDER_MAX && fa->free_count >= (pfn_t)1 << order;
}

pfn_t frame_allocator_alloc(struct frame_allocator *fa, unsigned order,
			    enum frame_category category)
{
	pfn_t got = may_have(fa, order) ? fa->ops->alloc(fa, order, category) : PFN_NONE;

	assert((got == PFN_NONE || got % ((pfn_t)1 << order) == 0) &&
	       "allocator returned a misaligned block");
	return count_out(fa, got, order);
}

pfn_t frame_allocator_alloc_run(struct frame_allocator *fa, unsigned order)
{
	if (!fa->ops->alloc_run)
		return frame_allocator_alloc(fa, order, FRAME_MOVABLE);
	return count_out(fa, may_have(fa, order) ? fa->ops->alloc_run(fa, order) : PFN_NONE, order);
}

void frame_allocator_group(struct frame_allocator *fa)
{
	if (fa->ops->group)
		fa->ops->group(fa);
}

void frame_allocator_mark(struct frame_allocator *fa, pfn_t pfn, enum frame_category category)
{
	if (fa->ops->mark)
		fa->ops->mark(fa, pfn, category);
}

void frame_allocator_mobility(const struct frame_allocator *fa, struct frame_mobility *mobility)
{
	memset(mobility, 0, sizeof(*mobility));
	if (fa->ops->look)
		fa->ops->look(fa, mobility);
}

void frame_allocator_free(struct frame_allocator *fa, pfn_t first, unsigned order)
{
	pfn_t count = (pfn_t)1 << order;

	assert((first % count == 0 || fa->ops->alloc_run) && first >= fa->first);
	assert(fa->total_count - fa->free_count >= count);
	fa->ops->free(fa, first, order);
	fa->free_count += count;
}
