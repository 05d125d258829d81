/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Replay on the machine skylake (64-entry 4-way first data TLB, 1536-entry 12-way second level), with
 * counters, ledger and profiles recorded: million loads and stores a second, decode included.
 *
 *   replay   the trace's file drives the machine
 *   decode   the trace's file is read, nothing else
 *   hand     a loop over an array with an element for each lookup, in a TLB tree of that geometry and
 *            nothing else: no page table, no operating system, no counters but misses
 *
 * Speeds are by the processor's time, all threads of a process summed. The ratios are of one run:
 * replay / hand (target 0.5), and by the clock on the wall how much more two processes do on two
 * processors than one (target 1.8). Best of ROUNDS, in turns, each in a process of its own. A trace is
 * of a real program, recorded by the command: bench/guests, or what Debian has.
 *
 * Usage: replay [NAME...]
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analysis/record.h"
#include "configs/loader.h"
#include "traces/replay.h"

enum { ROUNDS = 7 };

static const struct workload {
	const char *name;
	char *argv[4];
} workloads[] = {
	{ "triad", { (char *)BENCH_GUESTS "/triad", NULL } },
	{ "sha256sum", { (char *)"sha256sum", (char *)"/bin/bash", NULL } },
	{ "sqlite3",
	  { (char *)"sqlite3", (char *)":memory:",
	    (char *)"select sum(value) from generate_series(1,200000)", NULL } },
	{ "perl hash",
	  { (char *)"perl", (char *)"-e",
	    (char *)"my %h; $h{$_ * 7919 % 20011} += $_ for 1 .. 200000; print scalar(keys %h)",
	    NULL } },
	{ "awk hash",
	  { (char *)"awk",
	    (char *)"BEGIN { for (i = 0; i < 300000; i++) a[i * 7919 % 20011] += i; print length(a) }",
	    NULL } },
	{ "hashtable", { (char *)BENCH_GUESTS "/hashtable", NULL } },
};
enum { WORKLOADS = sizeof(workloads) / sizeof(workloads[0]) };

struct measurement {
	double seconds, wall;       /* of processor time; of all of it */
	uint64_t accesses, lookups; /* loads and stores; with fetch windows */
	uint64_t misses[2];         /* of the first level's data side, and of the second level */
	uint64_t host_kib;
};

