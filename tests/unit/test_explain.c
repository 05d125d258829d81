/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What `pagewalk explain` draws, on tables small enough to be worked out by hand. */

#include "analysis/explain.h"
#include "mmu/look.h"
#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct mmu_rig rig;
static struct text out;

static void holds(const char *wanted)
{
	if (!strstr(text_string(&out), wanted))
		fail_msg("'%s' is not in:\n%s", wanted, text_string(&out));
}

static void lacks(const char *unwanted)
{
	if (strstr(text_string(&out), unwanted))
		fail_msg("'%s' is in:\n%s", unwanted, text_string(&out));
}

static int clear(void **state)
{
	(void)state;
	text_release(&out);
	return 0;
}

/* 0x7fff12345678: indices 0xff 0x1fc 0x91 0x145, offset 0x678. */
static void explain_splits_an_address(void **state)
{
	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	explain_split(&out, &rig.table.caps, 0x7fff12345678);
	holds("| 0xff = 255 ");
	holds("| 0x1fc = 508 ");
	holds("| 0x91 = 145 ");
	holds("| 0x145 = 325 ");
	holds("| 0x678 = 1656 ");
	lacks("cannot translate");
	text_clear(&out);
	explain_split(&out, &rig.table.caps, UINT64_C(1) << 47);
	holds("cannot translate it: its addresses have 48 bits, sign-extended");
	mmu_rig_release(&rig);
}

/*
 * Flat tables: 2^(48-12) x 8 B = 2^39 B = 512 GiB, and 2^(64-12) x 8 B = 2^55 B = 32 PiB. Entries of
 * 1 GiB replace 2^(30-21) = 512 of 2 MiB and 2^(30-12) = 262,144 of 4 KiB.
 */
static void explain_sizes_tables(void **state)
{
	(void)state;
	mmu_rig_config(&rig);
	rig.config.page_table.radix.leaf_allowed[2] = true;
	mmu_rig_init(&rig, 1 << 20);
	explain_sizes(&out, &rig.table, NULL, 0);
	holds("2^36 entries x 8 B = 512 GiB");
	holds("2^52 entries x 8 B = 32 PiB");
	holds("1 GiB: offset of 30 bits, 2^18 pages in the space; an entry replaces 512 of 2 MiB or "
	      "262,144 of 4 KiB");
	mmu_rig_release(&rig);
}

/*
 * A 12-bit space with 64-byte pages, 2 + 4 index bits: flat 2^6 = 64 entries. With the lowest half
 * and the highest quarter in use, three of four inner tables: 3 x 16 = 48, and the outer 4.
 */
static void explain_sizes_ranges_in_use(void **state)
{
	const struct explain_range used[] = { { 0, 0x5ff }, { 0x600, 0x7ff }, { 0xc00, 0xfff } };
	struct radix_config *radix = &rig.config.page_table.radix;

	(void)state;
	mmu_rig_config(&rig);
	radix->level_count = 2;
	radix->index_bits[0] = 4;
	radix->index_bits[1] = 2;
	radix->leaf_allowed[1] = false;
	radix->offset_bits = 6;
	radix->pa_bits = 15;
	mmu_rig_init(&rig, 32 << 10);
	explain_sizes(&out, &rig.table, used, 3);
	holds("flat:        64 entries");
	holds("48 in level 0 (3 tables) + 4 in level 1 (1 table) = 52 entries");
	holds("3 of 4 regions in use: 48 inner + 4 outer = 52 entries, flat 64: two levels take less");
	holds("4 of 4 regions in use: 64 inner + 4 outer = 68 entries, flat 64: two levels take more");
	mmu_rig_release(&rig);
}

/* SPARC M7 has pages of 2 GiB: an offset of 31 bits; 48 - 31 = 17. */
static void explain_splits_for_other_page_sizes(void **state)
{
	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	explain_page_size(&out, &rig.table.caps, 31, 0x7fff12345678);
	holds("pages of 2 GiB");
	holds("| 0xfffe = 65534 ");
	holds("| 0x12345678 = 305419896 ");
	holds("2^17 pages in the 48-bit space; a flat table of them: 2^17 entries x 8 B = 1 MiB");
	mmu_rig_release(&rig);
}

static unsigned occurrences(const char *wanted)
{
	unsigned count = 0;

	for (const char *at = text_string(&out); (at = strstr(at, wanted)) != NULL; at++)
		count++;
	return count;
}

