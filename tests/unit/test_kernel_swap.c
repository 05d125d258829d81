/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Pages that leave memory and come back: anonymous ones by the swap device, with every byte; those
 * of files by the file; and those that must not leave.
 */

#include "tests/unit/kernel_fixture.h"

#include <signal.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS, SLOTS = 4096 };
#define PAGE ((uint64_t)FRAME_BYTES)
#define A    UINT64_C(0x100000)

static const char *policy;
static enum reclaim_clear clear_accessed;
static unsigned cluster;

static void with_swap(struct kernel_config *config)
{
	config->swap.bytes = SLOTS * PAGE;
	strcpy(config->reclaim.policy, policy);
	config->reclaim.clear_accessed = clear_accessed;
	config->reclaim.page_cluster = cluster;
}

static struct fixture *create(const char *format, uint64_t frames)
{
	struct fixture *f = fx_new();

	f->configure = with_swap;
	assert_int_equal(fx_try_create(f, format, frames * PAGE), PW_OK);
	assert_int_equal(kernel_space_create(f->kernel), 1);
	assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	return f;
}

static int set_up(void **state)
{
	(void)state;
	policy = "clock";
	clear_accessed = CLEAR_FLUSH;
	cluster = 3;
	return 0;
}

static void map(struct fixture *f, va_t va, uint64_t pages, int flags, int64_t file)
{
	assert_int_equal(kernel_mmap(f->kernel, va, pages * PAGE, RW, (uint64_t)(flags | MAP_FIXED),
				     (uint64_t)file, 0),
			 va);
}

/* Every word of a page says which page it is, and which writing of it. */
static void fill(struct fixture *f, va_t va, uint64_t stamp)
{
	uint64_t *word = fx_must(f, va, ACCESS_WRITE);

	for (unsigned i = 0; i < PAGE / 8; i++)
		word[i] = va * 31 + stamp * 7919 + i;
}

static void expect(struct fixture *f, va_t va, uint64_t stamp)
{
	const uint64_t *word = fx_must(f, va, ACCESS_READ);

	for (unsigned i = 0; i < PAGE / 8; i++)
		assert_int_equal(word[i], va * 31 + stamp * 7919 + i);
}

static void end(struct fixture *f)
{
	struct frame_counts counts;

	fx_check(f);
	for (uint64_t id = 1; id <= 4; id++)
		kernel_space_destroy(f->kernel, id);
	for (int64_t id = 0; id < 8; id++)
		while (kernel_file_close(f->kernel, (uint64_t)id) == 0)
			;
	fx_check(f);
	kernel_frame_counts(f->kernel, &counts);
	assert_int_equal(counts.anonymous + counts.file, 0);
	assert_int_equal(f->kernel->swap.used, 0);
	assert_int_equal(f->swapped_out, kernel_counters(f->kernel)->pages_swapped_out);
	assert_int_equal(f->swapped_in, kernel_counters(f->kernel)->pages_swapped_in);
	fx_destroy(f);
}

static bool present(struct fixture *f, va_t va)
{
	struct translation leaf;

	return pt_lookup(f->space, va, &leaf) == PW_OK;
}

/* --- there and back -------------------------------------------------------------------------- */

static void round_trip(const char *format)
{
	struct fixture *f = create(format, 128);
	uint64_t seed = 1;

	map(f, A, 300, ANON, -1);
	for (unsigned i = 0; i < 300; i++)
		fill(f, A + i * PAGE, 0);
	for (unsigned i = 0; i < 300; i++)
		expect(f, A + i * PAGE, 0);
	assert_true(f->swapped_out >= 300 - 128 && f->swapped_in >= 300 - 128);
	for (unsigned i = 0; i < 300; i += 2)
		fill(f, A + i * PAGE, 1);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t page;

		seed = seed * UINT64_C(6364136223846793005) + 1;
		page = (seed >> 33) % 300;
		expect(f, A + page * PAGE, page % 2 == 0);
		if (i % 200 == 0)
			fx_check(f);
	}
	end(f);
}

