/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Every registered page-table format, in several geometries, against a dumb reference: one sorted
 * array of leaves a space. Seeded random operations (map, unmap, protect, harvest, mark, split,
 * probe, spaces that come and go), with the frame source made to fail at its n-th call now and
 * then. After each operation the page that it was about is compared; after each failure, and every
 * few operations, everything is, and check() runs.
 *
 * A format without geometries of its own below is run with the default configuration, so a new
 * one is held to this by being registered.
 *
 * PAGEWALK_TEST_OPS scales the number of operations.
 */

#include "mmu/mmu.h"
#include "tests/conform/radix_geometries.h"
#include "tests/support/step_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BIT(n) (UINT64_C(1) << (n))

enum { SPACES = 5, LEAVES_MAX = 4096, WINDOWS = 5, OPS_A_GEOMETRY = 40000 };
enum { SPLIT_LG2_MAX = 11 /* at most 2048 smaller leaves */ };
enum { MEMORY_MIB = 64, ORDERS = 14 };

static const struct geometry geometries[] = {
	/* Small tables, so that they double often, wrap around and have long chains. */
	{ .name = "one bucket for ever",
	  .format = "hashed",
	  .hashed = { .buckets = 1, .node_bytes = 32 },
	  .full_check_every = 256 },
	{ .name = "64 buckets for ever, packed, xor",
	  .format = "hashed",
	  .hashed = { .buckets = 64, .node_bytes = 24, .function = HASH_XOR },
	  .full_check_every = 64 },
	{ .name = "one bucket, doubling at 1",
	  .format = "hashed",
	  .hashed = { .buckets = 1, .max_load = 100, .node_bytes = 32 },
	  .full_check_every = 64 },
	{ .name = "two buckets, doubling at 3, xor",
	  .format = "hashed",
	  .hashed = { .buckets = 2, .max_load = 300, .node_bytes = 24, .function = HASH_XOR },
	  .full_check_every = 64 },
	{ .name = "4096 buckets",
	  .format = "hashed",
	  .hashed = { .buckets = 4096, .max_load = 100, .node_bytes = 32 },
	  .full_check_every = 64 },
	{ .name = "slots, 256 for ever",
	  .format = "open",
	  .hashed = { .buckets = 256, .layout = OPEN_SLOT },
	  .full_check_every = 64 },
	{ .name = "slots, doubling at 90",
	  .format = "open",
	  .hashed = { .buckets = 16, .max_load = 90, .layout = OPEN_SLOT },
	  .full_check_every = 64 },
	{ .name = "slots, doubling at 50, xor",
	  .format = "open",
	  .hashed = { .buckets = 16, .max_load = 50, .layout = OPEN_SLOT, .function = HASH_XOR },
	  .full_check_every = 64 },
	{ .name = "eight slots a line, 256 for ever",
	  .format = "open",
	  .hashed = { .buckets = 256, .layout = OPEN_EIGHT_SLOTS },
	  .full_check_every = 64 },
	{ .name = "eight slots a line, doubling at 95",
	  .format = "open",
	  .hashed = { .buckets = 16, .max_load = 95, .layout = OPEN_EIGHT_SLOTS },
	  .full_check_every = 64 },
	{ .name = "eight pages a line, 64 for ever",
	  .format = "open",
	  .hashed = { .buckets = 64, .layout = OPEN_EIGHT_PAGES },
	  .full_check_every = 64 },
	{ .name = "eight pages a line, doubling at 80",
	  .format = "open",
	  .hashed = { .buckets = 16, .max_load = 80, .layout = OPEN_EIGHT_PAGES },
	  .full_check_every = 64 },
	{ .name = "16 pages, one bucket for ever",
	  .format = "clustered",
	  .hashed = { .buckets = 1, .pages = 16, .superpages = true },
	  .full_check_every = 64 },
	{ .name = "16 pages, doubling at 1, no superpages",
	  .format = "clustered",
	  .hashed = { .buckets = 1, .max_load = 100, .pages = 16 },
	  .full_check_every = 64 },
	{ .name = "2 pages, doubling at 2",
	  .format = "clustered",
	  .hashed = { .buckets = 1, .max_load = 200, .pages = 2, .superpages = true },
	  .full_check_every = 64 },
	{ .name = "64 pages, doubling at 1/2, xor",
	  .format = "clustered",
	  .hashed = { .buckets = 2,
		      .max_load = 50,
		      .pages = 64,
		      .superpages = true,
		      .function = HASH_XOR },
	  .full_check_every = 64 },
	{ .name = "one bucket for ever",
	  .format = "pa_risc",
	  .hashed = { .buckets = 1, .hardware_probes = 1, .handler_instructions = 20 },
	  .full_check_every = 256 },
	{ .name = "two probes, doubling at 1, xor",
	  .format = "pa_risc",
	  .hashed = { .buckets = 1, .max_load = 100, .hardware_probes = 2, .function = HASH_XOR },
	  .full_check_every = 64 },
	{ .name = "software only, doubling at 2",
	  .format = "pa_risc",
	  .hashed = { .buckets = 4, .max_load = 200 },
	  .full_check_every = 64 },
	{ .name = "scan, remap",
	  .format = "inverted",
	  .inverted = { INVERTED_SCAN, INVERTED_REMAP, 0 },
	  .memory_mib = 2,
	  .full_check_every = 64 },
	{ .name = "scan, chain",
	  .format = "inverted",
	  .inverted = { INVERTED_SCAN, INVERTED_CHAIN, 0 },
	  .memory_mib = 2,
	  .full_check_every = 64 },
	{ .name = "hash, remap",
	  .format = "inverted",
	  .inverted = { INVERTED_HASH, INVERTED_REMAP, 0 },
	  .memory_mib = 8,
	  .full_check_every = 256 },
	{ .name = "hash, chain",
	  .format = "inverted",
	  .inverted = { INVERTED_HASH, INVERTED_CHAIN, 0 },
	  .memory_mib = 8,
	  .full_check_every = 256 },
	{ .name = "hash with 16 anchors, remap",
	  .format = "inverted",
	  .inverted = { INVERTED_HASH, INVERTED_REMAP, 16 },
	  .memory_mib = 2,
	  .full_check_every = 64 },
	{ .name = "hash with one anchor, chain",
	  .format = "inverted",
	  .inverted = { INVERTED_HASH, INVERTED_CHAIN, 1 },
	  .memory_mib = 2,
	  .full_check_every = 64 },
	/* Few lines, so that ways grow and shrink all the time. */
	{ .name = "3 ways of 8, all sizes",
	  .format = "cuckoo",
	  .cuckoo = { 3, 3, { 12, 21, 30 }, 8, 8, 60, 20, true },
	  .full_check_every = 64 },
	{ .name = "2 ways of 8, no walk tables to read",
	  .format = "cuckoo",
	  .cuckoo = { 2, 3, { 12, 21, 30 }, 8, 8, 50, 24, false },
	  .full_check_every = 64 },
	{ .name = "4 ways of 8 to 90 %, 4K and 2M, never shrinking",
	  .format = "cuckoo",
	  .cuckoo = { 4, 2, { 12, 21 }, 8, 8, 90, 0, true },
	  .full_check_every = 64 },
	{ .name = "2 ways of 8 to 90 %, 4K alone",
	  .format = "cuckoo",
	  .cuckoo = { 2, 1, { 12 }, 8, 8, 90, 40, true },
	  .full_check_every = 64 },
	{ .name = "3 ways of 512",
	  .format = "cuckoo",
	  .cuckoo = { 3, 3, { 12, 21, 30 }, 512, 64, 60, 20, true },
	  .full_check_every = 512 },
	{ .name = "two tiers",
	  .format = "linear",
	  .radix = { .level_count = 2,
		     .index_bits = { 9, 11 },
		     .leaf_allowed = { true },
		     .offset_bits = 12,
		     .pa_bits = 40 },
	  .linear = { .upper = LINEAR_UPPER_PHYSICAL, .spaces = 16 },
	  .full_check_every = 64 },
	{ .name = "two tiers of 4-byte entries, A and D by software",
	  .format = "linear",
	  .radix = { .level_count = 2,
		     .index_bits = { 10, 9 },
		     .leaf_allowed = { true },
		     .offset_bits = 12,
		     .pa_bits = 32,
		     .entry = RADIX_ENTRY_X86_32,
		     SOFTWARE },
	  .linear = { .upper = LINEAR_UPPER_PHYSICAL, .spaces = 16 },
	  .packed = true,
	  .always = PERM_EXEC,
	  .full_check_every = 64 },
	{ .name = "three tiers, a root of four pages",
	  .format = "linear",
	  .radix = { .level_count = 2,
		     .index_bits = { 9, 11 },
		     .leaf_allowed = { true },
		     .offset_bits = 12,
		     .pa_bits = 40 },
	  .linear = { .upper = LINEAR_UPPER_MAPPED, .spaces = 16, .root_handler_loads = 10 },
	  .full_check_every = 64 },
	{ .name = "four tiers",
	  .format = "linear",
	  .radix = { .level_count = 3,
		     .index_bits = { 9, 9, 9 },
		     .leaf_allowed = { true },
		     .offset_bits = 12,
		     .pa_bits = 40 },
	  .linear = { .upper = LINEAR_UPPER_MAPPED, .spaces = 16 },
	  .full_check_every = 64 },
	{ .name = "48 bits, 8 KiB pages",
	  .format = "linear",
	  .radix = { .level_count = 4,
		     .index_bits = { 10, 10, 10, 5 },
		     .leaf_allowed = { true },
		     .offset_bits = 13,
		     .pa_bits = 46 },
	  .linear = { .walker = LINEAR_WALKER_HARDWARE, .spaces = 300 },
	  .full_check_every = 64,
	  .packed = true }, /* a root of 256 bytes */
};

