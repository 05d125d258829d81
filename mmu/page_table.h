/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PAGE_TABLE_H
#define PAGEWALK_MMU_PAGE_TABLE_H

/*
 * The interface of a page-table format, and the registry of formats.
 *
 * struct page_table is one a machine; struct pt_space is one an address space (radix: a root;
 * inverted: an ASID). A format is one file mmu/pt_<name>.c with one const pt_ops object, entered
 * in pt_formats[] (pt_registry.c): tests/conform then holds it to the dumb reference.
 *
 * The law of the interface:
 *  - Page-table entries are real bits in simulated physical memory; every byte is loaded and
 *    stored through the page table's pt_memory, walks excepted (the core reads for them).
 *  - On failure nothing has changed.
 *  - The kernel invalidates TLBs and walk caches after any change that it asked for; what else an
 *    operation makes stale, the format reports through pt_invalidate().
 *  - walk_start() and walk_next() are pure: they write only *state and *request.
 */

#include "mmu/access_rights.h"
#include "mmu/config.h"
#include "mmu/error.h"
#include "mmu/memory.h"
#include "mmu/range_table.h"
#include "mmu/walk.h"

struct pt_ops;

/* What a format with its geometry can do; filled by create(), const afterwards. */
struct pt_caps {
	uint64_t page_sizes; /* bit (1 << lg2) for each leaf size */
	uint8_t base_page_lg2;
	uint8_t va_bits; /* virtual addresses that can be mapped, before sign extension */
	uint8_t pa_bits;
	uint8_t perms_always; /* enum perm_bits that a leaf grants whatever is asked: x86 reads */
	uint8_t level_count;  /* 1 for tables without levels */
	uint8_t entry_bytes;  /* of a leaf entry or node; 0: of no fixed size */
	uint8_t level_lg2[PT_LEVELS_MAX]; /* what one entry of each level covers; [0]: the base page */
	bool sign_extended;               /* x86: bits above va_bits copy the highest (canonical) */
	bool hardware_accessed, hardware_dirty; /* else a clear bit is a fault for software */
	bool aliases;                           /* one frame may be mapped at several addresses */
	bool wired;  /* its translations take wired TLB ways: a kernel's mapping of page tables */
	bool backed; /* stands on an inner table of another format (pt_backing.h) */
	bool contiguous; /* needs physically contiguous table memory beyond one frame */
};

/* What hardware holds of a table. */
enum pt_held { PT_HELD_TLB = 1, PT_HELD_WALK_CACHES = 2 };

/* The hardware that walks the table; mmu_init() enters itself here. */
struct pt_listener {
	/* Drop what you hold (bits of enum pt_held) of [va, va + bytes); NULL: nobody holds any. */
	void (*invalidate)(void *ctx, asid_t tag, va_t va, uint64_t bytes, unsigned held);
	void *ctx;
};

struct page_table {
	const struct pt_ops *ops;
	struct pt_memory *memory;
	const struct host_alloc *alloc;
	struct pt_config config;
	struct pt_caps caps;
	struct pt_listener listener;
	void *format; /* the format's own, or NULL */
};

struct pt_space {
	struct page_table *table;
	asid_t asid; /* which space: what formats tag entries with, and events name */
	asid_t tag; /* what TLBs and walk caches tag entries with, lent for a time: pt_space_lend() */
	pa_t root; /* CR3-like, where the format has one */
	/* The direct segment, where the machine has one; bytes 0: none. Its owner's, not the format's. */
	struct translation segment;
	struct range_table ranges; /* likewise: pt_range_enter() */
	uint64_t mapped;           /* leaf entries, in base pages: for the conservation laws */
	uint64_t table_bytes;   /* of tables that are this space's alone: pt_space_table_bytes() */
	struct pt_space *inner; /* of the table that this one stands on (pt_backing.h), or NULL */
	void *format;           /* the format's own, or NULL */
};

struct pt_attrs {
	uint8_t perms; /* enum perm_bits */
	bool global, accessed, dirty;
};

/* One leaf to enter: `bytes` of one page size, va and pa aligned to it. */
struct pt_mapping {
	va_t va;
	pa_t pa;
	uint8_t page_lg2;
	struct pt_attrs attrs;
};

/* What had to make room (tables that hold one mapping a frame or a slot). */
struct pt_displaced {
	bool happened;
	struct pt_space *space;
	va_t va;
	struct translation leaf; /* as it stood, A and D included */
};

