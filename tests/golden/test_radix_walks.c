/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * References of a cold walk and tables of a dense footprint for each radix geometry, each with its
 * derivation. A walk reads one entry a level; a leaf at level n saves n of them.
 */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 64 << 20, SIZES_MAX = 5 };

#define RADIX(levels_, index_, leaf_, offset_, pa_, entry_) \
	.radix = { .level_count = (levels_),                \
		   .index_bits = index_,                    \
		   .leaf_allowed = leaf_,                   \
		   .offset_bits = (offset_),                \
		   .pa_bits = (pa_),                        \
		   .entry = (entry_) }
#define LIST(...)           \
	{                   \
		__VA_ARGS__ \
	}

struct machine {
	const char *name;
	struct radix_config radix;
	struct {
		unsigned page_lg2, refs;
	} page[SIZES_MAX]; /* ends with 0 */
	struct {
		va_t va;
		unsigned pages; /* base pages in a row, from va */
		uint64_t tables[PT_LEVELS_MAX], bytes;
	} dense;
};

static const struct machine machines[] = {
	/* 2^20 entries x 4 B: one reference, one table of 4 MiB, whatever is mapped. */
	{ .name = "flat32",
	  RADIX(1, LIST(20), LIST(1), 12, 32, RADIX_ENTRY_X86_32),
	  .page = { { 12, 1 } },
	  .dense = { 0x400000, 4096, { 1 }, 4 << 20 } },
	/* PDE, PTE; a 4 MiB page ends at the PDE. 16 MiB: 4 tables of 1024 x 4 B and the root. */
	{ .name = "10/10/12",
	  RADIX(2, LIST(10, 10), LIST(1, 1), 12, 32, RADIX_ENTRY_X86_32),
	  .page = { { 12, 2 }, { 22, 1 } },
	  .dense = { 0x400000, 4096, { 4, 1 }, 5 * 4096 } },
	/* 4096 pages of 1 KiB are 4 tables of 1024 x 4 B; the first level has 4096 x 4 B = 16 KiB. */
	{ .name = "12/10/10",
	  RADIX(2, LIST(10, 12), LIST(1, 1), 10, 30, RADIX_ENTRY_X86_32),
	  .page = { { 10, 2 }, { 20, 1 } },
	  .dense = { 0x400000, 4096, { 4, 1 }, 4 * 4096 + 16384 } },
	/* PDPTE, PDE, PTE. 16 MiB: 8 tables of 512 x 8 B, one directory, 4 PDPTEs x 8 B = 32 B. */
	{ .name = "PAE",
	  RADIX(3, LIST(9, 9, 2), LIST(1, 1), 12, 36, RADIX_ENTRY_X86_PAE),
	  .page = { { 12, 3 }, { 21, 2 } },
	  .dense = { 0x40000000, 4096, { 8, 1, 1 }, 9 * 4096 + 32 } },
	/* 16 MiB: 8 PTs and one table of each level above. */
	{ .name = "x86-64, 4 levels",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 1, 1), 12, 46, RADIX_ENTRY_X86_64),
	  .page = { { 12, 4 }, { 21, 3 }, { 30, 2 } },
	  .dense = { 0x40000000, 4096, { 8, 1, 1, 1 }, 11 * 4096 } },
	{ .name = "x86-64, 5 levels",
	  RADIX(5, LIST(9, 9, 9, 9, 9), LIST(1, 1, 1), 12, 46, RADIX_ENTRY_X86_64),
	  .page = { { 12, 5 }, { 21, 4 }, { 30, 3 } },
	  .dense = { 0x40000000, 4096, { 8, 1, 1, 1, 1 }, 12 * 4096 } },
	{ .name = "Sv32",
	  RADIX(2, LIST(10, 10), LIST(1, 1), 12, 34, RADIX_ENTRY_RISCV_32),
	  .page = { { 12, 2 }, { 22, 1 } },
	  .dense = { 0x400000, 4096, { 4, 1 }, 5 * 4096 } },
	{ .name = "Sv39",
	  RADIX(3, LIST(9, 9, 9), LIST(1, 1, 1), 12, 56, RADIX_ENTRY_RISCV_64),
	  .page = { { 12, 3 }, { 21, 2 }, { 30, 1 } },
	  .dense = { 0x40000000, 4096, { 8, 1, 1 }, 10 * 4096 } },
	/* RISC-V has leaves at each level: terapages of 512 GiB take one reference in Sv48. */
	{ .name = "Sv48",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 1, 1, 1), 12, 56, RADIX_ENTRY_RISCV_64),
	  .page = { { 12, 4 }, { 21, 3 }, { 30, 2 }, { 39, 1 } },
	  .dense = { 0x40000000, 4096, { 8, 1, 1, 1 }, 11 * 4096 } },
	{ .name = "Sv57",
	  RADIX(5, LIST(9, 9, 9, 9, 9), LIST(1, 1, 1, 1), 12, 56, RADIX_ENTRY_RISCV_64),
	  .page = { { 12, 5 }, { 21, 4 }, { 30, 3 }, { 39, 2 } },
	  .dense = { 0x40000000, 4096, { 8, 1, 1, 1, 1 }, 12 * 4096 } },
	{ .name = "Armv8, 4 KiB granule",
	  RADIX(4, LIST(9, 9, 9, 9), LIST(1, 1, 1), 12, 48, RADIX_ENTRY_ARMV8),
	  .page = { { 12, 4 }, { 21, 3 }, { 30, 2 } },
	  .dense = { 0x40000000, 4096, { 8, 1, 1, 1 }, 11 * 4096 } },
	/* 2048 entries x 8 B = 16 KiB a table; 4096 pages of 16 KiB are 2. The first level has two
	 * entries: 16 bytes. */
	{ .name = "Armv8, 16 KiB granule",
	  RADIX(4, LIST(11, 11, 11, 1), LIST(1, 1), 14, 48, RADIX_ENTRY_ARMV8),
	  .page = { { 14, 4 }, { 25, 3 } },
	  .dense = { 0x40000000, 4096, { 2, 1, 1, 1 }, 4 * 16384 + 16 } },
	/* 8192 x 8 B = 64 KiB; 4096 pages of 64 KiB are half a table. First level: 64 x 8 B. */
	{ .name = "Armv8, 64 KiB granule",
	  RADIX(3, LIST(13, 13, 6), LIST(1, 1), 16, 48, RADIX_ENTRY_ARMV8),
	  .page = { { 16, 3 }, { 29, 2 } },
	  .dense = { 0x40000000, 4096, { 1, 1, 1 }, 2 * 65536 + 512 } },
	/*
	 * 8K, 64K, 512K, 4M in levels of three bits: 5, 4, 3, 2 references. A small table has 8 x 8 B,
	 * a large one 2048 x 8 B. 4096 pages of 8 KiB (32 MiB) are 512 + 64 + 8 small tables, 1 of
	 * level 3 and the root.
	 */
	{ .name = "8 KiB pages with 64K, 512K and 4M",
	  RADIX(5, LIST(3, 3, 3, 11, 11), LIST(1, 1, 1, 1), 13, 41, RADIX_ENTRY_TOY_64),
	  .page = { { 13, 5 }, { 16, 4 }, { 19, 3 }, { 22, 2 } },
	  .dense = { 0x40000000, 4096, { 512, 64, 8, 1, 1 }, (512 + 64 + 8) * 64 + 2 * 16384 } },
	/* Lecture: 64 flat entries against 48 inner and 4 outer ones, with three quarters mapped. */
	{ .name = "12 bits, 64-byte pages, flat",
	  RADIX(1, LIST(6), LIST(1), 6, 16, RADIX_ENTRY_TOY_16),
	  .page = { { 6, 1 } },
	  .dense = { 0, 48, { 1 }, 64 * 2 } },
	{ .name = "12 bits, 64-byte pages, 4 + 16",
	  RADIX(2, LIST(4, 2), LIST(1), 6, 15, RADIX_ENTRY_TOY_16),
	  .page = { { 6, 2 } },
	  .dense = { 0, 48, { 3, 1 }, 48 * 2 + 4 * 2 } },
	{ .name = "12 bits, 512-byte pages, flat",
	  RADIX(1, LIST(3), LIST(1), 9, 13, RADIX_ENTRY_TOY_8),
	  .page = { { 9, 1 } },
	  .dense = { 0, 8, { 1 }, 8 } },
	{ .name = "12 bits, 512-byte pages, 2 + 4",
	  RADIX(2, LIST(2, 1), LIST(1), 9, 28, RADIX_ENTRY_TOY_32),
	  .page = { { 9, 2 } },
	  .dense = { 0, 8, { 2, 1 }, 2 * 4 * 4 + 2 * 4 } },
	/* 128 pages: 8 tables of 16 x 4 B, 8 outer entries; a 512-byte page is a leaf of the outer. */
	{ .name = "12 bits, 32-byte pages, 8 + 16",
	  RADIX(2, LIST(4, 3), LIST(1, 1), 5, 28, RADIX_ENTRY_TOY_32),
	  .page = { { 5, 2 }, { 9, 1 } },
	  .dense = { 0, 128, { 8, 1 }, 8 * 16 * 4 + 8 * 4 } },
};
enum { MACHINES = sizeof(machines) / sizeof(machines[0]) };

