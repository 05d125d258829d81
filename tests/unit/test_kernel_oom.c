/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Want of memory, at every point: simulated frames and host allocations. Whatever fails, all laws
 * hold afterwards, and when the space is gone every frame is back.
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };
#define PAGE ((uint64_t)FRAME_BYTES)
#define A    UINT64_C(0x100000)
#define FAR  UINT64_C(0x7000000000)

static const char *const formats[] = { "radix", "hashed", "inverted", "inverted-chain" };
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

/* --- one script, cut short by every amount --------------------------------------------------- */

static bool touch(struct fixture *f, va_t va, enum access_kind access)
{
	struct fault_outcome outcome;
	uint64_t *word = fx_access(f, va, access, &outcome);

	if (!word) {
		assert_int_equal(outcome.signal, SIGKILL);
		assert_true(kernel_out_of_memory(f->kernel));
	}
	return word != NULL;
}

static bool map_at(struct fixture *f, va_t va, uint64_t pages, int flags, int64_t file)
{
	int64_t result = kernel_mmap(f->kernel, va, pages * PAGE, RW, (uint64_t)(flags | MAP_FIXED),
				     (uint64_t)file, 0);

	assert_true(result == (int64_t)va || result == -ENOMEM);
	return result > 0;
}

static bool script_files(struct fixture *f)
{
	int64_t id = kernel_file_open(f->kernel, 101, 16 * PAGE, true);

	if (id < 0)
		return false;
	f->file[1].size = 16 * PAGE;
	if (!map_at(f, A + 64 * PAGE, 16, MAP_PRIVATE, id) || !map_at(f, FAR, 16, MAP_SHARED, id))
		return false;
	for (unsigned i = 0; i < 16; i++)
		if (!touch(f, A + (64 + i) * PAGE, ACCESS_READ) ||
		    !touch(f, FAR + i * PAGE, ACCESS_WRITE) ||
		    (i % 2 && !touch(f, A + (64 + i) * PAGE, ACCESS_WRITE)))
			return false;
	return kernel_file_close(f->kernel, (uint64_t)id) == 0 &&
	       kernel_munmap(f->kernel, FAR, 8 * PAGE) == 0;
}

static bool script(struct fixture *f)
{
	if (kernel_space_create(f->kernel) < 0)
		return false;
	kernel_space_switch(f->kernel, 1);
	if (!map_at(f, A, 16, ANON, -1) ||
	    !map_at(f, A + 32 * PAGE, 4, MAP_SHARED | MAP_ANONYMOUS, -1))
		return false;
	for (unsigned i = 0; i < 16; i++)
		if (!touch(f, A + i * PAGE, ACCESS_WRITE))
			return false;
	if (!touch(f, A + 33 * PAGE, ACCESS_WRITE) ||
	    kernel_user_copy(f->kernel, A + 34 * PAGE, 8, ACCESS_WRITE))
		return false;
	/* To where no table is. */
	if (kernel_mremap(f->kernel, A, 16 * PAGE, 20 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			  UINT64_C(0x6000000000)) < 0)
		return false;
	for (unsigned i = 0; i < 8; i++)
		if (kernel_mprotect(f->kernel, UINT64_C(0x6000000000) + 2 * i * PAGE, PAGE,
				    PROT_READ))
			return false;
	return script_files(f);
}

static void end(struct fixture *f)
{
	struct frame_counts counts;

	f->host.fail_in = -1;
	fx_check(f);
	if (kernel_space(f->kernel))
		assert_int_equal(kernel_space_destroy(f->kernel, 1), 0);
	for (int64_t id = 0; id < 8; id++)
		while (kernel_file_close(f->kernel, (uint64_t)id) == 0)
			;
	fx_check(f);
	kernel_frame_counts(f->kernel, &counts);
	assert_int_equal(counts.anonymous + counts.file, 0);
	if (strcmp(f->table.ops->name, "radix") == 0)
		assert_int_equal(counts.free + counts.reserved, counts.total);
}

static void kernel_oom_by_every_number_of_frames(void **state)
{
	unsigned killed = 0, done = 0;

	(void)state;
	for (unsigned format = 0; format < FORMATS; format++) {
		for (uint64_t frames = 16; frames < 90; frames++) {
			struct fixture *f = fx_new();

			assert_int_equal(fx_try_create(f, formats[format], frames * PAGE), PW_OK);
			if (script(f))
				done++;
			else
				killed += kernel_out_of_memory(f->kernel);
			end(f);
			fx_destroy(f);
		}
	}
	assert_true(killed > 50 && done > 40);
}

