/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A hashed page table with open addressing, one for all address spaces: a power of two of lines; a
 * page's home line follows from hash(asid, vpn), and the lines after it are probed in turn, the
 * first after the last, until the tag is found or a line has a slot that is free. A line is
 *
 *   slot         16 bytes, one page:              0 tag            8 entry
 *   eight-slots  128 bytes, eight pages of any address: 0 tag x 8  64 entry x 8
 *   eight-pages  64 bytes, eight consecutive pages:     0 entry x 8, the tag in their kept bits
 *
 *   tag    63 used  51      vpn      16 15  asid  0                         0: free
 *   entry  63 NX  58..52 kept  51..12 frame  8 G  6 D  5 A  2 U  1 W  0 valid  (as on x86)
 *   eight-pages: kept bits of entry i = bits 7i+6..7i of the tag, whose 33 bits of block number
 *   (vpn / 8) and 16 of ASID need 49 of the 8 x 7 = 56; free: none of its entries is valid
 *
 * eight-slots deviates from a line of 64 bytes: a page's tag (52 bits) and entry (40 of frame and 7
 * more) do not fit in 8 bytes, so a group is two cache lines, tags and entries. A probe reads the
 * line of tags; the one entry is read after a match. With one slot a line each probe is a read of
 * 16 bytes, also where four of them share a cache line (the caches of the port see that).
 *
 * Reads of a hit with a random hash at load factor a (Knuth, TAOCP 3, 6.4, formulas 22, 23): slot
 * (1 + 1/(1-a)) / 2, of a miss (1 + 1/(1-a)^2) / 2; for lines of eight far nearer to 1.
 *
 * Deletion shifts backward (Knuth's algorithm R, for lines): a hole in a line that was full is
 * filled by the next page that would have gone there, and so on, until a line that was not full.
 * So there are no tombstones, nothing is left to clean, and a walk ends at a slot never used *or*
 * free again. At least one slot stays free, hence every walk ends.
 *
 * Doubling is done at once, when a new tag would exceed max_load: a table twice as large is
 * allocated, all tags and entries are entered anew (counted loads and stores), the old one is
 * freed. Without memory for it the old one serves as long as it has room, then PW_NOFRAMES.
 *
 * Not modelled: large pages; double hashing; gradual doubling; shrinking.
 *
 * Source: Knuth; Yaniv & Tsafrir, "Hash, Don't Cache (the Page Table)" (SIGMETRICS 2016), for
 * open addressing with eight pages a line and tags in unused bits of the entries (which bits:
 * ours, unverified against theirs).
 *
 * Invariants (open_check): between the home of a tag and its line all lines are full; no tag is
 * entered twice; free slots have no entries.
 */

#include "mmu/pt_formats_private.h"
#include "mmu/pt_open_private.h"

#include <assert.h>
#include <string.h>

static struct open_table *open_of(const struct page_table *pt)
{
	return pt->format;
}

static uint64_t open_slots(const struct open_table *open)
{
	return open_lines(open) << open->slot_lg2;
}

/* ---- slots ---- */

/* 0 if the slot is free. */
uint64_t open_slot_tag(struct page_table *pt, bool silent, uint64_t line, unsigned slot)
{
	const struct open_table *open = open_of(pt);
	pa_t at = open_line(open, line);
	uint64_t entry[8];

	if (open->layout != OPEN_EIGHT_PAGES)
		return hash_look(pt, silent, at + slot * TAG_BYTES);
	for (unsigned i = 0; i < 8; i++)
		entry[i] = hash_look(pt, silent, at + i * ENTRY_BYTES);
	return open_gather(entry);
}

static void place_slot(const struct open_table *open, uint64_t line, unsigned slot, uint64_t tag,
		       struct hash_place *place)
{
	pa_t at = open_line(open, line);

	place->tag = tag;
	place->link = 0;
	place->block = at + slot * TAG_BYTES;
	place->entries = place->block;
	if (open->layout == OPEN_SLOT)
		place->entries = at + TAG_BYTES;
	else if (open->layout == OPEN_EIGHT_SLOTS)
		place->entries += LINE_BYTES;
}

static uint64_t line_of(const struct open_table *open, const struct hash_place *place)
{
	return (place->block - open->table) / open->line_bytes;
}

static void write_tag(struct page_table *pt, const struct hash_place *place, uint64_t tag)
{
	if (open_of(pt)->layout != OPEN_EIGHT_PAGES) {
		hash_store_word(pt, place->block, tag);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		hash_store_word(pt, place->entries + i * ENTRY_BYTES, open_scatter(tag, i));
}

static bool open_find(struct page_table *pt, uint64_t tag, struct hash_place *place)
{
	const struct open_table *open = open_of(pt);
	uint64_t line = hash_bucket(&open->hash, tag);

	for (bool full = true; full; line = open_next(open, line)) {
		for (unsigned slot = 0; slot < 1u << open->slot_lg2; slot++) {
			uint64_t other = open_slot_tag(pt, false, line, slot);

			if (other == tag) {
				place_slot(open, line, slot, tag, place);
				return true;
			}
			full = full && other;
		}
	}
	return false;
}

/* ---- entering and removing ---- */

/* Writes a tag that is absent into the first free slot from its home on. There is one. */
static void enter(struct page_table *pt, uint64_t tag, struct hash_place *place)
{
	const struct open_table *open = open_of(pt);

	for (uint64_t line = hash_bucket(&open->hash, tag);; line = open_next(open, line)) {
		for (unsigned slot = 0; slot < 1u << open->slot_lg2; slot++) {
			if (open_slot_tag(pt, false, line, slot))
				continue;
			place_slot(open, line, slot, tag, place);
			write_tag(pt, place, tag);
			return;
		}
	}
}

static void copy_entries(struct page_table *pt, pa_t to, pa_t from)
{
	for (unsigned i = 0; i < 1u << open_of(pt)->hash.block_lg2; i++)
		hash_store_word(pt, to + i * ENTRY_BYTES, hash_load(pt, from + i * ENTRY_BYTES));
}

static void move_slot(struct page_table *pt, const struct open_table *old, uint64_t line,
		      unsigned slot, uint64_t tag)
{
	struct hash_place from, to;

	place_slot(old, line, slot, tag, &from);
	enter(pt, tag, &to);
	copy_entries(pt, to.entries, from.entries);
	open_of(pt)->hash.moved++;
}

static unsigned table_order(uint64_t bytes)
{
	unsigned order = 0;

	while ((uint64_t)FRAME_BYTES << order < bytes)
		order++;
	return order;
}

/* The tag in a slot of another table than the one of pt: while doubling. */
static uint64_t old_tag(struct page_table *pt, struct open_table *old, uint64_t line, unsigned slot)
{
	void *current = pt->format;
	uint64_t tag;

	pt->format = old;
	tag = open_slot_tag(pt, false, line, slot);
	pt->format = current;
	return tag;
}

static int grow(struct page_table *pt)
{
	struct open_table *open = open_of(pt), old = *open;
	pa_t table;
	int error;

	if (open_slots(open) >= HASH_BUCKETS_MAX)
		return PW_LIMIT;
	open->hash.bucket_lg2++;
	open->table_order = table_order(open_lines(open) * open->line_bytes);
	error = pt_memory_alloc(pt->memory, open->table_order, &table);
	if (error) {
		*open = old;
		return error;
	}
	open->table = table;
	for (uint64_t line = 0; line < open_lines(&old); line++) {
		for (unsigned slot = 0; slot < 1u << open->slot_lg2; slot++) {
			uint64_t tag = old_tag(pt, &old, line, slot);

			if (tag)
				move_slot(pt, &old, line, slot, tag);
		}
	}
	pt_memory_free(pt->memory, old.table, old.table_order);
	open->hash.resizes++;
	hash_set_roots(&open->hash, table);
	return PW_OK;
}

static int open_insert(struct page_table *pt, uint64_t tag, struct hash_place *place)
{
	struct open_table *open = open_of(pt);

	/* Whether it grew or not, there may be room. */
	if (hash_crowded(&open->hash, open_slots(open)))
		grow(pt);
	if (open->hash.blocks + 1 >= open_slots(open))
		return PW_NOFRAMES;
	enter(pt, tag, place);
	open->hash.blocks++;
	return PW_OK;
}

/* Would a tag of this home have gone to `hole` rather than to `line`? The lines are on a ring. */
static bool may_move(const struct open_table *open, uint64_t home, uint64_t hole, uint64_t line)
{
	uint64_t mask = open_lines(open) - 1;

	return ((line - home) & mask) >= ((line - hole) & mask);
}

/*
 * A slot of a line whose tag may move back to `hole`; false if there is none. *full: did the line
 * have no free slot?
 */
static bool find_successor(struct page_table *pt, uint64_t hole, uint64_t line,
			   struct hash_place *place, bool *full)
{
	const struct open_table *open = open_of(pt);
	bool found = false;

	*full = true;
	for (unsigned slot = 0; slot < 1u << open->slot_lg2; slot++) {
		uint64_t tag = open_slot_tag(pt, false, line, slot);

		if (tag == 0) {
			*full = false;
		} else if (!found && may_move(open, hash_bucket(&open->hash, tag), hole, line)) {
			place_slot(open, line, slot, tag, place);
			found = true;
		}
	}
	return found;
}

static bool line_full(struct page_table *pt, uint64_t line)
{
	for (unsigned slot = 0; slot < 1u << open_of(pt)->slot_lg2; slot++)
		if (open_slot_tag(pt, false, line, slot) == 0)
			return false;
	return true;
}

static void clear_slot(struct page_table *pt, const struct hash_place *place)
{
	if (open_of(pt)->layout == OPEN_EIGHT_PAGES) {
		write_tag(pt, place, 0);
		return;
	}
	hash_store_word(pt, place->block, 0);
	hash_store_word(pt, place->entries, 0);
}

static void open_remove(struct page_table *pt, const struct hash_place *place)
{
	const struct open_table *open = open_of(pt);
	struct hash_place hole = *place, next;
	uint64_t line = line_of(open, &hole);
	/* An emptied block of eight pages looks free by now, but its line, its one slot, was full. */
	bool full = open->layout == OPEN_EIGHT_PAGES || line_full(pt, line);

	while (full) {
		line = open_next(open, line);
		if (!find_successor(pt, line_of(open, &hole), line, &next, &full))
			continue;
		if (open->layout != OPEN_EIGHT_PAGES)
			hash_store_word(pt, hole.block, next.tag);
		copy_entries(pt, hole.entries, next.entries);
		hole = next;
	}
	clear_slot(pt, &hole);
	open_of(pt)->hash.blocks--;
}

/* ---- all blocks ---- */

/* The cursor's bucket counts slots here. */
static bool open_at(struct page_table *pt, struct hash_cursor *cursor, struct hash_place *place)
{
	const struct open_table *open = open_of(pt);
	uint64_t mask = BIT(open->slot_lg2) - 1;

	for (; cursor->bucket < open_slots(open); cursor->bucket++) {
		uint64_t line = cursor->bucket >> open->slot_lg2;
		unsigned slot = (unsigned)(cursor->bucket & mask);
		uint64_t tag = open_slot_tag(pt, cursor->silent, line, slot);

		if (tag) {
			place_slot(open, line, slot, tag, place);
			return true;
		}
	}
	return false;
}

static void open_advance(struct hash_cursor *cursor, const struct hash_place *place)
{
	(void)place;
	cursor->bucket++;
}

static uint64_t open_distance(struct page_table *pt, const struct hash_place *place)
{
	const struct open_table *open = open_of(pt);
	uint64_t home = hash_bucket(&open->hash, place->tag);

	return ((line_of(open, place) - home) & (open_lines(open) - 1)) + 1;
}

static const struct hash_store open_store = {
	.find = open_find,
	.insert = open_insert,
	.remove = open_remove,
	.at = open_at,
	.advance = open_advance,
	.distance = open_distance,
};

/* ---- the whole table ---- */

static int open_space_create(struct pt_space *space)
{
	int error = hash_space_create(space);

	if (!error)
		space->root = open_of(space->table)->table;
	return error;
}

static void open_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct open_table *open = open_of(pt);

	memset(stats, 0, sizeof(*stats));
	stats->tables[0] = BIT(open->table_order);
	stats->table_bytes = stats->tables[0] * FRAME_BYTES;
	stats->entries = open->hash.entries;
	stats->slots = open_slots(open) << open->hash.block_lg2;
	stats->blocks = open->hash.blocks;
	stats->buckets = open_slots(open);
	stats->resizes = open->hash.resizes;
	stats->moved = open->hash.moved;
	stats->longest_chain = hash_longest(pt);
}

static int geometry(const struct pt_config *config, struct open_table *open,
		    struct config_complaint *complaint)
{
	static const struct open_table layouts[OPEN_LAYOUT_COUNT] = {
		[OPEN_SLOT] = { .line_bytes = 16, .read_bytes = 16 },
		[OPEN_EIGHT_SLOTS] = { .slot_lg2 = 3, .line_bytes = 128, .read_bytes = 64 },
		[OPEN_EIGHT_PAGES] = { .line_bytes = 64, .read_bytes = 64 },
	};
	const char *section = "page_table.open";
	int error;

	if ((unsigned)config->open.layout >= OPEN_LAYOUT_COUNT)
		return hash_complain(complaint, section, "layout",
				     "slot, eight-slots or eight-pages");
	*open = layouts[config->open.layout];
	open->layout = config->open.layout;
	open->hash.block_lg2 = open->layout == OPEN_EIGHT_PAGES ? OPEN_BLOCK_LG2_MAX : 0;
	if (config->open.buckets < OPEN_SLOTS_MIN)
		return hash_complain(complaint, section, "buckets",
				     "a power of two from 16 to 16777216");
	if (config->open.max_load > 99)
		return hash_complain(complaint, section, "max_load", "from 0 to 99");
	error = hash_configure(&open->hash, &config->open, section, complaint);
	open->hash.bucket_lg2 -= error ? 0 : open->slot_lg2;
	return error;
}

static int open_config_check(const struct pt_config *config, struct config_complaint *complaint)
{
	struct open_table open;

	return geometry(config, &open, complaint);
}

static int open_create(struct page_table *pt, struct config_complaint *complaint)
{
	struct open_table geometry_wanted, *open;
	int error = geometry(&pt->config, &geometry_wanted, complaint);

	if (error)
		return error;
	open = host_zalloc(pt->alloc, 1, sizeof(*open));
	if (!open)
		return PW_NOMEM;
	*open = geometry_wanted;
	open->hash.store = &open_store;
	open->table_order = table_order(open_lines(open) * open->line_bytes);
	error = pt_memory_alloc(pt->memory, open->table_order, &open->table);
	if (error) {
		host_free(pt->alloc, open);
		return error;
	}
	hash_fill_caps(pt, &open->hash);
	pt->caps.entry_bytes = open->hash.block_lg2 ? 0 : 16;
	pt->format = open;
	return PW_OK;
}

static void open_destroy(struct page_table *pt)
{
	struct open_table *open = open_of(pt);

	assert(!open->hash.spaces);
	pt_memory_free(pt->memory, open->table, open->table_order);
	host_free(pt->alloc, open);
	pt->format = NULL;
}

const struct pt_ops pt_open_ops = {
	.name = "open",
	.doc = "a hashed table with open addressing: slots, or lines of eight slots or pages",
	.config_check = open_config_check,
	.create = open_create,
	.destroy = open_destroy,
	.space_create = open_space_create,
	.space_destroy = hash_space_destroy,
	.map = hash_map,
	.unmap = hash_unmap,
	.protect = hash_protect,
	.harvest = hash_harvest,
	.mark = hash_mark,
	.split = hash_split,
	.for_each = hash_for_each,
	.describe = open_describe,
	.stats = open_stats,
	.walk_start = open_walk_start,
	.walk_next = open_walk_next,
	.probe = open_probe,
	.check = open_check,
};
