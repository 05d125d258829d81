/* SPDX-License-Identifier: GPL-2.0-or-later */

/* mmu_config_check: each thing that can be wrong is found and named, and nothing right is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mmu/config.h"
#include "mmu/page_table.h"

/* A machine with something in every section, shaped like Intel's Skylake. */
static struct mmu_config rich(void)
{
	static const struct tlb_config tlb = {
		.level_count = 2,
		.level = {
			{ "l1", RELATION_NEITHER, 3, {
				{ "i4k", SIDE_INSTRUCTION, { 12 }, 1, 128, 8, REPLACE_LRU, 0, 0 },
				{ "d4k", SIDE_DATA, { 12 }, 1, 64, 4, REPLACE_TREE_PLRU, 0, 0 },
				{ "d2m", SIDE_DATA, { 21 }, 1, 32, 4, REPLACE_LRU, 0, 0 },
			} },
			{ "l2", RELATION_NEITHER, 2, {
				{ "4k", SIDE_BOTH, { 12, 21 }, 2, 1536, 12, REPLACE_LRU, 0, 7 },
				{ "1g", SIDE_BOTH, { 30 }, 1, 16, 4, REPLACE_FIFO, 0, 7 },
			} },
		},
	};
	static const struct walk_caches_config walk_caches = {
		.count = 2,
		.cache = { { "pde", 1, 24, 0, REPLACE_LRU, 0 },
			   { "pdpte", 2, 4, 0, REPLACE_LRU, 0 } },
	};
	struct mmu_config config;

	mmu_config_default(&config);
	config.tlb = tlb;
	config.walk_caches = walk_caches;
	config.port.level_count = 2;
	config.port.level[0] = (struct port_level_config){ "l1d", 32768, 8, 64, REPLACE_LRU, 4 };
	config.port.level[1] =
		(struct port_level_config){ "llc", 11534336, 11, 64, REPLACE_RANDOM, 42 };
	return config;
}

static struct mmu_config config;

static void expect(const char *field)
{
	struct config_complaint complaint = { .must_be = NULL };

	assert_int_equal(mmu_config_check(&config, &complaint), PW_INVALID);
	assert_string_equal(complaint.field, field);
	assert_non_null(complaint.must_be);
	assert_true(strlen(complaint.must_be) > 0);
	config = rich();
}

static void expect_ok(void)
{
	struct config_complaint complaint;

	if (mmu_config_check(&config, &complaint) != PW_OK)
		fail_msg("%s must be %s", complaint.field, complaint.must_be);
	config = rich();
}

/* After an assignment to `config`, the check names `field`. */
#define WRONG(assignment, field)   \
	do {                       \
		config.assignment; \
		expect(field);     \
	} while (0)
#define RIGHT(assignment)          \
	do {                       \
		config.assignment; \
		expect_ok();       \
	} while (0)

static int setup(void **state)
{
	(void)state;
	config = rich();
	return 0;
}

static void mmu_config_default_is_valid(void **state)
{
	(void)state;
	expect_ok();
	mmu_config_default(&config);
	assert_int_equal(config.tlb.level_count, 0);
	assert_int_equal(config.port.level_count, 0);
	assert_int_equal(config.port.dram_latency, 100);
	assert_int_equal(config.fetch_bytes, 64);
	assert_string_equal(config.page_table.format, "radix");
	expect_ok();
}

