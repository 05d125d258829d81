/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The MMU: joins TLBs, walk caches, walker and port, and writes the translation and data lines of
 * the ledger. A walk's cycles go to the lines of their causes when it finds a leaf; all cycles of
 * an attempt that faults, its TLB lookups included, go to CHARGE_WALK_FAULTING.
 *
 * In order: canonical check (a refused address reaches no TLB), TLBs level after level, walk,
 * fill. A TLB entry that refuses the access is walked for again: the page table alone decides.
 *
 * Not modelled: overlap of walks with anything, invalidation of a TLB entry by the fault that it
 * caused (the kernel invalidates after every change), PCID beyond the ASID tag.
 *
 * Invariants (mmu_check), the conservation laws of this layer:
 *  1. hits + misses of the first TLB level = lookups of each side, nested ones included;
 *  2. lookups of each further level = misses of the level above, where both serve the side;
 *  3. walks = leaves + faults, and faults = the sum over their kinds;
 *  4. walks = misses of the last TLB level (without a TLB: lookups) - hits of the prefetch buffer
 *     and of the TLB in memory +
 *     walks begun by refusals + calls around the TLBs; walks of the prefetcher are counted apart;
 *  5. demand fills of a TLB array = translations that accesses waited for, from walks and from the
 *     prefetch buffer, of the sizes and sides that it is the holder of.
 */

#include "mmu/mmu.h"

#include "mmu/walker.h"

#include <assert.h>
#include <string.h>

/* For owners that pass none: wants nothing, so nothing is ever written to it. */
static struct event_queue no_events;

static int init_walk_caches(struct mmu *mmu)
{
	unsigned prefix_shift[PT_LEVELS_MAX] = { 0 };

	for (unsigned i = 0; i < mmu->table->caps.level_count; i++)
		prefix_shift[i] = mmu->table->caps.level_lg2[i];
	return walk_caches_init(&mmu->walk_caches, &mmu->config.walk_caches, prefix_shift,
				mmu->config.seed, mmu->alloc);
}

/* No invalidation reaches these registers: they are part of a space's context. */
void mmu_load_segment(struct mmu *mmu)
{
	const struct pt_space *space = mmu->space;

	if (!mmu->tlb.kinds[TLB_SEGMENT] || !space)
		return;
	if (space->segment.bytes > 0)
		tlb_fill_range(&mmu->tlb, TLB_SEGMENT, space->tag, &space->segment,
			       &mmu->config.controls);
	else
		tlb_drop_segments(&mmu->tlb);
}

/* Wherever translations are held. */
static void invalidate_translations(struct mmu *mmu, asid_t asid, va_t va, uint64_t bytes)
{
	tlb_invalidate_range(&mmu->tlb, asid, va, bytes);
	prefetcher_invalidate_range(&mmu->prefetcher, asid, va, bytes);
	pom_tlb_invalidate_range(&mmu->pom_tlb, asid, va, bytes);
	mmu_load_segment(mmu);
}

/* An order of the page table itself (pt_invalidate()). */
static void invalidate_held(void *ctx, asid_t asid, va_t va, uint64_t bytes, unsigned held)
{
	struct mmu *mmu = ctx;

	mmu->counters.invalidations_table++;
	if (held & PT_HELD_TLB)
		invalidate_translations(mmu, asid, va, bytes);
	if (held & PT_HELD_WALK_CACHES)
		walk_caches_invalidate_range(&mmu->walk_caches, asid, va, bytes);
}

int mmu_init(struct mmu *mmu, const struct mmu_config *config, struct page_table *table,
	     struct event_queue *events, struct ledger *ledger, const struct host_alloc *alloc,
	     struct config_complaint *complaint)
{
	int error = mmu_config_check(config, complaint);