/* No TLB, no caches, 100 cycles a reference: four references; D is set by a write-back. */
static void explain_draws_a_walk_and_its_cost(void **state)
{
	struct mmu_result result;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, 0x401000, 12);
	explain_access(&out, &rig.mmu, ACCESS_WRITE, 0x401234, &result);
	assert_int_equal(occurrences("from memory: 100 cycles"), 4);
	assert_int_equal(occurrences("write-back at level 0"), 1);
	holds("level 3: 8 bytes at");
	holds("P=1 R/W=1 U/S=1");
	holds("leaf: 0x401000 ->");
	assert_int_equal(result.fault.kind, FAULT_NONE);
	assert_int_equal(result.cycles, 400 + rig.config.port.write_latency);
	holds("references 400 + write-backs ");
	mmu_rig_release(&rig);
}

/*
 * A machine whose TLB software refills, like MIPS's: interrupts of 10 cycles, handlers of 10 and 20
 * instructions, table pages in virtual memory. The wired entry of the table page spares the second
 * handler, which is then drawn with the TLBs empty: 10 + 10 + 100, and 10 + 20 + 100 more. The space
 * has been lent another tag than its ASID.
 */
static void explain_draws_handlers_and_nested_walks(void **state)
{
	struct mmu_result result;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 8, 0);
	rig.config.tlb.level[0].array[0].page_size_count = 1;
	rig.config.tlb.level[0].array[0].replacement = REPLACE_RANDOM;
	rig.config.tlb.level[0].array[0].wired = 2;
	rig.config.trap_latency = 10;
	strcpy(rig.config.page_table.format, "linear");
	rig.config.page_table.radix = (struct radix_config){ .level_count = 2,
							     .index_bits = { 10, 10 },
							     .leaf_allowed = { true },
							     .offset_bits = 12,
							     .pa_bits = 32,
							     .entry = RADIX_ENTRY_X86_32 };
	rig.config.page_table.linear.user_handler_instructions = 10;
	rig.config.page_table.linear.kernel_handler_instructions = 20;
	rig.config.page_table.linear.upper = LINEAR_UPPER_PHYSICAL;
	mmu_rig_init(&rig, 1 << 20);
	pt_space_lend(rig.space, 7);
	mmu_switch(&rig.mmu, rig.space);
	mmu_rig_map(&rig, 0x401000, 12);
	mmu_rig_map(&rig, 0x402000, 12);
	mmu_rig_access(&rig, ACCESS_READ, 0x401000);
	explain_access(&out, &rig.mmu, ACCESS_READ, 0x402000, &result);
	assert_int_equal(result.cycles, 10 + 10 + 100);
	assert_int_equal(occurrences("  software handler: trap and 10 instructions: 20 cycles"), 2);
	assert_int_equal(occurrences("in the linear kernel table, through the TLBs: 0 cycles"), 2);
	assert_int_equal(occurrences("0 cycles, they have it: 0x"), 1);
	holds("references 100 + handlers 20\n");
	holds("The whole walk, with TLBs and walk caches empty");
	holds("      software handler for table addresses: trap and 20 instructions: 30 cycles");
	text_clear(&out);
	/* That walk has filled the TLB, under the tag. */
	explain_access(&out, &rig.mmu, ACCESS_READ, 0x402000, &result);
	holds("0x402000 -> 0x402000, ASID 7, rwx user");
	holds("none: the TLBs answer");
	mmu_rig_release(&rig);
}

/* A TSB's handler looks, and goes on when it finds nothing; the fixed cost of a walk is told. */
static void explain_draws_a_refill_from_a_backing_table(void **state)
{
	struct mmu_result result;

	(void)state;
	mmu_rig_config(&rig);
	strcpy(rig.config.page_table.format, "tsb");
	rig.config.walk_latency = 9;
	rig.config.trap_latency = 10;
	rig.config.page_table.tsb.hit_instructions = 12;
	rig.config.page_table.tsb.miss_instructions = 40;
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, 0x401000, 12);
	explain_access(&out, &rig.mmu, ACCESS_READ, 0x401000, &result);
	holds("  software handler: trap and 12 instructions: 22 cycles");
	holds("  the handler goes on: 40 instructions: 40 cycles");
	holds("  translate 0x401000 of ASID 1 in the radix table\n");
	assert_int_equal(occurrences("      level "), 4);
	assert_int_equal(occurrences("write-back at level 0"), 2);
	holds(": start 9 + references 500 + ");
	lacks("The whole walk");
	mmu_rig_release(&rig);
}