static void kernel_oom_by_every_host_allocation(void **state)
{
	(void)state;
	for (unsigned format = 0; format < FORMATS; format++) {
		bool complete = false;
		unsigned n;

		for (n = 0; !complete; n++) {
			struct fixture *f = fx_new();
			int error;

			f->host.fail_in = (long)n;
			error = fx_try_create(f, formats[format], 1 << 20);
			if (error == PW_OK) {
				complete = script(f);
				end(f);
			} else {
				/* The record of a frame was refused: as if there was no frame. */
				assert_true(error == PW_NOMEM || error == PW_NOFRAMES);
			}
			fx_destroy(f);
		}
		assert_true(n > 8);
	}
}

/* --- what is refused leaves no trace --------------------------------------------------------- */

static void kernel_oom_refused_calls_change_nothing(void **state)
{
	(void)state;
	for (long n = 0; n < 4; n++) {
		struct fixture *f = fx_create("radix", 1 << 20);
		struct vma before[64];
		unsigned count;

		/* Sixteen VMAs fill the array: the next needs room. */
		for (unsigned i = 0; i < 16; i++)
			assert_true(map_at(f, A + 4 * i * PAGE, 3, ANON, -1));
		count = kernel_vma_count(f->kernel);
		memcpy(before, kernel_vma_nth(f->kernel, 0), count * sizeof(*before));
		for (unsigned call = 0; call < 5; call++) {
			int64_t result = 0;

			f->host.fail_in = n;
			switch (call) {
			case 0:
				result = kernel_munmap(f->kernel, A + PAGE, PAGE);
				break;
			case 1:
				result = kernel_mprotect(f->kernel, A + PAGE, PAGE, PROT_READ);
				break;
			case 2:
				result = kernel_mmap(f->kernel, FAR, PAGE, RW, ANON | MAP_FIXED,
						     UINT64_MAX, 0);
				break;
			case 3:
				result = kernel_mremap(f->kernel, A, PAGE, 2 * PAGE,
						       MREMAP_MAYMOVE | MREMAP_FIXED, FAR);
				break;
			default:
				result = kernel_mmap(f->kernel, FAR, PAGE, RW,
						     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
						     UINT64_MAX, 0);
			}
			f->host.fail_in = -1;
			if (result != -ENOMEM)
				break;
			assert_int_equal(kernel_vma_count(f->kernel), count);
			assert_memory_equal(before, kernel_vma_nth(f->kernel, 0),
					    count * sizeof(*before));
			fx_check(f);
		}
		fx_destroy(f);
	}
}

/* A move that cannot get its tables puts everything back, over several windows of pages. */
static void kernel_oom_failed_moves_are_undone(void **state)
{
	enum { MOVED = 600 };
	unsigned refused = 0;

	(void)state;
	for (unsigned spare = 0; spare < 12; spare++) {
		struct fixture *f = fx_create("radix", 1024 * PAGE);
		uint64_t value = 0;
		int64_t result;
		struct frame_counts counts;
		va_t at = A, filler = UINT64_C(0x10000000);

		assert_true(map_at(f, A, MOVED, ANON, -1));
		for (unsigned i = 0; i < MOVED; i++)
			*fx_must(f, A + i * PAGE, ACCESS_WRITE) = i;
		assert_true(map_at(f, filler, 1024, ANON, -1));
		for (kernel_frame_counts(f->kernel, &counts); counts.free > spare;
		     kernel_frame_counts(f->kernel, &counts), filler += PAGE)
			if (!touch(f, filler, ACCESS_WRITE))
				break;
		result = kernel_mremap(f->kernel, A, MOVED * PAGE, (MOVED + 10) * PAGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, FAR + 300 * PAGE);
		if (result > 0)
			at = FAR + 300 * PAGE;
		else
			refused++;
		fx_check(f);
		for (unsigned i = 0; i < MOVED; i++) {
			value = *fx_must(f, at + i * PAGE, ACCESS_READ);
			assert_int_equal(value, i);
		}
		assert_int_equal(kernel_munmap(f->kernel, A, MOVED * PAGE), 0);
		fx_destroy(f);
	}
	assert_true(refused > 0 && refused < 12);
}

/* --- clean file pages make room -------------------------------------------------------------- */

