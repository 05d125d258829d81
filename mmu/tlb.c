/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The TLB tree: its construction, hints, lookups and fills. How levels relate is tlb_enter.c's
 * matter, invalidation tlb_flush.c's, the array itself tlb_array.c's.
 *
 * Not modelled: speculative fills, prefetching (tlb_fill_extra() is there for it), concurrent
 * misses, and that real TLBs may hold two sizes of a page and use either: ours uses the smaller.
 *
 * Source: Intel SDM 3A, "Caching Translation Information" (ASIDs, global pages, which entry may
 * be used).
 */

#include "mmu/tlb_private.h"

#include "mmu/tlb_array_private.h"
#include "mmu/tlb_classify.h"

#include <string.h>

/* ---- construction ---- */

static void add_steps(struct tlb_level *level, unsigned fetch, unsigned page_lg2)
{
	unsigned side = fetch ? SIDE_INSTRUCTION : SIDE_DATA;

	for (unsigned i = 0; i < level->array_count; i++) {
		const struct tlb_array_config *config = level->array[i].config;

		if (config->kind != TLB_PAGES)
			continue;
		for (unsigned order = 0; order < config->page_size_count; order++) {
			if (config->page_lg2[order] != page_lg2 || !(config->side & side))
				continue;
			level->step[fetch][level->step_count[fetch]++] = (struct tlb_probe_step){
				&level->array[i], (uint8_t)page_lg2, (uint8_t)i, (uint8_t)order,
				(uint8_t)tlb_group_lg2(&level->array[i], page_lg2)
			};
			level->holder[fetch][page_lg2] = (uint8_t)(i + 1);
		}
	}
}

static void add_ranges(struct tlb *tlb, struct tlb_level *level)
{
	for (unsigned i = 0; i < level->array_count; i++) {
		struct tlb_array *array = &level->array[i];

		tlb->kinds[array->config->kind] = true;
		for (unsigned fetch = 0; fetch < 2; fetch++) {
			if (array->config->kind != TLB_PAGES &&
			    (array->side & (fetch ? SIDE_INSTRUCTION : SIDE_DATA)))
				level->range[fetch][level->range_count[fetch]++] = array;
		}
	}
}

static void set_latency(struct tlb_level *level, unsigned side)
{
	for (unsigned i = 0; i < level->array_count; i++) {
		const struct tlb_array_config *config = level->array[i].config;
		unsigned probes = config->probe == PROBE_SERIAL ? config->page_size_count : 1;

		if (!(config->side & side))
			continue;
		if (config->latency * probes > level->latency[side])
			level->latency[side] = config->latency * probes;
		if (probes > 1 && config->latency > 0)
			level->serial[side] = true;
	}
}

static int init_level(struct tlb *tlb, unsigned number, uint64_t seed)
{
	struct tlb_level *level = &tlb->level[number];
	const struct tlb_level_config *config = &tlb->config.level[number];

	level->config = config;
	level->exclusive = number > 0 && config->relation == RELATION_EXCLUSIVE;
	level->inclusive = number > 0 && config->relation == RELATION_INCLUSIVE;
	for (unsigned below = number + 1; below < tlb->config.level_count; below++) {
		if (tlb->config.level[below].relation == RELATION_EXCLUSIVE)
			level->exclusive_below = true;
	}
	level->passes_on = level->inclusive || level->exclusive_below;
	for (unsigned i = 0; i < config->array_count; i++) {
		if (tlb_array_init(&level->array[i], &config->array[i], i,
				   replacer_seed(seed, number * TLB_ARRAYS_MAX + i),
				   tlb->alloc) != PW_OK)
			return PW_NOMEM;
		level->array_count++;
		if (level->array[i].coalesce_lg2 > tlb->coalesce_lg2)
			tlb->coalesce_lg2 = level->array[i].coalesce_lg2;
	}
	for (unsigned fetch = 0; fetch < 2; fetch++) {
		for (unsigned page_lg2 = 0; page_lg2 < PAGE_LG2_COUNT; page_lg2++)
			add_steps(level, fetch, page_lg2);
	}
	add_ranges(tlb, level);
	set_latency(level, SIDE_INSTRUCTION);
	set_latency(level, SIDE_DATA);
	return PW_OK;
}

