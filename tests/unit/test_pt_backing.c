/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A page table on top of another: both spaces have the tag that the owner lends the outer one, so
 * that what the inner table reports as stale is reported of the space that hardware knows.
 */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 64 << 20, PAGE = 4096, LENT = 7, LENT_NEXT = 9 };

static struct mmu_rig rig;
static unsigned told, wrong; /* invalidations since the last tag was lent; of another tag */

static void invalidated(void *ctx, asid_t tag, va_t va, uint64_t bytes, unsigned held)
{
	(void)ctx;
	(void)va;
	(void)bytes;
	(void)held;
	told++;
	wrong += tag != rig.space->tag;
}

static void start(const char *format, const char *backing)
{
	mmu_rig_config(&rig);
	strcpy(rig.config.page_table.format, format);
	strcpy(rig.config.page_table.backing, backing);
	mmu_rig_init(&rig, MEMORY);
	rig.table.listener.invalidate = invalidated;
}

static void lend(asid_t tag)
{
	pt_space_lend(rig.space, tag);
	assert_int_equal(rig.space->tag, tag);
	assert_int_equal(rig.space->asid, 1);
	assert_int_equal(rig.space->inner->tag, tag);
	assert_int_equal(rig.space->inner->asid, 1);
	told = wrong = 0;
}

/* A cuckoo table tells of each region whose summary changes: the first page of one does. */
static void backing_tells_of_the_tag_that_was_lent(void **state)
{
	static const char formats[][CONFIG_NAME_MAX] = { "htab", "tsb", "vhpt" };

	(void)state;
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		start(formats[i], "cuckoo");
		assert_int_equal(rig.space->inner->tag, rig.space->tag);
		lend(LENT);
		mmu_rig_map(&rig, 0x10000000, 12);
		assert_true(told > 0);
		assert_int_equal(wrong, 0);
		/* The tag is taken back and another lent while pages are mapped. */
		lend(LENT_NEXT);
		mmu_rig_map(&rig, 0x20000000, 12);
		assert_true(told > 0);
		assert_int_equal(wrong, 0);
		mmu_rig_release(&rig);
	}
}

/* What only looks finds a page whose A software has yet to set, through the walk of the backing, too. */
static void a_look_finds_what_is_not_accessed(void **state)
{
	static const char formats[][CONFIG_NAME_MAX] = { "linear", "htab", "tsb", "vhpt" };
	const struct pt_attrs attrs = { .perms = PERM_READ | PERM_WRITE | PERM_USER };
	struct translation leaf;

	(void)state;
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		mmu_rig_config(&rig);
		strcpy(rig.config.page_table.format, formats[i]);
		rig.config.page_table.radix =
			(struct radix_config){ .level_count = 2,
					       .index_bits = { 10, 10 },
					       .leaf_allowed = { true },
					       .offset_bits = 12,
					       .pa_bits = 32,
					       .entry = RADIX_ENTRY_X86_32,
					       .accessed = RADIX_MARK_SOFTWARE,
					       .dirty = RADIX_MARK_SOFTWARE };
		mmu_rig_init(&rig, MEMORY);
		assert_int_equal(mmu_rig_map_attrs(&rig, 0x10000000, 12, attrs), PW_OK);
		assert_int_equal(pt_lookup(rig.space, 0x10000000, &leaf), PW_OK);
		assert_int_equal(leaf.va, 0x10000000);
		/* An access is another matter. */
		assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x10000000).fault.kind,
				 FAULT_ACCESSED);
		assert_int_equal(rig.table.ops->mark(rig.space, 0x10000000, false), PW_OK);
		assert_int_equal(mmu_rig_access(&rig, ACCESS_READ, 0x10000000).fault.kind,
				 FAULT_NONE);
		assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, 0x10000000).fault.kind,
				 FAULT_DIRTY);
		assert_int_equal(rig.table.ops->mark(rig.space, 0x10000000, true), PW_OK);
		assert_int_equal(mmu_rig_access(&rig, ACCESS_WRITE, 0x10000000).fault.kind,
				 FAULT_NONE);
		mmu_rig_release(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backing_tells_of_the_tag_that_was_lent),
		cmocka_unit_test(a_look_finds_what_is_not_accessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
