/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One array of a TLB level: its construction, what leaves it, its invariants. What every miss does
 * (finding, making room, putting) is inline in tlb_array_private.h, which also draws the tags.
 *
 * The set is the page number modulo the sets. Not modelled: other index functions, skewed arrays.
 * An entry may cover less than its page (the part of a translation that lies in it), or several
 * pages of a group where the array coalesces; entries of any length need an array kind of their
 * own, which this interface leaves room for: find, conflict, room, put, clear.
 *
 * Invariants (tlb_array_check): a slot's tag is 0 exactly if its entry has no bytes, else that of
 * the entry; the entry lies in the set of its page, or group, and within it; ways from `wired` up to
 * first_free are valid; ways below `wired` hold wired entries and no others do; each valid slot is
 * on the chain of its hash, once; no two entries conflict; live counts
 * and the law of struct tlb_array_counts hold.
 */

#include "mmu/tlb_array_private.h"

#include <assert.h>
#include <string.h>

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

/* The wired ways are a small array of their own, with the same policy. */
static int init_replacers(struct tlb_array *array, uint64_t seed, const struct host_alloc *alloc)
{
	enum replacement policy = array->config->replacement;

	if (array->wired && replacer_init(&array->wired_replacer, policy, array->sets, array->wired,
					  replacer_seed(seed, array->wired), alloc) != PW_OK)
		return PW_NOMEM;
	return replacer_init(&array->replacer, policy, array->sets, array->ways - array->wired,
			     seed, alloc);
}

int tlb_array_init(struct tlb_array *array, const struct tlb_array_config *config, unsigned index,
		   uint64_t seed, const struct host_alloc *alloc)
{
	memset(array, 0, sizeof(*array));
	array->config = config;
	array->side = (uint8_t)config->side;
	array->ways = config->ways ? config->ways : config->entries;
	array->sets = config->entries / array->ways;
	array->wired = config->wired;
	array->set_mask = array->sets - 1;
	array->coalesced_lg2 = UINT8_MAX;
	if (config->coalesce > 1) {
		array->coalesce_lg2 = (uint8_t)__builtin_ctz(config->coalesce);
		for (unsigned i = 0; i < config->page_size_count; i++) {
			if (config->page_lg2[i] < array->coalesced_lg2)
				array->coalesced_lg2 = config->page_lg2[i];
		}
	}
	array->modulo = array->sets & array->set_mask;
	array->entry = host_zalloc(alloc, config->entries, sizeof(*array->entry));
	array->tag = host_zalloc(alloc, (size_t)config->entries + TAG_MATCH_OVERRUN,
				 sizeof(*array->tag));
	array->first_free = host_zalloc(alloc, array->sets, sizeof(*array->first_free));
	if (!array->entry || !array->tag || !array->first_free ||
	    (array->ways > TAG_MATCH_WAYS_MAX && config->kind == TLB_PAGES &&
	     !init_chains(array, alloc)) ||
	    init_replacers(array, seed, alloc) != PW_OK) {
		tlb_array_release(array, alloc);
		return PW_NOMEM;
	}
	for (unsigned set = 0; set < array->sets; set++)
		array->first_free[set] = array->wired;
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
	replacer_release(&array->wired_replacer, alloc);
	memset(array, 0, sizeof(*array));
}

struct tlb_entry *tlb_array_find_chained(const struct tlb_array *array, asid_t asid, va_t va,
					 uint32_t tag)
{
	for (unsigned next = *tlb_bucket_of(array, tag); next; next = array->chain[next - 1]) {
		if (array->tag[next - 1] == tag &&
		    tlb_entry_covers(&array->entry[next - 1], asid, va))
			return &array->entry[next - 1];
	}
	return NULL;
}

static bool conflicts(const struct tlb_entry *a, const struct tlb_entry *b)
{
	return a->page_lg2 == b->page_lg2 && tlb_last_page(a) >= b->va >> b->page_lg2 &&
	       tlb_last_page(b) >= a->va >> a->page_lg2 &&
	       (a->global || b->global || a->asid == b->asid);
}

