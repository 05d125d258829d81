/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * TLBs, walk caches and hints may change what a translation costs, never what it is. Two machines
 * get the same random operations on page tables of their own: one has a random TLB tree, walk
 * caches and data caches, the other has none and walks for every access. Each access must end
 * alike (address, or fault with all that the guest sees of it), and A and D bits must agree
 * whenever software looks, for every registered format and several geometries.
 *
 * The owner keeps the contract of page_table.h: it invalidates after every change of an entry,
 * and not after a map, since nothing absent is ever cached. That the test can fail is tested, too:
 * with one single invalidation left out, results differ.
 *
 * On the way pt_probe(), pt_grants() and a format's own probe are held to each other.
 */

#include "mmu/mmu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SPACES = 3, OPERATIONS = 10000, CHECK_EVERY = 500, FREE_MAX = 4096, REGIONS = 4 };
enum { MEMORY_BYTES = 64 << 20, USED = 4 };

static uint64_t random_state;

static unsigned pick(unsigned choices)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * 0x2545f4914f6cdd1du >> 32) * choices >> 32);
}

/* ---- frames that come back at once: a stale pointer to a table then leads somewhere wrong ---- */

struct recycler {
	struct frame_source source;
	pfn_t next, end, free[FREE_MAX];
	unsigned free_count;
};

static pfn_t recycler_alloc(struct frame_source *source, unsigned order)
{
	struct recycler *r = (struct recycler *)source;
	pfn_t first = (r->next + (1u << order) - 1) >> order << order;

	if (order == 0 && r->free_count > 0)
		return r->free[--r->free_count];
	if (first + (1u << order) > r->end)
		return PFN_NONE;
	r->next = first + (1u << order);
	return first;
}

static void recycler_free(struct frame_source *source, pfn_t first, unsigned order)
{
	struct recycler *r = (struct recycler *)source;

	if (order == 0 && r->free_count < FREE_MAX)
		r->free[r->free_count++] = first;
}

static const struct frame_source_ops recycler_ops = { "recycler", recycler_alloc, recycler_free };

/* ---- a machine, and a trial of two ---- */

struct side {
	struct phys_mem mem;
	struct recycler frames;
	struct pt_memory memory;
	struct page_table table;
	struct pt_space *space[SPACES];
	struct ledger ledger;
	struct mmu mmu;
};

struct trial {
	struct mmu_config config; /* of the tested machine */
	struct side tested, plain;
	unsigned sizes[64], size_count, current;
	unsigned coalesce; /* of all arrays */
	bool globals;      /* region 0 is mapped alike and global in every space */
	unsigned omit;     /* the number of the invalidation to leave out; 0: none */
	unsigned orders;   /* invalidations so far of a page that was just used and now is gone */
	const char *wrong; /* the first difference */
	struct {
		asid_t asid;
		va_t va;
	} used[USED]; /* by the last accesses that went through */
	unsigned used_count;
};

static struct trial t;

static void set_up_side(struct side *s, const struct mmu_config *config)
{
	struct config_complaint complaint = { .must_be = "" };

	memset(s, 0, sizeof(*s));
	assert_int_equal(phys_mem_init(&s->mem, MEMORY_BYTES), PW_OK);
	s->frames.source.ops = &recycler_ops;
	s->frames.next = 1;
	s->frames.end = MEMORY_BYTES >> FRAME_LG2;
	pt_memory_init(&s->memory, &s->mem, &s->frames.source);
	if (page_table_create(&s->table, &config->page_table, &s->memory, &host_alloc_libc,
			      &complaint) != PW_OK)
		fail_msg("%s: %s", complaint.field, complaint.must_be);
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(pt_space_create(&s->table, (asid_t)(i + 1), &s->space[i]), PW_OK);
	if (mmu_init(&s->mmu, config, &s->table, NULL, &s->ledger, &host_alloc_libc, &complaint) !=
	    PW_OK)
		fail_msg("%s: %s", complaint.field, complaint.must_be);
	mmu_switch(&s->mmu, s->space[0]);
}

