/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What walks of an inverted table cost, and what the table takes, each with its derivation. */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 32 << 20, PAGE = 4096, FRAMES = MEMORY / PAGE, DRAM = 100 };

static const va_t base = UINT64_C(0x7f1234400000);

static struct mmu_rig rig;

static void rig_init(enum inverted_lookup lookup, enum inverted_alias alias, unsigned anchors)
{
	mmu_rig_config(&rig);
	strcpy(rig.config.page_table.format, "inverted");
	rig.config.page_table.inverted = (struct inverted_config){ lookup, alias, anchors };
	mmu_rig_init(&rig, MEMORY);
}

static void map(va_t va, pfn_t pfn, bool accessed)
{
	const struct pt_mapping mapping = {
		.va = va,
		.pa = pfn << FRAME_LG2,
		.page_lg2 = FRAME_LG2,
		.attrs = { .perms = PERM_READ | PERM_WRITE | PERM_USER, .accessed = accessed },
	};
	struct pt_displaced displaced;

	assert_int_equal(rig.table.ops->map(rig.space, &mapping, &displaced), PW_OK);
}

/*
 * 32 MiB are 8192 frames; four entries of 16 bytes are a line of 64. Frame f lies in line f / 4
 * (from 0), so f / 4 + 1 lines are read, one after another; an absent page has all 2048 read.
 */
static void scan_reads_line_by_line(void **state)
{
	static const pfn_t frames[] = { 3, 4, 5, 62, 63, 64, 4097, 8188, 8191 };

	(void)state;
	rig_init(INVERTED_SCAN, INVERTED_REMAP, 0);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), FRAMES / 4);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_FAULTING], 2048 * DRAM);
	for (unsigned i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		map(base + i * PAGE, frames[i], true);
		assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + i * PAGE),
				 frames[i] / 4 + 1);
		assert_true(mmu_rig_access(&rig, ACCESS_READ, base + i * PAGE + 8).pa ==
			    (frames[i] << FRAME_LG2) + 8);
	}
	/* In order, from the first line on. */
	mmu_rig_want(&rig, (uint64_t)1 << EVENT_WALK_REF);
	mmu_rig_access(&rig, ACCESS_READ, base + 5 * PAGE);
	assert_int_equal(mmu_rig_count(&rig, EVENT_WALK_REF), 64 / 4 + 1);
	for (unsigned i = 0; i < 17; i++)
		assert_true(rig.event[i].pa == rig.space->root + i * 64);
	mmu_rig_release(&rig);
}

/* An access that sets A or D reads as many lines and writes once. */
static void scan_writes_back_once(void **state)
{
	(void)state;
	rig_init(INVERTED_SCAN, INVERTED_REMAP, 0);
	map(base, 100, false);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 26);
	assert_int_equal(rig.mmu.counters.walk_writes, 1);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_WRITE, base), 26);
	assert_int_equal(rig.mmu.counters.walk_writes, 2);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_WRITE, base), 26);
	assert_int_equal(rig.mmu.counters.walk_writes, 2);
	mmu_rig_release(&rig);
}

/*
 * The second mapping of a frame lies in the overflow frame, entry 1 of its first line: behind the
 * 2048 lines of the table it costs one more. An absent page has 2048 + 64 lines read.
 */
static void scan_goes_on_behind_the_table(void **state)
{
	(void)state;
	rig_init(INVERTED_SCAN, INVERTED_CHAIN, 0);
	map(base, 100, true);
	map(base + PAGE, 100, true);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 26);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + PAGE), 2048 + 1);
	assert_true(mmu_rig_access(&rig, ACCESS_READ, base + PAGE).pa == 100 << FRAME_LG2);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 2 * PAGE), 2048 + 64);
	mmu_rig_release(&rig);
}

/* xorshift64*, Vigna 2016. */
static uint64_t rnd(uint64_t *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return *random * UINT64_C(2685821657736338717);
}

/*
 * n pages at random over m anchors. A hit reads the anchor and the entries down to its own: over
 * all pages, one for each of its own and one for each pair in the same chain. There are n (n - 1)
 * / 2 pairs, each in one chain with probability 1 / m, so the mean hit reads 1 + (n - 1) / 2m
 * entries, 1 + alpha / 2 for the load alpha = n / m. The pairs are pairwise independent, hence the
 * variance of their number is (n (n - 1) / 2) (1 / m) (1 - 1 / m), and the standard deviation
 * of the mean is sqrt of that / n: at most sqrt(1 / 2m) = 0.0110 for m = 4096. Band: five of these.
 */
static void hash_reads_one_and_half_the_load(void **state)
{
	enum { ANCHORS = 4096 };
	static const unsigned pages[] = { 1024, 2048, 4096, 7168 };

	(void)state;
	for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		double load = (double)pages[i] / ANCHORS, mean;
		uint64_t random = UINT64_C(0x9e3779b97f4a7c15), refs = 0, first = FRAMES - pages[i];

		rig_init(INVERTED_HASH, INVERTED_REMAP, ANCHORS);
		for (unsigned n = 0; n < pages[i]; n++)
			map(rnd(&random) >> 17 << FRAME_LG2 & 0x7ffffffff000, first + n, true);
		random = UINT64_C(0x9e3779b97f4a7c15);
		for (unsigned n = 0; n < pages[i]; n++)
			refs += mmu_rig_refs(&rig, ACCESS_READ,
					     rnd(&random) >> 17 << FRAME_LG2 & 0x7ffffffff000);
		assert_int_equal(rig.mmu.counters.walk_faults, 0);
		mean = (double)refs / pages[i] - 1; /* without the anchor */
		if (mean < 1 + load / 2 - 0.055 || mean > 1 + load / 2 + 0.055)
			fail_msg("load %.2f: %.3f entries a hit, wanted %.3f", load, mean,
				 1 + load / 2);
		mmu_rig_release(&rig);
	}
}

