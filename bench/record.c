/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a record costs, as ratios within one run:
 *
 *   profiles   ns an event that only feeds profiles (the default detail), in cache and far beyond
 *   rows       events a second as rows (--events misses, all), and the ratio to bare prepared
 *              inserts of the same 13 columns through SQLite alone, same file system, same settings
 *   epoch      microseconds an epoch of 150 counters
 *
 *	record [DIRECTORY [MILLIONS_OF_EVENTS]]
 */

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis/record.h"

static char db_path[4096];
static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	fprintf(stderr, "record: %s\n", what);
	exit(1);
}

/* What one first-level miss gives: a miss a level, a walk, the retirement of the victim. */
static void make_batch(struct event *batch, uint64_t first, uint64_t pages)
{
	for (unsigned i = 0; i < EVENT_BATCH; i += 4) {
		uint64_t va = 0x7f0000000000 + (random_next() % pages << 12);
		struct event event = { .instruction = first + i,
				       .cycle = 3 * first + i,
				       .va = va,
				       .pa = va & 0xffffff000,
				       .pc = 0x400000 + (va >> 12) % 4096 * 4,
				       .asid = 1 };

		for (unsigned j = 0; j < 4; j++)
			batch[i + j] = event;
		batch[i].kind = batch[i + 1].kind = EVENT_TLB_MISS;
		batch[i + 1].level = 1;
		batch[i + 2].kind = EVENT_WALK;
		batch[i + 2].cycles = 40;
		batch[i + 3].kind = EVENT_TLB_RETIRE;
		batch[i + 3].va = 0x7f0000000000 + (random_next() % pages << 12);
		batch[i + 3].value = 17;
	}
}

static void no_counters(void *source, counter_visit_fn *visit, void *ctx)
{
	(void)source;
	(void)visit;
	(void)ctx;
}

static void many_counters(void *source, counter_visit_fn *visit, void *ctx)
{
	char name[32];

	for (unsigned i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "bench.counter%u", i);
		visit(ctx, name, "a counter", *(uint64_t *)source * (i + 1));
	}
}

static struct record *open_record(enum record_detail detail)
{
	static const char *const none[] = { NULL };
	const struct record_setup setup = { .db_path = db_path,
					    .detail = detail,
					    .run = { .program = "bench",
						     .arguments = none,
						     .environment = none,
						     .machine_name = "bench",
						     .machine_text = "" } };
	struct record *record;
	struct record_error error;

	unlink(db_path);
	if (record_open(&record, &setup, &error))
		die(error.text);
	return record;
}

/* Seconds spent in the sink, batches made outside of the measurement. */
static double feed(struct record *record, uint64_t events, uint64_t pages)
{
	struct sink *sink = record_sink(record);
	static struct event batch[64][EVENT_BATCH];
	double seconds = 0;

	for (uint64_t done = 0; done < events; done += 64 * EVENT_BATCH) {
		double start;

		for (unsigned i = 0; i < 64; i++)
			make_batch(batch[i], done + i * EVENT_BATCH, pages);
		start = now();
		for (unsigned i = 0; i < 64; i++)
			sink->ops->batch(sink, batch[i], EVENT_BATCH);
		seconds += now() - start;
	}
	return seconds;
}

static double finish(struct record *record)
{
	struct ledger ledger = { 0 };
	const struct record_end end = { .counters = { 0, &ledger, no_counters, NULL } };
	struct record_error error;
	double start = now();

	if (record_finish(record, &end, &error))
		die(error.text);
	record_destroy(record);
	return now() - start;
}

static void bench_profiles(uint64_t events)
{
	static const uint64_t pages[] = { 256, 16384, 262144, 1048576 };

	printf("profiles (summary)\n  %10s %10s %14s %12s\n", "pages", "ns/event", "us/256 events",
	       "finish s");
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct record *record = open_record(RECORD_SUMMARY);
		double ns;

		feed(record, 4 * pages[i], pages[i]);
		ns = feed(record, events, pages[i]) / (double)events * 1e9;
		printf("  %10llu %10.2f %14.2f %12.3f\n", (unsigned long long)pages[i], ns,
		       ns * 256 / 1000, finish(record));
	}
}

