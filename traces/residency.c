/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The OS side of curves: see residency.h.
 *
 * Not modelled: A and D bits, which accesses that nobody makes do not set; so a machine whose
 * memory is short takes other pages out than a replay's does.
 */

#include "traces/residency.h"

#include <string.h>

#include "emu/kernel/kcall.h"

enum { MEMO_PAGES = 1 << RESIDENCY_MEMO_LG2, MEMO_RANGE_MAX = MEMO_PAGES / 64 };

/* --- what the kernel asks of the hardware ---------------------------------------------------- */

static void forget_all(struct residency *r)
{
	memset(r->memo, 0, MEMO_PAGES * sizeof(*r->memo));
}

/* A tag is lent to the space that last ran under it. */
static uint16_t owner_of(const struct residency *r, asid_t tag)
{
	return r->machine->mmu.tag_owner[tag];
}

static void forget_range(struct residency *r, uint16_t space, va_t va, uint64_t bytes)
{
	uint64_t last = residency_key(space, va + (bytes - 1));

	if (bytes >> FRAME_LG2 > MEMO_RANGE_MAX) {
		forget_all(r);
		return;
	}
	for (uint64_t key = residency_key(space, va); key <= last; key++) {
		struct residency_page *page = residency_memo(r, key);

		if (page->key == key)
			page->grants = 0;
	}
}

static void hear_range(void *ctx, asid_t asid, va_t va, uint64_t bytes)
{
	struct residency *r = ctx;

	forget_range(r, owner_of(r, asid), va, bytes);
	r->listener.invalidate(r->listener.ctx, owner_of(r, asid), va, bytes);
}

static void hear_asid(void *ctx, asid_t asid)
{
	struct residency *r = ctx;

	forget_all(r);
	r->listener.invalidate_space(r->listener.ctx, owner_of(r, asid));
}

static void hear_all(void *ctx)
{
	struct residency *r = ctx;

	forget_all(r);
	r->listener.invalidate_all(r->listener.ctx);
}

/* Without ASIDs hardware forgets all at a switch, and is not asked to. */
static void hear_switch(void *ctx, struct pt_space *space)
{
	struct residency *r = ctx;

	if (r->machine->mmu.config.asid_bits == 0)
		hear_all(r);
	r->space = space->asid;
	r->listener.switched(r->listener.ctx, space->asid);
}

static void hear_nothing(void *ctx)
{
	(void)ctx;
}

static void hear_no_frame(void *ctx, pfn_t pfn)
{
	(void)ctx;
	(void)pfn;
}

/* --- faults ---------------------------------------------------------------------------------- */

static bool allowed(const struct residency *r, enum access_kind access, va_t va)
{
	struct mmu_fault fault;

	return machine_probe(r->machine, access, va, &fault) == FAULT_NONE;
}

static void tell_refused(struct residency *r, enum access_kind access, va_t va)
{
	struct mmu_fault fault;
	bool hits = mmu_probe(&r->machine->mmu, access, va, &fault) == FAULT_NONE;

	r->listener.refused(r->listener.ctx, access, va, hits);
}

/* One lookup faults, or several (absent, then write-protected): the later ones find no page. */
static bool attempt(struct residency *r, enum access_kind access, va_t va,
		    struct fault_outcome *outcome)
{
	struct machine *m = r->machine;
	uint64_t lookups = m->mmu.lookups[access];
	bool served;

	if (allowed(r, access, va))
		return true;
	va &= ~(va_t)(FRAME_BYTES - 1);
	if (pt_va_valid(&m->table.caps, va))
		tell_refused(r, access, va);
	served = machine_attempt(m, access, va, outcome);
	for (lookups++; lookups < m->mmu.lookups[access]; lookups++)
		tell_refused(r, access, va);
	return served;
}

bool residency_touch_slow(struct residency *r, enum access_kind access, va_t va)
{
	uint64_t key = residency_key(r->space, va);
	struct residency_page *page = residency_memo(r, key);
	struct fault_outcome outcome;

	if (!kernel_space(r->machine->kernel) || !attempt(r, access, va, &outcome))
		return false;
	if (page->key != key)
		*page = (struct residency_page){ .key = key };
	page->grants |= (uint8_t)(1u << access);
	return true;
}

/* --- records --------------------------------------------------------------------------------- */

static int make_attempt(struct residency *r, const struct trace_record *record, const char **what)
{
	struct fault_outcome outcome = { 0 };
	bool served;

	*what = "a fault ended otherwise than recorded";
	if (!kernel_space(r->machine->kernel))
		return PW_DIVERGED;
	served = attempt(r, record->access, record->va, &outcome);
	if (served ? record->outcome.signal != 0 : outcome.signal != record->outcome.signal)
		return PW_DIVERGED;
	return PW_OK;
}

static int make_call(struct residency *r, const struct trace_record *record, const char **what)
{
	const struct kcall *call = &record->call;
	struct kernel *kernel = r->machine->kernel;

	/* A tick comes before a block whose pages are there; on this machine they may not be. */
	*what = "a fetch raises a signal";
	if (call->op == KCALL_tick && call->arg[1] && kernel_space(kernel) &&
	    (!residency_touch(r, ACCESS_FETCH, call->arg[0]) ||
	     !residency_touch(r, ACCESS_FETCH, call->arg[0] + call->arg[1] - 1)))
		return PW_DIVERGED;
	*what = kcall_infos[call->op].name;
	return kernel_call(kernel, call) == record->result ? PW_OK : PW_DIVERGED;
}

int residency_record(struct residency *r, const struct trace_record *record, const char **what)
{
	switch (record->tag) {
	case TRACE_ATTEMPT:
		return make_attempt(r, record, what);
	case TRACE_KCALL:
		return make_call(r, record, what);
	default:
		return PW_OK;
	}
}

/* --- life ------------------------------------------------------------------------------------ */

int residency_init(struct residency *r, struct machine *machine,
		   const struct residency_listener *listener, const struct host_alloc *alloc)
{
	*r = (struct residency){ .machine = machine, .alloc = alloc, .listener = *listener };
	r->memo = host_zalloc(alloc, MEMO_PAGES, sizeof(*r->memo));
	if (!r->memo)
		return PW_NOMEM;
	r->watch = (struct kernel_hw){ r,           hear_range,   hear_asid,     hear_all,
				       hear_switch, hear_nothing, hear_no_frame, hear_nothing };
	machine_set_watch(machine, &r->watch);
	return PW_OK;
}

void residency_release(struct residency *r)
{
	if (!r->memo)
		return;
	machine_set_watch(r->machine, NULL);
	host_free(r->alloc, r->memo);
	r->memo = NULL;
}
