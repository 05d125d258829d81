/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Entry encodings bit by bit, against raw entries written by hand from the manuals that the heads
 * of mmu/radix_entry_*.c name. x86-64 has its own: test_pt_radix.c and the x86 oracle.
 */

#include "mmu/pt_radix_private.h"
#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BIT(n) (UINT64_C(1) << (n))

static struct mmu_rig rig;

static const struct radix_config x86_32 = { .level_count = 2,
					    .index_bits = { 10, 10 },
					    .leaf_allowed = { true, true },
					    .offset_bits = 12,
					    .pa_bits = 32,
					    .entry = RADIX_ENTRY_X86_32 };
static const struct radix_config pae = { .level_count = 3,
					 .index_bits = { 9, 9, 2 },
					 .leaf_allowed = { true, true },
					 .offset_bits = 12,
					 .pa_bits = 36,
					 .entry = RADIX_ENTRY_X86_PAE };
static const struct radix_config sv32 = { .level_count = 2,
					  .index_bits = { 10, 10 },
					  .leaf_allowed = { true, true },
					  .offset_bits = 12,
					  .pa_bits = 34,
					  .entry = RADIX_ENTRY_RISCV_32 };
static const struct radix_config sv39 = { .level_count = 3,
					  .index_bits = { 9, 9, 9 },
					  .leaf_allowed = { true, true, true },
					  .offset_bits = 12,
					  .pa_bits = 56,
					  .entry = RADIX_ENTRY_RISCV_64 };
static const struct radix_config arm_4k = { .level_count = 4,
					    .index_bits = { 9, 9, 9, 9 },
					    .leaf_allowed = { true, true, true },
					    .offset_bits = 12,
					    .pa_bits = 44,
					    .entry = RADIX_ENTRY_ARMV8 };
static const struct radix_config toy_16 = { .level_count = 2,
					    .index_bits = { 4, 2 },
					    .leaf_allowed = { true },
					    .offset_bits = 6,
					    .pa_bits = 15,
					    .entry = RADIX_ENTRY_TOY_16 };

static void start(const struct radix_config *radix)
{
	mmu_rig_config(&rig);
	rig.config.page_table.radix = *radix;
	mmu_rig_init(&rig, 1 << 20);
}

/* Where the entry of a level for va lies; the tables above it are there. */
static pa_t entry_pa(va_t va, unsigned level)
{
	struct radix_cursor cursor;

	radix_cursor_start(&cursor, rig.space, va & radix_of(&rig.table)->va_mask);
	radix_cursor_descend(&cursor, level);
	assert_int_equal(cursor.level, level);
	return radix_entry_pa(cursor.radix, cursor.table[level], level, cursor.va);
}

static unsigned entry_bytes(void)
{
	return 1U << radix_of(&rig.table)->encoding.entry_lg2;
}

static uint64_t get(va_t va, unsigned level)
{
	return walk_load(phys_mem_at(&rig.mem, entry_pa(va, level)), entry_bytes());
}

static void put(va_t va, unsigned level, uint64_t raw)
{
	memcpy(phys_mem_at(&rig.mem, entry_pa(va, level)), &raw, entry_bytes());
}

static enum fault_kind probe(va_t va, enum access_kind access, enum cpu_mode mode)
{
	rig.mmu.mode = mode;
	return mmu_probe(&rig.mmu, access, va, NULL);
}

/* One load with this entry, which is put back. */
static enum fault_kind load_with(va_t va, unsigned level, uint64_t raw)
{
	pa_t pa = entry_pa(va, level);
	uint64_t old = walk_load(phys_mem_at(&rig.mem, pa), entry_bytes());
	enum fault_kind kind;

	memcpy(phys_mem_at(&rig.mem, pa), &raw, entry_bytes());
	kind = probe(va, ACCESS_READ, MODE_USER);
	memcpy(phys_mem_at(&rig.mem, pa), &old, entry_bytes());
	return kind;
}

/* Of the bits in `looked_at`, exactly those in `reserved` make a load fault when set. */
static void expect_reserved(va_t va, unsigned level, uint64_t looked_at, uint64_t reserved)
{
	uint64_t raw = get(va, level);

	for (unsigned bit = 0; bit < 8 * entry_bytes(); bit++)
		if (looked_at >> bit & 1)
			assert_int_equal(load_with(va, level, raw | BIT(bit)),
					 reserved >> bit & 1 ? FAULT_RESERVED : FAULT_NONE);
}

