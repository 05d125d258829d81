/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A comparison for programs: CSV and JSON, a row a run with all metrics. See compare.h. */

#include "analysis/compare_private.h"

#include "analysis/output.h"

#include <string.h>

static void put_number(struct text *out, const struct compare_value *value)
{
	if (value->whole)
		text_addf(out, "%lld", (long long)value->integer);
	else
		output_real(out, value->number);
}

/* The metrics that a run is best in, `between` them. */
static void put_best(const struct comparison *c, const struct compare_run *run, bool json,
		     struct text *out)
{
	const char *before = "";

	for (size_t i = 0; i < c->metric_count; i++) {
		const char *name = c->metrics[i].name;

		if (!run->values[i].best)
			continue;
		text_puts(out, before);
		if (json)
			text_json(out, name, strlen(name));
		else
			text_puts(out, name);
		before = json ? "," : " ";
	}
}

/* --- CSV ------------------------------------------------------------------------------------- */

static void put_field(struct text *out, const char *string)
{
	text_puts(out, ",");
	if (string)
		output_csv_string(out, string, strlen(string));
}

static void put_csv_head(const struct comparison *c, struct text *out)
{
	struct text name = { 0 };

	text_puts(out, "run");
	for (size_t i = 0; i < c->fact_count; i++)
		put_field(out, c->fact_names[i]);
	for (size_t i = 0; i < c->metric_count; i++)
		put_field(out, c->metrics[i].name);
	for (size_t i = 0; i < c->metric_count; i++) {
		text_clear(&name);
		text_addf(&name, "ratio.%s", c->metrics[i].name);
		put_field(out, text_string(&name));
	}
	text_puts(out, ",best\n");
	out->failed |= name.failed;
	text_release(&name);
}

static void put_csv_run(const struct comparison *c, const struct compare_run *run, struct text *out)
{
	struct text best = { 0 };

	text_addf(out, "%lld", (long long)run->id);
	for (size_t i = 0; i < c->fact_count; i++)
		put_field(out, run->facts[i]);
	for (size_t i = 0; i < c->metric_count; i++) {
		text_puts(out, ",");
		if (run->values[i].known)
			put_number(out, &run->values[i]);
	}
	for (size_t i = 0; i < c->metric_count; i++) {
		text_puts(out, ",");
		if (run->values[i].has_ratio)
			output_real(out, run->values[i].ratio);
	}
	put_best(c, run, false, &best);
	put_field(out, best.length ? text_string(&best) : NULL);
	text_puts(out, "\n");
	out->failed |= best.failed;
	text_release(&best);
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void put_member(struct text *out, const char *prefix, const char *name)
{
	struct text full = { 0 };

	text_puts(out, ",");
	text_addf(&full, "%s%s", prefix, name);
	text_json(out, text_string(&full), full.length);
	text_puts(out, ":");
	out->failed |= full.failed;
	text_release(&full);
}

static void put_json_run(const struct comparison *c, const struct compare_run *run,
			 struct text *out)
{
	text_addf(out, "{\"run\":%lld", (long long)run->id);
	for (size_t i = 0; i < c->fact_count; i++) {
		put_member(out, "", c->fact_names[i]);
		if (run->facts[i])
			text_json(out, run->facts[i], strlen(run->facts[i]));
		else
			text_puts(out, "null");
	}
	for (size_t i = 0; i < c->metric_count; i++) {
		put_member(out, "", c->metrics[i].name);
		if (run->values[i].known)
			put_number(out, &run->values[i]);
		else
			text_puts(out, "null");
	}
	for (size_t i = 0; i < c->metric_count; i++) {
		put_member(out, "ratio.", c->metrics[i].name);
		if (run->values[i].has_ratio)
			output_real(out, run->values[i].ratio);
		else
			text_puts(out, "null");
	}
	text_puts(out, ",\"best\":[");
	put_best(c, run, true, out);
	text_puts(out, "]}");
}

/* --- all of it ------------------------------------------------------------------------------- */

static void put_csv(const struct comparison *c, struct text *out)
{
	put_csv_head(c, out);
	for (size_t i = 0; i < c->run_count; i++)
		put_csv_run(c, &c->runs[i], out);
}

static void put_json(const struct comparison *c, struct text *out)
{
	text_puts(out, "[");
	for (size_t i = 0; i < c->run_count; i++) {
		text_puts(out, i ? ",\n" : "");
		put_json_run(c, &c->runs[i], out);
	}
	text_puts(out, "]\n");
}

void comparison_print(const struct comparison *c, enum compare_format format, size_t columns,
		      struct text *out)
{
	switch (format) {
	case COMPARE_TEXT:
		compare_print_people(c, columns ? columns : 1, out);
		break;
	case COMPARE_MARKDOWN:
		compare_print_people(c, 0, out);
		break;
	case COMPARE_CSV:
		put_csv(c, out);
		break;
	case COMPARE_JSON:
		put_json(c, out);
		break;
	}
}
