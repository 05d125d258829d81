/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The memory port: what a reference to physical memory costs. See port.h for the model.
 *
 * All latencies count from the start of the reference: a hit costs its level's latency alone, a
 * miss everywhere costs the DRAM latency alone. The set is the line number modulo the sets.
 *
 * Not modelled: bandwidth, banks, rows and channels of DRAM, miss-status registers, prefetching,
 * coherence, the sliced and hashed indexing of shared caches, the time that write-backs take.
 *
 * Sources: cachegrind's cg_sim.c and Dinero IV for the shape of the simulation; Hennessy and
 * Patterson, "Computer Architecture", appendix B (write-back, write-allocate).
 */

#include "mmu/port.h"

#include "mmu/counter_name.h"
#include "mmu/tag_match_private.h"

#include <assert.h>
#include <string.h>

static int init_level(struct port_level *level, const struct port_level_config *config,
		      uint64_t seed, const struct host_alloc *alloc)
{
	uint64_t lines = config->size_bytes / config->line_bytes;

	level->config = config;
	level->line_lg2 = (unsigned)__builtin_ctz(config->line_bytes);
	level->ways = config->ways ? config->ways : (unsigned)lines;
	assert(level->ways > 0 && level->ways <= lines);
	level->sets = (unsigned)(lines / level->ways);
	level->set_mask = level->sets - 1;
	level->modulo = level->sets & level->set_mask;
	level->filled = host_zalloc(alloc, level->sets, sizeof(*level->filled));
	level->tag = host_zalloc(alloc, lines, sizeof(*level->tag));
	level->dirty = host_zalloc(alloc, lines, sizeof(*level->dirty));
	if (!level->tag || !level->dirty || !level->filled)
		return PW_NOMEM;
	return replacer_init(&level->replacer, config->replacement, level->sets, level->ways, seed,
			     alloc);
}

int port_init(struct port *port, const struct port_config *config, uint64_t seed,
	      const struct host_alloc *alloc)
{
	memset(port, 0, sizeof(*port));
	port->config = *config;
	port->alloc = alloc;
	while (port->level_count < config->level_count) {
		unsigned i = port->level_count++;

		if (init_level(&port->level[i], &port->config.level[i], replacer_seed(seed, i),
			       alloc) != PW_OK) {
			port_release(port);
			return PW_NOMEM;
		}
	}
	return PW_OK;
}

void port_release(struct port *port)
{
	for (unsigned i = 0; i < port->level_count; i++) {
		host_free(port->alloc, port->level[i].tag);
		host_free(port->alloc, port->level[i].dirty);
		host_free(port->alloc, port->level[i].filled);
		replacer_release(&port->level[i].replacer, port->alloc);
	}
	memset(port, 0, sizeof(*port));
}

static inline unsigned set_of(const struct port_level *level, uint64_t line)
{
	if (PAGEWALK_UNLIKELY(level->modulo))
		return (unsigned)(line % level->sets);
	return (unsigned)line & level->set_mask;
}

/* The slot that holds the line, or -1. */
static inline int64_t find(const struct port_level *level, pa_t pa)
{
	uint64_t line = pa >> level->line_lg2;
	size_t first = (size_t)set_of(level, line) * level->ways;

	for (unsigned from = 0; from < level->ways; from += TAG_MATCH_WAYS_MAX) {
		unsigned left = level->ways - from;
		uint32_t match = long_tags_match(
			&level->tag[first + from],
			left < TAG_MATCH_WAYS_MAX ? left : TAG_MATCH_WAYS_MAX, line + 1);

		if (match)
			return (int64_t)(first + from + (unsigned)__builtin_ctz(match));
	}
	return -1;
}

/* A dirty line left level `from` - 1: the nearest level that holds it takes it, else DRAM. */
static void write_back(struct port *port, unsigned from, pa_t pa)
{
	for (unsigned i = from; i < port->level_count; i++) {
		int64_t slot = find(&port->level[i], pa);

		if (slot >= 0) {
			port->level[i].dirty[slot] = 1;
			return;
		}
	}
}

/* Brings a line that it does not hold into a level. */
static void fill(struct port *port, unsigned number, pa_t pa, bool dirty)
{
	struct port_level *level = &port->level[number];
	uint64_t line = pa >> level->line_lg2;
	unsigned set = set_of(level, line);
	size_t slot = (size_t)set * level->ways;

	if (PAGEWALK_UNLIKELY(level->filled[set] < level->ways)) {
		slot += level->filled[set]++;
	} else {
		slot += replacer_victim(&level->replacer, set);
		if (level->dirty[slot]) {
			level->writebacks++;
			write_back(port, number + 1, (level->tag[slot] - 1) << level->line_lg2);
		}
	}
	level->tag[slot] = line + 1;
	level->dirty[slot] = dirty;
	replacer_fill(&level->replacer, (unsigned)slot);
}

struct port_answer port_access(struct port *port, pa_t pa, bool write)
{
	struct port_answer answer = { port->config.dram_latency, port->level_count };

	for (unsigned i = 0; i < port->level_count; i++) {
		struct port_level *level = &port->level[i];
		int64_t slot = find(level, pa);

		if (slot < 0) {
			level->misses++;
			continue;
		}
		level->hits++;
		replacer_touch(&level->replacer, (unsigned)slot);
		if (write && i == 0)
			level->dirty[slot] = 1;
		answer.level = i;
		answer.latency = level->config->latency;
		break;
	}
	if (answer.level == port->level_count)
		port->dram_reads++;
	/* Farthest first, so that a dirty victim finds its line where it is still held. */
	for (unsigned i = answer.level; i-- > 0;)
		fill(port, i, pa, write && i == 0);
	return answer;
}

void port_visit_counters(const struct port *port, counter_visit_fn *visit, void *ctx)
{
	for (unsigned i = 0; i < port->level_count; i++) {
		const struct port_level *level = &port->level[i];
		const struct counter_row rows[] = {
			{ "hits", "references that this cache answered", level->hits },
			{ "misses", "references that it did not", level->misses },
			{ "writebacks", "dirty lines that left it", level->writebacks },
		};
		struct counter_name name = { .length = 0 };

		counter_name_add(&name, "port");
		counter_name_add(&name, level->config->name);
		counter_rows_visit(&name, rows, sizeof(rows) / sizeof(*rows), visit, ctx);
	}
	visit(ctx, "port.dram_reads", "references that reached DRAM", port->dram_reads);
}

static const char *check_level(const struct port_level *level)
{
	for (size_t slot = 0; slot < (size_t)level->sets * level->ways; slot++) {
		if ((level->tag[slot] != 0) !=
		    (slot % level->ways < level->filled[slot / level->ways]))
			return "the valid lines of a cache set are not its first ones";
		if (level->tag[slot] == 0 && level->dirty[slot])
			return "an invalid cache line is dirty";
		if (level->tag[slot] &&
		    find(level, (level->tag[slot] - 1) << level->line_lg2) != (int64_t)slot)
			return "a cache line is held twice or in the wrong set";
	}
	return NULL;
}

int port_check(const struct port *port, const char **what)
{
	*what = NULL;
	for (unsigned i = 0; i < port->level_count && !*what; i++) {
		uint64_t next = port->dram_reads;

		if (i + 1 < port->level_count)
			next = port->level[i + 1].hits + port->level[i + 1].misses;
		*what = check_level(&port->level[i]);
		if (!*what && next != port->level[i].misses)
			*what = "the references of a cache are not the misses of the one above";
	}
	return *what ? PW_CORRUPT : PW_OK;
}
