/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a reader makes of any bytes: legal records. And what a replay makes of them: the machine keeps
 * its laws, and where it cannot do what the trace says that it did, that is an error with a message.
 * Most replays end so, soon; hence the records also drive a machine whatever comes of them.
 */

#include "tests/fuzz/fuzz_trace.h"

#include "traces/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DRIVEN_MAX = 10000 }; /* records: each may be a fault */

static void check_record(const struct trace_record *record)
{
	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
	case TRACE_BLOCK:
	case TRACE_REP:
		must(record->bytes >= 1 && record->bytes <= FRAME_BYTES);
		break;
	case TRACE_ATTEMPT:
		must(record->access < ACCESS_KIND_COUNT && record->outcome.signal >= 0 &&
		     record->outcome.signal <= 64);
		break;
	case TRACE_MAPPING:
		must(strlen(record->mapping.path) < TRACE_PATH_MAX &&
		     strlen(record->mapping.identity) < TRACE_IDENTITY_MAX);
		break;
	case TRACE_KCALL:
		must(record->call.op < KCALL_COUNT);
		break;
	default:
		must(record->tag == TRACE_END || record->tag == TRACE_CUT);
	}
}

static void read_records(const char *path)
{
	struct trace_reader *reader = NULL;
	struct trace_error error = { "" };
	struct trace_record record;
	int more = trace_reader_open(&reader, path, &error);

	if (more == PW_OK) {
		while ((more = trace_reader_next(reader, &record, &error)) > 0)
			check_record(&record);
		trace_reader_number(reader, "seed", 0);
		trace_reader_close(reader);
	}
	must(more <= 0);
	must_be_told(more, &error);
}

static void replay(const char *path, const char *format)
{
	struct trace_reader *reader = NULL;
	struct trace_error error = { "" };
	struct machine *machine;
	const char *what = "?";
	int status;

	if (trace_reader_open(&reader, path, &error) != PW_OK)
		return;
	machine = small_machine(format);
	status = trace_replay(reader, machine, &error);
	must(status == PW_OK || status == PW_DIVERGED || status == PW_CORRUPT);
	must_be_told(status, &error);
	machine_drain(machine);
	must(machine_check(machine, &what) == PW_OK);
	machine_destroy(machine);
	trace_reader_close(reader);
}

static void drive_by(struct machine *machine, const struct trace_record *record)
{
	struct fault_outcome outcome;

	if (record->tag == TRACE_KCALL)
		kernel_call(machine->kernel, &record->call);
	if (!kernel_space(machine->kernel))
		return;
	if (record->tag == TRACE_ATTEMPT)
		machine_attempt(machine, record->access, record->va, &outcome);
	else if (record->tag == TRACE_LOAD)
		machine_access(machine, ACCESS_READ, record->va, record->bytes, &outcome);
	else if (record->tag == TRACE_STORE)
		machine_access(machine, ACCESS_WRITE, record->va, record->bytes, &outcome);
	else if (record->tag == TRACE_BLOCK &&
		 machine_fetch_block(machine, record->va, record->bytes, &outcome))
		machine_block(machine, record->va, record->bytes, record->instructions, false);
}

static void drive(const char *path, const char *format)
{
	struct trace_reader *reader = NULL;
	struct trace_error error;
	struct trace_record record;
	struct machine *machine;
	const char *what = "?";

	if (trace_reader_open(&reader, path, &error) != PW_OK)
		return;
	machine = small_machine(format);
	for (unsigned i = 0; i < DRIVEN_MAX && trace_reader_next(reader, &record, &error) > 0; i++)
		drive_by(machine, &record);
	machine_drain(machine);
	must(machine_check(machine, &what) == PW_OK);
	machine_destroy(machine);
	trace_reader_close(reader);
}

static void use(const char *path)
{
	read_records(path);
	replay(path, "radix");
	replay(path, "inverted");
	drive(path, "radix");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_trace(data, size, use);
	return 0;
}
