/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Bounded tables of every kind: creation, and the copies that changes of the backing table clear. */

#include "mmu/pt_bounded_private.h"

#include <assert.h>
#include <string.h>

enum { ASIDS = 1 << 16 };

int bounded_complain(struct config_complaint *complaint, const char *field, const char *must_be)
{
	strcpy(complaint->field, field);
	complaint->must_be = must_be;
	return PW_INVALID;
}

int bounded_check_instructions(unsigned instructions, const char *field,
			       struct config_complaint *complaint)
{
	if (instructions > BOUNDED_INSTRUCTIONS_MAX)
		return bounded_complain(complaint, field, "from 0 to 1000000");
	return PW_OK;
}

static void release(struct page_table *pt)
{
	struct bounded *b = bounded_of(pt);

	if (b->table)
		pt_memory_free(pt->memory, b->table, b->table_order);
	if (b->data)
		pt_memory_free(pt->memory, b->data, 0);
	if (b->backing.inner.ops)
		pt_backing_destroy(&b->backing);
	host_free(pt->alloc, b->space);
	host_free(pt->alloc, b);
	pt->format = NULL;
}

static int build(struct page_table *pt, struct bounded *b, uint64_t bytes,
		 struct config_complaint *complaint)
{
	int error = pt_backing_create(pt, &b->backing, pt->config.backing, "page_table.backing",
				      complaint);

	if (error)
		return error;
	b->space = host_zalloc(pt->alloc, ASIDS, sizeof(struct pt_space *));
	if (!b->space)
		return PW_NOMEM;
	while ((uint64_t)FRAME_BYTES << b->table_order < bytes)
		b->table_order++;
	error = pt_memory_alloc(pt->memory, b->table_order, &b->table);
	if (!error && b->has_data)
		error = pt_memory_alloc(pt->memory, 0, &b->data);
	return error;
}

int bounded_create(struct page_table *pt, const struct bounded *model, uint64_t bytes,
		   struct config_complaint *complaint)
{
	struct bounded *b;
	int error;

	b = host_zalloc(pt->alloc, 1, sizeof(*b));
	if (!b)
		return PW_NOMEM;
	*b = *model;
	pt->format = b;
	error = build(pt, b, bytes, complaint);
	if (error) {
		release(pt);
		return error;
	}
	pt->caps = b->backing.inner.caps;
	pt->caps.backed = true;
	pt->caps.contiguous |= b->table_order > 0;
	/* Levels are the backing table's. */
	pt->caps.level_count = 1;
	return PW_OK;
}

void bounded_destroy(struct page_table *pt)
{
	release(pt);
}

int bounded_space_create(struct pt_space *space)
{
	struct bounded *b = bounded_of(space->table);
	int error = pt_backing_space_create(space);

	if (error)
		return error;
	b->space[space->asid] = space;
	space->root = b->table;
	return PW_OK;
}

/* Its ASID will be another's: no copy may remain. Looks at the whole table, as a kernel would. */
void bounded_space_destroy(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct bounded *b = bounded_of(pt);
	struct translation leaf;
	asid_t asid;
	va_t va;

	for (uint64_t i = 0; i < b->slots; i++)
		if (b->kind->copy(pt, i, &asid, &va, &leaf) && asid == space->asid)
			b->kind->clear(pt, i);
	b->space[space->asid] = NULL;
	pt_backing_space_destroy(space);
}

/* ---- changes ---- */

struct change {
	struct pt_space *space;
	pt_visit_fn *told;
	void *ctx;
};

/* Page by page, or copy by copy where a large page has more base pages than the table has slots. */
static void forget_range(struct pt_space *space, va_t va, uint64_t bytes)
{
	struct page_table *pt = space->table;
	struct bounded *b = bounded_of(pt);
	unsigned page_lg2 = pt->caps.base_page_lg2;
	struct translation leaf;
	asid_t asid;
	va_t page;

	if (bytes >> page_lg2 <= b->slots) {
		for (uint64_t offset = 0; offset < bytes; offset += UINT64_C(1) << page_lg2)
			b->kind->forget(space, va + offset);
		return;
	}
	for (uint64_t i = 0; i < b->slots; i++)
		if (b->kind->copy(pt, i, &asid, &page, &leaf) && asid == space->asid &&
		    page - va < bytes)
			b->kind->clear(pt, i);
}

