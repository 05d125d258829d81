/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The sink of a record. Every batch goes into the profiles; while the window is open, the kinds
 * that the level of detail asks for become rows. A transaction stays open from the first row to
 * the end of the epoch, or to ROWS_A_TRANSACTION, whichever comes first.
 */

#include "analysis/record_private.h"
#include "analysis/schema.h"

enum { ROWS_A_TRANSACTION = 1 << 18 };

/* Rows are written for every kind up to the detail; kinds of DETAIL_SUMMARY have none. */
static uint64_t kinds_up_to(enum event_detail detail)
{
	uint64_t kinds = 0;

	for (unsigned kind = 0; kind < EVENT_COUNT; kind++)
		if (event_infos[kind].detail != DETAIL_SUMMARY &&
		    event_infos[kind].detail <= detail)
			kinds |= UINT64_C(1) << kind;
	return kinds;
}

void record_update_wants(struct record *record)
{
	bool rows = !record->failed && record->window && !record->events_capped &&
		    record->row_kinds;
	uint64_t wants = 0;

	if (!record->failed && record->detail != RECORD_NONE)
		wants = profile_wants;
	if (rows)
		wants |= record->row_kinds;
	record->sink.wants = wants;
	record->sink.only_sums = !rows;
}

/* Columns in the order of INSERT_EVENT (record.c). Zero is stored in no bytes. */
static int insert_event(struct record *record, const struct event *event)
{
	sqlite3_stmt *insert = record->statement[INSERT_EVENT];
	int64_t id = record->run << EVENT_SEQ_BITS | (int64_t)record->event_rows;

	sqlite3_bind_int64(insert, 1, id);
	sqlite3_bind_int64(insert, 2, record->kind_id[event->kind]);
	sqlite3_bind_int64(insert, 3, (int64_t)event->instruction);
	sqlite3_bind_int64(insert, 4, (int64_t)event->cycle);
	if (event->pc)
		sqlite3_bind_int64(insert, 5, (int64_t)event->pc);
	else
		sqlite3_bind_null(insert, 5);
	sqlite3_bind_int64(insert, 6, (int64_t)event->va);
	sqlite3_bind_int64(insert, 7, (int64_t)event->pa);
	sqlite3_bind_int(insert, 8, event->asid);
	sqlite3_bind_int(insert, 9, event->access);
	sqlite3_bind_int(insert, 10, event->level);
	sqlite3_bind_int64(insert, 11, (int64_t)event->value);
	sqlite3_bind_int64(insert, 12, event->cycles);
	sqlite3_bind_int(insert, 13, event->page_lg2);
	sqlite3_step(insert);
	return sqlite3_reset(insert);
}

static void cap_events(struct record *record)
{
	struct text note = { 0 };

	record->events_capped = true;
	text_addf(&note, "events stopped after %llu rows (--max-events)",
		  (unsigned long long)record->max_events);
	record_note(record, text_string(&note));
	text_release(&note);
	record_update_wants(record);
}

static void write_rows(struct record *record, const struct event *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!((record->row_kinds >> events[i].kind) & 1))
			continue;
		if (record->max_events && record->event_rows >= record->max_events) {
			cap_events(record);
			return;
		}
		if (record_begin(record))
			return;
		if (insert_event(record, &events[i]) != SQLITE_OK) {
			record_fail(record, "write events");
			return;
		}
		record->event_rows++;
		if (++record->uncommitted_rows >= ROWS_A_TRANSACTION && record_commit(record))
			return;
	}
}

static void take_batch(struct sink *sink, const struct event *events, size_t count)
{
	struct record *record = (struct record *)sink;

	if (record->failed || record->finished || record->detail == RECORD_NONE)
		return;
	profile_batch(&record->profile, events, count);
	if (record->row_kinds && record->window && !record->events_capped)
		write_rows(record, events, count);
}

static const struct sink_ops record_sink_ops = { "record", take_batch };

void record_events_start(struct record *record, const struct record_setup *setup)
{
	record->sink.ops = &record_sink_ops;
	record->detail = setup->detail;
	record->max_events = setup->max_events;
	record->window = !setup->window_closed;
	if (setup->detail == RECORD_MISSES)
		record->row_kinds = kinds_up_to(DETAIL_MISSES);
	else if (setup->detail == RECORD_ALL)
		record->row_kinds = kinds_up_to(DETAIL_ALL);
	record_update_wants(record);
}

struct sink *record_sink(struct record *record)
{
	return &record->sink;
}

void record_window(struct record *record, bool open)
{
	record->window = open;
	record_update_wants(record);
}
