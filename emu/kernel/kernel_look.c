/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The const functions of kernel.h: they look, and change nothing that anyone can see. */

#include "emu/kernel/kernel_internal.h"

const struct vma *kernel_vma_at(const struct kernel *k, va_t va, bool *inside)
{
	struct vma_set *set = k->running ? &k->running->vmas : NULL;
	unsigned i = set ? vma_set_find(set, va) : 0;

	*inside = false;
	if (!set || i == set->count)
		return NULL;
	*inside = set->vma[i].start <= va;
	return &set->vma[i];
}

unsigned kernel_vma_count(const struct kernel *k)
{
	return k->running ? k->running->vmas.count : 0;
}

const struct vma *kernel_vma_nth(const struct kernel *k, unsigned n)
{
	return n < kernel_vma_count(k) ? &k->running->vmas.vma[n] : NULL;
}

uint64_t kernel_file_identity(const struct kernel *k, int32_t id)
{
	const struct file *file = file_find(k, id);

	return file ? file->identity : KERNEL_IDENTITY_NONE;
}

struct pt_space *kernel_space(const struct kernel *k)
{
	return k->running ? k->running->pt : NULL;
}

va_t kernel_brk_now(const struct kernel *k)
{
	return k->running ? k->running->brk : 0;
}

bool kernel_displaced(const struct kernel *k, va_t va, struct translation *leaf)
{
	return k->running && leaf_displaced(k, k->running, va, leaf);
}

bool kernel_translate(const struct kernel *k, va_t va, pa_t *pa)
{
	struct translation leaf;

	if (!k->running ||
	    (pt_lookup(k->running->pt, va, &leaf) != PW_OK && !kernel_displaced(k, va, &leaf)))
		return false;
	*pa = leaf.pa + (va - leaf.va);
	return true;
}

va_t kernel_va_end(const struct kernel *k)
{
	return k->va_end;
}

bool kernel_out_of_memory(const struct kernel *k)
{
	return k->out_of_memory;
}

void kernel_frame_counts(const struct kernel *k, struct frame_counts *counts)
{
	const uint64_t *count = k->frames.count;

	*counts = (struct frame_counts){
		.total = k->frames.end,
		.free = count[FRAME_FREE] + count[FRAME_LIMBO],
		.table = count[FRAME_TABLE],
		.slab = count[FRAME_SLAB],
		.anonymous = count[FRAME_ANONYMOUS],
		.file = count[FRAME_FILE],
		.reserved = count[FRAME_RESERVED],
		.slack = count[FRAME_SLACK],
		.hugetlb = count[FRAME_HUGETLB],
		.pinned = k->frames.pinned,
	};
}

const struct kernel_counters *kernel_counters(const struct kernel *k)
{
	return &k->counters;
}

void kernel_free_blocks(const struct kernel *k, uint64_t blocks[FRAME_BLOCK_ORDERS])
{
	frame_allocator_blocks(&k->frames.allocator, blocks);
}

void kernel_mobility(const struct kernel *k, struct frame_mobility *mobility)
{
	frame_allocator_mobility(&k->frames.allocator, mobility);
}
