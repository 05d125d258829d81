/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_CONFORM_RADIX_GEOMETRIES_H
#define PAGEWALK_TESTS_CONFORM_RADIX_GEOMETRIES_H

/* The radix geometries that tests/conform/test_page_tables.c runs: each shipped one, and odd ones. */

#include "mmu/config.h"

struct geometry {
	const char *name, *format;
	struct radix_config radix;
	struct hashed_config hashed; /* of any hashed format */
	struct inverted_config inverted;
	struct cuckoo_config cuckoo;
	struct linear_config linear;
	unsigned memory_mib; /* 0: the test's usual */
	unsigned full_check_every;
	unsigned fewer; /* divides the number of operations, where each is slow; 0: all */
	uint8_t always; /* permissions that an entry cannot withhold, besides PERM_READ */
	bool no_global;
	bool packed; /* tables smaller than a frame share one */
};

#define RADIX(levels_, index_, leaf_, offset_, pa_, ...)        \
	.format = "radix", .radix = { .level_count = (levels_), \
				      .index_bits = index_,     \
				      .leaf_allowed = leaf_,    \
				      .offset_bits = (offset_), \
				      .pa_bits = (pa_),         \
				      __VA_ARGS__ }
#define LIST(...)           \
	{                   \
		__VA_ARGS__ \
	}
#define SOFTWARE .accessed = RADIX_MARK_SOFTWARE, .dirty = RADIX_MARK_SOFTWARE

