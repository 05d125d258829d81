/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Prefetch walks: as walker.c does them, but silent, uncharged, and without any effect beyond what
 * reading has: traffic at the port and entries of the walk caches. Anything but a read ends one.
 *
 * They look into the walk caches and fill them as other walks do, and are counted there.
 */

#include "mmu/prefetch.h"

#include "mmu/counter_name.h"
#include "mmu/mmu.h"

#include <string.h>

static void read_refs(struct mmu *mmu, const struct walk_request *request, struct walk_reply *reply)
{
	static const uint8_t beyond[64]; /* zero */

	for (unsigned i = 0; i < request->read.count; i++) {
		const struct walk_ref *ref = &request->read.ref[i];

		port_access(&mmu->port, ref->pa, false);
		reply->line[i] = phys_mem_holds(mmu->mem, ref->pa, ref->bytes)
					 ? phys_mem_at(mmu->mem, ref->pa)
					 : beyond;
	}
	mmu->prefetcher.count.refs += request->read.count;
}

/* True if the walk ends in a translation; then request->leaf is it. */
static bool walk(struct mmu *mmu, const struct walk_input *input, struct walk_request *request)
{
	const struct pt_ops *ops = input->space->table->ops;
	const struct walk_state *cached = NULL;
	struct walk_state state;
	struct walk_reply reply;
	bool began = false;

	mmu->prefetcher.count.walks++;
	if (mmu->walk_caches.count > 0)
		cached = walk_caches_lookup(&mmu->walk_caches, input->space->tag, input->va);
	if (cached)
		state = *cached;
	else
		ops->walk_start(input, &state);
	for (;;) {
		enum walk_step what = ops->walk_next(input, &state, began ? &reply : NULL, request);

		if (what == WALK_LEAF)
			return true;
		if (what != WALK_READ)
			return false;
		if (request->cacheable && began && mmu->walk_caches.count > 0)
			walk_caches_fill(&mmu->walk_caches, input->space->tag, input->va,
					 request->read.level + 1u, &state);
		read_refs(mmu, request, &reply);
		began = true;
	}
}

static void prefetch(struct mmu *mmu, const struct walk_input *input)
{
	struct prefetcher *p = &mmu->prefetcher;
	const struct tlb_request request = {
		.va = input->va,
		.asid = input->space->tag,
		.access = input->access,
		.mode = input->mode,
	};
	struct walk_request last;

	if (!pt_va_valid(&mmu->table->caps, input->va) || tlb_holds(&mmu->tlb, &request) ||
	    prefetcher_holds(p, request.asid, request.va) || !walk(mmu, input, &last))
		return;
	if (p->slot)
		prefetcher_put(p, request.asid, &last.leaf);
	else if (tlb_fill_prefetched(&mmu->tlb, &request, &last.leaf, &input->controls))
		p->count.fills++;
}

void prefetcher_follow(struct mmu *mmu, const struct walk_input *missed, unsigned page_lg2)
{
	struct walk_input input = *missed;
	va_t wanted[PREFETCH_DEGREE_MAX];
	unsigned count;

	count = prefetcher_predict(&mmu->prefetcher, missed->access == ACCESS_FETCH, missed->va,
				   page_lg2, wanted);
	if (input.access == ACCESS_WRITE)
		input.access = ACCESS_READ; /* as a store it would have to set D */
	for (unsigned i = 0; i < count; i++) {
		input.va = wanted[i];
		prefetch(mmu, &input);
	}
}

struct prefetch_counts prefetch_totals(const struct mmu *mmu)
{
	struct prefetch_counts count = mmu->prefetcher.count;

	count.useful += mmu->tlb.prefetch_useful;
	count.useless += mmu->tlb.prefetch_useless;
	return count;
}

void prefetcher_visit_counters(const struct mmu *mmu, counter_visit_fn *visit, void *ctx)
{
	const struct prefetch_counts count = prefetch_totals(mmu);
	const struct counter_row rows[] = {
		{ "walks", "prefetch walks begun", count.walks },
		{ "refs", "page-table reads made by prefetch walks", count.refs },
		{ "fills", "translations brought by prefetch walks", count.fills },
		{ "useful", "prefetched translations that an access used", count.useful },
		{ "useless", "prefetched translations that left unused", count.useless },
	};
	struct counter_name prefix = { .length = 0 };

	if (mmu->prefetcher.config.kind == PREFETCH_NONE)
		return;
	counter_name_add(&prefix, "prefetch");
	counter_rows_visit(&prefix, rows, sizeof(rows) / sizeof(*rows), visit, ctx);
}
