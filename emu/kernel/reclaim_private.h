/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_RECLAIM_PRIVATE_H
#define PAGEWALK_EMU_KERNEL_RECLAIM_PRIVATE_H

/*
 * What policies share: lists of frames through struct reclaim_page. A clock is a list whose hand
 * stands at the first page: to pass a page over is to move it to the end.
 */

#include <assert.h>

#include "emu/kernel/reclaim.h"

extern const struct reclaim_ops reclaim_fifo, reclaim_random, reclaim_lru, reclaim_clock,
	reclaim_second_chance, reclaim_aging, reclaim_two_list, reclaim_clock_pro, reclaim_opt;

struct reclaim_list {
	pfn_t first, last;
	uint64_t count;
	uint8_t id; /* reclaim_page.list of its pages; not 0 */
};

static inline void reclaim_list_init(struct reclaim_list *list, uint8_t id)
{
	*list = (struct reclaim_list){ .first = PFN_NONE, .last = PFN_NONE, .id = id };
}

static inline void reclaim_list_append(struct reclaim *r, struct reclaim_list *list, pfn_t pfn)
{
	struct reclaim_page *page = &r->page[pfn];

	assert(page->list == 0);
	page->list = list->id;
	page->next = PFN_NONE;
	page->previous = list->last;
	if (list->last == PFN_NONE)
		list->first = pfn;
	else
		r->page[list->last].next = pfn;
	list->last = pfn;
	list->count++;
}

static inline void reclaim_list_remove(struct reclaim *r, struct reclaim_list *list, pfn_t pfn)
{
	struct reclaim_page *page = &r->page[pfn];

	assert(page->list == list->id);
	if (page->previous == PFN_NONE)
		list->first = page->next;
	else
		r->page[page->previous].next = page->next;
	if (page->next == PFN_NONE)
		list->last = page->previous;
	else
		r->page[page->next].previous = page->previous;
	page->list = 0;
	list->count--;
}

static inline void reclaim_list_pass(struct reclaim *r, struct reclaim_list *list, pfn_t pfn)
{
	reclaim_list_remove(r, list, pfn);
	reclaim_list_append(r, list, pfn);
}

/* For policies whose state is one list. */
int reclaim_one_list_create(struct reclaim *r);
void reclaim_state_destroy(struct reclaim *r);
void reclaim_one_list_inserted(struct reclaim *r, pfn_t pfn);
void reclaim_one_list_removed(struct reclaim *r, pfn_t pfn);

#endif
