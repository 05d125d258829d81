/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The TLB in memory; see pom_tlb.h. */

#include "mmu/pom_tlb.h"

#include "mmu/access_rights.h"
#include "mmu/page_table.h"
#include "mmu/port.h"

#include <string.h>

enum { SET_BYTES = 64, WAYS = 4, PAGE_BITS = 47, ASID_SHIFT = 48, FRAME_SHIFT = 12 };
enum { ENTRY_VALID = 1, ENTRY_DIRTY = 1 << 4, ENTRY_GLOBAL = 1 << 5, ENTRY_PERMS = 15 };

struct pom_entry {
	uint64_t tag, value;
};

static int init_part(struct pom_tlb *pom, struct pom_part *part, uint64_t bytes, unsigned page_lg2)
{
	int error;

	while ((uint64_t)FRAME_BYTES << part->order < bytes)
		part->order++;
	error = pt_memory_alloc(pom->memory, part->order, &part->pa);
	if (error)
		return error;
	part->sets = bytes / SET_BYTES;
	part->page_lg2 = page_lg2;
	return PW_OK;
}

int pom_tlb_init(struct pom_tlb *pom, const struct pom_tlb_config *config, uint64_t page_sizes,
		 struct pt_memory *memory)
{
	uint64_t larger = page_sizes & (page_sizes - 1);
	int error = PW_OK;

	memset(pom, 0, sizeof(*pom));
	pom->memory = memory;
	if (config->bytes)
		error = init_part(pom, &pom->part[0], config->bytes,
				  (unsigned)__builtin_ctzll(page_sizes));
	if (!error && config->bytes && config->large_bytes && larger)
		error = init_part(pom, &pom->part[1], config->large_bytes,
				  (unsigned)__builtin_ctzll(larger));
	if (error)
		pom_tlb_release(pom);
	return error;
}

void pom_tlb_release(struct pom_tlb *pom)
{
	for (unsigned i = 0; i < 2; i++) {
		if (pom->part[i].sets)
			pt_memory_free(pom->memory, pom->part[i].pa, pom->part[i].order);
	}
	memset(pom, 0, sizeof(*pom));
}

/* ---- sets ---- */

static pa_t set_of(const struct pom_part *part, uint64_t page)
{
	return part->pa + (page & (part->sets - 1)) * SET_BYTES;
}

static void load_set(const struct pom_tlb *pom, pa_t pa, struct pom_entry *set)
{
	memcpy(set, phys_mem_at(pom->memory->mem, pa), SET_BYTES);
}

static void store_set(const struct pom_tlb *pom, pa_t pa, const struct pom_entry *set)
{
	memcpy(phys_mem_at(pom->memory->mem, pa), set, SET_BYTES);
}

static uint64_t tag_of(asid_t asid, uint64_t page)
{
	return (uint64_t)asid << ASID_SHIFT | (page << 1 & ((UINT64_C(1) << ASID_SHIFT) - 1)) |
	       ENTRY_VALID;
}

static bool matches(const struct pom_entry *entry, uint64_t tag)
{
	uint64_t differ = entry->tag ^ tag;

	if (entry->value & ENTRY_GLOBAL)
		differ &= (UINT64_C(1) << ASID_SHIFT) - 1;
	return differ == 0;
}

/* The way that holds the page, or WAYS. */
static unsigned find_way(const struct pom_entry *set, uint64_t tag)
{
	unsigned way = 0;

	while (way < WAYS && !matches(&set[way], tag))
		way++;
	return way;
}

/* The entry comes first; those before `way` move down. */
static void put_first(struct pom_entry *set, unsigned way, struct pom_entry entry)
{
	memmove(&set[1], &set[0], way * sizeof(*set));
	set[0] = entry;
}

static void remove_way(struct pom_tlb *pom, struct pom_part *part, struct pom_entry *set,
		       unsigned way)
{
	memmove(&set[way], &set[way + 1], (WAYS - 1 - way) * sizeof(*set));
	set[WAYS - 1] = (struct pom_entry){ 0, 0 };
	part->live--;
	pom->count.invalidations++;
}

/* ---- lookup and fill ---- */

