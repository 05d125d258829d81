/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How fast a guest runs, in accesses a second of host time, three ways in one run:
 *
 *   (a) under Unicorn with the fill hook alone
 *   (b) the same machine and windows with empty memory and block hooks: what hooks cost by themselves
 *   (c) pagewalk with the default machine and the default record
 *
 * Only the ratios mean something: the machine may be shared. Each measurement is a process of its
 * own; the ways take turns for ROUNDS rounds and the fastest of each counts. The third column of
 * the table is the target of the project: at least 0.8.
 *
 * Usage: live [NAME...]   (chase, triad, hashtable, sqlite3)
 */

#include <errno.h>
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
#include "emu/cpu/cpu.h"
#include "emu/linux/linux.h"

enum { ROUNDS = 5, WAYS = 3 };

static const struct workload {
	const char *name;
	char *argv[4];
} workloads[] = {
	{ "chase", { (char *)BENCH_GUESTS "/chase", NULL } },
	{ "triad", { (char *)BENCH_GUESTS "/triad", NULL } },
	{ "hashtable", { (char *)BENCH_GUESTS "/hashtable", NULL } },
	{ "sqlite3",
	  { (char *)"sqlite3", (char *)":memory:",
	    (char *)"select sum(value) from generate_series(1,1000000)", NULL } },
};

enum { WORKLOADS = sizeof(workloads) / sizeof(workloads[0]) };

static const enum cpu_instrument instruments[WAYS] = { CPU_NO_HOOKS, CPU_EMPTY_HOOKS, CPU_MEASURE };

struct measurement {
	double seconds;
	uint64_t accesses;  /* (c) only */
	uint64_t host_kib;  /* peak, guest RAM included */
	uint64_t guest_kib; /* frames in use at the end */
};

static void fail(const char *what)
{
	fprintf(stderr, "live: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void enumerate(void *source, counter_visit_fn *visit, void *ctx)
{
	machine_visit_counters(source, visit, ctx);
}

static struct record *open_record(struct machine *m, const char *db, const struct workload *w)
{
	static const char *const none[] = { NULL };
	struct record_setup setup = { .db_path = db, .detail = RECORD_SUMMARY };
	struct record_error error;
	struct record *record;

	setup.run = (struct record_run){ .source = "live",
					 .program = w->argv[0],
					 .arguments = none,
					 .environment = none,
					 .machine_name = "skylake",
					 .machine_text = "",
					 .page_table = "radix",
					 .version = "bench",
					 .measured = true };
	if (record_open(&record, &setup, &error))
		fail(error.text);
	event_queue_attach(&m->events, record_sink(record));
	machine_events_changed(m);
	return record;
}

static void close_record(struct record *record, struct machine *m)
{
	struct record_end end = { .counters = { m->counters.instructions, &m->ledger, enumerate,
						m } };
	struct record_error error;

	machine_drain(m);
	if (record_finish(record, &end, &error))
		fail(error.text);
	record_destroy(record);
}

static uint64_t frames_in_use(struct machine *m)
{
	struct frame_counts counts;

	kernel_frame_counts(m->kernel, &counts);
	return (counts.total - counts.free) * (FRAME_BYTES / 1024);
}

/* In a child process: everything from the machine to the closed record counts as time. */
static void run(const struct workload *w, enum cpu_instrument instrument, const char *db,
		struct measurement *out)
{
	char *env[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	struct linux_config guest_config = { .program = w->argv[0],
					     .argv = w->argv,
					     .env = env,
					     .seed = 1,
					     .reported_ram = 4ull << 30,
					     .reported_cpus = 1 };
	struct cpu_config cpu_config = { .instrument = instrument, .seed = 1 };
	struct config_complaint complaint;
	struct machine_config config;
	struct config_error config_error;
	struct linux_error linux_error;
	struct record *record = NULL;
	struct cpu_regs start;
	struct machine *m;
	struct guest *guest;
	struct rusage usage;
	struct cpu *cpu;
	const char *what;
	double begun;

	if (config_load(&config, "skylake", &config_error))
		fail(config_error.text);
	begun = now();
	if (machine_create(&m, &config, &host_alloc_libc, &complaint))
		fail("no machine");
	if (instrument == CPU_MEASURE)
		record = open_record(m, db, w);
	if (linux_create(&guest, &guest_config, m, &start, &linux_error))
		fail(linux_error.text);
	if (cpu_create(&cpu, m, guest, &cpu_config, &what))
		fail(what);
	if (cpu_run(cpu, &start) != CPU_GUEST_ENDED)
		fail(cpu_failure(cpu));
	out->accesses = m->counters.loads + m->counters.stores;
	out->guest_kib = frames_in_use(m);
	if (record)
		close_record(record, m);
	out->seconds = now() - begun;
	getrusage(RUSAGE_SELF, &usage);
	out->host_kib = (uint64_t)usage.ru_maxrss;
}

static void measure(const struct workload *w, enum cpu_instrument instrument,
		    struct measurement *out)
{
	char db[] = "/tmp/pagewalk-bench-XXXXXX";
	int pipes[2], status, file = mkstemp(db);
	pid_t child;

	if (file < 0 || pipe(pipes) || unlink(db))
		fail("no temporary file or pipe");
	close(file);
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);
		struct measurement m = { 0 };

		dup2(null, STDOUT_FILENO);
		run(w, instrument, db, &m);
		_exit(write(pipes[1], &m, sizeof(m)) == sizeof(m) ? 0 : 1);
	}
	close(pipes[1]);
	if (child < 0 || read(pipes[0], out, sizeof(*out)) != sizeof(*out))
		fail("a measurement failed");
	close(pipes[0]);
	waitpid(child, &status, 0);
	unlink(db);
}

static void compare(const struct workload *w)
{
	struct measurement best[WAYS] = { { .seconds = 1e9 },
					  { .seconds = 1e9 },
					  { .seconds = 1e9 } };
	double accesses;

	for (int round = 0; round < ROUNDS; round++) {
		for (int way = 0; way < WAYS; way++) {
			struct measurement m;

			measure(w, instruments[way], &m);
			if (m.seconds < best[way].seconds)
				best[way] = m;
		}
	}
	accesses = (double)best[2].accesses;
	printf("%-10s %8.1f %8.1f %8.1f   %5.2f   %5.2f   %6.0f\n", w->name,
	       accesses / best[0].seconds * 1e-6, accesses / best[1].seconds * 1e-6,
	       accesses / best[2].seconds * 1e-6, best[1].seconds / best[2].seconds,
	       best[0].seconds / best[2].seconds,
	       ((double)best[2].host_kib - (double)best[2].guest_kib) / 1024);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	printf("million accesses/s: (a) no hooks, (b) empty hooks, (c) pagewalk; ratios; MiB beyond guest RAM\n");
	printf("%-10s %8s %8s %8s   %5s   %5s   %6s\n", "guest", "a", "b", "c", "c/b", "c/a",
	       "MiB");
	for (unsigned i = 0; i < WORKLOADS; i++) {
		bool wanted = argc < 2;

		for (int arg = 1; arg < argc; arg++)
			wanted |= strcmp(argv[arg], workloads[i].name) == 0;
		if (wanted)
			compare(&workloads[i]);
	}
	return 0;
}
