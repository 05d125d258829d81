/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The radix format bit by bit. What it does as a container is tests/conform's matter, what its
 * walks do against another implementation tests/conform/test_x86_oracle.c's.
 */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BIT(n) (UINT64_C(1) << (n))

static struct mmu_rig rig;

static uint64_t entry_at(pa_t table, va_t va, unsigned level)
{
	uint64_t raw;

	memcpy(&raw, phys_mem_at(&rig.mem, table + (va >> (12 + 9 * level) & 511) * 8), 8);
	return raw;
}

static void set_entry(pa_t table, va_t va, unsigned level, uint64_t raw)
{
	memcpy(phys_mem_at(&rig.mem, table + (va >> (12 + 9 * level) & 511) * 8), &raw, 8);
}

/* The entry for va at a level, through tables that are there. */
static pa_t table_of(va_t va, unsigned level)
{
	pa_t table = rig.space->root;

	for (unsigned i = 3; i > level; i--)
		table = entry_at(table, va, i) & UINT64_C(0x000ffffffffff000);
	return table;
}

static enum fault_kind probe(va_t va, enum access_kind access, enum cpu_mode mode)
{
	rig.mmu.mode = mode;
	return mmu_probe(&rig.mmu, access, va, NULL);
}

/* Intel SDM 3A, figure "Formats of CR3 and Paging-Structure Entries with 4-Level Paging". */
static void pt_radix_writes_the_architectural_bits(void **state)
{
	const va_t va = UINT64_C(0x123456789000);
	struct pt_mapping m = { .va = va, .pa = UINT64_C(0x3fedcba98000), .page_lg2 = 12 };

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	m.attrs = (struct pt_attrs){ PERM_READ, false, false, false };
	assert_int_equal(rig.table.ops->map(rig.space, &m, NULL), PW_OK);
	assert_true(entry_at(table_of(va, 0), va, 0) == (BIT(63) | m.pa | 1));
	/* Tables as Linux makes them: present, write, user, accessed (_PAGE_TABLE less D). */
	assert_int_equal(entry_at(table_of(va, 1), va, 1) & 0xfff, 0x27);
	assert_int_equal(entry_at(table_of(va, 3), va, 3) & 0xfff, 0x27);
	assert_int_equal(entry_at(table_of(va, 3), va, 3) >> 63, 0);
	m.va += 4096;
	m.attrs = (struct pt_attrs){ PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER, true, true,
				     true };
	assert_int_equal(rig.table.ops->map(rig.space, &m, NULL), PW_OK);
	assert_true(entry_at(table_of(va, 0), va + 4096, 0) == (m.pa | 0x167));
	m.va = BIT(40);
	m.pa = BIT(30);
	m.page_lg2 = 30;
	m.attrs = (struct pt_attrs){ PERM_READ | PERM_EXEC, false, false, false };
	assert_int_equal(rig.table.ops->map(rig.space, &m, NULL), PW_OK);
	assert_true(entry_at(table_of(m.va, 2), m.va, 2) == (m.pa | 0x81));
	mmu_rig_release(&rig);
}

/* One reserved bit at a time, in each level; every other bit is ignored or has a meaning. */
static void pt_radix_reserved_bits(void **state)
{
	const va_t va = UINT64_C(0x123456789000), large = BIT(41), huge = BIT(42);
	const struct {
		va_t va;
		unsigned level;
		uint64_t reserved;
	} cases[] = {
		/* MAXPHYADDR is 46 here. */
		{ va, 3, (BIT(52) - BIT(46)) | BIT(7) },
		{ va, 2, BIT(52) - BIT(46) },
		{ va, 1, BIT(52) - BIT(46) },
		{ va, 0, BIT(52) - BIT(46) },
		{ large, 1, (BIT(52) - BIT(46)) | (BIT(21) - BIT(13)) },
		{ huge, 2, (BIT(52) - BIT(46)) | (BIT(30) - BIT(13)) },
	};

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, va, 12);
	mmu_rig_map(&rig, large, 21);
	mmu_rig_map(&rig, huge, 30);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pa_t table = table_of(cases[i].va, cases[i].level);
		uint64_t raw = entry_at(table, cases[i].va, cases[i].level);

		for (unsigned bit = 3; bit < 63; bit++) {
			bool address = bit >= 12 && bit < 46 && !(cases[i].reserved >> bit & 1);
			bool size = bit == 7 && !(cases[i].reserved >> 7 & 1);
			enum fault_kind wanted = cases[i].reserved >> bit & 1 ? FAULT_RESERVED
									      : FAULT_NONE;

			if (address || size)
				continue;
			set_entry(table, cases[i].va, cases[i].level, raw | BIT(bit));
			assert_int_equal(probe(cases[i].va, ACCESS_READ, MODE_USER), wanted);
		}
		set_entry(table, cases[i].va, cases[i].level, raw);
	}
	mmu_rig_release(&rig);
}

