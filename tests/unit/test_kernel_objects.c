/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The kernel's own objects in simulated memory: there is one for each thing, it goes with it, and
 * want of memory for one refuses the call. And memory that is not all free when the machine starts.
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };
#define PAGE ((uint64_t)FRAME_BYTES)
#define A    UINT64_C(0x100000)

static uint64_t objects(const struct fixture *f, enum object_kind kind)
{
	return f->kernel->objects.cache[kind].objects;
}

static void map(struct fixture *f, va_t va, uint64_t pages)
{
	assert_int_equal(kernel_mmap(f->kernel, va, pages * PAGE, RW, ANON | MAP_FIXED,
				     (uint64_t)-1, 0),
			 va);
}

static void kernel_objects_follow_what_exists(void **state)
{
	struct fixture *f = fx_create("radix", 1 << 20);
	int64_t file, again, child;

	(void)state;
	assert_int_equal(objects(f, OBJECT_MM), 1);
	assert_int_equal(objects(f, OBJECT_VMA), 0);
	map(f, A, 3);
	assert_int_equal(objects(f, OBJECT_VMA), 1);
	/* Cut in three, joined again, shortened, cut in two. */
	assert_int_equal(kernel_mprotect(f->kernel, A + PAGE, PAGE, PROT_READ), 0);
	assert_int_equal(objects(f, OBJECT_VMA), 3);
	assert_int_equal(kernel_mprotect(f->kernel, A + PAGE, PAGE, RW), 0);
	assert_int_equal(objects(f, OBJECT_VMA), 1);
	assert_int_equal(kernel_munmap(f->kernel, A + PAGE, PAGE), 0);
	assert_int_equal(objects(f, OBJECT_VMA), 2);
	fx_check(f);
	f->file[1].size = 100 * PAGE;
	file = kernel_file_open(f->kernel, 101, 100 * PAGE, false);
	again = kernel_file_open(f->kernel, 101, 100 * PAGE, false);
	assert_int_equal(file, again);
	assert_int_equal(objects(f, OBJECT_INODE), 1);
	assert_int_equal(objects(f, OBJECT_FILP), 2);
	assert_int_equal(kernel_mmap(f->kernel, 2 * A, 100 * PAGE, PROT_READ,
				     MAP_PRIVATE | MAP_FIXED, (uint64_t)file, 0),
			 2 * A);
	/* Pages 0 and 99 lie in two leaves below one root: three nodes. */
	assert_int_equal(kernel_user_copy(f->kernel, 2 * A, 8, ACCESS_READ), 0);
	assert_int_equal(kernel_user_copy(f->kernel, 2 * A + 99 * PAGE, 8, ACCESS_READ), 0);
	assert_int_equal(objects(f, OBJECT_NODE), 3);
	child = kernel_fork(f->kernel);
	assert_int_equal(objects(f, OBJECT_MM), 2);
	assert_int_equal(objects(f, OBJECT_VMA), 6);
	assert_int_equal(kernel_task_create(f->kernel, 7, (uint64_t)child), 0);
	assert_int_equal(objects(f, OBJECT_TASK), 1);
	fx_check(f);
	assert_int_equal(kernel_task_exit(f->kernel, 7, 0), 0);
	assert_int_equal(kernel_task_exit(f->kernel, 7, 0), 0);
	assert_int_equal(kernel_space_destroy(f->kernel, (uint64_t)child), 0);
	assert_int_equal(kernel_file_close(f->kernel, (uint64_t)file), 0);
	assert_int_equal(kernel_file_close(f->kernel, (uint64_t)file), 0);
	assert_int_equal(objects(f, OBJECT_FILP), 0);
	assert_int_equal(objects(f, OBJECT_INODE), 1); /* still mapped */
	assert_int_equal(kernel_space_destroy(f->kernel, 1), 0);
	for (unsigned i = 0; i < OBJECT_KIND_COUNT; i++)
		assert_int_equal(objects(f, i), 0);
	assert_int_equal(f->kernel->frames.count[FRAME_SLAB], 0);
	fx_check(f);
	fx_destroy(f);
}

/* Two objects are never in the same place, and lie in frames that nobody else has. */
static void kernel_objects_lie_in_frames_of_their_own(void **state)
{
	struct fixture *f = fx_create("radix", 1 << 20);
	struct slab_cache *cache = &f->kernel->objects.cache[OBJECT_VMA];
	struct vma_set *set;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		map(f, A + 2 * i * PAGE, 1);
	set = &f->kernel->running->vmas;
	assert_int_equal(cache->frames_used, 3); /* 50 of 21 a frame */
	for (unsigned i = 0; i < 50; i++) {
		pa_t pa = slab_object_pa(cache, &set->object[i]);

		assert_int_equal(frame_at(&f->kernel->frames, pa >> FRAME_LG2)->kind, FRAME_SLAB);
		for (unsigned j = 0; j < i; j++) {
			pa_t other = slab_object_pa(cache, &set->object[j]);

			assert_true(pa + 192 <= other || other + 192 <= pa);
		}
	}
	fx_destroy(f);
}

/* Takes all free frames; the 21 VMAs of one slab are used up. */
static struct fixture *exhausted(void)
{
	struct fixture *f = fx_create("radix", 1 << 20);

	for (unsigned i = 0; i < 21; i++)
		map(f, A + 4 * i * PAGE, 3);
	while (frames_take(&f->kernel->frames, FRAME_RESERVED, 0) != PFN_NONE)
		;
	return f;
}

