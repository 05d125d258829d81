/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_RADIX_ENTRY_H
#define PAGEWALK_MMU_RADIX_ENTRY_H

/*
 * How the entries of a radix table are laid out in bits, as data: masks and values that pt_radix*.c
 * apply. An architecture is one radix_encoding_<name>() that fills struct radix_encoding for a
 * geometry; nothing else knows a bit of it.
 *
 * A *normalized* entry is raw ^ inverted: bits that say the opposite of what they are asked for
 * (Armv8 nG, and AP[2], whose 0 means dirty) read like all others.
 */

#include "mmu/config.h"
#include "mmu/page_table.h"

/* Holds when (raw & mask) == value. Mask 0 with value 0 always holds, with value 1 never. */
struct bit_test {
	uint64_t mask, value;
};

static inline bool bit_test_holds(struct bit_test test, uint64_t raw)
{
	return (raw & test.mask) == test.value;
}

/*
 * Permission bits lie in at most two runs of an entry. Side by side they are an index into what
 * they mean, so that each architecture states its rule once, as a function over raw entries.
 */
enum { PERM_RUN_BITS = 6, PERM_CODES = 1 << PERM_RUN_BITS, PERM_SETS = 16 };
enum { PERMS_ALL = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER };
/* What a combination decodes to that the architecture reserves: nothing, by FAULT_RESERVED. */
enum { PERMS_RESERVED = 0x80 };

struct perm_code {
	uint8_t low_shift, high_shift, low_mask, high_mask;
	uint8_t always; /* what no leaf can withhold */
	uint64_t mask;  /* the bits of both runs */
	uint8_t decode[PERM_CODES];
	uint64_t encode[PERM_SETS]; /* by a set of enum perm_bits */
};

static inline uint8_t perm_decode(const struct perm_code *code, uint64_t raw)
{
	return code->decode[(raw >> code->low_shift & code->low_mask) |
			    (raw >> code->high_shift & code->high_mask)];
}

/* Runs of bits [low, low + low_count) and, if high_count > 0, [high, high + high_count). */
struct perm_runs {
	uint8_t low, low_count, high, high_count;
};
void perm_code_init(struct perm_code *code, const struct perm_runs *runs,
		    uint8_t (*perms_of)(uint64_t raw), uint64_t (*bits_of)(unsigned perms));

/* What differs from level to level. A leaf where none may stand is one with a reserved bit. */
struct radix_level_encoding {
	struct bit_test present;
	struct bit_test table_test;             /* present and this: a pointer to a table */
	uint64_t table_reserved, leaf_reserved; /* must be zero, else FAULT_RESERVED */
	uint64_t leaf_address;                  /* bits that hold the address of a leaf here */
	uint64_t table_bits, leaf_bits;         /* set in new ones, `present` included */
	uint64_t table_accessed;                /* the A that walks set in a pointer, or 0 */
	bool table_perms;                       /* pointers withhold permissions, as leaves do */
};

struct radix_encoding {
	uint8_t entry_lg2;     /* bytes of an entry, log2 */
	uint8_t address_shift; /* physical address = raw & mask, rotated right by this */
	bool sign_extended;    /* addresses copy their highest bit upwards */
	bool root_anywhere;    /* the root's address need not fit an entry */
	uint64_t table_address;
	uint64_t inverted;
	/* Normalized. Hardware sets `dirty`; where there is dirty_soft, it keeps D of what is
	 * not writable and `dirty` is set only in what is. */
	uint64_t accessed, dirty, dirty_soft, global;
	uint64_t software;   /* of accessed and dirty, what a walk must find set: else a fault */
	uint64_t no_execute; /* reserved while mmu_controls.no_execute is off */
	struct perm_code perms;
	struct radix_level_encoding level[PT_LEVELS_MAX];
	const struct entry_field *fields; /* for people; ends with a NULL name */
};

/* One field of an entry, and which entries have it. */
enum entry_kind { IN_TABLE = 1, IN_PAGE = 2, IN_LARGE = 4, IS_ADDRESS = 8 };
enum { IN_LEAF = IN_PAGE | IN_LARGE, IN_ALL = IN_TABLE | IN_LEAF };
struct entry_field {
	const char *name;
	uint8_t low_bit, bits, where; /* where: enum entry_kind; IS_ADDRESS: only address bits */
};
/* As pt_ops.describe, of one entry. */
unsigned radix_entry_describe(const struct radix_encoding *encoding, unsigned level, uint64_t raw,
			      struct pt_field *fields);

/* Bits [low, end). */
static inline uint64_t bits_between(unsigned low, unsigned end)
{
	if (low >= end)
		return 0;
	return (end >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << end) - 1) & ~((UINT64_C(1) << low) - 1);
}
static inline uint64_t rotate_right(uint64_t value, unsigned by)
{
	return value >> (by & 63) | value << (-by & 63);
}

/* Fills *complaint about page_table.radix.<field>; PW_INVALID. */
int radix_complain(struct config_complaint *complaint, const char *field, const char *must_be);

/* page_lg2[level]: what an entry of the level covers. PW_INVALID fills *complaint. */
typedef int radix_encoding_fn(struct radix_encoding *encoding, const struct radix_config *config,
			      const uint8_t *page_lg2, struct config_complaint *complaint);
radix_encoding_fn radix_encoding_x86;
radix_encoding_fn radix_encoding_x86_32;
radix_encoding_fn radix_encoding_x86_pae;
radix_encoding_fn radix_encoding_riscv;
radix_encoding_fn radix_encoding_armv8;
radix_encoding_fn radix_encoding_toy;

/* Can the entries hold this geometry? PW_INVALID fills *complaint. */
int radix_config_check(const struct radix_config *config, struct config_complaint *complaint);

/* By config->entry. */
int radix_encoding_init(struct radix_encoding *encoding, const struct radix_config *config,
			const uint8_t *page_lg2, struct config_complaint *complaint);

#endif