/* Without NXE, bit 63 is reserved; with it, a fetch is refused and a load is not. */
static void pt_radix_no_execute(void **state)
{
	const va_t va = BIT(30);
	struct mmu_controls controls;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, va, 12);
	set_entry(table_of(va, 2), va, 2, entry_at(table_of(va, 2), va, 2) | BIT(63));
	assert_int_equal(probe(va, ACCESS_READ, MODE_USER), FAULT_NONE);
	assert_int_equal(probe(va, ACCESS_FETCH, MODE_USER), FAULT_PROTECTION);
	controls = rig.mmu.config.controls;
	controls.no_execute = false;
	mmu_set_controls(&rig.mmu, &controls);
	assert_int_equal(probe(va, ACCESS_READ, MODE_USER), FAULT_RESERVED);
	set_entry(table_of(va, 2), va, 2, entry_at(table_of(va, 2), va, 2) & ~BIT(63));
	assert_int_equal(probe(va, ACCESS_FETCH, MODE_USER), FAULT_NONE);
	mmu_rig_release(&rig);
}

/* R/W and U/S must be set on the whole path: each level withholds them for all below. */
static void pt_radix_combines_permissions(void **state)
{
	const va_t va = BIT(30);

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, va, 12);
	for (unsigned level = 0; level < 4; level++) {
		pa_t table = table_of(va, level);
		uint64_t raw = entry_at(table, va, level);

		set_entry(table, va, level, raw & ~BIT(1));
		assert_int_equal(probe(va, ACCESS_READ, MODE_USER), FAULT_NONE);
		assert_int_equal(probe(va, ACCESS_WRITE, MODE_USER), FAULT_PROTECTION);
		set_entry(table, va, level, raw & ~BIT(2));
		assert_int_equal(probe(va, ACCESS_READ, MODE_USER), FAULT_PROTECTION);
		assert_int_equal(probe(va, ACCESS_READ, MODE_SUPERVISOR), FAULT_NONE);
		set_entry(table, va, level, raw & ~BIT(0));
		assert_int_equal(probe(va, ACCESS_READ, MODE_USER), FAULT_NOT_PRESENT);
		set_entry(table, va, level, raw);
	}
	mmu_rig_release(&rig);
}

/* A is set on the way down, also on the way to a fault; leaf A and D only by what goes through. */
static void pt_radix_sets_accessed_and_dirty(void **state)
{
	const va_t va = BIT(30);
	const struct pt_attrs read_only = { .perms = PERM_READ | PERM_USER };

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	assert_int_equal(mmu_rig_map_attrs(&rig, va, 12, read_only), PW_OK);
	for (unsigned level = 1; level < 4; level++) {
		pa_t table = table_of(va, level);

		set_entry(table, va, level, entry_at(table, va, level) & ~BIT(5));
	}
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_PROTECTION);
	assert_int_equal(rig.mmu.counters.walk_writes, 3);
	assert_int_equal(entry_at(table_of(va, 1), va, 1) >> 5 & 1, 1);
	assert_int_equal(entry_at(table_of(va, 0), va, 0) >> 5 & 3, 0);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, va).fault.kind, FAULT_NONE);
	assert_int_equal(entry_at(table_of(va, 0), va, 0) >> 5 & 3, 1);
	rig.table.ops->protect(rig.space, va, 4096, PERM_READ | PERM_WRITE | PERM_USER, NULL, NULL);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, va).fault.kind, FAULT_NONE);
	assert_int_equal(entry_at(table_of(va, 0), va, 0) >> 5 & 3, 3);
	/* The probe is silent. */
	rig.table.ops->mark(rig.space, va, false);
	set_entry(table_of(va, 0), va, 0, entry_at(table_of(va, 0), va, 0) & ~UINT64_C(0x60));
	assert_int_equal(probe(va, ACCESS_WRITE, MODE_USER), FAULT_NONE);
	assert_int_equal(entry_at(table_of(va, 0), va, 0) >> 5 & 3, 0);
	mmu_rig_release(&rig);
}

