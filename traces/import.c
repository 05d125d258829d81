/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which format, and what becomes of an access: it is checked, cut where it is larger than a page,
 * counted, and reported as a live CPU would, ticks included. So a replay of it has the reclaim daemon
 * and all else at the same places as the replay of a recording.
 */

#include "traces/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "traces/import_private.h"

enum { ACCESS_MAX = 1 << 20 }; /* bytes; more is damage */

/* In the order of guessing: what looks like perf's is looked for when nothing else fits. */
static const struct import_format *const formats[] = { &import_lackey,   &import_csv,
						       &import_din,      &import_perf,
						       &import_champsim, &import_cloudsuite };
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

const char *trace_import_format(unsigned n, const char **doc)
{
	*doc = n < FORMATS ? formats[n]->doc : NULL;
	return n < FORMATS ? formats[n]->name : NULL;
}

/* --- what makes no sense --------------------------------------------------------------------- */

/* The start of the line, fit to be shown. */
static void quote(const struct import *im, char *out, size_t size)
{
	size_t used = 0;

	if (im->line)
		out[used++] = '\'';
	for (const char *at = im->line; at < im->line_end && used < size - 6; at++)
		out[used++] = (char)(*at >= ' ' && *at <= '~' ? *at : '?');
	snprintf(out + used, size - used, "%s", !im->line ? "it" : used < size - 6 ? "'" : "...'");
}

int import_malformed(struct import *im, const char *must_be)
{
	struct trace_error *error = im->lenient ? &im->result->first_skipped : im->error;
	char what[64];

	if (!im->lenient || im->result->skipped == 0) {
		quote(im, what, sizeof(what));
		snprintf(error->text, sizeof(error->text), "%.250s: %s %llu: %s must be %s",
			 im->path, im->unit, (unsigned long long)im->place, what, must_be);
	}
	im->result->skipped++;
	return im->lenient ? PW_OK : PW_CORRUPT;
}

bool import_of_kernel(struct import *im, va_t va)
{
	bool upper_half = (int64_t)va < 0;

	im->result->kernel += upper_half;
	return upper_half;
}

/* 0: it does; else as import_malformed(), PW_OK included, or 1 to go on. */
enum { FITS = 1 };
static int check_place(struct import *im, va_t va, uint64_t bytes, uint64_t most)
{
	char must_be[128];

	if (bytes == 0 || bytes > most)
		snprintf(must_be, sizeof(must_be), "of 1 to %llu bytes, not %llu",
			 (unsigned long long)most, (unsigned long long)bytes);
	else if (va >= IMPORT_VA_END || bytes > IMPORT_VA_END - va)
		snprintf(must_be, sizeof(must_be),
			 "below 0x%llx, where programs end, not at 0x%llx",
			 (unsigned long long)IMPORT_VA_END, (unsigned long long)va);
	else
		return FITS;
	return import_malformed(im, must_be);
}

/* --- reporting ------------------------------------------------------------------------------- */

static void call(struct import *im, enum kcall_op op, uint64_t a, uint64_t b)
{
	const struct kcall kcall = { op, { a, b } };

	im->tap->kcall(im->tap->ctx, &kcall, op == KCALL_space_create);
}

/* As a live run does, before the block at va; 0, 0: before an access without one. */
static void step(struct import *im, va_t va, unsigned bytes)
{
	if (PAGEWALK_UNLIKELY(im->steps >= im->next_tick)) {
		im->next_tick += MACHINE_TICK_INSTRUCTIONS;
		call(im, KCALL_tick, va, bytes);
	}
	im->steps++;
}

int import_fetch(struct import *im, va_t va, uint64_t bytes)
{
	int fits = check_place(im, va, bytes, FRAME_BYTES);

	if (fits != FITS)
		return fits;
	step(im, va, (unsigned)bytes);
	im->pc = va;
	im->result->instructions++;
	im->tap->block(im->tap->ctx, va, (unsigned)bytes, 1, false);
	return PW_OK;
}

static void report_access(struct import *im, enum access_kind access, va_t va, unsigned bytes)
{
	if (im->result->instructions == 0)
		step(im, 0, 0);
	if (access == ACCESS_READ)
		im->result->loads++;
	else
		im->result->stores++;
	im->tap->access(im->tap->ctx, access, va, bytes);
}

int import_access(struct import *im, enum access_kind access, va_t va, uint64_t bytes)
{
	int fits = check_place(im, va, bytes, ACCESS_MAX);

	if (fits != FITS)
		return fits;
	im->result->split += bytes > FRAME_BYTES;
	while (bytes > FRAME_BYTES) {
		unsigned first = FRAME_BYTES - (unsigned)(va & (FRAME_BYTES - 1));

		report_access(im, access, va, first);
		va += first;
		bytes -= first;
	}
	report_access(im, access, va, (unsigned)bytes);
	return PW_OK;
}