static void map(va_t va, unsigned lg2, uint8_t perms, bool global, bool accessed, bool dirty)
{
	const struct pt_attrs attrs = { perms, global, accessed, dirty };

	assert_int_equal(mmu_rig_map_attrs(&rig, va, lg2, attrs), PW_OK);
}

/* What the fields of a raw entry say; UINT64_MAX without such a field. */
static uint64_t described(unsigned level, uint64_t raw, const char *name)
{
	struct pt_field fields[PT_FIELDS_MAX];
	unsigned count = rig.table.ops->describe(&rig.table, level, &raw, entry_bytes(), fields);

	for (unsigned i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].value;
	return UINT64_MAX;
}

enum { RWXU = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER };

/* ---- x86, 32-bit paging ---- */

static void radix_entries_x86_32(void **state)
{
	const va_t va = 0x12345000, large = 0x40000000;

	(void)state;
	start(&x86_32);
	map(va, 12, PERM_READ | PERM_USER, false, false, false);
	map(va + 4096, 12, RWXU, true, true, true);
	map(large, 22, PERM_READ | PERM_WRITE | PERM_USER, false, true, false);
	assert_int_equal(get(va, 0), 0x12345005);
	assert_int_equal(get(va + 4096, 0), 0x12346167); /* G D A U W P */
	assert_int_equal(get(va, 1) & 0xfff, 0x27);      /* A U W P, as Linux makes tables */
	assert_int_equal(get(large, 1), 0x400000a7);
	/* No NX: what can be read can be executed. */
	assert_int_equal(probe(va, ACCESS_FETCH, MODE_USER), FAULT_NONE);
	assert_int_equal(probe(va, ACCESS_WRITE, MODE_USER), FAULT_PROTECTION);
	assert_int_equal(load_with(va, 0, 0x12345001), FAULT_PROTECTION); /* U/S clear */
	assert_int_equal(load_with(va, 1, get(va, 1) & ~BIT(2)), FAULT_PROTECTION);
	assert_int_equal(load_with(va, 0, 0x12345004), FAULT_NOT_PRESENT);
	/* A 4 MiB leaf: bits 13 to 21 are reserved, PAT (12) is not. A page has none. */
	expect_reserved(large, 1, BIT(22) - BIT(8), BIT(22) - BIT(13));
	expect_reserved(va, 0, 0xff8, 0);
	assert_int_equal(described(1, 0x400010a7, "PFN"), 0x40000);
	assert_int_equal(described(1, 0x400010a7, "PAT"), 1);
	assert_int_equal(described(0, 0x12346167, "PFN"), 0x12346);
	assert_int_equal(described(0, 0x12346167, "NX"), UINT64_MAX);
	mmu_rig_release(&rig);
}

/* CR4.PSE = 0: bit 7 of a PDE is ignored. */
static void radix_entries_x86_32_without_pse(void **state)
{
	struct radix_config radix = x86_32;

	(void)state;
	radix.leaf_allowed[1] = false;
	start(&radix);
	mmu_rig_map(&rig, 0x400000, 12);
	assert_int_equal(load_with(0x400000, 1, get(0x400000, 1) | BIT(7)), FAULT_NONE);
	assert_int_equal(rig.table.caps.page_sizes, BIT(12));
	mmu_rig_release(&rig);
}

/* ---- x86, PAE ---- */

static void radix_entries_pae(void **state)
{
	const va_t va = 0x80001000, large = 0xc0200000;

	(void)state;
	start(&pae);
	mmu_rig_map(&rig, va, 12);
	mmu_rig_map(&rig, large, 21);
	/* A new PDPTE has P and its address, no W, U or A, and grants all the same. */
	assert_int_equal(get(va, 2) & 0xfff, 1);
	assert_int_equal(probe(va, ACCESS_WRITE, MODE_USER), FAULT_NONE);
	mmu_rig_access(&rig, ACCESS_READ, va);
	assert_int_equal(get(va, 2) & 0xfff, 1);
	expect_reserved(va, 2, ~((BIT(36) - BIT(12)) | 1),
			BIT(1) | BIT(2) | (BIT(9) - BIT(5)) | ~(BIT(36) - 1));
	/* M to 62 in the others (x86-64 ignores 52 to 62); 13 to 20 of a 2 MiB leaf. */
	expect_reserved(va, 1, BIT(63) - BIT(36), BIT(63) - BIT(36));
	expect_reserved(va, 0, BIT(63) - BIT(36), BIT(63) - BIT(36));
	expect_reserved(large, 1, (BIT(63) - BIT(36)) | (BIT(21) - BIT(8)),
			(BIT(63) - BIT(36)) | (BIT(21) - BIT(13)));
	put(va, 0, get(va, 0) | BIT(63));
	assert_int_equal(probe(va, ACCESS_FETCH, MODE_USER), FAULT_PROTECTION);
	assert_int_equal(probe(va, ACCESS_READ, MODE_USER), FAULT_NONE);
	assert_false(rig.table.caps.sign_extended);
	assert_int_equal(described(2, 0x12345001, "PFN"), 0x12345);
	mmu_rig_release(&rig);
}

