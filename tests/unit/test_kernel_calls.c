/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Arguments and results of the memory calls, case by case. Where a case can be tried on the host,
 * kernel_calls_return_what_this_host_returns does so: the same call, the same errno.
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum {
	RW = PROT_READ | PROT_WRITE,
	ANON = MAP_PRIVATE | MAP_ANONYMOUS,
	FIXED = ANON | MAP_FIXED,
};
#define PAGE    ((uint64_t)FRAME_BYTES)
#define A       UINT64_C(0x100000)
#define NO_FILE UINT64_MAX

static struct fixture *fx;

static int set_up(void **state)
{
	(void)state;
	fx = fx_create("radix", 1 << 22);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fx_check(fx);
	fx_destroy(fx);
	return 0;
}

static int64_t map(va_t va, uint64_t pages, int prot, int flags)
{
	return kernel_mmap(fx->kernel, va, pages * PAGE, (uint64_t)prot, (uint64_t)flags, NO_FILE,
			   0);
}

static void layout(va_t mmap_top, va_t brk)
{
	assert_int_equal(kernel_space_layout(fx->kernel, mmap_top, brk, mmap_top, 8 << 20), 0);
}

/* "start-end prot" of every VMA, in pages from A. */
static void expect_vmas(const char *expected)
{
	char text[512] = "", *to = text;

	for (unsigned i = 0; i < kernel_vma_count(fx->kernel); i++) {
		const struct vma *vma = kernel_vma_nth(fx->kernel, i);

		to += snprintf(to, (size_t)(text + sizeof(text) - to), "%s%lld-%lld:%u",
			       i ? " " : "", ((long long)vma->start - (long long)A) / FRAME_BYTES,
			       ((long long)vma->end - (long long)A) / FRAME_BYTES, vma->prot);
	}
	assert_string_equal(text, expected);
}

static void kernel_mmap_chooses_as_linux(void **state)
{
	const va_t top = UINT64_C(0x7ffff000);

	(void)state;
	layout(top, 0);
	/* Top down, each below the last, joined where alike. */
	assert_int_equal(map(0, 4, RW, ANON), top - 4 * PAGE);
	assert_int_equal(map(0, 2, RW, ANON), top - 6 * PAGE);
	assert_int_equal(kernel_vma_count(fx->kernel), 1);
	/* The highest hole that is large enough. */
	assert_int_equal(kernel_munmap(fx->kernel, top - 3 * PAGE, 2 * PAGE), 0);
	assert_int_equal(map(0, 3, PROT_READ, ANON), top - 9 * PAGE);
	assert_int_equal(map(0, 2, PROT_READ, ANON), top - 3 * PAGE);
	/* A hint is rounded down and taken if it is free, else ignored. */
	assert_int_equal(map(A + 5, 1, RW, ANON), A);
	assert_int_equal(map(A, 1, PROT_READ, ANON), top - 10 * PAGE);
	/* Too low a hint goes to the lowest address allowed. */
	assert_int_equal(map(1 << 12, 1, RW, ANON), 65536);
	/* The guard gap of a stack is kept free. */
	assert_int_equal(map(A + 1000 * PAGE, 1, RW, FIXED | MAP_GROWSDOWN), A + 1000 * PAGE);
	assert_int_equal(map(A + 999 * PAGE, 1, RW, ANON), top - 11 * PAGE);
	assert_int_equal(map(A + 743 * PAGE, 1, RW, ANON), A + 743 * PAGE);
	assert_int_equal(map(A + 744 * PAGE, 1, RW, ANON), top - 12 * PAGE);
	/* MAP_32BIT: bottom up in the second GiB. */
	assert_int_equal(map(0, 1, RW, ANON | 0x40), 0x40000000);
	assert_int_equal(map(0, 1, PROT_READ, ANON | 0x40), 0x40001000);
}

