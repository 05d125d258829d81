/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * `pagewalk sweep`: one trace on every machine that a specification (configs/sweep.h) stands for.
 *
 * Each point is a run with a setting `sweep.key`, a digest of all that its figures follow from: the
 * trace, the machine as resolved, and what is recorded. A point whose key is that of a finished run
 * of the database is not done again; so a sweep that was killed goes on where it was, a sweep that got
 * more values does the new ones, and one whose machine was changed does all of them.
 */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/settings.h"
#include "cli/replay_set.h"
#include "cli/session.h"
#include "cli/sweep_options.h"
#include "configs/loader.h"
#include "configs/sweep.h"
#include "mmu/fnv1a.h"
#include "traces/survey.h"

static const char key_setting[] = "sweep.key";

/* Points that are resolved at a time: a description takes 4 KiB. */
enum { CHUNK = 1024, KEY_TEXT_BYTES = 17, SETTINGS_MAX = SWEEP_FIELDS_MAX + 3 };

struct sweep_key {
	uint64_t digest;
	int64_t run; /* of the database; 0: none yet */
};

/* The settings of a point, and the text that they point to. */
struct sweep_settings {
	struct replay_setting setting[SETTINGS_MAX];
	char name[SWEEP_FIELDS_MAX][128];
	char key[KEY_TEXT_BYTES], number[16];
	char place[sizeof(((struct sweep_point *)0)->label)]; /* in messages */
};

struct sweeping {
	struct sweep_options *options;
	struct sweep *sweep;
	uint64_t trace_digest, records; /* of the trace */
	unsigned count;
	struct sweep_key *point; /* by number; digest 0: not valid, left out */
	struct sweep_key *known; /* finished runs of the database, sorted by digest */
	size_t known_count, known_room;
	bool out_of_memory;
	/* --- the chunk that is being done --- */
	struct replay_point chunk[CHUNK];
	struct sweep_settings settings[CHUNK];
	unsigned number[CHUNK]; /* of each of its points */
	/* --- so far --- */
	unsigned left_out, before, done, failed, to_do;
	double seconds, fed; /* of chunks that are over; records times machines */
	bool show_progress;
	char *warned; /* replay_set.h */
};

/* --- digests --------------------------------------------------------------------------------- */

/* Its header says what was recorded and how; what it holds tells recordings of the same apart. */
static int digest_trace(struct sweeping *s, const struct trace_reader *reader,
			struct trace_error *error)
{
	const char *header = trace_reader_header(reader);
	struct trace_survey survey;
	int failed = trace_survey_make(&survey, reader, error);

	if (failed)
		return failed;
	s->trace_digest = fnv1a(FNV1A_START, header, strlen(header));
	s->trace_digest = fnv1a(s->trace_digest, &survey.file_bytes, sizeof(survey.file_bytes));
	s->trace_digest = fnv1a(s->trace_digest, survey.index.total, sizeof(survey.index.total));
	for (unsigned i = 0; i < TRACE_COUNTS; i++)
		s->records += survey.index.total[i];
	trace_survey_release(&survey);
	return PW_OK;
}

static int open_trace(struct sweeping *s)
{
	struct trace_reader *reader = NULL;
	struct trace_error error;

	if (trace_reader_open(&reader, s->options->run.trace, &error) ||
	    digest_trace(s, reader, &error)) {
		complain("%s", error.text);
		trace_reader_close(reader);
		return EXIT_OURS;
	}
	session_follow_trace(&s->options->run, reader);
	trace_reader_close(reader);
	return 0;
}

/* 0 only for want of memory. */
static uint64_t digest_point(const struct sweeping *s, const struct machine_config *config)
{
	const struct run_options *run = &s->options->run;
	const uint64_t record[] = { run->detail,     run->epoch,       run->max_events,
				    run->has_window, run->window_from, run->window_to };
	uint64_t sum = fnv1a(s->trace_digest, record, sizeof(record));
	char *text;

	if (config_render(config, &text))
		return 0;
	sum = fnv1a(sum, text, strlen(text));
	free(text);
	return sum ? sum : 1;
}

/* --- what was done before -------------------------------------------------------------------- */

static void add_known(void *ctx, int64_t run, const char *value)
{
	struct sweeping *s = ctx;

	if (s->known_count == s->known_room) {
		size_t room = s->known_room ? 2 * s->known_room : 256;
		struct sweep_key *known = realloc(s->known, room * sizeof(*known));

		if (!known) {
			s->out_of_memory = true;
			return;
		}
		s->known = known;
		s->known_room = room;
	}
	s->known[s->known_count++] = (struct sweep_key){ strtoull(value, NULL, 16), run };
}

