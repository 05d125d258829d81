/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Address spaces. Ids and ASIDs are the lowest free number, from 1. An ASID is used again only
 * after everything that was tagged with it has been invalidated.
 */

#include <errno.h>
#include <string.h>

#include "emu/kernel/kernel_internal.h"

struct space *space_find(const struct kernel *k, uint64_t id)
{
	return id == 0 || id > k->space_slots ? NULL : k->space[id - 1];
}

/* Number of a free slot, or -1. */
static int free_slot(struct kernel *k)
{
	unsigned slots = k->space_slots ? k->space_slots * 2 : 4;
	struct space **grown;

	for (unsigned i = 0; i < k->space_slots; i++)
		if (!k->space[i])
			return (int)i;
	if (slots > UINT16_MAX)
		return -1;
	grown = k->alloc->resize(k->alloc->ctx, k->space, slots * sizeof(struct space *));
	if (!grown)
		return -1;
	for (unsigned i = k->space_slots; i < slots; i++)
		grown[i] = NULL;
	k->space = grown;
	k->space_slots = slots;
	return (int)(slots == 4 ? 0 : slots / 2);
}

int64_t kcall_space_create(struct kernel *k, const uint64_t *arg)
{
	int slot = free_slot(k);
	struct space *space = slot < 0 ? NULL : host_zalloc(k->alloc, 1, sizeof(*space));

	(void)arg;
	if (!space)
		return -ENOMEM;
	space->id = (uint16_t)(slot + 1);
	space->asid = space->id;
	if (pt_space_create(k->table, space->asid, &space->pt) != PW_OK) {
		host_free(k->alloc, space);
		return -ENOMEM;
	}
	vma_set_init(&space->vmas, k->alloc, file_hold, k);
	space->mmap_top = k->va_end;
	space->stack_limit = STACK_LIMIT_DEFAULT;
	k->space[slot] = space;
	return space->id;
}

int64_t kcall_space_switch(struct kernel *k, const uint64_t *arg)
{
	struct space *space = space_find(k, arg[0]);

	if (!space)
		return -ESRCH;
	k->running = space;
	k->hw.switch_space(k->hw.ctx, space->pt);
	k->flush_due = true;
	k->counters.context_switches++;
	cost_charge(k, CHARGE_SWITCH, k->config.costs.context_switch);
	if (event_wanted(k->events, EVENT_SWITCH)) {
		const struct event event = {
			.kind = EVENT_SWITCH,
			.asid = space->asid,
			.value = space->asid,
			.cycles = k->config.costs.context_switch,
		};

		kernel_emit(k, &event);
	}
	return 0;
}

int64_t kcall_space_destroy(struct kernel *k, const uint64_t *arg)
{
	struct space *space = space_find(k, arg[0]);

	if (!space)
		return -ESRCH;
	space_unmap_all(k, space);
	k->hw.invalidate_asid(k->hw.ctx, space->asid);
	cost_charge(k, CHARGE_SHOOTDOWN, k->config.costs.shootdown);
	space_release(k, space);
	return 0;
}

void space_release(struct kernel *k, struct space *space)
{
	k->space[space->id - 1] = NULL;
	if (k->running == space)
		k->running = NULL;
	vma_set_release(&space->vmas);
	pt_space_destroy(space->pt);
	host_free(k->alloc, space);
}

int64_t kcall_space_layout(struct kernel *k, const uint64_t *arg)
{
	va_t mmap_top = arg[0], brk_start = arg[1], stack_top = arg[2];

	if (mmap_top > k->va_end || brk_start > k->va_end || stack_top > k->va_end ||
	    mmap_top % FRAME_BYTES)
		return -EINVAL;
	k->running->mmap_top = mmap_top;
	k->running->brk_start = k->running->brk = brk_start;
	k->running->stack_limit = arg[3];
	return 0;
}
