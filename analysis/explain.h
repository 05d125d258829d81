/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_EXPLAIN_H
#define PAGEWALK_ANALYSIS_EXPLAIN_H

/*
 * One translation, as a person would draw it: the address in its fields, what page tables cost, each
 * step of the walk with what it read. Text is added to *out; running out of memory shows in
 * out->failed.
 */

#include "analysis/text.h"
#include "mmu/mmu.h"

/* The fields of the address: an index for each level of the table, and the offset. */
void explain_split(struct text *out, const struct pt_caps *caps, va_t va);

struct explain_range {
	va_t first, last; /* both belong to it */
};
enum { EXPLAIN_RANGES_MAX = 32 };

/*
 * The arithmetic of table sizes: a flat table of the same space, tables of each level, page sizes
 * against each other; and with ranges in use, what they take flat and with levels.
 */
void explain_sizes(struct text *out, const struct page_table *table,
		   const struct explain_range *used, unsigned used_count);
/* The same address under pages of a size that the machine need not have. */
void explain_page_size(struct text *out, const struct pt_caps *caps, unsigned page_lg2, va_t va);

/*
 * Makes the access as the machine stands, in the space that is current: TLBs, walk caches, walk,
 * result. What they spared is walked for once more from the root, with TLBs and walk caches empty. So
 * the machine has changed afterwards. *result is that of the first access.
 */
void explain_access(struct text *out, struct mmu *mmu, enum access_kind access, va_t va,
		    struct mmu_result *result);

/* "4 KiB", "1 GiB", "48 B": a power-of-two unit that divides the number. */
void explain_bytes(struct text *out, uint64_t bytes);

#endif