static void kernel_mmap_falls_back_to_bottom_up(void **state)
{
	const va_t base = ((kernel_va_end(fx->kernel) / 3) + 4095) & ~UINT64_C(4095);

	(void)state;
	layout(0x20000, 0);
	assert_int_equal(map(0, 16, RW, ANON), 0x10000);
	assert_int_equal(map(0, 1, RW, ANON), base);
	assert_int_equal(map(0, 1, PROT_READ, ANON), base + PAGE);
	assert_int_equal(map(0, kernel_va_end(fx->kernel) / PAGE, RW, ANON), -ENOMEM);
}

static void kernel_mmap_refuses(void **state)
{
	int64_t reader = kernel_file_open(fx->kernel, 100, 3 * PAGE, false);
	int64_t writer = kernel_file_open(fx->kernel, 100, 3 * PAGE, true);
	struct {
		va_t addr;
		uint64_t bytes;
		int prot, flags;
		int64_t file;
		uint64_t offset;
		int64_t result;
	} cases[] = {
		{ A, 0, RW, FIXED, -1, 0, -EINVAL },
		{ A, UINT64_MAX, RW, FIXED, -1, 0, -ENOMEM },
		{ A, UINT64_C(1) << 47, RW, ANON, -1, 0, -ENOMEM },
		{ A + 1, PAGE, RW, FIXED, -1, 0, -EINVAL },
		{ UINT64_C(1) << 47, PAGE, RW, FIXED, -1, 0, -ENOMEM },
		{ (UINT64_C(1) << 47) - PAGE, PAGE, RW, FIXED, -1, 0, -ENOMEM },
		{ PAGE, PAGE, RW, FIXED, -1, 0, -EPERM },
		{ A, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED, -1, 0, -EINVAL },
		{ A, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED | MAP_SHARED_VALIDATE, -1, 0, -EINVAL },
		{ A, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED | MAP_SHARED | MAP_GROWSDOWN, -1, 0,
		  -EINVAL },
		{ A, PAGE, RW, FIXED | MAP_HUGETLB, -1, 0, -EINVAL },
		{ A, PAGE, RW, ANON | MAP_HUGETLB, -1, 0, -ENOMEM },
		{ A, PAGE, RW, FIXED, -1, 5, -EINVAL },
		{ A, PAGE, RW, MAP_PRIVATE, 77, 0, -EBADF },
		{ A, PAGE, RW, MAP_PRIVATE, -1, 0, -EBADF },
		{ A, 0, RW, MAP_PRIVATE, -1, 0, -EBADF },
		{ A, PAGE, RW, MAP_PRIVATE, reader, 1, -EINVAL },
		{ A, PAGE, RW, MAP_SHARED, reader, 0, -EACCES },
		{ A, PAGE, RW, MAP_SHARED_VALIDATE, reader, 0, -EACCES },
		{ A, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x80000, reader, 0, -EOPNOTSUPP },
		{ A, PAGE, RW, MAP_FIXED, writer, 0, -EINVAL },
		{ A, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, writer, 0, -EINVAL },
		{ A, PAGE, RW, MAP_PRIVATE, writer, UINT64_C(1) << 63, -EOVERFLOW },
		{ A, 2 * PAGE, RW, MAP_PRIVATE, writer, (UINT64_C(1) << 63) - PAGE, -EOVERFLOW },
		{ A, PAGE, RW, MAP_SHARED | MAP_FIXED, writer, 0, (int64_t)A },
		{ A, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0, -EEXIST },
		{ A + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0, (int64_t)(A + PAGE) },
		{ A, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, reader, PAGE, (int64_t)A },
	};

	(void)state;
	/* One file, two ids. */
	assert_int_not_equal(reader, writer);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t result = kernel_mmap(fx->kernel, cases[i].addr, cases[i].bytes,
					     (uint64_t)cases[i].prot, (uint64_t)cases[i].flags,
					     (uint64_t)cases[i].file, cases[i].offset);

		if (result != cases[i].result)
			fail_msg("case %u: %lld, not %lld", i, (long long)result,
				 (long long)cases[i].result);
	}
	assert_int_equal(kernel_mprotect(fx->kernel, A, PAGE, RW), -EACCES);
	assert_int_equal(kernel_file_close(fx->kernel, (uint64_t)reader), 0);
	assert_int_equal(kernel_file_close(fx->kernel, (uint64_t)writer), 0);
	assert_int_equal(kernel_file_close(fx->kernel, (uint64_t)writer), -EBADF);
	assert_int_equal(kernel_file_identity(fx->kernel, (int32_t)writer), 100);
	assert_int_equal(kernel_munmap(fx->kernel, A, PAGE), 0);
	assert_int_equal(kernel_file_identity(fx->kernel, (int32_t)writer), KERNEL_IDENTITY_NONE);
	assert_int_equal(kernel_file_resize(fx->kernel, (uint64_t)writer, 0), -EBADF);
	assert_int_equal(kernel_file_read(fx->kernel, 4, 0, 1), -EBADF);
	assert_int_equal(kernel_file_write(fx->kernel, UINT64_MAX, 0, 1), -EBADF);
	assert_int_equal(kernel_file_open(fx->kernel, KERNEL_IDENTITY_NONE, 1, 0), -EINVAL);
}

