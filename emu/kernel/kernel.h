/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_KERNEL_H
#define PAGEWALK_EMU_KERNEL_KERNEL_H

/*
 * The kernel model: it owns physical memory, address spaces, files and the page cache, and serves
 * faults. The same code runs under the live CPU and under a replay; it never looks at what a
 * page contains (that is the content provider's matter).
 *
 * Ways in: the calls of kcall.def, through the typed kernel_<name>() below, which all pass
 * kernel_call(), the one place where a recorder listens; and kernel_fault(), which a replay
 * reaches by itself and which is therefore not recorded. Everything else here is const.
 *
 * Mappings change only inside these. Each ends in kernel_settle(): pending invalidations reach
 * the hardware, the emulator's own TLB is flushed once, and only then do the frames that were
 * freed become allocatable again. So the order of frames does not depend on who drives.
 */

#include "emu/kernel/config.h"
#include "emu/kernel/frame_alloc.h"
#include "emu/kernel/kcall.h"
#include "mmu/event.h"
#include "mmu/page_table.h"

struct kernel;

/* What the kernel asks of the hardware; implemented by emu/machine. ASIDs are tags (pt_space.tag). */
struct kernel_hw {
	void *ctx;
	void (*invalidate_range)(void *ctx, asid_t asid, va_t va, uint64_t bytes);
	void (*invalidate_asid)(void *ctx, asid_t asid);
	void (*invalidate_all)(void *ctx); /* global entries may stay */
	void (*switch_space)(void *ctx, struct pt_space *space);
	/* Mappings have changed: the emulator's own TLB must forget everything, now. */
	void (*flush)(void *ctx);
	/* The bytes of a frame were replaced: code translated from it is stale. */
	void (*frame_changed)(void *ctx, pfn_t pfn);
	/* The running space's direct segment has another extent. NULL: there is no such hardware. */
	void (*segment_changed)(void *ctx);
};

/*
 * What fills frames. Live: real bytes, from files of the host. Replay: kernel_content_none, which
 * does nothing. The kernel calls frame_changed() of the hardware itself, after each of these.
 */
struct kernel_content {
	void *ctx;
	void (*zero)(void *ctx, pfn_t pfn);
	void (*copy)(void *ctx, pfn_t to, pfn_t from);
	/* Page `index` (4 KiB units) of the file of that identity; bytes beyond its end are 0. */
	int (*read_file)(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn);
	int (*write_file)(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn, unsigned bytes);
	/* A frame's bytes to a slot of the swap device, and back. */
	void (*swap_out)(void *ctx, uint64_t slot, pfn_t pfn);
	void (*swap_in)(void *ctx, uint64_t slot, pfn_t pfn);
};
extern const struct kernel_content kernel_content_none;

/* Hears every kernel_call(), after it was carried out, with its result. */
struct kernel_listener {
	void *ctx;
	void (*called)(void *ctx, const struct kcall *call, int64_t result);
};

struct kernel_setup {
	const struct kernel_config *config;
	struct page_table *table; /* one a machine; created on kernel_frames() */
	unsigned asid_bits;       /* of the hardware; 0: a switch forgets all but global entries */
	struct kernel_hw hw;
	struct kernel_content content;
	struct event_queue *events;
	struct ledger *ledger;
	const struct host_alloc *alloc;
};

struct kernel_counters {
#define KERNEL_COUNTER(field, doc) uint64_t field;
#include "mmu/event.def"
};

/*
 * Two steps, because the page table takes its frames from the kernel: kernel_create() makes the
 * frame allocator; page_table_create() uses kernel_frames(); kernel_start() takes the rest:
 * PW_UNSUPPORTED for a table whose base page is above 2 MiB, or is not 4 KiB where the table holds
 * one mapping a frame.
 *
 * And two steps back: kernel_stop() destroys spaces and files, telling neither the hardware nor the
 * content provider (a guest that wants its dirty pages in its files makes kernel_space_destroy()
 * first); then page_table_destroy(); then kernel_destroy(), which stops first if nobody has.
 */
int kernel_create(struct kernel **out, const struct kernel_config *config,
		  const struct host_alloc *alloc, struct config_complaint *complaint);
