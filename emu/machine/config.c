/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "emu/machine/config.h"

#include <string.h>

void machine_config_default(struct machine_config *config)
{
	memset(config, 0, sizeof(*config));
	strcpy(config->name, "default");
	config->cpi = 1;
	mmu_config_default(&config->mmu);
	kernel_config_default(&config->kernel);
}

int machine_config_check(const struct machine_config *config, struct config_complaint *complaint)
{
	int error;

	if (config->cpi < 1 || config->cpi > 1000) {
		strcpy(complaint->field, "cpi");
		complaint->must_be = "from 1 to 1000 base cycles per instruction";
		return PW_INVALID;
	}
	error = mmu_config_check(&config->mmu, complaint);
	return error ? error : kernel_config_check(&config->kernel, complaint);
}
