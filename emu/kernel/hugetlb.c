/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Pools of huge pages, 2 MiB and 1 GiB (Linux: mm/hugetlb.c, fs/hugetlbfs/inode.c; version 6.1). The
 * faults are hugetlb_fault.c's.
 *
 *	boot        kernel.hugetlb_2m and hugetlb_1g pages leave the frame allocator for good
 *	mmap        promises a page for each of the mapping, or fails: ENOMEM
 *	fault       takes the promised one, or one that nobody was promised, or fails: SIGBUS
 *	last unmap  the page is free again; what was promised and not used goes with the VMA
 *
 *	           |<------------------ total ------------------>|
 *	           |<------- free_count -------->|<-- in use -->|
 *	           |<- reserved ->|   anybody's  |
 *
 * Each mapping has an object, as shared anonymous memory has (struct file): Linux has a file of an
 * internal hugetlbfs. Private pages are the mappings' alone; shared ones are the object's, until it
 * goes or MADV_REMOVE takes them. Promises are kept by page of the object. Those of a private one
 * are its first mapper's: a child of fork has none.
 *
 * Such pages are never swapped nor reclaimed, and no part of one is unmapped, protected or moved.
 * They are not part of the resident set (VmRSS), as in Linux.
 *
 * In the page table a huge page is one leaf where the table has that size, else as many of the
 * largest smaller ones as it takes, down to base pages. All are made and removed together.
 *
 * Not modelled: surplus pages (nr_overcommit_hugepages is 0), pools that change, files of a mounted
 * hugetlbfs, memfd_create(MFD_HUGETLB), SHM_HUGETLB. MADV_REMOVE wants whole pages; Linux clears parts.
 *
 * Invariants (hugetlb_check): the picture above; reserved is the sum of all objects' promises; a page
 * that is not free is mapped, or of a shared object.
 */

#include "emu/kernel/hugetlb.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

enum { SIZE_SHIFT = 26, SIZE_MASK = 63 }; /* MAP_HUGE_SHIFT, MAP_HUGE_MASK */

/* In the member `file` of a page's first frame, beside the slot of a shared object. */
enum { NOT_SHARED = -1, IS_FREE = -2 };

static const unsigned lg2_of_size[HUGETLB_SIZE_COUNT] = { 21, 30 };

unsigned hugetlb_lg2(uint32_t flags)
{
	unsigned lg2 = flags >> SIZE_SHIFT & SIZE_MASK;

	if (lg2 == 0)
		return lg2_of_size[HUGETLB_2M];
	for (unsigned i = 0; i < HUGETLB_SIZE_COUNT; i++)
		if (lg2_of_size[i] == lg2)
			return lg2;
	return 0;
}

static enum hugetlb_size size_of(unsigned lg2)
{
	return lg2 == lg2_of_size[HUGETLB_2M] ? HUGETLB_2M : HUGETLB_1G;
}

static struct hugetlb_pool *pool_of(struct kernel *k, unsigned lg2)
{
	return &k->hugetlb[size_of(lg2)];
}

bool hugetlb_cuts(struct vma_set *set, va_t va)
{
	const struct vma *vma = vma_set_at(set, va);

	return vma && vma->flags & MAP_HUGETLB && va & (hugetlb_bytes(vma->flags) - 1);
}

/* --- the pools ------------------------------------------------------------------------------- */

static int fill_pool(struct kernel *k, struct hugetlb_pool *pool, uint64_t count, unsigned order)
{
	if (count == 0)
		return PW_OK;
	pool->page = host_zalloc(k->alloc, 2 * count, sizeof(*pool->page));
	if (!pool->page)
		return PW_NOMEM;
	pool->free = pool->page + count;
	for (uint64_t i = 0; i < count; i++) {
		pfn_t first = frames_take(&k->frames, FRAME_HUGETLB, order);

		if (first == PFN_NONE)
			return PW_NOFRAMES;
		for (pfn_t pfn = first; pfn < first + ((pfn_t)1 << order); pfn++)
			frame_at(&k->frames, pfn)->order = (uint8_t)order;
		frame_at(&k->frames, first)->file = IS_FREE;
		pool->page[i] = first;
		pool->free[count - 1 - i] = first; /* the lowest goes first */
	}
	pool->total = pool->free_count = count;
	return PW_OK;
}

