/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_CUCKOO_PRIVATE_H
#define PAGEWALK_MMU_PT_CUCKOO_PRIVATE_H

/* The elastic cuckoo format inside: layout of lines (drawn in pt_cuckoo.c), tables, and parts. */

#include "mmu/page_table.h"
#include "mmu/pt_cuckoo_table_private.h"

enum {
	SIZES_MAX = 3,
	WALK_TABLES_MAX = SIZES_MAX - 1,
	CLUSTER_LG2 = 3,
	CLUSTER_PAGES = 1 << CLUSTER_LG2,
	SECTIONS_LG2 = 6, /* of a walk table's entry */
	SECTIONS = 1 << SECTIONS_LG2,
	SECTION_BITS = 4,
	WALK_TABLE_WAYS = 2,
	WALK_TABLE_READ_BYTES = 40, /* key and headers: what hardware reads of an entry */
	VA_BITS = 48,
	PA_BITS = ENTRY_PA_BITS,
};

/* The header of a section, 4 bits: none, what smaller pages are in it, or the page and its way. */
enum section { SECTION_NONE = 0, SECTION_4K = 1, SECTION_2M = 2, SECTION_PAGE = 4 /* + way */ };

struct cuckoo {
	unsigned sizes;       /* of pages: a table each */
	unsigned walk_tables; /* sizes - 1 */
	bool walks_use_them;  /* hardware reads the walk tables */
	uint8_t lg2[SIZES_MAX];
	struct cuckoo_limits limits;
	struct cuckoo_counts counts; /* of all spaces that ever were */
	struct pt_space *spaces;     /* a list through space->format */
};

struct cuckoo_space {
	struct pt_space *next, *previous;
	uint64_t leaves;
	struct cuckoo_table pages[SIZES_MAX];
	struct cuckoo_table walk[WALK_TABLES_MAX]; /* [i] describes sections of page size i + 1 */
};

static inline uint64_t cuckoo_vpn(va_t va, unsigned lg2)
{
	return (va & (BIT(VA_BITS) - 1)) >> lg2;
}
static inline va_t cuckoo_va(uint64_t vpn, unsigned lg2)
{
	return (va_t)((int64_t)(vpn << (64 - VA_BITS + lg2)) >> (64 - VA_BITS));
}
static inline uint64_t cuckoo_cluster(va_t va, unsigned lg2)
{
	return cuckoo_vpn(va, lg2) >> CLUSTER_LG2;
}
static inline unsigned cuckoo_slot(va_t va, unsigned lg2)
{
	return (unsigned)(va >> lg2) & (CLUSTER_PAGES - 1);
}
static inline uint64_t cuckoo_group(va_t va, unsigned lg2)
{
	return cuckoo_vpn(va, lg2) >> SECTIONS_LG2;
}
static inline unsigned cuckoo_section(va_t va, unsigned lg2)
{
	return (unsigned)(va >> lg2) & (SECTIONS - 1);
}
static inline unsigned cuckoo_header(uint64_t headers, unsigned section)
{
	return (unsigned)(headers >> section % 16 * SECTION_BITS) & 15;
}

static inline void cuckoo_decode(va_t va, unsigned lg2, uint64_t entry, struct translation *leaf)
{
	leaf->va = va >> lg2 << lg2;
	leaf->pa = entry & ENTRY_FRAME;
	leaf->bytes = BIT(lg2);
	leaf->page_lg2 = (uint8_t)lg2;
	leaf->perms = entry_perms(entry);
	leaf->global = entry & BIT(ENTRY_G);
	leaf->accessed = entry & BIT(ENTRY_A);
	leaf->dirty = entry & BIT(ENTRY_D);
}

/* pt_cuckoo_cwt.c: the walk tables as the operating system keeps them */

/* Makes room for what will be said of a page of this size at va. PW_NOFRAMES, nothing changed. */
int cwt_prepare(struct pt_space *space, va_t va, unsigned size);
/* The header of va in walk table i; SECTION_NONE without an entry, and *absent then. */
unsigned cwt_header(struct pt_space *space, unsigned i, va_t va, bool *absent);
/* A page of size >= 1 entered a line of this way, or left one. */
void cwt_page_entered(struct pt_space *space, unsigned size, va_t va, unsigned way);
void cwt_page_left(struct pt_space *space, unsigned size, va_t va);
/* A whole line of pages of size >= 1 lies in this way now; `present`: bits for its pages. */
void cwt_line_moved(struct pt_space *space, unsigned size, va_t va, unsigned present, unsigned way);
/* A line of 4 KiB pages entered (+1) or left (-1). */
void cwt_small_lines(struct pt_space *space, va_t va, int change);
/* A page of size >= 1 has been replaced by pages of the next smaller size, in full. */
void cwt_split(struct pt_space *space, unsigned size, va_t va);
/* Takes entries away that have nothing to say of the neighbourhood of va. */
void cwt_trim(struct pt_space *space, va_t va);

/* pt_cuckoo_ops.c and pt_cuckoo_range.c: pt_ops members */
int cuckoo_map(struct pt_space *space, const struct pt_mapping *m, struct pt_displaced *displaced);
int cuckoo_unmap(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx);
int cuckoo_protect(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		   pt_visit_fn *changed, void *ctx);
int cuckoo_harvest(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf);
int cuckoo_mark(struct pt_space *space, va_t va, bool dirty);
int cuckoo_split(struct pt_space *space, va_t va);
int cuckoo_for_each(struct pt_space *space, pt_visit_fn *visit, void *ctx);
/* pt_cuckoo_walk.c */
void cuckoo_walk_start(const struct walk_input *input, struct walk_state *state);
enum walk_step cuckoo_walk_next(const struct walk_input *input, struct walk_state *state,
				const struct walk_reply *reply, struct walk_request *request);
/* pt_cuckoo_check.c */
int cuckoo_check(struct page_table *pt, const char **what);
void cuckoo_stats(const struct page_table *pt, struct pt_stats *stats);

#endif
