/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * fork(2) of an address space (Linux: dup_mmap() and copy_page_range(), mm/memory.c).
 *
 *	                     parent's entry           child's entry
 *	private, writable    write-protected          the same frame, not writable
 *	private, read-only   as it was                the same frame
 *	shared               as it was                the same frame, as writable as it was
 *
 * The next write to a private page, by either, finds more than one reference and copies; the last
 * one that has the frame gets it back writable (touch.c). The child's entries start with A clear,
 * and those of shared mappings with D clear: what is dirty is known through the parent's.
 *
 * All or nothing, in two passes: the child's entries first, which may run out of frames for
 * tables and then go again; the parent's are protected only when nothing can fail any more, and
 * invalidated in its TLBs, in runs. Until then the child does not run, so nobody can write.
 *
 * Deviation: Linux leaves out entries of file mappings without private pages and lets the child
 * fault them in; here all are copied. Not modelled: MADV_DONTFORK, MADV_WIPEONFORK.
 */

#include <errno.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

struct copy {
	struct kernel *k;
	struct space *parent, *child;
	struct translation *leaf; /* of the parent; those in the table in address order */
	uint64_t count;
};

static void collect(void *ctx, const struct translation *leaf)
{
	struct copy *copy = ctx;

	copy->leaf[copy->count++] = *leaf;
}

static bool is_shared(const struct copy *copy, va_t va)
{
	return vma_set_at(&copy->parent->vmas, va)->flags & MAP_SHARED;
}

static int copy_vmas(struct copy *copy)
{
	const struct vma_set *set = &copy->parent->vmas;
	int error = vma_set_reserve(&copy->child->vmas, set->count);

	for (unsigned i = 0; !error && i < set->count; i++) {
		struct vma vma = set->vma[i];

		vma.flags &= ~(uint32_t)VMA_HUGETLB_OWNER;
		vma_set_insert(&copy->child->vmas, &vma);
	}
	copy->child->mmap_top = copy->parent->mmap_top;
	copy->child->brk_start = copy->parent->brk_start;
	copy->child->brk = copy->parent->brk;
	copy->child->stack_limit = copy->parent->stack_limit;
	return error;
}

/* The frames stay: making room for a table of the child must not take them away meanwhile. */
static int copy_entry(struct copy *copy, const struct translation *leaf)
{
	bool shared = is_shared(copy, leaf->va);
	uint8_t perms = shared ? leaf->perms : leaf->perms & (uint8_t)~PERM_WRITE;
	struct frames *frames = &copy->k->frames;
	pfn_t first = leaf->pa >> FRAME_LG2, end = first + (leaf->bytes >> FRAME_LG2);
	const struct pt_mapping mapping = {
		.va = leaf->va,
		.pa = leaf->pa,
		.page_lg2 = leaf->page_lg2,
		.attrs = { .perms = perms, .dirty = leaf->dirty && !shared },
	};
	int error;

	for (pfn_t pfn = first; pfn < end; pfn++)
		frames_get(frames, pfn);
	error = page_map(copy->k, copy->child, &mapping);
	for (pfn_t pfn = first; pfn < end; pfn++)
		frames_put(frames, pfn);
	return error;
}

/* Pages that reclaim took from the parent meanwhile are found among those on the swap device. */
static int copy_entries(struct copy *copy)
{
	struct kernel *k = copy->k;
	int error = PW_OK;

	for (uint64_t i = 0; !error && i < copy->count; i++) {
		struct translation leaf;

		if (leaf_harvest(k, copy->parent, copy->leaf[i].va, HARVEST_READ, &leaf) == PW_OK)
			error = copy_entry(copy, &leaf);
	}
	return error ? error : swapped_fork(k, copy->parent, copy->child);
}

/* Neighbours that were writable alike are protected at once. */
static void protect_parent(struct copy *copy)
{
	for (uint64_t i = 0, next; i < copy->count; i = next) {
		const struct translation *first = &copy->leaf[i];
		va_t end = first->va + first->bytes;

		next = i + 1;
		if (!(first->perms & PERM_WRITE) || is_shared(copy, first->va))
			continue;
		while (next < copy->count && copy->leaf[next].va == end &&
		       copy->leaf[next].perms == first->perms && !is_shared(copy, end))
			end += copy->leaf[next++].bytes;
		pages_protect(copy->k, copy->parent, first->va, end - first->va,
			      first->perms & (uint8_t)~PERM_WRITE);
	}
}

static int copy_space(struct copy *copy)
{
	int error = copy_vmas(copy);

	copy->leaf =
		host_zalloc(copy->k->alloc, leaves_count(copy->parent) + 1, sizeof(*copy->leaf));
	if (!error)
		error = copy->leaf ? leaves_for_each(copy->k, copy->parent, collect, copy)
				   : PW_NOMEM;
	if (!error)
		error = copy_entries(copy);
	if (!error)
		protect_parent(copy);
	host_free(copy->k->alloc, copy->leaf);
	return error;
}

int64_t kcall_fork(struct kernel *k, const uint64_t *arg)
{
	asid_t last_id = k->last_space_id;
	int64_t id = kcall_space_create(k, arg);
	struct copy copy = { .k = k, .parent = k->running };

	if (id < 0)
		return id;
	copy.child = space_find(k, (uint64_t)id);
	copy.child->first_touch = copy.parent->first_touch;
	if (copy_space(&copy) != PW_OK) {
		space_unmap_all(k, copy.child);
		space_release(k, copy.child);
		k->last_space_id = last_id;
		return -ENOMEM;
	}
	k->counters.forks++;
	cost_charge(k, CHARGE_FORK, k->config.costs.fork);
	return id;
}
