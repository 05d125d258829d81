/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Curves as text: see curve.h. */

#include "analysis/curve.h"

#include "analysis/text.h"

#include <string.h>

enum { BAR_WIDTH = 40, REACH_WIDTH = 9 };

/* Right-aligned. */
static void add_size(struct text *out, unsigned width, uint64_t bytes)
{
	struct text size = { 0 };

	text_size(&size, (int64_t)bytes);
	if (size.length < width)
		text_fill(out, ' ', width - size.length);
	text_puts(out, text_string(&size));
	text_release(&size);
}

static double ratio(double misses, const struct curve_of_pages *curve)
{
	return curve->lookups ? misses / (double)curve->lookups : 0;
}

/* --- for people ------------------------------------------------------------------------------ */

static bool is_shown(const struct curve_of_pages *curve, unsigned i)
{
	uint64_t entries = curve->point[i].entries;

	return (entries & (entries - 1)) == 0 || i + 1 == curve->point_count;
}

static void text_of_point(struct text *out, const struct curve_of_pages *curve, unsigned i)
{
	const struct curve_point *point = &curve->point[i];
	double part = ratio(point->misses, curve);

	text_addf(out, "%9llu  ", (unsigned long long)point->entries);
	add_size(out, REACH_WIDTH, point->entries << curve->page_lg2);
	text_addf(out, "  %14.0f  %10.6f |", point->misses, part);
	text_fill(out, '#', (size_t)(part * BAR_WIDTH + 0.5));
	text_puts(out, "\n");
}

static void text_of_pages(struct text *out, const struct curve_of_pages *curve)
{
	text_puts(out, "\n");
	add_size(out, 0, UINT64_C(1) << curve->page_lg2);
	text_addf(out,
		  " pages: %llu, %llu lookups, %llu of them faulting, %llu entries invalidated\n\n",
		  (unsigned long long)curve->pages, (unsigned long long)curve->lookups,
		  (unsigned long long)curve->refused, (unsigned long long)curve->invalidated);
	text_puts(out, "  entries      reach          misses  miss ratio\n");
	for (unsigned i = 0; i < curve->point_count; i++)
		if (is_shown(curve, i))
			text_of_point(out, curve, i);
	text_addf(out, "%9s  %*s  %14.0f  %10.6f\n", "any", REACH_WIDTH, "", curve->compulsory,
		  ratio(curve->compulsory, curve));
}

static void text_report(struct text *out, const struct curve_report *report)
{
	text_puts(out, "Fully associative LRU, ");
	text_puts(out, report->side);
	text_puts(out, " side: ");
	text_harmless(out, report->trace, strlen(report->trace));
	text_addf(out, ", %llu accesses, %llu instructions\n", (unsigned long long)report->accesses,
		  (unsigned long long)report->instructions);
	if (report->machine) {
		text_puts(out, "Faults and invalidations of base pages as on ");
		text_harmless(out, report->machine, strlen(report->machine));
		text_puts(out, "; other sizes: references alone\n");
	}
	for (unsigned i = 0; i < report->curve_count; i++)
		text_of_pages(out, &report->curve[i]);
}

/* --- for programs ---------------------------------------------------------------------------- */

static void csv_report(struct text *out, const struct curve_report *report)
{
	text_puts(out, "side,page_bytes,entries,misses,miss_ratio\n");
	for (unsigned i = 0; i < report->curve_count; i++) {
		const struct curve_of_pages *curve = &report->curve[i];

		for (unsigned j = 0; j < curve->point_count; j++)
			text_addf(out, "%s,%llu,%llu,%.15g,%.9g\n", report->side,
				  1ull << curve->page_lg2,
				  (unsigned long long)curve->point[j].entries,
				  curve->point[j].misses, ratio(curve->point[j].misses, curve));
	}
}

static void json_of_pages(struct text *out, const struct curve_of_pages *curve)
{
	text_addf(out,
		  "{\"page_bytes\":%llu,\"lookups\":%llu,\"faulting\":%llu,\"invalidated\":%llu,"
		  "\"pages\":%llu,\"compulsory\":%.15g,\"points\":[",
		  1ull << curve->page_lg2, (unsigned long long)curve->lookups,
		  (unsigned long long)curve->refused, (unsigned long long)curve->invalidated,
		  (unsigned long long)curve->pages, curve->compulsory);
	for (unsigned i = 0; i < curve->point_count; i++)
		text_addf(out, "%s{\"entries\":%llu,\"misses\":%.15g,\"miss_ratio\":%.9g}",
			  i ? ",\n" : "\n", (unsigned long long)curve->point[i].entries,
			  curve->point[i].misses, ratio(curve->point[i].misses, curve));
	text_puts(out, "]}");
}

static void json_report(struct text *out, const struct curve_report *report)
{
	text_puts(out, "{\"trace\":");
	text_json(out, report->trace, strlen(report->trace));
	text_addf(out, ",\"side\":\"%s\",\"machine\":", report->side);
	if (report->machine)
		text_json(out, report->machine, strlen(report->machine));
	else
		text_puts(out, "null");
	text_addf(out, ",\"accesses\":%llu,\"instructions\":%llu,\"curves\":[\n",
		  (unsigned long long)report->accesses, (unsigned long long)report->instructions);
	for (unsigned i = 0; i < report->curve_count; i++) {
		text_puts(out, i ? ",\n" : "");
		json_of_pages(out, &report->curve[i]);
	}
	text_puts(out, "]}\n");
}

int curve_print(const struct curve_report *report, const struct query_output *output,
		struct record_error *error)
{
	struct text out = { 0 };
	int failed = PW_OK;

	if (output->format == QUERY_CSV)
		csv_report(&out, report);
	else if (output->format == QUERY_JSON)
		json_report(&out, report);
	else
		text_report(&out, report);
	if (out.failed)
		failed = record_error_set(error, PW_NOMEM, "out of memory");
	else if (output->write(output->ctx, out.bytes, out.length))
		failed = PW_LIMIT;
	text_release(&out);
	return failed;
}
