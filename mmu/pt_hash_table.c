/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What all hashed formats share beside the operations: spaces, configuration, fields, checks. */

#include "mmu/pt_hash_entry_private.h"

#include <string.h>

int hash_space_create(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct hash_table *table = pt->format;
	struct hash_space *links = host_zalloc(pt->alloc, 1, sizeof(*links));

	if (!links)
		return PW_NOMEM;
	links->next = table->spaces;
	if (links->next)
		((struct hash_space *)links->next->format)->previous = space;
	table->spaces = space;
	space->format = links;
	return PW_OK;
}

void hash_space_destroy(struct pt_space *space)
{
	struct page_table *pt = space->table;
	struct hash_table *table = pt->format;
	struct hash_space *links = space->format;

	hash_remove_all(space);
	if (links->previous)
		((struct hash_space *)links->previous->format)->next = links->next;
	else
		table->spaces = links->next;
	if (links->next)
		((struct hash_space *)links->next->format)->previous = links->previous;
	host_free(pt->alloc, links);
}

/* The table has moved. */
void hash_set_roots(struct hash_table *table, pa_t root)
{
	for (struct pt_space *space = table->spaces; space;
	     space = ((struct hash_space *)space->format)->next)
		space->root = root;
}

void hash_fill_caps(struct page_table *pt, const struct hash_table *table)
{
	struct pt_caps *caps = &pt->caps;

	caps->page_sizes = FRAME_BYTES;
	if (table->superpages)
		caps->page_sizes |= BIT(FRAME_LG2 + table->block_lg2);
	caps->base_page_lg2 = FRAME_LG2;
	caps->va_bits = VA_BITS;
	caps->pa_bits = PA_BITS;
	caps->level_count = 1;
	caps->level_lg2[0] = FRAME_LG2;
	caps->sign_extended = true;
	caps->hardware_accessed = true;
	caps->hardware_dirty = true;
	caps->aliases = true;
	caps->contiguous = true;
}

int hash_complain(struct config_complaint *complaint, const char *section, const char *field,
		  const char *must_be)
{
	strcpy(complaint->field, section);
	strcat(complaint->field, ".");
	strcat(complaint->field, field);
	complaint->must_be = must_be;
	return PW_INVALID;
}

int hash_configure(struct hash_table *table, const struct hashed_config *config,
		   const char *section, struct config_complaint *complaint)
{
	uint64_t buckets = config->buckets;

	if (buckets == 0 || (buckets & (buckets - 1)) || buckets > HASH_BUCKETS_MAX)
		return hash_complain(complaint, section, "buckets",
				     "a power of two up to 16777216");
	if ((unsigned)config->function >= HASH_FUNCTION_COUNT)
		return hash_complain(complaint, section, "hash", "multiply or xor");
	if (config->max_load > HASH_LOAD_MAX)
		return hash_complain(complaint, section, "max_load", "from 0 to 10000");
	table->bucket_lg2 = (unsigned)__builtin_ctzll(buckets);
	table->function = config->function;
	table->max_load = config->max_load;
	return PW_OK;
}

unsigned hash_describe_entry(uint64_t entry, struct pt_field *fields)
{
	static const struct pt_field all[] = {
		{ "V", ENTRY_VALID, 1, 0 }, { "W", ENTRY_W, 1, 0 },
		{ "U", ENTRY_U, 1, 0 },     { "A", ENTRY_A, 1, 0 },
		{ "D", ENTRY_D, 1, 0 },     { "S", ENTRY_S, 1, 0 },
		{ "G", ENTRY_G, 1, 0 },     { "PFN", FRAME_LG2, PA_BITS - FRAME_LG2, 0 },
		{ "NX", 63, 1, 0 },
	};
	const unsigned count = sizeof(all) / sizeof(all[0]);

	for (unsigned i = 0; i < count; i++) {
		fields[i] = all[i];
		fields[i].value = entry >> all[i].low_bit & (BIT(all[i].bits) - 1);
	}
	return count;
}

unsigned hash_describe_tag(const struct hash_table *table, uint64_t tag, struct pt_field *fields)
{
	uint64_t block = (tag & ~(TAG_USED | TAG_SUPER)) >> 16;

	fields[0] = (struct pt_field){ "USED", 63, 1, tag >> 63 };
	fields[1] = (struct pt_field){ "ASID", 0, 16, tag & 0xffff };
	fields[2] = (struct pt_field){ "VPN", 16, 36, block << table->block_lg2 };
	return 3;
}

uint64_t hash_longest(const struct page_table *pt)
{
	const struct hash_table *table = pt->format;
	struct page_table *looked = (struct page_table *)pt; /* the cursor is silent */
	struct hash_cursor cursor = { .silent = true };
	struct hash_place place;
	uint64_t longest = 0;

	for (; table->store->at(looked, &cursor, &place); table->store->advance(&cursor, &place)) {
		uint64_t distance = table->store->distance(looked, &place);

		if (distance > longest)
			longest = distance;
	}
	return longest;
}

/* The leaves of a block, in base pages; 0 where the block is wrong. */
static uint64_t count_pages(const struct page_table *pt, const struct hash_place *place,
			    uint64_t *leaves)
{
	const struct hash_table *table = pt->format;
	uint64_t pages = 0;

	for (unsigned i = 0; i < 1u << table->block_lg2; i++) {
		uint64_t entry = hash_peek(pt, place->entries + i * ENTRY_BYTES);

		if (!(entry & BIT(ENTRY_VALID))) {
			if (entry & ~ENTRY_KEPT_MASK)
				return 0;
			continue;
		}
		if ((entry & BIT(ENTRY_S) && table->superpages) != !!(place->tag & TAG_SUPER) ||
		    (i > 0 && place->tag & TAG_SUPER))
			return 0;
		pages += place->tag & TAG_SUPER ? BIT(table->block_lg2) : 1;
		++*leaves;
	}
	return pages;
}

const char *hash_check_spaces(struct page_table *pt)
{
	const struct hash_table *table = pt->format;
	uint64_t blocks = 0, leaves = 0, sum = 0, mapped = 0;
	struct hash_cursor cursor = { .silent = true };
	struct hash_place place;

	for (; table->store->at(pt, &cursor, &place); table->store->advance(&cursor, &place)) {
		uint64_t pages = count_pages(pt, &place, &leaves);

		if (pages == 0)
			return "a block maps nothing, or a free entry is not zero";
		if (++blocks > table->blocks)
			return "there are more blocks than counted";
		sum += pages;
	}
	if (blocks != table->blocks || leaves != table->entries)
		return "blocks or entries are counted wrong";
	for (const struct pt_space *space = table->spaces; space;
	     space = ((const struct hash_space *)space->format)->next) {
		uint64_t own = 0;

		cursor = (struct hash_cursor){ .silent = true };
		for (; table->store->at(pt, &cursor, &place);
		     table->store->advance(&cursor, &place))
			if ((asid_t)place.tag == space->asid)
				own += count_pages(pt, &place, &leaves);
		if (own != space->mapped)
			return "space->mapped differs from its entries";
		mapped += own;
	}
	return mapped == sum ? NULL : "an entry belongs to no space";
}
