/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PORT_H
#define PAGEWALK_MMU_PORT_H

/*
 * The memory port: a small hierarchy of physically indexed, write-back, write-allocate data caches
 * in front of DRAM. It models latency only; bytes stay in struct phys_mem. A miss fills every
 * level on the way (neither inclusive nor exclusive). A write makes the line dirty in the first
 * level; a dirty victim makes the line dirty in the nearest level below that holds it, else it
 * goes to DRAM. Write-backs are counted at the level that the victim left, not charged.
 *
 * Invariants (port_check): misses of a level are the references (hits + misses) of the next, those
 * of the last are DRAM reads; no line is held twice by a level; an invalid line is not dirty.
 */

#include "mmu/config.h"
#include "mmu/event.h"
#include "mmu/replacement.h"

struct port_level {
	const struct port_level_config *config;
	struct replacer replacer;
	uint64_t *tag; /* line number + 1; 0: invalid */
	uint8_t *dirty;
	unsigned *filled; /* of each set: valid ways, always the first ones; no line is ever dropped */
	unsigned sets, ways, line_lg2;
	unsigned set_mask; /* sets - 1 where that is a mask */
	bool modulo;       /* it is not */
	uint64_t hits, misses, writebacks;
};

struct port {
	struct port_config config;
	const struct host_alloc *alloc;
	unsigned level_count;
	struct port_level level[PORT_LEVELS_MAX];
	uint64_t dram_reads;
};

/* The configuration was checked; it is copied, and *port must not be moved. PW_NOMEM. */
int port_init(struct port *port, const struct port_config *config, uint64_t seed,
	      const struct host_alloc *alloc);
void port_release(struct port *port);

struct port_answer {
	cycles_t latency;
	unsigned level; /* where it hit; level_count: DRAM */
};
/* One reference within a line of the first level. The latency is that of the level that hit. */
struct port_answer port_access(struct port *port, pa_t pa, bool write);

void port_visit_counters(const struct port *port, counter_visit_fn *visit, void *ctx);
int port_check(const struct port *port, const char **what);

#endif
