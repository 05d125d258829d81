/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Pools of huge pages by hand: promises, faults, sharing, and that a guest sees the same on every
 * page table. What is expected is what Linux 6.1 does (mm/hugetlb.c, fs/hugetlbfs/inode.c,
 * Documentation/admin-guide/mm/hugetlbpage.rst).
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_truth.h"

enum {
	RW = PROT_READ | PROT_WRITE,
	HUGETLB = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
	SHARED = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
	POOL = 4,
	PAGES = 512,
	BUS = SIGBUS * 1000 + BUS_ADRERR,
};
#define PAGE    ((uint64_t)FRAME_BYTES)
#define HUGE    (PAGES * PAGE)
#define GIB     (UINT64_C(1) << 30)
#define A       UINT64_C(0x1000000) /* aligned to HUGE */
#define B       UINT64_C(0x2000000)
#define SIZE_2M (21u << 26)
#define SIZE_1G (30u << 26)

#define COUNT(f, field) ((long)kernel_counters((f)->kernel)->field)

static void with_pool(struct kernel_config *config)
{
	config->hugetlb_2m = POOL;
}

static struct fixture *create(const char *format)
{
	struct fixture *f = fx_new();

	f->configure = with_pool;
	assert_int_equal(fx_try_create(f, format, 64 << 20), PW_OK);
	assert_int_equal(kernel_space_create(f->kernel), 1);
	assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	return f;
}

static void done(struct fixture *f)
{
	fx_check(f);
	while (f->kernel->running)
		kernel_space_destroy(f->kernel, f->kernel->running->id);
	for (unsigned i = 0; i < f->kernel->space_slots; i++)
		if (f->kernel->space[i])
			kernel_space_destroy(f->kernel, f->kernel->space[i]->id);
	fx_check(f);
	assert_int_equal(f->kernel->hugetlb[HUGETLB_2M].free_count, f->config.hugetlb_2m);
	assert_int_equal(f->kernel->hugetlb[HUGETLB_2M].reserved, 0);
	fx_destroy(f);
}

static int64_t map_at(struct fixture *f, va_t va, uint64_t bytes, unsigned flags)
{
	return kernel_mmap(f->kernel, va, bytes, RW, flags | MAP_FIXED, UINT64_MAX, 0);
}

static void map(struct fixture *f, va_t va, uint64_t bytes)
{
	assert_int_equal(map_at(f, va, bytes, HUGETLB), va);
}

static void expect_pool(struct fixture *f, uint64_t free, uint64_t reserved)
{
	assert_int_equal(f->kernel->hugetlb[HUGETLB_2M].free_count, free);
	assert_int_equal(f->kernel->hugetlb[HUGETLB_2M].reserved, reserved);
	fx_check(f);
}

static uint64_t leaf_bytes(struct fixture *f, va_t va)
{
	struct translation leaf;

	return pt_lookup(f->space, va, &leaf) == PW_OK ? leaf.bytes : 0;
}

static void run(struct fixture *f, int64_t space)
{
	assert_int_equal(kernel_task_switch(f->kernel, 1, (uint64_t)space), 0);
}

/* --- promises -------------------------------------------------------------------------------- */

static void kernel_hugetlb_promises_pages(void **state)
{
	struct fixture *f = create("radix");

	(void)state;
	assert_int_equal(f->kernel->frames.count[FRAME_HUGETLB], POOL * PAGES);
	assert_int_equal(map_at(f, A, (POOL + 1) * HUGE, HUGETLB), -ENOMEM);
	assert_int_equal(COUNT(f, hugetlb_map_denied), 1);
	expect_pool(f, POOL, 0);
	map(f, A, 3 * HUGE);
	expect_pool(f, POOL, 3);
	/* One is left, and a fault takes a promised page. */
	assert_int_equal(map_at(f, B, 2 * HUGE, HUGETLB), -ENOMEM);
	assert_int_equal(map_at(f, B, 2 * HUGE, SHARED), -ENOMEM);
	fx_must(f, A + HUGE, ACCESS_READ);
	expect_pool(f, POOL - 1, 2);
	assert_int_equal(map_at(f, B, HUGE, SHARED | SIZE_2M), B);
	expect_pool(f, POOL - 1, 3);
	/* What goes gives back its page, or its promise. */
	assert_int_equal(kernel_munmap(f->kernel, A + HUGE, HUGE), 0);
	expect_pool(f, POOL, 3);
	assert_int_equal(kernel_munmap(f->kernel, A, HUGE), 0);
	assert_int_equal(kernel_munmap(f->kernel, B, HUGE), 0);
	expect_pool(f, POOL, 1);
	/* A promise moves with its page. */
	assert_int_equal(kernel_mremap(f->kernel, A + 2 * HUGE, HUGE, HUGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, B),
			 B);
	expect_pool(f, POOL, 1);
	fx_must(f, B, ACCESS_WRITE);
	expect_pool(f, POOL - 1, 0);
	done(f);
}

