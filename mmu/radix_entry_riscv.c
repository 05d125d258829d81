/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Entries of RISC-V page tables: Sv32 (4 bytes), and Sv39, Sv48 and Sv57 (8 bytes).
 *
 *        63 62  61 60     54 53                     10 9  8  7   6   5   4   3   2   1   0
 *       ┌──┬──────┬─────────┬─────────────────────────┬─────┬───┬───┬───┬───┬───┬───┬───┬───┐
 *  Sv39 │N │ PBMT │reserved │ PPN (44 bits)           │ RSW │ D │ A │ G │ U │ X │ W │ R │ V │
 *       └──┴──────┴─────────┼─────────────────────────┼─────┼───┼───┼───┼───┼───┼───┼───┼───┤
 *  Sv32                  31 │ PPN (22 bits)           │ RSW │ D │ A │ G │ U │ X │ W │ R │ V │
 *                           └─────────────────────────┴─────┴───┴───┴───┴───┴───┴───┴───┴───┘
 *
 * V with R = W = X = 0 points to the next table; all else with V is a leaf. Refused as reserved (on
 * hardware: a page fault): W without R, in any entry; a pointer at level 0; D, A or U in a pointer;
 * bits 54 to 63 (N without Svnapot, PBMT without Svpbmt); a leaf above level 0 whose low PPN bits
 * are not 0 (misaligned superpage). A leaf may stand at each level; configuration may forbid it.
 *
 * Who sets A and D is configuration: hardware is Svadu, software is Svade (page faults).
 *
 * Source: RISC-V Instruction Set Manual, volume II: Privileged Architecture (version 20211203),
 * chapter "Supervisor-Level ISA", sections 4.3 "Sv32", "Virtual Address Translation Process", 4.4
 * "Sv39", 4.5 "Sv48", 4.6 "Sv57"; extensions Svade and Svadu as ratified later.
 *
 * Not modelled: G in a pointer (it makes all below global; this format never sets it), MXR,
 * Svnapot, Svpbmt. SUM is mmu_controls.smap turned round; supervisors never execute user pages:
 * mmu_controls.smep.
 */

#include "mmu/bit_private.h"
#include "mmu/radix_entry.h"

enum riscv_bits {
	V = 0,
	R = 1,
	W = 2,
	X = 3,
	U = 4,
	G = 5,
	A = 6,
	D = 7,
	PPN = 10,
	PPN_END_32 = 32,
	PPN_END_64 = 54,
};
enum { OFFSET_BITS = 12 };

static const struct entry_field riscv_32_fields[] = {
	{ "V", V, 1, IN_ALL },
	{ "R", R, 1, IN_ALL },
	{ "W", W, 1, IN_ALL },
	{ "X", X, 1, IN_ALL },
	{ "U", U, 1, IN_ALL },
	{ "G", G, 1, IN_ALL },
	{ "A", A, 1, IN_ALL },
	{ "D", D, 1, IN_ALL },
	{ "RSW", 8, 2, IN_ALL },
	{ "PPN", PPN, PPN_END_32 - PPN, IN_ALL },
	{ 0 },
};

static const struct entry_field riscv_64_fields[] = {
	{ "V", V, 1, IN_ALL },
	{ "R", R, 1, IN_ALL },
	{ "W", W, 1, IN_ALL },
	{ "X", X, 1, IN_ALL },
	{ "U", U, 1, IN_ALL },
	{ "G", G, 1, IN_ALL },
	{ "A", A, 1, IN_ALL },
	{ "D", D, 1, IN_ALL },
	{ "RSW", 8, 2, IN_ALL },
	{ "PPN", PPN, PPN_END_64 - PPN, IN_ALL },
	{ "RSVD", PPN_END_64, 7, IN_ALL },
	{ "PBMT", 61, 2, IN_ALL },
	{ "N", 63, 1, IN_ALL },
	{ 0 },
};

static uint8_t riscv_perms(uint64_t raw)
{
	bool write_only = (raw & BIT(W)) && !(raw & BIT(R));

	if (write_only || !(raw & (BIT(R) | BIT(W) | BIT(X))))
		return PERMS_RESERVED;
	return (uint8_t)((raw & BIT(R) ? PERM_READ : 0) | (raw & BIT(W) ? PERM_WRITE : 0) |
			 (raw & BIT(X) ? PERM_EXEC : 0) | (raw & BIT(U) ? PERM_USER : 0));
}

/* What may be written may be read, as Linux's protection_map has it. */
static uint64_t riscv_bits(unsigned perms)
{
	return (perms & (PERM_READ | PERM_WRITE) ? BIT(R) : 0) | (perms & PERM_WRITE ? BIT(W) : 0) |
	       (perms & PERM_EXEC ? BIT(X) : 0) | (perms & PERM_USER ? BIT(U) : 0);
}

static void riscv_level(struct radix_level_encoding *level, unsigned number, bool leaf_allowed,
			unsigned page_lg2, unsigned pa_end)
{
	/* Beyond 32 there is nothing to an entry of four bytes: its upper half reads as 0. */
	const uint64_t reserved = bits_between(pa_end, 64);
	const unsigned low_bit = page_lg2 - OFFSET_BITS + PPN;

	level->present = (struct bit_test){ BIT(V), BIT(V) };
	level->table_test = number > 0 ? (struct bit_test){ BIT(R) | BIT(W) | BIT(X), 0 }
				       : (struct bit_test){ 0, 1 };
	level->table_reserved = reserved | BIT(D) | BIT(A) | BIT(U);
	level->leaf_reserved = reserved | bits_between(PPN, low_bit);
	if (number > 0 && !leaf_allowed)
		level->leaf_reserved |= BIT(V);
	level->leaf_address = bits_between(low_bit, pa_end);
	level->table_bits = BIT(V);
	level->leaf_bits = BIT(V);
}

int radix_encoding_riscv(struct radix_encoding *encoding, const struct radix_config *config,
			 const uint8_t *page_lg2, struct config_complaint *complaint)
{
	const struct perm_runs runs = { R, 4, 0, 0 };
	bool wide = config->entry == RADIX_ENTRY_RISCV_64;
	unsigned end = wide ? PPN_END_64 : PPN_END_32;
	unsigned pa_bits_max = end - PPN + OFFSET_BITS,
		 pa_end = config->pa_bits - OFFSET_BITS + PPN;

	if (config->offset_bits != OFFSET_BITS)
		return radix_complain(complaint, "offset_bits", "12 for entries of RISC-V");
	if (config->pa_bits <= OFFSET_BITS || config->pa_bits > pa_bits_max)
		return radix_complain(complaint, "pa_bits",
				      wide ? "from 13 to 56 for entries of riscv-64"
					   : "from 13 to 34 for entries of riscv-32");
	encoding->entry_lg2 = wide ? 3 : 2;
	encoding->address_shift = 64 - (OFFSET_BITS - PPN); /* left by 2 */
	encoding->sign_extended = wide;
	encoding->table_address = bits_between(PPN, pa_end);
	encoding->accessed = BIT(A);
	encoding->dirty = BIT(D);
	encoding->global = BIT(G);
	encoding->fields = wide ? riscv_64_fields : riscv_32_fields;
	perm_code_init(&encoding->perms, &runs, riscv_perms, riscv_bits);
	for (unsigned i = 0; i < config->level_count; i++)
		riscv_level(&encoding->level[i], i, i == 0 || config->leaf_allowed[i], page_lg2[i],
			    pa_end);
	return PW_OK;
}
