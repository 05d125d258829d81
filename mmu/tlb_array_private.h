/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_TLB_ARRAY_PRIVATE_H
#define PAGEWALK_MMU_TLB_ARRAY_PRIVATE_H

/*
 * What a TLB miss does to an array, inline, since guests with little locality miss at almost every
 * access. Slots of a set are searched through their tags, four bytes each, so that a miss reads one
 * cache line and no entry:
 *
 *   31                                    6 5            0
 *  +---------------------------------------+--------------+
 *  | va >> group_lg2 (the lowest 26 bits)  | group_lg2    |   0: invalid slot
 *  +---------------------------------------+--------------+
 *
 * group_lg2 is the size of the page, or of the group of pages that an entry may hold coalesced
 * (tlb_group_lg2); the configuration keeps groups apart from larger pages.
 *
 * Sets of more than TAG_MATCH_WAYS_MAX ways are searched through chains of slots by a hash of the
 * tag instead. A tag only selects: the entry's own range, size and ASID decide.
 */

#include "mmu/tag_match_private.h"
#include "mmu/tlb_array.h"

enum { TLB_TAG_LG2_BITS = 6 };

static inline uint32_t tlb_tag_of(va_t va, unsigned group_lg2)
{
	return (uint32_t)(va >> group_lg2 << TLB_TAG_LG2_BITS) | group_lg2;
}

static inline unsigned tlb_set_of(const struct tlb_array *array, va_t va, unsigned group_lg2)
{
	uint64_t page = va >> group_lg2;

	if (PAGEWALK_UNLIKELY(array->modulo))
		return (unsigned)(page % array->sets);
	return (unsigned)page & array->set_mask;
}

static inline unsigned *tlb_bucket_of(const struct tlb_array *array, uint32_t tag)
{
	return &array->bucket[(tag * UINT64_C(0x9e3779b97f4a7c15)) >> array->bucket_shift];
}

/* What an entry says; not where it is and what it did there. */
static inline void tlb_entry_copy(struct tlb_entry *to, const struct tlb_entry *from)
{
	to->va = from->va;
	to->bytes = from->bytes;
	to->pa = from->pa;
	to->attributes = from->attributes;
}

struct tlb_entry *tlb_array_find_chained(const struct tlb_array *array, asid_t asid, va_t va,
					 uint32_t tag);
/* Takes a slot off the chain of its tag. */
void tlb_array_unchain(struct tlb_array *array, unsigned slot);

/*
 * The entry of this group size that translates va for the ASID, or NULL. Counts nothing. At most
 * one of a set answers, but several may have the tag (the page in other address spaces, other runs
 * of the group).
 */
static inline struct tlb_entry *tlb_array_find(const struct tlb_array *array, asid_t asid, va_t va,
					       unsigned group_lg2)
{
	uint32_t tag = tlb_tag_of(va, group_lg2), match;
	size_t first;

	if (array->bucket)
		return tlb_array_find_chained(array, asid, va, tag);
	first = (size_t)tlb_set_of(array, va, group_lg2) * array->ways;
	for (match = tags_match(&array->tag[first], array->ways, tag); match; match &= match - 1) {
		struct tlb_entry *entry = &array->entry[first + (unsigned)__builtin_ctz(match)];

		if (PAGEWALK_LIKELY(tlb_entry_covers(entry, asid, va)))
			return entry;
	}
	return NULL;
}

/* May an entry of a set be there that conflicts with this page? False is certain. */
static inline bool tlb_array_suspects(const struct tlb_array *array, unsigned set, va_t va,
				      unsigned group_lg2)
{
	uint32_t tag = tlb_tag_of(va, group_lg2);

	if (array->bucket)
		return *tlb_bucket_of(array, tag) != 0;
	return tags_match(&array->tag[(size_t)set * array->ways], array->ways, tag) != 0;
}

/* An entry other than `except` that conflicts with *entry, or NULL. */
struct tlb_entry *tlb_array_conflict(const struct tlb_array *array, const struct tlb_entry *entry,
				     const struct tlb_entry *except);

/* The same among the wired ways of an array that has some. */
struct tlb_entry *tlb_array_wired_room(struct tlb_array *array, unsigned set);

/* Where an entry would enter its set: an invalid slot (the first), or the victim, still valid. */
static inline struct tlb_entry *tlb_array_room(struct tlb_array *array, unsigned set, bool wired)
{
	unsigned way = array->first_free[set];
	size_t first = (size_t)set * array->ways;

	if (PAGEWALK_UNLIKELY(wired && array->wired))
		return tlb_array_wired_room(array, set);
	if (PAGEWALK_UNLIKELY(way < array->ways)) {
		while (way < array->ways && array->tag[first + way])
			way++;
		array->first_free[set] = way;
	}
	if (PAGEWALK_LIKELY(way == array->ways))
		way = array->wired + replacer_victim(&array->replacer, set);
	return &array->entry[first + way];
}

/* Books for a slot that is about to hold another tag or page size. */
void tlb_array_rebook(struct tlb_array *array, struct tlb_entry *slot, uint32_t tag,
		      unsigned page_lg2);

/*
 * Writes *value, which conflicts with nothing else, into the slot, over whatever was there, as
 * brought in from `side`.
 */
static inline void tlb_array_put(struct tlb_array *array, struct tlb_entry *slot,
				 const struct tlb_entry *value, unsigned side)
{
	uint32_t number = slot->slot, tag;
	unsigned replaced = number;
	struct replacer *replacer = tlb_replacer_of(array, &replaced);

	tag = tlb_tag_of(value->va, tlb_group_lg2(array, value->page_lg2));
	/* Of a valid slot of the same page size only the tag changes. */
	if (PAGEWALK_UNLIKELY(array->bucket != NULL || slot->bytes == 0 ||
			      slot->page_lg2 != value->page_lg2))
		tlb_array_rebook(array, slot, tag, value->page_lg2);
	array->tag[number] = tag;
	tlb_entry_copy(slot, value);
	slot->side = (uint8_t)side;
	array->count.fills++;
	if (PAGEWALK_UNLIKELY(array->coalesce_lg2))
		array->count.coalesced += value->bytes >> value->page_lg2 > 1;
	replacer_fill(replacer, replaced);
}

#endif
