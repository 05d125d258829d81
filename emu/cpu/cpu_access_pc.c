/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The instruction of every access, for a trace. Finding it takes a few hundred nanoseconds
 * (cpu_locate.c), and the n-th access of a block is made by the same instruction each time: it is
 * found once and remembered for the block as it was decoded. What instructions do as their operands
 * demand (maskmovdqu stores some of its bytes) would shift those behind it: kind and size must be
 * the remembered ones too, or it is looked for again.
 *
 * Halves of 128-bit accesses can be mistaken for those of a neighbour (cpu_locate.c), not the same
 * way each time: so events of this access are given what the trace was given.
 */

#include "emu/cpu/cpu_internal.h"

enum { MEMO_BLOCKS = 1 << 13, MEMO_ACCESSES = 32 };

struct remembered_pc {
	uint16_t offset; /* from the block's start */
	uint8_t bytes, access;
};

struct remembered_block {
	va_t va;
	uint64_t generation;
	unsigned known; /* of the accesses, from the first on */
	struct remembered_pc access[MEMO_ACCESSES];
};

struct cpu_pc_memo {
	uint64_t blocks; /* as the machine counts them: is it still the same execution? */
	unsigned next;   /* which access of the block comes next */
	struct remembered_block block[MEMO_BLOCKS];
};

static unsigned count_access(struct cpu_pc_memo *memo, uint64_t blocks)
{
	if (memo->blocks != blocks) {
		memo->blocks = blocks;
		memo->next = 0;
	}
	return memo->next++;
}

static struct remembered_block *remembered(struct cpu_pc_memo *memo, const struct block_info *block)
{
	struct remembered_block *entry = &memo->block[(block->va ^ block->va >> 13) % MEMO_BLOCKS];

	if (entry->va != block->va || entry->generation != block->generation) {
		entry->va = block->va;
		entry->generation = block->generation;
		entry->known = 0;
	}
	return entry;
}

static va_t tell_events(struct cpu *cpu, va_t pc)
{
	const struct machine_counters *counters = &cpu->machine->counters;

	cpu->located_pc = pc;
	cpu->located_at = counters->loads + counters->stores;
	return pc;
}

va_t cpu_access_pc(struct cpu *cpu, enum access_kind access, unsigned bytes)
{
	const struct block_info *block = cpu->block;
	struct remembered_block *entry;
	struct remembered_pc *one;
	unsigned index;
	va_t pc;

	if (!cpu->pc_memo)
		cpu->pc_memo = host_zalloc(cpu->machine->alloc, 1, sizeof(*cpu->pc_memo));
	if (!cpu->pc_memo || !block->generation)
		return cpu_current_pc(cpu);
	index = count_access(cpu->pc_memo, cpu->machine->counters.blocks);
	if (index >= MEMO_ACCESSES || cpu->charging_held)
		return cpu_current_pc(cpu);
	entry = remembered(cpu->pc_memo, block);
	one = &entry->access[index];
	if (index < entry->known && one->bytes == (uint8_t)bytes && one->access == access)
		return tell_events(cpu, block->va + one->offset);
	pc = cpu_current_pc(cpu);
	if (index <= entry->known && pc - block->va < block->bytes) {
		*one = (struct remembered_pc){ (uint16_t)(pc - block->va), (uint8_t)bytes,
					       (uint8_t)access };
		entry->known = index + 1;
	}
	return pc;
}