/* The same columns through SQLite alone. */
static double bare_inserts(uint64_t rows)
{
	static struct event batch[EVENT_BATCH];
	sqlite3_stmt *insert;
	sqlite3 *db;
	double seconds = 0, start;

	unlink(db_path);
	if (sqlite3_open(db_path, &db) ||
	    sqlite3_exec(db,
			 "PRAGMA synchronous = normal; PRAGMA cache_size = -16000;"
			 "CREATE TABLE event (id INTEGER PRIMARY KEY, kind INTEGER, a INTEGER,"
			 " b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER, g INTEGER,"
			 " h INTEGER, i INTEGER, j INTEGER, k INTEGER) STRICT; BEGIN",
			 NULL, NULL, NULL) ||
	    sqlite3_prepare_v2(db, "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", -1,
			       &insert, NULL))
		die(sqlite3_errmsg(db));
	for (uint64_t done = 0; done < rows; done += EVENT_BATCH) {
		make_batch(batch, done, 262144);
		start = now();
		for (unsigned i = 0; i < EVENT_BATCH; i++) {
			const struct event *e = &batch[i];
			const int64_t values[] = { (int64_t)(done + i + 1),
						   e->kind,
						   (int64_t)e->instruction,
						   (int64_t)e->cycle,
						   (int64_t)e->pc,
						   (int64_t)e->va,
						   (int64_t)e->pa,
						   e->asid,
						   e->access,
						   e->level,
						   (int64_t)e->value,
						   e->cycles,
						   e->page_lg2 };

			for (int c = 0; c < 13; c++)
				sqlite3_bind_int64(insert, c + 1, values[c]);
			sqlite3_step(insert);
			sqlite3_reset(insert);
		}
		seconds += now() - start;
	}
	start = now();
	sqlite3_finalize(insert);
	if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL))
		die(sqlite3_errmsg(db));
	sqlite3_close(db);
	return seconds + now() - start;
}

static void bench_rows(uint64_t events)
{
	/* Three events of four have rows: retirements have none. */
	const uint64_t rows = events / 4 * 3;
	double bare = 0, ours = 0;

	printf("rows (misses), pages 262144\n  %14s %14s %8s\n", "bare rows/s", "record rows/s",
	       "ratio");
	for (unsigned round = 0; round < 3; round++) {
		struct record *record;
		double one = bare_inserts(rows);

		bare = !round || one < bare ? one : bare;
		record = open_record(RECORD_MISSES);
		one = feed(record, events, 262144);
		one += finish(record);
		ours = !round || one < ours ? one : ours;
	}
	printf("  %14.0f %14.0f %8.2f   (profiles and the end of the run included)\n",
	       (double)rows / bare, (double)rows / ours, bare / ours);
}

static void bench_epochs(void)
{
	struct record *record = open_record(RECORD_SUMMARY);
	struct ledger ledger = { 0 };
	uint64_t step = 0;
	struct record_counters counters = { 0, &ledger, many_counters, &step };
	double start = now();

	for (; step < 300; step++) {
		ledger_charge(&ledger, CHARGE_BASE, 10);
		if (record_epoch(record, &counters))
			die("an epoch failed");
	}
	printf("epoch of 150 counters, all changed\n  %10.1f us\n", (now() - start) / 300 * 1e6);
	finish(record);
}

int main(int argc, char **argv)
{
	uint64_t events = (argc > 2 ? strtoull(argv[2], NULL, 10) : 4) * 1000000;

	snprintf(db_path, sizeof(db_path), "%s/pagewalk-bench-record.db",
		 argc > 1 ? argv[1] : "/tmp");
	bench_profiles(events);
	bench_rows(events);
	bench_epochs();
	unlink(db_path);
	return 0;
}