/* Without promises: there may be a page at the fault, or none. */
static void kernel_hugetlb_noreserve(void **state)
{
	struct fixture *f = create("radix");

	(void)state;
	assert_int_equal(map_at(f, A, 8 * HUGE, HUGETLB | MAP_NORESERVE), A);
	expect_pool(f, POOL, 0);
	map(f, B, 3 * HUGE);
	fx_must(f, A + 7 * HUGE, ACCESS_WRITE);
	expect_pool(f, POOL - 1, 3);
	assert_int_equal(fx_signal(f, A, ACCESS_WRITE), BUS);
	assert_int_equal(COUNT(f, hugetlb_fault_denied), 1);
	fx_must(f, B, ACCESS_WRITE);
	assert_int_equal(kernel_munmap(f->kernel, B, 3 * HUGE), 0);
	fx_must(f, A, ACCESS_WRITE);
	expect_pool(f, POOL - 2, 0);
	done(f);
}

static void kernel_hugetlb_places_and_lengths(void **state)
{
	struct fixture *f = create("radix");
	int64_t at;

	(void)state;
	/* Lengths are rounded up; places are chosen, or must be, at multiples of the size. */
	at = kernel_mmap(f->kernel, 0, PAGE, RW, HUGETLB, UINT64_MAX, 0);
	assert_true(at > 0 && (uint64_t)at % HUGE == 0);
	expect_pool(f, POOL, 1);
	assert_int_equal(kernel_mmap(f->kernel, A + HUGE + 5 * PAGE, HUGE, RW, HUGETLB, UINT64_MAX,
				     0),
			 A + HUGE);
	assert_int_equal(map_at(f, B + PAGE, HUGE, HUGETLB), -EINVAL);
	assert_int_equal(map_at(f, B, 0, HUGETLB), -EINVAL);
	assert_int_equal(map_at(f, B, HUGE, HUGETLB | 16u << 26), -EINVAL);
	assert_int_equal(map_at(f, GIB, GIB, HUGETLB | SIZE_1G), -ENOMEM); /* an empty pool */
	assert_int_equal(map_at(f, A, HUGE, HUGETLB | SIZE_1G), -EINVAL);
	/* No operation cuts one in two. */
	map(f, A, 2 * HUGE);
	assert_int_equal(kernel_munmap(f->kernel, A, PAGE), -EINVAL);
	assert_int_equal(kernel_munmap(f->kernel, A + PAGE, HUGE), -EINVAL);
	assert_int_equal(kernel_munmap(f->kernel, A - PAGE, 2 * PAGE), -EINVAL);
	assert_int_equal(kernel_mprotect(f->kernel, A + PAGE, PAGE, PROT_READ), -EINVAL);
	assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, PROT_READ), -EINVAL);
	assert_int_equal(kernel_mmap(f->kernel, A + PAGE, PAGE, RW,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0),
			 -ENOMEM);
	assert_int_equal(kernel_mremap(f->kernel, A + PAGE, HUGE, HUGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, B),
			 -EINVAL);
	assert_int_equal(kernel_mremap(f->kernel, A, HUGE, 2 * HUGE, MREMAP_MAYMOVE, 0), -EINVAL);
	expect_pool(f, POOL, 3);
	done(f);
}

