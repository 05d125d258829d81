/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a trace costs, on programs recorded by pagewalk itself:
 *
 *   bytes     an access (loads and stores), without and with --pc, and how many times smaller that
 *             is than raw records of 16 bytes for each access and block
 *   decode    ns an access and million accesses a second: the file to items in memory, in CPU time
 *             of the one thread that does it
 *   record    wall and CPU time of a run that records over one that does not, both with the default
 *             database; the fastest of ROUNDS
 *
 * Only the ratios mean something: the machine may be shared.
 *
 * Usage: trace [NAME...]   (chase, triad, hashtable, sqlite3, gzip, python3)
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "traces/survey.h"

enum { ROUNDS = 3, ARGUMENTS_MAX = 24 };

static const struct workload {
	const char *name;
	const char *argv[5];
} workloads[] = {
	{ "chase", { BENCH_GUESTS "/chase" } },
	{ "triad", { BENCH_GUESTS "/triad" } },
	{ "hashtable", { BENCH_GUESTS "/hashtable" } },
	{ "sqlite3",
	  { "sqlite3", ":memory:", "select sum(value) from generate_series(1,300000)" } },
	{ "gzip", { "/usr/bin/gzip", "-1", "-c", "/bin/bash" } },
	{ "python3",
	  { "/usr/bin/python3", "-S", "-c", "print(sum(i * i for i in range(200000)))" } },
};

enum { WORKLOADS = sizeof(workloads) / sizeof(workloads[0]) };

static const char *const ways[] = { NULL, "--trace", "--pc" };
enum { WAY_PLAIN, WAY_TRACE, WAY_PC, WAYS };

struct cost {
	double wall, cpu;
};

static void fail(const char *what)
{
	fprintf(stderr, "trace: %s\n", what);
	exit(1);
}

static double read_clock(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

/* --- recording ------------------------------------------------------------------------------- */

static void execute(const struct workload *w, unsigned way, const char *path, const char *db)
{
	const char *argv[ARGUMENTS_MAX] = { BENCH_PAGEWALK, "run", "-q", "--db", db };
	unsigned count = 5;
	int null = open("/dev/null", O_WRONLY);

	if (way != WAY_PLAIN) {
		argv[count++] = "--trace";
		argv[count++] = path;
	}
	if (way == WAY_PC)
		argv[count++] = "--pc";
	argv[count++] = "--";
	for (unsigned i = 0; i < 5; i++)
		argv[count++] = w->argv[i];
	dup2(null, STDOUT_FILENO);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

static struct cost run(const struct workload *w, unsigned way, const char *path)
{
	double begun = read_clock(CLOCK_MONOTONIC);
	struct rusage usage;
	struct cost cost;
	char db[4096 + 8];
	int status;
	pid_t child;

	snprintf(db, sizeof(db), "%s.db", path);
	unlink(db);
	child = fork();
	if (child == 0)
		execute(w, way, path, db);
	if (child < 0 || wait4(child, &status, 0, &usage) != child || status)
		fail("a run failed");
	unlink(db);
	cost.wall = read_clock(CLOCK_MONOTONIC) - begun;
	cost.cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	return cost;
}

static void better(struct cost *best, struct cost cost)
{
	if (best->wall == 0 || cost.wall < best->wall)
		best->wall = cost.wall;
	if (best->cpu == 0 || cost.cpu < best->cpu)
		best->cpu = cost.cpu;
}

/* --- reading --------------------------------------------------------------------------------- */

struct content {
	uint64_t accesses, items;
	double seconds;
};

static struct content decode(const char *path)
{
	struct content content = { 0 };
	struct trace_survey survey;
	struct trace_reader *reader;
	struct trace_error error;
	struct trace_batch batch;
	double begun = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	int more;

	if (trace_reader_open(&reader, path, &error))
		fail(error.text);
	while ((more = trace_reader_batch(reader, &batch, &error)) > 0)
		content.items += batch.items;
	if (more < 0)
		fail(error.text);
	content.seconds = read_clock(CLOCK_PROCESS_CPUTIME_ID) - begun;
	if (trace_survey_make(&survey, reader, &error))
		fail(error.text);
	content.accesses = survey.index.total[TRACE_LOAD] + survey.index.total[TRACE_STORE];
	trace_survey_release(&survey);
	trace_reader_close(reader);
	return content;
}

static double file_bytes(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		fail("a trace is not there");
	return (double)status.st_size;
}

static void show_file(const struct workload *w, const char *way, const char *path)
{
	struct content best = decode(path);
	double bytes = file_bytes(path);

	for (unsigned i = 1; i < ROUNDS; i++) {
		struct content content = decode(path);

		if (content.seconds < best.seconds)
			best = content;
	}
	printf("%-10s %-7s %12llu %9.4f %9.1f %9.2f %9.0f\n", w->name, way,
	       (unsigned long long)best.accesses, bytes / (double)best.accesses,
	       (double)best.items * 16 / bytes, best.seconds / (double)best.accesses * 1e9,
	       (double)best.accesses / best.seconds * 1e-6);
}

static void show_costs(const struct workload *w, const struct cost cost[WAYS])
{
	printf("%-10s %-7s %38s wall %4.2f, cpu %4.2f; --pc: wall %4.2f, cpu %4.2f\n", w->name,
	       "record", "", cost[WAY_TRACE].wall / cost[WAY_PLAIN].wall,
	       cost[WAY_TRACE].cpu / cost[WAY_PLAIN].cpu, cost[WAY_PC].wall / cost[WAY_PLAIN].wall,
	       cost[WAY_PC].cpu / cost[WAY_PLAIN].cpu);
}

static void compare(const struct workload *w, const char *path)
{
	struct cost cost[WAYS] = { 0 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned way = 0; way < WAYS; way++) {
			better(&cost[way], run(w, way, path));
			if (way != WAY_PLAIN && round == ROUNDS - 1)
				show_file(w, ways[way], path);
		}
	}
	show_costs(w, cost);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/pagewalk-bench-XXXXXX";
	int file = mkstemp(path);

	if (file < 0)
		fail("no temporary file");
	close(file);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%-10s %-7s %12s %9s %9s %9s %9s\n", "guest", "", "accesses", "bytes/acc",
	       "raw/this", "decode ns", "M acc/s");
	for (unsigned i = 0; i < WORKLOADS; i++) {
		bool wanted = argc < 2;

		for (int arg = 1; arg < argc; arg++)
			wanted |= strcmp(argv[arg], workloads[i].name) == 0;
		if (wanted)
			compare(&workloads[i], path);
	}
	unlink(path);
	return 0;
}
