/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Counts of elastic cuckoo page tables that follow from their definition, each with its derivation. */

#include "mmu/pt_cuckoo_private.h"
#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 64 << 20, PAGE = 4096, DRAM = 100, CWT_READS = 2 };
static const va_t MIB = 1 << 20, GIB = 1 << 30;
static const va_t base = UINT64_C(0x7f1000000000); /* 64 GiB aligned: a group of every walk table */

static struct mmu_rig rig;

static void configure(unsigned ways, unsigned sizes, unsigned entries)
{
	mmu_rig_config(&rig);
	strcpy(rig.config.page_table.format, "cuckoo");
	rig.config.page_table.cuckoo.ways = ways;
	rig.config.page_table.cuckoo.page_size_count = sizes;
	rig.config.page_table.cuckoo.entries = entries;
	rig.config.page_table.cuckoo.walk_table_entries = 64;
}

static void configure_walk_caches(void)
{
	mmu_rig_add_walk_cache(&rig, 1, 16, 4);
	mmu_rig_add_walk_cache(&rig, 2, 2, 4);
}

static const struct cuckoo_table *pages(unsigned size)
{
	return &((const struct cuckoo_space *)rig.space->format)->pages[size];
}

static bool resizing(const struct cuckoo_table *t)
{
	for (unsigned i = 0; i < t->ways; i++)
		if (t->way[i].before.base)
			return true;
	return false;
}

/*
 * One page size: one line a way, all at once, whether the page is there (leaf) or not (fault). The
 * cost is the slowest reference, one of DRAM.
 */
static void cuckoo_reads_one_line_a_way_at_once(void **state)
{
	(void)state;
	for (unsigned ways = 2; ways <= 4; ways++) {
		struct mmu_result result;

		configure(ways, 1, 64);
		mmu_rig_init(&rig, MEMORY);
		mmu_rig_map(&rig, base, 12);
		result = mmu_rig_access(&rig, ACCESS_READ, base + 8);
		assert_int_equal(result.fault.kind, FAULT_NONE);
		assert_int_equal(result.cycles, DRAM);
		assert_int_equal(rig.mmu.counters.walk_refs, ways);
		assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + PAGE), ways);
		assert_int_equal(rig.mmu.counters.walk_faults, 1);
		mmu_rig_release(&rig);
	}
}

/*
 * Three page sizes and nothing cached: all ways of all tables and the two ways of both walk tables,
 * 3 x 3 + 2 x 2 = 13 (4 ways: 16, the most that one step can ask for), still at once. Told not to
 * read walk tables: 9 (12).
 */
static void cuckoo_reads_all_tables_at_once(void **state)
{
	(void)state;
	for (unsigned ways = 3; ways <= 4; ways++) {
		for (unsigned read = 0; read < 2; read++) {
			configure(ways, 3, 64);
			rig.config.page_table.cuckoo.walk_tables = read;
			mmu_rig_init(&rig, MEMORY);
			mmu_rig_map(&rig, base, 12);
			mmu_rig_map(&rig, base + 2 * MIB, 21);
			mmu_rig_map(&rig, base + GIB, 30);
			for (unsigned i = 0; i < 3; i++) {
				static const va_t at[3] = { 0, 2 << 20, 1 << 30 };

				assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + at[i] + 8),
						 3 * ways + read * 2 * CWT_READS);
			}
			assert_int_equal(rig.ledger.line[CHARGE_WALK_REF], 3 * DRAM);
			mmu_rig_release(&rig);
		}
	}
}

/*
 * What a walk reads after its neighbourhood was walked in. The first walk reads everything (13) and
 * keeps the PMD-CWT's entry for 128 MiB and the PUD-CWT's for 64 GiB.
 *   same 128 MiB: a 4 KiB page is 3 reads (its three ways), a 2 MiB page 1 (its way is known), a
 *   section with nothing in it a fault without a read;
 *   elsewhere in the 64 GiB: a 1 GiB page is 1; a 1 GiB section with 4 KiB pages alone is 3; one that
 *   has 2 MiB pages too is 3 + 3 and the PMD-CWT's 2, whose entry is then kept: 1 for the next walk.
 */
