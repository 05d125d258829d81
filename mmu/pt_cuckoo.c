/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Elastic cuckoo page tables: for each address space one elastic cuckoo hash table for each page size
 * (pt_cuckoo_table_private.h), and walk tables that say which of them to look in.
 *
 *   va  47              33/24/15 bits: key of the cluster        | 3: page in it | offset  0
 *
 *   a line of a page table, 64 bytes: 8 consecutive pages under one key, which lies in spare bits
 *     63  58 57    56   52 51     12 11 9 8  7 6 5  3 2 1 0
 *    +--+---+-----+-------+---------+----+--+-+-+-+---+-+-+-+
 *    |NX| 0 |in   |key    | frame   | 0  |G |0|D|A| 0 |U|W|P|   x 8, as on x86-64; `in use` in the
 *    |  |   |use  |part i |         |    |  | | | |   | | | |   first word only, 5 bits of the key in
 *    +--+---+-----+-------+---------+----+--+-+-+-+---+-+-+-+   each of the first seven
 *
 *   an entry of a walk table, 128 bytes: 64 consecutive sections of 2 MiB (PMD-CWT), 1 GiB (PUD-CWT)
 *      0  in use (bit 57), key (va >> 27 or 36)     hardware reads these 40 bytes
 *      8  64 headers of 4 bits: 0 nothing; bit 0: 4 KiB pages; bit 1: 2 MiB pages (of a 1 GiB
 *         section); 4 + way: one page of the section's size, in that way
 *     64  64 bytes: lines of 4 KiB pages in each 2 MiB section, for the operating system
 *
 * A walk reads all places that could hold the page together: at most `ways` a page size, also while
 * tables are being resized. Without a cached header these are all ways of all page sizes, and the
 * 2 ways of each walk table, whose entry is then kept in the walk cache of its level (1: PMD-CWC,
 * 2: PUD-CWC). A cached header narrows: a large page is one read; a 1 GiB section without 2 MiB
 * pages is `ways` reads; with both, those of two tables and the PMD-CWT; an empty one is a fault
 * without a read. Walk-cache entries are the whole entry, 64 headers.
 *
 * Cached headers are never stale: a change of a header is told to the hardware (pt_invalidate), as an
 * operating system would do it with a shootdown; the kernel's invalidation of a page drops what the
 * walk caches hold around it as well. Base, size and pointer of each way are registers.
 *
 * Not modelled: the PTE-CWT (ways of 4 KiB pages), the cache of the walk tables' own walk being off
 * the critical path (its reads are issued together with the others and cost only where they are the
 * slowest), hash latency (give it to the walk caches' latency). Tables are a process's own and of the
 * configured size from its creation; where the source resizes all ways at once, ours go one by one.
 *
 * Statistics: entries and slots are those of lines (eight each), so that entries / slots is the load;
 * longest_chain is the longest row of kicks of one insertion.
 *
 * Invariants (pt_cuckoo_check.c): those of each table; a line in use maps a page; headers and counts
 * say what the tables hold, and no entry of a walk table is empty.
 *
 * Source: Skarlatos, Kokolis, Xu, Torrellas, "Elastic Cuckoo Page Tables: Rethinking Virtual Memory
 * Translation for Parallelism", ASPLOS 2020. Bit layouts are ours.
 */

#include "mmu/pt_cuckoo_private.h"
#include "mmu/pt_formats_private.h"

#include <assert.h>
#include <string.h>

enum { ENTRIES_MIN = 8, ENTRIES_MAX = 1 << 20 };

static unsigned cuckoo_describe(const struct page_table *pt, unsigned level, const void *bytes,
				unsigned length, struct pt_field *fields)
{
	static const char *const names[CLUSTER_PAGES] = { "entry0", "entry1", "entry2", "entry3",
							  "entry4", "entry5", "entry6", "entry7" };
	static const char *const headers[] = { "sections0-15", "sections16-31", "sections32-47",
					       "sections48-63" };
	bool wide = length == WALK_TABLE_READ_BYTES;
	const uint8_t *line = bytes;
	unsigned count = 2, words = wide ? WALK_STATE_WORDS : CLUSTER_PAGES;

	(void)pt;
	if (level > 0 || (!wide && length != CLUSTER_PAGES * 8))
		return 0;
	fields[0] = (struct pt_field){ "in use", CUCKOO_IN_USE, 1,
				       walk_load(line, 8) >> CUCKOO_IN_USE & 1 };
	fields[1] = (struct pt_field){ "key", wide ? 0 : CUCKOO_KEY_SHIFT,
				       wide ? CUCKOO_KEY_SHIFT : CUCKOO_KEY_BITS,
				       cuckoo_line_key(line, wide) };
	for (unsigned i = 0; i < words; i++) {
		uint64_t word = walk_load(line + (size_t)(wide ? i + 1 : i) * 8, 8);

		if (!wide)
			word &= ~(CUCKOO_KEY_MASK | BIT(CUCKOO_IN_USE));
		fields[count++] = (struct pt_field){ wide ? headers[i] : names[i], 0, 64, word };
	}
	return count;
}

/* Kicks and resizes change the way of large pages, of which the walk tables tell. */
static void line_moved(struct cuckoo_table *t, uint64_t key, pa_t line, unsigned way)
{
	struct pt_space *space = t->ctx;
	const struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;
	unsigned size = (unsigned)(t - own->pages), present = 0;

	for (unsigned i = 0; i < CLUSTER_PAGES; i++)
		if (pt_memory_load(t->pt->memory, line + (pa_t)i * 8, 8) & BIT(ENTRY_VALID))
			present |= 1u << i;
	cwt_line_moved(space, size, cuckoo_va(key << CLUSTER_LG2, cuckoo->lg2[size]), present, way);
}

static void prepare_table(struct cuckoo_table *t, struct pt_space *space, bool wide)
{
	struct cuckoo *cuckoo = space->table->format;
	const struct cuckoo_config *config = &space->table->config.cuckoo;
	struct cuckoo_space *own = space->format;
	unsigned entries = wide ? config->walk_table_entries : config->entries;

	t->pt = space->table;
	t->counts = &cuckoo->counts;
	t->bytes = &space->table_bytes;
	t->limits = cuckoo->limits;
	t->wide = wide;
	t->ways = (uint8_t)(wide ? WALK_TABLE_WAYS : config->ways);
	t->lg2_min = (uint8_t)__builtin_ctz(entries);
	t->ctx = space;
	if (!wide && t != own->pages)
		t->moved = line_moved;
}

static void release_tables(struct cuckoo_space *own)
{
	for (unsigned i = 0; i < SIZES_MAX; i++)
		cuckoo_table_release(&own->pages[i]);
	for (unsigned i = 0; i < WALK_TABLES_MAX; i++)
		cuckoo_table_release(&own->walk[i]);
}

static int cuckoo_space_create(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct cuckoo *cuckoo = pt->format;
	struct cuckoo_space *own = host_zalloc(pt->alloc, 1, sizeof(*own));
	int error = PW_OK;

	if (!own)
		return PW_NOMEM;
	space->format = own;
	for (unsigned i = 0; !error && i < cuckoo->sizes; i++) {
		prepare_table(&own->pages[i], space, false);
		error = cuckoo_table_init(&own->pages[i], space->asid + BIT(20) * (i + 1));
	}
	for (unsigned i = 0; !error && i < cuckoo->walk_tables; i++) {
		prepare_table(&own->walk[i], space, true);
		error = cuckoo_table_init(&own->walk[i], space->asid + BIT(24) * (i + 1));
	}
	if (error) {
		release_tables(own);
		host_free(pt->alloc, own);
		return error;
	}
	own->next = cuckoo->spaces;
	if (own->next)
		((struct cuckoo_space *)own->next->format)->previous = space;
	cuckoo->spaces = space;
	space->root = own->pages[0].way[0].now.base;
	return PW_OK;
}

static void cuckoo_space_destroy(struct pt_space *space)
{
	struct cuckoo *cuckoo = space->table->format;
	struct cuckoo_space *own = space->format;

	release_tables(own);
	if (own->previous)
		((struct cuckoo_space *)own->previous->format)->next = own->next;
	else
		cuckoo->spaces = own->next;
	if (own->next)
		((struct cuckoo_space *)own->next->format)->previous = own->previous;
	host_free(space->table->alloc, own);
}

static void fill_caps(struct pt_caps *caps, const struct cuckoo *cuckoo)
{
	caps->base_page_lg2 = cuckoo->lg2[0];
	caps->va_bits = VA_BITS;
	caps->pa_bits = PA_BITS;
	caps->level_count = (uint8_t)cuckoo->sizes;
	for (unsigned i = 0; i < cuckoo->sizes; i++) {
		caps->page_sizes |= BIT(cuckoo->lg2[i]);
		caps->level_lg2[i] = (uint8_t)(cuckoo->lg2[i] + (i ? SECTIONS_LG2 : 0));
	}
	caps->sign_extended = true;
	caps->hardware_accessed = true;
	caps->hardware_dirty = true;
	caps->aliases = true;
	caps->contiguous = true;
}

static int complain(struct config_complaint *complaint, const char *field, const char *must_be)
{
	strcpy(complaint->field, field);
	complaint->must_be = must_be;
	return PW_INVALID;
}

static bool entries_valid(unsigned entries)
{
	return entries >= ENTRIES_MIN && entries <= ENTRIES_MAX && !(entries & (entries - 1));
}

static int cuckoo_config_check(const struct pt_config *all, struct config_complaint *complaint)
{
	const struct cuckoo_config *config = &all->cuckoo;
	static const uint8_t sizes[SIZES_MAX] = { 12, 21, 30 };

	if (config->ways < 2 || config->ways > CUCKOO_WAYS_MAX)
		return complain(complaint, "page_table.cuckoo.ways", "from 2 to 4");
	if (config->page_size_count == 0 || config->page_size_count > SIZES_MAX ||
	    memcmp(config->page_lg2, sizes, config->page_size_count) != 0)
		return complain(complaint, "page_table.cuckoo.page_sizes",
				"[4K], [4K, 2M] or [4K, 2M, 1G]");
	if (!entries_valid(config->entries))
		return complain(complaint, "page_table.cuckoo.entries",
				"a power of two from 8 to 1048576");
	if (!entries_valid(config->walk_table_entries))
		return complain(complaint, "page_table.cuckoo.walk_table_entries",
				"a power of two from 8 to 1048576");
	if (config->upsize_percent < 25 || config->upsize_percent > 90)
		return complain(complaint, "page_table.cuckoo.upsize_percent", "from 25 to 90");
	if (config->downsize_percent * 2 >= config->upsize_percent)
		return complain(complaint, "page_table.cuckoo.downsize_percent",
				"less than half of upsize_percent; 0: never");
	return PW_OK;
}

static int cuckoo_create(struct page_table *pt, struct config_complaint *complaint)
{
	const struct cuckoo_config *config = &pt->config.cuckoo;
	struct cuckoo *cuckoo;
	int error = cuckoo_config_check(&pt->config, complaint);

	if (error)
		return error;
	cuckoo = host_zalloc(pt->alloc, 1, sizeof(*cuckoo));
	if (!cuckoo)
		return PW_NOMEM;
	cuckoo->sizes = config->page_size_count;
	cuckoo->walk_tables = cuckoo->sizes - 1;
	cuckoo->walks_use_them = config->walk_tables;
	memcpy(cuckoo->lg2, config->page_lg2, cuckoo->sizes);
	cuckoo->limits.upsize_percent = config->upsize_percent;
	cuckoo->limits.downsize_percent = config->downsize_percent;
	fill_caps(&pt->caps, cuckoo);
	pt->format = cuckoo;
	return PW_OK;
}

static void cuckoo_destroy(struct page_table *pt)
{
	struct cuckoo *cuckoo = pt->format;

	assert(!cuckoo->spaces);
	host_free(pt->alloc, cuckoo);
	pt->format = NULL;
}

const struct pt_ops pt_cuckoo_ops = {
	.name = "cuckoo",
	.doc = "elastic cuckoo hash tables, one a page size and process, with walk tables",
	.config_check = cuckoo_config_check,
	.create = cuckoo_create,
	.destroy = cuckoo_destroy,
	.space_create = cuckoo_space_create,
	.space_destroy = cuckoo_space_destroy,
	.map = cuckoo_map,
	.unmap = cuckoo_unmap,
	.protect = cuckoo_protect,
	.harvest = cuckoo_harvest,
	.mark = cuckoo_mark,
	.split = cuckoo_split,
	.for_each = cuckoo_for_each,
	.describe = cuckoo_describe,
	.stats = cuckoo_stats,
	.walk_start = cuckoo_walk_start,
	.walk_next = cuckoo_walk_next,
	.check = cuckoo_check,
};
