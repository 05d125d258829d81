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

static pfn_t obtain(struct frame_allocator *fa, unsigned order,
		    pfn_t (*alloc)(struct frame_allocator *fa, unsigned order))
{
	pfn_t count = (pfn_t)1 << order, got;

	if (order > FRAME_ORDER_MAX || fa->free_count < count)
		return PFN_NONE;
	got = alloc(fa, order);
	if (got == PFN_NONE)
		return PFN_NONE;
	assert(got >= fa->first && got - fa->first <= fa->total_count - count);
	fa->free_count -= count;
	return got;
}

pfn_t frame_allocator_alloc(struct frame_allocator *fa, unsigned order)
{
	pfn_t got = obtain(fa, order, fa->ops->alloc);

	assert((got == PFN_NONE || got % ((pfn_t)1 << order) == 0) &&
	       "allocator returned a misaligned block");
	return got;
}

pfn_t frame_allocator_alloc_run(struct frame_allocator *fa, unsigned order)
{
	return obtain(fa, order, fa->ops->alloc_run ? fa->ops->alloc_run : fa->ops->alloc);
}

void frame_allocator_free(struct frame_allocator *fa, pfn_t first, unsigned order)
{
	pfn_t count = (pfn_t)1 << order;

	assert((first % count == 0 || fa->ops->alloc_run) && first >= fa->first);
	assert(fa->total_count - fa->free_count >= count);
	fa->ops->free(fa, first, order);
	fa->free_count += count;
}
