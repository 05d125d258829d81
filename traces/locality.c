/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * References by page size: see locality.h.
 *
 * A page is known by its address space and number. 48 bits of the number tell pages apart as long
 * as addresses have no more than 57 bits, or pages are of 64 KiB.
 */

#include "traces/locality.h"

#include <math.h>
#include <string.h>

#include "mmu/error.h"
#include "mmu/memory.h"
#include "mmu/prng.h"

enum { NUMBER_BITS = 48, ROOM_MIN = 1024, SAMPLE_LG2 = 24 };

static uint64_t key_of(const struct locality *l, uint16_t space, va_t va)
{
	return (uint64_t)space << NUMBER_BITS |
	       (va >> l->setup.page_lg2 & ((UINT64_C(1) << NUMBER_BITS) - 1));
}

/* --- distances ------------------------------------------------------------------------------- */

static int distances_init(struct locality_distances *d, const struct host_alloc *alloc)
{
	d->found = host_zalloc(alloc, ROOM_MIN, sizeof(*d->found));
	d->room = ROOM_MIN;
	return d->found ? lru_stack_init(&d->stack, alloc) : PW_NOMEM;
}

static void distances_release(struct locality_distances *d, const struct host_alloc *alloc)
{
	lru_stack_release(&d->stack);
	host_free(alloc, d->found);
}

/* No distance is larger than the number of pages. */
static int make_room(struct locality_distances *d, const struct host_alloc *alloc)
{
	double *found;

	if (PAGEWALK_LIKELY(d->stack.page_count + 1 < d->room))
		return PW_OK;
	found = host_zalloc(alloc, 2 * d->room, sizeof(*found));
	if (!found)
		return PW_NOMEM;
	memcpy(found, d->found, d->room * sizeof(*found));
	host_free(alloc, d->found);
	d->found = found;
	d->room *= 2;
	return PW_OK;
}

static int distances_page(struct locality *l, struct locality_distances *d, uint64_t key,
			  stack_page_t *page)
{
	*page = lru_stack_page(&d->stack, key);
	return *page == STACK_PAGE_NONE ? PW_NOMEM : make_room(d, l->setup.alloc);
}

static int distances_add(struct locality *l, struct locality_distances *d, uint64_t key,
			 uint64_t count, stack_page_t *page)
{
	if (distances_page(l, d, key, page) != PW_OK)
		return PW_NOMEM;
	d->found[lru_stack_touch(&d->stack, *page)]++;
	d->found[1] += (double)(count - 1);
	return PW_OK;
}

static int distances_refused(struct locality *l, struct locality_distances *d, uint64_t key)
{
	stack_page_t page;

	if (distances_page(l, d, key, &page) != PW_OK)
		return PW_NOMEM;
	d->found[lru_stack_distance(&d->stack, page)]++;
	return PW_OK;
}

/* The rate was halved: distances are half as long, and half as many stand for as much. */
static void distances_halve(struct locality_distances *d)
{
	d->found[0] /= 2;
	for (size_t i = 1; i < d->room; i++) {
		double half = d->found[i] / 2;

		d->found[i] = 0;
		d->found[(i + 1) / 2] += half;
	}
}

static void distances_finish(struct locality_distances *d)
{
	double sum = d->found[0];

	for (size_t i = d->room - 1; i > 0; i--) {
		sum += d->found[i];
		d->found[i] = sum;
	}
}

/* A distance d in a sample of that rate stands for 1 + (d - 1) / rate. */
static double distances_misses(const struct locality_distances *d, double rate, uint64_t entries)
{
	double beyond = (double)(entries - 1) * rate;

	if (beyond + 2 >= (double)d->room)
		return d->found[0] / rate;
	return d->found[(size_t)beyond + 2] / rate;
}

/* --- the sample ------------------------------------------------------------------------------ */

/* Another hash than that of the stack's table. */
static uint64_t hash_of(uint64_t key)
{
	return splitmix_mix(key + SPLITMIX_GAMMA);
}

static bool in_sample(const struct locality *l, uint64_t key)
{
	return hash_of(key) >> (64 - SAMPLE_LG2) < l->threshold;
}

