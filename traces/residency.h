/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_RESIDENCY_H
#define PAGEWALK_TRACES_RESIDENCY_H

/*
 * The operating system under a trace, without the MMU: a machine whose kernel is driven by the
 * trace's calls and by the first touches of pages, and whose TLBs nobody asks. Tells which lookups
 * fault, which space runs, and what an invalidation takes out of TLBs.
 *
 * Whether an access is let through is remembered by page until the kernel invalidates it, as a TLB
 * may; so a trace costs its faults and no walk an access.
 */

#include "emu/machine/machine.h"
#include "traces/trace.h"

/* Spaces are known by pt_space.asid: no two of a run have the same. */
struct residency_listener {
	void *ctx;
	/*
	 * A lookup of the running space's page is about to fault; one call for each. hits: by the
	 * larger base page that it lies in it would go through, and is complete as far as a TLB knows.
	 */
	void (*refused)(void *ctx, enum access_kind access, va_t va, bool hits);
	void (*invalidate)(void *ctx, uint16_t space, va_t va, uint64_t bytes);
	void (*invalidate_space)(void *ctx, uint16_t space);
	void (*invalidate_all)(void *ctx);
	void (*switched)(void *ctx, uint16_t space);
};

enum { RESIDENCY_MEMO_LG2 = 16 };

struct residency_page {
	uint64_t key;
	uint8_t grants; /* bits 1 << access */
};

struct residency {
	struct machine *machine; /* not owned */
	const struct host_alloc *alloc;
	struct residency_listener listener;
	struct kernel_hw watch;
	uint16_t space;
	struct residency_page *memo; /* direct-mapped, by guest page */
};

/* The machine stands as it was made; its watch is taken. PW_NOMEM. */
int residency_init(struct residency *r, struct machine *machine,
		   const struct residency_listener *listener, const struct host_alloc *alloc);
void residency_release(struct residency *r);

/*
 * Makes the page of va let the access through, as far as it can be: the faults on the way are told.
 * False: a signal is due, or no space runs.
 */
bool residency_touch_slow(struct residency *r, enum access_kind access, va_t va);
/* A call or an attempt of the trace. PW_DIVERGED with *what where its result differs. */
int residency_record(struct residency *r, const struct trace_record *record, const char **what);

/* Never 0, which is the key of nothing. */
static inline uint64_t residency_key(uint16_t space, va_t va)
{
	return (va >> FRAME_LG2) + 1 + ((uint64_t)space << 48);
}

static inline struct residency_page *residency_memo(const struct residency *r, uint64_t key)
{
	return &r->memo[(key ^ key >> 48) & ((1u << RESIDENCY_MEMO_LG2) - 1)];
}

static inline bool residency_touch(struct residency *r, enum access_kind access, va_t va)
{
	uint64_t key = residency_key(r->space, va);
	const struct residency_page *page = residency_memo(r, key);

	if (PAGEWALK_LIKELY(page->key == key && page->grants >> access & 1))
		return true;
	return residency_touch_slow(r, access, va);
}

#endif
