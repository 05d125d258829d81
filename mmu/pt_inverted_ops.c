/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the kernel asks of an inverted table. It finds the entry of a page without a search, since
 * it knows the frame that it gave to the page (pt_inverted_index.c); what it then loads and stores
 * is counted. Taking an entry out of a hash chain follows the chain from its anchor.
 */

#include "mmu/pt_inverted_private.h"

#include <assert.h>
#include <stdlib.h>

/* ---- entries ---- */

static pa_t find_entry(struct pt_space *space, va_t va)
{
	const struct inverted *inv = space->table->format;

	if (!pt_va_valid(&space->table->caps, va))
		return 0;
	return inverted_index_find(&inv->index, inverted_key(space, va));
}

static int add_overflow(struct page_table *pt)
{
	struct inverted *inv = pt->format;
	pa_t frame;
	int error = pt_memory_alloc(pt->memory, 0, &frame);

	if (error)
		return error;
	inverted_store(pt, frame, inv->overflow);
	inv->overflow = frame;
	for (unsigned i = OVERFLOW_SLOTS; i > 0; i--) {
		pa_t entry = frame + i * ENTRY_BYTES;

		inverted_store(pt, entry + ENTRY_LINK, inv->overflow_free / ENTRY_BYTES);
		inv->overflow_free = entry;
	}
	inv->overflow_frames++;
	return PW_OK;
}

/* Writes the low part of a link or an anchor, which point in the same way. */
static void point_to(struct page_table *pt, pa_t at, uint64_t link, pa_t next)
{
	inverted_store(pt, at, (link & ~(BIT(NEXT_BITS) - 1)) | next / ENTRY_BYTES);
}

static void enter(struct pt_space *space, pa_t entry, uint64_t tag, pfn_t pfn)
{
	struct page_table *pt = space->table;
	struct inverted *inv = pt->format;
	uint64_t link = inverted_is_main(inv, entry) ? 0 : pfn << NEXT_BITS;

	if (inv->hash) {
		pa_t anchor = inverted_anchor(inv, tag & TAG_KEY);

		link |= inverted_load(pt, anchor);
		inverted_store(pt, anchor, entry / ENTRY_BYTES);
	}
	inverted_store(pt, entry + ENTRY_LINK, link);
	inverted_store(pt, entry + ENTRY_TAG, tag);
	inverted_index_add(&inv->index, tag & TAG_KEY, entry);
	inv->used++;
	space->mapped++;
}

/* What points to an entry: its anchor, or the link of the entry before it. */
static void unchain(struct page_table *pt, pa_t entry, uint64_t key)
{
	pa_t at = inverted_anchor(pt->format, key);
	uint64_t link = inverted_load(pt, at);

	while (inverted_next(link) != entry) {
		at = inverted_next(link) + ENTRY_LINK;
		assert(at > ENTRY_LINK && "a chain holds every entry that hashes to it");
		link = inverted_load(pt, at);
	}
	point_to(pt, at, link, inverted_next(inverted_load(pt, entry + ENTRY_LINK)));
}

static void leave(struct pt_space *space, pa_t entry, uint64_t tag)
{
	struct page_table *pt = space->table;
	struct inverted *inv = pt->format;

	if (inv->hash)
		unchain(pt, entry, tag & TAG_KEY);
	inverted_store(pt, entry + ENTRY_TAG, 0);
	if (!inverted_is_main(inv, entry)) {
		inverted_store(pt, entry + ENTRY_LINK, inv->overflow_free / ENTRY_BYTES);
		inv->overflow_free = entry;
	}
	inverted_index_remove(&inv->index, tag & TAG_KEY);
	inv->used--;
	space->mapped--;
}

/* The mapping that holds the frame's only entry has to go. */
static void displace(struct page_table *pt, pa_t entry, uint64_t tag,
		     struct pt_displaced *displaced)
{
	const struct inverted *inv = pt->format;
	struct pt_space *space = inv->space[tag >> TAG_ASID];

	leave(space, entry, tag);
	if (!displaced)
		return;
	displaced->happened = true;
	displaced->space = space;
	displaced->va = inverted_va(tag);
	inverted_decode(inv, entry, tag, 0, &displaced->leaf);
}

static int take_overflow(struct page_table *pt, pa_t *entry)
{
	struct inverted *inv = pt->format;

	if (!inv->overflow_free) {
		int error = add_overflow(pt);

		if (error)
			return error;
	}
	*entry = inv->overflow_free;
	inv->overflow_free = inverted_next(inverted_load(pt, *entry + ENTRY_LINK));
	return PW_OK;
}

