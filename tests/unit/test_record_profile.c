/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Profiles against a dumb reference: an array that is searched from its beginning. */

#include "tests/unit/test_record.h"

#include "analysis/mappings.h"
#include "analysis/profile.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

enum { REFERENCE_PAGES = 6200, EVENTS = 60000 };

static struct page_profile reference[REFERENCE_PAGES];
static unsigned reference_count;

static struct page_profile *reference_page(vpn_t vpn, asid_t asid)
{
	struct page_profile *row;

	for (row = reference; row < reference + reference_count; row++)
		if (row->key.address == vpn && row->key.asid == asid)
			return row;
	assert_true(reference_count < REFERENCE_PAGES);
	reference_count++;
	row->key.address = vpn;
	row->key.asid = asid;
	row->key.used = true;
	return row;
}

static void reference_take(const struct event *event)
{
	struct page_profile *row = reference_page(event->va >> 12, event->asid);

	if (event->page_lg2 > row->key.page_lg2)
		row->key.page_lg2 = event->page_lg2;
	if (event->kind == EVENT_TLB_RETIRE) {
		row->accesses += event->value;
		if (event->access == ACCESS_FETCH)
			row->fetches += event->value;
	}
	if (event->kind == EVENT_TLB_MISS && event->level == 0)
		row->misses++;
	if (event->kind == EVENT_WALK) {
		row->walks++;
		row->walk_cycles += event->cycles;
	}
	if (event->kind == EVENT_FAULT)
		row->key.faults++;
	if (event->kind == EVENT_FAULT_SERVED)
		row->fault_cycles += event->cycles;
}

static struct event random_event(void)
{
	static const uint8_t kinds[] = { EVENT_TLB_RETIRE, EVENT_TLB_MISS, EVENT_WALK, EVENT_FAULT,
					 EVENT_FAULT_SERVED };
	uint64_t r = random_next();

	return (struct event){
		.kind = kinds[r % 5],
		/* Three clumps: low, near the top of user space, and the kernel's half. */
		.va = (r >> 8 & 3) == 0   ? (r >> 16 & 0x3fffff)
		      : (r >> 8 & 3) == 1 ? 0x7fff00000000 + (r >> 16 & 0x3fffff)
					  : 0xffff800000000000 + (r >> 16 & 0x3fffff),
		.asid = (asid_t)(r >> 5 & 1),
		.pc = 0x400000 + (r >> 40 & 0xfff),
		.level = (uint8_t)(r >> 12 & 1),
		.access = (uint8_t)(r >> 13 & 3) % 3,
		.value = r >> 50,
		.cycles = (uint32_t)(r >> 54),
		.page_lg2 = r >> 60 ? 12 : 0,
	};
}

static int compare_pages(const void *left, const void *right)
{
	const struct page_profile *a = left, *b = right;

	if (a->key.asid != b->key.asid)
		return a->key.asid < b->key.asid ? -1 : 1;
	return (a->key.address > b->key.address) - (a->key.address < b->key.address);
}

static void record_profile_equals_reference(void **state)
{
	struct profile profile;
	struct page_profile *rows;
	struct event batch[EVENT_BATCH];
	unsigned held = 0;

	(void)state;
	assert_int_equal(profile_init(&profile, PROFILE_PAGES_MAX, PROFILE_INSTRUCTIONS_MAX,
				      &host_alloc_libc),
			 0);
	for (unsigned i = 0; i < EVENTS; i++) {
		batch[held] = random_event();
		reference_take(&batch[held]);
		if (++held == EVENT_BATCH || random_next() % 100 == 0) {
			profile_batch(&profile, batch, held);
			held = 0;
		}
	}
	profile_batch(&profile, batch, held);
	qsort(reference, reference_count, sizeof(*reference), compare_pages);
	assert_true(reference_count > 2000);
	assert_int_equal(profile_sort_pages(&profile, &rows), reference_count);
	assert_memory_equal(rows, reference, reference_count * sizeof(*rows));
	profile_release(&profile);
}

