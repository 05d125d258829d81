/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The TLB tree: exact expectations, each derived in its comment. test_tlb_random.c does the rest. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mmu/page_table.h"
#include "mmu/tlb.h"

enum { KIND_MAX = EVENT_COUNT };

struct sums {
	struct sink sink;
	uint64_t count[KIND_MAX], value[KIND_MAX];
	struct event last[KIND_MAX];
};

static void add_up(struct sink *sink, const struct event *events, size_t count)
{
	struct sums *sums = (struct sums *)sink;

	for (size_t i = 0; i < count; i++) {
		sums->count[events[i].kind]++;
		sums->value[events[i].kind] += events[i].value;
		sums->last[events[i].kind] = events[i];
	}
}

static const struct sink_ops sum_ops = { "sums", add_up };
static const struct mmu_controls controls = { .write_protect = true, .no_execute = true };

/* One TLB under test, what it is asked with, and what it emitted. */
static struct {
	struct tlb tlb;
	struct event_queue queue;
	struct sums sums;
	struct ledger ledger;
	uint64_t instructions, lookups, translated;
	asid_t asid;
	bool global, clean;
	uint8_t page_lg2;
} t;

static struct tlb_array_config array(const char *name, enum tlb_side side, uint8_t lg2,
				     unsigned entries, unsigned ways)
{
	struct tlb_array_config config = {
		.side = side,
		.page_lg2 = { lg2 },
		.page_size_count = 1,
		.entries = entries,
		.ways = ways,
		.replacement = REPLACE_LRU,
	};

	strcpy(config.name, name);
	return config;
}

static struct tlb_config one_array(enum replacement replacement, unsigned entries, unsigned ways)
{
	struct tlb_config config = { .level_count = 1, .level = { { "l1", .array_count = 1 } } };

	config.level[0].array[0] = array("4k", SIDE_BOTH, 12, entries, ways);
	config.level[0].array[0].replacement = replacement;
	return config;
}

/* 2 entries over 4, both fully associative and for 4 KiB pages of both sides. */
static struct tlb_config two_levels(enum tlb_relation relation)
{
	struct tlb_config config = {
		.level_count = 2,
		.level = { { "l1", .array_count = 1 },
			   { "l2", .array_count = 1, .relation = relation } },
	};

	config.level[0].array[0] = array("4k", SIDE_BOTH, 12, 2, 0);
	config.level[1].array[0] = array("4k", SIDE_BOTH, 12, 4, 0);
	config.level[1].array[0].latency = 7;
	return config;
}

static void setup(const struct tlb_config *config)
{
	memset(&t, 0, sizeof(t));
	t.page_lg2 = 12;
	t.sums.sink.ops = &sum_ops;
	t.sums.sink.wants = UINT64_MAX;
	event_queue_init(&t.queue, &t.instructions, &t.ledger);
	assert_int_equal(event_queue_attach(&t.queue, &t.sums.sink), PW_OK);
	assert_int_equal(tlb_init(&t.tlb, config, 1, &t.queue, &host_alloc_libc), PW_OK);
}

static void finish(void)
{
	const char *what;

	tlb_retire_accesses(&t.tlb);
	event_queue_flush(&t.queue);
	assert_int_equal(t.sums.value[EVENT_TLB_RETIRE], t.translated);
	if (tlb_check(&t.tlb, &what) != PW_OK)
		fail_msg("%s", what);
	tlb_release(&t.tlb);
}

static void fill(const struct tlb_request *request, uint8_t perms)
{
	const struct translation tr = {
		.va = request->va >> t.page_lg2 << t.page_lg2,
		.pa = request->va >> t.page_lg2 << t.page_lg2 ^ (pa_t)1 << 40,
		.bytes = (uint64_t)1 << t.page_lg2,
		.page_lg2 = t.page_lg2,
		.perms = perms,
		.global = t.global,
		.accessed = true,
		.dirty = !t.clean,
	};

	tlb_fill(&t.tlb, request, &tr, &controls);
	t.translated++;
}

