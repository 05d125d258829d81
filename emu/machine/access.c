/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The access path above the MMU: attempt and complete, page by page, for whoever drives.
 *
 * Invariant: whether an access faults depends on the page table alone. Hence mmu_probe() decides
 * and the charged mmu_access() that follows must agree with it: if it does not, a TLB held what
 * the page table no longer says, which is a missed invalidation and a bug of ours.
 *
 * A page table that holds one mapping a frame (an inverted one without chains) adds one case: a
 * page that is mapped but displaced. Step 1 lets it through, by the permissions that the kernel
 * keeps for it; step 2 meets the fault, has the kernel bring the page in, all charged, and goes
 * on. An alias fault belongs to step 2 because nothing that the guest or the emulator's own TLB can
 * see changes by it: it needs no flush, it is charged at the same place live and in a replay
 * whatever the emulator's TLB holds, and an access that crosses from a page to an alias of it, where
 * each page displaces the other, completes: in one order, with two faults at most.
 */

#include "emu/machine/machine.h"

#include <assert.h>

/* Serving a fault may uncover one more (absent, then write-protected, then clean). Not many. */
enum { ATTEMPTS_MAX = 8 };

static va_t page_of(va_t va)
{
	return va & ~(va_t)(FRAME_BYTES - 1);
}

enum fault_kind machine_probe(const struct machine *m, enum access_kind access, va_t va,
			      struct mmu_fault *fault)
{
	const struct walk_input input = { .space = kernel_space(m->kernel),
					  .va = va,
					  .access = (uint8_t)access,
					  .mode = (uint8_t)m->mmu.mode,
					  .controls = m->mmu.config.controls };

	if (PAGEWALK_LIKELY(m->page_lg2 <= FRAME_LG2))
		return mmu_probe(&m->mmu, access, va, fault);
	return pt_probe(&input, NULL, fault);
}

/* Which accesses to a displaced page the kernel's record of it permits: bits as machine_grants(). */
static unsigned displaced_grants(const struct machine *m, va_t va, struct translation *leaf)
{
	const struct mmu_controls *controls = &m->mmu.config.controls;
	unsigned grants = 0;

	if (!kernel_displaced(m->kernel, va, leaf))
		return 0;
	for (unsigned access = 0; access < ACCESS_KIND_COUNT; access++)
		if (access_allowed(controls, m->mmu.mode, access, leaf->perms))
			grants |= 1u << access;
	return grants;
}

static bool lets_through(const struct machine *m, enum access_kind access, va_t va,
			 struct mmu_fault *fault)
{
	struct translation leaf;

	if (PAGEWALK_LIKELY(machine_probe(m, access, va, fault) == FAULT_NONE))
		return true;
	return m->remaps && displaced_grants(m, va, &leaf) >> access & 1;
}

bool machine_attempt(struct machine *m, enum access_kind access, va_t va,
		     struct fault_outcome *outcome)
{
	struct mmu_result result;
	struct mmu_fault fault;

	/* A live fill hook knows the page and not the byte: the same for a replay. */
	va = page_of(va);
	if (PAGEWALK_LIKELY(lets_through(m, access, va, &fault)))
		return true;
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		mmu_access(&m->mmu, access, va, 1, &result);
		if (m->page_lg2 > FRAME_LG2 && result.fault.kind == FAULT_NONE)
			result.fault = fault; /* the base page lets it through, its page does not */
		assert(result.fault.kind != FAULT_NONE && "stale TLB entry");
		kernel_keep_code(m->kernel, m->fetch_end);
		kernel_fault(m->kernel, &result.fault, outcome);
		if (outcome->signal || lets_through(m, access, va, &fault)) {
			if (m->tap)
				m->tap->attempt(m->tap->ctx, access, va, outcome);
			return outcome->signal == 0;
		}
	}
	assert(!"a fault was served again and again");
	return false;
}

unsigned machine_grants(const struct machine *m, va_t va, pa_t *page)
{
	const struct walk_input input = { .space = m->page_lg2 <= FRAME_LG2
							   ? m->mmu.space
							   : kernel_space(m->kernel),
					  .va = page_of(va),
					  .access = ACCESS_READ,
					  .mode = (uint8_t)m->mmu.mode,
					  .controls = m->mmu.config.controls };
	struct translation leaf;
	unsigned grants = pt_grants(&input, &leaf);

	if (!grants && m->remaps)
		grants = displaced_grants(m, input.va, &leaf);
	if (grants)
		*page = leaf.pa + (input.va - leaf.va);
	return grants;
}

/* Step 2 met a displaced page: once more, when the kernel has brought it in. */
static void complete_displaced(struct machine *m, enum access_kind access, va_t va, unsigned bytes,
			       struct mmu_result *result)
{
	struct fault_outcome outcome;

	assert(m->remaps && "step 2 cannot fault");
	kernel_fault(m->kernel, &result->fault, &outcome);
	assert(!outcome.signal);
	mmu_access(&m->mmu, access, va, bytes, result);
}

