/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the kernel asks of elastic cuckoo tables for ranges: unmap, protect, for_each. */

#include "mmu/pt_cuckoo_locate_private.h"
#include "mmu/pt_cuckoo_private.h"

#include <assert.h>
#include <stdlib.h>

struct range {
	struct pt_space *space;
	va_t first, last;
	bool unmap;
	uint8_t perms;
	pt_visit_fn *told;
	void *ctx;
	uint64_t lines_gone[SIZES_MAX];
};

static void tell(const struct range *range, va_t va, unsigned lg2, uint64_t entry)
{
	struct translation leaf;

	if (!range->told)
		return;
	cuckoo_decode(va, lg2, entry, &leaf);
	range->told(range->ctx, &leaf);
}

static void protect_entry(const struct range *range, va_t va, unsigned lg2, pa_t pa, uint64_t old)
{
	uint64_t entry = entry_with_perms(old, range->perms);

	if (entry != old)
		pt_memory_store(range->space->table->memory, pa, 8, entry);
	tell(range, va, lg2, entry);
}

/* True when the line went with it. */
static bool unmap_entry(struct range *range, va_t va, const struct cuckoo_spot *spot, uint64_t old)
{
	struct pt_space *space = range->space;
	const struct cuckoo *cuckoo = space->table->format;
	bool empty;

	cuckoo_drop_entry(space, va, spot, &empty);
	if (spot->size > 0)
		cwt_page_left(space, spot->size, va);
	else if (empty)
		cwt_small_lines(space, va, -1);
	space->mapped -= BIT(spot->lg2 - cuckoo->lg2[0]);
	((struct cuckoo_space *)space->format)->leaves--;
	range->lines_gone[spot->size] += empty;
	tell(range, va, spot->lg2, old);
	return empty;
}

/* The pages of a line from va to `last`. */
static void visit_line(struct range *range, va_t va, va_t last, const struct cuckoo_spot *spot)
{
	for (;;) {
		pa_t pa = spot->line + (pa_t)cuckoo_slot(va, spot->lg2) * 8;
		uint64_t entry = pt_memory_load(range->space->table->memory, pa, 8);

		if (entry & BIT(ENTRY_VALID)) {
			if (!range->unmap)
				protect_entry(range, va, spot->lg2, pa, entry);
			else if (unmap_entry(range, va, spot, entry))
				return;
		}
		if (last - va < BIT(spot->lg2))
			return;
		va += BIT(spot->lg2);
	}
}

/* Around the pages of a line of large ones smaller pages may lie: these are taken one by one. */
static void visit_places(struct range *range)
{
	va_t va = range->first;

	for (;;) {
		struct cuckoo_spot spot;
		bool found = cuckoo_locate(range->space, va, &spot);
		unsigned lg2 = found && spot.size > 0 ? spot.lg2 : spot.hole_lg2;
		va_t end = va | (BIT(lg2) - 1);

		if (end > range->last)
			end = range->last;
		if (found)
			visit_line(range, va, end, &spot);
		if (end == range->last)
			return;
		va = end + 1;
	}
}

/* Without walk tables, where the range has more clusters than the table has lines. */
static void visit_any_line(void *ctx, pa_t line, unsigned way, uint64_t key)
{
	struct range *range = ctx;
	const struct cuckoo *cuckoo = range->space->table->format;
	struct cuckoo_spot spot = { 0, cuckoo->lg2[0], way, line, 0 };
	va_t va = cuckoo_va(key << CLUSTER_LG2, spot.lg2);
	va_t last = va + (BIT(spot.lg2 + CLUSTER_LG2) - 1);

	if (last < range->first || va > range->last)
		return;
	if (va < range->first)
		va = range->first;
	visit_line(range, va, last > range->last ? range->last : last, &spot);
}

/* Does a page that covers va begin before `first` or end after `last`? */
static bool cut_at(struct pt_space *space, va_t va, const struct range *range)
{
	struct cuckoo_spot spot;
	uint64_t entry;
	va_t start;

	if (!cuckoo_locate_entry(space, va, &spot, &entry))
		return false;
	start = va >> spot.lg2 << spot.lg2;
	return start < range->first || start + (BIT(spot.lg2) - 1) > range->last;
}

static int visit_range(struct range *range, va_t va, uint64_t bytes)
{
	struct pt_space *space = range->space;
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;
	uint64_t base = BIT(cuckoo->lg2[0]);

	if (bytes == 0)
		return PW_OK;
	range->first = va;
	range->last = va + (bytes - 1);
	if (((va | bytes) & (base - 1)) || !pt_va_valid(&space->table->caps, va) ||
	    !pt_va_valid(&space->table->caps, range->last) || range->last < va ||
	    bytes >> VA_BITS || cut_at(space, va, range) || cut_at(space, range->last, range))
		return PW_INVALID;
	if (cuckoo->walk_tables == 0 &&
	    bytes >> (cuckoo->lg2[0] + CLUSTER_LG2) > cuckoo_lines(&own->pages[0]))
		cuckoo_each(&own->pages[0], visit_any_line, range);
	else
		visit_places(range);
	for (unsigned i = 0; i < cuckoo->sizes; i++)
		for (; range->lines_gone[i] > 0; range->lines_gone[i]--)
			cuckoo_settle(&own->pages[i]);
	return PW_OK;
}

int cuckoo_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx)
{
	struct range range = { .space = space, .unmap = true, .told = gone, .ctx = ctx };

	return visit_range(&range, va, bytes);
}

int cuckoo_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		   pt_visit_fn *changed, void *ctx)
{
	struct range range = { .space = space, .perms = perms, .told = changed, .ctx = ctx };

	if (!(perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		return PW_INVALID;
	return visit_range(&range, va, bytes);
}

/* ---- all of it ---- */

struct collection {
	struct pt_space *space;
	unsigned lg2;
	uint64_t count;
	struct translation *leaves;
};

static void collect(void *ctx, pa_t line, unsigned way, uint64_t key)
{
	struct collection *c = ctx;
	va_t va = cuckoo_va(key << CLUSTER_LG2, c->lg2);

	(void)way;
	for (unsigned i = 0; i < CLUSTER_PAGES; i++) {
		uint64_t entry = pt_memory_load(c->space->table->memory, line + (pa_t)i * 8, 8);

		if (entry & BIT(ENTRY_VALID))
			cuckoo_decode(va + ((va_t)i << c->lg2), c->lg2, entry,
				      &c->leaves[c->count++]);
	}
}

static int compare_leaves(const void *a, const void *b)
{
	va_t left = ((const struct translation *)a)->va,
	     right = ((const struct translation *)b)->va;

	return (left > right) - (left < right);
}

int cuckoo_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx)
{
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;
	const struct host_alloc *alloc = space->table->alloc;
	struct collection c = { .space = space };

	if (own->leaves == 0)
		return PW_OK;
	c.leaves = host_zalloc(alloc, (size_t)own->leaves, sizeof(*c.leaves));
	if (!c.leaves)
		return PW_NOMEM;
	for (unsigned i = 0; i < cuckoo->sizes; i++) {
		c.lg2 = cuckoo->lg2[i];
		cuckoo_each(&own->pages[i], collect, &c);
	}
	assert(c.count == own->leaves);
	qsort(c.leaves, (size_t)c.count, sizeof(*c.leaves), compare_leaves);
	for (uint64_t i = 0; i < c.count; i++)
		visit(ctx, &c.leaves[i]);
	host_free(alloc, c.leaves);
	return PW_OK;
}
