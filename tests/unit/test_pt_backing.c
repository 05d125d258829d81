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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backing_tells_of_the_tag_that_was_lent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