static void fail(const char *what)
{
	fprintf(stderr, "replay: %s\n", what);
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void record_trace(const struct workload *w, const char *path)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		execl(BENCH_PAGEWALK, "pagewalk", "run", "--quiet", "--events", "none", "--db",
		      "bench.db", "--trace", path, "--", w->argv[0], w->argv[1], w->argv[2],
		      w->argv[3], (char *)NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		fail("recording failed");
	unlink("bench.db");
}

static struct trace_reader *open_trace(const char *path)
{
	struct trace_reader *reader;
	struct trace_error error;

	if (trace_reader_open(&reader, path, &error))
		fail(error.text);
	return reader;
}

/* --- a machine, recorded ---------------------------------------------------------------------- */

struct subject {
	struct machine *machine;
	struct record *record;
};

static void enumerate(void *source, counter_visit_fn *visit, void *ctx)
{
	machine_visit_counters(source, visit, ctx);
}

static struct subject open_subject(const char *db)
{
	static const char *const none[] = { NULL };
	struct record_setup setup = { .db_path = db, .detail = RECORD_SUMMARY };
	struct config_complaint complaint;
	struct machine_config config;
	struct config_error config_error;
	struct record_error error;
	struct subject s;

	setup.run = (struct record_run){ .source = "replay",
					 .program = "bench",
					 .arguments = none,
					 .environment = none,
					 .machine_name = "skylake",
					 .machine_text = "",
					 .page_table = "radix",
					 .version = "bench",
					 .measured = true };
	if (config_load(&config, "skylake", &config_error))
		fail(config_error.text);
	if (machine_create(&s.machine, &config, &host_alloc_libc, &complaint))
		fail("no machine");
	if (record_open(&s.record, &setup, &error))
		fail(error.text);
	event_queue_attach(&s.machine->events, record_sink(s.record));
	machine_events_changed(s.machine);
	return s;
}

static void close_subject(struct subject *s, struct measurement *out)
{
	struct machine *m = s->machine;
	struct record_end end = { .counters = { m->counters.instructions, &m->ledger, enumerate,
						m } };
	struct record_error error;

	machine_drain(m);
	tlb_settle(&m->mmu.tlb);
	out->accesses = m->counters.loads + m->counters.stores;
	out->lookups = out->accesses + m->counters.fetches;
	out->misses[0] = m->mmu.tlb.level[0].count[SIDE_DATA].misses;
	out->misses[1] = m->mmu.tlb.level[1].count[SIDE_DATA].misses +
			 m->mmu.tlb.level[1].count[SIDE_INSTRUCTION].misses;
	if (record_finish(s->record, &end, &error))
		fail(error.text);
	record_destroy(s->record);
}

/* --- ways ------------------------------------------------------------------------------------- */

static void run_replay(const char *path, const char *db, struct measurement *out)
{
	double begun = now(CLOCK_PROCESS_CPUTIME_ID);
	struct trace_reader *reader = open_trace(path);
	struct subject s = open_subject(db);
	struct trace_error error;
	struct rusage usage;

	if (trace_replay(reader, s.machine, &error))
		fail(error.text);
	close_subject(&s, out);
	out->seconds = now(CLOCK_PROCESS_CPUTIME_ID) - begun;
	getrusage(RUSAGE_SELF, &usage);
	out->host_kib = (uint64_t)usage.ru_maxrss;
}

static void run_decode(const char *path, const char *db, struct measurement *out)
{
	struct trace_reader *reader = open_trace(path);
	struct trace_batch batch;
	struct trace_error error;
	double begun = now(CLOCK_PROCESS_CPUTIME_ID);

	(void)db;
	while (trace_reader_batch(reader, &batch, &error) > 0)
		;
	out->seconds = now(CLOCK_PROCESS_CPUTIME_ID) - begun;
}

/* --- by hand ---------------------------------------------------------------------------------- */

enum { L2_SETS = 128, L2_WAYS = 12, WINDOW_LG2 = 6 };

/* First levels: a tree of bits for each set, as in Handy, "The Cache Memory Book". */
struct first_level {
	unsigned sets, ways;
	uint64_t tag[16][8];
	uint8_t tree[16];
	uint64_t misses;
};

struct hand {
	struct first_level side[2];
	uint64_t tag[L2_SETS][L2_WAYS], stamp[L2_SETS][L2_WAYS], clock, misses;
};

static void hand_touch(struct first_level *l, unsigned set, unsigned way)
{
	unsigned tree = l->tree[set];

	for (unsigned node = 1, bit = l->ways / 2; bit; bit /= 2) {
		unsigned right = (way & bit) != 0;

		tree = right ? tree & ~(1u << node) : tree | 1u << node;
		node = 2 * node + right;
	}
	l->tree[set] = (uint8_t)tree;
}

static unsigned hand_victim(const struct first_level *l, unsigned set)
{
	unsigned node = 1;

	while (node < l->ways)
		node = 2 * node + (l->tree[set] >> node & 1);
	return node - l->ways;
}

static void hand_second(struct hand *h, uint64_t page)
{
	unsigned set = page % L2_SETS, oldest = 0;

	for (unsigned way = 0; way < L2_WAYS; way++) {
		if (h->tag[set][way] == page) {
			h->stamp[set][way] = ++h->clock;
			return;
		}
		if (h->stamp[set][way] < h->stamp[set][oldest])
			oldest = way;
	}
	h->misses++;
	h->tag[set][oldest] = page;
	h->stamp[set][oldest] = ++h->clock;
}

static inline void hand_lookup(struct hand *h, uint64_t element)
{
	struct first_level *l = &h->side[element & 1];
	uint64_t page = element >> FRAME_LG2;
	unsigned set = (unsigned)(page % l->sets), way = 0;

	while (way < l->ways && l->tag[set][way] != page)
		way++;
	if (way == l->ways) {
		l->misses++;
		hand_second(h, page);
		way = hand_victim(l, set);
		l->tag[set][way] = page;
	}
	hand_touch(l, set, way);
}

struct array {
	uint64_t *element; /* an address; bit 0: of an instruction */
	size_t count, room;
	va_t fetch_end;
};

static void add(struct array *a, va_t va, bool fetch)
{
	if (a->count == a->room) {
		a->room = a->room ? a->room * 2 : 1 << 20;
		a->element = realloc(a->element, a->room * sizeof(*a->element));
		if (!a->element)
			fail("out of memory");
	}
	a->element[a->count++] = (va & ~(va_t)1) | fetch;
}

static void add_item(struct array *a, const struct trace_item *item)
{
	va_t last = item->va + item->bytes - 1;

	if (item->kind <= TRACE_ITEM_STORE) {
		add(a, item->va, false);
		if (item->va >> FRAME_LG2 != last >> FRAME_LG2)
			add(a, last, false);
	} else if (item->kind <= TRACE_ITEM_REP) {
		if (item->va != a->fetch_end ||
		    item->va >> WINDOW_LG2 != (item->va - 1) >> WINDOW_LG2)
			add(a, item->va, true);
		for (va_t w = (item->va >> WINDOW_LG2) + 1; w <= last >> WINDOW_LG2; w++)
			add(a, w << WINDOW_LG2, true);
		a->fetch_end = last + 1;
	}
}

static void run_hand(const char *path, const char *db, struct measurement *out)
{
	static struct hand hand = { .side = { { .sets = 16, .ways = 4 },
					      { .sets = 16, .ways = 8 } } };
	struct trace_reader *reader = open_trace(path);
	struct trace_batch batch;
	struct trace_error error;
	struct array array = { 0 };
	double begun;

	(void)db;
	while (trace_reader_batch(reader, &batch, &error) > 0) {
		struct trace_cursor at = { 0 };
		struct trace_item item;

		while (trace_batch_next(&batch, &at, &item))
			add_item(&array, &item);
	}
	begun = now(CLOCK_PROCESS_CPUTIME_ID);
	for (size_t i = 0; i < array.count; i++)
		hand_lookup(&hand, array.element[i]);
	out->seconds = now(CLOCK_PROCESS_CPUTIME_ID) - begun;
	out->lookups = array.count;
	out->misses[0] = hand.side[0].misses;
	out->misses[1] = hand.misses;
}

/* --- measuring -------------------------------------------------------------------------------- */

typedef void way_fn(const char *path, const char *db, struct measurement *out);

static void start_job(way_fn *way, const char *path, unsigned job, int to)
{
	struct measurement one = { 0 };
	char db[32];
	double begun;

	if (fork() != 0)
		return;
	snprintf(db, sizeof(db), "bench-%u.db", job);
	begun = now(CLOCK_MONOTONIC);
	way(path, db, &one);
	one.wall = now(CLOCK_MONOTONIC) - begun;
	unlink(db);
	_exit(write(to, &one, sizeof(one)) == sizeof(one) ? 0 : 1);
}

/* A round of `jobs` processes at once, of which the slowest counts; *best becomes the better one. */
static void measure(struct measurement *best, way_fn *way, const char *path, unsigned jobs)
{
	struct measurement slowest = { 0 }, one;
	double wall;
	int pipes[2];

	if (pipe(pipes))
		fail("no pipe");
	for (unsigned job = 0; job < jobs; job++)
		start_job(way, path, job, pipes[1]);
	close(pipes[1]);
	for (unsigned job = 0; job < jobs; job++) {
		if (read(pipes[0], &one, sizeof(one)) != sizeof(one))
			fail("a measurement failed");
		if (one.wall > slowest.wall)
			slowest = one;
	}
	close(pipes[0]);
	while (wait(NULL) > 0)
		;
	wall = best->wall == 0 || slowest.wall < best->wall ? slowest.wall : best->wall;
	if (best->seconds == 0 || slowest.seconds < best->seconds)
		*best = slowest;
	best->wall = wall;
}

static void compare(const struct workload *w)
{
	static const char path[] = "bench.trace";
	struct measurement replay = { 0 }, two = { 0 }, decode = { 0 }, hand = { 0 };
	double accesses;

	record_trace(w, path);
	for (unsigned round = 0; round < ROUNDS; round++) {
		measure(&replay, run_replay, path, 1);
		measure(&two, run_replay, path, 2);
		measure(&decode, run_decode, path, 1);
		measure(&hand, run_hand, path, 1);
	}
	unlink(path);
	accesses = (double)replay.accesses * 1e-6;
	printf("%-10s %6.1f %7.1f %7.1f %7.1f %7.1f  %7.2f %5.2f  %5.2f %% %5.2f %%  %4.0f\n",
	       w->name, accesses, accesses / replay.seconds,
	       (double)replay.lookups * 1e-6 / replay.seconds, accesses / decode.seconds,
	       accesses / hand.seconds, hand.seconds / replay.seconds, 2 * replay.wall / two.wall,
	       100.0 * (double)replay.misses[0] / (double)replay.accesses,
	       100.0 * (double)replay.misses[1] / (double)replay.accesses,
	       (double)replay.host_kib / 1024);
	if (replay.misses[0] > hand.misses[0] + hand.misses[0] / 50 + 2000 ||
	    hand.misses[0] > replay.misses[0] + replay.misses[0] / 50 + 2000)
		printf("  not the same lookups: %llu first-level misses, by hand %llu\n",
		       (unsigned long long)replay.misses[0], (unsigned long long)hand.misses[0]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/pagewalk-bench-XXXXXX";

	if (!mkdtemp(directory) || chdir(directory))
		fail("no temporary directory");
	printf("million loads and stores, and of these a second (with fetches; decode; by hand)\n");
	printf("%-10s %6s %7s %7s %7s %7s  %7s %5s  %7s %7s  %4s\n", "guest", "M", "replay",
	       "+fetch", "decode", "hand", "re/hand", "2 jobs", "L1 miss", "L2 miss", "MiB");
	for (unsigned i = 0; i < WORKLOADS; i++) {
		bool wanted = argc < 2;

		for (int arg = 1; arg < argc; arg++)
			wanted |= strcmp(argv[arg], workloads[i].name) == 0;
		if (wanted)
			compare(&workloads[i]);
	}
	return chdir("/") || rmdir(directory);
}
