/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Transparent huge pages by hand: which memory gets them, what each operation that cuts one leaves,
 * sharing after fork, and the want of frames. The fixture's TLBs forget nothing by themselves.
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, PAGES = 512 };
#define PAGE ((uint64_t)FRAME_BYTES)
#define HUGE (PAGES * PAGE)
#define A    UINT64_C(0x1000000) /* aligned to HUGE */
#define B    UINT64_C(0x2000000)

#define COUNT(f, field) ((long)kernel_counters((f)->kernel)->field)

static void map(struct fixture *f, va_t va, uint64_t bytes)
{
	assert_int_equal(kernel_mmap(f->kernel, va, bytes, RW, ANON, UINT64_MAX, 0), va);
}

static struct fixture *create(enum thp_mode thp, uint64_t ram)
{
	struct fixture *f = fx_create("radix+", ram);

	f->kernel->config.thp = thp;
	return f;
}

static void done(struct fixture *f)
{
	fx_check(f);
	fx_destroy(f);
}

/* The size of the leaf at va; 0: none. */
static uint64_t leaf_bytes(struct fixture *f, va_t va)
{
	struct translation leaf;

	return pt_lookup(f->space, va, &leaf) == PW_OK ? leaf.bytes : 0;
}

/* Writes a stamp to every page of a huge page, and finds all of them again. */
static void stamp(struct fixture *f, va_t va)
{
	for (uint64_t i = 0; i < PAGES; i++)
		*fx_must(f, va + i * PAGE, ACCESS_WRITE) = va + i;
}

static void expect_stamps(struct fixture *f, va_t va, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++)
		assert_int_equal(*fx_must(f, va + i * PAGE, ACCESS_READ), va + i);
}

/* --- which memory ---------------------------------------------------------------------------- */

static void kernel_huge_only_whole_blocks(void **state)
{
	struct fixture *f = create(THP_ALWAYS, 64 << 20);

	(void)state;
	/* The block at A + HUGE lies inside; those at both ends stick out by a page. */
	map(f, A + PAGE, 3 * HUGE - 2 * PAGE);
	fx_must(f, A + PAGE, ACCESS_WRITE);
	fx_must(f, A + HUGE + 5 * PAGE, ACCESS_READ);
	fx_must(f, A + 2 * HUGE, ACCESS_WRITE);
	assert_int_equal(leaf_bytes(f, A + PAGE), PAGE);
	assert_int_equal(leaf_bytes(f, A + HUGE), HUGE);
	assert_int_equal(leaf_bytes(f, A + 2 * HUGE), PAGE);
	assert_int_equal(COUNT(f, thp_fault_alloc), 1);
	assert_int_equal(COUNT(f, thp_fault_fallback), 0);
	/* Two base pages and one huge one were cleared; of this all but one page unasked. */
	assert_int_equal(COUNT(f, pages_zeroed), 2 + PAGES);
	assert_int_equal(f->ledger.line[CHARGE_PAGE_ZERO],
			 (2 + PAGES) * (uint64_t)f->config.costs.page_zero);
	assert_int_equal(COUNT(f, thp_filled_pages), PAGES - 1);
	assert_int_equal(f->kernel->huge_pages, PAGES);
	done(f);
}

static void kernel_huge_by_advice(void **state)
{
	struct fixture *f = create(THP_MADVISE, 64 << 20);

	(void)state;
	map(f, A, 2 * HUGE);
	fx_must(f, A, ACCESS_WRITE);
	assert_int_equal(leaf_bytes(f, A), PAGE);
	assert_int_equal(kernel_madvise(f->kernel, A, 2 * HUGE, MADV_HUGEPAGE), 0);
	/* A block with a page in it stays as it is. */
	fx_must(f, A + PAGE, ACCESS_WRITE);
	assert_int_equal(leaf_bytes(f, A + PAGE), PAGE);
	fx_must(f, A + HUGE, ACCESS_WRITE);
	assert_int_equal(leaf_bytes(f, A + HUGE), HUGE);
	f->kernel->config.thp = THP_ALWAYS;
	map(f, B, HUGE);
	assert_int_equal(kernel_madvise(f->kernel, B, HUGE, MADV_NOHUGEPAGE), 0);
	fx_must(f, B, ACCESS_WRITE);
	assert_int_equal(leaf_bytes(f, B), PAGE);
	assert_int_equal(COUNT(f, thp_fault_alloc), 1);
	done(f);
}

