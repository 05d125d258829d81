/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Instructions that the guest must not see the emulator or the host through: the time-stamp
 * counter is guest time (one tick an instruction, a 1 GHz TSC), rdrand comes from the seed, and
 * what is privileged at CPL 3 is refused although the emulated CPU runs at CPL 0.
 */

#include "emu/cpu/cpu_internal.h"

#include <string.h>

#include "mmu/prng.h"

enum { RFLAGS_CF = 1, RFLAGS_ARITHMETIC = 0x8d5 /* CF PF AF ZF SF OF */ };

static void write_gpr(struct cpu_regs *regs, unsigned gpr, unsigned bytes, uint64_t value)
{
	if (bytes == 2)
		regs->gpr[gpr] = (regs->gpr[gpr] & ~0xffffull) | (value & 0xffff);
	else
		regs->gpr[gpr] = bytes == 4 ? value & 0xffffffffu : value;
}

static void read_tsc(struct cpu *cpu)
{
	uint64_t now = cpu->machine->counters.instructions;

	cpu->regs.gpr[GPR_RAX] = now & 0xffffffffu;
	cpu->regs.gpr[GPR_RDX] = now >> 32;
}

enum guest_action cpu_raise(struct cpu *cpu, enum cpu_exception exception)
{
	struct cpu_stop stop = { .exception = exception, .outcome = cpu->outcome };

	cpu_load_fx(cpu);
	return cpu->guest->ops->exception(cpu->guest, &cpu->regs, &stop);
}

/* RIP stands at the instruction. One that traps does not retire. */
enum guest_action cpu_execute_special(struct cpu *cpu)
{
	struct cpu_regs *regs = &cpu->regs;
	struct special_insn insn = { .kind = SPECIAL_PRIVILEGED };
	unsigned available;
	const uint8_t *code = cpu_code_at(cpu, regs->rip, &available);

	if (code)
		block_special_at(cpu->blocks, code, available, regs->rip, &insn);
	cpu_cut_block(cpu, insn.kind != SPECIAL_PRIVILEGED && insn.kind != SPECIAL_NONE);
	switch (insn.kind) {
	case SPECIAL_RDTSCP:
		regs->gpr[GPR_RCX] = 0; /* IA32_TSC_AUX: CPU 0, node 0 */
		read_tsc(cpu);
		break;
	case SPECIAL_RDTSC:
		read_tsc(cpu);
		break;
	case SPECIAL_RDRAND:
		write_gpr(regs, insn.gpr, insn.operand_bytes, xorshift_next(&cpu->random));
		regs->rflags = (regs->rflags & ~(uint64_t)RFLAGS_ARITHMETIC) | RFLAGS_CF;
		break;
	case SPECIAL_PRIVILEGED:
	case SPECIAL_NONE:
		return cpu_raise(cpu, CPU_PROTECTION);
	}
	regs->rip += insn.bytes;
	return GUEST_CONTINUE;
}
