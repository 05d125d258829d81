/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Entries of x86's 32-bit paging, four bytes each.
 *
 *   31              22 21      13  12  11   9  8   7   6  5  4    3   2   1   0
 *  ┌──────────────────┬──────────┬───┬──────┬───┬───┬──┬──┬───┬───┬───┬───┬───┐
 *  │ address (4 MiB)  │ reserved │PAT│  -   │ G │PS │D │A │PCD│PWT│U/S│R/W│ P │  leaf at level 1
 *  ├──────────────────┴──────────┴───┼──────┼───┼───┼──┼──┼───┼───┼───┼───┼───┤
 *  │ address                         │  -   │ G │PAT│D │A │PCD│PWT│U/S│R/W│ P │  page
 *  ├─────────────────────────────────┼──────┴───┼───┼──┼──┼───┼───┼───┼───┼───┤
 *  │ address                         │    -     │PS │- │A │PCD│PWT│U/S│R/W│ P │  table
 *  └─────────────────────────────────┴──────────┴───┴──┴──┴───┴───┴───┴───┴───┘
 *
 * Source: Intel SDM volume 3A, chapter "Paging" (December 2023), section "32-Bit Paging", tables
 * "Format of a 32-Bit Page-Directory Entry that Maps a 4-MByte Page" to "Format of a 32-Bit
 * Page-Table Entry that Maps a 4-KByte Page".
 *
 * There is no NX: what is present is readable and executable. Leaves above level 0 stand for
 * CR4.PSE = 1; without any, PS is ignored, as with CR4.PSE = 0.
 *
 * Generalised beyond the manual, as radix_entry_x86.c is: with base pages below 4 KiB the address
 * field still is the page number, so 1 KiB pages reach 2^30 bytes. Not modelled: PSE-36 (bits 13
 * to 20 of a 4 MiB leaf), PWT, PCD and PAT beyond showing them.
 */

#include "mmu/bit_private.h"
#include "mmu/radix_entry.h"

enum x86_32_bits {
	P = 0,
	W = 1,
	U = 2,
	A = 5,
	D = 6,
	PS = 7,
	G = 8,
	ADDRESS = 12,
	PAT_LARGE = 12,
	END = 32,
};

static const struct entry_field x86_32_fields[] = {
	{ "P", P, 1, IN_ALL },
	{ "R/W", W, 1, IN_ALL },
	{ "U/S", U, 1, IN_ALL },
	{ "PWT", 3, 1, IN_ALL },
	{ "PCD", 4, 1, IN_ALL },
	{ "A", A, 1, IN_ALL },
	{ "D", D, 1, IN_LEAF },
	{ "PS", PS, 1, IN_TABLE | IN_LARGE },
	{ "PAT", PS, 1, IN_PAGE },
	{ "G", G, 1, IN_LEAF },
	{ "AVL", 9, 3, IN_ALL },
	{ "PAT", PAT_LARGE, 1, IN_LARGE },
	{ "PFN", ADDRESS, END - ADDRESS, IN_ALL | IS_ADDRESS },
	{ 0 },
};

static uint8_t x86_32_perms(uint64_t raw)
{
	return (uint8_t)(PERM_READ | PERM_EXEC | (raw & BIT(W) ? PERM_WRITE : 0) |
			 (raw & BIT(U) ? PERM_USER : 0));
}

static uint64_t x86_32_bits(unsigned perms)
{
	return (perms & PERM_WRITE ? BIT(W) : 0) | (perms & PERM_USER ? BIT(U) : 0);
}

static void x86_32_level(struct radix_level_encoding *level, unsigned number, bool leaf_allowed,
			 unsigned leaf_low_bit, unsigned address_end)
{
	uint64_t above = bits_between(address_end, END);

	level->present = (struct bit_test){ BIT(P), BIT(P) };
	level->table_test = (struct bit_test){ 0, 0 };
	level->table_reserved = above;
	level->leaf_reserved = above | bits_between(PAT_LARGE + 1, leaf_low_bit);
	level->leaf_address = bits_between(leaf_low_bit, address_end);
	level->table_bits = BIT(P) | BIT(W) | BIT(U) | BIT(A);
	level->leaf_bits = BIT(P);
	level->table_accessed = BIT(A);
	level->table_perms = true;
	if (number == 0) {
		level->table_test = (struct bit_test){ 0, 1 };
		level->leaf_reserved |= bits_between(ADDRESS, leaf_low_bit);
	} else if (leaf_allowed) {
		level->table_test = (struct bit_test){ BIT(PS), 0 };
		level->leaf_bits |= BIT(PS);
	}
}

int radix_encoding_x86_32(struct radix_encoding *encoding, const struct radix_config *config,
			  const uint8_t *page_lg2, struct config_complaint *complaint)
{
	const struct perm_runs runs = { W, 2, 0, 0 };
	unsigned shift = config->offset_bits < ADDRESS ? ADDRESS - config->offset_bits : 0;

	if (config->pa_bits + shift > END || config->pa_bits <= config->offset_bits)
		return radix_complain(complaint, "pa_bits",
				      "more than offset_bits, and at most 32 for entries of x86-32 "
				      "(20 + offset_bits for base pages below 4 KiB)");
	encoding->entry_lg2 = 2;
	encoding->address_shift = (uint8_t)shift;
	encoding->table_address = bits_between(ADDRESS, config->pa_bits + shift);
	encoding->accessed = BIT(A);
	encoding->dirty = BIT(D);
	encoding->global = BIT(G);
	encoding->fields = x86_32_fields;
	perm_code_init(&encoding->perms, &runs, x86_32_perms, x86_32_bits);
	for (unsigned i = 0; i < config->level_count; i++)
		x86_32_level(&encoding->level[i], i, i == 0 || config->leaf_allowed[i],
			     page_lg2[i] + shift, config->pa_bits + shift);
	return PW_OK;
}
