/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Classification of TLB misses: for each array one table of the pages that it has ever seen, some of
 * which are in its shadow.
 *
 *   bucket[hash] ─> node ─> node          by page, size and space; grows by doubling, never shrinks
 *   newest ─> node ─> ... ─> oldest       the shadow: at most as many as the array has entries
 */

#include "mmu/tlb_classify.h"

#include "mmu/tlb_private.h"

#include "mmu/tlb_array_private.h"

#include <string.h>

enum { NODES_MIN = 64, NONE = 0 }; /* node 0 is nobody's */

struct node {
	uint64_t page; /* va >> page_lg2 */
	uint32_t next; /* of the bucket */
	uint32_t newer, older;
	asid_t asid; /* 0 for global pages */
	uint8_t page_lg2;
	bool global;
	bool shadowed; /* in the shadow */
	bool seen;     /* was in the array */
	bool flushed;
};

struct shadow {
	struct node *node;
	uint32_t *bucket;
	uint32_t count, size; /* nodes used, and room; as many buckets */
	uint32_t newest, oldest, live, entries;
};

struct tlb_classifier {
	struct shadow shadow[TLB_LEVELS_MAX][TLB_ARRAYS_MAX];
	uint64_t misses[TLB_LEVELS_MAX][SIDE_BOTH][TLB_MISS_CLASS_COUNT];
};

/* ---- pages ---- */

struct key {
	uint64_t page;
	asid_t asid;
	uint8_t page_lg2;
	bool global;
};

static struct key key_of(const struct tlb *tlb, va_t va, unsigned page_lg2, asid_t tag, bool global)
{
	return (struct key){
		.page = va >> page_lg2,
		.asid = global ? 0 : tlb_owner_of(tlb, tag),
		.page_lg2 = (uint8_t)page_lg2,
		.global = global,
	};
}

static uint32_t *bucket_of(const struct shadow *s, uint64_t page, asid_t asid, unsigned page_lg2)
{
	uint64_t hash = (page ^ (uint64_t)asid << 40 ^ (uint64_t)page_lg2 << 57) *
			UINT64_C(0x9e3779b97f4a7c15);

	return &s->bucket[hash >> 32 & (s->size - 1)];
}

static struct node *find(const struct shadow *s, const struct key *key)
{
	uint32_t i = s->size ? *bucket_of(s, key->page, key->asid, key->page_lg2) : NONE;

	for (; i != NONE; i = s->node[i].next) {
		const struct node *n = &s->node[i];

		if (n->page == key->page && n->asid == key->asid && n->page_lg2 == key->page_lg2 &&
		    n->global == key->global)
			return &s->node[i];
	}
	return NULL;
}

static bool grow(struct shadow *s, const struct host_alloc *alloc)
{
	uint32_t size = s->size ? s->size * 2 : NODES_MIN;
	uint32_t *bucket;
	struct node *node;

	if (size == 0)
		return false;
	bucket = host_zalloc(alloc, size, sizeof(*bucket));
	if (!bucket)
		return false;
	node = alloc->resize(alloc->ctx, s->node, size * sizeof(*node));
	if (!node) {
		host_free(alloc, bucket);
		return false;
	}
	host_free(alloc, s->bucket);
	s->node = node;
	s->bucket = bucket;
	s->size = size;
	if (s->count == 0)
		s->count = 1;
	for (uint32_t i = 1; i < s->count; i++) {
		uint32_t *head = bucket_of(s, node[i].page, node[i].asid, node[i].page_lg2);

		node[i].next = *head;
		*head = i;
	}
	return true;
}

/* The node of a page, made if need be; NULL if the host has no memory. */
static struct node *obtain(struct shadow *s, const struct key *key, const struct host_alloc *alloc)
{
	struct node *n = find(s, key);
	uint32_t *head;

	if (n)
		return n;
	if (s->count == s->size && !grow(s, alloc))
		return NULL;
	head = bucket_of(s, key->page, key->asid, key->page_lg2);
	n = &s->node[s->count];
	*n = (struct node){ .page = key->page,
			    .next = *head,
			    .asid = key->asid,
			    .page_lg2 = key->page_lg2,
			    .global = key->global };
	*head = s->count++;
	return n;
}

/* ---- the shadow ---- */

static void take_out(struct shadow *s, struct node *n)
{
	if (!n->shadowed)
		return;
	*(n->newer ? &s->node[n->newer].older : &s->newest) = n->older;
	*(n->older ? &s->node[n->older].newer : &s->oldest) = n->newer;
	n->shadowed = false;
	s->live--;
}