static void kernel_swap_keeps_every_byte_with_each_policy(void **state)
{
	(void)state;
	for (const struct reclaim_ops *const *ops = reclaim_policies; *ops; ops++) {
		policy = (*ops)->name;
		if (strcmp(policy, "opt") == 0)
			continue;
		round_trip("radix");
		round_trip("hashed");
		cluster = 0;
	}
}

/* What was only read needs not be written again: its slot is still good. */
static void kernel_swap_clean_pages_are_dropped(void **state)
{
	struct fixture *f;
	uint64_t out;

	(void)state;
	cluster = 0;
	f = create("radix", 128);
	map(f, A, 200, ANON, -1);
	for (unsigned i = 0; i < 200; i++)
		fill(f, A + i * PAGE, 0);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 200; i++)
			expect(f, A + i * PAGE, 0);
	out = f->swapped_out;
	for (unsigned i = 0; i < 200; i++)
		expect(f, A + i * PAGE, 0);
	assert_int_equal(f->swapped_out, out);
	/* Written to, the frame is the page's own again and the slot is free. */
	for (unsigned i = 0; i < 200; i++)
		fill(f, A + i * PAGE, 1);
	assert_true(f->swapped_out > out);
	for (unsigned i = 0; i < 200; i++)
		expect(f, A + i * PAGE, 1);
	end(f);
}

/* 2^3 slots in one request: fewer major faults, and the pages that came along are minor ones. */
static void kernel_swap_readahead(void **state)
{
	uint64_t major[2];

	(void)state;
	for (cluster = 0; cluster < 4; cluster += 3) {
		struct fixture *f = create("radix", 1024);

		map(f, A, 1200, ANON, -1);
		for (unsigned i = 0; i < 1200; i++)
			fill(f, A + i * PAGE, 0);
		kernel_munmap(f->kernel, A + 400 * PAGE, 800 * PAGE);
		for (unsigned i = 0; i < 400; i++)
			expect(f, A + i * PAGE, 0);
		major[cluster / 3] = kernel_counters(f->kernel)->faults_major;
		assert_int_equal(kernel_counters(f->kernel)->pages_read_ahead > 0, cluster > 0);
		end(f);
	}
	assert_true(major[0] > 100 && major[1] * 8 <= major[0] + 64);
}

/* --- who shares what ------------------------------------------------------------------------- */

static void run_in(struct fixture *f, uint64_t space)
{
	assert_int_equal(kernel_space_switch(f->kernel, space), 0);
}

static void kernel_swap_fork(void **state)
{
	struct fixture *f;

	(void)state;
	f = create("radix", 128);
	map(f, A, 150, ANON, -1);
	for (unsigned i = 0; i < 150; i++)
		fill(f, A + i * PAGE, 0);
	assert_true(f->kernel->swap.used > 20);
	assert_int_equal(kernel_fork(f->kernel), 2);
	fx_check(f);
	run_in(f, 2);
	for (unsigned i = 0; i < 150; i += 2)
		fill(f, A + i * PAGE, 2);
	fx_check(f);
	run_in(f, 1);
	for (unsigned i = 0; i < 150; i++)
		expect(f, A + i * PAGE, 0);
	fx_check(f);
	for (unsigned i = 0; i < 150; i += 3)
		fill(f, A + i * PAGE, 1);
	run_in(f, 2);
	for (unsigned i = 0; i < 150; i++)
		expect(f, A + i * PAGE, i % 2 ? 0 : 2);
	fx_check(f);
	run_in(f, 1);
	for (unsigned i = 0; i < 150; i++)
		expect(f, A + i * PAGE, i % 3 ? 0 : 1);
	end(f);
}

static void kernel_swap_shared_memory(void **state)
{
	struct fixture *f;

	(void)state;
	f = create("radix", 128);
	map(f, A, 150, MAP_SHARED | MAP_ANONYMOUS, -1);
	for (unsigned i = 0; i < 75; i++)
		fill(f, A + i * PAGE, 0);
	assert_int_equal(kernel_fork(f->kernel), 2);
	for (unsigned i = 75; i < 150; i++)
		fill(f, A + i * PAGE, 0);
	fx_check(f);
	run_in(f, 2);
	for (unsigned i = 0; i < 150; i++)
		expect(f, A + i * PAGE, 0);
	for (unsigned i = 0; i < 150; i++)
		fill(f, A + i * PAGE, 1);
	run_in(f, 1);
	for (unsigned i = 0; i < 150; i++)
		expect(f, A + i * PAGE, 1);
	assert_true(f->swapped_out > 100);
	end(f);
}

