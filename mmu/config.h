/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_CONFIG_H
#define PAGEWALK_MMU_CONFIG_H

/*
 * The hardware part of a machine description, as plain data. configs/ fills it from YAML;
 * anyone else may fill it by hand. mmu_config_check() says what is wrong with it.
 *
 * All `latency` fields are what is *added* to an access, in cycles.
 */

#include "mmu/error.h"
#include "mmu/types.h"
#include "mmu/walk.h"

enum {
	CONFIG_NAME_MAX = 24,
	PT_LEVELS_MAX = 8,
	TLB_LEVELS_MAX = 4,
	TLB_ARRAYS_MAX = 8, /* a level */
	TLB_PAGE_SIZES_MAX = 8,
	TLB_COALESCE_MAX = 16,
	PREFETCH_DEGREE_MAX = 8,
	WALK_CACHES_MAX = 6,
	PORT_LEVELS_MAX = 4,
};

enum replacement {
	REPLACE_LRU,
	REPLACE_TREE_PLRU,
	REPLACE_FIFO,
	REPLACE_RANDOM,
	REPLACEMENT_COUNT
};
extern const char *const replacement_names[REPLACEMENT_COUNT];

/* How a TLB level relates to the level above it (the one nearer the core). */
enum tlb_relation {
	RELATION_NEITHER,   /* a fill enters both; evictions are independent */
	RELATION_INCLUSIVE, /* what leaves this level is invalidated above */
	RELATION_EXCLUSIVE, /* holds only victims of the level above; a hit moves the entry up */
	TLB_RELATION_COUNT
};
extern const char *const tlb_relation_names[TLB_RELATION_COUNT];

enum tlb_probe {
	PROBE_PARALLEL, /* all page sizes of an array at once: one latency */
	PROBE_SERIAL,   /* one page size after another, in the order given: a latency each */
};

/* What the entries of an array hold. */
enum tlb_array_kind {
	TLB_PAGES,
	TLB_SEGMENT, /* registers of a direct segment: base, limit, offset */
	TLB_RANGES,  /* translations of any length, from a range table */
	TLB_ARRAY_KIND_COUNT
};
extern const char *const tlb_array_kind_names[TLB_ARRAY_KIND_COUNT];

struct tlb_array_config {
	char name[CONFIG_NAME_MAX];
	enum tlb_side side;
	uint8_t page_lg2[TLB_PAGE_SIZES_MAX]; /* ascending; PROBE_SERIAL: in the order of probing */
	unsigned page_size_count;
	unsigned entries;
	unsigned ways; /* 0: fully associative; entries / ways sets, any number */
	enum replacement replacement;
	enum tlb_probe probe;
	unsigned latency;
	unsigned wired;    /* ways of each set kept for wired translations; 0: all serve all */
	unsigned coalesce; /* pages of its smallest size that one entry may hold; 0, 1: one */
	enum tlb_array_kind kind;
};

struct tlb_level_config {
	char name[CONFIG_NAME_MAX];
	enum tlb_relation relation; /* RELATION_NEITHER for the first level */
	unsigned array_count;
	struct tlb_array_config array[TLB_ARRAYS_MAX];
};

struct tlb_config {
	unsigned level_count; /* 0: no TLB, every access walks */
	bool classify_misses; /* cold, capacity, conflict or flush (tlb_classify.h); costs host time */
	struct tlb_level_config level[TLB_LEVELS_MAX];
};

/* TLB prefetching: mmu/prefetch.h. */
enum prefetch_kind {
	PREFETCH_NONE,
	PREFETCH_NEXT_PAGE,
	PREFETCH_STRIDE,
	PREFETCH_DISTANCE,
	PREFETCH_KIND_COUNT
};
extern const char *const prefetch_names[PREFETCH_KIND_COUNT];

struct prefetch_config {
	enum prefetch_kind kind;
	unsigned degree;         /* pages a miss, at most */
	unsigned table_entries;  /* rows of the predictor: stride and distance */
	unsigned buffer_entries; /* 0: prefetched translations go into the last TLB level */
};

/* A TLB in memory below the last level: mmu/pom_tlb.h. Powers of two; 0: none. */
struct pom_tlb_config {
	uint64_t bytes;       /* for base pages */
	uint64_t large_bytes; /* for the next larger page size of the page table */
};

