/* SPDX-License-Identifier: GPL-2.0-or-later */

/* TLB prefetching: the predictors and the buffer. See prefetch.h; prefetch_walk.c walks. */

#include "mmu/prefetch.h"

#include "mmu/access_rights.h"
#include "mmu/page_table.h"

#include <string.h>

/* Misses at most this many pages apart belong to one stream of the stride predictor. */
enum { STREAM_REACH = 64 };

int prefetcher_init(struct prefetcher *p, const struct prefetch_config *config, unsigned page_lg2,
		    const struct host_alloc *alloc)
{
	bool table = config->kind == PREFETCH_STRIDE || config->kind == PREFETCH_DISTANCE;

	memset(p, 0, sizeof(*p));
	p->config = *config;
	p->alloc = alloc;
	p->page_lg2 = page_lg2;
	if (config->kind == PREFETCH_NONE)
		return PW_OK;
	for (unsigned side = 0; side < 2 && table; side++) {
		p->history[side].row =
			host_zalloc(alloc, config->table_entries, sizeof(struct prefetch_row));
		if (!p->history[side].row)
			goto fail;
	}
	if (config->buffer_entries > 0) {
		p->slot = host_zalloc(alloc, config->buffer_entries, sizeof(*p->slot));
		if (!p->slot)
			goto fail;
	}
	return PW_OK;
fail:
	prefetcher_release(p);
	return PW_NOMEM;
}

void prefetcher_release(struct prefetcher *p)
{
	if (p->alloc) {
		host_free(p->alloc, p->history[0].row);
		host_free(p->alloc, p->history[1].row);
		host_free(p->alloc, p->slot);
	}
	memset(p, 0, sizeof(*p));
}

/* ---- predictors ---- */

/* The row that `matches`, else (NULL) *oldest is the one to replace. */
static struct prefetch_row *find_row(const struct prefetcher *p, struct prefetch_history *h,
				     int64_t key, uint64_t reach, struct prefetch_row **oldest)
{
	struct prefetch_row *found = NULL;
	uint64_t nearest = reach;

	*oldest = &h->row[0];
	for (unsigned i = 0; i < p->config.table_entries; i++) {
		struct prefetch_row *row = &h->row[i];
		uint64_t apart = row->key < key ? (uint64_t)key - (uint64_t)row->key
						: (uint64_t)row->key - (uint64_t)key;

		if (row->used < (*oldest)->used)
			*oldest = row;
		if (row->used && apart <= nearest && (!found || apart < nearest)) {
			found = row;
			nearest = apart;
		}
	}
	return found;
}

static struct prefetch_row *renew_row(struct prefetcher *p, struct prefetch_row *row, int64_t key)
{
	memset(row, 0, sizeof(*row));
	row->key = key;
	row->used = ++p->clock;
	return row;
}

static unsigned predict_stride(struct prefetcher *p, struct prefetch_history *h, int64_t page,
			       int64_t *wanted)
{
	struct prefetch_row *oldest, *row = find_row(p, h, page, STREAM_REACH, &oldest);
	unsigned count = 0;
	int64_t distance;

	if (!row) {
		renew_row(p, oldest, page);
		return 0;
	}
	distance = page - row->key;
	if (distance == 0)
		return 0;
	if (row->count && row->next[0] == distance) {
		while (count < p->config.degree) {
			wanted[count] = page + (int64_t)(count + 1) * distance;
			count++;
		}
	}
	row->key = page;
	row->next[0] = distance;
	row->count = 1;
	row->used = ++p->clock;
	return count;
}

/* Enters `distance` as the latest that followed the row's. */
static void learn_distance(const struct prefetcher *p, struct prefetch_row *row, int64_t distance)
{
	unsigned at = 0;

	while (at < row->count && row->next[at] != distance)
		at++;
	if (at == row->count && row->count < p->config.degree)
		row->count++;
	if (at == p->config.degree)
		at--;
	memmove(&row->next[1], &row->next[0], at * sizeof(row->next[0]));
	row->next[0] = distance;
}

static unsigned predict_distance(struct prefetcher *p, struct prefetch_history *h, int64_t page,
				 int64_t *wanted)
{
	struct prefetch_row *oldest, *row;
	bool known = h->page_known;
	int64_t distance = page - h->page;
	unsigned count = 0;

	h->page = page;
	h->page_known = true;
	if (!known || distance == 0)
		return 0;
	if (h->distance_known) {
		row = find_row(p, h, h->distance, 0, &oldest);
		if (!row)
			row = renew_row(p, oldest, h->distance);
		learn_distance(p, row, distance);
	}
	h->distance = distance;
	h->distance_known = true;
	row = find_row(p, h, distance, 0, &oldest);
	if (!row)
		return 0;
	row->used = ++p->clock;
	for (; count < row->count; count++)
		wanted[count] = page + row->next[count];
	return count;
}

