/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_KERNEL_INTERNAL_H
#define PAGEWALK_EMU_KERNEL_KERNEL_INTERNAL_H

/*
 * The kernel model inside; nothing outside emu/kernel includes this.
 *
 *   kcall.c ─> mm_*.c, file_calls.c, space.c, user_copy.c     fault.c
 *                      │                                        │
 *                      ├────────> touch.c (make a page present) <┘
 *                      v            v
 *                 mapping.c      file.c (page cache: file.h)
 *             v        v            v
 *        leaves.c  supply.c (frames: settle) ─> frames.c ─> frame_alloc*.c
 *                      v          kcall.c, touch.c: no frame ─> oom.c
 *               pageout.c (reclaim) ─> reclaim*.c (policies), swapped.c, swap.c
 */

#include "emu/kernel/file.h"
#include "emu/kernel/frames.h"
#include "emu/kernel/huge.h"
#include "emu/kernel/hugetlb.h"
#include "emu/kernel/kernel.h"
#include "emu/kernel/leaves.h"
#include "emu/kernel/objects.h"
#include "emu/kernel/swap.h"
#include "emu/kernel/vma.h"
#include "mmu/ledger.h"

enum {
	MMAP_MIN_ADDR = 65536, /* vm.mmap_min_addr of most distributions */
	VMA_COUNT_MAX = 65530, /* vm.max_map_count */
	STACK_LIMIT_DEFAULT = 8 << 20,
	FIRST_TOUCH_VMAS = 64,
};

/* Frames set aside for a direct segment; ranges.c. */
struct segment {
	va_t va;
	uint64_t bytes, used; /* 0: none; what has left the reserve, from the bottom */
	pfn_t first;
};

enum oom_state { OOM_NOT, OOM_PENDING, OOM_KILLED };

struct space {
	asid_t id; /* from 1, counting on: none names two spaces of a run before 65535 were made */
	bool tagged;      /* the hardware may hold entries of it, under pt->tag (asid.c) */
	bool first_touch; /* an access where no VMA is makes one (first_touch.c) */
	unsigned slot;
	struct pt_space *pt;
	struct displaced_list displaced;
	struct vma_set vmas;
	struct page_tree swapped; /* pages on the swap device: 1 + slot by page number */
	va_t mmap_top, brk_start, brk;
	uint64_t stack_limit;
	struct segment segment;
	struct slab_object mm, signal, files;
	uint64_t faults_minor, faults_major; /* served */
	uint64_t resident_peak;              /* space_resident() at its highest */
	enum oom_state oom;
	struct oom_usage oom_usage; /* of a victim */
	uint64_t hugetlb_pages;     /* base pages that are mapped from the pools */
};

/* Base pages of the resident set, of which those of hugetlb pools are none. */
static inline uint64_t space_resident(const struct space *space)
{
	return leaves_count(space) - space->hugetlb_pages;
}

/* Pages that reclaim leaves alone for now: [first, last] of the space of that id; 0: none. */
struct keep {
	unsigned space;
	vpn_t first, last;
};
enum { KEEP_FAULT, KEEP_CODE, KEEP_COUNT };
enum { WATERMARK_MIN, WATERMARK_LOW, WATERMARK_HIGH, WATERMARK_COUNT };

struct kernel {
	const struct host_alloc *alloc;
	struct kernel_config config;
	struct frames frames;
	struct frame_source table_source;
	struct kernel_objects objects;
	/* --- from kernel_start() on --- */
	struct page_table *table; /* NULL before; in pages of 4 KiB: the machine's, or `view` */
	struct page_table view;   /* of a machine's with other base pages: page_view.h */
	struct kernel_hw hw;
	struct kernel_content content;
	struct event_queue *events;
	struct ledger *ledger;
	struct kernel_listener listener;
	va_t va_end;
	/* --- */
	struct space *running;
	struct space **space; /* by slot, NULL where free */
	unsigned space_slots;
	asid_t last_space_id;
	unsigned asid_bits;
	uint64_t *asid_used; /* a bit for each tag that is lent */
	struct file **file;  /* by slot, NULL where free */
	unsigned file_slots;
	struct kernel_counters counters;
	struct displaced_table displaced;
	struct swap swap;
	struct reclaim reclaim;
	uint64_t (*next_use)(void *ctx, uint64_t owner, uint64_t index); /* NULL: none knows */
	void *next_use_ctx;
	void (*observer)(void *ctx, pa_t pa); /* NULL: none */
	void *observer_ctx;
	uint64_t watermark[WATERMARK_COUNT]; /* frames */
	struct keep keep[KEEP_COUNT];
	bool collapsing;        /* work is charged on the line of collapse.c */
	unsigned collapse_slot; /* where its next round goes on: a space, and an address */
	va_t collapse_at;
	unsigned huge_order; /* of transparent huge pages; 0: none on this machine */
	uint64_t huge_pages; /* base pages that are mapped by larger leaves */
	struct hugetlb_pool hugetlb[HUGETLB_SIZE_COUNT];
	bool flush_due, out_of_memory;
	bool starved;            /* a frame was refused since the operation under way began */
	unsigned oom_pending;    /* victims whose processes are not known to be killed */
	bool stopping;           /* neither hardware, events nor files hear of anything any more */
	cycles_t charged;        /* since the operation under way began */
	uint64_t table_accesses; /* of pt_memory, charged so far */
};