static bool valid_mapping(const struct page_table *pt, const struct pt_mapping *m)
{
	const struct inverted *inv = pt->format;

	return m->page_lg2 == FRAME_LG2 && ((m->va | m->pa) & (FRAME_BYTES - 1)) == 0 &&
	       pt_va_valid(&pt->caps, m->va) && m->pa >> FRAME_LG2 < inv->frames &&
	       (m->attrs.perms & (PERM_READ | PERM_WRITE | PERM_EXEC));
}

int inverted_map(struct pt_space *space, const struct pt_mapping *m, struct pt_displaced *displaced)
{
	struct page_table *pt = space->table;
	struct inverted *inv = pt->format;
	uint64_t tag, old;
	pa_t entry;

	if (displaced)
		displaced->happened = false;
	if (!valid_mapping(pt, m))
		return PW_INVALID;
	if (find_entry(space, m->va))
		return PW_EXISTS;
	if (inverted_index_reserve(&inv->index, pt->alloc) != PW_OK)
		return PW_NOMEM;
	entry = inv->table + (m->pa >> FRAME_LG2) * ENTRY_BYTES;
	old = inverted_load(pt, entry + ENTRY_TAG);
	if ((old & BIT(TAG_VALID)) && inv->chain) {
		int error = take_overflow(pt, &entry);

		if (error)
			return error;
	} else if (old & BIT(TAG_VALID)) {
		displace(pt, entry, old, displaced);
	}
	tag = inverted_with_perms(inverted_key(space, m->va), m->attrs.perms) |
	      (m->attrs.global ? BIT(TAG_G) : 0) | (m->attrs.accessed ? BIT(TAG_A) : 0) |
	      (m->attrs.dirty ? BIT(TAG_D) : 0);
	enter(space, entry, tag, m->pa >> FRAME_LG2);
	return PW_OK;
}

/* ---- ranges ---- */

struct inverted_range {
	struct pt_space *space;
	va_t first, last;
	void (*visit)(struct inverted_range *range, pa_t entry, uint64_t tag);
	uint8_t perms;
	pt_visit_fn *told;
	void *ctx;
};

static void visit_if_inside(struct inverted_range *range, pa_t entry)
{
	uint64_t tag = inverted_peek(range->space->table, entry + ENTRY_TAG);
	va_t va = inverted_va(tag);

	if ((tag & BIT(TAG_VALID)) && tag >> TAG_ASID == range->space->asid && va >= range->first &&
	    va <= range->last)
		range->visit(range, entry, inverted_load(range->space->table, entry + ENTRY_TAG));
}

static void visit_whole_table(struct inverted_range *range)
{
	const struct inverted *inv = range->space->table->format;

	for (uint64_t i = 0; i < inv->frames && range->space->mapped; i++)
		visit_if_inside(range, inv->table + i * ENTRY_BYTES);
	for (pa_t frame = inv->overflow; frame; frame = inverted_peek(range->space->table, frame))
		for (unsigned i = 1; i <= OVERFLOW_SLOTS; i++)
			visit_if_inside(range, frame + i * ENTRY_BYTES);
}

/* Page by page, or entry by entry when the range has more pages than memory has frames. */
static int visit_range(struct inverted_range *range, va_t va, uint64_t bytes)
{
	struct page_table *pt = range->space->table;
	const struct inverted *inv = pt->format;

	if (bytes == 0)
		return PW_OK;
	range->first = va;
	range->last = va + (bytes - 1);
	if (((va | bytes) & (FRAME_BYTES - 1)) || !pt_va_valid(&pt->caps, va) ||
	    !pt_va_valid(&pt->caps, range->last) || range->last < va || bytes >> VA_BITS)
		return PW_INVALID;
	if (bytes >> FRAME_LG2 > inv->frames) {
		visit_whole_table(range);
		return PW_OK;
	}
	for (uint64_t offset = 0; offset < bytes; offset += FRAME_BYTES) {
		pa_t entry =
			inverted_index_find(&inv->index, inverted_key(range->space, va + offset));

		if (entry)
			range->visit(range, entry, inverted_load(pt, entry + ENTRY_TAG));
	}
	return PW_OK;
}

