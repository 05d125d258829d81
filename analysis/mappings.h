/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_MAPPINGS_H
#define PAGEWALK_ANALYSIS_MAPPINGS_H

/*
 * The named ranges of guest memory, in the order they were mapped; of overlapping ones the latest
 * counts. Questions are asked in ascending order of (ASID, address), between sweep_start calls.
 */

#include "analysis/record.h"

enum { MAPPINGS_MAX = 1 << 16 };

struct mapping_entry {
	struct record_mapping mapping; /* path and identity are owned */
	int64_t id;                    /* row in the database, 0 until written */
};

struct mappings {
	const struct host_alloc *alloc;
	struct mapping_entry *entry;
	uint32_t count, room;
	uint64_t dropped; /* beyond MAPPINGS_MAX */
	/* --- sweep --- */
	uint32_t *by_start; /* entries in order of (ASID, start) */
	uint32_t *heap;     /* entries that have begun, the latest first */
	uint32_t next, heap_count;
};

/* Copies the path. PW_NOMEM. */
int mappings_add(struct mappings *mappings, const struct record_mapping *mapping);
void mappings_release(struct mappings *mappings);
/* PW_NOMEM. To be called again after mappings_add. */
int mappings_sweep_start(struct mappings *mappings);
/* What holds the address, or NULL. Good until the next mappings_add. */
const struct mapping_entry *mappings_sweep(struct mappings *mappings, asid_t asid, va_t va);

#endif
