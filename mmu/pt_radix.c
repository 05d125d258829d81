/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Radix page tables: a tree of tables indexed by successive slices of the virtual address. Number
 * of levels, index widths, page size, levels at which a leaf may stand, and the bits of an entry
 * are all data, so a 12-bit space out of a textbook, x86's 10/10/12, and 5-level paging are one
 * code.
 *
 *   masked address   ┌─────────┬─────────┬───     ───┬─────────┬────────────┐
 *                    │ index   │ index   │    ...    │ index   │ offset     │
 *                    │ level n │ n - 1   │           │ level 0 │            │
 *                    └────┬────┴─────────┴───     ───┴─────────┴────────────┘
 *                         └─> entry of the table at space->root: a leaf, or the next table
 *
 * Spaces wider than 32 bits are sign-extended where the architecture does so (x86's canonical
 * addresses, RISC-V), all others begin at 0. A table larger than a frame is physically contiguous;
 * tables smaller than a frame share one (pt_radix_pool.c), each at a multiple of its size, and are
 * counted with the bytes that they take.
 *
 * Walks are in pt_radix_walk.c, the bits of entries in radix_entry_*.c. Not modelled: memory types.
 *
 * Invariants (radix_check, pt_radix_check.c):
 *  1. no table but a root is empty, and the count of each table is its number of present entries;
 *  2. no reserved bit is set;
 *  3. space->mapped is the sum of its leaves in base pages;
 *  4. tables[] and entries count what the trees hold.
 */

#include "mmu/pt_formats_private.h"
#include "mmu/pt_radix_private.h"

#include <assert.h>
#include <string.h>

/* A table of 2^24 entries is more than any machine has; it bounds the sums below. */
enum { INDEX_BITS_MAX = 24, VA_BITS_MAX = 63, OFFSET_BITS_MIN = 4, OFFSET_BITS_MAX = 30 };

static int check_geometry(const struct radix_config *config, struct config_complaint *complaint)
{
	unsigned va_bits = config->offset_bits;

	if (config->level_count < 1 || config->level_count > PT_LEVELS_MAX)
		return radix_complain(complaint, "index_bits", "1 to 8 widths, one a level");
	if (config->offset_bits < OFFSET_BITS_MIN || config->offset_bits > OFFSET_BITS_MAX)
		return radix_complain(complaint, "offset_bits", "from 4 to 30");
	for (unsigned i = 0; i < config->level_count; i++) {
		if (config->index_bits[i] < 1 || config->index_bits[i] > INDEX_BITS_MAX)
			return radix_complain(complaint, "index_bits",
					      "from 1 to 24 at each level");
		va_bits += config->index_bits[i];
	}
	if (va_bits > VA_BITS_MAX)
		return radix_complain(complaint, "index_bits",
				      "at most 63 in all, offset_bits included");
	return PW_OK;
}

static void fill_levels(struct radix *radix, struct pt_caps *caps,
			const struct radix_config *config)
{
	unsigned shift = config->offset_bits;

	radix->level_count = config->level_count;
	for (unsigned i = 0; i < config->level_count; i++) {
		struct radix_level *level = &radix->level[i];

		level->shift = (uint8_t)shift;
		level->leaf_allowed = i == 0 || config->leaf_allowed[i];
		level->index_mask = (UINT64_C(1) << config->index_bits[i]) - 1;
		caps->level_lg2[i] = (uint8_t)shift;
		if (level->leaf_allowed)
			caps->page_sizes |= UINT64_C(1) << shift;
		shift += config->index_bits[i];
	}
	radix->va_mask = (UINT64_C(1) << shift) - 1;
	caps->va_bits = (uint8_t)shift;
	caps->base_page_lg2 = (uint8_t)config->offset_bits;
	caps->level_count = (uint8_t)config->level_count;
	caps->pa_bits = (uint8_t)config->pa_bits;
	caps->hardware_accessed = config->accessed == RADIX_MARK_HARDWARE;
	caps->hardware_dirty = config->dirty == RADIX_MARK_HARDWARE;
	caps->aliases = true;
}

/*
 * A table takes what its entries take, but no less than the address field of the pointer to it can
 * tell apart; the root has no pointer.
 */
static void fill_slots(struct radix *radix, struct pt_caps *caps, const struct radix_config *config)
{
	const struct radix_encoding *encoding = &radix->encoding;
	pa_t pointed = rotate_right(encoding->table_address, encoding->address_shift);
	unsigned least = (unsigned)__builtin_ctzll(pointed);

	caps->entry_bytes = (uint8_t)(1U << encoding->entry_lg2);
	for (unsigned i = 0; i < config->level_count; i++) {
		unsigned lg2 = config->index_bits[i] + encoding->entry_lg2;

		if (lg2 < least && i + 1 < config->level_count)
			lg2 = least;
		if (lg2 < SLOT_LG2_MIN)
			lg2 = SLOT_LG2_MIN;
		radix->level[i].slot_lg2 = (uint8_t)lg2;
		if (lg2 > FRAME_LG2)
			caps->contiguous = true;
	}
}