static void mmu_config_tlb_arrays(void **state)
{
	(void)state;
	WRONG(tlb.level_count = 5, "tlb");
	WRONG(tlb.level[1].array_count = 0, "tlb.l2");
	WRONG(tlb.level[1].array_count = 9, "tlb.l2");
	WRONG(tlb.level[1].array[0].entries = 0, "tlb.l2.4k.entries");
	WRONG(tlb.level[1].array[0].entries = 1 << 21, "tlb.l2.4k.entries");
	WRONG(tlb.level[1].array[0].ways = 11, "tlb.l2.4k.ways");
	WRONG(tlb.level[1].array[0].ways = 1537, "tlb.l2.4k.ways");
	WRONG(tlb.level[1].array[0].replacement = REPLACEMENT_COUNT, "tlb.l2.4k.replacement");
	WRONG(tlb.level[1].array[0].wired = 12, "tlb.l2.4k.wired");
	WRONG(tlb.level[0].array[1].wired = 1, "tlb.l1.d4k.wired"); /* 1 + 3 of a tree of 4 */
	WRONG(tlb.level[1].array[0].replacement = REPLACE_TREE_PLRU, "tlb.l2.4k.ways");
	WRONG(tlb.level[0].array[1].ways = 3, "tlb.l1.d4k.ways");
	WRONG(tlb.level[0].array[0].side = 0, "tlb.l1.i4k.side");
	WRONG(tlb.level[0].array[0].side = 4, "tlb.l1.i4k.side");
	WRONG(tlb.level[0].array[0].probe = 2, "tlb.l1.i4k.probe");
	WRONG(tlb.level[0].array[0].latency = 1000001, "tlb.l1.i4k.latency");
	RIGHT(tlb.level[1].array[0].ways = 0);
	RIGHT(tlb.level[1].array[0].ways = 512);
	RIGHT(tlb.level[0].array[1].ways = 0); /* tree-PLRU over all 64 */
	RIGHT(tlb.level_count = 0);
	RIGHT(tlb.level[1].array[1].entries = 4);
	/* Tree-PLRU over 128 fully associative entries is one too wide. */
	config.tlb.level[0].array[1].ways = 0;
	WRONG(tlb.level[0].array[1].entries = 128, "tlb.l1.d4k.ways");
}

static void mmu_config_tlb_page_sizes(void **state)
{
	(void)state;
	WRONG(tlb.level[1].array[0].page_size_count = 0, "tlb.l2.4k.page_sizes");
	WRONG(tlb.level[1].array[0].page_size_count = 9, "tlb.l2.4k.page_sizes");
	WRONG(tlb.level[1].array[0].page_lg2[1] = 12, "tlb.l2.4k.page_sizes");
	WRONG(tlb.level[1].array[0].page_lg2[1] = 11, "tlb.l2.4k.page_sizes");
	WRONG(tlb.level[1].array[0].page_lg2[0] = 3, "tlb.l2.4k.page_sizes");
	WRONG(tlb.level[1].array[0].page_lg2[1] = 53, "tlb.l2.4k.page_sizes");
	WRONG(tlb.level[1].array[0].page_lg2[1] = 200, "tlb.l2.4k.page_sizes");
	/* Held twice by the level for one side; the other side would be fine. */
	WRONG(tlb.level[1].array[1].page_lg2[0] = 21, "tlb.l2.1g.page_sizes");
	WRONG(tlb.level[0].array[2].page_lg2[0] = 12, "tlb.l1.d2m.page_sizes");
	config.tlb.level[0].array[2].page_lg2[0] = 12;
	config.tlb.level[0].array[1].page_lg2[0] = 21;
	expect_ok();
	/* Probed in the order given: any order will do, but no repetition. */
	config.tlb.level[1].array[0].probe = PROBE_SERIAL;
	config.tlb.level[1].array[0].page_lg2[0] = 21;
	RIGHT(tlb.level[1].array[0].page_lg2[1] = 12);
	/* 8 KiB is no size of this table, 1 KiB is less than its base page. */
	WRONG(tlb.level[0].array[1].page_lg2[0] = 13, "tlb.l1.d4k.page_sizes");
	WRONG(tlb.level[0].array[1].page_lg2[0] = 10, "tlb.l1.d4k.page_sizes");
	/* Nothing for base pages: no TLB at all would be fine. */
	config.tlb.level_count = 1;
	config.tlb.level[0].array_count = 1;
	WRONG(tlb.level[0].array[0].page_lg2[0] = 21, "tlb");
	config.tlb.level[1].array[0].probe = PROBE_SERIAL;
	WRONG(tlb.level[1].array[0].page_lg2[1] = 12, "tlb.l2.4k.page_sizes");
}