/* Makes the page the most recently used one; the least recently used one makes room. */
static void touch(struct shadow *s, struct node *n)
{
	uint32_t i = (uint32_t)(n - s->node);

	take_out(s, n);
	if (s->live == s->entries)
		take_out(s, &s->node[s->oldest]);
	n->newer = NONE;
	n->older = s->newest;
	*(s->newest ? &s->node[s->newest].newer : &s->oldest) = i;
	s->newest = i;
	n->shadowed = true;
	s->live++;
}

/* ---- lookups ---- */

/* Ranges and segments have no pages: nothing is known of them but that they answered. */
static bool is_ranged(const struct tlb_array *array)
{
	return array->config->kind != TLB_PAGES;
}

static enum tlb_miss_class class_of(const struct node *n)
{
	if (!n || !n->seen)
		return MISS_COLD;
	if (n->flushed)
		return MISS_FLUSH;
	return n->shadowed ? MISS_CONFLICT : MISS_CAPACITY;
}

static unsigned array_index(const struct tlb *tlb, unsigned level, const struct tlb_array *array)
{
	return (unsigned)(array - tlb->level[level].array);
}

/* What the level knows of an address that the page table does not map. */
static const struct node *known(const struct tlb *tlb, unsigned number, unsigned fetch,
				const struct tlb_request *request)
{
	const struct tlb_level *level = &tlb->level[number];

	for (unsigned i = 0; i < level->step_count[fetch]; i++) {
		const struct tlb_probe_step *step = &level->step[fetch][i];

		for (unsigned global = 0; global < 2; global++) {
			struct key key =
				key_of(tlb, request->va, step->page_lg2, request->asid, global);
			const struct node *n =
				find(&tlb->classifier->shadow[number][step->index], &key);

			if (n && n->seen)
				return n;
		}
	}
	return NULL;
}

/* Does the level get victims of a level above, and not what walks bring? */
static bool gets_victims(struct tlb *tlb, unsigned level, unsigned side, unsigned page_lg2)
{
	for (unsigned above = 0; tlb->level[level].exclusive && above < level; above++)
		if (tlb_holder(&tlb->level[above], side, page_lg2))
			return true;
	return false;
}

void tlb_classify_lookup(struct tlb *tlb, const struct tlb_request *request, unsigned hit,
			 const struct tlb_entry *entry)
{
	enum tlb_side side = tlb_side_of(request->access);
	unsigned fetch = side == SIDE_INSTRUCTION;
	bool ranged = entry && is_ranged(&tlb->level[hit].array[entry->array]);
	unsigned page_lg2 = entry && !ranged ? entry->page_lg2 : request->page_lg2;
	bool global = entry && !ranged ? entry->global : request->global;

	for (unsigned i = 0; i < tlb->level_count && i <= hit; i++) {
		const struct tlb_array *array;
		const struct node *looked = NULL;
		struct node *n = NULL;
		struct shadow *s;

		if (tlb->level[i].step_count[fetch] == 0 || (ranged && i == hit))
			continue;
		array = page_lg2 ? tlb_holder(&tlb->level[i], side, page_lg2) : NULL;
		if (array) {
			struct key key = key_of(tlb, request->va, page_lg2, request->asid, global);

			s = &tlb->classifier->shadow[i][array_index(tlb, i, array)];
			looked = n = obtain(s, &key, tlb->alloc);
		} else if (page_lg2 == 0) {
			looked = known(tlb, i, fetch, request);
		}
		if (i < hit)
			tlb->classifier->misses[i][side][class_of(looked)]++;
		if (!n)
			continue;
		if (!gets_victims(tlb, i, side, page_lg2))
			touch(s, n);
		else if (i == hit)
			take_out(s, n);
		else if (n->shadowed)
			touch(s, n);
	}
}

/* ---- what enters and what orders take out ---- */

void tlb_classify_entered(struct tlb *tlb, unsigned level, const struct tlb_array *array,
			  const struct tlb_entry *entry)
{
	struct shadow *s = &tlb->classifier->shadow[level][array_index(tlb, level, array)];
	va_t last = entry->va + (entry->bytes - 1);

	if (is_ranged(array))
		return;
	for (va_t va = entry->va;; va += (va_t)1 << entry->page_lg2) {
		struct key key = key_of(tlb, va, entry->page_lg2, entry->asid, entry->global);
		struct node *n = obtain(s, &key, tlb->alloc);

		if (n) {
			n->seen = true;
			n->flushed = false;
			if (gets_victims(tlb, level, entry->side, entry->page_lg2))
				touch(s, n);
		}
		if (last - va < (va_t)1 << entry->page_lg2)
			return;
	}
}

