/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Classes of TLB misses: short sequences whose classes follow from the rules (tlb_classify.h), and
 * random ones against a dumb reference that searches lists.
 */

#include "mmu/tlb_classify.h"
#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 64 << 20, PAGE = 4096 };
static const va_t base = UINT64_C(0x7f1234400000);
static struct mmu_rig rig;

/* One level of `entries`, `ways` (0: all), for both sides. */
static void start(unsigned entries, unsigned ways, unsigned pages)
{
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, entries, 0);
	rig.config.tlb.level[0].array[0].ways = ways;
	rig.config.tlb.classify_misses = true;
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < pages; i++)
		mmu_rig_map(&rig, base + (va_t)i * PAGE, 12);
}

static void read_page(unsigned page)
{
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base + (va_t)page * PAGE).fault.kind,
			 FAULT_NONE);
}

static void expect_classes(unsigned level, uint64_t cold, uint64_t capacity, uint64_t conflict,
			   uint64_t flush)
{
	assert_int_equal(tlb_classified(&rig.mmu.tlb, level, SIDE_DATA, MISS_COLD), cold);
	assert_int_equal(tlb_classified(&rig.mmu.tlb, level, SIDE_DATA, MISS_CAPACITY), capacity);
	assert_int_equal(tlb_classified(&rig.mmu.tlb, level, SIDE_DATA, MISS_CONFLICT), conflict);
	assert_int_equal(tlb_classified(&rig.mmu.tlb, level, SIDE_DATA, MISS_FLUSH), flush);
}

/*
 * Direct-mapped, 4 sets: pages 0 and 4 fall into one set and displace each other, while 4 entries
 * that were fully associative would hold both. 10 rounds: 2 cold, 18 conflicts.
 */
static void classify_ping_pong_is_conflict(void **state)
{
	(void)state;
	start(4, 1, 8);
	for (unsigned i = 0; i < 10; i++) {
		read_page(0);
		read_page(4);
	}
	expect_classes(0, 2, 0, 18, 0);
	mmu_rig_release(&rig);
}

/* Five pages in turn through four LRU entries: each is gone when it comes again. 5 cold, 45. */
static void classify_cyclic_is_capacity(void **state)
{
	(void)state;
	start(4, 0, 8);
	for (unsigned i = 0; i < 50; i++)
		read_page(i % 5);
	expect_classes(0, 5, 45, 0, 0);
	mmu_rig_release(&rig);
}

/*
 * An order between two touches: a page order for one, then everything. A page that was displaced
 * before the order came is not one that the order took out: capacity.
 */
static void classify_flush_between_is_flush(void **state)
{
	(void)state;
	start(4, 0, 8);
	read_page(0);
	read_page(1);
	mmu_invalidate_range(&rig.mmu, 1, base, PAGE);
	read_page(0); /* flush */
	read_page(1); /* hit */
	expect_classes(0, 2, 0, 0, 1);
	mmu_invalidate_all(&rig.mmu, false);
	read_page(0);
	read_page(1); /* flush both */
	expect_classes(0, 2, 0, 0, 3);
	for (unsigned i = 2; i < 6; i++)
		read_page(i); /* four cold ones displace 0 and 1 */
	mmu_invalidate_asid(&rig.mmu, 1);
	read_page(0); /* capacity */
	read_page(5); /* flush */
	expect_classes(0, 6, 1, 0, 4);
	mmu_rig_release(&rig);
}

/* The first touch: a miss that faults and one that is served, of a page that was never there. */
static void classify_first_touch_is_cold_twice(void **state)
{
	(void)state;
	start(4, 0, 0);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base).fault.kind, FAULT_NOT_PRESENT);
	mmu_rig_map(&rig, base, 12);
	read_page(0);
	expect_classes(0, 2, 0, 0, 0);
	/* Unmapped as a kernel does it; touched; mapped again. */
	rig.table.ops->unmap(rig.space, base, PAGE, NULL, NULL);
	mmu_invalidate_range(&rig.mmu, 1, base, PAGE);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base).fault.kind, FAULT_NOT_PRESENT);
	mmu_rig_map(&rig, base, 12);
	read_page(0);
	expect_classes(0, 2, 0, 0, 2);
	mmu_rig_release(&rig);
}

/*
 * A second level that holds victims only: two entries above, two below, four pages in turn fit in
 * both together. Cold above and below once each; afterwards every lookup misses above for want of
 * capacity and hits below.
 */
static void classify_exclusive_level(void **state)
{
	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 2, 0);
	mmu_rig_add_tlb(&rig, 2, 0);
	rig.config.tlb.level[1].relation = RELATION_EXCLUSIVE;
	rig.config.tlb.classify_misses = true;
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < 5; i++)
		mmu_rig_map(&rig, base + (va_t)i * PAGE, 12);
	for (unsigned i = 0; i < 20; i++)
		read_page(i % 4);
	expect_classes(0, 4, 16, 0, 0);
	expect_classes(1, 4, 0, 0, 0);
	/* A fifth page displaces one from both: cold, then capacity for that one. */
	read_page(4);
	read_page(0);
	expect_classes(1, 5, 1, 0, 0);
	mmu_rig_release(&rig);
}

/* ---- random ---- */

enum { REF_PAGES = 24, REF_ENTRIES = 8 };

/* What the rules need, by page; the shadow as a list, the newest first. */
struct reference {
	bool seen[REF_PAGES], flushed[REF_PAGES];
	int shadow[REF_ENTRIES];
	unsigned live;
	uint64_t miss[TLB_MISS_CLASS_COUNT];
};

