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
 * Spaces wider than 32 bits are sign-extended (x86: canonical addresses), narrower ones begin at 0.
 * A table takes whole frames, also where it needs less (toy geometries).
 *
 * Order of checks in a walk: present, reserved bits, then A of a pointer to a table; at the leaf
 * present, reserved bits, access rights, then A and D. So a refused access leaves the leaf's A
 * and D alone. Source: Intel SDM volume 3A, chapter "Paging" (December 2023), sections "4-Level
 * Paging and 5-Level Paging", "Determination of Access Rights", "Accessed and Dirty Flags".
 *
 * Not modelled: speculative walks, PCD/PWT and memory types, the PDPTE registers of PAE paging.
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

/* Between two calls of walk_next a walk waits for one of these. */
enum radix_phase {
	PHASE_ENTRY,         /* the read of the entry at state->level */
	PHASE_TABLE_WRITTEN, /* A set in the pointer to a table: word[WORD_RAW] */
	PHASE_LEAF_WRITTEN,  /* A, D set in the leaf: word[WORD_RAW] */
};
enum { WORD_RAW };

static void radix_walk_start(const struct walk_input *input, struct walk_state *state)
{
	const struct pt_space *space = input->space;

	state->table = space->root;
	state->level = (uint8_t)(radix_of(space->table)->level_count - 1);
	state->phase = PHASE_ENTRY;
	state->perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER;
	state->count = 0;
	memset(state->word, 0, sizeof(state->word));
}

static enum walk_step step_read(const struct radix *radix, const struct walk_input *input,
				struct walk_state *state, struct walk_request *request)
{
	request->read.ref[0].pa = radix_entry_pa(radix, state->table, state->level, input->va);
	request->read.ref[0].bytes = (uint16_t)(1u << radix->encoding.entry_lg2);
	request->read.count = 1;
	request->read.level = state->level;
	request->read.together = false;
	request->cacheable = state->level + 1u < radix->level_count;
	state->phase = PHASE_ENTRY;
	return WALK_READ;
}

static enum walk_step step_fault(const struct walk_state *state, enum fault_kind kind,
				 struct walk_request *request)
{
	request->fault.kind = (uint8_t)kind;
	request->fault.level = state->level;
	return WALK_FAULT;
}

static enum walk_step step_write(const struct radix *radix, const struct walk_input *input,
				 const struct walk_state *state, uint64_t raw,
				 struct walk_request *request)
{
	request->write.pa = radix_entry_pa(radix, state->table, state->level, input->va);
	request->write.old_value = raw;
	request->write.new_value = state->word[WORD_RAW];
	request->write.bytes = (uint8_t)(1u << radix->encoding.entry_lg2);
	request->write.level = state->level;
	return WALK_WRITE;
}

static enum walk_step step_down(const struct radix *radix, const struct walk_input *input,
				struct walk_state *state, uint64_t raw,
				struct walk_request *request)
{
	state->perms &= perm_tests_decode(&radix->encoding.table, raw);
	state->table = radix_table_pa(radix, raw);
	state->level--;
	state->word[WORD_RAW] = 0;
	return step_read(radix, input, state, request);
}

static enum walk_step step_leaf(const struct radix *radix, const struct walk_input *input,
				const struct walk_state *state, uint64_t raw,
				struct walk_request *request)
{
	uint64_t bytes = radix_span(radix, state->level);
	struct translation *leaf = &request->leaf;

	leaf->va = input->va & ~(bytes - 1);
	leaf->pa = radix_leaf_pa(radix, state->level, raw);
	leaf->bytes = bytes;
	leaf->page_lg2 = radix->level[state->level].shift;
	leaf->perms = state->perms & perm_tests_decode(&radix->encoding.leaf, raw);
	leaf->global = raw & radix->encoding.global;
	leaf->accessed = raw & radix->encoding.accessed;
	leaf->dirty = raw & radix->encoding.dirty;
	return WALK_LEAF;
}

static enum walk_step table_entry(const struct radix *radix, const struct walk_input *input,
				  struct walk_state *state, uint64_t raw,
				  struct walk_request *request)
{
	const struct radix_encoding *encoding = &radix->encoding;

	if (!encoding->table_accessed || (raw & encoding->accessed))
		return step_down(radix, input, state, raw, request);
	state->phase = PHASE_TABLE_WRITTEN;
	state->word[WORD_RAW] = raw | encoding->accessed;
	return step_write(radix, input, state, raw, request);
}

static enum walk_step leaf_entry(const struct radix *radix, const struct walk_input *input,
				 struct walk_state *state, uint64_t raw,
				 struct walk_request *request)
{
	const struct radix_encoding *encoding = &radix->encoding;
	uint8_t perms = state->perms & perm_tests_decode(&encoding->leaf, raw);
	uint64_t wanted = encoding->accessed;

	if (!access_allowed(&input->controls, input->mode, input->access, perms))
		return step_fault(state, FAULT_PROTECTION, request);
	if (input->access == ACCESS_WRITE)
		wanted |= encoding->dirty;
	if ((raw & wanted) == wanted)
		return step_leaf(radix, input, state, raw, request);
	state->phase = PHASE_LEAF_WRITTEN;
	state->word[WORD_RAW] = raw | wanted;
	return step_write(radix, input, state, raw, request);
}

