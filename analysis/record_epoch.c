/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Counters and ledger, by epoch. The tables `counter` and `ledger` hold the values so far, those
 * of epochs only what changed: a counter that stands still costs nothing.
 *
 * Counters come by name, in the same order each time, so each is expected where it was last time;
 * one that appears later is found by its name.
 */

#include "analysis/record_private.h"

#include <string.h>
#include <sys/resource.h>

/* The number of a name in counter_name, entered if it is new to the file. 0 on failure. */
static int64_t name_counter(struct record *record, const char *name, const char *doc)
{
	sqlite3_stmt *statement;
	int64_t id = 0;

	/* The update that changes nothing makes RETURNING give the row that was there. */
	if (sqlite3_prepare_v2(record->db,
			       "INSERT INTO counter_name (name, doc) VALUES (?, ?)"
			       " ON CONFLICT (name) DO UPDATE SET doc = excluded.doc RETURNING id",
			       -1, &statement, NULL) != SQLITE_OK)
		return 0;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, doc, -1, SQLITE_STATIC);
	if (sqlite3_step(statement) == SQLITE_ROW)
		id = sqlite3_column_int64(statement, 0);
	return sqlite3_finalize(statement) == SQLITE_OK ? id : 0;
}

static struct counter_state *add_counter(struct record *record, const char *name, const char *doc)
{
	struct counter_state *counter;

	if (record->counter_count == record->counter_room) {
		unsigned room = record->counter_room ? record->counter_room * 2 : 256;
		void *larger = record->alloc->resize(record->alloc->ctx, record->counters,
						     room * sizeof(*record->counters));

		if (!larger) {
			record_fail_memory(record);
			return NULL;
		}
		record->counters = larger;
		record->counter_room = room;
	}
	counter = &record->counters[record->counter_count];
	memset(counter, 0, sizeof(*counter));
	counter->id = name_counter(record, name, doc);
	if (!counter->id) {
		record_fail(record, "write counters");
		return NULL;
	}
	counter->name = host_zalloc(record->alloc, 1, strlen(name) + 1);
	if (!counter->name) {
		record_fail_memory(record);
		return NULL;
	}
	memcpy(counter->name, name, strlen(name) + 1);
	record->counter_count++;
	return counter;
}

static struct counter_state *find_counter(struct record *record, const char *name, const char *doc)
{
	unsigned next = record->counter_next++;

	if (next < record->counter_count && strcmp(record->counters[next].name, name) == 0)
		return &record->counters[next];
	for (unsigned i = 0; i < record->counter_count; i++)
		if (strcmp(record->counters[i].name, name) == 0)
			return &record->counters[i];
	return add_counter(record, name, doc);
}

static void visit_counter(void *ctx, const char *name, const char *doc, uint64_t value)
{
	struct record *record = ctx;
	struct counter_state *counter;
	int64_t delta;

	if (record->failed)
		return;
	counter = find_counter(record, name, doc);
	if (!counter || (counter->written && counter->value == value))
		return;
	delta = (int64_t)(value - counter->value);
	if (database_run(record->statement[UPSERT_COUNTER], "iii", record->run, counter->id,
			 (int64_t)value) != SQLITE_OK ||
	    (delta && database_run(record->statement[INSERT_EPOCH_COUNTER], "iiii", record->run,
				   (int64_t)record->epoch, counter->id, delta) != SQLITE_OK)) {
		record_fail(record, "write counters");
		return;
	}
	counter->value = value;
	counter->written = true;
}

static int write_ledger(struct record *record, const struct ledger *ledger)
{
	for (unsigned i = 0; i < CHARGE_COUNT; i++) {
		cycles_t delta = ledger->line[i] - record->charged[i];

		if (!delta && record->charge_written[i])
			continue;
		if (database_run(record->statement[UPSERT_LEDGER], "iii", record->run,
				 record->cause_id[i], (int64_t)ledger->line[i]) != SQLITE_OK ||
		    (delta && database_run(record->statement[INSERT_EPOCH_LEDGER], "iiii",
					   record->run, (int64_t)record->epoch, record->cause_id[i],
					   (int64_t)delta) != SQLITE_OK))
			return record_fail(record, "write the ledger");
		record->charged[i] = ledger->line[i];
		record->charge_written[i] = true;
	}
	return 0;
}

static int update_run(struct record *record)
{
	struct timespec now;
	struct rusage usage;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &now);
	getrusage(RUSAGE_SELF, &usage);
	seconds = (double)(now.tv_sec - record->started.tv_sec) +
		  (double)(now.tv_nsec - record->started.tv_nsec) * 1e-9;
	if (database_run(record->statement[UPDATE_RUN], "iiidii",
			 (int64_t)record->epoch_instructions, (int64_t)record->cycles,
			 (int64_t)record->event_rows, seconds, (int64_t)usage.ru_maxrss * 1024,
			 record->run) != SQLITE_OK)
		return record_fail(record, "write the run");
	return 0;
}

int record_write_epoch(struct record *record, const struct record_counters *counters)
{
	record->epoch++;
	record->epoch_instructions = counters->instructions;
	record->cycles = ledger_total(counters->ledger);
	if (database_run(record->statement[INSERT_EPOCH], "iiii", record->run,
			 (int64_t)record->epoch, (int64_t)record->epoch_instructions,
			 (int64_t)record->cycles) != SQLITE_OK)
		return record_fail(record, "write an epoch");
	record->counter_next = 0;
	counters->enumerate(counters->source, visit_counter, record);
	if (record->failed || write_ledger(record, counters->ledger) ||
	    record_write_pending(record))
		return record->failed;
	return update_run(record);
}

int record_epoch(struct record *record, const struct record_counters *counters)
{
	if (record_begin(record) || record_write_epoch(record, counters))
		return record->failed;
	return record_commit(record);
}
