/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/replay_set.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/replay_record.h"
#include "cli/session.h"
#include "traces/future.h"

/* Runs that are complete and wait for one before them: each holds a temporary file. */
enum { WAITING_MAX = 64 };

/* A machine under way. */
struct driven {
	struct session session;
	struct trace_replay replay;
	struct trace_oracle *oracle; /* policy opt only */
	struct replay_point *point;
	bool created, going;
	struct trace_outcome outcome; /* of the recorded program, when its end has been reached */
};

/* What the threads share; `lock` guards what changes, but for `accesses`. */
struct work {
	struct replay_set *set;
	unsigned jobs;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t next, entered;     /* points taken by a thread; in the database */
	bool stop;                /* the database cannot be written to: take no more */
	struct record **finished; /* by point, waiting to be entered */
	bool *done;               /* by point */
	atomic_uint_fast64_t accesses;
	struct trace_future *future; /* NULL: no machine asks for it, or it could not be read */
	struct trace_error future_error;
};

/* --- one machine ----------------------------------------------------------------------------- */

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
	session_say(s, "warning: %s", text);
	record_note(s->record, text);
}

static int open_record(struct driven *d, const struct replay_set *set, struct trace_reader *reader)
{
	static const char *const none[] = { NULL };
	const struct replay_point *point = d->point;
	const struct record_run run = { .source = "replay",
					.trace = set->trace,
					.label = point->label ? point->label : set->options->label,
					.program = set->trace,
					.clock_start_ns =
						trace_reader_number(reader, "clock_start_ns", 0),
					.arguments = none,
					.environment = none,
					.seed = set->options->seed,
					.measured = true };
	int status = session_open_record(&d->session, &run, set->whole);

	for (unsigned i = 0; i < point->setting_count && !status; i++)
		record_setting(d->session.record, point->setting[i].name, point->setting[i].value);
	return status;
}

static bool set_oracle(struct driven *d, const struct work *work)
{
	if (!kernel_wants_oracle(d->session.machine->kernel))
		return true;
	if (work->future)
		d->oracle = trace_oracle_create(work->future, &d->replay);
	if (!d->oracle)
		session_say(&d->session, "%s",
			    work->future ? "out of memory" : work->future_error.text);
	return d->oracle != NULL;
}

/* Where this fails there is no run: what is wrong has been said. */
static void start(struct driven *d, const struct work *work, struct trace_reader *reader)
{
	const struct replay_set *set = work->set;
	struct session *s = &d->session;

	s->said = d->point->said;
	s->said_room = sizeof(d->point->said);
	d->created = true;
	d->point->outcome = REPLAY_FAILED;
	if (session_build(s, set->options, &d->point->config, d->point->name))
		return;
	trace_replay_start(&d->replay, reader, s->machine);
	if (!set_oracle(d, work) || open_record(d, set, reader))
		return;
	d->point->outcome = REPLAY_PENDING;
	d->going = true;
}

static void stop(struct driven *d, const struct trace_error *error)
{
	session_say(&d->session, "%s", error->text);
	record_note(d->session.record, error->text);
	d->point->outcome = REPLAY_STOPPED;
	d->going = false;
}

/* Appends a line, unless there is one like it; for want of memory it does without. */
static bool add_line(char **lines, const char *line, size_t length)
{
	const char *at = *lines;
	size_t used = at ? strlen(at) : 0;
	char *larger;

	while (at && *at) {
		size_t bytes = strcspn(at, "\n");

		if (bytes == length && memcmp(at, line, length) == 0)
			return false;
		at += bytes + 1;
	}
	larger = realloc(*lines, used + length + 2);
	if (!larger)
		return false;
	*lines = larger;
	memcpy(larger + used, line, length);
	memcpy(larger + used + length, "\n", 2);
	return true;
}

static void on_unusable(void *ctx, const char *text)
{
	struct replay_point *point = ctx;

	add_line(&point->files, text, strcspn(text, "\n"));
}

/* Hands the record over; the machine goes. */
static struct record *finish(struct driven *d, struct trace_reader *reader)
{
	struct session *s = &d->session;
	struct replay_point *point = d->point;
	struct record_end end = replay_record_end(&d->outcome, d->going);
	struct record *record = NULL;

	if (point->outcome != REPLAY_FAILED) {
		if (point->outcome == REPLAY_PENDING)
			point->outcome = REPLAY_DONE;
		point->instructions = s->machine->counters.instructions;
		point->accesses = s->machine->counters.loads + s->machine->counters.stores;
		warn_of_truth(s, reader);
		if (d->outcome.ending == TRACE_STOPPED)
			session_note(s, "recording was stopped before the program ended");
		end.unusable = on_unusable;
		end.unusable_ctx = point;
		if (session_finish(s, &end))
			point->outcome = REPLAY_STOPPED;
		record = s->record;
		s->record = NULL;
	}
	trace_replay_end(&d->replay);
	session_destroy(s);
	trace_oracle_destroy(d->oracle);
	return record;
}

