/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The walker's loop: ask the format for the next step, do it, reply. A WALK_CALL pushes another
 * activation on a small fixed stack and its end pops it: a loop and a stack, no recursion.
 *
 *   activation  ─ input, state, reply: one walk under way
 *   stack[0]    ─ the walk that the access asked for; stack[n + 1] was called by stack[n]
 *
 * Charges. A walk that an access asked for costs walk_latency; those that it calls do not. A
 * walk-cache lookup costs its latency once a walk, hit or miss. Reads go through the
 * port; those issued together cost the slowest, and all count. A write-back goes through the port
 * to make its line dirty and costs port.write_latency, whatever the port says. A handler costs
 * trap_latency and its instructions times handler_cpi; fetching its code is not modelled.
 *
 * Memory beyond the end of the simulated one reads as zero, so a wild pointer in a table ends in
 * an absent entry.
 */

#include "mmu/walker.h"

#include "mmu/mmu.h"

#include <assert.h>
#include <string.h>

struct activation {
	const struct walk_input *input;
	struct walk_input called; /* what `input` points to, of a walk that another one called */
	struct walk_state state;
	struct walk_reply reply;
	bool began;    /* walk_next was called since walk_start or a resumption */
	bool resumed;  /* it started from a walk cache */
	bool fill_tlb; /* called through the TLBs: its leaf is entered there */
	uint32_t refs_before;
	cycles_t cycles_before;
};

struct walker {
	struct mmu *mmu;
	struct walk_outcome *outcome;
	struct activation *top;
	uint8_t hit[WALK_REFS_MAX]; /* of the last WALK_READ, while somebody watches */
	struct activation stack[WALK_DEPTH_MAX];
};

static struct event walk_event(const struct activation *a, enum event_kind kind)
{
	struct event event;

	memset(&event, 0, sizeof(event));
	event.kind = (uint8_t)kind;
	event.va = a->input->va;
	event.asid = a->input->space->asid;
	event.access = a->input->access;
	return event;
}

static uint32_t event_cycles(cycles_t cycles)
{
	return cycles > UINT32_MAX ? UINT32_MAX : (uint32_t)cycles;
}

/* Walk caches are the hardware walker's: what a handler calls in another table goes past them. */
static inline bool walk_cached(const struct mmu *mmu, const struct walk_input *input)
{
	return mmu->walk_caches.count > 0 && input->space->table == mmu->table;
}

/* Starts a walk at the root, or where the nearest walk cache says. */
static void begin(struct walker *w, struct activation *a)
{
	struct mmu *mmu = w->mmu;
	const struct walk_state *cached = NULL;

	a->began = false;
	a->resumed = false;
	a->refs_before = w->outcome->refs;
	if (event_wanted(mmu->events, EVENT_WALK))
		a->cycles_before = walk_outcome_cycles(w->outcome);
	w->top = a;
	mmu->walks[a->input->access]++;
	if (walk_cached(mmu, a->input)) {
		cached = walk_caches_lookup(&mmu->walk_caches, a->input->space->tag, a->input->va);
		w->outcome->cache += mmu->walk_caches.latency;
	}
	if (cached) {
		a->state = *cached;
		a->resumed = true;
		mmu->counters.walk_levels_skipped +=
			a->input->space->table->caps.level_count - 1u - a->state.level;
	} else {
		a->input->space->table->ops->walk_start(a->input, &a->state);
	}
}

static void emit_ref(const struct walker *w, const struct walk_ref *ref, struct port_answer answer)
{
	struct event event = walk_event(w->top, EVENT_WALK_REF);

	event.pa = ref->pa;
	event.level = w->outcome->last.read.level;
	event.cycles = event_cycles(answer.latency);
	event.value = answer.level;
	event_push(w->mmu->events, &event);
}

