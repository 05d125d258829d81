/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_FNV1A_H
#define PAGEWALK_MMU_FNV1A_H

/*
 * FNV-1a with 64 bits (Fowler, Noll and Vo): digests by which equal things are recognised and damage is
 * noticed; nobody is kept from forging one. Start with FNV1A_START and hand the sum on.
 */

#include <stddef.h>
#include <stdint.h>

#define FNV1A_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t fnv1a(uint64_t sum, const void *bytes, size_t count)
{
	const uint8_t *byte = (const uint8_t *)bytes;

	while (count--)
		sum = (sum ^ *byte++) * UINT64_C(0x100000001b3);
	return sum;
}

#endif