static void release_side(struct side *s)
{
	mmu_release(&s->mmu);
	for (unsigned i = 0; i < SPACES; i++)
		pt_space_destroy(s->space[i]);
	page_table_destroy(&s->table);
	phys_mem_release(&s->mem);
}

/* ---- random machines ---- */

static void random_array(struct tlb_array_config *array, unsigned number, enum tlb_side side)
{
	snprintf(array->name, sizeof(array->name), "a%u", number);
	array->side = side;
	array->entries = 1u << pick(6);
	array->ways = array->entries >> pick(4);
	array->replacement = pick(REPLACEMENT_COUNT);
	array->probe = pick(4) ? PROBE_PARALLEL : PROBE_SERIAL;
	array->latency = pick(9);
	array->coalesce = t.coalesce;
	array->wired = array->ways > 1 && pick(2) ? array->ways / 2 : 0;
	array->page_size_count = 0;
	for (unsigned i = 0; i < t.size_count; i++)
		if (pick(4))
			array->page_lg2[array->page_size_count++] = (uint8_t)t.sizes[i];
}

static void random_level(struct tlb_level_config *level, unsigned number)
{
	static const enum tlb_side split[2] = { SIDE_INSTRUCTION, SIDE_DATA };

	snprintf(level->name, sizeof(level->name), "l%u", number);
	level->relation = number ? pick(TLB_RELATION_COUNT) : RELATION_NEITHER;
	level->array_count = 1 + pick(2);
	for (unsigned i = 0; i < level->array_count; i++)
		random_array(&level->array[i], i, level->array_count == 1 ? SIDE_BOTH : split[i]);
}

static void random_caches(struct mmu_config *config, unsigned level_count)
{
	config->walk_caches.count = 0;
	for (unsigned level = 1; level < level_count; level++) {
		struct walk_cache_config *cache =
			&config->walk_caches.cache[config->walk_caches.count];

		if (pick(3) == 0 || config->walk_caches.count == WALK_CACHES_MAX)
			continue;
		memset(cache, 0, sizeof(*cache));
		snprintf(cache->name, sizeof(cache->name), "w%u", level);
		cache->level = level;
		cache->entries = 1u << pick(5);
		cache->ways = cache->entries >> pick(3);
		cache->replacement = pick(2) ? REPLACE_LRU : REPLACE_RANDOM;
		config->walk_caches.count++;
	}
	config->port.level_count = pick(3);
	for (unsigned i = 0; i < config->port.level_count; i++) {
		struct port_level_config *level = &config->port.level[i];

		memset(level, 0, sizeof(*level));
		snprintf(level->name, sizeof(level->name), "c%u", i);
		level->line_bytes = 64;
		level->ways = 1u << pick(4);
		level->size_bytes = (uint64_t)64 * level->ways << pick(4);
		level->replacement = pick(REPLACEMENT_COUNT);
		level->latency = pick(20);
	}
}

/* Also sets t.sizes. Not every random machine is a valid one: draws until one is. */
static void random_config(struct mmu_config *config, unsigned level_count)
{
	struct config_complaint complaint;

	do {
		memset(&config->tlb, 0, sizeof(config->tlb));
		config->tlb.level_count = 1 + pick(3);
		t.coalesce = pick(2) ? 1u << pick(5) : 1;
		for (unsigned i = 0; i < config->tlb.level_count; i++)
			random_level(&config->tlb.level[i], i);
		random_caches(config, level_count);
		config->prefetch = (struct prefetch_config){
			.kind = pick(2) ? PREFETCH_NONE : pick(PREFETCH_KIND_COUNT),
			.degree = 1 + pick(PREFETCH_DEGREE_MAX),
			.table_entries = 1 + pick(8),
			.buffer_entries = pick(6),
		};
		config->pom_tlb.bytes = pick(3) ? 0 : (uint64_t)64 << pick(6);
		config->pom_tlb.large_bytes =
			config->pom_tlb.bytes && pick(2) ? (uint64_t)64 << pick(4) : 0;
		config->asid_bits = pick(2) ? 12 : 0;
		config->seed = random_state;
	} while (mmu_config_check(config, &complaint) != PW_OK);
}

/* ---- operations ---- */

