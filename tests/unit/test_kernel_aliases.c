/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The kernel model on a page table with one entry a frame: pages that are displaced from it stay
 * mapped, keep what they are, and are brought in by a fault of their own. The costs are set to
 * distinct powers of ten so that a sum shows what it was made of.
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, PAGES = 4 };
#define PAGE ((uint64_t)FRAME_BYTES)
#define A    UINT64_C(0x100000)
#define B    UINT64_C(0x200000)

#define COUNT(f, field)  ((long)kernel_counters((f)->kernel)->field)
#define LEDGER(f, line_) ((long)(f)->ledger.line[CHARGE_##line_])

static const struct kernel_costs costs = {
	.fault_entry = 1, .fault_service = 10, .alias = 100, .shootdown = 1000
};

static int64_t the_file;

/* Space 1 runs; file 0 has PAGES pages with the values 1, 2, ... */
static struct fixture *start(void)
{
	struct fixture *f = fx_new();

	f->costs = &costs;
	assert_int_equal(fx_try_create(f, "inverted", 1 << 20), PW_OK);
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(kernel_space_create(f->kernel), i);
	f->file[0].size = PAGES * PAGE;
	for (unsigned i = 0; i < PAGES; i++)
		f->file[0].value[i] = i + 1;
	assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	the_file = kernel_file_open(f->kernel, 100, PAGES * PAGE, true);
	return f;
}

static void run_space(struct fixture *f, unsigned space)
{
	assert_int_equal(kernel_space_switch(f->kernel, space), 0);
}

static void map(struct fixture *f, va_t va, int prot, int flags)
{
	assert_int_equal(kernel_mmap(f->kernel, va, PAGES * PAGE, (uint64_t)prot,
				     (uint64_t)flags | MAP_FIXED, (uint64_t)the_file, 0),
			 va);
}

static void end(struct fixture *f)
{
	fx_check(f);
	fx_destroy(f);
}

static bool is_displaced(struct fixture *f, va_t va)
{
	struct translation leaf;

	return kernel_displaced(f->kernel, va, &leaf);
}

static const struct frame *frame_of(struct fixture *f, va_t va)
{
	struct translation leaf;

	assert_true(fx_lookup(f, va, &leaf));
	return frame_at(&f->kernel->frames, leaf.pa >> FRAME_LG2);
}

static void aliases_of_one_space_take_turns(void **state)
{
	struct fixture *f = start();

	(void)state;
	map(f, A, RW, MAP_SHARED);
	map(f, B, RW, MAP_SHARED);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
	assert_false(is_displaced(f, A));
	assert_int_equal(*fx_must(f, B, ACCESS_READ), 1); /* a fault of a file page; A has to go */
	assert_true(is_displaced(f, A) && !is_displaced(f, B));
	assert_int_equal(COUNT(f, fault_file), 2);
	assert_int_equal(COUNT(f, fault_alias), 0);
	assert_int_equal(frame_of(f, A)->maps, 2);
	assert_int_equal(f->space->mapped, 1);
	assert_int_equal(f->invalidations, 1);
	fx_check(f);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
	assert_int_equal(*fx_must(f, B, ACCESS_READ), 1);
	assert_int_equal(COUNT(f, fault_alias), 2);
	assert_int_equal(COUNT(f, pages_remapped), 2);
	assert_int_equal(COUNT(f, fault_spurious), 0);
	assert_int_equal(COUNT(f, faults_minor), 3);
	assert_int_equal(COUNT(f, pages_mapped), 2);
	assert_int_equal(frame_of(f, A)->maps, 2);
	/* Entry each time; service where there was more than the alias; three displaced in all. */
	assert_int_equal(LEDGER(f, FAULT_ENTRY), 4);
	assert_int_equal(LEDGER(f, FAULT_SERVICE), 20);
	assert_int_equal(LEDGER(f, ALIAS), 200);
	assert_int_equal(LEDGER(f, SHOOTDOWN), 3000);
	assert_int_equal(f->flushes, 1); /* of the switch: an alias fault owes none */
	end(f);
}

