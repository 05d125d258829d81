/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Wired entries: only orders and other wired entries displace them. test_tlb_random.c does the rest. */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "mmu/tlb.h"

enum { ENTRIES = 16, WIRED = 4, PAGE = 4096, KERNEL_ASID = 0, USER_ASID = 1 };

static const struct mmu_controls controls = { .write_protect = true, .no_execute = true };
static struct event_queue queue;
static struct ledger ledger;
static uint64_t instructions;
static struct tlb tlb;

static void start(enum replacement replacement, unsigned wired)
{
	struct tlb_config config = { .level_count = 1, .level = { { "l1", .array_count = 1 } } };
	struct tlb_array_config *array = &config.level[0].array[0];

	strcpy(array->name, "all");
	array->side = SIDE_BOTH;
	array->page_lg2[0] = 12;
	array->page_size_count = 1;
	array->entries = ENTRIES;
	array->wired = wired;
	array->replacement = replacement;
	event_queue_init(&queue, &instructions, &ledger);
	assert_int_equal(tlb_init(&tlb, &config, 1, &queue, &host_alloc_libc), PW_OK);
}

static void stop(void)
{
	const char *what;

	if (tlb_check(&tlb, &what) != PW_OK)
		fail_msg("%s", what);
	tlb_release(&tlb);
}

static struct tlb_request request_of(unsigned page, bool wired)
{
	return (struct tlb_request){
		.va = (va_t)page * PAGE,
		.asid = wired ? KERNEL_ASID : USER_ASID,
		.access = ACCESS_READ,
		.mode = MODE_SUPERVISOR,
		.wired = wired,
	};
}

static bool holds(unsigned page, bool wired)
{
	struct tlb_request request = request_of(page, wired);
	struct tlb_answer answer;

	tlb_lookup(&tlb, &request, &answer);
	return answer.entry != NULL;
}

static void fill(unsigned page, bool wired)
{
	struct tlb_request request = request_of(page, wired);
	const struct translation t = { .va = request.va,
				       .pa = (pa_t)page * PAGE,
				       .bytes = PAGE,
				       .page_lg2 = 12,
				       .perms = PERM_READ | PERM_WRITE,
				       .global = wired,
				       .accessed = true,
				       .dirty = true };

	tlb_fill(&tlb, &request, &t, &controls);
}

/*
 * Four wired pages, then a thousand others through the remaining twelve ways: whatever the policy,
 * the four stay, and never more than twelve others are there. 8 + 8 for tree-PLRU.
 */
static void wired_entries_are_never_displaced(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < REPLACEMENT_COUNT; policy++) {
		unsigned wired = policy == REPLACE_TREE_PLRU ? ENTRIES / 2 : WIRED, others = 0;

		start((enum replacement)policy, wired);
		for (unsigned i = 0; i < wired; i++)
			fill(10000 + i, true);
		for (unsigned i = 0; i < 1000; i++)
			fill(i, false);
		for (unsigned i = 0; i < wired; i++)
			assert_true(holds(10000 + i, true));
		for (unsigned i = 0; i < 1000; i++)
			others += holds(i, false);
		assert_int_equal(others, ENTRIES - wired);
		assert_int_equal(tlb.level[0].array[0].count.evictions, 1000 - (ENTRIES - wired));
		stop();
	}
}

/* With one more wired page than ways for them, the least recently used of them goes. */
static void wired_entries_displace_each_other(void **state)
{
	(void)state;
	start(REPLACE_LRU, WIRED);
	for (unsigned i = 0; i < ENTRIES - WIRED; i++)
		fill(i, false);
	for (unsigned i = 0; i < WIRED; i++)
		fill(100 + i, true);
	assert_true(holds(100, true)); /* now 101 is the oldest */
	fill(100 + WIRED, true);
	assert_true(holds(100, true) && holds(100 + WIRED, true));
	assert_false(holds(101, true));
	for (unsigned i = 0; i < ENTRIES - WIRED; i++)
		assert_true(holds(i, false));
	stop();
}

/* Orders reach them; their ways are then free for wired entries, and for no others. */
static void wired_entries_leave_by_order(void **state)
{
	(void)state;
	start(REPLACE_RANDOM, WIRED);
	for (unsigned i = 0; i < WIRED; i++)
		fill(100 + i, true);
	tlb_invalidate_range(&tlb, KERNEL_ASID, 100 * PAGE, PAGE);
	assert_false(holds(100, true));
	assert_true(holds(101, true));
	tlb_invalidate_all(&tlb, true); /* they are global */
	assert_true(holds(101, true));
	for (unsigned i = 0; i < 50; i++)
		fill(i, false);
	assert_int_equal(tlb.level[0].array[0].live, ENTRIES - 1);
	fill(200, true);
	assert_int_equal(tlb.level[0].array[0].live, ENTRIES);
	assert_true(holds(101, true) && holds(102, true) && holds(103, true) && holds(200, true));
	tlb_invalidate_all(&tlb, false);
	assert_int_equal(tlb.level[0].array[0].live, 0);
	stop();
}

/* A page entered again as wired moves to a wired way. */
static void wired_is_part_of_what_an_entry_says(void **state)
{
	struct tlb_request request = request_of(5, false);
	const struct translation t = {
		.va = 5 * PAGE, .pa = PAGE, .bytes = PAGE, .page_lg2 = 12, .perms = PERM_READ
	};

	(void)state;
	start(REPLACE_LRU, WIRED);
	tlb_fill(&tlb, &request, &t, &controls);
	request.wired = true;
	tlb_fill(&tlb, &request, &t, &controls);
	assert_int_equal(tlb.level[0].array[0].live, 1);
	assert_true(tlb.level[0].array[0].entry[0].bytes == PAGE);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wired_entries_are_never_displaced),
		cmocka_unit_test(wired_entries_displace_each_other),
		cmocka_unit_test(wired_entries_leave_by_order),
		cmocka_unit_test(wired_is_part_of_what_an_entry_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
