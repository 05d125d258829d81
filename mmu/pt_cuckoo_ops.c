/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the kernel asks of elastic cuckoo tables for single pages: map, harvest, mark, split. */

#include "mmu/pt_cuckoo_locate_private.h"
#include "mmu/pt_cuckoo_private.h"

#include <assert.h>

bool cuckoo_locate(struct pt_space *space, va_t va, struct cuckoo_spot *spot)
{
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;

	spot->size = 0;
	for (unsigned i = cuckoo->walk_tables; i-- > 0;) {
		bool absent;
		unsigned header = cwt_header(space, i, va, &absent);

		if (header >= SECTION_PAGE) {
			spot->size = i + 1;
			break;
		}
		if (header == SECTION_NONE) {
			spot->hole_lg2 = cuckoo->lg2[i + 1] + (absent ? SECTIONS_LG2 : 0u);
			return false;
		}
	}
	spot->lg2 = cuckoo->lg2[spot->size];
	spot->hole_lg2 = spot->lg2 + CLUSTER_LG2;
	spot->line =
		cuckoo_find(&own->pages[spot->size], cuckoo_cluster(va, spot->lg2), &spot->way);
	assert(spot->line || spot->size == 0);
	return spot->line != 0;
}

pa_t cuckoo_locate_entry(struct pt_space *space, va_t va, struct cuckoo_spot *spot, uint64_t *entry)
{
	pa_t pa;

	if (!pt_va_valid(&space->table->caps, va) || !cuckoo_locate(space, va, spot))
		return 0;
	pa = spot->line + (pa_t)cuckoo_slot(va, spot->lg2) * 8;
	*entry = pt_memory_load(space->table->memory, pa, 8);
	return *entry & BIT(ENTRY_VALID) ? pa : 0;
}

static void store(struct pt_space *space, pa_t pa, uint64_t value)
{
	pt_memory_store(space->table->memory, pa, 8, value);
}

static uint64_t entry_of(const struct pt_mapping *m)
{
	return entry_with_perms(m->pa | BIT(ENTRY_VALID), m->attrs.perms) |
	       (m->attrs.global ? BIT(ENTRY_G) : 0) | (m->attrs.accessed ? BIT(ENTRY_A) : 0) |
	       (m->attrs.dirty ? BIT(ENTRY_D) : 0);
}

/* ---- map ---- */

/* Is anything mapped within the page? `line` is that of its cluster, or 0. */
static bool occupied(struct pt_space *space, va_t va, unsigned size, pa_t line)
{
	const struct cuckoo *cuckoo = space->table->format;
	bool absent;

	for (unsigned i = size ? size - 1 : 0; i < cuckoo->walk_tables; i++) {
		unsigned header = cwt_header(space, i, va, &absent);

		if (header >= SECTION_PAGE || (i + 1 == size && header != SECTION_NONE))
			return true;
	}
	return line && pt_memory_load(space->table->memory,
				      line + (pa_t)cuckoo_slot(va, cuckoo->lg2[size]) * 8, 8) &
			       BIT(ENTRY_VALID);
}

static int new_line(struct pt_space *space, va_t va, unsigned size, uint64_t entry, unsigned *way)
{
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;
	unsigned lg2 = cuckoo->lg2[size];
	uint64_t words[CLUSTER_PAGES], key = cuckoo_cluster(va, lg2);
	int error = cwt_prepare(space, va, size);

	if (error)
		return error;
	for (unsigned i = 0; i < CLUSTER_PAGES; i++)
		words[i] = cuckoo_key_part(key, i);
	words[cuckoo_slot(va, lg2)] |= entry;
	error = cuckoo_insert(&own->pages[size], key, words, way);
	if (error)
		cwt_trim(space, va);
	else if (size == 0)
		cwt_small_lines(space, va, 1);
	return error;
}

/* The index of a page size that this machine has, or -1. */
static int size_of(const struct cuckoo *cuckoo, unsigned page_lg2)
{
	for (unsigned i = 0; i < cuckoo->sizes; i++)
		if (cuckoo->lg2[i] == page_lg2)
			return (int)i;
	return -1;
}

int cuckoo_map(struct pt_space *space, const struct pt_mapping *m, struct pt_displaced *displaced)
{
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;
	int found = size_of(cuckoo, m->page_lg2), error;
	unsigned size, way;
	pa_t line;

	if (displaced)
		displaced->happened = false;
	if (found < 0 || ((m->va | m->pa) & (BIT(m->page_lg2) - 1)) ||
	    !pt_va_valid(&space->table->caps, m->va) || m->pa >> PA_BITS ||
	    !(m->attrs.perms & (PERM_READ | PERM_WRITE | PERM_EXEC)))
		return PW_INVALID;
	size = (unsigned)found;
	line = cuckoo_find(&own->pages[size], cuckoo_cluster(m->va, m->page_lg2), &way);
	if (occupied(space, m->va, size, line))
		return PW_EXISTS;
	if (line) {
		unsigned slot = cuckoo_slot(m->va, m->page_lg2);
		uint64_t part = cuckoo_key_part(cuckoo_cluster(m->va, m->page_lg2), slot);

		store(space, line + (pa_t)slot * 8, entry_of(m) | part);
	} else {
		error = new_line(space, m->va, size, entry_of(m), &way);
		if (error)
			return error;
	}
	if (size > 0)
		cwt_page_entered(space, size, m->va, way);
	space->mapped += BIT(m->page_lg2 - cuckoo->lg2[0]);
	own->leaves++;
	if (!line)
		cuckoo_settle(&own->pages[size]);
	return PW_OK;
}

