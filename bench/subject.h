/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_BENCH_SUBJECT_H
#define PAGEWALK_BENCH_SUBJECT_H

/*
 * What benchmarks of walks share: a page table of some format behind an MMU, filled with pages that
 * are visited in an order without locality, and the time that silent and charged walks take. Header
 * only, since each benchmark is one file.
 */

#include "mmu/mmu.h"

#include <string.h>
#include <time.h>

struct subject {
	struct phys_mem mem;
	struct bump_frames frames;
	struct pt_memory tables;
	struct page_table table;
	struct pt_space *space;
	struct mmu mmu;
	struct ledger ledger;
	double probe_ns, grants_ns, access_ns; /* a walk; the best of all rounds */
};

/* The va and the frame of the i-th page to be visited. */
typedef va_t subject_page_fn(unsigned i);

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double best(double old, double start, unsigned walks)
{
	double ns = (seconds() - start) * 1e9 / walks;

	return old == 0 || ns < old ? ns : old;
}

/* Frames are given in the order of the visits. Spoils nothing it did not make; PW_OK or why not. */
static int subject_init(struct subject *s, const struct mmu_config *config, uint64_t memory,
			subject_page_fn *page, unsigned pages)
{
	struct config_complaint complaint;

	if (phys_mem_init(&s->mem, memory) != PW_OK)
		return PW_NOMEM;
	bump_frames_init(&s->frames, 1, s->mem.size >> FRAME_LG2);
	pt_memory_init(&s->tables, &s->mem, &s->frames.source);
	if (page_table_create(&s->table, &config->page_table, &s->tables, &host_alloc_libc,
			      &complaint) ||
	    pt_space_create(&s->table, 1, &s->space) ||
	    mmu_init(&s->mmu, config, &s->table, NULL, &s->ledger, &host_alloc_libc, &complaint))
		return PW_INVALID;
	mmu_switch(&s->mmu, s->space);
	for (unsigned i = 0; i < pages; i++) {
		const struct pt_mapping m = { .va = page(i),
					      .pa = (pa_t)i * FRAME_BYTES,
					      .page_lg2 = FRAME_LG2,
					      .attrs = { .perms = PERM_READ | PERM_USER,
							 .accessed = true } };

		if (s->table.ops->map(s->space, &m, NULL) != PW_OK)
			return PW_NOFRAMES;
	}
	return PW_OK;
}

static unsigned subject_probe(struct subject *s, subject_page_fn *page, unsigned walks)
{
	unsigned faults = 0;
	double start = seconds();

	for (unsigned i = 0; i < walks; i++)
		faults += mmu_probe(&s->mmu, ACCESS_READ, page(i), NULL) != FAULT_NONE;
	s->probe_ns = best(s->probe_ns, start, walks);
	return faults;
}

static unsigned subject_access(struct subject *s, subject_page_fn *page, unsigned walks)
{
	struct mmu_result result;
	unsigned faults = 0;
	double start = seconds();

	for (unsigned i = 0; i < walks; i++) {
		mmu_access(&s->mmu, ACCESS_READ, page(i), 8, &result);
		faults += result.fault.kind != FAULT_NONE;
	}
	s->access_ns = best(s->access_ns, start, walks);
	return faults;
}

static double subject_refs(const struct subject *s)
{
	return (double)s->mmu.counters.walk_refs / (double)s->mmu.counters.walk_leaves;
}

#endif