static va_t canonical(va_t va)
{
	const struct pt_caps *caps = &t.plain.table.caps;
	unsigned above = 64u - caps->va_bits;

	if (caps->sign_extended)
		return (va_t)((int64_t)(va << above) >> above);
	return va << above >> above;
}

/* Few pages, in regions far apart: at the bottom (0), the top, and in between. */
static va_t random_va(unsigned *region)
{
	unsigned base = t.sizes[0], large = t.sizes[pick(t.size_count)];
	unsigned va_bits = t.plain.table.caps.va_bits;
	va_t start;

	*region = pick(REGIONS);
	start = (va_t)*region << (va_bits - 2);
	if (*region == REGIONS - 1)
		start = ((va_t)1 << va_bits) - ((va_t)1 << (va_bits - 3));
	return canonical(start + ((va_t)pick(2) << large) + ((va_t)pick(6) << base));
}

static bool just_used(asid_t asid, va_t va, uint64_t bytes)
{
	for (unsigned i = 0; i < USED; i++)
		if (t.used[i].asid == asid && t.used[i].va - va < bytes)
			return true;
	return false;
}

static void invalidate(struct pt_space *space, va_t va, uint64_t bytes, bool gone)
{
	if (gone && just_used(space->asid, va, bytes) && ++t.orders == t.omit)
		return;
	if (pick(100) == 0)
		mmu_invalidate_all(&t.tested.mmu, false);
	else
		mmu_invalidate_range(&t.tested.mmu, space->asid, va, bytes);
}

/* In each space of [*first, end): one, or all where a region is global. */
static unsigned spaces_of(unsigned region, unsigned *end)
{
	unsigned first = pick(SPACES);

	*end = first + 1;
	if (!t.globals || region != 0)
		return first;
	*end = SPACES;
	return 0;
}

/* Half of them contiguous where their pages are, for TLBs that coalesce. */
static pa_t random_pa(va_t va, unsigned lg2)
{
	unsigned frame = pick(2) ? (unsigned)(va >> lg2) & 31 : pick(60);

	return (pa_t)(1 + frame) << lg2;
}

/* Mostly everything: an access should fail now and then, not as a rule. */
static uint8_t random_perms(void)
{
	return (uint8_t)(pick(6) ? 15 : PERM_READ | pick(16));
}

static void do_map(void)
{
	unsigned region, end, lg2 = t.sizes[pick(4) ? 0 : pick(t.size_count)];
	va_t va = random_va(&region) >> lg2 << lg2;
	unsigned first = spaces_of(region, &end);
	struct pt_mapping m = {
		.va = canonical(va),
		.pa = random_pa(va, lg2),
		.page_lg2 = (uint8_t)lg2,
		.attrs = { .perms = random_perms(),
			   .global = t.globals && region == 0,
			   .accessed = pick(2),
			   .dirty = pick(2) },
	};

	for (unsigned i = first; i < end; i++) {
		struct pt_displaced displaced = { 0 }, plain = { 0 };
		int error = t.tested.table.ops->map(t.tested.space[i], &m, &displaced);

		assert_int_equal(t.plain.table.ops->map(t.plain.space[i], &m, &plain), error);
		assert_true(error == PW_OK || error == PW_EXISTS);
		assert_int_equal(displaced.happened, plain.happened);
		if (displaced.happened)
			invalidate(displaced.space, displaced.va, displaced.leaf.bytes, true);
	}
}

/* Unmaps or protects; ranges that cut a large page are refused alike. */
static void do_change(bool unmap)
{
	unsigned region, end, lg2 = t.sizes[pick(4) ? 0 : pick(t.size_count)];
	va_t va = canonical(random_va(&region) >> lg2 << lg2);
	uint64_t bytes = (uint64_t)(1 + pick(3)) << lg2;
	uint8_t perms = random_perms();
	unsigned first = spaces_of(region, &end);

	for (unsigned i = first; i < end; i++) {
		const struct pt_ops *ops = t.tested.table.ops;
		struct pt_space *tested = t.tested.space[i], *plain = t.plain.space[i];
		int error = unmap ? ops->unmap(tested, va, bytes, NULL, NULL)
				  : ops->protect(tested, va, bytes, perms, NULL, NULL);

		assert_int_equal(unmap ? ops->unmap(plain, va, bytes, NULL, NULL)
				       : ops->protect(plain, va, bytes, perms, NULL, NULL),
				 error);
		if (error == PW_OK)
			invalidate(tested, va, bytes, unmap);
	}
}

