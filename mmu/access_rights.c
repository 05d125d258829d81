/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The error code of a page fault on x86. What a translation allows is inline in access_rights.h.
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A, chapter
 * "Paging" (edition of December 2023), section "Page-Fault Exceptions".
 */

#include "mmu/access_rights.h"

enum error_code_bits {
	ERROR_PRESENT = 1 << 0,
	ERROR_WRITE = 1 << 1,
	ERROR_USER = 1 << 2,
	ERROR_RESERVED = 1 << 3,
	ERROR_FETCH = 1 << 4,
};

/*
 * FAULT_NON_CANONICAL is a general-protection or stack fault with error code 0. The kinds that x86
 * does not have (software-managed A and D, aliases) read as a fault on a present page.
 */
uint32_t x86_error_code(const struct mmu_controls *controls, enum cpu_mode mode,
			enum access_kind access, enum fault_kind kind)
{
	uint32_t code = 0;

	if (kind == FAULT_NONE || kind == FAULT_NON_CANONICAL)
		return 0;
	if (kind != FAULT_NOT_PRESENT)
		code |= ERROR_PRESENT;
	if (kind == FAULT_RESERVED)
		code |= ERROR_RESERVED;
	if (access == ACCESS_WRITE)
		code |= ERROR_WRITE;
	if (mode == MODE_USER)
		code |= ERROR_USER;
	if (access == ACCESS_FETCH && (controls->no_execute || controls->smep))
		code |= ERROR_FETCH;
	return code;
}