/* --- calls on pages that are out ------------------------------------------------------------- */

static void kernel_swap_calls_on_pages_that_are_out(void **state)
{
	struct fixture *f;
	uint64_t used;

	(void)state;
	f = create("radix", 128);
	map(f, A, 256, ANON, -1);
	for (unsigned i = 0; i < 256; i++)
		fill(f, A + i * PAGE, 0);
	used = f->kernel->swap.used;
	assert_false(present(f, A + 10 * PAGE));
	assert_int_equal(kernel_madvise(f->kernel, A, 16 * PAGE, MADV_DONTNEED), 0);
	assert_int_equal(f->kernel->swap.used, used - 16);
	assert_int_equal(*fx_must(f, A + 10 * PAGE, ACCESS_READ), 0);
	assert_int_equal(kernel_munmap(f->kernel, A + 16 * PAGE, 16 * PAGE), 0);
	assert_int_equal(fx_signal(f, A + 20 * PAGE, ACCESS_READ), SIGSEGV * 1000 + SEGV_MAPERR);
	/* Half of what moves is out. */
	assert_int_equal(kernel_mremap(f->kernel, A + 32 * PAGE, 224 * PAGE, 224 * PAGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, A + 1024 * PAGE),
			 A + 1024 * PAGE);
	fx_check(f);
	for (unsigned i = 0; i < 224; i++) {
		const uint64_t *word = fx_must(f, A + (1024 + i) * PAGE, ACCESS_READ);

		assert_int_equal(word[3], (A + (32 + i) * PAGE) * 31 + 3);
	}
	/* Permissions are the VMA's when the page comes back. */
	assert_int_equal(kernel_mprotect(f->kernel, A + 1024 * PAGE, 224 * PAGE, PROT_READ), 0);
	for (unsigned i = 0; i < 224; i++) {
		fx_must(f, A + (1024 + i) * PAGE, ACCESS_READ);
		assert_int_equal(fx_signal(f, A + (1024 + i) * PAGE, ACCESS_WRITE),
				 SIGSEGV * 1000 + SEGV_ACCERR);
	}
	end(f);
}

/* --- files ----------------------------------------------------------------------------------- */

static void kernel_swap_files_are_written_back(void **state)
{
	struct fixture *f;
	int64_t id;

	(void)state;
	f = create("radix", 128);
	f->file[0].size = 200 * PAGE;
	id = kernel_file_open(f->kernel, 100, 200 * PAGE, true);
	map(f, A, 200, MAP_SHARED, id);
	for (unsigned i = 0; i < 200; i++)
		*fx_must(f, A + i * PAGE, ACCESS_WRITE) = 1000 + i;
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(f->file[0].value[i], 1000 + i);
	assert_int_equal(f->swapped_out, 0);
	fx_check(f);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(*fx_must(f, A + i * PAGE, ACCESS_READ), 1000 + i);
	end(f);
}

/* --- who must not leave ---------------------------------------------------------------------- */

static void kernel_swap_pinned_pages_stay(void **state)
{
	struct translation leaf, again;
	struct fixture *f;

	(void)state;
	f = create("radix", 128);
	map(f, A, 300, ANON, -1);
	fill(f, A, 0);
	assert_int_equal(pt_lookup(f->space, A, &leaf), PW_OK);
	frames_get(&f->kernel->frames, leaf.pa >> FRAME_LG2);
	for (unsigned i = 1; i < 300; i++)
		fill(f, A + i * PAGE, 0);
	assert_int_equal(pt_lookup(f->space, A, &again), PW_OK);
	assert_int_equal(leaf.pa, again.pa);
	frames_put(&f->kernel->frames, leaf.pa >> FRAME_LG2);
	end(f);
}