/* Beyond the bound nothing is lost: rows and `other` sum to what came. */
static void record_profile_keeps_sums_at_its_bound(void **state)
{
	struct profile profile;
	struct page_profile *pages;
	struct instruction_profile *instructions;
	uint64_t cycles = 0, expected = 0, pcs = 0, count;

	(void)state;
	assert_int_equal(profile_init(&profile, 1536, 768, &host_alloc_libc), 0);
	for (uint64_t i = 0; i < 10000; i++) {
		struct event walk = { .kind = EVENT_WALK,
				      .va = (i * 7919 % 5000) << 12,
				      .pc = 1 + i % 3000,
				      .cycles = (uint32_t)i };

		expected += i;
		profile_batch(&profile, &walk, 1);
	}
	count = profile_sort_pages(&profile, &pages);
	assert_int_equal(count, 1536);
	for (uint64_t i = 0; i < count; i++)
		cycles += pages[i].walk_cycles;
	assert_int_equal(cycles + profile.other_pages.walk_cycles, expected);
	count = profile_sort_instructions(&profile, &instructions);
	assert_int_equal(count, 768);
	for (uint64_t i = 0; i < count; i++)
		pcs += instructions[i].walk_cycles;
	assert_int_equal(pcs + profile.other_instructions.walk_cycles, expected);
	profile_release(&profile);
}

static void record_profile_ignores_unknown_pcs(void **state)
{
	struct profile profile;
	struct instruction_profile *rows;
	const struct event walk = { .kind = EVENT_WALK, .va = 0x1000 };

	(void)state;
	assert_int_equal(profile_init(&profile, 1536, 768, &host_alloc_libc), 0);
	profile_batch(&profile, &walk, 1);
	assert_int_equal(profile_sort_instructions(&profile, &rows), 0);
	profile_release(&profile);
}

/* --- mappings -------------------------------------------------------------------------------- */

static const struct mapping_entry *latest_of(const struct mappings *mappings, asid_t asid, va_t va)
{
	const struct mapping_entry *found = NULL;

	for (uint32_t i = 0; i < mappings->count; i++)
		if (mappings->entry[i].mapping.asid == asid &&
		    va - mappings->entry[i].mapping.start < mappings->entry[i].mapping.length)
			found = &mappings->entry[i];
	return found;
}

static void record_mappings_latest_wins(void **state)
{
	struct mappings mappings = { .alloc = &host_alloc_libc };

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		struct record_mapping mapping = { .start = random_next() % 4000,
						  .length = random_next() % 60,
						  .path = i % 3 ? "file" : NULL,
						  .asid = (asid_t)(i % 2) };

		assert_int_equal(mappings_add(&mappings, &mapping), 0);
	}
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(mappings_sweep_start(&mappings), 0);
		for (asid_t asid = 0; asid < 3; asid++)
			for (va_t va = 0; va < 4100; va += 1 + round * 3)
				assert_ptr_equal(mappings_sweep(&mappings, asid, va),
						 latest_of(&mappings, asid, va));
	}
	mappings_release(&mappings);
}

static void record_mappings_are_bounded(void **state)
{
	struct mappings mappings = { .alloc = &host_alloc_libc };
	const struct record_mapping mapping = { .start = 4096, .length = 1 };

	(void)state;
	for (unsigned i = 0; i < MAPPINGS_MAX + 5; i++)
		assert_int_equal(mappings_add(&mappings, &mapping), 0);
	assert_int_equal(mappings.count, MAPPINGS_MAX);
	assert_int_equal(mappings.dropped, 5);
	mappings_release(&mappings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_profile_equals_reference),
		cmocka_unit_test(record_profile_keeps_sums_at_its_bound),
		cmocka_unit_test(record_profile_ignores_unknown_pcs),
		cmocka_unit_test(record_mappings_latest_wins),
		cmocka_unit_test(record_mappings_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
