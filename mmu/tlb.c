/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The TLB tree: its construction, hints, lookups and fills. How levels relate is tlb_enter.c's
 * matter, invalidation tlb_flush.c's, the array itself tlb_array.c's.
 *
 * Hints (tlb->memo): given by a lookup that the first level answered for the current address
 * space, and by a fill of the smallest page size; both know that no smaller page answers. They
 * stay right because only what enters the first level could make them wrong, and
 * tlb_memo_entered() withdraws them then. Where a hit's latency depends on the page size (serial
 * probing in the first level) none are given, since the hit path charges a constant.
 *
 * Not modelled: speculative fills, prefetching (tlb_fill_extra() is there for it), concurrent
 * misses, and that real TLBs may hold two sizes of a page and use either: ours uses the smaller.
 *
 * Source: Intel SDM 3A, "Caching Translation Information" (ASIDs, global pages, which entry may
 * be used).
 */

#include "mmu/tlb_private.h"

#include "mmu/page_table.h"

#include <assert.h>
#include <string.h>

/* ---- construction ---- */

static void add_steps(struct tlb_level *level, unsigned fetch, unsigned page_lg2)
{
	unsigned side = fetch ? SIDE_INSTRUCTION : SIDE_DATA;

	for (unsigned i = 0; i < level->array_count; i++) {
		const struct tlb_array_config *config = level->array[i].config;

		for (unsigned order = 0; order < config->page_size_count; order++) {
			if (config->page_lg2[order] != page_lg2 || !(config->side & side))
				continue;
			level->step[fetch][level->step_count[fetch]++] =
				(struct tlb_probe_step){ (uint8_t)page_lg2, (uint8_t)i,
							 (uint8_t)order };
			level->holder[fetch][page_lg2] = (uint8_t)(i + 1);
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
	level->passes_on = level->inclusive;
	for (unsigned below = number + 1; below < tlb->config.level_count; below++) {
		if (tlb->config.level[below].relation == RELATION_EXCLUSIVE)
			level->passes_on = true;
	}
	for (unsigned i = 0; i < config->array_count; i++) {
		if (tlb_array_init(&level->array[i], &config->array[i], i,
				   replacer_seed(seed, number * TLB_ARRAYS_MAX + i),
				   tlb->alloc) != PW_OK)
			return PW_NOMEM;
		level->array_count++;
	}
	for (unsigned fetch = 0; fetch < 2; fetch++) {
		for (unsigned page_lg2 = 0; page_lg2 < PAGE_LG2_COUNT; page_lg2++)
			add_steps(level, fetch, page_lg2);
	}
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

int tlb_init(struct tlb *tlb, const struct tlb_config *config, uint64_t seed,
	     struct event_queue *events, const struct host_alloc *alloc)
{
	memset(tlb, 0, sizeof(*tlb));
	tlb->config = *config;
	tlb->alloc = alloc;
	tlb->events = events;
	tlb->memo_shift = FRAME_LG2;
	for (unsigned i = 0; i < 2 * TLB_MEMO_SLOTS; i++)
		tlb->memo[i / TLB_MEMO_SLOTS][i % TLB_MEMO_SLOTS].entry = &tlb->memo_none;
	tlb->memo_any = true;
	tlb_forget_hints(tlb);
	while (tlb->level_count < config->level_count) {
		if (init_level(tlb, tlb->level_count++, seed) != PW_OK) {
			tlb_release(tlb);
			return PW_NOMEM;
		}
	}
	if (tlb->level_count > 0)
		tlb->memo_shift = smallest_page(&tlb->level[0]);
	return PW_OK;
}

void tlb_release(struct tlb *tlb)
{
	for (unsigned i = 0; i < tlb->level_count; i++) {
		for (unsigned j = 0; j < tlb->level[i].array_count; j++)
			tlb_array_release(&tlb->level[i].array[j], tlb->alloc);
	}
	memset(tlb, 0, sizeof(*tlb));
}

/* ---- hints ---- */

static void memo_clear(struct tlb *tlb)
{
	if (!tlb->memo_any)
		return;
	for (unsigned i = 0; i < TLB_MEMO_SLOTS; i++)
		tlb->memo[0][i].page = tlb->memo[1][i].page = UINT64_MAX;
	tlb->memo_any = false;
}

void tlb_forget_hints(struct tlb *tlb)
{
	memo_clear(tlb);
	tlb->hint_asid_known = false;
}

static void memo_install(struct tlb *tlb, const struct tlb_request *request,
			 struct tlb_entry *entry)
{
	bool fetch = request->access == ACCESS_FETCH;
	uint64_t page = request->va >> tlb->memo_shift;

	if (tlb->memo_off || !tlb->hint_asid_known || request->asid != tlb->hint_asid ||
	    tlb->level[0].serial[tlb_side_of(request->access)])
		return;
	tlb->memo[fetch][page % TLB_MEMO_SLOTS] = (struct tlb_hint){ page, entry };
	tlb->memo_any = true;
}

/* Do first-level entries live that are neither of this size nor of the smallest? */
static bool other_large_live(const struct tlb *tlb, unsigned page_lg2)
{
	for (unsigned i = 0; i < tlb->level[0].array_count; i++) {
		const struct tlb_array *array = &tlb->level[0].array[i];
		unsigned here = array->live_of[page_lg2] + array->live_of[tlb->memo_shift];

		if (array->live > here)
			return true;
	}
	return false;
}

/*
 * A page of the smallest size concerns one hint a side. Of a larger page there are many, but the
 * smallest ones win over it anyway, so that only rare cases forget them all: another address
 * space's page in the slot of one of ours at the same address, or a third page size.
 */
void tlb_memo_entered(struct tlb *tlb, const struct tlb_array *array, const struct tlb_entry *entry)
{
	if (!tlb->memo_any)
		return;
	if (entry->page_lg2 == tlb->memo_shift) {
		unsigned i = (entry->va >> tlb->memo_shift) % TLB_MEMO_SLOTS;

		if (array->config->side & SIDE_DATA)
			tlb->memo[0][i].page = UINT64_MAX;
		if (array->config->side & SIDE_INSTRUCTION)
			tlb->memo[1][i].page = UINT64_MAX;
	} else if ((!entry->global && entry->asid != tlb->hint_asid) ||
		   other_large_live(tlb, entry->page_lg2)) {
		memo_clear(tlb);
	}
}

/* ---- lookup ---- */

static void emit_miss(struct tlb *tlb, const struct tlb_request *request, unsigned level)
{
	if (event_wanted(tlb->events, EVENT_TLB_MISS)) {
		struct event event = {
			.kind = EVENT_TLB_MISS,
			.va = request->va,
			.asid = request->asid,
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
			probes = i == hit->array ? hit->order + 1u : config->page_size_count;
		if (config->latency * probes > slowest)
			slowest = config->latency * probes;
	}
	return slowest;
}

static struct tlb_entry *probe_level(struct tlb_level *level, const struct tlb_request *request,
				     cycles_t *latency)
{
	enum tlb_side side = tlb_side_of(request->access);
	unsigned fetch = side == SIDE_INSTRUCTION;

	for (unsigned i = 0; i < level->step_count[fetch]; i++) {
		const struct tlb_probe_step *step = &level->step[fetch][i];
		struct tlb_array *array = &level->array[step->array];
		struct tlb_entry *entry;

		if (array->live_of[step->page_lg2] == 0)
			continue;
		entry = tlb_array_find(array, request->asid, request->va, step->page_lg2);
		if (!entry)
			continue;
		array->count.hits++;
		level->count[side].hits++;
		replacer_touch(&array->replacer, entry->slot);
		*latency += hit_latency(level, side, step);
		return entry;
	}
	level->count[side].misses++;
	*latency += level->latency[side];
	return NULL;
}

/* After a hit below the first level: the entry moves or is copied up. Returns the uppermost. */
static struct tlb_entry *bring_up(struct tlb *tlb, const struct tlb_request *request,
				  unsigned *level, struct tlb_entry *entry)
{
	struct tlb_array *array = &tlb->level[*level].array[entry->array];
	struct tlb_entry copy = *entry, *entered;
	unsigned first = 0;

	if (copy.side != tlb_side_of(request->access))
		copy.side = (uint8_t)tlb_side_of(request->access);
	while (!tlb_holder(&tlb->level[first], copy.side, copy.page_lg2))
		first++;
	if (first == *level)
		return entry;
	if (tlb->level[*level].exclusive) {
		array->count.moved++;
		tlb_array_clear(array, entry);
	}
	entered = tlb_enter(tlb, *level, &copy, &first);
	*level = first;
	return entered;
}

void tlb_lookup(struct tlb *tlb, const struct tlb_request *request, struct tlb_answer *answer)
{
	unsigned fetch = request->access == ACCESS_FETCH, level;
	struct tlb_entry *entry = NULL;

	if (!tlb->hint_asid_known) {
		tlb->hint_asid_known = true;
		tlb->hint_asid = request->asid;
	}
	answer->latency = 0;
	for (level = 0; level < tlb->level_count; level++) {
		if (tlb->level[level].step_count[fetch] == 0)
			continue;
		entry = probe_level(&tlb->level[level], request, &answer->latency);
		if (entry)
			break;
		emit_miss(tlb, request, level);
	}
	answer->level = level;
	if (entry && level > 0)
		entry = bring_up(tlb, request, &level, entry);
	answer->entry = entry;
	if (!entry)
		return;
	if (level == 0)
		memo_install(tlb, request, entry);
	if (!tlb_entry_ready(entry, request->access, request->mode))
		return;
	if (level == 0)
		entry->accesses++;
	else
		tlb_retire_at_once(tlb, entry, request->access);
}

/* ---- fill ---- */

static void compute_ready(struct tlb *tlb, const struct mmu_controls *controls)
{
	const struct mmu_controls *known = &tlb->ready_controls;

	if (tlb->ready_known && known->write_protect == controls->write_protect &&
	    known->smep == controls->smep && known->smap == controls->smap &&
	    known->no_execute == controls->no_execute)
		return;
	for (unsigned perms = 0; perms < 16; perms++) {
		unsigned ready = 0;

		for (unsigned bit = 0; bit < CPU_MODE_COUNT * ACCESS_KIND_COUNT; bit++) {
			enum cpu_mode mode = bit / ACCESS_KIND_COUNT;
			enum access_kind access = bit % ACCESS_KIND_COUNT;

			if (access_allowed(controls, mode, access, (uint8_t)perms))
				ready |= 1u << bit;
		}
		tlb->ready_of[perms] = (uint16_t)ready;
	}
	tlb->ready_controls = *controls;
	tlb->ready_known = true;
}

/* The bits of `ready` that stand for writes, at any privilege. */
enum {
	READY_WRITES = 1 << (MODE_USER * ACCESS_KIND_COUNT + ACCESS_WRITE) |
		       1 << (MODE_SUPERVISOR * ACCESS_KIND_COUNT + ACCESS_WRITE) |
		       1 << (MODE_SUPERVISOR_AC * ACCESS_KIND_COUNT + ACCESS_WRITE)
};

/* The part of the translation that lies in the page of its size around the request. */
static void make_entry(struct tlb *tlb, const struct tlb_request *request,
		       const struct translation *t, struct tlb_entry *entry)
{
	va_t page = tlb_page_va(request->va, t->page_lg2);
	uint64_t size = (uint64_t)1 << t->page_lg2, left;

	assert(request->va - t->va < t->bytes);
	memset(entry, 0, sizeof(*entry));
	entry->va = page - t->va < t->bytes ? page : t->va;
	entry->bytes = size - (entry->va - page);
	left = t->bytes - (entry->va - t->va);
	if (left < entry->bytes)
		entry->bytes = left;
	entry->pa = t->pa + (entry->va - t->va);
	entry->asid = request->asid;
	entry->page_lg2 = t->page_lg2;
	entry->perms = t->perms;
	entry->side = (uint8_t)tlb_side_of(request->access);
	entry->global = t->global;
	entry->dirty = t->dirty;
	entry->ready = tlb->ready_of[t->perms % 16];
	if (!t->dirty)
		entry->ready &= (uint16_t)~READY_WRITES;
}

static void fill(struct tlb *tlb, const struct tlb_request *request, const struct translation *t,
		 unsigned accesses)
{
	struct tlb_entry value, *entry;
	unsigned first;

	make_entry(tlb, request, t, &value);
	entry = tlb_enter(tlb, tlb->level_count, &value, &first);
	for (unsigned level = first; level < tlb->level_count; level++) {
		struct tlb_array *array =
			tlb_holder(&tlb->level[level], value.side, value.page_lg2);

		if (array && (level == first || !tlb->level[level].exclusive))
			array->count.demand_fills += accesses;
	}
	if (entry && first == 0) {
		entry->accesses += accesses;
		if (entry->page_lg2 == tlb->memo_shift)
			memo_install(tlb, request, entry);
	} else if (accesses) {
		tlb_retire_at_once(tlb, &value, request->access);
	}
}

void tlb_fill(struct tlb *tlb, const struct tlb_request *request, const struct translation *t,
	      const struct mmu_controls *controls)
{
	compute_ready(tlb, controls);
	fill(tlb, request, t, 1);
}

void tlb_fill_extra(struct tlb *tlb, const struct tlb_request *request, const struct translation *t,
		    const struct mmu_controls *controls)
{
	compute_ready(tlb, controls);
	fill(tlb, request, t, 0);
}

void tlb_attribute(struct tlb *tlb, const struct tlb_request *request, const struct translation *t)
{
	struct tlb_entry served;

	make_entry(tlb, request, t, &served);
	tlb_retire_at_once(tlb, &served, request->access);
}