static inline cycles_t do_ref(struct walker *w, unsigned i)
{
	static const uint8_t beyond[64]; /* zero */
	const struct walk_ref *ref = &w->outcome->last.read.ref[i];
	struct mmu *mmu = w->mmu;
	struct port_answer answer = port_access(&mmu->port, ref->pa, false);

	if (event_wanted(mmu->events, EVENT_WALK_REF))
		emit_ref(w, ref, answer);
	if (PAGEWALK_UNLIKELY(mmu->watch != NULL))
		w->hit[i] = (uint8_t)answer.level;
	w->top->reply.line[i] = phys_mem_holds(mmu->mem, ref->pa, ref->bytes)
					? phys_mem_at(mmu->mem, ref->pa)
					: beyond;
	return answer.latency;
}

static inline void do_read(struct walker *w)
{
	const struct walk_request *request = &w->outcome->last;
	const struct activation *a = w->top;
	unsigned count = request->read.count;
	cycles_t latency = 0;

	/* The state of a walk that was just resumed came from there. */
	if (request->cacheable && a->began && walk_cached(w->mmu, a->input))
		walk_caches_fill(&w->mmu->walk_caches, a->input->space->tag, a->input->va,
				 request->read.level + 1u, &a->state);
	if (PAGEWALK_LIKELY(count == 1)) {
		latency = do_ref(w, 0);
	} else {
		for (unsigned i = 0; i < count; i++) {
			cycles_t one = do_ref(w, i);

			if (!request->read.together)
				latency += one;
			else if (one > latency)
				latency = one;
		}
	}
	w->outcome->ref += latency;
	w->outcome->refs += count;
	w->mmu->counters.walk_refs += count;
}

/* A compare-and-swap, as the hardware's locked update is. A lost one costs the same. */
static void do_write(struct walker *w)
{
	struct mmu *mmu = w->mmu;
	pa_t pa = w->outcome->last.write.pa;
	unsigned bytes = w->outcome->last.write.bytes;
	uint64_t now = 0;

	assert(phys_mem_holds(mmu->mem, pa, bytes) && pa % bytes == 0);
	memcpy(&now, phys_mem_at(mmu->mem, pa), bytes);
	w->top->reply.write_lost = now != w->outcome->last.write.old_value;
	if (!w->top->reply.write_lost)
		memcpy(phys_mem_at(mmu->mem, pa), &w->outcome->last.write.new_value, bytes);
	port_access(&mmu->port, pa, true);
	w->outcome->write += mmu->config.port.write_latency;
	mmu->counters.walk_writes++;
	if (event_wanted(mmu->events, EVENT_WALK_WRITE)) {
		struct event event = walk_event(w->top, EVENT_WALK_WRITE);

		event.pa = pa;
		event.level = w->outcome->last.write.level;
		event.value = w->outcome->last.write.new_value;
		event.cycles = event_cycles(mmu->config.port.write_latency);
		event_push(mmu->events, &event);
	}
}

static void do_run(struct walker *w)
{
	struct mmu *mmu = w->mmu;
	uint32_t instructions = w->outcome->last.run.instructions;

	w->outcome->handler += (cycles_t)instructions * mmu->config.handler_cpi;
	if (w->outcome->last.run.trap != TRAP_NONE) {
		w->outcome->handler += mmu->config.trap_latency;
		mmu->counters.walk_traps++;
	}
	mmu->counters.handler_instructions += instructions;
}

void walker_tell_page(const struct walk_input *input, struct tlb_request *request)
{
	struct translation leaf;

	if (pt_lookup(input->space, input->va, &leaf) == PW_OK) {
		request->page_lg2 = leaf.page_lg2;
		request->global = leaf.global;
	}
}

static struct tlb_request tlb_request_of(const struct walk_input *input)
{
	return (struct tlb_request){
		.va = input->va,
		.asid = input->space->tag,
		.access = input->access,
		.mode = input->mode,
		.wired = input->space->table->caps.wired,
	};
}

/* Of a nested walk that began with a lookup of the TLBs. */
static void fill_called(struct walker *w, const struct activation *a, const struct translation *t)
{
	struct tlb_request request = tlb_request_of(a->input);

	w->mmu->leaves[a->input->access == ACCESS_FETCH][t->page_lg2]++;
	tlb_fill(&w->mmu->tlb, &request, t, &a->input->controls);
}

