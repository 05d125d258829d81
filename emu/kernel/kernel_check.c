/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The conservation laws of memory, by walking everything:
 *
 *   frames free + used = frames                                       (frames_check)
 *   map count of a frame = leaf entries that map it, in base pages, and those displaced (leaves.h)
 *   every space, VMA and file has its objects, and the slabs their frames (objects_check)
 *   reverse map of a frame = those entries, each once
 *   reference count = map count + 1 for the page cache, the swap cache, a table or a slab
 *   a page is mapped or on the swap device, not both, and within a VMA; references of a slot =
 *   entries of spaces and files for it + 1 for the swap cache, which no entry may write through
 *   base pages in huge leaves = what the kernel has counted
 *   entries of a space = what its page table says it holds, each within a VMA that permits it
 *   the pools of huge pages have what they promised (hugetlb_check)
 *   a cached file page carries its file and index; a file knows its VMAs and mapped pages
 */

#include <string.h>
#include <sys/mman.h>

#include "emu/kernel/kernel_internal.h"

enum { CHUNK_LG2 = 12, CHUNK_FRAMES = 1 << CHUNK_LG2 };

struct census {
	struct kernel *k;
	struct space *space;
	const char *wrong; /* NULL: nothing so far */
	uint64_t entries;  /* of the space */
	uint64_t huge;     /* base pages in larger leaves */
	bool refused;      /* by the host */
	uint64_t chunks;
	uint32_t **maps; /* by frame, in chunks */
};

static uint32_t *maps_of(struct census *census, pfn_t pfn)
{
	uint32_t **chunk = &census->maps[pfn >> CHUNK_LG2];

	if (!*chunk)
		*chunk = host_zalloc(census->k->alloc, CHUNK_FRAMES, sizeof(uint32_t));
	census->refused |= !*chunk;
	return *chunk ? &(*chunk)[pfn & (CHUNK_FRAMES - 1)] : NULL;
}

static void wrong(struct census *census, const char *what)
{
	if (!census->wrong)
		census->wrong = what;
}

static const char *judge_huge(const struct kernel *k, const struct translation *leaf,
			      const struct vma *vma, const struct frame *frame)
{
	pfn_t first = hugetlb_page_of(k, leaf->pa >> FRAME_LG2);
	uint64_t index = vma->offset + (leaf->va - vma->start), bytes = hugetlb_bytes(vma->flags);

	if (!(vma->flags & MAP_HUGETLB) || bytes != (uint64_t)FRAME_BYTES << frame->order ||
	    leaf->pa - (first << FRAME_LG2) != (leaf->va & (bytes - 1)))
		return "an entry maps a huge page where there is none, or a wrong part of it";
	if (!(vma->flags & MAP_SHARED))
		return (leaf->perms & PERM_WRITE) && frame->maps > 1
			       ? "a huge page with several owners is writable"
			       : NULL;
	return page_tree_find(&k->file[vma->file / 2]->pages, index / bytes) != first
		       ? "an entry maps another huge page than the object's"
		       : NULL;
}

/* What an entry may say about its page, given the VMA and the frame. */
static const char *judge_leaf(const struct census *census, const struct translation *leaf,
			      const struct vma *vma, const struct frame *frame)
{
	const struct file *file = vma->file >= 0 ? census->k->file[vma->file / 2] : NULL;
	bool private = !(vma->flags & MAP_SHARED);
	uint8_t always = census->k->table->caps.perms_always;
	uint64_t index = (vma->offset + (leaf->va - vma->start)) >> FRAME_LG2;

	if (leaf->perms & ~(vma_perms(vma, true) | always))
		return "an entry permits what its VMA does not";
	if ((leaf->perms | always | PERM_WRITE) != (vma_perms(vma, true) | always | PERM_WRITE))
		return "an entry permits less than its VMA, apart from writing";
	if (frame->kind == FRAME_ANONYMOUS) {
		if (!private && census->k->frames.block_order == 0)
			return "a private frame in a shared mapping";
		return (leaf->perms & PERM_WRITE) && frame->refs > 1
			       ? "a frame with several owners is writable"
			       : NULL;
	}
	if (frame->kind == FRAME_HUGETLB)
		return judge_huge(census->k, leaf, vma, frame);
	if (frame->kind != FRAME_FILE || !file)
		return "an entry maps a frame of the wrong kind";
	if (frame->file != file->slot || frame->index != index)
		return "an entry maps another page of the file than its VMA says";
	if (private && ((leaf->perms & PERM_WRITE) || leaf->dirty))
		return "a private mapping may write to the page cache";
	return NULL;
}

