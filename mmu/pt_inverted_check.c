/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Verifies the invariants of pt_inverted.c by looking at every entry; changes no counter. */

#include "mmu/pt_inverted_private.h"

struct census {
	const struct page_table *pt;
	uint64_t valid, chained;
	const char *wrong;
};

static void wrong(struct census *census, const char *what)
{
	if (!census->wrong)
		census->wrong = what;
}

static void check_entry(struct census *census, pa_t entry)
{
	const struct inverted *inv = census->pt->format;
	uint64_t tag = inverted_peek(census->pt, entry + ENTRY_TAG);
	uint64_t asid = tag >> TAG_ASID;

	if (!(tag & BIT(TAG_VALID))) {
		if (tag)
			wrong(census, "an entry is not valid and not empty");
		return;
	}
	census->valid++;
	if (inverted_index_find(&inv->index, tag & TAG_KEY) != entry)
		wrong(census, "a page is entered twice, or the index does not know where");
	if (asid >= inv->space_slots || !inv->space[asid])
		wrong(census, "an entry belongs to no space");
	if (inverted_frame(inv, entry, inverted_peek(census->pt, entry + ENTRY_LINK)) >=
	    inv->frames)
		wrong(census, "an entry maps a frame beyond memory");
}

static void check_overflow(struct census *census)
{
	const struct inverted *inv = census->pt->format;
	uint64_t frames = 0, spare = 0, in_table = census->valid;

	for (pa_t frame = inv->overflow; frame && frames <= inv->overflow_frames; frames++) {
		for (unsigned i = 1; i <= OVERFLOW_SLOTS; i++)
			check_entry(census, frame + i * ENTRY_BYTES);
		frame = inverted_peek(census->pt, frame);
	}
	if (frames != inv->overflow_frames)
		wrong(census, "the frames of overflow entries are not as many as counted");
	for (pa_t entry = inv->overflow_free; entry && spare <= frames * OVERFLOW_SLOTS; spare++)
		entry = inverted_next(inverted_peek(census->pt, entry + ENTRY_LINK));
	if (census->valid - in_table + spare != frames * OVERFLOW_SLOTS)
		wrong(census, "used and free overflow entries are not all of them");
	if (frames > 0 && !inv->chain)
		wrong(census, "overflow entries where one mapping a frame is resident");
}

static void check_chain(struct census *census, pa_t anchor)
{
	const struct inverted *inv = census->pt->format;
	uint64_t link = inverted_peek(census->pt, anchor);

	while (inverted_next(link) && census->chained <= inv->used) {
		pa_t entry = inverted_next(link);
		uint64_t tag;

		if (!phys_mem_holds(census->pt->memory->mem, entry, ENTRY_BYTES)) {
			wrong(census, "a link leads out of memory");
			return;
		}
		tag = inverted_peek(census->pt, entry + ENTRY_TAG);
		if (!(tag & BIT(TAG_VALID)) || inverted_anchor(inv, tag & TAG_KEY) != anchor)
			wrong(census, "an entry lies in a chain that its page does not hash to");
		census->chained++;
		link = inverted_peek(census->pt, entry + ENTRY_LINK);
	}
}

static uint64_t count_asid(const struct page_table *pt, uint64_t asid)
{
	const struct inverted *inv = pt->format;
	uint64_t count = 0;

	for (uint64_t i = 0; inv->index.slots_lg2 && i < BIT(inv->index.slots_lg2); i++)
		count += inv->index.slot[i].key && inv->index.slot[i].key >> TAG_ASID == asid;
	return count;
}

int inverted_check(struct page_table *pt, const char **what)
{
	const struct inverted *inv = pt->format;
	struct census census = { .pt = pt };

	for (uint64_t i = 0; i < inv->frames; i++)
		check_entry(&census, inv->table + i * ENTRY_BYTES);
	check_overflow(&census);
	if (census.valid != inv->used || inv->index.count != inv->used)
		wrong(&census, "valid entries, the index and the count of them differ");
	for (uint64_t i = 0; i < inv->anchors; i++)
		check_chain(&census, inv->anchor + i * ANCHOR_BYTES);
	if (inv->hash && census.chained != inv->used)
		wrong(&census, "the chains do not hold every entry once");
	for (unsigned asid = 0; asid < inv->space_slots; asid++)
		if (inv->space[asid] && inv->space[asid]->mapped != count_asid(pt, asid))
			wrong(&census, "space->mapped differs from its entries");
	*what = census.wrong;
	return census.wrong ? PW_CORRUPT : PW_OK;
}
