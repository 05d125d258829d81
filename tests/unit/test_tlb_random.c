/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The TLB tree under millions of seeded random operations, on random trees: three run side by
 * side, one with hints, one without, and the dumb reference of tlb_reference.h. After each
 * operation they must agree on what answered, and now and then on every counter; the two real
 * ones also on every event. Pages of all sizes overlap, as no sane kernel would have them, since
 * hints must not show even then.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tlb_reference.h"

enum { TREES = 400, OPERATIONS = 10000, ASIDS = 4, CHECK_EVERY = 500 };

static uint64_t random_state;

static unsigned pick(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 20) % n);
}

/* ---- random trees ---- */

/* Of all arrays of a tree, so that relations are possible; or of a level. */
static unsigned random_coalesce;

static const uint8_t x86_sizes[] = { 12, 21, 30 }, toy_sizes[] = { 4, 6, 9 };

static void random_array(struct tlb_array_config *array, unsigned index, enum tlb_side side,
			 const uint8_t *sizes, unsigned size_mask)
{
	static const unsigned set_choices[] = { 1, 1, 2, 3, 4, 5, 8 };
	static const unsigned way_choices[] = { 1, 2, 3, 4, 8, 12, 16, 17, 32, 64, 70 };

	memset(array, 0, sizeof(*array));
	snprintf(array->name, sizeof(array->name), "a%u", index);
	array->side = side;
	array->probe = pick(4) == 0 ? PROBE_SERIAL : PROBE_PARALLEL;
	array->latency = pick(4);
	for (unsigned i = 0; i < 3; i++) {
		if (size_mask >> i & 1)
			array->page_lg2[array->page_size_count++] = sizes[i];
	}
	if (array->probe == PROBE_SERIAL && array->page_size_count > 1 && pick(2)) {
		uint8_t first = array->page_lg2[0];

		array->page_lg2[0] = array->page_lg2[1];
		array->page_lg2[1] = first;
	}
	array->coalesce = random_coalesce;
	array->replacement = pick(REPLACEMENT_COUNT);
	do {
		array->ways = way_choices[pick(11)];
	} while (array->replacement == REPLACE_TREE_PLRU &&
		 (array->ways > 64 || (array->ways & (array->ways - 1))));
	array->entries = array->ways * set_choices[pick(7)];
	if (pick(3) == 0 && array->ways > 1) /* for tree-plru both parts must be powers of two */
		array->wired = array->replacement == REPLACE_TREE_PLRU ? array->ways / 2
								       : 1 + pick(array->ways - 1);
	if (array->entries == array->ways && pick(2))
		array->ways = 0;
}

/* Each side's sizes are dealt to one array, two, or partly to none. */
static void random_level(struct tlb_level_config *level, unsigned number, const uint8_t *sizes)
{
	unsigned split = pick(3), count = 0;

	memset(level, 0, sizeof(*level));
	snprintf(level->name, sizeof(level->name), "l%u", number);
	level->relation = number ? pick(TLB_RELATION_COUNT) : RELATION_NEITHER;
	if (split == 0) {
		unsigned mask = 1 + pick(7), rest = ~mask & 7;

		random_array(&level->array[count], count, SIDE_BOTH, sizes, mask);
		count++;
		if (rest && pick(2)) {
			random_array(&level->array[count], count, SIDE_BOTH, sizes, rest);
			count++;
		}
	} else {
		for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
			unsigned mask = 1 + pick(7), rest = ~mask & 7;

			if (pick(8) == 0 && (count || side == SIDE_INSTRUCTION))
				continue; /* no array for this side */
			random_array(&level->array[count], count, side, sizes, mask);
			count++;
			if (rest && pick(2)) {
				random_array(&level->array[count], count, side, sizes, rest);
				count++;
			}
		}
	}
	level->array_count = count;
}

static void random_tree(struct mmu_config *config, const uint8_t *sizes)
{
	struct config_complaint complaint;

	do {
		unsigned mixed = pick(2);

		mmu_config_default(config);
		/* A flat table: any size from its base page on is fine. */
		config->page_table.radix.level_count = 1;
		config->page_table.radix.index_bits[0] = 12;
		config->page_table.radix.offset_bits = sizes[0];
		config->page_table.radix.pa_bits = sizes[0] < 12 ? 15 : 40;
		config->tlb.level_count = 1 + pick(TLB_LEVELS_MAX);
		random_coalesce = pick(2) ? 1u << pick(5) : 1;
		for (unsigned i = 0; i < config->tlb.level_count; i++) {
			if (mixed && random_coalesce > 1)
				random_coalesce = 1u << pick(5);
			random_level(&config->tlb.level[i], i, sizes);
		}
	} while (mmu_config_check(config, &complaint) != PW_OK);
}

