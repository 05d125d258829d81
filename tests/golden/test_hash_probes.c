/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What walks of hashed tables cost, against the formulas of their load factor a (tags per bucket),
 * with a fixed seed and bands; and what memory they take. Formulas: Knuth, The Art of Computer
 * Programming, volume 3, section 6.4: successful search with chaining 1 + a/2 (nodes), linear
 * probing 1/2 (1 + 1/(1-a)) (probes), unsuccessful 1/2 (1 + 1/(1-a)^2). Pages are drawn at random
 * from the whole space, so that the hash sees keys that are no sequence. The band is 5 % for loads
 * where 2^15 keys leave less than that to chance, and wider where the variance grows (a -> 1).
 */

#include "tests/support/mmu_rig.h"
#include "tests/support/step_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 64 << 20, PAGE = 4096, SLOTS = 1 << 15, DRAM = 100, TRIALS = 16 };

static struct mmu_rig rig;
static va_t page[SLOTS * 2];
static unsigned page_count;

/* SplitMix64 (Steele, Lea & Flood, OOPSLA 2014). */
static uint64_t seed;
static uint64_t rnd(void)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* A page of the lower half; that two of 2^36 are drawn twice is left to map() to refuse. */
static va_t random_page(void)
{
	return rnd() >> 29 << 12;
}

static void start(const char *format, struct hashed_config **config)
{
	struct pt_config *table = &rig.config.page_table;

	mmu_rig_config(&rig);
	strcpy(table->format, format);
	*config = strcmp(format, "hashed") == 0    ? &table->hashed
		  : strcmp(format, "open") == 0    ? &table->open
		  : strcmp(format, "pa_risc") == 0 ? &table->pa_risc
						   : &table->clustered;
	(*config)->max_load = 0;
	seed = 1;
	page_count = 0;
}

/* Maps random pages until there are so many. */
static void fill(unsigned count)
{
	const struct pt_attrs attrs = { PERM_READ | PERM_USER, false, true, false };

	while (page_count < count) {
		page[page_count] = random_page();
		if (mmu_rig_map_attrs(&rig, page[page_count], 12, attrs) == PW_OK)
			page_count++;
	}
}

static struct step_walk walk(va_t va)
{
	const struct walk_input input = { .space = rig.space, .va = va };
	struct step_walk result;

	step_walk(&input, 0, &result);
	return result;
}

/* Mean references of finding what is mapped. */
static double hit_refs(void)
{
	uint64_t refs = 0;

	for (unsigned i = 0; i < page_count; i++) {
		struct step_walk w = walk(page[i]);

		assert_int_equal(w.end, WALK_LEAF);
		refs += w.refs;
	}
	return (double)refs / page_count;
}

/* Mean references of not finding others. */
static double miss_refs(void)
{
	uint64_t refs = 0, misses = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		struct step_walk w = walk(random_page());

		refs += w.end == WALK_FAULT ? w.refs : 0;
		misses += w.end == WALK_FAULT;
	}
	return (double)refs / (double)misses;
}

static void expect_within(double value, double wanted, double band)
{
	if (value < wanted * (1 - band) || value > wanted * (1 + band))
		fail_msg("%.4f, where %.4f is expected within %.0f %%", value, wanted, band * 100);
}

/*
 * The anchor is a reference of its own: 1 + (1 + a/2) for a hit. A miss reads the anchor and the
 * whole chain, of a nodes on average (keys fall into buckets evenly): 1 + a.
 */
static void chained_walks_follow_the_load(void **state)
{
	static const double loads[] = { 0.25, 0.5, 1, 2 };
	struct hashed_config *config;

	(void)state;
	start("hashed", &config);
	config->buckets = SLOTS;
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		fill((unsigned)(loads[i] * SLOTS));
		expect_within(hit_refs() - 1, 1 + loads[i] / 2, 0.05);
		expect_within(miss_refs() - 1, loads[i], 0.05);
	}
	mmu_rig_release(&rig);
}

