/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_MACHINE_CONFIG_H
#define PAGEWALK_EMU_MACHINE_CONFIG_H

/* A whole machine description: hardware, operating system, and the parameter of base cycles. */

#include "emu/kernel/config.h"
#include "mmu/config.h"

struct machine_config {
	char name[CONFIG_NAME_MAX];
	unsigned cpi; /* base cycles per instruction: a parameter, not a prediction */
	struct mmu_config mmu;
	struct kernel_config kernel;
};

void machine_config_default(struct machine_config *config);
int machine_config_check(const struct machine_config *config, struct config_complaint *complaint);

#endif
