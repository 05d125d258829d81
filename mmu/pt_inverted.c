/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * An inverted page table, one for all address spaces: one entry a frame of simulated memory, at
 * the place that its frame has, telling which page of which space lies there. It is contiguous,
 * allocated as a whole at creation, and as large as memory asks for: 16 bytes a frame.
 *
 *   entry, 16 bytes, four a cache line:
 *     0  tag    63  asid  48 47      vpn      12 11 . 9 8 7 6 5 4  3 2 1 0
 *                                                  -    G - D A - NX U W V
 *     8  link   63      frame      36 35     next     0
 *
 *   frame  of overflow entries only; elsewhere the place says it
 *   next   physical address / 16 of the next entry of the chain, 0: none
 *
 * How a walk finds its page (`lookup`, pt_inverted_walk.c):
 *   scan   line by line from frame 0: frame f costs f / 4 + 1 reads of 64 bytes, an absent page all
 *          of them. The plain table of textbooks; machines of its kind compare associatively.
 *   hash   a hash anchor table (HAT) of `anchors` 8-byte pointers in front, chains through the
 *          entries, newest first: 1 read, and 1 for each entry down to the one looked for.
 *
 * What happens to a second mapping of a frame (`alias`):
 *   remap  it takes the entry over, and map() tells who was displaced: one mapping a frame
 *          is resident. Which pages a space has besides is the kernel's to remember.
 *   chain  it gets an entry of its own in an overflow frame of 255, which names its frame. With
 *          hash these lie in the chains as all others, a scan reads them behind the table. Overflow
 *          frames go back when the table is destroyed, not before.
 *
 * Source: Chang & Mergen, "801 Storage: Architecture and Programming" (ACM TOCS 6(1), 1988): the
 * HAT and the inverted page table of the RT PC; Jacob & Mudge, "A Look at Several Memory Management
 * Units, TLB-Refill Mechanisms, and Page Table Organizations" (ASPLOS 1998), section 2. The layout
 * of the bits is ours.
 *
 * Not modelled: pages other than the base page; lock and transaction bits of the 801; the entry
 * and the anchor sharing a line (RT PC). Memory of more than 1 TiB does not fit the link.
 *
 * Invariants (inverted_check): a page is entered at most once; a valid entry belongs to a space
 * and to a frame of memory; with hash every valid entry lies once in the chain of its page, without
 * in none; used and free overflow entries are all of them; space->mapped is the number of entries
 * with its ASID; the index (pt_inverted_index.c) knows each entry and nothing else.
 */

#include "mmu/pt_formats_private.h"
#include "mmu/pt_inverted_private.h"

#include <assert.h>
#include <string.h>

/* ---- spaces ---- */

static int inverted_space_create(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct inverted *inv = pt->format;
	unsigned slots = inv->space_slots ? inv->space_slots : 8;
	struct pt_space **grown;

	while (slots <= space->asid)
		slots *= 2;
	if (slots > inv->space_slots) {
		grown = host_zalloc(pt->alloc, slots, sizeof(struct pt_space *));
		if (!grown)
			return PW_NOMEM;
		if (inv->space)
			memcpy(grown, inv->space, inv->space_slots * sizeof(struct pt_space *));
		host_free(pt->alloc, inv->space);
		inv->space = grown;
		inv->space_slots = slots;
	}
	assert(!inv->space[space->asid]);
	inv->space[space->asid] = space;
	space->root = inv->hash ? inv->anchor : inv->table;
	return PW_OK;
}

static void inverted_space_destroy(struct pt_space *space)
{
	struct inverted *inv = space->table->format;

	inverted_remove_all(space);
	inv->space[space->asid] = NULL;
}

/* ---- looking ---- */

static unsigned describe_line(const uint8_t *line, struct pt_field *fields)
{
	static const struct pt_field of[LINE_ENTRIES][3] = {
		{ { "V.0", 0, 1, 0 }, { "VPN.0", 12, 36, 0 }, { "ASID.0", 48, 16, 0 } },
		{ { "V.1", 0, 1, 0 }, { "VPN.1", 12, 36, 0 }, { "ASID.1", 48, 16, 0 } },
		{ { "V.2", 0, 1, 0 }, { "VPN.2", 12, 36, 0 }, { "ASID.2", 48, 16, 0 } },
		{ { "V.3", 0, 1, 0 }, { "VPN.3", 12, 36, 0 }, { "ASID.3", 48, 16, 0 } },
	};
	unsigned count = 0;

	for (unsigned i = 0; i < LINE_ENTRIES; i++) {
		uint64_t tag = walk_load(line + i * ENTRY_BYTES, 8);

		for (unsigned k = 0; k < 3; k++, count++) {
			fields[count] = of[i][k];
			fields[count].value = tag >> of[i][k].low_bit & (BIT(of[i][k].bits) - 1);
		}
	}
	return count;
}

