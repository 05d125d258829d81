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

/* ---- prefetching ---- */

/* A TLB of 4 entries, of which no page below is ever used twice, so that each new page is a miss. */
static void set_up_prefetch(enum prefetch_kind kind, unsigned degree, unsigned buffer,
			    unsigned pages)
{
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 0);
	rig.config.prefetch = (struct prefetch_config){ kind, degree, 8, buffer };
	mmu_rig_init(&rig, MEMORY);
	map_pages(0, pages);
}

static void expect_prefetches(uint64_t walked, uint64_t fills, uint64_t useful, uint64_t useless)
{
	const struct prefetch_counts count = prefetch_totals(&rig.mmu);

	assert_int_equal(count.walks, walked);
	assert_int_equal(count.refs, 4 * walked); /* all end at the leaf level, none is cached */
	assert_int_equal(count.fills, fills);
	assert_int_equal(count.useful, useful);
	assert_int_equal(count.useless, useless);
}

/*
 * Next page, into a buffer: page 0 is walked for, and each of the other 99 was prefetched when the
 * one before was missed: one demand walk of 4 references at 100 cycles. 100 prefetch walks, the
 * last of which finds page 100 absent.
 */
static void next_page_prefetch_leaves_one_walk_of_a_sweep(void **state)
{
	cycles_t cycles = 0;

	(void)state;
	set_up_prefetch(PREFETCH_NEXT_PAGE, 1, 16, 100);
	for (unsigned page = 0; page < 100; page++) {
		struct mmu_result result =
			mmu_rig_access(&rig, ACCESS_READ, base + (va_t)page * PAGE);

		assert_true(result.pa == ((base + (va_t)page * PAGE) & 0xffffffffff));
		cycles += result.cycles;
	}
	assert_int_equal(walks(), 1);
	assert_int_equal(cycles, 400);
	assert_int_equal(ledger_total(&rig.ledger), 400);
	assert_int_equal(rig.mmu.counters.walk_refs, 4);
	assert_int_equal(rig.mmu.counters.walk_faults, 0);
	expect_prefetches(100, 99, 99, 0);
	mmu_rig_release(&rig);
}

/*
 * Into the TLB itself: what was prefetched hits, and a hit suggests nothing. Of every 1 + d pages
 * the first is walked for: 60 / (1 + d) demand walks, and d prefetch walks after each.
 */
static void next_page_prefetch_into_the_tlb_divides_the_walks(void **state)
{
	(void)state;
	for (unsigned degree = 1; degree <= 3; degree++) {
		unsigned demand = 60 / (1 + degree);

		set_up_prefetch(PREFETCH_NEXT_PAGE, degree, 0, 60);
		for (unsigned page = 0; page < 60; page++)
			read_page(page);
		assert_int_equal(walks(), demand);
		expect_prefetches(demand * degree, demand * degree, demand * degree, 0);
		mmu_rig_release(&rig);
	}
}

/*
 * Every third page: 0 begins a stream, 3 gives it a distance, 6 confirms it and prefetches 9; from
 * then on each miss finds its page in the buffer. Three demand walks, whatever the length.
 */
static void stride_prefetch_needs_three_misses(void **state)
{
	(void)state;
	set_up_prefetch(PREFETCH_STRIDE, 1, 4, 90);
	for (unsigned page = 0; page < 90; page += 3)
		read_page(page);
	assert_int_equal(walks(), 3);
	/* 9, 12 ... 87, and 90, which is absent. */
	expect_prefetches(28, 27, 27, 0);
	mmu_rig_release(&rig);
}

/*
 * Distances 1, 2, 1, 2 ...: pages 0 1 3 4 6 7 9 10 ... Nothing is known until 4, the second time
 * that the distance is 1: 2 followed it the first time, so 6 is prefetched; then 7, and so on. Four
 * demand walks. A stride predictor sees no two equal distances in a row and never prefetches.
 */
