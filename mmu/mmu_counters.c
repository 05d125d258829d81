/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The counters of the MMU by name, and the conservation laws that hold between them (mmu.c). */

#include "mmu/mmu.h"

struct named_count {
	const char *name, *doc;
};

static const struct named_count lookup_names[ACCESS_KIND_COUNT] = {
	[ACCESS_READ] = { "mmu.lookups.read", "lookups of the first TLB level by loads" },
	[ACCESS_WRITE] = { "mmu.lookups.write", "lookups of the first TLB level by stores" },
	[ACCESS_FETCH] = { "mmu.lookups.fetch", "lookups of the first TLB level by fetches" },
};
static const struct named_count nested_names[ACCESS_KIND_COUNT] = {
	[ACCESS_READ] = { "mmu.nested_lookups.read", "TLB lookups by walks, for loads" },
	[ACCESS_WRITE] = { "mmu.nested_lookups.write", "TLB lookups by walks, for stores" },
	[ACCESS_FETCH] = { "mmu.nested_lookups.fetch", "TLB lookups by walks, for fetches" },
};
static const struct named_count walk_names[ACCESS_KIND_COUNT] = {
	[ACCESS_READ] = { "mmu.walks.read", "page walks begun by loads" },
	[ACCESS_WRITE] = { "mmu.walks.write", "page walks begun by stores" },
	[ACCESS_FETCH] = { "mmu.walks.fetch", "page walks begun by fetches" },
};
static const struct named_count fault_names[FAULT_KIND_COUNT] = {
	[FAULT_NOT_PRESENT] = { "mmu.faults.not_present", "walks that met an absent entry" },
	[FAULT_PROTECTION] = { "mmu.faults.protection", "walks whose leaf refused the access" },
	[FAULT_RESERVED] = { "mmu.faults.reserved", "walks that met a reserved bit" },
	[FAULT_ACCESSED] = { "mmu.faults.accessed", "walks left to software to set A" },
	[FAULT_DIRTY] = { "mmu.faults.dirty", "walks left to software to set D" },
	[FAULT_ALIAS] = { "mmu.faults.alias", "walks that met a frame entered elsewhere" },
};

static void visit_named(const struct named_count *names, const uint64_t *values, unsigned count,
			counter_visit_fn *visit, void *ctx)
{
	for (unsigned i = 0; i < count; i++)
		if (names[i].name)
			visit(ctx, names[i].name, names[i].doc, values[i]);
}

static void visit_range_walks(const struct mmu *mmu, counter_visit_fn *visit, void *ctx)
{
	const struct mmu_range_counts *n = &mmu->range_walks;

	if (!mmu->tlb.kinds[TLB_RANGES])
		return;
	visit(ctx, "range_table.walks", "range-table walks, beside page walks", n->walks);
	visit(ctx, "range_table.refs", "range-table reads made by them", n->refs);
	visit(ctx, "range_table.fills", "ranges that they found", n->fills);
}

void mmu_visit_counters(const struct mmu *mmu, counter_visit_fn *visit, void *ctx)
{
	visit_named(lookup_names, mmu->lookups, ACCESS_KIND_COUNT, visit, ctx);
	visit_named(nested_names, mmu->nested_lookups, ACCESS_KIND_COUNT, visit, ctx);
	visit_named(walk_names, mmu->walks, ACCESS_KIND_COUNT, visit, ctx);
	visit_named(fault_names, mmu->faults, FAULT_KIND_COUNT, visit, ctx);
#define MMU_COUNTER(field, doc) visit(ctx, "mmu." #field, doc, mmu->counters.field);
#include "mmu/event.def"
	tlb_visit_counters(&mmu->tlb, visit, ctx);
	visit_range_walks(mmu, visit, ctx);
	pom_tlb_visit_counters(&mmu->pom_tlb, visit, ctx);
	prefetcher_visit_counters(mmu, visit, ctx);
	walk_caches_visit_counters(&mmu->walk_caches, visit, ctx);
	port_visit_counters(&mmu->port, visit, ctx);
}

static uint64_t lookups_of(const struct mmu *mmu, enum tlb_side side)
{
	if (side == SIDE_INSTRUCTION)
		return mmu->lookups[ACCESS_FETCH] + mmu->nested_lookups[ACCESS_FETCH];
	return mmu->lookups[ACCESS_READ] + mmu->lookups[ACCESS_WRITE] +
	       mmu->nested_lookups[ACCESS_READ] + mmu->nested_lookups[ACCESS_WRITE];
}

