/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bounded tables by hand: sizes, references of a lookup, and what a miss costs. No TLB, so that each
 * access walks; the backing table is a tree of two levels, two references; every reference costs
 * DRAM, every write WRITE.
 */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 64 << 20, PAGE = 4096, DRAM = 100, WRITE = 7, TRAP = 50, LOOKUP = 10, MISS = 30 };
enum { GROUP = 8, TREE = 2 * DRAM };

static struct mmu_rig rig;

static void configure(const char *format)
{
	mmu_rig_config(&rig);
	strcpy(rig.config.page_table.format, format);
	rig.config.page_table.radix = (struct radix_config){ .level_count = 2,
							     .index_bits = { 9, 11 },
							     .leaf_allowed = { true },
							     .offset_bits = 12,
							     .pa_bits = 36,
							     .entry = RADIX_ENTRY_X86_64 };
	rig.config.trap_latency = TRAP;
	rig.config.page_table.tsb =
		(struct tsb_config){ .hit_instructions = LOOKUP, .miss_instructions = MISS };
	rig.config.page_table.vhpt =
		(struct vhpt_config){ .entries = 1024, .handler_instructions = MISS };
	rig.config.page_table.htab = (struct htab_config){ .groups = 1024,
							   .line_bytes = 32,
							   .handler_instructions = MISS };
}

struct cost {
	cycles_t cycles;
	uint64_t refs, writes;
};

static struct cost read_page(va_t va)
{
	uint64_t refs = rig.mmu.counters.walk_refs, writes = rig.mmu.counters.walk_writes;
	struct mmu_result result = mmu_rig_access(&rig, ACCESS_READ, va);

	assert_int_equal(result.fault.kind, FAULT_NONE);
	return (struct cost){ result.cycles, rig.mmu.counters.walk_refs - refs,
			      rig.mmu.counters.walk_writes - writes };
}

/* UltraSPARC: a TSB of size n has 512 x 2^n entries of 16 bytes: 8 KiB to 1 MiB. */
static void tsb_has_16_by_512_by_2_to_the_n_bytes(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= 7; n++) {
		struct config_complaint complaint;
		struct pt_stats stats;

		configure("tsb");
		rig.config.page_table.tsb.size = n;
		assert_int_equal(phys_mem_init(&rig.mem, MEMORY), PW_OK);
		bump_frames_init(&rig.frames, 1, rig.mem.size >> FRAME_LG2);
		pt_memory_init(&rig.table_memory, &rig.mem, &rig.frames.source);
		assert_int_equal(page_table_create(&rig.table, &rig.config.page_table,
						   &rig.table_memory, &host_alloc_libc, &complaint),
				 PW_OK);
		rig.table.ops->stats(&rig.table, &stats);
		assert_int_equal(stats.table_bytes, (uint64_t)16 * 512 << n);
		assert_int_equal(rig.table_memory.frames_used * PAGE, (uint64_t)16 * 512 << n);
		page_table_destroy(&rig.table);
		phys_mem_release(&rig.mem);
	}
}

/*
 * A TLB miss is a trap, LOOKUP instructions and one load of 16 bytes. When the entry is another
 * page's, the handler goes on: MISS instructions, the tree, and two words of the entry written.
 * Two pages 512 pages apart have one entry: each displaces the other.
 */
static void tsb_miss_costs_the_backing_walk(void **state)
{
	const cycles_t hit = TRAP + LOOKUP + DRAM, miss = hit + MISS + TREE + 2 * WRITE;
	const va_t one = 0x400000, other = one + 512 * PAGE;

	(void)state;
	configure("tsb");
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, one, 12);
	mmu_rig_map(&rig, other, 12);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(read_page(one).cycles, miss);
		assert_int_equal(read_page(one).cycles, hit);
		assert_int_equal(read_page(other).cycles, miss);
		assert_int_equal(read_page(other).cycles, hit);
	}
	assert_int_equal(rig.mmu.counters.walk_traps, 12);
	mmu_rig_release(&rig);
}

/* The hardware reads one entry of 32 bytes; only a miss traps. */
static void vhpt_traps_only_when_it_misses(void **state)
{
	const cycles_t hit = DRAM, miss = DRAM + TRAP + MISS + TREE + 2 * WRITE;
	const va_t one = 0x400000, other = one + 1024 * PAGE;

	(void)state;
	configure("vhpt");
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, one, 12);
	mmu_rig_map(&rig, other, 12);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(read_page(one).cycles, miss);
		assert_int_equal(read_page(one).cycles, hit);
		assert_int_equal(read_page(other).cycles, miss);
	}
	assert_int_equal(rig.mmu.counters.walk_traps, 6);
	mmu_rig_release(&rig);
}

