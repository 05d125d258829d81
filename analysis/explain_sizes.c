/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * An address in its fields, and the arithmetic of page tables. Numbers that may exceed 64 bits (a
 * flat table of a 64-bit space) are handled as powers of two.
 */

#include "analysis/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FIELD_TEXT_MAX = 40, VA_FIELDS_MAX = PT_LEVELS_MAX + 2 };

static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB" };

static void add_power(struct text *out, unsigned lg2)
{
	text_addf(out, "%" PRIu64 " %s", UINT64_C(1) << lg2 % 10, units[lg2 / 10]);
}

void explain_bytes(struct text *out, uint64_t bytes)
{
	unsigned unit = 0;

	while (bytes > 0 && bytes % 1024 == 0 && unit < 6) {
		bytes /= 1024;
		unit++;
	}
	text_addf(out, "%" PRIu64 " %s", bytes, units[unit]);
}

/* 262144 -> "262,144" */
static void add_grouped(struct text *out, uint64_t number)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (int i = 0; i < length; i++)
		text_addf(out, "%s%c", i > 0 && (length - i) % 3 == 0 ? "," : "", digits[i]);
}

/* --- the fields ------------------------------------------------------------------------------ */

struct va_field {
	unsigned high, low;
	char name[FIELD_TEXT_MAX], value[FIELD_TEXT_MAX];
};

static uint64_t bits_of(va_t va, unsigned high, unsigned low)
{
	va_t above = va >> low;

	return high - low >= 63 ? above : above & ((UINT64_C(1) << (high - low + 1)) - 1);
}

static struct va_field field_of(va_t va, unsigned high, unsigned low, const char *name)
{
	struct va_field field = { .high = high, .low = low };
	uint64_t value = bits_of(va, high, low);

	snprintf(field.name, sizeof(field.name), "%s", name);
	snprintf(field.value, sizeof(field.value), "0x%" PRIx64 " = %" PRIu64, value, value);
	return field;
}

static unsigned split(const struct pt_caps *caps, va_t va, struct va_field *field)
{
	unsigned count = 0, high = caps->va_bits;
	char name[FIELD_TEXT_MAX];

	if (high < 64)
		field[count++] =
			field_of(va, 63, high,
				 caps->sign_extended ? "copies of the highest bit" : "must be 0");
	for (unsigned level = caps->level_count; level-- > 0;) {
		unsigned low = caps->level_lg2[level];

		if (caps->level_count == 1) {
			low = caps->base_page_lg2;
			snprintf(name, sizeof(name), "page number");
		} else {
			snprintf(name, sizeof(name), "index, level %u", level);
		}
		field[count++] = field_of(va, high - 1, low, name);
		high = low;
	}
	if (high > 0)
		field[count++] = field_of(va, high - 1, 0, "offset in page");
	return count;
}

static size_t width_of(const struct va_field *field)
{
	size_t width = strlen(field->name), value = strlen(field->value);

	width = value > width ? value : width;
	return width < 6 ? 6 : width;
}

static void add_rule(struct text *out, const struct va_field *field, unsigned count)
{
	text_puts(out, "  ");
	for (unsigned i = 0; i < count; i++) {
		text_puts(out, "+");
		text_fill(out, '-', width_of(&field[i]) + 2);
	}
	text_puts(out, "+\n");
}

static void add_cells(struct text *out, const struct va_field *field, unsigned count, bool names)
{
	text_puts(out, "  ");
	for (unsigned i = 0; i < count; i++)
		text_addf(out, "| %-*s ", (int)width_of(&field[i]),
			  names ? field[i].name : field[i].value);
	text_puts(out, "|\n");
}

/* The numbers of the first and the last bit above each field. */
static void add_bits(struct text *out, const struct va_field *field, unsigned count)
{
	text_puts(out, "  ");
	for (unsigned i = 0; i < count; i++) {
		char high[12], low[12];
		int width = (int)width_of(&field[i]);

		snprintf(high, sizeof(high), "%u", field[i].high);
		snprintf(low, sizeof(low), "%u", field[i].low);
		text_addf(out, "  %-*s%*s ", width / 2, high, width - width / 2, low);
	}
	text_puts(out, "\n");
}