static enum walk_step entry_arrived(const struct radix *radix, const struct walk_input *input,
				    struct walk_state *state, uint64_t raw,
				    struct walk_request *request)
{
	const struct radix_encoding *encoding = &radix->encoding;
	const struct radix_level_encoding *level = &encoding->level[state->level];
	bool table = bit_test_holds(level->table_test, raw);
	uint64_t reserved = table ? level->table_reserved : level->leaf_reserved;

	if (!radix_present(radix, raw))
		return step_fault(state, FAULT_NOT_PRESENT, request);
	if (!input->controls.no_execute)
		reserved |= encoding->no_execute;
	if (raw & reserved)
		return step_fault(state, FAULT_RESERVED, request);
	if (table)
		return table_entry(radix, input, state, raw, request);
	return leaf_entry(radix, input, state, raw, request);
}

static enum walk_step radix_walk_next(const struct walk_input *input, struct walk_state *state,
				      const struct walk_reply *reply, struct walk_request *request)
{
	const struct radix *radix = input->space->table->format;

	if (!reply)
		return step_read(radix, input, state, request);
	if (PAGEWALK_LIKELY(state->phase == PHASE_ENTRY))
		return entry_arrived(radix, input, state,
				     walk_load(reply->line[0], 1u << radix->encoding.entry_lg2),
				     request);
	if (reply->write_lost)
		return step_read(radix, input, state, request);
	if (state->phase == PHASE_TABLE_WRITTEN)
		return step_down(radix, input, state, state->word[WORD_RAW], request);
	return step_leaf(radix, input, state, state->word[WORD_RAW], request);
}

static int complain(struct config_complaint *complaint, const char *field, const char *must_be)
{
	strcpy(complaint->field, field);
	complaint->must_be = must_be;
	return PW_INVALID;
}

/* A table of 2^30 entries is more than any machine has; it bounds the sums below. */
enum { INDEX_BITS_MAX = 30, VA_BITS_MAX = 63, OFFSET_BITS_MIN = 4, OFFSET_BITS_MAX = 30 };

static int check_geometry(const struct radix_config *config, struct config_complaint *complaint)
{
	unsigned va_bits = config->offset_bits;

	if (config->level_count < 1 || config->level_count > PT_LEVELS_MAX)
		return complain(complaint, "page_table.radix.level_count", "from 1 to 8");
	if (config->offset_bits < OFFSET_BITS_MIN || config->offset_bits > OFFSET_BITS_MAX)
		return complain(complaint, "page_table.radix.offset_bits", "from 4 to 30");
	for (unsigned i = 0; i < config->level_count; i++) {
		if (config->index_bits[i] < 1 || config->index_bits[i] > INDEX_BITS_MAX)
			return complain(complaint, "page_table.radix.index_bits",
					"from 1 to 30 at each level");
		va_bits += config->index_bits[i];
	}
	if (va_bits > VA_BITS_MAX)
		return complain(complaint, "page_table.radix.index_bits",
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
	caps->sign_extended = shift > 32;
	caps->base_page_lg2 = (uint8_t)config->offset_bits;
	caps->level_count = (uint8_t)config->level_count;
	caps->pa_bits = (uint8_t)config->pa_bits;
	caps->hardware_accessed = true;
	caps->hardware_dirty = true;
	caps->aliases = true;
}

static void fill_orders(struct radix *radix, struct pt_caps *caps,
			const struct radix_config *config)
{
	for (unsigned i = 0; i < config->level_count; i++) {
		unsigned bytes_lg2 = config->index_bits[i] + radix->encoding.entry_lg2;

		if (bytes_lg2 > FRAME_LG2) {
			radix->level[i].order = (uint8_t)(bytes_lg2 - FRAME_LG2);
			caps->contiguous = true;
		}
	}
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
		fill_orders(radix, &pt->caps, config);
		error = table_counts_init(&radix->counts, pt->memory->mem->size >> FRAME_LG2,
					  pt->alloc);
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
	error = radix_table_alloc(pt, radix->level_count - 1, &space->root);
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
	radix_table_free(pt, radix->level_count - 1, space->root);
	if (links->previous)
		((struct radix_space *)links->previous->format)->next = links->next;
	else
		radix->spaces = links->next;
	if (links->next)
		((struct radix_space *)links->next->format)->previous = links->previous;
	host_free(pt->alloc, links);
}

static unsigned radix_describe(const struct page_table *pt, unsigned level, uint64_t raw,
			       struct pt_field *fields)
{
	const struct radix *radix = radix_of(pt);

	if (level >= radix->level_count)
		return 0;
	return radix->encoding.describe(&radix->encoding, level, raw, fields);
}

static void radix_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct radix *radix = radix_of(pt);

	memset(stats, 0, sizeof(*stats));
	stats->entries = radix->entries;
	for (unsigned i = 0; i < radix->level_count; i++) {
		stats->tables[i] = radix->tables[i];
		stats->table_bytes += radix->tables[i] * FRAME_BYTES << radix->level[i].order;
		stats->slots += radix->tables[i] * (radix->level[i].index_mask + 1);
	}
}

const struct pt_ops pt_radix_ops = {
	.name = "radix",
	.doc = "a tree of tables indexed by slices of the address (x86-64, 32-bit x86, textbooks)",
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
	.check = radix_check,
};