/* Each of a page's neighbours is the oldest page there is when it is brought in. */
static void kernel_swap_neighbours_stay(void **state)
{
	struct fixture *f;

	(void)state;
	policy = "fifo";
	f = create("radix", 128);
	map(f, A, 600, ANON, -1);
	for (unsigned i = 0; i < 300; i += 3) {
		va_t middle = A + (300 + i + 1) * PAGE;

		fill(f, middle - PAGE, 0);
		fill(f, middle + PAGE, 0);
		for (unsigned n = 0; !f->kernel->swap.used || n < 115; n++)
			fill(f, A + (n % 250) * PAGE, 0);
		if (!present(f, middle - PAGE) || !present(f, middle + PAGE))
			continue;
		fill(f, middle, 0);
		assert_true(present(f, middle - PAGE) && present(f, middle + PAGE));
	}
	end(f);
}

/* Without a device anonymous memory stays, and the guest dies of it. */
static void kernel_swap_none(void **state)
{
	struct fixture *f = fx_create("radix", 128 * PAGE);
	struct fault_outcome outcome;
	unsigned i = 0;

	(void)state;
	map(f, A, 300, ANON, -1);
	while (fx_access(f, A + i * PAGE, ACCESS_WRITE, &outcome))
		i++;
	assert_true(i > 110 && i < 128);
	assert_int_equal(outcome.signal, SIGKILL);
	assert_true(kernel_out_of_memory(f->kernel));
	fx_check(f);
	fx_destroy(f);
}

/* --- when ------------------------------------------------------------------------------------ */

/*
 * 4096 frames are 16,384 KiB: 4 x sqrt = 512 KiB = 128 frames, more than 1/64: min is 64. A step is
 * 64 / 4 = 16, more than 10 / 10,000 of 4096: low is 80, high 96.
 */
static void kernel_swap_watermarks(void **state)
{
	struct fixture *f;
	struct frame_counts counts;
	const struct kernel_counters *counters;

	(void)state;
	f = create("radix", 4096);
	counters = kernel_counters(f->kernel);
	assert_int_equal(f->kernel->watermark[WATERMARK_MIN], 64);
	assert_int_equal(f->kernel->watermark[WATERMARK_LOW], 80);
	assert_int_equal(f->kernel->watermark[WATERMARK_HIGH], 96);
	map(f, A, 4200, ANON, -1);
	for (unsigned i = 0;; i++) {
		kernel_frame_counts(f->kernel, &counts);
		if (counts.free == 80)
			break;
		fill(f, A + i * PAGE, 0);
	}
	kernel_tick(f->kernel, 0, 0);
	assert_int_equal(counters->daemon_runs, 0);
	fill(f, A + 4100 * PAGE, 0);
	kernel_frame_counts(f->kernel, &counts);
	assert_true(counts.free < 80);
	kernel_tick(f->kernel, 0, 0);
	kernel_frame_counts(f->kernel, &counts);
	assert_int_equal(counters->daemon_runs, 1);
	assert_int_equal(counts.free, 96);
	assert_int_equal(counters->pages_reclaimed_direct, 0);
	assert_int_equal(counters->pages_reclaimed_daemon, counters->pages_swapped_out);
	assert_true(f->ledger.line[CHARGE_RECLAIM_DAEMON] > 0);
	assert_int_equal(f->ledger.line[CHARGE_RECLAIM_DIRECT], 0);
	/* Nobody ticks: allocations make room for themselves, below min only. */
	for (unsigned i = 4101; i < 4200; i++)
		fill(f, A + i * PAGE, 0);
	kernel_frame_counts(f->kernel, &counts);
	assert_int_equal(counts.free, 64 - 1);
	assert_true(counters->pages_reclaimed_direct > 0);
	assert_true(f->ledger.line[CHARGE_RECLAIM_DIRECT] > 0);
	kernel_idle(f->kernel);
	kernel_frame_counts(f->kernel, &counts);
	assert_int_equal(counts.free, 96);
	end(f);
}