static unsigned smallest_page(const struct tlb_level *level)
{
	unsigned smallest = PAGE_LG2_COUNT - 1;

	for (unsigned fetch = 0; fetch < 2; fetch++) {
		if (level->step_count[fetch] && level->step[fetch][0].page_lg2 < smallest)
			smallest = level->step[fetch][0].page_lg2;
	}
	return smallest;
}

static int init_memo(struct tlb *tlb)
{
	enum { HOST_LINE = 64 };
	struct tlb_hint *hint;

	_Static_assert(sizeof(*hint) == HOST_LINE, "a hint is a line");
	tlb->memo_memory =
		host_zalloc(tlb->alloc, 2 * TLB_MEMO_SLOTS * sizeof(*hint) + HOST_LINE, 1);
	if (!tlb->memo_memory)
		return PW_NOMEM;
	hint = (struct tlb_hint *)(((uintptr_t)tlb->memo_memory + HOST_LINE - 1) &
				   ~(uintptr_t)(HOST_LINE - 1));
	for (unsigned i = 0; i < 2 * TLB_MEMO_SLOTS; i++)
		hint[i].page = UINT64_MAX;
	tlb->memo[0] = hint;
	tlb->memo[1] = hint + TLB_MEMO_SLOTS;
	return PW_OK;
}

int tlb_init(struct tlb *tlb, const struct tlb_config *config, uint64_t seed,
	     struct event_queue *events, const struct host_alloc *alloc)
{
	memset(tlb, 0, sizeof(*tlb));
	tlb->config = *config;
	tlb->alloc = alloc;
	tlb->events = events;
	tlb->memo_shift = FRAME_LG2;
	if (init_memo(tlb) != PW_OK)
		return PW_NOMEM;
	while (tlb->level_count < config->level_count) {
		if (init_level(tlb, tlb->level_count++, seed) != PW_OK) {
			tlb_release(tlb);
			return PW_NOMEM;
		}
	}
	if (tlb->level_count > 0)
		tlb->memo_shift = smallest_page(&tlb->level[0]);
	if (config->classify_misses && tlb->level_count > 0 &&
	    tlb_classifier_create(tlb) != PW_OK) {
		tlb_release(tlb);
		return PW_NOMEM;
	}
	return PW_OK;
}

void tlb_release(struct tlb *tlb)
{
	tlb_classifier_destroy(tlb);
	for (unsigned i = 0; i < tlb->level_count; i++) {
		for (unsigned j = 0; j < tlb->level[i].array_count; j++)
			tlb_array_release(&tlb->level[i].array[j], tlb->alloc);
	}
	if (tlb->memo_memory)
		host_free(tlb->alloc, tlb->memo_memory);
	memset(tlb, 0, sizeof(*tlb));
}

/* ---- lookup ---- */

static void emit_miss(struct tlb *tlb, const struct tlb_request *request, unsigned level)
{
	if (event_wanted(tlb->events, EVENT_TLB_MISS) && (level == 0 || !tlb->events->only_sums)) {
		struct event event = {
			.kind = EVENT_TLB_MISS,
			.va = request->va,
			.asid = tlb_owner_of(tlb, request->asid),
			.access = request->access,
			.level = (uint8_t)level,
			.value = tlb_side_of(request->access),
		};

		event_push(tlb->events, &event);
	}
}

static unsigned hit_latency(const struct tlb_level *level, enum tlb_side side,
			    const struct tlb_probe_step *hit)
{
	unsigned slowest = 0;

	if (PAGEWALK_LIKELY(!level->serial[side]))
		return level->latency[side];
	for (unsigned i = 0; i < level->array_count; i++) {
		const struct tlb_array_config *config = level->array[i].config;
		unsigned probes = 1;

		if (!(config->side & side))
			continue;
		if (config->probe == PROBE_SERIAL)
			probes = i == hit->index ? hit->order + 1u : config->page_size_count;
		if (config->latency * probes > slowest)
			slowest = config->latency * probes;
	}
	return slowest;
}