static void pt_radix_splits_each_large_size(void **state)
{
	const va_t va = UINT64_C(0xffff800040000000);
	struct translation leaf;
	struct pt_stats stats;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 22);
	mmu_rig_map(&rig, va, 30);
	assert_int_equal(rig.table.ops->split(rig.space, va + 12345678), PW_OK);
	assert_int_equal(rig.table.ops->split(rig.space, va + 12345678), PW_OK);
	assert_int_equal(rig.table.ops->split(rig.space, va + 12345678), PW_UNSUPPORTED);
	assert_int_equal(pt_lookup(rig.space, va + 12345678, &leaf), PW_OK);
	assert_int_equal(leaf.page_lg2, 12);
	assert_true(leaf.pa == ((va + 12345678) & 0xfffffff000));
	assert_int_equal(pt_lookup(rig.space, va + (5 << 21), &leaf), PW_OK);
	assert_int_equal(leaf.page_lg2, leaf.va == va + (5 << 21) ? 12 : 21);
	rig.table.ops->stats(&rig.table, &stats);
	assert_int_equal(stats.tables[0], 1);
	assert_int_equal(stats.tables[1], 1);
	assert_int_equal(rig.space->mapped, 512 * 512);
	/* Half of a leaf cannot go. */
	assert_int_equal(rig.table.ops->unmap(rig.space, va + (9 << 21), 4096, NULL, NULL),
			 PW_INVALID);
	assert_int_equal(rig.table.ops->unmap(rig.space, va, BIT(30), NULL, NULL), PW_OK);
	assert_int_equal(rig.table_memory.frames_used, 1);
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

static void pt_radix_describes_entries(void **state)
{
	const uint64_t small = BIT(63) | 0x12345165, large = 0x40001087, one = 1;
	struct pt_field fields[PT_FIELDS_MAX];
	unsigned count;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	count = rig.table.ops->describe(&rig.table, 0, &small, 8, fields);
	assert_int_equal(field(fields, count, "PFN"), 0x12345);
	assert_int_equal(field(fields, count, "NX"), 1);
	assert_int_equal(field(fields, count, "P"), 1);
	assert_int_equal(field(fields, count, "R/W"), 0);
	assert_int_equal(field(fields, count, "U/S"), 1);
	assert_int_equal(field(fields, count, "A"), 1);
	assert_int_equal(field(fields, count, "D"), 1);
	assert_int_equal(field(fields, count, "G"), 1);
	count = rig.table.ops->describe(&rig.table, 1, &large, 8, fields); /* a 2 MiB leaf, PAT */
	assert_int_equal(field(fields, count, "PS"), 1);
	assert_int_equal(field(fields, count, "PAT"), 1);
	assert_int_equal(field(fields, count, "PFN"), 0x40000);
	assert_int_equal(rig.table.ops->describe(&rig.table, 4, &one, 8, fields), 0);
	assert_int_equal(rig.table.ops->describe(&rig.table, 0, &one, 4, fields), 0);
	mmu_rig_release(&rig);
}

/*
 * A 12-bit space out of a textbook: 64-byte pages, 3 + 3 index bits, 15-bit physical addresses.
 * The address field still begins at bit 12 and holds the frame number, pa >> 6.
 */
static void pt_radix_toy_geometry(void **state)
{
	struct radix_config *radix = &rig.config.page_table.radix;
	struct mmu_result result;
	const struct pt_mapping m = { 0xa40, 0x1fc0, 6, { PERM_READ | PERM_USER, 0, 1, 0 } };
	uint64_t raw;

	(void)state;
	mmu_rig_config(&rig);
	*radix = (struct radix_config){ .level_count = 2,
					.index_bits = { 3, 3 },
					.leaf_allowed = { true, true },
					.offset_bits = 6,
					.pa_bits = 15 };
	mmu_rig_init(&rig, 1 << 15);
	assert_int_equal(rig.table.caps.va_bits, 12);
	assert_false(rig.table.caps.sign_extended);
	assert_int_equal(rig.table.ops->map(rig.space, &m, NULL), PW_OK);
	memcpy(&raw, phys_mem_at(&rig.mem, rig.space->root + 5 * 8), 8); /* 0xa40: 101 001 000000 */
	memcpy(&raw, phys_mem_at(&rig.mem, ((raw >> 12) << 6) + 1 * 8), 8);
	assert_true(raw == (BIT(63) | (uint64_t)(0x1fc0 >> 6) << 12 | 0x25));
	result = mmu_rig_access(&rig, ACCESS_READ, 0xa48);
	assert_int_equal(result.fault.kind, FAULT_NONE);
	assert_int_equal(result.pa, 0x1fc8);
	assert_int_equal(rig.mmu.counters.walk_refs, 2);
	assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x1000).fault.kind, FAULT_NON_CANONICAL);
	mmu_rig_release(&rig);
}