/* Where the host refuses memory, nothing has changed. */
static void kernel_hugetlb_without_host_memory(void **state)
{
	struct fixture *f = create("radix");
	int64_t result = -ENOMEM;
	unsigned refused = 0;

	(void)state;
	for (; result < 0; refused++) {
		f->host.fail_in = refused;
		result = map_at(f, A, 2 * HUGE, HUGETLB);
		f->host.fail_in = -1;
		if (result < 0)
			expect_pool(f, POOL, 0);
	}
	assert_true(refused > 2);
	expect_pool(f, POOL, 2);
	done(f);
}

/* --- faults ---------------------------------------------------------------------------------- */

static void kernel_hugetlb_maps_one_leaf(void **state)
{
	struct fixture *f = create("radix");

	(void)state;
	map(f, A, 2 * HUGE);
	*fx_must(f, A + 7 * PAGE, ACCESS_WRITE) = 7;
	assert_int_equal(leaf_bytes(f, A), HUGE);
	assert_int_equal(leaf_bytes(f, A + HUGE), 0);
	assert_int_equal(COUNT(f, faults_minor), 1);
	assert_int_equal(COUNT(f, fault_anonymous), 1);
	assert_int_equal(COUNT(f, hugetlb_fault_alloc), 1);
	assert_int_equal(COUNT(f, pages_zeroed), PAGES);
	assert_int_equal(f->ledger.line[CHARGE_PAGE_ZERO],
			 PAGES * (uint64_t)f->config.costs.page_zero);
	/* No part of the resident set. */
	assert_int_equal(kernel_resident_bytes(f->kernel), 0);
	assert_int_equal(kernel_hugetlb_bytes(f->kernel), HUGE);
	done(f);
}

static void with_gib(struct kernel_config *config)
{
	config->hugetlb_1g = 1;
}

/* Bytes are not looked at here: a GiB of them is not cleared either. */
static void one_gib(const char *format, uint64_t leaf)
{
	struct fixture *f = fx_new();
	const va_t va = 4 * GIB;

	f->configure = with_gib;
	assert_int_equal(fx_try_create(f, format, 3 * GIB), PW_OK);
	kernel_set_content(f->kernel, &kernel_content_none);
	assert_int_equal(kernel_space_create(f->kernel), 1);
	assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	assert_int_equal(map_at(f, va, 2 * GIB, HUGETLB | SIZE_1G), -ENOMEM);
	assert_int_equal(map_at(f, va, GIB, HUGETLB | SIZE_1G), va);
	fx_must(f, va + 12345 * PAGE, ACCESS_WRITE);
	assert_int_equal(leaf_bytes(f, va + 12345 * PAGE), leaf);
	assert_int_equal(COUNT(f, faults_minor), 1);
	assert_int_equal(f->kernel->hugetlb[HUGETLB_1G].free_count, 0);
	assert_int_equal(kernel_mremap(f->kernel, va, GIB, GIB, MREMAP_MAYMOVE | MREMAP_FIXED,
				       va + 2 * GIB),
			 va + 2 * GIB);
	assert_int_equal(leaf_bytes(f, va + 2 * GIB), leaf);
	assert_int_equal(kernel_munmap(f->kernel, va + 2 * GIB, HUGE), -EINVAL);
	fx_check(f);
	assert_int_equal(kernel_munmap(f->kernel, va + 2 * GIB, GIB), 0);
	assert_int_equal(f->kernel->hugetlb[HUGETLB_1G].free_count, 1);
	done(f);
}

static void kernel_hugetlb_of_one_gib(void **state)
{
	(void)state;
	one_gib("radix", GIB);
	one_gib("radix+10", 4 << 20); /* 4 KiB, 4 MiB, 2 GiB */
	one_gib("hashed", PAGE);
}

/* --- sharing --------------------------------------------------------------------------------- */