/* --- a thread's share ------------------------------------------------------------------------ */

static int replay_batch(struct driven *d, const struct trace_batch *batch,
			struct trace_error *error)
{
	int failed;

	replay_record_names(d->session.record, batch);
	failed = trace_replay_batch(&d->replay, batch, error);
	for (size_t i = 0; i < batch->other_count; i++)
		if (batch->other[i].tag == TRACE_END)
			d->outcome = batch->other[i].end;
	return failed;
}

static void feed(struct work *work, struct driven *driven, size_t count,
		 struct trace_reader *reader)
{
	struct trace_batch batch;
	struct trace_error error;
	size_t going = 0;
	int more = 1;

	for (size_t i = 0; i < count; i++)
		going += driven[i].going;
	while (going > 0 && (more = trace_reader_batch(reader, &batch, &error)) > 0) {
		for (size_t i = 0; i < count; i++) {
			if (!driven[i].going || replay_batch(&driven[i], &batch, &error) == PW_OK)
				continue;
			stop(&driven[i], &error);
			going--;
		}
		atomic_fetch_add_explicit(&work->accesses, batch.items * going,
					  memory_order_relaxed);
	}
	for (size_t i = 0; i < count && more < 0; i++)
		if (driven[i].going)
			stop(&driven[i], &error);
}

static void hand_over(struct work *work, size_t point, struct record *record)
{
	pthread_mutex_lock(&work->lock);
	work->finished[point] = record;
	work->done[point] = true;
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
}

static void drive(struct work *work, size_t first, size_t count)
{
	struct replay_set *set = work->set;
	struct driven *driven = calloc(count, sizeof(*driven));
	struct trace_reader *reader = NULL;
	struct trace_error error = { "out of memory" };
	int failed = driven ? trace_reader_open(&reader, set->trace, &error) : PW_NOMEM;

	for (size_t i = 0; i < count; i++) {
		struct replay_point *point = &set->point[first + i];

		if (failed) {
			snprintf(point->said, sizeof(point->said), "%s", error.text);
			point->outcome = REPLAY_FAILED;
			continue;
		}
		driven[i].point = point;
		start(&driven[i], work, reader);
	}
	if (!failed)
		feed(work, driven, count, reader);
	for (size_t i = 0; i < count; i++)
		hand_over(work, first + i, failed ? NULL : finish(&driven[i], reader));
	if (!failed)
		trace_reader_close(reader);
	free(driven);
}

/* As many as leave something for every thread; none: it is over. */
static size_t take(struct work *work, size_t *first)
{
	size_t count = work->set->count, left, share = 0;

	pthread_mutex_lock(&work->lock);
	while (!work->stop && work->next < count && work->next - work->entered >= WAITING_MAX)
		pthread_cond_wait(&work->changed, &work->lock);
	left = work->stop ? 0 : count - work->next;
	share = (left + work->jobs - 1) / work->jobs;
	if (share > REPLAY_SHARE_MAX)
		share = REPLAY_SHARE_MAX;
	*first = work->next;
	work->next += share;
	pthread_mutex_unlock(&work->lock);
	return share;
}

static void *run_thread(void *ctx)
{
	struct work *work = ctx;
	size_t first, count;

	while ((count = take(work, &first)) > 0)
		drive(work, first, count);
	return NULL;
}

/* --- the thread that called ------------------------------------------------------------------ */

/* Returns whether the next point may be entered; if not, a quarter of a second has passed. */
static bool wait_for_next(struct work *work)
{
	struct timespec until;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 250000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&work->lock);
	while (!work->done[work->entered] &&
	       pthread_cond_timedwait(&work->changed, &work->lock, &until) == 0)
		;
	done = work->done[work->entered];
	pthread_mutex_unlock(&work->lock);
	return done;
}

/* In the order of the list, so always the same. */
static void warn_of_files(struct work *work, struct replay_point *point)
{
	struct replay_set *set = work->set;
	char *line = point->files;

	while (line && *line) {
		size_t length = strcspn(line, "\n");

		line[length] = '\0';
		if (add_line(&set->warned, line, length) && set->warn)
			set->warn(set->ctx, line);
		line += length + 1;
	}
	free(point->files);
	point->files = NULL;
}

