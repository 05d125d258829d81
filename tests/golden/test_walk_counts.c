/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Counts that follow from the arithmetic of walks, tables and TLBs, each with its derivation. */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 64 << 20, PAGE = 4096, DRAM = 100, WRITE = 7 };

static const va_t base = UINT64_C(0x7f1234400000); /* 2 MiB aligned, its upper indices not 0 */

/*
 * One entry a level is read, and a walk ends at its leaf: a 4 KiB page has its leaf in the PT
 * (PML4, PDPT, PD, PT: 4), a 2 MiB page in the PD (3), a 1 GiB page in the PDPT (2).
 */
static void walk_reads_one_entry_a_level(void **state)
{
	static const struct {
		unsigned page_lg2;
		uint64_t refs;
	} expected[] = { { 12, 4 }, { 21, 3 }, { 30, 2 } };
	static struct mmu_rig rig;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct mmu_result result;

		mmu_rig_config(&rig);
		mmu_rig_init(&rig, MEMORY);
		mmu_rig_map(&rig, base >> expected[i].page_lg2 << expected[i].page_lg2,
			    expected[i].page_lg2);
		result = mmu_rig_access(&rig, ACCESS_READ, base + 8);
		assert_int_equal(result.fault.kind, FAULT_NONE);
		assert_true(result.pa == ((base + 8) & 0xffffffffff));
		assert_int_equal(rig.mmu.counters.walk_refs, expected[i].refs);
		assert_int_equal(rig.mmu.counters.walk_writes, 0); /* A is set everywhere */
		assert_int_equal(result.cycles, expected[i].refs * DRAM);
		assert_int_equal(rig.ledger.line[CHARGE_WALK_REF], expected[i].refs * DRAM);
		mmu_rig_release(&rig);
	}
}

/* The fifth level is one more entry: 5, 4, 3. */
static void five_levels_read_one_more(void **state)
{
	static struct mmu_rig rig;

	(void)state;
	mmu_rig_config(&rig);
	rig.config.page_table.radix.level_count = 5;
	rig.config.page_table.radix.index_bits[4] = 9;
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, base, 12);
	mmu_rig_map(&rig, (va_t)3 << 39 | 5 << 21, 21);
	mmu_rig_map(&rig, (va_t)9 << 48 | (va_t)2 << 30, 30);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 5);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, (va_t)3 << 39 | 5 << 21), 4);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, (va_t)9 << 48 | (va_t)2 << 30), 3);
	mmu_rig_release(&rig);
}

/*
 * A PML4E covers 512 GiB, a PDPTE 1 GiB, a PDE 2 MiB. After one walk has filled the walk caches,
 * an access elsewhere in the same 512 GiB hits the PML4E cache and reads PDPTE, PDE, PTE (3); in
 * the same 1 GiB it hits the PDPTE cache and reads PDE, PTE (2); in the same 2 MiB it hits the PDE
 * cache and reads the PTE (1). The lookup costs the slowest cache (5), once a walk, also when cold.
 */
static void walk_cache_hits_skip_the_levels_above(void **state)
{
	static struct mmu_rig rig;
	const va_t other_gib = base + ((va_t)1 << 30), other_2mib = base + (2 << 20);

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_walk_cache(&rig, 1, 16, 2);
	mmu_rig_add_walk_cache(&rig, 2, 4, 5);
	mmu_rig_add_walk_cache(&rig, 3, 2, 3);
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, base, 12);
	mmu_rig_map(&rig, base + PAGE, 12);
	mmu_rig_map(&rig, other_2mib, 12);
	mmu_rig_map(&rig, other_gib, 12);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 4);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, other_gib), 3);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, other_2mib), 2);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + PAGE), 1);
	assert_int_equal(rig.mmu.counters.walk_levels_skipped, 0 + 1 + 2 + 3);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_CACHE], 4 * 5);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_REF], (4 + 3 + 2 + 1) * DRAM);
	mmu_invalidate_all(&rig.mmu, false);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 4);
	mmu_rig_release(&rig);
}

/* A 2 MiB leaf below a cached PDPTE is one read (the PDE itself), a 1 GiB leaf below a PML4E too. */
static void walk_cache_hits_with_large_leaves(void **state)
{
	static struct mmu_rig rig;
	const va_t large = base + ((va_t)1 << 30),
		   huge = (base & ~(((va_t)1 << 30) - 1)) + ((va_t)2 << 30);

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_walk_cache(&rig, 1, 16, 1);
	mmu_rig_add_walk_cache(&rig, 2, 4, 1);
	mmu_rig_add_walk_cache(&rig, 3, 2, 1);
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, large, 21);
	mmu_rig_map(&rig, huge, 30);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, large), 3);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, large + PAGE), 1);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, huge), 1);
	mmu_rig_release(&rig);
}