static pa_t complete_page(struct machine *m, enum access_kind access, va_t va, unsigned bytes)
{
	struct mmu_result result;

	mmu_access(&m->mmu, access, va, bytes, &result);
	if (PAGEWALK_UNLIKELY(result.fault.kind != FAULT_NONE))
		complete_displaced(m, access, va, bytes, &result);
	assert(result.fault.kind == FAULT_NONE && "step 2 cannot fault");
	if (m->hears)
		kernel_accessed(m->kernel, result.pa);
	if (m->data_through_port && access != ACCESS_FETCH)
		mmu_data(&m->mmu, result.pa, bytes, access == ACCESS_WRITE);
	return result.pa;
}

pa_t machine_complete_slow(struct machine *m, enum access_kind access, va_t va, unsigned bytes)
{
	uint64_t page = UINT64_C(1) << m->page_lg2, first = page - (va & (page - 1));
	pa_t pa;

	machine_count_access(m, access);
	if (m->tap)
		m->tap->access(m->tap->ctx, access, va, bytes);
	if (bytes <= first)
		return complete_page(m, access, va, bytes);
	m->counters.crossings++;
	pa = complete_page(m, access, va, (unsigned)first);
	for (va += first, bytes -= (unsigned)first; bytes > 0;
	     va += first, bytes -= (unsigned)first) {
		first = bytes < page ? bytes : page;
		complete_page(m, access, va, (unsigned)first);
	}
	return pa;
}

void machine_charge_block_slow(struct machine *m, va_t va, unsigned bytes, unsigned instructions,
			       bool rep)
{
	unsigned lg2 = m->fetch_lg2;
	uint64_t window = va >> lg2, last = (va + bytes - 1) >> lg2;

	if (m->tap)
		m->tap->block(m->tap->ctx, va, bytes, instructions, rep);
	if (va != m->fetch_end || window != m->fetch_window) {
		complete_page(m, ACCESS_FETCH, va, 1);
		m->counters.fetches++;
	}
	while (window != last) {
		window++;
		complete_page(m, ACCESS_FETCH, window << lg2, 1);
		m->counters.fetches++;
	}
	m->fetch_window = last;
	m->fetch_end = va + bytes;
	machine_count_block(m, instructions, rep);
}

/* Does an entry of a TLB say what the page table does? Where its pages are the kernel's. */
static bool trusts_tlb(const struct machine *m)
{
	return m->page_lg2 == FRAME_LG2;
}

/* A replay's step 1 and 2 of an access to one page, with one search of the TLBs. */
static bool access_page(struct machine *m, enum access_kind access, va_t va, unsigned bytes,
			struct fault_outcome *outcome)
{
	struct mmu_pending pending;
	struct mmu_result result;
	bool ready = pt_va_valid(&m->table.caps, va) && mmu_find(&m->mmu, access, va, &pending);

	assert(!ready || lets_through(m, access, va, &result.fault));
	if (PAGEWALK_LIKELY(ready || lets_through(m, access, va, &result.fault))) {
		machine_count_access(m, access);
		mmu_complete(&m->mmu, &pending, bytes, &result);
		assert(result.fault.kind == FAULT_NONE && "step 2 cannot fault");
		return true;
	}
	if (!machine_attempt(m, access, va, outcome))
		return false;
	machine_complete(m, access, va, bytes);
	return true;
}

bool machine_access(struct machine *m, enum access_kind access, va_t va, unsigned bytes,
		    struct fault_outcome *outcome)
{
	if (PAGEWALK_LIKELY(!m->long_way && !m->tap && trusts_tlb(m) &&
			    machine_one_lookup(m, va, bytes)))
		return access_page(m, access, va, bytes, outcome);
	if (!machine_attempt(m, access, va, outcome))
		return false;
	if (!machine_same_page(va, bytes) && !machine_attempt(m, access, va + bytes - 1, outcome))
		return false;
	machine_complete(m, access, va, bytes);
	return true;
}

bool machine_fetch_block(struct machine *m, va_t va, unsigned bytes, struct fault_outcome *outcome)
{
	struct mmu_pending pending;

	if (machine_same_page(va, bytes) && trusts_tlb(m) && pt_va_valid(&m->table.caps, va) &&
	    mmu_find(&m->mmu, ACCESS_FETCH, va, &pending))
		return true;
	if (!machine_attempt(m, ACCESS_FETCH, va, outcome))
		return false;
	return machine_same_page(va, bytes) ||
	       machine_attempt(m, ACCESS_FETCH, va + bytes - 1, outcome);
}

void machine_block(struct machine *m, va_t va, unsigned bytes, unsigned instructions, bool rep)
{
	if (PAGEWALK_UNLIKELY(m->counters.instructions >= m->next_alarm))
		machine_ring_alarms(m);
	machine_charge_block(m, va, bytes, instructions, rep);
}

void machine_block_cut(struct machine *m, unsigned instructions)
{
	if (m->tap)
		m->tap->block_cut(m->tap->ctx, instructions);
	m->counters.instructions -= instructions;
	m->ledger.line[CHARGE_BASE] -= (cycles_t)instructions * m->config.cpi;
	m->fetch_end = 0;
}

uint8_t *machine_user_bytes(struct machine *m, va_t va, enum access_kind access)
{
	pa_t pa;
	bool present = kernel_translate(m->kernel, va, &pa);

	assert(present && "kernel_user_copy() comes first");
	(void)present;
	if (access == ACCESS_WRITE)
		m->cpu.frame_changed(m->cpu.ctx, pa >> FRAME_LG2);
	return phys_mem_at(&m->mem, pa);
}