static void cuckoo_cached_headers_narrow_walks(void **state)
{
	(void)state;
	configure(3, 3, 64);
	configure_walk_caches();
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, base, 12);
	mmu_rig_map(&rig, base + 4 * MIB, 12);
	mmu_rig_map(&rig, base + 2 * MIB, 21);
	mmu_rig_map(&rig, base + GIB, 30);
	mmu_rig_map(&rig, base + 2 * GIB, 12);
	mmu_rig_map(&rig, base + 3 * GIB, 12);
	mmu_rig_map(&rig, base + 3 * GIB + 2 * MIB, 21);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 13);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 3);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 4 * MIB), 3);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 2 * MIB), 1);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 6 * MIB), 0);
	assert_int_equal(rig.mmu.counters.walk_faults, 1);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + GIB), 1);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 2 * GIB), 3);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 3 * GIB), 3 + 3 + 2);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 3 * GIB + 2 * MIB), 1);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_CACHE],
			 8 * 4); /* the fault is on its own line */
	mmu_rig_release(&rig);
}

/*
 * A cached header is never stale: a page of a size that a region had not had, kicks and resizes that
 * change the way of a large page, its split and its end are all told to the walk caches, under the
 * tag that hardware knows the space by.
 */
static void cuckoo_cached_headers_are_never_stale(void **state)
{
	(void)state;
	configure(3, 3, 8);
	configure_walk_caches();
	mmu_rig_init(&rig, MEMORY);
	pt_space_lend(rig.space, 7);
	mmu_switch(&rig.mmu, rig.space);
	mmu_rig_map(&rig, base, 12);
	mmu_rig_access(&rig, ACCESS_READ, base);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base + 2 * MIB).fault.kind,
			 FAULT_NOT_PRESENT);
	for (unsigned i = 1; i < 400; i++) {
		/* Lines of their own, eight apart, among regions that are all cached. */
		mmu_rig_map(&rig, base + i * 16 * MIB, 21);
		for (unsigned k = i > 7 ? i - 7 : 1; k <= i; k++) {
			struct mmu_result result =
				mmu_rig_access(&rig, ACCESS_READ, base + k * 16 * MIB);

			assert_int_equal(result.fault.kind, FAULT_NONE);
			assert_true(result.pa == ((base + k * 16 * MIB) & 0xffffffffff));
		}
	}
	mmu_rig_access(&rig, ACCESS_READ, base + 16 * MIB);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 16 * MIB), 1);
	assert_int_equal(rig.table.ops->split(rig.space, base + 16 * MIB), PW_OK);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base + 17 * MIB).fault.kind, FAULT_NONE);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 17 * MIB), 3);
	assert_int_equal(rig.table.ops->unmap(rig.space, base + 16 * MIB, 2 * MIB, NULL, NULL),
			 PW_OK);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base + 17 * MIB).fault.kind,
			 FAULT_NOT_PRESENT);
	mmu_rig_release(&rig);
}

/*
 * While ways are being resized one half of each is live for any key, so a walk still reads one line a
 * way. Starting from 8 lines a way, 20,000 clusters make every way grow to 16,384 lines at least
 * (20,000 / 3 / 0.6 = 11,111); no load is ever above 60 %; a page far back and the newest are walked
 * for after each insertion.
 */
