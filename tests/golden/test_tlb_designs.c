/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What designs of TLBs must count on patterns that can be worked out by hand. */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 64 << 20, PAGE = 4096 };

static const va_t base = UINT64_C(0x7f1234400000); /* 2 MiB aligned: page 0 of any set and group */
static struct mmu_rig rig;

static const struct tlb_array_counts *counts(unsigned level)
{
	tlb_settle(&rig.mmu.tlb);
	return &rig.mmu.tlb.level[level].array[0].count;
}

static uint64_t walks(void)
{
	return rig.mmu.counters.walk_leaves;
}

static uint64_t read_page(unsigned page)
{
	uint64_t before = walks();

	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base + (va_t)page * PAGE).fault.kind,
			 FAULT_NONE);
	return walks() - before;
}

static void map_pages(unsigned first, unsigned count)
{
	for (unsigned page = first; page < first + count; page++)
		mmu_rig_map(&rig, base + (va_t)page * PAGE, 12);
}

/* ---- victim TLB ---- */

/* Four sets of one way over a fully associative victim TLB. */
static void set_up_victim(unsigned victims)
{
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 0);
	rig.config.tlb.level[0].array[0].ways = 1;
	mmu_rig_add_tlb(&rig, victims, 1);
	rig.config.tlb.level[1].relation = RELATION_EXCLUSIVE;
	mmu_rig_init(&rig, MEMORY);
	map_pages(0, 16);
}

/*
 * Pages 0 and 4 share a set of one way, so each access to one displaces the other. With a victim
 * TLB of one entry, the first two accesses walk, and each of the other 98 misses the first level,
 * finds its page among the victims, and swaps it with the other.
 */
static void victim_tlb_holds_the_other_of_two(void **state)
{
	(void)state;
	set_up_victim(1);
	for (unsigned i = 0; i < 100; i++)
		read_page(i % 2 * 4);
	assert_int_equal(walks(), 2);
	assert_int_equal(rig.mmu.tlb.level[0].count[SIDE_DATA].misses, 100);
	assert_int_equal(counts(1)->hits, 98);
	assert_int_equal(counts(1)->moved, 98);
	/* One victim an access from the second on; what moved up left room for it. */
	assert_int_equal(counts(1)->fills, 99);
	assert_int_equal(counts(1)->evictions, 0);
	assert_int_equal(counts(1)->demand_fills, 0);
	mmu_rig_release(&rig);
}

/*
 * Three pages of one set in turn: the first level holds one, so two victims are needed. With one
 * entry, LRU drops each page just before it is wanted: all 99 accesses walk. With two: three walk.
 */
static void victim_tlb_of_one_is_too_small_for_three(void **state)
{
	(void)state;
	for (unsigned victims = 1; victims <= 2; victims++) {
		set_up_victim(victims);
		for (unsigned i = 0; i < 99; i++)
			read_page(i % 3 * 4);
		assert_int_equal(walks(), victims == 1 ? 99 : 3);
		mmu_rig_release(&rig);
	}
}

/* ---- coalescing ---- */

static void set_up_coalescing(unsigned entries, unsigned pages)
{
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, entries, 0);
	rig.config.tlb.level[0].array[0].coalesce = pages;
	mmu_rig_init(&rig, MEMORY);
}

/*
 * 64 pages, contiguous in both spaces, with A set: the first access to each aligned group of N
 * brings all of it (N entries lie in one line of 8), so that a sweep walks 64 / N times. As many
 * entries hold everything: a second sweep misses nothing. N = 16 is no better than 8 with entries
 * of 8 bytes in lines of 64; each of its groups then has two entries.
 */
static void coalescing_divides_the_walks_of_a_sweep(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 16; n *= 2) {
		unsigned line = n > 8 ? 8 : n;

		set_up_coalescing(64 / line, n);
		map_pages(0, 64);
		for (unsigned sweep = 0; sweep < 2; sweep++) {
			for (unsigned page = 0; page < 64; page++)
				read_page(page);
			assert_int_equal(walks(), 64 / line);
		}
		assert_int_equal(counts(0)->fills, 64 / line);
		assert_int_equal(counts(0)->coalesced, n > 1 ? 64 / line : 0);
		assert_int_equal(tlb_reach_in_use_bytes(&rig.mmu.tlb, 0, SIDE_DATA), 64 * PAGE);
		mmu_rig_release(&rig);
	}
}