/* ---- RISC-V ---- */

static void radix_entries_riscv(void **state)
{
	const va_t va = UINT64_C(0x3fc0201000), large = 0x40200000, huge = UINT64_C(0x100000000);
	uint64_t raw;

	(void)state;
	start(&sv39);
	map(va, 12, PERM_READ | PERM_USER, false, false, false);
	map(large, 21, RWXU, true, true, true);
	map(huge, 30, PERM_EXEC | PERM_USER, false, true, false);
	/* PPN at bit 10: the address shifted right by two. */
	assert_true(get(va, 0) == (UINT64_C(0x3fc0201000) >> 2 | 0x13)); /* U R V */
	assert_int_equal(get(va, 1) & 0x3ff, 0x01);                      /* a pointer: V */
	assert_int_equal(get(large, 1), 0x40200000 >> 2 | 0xff);
	/* Execute-only: X without R. */
	assert_true(get(huge, 2) == (huge >> 2 | 0x59));
	assert_int_equal(probe(huge, ACCESS_READ, MODE_USER), FAULT_PROTECTION);
	assert_int_equal(probe(huge, ACCESS_FETCH, MODE_USER), FAULT_NONE);
	assert_int_equal(probe(va, ACCESS_WRITE, MODE_USER), FAULT_PROTECTION);
	/* W without R is reserved, with X or without, and so is a pointer at level 0. */
	raw = get(va, 0);
	assert_int_equal(load_with(va, 0, (raw & ~UINT64_C(0xe)) | 0x4), FAULT_RESERVED);
	assert_int_equal(load_with(va, 0, (raw & ~UINT64_C(0xe)) | 0xc), FAULT_RESERVED);
	assert_int_equal(load_with(va, 0, raw & ~UINT64_C(0xe)), FAULT_RESERVED);
	assert_int_equal(load_with(va, 1, (get(va, 1) & ~UINT64_C(0xe)) | 0x4), FAULT_RESERVED);
	assert_int_equal(load_with(va, 0, raw & ~BIT(0)), FAULT_NOT_PRESENT);
	assert_int_equal(load_with(va, 0, raw & ~BIT(4)), FAULT_PROTECTION);
	/* D, A, U of a pointer; 54 to 63 of all; RSW (8, 9) is software's. G (5) we do not model. */
	expect_reserved(va, 1, BIT(4) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | ~(BIT(54) - 1),
			BIT(4) | BIT(6) | BIT(7) | ~(BIT(54) - 1));
	expect_reserved(va, 0, BIT(8) | BIT(9) | ~(BIT(54) - 1), ~(BIT(54) - 1));
	/* Misaligned superpages: PPN[0] of a 2 MiB leaf, PPN[1..0] of one of 1 GiB. */
	expect_reserved(large, 1, BIT(19) - BIT(8), BIT(19) - BIT(10));
	put(huge, 2, get(huge, 2) | 2);
	expect_reserved(huge, 2, BIT(28) - BIT(8), BIT(28) - BIT(10));
	assert_true(rig.table.caps.sign_extended);
	assert_int_equal(described(0, 0x12345 << 10 | 0x13, "PPN"), 0x12345);
	assert_int_equal(described(0, BIT(63), "N"), 1);
	mmu_rig_release(&rig);
}

