/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_MEMORY_H
#define PAGEWALK_MMU_MEMORY_H

/*
 * Simulated physical memory, where its frames come from, and the window through which
 * page-table formats touch it.
 *
 * Physical memory is one host mapping that is never reserved up front: host memory is used only
 * for frames that were written. Its address space starts at physical 0.
 */

#include "mmu/error.h"
#include "mmu/types.h"

/* Host allocation goes through this one hook, so that tests can fail the n-th call. */
struct host_alloc {
	/* As realloc(3); size 0 frees and returns NULL. */
	void *(*resize)(void *ctx, void *old, size_t bytes);
	void *ctx;
};
extern const struct host_alloc host_alloc_libc;
void *host_zalloc(const struct host_alloc *alloc, size_t count, size_t size);
void host_free(const struct host_alloc *alloc, void *memory);

struct phys_mem {
	uint8_t *bytes; /* host address of physical 0; page aligned */
	uint64_t size;  /* bytes, a multiple of FRAME_BYTES */
};

/* Maps `size` bytes (rounded up to a frame). PW_NOMEM when the host has no address space left. */
int phys_mem_init(struct phys_mem *mem, uint64_t size);
void phys_mem_release(struct phys_mem *mem);

static inline void *phys_mem_at(const struct phys_mem *mem, pa_t pa)
{
	return mem->bytes + pa;
}
static inline bool phys_mem_holds(const struct phys_mem *mem, pa_t pa, uint64_t bytes)
{
	return bytes <= mem->size && pa <= mem->size - bytes;
}

/*
 * Whoever owns the frames (the kernel model's allocator; a bump allocator when mmu/ is used
 * alone). Frames are handed out 2^order at a time, naturally aligned, contents undefined.
 */
struct frame_source {
	const struct frame_source_ops *ops;
};
struct frame_source_ops {
	const char *name;
	/* First frame of 2^order contiguous ones, or PFN_NONE. */
	pfn_t (*alloc)(struct frame_source *source, unsigned order);
	void (*free)(struct frame_source *source, pfn_t first, unsigned order);
};

/* Hands out [first, end) in order; frees only what was allocated last; else the frame is lost. */
struct bump_frames {
	struct frame_source source;
	pfn_t next, end;
};
void bump_frames_init(struct bump_frames *bump, pfn_t first, pfn_t end);

/*
 * All table bytes go through here, so that the cost of mapping can be charged by whoever owns
 * the table and exhaustion can be injected. Counters only grow; the owner takes differences.
 */
struct pt_memory {
	struct phys_mem *mem;
	struct frame_source *frames;
	uint64_t loads, stores; /* entry-sized, made by map/unmap/protect/harvest; never by walks */
	uint64_t frames_used, frames_peak;
};
void pt_memory_init(struct pt_memory *ptm, struct phys_mem *mem, struct frame_source *frames);
/* Loads and stores of 1, 2, 4 or 8 bytes, little-endian, naturally aligned. */
uint64_t pt_memory_load(struct pt_memory *ptm, pa_t pa, unsigned bytes);
void pt_memory_store(struct pt_memory *ptm, pa_t pa, unsigned bytes, uint64_t value);
/* 2^order zeroed contiguous frames; PW_NOFRAMES when there are none. */
int pt_memory_alloc(struct pt_memory *ptm, unsigned order, pa_t *out);
void pt_memory_free(struct pt_memory *ptm, pa_t pa, unsigned order);

#endif
