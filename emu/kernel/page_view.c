/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Base pages other than 4 KiB, behind the interface of a page table of 4 KiB pages.
 *
 *	smaller (1 KiB)    page   |          4 KiB          |     2^n entries for each page, made
 *	                   entry  | 1K  | 1K  | 1K  | 1K    |     and removed together, A and D each
 *
 *	larger (16 KiB)    page   |  r-x  |  r--  |  rw-  |absent|
 *	                   entry  |             rwx              |   one entry for the block, which
 *	                                                             permits what any page of it does
 *
 * Which pages are there, and what each permits, is kept beside the hardware's table: for larger base
 * pages it says more than the entry. What the hardware lets through and a page refuses, the kernel
 * finds out by asking the view (view_probe()): the emulator's own TLB works in 4 KiB.
 *
 * All pages of a larger base page lie in one block of frames at their offset; whoever maps them
 * (page_block.c) sees to that. A and D of a page are the block's, or those of any of its small ones.
 *
 * Invariants (page_view_check): the entry of a base page exists while a page in it does, permits the
 * union, and lies where the pages say; `mapped` counts pages of 4 KiB.
 */

#include "emu/kernel/page_view.h"

#include <assert.h>
#include <string.h>

#include "emu/kernel/page_tree.h"

struct view {
	struct pt_space *hardware;
	bool widened;
	struct page_tree pages; /* by page number: frame, and permissions in the highest byte */
};

enum { PERMS_SHIFT = 56 };

static const struct pt_ops view_ops;

static struct view *view_of(const struct pt_space *space)
{
	return space->format;
}

static unsigned base_lg2(const struct view *view)
{
	return view->hardware->table->caps.base_page_lg2;
}

static const struct pt_ops *ops_of(const struct view *view)
{
	return view->hardware->table->ops;
}

static bool larger(const struct view *view)
{
	return base_lg2(view) > FRAME_LG2;
}

/* What one page's entries cover: a block of several pages, or the page in small pieces. */
static uint64_t span_bytes(const struct view *view)
{
	return UINT64_C(1) << (larger(view) ? base_lg2(view) : FRAME_LG2);
}

static va_t span_of(const struct view *view, va_t va)
{
	return va & ~(span_bytes(view) - 1);
}

static pfn_t frame_of(pfn_t value)
{
	return value & ((UINT64_C(1) << PERMS_SHIFT) - 1);
}

static uint8_t perms_of(pfn_t value)
{
	return (uint8_t)(value >> PERMS_SHIFT);
}

static pfn_t value_of(pfn_t pfn, uint8_t perms)
{
	return pfn | (pfn_t)perms << PERMS_SHIFT;
}

/* --- life ------------------------------------------------------------------------------------ */

bool page_view_is(const struct page_table *table)
{
	return table->ops == &view_ops;
}

void page_view_init(struct page_table *view, struct page_table *hardware)
{
	*view = *hardware;
	view->ops = &view_ops;
	view->format = hardware;
	view->caps.base_page_lg2 = FRAME_LG2;
	view->caps.page_sizes = UINT64_C(1) << FRAME_LG2;
}

struct pt_space *page_view_hardware(struct pt_space *space)
{
	struct view *view;

	if (!page_view_is(space->table))
		return space;
	view = view_of(space);
	view->hardware->tag = space->tag;
	return view->hardware;
}

static int view_space_create(struct pt_space *space)
{
	const struct host_alloc *alloc = space->table->alloc;
	struct view *view = host_zalloc(alloc, 1, sizeof(*view));
	int error;

	if (!view)
		return PW_NOMEM;
	error = pt_space_create(space->table->format, space->asid, &view->hardware);
	if (error) {
		host_free(alloc, view);
		return error;
	}
	page_tree_init(&view->pages, alloc);
	space->format = view;
	return PW_OK;
}

static void view_space_destroy(struct pt_space *space)
{
	struct view *view = view_of(space);

	page_tree_release(&view->pages);
	pt_space_destroy(view->hardware);
	host_free(space->table->alloc, view);
}

/* --- the pages of a base page ---------------------------------------------------------------- */

/* How many pages of the block there are, and the union of what they permit. */
static unsigned block_union(const struct view *view, va_t block, uint8_t *perms)
{
	uint64_t index = block >> FRAME_LG2, end = (block + span_bytes(view)) >> FRAME_LG2;
	unsigned count = 0;
	pfn_t value;

	*perms = 0;
	for (; page_tree_next(&view->pages, &index, &value) && index < end; index++) {
		*perms |= perms_of(value);
		count++;
	}
	return count;
}

int page_view_block(struct pt_space *space, va_t va, pa_t *pa)
{
	const struct view *view = view_of(space);
	va_t block = span_of(view, va);
	uint64_t index = block >> FRAME_LG2;
	pfn_t value;

	if (!page_tree_next(&view->pages, &index, &value) ||
	    index << FRAME_LG2 >= block + span_bytes(view))
		return PW_ABSENT;
	*pa = (frame_of(value) << FRAME_LG2) - ((index << FRAME_LG2) - block);
	return PW_OK;
}