static void kernel_hugetlb_fork_copies_whole_pages(void **state)
{
	struct fixture *f = create("radix");
	int64_t child;

	(void)state;
	map(f, A, HUGE);
	*fx_must(f, A + 7 * PAGE, ACCESS_WRITE) = 7;
	child = kernel_fork(f->kernel);
	assert_true(child > 1);
	run(f, child);
	assert_int_equal(*fx_must(f, A + 7 * PAGE, ACCESS_READ), 7);
	*fx_must(f, A + 8 * PAGE, ACCESS_WRITE) = 8;
	assert_int_equal(*fx_must(f, A + 7 * PAGE, ACCESS_WRITE), 7);
	assert_int_equal(leaf_bytes(f, A), HUGE);
	assert_int_equal(COUNT(f, hugetlb_copied), 1);
	assert_int_equal(COUNT(f, pages_copied), PAGES);
	expect_pool(f, POOL - 2, 0);
	run(f, 1);
	assert_int_equal(*fx_must(f, A + 8 * PAGE, ACCESS_READ), 0);
	/* The last owner writes to its page as it is. */
	fx_must(f, A, ACCESS_WRITE);
	assert_int_equal(COUNT(f, fault_reuse), 1);
	assert_int_equal(COUNT(f, hugetlb_copied), 1);
	done(f);
}

/* A child has no promises: all free pages may be other people's. */
static void kernel_hugetlb_child_finds_none(void **state)
{
	struct fixture *f = create("radix");
	int64_t child;

	(void)state;
	map(f, A, POOL * HUGE);
	*fx_must(f, A, ACCESS_WRITE) = 1;
	child = kernel_fork(f->kernel);
	run(f, child);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
	assert_int_equal(fx_signal(f, A, ACCESS_WRITE), BUS);
	assert_int_equal(fx_signal(f, A + HUGE, ACCESS_READ), BUS);
	expect_pool(f, POOL - 1, POOL - 1);
	run(f, 1);
	fx_must(f, A + HUGE, ACCESS_WRITE);
	done(f);
}

/* The parent may write in any case: then the child loses the page, and dies where it touches it. */
static void kernel_hugetlb_parent_takes_back(void **state)
{
	struct fixture *f = create("radix");
	int64_t child;

	(void)state;
	map(f, A, POOL * HUGE);
	for (unsigned i = 0; i < POOL; i++)
		*fx_must(f, A + i * HUGE, ACCESS_WRITE) = 10 + i;
	child = kernel_fork(f->kernel);
	*fx_must(f, A + HUGE, ACCESS_WRITE) = 5;
	assert_int_equal(COUNT(f, hugetlb_taken_back), 1);
	assert_int_equal(COUNT(f, hugetlb_copied), 0);
	run(f, child);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 10);
	assert_int_equal(fx_signal(f, A + HUGE, ACCESS_READ), BUS);
	assert_int_equal(*fx_must(f, A + 2 * HUGE, ACCESS_READ), 12);
	run(f, 1);
	assert_int_equal(*fx_must(f, A + HUGE, ACCESS_READ), 5);
	done(f);
}

static void kernel_hugetlb_shared(void **state)
{
	struct fixture *f = create("radix");
	int64_t child;

	(void)state;
	assert_int_equal(map_at(f, A, 3 * HUGE, SHARED), A);
	*fx_must(f, A, ACCESS_WRITE) = 1;
	child = kernel_fork(f->kernel);
	run(f, child);
	*fx_must(f, A + PAGE, ACCESS_WRITE) = 2;
	*fx_must(f, A + HUGE, ACCESS_WRITE) = 3; /* promised to the object, not to the parent */
	expect_pool(f, POOL - 2, 1);
	/* Unmapped everywhere: the object still has it. */
	assert_int_equal(kernel_munmap(f->kernel, A, HUGE), 0);
	run(f, 1);
	assert_int_equal(*fx_must(f, A + PAGE, ACCESS_READ), 2);
	assert_int_equal(kernel_madvise(f->kernel, A, HUGE, MADV_DONTNEED), 0);
	expect_pool(f, POOL - 2, 1);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
	assert_int_equal(*fx_must(f, A + HUGE, ACCESS_READ), 3);
	assert_int_equal(COUNT(f, hugetlb_fault_alloc), 2);
	assert_int_equal(kernel_madvise(f->kernel, A, 2 * HUGE, MADV_REMOVE), 0);
	expect_pool(f, POOL, 1);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 0);
	done(f);
}