static void do_fill(struct walker *w, const struct activation *a)
{
	struct tlb_request request = tlb_request_of(a->input);
	const struct translation *t = &w->outcome->last.fill;

	/* An extra translation need not be one of the address walked for. */
	if (request.va - t->va >= t->bytes)
		request.va = t->va;
	tlb_fill_extra(&w->mmu->tlb, &request, t, &a->input->controls);
}

static void do_keep(struct walker *w, const struct activation *a)
{
	const struct walk_request *request = &w->outcome->last;

	if (!walk_cached(w->mmu, a->input))
		return;
	walk_caches_fill(&w->mmu->walk_caches, a->input->space->tag, a->input->va,
			 request->keep.level, &request->keep.state);
}

void walker_count_refusal(struct mmu *mmu, const struct walk_input *input,
			  const struct tlb_entry *entry)
{
	if (input->access == ACCESS_WRITE && !entry->dirty &&
	    access_allowed(&input->controls, input->mode, ACCESS_WRITE, entry->perms))
		mmu->counters.dirty_walks++;
	else
		mmu->counters.upgrade_walks++;
}

/* The TLBs' answer to a nested translation, if they have one that allows the access. */
static bool call_hits(struct walker *w, const struct walk_input *input)
{
	struct mmu *mmu = w->mmu;
	struct tlb_request request = tlb_request_of(input);
	struct translation *called = &w->top->reply.called;
	struct tlb_answer answer;

	mmu->nested_lookups[input->access]++;
	if (PAGEWALK_UNLIKELY(mmu->tlb.classifier != NULL))
		walker_tell_page(input, &request);
	tlb_lookup(&mmu->tlb, &request, &answer);
	w->outcome->lookup += answer.latency;
	if (!answer.entry)
		return false;
	if (!tlb_entry_ready(answer.entry, input->access, input->mode)) {
		walker_count_refusal(mmu, input, answer.entry);
		return false;
	}
	*called = (struct translation){
		.va = answer.entry->va,
		.pa = answer.entry->pa,
		.bytes = answer.entry->bytes,
		.page_lg2 = answer.entry->page_lg2,
		.perms = answer.entry->perms,
		.global = answer.entry->global,
		.accessed = true,
		.dirty = answer.entry->dirty,
	};
	w->top->reply.call_fault = FAULT_NONE;
	return true;
}

static void do_call(struct walker *w)
{
	struct activation *next = w->top + 1;
	struct walk_input input = {
		.space = w->outcome->last.call.space,
		.va = w->outcome->last.call.va,
		.access = w->outcome->last.call.access,
		.mode = w->outcome->last.call.mode,
		.controls = w->top->input->controls,
	};

	w->mmu->counters.walk_calls++;
	if (w->outcome->last.call.through_tlb && call_hits(w, &input))
		return;
	assert(next < w->stack + WALK_DEPTH_MAX);
	next->called = input;
	next->input = &next->called;
	next->fill_tlb = w->outcome->last.call.through_tlb;
	begin(w, next);
}

static void emit_walk(const struct walker *w, pa_t pa, unsigned page_lg2)
{
	const struct activation *a = w->top;
	struct event event = walk_event(a, EVENT_WALK);

	event.pa = pa;
	event.page_lg2 = (uint8_t)page_lg2;
	event.level = w->outcome->level;
	event.value = w->outcome->refs - a->refs_before;
	event.cycles = event_cycles(walk_outcome_cycles(w->outcome) - a->cycles_before);
	event_push(w->mmu->events, &event);
}

static unsigned level_of(const struct walker *w, unsigned page_lg2)
{
	const struct pt_caps *caps = &w->top->input->space->table->caps;
	unsigned level = 0;

	while (level + 1 < caps->level_count && caps->level_lg2[level] < page_lg2)
		level++;
	return level;
}

