/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_FRAME_ALLOC_BUDDY_H
#define PAGEWALK_EMU_KERNEL_FRAME_ALLOC_BUDDY_H

/* The buddy allocator inside: frame_alloc_buddy.c, and frame_alloc_mobility.c. */

#include "emu/kernel/frame_alloc.h"

enum { ORDER_TOP = FRAME_BLOCK_ORDER_MAX };
enum { BUDDY_CHUNK_LG2 = 12, BUDDY_CHUNK_FRAMES = 1 << BUDDY_CHUNK_LG2 };

#define NO_BLOCK UINT32_MAX

struct node {
	uint32_t next, previous; /* first frames of blocks, NO_BLOCK at the ends */
	uint8_t heads;           /* 1 + order of the free block that begins here; 0: none does */
	uint8_t used_as;         /* 1 + enum frame_category of a frame in use; 0: it is free */
};

/* 2 MiB: `used` are its frames in use by category. */
struct pageblock {
	uint8_t type; /* enum frame_category: whose lists its free blocks are in */
	uint16_t used[FRAME_CATEGORY_COUNT];
};

struct buddy {
	pfn_t first, end;
	pfn_t untouched, untouched_end; /* whole blocks of the highest order, never handed out */
	bool grouped;                   /* by category; else all is movable */
	uint32_t listed[FRAME_CATEGORY_COUNT]; /* bit (1 << order): the list is not empty */
	uint32_t list[FRAME_CATEGORY_COUNT][FRAME_BLOCK_ORDERS];
	uint64_t count[FRAME_CATEGORY_COUNT][FRAME_BLOCK_ORDERS];
	struct pageblock *pageblock; /* by number */
	uint64_t chunks;
	struct node **chunk;            /* by frame number */
	struct frame_mobility mobility; /* what has happened so far */
};

static inline pfn_t frames_of(unsigned order)
{
	return (pfn_t)1 << order;
}

/* NULL where no block was ever cut. */
static inline struct node *node_at(const struct buddy *b, pfn_t pfn)
{
	struct node *chunk = b->chunk[pfn >> BUDDY_CHUNK_LG2];

	return chunk ? &chunk[pfn & (BUDDY_CHUNK_FRAMES - 1)] : NULL;
}

static inline struct pageblock *pageblock_of(const struct buddy *b, pfn_t pfn)
{
	return &b->pageblock[pfn >> FRAME_PAGEBLOCK_ORDER];
}

/* Into and out of the list of its order and its pageblock's type. */
void buddy_push(struct buddy *b, pfn_t pfn, unsigned order);
void buddy_take(struct buddy *b, pfn_t pfn, unsigned order);

/* --- frame_alloc_mobility.c ------------------------------------------------------------------ */

/* A free block, not taken yet. */
struct buddy_choice {
	pfn_t pfn;
	unsigned order;
	bool untouched; /* in no list */
};

/* The first of the smallest that is large enough, in the lists of that type. */
bool buddy_smallest(const struct buddy *b, unsigned type, unsigned order,
		    struct buddy_choice *choice);
/* Of another type, because this one has none. */
bool buddy_fallback(const struct buddy *b, unsigned type, unsigned order,
		    struct buddy_choice *choice);
/*
 * The choice is that of buddy_fallback(): where it is smaller than a pageblock, that one may become
 * the type's own, and the choice another one.
 */
void buddy_claim(struct buddy *b, unsigned type, unsigned order, struct buddy_choice *choice);
/* The pageblocks of [pfn, pfn + 2^order) get a type; no free block is listed there. */
void buddy_set_type(struct buddy *b, pfn_t pfn, unsigned order, unsigned type);
/* Frames go into use, or out of it. */
void buddy_use(struct buddy *b, pfn_t pfn, unsigned order, enum frame_category category);
void buddy_unuse(struct buddy *b, pfn_t pfn, unsigned order);
void buddy_mark(struct frame_allocator *fa, pfn_t pfn, enum frame_category category);
void buddy_look(const struct frame_allocator *fa, struct frame_mobility *mobility);
/* A static text, or NULL. */
const char *buddy_check_pageblocks(const struct buddy *b);

#endif
