/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Is a machine description one that the model can build? Checked here is what would make an
 * array impossible, a lookup ambiguous or a counter's name double; a machine that is merely
 * strange (a second level smaller than the first) passes, since trying such is what a model is
 * for. What only the page-table format can judge (how physical addresses
 * fit its entries) its create() checks.
 *
 * Each check names the field as a dotted path, as a machine description spells it and by the
 * configured names where there are any, and says what would be right. The first thing wrong is
 * reported.
 */

#include "mmu/config_check_private.h"
#include "mmu/page_table.h"
#include "mmu/pt_backing.h"
#include "mmu/radix_entry.h"

#include <string.h>

enum {
	POM_BYTES_MAX = 1 << 30,
	PREFETCH_ENTRIES_MAX = 4096,
	PLRU_WAYS_MAX = 64,
	LINE_BYTES_MIN = 8,
	LINE_BYTES_MAX = 4096,
	LINES_MAX = 1 << 26,
	INDEX_BITS_MAX = 24, /* a flat table of a 32-bit space has 20 */
	VA_BITS_MAX = 63,
	PA_BITS_MAX = 56, /* RISC-V */
};

struct path path_at(struct config_complaint *complaint, const char *name)
{
	struct path path = { complaint, strlen(name) };

	memcpy(complaint->field, name, path.length + 1);
	return path;
}

static struct path path_append(struct path path, const char *part, size_t bytes)
{
	char *field = path.complaint->field;
	size_t room = sizeof(path.complaint->field) - 1 - path.length;

	if (room > 0 && path.length > 0) {
		field[path.length++] = '.';
		room--;
	}
	if (bytes > room)
		bytes = room;
	memcpy(field + path.length, part, bytes);
	path.length += bytes;
	field[path.length] = '\0';
	return path;
}

struct path path_field(struct path path, const char *field)
{
	return path_append(path, field, strlen(field));
}

struct path path_child(struct path path, const char *name, unsigned index)
{
	size_t bytes = strnlen(name, CONFIG_NAME_MAX);
	char digit = (char)('0' + index);

	return bytes > 0 ? path_append(path, name, bytes) : path_append(path, &digit, 1);
}

int path_complain(struct path path, const char *field, const char *must_be)
{
	if (field)
		path_field(path, field);
	path.complaint->must_be = must_be;
	return PW_INVALID;
}