static void do_split(void)
{
	unsigned region, end, first;
	va_t va = random_va(&region);

	first = spaces_of(region, &end);
	for (unsigned i = first; i < end; i++) {
		struct translation leaf;
		bool mapped = pt_lookup(t.tested.space[i], va, &leaf) == PW_OK;
		int error = t.tested.table.ops->split(t.tested.space[i], va);

		assert_int_equal(t.plain.table.ops->split(t.plain.space[i], va), error);
		if (error == PW_OK) {
			assert_true(mapped);
			invalidate(t.tested.space[i], leaf.va, leaf.bytes, false);
		}
	}
}

/* A and D must be what they are without TLBs; some are cleared, as ageing and write-back do. */
static void do_harvest(void)
{
	struct translation tested, plain;
	unsigned region, end, clear = pick(4), first;
	va_t va = random_va(&region);

	first = spaces_of(region, &end);
	for (unsigned i = first; i < end; i++) {
		int error = t.tested.table.ops->harvest(t.tested.space[i], va, clear, &tested);

		assert_int_equal(t.plain.table.ops->harvest(t.plain.space[i], va, clear, &plain),
				 error);
		if (error != PW_OK)
			continue;
		/* A global page may be entered through one space and used through another. */
		if (!tested.global &&
		    (tested.accessed != plain.accessed || tested.dirty != plain.dirty))
			t.wrong = "A or D";
		if (clear)
			invalidate(t.tested.space[i], tested.va, tested.bytes, false);
	}
}

static void do_switch(void)
{
	t.current = pick(SPACES);
	mmu_switch(&t.tested.mmu, t.tested.space[t.current]);
	mmu_switch(&t.plain.mmu, t.plain.space[t.current]);
}

static void do_control(void)
{
	struct mmu_controls controls = { pick(2), pick(2), pick(2), pick(4) > 0 };

	if (pick(20) == 0) {
		mmu_set_controls(&t.tested.mmu, &controls);
		mmu_set_controls(&t.plain.mmu, &controls);
	}
	t.tested.mmu.mode = t.plain.mmu.mode = pick(3) ? MODE_USER : pick(CPU_MODE_COUNT);
}

/* ---- accesses ---- */

static bool same_translation(const struct translation *a, const struct translation *b)
{
	return a->va == b->va && a->pa == b->pa && a->bytes == b->bytes &&
	       a->page_lg2 == b->page_lg2 && a->perms == b->perms && a->global == b->global &&
	       a->accessed == b->accessed && a->dirty == b->dirty;
}

/* The silent walks agree with each other, whichever way they are made. */
static void compare_probes(va_t va)
{
	struct pt_ops stepwise = *t.plain.table.ops;
	const struct pt_ops *ops = t.plain.table.ops;
	struct walk_input input = { .space = t.plain.space[t.current],
				    .va = va,
				    .mode = (uint8_t)t.plain.mmu.mode,
				    .controls = t.plain.mmu.config.controls };
	struct translation granted, leaf, other;
	unsigned grants = pt_grants(&input, &granted);

	stepwise.probe = NULL;
	for (unsigned access = 0; access < ACCESS_KIND_COUNT; access++) {
		struct mmu_fault fault = { .level = 0 }, other_fault = { .level = 0 };
		enum fault_kind kind;

		input.access = (uint8_t)access;
		kind = pt_probe(&input, &leaf, &fault);
		assert_int_equal(grants >> access & 1, kind == FAULT_NONE);
		t.plain.table.ops = &stepwise;
		assert_int_equal(pt_probe(&input, &other, &other_fault), kind);
		t.plain.table.ops = ops;
		assert_int_equal(fault.level, other_fault.level);
		assert_int_equal(fault.error_code, other_fault.error_code);
		if (kind != FAULT_NONE)
			continue;
		assert_true(same_translation(&leaf, &other));
		granted.dirty |= access == ACCESS_WRITE;
		assert_true(same_translation(&leaf, &granted) || access != ACCESS_READ);
		assert_int_equal(leaf.pa, granted.pa);
	}
}