static void end_leaf(struct walker *w)
{
	struct activation *a = w->top;
	const struct translation *leaf = &w->outcome->last.leaf;

	w->mmu->counters.walk_leaves++;
	w->outcome->fault_kind = FAULT_NONE;
	w->outcome->level = (uint8_t)level_of(w, leaf->page_lg2);
	if (event_wanted(w->mmu->events, EVENT_WALK))
		emit_walk(w, leaf->pa + (a->input->va - leaf->va), leaf->page_lg2);
	if (a == w->stack)
		return;
	if (a->fill_tlb)
		fill_called(w, a, leaf);
	a[-1].reply.called = *leaf;
	a[-1].reply.call_fault = FAULT_NONE;
}

static void end_fault(struct walker *w)
{
	struct activation *a = w->top;

	w->mmu->counters.walk_faults++;
	w->mmu->faults[w->outcome->last.fault.kind]++;
	w->outcome->fault_kind = w->outcome->last.fault.kind;
	w->outcome->level = w->outcome->last.fault.level;
	if (event_wanted(w->mmu->events, EVENT_WALK))
		emit_walk(w, 0, 0);
	if (a != w->stack)
		a[-1].reply.call_fault = w->outcome->last.fault.kind;
}

/* Does what the format of the topmost walk asked for. */
static void serve(struct walker *w, enum walk_step what)
{
	switch (what) {
	case WALK_READ:
		do_read(w);
		break;
	case WALK_WRITE:
		do_write(w);
		break;
	case WALK_RUN:
		do_run(w);
		break;
	case WALK_CALL:
		do_call(w);
		break;
	case WALK_FILL:
		do_fill(w, w->top);
		break;
	case WALK_KEEP:
		do_keep(w, w->top);
		break;
	case WALK_LEAF:
		end_leaf(w);
		break;
	case WALK_FAULT:
		end_fault(w);
		break;
	}
}

/* The same, told to whoever watches. */
static void serve_watched(struct walker *w, enum walk_step what)
{
	const struct walk_watch *watch = w->mmu->watch;
	const struct activation *a = w->top;
	struct walk_watch_step seen = {
		.input = a->input,
		.request = &w->outcome->last,
		.reply = &a->reply,
		.hit = w->hit,
		.what = (uint8_t)what,
		.depth = (uint8_t)(a - w->stack),
		.resumed = a->resumed && !a->began,
	};
	cycles_t before = walk_outcome_cycles(w->outcome);

	serve(w, what);
	seen.answered = what == WALK_CALL && w->top == a;
	seen.cycles = walk_outcome_cycles(w->outcome) - before;
	watch->step(watch->ctx, &seen);
}

/* Does one step; false when the outermost walk has ended. */
static bool step(struct walker *w)
{
	struct activation *a = w->top;
	const struct walk_reply *reply = a->began ? &a->reply : NULL;
	enum walk_step what = a->input->space->table->ops->walk_next(a->input, &a->state, reply,
								     &w->outcome->last);

	if (PAGEWALK_UNLIKELY(w->mmu->watch != NULL))
		serve_watched(w, what);
	else
		serve(w, what);
	a->began = true;
	if (what != WALK_LEAF && what != WALK_FAULT)
		return true;
	if (a == w->stack)
		return false;
	w->top--;
	return true;
}

void walker_walk(struct mmu *mmu, const struct walk_input *input, struct walk_outcome *outcome)
{
	struct walker walker; /* as *outcome, large: only what a step sets is ever read */

	walker.mmu = mmu;
	walker.outcome = outcome;
	outcome->fault_kind = FAULT_NONE;
	outcome->refs = 0;
	outcome->start = mmu->config.walk_latency;
	outcome->lookup = outcome->cache = outcome->ref = outcome->write = outcome->handler = 0;
	walker.stack[0].input = input;
	walker.stack[0].fill_tlb = false;
	begin(&walker, &walker.stack[0]);
	while (step(&walker))
		;
}