void tlb_classify_flushed(struct tlb *tlb, unsigned level, const struct tlb_array *array,
			  const struct tlb_entry *entry)
{
	struct shadow *s = &tlb->classifier->shadow[level][array_index(tlb, level, array)];
	va_t last = entry->va + (entry->bytes - 1);

	if (is_ranged(array))
		return;
	for (va_t va = entry->va;; va += (va_t)1 << entry->page_lg2) {
		struct key key = key_of(tlb, va, entry->page_lg2, entry->asid, entry->global);
		struct node *n = find(s, &key);

		if (n)
			n->flushed = true;
		if (last - va < (va_t)1 << entry->page_lg2)
			return;
	}
}

static bool concerns(const struct tlb_classify_order *order, asid_t owner, const struct node *n)
{
	if (order->keep_global && n->global)
		return false;
	if (order->by_asid && !n->global && n->asid != owner)
		return false;
	return !order->by_page ||
	       (n->page >= order->first >> n->page_lg2 && n->page <= order->last >> n->page_lg2);
}

void tlb_classify_obey(struct tlb *tlb, unsigned level, const struct tlb_array *array,
		       const struct tlb_classify_order *order)
{
	struct shadow *s = &tlb->classifier->shadow[level][array_index(tlb, level, array)];
	asid_t owner = tlb_owner_of(tlb, order->asid);
	uint32_t older;

	for (uint32_t i = s->newest; i != NONE; i = older) {
		older = s->node[i].older;
		if (!concerns(order, owner, &s->node[i]))
			continue;
		s->node[i].flushed = true;
		take_out(s, &s->node[i]);
	}
}

/* ---- the whole ---- */

int tlb_classifier_create(struct tlb *tlb)
{
	tlb->classifier = host_zalloc(tlb->alloc, 1, sizeof(*tlb->classifier));
	if (!tlb->classifier)
		return PW_NOMEM;
	for (unsigned i = 0; i < tlb->level_count; i++)
		for (unsigned k = 0; k < tlb->level[i].array_count; k++)
			tlb->classifier->shadow[i][k].entries =
				tlb->level[i].array[k].config->entries;
	return PW_OK;
}

void tlb_classifier_destroy(struct tlb *tlb)
{
	if (!tlb->classifier)
		return;
	for (unsigned i = 0; i < TLB_LEVELS_MAX; i++) {
		for (unsigned k = 0; k < TLB_ARRAYS_MAX; k++) {
			host_free(tlb->alloc, tlb->classifier->shadow[i][k].node);
			host_free(tlb->alloc, tlb->classifier->shadow[i][k].bucket);
		}
	}
	host_free(tlb->alloc, tlb->classifier);
	tlb->classifier = NULL;
}

uint64_t tlb_classified(const struct tlb *tlb, unsigned level, enum tlb_side side,
			enum tlb_miss_class kind)
{
	return tlb->classifier ? tlb->classifier->misses[level][side][kind] : 0;
}

static const char *check_shadow(const struct shadow *s)
{
	uint32_t live = 0, newer = NONE;

	for (uint32_t i = s->newest; i != NONE; newer = i, i = s->node[i].older)
		if (++live > s->entries || !s->node[i].shadowed || s->node[i].newer != newer)
			return "a shadow of a TLB array is out of order";
	return live == s->live && s->oldest == newer ? NULL : "a shadow of a TLB array lost a page";
}

int tlb_classify_check(const struct tlb *tlb, const char **what)
{
	*what = NULL;
	for (unsigned i = 0; tlb->classifier && i < tlb->level_count && !*what; i++) {
		for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
			uint64_t sum = 0;

			for (unsigned k = 0; k < TLB_MISS_CLASS_COUNT; k++)
				sum += tlb->classifier->misses[i][side][k];
			if (sum != tlb->level[i].count[side].misses)
				*what = "the classes of misses do not sum to the misses of a TLB level";
		}
		for (unsigned k = 0; k < tlb->level[i].array_count && !*what; k++)
			*what = check_shadow(&tlb->classifier->shadow[i][k]);
	}
	return *what ? PW_CORRUPT : PW_OK;
}