static void do_access(void)
{
	enum access_kind access = pick(ACCESS_KIND_COUNT);
	struct mmu_result tested, plain;
	unsigned region;
	va_t va = random_va(&region) + pick(1u << t.sizes[0]);

	if (pick(2))
		va = t.used[pick(USED)].va; /* else there would be few hits */
	if (pick(500) == 0)
		va ^= (va_t)1 << 62;
	mmu_access(&t.tested.mmu, access, va, 1, &tested);
	mmu_access(&t.plain.mmu, access, va, 1, &plain);
	if (tested.fault.kind != plain.fault.kind) {
		t.wrong = "kind of fault";
	} else if (plain.fault.kind == FAULT_NONE) {
		if (tested.pa != plain.pa)
			t.wrong = "physical address";
		t.used[t.used_count % USED].asid = (asid_t)(t.current + 1);
		t.used[t.used_count++ % USED].va = va;
	} else if (tested.fault.va != plain.fault.va ||
		   tested.fault.error_code != plain.fault.error_code ||
		   tested.fault.access != plain.fault.access ||
		   tested.fault.level != plain.fault.level) {
		t.wrong = "fault";
	}
	if (pick(8) == 0)
		compare_probes(va);
}

static void do_something(void)
{
	unsigned choice = pick(1000);

	if (choice < 750)
		do_access();
	else if (choice < 880)
		do_map();
	else if (choice < 900)
		do_change(true);
	else if (choice < 920)
		do_change(false);
	else if (choice < 925)
		do_split();
	else if (choice < 950)
		do_harvest();
	else if (choice < 975)
		do_switch();
	else
		do_control();
}

static void check(void)
{
	const char *what;

	if (mmu_check(&t.tested.mmu, &what) != PW_OK || mmu_check(&t.plain.mmu, &what) != PW_OK)
		fail_msg("mmu_check: %s", what);
	if (t.tested.table.ops->check(&t.tested.table, &what) != PW_OK)
		fail_msg("table: %s", what);
}

/* ---- trials ---- */

static const struct radix_config geometries[] = {
	{ 4, { 9, 9, 9, 9 }, { true, true, true }, 12, 40, RADIX_ENTRY_X86_64, 0, 0 },
	{ 5, { 9, 9, 9, 9, 9 }, { true, true }, 12, 46, RADIX_ENTRY_X86_64, 0, 0 },
	{ 2, { 10, 10 }, { true, true }, 12, 36, RADIX_ENTRY_X86_64, 0, 0 },
	{ 3, { 2, 3, 4 }, { true, true, true }, 6, 30, RADIX_ENTRY_X86_64, 0, 0 },
	{ 1, { 8 }, { true }, 12, 32, RADIX_ENTRY_X86_64, 0, 0 },
};
enum { GEOMETRIES = sizeof(geometries) / sizeof(geometries[0]) };

/* Linear tables, two to four tiers of them; spaces 1 to 3, and one that is never made. */
static const struct {
	struct radix_config radix;
	struct linear_config linear;
} linears[] = {
	{ { 2, { 9, 8 }, { true }, 12, 40, RADIX_ENTRY_X86_64, 0, 0 },
	  { LINEAR_UPPER_PHYSICAL, LINEAR_WALKER_SOFTWARE, 4, 10, 20, 500, 0 } },
	{ { 2, { 9, 11 }, { true }, 12, 40, RADIX_ENTRY_X86_64, 0, 0 },
	  { LINEAR_UPPER_MAPPED, LINEAR_WALKER_SOFTWARE, 4, 10, 20, 500, 10 } },
	{ { 3, { 9, 9, 9 }, { true }, 12, 40, RADIX_ENTRY_X86_64, 0, 0 },
	  { LINEAR_UPPER_MAPPED, LINEAR_WALKER_HARDWARE, 5, 0, 20, 500, 0 } },
	{ { 4, { 9, 9, 9, 9 }, { true }, 12, 40, RADIX_ENTRY_X86_64, 0, 0 },
	  { LINEAR_UPPER_PHYSICAL, LINEAR_WALKER_HARDWARE, 4, 0, 70, 0, 0 } },
};
enum { LINEARS = sizeof(linears) / sizeof(linears[0]) };

