/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The event queue: a batch that is handed to every attached sink when it is full or flushed.
 *
 * A sink gets every event of a batch, also kinds that only another sink wants: it skips what it
 * does not want. Events are stamped when pushed, with the ledger as it stands then: what the step
 * under way will cost is not in event.cycle but in event.cycles.
 *
 * Invariant: count < EVENT_BATCH between calls; wants is the union of the sinks' wants.
 */

#include "mmu/event.h"

#include "mmu/error.h"

#include <assert.h>
#include <string.h>

_Static_assert(EVENT_COUNT <= 64, "sink.wants has one bit for each kind");

const struct event_info event_infos[EVENT_COUNT] = {
#define EVENT(ID, name, detail, doc) { #name, DETAIL_##detail, doc },
#include "mmu/event.def"
};

static void null_batch(struct sink *sink, const struct event *events, size_t count)
{
	(void)sink;
	(void)events;
	(void)count;
}

static const struct sink_ops null_ops = { "null", null_batch };
struct sink sink_null = { &null_ops, 0, true };

void event_queue_init(struct event_queue *queue, const uint64_t *instructions,
		      const struct ledger *ledger)
{
	memset(queue, 0, sizeof(*queue));
	queue->instructions = instructions;
	queue->ledger = ledger;
}

int event_queue_attach(struct event_queue *queue, struct sink *sink)
{
	if (queue->sink_count == EVENT_SINKS_MAX)
		return PW_LIMIT;
	event_queue_flush(queue);
	queue->sink[queue->sink_count++] = sink;
	event_queue_refresh(queue);
	return PW_OK;
}

void event_queue_refresh(struct event_queue *queue)
{
	queue->wants = 0;
	queue->only_sums = true;
	for (unsigned i = 0; i < queue->sink_count; i++) {
		const struct sink *sink = queue->sink[i];

		queue->wants |= sink->wants;
		queue->only_sums &= sink->only_sums || sink->wants == 0;
	}
}

void event_queue_flush(struct event_queue *queue)
{
	unsigned count = queue->count;

	if (count == 0)
		return;
	for (unsigned i = 0; i < queue->sink_count; i++)
		queue->sink[i]->ops->batch(queue->sink[i], queue->batch, count);
	queue->count = 0;
}

void event_push(struct event_queue *queue, const struct event *event)
{
	struct event *slot = &queue->batch[queue->count];

	assert(event->kind < EVENT_COUNT);
	*slot = *event;
	if (!queue->only_sums) {
		slot->instruction = queue->instructions ? *queue->instructions : 0;
		slot->cycle = queue->ledger ? ledger_total(queue->ledger) : 0;
	}
	/* Which instruction happens to displace an entry says nothing about either. */
	if (queue->read_pc && event->kind != EVENT_TLB_RETIRE)
		slot->pc = queue->read_pc(queue->read_pc_ctx);
	if (++queue->count == EVENT_BATCH)
		event_queue_flush(queue);
}