unsigned prefetcher_predict(struct prefetcher *p, bool fetch, va_t va, unsigned page_lg2,
			    va_t *wanted)
{
	struct prefetch_history *h = &p->history[fetch];
	int64_t page = (int64_t)(va >> p->page_lg2), pages[PREFETCH_DEGREE_MAX];
	unsigned count = 0;

	switch (p->config.kind) {
	case PREFETCH_NEXT_PAGE:
		for (; count < p->config.degree; count++)
			wanted[count] = ((va >> page_lg2) + count + 1) << page_lg2;
		return count;
	case PREFETCH_STRIDE:
		count = predict_stride(p, h, page, pages);
		break;
	case PREFETCH_DISTANCE:
		count = predict_distance(p, h, page, pages);
		break;
	default:
		break;
	}
	for (unsigned i = 0; i < count; i++)
		wanted[i] = (va_t)pages[i] << p->page_lg2;
	return count;
}

void prefetcher_switched(struct prefetcher *p)
{
	for (unsigned side = 0; side < 2; side++)
		p->history[side].page_known = p->history[side].distance_known = false;
}

/* ---- the buffer ---- */

static struct prefetch_slot *find_slot(const struct prefetcher *p, asid_t asid, va_t va)
{
	for (unsigned i = 0; p->slot && i < p->config.buffer_entries; i++) {
		struct prefetch_slot *slot = &p->slot[i];

		if (slot->filled && va - slot->translation.va < slot->translation.bytes &&
		    (slot->asid == asid || slot->translation.global))
			return slot;
	}
	return NULL;
}

static void waste(struct prefetcher *p, struct prefetch_slot *slot)
{
	p->count.useless++;
	slot->filled = 0;
}

bool prefetcher_holds(const struct prefetcher *p, asid_t asid, va_t va)
{
	return find_slot(p, asid, va) != NULL;
}

bool prefetcher_take(struct prefetcher *p, const struct walk_input *input,
		     struct translation *translation)
{
	struct prefetch_slot *slot = find_slot(p, input->space->tag, input->va);

	if (!slot)
		return false;
	*translation = slot->translation;
	if (!access_allowed(&input->controls, input->mode, input->access, translation->perms) ||
	    (input->access == ACCESS_WRITE && !translation->dirty)) {
		waste(p, slot);
		return false;
	}
	p->count.useful++;
	slot->filled = 0;
	return true;
}

void prefetcher_put(struct prefetcher *p, asid_t asid, const struct translation *translation)
{
	struct prefetch_slot *slot = &p->slot[0];

	for (unsigned i = 1; i < p->config.buffer_entries && slot->filled; i++) {
		if (p->slot[i].filled < slot->filled)
			slot = &p->slot[i];
	}
	if (slot->filled)
		waste(p, slot);
	slot->translation = *translation;
	slot->asid = asid;
	slot->filled = ++p->clock;
	p->count.fills++;
}

void prefetcher_invalidate_range(struct prefetcher *p, asid_t asid, va_t va, uint64_t bytes)
{
	va_t last = va + (bytes - 1) < va ? UINT64_MAX : va + (bytes - 1);

	for (unsigned i = 0; bytes && p->slot && i < p->config.buffer_entries; i++) {
		const struct translation *t = &p->slot[i].translation;

		if (p->slot[i].filled && (t->global || p->slot[i].asid == asid) && t->va <= last &&
		    t->va + (t->bytes - 1) >= va)
			waste(p, &p->slot[i]);
	}
}

void prefetcher_invalidate_asid(struct prefetcher *p, asid_t asid)
{
	for (unsigned i = 0; p->slot && i < p->config.buffer_entries; i++) {
		if (p->slot[i].filled && !p->slot[i].translation.global && p->slot[i].asid == asid)
			waste(p, &p->slot[i]);
	}
}

void prefetcher_invalidate_all(struct prefetcher *p, bool keep_global)
{
	for (unsigned i = 0; p->slot && i < p->config.buffer_entries; i++) {
		if (p->slot[i].filled && !(keep_global && p->slot[i].translation.global))
			waste(p, &p->slot[i]);
	}
}

int prefetcher_check(const struct prefetcher *p, const char **what)
{
	uint64_t waiting = 0;

	*what = NULL;
	for (unsigned i = 0; p->slot && i < p->config.buffer_entries; i++)
		waiting += p->slot[i].filled != 0;
	if (p->slot && p->count.fills != p->count.useful + p->count.useless + waiting)
		*what = "prefetched translations differ from the used, the wasted and the waiting";
	return *what ? PW_CORRUPT : PW_OK;
}
