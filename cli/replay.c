/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk replay`: a machine driven by a trace. */

#include "cli/session.h"
#include "traces/replay.h"

/* What the guest saw of the recorded machine it might have acted upon; this one would show another. */
static void warn_of_truth(struct session *s, struct trace_reader *reader)
{
	static const char text[] =
		"the recorded program looked at its machine's memory (smaps, "
		"meminfo, mincore, rusage or the like), which this machine would "
		"have shown otherwise: a live run may differ from this replay";

	if (kernel_counters(s->machine->kernel)->truth_reads == 0 ||
	    trace_reader_number(reader, "description", 0) == session_description(s))
		return;
	complain("warning: %s", text);
	record_note(s->record, text);
}

static int drive(struct session *s, struct trace_reader *reader)
{
	static const char *const none[] = { NULL };
	const struct record_run run = { .source = "replay",
					.trace = s->options->trace,
					.program = s->options->trace,
					.clock_start_ns =
						trace_reader_number(reader, "clock_start_ns", 0),
					.arguments = none,
					.environment = none,
					.seed = s->options->seed,
					.measured = true };
	struct record_end end = { 0 };
	struct trace_error error;
	int status = session_open_record(s, &run), failed;

	if (status)
		return status;
	progress_init(s);
	failed = trace_replay(reader, s->machine, &error);
	progress_clear(s);
	if (failed) {
		complain("%s", error.text);
		record_note(s->record, error.text);
	}
	warn_of_truth(s, reader);
	end.exit_status = failed ? EXIT_OURS : 0;
	status = session_finish(s, &end);
	progress_summary(s);
	return failed ? EXIT_OURS : status;
}

int command_replay(int argc, char **argv)
{
	static struct run_options options;
	static struct session session;
	struct trace_reader *reader = NULL;
	struct trace_error error;
	int status;

	replay_options_parse(&options, argc, argv);
	if (trace_reader_open(&reader, options.trace, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	/* The machine draws from the seed too (random replacement). */
	options.seed = trace_reader_number(reader, "seed", options.seed);
	options.trace_is_read = true;
	status = session_create(&session, &options);
	if (!status)
		status = drive(&session, reader);
	session_destroy(&session);
	trace_reader_close(reader);
	return status;
}