struct frame_source *kernel_frames(struct kernel *kernel); /* owner: page tables */
int kernel_start(struct kernel *kernel, const struct kernel_setup *setup);
void kernel_stop(struct kernel *kernel);
void kernel_destroy(struct kernel *kernel); /* NULL: nothing */
void kernel_set_content(struct kernel *kernel, const struct kernel_content *content);
void kernel_set_listener(struct kernel *kernel,
			 const struct kernel_listener *listener); /* NULL: none */

/*
 * Lowers kernel_va_end(), before the first call: the address-space layout is part of the guest
 * contract, and a machine that can hold more must give the same addresses. Never raises it.
 */
void kernel_limit_va(struct kernel *kernel, va_t va_end);

int64_t kernel_call(struct kernel *kernel, const struct kcall *call);

/* How a fault was served: `level` of EVENT_FAULT_SERVED. */
enum fault_service {
	SERVICE_SPURIOUS,
	SERVICE_ANONYMOUS,
	SERVICE_FILE,
	SERVICE_COW,
	SERVICE_REUSE,
	SERVICE_STACK,
	SERVICE_MARK,  /* A or D set by software, where the hardware does not */
	SERVICE_ALIAS, /* one mapping a frame is resident: another one took its place */
	SERVICE_SWAP,
	FAULT_SERVICE_COUNT
};
extern const char *const fault_service_names[FAULT_SERVICE_COUNT];

struct fault_outcome {
	int signal; /* 0: served, try again; else what Linux would raise (SIGKILL: out of memory) */
	int si_code; /* SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR */
	va_t va;
};
void kernel_fault(struct kernel *kernel, const struct mmu_fault *fault,
		  struct fault_outcome *outcome);

/*
 * The code that runs ends before `end` (0: none runs): its page and the one before it are not
 * reclaimed in fault service. Whoever drives says so before each kernel_fault().
 */
void kernel_keep_code(struct kernel *kernel, va_t end);

/* Does the policy cheat: is it to hear of each access that was completed, by kernel_accessed()? */
bool kernel_wants_accesses(const struct kernel *kernel);
void kernel_accessed(struct kernel *kernel, pa_t pa);
/* Somebody else who hears it as well, whatever the policy; NULL: nobody. machine_observe() sets it. */
void kernel_set_observer(struct kernel *kernel, void *ctx, void (*accessed)(void *ctx, pa_t pa));
/* Does it want the future? Says in how many accesses from now a page is used next (reclaim.h). */
bool kernel_wants_oracle(const struct kernel *kernel);
void kernel_set_oracle(struct kernel *kernel, void *ctx,
		       uint64_t (*next_use)(void *ctx, uint64_t owner, uint64_t index));

/*
 * By what name the oracle is asked for the page at pa: that of the space or file that brought it in.
 * A page that processes share may leave and come back under the running one's, which is the second.
 * Returns how many there are.
 */
struct page_name {
	uint64_t owner, index;
};
unsigned kernel_page_names(const struct kernel *kernel, pa_t pa, struct page_name name[2]);

/* --- looking ------------------------------------------------------------------------------- */

struct vma {
	va_t start, end;
	uint32_t prot, flags; /* PROT_*, MAP_*; MAP_GROWSDOWN marks the stack */
	int32_t file;         /* id, or -1 */
	uint64_t offset;      /* in the file, of start */
};
/* The VMA that holds va, or the first above it with *inside false, or NULL. Running space. */
const struct vma *kernel_vma_at(const struct kernel *kernel, va_t va, bool *inside);
unsigned kernel_vma_count(const struct kernel *kernel);
const struct vma *kernel_vma_nth(const struct kernel *kernel, unsigned n);
/* KERNEL_IDENTITY_NONE for the object behind shared anonymous memory, and for no such id. */
#define KERNEL_IDENTITY_NONE UINT64_MAX
uint64_t kernel_file_identity(const struct kernel *kernel, int32_t file);

struct pt_space *kernel_space(const struct kernel *kernel); /* running, or NULL */
va_t kernel_brk_now(const struct kernel *kernel);
/* The frame and byte that va maps to in the running space; false when not present. */
bool kernel_translate(const struct kernel *kernel, va_t va, pa_t *pa);
/*
 * The running space's page at va that its page table does not hold for now, because it holds one
 * mapping a frame and another one of this frame was touched last. An access that the leaf permits
 * may complete: kernel_fault() then brings it in, which changes nothing but the page table and owes
 * no flush.
 */
