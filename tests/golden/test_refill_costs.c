/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the machines of Jacob & Mudge (ASPLOS 1998) pay for a TLB miss, by hand. Their events: a
 * user handler of 10 instructions and one load, a kernel handler of 20 and one, a root handler of
 * 500, ten loads of its own data and one of the entry, a hardware walk of 7 cycles and two loads;
 * each handler begins with an interrupt of 10, 50 or 200 cycles. One cycle an instruction. There
 * are no data caches here, so that each load costs DRAM.
 */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 16 << 20, PAGE = 4096, DRAM = 100, UPT_REACH = 4 << 20 };

static const unsigned interrupts[] = { 10, 50, 200 };
static const va_t base = 0x10000000;
static struct mmu_rig rig;

/* 128 entries, fully associative, random replacement, `wired` of them protected. */
static void configure(unsigned interrupt, unsigned wired)
{
	struct tlb_array_config *array = &rig.config.tlb.level[0].array[0];

	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 128, 0);
	array->page_size_count = 1;
	array->replacement = REPLACE_RANDOM;
	array->wired = wired;
	rig.config.trap_latency = interrupt;
	rig.config.page_table.radix = (struct radix_config){
		.level_count = 2,
		.index_bits = { 10, 10 }, /* 1024 entries of 4 bytes: a page */
		.leaf_allowed = { true },
		.offset_bits = 12,
		.pa_bits = 32,
		.entry = RADIX_ENTRY_X86_32
	};
}

static void configure_linear(unsigned interrupt, enum linear_upper upper)
{
	configure(interrupt, 16);
	strcpy(rig.config.page_table.format, "linear");
	rig.config.page_table.linear = (struct linear_config){ .upper = upper,
							       .spaces = 4,
							       .user_handler_instructions = 10,
							       .kernel_handler_instructions = 20,
							       .root_handler_instructions = 500,
							       .root_handler_loads = 10 };
}

static void start(void)
{
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, base, 12);
	mmu_rig_map(&rig, base + PAGE, 12);
	mmu_rig_map(&rig, base + UPT_REACH, 12);
}

static cycles_t read_cost(va_t va)
{
	struct mmu_result result = mmu_rig_access(&rig, ACCESS_READ, va);

	assert_int_equal(result.fault.kind, FAULT_NONE);
	return result.cycles;
}

/*
 * ULTRIX. A user miss whose table page is mapped in the TLB: interrupt + 10 + one load. Cold: the
 * user handler's load misses too, and a second interrupt runs the handler that loads the root
 * entry: interrupt + 10 + interrupt + 20 + a load of the root + the load of the entry.
 */
static void ultrix_pays_for_one_or_two_handlers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		cycles_t trap = interrupts[i];

		configure_linear(interrupts[i], LINEAR_UPPER_PHYSICAL);
		start();
		assert_int_equal(read_cost(base), trap + 10 + trap + 20 + DRAM + DRAM);
		assert_int_equal(read_cost(base), 0);
		assert_int_equal(read_cost(base + PAGE), trap + 10 + DRAM);
		/* Another page of the user's table: not mapped yet. */
		assert_int_equal(read_cost(base + UPT_REACH), trap + 10 + trap + 20 + 2 * DRAM);
		assert_int_equal(rig.mmu.counters.walk_traps, 2 + 1 + 2);
		assert_int_equal(rig.mmu.counters.handler_instructions, 30 + 10 + 30);
		assert_int_equal(rig.ledger.line[CHARGE_WALK_HANDLER], 5 * trap + 70);
		assert_int_equal(rig.ledger.line[CHARGE_WALK_REF], 5 * DRAM);
		mmu_rig_release(&rig);
	}
}

/*
 * MACH. As ULTRIX where the user's table page is mapped. Where it is not: the kernel handler loads
 * the kernel's entry, through an address that may be mapped, too (interrupt + 10 + interrupt + 20 +
 * 2 loads) or not: then the root handler runs as well, interrupt + 500, ten loads, one of the root
 * entry: 3 interrupts + 530 + 13 loads in all.
 */
static void mach_pays_for_up_to_three_handlers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		cycles_t trap = interrupts[i];

		configure_linear(interrupts[i], LINEAR_UPPER_MAPPED);
		start();
		assert_int_equal(read_cost(base),
				 3 * trap + 10 + 20 + 500 + (10 + 1 + 1 + 1) * DRAM);
		assert_int_equal(read_cost(base + PAGE), trap + 10 + DRAM);
		assert_int_equal(read_cost(base + UPT_REACH), 2 * trap + 10 + 20 + 2 * DRAM);
		mmu_rig_release(&rig);
	}
}

/* INTEL: no interrupt; 7 cycles and two loads, always, from the top down. */
static void intel_pays_seven_cycles_and_two_loads(void **state)
{
	(void)state;
	configure(200, 0);
	rig.config.walk_latency = 7;
	start();
	assert_int_equal(read_cost(base), 7 + 2 * DRAM);
	assert_int_equal(read_cost(base), 0);
	assert_int_equal(read_cost(base + PAGE), 7 + 2 * DRAM);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_START], 2 * 7);
	assert_int_equal(ledger_total(&rig.ledger), 2 * (7 + 2 * DRAM));
	mmu_rig_release(&rig);
}

/*
 * The protected slots: 112 unprotected ones are swept over by 500 pages of one page of the user's
 * table, again and again; its mapping stays, so that after the first miss each costs one handler.
 */
static void ultrix_keeps_its_table_pages_mapped(void **state)
{
	const unsigned pages = 500, rounds = 3;
	uint64_t misses;

	(void)state;
	configure_linear(10, LINEAR_UPPER_PHYSICAL);
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < pages; i++)
		mmu_rig_map(&rig, base + (va_t)i * PAGE, 12);
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < pages; i++)
			read_cost(base + (va_t)i * PAGE);
	misses = rig.mmu.walks[ACCESS_READ] - 1; /* one nested */
	assert_true(misses >= pages);
	assert_int_equal(rig.mmu.counters.walk_traps, misses + 1);
	assert_int_equal(ledger_total(&rig.ledger), misses * (10 + 10 + DRAM) + 10 + 20 + DRAM);
	mmu_rig_release(&rig);
}

/* A table page that is freed leaves the TLB: the next miss finds the new one. */
static void a_freed_table_page_is_no_longer_mapped(void **state)
{
	struct mmu_result result;

	(void)state;
	configure_linear(10, LINEAR_UPPER_PHYSICAL);
	start();
	read_cost(base + UPT_REACH);
	assert_int_equal(rig.table.ops->unmap(rig.space, base + UPT_REACH, PAGE, NULL, NULL),
			 PW_OK);
	mmu_invalidate_range(&rig.mmu, 1, base + UPT_REACH, PAGE);
	result = mmu_rig_access(&rig, ACCESS_READ, base + UPT_REACH);
	assert_int_equal(result.fault.kind, FAULT_NOT_PRESENT);
	/* The user handler, the kernel handler, and the absent root entry. */
	assert_int_equal(result.cycles, 10 + 10 + 10 + 20 + DRAM);
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ultrix_pays_for_one_or_two_handlers),
		cmocka_unit_test(mach_pays_for_up_to_three_handlers),
		cmocka_unit_test(intel_pays_seven_cycles_and_two_loads),
		cmocka_unit_test(ultrix_keeps_its_table_pages_mapped),
		cmocka_unit_test(a_freed_table_page_is_no_longer_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