/* What TLBs and walk caches spare is drawn once more from the root. */
static void explain_draws_what_was_spared(void **state)
{
	struct mmu_result result;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 1);
	mmu_rig_add_walk_cache(&rig, 1, 2, 0);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, 0x401000, 12);
	mmu_rig_access(&rig, ACCESS_READ, 0x401000);
	explain_access(&out, &rig.mmu, ACCESS_READ, 0x401234, &result);
	holds("way 0, 0x401000 -> ");
	holds("the walk goes on at level 0");
	holds("none: the TLBs answer");
	holds("The whole walk, with TLBs and walk caches empty");
	assert_int_equal(occurrences("8 bytes at"), 4);
	assert_int_equal(result.cycles, 1);
	mmu_rig_release(&rig);
}

static void explain_draws_faults(void **state)
{
	struct mmu_result result;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, 0x401000, 12);
	explain_access(&out, &rig.mmu, ACCESS_WRITE, 0x402000, &result);
	holds("fault at level 0: not present");
	holds("error code 0x6 (not present, W/R: write, U/S: user), CR2 = 0x402000");
	text_clear(&out);
	explain_access(&out, &rig.mmu, ACCESS_READ, UINT64_C(1) << 47, &result);
	holds("x86 raises #GP");
	assert_int_equal(result.fault.kind, FAULT_NON_CANONICAL);
	mmu_rig_release(&rig);
}

/* --- looking changes nothing ------------------------------------------------------------------ */

struct seen {
	unsigned probes, hits, set, way;
};

static void see_tlb(void *ctx, const struct tlb_sight *sight)
{
	struct seen *seen = ctx;

	seen->probes++;
	if (sight->entry) {
		seen->hits++;
		seen->set = sight->set;
		seen->way = sight->way;
	}
}

static void see_walk_cache(void *ctx, const struct walk_cache_sight *sight)
{
	struct seen *seen = ctx;

	seen->probes++;
	seen->hits += sight->entry != NULL;
}

static void explain_looks_without_touching(void **state)
{
	struct seen tlb = { 0 }, cache = { 0 };
	struct ledger before;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 8, 1);
	rig.config.tlb.level[0].array[0].ways = 2; /* 4 sets: page 0x403 is in set 3 */
	mmu_rig_add_walk_cache(&rig, 1, 2, 0);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, 0x403000, 12);
	mmu_rig_access(&rig, ACCESS_READ, 0x403000);
	before = rig.ledger;
	tlb_look(&rig.mmu.tlb, rig.space->asid, 0x403fff, ACCESS_READ, see_tlb, &tlb);
	walk_caches_look(&rig.mmu.walk_caches, rig.space->asid, 0x403fff, see_walk_cache, &cache);
	assert_int_equal(tlb.hits, 1);
	assert_int_equal(tlb.set, 3);
	assert_int_equal(tlb.way, 0);
	assert_int_equal(cache.hits, 1);
	tlb = (struct seen){ 0 };
	tlb_look(&rig.mmu.tlb, (asid_t)(rig.space->asid + 1), 0x403fff, ACCESS_READ, see_tlb, &tlb);
	assert_int_equal(tlb.hits, 0);
	assert_memory_equal(&before, &rig.ledger, sizeof(before));
	assert_int_equal(rig.mmu.tlb.level[0].count[SIDE_DATA].hits, 0);
	assert_int_equal(rig.mmu.tlb.level[0].count[SIDE_DATA].misses, 1);
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(explain_splits_an_address, clear),
		cmocka_unit_test_teardown(explain_sizes_tables, clear),
		cmocka_unit_test_teardown(explain_sizes_ranges_in_use, clear),
		cmocka_unit_test_teardown(explain_splits_for_other_page_sizes, clear),
		cmocka_unit_test_teardown(explain_draws_a_walk_and_its_cost, clear),
		cmocka_unit_test_teardown(explain_draws_handlers_and_nested_walks, clear),
		cmocka_unit_test_teardown(explain_draws_a_refill_from_a_backing_table, clear),
		cmocka_unit_test_teardown(explain_draws_what_was_spared, clear),
		cmocka_unit_test_teardown(explain_draws_faults, clear),
		cmocka_unit_test_teardown(explain_looks_without_touching, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