/* One walk cache: holds walk states after the entry at `level` was read. */
struct walk_cache_config {
	char name[CONFIG_NAME_MAX]; /* "pde" */
	unsigned level; /* of the entry it saves reading: 1 = the one above the leaf level */
	unsigned entries, ways; /* ways 0: fully associative */
	enum replacement replacement;
	unsigned latency;
};

struct walk_caches_config {
	unsigned count;
	struct walk_cache_config cache[WALK_CACHES_MAX];
};

struct port_level_config {
	char name[CONFIG_NAME_MAX]; /* "l1d" */
	uint64_t size_bytes;
	unsigned ways; /* 0: fully associative */
	unsigned line_bytes;
	enum replacement replacement;
	unsigned latency; /* of a hit here, from the start of the reference */
};

enum port_traffic {
	PORT_TABLES,          /* only page-table references go through the caches */
	PORT_TABLES_AND_DATA, /* the program's data too */
};

struct port_config {
	unsigned level_count; /* 0: every reference costs dram_latency */
	struct port_level_config level[PORT_LEVELS_MAX];
	unsigned dram_latency;
	unsigned write_latency; /* of a page-table write-back */
	enum port_traffic traffic;
};

/* How the entries of a radix table are laid out in bits. */
enum radix_entry {
	RADIX_ENTRY_X86_64,
	RADIX_ENTRY_X86_32,
	RADIX_ENTRY_X86_PAE,
	RADIX_ENTRY_RISCV_32,
	RADIX_ENTRY_RISCV_64,
	RADIX_ENTRY_ARMV8,
	RADIX_ENTRY_TOY_8,
	RADIX_ENTRY_TOY_16,
	RADIX_ENTRY_TOY_32,
	RADIX_ENTRY_TOY_64,
	RADIX_ENTRY_COUNT
};
extern const char *const radix_entry_names[RADIX_ENTRY_COUNT];

/* Who sets A or D in a leaf: the walk, or software after a fault. */
enum radix_mark { RADIX_MARK_HARDWARE, RADIX_MARK_SOFTWARE, RADIX_MARK_COUNT };
extern const char *const radix_mark_names[RADIX_MARK_COUNT];

struct radix_config {
	unsigned level_count;               /* 1..PT_LEVELS_MAX */
	unsigned index_bits[PT_LEVELS_MAX]; /* [0] is the leaf level */
	bool leaf_allowed[PT_LEVELS_MAX];   /* [0] is always true */
	unsigned offset_bits;               /* of the base page */
	unsigned pa_bits;                   /* MAXPHYADDR: bits above are reserved */
	enum radix_entry entry;
	enum radix_mark accessed, dirty;
};

/* How a hashed table gets from a page and an ASID to a bucket. */
enum hash_function { HASH_MULTIPLY, HASH_XOR, HASH_FUNCTION_COUNT };
extern const char *const hash_function_names[HASH_FUNCTION_COUNT];

/* What a table with open addressing probes: pt_open.c. */
enum open_layout { OPEN_SLOT, OPEN_EIGHT_SLOTS, OPEN_EIGHT_PAGES, OPEN_LAYOUT_COUNT };
extern const char *const open_layout_names[OPEN_LAYOUT_COUNT];

/* One for each hashed format, which uses what it has a use for. */
struct hashed_config {
	unsigned buckets;  /* a power of two; open: places for a tag each */
	unsigned max_load; /* tags per 100 buckets beyond which the table doubles; 0: never */
	enum hash_function function;
	unsigned node_bytes;           /* hashed: 24, or 32 so that none crosses a cache line */
	unsigned pages;                /* clustered: under one tag */
	bool superpages;               /* clustered: a block may be one leaf */
	enum open_layout layout;       /* open */
	unsigned hardware_probes;      /* pa-risc: entries looked at before the handler starts */
	unsigned handler_instructions; /* pa-risc */
};