static bool in_reverse_map(const struct census *census, pfn_t pfn, vpn_t vpn)
{
	const struct frame *frame = frame_at(&census->k->frames, pfn);
	const struct frame_mapping *map = frame->maps ? &frame->map : NULL;

	while (map && (map->space != census->space->id || map->vpn != vpn))
		map = map->next;
	return map;
}

static uint32_t length_of_reverse_map(const struct frame *frame)
{
	uint32_t length = 0;

	for (const struct frame_mapping *map = frame->maps ? &frame->map : NULL; map;
	     map = map->next)
		length++;
	return length;
}

/* A page of a leaf, as if it had an entry of its own. */
static void count_page(struct census *census, const struct translation *page, const struct vma *vma)
{
	pfn_t pfn = page->pa >> FRAME_LG2;
	const struct frame *frame = frame_at(&census->k->frames, pfn);
	const char *what = judge_leaf(census, page, vma, frame);
	uint32_t *maps = maps_of(census, pfn);

	if (what)
		wrong(census, what);
	if (!in_reverse_map(census, pfn, page->va >> FRAME_LG2))
		wrong(census, "an entry is not in the reverse map of its frame");
	if (maps)
		++*maps;
}

static void count_leaf(void *ctx, const struct translation *leaf)
{
	struct census *census = ctx;
	const struct vma *vma = vma_set_at(&census->space->vmas, leaf->va);
	struct translation page = *leaf;

	if (leaf->page_lg2 > FRAME_LG2)
		census->huge += leaf->bytes >> FRAME_LG2;
	census->entries += leaf->bytes >> FRAME_LG2;
	if (!vma || leaf->va + leaf->bytes > vma->end ||
	    (leaf->pa + leaf->bytes) >> FRAME_LG2 > census->k->frames.end) {
		wrong(census, "an entry lies outside of every VMA or of memory");
		return;
	}
	for (; page.va < leaf->va + leaf->bytes; page.va += FRAME_BYTES, page.pa += FRAME_BYTES)
		count_page(census, &page, vma);
}

static void check_space(struct census *census, struct space *space)
{
	const char *what;

	if (vma_set_check(&space->vmas, &what) != PW_OK)
		wrong(census, what);
	if (range_table_check(space->pt, &what) != PW_OK)
		wrong(census, what);
	census->space = space;
	census->entries = 0;
	if (leaves_for_each(census->k, space, count_leaf, census) != PW_OK)
		census->refused = true;
	else if (census->entries != leaves_count(space))
		wrong(census, "a page table does not hold as many entries as it says");
}

static uint64_t vmas_of(const struct kernel *k, const struct file *file)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < k->space_slots; i++)
		for (unsigned n = 0; k->space[i] && n < k->space[i]->vmas.count; n++) {
			int32_t id = k->space[i]->vmas.vma[n].file;

			count += id >= 0 && id / 2 == file->slot;
		}
	return count;
}

static void check_file(struct census *census, const struct file *file)
{
	struct kernel *k = census->k;
	uint64_t index, mapped = 0, pages = 0;
	pfn_t pfn;

	for (index = 0; !file->hugetlb_lg2 && page_tree_next(&file->pages, &index, &pfn); index++) {
		const struct frame *frame = frame_at(&k->frames, pfn);

		pages++;
		mapped += frame->maps > 0;
		if (frame->kind != FRAME_FILE || frame->file != file->slot || frame->index != index)
			wrong(census, "a page of the page cache is not in a frame of its own");
		if (index >= (file->size + FRAME_BYTES - 1) >> FRAME_LG2)
			wrong(census, "the page cache holds a page beyond the end of its file");
	}
	if ((!file->hugetlb_lg2 && pages != file->pages.count) || mapped != file->mapped)
		wrong(census, "a file miscounts its pages, or those that are mapped");
	if (vmas_of(k, file) != file->vmas || file->opens + file->vmas == 0)
		wrong(census, "a file miscounts what holds it");
}

