/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_RADIX_ENTRY_H
#define PAGEWALK_MMU_RADIX_ENTRY_H

/*
 * How the entries of a radix table are laid out in bits, as data: masks and values that pt_radix.c
 * applies. An architecture is one radix_encoding_<name>() that fills struct radix_encoding for a
 * geometry; nothing else knows a bit of it.
 *
 * A property that is granted by set bits (x86 W), by clear bits (x86 NX, Armv8 AP[2]) or always
 * (x86 read) is one struct bit_test. Where only leaves hold permissions (RISC-V), `table` grants
 * all. An entry is a pointer to the next table when table_test of its level holds, else a leaf.
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
/* raw changed so that the test holds, or (for tests of one bit) does not. */
static inline uint64_t bit_test_set(struct bit_test test, uint64_t raw, bool holds)
{
	return (raw & ~test.mask) | (holds ? test.value : test.mask & ~test.value);
}

struct perm_tests {
	struct bit_test read, write, exec, user;
};

/* What differs from level to level. */
struct radix_level_encoding {
	struct bit_test table_test;
	uint64_t table_reserved, leaf_reserved; /* must be zero, else FAULT_RESERVED */
	uint64_t leaf_address;                  /* bits that hold the address of a leaf here */
	uint64_t leaf_bits;                     /* set in a leaf here (x86 PS) */
};

struct radix_encoding {
	uint8_t entry_lg2;     /* bytes of an entry, log2 */
	uint8_t address_shift; /* physical address = (raw & mask) >> address_shift */
	uint64_t present;      /* an entry is valid when all of these are set */
	uint64_t table_bits;   /* set in a new pointer to a table, `present` and A included */
	uint64_t table_address;
	uint64_t accessed, dirty; /* set means accessed, dirty; in tables too if table_accessed */
	uint64_t global;
	uint64_t no_execute; /* reserved while mmu_controls.no_execute is off */
	bool table_accessed; /* the walk sets A in pointers to tables, too */
	struct perm_tests table, leaf;
	struct radix_level_encoding level[PT_LEVELS_MAX];
	/* As pt_ops.describe. */
	unsigned (*describe)(const struct radix_encoding *encoding, unsigned level, uint64_t raw,
			     struct pt_field *fields);
};

static inline uint8_t perm_tests_decode(const struct perm_tests *tests, uint64_t raw)
{
	return (uint8_t)((bit_test_holds(tests->read, raw) ? PERM_READ : 0) |
			 (bit_test_holds(tests->write, raw) ? PERM_WRITE : 0) |
			 (bit_test_holds(tests->exec, raw) ? PERM_EXEC : 0) |
			 (bit_test_holds(tests->user, raw) ? PERM_USER : 0));
}
uint64_t perm_tests_encode(const struct perm_tests *tests, uint64_t raw, uint8_t perms);

/* page_lg2[level]: what an entry of the level covers. PW_INVALID fills *complaint. */
typedef int radix_encoding_fn(struct radix_encoding *encoding, const struct radix_config *config,
			      const uint8_t *page_lg2, struct config_complaint *complaint);
radix_encoding_fn radix_encoding_x86;

/* By config->entry. */
int radix_encoding_init(struct radix_encoding *encoding, const struct radix_config *config,
			const uint8_t *page_lg2, struct config_complaint *complaint);

#endif