/* ---- the three, side by side ---- */

struct recorder {
	struct sink sink;
	uint64_t hash, count, retired;
};

static void record(struct sink *sink, const struct event *events, size_t count)
{
	struct recorder *recorder = (struct recorder *)sink;

	for (size_t i = 0; i < count; i++) {
		const struct event *e = &events[i];
		const uint64_t words[] = { e->va,   e->pa,     e->value, e->asid,
					   e->kind, e->access, e->level, e->page_lg2 };

		for (size_t w = 0; w < sizeof(words) / sizeof(*words); w++)
			recorder->hash = (recorder->hash ^ words[w]) * 0x100000001b3u;
		recorder->count++;
		if (e->kind == EVENT_TLB_RETIRE)
			recorder->retired += e->value;
	}
}

static const struct sink_ops record_ops = { "record", record };

struct subject {
	struct tlb tlb;
	struct event_queue queue;
	struct recorder recorder;
	struct ledger ledger;
	uint64_t instructions;
};

struct trial {
	struct mmu_config config;
	struct subject hinted, plain;
	struct ref_tlb ref;
	asid_t current;
	const uint8_t *sizes;
	va_t recent[8];
	uint64_t translated, hinted_hits;
};

static void subject_init(struct subject *s, const struct mmu_config *config, bool memo_off)
{
	memset(s, 0, sizeof(*s));
	s->recorder.sink.ops = &record_ops;
	s->recorder.sink.wants = UINT64_MAX;
	event_queue_init(&s->queue, &s->instructions, &s->ledger);
	assert_int_equal(event_queue_attach(&s->queue, &s->recorder.sink), PW_OK);
	assert_int_equal(tlb_init(&s->tlb, &config->tlb, config->seed, &s->queue, &host_alloc_libc),
			 PW_OK);
	s->tlb.memo_off = memo_off;
	tlb_forget_hints(&s->tlb);
}

/* Addresses near each other at every page size, and far apart. */
static va_t random_va(const struct trial *t)
{
	va_t va = (va_t)pick(2) << t->sizes[2] | (va_t)pick(3) << t->sizes[1] |
		  (va_t)pick(12) << t->sizes[0] | pick(1u << t->sizes[0]);

	return pick(16) ? va : va | 0xffffff8000000000u;
}

/* A run of pages around one, as a walk delivers it; at the ends of the address space, none. */
static void widen(struct translation *tr)
{
	uint64_t page = tr->bytes, before = pick(17), after = pick(17);

	if (tr->va < before * page || tr->pa < before * page ||
	    tr->va + (after + 1) * page - 1 < tr->va)
		return;
	tr->va -= before * page;
	tr->pa -= before * page;
	tr->bytes += (before + after) * page;
}

static void random_translation(const struct trial *t, va_t va, struct translation *tr)
{
	unsigned lg2 = t->sizes[pick(8) < 5 ? 0 : 1 + pick(2)];

	*tr = (struct translation){
		.page_lg2 = (uint8_t)lg2,
		.va = va >> lg2 << lg2,
		.pa = (pa_t)pick(1 << 20) << lg2,
		.bytes = (uint64_t)1 << lg2,
		.perms = (uint8_t)(PERM_READ | pick(16)),
		.global = pick(6) == 0,
		.accessed = true,
		.dirty = pick(2),
	};
	if (pick(3) == 0)
		widen(tr);
}

static void fill_all(struct trial *t, const struct tlb_request *request,
		     const struct translation *tr)
{
	const struct mmu_controls *controls = &t->config.controls;
	struct ref_entry value = {
		.valid = true,
		.asid = request->asid,
		.lg2 = tr->page_lg2,
		.perms = tr->perms,
		.global = tr->global,
		.dirty = tr->dirty,
		.side = request->access == ACCESS_FETCH ? SIDE_INSTRUCTION : SIDE_DATA,
		.wired = request->wired,
	};

	value.page = tr->va;
	value.pa = tr->pa;
	value.pages = tr->bytes >> tr->page_lg2;
	tlb_fill(&t->hinted.tlb, request, tr, controls);
	tlb_fill(&t->plain.tlb, request, tr, controls);
	ref_enter_above(&t->ref, t->config.tlb.level_count, request->va, &value);
	t->translated++;
}

