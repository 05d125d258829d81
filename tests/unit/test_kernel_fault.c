/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What each kind of fault does, counts and charges. The costs are set to distinct powers of ten so
 * that a sum shows what it was made of.
 */

#include "tests/unit/kernel_fixture.h"

#include <signal.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED };
#define PAGE ((uint64_t)FRAME_BYTES)
#define A    UINT64_C(0x100000)

static const char *const formats[] = { "radix", "hashed", "inverted", "inverted-chain" };
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

#define FOR_EACH_FORMAT(f, ram)                                               \
	for (unsigned format_ = 0; format_ < FORMATS; format_++)              \
		for (struct fixture *f = fx_create(formats[format_], ram); f; \
		     fx_check(f), fx_destroy(f), f = NULL)

#define COUNT(f, field) ((long)kernel_counters((f)->kernel)->field)

static void map(struct fixture *f, va_t va, uint64_t pages, int prot, int flags)
{
	int64_t at = kernel_mmap(f->kernel, va, pages * PAGE, (uint64_t)prot, (uint64_t)flags,
				 UINT64_MAX, 0);

	assert_int_equal(at, va);
}

static int64_t open_file(struct fixture *f, unsigned n, uint64_t pages, bool writable)
{
	f->file[n].size = pages * PAGE;
	for (unsigned i = 0; i < pages; i++)
		f->file[n].value[i] = n * 1000 + i;
	return kernel_file_open(f->kernel, 100 + n, pages * PAGE, writable);
}

static void map_file(struct fixture *f, va_t va, uint64_t pages, int prot, int flags, int64_t id)
{
	int64_t at = kernel_mmap(f->kernel, va, pages * PAGE, (uint64_t)prot,
				 (uint64_t)(flags | MAP_FIXED), (uint64_t)id, 0);

	assert_int_equal(at, va);
}

static bool translate(struct fixture *f, va_t va, struct translation *leaf)
{
	return pt_lookup(f->space, va, leaf) == PW_OK;
}

static void kernel_fault_fills_anonymous_pages_with_zeros(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct translation leaf;

		map(f, A, 3, RW, ANON);
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 0);
		assert_true(translate(f, A, &leaf));
		/* Writable at once, accessed, not dirty: nobody wrote. */
		assert_int_equal(leaf.perms, PERM_READ | PERM_WRITE | PERM_USER);
		assert_true(leaf.accessed && !leaf.dirty);
		*fx_must(f, A + PAGE, ACCESS_WRITE) = 5;
		assert_true(translate(f, A + PAGE, &leaf) && leaf.dirty);
		assert_false(translate(f, A + 2 * PAGE, &leaf));
		assert_int_equal(COUNT(f, fault_anonymous), 2);
		assert_int_equal(COUNT(f, faults_minor), 2);
		assert_int_equal(COUNT(f, faults_read), 1);
		assert_int_equal(COUNT(f, faults_write), 1);
		assert_int_equal(COUNT(f, pages_zeroed), 2);
		/* Nothing present has changed: one flush, of the switch. */
		assert_int_equal(f->flushes, 1);
		assert_int_equal(f->invalidations, 0);
	}
}

static void kernel_fault_reports_signals_as_linux(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct mmu_fault wild = { .va = UINT64_C(1) << 63, .kind = FAULT_NON_CANONICAL };
		struct fault_outcome outcome;
		int64_t id = open_file(f, 0, 1, false);

		map(f, A, 1, PROT_READ, ANON);
		map(f, A + PAGE, 1, PROT_NONE, ANON);
		map_file(f, A + 2 * PAGE, 2, PROT_READ, MAP_PRIVATE, id);
		assert_int_equal(fx_signal(f, A - 1, ACCESS_READ), SIGSEGV * 1000 + SEGV_MAPERR);
		assert_int_equal(fx_signal(f, A, ACCESS_READ), 0);
		assert_int_equal(fx_signal(f, A, ACCESS_WRITE), SIGSEGV * 1000 + SEGV_ACCERR);
		assert_int_equal(fx_signal(f, A, ACCESS_FETCH), SIGSEGV * 1000 + SEGV_ACCERR);
		assert_int_equal(fx_signal(f, A + PAGE, ACCESS_READ), SIGSEGV * 1000 + SEGV_ACCERR);
		assert_int_equal(fx_signal(f, A + 2 * PAGE, ACCESS_READ), 0);
		assert_int_equal(fx_signal(f, A + 3 * PAGE, ACCESS_READ),
				 SIGBUS * 1000 + BUS_ADRERR);
		kernel_fault(f->kernel, &wild, &outcome);
		assert_int_equal(outcome.signal, SIGSEGV);
		assert_int_equal(outcome.si_code, 0x80);
		assert_int_equal(outcome.va, 0);
		f->read_error = PW_IO;
		assert_int_equal(kernel_file_resize(f->kernel, (uint64_t)id, 2 * PAGE), 0);
		assert_int_equal(fx_signal(f, A + 3 * PAGE, ACCESS_READ),
				 SIGBUS * 1000 + BUS_ADRERR);
		assert_int_equal(COUNT(f, faults_signalled), 7);
		assert_int_equal(COUNT(f, faults_minor) + COUNT(f, faults_major), 2);
		assert_false(kernel_out_of_memory(f->kernel));
	}
}

