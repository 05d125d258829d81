/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_TRACE_H
#define PAGEWALK_TRACES_TRACE_H

/*
 * Traces: FORMAT.md says what is in the file. A writer is a machine_tap; a reader yields records;
 * replay.h drives machines with them.
 */

#include "emu/machine/machine.h"
#include "traces/batch.h"

enum { TRACE_VERSION = 3, TRACE_HEADER_MAX = 1 << 20, TRACE_FRAME_MAX = 1 << 22 };

/* What went wrong with a trace, and where: names the file and the offset. */
struct trace_error {
	char text[512];
};

/* How the recorded program ended. */
enum trace_ending {
	TRACE_UNKNOWN, /* the trace does not say: it is a piece, or was imported */
	TRACE_EXITED,
	TRACE_KILLED,  /* by a signal */
	TRACE_STOPPED, /* it had not ended when recording was told to stop */
	TRACE_ENDINGS
};

/* A range of an address space that a file backs, or executable memory that none does. */
struct trace_mapping {
	uint64_t space; /* its id */
	va_t start;
	uint64_t length, offset;
	uint32_t prot;    /* PROT_*, when it was mapped */
	const char *path; /* shorter than TRACE_PATH_MAX; "": no file */
	const char *
		identity; /* shorter than TRACE_IDENTITY_MAX: tells its content from another's; or "" */
};
enum { TRACE_PATH_MAX = 4096, TRACE_IDENTITY_MAX = 128 };

struct trace_outcome {
	enum trace_ending ending;
	unsigned number; /* exit status; KILLED: signal; STOPPED: exit status of the recording; <= 255 */
};

/* --- writing --------------------------------------------------------------------------------- */

struct trace_writer;

struct trace_writer_setup {
	const char *path;   /* replaced where there is one */
	const char *header; /* lines `key: value` */
	/* Where the driver keeps the instruction of the access it reports; NULL: the trace holds none. */
	const va_t *pc; /* *pc 0: the driver cannot say */
};

/* Creates the file. PW_IO, PW_NOMEM. */
int trace_writer_create(struct trace_writer **out, const struct trace_writer_setup *setup,
			struct trace_error *error);
const struct machine_tap *trace_writer_tap(struct trace_writer *writer);
/* A mapping, just made by the last kernel call. The strings are copied; longer ones left out. */
void trace_writer_mapping(struct trace_writer *writer, const struct trace_mapping *mapping);
/* What END is to say; without, it says TRACE_UNKNOWN. */
void trace_writer_outcome(struct trace_writer *writer, const struct trace_outcome *outcome);
/*
 * Writes END with the machine's counts, closes and frees. A failure on the way (a full disk) was
 * remembered and is reported here; the guest was not disturbed.
 */
int trace_writer_finish(struct trace_writer *writer, const struct machine_counters *counters,
			struct trace_error *error);

/* --- reading --------------------------------------------------------------------------------- */

enum trace_tag {
	TRACE_END,
	TRACE_LOAD,
	TRACE_STORE,
	TRACE_BLOCK,
	TRACE_REP,
	TRACE_CUT,
	TRACE_ATTEMPT,
	TRACE_MAPPING,
	TRACE_KCALL = 64
};

/* Any record; of those that batch->other holds: CUT, ATTEMPT, MAPPING, KCALL, END. */
struct trace_record {
	enum trace_tag tag;
	va_t va;
	uint32_t bytes, instructions; /* CUT: instructions that did not retire */
	va_t pc;                      /* of a load or store; 0: not recorded */
	enum access_kind access;      /* ATTEMPT */
	struct fault_outcome outcome; /* ATTEMPT */
	struct kcall call;            /* KCALL */
	int64_t result;               /* KCALL */
	uint64_t total[3];            /* END: loads, stores, instructions */
	struct trace_outcome end;     /* END */
	struct trace_mapping
		mapping; /* MAPPING; strings of a reader's are good until its next call */
};

struct trace_reader;

int trace_reader_open(struct trace_reader **out, const char *path, struct trace_error *error);
void trace_reader_close(struct trace_reader *reader);
const char *trace_reader_header(const struct trace_reader *reader);
const char *trace_reader_path(const struct trace_reader *reader);
/* The value of a line `key: value` of the header as a number; `otherwise` where there is none. */
uint64_t trace_reader_number(const struct trace_reader *reader, const char *key,
			     uint64_t otherwise);
/* Do accesses carry the instruction that made them? */
bool trace_reader_has_pc(const struct trace_reader *reader);

/*
 * Two ways to read on, not to be mixed: batches for a replay, records one by one for tools.
 *
 * 1: a batch, or a record; 0: END was the last one and nothing follows it; PW_CORRUPT where that is
 * not so. What came before damage has been delivered by then: the records of all frames before the
 * damaged one.
 */
int trace_reader_batch(struct trace_reader *reader, struct trace_batch *batch,
		       struct trace_error *error);
int trace_reader_next(struct trace_reader *reader, struct trace_record *record,
		      struct trace_error *error);
/* Where the frame of the last record starts in the file. */
uint64_t trace_reader_offset(const struct trace_reader *reader);

#endif
