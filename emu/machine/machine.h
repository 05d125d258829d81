/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_MACHINE_MACHINE_H
#define PAGEWALK_EMU_MACHINE_MACHINE_H

/*
 * The machine joins mmu/ and emu/kernel. It has two drivers, the live CPU (emu/cpu) and the
 * trace (traces/replay); neither knows the other, and both see only this header.
 *
 * An access has two steps. Attempt: does the page table let each page through? If not, the
 * faulting lookup and walk are charged and the kernel serves the fault or raises a signal.
 * Complete: the charged lookup, walk and fill, which cannot fault any more. A replay does both
 * with machine_access(); a live CPU attempts in its fill hook and completes in its memory hook.
 *
 * What a driver reports, in order, is what a trace holds: a machine_tap hears the same calls.
 */

#include "emu/kernel/kernel.h"
#include "emu/machine/config.h"
#include "mmu/mmu.h"

#include <assert.h>

struct machine_counters {
#define MACHINE_COUNTER(field, doc) uint64_t field;
#include "mmu/event.def"
};

/* The live CPU's side of invalidation; a replay has none. */
struct machine_cpu {
	void *ctx;
	void (*flush)(void *ctx);                    /* forget every translation */
	void (*frame_changed)(void *ctx, pfn_t pfn); /* forget code translated from the frame */
};

/*
 * Hears what a driver reports and what crosses the kernel's interface: a recorder. Of attempts it
 * hears those that met a fault, served or not: a crossing access may have its first page served
 * and die on the second, and that service must not be lost.
 */
struct machine_tap {
	void *ctx;
	void (*access)(void *ctx, enum access_kind access, va_t va, unsigned bytes);
	void (*block)(void *ctx, va_t va, unsigned bytes, unsigned instructions, bool rep);
	void (*block_cut)(void *ctx, unsigned instructions);
	void (*attempt)(void *ctx, enum access_kind access, va_t va,
			const struct fault_outcome *outcome);
	void (*kcall)(void *ctx, const struct kcall *call, int64_t result);
};

/* Called when the instruction counter has reached `at`, at a block boundary. */
struct machine_alarm {
	uint64_t at;     /* UINT64_MAX: never */
	uint64_t period; /* 0: once */
	void *ctx;
	void (*ring)(void *ctx, struct machine_alarm *alarm);
};
enum { MACHINE_ALARMS_MAX = 8, MACHINE_TICK_INSTRUCTIONS = 1000000 };

struct machine {
	struct mmu mmu;
	struct kernel *kernel;
	struct machine_counters counters;
	struct ledger ledger;
	struct event_queue events;
	/* --- fetch windows --- */
	va_t fetch_end;        /* where the last block ended */
	uint64_t fetch_window; /* the window it ended in */
	unsigned fetch_lg2;
	bool data_through_port;
	bool long_way;        /* data goes through the port, remaps, or hears */
	bool blocks_long_way; /* remaps, or hears */
	bool remaps;          /* the page table holds one mapping a frame */
	uint8_t page_lg2;     /* of the table's base page: what one lookup can serve */
	bool hears;           /* the kernel is told of each access */
	/* --- */
	const struct machine_tap *tap; /* NULL: none */
	va_t access_pc; /* of the access under way, for events and taps; 0: no driver has told */
	const struct kernel_hw *watch; /* NULL: none */
	struct machine_cpu cpu;
	uint64_t next_alarm;
	uint64_t next_tick; /* of the reclaim daemon; UINT64_MAX: somebody else's matter */
	unsigned alarm_count;
	struct machine_alarm *alarm[MACHINE_ALARMS_MAX];
	struct machine_config config;
	struct page_table table;
	struct pt_memory table_memory;
	struct phys_mem mem;
	const struct host_alloc *alloc;
};

int machine_create(struct machine **out, const struct machine_config *config,
		   const struct host_alloc *alloc, struct config_complaint *complaint);
void machine_destroy(struct machine *m);
void machine_set_cpu(struct machine *m, const struct machine_cpu *cpu); /* NULL: none */
void machine_set_tap(struct machine *m, const struct machine_tap *tap); /* NULL: none */
/* Hears what the kernel asks of the hardware, when the MMU has obeyed; NULL: nobody. Not owned. */
void machine_set_watch(struct machine *m, const struct kernel_hw *watch);
/* Told of each access that was completed, and where it lies (kernel_set_observer()). NULL: nobody. */
void machine_observe(struct machine *m, void *ctx, void (*accessed)(void *ctx, pa_t pa));
int machine_set_alarm(struct machine *m, struct machine_alarm *alarm); /* PW_LIMIT */
void machine_clear_alarm(struct machine *m, struct machine_alarm *alarm);
void machine_ring_alarms(struct machine *m);
/* A live CPU, before a block whose pages were attempted: first ticks that are due, then alarms. */
void machine_ring_before(struct machine *m, va_t va, unsigned bytes);
/* To be called after any sink changed what it wants. */
void machine_events_changed(struct machine *m);

/*
 * Step 1 for the one page that holds va. Returns true when the access may complete; false when
 * a signal is due (*outcome).
 */
bool machine_attempt(struct machine *m, enum access_kind access, va_t va,
		     struct fault_outcome *outcome);
/*
 * Would it go through? By the page table of the machine; where its base page is larger than 4 KiB by
 * the kernel's, which knows what each page of it permits.
 */