static void kernel_fault_maps_private_files_read_only(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct translation leaf, copy;

		map_file(f, A, 2, RW, MAP_PRIVATE, open_file(f, 1, 2, false));
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 1000);
		assert_true(translate(f, A, &leaf));
		assert_int_equal(leaf.perms, PERM_READ | PERM_USER);
		assert_int_equal(COUNT(f, faults_major), 1);
		*fx_must(f, A, ACCESS_WRITE) = 77;
		assert_true(translate(f, A, &copy));
		assert_int_not_equal(copy.pa, leaf.pa);
		assert_int_equal(*fx_word(f, leaf.pa >> FRAME_LG2), 1000);
		assert_int_equal(COUNT(f, fault_cow), 1);
		assert_int_equal(COUNT(f, shootdowns), 1);
		assert_int_equal(f->invalidations, 1);
		/* First touched by a write: a copy at once, one fault. */
		*fx_must(f, A + PAGE, ACCESS_WRITE) = 78;
		assert_int_equal(COUNT(f, fault_cow), 2);
		assert_int_equal(COUNT(f, fault_file), 1);
		assert_int_equal(COUNT(f, faults_major), 2);
		assert_int_equal(f->file[1].value[0], 1000);
		assert_int_equal(COUNT(f, pages_written), 0);
	}
}

static void kernel_fault_shares_shared_files(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		int64_t id = open_file(f, 2, 2, true);

		map_file(f, A, 2, RW, MAP_SHARED, id);
		map_file(f, A + 8 * PAGE, 2, PROT_READ, MAP_SHARED, id);
		*fx_must(f, A, ACCESS_WRITE) = 5;
		assert_int_equal(*fx_must(f, A + 8 * PAGE, ACCESS_READ), 5);
		assert_int_equal(f->read, 1);
		assert_int_equal(f->file[2].value[0], 2000);
		assert_int_equal(kernel_msync(f->kernel, A, PAGE, MS_ASYNC), 0);
		assert_int_equal(f->file[2].value[0], 2000);
		f->flushes = f->invalidations = 0;
		assert_int_equal(kernel_msync(f->kernel, A, 2 * PAGE, MS_SYNC), 0);
		assert_int_equal(f->file[2].value[0], 5);
		/* Clearing D changes an entry. */
		assert_int_equal(f->invalidations, 1);
		assert_int_equal(f->flushes, 1);
		f->flushes = kernel_counters(f->kernel)->flushes;
		/* Clean now: nothing more to write. */
		assert_int_equal(kernel_msync(f->kernel, A, 2 * PAGE, MS_SYNC), 0);
		assert_int_equal(COUNT(f, pages_written), 1);
		*fx_must(f, A, ACCESS_WRITE) = 6;
		assert_int_equal(kernel_file_close(f->kernel, (uint64_t)id), 0);
		assert_int_equal(kernel_munmap(f->kernel, A, PAGE), 0);
		assert_int_equal(f->file[2].value[0], 6);
		*fx_must(f, A + PAGE, ACCESS_WRITE) = 9;
		assert_int_equal(kernel_space_destroy(f->kernel, 1), 0);
		assert_int_equal(f->file[2].value[1], 9);
		assert_int_equal(COUNT(f, pages_written), 3);
		assert_int_equal(f->asid_invalidations, 1);
	}
}