static void displaced_pages_of_other_spaces_stay_theirs(void **state)
{
	struct fixture *f = start();

	(void)state;
	for (unsigned space = 1; space <= 3; space++) {
		run_space(f, space);
		map(f, A, space == 3 ? PROT_READ : RW, MAP_SHARED);
		for (unsigned i = 0; i < PAGES; i++)
			assert_int_equal(*fx_must(f, A + i * PAGE, ACCESS_READ), i + 1);
	}
	run_space(f, 1);
	*fx_must(f, A, ACCESS_WRITE) = 77; /* dirty here and nowhere else */
	run_space(f, 2);
	assert_true(is_displaced(f, A + PAGE) && is_displaced(f, A));
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 77);
	assert_int_equal(frame_of(f, A)->maps, 3);
	fx_check(f);
	run_space(f, 3);
	assert_int_equal(fx_signal(f, A, ACCESS_WRITE), SIGSEGV * 1000 + SEGV_ACCERR);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 77);
	/* The dirty page is displaced: its space goes, and its bytes reach the file. */
	assert_int_equal(f->file[0].value[0], 1);
	assert_int_equal(kernel_space_destroy(f->kernel, 1), 0);
	assert_int_equal(f->file[0].value[0], 77);
	assert_int_equal(f->written, 1);
	assert_int_equal(frame_of(f, A)->maps, 2);
	fx_check(f);
	/* The one with the entries goes: the other's pages come in without displacing any. */
	assert_int_equal(kernel_space_destroy(f->kernel, 3), 0);
	run_space(f, 2);
	assert_true(is_displaced(f, A));
	assert_int_equal(*fx_must(f, A, ACCESS_WRITE), 77);
	assert_int_equal(f->kernel->displaced.count, PAGES - 1);
	end(f);
}

static void displaced_pages_are_protected_and_unmapped(void **state)
{
	struct fixture *f = start();

	(void)state;
	map(f, A, RW, MAP_SHARED);
	map(f, B, RW, MAP_SHARED);
	for (unsigned i = 0; i < PAGES; i++) {
		*fx_must(f, A + i * PAGE, ACCESS_WRITE) = 10 + i;
		assert_int_equal(*fx_must(f, B + i * PAGE, ACCESS_READ), 10 + i);
	}
	assert_int_equal(kernel_mprotect(f->kernel, A, 2 * PAGE, PROT_READ), 0);
	assert_true(is_displaced(f, A));
	fx_check(f);
	assert_int_equal(fx_signal(f, A, ACCESS_WRITE), SIGSEGV * 1000 + SEGV_ACCERR);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 10);
	assert_int_equal(kernel_munmap(f->kernel, A + 2 * PAGE, PAGE), 0); /* a displaced one */
	assert_int_equal(f->file[0].value[2], 12);
	assert_int_equal(kernel_munmap(f->kernel, B + PAGE, PAGE), 0); /* one in the table */
	assert_int_equal(f->file[0].value[1], 2); /* A + PAGE is the dirty one */
	fx_check(f);
	assert_true(is_displaced(f, A + PAGE));
	assert_int_equal(*fx_must(f, A + PAGE, ACCESS_READ), 11);
	assert_false(is_displaced(f, A + PAGE));
	/* A displaced page moves, dirty as it is. */
	assert_true(is_displaced(f, A + 3 * PAGE));
	assert_int_equal(kernel_mremap(f->kernel, A + 3 * PAGE, PAGE, PAGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, B + 16 * PAGE),
			 B + 16 * PAGE);
	assert_int_equal(*fx_must(f, B + 16 * PAGE, ACCESS_READ), 13);
	assert_int_equal(*fx_must(f, B + 3 * PAGE, ACCESS_READ), 13);
	assert_int_equal(kernel_munmap(f->kernel, B + 16 * PAGE, PAGE), 0);
	assert_int_equal(f->file[0].value[3], 13);
	end(f);
}