static unsigned inverted_describe(const struct page_table *pt, unsigned level, const void *bytes,
				  unsigned length, struct pt_field *fields)
{
	static const struct pt_field all[] = {
		{ "V", TAG_VALID, 1, 0 },    { "W", TAG_W, 1, 0 },
		{ "U", TAG_U, 1, 0 },        { "NX", TAG_NX, 1, 0 },
		{ "A", TAG_A, 1, 0 },        { "D", TAG_D, 1, 0 },
		{ "G", TAG_G, 1, 0 },        { "VPN", TAG_VPN, VA_BITS - FRAME_LG2, 0 },
		{ "ASID", TAG_ASID, 16, 0 },
	};
	const unsigned count = sizeof(all) / sizeof(all[0]);
	uint64_t tag = walk_load(bytes, 8), link;

	(void)pt;
	if (level > 0)
		return 0;
	if (length == LINE_BYTES)
		return describe_line(bytes, fields);
	if (length == ANCHOR_BYTES) {
		fields[0] = (struct pt_field){ "FIRST", 0, NEXT_BITS, tag };
		return 1;
	}
	link = walk_load((const uint8_t *)bytes + ENTRY_LINK, 8);
	for (unsigned i = 0; i < count; i++) {
		fields[i] = all[i];
		fields[i].value = tag >> all[i].low_bit & (BIT(all[i].bits) - 1);
	}
	fields[count] = (struct pt_field){ "NEXT", 0, NEXT_BITS, link & (BIT(NEXT_BITS) - 1) };
	fields[count + 1] =
		(struct pt_field){ "FRAME", NEXT_BITS, 64 - NEXT_BITS, link >> NEXT_BITS };
	return count + 2;
}

static void inverted_stats(const struct page_table *pt, struct pt_stats *stats)
{
	const struct inverted *inv = pt->format;

	memset(stats, 0, sizeof(*stats));
	stats->tables[0] = BIT(inv->table_order) + (inv->hash ? BIT(inv->anchor_order) : 0) +
			   inv->overflow_frames;
	stats->table_bytes = stats->tables[0] * FRAME_BYTES;
	stats->entries = inv->used;
	stats->slots = inv->frames + inv->overflow_frames * OVERFLOW_SLOTS;
	for (uint64_t i = 0; i < inv->anchors; i++) {
		uint64_t link = inverted_peek(pt, inv->anchor + i * ANCHOR_BYTES), length = 0;

		for (; inverted_next(link); length++)
			link = inverted_peek(pt, inverted_next(link) + ENTRY_LINK);
		if (length > stats->longest_chain)
			stats->longest_chain = length;
	}
}

/* ---- life ---- */

static unsigned lg2_up(uint64_t value)
{
	return value > 1 ? 64u - (unsigned)__builtin_clzll(value - 1) : 0;
}

static unsigned order_for(uint64_t bytes)
{
	unsigned lg2 = lg2_up(bytes);

	return lg2 > FRAME_LG2 ? lg2 - FRAME_LG2 : 0;
}

static void fill_caps(struct pt_caps *caps, const struct inverted *inv)
{
	caps->page_sizes = FRAME_BYTES;
	caps->base_page_lg2 = FRAME_LG2;
	caps->va_bits = VA_BITS;
	caps->pa_bits = (uint8_t)(FRAME_LG2 + lg2_up(inv->frames));
	caps->level_count = 1;
	caps->level_lg2[0] = FRAME_LG2;
	caps->sign_extended = true;
	caps->hardware_accessed = true;
	caps->hardware_dirty = true;
	caps->aliases = inv->chain;
	caps->contiguous = inv->table_order > 0 || inv->anchor_order > 0;
}