static void expect_same(struct trial *t, const struct tlb_request *request,
			const struct tlb_answer *answer, unsigned level,
			const struct ref_entry *expected)
{
	const struct tlb_entry *entry = answer->entry;
	bool ready;

	assert_int_equal(answer->level, level);
	assert_int_equal(entry != NULL, level < t->config.tlb.level_count);
	if (!entry)
		return;
	assert_int_equal(entry->page_lg2, expected->lg2);
	assert_int_equal(entry->pa + (request->va - entry->va),
			 expected->pa + (request->va - expected->page));
	assert_int_equal(entry->perms, expected->perms);
	assert_int_equal(entry->dirty, expected->dirty);
	ready = access_allowed(&t->config.controls, request->mode, request->access,
			       (uint8_t)expected->perms) &&
		(request->access != ACCESS_WRITE || expected->dirty);
	assert_int_equal(tlb_entry_ready(entry, request->access, request->mode), ready);
}

/* Two times in three near an address used lately, as programs do. */
static va_t next_va(struct trial *t)
{
	va_t *recent = &t->recent[pick(8)];

	if (pick(3) == 0)
		*recent = random_va(t);
	else
		*recent ^= pick(1u << t->sizes[0]);
	return *recent;
}

/* One access through all three; hints are used for the current address space, as mmu.c does. */
static void look(struct trial *t, asid_t asid)
{
	struct tlb_request request = {
		.va = next_va(t),
		.asid = asid,
		.access = (uint8_t)pick(ACCESS_KIND_COUNT),
		.mode = (uint8_t)pick(CPU_MODE_COUNT),
		.wired = pick(5) == 0,
	};
	struct tlb_answer plain, hinted;
	struct ref_entry expected = { .valid = false };
	struct translation tr;
	unsigned level = ref_lookup(&t->ref, &request, &expected);
	pa_t pa = 0;

	tlb_lookup(&t->plain.tlb, &request, &plain);
	expect_same(t, &request, &plain, level, &expected);
	if (asid == t->current &&
	    tlb_hit(&t->hinted.tlb, request.access, request.mode, request.va, &pa)) {
		enum tlb_side side = request.access == ACCESS_FETCH ? SIDE_INSTRUCTION : SIDE_DATA;

		t->hinted_hits++;
		assert_int_equal(plain.level, 0);
		assert_true(tlb_entry_ready(plain.entry, request.access, request.mode));
		assert_int_equal(pa, plain.entry->pa + (request.va - plain.entry->va));
		assert_int_equal(plain.latency, t->hinted.tlb.level[0].latency[side]);
	} else {
		tlb_lookup(&t->hinted.tlb, &request, &hinted);
		expect_same(t, &request, &hinted, level, &expected);
		assert_int_equal(hinted.latency, plain.latency);
	}
	if (plain.entry && tlb_entry_ready(plain.entry, request.access, request.mode)) {
		t->translated++;
	} else if (pick(8)) {
		random_translation(t, request.va, &tr);
		if (plain.entry && pick(4))
			tr = (struct translation){ plain.entry->va,
						   plain.entry->pa,
						   plain.entry->bytes,
						   plain.entry->page_lg2,
						   PERM_READ | PERM_WRITE | PERM_EXEC,
						   plain.entry->global,
						   true,
						   true };
		fill_all(t, &request, &tr);
	}
}

/* ---- invalidation ---- */

struct match {
	unsigned scope;
	asid_t asid;
	va_t first, last;
};

static bool matches(const void *ctx, const struct ref_entry *entry)
{
	const struct match *m = ctx;

	if (m->scope == 0)
		return (entry->global || entry->asid == m->asid) && entry->page <= m->last &&
		       entry->page + ((entry->pages << entry->lg2) - 1) >= m->first;
	if (m->scope == 1)
		return !entry->global && entry->asid == m->asid;
	return m->scope == 3 || !entry->global;
}

static void invalidate(struct trial *t)
{
	struct match m = { .asid = (asid_t)pick(ASIDS), .first = random_va(t) };
	uint64_t bytes = (uint64_t)1 << t->sizes[pick(3)];

	if (pick(3) == 0)
		bytes += pick(100000);
	m.scope = pick(30) ? 0 : 1 + pick(3);
	m.last = m.first + bytes - 1 < m.first ? UINT64_MAX : m.first + bytes - 1;
	ref_invalidate(&t->ref, matches, &m);
	for (unsigned i = 0; i < 2; i++) {
		struct tlb *tlb = i ? &t->plain.tlb : &t->hinted.tlb;

		if (m.scope == 0)
			tlb_invalidate_range(tlb, m.asid, m.first, bytes);
		else if (m.scope == 1)
			tlb_invalidate_asid(tlb, m.asid);
		else
			tlb_invalidate_all(tlb, m.scope == 2);
	}
}