/* A table with one entry a frame, and base pages of other sizes: as without. */
static void kernel_huge_ignored(void **state)
{
	static const char *const formats[] = { "hashed+", "inverted+", "inverted-chain" };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fixture *f = fx_create(formats[i], 64 << 20);

		f->kernel->config.thp = THP_ALWAYS;
		map(f, A, HUGE);
		assert_int_equal(kernel_madvise(f->kernel, A, HUGE, MADV_HUGEPAGE), 0);
		fx_must(f, A, ACCESS_WRITE);
		assert_int_equal(leaf_bytes(f, A), PAGE);
		assert_int_equal(COUNT(f, thp_fault_alloc) + COUNT(f, thp_fault_fallback), 0);
		done(f);
	}
}

/* --- cuts ------------------------------------------------------------------------------------ */

static void cut_munmap(struct fixture *f)
{
	assert_int_equal(kernel_munmap(f->kernel, A + 7 * PAGE, PAGE), 0);
	assert_int_equal(fx_signal(f, A + 7 * PAGE, ACCESS_READ), SIGSEGV * 1000 + SEGV_MAPERR);
	expect_stamps(f, A, 0, 7);
	expect_stamps(f, A, 8, PAGES);
}

static void cut_mprotect(struct fixture *f)
{
	assert_int_equal(kernel_mprotect(f->kernel, A + 7 * PAGE, PAGE, PROT_READ), 0);
	assert_int_equal(fx_signal(f, A + 7 * PAGE, ACCESS_WRITE), SIGSEGV * 1000 + SEGV_ACCERR);
	fx_must(f, A + 8 * PAGE, ACCESS_WRITE);
	expect_stamps(f, A, 0, PAGES);
}

static void cut_dontneed(struct fixture *f)
{
	assert_int_equal(kernel_madvise(f->kernel, A + 7 * PAGE, PAGE, MADV_DONTNEED), 0);
	expect_stamps(f, A, 8, PAGES);
	assert_int_equal(*fx_must(f, A + 7 * PAGE, ACCESS_READ), 0);
}

static void cut_fixed(struct fixture *f)
{
	map(f, A + 7 * PAGE, 2 * PAGE);
	expect_stamps(f, A, 9, PAGES);
	assert_int_equal(*fx_must(f, A + 7 * PAGE, ACCESS_READ), 0);
}

/* To a place of another offset within a huge page. */
static void cut_move(struct fixture *f)
{
	assert_int_equal(kernel_mremap(f->kernel, A, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				       B + PAGE),
			 B + PAGE);
	for (uint64_t i = 0; i < PAGES; i++)
		assert_int_equal(*fx_must(f, B + (i + 1) * PAGE, ACCESS_READ), A + i);
}

static void cut_shrink(struct fixture *f)
{
	assert_int_equal(kernel_mremap(f->kernel, A, HUGE, 7 * PAGE, 0, 0), A);
	assert_int_equal(fx_signal(f, A + 7 * PAGE, ACCESS_READ), SIGSEGV * 1000 + SEGV_MAPERR);
	expect_stamps(f, A, 0, 7);
}

