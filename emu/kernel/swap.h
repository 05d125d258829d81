/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_SWAP_H
#define PAGEWALK_EMU_KERNEL_SWAP_H

/*
 * The swap device: slots of one page, counted by who refers to them, and a device that serves one
 * request after the other. What the bytes are and where they lie is the content provider's matter.
 */

#include "emu/kernel/config.h"
#include "emu/kernel/reclaim.h"

#define SLOT_NONE UINT64_MAX

struct swap_slot {
	uint32_t refs;          /* swap entries of spaces and files, and the swap cache; 0: free */
	bool of_file;           /* its entry is a file's (shared anonymous memory) */
	pfn_t cached;           /* frame with the same bytes: the swap cache; 0: none */
	struct reclaim_key key; /* of the page, for policies */
};

struct swap {
	struct swap_config config;
	const struct host_alloc *alloc;
	struct swap_slot **chunk; /* made when a slot in them is first taken */
	uint32_t *chunk_used;
	uint64_t slots, used, next; /* next: where the search for a free one begins */
	uint64_t cached;
	cycles_t busy_until;
};

int swap_init(struct swap *swap, const struct swap_config *config, const struct host_alloc *alloc);
void swap_release(struct swap *swap);

/* A free slot with one reference, if possible the one behind the last; SLOT_NONE. */
uint64_t swap_take(struct swap *swap);
/* The record of a slot that is or was in use; NULL for one that never was. */
struct swap_slot *swap_slot(const struct swap *swap, uint64_t slot);
void swap_get(struct swap *swap, uint64_t slot);
void swap_put(struct swap *swap, uint64_t slot);
static inline bool swap_has_room(const struct swap *swap)
{
	return swap->used < swap->slots;
}
/* Linux's vm_swap_full(): more than half is used, so pages that were read back give up their slots. */
static inline bool swap_is_full(const struct swap *swap)
{
	return swap->used * 2 > swap->slots;
}

/* How long whoever asks at `now` waits: for a read of so many pages until it is done, for a write
 * until the queue takes it. */
cycles_t swap_read_stall(struct swap *swap, cycles_t now, unsigned pages);
cycles_t swap_write_stall(struct swap *swap, cycles_t now);

#endif
