/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "mmu/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static long resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, resident;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
	fclose(file);
	return resident;
}

/* 64 GiB are simulated with host memory for the three frames that are written. */
static void memory_uses_the_host_only_for_what_is_touched(void **state)
{
	const uint64_t size = UINT64_C(64) << 30;
	struct phys_mem mem;
	long before = resident_pages();

	(void)state;
	assert_int_equal(phys_mem_init(&mem, size), PW_OK);
	assert_true(mem.size == size);
	memset(phys_mem_at(&mem, 0), 1, 1);
	memset(phys_mem_at(&mem, size / 2), 2, 1);
	memset(phys_mem_at(&mem, size - 1), 3, 1);
	assert_true(resident_pages() - before < 4096);
	assert_int_equal(*(uint8_t *)phys_mem_at(&mem, size - 1), 3);
	assert_int_equal(*(uint8_t *)phys_mem_at(&mem, size - 2), 0);
	phys_mem_release(&mem);
	assert_null(mem.bytes);
}

static void memory_holds_what_lies_inside(void **state)
{
	const struct phys_mem mem = { NULL, 0x10000 };

	(void)state;
	assert_true(phys_mem_holds(&mem, 0, 0x10000));
	assert_true(phys_mem_holds(&mem, 0xfff8, 8));
	assert_false(phys_mem_holds(&mem, 0xfff9, 8));
	assert_false(phys_mem_holds(&mem, UINT64_MAX - 3, 8));
	assert_false(phys_mem_holds(&mem, 0, 0x10001));
}

static void memory_rounds_up_to_frames_and_refuses_nonsense(void **state)
{
	struct phys_mem mem;

	(void)state;
	assert_int_equal(phys_mem_init(&mem, 1), PW_OK);
	assert_int_equal(mem.size, FRAME_BYTES);
	phys_mem_release(&mem);
	assert_int_equal(phys_mem_init(&mem, 0), PW_INVALID);
	assert_int_equal(phys_mem_init(&mem, UINT64_C(1) << 62), PW_NOMEM);
	assert_int_equal(phys_mem_init(&mem, UINT64_MAX), PW_NOMEM);
	phys_mem_release(&mem); /* of nothing */
}

static void bump_frames_are_aligned_and_end(void **state)
{
	struct bump_frames bump;
	struct frame_source *source = &bump.source;

	(void)state;
	bump_frames_init(&bump, 1, 16);
	assert_int_equal(source->ops->alloc(source, 0), 1);
	assert_int_equal(source->ops->alloc(source, 2), 4);
	assert_int_equal(source->ops->alloc(source, 0), 8);
	source->ops->free(source, 8, 0); /* the last one: comes back */
	assert_int_equal(source->ops->alloc(source, 3), 8);
	assert_true(source->ops->alloc(source, 0) == PFN_NONE);
	source->ops->free(source, 1, 0); /* lost */
	assert_true(source->ops->alloc(source, 0) == PFN_NONE);
}

static void pt_memory_counts_and_zeroes(void **state)
{
	struct phys_mem mem;
	struct bump_frames bump;
	struct pt_memory ptm;
	pa_t a, b;

	(void)state;
	assert_int_equal(phys_mem_init(&mem, 8 * FRAME_BYTES), PW_OK);
	memset(mem.bytes, 0xff, 8 * FRAME_BYTES);
	bump_frames_init(&bump, 1, 8);
	pt_memory_init(&ptm, &mem, &bump.source);
	assert_int_equal(pt_memory_alloc(&ptm, 1, &a), PW_OK);
	assert_int_equal(a, 2 * FRAME_BYTES);
	assert_int_equal(pt_memory_load(&ptm, a + 2 * FRAME_BYTES - 8, 8), 0);
	assert_int_equal(pt_memory_alloc(&ptm, 2, &b), PW_OK);
	assert_int_equal(pt_memory_alloc(&ptm, 0, &b), PW_NOFRAMES);
	assert_int_equal(ptm.frames_used, 6);
	pt_memory_store(&ptm, a, 8, UINT64_C(0x1122334455667788));
	assert_int_equal(pt_memory_load(&ptm, a, 1), 0x88);
	assert_int_equal(pt_memory_load(&ptm, a + 2, 2), 0x5566);
	assert_int_equal(pt_memory_load(&ptm, a + 4, 4), 0x11223344);
	pt_memory_store(&ptm, a + 4, 2, UINT64_C(0xabcdef)); /* only two bytes of it */
	assert_true(pt_memory_load(&ptm, a, 8) == UINT64_C(0x1122cdef55667788));
	assert_int_equal(ptm.loads, 5);
	assert_int_equal(ptm.stores, 2);
	pt_memory_free(&ptm, a, 1);
	assert_int_equal(ptm.frames_used, 4);
	assert_int_equal(ptm.frames_peak, 6);
	phys_mem_release(&mem);
}

static void host_zalloc_refuses_what_overflows(void **state)
{
	uint8_t *bytes;

	(void)state;
	assert_null(host_zalloc(&host_alloc_libc, SIZE_MAX / 2, 3));
	assert_null(host_zalloc(&host_alloc_libc, 0, 8));
	bytes = host_zalloc(&host_alloc_libc, 3, 5);
	assert_non_null(bytes);
	for (unsigned i = 0; i < 15; i++)
		assert_int_equal(bytes[i], 0);
	host_free(&host_alloc_libc, bytes);
	host_free(&host_alloc_libc, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_uses_the_host_only_for_what_is_touched),
		cmocka_unit_test(memory_holds_what_lies_inside),
		cmocka_unit_test(memory_rounds_up_to_frames_and_refuses_nonsense),
		cmocka_unit_test(bump_frames_are_aligned_and_end),
		cmocka_unit_test(pt_memory_counts_and_zeroes),
		cmocka_unit_test(host_zalloc_refuses_what_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
