/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_BOUNDED_PRIVATE_H
#define PAGEWALK_MMU_PT_BOUNDED_PRIVATE_H

/*
 * What bounded tables share: HTAB (pt_htab.c), TSB and long-format VHPT (pt_direct.c).
 *
 * A bounded table is a cache, in memory and of fixed size, of the translations of a backing table.
 * The kernel maps in the backing table; a lookup that finds no copy runs a handler, which walks the
 * backing table and writes a copy over some other. Copies are made by walks alone.
 *
 * Invariants (bounded_check): a copy is of a page that the backing table maps, with A set; it holds
 * the same frame, rights and page size; its D is set only if the page's is. So evicting a copy loses
 * nothing: a store that finds a copy with D clear runs the handler, whose walk sets D in the backing
 * table (as Linux does for PowerPC and SPARC). Whatever clears or changes a page's entry clears its
 * copies first.
 */

#include "mmu/pt_backing.h"

struct bounded;

/* State of a walk: words 0 to 2 are the kind's, from `remember` on; `count` the stage, later the step. */
enum { BOUNDED_WORD_PHASE = 3, BOUNDED_INSTRUCTIONS_MAX = 1000000 };

struct bounded_kind {
	/* What is read at a stage of the lookup; returns the number of references, 0: no such stage. */
	unsigned (*look)(const struct bounded *b, const struct walk_input *input, unsigned stage,
			 struct walk_ref *ref);
	/* Is the page's copy among what was read? Fills *leaf. */
	bool (*match)(const struct bounded *b, const struct walk_input *input, unsigned stage,
		      const struct walk_reply *reply, struct translation *leaf);
	/* Keeps of what was read what the refill will need; `found`: it holds the page's copy. */
	void (*remember)(const struct bounded *b, const struct walk_input *input,
			 const struct walk_reply *reply, bool found, struct walk_state *state);
	/*
	 * The refill, after the backing walk found *leaf (first call; then NULL: see state): READs and
	 * WRITEs until WALK_LEAF.
	 */
	enum walk_step (*refill)(const struct bounded *b, const struct walk_input *input,
				 struct walk_state *state, const struct walk_reply *reply,
				 const struct translation *leaf, struct walk_request *request);
	/* Clears the copies of the base page at va, through pt_memory. */
	void (*forget)(const struct pt_space *space, va_t va);
	/* Decodes copy `index` of table_slots; false: it is empty. Silent. */
	bool (*copy)(const struct page_table *pt, uint64_t index, asid_t *asid, va_t *va,
		     struct translation *leaf);
	void (*clear)(struct page_table *pt, uint64_t index);
};

struct bounded {
	struct pt_backing backing; /* stays first */
	const struct bounded_kind *kind;
	struct pt_space **space; /* [ASID]: the outer one, or NULL */
	pa_t table, data;        /* `data`: a frame of the handler's own, where it has any */
	unsigned table_order;
	uint64_t slots;
	bool trap_first; /* the lookup is the handler's, too */
	bool has_data;
	unsigned lookup_instructions, miss_instructions;
};

static inline struct bounded *bounded_of(const struct page_table *pt)
{
	return pt->format;
}

/*
 * Builds pt->format from *model (kind, slots, trap_first, has_data, instructions) with a table of
 * `bytes`; sets pt->caps to those of the backing table.
 */
int bounded_create(struct page_table *pt, const struct bounded *model, uint64_t bytes,
		   struct config_complaint *complaint);
int bounded_complain(struct config_complaint *complaint, const char *field, const char *must_be);
int bounded_check_instructions(unsigned instructions, const char *field,
			       struct config_complaint *complaint);

/* pt_ops members */
void bounded_destroy(struct page_table *pt);
int bounded_space_create(struct pt_space *space);
void bounded_space_destroy(struct pt_space *space);
int bounded_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx);
int bounded_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		    pt_visit_fn *changed, void *ctx);
int bounded_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf);
int bounded_mark(struct pt_space *space, va_t va, bool dirty);
int bounded_split(struct pt_space *space, va_t va);
void bounded_stats(const struct page_table *pt, struct pt_stats *stats);
int bounded_check(struct page_table *pt, const char **what);
/* pt_bounded_walk.c */
void bounded_walk_start(const struct walk_input *input, struct walk_state *state);
enum walk_step bounded_walk_next(const struct walk_input *input, struct walk_state *state,
				 const struct walk_reply *reply, struct walk_request *request);

/* The members that all bounded tables have alike. */
#define BOUNDED_OPS                                                                            \
	.bounded = true, .destroy = bounded_destroy, .space_create = bounded_space_create,     \
	.space_destroy = bounded_space_destroy, .map = pt_backing_map, .unmap = bounded_unmap, \
	.protect = bounded_protect, .harvest = bounded_harvest, .mark = bounded_mark,          \
	.split = bounded_split, .for_each = pt_backing_for_each, .stats = bounded_stats,       \
	.walk_start = bounded_walk_start, .walk_next = bounded_walk_next, .check = bounded_check

#endif
