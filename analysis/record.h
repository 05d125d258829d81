/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_RECORD_H
#define PAGEWALK_ANALYSIS_RECORD_H

/*
 * The record of a run in a SQLite file: counters, ledger, epochs, profiles by page and by
 * instruction, and events. One file holds many runs; docs/schema.md is generated from its schema.
 *
 *   record_open ─> record_sink ─> { batches, record_epoch }* ─> record_finish ─> record_destroy
 *
 * What cannot be recorded is an error of record_open(), before the guest starts. After that the
 * guest is never disturbed: the first failure is remembered, recording stops (the sink wants
 * nothing more), and record_epoch() and record_finish() return it. What was committed before it
 * stays: every epoch is one transaction, so a run that is killed at any moment leaves a file that
 * opens and holds all its committed epochs.
 *
 * Cost. With RECORD_SUMMARY nothing is written between epochs; the sink keeps profiles in memory,
 * at most PROFILE_PAGES_MAX pages and PROFILE_INSTRUCTIONS_MAX instructions (profile.h: 92 MB when
 * both are full). What belongs to others than these is summed up in a note.
 */

#include "analysis/error.h"
#include "mmu/event.h"
#include "mmu/ledger.h"
#include "mmu/memory.h"

enum record_detail {
	RECORD_NONE,    /* counters, ledger and epochs only: the sink wants nothing */
	RECORD_SUMMARY, /* and profiles by page and by instruction */
	RECORD_MISSES,  /* and a row for each event of DETAIL_MISSES */
	RECORD_ALL,     /* and for each of DETAIL_ALL */
};

/* What a run is, known before it starts. Strings are copied or written at once. */
struct record_run {
	const char *source;             /* "live" or "replay" */
	const char *trace;              /* the file replayed or written, or NULL */
	const char *label;              /* for people and sweeps, or NULL */
	const char *program;            /* as given */
	const char *const *arguments;   /* NULL-terminated, argv[0] included */
	const char *const *environment; /* NULL-terminated "K=V" */
	const char *machine_name;
	const char *machine_text; /* the description as resolved */
	const char *page_table;   /* format */
	unsigned guest_bits;      /* 32 or 64, for disassembly; 0: 64 */
	const char *version;      /* of pagewalk */
	uint64_t seed, clock_start_ns, ram_bytes;
	uint64_t epoch_instructions; /* 0: only one epoch, at the end */
	bool measured;               /* false: --no-measure */
};

struct record_setup {
	const char *db_path; /* created if absent, else the run is appended */
	enum record_detail detail;
	uint64_t max_events;            /* rows of events; 0: no limit */
	bool window_closed;             /* no event rows before record_window(record, true) */
	unsigned lock_wait_ms;          /* how long to wait for another writer; 0: 10 seconds */
	bool held;                      /* nothing goes to the file before record_deliver() */
	const struct host_alloc *alloc; /* NULL: libc */
	struct record_run run;
};

/* The state of the machine's counters now. */
struct record_counters {
	uint64_t instructions;
	const struct ledger *ledger;
	/* Calls visit(ctx, name, doc, value) for each counter, in the same order at each call. */
	void (*enumerate)(void *source, counter_visit_fn *visit, void *ctx);
	void *source;
};

/* A range of the guest's address space, so that addresses can be named. */
struct record_mapping {
	va_t start;
	uint64_t length;
	uint64_t offset;  /* in the file */
	const char *path; /* on the host, or a name such as "[stack]"; NULL: anonymous */
	/* What the file held then (identity.h): only this is named and read. NULL or "": nothing. */
	const char *identity;
	asid_t asid;
	uint8_t perms; /* enum perm_bits */
};

/*
 * Copies up to `length` bytes of guest memory at va without disturbing anything; returns how many
 * could be read.
 */
typedef size_t record_read_fn(void *ctx, asid_t asid, va_t va, void *to, size_t length);

enum record_ending {
	RECORD_ENDED,
	RECORD_END_UNKNOWN, /* all of a trace was replayed; it does not say how the program ended */
	RECORD_STOPPED,     /* a replay could not go on */
};

struct record_end {
	struct record_counters counters;
	enum record_ending ending;
	int exit_status;      /* ENDED */
	int exit_signal;      /* ENDED; 0: exited by itself */
	record_read_fn *read; /* NULL: code is read from the mapped files only */
	void *read_ctx;
	/* A file that is gone or has changed, once each; it is noted too. NULL: nobody is told. */
	void (*unusable)(void *ctx, const char *text);
	void *unusable_ctx;
};

struct record;

/*
 * Creates or opens the file, checks that it is ours, and enters the run. On failure *out is NULL.
 * PW_INVALID: not a pagewalk database; PW_UNSUPPORTED: of a newer pagewalk; PW_CORRUPT; PW_IO:
 * anything else the file system or SQLite said; PW_NOMEM.
 */
int record_open(struct record **out, const struct record_setup *setup, struct record_error *error);
/* The row of this run in the table `run`; of a held one known when it was delivered. */
int64_t record_run_id(const struct record *record);

/*
 * To be attached to the event queue. Its `wants` depends on the detail and on the window, and
 * drops when the limit of events is reached or recording fails: refresh the queue now and then.
 */
struct sink *record_sink(struct record *record);

/*
 * Opens or closes the window for event rows; profiles go on. Flush the queue before, refresh it
 * after.
 */
void record_window(struct record *record, bool open);

/*
 * Ends an epoch at counters->instructions and commits: what changed since the last one, and the
 * values so far. Flush the queue before. Returns the failure that stopped recording, if any.
 */
int record_epoch(struct record *record, const struct record_counters *counters);

/* A later mapping hides an earlier one of the same address. Past MAPPINGS_MAX: noted, dropped. */
void record_mapping(struct record *record, const struct record_mapping *mapping);
/* A warning that belongs to the run ("data does not go through the caches"). Written at the end. */
void record_note(struct record *record, const char *text);
/* A system call answered with ENOSYS, how often. */
void record_unknown_syscall(struct record *record, uint64_t number, const char *name,
			    uint64_t count);
/* An option or a sweep's parameter, for people and comparisons. Written at once. */
int record_setting(struct record *record, const char *name, const char *value);

/*
 * Writes the last epoch, the profiles with disassembly and symbols, notes, and the outcome, and
 * closes the file. Returns the failure that stopped recording earlier, or its own.
 */
int record_finish(struct record *record, const struct record_end *end, struct record_error *error);
/*
 * Appends a held run that was finished to the file, in one transaction: what it leaves there is what
 * recording there would have left, and its number is the next one. Until then the rows are in a
 * temporary file that nobody sees and that goes with the process. One at a time; of several threads,
 * whichever. So runs of many threads enter a file in any order that their owner likes.
 */
int record_deliver(struct record *record, struct record_error *error);
/* Makes the file, or checks that it is ours and can be written to. Errors as record_open(). */
int record_check_file(const char *db_path, struct record_error *error);
/* Frees everything; a run that was not finished stays marked as running. NULL is allowed. */
void record_destroy(struct record *record);

#endif
