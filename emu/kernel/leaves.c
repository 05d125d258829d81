/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Displaced pages: mappings that a table with one entry a frame does not hold for the time being.
 * See leaves.h, and "Aliases in inverted tables" in the design. The stand-in for what a kernel
 * for such a machine keeps beside the table (the RT PC's segment descriptors, Mach's pmap lists).
 *
 * A page that is mapped with A set is about to be touched and gets the entry; one with A clear (fork,
 * mremap) leaves it to the page that has it, and is mapped displaced.
 *
 * A record is made when a frame is mapped that is mapped already, before anything is changed; from
 * then on one page of the frame less than it has mappings is displaced at most, so bringing a page
 * in reuses its record for the page that has to go and cannot fail.
 *
 * Invariants (leaves_check): a record is in the bucket of its space and page and in the list of its
 * space, and is counted in both; its page is not in the table; its frame has that many mappings.
 */

#include <assert.h>

#include "emu/kernel/kernel_internal.h"

struct displaced_page {
	struct displaced_page *next;           /* of the bucket */
	struct displaced_page *after, *before; /* in the list of the space */
	struct space *space;
	struct translation leaf;
};

enum { BUCKETS_LG2_MIN = 6, LOAD_MAX = 2 };

/* --- the records ----------------------------------------------------------------------------- */

static struct displaced_page **bucket_of(const struct displaced_table *table,
					 const struct space *space, va_t va)
{
	uint64_t key = va >> FRAME_LG2 ^ (uint64_t)space->id << 40;

	return &table->bucket[key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - table->buckets_lg2)];
}

/* More buckets, if the host has memory for them; else the chains get longer. */
static void grow(struct kernel *k)
{
	struct displaced_table old = k->displaced, larger = { .count = old.count };

	larger.buckets_lg2 = old.buckets_lg2 ? old.buckets_lg2 + 1 : BUCKETS_LG2_MIN;
	larger.bucket = host_zalloc(k->alloc, (size_t)1 << larger.buckets_lg2,
				    sizeof(struct displaced_page *));
	if (!larger.bucket)
		return;
	for (size_t i = 0; old.buckets_lg2 && i < (size_t)1 << old.buckets_lg2; i++) {
		while (old.bucket[i]) {
			struct displaced_page *page = old.bucket[i], **bucket;

			old.bucket[i] = page->next;
			bucket = bucket_of(&larger, page->space, page->leaf.va);
			page->next = *bucket;
			*bucket = page;
		}
	}
	host_free(k->alloc, old.bucket);
	k->displaced = larger;
}

/* A record for one more, in no bucket yet; NULL. */
static struct displaced_page *reserve(struct kernel *k)
{
	struct displaced_table *table = &k->displaced;

	if (!table->buckets_lg2 || table->count >> table->buckets_lg2 >= LOAD_MAX)
		grow(k);
	if (!table->buckets_lg2)
		return NULL;
	return host_zalloc(k->alloc, 1, sizeof(struct displaced_page));
}

static void insert(struct kernel *k, struct displaced_page *page, struct space *space,
		   const struct translation *leaf)
{
	struct displaced_page **bucket = bucket_of(&k->displaced, space, leaf->va);
	struct displaced_list *list = &space->displaced;

	page->space = space;
	page->leaf = *leaf;
	page->next = *bucket;
	*bucket = page;
	page->before = NULL;
	page->after = list->first;
	if (page->after)
		page->after->before = page;
	list->first = page;
	list->count++;
	k->displaced.count++;
}

static void take_out(struct kernel *k, struct displaced_page *page)
{
	struct displaced_page **link = bucket_of(&k->displaced, page->space, page->leaf.va);
	struct displaced_list *list = &page->space->displaced;

	while (*link != page)
		link = &(*link)->next;
	*link = page->next;
	if (page->before)
		page->before->after = page->after;
	else
		list->first = page->after;
	if (page->after)
		page->after->before = page->before;
	list->count--;
	k->displaced.count--;
}

static struct displaced_page *find(const struct kernel *k, const struct space *space, va_t va)
{
	struct displaced_page *page;

	if (PAGEWALK_LIKELY(space->displaced.count == 0))
		return NULL;
	va &= ~(va_t)(FRAME_BYTES - 1);
	page = *bucket_of(&k->displaced, space, va);
	while (page && (page->space != space || page->leaf.va != va))
		page = page->next;
	return page;
}