static int check_config(const struct page_table *pt, struct config_complaint *complaint)
{
	const struct inverted_config *config = &pt->config.inverted;

	if ((unsigned)config->lookup >= INVERTED_LOOKUP_COUNT) {
		strcpy(complaint->field, "page_table.inverted.lookup");
		complaint->must_be = "scan or hash";
	} else if ((unsigned)config->alias >= INVERTED_ALIAS_COUNT) {
		strcpy(complaint->field, "page_table.inverted.alias");
		complaint->must_be = "remap or chain";
	} else if ((config->anchors & (config->anchors - 1)) || config->anchors > ANCHORS_MAX) {
		strcpy(complaint->field, "page_table.inverted.anchors");
		complaint->must_be = "a power of two up to 268435456, or 0: one a frame";
	} else if (pt->memory->mem->size >> PA_BITS_MAX) {
		strcpy(complaint->field, "page_table.format");
		complaint->must_be = "another one for memory of 1 TiB and more";
	} else {
		return PW_OK;
	}
	return PW_INVALID;
}

static int allocate(struct page_table *pt, struct inverted *inv)
{
	unsigned lg2;
	int error;

	inv->table_order = order_for(inv->frames * ENTRY_BYTES);
	error = pt_memory_alloc(pt->memory, inv->table_order, &inv->table);
	if (error || !inv->hash)
		return error;
	lg2 = lg2_up(pt->config.inverted.anchors ? pt->config.inverted.anchors : inv->frames);
	inv->anchors = BIT(lg2);
	inv->hash_shift = lg2 ? 64 - lg2 : 63;
	inv->anchor_order = order_for(inv->anchors * ANCHOR_BYTES);
	error = pt_memory_alloc(pt->memory, inv->anchor_order, &inv->anchor);
	if (error)
		pt_memory_free(pt->memory, inv->table, inv->table_order);
	return error;
}

/* With one mapping a frame, entering a page must not fail for want of host memory. */
static int reserve_index(const struct page_table *pt, struct inverted *inv)
{
	return inv->chain ? PW_OK : inverted_index_init(&inv->index, pt->alloc, inv->frames);
}

static int inverted_create(struct page_table *pt, struct config_complaint *complaint)
{
	struct inverted *inv;
	int error = check_config(pt, complaint);

	if (error)
		return error;
	inv = host_zalloc(pt->alloc, 1, sizeof(*inv));
	if (!inv)
		return PW_NOMEM;
	inv->frames = pt->memory->mem->size >> FRAME_LG2;
	inv->hash = pt->config.inverted.lookup == INVERTED_HASH;
	inv->chain = pt->config.inverted.alias == INVERTED_CHAIN;
	error = reserve_index(pt, inv);
	if (!error)
		error = allocate(pt, inv);
	if (error) {
		host_free(pt->alloc, inv->index.slot);
		host_free(pt->alloc, inv);
		return error;
	}
	fill_caps(&pt->caps, inv);
	pt->format = inv;
	return PW_OK;
}

static void inverted_destroy(struct page_table *pt)
{
	struct inverted *inv = pt->format;

	assert(inv->used == 0);
	while (inv->overflow) {
		pa_t frame = inv->overflow;

		inv->overflow = inverted_load(pt, frame);
		pt_memory_free(pt->memory, frame, 0);
	}
	if (inv->hash)
		pt_memory_free(pt->memory, inv->anchor, inv->anchor_order);
	pt_memory_free(pt->memory, inv->table, inv->table_order);
	host_free(pt->alloc, inv->index.slot);
	host_free(pt->alloc, inv->space);
	host_free(pt->alloc, inv);
	pt->format = NULL;
}

const struct pt_ops pt_inverted_ops = {
	.name = "inverted",
	.doc = "one entry a frame for all spaces, found by a scan or through a hash anchor table",
	.create = inverted_create,
	.destroy = inverted_destroy,
	.space_create = inverted_space_create,
	.space_destroy = inverted_space_destroy,
	.map = inverted_map,
	.unmap = inverted_unmap,
	.protect = inverted_protect,
	.harvest = inverted_harvest,
	.mark = inverted_mark,
	.split = inverted_split,
	.for_each = inverted_for_each,
	.describe = inverted_describe,
	.stats = inverted_stats,
	.walk_start = inverted_walk_start,
	.walk_next = inverted_walk_next,
	.probe = inverted_probe,
	.check = inverted_check,
};