static struct locality_distances *part_of(struct locality *l, uint64_t key)
{
	return &l->part[hash_of(key) % LOCALITY_PARTS];
}

double locality_rate(const struct locality *l)
{
	return (double)l->threshold / (1 << SAMPLE_LG2);
}

struct leavers {
	struct locality *l;
	uint64_t *key;
	size_t count;
};

static void find_leaver(void *ctx, uint64_t key, stack_page_t page)
{
	struct leavers *leavers = ctx;

	(void)page;
	if (!in_sample(leavers->l, key))
		leavers->key[leavers->count++] = key;
}

static int halve_rate(struct locality *l)
{
	struct leavers leavers = { .l = l };

	leavers.key = host_zalloc(l->setup.alloc, l->whole.stack.key_count, sizeof(*leavers.key));
	if (!leavers.key)
		return PW_NOMEM;
	l->threshold /= 2;
	lru_stack_for_each(&l->whole.stack, &leavers, find_leaver);
	for (size_t i = 0; i < leavers.count; i++) {
		struct locality_distances *part = part_of(l, leavers.key[i]);
		stack_page_t page = lru_stack_find(&l->whole.stack, leavers.key[i]);

		working_set_forget(&l->working_set, page);
		lru_stack_forget(&l->whole.stack, leavers.key[i], page);
		lru_stack_forget(&part->stack, leavers.key[i],
				 lru_stack_find(&part->stack, leavers.key[i]));
	}
	host_free(l->setup.alloc, leavers.key);
	distances_halve(&l->whole);
	for (unsigned i = 0; i < LOCALITY_PARTS; i++)
		distances_halve(&l->part[i]);
	return PW_OK;
}

static int limit_sample(struct locality *l)
{
	while (l->setup.pages_max && l->whole.stack.key_count > l->setup.pages_max &&
	       l->threshold > 1)
		if (halve_rate(l) != PW_OK)
			return PW_NOMEM;
	return PW_OK;
}

/* --- references ------------------------------------------------------------------------------ */

static int sample_run(struct locality *l, const struct locality_run *run, uint64_t key)
{
	stack_page_t page;

	if (distances_add(l, part_of(l, key), key, run->count, &page) != PW_OK)
		return PW_NOMEM;
	return limit_sample(l);
}

int locality_add(struct locality *l, const struct locality_run *run)
{
	struct working_set_run of_page = {
		.count = run->count, .first = run->first, .last = run->last, .weight = 1
	};
	uint64_t key = key_of(l, run->space, run->va);

	if (run->joined && key == l->last_key)
		return PW_OK;
	l->last_key = key;
	l->references += run->count;
	if (l->sampled && !in_sample(l, key))
		return PW_OK;
	if (distances_add(l, &l->whole, key, run->count, &of_page.page) != PW_OK)
		return PW_NOMEM;
	if (l->sampled)
		of_page.weight = 1 / locality_rate(l);
	if (working_set_add(&l->working_set, &of_page) != PW_OK)
		return PW_NOMEM;
	return l->sampled ? sample_run(l, run, key) : PW_OK;
}

int locality_refused(struct locality *l, uint16_t space, va_t va)
{
	uint64_t key = key_of(l, space, va);

	l->refused++;
	if (l->sampled && !in_sample(l, key))
		return PW_OK;
	if (l->sampled && distances_refused(l, part_of(l, key), key) != PW_OK)
		return PW_NOMEM;
	return distances_refused(l, &l->whole, key);
}

/* --- invalidation ---------------------------------------------------------------------------- */

struct order {
	struct locality *l;
	uint64_t first, last; /* keys */
};

static void leave(struct locality *l, uint64_t key, stack_page_t page)
{
	l->invalidated += lru_stack_distance(&l->whole.stack, page) != 0;
	lru_stack_invalidate(&l->whole.stack, page);
	if (l->sampled) {
		struct locality_distances *part = part_of(l, key);

		lru_stack_invalidate(&part->stack, lru_stack_find(&part->stack, key));
	}
}

static void leave_if_in_order(void *ctx, uint64_t key, stack_page_t page)
{
	const struct order *order = ctx;

	if (key >= order->first && key <= order->last)
		leave(order->l, key, page);
}