/* The larger ones first: after the others there may be no room for them. */
int hugetlb_init(struct kernel *k)
{
	const uint64_t count[HUGETLB_SIZE_COUNT] = { k->config.hugetlb_2m, k->config.hugetlb_1g };
	int error = PW_OK;

	for (unsigned i = HUGETLB_SIZE_COUNT; !error && i-- > 0;)
		error = fill_pool(k, &k->hugetlb[i], count[i], lg2_of_size[i] - FRAME_LG2);
	return error;
}

void hugetlb_release(struct kernel *k)
{
	for (unsigned i = 0; i < HUGETLB_SIZE_COUNT; i++) {
		host_free(k->alloc, k->hugetlb[i].page);
		k->hugetlb[i] = (struct hugetlb_pool){ 0 };
	}
}

pfn_t hugetlb_page_of(const struct kernel *k, pfn_t pfn)
{
	return pfn & ~(((pfn_t)1 << frame_at(&k->frames, pfn)->order) - 1);
}

static void put(struct kernel *k, pfn_t first)
{
	struct frame *head = frame_at(&k->frames, first);
	struct hugetlb_pool *pool = pool_of(k, head->order + FRAME_LG2);

	assert(head->maps == 0 && pool->free_count < pool->total);
	head->file = IS_FREE;
	pool->free[pool->free_count++] = first;
}

pfn_t hugetlb_take(struct kernel *k, struct file *file, uint64_t index, bool promised)
{
	struct hugetlb_pool *pool = pool_of(k, file->hugetlb_lg2);
	pfn_t first;

	if (promised && page_tree_find(&file->promised, index) != PFN_NONE) {
		page_tree_remove(&file->promised, index);
		pool->reserved--;
	} else if (pool->free_count == pool->reserved) {
		return PFN_NONE;
	}
	first = pool->free[--pool->free_count];
	frame_at(&k->frames, first)->file = NOT_SHARED;
	return first;
}

void hugetlb_trim(struct kernel *k, pfn_t pfn)
{
	pfn_t first = hugetlb_page_of(k, pfn);
	const struct frame *head = frame_at(&k->frames, first);

	/* One reference is the pool's; others are pins. */
	if (head->index == 0 && head->refs == 1 && head->file == NOT_SHARED)
		put(k, first);
}

void hugetlb_mapped(struct kernel *k, struct space *space, pfn_t pfn)
{
	frame_at(&k->frames, hugetlb_page_of(k, pfn))->index++;
	space->hugetlb_pages++;
}

void hugetlb_unmapped(struct kernel *k, struct space *space, pfn_t pfn)
{
	frame_at(&k->frames, hugetlb_page_of(k, pfn))->index--;
	space->hugetlb_pages--;
	hugetlb_trim(k, pfn);
}

/* --- promises -------------------------------------------------------------------------------- */

/* The pages of the object that the part of a VMA maps: from, and up to. */
static void pages_of(const struct vma *part, uint64_t *from, uint64_t *to)
{
	unsigned lg2 = hugetlb_lg2(part->flags);

	*from = part->offset >> lg2;
	*to = *from + ((part->end - part->start) >> lg2);
}

static void take_back(struct kernel *k, struct file *file, uint64_t from, uint64_t to)
{
	struct hugetlb_pool *pool = pool_of(k, file->hugetlb_lg2);
	pfn_t value;

	for (; page_tree_next(&file->promised, &from, &value) && from < to; from++) {
		page_tree_remove(&file->promised, from);
		pool->reserved--;
	}
}

int hugetlb_promise_page(struct kernel *k, struct file *file, uint64_t index)
{
	if (page_tree_insert(&file->promised, index, 1) != PW_OK)
		return -ENOMEM;
	pool_of(k, file->hugetlb_lg2)->reserved++;
	return 0;
}