/*
 * First touch of an empty space: the PML4E is absent, one read, charged as faulting. The kernel
 * maps; the second attempt reads all four levels. The leaf was entered with A clear: one write.
 */
static void first_touch_is_a_faulting_walk_and_a_full_one(void **state)
{
	static struct mmu_rig rig;
	struct mmu_result result;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 8, 1);
	mmu_rig_init(&rig, MEMORY);
	result = mmu_rig_access(&rig, ACCESS_READ, base);
	assert_int_equal(result.fault.kind, FAULT_NOT_PRESENT);
	assert_int_equal(result.fault.level, 3);
	assert_true(result.fault.va == base);
	assert_int_equal(result.cycles, 1 + DRAM);
	mmu_rig_map_attrs(&rig, base, 12, (struct pt_attrs){ .perms = PERM_READ | PERM_USER });
	result = mmu_rig_access(&rig, ACCESS_READ, base);
	assert_int_equal(result.fault.kind, FAULT_NONE);
	assert_int_equal(result.cycles, 1 + 4 * DRAM + WRITE);
	assert_int_equal(rig.mmu.walks[ACCESS_READ], 2);
	assert_int_equal(rig.mmu.counters.walk_refs, 1 + 4);
	assert_int_equal(rig.mmu.counters.walk_leaves, 1);
	assert_int_equal(rig.mmu.counters.walk_faults, 1);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_FAULTING], 1 + DRAM);
	assert_int_equal(rig.ledger.line[CHARGE_TLB_LOOKUP], 1);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_REF], 4 * DRAM);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_WRITE], WRITE);
	/* The neighbour's tables exist: its faulting walk reads four entries and ends at the PTE. */
	result = mmu_rig_access(&rig, ACCESS_READ, base + PAGE);
	assert_int_equal(result.fault.level, 0);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_FAULTING], 1 + DRAM + 1 + 4 * DRAM);
	assert_int_equal(ledger_total(&rig.ledger), ledger_part(&rig.ledger, PART_TRANSLATION));
	mmu_rig_release(&rig);
}

/*
 * A load enters the page with D = 0; the first store hits that entry, walks again to set D (four
 * reads, one write) and is no miss; the second store needs no walk.
 */
static void store_to_a_clean_page_walks_again(void **state)
{
	static struct mmu_rig rig;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 8, 1);
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, base, 12);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 4);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_WRITE, base), 4);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_WRITE, base), 0);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 64), 0);
	assert_int_equal(rig.mmu.counters.dirty_walks, 1);
	assert_int_equal(rig.mmu.counters.upgrade_walks, 0);
	assert_int_equal(rig.mmu.counters.walk_writes, 1);
	assert_int_equal(rig.mmu.tlb.level[0].count[SIDE_DATA].misses, 1);
	tlb_settle(&rig.mmu.tlb);
	assert_int_equal(rig.mmu.tlb.level[0].count[SIDE_DATA].hits, 3);
	assert_int_equal(rig.ledger.line[CHARGE_TLB_LOOKUP], 4);
	mmu_rig_release(&rig);
}

static uint64_t sweep_misses(unsigned entries, unsigned pages, unsigned rounds)
{
	static struct mmu_rig rig;
	uint64_t misses;

	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, entries, 0);
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < pages; i++)
		mmu_rig_map(&rig, base + (va_t)i * PAGE, 12);
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < pages; i++)
			mmu_rig_access(&rig, ACCESS_READ, base + (va_t)i * PAGE);
	misses = rig.mmu.tlb.level[0].count[SIDE_DATA].misses;
	assert_int_equal(rig.mmu.lookups[ACCESS_READ], pages * rounds);
	assert_int_equal(rig.mmu.walks[ACCESS_READ], misses);
	mmu_rig_release(&rig);
	return misses;
}

/*
 * LRU displaces the page that comes next in a cycle of N + 1 pages over N entries, so each access
 * misses; N pages miss once each.
 */
static void cyclic_sweep_over_lru(void **state)
{
	(void)state;
	assert_int_equal(sweep_misses(64, 65, 5), 65 * 5);
	assert_int_equal(sweep_misses(64, 64, 5), 64);
	assert_int_equal(sweep_misses(1, 2, 3), 6);
	assert_int_equal(sweep_misses(1, 1, 3), 1);
}