static void cuckoo_never_reads_more_while_resizing(void **state)
{
	enum { CLUSTERS = 20000 };
	const struct cuckoo_table *t;
	uint64_t during = 0;

	(void)state;
	configure(3, 1, 8);
	mmu_rig_init(&rig, MEMORY);
	t = pages(0);
	for (uint64_t i = 0; i < CLUSTERS; i++) {
		mmu_rig_map(&rig, base + i * 8 * PAGE, 12);
		assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + i * 8 * PAGE), 3);
		assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + i * 7 / 13 * 8 * PAGE), 3);
		during += resizing(t);
		for (unsigned way = 0; way < 3; way++)
			assert_true(t->way[way].used * 100 <= UINT64_C(60) << t->way[way].now.lg2);
	}
	assert_int_equal(rig.mmu.counters.walk_faults, 0);
	assert_true(during > CLUSTERS / 4);
	assert_int_equal(cuckoo_used(t), CLUSTERS);
	for (unsigned way = 0; way < 3; way++)
		assert_true(t->way[way].now.lg2 >= 14);
	/* Half of them leave: nothing is lost while ways shrink. */
	for (uint64_t i = 0; i < CLUSTERS; i++)
		if (i % 16)
			assert_int_equal(rig.table.ops->unmap(rig.space, base + i * 8 * PAGE, PAGE,
							      NULL, NULL),
					 PW_OK);
	for (uint64_t i = 0; i < CLUSTERS; i += 16)
		assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + i * 8 * PAGE), 3);
	assert_int_equal(rig.mmu.counters.walk_faults, 0);
	for (unsigned way = 0; way < 3; way++)
		assert_true(t->way[way].now.lg2 < 14);
	mmu_rig_release(&rig);
}

/*
 * Mapping is charged for every line that it moves. A line is 8 words, so with 4 KiB pages alone and
 * nothing removed the stores are 8 for each line entered, kicked or moved by a resize and 1 for each
 * further page of a line. The first insertion of all: the 3 places of the key are looked at (1 load
 * each, they are empty), then the one chosen again, and nothing is moved.
 */
static void cuckoo_kicks_and_moves_are_charged(void **state)
{
	enum { LINES = 3000 };
	struct pt_stats stats;

	(void)state;
	configure(3, 1, 64);
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, base, 12);
	assert_int_equal(rig.table_memory.loads, 3 + 1);
	assert_int_equal(rig.table_memory.stores, 8);
	for (uint64_t i = 1; i < LINES; i++)
		mmu_rig_map(&rig, base + i * 8 * PAGE, 12);
	for (uint64_t i = 0; i < LINES; i += 3)
		mmu_rig_map(&rig, base + (i * 8 + 5) * PAGE, 12);
	rig.table.ops->stats(&rig.table, &stats);
	assert_true(stats.kicks > 0 && stats.moved > 0 && stats.resizes >= 3);
	assert_int_equal(stats.entries, LINES * 8);
	assert_int_equal(rig.table_memory.stores,
			 8 * (LINES + stats.kicks + stats.moved) + LINES / 3);
	assert_true(rig.table_memory.loads > 8 * (stats.kicks + stats.moved));
	mmu_rig_release(&rig);
}

/* A way that cannot grow: insertions go on into the others, then fail, and nothing is lost. */
static void cuckoo_fails_cleanly_without_memory(void **state)
{
	uint64_t i = 0;

	(void)state;
	configure(3, 1, 64); /* 64 lines are one frame */
	mmu_rig_init(&rig, MEMORY);
	rig.frames.next = rig.frames.end; /* no further frame, but for that freed last */
	while (mmu_rig_map_attrs(&rig, base + i * 8 * PAGE, 12,
				 (struct pt_attrs){ PERM_READ | PERM_USER, false, true, false }) ==
	       PW_OK)
		i++;
	/* 60 % of 64 is 38.4: at most 38 a way. */
	assert_int_equal(i, 3 * 38);
	while (i-- > 0)
		assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base + i * 8 * PAGE).fault.kind,
				 FAULT_NONE);
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuckoo_reads_one_line_a_way_at_once),
		cmocka_unit_test(cuckoo_reads_all_tables_at_once),
		cmocka_unit_test(cuckoo_cached_headers_narrow_walks),
		cmocka_unit_test(cuckoo_cached_headers_are_never_stale),
		cmocka_unit_test(cuckoo_never_reads_more_while_resizing),
		cmocka_unit_test(cuckoo_kicks_and_moves_are_charged),
		cmocka_unit_test(cuckoo_fails_cleanly_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