/* --- one guest, every page table ------------------------------------------------------------- */

struct transcript {
	int64_t said[64];
	unsigned count;
};

static void note(struct transcript *t, int64_t what)
{
	assert_true(t->count < 64);
	t->said[t->count++] = what;
}

static void note_access(struct transcript *t, struct fixture *f, va_t va, enum access_kind access)
{
	struct fault_outcome outcome;
	uint64_t *word = fx_access(f, va, access, &outcome);

	note(t, word ? (int64_t)*word : -outcome.signal * 1000 - outcome.si_code);
	if (word && access == ACCESS_WRITE)
		*word = va;
}

/* All that a guest hears of its memory: addresses, errors, words, signals, and what is left. */
static void play(struct fixture *f, struct transcript *t)
{
	int64_t child;

	note(t, map_at(f, A, 2 * HUGE, HUGETLB));
	note(t, map_at(f, B, HUGE, SHARED));
	note(t, map_at(f, B + HUGE, 2 * HUGE, HUGETLB));
	for (unsigned i = 0; i < 2 * PAGES; i += 100)
		note_access(t, f, A + i * PAGE, i % 200 ? ACCESS_READ : ACCESS_WRITE);
	note_access(t, f, B + 77 * PAGE, ACCESS_WRITE);
	note(t, kernel_mprotect(f->kernel, A, HUGE, PROT_READ));
	note_access(t, f, A + 5 * PAGE, ACCESS_WRITE);
	note(t, kernel_mprotect(f->kernel, A, HUGE, RW));
	note_access(t, f, A + 5 * PAGE, ACCESS_WRITE);
	child = kernel_fork(f->kernel);
	note(t, child);
	run(f, child);
	note_access(t, f, A + 5 * PAGE, ACCESS_READ);
	note_access(t, f, A + 6 * PAGE, ACCESS_WRITE);
	note_access(t, f, A + HUGE, ACCESS_WRITE);
	note_access(t, f, B + 78 * PAGE, ACCESS_WRITE);
	run(f, 1);
	note_access(t, f, A + 6 * PAGE, ACCESS_WRITE);
	note_access(t, f, A + HUGE + PAGE, ACCESS_WRITE);
	note_access(t, f, B + 78 * PAGE, ACCESS_READ);
	note(t, kernel_mremap(f->kernel, A, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			      B + 2 * HUGE));
	note_access(t, f, B + 2 * HUGE + 5 * PAGE, ACCESS_READ);
	note_access(t, f, A, ACCESS_READ);
	note(t, kernel_mremap(f->kernel, B + 2 * HUGE, 2 * HUGE, PAGE, 0, 0));
	note(t, kernel_madvise(f->kernel, B + 2 * HUGE, HUGE, MADV_DONTNEED));
	note_access(t, f, B + 2 * HUGE + 5 * PAGE, ACCESS_READ);
	note(t, kernel_munmap(f->kernel, B, HUGE));
	note(t, (int64_t)f->kernel->hugetlb[HUGETLB_2M].free_count);
	note(t, COUNT(f, hugetlb_copied) * 100 + COUNT(f, hugetlb_taken_back));
}

static void kernel_hugetlb_is_the_same_everywhere(void **state)
{
	static const char *const formats[] = {
		"radix",    "radix+", "radix+3",  "radix@10",       "radix@14", "radix@16",
		"radix@21", "hashed", "inverted", "inverted-chain", "cuckoo",   "clustered"
	};
	struct transcript first = { .count = 0 };

	(void)state;
	for (unsigned i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		struct fixture *f = create(formats[i]);
		struct transcript t = { .count = 0 };

		play(f, &t);
		if (i == 0)
			first = t;
		if (t.count != first.count || memcmp(t.said, first.said, sizeof(t.said)) != 0)
			fail_msg("%s does not say what %s says", formats[i], formats[0]);
		done(f);
	}
	/* Copies were made, and a page taken back: the scenario is one. */
	assert_int_equal(first.said[first.count - 1] / 100, 1);
	assert_true(first.said[first.count - 1] % 100 > 0);
}