static void decode(const struct pom_part *part, va_t va, const struct pom_entry *entry,
		   struct translation *found)
{
	*found = (struct translation){
		.va = va >> part->page_lg2 << part->page_lg2,
		.pa = entry->value >> FRAME_SHIFT << part->page_lg2,
		.bytes = UINT64_C(1) << part->page_lg2,
		.page_lg2 = (uint8_t)part->page_lg2,
		.perms = entry->value & ENTRY_PERMS,
		.global = entry->value & ENTRY_GLOBAL,
		.accessed = true,
		.dirty = entry->value & ENTRY_DIRTY,
	};
}

bool pom_tlb_lookup(struct pom_tlb *pom, struct port *port, const struct walk_input *input,
		    struct translation *found, cycles_t *cycles)
{
	*cycles = 0;
	for (unsigned i = 0; i < 2 && pom->part[i].sets; i++) {
		const struct pom_part *part = &pom->part[i];
		uint64_t page = input->va >> part->page_lg2;
		pa_t pa = set_of(part, page);
		struct pom_entry set[WAYS];
		unsigned way;

		*cycles += port_access(port, pa, false).latency;
		pom->count.reads++;
		load_set(pom, pa, set);
		way = find_way(set, tag_of(input->space->tag, page));
		if (way == WAYS)
			continue;
		decode(part, input->va, &set[way], found);
		if (way > 0) {
			put_first(set, way, set[way]);
			store_set(pom, pa, set);
			port_access(port, pa, true);
		}
		if (access_allowed(&input->controls, input->mode, input->access, found->perms) &&
		    (input->access != ACCESS_WRITE || found->dirty)) {
			pom->count.hits++;
			return true;
		}
		pom->count.refused++;
		return false;
	}
	pom->count.misses++;
	return false;
}

void pom_tlb_fill(struct pom_tlb *pom, struct port *port, const struct walk_input *input,
		  const struct translation *leaf)
{
	for (unsigned i = 0; i < 2; i++) {
		struct pom_part *part = &pom->part[i];
		uint64_t page = input->va >> part->page_lg2, va = page << part->page_lg2;
		uint64_t tag = tag_of(input->space->tag, page);
		struct pom_entry set[WAYS];
		unsigned way;
		pa_t pa;

		if (!part->sets || part->page_lg2 != leaf->page_lg2)
			continue;
		pa = set_of(part, page);
		load_set(pom, pa, set);
		/* Entries of other spaces go when the page becomes global. */
		for (way = 0; leaf->global && way < WAYS;) {
			if ((set[way].tag ^ tag) << (64 - ASID_SHIFT) == 0 && set[way].tag != tag)
				remove_way(pom, part, set, way);
			else
				way++;
		}
		way = find_way(set, tag);
		if (way == WAYS) {
			pom->count.evictions += set[WAYS - 1].tag != 0;
			part->live += set[WAYS - 1].tag == 0;
			way = WAYS - 1;
		}
		put_first(set, way,
			  (struct pom_entry){ tag, (leaf->pa + (va - leaf->va)) >>
								   part->page_lg2 << FRAME_SHIFT |
							   (leaf->global ? ENTRY_GLOBAL : 0) |
							   (leaf->dirty ? ENTRY_DIRTY : 0) |
							   (leaf->perms & ENTRY_PERMS) });
		store_set(pom, pa, set);
		port_access(port, pa, true);
		pom->count.fills++;
	}
}

/* ---- invalidation ---- */

struct pom_order {
	bool by_page, by_asid, keep_global;
	asid_t asid;
	uint64_t first, last; /* pages, in tag form */
};

static bool concerns(const struct pom_order *order, const struct pom_entry *entry)
{
	uint64_t page = entry->tag << (64 - ASID_SHIFT) >> (64 - ASID_SHIFT) >> 1;
	bool global = entry->value & ENTRY_GLOBAL;

	if (!entry->tag || (order->keep_global && global))
		return false;
	if (order->by_page && (page < order->first || page > order->last))
		return false;
	return !order->by_asid || entry->tag >> ASID_SHIFT == order->asid ||
	       (order->by_page && global);
}

