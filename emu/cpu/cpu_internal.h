/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_CPU_CPU_INTERNAL_H
#define PAGEWALK_EMU_CPU_CPU_INTERNAL_H

/*
 * Parts of the live CPU that its files share. Nothing outside emu/cpu includes this.
 *
 * Guest RAM is one host mapping that Unicorn sees through two windows of its physical space:
 *
 *   0                    the code window: stores are checked against translated code
 *   DATA_WINDOW          the data window: stores are not checked, which is faster by a tenth to a
 *                        quarter; only for pages that are not executable and whose frame never
 *                        held code
 *
 * and there is a virtual window, DIRECT_WINDOW, that maps straight to the code window while
 * direct_open is set: uc_ctl_remove_cache() takes virtual addresses only.
 *
 * Memory hooks report physical addresses. vpn_of_frame[] turns them into virtual ones; a frame
 * that is seen under a second page makes the fill hook flush first, so that an entry of the array
 * is the only name under which Unicorn knows the frame. A switch of spaces flushes too, and so makes
 * all names void. Code is translated once for all spaces that have it at the same address: Unicorn
 * knows it by physical page and virtual address.
 */

#include <unicorn/unicorn.h>

#include "emu/cpu/block.h"
#include "emu/cpu/cpu.h"
#include "emu/cpu/operand.h"

#define DATA_WINDOW   (1ull << 44)
#define DIRECT_WINDOW 0xffffe00000000000ull
#define WINDOW_MASK   (DATA_WINDOW - 1)

/* Why uc_emu_start() was left. */
enum cpu_stop_reason {
	STOP_NONE,
	STOP_SYSCALL,
	STOP_FAULT,       /* a page that the kernel model would not serve */
	STOP_INTERRUPT,   /* int n, #DE, ... : interrupt holds the vector */
	STOP_SPECIAL,     /* at an instruction that we execute ourselves */
	STOP_RETRANSLATE, /* the block about to start needs a stop in its middle */
	STOP_CODE_FULL,   /* Unicorn's buffer of translated code is to be emptied */
	STOP_TIMER,       /* the guest asked for a boundary at this instruction count */
	STOP_LIMIT,       /* cpu_stop() */
};

/* Per frame, beside its name. */
enum frame_flag {
	FRAME_CODE = 1, /* Unicorn may hold code translated from it */
	FRAME_UNCHECKED =
		2 /* a store through the data window may have been allowed since the last flush */
};

enum { SPECIAL_SITES_MAX = 4096, CODE_OF_BLOCK = 16, CODE_BYTES_MAX = 3 << 20 };

struct cpu {
	uc_engine *uc;
	struct machine *machine;
	struct guest *guest;
	struct cpu_config config;
	struct block_cache *blocks;
	struct operand_cache *operands;

	vpn_t *vpn_of_frame;
	uint32_t *named_at;   /* flush_count when the name was given: older names are void */
	uint8_t *frame_flags; /* enum frame_flag */
	uint32_t flush_count;
	/* --- the last fill --- */
	va_t filled_page;
	uint64_t filled_at; /* how many accesses there had been */
	bool name_moved_up; /* the frame's name before was the page below */
	bool direct_open;
	asid_t space; /* whose code the caches of decoded blocks and operands speak of */

	/* A store that crosses a page is charged at the next hook (design.md, "Crossing a page"). */
	bool held;
	va_t held_va, held_pc;
	unsigned held_bytes;

	/* The access under way: what an event's PC is found by. */
	va_t accessing;      /* its first byte, or the page that is filled */
	bool filling;        /* only the page is known */
	bool fetching;       /* a fill for a fetch */
	bool charging_held;  /* a store whose instruction is over: its PC is held_pc */
	uint64_t located_at; /* accesses counted when access_pc was found; UINT64_MAX: never */
	struct cpu_pc_memo *pc_memo;    /* cpu_access_pc.h; NULL: not asked for */
	const struct known_pc *next_pc; /* of the next access, where it is known */

	/* The block under way. */
	va_t entering;            /* in the block hook: where the block starts; else 0 */
	bool flushed;             /* the pages of the next block must be attempted again */
	struct block_info *block; /* in its slot of the cache; never NULL */
	struct block_info no_block;
	uint64_t code_bytes; /* of blocks decoded since that buffer was empty */

	enum cpu_stop_reason stop;
	va_t stopped_before; /* the block that the block hook did not let start; 0: another stop */
	bool stop_asked;
	uint32_t interrupt;
	struct fault_outcome outcome;
	enum access_kind fault_access;
	va_t fault_page;
	uint64_t retranslate_from;
	va_t special_site[SPECIAL_SITES_MAX];
	unsigned special_count;
	uint64_t random;           /* state of rdrand */
	uint64_t checked_accesses; /* checked build */

	struct cpu_regs regs, loaded; /* loaded: as read from Unicorn, to store back only changes */
	char failure[160];
};

/* cpu_regs.c */
extern int cpu_gpr_ids[GPR_COUNT]; /* enum cpu_gpr to Unicorn's */
void cpu_load_regs(struct cpu *cpu);
void cpu_load_fx(struct cpu *cpu);
void cpu_reset_fx(struct cpu *cpu); /* as a program finds it; stored with the other registers */
void cpu_store_regs(struct cpu *cpu);
uint64_t cpu_read_rip(struct cpu *cpu);
void cpu_write_rip(struct cpu *cpu, uint64_t rip);

/* cpu_locate.c */
/* The instruction that reaches the target; where none does, *found is false and it is a guess. */
va_t cpu_locate(struct cpu *cpu, const struct operand_target *target, bool *found);
/* For events: the PC of the access under way. */
va_t cpu_current_pc(struct cpu *cpu);
bool cpu_instruction_reaches(struct cpu *cpu, va_t rip, const struct operand_target *target,
			     va_t *byte);

/* cpu_hooks.c */
void cpu_charge_held(struct cpu *cpu);
bool cpu_install_hooks(struct cpu *cpu);
bool cpu_hook_special(struct cpu *cpu, va_t site);
void cpu_flush(void *ctx);
void cpu_frame_changed(void *ctx, pfn_t pfn);
void cpu_drop_code(struct cpu *cpu, pfn_t pfn);
/* Host bytes of guest memory at va up to its page's end, or NULL. */
const uint8_t *cpu_code_at(struct cpu *cpu, va_t va, unsigned *available);

/*
 * cpu.c: the block under way was left at RIP. It was counted as a whole when it was entered; takes
 * back what lies behind, and the instruction at RIP too unless it retired.
 */
void cpu_cut_block(struct cpu *cpu, bool retired);

/* cpu_special.c */
enum guest_action cpu_execute_special(struct cpu *cpu);
enum guest_action cpu_raise(struct cpu *cpu, enum cpu_exception exception);

#endif