/* What the levels of one side missed in the end; what is wrong with their sums in *what. */
static uint64_t missed_all_levels(const struct mmu *mmu, enum tlb_side side, const char **what)
{
	uint64_t asked = lookups_of(mmu, side);

	for (unsigned i = 0; i < mmu->tlb.level_count; i++) {
		const struct tlb_level_counts *count = &mmu->tlb.level[i].count[side];

		if (mmu->tlb.level[i].step_count[side == SIDE_INSTRUCTION] == 0)
			continue; /* passed over */
		if (count->hits + count->misses != asked)
			*what = "hits + misses differ from the lookups of a TLB level";
		asked = count->misses;
	}
	return asked;
}

static const char *check_walks(const struct mmu *mmu)
{
	uint64_t walks = 0, faults = 0;

	for (unsigned i = 0; i < ACCESS_KIND_COUNT; i++)
		walks += mmu->walks[i];
	for (unsigned i = 0; i < FAULT_KIND_COUNT; i++)
		faults += mmu->faults[i];
	if (walks != mmu->counters.walk_leaves + mmu->counters.walk_faults)
		return "walks differ from leaves + faults";
	if (faults != mmu->counters.walk_faults)
		return "faulting walks differ from the sum over the kinds of fault";
	if (mmu->faults[FAULT_NONE] || mmu->faults[FAULT_NON_CANONICAL])
		return "a walk ended in a fault that no walk can end in";
	return NULL;
}

/* Calls through the TLBs are lookups; what they missed is a miss like any other. */
static const char *check_causes(const struct mmu *mmu)
{
	const struct mmu_counters *c = &mmu->counters;
	const struct pom_counts *pom = &mmu->pom_tlb.count;
	uint64_t walks = 0, nested = 0, causes, asked;
	const char *what = NULL;

	for (unsigned i = 0; i < ACCESS_KIND_COUNT; i++) {
		walks += mmu->walks[i];
		nested += mmu->nested_lookups[i];
	}
	causes = missed_all_levels(mmu, SIDE_DATA, &what) +
		 missed_all_levels(mmu, SIDE_INSTRUCTION, &what) + c->dirty_walks +
		 c->upgrade_walks;
	asked = pom->hits + pom->misses + pom->refused + mmu->prefetcher.count.useful;
	if (!what && pom_tlb_exists(&mmu->pom_tlb) && nested == 0 &&
	    causes != asked + c->dirty_walks + c->upgrade_walks)
		what = "lookups of the TLB in memory differ from the misses of the last level";
	causes -= mmu->prefetcher.count.useful + pom->hits; /* answered beside the levels */
	causes += c->walk_calls - nested;                   /* around the TLBs */
	if (!what && walks != causes)
		what = "walks differ from the lookups that called for one";
	return what;
}

/* Leaves of a side that this array took on demand: of the sizes that it is the holder of. */
static uint64_t leaves_for(const struct mmu *mmu, unsigned level_number, unsigned array,
			   unsigned fetch)
{
	const struct tlb_level *level = &mmu->tlb.level[level_number];
	uint64_t sum = 0;

	for (unsigned lg2 = 0; lg2 < PAGE_LG2_COUNT; lg2++) {
		unsigned first = 0;

		while (first < level_number && !mmu->tlb.level[first].holder[fetch][lg2])
			first++;
		if (level->holder[fetch][lg2] != array + 1)
			continue;
		if (first == level_number || !level->exclusive)
			sum += mmu->leaves[fetch][lg2];
	}
	return sum;
}

static const char *check_demand_fills(const struct mmu *mmu)
{
	for (unsigned i = 0; i < mmu->tlb.level_count; i++)
		for (unsigned j = 0; j < mmu->tlb.level[i].array_count; j++)
			if (mmu->tlb.level[i].array[j].count.demand_fills !=
			    leaves_for(mmu, i, j, 0) + leaves_for(mmu, i, j, 1))
				return "demand fills of a TLB array differ from the leaves of its sizes";
	return NULL;
}

int mmu_check(const struct mmu *mmu, const char **what)
{
	tlb_settle(&mmu->tlb);
	*what = check_walks(mmu);
	if (!*what)
		*what = check_causes(mmu);
	if (!*what)
		*what = check_demand_fills(mmu);
	if (!*what)
		prefetcher_check(&mmu->prefetcher, what);
	if (!*what)
		pom_tlb_check(&mmu->pom_tlb, what);
	if (*what)
		return PW_CORRUPT;
	return tlb_check(&mmu->tlb, what);
}
