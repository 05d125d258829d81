/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/path_fetch.h"

#include <stdlib.h>
#include <string.h>

struct path_fetches *path_fetches_create(unsigned window_lg2)
{
	struct path_fetches *fetches = calloc(1, sizeof(*fetches));

	if (fetches)
		fetches->window_lg2 = window_lg2;
	return fetches;
}

void path_fetches_destroy(struct path_fetches *fetches)
{
	free(fetches);
}

/* Lookups in a page, which becomes the last one. */
static void look_up(struct path_fetch *fetch, va_t va, unsigned lookups)
{
	uint64_t page = va >> FRAME_LG2;
	unsigned at = 0;

	while (at < fetch->pages && fetch->page[at].page != page)
		at++;
	if (at == fetch->pages) {
		if (fetch->pages == PATH_FETCH_PAGES_MAX) {
			fetch->fits = false;
			return;
		}
		fetch->page[fetch->pages++].page = page;
		fetch->page[at].lookups = 0;
	}
	lookups += fetch->page[at].lookups;
	memmove(&fetch->page[at], &fetch->page[at + 1],
		(fetch->pages - at - 1u) * sizeof(fetch->page[0]));
	fetch->page[fetch->pages - 1].page = page;
	fetch->page[fetch->pages - 1].lookups = lookups;
}

static void look_up_block(struct path_fetch *fetch, const struct trace_item *block,
			  unsigned window_lg2)
{
	uint64_t window = block->va >> window_lg2;
	bool first = fetch->pages == 0, begins;

	begins = block->va != fetch->end || window != fetch->last_window;
	if (first || begins)
		look_up(fetch, block->va, !first);
	fetch->always = (uint16_t)(fetch->always + (!first && begins));
	fetch->end = block->va + block->bytes;
	fetch->last_window = (fetch->end - 1) >> window_lg2;
	while (window != fetch->last_window) {
		look_up(fetch, ++window << window_lg2, 1);
		fetch->always++;
	}
}

void path_fetch_make(struct path_fetch *fetch, const struct trace_path *path, unsigned window_lg2)
{
	uint64_t first_page;

	*fetch = (struct path_fetch){ .fits = true, .start = path->step[0].va };
	fetch->first_window = fetch->start >> window_lg2;
	first_page = fetch->start >> FRAME_LG2;
	for (unsigned i = 0; i < path->steps && fetch->fits; i++)
		if (path->step[i].kind > TRACE_ITEM_STORE)
			look_up_block(fetch, &path->step[i], window_lg2);
	while (fetch->fits && fetch->page[fetch->depends].page != first_page)
		fetch->depends++;
}
