/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lists of what is known of blocks. See cpu_access_pc.h.
 *
 * block_info.pcs is where a block's list starts among all entries. Before it is an entry that tells
 * how many it has room for; behind the known ones is one whose look is 0. A list that needs more
 * room moves to the end; when there is no end any more, all lists are forgotten.
 *
 *     0        1                   pcs
 *     nothing  nothing  ... | room | offset look | offset look | 0 0 | ... | room | ...
 *     yet      more
 */

#include "emu/cpu/cpu_access_pc.h"

#include <assert.h>

enum {
	NOTHING_YET,  /* pcs of a block without a list */
	NOTHING_MORE, /* next_pc behind an access that could not be remembered */
	FIRST_LIST,
	ENTRIES = 1 << 20,
	ENTRIES_OF_LIST = 4, /* first; twice as many each time */
	ACCESSES_MAX = 1024  /* in a list */
};

struct cpu_pc_memo {
	uint32_t used;
	struct known_pc entry[ENTRIES];
};

int cpu_pc_memo_create(struct cpu *cpu)
{
	cpu->pc_memo = host_zalloc(cpu->machine->alloc, 1, sizeof(*cpu->pc_memo));
	if (!cpu->pc_memo)
		return PW_NOMEM;
	cpu->pc_memo->used = FIRST_LIST;
	cpu_start_pcs(cpu);
	return PW_OK;
}

void cpu_start_pcs(struct cpu *cpu)
{
	cpu->next_pc = &cpu->pc_memo->entry[cpu->block->pcs];
}

/* The access is one of the block's, but not one to be remembered. */
static void skip(struct cpu *cpu)
{
	if (cpu->next_pc->look)
		cpu->next_pc++;
	else
		cpu->next_pc = &cpu->pc_memo->entry[NOTHING_MORE];
}

/* --- lists ----------------------------------------------------------------------------------- */

static bool allocate_list(struct cpu_pc_memo *memo, struct block_info *block, unsigned entries)
{
	if (memo->used + entries > ENTRIES)
		return false;
	block->pcs = memo->used + 1;
	memo->entry[memo->used].offset = (uint16_t)(entries - 2); /* the room and the end */
	memo->used += entries;
	return true;
}

/* The list will have `index` accesses that it has already, and one more. */
static bool make_room(struct cpu *cpu, struct block_info *block, unsigned index)
{
	struct cpu_pc_memo *memo = cpu->pc_memo;
	const struct known_pc *old = &memo->entry[block->pcs];
	unsigned room = block->pcs == NOTHING_YET ? 0 : old[-1].offset;

	if (index < room)
		return true;
	if (!allocate_list(memo, block, room ? 2 * (room + 2) : ENTRIES_OF_LIST)) {
		memo->used = FIRST_LIST;
		block_cache_forget_pcs(cpu->blocks);
		return false;
	}
	__builtin_memcpy(&memo->entry[block->pcs], old, index * sizeof(*old));
	return true;
}

static void remember(struct cpu *cpu, unsigned look, va_t pc)
{
	struct cpu_pc_memo *memo = cpu->pc_memo;
	struct block_info *block = cpu->block;
	size_t index = (size_t)(cpu->next_pc - &memo->entry[block->pcs]);
	struct known_pc *entry;

	if (!block->generation || pc - block->va >= block->bytes ||
	    cpu->next_pc == &memo->entry[NOTHING_MORE] || index >= ACCESSES_MAX) {
		skip(cpu);
		return;
	}
	if (!make_room(cpu, block, (unsigned)index)) {
		cpu->next_pc = &memo->entry[NOTHING_MORE];
		return;
	}
	entry = &memo->entry[block->pcs + index];
	entry[0] = (struct known_pc){ (uint16_t)(pc - block->va), (uint16_t)look };
	entry[1] = (struct known_pc){ 0 };
	cpu->next_pc = &entry[1];
}

/* --- telling --------------------------------------------------------------------------------- */

void cpu_find_pc(struct cpu *cpu, unsigned look)
{
	const struct operand_target target = { cpu->accessing, 1 };
	bool found;
	va_t pc = cpu_locate(cpu, &target, &found);

	remember(cpu, look, pc);
	cpu_tell(cpu, pc);
}

void cpu_tell_held_pc(struct cpu *cpu)
{
	if (!cpu->pc_memo)
		return;
	skip(cpu);
	cpu_tell(cpu, cpu->held_pc);
}
