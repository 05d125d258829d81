/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_SESSION_H
#define PAGEWALK_CLI_SESSION_H

/*
 * A machine with its record: what a live run and a replay have in common. Loads the description,
 * builds the machine, opens the record, and rings its alarms (epochs, window, progress).
 */

#include "cli/run_options.h"
#include "emu/machine/machine.h"

struct trace_reader;

struct session {
	const struct run_options *options;
	const char *name; /* of the machine, in messages */
	char *said;       /* where messages are collected, a line each; NULL: on stderr at once */
	size_t said_room;
	struct machine_config config;
	struct machine *machine;
	struct record *record;
	struct machine_alarm epoch, window_open, window_close, progress;
	bool record_failed; /* said already */
	/* --- progress --- */
	bool show_progress, colour;
	double started, last_shown; /* host seconds; never recorded */
	uint64_t last_accesses, last_instructions;
};

/* What a machine that a trace drives takes from its header, whatever its description says. */
void session_follow_trace(struct run_options *options, const struct trace_reader *reader);
/* The machine that the options describe. Complains and returns an exit status, or 0. */
int session_resolve(struct machine_config *config, const struct run_options *options);
/*
 * Builds that machine; *session is zero but for `said`. Complains and returns an exit status, or 0.
 * session_destroy() is harmless then.
 */
int session_build(struct session *session, const struct run_options *options,
		  const struct machine_config *config, const char *name);
/* Both. */
int session_create(struct session *session, const struct run_options *options);
/* As complain(), or collects. */
__attribute__((format(printf, 2, 3))) void session_say(struct session *session, const char *format,
						       ...);
/* Tells two resolved descriptions apart; 0 only for want of memory. */
uint64_t session_description(const struct session *session);
/* Opens the record (held: record.h); `run` lacks only what the session itself knows. */
int session_open_record(struct session *session, const struct record_run *run, bool held);
/* Drains, checks the conservation laws, finishes the record. Returns 0 or an exit status. */
int session_finish(struct session *session, struct record_end *end);
/* A remark in the record, where there is one. */
void session_note(struct session *session, const char *text);
void session_destroy(struct session *session);

/* Of a clock that only goes on. Never recorded. */
double host_seconds(void);
void progress_init(struct session *session);
void progress_clear(struct session *session);
void progress_summary(struct session *session);

#endif