void locality_invalidate(struct locality *l, uint16_t space, va_t va, uint64_t bytes)
{
	struct order order = { .l = l,
			       .first = key_of(l, space, va),
			       .last = key_of(l, space, va + (bytes - 1)) };

	if (order.last - order.first > l->whole.stack.key_count) {
		lru_stack_for_each(&l->whole.stack, &order, leave_if_in_order);
		return;
	}
	for (uint64_t key = order.first; key <= order.last; key++) {
		stack_page_t page = lru_stack_find(&l->whole.stack, key);

		if (page != STACK_PAGE_NONE)
			leave(l, key, page);
	}
}

/* A range of 2^64 bytes: its last address is that before its first. */
void locality_invalidate_space(struct locality *l, uint16_t space)
{
	locality_invalidate(l, space, 0, 0);
}

void locality_invalidate_all(struct locality *l)
{
	lru_stack_clear(&l->whole.stack);
	for (unsigned i = 0; i < LOCALITY_PARTS && l->sampled; i++)
		lru_stack_clear(&l->part[i].stack);
}

/* --- answers --------------------------------------------------------------------------------- */

void locality_finish(struct locality *l, uint64_t now)
{
	for (stack_page_t page = 0; page < l->whole.stack.page_count; page++)
		working_set_leave(&l->working_set, page, now, 1 / locality_rate(l));
	distances_finish(&l->whole);
	for (unsigned i = 0; i < LOCALITY_PARTS && l->sampled; i++)
		distances_finish(&l->part[i]);
}

double locality_pages(const struct locality *l)
{
	return l->whole.stack.key_count / locality_rate(l);
}

double locality_misses(const struct locality *l, uint64_t entries)
{
	return distances_misses(&l->whole, locality_rate(l), entries);
}

/* Of the mean of independent estimates. */
double locality_misses_error(const struct locality *l, uint64_t entries)
{
	double misses[LOCALITY_PARTS], mean = 0, squares = 0;

	if (!l->sampled || l->threshold == 1u << SAMPLE_LG2)
		return 0;
	for (unsigned i = 0; i < LOCALITY_PARTS; i++) {
		misses[i] =
			distances_misses(&l->part[i], locality_rate(l) / LOCALITY_PARTS, entries);
		mean += misses[i] / LOCALITY_PARTS;
	}
	for (unsigned i = 0; i < LOCALITY_PARTS; i++)
		squares += (misses[i] - mean) * (misses[i] - mean);
	return sqrt(squares / (LOCALITY_PARTS * (LOCALITY_PARTS - 1)));
}

uint64_t locality_entries_max(const struct locality *l)
{
	const struct locality_distances *d = &l->whole;
	size_t last = d->room - 1;

	while (last > 0 && d->found[last] == d->found[0])
		last--;
	return last ? (uint64_t)ceil((double)(last - 1) / locality_rate(l) + 1) : 0;
}

/* --- life ------------------------------------------------------------------------------------ */

int locality_init(struct locality *l, const struct locality_setup *setup)
{
	int failed;

	memset(l, 0, sizeof(*l));
	l->setup = *setup;
	l->sampled = setup->rate < 1 || setup->pages_max > 0;
	l->threshold = (uint32_t)(setup->rate * (1 << SAMPLE_LG2));
	if (l->threshold == 0)
		l->threshold = 1;
	working_set_init(&l->working_set, setup->window, setup->alloc);
	failed = distances_init(&l->whole, setup->alloc);
	for (unsigned i = 0; i < LOCALITY_PARTS && l->sampled && !failed; i++)
		failed = distances_init(&l->part[i], setup->alloc);
	if (failed)
		locality_release(l);
	return failed;
}

void locality_release(struct locality *l)
{
	if (!l->setup.alloc)
		return;
	working_set_release(&l->working_set);
	distances_release(&l->whole, l->setup.alloc);
	for (unsigned i = 0; i < LOCALITY_PARTS; i++)
		distances_release(&l->part[i], l->setup.alloc);
	memset(l, 0, sizeof(*l));
}