enum pt_harvest { HARVEST_READ = 0, HARVEST_CLEAR_A = 1, HARVEST_CLEAR_D = 2 };

struct pt_stats {
	uint64_t table_bytes;           /* memory that the tables occupy now */
	uint64_t tables[PT_LEVELS_MAX]; /* tables per level, 0 = leaf; 0 where there are none */
	uint64_t entries, slots;        /* used and available: the load factor */
	uint64_t longest_chain;         /* collisions, where the format has any */
	/* Hashed tables: tags, places that they hash to, doublings so far, tags moved by them. */
	uint64_t blocks, buckets, resizes, moved;
	uint64_t kicks; /* cuckoo tables: lines displaced by others, so far */
};

/* One named field of a raw entry, for people. */
struct pt_field {
	const char *name;
	uint8_t low_bit, bits;
	uint64_t value;
};
enum { PT_FIELDS_MAX = 20 };

/* Called for each leaf that a range operation met. */
typedef void pt_visit_fn(void *ctx, const struct translation *leaf);

struct pt_ops {
	const char *name; /* as in page_table.format of a machine description */
	const char *doc;
	bool bounded; /* a cache of the table of the format that config->backing names */

	/* May be NULL: what create() would refuse. PW_INVALID fills *complaint. Pure. */
	int (*config_check)(const struct pt_config *config, struct config_complaint *complaint);
	/*
	 * May be NULL: 4 KiB, and perhaps larger ones. Bit (1 << lg2) for what an entry of each level
	 * would cover; the lowest is the base page. Pure.
	 */
	uint64_t (*page_sizes)(const struct pt_config *config);
	/* pt->config is set; fills caps and format. PW_INVALID fills *complaint. */
	int (*create)(struct page_table *pt, struct config_complaint *complaint);
	void (*destroy)(struct page_table *pt);
	/* space->table and asid are set. PW_NOFRAMES, PW_NOMEM. */
	int (*space_create)(struct pt_space *space);
	void (*space_destroy)(struct pt_space *space); /* frees tables, not mapped frames */

	/*
	 * Enters one leaf. PW_EXISTS if any part of it is mapped, PW_NOFRAMES, PW_INVALID for an
	 * address or a size that the format lacks. Tables made on the way have their A bit set, as
	 * Linux does (_PAGE_TABLE). *displaced may be NULL where caps.aliases holds.
	 */
	int (*map)(struct pt_space *space, const struct pt_mapping *mapping,
		   struct pt_displaced *displaced);
	/*
	 * Removes every leaf that lies within [va, va + bytes), telling each to `gone` (may be
	 * NULL). A leaf that only partly lies inside: PW_INVALID before anything is changed (split
	 * it first). Absent pages are passed over. Empty tables are freed. `gone` is called in
	 * address order by formats whose tables are, else in an order of the format's own.
	 */
	int (*unmap)(struct pt_space *space, va_t va, uint64_t bytes, pt_visit_fn *gone, void *ctx);
	/* Sets the permissions of every leaf within the range; the rest of the law as for unmap. */
	int (*protect)(struct pt_space *space, va_t va, uint64_t bytes, uint8_t perms,
		       pt_visit_fn *changed, void *ctx);
	/*
	 * Reads, and clears as asked, A and D of the leaf that maps va; *leaf is the translation
	 * as it stood before. PW_ABSENT. Software's way to look at a page.
	 */
	int (*harvest)(struct pt_space *space, va_t va, unsigned clear, struct translation *leaf);
	/* Sets A (and D) of the leaf that maps va, as software does for its own touches. PW_ABSENT. */
	int (*mark)(struct pt_space *space, va_t va, bool dirty);
	/*
	 * Replaces the large leaf that maps va by leaves of the next smaller size, with the same
	 * attributes. PW_ABSENT, PW_NOFRAMES, PW_UNSUPPORTED when there is no smaller size.
	 */
	int (*split)(struct pt_space *space, va_t va);
	/* Every leaf of the space in address order. PW_NOMEM before the first visit. */
	int (*for_each)(struct pt_space *space, pt_visit_fn *visit, void *ctx);
	/*
	 * Decodes what a walk read at a level (`length` bytes: an entry, a node, a line of entries)
	 * into fields[PT_FIELDS_MAX]; returns how many. 0 where it has no meaning of its own.
	 */
	unsigned (*describe)(const struct page_table *pt, unsigned level, const void *bytes,
			     unsigned length, struct pt_field *fields);
	void (*stats)(const struct page_table *pt, struct pt_stats *stats);

