/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Descriptors of Armv8-A stage 1 (VMSAv8-64) with granules of 4, 16 and 64 KiB, 48-bit addresses.
 *
 *    63 59 58  56 55 54  53  52  51  50 48 47         n n-1  12 11 10 9  8 7   6 5  4   2  1   0
 *   ┌─────┬──────┬──┬───┬───┬────┬───┬─────┬───────────┬───────┬──┬──┬────┬─────┬──┬─────┬───┬───┐
 *   │  -  │  -   │SD│UXN│PXN│Cont│DBM│ res0│ address   │ res0  │nG│AF│ SH │AP21 │NS│Attr │ t │ 1 │
 *   └─────┴──────┴──┴───┴───┴────┴───┴─────┴───────────┴───────┴──┴──┴────┴─────┴──┴─────┴───┴───┘
 *   t: 1 table (level > 0) or page (level 0); 0 block. Without bit 0, or a block where the granule
 *   or the configuration has none: invalid. Our level 0 is the architecture's level 3.
 *
 *   granule  index bits    blocks (level 1, 2)   first level
 *   4 KiB    9             2 MiB, 1 GiB          9 bits
 *   16 KiB   11            32 MiB                1 bit
 *   64 KiB   13            512 MiB               6 bits
 *
 * AP[1] lets EL0 in; AP[2] denies writes; every valid leaf is readable. DBM with AP[2] set is
 * writable and clean: a store clears AP[2] (hardware: TCR_ELx.HD; software: after a fault). So here
 * writable entries have DBM, AP[2] = 0 says dirty, and bit 55 (SD), for software, keeps "dirty" of
 * what is not writable: all as Linux does it (PTE_WRITE, PTE_RDONLY, PTE_DIRTY in
 * arch/arm64/include/asm/pgtable-prot.h). AF is A. UXN denies execution of EL0's pages, PXN of all
 * others; new EL0 pages have both PXN and not UXN, new others UXN.
 *
 * Source: Arm Architecture Reference Manual, Armv8, for A-profile (DDI 0487), chapter D5 "The
 * AArch64 Virtual Memory System Architecture" (D8 in later editions), sections "VMSAv8-64
 * translation table format descriptors", "Memory attribute fields", "Access controls and memory
 * region attributes", "Hardware management of the Access flag and dirty state".
 *
 * Deviations: only the lower half (TTBR0) is modelled, addresses are not sign-extended.
 * Hierarchical permissions in table descriptors are ignored, as with TCR_ELx.HPDn = 1. Address bits
 * from pa_bits to 47 raise FAULT_RESERVED, on hardware an address size fault; res0 bits are
 * ignored. An EL1 fetch from a page of EL0 looks at UXN, not PXN. Not modelled: the contiguous bit
 * (shown only), 52-bit addresses, stage 2, memory attributes, MTE, concatenated tables.
 */

#include "mmu/bit_private.h"
#include "mmu/radix_entry.h"

enum armv8_bits {
	VALID = 0,
	TABLE = 1,
	AP1 = 6,
	AP2 = 7,
	SH = 8,
	AF = 10,
	NG = 11,
	ADDRESS_END = 48,
	DBM = 51,
	CONTIGUOUS = 52,
	PXN = 53,
	UXN = 54,
	SOFTWARE_DIRTY = 55,
};
enum { INNER_SHAREABLE = 3 };

static const struct entry_field armv8_fields[] = {
	{ "VALID", VALID, 1, IN_ALL },
	{ "TABLE", TABLE, 1, IN_TABLE | IN_LARGE },
	{ "PAGE", TABLE, 1, IN_PAGE },
	{ "ATTR", 2, 3, IN_LEAF },
	{ "NS", 5, 1, IN_LEAF },
	{ "AP1", AP1, 1, IN_LEAF },
	{ "AP2", AP2, 1, IN_LEAF },
	{ "SH", SH, 2, IN_LEAF },
	{ "AF", AF, 1, IN_LEAF },
	{ "nG", NG, 1, IN_LEAF },
	{ "ADDR", 12, ADDRESS_END - 12, IN_ALL | IS_ADDRESS },
	{ "DBM", DBM, 1, IN_LEAF },
	{ "CONT", CONTIGUOUS, 1, IN_LEAF },
	{ "PXN", PXN, 1, IN_LEAF },
	{ "UXN", UXN, 1, IN_LEAF },
	{ "SW", SOFTWARE_DIRTY, 4, IN_LEAF },
	{ "PXNT", 59, 1, IN_TABLE },
	{ "UXNT", 60, 1, IN_TABLE },
	{ "APT", 61, 2, IN_TABLE },
	{ "NST", 63, 1, IN_TABLE },
	{ 0 },
};

