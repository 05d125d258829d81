/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_WALK_H
#define PAGEWALK_MMU_WALK_H

/*
 * The walk cursor: the contract between the core and a page-table format.
 *
 * A format is a few pure functions over a cursor. walk_next() says what the walk wants next; the
 * core (mmu/walker.c) does it, charges it, emits the event, and calls walk_next() again with the
 * reply. So no format can forget to charge, and none can see the clock, the caches or the TLBs.
 *
 * A walk keeps everything it remembers between two steps in struct walk_state, which is small
 * and copied freely: a walk-cache entry *is* the walk_state after a non-leaf level, and a hit
 * resumes with walk_next(). What belongs to this one access (address, kind, privilege) is in
 * struct walk_input and must never be copied into the state.
 *
 * The first call of walk_next(), and the first after a resumption, has reply == NULL: the format
 * asks for the read that the state stands before. struct walk_request is large and never zeroed:
 * a format fills every member that goes with the step it returns.
 *
 * Steps of one walk, as the core sees them:
 *
 *   walk_start ─> next(NULL) ─> READ ─┐          ┌─> LEAF   (translation)
 *                                     │          │
 *                     ┌── reply <─────┴── next ──┼─> FAULT  (kind and level)
 *                     └─────────────────> next   └─> READ, WRITE, RUN, CALL, FILL ...
 */

#include "mmu/types.h"

struct page_table;
struct pt_space;

enum walk_step {
	WALK_READ,  /* reads[0..n): each up to a cache line; together or one after another */
	WALK_WRITE, /* one write-back: an A/D update, a refill of an in-memory table */
	WALK_RUN,   /* a software handler: trap, instructions, where their code lies */
	WALK_CALL,  /* translate an address in another table or space, through the TLBs or not */
	WALK_FILL,  /* deliver an extra translation (range, wired entry, neighbour) and go on */
	WALK_KEEP, /* enter a state of the format's making in the walk cache of a level, and go on */
	WALK_LEAF,  /* done: the translation */
	WALK_FAULT, /* done: no translation */
};

/* Why there is no translation. x86's error code follows from this and the access. */
enum fault_kind {
	FAULT_NONE,
	FAULT_NOT_PRESENT,
	FAULT_PROTECTION,    /* present, but this access is not allowed */
	FAULT_RESERVED,      /* a reserved bit is set in an entry on the path */
	FAULT_NON_CANONICAL, /* x86: #GP or #SS, not #PF; never reaches a walk */
	FAULT_ACCESSED,      /* the hardware sets no A: software must */
	FAULT_DIRTY,         /* the hardware sets no D: software must */
	FAULT_ALIAS,         /* inverted table: the frame is entered under another address */
	FAULT_KIND_COUNT
};

/* A virtual to physical mapping of any base and length, with what it permits. */
struct translation {
	va_t va;
	pa_t pa;
	uint64_t bytes;
	uint8_t page_lg2; /* size of the leaf that it came from: what TLB arrays select by */
	uint8_t perms;    /* enum perm_bits, combined over the path */
	bool global, accessed, dirty;
};

struct mmu_fault {
	va_t va;             /* what CR2 would hold */
	uint32_t error_code; /* x86: P, W/R, U/S, RSVD, I/D (Intel SDM 3A, "Page-Fault Exceptions") */
	uint8_t kind;        /* enum fault_kind */
	uint8_t access;      /* enum access_kind */
	uint8_t level;       /* page-table level at which the walk ended; 0 is the leaf */
};

/* Control bits that change what a walk permits. Intel SDM 3A, "Paging Modes and Control Bits". */
struct mmu_controls {
	bool write_protect; /* CR0.WP: supervisor writes respect W */
	bool smep, smap;    /* CR4 */
	bool no_execute;    /* IA32_EFER.NXE: without it bit 63 of an entry is reserved */
};

