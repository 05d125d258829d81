/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Slabs on three lists by how full they are. An object comes from a partial slab, else from an
 * empty one, else from a new block of frames: so full slabs stay full and half-empty ones have a
 * chance to become empty. Which slots are used is known to the host alone: unlike Linux's SLUB no
 * list of free slots lies in the free slots, since nothing here reads what an object contains.
 *
 * Not modelled: colouring, per-CPU slabs, caches merged because their objects are of one size,
 * red zones, and the cost of the allocation (it is part of the call that makes the object).
 *
 * Invariants (slab_cache_check): a slab is on the list that its number of objects says; the sums
 * over all slabs are the cache's counts; no more than `keep` slabs are empty once an object was
 * freed.
 */

#include "emu/kernel/slab.h"

#include <assert.h>
#include <string.h>

enum { WORD_BITS = 64 };

struct slab {
	struct slab *next, *previous;
	pfn_t first;
	unsigned order, slots, used;
	uint64_t bits[]; /* of used slots */
};

/* --- lists ----------------------------------------------------------------------------------- */

static struct slab_list *list_of(struct slab_cache *cache, const struct slab *slab)
{
	if (slab->used == 0)
		return &cache->empty;
	return slab->used == slab->slots ? &cache->full : &cache->partial;
}

static void list_remove(struct slab_list *list, struct slab *slab)
{
	*(slab->previous ? &slab->previous->next : &list->first) = slab->next;
	*(slab->next ? &slab->next->previous : &list->last) = slab->previous;
	list->count--;
}

/* At the front: where the next object comes from. */
static void list_push(struct slab_list *list, struct slab *slab)
{
	slab->previous = NULL;
	slab->next = list->first;
	*(list->first ? &list->first->previous : &list->last) = slab;
	list->first = slab;
	list->count++;
}

/* --- life ------------------------------------------------------------------------------------ */

static unsigned slots_of(unsigned order, unsigned object_bytes)
{
	return (FRAME_BYTES << order) / object_bytes;
}

static unsigned tail_of(unsigned order, unsigned object_bytes)
{
	return (FRAME_BYTES << order) % object_bytes;
}

static unsigned best_order(unsigned least, unsigned object_bytes)
{
	for (unsigned part = 8; part > 1; part /= 2)
		for (unsigned order = least; order <= SLAB_ORDER_MAX; order++)
			if (tail_of(order, object_bytes) <= (FRAME_BYTES << order) / part)
				return order;
	return least;
}

void slab_cache_init(struct slab_cache *cache, const char *name, unsigned object_bytes,
		     struct frame_source *frames, const struct host_alloc *alloc)
{
	unsigned least = 0;

	assert(object_bytes >= 8 && object_bytes <= SLAB_OBJECT_BYTES_MAX);
	while (slots_of(least, object_bytes) == 0)
		least++;
	*cache = (struct slab_cache){
		.name = name,
		.object_bytes = object_bytes,
		.order_least = least,
		.order = best_order(least, object_bytes),
		.keep = 1,
		.frames = frames,
		.alloc = alloc,
	};
}

static void give_back(struct slab_cache *cache, struct slab_list *list, struct slab *slab)
{
	list_remove(list, slab);
	cache->slots -= slab->slots;
	cache->objects -= slab->used;
	cache->frames_used -= (uint64_t)1 << slab->order;
	cache->frames->ops->free(cache->frames, slab->first, slab->order);
	host_free(cache->alloc, slab);
}

void slab_cache_release(struct slab_cache *cache)
{
	while (cache->full.first)
		give_back(cache, &cache->full, cache->full.first);
	while (cache->partial.first)
		give_back(cache, &cache->partial, cache->partial.first);
	slab_shrink(cache, 0);
}

void slab_shrink(struct slab_cache *cache, unsigned keep)
{
	while (cache->empty.count > keep)
		give_back(cache, &cache->empty, cache->empty.last);
}

/* --- slabs ----------------------------------------------------------------------------------- */

static struct slab *new_slab(struct slab_cache *cache)
{
	unsigned slots = slots_of(cache->order, cache->object_bytes);
	size_t words = (slots + WORD_BITS - 1) / WORD_BITS;
	struct slab *slab =
		host_zalloc(cache->alloc, 1, sizeof(*slab) + words * sizeof(slab->bits[0]));