/* --- the whole of it ------------------------------------------------------------------------- */

static int guess_format(struct import *im)
{
	const uint8_t *bytes;
	int count = import_input_peek(im->input, IMPORT_PEEK_MAX, &bytes, im->error);

	if (count < 0)
		return count;
	for (unsigned i = 0; !im->format && i < FORMATS; i++)
		if (formats[i]->recognise(bytes, (size_t)count, count < IMPORT_PEEK_MAX))
			im->format = formats[i];
	if (im->format)
		return PW_OK;
	snprintf(im->error->text, sizeof(im->error->text), "%.300s: %s; --from names one", im->path,
		 count == 0 ? "is empty, so its format cannot be guessed"
			    : "looks like no trace format that is known");
	return PW_INVALID;
}

static int find_format(struct import *im, const char *name)
{
	if (!name)
		return guess_format(im);
	for (unsigned i = 0; i < FORMATS; i++) {
		if (strcmp(formats[i]->name, name) == 0) {
			im->format = formats[i];
			return PW_OK;
		}
	}
	snprintf(im->error->text, sizeof(im->error->text),
		 "no trace format is called '%.40s' ('pagewalk import --help' lists them)", name);
	return PW_INVALID;
}

/* Up to the knowledge of what it is. After a failure there is nothing to close. */
static int open_import(struct import *im, const struct trace_import_setup *setup,
		       struct trace_import_result *result, struct trace_error *error)
{
	int failed;

	memset(result, 0, sizeof(*result));
	*im = (struct import){
		.path = strcmp(setup->path, "-") == 0 ? "standard input" : setup->path,
		.unit = "line",
		.lenient = setup->lenient,
		.result = result,
		.error = error,
		.next_tick = MACHINE_TICK_INSTRUCTIONS,
	};
	failed = import_input_open(&im->input, setup->path, error);
	if (failed)
		return failed;
	failed = find_format(im, setup->format);
	if (failed)
		import_input_close(im->input);
	return failed;
}

static int read_all(struct import *im, const struct machine_tap *tap)
{
	im->tap = tap;
	im->result->format = im->format->name;
	call(im, KCALL_space_create, 0, 0);
	call(im, KCALL_space_switch, 1, 0);
	call(im, KCALL_first_touch, 1, 0);
	return im->format->read(im);
}

int trace_import_read(const struct trace_import_setup *setup, const struct machine_tap *tap,
		      struct trace_import_result *result, struct trace_error *error)
{
	struct import im;
	int failed = open_import(&im, setup, result, error);

	if (failed)
		return failed;
	failed = read_all(&im, tap);
	import_input_close(im.input);
	return failed;
}

/* The name in one line of the header, whatever is in it. */
static void write_header(const struct import *im, char *header, size_t size)
{
	char name[200];

	snprintf(name, sizeof(name), "%s", im->path);
	for (char *at = name; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = '?';
	snprintf(header, size,
		 "pagewalk: %s\nprogram: %s\nimported: %s\npage: %d\nva_end: 0x%llx\nseed: 1\n",
		 PAGEWALK_VERSION, name, im->format->name, FRAME_BYTES,
		 (unsigned long long)IMPORT_VA_END);
}

static void remove_file(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		unlink(path);
}

static int finish(struct import *im, struct trace_writer *writer, int failed)
{
	const struct machine_counters counters = { .loads = im->result->loads,
						   .stores = im->result->stores,
						   .instructions = im->result->instructions };
	struct trace_error ignored;
	int unfinished = trace_writer_finish(writer, &counters, failed ? &ignored : im->error);

	return failed ? failed : unfinished;
}

static int create_writer(const struct import *im, struct trace_writer **writer,
			 const struct trace_writer_setup *setup)
{
	if (!import_input_is(im->input, setup->path))
		return trace_writer_create(writer, setup, im->error);
	snprintf(im->error->text, sizeof(im->error->text),
		 "%.300s: is what is read: the trace must go elsewhere", setup->path);
	return PW_INVALID;
}

int trace_import(const struct trace_import_setup *setup, const char *output,
		 struct trace_import_result *result, struct trace_error *error)
{
	char header[512];
	struct import im;
	const struct trace_writer_setup writer_setup = { .path = output,
							 .header = header,
							 .pc = &im.pc };
	struct trace_writer *writer;
	int failed = open_import(&im, setup, result, error);

	if (failed)
		return failed;
	write_header(&im, header, sizeof(header));
	failed = create_writer(&im, &writer, &writer_setup);
	if (!failed) {
		failed = finish(&im, writer, read_all(&im, trace_writer_tap(writer)));
		if (failed)
			remove_file(output);
	}
	import_input_close(im.input);
	return failed;
}