/* The pages that are left are where they were: no byte is copied. */
static void kernel_huge_is_split_by_cuts(void **state)
{
	static void (*const cuts[])(struct fixture *) = { cut_munmap, cut_mprotect, cut_dontneed,
							  cut_fixed,  cut_move,     cut_shrink };

	(void)state;
	for (unsigned i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		struct fixture *f = create(THP_ALWAYS, 64 << 20);

		map(f, A, HUGE);
		stamp(f, A);
		assert_int_equal(COUNT(f, thp_split_pmd), 0);
		cuts[i](f);
		assert_int_equal(COUNT(f, thp_split_pmd), 1);
		assert_int_equal(f->kernel->huge_pages, 0);
		assert_int_equal(COUNT(f, pages_copied), 0);
		done(f);
	}
}

/* What does not cut does not split: whole huge pages go, change and move as one leaf. */
static void kernel_huge_is_not_split_when_whole(void **state)
{
	struct fixture *f = create(THP_ALWAYS, 64 << 20);

	(void)state;
	map(f, A, 2 * HUGE);
	stamp(f, A);
	stamp(f, A + HUGE);
	assert_int_equal(kernel_mprotect(f->kernel, A, HUGE, PROT_READ), 0);
	assert_int_equal(kernel_mprotect(f->kernel, A, HUGE, RW), 0);
	fx_must(f, A, ACCESS_WRITE);
	assert_int_equal(COUNT(f, fault_reuse), 1);
	fx_must(f, A + 9 * PAGE, ACCESS_WRITE);
	assert_int_equal(COUNT(f, fault_reuse), 1);
	assert_int_equal(kernel_mremap(f->kernel, A, 2 * HUGE, 2 * HUGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, B),
			 B);
	assert_int_equal(leaf_bytes(f, B), HUGE);
	assert_int_equal(*fx_must(f, B + 9 * PAGE, ACCESS_READ), A + 9);
	assert_int_equal(kernel_madvise(f->kernel, B, HUGE, MADV_DONTNEED), 0);
	assert_int_equal(kernel_munmap(f->kernel, B, HUGE), 0);
	assert_int_equal(leaf_bytes(f, B + HUGE), HUGE);
	assert_int_equal(COUNT(f, thp_split_pmd), 0);
	assert_int_equal(f->kernel->huge_pages, PAGES);
	done(f);
}

/* --- fork ------------------------------------------------------------------------------------ */

static void run(struct fixture *f, int64_t space)
{
	assert_int_equal(kernel_task_switch(f->kernel, 1, (uint64_t)space), 0);
}

/*
 * The leaf is shared write-protected. The parent's write splits its own and copies one page; the
 * child still has the leaf, of which it is not the only owner, so its write to the same page splits
 * too, but reuses the frame, whose last owner it is.
 */
static void kernel_huge_fork_copies_base_pages(void **state)
{
	struct fixture *f = create(THP_ALWAYS, 64 << 20);
	int64_t child;

	(void)state;
	map(f, A, HUGE);
	stamp(f, A);
	child = kernel_fork(f->kernel);
	assert_true(child > 1);
	assert_int_equal(COUNT(f, thp_split_pmd), 0);
	assert_int_equal(f->kernel->huge_pages, 2 * PAGES);
	*fx_must(f, A + 3 * PAGE, ACCESS_WRITE) = 77;
	assert_int_equal(COUNT(f, thp_split_pmd), 1);
	assert_int_equal(COUNT(f, pages_copied), 1);
	assert_int_equal(COUNT(f, fault_cow), 1);
	fx_check(f);
	run(f, child);
	assert_int_equal(leaf_bytes(f, A), HUGE);
	expect_stamps(f, A, 0, PAGES);
	fx_must(f, A + 3 * PAGE, ACCESS_WRITE);
	assert_int_equal(COUNT(f, thp_split_pmd), 2);
	assert_int_equal(COUNT(f, fault_reuse), 1);
	assert_int_equal(COUNT(f, pages_copied), 1);
	done(f);
}

