/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Page-walk caches: small arrays of walk states, one for each page-table level that is cached.
 *
 * A slot's tag is a mixture of the address prefix and the ASID; it only selects, the entry itself
 * decides. The set is the prefix modulo the sets. Arrays are scanned: they are small (2 to
 * 64 entries on the machines that are published).
 *
 * Not modelled: caches shared by several levels (AMD's page-walk cache holds entries of all levels
 * by physical address; the port with a small first level models that), and entries that stay
 * across a change of what they point to: the owner invalidates on every change.
 *
 * Sources: Intel SDM 3A, "Paging-Structure Caches"; Barr, Cox and Rixner, "Translation Caching:
 * Skip, Don't Walk (the Page Table)", ISCA 2010.
 */

#include "mmu/walk_cache.h"

#include "mmu/counter_name.h"
#include "mmu/tag_match_private.h"

#include <assert.h>
#include <string.h>

/* The ASID goes to the upper bits, where the prefixes of one process differ least. Never 0. */
static uint32_t tag_of(uint64_t prefix, asid_t asid)
{
	return ((uint32_t)prefix << 1 ^ (uint32_t)asid << 16) | 1;
}

static int init_cache(struct walk_cache *cache, const struct walk_cache_config *config,
		      unsigned prefix_shift, uint64_t seed, const struct host_alloc *alloc)
{
	cache->config = config;
	cache->prefix_shift = prefix_shift;
	cache->ways = config->ways ? config->ways : config->entries;
	assert(cache->ways > 0 && cache->ways <= config->entries);
	cache->sets = config->entries / cache->ways;
	cache->entry = host_zalloc(alloc, config->entries, sizeof(*cache->entry));
	cache->tag = host_zalloc(alloc, (size_t)config->entries + TAG_MATCH_OVERRUN,
				 sizeof(*cache->tag));
	if (!cache->entry || !cache->tag)
		return PW_NOMEM;
	return replacer_init(&cache->replacer, config->replacement, cache->sets, cache->ways, seed,
			     alloc);
}

/* Keeps the configured caches in the order of their levels, nearest the leaf first. */
static void sort_config(struct walk_caches_config *config)
{
	for (unsigned i = 1; i < config->count; i++) {
		struct walk_cache_config moving = config->cache[i];
		unsigned j = i;

		for (; j > 0 && config->cache[j - 1].level > moving.level; j--)
			config->cache[j] = config->cache[j - 1];
		config->cache[j] = moving;
	}
}

int walk_caches_init(struct walk_caches *caches, const struct walk_caches_config *config,
		     const unsigned *prefix_shift, uint64_t seed, const struct host_alloc *alloc)
{
	memset(caches, 0, sizeof(*caches));
	caches->config = *config;
	caches->alloc = alloc;
	sort_config(&caches->config);
	while (caches->count < config->count) {
		unsigned i = caches->count++;
		const struct walk_cache_config *one = &caches->config.cache[i];

		assert(prefix_shift[one->level] < 64);
		if (init_cache(&caches->cache[i], one, prefix_shift[one->level],
			       replacer_seed(seed, i), alloc) != PW_OK) {
			walk_caches_release(caches);
			return PW_NOMEM;
		}
		if (one->latency > caches->latency)
			caches->latency = one->latency;
	}
	return PW_OK;
}

void walk_caches_release(struct walk_caches *caches)
{
	for (unsigned i = 0; i < caches->count; i++) {
		struct walk_cache *cache = &caches->cache[i];

		host_free(caches->alloc, cache->entry);
		host_free(caches->alloc, cache->tag);
		replacer_release(&cache->replacer, caches->alloc);
	}
	memset(caches, 0, sizeof(*caches));
}

static unsigned first_slot(const struct walk_cache *cache, uint64_t prefix)
{
	return cache->sets == 1 ? 0 : (unsigned)(prefix % cache->sets) * cache->ways;
}

static inline bool holds(const struct walk_cache_entry *entry, asid_t asid, uint64_t prefix)
{
	return entry->prefix == prefix && entry->asid == asid;
}

static inline struct walk_cache_entry *find(const struct walk_cache *cache, asid_t asid,
					    uint64_t prefix)
{
	uint32_t tag = tag_of(prefix, asid);
	unsigned first;

	if (cache->tag[cache->last] == tag && holds(&cache->entry[cache->last], asid, prefix))
		return &cache->entry[cache->last];
	if (cache->live == 0)
		return NULL;
	first = first_slot(cache, prefix);
	for (unsigned from = 0; from < cache->ways; from += TAG_MATCH_WAYS_MAX) {
		unsigned left = cache->ways - from;
		uint32_t match = tags_match(&cache->tag[first + from],
					    left < TAG_MATCH_WAYS_MAX ? left : TAG_MATCH_WAYS_MAX,
					    tag);

		for (; match; match &= match - 1) {
			struct walk_cache_entry *entry =
				&cache->entry[first + from + (unsigned)__builtin_ctz(match)];

			if (holds(entry, asid, prefix))
				return entry;
		}
	}
	return NULL;
}

const struct walk_state *walk_caches_lookup(struct walk_caches *caches, asid_t asid, va_t va)
{
	const struct walk_state *nearest = NULL;

	for (unsigned i = 0; i < caches->count; i++) {
		struct walk_cache *cache = &caches->cache[i];
		struct walk_cache_entry *entry = find(cache, asid, va >> cache->prefix_shift);

		if (!entry) {
			cache->misses++;
			continue;
		}
		cache->hits++;
		cache->last = (unsigned)(entry - cache->entry);
		replacer_touch(&cache->replacer, cache->last);
		if (!nearest)
			nearest = &entry->state;
	}
	return nearest;
}