struct tlb_entry *tlb_array_conflict(const struct tlb_array *array, const struct tlb_entry *entry,
				     const struct tlb_entry *except)
{
	unsigned group_lg2 = tlb_group_lg2(array, entry->page_lg2);
	uint32_t tag = tlb_tag_of(entry->va, group_lg2), match;
	size_t first;

	if (array->live_of[entry->page_lg2] == 0)
		return NULL;
	if (array->bucket) {
		for (unsigned next = *tlb_bucket_of(array, tag); next;
		     next = array->chain[next - 1]) {
			struct tlb_entry *found = &array->entry[next - 1];

			if (array->tag[next - 1] == tag && found != except &&
			    conflicts(found, entry))
				return found;
		}
		return NULL;
	}
	first = (size_t)tlb_set_of(array, entry->va, group_lg2) * array->ways;
	match = tags_match(&array->tag[first], array->ways, tag);
	for (; match; match &= match - 1) {
		struct tlb_entry *found = &array->entry[first + (unsigned)__builtin_ctz(match)];

		if (found != except && conflicts(found, entry))
			return found;
	}
	return NULL;
}

struct tlb_entry *tlb_array_wired_room(struct tlb_array *array, unsigned set)
{
	size_t first = (size_t)set * array->ways;
	unsigned way = 0;

	while (way < array->wired && array->tag[first + way])
		way++;
	if (way == array->wired)
		way = replacer_victim(&array->wired_replacer, set);
	return &array->entry[first + way];
}

void tlb_array_unchain(struct tlb_array *array, unsigned slot)
{
	unsigned *link = tlb_bucket_of(array, array->tag[slot]);

	while (*link != slot + 1)
		link = &array->chain[*link - 1];
	*link = array->chain[slot];
}

void tlb_array_rebook(struct tlb_array *array, struct tlb_entry *slot, uint32_t tag,
		      unsigned page_lg2)
{
	unsigned number = slot->slot, old = array->tag[number];

	if (old) {
		array->live--;
		array->live_of[slot->page_lg2]--;
	}
	array->live++;
	array->live_of[page_lg2]++;
	if (array->bucket && old != tag) {
		unsigned *bucket = tlb_bucket_of(array, tag);

		if (old)
			tlb_array_unchain(array, number);
		array->chain[number] = *bucket;
		*bucket = number + 1;
	}
}

void tlb_array_clear(struct tlb_array *array, struct tlb_entry *slot)
{
	unsigned number = slot->slot, set = number / array->ways, way = number % array->ways;

	assert(slot->bytes > 0);
	if (array->bucket)
		tlb_array_unchain(array, number);
	array->live--;
	array->live_of[slot->page_lg2]--;
	if (way >= array->wired && way < array->first_free[set])
		array->first_free[set] = way;
	array->tag[number] = 0;
	slot->bytes = 0;
}

static bool chained_once(const struct tlb_array *array, unsigned slot)
{
	unsigned seen = 0;

	if (!array->bucket)
		return true;
	for (unsigned next = *tlb_bucket_of(array, array->tag[slot]); next;
	     next = array->chain[next - 1])
		seen += next == slot + 1;
	return seen == 1;
}

static const char *check_slot(const struct tlb_array *array, unsigned slot)
{
	const struct tlb_entry *entry = &array->entry[slot];
	unsigned set = slot / array->ways, way = slot % array->ways, group_lg2;

	if (entry->slot != slot)
		return "a TLB entry does not know its slot";
	if (entry->bytes == 0) {
		if (array->tag[slot])
			return "an invalid TLB entry has a tag";
		return way >= array->wired && way < array->first_free[set]
			       ? "an invalid TLB way lies below first_free"
			       : NULL;
	}
	if (array->wired && entry->wired != (way < array->wired))
		return "a TLB entry is in a wired way and not wired, or the other way round";
	group_lg2 = tlb_group_lg2(array, entry->page_lg2);
	if (array->tag[slot] != tlb_tag_of(entry->va, group_lg2))
		return "a TLB tag is not that of its entry";
	if (tlb_set_of(array, entry->va, group_lg2) != set)
		return "a TLB entry is not in the set of its page";
	if (array->config->kind == TLB_PAGES &&
	    entry->bytes - 1 > tlb_page_va(entry->va, group_lg2) +
				       (((uint64_t)1 << group_lg2) - 1) - entry->va)
		return "a TLB entry reaches beyond its page or group";
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
