/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single values. Numbers are whole, decimal or 0x; a leading zero is refused because half of the
 * world reads it as octal. Units are binary: K, KB and KiB are all 1024.
 */

#include "configs/value.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "configs/text.h"

/* Reads digits of a base; *text then stands behind them. */
static bool read_digits(const char **text, unsigned base, uint64_t *out)
{
	const char *digits = "0123456789abcdef";
	const char *start = *text;
	uint64_t number = 0;

	for (; **text != '\0'; (*text)++) {
		const char *digit =
			strchr(digits, **text | ('A' <= **text && **text <= 'F' ? 32 : 0));
		uint64_t value = digit != NULL ? (uint64_t)(digit - digits) : base;

		if (value >= base)
			break;
		if (number > (UINT64_MAX - value) / base)
			return false;
		number = number * base + value;
	}
	*out = number;
	return *text != start;
}

static bool read_number(const char **text, uint64_t *out)
{
	if ((*text)[0] == '0' && ((*text)[1] == 'x' || (*text)[1] == 'X')) {
		*text += 2;
		return read_digits(text, 16, out);
	}
	if ((*text)[0] == '0' && '0' <= (*text)[1] && (*text)[1] <= '9')
		return false;
	return read_digits(text, 10, out);
}

/* Nothing, or K, M, G, T, P with an optional iB or B. */
static bool read_unit(const char *text, unsigned *shift)
{
	static const char units[] = "KMGTP";
	const char *unit = *text != '\0' ? strchr(units, *text & ~32) : NULL;

	*shift = 0;
	if (*text == '\0' || strcmp(text, "B") == 0)
		return true;
	if (unit == NULL)
		return false;
	*shift = 10 * (unsigned)(unit - units + 1);
	text++;
	return *text == '\0' || strcmp(text, "B") == 0 || strcmp(text, "iB") == 0;
}

static bool parse_number(const char *text, uint64_t *out)
{
	return read_number(&text, out) && *text == '\0';
}

bool value_parse_size(const char *text, uint64_t *out)
{
	unsigned shift;

	if (!read_number(&text, out) || !read_unit(text, &shift) || *out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

static bool parse_bool(const char *text, const char **plain)
{
	static const char *const words[][2] = {
		{ "true", "true" },   { "yes", "true" }, { "on", "true" },
		{ "false", "false" }, { "no", "false" }, { "off", "false" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i][0]) == 0) {
			*plain = words[i][1];
			return true;
		}
	}
	return false;
}

/* Case, and whether words are joined by '-' or '_', do not matter. */
static bool same_word(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++) {
		bool both_joined = (*a == '-' || *a == '_') && (*b == '-' || *b == '_');

		if (!both_joined && strncasecmp(a, b, 1) != 0)
			return false;
	}
	return *a == *b;
}

static bool parse_choice(const struct field *field, const char *text, uint64_t *out)
{
	for (unsigned i = 0; i < field->choice_count; i++) {
		if (field->choices[i] != NULL && same_word(text, field->choices[i])) {
			*out = i;
			return true;
		}
	}
	return false;
}

static bool parse_page_size(const char *text, uint64_t *lg2)
{
	uint64_t bytes;

	if (!value_parse_size(text, &bytes) || bytes == 0 || (bytes & (bytes - 1)) != 0)
		return false;
	*lg2 = (uint64_t)__builtin_ctzll(bytes);
	return true;
}

static bool in_range(const struct field *field, uint64_t number)
{
	return field->low <= number && number <= field->high;
}

const char *value_to_plain(const struct field *field, const char *text, char buffer[VALUE_MAX])
{
	const char *plain = NULL;
	uint64_t number = 0;
	bool good = false;

	switch (field->kind) {
	case FIELD_TEXT:
		return in_range(field, strlen(text)) ? text : NULL;
	case FIELD_BOOL:
		return parse_bool(text, &plain) ? plain : NULL;
	case FIELD_CHOICE:
		good = parse_choice(field, text, &number);
		break;
	case FIELD_NUMBER:
	case FIELD_LEVEL:
		good = parse_number(text, &number) && in_range(field, number);
		break;
	case FIELD_SIZE:
		good = value_parse_size(text, &number) && in_range(field, number);
		break;
	case FIELD_WAYS:
		if (strcasecmp(text, "full") == 0)
			return "0";
		good = parse_number(text, &number) && in_range(field, number);
		break;
	case FIELD_PAGE_SIZE:
		good = parse_page_size(text, &number) && in_range(field, number);
		break;
	}
	if (!good)
		return NULL;
	snprintf(buffer, VALUE_MAX, "%" PRIu64, number);
	return buffer;
}

const char *value_to_user(const struct field *field, const char *plain, char buffer[VALUE_MAX])
{
	uint64_t number = 0;

	if (field->kind == FIELD_TEXT || field->kind == FIELD_BOOL)
		return plain;
	if (!parse_number(plain, &number))
		return NULL;
	switch (field->kind) {
	case FIELD_WAYS:
		return number == 0 ? "full" : plain;
	case FIELD_CHOICE:
		return number < field->choice_count ? field->choices[number] : NULL;
	case FIELD_SIZE:
		return config_text_size(buffer, number);
	case FIELD_PAGE_SIZE:
		return number < 64 ? config_text_size(buffer, 1ULL << number) : NULL;
	default:
		return plain;
	}
}

static void list_choices(const struct field *field, char *buffer, size_t room)
{
	const char *between = "one of ";

	for (unsigned i = 0; i < field->choice_count; i++) {
		int length;

		if (field->choices[i] == NULL)
			continue;
		length = snprintf(buffer, room, "%s%s", between, field->choices[i]);
		if (length < 0 || (size_t)length >= room)
			return;
		buffer += length;
		room -= (size_t)length;
		between = ", ";
	}
}

const char *value_must_be(const struct field *field, char buffer[VALUE_MUST_BE_MAX])
{
	char low[TEXT_SIZE_MAX], high[TEXT_SIZE_MAX];
	bool is_page_size = field->kind == FIELD_PAGE_SIZE;
	const char *what = "a whole number";

	buffer[0] = '\0';
	switch (field->kind) {
	case FIELD_TEXT:
		snprintf(buffer, VALUE_MUST_BE_MAX, "a text of %" PRIu64 " to %" PRIu64 " bytes",
			 field->low, field->high);
		return buffer;
	case FIELD_BOOL:
		return "true or false";
	case FIELD_CHOICE:
		list_choices(field, buffer, VALUE_MUST_BE_MAX);
		return buffer;
	case FIELD_SIZE:
	case FIELD_PAGE_SIZE:
		snprintf(buffer, VALUE_MUST_BE_MAX, "a %ssize from %s to %s, such as 4K or 2M",
			 is_page_size ? "page " : "",
			 config_text_size(low, is_page_size ? 1ULL << field->low : field->low),
			 config_text_size(high, is_page_size ? 1ULL << field->high : field->high));
		return buffer;
	case FIELD_WAYS:
		what = "`full` or a whole number";
		break;
	case FIELD_LEVEL:
		what = "a number of a level (0 is the leaf)";
		break;
	case FIELD_NUMBER:
		break;
	}
	snprintf(buffer, VALUE_MUST_BE_MAX, "%s from %" PRIu64 " to %" PRIu64, what, field->low,
		 field->high);
	return buffer;
}
