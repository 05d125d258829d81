/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine on one screen, for people: what is where, how large, how far it reaches. */

#include <inttypes.h>
#include <string.h>

#include "configs/loader.h"
#include "configs/text.h"
#include "emu/machine/config.h"

static const char *side_name(enum tlb_side side)
{
	return side == SIDE_BOTH ? "both" : side == SIDE_DATA ? "data" : "instruction";
}

static const char *plural(unsigned count)
{
	return count != 1 ? "s" : "";
}

static void add_radix(struct config_text *out, const struct radix_config *radix)
{
	unsigned va_bits = radix->offset_bits, page_lg2 = radix->offset_bits;
	const char *between = "";
	char size[TEXT_SIZE_MAX];

	config_text_add(out, " (%s): ", radix_entry_names[radix->entry]);
	for (unsigned level = radix->level_count; level-- > 0;) {
		va_bits += radix->index_bits[level];
		config_text_add(out, "%u/", radix->index_bits[level]);
	}
	config_text_add(out, "%u = %u-bit addresses, %u-bit physical, pages ", radix->offset_bits,
			va_bits, radix->pa_bits);
	for (unsigned level = 0; level < radix->level_count && page_lg2 < 64; level++) {
		if (level == 0 || radix->leaf_allowed[level]) {
			config_text_add(out, "%s%s", between,
					config_text_size(size, 1ULL << page_lg2));
			between = ", ";
		}
		page_lg2 += radix->index_bits[level];
	}
}

static void add_hashed(struct config_text *out, const struct hashed_config *config)
{
	config_text_add(out, ": %u buckets", config->buckets);
	if (config->max_load)
		config_text_add(out, ", doubling at %u %%", config->max_load);
}

static void add_page_table(struct config_text *out, const struct pt_config *config)
{
	config_text_add(out, "  page table  %s", config->format);
	if (strncmp(config->format, "radix", 5) == 0)
		add_radix(out, &config->radix);
	else if (strcmp(config->format, "inverted") == 0)
		config_text_add(out, ": %s, further mappings of a frame: %s",
				inverted_lookup_names[config->inverted.lookup],
				inverted_alias_names[config->inverted.alias]);
	else if (strcmp(config->format, "hashed") == 0)
		add_hashed(out, &config->hashed);
	else if (strcmp(config->format, "open") == 0)
		add_hashed(out, &config->open);
	else if (strcmp(config->format, "clustered") == 0)
		add_hashed(out, &config->clustered);
	else if (strcmp(config->format, "pa_risc") == 0)
		add_hashed(out, &config->pa_risc);
	else if (strncmp(config->format, "cuckoo", 6) == 0)
		config_text_add(out, ": %u ways of %u lines, %u page sizes", config->cuckoo.ways,
				config->cuckoo.entries, config->cuckoo.page_size_count);
	config_text_add(out, "\n");
}

static void add_tlb_array(struct config_text *out, const char *level,
			  const struct tlb_array_config *array)
{
	char size[TEXT_SIZE_MAX], reach[TEXT_SIZE_MAX];

	config_text_add(out, "  tlb %-3s %-6s ", level, array->name);
	config_text_add(out, "%-11s ", side_name(array->side));
	for (unsigned i = 0; i < array->page_size_count; i++) {
		config_text_add(out, "%s%s", i != 0 ? "+" : "",
				config_text_size(size, 1ULL << array->page_lg2[i]));
	}
	config_text_add(out, ": %u entr%s, ", array->entries, array->entries != 1 ? "ies" : "y");
	config_text_add_ways(out, array->ways);
	config_text_add(out, ", %s, +%u cycle%s, reach", replacement_names[array->replacement],
			array->latency, plural(array->latency));
	for (unsigned i = 0; i < array->page_size_count; i++) {
		uint64_t page = 1ULL << array->page_lg2[i];

		config_text_add(out, "%s %s in %s", i != 0 ? "," : "",
				config_text_size(reach, array->entries * page),
				config_text_size(size, page));
	}
	config_text_add(out, "\n");
}

static void add_tlb(struct config_text *out, const struct tlb_config *tlb)
{
	for (unsigned i = 0; i < tlb->level_count; i++) {
		const struct tlb_level_config *level = &tlb->level[i];

		for (unsigned j = 0; j < level->array_count; j++)
			add_tlb_array(out, level->name, &level->array[j]);
		if (i != 0 && level->relation != RELATION_NEITHER)
			config_text_add(out, "  tlb %-3s is %s of the level above\n", level->name,
					tlb_relation_names[level->relation]);
	}
	if (tlb->level_count == 0)
		config_text_add(out, "  tlb         none: every access walks\n");
}

static void add_walk_caches(struct config_text *out, const struct walk_caches_config *caches)
{
	for (unsigned i = 0; i < caches->count; i++) {
		const struct walk_cache_config *cache = &caches->cache[i];

		config_text_add(out, "  walk cache  %-6s level %u: %u entr%s, ", cache->name,
				cache->level, cache->entries, cache->entries != 1 ? "ies" : "y");
		config_text_add_ways(out, cache->ways);
		config_text_add(out, ", %s, +%u cycle%s\n", replacement_names[cache->replacement],
				cache->latency, plural(cache->latency));
	}
	if (caches->count == 0)
		config_text_add(out, "  walk cache  none: every walk starts at the root\n");
}

static void add_port(struct config_text *out, const struct port_config *port)
{
	char size[TEXT_SIZE_MAX];

	for (unsigned i = 0; i < port->level_count; i++) {
		const struct port_level_config *level = &port->level[i];

		config_text_add(out, "  cache       %-6s %s, ", level->name,
				config_text_size(size, level->size_bytes));
		config_text_add_ways(out, level->ways);
		config_text_add(out, ", %u-byte lines, %s, %u cycle%s\n", level->line_bytes,
				replacement_names[level->replacement], level->latency,
				plural(level->latency));
	}
	config_text_add(out, "  memory      %u cycle%s; through the caches: %s\n",
			port->dram_latency, plural(port->dram_latency),
			port->traffic == PORT_TABLES ? "page tables only" : "page tables and data");
}

int config_describe(const struct machine_config *config, char **text)
{
	const struct kernel_config *kernel = &config->kernel;
	char size[TEXT_SIZE_MAX];
	struct config_text out = { 0 };

	config_text_add(&out, "%s\n", config->name);
	add_page_table(&out, &config->mmu.page_table);
	add_tlb(&out, &config->mmu.tlb);
	add_walk_caches(&out, &config->mmu.walk_caches);
	add_port(&out, &config->mmu.port);
	config_text_add(&out, "  kernel      %s of RAM, frames from '%s', a fault %u + %u cycles\n",
			config_text_size(size, kernel->ram_bytes), kernel->frame_allocator,
			kernel->costs.fault_entry, kernel->costs.fault_service);
	config_text_add(&out, "  base        %u cycle%s an instruction\n", config->cpi,
			plural(config->cpi));
	return config_text_take(&out, text);
}
