/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Address spaces, and which one runs. Ids count from 1 and are not used again before all 65,535
 * have been: events and profiles name spaces by them. Which ASID a space has is asid.c's matter.
 */

#include <errno.h>
#include <string.h>

#include "emu/kernel/kernel_internal.h"
#include "emu/kernel/page_view.h"

struct space *space_find(const struct kernel *k, uint64_t id)
{
	for (unsigned i = 0; i < k->space_slots; i++)
		if (k->space[i] && k->space[i]->id == id)
			return k->space[i];
	return NULL;
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

static asid_t next_id(const struct kernel *k)
{
	asid_t id = k->last_space_id;

	do
		id++;
	while (id == 0 || space_find(k, id));
	return id;
}

static void forget(struct kernel *k, struct space *space)
{
	object_free(k, OBJECT_FILES, &space->files);
	object_free(k, OBJECT_SIGNAL, &space->signal);
	object_free(k, OBJECT_MM, &space->mm);
	host_free(k->alloc, space);
}

static int create_table(struct kernel *k, struct space *space)
{
	int error;

	while ((error = pt_space_create(k->table, space->id, &space->pt)) == PW_NOFRAMES &&
	       pageout_direct(k, 1) > 0)
		kernel_settle(k);
	return error;
}

int64_t kcall_space_create(struct kernel *k, const uint64_t *arg)
{
	int slot = free_slot(k);
	struct space *space = slot < 0 ? NULL : host_zalloc(k->alloc, 1, sizeof(*space));

	(void)arg;
	if (!space)
		return -ENOMEM;
	space->id = next_id(k);
	space->slot = (unsigned)slot;
	if (object_alloc(k, OBJECT_MM, &space->mm) != PW_OK ||
	    object_alloc(k, OBJECT_SIGNAL, &space->signal) != PW_OK ||
	    object_alloc(k, OBJECT_FILES, &space->files) != PW_OK ||
	    create_table(k, space) != PW_OK) {
		forget(k, space);
		return -ENOMEM;
	}
	k->last_space_id = space->id;
	page_tree_init(&space->swapped, k->alloc);
	vma_set_init(&space->vmas, k->alloc, file_hold, k);
	space->vmas.cache = &k->objects.cache[OBJECT_VMA];
	space->mmap_top = k->va_end;
	space->stack_limit = STACK_LIMIT_DEFAULT;
	k->space[slot] = space;
	return space->id;
}

uint64_t space_table_bytes(const struct space *space)
{
	return pt_space_table_bytes(page_view_hardware(space->pt));
}

static void switched(struct kernel *k, uint64_t task, bool same_space)
{
	const struct kernel_costs *costs = &k->config.costs;
	unsigned cycles = same_space ? costs->thread_switch : costs->context_switch;

	cost_charge(k, CHARGE_SWITCH, cycles);

	if (event_wanted(k->events, EVENT_SWITCH)) {
		const struct event event = {
			.kind = EVENT_SWITCH,
			.asid = k->running->id,
			.value = task,
			.level = same_space,
			.cycles = cycles,
		};

		kernel_emit(k, &event);
	}
}

static void switch_to(struct kernel *k, struct space *space, uint64_t task)
{
	asid_lend(k, space);
	k->running = space;
	k->hw.switch_space(k->hw.ctx, page_view_hardware(space->pt));
	k->flush_due = true;
	k->counters.context_switches++;
	switched(k, task, false);
}

int64_t kcall_space_switch(struct kernel *k, const uint64_t *arg)
{
	struct space *space = space_find(k, arg[0]);

	if (!space)
		return -ESRCH;
	switch_to(k, space, 0);
	return 0;
}

int64_t kcall_task_switch(struct kernel *k, const uint64_t *arg)
{
	struct space *space = space_find(k, arg[1]);

	if (!space)
		return -ESRCH;
	if (space != k->running) {
		switch_to(k, space, arg[0]);
		return 0;
	}
	k->counters.thread_switches++;
	switched(k, arg[0], true);
	return 0;
}

int64_t kcall_task_create(struct kernel *k, const uint64_t *arg)
{
	if (!space_find(k, arg[1]))
		return -ESRCH;
	if (task_object_create(k, arg[0]) != PW_OK)
		return -ENOMEM;
	k->counters.tasks++;
	cost_charge(k, CHARGE_FORK, k->config.costs.task_create);
	return 0;
}

int64_t kcall_space_destroy(struct kernel *k, const uint64_t *arg)
{
	struct space *space = space_find(k, arg[0]);

	if (!space)
		return -ESRCH;
	space_unmap_all(k, space);
	if (space->tagged) {
		k->hw.invalidate_asid(k->hw.ctx, space->pt->tag);
		cost_charge(k, CHARGE_SHOOTDOWN, k->config.costs.shootdown);
	}
	space_release(k, space);
	return 0;
}

void space_release(struct kernel *k, struct space *space)
{
	oom_forget(k, space);
	asid_give_back(k, space);
	k->space[space->slot] = NULL;
	if (k->running == space)
		k->running = NULL;
	for (unsigned i = 0; i < space->vmas.count; i++)
		hugetlb_unpromise(k, &space->vmas.vma[i]);
	vma_set_release(&space->vmas);
	segment_release(k, space);
	swapped_forget(k, &space->swapped, 0, UINT64_MAX);
	pt_space_destroy(space->pt);
	forget(k, space);
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
	segment_reserve(k, k->running);
	return 0;
}
