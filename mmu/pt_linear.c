/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A linear page table in mapped kernel space, walked from the bottom up: MIPS under ULTRIX (two
 * tiers) and under MACH (three), and the short-format VHPT of Itanium, whose first reference is
 * the hardware's.
 *
 *   kernel addresses above the user's, of each level one region, in it one part an ASID:
 *
 *      region 0                                  region 1 (mapped upper levels only)
 *     ┌──────────┬──────────┬─────┬───────────┐ ┌──────────┬─────
 *     │ ASID 0   │ ASID 1   │ ... │ ASID n-1  │ │ ASID 0   │ ...
 *     └──────────┴──────────┴─────┴───────────┘ └──────────┴─────
 *      entry of user page v: base + ASID x size + v x entry bytes
 *
 * The tables themselves are those of a radix tree (page_table.radix): a linear table of which only
 * the pages in use exist *is* the leaf level of one. What differs is the way to an entry: its
 * address follows from the user's by arithmetic, and is translated through the TLBs by mappings
 * that take wired ways and are global. Where these miss, a second handler finds the table page:
 *
 *   upper: physical  reads the upper levels from the root down. With two levels that is ULTRIX: a
 *                    root of one page in physical memory for each process.
 *   upper: mapped    the upper levels are linear tables in mapped space too, and a root table in
 *                    physical memory for all processes says where their topmost pages lie. With
 *                    two levels that is MACH: user table, kernel table, root table.
 *
 * A and D are as the tree has them (page_table.radix). There are no large leaves, whatever
 * page_table.radix.leaf_levels says: where one stood there would be no table page to map.
 *
 * Not modelled: fetches of the handlers' code, a store's TLB-modified exception as a vector of its
 * own (it is a refill whose walk ends in a fault for D), kernel mappings in the instruction TLB.
 *
 * Invariants: those of the tree; the root table holds, for each space, a pointer to each page of
 * its root and nothing else. What TLBs hold of a table page that is freed is reported as stale.
 *
 * Sources: Jacob & Mudge, "A Look at Several Memory Management Units, TLB-Refill Mechanisms, and
 * Page Table Organizations", ASPLOS 1998, section 2; Kane & Heinrich, "MIPS RISC Architecture",
 * 1992; Intel Itanium Architecture Software Developer's Manual, volume 2, section 4.1.5.
 */

#include "mmu/pt_formats_private.h"
#include "mmu/pt_linear_private.h"

#include <assert.h>
#include <string.h>

static int complain(struct config_complaint *complaint, const char *field, const char *must_be)
{
	strcpy(complaint->field, field);
	complaint->must_be = must_be;
	return PW_INVALID;
}

static int linear_config_check(const struct pt_config *all, struct config_complaint *complaint)
{
	const struct linear_config *config = &all->linear;

	if (config->spaces < 2 || config->spaces > LINEAR_SPACES_MAX)
		return complain(complaint, "page_table.linear.spaces", "from 2 to 65536");
	if ((unsigned)config->upper >= LINEAR_UPPER_COUNT)
		return complain(complaint, "page_table.linear.upper", "physical or mapped");
	if ((unsigned)config->walker >= LINEAR_WALKER_COUNT)
		return complain(complaint, "page_table.linear.walker", "software or hardware");
	if (config->user_handler_instructions > LINEAR_INSTRUCTIONS_MAX)
		return complain(complaint, "page_table.linear.user_handler_instructions",
				"from 0 to 1000000");
	if (config->kernel_handler_instructions > LINEAR_INSTRUCTIONS_MAX)
		return complain(complaint, "page_table.linear.kernel_handler_instructions",
				"from 0 to 1000000");
	if (config->root_handler_instructions > LINEAR_INSTRUCTIONS_MAX)
		return complain(complaint, "page_table.linear.root_handler_instructions",
				"from 0 to 1000000");
	if (config->root_handler_loads > LINEAR_LOADS_MAX)
		return complain(complaint, "page_table.linear.root_handler_loads", "from 0 to 16");
	return PW_OK;
}

/* Mapped tables are pages: each as large as one, or (the topmost) a power of two of them. */
static int check_tree(const struct linear *linear, struct config_complaint *complaint)
{
	const struct pt_caps *caps = &linear->backing.inner.caps;
	const struct radix *tree = linear_tree(linear);

	if (caps->base_page_lg2 < FRAME_LG2)
		return complain(complaint, "page_table.radix.offset_bits",
				"12 or more, for linear tables");
	for (unsigned i = 0; i < linear->regions; i++) {
		unsigned top = i + 1 == tree->level_count;
		unsigned lg2 =
			linear->backing.inner.config.radix.index_bits[i] + tree->encoding.entry_lg2;

		if (lg2 != caps->base_page_lg2 && !(top && lg2 > caps->base_page_lg2))
			return complain(complaint, "page_table.radix.index_bits",
					"such that each table fills a page, for linear tables (the "
					"root may be of any size, or larger if it is mapped)");
	}
	if (linear->regions == 0 || linear->regions >= WALK_DEPTH_MAX)
		return complain(complaint, "page_table.radix.index_bits",
				"2 levels or more, at most 3 of them mapped, for linear tables");
	return PW_OK;
}

