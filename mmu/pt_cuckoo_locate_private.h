/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_CUCKOO_LOCATE_PRIVATE_H
#define PAGEWALK_MMU_PT_CUCKOO_LOCATE_PRIVATE_H

/* Finding pages of elastic cuckoo tables for the operating system, by counted loads. */

#include "mmu/page_table.h"

/* A line of eight pages of one size. */
struct cuckoo_spot {
	unsigned size, lg2, way;
	pa_t line;
	unsigned hole_lg2; /* where no line was found: so much around va, aligned, is not mapped */
};

/* The line that would hold the page that maps va; false: there is none. */
bool cuckoo_locate(struct pt_space *space, va_t va, struct cuckoo_spot *spot);
/* The entry that maps va and where it lies, or 0. Any va will do. */
pa_t cuckoo_locate_entry(struct pt_space *space, va_t va, struct cuckoo_spot *spot,
			 uint64_t *entry);
/* Clears the entry of va, and removes the line if it was the last (*empty). No header is changed. */
void cuckoo_drop_entry(struct pt_space *space, va_t va, const struct cuckoo_spot *spot,
		       bool *empty);

#endif