static void switch_space(struct trial *t)
{
	t->current = (asid_t)pick(ASIDS);
	tlb_forget_hints(&t->hinted.tlb);
	tlb_forget_hints(&t->plain.tlb);
}

/* ---- comparing all counters ---- */

static void hash_counter(void *ctx, const char *name, const char *doc, uint64_t value)
{
	uint64_t *hash = ctx;

	(void)doc;
	while (*name)
		*hash = (*hash ^ (uint64_t)*name++) * 0x100000001b3u;
	*hash = (*hash ^ value) * 0x100000001b3u;
}

static void compare_array(const struct ref_array *ref, const struct tlb_array *array)
{
	assert_int_equal(array->count.hits, ref->hits);
	assert_int_equal(array->count.fills, ref->fills);
	assert_int_equal(array->count.evictions, ref->evictions);
	assert_int_equal(array->count.invalidations, ref->invalidations);
	assert_int_equal(array->count.replaced, ref->replaced);
	assert_int_equal(array->count.moved, ref->moved);
	if (array->config->coalesce > 1)
		assert_int_equal(array->count.coalesced, ref->coalesced);
	for (unsigned slot = 0; slot < array->config->entries; slot++) {
		assert_int_equal(array->entry[slot].bytes > 0, ref->entry[slot].valid);
		if (ref->entry[slot].valid) {
			assert_int_equal(array->entry[slot].va, ref->entry[slot].page);
			assert_int_equal(array->entry[slot].bytes,
					 ref->entry[slot].pages << ref->entry[slot].lg2);
			assert_int_equal(array->entry[slot].asid, ref->entry[slot].asid);
		}
	}
}

static void compare(struct trial *t)
{
	uint64_t hinted = 0, plain = 0;
	const char *what;

	tlb_visit_counters(&t->hinted.tlb, hash_counter, &hinted);
	tlb_visit_counters(&t->plain.tlb, hash_counter, &plain);
	assert_int_equal(hinted, plain);
	event_queue_flush(&t->hinted.queue);
	event_queue_flush(&t->plain.queue);
	assert_int_equal(t->hinted.recorder.count, t->plain.recorder.count);
	assert_int_equal(t->hinted.recorder.hash, t->plain.recorder.hash);
	for (unsigned l = 0; l < t->config.tlb.level_count; l++) {
		const struct tlb_level *level = &t->plain.tlb.level[l];

		for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
			assert_int_equal(level->count[side].hits, t->ref.hits[l][side - 1]);
			assert_int_equal(level->count[side].misses, t->ref.misses[l][side - 1]);
		}
		for (unsigned i = 0; i < level->array_count; i++)
			compare_array(&t->ref.array[l][i], &level->array[i]);
	}
	if (tlb_check(&t->hinted.tlb, &what) != PW_OK || tlb_check(&t->plain.tlb, &what) != PW_OK)
		fail_msg("%s", what);
}

static void run_trial(struct trial *t, uint64_t seed)
{
	random_state = replacer_seed(seed, 0);
	t->sizes = pick(4) ? x86_sizes : toy_sizes;
	t->current = 0;
	t->translated = 0;
	random_tree(&t->config, t->sizes);
	subject_init(&t->hinted, &t->config, false);
	subject_init(&t->plain, &t->config, true);
	ref_init(&t->ref, &t->config.tlb, t->config.seed);
	switch_space(t);
	look(t, t->current);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		unsigned choice = pick(200);

		if (choice < 185)
			look(t, t->current);
		else if (choice < 190)
			look(t, (asid_t)pick(ASIDS));
		else if (choice < 199)
			invalidate(t);
		else {
			switch_space(t);
			look(t, t->current);
		}
		if (i % CHECK_EVERY == 0)
			compare(t);
	}
	tlb_retire_accesses(&t->hinted.tlb);
	tlb_retire_accesses(&t->plain.tlb);
	compare(t);
	assert_int_equal(t->hinted.recorder.retired, t->translated);
	tlb_release(&t->hinted.tlb);
	tlb_release(&t->plain.tlb);
	ref_release(&t->ref);
}

static void tlb_agrees_with_reference_and_without_hints(void **state)
{
	struct trial *t = malloc(sizeof(*t));

	(void)state;
	assert_non_null(t);
	t->hinted_hits = 0;
	for (unsigned i = 0; i < TREES; i++)
		run_trial(t, i);
	/* The comparison means nothing if hints were hardly used. */
	assert_true(t->hinted_hits > TREES * OPERATIONS / 20);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tlb_agrees_with_reference_and_without_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
