/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_CPU_CPU_ACCESS_PC_H
#define PAGEWALK_EMU_CPU_CPU_ACCESS_PC_H

/*
 * The instruction of every access, where cpu_config asks for it. Finding it takes a few hundred
 * nanoseconds (cpu_locate.c), and the n-th access of a block is made by the same instruction each
 * time: it is found once and remembered for the block as it was decoded, in a list that an
 * execution goes through once. What instructions do as their operands demand (maskmovdqu stores some
 * of its bytes) would shift those behind it: kind and size must be the remembered ones too, or it is
 * looked for again.
 *
 * Halves of 128-bit accesses can be mistaken for those of a neighbour (cpu_locate.c), not the same
 * way each time: so events of this access are given what the machine is told here.
 */

#include "emu/cpu/cpu_internal.h"

struct known_pc {
	uint16_t offset; /* from the block's start */
	uint16_t look;   /* kind and size; 0: the list's end */
};

struct cpu_pc_memo;

int cpu_pc_memo_create(struct cpu *cpu); /* PW_NOMEM */
/* Nothing in the list, or no more of it, is what is under way: finds the instruction and tells it. */
void cpu_find_pc(struct cpu *cpu, unsigned look);
/* A held store is the next access of its block: held_pc is told. */
void cpu_tell_held_pc(struct cpu *cpu);
/* The block's accesses come next, from the first one on. */
void cpu_start_pcs(struct cpu *cpu);

static inline void cpu_tell(struct cpu *cpu, va_t pc)
{
	struct machine *m = cpu->machine;

	m->access_pc = pc;
	cpu->located_at =
		m->counters.loads + m->counters.stores + 1; /* it is about to be counted */
}

/* Tells the machine which instruction makes the access that is about to be completed. */
static inline void cpu_tell_pc(struct cpu *cpu, enum access_kind access, unsigned bytes)
{
	const struct known_pc *known = cpu->next_pc;
	unsigned look = bytes | (unsigned)access << 14; /* bytes: at most 4096 */

	if (PAGEWALK_LIKELY(!known))
		return;
	if (PAGEWALK_UNLIKELY(known->look != look)) {
		cpu_find_pc(cpu, look);
		return;
	}
	cpu->next_pc = known + 1;
	cpu_tell(cpu, cpu->block->va + known->offset);
}

#endif