static void radix_entries_sv32(void **state)
{
	const va_t va = 0x80001000;

	(void)state;
	start(&sv32);
	map(va, 12, RWXU, false, true, true);
	assert_int_equal(get(va, 0), (0x80001000U >> 2) | 0xdf);
	/* 22 bits of PPN: 34-bit physical addresses in four bytes. */
	put(va, 0, 0xfffffcdf);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, va + 8).fault.kind, FAULT_NONE);
	assert_true(mmu_rig_access(&rig, ACCESS_READ, va + 8).pa == UINT64_C(0x3fffff008));
	assert_int_equal(described(0, 0xfffffcdf, "PPN"), 0x3fffff);
	assert_int_equal(described(0, 0xfffffcdf, "PBMT"), UINT64_MAX);
	mmu_rig_release(&rig);
}

/* Svadu: the walk sets A, and D at a store. Svade: it faults, and software sets them. */
static void radix_entries_riscv_accessed_and_dirty(void **state)
{
	const va_t va = 0x40001000;
	struct radix_config radix = sv39;
	struct translation leaf;

	(void)state;
	start(&radix);
	map(va, 12, RWXU, false, false, false);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, va).fault.kind, FAULT_NONE);
	assert_int_equal(get(va, 0) & 0xff, 0x5f);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_NONE);
	assert_int_equal(get(va, 0) & 0xff, 0xdf);
	mmu_rig_release(&rig);
	radix.accessed = radix.dirty = RADIX_MARK_SOFTWARE;
	start(&radix);
	map(va, 12, RWXU, false, false, false);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, va).fault.kind, FAULT_ACCESSED);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_ACCESSED);
	/* It can still be looked at, and nothing was set. */
	assert_int_equal(pt_lookup(rig.space, va, &leaf), PW_OK);
	assert_false(leaf.accessed);
	assert_int_equal(get(va, 0) & 0xff, 0x1f);
	assert_int_equal(rig.table.ops->mark(rig.space, va, false), PW_OK);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, va).fault.kind, FAULT_NONE);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_DIRTY);
	assert_int_equal(rig.table.ops->mark(rig.space, va, true), PW_OK);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_NONE);
	assert_int_equal(rig.mmu.counters.walk_writes, 0);
	mmu_rig_release(&rig);
}

/* ---- Armv8-A ---- */

static void radix_entries_armv8(void **state)
{
	const va_t va = UINT64_C(0xffff00201000), large = 0x40200000, kernel = 0x7000;

	(void)state;
	start(&arm_4k);
	map(va, 12, PERM_READ | PERM_USER, false, false, false);
	map(va + 4096, 12, RWXU, false, true, true);
	map(kernel, 12, PERM_READ | PERM_EXEC, true, true, false);
	map(large, 21, PERM_READ | PERM_WRITE | PERM_USER, false, true, false);
	/* UXN PXN nG SH=3 AP2 AP1 page valid. */
	assert_true(get(va, 0) == (BIT(54) | BIT(53) | (va & (BIT(40) - 1)) | BIT(11) | 0x300 |
				   BIT(7) | BIT(6) | 3));
	/* PXN DBM nG AF SH AP1, AP2 clear: dirty; bit 55 says so for software. */
	assert_true(get(va + 4096, 0) ==
		    (BIT(55) | BIT(53) | BIT(51) | ((va + 4096) & (BIT(40) - 1)) | BIT(11) |
		     BIT(10) | 0x300 | BIT(6) | 3));
	assert_true(get(kernel, 0) == (BIT(54) | kernel | BIT(10) | 0x300 | BIT(7) | 3));
	assert_int_equal(get(large, 1) & 3, 1); /* a block */
	assert_int_equal(get(va, 1) & 0xfff, 3);
	assert_int_equal(probe(kernel, ACCESS_FETCH, MODE_SUPERVISOR), FAULT_NONE);
	assert_int_equal(probe(kernel, ACCESS_READ, MODE_USER), FAULT_PROTECTION);
	assert_int_equal(probe(va, ACCESS_FETCH, MODE_USER), FAULT_PROTECTION);
	assert_int_equal(probe(va, ACCESS_WRITE, MODE_USER), FAULT_PROTECTION);
	assert_int_equal(probe(va + 4096, ACCESS_FETCH, MODE_USER), FAULT_NONE);
	/* AP[2] = 0 is writable whatever DBM says. */
	put(va, 0, get(va, 0) & ~BIT(7));
	assert_int_equal(probe(va, ACCESS_WRITE, MODE_USER), FAULT_NONE);
	/* t = 0 is a block above level 0, and nothing at level 0. */
	assert_int_equal(load_with(va, 0, get(va, 0) & ~BIT(1)), FAULT_NOT_PRESENT);
	assert_int_equal(load_with(va, 3, get(va, 3) & ~BIT(1)), FAULT_NOT_PRESENT);
	assert_int_equal(load_with(large, 1, get(large, 1) & ~BIT(0)), FAULT_NOT_PRESENT);
	/* Beyond 44 bits of address: an address size fault. Hierarchical bits are ignored. */
	expect_reserved(va, 0, BIT(51) - BIT(44), BIT(48) - BIT(44));
	expect_reserved(va, 2, ~(BIT(44) - 1), BIT(48) - BIT(44));
	assert_false(rig.table.caps.sign_extended);
	assert_int_equal(described(0, BIT(51) | BIT(7) | 3, "DBM"), 1);
	assert_int_equal(described(0, BIT(51) | BIT(7) | 3, "AP2"), 1);
	assert_int_equal(described(1, 0x40200001, "ADDR"), 0x40200);
	assert_int_equal(described(1, BIT(59) | 3, "PXNT"), 1);
	mmu_rig_release(&rig);
}

