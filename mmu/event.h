/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_EVENT_H
#define PAGEWALK_MMU_EVENT_H

/*
 * Events, and the sinks that take them. An emitter asks event_wanted() first (one bit test), so
 * an unwanted event costs nothing; wanted ones are collected and handed over in batches, in
 * order. The null sink is an object that wants nothing.
 */

#include "mmu/ledger.h"
#include "mmu/types.h"

enum event_kind {
#define EVENT(ID, name, detail, doc) EVENT_##ID,
#include "mmu/event.def"
	EVENT_COUNT
};

enum event_detail { DETAIL_SUMMARY, DETAIL_MISSES, DETAIL_ALL };

struct event_info {
	const char *name;
	enum event_detail detail;
	const char *doc;
};
extern const struct event_info event_infos[EVENT_COUNT];

/* 64 bytes. What each field means for a kind is said by event_infos[kind].doc. */
struct event {
	uint64_t instruction; /* instructions retired before it */
	cycles_t cycle;       /* modelled cycles before it */
	va_t va;
	pa_t pa;
	uint64_t value;
	va_t pc; /* of the instruction; 0 where the driver does not know it */
	uint32_t cycles;
	asid_t asid;
	uint8_t kind;   /* enum event_kind */
	uint8_t access; /* enum access_kind */
	uint8_t level;
	uint8_t page_lg2; /* page size of the translation, or 0 */
	uint8_t pad[6];   /* zero */
};

struct sink {
	const struct sink_ops *ops;
	uint64_t wants; /* bit (1 << kind) for each kind wanted; may change between batches */
	/*
	 * It only sums up: it looks at no instruction count and no cycle, and of TLB misses wants
	 * those of the first level. Where all sinks say so, events cost much less.
	 */
	bool only_sums;
};
struct sink_ops {
	const char *name;
	/* Takes `count` events in order. A sink that fails remembers it and says so when closed. */
	void (*batch)(struct sink *sink, const struct event *events, size_t count);
};
extern struct sink sink_null;

enum { EVENT_BATCH = 256, EVENT_SINKS_MAX = 4 };

/* Where emitters push, and what they need to stamp an event. One a machine. */
struct event_queue {
	uint64_t wants; /* union over the sinks */
	bool only_sums; /* all sinks that want anything say so */
	unsigned count, sink_count;
	struct sink *sink[EVENT_SINKS_MAX];
	const uint64_t *instructions; /* the machine's counter */
	const struct ledger *ledger;
	/* The PC of the instruction under way, asked only for wanted events; NULL where unknown. */
	va_t (*read_pc)(void *ctx);
	void *read_pc_ctx;
	struct event batch[EVENT_BATCH];
};

void event_queue_init(struct event_queue *queue, const uint64_t *instructions,
		      const struct ledger *ledger);
/* At most EVENT_SINKS_MAX; PW_LIMIT after that. */
int event_queue_attach(struct event_queue *queue, struct sink *sink);
/* Recomputes `wants` after a sink changed its own. */
void event_queue_refresh(struct event_queue *queue);
void event_queue_flush(struct event_queue *queue);
/* Copies *event, fills instruction, cycle and pc, and delivers the batch when full. */
void event_push(struct event_queue *queue, const struct event *event);

static inline bool event_wanted(const struct event_queue *queue, enum event_kind kind)
{
	return PAGEWALK_UNLIKELY((queue->wants >> kind) & 1);
}

/* Shown by each owner of counters: stable dotted name, one-line documentation, value. */
typedef void counter_visit_fn(void *ctx, const char *name, const char *doc, uint64_t value);

#endif
