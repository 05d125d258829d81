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

#include "bench/subject.h"

#include <stdio.h>

enum { PAGES = 1 << 14, WALKS = 1 << 20, ROUNDS = 7 };

static struct contender {
	const char *format, *machine;
	struct subject subject;
} contenders[] = {
	{ .format = "radix", .machine = "bare" },  { .format = "radix", .machine = "cached" },
	{ .format = "radix", .machine = "full" },  { .format = "hashed", .machine = "bare" },
	{ .format = "hashed", .machine = "full" },
};
enum { CONTENDERS = sizeof(contenders) / sizeof(contenders[0]) };

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

/* Pages in an order without locality: a multiplicative shuffle of 2^14. */
static va_t page_va(unsigned i)
{
	return UINT64_C(0x7f0000000000) + (va_t)(i * 40503u % PAGES) * FRAME_BYTES;
}

static int set_up(struct contender *c)
{
	struct mmu_config config;

	mmu_config_default(&config);
	strcpy(config.page_table.format, c->format);
	if (strcmp(c->machine, "bare") != 0)
		add_caches(&config);
	if (strcmp(c->machine, "full") == 0)
		add_tlb(&config);
	return subject_init(&c->subject, &config, 256 << 20, page_va, PAGES);
}

static unsigned grants(struct subject *s)
{
	unsigned faults = 0;
	double start = seconds();

	for (unsigned i = 0; i < WALKS; i++) {
		const struct walk_input input = { .space = s->space,
						  .va = page_va(i),
						  .mode = MODE_USER,
						  .controls = s->mmu.config.controls };
		struct translation leaf;

		faults += pt_grants(&input, &leaf) == 0;
	}
	s->grants_ns = best(s->grants_ns, start, WALKS);
	return faults;
}

static unsigned run(struct subject *s)
{
	return subject_probe(s, page_va, WALKS) + grants(s) + subject_access(s, page_va, WALKS);
}

int main(void)
{
	unsigned faults = 0;

	for (unsigned i = 0; i < CONTENDERS; i++) {
		if (set_up(&contenders[i]) != PW_OK) {
			fprintf(stderr, "walk: cannot set up %s\n", contenders[i].format);
			return 1;
		}
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < CONTENDERS; i++)
			faults += run(&contenders[i].subject);
	printf("%-8s %-8s %10s %10s %10s %8s %10s\n", "format", "machine", "probe ns", "grants ns",
	       "access ns", "ratio", "refs/walk");
	for (unsigned i = 0; i < CONTENDERS; i++) {
		const struct subject *s = &contenders[i].subject;

		printf("%-8s %-8s %10.1f %10.1f %10.1f %8.2f %10.2f\n", contenders[i].format,
		       contenders[i].machine, s->probe_ns, s->grants_ns, s->access_ns,
		       s->access_ns / contenders[0].subject.access_ns, subject_refs(s));
	}
	return faults > 0;
}