	memset(mmu, 0, sizeof(*mmu));
	if (error)
		return error;
	mmu->config = *config;
	mmu->alloc = alloc;
	mmu->table = table;
	mmu->mem = table->memory->mem;
	mmu->events = events ? events : &no_events;
	mmu->ledger = ledger;
	mmu->mode = MODE_USER;
	error = tlb_init(&mmu->tlb, &mmu->config.tlb, config->seed, mmu->events, alloc);
	if (error)
		return error;
	mmu->tag_owner = host_zalloc(alloc, 1 << 16, sizeof(*mmu->tag_owner));
	mmu->tlb.tag_owner = mmu->tag_owner;
	error = !mmu->tag_owner ? PW_NOMEM
				: prefetcher_init(&mmu->prefetcher, &mmu->config.prefetch,
						  table->caps.base_page_lg2, alloc);
	if (error)
		goto release_tlb;
	error = pom_tlb_init(&mmu->pom_tlb, &config->pom_tlb, table->caps.page_sizes,
			     table->memory);
	if (error)
		goto release_prefetcher;
	mmu->beside = config->prefetch.kind != PREFETCH_NONE || mmu->tlb.kinds[TLB_RANGES] ||
		      pom_tlb_exists(&mmu->pom_tlb);
	error = init_walk_caches(mmu);
	if (error)
		goto release_pom_tlb;
	error = port_init(&mmu->port, &mmu->config.port, config->seed, alloc);
	if (error)
		goto release_walk_caches;
	table->listener = (struct pt_listener){ invalidate_held, mmu };
	mmu_events_changed(mmu);
	return PW_OK;

release_walk_caches:
	walk_caches_release(&mmu->walk_caches);
release_pom_tlb:
	pom_tlb_release(&mmu->pom_tlb);
release_prefetcher:
	prefetcher_release(&mmu->prefetcher);
release_tlb:
	tlb_release(&mmu->tlb);
	host_free(alloc, mmu->tag_owner);
	mmu->tag_owner = NULL;
	return error;
}

void mmu_release(struct mmu *mmu)
{
	if (mmu->table && mmu->table->listener.ctx == mmu)
		mmu->table->listener = (struct pt_listener){ 0 };
	port_release(&mmu->port);
	walk_caches_release(&mmu->walk_caches);
	pom_tlb_release(&mmu->pom_tlb);
	prefetcher_release(&mmu->prefetcher);
	tlb_release(&mmu->tlb);
	host_free(mmu->alloc, mmu->tag_owner);
	mmu->tag_owner = NULL;
}

void mmu_events_changed(struct mmu *mmu)
{
	mmu->tlb.memo_off = event_wanted(mmu->events, EVENT_ACCESS) || mmu->tlb.classifier != NULL;
	tlb_forget_hints(&mmu->tlb);
}

void mmu_switch(struct mmu *mmu, struct pt_space *space)
{
	assert(space->table == mmu->table);
	mmu->space = space;
	mmu->counters.space_switches++;
	if (mmu->config.asid_bits == 0) {
		tlb_invalidate_all(&mmu->tlb, true);
		prefetcher_invalidate_all(&mmu->prefetcher, true);
		pom_tlb_invalidate_all(&mmu->pom_tlb, true);
		walk_caches_invalidate_all(&mmu->walk_caches);
	}
	prefetcher_switched(&mmu->prefetcher);
	mmu_load_segment(mmu);
	tlb_forget_hints(&mmu->tlb);
	if (mmu->tag_owner)
		mmu->tag_owner[space->tag] = space->asid;
}

void mmu_set_controls(struct mmu *mmu, const struct mmu_controls *controls)
{
	mmu->config.controls = *controls;
	mmu_invalidate_all(mmu, false);
}

static struct walk_input input_of(const struct mmu *mmu, enum access_kind access, va_t va)
{
	return (struct walk_input){
		.space = mmu->space,
		.va = va,
		.access = (uint8_t)access,
		.mode = (uint8_t)mmu->mode,
		.span_lg2 = (uint8_t)mmu->tlb.coalesce_lg2,
		.controls = mmu->config.controls,
	};
}

enum fault_kind mmu_probe(const struct mmu *mmu, enum access_kind access, va_t va,
			  struct mmu_fault *fault)
{
	const struct walk_input input = input_of(mmu, access, va);

	return pt_probe(&input, NULL, fault);
}

static struct event access_event(const struct walk_input *input, enum event_kind kind)
{
	struct event event;

	memset(&event, 0, sizeof(event));
	event.kind = (uint8_t)kind;
	event.va = input->va;
	event.asid = input->space->asid;
	event.access = input->access;
	return event;
}

static void emit_access(struct mmu *mmu, const struct walk_input *input, unsigned bytes,
			const struct mmu_result *result)
{
	if (event_wanted(mmu->events, EVENT_ACCESS)) {
		struct event event = access_event(input, EVENT_ACCESS);

		event.pa = result->pa;
		event.value = bytes;
		event.cycles = (uint32_t)result->cycles;
		event_push(mmu->events, &event);
	}
}