bool check_name_valid(const char *name)
{
	size_t length = strnlen(name, CONFIG_NAME_MAX);

	if (length == 0 || length == CONFIG_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return true;
}

int check_name(struct path path, const char *name)
{
	if (!check_name_valid(name))
		return path_complain(path, "name",
				     "1 to 23 letters, digits, underscores and hyphens");
	return PW_OK;
}

int check_ways(struct path path, uint64_t entries, unsigned ways, enum replacement replacement)
{
	uint64_t real_ways = ways ? ways : entries;

	if ((unsigned)replacement >= REPLACEMENT_COUNT)
		return path_complain(path, "replacement", "lru, tree-plru, fifo or random");
	if (ways > entries || entries % real_ways != 0)
		return path_complain(path, "ways",
				     "a divisor of the entries, or 0 for fully associative");
	if (replacement == REPLACE_TREE_PLRU &&
	    (!is_power_of_two(real_ways) || real_ways > PLRU_WAYS_MAX))
		return path_complain(path, "ways", "a power of two up to 64, for tree-plru");
	return PW_OK;
}

int check_entries(struct path path, unsigned entries, unsigned ways, enum replacement replacement)
{
	if (entries == 0 || entries > CHECK_ENTRIES_MAX)
		return path_complain(path, "entries", "from 1 to 1048576");
	return check_ways(path, entries, ways, replacement);
}

/* ---- beside the TLBs ---- */

static int check_prefetch(struct path path, const struct mmu_config *config)
{
	const struct prefetch_config *prefetch = &config->prefetch;

	if ((unsigned)prefetch->kind >= PREFETCH_KIND_COUNT)
		return path_complain(path, "kind", "none, next-page, stride or distance");
	if (prefetch->kind == PREFETCH_NONE)
		return PW_OK;
	if (config->tlb.level_count == 0)
		return path_complain(path, "kind", "none on a machine without TLBs");
	if (prefetch->degree == 0 || prefetch->degree > PREFETCH_DEGREE_MAX)
		return path_complain(path, "degree", "from 1 to 8");
	if (prefetch->table_entries == 0 || prefetch->table_entries > PREFETCH_ENTRIES_MAX)
		return path_complain(path, "table_entries", "from 1 to 4096");
	if (prefetch->buffer_entries > PREFETCH_ENTRIES_MAX)
		return path_complain(path, "buffer_entries", "from 0 to 4096");
	return PW_OK;
}

static int check_pom_tlb(struct path path, const struct mmu_config *config)
{
	const struct pom_tlb_config *pom = &config->pom_tlb;

	if (pom->bytes && (config->tlb.level_count == 0 || !is_power_of_two(pom->bytes) ||
			   pom->bytes < 64 || pom->bytes > POM_BYTES_MAX))
		return path_complain(path, "bytes",
				     "0, or a power of two from 64 to 1G on a machine with TLBs");
	if (pom->large_bytes && (pom->bytes == 0 || !is_power_of_two(pom->large_bytes) ||
				 pom->large_bytes < 64 || pom->large_bytes > POM_BYTES_MAX))
		return path_complain(
			path, "large_bytes",
			"0, or a power of two from 64 to 1G beside a part for base pages");
	return PW_OK;
}

/* ---- page table and walk caches ---- */

static int check_radix(struct path path, const struct radix_config *radix)
{
	unsigned va_bits = radix->offset_bits;

	if (radix->level_count == 0 || radix->level_count > PT_LEVELS_MAX)
		return path_complain(path, "index_bits", "1 to 8 widths, one a level");
	if (radix->offset_bits < CHECK_PAGE_LG2_MIN || radix->offset_bits > 30)
		return path_complain(path, "offset_bits", "from 4 to 30");
	for (unsigned i = 0; i < radix->level_count; i++) {
		if (radix->index_bits[i] == 0 || radix->index_bits[i] > INDEX_BITS_MAX)
			return path_complain(path, "index_bits", "from 1 to 24 at each level");
		va_bits += radix->index_bits[i];
	}
	if (va_bits > VA_BITS_MAX)
		return path_complain(path, "index_bits", "at most 63 with offset_bits, summed up");
	if (!radix->leaf_allowed[0])
		return path_complain(path, "leaf_levels", "a list with level 0 in it");
	if (radix->pa_bits <= radix->offset_bits || radix->pa_bits > PA_BITS_MAX)
		return path_complain(path, "pa_bits", "more than offset_bits and at most 56");
	if ((unsigned)radix->entry >= RADIX_ENTRY_COUNT)
		return path_complain(path, "entry", "a known entry encoding, such as x86-64");
	if ((unsigned)radix->accessed >= RADIX_MARK_COUNT)
		return path_complain(path, "accessed", "hardware or software");
	if ((unsigned)radix->dirty >= RADIX_MARK_COUNT)
		return path_complain(path, "dirty", "hardware or software");
	return radix_config_check(radix, path.complaint);
}

/* The parameters that a format uses. */
static int check_format(struct path path, const struct pt_config *config, const struct pt_ops *ops)
{
	bool tree = strcmp(ops->name, "radix") == 0 || strcmp(ops->name, "linear") == 0;
	int error = tree ? check_radix(path_field(path, "radix"), &config->radix) : PW_OK;

	if (error || !ops->config_check)
		return error;
	return ops->config_check(config, path.complaint);
}

/* As pt_backing_create() has it; what only the table itself knows is left to that. */
static int check_backing(struct path path, const struct pt_config *config)
{
	const struct pt_ops *ops =
		check_name_valid(config->backing) ? pt_format_find(config->backing) : NULL;

	if (!ops || ops->bounded || strcmp(ops->name, "linear") == 0)
		return path_complain(path, "backing", PT_BACKING_MUST_BE);
	return check_format(path, config, ops);
}

static int check_page_table(struct path path, const struct pt_config *config)
{
	int error;
	const struct pt_ops *ops = check_name_valid(config->format) ? pt_format_find(config->format)
								    : NULL;

	if (!ops)
		return path_complain(path, "format", pt_format_names);
	error = check_format(path, config, ops);
	return error || !ops->bounded ? error : check_backing(path, config);
}

static int check_walk_cache(struct path path, const struct walk_cache_config *cache,
			    unsigned level_count)
{
	int error = check_name(path, cache->name);

	if (error)
		return error;
	if (cache->level == 0 || cache->level >= PT_LEVELS_MAX)
		return path_complain(path, "level", "from 1 (above the leaf level) to 7");
	if (cache->level >= level_count)
		return path_complain(path, "level", "a level of the page table above the leaf");
	if (cache->latency > CHECK_CYCLES_MAX)
		return path_complain(path, "latency", MUST_BE_CYCLES);
	return check_entries(path, cache->entries, cache->ways, cache->replacement);
}

static int check_walk_caches(struct path path, const struct walk_caches_config *caches,
			     unsigned level_count)
{
	if (caches->count > WALK_CACHES_MAX)
		return path_complain(path, NULL, "at most 6 walk caches");
	for (unsigned i = 0; i < caches->count; i++) {
		const struct walk_cache_config *cache = &caches->cache[i];
		struct path child = path_child(path, cache->name, i);
		int error = check_walk_cache(child, cache, level_count);

		if (error)
			return error;
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(cache->name, caches->cache[j].name) == 0)
				return path_complain(child, "name",
						     "used once among the walk caches");
			if (cache->level == caches->cache[j].level)
				return path_complain(child, "level",
						     "cached by one walk cache only");
		}
	}
	return PW_OK;
}

