/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One array of a TLB level. Slots of a set are searched through their tags, eight bytes each that
 * hold page number and page size, so that a miss reads one or two cache lines and no entry:
 *
 *   63                                          6 5            0
 *  +---------------------------------------------+--------------+
 *  | va >> page_lg2 (the lowest 58 bits)         | page_lg2     |   0: invalid slot
 *  +---------------------------------------------+--------------+
 *
 * Sets of more than 16 ways are searched through chains of slots by a hash of the tag instead. A
 * tag only selects: the entry's own range and ASID decide.
 *
 * The set is the page number modulo the sets. Not modelled: other index functions, skewed arrays.
 * An entry may cover less than its page (the part of a translation that lies in it); entries that
 * cover more than a page (ranges, coalesced pages) will need an array kind of their own, which
 * this interface leaves room for: find, conflict, room, put, clear.
 *
 * Invariants (tlb_array_check): a slot's tag is 0 exactly if its entry has no bytes, else that of
 * the entry; the entry lies in the set of its page and within its page; ways below first_free are
 * valid; each valid slot is on the chain of its hash, once; no two entries conflict; live counts
 * and the law of struct tlb_array_counts hold.
 */

#include "mmu/tlb_array.h"

#include <assert.h>
#include <string.h>

enum { SCAN_WAYS_MAX = 16, TAG_LG2_BITS = 6 };

static uint64_t tag_of(va_t va, unsigned page_lg2)
{
	return va >> page_lg2 << TAG_LG2_BITS | page_lg2;
}

static unsigned set_of(const struct tlb_array *array, va_t va, unsigned page_lg2)
{
	uint64_t page = va >> page_lg2;

	if (PAGEWALK_LIKELY(array->set_mask))
		return (unsigned)(page & array->set_mask);
	return array->sets == 1 ? 0 : (unsigned)(page % array->sets);
}

static unsigned *bucket_of(const struct tlb_array *array, uint64_t tag)
{
	return &array->bucket[(tag * 0x9e3779b97f4a7c15u) >> array->bucket_shift];
}

static bool init_chains(struct tlb_array *array, const struct host_alloc *alloc)
{
	unsigned slots = array->sets * array->ways, bits = 1;

	while (bits < 31 && (1u << bits) < 2 * slots)
		bits++;
	array->bucket_shift = 64 - bits;
	array->bucket = host_zalloc(alloc, (size_t)1 << bits, sizeof(*array->bucket));
	array->chain = host_zalloc(alloc, slots, sizeof(*array->chain));
	return array->bucket && array->chain;
}

int tlb_array_init(struct tlb_array *array, const struct tlb_array_config *config, unsigned index,
		   uint64_t seed, const struct host_alloc *alloc)
{
	memset(array, 0, sizeof(*array));
	array->config = config;
	array->ways = config->ways ? config->ways : config->entries;
	array->sets = config->entries / array->ways;
	array->set_mask = (array->sets & (array->sets - 1)) == 0 ? array->sets - 1 : 0;
	array->entry = host_zalloc(alloc, config->entries, sizeof(*array->entry));
	array->tag = host_zalloc(alloc, config->entries, sizeof(*array->tag));
	array->first_free = host_zalloc(alloc, array->sets, sizeof(*array->first_free));
	if (!array->entry || !array->tag || !array->first_free ||
	    (array->ways > SCAN_WAYS_MAX && !init_chains(array, alloc)) ||
	    replacer_init(&array->replacer, config->replacement, array->sets, array->ways, seed,
			  alloc) != PW_OK) {
		tlb_array_release(array, alloc);
		return PW_NOMEM;
	}
	for (unsigned slot = 0; slot < config->entries; slot++) {
		array->entry[slot].slot = slot;
		array->entry[slot].array = (uint8_t)index;
	}
	return PW_OK;
}

void tlb_array_release(struct tlb_array *array, const struct host_alloc *alloc)
{
	host_free(alloc, array->entry);
	host_free(alloc, array->tag);
	host_free(alloc, array->first_free);
	host_free(alloc, array->bucket);
	host_free(alloc, array->chain);
	replacer_release(&array->replacer, alloc);
	memset(array, 0, sizeof(*array));
}

static struct tlb_entry *find_chained(const struct tlb_array *array, asid_t asid, va_t va,
				      uint64_t tag)
{
	for (unsigned next = *bucket_of(array, tag); next; next = array->chain[next - 1]) {
		if (array->tag[next - 1] == tag &&
		    tlb_entry_covers(&array->entry[next - 1], asid, va))
			return &array->entry[next - 1];
	}
	return NULL;
}

/*
 * At most one entry of a set answers, but several may have the tag (the same page of other address
 * spaces). Which way it is cannot be predicted, so all tags are compared without a branch first.
 */
struct tlb_entry *tlb_array_find(const struct tlb_array *array, asid_t asid, va_t va,
				 unsigned page_lg2)
{
	uint64_t tag = tag_of(va, page_lg2);
	size_t first, past, match = 0;

	if (array->bucket)
		return find_chained(array, asid, va, tag);
	first = (size_t)set_of(array, va, page_lg2) * array->ways;
	past = first + array->ways;
	for (size_t slot = first; slot < past; slot++)
		match = array->tag[slot] == tag ? slot + 1 : match;
	if (match == 0)
		return NULL;
	if (PAGEWALK_LIKELY(tlb_entry_covers(&array->entry[match - 1], asid, va)))
		return &array->entry[match - 1];
	for (size_t slot = first; slot < match - 1; slot++) {
		if (array->tag[slot] == tag && tlb_entry_covers(&array->entry[slot], asid, va))
			return &array->entry[slot];
	}
	return NULL;
}

