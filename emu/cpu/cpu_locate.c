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

bool cpu_instruction_reaches(struct cpu *cpu, va_t rip, const struct operand_target *target, va_t *byte)
{
	return operand_reaches(operands_at(cpu, rip), target, read_register, cpu, byte);
}

va_t cpu_locate(struct cpu *cpu, const struct operand_target *target, bool *found)
{
	va_t end = cpu->block->va + cpu->block->bytes, rip = cpu_read_rip(cpu), start, byte;

	if (rip < cpu->block->va || rip >= end)
		rip = cpu->block->va;
	start = rip;
	*found = true;
	while (rip < end) {
		const struct insn_operands *insn = operands_at(cpu, rip);

		if (operand_reaches(insn, target, read_register, cpu, &byte))
			return rip;
		if (!insn->bytes)
			return rip; /* it lies across pages, or Capstone does not know it */
		rip += insn->bytes;
	}
	*found = false;
	return start;
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

		cpu->located_pc = cpu_locate(cpu, &target, &found);
		cpu->located_at = now;
	}
	return cpu->located_pc;
}
