/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which pages next to a leaf are contiguous with it: what coalescing TLBs are told.
 *
 * A walk reads one entry, and the memory port brings the whole line of 64 bytes, so the entries
 * around it are at hand: 8 of 8 bytes, 16 of 4. They are taken as they are: a neighbour belongs to
 * the run if its entry is that of the leaf with the address moved on, every other bit being equal.
 * Hence it is present with the same permissions, has A set (the leaf has), and agrees in D.
 *
 * The run is the longest within the aligned group of entries that contains the leaf. Nothing is
 * written, nothing further is read.
 *
 * Source: Pham et al., "CoLT: Coalesced Large-Reach TLBs", MICRO 2012, section "CoLT-SA".
 */

#include "mmu/pt_radix_private.h"

enum { LINE_LG2 = 6 };

/* Is the entry at pa that of the leaf `raw`, `distance` bytes further on in physical memory? */
static bool continues(const struct walk_input *input, unsigned level, pa_t pa, uint64_t raw,
		      uint64_t distance)
{
	const struct page_table *pt = input->space->table;
	const struct radix *radix = pt->format;
	uint64_t address = radix->encoding.level[level].leaf_address, other;

	other = walk_load(phys_mem_at(pt->memory->mem, pa), 1u << radix->encoding.entry_lg2);
	return ((other ^ raw) & ~address) == 0 &&
	       radix_leaf_pa(radix, level, other) == radix_leaf_pa(radix, level, raw) + distance;
}

void radix_leaf_widen(const struct walk_input *input, const struct walk_state *state, uint64_t raw,
		      struct translation *leaf)
{
	const struct radix *radix = input->space->table->format;
	const unsigned level = state->level, entry_lg2 = radix->encoding.entry_lg2;
	const uint64_t page = leaf->bytes;
	pa_t pa = radix_entry_pa(radix, state->table, level, input->va);
	uint64_t count = UINT64_C(1) << input->span_lg2, own, first, last;

	if (count > UINT64_C(1) << (LINE_LG2 - entry_lg2))
		count = UINT64_C(1) << (LINE_LG2 - entry_lg2);
	if (count > radix->level[level].index_mask + 1)
		count = radix->level[level].index_mask + 1;
	own = first = last = pa >> entry_lg2 & (count - 1);
	while (first > 0 && continues(input, level, pa - ((own - first + 1) << entry_lg2), raw,
				      0 - (own - first + 1) * page))
		first--;
	while (last + 1 < count && continues(input, level, pa + ((last + 1 - own) << entry_lg2),
					     raw, (last + 1 - own) * page))
		last++;
	leaf->va -= (own - first) * page;
	leaf->pa -= (own - first) * page;
	leaf->bytes = (last - first + 1) * page;
}
