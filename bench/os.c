/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the kernel model costs in host time, with real bytes: faults by kind, switches, fork. A
 * ratio has under it what the same machine does in the same run without that work:
 *
 *   a fault     an access to a page that is there and in no TLB
 *   a switch    with 64 accesses after it, to the same accesses without one
 *   fork        a page of the parent, to that access
 *
 * The fastest of ROUNDS rounds counts. Bare clearing and copying of 4 KiB stand there too: most faults
 * do one or the other. bench/thrash.sh has a whole program in too little memory.
 *
 *	os [MACHINE]   (skylake)
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "configs/loader.h"
#include "emu/machine/machine.h"

enum {
	PAGES = 8192,
	ROUNDS = 7,
	SWITCHES = 20000,
	BETWEEN = 64, /* accesses after a switch */
	FILE_IDENTITY = 1,
};
#define PAGE  ((uint64_t)FRAME_BYTES)
#define START UINT64_C(0x10000000)

struct bench {
	struct machine *m;
	uint8_t *device; /* of swap */
	const char *name;
};

static double walk_ns; /* the access that faults are compared with */

static void fail(const char *what)
{
	fprintf(stderr, "os: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void keep_least(double *least, double value)
{
	if (*least == 0 || value < *least)
		*least = value;
}

/* --- bytes ----------------------------------------------------------------------------------- */

static void *frame(const struct bench *b, pfn_t pfn)
{
	return phys_mem_at(&b->m->mem, pfn << FRAME_LG2);
}

static void zero(void *ctx, pfn_t pfn)
{
	memset(frame(ctx, pfn), 0, PAGE);
}

static void copy(void *ctx, pfn_t to, pfn_t from)
{
	memcpy(frame(ctx, to), frame(ctx, from), PAGE);
}

static int read_file(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn)
{
	(void)identity;
	memset(frame(ctx, pfn), (int)index & 0xff, PAGE);
	return PW_OK;
}

static int write_file(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn, unsigned bytes)
{
	(void)ctx;
	(void)identity;
	(void)index;
	(void)pfn;
	(void)bytes;
	return PW_OK;
}

static void swap_out(void *ctx, uint64_t slot, pfn_t pfn)
{
	const struct bench *b = ctx;

	memcpy(b->device + slot * PAGE, frame(b, pfn), PAGE);
}

static void swap_in(void *ctx, uint64_t slot, pfn_t pfn)
{
	const struct bench *b = ctx;

	memcpy(frame(b, pfn), b->device + slot * PAGE, PAGE);
}

/* --- a machine ------------------------------------------------------------------------------- */

static void start(struct bench *b, uint64_t ram, int asid_bits)
{
	const struct kernel_content content = { b,          zero,     copy,   read_file,
						write_file, swap_out, swap_in };
	struct machine_config config;
	struct config_complaint complaint;
	struct config_error error;

	if (config_load(&config, b->name, &error))
		fail(error.text);
	config.kernel.ram_bytes = ram;
	config.kernel.thp = THP_NEVER;
	config.kernel.swap.bytes = 2 * PAGES * PAGE;
	config.kernel.reclaim.page_cluster = 0;
	if (asid_bits >= 0)
		config.mmu.asid_bits = (unsigned)asid_bits;
	b->device = malloc(2 * PAGES * PAGE);
	if (!b->device || machine_create(&b->m, &config, &host_alloc_libc, &complaint))
		fail("no machine");
	kernel_set_content(b->m->kernel, &content);
	if (kernel_space_create(b->m->kernel) != 1 || kernel_space_switch(b->m->kernel, 1))
		fail("no space");
}

static void finish(struct bench *b)
{
	const char *what = "?";

	if (machine_check(b->m, &what))
		fail(what);
	machine_destroy(b->m);
	free(b->device);
}

static void map(struct bench *b, int flags, int64_t file)
{
	if (kernel_mmap(b->m->kernel, START, PAGES * PAGE, PROT_READ | PROT_WRITE,
			(uint64_t)(flags | MAP_FIXED), (uint64_t)file, 0) != (int64_t)START)
		fail("no mapping");
}

/* Nanoseconds an access, one to each page. */
static double touch_all(struct bench *b, enum access_kind access)
{
	struct fault_outcome outcome;
	double begun = now();

	for (unsigned i = 0; i < PAGES; i++)
		if (!machine_access(b->m, access, START + i * PAGE, 8, &outcome))
			fail("a signal");
	return (now() - begun) / PAGES;
}

static uint64_t served(const struct bench *b)
{
	const struct kernel_counters *c = kernel_counters(b->m->kernel);

	return c->faults_minor + c->faults_major;
}

static void report(const char *what, double ns, double base)
{
	printf("%-34s %10.1f %12.0f %8.2f\n", what, ns, 1e9 / ns, ns / base);
	fflush(stdout);
}

/* --- what is measured ------------------------------------------------------------------------ */

static void bench_bytes(void)
{
	static uint8_t page[2][FRAME_BYTES];
	double clear = 0, both = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		double begun = now(), middle;

		for (unsigned i = 0; i < PAGES; i++) {
			memset(page[0], (int)i, PAGE);
			__asm__ volatile("" : : "r"(page) : "memory");
		}
		middle = now();
		for (unsigned i = 0; i < PAGES; i++) {
			memcpy(page[i & 1], page[~i & 1], PAGE);
			__asm__ volatile("" : : "r"(page) : "memory");
		}
		keep_least(&clear, (middle - begun) / PAGES);
		keep_least(&both, (now() - middle) / PAGES);
	}
	report("clearing 4 KiB, in cache", clear, walk_ns);
	report("copying 4 KiB, in cache", both, walk_ns);
}

static void bench_anonymous(struct bench *b)
{
	double fault = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t before = served(b);

		map(b, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		keep_least(&fault, touch_all(b, ACCESS_WRITE));
		if (served(b) - before != PAGES)
			fail("not a fault for each page");
		for (unsigned i = 0; i < 3; i++)
			keep_least(&walk_ns, touch_all(b, ACCESS_WRITE));
	}
	report("access, page there, in no TLB", walk_ns, walk_ns);
	bench_bytes();
	report("minor fault, anonymous", fault, walk_ns);
}

static void bench_file(struct bench *b)
{
	int64_t file = kernel_file_open(b->m->kernel, FILE_IDENTITY, PAGES * PAGE, true);
	double major = 0, minor = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		map(b, MAP_SHARED, file);
		keep_least(round == 0 ? &major : &minor, touch_all(b, ACCESS_READ));
	}
	report("major fault, file", major, walk_ns);
	report("minor fault, file", minor, walk_ns);
	if (kernel_munmap(b->m->kernel, START, PAGES * PAGE) ||
	    kernel_file_close(b->m->kernel, (uint64_t)file))
		fail("the file stays");
}

