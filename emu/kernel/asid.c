/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ASIDs (x86: PCIDs): which tag the entries of a space have in TLBs and walk caches.
 *
 * A space gets the lowest free tag when it first runs, keeps it while others run, and gives it
 * back when it is destroyed, after everything tagged with it was invalidated. Tag 0 is nobody's.
 * When a space is to run and no tag is free, everything is invalidated, all tags become free and a
 * new generation begins (Linux: arch/arm64/mm/context.c, flush_context()). A machine without ASIDs
 * has one tag, 0, which the running space has: its hardware forgets all at each switch.
 *
 * So the hardware can hold entries of a space only while it has a tag, and a space without one
 * needs no invalidation. The tag is not the space's identity, which is never lent to another.
 *
 * Not modelled: Linux on x86 lends only six of the 4,096 PCIDs at a time.
 */

#include <assert.h>

#include "emu/kernel/kernel_internal.h"

int asids_init(struct kernel *k, unsigned bits)
{
	uint64_t words = ((UINT64_C(1) << bits) + 63) / 64;

	k->asid_bits = bits;
	k->asid_used = host_zalloc(k->alloc, words, sizeof(uint64_t));
	if (!k->asid_used)
		return PW_NOMEM;
	k->asid_used[0] = 1;
	return PW_OK;
}

void asids_release(struct kernel *k)
{
	host_free(k->alloc, k->asid_used);
	k->asid_used = NULL;
}

/* 0: all are lent. */
static asid_t lowest_free(struct kernel *k)
{
	uint64_t end = UINT64_C(1) << k->asid_bits;

	for (uint64_t first = 0; first < end; first += 64) {
		uint64_t free = ~k->asid_used[first / 64];
		uint64_t tag = first + (free ? (unsigned)__builtin_ctzll(free) : 64);

		if (free && tag < end)
			return (asid_t)tag;
	}
	return 0;
}

static void begin_generation(struct kernel *k)
{
	for (unsigned i = 0; i < k->space_slots; i++)
		if (k->space[i])
			asid_give_back(k, k->space[i]);
	k->hw.invalidate_all(k->hw.ctx);
	k->counters.asid_rollovers++;
	cost_charge(k, CHARGE_SHOOTDOWN, k->config.costs.shootdown);
}

void asid_lend(struct kernel *k, struct space *space)
{
	if (k->asid_bits == 0) {
		if (k->running)
			k->running->tagged = false;
		pt_space_lend(space->pt, 0);
	} else if (!space->tagged) {
		asid_t tag = lowest_free(k);

		if (tag == 0) {
			begin_generation(k);
			tag = lowest_free(k);
		}
		assert(tag && "one bit leaves one tag");
		k->asid_used[tag / 64] |= UINT64_C(1) << tag % 64;
		pt_space_lend(space->pt, tag);
	}
	space->tagged = true;
}

void asid_give_back(struct kernel *k, struct space *space)
{
	asid_t tag = space->pt->tag;

	if (space->tagged && k->asid_bits > 0)
		k->asid_used[tag / 64] &= ~(UINT64_C(1) << tag % 64);
	space->tagged = false;
}