static void displaced_pages_are_written_back_and_cleaned(void **state)
{
	struct fixture *f = start();
	struct translation leaf;

	(void)state;
	map(f, A, RW, MAP_SHARED);
	map(f, B, RW, MAP_SHARED);
	*fx_must(f, A, ACCESS_WRITE) = 50;
	fx_must(f, B, ACCESS_READ);
	assert_true(kernel_displaced(f->kernel, A, &leaf) && leaf.dirty && leaf.accessed);
	assert_int_equal(kernel_msync(f->kernel, A, PAGE, MS_SYNC), 0);
	assert_int_equal(f->file[0].value[0], 50);
	assert_true(kernel_displaced(f->kernel, A, &leaf) && !leaf.dirty);
	assert_int_equal(kernel_msync(f->kernel, A, PAGE, MS_SYNC), 0);
	assert_int_equal(f->written, 1);
	/* The file is cut: no mapping is left, wherever its entry was. */
	assert_int_equal(kernel_file_resize(f->kernel, (uint64_t)the_file, 0), 0);
	assert_int_equal(f->kernel->displaced.count, 0);
	assert_int_equal(fx_signal(f, A, ACCESS_READ), SIGBUS * 1000 + BUS_ADRERR);
	end(f);
}

/* The kernel has all of memory mapped: it copies to and from displaced pages where they are. */
static void the_kernel_itself_needs_no_entry(void **state)
{
	struct fixture *f = start();
	struct translation leaf;
	pa_t pa, other;

	(void)state;
	map(f, A, RW, MAP_SHARED);
	map(f, B, RW, MAP_SHARED);
	fx_must(f, A, ACCESS_READ);
	fx_must(f, B, ACCESS_READ);
	assert_true(kernel_displaced(f->kernel, A, &leaf) && !leaf.dirty);
	assert_int_equal(kernel_user_copy(f->kernel, A + 8, 8, ACCESS_WRITE), 0);
	assert_true(kernel_displaced(f->kernel, A, &leaf) && leaf.dirty);
	assert_true(kernel_translate(f->kernel, A, &pa) && kernel_translate(f->kernel, B, &other));
	assert_int_equal(pa, other);
	assert_int_equal(COUNT(f, fault_alias) + COUNT(f, faults_kernel), 0);
	end(f);
}

/* A write to a displaced private page: the copy is all that the fault is, and needs no entry. */
static void displaced_pages_are_copied_on_write(void **state)
{
	struct fixture *f = start();

	(void)state;
	map(f, A, RW, MAP_PRIVATE);
	map(f, B, RW, MAP_PRIVATE);
	fx_must(f, A, ACCESS_READ);
	fx_must(f, B, ACCESS_READ);
	assert_true(is_displaced(f, A));
	*fx_must(f, A, ACCESS_WRITE) = 9;
	assert_int_equal(COUNT(f, fault_cow), 1);
	assert_int_equal(COUNT(f, fault_alias), 0);
	assert_int_equal(f->kernel->displaced.count, 0);
	assert_int_equal(*fx_must(f, B, ACCESS_READ), 1);
	assert_int_equal(*fx_must(f, A, ACCESS_READ), 9);
	end(f);
}

/* Wherever the host refuses memory: nothing is half done, and the next try succeeds. */
static void records_that_cannot_be_made(void **state)
{
	bool done = false;

	(void)state;
	for (long n = 0; !done; n++) {
		struct fixture *f = start();
		struct fault_outcome outcome;

		map(f, A, RW, MAP_SHARED);
		map(f, B, RW, MAP_SHARED);
		fx_must(f, A, ACCESS_READ);
		f->host.fail_in = n;
		done = fx_access(f, B, ACCESS_READ, &outcome) != NULL;
		if (!done)
			assert_int_equal(outcome.signal, SIGKILL);
		f->host.fail_in = -1;
		fx_check(f);
		fx_reprieve(f);
		assert_int_equal(*fx_must(f, B, ACCESS_READ), 1);
		assert_int_equal(*fx_must(f, A, ACCESS_READ), 1);
		end(f);
		assert_true(n < 10);
	}
}

/* xorshift64*, Vigna 2016. */
static uint64_t random_state = 1;
static unsigned below(unsigned n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * UINT64_C(2685821657736338717) >> 32) * n >> 32);
}

/*
 * Three spaces with three windows each onto the same four pages, shared and private, that are
 * mapped anew, protected, moved and dropped: every value is where it belongs.
 */
enum { SPACES = 3, AREAS = 3, STEPS = 60000 };

