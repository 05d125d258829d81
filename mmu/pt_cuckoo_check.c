/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Verifies the invariants of pt_cuckoo.c by looking at every line, and sums up statistics; changes no
 * counter.
 */

#include "mmu/pt_cuckoo_private.h"

#include <string.h>

/* ---- one table ---- */

static const void *at(const struct cuckoo_table *t, pa_t line)
{
	return phys_mem_at(t->pt->memory->mem, line);
}

static const char *check_half(const struct cuckoo_table *t, unsigned way,
			      const struct cuckoo_half *half, uint64_t first, uint64_t *used)
{
	for (uint64_t i = first; half->base && i < BIT(half->lg2); i++) {
		pa_t line = half->base + (i << t->line_lg2);
		uint64_t key;

		if (!(walk_load(at(t, line), 8) & BIT(CUCKOO_IN_USE)))
			continue;
		++*used;
		key = cuckoo_line_key(at(t, line), t->wide);
		if (cuckoo_place(t, way, key) != line)
			return "a line lies where its key does not hash to";
		for (unsigned other = 0; other < t->ways; other++)
			if (other != way &&
			    cuckoo_line_is(at(t, cuckoo_place(t, other, key)), t->wide, key))
				return "a key is entered twice";
	}
	return NULL;
}

static const char *cuckoo_table_check(const struct cuckoo_table *t)
{
	for (unsigned i = 0; i < t->ways; i++) {
		const struct cuckoo_way *w = &t->way[i];
		uint64_t used = 0;
		const char *wrong = check_half(t, i, &w->before, w->pointer, &used);

		if (!wrong)
			wrong = check_half(t, i, &w->now, 0, &used);
		if (wrong)
			return wrong;
		if (used != w->used)
			return "the lines in use of a way were counted wrongly";
		if (used > cuckoo_limit(t, w))
			return "a way's load is above the threshold";
	}
	return NULL;
}

/* ---- all of a space ---- */

/* What a walk over all lines in use of one table knows. */
struct tour {
	const struct pt_space *space;
	const struct cuckoo_table *table;
	const char *(*visit)(struct tour *tour, const uint8_t *line, unsigned way, uint64_t key);
	unsigned size;
	uint64_t leaves, base_pages; /* counted */
	uint64_t lines_of_4k, headers_of_pages, counted_lines;
};

static const char *tour_half(struct tour *tour, unsigned way, const struct cuckoo_half *half,
			     uint64_t first)
{
	const struct cuckoo_table *t = tour->table;
	const char *wrong = NULL;

	for (uint64_t i = first; half->base && !wrong && i < BIT(half->lg2); i++) {
		const uint8_t *line =
			phys_mem_at(t->pt->memory->mem, half->base + (i << t->line_lg2));

		if (walk_load(line, 8) & BIT(CUCKOO_IN_USE))
			wrong = tour->visit(tour, line, way, cuckoo_line_key(line, t->wide));
	}
	return wrong;
}

static const char *tour_table(struct tour *tour, const struct cuckoo_table *table)
{
	const char *wrong = cuckoo_table_check(table);

	tour->table = table;
	for (unsigned i = 0; i < table->ways && !wrong; i++) {
		wrong = tour_half(tour, i, &table->way[i].before, table->way[i].pointer);
		if (!wrong)
			wrong = tour_half(tour, i, &table->way[i].now, 0);
	}
	return wrong;
}

static const uint8_t *peek(const struct cuckoo_table *t, uint64_t key)
{
	for (unsigned i = 0; i < t->ways; i++) {
		const uint8_t *line = phys_mem_at(t->pt->memory->mem, cuckoo_place(t, i, key));

		if (cuckoo_line_is(line, t->wide, key))
			return line;
	}
	return NULL;
}

static unsigned header_at(const struct pt_space *space, unsigned i, va_t va)
{
	const struct cuckoo *cuckoo = space->table->format;
	const struct cuckoo_space *own = space->format;
	unsigned lg2 = cuckoo->lg2[i + 1], section = cuckoo_section(va, lg2);
	const uint8_t *entry = peek(&own->walk[i], cuckoo_group(va, lg2));

	return entry ? cuckoo_header(walk_load(entry + 8 + (size_t)(section / 16) * 8, 8), section)
		     : SECTION_NONE;
}

/* The walk tables say of va that a page of this size, in this way, maps it. */
static bool headers_agree(const struct pt_space *space, unsigned size, va_t va, unsigned way)
{
	const struct cuckoo *cuckoo = space->table->format;

	for (unsigned i = 0; i < cuckoo->walk_tables; i++) {
		unsigned header = header_at(space, i, va);

		if (i + 1 == size  ? header != SECTION_PAGE + way
		    : i + 1 < size ? header != SECTION_NONE
				   : header >= SECTION_PAGE || !(header & (1u << size)))
			return false;
	}
	return true;
}

