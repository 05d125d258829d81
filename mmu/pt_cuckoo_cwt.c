/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Cuckoo walk tables, as the operating system keeps them (drawn in pt_cuckoo.c). Whatever changes a
 * header tells the hardware to drop what its walk caches hold of that section: a cached header is
 * never stale.
 */

#include "mmu/pt_cuckoo_private.h"

#include <assert.h>

enum { HEADERS = 8, COUNTS = 64, HEADER_WORDS = 4 };
enum { LINES_A_SECTION = 1 << (9 - CLUSTER_LG2) };

static uint64_t load(const struct pt_space *space, pa_t pa, unsigned bytes)
{
	return pt_memory_load(space->table->memory, pa, bytes);
}

static unsigned section_lg2(const struct pt_space *space, unsigned i)
{
	return ((const struct cuckoo *)space->table->format)->lg2[i + 1];
}

static unsigned walk_tables(const struct pt_space *space)
{
	return ((const struct cuckoo *)space->table->format)->walk_tables;
}

static pa_t find(struct pt_space *space, unsigned i, va_t va, unsigned *way)
{
	struct cuckoo_space *own = space->format;

	return cuckoo_find(&own->walk[i], cuckoo_group(va, section_lg2(space, i)), way);
}

static pa_t word_of(pa_t entry, unsigned section)
{
	return entry + HEADERS + (pa_t)(section / 16) * 8;
}

unsigned cwt_header(struct pt_space *space, unsigned i, va_t va, bool *absent)
{
	unsigned way, section = cuckoo_section(va, section_lg2(space, i));
	pa_t entry = find(space, i, va, &way);

	*absent = entry == 0;
	return entry ? cuckoo_header(load(space, word_of(entry, section), 8), section)
		     : SECTION_NONE;
}

/* Replaces the headers of `count` sections (1, or the 8 of a line) from that of va on. */
static void put_headers(struct pt_space *space, unsigned i, va_t va, unsigned count,
			uint64_t headers)
{
	unsigned way, lg2 = section_lg2(space, i), section = cuckoo_section(va, lg2);
	unsigned shift = section % 16 * SECTION_BITS;
	uint64_t mask = (BIT(count * SECTION_BITS) - 1) << shift, old, new;
	pa_t entry = find(space, i, va, &way), word;

	assert(entry && (count == 1 || section % count == 0));
	word = word_of(entry, section);
	old = load(space, word, 8);
	new = (old & ~mask) | headers << shift;
	if (new == old)
		return;
	pt_memory_store(space->table->memory, word, 8, new);
	pt_invalidate(space->table, space->tag, va >> lg2 << lg2, (uint64_t)count << lg2,
		      PT_HELD_WALK_CACHES);
}

/* What the headers of one word say of the region above: enum section without pages' ways. */
static unsigned summary_of(uint64_t headers)
{
	uint64_t pages = headers & UINT64_C(0x4444444444444444);
	uint64_t small = headers & UINT64_C(0x1111111111111111) & ~(pages >> 2);

	return (unsigned)(pages ? SECTION_2M : 0) | (small ? SECTION_4K : 0);
}

/* The header of a 1 GiB section from those of its 2 MiB ones; a page of its own stays. */
static void summarize(struct pt_space *space, va_t va)
{
	unsigned lg2, group_lg2, summary = 0, way;
	bool absent;

	if (walk_tables(space) < 2 || cwt_header(space, 1, va, &absent) >= SECTION_PAGE)
		return;
	lg2 = section_lg2(space, 1);
	group_lg2 = section_lg2(space, 0) + SECTIONS_LG2;
	va = va >> lg2 << lg2;
	for (unsigned i = 0; i < 1u << (lg2 - group_lg2); i++) {
		pa_t entry = find(space, 0, va + ((va_t)i << group_lg2), &way);

		for (unsigned k = 0; entry && k < HEADER_WORDS; k++)
			summary |= summary_of(load(space, entry + HEADERS + (pa_t)k * 8, 8));
	}
	put_headers(space, 1, va, 1, summary);
}

/* The region of 1 GiB has got pages of a kind. */
static void add_to_summary(struct pt_space *space, va_t va, enum section kind)
{
	unsigned old;
	bool absent;

	if (walk_tables(space) < 2)
		return;
	old = cwt_header(space, 1, va, &absent);
	if (old < SECTION_PAGE)
		put_headers(space, 1, va, 1, old | (unsigned)kind);
}