/* All in the groups of hash 5 and of its complement: VSID = 16 x ASID + segment, ASID 1. */
static va_t colliding(unsigned i)
{
	unsigned segment = i % 16, high = i / 16;

	return (va_t)segment << 28 | (va_t)((16 + segment) ^ 5 ^ high << 10) << 12;
}

/*
 * The hardware reads at most four lines of 32 bytes, 16 PTEs, and stops at the one that holds the
 * PTE: slots 0..3 of the first group are in line 1, 4..7 in line 2, those of the second in 3 and 4.
 *
 * A miss reads all four, the tree (2), then as handler the first group (2 lines), and if that is
 * full the second (2), and if that is full too the counter and the victim (2):
 *   pages 1..8    4 + 2 + 2         = 8 references, 1 write
 *   pages 9..16   4 + 2 + 2 + 2     = 10, 1 write
 *   page 17       4 + 2 + 2 + 2 + 2 = 12, 2 writes (the PTE, the counter)
 */
static void htab_reads_at_most_four_lines(void **state)
{
	(void)state;
	configure("htab");
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < 2 * GROUP + 1; i++)
		mmu_rig_map(&rig, colliding(i), 12);
	for (unsigned i = 0; i < 2 * GROUP; i++) {
		struct cost cost = read_page(colliding(i));

		assert_int_equal(cost.refs, i < GROUP ? 8 : 10);
		assert_int_equal(cost.writes, 1);
		assert_int_equal(cost.cycles, cost.refs * DRAM + TRAP + MISS + WRITE);
	}
	for (unsigned i = 0; i < 2 * GROUP; i++) {
		struct cost cost = read_page(colliding(i));

		assert_int_equal(cost.refs, 1 + i / 4);
		assert_int_equal(cost.cycles, cost.refs * DRAM);
	}
	assert_int_equal(read_page(colliding(2 * GROUP)).refs, 12);
	assert_int_equal(rig.mmu.counters.walk_writes, 2 * GROUP + 2);
	/* It took the place of the first; that page comes back in the place of the second. */
	assert_int_equal(read_page(colliding(2 * GROUP)).refs, 1);
	assert_int_equal(read_page(colliding(0)).refs, 12);
	assert_int_equal(read_page(colliding(1)).refs, 12);
	mmu_rig_release(&rig);
}

/* With lines of 64 bytes a group is one line: at most two references. */
static void htab_groups_are_64_bytes(void **state)
{
	(void)state;
	configure("htab");
	rig.config.page_table.htab.line_bytes = 64;
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < 2 * GROUP; i++) {
		mmu_rig_map(&rig, colliding(i), 12);
		read_page(colliding(i));
	}
	for (unsigned i = 0; i < 2 * GROUP; i++)
		assert_int_equal(read_page(colliding(i)).refs, 1 + i / GROUP);
	mmu_rig_release(&rig);
}

/* A store to a clean page: its copy says so, the handler sets D below and writes the copy again. */
static void a_store_to_a_clean_page_goes_to_the_backing_table(void **state)
{
	struct mmu_result result;
	struct translation leaf;

	(void)state;
	configure("htab");
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, colliding(0), 12);
	read_page(colliding(0));
	result = mmu_rig_access(&rig, ACCESS_WRITE, colliding(0));
	/* One line, the tree and D in it, and the copy. */
	assert_int_equal(result.cycles, DRAM + TRAP + MISS + TREE + WRITE + WRITE);
	assert_int_equal(rig.table.ops->harvest(rig.space, colliding(0), HARVEST_READ, &leaf),
			 PW_OK);
	assert_true(leaf.dirty);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, colliding(0)).cycles, DRAM);
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tsb_has_16_by_512_by_2_to_the_n_bytes),
		cmocka_unit_test(tsb_miss_costs_the_backing_walk),
		cmocka_unit_test(vhpt_traps_only_when_it_misses),
		cmocka_unit_test(htab_reads_at_most_four_lines),
		cmocka_unit_test(htab_groups_are_64_bytes),
		cmocka_unit_test(a_store_to_a_clean_page_goes_to_the_backing_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