static void bench_fork(struct bench *b)
{
	double fork = 0, copied = 0, reused = 0;

	map(b, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	touch_all(b, ACCESS_WRITE);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t before = kernel_counters(b->m->kernel)->fault_cow;
		double begun = now();
		int64_t child = kernel_fork(b->m->kernel);

		if (child < 0)
			fail("no fork");
		keep_least(&fork, (now() - begun) / PAGES);
		keep_least(&copied, touch_all(b, ACCESS_WRITE));
		if (kernel_counters(b->m->kernel)->fault_cow - before != PAGES)
			fail("not a copy of each page");
		kernel_space_destroy(b->m->kernel, (uint64_t)child);
		child = kernel_fork(b->m->kernel);
		kernel_space_destroy(b->m->kernel, (uint64_t)child);
		keep_least(&reused, touch_all(b, ACCESS_WRITE));
	}
	report("fork, a page of the parent", fork, walk_ns);
	report("COW break, copied", copied, walk_ns);
	report("COW break, reused in place", reused, walk_ns);
}

/* In half the memory, page after page: each access finds its page on the device and sends another there. */
static void bench_swap(const char *name)
{
	struct bench b = { .name = name };
	double swap = 0;

	start(&b, PAGES * PAGE / 2, -1);
	map(&b, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	touch_all(&b, ACCESS_WRITE);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t before = kernel_counters(b.m->kernel)->pages_swapped_in;
		double ns = touch_all(&b, ACCESS_WRITE) * PAGES;

		before = kernel_counters(b.m->kernel)->pages_swapped_in - before;
		if (before < PAGES / 4)
			fail("hardly anything was swapped in");
		keep_least(&swap, ns / (double)before);
	}
	report("major fault, swap in and out", swap, walk_ns);
	finish(&b);
}

static double some_accesses(struct bench *b, bool switching)
{
	struct fault_outcome outcome;
	double begun = now();

	for (unsigned i = 0; i < SWITCHES; i++) {
		if (switching && kernel_task_switch(b->m->kernel, i & 1, 1 + (i & 1)))
			fail("no switch");
		for (unsigned page = 0; page < BETWEEN; page++)
			if (!machine_access(b->m, ACCESS_READ, START + page * PAGE, 8, &outcome))
				fail("a signal");
	}
	return (now() - begun) / SWITCHES;
}

static void bench_switch(const char *name, int asid_bits, const char *what)
{
	struct bench b = { .name = name };
	double plain = 0, switching = 0;

	start(&b, 4 * PAGES * PAGE, asid_bits);
	map(&b, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	touch_all(&b, ACCESS_READ);
	if (kernel_fork(b.m->kernel) != 2)
		fail("no fork");
	for (unsigned round = 0; round < ROUNDS; round++) {
		keep_least(&plain, some_accesses(&b, false));
		keep_least(&switching, some_accesses(&b, true));
	}
	report(what, switching, plain);
	finish(&b);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "skylake";
	struct bench b = { .name = name };

	printf("%-34s %10s %12s %8s\n", name, "ns", "per second", "ratio");
	start(&b, 4 * PAGES * PAGE, -1);
	bench_anonymous(&b);
	bench_file(&b);
	bench_fork(&b);
	finish(&b);
	bench_swap(name);
	bench_switch(name, 12, "switch + 64 accesses, with ASIDs");
	bench_switch(name, 0, "switch + 64 accesses, without");
	return 0;
}