static void kernel_munmap_cuts_and_refuses(void **state)
{
	(void)state;
	assert_int_equal(map(A, 10, RW, FIXED), A);
	assert_int_equal(kernel_munmap(fx->kernel, A + 1, PAGE), -EINVAL);
	assert_int_equal(kernel_munmap(fx->kernel, A, 0), -EINVAL);
	assert_int_equal(kernel_munmap(fx->kernel, A, UINT64_MAX), -EINVAL);
	assert_int_equal(kernel_munmap(fx->kernel, UINT64_C(1) << 47, PAGE), -EINVAL);
	assert_int_equal(kernel_munmap(fx->kernel, A + 3 * PAGE, 1), 0);
	assert_int_equal(kernel_munmap(fx->kernel, A + 6 * PAGE, 2 * PAGE), 0);
	expect_vmas("0-3:3 4-6:3 8-10:3");
	assert_int_equal(kernel_munmap(fx->kernel, A + 2 * PAGE, 7 * PAGE), 0);
	expect_vmas("0-2:3 9-10:3");
	assert_int_equal(kernel_munmap(fx->kernel, A + 100 * PAGE, PAGE), 0);
}

static void kernel_mprotect_cuts_joins_and_refuses(void **state)
{
	(void)state;
	assert_int_equal(map(A, 10, RW, FIXED), A);
	assert_int_equal(kernel_mprotect(fx->kernel, A + 2 * PAGE, 3 * PAGE, PROT_READ), 0);
	expect_vmas("0-2:3 2-5:1 5-10:3");
	assert_int_equal(kernel_mprotect(fx->kernel, A + 5 * PAGE, 2 * PAGE, PROT_READ), 0);
	expect_vmas("0-2:3 2-7:1 7-10:3");
	assert_int_equal(kernel_mprotect(fx->kernel, A, 10 * PAGE, RW), 0);
	expect_vmas("0-10:3");
	assert_int_equal(kernel_mprotect(fx->kernel, A + 1, PAGE, RW), -EINVAL);
	assert_int_equal(kernel_mprotect(fx->kernel, A, 0, RW), 0);
	assert_int_equal(kernel_mprotect(fx->kernel, A, UINT64_MAX, RW), -ENOMEM);
	assert_int_equal(kernel_mprotect(fx->kernel, A, UINT64_MAX - A, RW), -ENOMEM);
	assert_int_equal(kernel_mprotect(fx->kernel, A, PAGE, 0x10), -EINVAL);
	assert_int_equal(kernel_mprotect(fx->kernel, A, PAGE, PROT_GROWSDOWN | PROT_GROWSUP),
			 -EINVAL);
	assert_int_equal(kernel_mprotect(fx->kernel, A, PAGE, RW | PROT_GROWSDOWN), -EINVAL);
	assert_int_equal(kernel_mprotect(fx->kernel, A - PAGE, 2 * PAGE, RW), -ENOMEM);
	/* What comes before a hole is changed. */
	assert_int_equal(kernel_mprotect(fx->kernel, A + 8 * PAGE, 4 * PAGE, PROT_NONE), -ENOMEM);
	expect_vmas("0-8:3 8-10:0");
	assert_int_equal(kernel_munmap(fx->kernel, A, 10 * PAGE), 0);
	assert_int_equal(map(A, 4, RW, FIXED | MAP_GROWSDOWN), A);
	assert_int_equal(kernel_mprotect(fx->kernel, A + 2 * PAGE, PAGE,
					 RW | PROT_EXEC | PROT_GROWSDOWN),
			 0);
	expect_vmas("0-3:7 3-4:3");
}