static void forget_leaf(void *ctx, const struct translation *leaf)
{
	struct change *change = ctx;

	forget_range(change->space, leaf->va, leaf->bytes);
	if (change->told)
		change->told(change->ctx, leaf);
}

int bounded_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx)
{
	struct change change = { space, gone, ctx };

	return pt_backing_unmap(space, va, bytes, forget_leaf, &change);
}

int bounded_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		    pt_visit_fn *changed, void *ctx)
{
	struct change change = { space, changed, ctx };

	return pt_backing_protect(space, va, bytes, perms, forget_leaf, &change);
}

int bounded_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf)
{
	int error = pt_backing_harvest(space, va, clear, leaf);

	if (error == PW_OK && clear)
		forget_range(space, leaf->va, leaf->bytes);
	return error;
}

/* The copy's D, or its absence for want of A, would be older than what the page table says. */
int bounded_mark(struct pt_space *space, va_t va, bool dirty)
{
	va_t page = va & ~((UINT64_C(1) << space->table->caps.base_page_lg2) - 1);
	int error = pt_backing_mark(space, va, dirty);

	if (error == PW_OK)
		bounded_of(space->table)->kind->forget(space, page);
	return error;
}

int bounded_split(struct pt_space *space, va_t va)
{
	struct pt_space *inner = pt_backing_space(space);
	struct translation leaf;
	int error;

	if (!pt_va_valid(&space->table->caps, va) ||
	    inner->table->ops->harvest(inner, va, HARVEST_READ, &leaf) != PW_OK)
		return PW_ABSENT;
	error = pt_backing_split(space, va);
	if (error == PW_OK)
		forget_range(space, leaf.va, leaf.bytes);
	return error;
}

/* ---- looked at from outside ---- */

/* Entries are the backing table's; what the bounded one holds is bytes, and its load is in slots. */
void bounded_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct bounded *b = bounded_of(pt);

	b->backing.inner.ops->stats(&b->backing.inner, stats);
	stats->table_bytes += (uint64_t)FRAME_BYTES << b->table_order;
	stats->table_bytes += b->has_data ? FRAME_BYTES : 0;
	stats->slots += b->slots;
}

static const char *check_copy(struct page_table *pt, asid_t asid, va_t va,
			      const struct translation *copy)
{
	struct pt_space *space = bounded_of(pt)->space[asid], *inner;
	uint64_t loads = pt->memory->loads, stores = pt->memory->stores;
	struct translation leaf;
	int error;

	if (!space)
		return "a copy is of an address space that there is not";
	inner = pt_backing_space(space);
	error = inner->table->ops->harvest(inner, va, HARVEST_READ, &leaf);
	pt->memory->loads = loads;
	pt->memory->stores = stores;
	if (error != PW_OK)
		return "a copy is of a page that the backing table does not map";
	if (leaf.va != copy->va || leaf.pa != copy->pa || leaf.bytes != copy->bytes ||
	    leaf.perms != copy->perms || leaf.global != copy->global)
		return "a copy differs from the backing table";
	if (!leaf.accessed)
		return "a copy is of a page with A clear";
	if (copy->dirty && !leaf.dirty)
		return "a copy has D set, the page has not";
	return NULL;
}

int bounded_check(struct page_table *pt, const char **what)
{
	struct bounded *b = bounded_of(pt);
	int error = b->backing.inner.ops->check(&b->backing.inner, what);
	struct translation copy;
	asid_t asid;
	va_t va;

	for (uint64_t i = 0; !error && i < b->slots; i++) {
		if (!b->kind->copy(pt, i, &asid, &va, &copy))
			continue;
		*what = check_copy(pt, asid, va, &copy);
		error = *what ? PW_CORRUPT : PW_OK;
	}
	return error;
}
