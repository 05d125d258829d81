/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The range table against a plain array of pages, under random operations. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mmu/page_table.h"
#include "mmu/port.h"
#include "mmu/range_table.h"

enum { PAGES = 1024, OPERATIONS = 20000, MEMORY = 4 << 20 };

/* By page: the page number of its frame and its permissions; 0: in no range. */
static struct {
	uint32_t frame;
	uint8_t perms;
} expected[PAGES];

static struct phys_mem mem;
static struct bump_frames frames;
static struct pt_memory memory;
static struct port port;
static uint64_t random_state = 1;

static unsigned pick(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static void set_up(void)
{
	static const struct port_config config = { .dram_latency = 1 };

	assert_int_equal(phys_mem_init(&mem, MEMORY), PW_OK);
	bump_frames_init(&frames, 1, MEMORY >> FRAME_LG2);
	pt_memory_init(&memory, &mem, &frames.source);
	assert_int_equal(port_init(&port, &config, 1, &host_alloc_libc), PW_OK);
	memset(expected, 0, sizeof(expected));
}

static void tear_down(struct range_table *table)
{
	range_table_release(table, &memory);
	assert_int_equal(memory.frames_used, 0);
	port_release(&port);
	phys_mem_release(&mem);
}

/* The pages from `first` on that are in no range, at most `count`. */
static unsigned free_pages(unsigned first, unsigned count)
{
	unsigned found = 0;

	while (found < count && first + found < PAGES && !expected[first + found].frame)
		found++;
	return found;
}

static void enter(struct range_table *table)
{
	unsigned first = pick(PAGES), count = free_pages(first, 1 + pick(40));
	uint32_t frame = pick(2) ? 1 + first : 1 + pick(4000);
	struct translation range = { .va = (va_t)first << FRAME_LG2,
				     .pa = (pa_t)frame << FRAME_LG2,
				     .bytes = (uint64_t)count << FRAME_LG2,
				     .page_lg2 = FRAME_LG2,
				     .perms = (uint8_t)(1 + pick(2)) };

	if (count == 0)
		return;
	assert_int_equal(range_table_enter(table, &memory, &range), PW_OK);
	for (unsigned i = 0; i < count; i++) {
		expected[first + i].frame = frame + i;
		expected[first + i].perms = range.perms;
	}
}

static void take_out(struct range_table *table)
{
	unsigned first = pick(PAGES), count = 1 + pick(8);

	if (first + count > PAGES)
		count = PAGES - first;
	range_table_remove(table, &memory, (va_t)first << FRAME_LG2, (uint64_t)count << FRAME_LG2);
	memset(&expected[first], 0, count * sizeof(expected[0]));
}

/* Runs of pages that one range could hold. */
static unsigned expected_ranges(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		count += expected[i].frame && !(i > 0 && expected[i - 1].frame &&
						expected[i - 1].frame + 1 == expected[i].frame &&
						expected[i - 1].perms == expected[i].perms);
	}
	return count;
}

static void compare(const struct range_table *table, unsigned page)
{
	va_t va = ((va_t)page << FRAME_LG2) + 5;
	struct translation range;
	uint64_t refs = 0;
	unsigned most = 0;

	while (table->count >> most)
		most++;
	assert_int_equal(range_table_walk(table, &mem, &port, va, &range, &refs),
			 expected[page].frame != 0);
	/* Binary search of n entries: at most 1 + floor(log2(n)). */
	assert_true(refs <= most);
	if (expected[page].frame) {
		assert_true(va - range.va < range.bytes);
		assert_int_equal(range.pa + (va - range.va),
				 ((pa_t)expected[page].frame << FRAME_LG2) + 5);
		assert_int_equal(range.perms, expected[page].perms);
	}
}

static void range_table_agrees_with_pages(void **state)
{
	struct range_table table = { 0 };
	uint32_t most = 0;

	(void)state;
	set_up();
	for (unsigned i = 0; i < OPERATIONS; i++) {
		if (pick(2))
			enter(&table);
		else
			take_out(&table);
		compare(&table, pick(PAGES));
		assert_int_equal(table.count, expected_ranges());
		if (table.count > most)
			most = table.count;
	}
	assert_true(most > 64);
	tear_down(&table);
}

/*
 * Without memory a first range is refused. A table that is full (a frame holds 128 entries of 32
 * bytes) and cannot grow loses the upper half of a range that is split, and nothing else.
 */
static void range_table_without_memory(void **state)
{
	struct range_table table = { 0 };
	struct translation range = { .bytes = 3 * FRAME_BYTES, .perms = 1 };
	uint64_t refs = 0;

	(void)state;
	set_up();
	frames.next = frames.end;
	assert_int_equal(range_table_enter(&table, &memory, &range), PW_NOFRAMES);
	frames.next = frames.end - 1;
	for (unsigned i = 0; i < 128; i++) {
		range.va = (va_t)i * 16 * FRAME_BYTES;
		assert_int_equal(range_table_enter(&table, &memory, &range), PW_OK);
	}
	range.va += 16 * FRAME_BYTES;
	assert_int_equal(range_table_enter(&table, &memory, &range), PW_NOFRAMES);
	range_table_remove(&table, &memory, 16 * FRAME_BYTES + FRAME_BYTES, FRAME_BYTES);
	assert_int_equal(table.count, 128);
	assert_true(range_table_walk(&table, &mem, &port, 16 * FRAME_BYTES, &range, &refs));
	assert_int_equal(range.bytes, FRAME_BYTES);
	assert_false(range_table_walk(&table, &mem, &port, 18 * FRAME_BYTES, &range, &refs));
	assert_true(range_table_walk(&table, &mem, &port, 34 * FRAME_BYTES, &range, &refs));
	tear_down(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_table_agrees_with_pages),
		cmocka_unit_test(range_table_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
