/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_LIVE_H
#define PAGEWALK_CLI_LIVE_H

/*
 * A program on the live CPU, ready to run: what `pagewalk run` and `pagewalk explain` share.
 *
 * SIGINT, SIGTERM and SIGHUP end the run at the next block that an alarm looks at; a second one
 * ends the process at once, as SIGKILL does.
 */

#include "analysis/identity.h"
#include "cli/session.h"
#include "emu/cpu/cpu.h"
#include "traces/trace.h"

struct live {
	struct session session;
	struct run_options options; /* db NULL: nothing is recorded */
	struct guest *guest;
	struct cpu *cpu;
	struct trace_writer *trace;
	struct machine_alarm limit, interrupt;
	char **env; /* heap; the strings are not */
	struct identities identities;
	/* A file was mapped; NULL: nobody asks. */
	void (*mapped)(struct live *live, va_t start, uint64_t length, const char *path);
};

/* From options to a loaded program and its CPU. Complains and returns an exit status, or 0. */
int live_start(struct live *live, struct cpu_regs *regs);
/* Harmless after a live_start() that failed. */
void live_release(struct live *live);
int live_interrupted(void); /* the signal that was caught, or 0 */

#endif
