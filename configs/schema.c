/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two halves of the schema: see schema.h. */

#include "configs/schema.h"

#include <string.h>

#include "emu/machine/config.h"

enum { SIDE_COUNT = SIDE_BOTH + 1, TRAFFIC_COUNT = PORT_TABLES_AND_DATA + 1 };

static const char *const side_names[SIDE_COUNT] = {
	[SIDE_INSTRUCTION] = "instruction",
	[SIDE_DATA] = "data",
	[SIDE_BOTH] = "both",
};
static const char *const probe_names[] = {
	[PROBE_PARALLEL] = "parallel",
	[PROBE_SERIAL] = "serial",
};
static const char *const clear_names[CLEAR_COUNT] = { "flush", "lazy" };
static const char *const traffic_names[TRAFFIC_COUNT] = {
	[PORT_TABLES] = "tables",
	[PORT_TABLES_AND_DATA] = "tables-and-data",
};

/* --- libcyaml's half: keys and members ------------------------------------------------------ */

/* An enum is a number in the plain form, so that the names of other folders can be used. */
#define UINT(key, structure, member) CYAML_FIELD_UINT(key, CYAML_FLAG_DEFAULT, structure, member)
#define ENUM(key, structure, member) \
	CYAML_FIELD_ENUM(key, CYAML_FLAG_DEFAULT, structure, member, NULL, 0)
#define BOOL(key, structure, member) CYAML_FIELD_BOOL(key, CYAML_FLAG_DEFAULT, structure, member)
#define STRING(key, structure, member) \
	CYAML_FIELD_STRING(key, CYAML_FLAG_DEFAULT, structure, member, 0)
#define MAPPING(key, structure, member, members) \
	CYAML_FIELD_MAPPING(key, CYAML_FLAG_DEFAULT, structure, member, members)
#define LIST(key, structure, member, count, entry, min, max)                                      \
	CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_DEFAULT, structure, member, count, entry, min, \
				   max)

static const cyaml_schema_value_t byte_entry = { CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint8_t) };
static const cyaml_schema_value_t unsigned_entry = { CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT,
								      unsigned) };
static const cyaml_schema_value_t bool_entry = { CYAML_VALUE_BOOL(CYAML_FLAG_DEFAULT, bool) };

