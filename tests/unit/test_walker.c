/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The walker and the MMU around it, with a format that is a script: each space holds a list of
 * steps that its walks ask for one after another, so that every kind of step, also those that no
 * built-in format uses yet, is charged, counted and emitted as walk.h says.
 */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS_MAX = 12, DRAM = 100, WRITE = 7, TRAP = 50 };

struct script {
	unsigned count;
	unsigned resumes_at; /* where a walk cache resumes it, if not 0 */
	enum walk_step step[STEPS_MAX];
	struct walk_request request[STEPS_MAX];
	/* What the walk was told, by step that it followed. */
	struct walk_reply reply[STEPS_MAX];
	uint64_t first_word[STEPS_MAX];
};

static struct mmu_rig rig;
static struct script outer, inner;
static struct pt_space inner_space;

static void script_start(const struct walk_input *input, struct walk_state *state)
{
	(void)input;
	memset(state, 0, sizeof(*state));
}

static enum walk_step script_next(const struct walk_input *input, struct walk_state *state,
				  const struct walk_reply *reply, struct walk_request *request)
{
	struct script *script = input->space->format;
	unsigned i = state->count;

	assert_true((reply == NULL) == (i == 0 || i == script->resumes_at));
	if (reply) {
		script->reply[i - 1] = *reply;
		if (script->step[i - 1] == WALK_READ)
			script->first_word[i - 1] = walk_load(reply->line[0], 8);
	}
	assert_true(i < script->count);
	*request = script->request[i];
	state->count++;
	return script->step[i];
}

static const struct pt_ops script_ops = {
	.name = "script",
	.walk_start = script_start,
	.walk_next = script_next,
};

static struct walk_request *add(struct script *script, enum walk_step step)
{
	script->step[script->count] = step;
	return &script->request[script->count++];
}

static void add_read(struct script *script, unsigned refs, bool together)
{
	struct walk_request *r = add(script, WALK_READ);

	r->read.count = (uint8_t)refs;
	r->read.together = together;
	for (unsigned i = 0; i < refs; i++)
		r->read.ref[i] = (struct walk_ref){ .pa = 0x4000 + i * 0x1000, .bytes = 8 };
}

static void add_leaf(struct script *script, va_t va, pa_t pa)
{
	add(script, WALK_LEAF)->leaf = (struct translation){
		.va = va,
		.pa = pa,
		.bytes = 4096,
		.page_lg2 = 12,
		.perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER,
		.accessed = true,
		.dirty = true,
	};
}

static void add_fault(struct script *script, enum fault_kind kind, unsigned level)
{
	struct walk_request *r = add(script, WALK_FAULT);

	r->fault.kind = (uint8_t)kind;
	r->fault.level = (uint8_t)level;
}

static void add_call(struct script *script, va_t va, bool through_tlb)
{
	struct walk_request *r = add(script, WALK_CALL);

	r->call.space = &inner_space;
	r->call.va = va;
	r->call.access = ACCESS_READ;
	r->call.mode = MODE_SUPERVISOR_AC;
	r->call.through_tlb = through_tlb;
}

/* The rig's table is a real one; its space is made to run the script instead. */
static struct page_table script_table;
static struct pt_space outer_space;

static void configure(void)
{
	memset(&outer, 0, sizeof(outer));
	memset(&inner, 0, sizeof(inner));
	mmu_rig_config(&rig);
	rig.config.trap_latency = TRAP;
	rig.config.handler_cpi = 2;
}

static void configure_data_cache(void)
{
	rig.config.port.level_count = 1;
	rig.config.port.level[0] = (struct port_level_config){ "l1d", 4096, 4, 64, REPLACE_LRU, 4 };
}

static void boot(void)
{
	mmu_rig_init(&rig, 1 << 20);
	script_table = rig.table;
	script_table.ops = &script_ops;
	outer_space =
		(struct pt_space){ .table = &script_table, .asid = 1, .tag = 1, .format = &outer };
	inner_space =
		(struct pt_space){ .table = &script_table, .asid = 2, .tag = 2, .format = &inner };
	rig.mmu.table = &script_table;
	mmu_switch(&rig.mmu, &outer_space);
}

static void start(unsigned tlb_entries)
{
	configure();
	if (tlb_entries)
		mmu_rig_add_tlb(&rig, tlb_entries, 1);
	boot();
}

