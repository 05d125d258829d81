/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Names of the enums in a machine description, and the machine one gets without one: x86-64 with
 * four levels (Intel SDM 3A, "4-Level Paging"), nothing cached, protections on as Linux has them.
 */

#include "mmu/config.h"

#include <string.h>

const char *const replacement_names[REPLACEMENT_COUNT] = { "lru", "tree-plru", "fifo", "random" };
const char *const tlb_relation_names[TLB_RELATION_COUNT] = { "neither", "inclusive", "exclusive" };
const char *const inverted_lookup_names[INVERTED_LOOKUP_COUNT] = { "scan", "hash" };
const char *const inverted_alias_names[INVERTED_ALIAS_COUNT] = { "remap", "chain" };
const char *const tlb_array_kind_names[TLB_ARRAY_KIND_COUNT] = { "pages", "segment", "ranges" };
const char *const prefetch_names[PREFETCH_KIND_COUNT] = { "none", "next-page", "stride",
							  "distance" };
const char *const radix_entry_names[RADIX_ENTRY_COUNT] = {
	"x86-64", "x86-32", "x86-pae", "riscv-32", "riscv-64",
	"armv8",  "toy-8",  "toy-16",  "toy-32",   "toy-64",
};
const char *const radix_mark_names[RADIX_MARK_COUNT] = { "hardware", "software" };
const char *const hash_function_names[HASH_FUNCTION_COUNT] = { "multiply", "xor" };
const char *const open_layout_names[OPEN_LAYOUT_COUNT] = { "slot", "eight-slots", "eight-pages" };

/* Room for 256 MiB of pages, or of blocks of pages, before a table grows. */
static void hashed_default(struct pt_config *config)
{
	config->hashed =
		(struct hashed_config){ .buckets = 1 << 16, .max_load = 100, .node_bytes = 32 };
	config->open = (struct hashed_config){ .buckets = 1 << 17, .max_load = 50 };
	config->clustered = (struct hashed_config){
		.buckets = 1 << 12, .max_load = 100, .pages = 16, .superpages = true
	};
	config->pa_risc = (struct hashed_config){ .buckets = 1 << 16,
						  .max_load = 100,
						  .hardware_probes = 1,
						  .handler_instructions = 20 };
}

const char *const linear_upper_names[LINEAR_UPPER_COUNT] = { "physical", "mapped" };
const char *const linear_walker_names[LINEAR_WALKER_COUNT] = { "software", "hardware" };

/* Jacob & Mudge 1998, the handlers of ULTRIX and MACH (unverified). */
static const struct linear_config linear_default = {
	.spaces = 256,
	.user_handler_instructions = 10,
	.kernel_handler_instructions = 20,
	.root_handler_instructions = 500,
	.root_handler_loads = 10,
};

void mmu_config_default(struct mmu_config *config)
{
	struct radix_config *radix = &config->page_table.radix;

	memset(config, 0, sizeof(*config));
	strcpy(config->page_table.format, "radix");
	radix->level_count = 4;
	for (unsigned i = 0; i < radix->level_count; i++)
		radix->index_bits[i] = 9;
	radix->leaf_allowed[0] = radix->leaf_allowed[1] = radix->leaf_allowed[2] = true;
	radix->offset_bits = FRAME_LG2;
	radix->pa_bits = 46;
	radix->entry = RADIX_ENTRY_X86_64;
	hashed_default(&config->page_table);
	config->page_table.inverted.lookup = INVERTED_HASH;
	config->page_table.cuckoo = (struct cuckoo_config){
		.ways = 3,
		.page_size_count = 3,
		.page_lg2 = { 12, 21, 30 },
		.entries = 1 << 14,
		.walk_table_entries = 1 << 12,
		.upsize_percent = 60,
		.downsize_percent = 20,
		.walk_tables = true,
	};
	strcpy(config->page_table.backing, "radix");
	config->page_table.linear = linear_default;
	config->page_table.htab = (struct htab_config){ 4096, 32, 40 };
	config->page_table.tsb = (struct tsb_config){ 3, 15, 30 };
	config->page_table.vhpt = (struct vhpt_config){ 1 << 14, 40 };
	config->port.dram_latency = 100;
	config->port.write_latency = 100;
	config->controls = (struct mmu_controls){
		.write_protect = true, .smep = true, .smap = true, .no_execute = true
	};
	config->prefetch = (struct prefetch_config){
		.kind = PREFETCH_NONE, .degree = 1, .table_entries = 64, .buffer_entries = 16
	};
	config->asid_bits = 12;
	config->fetch_bytes = 64;
	config->trap_latency = 100;
	config->handler_cpi = 1;
	config->seed = 1;
}