/* A slot for a new entry of the set: an invalid one, else the victim's. */
static unsigned make_room(struct walk_cache *cache, uint64_t prefix)
{
	unsigned first = first_slot(cache, prefix), slot = first;

	assert(cache->ways > 0);
	while (slot < first + cache->ways && cache->tag[slot])
		slot++;
	if (slot < first + cache->ways) {
		cache->live++;
		return slot;
	}
	cache->evictions++;
	return first + replacer_victim(&cache->replacer, first / cache->ways);
}

void walk_caches_fill(struct walk_caches *caches, asid_t asid, va_t va, unsigned level,
		      const struct walk_state *state)
{
	for (unsigned i = 0; i < caches->count; i++) {
		struct walk_cache *cache = &caches->cache[i];
		uint64_t prefix = va >> cache->prefix_shift;
		struct walk_cache_entry *entry;
		unsigned slot;

		if (cache->config->level != level)
			continue;
		entry = find(cache, asid, prefix);
		if (entry)
			cache->replaced++;
		slot = entry ? (unsigned)(entry - cache->entry) : make_room(cache, prefix);
		cache->entry[slot] = (struct walk_cache_entry){
			.prefix = prefix, .state = *state, .asid = asid, .valid = true
		};
		cache->tag[slot] = tag_of(prefix, asid);
		cache->fills++;
		replacer_fill(&cache->replacer, slot);
	}
}

static void drop(struct walk_cache *cache, unsigned slot)
{
	cache->tag[slot] = 0;
	cache->entry[slot].valid = false;
	cache->live--;
	cache->invalidations++;
}

/* Drops the valid entries whose prefix is in [first, last], of one ASID or (asid < 0) of all. */
static void drop_matching(struct walk_cache *cache, int asid, uint64_t first, uint64_t last)
{
	unsigned left = cache->live;

	for (unsigned slot = 0; left > 0; slot++) {
		const struct walk_cache_entry *entry = &cache->entry[slot];

		if (!cache->tag[slot])
			continue;
		left--;
		if ((asid < 0 || entry->asid == asid) && entry->prefix >= first &&
		    entry->prefix <= last)
			drop(cache, slot);
	}
}

void walk_caches_invalidate_range(struct walk_caches *caches, asid_t asid, va_t va, uint64_t bytes)
{
	va_t last = va + (bytes - 1);

	if (bytes == 0)
		return;
	if (last < va)
		last = UINT64_MAX;
	for (unsigned i = 0; i < caches->count; i++) {
		struct walk_cache *cache = &caches->cache[i];
		uint64_t first_prefix = va >> cache->prefix_shift;
		uint64_t last_prefix = last >> cache->prefix_shift;

		if (first_prefix == last_prefix) {
			struct walk_cache_entry *entry = find(cache, asid, first_prefix);

			if (entry)
				drop(cache, (unsigned)(entry - cache->entry));
		} else {
			drop_matching(cache, asid, first_prefix, last_prefix);
		}
	}
}

void walk_caches_invalidate_asid(struct walk_caches *caches, asid_t asid)
{
	for (unsigned i = 0; i < caches->count; i++)
		drop_matching(&caches->cache[i], asid, 0, UINT64_MAX);
}

void walk_caches_invalidate_all(struct walk_caches *caches)
{
	for (unsigned i = 0; i < caches->count; i++)
		drop_matching(&caches->cache[i], -1, 0, UINT64_MAX);
}

void walk_caches_visit_counters(const struct walk_caches *caches, counter_visit_fn *visit,
				void *ctx)
{
	for (unsigned i = 0; i < caches->count; i++) {
		const struct walk_cache *cache = &caches->cache[i];
		const struct counter_row rows[] = {
			{ "hits", "walks that this walk cache could have shortened", cache->hits },
			{ "misses", "walks that it could not", cache->misses },
			{ "fills", "entries written into this walk cache", cache->fills },
			{ "evictions", "entries displaced by another", cache->evictions },
			{ "invalidations", "entries invalidated", cache->invalidations },
			{ "replaced", "fills that renewed an entry", cache->replaced },
		};
		struct counter_name name = { .length = 0 };

		counter_name_add(&name, "walk_cache");
		counter_name_add(&name, cache->config->name);
		counter_rows_visit(&name, rows, sizeof(rows) / sizeof(*rows), visit, ctx);
	}
}

static const char *check_cache(const struct walk_cache *cache)
{
	unsigned live = 0;

	for (unsigned slot = 0; slot < cache->config->entries; slot++) {
		const struct walk_cache_entry *entry = &cache->entry[slot];

		if ((cache->tag[slot] != 0) != entry->valid)
			return "a walk-cache slot has a tag and no entry, or the reverse";
		if (!entry->valid)
			continue;
		live++;
		if (cache->tag[slot] != tag_of(entry->prefix, entry->asid))
			return "a walk-cache tag is not that of its entry";
		if (find(cache, entry->asid, entry->prefix) != entry)
			return "a walk-cache entry is held twice or in the wrong set";
	}
	if (live != cache->live)
		return "the count of valid walk-cache entries is wrong";
	if (cache->fills != cache->evictions + cache->invalidations + cache->replaced + live)
		return "walk-cache fills are not what left plus what is there";
	return NULL;
}

int walk_caches_check(const struct walk_caches *caches, const char **what)
{
	*what = NULL;
	for (unsigned i = 0; i < caches->count && !*what; i++) {
		const struct walk_cache *cache = &caches->cache[i], *first = &caches->cache[0];

		*what = check_cache(cache);
		if (!*what && cache->hits + cache->misses != first->hits + first->misses)
			*what = "walk caches were not probed together";
	}
	return *what ? PW_CORRUPT : PW_OK;
}