/* ---- port ---- */

static int check_port_level(struct path path, const struct port_level_config *level)
{
	uint64_t lines;
	int error = check_name(path, level->name);

	if (error)
		return error;
	if (!is_power_of_two(level->line_bytes) || level->line_bytes < LINE_BYTES_MIN ||
	    level->line_bytes > LINE_BYTES_MAX)
		return path_complain(path, "line_bytes", "a power of two from 8 to 4096");
	lines = level->size_bytes / level->line_bytes;
	if (lines == 0 || lines > LINES_MAX || level->size_bytes % level->line_bytes != 0)
		return path_complain(path, "size_bytes", "1 to 67108864 whole lines");
	if (level->ways && lines % level->ways != 0)
		return path_complain(path, "size_bytes", "a multiple of ways x line_bytes");
	if (level->latency > CHECK_CYCLES_MAX)
		return path_complain(path, "latency", MUST_BE_CYCLES);
	return check_ways(path, lines, level->ways, level->replacement);
}

static int check_port(struct path path, const struct port_config *port)
{
	if (port->level_count > PORT_LEVELS_MAX)
		return path_complain(path, NULL, "at most 4 levels");
	for (unsigned i = 0; i < port->level_count; i++) {
		const struct port_level_config *level = &port->level[i];
		struct path child = path_child(path, level->name, i);
		int error = check_port_level(child, level);

		if (error)
			return error;
		if (strcmp(level->name, "dram_reads") == 0)
			return path_complain(child, "name",
					     "other than dram_reads, a counter's name");
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(level->name, port->level[j].name) == 0)
				return path_complain(child, "name",
						     "used once among the port's levels");
		}
		if (i > 0 && level->line_bytes < port->level[i - 1].line_bytes)
			return path_complain(child, "line_bytes",
					     "no less than that of the level before");
	}
	if (port->dram_latency > CHECK_CYCLES_MAX)
		return path_complain(path, "dram_latency", MUST_BE_CYCLES);
	if (port->write_latency > CHECK_CYCLES_MAX)
		return path_complain(path, "write_latency", MUST_BE_CYCLES);
	if ((unsigned)port->traffic > PORT_TABLES_AND_DATA)
		return path_complain(path, "traffic", "tables or tables-and-data");
	return PW_OK;
}

/* ---- the rest ---- */

static int check_scalars(struct path path, const struct mmu_config *config)
{
	if (config->asid_bits > 16)
		return path_complain(path, "asid_bits", "from 0 to 16");
	if (!is_power_of_two(config->fetch_bytes) || config->fetch_bytes > FRAME_BYTES)
		return path_complain(path, "fetch_bytes", "a power of two from 1 to 4096");
	if (config->walk_latency > CHECK_CYCLES_MAX)
		return path_complain(path, "walk_latency", MUST_BE_CYCLES);
	if (config->trap_latency > CHECK_CYCLES_MAX)
		return path_complain(path, "trap_latency", MUST_BE_CYCLES);
	if (config->handler_cpi > 1000)
		return path_complain(path, "handler_cpi", "from 0 to 1000");
	return PW_OK;
}

int mmu_config_check(const struct mmu_config *config, struct config_complaint *complaint)
{
	bool radix = strncmp(config->page_table.format, "radix", CONFIG_NAME_MAX) == 0;
	bool cuckoo = strncmp(config->page_table.format, "cuckoo", CONFIG_NAME_MAX) == 0;
	unsigned level_count = radix    ? config->page_table.radix.level_count
			       : cuckoo ? config->page_table.cuckoo.page_size_count
					: PT_LEVELS_MAX;
	int error = check_tlb(path_at(complaint, "tlb"), &config->tlb);

	if (!error)
		error = check_prefetch(path_at(complaint, "prefetch"), config);
	if (!error)
		error = check_pom_tlb(path_at(complaint, "pom_tlb"), config);
	if (!error)
		error = check_page_table(path_at(complaint, "page_table"), &config->page_table);
	if (!error)
		error = check_tlb_page_sizes(path_at(complaint, "tlb"), &config->tlb,
					     pt_page_sizes(&config->page_table));
	if (!error)
		error = check_walk_caches(path_at(complaint, "walk_caches"), &config->walk_caches,
					  level_count);
	if (!error)
		error = check_port(path_at(complaint, "port"), &config->port);
	if (!error)
		error = check_scalars(path_at(complaint, ""), config);
	if (!error) {
		complaint->field[0] = '\0';
		complaint->must_be = NULL;
	}
	return error;
}
