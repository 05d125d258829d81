/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_CPU_CPU_H
#define PAGEWALK_EMU_CPU_CPU_H

/*
 * The live CPU: Unicorn executes the guest's instructions, and every fetch, load and store is
 * translated and charged by the machine. One of the machine's two drivers.
 */

#include "emu/machine/guest.h"

enum cpu_instrument {
	CPU_MEASURE, /* every access is charged */
	CPU_TRANSLATE_ONLY, /* no memory hooks: translated at fills, instructions counted, nearly Unicorn's speed */
	CPU_EMPTY_HOOKS, /* hooks that do nothing: what bench/live compares with */
	CPU_NO_HOOKS,    /* the fill hook alone: Unicorn's own speed; nothing is counted */
};

struct cpu_config {
	enum cpu_instrument instrument;
	uint64_t seed; /* of rdrand and rdseed */
	bool access_pcs; /* the machine is told the instruction of every access (machine->access_pc) */
};

enum cpu_end {
	CPU_GUEST_ENDED, /* guest->exit_status and exit_signal say how */
	CPU_STOPPED,     /* cpu_stop() was called */
	CPU_FAILED,      /* the emulator failed: cpu_failure() says how */
};

struct cpu;

/* Registers itself with the machine and the guest. PW_NOMEM, PW_UNSUPPORTED (*what: static text). */
int cpu_create(struct cpu **out, struct machine *machine, struct guest *guest,
	       const struct cpu_config *config, const char **what);
void cpu_destroy(struct cpu *cpu);

enum cpu_end cpu_run(struct cpu *cpu, const struct cpu_regs *start);
/* From an alarm: stop before the block that is about to start. */
void cpu_stop(struct cpu *cpu);
const char *cpu_failure(const struct cpu *cpu);
/* Emulator in use, for the record of a run: "unicorn 2.1.1". */
const char *cpu_emulator(void);

#endif