/* One access as mmu.c makes it; a miss or a refusal fills. Returns the level that hit. */
static unsigned touch(va_t va, enum access_kind access)
{
	struct tlb_request request = {
		.va = va, .asid = t.asid, .access = (uint8_t)access, .mode = MODE_SUPERVISOR
	};
	struct tlb_answer answer;
	pa_t pa;

	t.lookups++;
	if (tlb_hit(&t.tlb, access, MODE_SUPERVISOR, va, &pa)) {
		assert_int_equal(pa, va ^ (pa_t)1 << 40);
		t.translated++;
		return 0;
	}
	tlb_lookup(&t.tlb, &request, &answer);
	if (answer.entry && tlb_entry_ready(answer.entry, access, MODE_SUPERVISOR))
		t.translated++;
	else
		fill(&request, PERM_READ | PERM_WRITE | PERM_EXEC);
	return answer.level;
}

static unsigned load(unsigned page)
{
	return touch((va_t)page << 12, ACCESS_READ);
}

static uint64_t misses(unsigned level)
{
	return t.tlb.level[level].count[SIDE_INSTRUCTION].misses +
	       t.tlb.level[level].count[SIDE_DATA].misses;
}

/* ---- one array ---- */

/* LRU over a cycle of N pages in N entries: the N compulsory misses. Over N + 1: always the page
 * that was displaced last, so each misses. With 16 entries by scan, with 17 and 100 by chains. */
static void tlb_lru_cyclic_sweep(void **state)
{
	static const unsigned sizes[] = { 1, 2, 16, 17, 64, 100 };

	(void)state;
	for (unsigned s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		for (unsigned extra = 0; extra < 2; extra++) {
			struct tlb_config config = one_array(REPLACE_LRU, sizes[s], 0);
			unsigned pages = sizes[s] + extra;

			setup(&config);
			for (unsigned i = 0; i < 10 * pages; i++)
				load(1000 + i % pages);
			assert_int_equal(misses(0), extra ? 10 * pages : pages);
			tlb_settle(&t.tlb);
			assert_int_equal(t.tlb.level[0].count[SIDE_DATA].hits,
					 10 * pages - misses(0));
			finish();
		}
	}
}

/*
 * Belady's string 1 2 3 4 1 2 5 1 2 3 4 5 (Belady, Nelson and Shedler, CACM 1969): FIFO misses 9
 * times with 3 entries and 10 with 4; LRU 10 with 3 and 8 with 4.
 */
static void tlb_belady_anomaly(void **state)
{
	static const unsigned string[] = { 1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5 };
	static const unsigned expected[2][2] = { { 9, 10 }, { 10, 8 } };

	(void)state;
	for (unsigned lru = 0; lru < 2; lru++) {
		for (unsigned entries = 3; entries <= 4; entries++) {
			struct tlb_config config =
				one_array(lru ? REPLACE_LRU : REPLACE_FIFO, entries, 0);

			setup(&config);
			for (unsigned i = 0; i < 12; i++)
				load(string[i]);
			assert_int_equal(misses(0), expected[lru][entries - 3]);
			finish();
		}
	}
}

/*
 * Four ways of tree-PLRU (see test_replacement.c). Loads A B C D fill ways 0 to 3: root left, left
 * left: victim way 0. A hit on A points root right, left right: victim way 2 (C), since D was
 * filled last on that side. E displaces C; then B, D, A, E still hit.
 */
