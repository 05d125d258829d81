/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_HASH_ENTRY_PRIVATE_H
#define PAGEWALK_MMU_PT_HASH_ENTRY_PRIVATE_H

/*
 * Entries of hashed tables: what they say, and how a walk judges one. And the operations that all
 * hashed formats share (pt_hash_ops.c, pt_hash_table.c).
 */

#include "mmu/pt_hash_private.h"

/* Which entry of its block maps va: the first, if it maps all of it. */
static inline unsigned hash_index(const struct hash_table *table, uint64_t tag, va_t va)
{
	if (tag & TAG_SUPER)
		return 0;
	return (unsigned)(va >> FRAME_LG2 & (BIT(table->block_lg2) - 1));
}

/* The leaf that this entry, which maps va, stands for. */
static inline void hash_decode(const struct hash_table *table, va_t va, uint64_t entry,
			       struct translation *leaf)
{
	unsigned lg2 = FRAME_LG2 + (entry & BIT(ENTRY_S) ? table->block_lg2 : 0);

	leaf->va = va & ~(BIT(lg2) - 1);
	leaf->pa = entry & ENTRY_FRAME;
	leaf->bytes = BIT(lg2);
	leaf->page_lg2 = (uint8_t)lg2;
	leaf->perms = entry_perms(entry);
	leaf->global = entry & BIT(ENTRY_G);
	leaf->accessed = entry & BIT(ENTRY_A);
	leaf->dirty = entry & BIT(ENTRY_D);
}

/* May this access use the entry? FAULT_NONE sets *wanted to the entry with A (and D) set. */
static inline enum fault_kind hash_judge(const struct walk_input *input, uint64_t entry,
					 uint64_t *wanted)
{
	if (!(entry & BIT(ENTRY_VALID)))
		return FAULT_NOT_PRESENT;
	if (!access_allowed(&input->controls, input->mode, input->access, entry_perms(entry)))
		return FAULT_PROTECTION;
	*wanted = entry | BIT(ENTRY_A) | (input->access == ACCESS_WRITE ? BIT(ENTRY_D) : 0);
	return FAULT_NONE;
}

static inline enum walk_step hash_step_fault(enum fault_kind kind, struct walk_request *request)
{
	request->fault.kind = (uint8_t)kind;
	request->fault.level = 0;
	return WALK_FAULT;
}

static inline enum walk_step hash_step_read(pa_t pa, unsigned bytes, struct walk_request *request)
{
	request->read.ref[0].pa = pa;
	request->read.ref[0].bytes = (uint16_t)bytes;
	request->read.count = 1;
	request->read.level = 0;
	request->read.together = false;
	request->cacheable = false;
	return WALK_READ;
}

/* The step that an entry found at pa leads to: LEAF, FAULT, or WRITE of *written. */
static inline enum walk_step hash_step_entry(const struct walk_input *input, pa_t pa,
					     uint64_t entry, uint64_t *written,
					     struct walk_request *request)
{
	enum fault_kind kind = hash_judge(input, entry, written);

	if (kind != FAULT_NONE)
		return hash_step_fault(kind, request);
	if (*written == entry) {
		hash_decode(input->space->table->format, input->va, entry, &request->leaf);
		return WALK_LEAF;
	}
	request->write.pa = pa;
	request->write.old_value = entry;
	request->write.new_value = *written;
	request->write.bytes = ENTRY_BYTES;
	request->write.level = 0;
	return WALK_WRITE;
}

/* The end of a silent walk at an entry. */
static inline enum fault_kind hash_probe_entry(const struct walk_input *input, uint64_t entry,
					       struct translation *leaf)
{
	uint64_t wanted;
	enum fault_kind kind = hash_judge(input, entry, &wanted);

	if (kind == FAULT_NONE && leaf)
		hash_decode(input->space->table->format, input->va, wanted, leaf);
	return kind;
}

/* pt_hash_ops.c: members of pt_ops, the same for all hashed formats. */
int hash_map(struct pt_space *space, const struct pt_mapping *m, struct pt_displaced *displaced);
int hash_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx);
int hash_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		 pt_visit_fn *changed, void *ctx);
int hash_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf);
int hash_mark(struct pt_space *space, va_t va, bool dirty);
int hash_split(struct pt_space *space, va_t va);
int hash_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx);
void hash_remove_all(struct pt_space *space);

/* pt_hash_table.c */
int hash_space_create(struct pt_space *space);
void hash_space_destroy(struct pt_space *space);
void hash_set_roots(struct hash_table *table, pa_t root);
void hash_fill_caps(struct page_table *pt, const struct hash_table *table);
/* The fields of struct hashed_config that all have; `section` as in "page_table.hashed". */
int hash_configure(struct hash_table *table, const struct hashed_config *config,
		   const char *section, struct config_complaint *complaint);
int hash_complain(struct config_complaint *complaint, const char *section, const char *field,
		  const char *must_be);
/* Would one more block go beyond the limit? */
static inline bool hash_crowded(const struct hash_table *table, uint64_t places)
{
	return table->max_load && (table->blocks + 1) * 100 > places * table->max_load;
}
unsigned hash_describe_entry(uint64_t entry, struct pt_field *fields);
unsigned hash_describe_tag(const struct hash_table *table, uint64_t tag, struct pt_field *fields);
uint64_t hash_longest(const struct page_table *pt);
const char *hash_check_spaces(struct page_table *pt);

#endif
