/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Verifies the invariants of pt_open.c by probing for every tag; changes no counter. */

#include "mmu/pt_open_private.h"

/* Each tag of a line is reached from its home, and met but once on the way. */
static const char *check_slot(struct page_table *pt, uint64_t line, unsigned slot)
{
	const struct open_table *open = pt->format;
	uint64_t tag = open_slot_tag(pt, true, line, slot);

	for (uint64_t at = hash_bucket(&open->hash, tag);; at = open_next(open, at)) {
		for (unsigned i = 0; i < 1u << open->slot_lg2; i++) {
			uint64_t other = open_slot_tag(pt, true, at, i);

			if (other == tag && (at != line || i != slot))
				return "a tag is entered twice";
			if (other == 0 && at != line)
				return "a line between a tag and its home has room";
		}
		if (at == line)
			return NULL;
	}
}

/* A free slot is zero all over. */
static bool slot_clear(const struct page_table *pt, uint64_t line, unsigned slot)
{
	const struct open_table *open = pt->format;
	pa_t at = open_line(open, line);

	if (open->layout == OPEN_EIGHT_SLOTS)
		return hash_peek(pt, at + LINE_BYTES + slot * ENTRY_BYTES) == 0;
	for (unsigned i = 0; i < open->line_bytes; i += 8)
		if (hash_peek(pt, at + i))
			return false;
	return true;
}

static const char *check_all(struct page_table *pt)
{
	const struct open_table *open = pt->format;

	for (uint64_t line = 0; line < open_lines(open); line++) {
		for (unsigned slot = 0; slot < 1u << open->slot_lg2; slot++) {
			const char *wrong = NULL;

			if (open_slot_tag(pt, true, line, slot))
				wrong = check_slot(pt, line, slot);
			else if (!slot_clear(pt, line, slot))
				wrong = "a free slot is not zero";
			if (wrong)
				return wrong;
		}
	}
	if (open->hash.blocks >= open_lines(open) << open->slot_lg2)
		return "no slot is free";
	return hash_check_spaces(pt);
}

int open_check(struct page_table *pt, const char **what)
{
	*what = check_all(pt);
	return *what ? PW_CORRUPT : PW_OK;
}