static void kernel_fault_shares_anonymous_memory(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct frame_counts counts;

		map(f, A, 4, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
		*fx_must(f, A + PAGE, ACCESS_WRITE) = 5;
		/* A second mapping of the same pages: mremap with an old length of 0. */
		assert_int_equal(kernel_mremap(f->kernel, A, 0, 4 * PAGE,
					       MREMAP_MAYMOVE | MREMAP_FIXED, A + 16 * PAGE),
				 A + 16 * PAGE);
		assert_int_equal(*fx_must(f, A + 17 * PAGE, ACCESS_READ), 5);
		assert_int_equal(kernel_madvise(f->kernel, A, 4 * PAGE, MADV_DONTNEED), 0);
		assert_int_equal(*fx_must(f, A + PAGE, ACCESS_READ), 5);
		assert_int_equal(kernel_madvise(f->kernel, A, 4 * PAGE, MADV_REMOVE), 0);
		assert_int_equal(*fx_must(f, A + PAGE, ACCESS_READ), 0);
		assert_int_equal(COUNT(f, pages_written), 0);
		assert_int_equal(COUNT(f, pages_read), 0);
		assert_int_equal(kernel_munmap(f->kernel, A, 32 * PAGE), 0);
		kernel_frame_counts(f->kernel, &counts);
		assert_int_equal(counts.file, 0);
	}
}

static void kernel_fault_reuses_the_last_copy(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct translation before, after;

		map(f, A, 1, RW, ANON);
		*fx_must(f, A, ACCESS_WRITE) = 5;
		assert_true(translate(f, A, &before));
		assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, PROT_READ), 0);
		assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, RW), 0);
		assert_int_equal(*fx_must(f, A, ACCESS_WRITE), 5);
		assert_true(translate(f, A, &after));
		assert_int_equal(after.pa, before.pa);
		assert_int_equal(COUNT(f, fault_reuse), 1);
		assert_int_equal(COUNT(f, fault_cow), 0);
		assert_int_equal(COUNT(f, pages_copied), 0);
		/* Two changes of a present entry: the mprotect that took W, the reuse. */
		assert_int_equal(f->invalidations, 2);
		assert_int_equal(f->flushes, 1 + 2);
	}
}

/* What fork() will leave behind: a write-protected page that somebody else holds, too. */
static void kernel_fault_copies_what_is_held_twice(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct translation before, after;
		pfn_t pfn;

		map(f, A, 1, RW, ANON);
		*fx_must(f, A, ACCESS_WRITE) = 5;
		assert_true(translate(f, A, &before));
		pfn = before.pa >> FRAME_LG2;
		frames_get(&f->kernel->frames, pfn);
		assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, PROT_READ), 0);
		assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, RW), 0);
		*fx_must(f, A, ACCESS_WRITE) = 6;
		assert_true(translate(f, A, &after));
		assert_int_not_equal(after.pa, before.pa);
		assert_int_equal(*fx_word(f, pfn), 5);
		assert_int_equal(COUNT(f, fault_cow), 1);
		assert_int_equal(COUNT(f, pages_copied), 1);
		assert_int_equal(frame_at(&f->kernel->frames, pfn)->refs, 1);
		assert_int_equal(frame_at(&f->kernel->frames, pfn)->maps, 0);
		frames_put(&f->kernel->frames, pfn);
		kernel_settle(f->kernel);
	}
}

/* Hardware that leaves A or D to software: the kernel sets them, and says that the entry changed. */
static void kernel_fault_marks_for_software(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct mmu_fault fault = { .va = A, .kind = FAULT_DIRTY, .access = ACCESS_WRITE };
		struct fault_outcome outcome;
		struct translation leaf;

		map(f, A, 1, RW, ANON);
		fx_must(f, A, ACCESS_READ);
		kernel_fault(f->kernel, &fault, &outcome);
		assert_int_equal(outcome.signal, 0);
		assert_true(translate(f, A, &leaf) && leaf.dirty);
		assert_int_equal(f->invalidations, 1);
		f->table.ops->harvest(f->space, A, HARVEST_CLEAR_A, &leaf);
		fault.kind = FAULT_ACCESSED;
		fault.access = ACCESS_READ;
		kernel_fault(f->kernel, &fault, &outcome);
		assert_true(translate(f, A, &leaf) && leaf.accessed);
		assert_int_equal(f->invalidations, 2);
		/* Once more: nothing is left to do. */
		kernel_fault(f->kernel, &fault, &outcome);
		assert_int_equal(COUNT(f, fault_spurious), 1);
		assert_int_equal(f->invalidations, 2);
		fault.kind = FAULT_RESERVED;
		kernel_fault(f->kernel, &fault, &outcome);
		assert_int_equal(outcome.signal, SIGKILL);
		assert_false(kernel_out_of_memory(f->kernel));
	}
}