struct window {
	bool shared;
	int prot;
	bool own[PAGES];
	uint64_t value[PAGES];
};

static void random_access(struct fixture *f, struct window *w, va_t va, uint64_t *shared)
{
	unsigned i = below(PAGES);
	uint64_t value = random_state >> 8, *word;
	bool write = below(3) == 0;
	int signal = write && !(w->prot & PROT_WRITE) ? SIGSEGV * 1000 + SEGV_ACCERR : 0;

	if (signal) {
		assert_int_equal(fx_signal(f, va + i * PAGE, ACCESS_WRITE), signal);
		return;
	}
	word = fx_must(f, va + i * PAGE, write ? ACCESS_WRITE : ACCESS_READ);
	assert_true(*word == (w->own[i] ? w->value[i] : shared[i]));
	if (!write)
		return;
	*word = value;
	if (w->shared) {
		shared[i] = value;
	} else {
		w->own[i] = true;
		w->value[i] = value;
	}
}

static void random_step(struct fixture *f, struct window *w, va_t va, uint64_t *shared)
{
	switch (below(40)) {
	case 0:
		w->shared = below(3) > 0;
		w->prot = RW;
		memset(w->own, 0, sizeof(w->own));
		map(f, va, RW, w->shared ? MAP_SHARED : MAP_PRIVATE);
		break;
	case 1:
		w->prot = below(2) ? RW : PROT_READ;
		assert_int_equal(kernel_mprotect(f->kernel, va, PAGES * PAGE, (uint64_t)w->prot),
				 0);
		break;
	case 2:
		assert_int_equal(kernel_madvise(f->kernel, va, PAGES * PAGE, 4), 0);
		memset(w->own, 0, sizeof(w->own));
		break;
	case 3:
		assert_int_equal(kernel_msync(f->kernel, va, PAGES * PAGE, MS_SYNC), 0);
		break;
	case 4:
		assert_int_equal(kernel_mremap(f->kernel, va, PAGES * PAGE, PAGES * PAGE,
					       MREMAP_MAYMOVE | MREMAP_FIXED, 0x900000),
				 0x900000);
		assert_int_equal(kernel_mremap(f->kernel, 0x900000, PAGES * PAGE, PAGES * PAGE,
					       MREMAP_MAYMOVE | MREMAP_FIXED, va),
				 va);
		break;
	default:
		random_access(f, w, va, shared);
	}
}

static void random_sharing(void **state)
{
	struct fixture *f = start();
	struct window window[SPACES][AREAS];
	uint64_t shared[PAGES] = { 1, 2, 3, 4 };

	(void)state;
	for (unsigned s = 0; s < SPACES; s++) {
		run_space(f, s + 1);
		for (unsigned a = 0; a < AREAS; a++) {
			window[s][a] = (struct window){ .shared = true, .prot = RW };
			map(f, A + a * PAGES * PAGE, RW, MAP_SHARED);
		}
	}
	for (unsigned i = 0, s = SPACES - 1; i < STEPS; i++) {
		unsigned area = below(AREAS);

		if (below(10) == 0) {
			s = below(SPACES);
			run_space(f, s + 1);
		}
		random_step(f, &window[s][area], A + area * PAGES * PAGE, shared);
		if (i % 50 == 0)
			fx_check(f);
	}
	assert_true(COUNT(f, fault_alias) > STEPS / 10);
	for (unsigned s = 0; s < SPACES; s++)
		assert_int_equal(kernel_space_destroy(f->kernel, s + 1), 0);
	assert_int_equal(f->kernel->displaced.count, 0);
	for (unsigned i = 0; i < PAGES; i++)
		assert_true(f->file[0].value[i] == shared[i]);
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aliases_of_one_space_take_turns),
		cmocka_unit_test(displaced_pages_of_other_spaces_stay_theirs),
		cmocka_unit_test(displaced_pages_are_protected_and_unmapped),
		cmocka_unit_test(displaced_pages_are_written_back_and_cleaned),
		cmocka_unit_test(the_kernel_itself_needs_no_entry),
		cmocka_unit_test(displaced_pages_are_copied_on_write),
		cmocka_unit_test(records_that_cannot_be_made),
		cmocka_unit_test(random_sharing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