/* One slot a line: each probe is a reference. */
static void linear_probing_follows_the_load(void **state)
{
	static const struct {
		double load, band;
	} at[] = { { 0.25, 0.05 }, { 0.5, 0.05 }, { 0.75, 0.05 }, { 0.9, 0.2 } };
	struct hashed_config *config;

	(void)state;
	start("open", &config);
	config->buckets = SLOTS;
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		double rest = 1 - at[i].load;

		fill((unsigned)(at[i].load * SLOTS));
		expect_within(hit_refs(), (1 + 1 / rest) / 2, at[i].band);
		expect_within(miss_refs(), (1 + 1 / (rest * rest)) / 2, at[i].band);
	}
	mmu_rig_release(&rig);
}

/*
 * Deletion leaves nothing behind: filled to 0.75 and emptied to 0.5, in the order of arrival, the
 * table costs what one filled to 0.5 does (with tombstones a miss would still cost 8.5 instead of
 * 2.5).
 */
static void deletion_leaves_nothing_behind(void **state)
{
	struct hashed_config *config;

	(void)state;
	start("open", &config);
	config->buckets = SLOTS;
	mmu_rig_init(&rig, MEMORY);
	fill(SLOTS / 4 * 3);
	for (unsigned i = SLOTS / 2; i < page_count; i++)
		assert_int_equal(rig.table.ops->unmap(rig.space, page[i], PAGE, NULL, NULL), PW_OK);
	page_count = SLOTS / 2;
	expect_within(hit_refs(), 1.5, 0.05);
	expect_within(miss_refs(), 2.5, 0.05);
	mmu_rig_release(&rig);
}

/*
 * Lines of eight slots have no closed formula as short. The dumb simulation: balls fall into bins
 * of eight drawn by a generator of its own; a full bin sends them to the next. Lines looked at per
 * ball, on average over what it placed, and over some trials.
 */
static double simulated_lines(unsigned lines, unsigned balls)
{
	unsigned char *used = malloc(lines);
	uint64_t state = 12345, looked = 0;

	assert_non_null(used);
	for (unsigned trial = 0; trial < TRIALS; trial++) {
		memset(used, 0, lines);
		for (unsigned i = 0; i < balls; i++) {
			unsigned bin;

			state = state * UINT64_C(6364136223846793005) +
				UINT64_C(1442695040888963407);
			bin = (unsigned)((state >> 33) % lines);
			for (looked++; used[bin] == 8; looked++)
				bin = (bin + 1) % lines;
			used[bin]++;
		}
	}
	free(used);
	return (double)looked / balls / TRIALS;
}

/* The lines of tags as simulated, and the line of the entry. Nearly one line up to a load of 0.7. */
static void lines_of_eight_slots_cost_as_simulated(void **state)
{
	static const double loads[] = { 0.5, 0.7, 0.8, 0.9 };
	struct hashed_config *config;

	(void)state;
	start("open", &config);
	config->buckets = SLOTS;
	config->layout = OPEN_EIGHT_SLOTS;
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		unsigned count = (unsigned)(loads[i] * SLOTS);

		fill(count);
		expect_within(hit_refs() - 1, simulated_lines(SLOTS / 8, count),
			      loads[i] < 0.9 ? 0.03 : 0.1);
	}
	mmu_rig_release(&rig);
}

/* Eight pages a line: dense memory has an eighth of the tags, each line a reference and the last. */
static void lines_of_eight_pages_hold_dense_memory(void **state)
{
	struct hashed_config *config;
	struct pt_stats stats;

	(void)state;
	start("open", &config);
	config->buckets = SLOTS / 8;
	config->layout = OPEN_EIGHT_PAGES;
	mmu_rig_init(&rig, MEMORY);
	for (page_count = 0; page_count < SLOTS / 4; page_count++) {
		page[page_count] = (va_t)page_count << 12;
		mmu_rig_map(&rig, page[page_count], 12);
	}
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.blocks, SLOTS / 4 / 8);
	assert_int_equal(stats.table_bytes, SLOTS / 8 * 64);
	/* A quarter full. Fibonacci hashing spreads a sequence better than chance: 1 at best. */
	assert_true(hit_refs() < (1 + 1 / 0.75) / 2);
	mmu_rig_release(&rig);
}