static void kernel_fault_keeps_pages_through_prot_none(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		map(f, A, 1, RW, ANON);
		*fx_must(f, A, ACCESS_WRITE) = 5;
		assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, PROT_NONE), 0);
		assert_int_equal(fx_signal(f, A, ACCESS_READ), SIGSEGV * 1000 + SEGV_ACCERR);
		assert_int_equal(kernel_user_copy(f->kernel, A, 8, ACCESS_READ), -14);
		assert_int_equal(kernel_mprotect(f->kernel, A, PAGE, PROT_READ), 0);
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 5);
	}
}

static void kernel_fault_grows_stacks(void **state)
{
	const va_t top = A + 4096 * PAGE;

	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		map(f, top - PAGE, 1, RW, ANON | MAP_GROWSDOWN);
		assert_int_equal(kernel_space_layout(f->kernel, top, 0, top, 512 * PAGE), 0);
		*fx_must(f, top - 10 * PAGE, ACCESS_WRITE) = 5;
		assert_int_equal(COUNT(f, fault_stack), 1);
		assert_int_equal(kernel_vma_count(f->kernel), 1);
		assert_int_equal(kernel_vma_nth(f->kernel, 0)->start, top - 10 * PAGE);
		/* The kernel's own touch grows it, too; 512 pages are allowed, 513 are not. */
		assert_int_equal(kernel_user_copy(f->kernel, top - 512 * PAGE, 8, ACCESS_WRITE), 0);
		assert_int_equal(fx_signal(f, top - 513 * PAGE, ACCESS_WRITE),
				 SIGSEGV * 1000 + SEGV_MAPERR);
		assert_int_equal(kernel_munmap(f->kernel, top - 512 * PAGE, 511 * PAGE), 0);
		/* 256 pages stay free above a neighbour that can be touched. */
		map(f, top - 400 * PAGE, 1, RW, ANON);
		assert_int_equal(fx_signal(f, top - 144 * PAGE, ACCESS_WRITE),
				 SIGSEGV * 1000 + SEGV_MAPERR);
		*fx_must(f, top - 143 * PAGE, ACCESS_WRITE) = 1;
		assert_int_equal(kernel_mprotect(f->kernel, top - 400 * PAGE, PAGE, PROT_NONE), 0);
		*fx_must(f, top - 399 * PAGE, ACCESS_WRITE) = 1;
	}
}