static void refuse(struct mmu *mmu, const struct walk_input *input, enum fault_kind kind,
		   unsigned level, struct mmu_result *result)
{
	result->fault.va = kind == FAULT_NON_CANONICAL ? 0 : input->va;
	result->fault.error_code =
		x86_error_code(&input->controls, input->mode, input->access, kind);
	result->fault.kind = (uint8_t)kind;
	result->fault.access = input->access;
	result->fault.level = (uint8_t)level;
	result->pa = 0;
	if (event_wanted(mmu->events, EVENT_FAULT)) {
		struct event event = access_event(input, EVENT_FAULT);

		event.value = result->fault.error_code;
		event.level = (uint8_t)kind;
		event_push(mmu->events, &event);
	}
}

static struct tlb_request tlb_request_of(const struct walk_input *input)
{
	return (struct tlb_request){
		.va = input->va,
		.asid = input->space->tag,
		.access = input->access,
		.mode = input->mode,
	};
}

/* An access waited for this translation: into the TLBs. */
static void deliver(struct mmu *mmu, const struct walk_input *input, const struct translation *t)
{
	const struct tlb_request request = tlb_request_of(input);

	mmu->leaves[input->access == ACCESS_FETCH][t->page_lg2]++;
	if (mmu->tlb.level_count > 0)
		tlb_fill(&mmu->tlb, &request, t, &input->controls);
	else
		tlb_attribute(&mmu->tlb, &request, t);
}

/*
 * After the TLBs had no answer; `lookup` is what they cost, `pom` what the one in memory. The size of the page (log2), or 0 for a
 * fault.
 */
static unsigned walk(struct mmu *mmu, const struct walk_input *input, cycles_t lookup, cycles_t pom,
		     struct mmu_result *result)
{
	const struct translation *leaf;
	struct walk_outcome outcome;
	cycles_t *line = mmu->ledger->line;

	walker_walk(mmu, input, &outcome);
	result->cycles = lookup + pom + walk_outcome_cycles(&outcome);
	if (outcome.fault_kind != FAULT_NONE) {
		line[CHARGE_WALK_FAULTING] += result->cycles;
		refuse(mmu, input, outcome.fault_kind, outcome.level, result);
		return 0;
	}
	line[CHARGE_TLB_LOOKUP] += lookup + outcome.lookup;
	line[CHARGE_WALK_START] += outcome.start;
	line[CHARGE_POM_TLB] += pom;
	line[CHARGE_WALK_CACHE] += outcome.cache;
	line[CHARGE_WALK_REF] += outcome.ref;
	line[CHARGE_WALK_WRITE] += outcome.write;
	line[CHARGE_WALK_HANDLER] += outcome.handler;
	leaf = &outcome.last.leaf;
	result->pa = leaf->pa + (input->va - leaf->va);
	deliver(mmu, input, leaf);
	if (PAGEWALK_UNLIKELY(pom_tlb_exists(&mmu->pom_tlb)))
		pom_tlb_fill(&mmu->pom_tlb, &mmu->port, input, leaf);
	return leaf->page_lg2;
}

/* Range TLBs are filled while the page walk goes on, and by nothing else. */
static void walk_ranges(struct mmu *mmu, const struct walk_input *input)
{
	const struct pt_space *space = input->space;
	struct translation range;

	mmu->range_walks.walks++;
	if (range_table_walk(&space->ranges, mmu->mem, &mmu->port, input->va, &range,
			     &mmu->range_walks.refs)) {
		mmu->range_walks.fills++;
		tlb_fill_range(&mmu->tlb, TLB_RANGES, space->tag, &range, &input->controls);
	}
}

/*
 * A miss of all levels on a machine with something beside them: the prefetch buffer may know. What
 * is done for later misses comes after this access is done with.
 */
static void look_beside(struct mmu *mmu, const struct walk_input *input, cycles_t lookup,
			struct mmu_result *result)
{
	struct translation found;
	cycles_t pom = 0;
	unsigned page_lg2;

	if (prefetcher_take(&mmu->prefetcher, input, &found) ||
	    (pom_tlb_exists(&mmu->pom_tlb) &&
	     pom_tlb_lookup(&mmu->pom_tlb, &mmu->port, input, &found, &pom))) {
		page_lg2 = found.page_lg2;
		result->pa = found.pa + (input->va - found.va);
		result->cycles = lookup + pom;
		ledger_charge(mmu->ledger, CHARGE_TLB_LOOKUP, lookup);
		ledger_charge(mmu->ledger, CHARGE_POM_TLB, pom);
		deliver(mmu, input, &found);
	} else {
		page_lg2 = walk(mmu, input, lookup, pom, result);
	}
	if (page_lg2 && mmu->tlb.kinds[TLB_RANGES])
		walk_ranges(mmu, input);
	if (page_lg2 && mmu->prefetcher.config.kind != PREFETCH_NONE)
		prefetcher_follow(mmu, input, page_lg2);
}