	if (!slab)
		return NULL;
	slab->order = cache->order;
	slab->first = cache->frames->ops->alloc(cache->frames, slab->order);
	if (slab->first == PFN_NONE && cache->order_least < cache->order) {
		slab->order = cache->order_least;
		slab->first = cache->frames->ops->alloc(cache->frames, slab->order);
	}
	if (slab->first == PFN_NONE) {
		host_free(cache->alloc, slab);
		return NULL;
	}
	slab->slots = slots_of(slab->order, cache->object_bytes);
	cache->slots += slab->slots;
	cache->frames_used += (uint64_t)1 << slab->order;
	list_push(&cache->empty, slab);
	return slab;
}

static unsigned lowest_free(const struct slab *slab)
{
	unsigned word = 0;

	while (slab->bits[word] == UINT64_MAX)
		word++;
	return word * WORD_BITS + (unsigned)__builtin_ctzll(~slab->bits[word]);
}

/* --- objects --------------------------------------------------------------------------------- */

int slab_alloc(struct slab_cache *cache, struct slab_object *object)
{
	struct slab *slab = cache->partial.first ? cache->partial.first : cache->empty.first;
	unsigned slot;

	if (!slab)
		slab = new_slab(cache);
	if (!slab) {
		cache->failures++;
		return PW_NOMEM;
	}
	slot = lowest_free(slab);
	list_remove(list_of(cache, slab), slab);
	slab->bits[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
	slab->used++;
	list_push(list_of(cache, slab), slab);
	cache->objects++;
	cache->allocations++;
	*object = (struct slab_object){ slab, slot };
	return PW_OK;
}

void slab_free(struct slab_cache *cache, struct slab_object *object)
{
	struct slab *slab = object->slab;
	uint64_t bit = UINT64_C(1) << object->slot % WORD_BITS;

	assert(object->slot < slab->slots && (slab->bits[object->slot / WORD_BITS] & bit));
	list_remove(list_of(cache, slab), slab);
	slab->bits[object->slot / WORD_BITS] &= ~bit;
	slab->used--;
	list_push(list_of(cache, slab), slab);
	cache->objects--;
	*object = (struct slab_object){ 0 };
	slab_shrink(cache, cache->keep);
}

int slab_reserve(struct slab_cache *cache, uint64_t objects)
{
	while (cache->slots - cache->objects < objects) {
		if (!new_slab(cache)) {
			cache->failures++;
			return PW_NOMEM;
		}
	}
	return PW_OK;
}

pa_t slab_object_pa(const struct slab_cache *cache, const struct slab_object *object)
{
	return (object->slab->first << FRAME_LG2) + (pa_t)object->slot * cache->object_bytes;
}

uint64_t slab_waste_bytes(const struct slab_cache *cache)
{
	return (cache->frames_used << FRAME_LG2) - cache->objects * cache->object_bytes;
}

/* --- check ----------------------------------------------------------------------------------- */

struct tally {
	uint64_t objects, slots, frames;
};

static unsigned bits_set(const struct slab *slab)
{
	unsigned count = 0;

	for (unsigned i = 0; i < slab->slots; i++)
		count += (unsigned)(slab->bits[i / WORD_BITS] >> i % WORD_BITS & 1);
	return count;
}

static int check_list(const struct slab_cache *cache, const struct slab_list *list, int kind,
		      struct tally *tally)
{
	const struct slab *previous = NULL;
	uint64_t count = 0;

	for (const struct slab *slab = list->first; slab; slab = slab->next) {
		int is = slab->used == 0 ? 0 : slab->used == slab->slots ? 2 : 1;

		if (is != kind || slab->previous != previous || bits_set(slab) != slab->used ||
		    slab->slots != slots_of(slab->order, cache->object_bytes))
			return PW_CORRUPT;
		tally->objects += slab->used;
		tally->slots += slab->slots;
		tally->frames += (uint64_t)1 << slab->order;
		previous = slab;
		count++;
	}
	return list->last == previous && list->count == count ? PW_OK : PW_CORRUPT;
}

int slab_cache_check(const struct slab_cache *cache, const char **what)
{
	struct tally tally = { 0 };

	*what = "a slab is on the wrong list, or miscounts its objects";
	if (check_list(cache, &cache->empty, 0, &tally) ||
	    check_list(cache, &cache->partial, 1, &tally) ||
	    check_list(cache, &cache->full, 2, &tally))
		return PW_CORRUPT;
	*what = "the slabs of a cache do not make up its counts";
	if (tally.objects != cache->objects || tally.slots != cache->slots ||
	    tally.frames != cache->frames_used)
		return PW_CORRUPT;
	return PW_OK;
}