static void distance_prefetch_learns_a_pattern(void **state)
{
	(void)state;
	for (unsigned kind = PREFETCH_STRIDE; kind <= PREFETCH_DISTANCE; kind++) {
		unsigned page = 0;

		set_up_prefetch(kind, 1, 4, 90);
		for (unsigned i = 0; i < 60; i++, page += i % 2 ? 1 : 2)
			read_page(page);
		assert_int_equal(page, 90);
		assert_int_equal(walks(), kind == PREFETCH_DISTANCE ? 4 : 60);
		if (kind == PREFETCH_DISTANCE)
			expect_prefetches(57, 56, 56, 0); /* 6, 7 ... 88, and 90, absent */
		else
			expect_prefetches(0, 0, 0, 0);
		mmu_rig_release(&rig);
	}
}

/*
 * Page 1 has A clear: prefetching it would have to set A, so it is not, and its own access walks.
 * A store finds the clean page 3 in the buffer, which does not allow it, and walks to set D. An
 * invalidation reaches the buffer. Nothing prefetched has changed a table.
 */
static void prefetch_changes_no_bit(void **state)
{
	const struct pt_attrs fresh = { .perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER };

	(void)state;
	set_up_prefetch(PREFETCH_NEXT_PAGE, 1, 4, 1);
	mmu_rig_map_attrs(&rig, base + PAGE, 12, fresh);
	map_pages(2, 8);
	assert_int_equal(read_page(0), 1);
	assert_int_equal(rig.mmu.counters.walk_writes, 0);
	expect_prefetches(1, 0, 0, 0);
	assert_int_equal(read_page(1), 1);
	assert_int_equal(rig.mmu.counters.walk_writes, 1);
	assert_int_equal(read_page(2), 0);
	mmu_rig_access(&rig, ACCESS_WRITE, base + 3 * PAGE);
	assert_int_equal(walks(), 3);
	assert_int_equal(rig.mmu.counters.walk_writes, 2);
	expect_prefetches(4, 3, 1, 1); /* 1 (in vain), 2, 3, 4 */
	mmu_invalidate_range(&rig.mmu, 1, base + 4 * PAGE, PAGE);
	expect_prefetches(4, 3, 1, 2);
	assert_int_equal(read_page(4), 1);
	mmu_rig_release(&rig);
}

/* ---- ranges ---- */

/*
 * A direct segment over pages 0..63 beside a first level of 4 entries: 64 pages are read and
 * written without a miss, a walk or a cycle. Page 64 lies outside and walks. Cut off below page 40,
 * the segment still holds 0..39, and 40 walks. A space without one walks for all.
 */
static void direct_segment_never_misses(void **state)
{
	const uint8_t all = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER;
	struct tlb_array_config *segment;
	struct pt_space *other;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 0);
	segment = &rig.config.tlb.level[0].array[rig.config.tlb.level[0].array_count++];
	*segment = (struct tlb_array_config){ .name = "segment",
					      .side = SIDE_DATA,
					      .page_lg2 = { 12 },
					      .page_size_count = 1,
					      .entries = 1,
					      .kind = TLB_SEGMENT };
	mmu_rig_init(&rig, MEMORY);
	map_pages(0, 65);
	rig.space->segment = (struct translation){ .va = base,
						   .pa = base & 0xffffffffff,
						   .bytes = 64 * PAGE,
						   .page_lg2 = 12,
						   .perms = all,
						   .accessed = true,
						   .dirty = true };
	mmu_load_segment(&rig.mmu);
	for (unsigned page = 0; page < 64; page++) {
		va_t va = base + (va_t)page * PAGE + 8;

		assert_true(mmu_rig_access(&rig, ACCESS_READ, va).pa == (va & 0xffffffffff));
		assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).cycles, 0);
	}
	assert_int_equal(walks(), 0);
	assert_int_equal(rig.mmu.tlb.level[0].count[SIDE_DATA].misses, 0);
	tlb_settle(&rig.mmu.tlb);
	assert_int_equal(rig.mmu.tlb.level[0].array[1].count.hits, 128);
	assert_int_equal(ledger_total(&rig.ledger), 0);
	assert_int_equal(read_page(64), 1);
	rig.space->segment.bytes = 40 * PAGE;
	mmu_load_segment(&rig.mmu);
	mmu_invalidate_range(&rig.mmu, 1, base + 40 * PAGE, PAGE);
	assert_int_equal(read_page(39), 0);
	assert_int_equal(read_page(40), 1);
	/* An invalidation of all that is cached does not reach registers. */
	mmu_invalidate_all(&rig.mmu, false);
	assert_int_equal(read_page(0), 0);
	assert_int_equal(pt_space_create(&rig.table, 2, &other), PW_OK);
	mmu_switch(&rig.mmu, other);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base).fault.kind, FAULT_NOT_PRESENT);
	mmu_switch(&rig.mmu, rig.space);
	assert_int_equal(read_page(0), 0);
	pt_space_destroy(other);
	mmu_rig_release(&rig);
}