static const char *visit_cluster(struct tour *tour, const uint8_t *line, unsigned way, uint64_t key)
{
	const struct cuckoo *cuckoo = tour->space->table->format;
	unsigned lg2 = cuckoo->lg2[tour->size], present = 0;
	va_t va = cuckoo_va(key << CLUSTER_LG2, lg2);

	for (unsigned i = 0; i < CLUSTER_PAGES; i++) {
		if (!(walk_load(line + (size_t)i * 8, 8) & BIT(ENTRY_VALID)))
			continue;
		present++;
		if (!headers_agree(tour->space, tour->size, va + ((va_t)i << lg2), way))
			return "a walk table does not say where a page is";
	}
	if (present == 0)
		return "a line in use maps nothing";
	if (tour->size == 0)
		tour->lines_of_4k++;
	else
		tour->headers_of_pages += present;
	tour->leaves += present;
	tour->base_pages += (uint64_t)present << (lg2 - cuckoo->lg2[0]);
	return NULL;
}

/* The kinds of pages in a 1 GiB section, by the headers of its 2 MiB sections. */
static unsigned kinds_below(const struct pt_space *space, va_t va)
{
	unsigned kinds = 0;

	for (unsigned i = 0; i < 512; i++) {
		unsigned header = header_at(space, 0, va + ((va_t)i << 21));

		kinds |= header >= SECTION_PAGE ? SECTION_2M : header;
	}
	return kinds;
}

static const char *visit_entry(struct tour *tour, const uint8_t *line, unsigned way, uint64_t key)
{
	const struct cuckoo *cuckoo = tour->space->table->format;
	unsigned lg2 = cuckoo->lg2[tour->size + 1];
	bool any = false;

	(void)way;
	for (unsigned i = 0; i < SECTIONS; i++) {
		unsigned header = cuckoo_header(walk_load(line + 8 + (size_t)(i / 16) * 8, 8), i);
		unsigned count = line[64 + i];

		any = any || header;
		tour->counted_lines += count;
		if (header >= SECTION_PAGE)
			tour->headers_of_pages--;
		if (tour->size == 0 ? (header == SECTION_4K) != (count > 0) : count > 0)
			return "a walk table counts lines that its header does not tell of";
		if (tour->size == 1 && header && header < SECTION_PAGE &&
		    header != kinds_below(tour->space, cuckoo_va(key << SECTIONS_LG2 | i, lg2)))
			return "a section of 1 GiB does not sum up those in it";
	}
	return any ? NULL : "an entry of a walk table is empty";
}

static const char *check_space(const struct pt_space *space)
{
	const struct cuckoo *cuckoo = space->table->format;
	const struct cuckoo_space *own = space->format;
	struct tour tour = { .space = space, .visit = visit_cluster };
	const char *wrong = NULL;

	for (tour.size = 0; tour.size < cuckoo->sizes && !wrong; tour.size++)
		wrong = tour_table(&tour, &own->pages[tour.size]);
	tour.visit = visit_entry;
	for (tour.size = 0; tour.size < cuckoo->walk_tables && !wrong; tour.size++)
		wrong = tour_table(&tour, &own->walk[tour.size]);
	if (wrong)
		return wrong;
	if (tour.leaves != own->leaves || tour.base_pages != space->mapped)
		return "space->mapped differs from the pages in its tables";
	if (tour.headers_of_pages != 0)
		return "a walk table tells of a large page that is not there";
	if (cuckoo->walk_tables > 0 && tour.counted_lines != tour.lines_of_4k)
		return "lines of 4 KiB pages are counted wrongly";
	return NULL;
}

int cuckoo_check(struct page_table *pt, const char **what)
{
	const struct cuckoo *cuckoo = pt->format;
	struct pt_stats stats;
	uint64_t bytes = 0;

	*what = NULL;
	cuckoo_stats(pt, &stats);
	for (const struct pt_space *space = cuckoo->spaces; space && !*what;
	     space = ((const struct cuckoo_space *)space->format)->next) {
		*what = check_space(space);
		bytes += space->table_bytes;
	}
	if (!*what && bytes != stats.table_bytes)
		*what = "the bytes of spaces' tables are not those of all tables";
	return *what ? PW_CORRUPT : PW_OK;
}

void cuckoo_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct cuckoo *cuckoo = pt->format;

	memset(stats, 0, sizeof(*stats));
	for (const struct pt_space *space = cuckoo->spaces; space;
	     space = ((const struct cuckoo_space *)space->format)->next) {
		const struct cuckoo_space *own = space->format;

		for (unsigned i = 0; i < cuckoo->sizes; i++) {
			stats->tables[i] += own->pages[i].ways;
			stats->table_bytes += cuckoo_bytes(&own->pages[i]);
			stats->entries += cuckoo_used(&own->pages[i]) * CLUSTER_PAGES;
			stats->slots += cuckoo_lines(&own->pages[i]) * CLUSTER_PAGES;
		}
		for (unsigned i = 0; i < cuckoo->walk_tables; i++) {
			stats->tables[i + 1] += own->walk[i].ways;
			stats->table_bytes += cuckoo_bytes(&own->walk[i]);
		}
	}
	stats->longest_chain = cuckoo->counts.longest_path;
	stats->blocks = stats->entries / CLUSTER_PAGES;
	stats->buckets = stats->slots / CLUSTER_PAGES;
	stats->kicks = cuckoo->counts.kicks;
	stats->resizes = cuckoo->counts.resizes;
	stats->moved = cuckoo->counts.moved;
}