static void tlb_plru_displaces_what_the_tree_says(void **state)
{
	struct tlb_config config = one_array(REPLACE_TREE_PLRU, 4, 0);
	static const unsigned hits[] = { 2, 4, 1, 5 };

	(void)state;
	setup(&config);
	for (unsigned page = 1; page <= 4; page++)
		assert_int_equal(load(page), 1);
	assert_int_equal(load(1), 0);
	assert_int_equal(load(5), 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(load(hits[i]), 0);
	assert_int_equal(load(3), 1);
	finish();
}

/* 12 entries in 4 ways are 3 sets: pages 0, 3, 6, 9, 12 share set 0, page 1 is in another. */
static void tlb_sets_need_no_power_of_two(void **state)
{
	struct tlb_config config = one_array(REPLACE_LRU, 12, 4);

	(void)state;
	setup(&config);
	load(1);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(load(3 * i), 1);
	event_queue_flush(&t.queue);
	assert_int_equal(t.sums.count[EVENT_TLB_EVICT], 1);
	assert_int_equal(t.sums.last[EVENT_TLB_EVICT].va, 0);
	assert_int_equal(load(1), 0);
	for (unsigned i = 4; i >= 1; i--)
		assert_int_equal(load(3 * i), 0);
	assert_int_equal(load(0), 1);
	finish();
}

/* ---- relations ---- */

/*
 * L1 of 2 over L2 of 4, LRU, cycle over 4 pages: neither and inclusive hold 4, so after 4
 * compulsory misses each access misses L1 (cycle of 4 over 2) and hits L2. Exclusive holds 2 + 4 =
 * 6: a cycle of 6 hits after its 6 compulsory misses; a cycle of 7 never.
 */
static void tlb_relations_decide_the_capacity(void **state)
{
	static const unsigned capacity[] = { 4, 4, 6 };

	(void)state;
	for (unsigned relation = 0; relation < TLB_RELATION_COUNT; relation++) {
		for (unsigned extra = 0; extra < 2; extra++) {
			struct tlb_config config = two_levels(relation);
			unsigned pages = capacity[relation] + extra;

			setup(&config);
			for (unsigned i = 0; i < 10 * pages; i++)
				load(i % pages);
			assert_int_equal(misses(0), 10 * pages);
			assert_int_equal(misses(1), extra ? 10 * pages : pages);
			finish();
		}
	}
}

/*
 * Pages 1 2 3 4 fill L2; L1 holds 3 4. Page 3 is used again and again in L1 only, so L2 thinks 1,
 * 2, 3 are old. 5, 6 and 7 displace 1, 2, 3 from L2. Inclusive: 3 leaves L1 too, though it is hot.
 */
static void tlb_inclusive_level_invalidates_above(void **state)
{
	(void)state;
	for (unsigned inclusive = 0; inclusive < 2; inclusive++) {
		struct tlb_config config =
			two_levels(inclusive ? RELATION_INCLUSIVE : RELATION_NEITHER);

		setup(&config);
		for (unsigned page = 1; page <= 4; page++)
			load(page);
		for (unsigned page = 5; page <= 6; page++) {
			assert_int_equal(load(3), 0);
			load(page);
		}
		assert_int_equal(load(3), 0);
		assert_int_equal(t.tlb.level[0].array[0].count.invalidations, 0);
		load(7);
		assert_int_equal(t.tlb.level[0].array[0].count.invalidations, inclusive);
		assert_int_equal(load(3), inclusive ? 2 : 0);
		finish();
	}
}

/* A hit moves the entry up and the displaced one down: their places are exchanged. */
static void tlb_exclusive_hit_exchanges(void **state)
{
	struct tlb_config config = two_levels(RELATION_EXCLUSIVE);

	(void)state;
	setup(&config);
	for (unsigned page = 1; page <= 3; page++)
		load(page); /* L1: 2 3, L2: 1 */
	assert_int_equal(t.tlb.level[1].array[0].live, 1);
	assert_int_equal(load(1), 1); /* L1: 3 1, L2: 2 */
	assert_int_equal(t.tlb.level[1].array[0].live, 1);
	assert_int_equal(t.tlb.level[1].array[0].count.moved, 1);
	assert_int_equal(load(3), 0);
	assert_int_equal(load(2), 1); /* L1: 3 2, L2: 1 */
	assert_int_equal(load(3), 0);
	/* Walks filled L1 only: 3 demand fills there, none in L2. */
	assert_int_equal(t.tlb.level[0].array[0].count.demand_fills, 3);
	assert_int_equal(t.tlb.level[1].array[0].count.demand_fills, 0);
	finish();
}

/*
 * Split L1, shared exclusive L2. A page in both halves of L1 that leaves one of them does not go
 * down while the other has it.
 */
static void tlb_exclusive_level_waits_for_the_sister(void **state)
{
	struct tlb_config config = two_levels(RELATION_EXCLUSIVE);

	(void)state;
	config.level[0].array_count = 2;
	config.level[0].array[0] = array("i", SIDE_INSTRUCTION, 12, 1, 0);
	config.level[0].array[1] = array("d", SIDE_DATA, 12, 1, 0);
	setup(&config);
	touch(0x1000, ACCESS_FETCH);
	touch(0x1000, ACCESS_READ);
	touch(0x2000, ACCESS_READ);
	assert_int_equal(t.tlb.level[1].array[0].live, 0);
	touch(0x3000, ACCESS_FETCH);
	assert_int_equal(t.tlb.level[1].array[0].live, 1);
	assert_int_equal(touch(0x1000, ACCESS_READ), 1);
	finish();
}

/* ---- sides, sizes, latency ---- */

/* A level without an array for a side is passed over: no count, no latency, no event. */
static void tlb_level_without_the_side_is_not_probed(void **state)
{
	struct tlb_config config = two_levels(RELATION_NEITHER);
	struct tlb_request request = {
		.va = 0x5000, .asid = 0, .access = ACCESS_FETCH, .mode = MODE_USER
	};
	struct tlb_answer answer;

	(void)state;
	config.level[0].array[0].side = SIDE_DATA;
	config.level[0].array[0].latency = 3;
	setup(&config);
	tlb_lookup(&t.tlb, &request, &answer);
	assert_null(answer.entry);
	assert_int_equal(answer.latency, 7);
	assert_int_equal(answer.level, 2);
	assert_int_equal(t.tlb.level[0].count[SIDE_INSTRUCTION].misses, 0);
	assert_int_equal(t.tlb.level[1].count[SIDE_INSTRUCTION].misses, 1);
	event_queue_flush(&t.queue);
	assert_int_equal(t.sums.count[EVENT_TLB_MISS], 1);
	assert_int_equal(t.sums.last[EVENT_TLB_MISS].level, 1);
	assert_int_equal(t.sums.last[EVENT_TLB_MISS].value, SIDE_INSTRUCTION);
	request.access = ACCESS_WRITE;
	tlb_lookup(&t.tlb, &request, &answer);
	assert_int_equal(answer.latency, 3 + 7);
	finish();
}

/*
 * A serial array of 2 MiB, then 4 KiB pages at 5 cycles each beside a parallel one of 6 for 1 GiB:
 * a miss costs max(10, 6); a 2 MiB hit max(5, 6), a 4 KiB hit max(10, 6), a 1 GiB hit max(10, 6).
 */
static void tlb_serial_probing_costs_each_size(void **state)
{
	struct tlb_config config = one_array(REPLACE_LRU, 8, 2);
	struct tlb_array_config *serial = &config.level[0].array[0];
	static const unsigned lg2[] = { 21, 12, 30 }, latency[] = { 6, 10, 10 };

	(void)state;
	serial->page_lg2[0] = 21;
	serial->page_lg2[1] = 12;
	serial->page_size_count = 2;
	serial->probe = PROBE_SERIAL;
	serial->latency = 5;
	config.level[0].array_count = 2;
	config.level[0].array[1] = array("1g", SIDE_BOTH, 30, 4, 0);
	config.level[0].array[1].latency = 6;
	setup(&config);
	for (unsigned i = 0; i < 3; i++) {
		struct tlb_request request = { .va = (va_t)i << 39,
					       .asid = 0,
					       .access = ACCESS_READ,
					       .mode = MODE_SUPERVISOR };
		struct tlb_answer answer;
		pa_t pa;

		t.page_lg2 = (uint8_t)lg2[i];
		tlb_lookup(&t.tlb, &request, &answer);
		assert_int_equal(answer.latency, 10);
		fill(&request, PERM_READ);
		assert_false(tlb_hit(&t.tlb, ACCESS_READ, MODE_SUPERVISOR, request.va, &pa));
		tlb_lookup(&t.tlb, &request, &answer);
		assert_non_null(answer.entry);
		assert_int_equal(answer.latency, latency[i]);
		t.translated++;
	}
	finish();
}

/* L1 holds no 1 GiB pages: they live in L2, and each access is retired at once. */
static void tlb_page_size_that_the_first_level_lacks(void **state)
{
	struct tlb_config config = two_levels(RELATION_EXCLUSIVE);

	(void)state;
	config.level[1].array[0].page_lg2[1] = 30;
	config.level[1].array[0].page_size_count = 2;
	setup(&config);
	t.page_lg2 = 30;
	assert_int_equal(touch(0x12345678, ACCESS_READ), 2);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(touch(0x1000 * i, ACCESS_WRITE), 1);
	event_queue_flush(&t.queue);
	assert_int_equal(t.sums.count[EVENT_TLB_RETIRE], 6);
	assert_int_equal(t.sums.last[EVENT_TLB_RETIRE].va, 0);
	assert_int_equal(t.sums.last[EVENT_TLB_RETIRE].page_lg2, 30);
	/* By entries x page size: 2 x 4 KiB above, 4 x 1 GiB below, one of which is in use. */
	assert_int_equal(tlb_reach_bytes(&t.tlb, 0, SIDE_DATA, 12), 2 << 12);
	assert_int_equal(tlb_reach_bytes(&t.tlb, 0, SIDE_DATA, 30), 0);
	assert_int_equal(tlb_reach_bytes(&t.tlb, 1, SIDE_DATA, 30), 4ull << 30);
	assert_int_equal(tlb_reach_in_use_bytes(&t.tlb, 1, SIDE_DATA), 1ull << 30);
	assert_int_equal(tlb_reach_in_use_bytes(&t.tlb, 0, SIDE_DATA), 0);
	finish();
}

static void tlb_absent_still_attributes(void **state)
{
	struct tlb_config config = { .level_count = 0 };

	(void)state;
	setup(&config);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(load(i), 0);
	event_queue_flush(&t.queue);
	assert_int_equal(t.sums.count[EVENT_TLB_RETIRE], 3);
	assert_int_equal(t.sums.last[EVENT_TLB_RETIRE].va, 0x2000);
	finish();
}

/* ---- refusals, address spaces, invalidation ---- */

/*
 * A load fills with D = 0; a store then hits, is refused, and the fill renews the entry in both
 * levels in place: no eviction, one valid entry each. All three accesses are its own.
 */
static void tlb_refused_store_renews_in_place(void **state)
{
	struct tlb_config config = two_levels(RELATION_INCLUSIVE);

	(void)state;
	setup(&config);
	t.clean = true;
	assert_int_equal(load(1), 2);
	t.clean = false;
	assert_int_equal(touch(0x1008, ACCESS_WRITE), 0);
	assert_int_equal(touch(0x1010, ACCESS_WRITE), 0);
	for (unsigned level = 0; level < 2; level++) {
		const struct tlb_array *a = &t.tlb.level[level].array[0];

		assert_int_equal(a->live, 1);
		assert_int_equal(a->count.replaced, 1);
		assert_int_equal(a->count.demand_fills, 2);
		assert_true(a->entry[0].dirty);
	}
	/* The refused lookup is a hit too. */
	tlb_settle(&t.tlb);
	assert_int_equal(t.tlb.level[0].count[SIDE_DATA].hits, 2);
	tlb_retire_accesses(&t.tlb);
	event_queue_flush(&t.queue);
	assert_int_equal(t.sums.count[EVENT_TLB_RETIRE], 1);
	assert_int_equal(t.sums.last[EVENT_TLB_RETIRE].value, 3);
	finish();
}

/* Another space's fill of the same address takes the very slot that a hint of ours points to. */
static void tlb_hints_do_not_leak_between_spaces(void **state)
{
	struct tlb_config config = one_array(REPLACE_LRU, 1, 0);
	struct tlb_request other = {
		.va = 0x1000, .asid = 9, .access = ACCESS_READ, .mode = MODE_SUPERVISOR
	};
	pa_t pa;

	(void)state;
	config.level[0].array[0].page_lg2[1] = 21;
	config.level[0].array[0].page_size_count = 2;
	for (unsigned large = 0; large < 2; large++) {
		setup(&config);
		t.page_lg2 = large ? 21 : 12;
		load(1);
		load(1);
		assert_true(tlb_hit(&t.tlb, ACCESS_READ, MODE_SUPERVISOR, 0x1000, &pa));
		t.translated++;
		fill(&other, PERM_READ);
		assert_false(tlb_hit(&t.tlb, ACCESS_READ, MODE_SUPERVISOR, 0x1000, &pa));
		assert_int_equal(load(1), 1);
		finish();
	}
}

static void tlb_global_entries_serve_every_space(void **state)
{
	struct tlb_config config = one_array(REPLACE_LRU, 8, 2);

	(void)state;
	setup(&config);
	t.global = true;
	load(1);
	t.global = false;
	load(2);
	t.asid = 5;
	tlb_forget_hints(&t.tlb);
	assert_int_equal(load(1), 0);
	assert_int_equal(load(2), 1);
	tlb_invalidate_asid(&t.tlb, 5);
	assert_int_equal(load(1), 0);
	assert_int_equal(load(2), 1);
	tlb_invalidate_all(&t.tlb, true);
	assert_int_equal(load(1), 0);
	assert_int_equal(t.tlb.level[0].array[0].live, 1);
	tlb_invalidate_range(&t.tlb, 77, 0x1fff, 1);
	assert_int_equal(load(1), 1);
	tlb_invalidate_all(&t.tlb, false);
	assert_int_equal(t.tlb.level[0].array[0].live, 0);
	finish();
}

static void tlb_range_may_end_at_the_highest_address(void **state)
{
	struct tlb_config config = one_array(REPLACE_FIFO, 32, 0);
	const va_t top = UINT64_MAX - 4095;

	(void)state;
	setup(&config);
	t.asid = 3;
	touch(top, ACCESS_READ);
	touch(top - 4096, ACCESS_READ);
	assert_int_equal(touch(UINT64_MAX, ACCESS_READ), 0);
	tlb_invalidate_range(&t.tlb, 3, top, 4096);
	assert_int_equal(touch(top - 4096, ACCESS_READ), 0);
	assert_int_equal(touch(top, ACCESS_READ), 1);
	tlb_invalidate_range(&t.tlb, 3, 0, UINT64_MAX);
	assert_int_equal(t.tlb.level[0].array[0].live, 0);
	tlb_invalidate_range(&t.tlb, 3, 0, 0);
	finish();
}

/* A range of 3 pages from the middle of one: the page-sized part of it around the request. */
static void tlb_array_holds_the_page_of_a_longer_translation(void **state)
{
	struct tlb_config config = one_array(REPLACE_LRU, 4, 0);
	const struct translation range = {
		.va = 0x1800,
		.pa = 0x100800,
		.bytes = 0x3000,
		.page_lg2 = 12,
		.perms = PERM_READ,
		.accessed = true,
		.dirty = true,
	};
	struct tlb_request request = {
		.va = 0x1900, .asid = 0, .access = ACCESS_READ, .mode = MODE_SUPERVISOR
	};
	struct tlb_answer answer;

	(void)state;
	setup(&config);
	tlb_fill(&t.tlb, &request, &range, &controls);
	request.va = 0x17ff;
	tlb_lookup(&t.tlb, &request, &answer);
	assert_null(answer.entry);
	request.va = 0x1fff;
	tlb_lookup(&t.tlb, &request, &answer);
	assert_non_null(answer.entry);
	assert_int_equal(answer.entry->va, 0x1800);
	assert_int_equal(answer.entry->pa, 0x100800);
	assert_int_equal(answer.entry->bytes, 0x800);
	request.va = 0x2abc;
	tlb_fill_extra(&t.tlb, &request, &range, &controls);
	tlb_lookup(&t.tlb, &request, &answer);
	assert_int_equal(answer.entry->pa, 0x101000);
	assert_int_equal(answer.entry->bytes, 0x1000);
	/* The fill, the hit, and the hit on what was filled for nobody. */
	t.translated = 3;
	finish();
}

/* ---- the rest ---- */

static void *fail_later(void *ctx, void *old, size_t bytes)
{
	unsigned *left = ctx;

	if (bytes == 0) {
		free(old);
		return NULL;
	}
	return (*left)-- ? realloc(old, bytes) : NULL;
}

static void tlb_survives_each_failing_allocation(void **state)
{
	struct tlb_config config = two_levels(RELATION_NEITHER);
	int error = PW_NOMEM;

	(void)state;
	config.level[1].array[0] = array("4k", SIDE_BOTH, 12, 1024, 0);
	for (unsigned n = 0; error != PW_OK; n++) {
		unsigned left = n;
		struct host_alloc alloc = { fail_later, &left };

		assert_in_range(n, 0, 20);
		error = tlb_init(&t.tlb, &config, 1, &t.queue, &alloc);
		if (error == PW_OK)
			tlb_release(&t.tlb);
		else
			assert_int_equal(error, PW_NOMEM);
	}
}

static void see(void *ctx, const char *name, const char *doc, uint64_t value)
{
	assert_non_null(doc);
	(void)value;
	strcat(strcat(ctx, name), " ");
}

static void tlb_counters_have_stable_names(void **state)
{
	struct tlb_config config = one_array(REPLACE_LRU, 4, 0);
	char names[1024] = "";

	(void)state;
	config.level[0].array[0].side = SIDE_DATA;
	setup(&config);
	tlb_visit_counters(&t.tlb, see, names);
	assert_string_equal(names,
			    "tlb.l1.data.hits tlb.l1.data.misses tlb.l1.data.reach_in_use_bytes "
			    "tlb.l1.data.reach_bytes.4K tlb.l1.4k.hits "
			    "tlb.l1.4k.fills tlb.l1.4k.demand_fills tlb.l1.4k.evictions "
			    "tlb.l1.4k.invalidations tlb.l1.4k.replaced tlb.l1.4k.moved ");
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tlb_lru_cyclic_sweep),
		cmocka_unit_test(tlb_belady_anomaly),
		cmocka_unit_test(tlb_plru_displaces_what_the_tree_says),
		cmocka_unit_test(tlb_sets_need_no_power_of_two),
		cmocka_unit_test(tlb_relations_decide_the_capacity),
		cmocka_unit_test(tlb_inclusive_level_invalidates_above),
		cmocka_unit_test(tlb_exclusive_hit_exchanges),
		cmocka_unit_test(tlb_exclusive_level_waits_for_the_sister),
		cmocka_unit_test(tlb_level_without_the_side_is_not_probed),
		cmocka_unit_test(tlb_serial_probing_costs_each_size),
		cmocka_unit_test(tlb_page_size_that_the_first_level_lacks),
		cmocka_unit_test(tlb_absent_still_attributes),
		cmocka_unit_test(tlb_refused_store_renews_in_place),
		cmocka_unit_test(tlb_hints_do_not_leak_between_spaces),
		cmocka_unit_test(tlb_global_entries_serve_every_space),
		cmocka_unit_test(tlb_range_may_end_at_the_highest_address),
		cmocka_unit_test(tlb_array_holds_the_page_of_a_longer_translation),
		cmocka_unit_test(tlb_survives_each_failing_allocation),
		cmocka_unit_test(tlb_counters_have_stable_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