static void stop(void)
{
	mmu_rig_release(&rig);
}

static void walker_charges_reads_in_turn_and_together(void **state)
{
	(void)state;
	start(0);
	memset(phys_mem_at(&rig.mem, 0x4000), 0x5a, 8);
	add_read(&outer, 3, false);
	add_read(&outer, 4, true);
	add_leaf(&outer, 0x1000, 0x8000);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x1234).cycles, 3 * DRAM + DRAM);
	assert_int_equal(rig.mmu.counters.walk_refs, 7);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_REF], 4 * DRAM);
	assert_true(outer.first_word[0] == UINT64_C(0x5a5a5a5a5a5a5a5a));
	stop();
}

/* Together costs the slowest of them, in turn the sum: one of two references hits the cache. */
static void walker_together_costs_the_slowest(void **state)
{
	(void)state;
	configure();
	configure_data_cache();
	boot();
	add_read(&outer, 1, false); /* 0x4000: DRAM */
	add_read(&outer, 2, true);  /* 0x4000 hits, 0x5000: DRAM */
	add_read(&outer, 2, false); /* both hit */
	add_leaf(&outer, 0x1000, 0x8000);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x1000).cycles, DRAM + DRAM + 4 + 4);
	stop();
}

static void walker_writes_by_compare_and_swap(void **state)
{
	struct walk_request *w;

	(void)state;
	start(0);
	mmu_rig_want(&rig, (uint64_t)1 << EVENT_WALK_WRITE);
	memset(phys_mem_at(&rig.mem, 0x6000), 0x11, 8);
	w = add(&outer, WALK_WRITE);
	w->write.pa = 0x6000;
	w->write.old_value = UINT64_C(0x1111111111111111);
	w->write.new_value = UINT64_C(0x1111111111111131);
	w->write.bytes = 8;
	w = add(&outer, WALK_WRITE); /* somebody else was faster */
	*w = outer.request[0];
	add_leaf(&outer, 0x1000, 0x8000);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, 0x1000).cycles, 2 * WRITE);
	assert_false(outer.reply[0].write_lost);
	assert_true(outer.reply[1].write_lost);
	assert_true(walk_load(phys_mem_at(&rig.mem, 0x6000), 8) == UINT64_C(0x1111111111111131));
	assert_int_equal(rig.ledger.line[CHARGE_WALK_WRITE], 2 * WRITE);
	assert_int_equal(rig.mmu.counters.walk_writes, 2);
	assert_int_equal(mmu_rig_count(&rig, EVENT_WALK_WRITE), 2);
	stop();
}

static void walker_charges_handlers(void **state)
{
	struct walk_request *r;

	(void)state;
	start(0);
	r = add(&outer, WALK_RUN);
	r->run.instructions = 9;
	r->run.trap = TRAP_TLB_REFILL;
	r->run.code = PFN_NONE;
	add_read(&outer, 1, false);
	add_leaf(&outer, 0x1000, 0x8000);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x1000).cycles, TRAP + 9 * 2 + DRAM);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_HANDLER], TRAP + 9 * 2);
	assert_int_equal(rig.mmu.counters.walk_traps, 1);
	assert_int_equal(rig.mmu.counters.handler_instructions, 9);
	stop();
}

/* A faulting attempt is on one line, whatever it did. */
static void walker_charges_a_faulting_attempt_on_its_own_line(void **state)
{
	struct mmu_result result;

	(void)state;
	start(4);
	add(&outer, WALK_RUN)->run.instructions = 1;
	add_read(&outer, 2, false);
	add_fault(&outer, FAULT_NOT_PRESENT, 2);
	mmu_rig_want(&rig, (uint64_t)1 << EVENT_FAULT | (uint64_t)1 << EVENT_WALK);
	result = mmu_rig_access(&rig, ACCESS_WRITE, 0x1238);
	assert_int_equal(result.cycles, 1 + TRAP + 2 + 2 * DRAM);
	assert_int_equal(rig.ledger.line[CHARGE_WALK_FAULTING], result.cycles);
	assert_int_equal(ledger_total(&rig.ledger), result.cycles);
	assert_int_equal(result.fault.kind, FAULT_NOT_PRESENT);
	assert_int_equal(result.fault.level, 2);
	assert_int_equal(result.fault.error_code, 6);
	assert_true(result.fault.va == 0x1238);
	assert_int_equal(mmu_rig_count(&rig, EVENT_FAULT), 1);
	assert_int_equal(mmu_rig_count(&rig, EVENT_WALK), 1);
	assert_int_equal(rig.event[0].value, 2); /* references */
	assert_int_equal(rig.event[1].value, 6); /* error code */
	stop();
}