int cwt_prepare(struct pt_space *space, va_t va, unsigned size)
{
	struct cuckoo_space *own = space->format;
	unsigned way;

	for (unsigned i = size ? size - 1 : 0; i < walk_tables(space); i++) {
		uint64_t words[16] = { BIT(CUCKOO_IN_USE) |
				       cuckoo_group(va, section_lg2(space, i)) };
		int error;

		if (find(space, i, va, &way))
			continue;
		error = cuckoo_insert(&own->walk[i], cuckoo_group(va, section_lg2(space, i)), words,
				      &way);
		if (error) {
			cwt_trim(space, va);
			return error;
		}
		cuckoo_settle(&own->walk[i]);
	}
	return PW_OK;
}

void cwt_trim(struct pt_space *space, va_t va)
{
	struct cuckoo_space *own = space->format;

	for (unsigned i = 0; i < walk_tables(space); i++) {
		unsigned way;
		pa_t entry = find(space, i, va, &way);
		uint64_t any = 0;

		for (unsigned k = 0; entry && !any && k < HEADER_WORDS; k++)
			any = load(space, entry + HEADERS + (pa_t)k * 8, 8);
		if (!entry || any)
			continue;
		cuckoo_remove(&own->walk[i], entry, way);
		cuckoo_settle(&own->walk[i]);
	}
}

void cwt_page_entered(struct pt_space *space, unsigned size, va_t va, unsigned way)
{
	put_headers(space, size - 1, va, 1, SECTION_PAGE + way);
	if (size == 1)
		add_to_summary(space, va, SECTION_2M);
}

void cwt_page_left(struct pt_space *space, unsigned size, va_t va)
{
	put_headers(space, size - 1, va, 1, SECTION_NONE);
	if (size == 1)
		summarize(space, va);
	cwt_trim(space, va);
}

void cwt_line_moved(struct pt_space *space, unsigned size, va_t va, unsigned present, unsigned way)
{
	unsigned i = size - 1, lg2 = section_lg2(space, i), at, section;
	uint64_t headers;
	pa_t entry;

	va = va >> (lg2 + CLUSTER_LG2) << (lg2 + CLUSTER_LG2);
	entry = find(space, i, va, &at);
	assert(entry);
	section = cuckoo_section(va, lg2);
	headers = load(space, word_of(entry, section), 8) >> section % 16 * SECTION_BITS;
	for (unsigned slot = 0; slot < CLUSTER_PAGES; slot++) {
		unsigned shift = slot * SECTION_BITS;

		if (present >> slot & 1)
			headers = (headers & ~(UINT64_C(15) << shift)) |
				  (uint64_t)(SECTION_PAGE + way) << shift;
	}
	put_headers(space, i, va, CLUSTER_PAGES, headers & UINT32_MAX);
}

void cwt_small_lines(struct pt_space *space, va_t va, int change)
{
	unsigned section, way;
	uint64_t old;
	pa_t entry;

	if (walk_tables(space) == 0)
		return;
	section = cuckoo_section(va, section_lg2(space, 0));
	entry = find(space, 0, va, &way);
	assert(entry);
	old = load(space, entry + COUNTS + section, 1);
	pt_memory_store(space->table->memory, entry + COUNTS + section, 1,
			(uint64_t)((int64_t)old + change));
	if (old == 0) {
		put_headers(space, 0, va, 1, SECTION_4K);
		add_to_summary(space, va, SECTION_4K);
	} else if ((int64_t)old + change == 0) {
		put_headers(space, 0, va, 1, SECTION_NONE);
		summarize(space, va);
		cwt_trim(space, va);
	}
}

void cwt_split(struct pt_space *space, unsigned size, va_t va)
{
	unsigned way;

	if (size == 1) {
		unsigned section = cuckoo_section(va, section_lg2(space, 0));

		put_headers(space, 0, va, 1, SECTION_4K);
		pt_memory_store(space->table->memory, find(space, 0, va, &way) + COUNTS + section,
				1, LINES_A_SECTION);
		summarize(space, va);
	} else {
		put_headers(space, 1, va, 1, SECTION_2M);
	}
}
