/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_RECORD_PRIVATE_H
#define PAGEWALK_ANALYSIS_RECORD_PRIVATE_H

/*
 * What the files of the recorder share.
 *
 *   record.c           life, transactions, failure
 *   record_run.c       the rows about the run itself
 *   record_epoch.c     counters and ledger, by epoch
 *   record_events.c    the sink: rows of events, and profiles in memory
 *   record_profile.c   the profiles as rows, when the run ends
 *   record_deliver.c   a held run into the file that it is for
 *
 * Invariant: once `failed` is set the database is not written to any more, and the sink wants
 * nothing.
 */

#include "analysis/database.h"
#include "analysis/mappings.h"
#include "analysis/profile.h"
#include "analysis/record.h"
#include "analysis/text.h"

#include <time.h>

enum { UNKNOWN_SYSCALLS_MAX = 512, NOTES_MAX = 256 };

/* A counter as the machine last showed it. */
struct counter_state {
	char *name;
	int64_t id;     /* in counter_name */
	uint64_t value; /* as of the last epoch */
	bool written;   /* there is a row in `counter` */
};

struct unknown_syscall {
	uint64_t number, count;
	char name[32];
};

enum record_statement {
	INSERT_EVENT,
	INSERT_EPOCH,
	INSERT_EPOCH_COUNTER,
	INSERT_EPOCH_LEDGER,
	UPSERT_COUNTER,
	UPSERT_LEDGER,
	UPDATE_RUN,
	RECORD_STATEMENTS
};

struct record {
	struct sink sink; /* first: a sink is its record */
	const struct host_alloc *alloc;
	sqlite3 *db;
	sqlite3_stmt *statement[RECORD_STATEMENTS];
	int64_t run;
	char *deliver_to; /* of a held run; NULL: db is that file */
	unsigned lock_wait_ms;
	int failed; /* 0, or the negative pw_error that stopped recording */
	struct record_error failure;
	bool in_transaction, finished;
	struct timespec started;

	enum record_detail detail;
	bool window;
	uint64_t row_kinds; /* kinds that get rows at this detail */
	uint64_t max_events, event_rows, uncommitted_rows;
	bool events_capped;
	int64_t kind_id[EVENT_COUNT];
	struct profile profile;

	int64_t cause_id[CHARGE_COUNT];
	cycles_t charged[CHARGE_COUNT]; /* as of the last epoch */
	bool charge_written[CHARGE_COUNT];
	struct counter_state *counters;
	unsigned counter_count, counter_room, counter_next;
	uint64_t epoch, epoch_instructions, cycles;

	struct mappings mappings;
	uint32_t mappings_written;
	struct unknown_syscall syscall[UNKNOWN_SYSCALLS_MAX];
	unsigned syscall_count;
	char *notes[NOTES_MAX];
	unsigned note_count, notes_written;
	unsigned guest_bits;
};

/* Remembers the first failure and stops recording; returns it. */
int record_fail(struct record *record, const char *doing);
int record_fail_memory(struct record *record);
/* Begins a transaction unless one is open; returns 0 or the failure. */
int record_begin(struct record *record);
int record_commit(struct record *record);

/* The statement is of this database, or NULL after record_fail(). */
sqlite3_stmt *record_prepare(struct record *record, const char *sql);

/* --- record_run.c --- */
/* Kinds of event and causes of cycles: their numbers in this file. */
int record_write_names(struct record *record);
int record_write_run(struct record *record, const struct record_setup *setup);
/* Notes and mappings that came since the last time. */
int record_write_pending(struct record *record);
int record_write_outcome(struct record *record, const struct record_end *end);

/* --- record_events.c --- */
void record_events_start(struct record *record, const struct record_setup *setup);
void record_update_wants(struct record *record);

/* --- record_epoch.c --- */
/* The rows of an epoch, within the open transaction. */
int record_write_epoch(struct record *record, const struct record_counters *counters);

/* --- record_profile.c --- */
int record_write_profiles(struct record *record, const struct record_end *end);

#endif