/* Both pages of a mapping lie in one table of the radix format. */
static void kernel_fault_charges_by_cause(void **state)
{
	struct fixture *f = fx_new();
	const struct kernel_costs costs = {
		.fault_entry = 10,
		.fault_service = 100,
		.page_zero = 1000,
		.page_copy = 10000,
		.shootdown = 100000,
		.syscall = 7,
		.copy_64_bytes = 3,
		.signal = 11,
		.context_switch = 13,
		.file_read_page = 1000000,
		.file_write_page = 10000000,
	};
	const cycles_t *line = f->ledger.line;
	int64_t id;

	(void)state;
	f->costs = &costs;
	assert_int_equal(fx_try_create(f, "radix", 1 << 20), PW_OK);
	kernel_space_create(f->kernel);
	kernel_space_switch(f->kernel, 1);
	assert_int_equal(line[CHARGE_SWITCH], 13);
	map(f, A, 2, RW, ANON);
	/* Three tables below the root, cleared. */
	fx_must(f, A, ACCESS_WRITE);
	assert_int_equal(line[CHARGE_FAULT_ENTRY], 10);
	assert_int_equal(line[CHARGE_FAULT_SERVICE], 100);
	assert_int_equal(line[CHARGE_PAGE_ZERO], 1000);
	assert_int_equal(line[CHARGE_TABLE_UPDATE], 4 * 1000);
	assert_int_equal(line[CHARGE_SHOOTDOWN], 0);
	kernel_munmap(f->kernel, A, 2 * PAGE);
	assert_int_equal(line[CHARGE_SHOOTDOWN], 100000);
	id = open_file(f, 0, 4, true);
	map_file(f, A, 4, RW, MAP_PRIVATE, id);
	fx_must(f, A, ACCESS_WRITE);
	assert_int_equal(line[CHARGE_IO_READ], 1000000);
	assert_int_equal(line[CHARGE_PAGE_COPY], 10000);
	kernel_file_read(f->kernel, (uint64_t)id, PAGE - 1, 2 * PAGE);
	/* Of the three pages one is in the cache. */
	assert_int_equal(line[CHARGE_IO_READ], 3000000);
	kernel_file_write(f->kernel, (uint64_t)id, 0, PAGE + 1);
	assert_int_equal(line[CHARGE_IO_WRITE], 20000000);
	kernel_user_copy(f->kernel, A, 65, ACCESS_READ);
	assert_int_equal(line[CHARGE_USER_COPY], 6);
	kernel_syscall(f->kernel, 1);
	assert_int_equal(line[CHARGE_SYSCALL], 7);
	kernel_signal_deliver(f->kernel, 11);
	kernel_signal_return(f->kernel);
	assert_int_equal(line[CHARGE_SIGNAL], 22);
	assert_int_equal(line[CHARGE_FAULT_ENTRY], 20);
	assert_int_equal(fx_signal(f, 0x5000, ACCESS_READ), SIGSEGV * 1000 + SEGV_MAPERR);
	assert_int_equal(line[CHARGE_FAULT_ENTRY], 30);
	assert_int_equal(line[CHARGE_FAULT_SERVICE], 200);
	fx_destroy(f);
}

static void kernel_user_copy_is_a_fault_of_the_kernel(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct translation leaf;

		map(f, A, 2, RW, ANON);
		map(f, A + 2 * PAGE, 1, PROT_READ, ANON);
		assert_int_equal(kernel_user_copy(f->kernel, A, 4096, ACCESS_READ), 0);
		assert_true(translate(f, A, &leaf) && leaf.accessed && !leaf.dirty);
		assert_int_equal(kernel_user_copy(f->kernel, A + 8, 4088, ACCESS_WRITE), 0);
		assert_true(translate(f, A, &leaf) && leaf.dirty);
		assert_int_equal(COUNT(f, faults_kernel), 1);
		assert_int_equal(COUNT(f, faults_minor), 0);
		assert_int_equal(COUNT(f, bytes_copied), 4096 + 4088);
		assert_int_equal(kernel_user_copy(f->kernel, A + 2 * PAGE, 1, ACCESS_WRITE), -14);
		assert_int_equal(kernel_user_copy(f->kernel, A + 3 * PAGE, 1, ACCESS_READ), -14);
		assert_int_equal(kernel_user_copy(f->kernel, A + 3 * PAGE, 0, ACCESS_READ), 0);
		assert_int_equal(kernel_user_copy(f->kernel, A + 8, 4089, ACCESS_READ), -14);
		assert_int_equal(kernel_user_copy(f->kernel, A, 8, 99), -14);
		assert_int_equal(kernel_user_copy(f->kernel, UINT64_MAX - 7, 8, ACCESS_READ), -14);
	}
}