/*
 * A store to page 3 of a clean group of 8 finds D = 0 and walks; the walk sets D there, so that the
 * run around it is page 3 alone, and the entry of all eight goes. Reads of 2 and 4 then walk for
 * the runs 0..2 and 4..7; 0 and 7 are in these. Invalidating 5 drops 4..7 whole.
 */
static void coalesced_pages_part_when_one_is_written(void **state)
{
	(void)state;
	set_up_coalescing(16, 8);
	map_pages(0, 8);
	assert_int_equal(read_page(0), 1);
	assert_int_equal(read_page(7), 0);
	mmu_rig_access(&rig, ACCESS_WRITE, base + 3 * PAGE);
	assert_int_equal(rig.mmu.counters.dirty_walks, 1);
	assert_int_equal(rig.mmu.counters.walk_writes, 1);
	assert_int_equal(counts(0)->invalidations, 1);
	assert_int_equal(read_page(3), 0);
	assert_int_equal(read_page(2), 1);
	assert_int_equal(read_page(0), 0);
	assert_int_equal(read_page(4), 1);
	assert_int_equal(read_page(7), 0);
	assert_int_equal(tlb_reach_in_use_bytes(&rig.mmu.tlb, 0, SIDE_DATA), 8 * PAGE);
	/* The other seven are still clean: a store to one of them walks. */
	mmu_rig_access(&rig, ACCESS_WRITE, base + 7 * PAGE);
	assert_int_equal(rig.mmu.counters.dirty_walks, 2);
	assert_int_equal(read_page(6), 1);
	mmu_invalidate_range(&rig.mmu, 1, base + 5 * PAGE, PAGE);
	assert_int_equal(read_page(4), 1);
	assert_int_equal(read_page(0), 0);
	mmu_rig_release(&rig);
}

/*
 * Page 2 has A clear, page 5 is read-only, page 6 is absent: of the group of 8 the runs are 0..1,
 * 2 (once A is set, 2..4), 3..4, 5, 7. Reading 0, 3, 5, 7 walks four times and brings 1 and 4 too.
 */
static void coalescing_wants_equal_attributes(void **state)
{
	const struct pt_attrs fresh = { .perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER };
	const struct pt_attrs fixed = { .perms = PERM_READ | PERM_EXEC | PERM_USER,
					.accessed = true };
	static const unsigned order[] = { 0, 3, 5, 7, 1, 4 };
	uint64_t sum = 0;

	(void)state;
	set_up_coalescing(16, 8);
	map_pages(0, 2);
	mmu_rig_map_attrs(&rig, base + 2 * PAGE, 12, fresh);
	map_pages(3, 2);
	mmu_rig_map_attrs(&rig, base + 5 * PAGE, 12, fixed);
	map_pages(7, 1);
	for (unsigned i = 0; i < 6; i++)
		sum += read_page(order[i]);
	assert_int_equal(sum, 4);
	assert_int_equal(rig.mmu.counters.walk_writes, 0);
	assert_int_equal(read_page(2), 1);
	assert_int_equal(rig.mmu.counters.walk_writes, 1);
	/* Page 2 has become like 0..1 and 3..4: one entry of all five stands for them. */
	assert_int_equal(tlb_reach_in_use_bytes(&rig.mmu.tlb, 0, SIDE_DATA), 7 * PAGE);
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(victim_tlb_holds_the_other_of_two),
		cmocka_unit_test(victim_tlb_of_one_is_too_small_for_three),
		cmocka_unit_test(coalescing_divides_the_walks_of_a_sweep),
		cmocka_unit_test(coalesced_pages_part_when_one_is_written),
		cmocka_unit_test(coalescing_wants_equal_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
