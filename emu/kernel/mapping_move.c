/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Moving page-table entries, for mremap(2): the same frames, A and D kept, no byte copied. A window
 * at a time, so that what is in between entries is bounded. A huge page is a window of its own where
 * it may lie at the new place as it is; else it is split before anything moves.
 *
 * Pages on the swap device move by their entries (swapped.c).
 *
 * All or nothing: when frames for tables run out, every window goes back. That needs no more
 * tables than there were before the move, and those were freed by it, so it can fail only when the
 * host refuses memory: then the pages are lost and the guest is out of memory.
 */

#include <assert.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

enum { WINDOW_PAGES = 256 };
#define WINDOW_BYTES ((uint64_t)WINDOW_PAGES * FRAME_BYTES)

struct window {
	struct kernel *k;
	struct space *space;
	unsigned count;
	struct translation leaf[WINDOW_PAGES];
};

static void collect(void *ctx, const struct translation *leaf)
{
	struct window *window = ctx;
	struct kernel *k = window->k;

	assert(window->count < WINDOW_PAGES);
	window->leaf[window->count++] = *leaf;
	/* The pins outlive the mapping, so that nothing takes a frame meanwhile. */
	for (uint64_t at = 0; at < leaf->bytes; at += FRAME_BYTES)
		frames_get(&k->frames, (leaf->pa + at) >> FRAME_LG2);
}

/* The entries of a window leave the table; their frames are pinned. */
static void take_out(struct window *window, va_t va, uint64_t bytes)
{
	struct kernel *k = window->k;
	int error;

	window->count = 0;
	error = leaves_unmap(k, window->space, va, bytes, collect, window);
	assert(!error);
	(void)error;
	leaves_moved_out(k, window->space, window->leaf, window->count);
}

static void unpin(struct window *window)
{
	struct frames *frames = &window->k->frames;

	for (unsigned i = 0; i < window->count; i++)
		for (uint64_t at = 0; at < window->leaf[i].bytes; at += FRAME_BYTES) {
			pfn_t pfn = (window->leaf[i].pa + at) >> FRAME_LG2;

			frames_put(frames, pfn);
			if (frame_at(frames, pfn)->kind == FRAME_HUGETLB)
				hugetlb_trim(window->k, pfn);
		}
}

/* Enters what was taken out, `shift` further up; returns how many were entered. */
static unsigned put_in(struct window *window, uint64_t shift)
{
	unsigned i;

	for (i = 0; i < window->count; i++) {
		const struct translation *leaf = &window->leaf[i];
		const struct pt_mapping mapping = {
			.va = leaf->va + shift,
			.pa = leaf->pa,
			.page_lg2 = leaf->page_lg2,
			.attrs = { leaf->perms, leaf->global, leaf->accessed, leaf->dirty },
		};

		if (page_map(window->k, window->space, &mapping) != PW_OK)
			break;
	}
	return i;
}

/* Takes out the first `count` leaves of the window again, from where put_in() entered them. */
static void undo(struct window *window, uint64_t shift, unsigned count)
{
	struct kernel *k = window->k;

	for (unsigned i = 0; i < count; i++) {
		struct translation moved = window->leaf[i];
		int error;

		moved.va += shift;
		error = leaves_unmap(k, window->space, moved.va, moved.bytes, NULL, NULL);
		assert(!error);
		(void)error;
		leaves_moved_out(k, window->space, &moved, 1);
	}
}

static int move_window(struct window *window, va_t from, uint64_t shift, uint64_t bytes)
{
	int error = PW_OK;
	unsigned done;

	take_out(window, from, bytes);
	done = put_in(window, shift);
	if (done < window->count) {
		undo(window, shift, done);
		if (put_in(window, 0) < window->count)
			oom_condemn(window->k, window->space);
		error = PW_NOFRAMES;
	}
	unpin(window);
	return error;
}

/*
 * Windows end where the address at the old place is a multiple of theirs, so that they are the same
 * in both directions. `at` is where the next one begins, or with `before` where the last one ended,
 * `shift` further up by now.
 */
static uint64_t window_bytes(struct kernel *k, const struct space *space, va_t at, uint64_t shift,
			     bool before)
{
	struct translation leaf;
	va_t page = before ? at - FRAME_BYTES : at;

	if (k->huge_pages > 0 && pt_lookup(space->pt, page + shift, &leaf) == PW_OK &&
	    leaf.bytes > WINDOW_BYTES)
		return leaf.bytes;
	return before ? at - (page & ~(WINDOW_BYTES - 1)) : WINDOW_BYTES - at % WINDOW_BYTES;
}

/* What is in the table. */
static int move_leaves(struct kernel *k, struct space *space, va_t from, va_t to, uint64_t bytes)
{
	struct window window = { .k = k, .space = space };
	uint64_t done, step, shift = to - from;
	const struct vma *vma = vma_set_at(&space->vmas, from);
	bool of_pool = vma && vma->flags & MAP_HUGETLB; /* never cut, nor in composed blocks */

	if (leaves_count(space) == 0)
		return PW_OK;
	if (k->frames.block_order && !of_pool)
		return block_move(k, space, from, to, bytes);
	if (!of_pool && shift & (((uint64_t)FRAME_BYTES << k->huge_order) - 1) &&
	    huge_split_all(k, space, from, from + bytes) != PW_OK)
		return PW_NOFRAMES;
	for (done = 0; done < bytes; done += step) {
		step = window_bytes(k, space, from + done, 0, false);
		if (step > bytes - done)
			step = bytes - done;
		if (move_window(&window, from + done, shift, step) == PW_OK)
			continue;
		while (done > 0) {
			step = window_bytes(k, space, from + done, shift, true);
			if (step > done)
				step = done;
			done -= step;
			if (move_window(&window, to + done, 0 - shift, step) != PW_OK)
				oom_condemn(k, space);
		}
		return PW_NOFRAMES;
	}
	return PW_OK;
}

/*
 * A page that leaves for the swap device meanwhile has its entry where it lay then: at either place.
 * So after a failure everything found at the new place goes back.
 */
int pages_move(struct kernel *k, struct space *space, va_t from, va_t to, uint64_t bytes)
{
	int error = move_leaves(k, space, from, to, bytes);

	if (!error) {
		error = swapped_move(k, space, from, to, bytes);
		if (error && move_leaves(k, space, to, from, bytes) != PW_OK)
			oom_condemn(k, space);
	}
	if (error && swapped_move(k, space, to, from, bytes) != PW_OK)
		oom_condemn(k, space);
	return error;
}