static uint64_t node_bytes(const char *format, unsigned blocks, unsigned pages_of_a_block)
{
	struct hashed_config *config;
	struct pt_stats stats;

	start(format, &config);
	config->buckets = 512; /* anchors of one frame */
	if (strcmp(format, "hashed") == 0)
		config->node_bytes = 24;
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < blocks; i++)
		for (unsigned k = 0; k < pages_of_a_block; k++)
			mmu_rig_map(&rig, (va_t)(i * 16 + k) << 12, 12);
	rig.table.ops->stats(&rig.table, &stats);
	mmu_rig_release(&rig);
	return stats.table_bytes - PAGE;
}

/*
 * A node of a hashed table is tag, next, entry: 24 bytes a page. One of a clustered table is tag,
 * next and 16 entries: 144 bytes a block. 144 / 24 = 6 pages of 16 break even (Talluri et al. 1995,
 * section 3). In frames: 170 nodes of 24 bytes fit in 4096, 28 of 144; 2380 blocks (the least common
 * multiple 4 * 5 * 7 * 17 of 170 and 28) take 85 frames, their pages 14 a page of the block: 70 for
 * 5, 84 for 6, 98 for 7. The frame between 84 and 85 is what the nodes leave at the end of frames.
 */
static void clustered_breaks_even_at_6_of_16(void **state)
{
	const unsigned blocks = 2380;

	(void)state;
	assert_int_equal(node_bytes("clustered", blocks, 1), 85 * PAGE);
	assert_int_equal(node_bytes("clustered", blocks, 16), 85 * PAGE);
	for (unsigned k = 1; k <= 16; k++)
		assert_int_equal(node_bytes("hashed", blocks, k), 14 * k * PAGE);
	assert_int_equal(6 * 24, 16 + 16 * 8);
}

/*
 * A clustered node has 144 bytes, 28 of them from offset 64 of a frame. Nodes are handed out from the
 * lowest: the first begins a line. The anchor, then the header with entries 0 to 5 (16 + 6 * 8 = 64):
 * 2 references; from entry 6 on one more. A superpage stands in entry 0: 2 for every page.
 */
static void clustered_walks_read_one_or_two_lines(void **state)
{
	struct hashed_config *config;

	(void)state;
	start("clustered", &config);
	mmu_rig_init(&rig, MEMORY);
	for (unsigned k = 0; k < 16; k++)
		mmu_rig_map(&rig, (va_t)k << 12, 12);
	for (unsigned k = 0; k < 16; k++)
		assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, (va_t)k << 12), k < 6 ? 2 : 3);
	mmu_rig_release(&rig);
	start("clustered", &config);
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, 0, 16);
	for (unsigned k = 0; k < 16; k++)
		assert_int_equal(mmu_rig_refs(&rig, ACCESS_READ, (va_t)k << 12), 2);
	mmu_rig_release(&rig);
}

/*
 * PA-RISC with one bucket: the first page is found by the hardware, 1 reference of 100 cycles. The
 * n-th is found by the handler: trap (50), 20 instructions at 1 cycle, and n - 1 loads more. An
 * absent page costs the handler too, which reads all three.
 */