/* xorshift64*, Vigna 2016. */
static uint64_t random_state;
static uint64_t rnd(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}
static unsigned below(unsigned n)
{
	return (unsigned)((rnd() >> 32) * n >> 32);
}
static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* ---- frames that can be made to run out ---- */

struct test_frames {
	struct frame_source source;
	pfn_t next, end;
	pfn_t *spare[ORDERS];
	size_t spare_count[ORDERS];
	uint64_t used;
	int fail_in; /* calls until one fails; negative: never */
};

static pfn_t test_frames_alloc(struct frame_source *source, unsigned order)
{
	struct test_frames *f = (struct test_frames *)source;
	pfn_t count = (pfn_t)1 << order, first;

	assert_true(order < ORDERS);
	if (f->fail_in >= 0 && f->fail_in-- == 0)
		return PFN_NONE;
	if (f->spare_count[order] > 0) {
		first = f->spare[order][--f->spare_count[order]];
	} else {
		first = (f->next + count - 1) & ~(count - 1);
		if (first + count > f->end)
			return PFN_NONE;
		f->next = first + count;
	}
	f->used += count;
	return first;
}

static void test_frames_free(struct frame_source *source, pfn_t first, unsigned order)
{
	struct test_frames *f = (struct test_frames *)source;

	f->spare[order] =
		realloc(f->spare[order], (f->spare_count[order] + 1) * sizeof(*f->spare[order]));
	assert_non_null(f->spare[order]);
	f->spare[order][f->spare_count[order]++] = first;
	f->used -= (pfn_t)1 << order;
}