static void mmu_config_tlb_names_and_relations(void **state)
{
	(void)state;
	WRONG(tlb.level[1].name[1] = '1', "tlb.l1.name");
	WRONG(tlb.level[1].name[0] = '\0', "tlb.1.name");
	WRONG(tlb.level[1].name[1] = '.', "tlb.l..name");
	memset(config.tlb.level[1].name, 'x', CONFIG_NAME_MAX);
	expect("tlb.xxxxxxxxxxxxxxxxxxxxxxxx.name");
	strcpy(config.tlb.level[0].array[2].name, "d4k");
	expect("tlb.l1.d4k.name");
	strcpy(config.tlb.level[0].array[2].name, "data");
	expect("tlb.l1.data.name");
	WRONG(tlb.level[1].relation = TLB_RELATION_COUNT, "tlb.l2.relation");
	WRONG(tlb.level[0].relation = RELATION_EXCLUSIVE, "tlb.l1.relation");
	WRONG(tlb.level[0].relation = RELATION_INCLUSIVE, "tlb.l1.relation");
	RIGHT(tlb.level[1].relation = RELATION_EXCLUSIVE);
	RIGHT(tlb.level[1].relation = RELATION_INCLUSIVE);
	/* A shared first level cannot be covered by a split second one. */
	config.tlb.level[0].array[2].side = SIDE_BOTH;
	config.tlb.level[1].array[0].side = SIDE_DATA;
	WRONG(tlb.level[1].relation = RELATION_INCLUSIVE, "tlb.l2.relation");
	config.tlb.level[0].array[2].side = SIDE_BOTH;
	RIGHT(tlb.level[1].array[0].side = SIDE_DATA);
}