/* Nested: the inner walk's charges are the outer's; its leaf is what the outer is told. */
static void walker_calls_another_space(void **state)
{
	struct mmu_result result;

	(void)state;
	start(4);
	add_call(&outer, 0x7000, true);
	add_read(&outer, 1, false);
	add_leaf(&outer, 0x1000, 0x8000);
	add_read(&inner, 2, false);
	add_leaf(&inner, 0x7000, 0x9000);
	result = mmu_rig_access(&rig, ACCESS_READ, 0x1000);
	assert_int_equal(result.cycles, 1 + 1 + 3 * DRAM);
	assert_int_equal(outer.reply[0].call_fault, FAULT_NONE);
	assert_int_equal(outer.reply[0].called.pa, 0x9000);
	assert_int_equal(rig.mmu.counters.walk_calls, 1);
	assert_int_equal(rig.mmu.walks[ACCESS_READ], 2);
	assert_int_equal(rig.ledger.line[CHARGE_TLB_LOOKUP], 2);
	assert_int_equal(rig.mmu.nested_lookups[ACCESS_READ], 1);
	/* The inner translation is in the TLB now: invalidate the outer one alone and walk again. */
	mmu_invalidate_asid(&rig.mmu, 1);
	result = mmu_rig_access(&rig, ACCESS_READ, 0x1000);
	assert_int_equal(result.cycles, 1 + 1 + DRAM);
	assert_int_equal(rig.mmu.walks[ACCESS_READ], 3);
	assert_int_equal(outer.reply[0].called.pa, 0x9000);
	stop();
}

static void walker_call_that_faults_is_told(void **state)
{
	(void)state;
	start(4);
	add_call(&outer, 0x7000, false);
	add_fault(&outer, FAULT_PROTECTION, 1);
	add_read(&inner, 1, false);
	add_fault(&inner, FAULT_NOT_PRESENT, 0);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x1000).fault.kind, FAULT_PROTECTION);
	assert_int_equal(outer.reply[0].call_fault, FAULT_NOT_PRESENT);
	assert_int_equal(rig.mmu.faults[FAULT_PROTECTION], 1);
	assert_int_equal(rig.mmu.faults[FAULT_NOT_PRESENT], 1);
	assert_int_equal(rig.mmu.nested_lookups[ACCESS_READ], 0);
	stop();
}

/* An extra translation enters the TLB and is hit without a walk; no access is charged for it. */
static void walker_fills_extra_translations(void **state)
{
	(void)state;
	start(4);
	add(&outer, WALK_FILL)->fill = (struct translation){
		.va = 0x5000,
		.pa = 0xa000,
		.bytes = 4096,
		.page_lg2 = 12,
		.perms = PERM_READ | PERM_USER,
		.accessed = true,
	};
	add_leaf(&outer, 0x1000, 0x8000);
	mmu_rig_access(&rig, ACCESS_READ, 0x1000);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x5008).pa, 0xa008);
	assert_int_equal(rig.mmu.walks[ACCESS_READ], 1);
	stop();
}

/*
 * A state that the format made is kept for the region of its level (1: 2 MiB), the walk goes on
 * with its own; the next walk in the region begins there, until the page table itself says that
 * the region has changed. An order for TLBs alone leaves walk caches, and the reverse.
 */