/* Hardware dirty: a store clears AP[2] of an entry with DBM, and sets AF. */
static void radix_entries_armv8_dirty(void **state)
{
	const va_t va = 0x40001000;
	struct radix_config radix = arm_4k;
	struct translation leaf;

	(void)state;
	start(&radix);
	map(va, 12, RWXU, false, false, false);
	assert_int_equal(get(va, 0) >> 7 & 1, 1);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, va).fault.kind, FAULT_NONE);
	assert_int_equal(get(va, 0) >> 7 & 9, 9); /* AF, AP[2] */
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_NONE);
	assert_int_equal(get(va, 0) >> 7 & 9, 8);
	/* Made read-only, it stays dirty: AP[2] is back and bit 55 keeps it. */
	rig.table.ops->protect(rig.space, va, 4096, PERM_READ | PERM_USER, NULL, NULL);
	assert_int_equal(get(va, 0) >> 7 & 1, 1);
	assert_int_equal(get(va, 0) >> 51 & 0x11, 0x10);
	assert_int_equal(rig.table.ops->harvest(rig.space, va, HARVEST_CLEAR_D, &leaf), PW_OK);
	assert_true(leaf.dirty);
	assert_int_equal(rig.table.ops->harvest(rig.space, va, HARVEST_READ, &leaf), PW_OK);
	assert_false(leaf.dirty);
	mmu_rig_release(&rig);
	/* Armv8.0: neither AF nor dirty state by hardware. */
	radix.accessed = radix.dirty = RADIX_MARK_SOFTWARE;
	start(&radix);
	map(va, 12, RWXU, false, false, false);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_ACCESSED);
	rig.table.ops->mark(rig.space, va, false);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_DIRTY);
	rig.table.ops->mark(rig.space, va, true);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_NONE);
	mmu_rig_release(&rig);
}

/* ---- toys ---- */

/*
 * 12-bit addresses, 64-byte pages, 4 + 16 entries of two bytes: 0xa40 is 10 1001 000000. A table of
 * 16 entries has 32 bytes, so frames count 32 bytes.
 */
static void radix_entries_toy_16(void **state)
{
	struct pt_stats stats;

	(void)state;
	start(&toy_16);
	map(0xa40, 6, PERM_READ | PERM_WRITE | PERM_USER, false, true, false);
	assert_int_equal(get(0xa40, 0), 0xa40 >> 5 << 6 | 0x1b); /* A U W V */
	assert_int_equal(get(0xa40, 1) & 0x3f, 1);
	assert_int_equal((get(0xa40, 1) >> 6 << 5) + 9 * 2, entry_pa(0xa40, 0));
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0xa48).pa, 0xa48);
	expect_reserved(0xa40, 0, BIT(6), BIT(6)); /* half a page */
	expect_reserved(0xa40, 1, 0x3e, 0x3e);
	assert_int_equal(described(0, 0x52 << 6 | 0x1b, "FRAME"), 0x52);
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.table_bytes, 4 * 2 + 16 * 2);
	mmu_rig_release(&rig);
}

