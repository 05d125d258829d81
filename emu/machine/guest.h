/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_MACHINE_GUEST_H
#define PAGEWALK_EMU_MACHINE_GUEST_H

/*
 * What a CPU (emu/cpu) and an operating-system personality (emu/linux) know of each other. The
 * personality sees registers as data and never the emulator; the CPU sees a guest that answers
 * system calls and exceptions and never a file descriptor.
 */

#include "emu/machine/machine.h"

enum cpu_gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_R8,
	GPR_R9,
	GPR_R10,
	GPR_R11,
	GPR_R12,
	GPR_R13,
	GPR_R14,
	GPR_R15,
	GPR_COUNT
};

enum { CPU_FXSAVE_BYTES = 512 };

struct cpu_regs {
	uint64_t gpr[GPR_COUNT];
	uint64_t rip, rflags, fs_base, gs_base;
	/*
	 * x87 and SSE state as FXSAVE lays it out (Intel SDM 2A, FXSAVE, 64-bit form with REX.W).
	 * Loaded by the CPU before guest_ops.exception(); in syscall() only when the guest calls
	 * guest->load_fx(), which few calls need. Stored back when fx_dirty is set.
	 */
	uint8_t fx[CPU_FXSAVE_BYTES];
	bool fx_dirty;
};

/* Why the CPU stopped the guest, other than a system call. */
enum cpu_exception {
	CPU_PAGE_FAULT, /* outcome: what the kernel model made of it; error_code as x86 */
	CPU_DIVIDE,     /* #DE */
	CPU_BREAKPOINT, /* int3, RIP after it */
	CPU_UNDEFINED,  /* #UD */
	CPU_PROTECTION, /* #GP: privileged instruction, non-canonical address */
	CPU_FLOAT,      /* #MF, #XM */
	CPU_TIMER,      /* nothing wrong: a boundary that the guest asked for (guest->wake_at) */
};

struct cpu_stop {
	enum cpu_exception exception;
	struct fault_outcome outcome; /* CPU_PAGE_FAULT */
	uint32_t error_code;
};

enum guest_action { GUEST_CONTINUE, GUEST_ENDED };

struct cpu;
struct guest;
struct guest_ops {
	const char *name;
	/* RIP is after the instruction. The result goes into RAX unless the call replaced all. */
	enum guest_action (*syscall)(struct guest *guest, struct cpu_regs *regs);
	/* Delivers a signal to a handler (regs then stand at its start), or ends the guest. */
	enum guest_action (*exception)(struct guest *guest, struct cpu_regs *regs,
				       const struct cpu_stop *stop);
};

struct guest {
	const struct guest_ops *ops;
	struct machine *machine;
	uint64_t wake_at; /* instruction count at which CPU_TIMER is wanted; UINT64_MAX: never */
	/*
	 * Set by the CPU. A guest calls it when it needs regs->fx inside syscall() (a signal frame
	 * is built or taken down); before exception() the CPU has done so itself.
	 */
	void (*load_fx)(struct guest *guest, struct cpu_regs *regs);
	struct cpu *cpu; /* set by the CPU, for itself */
	/* --- valid after GUEST_ENDED --- */
	int exit_status;
	int exit_signal; /* 0: exited by itself */
};

#endif
