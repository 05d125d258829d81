/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Entries of x86-64 page tables.
 *
 *   63 62    59 58  52 51       M M-1              12 11   9  8   7   6  5  4    3   2   1   0
 *  ┌──┬────────┬──────┬──────────┬───────────────────┬──────┬───┬────┬──┬──┬───┬───┬───┬───┬───┐
 *  │NX│ key    │  -   │ reserved │ address           │  -   │ G │PS/ │D │A │PCD│PWT│U/S│R/W│ P │
 *  │  │        │      │          │ (12: PAT if large)│      │   │PAT │  │  │   │   │   │   │   │
 *  └──┴────────┴──────┴──────────┴───────────────────┴──────┴───┴────┴──┴──┴───┴───┴───┴───┴───┘
 *
 * Source: Intel SDM volume 3A, chapter "Paging" (December 2023), section "4-Level Paging and
 * 5-Level Paging", tables "Format of a PML5 Entry" to "Format of a Page-Table Entry" and the
 * figure of all formats. Reserved are: bits M to 51 (M is MAXPHYADDR); PS of a PML5E, a PML4E,
 * and of a PDPTE or PDE where the geometry has no leaf at that level; bits 13 to 20 of a 2 MiB
 * leaf and 13 to 29 of a 1 GiB leaf; NX while IA32_EFER.NXE is 0.
 *
 * Generalised beyond the manual, so that textbook geometries are the same code: the address field
 * begins at bit 12 always. With a base page below 4 KiB it holds the address shifted left by
 * 12 - offset_bits, so it is still the page number; with a larger one its lowest bits are reserved
 * in leaves. For 4 KiB this is exactly the manual's layout.
 *
 * Not modelled: protection keys, bit R of HLAT, PWT/PCD/PAT beyond showing them (no memory types).
 * Present implies readable: PERM_READ cannot be withheld.
 */

#include "mmu/bit_private.h"
#include "mmu/radix_entry.h"

enum x86_bits {
	X86_P = 0,
	X86_W = 1,
	X86_U = 2,
	X86_PWT = 3,
	X86_PCD = 4,
	X86_A = 5,
	X86_D = 6,
	X86_PS = 7,
	X86_PAT = 7,
	X86_G = 8,
	X86_ADDRESS = 12,
	X86_PAT_LARGE = 12,
	X86_IGNORED_HIGH = 52,
	X86_KEY = 59,
	X86_NX = 63,
};

static const struct entry_field x86_fields[] = {
	{ "P", X86_P, 1, IN_ALL },
	{ "R/W", X86_W, 1, IN_ALL },
	{ "U/S", X86_U, 1, IN_ALL },
	{ "PWT", X86_PWT, 1, IN_ALL },
	{ "PCD", X86_PCD, 1, IN_ALL },
	{ "A", X86_A, 1, IN_ALL },
	{ "D", X86_D, 1, IN_LEAF },
	{ "PS", X86_PS, 1, IN_TABLE | IN_LARGE },
	{ "PAT", X86_PAT, 1, IN_PAGE },
	{ "G", X86_G, 1, IN_LEAF },
	{ "AVL", 9, 3, IN_ALL },
	{ "PAT", X86_PAT_LARGE, 1, IN_LARGE },
	{ "PFN", X86_ADDRESS, X86_IGNORED_HIGH - X86_ADDRESS, IN_ALL | IS_ADDRESS },
	{ "AVL2", X86_IGNORED_HIGH, X86_KEY - X86_IGNORED_HIGH, IN_ALL },
	{ "KEY", X86_KEY, X86_NX - X86_KEY, IN_LEAF },
	{ "NX", X86_NX, 1, IN_ALL },
	{ 0 },
};

/* Present implies readable. */
static uint8_t x86_perms(uint64_t raw)
{
	return (uint8_t)(PERM_READ | (raw & BIT(X86_W) ? PERM_WRITE : 0) |
			 (raw & BIT(X86_U) ? PERM_USER : 0) | (raw & BIT(X86_NX) ? 0 : PERM_EXEC));
}

static uint64_t x86_bits(unsigned perms)
{
	return (perms & PERM_WRITE ? BIT(X86_W) : 0) | (perms & PERM_USER ? BIT(X86_U) : 0) |
	       (perms & PERM_EXEC ? 0 : BIT(X86_NX));
}

static void x86_level(struct radix_level_encoding *level, unsigned number, bool leaf_allowed,
		      unsigned leaf_low_bit, unsigned address_end)
{
	uint64_t above = bits_between(address_end, X86_IGNORED_HIGH);

	level->present = (struct bit_test){ BIT(X86_P), BIT(X86_P) };
	level->table_reserved = above;
	level->leaf_reserved = above;
	level->leaf_address = bits_between(leaf_low_bit, address_end);
	level->table_bits = BIT(X86_P) | BIT(X86_W) | BIT(X86_U) | BIT(X86_A);
	level->leaf_bits = BIT(X86_P);
	level->table_accessed = BIT(X86_A);
	level->table_perms = true;
	if (number == 0) {
		level->table_test = (struct bit_test){ 0, 1 };
		level->leaf_reserved |= bits_between(X86_ADDRESS, leaf_low_bit);
	} else if (leaf_allowed) {
		level->table_test = (struct bit_test){ BIT(X86_PS), 0 };
		level->leaf_reserved |= bits_between(X86_PAT_LARGE + 1, leaf_low_bit);
		level->leaf_bits |= BIT(X86_PS);
	} else {
		level->table_test = (struct bit_test){ 0, 0 };
		level->table_reserved |= BIT(X86_PS);
	}
}

int radix_encoding_x86(struct radix_encoding *encoding, const struct radix_config *config,
		       const uint8_t *page_lg2, struct config_complaint *complaint)
{
	const struct perm_runs runs = { X86_W, 2, X86_NX, 1 };
	unsigned shift = config->offset_bits < X86_ADDRESS ? X86_ADDRESS - config->offset_bits : 0;

	if (config->pa_bits + shift > X86_IGNORED_HIGH || config->pa_bits <= config->offset_bits)
		return radix_complain(complaint, "pa_bits",
				      "more than offset_bits, and at most 52 (40 + offset_bits for "
				      "base pages below 4 KiB)");
	encoding->entry_lg2 = 3;
	encoding->address_shift = (uint8_t)shift;
	encoding->sign_extended = true;
	encoding->table_address = bits_between(X86_ADDRESS, config->pa_bits + shift);
	encoding->accessed = BIT(X86_A);
	encoding->dirty = BIT(X86_D);
	encoding->global = BIT(X86_G);
	encoding->no_execute = BIT(X86_NX);
	encoding->fields = x86_fields;
	perm_code_init(&encoding->perms, &runs, x86_perms, x86_bits);
	for (unsigned i = 0; i < config->level_count; i++)
		x86_level(&encoding->level[i], i, i == 0 || config->leaf_allowed[i],
			  page_lg2[i] + shift, config->pa_bits + shift);
	return PW_OK;
}
