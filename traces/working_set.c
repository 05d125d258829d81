/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Working sets: see working_set.h. */

#include "traces/working_set.h"

#include <string.h>

#include "mmu/error.h"
#include "mmu/memory.h"

enum { ROOM_MIN = 256 };

void working_set_init(struct working_set *ws, uint64_t window_length,
		      const struct host_alloc *alloc)
{
	memset(ws, 0, sizeof(*ws));
	ws->alloc = alloc;
	ws->window_length = window_length;
}

void working_set_release(struct working_set *ws)
{
	if (!ws->alloc)
		return;
	host_free(ws->alloc, ws->page);
	host_free(ws->alloc, ws->window);
	memset(ws, 0, sizeof(*ws));
}

/* An array of zeroes with room for element `at`; NULL: there is none, and the old one stays. */
static void *grow(const struct host_alloc *alloc, void *old, size_t *room, size_t size, size_t at)
{
	size_t wanted = *room ? *room : ROOM_MIN;
	void *array;

	while (wanted <= at)
		wanted *= 2;
	array = host_zalloc(alloc, wanted, size);
	if (!array)
		return NULL;
	if (*room)
		memcpy(array, old, *room * size);
	host_free(alloc, old);
	*room = wanted;
	return array;
}

static int make_room(struct working_set *ws, uint32_t page)
{
	void *array;

	if (page < ws->page_room)
		return PW_OK;
	array = grow(ws->alloc, ws->page, &ws->page_room, sizeof(*ws->page), page);
	if (!array)
		return PW_NOMEM;
	ws->page = array;
	return PW_OK;
}

/* Returns lg2 of the least T that it is within. */
static unsigned add_interval(struct working_set *ws, uint64_t interval, double weight)
{
	unsigned lg2 = interval > 1 ? 64u - (unsigned)__builtin_clzll(interval - 1) : 0;

	ws->intervals[lg2] += weight;
	ws->sum[lg2] += weight * (double)interval;
	return lg2;
}

static int count_in_window(struct working_set *ws, struct working_set_page *page,
			   const struct working_set_run *run)
{
	uint64_t window;

	if (!ws->window_length)
		return PW_OK;
	window = run->first / ws->window_length;
	if (page->window == window + 1)
		return PW_OK;
	if (window >= ws->window_room) {
		void *array =
			grow(ws->alloc, ws->window, &ws->window_room, sizeof(*ws->window), window);

		if (!array)
			return PW_NOMEM;
		ws->window = array;
	}
	if (window >= ws->window_count)
		ws->window_count = window + 1;
	ws->window[window] += run->weight;
	page->window = window + 1;
	return PW_OK;
}

int working_set_add(struct working_set *ws, const struct working_set_run *run)
{
	struct working_set_page *page;

	if (make_room(ws, run->page) != PW_OK)
		return PW_NOMEM;
	page = &ws->page[run->page];
	if (!page->last)
		ws->first += run->weight;
	else
		add_interval(ws, run->first > page->last - 1 ? run->first - (page->last - 1) : 0,
			     run->weight);
	ws->references += run->weight * (double)run->count;
	ws->intervals[0] += run->weight * (double)(run->count - 1);
	ws->sum[0] += run->weight * (double)(run->last - run->first);
	page->last = run->last + 1;
	return count_in_window(ws, page, run);
}

void working_set_forget(struct working_set *ws, uint32_t page)
{
	if (page < ws->page_room)
		ws->page[page] = (struct working_set_page){ 0, 0 };
}

void working_set_leave(struct working_set *ws, uint32_t page, uint64_t now, double weight)
{
	uint64_t last;
	unsigned lg2;

	if (page >= ws->page_room || !ws->page[page].last)
		return;
	last = ws->page[page].last - 1;
	lg2 = add_interval(ws, now > last ? now - last : 0, weight);
	ws->ended[lg2] += weight;
	working_set_forget(ws, page);
}

double working_set_average(const struct working_set *ws, unsigned tau_lg2, uint64_t length)
{
	double pages = 0, longer = 0;

	for (unsigned i = 0; i <= tau_lg2; i++)
		pages += ws->sum[i];
	for (unsigned i = tau_lg2 + 1; i < 65; i++)
		longer += ws->intervals[i];
	pages += longer * (double)(UINT64_C(1) << tau_lg2);
	return length ? pages / (double)length : 0;
}

double working_set_faults(const struct working_set *ws, unsigned tau_lg2)
{
	double faults = ws->first;

	for (unsigned i = tau_lg2 + 1; i < 65; i++)
		faults += ws->intervals[i] - ws->ended[i];
	return faults;
}