static const struct geometry radix_geometries[] = {
	{ .name = "x86-64, 4 levels",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 1, 1), 12, 46, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 256 },
	{ .name = "x86-64, 5 levels",
	  RADIX(5, LIST(9, 9, 9, 9, 9), LIST(1, 1, 1), 12, 52, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 256 },
	{ .name = "x86-64, A and D by software",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 1), 12, 46, .entry = RADIX_ENTRY_X86_64, SOFTWARE),
	  .full_check_every = 256 },
	{ .name = "10/10/12 with entries of 8 bytes",
	  RADIX(2, LIST(10, 10), LIST(1, 1), 12, 40, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 256 },
	{ .name = "4 KiB and 1 GiB only",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 0, 1), 12, 46, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 256 },
	{ .name = "leaves at the root, too",
	  RADIX(3, LIST(9, 9, 9), LIST(1, 1, 1), 12, 46, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 256 },
	{ .name = "one flat table",
	  RADIX(1, LIST(13), LIST(1), 12, 40, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 256 },
	{ .name = "uneven, 16 KiB pages",
	  RADIX(5, LIST(11, 5, 3, 1, 2), LIST(1, 0, 1, 0, 1), 14, 48, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 256,
	  .packed = true },
	{ .name = "eight levels of one bit",
	  RADIX(8, LIST(1, 1, 1, 1, 1, 1, 1, 1), LIST(1, 1, 1, 1, 1, 1, 1, 1), 12, 40,
		.entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 4,
	  .packed = true },
	{ .name = "12 bits, 64-byte pages, x86-64 entries",
	  RADIX(2, LIST(3, 3), LIST(1, 1), 6, 30, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 4,
	  .packed = true },
	{ .name = "12 bits, 16-byte pages, 4 levels",
	  RADIX(4, LIST(2, 2, 2, 2), LIST(1, 1, 1, 1), 4, 32, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 4,
	  .packed = true },
	{ .name = "8 KiB pages with 64K, 512K and 4M",
	  RADIX(5, LIST(3, 3, 3, 11, 11), LIST(1, 1, 1, 1), 13, 41, .entry = RADIX_ENTRY_X86_64),
	  .full_check_every = 256,
	  .packed = true },
	{ .name = "8 KiB pages with 64K, 512K and 4M, small tables",
	  RADIX(5, LIST(3, 3, 3, 11, 11), LIST(1, 1, 1, 1), 13, 41, .entry = RADIX_ENTRY_TOY_64),
	  .full_check_every = 256,
	  .packed = true },
	{ .name = "flat32",
	  RADIX(1, LIST(20), LIST(1), 12, 32, .entry = RADIX_ENTRY_X86_32),
	  .full_check_every = 16384,
	  .fewer = 16,
	  .always = PERM_EXEC },
	{ .name = "10/10/12",
	  RADIX(2, LIST(10, 10), LIST(1, 1), 12, 32, .entry = RADIX_ENTRY_X86_32),
	  .full_check_every = 256,
	  .always = PERM_EXEC },
	{ .name = "10/10/12 without 4 MiB pages",
	  RADIX(2, LIST(10, 10), LIST(1, 0), 12, 32, .entry = RADIX_ENTRY_X86_32),
	  .full_check_every = 256,
	  .always = PERM_EXEC },
	{ .name = "12/10/10",
	  RADIX(2, LIST(10, 12), LIST(1, 1), 10, 30, .entry = RADIX_ENTRY_X86_32),
	  .full_check_every = 256,
	  .always = PERM_EXEC },
	{ .name = "PAE",
	  RADIX(3, LIST(9, 9, 2), LIST(1, 1), 12, 36, .entry = RADIX_ENTRY_X86_PAE),
	  .full_check_every = 256,
	  .packed = true },
	{ .name = "Sv32",
	  RADIX(2, LIST(10, 10), LIST(1, 1), 12, 34, .entry = RADIX_ENTRY_RISCV_32),
	  .full_check_every = 256 },
	{ .name = "Sv39",
	  RADIX(3, LIST(9, 9, 9), LIST(1, 1, 1), 12, 56, .entry = RADIX_ENTRY_RISCV_64),
	  .full_check_every = 256 },
	{ .name = "Sv39 with Svade",
	  RADIX(3, LIST(9, 9, 9), LIST(1, 1, 1), 12, 56, .entry = RADIX_ENTRY_RISCV_64, SOFTWARE),
	  .full_check_every = 256 },
	{ .name = "Sv48",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 1, 1, 1), 12, 50, .entry = RADIX_ENTRY_RISCV_64),
	  .full_check_every = 256 },
	{ .name = "Sv57",
	  RADIX(5, LIST(9, 9, 9, 9, 9), LIST(1, 1, 1), 12, 56, .entry = RADIX_ENTRY_RISCV_64),
	  .full_check_every = 256 },
	{ .name = "Armv8, 4 KiB granule",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 1, 1), 12, 48, .entry = RADIX_ENTRY_ARMV8),
	  .full_check_every = 256 },
	{ .name = "Armv8, 4 KiB granule, AF and dirty by software",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 1, 1), 12, 44, .entry = RADIX_ENTRY_ARMV8, SOFTWARE),
	  .full_check_every = 256 },
	{ .name = "Armv8, 16 KiB granule",
	  RADIX(4, LIST(11, 11, 11, 1), LIST(1, 1), 14, 48, .entry = RADIX_ENTRY_ARMV8),
	  .full_check_every = 1024,
	  .packed = true },
	{ .name = "Armv8, 64 KiB granule",
	  RADIX(3, LIST(13, 13, 6), LIST(1, 1), 16, 48, .entry = RADIX_ENTRY_ARMV8),
	  .full_check_every = 4096,
	  .packed = true },
	{ .name = "12 bits, 512-byte pages, one byte an entry",
	  RADIX(1, LIST(3), LIST(1), 9, 13, .entry = RADIX_ENTRY_TOY_8),
	  .full_check_every = 4,
	  .always = PERM_EXEC | PERM_USER,
	  .no_global = true,
	  .packed = true },
	{ .name = "12 bits, 64-byte pages, 4 + 16 entries of two bytes",
	  RADIX(2, LIST(4, 2), LIST(1), 6, 15, .entry = RADIX_ENTRY_TOY_16),
	  .full_check_every = 4,
	  .no_global = true,
	  .packed = true },
	{ .name = "12 bits, 64-byte pages, flat",
	  RADIX(1, LIST(6), LIST(1), 6, 16, .entry = RADIX_ENTRY_TOY_16),
	  .full_check_every = 4,
	  .no_global = true,
	  .packed = true },
	{ .name = "12 bits, 32-byte pages, four bytes an entry",
	  RADIX(2, LIST(4, 3), LIST(1, 1), 5, 29, .entry = RADIX_ENTRY_TOY_32),
	  .full_check_every = 4,
	  .packed = true },
};

enum { RADIX_GEOMETRIES = sizeof(radix_geometries) / sizeof(radix_geometries[0]) };

#endif