static void obey_set(struct pom_tlb *pom, struct pom_part *part, const struct pom_order *order,
		     uint64_t number)
{
	struct pom_entry set[WAYS];
	uint64_t before = part->live;

	load_set(pom, part->pa + number * SET_BYTES, set);
	for (unsigned way = 0; way < WAYS;) {
		if (concerns(order, &set[way]))
			remove_way(pom, part, set, way);
		else
			way++;
	}
	if (part->live != before)
		store_set(pom, part->pa + number * SET_BYTES, set);
}

static void obey(struct pom_tlb *pom, struct pom_part *part, const struct pom_order *order)
{
	uint64_t count = order->by_page ? order->last - order->first : UINT64_MAX;

	if (part->live == 0)
		return;
	if (count >= part->sets) {
		for (uint64_t i = 0; i < part->sets; i++)
			obey_set(pom, part, order, i);
		return;
	}
	for (uint64_t page = order->first; page <= order->last; page++)
		obey_set(pom, part, order, page & (part->sets - 1));
}

void pom_tlb_invalidate_range(struct pom_tlb *pom, asid_t asid, va_t va, uint64_t bytes)
{
	va_t last = va + (bytes - 1) < va ? UINT64_MAX : va + (bytes - 1);

	for (unsigned i = 0; bytes > 0 && i < 2; i++) {
		const unsigned lg2 = pom->part[i].page_lg2;
		const uint64_t mask = (UINT64_C(1) << PAGE_BITS) - 1;
		const struct pom_order order = { .by_page = true,
						 .by_asid = true,
						 .asid = asid,
						 .first = va >> lg2 & mask,
						 .last = last >> lg2 & mask };

		obey(pom, &pom->part[i], &order);
	}
}

void pom_tlb_invalidate_asid(struct pom_tlb *pom, asid_t asid)
{
	const struct pom_order order = { .by_asid = true, .keep_global = true, .asid = asid };

	obey(pom, &pom->part[0], &order);
	obey(pom, &pom->part[1], &order);
}

void pom_tlb_invalidate_all(struct pom_tlb *pom, bool keep_global)
{
	const struct pom_order order = { .keep_global = keep_global };

	obey(pom, &pom->part[0], &order);
	obey(pom, &pom->part[1], &order);
}

/* ---- looking ---- */

void pom_tlb_visit_counters(const struct pom_tlb *pom, counter_visit_fn *visit, void *ctx)
{
	const struct pom_counts *n = &pom->count;

	if (!pom_tlb_exists(pom))
		return;
	visit(ctx, "pom_tlb.hits", "misses of all TLB levels that the TLB in memory answered",
	      n->hits);
	visit(ctx, "pom_tlb.misses", "those that it did not hold", n->misses);
	visit(ctx, "pom_tlb.refused", "those that it held, but not for this access", n->refused);
	visit(ctx, "pom_tlb.reads", "lines of the TLB in memory that were read", n->reads);
	visit(ctx, "pom_tlb.fills", "entries written into the TLB in memory", n->fills);
	visit(ctx, "pom_tlb.evictions", "entries displaced by another page", n->evictions);
	visit(ctx, "pom_tlb.invalidations", "entries invalidated", n->invalidations);
}

static const char *check_set(const struct pom_entry *set, uint64_t *live)
{
	for (unsigned way = 0; way < WAYS; way++) {
		*live += set[way].tag != 0;
		if (set[way].tag && way > 0 && !set[way - 1].tag)
			return "a valid entry of the TLB in memory comes after a free one";
		for (unsigned other = 0; set[way].tag && other < way; other++) {
			if (matches(&set[other], set[way].tag) ||
			    matches(&set[way], set[other].tag))
				return "two entries of the TLB in memory translate the same page";
		}
	}
	return NULL;
}

int pom_tlb_check(const struct pom_tlb *pom, const char **what)
{
	*what = NULL;
	for (unsigned i = 0; i < 2; i++) {
		const struct pom_part *part = &pom->part[i];
		uint64_t live = 0;

		for (uint64_t set = 0; set < part->sets && !*what; set++) {
			struct pom_entry entries[WAYS];

			load_set(pom, part->pa + set * SET_BYTES, entries);
			*what = check_set(entries, &live);
		}
		if (!*what && live != part->live)
			*what = "the count of valid entries of the TLB in memory is wrong";
	}
	return *what ? PW_CORRUPT : PW_OK;
}