/* How an inverted table finds a page, and what it does with a second mapping of a frame. */
enum inverted_lookup { INVERTED_SCAN, INVERTED_HASH, INVERTED_LOOKUP_COUNT };
enum inverted_alias { INVERTED_REMAP, INVERTED_CHAIN, INVERTED_ALIAS_COUNT };
extern const char *const inverted_lookup_names[INVERTED_LOOKUP_COUNT];
extern const char *const inverted_alias_names[INVERTED_ALIAS_COUNT];

struct inverted_config {
	enum inverted_lookup lookup;
	enum inverted_alias alias;
	unsigned anchors; /* of the hash anchor table: a power of two; 0: one a frame, rounded up */
};

/* Elastic cuckoo tables: one a page size, and walk tables for the sizes above the smallest. */
struct cuckoo_config {
	unsigned ways;            /* of each table */
	unsigned page_size_count; /* 4K alone, with 2M, with 2M and 1G */
	uint8_t page_lg2[TLB_PAGE_SIZES_MAX];
	unsigned entries;            /* lines of eight pages in a way, at first and at least */
	unsigned walk_table_entries; /* lines of 64 sections in each of the two ways of a walk table */
	unsigned upsize_percent, downsize_percent; /* load of a way beyond which it is resized */
	bool walk_tables;                          /* walks read them */
};

/* How a handler finds the table page that a linear page table maps: its upper levels. */
enum linear_upper {
	LINEAR_UPPER_PHYSICAL, /* from the root down, by physical address (ULTRIX) */
	LINEAR_UPPER_MAPPED,   /* level by level upwards, each mapped by the next (MACH) */
	LINEAR_UPPER_COUNT
};
enum linear_walker { LINEAR_WALKER_SOFTWARE, LINEAR_WALKER_HARDWARE, LINEAR_WALKER_COUNT };
extern const char *const linear_upper_names[LINEAR_UPPER_COUNT];
extern const char *const linear_walker_names[LINEAR_WALKER_COUNT];

struct linear_config {
	enum linear_upper upper;
	enum linear_walker walker; /* of the first reference; nested misses are software's */
	unsigned spaces; /* ASIDs that the kernel's address space has room for, 0 included */
	unsigned user_handler_instructions, kernel_handler_instructions, root_handler_instructions;
	unsigned root_handler_loads; /* of the handler's own data, beside the entry */
};

/* Bounded tables, each over the table that `backing` names. */
struct htab_config {
	unsigned groups;     /* of eight entries: a power of two */
	unsigned line_bytes; /* what the hardware reads at once: 32 or 64 */
	unsigned handler_instructions;
};

struct tsb_config {
	unsigned size;                                /* 512 x 2^size entries */
	unsigned hit_instructions, miss_instructions; /* of the handler: looking, and refilling */
};

struct vhpt_config {
	unsigned entries; /* a power of two */
	unsigned handler_instructions;
};

struct pt_config {
	char format[CONFIG_NAME_MAX];
	char backing[CONFIG_NAME_MAX]; /* format behind a bounded table */
	struct radix_config radix;     /* used by the formats that are named for them */
	struct hashed_config hashed, open, clustered, pa_risc;
	struct inverted_config inverted;
	struct cuckoo_config cuckoo;
	struct linear_config linear;
	struct htab_config htab;
	struct tsb_config tsb;
	struct vhpt_config vhpt;
};

struct mmu_config {
	struct tlb_config tlb;
	struct prefetch_config prefetch;
	struct pom_tlb_config pom_tlb;
	struct pt_config page_table;
	struct walk_caches_config walk_caches;
	struct port_config port;
	struct mmu_controls controls;
	unsigned asid_bits;   /* 0: no ASIDs, a switch flushes all but global */
	unsigned fetch_bytes; /* an I-side lookup happens at each new window of this size */
	unsigned walk_latency; /* of a walk, whatever it reads: starting it, the walker's own steps */
	unsigned trap_latency; /* entry and exit of a software refill handler */
	unsigned handler_cpi;  /* cycles per instruction of a software handler */
	uint64_t seed;         /* of random replacement */
};

/* A valid starting point: x86-64, 4 levels, no TLB, no caches, DRAM 100 cycles, fetch 64. */
void mmu_config_default(struct mmu_config *config);
/* The first thing wrong, or PW_OK. */
int mmu_config_check(const struct mmu_config *config, struct config_complaint *complaint);

#endif