/* Calls visit for the displaced pages in the range: page by page, or all that there are. */
static void visit_range(struct kernel *k, const struct space *space, va_t va, uint64_t bytes,
			void (*visit)(struct displaced_page *page, void *ctx), void *ctx)
{
	struct displaced_page *page, *after;

	if (bytes >> FRAME_LG2 <= space->displaced.count) {
		for (uint64_t i = 0; i < bytes; i += FRAME_BYTES) {
			page = find(k, space, va + i);
			if (page)
				visit(page, ctx);
		}
		return;
	}
	for (page = space->displaced.first; page; page = after) {
		after = page->after;
		if (page->leaf.va - va < bytes)
			visit(page, ctx);
	}
}

/* --- displacing and bringing in -------------------------------------------------------------- */

static struct space *space_of(const struct kernel *k, const struct pt_space *pt)
{
	for (unsigned i = 0; i < k->space_slots; i++)
		if (k->space[i] && k->space[i]->pt == pt)
			return k->space[i];
	assert(!"a page table displaced a page of no space");
	return NULL;
}

/* Enters the mapping; the page that it displaces gets the record, else the record goes. */
static int enter(struct kernel *k, struct space *space, const struct pt_mapping *mapping,
		 struct displaced_page *record)
{
	struct pt_displaced displaced = { .happened = false };
	struct space *loser;
	int error = k->table->ops->map(space->pt, mapping, &displaced);

	if (error || !displaced.happened) {
		host_free(k->alloc, record);
		return error;
	}
	assert(record && displaced.leaf.bytes == FRAME_BYTES);
	loser = space_of(k, displaced.space);
	insert(k, record, loser, &displaced.leaf);
	if (!k->stopping && loser->tagged)
		k->hw.invalidate_range(k->hw.ctx, loser->pt->tag, displaced.va, FRAME_BYTES);
	cost_shootdown(k, 1);
	return PW_OK;
}

/* Writing a record costs what an entry costs: its two words. */
static void map_displaced(struct kernel *k, struct space *space, const struct pt_mapping *mapping,
			  struct displaced_page *record)
{
	const struct translation leaf = {
		.va = mapping->va,
		.pa = mapping->pa,
		.bytes = FRAME_BYTES,
		.page_lg2 = FRAME_LG2,
		.perms = mapping->attrs.perms,
		.global = mapping->attrs.global,
		.dirty = mapping->attrs.dirty,
	};

	assert(mapping->page_lg2 == FRAME_LG2);
	insert(k, record, space, &leaf);
	cost_charge(k, CHARGE_TABLE_UPDATE, 2 * (cycles_t)k->config.costs.table_access);
}

int leaf_map(struct kernel *k, struct space *space, const struct pt_mapping *mapping)
{
	struct displaced_page *record = NULL;

	if (k->table->caps.aliases || frame_at(&k->frames, mapping->pa >> FRAME_LG2)->maps == 0)
		return enter(k, space, mapping, NULL);
	record = reserve(k);
	if (!record)
		return PW_NOMEM;
	if (mapping->attrs.accessed)
		return enter(k, space, mapping, record);
	map_displaced(k, space, mapping, record);
	return PW_OK;
}

bool leaf_bring_in(struct kernel *k, struct space *space, va_t va)
{
	struct displaced_page *page = find(k, space, va);
	struct pt_mapping mapping;
	int error;

	if (!page)
		return false;
	mapping = (struct pt_mapping){
		.va = page->leaf.va,
		.pa = page->leaf.pa,
		.page_lg2 = page->leaf.page_lg2,
		.attrs = { page->leaf.perms, page->leaf.global, page->leaf.accessed,
			   page->leaf.dirty },
	};
	take_out(k, page);
	error = enter(k, space, &mapping, page);
	assert(!error && "a table with one entry a frame has one for each");
	(void)error;
	k->counters.pages_remapped++;
	return true;
}

bool leaf_displaced(const struct kernel *k, const struct space *space, va_t va,
		    struct translation *leaf)
{
	const struct displaced_page *page = find(k, space, va);

	if (page)
		*leaf = page->leaf;
	return page != NULL;
}

/* --- ranges ---------------------------------------------------------------------------------- */

struct visit {
	struct kernel *k;
	uint8_t perms;
	pt_visit_fn *told;
	void *ctx;
};

static void unmap_page(struct displaced_page *page, void *ctx)
{
	const struct visit *visit = ctx;
	struct translation leaf = page->leaf;

	take_out(visit->k, page);
	host_free(visit->k->alloc, page);
	if (visit->told)
		visit->told(visit->ctx, &leaf);
}

