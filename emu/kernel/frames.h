/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_FRAMES_H
#define PAGEWALK_EMU_KERNEL_FRAMES_H

/*
 * The table of frames: who holds each one. A frame whose last reference goes enters limbo and
 * becomes allocatable only in frames_release_limbo(), after the flush that its unmapping made due.
 */

#include "emu/kernel/frame_alloc.h"

enum frame_kind {
	FRAME_FREE,
	FRAME_TABLE,     /* of page tables; one reference */
	FRAME_SLAB,      /* of the kernel's own objects (slab.h); one reference */
	FRAME_ANONYMOUS, /* references are mappings */
	FRAME_FILE,      /* in a page cache: one reference for it, and the mappings */
	FRAME_RESERVED,  /* frame 0, and what is set aside for direct segments; one reference */
	FRAME_SLACK,     /* part of a composed block (page_block.c) that holds no page */
	FRAME_HUGETLB, /* of a pool of huge pages (hugetlb.c): one reference for it, and the mappings */
	FRAME_LIMBO,
	FRAME_KIND_COUNT
};

/* One mapping of a frame: a leaf entry of the space of that id. */
struct frame_mapping {
	struct frame_mapping *next;
	vpn_t vpn;
	unsigned space;
};

struct frame {
	uint32_t refs, maps; /* maps: leaf entries; refs: those, and holders of other kinds */
	uint8_t kind;
	uint8_t order; /* of the block that it heads, in limbo; FRAME_HUGETLB: of its page */
	int32_t file;  /* FRAME_FILE, and the first frame of a shared huge page: slot of the file */
	/*
	 * FRAME_FILE: page of the file; FRAME_ANONYMOUS: 1 + slot in the swap cache, or 0; FRAME_LIMBO:
	 * next; first frame of a huge page: mappings of all its frames
	 */
	uint64_t index;
	struct frame_mapping
		map; /* the reverse map: where maps > 0, the first of a chain of `maps` */
};

struct frames {
	struct frame_allocator allocator; /* of [1, end) */
	const struct host_alloc *alloc;
	struct frame **chunk; /* made when a frame in them is first taken */
	uint64_t chunks;
	pfn_t end;
	uint64_t count[FRAME_KIND_COUNT];
	pfn_t limbo_first, limbo_last;
	uint64_t pinned;             /* of the reserved ones: by frames_pin() and frames_age() */
	struct frame_mapping *spare; /* for mappings to come */
	uint64_t spares;
	/* The page in an anonymous frame or one of a file is no more (NULL: nobody asks). */
	void (*gone)(void *ctx, pfn_t pfn);
	void *gone_ctx;
	unsigned block_order; /* anonymous frames are parts of blocks of this order; 0: on their own */
};

/* PW_NOMEM, PW_INVALID (no such allocator), PW_UNSUPPORTED (too many frames for it). */
int frames_init(struct frames *frames, const char *allocator, pfn_t end,
		const struct host_alloc *alloc);
void frames_release(struct frames *frames);

/* The record of a frame that is or was in use. */
struct frame *frame_at(const struct frames *frames, pfn_t pfn);

/* 2^order frames. Tables and files start with one reference, anonymous ones and slack with none. */
pfn_t frames_take(struct frames *frames, enum frame_kind kind, unsigned order);
/* A reserved frame becomes an anonymous one that nothing holds yet. */
void frames_hand_over(struct frames *frames, pfn_t pfn);
/* A frame of slack becomes an anonymous one without a reference. */
void frames_use_slack(struct frames *frames, pfn_t pfn);
/* One more holder; a frame that is pinned so for a moment cannot be reclaimed. */
void frames_get(struct frames *frames, pfn_t pfn);
/*
 * One holder less; the last one sends it to limbo, as it does a frame that never had one. A part of
 * a block becomes slack; the block goes when all of it is.
 */
void frames_put(struct frames *frames, pfn_t pfn);
/* A block of table or slab frames goes to limbo. */
void frames_put_block(struct frames *frames, pfn_t first, unsigned order);
/* Before [first, first + count) get one mapping more each, which cannot fail then. PW_NOMEM. */
int frames_reserve_maps(struct frames *frames, pfn_t first, uint64_t count);
/* A leaf entry was made or removed: a reference each, and an entry of the reverse map. */
void frames_map(struct frames *frames, pfn_t pfn, unsigned space, vpn_t vpn);
void frames_unmap(struct frames *frames, pfn_t pfn, unsigned space, vpn_t vpn);
/* A free frame that the allocator does not have becomes a reserved one; PW_NOMEM. */
int frames_reserve(struct frames *frames, pfn_t pfn);
/* Reserves so many bytes in the largest blocks that are free, up to 4 MiB; PW_NOFRAMES. */
int frames_pin(struct frames *frames, uint64_t bytes);
/* Reserves 1 to 8 frames in so many of a hundred aligned blocks of 2 MiB. PW_NOMEM. */
int frames_age(struct frames *frames, unsigned percent, uint64_t seed);
/* Returns whether there were any. */
bool frames_release_limbo(struct frames *frames);
/* Counts by kind against the table and the allocator; PW_CORRUPT with a static text. */
int frames_check(const struct frames *frames, const char **what);

#endif