static void set_page_table(struct pt_config *config, const struct pt_ops *format, unsigned geometry)
{
	strcpy(config->format, format->name);
	config->hashed.buckets = 16;
	config->inverted.alias = geometry == 0 ? INVERTED_REMAP : INVERTED_CHAIN;
	if (strcmp(format->name, "radix") == 0) {
		config->radix = geometries[geometry];
	} else if (strcmp(format->name, "linear") == 0) {
		config->radix = linears[geometry].radix;
		config->linear = linears[geometry].linear;
	}
}

/* The page sizes must be known before a TLB can be drawn: asks a table made for the purpose. */
static unsigned learn_sizes(const struct mmu_config *config)
{
	struct side *s = &t.plain;

	set_up_side(s, config);
	t.size_count = 0;
	for (unsigned lg2 = 0; lg2 < 64; lg2++)
		if (s->table.caps.page_sizes >> lg2 & 1)
			t.sizes[t.size_count++] = lg2;
	return s->table.caps.level_count;
}

/* Returns the first difference, or NULL. */
static const char *run(const struct pt_ops *format, unsigned geometry, uint64_t seed, unsigned omit)
{
	struct mmu_config bare;

	random_state = replacer_seed(seed, geometry);
	memset(&t, 0, sizeof(t));
	mmu_config_default(&bare);
	bare.tlb.level_count = bare.walk_caches.count = bare.port.level_count = 0;
	set_page_table(&bare.page_table, format, geometry);
	t.config = bare;
	random_config(&t.config, learn_sizes(&bare));
	set_up_side(&t.tested, &t.config);
	/*
	 * Not where regions are so small that ranges reach from one into another, nor where a frame
	 * has one mapping: then no page is in every space.
	 */
	t.globals = pick(2) && t.plain.table.caps.va_bits >= 20 && t.plain.table.caps.aliases;
	t.omit = omit;
	for (unsigned i = 0; i < OPERATIONS && !t.wrong; i++) {
		do_something();
		if (i % CHECK_EVERY == 0)
			check();
	}
	check();
	release_side(&t.tested);
	release_side(&t.plain);
	return t.wrong;
}

static unsigned geometries_of(const struct pt_ops *format)
{
	if (strcmp(format->name, "inverted") == 0)
		return 2;
	if (strcmp(format->name, "linear") == 0)
		return LINEARS;
	return strcmp(format->name, "radix") == 0 ? GEOMETRIES : 1;
}

enum { TRIALS = 24 };

static void tlb_is_transparent_with_every_format(void **state)
{
	(void)state;
	for (const struct pt_ops *const *format = pt_formats; *format; format++) {
		for (unsigned geometry = 0; geometry < geometries_of(*format); geometry++) {
			for (unsigned seed = 1; seed <= TRIALS; seed++) {
				const char *wrong = run(*format, geometry, seed, 0);

				if (wrong)
					fail_msg("%s, geometry %u, seed %u: different %s",
						 (*format)->name, geometry, seed, wrong);
			}
		}
	}
}

/* Not each one shows: the entry may be gone from a small TLB. With so many tries, some do. */
static void tlb_is_opaque_without_one_invalidation(void **state)
{
	(void)state;
	for (const struct pt_ops *const *format = pt_formats; *format; format++) {
		unsigned seen = 0;

		for (unsigned seed = 1; seed <= TRIALS; seed++)
			seen += run(*format, 0, seed, 1 + seed % 4) != NULL;
		if (seen < TRIALS / 8)
			fail_msg("%s: only %u of %u missing invalidations were seen",
				 (*format)->name, seen, TRIALS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tlb_is_transparent_with_every_format),
		cmocka_unit_test(tlb_is_opaque_without_one_invalidation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