static void kernel_mremap_moves_pages_not_bytes(void **state)
{
	const va_t top = UINT64_C(0x7ffff000);
	struct translation before, after;
	uint64_t copied, zeroed;

	(void)state;
	layout(top, 0);
	assert_int_equal(map(A, 4, RW, FIXED), A);
	assert_int_equal(map(A + 4 * PAGE, 1, PROT_READ, FIXED), A + 4 * PAGE);
	for (unsigned i = 0; i < 4; i++)
		*fx_must(fx, A + i * PAGE, i == 2 ? ACCESS_READ : ACCESS_WRITE) = i;
	assert_int_equal(pt_lookup(fx->space, A + PAGE, &before), PW_OK);
	copied = fx->copied;
	zeroed = fx->zeroed;
	assert_int_equal(kernel_mremap(fx->kernel, A, 4 * PAGE, 8 * PAGE, 0, 0), -ENOMEM);
	assert_int_equal(kernel_mremap(fx->kernel, A, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, 0),
			 top - 8 * PAGE);
	assert_int_equal(pt_lookup(fx->space, top - 7 * PAGE, &after), PW_OK);
	assert_int_equal(after.pa, before.pa);
	assert_true(after.accessed && after.dirty);
	assert_int_equal(pt_lookup(fx->space, top - 6 * PAGE, &after), PW_OK);
	assert_true(after.accessed && !after.dirty);
	assert_int_equal(fx->copied, copied);
	assert_int_equal(fx->zeroed, zeroed);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(*fx_must(fx, top - (8 - i) * PAGE, ACCESS_READ), i);
	assert_int_equal(fx_signal(fx, A, ACCESS_READ) / 1000, 11);
	/* Smaller, in place; larger, in place. */
	assert_int_equal(kernel_mremap(fx->kernel, top - 8 * PAGE, 8 * PAGE, 2 * PAGE, 0, 0),
			 top - 8 * PAGE);
	assert_int_equal(kernel_mremap(fx->kernel, top - 8 * PAGE, 2 * PAGE, 3 * PAGE, 0, 0),
			 top - 8 * PAGE);
	assert_int_equal(*fx_must(fx, top - 6 * PAGE, ACCESS_READ), 0);
	assert_int_equal(kernel_vma_count(fx->kernel), 2);
	/* Onto another mapping, keeping the old one empty. */
	assert_int_equal(kernel_mremap(fx->kernel, top - 8 * PAGE, PAGE, PAGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED | 4, A + 4 * PAGE),
			 A + 4 * PAGE);
	assert_int_equal(*fx_must(fx, A + 4 * PAGE, ACCESS_READ), 0);
	assert_int_equal(pt_lookup(fx->space, top - 8 * PAGE, &after), PW_ABSENT);
	assert_int_equal(*fx_must(fx, top - 8 * PAGE, ACCESS_WRITE), 0);
}