static struct translation range_of(unsigned first, unsigned pages)
{
	return (struct translation){ .va = base + (va_t)first * PAGE,
				     .pa = (base & 0xffffffffff) + (va_t)first * PAGE,
				     .bytes = (uint64_t)pages * PAGE,
				     .page_lg2 = 12,
				     .perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER,
				     .accessed = true,
				     .dirty = true };
}

/*
 * 512 pages in one range, 4 entries over 8: page 0 misses both levels and walks; beside the walk
 * one entry of the range table is read, and the range enters the range TLB. Each of the other 511
 * pages misses the first level and hits the range TLB at 7 cycles; none walks. Page 100 taken out,
 * the range is invalidated: page 1 walks (page 0 is in the second level since its walk) and brings
 * 0..99 (of two entries the second is looked at first: two reads), page 100 walks in vain (two
 * reads), page 101 walks and brings the rest.
 */
static void range_tlb_leaves_one_walk_a_range(void **state)
{
	struct translation range = range_of(0, 512);
	struct tlb_array_config *ranges;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 0);
	mmu_rig_add_tlb(&rig, 8, 7);
	ranges = &rig.config.tlb.level[1].array[rig.config.tlb.level[1].array_count++];
	*ranges = (struct tlb_array_config){ .name = "ranges",
					     .side = SIDE_DATA,
					     .page_lg2 = { 12 },
					     .page_size_count = 1,
					     .entries = 32,
					     .latency = 7,
					     .kind = TLB_RANGES };
	mmu_rig_init(&rig, MEMORY);
	for (unsigned page = 0; page < 512; page++) {
		const struct pt_attrs used = { .perms = range.perms,
					       .accessed = true,
					       .dirty = true };

		mmu_rig_map_attrs(&rig, base + (va_t)page * PAGE, 12, used);
	}
	assert_int_equal(pt_range_enter(rig.space, &range), PW_OK);
	for (unsigned page = 0; page < 512; page++)
		read_page(page);
	assert_int_equal(walks(), 1);
	assert_int_equal(rig.mmu.tlb.level[1].array[1].count.hits, 511);
	assert_int_equal(rig.ledger.line[CHARGE_TLB_LOOKUP], 512 * 7);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_REF], 400);
	assert_int_equal(rig.mmu.range_walks.refs, 1);
	pt_range_remove(rig.space, base + 100 * PAGE, PAGE);
	mmu_invalidate_range(&rig.mmu, 1, base + 100 * PAGE, PAGE);
	assert_int_equal(read_page(1), 1);
	assert_int_equal(rig.mmu.range_walks.refs, 3);
	assert_int_equal(read_page(99), 0);
	assert_int_equal(read_page(100), 1);
	assert_int_equal(rig.mmu.range_walks.refs, 5);
	assert_int_equal(read_page(101), 1);
	assert_int_equal(read_page(400), 0);
	assert_int_equal(rig.mmu.range_walks.fills, 3);
	mmu_rig_release(&rig);
}

/* ---- a TLB in memory ---- */