/* A table that an entry's address field cannot hold is refused like one that is not there. */
static void pt_radix_tables_stay_within_pa_bits(void **state)
{
	struct pt_memory ptm;
	struct bump_frames frames;
	struct phys_mem mem;
	struct page_table pt;
	struct pt_space *space;
	struct mmu_config config;
	struct config_complaint complaint;

	(void)state;
	mmu_config_default(&config);
	config.page_table.radix.pa_bits = 20;
	assert_int_equal(phys_mem_init(&mem, 2 << 20), PW_OK);
	bump_frames_init(&frames, 256, 512);
	pt_memory_init(&ptm, &mem, &frames.source);
	assert_int_equal(page_table_create(&pt, &config.page_table, &ptm, &host_alloc_libc,
					   &complaint),
			 PW_OK);
	assert_int_equal(pt_space_create(&pt, 1, &space), PW_NOFRAMES);
	assert_int_equal(ptm.frames_used, 0);
	page_table_destroy(&pt);
	phys_mem_release(&mem);
}

static void pt_radix_refuses_bad_geometries(void **state)
{
	static const struct {
		struct radix_config radix;
		const char *field;
	} bad[] = {
		{ { .level_count = 0, .offset_bits = 12, .pa_bits = 40 },
		  "page_table.radix.index_bits" },
		{ { .level_count = 9, .offset_bits = 12, .pa_bits = 40 },
		  "page_table.radix.index_bits" },
		{ { .level_count = 1, .index_bits = { 9 }, .offset_bits = 2, .pa_bits = 40 },
		  "page_table.radix.offset_bits" },
		{ { .level_count = 2, .index_bits = { 9, 0 }, .offset_bits = 12, .pa_bits = 40 },
		  "page_table.radix.index_bits" },
		{ { .level_count = 2, .index_bits = { 30, 30 }, .offset_bits = 12, .pa_bits = 40 },
		  "page_table.radix.index_bits" },
		{ { .level_count = 1, .index_bits = { 9 }, .offset_bits = 12, .pa_bits = 53 },
		  "page_table.radix.pa_bits" },
		{ { .level_count = 1, .index_bits = { 9 }, .offset_bits = 6, .pa_bits = 47 },
		  "page_table.radix.pa_bits" },
		{ { .level_count = 1,
		    .index_bits = { 9 },
		    .offset_bits = 12,
		    .pa_bits = 40,
		    .entry = 77 },
		  "page_table.radix.entry" },
	};
	struct phys_mem mem;
	struct bump_frames frames;
	struct pt_memory ptm;

	(void)state;
	assert_int_equal(phys_mem_init(&mem, 1 << 20), PW_OK);
	bump_frames_init(&frames, 1, 256);
	pt_memory_init(&ptm, &mem, &frames.source);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pt_config config = { .format = "radix", .radix = bad[i].radix };
		struct config_complaint complaint = { .field = "" };
		struct page_table pt;

		assert_int_equal(page_table_create(&pt, &config, &ptm, &host_alloc_libc,
						   &complaint),
				 PW_INVALID);
		assert_string_equal(complaint.field, bad[i].field);
		assert_non_null(complaint.must_be);
	}
	phys_mem_release(&mem);
}

/* check() sees each kind of damage. */
static void pt_radix_check_finds_damage(void **state)
{
	const va_t va = BIT(30);
	const char *what;
	pa_t table;
	uint64_t raw;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, va, 12);
	table = table_of(va, 0);
	raw = entry_at(table, va, 0);
	assert_int_equal(rig.table.ops->check(&rig.table, &what), PW_OK);
	set_entry(table, va, 0, 0);
	assert_int_equal(rig.table.ops->check(&rig.table, &what), PW_CORRUPT);
	set_entry(table, va, 0, raw | BIT(50));
	assert_int_equal(rig.table.ops->check(&rig.table, &what), PW_CORRUPT);
	assert_string_equal(what, "a reserved bit is set");
	set_entry(table, va, 0, raw);
	set_entry(table, va + 4096, 0, raw);
	assert_int_equal(rig.table.ops->check(&rig.table, &what), PW_CORRUPT);
	set_entry(table, va + 4096, 0, 0);
	rig.space->mapped++;
	assert_int_equal(rig.table.ops->check(&rig.table, &what), PW_CORRUPT);
	rig.space->mapped--;
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pt_radix_writes_the_architectural_bits),
		cmocka_unit_test(pt_radix_reserved_bits),
		cmocka_unit_test(pt_radix_no_execute),
		cmocka_unit_test(pt_radix_combines_permissions),
		cmocka_unit_test(pt_radix_sets_accessed_and_dirty),
		cmocka_unit_test(pt_radix_splits_each_large_size),
		cmocka_unit_test(pt_radix_describes_entries),
		cmocka_unit_test(pt_radix_toy_geometry),
		cmocka_unit_test(pt_radix_tables_stay_within_pa_bits),
		cmocka_unit_test(pt_radix_refuses_bad_geometries),
		cmocka_unit_test(pt_radix_check_finds_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
