/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_MACHINE_TALLY_H
#define PAGEWALK_EMU_MACHINE_TALLY_H

/*
 * What a trace makes a machine do most: accesses and fetches that hints of the first TLB level serve.
 * They are counted in a struct that its user keeps in registers, and added to the machine's books
 * before anything else is done with it:
 *
 *   machine_tally_open ─> { machine_tally_access | machine_tally_block
 *                           | machine_tally_pages.. machine_tally_path }* ─> machine_tally_close
 *
 * machine_tally_access() and machine_tally_block() do what machine_access(), or machine_fetch_block()
 * and machine_block(), would have done, or say false and have done nothing; then close the tally, take
 * that way, and open it again. Neither step asks the page table: a TLB entry never permits what the
 * page table would not (access.c).
 *
 * Hits that follow each other may be served together, in the order of the last of each page, where
 * machine_tallies_pages() says so: they differ in nothing then. First all pages are looked at
 * (machine_tally_hint), then all are used (tlb_hint_use_often), then all is counted.
 */

#include "emu/machine/machine.h"

struct machine_tally {
	uint64_t accesses, stores, fetches, blocks, rep_iterations, instructions;
	uint64_t room; /* instructions before the next alarm */
	va_t fetch_end;
	uint64_t fetch_window;
	/* Of the machine, for good: nothing else is stored to between open and close. */
	unsigned memo_shift, fetch_lg2;
	enum cpu_mode mode;
};

/* Can hints serve this machine at all? A tap has to hear of each. */
static inline bool machine_tallies(const struct machine *m)
{
	return m->page_lg2 == FRAME_LG2 && !m->long_way && !m->tap;
}

/*
 * Where no first-level array has entries of both sides, nothing can tell in which order hits of the
 * one side and hits of the other came.
 */
static inline bool machine_tallies_pages(const struct machine *m)
{
	const struct tlb_level *first = &m->mmu.tlb.level[0];

	for (unsigned i = 0; i < first->array_count; i++)
		if (first->array[i].side == SIDE_BOTH)
			return false;
	return m->mmu.tlb.memo_shift == FRAME_LG2 && m->fetch_lg2 <= FRAME_LG2;
}

__attribute__((always_inline)) static inline struct machine_tally
machine_tally_open(const struct machine *m)
{
	uint64_t now = m->counters.instructions;

	return (struct machine_tally){ .room = now < m->next_alarm ? m->next_alarm - now : 0,
				       .fetch_end = m->fetch_end,
				       .fetch_window = m->fetch_window,
				       .memo_shift = m->mmu.tlb.memo_shift,
				       .fetch_lg2 = m->fetch_lg2,
				       .mode = m->mmu.mode };
}

__attribute__((always_inline)) static inline void machine_tally_close(struct machine *m,
								      const struct machine_tally *t)
{
	const unsigned *latency = m->mmu.tlb.level[0].latency;
	uint64_t loads = t->accesses - t->stores;

	m->counters.loads += loads;
	m->counters.stores += t->stores;
	m->counters.fetches += t->fetches;
	m->counters.blocks += t->blocks;
	m->counters.rep_iterations += t->rep_iterations;
	m->counters.instructions += t->instructions;
	m->mmu.lookups[ACCESS_READ] += loads;
	m->mmu.lookups[ACCESS_WRITE] += t->stores;
	m->mmu.lookups[ACCESS_FETCH] += t->fetches;
	m->ledger.line[CHARGE_BASE] += (cycles_t)t->instructions * m->config.cpi;
	m->ledger.line[CHARGE_TLB_LOOKUP] +=
		t->accesses * latency[SIDE_DATA] + t->fetches * latency[SIDE_INSTRUCTION];
	m->fetch_end = t->fetch_end;
	m->fetch_window = t->fetch_window;
}

/* In checked builds: what the TLB lets through the page table does. */
static inline bool machine_tally_agrees(const struct machine *m, enum access_kind access, va_t va)
{
	struct mmu_fault fault;

	return machine_probe(m, access, va, &fault) == FAULT_NONE;
}

/* `access` is no fetch. */
__attribute__((always_inline)) static inline bool machine_tally_access(struct machine *m,
								       struct machine_tally *t,
								       enum access_kind access,
								       va_t va, unsigned bytes)
{
	struct tlb_hint *hint = tlb_hint_in(m->mmu.tlb.memo[0], t->memo_shift, access, t->mode, va);

	if (PAGEWALK_UNLIKELY(!hint || (va & (FRAME_BYTES - 1)) + bytes > FRAME_BYTES))
		return false;
	assert(machine_tally_agrees(m, access, va));
	tlb_hint_use(hint);
	t->accesses++;
	t->stores += access == ACCESS_WRITE;
	return true;
}

__attribute__((always_inline)) static inline struct tlb_hint *
machine_tally_fetch_hint(struct machine *m, const struct machine_tally *t, va_t va)
{
	return tlb_hint_in(m->mmu.tlb.memo[1], t->memo_shift, ACCESS_FETCH, t->mode, va);
}

/* The lookups of a block: where it starts, unless it goes on in a window; and each window begun. */
__attribute__((always_inline)) static inline void
machine_tally_fetch(struct machine *m, struct machine_tally *t, va_t va, unsigned bytes)
{
	unsigned lg2 = t->fetch_lg2;
	uint64_t window = va >> lg2, last = (va + bytes - 1) >> lg2;

	if (va != t->fetch_end || window != t->fetch_window) {
		tlb_hint_use(machine_tally_fetch_hint(m, t, va));
		t->fetches++;
	}
	while (window != last) {
		tlb_hint_use(machine_tally_fetch_hint(m, t, ++window << lg2));
		t->fetches++;
	}
	t->fetch_window = last;
	t->fetch_end = va + bytes;
}

__attribute__((always_inline)) static inline bool
machine_tally_block(struct machine *m, struct machine_tally *t, va_t va, unsigned bytes,
		    unsigned instructions, bool rep)
{
	va_t end = va + bytes - 1;

	/* A block has at most one page's bytes, so that it lies in two at most. */
	if (PAGEWALK_UNLIKELY(t->instructions >= t->room || t->memo_shift < FRAME_LG2 ||
			      !machine_tally_fetch_hint(m, t, va) ||
			      !machine_tally_fetch_hint(m, t, end)))
		return false;
	assert(machine_tally_agrees(m, ACCESS_FETCH, va));
	assert(machine_tally_agrees(m, ACCESS_FETCH, end));
	machine_tally_fetch(m, t, va, bytes);
	t->blocks++;
	t->rep_iterations += rep;
	t->instructions += instructions;
	return true;
}

/* The hint that serves all accesses to a page, or NULL. `kinds`: 1 << enum access_kind of each. */
__attribute__((always_inline)) static inline struct tlb_hint *
machine_tally_hint(struct machine *m, const struct machine_tally *t, unsigned side, uint64_t page,
		   unsigned kinds)
{
	struct tlb_hint *hint = &m->mmu.tlb.memo[side][page % TLB_MEMO_SLOTS];
	unsigned needed = kinds << t->mode * ACCESS_KIND_COUNT;

	if (PAGEWALK_UNLIKELY(hint->page != page || (hint->ready & needed) != needed))
		return NULL;
	for (unsigned access = 0; access < ACCESS_KIND_COUNT; access++)
		assert(!(kinds >> access & 1) ||
		       machine_tally_agrees(m, (enum access_kind)access, page << t->memo_shift));
	return hint;
}

#endif