static struct mmu_rig rig;

static void start(const struct machine *m)
{
	mmu_rig_config(&rig);
	rig.config.page_table.radix = m->radix;
	mmu_rig_init(&rig, MEMORY);
}

/* Maps one page of the size at an address whose bits are mixed, to physical 0. */
static void expect_refs(const struct machine *m, unsigned page_lg2, unsigned refs)
{
	const va_t va = (UINT64_C(0x123456789abcdef0) &
			 ((UINT64_C(1) << (rig.table.caps.va_bits - 1)) - 1)) >>
			page_lg2 << page_lg2;
	const struct pt_mapping page = {
		.va = va,
		.page_lg2 = (uint8_t)page_lg2,
		.attrs = { .perms = PERM_READ | PERM_WRITE | PERM_USER, .accessed = true },
	};

	assert_int_equal(rig.table.ops->map(rig.space, &page, NULL), PW_OK);
	if (mmu_rig_refs(&rig, ACCESS_READ, va) != refs)
		fail_msg("%s, 2^%u bytes: not %u references", m->name, page_lg2, refs);
	assert_int_equal(rig.table.ops->unmap(rig.space, va, UINT64_C(1) << page_lg2, NULL, NULL),
			 PW_OK);
}

static void walks_read_one_entry_a_level_in_each_geometry(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MACHINES; i++) {
		const struct machine *m = &machines[i];

		start(m);
		for (unsigned k = 0; k < SIZES_MAX && m->page[k].page_lg2; k++)
			expect_refs(m, m->page[k].page_lg2, m->page[k].refs);
		mmu_rig_release(&rig);
	}
}

static void dense_footprints_have_that_many_tables(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MACHINES; i++) {
		const struct machine *m = &machines[i];
		struct pt_mapping page = { .page_lg2 = (uint8_t)m->radix.offset_bits,
					   .attrs = { .perms = PERM_READ | PERM_USER } };
		struct pt_stats stats;

		start(m);
		for (unsigned k = 0; k < m->dense.pages; k++) {
			page.va = m->dense.va + ((va_t)k << page.page_lg2);
			assert_int_equal(rig.table.ops->map(rig.space, &page, NULL), PW_OK);
		}
		rig.table.ops->stats(&rig.table, &stats);
		for (unsigned k = 0; k < PT_LEVELS_MAX; k++)
			if (stats.tables[k] != m->dense.tables[k])
				fail_msg("%s: %llu tables of level %u", m->name,
					 (unsigned long long)stats.tables[k], k);
		if (stats.table_bytes != m->dense.bytes)
			fail_msg("%s: %llu bytes of tables", m->name,
				 (unsigned long long)stats.table_bytes);
		mmu_rig_release(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_read_one_entry_a_level_in_each_geometry),
		cmocka_unit_test(dense_footprints_have_that_many_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