static bool conflicts(const struct tlb_entry *a, const struct tlb_entry *b)
{
	return a->page_lg2 == b->page_lg2 && (a->va ^ b->va) >> a->page_lg2 == 0 &&
	       (a->global || b->global || a->asid == b->asid);
}

struct tlb_entry *tlb_array_conflict(const struct tlb_array *array, const struct tlb_entry *entry,
				     const struct tlb_entry *except)
{
	uint64_t tag = tag_of(entry->va, entry->page_lg2);
	size_t first;

	if (array->live_of[entry->page_lg2] == 0)
		return NULL;
	if (array->bucket) {
		for (unsigned next = *bucket_of(array, tag); next; next = array->chain[next - 1]) {
			struct tlb_entry *found = &array->entry[next - 1];

			if (array->tag[next - 1] == tag && found != except &&
			    conflicts(found, entry))
				return found;
		}
		return NULL;
	}
	first = (size_t)set_of(array, entry->va, entry->page_lg2) * array->ways;
	for (size_t slot = first; slot < first + array->ways; slot++) {
		struct tlb_entry *found = &array->entry[slot];

		if (array->tag[slot] == tag && found != except && conflicts(found, entry))
			return found;
	}
	return NULL;
}

struct tlb_entry *tlb_array_room(struct tlb_array *array, va_t va, unsigned page_lg2)
{
	unsigned set = set_of(array, va, page_lg2), way = array->first_free[set];
	size_t first = (size_t)set * array->ways;

	while (way < array->ways && array->tag[first + way])
		way++;
	array->first_free[set] = way;
	if (way == array->ways)
		way = replacer_victim(&array->replacer, set);
	return &array->entry[first + way];
}

/* Takes a valid slot off the books. */
static void forget(struct tlb_array *array, const struct tlb_entry *slot)
{
	unsigned number = slot->slot;

	if (array->bucket) {
		unsigned *link = bucket_of(array, array->tag[number]);

		while (*link != number + 1)
			link = &array->chain[*link - 1];
		*link = array->chain[number];
	}
	array->live--;
	array->live_of[slot->page_lg2]--;
}

void tlb_array_put(struct tlb_array *array, struct tlb_entry *slot, const struct tlb_entry *value)
{
	uint32_t number = slot->slot;
	uint8_t index = slot->array;
	uint64_t tag = tag_of(value->va, value->page_lg2);

	if (array->tag[number] != tag) {
		if (array->tag[number])
			forget(array, slot);
		array->live++;
		array->live_of[value->page_lg2]++;
		array->tag[number] = tag;
		if (array->bucket) {
			unsigned *bucket = bucket_of(array, tag);

			array->chain[number] = *bucket;
			*bucket = number + 1;
		}
	}
	*slot = *value;
	slot->slot = number;
	slot->array = index;
	array->count.fills++;
	replacer_fill(&array->replacer, number);
}

void tlb_array_clear(struct tlb_array *array, struct tlb_entry *slot)
{
	unsigned number = slot->slot, set = number / array->ways;

	assert(slot->bytes > 0);
	forget(array, slot);
	if (number % array->ways < array->first_free[set])
		array->first_free[set] = number % array->ways;
	array->tag[number] = 0;
	slot->bytes = 0;
}

static bool chained_once(const struct tlb_array *array, unsigned slot)
{
	unsigned seen = 0;

	if (!array->bucket)
		return true;
	for (unsigned next = *bucket_of(array, array->tag[slot]); next;
	     next = array->chain[next - 1])
		seen += next == slot + 1;
	return seen == 1;
}

static const char *check_slot(const struct tlb_array *array, unsigned slot)
{
	const struct tlb_entry *entry = &array->entry[slot];
	unsigned set = slot / array->ways, way = slot % array->ways;

	if (entry->slot != slot)
		return "a TLB entry does not know its slot";
	if (entry->bytes == 0) {
		if (array->tag[slot])
			return "an invalid TLB entry has a tag";
		return way < array->first_free[set] ? "an invalid TLB way lies below first_free"
						    : NULL;
	}
	if (array->tag[slot] != tag_of(entry->va, entry->page_lg2))
		return "a TLB tag is not that of its entry";
	if (set_of(array, entry->va, entry->page_lg2) != set)
		return "a TLB entry is not in the set of its page";
	if (entry->bytes - 1 > tlb_page_va(entry->va, entry->page_lg2) +
				       (((uint64_t)1 << entry->page_lg2) - 1) - entry->va)
		return "a TLB entry reaches beyond its page";
	if (!chained_once(array, slot))
		return "a TLB entry is not on its hash chain exactly once";
	for (unsigned other = set * array->ways; other < slot; other++) {
		if (array->entry[other].bytes && conflicts(&array->entry[other], entry))
			return "two TLB entries of one array translate the same page";
	}
	return NULL;
}

int tlb_array_check(const struct tlb_array *array, const char **what)
{
	const struct tlb_array_counts *n = &array->count;
	unsigned live = 0, live_sum = 0;

	*what = NULL;
	for (unsigned slot = 0; slot < array->sets * array->ways && !*what; slot++) {
		*what = check_slot(array, slot);
		live += array->entry[slot].bytes > 0;
	}
	for (unsigned lg2 = 0; lg2 < PAGE_LG2_COUNT; lg2++)
		live_sum += array->live_of[lg2];
	if (!*what && (live != array->live || live != live_sum))
		*what = "the count of valid TLB entries is wrong";
	if (!*what && n->fills != n->evictions + n->invalidations + n->replaced + n->moved + live)
		*what = "TLB fills are not what left plus what is there";
	return *what ? PW_CORRUPT : PW_OK;
}
