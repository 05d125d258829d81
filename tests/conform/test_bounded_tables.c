/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bounded tables (HTAB, TSB, VHPT) under walks that make copies, evict them and make them stale:
 * pages that all fall on few slots, in several spaces, are mapped, unmapped, protected, aged and
 * accessed in random order, with no TLB that would hide a copy. Each access is held to a plain array
 * of what is mapped, A and D included, and after each operation check() holds every copy to the
 * backing table. That copies do get evicted, and found, is tested too.
 */

#include "mmu/mmu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 32 << 20, PAGE = 4096, SPACES = 3, PAGES = 16, OPERATIONS = 40000 };

struct subject {
	const char *name, *format, *backing;
	va_t (*page_va)(unsigned space, unsigned page); /* all on few slots */
};

struct ref_page {
	bool mapped;
	pa_t pa;
	struct pt_attrs attrs;
};

static struct {
	struct phys_mem mem;
	struct bump_frames frames;
	struct pt_memory memory;
	struct page_table table;
	struct pt_space *space[SPACES];
	struct ledger ledger;
	struct mmu mmu;
	struct ref_page page[SPACES][PAGES];
	const struct subject *subject;
	unsigned current;
} t;

static uint64_t random_state;

static unsigned pick(unsigned choices)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 0x2545f4914f6cdd1du >> 32) * choices >> 32);
}

/* 512 entries by the page's number: 2 MiB apart is the same slot; two slots are used. */
static va_t tsb_va(unsigned space, unsigned page)
{
	(void)space;
	return ((va_t)(page / 2) << 21) + (va_t)(page % 2) * PAGE;
}

/* 128 entries: pages of a space on two of them; the spaces' slots differ, but for chance. */
static va_t vhpt_va(unsigned space, unsigned page)
{
	(void)space;
	return ((va_t)(page / 2) << 19) + (va_t)(page % 2) * PAGE;
}

/*
 * Hash 1 is VSID (ASID x 16 + segment) XOR page index. One segment a page, and the index such that
 * the hash is 5: 48 pages in the 16 slots of groups 5 and ~5.
 */
static va_t htab_va(unsigned space, unsigned page)
{
	unsigned vsid = (space + 1) * 16 + page, index = vsid ^ 5;

	return (va_t)page << 28 | (va_t)index << 12;
}

static void start(const struct subject *subject)
{
	struct config_complaint complaint = { .must_be = "" };
	struct mmu_config config;

	memset(&t, 0, sizeof(t));
	t.subject = subject;
	mmu_config_default(&config);
	config.tlb.level_count = 0;
	strcpy(config.page_table.format, subject->format);
	strcpy(config.page_table.backing, subject->backing);
	config.page_table.hashed.buckets = 64;
	config.page_table.vhpt.entries = 128;
	config.page_table.htab.groups = 1024;
	config.page_table.tsb.size = 0;
	assert_int_equal(phys_mem_init(&t.mem, MEMORY), PW_OK);
	bump_frames_init(&t.frames, 1, MEMORY / FRAME_BYTES);
	pt_memory_init(&t.memory, &t.mem, &t.frames.source);
	if (page_table_create(&t.table, &config.page_table, &t.memory, &host_alloc_libc,
			      &complaint) != PW_OK)
		fail_msg("%s: %s must be %s", subject->name, complaint.field, complaint.must_be);
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(pt_space_create(&t.table, (asid_t)(i + 1), &t.space[i]), PW_OK);
	assert_int_equal(mmu_init(&t.mmu, &config, &t.table, NULL, &t.ledger, &host_alloc_libc,
				  &complaint),
			 PW_OK);
	mmu_switch(&t.mmu, t.space[0]);
}

static void check(const char *op)
{
	const char *what = NULL;

	if (t.table.ops->check(&t.table, &what) != PW_OK || mmu_check(&t.mmu, &what) != PW_OK)
		fail_msg("%s, after %s: %s", t.subject->name, op, what);
}

static void stop(void)
{
	mmu_release(&t.mmu);
	for (unsigned i = 0; i < SPACES; i++)
		pt_space_destroy(t.space[i]);
	check("the end");
	page_table_destroy(&t.table);
	phys_mem_release(&t.mem);
}

static uint8_t random_perms(void)
{
	return (uint8_t)(pick(3) ? 15 : PERM_READ | pick(16));
}

static void do_map(unsigned space, unsigned page)
{
	struct ref_page *ref = &t.page[space][page];
	const struct pt_mapping m = { .va = t.subject->page_va(space, page),
				      .pa = (pa_t)(1 + pick(5000)) * PAGE,
				      .page_lg2 = 12,
				      .attrs = { random_perms(), pick(4) == 0, pick(2), pick(2) } };
	int error = t.table.ops->map(t.space[space], &m, NULL);

	assert_int_equal(error, ref->mapped ? PW_EXISTS : PW_OK);
	if (error == PW_OK)
		*ref = (struct ref_page){ true, m.pa, m.attrs };
}

static void do_unmap(unsigned space, unsigned page)
{
	t.table.ops->unmap(t.space[space], t.subject->page_va(space, page), PAGE, NULL, NULL);
	t.page[space][page].mapped = false;
}

static void do_protect(unsigned space, unsigned page)
{
	uint8_t perms = random_perms();

	t.table.ops->protect(t.space[space], t.subject->page_va(space, page), PAGE, perms, NULL,
			     NULL);
	t.page[space][page].attrs.perms = perms;
}