static void walker_keeps_states_for_later_walks(void **state)
{
	struct walk_request *keep;

	(void)state;
	configure();
	mmu_rig_add_tlb(&rig, 4, 0);
	mmu_rig_add_walk_cache(&rig, 1, 4, 0);
	boot();
	add_read(&outer, 1, false);
	keep = add(&outer, WALK_KEEP);
	memset(&keep->keep, 0, sizeof(keep->keep));
	keep->keep.level = 1;
	keep->keep.state.count = 3;
	outer.resumes_at = 3;
	add_leaf(&outer, 0x1000, 0x8000);
	add_leaf(&outer, 0x2000, 0x9000);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x1000).pa, 0x8000);
	assert_int_equal(rig.mmu.counters.walk_refs, 1);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x2000).pa, 0x9000);
	assert_int_equal(rig.mmu.counters.walk_refs, 1);
	pt_invalidate(&rig.table, 1, 0x2000, 4096, PT_HELD_TLB);
	assert_int_equal(rig.mmu.walk_caches.cache[0].live, 1);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x2000).pa, 0x9000);
	assert_int_equal(rig.mmu.walks[ACCESS_READ], 3);
	pt_invalidate(&rig.table, 2, 0, 4096, PT_HELD_WALK_CACHES); /* another space */
	assert_int_equal(rig.mmu.walk_caches.cache[0].live, 1);
	pt_invalidate(&rig.table, 1, 0, 4096, PT_HELD_WALK_CACHES);
	assert_int_equal(rig.mmu.walk_caches.cache[0].live, 0);
	mmu_rig_access(&rig, ACCESS_READ, 0x2000); /* still in the TLB */
	assert_int_equal(rig.mmu.walks[ACCESS_READ], 3);
	assert_int_equal(rig.mmu.counters.invalidations_table, 3);
	stop();
}

static void walker_reads_beyond_memory_as_zero(void **state)
{
	(void)state;
	start(0);
	add_read(&outer, 1, false);
	outer.request[0].read.ref[0].pa = UINT64_C(1) << 45;
	outer.first_word[0] = 1;
	add_fault(&outer, FAULT_NOT_PRESENT, 0);
	mmu_rig_access(&rig, ACCESS_READ, 0x1000);
	assert_int_equal(outer.first_word[0], 0);
	stop();
}

/* The silent walk takes the same steps and changes nothing, charges nothing, counts nothing. */
static void walker_probe_is_silent(void **state)
{
	struct walk_request *w;
	struct mmu_counters before;

	(void)state;
	start(4);
	w = add(&outer, WALK_WRITE);
	w->write.pa = 0x6000;
	w->write.new_value = 1;
	w->write.bytes = 8;
	add(&outer, WALK_RUN)->run.instructions = 5;
	add_call(&outer, 0x7000, true);
	add_read(&outer, 1, false);
	add_leaf(&outer, 0x1000, 0x8000);
	add_read(&inner, 1, false);
	add_leaf(&inner, 0x7000, 0x9000);
	before = rig.mmu.counters;
	assert_int_equal(mmu_probe(&rig.mmu, ACCESS_READ, 0x1000, NULL), FAULT_NONE);
	assert_int_equal(outer.reply[2].called.pa, 0x9000);
	assert_memory_equal(&before, &rig.mmu.counters, sizeof(before));
	assert_int_equal(ledger_total(&rig.ledger), 0);
	assert_int_equal(walk_load(phys_mem_at(&rig.mem, 0x6000), 8), 0);
	stop();
}

/* #GP, not #PF: no lookup, no walk, no CR2. */
static void walker_never_sees_a_non_canonical_address(void **state)
{
	struct mmu_result result;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 1);
	mmu_rig_init(&rig, 1 << 20);
	result = mmu_rig_access(&rig, ACCESS_READ, UINT64_C(0x800000000000));
	assert_int_equal(result.fault.kind, FAULT_NON_CANONICAL);
	assert_true(result.fault.va == 0 && result.fault.error_code == 0);
	assert_int_equal(rig.mmu.lookups[ACCESS_READ], 0);
	assert_int_equal(rig.mmu.counters.non_canonical, 1);
	assert_int_equal(ledger_total(&rig.ledger), 0);
	assert_int_equal(mmu_probe(&rig.mmu, ACCESS_READ, UINT64_C(0xffff7fffffffffff), NULL),
			 FAULT_NON_CANONICAL);
	assert_int_equal(mmu_probe(&rig.mmu, ACCESS_READ, UINT64_C(0xffff800000000000), NULL),
			 FAULT_NOT_PRESENT);
	mmu_rig_release(&rig);
}

