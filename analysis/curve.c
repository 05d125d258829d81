/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Curves as text: see curve.h. */

#include "analysis/curve.h"

#include "analysis/text.h"

#include <string.h>

enum { BAR_WIDTH = 40, REACH_WIDTH = 9, WINDOWS_SHOWN = 64 };

static double lookups(const struct curve_of_pages *curve)
{
	return (double)(curve->references + curve->refused);
}

static double ratio(double misses, const struct curve_of_pages *curve)
{
	return lookups(curve) > 0 ? misses / lookups(curve) : 0;
}

static double fault_ratio(const struct curve_tau *tau, const struct curve_of_pages *curve)
{
	return curve->references ? tau->faults / (double)curve->references : 0;
}

/* --- for people ------------------------------------------------------------------------------ */

/* Right-aligned. */
static void add_size(struct text *out, unsigned width, double bytes)
{
	struct text size = { 0 };

	text_size(&size, (int64_t)bytes);
	if (size.length < width)
		text_fill(out, ' ', width - size.length);
	text_puts(out, text_string(&size));
	text_release(&size);
}

static void add_bar(struct text *out, double part)
{
	text_puts(out, " |");
	text_fill(out, '#', (size_t)((part < 1 ? part : 1) * BAR_WIDTH + 0.5));
	text_puts(out, "\n");
}

static void text_of_point(struct text *out, const struct curve_of_pages *curve,
			  const struct curve_point *point)
{
	if (point->entries == UINT64_MAX) {
		text_addf(out, "%9s  %*s", "any", REACH_WIDTH, "");
	} else {
		text_addf(out, "%9llu  ", (unsigned long long)point->entries);
		add_size(out, REACH_WIDTH, (double)(point->entries << curve->page_lg2));
	}
	text_addf(out, "  %14.0f  %10.6f", point->misses, ratio(point->misses, curve));
	if (curve->rate < 1)
		text_addf(out, "  +-%9.6f", ratio(point->error, curve));
	add_bar(out, ratio(point->misses, curve));
}

/* Powers of two, and the last one. */
static bool is_shown(const struct curve_of_pages *curve, unsigned i)
{
	uint64_t entries = curve->point[i].entries;

	return (entries & (entries - 1)) == 0 || i + 1 == curve->point_count;
}

static void text_of_curve(struct text *out, const struct curve_of_pages *curve)
{
	double mean = 0;

	text_addf(out, "  entries      reach          misses  miss ratio%s\n",
		  curve->rate < 1 ? "   std.error" : "");
	for (unsigned i = 0; i < curve->point_count; i++) {
		if (is_shown(curve, i))
			text_of_point(out, curve, &curve->point[i]);
		mean += ratio(curve->point[i].error, curve) / curve->point_count;
	}
	text_of_point(out, curve, &curve->any);
	if (curve->rate < 1)
		text_addf(
			out,
			"A sample of %.3g of the pages; the mean standard error of the miss ratio "
			"is %.6f\n",
			curve->rate, mean);
}

static void text_of_working_set(struct text *out, const struct curve_report *report,
				const struct curve_of_pages *curve)
{
	text_addf(out,
		  "\nWorking set of the last T %s, on average; faults of a memory that holds "
		  "just this\n\n               T       pages       size  fault ratio\n",
		  report->time);
	for (unsigned i = 0; i < curve->tau_count; i++) {
		const struct curve_tau *tau = &curve->tau[i];

		text_addf(out, "%16llu  %10.1f  ", (unsigned long long)tau->tau, tau->pages);
		add_size(out, REACH_WIDTH, tau->pages * (double)(1ull << curve->page_lg2));
		text_addf(out, "   %10.8f\n", fault_ratio(tau, curve));
	}
}

/* At most so many lines: of several windows the largest. */
static void text_of_windows(struct text *out, const struct curve_report *report,
			    const struct curve_of_pages *curve)
{
	size_t step = (curve->window_count + WINDOWS_SHOWN - 1) / WINDOWS_SHOWN;
	double max = 1;

	if (!curve->window_count)
		return;
	for (size_t i = 0; i < curve->window_count; i++)
		max = curve->window[i] > max ? curve->window[i] : max;
	text_addf(out, "\nPages in each %llu %s%s\n\n            from       pages\n",
		  (unsigned long long)report->window_length, report->time,
		  step > 1 ? ", the largest of several windows a line" : "");
	for (size_t i = 0; i < curve->window_count; i += step) {
		double pages = 0;

		for (size_t j = i; j < i + step && j < curve->window_count; j++)
			pages = curve->window[j] > pages ? curve->window[j] : pages;
		text_addf(out, "%16llu  %10.0f", (unsigned long long)(i * report->window_length),
			  pages);
		add_bar(out, pages / max);
	}
}