static void kernel_oom_drops_clean_file_pages_first(void **state)
{
	struct fixture *f = fx_create("radix", 76 * PAGE);
	int64_t late = kernel_file_open(f->kernel, 105, 20 * PAGE, false);
	int64_t early = kernel_file_open(f->kernel, 103, 20 * PAGE, false);
	const int64_t ids[] = { late, early };
	struct frame_counts counts;

	(void)state;
	f->file[5].size = f->file[3].size = 20 * PAGE;
	for (unsigned n = 0; n < 2; n++) {
		assert_true(map_at(f, A, 20, MAP_PRIVATE, ids[n]));
		for (unsigned i = 0; i < 20; i++)
			assert_true(touch(f, A + i * PAGE, ACCESS_READ));
		assert_int_equal(kernel_munmap(f->kernel, A, 20 * PAGE), 0);
	}
	kernel_frame_counts(f->kernel, &counts);
	assert_int_equal(counts.file, 40);
	/*
	 * Of 76: one reserved, four tables, twelve slabs' (mm_struct, signal_cache, files_cache and
	 * inodes two each; VMAs, filps, dentries and nodes one). 30 more pages cost at least 11 of
	 * the cache.
	 */
	assert_true(map_at(f, A, 58, ANON, -1));
	for (unsigned i = 0; i < 30; i++)
		assert_true(touch(f, A + i * PAGE, ACCESS_WRITE));
	fx_check(f);
	kernel_frame_counts(f->kernel, &counts);
	assert_true(counts.file < 30);
	/* The lower identity went first: all of the other file is still there. */
	f->read = 0;
	for (unsigned i = 30; i < 57; i++)
		assert_true(touch(f, A + i * PAGE, ACCESS_WRITE));
	assert_false(kernel_out_of_memory(f->kernel));
	kernel_frame_counts(f->kernel, &counts);
	assert_true(counts.file <= 2);
	fx_destroy(f);
}

/* --- random operations without enough ------------------------------------------------------- */

static uint64_t random_state;

static uint64_t any(uint64_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (random_state >> 33) % below;
}

static void random_step(struct fixture *f, int64_t id)
{
	struct fault_outcome outcome;
	va_t va = A + any(256) * PAGE;
	uint64_t bytes = (1 + any(32)) * PAGE;

	switch (any(12)) {
	case 0:
		kernel_mmap(f->kernel, va, bytes, RW, ANON | MAP_FIXED, UINT64_MAX, 0);
		break;
	case 1:
		kernel_mmap(f->kernel, va, bytes, RW, MAP_PRIVATE | MAP_FIXED, (uint64_t)id, 0);
		break;
	case 2:
		kernel_mmap(f->kernel, va, bytes, RW, MAP_SHARED | MAP_FIXED, (uint64_t)id, 0);
		break;
	case 3:
		kernel_mmap(f->kernel, va, bytes, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
			    UINT64_MAX, 0);
		break;
	case 4:
		kernel_munmap(f->kernel, va, bytes);
		break;
	case 5:
		kernel_mremap(f->kernel, va, bytes, (1 + any(32)) * PAGE,
			      MREMAP_MAYMOVE | MREMAP_FIXED,
			      any(2) ? A + any(256) * PAGE : FAR + any(1 << 20) * PAGE);
		break;
	case 6:
		kernel_mprotect(f->kernel, va, bytes, any(2) ? RW : PROT_READ);
		break;
	default:
		fx_access(f, va, (enum access_kind)any(2), &outcome);
	}
}

static void kernel_oom_random(void **state)
{
	uint64_t kills = 0;

	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++) {
		struct fixture *f = fx_create(formats[seed % FORMATS], (24 + seed * 3) * PAGE);
		int64_t id;

		random_state = seed;
		f->file[2].size = 32 * PAGE;
		id = kernel_file_open(f->kernel, 102, 32 * PAGE, true);
		for (unsigned i = 0; i < 3000; i++) {
			if (seed > 30)
				f->host.fail_in = any(20) == 0 ? (long)any(3) : -1;
			random_step(f, id);
			fx_reprieve(f);
			f->host.fail_in = -1;
			if (i % 50 == 0)
				fx_check(f);
		}
		kills += kernel_counters(f->kernel)->oom_kills;
		end(f);
		fx_destroy(f);
	}
	assert_true(kills > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_oom_by_every_number_of_frames),
		cmocka_unit_test(kernel_oom_by_every_host_allocation),
		cmocka_unit_test(kernel_oom_refused_calls_change_nothing),
		cmocka_unit_test(kernel_oom_failed_moves_are_undone),
		cmocka_unit_test(kernel_oom_drops_clean_file_pages_first),
		cmocka_unit_test(kernel_oom_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