static void do_harvest(unsigned space, unsigned page)
{
	struct ref_page *ref = &t.page[space][page];
	unsigned clear = pick(4);
	struct translation leaf;
	int error =
		t.table.ops->harvest(t.space[space], t.subject->page_va(space, page), clear, &leaf);

	assert_int_equal(error, ref->mapped ? PW_OK : PW_ABSENT);
	if (error != PW_OK)
		return;
	assert_int_equal(leaf.accessed, ref->attrs.accessed);
	assert_int_equal(leaf.dirty, ref->attrs.dirty);
	if (clear & HARVEST_CLEAR_A)
		ref->attrs.accessed = false;
	if (clear & HARVEST_CLEAR_D)
		ref->attrs.dirty = false;
}

static void do_mark(unsigned space, unsigned page)
{
	bool dirty = pick(2);

	t.table.ops->mark(t.space[space], t.subject->page_va(space, page), dirty);
	t.page[space][page].attrs.accessed = true;
	t.page[space][page].attrs.dirty |= dirty;
}

static void do_access(unsigned page)
{
	struct ref_page *ref = &t.page[t.current][page];
	enum access_kind access = pick(ACCESS_KIND_COUNT);
	va_t va = t.subject->page_va(t.current, page) + pick(PAGE / 8) * 8;
	struct mmu_result result;
	enum fault_kind kind = FAULT_NONE;

	t.mmu.mode = pick(4) ? MODE_USER : MODE_SUPERVISOR;
	if (!ref->mapped)
		kind = FAULT_NOT_PRESENT;
	else if (!access_allowed(&t.mmu.config.controls, t.mmu.mode, access, ref->attrs.perms))
		kind = FAULT_PROTECTION;
	assert_int_equal(mmu_probe(&t.mmu, access, va, NULL), kind);
	mmu_access(&t.mmu, access, va, 8, &result);
	assert_int_equal(result.fault.kind, kind);
	if (kind != FAULT_NONE)
		return;
	assert_true(result.pa == ref->pa + va % PAGE);
	ref->attrs.accessed = true;
	ref->attrs.dirty |= access == ACCESS_WRITE;
}

static void do_something(void)
{
	unsigned dice = pick(100), space = pick(SPACES), page = pick(PAGES);

	if (dice < 70) {
		do_access(page);
	} else if (dice < 80) {
		do_map(space, page);
	} else if (dice < 84) {
		do_unmap(space, page);
	} else if (dice < 88) {
		do_protect(space, page);
	} else if (dice < 93) {
		do_harvest(space, page);
	} else if (dice < 95) {
		if (t.page[space][page].mapped)
			do_mark(space, page);
	} else if (dice < 99 || pick(10)) {
		t.current = space;
		mmu_switch(&t.mmu, t.space[space]);
	} else if (space != t.current) {
		pt_space_destroy(t.space[space]);
		memset(t.page[space], 0, sizeof(t.page[space]));
		assert_int_equal(pt_space_create(&t.table, (asid_t)(space + 1), &t.space[space]),
				 PW_OK);
	}
}

static const struct subject subjects[] = {
	{ "TSB over radix", "tsb", "radix", tsb_va },
	{ "TSB over hashed", "tsb", "hashed", tsb_va },
	{ "VHPT over radix", "vhpt", "radix", vhpt_va },
	{ "VHPT over hashed", "vhpt", "hashed", vhpt_va },
	{ "HTAB over radix", "htab", "radix", htab_va },
	{ "HTAB over hashed", "htab", "hashed", htab_va },
};

static void bounded_tables_cache_their_backing_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		uint64_t walks;

		random_state = replacer_seed(1, (unsigned)i);
		start(&subjects[i]);
		for (unsigned n = 0; n < OPERATIONS; n++) {
			do_something();
			if (n % 16 == 0)
				check("a random operation");
		}
		check("all operations");
		/* Of the outer walks some found a copy, some did not. */
		walks = t.mmu.lookups[ACCESS_READ] + t.mmu.lookups[ACCESS_WRITE] +
			t.mmu.lookups[ACCESS_FETCH];
		assert_true(t.mmu.counters.walk_calls > walks / 20);
		assert_true(t.mmu.counters.walk_calls < walks * 19 / 20);
		assert_true(t.mmu.counters.walk_writes > 0);
		stop();
	}
}

/* What may not stand behind a bounded table is refused: itself, another, one that displaces. */
static void bounded_tables_refuse_some_backing_formats(void **state)
{
	static const char *const refused[] = { "tsb", "htab", "vhpt", "linear", "nonsense", "" };
	struct config_complaint complaint;
	struct mmu_config config;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct page_table table;

		mmu_config_default(&config);
		strcpy(config.page_table.format, "tsb");
		strcpy(config.page_table.backing, refused[i]);
		assert_int_equal(phys_mem_init(&t.mem, MEMORY), PW_OK);
		bump_frames_init(&t.frames, 1, MEMORY / FRAME_BYTES);
		pt_memory_init(&t.memory, &t.mem, &t.frames.source);
		assert_int_equal(page_table_create(&table, &config.page_table, &t.memory,
						   &host_alloc_libc, &complaint),
				 PW_INVALID);
		assert_string_equal(complaint.field, "page_table.backing");
		assert_int_equal(t.memory.frames_used, 0);
		phys_mem_release(&t.mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounded_tables_cache_their_backing_table),
		cmocka_unit_test(bounded_tables_refuse_some_backing_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