static void kernel_files_shrink_and_grow(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		int64_t id = open_file(f, 3, 4, true);
		struct frame_counts counts;

		map_file(f, A, 4, RW, MAP_SHARED, id);
		map_file(f, A + 8 * PAGE, 4, RW, MAP_PRIVATE, id);
		for (unsigned i = 0; i < 4; i++)
			*fx_must(f, A + i * PAGE, ACCESS_WRITE) = 50 + i;
		*fx_must(f, A + 11 * PAGE, ACCESS_WRITE) = 99;
		f->file[3].size = 2 * PAGE + 10;
		f->file[3].value[3] = 0;
		assert_int_equal(kernel_file_resize(f->kernel, (uint64_t)id, 2 * PAGE + 10), 0);
		/* The private copy beyond the end went, too; what is left of page 2 was kept. */
		assert_int_equal(fx_signal(f, A + 11 * PAGE, ACCESS_READ),
				 SIGBUS * 1000 + BUS_ADRERR);
		assert_int_equal(fx_signal(f, A + 3 * PAGE, ACCESS_READ),
				 SIGBUS * 1000 + BUS_ADRERR);
		assert_int_equal(*fx_must(f, A + 2 * PAGE, ACCESS_READ), 52);
		assert_int_equal(f->file[3].value[2], 52);
		assert_int_equal(f->file[3].value[3], 0);
		kernel_frame_counts(f->kernel, &counts);
		assert_int_equal(counts.file, 3);
		assert_int_equal(counts.anonymous, 0);
		f->file[3].size = 4 * PAGE;
		assert_int_equal(kernel_file_resize(f->kernel, (uint64_t)id, 4 * PAGE), 0);
		assert_int_equal(*fx_must(f, A + 3 * PAGE, ACCESS_READ), 0);
		/* write(2) is seen through the mapping. */
		f->file[3].value[3] = 7;
		assert_int_equal(kernel_file_write(f->kernel, (uint64_t)id, 3 * PAGE, 8), 0);
		assert_int_equal(*fx_must(f, A + 3 * PAGE, ACCESS_READ), 7);
	}
}

static void kernel_spaces_are_apart(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		map(f, A, 1, RW, ANON);
		*fx_must(f, A, ACCESS_WRITE) = 1;
		assert_int_equal(kernel_space_create(f->kernel), 2);
		assert_int_equal(kernel_space_switch(f->kernel, 2), 0);
		assert_int_equal(fx_signal(f, A, ACCESS_READ), SIGSEGV * 1000 + SEGV_MAPERR);
		map(f, A, 1, RW, ANON);
		*fx_must(f, A, ACCESS_WRITE) = 2;
		assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
		assert_int_equal(kernel_space_destroy(f->kernel, 2), 0);
		/* The ASID is used again, the id is not, and nothing of its last owner is left. */
		assert_int_equal(kernel_space_create(f->kernel), 3);
		assert_int_equal(kernel_space_switch(f->kernel, 3), 0);
		assert_int_equal(f->space->tag, 2);
		assert_int_equal(fx_signal(f, A, ACCESS_READ), SIGSEGV * 1000 + SEGV_MAPERR);
		assert_int_equal(kernel_space_switch(f->kernel, 9), -3);
		assert_int_equal(kernel_space_destroy(f->kernel, 0), -3);
		assert_int_equal(kernel_space_destroy(f->kernel, 2), -3);
		assert_int_equal(kernel_space_destroy(f->kernel, 3), 0);
		assert_null(kernel_space(f->kernel));
		assert_int_equal(kernel_mmap(f->kernel, 0, PAGE, RW, ANON, UINT64_MAX, 0), -3);
		assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	}
}

struct heard {
	unsigned calls;
	struct kcall last;
	int64_t result;
};

static void hear(void *ctx, const struct kcall *call, int64_t result)
{
	struct heard *heard = ctx;

	heard->calls++;
	heard->last = *call;
	heard->result = result;
}

static void kernel_listener_hears_every_call(void **state)
{
	struct heard heard = { 0 };
	const struct kernel_listener listener = { &heard, hear };

	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		kernel_set_listener(f->kernel, &listener);
		kernel_mmap(f->kernel, A, PAGE, RW, ANON, UINT64_MAX, 0);
		assert_int_equal(heard.last.op, KCALL_mmap);
		assert_int_equal(heard.last.arg[1], PAGE);
		assert_int_equal(heard.result, A);
		assert_string_equal(kcall_infos[KCALL_mmap].arg_name[4], "file");
		assert_int_equal(kcall_infos[KCALL_mmap].arg_count, 6);
		fx_must(f, A, ACCESS_READ);
		kernel_set_listener(f->kernel, NULL);
		kernel_munmap(f->kernel, A, PAGE);
	}
	assert_int_equal(heard.calls, FORMATS);
}

struct recorder {
	struct sink sink;
	unsigned count[EVENT_COUNT];
	struct event last[EVENT_COUNT];
};

static void record(struct sink *sink, const struct event *events, size_t count)
{
	struct recorder *recorder = (struct recorder *)sink;

	for (size_t i = 0; i < count; i++) {
		recorder->count[events[i].kind]++;
		recorder->last[events[i].kind] = events[i];
	}
}