bool page_view_widened(struct pt_space *space)
{
	struct view *view = view_of(space);
	bool widened = view->widened;

	view->widened = false;
	return widened;
}

/* A and D of a page: of the block, or of any of its pieces. Clears as asked. PW_ABSENT. */
static int look(const struct view *view, va_t page, unsigned clear, struct translation *leaf)
{
	pfn_t value = page_tree_find(&view->pages, page >> FRAME_LG2);
	struct translation piece;

	if (value == PFN_NONE)
		return PW_ABSENT;
	*leaf = (struct translation){
		.va = page,
		.pa = frame_of(value) << FRAME_LG2,
		.bytes = FRAME_BYTES,
		.page_lg2 = FRAME_LG2,
		.perms = perms_of(value),
	};
	for (va_t at = page; at < page + FRAME_BYTES; at += UINT64_C(1) << base_lg2(view)) {
		int error = ops_of(view)->harvest(view->hardware, at, clear, &piece);

		assert(!error);
		(void)error;
		leaf->accessed |= piece.accessed;
		leaf->dirty |= piece.dirty;
		leaf->global = piece.global;
	}
	return PW_OK;
}

/* --- map ------------------------------------------------------------------------------------- */

static int enter_pieces(const struct view *view, const struct pt_mapping *page)
{
	uint64_t step = UINT64_C(1) << base_lg2(view);
	struct pt_mapping piece = *page;

	piece.page_lg2 = (uint8_t)base_lg2(view);
	for (uint64_t at = 0; at < FRAME_BYTES; at += step) {
		int error;

		piece.va = page->va + at;
		piece.pa = page->pa + at;
		error = ops_of(view)->map(view->hardware, &piece, NULL);
		if (error) {
			if (at > 0)
				ops_of(view)->unmap(view->hardware, page->va, at, NULL, NULL);
			return error;
		}
	}
	return PW_OK;
}

static int enter_in_block(struct view *view, const struct pt_mapping *page)
{
	va_t block = span_of(view, page->va);
	struct pt_mapping entry = *page;
	uint8_t perms;
	int error = PW_OK;

	entry.va = block;
	entry.pa = page->pa - (page->va - block);
	entry.page_lg2 = (uint8_t)base_lg2(view);
	if (block_union(view, block, &perms) == 0)
		return ops_of(view)->map(view->hardware, &entry, NULL);
	view->widened = (perms | page->attrs.perms) != perms;
	if (view->widened)
		error = ops_of(view)->protect(view->hardware, block, span_bytes(view),
					      perms | page->attrs.perms, NULL, NULL);
	if (!error && page->attrs.accessed)
		error = ops_of(view)->mark(view->hardware, block, page->attrs.dirty);
	return error;
}

static int view_map(struct pt_space *space, const struct pt_mapping *page,
		    struct pt_displaced *displaced)
{
	struct view *view = view_of(space);
	uint64_t index = page->va >> FRAME_LG2;
	int error;

	if (displaced)
		displaced->happened = false;
	if (page->page_lg2 != FRAME_LG2 || !pt_va_valid(&space->table->caps, page->va))
		return PW_INVALID;
	if (page_tree_find(&view->pages, index) != PFN_NONE)
		return PW_EXISTS;
	error = larger(view) ? enter_in_block(view, page) : enter_pieces(view, page);
	if (error)
		return error;
	error = page_tree_insert(&view->pages, index,
				 value_of(page->pa >> FRAME_LG2, page->attrs.perms));
	if (error) {
		uint8_t perms;

		/* An entry of a block that permits more than its pages do no harm. */
		if (!larger(view) || block_union(view, span_of(view, page->va), &perms) == 0)
			ops_of(view)->unmap(view->hardware, span_of(view, page->va),
					    span_bytes(view), NULL, NULL);
		return error;
	}
	space->mapped++;
	return PW_OK;
}

/* --- unmap, protect -------------------------------------------------------------------------- */

/* The entries follow what is left of their pages. */
static void leave(const struct view *view, va_t page)
{
	va_t span = span_of(view, page);
	uint8_t perms;
	int error;

	if (larger(view) && block_union(view, span, &perms) > 0)
		error = ops_of(view)->protect(view->hardware, span, span_bytes(view), perms, NULL,
					      NULL);
	else
		error = ops_of(view)->unmap(view->hardware, span, span_bytes(view), NULL, NULL);
	assert(!error);
	(void)error;
}

static int view_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx)
{
	struct view *view = view_of(space);
	uint64_t index = va >> FRAME_LG2, end = (va + bytes) >> FRAME_LG2;
	struct translation leaf;
	pfn_t value;

	for (; page_tree_next(&view->pages, &index, &value) && index < end; index++) {
		va_t page = index << FRAME_LG2;

		look(view, page, HARVEST_READ, &leaf);
		page_tree_remove(&view->pages, index);
		leave(view, page);
		space->mapped--;
		if (gone)
			gone(ctx, &leaf);
	}
	return PW_OK;
}