static void kernel_mremap_refuses(void **state)
{
	enum { MOVE = MREMAP_MAYMOVE, FIX = MREMAP_MAYMOVE | MREMAP_FIXED };
	struct {
		va_t from;
		uint64_t old_pages, new_pages;
		int flags;
		va_t to;
		int64_t result;
	} cases[] = {
		{ A, 1, 1, 8, 0, -EINVAL },
		{ A, 1, 1, MREMAP_FIXED, A + 64 * PAGE, -EINVAL },
		{ A, 1, 1, 4, 0, -EINVAL },
		{ A, 1, 2, MOVE | 4, 0, -EINVAL },
		{ A + 1, 1, 2, MOVE, 0, -EINVAL },
		{ A, 1, 0, MOVE, 0, -EINVAL },
		{ A - PAGE, 1, 2, MOVE, 0, -EFAULT },
		{ A, 0, 2, MOVE, 0, -EINVAL },
		{ A, 5, 6, MOVE, 0, -EFAULT },
		{ A, 2, 2, FIX, A + PAGE, -EINVAL },
		{ A, 2, 2, FIX, A + 64 * PAGE + 1, -EINVAL },
		{ A, 2, 2, FIX, UINT64_C(1) << 47, -EINVAL },
		{ A, 2, 2, FIX, PAGE, -EPERM },
		{ A, 4, 1 << 24, 0, 0, -ENOMEM },
		{ A, 4, UINT64_C(1) << 40, MOVE, 0, -ENOMEM },
	};

	(void)state;
	assert_int_equal(map(A, 4, RW, FIXED), A);
	assert_int_equal(map(A + 4 * PAGE, 4, PROT_READ, FIXED), A + 4 * PAGE);
	fx_must(fx, A, ACCESS_WRITE);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t result = kernel_mremap(fx->kernel, cases[i].from, cases[i].old_pages * PAGE,
					       cases[i].new_pages * PAGE, (uint64_t)cases[i].flags,
					       cases[i].to);

		if (result != cases[i].result)
			fail_msg("case %u: %lld", i, (long long)result);
		expect_vmas("0-4:3 4-8:1");
	}
}