static void enter(struct work *work)
{
	struct replay_point *point = &work->set->point[work->entered];
	struct record *record = work->finished[work->entered];
	struct record_error error;
	bool failed = work->stop;

	if (record && !failed && work->set->whole && record_deliver(record, &error)) {
		snprintf(point->said, sizeof(point->said), "%s", error.text);
		failed = true;
	}
	if (failed)
		point->outcome = REPLAY_FAILED; /* and those behind it, or there would be a gap */
	else if (record)
		point->run = record_run_id(record);
	record_destroy(record);
	pthread_mutex_lock(&work->lock);
	work->finished[work->entered++] = NULL;
	work->stop = failed;
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->lock);
	warn_of_files(work, point);
	if (work->set->entered)
		work->set->entered(work->set->ctx, point);
}

/* Without room in the database there is no point in going on; what threads have taken they end. */
static bool over(struct work *work)
{
	bool over;

	pthread_mutex_lock(&work->lock);
	over = work->entered == (work->stop ? work->next : work->set->count);
	pthread_mutex_unlock(&work->lock);
	return over;
}

static void attend(struct work *work)
{
	const struct replay_set *set = work->set;
	double started = host_seconds();

	while (!over(work)) {
		struct replay_progress progress = { .count = set->count };

		if (wait_for_next(work)) {
			enter(work);
			continue;
		}
		progress.finished = work->entered;
		progress.accesses = atomic_load_explicit(&work->accesses, memory_order_relaxed);
		progress.seconds = host_seconds() - started;
		if (set->progress)
			set->progress(set->ctx, &progress);
	}
}

static int run_threads(struct work *work)
{
	pthread_t thread[REPLAY_JOBS_MAX];
	pthread_condattr_t attributes;
	unsigned started = 0;

	pthread_mutex_init(&work->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&work->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	while (started < work->jobs &&
	       pthread_create(&thread[started], NULL, run_thread, work) == 0)
		started++;
	if (started > 0)
		attend(work);
	else
		complain("cannot start a thread: %s", strerror(errno));
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	pthread_cond_destroy(&work->changed);
	pthread_mutex_destroy(&work->lock);
	return started > 0 ? 0 : EXIT_OURS;
}

/* --- policy opt ------------------------------------------------------------------------------ */

static bool is_opt(const struct machine_config *config)
{
	return strcmp(config->kernel.reclaim.policy, "opt") == 0;
}

/*
 * Frames that so few uses cannot fill; a sixteenth leaves room for what is not for pages of programs
 * (future.h).
 */
static unsigned near_of(const struct replay_set *set)
{
	uint64_t near = TRACE_NEAR_MAX;

	for (size_t i = 0; i < set->count; i++) {
		const struct machine_config *config = &set->point[i].config;

		if (is_opt(config) && config->kernel.ram_bytes / FRAME_BYTES / 16 < near)
			near = config->kernel.ram_bytes / FRAME_BYTES / 16;
	}
	return (unsigned)near;
}

/* One for all: names of pages are the same on every machine. Where it fails opt's machines say so. */
static void look_ahead(struct work *work)
{
	const struct replay_set *set = work->set;
	struct trace_reader *reader;
	size_t first = 0;

	while (first < set->count && !is_opt(&set->point[first].config))
		first++;
	if (first == set->count ||
	    trace_reader_open(&reader, set->trace, &work->future_error) != PW_OK)
		return;
	if (trace_future_create(&work->future, reader, &set->point[first].config, near_of(set),
				&work->future_error))
		work->future = NULL;
	trace_reader_close(reader);
}

/* --- all of it ------------------------------------------------------------------------------- */

static unsigned jobs_of(const struct replay_set *set)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t jobs = set->jobs;

	if (jobs == 0)
		jobs = processors > 0 ? (size_t)processors : 1;
	if (jobs > set->count)
		jobs = set->count;
	return jobs > REPLAY_JOBS_MAX ? REPLAY_JOBS_MAX : (unsigned)jobs;
}

int replay_set_run(struct replay_set *set)
{
	struct work work = { .set = set, .jobs = jobs_of(set) };
	struct record_error error;
	int status = EXIT_OURS;

	if (set->count == 0)
		return 0;
	work.finished = calloc(set->count, sizeof(*work.finished));
	work.done = calloc(set->count, sizeof(*work.done));
	if (!work.finished || !work.done)
		complain("out of memory");
	else if (record_check_file(set->options->db, &error))
		complain("%s", error.text);
	else {
		look_ahead(&work);
		status = run_threads(&work);
	}
	for (size_t i = 0; i < set->count && !status; i++)
		if (set->point[i].outcome != REPLAY_DONE)
			status = EXIT_OURS;
	free(work.finished);
	free(work.done);
	trace_future_destroy(work.future);
	return status;
}

void replay_point_complain(const struct replay_point *point, bool named)
{
	const char *line = point->said;

	while (*line) {
		int length = (int)strcspn(line, "\n");

		complain("%s%s%.*s", named ? point->name : "", named ? ": " : "", length, line);
		line += length + (line[length] == '\n');
	}
}