bool kernel_displaced(const struct kernel *kernel, va_t va, struct translation *leaf);
/*
 * Sets A (and D) of a page of the running space, as an access does, wherever its entry is; for a
 * CPU that has no other way. *leaf is as it stands then; false: no such page.
 */
bool kernel_mark(struct kernel *kernel, va_t va, bool dirty, struct translation *leaf);
/* Highest user address + 1: the page table's (its lower half where sign-extended), or lower. */
va_t kernel_va_end(const struct kernel *kernel);

/*
 * Want of memory (oom.c). The personality asks before it lets anybody run: each process of a victim
 * is to end, by SIGKILL, and kernel_oom_kill() says so. Bytes, as they were before it was reaped.
 */
struct oom_usage {
	uint64_t mapped; /* all VMAs */
	uint64_t anonymous, file, shared, swapped, tables;
};
bool kernel_oom_pending(const struct kernel *kernel); /* there is a victim */
bool kernel_oom_victim(const struct kernel *kernel, uint64_t space, struct oom_usage *usage);
bool kernel_out_of_memory(const struct kernel *kernel); /* there ever was one */

struct frame_counts {
	/* total: of the others */
	uint64_t total, free, table, slab, anonymous, file, reserved, slack, hugetlb;
	uint64_t pinned; /* part of reserved */
};
void kernel_frame_counts(const struct kernel *kernel, struct frame_counts *counts);
/* Maximal free blocks by order, for frame_unusable_index(); frames in limbo are not among them. */
void kernel_free_blocks(const struct kernel *kernel, uint64_t blocks[FRAME_BLOCK_ORDERS]);
/* How well the frame allocator keeps categories apart. */
void kernel_mobility(const struct kernel *kernel, struct frame_mobility *mobility);
const struct kernel_counters *kernel_counters(const struct kernel *kernel);
void kernel_visit_counters(const struct kernel *kernel, counter_visit_fn *visit, void *ctx);
/* Conservation laws: frames, map counts, reference counts; PW_CORRUPT with a static text. */
int kernel_check(struct kernel *kernel, const char **what);

/* --- the typed ways in, generated ---------------------------------------------------------- */

#define KCALL_BODY(name, ...)                                          \
	{                                                              \
		struct kcall call = { KCALL_##name, { __VA_ARGS__ } }; \
		return kernel_call(k, &call);                          \
	}
#define KCALL0(name) static inline int64_t kernel_##name(struct kernel *k) KCALL_BODY(name, 0)
#define KCALL1(name, a) \
	static inline int64_t kernel_##name(struct kernel *k, uint64_t a) KCALL_BODY(name, a)
#define KCALL2(name, a, b)                                                            \
	static inline int64_t kernel_##name(struct kernel *k, uint64_t a, uint64_t b) \
		KCALL_BODY(name, a, b)
#define KCALL3(name, a, b, c)                                                                     \
	static inline int64_t kernel_##name(struct kernel *k, uint64_t a, uint64_t b, uint64_t c) \
		KCALL_BODY(name, a, b, c)
#define KCALL4(name, a, b, c, d)                                                                  \
	static inline int64_t kernel_##name(struct kernel *k, uint64_t a, uint64_t b, uint64_t c, \
					    uint64_t d) KCALL_BODY(name, a, b, c, d)
#define KCALL5(name, a, b, c, d, e)                                                               \
	static inline int64_t kernel_##name(struct kernel *k, uint64_t a, uint64_t b, uint64_t c, \
					    uint64_t d, uint64_t e)                               \
		KCALL_BODY(name, a, b, c, d, e)
#define KCALL6(name, a, b, c, d, e, f)                                                            \
	static inline int64_t kernel_##name(struct kernel *k, uint64_t a, uint64_t b, uint64_t c, \
					    uint64_t d, uint64_t e, uint64_t f)                   \
		KCALL_BODY(name, a, b, c, d, e, f)
#include "emu/kernel/kcall.def"
#undef KCALL_BODY

#endif