/* costs.c: each charges a cause, and counts where the cause has a counter. */
void cost_charge(struct kernel *k, enum charge cause, cycles_t cycles);
void cost_tables(struct kernel *k); /* what pt_memory did since the last time */
void cost_user_copy(struct kernel *k, uint64_t bytes);
void cost_shootdown(struct kernel *k, uint64_t pages);
/* Content of a frame, with its charge and the hardware told. */
void frame_zero(struct kernel *k, pfn_t pfn);
void frame_copy(struct kernel *k, pfn_t to, pfn_t from);
void kernel_emit(struct kernel *k, const struct event *event);

/* supply.c */
void supply_init(struct kernel *k);
/*
 * A frame, if need be after settling and after others have left; PFN_NONE. Not for use within an
 * operation of the page table. More than one (order > 0): nothing mapped leaves for it.
 * k->starved says afterwards whether anything was refused that is worth a process.
 */
pfn_t supply_frame(struct kernel *k, enum frame_kind kind, unsigned order);
/* The end of each operation; see kernel.h. Also in the middle of one that ran out of frames. */
void kernel_settle(struct kernel *k);

/* oom.c */
/*
 * What was done for `asking` (NULL: nobody) found no memory and has changed nothing. True: another
 * space has given up its own, try again. False: it fails, and `asking` is to end.
 */
bool oom_relieve(struct kernel *k, struct space *asking);
/* The space cannot go on: pages of it are lost. */
void oom_condemn(struct kernel *k, struct space *victim);
void oom_forget(struct kernel *k, struct space *space); /* it goes */

/* mapping.c: page-table entries with everything that has to follow. */
uint8_t vma_perms(const struct vma *vma, bool may_write);
int page_map(struct kernel *k, struct space *space, const struct pt_mapping *mapping);
/* Its page goes as well where it is on the swap device. */
void pages_unmap(struct kernel *k, struct space *space, va_t va, uint64_t bytes);
void pages_protect(struct kernel *k, struct space *space, va_t va, uint64_t bytes, uint8_t perms);
/* All entries of a space, told to the hardware as one. */
void space_unmap_all(struct kernel *k, struct space *space);
/* One entry, which is there; reclaim's way, which leaves what is on the swap device. */
void page_unmap(struct kernel *k, struct space *space, va_t va);
/* Accounts for leaves that were taken out of the table to be entered elsewhere. */
void leaves_moved_out(struct kernel *k, struct space *space, const struct translation *leaf,
		      unsigned count);
/* The entries of [from, from + bytes) move to `to`, where nothing is; PW_NOFRAMES: none has. */
int pages_move(struct kernel *k, struct space *space, va_t from, va_t to, uint64_t bytes);
/* An entry was changed in place by something else than the above. */
void page_changed(struct kernel *k, struct space *space, va_t va);

/* space.c */
struct space *space_find(const struct kernel *k, uint64_t id);
void space_release(struct kernel *k, struct space *space); /* tells neither hardware nor content */
uint64_t space_table_bytes(const struct space *space);     /* of its own page tables */

/* asid.c */
int asids_init(struct kernel *k, unsigned bits);
void asids_release(struct kernel *k);
/* The space is about to run: it gets a tag unless it has one. */
void asid_lend(struct kernel *k, struct space *space);
/* Nothing is tagged with the space's tag any more. */
void asid_give_back(struct kernel *k, struct space *space);

/* ranges.c: what ranges of the hardware rest on. For the heap of a new program: */
void segment_reserve(struct kernel *k, struct space *space);
void segment_release(struct kernel *k, struct space *space);
/* The heap has grown over [start, end). */
void segment_populate(struct kernel *k, struct space *space, va_t start, va_t end);
/* [start, end) of one VMA was mapped anew: populated at once, where the machine wants it so. */
void ranges_populate(struct kernel *k, struct space *space, va_t start, va_t end);
/* Entries in the range are not what they were: no range translates them any more. */
void ranges_lose(struct kernel *k, struct space *space, va_t va, uint64_t bytes);

/* page_block.c: larger base pages. */
enum { BLOCK_ORDER_MAX = 9 };
/* A frame for a private page of its own at va; PFN_NONE. */
pfn_t supply_page(struct kernel *k, struct space *space, va_t va);
/* The base page around va, which has a block, gets one that no other space has. False: no memory. */
bool block_own(struct kernel *k, struct space *space, va_t va);
/* Brings in the other pages of the base page, as far as they may be read. */
void block_populate(struct kernel *k, struct space *space, va_t va);
/* As pages_move(), by copying. */
int block_move(struct kernel *k, struct space *space, va_t from, va_t to, uint64_t bytes);

