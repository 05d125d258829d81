/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How fast walks are simulated: silent ones (pt_probe, and pt_grants, run at each fill of the
 * emulator's own TLB) and charged ones (mmu_access), for each format on several machines:
 *
 *   bare     no TLB, no walk caches, no data caches: every access walks from the root
 *   cached   walk caches that hold the path, a data cache that holds the table: one reference
 *   full     two levels of TLB, too, all of which miss: what a guest without locality pays
 *
 * Figures of one run are to be compared with each other, so each is also given as a ratio to the
 * bare radix walk. The machines take turns, and the best of several rounds counts.
 */

#include "mmu/mmu.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PAGES = 1 << 14, WALKS = 1 << 20, ROUNDS = 7 };

struct subject {
	const char *format, *machine;
	struct phys_mem mem;
	struct bump_frames frames;
	struct pt_memory tables;
	struct page_table table;
	struct pt_space *space;
	struct mmu mmu;
	struct ledger ledger;
	double probe_ns, grants_ns, access_ns;
};

static struct subject subjects[] = {
	{ .format = "radix", .machine = "bare" },  { .format = "radix", .machine = "cached" },
	{ .format = "radix", .machine = "full" },  { .format = "hashed", .machine = "bare" },
	{ .format = "hashed", .machine = "full" },
};
enum { SUBJECTS = sizeof(subjects) / sizeof(subjects[0]) };

static void add_caches(struct mmu_config *config)
{
	static const struct walk_cache_config pde = { "pde", 1, 32, 0, REPLACE_LRU, 0 };
	static const struct walk_cache_config pdpte = { "pdpte", 2, 4, 0, REPLACE_LRU, 0 };
	static const struct port_level_config l1d = { "l1d", 256 << 10, 8, 64, REPLACE_LRU, 4 };

	if (strcmp(config->page_table.format, "radix") == 0) {
		config->walk_caches.count = 2;
		config->walk_caches.cache[0] = pde;
		config->walk_caches.cache[1] = pdpte;
	}
	config->port.level_count = 1;
	config->port.level[0] = l1d;
}

static void add_tlb(struct mmu_config *config)
{
	static const struct tlb_array_config l1 = { .name = "4k",
						    .side = SIDE_DATA,
						    .page_lg2 = { 12 },
						    .page_size_count = 1,
						    .entries = 64,
						    .ways = 4,
						    .replacement = REPLACE_TREE_PLRU };
	static const struct tlb_array_config l2 = { .name = "all",
						    .side = SIDE_BOTH,
						    .page_lg2 = { 12, 21 },
						    .page_size_count = 2,
						    .entries = 1536,
						    .ways = 12,
						    .replacement = REPLACE_LRU,
						    .latency = 7 };

	config->tlb.level_count = 2;
	config->tlb.level[0] = (struct tlb_level_config){ "l1", RELATION_NEITHER, 1, { l1 } };
	config->tlb.level[1] = (struct tlb_level_config){ "l2", RELATION_NEITHER, 1, { l2 } };
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Pages in an order without locality: a multiplicative shuffle of 2^14. */
static va_t page_va(unsigned i)
{
	return UINT64_C(0x7f0000000000) + (va_t)(i * 40503u % PAGES) * FRAME_BYTES;
}

static int set_up(struct subject *s)
{
	struct mmu_config config;
	struct config_complaint complaint;

	mmu_config_default(&config);
	strcpy(config.page_table.format, s->format);
	if (strcmp(s->machine, "bare") != 0)
		add_caches(&config);
	if (strcmp(s->machine, "full") == 0)
		add_tlb(&config);
	if (phys_mem_init(&s->mem, 256 << 20) != PW_OK)
		return PW_NOMEM;
	bump_frames_init(&s->frames, 1, s->mem.size >> FRAME_LG2);
	pt_memory_init(&s->tables, &s->mem, &s->frames.source);
	if (page_table_create(&s->table, &config.page_table, &s->tables, &host_alloc_libc,
			      &complaint) ||
	    pt_space_create(&s->table, 1, &s->space) ||
	    mmu_init(&s->mmu, &config, &s->table, NULL, &s->ledger, &host_alloc_libc, &complaint))
		return PW_INVALID;
	mmu_switch(&s->mmu, s->space);
	for (unsigned i = 0; i < PAGES; i++) {
		const struct pt_mapping m = { .va = page_va(i),
					      .pa = (pa_t)i * FRAME_BYTES,
					      .page_lg2 = FRAME_LG2,
					      .attrs = { .perms = PERM_READ | PERM_USER,
							 .accessed = true } };

		if (s->table.ops->map(s->space, &m, NULL) != PW_OK)
			return PW_NOFRAMES;
	}
	return PW_OK;
}

static double best(double old, double start)
{
	double ns = (seconds() - start) * 1e9 / WALKS;

	return old == 0 || ns < old ? ns : old;
}

static unsigned run(struct subject *s)
{
	struct mmu_result result;
	unsigned faults = 0;
	double start = seconds();

	for (unsigned i = 0; i < WALKS; i++)
		faults += mmu_probe(&s->mmu, ACCESS_READ, page_va(i), NULL) != FAULT_NONE;
	s->probe_ns = best(s->probe_ns, start);
	start = seconds();
	for (unsigned i = 0; i < WALKS; i++) {
		const struct walk_input input = { .space = s->space,
						  .va = page_va(i),
						  .mode = MODE_USER,
						  .controls = s->mmu.config.controls };
		struct translation leaf;

		faults += pt_grants(&input, &leaf) == 0;
	}
	s->grants_ns = best(s->grants_ns, start);
	start = seconds();
	for (unsigned i = 0; i < WALKS; i++) {
		mmu_access(&s->mmu, ACCESS_READ, page_va(i), 8, &result);
		faults += result.fault.kind != FAULT_NONE;
	}
	s->access_ns = best(s->access_ns, start);
	return faults;
}

int main(void)
{
	unsigned faults = 0;

	for (unsigned i = 0; i < SUBJECTS; i++) {
		if (set_up(&subjects[i]) != PW_OK) {
			fprintf(stderr, "walk: cannot set up %s\n", subjects[i].format);
			return 1;
		}
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < SUBJECTS; i++)
			faults += run(&subjects[i]);
	printf("%-8s %-8s %10s %10s %10s %8s %10s\n", "format", "machine", "probe ns", "grants ns",
	       "access ns", "ratio", "refs/walk");
	for (unsigned i = 0; i < SUBJECTS; i++) {
		const struct subject *s = &subjects[i];

		printf("%-8s %-8s %10.1f %10.1f %10.1f %8.2f %10.2f\n", s->format, s->machine,
		       s->probe_ns, s->grants_ns, s->access_ns,
		       s->access_ns / subjects[0].access_ns,
		       (double)s->mmu.counters.walk_refs / (double)s->mmu.counters.walk_leaves);
	}
	return faults > 0;
}
