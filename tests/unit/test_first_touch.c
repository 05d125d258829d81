/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that is mapped where it is touched: what it costs in VMAs, and what it does not change. */

#include "tests/unit/kernel_fixture.h"

#include <signal.h>
#include <sys/mman.h>

#define PAGE   ((uint64_t)FRAME_BYTES)
#define AREA   (UINT64_C(2) << 20)
#define SEGV   (SIGSEGV * 1000 + SEGV_MAPERR)
#define KILLED (SIGKILL * 1000)

static const char *const formats[] = { "radix",   "hashed",   "inverted", "inverted-chain",
				       "radix+9", "radix@14", "radix@10" };
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

#define FOR_EACH_FORMAT(f, ram)                                               \
	for (unsigned format_ = 0; format_ < FORMATS; format_++)              \
		for (struct fixture *f = fx_create(formats[format_], ram); f; \
		     fx_check(f), fx_destroy(f), f = NULL)

#define COUNT(f, field) ((long)kernel_counters((f)->kernel)->field)

static void first_touch_is_off_unless_asked_for(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 8 << 20)
	{
		assert_int_equal(fx_signal(f, 0x5000, ACCESS_READ), SEGV);
		assert_int_equal(kernel_first_touch(f->kernel, 1), 0);
		assert_int_equal(fx_signal(f, 0x5000, ACCESS_READ), 0);
		assert_int_equal(kernel_first_touch(f->kernel, 0), 0);
		assert_int_equal(fx_signal(f, 0x5000 + AREA, ACCESS_READ), SEGV);
		assert_int_equal(fx_signal(f, 0x5000, ACCESS_WRITE), 0);
	}
}

static void first_touch_permits_all_from_the_first_page_to_the_last(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 16 << 20)
	{
		va_t last = kernel_va_end(f->kernel) - 1;

		kernel_first_touch(f->kernel, 1);
		for (unsigned access = 0; access < ACCESS_KIND_COUNT; access++) {
			assert_int_equal(fx_signal(f, 0, access), 0);
			assert_int_equal(fx_signal(f, last, access), 0);
			assert_int_not_equal(fx_signal(f, last + 1, access), 0);
			assert_int_not_equal(fx_signal(f, UINT64_MAX, access), 0);
		}
		assert_int_equal(kernel_vma_count(f->kernel), 2);
		assert_int_equal(kernel_vma_nth(f->kernel, 1)->end, last + 1);
	}
}

/* One fault a page and one VMA a region, whatever the order; with huge pages one fault an area. */
static void first_touch_joins_neighbours(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 32 << 20)
	{
		const unsigned pages = 3 * AREA / PAGE;
		bool huge = strchr(formats[format_], '+');

		kernel_first_touch(f->kernel, 1);
		for (unsigned i = 0; i < pages; i++) {
			va_t va = AREA + (i * 769u % pages) * PAGE; /* 769 is prime: each once */

			*fx_must(f, va, ACCESS_WRITE) = va;
		}
		for (unsigned i = 0; i < pages; i++)
			assert_int_equal(*fx_must(f, AREA + i * PAGE, ACCESS_READ),
					 AREA + i * PAGE);
		assert_int_equal(kernel_vma_count(f->kernel), 1);
		assert_int_equal(kernel_vma_at(f->kernel, AREA, &(bool){ 0 })->start, AREA);
		if (huge)
			assert_int_equal(COUNT(f, thp_fault_alloc), 3);
		else if (!strchr(formats[format_], '@'))
			assert_int_equal(COUNT(f, faults_minor), pages);
	}
}

/* What is mapped already keeps its permissions and its ends. */
static void first_touch_leaves_what_is_mapped(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 16 << 20)
	{
		const va_t at = 4 * AREA + 16 * PAGE;
		bool inside;

		kernel_first_touch(f->kernel, 1);
		assert_int_equal(kernel_mmap(f->kernel, at, 16 * PAGE, PROT_READ,
					     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX,
					     0),
				 at);
		fx_must(f, at - 1, ACCESS_WRITE);
		fx_must(f, at + 16 * PAGE, ACCESS_WRITE);
		assert_int_equal(fx_signal(f, at, ACCESS_WRITE), SIGSEGV * 1000 + SEGV_ACCERR);
		assert_int_equal(kernel_vma_count(f->kernel), 3);
		assert_int_equal(kernel_vma_at(f->kernel, 4 * AREA, &inside)->start, 4 * AREA);
		assert_int_equal(kernel_vma_at(f->kernel, at + 16 * PAGE, &inside)->end, 5 * AREA);
	}
}