/* What the level holds of the page that covers request->va, the smallest first, then ranges. */
static inline bool find_in_level(const struct tlb_level *level, const struct tlb_request *request,
				 struct tlb_found *found)
{
	unsigned fetch = request->access == ACCESS_FETCH;
	const struct tlb_probe_step *step = level->step[fetch],
				    *end = step + level->step_count[fetch];

	for (; step < end; step++) {
		if (step->array->live_of[step->page_lg2] == 0)
			continue;
		found->entry =
			tlb_array_find(step->array, request->asid, request->va, step->group_lg2);
		if (found->entry) {
			found->step = step;
			found->array = step->array;
			return true;
		}
	}
	for (unsigned i = 0; i < level->range_count[fetch]; i++) {
		found->array = level->range[fetch][i];
		found->entry = tlb_range_find(found->array, request->asid, request->va);
		if (found->entry) {
			found->step = NULL;
			return true;
		}
	}
	return false;
}

void tlb_find(const struct tlb *tlb, const struct tlb_request *request, struct tlb_found *found)
{
	unsigned fetch = request->access == ACCESS_FETCH;

	found->entry = NULL;
	for (found->level = 0; found->level < tlb->level_count; found->level++) {
		const struct tlb_level *level = &tlb->level[found->level];

		if (level->step_count[fetch] && find_in_level(level, request, found))
			return;
	}
}

/* Ranges lie beside the pages: a hit there costs what a miss of these costs. */
static inline void count_hit(struct tlb_level *level, enum tlb_side side,
			     const struct tlb_found *found, cycles_t *latency)
{
	unsigned slot = found->entry->slot;
	struct replacer *replacer = tlb_replacer_of(found->array, &slot);

	found->array->count.hits++;
	level->count[side].hits++;
	replacer_touch(replacer, slot);
	*latency += found->step ? hit_latency(level, side, found->step) : level->latency[side];
}

bool tlb_holds(const struct tlb *tlb, const struct tlb_request *request)
{
	struct tlb_found found;

	tlb_find(tlb, request, &found);
	return found.entry != NULL;
}

void tlb_look_up(struct tlb *tlb, const struct tlb_request *request, const struct tlb_found *found,
		 struct tlb_answer *answer)
{
	enum tlb_side side = tlb_side_of(request->access);
	unsigned fetch = side == SIDE_INSTRUCTION, level = found->level;
	struct tlb_entry *entry = found->entry;

	if (PAGEWALK_UNLIKELY(!tlb->hint_asid_known))
		tlb_hints_learn(tlb, request->asid);
	answer->latency = 0;
	for (unsigned above = 0; above < level; above++) {
		struct tlb_level *missed = &tlb->level[above];

		if (missed->step_count[fetch] == 0)
			continue;
		missed->count[side].misses++;
		answer->latency += missed->latency[side];
		emit_miss(tlb, request, above);
	}
	if (entry)
		count_hit(&tlb->level[level], side, found, &answer->latency);
	answer->level = level;
	if (PAGEWALK_UNLIKELY(tlb->classifier != NULL))
		tlb_classify_lookup(tlb, request, level, entry);
	if (PAGEWALK_UNLIKELY(entry && entry->prefetched)) {
		tlb->prefetch_useful++;
		entry->prefetched = false;
	}
	if (entry && level > 0)
		entry = tlb_bring_up(tlb, request, &level, entry);
	answer->entry = entry;
	if (!entry)
		return;
	if (level == 0)
		tlb_memo_install(tlb, request, entry);
	if (!tlb_entry_ready(entry, request->access, request->mode))
		return;
	if (level == 0)
		entry->accesses++;
	else
		tlb_retire_at_once(tlb, entry, request->access);
}

void tlb_lookup(struct tlb *tlb, const struct tlb_request *request, struct tlb_answer *answer)
{
	struct tlb_found found;

	tlb_find(tlb, request, &found);
	tlb_look_up(tlb, request, &found, answer);
}