int leaves_unmap(struct kernel *k, struct space *space, va_t va, uint64_t bytes, pt_visit_fn *gone,
		 void *ctx)
{
	int error = k->table->ops->unmap(space->pt, va, bytes, gone, ctx);

	if (!error && PAGEWALK_UNLIKELY(space->displaced.count > 0)) {
		struct visit visit = { .k = k, .told = gone, .ctx = ctx };

		visit_range(k, space, va, bytes, unmap_page, &visit);
	}
	return error;
}

static void protect_page(struct displaced_page *page, void *ctx)
{
	const struct visit *visit = ctx;

	page->leaf.perms = visit->perms;
	if (visit->told)
		visit->told(visit->ctx, &page->leaf);
}

int leaves_protect(struct kernel *k, struct space *space, va_t va, uint64_t bytes, uint8_t perms,
		   pt_visit_fn *changed, void *ctx)
{
	int error = k->table->ops->protect(space->pt, va, bytes, perms, changed, ctx);

	if (!error && PAGEWALK_UNLIKELY(space->displaced.count > 0)) {
		struct visit visit = { .k = k, .perms = perms, .told = changed, .ctx = ctx };

		visit_range(k, space, va, bytes, protect_page, &visit);
	}
	return error;
}

int leaves_for_each(struct kernel *k, struct space *space, pt_visit_fn *visit, void *ctx)
{
	int error = k->table->ops->for_each(space->pt, visit, ctx);

	for (const struct displaced_page *page = space->displaced.first; page && !error;
	     page = page->after)
		visit(ctx, &page->leaf);
	return error;
}

uint64_t leaves_count(const struct space *space)
{
	return space->pt->mapped + space->displaced.count;
}

/* --- single pages ---------------------------------------------------------------------------- */

int leaf_harvest(struct kernel *k, struct space *space, va_t va, unsigned clear,
		 struct translation *leaf)
{
	int error = k->table->ops->harvest(space->pt, va, clear, leaf);
	struct displaced_page *page = error == PW_ABSENT ? find(k, space, va) : NULL;

	if (!page)
		return error;
	*leaf = page->leaf;
	if (clear & HARVEST_CLEAR_A)
		page->leaf.accessed = false;
	if (clear & HARVEST_CLEAR_D)
		page->leaf.dirty = false;
	return PW_OK;
}

int leaf_mark(struct kernel *k, struct space *space, va_t va, bool dirty)
{
	int error = k->table->ops->mark(space->pt, va, dirty);
	struct displaced_page *page = error == PW_ABSENT ? find(k, space, va) : NULL;

	if (!page)
		return error;
	page->leaf.accessed = true;
	page->leaf.dirty |= dirty;
	return PW_OK;
}

/* --- the end, and checks --------------------------------------------------------------------- */

void leaves_release(struct kernel *k)
{
	assert(k->displaced.count == 0);
	host_free(k->alloc, k->displaced.bucket);
	k->displaced = (struct displaced_table){ 0 };
}

static const char *check_page(const struct kernel *k, const struct displaced_page *page)
{
	struct translation leaf;

	if (find(k, page->space, page->leaf.va) != page)
		return "a displaced page is not where its space and address say, or is there twice";
	if (pt_lookup(page->space->pt, page->leaf.va, &leaf) == PW_OK)
		return "a displaced page is in the page table";
	if (frame_at(&k->frames, page->leaf.pa >> FRAME_LG2)->maps == 0)
		return "a displaced page lies in a frame that nothing maps";
	return NULL;
}

const char *leaves_check(const struct kernel *k)
{
	const char *wrong = NULL;
	uint64_t all = 0;

	for (unsigned i = 0; i < k->space_slots && !wrong; i++) {
		const struct space *space = k->space[i];
		uint64_t count = 0;

		if (!space)
			continue;
		for (const struct displaced_page *page = space->displaced.first; page && !wrong;
		     page = page->after, count++)
			wrong = page->space == space ? check_page(k, page)
						     : "a displaced page is in a foreign list";
		if (!wrong && count != space->displaced.count)
			wrong = "a space miscounts its displaced pages";
		all += count;
	}
	if (!wrong && all != k->displaced.count)
		wrong = "displaced pages are not as many as counted";
	if (!wrong && all > 0 && k->table->caps.aliases)
		wrong = "displaced pages where the table holds aliases";
	return wrong;
}