/* The object is new: it has neither pages nor promises yet. */
int hugetlb_promise(struct kernel *k, struct file *file, const struct vma *vma)
{
	struct hugetlb_pool *pool = pool_of(k, file->hugetlb_lg2);
	uint64_t from, to;

	pages_of(vma, &from, &to);
	if (to - from > pool->free_count - pool->reserved) {
		k->counters.hugetlb_map_denied++;
		return -ENOMEM;
	}
	for (uint64_t at = from; at < to; at++) {
		if (hugetlb_promise_page(k, file, at) != 0) {
			take_back(k, file, from, at);
			return -ENOMEM;
		}
	}
	return 0;
}

void hugetlb_unpromise(struct kernel *k, const struct vma *part)
{
	uint64_t from, to;

	if (!(part->flags & VMA_HUGETLB_OWNER))
		return;
	pages_of(part, &from, &to);
	take_back(k, file_find(k, part->file), from, to);
}

static void drop_pages(struct kernel *k, struct file *file, uint64_t from, uint64_t to)
{
	pfn_t first;

	for (; page_tree_next(&file->pages, &from, &first) && from < to; from++) {
		page_tree_remove(&file->pages, from);
		put(k, first);
	}
}

void hugetlb_file_release(struct kernel *k, struct file *file)
{
	take_back(k, file, 0, UINT64_MAX);
	drop_pages(k, file, 0, UINT64_MAX);
}

void hugetlb_remove(struct kernel *k, const struct vma *part)
{
	struct file *file = file_find(k, part->file);
	unsigned base = file->hugetlb_lg2 - FRAME_LG2;
	uint64_t from, to;

	pages_of(part, &from, &to);
	file_unmap(k, file, from << base, to << base);
	drop_pages(k, file, from, to);
}

/* --- laws ------------------------------------------------------------------------------------ */

static const char *check_page(const struct kernel *k, pfn_t first)
{
	const struct frame *head = frame_at(&k->frames, first);
	uint64_t maps = 0;

	for (pfn_t i = 0; i < (pfn_t)1 << head->order; i++) {
		maps += frame_at(&k->frames, first + i)->maps;
		if (frame_at(&k->frames, first + i)->maps != head->maps)
			return "a huge page of a pool is mapped in part";
	}
	if (maps != head->index)
		return "a huge page of a pool miscounts its mappings";
	if ((head->file == IS_FREE && maps > 0) || (head->file == NOT_SHARED && maps == 0))
		return "a huge page of a pool is free and mapped, or neither";
	return NULL;
}

static const char *check_pool(const struct kernel *k, const struct hugetlb_pool *pool,
			      uint64_t promised)
{
	uint64_t in_use = 0;

	for (uint64_t i = 0; i < pool->total; i++) {
		const char *wrong = check_page(k, pool->page[i]);

		if (wrong)
			return wrong;
		in_use += frame_at(&k->frames, pool->page[i])->file != IS_FREE;
	}
	if (pool->free_count + in_use != pool->total)
		return "the pages of a hugetlb pool are not free or in use";
	if (pool->reserved != promised || pool->reserved > pool->free_count)
		return "a hugetlb pool has not reserved what it promised";
	return NULL;
}

static const char *check_shared(const struct kernel *k, const struct file *file)
{
	uint64_t index = 0;
	pfn_t first;

	for (; page_tree_next(&file->pages, &index, &first); index++) {
		if (frame_at(&k->frames, first)->file != file->slot)
			return "a shared huge page is not its object's";
		if (page_tree_find(&file->promised, index) != PFN_NONE)
			return "a huge page is promised that is there";
	}
	return NULL;
}

const char *hugetlb_check(const struct kernel *k)
{
	uint64_t promised[HUGETLB_SIZE_COUNT] = { 0 };
	const char *wrong = NULL;

	for (unsigned i = 0; !wrong && i < k->file_slots; i++) {
		const struct file *file = k->file[i];

		if (!file || !file->hugetlb_lg2)
			continue;
		promised[size_of(file->hugetlb_lg2)] += file->promised.count;
		wrong = check_shared(k, file);
	}
	for (unsigned i = 0; !wrong && i < HUGETLB_SIZE_COUNT; i++)
		wrong = check_pool(k, &k->hugetlb[i], promised[i]);
	return wrong;
}
