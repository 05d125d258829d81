/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Values of options: numbers, sizes, times, ranges; and what --help says about some. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cli/cli.h"

enum { NANOSECONDS = 1000000000 };

/* Decimal or 0x digits up to the first character that is none; underscores may group them. */
static const char *digits(const char *text, uint64_t *value)
{
	char plain[40];
	unsigned used = 0;
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text && used < sizeof(plain) - 1; text++) {
		if (*text == '_')
			continue;
		if (!strchr("0123456789abcdefABCDEFxX", *text))
			break;
		plain[used++] = *text;
	}
	plain[used] = '\0';
	errno = 0;
	*value = strtoull(plain, &end, strncasecmp(plain, "0x", 2) == 0 ? 16 : 10);
	if (errno || end == plain)
		return NULL;
	return text - strlen(end);
}

bool parse_number(const char *text, uint64_t *value)
{
	const char *end = digits(text, value);

	return end && *end == '\0';
}

bool parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *end = digits(text, bytes), *unit;
	unsigned shift = 0;

	if (!end)
		return false;
	if (*end) {
		unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
		if (!unit || !*unit)
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
		if (strcmp(end, "") != 0 && strcmp(end, "iB") != 0 && strcmp(end, "B") != 0)
			return false;
	}
	if (*bytes > UINT64_MAX >> shift)
		return false;
	*bytes <<= shift;
	return true;
}

static bool parse_fraction(const char *text, int64_t *nanoseconds)
{
	int64_t unit = NANOSECONDS / 10;

	if (*text == '\0')
		return true;
	if (*text++ != '.')
		return false;
	for (; *text >= '0' && *text <= '9'; text++, unit /= 10)
		*nanoseconds += (*text - '0') * unit;
	return *text == '\0';
}

static bool in_range(int64_t seconds)
{
	return seconds >= 0 && seconds < INT64_MAX / NANOSECONDS;
}

/* The 31st of February is none, though timegm() would count on. */
static bool to_seconds(struct tm tm, int64_t *seconds)
{
	int day = tm.tm_mday;

	*seconds = (int64_t)timegm(&tm);
	return tm.tm_mday == day && in_range(*seconds);
}

static bool parse_date(const char *text, int64_t *nanoseconds)
{
	static const char *const shapes[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					      "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };

	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct tm tm = { 0 };
		int64_t seconds;
		const char *end = strptime(text, shapes[i], &tm);

		if (!end || (*end != '\0' && strcmp(end, "Z") != 0))
			continue;
		if (!to_seconds(tm, &seconds))
			return false;
		*nanoseconds = seconds * NANOSECONDS;
		return true;
	}
	return false;
}

bool parse_clock(const char *text, int64_t *nanoseconds)
{
	char *end = NULL;
	long long seconds;

	if (parse_date(text, nanoseconds))
		return true;
	if (*text == '@') /* as date(1) takes it */
		text++;
	errno = 0;
	seconds = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : -1;
	if (errno || !in_range(seconds))
		return false;
	*nanoseconds = (int64_t)seconds * NANOSECONDS;
	return parse_fraction(end, nanoseconds);
}

char *list_formats(const char *(*nth)(unsigned n, const char **doc), const char *end)
{
	const char *name, *doc;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("FORMAT is one of\n", out);
	for (unsigned i = 0; (name = nth(i, &doc)); i++)
		fprintf(out, "  %-12s %s\n", name, doc);
	fputs(end, out);
	fclose(out);
	return text;
}

bool parse_window(const char *text, uint64_t *from, uint64_t *to)
{
	const char *colon = strchr(text, ':');
	const char *end;

	*from = 0;
	*to = UINT64_MAX;
	if (!colon)
		return false;
	if (colon != text) {
		end = digits(text, from);
		if (end != colon)
			return false;
	}
	return (colon[1] == '\0' || parse_number(colon + 1, to)) && *from < *to;
}