static void set_up_pom(uint64_t bytes, uint64_t large_bytes)
{
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 0);
	rig.config.pom_tlb = (struct pom_tlb_config){ bytes, large_bytes };
	mmu_rig_init(&rig, MEMORY);
	map_pages(0, 100);
}

/*
 * 100 pages, swept three times over 4 entries: all 300 accesses miss. With a TLB in memory each of
 * them reads one line at 100 cycles; the first sweep then walks (400 cycles), the others hit. With a
 * part for large pages, a miss reads a line of it too: 100 reads more, in the first sweep.
 */
static void pom_tlb_walks_once_a_page(void **state)
{
	(void)state;
	for (unsigned large = 0; large < 2; large++) {
		set_up_pom(64 << 10, large ? 4096 : 0);
		for (unsigned i = 0; i < 300; i++)
			read_page(i % 100);
		assert_int_equal(walks(), 100);
		assert_int_equal(rig.mmu.pom_tlb.count.hits, 200);
		assert_int_equal(rig.mmu.pom_tlb.count.misses, 100);
		assert_int_equal(rig.mmu.pom_tlb.count.reads, large ? 400 : 300);
		assert_int_equal(rig.ledger.line[CHARGE_POM_TLB], large ? 40000 : 30000);
		assert_int_equal(rig.ledger.line[CHARGE_WALK_REF], 40000);
		assert_int_equal(rig.mmu.pom_tlb.count.fills, 100);
		assert_int_equal(rig.mmu.pom_tlb.count.evictions, 0);
		mmu_rig_release(&rig);
	}
}

/*
 * One set of four entries, five pages in turn: LRU displaces each page before it is wanted again,
 * so that all 50 accesses walk, and from the fifth on each fill evicts. With two sets (pages 0, 2
 * and 4 in one, 1 and 3 in the other) five walk.
 */
static void pom_tlb_sets_are_lines(void **state)
{
	(void)state;
	for (unsigned sets = 1; sets <= 2; sets++) {
		set_up_pom(64 * sets, 0);
		for (unsigned i = 0; i < 50; i++)
			read_page(i % 5);
		assert_int_equal(walks(), sets == 1 ? 50 : 5);
		assert_int_equal(rig.mmu.pom_tlb.count.evictions, sets == 1 ? 46 : 0);
		mmu_rig_release(&rig);
	}
}

/* A store refuses a clean entry and walks for D; after that it hits. Invalidations reach memory. */
static void pom_tlb_obeys(void **state)
{
	(void)state;
	set_up_pom(4096, 0);
	for (unsigned page = 0; page < 5; page++)
		read_page(page);
	mmu_rig_access(&rig, ACCESS_WRITE, base);
	assert_int_equal(rig.mmu.pom_tlb.count.refused, 1);
	assert_int_equal(walks(), 6);
	for (unsigned page = 1; page < 5; page++)
		assert_int_equal(read_page(page), 0);
	mmu_rig_access(&rig, ACCESS_WRITE, base);
	assert_int_equal(walks(), 6);
	mmu_invalidate_range(&rig.mmu, 1, base, PAGE);
	assert_int_equal(read_page(0), 1);
	mmu_invalidate_asid(&rig.mmu, 1);
	assert_int_equal(read_page(1), 1);
	assert_int_equal(rig.mmu.pom_tlb.count.invalidations, 6);
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
		cmocka_unit_test(next_page_prefetch_leaves_one_walk_of_a_sweep),
		cmocka_unit_test(next_page_prefetch_into_the_tlb_divides_the_walks),
		cmocka_unit_test(stride_prefetch_needs_three_misses),
		cmocka_unit_test(distance_prefetch_learns_a_pattern),
		cmocka_unit_test(prefetch_changes_no_bit),
		cmocka_unit_test(direct_segment_never_misses),
		cmocka_unit_test(range_tlb_leaves_one_walk_a_range),
		cmocka_unit_test(pom_tlb_walks_once_a_page),
		cmocka_unit_test(pom_tlb_sets_are_lines),
		cmocka_unit_test(pom_tlb_obeys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
