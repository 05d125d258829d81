/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Forwarding from an outer page table to the inner one that it stands on. */

#include "mmu/pt_backing.h"

#include <assert.h>
#include <string.h>

/* The inner table is walked by nobody but the outer one, and an inner space has the outer's tag. */
static void pass_on(void *ctx, asid_t tag, va_t va, uint64_t bytes, unsigned held)
{
	const struct page_table *outer = ctx;

	pt_invalidate(outer, tag, va, bytes, held);
}

/*
 * An outer format is no inner one: its walks would nest deeper than the walker's stack, and a chain
 * of them has no end. One that displaces mappings is none either: the victim's space would be an
 * inner one, which nobody outside knows.
 */
static bool may_back(const struct page_table *inner)
{
	return inner->caps.aliases && !inner->caps.backed;
}

int pt_backing_create(struct page_table *outer, struct pt_backing *backing, const char *format,
		      const char *field, struct config_complaint *complaint)
{
	struct pt_config config = outer->config;
	int error = PW_INVALID;

	assert(strlen(field) < sizeof(complaint->field));
	complaint->must_be = NULL;
	strcpy(config.format, format);
	/* Itself behind itself would never end. */
	if (pt_format_find(format) && strcmp(format, outer->config.format) != 0)
		error = page_table_create(&backing->inner, &config, outer->memory, outer->alloc,
					  complaint);
	if (error == PW_OK && !may_back(&backing->inner)) {
		page_table_destroy(&backing->inner);
		error = PW_INVALID;
		complaint->must_be = NULL;
	}
	if (error == PW_INVALID && !complaint->must_be) {
		strcpy(complaint->field, field);
		complaint->must_be = PT_BACKING_MUST_BE;
	}
	if (error)
		return error;
	backing->inner.listener = (struct pt_listener){ pass_on, outer };
	return PW_OK;
}

/* A format behind another may not stand on one itself: create() will say so. */
uint64_t pt_backing_page_sizes(const struct pt_config *outer)
{
	const struct pt_ops *ops = pt_format_find(outer->backing);

	if (!ops || !ops->page_sizes || ops->page_sizes == pt_backing_page_sizes)
		return FRAME_BYTES;
	return ops->page_sizes(outer);
}

void pt_backing_destroy(struct pt_backing *backing)
{
	page_table_destroy(&backing->inner);
}

int pt_backing_space_create(struct pt_space *outer)
{
	struct pt_space *inner;
	int error = pt_space_create(&pt_backing_of(outer->table)->inner, outer->asid, &inner);

	if (error)
		return error;
	outer->inner = inner;
	pt_space_lend(outer, outer->tag);
	outer->root = inner->root;
	return PW_OK;
}

void pt_backing_space_destroy(struct pt_space *outer)
{
	pt_space_destroy(pt_backing_space(outer));
	outer->inner = NULL;
}

int pt_backing_map(struct pt_space *space, const struct pt_mapping *m,
		   struct pt_displaced *displaced)
{
	struct pt_space *inner = pt_backing_space(space);
	va_t last = m->va + ((UINT64_C(1) << m->page_lg2 % 64) - 1);
	int error;

	if (displaced)
		displaced->happened = false;
	if (!(space->table->caps.page_sizes >> m->page_lg2 % 64 & 1) ||
	    !pt_va_valid(&space->table->caps, m->va) || !pt_va_valid(&space->table->caps, last) ||
	    m->pa >> space->table->caps.pa_bits)
		return PW_INVALID;
	error = inner->table->ops->map(inner, m, NULL);
	space->mapped = inner->mapped;
	return error;
}

/* A range that the outer table cannot hold is as wrong as one that the inner cannot. */
static bool range_valid(const struct pt_space *space, va_t va, uint64_t bytes)
{
	const struct pt_caps *caps = &space->table->caps;

	return bytes == 0 || (pt_va_valid(caps, va) && pt_va_valid(caps, va + (bytes - 1)));
}

int pt_backing_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx)
{
	struct pt_space *inner = pt_backing_space(space);
	int error;

	if (!range_valid(space, va, bytes))
		return PW_INVALID;
	error = inner->table->ops->unmap(inner, va, bytes, gone, ctx);
	space->mapped = inner->mapped;
	return error;
}

int pt_backing_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		       pt_visit_fn *changed, void *ctx)
{
	struct pt_space *inner = pt_backing_space(space);

	if (!range_valid(space, va, bytes))
		return PW_INVALID;
	return inner->table->ops->protect(inner, va, bytes, perms, changed, ctx);
}

int pt_backing_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf)
{
	struct pt_space *inner = pt_backing_space(space);

	if (!pt_va_valid(&space->table->caps, va))
		return PW_ABSENT;
	return inner->table->ops->harvest(inner, va, clear, leaf);
}

int pt_backing_mark(struct pt_space *space, va_t va, bool dirty)
{
	struct pt_space *inner = pt_backing_space(space);

	if (!pt_va_valid(&space->table->caps, va))
		return PW_ABSENT;
	return inner->table->ops->mark(inner, va, dirty);
}

int pt_backing_split(struct pt_space *space, va_t va)
{
	struct pt_space *inner = pt_backing_space(space);

	if (!pt_va_valid(&space->table->caps, va))
		return PW_ABSENT;
	return inner->table->ops->split(inner, va);
}

int pt_backing_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx)
{
	struct pt_space *inner = pt_backing_space(space);

	return inner->table->ops->for_each(inner, visit, ctx);
}