static uint64_t faults(const struct fixture *f)
{
	return kernel_counters(f->kernel)->faults_minor + kernel_counters(f->kernel)->faults_major;
}

/*
 * Clock, 3 frames, pages 1 2 3 4 2 5 2; a page that is loaded has A set. Until 4 both do the same:
 *
 *	1 2 3   three faults                       [1A 2A 3A]
 *	4       A of 1, 2, 3 cleared, 1 leaves     [2 3 4A]
 *	        flush                              lazy: the TLB still has 2, so nothing sets its A
 *	2       [2A 3 4A]                          [2 3 4A]
 *	5       2 is passed over, 3 leaves         2 leaves
 *	2       there                              a fault
 *
 * Five faults and six.
 */
static void kernel_swap_clear_accessed(void **state)
{
	static const unsigned string[] = { 1, 2, 3, 4, 2, 5, 2 };

	(void)state;
	for (unsigned lazy = 0; lazy < 2; lazy++) {
		struct fixture *f;

		clear_accessed = lazy ? CLEAR_LAZY : CLEAR_FLUSH;
		f = create("radix", 64);
		map(f, A, 100, ANON, -1);
		for (unsigned i = 0; i < sizeof(string) / sizeof(*string); i++) {
			fx_must(f, A + 16 * string[i] * PAGE, ACCESS_WRITE);
			while (i == 0 && f->kernel->frames.count[FRAME_FREE] > 2)
				frames_take(&f->kernel->frames, FRAME_RESERVED, 0);
		}
		assert_int_equal(faults(f), lazy ? 6 : 5);
		fx_check(f);
		fx_destroy(f);
	}
}

/* Writes take 60 and wait when more than two of them are ahead; reads wait for all of them. */
static void kernel_swap_device_queue(void **state)
{
	const struct swap_config config = { .bytes = 16 * PAGE,
					    .read_cycles = 100,
					    .write_cycles = 50,
					    .page_cycles = 10,
					    .queue = 2 };
	struct fixture *f = fx_new();
	struct swap swap;

	(void)state;
	f->host.alloc = (struct host_alloc){ fx_resize, &f->host };
	assert_int_equal(swap_init(&swap, &config, &f->host.alloc), PW_OK);
	assert_int_equal(swap_write_stall(&swap, 1000), 0);  /* done at 1060 */
	assert_int_equal(swap_write_stall(&swap, 1000), 0);  /* 1120 */
	assert_int_equal(swap_write_stall(&swap, 1000), 60); /* 1180: 120 may be ahead */
	assert_int_equal(swap_read_stall(&swap, 1060, 3), 120 + 130);
	assert_int_equal(swap_read_stall(&swap, 5000, 1), 110);
	for (uint64_t slot = 0; slot < 16; slot++)
		assert_int_equal(swap_take(&swap), slot);
	assert_int_equal(swap_take(&swap), SLOT_NONE);
	swap_put(&swap, 7);
	assert_int_equal(swap_take(&swap), 7);
	swap_release(&swap);
	fx_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kernel_swap_keeps_every_byte_with_each_policy, set_up),
		cmocka_unit_test_setup(kernel_swap_clean_pages_are_dropped, set_up),
		cmocka_unit_test_setup(kernel_swap_readahead, set_up),
		cmocka_unit_test_setup(kernel_swap_fork, set_up),
		cmocka_unit_test_setup(kernel_swap_shared_memory, set_up),
		cmocka_unit_test_setup(kernel_swap_calls_on_pages_that_are_out, set_up),
		cmocka_unit_test_setup(kernel_swap_files_are_written_back, set_up),
		cmocka_unit_test_setup(kernel_swap_pinned_pages_stay, set_up),
		cmocka_unit_test_setup(kernel_swap_neighbours_stay, set_up),
		cmocka_unit_test_setup(kernel_swap_none, set_up),
		cmocka_unit_test_setup(kernel_swap_watermarks, set_up),
		cmocka_unit_test_setup(kernel_swap_clear_accessed, set_up),
		cmocka_unit_test_setup(kernel_swap_device_queue, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
