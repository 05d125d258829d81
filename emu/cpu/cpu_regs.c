/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Registers between Unicorn and struct cpu_regs. Only what changed is stored back: writing some
 * of them (RIP, segment bases) costs more than reading all.
 */

#include "emu/cpu/cpu_internal.h"

#include <string.h>

int cpu_gpr_ids[GPR_COUNT] = {
	UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
	UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
	UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
	UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15,
};

uint64_t cpu_read_rip(struct cpu *cpu)
{
	uint64_t rip = 0;

	uc_reg_read(cpu->uc, UC_X86_REG_RIP, &rip);
	return rip;
}

void cpu_write_rip(struct cpu *cpu, uint64_t rip)
{
	uc_reg_write(cpu->uc, UC_X86_REG_RIP, &rip);
}

void cpu_load_regs(struct cpu *cpu)
{
	struct cpu_regs *regs = &cpu->regs;
	void *values[GPR_COUNT];

	for (int i = 0; i < GPR_COUNT; i++) {
		regs->gpr[i] = 0;
		values[i] = &regs->gpr[i];
	}
	uc_reg_read_batch(cpu->uc, cpu_gpr_ids, values, GPR_COUNT);
	regs->rip = cpu_read_rip(cpu);
	regs->rflags = 0;
	uc_reg_read(cpu->uc, UC_X86_REG_RFLAGS, &regs->rflags);
	uc_reg_read(cpu->uc, UC_X86_REG_FS_BASE, &regs->fs_base);
	uc_reg_read(cpu->uc, UC_X86_REG_GS_BASE, &regs->gs_base);
	regs->fx_dirty = false;
	memcpy(&cpu->loaded, regs, offsetof(struct cpu_regs, fx));
}

/*
 * FXSAVE image (Intel SDM 2A, FXSAVE):
 *   0 FCW  2 FSW  4 abridged FTW  6 FOP  8 FIP  16 FDP  24 MXCSR  28 MXCSR_MASK
 *   32 + 16 i  ST(i), 10 bytes     160 + 16 i  XMM(i)
 */
enum { FX_FCW = 0, FX_FSW = 2, FX_FTW = 4, FX_MXCSR = 24, FX_MASK = 28, FX_ST = 32, FX_XMM = 160 };

/* The abridged tag has one bit a register in use; the full one two bits, 3 for empty. */
static uint8_t abridge_tag(uint16_t full)
{
	unsigned abridged = 0;

	for (unsigned i = 0; i < 8; i++)
		abridged |= (unsigned)((full >> 2 * i & 3) != 3) << i;
	return (uint8_t)abridged;
}

static uint16_t widen_tag(uint8_t abridged)
{
	unsigned full = 0;

	for (unsigned i = 0; i < 8; i++)
		full |= (abridged >> i & 1 ? 0u : 3u) << 2 * i;
	return (uint16_t)full;
}

void cpu_load_fx(struct cpu *cpu)
{
	uint8_t *fx = cpu->regs.fx;
	uint32_t mxcsr = 0, mask = 0xffff;
	uint16_t tag = 0;

	memset(fx, 0, CPU_FXSAVE_BYTES);
	uc_reg_read(cpu->uc, UC_X86_REG_FPCW, fx + FX_FCW);
	uc_reg_read(cpu->uc, UC_X86_REG_FPSW, fx + FX_FSW);
	uc_reg_read(cpu->uc, UC_X86_REG_FPTAG, &tag);
	fx[FX_FTW] = abridge_tag(tag);
	uc_reg_read(cpu->uc, UC_X86_REG_MXCSR, &mxcsr);
	memcpy(fx + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(fx + FX_MASK, &mask, sizeof(mask));
	for (int i = 0; i < 8; i++)
		uc_reg_read(cpu->uc, UC_X86_REG_ST0 + i, fx + FX_ST + 16 * i);
	for (int i = 0; i < 16; i++)
		uc_reg_read(cpu->uc, UC_X86_REG_XMM0 + i, fx + FX_XMM + 16 * i);
}

/* Unicorn starts with control words of 0: single precision, every exception unmasked. */
void cpu_reset_fx(struct cpu *cpu)
{
	static const uint16_t control = 0x37f;
	static const uint32_t mxcsr = 0x1f80;
	struct cpu_regs *regs = &cpu->regs;

	memset(regs->fx, 0, CPU_FXSAVE_BYTES);
	memcpy(regs->fx + FX_FCW, &control, sizeof(control));
	memcpy(regs->fx + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	regs->fx_dirty = true;
}

static void store_fx(struct cpu *cpu)
{
	const uint8_t *fx = cpu->regs.fx;
	uint16_t tag = widen_tag(fx[FX_FTW]);

	uc_reg_write(cpu->uc, UC_X86_REG_FPCW, fx + FX_FCW);
	uc_reg_write(cpu->uc, UC_X86_REG_FPSW, fx + FX_FSW);
	for (int i = 0; i < 8; i++)
		uc_reg_write(cpu->uc, UC_X86_REG_ST0 + i, fx + FX_ST + 16 * i);
	uc_reg_write(cpu->uc, UC_X86_REG_FPTAG, &tag);
	uc_reg_write(cpu->uc, UC_X86_REG_MXCSR, fx + FX_MXCSR);
	for (int i = 0; i < 16; i++)
		uc_reg_write(cpu->uc, UC_X86_REG_XMM0 + i, fx + FX_XMM + 16 * i);
}

void cpu_store_regs(struct cpu *cpu)
{
	const struct cpu_regs *regs = &cpu->regs, *loaded = &cpu->loaded;

	for (int i = 0; i < GPR_COUNT; i++)
		if (regs->gpr[i] != loaded->gpr[i])
			uc_reg_write(cpu->uc, cpu_gpr_ids[i], &regs->gpr[i]);
	if (regs->rflags != loaded->rflags)
		uc_reg_write(cpu->uc, UC_X86_REG_RFLAGS, &regs->rflags);
	if (regs->fs_base != loaded->fs_base)
		uc_reg_write(cpu->uc, UC_X86_REG_FS_BASE, &regs->fs_base);
	if (regs->gs_base != loaded->gs_base)
		uc_reg_write(cpu->uc, UC_X86_REG_GS_BASE, &regs->gs_base);
	if (regs->rip != loaded->rip)
		cpu_write_rip(cpu, regs->rip);
	if (regs->fx_dirty)
		store_fx(cpu);
}