enum fault_kind machine_probe(const struct machine *m, enum access_kind access, va_t va,
			      struct mmu_fault *fault);
/* Which accesses to the page of va would go through now: bits (1 << access), and where it lies. */
unsigned machine_grants(const struct machine *m, va_t va, pa_t *page);

/* Step 2, the long way: crossings, data through the port, displaced pages, a kernel that hears. */
pa_t machine_complete_slow(struct machine *m, enum access_kind access, va_t va, unsigned bytes);

/* A page of the guest and of the emulator's own TLB. */
static inline bool machine_same_page(va_t va, unsigned bytes)
{
	return ((va ^ (va + bytes - 1)) >> FRAME_LG2) == 0;
}

/* A base page of the machine. */
static inline bool machine_one_lookup(const struct machine *m, va_t va, unsigned bytes)
{
	return ((va ^ (va + bytes - 1)) >> m->page_lg2) == 0;
}

static inline void machine_count_access(struct machine *m, enum access_kind access)
{
	if (access == ACCESS_READ)
		m->counters.loads++;
	else
		m->counters.stores++;
}

/* Step 2 of a load or store of the program. Returns where its first byte lies. */
static inline pa_t machine_complete(struct machine *m, enum access_kind access, va_t va,
				    unsigned bytes);

/* Both steps, for a replay. False: a signal is due. */
bool machine_access(struct machine *m, enum access_kind access, va_t va, unsigned bytes,
		    struct fault_outcome *outcome);

/*
 * A basic block was entered (step 2 for its fetches; the live CPU has attempted its pages).
 * rep: one more iteration of a rep-prefixed instruction. Rings alarms that are due first: every
 * block before is complete then.
 */
void machine_block(struct machine *m, va_t va, unsigned bytes, unsigned instructions, bool rep);
/* The same for a driver that has rung them itself. */
static inline void machine_charge_block(struct machine *m, va_t va, unsigned bytes,
					unsigned instructions, bool rep);
/* Only counts, where nothing is measured. */
static inline void machine_count_block(struct machine *m, unsigned instructions, bool rep)
{
	m->counters.blocks++;
	m->counters.rep_iterations += rep;
	m->counters.instructions += instructions;
	m->ledger.line[CHARGE_BASE] += (cycles_t)instructions * m->config.cpi;
}
/* Step 1 for the pages of a block: a replay always, a live CPU where mappings have changed. */
bool machine_fetch_block(struct machine *m, va_t va, unsigned bytes, struct fault_outcome *outcome);
/* The last block was left before its end: these many of its instructions did not retire. */
void machine_block_cut(struct machine *m, unsigned instructions);

/*
 * The host bytes of guest memory within one page, after kernel_user_copy() said 0. Writers say
 * so with access, so that translated code of the page is dropped.
 */
uint8_t *machine_user_bytes(struct machine *m, va_t va, enum access_kind access);

/* Emits what is pending (accesses served by live TLB entries, the last batch of events). */
void machine_drain(struct machine *m);
void machine_visit_counters(const struct machine *m, counter_visit_fn *visit, void *ctx);
/* All conservation laws; PW_CORRUPT with a static text. */
int machine_check(struct machine *m, const char **what);

__attribute__((always_inline)) static inline pa_t
machine_complete(struct machine *m, enum access_kind access, va_t va, unsigned bytes)
{
	struct mmu_result result;

	if (PAGEWALK_UNLIKELY(m->long_way || !machine_one_lookup(m, va, bytes)))
		return machine_complete_slow(m, access, va, bytes);
	machine_count_access(m, access);
	if (PAGEWALK_UNLIKELY(m->tap != NULL))
		m->tap->access(m->tap->ctx, access, va, bytes);
	mmu_access(&m->mmu, access, va, bytes, &result);
	assert(result.fault.kind == FAULT_NONE && "step 2 cannot fault");
	return result.pa;
}

void machine_charge_block_slow(struct machine *m, va_t va, unsigned bytes, unsigned instructions,
			       bool rep);

/* A block that starts where the last one ended, in its window, continues it: no new lookup. */
static inline void machine_charge_block(struct machine *m, va_t va, unsigned bytes,
					unsigned instructions, bool rep)
{
	unsigned lg2 = m->fetch_lg2;
	uint64_t window = va >> lg2, last = (va + bytes - 1) >> lg2;
	struct mmu_result result;

	if (PAGEWALK_UNLIKELY(m->blocks_long_way)) {
		machine_charge_block_slow(m, va, bytes, instructions, rep);
		return;
	}
	if (PAGEWALK_UNLIKELY(m->tap != NULL))
		m->tap->block(m->tap->ctx, va, bytes, instructions, rep);
	if (va != m->fetch_end || window != m->fetch_window) {
		mmu_access(&m->mmu, ACCESS_FETCH, va, 1, &result);
		assert(result.fault.kind == FAULT_NONE && "step 2 cannot fault");
		m->counters.fetches++;
	}
	while (window != last) {
		window++;
		mmu_access(&m->mmu, ACCESS_FETCH, window << lg2, 1, &result);
		assert(result.fault.kind == FAULT_NONE && "step 2 cannot fault");
		m->counters.fetches++;
	}
	m->fetch_window = last;
	m->fetch_end = va + bytes;
	machine_count_block(m, instructions, rep);
}

#endif