/* ---- A and D ---- */

int cuckoo_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf)
{
	struct cuckoo_spot spot;
	uint64_t old, entry;
	pa_t pa = cuckoo_locate_entry(space, va, &spot, &old);

	if (!pa)
		return PW_ABSENT;
	entry = old;
	cuckoo_decode(va, spot.lg2, old, leaf);
	if (clear & HARVEST_CLEAR_A)
		entry &= ~BIT(ENTRY_A);
	if (clear & HARVEST_CLEAR_D)
		entry &= ~BIT(ENTRY_D);
	if (entry != old)
		store(space, pa, entry);
	return PW_OK;
}

int cuckoo_mark(struct pt_space *space, va_t va, bool dirty)
{
	struct cuckoo_spot spot;
	uint64_t old, entry;
	pa_t pa = cuckoo_locate_entry(space, va, &spot, &old);

	if (!pa)
		return PW_ABSENT;
	entry = old | BIT(ENTRY_A) | (dirty ? BIT(ENTRY_D) : 0);
	if (entry != old)
		store(space, pa, entry);
	return PW_OK;
}

/* ---- split ---- */

/* A line of eight small pages that stand for a part of a large one. Headers of their own are set. */
static int split_line(struct pt_space *space, va_t va, unsigned small, uint64_t entry)
{
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;
	unsigned lg2 = cuckoo->lg2[small], way;
	uint64_t words[CLUSTER_PAGES], key = cuckoo_cluster(va, lg2);
	int error = cwt_prepare(space, va, small);

	if (error)
		return error;
	for (unsigned i = 0; i < CLUSTER_PAGES; i++)
		words[i] = cuckoo_key_part(key, i) | (entry + ((uint64_t)i << lg2));
	error = cuckoo_insert(&own->pages[small], key, words, &way);
	if (error) {
		cwt_trim(space, va);
		return error;
	}
	if (small > 0)
		cwt_line_moved(space, small, va, BIT(CLUSTER_PAGES) - 1, way);
	cuckoo_settle(&own->pages[small]);
	return PW_OK;
}

static void undo_line(struct pt_space *space, va_t va, unsigned small)
{
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;
	unsigned lg2 = cuckoo->lg2[small], way;
	pa_t line = cuckoo_find(&own->pages[small], cuckoo_cluster(va, lg2), &way);

	assert(line);
	cuckoo_remove(&own->pages[small], line, way);
	for (unsigned i = 0; small > 0 && i < CLUSTER_PAGES; i++)
		cwt_page_left(space, small, va + ((va_t)i << lg2));
	cuckoo_settle(&own->pages[small]);
}

void cuckoo_drop_entry(struct pt_space *space, va_t va, const struct cuckoo_spot *spot, bool *empty)
{
	struct cuckoo_space *own = space->format;
	unsigned slot = cuckoo_slot(va, spot->lg2);

	store(space, spot->line + (pa_t)slot * 8,
	      cuckoo_key_part(cuckoo_cluster(va, spot->lg2), slot));
	*empty = true;
	for (unsigned i = 0; *empty && i < CLUSTER_PAGES; i++)
		*empty = !(pt_memory_load(space->table->memory, spot->line + (pa_t)i * 8, 8) &
			   BIT(ENTRY_VALID));
	if (*empty)
		cuckoo_remove(&own->pages[spot->size], spot->line, spot->way);
}

int cuckoo_split(struct pt_space *space, va_t va)
{
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;
	struct cuckoo_spot spot;
	unsigned small, line_lg2;
	uint64_t entry, lines;
	bool empty;

	if (!cuckoo_locate_entry(space, va, &spot, &entry))
		return PW_ABSENT;
	if (spot.size == 0)
		return PW_UNSUPPORTED;
	small = spot.size - 1;
	line_lg2 = cuckoo->lg2[small] + CLUSTER_LG2;
	lines = BIT(spot.lg2 - line_lg2);
	va = va >> spot.lg2 << spot.lg2;
	entry &= ~(CUCKOO_KEY_MASK | BIT(CUCKOO_IN_USE));
	for (uint64_t i = 0; i < lines; i++) {
		int error = split_line(space, va + (i << line_lg2), small, entry + (i << line_lg2));

		if (!error)
			continue;
		while (i-- > 0)
			undo_line(space, va + (i << line_lg2), small);
		return error;
	}
	spot.line = cuckoo_find(&own->pages[spot.size], cuckoo_cluster(va, spot.lg2), &spot.way);
	cuckoo_drop_entry(space, va, &spot, &empty);
	cwt_split(space, spot.size, va);
	own->leaves += BIT(spot.lg2 - cuckoo->lg2[small]) - 1;
	if (empty)
		cuckoo_settle(&own->pages[spot.size]);
	return PW_OK;
}