static void tell(struct inverted_range *range, pa_t entry, uint64_t tag, uint64_t link)
{
	struct translation leaf;

	if (!range->told)
		return;
	inverted_decode(range->space->table->format, entry, tag, link, &leaf);
	range->told(range->ctx, &leaf);
}

static void unmap_entry(struct inverted_range *range, pa_t entry, uint64_t tag)
{
	uint64_t link = inverted_peek(range->space->table, entry + ENTRY_LINK);

	leave(range->space, entry, tag);
	tell(range, entry, tag, link);
}

int inverted_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx)
{
	struct inverted_range range = {
		.space = space, .visit = unmap_entry, .told = gone, .ctx = ctx
	};

	return visit_range(&range, va, bytes);
}

static void protect_entry(struct inverted_range *range, pa_t entry, uint64_t old)
{
	struct page_table *pt = range->space->table;
	uint64_t tag = inverted_with_perms(old, range->perms);

	if (tag != old)
		inverted_store(pt, entry + ENTRY_TAG, tag);
	tell(range, entry, tag, inverted_peek(pt, entry + ENTRY_LINK));
}

int inverted_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		     pt_visit_fn *changed, void *ctx)
{
	struct inverted_range range = {
		.space = space, .visit = protect_entry, .perms = perms, .told = changed, .ctx = ctx
	};

	if (!(perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		return PW_INVALID;
	return visit_range(&range, va, bytes);
}

void inverted_remove_all(struct pt_space *space)
{
	struct inverted_range all = { .space = space, .last = UINT64_MAX, .visit = unmap_entry };

	if (space->mapped)
		visit_whole_table(&all);
	assert(space->mapped == 0);
}

/* ---- single pages ---- */

int inverted_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf)
{
	struct page_table *pt = space->table;
	pa_t entry = find_entry(space, va);
	uint64_t old, tag;

	if (!entry)
		return PW_ABSENT;
	tag = old = inverted_load(pt, entry + ENTRY_TAG);
	inverted_decode(pt->format, entry, old, inverted_peek(pt, entry + ENTRY_LINK), leaf);
	if (clear & HARVEST_CLEAR_A)
		tag &= ~BIT(TAG_A);
	if (clear & HARVEST_CLEAR_D)
		tag &= ~BIT(TAG_D);
	if (tag != old)
		inverted_store(pt, entry + ENTRY_TAG, tag);
	return PW_OK;
}

int inverted_mark(struct pt_space *space, va_t va, bool dirty)
{
	struct page_table *pt = space->table;
	pa_t entry = find_entry(space, va);
	uint64_t old, tag;

	if (!entry)
		return PW_ABSENT;
	old = inverted_load(pt, entry + ENTRY_TAG);
	tag = old | BIT(TAG_A) | (dirty ? BIT(TAG_D) : 0);
	if (tag != old)
		inverted_store(pt, entry + ENTRY_TAG, tag);
	return PW_OK;
}

int inverted_split(struct pt_space *space, va_t va)
{
	return find_entry(space, va) ? PW_UNSUPPORTED : PW_ABSENT;
}

/* ---- all of a space ---- */

struct collected {
	struct translation *leaf;
	uint64_t count;
};

static void collect(void *ctx, const struct translation *leaf)
{
	struct collected *all = ctx;

	all->leaf[all->count++] = *leaf;
}

static void tell_entry(struct inverted_range *range, pa_t entry, uint64_t tag)
{
	tell(range, entry, tag, inverted_peek(range->space->table, entry + ENTRY_LINK));
}

static int compare_leaves(const void *a, const void *b)
{
	va_t left = ((const struct translation *)a)->va,
	     right = ((const struct translation *)b)->va;

	return (left > right) - (left < right);
}

int inverted_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx)
{
	const struct host_alloc *alloc = space->table->alloc;
	struct collected all = { NULL, 0 };
	struct inverted_range range = { .space = space,
					.last = UINT64_MAX,
					.visit = tell_entry,
					.told = collect,
					.ctx = &all };

	if (space->mapped == 0)
		return PW_OK;
	all.leaf = host_zalloc(alloc, (size_t)space->mapped, sizeof(*all.leaf));
	if (!all.leaf)
		return PW_NOMEM;
	visit_whole_table(&range);
	assert(all.count == space->mapped);
	qsort(all.leaf, (size_t)all.count, sizeof(*all.leaf), compare_leaves);
	for (uint64_t i = 0; i < all.count; i++)
		visit(ctx, &all.leaf[i]);
	host_free(alloc, all.leaf);
	return PW_OK;
}