/* A complaint lists every format: as many names as there are, each of them one. */
static void mmu_config_names_all_formats(void **state)
{
	char names[256], *rest = names;
	unsigned count = 0;

	(void)state;
	strcpy(names, pt_format_names + strlen("one of "));
	for (char *name = strtok_r(rest, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
		assert_non_null(pt_format_find(name));
		count++;
	}
	for (unsigned i = 0; pt_formats[i]; i++)
		count--;
	assert_int_equal(count, 0);
}

static void mmu_config_page_table(void **state)
{
	(void)state;
	WRONG(page_table.format[0] = '\0', "page_table.format");
	WRONG(page_table.radix.level_count = 0, "page_table.radix.index_bits");
	WRONG(page_table.radix.level_count = 9, "page_table.radix.index_bits");
	WRONG(page_table.radix.index_bits[3] = 0, "page_table.radix.index_bits");
	WRONG(page_table.radix.index_bits[0] = 25, "page_table.radix.index_bits");
	config.page_table.radix.index_bits[0] = 24;
	config.page_table.radix.index_bits[1] = 24;
	expect("page_table.radix.index_bits");
	WRONG(page_table.radix.offset_bits = 3, "page_table.radix.offset_bits");
	WRONG(page_table.radix.offset_bits = 31, "page_table.radix.offset_bits");
	WRONG(page_table.radix.leaf_allowed[0] = false, "page_table.radix.leaf_levels");
	WRONG(page_table.radix.pa_bits = 12, "page_table.radix.pa_bits");
	WRONG(page_table.radix.pa_bits = 57, "page_table.radix.pa_bits");
	WRONG(page_table.radix.entry = RADIX_ENTRY_COUNT, "page_table.radix.entry");
	WRONG(page_table.radix.accessed = RADIX_MARK_COUNT, "page_table.radix.accessed");
	WRONG(page_table.radix.dirty = RADIX_MARK_COUNT, "page_table.radix.dirty");
	config.tlb.level_count = 0; /* whose arrays fit other sizes */
	RIGHT(page_table.radix.index_bits[0] = 20);
	strcpy(config.page_table.format, "hashed");
	WRONG(page_table.hashed.buckets = 1000, "page_table.hashed.buckets");
	strcpy(config.page_table.format, "hashed");
	WRONG(page_table.hashed.buckets = 1 << 25, "page_table.hashed.buckets");
	strcpy(config.page_table.format, "invented");
	expect("page_table.format");
	strcpy(config.page_table.format, "hashed");
	RIGHT(page_table.radix.level_count = 0); /* of no concern to it */
}

/* After an assignment to the parameters of a format, with that format chosen. */
#define WRONG_IN(name, assignment)                                               \
	do {                                                                     \
		strcpy(config.page_table.format, #name);                         \
		WRONG(page_table.name.assignment, field_of(#name, #assignment)); \
	} while (0)

/* "page_table.tsb.size" of "tsb" and "size = 8". */
static const char *field_of(const char *format, const char *assignment)
{
	static char field[96];

	snprintf(field, sizeof(field), "page_table.%s.%.*s", format, (int)strcspn(assignment, " "),
		 assignment);
	return field;
}

static void mmu_config_refill(void **state)
{
	static const char formats[][CONFIG_NAME_MAX] = { "linear", "htab", "tsb", "vhpt" };

	(void)state;
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		strcpy(config.page_table.format, formats[i]);
		expect_ok();
		/* The tree behind it is looked at, too. */
		strcpy(config.page_table.format, formats[i]);
		WRONG(page_table.radix.pa_bits = 60, "page_table.radix.pa_bits");
	}
	WRONG_IN(linear, spaces = 1);
	WRONG_IN(linear, spaces = 65537);
	WRONG_IN(linear, upper = LINEAR_UPPER_COUNT);
	WRONG_IN(linear, walker = LINEAR_WALKER_COUNT);
	WRONG_IN(linear, user_handler_instructions = 1000001);
	WRONG_IN(linear, kernel_handler_instructions = 1000001);
	WRONG_IN(linear, root_handler_instructions = 1000001);
	WRONG_IN(linear, root_handler_loads = 17);
	WRONG_IN(htab, groups = 512);
	WRONG_IN(htab, groups = 1025);
	WRONG_IN(htab, groups = 1 << 20);
	WRONG_IN(htab, line_bytes = 16);
	WRONG_IN(htab, handler_instructions = 1000001);
	WRONG_IN(tsb, size = 8);
	WRONG_IN(tsb, hit_instructions = 1000001);
	WRONG_IN(tsb, miss_instructions = 1000001);
	WRONG_IN(vhpt, entries = 64);
	WRONG_IN(vhpt, entries = 129);
	WRONG_IN(vhpt, entries = 1 << 25);
	WRONG_IN(vhpt, handler_instructions = 1000001);
}

static void mmu_config_backing(void **state)
{
	static const char wrong[][CONFIG_NAME_MAX] = { "", "btree", "tsb", "vhpt", "linear" };

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		strcpy(config.page_table.format, "tsb");
		strcpy(config.page_table.backing, wrong[i]);
		expect("page_table.backing");
	}
	strcpy(config.page_table.format, "tsb");
	strcpy(config.page_table.backing, "hashed");
	expect_ok();
	/* Another format's parameters, and none that nobody uses. */
	strcpy(config.page_table.format, "tsb");
	strcpy(config.page_table.backing, "hashed");
	WRONG(page_table.hashed.buckets = 1000, "page_table.hashed.buckets");
	strcpy(config.page_table.format, "tsb");
	strcpy(config.page_table.backing, "hashed");
	RIGHT(page_table.radix.pa_bits = 60);
}

static void mmu_config_walk_caches(void **state)
{
	(void)state;
	WRONG(walk_caches.count = 7, "walk_caches");
	WRONG(walk_caches.cache[0].level = 0, "walk_caches.pde.level");
	WRONG(walk_caches.cache[1].level = 4, "walk_caches.pdpte.level");
	WRONG(walk_caches.cache[1].level = 1, "walk_caches.pdpte.level");
	WRONG(walk_caches.cache[0].entries = 0, "walk_caches.pde.entries");
	WRONG(walk_caches.cache[0].ways = 5, "walk_caches.pde.ways");
	WRONG(walk_caches.cache[0].replacement = REPLACE_TREE_PLRU, "walk_caches.pde.ways");
	WRONG(walk_caches.cache[0].latency = 1000001, "walk_caches.pde.latency");
	strcpy(config.walk_caches.cache[1].name, "pde");
	expect("walk_caches.pde.name");
	RIGHT(walk_caches.cache[1].level = 3);
	RIGHT(walk_caches.cache[0].ways = 24);
}

static void mmu_config_port(void **state)
{
	(void)state;
	WRONG(port.level_count = 5, "port");
	WRONG(port.level[0].line_bytes = 0, "port.l1d.line_bytes");
	WRONG(port.level[0].line_bytes = 48, "port.l1d.line_bytes");
	WRONG(port.level[0].line_bytes = 4, "port.l1d.line_bytes");
	WRONG(port.level[0].line_bytes = 8192, "port.l1d.line_bytes");
	WRONG(port.level[1].line_bytes = 32, "port.llc.line_bytes");
	WRONG(port.level[0].size_bytes = 0, "port.l1d.size_bytes");
	WRONG(port.level[0].size_bytes = 32768 + 32, "port.l1d.size_bytes");
	WRONG(port.level[0].ways = 7, "port.l1d.size_bytes");
	WRONG(port.level[1].replacement = REPLACE_TREE_PLRU, "port.llc.ways");
	WRONG(port.level[1].replacement = 77, "port.llc.replacement");
	WRONG(port.level[1].latency = 1000001, "port.llc.latency");
	WRONG(port.dram_latency = 1000001, "port.dram_latency");
	WRONG(port.write_latency = 1000001, "port.write_latency");
	WRONG(port.traffic = 2, "port.traffic");
	strcpy(config.port.level[1].name, "l1d");
	expect("port.l1d.name");
	strcpy(config.port.level[1].name, "dram_reads");
	expect("port.dram_reads.name");
	RIGHT(port.level[0].ways = 0);
	RIGHT(port.dram_latency = 0);
}

static void mmu_config_scalars(void **state)
{
	(void)state;
	WRONG(asid_bits = 17, "asid_bits");
	WRONG(fetch_bytes = 0, "fetch_bytes");
	WRONG(fetch_bytes = 48, "fetch_bytes");
	WRONG(fetch_bytes = 8192, "fetch_bytes");
	WRONG(trap_latency = 1000001, "trap_latency");
	WRONG(handler_cpi = 1001, "handler_cpi");
	RIGHT(asid_bits = 0);
	RIGHT(seed = 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(mmu_config_default_is_valid, setup),
		cmocka_unit_test(mmu_config_names_all_formats),
		cmocka_unit_test_setup(mmu_config_tlb_arrays, setup),
		cmocka_unit_test_setup(mmu_config_tlb_page_sizes, setup),
		cmocka_unit_test_setup(mmu_config_tlb_names_and_relations, setup),
		cmocka_unit_test_setup(mmu_config_page_table, setup),
		cmocka_unit_test_setup(mmu_config_refill, setup),
		cmocka_unit_test_setup(mmu_config_backing, setup),
		cmocka_unit_test_setup(mmu_config_walk_caches, setup),
		cmocka_unit_test_setup(mmu_config_port, setup),
		cmocka_unit_test_setup(mmu_config_scalars, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
