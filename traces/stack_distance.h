/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_STACK_DISTANCE_H
#define PAGEWALK_TRACES_STACK_DISTANCE_H

/*
 * The stack of pages by recency, and the distance at which a page is found: a fully associative LRU
 * buffer of C entries holds the first C of them, so that a reference at distance d misses in all
 * buffers with fewer than d entries. One pass over a trace gives the misses of every size.
 *
 * Invalidated pages leave holes: a buffer that held the page has a free entry, and its next fill
 * evicts nobody. A hole counts as an entry of the stack until a fill takes it.
 *
 * Sources: Mattson, Gecsei, Slutz, Traiger, "Evaluation Techniques for Storage Hierarchies", IBM
 * Systems Journal 9(2), 1970; Thompson, Smith, "Efficient (Stack) Algorithms for Analysis of
 * Write-Back and Sector Memories", ACM TOCS 7(1), 1989, on deletions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_alloc;

/* The number of a page, dense, from 0: for tables beside the stack. */
typedef uint32_t stack_page_t;
#define STACK_PAGE_NONE UINT32_MAX

enum { LRU_STACK_TOP = 16 };

struct lru_stack {
	const struct host_alloc *alloc;
	/* --- the first positions, in order --- */
	stack_page_t top[LRU_STACK_TOP];
	unsigned top_count, top_holes;
	/* --- those below, by the time at which they left the top --- */
	stack_page_t *slot; /* by time: a page, a hole, or nothing */
	uint64_t *used;     /* a bit a slot: is there something? */
	uint32_t *tree;     /* Fenwick tree over the bits of each word */
	uint32_t next, slot_count;
	uint32_t deep;  /* slots in use */
	uint32_t *hole; /* max-heap of slots that are holes */
	uint32_t hole_count;
	/* --- pages --- */
	uint32_t *place; /* by page: its slot, or in the top, or absent */
	struct lru_stack_key *table;
	uint32_t table_mask;
	uint32_t page_count, page_room; /* numbers given, and how many the arrays hold */
	uint32_t key_count;             /* pages entered and not forgotten */
	uint32_t free_page;             /* first of the list of numbers that were given back */
};

int lru_stack_init(struct lru_stack *stack, const struct host_alloc *alloc); /* PW_NOMEM */
void lru_stack_release(struct lru_stack *stack);

/* The page of that key, entered if it is new. STACK_PAGE_NONE for want of memory: nothing changed. */
stack_page_t lru_stack_page(struct lru_stack *stack, uint64_t key);
stack_page_t lru_stack_find(const struct lru_stack *stack, uint64_t key); /* or STACK_PAGE_NONE */
/* Calls back for each page that was entered and not forgotten, in no order. */
void lru_stack_for_each(const struct lru_stack *stack, void *ctx,
			void (*visit)(void *ctx, uint64_t key, stack_page_t page));

/* The position of the page, the top being 1; 0: it is not in the stack. */
uint64_t lru_stack_distance(const struct lru_stack *stack, stack_page_t page);
/* A reference: the page comes to the top. Returns where it was. */
uint64_t lru_stack_touch(struct lru_stack *stack, stack_page_t page);
/* It leaves a hole; its number stays. */
void lru_stack_invalidate(struct lru_stack *stack, stack_page_t page);
/* All leave, and no hole matters then; numbers stay. */
void lru_stack_clear(struct lru_stack *stack);
/* As if it had never been referenced: no hole, and its number may be given to another. */
void lru_stack_forget(struct lru_stack *stack, uint64_t key, stack_page_t page);

/* The invariants, for tests. */
bool lru_stack_check(const struct lru_stack *stack);

#endif
