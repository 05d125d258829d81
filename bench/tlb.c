/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a lookup of the modelled TLB costs the host, as ratios to a plain loop over the same
 * addresses in the same run. Each case is measured several times and the fastest counts.
 *
 *   baseline    load the address, then one array load that depends on it
 *   hit         tlb_hit(), the same 32 pages again and again in no order
 *   hit long    tlb_lookup() hitting the first level, hints off
 *   L2 hit      a cycle of pages that the first level cannot hold: miss, hit, copy up, evict
 *   miss        a cycle that no level holds: misses, then tlb_fill() of both levels
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mmu/tlb.h"

enum { ADDRESSES = 1 << 14, ROUNDS = 5, REPEAT = 64 };

static struct tlb tlb;
static struct event_queue queue;
static struct ledger ledger;
static uint64_t instructions;
static va_t address[ADDRESSES];
static uint64_t table[4096];
static volatile uint64_t result;

static const struct mmu_controls controls = { .write_protect = true, .no_execute = true };

/* Pages 0..pages in a shuffled cycle. */
static void shuffle_pages(unsigned pages)
{
	uint64_t x = 88172645463325252u;

	for (unsigned i = 0; i < ADDRESSES; i++)
		address[i] = (va_t)(i % pages) << 12 | (i * 40 & 0xff8);
	for (unsigned i = pages; i-- > 1;) {
		unsigned j;
		va_t a = address[i];

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		j = (unsigned)(x % i);
		address[i] = address[j];
		address[j] = a;
	}
	for (unsigned i = pages; i < ADDRESSES; i++)
		address[i] = address[i % pages];
}

static uint64_t run_baseline(void)
{
	uint64_t sum = 0;

	for (unsigned r = 0; r < REPEAT; r++) {
		for (unsigned i = 0; i < ADDRESSES; i++)
			sum += table[(address[i] >> 12) % 4096] + (address[i] & 4095);
		/* Or the compiler sums once and multiplies. */
		table[r] = sum;
	}
	return sum;
}

/* As mmu_access() does: what the long way needs is made there. */
__attribute__((noinline)) static pa_t take_the_long_way(va_t va)
{
	const struct tlb_request request = {
		.va = va, .asid = 1, .access = ACCESS_READ, .mode = MODE_USER
	};
	const struct translation t = { .va = va & ~(va_t)4095,
				       .pa = va & ~(va_t)4095,
				       .bytes = 4096,
				       .page_lg2 = 12,
				       .perms = PERM_READ | PERM_USER,
				       .dirty = true };
	struct tlb_answer answer;

	tlb_lookup(&tlb, &request, &answer);
	if (answer.entry)
		return answer.entry->pa;
	tlb_fill(&tlb, &request, &t, &controls);
	return 0;
}

static uint64_t run_access(void)
{
	uint64_t sum = 0;

	for (unsigned r = 0; r < REPEAT; r++) {
		for (unsigned i = 0; i < ADDRESSES; i++) {
			pa_t pa = 0;

			if (!tlb_hit(&tlb, ACCESS_READ, MODE_USER, address[i], &pa))
				pa = take_the_long_way(address[i]);
			sum += pa;
		}
	}
	return sum;
}

static double nanoseconds(uint64_t (*run)(void))
{
	double best = 1e9;

	run();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct timespec from, to;
		double ns;

		clock_gettime(CLOCK_MONOTONIC, &from);
		result += run();
		clock_gettime(CLOCK_MONOTONIC, &to);
		ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
		ns /= (double)REPEAT * ADDRESSES;
		if (ns < best)
			best = ns;
	}
	return best;
}

static int build(unsigned l1, unsigned l1_ways, unsigned l2, unsigned l2_ways)
{
	struct tlb_config config = {
		.level_count = 2,
		.level = {
			{ "l1", .array_count = 1, .array = { {
				.name = "4k", .side = SIDE_BOTH, .page_lg2 = { 12 },
				.page_size_count = 1, .entries = l1, .ways = l1_ways,
				.replacement = REPLACE_LRU } } },
			{ "l2", .array_count = 1, .array = { {
				.name = "4k", .side = SIDE_BOTH, .page_lg2 = { 12, 21 },
				.page_size_count = 2, .entries = l2, .ways = l2_ways,
				.replacement = REPLACE_LRU } } },
		},
	};

	tlb_release(&tlb);
	return tlb_init(&tlb, &config, 1, &queue, &host_alloc_libc);
}

static void report(const char *what, double ns, double baseline)
{
	printf("  %-34s %7.2f ns  %6.1f x baseline\n", what, ns, ns / baseline);
}

static int measure(const char *name, unsigned l1_ways, unsigned l2, unsigned l2_ways)
{
	double baseline, hit;

	if (build(64, l1_ways, l2, l2_ways) != PW_OK)
		return 1;
	printf("%s\n", name);
	shuffle_pages(32);
	baseline = nanoseconds(run_baseline);
	report("baseline", baseline, baseline);
	hit = nanoseconds(run_access);
	report("hit", hit, baseline);
	tlb.memo_off = true;
	tlb_forget_hints(&tlb);
	report("hit, long way", nanoseconds(run_access), baseline);
	tlb.memo_off = false;
	shuffle_pages(1000);
	report("L2 hit", nanoseconds(run_access), baseline);
	shuffle_pages(4096);
	report("miss and fill of both levels", nanoseconds(run_access), baseline);
	return 0;
}

int main(void)
{
	event_queue_init(&queue, &instructions, &ledger);
	if (measure("L1 64 entries 4 ways, L2 1536 entries 12 ways, LRU", 4, 1536, 12) ||
	    measure("L1 64 fully associative, L2 1536 fully associative, LRU", 0, 1536, 0)) {
		fprintf(stderr, "out of memory\n");
		return EXIT_FAILURE;
	}
	tlb_release(&tlb);
	return EXIT_SUCCESS;
}
