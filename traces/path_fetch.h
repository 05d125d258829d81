/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_PATH_FETCH_H
#define PAGEWALK_TRACES_PATH_FETCH_H

/*
 * What fetching the blocks of a path looks up in the instruction TLB, for one machine: worked out
 * once for each path, since its blocks do not change. The rules are machine_charge_block()'s: a block
 * that goes on in the window where the one before it ended has no lookup for its start, and so the
 * first lookup of a path depends on what came before it.
 */

#include "traces/trace.h"

enum { PATH_FETCH_PAGES_MAX = 6 };

struct path_fetch {
	uint64_t frame; /* whose path it is; 0: nobody's */
	uint16_t number;
	bool fits;        /* into so many pages; what follows is good then */
	uint8_t pages;    /* in the order of their last lookup */
	uint16_t always;  /* lookups, beside the one that depends */
	uint16_t depends; /* index of the page of the first block */
	va_t start, end;  /* of the first block; of the last one */
	uint64_t first_window, last_window;
	struct {
		uint64_t page; /* va >> FRAME_LG2 */
		uint32_t lookups;
	} page[PATH_FETCH_PAGES_MAX];
};

struct path_fetches;

/* Windows of 2^window_lg2 bytes, at most a page. NULL: no memory. */
struct path_fetches *path_fetches_create(unsigned window_lg2);
void path_fetches_destroy(struct path_fetches *fetches);

void path_fetch_make(struct path_fetch *fetch, const struct trace_path *path, unsigned window_lg2);

enum { PATH_FETCHES = 1 << 12 }; /* that are kept: more than paths are in most frames */
struct path_fetches {
	unsigned window_lg2;
	struct path_fetch kept[PATH_FETCHES];
};

/* That of a path with blocks. Good until the next call. */
static inline const struct path_fetch *path_fetch_of(struct path_fetches *fetches,
						     const struct trace_path *path, uint64_t frame)
{
	struct path_fetch *fetch = &fetches->kept[path->number % PATH_FETCHES];

	if (PAGEWALK_UNLIKELY(fetch->frame != frame || fetch->number != path->number)) {
		path_fetch_make(fetch, path, fetches->window_lg2);
		fetch->frame = frame;
		fetch->number = path->number;
	}
	return fetch;
}

#endif
