/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_ACCESS_RIGHTS_H
#define PAGEWALK_MMU_ACCESS_RIGHTS_H

/*
 * What a translation allows, on x86. Pure arithmetic, inline since every walk asks.
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A, chapter
 * "Paging" (edition of December 2023), section "Determination of Access Rights". Not modelled:
 * protection keys (PKU, PKS), shadow stacks, SGX, implicit supervisor accesses (which ignore
 * EFLAGS.AC).
 */

#include "mmu/walk.h"

static inline bool data_access_allowed(const struct mmu_controls *controls, enum cpu_mode mode,
				       enum access_kind access, uint8_t perms)
{
	if (!(perms & PERM_READ))
		return false;
	if (mode == MODE_USER)
		return (perms & PERM_USER) && (access == ACCESS_READ || (perms & PERM_WRITE));
	if (mode == MODE_SUPERVISOR && controls->smap && (perms & PERM_USER))
		return false;
	return access == ACCESS_READ || (perms & PERM_WRITE) || !controls->write_protect;
}

static inline bool access_allowed(const struct mmu_controls *controls, enum cpu_mode mode,
				  enum access_kind access, uint8_t perms)
{
	if (access != ACCESS_FETCH)
		return data_access_allowed(controls, mode, access, perms);
	if (!(perms & PERM_EXEC))
		return false;
	if (mode == MODE_USER)
		return perms & PERM_USER;
	return !(controls->smep && (perms & PERM_USER));
}

/* The error code that x86 pushes for a fault of this kind. */
uint32_t x86_error_code(const struct mmu_controls *controls, enum cpu_mode mode,
			enum access_kind access, enum fault_kind kind);

#endif