/* --- and reclaim ----------------------------------------------------------------------------- */

static void with_swap(struct kernel_config *config)
{
	config->hugetlb_2m = POOL;
	config->swap.bytes = 32 << 20;
}

/* Memory is short, and everything else leaves: 16 MiB with 8 in the pool, 12 MiB touched beside. */
static void kernel_hugetlb_stays(void **state)
{
	struct fixture *f = fx_new();

	(void)state;
	f->configure = with_swap;
	assert_int_equal(fx_try_create(f, "radix", 16 << 20), PW_OK);
	assert_int_equal(kernel_space_create(f->kernel), 1);
	assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	map(f, A, 2 * HUGE);
	*fx_must(f, A, ACCESS_WRITE) = 1;
	*fx_must(f, A + HUGE, ACCESS_WRITE) = 2;
	assert_int_equal(kernel_mmap(f->kernel, B, 12 << 20, RW,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0),
			 B);
	for (uint64_t i = 0; i < 3 * 1024; i++)
		*fx_must(f, B + i * PAGE, ACCESS_WRITE) = i;
	assert_true(COUNT(f, pages_swapped_out) > 1000);
	assert_int_equal(leaf_bytes(f, A), HUGE);
	assert_int_equal(leaf_bytes(f, A + HUGE), HUGE);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
	assert_int_equal(*fx_must(f, A + HUGE, ACCESS_READ), 2);
	/* Nor does its advice make it leave. */
	assert_int_equal(kernel_madvise(f->kernel, A, HUGE, 21), -EINVAL);
	assert_int_equal(kernel_madvise(f->kernel, A, HUGE, MADV_FREE), -EINVAL);
	assert_int_equal(kernel_madvise(f->kernel, A + PAGE, HUGE, MADV_HUGEPAGE), -EINVAL);
	assert_int_equal(kernel_madvise(f->kernel, A + PAGE, HUGE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(kernel_madvise(f->kernel, A, 2 * HUGE - PAGE, MADV_DONTNEED), 0);
	assert_int_equal(leaf_bytes(f, A), 0);
	assert_int_equal(leaf_bytes(f, A + HUGE), HUGE);
	done(f);
}

/* No frame for the page table: the promise is there for the next try. */
static void kernel_hugetlb_keeps_promises_unkept(void **state)
{
	struct fixture *f = create("radix");

	(void)state;
	map(f, A, 2 * HUGE);
	while (frames_take(&f->kernel->frames, FRAME_RESERVED, 0) != PFN_NONE)
		;
	assert_int_equal(fx_signal(f, A, ACCESS_WRITE) / 1000, SIGKILL);
	expect_pool(f, POOL, 2);
	done(f);
}

static void kernel_hugetlb_wants_contiguous_memory(void **state)
{
	struct fixture *f = fx_new();

	(void)state;
	f->configure = with_pool;
	/* Frame 0 is reserved: 8 MiB hold three whole huge pages. */
	assert_int_equal(fx_try_create(f, "radix", 8 << 20), PW_NOFRAMES);
	fx_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_hugetlb_promises_pages),
		cmocka_unit_test(kernel_hugetlb_noreserve),
		cmocka_unit_test(kernel_hugetlb_places_and_lengths),
		cmocka_unit_test(kernel_hugetlb_without_host_memory),
		cmocka_unit_test(kernel_hugetlb_maps_one_leaf),
		cmocka_unit_test(kernel_hugetlb_of_one_gib),
		cmocka_unit_test(kernel_hugetlb_fork_copies_whole_pages),
		cmocka_unit_test(kernel_hugetlb_child_finds_none),
		cmocka_unit_test(kernel_hugetlb_parent_takes_back),
		cmocka_unit_test(kernel_hugetlb_shared),
		cmocka_unit_test(kernel_hugetlb_is_the_same_everywhere),
		cmocka_unit_test(kernel_hugetlb_keeps_promises_unkept),
		cmocka_unit_test(kernel_hugetlb_stays),
		cmocka_unit_test(kernel_hugetlb_wants_contiguous_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