/* While ACCESS is wanted each access is emitted, hits included, and nothing else changes. */
static void mmu_emits_every_access(void **state)
{
	cycles_t quiet;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 1);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, 0x1000, 12);
	for (unsigned i = 0; i < 10; i++)
		mmu_rig_access(&rig, ACCESS_READ, 0x1000 + i * 8);
	quiet = ledger_total(&rig.ledger);
	mmu_rig_want(&rig, (uint64_t)1 << EVENT_ACCESS);
	for (unsigned i = 0; i < 10; i++)
		mmu_rig_access(&rig, ACCESS_READ, 0x1000 + i * 8);
	assert_int_equal(mmu_rig_count(&rig, EVENT_ACCESS), 10);
	assert_int_equal(rig.event[3].va, 0x1018);
	assert_int_equal(rig.event[3].value, 8);
	assert_int_equal(rig.event[3].cycles, 1);
	assert_int_equal(ledger_total(&rig.ledger), quiet + 10);
	mmu_rig_want(&rig, 0);
	mmu_rig_access(&rig, ACCESS_READ, 0x1000);
	assert_int_equal(mmu_rig_count(&rig, EVENT_ACCESS), 0);
	assert_int_equal(rig.mmu.lookups[ACCESS_READ], 21);
	mmu_rig_release(&rig);
}

/* A page made writable under a TLB entry that says otherwise: the store walks, and goes through. */
static void mmu_walks_again_for_rights(void **state)
{
	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 1);
	mmu_rig_init(&rig, 1 << 20);
	assert_int_equal(mmu_rig_map_attrs(&rig, 0x1000, 12,
					   (struct pt_attrs){ .perms = PERM_READ | PERM_USER }),
			 PW_OK);
	mmu_rig_access(&rig, ACCESS_READ, 0x1000);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, 0x1000).fault.kind, FAULT_PROTECTION);
	rig.table.ops->protect(rig.space, 0x1000, 4096, PERM_READ | PERM_WRITE | PERM_USER, NULL,
			       NULL);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, 0x1000).fault.kind, FAULT_NONE);
	assert_int_equal(rig.mmu.counters.upgrade_walks, 2);
	assert_int_equal(rig.mmu.counters.dirty_walks, 0);
	assert_int_equal(rig.mmu.tlb.level[0].count[SIDE_DATA].misses, 1);
	mmu_rig_release(&rig);
}

/* Data through the port costs what it takes beyond a first-level hit, a line at a time. */
static void mmu_data_costs_beyond_a_first_level_hit(void **state)
{
	(void)state;
	mmu_rig_config(&rig);
	configure_data_cache();
	mmu_rig_init(&rig, 1 << 20);
	assert_int_equal(mmu_data(&rig.mmu, 0x1000, 8, false), 0); /* tables only */
	mmu_rig_release(&rig);
	mmu_rig_config(&rig);
	configure_data_cache();
	rig.config.port.traffic = PORT_TABLES_AND_DATA;
	mmu_rig_init(&rig, 1 << 20);
	assert_int_equal(mmu_data(&rig.mmu, 0x1000, 8, false), DRAM - 4);
	assert_int_equal(mmu_data(&rig.mmu, 0x1038, 16, true), DRAM - 4); /* the second line */
	assert_int_equal(mmu_data(&rig.mmu, 0x1038, 16, false), 0);
	assert_int_equal(rig.ledger.line[CHARGE_DATA], 2 * (DRAM - 4));
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walker_charges_reads_in_turn_and_together),
		cmocka_unit_test(walker_together_costs_the_slowest),
		cmocka_unit_test(walker_writes_by_compare_and_swap),
		cmocka_unit_test(walker_charges_handlers),
		cmocka_unit_test(walker_charges_a_faulting_attempt_on_its_own_line),
		cmocka_unit_test(walker_calls_another_space),
		cmocka_unit_test(walker_call_that_faults_is_told),
		cmocka_unit_test(walker_fills_extra_translations),
		cmocka_unit_test(walker_keeps_states_for_later_walks),
		cmocka_unit_test(walker_reads_beyond_memory_as_zero),
		cmocka_unit_test(walker_probe_is_silent),
		cmocka_unit_test(walker_never_sees_a_non_canonical_address),
		cmocka_unit_test(mmu_emits_every_access),
		cmocka_unit_test(mmu_walks_again_for_rights),
		cmocka_unit_test(mmu_data_costs_beyond_a_first_level_hit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
