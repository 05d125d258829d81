/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Out of memory: when frames are wanted and reclaim finds none, an address space gives up its own, and
 * its processes are killed. Which one, as Linux chooses (mm/oom_kill.c: oom_badness()):
 *
 *	badness = resident pages, of whatever kind but those of hugetlb pools + pages on the swap device + pages of page tables
 *
 * The largest; of equals the one that was made last (Linux: the last in its list of tasks). Spaces
 * are chosen, not processes: those that share one die together, in Linux too (oom_kill_process()).
 *
 * One that did not ask for the frames is reaped at once, as by Linux's oom_reaper: pages and slots of
 * its private mappings go, what is shared or of a hugetlb pool stays (__oom_reap_task_mm()). Then the request is made
 * again. One that asked itself is not reaped: it fails, and ends before it runs again. Neither is
 * chosen a second time, nor gets another page (Linux: MMF_UNSTABLE; touch.c).
 *
 * What a victim's processes are is the personality's matter: it finds kernel_oom_victim() before it
 * lets anybody run, and answers with the call oom_kill. So a trace tells who was killed, and a
 * replay whose victim is another one ends there.
 *
 * Linux spares init and kernel threads; no guest is either, so nobody is exempt. Not modelled:
 * oom_score_adj (as if 0), control groups, vm.panic_on_oom and vm.oom_kill_allocating_task, reserves
 * that let a victim end sooner. Requests for more than 8 frames together kill nobody, as in Linux.
 */

#include "emu/kernel/kernel_internal.h"

#include <errno.h>
#include <sys/mman.h>

static uint64_t badness(const struct space *space)
{
	return space_resident(space) + space->swapped.count +
	       (space_table_bytes(space) >> FRAME_LG2);
}

static struct space *choose(const struct kernel *k)
{
	struct space *worst = NULL;

	for (unsigned i = 0; i < k->space_slots; i++) {
		struct space *space = k->space[i];

		if (!space || space->oom != OOM_NOT)
			continue;
		if (!worst || badness(space) > badness(worst) ||
		    (badness(space) == badness(worst) && space->id > worst->id))
			worst = space;
	}
	return worst;
}

/* --- what it had ----------------------------------------------------------------------------- */

struct survey {
	const struct kernel *k;
	struct oom_usage *usage;
};

static void add_leaf(void *ctx, const struct translation *leaf)
{
	const struct survey *survey = ctx;

	for (uint64_t i = 0; i < leaf->bytes; i += FRAME_BYTES) {
		const struct frame *frame =
			frame_at(&survey->k->frames, (leaf->pa + i) >> FRAME_LG2);

		if (frame->kind == FRAME_HUGETLB)
			continue;
		if (frame->kind != FRAME_FILE)
			survey->usage->anonymous += FRAME_BYTES;
		else if (survey->k->file[frame->file]->identity == KERNEL_IDENTITY_NONE)
			survey->usage->shared += FRAME_BYTES;
		else
			survey->usage->file += FRAME_BYTES;
	}
}

static void survey_space(struct kernel *k, struct space *space)
{
	struct survey survey = { k, &space->oom_usage };

	for (unsigned i = 0; i < space->vmas.count; i++)
		space->oom_usage.mapped += space->vmas.vma[i].end - space->vmas.vma[i].start;
	space->oom_usage.swapped = space->swapped.count << FRAME_LG2;
	space->oom_usage.tables = space_table_bytes(space);
	/* PW_NOMEM of the host: what is resident is not told. */
	(void)leaves_for_each(k, space, add_leaf, &survey);
}

/* --- the victim ------------------------------------------------------------------------------ */

static void emit_victim(struct kernel *k, const struct space *victim)
{
	if (event_wanted(k->events, EVENT_OOM)) {
		const struct event event = {
			.kind = EVENT_OOM,
			.asid = victim->id,
			.value = k->frames.end - k->frames.count[FRAME_FREE],
		};

		kernel_emit(k, &event);
	}
}

void oom_condemn(struct kernel *k, struct space *victim)
{
	if (victim->oom != OOM_NOT)
		return;
	survey_space(k, victim);
	victim->oom = OOM_PENDING;
	k->oom_pending++;
	k->counters.oom_kills++;
	k->out_of_memory = true;
	emit_victim(k, victim);
}

/* The frames are in limbo, for whoever settles. */
static void reap(struct kernel *k, struct space *victim)
{
	uint64_t before = leaves_count(victim);

	for (unsigned i = 0; i < victim->vmas.count; i++) {
		const struct vma *vma = &victim->vmas.vma[i];

		if (!(vma->flags & (MAP_SHARED | MAP_HUGETLB)))
			pages_unmap(k, victim, vma->start, vma->end - vma->start);
	}
	segment_release(k, victim);
	k->counters.oom_reaped_pages += before - leaves_count(victim);
}

bool oom_relieve(struct kernel *k, struct space *asking)
{
	struct space *victim;

	if (asking && asking->oom != OOM_NOT)
		return false;
	victim = k->starved ? choose(k) : asking;
	k->starved = false;
	if (!victim)
		return false;
	oom_condemn(k, victim);
	if (victim == asking)
		return false;
	reap(k, victim);
	return true;
}

void oom_forget(struct kernel *k, struct space *space)
{
	if (space->oom == OOM_PENDING)
		k->oom_pending--;
	space->oom = OOM_NOT;
}

int64_t kcall_oom_kill(struct kernel *k, const uint64_t *arg)
{
	struct space *space = space_find(k, arg[0]);

	if (!space || space->oom != OOM_PENDING)
		return -ESRCH;
	space->oom = OOM_KILLED;
	k->oom_pending--;
	return 0;
}

bool kernel_oom_pending(const struct kernel *k)
{
	return k->oom_pending > 0;
}

bool kernel_oom_victim(const struct kernel *k, uint64_t id, struct oom_usage *usage)
{
	const struct space *space = k->oom_pending ? space_find(k, id) : NULL;

	if (!space || space->oom != OOM_PENDING)
		return false;
	*usage = space->oom_usage;
	return true;
}