static uint64_t dense_tables(uint64_t bytes)
{
	static struct mmu_rig rig;
	const va_t start = (va_t)1 << 39;
	uint64_t frames;

	mmu_rig_config(&rig);
	mmu_rig_init(&rig, MEMORY);
	for (uint64_t offset = 0; offset < bytes; offset += PAGE)
		mmu_rig_map(&rig, start + offset, 12);
	frames = rig.table_memory.frames_used;
	assert_int_equal(rig.space->mapped, bytes / PAGE);
	assert_int_equal(rig.table.ops->unmap(rig.space, start, bytes, NULL, NULL), PW_OK);
	assert_int_equal(rig.table_memory.frames_used, 1); /* the root stays */
	mmu_rig_release(&rig);
	return frames;
}

/*
 * 1 GiB = 262144 pages = 512 PTs of 512 entries, 1 PD, 1 PDPT, 1 PML4: 515. 4 GiB = 2048 PTs, 4
 * PDs, 1 PDPT, 1 PML4: 2054.
 */
static void dense_footprints_have_that_many_tables(void **state)
{
	(void)state;
	assert_int_equal(dense_tables((uint64_t)1 << 30), 512 + 1 + 1 + 1);
	assert_int_equal(dense_tables((uint64_t)4 << 30), 2048 + 4 + 1 + 1);
}

/* Without a TLB each access walks: four reads each, and each retires by itself. */
static void without_a_tlb_every_access_walks(void **state)
{
	static struct mmu_rig rig;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_want(&rig, (uint64_t)1 << EVENT_TLB_RETIRE);
	mmu_rig_map(&rig, base, 12);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + i * 8), 4);
	assert_int_equal(rig.mmu.walks[ACCESS_READ], 10);
	assert_int_equal(mmu_rig_count(&rig, EVENT_TLB_RETIRE), 10);
	assert_true(rig.event[0].va == base && rig.event[0].value == 1);
	mmu_rig_release(&rig);
}

/*
 * The same walk through a data cache of 64-byte lines with latency 4 in front of DRAM: four lines
 * missed (4 x 100), then the neighbouring page's: the upper three entries are the same, and its
 * PTE lies in the same line as the first one's: 4 x 4.
 */
static void walks_hit_the_data_caches(void **state)
{
	static struct mmu_rig rig;
	struct port_level_config *l1;

	(void)state;
	mmu_rig_config(&rig);
	rig.config.port.level_count = 1;
	l1 = &rig.config.port.level[0];
	strcpy(l1->name, "l1d");
	l1->size_bytes = 32 << 10;
	l1->ways = 8;
	l1->line_bytes = 64;
	l1->latency = 4;
	l1->replacement = REPLACE_LRU;
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, base, 12);
	mmu_rig_map(&rig, base + PAGE, 12);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base).cycles, 4 * DRAM);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base + PAGE).cycles, 4 * 4);
	mmu_rig_release(&rig);
}

/*
 * The hashed table reads the anchor and then the chain: 2 for the first node, 3 for the second; an
 * absent page in an empty bucket costs 1, behind a chain of two 3.
 */
static void hashed_walks_read_anchor_and_chain(void **state)
{
	static struct mmu_rig rig;

	(void)state;
	mmu_rig_config(&rig);
	strcpy(rig.config.page_table.format, "hashed");
	rig.config.page_table.hashed.buckets = 1;
	rig.config.page_table.hashed.max_load = 0;
	mmu_rig_init(&rig, MEMORY);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 1);
	mmu_rig_map(&rig, base, 12);
	mmu_rig_map(&rig, base + PAGE, 12);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 2);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + PAGE), 3);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 2 * PAGE), 3);
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walk_reads_one_entry_a_level),
		cmocka_unit_test(five_levels_read_one_more),
		cmocka_unit_test(walk_cache_hits_skip_the_levels_above),
		cmocka_unit_test(walk_cache_hits_with_large_leaves),
		cmocka_unit_test(first_touch_is_a_faulting_walk_and_a_full_one),
		cmocka_unit_test(store_to_a_clean_page_walks_again),
		cmocka_unit_test(cyclic_sweep_over_lru),
		cmocka_unit_test(dense_footprints_have_that_many_tables),
		cmocka_unit_test(without_a_tlb_every_access_walks),
		cmocka_unit_test(walks_hit_the_data_caches),
		cmocka_unit_test(hashed_walks_read_anchor_and_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