/* One behind the other, each as large as the ASIDs need. */
static int place_regions(struct linear *linear, unsigned spaces, struct config_complaint *complaint)
{
	const struct radix *tree = linear_tree(linear);
	unsigned va_bits = linear->backing.inner.caps.va_bits;
	va_t base;

	if (va_bits > 57)
		return complain(complaint, "page_table.radix.index_bits",
				"57 bits at most with offset_bits, for linear tables");
	base = UINT64_C(1) << va_bits;
	for (unsigned i = 0; i < linear->regions; i++) {
		unsigned lg2 = va_bits - tree->level[i].shift + tree->encoding.entry_lg2;

		linear->region[i].base = base;
		linear->region[i].space_lg2 = (uint8_t)lg2;
		base += (va_t)spaces << lg2;
	}
	return PW_OK;
}

static int alloc_root(struct page_table *pt, struct linear *linear)
{
	const struct radix *tree = linear_tree(linear);
	unsigned top = tree->level_count - 1,
		 bits = linear->backing.inner.config.radix.index_bits[top];
	uint64_t bytes;
	int error;

	if (pt->config.linear.upper == LINEAR_UPPER_PHYSICAL)
		return PW_OK;
	linear->root_pages_lg2 = (uint8_t)(bits + tree->encoding.entry_lg2 -
					   linear->backing.inner.caps.base_page_lg2);
	bytes = (uint64_t)pt->config.linear.spaces << linear->root_pages_lg2
						   << tree->encoding.entry_lg2;
	while ((uint64_t)FRAME_BYTES << linear->root_order < bytes)
		linear->root_order++;
	error = pt_memory_alloc(pt->memory, 0, &linear->data);
	if (error)
		return error;
	error = pt_memory_alloc(pt->memory, linear->root_order, &linear->root);
	if (error) {
		pt_memory_free(pt->memory, linear->data, 0);
		linear->data = 0;
	}
	return error;
}

/* A table of the tree is about to be freed: nobody may go on reading it through its address. */
static void table_gone(struct pt_space *space, unsigned level, va_t masked)
{
	struct page_table *pt = space->table->listener.ctx;
	struct linear *linear = linear_of(pt);
	uint64_t page = UINT64_C(1) << pt->caps.base_page_lg2;

	if (level < linear->regions)
		pt_invalidate(pt, linear->kernel_space.tag,
			      linear_entry_va(linear, level, space->asid, masked) & ~(page - 1),
			      page, PT_HELD_TLB);
}

static void set_up_kernel(struct page_table *pt, struct linear *linear)
{
	linear->kernel = *pt;
	linear->kernel.ops = &linear_kernel_ops;
	linear->kernel.format = linear;
	linear->kernel.caps.wired = true;
	linear->kernel_space = (struct pt_space){ .table = &linear->kernel };
	radix_of(&linear->backing.inner)->table_gone = table_gone;
}

static void release(struct page_table *pt, struct linear *linear)
{
	if (linear->data) {
		pt_memory_free(pt->memory, linear->data, 0);
		pt_memory_free(pt->memory, linear->root, linear->root_order);
	}
	if (linear->backing.inner.ops)
		pt_backing_destroy(&linear->backing);
	host_free(pt->alloc, linear->space);
	host_free(pt->alloc, linear);
	pt->format = NULL;
}

static int build(struct page_table *pt, struct linear *linear, struct config_complaint *complaint)
{
	const struct linear_config *config = &pt->config.linear;
	bool mapped = config->upper == LINEAR_UPPER_MAPPED;
	int error = linear_config_check(&pt->config, complaint);

	if (!error)
		error = pt_backing_create(pt, &linear->backing, "radix", "page_table.format",
					  complaint);
	if (error)
		return error;
	linear->regions = mapped ? linear_tree(linear)->level_count : 1;
	if (linear_tree(linear)->level_count == 1)
		linear->regions = 0;
	error = check_tree(linear, complaint);
	if (!error)
		error = place_regions(linear, config->spaces, complaint);
	if (error)
		return error;
	linear->space = host_zalloc(pt->alloc, config->spaces, sizeof(struct pt_space *));
	return linear->space ? alloc_root(pt, linear) : PW_NOMEM;
}

static int linear_create(struct page_table *pt, struct config_complaint *complaint)
{
	struct linear *linear = host_zalloc(pt->alloc, 1, sizeof(*linear));
	int error;

	if (!linear)
		return PW_NOMEM;
	pt->format = linear;
	for (unsigned i = 1; i < PT_LEVELS_MAX; i++)
		pt->config.radix.leaf_allowed[i] = false;
	error = build(pt, linear, complaint);
	if (error) {
		release(pt, linear);
		return error;
	}
	pt->caps = linear->backing.inner.caps;
	pt->caps.backed = true;
	pt->caps.contiguous |= linear->root_order > 0;
	set_up_kernel(pt, linear);
	return PW_OK;
}

