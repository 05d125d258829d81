/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Entries of x86 PAE page tables: 2/9/9/12 bits of a 32-bit address. PDEs and PTEs are those of
 * radix_entry_x86.c, but that bits M to 62 are reserved. The four PDPTEs have rules of their own:
 *
 *   63      M M-1                             12 11  9 8      5   4   3  2  1   0
 *  ┌─────────┬──────────────────────────────────┬─────┬────────┬───┬───┬─────┬───┐
 *  │reserved │ address of the page directory    │  -  │reserved│PCD│PWT│rsvd │ P │
 *  └─────────┴──────────────────────────────────┴─────┴────────┴───┴───┴─────┴───┘
 *
 * They grant everything, and no walk sets A in them.
 *
 * Source: Intel SDM volume 3A, chapter "Paging" (December 2023), section "PAE Paging", tables
 * "Format of a PAE Page-Directory-Pointer-Table Entry (PDPTE)" to "Format of a PAE Page-Table Entry
 * that Maps a 4-KByte Page".
 *
 * Not modelled: the PDPTE registers, which hardware loads with CR3. Each walk reads the PDPTE; a
 * walk cache at level 2 with four entries comes near to the registers. A reserved bit in a PDPTE
 * is found by the walk, where hardware refuses to load CR3 (#GP).
 */

#include "mmu/radix_entry.h"

enum { PAE_LEVELS = 3, PDPTE = 2 };

static bool pae_geometry(const struct radix_config *config)
{
	return config->level_count == PAE_LEVELS && config->index_bits[0] == 9 &&
	       config->index_bits[1] == 9 && config->index_bits[PDPTE] == 2 &&
	       config->offset_bits == 12;
}

int radix_encoding_x86_pae(struct radix_encoding *encoding, const struct radix_config *config,
			   const uint8_t *page_lg2, struct config_complaint *complaint)
{
	struct radix_level_encoding *pdpte = &encoding->level[PDPTE];
	const uint64_t present = 1;
	int error;

	if (!pae_geometry(config))
		return radix_complain(complaint, "index_bits",
				      "[9, 9, 2] with offset_bits 12, for entries of x86-pae");
	if (config->leaf_allowed[PDPTE])
		return radix_complain(complaint, "leaf_levels",
				      "of 0 and 1, for entries of x86-pae: a PDPTE maps no page");
	error = radix_encoding_x86(encoding, config, page_lg2, complaint);
	if (error)
		return error;
	encoding->sign_extended = false;
	for (unsigned i = 0; i < PDPTE; i++) {
		encoding->level[i].table_reserved |= bits_between(config->pa_bits, 63);
		encoding->level[i].leaf_reserved |= bits_between(config->pa_bits, 63);
	}
	pdpte->table_reserved = bits_between(1, 3) | bits_between(5, 9) |
				bits_between(config->pa_bits, 64);
	pdpte->table_bits = present;
	pdpte->table_accessed = 0;
	pdpte->table_perms = false;
	return PW_OK;
}
