/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_RECLAIM_H
#define PAGEWALK_EMU_KERNEL_RECLAIM_H

/*
 * Page replacement: which resident page leaves next. One const ops object a policy, found by name.
 *
 * The law of the interface:
 *  - A policy knows pages by frame. It hears of each that becomes resident and of each that leaves,
 *    whoever made it leave, and keeps them in lists of its own through struct reclaim_page.
 *  - What it may know of use is what hardware offers: the A and D bits, by reclaim_look(), which
 *    costs (the kernel model charges it). Policies that are told of each access or of the future
 *    have `cheats` set, and say so in their doc.
 *  - victim() proposes and changes only its own books; the page leaves when the kernel model says
 *    so, by removed(). It proposes only pages that reclaim_evictable() allows, and ends: after each
 *    page was looked at twice at most, PFN_NONE. The dispatcher checks what it returned.
 *  - Deterministic: the same calls give the same victims.
 *
 * Source: Tanenbaum & Bos, "Modern Operating Systems", "Page Replacement Algorithms", for FIFO,
 * clock, aging; Silberschatz et al., "Operating System Concepts", for enhanced second chance; each
 * file names its own.
 */

#include "mmu/memory.h"

struct reclaim;

enum reclaim_kind { RECLAIM_ANONYMOUS, RECLAIM_FILE, RECLAIM_KIND_COUNT };
enum reclaim_bits { LOOK_ACCESSED = 1, LOOK_DIRTY = 2 };

/* Which page it is, whatever frame holds it: (space, page number) or (file, page of the file). */
struct reclaim_key {
	uint64_t owner, index;
};

/* A resident page; the members below `kind` are the policy's. */
struct reclaim_page {
	struct reclaim_key key;
	bool resident;
	uint8_t kind; /* enum reclaim_kind */
	uint8_t list; /* 0: none */
	uint8_t age;
	bool referenced;
	uint32_t slot;
	pfn_t next, previous; /* in its list; PFN_NONE at the ends */
};

/* What a policy may ask of the kernel model. */
struct reclaim_host {
	void *ctx;
	/* A and D over all mappings of the frame; with `clear` A is cleared in all. */
	unsigned (*look)(void *ctx, pfn_t pfn, bool clear);
	/* Not pinned, and nothing else against it. */
	bool (*evictable)(void *ctx, pfn_t pfn);
	/* OPT only: how many accesses from now the page is used next; UINT64_MAX: never again. */
	uint64_t (*next_use)(void *ctx, struct reclaim_key key);
};

struct reclaim_ops {
	const char *name; /* as in kernel.reclaim.policy of a machine description */
	const char *doc;
	bool cheats;      /* needs `accessed`, or next_use: what no hardware offers */
	bool wants_ticks; /* tick() is to be called at intervals */
	int (*create)(struct reclaim *r); /* NULL: nothing to make. PW_NOMEM */
	void (*destroy)(struct reclaim *r);
	void (*inserted)(struct reclaim *r, pfn_t pfn);
	void (*removed)(struct reclaim *r, pfn_t pfn);
	void (*accessed)(struct reclaim *r, pfn_t pfn); /* NULL but for those that cheat */
	void (*tick)(struct reclaim *r);                /* NULL without wants_ticks */
	pfn_t (*victim)(struct reclaim *r);
};
extern const struct reclaim_ops *const reclaim_policies[]; /* NULL-terminated */
const struct reclaim_ops *reclaim_policy_find(const char *name);

struct reclaim_setup {
	const char *policy;
	pfn_t end; /* frames are below */
	uint64_t seed;
	unsigned swappiness; /* 0..200 as vm.swappiness; for policies that weigh the kinds */
	struct reclaim_host host;
	const struct host_alloc *alloc;
};

struct reclaim {
	const struct reclaim_ops *ops;
	struct reclaim_setup setup;
	struct reclaim_page *page; /* by frame, below `pages` */
	pfn_t pages;               /* grows to what was resident at the highest */
	uint64_t resident;
	void *state; /* the policy's */
};

/* PW_INVALID: no such policy; PW_NOMEM. */
int reclaim_init(struct reclaim *r, const struct reclaim_setup *setup);
void reclaim_release(struct reclaim *r);

static inline bool reclaim_is_resident(const struct reclaim *r, pfn_t pfn)
{
	return pfn < r->pages && r->page[pfn].resident;
}
/* A page that the host has no memory to keep books of never leaves. */
void reclaim_insert(struct reclaim *r, pfn_t pfn, enum reclaim_kind kind, struct reclaim_key key);
void reclaim_remove(struct reclaim *r, pfn_t pfn); /* not resident: nothing */
/* An access to the page was completed; only where ops->accessed. */
void reclaim_accessed(struct reclaim *r, pfn_t pfn);
void reclaim_tick(struct reclaim *r);
pfn_t reclaim_victim(struct reclaim *r); /* PFN_NONE: none can leave */

/* For policies. */
static inline unsigned reclaim_look(const struct reclaim *r, pfn_t pfn, bool clear)
{
	return r->setup.host.look(r->setup.host.ctx, pfn, clear);
}
static inline bool reclaim_evictable(const struct reclaim *r, pfn_t pfn)
{
	return r->setup.host.evictable(r->setup.host.ctx, pfn);
}

#endif