static uint8_t armv8_perms(uint64_t raw)
{
	bool user = raw & BIT(AP1);
	bool write = !(raw & BIT(AP2)) || raw & BIT(DBM);
	bool exec = !(raw & (user ? BIT(UXN) : BIT(PXN)));

	return (uint8_t)(PERM_READ | (write ? PERM_WRITE : 0) | (exec ? PERM_EXEC : 0) |
			 (user ? PERM_USER : 0));
}

/* Without AP[2], which follows from being dirty. */
static uint64_t armv8_bits(unsigned perms)
{
	uint64_t never = perms & PERM_USER ? BIT(PXN) : BIT(UXN);
	uint64_t not_here = perms & PERM_USER ? BIT(UXN) : BIT(PXN);

	return never | (perms & PERM_EXEC ? 0 : not_here) | (perms & PERM_WRITE ? BIT(DBM) : 0) |
	       (perms & PERM_USER ? BIT(AP1) : 0);
}

static void armv8_level(struct radix_level_encoding *level, unsigned number, bool leaf_allowed,
			unsigned page_lg2, unsigned pa_bits)
{
	const uint64_t above = bits_between(pa_bits, ADDRESS_END);
	const uint64_t both = BIT(VALID) | BIT(TABLE);
	const bool block = number > 0 && leaf_allowed;

	level->present = block ? (struct bit_test){ BIT(VALID), BIT(VALID) }
			       : (struct bit_test){ both, both };
	level->table_test = block        ? (struct bit_test){ BIT(TABLE), BIT(TABLE) }
			    : number > 0 ? (struct bit_test){ 0, 0 }
					 : (struct bit_test){ 0, 1 };
	level->table_reserved = above;
	level->leaf_reserved = above;
	level->leaf_address = bits_between(page_lg2, pa_bits);
	level->table_bits = both;
	level->leaf_bits = (block ? BIT(VALID) : both) | (uint64_t)INNER_SHAREABLE << SH;
}

static int check_granule(const struct radix_config *config, struct config_complaint *complaint)
{
	unsigned granule = config->offset_bits, bits = granule - 3, va_bits = granule;

	if (granule != 12 && granule != 14 && granule != 16)
		return radix_complain(complaint, "offset_bits",
				      "12, 14 or 16 for entries of armv8: the granule");
	for (unsigned i = 0; i < config->level_count; i++) {
		bool first = i + 1 == config->level_count;

		va_bits += config->index_bits[i];
		if (config->index_bits[i] > bits || (!first && config->index_bits[i] < bits))
			return radix_complain(complaint, "index_bits",
					      "offset_bits - 3 at each level for entries of armv8, "
					      "the last one at most that");
		if (i > 0 && config->leaf_allowed[i] && i > (granule == 12 ? 2U : 1U))
			return radix_complain(complaint, "leaf_levels",
					      "of 0 and 1 for entries of armv8, with 4 KiB pages "
					      "2 as well");
	}
	if (va_bits > ADDRESS_END)
		return radix_complain(complaint, "index_bits",
				      "at most 48 with offset_bits for entries of armv8");
	if (config->pa_bits <= granule || config->pa_bits > ADDRESS_END)
		return radix_complain(complaint, "pa_bits",
				      "more than offset_bits and at most 48 for entries of armv8");
	return PW_OK;
}

int radix_encoding_armv8(struct radix_encoding *encoding, const struct radix_config *config,
			 const uint8_t *page_lg2, struct config_complaint *complaint)
{
	const struct perm_runs runs = { AP1, 2, DBM, 4 };
	int error = check_granule(config, complaint);

	if (error)
		return error;
	encoding->entry_lg2 = 3;
	encoding->table_address = bits_between(config->offset_bits, config->pa_bits);
	encoding->inverted = BIT(NG) | BIT(AP2);
	encoding->accessed = BIT(AF);
	encoding->dirty = BIT(AP2);
	encoding->dirty_soft = BIT(SOFTWARE_DIRTY);
	encoding->global = BIT(NG);
	encoding->fields = armv8_fields;
	perm_code_init(&encoding->perms, &runs, armv8_perms, armv8_bits);
	for (unsigned i = 0; i < config->level_count; i++)
		armv8_level(&encoding->level[i], i, i == 0 || config->leaf_allowed[i], page_lg2[i],
			    config->pa_bits);
	return PW_OK;
}
