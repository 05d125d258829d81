/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_ENTRY_PRIVATE_H
#define PAGEWALK_MMU_PT_ENTRY_PRIVATE_H

/*
 * The page-table entry of the formats that have no machine's own: 64 bits, laid out as x86's, so that
 * people can read it. What stands in bits 7 and 52 to 62 is each format's matter.
 *
 *   63 NX | 51..12 frame | 8 G | 6 D | 5 A | 2 U | 1 W | 0 valid
 */

#include "mmu/bit_private.h"
#include "mmu/page_table.h"

enum entry_bits {
	ENTRY_VALID = 0,
	ENTRY_W = 1,
	ENTRY_U = 2,
	ENTRY_A = 5,
	ENTRY_D = 6,
	ENTRY_G = 8,
	ENTRY_PA_BITS = 52
};
#define ENTRY_NX    BIT(63)
#define ENTRY_FRAME (BIT(ENTRY_PA_BITS) - FRAME_BYTES)

static inline uint8_t entry_perms(uint64_t entry)
{
	return (uint8_t)(PERM_READ | (entry & BIT(ENTRY_W) ? PERM_WRITE : 0) |
			 (entry & BIT(ENTRY_U) ? PERM_USER : 0) |
			 (entry & ENTRY_NX ? 0 : PERM_EXEC));
}

static inline uint64_t entry_with_perms(uint64_t entry, uint8_t perms)
{
	entry &= ~(BIT(ENTRY_W) | BIT(ENTRY_U) | ENTRY_NX);
	return entry | (perms & PERM_WRITE ? BIT(ENTRY_W) : 0) |
	       (perms & PERM_USER ? BIT(ENTRY_U) : 0) | (perms & PERM_EXEC ? 0 : ENTRY_NX);
}

#endif