static void pa_risc_charges_the_handler_beyond_the_first(void **state)
{
	const va_t pages[] = { 0x1000, 0x2000, 0x3000, 0x4000 };
	struct hashed_config *config;

	(void)state;
	start("pa_risc", &config);
	config->buckets = 1;
	config->hardware_probes = 1;
	config->handler_instructions = 20;
	rig.config.trap_latency = 50;
	rig.config.handler_cpi = 1;
	mmu_rig_init(&rig, MEMORY);
	for (unsigned i = 0; i < 3; i++)
		mmu_rig_map(&rig, pages[i], 12);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t traps = rig.mmu.counters.walk_traps;
		uint64_t instructions = rig.mmu.counters.handler_instructions;
		uint64_t refs = i < 3 ? i + 1 : 3;
		struct mmu_result result = mmu_rig_access(&rig, ACCESS_READ, pages[i]);

		assert_int_equal(result.fault.kind, i < 3 ? FAULT_NONE : FAULT_NOT_PRESENT);
		assert_int_equal(result.cycles, refs * DRAM + (i > 0 ? 50 + 20 : 0));
		assert_int_equal(rig.mmu.counters.walk_traps - traps, i > 0);
		assert_int_equal(rig.mmu.counters.handler_instructions - instructions,
				 i > 0 ? 20 : 0);
	}
	mmu_rig_release(&rig);
}

/* All by software: the trap comes first, whatever is found. */
static void pa_risc_by_software_traps_always(void **state)
{
	struct hashed_config *config;

	(void)state;
	start("pa_risc", &config);
	config->hardware_probes = 0;
	config->handler_instructions = 20;
	rig.config.trap_latency = 10;
	rig.config.handler_cpi = 1;
	mmu_rig_init(&rig, MEMORY);
	mmu_rig_map(&rig, 0x1000, 12);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x1000).cycles, 10 + 20 + DRAM);
	assert_int_equal(rig.mmu.counters.walk_traps, 1);
	mmu_rig_release(&rig);
}

/*
 * Doubling from 16 anchors at a load of 1: at pages 17, 33, ..., so 2^n + 1 pages have doubled the
 * table n - 3 times and moved 16 + 32 + ... + 2^n = 2^(n+1) - 16 pages. Each move of a node is three
 * loads (next, tag, the bucket's pointer) and two stores (next, bucket); each old bucket one load more.
 */
static void doubling_moves_every_page_once(void **state)
{
	struct hashed_config *config;
	struct pt_stats stats;
	uint64_t loads, stores;
	const struct pt_attrs attrs = { PERM_READ, false, true, false };

	(void)state;
	start("hashed", &config);
	config->buckets = 16;
	config->max_load = 100;
	mmu_rig_init(&rig, MEMORY);
	fill(1024);
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.buckets, 1024);
	assert_int_equal(stats.resizes, 6);
	assert_int_equal(stats.moved, 16 + 32 + 64 + 128 + 256 + 512);
	/* The free chain holds nodes: 1024 pages took 9 frames of 127. The 1025th doubles. */
	loads = rig.table_memory.loads;
	stores = rig.table_memory.stores;
	assert_int_equal(mmu_rig_map_attrs(&rig, 0x1000, 12, attrs), PW_OK);
	loads = rig.table_memory.loads - loads;
	stores = rig.table_memory.stores - stores;
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.buckets, 2048);
	assert_int_equal(stats.moved, 2 * 1024 - 16);
	/*
	 * Of the page itself: stores next, link, tag, entry (4), and loads: the node's next and its
	 * old entry (2), and its chain looked through twice, before and after doubling (2 pointers at
	 * least, and two loads for each node met: short chains at these loads).
	 */
	assert_int_equal(stores, 2 * 1024 + 4);
	assert_in_range(loads, 3 * 1024 + 1024 + 4, 3 * 1024 + 1024 + 4 + 2 * 16);
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chained_walks_follow_the_load),
		cmocka_unit_test(linear_probing_follows_the_load),
		cmocka_unit_test(deletion_leaves_nothing_behind),
		cmocka_unit_test(lines_of_eight_slots_cost_as_simulated),
		cmocka_unit_test(lines_of_eight_pages_hold_dense_memory),
		cmocka_unit_test(clustered_breaks_even_at_6_of_16),
		cmocka_unit_test(clustered_walks_read_one_or_two_lines),
		cmocka_unit_test(pa_risc_charges_the_handler_beyond_the_first),
		cmocka_unit_test(pa_risc_by_software_traps_always),
		cmocka_unit_test(doubling_moves_every_page_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