static void kernel_emits_what_is_wanted(void **state)
{
	static const struct sink_ops ops = { "recorder", record };

	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct recorder recorder = { .sink = { &ops, ~UINT64_C(0) } };
		struct translation leaf;

		assert_int_equal(event_queue_attach(&f->events, &recorder.sink), PW_OK);
		map(f, A, 1, RW, ANON);
		fx_must(f, A + 4, ACCESS_WRITE);
		assert_true(translate(f, A, &leaf));
		kernel_munmap(f->kernel, A, PAGE);
		fx_signal(f, A, ACCESS_READ);
		kernel_syscall(f->kernel, 42);
		kernel_space_switch(f->kernel, 1);
		event_queue_flush(&f->events);
		assert_int_equal(recorder.count[EVENT_MAP], 1);
		assert_int_equal(recorder.last[EVENT_MAP].pa, leaf.pa);
		assert_int_equal(recorder.count[EVENT_UNMAP], 1);
		assert_int_equal(recorder.last[EVENT_UNMAP].va, A);
		assert_int_equal(recorder.count[EVENT_FAULT_SERVED], 1);
		assert_int_equal(recorder.last[EVENT_FAULT_SERVED].level, SERVICE_ANONYMOUS);
		assert_int_equal(recorder.last[EVENT_FAULT_SERVED].va, A + 4);
		assert_int_equal(recorder.last[EVENT_FAULT_SERVED].pa, leaf.pa);
		assert_int_equal(recorder.last[EVENT_SIGNAL].value, SIGSEGV);
		assert_int_equal(recorder.last[EVENT_SIGNAL].level, SEGV_MAPERR);
		assert_int_equal(recorder.last[EVENT_SYSCALL].value, 42);
		assert_int_equal(recorder.last[EVENT_SWITCH].asid, 1);
		assert_int_equal(recorder.last[EVENT_SWITCH].value, 0);
		recorder.sink.wants = 0;
		event_queue_refresh(&f->events);
	}
}

static void kernel_start_refuses_what_it_cannot_do(void **state)
{
	struct config_complaint complaint;
	struct kernel_config config;
	struct kernel *kernel;

	(void)state;
	FOR_EACH_FORMAT(f, 1 << 20)
	{
		struct pt_caps caps = f->table.caps;

		f->table.caps.base_page_lg2 = 22; /* 4 MiB */
		assert_int_equal(fx_start(f), PW_UNSUPPORTED);
		f->table.caps = caps;
		assert_int_equal(kernel_va_end(f->kernel), (UINT64_C(1) << 47) - 4096);
	}
	kernel_config_default(&config);
	assert_int_equal(kernel_config_check(&config, &complaint), PW_OK);
	strcpy(config.frame_allocator, "magic");
	assert_int_equal(kernel_create(&kernel, &config, &host_alloc_libc, &complaint), PW_INVALID);
	assert_string_equal(complaint.field, "kernel.frame_allocator");
	kernel_config_default(&config);
	config.ram_bytes = 4097;
	assert_int_equal(kernel_config_check(&config, &complaint), PW_INVALID);
	assert_string_equal(complaint.field, "kernel.ram_bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_fault_fills_anonymous_pages_with_zeros),
		cmocka_unit_test(kernel_fault_reports_signals_as_linux),
		cmocka_unit_test(kernel_fault_maps_private_files_read_only),
		cmocka_unit_test(kernel_fault_shares_shared_files),
		cmocka_unit_test(kernel_fault_shares_anonymous_memory),
		cmocka_unit_test(kernel_fault_reuses_the_last_copy),
		cmocka_unit_test(kernel_fault_copies_what_is_held_twice),
		cmocka_unit_test(kernel_fault_marks_for_software),
		cmocka_unit_test(kernel_fault_keeps_pages_through_prot_none),
		cmocka_unit_test(kernel_fault_grows_stacks),
		cmocka_unit_test(kernel_fault_charges_by_cause),
		cmocka_unit_test(kernel_user_copy_is_a_fault_of_the_kernel),
		cmocka_unit_test(kernel_files_shrink_and_grow),
		cmocka_unit_test(kernel_spaces_are_apart),
		cmocka_unit_test(kernel_listener_hears_every_call),
		cmocka_unit_test(kernel_emits_what_is_wanted),
		cmocka_unit_test(kernel_start_refuses_what_it_cannot_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