/* touch.c */
enum touch_result { TOUCH_OK, TOUCH_MAPERR, TOUCH_ACCERR, TOUCH_BUS, TOUCH_NOMEM };
struct touch {
	/* in */
	struct space *space;
	va_t va; /* of the page */
	enum access_kind access;
	bool optional; /* nobody is killed for it */
	/* out */
	enum fault_service service;
	bool major;
	pfn_t pfn;
};
/* Finds the VMA (growing a stack), checks the permission, makes the page present and allowed. */
enum touch_result touch_page(struct kernel *k, struct touch *touch);
/* first_touch.c: a VMA where none holds va. TOUCH_OK, TOUCH_MAPERR: the space does not, TOUCH_NOMEM. */
enum touch_result first_touch(struct kernel *k, struct space *space, va_t va);
/* Maps the frame touch->pfn, which exists already. */
enum touch_result touch_map(struct kernel *k, struct touch *touch, const struct vma *vma,
			    bool may_write);
/* Maps a copy of the pinned frame `from`. */
enum touch_result touch_copy(struct kernel *k, struct touch *touch, const struct vma *vma,
			     pfn_t from);

/* hugetlb_fault.c: nothing is mapped at touch->va; or something, not to be written to by this space. */
enum touch_result hugetlb_touch(struct kernel *k, struct touch *touch, const struct vma *vma);
enum touch_result hugetlb_break_cow(struct kernel *k, struct touch *touch, const struct vma *vma);

/* swap_in.c */
enum touch_result touch_swapped(struct kernel *k, struct touch *touch, const struct vma *vma,
				uint64_t slot);
/* Contents of a frame to and from the device, with charge and event. */
void frame_swap_out(struct kernel *k, pfn_t pfn, uint64_t slot);
void frame_swap_in(struct kernel *k, pfn_t pfn, uint64_t slot);

/* swapped.c: the swap cache, and entries in the trees of spaces and files. */
uint64_t frame_slot(const struct frame *frame); /* in the cache; SLOT_NONE */
void swap_cache_add(struct kernel *k, pfn_t pfn, uint64_t slot);
void swap_cache_remove(struct kernel *k, pfn_t pfn);
/* Out of the cache with it if nothing needs it there any more. */
void swap_cache_trim(struct kernel *k, pfn_t pfn);
/* If its one mapping is the last user of frame and slot: out of the cache, and true. */
bool swap_cache_reuse(struct kernel *k, pfn_t pfn);
uint64_t swapped_find(const struct page_tree *tree, uint64_t index); /* SLOT_NONE */
int swapped_enter(struct kernel *k, struct page_tree *tree, uint64_t index, uint64_t slot);
void swapped_leave(struct kernel *k, struct page_tree *tree, uint64_t index);
void swapped_forget(struct kernel *k, struct page_tree *tree, uint64_t first, uint64_t end);
/* Entries of the parent that the child lacks. PW_NOMEM: some are missing. */
int swapped_fork(struct kernel *k, const struct space *parent, struct space *child);
/* PW_NOMEM: none was forgotten at `from`. */
int swapped_move(struct kernel *k, struct space *space, va_t from, va_t to, uint64_t bytes);

/* swap_check.c: the laws of swap; PW_NOMEM, or PW_CORRUPT with a static text. */
int swap_check(struct kernel *k, const char **what);

/* pageout.c */
int pageout_init(struct kernel *k);
void pageout_release(struct kernel *k);
/* A frame has become resident; nothing when it was. */
void pageout_inserted(struct kernel *k, pfn_t pfn, enum reclaim_kind kind, struct reclaim_key key);
/* So many pages leave, for want of frames; how many did (0: none can). To be settled. */
unsigned pageout_direct(struct kernel *k, unsigned wanted);
/* Before an allocation: until the min watermark holds, or nothing can leave. */
void pageout_make_room(struct kernel *k);

/* mm_map.c */
static inline va_t page_floor(va_t va)
{
	return va & ~(va_t)(FRAME_BYTES - 1);
}
/* 0 when that overflows. */
static inline uint64_t page_ceil(uint64_t bytes)
{
	return page_floor(bytes + FRAME_BYTES - 1);
}
/* Unmaps and forgets [start, end); the set has room for 1. */
void space_forget(struct kernel *k, struct space *space, va_t start, va_t end);
/* Where mmap(2) would put it; or a negative errno. */
int64_t space_find_place(struct kernel *k, va_t addr, uint64_t bytes, uint32_t flags);

/* Generated: kcall_<name>(), what each line of kcall.def does. */
#define KCALL0(name)                   int64_t kcall_##name(struct kernel *k, const uint64_t *arg);
#define KCALL1(name, a)                KCALL0(name)
#define KCALL2(name, a, b)             KCALL0(name)
#define KCALL3(name, a, b, c)          KCALL0(name)
#define KCALL4(name, a, b, c, d)       KCALL0(name)
#define KCALL5(name, a, b, c, d, e)    KCALL0(name)
#define KCALL6(name, a, b, c, d, e, f) KCALL0(name)
#include "emu/kernel/kcall.def"

#endif