static int view_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
			pt_visit_fn *changed, void *ctx)
{
	struct view *view = view_of(space);
	uint64_t index = va >> FRAME_LG2, end = (va + bytes) >> FRAME_LG2;
	struct translation leaf;
	pfn_t value;

	for (; page_tree_next(&view->pages, &index, &value) && index < end; index++) {
		va_t page = index << FRAME_LG2, span = span_of(view, page);
		uint8_t all = perms;
		int error;

		page_tree_replace(&view->pages, index, value_of(frame_of(value), perms));
		if (larger(view))
			block_union(view, span, &all);
		error = ops_of(view)->protect(view->hardware, span, span_bytes(view), all, NULL,
					      NULL);
		assert(!error);
		(void)error;
		look(view, page, HARVEST_READ, &leaf);
		if (changed)
			changed(ctx, &leaf);
	}
	return PW_OK;
}

/* --- the rest -------------------------------------------------------------------------------- */

static int view_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf)
{
	return look(view_of(space), va & ~(va_t)(FRAME_BYTES - 1), clear, leaf);
}

/* All pieces: where the hardware sets neither A nor D, a page's are as one. */
static int view_mark(struct pt_space *space, va_t va, bool dirty)
{
	const struct view *view = view_of(space);
	va_t page = va & ~(va_t)(FRAME_BYTES - 1);

	if (page_tree_find(&view->pages, page >> FRAME_LG2) == PFN_NONE)
		return PW_ABSENT;
	for (va_t at = page; at < page + FRAME_BYTES; at += UINT64_C(1) << base_lg2(view))
		ops_of(view)->mark(view->hardware, at, dirty);
	return PW_OK;
}

static int view_split(struct pt_space *space, va_t va)
{
	(void)space;
	(void)va;
	return PW_UNSUPPORTED;
}

static int view_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx)
{
	const struct view *view = view_of(space);
	struct translation leaf;
	uint64_t index;
	pfn_t value;

	for (index = 0; page_tree_next(&view->pages, &index, &value); index++) {
		look(view, index << FRAME_LG2, HARVEST_READ, &leaf);
		visit(ctx, &leaf);
	}
	return PW_OK;
}

static unsigned view_describe(const struct page_table *pt, unsigned level, const void *bytes,
			      unsigned length, struct pt_field *fields)
{
	const struct page_table *hardware = pt->format;

	return hardware->ops->describe(hardware, level, bytes, length, fields);
}

static void view_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct page_table *hardware = pt->format;

	hardware->ops->stats(hardware, stats);
}

/* The hardware's answer for the page, narrowed to what the page itself permits. */
static enum fault_kind view_probe(const struct walk_input *input, struct translation *leaf,
				  unsigned *level)
{
	const struct view *view = view_of(input->space);
	struct walk_input inner = *input;
	struct translation found;
	struct mmu_fault fault;
	enum fault_kind kind;
	pfn_t value;

	inner.space = view->hardware;
	inner.span_lg2 = 0;
	*level = 0;
	kind = pt_probe(&inner, &found, &fault);
	if (kind != FAULT_NONE) {
		*level = fault.level;
		return kind;
	}
	value = page_tree_find(&view->pages, input->va >> FRAME_LG2);
	if (value == PFN_NONE)
		return FAULT_NOT_PRESENT;
	found.perms &= perms_of(value);
	if (!access_allowed(&input->controls, input->mode, input->access, found.perms))
		return FAULT_PROTECTION;
	if (larger(view)) {
		found.va = input->va & ~(va_t)(FRAME_BYTES - 1);
		found.pa = frame_of(value) << FRAME_LG2;
		found.bytes = FRAME_BYTES;
		found.page_lg2 = FRAME_LG2;
	}
	if (leaf)
		*leaf = found;
	return FAULT_NONE;
}

static int view_check(struct page_table *pt, const char **what)
{
	struct page_table *hardware = pt->format;

	return hardware->ops->check ? hardware->ops->check(hardware, what) : PW_OK;
}

/* Nobody walks a view: the hardware walks its own table. */
static void view_walk_start(const struct walk_input *input, struct walk_state *state)
{
	(void)input;
	(void)state;
	assert(!"a view is walked");
}

static enum walk_step view_walk_next(const struct walk_input *input, struct walk_state *state,
				     const struct walk_reply *reply, struct walk_request *request)
{
	(void)input, (void)state, (void)reply, (void)request;
	assert(!"a view is walked");
	return WALK_FAULT;
}

static const struct pt_ops view_ops = {
	.name = "view",
	.space_create = view_space_create,
	.space_destroy = view_space_destroy,
	.map = view_map,
	.unmap = view_unmap,
	.protect = view_protect,
	.harvest = view_harvest,
	.mark = view_mark,
	.split = view_split,
	.for_each = view_for_each,
	.describe = view_describe,
	.stats = view_stats,
	.walk_start = view_walk_start,
	.walk_next = view_walk_next,
	.probe = view_probe,
	.check = view_check,
};