static void add_box(struct text *out, const struct va_field *field, unsigned count)
{
	add_bits(out, field, count);
	add_rule(out, field, count);
	add_cells(out, field, count, true);
	add_cells(out, field, count, false);
	add_rule(out, field, count);
}

void explain_split(struct text *out, const struct pt_caps *caps, va_t va)
{
	struct va_field field[VA_FIELDS_MAX];
	unsigned count = split(caps, va, field);

	text_addf(out, "The address 0x%" PRIx64 "\n", va);
	add_box(out, field, count);
	if (!pt_va_valid(caps, va))
		text_addf(out,
			  "  This machine cannot translate it: its addresses have %u bits%s.\n",
			  caps->va_bits, caps->sign_extended ? ", sign-extended" : "");
}

/* --- sizes of tables ------------------------------------------------------------------------- */

/* "2^20 entries x 4 B = 4 MiB" */
static void add_table(struct text *out, unsigned entries_lg2, unsigned entry_bytes)
{
	unsigned entry_lg2 = (unsigned)__builtin_ctz(entry_bytes);

	if (entries_lg2 < 14)
		text_addf(out, "%" PRIu64 " entries", UINT64_C(1) << entries_lg2);
	else
		text_addf(out, "2^%u entries", entries_lg2);
	text_addf(out, " x %u B = ", entry_bytes);
	if (entry_bytes == 1U << entry_lg2)
		add_power(out, entries_lg2 + entry_lg2);
	else
		explain_bytes(out, (UINT64_C(1) << entries_lg2) * entry_bytes);
}

static void add_flat(struct text *out, const struct pt_caps *caps)
{
	/* What a flat table would hold here: entries of 8 bytes where the format says no size. */
	unsigned entry = caps->entry_bytes ? caps->entry_bytes : 8;

	text_addf(out, "  a flat table of the %u-bit space: ", caps->va_bits);
	add_table(out, caps->va_bits - caps->base_page_lg2, entry);
	if (caps->va_bits < 64) {
		text_puts(out, "\n  a flat table of a 64-bit space:  ");
		add_table(out, 64U - caps->base_page_lg2, 8);
	}
	text_puts(out, "\n");
}

static unsigned index_bits(const struct pt_caps *caps, unsigned level)
{
	unsigned above = level + 1 < caps->level_count ? caps->level_lg2[level + 1] : caps->va_bits;

	return above - caps->level_lg2[level];
}

static void add_levels(struct text *out, const struct pt_caps *caps)
{
	for (unsigned level = caps->level_count; level-- > 0;) {
		text_addf(out, "  a table of level %u%s: ", level,
			  level == caps->level_count - 1U ? " (the root)" : "");
		add_table(out, index_bits(caps, level), caps->entry_bytes);
		text_puts(out, ", each entry covers ");
		add_power(out, caps->level_lg2[level]);
		text_puts(out, "\n");
	}
}

/* Tables of a level that the ranges need: of one index prefix each. The ranges are sorted. */
static uint64_t tables_for(const struct pt_caps *caps, unsigned level,
			   const struct explain_range *used, unsigned count)
{
	uint64_t tables = 0, next = 0; /* next: first prefix that is not counted yet */
	unsigned shift = level + 1 < caps->level_count ? caps->level_lg2[level + 1] : 64;

	if (shift >= 64)
		return count > 0;
	for (unsigned i = 0; i < count; i++) {
		uint64_t first = used[i].first >> shift, last = used[i].last >> shift;

		if (first < next)
			first = next;
		if (first <= last)
			tables += last - first + 1;
		if (last + 1 > next)
			next = last + 1;
	}
	return tables;
}