static void radix_entries_toy_8_and_32(void **state)
{
	static const struct radix_config flat = { .level_count = 1,
						  .index_bits = { 3 },
						  .leaf_allowed = { true },
						  .offset_bits = 9,
						  .pa_bits = 13,
						  .entry = RADIX_ENTRY_TOY_8 };
	static const struct radix_config wide = { .level_count = 2,
						  .index_bits = { 4, 3 },
						  .leaf_allowed = { true, true },
						  .offset_bits = 5,
						  .pa_bits = 24,
						  .entry = RADIX_ENTRY_TOY_32 };

	(void)state;
	start(&flat);
	map(0xa00, 9, PERM_READ, false, false, true);
	assert_int_equal(get(0xa00, 0), 0x59); /* frame 5, D, V */
	assert_int_equal(probe(0xa00, ACCESS_FETCH, MODE_USER), FAULT_NONE);
	assert_int_equal(probe(0xa00, ACCESS_WRITE, MODE_USER), FAULT_PROTECTION);
	assert_int_equal(described(0, 0x59, "FRAME"), 5);
	mmu_rig_release(&rig);
	start(&wide);
	map(0x400, 9, RWXU, true, false, false);
	map(0x0a0, 5, PERM_READ | PERM_USER, false, true, false);
	assert_int_equal(get(0x400, 1), 0x400 >> 5 << 8 | 0xcf); /* S G U X W V */
	assert_int_equal(get(0x0a0, 0), 0xa0 >> 5 << 8 | 0x19);
	expect_reserved(0x400, 1, BIT(12) - BIT(8), BIT(12) - BIT(8));
	assert_int_equal(described(1, 0x20cf, "S"), 1);
	mmu_rig_release(&rig);
}

/* ---- what an encoding refuses ---- */

static void expect_refused(struct radix_config radix, const char *field, const char *must_be)
{
	struct pt_config config = { .format = "radix", .radix = radix };
	struct config_complaint complaint = { .field = "", .must_be = "" };
	struct page_table pt;

	assert_int_equal(page_table_create(&pt, &config, &rig.table_memory, &host_alloc_libc,
					   &complaint),
			 PW_INVALID);
	assert_string_equal(complaint.field, field);
	if (!strstr(complaint.must_be, must_be))
		fail_msg("%s: %s", field, complaint.must_be);
}

#define REFUSED(from, change, field, must_be)                              \
	do {                                                               \
		struct radix_config radix = (from);                        \
		radix.change;                                              \
		expect_refused(radix, "page_table.radix." field, must_be); \
	} while (0)

static void radix_entries_refuse_what_they_cannot_hold(void **state)
{
	(void)state;
	start(&sv39);
	REFUSED(x86_32, pa_bits = 33, "pa_bits", "32");
	REFUSED(x86_32, offset_bits = 10, "pa_bits", "20 + offset_bits");
	REFUSED(pae, index_bits[2] = 3, "index_bits", "[9, 9, 2]");
	REFUSED(pae, leaf_allowed[2] = true, "leaf_levels", "0 and 1");
	REFUSED(pae, pa_bits = 53, "pa_bits", "52");
	REFUSED(sv39, pa_bits = 57, "pa_bits", "56");
	REFUSED(sv39, offset_bits = 13, "offset_bits", "12");
	REFUSED(sv32, pa_bits = 35, "pa_bits", "34");
	REFUSED(arm_4k, offset_bits = 13, "offset_bits", "12, 14 or 16");
	REFUSED(arm_4k, index_bits[1] = 8, "index_bits", "offset_bits - 3");
	REFUSED(arm_4k, index_bits[3] = 10, "index_bits", "offset_bits - 3");
	REFUSED(arm_4k, leaf_allowed[3] = true, "leaf_levels", "0 and 1");
	REFUSED(arm_4k, pa_bits = 49, "pa_bits", "48");
	REFUSED(toy_16, leaf_allowed[1] = true, "leaf_levels", "[0]");
	REFUSED(toy_16, pa_bits = 16, "pa_bits", "4, 10, 24");
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(radix_entries_x86_32),
		cmocka_unit_test(radix_entries_x86_32_without_pse),
		cmocka_unit_test(radix_entries_pae),
		cmocka_unit_test(radix_entries_riscv),
		cmocka_unit_test(radix_entries_sv32),
		cmocka_unit_test(radix_entries_riscv_accessed_and_dirty),
		cmocka_unit_test(radix_entries_armv8),
		cmocka_unit_test(radix_entries_armv8_dirty),
		cmocka_unit_test(radix_entries_toy_16),
		cmocka_unit_test(radix_entries_toy_8_and_32),
		cmocka_unit_test(radix_entries_refuse_what_they_cannot_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