static void kernel_madvise_and_msync_go_on_behind_holes(void **state)
{
	(void)state;
	assert_int_equal(map(A, 4, RW, FIXED), A);
	assert_int_equal(map(A + 6 * PAGE, 2, RW, FIXED), A + 6 * PAGE);
	*fx_must(fx, A, ACCESS_WRITE) = 1;
	*fx_must(fx, A + 6 * PAGE, ACCESS_WRITE) = 2;
	assert_int_equal(kernel_madvise(fx->kernel, A, 8 * PAGE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(*fx_must(fx, A, ACCESS_READ), 0);
	assert_int_equal(*fx_must(fx, A + 6 * PAGE, ACCESS_READ), 0);
	assert_int_equal(kernel_madvise(fx->kernel, A, PAGE, 5), -EINVAL);
	assert_int_equal(kernel_madvise(fx->kernel, A + 1, PAGE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(kernel_madvise(fx->kernel, A, UINT64_MAX, MADV_DONTNEED), -EINVAL);
	assert_int_equal(kernel_madvise(fx->kernel, A, 0, MADV_DONTNEED), 0);
	assert_int_equal(kernel_madvise(fx->kernel, A + 100 * PAGE, PAGE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(kernel_madvise(fx->kernel, A, PAGE, MADV_REMOVE), -EINVAL);
	assert_int_equal(kernel_madvise(fx->kernel, A, 4 * PAGE, MADV_HUGEPAGE), 0);
	assert_int_equal(kernel_msync(fx->kernel, A, 4 * PAGE, MS_SYNC), 0);
	assert_int_equal(kernel_msync(fx->kernel, A, 8 * PAGE, MS_SYNC), -ENOMEM);
	assert_int_equal(kernel_msync(fx->kernel, A, PAGE, MS_SYNC | MS_ASYNC), -EINVAL);
	assert_int_equal(kernel_msync(fx->kernel, A, PAGE, 8), -EINVAL);
	assert_int_equal(kernel_msync(fx->kernel, A + 1, PAGE, MS_SYNC), -EINVAL);
	assert_int_equal(kernel_msync(fx->kernel, A, UINT64_MAX - A, MS_SYNC), -ENOMEM);
	assert_int_equal(kernel_msync(fx->kernel, A, 0, MS_SYNC), 0);
}

static void kernel_msync_reports_failing_files(void **state)
{
	int64_t id = kernel_file_open(fx->kernel, 100, PAGE, true);

	(void)state;
	fx->file[0].size = PAGE;
	assert_int_equal(
		kernel_mmap(fx->kernel, A, PAGE, RW, MAP_SHARED | MAP_FIXED, (uint64_t)id, 0), A);
	*fx_must(fx, A, ACCESS_WRITE) = 1;
	fx->write_error = PW_IO;
	assert_int_equal(kernel_msync(fx->kernel, A, PAGE, MS_SYNC), -EIO);
}

static void kernel_brk_moves_the_heap(void **state)
{
	const va_t start = A + 100;

	(void)state;
	assert_int_equal(kernel_brk(fx->kernel, A), 0);
	layout(UINT64_C(0x7ffff000), start);
	assert_int_equal(kernel_brk(fx->kernel, 0), start);
	assert_int_equal(kernel_brk(fx->kernel, start - 1), start);
	/* Within the first page, which is not the heap's: brk moves, nothing is mapped. */
	assert_int_equal(kernel_brk(fx->kernel, start + 10), start + 10);
	expect_vmas("");
	assert_int_equal(kernel_brk(fx->kernel, A + 3 * PAGE + 1), A + 3 * PAGE + 1);
	expect_vmas("1-4:3");
	*fx_must(fx, A + 3 * PAGE, ACCESS_WRITE) = 5;
	assert_int_equal(kernel_brk(fx->kernel, A + 2 * PAGE), A + 2 * PAGE);
	expect_vmas("1-2:3");
	assert_int_equal(kernel_brk_now(fx->kernel), A + 2 * PAGE);
	/* A page stays free below the next mapping. */
	assert_int_equal(map(A + 10 * PAGE, 1, RW, FIXED), A + 10 * PAGE);
	assert_int_equal(kernel_brk(fx->kernel, A + 10 * PAGE), A + 2 * PAGE);
	assert_int_equal(kernel_brk(fx->kernel, A + 9 * PAGE), A + 9 * PAGE);
	assert_int_equal(*fx_must(fx, A + 3 * PAGE, ACCESS_READ), 0);
	assert_int_equal(kernel_brk(fx->kernel, UINT64_MAX), A + 9 * PAGE);
	assert_int_equal(kernel_space_layout(fx->kernel, UINT64_MAX, 0, 0, 0), -EINVAL);
}

static void kernel_vma_at_finds_what_holds_or_follows(void **state)
{
	bool inside;

	(void)state;
	assert_int_equal(map(A, 1, RW, FIXED), A);
	assert_int_equal(map(A + 4 * PAGE, 1, RW, FIXED), A + 4 * PAGE);
	assert_int_equal(kernel_vma_at(fx->kernel, A + 5, &inside)->start, A);
	assert_true(inside);
	assert_int_equal(kernel_vma_at(fx->kernel, A + PAGE, &inside)->start, A + 4 * PAGE);
	assert_false(inside);
	assert_null(kernel_vma_at(fx->kernel, A + 5 * PAGE, &inside));
	assert_null(kernel_vma_nth(fx->kernel, 2));
}

/* --- against the host's kernel --------------------------------------------------------------- */

enum { ARENA_PAGES = 64, TRIES = 20000 };
enum trial_call {
	TRY_MMAP,
	TRY_MUNMAP,
	TRY_MPROTECT,
	TRY_MADVISE,
	TRY_MREMAP,
	TRY_MSYNC,
	TRY_COUNT
};

struct trial {
	enum trial_call call;
	va_t at, to;
	uint64_t bytes, new_bytes;
	uint64_t what; /* protection, advice or flags */
};

static unsigned trial_seed;

static unsigned any(unsigned below)
{
	trial_seed = trial_seed * 1103515245 + 12345;
	return (trial_seed >> 12) % below;
}

static struct trial make_trial(va_t base, bool fixed)
{
	static const uint64_t wild[] = { 0, UINT64_MAX, UINT64_C(1) << 47, UINT64_MAX - 8191 };
	static const uint64_t prots[] = { 0, 3, 1, 5, 3, 1, 0x10, 1 | PROT_GROWSDOWN };
	/* Not those that Linux keeps in the VMA, which then is not joined to its neighbours. */
	static const uint64_t advices[] = { 0, 3, 4, 4, 5, 7, 8, 9, 20, 99 };
	static const uint64_t remaps[] = { 0, 0, 1, 2, 3, 3, 3, 8 };
	static const uint64_t syncs[] = {
		0, MS_SYNC, MS_ASYNC, MS_SYNC | MS_ASYNC, 8, MS_INVALIDATE
	};
	unsigned page = any(ARENA_PAGES);
	struct trial t = { .call = any(TRY_COUNT) };

	t.at = base + page * PAGE + (any(20) == 0);
	t.bytes = any(12) == 0 ? wild[any(4)] : 1 + any((ARENA_PAGES - page) * FRAME_BYTES - 1);
	/* What reaches beyond the arena must be refused before it is tried on the host. */
	if (t.call == TRY_MMAP || t.call == TRY_MREMAP ||
	    (t.call != TRY_MUNMAP && t.bytes == UINT64_C(1) << 47))
		t.bytes = 1 + any((ARENA_PAGES - page) * FRAME_BYTES - 1);
	page = any(ARENA_PAGES);
	t.to = base + page * PAGE + (any(20) == 0);
	t.new_bytes = any((ARENA_PAGES - page) * FRAME_BYTES);
	if (t.call == TRY_MREMAP)
		t.what = remaps[any(8)];
	else
		t.what = t.call == TRY_MADVISE ? advices[any(10)]
			 : t.call == TRY_MSYNC ? syncs[any(6)]
					       : prots[any(8)];
	if (!fixed && t.call == TRY_MREMAP)
		t.what &= ~(uint64_t)MREMAP_FIXED;
	/* Stays in place, and within the arena. */
	if (t.call == TRY_MREMAP && !(t.what & MREMAP_FIXED)) {
		t.what &= ~(uint64_t)MREMAP_MAYMOVE;
		if (t.at + t.new_bytes > base + ARENA_PAGES * PAGE)
			t.new_bytes = t.bytes;
	}
	return t;
}

static int64_t try_host(const struct trial *t)
{
	void *at = (void *)(uintptr_t)t->at, *to = (void *)(uintptr_t)t->to, *got;
	int result = 0;

	switch (t->call) {
	case TRY_MMAP:
		got = mmap(at, t->bytes, (int)t->what & 7, FIXED, -1, 0);
		return got == MAP_FAILED ? -errno : (int64_t)(intptr_t)got;
	case TRY_MREMAP:
		got = mremap(at, t->bytes, t->new_bytes, (int)t->what, to);
		return got == MAP_FAILED ? -errno : (int64_t)(intptr_t)got;
	case TRY_MUNMAP:
		result = munmap(at, t->bytes);
		break;
	case TRY_MPROTECT:
		result = mprotect(at, t->bytes, (int)t->what);
		break;
	case TRY_MADVISE:
		result = madvise(at, t->bytes, (int)t->what);
		break;
	default:
		result = msync(at, t->bytes, (int)t->what);
	}
	return result ? -errno : 0;
}

static int64_t try_model(const struct trial *t)
{
	struct kernel *k = fx->kernel;

	switch (t->call) {
	case TRY_MMAP:
		return kernel_mmap(k, t->at, t->bytes, t->what & 7, FIXED, NO_FILE, 0);
	case TRY_MREMAP:
		return kernel_mremap(k, t->at, t->bytes, t->new_bytes, t->what, t->to);
	case TRY_MUNMAP:
		return kernel_munmap(k, t->at, t->bytes);
	case TRY_MPROTECT:
		return kernel_mprotect(k, t->at, t->bytes, t->what);
	case TRY_MADVISE:
		return kernel_madvise(k, t->at, t->bytes, t->what);
	default:
		return kernel_msync(k, t->at, t->bytes, t->what);
	}
}

/*
 * Linux 6.17 rewrote mremap() to a fixed address: it checks more before it unmaps the destination,
 * and moves several mappings at once. We are as 6.1 is.
 */
static bool host_mremap_differs(void)
{
	struct utsname name;
	unsigned major = 0, minor = 0;

	return uname(&name) != 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2 ||
	       major > 6 || (major == 6 && minor >= 17);
}

/*
 * The same calls on anonymous memory, made by a child that does nothing else (so that nobody maps
 * anything into the holes) and then by the model.
 */
static void kernel_calls_return_what_this_host_returns(void **state)
{
	static struct trial trial[TRIES];
	int64_t *theirs =
		mmap(NULL, sizeof(int64_t) * TRIES, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	void *arena = mmap(NULL, ARENA_PAGES * PAGE, PROT_NONE, ANON, -1, 0);
	va_t base = (va_t)(uintptr_t)arena;
	pid_t child;

	(void)state;
	if (sysconf(_SC_PAGESIZE) != FRAME_BYTES)
		skip();
	assert_ptr_not_equal(arena, MAP_FAILED);
	assert_ptr_not_equal(theirs, MAP_FAILED);
	trial_seed = 3;
	for (unsigned i = 0; i < TRIES; i++)
		trial[i] = make_trial(base, !host_mremap_differs());
	child = fork();
	if (child == 0) {
		for (unsigned i = 0; i < TRIES; i++)
			theirs[i] = try_host(&trial[i]);
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(map(base, ARENA_PAGES, PROT_NONE, FIXED), base);
	for (unsigned i = 0; i < TRIES; i++) {
		const struct trial *t = &trial[i];
		int64_t ours = try_model(t);

		if (ours != theirs[i])
			fail_msg(
				"try %u, call %u at page %lld, %lld bytes, %lld new, to page %lld, "
				"%lld: host %lld, ours %lld",
				i, t->call, (long long)(t->at - base) >> 12, (long long)t->bytes,
				(long long)t->new_bytes, (long long)(t->to - base) >> 12,
				(long long)t->what, (long long)theirs[i], (long long)ours);
	}
	munmap(arena, ARENA_PAGES * PAGE);
	munmap(theirs, sizeof(int64_t) * TRIES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(kernel_mmap_chooses_as_linux),
		TEST(kernel_mmap_falls_back_to_bottom_up),
		TEST(kernel_mmap_refuses),
		TEST(kernel_munmap_cuts_and_refuses),
		TEST(kernel_mprotect_cuts_joins_and_refuses),
		TEST(kernel_mremap_moves_pages_not_bytes),
		TEST(kernel_mremap_refuses),
		TEST(kernel_madvise_and_msync_go_on_behind_holes),
		TEST(kernel_msync_reports_failing_files),
		TEST(kernel_brk_moves_the_heap),
		TEST(kernel_vma_at_finds_what_holds_or_follows),
		TEST(kernel_calls_return_what_this_host_returns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
