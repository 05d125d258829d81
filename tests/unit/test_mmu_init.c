/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Making and releasing an MMU: what is refused, what running out of memory leaves behind. */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mmu_rig rig;

/* Counts down to an allocation that fails, and up for each that lives. */
struct failing {
	unsigned left;
	int live;
};

static void *fail_later(void *ctx, void *old, size_t bytes)
{
	struct failing *failing = ctx;

	if (bytes == 0) {
		failing->live--;
		free(old);
		return NULL;
	}
	if (failing->left == 0)
		return NULL;
	failing->left--;
	failing->live += old == NULL;
	return realloc(old, bytes);
}

static void add_port(struct mmu_config *config)
{
	struct port_level_config *level = &config->port.level[config->port.level_count++];

	strcpy(level->name, "l1d");
	level->size_bytes = 4096;
	level->ways = 4;
	level->line_bytes = 64;
	level->latency = 4;
}

static void mmu_can_be_released_after_any_failed_init(void **state)
{
	struct config_complaint complaint;
	struct mmu mmu;
	int error = PW_NOMEM;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 8, 1);
	mmu_rig_add_tlb(&rig, 64, 7);
	mmu_rig_add_walk_cache(&rig, 1, 4, 1);
	add_port(&rig.config);
	mmu_rig_init(&rig, 1 << 20);
	for (unsigned n = 0; error != PW_OK; n++) {
		struct failing failing = { .left = n };
		struct host_alloc alloc = { fail_later, &failing };

		assert_in_range(n, 0, 40);
		memset(&mmu, 0xa5, sizeof(mmu));
		error = mmu_init(&mmu, &rig.config, &rig.table, NULL, &rig.ledger, &alloc,
				 &complaint);
		if (error != PW_OK)
			assert_int_equal(error, PW_NOMEM);
		mmu_release(&mmu);
		assert_int_equal(failing.live, 0);
	}
	mmu_rig_release(&rig);
}

static void mmu_can_be_released_after_a_refused_description(void **state)
{
	struct config_complaint complaint;
	struct mmu mmu;

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	rig.config.asid_bits = 17;
	memset(&mmu, 0xa5, sizeof(mmu));
	assert_int_equal(mmu_init(&mmu, &rig.config, &rig.table, NULL, &rig.ledger,
				  &host_alloc_libc, &complaint),
			 PW_INVALID);
	assert_string_equal(complaint.field, "asid_bits");
	mmu_release(&mmu);
	mmu_rig_release(&rig);
}

/* Each access that translated is somebody's, also where there is nobody but the page itself. */
static void mmu_without_tlb_retires_translated_accesses_only(void **state)
{
	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, 0x1000, 12);
	mmu_rig_want(&rig, UINT64_C(1) << EVENT_TLB_RETIRE);
	mmu_rig_access(&rig, ACCESS_READ, 0x1000);
	mmu_rig_access(&rig, ACCESS_WRITE, 0x2000);
	mmu_rig_access(&rig, ACCESS_FETCH, UINT64_C(1) << 62);
	mmu_rig_access(&rig, ACCESS_WRITE, 0x1008);
	assert_int_equal(mmu_rig_count(&rig, EVENT_TLB_RETIRE), 2);
	assert_int_equal(rig.event[0].va, 0x1000);
	assert_int_equal(rig.event[0].value, 1);
	assert_int_equal(rig.event[1].va, 0x1000);
	mmu_rig_release(&rig);
}

struct reach {
	uint64_t base, large, in_use;
};

static void see_reach(void *ctx, const char *name, const char *doc, uint64_t value)
{
	struct reach *reach = ctx;

	(void)doc;
	if (strcmp(name, "tlb.l2.data.reach_bytes.4K") == 0)
		reach->base = value;
	if (strcmp(name, "tlb.l2.data.reach_bytes.1G") == 0)
		reach->large = value;
	if (strcmp(name, "tlb.l2.data.reach_in_use_bytes") == 0)
		reach->in_use = value;
}

/* 16 entries: 64 KiB of base pages, 16 GiB of the largest ones; one page was touched. */
static void mmu_shows_the_reach_of_a_tlb_level(void **state)
{
	struct reach reach = { 0 };

	(void)state;
	mmu_rig_config(&rig);
	mmu_rig_add_tlb(&rig, 4, 0);
	mmu_rig_add_tlb(&rig, 16, 7);
	mmu_rig_init(&rig, 1 << 20);
	mmu_rig_map(&rig, 0x1000, 12);
	mmu_rig_access(&rig, ACCESS_READ, 0x1000);
	mmu_visit_counters(&rig.mmu, see_reach, &reach);
	assert_int_equal(reach.base, UINT64_C(16) << 12);
	assert_int_equal(reach.large, UINT64_C(16) << 30);
	assert_int_equal(reach.in_use, 4096);
	mmu_rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mmu_can_be_released_after_any_failed_init),
		cmocka_unit_test(mmu_can_be_released_after_a_refused_description),
		cmocka_unit_test(mmu_without_tlb_retires_translated_accesses_only),
		cmocka_unit_test(mmu_shows_the_reach_of_a_tlb_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
