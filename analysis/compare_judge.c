/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Judging runs that were read: order, ratios, the best, and what makes them unlike. */

#include "analysis/compare_private.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS_NAMED = 8 }; /* in a note; more are counted */

static bool intact(const struct compare_run *run)
{
	return !run->facts[FACT_CUT_SHORT];
}

/* --- order, ratios, the best ----------------------------------------------------------------- */

static int by_metric(const void *left, const void *right, void *metric)
{
	const struct compare_run *a = left, *b = right;
	const struct compare_value *x = &a->values[*(size_t *)metric];
	const struct compare_value *y = &b->values[*(size_t *)metric];

	if (intact(a) != intact(b))
		return intact(a) ? -1 : 1;
	if (x->known != y->known)
		return x->known ? -1 : 1;
	if (x->known && x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

void comparison_sort(struct comparison *c, size_t metric)
{
	qsort_r(c->runs, c->run_count, sizeof(*c->runs), by_metric, &metric);
	c->sorted_by = metric;
	comparison_judge(c);
}

void comparison_in_lines(struct comparison *c)
{
	c->lines = true;
}

static void judge_ratios(struct comparison *c, size_t metric)
{
	const struct compare_value *base = &c->runs[0].values[metric];

	for (size_t i = 0; i < c->run_count; i++) {
		struct compare_value *value = &c->runs[i].values[metric];

		value->has_ratio = value->known && base->known && base->number != 0;
		value->ratio = value->has_ratio ? value->number / base->number : 0;
	}
}

static void judge_best(struct comparison *c, size_t metric)
{
	const struct compare_value *lowest = NULL, *highest = NULL;

	if (c->metrics[metric].better == BETTER_NEITHER)
		return;
	for (size_t i = 0; i < c->run_count; i++) {
		const struct compare_value *value = &c->runs[i].values[metric];

		if (!value->known || !intact(&c->runs[i]))
			continue;
		if (!lowest || value->number < lowest->number)
			lowest = value;
		if (!highest || value->number > highest->number)
			highest = value;
	}
	if (!lowest || lowest->number == highest->number)
		return;
	for (size_t i = 0; i < c->run_count; i++) {
		struct compare_value *value = &c->runs[i].values[metric];

		value->best = value->known && intact(&c->runs[i]) &&
			      value->number == lowest->number;
	}
}

void comparison_judge(struct comparison *c)
{
	for (size_t metric = 0; metric < c->metric_count; metric++) {
		judge_ratios(c, metric);
		judge_best(c, metric);
	}
}

/* --- what is unlike -------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool comparison_fact_differs(const struct comparison *c, size_t fact)
{
	for (size_t i = 1; i < c->run_count; i++)
		if (!same_text(c->runs[i].facts[fact], c->runs[0].facts[fact]))
			return true;
	return false;
}

/* A run that wrote a trace and its replays are alike, whatever the replay calls its program. */
static bool same_work(const struct compare_run *a, const struct compare_run *b)
{
	return same_text(a->facts[FACT_PROGRAM], b->facts[FACT_PROGRAM]) ||
	       (a->facts[FACT_TRACE] && same_text(a->facts[FACT_TRACE], b->facts[FACT_TRACE]));
}

static struct text *add_note(struct comparison *c)
{
	struct text *grown = realloc(c->notes, (c->note_count + 1) * sizeof(*grown));

	if (!grown) {
		c->failed = true;
		return NULL;
	}
	c->notes = grown;
	grown[c->note_count] = (struct text){ 0 };
	return &grown[c->note_count++];
}

static void note_programs(struct comparison *c)
{
	struct text *note = NULL;
	size_t unlike = 0;

	for (size_t i = 1; i < c->run_count; i++) {
		if (same_work(&c->runs[i], &c->runs[0]))
			continue;
		if (!unlike)
			note = add_note(c);
		if (!note)
			return;
		if (unlike++ < RUNS_NAMED)
			text_addf(note, "%s %lld", unlike == 1 ? "unlike programs: run" : ",",
				  (long long)c->runs[i].id);
	}
	if (!unlike)
		return;
	if (unlike > RUNS_NAMED)
		text_addf(note, " and %zu more", unlike - RUNS_NAMED);
	text_addf(note, " ran something else than run %lld: ", (long long)c->runs[0].id);
	text_clipped(note, c->runs[0].facts[FACT_PROGRAM], 60);
}

/* Figures per instruction or walk can be compared all the same, sums cannot. */
static void note_lengths(struct comparison *c)
{
	int64_t least = c->runs[0].instructions, most = least;
	struct text *note;

	for (size_t i = 1; i < c->run_count; i++) {
		if (c->runs[i].instructions < least)
			least = c->runs[i].instructions;
		if (c->runs[i].instructions > most)
			most = c->runs[i].instructions;
	}
	if (least == most)
		return;
	note = add_note(c);
	if (note)
		text_addf(note,
			  "unlike lengths: from %lld to %lld instructions (%.3g %%); sums such as "
			  "walks and faults do not compare",
			  (long long)least, (long long)most,
			  100 * (1 - (double)least / (double)most));
}

static void note_flaws(struct comparison *c)
{
	size_t flawed = 0;

	for (size_t i = 0; i < c->run_count; i++) {
		struct text *note;

		if (intact(&c->runs[i]) || ++flawed > RUNS_NAMED)
			continue;
		note = add_note(c);
		if (!note)
			return;
		text_addf(note, "run %lld!: %s; it is never the best", (long long)c->runs[i].id,
			  c->runs[i].facts[FACT_CUT_SHORT]);
	}
	if (flawed > RUNS_NAMED) {
		struct text *note = add_note(c);

		if (note)
			text_addf(note, "%zu more runs with !: see cut_short in --csv",
				  flawed - RUNS_NAMED);
	}
}

void comparison_add_notes(struct comparison *c)
{
	note_programs(c);
	note_lengths(c);
	note_flaws(c);
	for (size_t i = 0; i < c->note_count; i++)
		c->failed |= c->notes[i].failed;
}