struct walk_input {
	struct pt_space *space;
	va_t va;
	uint8_t access; /* enum access_kind */
	uint8_t mode;   /* enum cpu_mode */
	/*
	 * The TLBs can hold up to 2^span_lg2 pages in an entry. A format that finds the pages next to
	 * the leaf in the very cache line that it read, contiguous with it and alike in every
	 * attribute, A and D included, may say so: its leaf then covers all of them, and page_lg2
	 * remains that of one. 0 elsewhere than in walks that the core makes for an access.
	 */
	uint8_t span_lg2;
	bool look; /* silent walks that ask what is there: no fault for want of A or D */
	struct mmu_controls controls;
};

enum { WALK_REFS_MAX = 16, WALK_STATE_WORDS = 4, WALK_DEPTH_MAX = 4 };

struct walk_state {
	pa_t table;                      /* what the next reference is relative to */
	uint64_t word[WALK_STATE_WORDS]; /* the format's own */
	uint8_t level;                   /* level of the next reference; 0 is the leaf */
	uint8_t phase;                   /* the format's own */
	uint8_t perms;                   /* combined so far; walk_start sets it to all */
	uint8_t count;                   /* the format's own */
};

struct walk_ref {
	pa_t pa;
	uint16_t bytes; /* 1..64, not crossing a cache line */
};

enum walk_trap {
	TRAP_TLB_REFILL,
	TRAP_TLB_REFILL_KERNEL,
	TRAP_ALIAS,
	TRAP_NONE, /* the handler that runs goes on: instructions only */
	WALK_TRAP_COUNT
};

struct walk_request {
	union {
		struct {
			struct walk_ref ref[WALK_REFS_MAX];
			uint8_t count;
			uint8_t level; /* page-table level, for the event and for walk caches */
			bool together; /* issued at once: cost the slowest, count all */
		} read;
		struct {
			pa_t pa;
			uint64_t old_value, new_value;
			uint8_t bytes; /* 1, 2, 4 or 8 */
			uint8_t level;
		} write;
		struct {
			pa_t code; /* where the handler's instructions lie, PFN_NONE if unmodelled */
			uint32_t instructions;
			uint8_t trap; /* enum walk_trap */
		} run;
		struct {
			struct pt_space *space;
			va_t va;
			uint8_t access, mode;
			bool through_tlb;
		} call;
		struct {
			struct walk_state state; /* what a later walk resumes from */
			uint8_t level;           /* of the walk cache; the prefix is that of va */
		} keep;                          /* WALK_KEEP leaves the reply as it was */
		struct translation fill;         /* WALK_FILL */
		struct translation leaf;         /* WALK_LEAF */
		struct {
			uint8_t kind; /* enum fault_kind */
			uint8_t level;
		} fault;
	};
	/*
	 * With every WALK_READ the format says whether the state, as it returned it with this read,
	 * may be cached under (space, read.level + 1, prefix of va): true when every entry on the
	 * way was present and had A set and nothing of this one access is in the state. A walk that
	 * is resumed from it begins by asking for the same read again. WALK_KEEP is for what a read
	 * told about later walks that this one no longer needs: the summary of a region.
	 */
	bool cacheable;
};

/*
 * What the last step brought; only what belongs to that step is set. Pointers are into simulated
 * memory, good until the next step. Memory beyond the end of the simulated one reads as zero.
 */
struct walk_reply {
	const void *line[WALK_REFS_MAX]; /* after READ: the bytes asked for */
	struct translation called;       /* after CALL */
	uint8_t call_fault; /* after CALL: enum fault_kind, FAULT_NONE if it translated */
	bool write_lost;    /* after WRITE: the entry no longer held old_value; read it again */
};

/* An entry of 1, 2, 4 or 8 bytes out of a line, little-endian as in simulated memory. */
static inline uint64_t walk_load(const void *line, unsigned bytes)
{
	uint64_t value = 0;

	__builtin_memcpy(&value, line, bytes);
	return value;
}

#endif
