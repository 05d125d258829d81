/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which instruction makes the access under way, and, once it has faulted, at which byte. Asked
 * for events and signals only, never for an access that hits.
 */

#include "emu/cpu/cpu_internal.h"

static uint64_t read_register(void *ctx, int reg)
{
	struct cpu *cpu = ctx;
	uint64_t value = 0;

	if (reg == OPERAND_FS_BASE)
		uc_reg_read(cpu->uc, UC_X86_REG_FS_BASE, &value);
	else if (reg == OPERAND_GS_BASE)
		uc_reg_read(cpu->uc, UC_X86_REG_GS_BASE, &value);
	else
		uc_reg_read(cpu->uc, cpu_gpr_ids[reg], &value);
	return value;
}

static const struct insn_operands *operands_at(struct cpu *cpu, va_t va)
{
	struct insn_operands *insn;
	const uint8_t *code;
	unsigned available;
	bool fresh;

	insn = operand_cache_slot(cpu->operands, va, &fresh);
	if (fresh)
		return insn;
	code = cpu_code_at(cpu, va, &available);
	operand_decode(cpu->operands, insn, code, code ? available : 0);
	return insn;
}

bool cpu_instruction_reaches(struct cpu *cpu, va_t rip, const struct operand_target *target,
			     va_t *byte)
{
	return operand_reaches(operands_at(cpu, rip), target, read_register, cpu, byte);
}

/* The first instruction of [rip, end) that reaches the target; `end` if none does. */
static va_t search(struct cpu *cpu, va_t rip, va_t end, const struct operand_target *target)
{
	va_t byte;

	while (rip < end) {
		const struct insn_operands *insn = operands_at(cpu, rip);

		/* one without bytes lies across pages, or Capstone does not know it */
		if (!insn->bytes || operand_reaches(insn, target, read_register, cpu, &byte))
			return rip;
		rip += insn->bytes;
	}
	return end;
}

/* A block that loops leaves RIP where the last round set it: look behind it, then before it. */
va_t cpu_locate(struct cpu *cpu, const struct operand_target *target, bool *found)
{
	va_t start = cpu->block->va, end = start + cpu->block->bytes, rip = cpu_read_rip(cpu), at;

	if (rip < start || rip >= end)
		rip = start;
	at = search(cpu, rip, end, target);
	*found = at != end;
	if (*found)
		return at;
	at = search(cpu, start, rip, target);
	*found = at != rip;
	return at;
}

/* Several events of one access ask for the same PC. */
va_t cpu_current_pc(struct cpu *cpu)
{
	const struct machine_counters *counters = &cpu->machine->counters;
	uint64_t now = counters->loads + counters->stores;
	bool found;

	if (cpu->entering)
		return cpu->entering;
	if (cpu->charging_held)
		return cpu->held_pc;
	if (cpu->fetching)
		return cpu_read_rip(cpu);
	if (cpu->located_at != now) {
		const struct operand_target target = { cpu->accessing,
						       cpu->filling ? FRAME_BYTES : 1 };

		cpu->machine->access_pc = cpu_locate(cpu, &target, &found);
		cpu->located_at = now;
	}
	return cpu->machine->access_pc;
}