static void text_of_pages(struct text *out, const struct curve_report *report,
			  const struct curve_of_pages *curve)
{
	text_puts(out, "\n");
	add_size(out, 0, (double)(UINT64_C(1) << curve->page_lg2));
	text_addf(out,
		  " pages: %.0f, %.0f lookups, %llu of them faulting, %llu entries invalidated\n\n",
		  curve->pages, lookups(curve), (unsigned long long)curve->refused,
		  (unsigned long long)curve->invalidated);
	text_of_curve(out, curve);
	text_of_working_set(out, report, curve);
	text_of_windows(out, report, curve);
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
		text_of_pages(out, report, &report->curve[i]);
}

/* --- CSV: a table each, with a blank line between ----------------------------------------------- */

static void csv_points(struct text *out, const struct curve_report *report)
{
	text_puts(out, "side,page_bytes,entries,misses,miss_ratio,standard_error\n");
	for (unsigned i = 0; i < report->curve_count; i++) {
		const struct curve_of_pages *curve = &report->curve[i];

		for (unsigned j = 0; j < curve->point_count; j++)
			text_addf(out, "%s,%llu,%llu,%.15g,%.9g,%.9g\n", report->side,
				  1ull << curve->page_lg2,
				  (unsigned long long)curve->point[j].entries,
				  curve->point[j].misses, ratio(curve->point[j].misses, curve),
				  ratio(curve->point[j].error, curve));
	}
}

static void csv_working_sets(struct text *out, const struct curve_report *report)
{
	text_addf(out, "\nside,page_bytes,tau_%s,pages,fault_ratio\n", report->time);
	for (unsigned i = 0; i < report->curve_count; i++) {
		const struct curve_of_pages *curve = &report->curve[i];

		for (unsigned j = 0; j < curve->tau_count; j++)
			text_addf(out, "%s,%llu,%llu,%.9g,%.9g\n", report->side,
				  1ull << curve->page_lg2, (unsigned long long)curve->tau[j].tau,
				  curve->tau[j].pages, fault_ratio(&curve->tau[j], curve));
	}
}

static void csv_windows(struct text *out, const struct curve_report *report)
{
	if (!report->window_length)
		return;
	text_addf(out, "\nside,page_bytes,from_%s,pages\n", report->time);
	for (unsigned i = 0; i < report->curve_count; i++) {
		const struct curve_of_pages *curve = &report->curve[i];

		for (size_t j = 0; j < curve->window_count; j++)
			text_addf(out, "%s,%llu,%llu,%.15g\n", report->side,
				  1ull << curve->page_lg2,
				  (unsigned long long)(j * report->window_length),
				  curve->window[j]);
	}
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void json_of_pages(struct text *out, const struct curve_of_pages *curve)
{
	text_addf(out,
		  "{\"page_bytes\":%llu,\"lookups\":%.15g,\"faulting\":%llu,\"invalidated\":%llu,"
		  "\"pages\":%.15g,\"sample_rate\":%.9g,\"compulsory\":%.15g,\"points\":[",
		  1ull << curve->page_lg2, lookups(curve), (unsigned long long)curve->refused,
		  (unsigned long long)curve->invalidated, curve->pages, curve->rate,
		  curve->any.misses);
	for (unsigned i = 0; i < curve->point_count; i++)
		text_addf(out,
			  "%s{\"entries\":%llu,\"misses\":%.15g,\"miss_ratio\":%.9g,"
			  "\"standard_error\":%.9g}",
			  i ? ",\n" : "\n", (unsigned long long)curve->point[i].entries,
			  curve->point[i].misses, ratio(curve->point[i].misses, curve),
			  ratio(curve->point[i].error, curve));
	text_puts(out, "],\n\"working_set\":[");
	for (unsigned i = 0; i < curve->tau_count; i++)
		text_addf(out, "%s{\"tau\":%llu,\"pages\":%.9g,\"fault_ratio\":%.9g}",
			  i ? ",\n" : "\n", (unsigned long long)curve->tau[i].tau,
			  curve->tau[i].pages, fault_ratio(&curve->tau[i], curve));
	text_puts(out, "],\n\"windows\":[");
	for (size_t i = 0; i < curve->window_count; i++)
		text_addf(out, "%s%.15g", i ? "," : "", curve->window[i]);
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
	text_addf(out,
		  ",\"accesses\":%llu,\"instructions\":%llu,\"time\":\"%s\",\"window_length\":%llu,"
		  "\"curves\":[\n",
		  (unsigned long long)report->accesses, (unsigned long long)report->instructions,
		  report->time, (unsigned long long)report->window_length);
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

	if (output->format == QUERY_JSON) {
		json_report(&out, report);
	} else if (output->format == QUERY_CSV) {
		csv_points(&out, report);
		csv_working_sets(&out, report);
		csv_windows(&out, report);
	} else {
		text_report(&out, report);
	}
	if (out.failed)
		failed = record_error_set(error, PW_NOMEM, "out of memory");
	else if (output->write(output->ctx, out.bytes, out.length))
		failed = PW_LIMIT;
	text_release(&out);
	return failed;
}
