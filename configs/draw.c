/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an access passes through, as a tree: a level is drawn beneath the one whose misses come to
 * it. Levels that have no array for a side are passed over, as lookups do.
 */

#include <string.h>

#include "configs/loader.h"
#include "configs/text.h"
#include "emu/machine/config.h"

static void indent(struct config_text *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		config_text_add(out, "   ");
}

static bool serves(const struct tlb_array_config *array, enum tlb_side side)
{
	return array->side == SIDE_BOTH || array->side == side;
}

static unsigned arrays_of(const struct tlb_level_config *level, enum tlb_side side)
{
	unsigned count = 0;

	for (unsigned i = 0; i < level->array_count; i++)
		count += serves(&level->array[i], side);
	return count;
}

static void add_array(struct config_text *out, const struct tlb_array_config *array)
{
	char size[TEXT_SIZE_MAX];

	config_text_add(out, "%-8s ", array->name);
	if (array->kind != TLB_PAGES)
		config_text_add(out, "%s", tlb_array_kind_names[array->kind]);
	for (unsigned i = 0; array->kind == TLB_PAGES && i < array->page_size_count; i++)
		config_text_add(out, "%s%s", i ? "+" : "",
				config_text_size(size, 1ULL << array->page_lg2[i]));
	config_text_add(out, ": %u entr%s, ", array->entries, array->entries == 1 ? "y" : "ies");
	config_text_add_ways(out, array->ways);
	config_text_add(out, ", %s, +%u cycle%s%s", replacement_names[array->replacement],
			array->latency, array->latency == 1 ? "" : "s",
			array->probe == PROBE_SERIAL ? " a page size probed" : "");
	if (array->coalesce > 1)
		config_text_add(out, ", up to %u pages an entry", array->coalesce);
	if (array->wired > 0)
		config_text_add(out, ", %u way%s wired", array->wired,
				array->wired == 1 ? "" : "s");
	config_text_add(out, "\n");
}

/* What stands between the last level and the walk; returns how deep the walk hangs. */
static unsigned add_below(struct config_text *out, const struct mmu_config *mmu, unsigned depth)
{
	const struct prefetch_config *prefetch = &mmu->prefetch;
	char size[TEXT_SIZE_MAX];

	if (prefetch->kind != PREFETCH_NONE) {
		indent(out, depth - 1);
		config_text_add(out, "├─ prefetcher: %s, %u page%s a miss",
				prefetch_names[prefetch->kind], prefetch->degree,
				prefetch->degree == 1 ? "" : "s");
		if (prefetch->buffer_entries > 0)
			config_text_add(out, ", into a buffer of %u\n", prefetch->buffer_entries);
		else
			config_text_add(out, ", into the last level\n");
	}
	if (mmu->pom_tlb.bytes == 0)
		return depth;
	indent(out, depth - 1);
	config_text_add(out, "└─ miss: TLB in memory, %s\n",
			config_text_size(size, mmu->pom_tlb.bytes));
	return depth + 1;
}

static void add_side(struct config_text *out, const struct mmu_config *mmu, enum tlb_side side)
{
	const struct tlb_config *tlb = &mmu->tlb;
	unsigned depth = 1;

	config_text_add(out, "%s\n", side == SIDE_INSTRUCTION ? "fetch" : "load, store");
	for (unsigned i = 0; i < tlb->level_count; i++) {
		const struct tlb_level_config *level = &tlb->level[i];
		unsigned left = arrays_of(level, side);

		if (left == 0)
			continue;
		indent(out, depth - 1);
		config_text_add(out, "└─ %sTLB %s%s%s\n", depth > 1 ? "miss: " : "", level->name,
				level->relation == RELATION_NEITHER ? "" : ", ",
				level->relation == RELATION_NEITHER
					? ""
					: tlb_relation_names[level->relation]);
		for (unsigned j = 0; j < level->array_count; j++) {
			if (!serves(&level->array[j], side))
				continue;
			indent(out, depth);
			config_text_add(out, "├─ ");
			add_array(out, &level->array[j]);
		}
		depth++;
	}
	depth = add_below(out, mmu, depth);
	indent(out, depth - 1);
	config_text_add(out, "└─ %spage walk\n", depth > 1 ? "miss: " : "");
}

static void add_walk(struct config_text *out, const struct mmu_config *mmu)
{
	config_text_add(out, "page walk of the %s table\n", mmu->page_table.format);
	for (unsigned i = 0; i < mmu->walk_caches.count; i++) {
		const struct walk_cache_config *cache = &mmu->walk_caches.cache[i];

		config_text_add(out, "├─ walk cache %s: spares level %u and above, %u entr%s, ",
				cache->name, cache->level, cache->entries,
				cache->entries == 1 ? "y" : "ies");
		config_text_add_ways(out, cache->ways);
		config_text_add(out, ", +%u cycle%s a walk\n", cache->latency,
				cache->latency == 1 ? "" : "s");
	}
	config_text_add(out, "└─ references%s\n",
			mmu->port.traffic == PORT_TABLES ? "" : ", beside the program's data");
}

static void add_port(struct config_text *out, const struct port_config *port)
{
	char size[TEXT_SIZE_MAX];
	unsigned depth = 1;

	for (unsigned i = 0; i < port->level_count; i++, depth++) {
		const struct port_level_config *level = &port->level[i];

		indent(out, depth);
		config_text_add(out, "└─ %scache %s: %s, ", i ? "miss: " : "", level->name,
				config_text_size(size, level->size_bytes));
		config_text_add_ways(out, level->ways);
		config_text_add(out, ", %u-byte lines, %s, %u cycle%s\n", level->line_bytes,
				replacement_names[level->replacement], level->latency,
				level->latency == 1 ? "" : "s");
	}
	indent(out, depth);
	config_text_add(out, "└─ %smemory: %u cycle%s\n", port->level_count ? "miss: " : "",
			port->dram_latency, port->dram_latency == 1 ? "" : "s");
}

int config_draw(const struct machine_config *config, char **text)
{
	struct config_text out = { 0 };

	config_text_add(&out, "%s\n", config->name);
	add_side(&out, &config->mmu, SIDE_INSTRUCTION);
	add_side(&out, &config->mmu, SIDE_DATA);
	add_walk(&out, &config->mmu);
	add_port(&out, &config->mmu.port);
	return config_text_take(&out, text);
}
