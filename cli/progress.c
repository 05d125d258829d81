/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The progress line: instructions, accesses a second, misses. Only when stderr is a terminal. It
 * reads the host's clock, which nothing recorded ever sees.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/session.h"

static const uint64_t progress_instructions = 1 << 20;
static const double progress_seconds = 0.25;

double host_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t accesses_of(const struct session *s)
{
	const struct machine_counters *c = &s->machine->counters;

	return c->loads + c->stores + c->fetches;
}

static double misses_per_thousand(const struct session *s)
{
	const struct mmu *mmu = &s->machine->mmu;
	uint64_t walks =
		mmu->walks[ACCESS_READ] + mmu->walks[ACCESS_WRITE] + mmu->walks[ACCESS_FETCH];
	uint64_t instructions = s->machine->counters.instructions;

	return instructions ? 1000.0 * (double)walks / (double)instructions : 0;
}

static void show(struct session *s, double now)
{
	double seconds = now - s->last_shown;
	uint64_t accesses = accesses_of(s);

	fprintf(stderr,
		"\r%s%.1f M instructions, %.1f M accesses/s, %.2f walks per 1000 instructions%s\033[K",
		s->colour ? "\033[2m" : "", (double)s->machine->counters.instructions * 1e-6,
		(double)(accesses - s->last_accesses) / seconds * 1e-6, misses_per_thousand(s),
		s->colour ? "\033[0m" : "");
	fflush(stderr);
	s->last_shown = now;
	s->last_accesses = accesses;
}

static void ring(void *ctx, struct machine_alarm *alarm)
{
	struct session *s = ctx;
	double now = host_seconds();

	(void)alarm;
	if (now - s->last_shown >= progress_seconds)
		show(s, now);
}

void progress_init(struct session *s)
{
	const char *no_color = getenv("NO_COLOR");

	s->started = s->last_shown = host_seconds();
	s->show_progress = !s->options->quiet && isatty(STDERR_FILENO);
	s->colour = s->show_progress && !(no_color && *no_color);
	if (!s->show_progress)
		return;
	s->progress =
		(struct machine_alarm){ progress_instructions, progress_instructions, s, ring };
	machine_set_alarm(s->machine, &s->progress);
}

void progress_clear(struct session *s)
{
	if (s->show_progress)
		fputs("\r\033[K", stderr);
}

void progress_summary(struct session *s)
{
	double seconds = host_seconds() - s->started;

	if (s->options->quiet)
		return;
	complain("%s: %llu instructions, %llu loads and stores in %.1f s; 'pagewalk %s %s' %s",
		 s->config.name, (unsigned long long)s->machine->counters.instructions,
		 (unsigned long long)(s->machine->counters.loads + s->machine->counters.stores),
		 seconds, s->record ? "report" : "trace info",
		 s->record ? s->options->db : s->options->trace,
		 s->record ? "says what they cost" : "says what was recorded");
}