static void linear_destroy(struct page_table *pt)
{
	release(pt, linear_of(pt));
}

/* Enters, or clears, where the pages of a space's root lie. */
static void write_root(const struct pt_space *space, bool present)
{
	struct linear *linear = linear_of(space->table);
	const struct radix *tree = linear_tree(linear);

	if (!linear->root)
		return;
	for (uint64_t page = 0; page < UINT64_C(1) << linear->root_pages_lg2; page++) {
		pa_t pa =
			pt_backing_space(space)->root + (page << space->table->caps.base_page_lg2);

		pt_memory_store(space->table->memory, linear_root_entry(linear, space->asid, page),
				1u << tree->encoding.entry_lg2,
				present ? radix_table_encode(tree, tree->level_count - 1, pa) : 0);
	}
}

static int linear_space_create(struct pt_space *space)
{
	struct linear *linear = linear_of(space->table);
	int error;

	/* No room in the kernel's address space for one more user table. */
	if (space->asid >= space->table->config.linear.spaces)
		return PW_NOFRAMES;
	error = pt_backing_space_create(space);
	if (error)
		return error;
	linear->space[space->asid] = pt_backing_space(space);
	write_root(space, true);
	return PW_OK;
}

static void linear_space_destroy(struct pt_space *space)
{
	struct linear *linear = linear_of(space->table);

	write_root(space, false);
	for (unsigned i = 0; i < linear->regions; i++)
		pt_invalidate(space->table, linear->kernel_space.tag,
			      linear_entry_va(linear, i, space->asid, 0),
			      UINT64_C(1) << linear->region[i].space_lg2, PT_HELD_TLB);
	linear->space[space->asid] = NULL;
	pt_backing_space_destroy(space);
}

static unsigned linear_describe(const struct page_table *pt, unsigned level, const void *bytes,
				unsigned length, struct pt_field *fields)
{
	const struct page_table *tree = &pt_backing_of(pt)->inner;

	return tree->ops->describe(tree, level, bytes, length, fields);
}

static void linear_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct linear *linear = linear_of(pt);
	const struct page_table *tree = &linear->backing.inner;

	tree->ops->stats(tree, stats);
	if (linear->root)
		stats->table_bytes += ((uint64_t)FRAME_BYTES << linear->root_order) + FRAME_BYTES;
}

static uint64_t peek_root(const struct page_table *pt, asid_t asid, uint64_t page)
{
	const struct linear *linear = linear_of(pt);

	return walk_load(phys_mem_at(pt->memory->mem, linear_root_entry(linear, asid, page)),
			 1u << linear_tree(linear)->encoding.entry_lg2);
}

static int linear_check(struct page_table *pt, const char **what)
{
	struct linear *linear = linear_of(pt);
	struct page_table *tree = &linear->backing.inner;
	const unsigned top = linear_tree(linear)->level_count - 1;
	int error = tree->ops->check(tree, what);

	for (unsigned asid = 0; !error && linear->root && asid < pt->config.linear.spaces; asid++) {
		const struct pt_space *space = linear->space[asid];

		for (uint64_t page = 0; page < UINT64_C(1) << linear->root_pages_lg2; page++) {
			pa_t pa = space ? space->root + (page << pt->caps.base_page_lg2) : 0;
			uint64_t entry = space ? radix_table_encode(linear_tree(linear), top, pa)
					       : 0;

			if (peek_root(pt, (asid_t)asid, page) == entry)
				continue;
			*what = "the root table does not say where a space's root lies";
			return PW_CORRUPT;
		}
	}
	return error;
}

static uint64_t linear_page_sizes(const struct pt_config *config)
{
	return UINT64_C(1) << config->radix.offset_bits;
}

const struct pt_ops pt_linear_ops = {
	.name = "linear",
	.doc = "a linear table in mapped kernel space, walked bottom-up (ULTRIX, MACH, short VHPT)",
	.config_check = linear_config_check,
	.page_sizes = linear_page_sizes,
	.create = linear_create,
	.destroy = linear_destroy,
	.space_create = linear_space_create,
	.space_destroy = linear_space_destroy,
	.map = pt_backing_map,
	.unmap = pt_backing_unmap,
	.protect = pt_backing_protect,
	.harvest = pt_backing_harvest,
	.mark = pt_backing_mark,
	.split = pt_backing_split,
	.for_each = pt_backing_for_each,
	.describe = linear_describe,
	.stats = linear_stats,
	.walk_start = linear_walk_start,
	.walk_next = linear_walk_next,
	.check = linear_check,
};