/* When the other is gone, the leaf becomes writable as a whole, by one fault. */
static void kernel_huge_fork_last_owner_reuses(void **state)
{
	struct fixture *f = create(THP_ALWAYS, 64 << 20);
	int64_t child;

	(void)state;
	map(f, A, HUGE);
	stamp(f, A);
	child = kernel_fork(f->kernel);
	assert_int_equal(kernel_space_destroy(f->kernel, (uint64_t)child), 0);
	stamp(f, A);
	assert_int_equal(COUNT(f, fault_reuse), 1);
	assert_int_equal(COUNT(f, pages_copied) + COUNT(f, thp_split_pmd), 0);
	assert_int_equal(leaf_bytes(f, A), HUGE);
	done(f);
}

/* --- collapse -------------------------------------------------------------------------------- */

/*
 * 10 pages of a block become one huge page: 10 copies and 502 cleared frames, on the line of
 * collapse; the bytes are there, and the next tick finds nothing to do.
 */
static void kernel_huge_collapse_in_the_background(void **state)
{
	struct fixture *f = create(THP_NEVER, 64 << 20);
	uint64_t zeroed, cycles;

	(void)state;
	map(f, A, HUGE);
	for (unsigned i = 0; i < 10; i++)
		*fx_must(f, A + i * 3 * PAGE, ACCESS_WRITE) = 100 + i;
	kernel_tick(f->kernel, 0, 0);
	assert_int_equal(leaf_bytes(f, A), PAGE);
	f->kernel->config.thp = THP_ALWAYS;
	f->kernel->config.thp_max_ptes_none = 501;
	kernel_tick(f->kernel, 0, 0);
	assert_int_equal(COUNT(f, thp_collapse_alloc), 0);
	f->kernel->config.thp_max_ptes_none = 502;
	zeroed = f->ledger.line[CHARGE_PAGE_ZERO];
	kernel_tick(f->kernel, 0, 0);
	assert_int_equal(COUNT(f, thp_collapse_alloc), 1);
	assert_int_equal(COUNT(f, thp_filled_pages), 502);
	assert_int_equal(COUNT(f, pages_copied), 10);
	assert_int_equal(f->ledger.line[CHARGE_PAGE_COPY], 0);
	assert_int_equal(f->ledger.line[CHARGE_PAGE_ZERO], zeroed);
	cycles = f->ledger.line[CHARGE_COLLAPSE];
	assert_true(cycles >
		    10 * f->config.costs.page_copy + 502 * (uint64_t)f->config.costs.page_zero);
	assert_int_equal(leaf_bytes(f, A), HUGE);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(*fx_must(f, A + i * 3 * PAGE, ACCESS_READ), 100 + i);
	assert_int_equal(*fx_must(f, A + PAGE, ACCESS_READ), 0);
	kernel_tick(f->kernel, 0, 0);
	assert_int_equal(COUNT(f, thp_collapse_alloc), 1);
	done(f);
}

static void kernel_huge_collapse_by_advice(void **state)
{
	struct fixture *f = create(THP_NEVER, 64 << 20);

	(void)state;
	map(f, A, 3 * HUGE);
	stamp(f, A);
	fx_must(f, A + HUGE, ACCESS_READ);
	assert_int_equal(kernel_madvise(f->kernel, A, 3 * HUGE, 25), 0);
	/* Nothing was in the third block. */
	assert_int_equal(COUNT(f, thp_collapse_alloc), 2);
	assert_int_equal(leaf_bytes(f, A + 2 * HUGE), 0);
	expect_stamps(f, A, 0, PAGES);
	done(f);
}

/* --- reclaim --------------------------------------------------------------------------------- */

static void with_swap(struct kernel_config *config)
{
	config->thp = THP_ALWAYS;
	config->swap.bytes = 64 << 20;
	strcpy(config->reclaim.policy, "clock");
}