static void kernel_objects_refused_change_nothing(void **state)
{
	struct fixture *f = exhausted();

	(void)state;
	fx_check(f);
	assert_int_equal(kernel_mmap(f->kernel, 16 * A, PAGE, RW, ANON | MAP_FIXED, (uint64_t)-1,
				     0),
			 -ENOMEM);
	assert_int_equal(kernel_munmap(f->kernel, A + PAGE, PAGE), -ENOMEM);
	assert_int_equal(kernel_mprotect(f->kernel, A + PAGE, PAGE, PROT_READ), -ENOMEM);
	assert_int_equal(kernel_file_open(f->kernel, 101, PAGE, false), -ENOMEM);
	assert_int_equal(kernel_space_create(f->kernel), -ENOMEM);
	assert_int_equal(kernel_fork(f->kernel), -ENOMEM);
	assert_int_equal(kernel_task_create(f->kernel, 1, 1), -ENOMEM);
	fx_check(f);
	assert_int_equal(kernel_vma_count(f->kernel), 21);
	for (unsigned i = 0; i < 21; i++) {
		const struct vma *vma = kernel_vma_nth(f->kernel, i);

		assert_int_equal(vma->start, A + 4 * i * PAGE);
		assert_int_equal(vma->end, vma->start + 3 * PAGE);
		assert_int_equal(vma->prot, RW);
	}
	/* What needs no object works, and gives one back: now the cut can be made. */
	assert_int_equal(kernel_munmap(f->kernel, A + 40 * PAGE, 4 * PAGE), 0);
	assert_int_equal(kernel_munmap(f->kernel, A + 2 * PAGE, PAGE), 0);
	assert_int_equal(kernel_munmap(f->kernel, A + 4 * PAGE + PAGE, PAGE), 0);
	assert_int_equal(kernel_vma_count(f->kernel), 21);
	fx_check(f);
	fx_destroy(f);
}

/* --- at the start ---------------------------------------------------------------------------- */

static void age(struct frames *frames, const char *allocator, unsigned percent, uint64_t seed)
{
	assert_int_equal(frames_init(frames, allocator, 1 << 15, &host_alloc_libc), PW_OK);
	assert_int_equal(frames_age(frames, percent, seed), PW_OK);
}

/*
 * 2^15 frames are 64 blocks of 2 MiB, of which the first has frame 0 and is none: 63. Of these
 * `percent` are broken, so that the index of order 9 is the share of free memory in them and in the
 * first block.
 */
static void frames_age_by_percent(void **state)
{
	static const char *const allocators[] = { "buddy", "list", "first-fit" };
	static const unsigned percents[] = { 0, 25, 50, 100 }, broken[] = { 0, 16, 32, 63 };

	(void)state;
	for (unsigned n = 0; n < 12; n++) {
		unsigned p = n % 4;
		uint64_t blocks[FRAME_BLOCK_ORDERS], free_blocks = 0;
		struct frames frames;
		const char *what;

		age(&frames, allocators[n / 4], percents[p], 1);
		assert_int_equal(frames_check(&frames, &what), PW_OK);
		frame_allocator_blocks(&frames.allocator, blocks);
		for (unsigned order = 9; order < FRAME_BLOCK_ORDERS; order++)
			free_blocks += blocks[order] << (order - 9);
		if (strcmp(allocators[n / 4], "list") != 0)
			assert_int_equal(free_blocks, 63 - broken[p]);
		assert_int_equal(frames.count[FRAME_RESERVED], frames.pinned + 1);
		assert_true(frames.pinned >= broken[p] && frames.pinned <= 8 * broken[p]);
		frames_release(&frames);
	}
}

/* The seed decides, and nothing else. */
static void frames_age_by_seed(void **state)
{
	struct frames a, b, c;
	unsigned differ = 0;

	(void)state;
	age(&a, "buddy", 50, 7);
	age(&b, "buddy", 50, 7);
	age(&c, "buddy", 50, 8);
	for (pfn_t pfn = 0; pfn < 1 << 15; pfn++) {
		bool in_a = a.chunk[pfn >> 12] && frame_at(&a, pfn)->kind == FRAME_RESERVED;
		bool in_b = b.chunk[pfn >> 12] && frame_at(&b, pfn)->kind == FRAME_RESERVED;
		bool in_c = c.chunk[pfn >> 12] && frame_at(&c, pfn)->kind == FRAME_RESERVED;

		assert_int_equal(in_a, in_b);
		differ += in_a != in_c;
	}
	assert_true(differ > 30);
	frames_release(&a);
	frames_release(&b);
	frames_release(&c);
}

/* 13 frames in blocks of 8, 4 and 1; more than there are is refused. */
static void frames_pin_in_large_blocks(void **state)
{
	struct frames frames;
	const char *what;

	(void)state;
	assert_int_equal(frames_init(&frames, "buddy", 64, &host_alloc_libc), PW_OK);
	assert_int_equal(frames_pin(&frames, 13 * PAGE), PW_OK);
	assert_int_equal(frames.pinned, 13);
	assert_int_equal(frames.allocator.free_count, 63 - 13);
	assert_int_equal(frames_check(&frames, &what), PW_OK);
	assert_int_equal(frames_pin(&frames, 51 * PAGE), PW_NOFRAMES);
	assert_int_equal(frames_check(&frames, &what), PW_OK);
	frames_release(&frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_objects_follow_what_exists),
		cmocka_unit_test(kernel_objects_lie_in_frames_of_their_own),
		cmocka_unit_test(kernel_objects_refused_change_nothing),
		cmocka_unit_test(frames_age_by_percent),
		cmocka_unit_test(frames_age_by_seed),
		cmocka_unit_test(frames_pin_in_large_blocks),
	};

	return cmocka_run_group_tests_name("kernel_objects", tests, NULL, NULL);
}
