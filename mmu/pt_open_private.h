/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_OPEN_PRIVATE_H
#define PAGEWALK_MMU_PT_OPEN_PRIVATE_H

/* Open addressing inside: the geometry of lines, and where tags and entries lie in one. */

#include "mmu/pt_hash_entry_private.h"

enum { OPEN_SLOTS_MIN = 16, OPEN_BLOCK_LG2_MAX = 3 };

struct open_table {
	struct hash_table hash; /* its buckets are the lines */
	enum open_layout layout;
	unsigned slot_lg2;   /* slots a line */
	unsigned line_bytes; /* from one line to the next */
	unsigned read_bytes; /* of a line that a probe reads */
	unsigned table_order;
	pa_t table;
};

static inline uint64_t open_lines(const struct open_table *open)
{
	return BIT(open->hash.bucket_lg2);
}

static inline pa_t open_line(const struct open_table *open, uint64_t line)
{
	return open->table + line * open->line_bytes;
}

static inline uint64_t open_next(const struct open_table *open, uint64_t line)
{
	return (line + 1) & (open_lines(open) - 1);
}

/* OPEN_EIGHT_PAGES: the tag from the kept bits of eight entries; 0 if none of them is valid. */
static inline uint64_t open_gather(const uint64_t *entry)
{
	uint64_t tag = 0, any = 0;

	for (unsigned i = 0; i < 8; i++) {
		tag |= (entry[i] >> ENTRY_KEPT & (BIT(ENTRY_KEPT_BITS) - 1))
		       << (i * ENTRY_KEPT_BITS);
		any |= entry[i];
	}
	return any & BIT(ENTRY_VALID) ? tag | TAG_USED : 0;
}

/* The kept bits of entry i under this tag. */
static inline uint64_t open_scatter(uint64_t tag, unsigned i)
{
	return (tag & ~TAG_USED) >> (i * ENTRY_KEPT_BITS) << ENTRY_KEPT & ENTRY_KEPT_MASK;
}

/* pt_open_walk.c */
void open_walk_start(const struct walk_input *input, struct walk_state *state);
enum walk_step open_walk_next(const struct walk_input *input, struct walk_state *state,
			      const struct walk_reply *reply, struct walk_request *request);
enum fault_kind open_probe(const struct walk_input *input, struct translation *leaf,
			   unsigned *level);
unsigned open_describe(const struct page_table *pt, unsigned level, const void *bytes,
		       unsigned length, struct pt_field *fields);
/* pt_open_check.c */
int open_check(struct page_table *pt, const char **what);
/* pt_open.c */
uint64_t open_slot_tag(struct page_table *pt, bool silent, uint64_t line, unsigned slot);

#endif