static int shadow_at(const struct reference *r, int page)
{
	for (unsigned i = 0; i < r->live; i++)
		if (r->shadow[i] == page)
			return (int)i;
	return -1;
}

static void shadow_remove(struct reference *r, int page)
{
	int at = shadow_at(r, page);

	if (at < 0)
		return;
	memmove(&r->shadow[at], &r->shadow[at + 1],
		(r->live - (unsigned)at - 1) * sizeof(r->shadow[0]));
	r->live--;
}

static void shadow_touch(struct reference *r, int page)
{
	shadow_remove(r, page);
	if (r->live == REF_ENTRIES)
		r->live--;
	memmove(&r->shadow[1], &r->shadow[0], r->live * sizeof(r->shadow[0]));
	r->shadow[0] = page;
	r->live++;
}

/* Looked at from outside: is the page in the real array? */
static bool held(int page)
{
	const struct tlb_array *array = &rig.mmu.tlb.level[0].array[0];

	for (unsigned i = 0; i < array->config->entries; i++)
		if (array->entry[i].bytes && array->entry[i].va == base + (va_t)page * PAGE)
			return true;
	return false;
}

static void reference_read(struct reference *r, int page)
{
	if (!held(page)) {
		if (!r->seen[page])
			r->miss[MISS_COLD]++;
		else if (r->flushed[page])
			r->miss[MISS_FLUSH]++;
		else if (shadow_at(r, page) >= 0)
			r->miss[MISS_CONFLICT]++;
		else
			r->miss[MISS_CAPACITY]++;
	}
	r->seen[page] = true;
	r->flushed[page] = false;
	shadow_touch(r, page);
}

static void reference_flush(struct reference *r, int page)
{
	if (held(page) || shadow_at(r, page) >= 0)
		r->flushed[page] = true;
	shadow_remove(r, page);
}

static void classify_random_sequences_as_the_reference(void **state)
{
	static const unsigned ways[] = { 1, 2, 4, 0 };
	uint64_t random = UINT64_C(0x2545f4914f6cdd1d);

	(void)state;
	for (unsigned geometry = 0; geometry < 8; geometry++) {
		struct reference r;

		memset(&r, 0, sizeof(r));
		mmu_rig_config(&rig);
		mmu_rig_add_tlb(&rig, REF_ENTRIES, 0);
		rig.config.tlb.level[0].array[0].ways = ways[geometry % 4];
		rig.config.tlb.level[0].array[0].replacement = geometry < 4 ? REPLACE_LRU
									    : REPLACE_RANDOM;
		rig.config.tlb.classify_misses = true;
		mmu_rig_init(&rig, MEMORY);
		for (unsigned i = 0; i < REF_PAGES; i++)
			mmu_rig_map(&rig, base + (va_t)i * PAGE, 12);
		for (unsigned i = 0; i < 20000; i++) {
			unsigned dice;
			int page;

			random = random * UINT64_C(6364136223846793005) +
				 UINT64_C(1442695040888963407);
			dice = (unsigned)(random >> 40) % 200;
			page = (int)((random >> 50) % REF_PAGES);
			if (dice < 3) {
				reference_flush(&r, page);
				mmu_invalidate_range(&rig.mmu, 1, base + (va_t)page * PAGE, PAGE);
			} else if (dice == 3) {
				for (int k = 0; k < REF_PAGES; k++)
					reference_flush(&r, k);
				mmu_invalidate_all(&rig.mmu, true);
			} else {
				reference_read(&r, page);
				read_page((unsigned)page);
			}
		}
		expect_classes(0, r.miss[MISS_COLD], r.miss[MISS_CAPACITY], r.miss[MISS_CONFLICT],
			       r.miss[MISS_FLUSH]);
		/* Fully associative LRU is its own shadow. */
		assert_int_equal(r.miss[MISS_CONFLICT] == 0, geometry == 3);
		assert_true(r.miss[MISS_FLUSH] > 0 && r.miss[MISS_COLD] == REF_PAGES);
		mmu_rig_release(&rig);
	}
}

/* The machine is the same with and without it, and without memory for it init fails cleanly. */
static void classify_changes_no_count(void **state)
{
	uint64_t misses[2], walks[2], total[2];

	(void)state;
	for (unsigned on = 0; on < 2; on++) {
		start(4, 2, 16);
		if (!on) {
			mmu_rig_release(&rig);
			mmu_rig_config(&rig);
			mmu_rig_add_tlb(&rig, 4, 0);
			rig.config.tlb.level[0].array[0].ways = 2;
			mmu_rig_init(&rig, MEMORY);
			for (unsigned i = 0; i < 16; i++)
				mmu_rig_map(&rig, base + (va_t)i * PAGE, 12);
		}
		for (unsigned i = 0; i < 1000; i++)
			read_page(i * i % 13);
		tlb_settle(&rig.mmu.tlb);
		misses[on] = rig.mmu.tlb.level[0].count[SIDE_DATA].misses;
		walks[on] = rig.mmu.counters.walk_leaves;
		total[on] = ledger_total(&rig.ledger);
		mmu_rig_release(&rig);
	}
	assert_int_equal(misses[0], misses[1]);
	assert_int_equal(walks[0], walks[1]);
	assert_int_equal(total[0], total[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classify_ping_pong_is_conflict),
		cmocka_unit_test(classify_cyclic_is_capacity),
		cmocka_unit_test(classify_flush_between_is_flush),
		cmocka_unit_test(classify_first_touch_is_cold_twice),
		cmocka_unit_test(classify_exclusive_level),
		cmocka_unit_test(classify_random_sequences_as_the_reference),
		cmocka_unit_test(classify_changes_no_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
