/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Simulated physical memory is an anonymous host mapping without reservation: the host gives a
 * page to a simulated frame when it is first written. Nothing here knows about caches or time.
 *
 * Simulated memory is little-endian whatever the host is; only little-endian hosts are supported
 * (asserted at compile time), so that a load is a memcpy.
 */

#include "mmu/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "page-table entries are read as they lie in simulated memory");

static void *libc_resize(void *ctx, void *old, size_t bytes)
{
	(void)ctx;
	if (bytes == 0) {
		free(old);
		return NULL;
	}
	return realloc(old, bytes);
}

const struct host_alloc host_alloc_libc = { libc_resize, NULL };

void *host_zalloc(const struct host_alloc *alloc, size_t count, size_t size)
{
	void *memory;

	if (count == 0 || size == 0 || count > SIZE_MAX / size)
		return NULL;
	memory = alloc->resize(alloc->ctx, NULL, count * size);
	if (memory)
		memset(memory, 0, count * size);
	return memory;
}

void host_free(const struct host_alloc *alloc, void *memory)
{
	if (memory)
		alloc->resize(alloc->ctx, memory, 0);
}

int phys_mem_init(struct phys_mem *mem, uint64_t size)
{
	void *bytes;

	mem->bytes = NULL;
	mem->size = 0;
	if (size == 0 || size > (uint64_t)SIZE_MAX - FRAME_BYTES)
		return size == 0 ? PW_INVALID : PW_NOMEM;
	size = (size + FRAME_BYTES - 1) & ~(uint64_t)(FRAME_BYTES - 1);
	bytes = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bytes == MAP_FAILED)
		return PW_NOMEM;
	mem->bytes = bytes;
	mem->size = size;
	return PW_OK;
}

void phys_mem_release(struct phys_mem *mem)
{
	if (mem->bytes)
		munmap(mem->bytes, (size_t)mem->size);
	mem->bytes = NULL;
	mem->size = 0;
}

static pfn_t bump_alloc(struct frame_source *source, unsigned order)
{
	struct bump_frames *bump = (struct bump_frames *)source;
	pfn_t count = (pfn_t)1 << order;
	pfn_t first = (bump->next + count - 1) & ~(count - 1);

	if (first < bump->next || first > bump->end || bump->end - first < count)
		return PFN_NONE;
	bump->next = first + count;
	return first;
}

static void bump_free(struct frame_source *source, pfn_t first, unsigned order)
{
	struct bump_frames *bump = (struct bump_frames *)source;

	if (first + ((pfn_t)1 << order) == bump->next)
		bump->next = first;
}

static const struct frame_source_ops bump_ops = { "bump", bump_alloc, bump_free };

void bump_frames_init(struct bump_frames *bump, pfn_t first, pfn_t end)
{
	bump->source.ops = &bump_ops;
	bump->next = first;
	bump->end = end;
}

void pt_memory_init(struct pt_memory *ptm, struct phys_mem *mem, struct frame_source *frames)
{
	memset(ptm, 0, sizeof(*ptm));
	ptm->mem = mem;
	ptm->frames = frames;
}

uint64_t pt_memory_load(struct pt_memory *ptm, pa_t pa, unsigned bytes)
{
	uint64_t value = 0;

	assert(phys_mem_holds(ptm->mem, pa, bytes) && pa % bytes == 0);
	ptm->loads++;
	memcpy(&value, phys_mem_at(ptm->mem, pa), bytes);
	return value;
}

void pt_memory_store(struct pt_memory *ptm, pa_t pa, unsigned bytes, uint64_t value)
{
	assert(phys_mem_holds(ptm->mem, pa, bytes) && pa % bytes == 0);
	ptm->stores++;
	memcpy(phys_mem_at(ptm->mem, pa), &value, bytes);
}

int pt_memory_alloc(struct pt_memory *ptm, unsigned order, pa_t *out)
{
	pfn_t first = ptm->frames->ops->alloc(ptm->frames, order);
	uint64_t bytes = (uint64_t)FRAME_BYTES << order;

	if (first == PFN_NONE)
		return PW_NOFRAMES;
	assert(first % ((pfn_t)1 << order) == 0);
	assert(phys_mem_holds(ptm->mem, first << FRAME_LG2, bytes));
	*out = first << FRAME_LG2;
	memset(phys_mem_at(ptm->mem, *out), 0, (size_t)bytes);
	ptm->frames_used += (uint64_t)1 << order;
	if (ptm->frames_used > ptm->frames_peak)
		ptm->frames_peak = ptm->frames_used;
	return PW_OK;
}

void pt_memory_free(struct pt_memory *ptm, pa_t pa, unsigned order)
{
	assert(ptm->frames_used >= (uint64_t)1 << order);
	ptm->frames_used -= (uint64_t)1 << order;
	ptm->frames->ops->free(ptm->frames, pa >> FRAME_LG2, order);
}
