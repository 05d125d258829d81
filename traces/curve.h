/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_CURVE_H
#define PAGEWALK_TRACES_CURVE_H

/*
 * Curves of a trace in one pass: misses against size for fully associative LRU TLBs of one level,
 * for several page sizes, and working sets over time.
 *
 * What a lookup is agrees with the machine: one a page for an access, one a fetch window or page
 * entered for a block, and spaces have pages of their own. With a machine the operating system is
 * modelled too, and for the size of its base pages the curve is that of its TLB, exactly: a fault is
 * a lookup that fills nothing, and what the kernel invalidates leaves. Pages of other sizes are
 * references alone: no faults, and entries leave only where all of a space's do.
 */

#include "traces/locality.h"
#include "traces/residency.h"
#include "traces/trace.h"

enum { CURVE_PAGE_SIZES_MAX = 8 };

struct curve_setup {
	struct machine *machine;                 /* NULL: references alone; all are let through */
	enum tlb_side side;                      /* whose lookups count */
	unsigned fetch_bytes;                    /* without a machine */
	unsigned page_lg2[CURVE_PAGE_SIZES_MAX]; /* ascending */
	unsigned page_sizes;
	bool time_in_references; /* of working sets; else in instructions */
	uint64_t window;         /* of working sets; 0: averages only */
	double rate;             /* of a sample of the pages; 1: all */
	uint64_t pages_max;      /* in a sample whose rate is halved then; 0: no limit */
	const struct host_alloc *alloc;
};

struct curve {
	struct curve_setup setup;
	struct locality locality[CURVE_PAGE_SIZES_MAX];
	struct locality *base; /* of the machine's base pages; NULL: not asked for, or no machine */
	struct residency residency;
	uint16_t space;
	/* --- the run under way --- */
	unsigned run_lg2; /* a page of every size that is looked at is of as many bytes, or more */
	uint64_t run_page;
	uint8_t run_grants; /* bits 1 << access, of the guest page */
	struct locality_run run;
	/* --- fetches: as in struct machine --- */
	va_t fetch_end;
	uint64_t fetch_window;
	unsigned fetch_lg2;
	uint64_t code_page; /* of guest pages, the last that was let through */
	/* --- */
	uint64_t accesses, instructions;
	uint64_t now, window_end; /* time, as the setup says */
	int failed;               /* in a callback */
};

/* PW_NOMEM. */
int curve_init(struct curve *curve, const struct curve_setup *setup);
void curve_release(struct curve *curve);
/*
 * Reads the trace to its end. Errors of the reader; PW_DIVERGED where the machine cannot do what the
 * recorded one did. What came before an error is in the curve.
 */
int curve_read(struct curve *curve, struct trace_reader *reader, struct trace_error *error);

#endif
