/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "mmu/error.h"
#include "mmu/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct counting_sink {
	struct sink sink;
	size_t batches, events;
	uint64_t last_value;
	struct event last;
};

static void take(struct sink *sink, const struct event *events, size_t count)
{
	struct counting_sink *c = (struct counting_sink *)sink;

	c->batches++;
	for (size_t i = 0; i < count; i++) {
		if (c->events++ > 0)
			assert_true(events[i].value == c->last_value + 1); /* in order */
		c->last_value = events[i].value;
		c->last = events[i];
	}
}

static const struct sink_ops take_ops = { "take", take };
static struct event_queue queue;

static void event_fits_a_cache_line(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct event), 64);
}

static void event_wants_is_the_union(void **state)
{
	struct sink a = { .ops = &take_ops, .wants = 1 << EVENT_WALK };
	struct sink b = { .ops = &take_ops, .wants = 1 << EVENT_FAULT };

	(void)state;
	event_queue_init(&queue, NULL, NULL);
	assert_false(event_wanted(&queue, EVENT_WALK));
	assert_int_equal(event_queue_attach(&queue, &sink_null), PW_OK);
	assert_false(event_wanted(&queue, EVENT_WALK));
	assert_int_equal(event_queue_attach(&queue, &a), PW_OK);
	assert_int_equal(event_queue_attach(&queue, &b), PW_OK);
	assert_true(event_wanted(&queue, EVENT_WALK) && event_wanted(&queue, EVENT_FAULT));
	assert_false(event_wanted(&queue, EVENT_ACCESS));
	a.wants = 0;
	event_queue_refresh(&queue);
	assert_false(event_wanted(&queue, EVENT_WALK));
	assert_int_equal(event_queue_attach(&queue, &sink_null), PW_OK);
	assert_int_equal(event_queue_attach(&queue, &sink_null), PW_LIMIT);
}

static void event_batches_arrive_whole_and_in_order(void **state)
{
	struct counting_sink c = { .sink = { &take_ops, 1 << EVENT_WALK } };
	struct event event = { .kind = EVENT_WALK };

	(void)state;
	event_queue_init(&queue, NULL, NULL);
	assert_int_equal(event_queue_attach(&queue, &c.sink), PW_OK);
	for (uint64_t i = 0; i < EVENT_BATCH - 1; i++) {
		event.value = i;
		event_push(&queue, &event);
	}
	assert_int_equal(c.events, 0);
	event.value++;
	event_push(&queue, &event);
	assert_int_equal(c.events, EVENT_BATCH);
	assert_int_equal(c.batches, 1);
	event.value++;
	event_push(&queue, &event);
	event_queue_flush(&queue);
	event_queue_flush(&queue);
	assert_int_equal(c.events, EVENT_BATCH + 1);
	assert_int_equal(c.batches, 2);
}

static va_t some_pc(void *ctx)
{
	return *(va_t *)ctx;
}

static void event_is_stamped_when_pushed(void **state)
{
	struct counting_sink c = { .sink = { &take_ops, 1 << EVENT_WALK } };
	struct ledger ledger = { { 0 } };
	uint64_t instructions = 41;
	va_t pc = 0x401000;
	const struct event event = { .kind = EVENT_WALK, .va = 0x1000, .cycles = 5, .asid = 3 };

	(void)state;
	event_queue_init(&queue, &instructions, &ledger);
	queue.read_pc = some_pc;
	queue.read_pc_ctx = &pc;
	assert_int_equal(event_queue_attach(&queue, &c.sink), PW_OK);
	ledger_charge(&ledger, CHARGE_BASE, 100);
	ledger_charge(&ledger, CHARGE_WALK_REF, 7);
	event_push(&queue, &event);
	instructions++;
	ledger_charge(&ledger, CHARGE_BASE, 1);
	event_queue_flush(&queue);
	assert_int_equal(c.last.instruction, 41);
	assert_int_equal(c.last.cycle, 107);
	assert_int_equal(c.last.pc, 0x401000);
	assert_int_equal(c.last.va, 0x1000);
	assert_int_equal(c.last.cycles, 5);
	assert_int_equal(c.last.asid, 3);
}

static void event_kinds_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		assert_true(strlen(event_infos[i].doc) > 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(event_infos[i].name, event_infos[j].name);
	}
	assert_string_equal(event_infos[EVENT_TLB_MISS].name, "tlb_miss");
	assert_int_equal(event_infos[EVENT_TLB_MISS].detail, DETAIL_MISSES);
	assert_int_equal(event_infos[EVENT_ACCESS].detail, DETAIL_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_fits_a_cache_line),
		cmocka_unit_test(event_wants_is_the_union),
		cmocka_unit_test(event_batches_arrive_whole_and_in_order),
		cmocka_unit_test(event_is_stamped_when_pushed),
		cmocka_unit_test(event_kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
