/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_RADIX_PRIVATE_H
#define PAGEWALK_MMU_PT_RADIX_PRIVATE_H

/*
 * The radix format inside: pt_radix.c (creation), pt_radix_walk.c (walks),
 * pt_radix_tree.c (tables, finding an
 * entry), pt_radix_ops.c (what the kernel asks for).
 *
 * A masked address is a virtual address without its sign extension: the index space of the tree.
 */

#include "mmu/page_table.h"
#include "mmu/pt_radix_pool.h"
#include "mmu/radix_entry.h"

struct radix_level {
	uint8_t shift;    /* what an entry covers, log2 */
	uint8_t slot_lg2; /* bytes that a table takes, log2 */
	bool leaf_allowed;
	uint8_t offset_shift;             /* the offset of an entry in its table is */
	uint64_t offset_mask, index_mask; /* va >> offset_shift & offset_mask */
	struct bit_test plain_table;      /* pt_radix_walk.c */
};

struct radix {
	unsigned level_count;
	uint64_t va_mask;
	struct radix_level level[PT_LEVELS_MAX];
	struct radix_encoding encoding;
	struct table_counts counts;
	struct table_pool pool; /* of tables smaller than a frame */
	uint64_t tables[PT_LEVELS_MAX];
	uint64_t entries;        /* present, in all tables of all spaces */
	struct pt_space *spaces; /* a list through space->format */
	/* Told of each table that is freed because it became empty, if not NULL, with an address in it. */
	void (*table_gone)(struct pt_space *space, unsigned level, va_t masked);
};

struct radix_space {
	struct pt_space *next, *previous;
};

/*
 * A position in the tree: the entry of `level` for `va` (masked), in table[level]. table[] is valid
 * from `level` upwards.
 */
struct radix_cursor {
	struct pt_space *space;
	struct radix *radix;
	va_t va;
	unsigned level;
	uint64_t raw; /* the entry, as last loaded or stored */
	pa_t table[PT_LEVELS_MAX];
};

static inline struct radix *radix_of(const struct page_table *pt)
{
	return pt->format;
}
static inline uint64_t radix_span(const struct radix *radix, unsigned level)
{
	return UINT64_C(1) << radix->level[level].shift;
}
static inline bool radix_present(const struct radix *radix, unsigned level, uint64_t raw)
{
	return bit_test_holds(radix->encoding.level[level].present, raw);
}
static inline bool radix_is_table(const struct radix *radix, unsigned level, uint64_t raw)
{
	return bit_test_holds(radix->encoding.level[level].table_test, raw);
}
static inline pa_t radix_entry_pa(const struct radix *radix, pa_t table, unsigned level, va_t va)
{
	const struct radix_level *l = &radix->level[level];

	return table + (va >> l->offset_shift & l->offset_mask);
}
static inline pa_t radix_table_pa(const struct radix *radix, uint64_t raw)
{
	return rotate_right(raw & radix->encoding.table_address, radix->encoding.address_shift);
}
static inline pa_t radix_leaf_pa(const struct radix *radix, unsigned level, uint64_t raw)
{
	return rotate_right(raw & radix->encoding.level[level].leaf_address,
			    radix->encoding.address_shift);
}
/* A masked address as the program writes it. */
static inline va_t radix_unmask(const struct pt_space *space, va_t va)
{
	const struct pt_caps *caps = &space->table->caps;

	if (!caps->sign_extended)
		return va;
	return (va_t)((int64_t)(va << (64 - caps->va_bits)) >> (64 - caps->va_bits));
}

/* pt_radix_tree.c */
/* An empty table of a level; PW_NOFRAMES, PW_NOMEM. */
int radix_table_alloc(struct pt_space *space, unsigned level, pa_t *out);
void radix_table_free(struct pt_space *space, unsigned level, pa_t table);
/* Frees every table below the root. */
void radix_tables_free_all(struct pt_space *space);
void radix_cursor_start(struct radix_cursor *cursor, struct pt_space *space, va_t masked);
/* Goes down from where the cursor stands to a leaf, an absent entry, or `lowest`. Loads. */
void radix_cursor_descend(struct radix_cursor *cursor, unsigned lowest);
/* To the entry after the one that the cursor stands on; false at the end of the space. */
bool radix_cursor_next(struct radix_cursor *cursor);
void radix_cursor_store(struct radix_cursor *cursor, uint64_t raw);
/* Clears the leaf and frees every table that this leaves empty, the root excepted. */
void radix_cursor_clear(struct radix_cursor *cursor);
uint64_t radix_leaf_encode(const struct radix *radix, unsigned level, pa_t pa,
			   const struct pt_attrs *attrs);
uint64_t radix_table_encode(const struct radix *radix, unsigned level, pa_t table);
/* What a leaf of a level says besides its address. */
struct pt_attrs radix_leaf_attrs(const struct radix *radix, uint64_t raw);
bool radix_cursor_present(const struct radix_cursor *cursor);
void radix_cursor_leaf(const struct radix_cursor *cursor, struct translation *leaf);

/* pt_radix_walk.c: what walks are prepared with, once the encoding is known; pt_ops members */
void radix_walk_prepare(struct radix *radix);
void radix_walk_start(const struct walk_input *input, struct walk_state *state);
enum walk_step radix_walk_next(const struct walk_input *input, struct walk_state *state,
			       const struct walk_reply *reply, struct walk_request *request);
enum fault_kind radix_probe(const struct walk_input *input, struct translation *leaf,
			    unsigned *level);

/* pt_radix_span.c: a leaf with what is contiguous with it in the cache line that it was read in */
void radix_leaf_widen(const struct walk_input *input, const struct walk_state *state, uint64_t raw,
		      struct translation *leaf);

/* pt_radix_ops.c: pt_ops members; pt_radix_check.c: check */
int radix_map(struct pt_space *space, const struct pt_mapping *mapping,
	      struct pt_displaced *displaced);
int radix_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx);
int radix_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		  pt_visit_fn *changed, void *ctx);
int radix_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf);
int radix_mark(struct pt_space *space, va_t va, bool dirty);
int radix_split(struct pt_space *space, va_t va);
int radix_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx);
int radix_check(struct page_table *pt, const char **what);

#endif