	void (*walk_start)(const struct walk_input *input, struct walk_state *state);
	enum walk_step (*walk_next)(const struct walk_input *input, struct walk_state *state,
				    const struct walk_reply *reply, struct walk_request *request);
	/*
	 * May be NULL. The whole silent walk of pt_probe() at once, for formats that can do it faster
	 * than step by step; by the very same rules, so both share the code that judges an entry.
	 * FAULT_NONE fills *leaf, which may be NULL; a fault sets only *level.
	 */
	enum fault_kind (*probe)(const struct walk_input *input, struct translation *leaf,
				 unsigned *level);

	/* Verifies all invariants; PW_CORRUPT with a static text. For tests. */
	int (*check)(struct page_table *pt, const char **what);
};

extern const struct pt_ops *const pt_formats[]; /* NULL-terminated */
extern const char pt_format_names[];            /* "one of ...", for complaints */
const struct pt_ops *pt_format_find(const char *name);

/* ops->page_sizes of the format of a configuration. */
uint64_t pt_page_sizes(const struct pt_config *config);

/* May this address be mapped at all? x86: is it canonical? Pure arithmetic. */
static inline bool pt_va_valid(const struct pt_caps *caps, va_t va)
{
	unsigned above = 64u - caps->va_bits;

	if (above == 0)
		return true;
	if (caps->sign_extended)
		return (va_t)((int64_t)(va << above) >> above) == va;
	return va >> caps->va_bits == 0;
}

/*
 * For formats: an operation has made stale what hardware may hold of other pages than those that it
 * was called for (a displaced page; a summary of a region that has changed), or of those on map(). The
 * space is named by its tag, not its ASID: hardware knows no other.
 */
static inline void pt_invalidate(const struct page_table *pt, asid_t tag, va_t va, uint64_t bytes,
				 unsigned held)
{
	if (pt->listener.invalidate)
		pt->listener.invalidate(pt->listener.ctx, tag, va, bytes, held);
}

/* Registered under config->format. PW_INVALID fills *complaint. memory and alloc outlive the table. */
int page_table_create(struct page_table *pt, const struct pt_config *config,
		      struct pt_memory *memory, const struct host_alloc *alloc,
		      struct config_complaint *complaint);
void page_table_destroy(struct page_table *pt); /* its spaces were destroyed before */
/*
 * The ASID belongs to no other space of this table, and is its tag too until the owner lends it
 * another by pt_space_lend() (emu/kernel/asid.c). PW_NOFRAMES, PW_NOMEM.
 */
int pt_space_create(struct page_table *pt, asid_t asid, struct pt_space **out);
void pt_space_destroy(struct pt_space *space);
/* What the space's own tables occupy; 0 where one table serves all spaces. */
uint64_t pt_space_table_bytes(const struct pt_space *space);
/* The tag is this space's from now on, and that of the space that it stands on. */
void pt_space_lend(struct pt_space *space, asid_t tag);

/*
 * Ranges: memory that is contiguous in both spaces, whose pages are in the page table with the same
 * permissions, A and D set. Whoever changes one of these entries takes its page out of the range
 * before the TLBs are told. PW_NOFRAMES: not entered, which harms nobody.
 */
int pt_range_enter(struct pt_space *space, const struct translation *range);
void pt_range_remove(struct pt_space *space, va_t va, uint64_t bytes);

/*
 * Does the page table let this access through? Runs the format's walk silently: no charge, no
 * event, no A/D update, no walk cache. Returns FAULT_NONE and fills *leaf, or the fault kind and
 * fills *fault (either may be NULL). Never looks at a TLB. An address that pt_va_valid() refuses
 * is FAULT_NON_CANONICAL, with va and error code 0 (x86 raises #GP and leaves CR2 alone).
 */
enum fault_kind pt_probe(const struct walk_input *input, struct translation *leaf,
			 struct mmu_fault *fault);
/*
 * Which accesses would go through now at input->va and input->mode (input->access is ignored): bit
 * (1 << enum access_kind) for each for which pt_probe() would return FAULT_NONE. One silent walk.
 * Unless it returns 0, *leaf is the translation.
 */
unsigned pt_grants(const struct walk_input *input, struct translation *leaf);
/*
 * The translation of va if any leaf maps it, whatever it permits, by a silent walk: A in it reads
 * as a walk would leave it (use harvest to look at A and D). PW_ABSENT.
 */
int pt_lookup(struct pt_space *space, va_t va, struct translation *leaf);

#endif
