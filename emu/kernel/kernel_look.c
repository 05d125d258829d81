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
		.anonymous = count[FRAME_ANONYMOUS],
		.file = count[FRAME_FILE],
		.reserved = count[FRAME_RESERVED],
		.slack = count[FRAME_SLACK],
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

/* Names must outlive the visit, and are few: one string each. */
#define ORDERS(name)                                                                               \
	{                                                                                          \
		name "0", name "1", name "2", name "3", name "4", name "5", name "6", name "7",    \
			name "8", name "9", name "10", name "11", name "12", name "13", name "14", \
			name "15", name "16", name "17", name "18"                                 \
	}

static void visit_blocks(const struct kernel *k, counter_visit_fn *visit, void *ctx)
{
	static const char *const free_names[FRAME_BLOCK_ORDERS] = ORDERS("frames.free_order_");
	static const char *const index_names[FRAME_BLOCK_ORDERS] =
		ORDERS("frames.unusable_index_order_");
	uint64_t blocks[FRAME_BLOCK_ORDERS];

	kernel_free_blocks(k, blocks);
	for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
		visit(ctx, free_names[order], "free blocks of 2^order frames", blocks[order]);
	for (unsigned order = 0; order < FRAME_BLOCK_ORDERS; order++)
		visit(ctx, index_names[order],
		      "thousandths of free memory that lie in smaller blocks",
		      frame_unusable_index(blocks, order));
}

static uint64_t space_count(const struct kernel *k)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < k->space_slots; i++)
		count += k->space[i] != NULL;
	return count;
}

void kernel_visit_counters(const struct kernel *k, counter_visit_fn *visit, void *ctx)
{
	struct frame_counts counts;

#define KERNEL_COUNTER(field, doc) visit(ctx, "kernel." #field, doc, k->counters.field);
#include "mmu/event.def"
	kernel_frame_counts(k, &counts);
	visit(ctx, "kernel.frames_total", "frames of physical memory", counts.total);
	visit(ctx, "kernel.frames_free", "frames that are free now", counts.free);
	visit(ctx, "kernel.frames_table", "frames of page tables", counts.table);
	visit(ctx, "kernel.frames_anonymous", "frames of anonymous memory", counts.anonymous);
	visit(ctx, "kernel.frames_file", "frames in the page cache", counts.file);
	visit(ctx, "kernel.frames_reserved", "frames that are never handed out", counts.reserved);
	visit(ctx, "kernel.frames_slack", "frames of larger base pages that hold no page",
	      counts.slack);
	visit_blocks(k, visit, ctx);
	visit(ctx, "kernel.spaces", "address spaces that exist now", space_count(k));
}