/* Each page lies alone, so that no two areas touch. */
static void first_touch_bounds_the_vmas_of_a_sparse_trace(void **state)
{
	static const char *const sparse[] = { "radix", "hashed", "inverted" };
	const unsigned pages = 4096;

	(void)state;
	for (unsigned i = 0; i < sizeof(sparse) / sizeof(sparse[0]); i++) {
		struct fixture *f = fx_create(sparse[i], 64 << 20);
		unsigned most = 0;

		kernel_first_touch(f->kernel, 1);
		for (unsigned n = 0; n < pages; n++) {
			va_t va = (n * 2654435761u % pages * 3 + 1) * AREA;

			*fx_must(f, va, ACCESS_WRITE) = va;
			if (kernel_vma_count(f->kernel) > most)
				most = kernel_vma_count(f->kernel);
		}
		for (unsigned n = 0; n < pages; n++)
			assert_int_equal(*fx_must(f, (n * 3 + 1) * AREA, ACCESS_READ),
					 (n * 3 + 1) * AREA);
		assert_int_equal(most, FIRST_TOUCH_VMAS);
		assert_int_equal(COUNT(f, faults_minor), pages);
		fx_check(f);
		fx_destroy(f);
	}
}

static void first_touch_is_inherited(void **state)
{
	(void)state;
	FOR_EACH_FORMAT(f, 16 << 20)
	{
		kernel_first_touch(f->kernel, 1);
		fx_must(f, 0x1000, ACCESS_WRITE);
		assert_int_equal(kernel_fork(f->kernel), 2);
		assert_int_equal(kernel_space_switch(f->kernel, 2), 0);
		assert_int_equal(fx_signal(f, 5 * AREA, ACCESS_WRITE), 0);
		assert_int_equal(fx_signal(f, 0x1000, ACCESS_WRITE), 0);
		assert_int_equal(kernel_space_create(f->kernel), 3);
		assert_int_equal(kernel_space_switch(f->kernel, 3), 0);
		assert_int_equal(fx_signal(f, 5 * AREA, ACCESS_WRITE), SEGV);
	}
}

static void first_touch_populates_an_area_where_paging_is_eager(void **state)
{
	struct fixture *f;

	(void)state;
	fx_ranges = true;
	f = fx_create("radix", 16 << 20);
	kernel_first_touch(f->kernel, 1);
	fx_must(f, 3 * AREA + PAGE, ACCESS_WRITE);
	assert_int_equal(COUNT(f, pages_mapped), AREA / PAGE);
	fx_must(f, 4 * AREA - PAGE, ACCESS_READ);
	assert_int_equal(COUNT(f, faults_minor), 1);
	fx_check(f);
	fx_destroy(f);
	fx_ranges = false;
}

/* Too little memory, of the host or of the machine, kills the guest and nothing else. */
static void first_touch_survives_want_of_memory(void **state)
{
	(void)state;
	for (long fail_in = 0; fail_in < 12; fail_in++) {
		struct fixture *f = fx_create("radix", 1 << 20);
		int signal;

		kernel_first_touch(f->kernel, 1);
		f->host.fail_in = fail_in;
		signal = fx_signal(f, 0x123456789000, ACCESS_WRITE);
		f->host.fail_in = -1;
		assert_true(signal == 0 || signal == KILLED);
		fx_check(f);
		for (unsigned i = 0; i < 512 && signal == 0; i++)
			signal = fx_signal(f, i * AREA, ACCESS_WRITE);
		assert_int_equal(signal, KILLED);
		fx_check(f);
		fx_destroy(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_touch_is_off_unless_asked_for),
		cmocka_unit_test(first_touch_permits_all_from_the_first_page_to_the_last),
		cmocka_unit_test(first_touch_joins_neighbours),
		cmocka_unit_test(first_touch_leaves_what_is_mapped),
		cmocka_unit_test(first_touch_bounds_the_vmas_of_a_sparse_trace),
		cmocka_unit_test(first_touch_is_inherited),
		cmocka_unit_test(first_touch_populates_an_area_where_paging_is_eager),
		cmocka_unit_test(first_touch_survives_want_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
