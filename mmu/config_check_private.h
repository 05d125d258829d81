/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_CONFIG_CHECK_PRIVATE_H
#define PAGEWALK_MMU_CONFIG_CHECK_PRIVATE_H

/* What the parts of mmu_config_check() share: where they are in a description, and complaints. */

#include "mmu/config.h"

enum {
	CHECK_ENTRIES_MAX = 1 << 20,
	CHECK_CYCLES_MAX = 1000000,
	CHECK_PAGE_LG2_MIN = 4, /* textbook machines have pages of 16 bytes */
	CHECK_PAGE_LG2_MAX = 52,
};
#define MUST_BE_CYCLES "from 0 to 1000000"

/* Where we are in the description; a child's path ends before its parent's is used again. */
struct path {
	struct config_complaint *complaint;
	size_t length;
};

struct path path_at(struct config_complaint *complaint, const char *name);
struct path path_field(struct path path, const char *field);
/* By its name, or by its number where the name cannot be shown. */
struct path path_child(struct path path, const char *name, unsigned index);
/* Of a field of what `path` names, or (NULL) of that itself. PW_INVALID. */
int path_complain(struct path path, const char *field, const char *must_be);

static inline bool is_power_of_two(uint64_t value)
{
	return value > 0 && (value & (value - 1)) == 0;
}

/* Names become parts of dotted counter names and of paths in descriptions. */
bool check_name_valid(const char *name);
int check_name(struct path path, const char *name);
int check_ways(struct path path, uint64_t entries, unsigned ways, enum replacement replacement);
int check_entries(struct path path, unsigned entries, unsigned ways, enum replacement replacement);

/* config_check_tlb.c */
int check_tlb(struct path path, const struct tlb_config *tlb);
/* Against what the page table can have: pt_page_sizes(). */
int check_tlb_page_sizes(struct path path, const struct tlb_config *tlb, uint64_t table_sizes);

#endif