/*
 * One anchor: the chain holds all, newest first. An empty table costs the anchor; of three pages
 * the newest costs 2, the oldest 4, an absent one 4. A displaced page is gone from the chain.
 */
static void hash_follows_the_chain_from_the_newest(void **state)
{
	struct pt_stats stats;

	(void)state;
	rig_init(INVERTED_HASH, INVERTED_REMAP, 1);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 1);
	for (unsigned i = 0; i < 3; i++)
		map(base + i * PAGE, 500 + i, true);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base), 4);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 2 * PAGE), 2);
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 3 * PAGE), 4);
	map(base + 3 * PAGE, 501, true); /* in the place of base + PAGE */
	assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, base + 3 * PAGE), 2);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, base + PAGE).fault.kind,
			 FAULT_NOT_PRESENT);
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.entries, 3);
	assert_int_equal(stats.longest_chain, 3);
	mmu_rig_release(&rig);
}

/*
 * 8192 entries of 16 bytes: 128 KiB, however much is mapped. 8192 anchors of 8 bytes: 64 KiB. Each
 * overflow frame of 4 KiB has 255 entries: the 255 further mappings of one frame fit one, one
 * more needs a second.
 */
static void tables_take_that_many_bytes(void **state)
{
	struct pt_stats stats;

	(void)state;
	rig_init(INVERTED_SCAN, INVERTED_REMAP, 0);
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.table_bytes, 128 << 10);
	assert_int_equal(stats.slots, FRAMES);
	mmu_rig_release(&rig);
	rig_init(INVERTED_HASH, INVERTED_CHAIN, 0);
	for (unsigned i = 0; i < 256; i++)
		map(base + i * PAGE, 77, true);
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.table_bytes, (128 + 64 + 4) << 10);
	assert_int_equal(stats.slots, FRAMES + 255);
	map(base + 256 * PAGE, 77, true);
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.table_bytes, (128 + 64 + 4 + 4) << 10);
	assert_int_equal(stats.entries, 257);
	mmu_rig_release(&rig);
}

static uint64_t field(const struct pt_field *fields, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].value;
	fail_msg("no field %s", name);
	return 0;
}

/* Frame 6 is the third entry of the second line; its page is 0x7f1234400, of space 1. */
static void entries_are_described(void **state)
{
	struct pt_field fields[PT_FIELDS_MAX];
	const uint8_t *entry;
	unsigned count;

	(void)state;
	rig_init(INVERTED_HASH, INVERTED_REMAP, 0);
	map(base, 6, true);
	entry = (const uint8_t *)phys_mem_at(&rig.mem, 0);
	for (pa_t pa = 0;; pa += PAGE) { /* the table lies at the start of a frame */
		entry = phys_mem_at(&rig.mem, pa + 6 * 16);
		if (walk_load(entry, 8) >> 48 == 1)
			break;
	}
	count = rig.table.ops->describe(&rig.table, 0, entry, 16, fields);
	assert_int_equal(field(fields, count, "V"), 1);
	assert_int_equal(field(fields, count, "W"), 1);
	assert_int_equal(field(fields, count, "U"), 1);
	assert_int_equal(field(fields, count, "NX"), 1);
	assert_int_equal(field(fields, count, "A"), 1);
	assert_int_equal(field(fields, count, "D"), 0);
	assert_int_equal(field(fields, count, "VPN"), 0x7f1234400);
	assert_int_equal(field(fields, count, "ASID"), 1);
	assert_int_equal(field(fields, count, "NEXT"), 0);
	count = rig.table.ops->describe(&rig.table, 0, entry - 2 * 16, 64, fields);
	assert_int_equal(field(fields, count, "V.1"), 0);
	assert_int_equal(field(fields, count, "VPN.2"), 0x7f1234400);
	assert_int_equal(rig.table.ops->describe(&rig.table, 0,
						 phys_mem_at(&rig.mem, rig.space->root), 8, fields),
			 1);
	assert_int_equal(rig.table.ops->describe(&rig.table, 1, entry, 16, fields), 0);
	mmu_rig_release(&rig);
}

static void wrong_descriptions_are_refused(void **state)
{
	static const struct {
		struct inverted_config config;
		const char *field;
	} cases[] = {
		{ { INVERTED_LOOKUP_COUNT, INVERTED_REMAP, 0 }, "page_table.inverted.lookup" },
		{ { INVERTED_SCAN, INVERTED_ALIAS_COUNT, 0 }, "page_table.inverted.alias" },
		{ { INVERTED_HASH, INVERTED_REMAP, 1000 }, "page_table.inverted.anchors" },
	};

	(void)state;
	rig_init(INVERTED_HASH, INVERTED_REMAP, 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pt_config config = rig.config.page_table;
		struct config_complaint complaint;
		struct page_table table;

		config.inverted = cases[i].config;
		assert_int_equal(page_table_create(&table, &config, &rig.table_memory,
						   &host_alloc_libc, &complaint),
				 PW_INVALID);
		assert_string_equal(complaint.field, cases[i].field);
	}
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_reads_line_by_line),
		cmocka_unit_test(scan_writes_back_once),
		cmocka_unit_test(scan_goes_on_behind_the_table),
		cmocka_unit_test(hash_reads_one_and_half_the_load),
		cmocka_unit_test(hash_follows_the_chain_from_the_newest),
		cmocka_unit_test(tables_take_that_many_bytes),
		cmocka_unit_test(entries_are_described),
		cmocka_unit_test(wrong_descriptions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