static const cyaml_schema_field_t tlb_array_members[] = {
	STRING(SCHEMA_NAME, struct tlb_array_config, name),
	ENUM("kind", struct tlb_array_config, kind),
	ENUM("side", struct tlb_array_config, side),
	LIST("page_sizes", struct tlb_array_config, page_lg2, page_size_count, &byte_entry, 1,
	     TLB_PAGE_SIZES_MAX),
	UINT("entries", struct tlb_array_config, entries),
	UINT("ways", struct tlb_array_config, ways),
	UINT("wired", struct tlb_array_config, wired),
	ENUM("replacement", struct tlb_array_config, replacement),
	ENUM("probe", struct tlb_array_config, probe),
	UINT("latency", struct tlb_array_config, latency),
	UINT("coalesce", struct tlb_array_config, coalesce),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t tlb_array_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct tlb_array_config, tlb_array_members),
};
static const cyaml_schema_field_t tlb_level_members[] = {
	STRING(SCHEMA_NAME, struct tlb_level_config, name),
	ENUM("relation", struct tlb_level_config, relation),
	LIST(SCHEMA_NAMED, struct tlb_level_config, array, array_count, &tlb_array_entry, 1,
	     TLB_ARRAYS_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t tlb_level_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct tlb_level_config, tlb_level_members),
};
static const cyaml_schema_field_t tlb_members[] = {
	LIST(SCHEMA_NAMED, struct tlb_config, level, level_count, &tlb_level_entry, 0,
	     TLB_LEVELS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t prefetch_members[] = {
	ENUM("kind", struct prefetch_config, kind),
	UINT("degree", struct prefetch_config, degree),
	UINT("table_entries", struct prefetch_config, table_entries),
	UINT("buffer_entries", struct prefetch_config, buffer_entries),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t pom_tlb_members[] = {
	UINT("bytes", struct pom_tlb_config, bytes),
	UINT("large_bytes", struct pom_tlb_config, large_bytes),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t walk_cache_members[] = {
	STRING(SCHEMA_NAME, struct walk_cache_config, name),
	UINT("level", struct walk_cache_config, level),
	UINT("entries", struct walk_cache_config, entries),
	UINT("ways", struct walk_cache_config, ways),
	ENUM("replacement", struct walk_cache_config, replacement),
	UINT("latency", struct walk_cache_config, latency),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t walk_cache_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct walk_cache_config, walk_cache_members),
};
static const cyaml_schema_field_t walk_caches_members[] = {
	LIST(SCHEMA_NAMED, struct walk_caches_config, cache, count, &walk_cache_entry, 0,
	     WALK_CACHES_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t port_level_members[] = {
	STRING(SCHEMA_NAME, struct port_level_config, name),
	UINT("size_bytes", struct port_level_config, size_bytes),
	UINT("ways", struct port_level_config, ways),
	UINT("line_bytes", struct port_level_config, line_bytes),
	ENUM("replacement", struct port_level_config, replacement),
	UINT("latency", struct port_level_config, latency),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t port_level_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct port_level_config, port_level_members),
};
static const cyaml_schema_field_t port_members[] = {
	LIST(SCHEMA_NAMED, struct port_config, level, level_count, &port_level_entry, 0,
	     PORT_LEVELS_MAX),
	UINT("dram_latency", struct port_config, dram_latency),
	UINT("write_latency", struct port_config, write_latency),
	ENUM("traffic", struct port_config, traffic),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t radix_members[] = {
	LIST("index_bits", struct radix_config, index_bits, level_count, &unsigned_entry, 1,
	     PT_LEVELS_MAX),
	CYAML_FIELD_SEQUENCE_FIXED("leaf_levels", CYAML_FLAG_DEFAULT, struct radix_config,
				   leaf_allowed, &bool_entry, PT_LEVELS_MAX),
	UINT("offset_bits", struct radix_config, offset_bits),
	UINT("pa_bits", struct radix_config, pa_bits),
	ENUM("entry", struct radix_config, entry),
	ENUM("accessed", struct radix_config, accessed),
	ENUM("dirty", struct radix_config, dirty),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t hashed_members[] = {
	UINT("buckets", struct hashed_config, buckets),
	UINT("max_load", struct hashed_config, max_load),
	ENUM("hash", struct hashed_config, function),
	UINT("node_bytes", struct hashed_config, node_bytes),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t open_members[] = {
	UINT("buckets", struct hashed_config, buckets),
	UINT("max_load", struct hashed_config, max_load),
	ENUM("hash", struct hashed_config, function),
	ENUM("layout", struct hashed_config, layout),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t clustered_members[] = {
	UINT("buckets", struct hashed_config, buckets),
	UINT("max_load", struct hashed_config, max_load),
	ENUM("hash", struct hashed_config, function),
	UINT("pages", struct hashed_config, pages),
	BOOL("superpages", struct hashed_config, superpages),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t pa_risc_members[] = {
	UINT("buckets", struct hashed_config, buckets),
	UINT("max_load", struct hashed_config, max_load),
	ENUM("hash", struct hashed_config, function),
	UINT("hardware_probes", struct hashed_config, hardware_probes),
	UINT("handler_instructions", struct hashed_config, handler_instructions),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t inverted_members[] = {
	ENUM("lookup", struct inverted_config, lookup),
	ENUM("alias", struct inverted_config, alias),
	UINT("anchors", struct inverted_config, anchors),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t cuckoo_members[] = {
	UINT("ways", struct cuckoo_config, ways),
	LIST("page_sizes", struct cuckoo_config, page_lg2, page_size_count, &byte_entry, 1,
	     TLB_PAGE_SIZES_MAX),
	UINT("entries", struct cuckoo_config, entries),
	UINT("walk_table_entries", struct cuckoo_config, walk_table_entries),
	UINT("upsize_percent", struct cuckoo_config, upsize_percent),
	UINT("downsize_percent", struct cuckoo_config, downsize_percent),
	BOOL("walk_tables", struct cuckoo_config, walk_tables),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t linear_members[] = {
	ENUM("upper", struct linear_config, upper),
	ENUM("walker", struct linear_config, walker),
	UINT("spaces", struct linear_config, spaces),
	UINT("user_handler_instructions", struct linear_config, user_handler_instructions),
	UINT("kernel_handler_instructions", struct linear_config, kernel_handler_instructions),
	UINT("root_handler_instructions", struct linear_config, root_handler_instructions),
	UINT("root_handler_loads", struct linear_config, root_handler_loads),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t htab_members[] = {
	UINT("groups", struct htab_config, groups),
	UINT("line_bytes", struct htab_config, line_bytes),
	UINT("handler_instructions", struct htab_config, handler_instructions),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t tsb_members[] = {
	UINT("size", struct tsb_config, size),
	UINT("hit_instructions", struct tsb_config, hit_instructions),
	UINT("miss_instructions", struct tsb_config, miss_instructions),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t vhpt_members[] = {
	UINT("entries", struct vhpt_config, entries),
	UINT("handler_instructions", struct vhpt_config, handler_instructions),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t page_table_members[] = {
	STRING("format", struct pt_config, format),
	STRING("backing", struct pt_config, backing),
	MAPPING("linear", struct pt_config, linear, linear_members),
	MAPPING("htab", struct pt_config, htab, htab_members),
	MAPPING("tsb", struct pt_config, tsb, tsb_members),
	MAPPING("vhpt", struct pt_config, vhpt, vhpt_members),
	MAPPING("radix", struct pt_config, radix, radix_members),
	MAPPING("hashed", struct pt_config, hashed, hashed_members),
	MAPPING("inverted", struct pt_config, inverted, inverted_members),
	MAPPING("open", struct pt_config, open, open_members),
	MAPPING("clustered", struct pt_config, clustered, clustered_members),
	MAPPING("pa_risc", struct pt_config, pa_risc, pa_risc_members),
	MAPPING("cuckoo", struct pt_config, cuckoo, cuckoo_members),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t controls_members[] = {
	BOOL("write_protect", struct mmu_controls, write_protect),
	BOOL("smep", struct mmu_controls, smep),
	BOOL("smap", struct mmu_controls, smap),
	BOOL("no_execute", struct mmu_controls, no_execute),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t costs_members[] = {
	UINT("fault_entry", struct kernel_costs, fault_entry),
	UINT("fault_service", struct kernel_costs, fault_service),
	UINT("page_zero", struct kernel_costs, page_zero),
	UINT("page_copy", struct kernel_costs, page_copy),
	UINT("table_access", struct kernel_costs, table_access),
	UINT("shootdown", struct kernel_costs, shootdown),
	UINT("syscall", struct kernel_costs, syscall),
	UINT("copy_64_bytes", struct kernel_costs, copy_64_bytes),
	UINT("signal", struct kernel_costs, signal),
	UINT("context_switch", struct kernel_costs, context_switch),
	UINT("thread_switch", struct kernel_costs, thread_switch),
	UINT("task_create", struct kernel_costs, task_create),
	UINT("fork", struct kernel_costs, fork),
	UINT("alias", struct kernel_costs, alias),
	UINT("file_read_page", struct kernel_costs, file_read_page),
	UINT("file_write_page", struct kernel_costs, file_write_page),
	UINT("reclaim_page", struct kernel_costs, reclaim_page),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t swap_members[] = {
	UINT("bytes", struct swap_config, bytes),
	UINT("read_cycles", struct swap_config, read_cycles),
	UINT("write_cycles", struct swap_config, write_cycles),
	UINT("page_cycles", struct swap_config, page_cycles),
	UINT("queue", struct swap_config, queue),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t reclaim_members[] = {
	STRING("policy", struct reclaim_config, policy),
	ENUM("clear_accessed", struct reclaim_config, clear_accessed),
	UINT("swappiness", struct reclaim_config, swappiness),
	UINT("watermark_scale", struct reclaim_config, watermark_scale),
	UINT("page_cluster", struct reclaim_config, page_cluster),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t kernel_members[] = {
	UINT("ram_bytes", struct kernel_config, ram_bytes),
	STRING("frame_allocator", struct kernel_config, frame_allocator),
	BOOL("group_by_mobility", struct kernel_config, group_by_mobility),
	UINT("segment_bytes", struct kernel_config, segment_bytes),
	BOOL("eager_paging", struct kernel_config, eager_paging),
	UINT("pinned_bytes", struct kernel_config, pinned_bytes),
	UINT("fragment", struct kernel_config, fragment_percent),
	UINT("fragment_seed", struct kernel_config, fragment_seed),
	MAPPING("swap", struct kernel_config, swap, swap_members),
	MAPPING("reclaim", struct kernel_config, reclaim, reclaim_members),
	ENUM("thp", struct kernel_config, thp),
	UINT("thp_scan_pages", struct kernel_config, thp_scan_pages),
	UINT("thp_max_ptes_none", struct kernel_config, thp_max_ptes_none),
	UINT("hugetlb_2m", struct kernel_config, hugetlb_2m),
	UINT("hugetlb_1g", struct kernel_config, hugetlb_1g),
	MAPPING("costs", struct kernel_config, costs, costs_members),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t machine_members[] = {
	STRING(SCHEMA_NAME, struct machine_config, name),
	UINT("cpi", struct machine_config, cpi),
	MAPPING("tlb", struct machine_config, mmu.tlb, tlb_members),
	MAPPING("prefetch", struct machine_config, mmu.prefetch, prefetch_members),
	MAPPING("pom_tlb", struct machine_config, mmu.pom_tlb, pom_tlb_members),
	MAPPING("page_table", struct machine_config, mmu.page_table, page_table_members),
	MAPPING("walk_caches", struct machine_config, mmu.walk_caches, walk_caches_members),
	MAPPING("port", struct machine_config, mmu.port, port_members),
	MAPPING("controls", struct machine_config, mmu.controls, controls_members),
	UINT("asid_bits", struct machine_config, mmu.asid_bits),
	BOOL("classify_misses", struct machine_config, mmu.tlb.classify_misses),
	UINT("fetch_bytes", struct machine_config, mmu.fetch_bytes),
	UINT("walk_latency", struct machine_config, mmu.walk_latency),
	UINT("trap_latency", struct machine_config, mmu.trap_latency),
	UINT("handler_cpi", struct machine_config, mmu.handler_cpi),
	UINT("seed", struct machine_config, mmu.seed),
	MAPPING("kernel", struct machine_config, kernel, kernel_members),
	CYAML_FIELD_END,
};
const cyaml_schema_value_t machine_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct machine_config, machine_members),
};

/* --- the user's half: how values are written ------------------------------------------------ */

#define CHOICE(names, count)         .kind = FIELD_CHOICE, .choices = (names), .choice_count = (count)
#define RANGE(low_value, high_value) .low = (low_value), .high = (high_value)

/* As mmu_config_check() and kernel_config_check() have them, where they look at one value. */
enum {
	CYCLES_MAX = 1000000,
	COST_MAX = 1000000000,
	COUNT_MAX = 1 << 20,
	LINES_MAX = 1 << 26,
	LOAD_MAX = 10000
};

const struct field schema_fields[] = {
	{ "name", FIELD_TEXT, RANGE(1, CONFIG_NAME_MAX - 1) },
	{ "cpi", FIELD_NUMBER, RANGE(1, 1000) },

	{ "tlb.*.relation", CHOICE(tlb_relation_names, TLB_RELATION_COUNT), .preset = "0" },
	{ "tlb.*.*.kind", CHOICE(tlb_array_kind_names, TLB_ARRAY_KIND_COUNT), .preset = "0" },
	{ "tlb.*.*.side", CHOICE(side_names, SIDE_COUNT) },
	{ "tlb.*.*.page_sizes", FIELD_PAGE_SIZE, RANGE(4, 52) },
	{ "tlb.*.*.entries", FIELD_NUMBER, RANGE(1, COUNT_MAX) },
	{ "tlb.*.*.ways", FIELD_WAYS, RANGE(1, COUNT_MAX), .preset = "0" },
	{ "tlb.*.*.wired", FIELD_NUMBER, RANGE(0, COUNT_MAX - 1), .preset = "0" },
	{ "tlb.*.*.replacement", CHOICE(replacement_names, REPLACEMENT_COUNT), .preset = "0" },
	{ "tlb.*.*.probe", CHOICE(probe_names, 2), .preset = "0" },
	{ "tlb.*.*.latency", FIELD_NUMBER, RANGE(0, CYCLES_MAX), .preset = "0" },
	{ "tlb.*.*.coalesce", FIELD_NUMBER, RANGE(1, TLB_COALESCE_MAX), .preset = "1" },

	{ "prefetch.kind", CHOICE(prefetch_names, PREFETCH_KIND_COUNT), .preset = "0" },
	{ "prefetch.degree", FIELD_NUMBER, RANGE(1, PREFETCH_DEGREE_MAX), .preset = "1" },
	{ "prefetch.table_entries", FIELD_NUMBER, RANGE(1, 4096), .preset = "64" },
	{ "prefetch.buffer_entries", FIELD_NUMBER, RANGE(0, 4096), .preset = "16" },

	{ "pom_tlb.bytes", FIELD_SIZE, RANGE(0, 1U << 30), .preset = "0" },
	{ "pom_tlb.large_bytes", FIELD_SIZE, RANGE(0, 1U << 30), .preset = "0" },

	{ "page_table.format", FIELD_TEXT, RANGE(1, CONFIG_NAME_MAX - 1) },
	{ "page_table.radix.index_bits", FIELD_NUMBER, RANGE(1, 24) },
	{ "page_table.radix.leaf_levels", FIELD_LEVEL, RANGE(0, PT_LEVELS_MAX - 1) },
	{ "page_table.radix.offset_bits", FIELD_NUMBER, RANGE(4, 30) },
	{ "page_table.radix.pa_bits", FIELD_NUMBER, RANGE(5, 56) },
	{ "page_table.radix.entry", CHOICE(radix_entry_names, RADIX_ENTRY_COUNT) },
	{ "page_table.radix.accessed", CHOICE(radix_mark_names, RADIX_MARK_COUNT) },
	{ "page_table.radix.dirty", CHOICE(radix_mark_names, RADIX_MARK_COUNT) },
	{ "page_table.backing", FIELD_TEXT, RANGE(1, CONFIG_NAME_MAX - 1) },
	{ "page_table.htab.groups", FIELD_NUMBER, RANGE(1024, 1U << 19) },
	{ "page_table.htab.line_bytes", FIELD_NUMBER, RANGE(32, 64) },
	{ "page_table.htab.handler_instructions", FIELD_NUMBER, RANGE(0, 1000000) },
	{ "page_table.tsb.size", FIELD_NUMBER, RANGE(0, 7) },
	{ "page_table.tsb.hit_instructions", FIELD_NUMBER, RANGE(0, 1000000) },
	{ "page_table.tsb.miss_instructions", FIELD_NUMBER, RANGE(0, 1000000) },
	{ "page_table.vhpt.entries", FIELD_NUMBER, RANGE(128, 1U << 24) },
	{ "page_table.vhpt.handler_instructions", FIELD_NUMBER, RANGE(0, 1000000) },
	{ "page_table.linear.upper", CHOICE(linear_upper_names, LINEAR_UPPER_COUNT) },
	{ "page_table.linear.walker", CHOICE(linear_walker_names, LINEAR_WALKER_COUNT) },
	{ "page_table.linear.spaces", FIELD_NUMBER, RANGE(2, 1U << 16) },
	{ "page_table.linear.user_handler_instructions", FIELD_NUMBER, RANGE(0, 1000000) },
	{ "page_table.linear.kernel_handler_instructions", FIELD_NUMBER, RANGE(0, 1000000) },
	{ "page_table.linear.root_handler_instructions", FIELD_NUMBER, RANGE(0, 1000000) },
	{ "page_table.linear.root_handler_loads", FIELD_NUMBER, RANGE(0, 16) },
	{ "page_table.hashed.buckets", FIELD_NUMBER, RANGE(1, 1U << 24) },
	{ "page_table.inverted.lookup", CHOICE(inverted_lookup_names, INVERTED_LOOKUP_COUNT) },
	{ "page_table.inverted.alias", CHOICE(inverted_alias_names, INVERTED_ALIAS_COUNT) },
	{ "page_table.inverted.anchors", FIELD_NUMBER, RANGE(0, 1U << 28) },
	{ "page_table.hashed.max_load", FIELD_NUMBER, RANGE(0, LOAD_MAX) },
	{ "page_table.hashed.hash", CHOICE(hash_function_names, HASH_FUNCTION_COUNT) },
	{ "page_table.hashed.node_bytes", FIELD_NUMBER, RANGE(24, 32) },
	{ "page_table.open.buckets", FIELD_NUMBER, RANGE(16, 1U << 24) },
	{ "page_table.open.max_load", FIELD_NUMBER, RANGE(0, 99) },
	{ "page_table.open.hash", CHOICE(hash_function_names, HASH_FUNCTION_COUNT) },
	{ "page_table.open.layout", CHOICE(open_layout_names, OPEN_LAYOUT_COUNT) },
	{ "page_table.clustered.buckets", FIELD_NUMBER, RANGE(1, 1U << 24) },
	{ "page_table.clustered.max_load", FIELD_NUMBER, RANGE(0, LOAD_MAX) },
	{ "page_table.clustered.hash", CHOICE(hash_function_names, HASH_FUNCTION_COUNT) },
	{ "page_table.clustered.pages", FIELD_NUMBER, RANGE(2, 64) },
	{ "page_table.clustered.superpages", FIELD_BOOL, RANGE(0, 1) },
	{ "page_table.pa_risc.buckets", FIELD_NUMBER, RANGE(1, 1U << 24) },
	{ "page_table.pa_risc.max_load", FIELD_NUMBER, RANGE(0, LOAD_MAX) },
	{ "page_table.pa_risc.hash", CHOICE(hash_function_names, HASH_FUNCTION_COUNT) },
	{ "page_table.pa_risc.hardware_probes", FIELD_NUMBER, RANGE(0, 1000) },
	{ "page_table.pa_risc.handler_instructions", FIELD_NUMBER, RANGE(0, 100000) },
	{ "page_table.cuckoo.ways", FIELD_NUMBER, RANGE(2, 4) },
	{ "page_table.cuckoo.page_sizes", FIELD_PAGE_SIZE, RANGE(12, 30) },
	{ "page_table.cuckoo.entries", FIELD_NUMBER, RANGE(8, 1U << 20) },
	{ "page_table.cuckoo.walk_table_entries", FIELD_NUMBER, RANGE(8, 1U << 20) },
	{ "page_table.cuckoo.upsize_percent", FIELD_NUMBER, RANGE(25, 90) },
	{ "page_table.cuckoo.downsize_percent", FIELD_NUMBER, RANGE(0, 44) },
	{ "page_table.cuckoo.walk_tables", FIELD_BOOL, RANGE(0, 1) },

	{ "walk_caches.*.level", FIELD_NUMBER, RANGE(1, PT_LEVELS_MAX - 1) },
	{ "walk_caches.*.entries", FIELD_NUMBER, RANGE(1, COUNT_MAX) },
	{ "walk_caches.*.ways", FIELD_WAYS, RANGE(1, COUNT_MAX), .preset = "0" },
	{ "walk_caches.*.replacement", CHOICE(replacement_names, REPLACEMENT_COUNT),
	  .preset = "0" },
	{ "walk_caches.*.latency", FIELD_NUMBER, RANGE(0, CYCLES_MAX), .preset = "0" },

	{ "port.*.size_bytes", FIELD_SIZE, RANGE(8, 1ULL << 38) },
	{ "port.*.ways", FIELD_WAYS, RANGE(1, LINES_MAX), .preset = "0" },
	{ "port.*.line_bytes", FIELD_SIZE, RANGE(8, 4096), .preset = "64" },
	{ "port.*.replacement", CHOICE(replacement_names, REPLACEMENT_COUNT), .preset = "0" },
	{ "port.*.latency", FIELD_NUMBER, RANGE(0, CYCLES_MAX) },
	{ "port.dram_latency", FIELD_NUMBER, RANGE(0, CYCLES_MAX) },
	{ "port.write_latency", FIELD_NUMBER, RANGE(0, CYCLES_MAX) },
	{ "port.traffic", CHOICE(traffic_names, TRAFFIC_COUNT) },

	{ "controls.write_protect", FIELD_BOOL, RANGE(0, 1) },
	{ "controls.smep", FIELD_BOOL, RANGE(0, 1) },
	{ "controls.smap", FIELD_BOOL, RANGE(0, 1) },
	{ "controls.no_execute", FIELD_BOOL, RANGE(0, 1) },
	{ "asid_bits", FIELD_NUMBER, RANGE(0, 16) },
	{ "classify_misses", FIELD_BOOL, RANGE(0, 1) },
	{ "fetch_bytes", FIELD_SIZE, RANGE(1, 4096) },
	{ "walk_latency", FIELD_NUMBER, RANGE(0, CYCLES_MAX) },
	{ "trap_latency", FIELD_NUMBER, RANGE(0, CYCLES_MAX) },
	{ "handler_cpi", FIELD_NUMBER, RANGE(0, 1000) },
	{ "seed", FIELD_NUMBER, RANGE(0, UINT64_MAX) },

	{ "kernel.ram_bytes", FIELD_SIZE, RANGE(65536, 1ULL << 46) },
	{ "kernel.frame_allocator", FIELD_TEXT, RANGE(1, CONFIG_NAME_MAX - 1) },
	{ "kernel.group_by_mobility", FIELD_BOOL, RANGE(0, 1), .preset = "true" },
	{ "kernel.segment_bytes", FIELD_SIZE, RANGE(0, 1ULL << 40), .preset = "0" },
	{ "kernel.eager_paging", FIELD_BOOL, RANGE(0, 1), .preset = "false" },
	{ "kernel.pinned_bytes", FIELD_SIZE, RANGE(0, 1ULL << 45), .preset = "0" },
	{ "kernel.fragment", FIELD_NUMBER, RANGE(0, 100), .preset = "0" },
	{ "kernel.fragment_seed", FIELD_NUMBER, RANGE(0, UINT64_MAX), .preset = "0" },
	{ "kernel.swap.bytes", FIELD_SIZE, RANGE(0, 1ULL << 40), .preset = "0" },
	{ "kernel.swap.read_cycles", FIELD_NUMBER, RANGE(0, COST_MAX), .preset = "240000" },
	{ "kernel.swap.write_cycles", FIELD_NUMBER, RANGE(0, COST_MAX), .preset = "60000" },
	{ "kernel.swap.page_cycles", FIELD_NUMBER, RANGE(0, COST_MAX), .preset = "6000" },
	{ "kernel.swap.queue", FIELD_NUMBER, RANGE(0, 65536), .preset = "32" },
	{ "kernel.reclaim.policy", FIELD_TEXT, RANGE(1, CONFIG_NAME_MAX - 1),
	  .preset = "two-list" },
	{ "kernel.reclaim.clear_accessed", CHOICE(clear_names, CLEAR_COUNT), .preset = "flush" },
	{ "kernel.reclaim.swappiness", FIELD_NUMBER, RANGE(0, 200), .preset = "60" },
	{ "kernel.reclaim.watermark_scale", FIELD_NUMBER, RANGE(0, 3000), .preset = "10" },
	{ "kernel.reclaim.page_cluster", FIELD_NUMBER, RANGE(0, 10), .preset = "3" },
	{ "kernel.thp", CHOICE(thp_mode_names, THP_MODE_COUNT), .preset = "0" },
	{ "kernel.thp_scan_pages", FIELD_NUMBER, RANGE(0, 1 << 30), .preset = "4096" },
	{ "kernel.thp_max_ptes_none", FIELD_NUMBER, RANGE(0, 1023), .preset = "511" },
	{ "kernel.hugetlb_2m", FIELD_NUMBER, RANGE(0, 1 << 25), .preset = "0" },
	{ "kernel.hugetlb_1g", FIELD_NUMBER, RANGE(0, 1 << 16), .preset = "0" },
	{ "kernel.costs.fault_entry", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.fault_service", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.page_zero", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.page_copy", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.table_access", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.shootdown", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.syscall", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.copy_64_bytes", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.signal", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.context_switch", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.thread_switch", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.task_create", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.fork", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.alias", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.file_read_page", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.file_write_page", FIELD_NUMBER, RANGE(0, COST_MAX) },
	{ "kernel.costs.reclaim_page", FIELD_NUMBER, RANGE(0, COST_MAX), .preset = "300" },
	{ 0 },
};

const struct field *schema_field(const char *path)
{
	for (const struct field *field = schema_fields; field->path != NULL; field++)
		if (strcmp(field->path, path) == 0)
			return field;
	return NULL;
}

const cyaml_schema_field_t *schema_member(const cyaml_schema_field_t *members, const char *key)
{
	for (; members->key != NULL; members++)
		if (strcmp(members->key, key) == 0)
			return members;
	return NULL;
}