/* 12 MiB in 8 MiB of RAM: huge pages are split, their pages swapped out, and come back. */
static void kernel_huge_swaps_by_splitting(void **state)
{
	struct fixture *f = fx_new();

	(void)state;
	f->configure = with_swap;
	assert_int_equal(fx_try_create(f, "radix", 8 << 20), PW_OK);
	assert_int_equal(kernel_space_create(f->kernel), 1);
	assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	map(f, A, 6 * HUGE);
	for (unsigned i = 0; i < 6; i++)
		stamp(f, A + i * HUGE);
	fx_check(f);
	assert_true(COUNT(f, thp_fault_alloc) >= 2 && COUNT(f, thp_split_pmd) >= 1);
	for (unsigned i = 0; i < 6; i++)
		expect_stamps(f, A + i * HUGE, 0, PAGES);
	assert_true(COUNT(f, pages_swapped_in) > 0);
	assert_int_equal(COUNT(f, oom_kills), 0);
	done(f);
}

/* --- want of frames -------------------------------------------------------------------------- */

/* 4 MiB hold one free aligned block of 2 MiB, as frame 0 is reserved. */
static void kernel_huge_falls_back(void **state)
{
	struct fixture *f = create(THP_ALWAYS, 4 << 20);

	(void)state;
	map(f, A, 2 * HUGE);
	fx_must(f, A, ACCESS_WRITE);
	fx_must(f, A + HUGE, ACCESS_WRITE);
	assert_int_equal(leaf_bytes(f, A), HUGE);
	assert_int_equal(leaf_bytes(f, A + HUGE), PAGE);
	assert_int_equal(COUNT(f, thp_fault_alloc), 1);
	assert_int_equal(COUNT(f, thp_fault_fallback), 1);
	/* The next fault in that block finds a page there: no second try. */
	fx_must(f, A + HUGE + PAGE, ACCESS_WRITE);
	assert_int_equal(COUNT(f, thp_fault_fallback), 1);
	done(f);
}

/* No frame for the table of base pages: the call fails, nothing has changed. */
static void kernel_huge_split_wants_a_table(void **state)
{
	struct fixture *f = create(THP_ALWAYS, 4 << 20);
	va_t eaten = B;

	(void)state;
	map(f, A, HUGE);
	stamp(f, A);
	map(f, B, HUGE - PAGE);
	for (; f->kernel->frames.count[FRAME_FREE] > 0; eaten += PAGE)
		fx_must(f, eaten, ACCESS_WRITE);
	assert_int_equal(kernel_munmap(f->kernel, A, PAGE), -ENOMEM);
	assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, PROT_READ), -ENOMEM);
	assert_int_equal(kernel_madvise(f->kernel, A, PAGE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(kernel_madvise(f->kernel, A, PAGE, MADV_NOHUGEPAGE), -ENOMEM);
	assert_int_equal(kernel_mmap(f->kernel, A, PAGE, RW, ANON, UINT64_MAX, 0), -ENOMEM);
	assert_int_equal(kernel_mremap(f->kernel, A, HUGE, PAGE, 0, 0), -ENOMEM);
	assert_int_equal(kernel_vma_count(f->kernel), 2);
	expect_stamps(f, A, 0, PAGES);
	fx_check(f);
	/* A page less elsewhere is enough. */
	assert_int_equal(kernel_munmap(f->kernel, eaten - PAGE, PAGE), 0);
	assert_int_equal(kernel_munmap(f->kernel, A, PAGE), 0);
	expect_stamps(f, A, 1, PAGES);
	done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_huge_only_whole_blocks),
		cmocka_unit_test(kernel_huge_by_advice),
		cmocka_unit_test(kernel_huge_ignored),
		cmocka_unit_test(kernel_huge_is_split_by_cuts),
		cmocka_unit_test(kernel_huge_is_not_split_when_whole),
		cmocka_unit_test(kernel_huge_fork_copies_base_pages),
		cmocka_unit_test(kernel_huge_fork_last_owner_reuses),
		cmocka_unit_test(kernel_huge_collapse_in_the_background),
		cmocka_unit_test(kernel_huge_collapse_by_advice),
		cmocka_unit_test(kernel_huge_swaps_by_splitting),
		cmocka_unit_test(kernel_huge_falls_back),
		cmocka_unit_test(kernel_huge_split_wants_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
