/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The model's truth, for /proc and the like. A page is private or shared by the number of its
 * mappings and dirty by the modelled D bit, as in Linux's smaps_account() (fs/proc/task_mmu.c); a
 * clean anonymous page is possible there and here. Not modelled: soft-dirty, locked and lazily freed
 * memory. Pages of shared memory on the swap device are in nobody's smaps.
 */

#include "emu/kernel/kernel_truth.h"

#include <string.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

int64_t kcall_truth_read(struct kernel *k, const uint64_t *arg)
{
	(void)arg;
	k->counters.truth_reads++;
	return 0;
}

struct survey {
	struct kernel *k;
	struct vma_usage *usage;
};

static void add_frame(struct vma_usage *usage, const struct frame *frame,
		      const struct translation *leaf)
{
	uint64_t maps = frame->maps ? frame->maps : 1;

	usage->resident += FRAME_BYTES;
	usage->pss += FRAME_BYTES / maps;
	usage->anonymous += frame->kind != FRAME_FILE ? FRAME_BYTES : 0;
	usage->referenced += leaf->accessed ? FRAME_BYTES : 0;
	if (maps > 1)
		*(leaf->dirty ? &usage->shared_dirty : &usage->shared_clean) += FRAME_BYTES;
	else
		*(leaf->dirty ? &usage->private_dirty : &usage->private_clean) += FRAME_BYTES;
}

static void add_leaf(void *ctx, const struct translation *leaf)
{
	struct survey *survey = ctx;
	unsigned n = vma_set_find(&survey->k->running->vmas, leaf->va);
	struct vma_usage *usage = &survey->usage[n];
	const struct frame *frame = frame_at(&survey->k->frames, leaf->pa >> FRAME_LG2);

	if (frame->kind == FRAME_HUGETLB) {
		*(frame->maps > 1 ? &usage->hugetlb_shared : &usage->hugetlb_private) +=
			leaf->bytes;
		usage->leaf_bytes = leaf->bytes;
		return;
	}
	for (uint64_t i = 0; i < leaf->bytes; i += FRAME_BYTES)
		add_frame(usage, frame_at(&survey->k->frames, (leaf->pa + i) >> FRAME_LG2), leaf);
	if (leaf->page_lg2 > FRAME_LG2)
		usage->huge += leaf->bytes;
}

static void add_swapped(struct kernel *k, struct vma_usage *usage)
{
	vpn_t vpn = 0;
	pfn_t slot;

	for (; page_tree_next(&k->running->swapped, &vpn, &slot); vpn++) {
		unsigned n = vma_set_find(&k->running->vmas, vpn << FRAME_LG2);

		usage[n].swapped += FRAME_BYTES;
	}
}

int kernel_vma_usage(struct kernel *k, struct vma_usage *usage)
{
	struct survey survey = { k, usage };

	memset(usage, 0, kernel_vma_count(k) * sizeof(*usage));
	for (unsigned n = 0; n < kernel_vma_count(k); n++)
		usage[n].leaf_bytes = FRAME_BYTES;
	if (k->running)
		add_swapped(k, usage);
	return k->running ? leaves_for_each(k, k->running, add_leaf, &survey) : PW_OK;
}

bool kernel_space_usage(const struct kernel *k, uint64_t id, struct space_usage *usage)
{
	const struct space *space = space_find(k, id);

	if (!space)
		return false;
	*usage = (struct space_usage){
		.faults_minor = space->faults_minor,
		.faults_major = space->faults_major,
		.resident_peak = space->resident_peak << FRAME_LG2,
		.swapped = space->swapped.count << FRAME_LG2,
		.tables = space_table_bytes(space),
	};
	return true;
}

uint64_t kernel_resident_bytes(const struct kernel *k)
{
	return k->running ? space_resident(k->running) << FRAME_LG2 : 0;
}

uint64_t kernel_hugetlb_bytes(const struct kernel *k)
{
	return k->running ? k->running->hugetlb_pages << FRAME_LG2 : 0;
}

unsigned kernel_vma_page_lg2(const struct vma *vma)
{
	return vma->flags & MAP_HUGETLB ? hugetlb_lg2(vma->flags) : FRAME_LG2;
}

