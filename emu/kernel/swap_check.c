/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The laws of swap, by walking everything (see kernel_check.c): a slot has as many references as
 * there are entries for it and a frame in the swap cache; entries lie where a page can be, and where
 * no page is; the swap cache holds private pages; slots in use are as many as counted.
 */

#include "emu/kernel/kernel_internal.h"

struct slots {
	struct kernel *k;
	uint32_t *refs;
	const char *wrong;
};

static void wrong(struct slots *slots, const char *what)
{
	if (!slots->wrong)
		slots->wrong = what;
}

static void count_entry(struct slots *slots, pfn_t value, bool of_file)
{
	uint64_t slot = value - 1;
	const struct swap_slot *record =
		slot < slots->k->swap.slots ? swap_slot(&slots->k->swap, slot) : NULL;

	if (!record || record->of_file != of_file) {
		wrong(slots, "a swap entry names no slot of its kind");
		return;
	}
	slots->refs[slot]++;
}

static void count_space(struct slots *slots, struct space *space)
{
	struct translation leaf;
	uint64_t vpn;
	pfn_t value;

	for (vpn = 0; page_tree_next(&space->swapped, &vpn, &value); vpn++) {
		va_t va = vpn << FRAME_LG2;

		count_entry(slots, value, false);
		if (!vma_set_at(&space->vmas, va))
			wrong(slots, "a page on the swap device lies outside of every VMA");
		if (leaf_harvest(slots->k, space, va, HARVEST_READ, &leaf) == PW_OK)
			wrong(slots, "a page is mapped and on the swap device");
	}
}

static void count_file(struct slots *slots, const struct file *file)
{
	uint64_t index;
	pfn_t value;

	for (index = 0; page_tree_next(&file->swapped, &index, &value); index++) {
		count_entry(slots, value, true);
		if (page_tree_find(&file->pages, index) != PFN_NONE)
			wrong(slots, "a page of shared memory is cached and on the swap device");
	}
}

static void check_slots(struct slots *slots)
{
	const struct swap *swap = &slots->k->swap;
	uint64_t used = 0, cached = 0;

	for (uint64_t i = 0; i < swap->slots; i++) {
		const struct swap_slot *record = swap_slot(swap, i);

		if (!record || record->refs == 0)
			continue;
		used++;
		if (record->cached) {
			cached++;
			slots->refs[i]++;
			if (frame_slot(frame_at(&slots->k->frames, record->cached)) != i)
				wrong(slots, "a slot and its frame in the swap cache disagree");
			if (record->of_file)
				wrong(slots, "a page of shared memory is in the swap cache");
		}
		if (slots->refs[i] != record->refs)
			wrong(slots, "the references of a slot are not its entries and the cache");
	}
	if (used != swap->used || cached != swap->cached)
		wrong(slots, "slots in use, or in the swap cache, are not as many as counted");
}

int swap_check(struct kernel *k, const char **what)
{
	struct slots slots = { .k = k };

	*what = NULL;
	if (k->swap.slots == 0)
		return PW_OK;
	slots.refs = host_zalloc(k->alloc, k->swap.slots, sizeof(uint32_t));
	if (!slots.refs)
		return PW_NOMEM;
	for (unsigned i = 0; i < k->space_slots; i++)
		if (k->space[i])
			count_space(&slots, k->space[i]);
	for (unsigned i = 0; i < k->file_slots; i++)
		if (k->file[i])
			count_file(&slots, k->file[i]);
	check_slots(&slots);
	host_free(k->alloc, slots.refs);
	*what = slots.wrong;
	return slots.wrong ? PW_CORRUPT : PW_OK;
}