static const struct frame_source_ops test_frames_ops = { "test", test_frames_alloc,
							 test_frames_free };

/* ---- the reference ---- */

struct ref_space {
	struct pt_space *space;
	unsigned count;
	struct translation leaf[LEAVES_MAX]; /* sorted by va */
};

/* The first leaf that ends beyond va; count if there is none. */
static unsigned ref_find(const struct ref_space *ref, va_t va)
{
	unsigned low = 0, high = ref->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (ref->leaf[middle].va + (ref->leaf[middle].bytes - 1) < va)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct translation *ref_lookup(struct ref_space *ref, va_t va)
{
	unsigned i = ref_find(ref, va);

	return i < ref->count && ref->leaf[i].va <= va ? &ref->leaf[i] : NULL;
}

static bool ref_overlaps(const struct ref_space *ref, va_t va, uint64_t bytes)
{
	unsigned i = ref_find(ref, va);

	return i < ref->count && ref->leaf[i].va <= va + (bytes - 1);
}

static void ref_insert(struct ref_space *ref, const struct translation *leaf)
{
	unsigned i = ref_find(ref, leaf->va);

	assert_true(ref->count < LEAVES_MAX);
	memmove(&ref->leaf[i + 1], &ref->leaf[i], (ref->count - i) * sizeof(*leaf));
	ref->leaf[i] = *leaf;
	ref->count++;
}

static void ref_remove(struct ref_space *ref, unsigned i, unsigned count)
{
	memmove(&ref->leaf[i], &ref->leaf[i + count],
		(ref->count - i - count) * sizeof(ref->leaf[0]));
	ref->count -= count;
}

/* ---- the system under test ---- */

struct world {
	const struct geometry *geometry;
	struct phys_mem memory;
	struct test_frames frames;
	struct pt_memory table_memory;
	struct page_table pt;
	struct ref_space *space[SPACES];
	va_t window[WINDOWS];
	uint8_t sizes[64];
	unsigned size_count;
	const char *op;
	unsigned long op_number;
};

#define EXPECT(w, condition) expect((w), (condition), #condition, __LINE__)
static void expect(const struct world *w, bool holds, const char *what, int line)
{
	if (!holds)
		fail_msg("%s, %s, operation %lu (%s): line %d: %s", w->pt.ops->name,
			 w->geometry->name, w->op_number, w->op, line, what);
}

static bool same_leaf(const struct translation *a, const struct translation *b)
{
	return a->va == b->va && a->pa == b->pa && a->bytes == b->bytes &&
	       a->page_lg2 == b->page_lg2 && a->perms == b->perms && a->global == b->global &&
	       a->accessed == b->accessed && a->dirty == b->dirty;
}

struct gathered {
	const struct world *world;
	unsigned count;
	bool in_order;
	struct translation leaf[LEAVES_MAX];
};
static struct gathered gathered;

static void gather(void *ctx, const struct translation *leaf)
{
	struct gathered *g = ctx;

	EXPECT(g->world, g->count < LEAVES_MAX);
	if (g->count > 0 && g->leaf[g->count - 1].va >= leaf->va)
		g->in_order = false;
	g->leaf[g->count++] = *leaf;
}

static void gather_start(const struct world *w)
{
	gathered.world = w;
	gathered.count = 0;
	gathered.in_order = true;
}

static int compare_va(const void *a, const void *b)
{
	va_t left = ((const struct translation *)a)->va,
	     right = ((const struct translation *)b)->va;

	return (left > right) - (left < right);
}

/* The leaves that an operation told of are these of the reference, in whatever order. */
static void expect_gathered(const struct world *w, const struct translation *leaves, unsigned count)
{
	EXPECT(w, gathered.count == count);
	qsort(gathered.leaf, gathered.count, sizeof(gathered.leaf[0]), compare_va);
	for (unsigned i = 0; i < count; i++)
		EXPECT(w, same_leaf(&gathered.leaf[i], &leaves[i]));
}

static void full_check(struct world *w)
{
	const char *what = NULL;
	uint64_t base = w->pt.caps.base_page_lg2;
	struct pt_stats stats;
	uint64_t entries = 0;

	if (w->pt.ops->check(&w->pt, &what) != PW_OK)
		fail_msg("%s, %s, operation %lu (%s): check: %s", w->pt.ops->name,
			 w->geometry->name, w->op_number, w->op, what);
	for (unsigned i = 0; i < SPACES; i++) {
		struct ref_space *ref = w->space[i];
		uint64_t mapped = 0;

		gather_start(w);
		EXPECT(w, w->pt.ops->for_each(ref->space, gather, &gathered) == PW_OK);
		EXPECT(w, gathered.in_order);
		expect_gathered(w, ref->leaf, ref->count);
		for (unsigned k = 0; k < ref->count; k++)
			mapped += ref->leaf[k].bytes >> base;
		EXPECT(w, ref->space->mapped == mapped);
		entries += ref->count;
	}
	w->pt.ops->stats(&w->pt, &stats);
	EXPECT(w, stats.entries >= entries && stats.slots >= stats.entries);
	/* Tables that share a frame leave some of it unused. */
	EXPECT(w, stats.table_bytes <= w->table_memory.frames_used * FRAME_BYTES);
	EXPECT(w, w->geometry->packed ||
			  stats.table_bytes == w->table_memory.frames_used * FRAME_BYTES);
	EXPECT(w, w->table_memory.frames_used == w->frames.used);
}

static void check_page(struct world *w, struct ref_space *ref, va_t va)
{
	struct translation leaf, *wanted = ref_lookup(ref, va);
	int error = w->pt.ops->harvest(ref->space, va, HARVEST_READ, &leaf);

	EXPECT(w, error == (wanted ? PW_OK : PW_ABSENT));
	if (wanted)
		EXPECT(w, same_leaf(&leaf, wanted));
}

/* ---- random arguments ---- */

static va_t sign_extend(const struct world *w, va_t va)
{
	unsigned above = 64u - w->pt.caps.va_bits;

	va &= BIT(w->pt.caps.va_bits) - 1;
	return w->pt.caps.sign_extended ? (va_t)((int64_t)(va << above) >> above) : va;
}

/* Near one of a few places, so that mappings collide; a few pages of each size away from it. */
static va_t random_va(const struct world *w)
{
	va_t va = w->window[below(WINDOWS)];

	for (unsigned i = 0; i < w->size_count; i++)
		va += (va_t)below(i == 0 ? 24 : 3) << w->sizes[i];
	return sign_extend(w, va);
}

static uint8_t random_perms(void)
{
	return (uint8_t)(PERM_READ | (rnd() >> 60 & (PERM_WRITE | PERM_EXEC | PERM_USER)));
}

static struct ref_space *random_space(struct world *w)
{
	return w->space[below(SPACES)];
}

/* A range of base pages that stays within one half of the address space. */
static uint64_t random_range(const struct world *w, va_t *va)
{
	uint64_t base = BIT(w->sizes[0]), bytes = (1 + (uint64_t)below(6)) << w->sizes[0];
	va_t first;

	*va = random_va(w) & ~(base - 1);
	if (chance(40))
		bytes = (1 + (uint64_t)below(3)) << w->sizes[below(w->size_count)];
	if (chance(30))
		*va = sign_extend(w, *va & ~(BIT(w->sizes[below(w->size_count)]) - 1));
	first = *va & (BIT(w->pt.caps.va_bits) - 1);
	for (;; bytes = base) {
		va_t last = sign_extend(w, first + (bytes - 1));

		if (last >= *va && last - *va == bytes - 1)
			return bytes;
	}
}

/* Does a leaf of the reference stick out of the range at either end? */
static bool range_cuts(const struct ref_space *ref, va_t va, uint64_t bytes, unsigned *first,
		       unsigned *count)
{
	va_t last = va + (bytes - 1);
	unsigned i = ref_find(ref, va);
	bool cuts = i < ref->count && ref->leaf[i].va < va;

	*first = i;
	for (; i < ref->count && ref->leaf[i].va <= last; i++)
		if (ref->leaf[i].va + (ref->leaf[i].bytes - 1) > last)
			cuts = true;
	*count = i - *first;
	return cuts;
}

/* Now and then a frame that is mapped already. */
static pa_t random_pa(struct world *w, unsigned lg2)
{
	const struct ref_space *other = random_space(w);
	pa_t pa = rnd();

	if (other->count > 0 && chance(30))
		pa = other->leaf[below(other->count)].pa;
	return pa & (BIT(w->pt.caps.pa_bits) - 1) & ~(BIT(lg2) - 1);
}

/* ---- operations ---- */

/*
 * Where a frame has one entry, a second mapping of it displaces the first, whichever space that
 * belongs to; it is told with all that it said.
 */
static void expect_displaced(struct world *w, pa_t pa, const struct pt_displaced *displaced)
{
	if (w->pt.caps.aliases) {
		EXPECT(w, !displaced->happened);
		return;
	}
	for (unsigned i = 0; i < SPACES; i++) {
		struct ref_space *ref = w->space[i];

		for (unsigned k = 0; k < ref->count; k++) {
			if (ref->leaf[k].pa != pa)
				continue;
			EXPECT(w, displaced->happened && displaced->space == ref->space);
			EXPECT(w, displaced->va == ref->leaf[k].va);
			EXPECT(w, same_leaf(&displaced->leaf, &ref->leaf[k]));
			ref_remove(ref, k, 1);
			return;
		}
	}
	EXPECT(w, !displaced->happened);
}

static void op_map(struct world *w)
{
	struct ref_space *ref = random_space(w);
	unsigned lg2 = w->sizes[chance(70) ? 0 : below(w->size_count)];
	struct pt_mapping m = {
		.va = sign_extend(w, random_va(w) & ~(BIT(lg2) - 1)),
		.pa = random_pa(w, lg2),
		.page_lg2 = (uint8_t)lg2,
		.attrs = { random_perms(), chance(20), chance(50), chance(50) },
	};
	struct pt_displaced displaced;
	int error;

	w->op = "map";
	if (ref->count > LEAVES_MAX / 8)
		return;
	error = w->pt.ops->map(ref->space, &m, &displaced);
	if (ref_overlaps(ref, m.va, BIT(lg2))) {
		EXPECT(w, error == PW_EXISTS && !displaced.happened);
	} else if (error == PW_OK) {
		expect_displaced(w, m.pa, &displaced);
		const struct translation leaf = {
			.va = m.va,
			.pa = m.pa,
			.bytes = BIT(lg2),
			.page_lg2 = (uint8_t)lg2,
			.perms = m.attrs.perms | w->geometry->always,
			.global = m.attrs.global && !w->geometry->no_global,
			.accessed = m.attrs.accessed,
			.dirty = m.attrs.dirty,
		};
		ref_insert(ref, &leaf);
	} else {
		EXPECT(w, error == PW_NOFRAMES);
		full_check(w);
	}
	check_page(w, ref, m.va);
}

static void op_map_wrong(struct world *w)
{
	struct ref_space *ref = random_space(w);
	struct pt_mapping m = { .va = random_va(w) & ~(BIT(w->sizes[0]) - 1),
				.page_lg2 = w->sizes[0],
				.attrs = { PERM_READ, false, false, false } };

	w->op = "wrong map";
	switch (below(5)) {
	case 0:
		m.va += BIT(w->sizes[0]) / 2;
		break;
	case 1:
		m.pa = BIT(w->sizes[0]) / 2;
		break;
	case 2:
		m.page_lg2++;
		if (w->pt.caps.page_sizes >> m.page_lg2 & 1)
			m.page_lg2 = 63;
		break;
	case 3:
		m.va ^= BIT(w->pt.caps.va_bits);
		break;
	default:
		m.pa = BIT(w->pt.caps.pa_bits);
		break;
	}
	EXPECT(w, w->pt.ops->map(ref->space, &m, NULL) == PW_INVALID);
}

static void op_unmap(struct world *w)
{
	struct ref_space *ref = random_space(w);
	va_t va;
	uint64_t bytes = random_range(w, &va);
	unsigned first, count;
	bool cuts = range_cuts(ref, va, bytes, &first, &count);
	int error;

	w->op = "unmap";
	gather_start(w);
	error = w->pt.ops->unmap(ref->space, va, bytes, gather, &gathered);
	if (cuts) {
		EXPECT(w, error == PW_INVALID && gathered.count == 0);
	} else {
		EXPECT(w, error == PW_OK);
		expect_gathered(w, &ref->leaf[first], count);
		ref_remove(ref, first, count);
	}
	check_page(w, ref, va);
	check_page(w, ref, va + (bytes - 1));
}

static void op_protect(struct world *w)
{
	struct ref_space *ref = random_space(w);
	uint8_t perms = random_perms();
	va_t va;
	uint64_t bytes = random_range(w, &va);
	unsigned first, count;
	bool cuts = range_cuts(ref, va, bytes, &first, &count);
	int error;

	w->op = "protect";
	gather_start(w);
	error = w->pt.ops->protect(ref->space, va, bytes, perms, gather, &gathered);
	if (cuts) {
		EXPECT(w, error == PW_INVALID && gathered.count == 0);
	} else {
		EXPECT(w, error == PW_OK);
		for (unsigned i = first; i < first + count; i++)
			ref->leaf[i].perms = perms | w->geometry->always;
		expect_gathered(w, &ref->leaf[first], count);
	}
	check_page(w, ref, va);
}

static void op_harvest(struct world *w)
{
	struct ref_space *ref = random_space(w);
	va_t va = random_va(w);
	struct translation *wanted = ref_lookup(ref, va), leaf;
	unsigned clear = below(4);
	int error;

	w->op = "harvest";
	error = w->pt.ops->harvest(ref->space, va, clear, &leaf);
	EXPECT(w, error == (wanted ? PW_OK : PW_ABSENT));
	if (!wanted)
		return;
	EXPECT(w, same_leaf(&leaf, wanted));
	if (clear & HARVEST_CLEAR_A)
		wanted->accessed = false;
	if (clear & HARVEST_CLEAR_D)
		wanted->dirty = false;
	check_page(w, ref, va);
}

static void op_mark(struct world *w)
{
	struct ref_space *ref = random_space(w);
	va_t va = random_va(w);
	struct translation *wanted = ref_lookup(ref, va);
	bool dirty = chance(50);
	int error;

	w->op = "mark";
	error = w->pt.ops->mark(ref->space, va, dirty);
	EXPECT(w, error == (wanted ? PW_OK : PW_ABSENT));
	if (wanted) {
		wanted->accessed = true;
		wanted->dirty = wanted->dirty || dirty;
	}
	check_page(w, ref, va);
}

/* The next smaller size that there is. */
static unsigned smaller_lg2(const struct world *w, unsigned lg2)
{
	do
		lg2--;
	while (!(w->pt.caps.page_sizes >> lg2 & 1));
	return lg2;
}

static void ref_split(const struct world *w, struct ref_space *ref, unsigned i)
{
	struct translation large = ref->leaf[i], small = large;
	unsigned lg2 = smaller_lg2(w, large.page_lg2);

	ref_remove(ref, i, 1);
	small.page_lg2 = (uint8_t)lg2;
	small.bytes = BIT(lg2);
	for (uint64_t offset = 0; offset < large.bytes; offset += small.bytes) {
		small.va = large.va + offset;
		small.pa = large.pa + offset;
		ref_insert(ref, &small);
	}
}

static void op_split(struct world *w)
{
	struct ref_space *ref = random_space(w);
	va_t va = random_va(w);
	struct translation *leaf;
	int error;

	w->op = "split";
	if (ref->count > LEAVES_MAX / 4)
		return;
	if (ref->count > 0 && chance(50))
		va = ref->leaf[below(ref->count)].va;
	leaf = ref_lookup(ref, va);
	if (leaf && leaf->page_lg2 > w->sizes[0] &&
	    leaf->page_lg2 - smaller_lg2(w, leaf->page_lg2) > SPLIT_LG2_MAX)
		return; /* where the next size is far below, the reference would overflow */
	error = w->pt.ops->split(ref->space, va);
	if (!leaf)
		EXPECT(w, error == PW_ABSENT);
	else if (leaf->page_lg2 == w->sizes[0])
		EXPECT(w, error == PW_UNSUPPORTED);
	else if (error == PW_OK)
		ref_split(w, ref, (unsigned)(leaf - ref->leaf));
	else
		EXPECT(w, error == PW_UNSUPPORTED || error == PW_NOFRAMES);
	check_page(w, ref, va);
	full_check(w);
}

/* The walk taken step by step comes to what the probe, which may have a way of its own, said. */
static void expect_same_walk(const struct world *w, const struct walk_input *input,
			     enum fault_kind kind, const struct translation *leaf, unsigned level)
{
	struct step_walk walk;

	step_walk(input, below(2), &walk);
	if (walk.end == WALK_FAULT)
		EXPECT(w, walk.fault == kind && walk.level == level);
	else if (walk.end == WALK_LEAF)
		EXPECT(w, kind == FAULT_NONE && same_leaf(&walk.leaf, leaf));
}

static void op_probe(struct world *w)
{
	struct ref_space *ref = random_space(w);
	struct walk_input input = {
		.space = ref->space,
		.va = random_va(w),
		.access = (uint8_t)below(ACCESS_KIND_COUNT),
		.mode = (uint8_t)below(CPU_MODE_COUNT),
		.controls = { chance(50), chance(50), chance(50), true },
	};
	const struct translation *wanted = ref_lookup(ref, input.va);
	enum fault_kind kind = FAULT_NONE;
	struct mmu_fault fault = { 0 };
	struct translation leaf;
	uint64_t loads = w->table_memory.loads, stores = w->table_memory.stores;

	w->op = "probe";
	if (!wanted)
		kind = FAULT_NOT_PRESENT;
	else if (!access_allowed(&input.controls, input.mode, input.access, wanted->perms))
		kind = FAULT_PROTECTION;
	else if (!w->pt.caps.hardware_accessed && !wanted->accessed)
		kind = FAULT_ACCESSED;
	else if (!w->pt.caps.hardware_dirty && !wanted->dirty && input.access == ACCESS_WRITE)
		kind = FAULT_DIRTY;
	EXPECT(w, pt_probe(&input, &leaf, &fault) == kind);
	EXPECT(w, loads == w->table_memory.loads && stores == w->table_memory.stores);
	if (kind != FAULT_NONE) {
		EXPECT(w, fault.kind == kind && fault.va == input.va);
		EXPECT(w, fault.error_code ==
				  x86_error_code(&input.controls, input.mode, input.access, kind));
	} else {
		EXPECT(w, leaf.va == wanted->va && leaf.pa == wanted->pa &&
				  leaf.bytes == wanted->bytes && leaf.perms == wanted->perms);
		EXPECT(w, leaf.global == wanted->global);
	}
	if (pt_va_valid(&w->pt.caps, input.va))
		expect_same_walk(w, &input, kind, &leaf, fault.level);
	EXPECT(w, pt_lookup(ref->space, input.va, &leaf) == (wanted ? PW_OK : PW_ABSENT));
	check_page(w, ref, input.va);
}

/* Everything moves one page up, as mremap does it: leaf by leaf. */
static void op_remap(struct world *w)
{
	struct ref_space *ref = random_space(w);
	struct translation old;
	struct pt_mapping m;
	unsigned i;

	w->op = "remap";
	if (ref->count == 0)
		return;
	i = below(ref->count);
	old = ref->leaf[i];
	EXPECT(w, w->pt.ops->unmap(ref->space, old.va, old.bytes, NULL, NULL) == PW_OK);
	ref_remove(ref, i, 1);
	m = (struct pt_mapping){ sign_extend(w, old.va + old.bytes),
				 old.pa,
				 old.page_lg2,
				 { old.perms, old.global, old.accessed, old.dirty } };
	if (!ref_overlaps(ref, m.va, old.bytes) && w->pt.ops->map(ref->space, &m, NULL) == PW_OK) {
		struct translation moved = old;

		moved.va = m.va;
		ref_insert(ref, &moved);
	}
	check_page(w, ref, old.va);
	check_page(w, ref, m.va);
}

static void op_new_space(struct world *w)
{
	struct ref_space *ref = random_space(w);
	asid_t asid = ref->space->asid;

	w->op = "new space";
	pt_space_destroy(ref->space);
	ref->count = 0;
	w->frames.fail_in = -1;
	EXPECT(w, pt_space_create(&w->pt, asid, &ref->space) == PW_OK);
	full_check(w);
}

static void one_op(struct world *w)
{
	unsigned dice = below(1000);

	w->frames.fail_in = chance(6) ? (int)below(5) : -1;
	if (dice < 400)
		op_map(w);
	else if (dice < 410)
		op_map_wrong(w);
	else if (dice < 560)
		op_unmap(w);
	else if (dice < 650)
		op_protect(w);
	else if (dice < 720)
		op_harvest(w);
	else if (dice < 770)
		op_mark(w);
	else if (dice < 773)
		op_split(w);
	else if (dice < 820)
		op_remap(w);
	else if (dice < 999)
		op_probe(w);
	else
		op_new_space(w);
	w->frames.fail_in = -1;
	if (w->op_number % w->geometry->full_check_every == 0)
		full_check(w);
}

/* ---- a geometry from creation to the end ---- */

/* Host memory that fails at the n-th call. */
struct failing_alloc {
	int fail_in;
};

static void *failing_resize(void *ctx, void *old, size_t bytes)
{
	struct failing_alloc *f = ctx;

	if (bytes > 0 && f->fail_in >= 0 && f->fail_in-- == 0)
		return NULL;
	return host_alloc_libc.resize(NULL, old, bytes);
}

/* Creation fails cleanly wherever memory runs out, then succeeds. */
static void create_with_failures(struct world *w, const struct pt_config *config)
{
	struct failing_alloc failing;
	const struct host_alloc alloc = { failing_resize, &failing };
	struct config_complaint complaint;
	struct pt_space *space;
	int host_error = PW_NOMEM;

	w->op = "create";
	for (int n = 0; host_error; n++) {
		failing.fail_in = n;
		host_error =
			page_table_create(&w->pt, config, &w->table_memory, &alloc, &complaint);
		if (!host_error) {
			host_error = pt_space_create(&w->pt, 1, &space);
			if (!host_error)
				pt_space_destroy(space);
			failing.fail_in = -1;
			page_table_destroy(&w->pt);
		}
		assert_true(host_error == PW_OK || host_error == PW_NOMEM);
		assert_int_equal(w->frames.used, 0);
		assert_true(n < 20);
	}
	for (int n = 0;; n++) {
		int error;

		w->frames.fail_in = n;
		error = page_table_create(&w->pt, config, &w->table_memory, &host_alloc_libc,
					  &complaint);
		if (error == PW_OK)
			break;
		assert_int_equal(error, PW_NOFRAMES);
		assert_int_equal(w->frames.used, 0);
	}
	w->frames.fail_in = -1;
}

static void world_init(struct world *w, const struct geometry *geometry,
		       const struct pt_config *config)
{
	static const unsigned permille[WINDOWS] = { 0, 200, 499, 500, 999 };

	memset(w, 0, sizeof(*w));
	w->geometry = geometry;
	assert_int_equal(
		phys_mem_init(&w->memory,
			      (uint64_t)(geometry->memory_mib ? geometry->memory_mib : MEMORY_MIB)
				      << 20),
		PW_OK);
	w->frames.source.ops = &test_frames_ops;
	w->frames.next = 1;
	w->frames.end = w->memory.size >> FRAME_LG2;
	w->frames.fail_in = -1;
	pt_memory_init(&w->table_memory, &w->memory, &w->frames.source);
	create_with_failures(w, config);
	for (unsigned i = 0; i < 64; i++)
		if (w->pt.caps.page_sizes >> i & 1)
			w->sizes[w->size_count++] = (uint8_t)i;
	for (unsigned i = 0; i < WINDOWS; i++)
		w->window[i] = (BIT(w->pt.caps.va_bits) / 1000 * permille[i]) &
			       ~(BIT(w->sizes[w->size_count - 1]) - 1);
	for (unsigned i = 0; i < SPACES; i++) {
		w->space[i] = calloc(1, sizeof(*w->space[i]));
		assert_non_null(w->space[i]);
		assert_int_equal(pt_space_create(&w->pt, (asid_t)(i + 1), &w->space[i]->space),
				 PW_OK);
	}
}

static void world_release(struct world *w)
{
	for (unsigned i = 0; i < SPACES; i++) {
		pt_space_destroy(w->space[i]->space);
		free(w->space[i]);
	}
	page_table_destroy(&w->pt);
	assert_int_equal(w->table_memory.frames_used, 0);
	assert_int_equal(w->frames.used, 0);
	for (unsigned i = 0; i < ORDERS; i++)
		free(w->frames.spare[i]);
	phys_mem_release(&w->memory);
}

static unsigned long ops_a_geometry(void)
{
	const char *scale = getenv("PAGEWALK_TEST_OPS");
#if defined(__SANITIZE_ADDRESS__)
	unsigned long usual = OPS_A_GEOMETRY / 8;
#else
	unsigned long usual = OPS_A_GEOMETRY;
#endif

	return scale ? (unsigned long)((double)usual * atof(scale)) : usual;
}

static unsigned long run_geometry(const struct geometry *geometry, const struct pt_config *config)
{
	unsigned long ops = ops_a_geometry() / (geometry->fewer ? geometry->fewer : 1);
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	random_state = UINT64_C(0x2545f4914f6cdd1d);
	world_init(w, geometry, config);
	for (w->op_number = 1; w->op_number <= ops; w->op_number++)
		one_op(w);
	full_check(w);
	world_release(w);
	free(w);
	return ops;
}

static unsigned long run_format(const struct pt_ops *ops)
{
	struct mmu_config defaults;
	unsigned long total = 0;

	mmu_config_default(&defaults);
	strcpy(defaults.page_table.format, ops->name);
	for (size_t i = 0; strcmp(ops->name, "radix") == 0 && i < RADIX_GEOMETRIES; i++) {
		struct pt_config config = defaults.page_table;

		config.radix = radix_geometries[i].radix;
		total += run_geometry(&radix_geometries[i], &config);
	}
	for (size_t i = 0; i < sizeof(geometries) / sizeof(geometries[0]); i++) {
		struct pt_config config = defaults.page_table;

		if (strcmp(geometries[i].format, ops->name) != 0)
			continue;
		config.radix = geometries[i].radix;
		config.inverted = geometries[i].inverted;
		config.hashed = config.open = geometries[i].hashed;
		config.clustered = config.pa_risc = geometries[i].hashed;
		config.cuckoo = geometries[i].cuckoo;
		config.linear = geometries[i].linear;
		total += run_geometry(&geometries[i], &config);
	}
	if (total == 0) {
		const struct geometry plain = { .name = "default",
						.format = ops->name,
						.full_check_every = 64 };

		total += run_geometry(&plain, &defaults.page_table);
	}
	return total;
}

static void page_tables_behave_as_a_sorted_array(void **state)
{
	unsigned long total = 0;

	(void)state;
	for (const struct pt_ops *const *ops = pt_formats; *ops; ops++)
		total += run_format(*ops);
	print_message("%lu operations\n", total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_tables_behave_as_a_sorted_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