struct split {
	struct kernel *k;
	uint64_t *bytes;
};

static void add_to_split(void *ctx, const struct translation *leaf)
{
	struct split *split = ctx;

	if (frame_at(&split->k->frames, leaf->pa >> FRAME_LG2)->kind == FRAME_HUGETLB)
		return;
	for (uint64_t i = 0; i < leaf->bytes; i += FRAME_BYTES) {
		pfn_t pfn = (leaf->pa + i) >> FRAME_LG2;

		split->bytes[frame_at(&split->k->frames, pfn)->kind == FRAME_FILE] += FRAME_BYTES;
	}
}

void kernel_resident_kinds(struct kernel *k, uint64_t bytes[2])
{
	struct split split = { k, bytes };

	bytes[0] = bytes[1] = 0;
	/* PW_NOMEM of the host: some are missing. */
	if (k->running)
		(void)leaves_for_each(k, k->running, add_to_split, &split);
}

bool kernel_page_at(const struct kernel *k, va_t va, struct kernel_page *page)
{
	struct translation leaf;
	const struct frame *frame;

	if (!k->running ||
	    (pt_lookup(k->running->pt, va, &leaf) != PW_OK && !kernel_displaced(k, va, &leaf)))
		return false;
	page->pfn = (leaf.pa + (va - leaf.va)) >> FRAME_LG2;
	frame = frame_at(&k->frames, page->pfn);
	page->file = frame->kind == FRAME_FILE;
	if (frame->kind == FRAME_HUGETLB)
		page->file = frame_at(&k->frames, hugetlb_page_of(k, page->pfn))->file >= 0;
	page->exclusive = frame->maps == 1;
	page->dirty = leaf.dirty;
	return true;
}

bool kernel_page_swapped(const struct kernel *k, va_t va, uint64_t *slot)
{
	struct kernel_page page;

	if (!k->running || kernel_page_at(k, va, &page))
		return false;
	*slot = swapped_find(&k->running->swapped, va >> FRAME_LG2);
	return *slot != SLOT_NONE;
}

bool kernel_page_in_core(const struct kernel *k, va_t va)
{
	struct kernel_page page;
	const struct vma *vma;
	const struct file *file;
	bool inside;

	if (kernel_page_at(k, va, &page))
		return true;
	vma = kernel_vma_at(k, va, &inside);
	if (!inside || vma->file < 0 || vma->flags & MAP_HUGETLB)
		return false;
	file = file_find(k, vma->file);
	return page_tree_find(&file->pages, (vma->offset + (va - vma->start)) >> FRAME_LG2) !=
	       PFN_NONE;
}

void kernel_memory_use(const struct kernel *k, struct memory_use *use)
{
	memset(use, 0, sizeof(*use));
	for (unsigned i = 0; i < k->file_slots; i++) {
		const struct file *file = k->file[i];

		use->file_mapped += file ? file->mapped : 0;
		if (file && file->identity == KERNEL_IDENTITY_NONE && !file->hugetlb_lg2)
			use->shared += file->pages.count;
	}
	for (unsigned i = 0; i < HUGETLB_SIZE_COUNT; i++) {
		use->hugetlb[i].total = k->hugetlb[i].total;
		use->hugetlb[i].free = k->hugetlb[i].free_count;
		use->hugetlb[i].reserved = k->hugetlb[i].reserved;
	}
	use->swap_total = k->swap.slots;
	use->swap_free = k->swap.slots - k->swap.used;
	use->swap_cached = k->swap.cached;
	use->slab_reclaimable = k->objects.cache[OBJECT_INODE].frames_used +
				k->objects.cache[OBJECT_DENTRY].frames_used +
				k->objects.cache[OBJECT_NODE].frames_used;
}

const struct slab_cache *kernel_slab_cache(const struct kernel *k, enum object_kind kind)
{
	return &k->objects.cache[kind];
}

void kernel_slab_counts(const struct slab_cache *cache, uint64_t *active, uint64_t *all)
{
	*active = cache->full.count + cache->partial.count;
	*all = *active + cache->empty.count;
}
