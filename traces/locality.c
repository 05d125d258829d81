/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * References by page size: see locality.h.
 *
 * A page is known by its address space and number. 48 bits of the number tell pages apart as long
 * as addresses have no more than 57 bits, or pages are of 64 KiB.
 */

#include "traces/locality.h"

#include <string.h>

#include "mmu/error.h"
#include "mmu/memory.h"

enum { NUMBER_BITS = 48, FOUND_ROOM_MIN = 1024 };

static uint64_t key_of(const struct locality *l, uint16_t space, va_t va)
{
	return (uint64_t)space << NUMBER_BITS |
	       (va >> l->page_lg2 & ((UINT64_C(1) << NUMBER_BITS) - 1));
}

int locality_init(struct locality *l, unsigned page_lg2, const struct host_alloc *alloc)
{
	memset(l, 0, sizeof(*l));
	l->alloc = alloc;
	l->page_lg2 = page_lg2;
	l->found = host_zalloc(alloc, FOUND_ROOM_MIN, sizeof(*l->found));
	l->found_room = FOUND_ROOM_MIN;
	if (l->found && lru_stack_init(&l->stack, alloc) == PW_OK)
		return PW_OK;
	locality_release(l);
	return PW_NOMEM;
}

void locality_release(struct locality *l)
{
	if (!l->alloc)
		return;
	lru_stack_release(&l->stack);
	host_free(l->alloc, l->found);
	memset(l, 0, sizeof(*l));
}

/* No distance is larger than the number of pages. */
static int make_room(struct locality *l)
{
	uint64_t *found;

	if (PAGEWALK_LIKELY(l->stack.page_count < l->found_room))
		return PW_OK;
	found = host_zalloc(l->alloc, 2 * l->found_room, sizeof(*found));
	if (!found)
		return PW_NOMEM;
	memcpy(found, l->found, l->found_room * sizeof(*found));
	host_free(l->alloc, l->found);
	l->found = found;
	l->found_room *= 2;
	return PW_OK;
}

static int find_page(struct locality *l, uint64_t key, stack_page_t *page)
{
	*page = lru_stack_page(&l->stack, key);
	return *page == STACK_PAGE_NONE ? PW_NOMEM : make_room(l);
}

int locality_add(struct locality *l, const struct locality_run *run)
{
	uint64_t key = key_of(l, run->space, run->va);
	stack_page_t page;

	if (run->joined && key == l->last_key)
		return PW_OK;
	if (find_page(l, key, &page) != PW_OK)
		return PW_NOMEM;
	l->last_key = key;
	l->references += run->count;
	l->found[lru_stack_touch(&l->stack, page)]++;
	l->found[1] += run->count - 1;
	return PW_OK;
}

int locality_refused(struct locality *l, uint16_t space, va_t va)
{
	stack_page_t page;

	if (find_page(l, key_of(l, space, va), &page) != PW_OK)
		return PW_NOMEM;
	l->refused++;
	l->found[lru_stack_distance(&l->stack, page)]++;
	return PW_OK;
}

/* --- invalidation ---------------------------------------------------------------------------- */

struct order {
	struct locality *l;
	uint64_t first, last; /* keys */
};

static void leave(struct locality *l, stack_page_t page)
{
	l->invalidated += lru_stack_distance(&l->stack, page) != 0;
	lru_stack_invalidate(&l->stack, page);
}

static void leave_if_in_order(void *ctx, uint64_t key, stack_page_t page)
{
	const struct order *order = ctx;

	if (key >= order->first && key <= order->last)
		leave(order->l, page);
}

void locality_invalidate(struct locality *l, uint16_t space, va_t va, uint64_t bytes)
{
	struct order order = { .l = l,
			       .first = key_of(l, space, va),
			       .last = key_of(l, space, va + (bytes - 1)) };

	if (order.last - order.first > l->stack.page_count) {
		lru_stack_for_each(&l->stack, &order, leave_if_in_order);
		return;
	}
	for (uint64_t key = order.first; key <= order.last; key++) {
		stack_page_t page = lru_stack_find(&l->stack, key);

		if (page != STACK_PAGE_NONE)
			leave(l, page);
	}
}

/* A range of 2^64 bytes: its last address is that before its first. */
void locality_invalidate_space(struct locality *l, uint16_t space)
{
	locality_invalidate(l, space, 0, 0);
}

void locality_invalidate_all(struct locality *l)
{
	lru_stack_clear(&l->stack);
}

/* --- answers --------------------------------------------------------------------------------- */

uint64_t locality_misses(const struct locality *l, uint64_t entries)
{
	uint64_t misses = l->found[0];

	for (uint64_t d = entries + 1; d < l->found_room; d++)
		misses += l->found[d];
	return misses;
}

uint64_t locality_entries_max(const struct locality *l)
{
	uint64_t d = l->found_room - 1;

	while (d > 0 && !l->found[d])
		d--;
	return d;
}