static uint64_t cached_pages(const struct kernel *k)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < k->file_slots; i++)
		count += k->file[i] && !k->file[i]->hugetlb_lg2 ? k->file[i]->pages.count : 0;
	return count;
}

static void check_frame(struct census *census, pfn_t pfn)
{
	const struct frame *frame = frame_at(&census->k->frames, pfn);
	const uint32_t *chunk = census->maps[pfn >> CHUNK_LG2];
	uint32_t maps = chunk ? chunk[pfn & (CHUNK_FRAMES - 1)] : 0;
	bool held = frame->kind == FRAME_FILE || frame->kind == FRAME_TABLE ||
		    frame->kind == FRAME_SLAB || frame->kind == FRAME_RESERVED ||
		    frame->kind == FRAME_HUGETLB;
	bool cached = frame_slot(frame) != SLOT_NONE;

	if (maps != frame->maps)
		wrong(census, "the map count of a frame is not the number of its entries");
	if (length_of_reverse_map(frame) != frame->maps)
		wrong(census,
		      "the reverse map of a frame has not as many entries as its map count");
	if (frame->refs != maps + held + cached)
		wrong(census, "the references of a frame are not its mappings and its holder");
	if (frame->kind == FRAME_ANONYMOUS && maps == 0 && !cached)
		wrong(census, "an anonymous frame is mapped by nobody");
	if (frame->kind == FRAME_LIMBO)
		wrong(census, "a frame is in limbo between operations");
}

static void check_frames(struct census *census)
{
	const struct frames *frames = &census->k->frames;
	const char *what;

	if (frames_check(frames, &what) != PW_OK)
		wrong(census, what);
	for (pfn_t pfn = 0; pfn < frames->end; pfn++) {
		if (frames->chunk[pfn >> CHUNK_LG2])
			check_frame(census, pfn);
		else
			pfn |= CHUNK_FRAMES - 1;
	}
	if (cached_pages(census->k) != frames->count[FRAME_FILE])
		wrong(census, "a frame of a file is not in the page cache");
	if (census->k->table->memory->frames_used != frames->count[FRAME_TABLE])
		wrong(census, "the page tables do not own the frames that they were given");
}

int kernel_check(struct kernel *k, const char **what)
{
	struct census census = { .k = k, .chunks = k->frames.chunks };
	const char *broken;
	const char *swap_wrong = NULL;

	census.maps = host_zalloc(k->alloc, census.chunks, sizeof(uint32_t *));
	if (!census.maps)
		return PW_NOMEM;
	for (unsigned i = 0; i < k->space_slots; i++)
		if (k->space[i])
			check_space(&census, k->space[i]);
	for (unsigned i = 0; i < k->file_slots; i++)
		if (k->file[i])
			check_file(&census, k->file[i]);
	if (!census.refused)
		check_frames(&census);
	if (objects_check(k, &broken) != PW_OK)
		wrong(&census, broken);
	if (!census.refused && census.huge != k->huge_pages)
		wrong(&census, "base pages in huge leaves are not as many as counted");
	if (leaves_check(k))
		wrong(&census, leaves_check(k));
	if (hugetlb_check(k))
		wrong(&census, hugetlb_check(k));
	if (!census.refused && swap_check(k, &swap_wrong) == PW_NOMEM)
		census.refused = true;
	if (swap_wrong)
		wrong(&census, swap_wrong);
	for (uint64_t i = 0; i < census.chunks; i++)
		host_free(k->alloc, census.maps[i]);
	host_free(k->alloc, census.maps);
	if (census.refused)
		return PW_NOMEM;
	*what = census.wrong;
	return census.wrong ? PW_CORRUPT : PW_OK;
}