static void add_used(struct text *out, const struct pt_caps *caps, const struct explain_range *used,
		     unsigned count)
{
	uint64_t entries = 0;

	text_addf(out, "With the %s given in use\n", count == 1 ? "range" : "ranges");
	text_puts(out, "  flat:        ");
	add_table(out, caps->va_bits - caps->base_page_lg2, caps->entry_bytes);
	text_puts(out, "\n  with levels: ");
	for (unsigned level = 0; level < caps->level_count; level++) {
		uint64_t tables = tables_for(caps, level, used, count);
		uint64_t here = tables << index_bits(caps, level);

		text_addf(out, "%s%" PRIu64 " in level %u (%" PRIu64 " table%s)",
			  level > 0 ? " + " : "", here, level, tables, tables == 1 ? "" : "s");
		entries += here;
	}
	text_addf(out, " = %" PRIu64 " entries x %u B = ", entries, caps->entry_bytes);
	explain_bytes(out, entries * caps->entry_bytes);
	text_puts(out, "\n");
}

/* Two levels and few tables: the whole comparison, as textbooks print it. */
static void add_two_level_rows(struct text *out, const struct pt_caps *caps)
{
	uint64_t inner = UINT64_C(1) << index_bits(caps, 0);
	uint64_t outer = UINT64_C(1) << index_bits(caps, 1);

	for (uint64_t used = 1; used <= outer; used++) {
		uint64_t entries = used * inner + outer, flat = inner * outer;

		text_addf(out,
			  "  %" PRIu64 " of %" PRIu64 " regions in use: %" PRIu64
			  " inner + %" PRIu64 " outer = %" PRIu64 " entries, flat %" PRIu64 "%s\n",
			  used, outer, used * inner, outer, entries, flat,
			  entries > flat   ? ": two levels take more"
			  : entries < flat ? ": two levels take less"
					   : "");
	}
}

static void add_page_sizes(struct text *out, const struct pt_caps *caps)
{
	text_puts(out, "Page sizes\n");
	for (unsigned lg2 = 0; lg2 < 64; lg2++) {
		const char *between = "; an entry replaces ";

		if (!(caps->page_sizes >> lg2 & 1))
			continue;
		text_puts(out, "  ");
		add_power(out, lg2);
		text_addf(out, ": offset of %u bits", lg2);
		if (lg2 <= caps->va_bits)
			text_addf(out, ", 2^%u pages in the space", caps->va_bits - lg2);
		for (unsigned smaller = lg2; smaller-- > 0;) {
			if (!(caps->page_sizes >> smaller & 1))
				continue;
			text_puts(out, between);
			add_grouped(out, UINT64_C(1) << (lg2 - smaller));
			text_puts(out, " of ");
			add_power(out, smaller);
			between = " or ";
		}
		text_puts(out, "\n");
	}
}

void explain_sizes(struct text *out, const struct page_table *table,
		   const struct explain_range *used, unsigned used_count)
{
	const struct pt_caps *caps = &table->caps;
	bool levels = caps->level_count > 1 && caps->entry_bytes > 0;
	struct pt_stats stats;

	text_puts(out, "Sizes of tables\n");
	add_flat(out, caps);
	if (levels) {
		add_levels(out, caps);
	} else {
		table->ops->stats(table, &stats);
		text_addf(out, "  this machine's %s table with nothing mapped: ", table->ops->name);
		explain_bytes(out, stats.table_bytes);
		text_puts(out, ", for all processes together\n");
	}
	if (caps->level_count == 2 && index_bits(caps, 1) <= 3)
		add_two_level_rows(out, caps);
	if (levels && used_count > 0)
		add_used(out, caps, used, used_count);
	add_page_sizes(out, caps);
}

void explain_page_size(struct text *out, const struct pt_caps *caps, unsigned page_lg2, va_t va)
{
	struct va_field field[VA_FIELDS_MAX];
	unsigned count = 0;

	text_puts(out, "The same address with pages of ");
	add_power(out, page_lg2);
	text_puts(out, "\n");
	if (page_lg2 < caps->va_bits)
		field[count++] = field_of(va, caps->va_bits - 1U, page_lg2, "page number");
	if (page_lg2 > 0)
		field[count++] = field_of(va, page_lg2 - 1, 0, "offset in page");
	add_box(out, field, count);
	if (page_lg2 >= caps->va_bits)
		return;
	text_addf(out, "  2^%u pages in the %u-bit space; a flat table of them: ",
		  caps->va_bits - page_lg2, caps->va_bits);
	add_table(out, caps->va_bits - page_lg2, caps->entry_bytes ? caps->entry_bytes : 8);
	text_puts(out, "\n");
}