static void translate(struct mmu *mmu, const struct mmu_pending *pending, struct mmu_result *result)
{
	const struct walk_input *input = &pending->input;
	struct tlb_answer answer;

	tlb_look_up(&mmu->tlb, &pending->request, &pending->found, &answer);
	if (answer.entry && tlb_entry_ready(answer.entry, input->access, input->mode)) {
		result->pa = answer.entry->pa + (input->va - answer.entry->va);
		result->cycles = answer.latency;
		ledger_charge(mmu->ledger, CHARGE_TLB_LOOKUP, answer.latency);
		return;
	}
	if (answer.entry)
		walker_count_refusal(mmu, input, answer.entry);
	else if (mmu->beside) {
		look_beside(mmu, input, answer.latency, result);
		return;
	}
	walk(mmu, input, answer.latency, 0, result);
}

bool mmu_find(struct mmu *mmu, enum access_kind access, va_t va, struct mmu_pending *pending)
{
	pending->input = input_of(mmu, access, va);
	pending->request = tlb_request_of(&pending->input);
	if (PAGEWALK_UNLIKELY(mmu->tlb.classifier != NULL))
		walker_tell_page(&pending->input, &pending->request);
	tlb_find(&mmu->tlb, &pending->request, &pending->found);
	return pending->found.entry && tlb_entry_ready(pending->found.entry, access, mmu->mode);
}

void mmu_complete(struct mmu *mmu, const struct mmu_pending *pending, unsigned bytes,
		  struct mmu_result *result)
{
	result->fault.kind = FAULT_NONE;
	result->cycles = 0;
	mmu->lookups[pending->input.access]++;
	translate(mmu, pending, result);
	emit_access(mmu, &pending->input, bytes, result);
}

void mmu_access_slow(struct mmu *mmu, enum access_kind access, va_t va, unsigned bytes,
		     struct mmu_result *result)
{
	struct mmu_pending pending;

	if (PAGEWALK_UNLIKELY(!pt_va_valid(&mmu->table->caps, va))) {
		const struct walk_input input = input_of(mmu, access, va);

		result->fault.kind = FAULT_NONE;
		result->cycles = 0;
		mmu->counters.non_canonical++;
		refuse(mmu, &input, FAULT_NON_CANONICAL, 0, result);
		return;
	}
	mmu_find(mmu, access, va, &pending);
	mmu_complete(mmu, &pending, bytes, result);
}

cycles_t mmu_data(struct mmu *mmu, pa_t pa, unsigned bytes, bool write)
{
	const struct port_config *config = &mmu->config.port;
	uint64_t line = config->level_count ? config->level[0].line_bytes : 64;
	cycles_t hit = config->level_count ? config->level[0].latency : 0, sum = 0;
	pa_t end = pa + (bytes ? bytes : 1);

	if (config->traffic != PORT_TABLES_AND_DATA)
		return 0;
	for (pa &= ~(line - 1); pa < end; pa += line) {
		cycles_t latency = port_access(&mmu->port, pa, write).latency;

		if (latency > hit)
			sum += latency - hit;
	}
	ledger_charge(mmu->ledger, CHARGE_DATA, sum);
	return sum;
}

void mmu_invalidate_range(struct mmu *mmu, asid_t asid, va_t va, uint64_t bytes)
{
	mmu->counters.invalidations_page++;
	invalidate_translations(mmu, asid, va, bytes);
	walk_caches_invalidate_range(&mmu->walk_caches, asid, va, bytes);
}

void mmu_invalidate_asid(struct mmu *mmu, asid_t asid)
{
	mmu->counters.invalidations_asid++;
	tlb_invalidate_asid(&mmu->tlb, asid);
	prefetcher_invalidate_asid(&mmu->prefetcher, asid);
	pom_tlb_invalidate_asid(&mmu->pom_tlb, asid);
	mmu_load_segment(mmu);
	walk_caches_invalidate_asid(&mmu->walk_caches, asid);
}

void mmu_invalidate_all(struct mmu *mmu, bool keep_global)
{
	mmu->counters.invalidations_all++;
	tlb_invalidate_all(&mmu->tlb, keep_global);
	prefetcher_invalidate_all(&mmu->prefetcher, keep_global);
	pom_tlb_invalidate_all(&mmu->pom_tlb, keep_global);
	mmu_load_segment(mmu);
	walk_caches_invalidate_all(&mmu->walk_caches);
}