static unsigned smallest_slot(const struct radix *radix)
{
	unsigned lg2 = FRAME_LG2;

	for (unsigned i = 0; i < radix->level_count; i++)
		if (radix->level[i].slot_lg2 < lg2)
			lg2 = radix->level[i].slot_lg2;
	return lg2;
}

static int radix_create(struct page_table *pt, struct config_complaint *complaint)
{
	const struct radix_config *config = &pt->config.radix;
	struct radix *radix;
	int error = check_geometry(config, complaint);

	if (error)
		return error;
	radix = host_zalloc(pt->alloc, 1, sizeof(*radix));
	if (!radix)
		return PW_NOMEM;
	fill_levels(radix, &pt->caps, config);
	error = radix_encoding_init(&radix->encoding, config, pt->caps.level_lg2, complaint);
	if (!error) {
		pt->caps.sign_extended = radix->encoding.sign_extended && pt->caps.va_bits > 32;
		pt->caps.perms_always = radix->encoding.perms.always;
		radix_walk_prepare(radix);
		fill_slots(radix, &pt->caps, config);
		error = table_counts_init(&radix->counts, pt->memory->mem->size,
					  smallest_slot(radix), pt->alloc);
	}
	if (error) {
		host_free(pt->alloc, radix);
		return error;
	}
	pt->format = radix;
	return PW_OK;
}

static void radix_destroy(struct page_table *pt)
{
	struct radix *radix = radix_of(pt);

	assert(!radix->spaces);
	table_counts_release(&radix->counts, pt->alloc);
	table_pool_release(&radix->pool, pt->alloc);
	host_free(pt->alloc, radix);
	pt->format = NULL;
}

static int radix_space_create(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct radix *radix = radix_of(pt);
	struct radix_space *links = host_zalloc(pt->alloc, 1, sizeof(*links));
	int error;

	if (!links)
		return PW_NOMEM;
	error = radix_table_alloc(space, radix->level_count - 1, &space->root);
	if (error) {
		host_free(pt->alloc, links);
		return error;
	}
	links->next = radix->spaces;
	if (links->next)
		((struct radix_space *)links->next->format)->previous = space;
	radix->spaces = space;
	space->format = links;
	return PW_OK;
}

static void radix_space_destroy(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct radix *radix = radix_of(pt);
	struct radix_space *links = space->format;

	radix_tables_free_all(space);
	radix_table_free(space, radix->level_count - 1, space->root);
	if (links->previous)
		((struct radix_space *)links->previous->format)->next = links->next;
	else
		radix->spaces = links->next;
	if (links->next)
		((struct radix_space *)links->next->format)->previous = links->previous;
	host_free(pt->alloc, links);
}

static unsigned radix_describe(const struct page_table *pt, unsigned level, const void *bytes,
			       unsigned length, struct pt_field *fields)
{
	const struct radix *radix = radix_of(pt);
	unsigned entry_bytes = 1U << radix->encoding.entry_lg2;

	if (level >= radix->level_count || length < entry_bytes)
		return 0;
	return radix_entry_describe(&radix->encoding, level, walk_load(bytes, entry_bytes), fields);
}

static void radix_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct radix *radix = radix_of(pt);

	memset(stats, 0, sizeof(*stats));
	stats->entries = radix->entries;
	for (unsigned i = 0; i < radix->level_count; i++) {
		stats->tables[i] = radix->tables[i];
		stats->table_bytes += radix->tables[i] << radix->level[i].slot_lg2;
		stats->slots += radix->tables[i] * (radix->level[i].index_mask + 1);
	}
}

static uint64_t radix_page_sizes(const struct pt_config *config)
{
	unsigned lg2 = config->radix.offset_bits;
	uint64_t sizes = 0;

	for (unsigned level = 0; level < config->radix.level_count && lg2 < 64; level++) {
		sizes |= UINT64_C(1) << lg2;
		lg2 += config->radix.index_bits[level];
	}
	return sizes;
}

const struct pt_ops pt_radix_ops = {
	.name = "radix",
	.doc = "a tree of tables indexed by slices of the address (x86, RISC-V, Armv8, textbooks)",
	.page_sizes = radix_page_sizes,
	.create = radix_create,
	.destroy = radix_destroy,
	.space_create = radix_space_create,
	.space_destroy = radix_space_destroy,
	.map = radix_map,
	.unmap = radix_unmap,
	.protect = radix_protect,
	.harvest = radix_harvest,
	.mark = radix_mark,
	.split = radix_split,
	.for_each = radix_for_each,
	.describe = radix_describe,
	.stats = radix_stats,
	.walk_start = radix_walk_start,
	.walk_next = radix_walk_next,
	.probe = radix_probe,
	.check = radix_check,
};