static int compare_keys(const void *a, const void *b)
{
	const struct sweep_key *left = a, *right = b;

	if (left->digest != right->digest)
		return left->digest < right->digest ? -1 : 1;
	return left->run < right->run ? -1 : left->run > right->run;
}

static int find_known(struct sweeping *s)
{
	struct record_error error;

	if (settings_visit(s->options->run.db, key_setting, add_known, s, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	if (s->known_count)
		qsort(s->known, s->known_count, sizeof(*s->known), compare_keys);
	return 0;
}

static int64_t run_of(const struct sweeping *s, uint64_t key)
{
	size_t low = 0, high = s->known_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->known[middle].digest < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->known_count && s->known[low].digest == key ? s->known[low].run : 0;
}

/* --- points ---------------------------------------------------------------------------------- */

/* The user's own --set comes last and wins. */
static int resolve(const struct sweeping *s, const struct sweep_point *point,
		   struct machine_config *config)
{
	struct run_options options = s->options->run;

	options.machine = point->machine;
	options.set.count = 0;
	for (unsigned i = 0; i < point->override_count; i++)
		options.set.item[options.set.count++] = point->override[i];
	for (unsigned i = 0; i < s->options->run.set.count; i++) {
		if (options.set.count == RUN_LIST_MAX) {
			complain("more than %d fields are set", RUN_LIST_MAX);
			return EXIT_USAGE;
		}
		options.set.item[options.set.count++] = s->options->run.set.item[i];
	}
	return session_resolve(config, &options);
}

/* All points are looked at before the first is done: a slip must not show after an hour. */
static int check_points(struct sweeping *s)
{
	static struct machine_config config;
	struct sweep_point point;

	for (unsigned i = 0; i < s->count; i++) {
		sweep_point(s->sweep, i, &point);
		if (resolve(s, &point, &config)) {
			complain("point %u of %u cannot be: %s", i + 1, s->count, point.label);
			s->left_out++;
			if (s->options->skip_invalid)
				continue;
			complain("nothing was done; --skip-invalid leaves such points out");
			return EXIT_USAGE;
		}
		s->point[i].digest = digest_point(s, &config);
		if (!s->point[i].digest) {
			complain("out of memory");
			return EXIT_OURS;
		}
		s->point[i].run = run_of(s, s->point[i].digest);
		s->before += s->point[i].run != 0;
	}
	s->to_do = s->count - s->left_out - s->before;
	return 0;
}

static void add_setting(struct replay_point *point, struct replay_setting *setting,
			const char *name, const char *value)
{
	setting[point->setting_count++] = (struct replay_setting){ name, value };
}

static void name_fields(struct replay_point *point, struct sweep_settings *settings,
			const struct sweep_point *from)
{
	for (unsigned i = from->first_varied; i < from->override_count; i++) {
		const char *equals = strchr(from->override[i], '=');
		char *name = settings->name[i - from->first_varied];

		snprintf(name, sizeof(settings->name[0]), "%.*s", (int)(equals - from->override[i]),
			 from->override[i]);
		add_setting(point, settings->setting, name, equals + 1);
	}
}

/* Entry n of the chunk becomes the point of that number. */
static int prepare(struct sweeping *s, unsigned n, unsigned number)
{
	struct replay_point *point = &s->chunk[n];
	struct sweep_settings *settings = &s->settings[n];
	struct sweep_point from;

	memset(point, 0, sizeof(*point));
	sweep_point(s->sweep, number, &from);
	if (resolve(s, &from, &point->config))
		return EXIT_OURS;
	s->number[n] = number;
	memcpy(settings->place, from.label, sizeof(settings->place));
	snprintf(settings->key, sizeof(settings->key), "%016" PRIx64, s->point[number].digest);
	snprintf(settings->number, sizeof(settings->number), "%u", number + 1);
	point->name = settings->place;
	point->label = s->options->run.label ? s->options->run.label : sweep_name(s->sweep);
	point->setting = settings->setting;
	add_setting(point, settings->setting, "sweep.name", sweep_name(s->sweep));
	add_setting(point, settings->setting, "sweep.point", settings->number);
	add_setting(point, settings->setting, key_setting, settings->key);
	name_fields(point, settings, &from);
	return 0;
}

/* --- what is said ---------------------------------------------------------------------------- */

static void clear_line(const struct sweeping *s)
{
	if (s->show_progress)
		fputs("\r\033[K", stderr);
}

static void show(void *ctx, const struct replay_progress *progress)
{
	struct sweeping *s = ctx;
	double seconds = s->seconds + progress->seconds;
	double fed = s->fed + (double)progress->accesses;
	double left = (double)s->records * s->to_do - fed;

	if (!s->show_progress)
		return;
	fprintf(stderr, "\r%u of %u points, %.1f M accesses/s", s->done + s->failed, s->to_do,
		fed / seconds * 1e-6);
	if (fed > 0 && left > 0)
		fprintf(stderr, ", %.0f min %02.0f s left", floor(left * seconds / fed / 60),
			fmod(left * seconds / fed, 60));
	fputs("\033[K", stderr);
	fflush(stderr);
}

static void warn(void *ctx, const char *text)
{
	clear_line(ctx);
	complain("%s", text);
}

static void entered(void *ctx, const struct replay_point *point)
{
	struct sweeping *s = ctx;

	s->point[s->number[point - s->chunk]].run = point->run;
	s->done += point->outcome == REPLAY_DONE;
	s->failed += point->outcome != REPLAY_DONE;
	if (!*point->said)
		return;
	clear_line(s);
	replay_point_complain(point, true);
}

static void list(const struct sweeping *s)
{
	struct sweep_point point;

	for (unsigned i = 0; i < s->count; i++) {
		sweep_point(s->sweep, i, &point);
		printf("%u\t%s\t%s\n", i + 1,
		       !s->point[i].digest ? "invalid"
		       : s->point[i].run   ? "done"
					   : "to do",
		       point.label);
	}
}

/* A line a point, on standard output: those that were done before are among them. */
static int print_points(const struct sweeping *s)
{
	char(*text)[24] = calloc(s->count, sizeof(*text));
	const char **runs = calloc(s->count, sizeof(*runs));
	size_t count = 0;
	int status = EXIT_OURS;

	for (unsigned i = 0; text && runs && i < s->count; i++) {
		if (!s->point[i].run)
			continue;
		snprintf(text[count], sizeof(text[count]), "%" PRId64, s->point[i].run);
		runs[count] = text[count];
		count++;
	}
	if (!text || !runs) {
		complain("out of memory");
	} else if (count == 0) {
		status = 0;
	} else {
		struct compare_options output = s->options->output;

		output.lines = true;
		output.db = s->options->run.db;
		output.runs = runs;
		output.run_count = count;
		status = compare_runs(&output);
	}
	free(text);
	free(runs);
	return status;
}

/* --- doing ----------------------------------------------------------------------------------- */

static int do_chunk(struct sweeping *s, unsigned count)
{
	struct replay_set set = { .trace = s->options->run.trace,
				  .options = &s->options->run,
				  .point = s->chunk,
				  .count = count,
				  .jobs = s->options->run.jobs,
				  .whole = true,
				  .entered = entered,
				  .progress = show,
				  .warn = warn,
				  .warned = s->warned,
				  .ctx = s };
	double started = host_seconds();
	int status = replay_set_run(&set);

	s->warned = set.warned;
	s->seconds += host_seconds() - started;
	s->fed += (double)s->records * count;
	return status;
}

static int do_points(struct sweeping *s)
{
	unsigned count = 0;
	int status = 0;

	for (unsigned i = 0; i < s->count; i++) {
		if (!s->point[i].digest || s->point[i].run)
			continue;
		if (prepare(s, count, i))
			return EXIT_OURS;
		if (++count < CHUNK)
			continue;
		if (do_chunk(s, count))
			status = EXIT_OURS;
		count = 0;
	}
	if (count && do_chunk(s, count))
		status = EXIT_OURS;
	clear_line(s);
	return status;
}

static void summarise(const struct sweeping *s)
{
	if (s->options->run.quiet)
		return;
	complain("%s: %u points: %u done now, %u done before, %u failed, %u left out",
		 sweep_name(s->sweep), s->count, s->done, s->before, s->failed, s->left_out);
}

static int sweep(struct sweeping *s)
{
	int status = open_trace(s);

	if (!status)
		status = find_known(s);
	s->point = calloc(s->count, sizeof(*s->point));
	if (!s->point || s->out_of_memory) {
		complain("out of memory");
		return EXIT_OURS;
	}
	if (!status)
		status = check_points(s);
	if (status)
		return status;
	if (s->options->list) {
		list(s);
		return 0;
	}
	status = do_points(s);
	summarise(s);
	if (print_points(s))
		status = EXIT_OURS;
	return status;
}

int command_sweep(int argc, char **argv)
{
	static struct sweep_options options;
	static struct sweeping sweeping = { .options = &options };
	struct config_error error;
	int status;

	sweep_options_parse(&options, argc, argv);
	if (sweep_load(&sweeping.sweep, options.specification, &error)) {
		complain("%s", error.text);
		return EXIT_USAGE;
	}
	sweeping.count = sweep_point_count(sweeping.sweep);
	sweeping.show_progress = !options.run.quiet && isatty(STDERR_FILENO);
	status = sweep(&sweeping);
	free(sweeping.point);
	free(sweeping.known);
	free(sweeping.warned);
	sweep_destroy(sweeping.sweep);
	return status;
}
